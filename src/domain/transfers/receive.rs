//! Goods arrive.

use crate::domain::account::{self, Place, Posting};
use crate::domain::command::Command;
use crate::domain::decide::lines::recorded;
use crate::domain::decide::{Deciding, Form, Range};
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

/// Fact: goods of a transfer arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReceiveTransfer {
    /// The transfer.
    pub transfer: TransferId,
    /// What arrived, per bucket.
    pub lines: Lines,
}

impl CommandPayload for ReceiveTransfer {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Fact
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(2, Field::Id(self.transfer.bytes()));
        each(LINE, Field::Lines(&self.lines));
    }

    fn validate(&self, _: &Command, form: &mut Form) {
        form.lines(&self.lines, Range::Positive);
    }

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        at.known(&self.lines)?;
        at.balanced(TransferReceived { transfer: self.transfer, lines: recorded(&self.lines) })
    }
}

/// Goods arrived: transit → bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferReceived {
    /// The transfer.
    pub transfer: TransferId,
    /// What arrived.
    pub lines: Lines,
}

impl TransferReceived {
    /// Where it goes, if nobody knew of it before.
    fn destination(&self) -> Option<LocationId> {
        self.lines.first().map(|line| line.position.location)
    }
}

impl EventPayload for TransferReceived {
    fn postings(&self, post: &mut dyn FnMut(Posting)) {
        for line in &self.lines {
            let transit = Place::Transit(self.transfer, line.position.lot);
            post(account::posting(line, transit, account::bucket(line)));
        }
    }

    fn evolve(&self, at: &mut Evolving<'_>) {
        if let Some(to) = self.destination() {
            at.destine(self.transfer, to);
        }
    }

    fn effects(&self, before: &Before<'_>, tell: &mut dyn FnMut(Effect)) {
        before.inbound(self.transfer, self.destination(), tell);
    }

    fn subjects(&self, _: &State, _: &mut dyn FnMut(Subject)) {}

    fn shipments(&self, _: &mut dyn FnMut(Position, i64)) {}

    fn lines(&self) -> EventLines<'_> {
        EventLines::Plain(&self.lines)
    }
}
