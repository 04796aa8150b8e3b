//! Nothing more arrives.

use crate::domain::account::{Account, Place, Posting};
use crate::domain::command::Command;
use crate::domain::decide::{Deciding, Form};
use crate::domain::effect::{Before, Effect};
use crate::domain::event::Body;
use crate::domain::evolve::Evolving;
use crate::domain::fields::{EventLines, Field, Subject};
use crate::domain::ids::{ItemId, LotId, Position, TransferId};
use crate::domain::kinds::{CommandPayload, EventPayload, Nature, needs_nothing};
use crate::domain::quantity::Quantity;
use crate::domain::rejection::Rejection;
use crate::domain::state::State;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// Fact: nothing more of a transfer will arrive; the rest is lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CloseTransfer {
    /// The transfer.
    pub transfer: TransferId,
}

impl CommandPayload for CloseTransfer {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Fact
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(2, Field::Id(self.transfer.bytes()));
    }

    fn validate(&self, _: &Command, _: &mut Form) {}

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        let transfer = self.transfer;
        let known = at.state.transfer(transfer).ok_or(Rejection::TransferNotFound { transfer })?;
        let rest =
            known.lines.iter().map(|(&(item, lot), &units)| TransitLine { item, lot, quantity: Quantity(units) });
        at.balanced(TransferClosed { transfer, rest: rest.collect() })
    }
}

/// The rest of a transfer: transit → loss, or found → transit where more arrived than left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferClosed {
    /// The transfer.
    pub transfer: TransferId,
    /// What was in transit, not zero.
    pub rest: SmallVec<[TransitLine; 1]>,
}

/// What is in transit of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransitLine {
    /// The item.
    pub item: ItemId,
    /// The lot.
    pub lot: LotId,
    /// How much; negative where more arrived than left.
    pub quantity: Quantity,
}

impl EventPayload for TransferClosed {
    fn postings(&self, post: &mut dyn FnMut(Posting)) {
        for line in &self.rest {
            let transit = Place::Transit(self.transfer, line.lot);
            let quantity = line.quantity.0;
            post(match quantity > 0 {
                true => Posting { item: line.item, from: transit, to: Place::Account(Account::Loss), quantity },
                false => {
                    let from = Place::Account(Account::Found);
                    Posting { item: line.item, from, to: transit, quantity: quantity.saturating_neg() }
                }
            });
        }
    }

    fn evolve(&self, at: &mut Evolving<'_>) {
        at.settle(self.transfer);
    }

    fn effects(&self, before: &Before<'_>, tell: &mut dyn FnMut(Effect)) {
        before.inbound(self.transfer, None, tell);
    }

    fn subjects(&self, state: &State, about: &mut dyn FnMut(Subject)) {
        self.rest.iter().for_each(|line| about(Subject::Item(line.item)));
        // Where more arrived than had left, nothing was under way to there.
        if let Some(transfer) = state.transfer(self.transfer) {
            about(Subject::Location(transfer.to));
        }
    }

    fn shipments(&self, _: &mut dyn FnMut(Position, i64)) {}

    fn lines(&self) -> EventLines<'_> {
        EventLines::None
    }
}
