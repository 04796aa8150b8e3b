//! Goods leave.

use crate::domain::account::{self, Place, Posting};
use crate::domain::command::Command;
use crate::domain::decide::lines::{known, location_exists, recorded};
use crate::domain::decide::{Deciding, Form, Lowest, Range};
use crate::domain::effect::{Before, Effect};
use crate::domain::event::Body;
use crate::domain::evolve::Evolving;
use crate::domain::fields::{EventLines, Field, LINE, Subject};
use crate::domain::ids::{LocationId, Position, TransferId};
use crate::domain::kinds::{CommandPayload, EventPayload, Nature, needs_nothing};
use crate::domain::line::Lines;
use crate::domain::rejection::Rejection;
use crate::domain::state::State;
use serde::{Deserialize, Serialize};

/// Fact: goods left a location for another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShipTransfer {
    /// The transfer.
    pub transfer: TransferId,
    /// Where they go.
    pub to: LocationId,
    /// What left, from sellable.
    pub lines: Lines,
}

impl CommandPayload for ShipTransfer {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Fact
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(2, Field::Id(self.transfer.bytes()));
        each(3, Field::Integer(i64::from(self.to.0)));
        each(LINE, Field::Lines(&self.lines));
    }

    fn validate(&self, _: &Command, form: &mut Form) {
        form.sellable_lines(&self.lines, Range::Positive);
        if let Some(index) = self.lines.iter().position(|line| line.position.location == self.to) {
            form.wrong("to", format!("line {index} is at the location that the transfer goes to"));
        }
    }

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        let mut lowest = Lowest::default();
        known(at.state, &self.lines, &mut lowest);
        location_exists(at.state, self.to, &mut lowest);
        lowest.done()?;
        at.balanced(TransferShipped { transfer: self.transfer, to: self.to, lines: recorded(&self.lines) })
    }
}

/// Goods left: sellable → transit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferShipped {
    /// The transfer.
    pub transfer: TransferId,
    /// Where they go.
    pub to: LocationId,
    /// What left.
    pub lines: Lines,
}

impl EventPayload for TransferShipped {
    fn postings(&self, post: &mut dyn FnMut(Posting)) {
        for line in &self.lines {
            let transit = Place::Transit(self.transfer, line.position.lot);
            post(account::posting(line, account::bucket(line), transit));
        }
    }

    fn evolve(&self, at: &mut Evolving<'_>) {
        at.destine(self.transfer, self.to);
    }

    fn effects(&self, before: &Before<'_>, tell: &mut dyn FnMut(Effect)) {
        before.inbound(self.transfer, Some(self.to), tell);
    }

    fn subjects(&self, _: &State, about: &mut dyn FnMut(Subject)) {
        about(Subject::Location(self.to));
    }

    fn shipments(&self, _: &mut dyn FnMut(Position, i64)) {}

    fn lines(&self) -> EventLines<'_> {
        EventLines::Plain(&self.lines)
    }
}
