//! What a row is about, and how far rows are summed.

use super::{ReportError, Reports};
use crate::domain::ids::{ItemId, LocationId, LotId, Position};
use crate::domain::names::Names;
use crate::domain::text::AliasText;
use serde::{Deserialize, Serialize};

/// How far figures are summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// Not at all: a row per lot.
    Position,
    /// Over lots: a row per item and location.
    #[default]
    Item,
    /// Over items too: a row per location. Their decimals must agree.
    Location,
}

/// What a row is about. What is absent was summed over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct About {
    /// The item's SKU of today, see [`Names`]; none where it has none any more.
    pub sku: Option<AliasText>,
    /// The location's code, likewise.
    pub location_code: Option<AliasText>,
    /// The lot's code, likewise.
    pub lot_code: Option<AliasText>,
    /// The item.
    pub item: Option<ItemId>,
    /// The location.
    pub location: Option<LocationId>,
    /// The lot; absent too where the item is not lot-tracked.
    pub lot: Option<LotId>,
    /// Decimal places of the quantities, which are told in smallest units.
    pub decimals: u8,
}

/// Ids with 0 for what is summed over; no item or location has that id.
pub(super) type Key = (ItemId, LocationId, LotId);

impl Per {
    pub(super) const fn key(self, position: Position) -> Key {
        let Position { item, location, lot } = position;
        match self {
            Self::Position => (item, location, lot),
            Self::Item => (item, location, LotId::NONE),
            Self::Location => (ItemId(0), location, LotId::NONE),
        }
    }
}

/// Items that are named while readers of the state wait for nobody else.
const NAMED_AT_ONCE: usize = 4_096;

impl Reports<'_> {
    /// Names what rows are about, in order of names; `decimals` are those of summed items.
    pub(super) fn name<T>(&self, rows: Vec<(Key, u8, T)>) -> Vec<(About, T)> {
        let mut named = Vec::with_capacity(rows.len());
        let mut rows = rows.into_iter();
        loop {
            let part: Vec<_> = rows.by_ref().take(NAMED_AT_ONCE).collect();
            if part.is_empty() {
                break;
            }
            self.published.read(|durable| {
                let names = Names::of(&durable.state);
                named.extend(part.into_iter().map(|(key, decimals, row)| (about(&names, key, decimals), row)));
            });
        }
        named.sort_by(|(one, _), (other, _)| one.cmp(other));
        named
    }

    /// The decimals that items share.
    ///
    /// # Errors
    /// [`ReportError::MixedDecimals`].
    pub(super) fn common_decimals(&self, items: impl IntoIterator<Item = ItemId>) -> Result<u8, ReportError> {
        let mut first: Option<(ItemId, u8)> = None;
        for item in items {
            let (_, decimals) = self.item_named(item);
            let (one, common) = *first.get_or_insert((item, decimals));
            if common != decimals {
                return Err(ReportError::MixedDecimals { one: self.item_named(one), other: self.item_named(item) });
            }
        }
        Ok(first.map_or(0, |(_, decimals)| decimals))
    }

    fn item_named(&self, item: ItemId) -> (String, u8) {
        self.published.read(|durable| {
            let known = durable.state.item(item);
            let sku = Names::of(&durable.state).sku(item).map(ToString::to_string);
            (sku.unwrap_or_else(|| format!("item {item}")), known.map_or(0, |item| item.decimals))
        })
    }
}

fn about(names: &Names<'_>, (item, location, lot): Key, decimals: u8) -> About {
    About {
        sku: names.sku(item).cloned(),
        location_code: names.code(location).cloned(),
        lot_code: names.lot_code(lot).cloned(),
        item: Some(item).filter(|item| item.0 != 0),
        location: Some(location).filter(|location| location.0 != 0),
        lot: lot.tracked(),
        decimals: names.state().item(item).map_or(decimals, |item| item.decimals),
    }
}
