//! Items, locations and lots: by id, by alias, all of them.

use super::Answer;
use super::cursor::SortValue;
use super::page::{Listing, Order, Page, Paging, Picker, QueryError};
use crate::domain::command::{Alias, AliasTarget, ItemStatus, UseStatus};
use crate::domain::ids::{ItemId, LocationId, LotId, Timestamp};
use crate::domain::state::{Accounts, Item, Location, Lot, Moved, State};
use crate::domain::text::{AliasText, Zone};
use serde::{Deserialize, Serialize};

/// An item.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ItemView {
    /// Its number.
    pub item: ItemId,
    /// The SKU that it was last known by; [`Names`](crate::domain::names::Names) says which one leads here today.
    pub sku: AliasText,
    /// Decimal places of its quantities.
    pub decimals: u8,
    /// Whether those are fixed because it has moved.
    pub moved: Moved,
    /// What may be promised of it.
    pub status: ItemStatus,
    /// The sums of its accounts and buckets, in smallest units; together zero.
    pub accounts: Accounts,
}

impl ItemView {
    fn of(id: ItemId, item: &Item) -> Self {
        let Item { sku, decimals, status, moved, accounts } = item.clone();
        Self { item: id, sku, decimals, moved, status, accounts }
    }
}

/// A location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LocationView {
    /// Its number.
    pub location: LocationId,
    /// The code that it was last known by; see [`ItemView::sku`].
    pub code: AliasText,
    /// Its time zone.
    pub zone: Zone,
    /// Whether it is in use.
    pub status: UseStatus,
    /// What happened before this instant lies in a closed period; none while nothing is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_until: Option<Timestamp>,
}

impl LocationView {
    fn of(id: LocationId, location: &Location) -> Self {
        let Location { code, zone, status, closed_until } = location.clone();
        Self { location: id, code, zone, status, closed_until }
    }
}

/// A lot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LotView {
    /// Its number.
    pub lot: LotId,
    /// Its item.
    pub item: ItemId,
    /// The code that it was last known by; see [`ItemView::sku`].
    pub code: AliasText,
    /// Whether it is in use.
    pub status: UseStatus,
}

impl LotView {
    fn of(id: LotId, lot: &Lot) -> Self {
        let Lot { item, code, status } = lot.clone();
        Self { lot: id, item, code, status }
    }
}

/// What an alias names.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Named {
    /// An item.
    Item(ItemView),
    /// A location.
    Location(LocationView),
    /// A lot.
    Lot(LotView),
}

/// An item by its number.
#[must_use]
pub fn item(state: &State, now: Timestamp, item: ItemId) -> Answer<Option<ItemView>> {
    Answer::from_state(state, now, |_| Some(ItemView::of(item, state.item(item)?)))
}

/// A location by its number.
#[must_use]
pub fn location(state: &State, now: Timestamp, location: LocationId) -> Answer<Option<LocationView>> {
    Answer::from_state(state, now, |_| Some(LocationView::of(location, state.location(location)?)))
}

/// A lot by its number.
#[must_use]
pub fn lot(state: &State, now: Timestamp, lot: LotId) -> Answer<Option<LotView>> {
    Answer::from_state(state, now, |_| Some(LotView::of(lot, state.lot(lot)?)))
}

/// What an alias in use names, compared byte for byte; none once it is retired.
///
/// # Example
/// ```
/// # use counterfoil::domain::{ids::Timestamp, state::State, text::AliasText};
/// use counterfoil::domain::command::{Alias, AliasKind};
/// use counterfoil::query::{self, Named};
/// # let (state, now) = (State::default(), Timestamp(0));
/// let barcode = Alias { kind: AliasKind::Barcode, text: AliasText::new("4006381333931")? };
/// match query::by_alias(&state, now, &barcode).value {
///     Some(Named::Item(item)) => println!("item {}", item.item),
///     _ => println!("no item has this barcode"),
/// }
/// # Ok::<(), counterfoil::domain::text::TextError>(())
/// ```
#[must_use]
pub fn by_alias(state: &State, now: Timestamp, alias: &Alias) -> Answer<Option<Named>> {
    Answer::from_state(state, now, |_| match state.alias(alias)? {
        AliasTarget::Item(id) => Some(Named::Item(ItemView::of(id, state.item(id)?))),
        AliasTarget::Location(id) => Some(Named::Location(LocationView::of(id, state.location(id)?))),
        AliasTarget::Lot(id) => Some(Named::Lot(LotView::of(id, state.lot(id)?))),
    })
}

/// Every alias in use of one thing, by kind and text. Walks over all aliases of the ledger.
#[must_use]
pub fn aliases_of(state: &State, now: Timestamp, target: AliasTarget) -> Answer<Vec<Alias>> {
    Answer::from_state(state, now, |_| {
        let of_target = state.aliases().filter(|(_, named)| **named == target);
        let mut aliases: Vec<Alias> = of_target.map(|(alias, _)| alias.clone()).collect();
        aliases.sort_unstable();
        aliases
    })
}

/// What items, locations and lots can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntitySort {
    /// The name that it is or was last known by, byte for byte.
    #[default]
    Name,
    /// The number, which is the order of creation.
    Number,
}

impl EntitySort {
    fn value(self, name: &AliasText, number: u32) -> SortValue<'_> {
        match self {
            Self::Name => SortValue::Text(name.as_str()),
            Self::Number => SortValue::Number(i64::from(number)),
        }
    }
}

impl Order<EntitySort> {
    const fn listing(self, list: &'static str) -> Listing {
        let by = match self.by {
            EntitySort::Name => "name",
            EntitySort::Number => "number",
        };
        Listing { list, by, direction: self.direction }
    }
}

const fn tie_of(number: u32) -> [u64; 3] {
    [number as u64, 0, 0]
}

/// Which items are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ItemFilter {
    /// With this status only.
    pub status: Option<ItemStatus>,
    /// Whose SKU, or the one that it was last known by, begins with this text, byte for byte.
    pub sku_prefix: Option<String>,
}

impl ItemFilter {
    fn admits(&self, item: &Item) -> bool {
        self.status.is_none_or(|status| item.status == status)
            && self.sku_prefix.as_ref().is_none_or(|prefix| item.sku.as_str().starts_with(prefix.as_str()))
    }
}

/// Items that the filter admits, sorted, page by page.
///
/// # Errors
/// [`QueryError`] for a page or cursor that can't be used.
pub fn items(
    state: &State,
    now: Timestamp,
    filter: &ItemFilter,
    order: Order<EntitySort>,
    paging: &Paging,
) -> Result<Answer<Page<ItemView>>, QueryError> {
    let mut picker = Picker::new(order.listing("items"), paging)?;
    Ok(Answer::from_state(state, now, |_| {
        for (id, item) in state.items().filter(|(_, item)| filter.admits(item)) {
            picker.offer(order.by.value(&item.sku, id.0), tie_of(id.0), (*id, item));
        }
        picker.page(|(id, item)| ItemView::of(id, item))
    }))
}

/// Locations, sorted, page by page.
///
/// # Errors
/// [`QueryError`] for a page or cursor that can't be used.
pub fn locations(
    state: &State,
    now: Timestamp,
    order: Order<EntitySort>,
    paging: &Paging,
) -> Result<Answer<Page<LocationView>>, QueryError> {
    let mut picker = Picker::new(order.listing("locations"), paging)?;
    Ok(Answer::from_state(state, now, |_| {
        for (id, location) in state.locations() {
            picker.offer(order.by.value(&location.code, id.0), tie_of(id.0), (*id, location));
        }
        picker.page(|(id, location)| LocationView::of(id, location))
    }))
}

/// Lots, of one item or of all, sorted, page by page.
///
/// # Errors
/// [`QueryError`] for a page or cursor that can't be used.
pub fn lots(
    state: &State,
    now: Timestamp,
    item: Option<ItemId>,
    order: Order<EntitySort>,
    paging: &Paging,
) -> Result<Answer<Page<LotView>>, QueryError> {
    let mut picker = Picker::new(order.listing("lots"), paging)?;
    Ok(Answer::from_state(state, now, |_| {
        for (id, lot) in state.lots().filter(|(_, lot)| item.is_none_or(|item| lot.item == item)) {
            picker.offer(order.by.value(&lot.code, id.0), tie_of(id.0), (*id, lot));
        }
        picker.page(|(id, lot)| LotView::of(id, lot))
    }))
}
