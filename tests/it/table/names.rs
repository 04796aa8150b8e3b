//! The names that a table gives to ids, and the ids behind them.

use crate::subject::Names;
use counterfoil::domain::command::{Alias, AliasKind, AliasTarget};
use counterfoil::domain::ids::{CommandId, ItemId, LocationId, LotId, Position, Seq, TransferId};
use counterfoil::domain::text::AliasText;
use std::collections::BTreeMap;

/// Names of one case; a name's id is its place.
#[derive(Default)]
pub struct Book {
    pub items: Vec<String>,
    pub locations: Vec<String>,
    /// `item.lot`.
    pub lots: Vec<String>,
    /// Labels of rows that made an event.
    pub seqs: BTreeMap<String, Seq>,
}

/// A uuid that follows from a text.
pub fn uuid_of(text: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..16]);
    bytes
}

pub fn command_id(label: &str) -> CommandId {
    CommandId::from_bytes(uuid_of(&format!("command {label}")))
}

pub fn transfer_id(name: &str) -> TransferId {
    TransferId::from_bytes(uuid_of(&format!("transfer {name}")))
}

/// `#n` is the id n, a name is its place in the list.
fn place(names: &[String], name: &str) -> Result<u32, String> {
    if let Some(raw) = name.strip_prefix('#') {
        return raw.parse().map_err(|_| format!("{name} is not #n"));
    }
    let at = names.iter().position(|known| known == name);
    at.map(|at| at as u32 + 1).ok_or_else(|| format!("{name} has not been made"))
}

impl Book {
    pub fn item_id(&self, name: &str) -> Result<ItemId, String> {
        place(&self.items, name).map(ItemId)
    }

    pub fn location_id(&self, name: &str) -> Result<LocationId, String> {
        place(&self.locations, name).map(LocationId)
    }

    /// A lot as `item.lot` or `item.#n`.
    pub fn lot_id(&self, name: &str) -> Result<LotId, String> {
        match name.split_once(".#") {
            Some((_, raw)) => raw.parse().map(LotId).map_err(|_| format!("{name} is not a lot")),
            None => place(&self.lots, name).map(LotId),
        }
    }

    /// `item@location` or `item.lot@location`.
    pub fn position_of(&self, text: &str) -> Result<Position, String> {
        let (thing, location) = text.split_once('@').ok_or_else(|| format!("{text} has no @"))?;
        let location = self.location_id(location)?;
        match thing.split_once('.') {
            None => Ok(Position::new(self.item_id(thing)?, location)),
            Some((item, _)) => Ok(Position::of_lot(self.item_id(item)?, location, self.lot_id(thing)?)),
        }
    }

    /// A row's label, or `#n`, or `0` for never.
    pub fn seq_of(&self, text: &str) -> Result<Seq, String> {
        if let Some(seq) = self.seqs.get(text) {
            return Ok(*seq);
        }
        let digits = text.strip_prefix('#').unwrap_or(text);
        digits.parse().map(Seq).map_err(|_| format!("no row with the label {text} has made an event"))
    }

    /// `kind:text`, with `lot/item` for the lots of an item.
    pub fn alias(&self, text: &str) -> Result<Alias, String> {
        let (kind, text) = text.split_once(':').ok_or_else(|| format!("{text} has no colon"))?;
        let kind = match kind.split_once('/') {
            None if kind == "sku" => AliasKind::Sku,
            None if kind == "barcode" => AliasKind::Barcode,
            None if kind == "vendor" => AliasKind::Vendor,
            None if kind == "location" => AliasKind::Location,
            Some(("lot", item)) => AliasKind::Lot(self.item_id(item)?),
            _ => return Err(format!("{kind} is no kind of alias")),
        };
        Ok(Alias { kind, text: AliasText::new(text).map_err(|error| error.to_string())? })
    }

    /// `item/A`, `location/S1` or `lot/C.L1`.
    pub fn target(&self, text: &str) -> Result<AliasTarget, String> {
        match text.split_once('/') {
            Some(("item", name)) => self.item_id(name).map(AliasTarget::Item),
            Some(("location", name)) => self.location_id(name).map(AliasTarget::Location),
            Some(("lot", name)) => self.lot_id(name).map(AliasTarget::Lot),
            _ => Err(format!("{text} is not item/, location/ or lot/")),
        }
    }
}

fn name_at(names: &[String], id: u32) -> String {
    let name = (id as usize).checked_sub(1).and_then(|at| names.get(at));
    name.cloned().unwrap_or_else(|| format!("#{id}"))
}

impl Names for Book {
    fn item(&self, item: ItemId) -> String {
        name_at(&self.items, item.0)
    }

    fn location(&self, location: LocationId) -> String {
        name_at(&self.locations, location.0)
    }

    fn lot(&self, lot: LotId) -> String {
        let name = name_at(&self.lots, lot.0);
        name.split_once('.').map_or(name.clone(), |(_, lot)| lot.to_owned())
    }

    fn seq(&self, seq: Seq) -> String {
        let label = self.seqs.iter().find(|(_, known)| **known == seq);
        label.map_or_else(|| format!("#{seq}"), |(label, _)| label.clone())
    }
}
