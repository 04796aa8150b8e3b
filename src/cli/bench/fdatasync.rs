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
    all: Latencies,
    /// Since [`begin`](Self::begin).
    near: Latencies,
}

impl Fdatasync {
    pub(super) fn new(path: &Path, payload_bytes: usize) -> Result<Self, BenchError> {
        let (file, block) = (File::create(path)?, vec![7; payload_bytes]);
        Ok(Self { file, block, all: Latencies::new()?, near: Latencies::new()? })
    }

    pub(super) fn probe(&mut self, rounds: u64) -> Result<(), BenchError> {
        for _ in 0..rounds {
            let started = Instant::now();
            self.file.write_all(&self.block)?;
            self.file.sync_data()?;
            let took = started.elapsed();
            self.all.record(took);
            self.near.record(took);
        }
        Ok(())
    }

    /// What is asked from now on stands beside the next row.
    pub(super) fn begin(&mut self) -> Result<(), BenchError> {
        self.near = Latencies::new()?;
        Ok(())
    }

    /// The median since it was begun.
    pub(super) fn near_median_micros(&self) -> f64 {
        self.near.median_micros()
    }

    pub(super) fn median_micros(&self) -> f64 {
        self.all.median_micros()
    }

    pub(super) fn quantiles(&self) -> Quantiles {
        self.all.quantiles("append and sync")
    }

    pub(super) fn count(&self) -> u64 {
        self.all.count()
    }
}
