//! What there is: items, locations, lots, and the names they are known by.

mod aliases;
mod items;
mod locations;
mod lots;

pub use aliases::{
    AddAlias, AliasAdded, AliasMerged, AliasRenamed, AliasRetired, MergeAlias, RenameAlias, RetireAlias,
};
pub use items::{CreateItem, DecimalsSet, ItemCreated, ItemStatusSet, SetDecimals, SetItemStatus};
pub use locations::{CreateLocation, LocationCreated, LocationStatusSet, SetLocationStatus};
pub use lots::{CreateLot, LotCreated, LotStatusSet, SetLotStatus};

use super::command::{Alias, AliasKind};
use super::ids::ItemId;
use super::rejection::Rejection;
use super::state::{Item, State};
use super::text::AliasText;
use crate::limits::ENTITIES_MAX;

/// The next number of a thing.
fn next(what: &'static str, count: usize) -> Result<u32, Rejection> {
    let limit = u64::from(ENTITIES_MAX);
    match u32::try_from(count) {
        Ok(count) if count < ENTITIES_MAX => Ok(count + 1),
        _ => Err(Rejection::LimitExceeded { what, actual: count as u64 + 1, limit }),
    }
}

/// A text is no alias of that kind yet.
fn free(state: &State, kind: AliasKind, text: &AliasText) -> Result<(), Rejection> {
    match state.alias(&Alias { kind, text: text.clone() }) {
        Some(_) => Err(Rejection::AlreadyExists { alias: text.to_string() }),
        None => Ok(()),
    }
}

/// An item that exists.
fn product(state: &State, item: ItemId) -> Result<&Item, Rejection> {
    state.item(item).ok_or(Rejection::ProductNotFound { item })
}
