//! The report: a row for each workload, what it stands beside, and whether the aim is met.

use super::latency::Quantiles;
use super::machine::Conditions;
use serde::Serialize;
use std::path::PathBuf;

/// What was measured, on which machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The machine and what else the figures depend on.
    pub conditions: Conditions,
    /// The rows to compare with, then the workloads in their order.
    pub rows: Vec<Row>,
    /// Where the ledgers are, where they were to be kept.
    pub kept: Option<PathBuf>,
}

impl Report {
    /// The row of that name.
    #[cfg(test)]
    #[must_use]
    pub fn row(&self, workload: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.workload == workload)
    }
}

/// One figure with what it stands beside. Figures are missing only where the system can't tell them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The stable name.
    pub workload: &'static str,
    /// The figure.
    pub value: Option<f64>,
    /// Its unit.
    pub unit: &'static str,
    /// What it stands beside.
    pub beside: &'static str,
    /// That, in the same unit.
    pub baseline: Option<f64>,
    /// Value / baseline.
    pub ratio: Option<f64>,
    /// What is aimed at.
    pub aim: Option<&'static str>,
    /// Whether it was reached; missing where the run was too small to tell.
    pub met: Option<bool>,
    /// What SQLite gives in the same unit, where it is not what the row stands beside.
    pub sqlite: Option<f64>,
    /// Value / SQLite's.
    pub sqlite_ratio: Option<f64>,
    /// Latencies in microseconds.
    #[serde(flatten)]
    pub latency: Option<Quantiles>,
    /// Commands, events, questions: how many were measured.
    pub count: u64,
    /// Seconds that they took; 0 where only single latencies were looked at.
    pub seconds: f64,
    /// What else is to be known.
    pub note: String,
}

/// What a row stands beside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Beside {
    /// Microseconds beside the median of bare syncs, in microseconds.
    Sync(f64),
    /// Nanoseconds beside that.
    SyncNanos(f64),
    /// Something a second beside bare syncs a second.
    SyncsPerSecond(f64),
    /// Something, named, of this size.
    That(&'static str, Option<f64>),
}

/// What is aimed at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Aim {
    pub(super) text: &'static str,
    pub(super) bound: Bound,
    /// Whether what it says beyond the bound holds.
    pub(super) besides: Option<bool>,
    /// Whether so much was measured that the aim can be judged.
    pub(super) size: Size,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bound {
    RatioAtMost(f64),
    RatioAtLeast(f64),
    ValueAtMost(f64),
    ValueAtLeast(f64),
    /// What is aimed at is not the row's figure.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Full,
    TooSmall,
}

impl Size {
    pub(super) const fn of(measured: u64, meant: u64) -> Self {
        if measured >= meant { Self::Full } else { Self::TooSmall }
    }
}

impl Aim {
    pub(super) const fn new(text: &'static str, bound: Bound) -> Self {
        Self { text, bound, besides: None, size: Size::Full }
    }

    /// A bound of the value is judged even where there is nothing to stand beside.
    fn met(&self, value: f64, ratio: Option<f64>) -> Option<bool> {
        let bound = match self.bound {
            Bound::RatioAtMost(most) => ratio? <= most,
            Bound::RatioAtLeast(least) => ratio? >= least,
            Bound::ValueAtMost(most) => value <= most,
            Bound::ValueAtLeast(least) => value >= least,
            Bound::Other => true,
        };
        (self.size == Size::Full).then(|| bound && self.besides != Some(false))
    }
}

/// What a row is made of.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) workload: &'static str,
    pub(super) value: Option<f64>,
    pub(super) unit: &'static str,
    pub(super) beside: Beside,
    pub(super) aim: Option<Aim>,
    pub(super) sqlite: Option<f64>,
    pub(super) latency: Option<Quantiles>,
    pub(super) count: u64,
    pub(super) seconds: f64,
    pub(super) note: String,
}

impl Draft {
    pub(super) const fn new(workload: &'static str, value: Option<f64>, unit: &'static str, beside: Beside) -> Self {
        let note = String::new();
        Self { workload, value, unit, beside, aim: None, sqlite: None, latency: None, count: 0, seconds: 0.0, note }
    }

    /// The row.
    pub(super) fn finish(self) -> Row {
        let (beside, baseline) = match self.beside {
            Beside::Sync(micros) => ("fdatasync median", Some(micros)),
            Beside::SyncNanos(micros) => ("fdatasync median", Some(micros * 1e3)),
            Beside::SyncsPerSecond(micros) => ("fdatasync median", Some(1e6 / micros)),
            Beside::That(name, baseline) => (name, baseline),
        };
        let (value, baseline, sqlite) = (self.value.map(rounded), baseline.map(rounded), self.sqlite.map(rounded));
        let quotient = |below: Option<f64>| value.zip(below).map(|(value, below)| value / below);
        let ratio = quotient(baseline);
        Row {
            workload: self.workload,
            value,
            unit: self.unit,
            beside,
            baseline,
            ratio: ratio.map(rounded),
            aim: self.aim.map(|aim| aim.text),
            met: self.aim.zip(value).and_then(|(aim, value)| aim.met(value, ratio)),
            sqlite,
            sqlite_ratio: quotient(sqlite).map(rounded),
            latency: self.latency.map(|latency| latency.each(rounded)),
            count: self.count,
            seconds: rounded(self.seconds),
            note: self.note,
        }
    }
}

/// Five digits, or all before the point: more would be noise.
fn rounded(figure: f64) -> f64 {
    if figure == 0.0 || !figure.is_finite() {
        return 0.0;
    }
    let digits = (4.0 - figure.abs().log10().floor()).max(0.0);
    let scale = 10f64.powf(digits);
    (figure * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_what_it_stands_beside_and_whether_its_aim_is_met() {
        let aim = Aim::new("≤ 1.5 ×", Bound::RatioAtMost(1.5));
        let draft =
            |value| Draft { aim: Some(aim), ..Draft::new("one_caller", Some(value), "µs", Beside::Sync(200.0)) };
        let row = draft(290.0).finish();
        assert_eq!((row.baseline, row.ratio, row.met), (Some(200.0), Some(1.45), Some(true)));
        assert_eq!(draft(310.0).finish().met, Some(false));
        let small = Draft { aim: Some(Aim { size: Size::TooSmall, ..aim }), ..draft(290.0) };
        assert_eq!(small.finish().met, None, "too little was measured to tell");
        let late = Draft { aim: Some(Aim { besides: Some(false), ..aim }), ..draft(290.0) };
        assert_eq!(late.finish().met, Some(false), "the other half of the aim was missed");
        let rate = Draft::new("callers_64", Some(100_000.0), "commands/s", Beside::SyncsPerSecond(200.0)).finish();
        assert_eq!((rate.baseline, rate.ratio), (Some(5_000.0), Some(20.0)));
        let alone = Aim::new("≥ 1 M/s", Bound::ValueAtLeast(1e6));
        let draft = |value| Draft {
            aim: Some(alone),
            ..Draft::new("batch_8192", Some(value), "events/s", Beside::That("SQLite", None))
        };
        let met = [2e6, 5e5].map(|value| (draft(value).finish().ratio, draft(value).finish().met));
        assert_eq!(met, [(None, Some(true)), (None, Some(false))], "the value is judged without a ratio");
        let unknown = Draft { value: None, ..draft(1.0) }.finish();
        assert_eq!((unknown.ratio, unknown.met), (None, None));
    }

    #[test]
    fn figures_have_five_digits() {
        let cases = [(123_456.7, 123_457.0), (1.234_567, 1.2346), (0.001_234_56, 0.001_234_6), (0.0, 0.0)];
        for (figure, wanted) in cases {
            assert!((rounded(figure) - wanted).abs() < 1e-12, "{figure}");
        }
    }
}
