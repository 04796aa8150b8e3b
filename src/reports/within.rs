//! What a report is about: which item, which place, from when to when.

use super::ReportError;
use crate::domain::ids::{ItemId, LocationId, Position, Timestamp};
use crate::domain::period::{Until, UntilError};
use crate::domain::text::Zone;
use rustc_hash::FxHashMap;

/// What a report is about: everything that agrees with every part that is set.
///
/// The two ends are local times and mean at each location what its own clocks show, as the end of a period does
/// ([`Until::instant`]); the span is half-open, what happened at its end is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Within {
    /// This item only.
    pub item: Option<ItemId>,
    /// This location only.
    pub location: Option<LocationId>,
    /// From this local time on, see [`beginning`]; from the beginning of the ledger where absent.
    pub from: Option<Until>,
    /// Up to this local time, or to the end of this day; to now where absent.
    pub until: Option<Until>,
}

/// Reads where a span begins: a local date means the first instant of that day, `2026-01-31T18:00:00` that time.
///
/// # Errors
/// [`UntilError`].
pub fn beginning(text: &str) -> Result<Until, UntilError> {
    match text.len() {
        10 => format!("{text}T00:00:00").parse(),
        _ => text.parse(),
    }
}

/// A span of instants: from the first up to, not including, the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

impl Window {
    pub(super) fn has(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }
}

impl Within {
    pub(super) fn admits(&self, position: Position) -> bool {
        self.item.is_none_or(|item| item == position.item)
            && self.location.is_none_or(|location| location == position.location)
    }

    /// What the span means at each location; one that its clocks skip is empty there.
    pub(super) fn windows(
        &self,
        zones: &FxHashMap<LocationId, Zone>,
    ) -> Result<FxHashMap<LocationId, Window>, ReportError> {
        if let (Some(from), Some(until)) = (self.from, self.until)
            && from.local() >= until.local()
        {
            return Err(ReportError::Invalid { field: "until", problem: "must be later than from" });
        }
        let instant = |end: Option<Until>, zone: &Zone, open: Timestamp| match end {
            None => Ok(open),
            Some(end) => end.instant(zone).ok_or_else(|| ReportError::UnknownZone { zone: zone.clone() }),
        };
        let window = |(location, zone): (&LocationId, &Zone)| {
            let from = instant(self.from, zone, Timestamp(i64::MIN))?;
            let until = instant(self.until, zone, Timestamp::NEVER)?.max(from);
            Ok((*location, Window { from, until }))
        };
        zones.iter().map(window).collect()
    }
}
