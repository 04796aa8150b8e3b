//! The bare disk: bytes appended to a growing file and synced, one by one.

use super::BenchError;
use super::latency::{Latencies, Quantiles};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

/// The bare disk. It is asked again and again during a run, so that it meets the same weather as what stands beside it.
pub(super) struct Fdatasync {
    file: File,
    block: Vec<u8>,
    latencies: Latencies,
}

impl Fdatasync {
    pub(super) fn new(path: &Path, payload_bytes: usize) -> Result<Self, BenchError> {
        let (file, block) = (File::create(path)?, vec![7; payload_bytes]);
        Ok(Self { file, block, latencies: Latencies::new()? })
    }

    pub(super) fn probe(&mut self, rounds: u64) -> Result<(), BenchError> {
        for _ in 0..rounds {
            let started = Instant::now();
            self.file.write_all(&self.block)?;
            self.file.sync_data()?;
            self.latencies.record(started.elapsed());
        }
        Ok(())
    }

    pub(super) fn median_micros(&self) -> f64 {
        self.latencies.median_micros()
    }

    pub(super) fn quantiles(&self) -> Quantiles {
        self.latencies.quantiles("append and sync")
    }

    pub(super) fn count(&self) -> u64 {
        self.latencies.count()
    }
}
