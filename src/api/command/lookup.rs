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

/// The number of what a text asks for: by a name of this kind, or as `id:7`. None where nothing goes by it.
///
/// # Errors
/// What to write instead of a text that is the name of one thing and the number of another.
pub fn number_of(state: &State, kind: AliasKind, text: AliasText) -> Result<Option<u32>, String> {
    let is_there = |number: &u32| match kind {
        AliasKind::Location => state.location(LocationId(*number)).is_some(),
        AliasKind::Lot(item) => state.lot(LotId(*number)).is_some_and(|lot| lot.item == item),
        AliasKind::Sku | AliasKind::Barcode | AliasKind::Vendor => state.item(ItemId(*number)).is_some(),
    };
    let number = numbered(text.as_str()).filter(is_there);
    let alias = Alias { kind, text };
    let named = state.alias(&alias).map(|target| match target {
        AliasTarget::Item(item) => item.0,
        AliasTarget::Location(location) => location.0,
        AliasTarget::Lot(lot) => lot.0,
    });
    match (named, number) {
        (Some(named), Some(number)) if named != number => Err(format!(
            "{:?} is the name of number {named}, and asks for number {number}: write id:{named} or id:0{number}",
            alias.text.as_str()
        )),
        (named, number) => Ok(named.or(number)),
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
            Tree::Text(name) => Ok(match self.number_of(field, AliasKind::Sku)? {
                Some(item) => ItemId(item),
                None => self.note(field, Missing::Item, name, ItemId(0)),
            }),
            _ => Err(field.wanted("an item's number, or its SKU as text")),
        }
    }

    /// A location, by its number or code, or as `id:7`.
    pub(super) fn location(&self, field: &Field<'_>) -> Result<LocationId, Invalid> {
        match field.tree {
            Tree::Whole(_) => Ok(LocationId(field.whole("a location's number")?)),
            Tree::Text(name) => Ok(match self.number_of(field, AliasKind::Location)? {
                Some(location) => LocationId(location),
                None => self.note(field, Missing::Location, name, LocationId(0)),
            }),
            _ => Err(field.wanted("a location's number, or its code as text")),
        }
    }

    /// A lot of an item, by its number or code, or as `id:7`.
    pub(super) fn lot_of(&self, item: ItemId, field: &Field<'_>) -> Result<LotId, Invalid> {
        match field.tree {
            Tree::Whole(_) => Ok(LotId(field.whole("a lot's number")?)),
            Tree::Text(name) => Ok(match (self.number_of(field, AliasKind::Lot(item))?, self.state.item(item)) {
                (Some(lot), _) => LotId(lot),
                (None, Some(_)) => {
                    let sku = crate::api::refusal::item(self.state, item);
                    self.note(field, Missing::Lot { item, sku }, name, LotId::NONE)
                }
                // An unknown item is refused as such.
                (None, None) => LotId::NONE,
            }),
            _ => Err(field.wanted("a lot's number, or its code as text")),
        }
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

    fn number_of(&self, field: &Field<'_>, kind: AliasKind) -> Result<Option<u32>, Invalid> {
        let text = field.made(AliasText::new)?;
        field.made(|_| number_of(self.state, kind, text))
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
