//! Closing a period, and what a closed one refuses.

use super::{Decided, Lowest};
use crate::domain::event::{Body, PeriodClosed};
use crate::domain::ids::{LocationId, Moment, Timestamp};
use crate::domain::line::CountLine;
use crate::domain::period::{Until, by_clock};
use crate::domain::rejection::Rejection;
use crate::domain::state::State;

/// The period is over, and closes later than the one before it.
pub(super) fn close(state: &State, location: LocationId, until: Until, now: Timestamp) -> Decided {
    let known = state.location(location).ok_or(Rejection::LocationNotFound { location })?;
    let invalid = |problem| Rejection::InvalidField { field: "until", problem };
    let Some(closed_until) = until.instant(&known.zone) else {
        return Err(invalid(format!("this program does not know the time zone {} of location {location}", known.zone)));
    };
    if closed_until > now {
        let [end, now] = [closed_until, now].map(|at| by_clock(at, &known.zone));
        return Err(invalid(format!(
            "{until} in {} is not over: it ends at {end}, the ledger's clock says {now} there",
            known.zone
        )));
    }
    match known.closed_until {
        Some(before) if closed_until == before => {
            Err(Rejection::NoChange { what: "the location is closed up to then" })
        }
        Some(before) if closed_until < before => {
            Err(Rejection::PeriodClosed { location, closed_until: before, at: closed_until })
        }
        _ => Ok(Body::PeriodClosed(PeriodClosed { location, until, closed_until })),
    }
}

/// A count says what was there: dated in a closed period it would change the period's figures.
pub(super) fn count_in_closed_period(state: &State, lines: &[CountLine], at: Moment, lowest: &mut Lowest) {
    let at = at.at();
    for line in lines {
        let location = line.position.location;
        if let Some(closed_until) = state.location(location).and_then(|known| known.closed_until)
            && at < closed_until
        {
            lowest.offer(Rejection::PeriodClosed { location, closed_until, at });
        }
    }
}
