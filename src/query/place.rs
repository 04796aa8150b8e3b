//! Where: the names of a position, and which positions a question is about.

use crate::domain::command::ItemStatus;
use crate::domain::ids::{ItemId, LocationId, LotId, Position};
use crate::domain::names::Names;
use crate::domain::state::{PositionState, State};
use crate::domain::text::AliasText;
use serde::{Deserialize, Serialize};

/// A position with the names of its parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The item.
    pub item: ItemId,
    /// The location.
    pub location: LocationId,
    /// The lot, 0 where the item is not lot-tracked.
    pub lot: LotId,
    /// The SKU that leads to the item today; none where every one was retired or merged into another item.
    pub sku: Option<AliasText>,
    /// The code that leads to the location today; none as with the item.
    pub location_code: Option<AliasText>,
    /// The code that leads to the lot today; none as with the item, and where the item is not lot-tracked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lot_code: Option<AliasText>,
    /// Decimal places of the item's quantities, which are told in its smallest units.
    pub decimals: u8,
}

impl Place {
    pub(crate) fn of(names: &Names<'_>, position: Position) -> Self {
        let Position { item, location, lot } = position;
        Self {
            item,
            location,
            lot,
            sku: names.sku(item).cloned(),
            location_code: names.code(location).cloned(),
            lot_code: names.lot_code(lot).cloned(),
            decimals: names.state().item(item).map_or(0, |item| item.decimals),
        }
    }

    /// The position that is named.
    #[must_use]
    pub const fn position(&self) -> Position {
        Position { item: self.item, location: self.location, lot: self.lot }
    }
}

/// Which positions a question is about: all that agree with every part that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Scope {
    /// This item only.
    pub item: Option<ItemId>,
    /// This location only.
    pub location: Option<LocationId>,
    /// This lot only; lot 0 is stock that is not lot-tracked.
    pub lot: Option<LotId>,
    /// Items with this status only.
    pub status: Option<ItemStatus>,
}

impl Scope {
    /// One position.
    #[must_use]
    pub const fn position(position: Position) -> Self {
        Self { item: Some(position.item), location: Some(position.location), lot: Some(position.lot), status: None }
    }

    /// All positions of an item.
    #[must_use]
    pub const fn item(item: ItemId) -> Self {
        Self { item: Some(item), location: None, lot: None, status: None }
    }

    /// All positions at a location.
    #[must_use]
    pub const fn location(location: LocationId) -> Self {
        Self { item: None, location: Some(location), lot: None, status: None }
    }

    /// The one position that it leaves, where it names every part of it.
    pub(crate) fn only_position(&self) -> Option<Position> {
        Some(Position { item: self.item?, location: self.location?, lot: self.lot? })
    }

    /// Whether ids and status agree.
    pub(crate) fn admits(&self, state: &State, position: Position) -> bool {
        self.item.is_none_or(|item| item == position.item)
            && self.location.is_none_or(|location| location == position.location)
            && self.lot.is_none_or(|lot| lot == position.lot)
            && self.status.is_none_or(|status| state.item(position.item).is_some_and(|item| item.status == status))
    }
}

pub(super) const fn tie_of(position: Position) -> [u64; 3] {
    [position.item.0 as u64, position.location.0 as u64, position.lot.0 as u64]
}

/// A position in hand.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) position: Position,
    pub(super) entry: &'a PositionState,
}

/// Calls `visit` for every touched position in scope, in no order.
///
/// Where an item is named its positions are looked up one by one if that is less work than walking over all.
pub(super) fn for_each_position<'a>(state: &'a State, scope: &Scope, mut visit: impl FnMut(Found<'a>)) {
    let mut visit = |position: Position, entry: &'a PositionState| {
        if scope.admits(state, position) {
            visit(Found { position, entry });
        }
    };
    match candidates(state, scope) {
        Some(positions) => {
            for position in positions {
                if let Some(entry) = state.position(position) {
                    visit(position, entry);
                }
            }
        }
        None => state.positions().for_each(|(position, entry)| visit(*position, entry)),
    }
}

/// Every position that an item could have in scope, unless walking over all positions is less work.
fn candidates(state: &State, scope: &Scope) -> Option<Vec<Position>> {
    let item = scope.item?;
    let (_, locations, lots) = state.entity_counts();
    let all = state.position_count();
    if scope.lot.is_none() && lots > all {
        return None;
    }
    let lots = match scope.lot {
        Some(lot) => vec![lot],
        None => {
            let of_item = state.lots().filter(|(_, lot)| lot.item == item).map(|(lot, _)| *lot);
            std::iter::once(LotId::NONE).chain(of_item).collect()
        }
    };
    let locations = scope.location.map_or(locations, |_| 1);
    if lots.len().saturating_mul(locations) > all {
        return None;
    }
    let locations: Vec<LocationId> = match scope.location {
        Some(location) => vec![location],
        None => state.locations().map(|(location, _)| *location).collect(),
    };
    let each_lot = |location| lots.iter().map(move |lot| Position { item, location, lot: *lot });
    Some(locations.into_iter().flat_map(each_lot).collect())
}
