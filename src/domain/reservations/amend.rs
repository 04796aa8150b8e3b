//! A reservation holds other quantities.

use super::holds::{forget_closed, held, open_in_range, set_open};
use crate::domain::account::Posting;
use crate::domain::command::Command;
use crate::domain::decide::lines::{Short, known, promisable, recorded};
use crate::domain::decide::{Deciding, Form, Lowest};
use crate::domain::effect::{Before, Effect};
use crate::domain::event::Body;
use crate::domain::evolve::Evolving;
use crate::domain::fields::{EventLines, Field, LINE, Subject};
use crate::domain::ids::{CommandId, Position, Seq};
use crate::domain::kinds::{CommandPayload, EventPayload, Nature, needs_nothing};
use crate::domain::line::{Bucket, Line, Lines};
use crate::domain::rejection::Rejection;
use crate::domain::state::State;
use serde::{Deserialize, Serialize};

/// Promise: change what a reservation holds; only the increase is checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Amend {
    /// The reservation.
    pub reservation: CommandId,
    /// The new open quantity of each position named; others stay.
    pub lines: Lines,
}

impl CommandPayload for Amend {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Promise
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(2, Field::Reservation(self.reservation));
        each(LINE, Field::Lines(&self.lines));
    }

    fn validate(&self, _: &Command, form: &mut Form) {
        form.amended_lines(&self.lines);
    }

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        let (state, now, id) = (at.state, at.now, self.reservation);
        let reservation = state.reservation_by_id(id).filter(|reservation| reservation.is_held(now));
        let mut lowest = Lowest::default();
        known(state, &self.lines, &mut lowest);
        let open = |position| reservation.and_then(|held| held.open_on(position)).unwrap_or(0);
        // Without a reservation there is nothing that could be increased.
        let increased = |line: &&Line| reservation.is_some() && line.quantity.0 > open(line.position);
        for line in self.lines.iter().filter(increased) {
            promisable(state, line.position, &mut lowest);
        }
        let same = reservation.is_some() && self.lines.iter().all(|line| line.quantity.0 == open(line.position));
        if same {
            lowest.offer(Rejection::NoChange { what: "the reservation holds these quantities" });
        }
        if reservation.is_none() {
            lowest.offer(Rejection::NoReservation { reservation: Some(id), order: None, position: None });
        }
        lowest.done()?;
        let mut short = Short::default();
        for line in &self.lines {
            let increase = line.quantity.0 - open(line.position);
            if increase > 0 {
                short.compare(line.position, Bucket::Sellable, increase, state.available(line.position, now));
            }
        }
        short.done()?;
        for line in &self.lines {
            open_in_range(state, line.position, line.quantity.0 - open(line.position))?;
        }
        let reservation = held(state, id, now)?.seq;
        Ok(Amended { reservation, lines: recorded(&self.lines) }.into())
    }
}

/// A reservation holds other quantities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amended {
    /// The seq of the event that made the reservation.
    pub reservation: Seq,
    /// The new open quantity of each position named.
    pub lines: Lines,
}

impl EventPayload for Amended {
    fn postings(&self, _: &mut dyn FnMut(Posting)) {}

    fn evolve(&self, at: &mut Evolving<'_>) {
        for line in &self.lines {
            set_open(at, self.reservation, line.position, line.quantity.0);
        }
        forget_closed(at.state, self.reservation);
    }

    fn effects(&self, before: &Before<'_>, tell: &mut dyn FnMut(Effect)) {
        let Some(held) = before.state.reservation(self.reservation) else { return };
        for line in &self.lines {
            let known = held.open_on(line.position).unwrap_or(0);
            let delta = line.quantity.0.saturating_sub(known);
            tell(Effect::Held { position: line.position, reservation: held.seq, delta });
        }
    }

    fn subjects(&self, _: &State, about: &mut dyn FnMut(Subject)) {
        about(Subject::Reservation(self.reservation));
    }

    fn shipments(&self, _: &mut dyn FnMut(Position, i64)) {}

    fn lines(&self) -> EventLines<'_> {
        EventLines::Plain(&self.lines)
    }
}
