//! From names to ids, on one state.

use super::error::{Invalid, Missing, NotFound};
use super::fields::Field;
use super::tree::Tree;
use crate::domain::command::{Alias, AliasKind, AliasTarget};
use crate::domain::ids::{ItemId, LocationId, LotId};
use crate::domain::state::State;
use crate::domain::text::AliasText;
use std::cell::RefCell;

/// The number that a text such as `id:7` says, for what no name leads to.
#[must_use]
pub fn numbered(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("id:")?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?.filter(|number| *number > 0)
}

/// Refuses a text such as `id:7` that is the name of one thing, `named` by its number, and the number of another.
///
/// # Errors
/// What to write instead.
pub fn is_one_thing(text: &str, named: u32, is_there: impl FnOnce(u32) -> bool) -> Result<(), String> {
    match numbered(text).filter(|number| *number != named && is_there(*number)) {
        None => Ok(()),
        Some(number) => Err(format!(
            "{text:?} is the name of number {named}, and asks for number {number}: write id:{named} or id:0{number}"
        )),
    }
}

/// Looks names up. Of several that are not in use it remembers the one whose refusal goes first.
pub(super) struct Names<'s> {
    state: &'s State,
    missing: RefCell<Option<NotFound>>,
}

impl<'s> Names<'s> {
    pub(super) const fn new(state: &'s State) -> Self {
        Self { state, missing: RefCell::new(None) }
    }

    /// The name that is not in use, whose refusal goes first.
    pub(super) fn missing(self) -> Option<NotFound> {
        self.missing.into_inner()
    }

    /// Decimal places of an item's quantities; none where there is no such item.
    pub(super) fn decimals(&self, item: ItemId) -> Option<u8> {
        self.state.item(item).map(|item| item.decimals)
    }

    /// An item, by its number or SKU, or as `id:7`.
    pub(super) fn item(&self, field: &Field<'_>) -> Result<ItemId, Invalid> {
        match field.tree {
            Tree::Whole(_) => Ok(ItemId(field.whole("an item's number")?)),
            Tree::Text(name) => Ok(match self.target(field, AliasKind::Sku)? {
                Some(AliasTarget::Item(item)) => {
                    field.made(|text| is_one_thing(text, item.0, |id| self.state.item(ItemId(id)).is_some()))?;
                    item
                }
                _ => match numbered(name).map(ItemId).filter(|id| self.state.item(*id).is_some()) {
                    Some(item) => item,
                    None => self.note(field, Missing::Item, name, ItemId(0)),
                },
            }),
            _ => Err(field.wanted("an item's number, or its SKU as text")),
        }
    }

    /// A location, by its number or code, or as `id:7`.
    pub(super) fn location(&self, field: &Field<'_>) -> Result<LocationId, Invalid> {
        match field.tree {
            Tree::Whole(_) => Ok(LocationId(field.whole("a location's number")?)),
            Tree::Text(name) => Ok(match self.target(field, AliasKind::Location)? {
                Some(AliasTarget::Location(location)) => {
                    let is_there = |id| self.state.location(LocationId(id)).is_some();
                    field.made(|text| is_one_thing(text, location.0, is_there))?;
                    location
                }
                _ => match numbered(name).map(LocationId).filter(|id| self.state.location(*id).is_some()) {
                    Some(location) => location,
                    None => self.note(field, Missing::Location, name, LocationId(0)),
                },
            }),
            _ => Err(field.wanted("a location's number, or its code as text")),
        }
    }

    /// A lot of an item, by its number or code, or as `id:7`.
    pub(super) fn lot_of(&self, item: ItemId, field: &Field<'_>) -> Result<LotId, Invalid> {
        match field.tree {
            Tree::Whole(_) => Ok(LotId(field.whole("a lot's number")?)),
            Tree::Text(name) => Ok(match self.target(field, AliasKind::Lot(item))? {
                Some(AliasTarget::Lot(lot)) => {
                    field.made(|text| is_one_thing(text, lot.0, |id| self.is_lot_of(LotId(id), item)))?;
                    lot
                }
                // An unknown item is refused as such.
                _ => match (numbered(name).map(LotId).filter(|id| self.is_lot_of(*id, item)), self.state.item(item)) {
                    (Some(lot), _) => lot,
                    (None, Some(_)) => {
                        let sku = super::refusal::item(self.state, item);
                        self.note(field, Missing::Lot { item, sku }, name, LotId::NONE)
                    }
                    (None, None) => LotId::NONE,
                },
            }),
            _ => Err(field.wanted("a lot's number, or its code as text")),
        }
    }

    fn is_lot_of(&self, lot: LotId, item: ItemId) -> bool {
        self.state.lot(lot).is_some_and(|lot| lot.item == item)
    }

    /// A lot, by its number, or by its item and code.
    pub(super) fn lot(&self, field: &Field<'_>) -> Result<LotId, Invalid> {
        match field.tree {
            Tree::Whole(_) => Ok(LotId(field.whole("a lot's number")?)),
            Tree::Object(_) => field.object(|fields| {
                let item = self.item(&fields.need("sku")?)?;
                self.lot_of(item, &fields.need("code")?)
            }),
            _ => Err(field.wanted("a lot's number, or {\"sku\":…,\"code\":…}: a code alone names no lot")),
        }
    }

    fn target(&self, field: &Field<'_>, kind: AliasKind) -> Result<Option<AliasTarget>, Invalid> {
        let text = field.made(AliasText::new)?;
        Ok(self.state.alias(&Alias { kind, text }))
    }

    fn note<T>(&self, field: &Field<'_>, what: Missing, name: &str, instead: T) -> T {
        let found = NotFound { what, name: name.to_owned(), path: field.path.to_string() };
        let mut missing = self.missing.borrow_mut();
        if missing.as_ref().is_none_or(|known| found.number() < known.number()) {
            *missing = Some(found);
        }
        instead
    }
}
