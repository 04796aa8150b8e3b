//! Stock is held.

use super::holds::{hold, open_in_range};
use crate::domain::account::Posting;
use crate::domain::command::Command;
use crate::domain::decide::lines::{Short, known, merged, promisable};
use crate::domain::decide::{Deciding, Form, Lowest, Range};
use crate::domain::effect::{Before, Effect};
use crate::domain::event::Body;
use crate::domain::evolve::Evolving;
use crate::domain::fields::{EventLines, Field, LINE, Subject};
use crate::domain::ids::{Position, Timestamp};
use crate::domain::kinds::{CommandPayload, EventPayload, Nature, needs_nothing};
use crate::domain::line::{Bucket, Lines};
use crate::domain::rejection::Rejection;
use crate::domain::state::{HeldLine, Reservation, State};
use serde::{Deserialize, Serialize};

/// Promise: hold stock, all lines or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reserve {
    /// When the hold lapses; never where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// What to hold, of sellable stock.
    pub lines: Lines,
}

impl CommandPayload for Reserve {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Promise
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(2, Field::Deadline(self.deadline));
        each(LINE, Field::Lines(&self.lines));
    }

    fn validate(&self, _: &Command, form: &mut Form) {
        form.sellable_lines(&self.lines, Range::Positive);
        form.deadline(self.deadline);
    }

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        let state = at.state;
        let mut lowest = Lowest::default();
        known(state, &self.lines, &mut lowest);
        for line in &self.lines {
            promisable(state, line.position, &mut lowest);
        }
        lowest.done()?;
        let lines = merged(&self.lines);
        let mut short = Short::default();
        for line in &lines {
            short.compare(line.position, Bucket::Sellable, line.quantity.0, state.available(line.position, at.now));
        }
        short.done()?;
        for line in &lines {
            open_in_range(state, line.position, line.quantity.0)?;
        }
        Ok(Reserved { deadline: self.deadline, lines }.into())
    }
}

/// Stock was held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// When the hold lapses; never where absent.
    pub deadline: Option<Timestamp>,
    /// What is held; a position once.
    pub lines: Lines,
}

impl EventPayload for Reserved {
    fn postings(&self, _: &mut dyn FnMut(Posting)) {}

    fn evolve(&self, at: &mut Evolving<'_>) {
        let Some(id) = at.envelope.command_id else { return };
        let (seq, order) = (at.seq, at.envelope.order.clone());
        let deadline = self.deadline.unwrap_or(Timestamp::NEVER);
        if let Some(order) = &order {
            at.state.orders.insert((order.clone(), seq), ());
        }
        let lines = self.lines.iter().map(|line| HeldLine { position: line.position, open: line.quantity.0 }).collect();
        let reservation = Reservation { id, seq, reserved_at: at.envelope.recorded_at, order, deadline, lines };
        at.state.reservation_ids.insert(id, seq);
        at.state.reservations.insert(seq, reservation);
        if deadline != Timestamp::NEVER {
            at.state.deadlines.insert((deadline, seq), ());
        }
        for line in &self.lines {
            hold(at, line.position, seq, deadline, 0, line.quantity.0);
        }
    }

    fn effects(&self, before: &Before<'_>, tell: &mut dyn FnMut(Effect)) {
        if before.event.envelope.command_id.is_some() {
            for line in &self.lines {
                tell(Effect::Held { position: line.position, reservation: before.seq, delta: line.quantity.0 });
            }
        }
    }

    fn subjects(&self, _: &State, _: &mut dyn FnMut(Subject)) {}

    fn shipments(&self, _: &mut dyn FnMut(Position, i64)) {}

    fn lines(&self) -> EventLines<'_> {
        EventLines::Plain(&self.lines)
    }
}
