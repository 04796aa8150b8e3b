//! Closes of periods, and counts dated in them.

use super::{Ground, Violation, ensure, rule};
use crate::domain::event::CountedLine;
use crate::domain::ids::{LocationId, Timestamp};
use crate::domain::period::Until;
use crate::limits::ZONE_OFFSET_MICROS_MAX;

/// What the time zone made of the local date is not judged: its data changes, and the log decides for ever.
pub(super) fn closed(at: &Ground<'_>, location: LocationId, until: Until, end: Timestamp) -> Result<(), Violation> {
    at.location(location)?;
    let as_if_utc = until.local().and_utc().timestamp_micros();
    ensure(as_if_utc.abs_diff(end.0) <= ZONE_OFFSET_MICROS_MAX.unsigned_abs(), rule::PERIOD_LOCAL, || {
        format!("the period goes to {until} by local clocks, and ends at {end}")
    })?;
    let now = at.now();
    ensure(end <= now, rule::PERIOD_OVER, || format!("the period ends at {end}, and is closed at {now}"))?;
    match closed_until(at, location) {
        Some(before) => ensure(before < end, rule::PERIOD_FORWARD, || {
            format!("location {location} is closed up to {before}, and now up to {end}")
        }),
        None => Ok(()),
    }
}

/// A count dated at the very end of a period is not in it.
pub(super) fn counted(at: &Ground<'_>, line: &CountedLine) -> Result<(), Violation> {
    let counted_at = at.event.envelope.moment().at();
    let location = line.position.location;
    match closed_until(at, location) {
        Some(end) => ensure(counted_at >= end, rule::PERIOD_CLOSED, || {
            format!("a count dated {counted_at}, and location {location} is closed up to {end}")
        }),
        None => Ok(()),
    }
}

fn closed_until(at: &Ground<'_>, location: LocationId) -> Option<Timestamp> {
    at.state.location(location)?.closed_until
}
