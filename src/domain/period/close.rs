//! Closing a period, and what a closed one refuses.

use super::{Until, by_clock};
use crate::domain::command::Command;
use crate::domain::decide::{Deciding, Form, Lowest};
use crate::domain::event::Body;
use crate::domain::evolve::Evolving;
use crate::domain::fields::{Field, Subject};
use crate::domain::ids::{LocationId, Moment, Timestamp};
use crate::domain::kinds::{CommandPayload, EventPayload, Nature, moves_nothing, needs_nothing};
use crate::domain::line::CountLine;
use crate::domain::rejection::Rejection;
use crate::domain::state::State;
use serde::{Deserialize, Serialize};

/// Instruction: close the past of a location, as reports see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClosePeriod {
    /// The location.
    pub location: LocationId,
    /// Up to where, by its own clocks; that must be over, and later than what is closed already.
    pub until: Until,
}

impl CommandPayload for ClosePeriod {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Instruction
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        let (form, number) = self.until.numbers();
        each(2, Field::Integer(i64::from(self.location.0)));
        each(3, Field::Integer(i64::from(form)));
        each(4, Field::Integer(number));
    }

    fn validate(&self, _: &Command, _: &mut Form) {}

    /// The period is over, and closes later than the one before it.
    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        let Self { location, until } = *self;
        let known = at.state.location(location).ok_or(Rejection::LocationNotFound { location })?;
        let zone = &known.zone;
        let invalid = |problem| Rejection::InvalidField { field: "until", problem };
        let Some(closed_until) = until.instant(zone) else {
            let problem = format!("this program does not know the time zone {zone} of location {location}");
            return Err(invalid(problem));
        };
        if closed_until > at.now {
            let [end, now] = [closed_until, at.now].map(|at| by_clock(at, zone));
            let problem =
                format!("{until} in {zone} is not over: it ends at {end}, the ledger's clock says {now} there");
            return Err(invalid(problem));
        }
        match known.closed_until {
            Some(before) if closed_until == before => {
                Err(Rejection::NoChange { what: "the location is closed up to then" })
            }
            Some(before) if closed_until < before => {
                Err(Rejection::PeriodClosed { location, closed_until: before, at: closed_until })
            }
            _ => Ok(PeriodClosed { location, until, closed_until }.into()),
        }
    }
}

/// The past of a location was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeriodClosed {
    /// The location.
    pub location: LocationId,
    /// Up to where, as somebody named it.
    pub until: Until,
    /// The instant that this meant then: what happened before it is closed, what happened at it is not.
    pub closed_until: Timestamp,
}

impl EventPayload for PeriodClosed {
    moves_nothing!();

    fn evolve(&self, at: &mut Evolving<'_>) {
        if let Some(location) = at.state.locations.edit(&self.location) {
            location.closed_until = Some(self.closed_until);
        }
    }

    fn subjects(&self, _: &State, about: &mut dyn FnMut(Subject)) {
        about(Subject::Location(self.location));
    }
}

/// A count says what was there: dated in a closed period it would change the period's figures.
pub(in crate::domain) fn count_in_closed_period(state: &State, lines: &[CountLine], at: Moment, lowest: &mut Lowest) {
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
