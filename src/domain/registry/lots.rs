//! Lots of items: made, retired, brought back.

use super::{free, next, product};
use crate::domain::command::{AliasKind, AliasTarget, Command, UseStatus};
use crate::domain::decide::{Deciding, Form};
use crate::domain::event::Body;
use crate::domain::evolve::Evolving;
use crate::domain::fields::{Field, Subject};
use crate::domain::ids::{ItemId, LotId};
use crate::domain::kinds::{CommandPayload, EventPayload, Nature, moves_nothing, needs_nothing};
use crate::domain::rejection::Rejection;
use crate::domain::state::{Lot, State};
use crate::domain::text::AliasText;
use serde::{Deserialize, Serialize};

/// Instruction: make a lot of an item, known by this code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreateLot {
    /// The item.
    pub item: ItemId,
    /// Its first alias.
    pub code: AliasText,
}

impl CommandPayload for CreateLot {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Instruction
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(2, Field::Integer(i64::from(self.item.0)));
        each(3, Field::NewName("code", self.code.as_str()));
    }

    fn validate(&self, _: &Command, _: &mut Form) {}

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        let (_, _, lots) = at.state.entity_counts();
        let lot = LotId(next("lots", lots)?);
        product(at.state, self.item)?;
        free(at.state, AliasKind::Lot(self.item), &self.code)?;
        Ok(LotCreated { lot, item: self.item, code: self.code.clone() }.into())
    }
}

/// A lot was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LotCreated {
    /// The next lot id.
    pub lot: LotId,
    /// Its item.
    pub item: ItemId,
    /// Its first alias.
    pub code: AliasText,
}

impl EventPayload for LotCreated {
    moves_nothing!();

    fn evolve(&self, at: &mut Evolving<'_>) {
        at.name(AliasKind::Lot(self.item), &self.code, AliasTarget::Lot(self.lot));
        let lot = Lot { item: self.item, code: self.code.clone(), status: UseStatus::Active };
        at.state.lots.insert(self.lot, lot);
    }

    fn subjects(&self, _: &State, about: &mut dyn FnMut(Subject)) {
        about(Subject::Item(self.item));
    }
}

/// Instruction: retire a lot, or bring it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetLotStatus {
    /// The lot.
    pub lot: LotId,
    /// Its new status.
    pub status: UseStatus,
}

impl CommandPayload for SetLotStatus {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Instruction
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(2, Field::Integer(i64::from(self.lot.0)));
        each(3, Field::Integer(self.status.number()));
    }

    fn validate(&self, _: &Command, _: &mut Form) {}

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        let (lot, status) = (self.lot, self.status);
        let known = at.state.lot(lot).ok_or(Rejection::LotNotFound { lot, item: ItemId(0) })?;
        match known.status == status {
            true => Err(Rejection::NoChange { what: "the lot has this status" }),
            false => Ok(LotStatusSet { lot, status }.into()),
        }
    }
}

/// A lot was retired or brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LotStatusSet {
    /// The lot.
    pub lot: LotId,
    /// Its status.
    pub status: UseStatus,
}

impl EventPayload for LotStatusSet {
    moves_nothing!();

    fn evolve(&self, at: &mut Evolving<'_>) {
        if let Some(lot) = at.state.lots.edit(&self.lot) {
            lot.status = self.status;
        }
    }

    fn subjects(&self, _: &State, about: &mut dyn FnMut(Subject)) {
        about(Subject::Lot(self.lot));
    }
}
