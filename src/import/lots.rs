//! Lots that a file names: each by its item, which may stand in the file under several codes, and its own code.

use super::layout::LotCode;
use super::line::{Lookup, new_name, refusal_of};
use super::mapping::Unknown;
use super::planned::{FreshLot, Refusal};
use super::template::Row;
use crate::domain::command::{Alias, AliasKind};
use crate::domain::ids::ItemId;
use crate::domain::text::AliasText;
use crate::query::Named;
use hashbrown::HashMap;

/// The lots that came up so far.
#[derive(Default)]
pub(super) struct Lots {
    places: HashMap<(Item, AliasText), usize>,
    /// Those that came up since they were last taken.
    pub fresh: Vec<FreshLot>,
}

/// A lot that has a place already, or will get one when its line is taken.
pub(super) enum FoundLot {
    Place(usize),
    Unknown(AliasText),
}

/// What an item is told by: its number, or its place where it has none yet.
type Item = Result<ItemId, usize>;

/// The item that a lot is of: its place, and its number where the ledger has it.
#[derive(Clone, Copy)]
pub(super) struct OfItem {
    pub place: Option<usize>,
    pub known: Option<ItemId>,
}

impl Lots {
    /// The lot on a line; none where the field is empty.
    pub fn found(
        &mut self,
        field: &LotCode,
        row: &Row<'_>,
        item: OfItem,
        lookup: &Lookup,
    ) -> Result<Option<FoundLot>, Refusal> {
        let text = field.code.value(row);
        if text.is_empty() {
            return Ok(None);
        }
        let code = AliasText::new(&text).map_err(|error| refusal_of("LOT", &field.code, &text, error))?;
        if let Some(item_place) = item.place {
            if let Some(place) = self.places.get(&(item.known.ok_or(item_place), code.clone())) {
                return Ok(Some(FoundLot::Place(*place)));
            }
            let alias = |item| Alias { kind: AliasKind::Lot(item), text: code.clone() };
            if let Some(Named::Lot(lot)) = item.known.and_then(|item| lookup(&alias(item))) {
                let fresh = FreshLot { item: item_place, code, known: Some(lot.lot) };
                return Ok(Some(FoundLot::Place(self.insert(fresh, item.known))));
            }
        }
        match field.unknown {
            Unknown::Register => new_name("LOT", &field.code, code).map(|code| Some(FoundLot::Unknown(code))),
            Unknown::Refuse => {
                let advice =
                    "the item has no lot with this code; make it, or say lot.unknown = \"register\" in the mapping";
                Err(refusal_of("LOT_NOT_FOUND", &field.code, &text, advice))
            }
        }
    }

    /// The place of a lot whose line is taken, of the item at this place and with this number.
    pub fn placed(&mut self, found: FoundLot, item: usize, known: Option<ItemId>) -> usize {
        match found {
            FoundLot::Place(place) => place,
            FoundLot::Unknown(code) => self.insert(FreshLot { item, code, known: None }, known),
        }
    }

    fn insert(&mut self, fresh: FreshLot, item: Option<ItemId>) -> usize {
        let place = self.places.len();
        self.places.insert((item.ok_or(fresh.item), fresh.code.clone()), place);
        self.fresh.push(fresh);
        place
    }
}
