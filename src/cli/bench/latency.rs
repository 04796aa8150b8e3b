//! How long things took, as quantiles.

use super::BenchError;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::time::Duration;

/// Three digits of every duration from a nanosecond to a minute; longer ones count as a minute.
pub(super) struct Latencies(Histogram<u64>);

const NANOS_MAX: u64 = 60_000_000_000;
const DIGITS: u8 = 3;

impl Latencies {
    pub(super) fn new() -> Result<Self, BenchError> {
        let histogram = Histogram::new_with_bounds(1, NANOS_MAX, DIGITS);
        Ok(Self(histogram.map_err(|error| BenchError::Wrong(format!("a histogram can't be made ({error})")))?))
    }

    pub(super) fn record(&mut self, took: Duration) {
        self.0.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(super) fn add(&mut self, other: &Self) {
        // Both have the same bounds, the only thing that could be wrong.
        let _ = self.0.add(&other.0);
    }

    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    pub(super) fn median_nanos(&self) -> f64 {
        self.0.value_at_quantile(0.5) as f64
    }

    pub(super) fn median_micros(&self) -> f64 {
        self.median_nanos() / 1e3
    }

    /// What they are the quantiles of: `command`, `batch`.
    pub(super) fn quantiles(&self, latency_of: &'static str) -> Quantiles {
        let micros = |quantile| self.0.value_at_quantile(quantile) as f64 / 1e3;
        Quantiles { latency_of, p50: micros(0.5), p99: micros(0.99), p999: micros(0.999), max: micros(1.0) }
    }
}

/// Latencies in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quantiles {
    /// What took so long.
    pub latency_of: &'static str,
    /// Half took no longer.
    pub p50: f64,
    /// 99 % took no longer.
    pub p99: f64,
    /// 99.9 % took no longer.
    pub p999: f64,
    /// The slowest.
    pub max: f64,
}

impl Quantiles {
    /// The same with each figure changed.
    pub(super) fn each(self, change: impl Fn(f64) -> f64) -> Self {
        let Self { latency_of, p50, p99, p999, max } = self;
        Self { latency_of, p50: change(p50), p99: change(p99), p999: change(p999), max: change(max) }
    }
}
