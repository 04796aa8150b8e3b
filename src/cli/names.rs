//! From what people type to the ids of the ledger, and back where no name leads there.

use super::failure::Failure;
use counterfoil::api::{nameless, number_of, numbered};
use counterfoil::domain::command::AliasKind;
use counterfoil::domain::ids::{ItemId, LocationId, LotId};
use counterfoil::domain::text::AliasText;
use counterfoil::ledger::Ledger;
use counterfoil::query::Place;
use serde_json::{Map, Value, json};
use std::fmt::Display;

/// What help says of things without a name.
pub const NUMBERED: &str = "\
Wherever a question takes a SKU or code, id:7 stands for the item, location or lot with that number: what no name leads \
to any more is shown as `item 7 (no name)`.";

/// A name that something is to be given: not one that looks like a number, which would then mean the wrong thing.
///
/// # Errors
/// Why not.
pub fn new_name(text: &str) -> Result<String, String> {
    match numbered(text) {
        None => Ok(text.to_owned()),
        Some(id) => Err(format!("{text} is how something is asked for by its number {id}; choose another name")),
    }
}

/// The item that a SKU names, or a text such as `id:7`.
pub fn item_of(ledger: &Ledger, sku: &str) -> Result<ItemId, Failure> {
    let missing = || format!("no item has the SKU {sku:?}; case matters");
    asked_for(ledger, AliasKind::Sku, "item", sku, missing).map(ItemId)
}

/// The location that a code names, or a text such as `id:7`.
pub fn location_of(ledger: &Ledger, code: &str) -> Result<LocationId, Failure> {
    let missing = || format!("no location has the code {code:?}; case matters");
    asked_for(ledger, AliasKind::Location, "location", code, missing).map(LocationId)
}

/// The lot of an item that a code names, or a text such as `id:7`.
pub fn lot_of(ledger: &Ledger, item: ItemId, code: &str) -> Result<LotId, Failure> {
    let missing = || format!("the item has no lot with the code {code:?}; case matters");
    asked_for(ledger, AliasKind::Lot(item), "lot", code, missing).map(LotId)
}

fn asked_for(
    ledger: &Ledger,
    kind: AliasKind,
    what: &str,
    text: &str,
    missing: impl FnOnce() -> String,
) -> Result<u32, Failure> {
    let name = AliasText::new(text)?;
    let found = ledger.query(|state, _| number_of(state, kind, name)).map_err(Failure::Refused)?;
    found.ok_or_else(|| {
        Failure::Refused(match numbered(text) {
            None => missing(),
            Some(id) => {
                let of = if what == "lot" { " of this item" } else { "" };
                format!("there is no {what} {id}{of}; those that are: counterfoil {what} list")
            }
        })
    })
}

/// What people type to ask for something: its name, or its number where it has none.
pub fn to_type(name: Option<&AliasText>, id: impl Display) -> String {
    name.map_or_else(|| format!("id:{id}"), ToString::to_string)
}

/// The fields of a row that say where: names, and the numbers that never change.
pub fn place_fields(place: &Place) -> Map<String, Value> {
    let fields = json!({
        "sku": place.sku, "location": place.location_code, "lot": place.lot_code,
        "item_id": place.item, "location_id": place.location, "lot_id": place.lot.tracked(),
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// A row with those fields.
pub fn placed(place: &Place, more: Value) -> Value {
    let mut row = place_fields(place);
    if let Value::Object(more) = more {
        row.extend(more);
    }
    Value::Object(row)
}

/// Says in a row for people what no name leads to.
pub fn tell_nameless(row: &mut Value) {
    const NAMED: [(&str, &str, &str); 4] = [
        ("sku", "item_id", "item"),
        ("location", "location_id", "location"),
        ("to", "to_id", "location"),
        ("lot", "lot_id", "lot"),
    ];
    for (name, id, what) in NAMED {
        let number = row[id].as_u64().and_then(|id| u32::try_from(id).ok()).filter(|id| *id > 0);
        if let (Some(Value::Null), Some(id)) = (row.get(name), number) {
            row[name] = nameless(what, id).into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_name_is_told_by_its_number() {
        let mut row =
            json!({ "sku": null, "location": "SHOP", "lot": null, "item_id": 7, "location_id": 2, "lot_id": null });
        tell_nameless(&mut row);
        let told = [&row["sku"], &row["location"], &row["lot"]];
        assert_eq!(told, [&json!("item 7 (no name)"), &json!("SHOP"), &Value::Null]);
        let mut other = json!({ "kind": "received" });
        tell_nameless(&mut other);
        assert_eq!(other, json!({ "kind": "received" }), "nothing is added");
    }

    #[test]
    fn only_a_number_that_can_be_one_is_taken() {
        for (text, number) in
            [("id:7", Some(7)), ("id:0", None), ("id:", None), ("id:-1", None), ("ID:7", None), ("id:4294967296", None)]
        {
            assert_eq!(numbered(text), number, "{text}");
        }
    }
}
