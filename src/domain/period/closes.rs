//! The closes of each location, and the period that a line belongs to: both follow from the log alone.

use super::Until;
use crate::domain::event::{Body, Event, PeriodClosed};
use crate::domain::ids::{LocationId, Seq, Timestamp};
use std::collections::BTreeMap;

/// A closed period, as the log has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close {
    /// The event that closed it.
    pub seq: Seq,
    /// Up to where, as it was asked for.
    pub until: Until,
    /// What happened before this instant, and not before the close before, is dated in it.
    pub closed_until: Timestamp,
}

/// Every close of every location, in the order of the log: the state keeps only the last one.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Closes {
    by_location: BTreeMap<LocationId, Vec<Close>>,
}

impl Closes {
    /// Takes the next event of a log; those that close nothing leave no trace.
    pub fn take(&mut self, seq: Seq, event: &Event) {
        if let Body::PeriodClosed(PeriodClosed { location, until, closed_until }) = event.body {
            self.by_location.entry(location).or_default().push(Close { seq, until, closed_until });
        }
    }

    /// The closes of a location, oldest first; seqs and instants both ascend.
    #[must_use]
    pub fn of(&self, location: LocationId) -> &[Close] {
        self.by_location.get(&location).map_or(&[], Vec::as_slice)
    }

    /// Where a line of the event `seq` at this location, dated at this instant, belongs: see [`period_of`].
    #[must_use]
    pub fn period_of(&self, location: LocationId, seq: Seq, at: Timestamp) -> Filed {
        period_of(self.of(location), seq, at)
    }
}

/// Where a line stands in the reports of its location.
///
/// Period 0 goes up to the first close, period *n* from close *n* − 1 (counted from 0) to close *n*; the last one is
/// open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filed {
    /// The period whose figures it is part of.
    pub period: usize,
    /// The closed period that it is dated in, where that is another one: the line is a restatement.
    pub restates: Option<usize>,
}

/// Where a line recorded as event `seq` and dated `at` belongs, given its location's closes.
///
/// It belongs to the period that it is dated in, unless that was closed when the line was recorded: then to the one
/// that was open, as a restatement. Closes that come later never change this for a period that is closed.
#[must_use]
pub fn period_of(closes: &[Close], seq: Seq, at: Timestamp) -> Filed {
    let open = closes.partition_point(|close| close.seq < seq);
    let dated = closes.partition_point(|close| close.closed_until <= at);
    match dated < open {
        true => Filed { period: open, restates: Some(dated) },
        false => Filed { period: dated, restates: None },
    }
}

/// The instant that a line, recorded as event `seq` and dated `at`, is filed under, given its location's closes.
///
/// That is its own date, unless that was in a closed period when it was recorded: then the beginning of the period
/// that was open. It is a restatement exactly where the two differ. Closes that come later never change this, and what
/// is filed before any instant that a close covers is what was recorded before that close and dated before the instant.
#[must_use]
pub fn filed_at(closes: &[Close], seq: Seq, at: Timestamp) -> Timestamp {
    let known = closes.partition_point(|close| close.seq < seq);
    let closed_until = known.checked_sub(1).and_then(|last| closes.get(last)).map(|close| close.closed_until);
    closed_until.map_or(at, |closed_until| at.max(closed_until))
}
