//! A till says that stock changed.

use super::returns::{scrapped, shipped_back, touch};
use crate::domain::account::{self, Account, Posting};
use crate::domain::command::{Act, Command};
use crate::domain::decide::lines::{recorded, resolved, returns_known};
use crate::domain::decide::{Deciding, Form, Lowest, Range};
use crate::domain::effect::{Before, Effect};
use crate::domain::event::Body;
use crate::domain::evolve::Evolving;
use crate::domain::fields::{EventLines, Field, LINE, Subject};
use crate::domain::ids::Position;
use crate::domain::kinds::{CommandPayload, EventKind, EventPayload, Nature, needs_nothing};
use crate::domain::line::{Lines, ReturnLine};
use crate::domain::rejection::Rejection;
use crate::domain::state::State;
use crate::domain::text::{ExternalId, Source};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// Fact: a till says that stock changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PosDelta {
    /// The till system.
    pub source: Source,
    /// Its own id of the delta.
    pub external_id: ExternalId,
    /// What happened, with its lines. The order of the command is the till receipt.
    pub delta: PosChange,
}

/// What a till says happened, with its lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "delta", rename_all = "snake_case")]
pub enum PosChange {
    /// Goods went to a customer, from the line's bucket.
    Sale {
        /// What went.
        lines: Lines,
    },
    /// Goods came back from a customer.
    Return {
        /// What came back; quarantine unless said.
        lines: SmallVec<[ReturnLine; 1]>,
    },
    /// Goods were lost, from the line's bucket.
    Waste {
        /// What was lost.
        lines: Lines,
    },
    /// Goods came from a supplier.
    Receipt {
        /// What came.
        lines: Lines,
    },
    /// The till's figure was put right.
    Correction {
        /// Signed quantities, not zero.
        lines: Lines,
    },
}

impl CommandPayload for PosDelta {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Fact
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(2, Field::NewName("source", self.source.as_str()));
        each(3, Field::NewName("external_id", self.external_id.as_str()));
        let (number, lines) = match &self.delta {
            PosChange::Sale { lines } => (1, Field::Lines(lines)),
            PosChange::Return { lines } => (2, Field::ReturnLines(lines)),
            PosChange::Waste { lines } => (3, Field::Lines(lines)),
            PosChange::Receipt { lines } => (4, Field::Lines(lines)),
            PosChange::Correction { lines } => (5, Field::Lines(lines)),
        };
        each(4, Field::Integer(number));
        each(LINE, lines);
    }

    fn validate(&self, _: &Command, form: &mut Form) {
        match &self.delta {
            PosChange::Sale { lines } | PosChange::Waste { lines } | PosChange::Receipt { lines } => {
                form.lines(lines, Range::Positive);
            }
            PosChange::Return { lines } => form.return_lines(lines),
            PosChange::Correction { lines } => form.lines(lines, Range::Signed),
        }
    }

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        let delta = match &self.delta {
            PosChange::Return { lines } => {
                let mut lowest = Lowest::default();
                returns_known(at.state, lines, &mut lowest);
                lowest.done()?;
                PosMovement::Return(lines.iter().map(|line| resolved(line, line.line.quantity)).collect())
            }
            PosChange::Sale { lines } => PosMovement::Sale(known(at, lines)?),
            PosChange::Waste { lines } => PosMovement::Waste(known(at, lines)?),
            PosChange::Receipt { lines } => PosMovement::Receipt(known(at, lines)?),
            PosChange::Correction { lines } => PosMovement::Correction(known(at, lines)?),
        };
        let (source, external_id) = (self.source.clone(), self.external_id.clone());
        at.balanced(Body::PosDelta(PosDeltaRecorded { source, external_id, delta }))
    }
}

fn known(at: &Deciding<'_>, lines: &Lines) -> Result<Lines, Rejection> {
    at.known(lines)?;
    Ok(recorded(lines))
}

/// A till's delta.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PosDeltaRecorded {
    /// The till system.
    pub source: Source,
    /// Its id of the delta.
    pub external_id: ExternalId,
    /// What happened, by kind.
    pub delta: PosMovement,
}

/// What a till says happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PosMovement {
    /// Bucket → customer.
    Sale(Lines),
    /// Customer → sellable, unsellable or loss.
    Return(SmallVec<[ReturnLine; 1]>),
    /// Bucket → loss.
    Waste(Lines),
    /// Supplier → bucket.
    Receipt(Lines),
    /// Bucket ↔ found / loss, signed.
    Correction(Lines),
}

impl PosDeltaRecorded {
    /// Which of the five kinds of delta it is.
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        match self.delta {
            PosMovement::Sale(_) => EventKind::PosSale,
            PosMovement::Return(_) => EventKind::PosReturn,
            PosMovement::Waste(_) => EventKind::PosWaste,
            PosMovement::Receipt(_) => EventKind::PosReceipt,
            PosMovement::Correction(_) => EventKind::PosCorrection,
        }
    }

    /// The lines of a return; none of any other delta.
    fn returned(&self) -> &[ReturnLine] {
        match &self.delta {
            PosMovement::Return(lines) => lines,
            PosMovement::Sale(_) | PosMovement::Waste(_) | PosMovement::Receipt(_) | PosMovement::Correction(_) => &[],
        }
    }
}

impl EventPayload for PosDeltaRecorded {
    fn postings(&self, post: &mut dyn FnMut(Posting)) {
        match &self.delta {
            PosMovement::Sale(lines) => account::out_to(lines, Account::Customer, post),
            PosMovement::Return(lines) => account::returns(lines, post),
            PosMovement::Waste(lines) => account::out_to(lines, Account::Loss, post),
            PosMovement::Receipt(lines) => account::in_from(lines, Account::Supplier, post),
            PosMovement::Correction(lines) => account::signed(lines, post),
        }
    }

    fn evolve(&self, at: &mut Evolving<'_>) {
        touch(self.returned(), at);
    }

    fn effects(&self, _: &Before<'_>, tell: &mut dyn FnMut(Effect)) {
        scrapped(self.returned(), tell);
    }

    fn subjects(&self, _: &State, _: &mut dyn FnMut(Subject)) {}

    fn shipments(&self, ship: &mut dyn FnMut(Position, i64)) {
        match &self.delta {
            PosMovement::Sale(lines) => lines.iter().for_each(|line| ship(line.position, line.quantity.0)),
            PosMovement::Return(lines) => shipped_back(lines, ship),
            PosMovement::Waste(_) | PosMovement::Receipt(_) | PosMovement::Correction(_) => {}
        }
    }

    fn lines(&self) -> EventLines<'_> {
        match &self.delta {
            PosMovement::Sale(lines)
            | PosMovement::Waste(lines)
            | PosMovement::Receipt(lines)
            | PosMovement::Correction(lines) => EventLines::Plain(lines),
            PosMovement::Return(lines) => EventLines::Returned(lines, &[]),
        }
    }
}

impl Body {
    /// Under which name a till knows what happened.
    #[must_use]
    pub fn external(&self) -> Option<(&Source, &ExternalId)> {
        let Self::PosDelta(PosDeltaRecorded { source, external_id, .. }) = self else { return None };
        Some((source, external_id))
    }
}

impl Act {
    /// Under which name a till knows what is told.
    #[must_use]
    pub fn external(&self) -> Option<(&Source, &ExternalId)> {
        let Self::PosDelta(PosDelta { source, external_id, .. }) = self else { return None };
        Some((source, external_id))
    }
}
