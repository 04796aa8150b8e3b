//! Stock: of a position, of an item over its locations and lots, of everything.

use super::Answer;
use super::cursor::SortValue;
use super::page::{Listing, Order, Page, Paging, Picker, QueryError};
use super::place::{Found, Place, Scope, for_each_position, tie_of};
use crate::domain::command::ItemStatus;
use crate::domain::ids::{ItemId, LotId, Position, Seq, Timestamp};
use crate::domain::names::Names;
use crate::domain::state::{PositionState, State};
use crate::domain::text::AliasText;
use serde::{Deserialize, Serialize};

/// What is at a position, in the item's smallest units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
pub struct Stock {
    /// Sellable and unsellable together; negative where a receipt was never recorded.
    pub physical: i64,
    /// What can be promised and shipped.
    pub sellable: i64,
    /// Damaged, in quarantine or under inspection.
    pub unsellable: i64,
    /// Held by open reservations whose deadline is later than the answer's instant.
    pub reserved: i64,
    /// Sellable less reserved.
    pub available: i64,
    /// Under way to here.
    pub inbound: i64,
    /// How far reserved exceeds sellable, never negative.
    pub oversold: i64,
    /// The last event that touched the position; 0 where none has.
    pub version: Seq,
}

impl Stock {
    pub(super) fn of(state: &State, found: Found<'_>, as_of: Timestamp) -> Self {
        let Found { position, entry } = found;
        let reserved = state.held_of(position, entry, as_of);
        let sellable = entry.sellable.quantity;
        let available = sellable.saturating_sub(reserved);
        Self {
            physical: entry.physical(),
            sellable,
            unsellable: entry.unsellable.quantity,
            reserved,
            available,
            inbound: entry.inbound,
            oversold: available.saturating_neg().max(0),
            version: entry.version,
        }
    }
}

/// What is at a position: one look-up, whatever the size of the ledger (plus one per deadline that has passed
/// there since an expiry was last recorded).
///
/// A position that no event has touched has nothing and version 0. None where the item, the location or the lot
/// does not exist, or where the lot is another item's.
///
/// # Example
/// ```
/// # use counterfoil::domain::{ids::{ItemId, LocationId, Position, Timestamp}, state::State};
/// # let (state, now) = (State::default(), Timestamp(0));
/// let answer = counterfoil::query::stock(&state, now, Position::new(ItemId(1), LocationId(1)));
/// match answer.value {
///     Some(stock) => println!("{} available as of {}", stock.available, answer.as_of),
///     None => println!("no such item or location"),
/// }
/// ```
#[must_use]
pub fn stock(state: &State, now: Timestamp, position: Position) -> Answer<Option<Stock>> {
    Answer::from_state(state, now, |as_of| stock_at(state, position, as_of))
}

pub(super) fn stock_at(state: &State, position: Position, as_of: Timestamp) -> Option<Stock> {
    match state.position(position) {
        Some(entry) => Some(Stock::of(state, Found { position, entry }, as_of)),
        None => exists(state, position).then(Stock::default),
    }
}

fn exists(state: &State, position: Position) -> bool {
    let Position { item, location, lot } = position;
    let lot_fits = lot == LotId::NONE || state.lot(lot).is_some_and(|lot| lot.item == item);
    lot_fits && state.item(item).is_some() && state.location(location).is_some()
}

/// The stock of one position, with its names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StockRow {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What.
    #[serde(flatten)]
    pub stock: Stock,
    /// At or below this level of available and inbound together stock is low.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reorder_point: Option<i64>,
}

impl StockRow {
    pub(super) fn of(names: &Names<'_>, found: Found<'_>, as_of: Timestamp) -> Self {
        Self {
            place: Place::of(names, found.position),
            stock: Stock::of(names.state(), found, as_of),
            reorder_point: found.entry.reorder.as_ref().map(|reorder| reorder.point.0),
        }
    }
}

/// The stock of an item over locations and lots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ItemStock {
    /// The item.
    pub item: ItemId,
    /// The SKU that it was last known by; [`Names`] says whether it still leads here.
    pub sku: AliasText,
    /// Decimal places of the figures.
    pub decimals: u8,
    /// What may be promised of it.
    pub status: ItemStatus,
    /// Over all its positions, whatever the page.
    pub total: StockTotal,
    /// Its positions, by location and lot.
    pub positions: Page<StockRow>,
}

/// Sums over positions of one item, in its smallest units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
pub struct StockTotal {
    /// Sellable and unsellable together.
    pub physical: i128,
    /// What can be promised and shipped.
    pub sellable: i128,
    /// What can't.
    pub unsellable: i128,
    /// Held by open reservations.
    pub reserved: i128,
    /// Sellable less reserved; what one position lacks another one may have.
    pub available: i128,
    /// Under way.
    pub inbound: i128,
    /// The sum of what single positions are oversold by.
    pub oversold: i128,
    /// The last event that touched one of them.
    pub version: Seq,
}

impl StockTotal {
    fn add(&mut self, stock: &Stock) {
        self.physical += i128::from(stock.physical);
        self.sellable += i128::from(stock.sellable);
        self.unsellable += i128::from(stock.unsellable);
        self.reserved += i128::from(stock.reserved);
        self.available += i128::from(stock.available);
        self.inbound += i128::from(stock.inbound);
        self.oversold += i128::from(stock.oversold);
        self.version = self.version.max(stock.version);
    }
}

/// The stock of an item: the total and, page by page, its positions in order of location and lot.
///
/// None where there is no such item.
///
/// # Errors
/// [`QueryError`] for a page or cursor that can't be used.
pub fn item_stock(
    state: &State,
    now: Timestamp,
    item: ItemId,
    paging: &Paging,
) -> Result<Answer<Option<ItemStock>>, QueryError> {
    let order = Order::ascending(StockSort::Location);
    let mut picker = Picker::new(order.listing("item_stock"), paging)?;
    Ok(Answer::from_state(state, now, |as_of| {
        let known = state.item(item)?;
        let mut total = StockTotal::default();
        for_each_position(state, &Scope::item(item), |found| {
            let stock = Stock::of(state, found, as_of);
            total.add(&stock);
            picker.offer(order.by.value(state, found, &stock), tie_of(found.position), found);
        });
        let names = Names::of(state);
        Some(ItemStock {
            item,
            sku: known.sku.clone(),
            decimals: known.decimals,
            status: known.status,
            total,
            positions: picker.page(|found| StockRow::of(&names, found, as_of)),
        })
    }))
}

/// What stock can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StockSort {
    /// The SKU that the item was last known by, byte for byte.
    #[default]
    Sku,
    /// The item's number.
    Item,
    /// The location's number.
    Location,
    /// Sellable and unsellable together.
    Physical,
    /// What can be promised.
    Available,
    /// The shortfall.
    Oversold,
}

impl StockSort {
    const fn name(self) -> &'static str {
        match self {
            Self::Sku => "sku",
            Self::Item => "item",
            Self::Location => "location",
            Self::Physical => "physical",
            Self::Available => "available",
            Self::Oversold => "oversold",
        }
    }

    fn value<'a>(self, state: &'a State, found: Found<'_>, stock: &Stock) -> SortValue<'a> {
        SortValue::Number(match self {
            Self::Sku => {
                return SortValue::Text(state.item(found.position.item).map_or("", |item| item.sku.as_str()));
            }
            Self::Item => i64::from(found.position.item.0),
            Self::Location => i64::from(found.position.location.0),
            Self::Physical => stock.physical,
            Self::Available => stock.available,
            Self::Oversold => stock.oversold,
        })
    }
}

impl Order<StockSort> {
    const fn listing(self, list: &'static str) -> Listing {
        Listing { list, by: self.by.name(), direction: self.direction }
    }
}

/// Which rows of a stock list are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StockFilter {
    /// Which positions.
    pub scope: Scope,
    /// In which condition; any where absent.
    pub only: Option<Only>,
}

/// A condition that stock can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Only {
    /// More is reserved than sellable.
    Oversold,
    /// Physical is negative.
    NegativePhysical,
    /// There is a reorder point, and available and inbound together are at or below it.
    BelowReorderPoint,
    /// Something is there, held or under way.
    Nonzero,
}

impl Only {
    fn admits(self, entry: &PositionState, stock: &Stock) -> bool {
        match self {
            Self::Oversold => stock.oversold > 0,
            Self::NegativePhysical => stock.physical < 0,
            Self::BelowReorderPoint => {
                let level = stock.available.saturating_add(stock.inbound);
                entry.reorder.as_ref().is_some_and(|reorder| level <= reorder.point.0)
            }
            Self::Nonzero => (stock.sellable, stock.unsellable, stock.reserved, stock.inbound) != (0, 0, 0, 0),
        }
    }
}

/// Stock of every position that an event has touched and the filter admits, sorted, page by page.
///
/// Rows with equal sort values stand in order of item, location and lot.
///
/// # Errors
/// [`QueryError`] for a page or cursor that can't be used.
///
/// # Example
/// ```
/// # use counterfoil::domain::{ids::{LocationId, Timestamp}, state::State};
/// use counterfoil::query::{self, Only, Order, Paging, Scope, StockFilter, StockSort};
/// # let (state, now) = (State::default(), Timestamp(0));
/// let filter = StockFilter { scope: Scope::location(LocationId(1)), only: Some(Only::BelowReorderPoint) };
/// let order = Order::ascending(StockSort::Available);
/// let answer = query::stock_list(&state, now, &filter, order, &Paging::first(20))?;
/// for row in answer.value.rows {
///     println!("{:?}: {} of {}", row.place.sku, row.stock.available, row.stock.physical);
/// }
/// # Ok::<(), query::QueryError>(())
/// ```
pub fn stock_list(
    state: &State,
    now: Timestamp,
    filter: &StockFilter,
    order: Order<StockSort>,
    paging: &Paging,
) -> Result<Answer<Page<StockRow>>, QueryError> {
    let picker = Picker::new(order.listing("stock"), paging)?;
    Ok(Answer::from_state(state, now, |as_of| {
        let names = Names::of(state);
        pick_stock(state, filter, order.by, as_of, picker).page(|found| StockRow::of(&names, found, as_of))
    }))
}

/// Offers every position that the filter admits.
pub(super) fn pick_stock<'a>(
    state: &'a State,
    filter: &StockFilter,
    by: StockSort,
    as_of: Timestamp,
    mut picker: Picker<'a, Found<'a>>,
) -> Picker<'a, Found<'a>> {
    for_each_position(state, &filter.scope, |found| {
        let stock = Stock::of(state, found, as_of);
        if filter.only.is_none_or(|only| only.admits(found.entry, &stock)) {
            picker.offer(by.value(state, found, &stock), tie_of(found.position), found);
        }
    });
    picker
}
