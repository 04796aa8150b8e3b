//! Items: made, put on hold, discontinued.

use super::{free, next, product};
use crate::domain::command::{AliasKind, AliasTarget, Command, ItemStatus};
use crate::domain::decide::lines::has_moved;
use crate::domain::decide::{Deciding, Form};
use crate::domain::event::Body;
use crate::domain::evolve::Evolving;
use crate::domain::fields::{Field, Subject};
use crate::domain::ids::ItemId;
use crate::domain::kinds::{CommandPayload, EventPayload, Nature, moves_nothing, needs_nothing};
use crate::domain::rejection::Rejection;
use crate::domain::state::{Accounts, Item, Moved, State};
use crate::domain::text::AliasText;
use serde::{Deserialize, Serialize};

/// Instruction: make an item, known by this SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreateItem {
    /// Its first alias.
    pub sku: AliasText,
    /// Decimal places of its quantities, 0 to 6.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(max = 6)))]
    pub decimals: u8,
}

impl CommandPayload for CreateItem {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Instruction
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(2, Field::NewName("sku", self.sku.as_str()));
        each(3, Field::Integer(i64::from(self.decimals)));
    }

    fn validate(&self, _: &Command, form: &mut Form) {
        form.decimals(self.decimals);
    }

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        let (items, _, _) = at.state.entity_counts();
        let item = ItemId(next("items", items)?);
        free(at.state, AliasKind::Sku, &self.sku)?;
        Ok(ItemCreated { item, sku: self.sku.clone(), decimals: self.decimals }.into())
    }
}

/// An item was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemCreated {
    /// The next item id.
    pub item: ItemId,
    /// Its first alias.
    pub sku: AliasText,
    /// Its decimals.
    pub decimals: u8,
}

impl EventPayload for ItemCreated {
    moves_nothing!();

    fn evolve(&self, at: &mut Evolving<'_>) {
        at.name(AliasKind::Sku, &self.sku, AliasTarget::Item(self.item));
        let (status, moved, accounts) = (ItemStatus::Active, Moved::Never, Accounts::default());
        at.state
            .items
            .insert(self.item, Item { sku: self.sku.clone(), decimals: self.decimals, status, moved, accounts });
    }

    fn subjects(&self, _: &State, about: &mut dyn FnMut(Subject)) {
        about(Subject::Item(self.item));
    }
}

/// Instruction: change an item's decimals, before its first movement only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetDecimals {
    /// The item.
    pub item: ItemId,
    /// Decimal places, 0 to 6.
    #[cfg_attr(feature = "schema", schemars(range(max = 6)))]
    pub decimals: u8,
}

impl CommandPayload for SetDecimals {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Instruction
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(2, Field::Integer(i64::from(self.item.0)));
        each(3, Field::Integer(i64::from(self.decimals)));
    }

    fn validate(&self, _: &Command, form: &mut Form) {
        form.decimals(self.decimals);
    }

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        let known = product(at.state, self.item)?;
        if known.decimals == self.decimals {
            return Err(Rejection::NoChange { what: "the item has these decimals" });
        }
        match has_moved(at.state, self.item) {
            true => Err(Rejection::DecimalsFixed { item: self.item, decimals: known.decimals }),
            false => Ok(DecimalsSet { item: self.item, decimals: self.decimals }.into()),
        }
    }
}

/// An item's decimals were changed before its first movement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecimalsSet {
    /// The item.
    pub item: ItemId,
    /// Its decimals.
    pub decimals: u8,
}

impl EventPayload for DecimalsSet {
    moves_nothing!();

    fn evolve(&self, at: &mut Evolving<'_>) {
        at.edit_item(self.item, |item| item.decimals = self.decimals);
    }

    fn subjects(&self, _: &State, about: &mut dyn FnMut(Subject)) {
        about(Subject::Item(self.item));
    }
}

/// Instruction: change what may be promised of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetItemStatus {
    /// The item.
    pub item: ItemId,
    /// Its new status.
    pub status: ItemStatus,
}

impl CommandPayload for SetItemStatus {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Instruction
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        let status = match self.status {
            ItemStatus::Active => 1,
            ItemStatus::OnHold => 2,
            ItemStatus::Discontinued => 3,
        };
        each(2, Field::Integer(i64::from(self.item.0)));
        each(3, Field::Integer(status));
    }

    fn validate(&self, _: &Command, _: &mut Form) {}

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        match product(at.state, self.item)?.status == self.status {
            true => Err(Rejection::NoChange { what: "the item has this status" }),
            false => Ok(ItemStatusSet { item: self.item, status: self.status }.into()),
        }
    }
}

/// An item's status was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemStatusSet {
    /// The item.
    pub item: ItemId,
    /// Its status.
    pub status: ItemStatus,
}

impl EventPayload for ItemStatusSet {
    moves_nothing!();

    fn evolve(&self, at: &mut Evolving<'_>) {
        at.edit_item(self.item, |item| item.status = self.status);
    }

    fn subjects(&self, _: &State, about: &mut dyn FnMut(Subject)) {
        about(Subject::Item(self.item));
    }
}
