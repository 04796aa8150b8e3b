//! The way back: what a refusal says, with names and in the items' units.

use crate::domain::command::{Alias, AliasKind, AliasTarget};
use crate::domain::ids::{ItemId, LocationId, LotId, Position, Timestamp};
use crate::domain::line::Bucket;
use crate::domain::names::Names;
use crate::domain::period::by_clock;
use crate::domain::quantity::decimal;
use crate::domain::rejection::{Rejection, Shortage};
use crate::domain::state::State;
use crate::domain::text::AliasText;
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// A quantity as programs get it: a whole number, or an exact decimal as text where the item has decimals.
#[must_use]
pub fn amount(units: i64, decimals: u8) -> Value {
    match decimals {
        0 => Value::from(units),
        _ => Value::from(decimal(i128::from(units), decimals)),
    }
}

/// A position for people, such as `MUG-BLUE at SHOP` or `JAM-PLUM lot P-2501 at SHOP`; `item 7 (no name)` where
/// no name leads there any more.
#[must_use]
pub fn place(state: &State, position: Position) -> String {
    let mut text = item(state, position.item);
    if position.lot != LotId::NONE {
        let _ = write!(text, " {}", lot(state, position.lot));
    }
    let _ = write!(text, " at {}", location(state, position.location));
    text
}

pub(super) fn item(state: &State, id: ItemId) -> String {
    match (Names::at_hand(state).sku(id), state.item(id)) {
        (Some(sku), _) => sku.to_string(),
        (None, Some(_)) => nameless("item", id.0),
        (None, None) => format!("item {id}"),
    }
}

fn location(state: &State, id: LocationId) -> String {
    match (Names::at_hand(state).code(id), state.location(id)) {
        (Some(code), _) => code.to_string(),
        (None, Some(_)) => nameless("location", id.0),
        (None, None) => format!("location {id}"),
    }
}

fn lot(state: &State, id: LotId) -> String {
    match (Names::at_hand(state).lot_code(id), state.lot(id)) {
        (Some(code), _) => format!("lot {code}"),
        (None, Some(_)) => nameless("lot", id.0),
        (None, None) => format!("lot {id}"),
    }
}

/// What people see of an item, location or lot that no name leads to: they can ask for `id:7`.
#[must_use]
pub fn nameless(what: &str, id: u32) -> String {
    format!("{what} {id} (no name)")
}

fn figure(state: &State, item: ItemId, units: i64) -> Value {
    amount(units, state.item(item).map_or(0, |item| item.decimals))
}

/// A quantity for people, in the item's unit.
fn told(state: &State, item: ItemId, units: i64) -> String {
    decimal(i128::from(units), state.item(item).map_or(0, |item| item.decimals))
}

/// The figures of a refusal as JSON: ids as the library gives them, the names of what they are beside (`sku`,
/// `location_code`, `lot_code`), quantities of a position or item in the item's unit.
#[must_use]
pub fn details(rejection: &Rejection, state: &State) -> Value {
    let mut value = serde_json::to_value(rejection).unwrap_or_default();
    let Value::Object(fields) = &mut value else { return value };
    match rejection {
        Rejection::InsufficientStock { short } => {
            fields.insert("short".to_owned(), short.iter().map(|short| shortage(state, short)).collect());
        }
        Rejection::QuantityMismatch { position, wanted, open } => {
            names(fields, state, *position);
            fields.insert("wanted".to_owned(), figure(state, position.item, *wanted));
            fields.insert("open".to_owned(), figure(state, position.item, *open));
        }
        Rejection::ReturnExceedsShipped { item: id, wanted, returnable, .. } => {
            fields.insert("sku".to_owned(), sku(state, *id));
            fields.insert("wanted".to_owned(), figure(state, *id, *wanted));
            fields.insert("returnable".to_owned(), figure(state, *id, *returnable));
        }
        Rejection::VersionConflict { position, .. }
        | Rejection::Overflow { position, .. }
        | Rejection::NoReservation { position: Some(position), .. } => names(fields, state, *position),
        Rejection::ProductUnavailable { item: id, .. }
        | Rejection::DecimalsFixed { item: id, .. }
        | Rejection::ProductNotFound { item: id }
        | Rejection::LotNotFound { item: id, .. } => {
            fields.insert("sku".to_owned(), sku(state, *id));
        }
        Rejection::LocationUnavailable { location } | Rejection::PeriodClosed { location, .. } => {
            fields.insert("location_code".to_owned(), code(state, *location));
        }
        Rejection::LotUnavailable { lot } => {
            fields.insert("lot_code".to_owned(), lot_code(state, *lot));
        }
        _ => {}
    }
    fields.retain(|_, value| !value.is_null());
    value
}

fn shortage(state: &State, short: &Shortage) -> Value {
    let mut fields = Map::new();
    fields.insert("position".to_owned(), json!(short.position));
    names(&mut fields, state, short.position);
    fields.insert("bucket".to_owned(), json!(short.bucket));
    fields.insert("wanted".to_owned(), figure(state, short.position.item, short.wanted));
    fields.insert("available".to_owned(), figure(state, short.position.item, short.available));
    Value::Object(fields)
}

fn names(fields: &mut Map<String, Value>, state: &State, position: Position) {
    fields.insert("sku".to_owned(), sku(state, position.item));
    fields.insert("location_code".to_owned(), code(state, position.location));
    if position.lot != LotId::NONE {
        fields.insert("lot_code".to_owned(), lot_code(state, position.lot));
    }
}

fn sku(state: &State, id: ItemId) -> Value {
    json!(Names::at_hand(state).sku(id))
}

fn code(state: &State, id: LocationId) -> Value {
    json!(Names::at_hand(state).code(id))
}

fn lot_code(state: &State, id: LotId) -> Value {
    json!(Names::at_hand(state).lot_code(id))
}

/// A refusal for people: the same as the library says, with names and units.
#[must_use]
pub fn message(rejection: &Rejection, state: &State) -> String {
    match rejection {
        Rejection::InsufficientStock { short } => shortages(state, short),
        Rejection::QuantityMismatch { position, wanted, open } => format!(
            "{} wanted, {} open of {}",
            told(state, position.item, *wanted),
            told(state, position.item, *open),
            place(state, *position)
        ),
        Rejection::ReturnExceedsShipped { order, item: id, wanted, returnable } => format!(
            "{} of {} are said to come back on order {order}, {} are out",
            told(state, *id, *wanted),
            item(state, *id),
            told(state, *id, *returnable)
        ),
        Rejection::VersionConflict { position, seen, current, .. } => {
            format!("{} had version {seen} when you looked, it has version {current} now", place(state, *position))
        }
        Rejection::NoReservation { position: Some(position), reservation, order } => {
            let whole = Rejection::NoReservation { position: None, reservation: *reservation, order: order.clone() };
            format!("{whole} on {}", place(state, *position))
        }
        Rejection::Overflow { position, what } => {
            format!("{what} of {} would leave the ledger's range", place(state, *position))
        }
        Rejection::ProductUnavailable { item: id, status } => {
            let status = serde_json::to_value(status).unwrap_or_default();
            let status = status.as_str().unwrap_or_default().replace('_', " ");
            format!("{} can't be promised: it is {status}", item(state, *id))
        }
        Rejection::PeriodClosed { location: id, closed_until, at } => {
            let known = state.location(*id);
            let told = |at: Timestamp| known.map_or_else(|| at.to_string(), |known| by_clock(at, &known.zone));
            let (closed, at) = (told(*closed_until), told(*at));
            format!("{} is closed up to {closed} by its clocks, and the command names {at}", location(state, *id))
        }
        Rejection::AlreadyExists { alias } => match leads_to(state, alias) {
            Some(told) => format!("{rejection}; that text names {told}"),
            None => rejection.to_string(),
        },
        Rejection::AliasNotFound { alias } => match leads_to(state, alias) {
            Some(told) => format!("no name of that kind is {alias:?}: it is {told}"),
            None => rejection.to_string(),
        },
        Rejection::LocationUnavailable { location: id } => format!("{} is retired", location(state, *id)),
        Rejection::LotUnavailable { lot: id } => format!("{} is retired", lot(state, *id)),
        Rejection::DecimalsFixed { item: id, decimals } => {
            format!("{} has moved, its {decimals} decimals are fixed", item(state, *id))
        }
        other => other.to_string(),
    }
}

/// What a text names, whatever kind of name it is; a lot's code is one within its item only.
fn leads_to(state: &State, text: &str) -> Option<String> {
    const KINDS: [(AliasKind, &str); 4] = [
        (AliasKind::Sku, "the SKU"),
        (AliasKind::Barcode, "a barcode"),
        (AliasKind::Vendor, "a vendor's number"),
        (AliasKind::Location, "a code"),
    ];
    let text = AliasText::new(text).ok()?;
    let told = KINDS.iter().filter_map(|(kind, what)| {
        let thing = match state.alias(&Alias { kind: *kind, text: text.clone() })? {
            AliasTarget::Item(id) => format!("item {id}, {}", item(state, id)),
            AliasTarget::Location(id) => format!("location {id}, {}", location(state, id)),
            AliasTarget::Lot(_) => return None,
        };
        Some(format!("{what} of {thing}"))
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| told.join(" and "))
}

fn shortages(state: &State, short: &[Shortage]) -> String {
    let mut text = "not enough stock:".to_owned();
    for (index, line) in short.iter().enumerate() {
        let comma = if index == 0 { "" } else { ";" };
        let item = line.position.item;
        let (wanted, available) = (told(state, item, line.wanted), told(state, item, line.available));
        let bucket = if line.bucket == Bucket::Unsellable { "unsellable " } else { "" };
        let place = place(state, line.position);
        let _ = write!(text, "{comma} {wanted} wanted, {available} available of {bucket}{place}");
    }
    text
}
