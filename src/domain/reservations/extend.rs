//! A reservation has another deadline.

use super::holds::{held, hold};
use crate::domain::account::Posting;
use crate::domain::command::Command;
use crate::domain::decide::{Deciding, Form};
use crate::domain::effect::{Before, Effect};
use crate::domain::event::Body;
use crate::domain::evolve::Evolving;
use crate::domain::fields::{EventLines, Field, Subject};
use crate::domain::ids::{CommandId, Position, Seq, Timestamp};
use crate::domain::kinds::{CommandPayload, EventPayload, Nature, needs_nothing};
use crate::domain::rejection::Rejection;
use crate::domain::state::State;
use serde::{Deserialize, Serialize};

/// Promise: move the deadline of a reservation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Extend {
    /// The reservation.
    pub reservation: CommandId,
    /// Its new deadline; never where absent.
    pub deadline: Option<Timestamp>,
}

impl CommandPayload for Extend {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Promise
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(2, Field::Reservation(self.reservation));
        each(3, Field::Deadline(self.deadline));
    }

    fn validate(&self, _: &Command, form: &mut Form) {
        form.deadline(self.deadline);
    }

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        let reservation = held(at.state, self.reservation, at.now)?;
        match reservation.deadline == self.deadline.unwrap_or(Timestamp::NEVER) {
            true => Err(Rejection::NoChange { what: "the reservation has this deadline" }),
            false => Ok(Extended { reservation: reservation.seq, deadline: self.deadline }.into()),
        }
    }
}

/// A reservation has another deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extended {
    /// The seq of the event that made the reservation.
    pub reservation: Seq,
    /// The new deadline.
    pub deadline: Option<Timestamp>,
}

impl EventPayload for Extended {
    fn postings(&self, _: &mut dyn FnMut(Posting)) {}

    fn evolve(&self, at: &mut Evolving<'_>) {
        let (seq, deadline) = (self.reservation, self.deadline.unwrap_or(Timestamp::NEVER));
        let Some(reservation) = at.state.reservations.edit(&seq) else { return };
        let before = std::mem::replace(&mut reservation.deadline, deadline);
        let lines = reservation.lines.clone();
        for line in &lines {
            hold(at, line.position, seq, before, line.open, 0);
            hold(at, line.position, seq, deadline, 0, line.open);
        }
        at.state.deadlines.remove(&(before, seq));
        if deadline != Timestamp::NEVER {
            at.state.deadlines.insert((deadline, seq), ());
        }
    }

    fn effects(&self, before: &Before<'_>, tell: &mut dyn FnMut(Effect)) {
        let Some(held) = before.state.reservation(self.reservation) else { return };
        for line in &held.lines {
            tell(Effect::Held { position: line.position, reservation: self.reservation, delta: 0 });
        }
    }

    fn subjects(&self, _: &State, about: &mut dyn FnMut(Subject)) {
        about(Subject::Reservation(self.reservation));
    }

    fn shipments(&self, _: &mut dyn FnMut(Position, i64)) {}

    fn lines(&self) -> EventLines<'_> {
        EventLines::None
    }
}
