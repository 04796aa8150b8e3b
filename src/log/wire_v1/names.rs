//! Aliases and statuses.

use super::super::codec::{CodecError, Input, Sink, put};
use crate::domain::command::{Alias, AliasKind, AliasTarget, ItemStatus, UseStatus};
use crate::domain::ids::{ItemId, LocationId, LotId};
use crate::domain::text::AliasText;
use serde::{Deserialize, Serialize};

const KIND_SKU: u8 = 1;
const KIND_BARCODE: u8 = 2;
const KIND_VENDOR: u8 = 3;
const KIND_LOCATION: u8 = 4;
const KIND_LOT: u8 = 5;

const TARGET_ITEM: u8 = 1;
const TARGET_LOCATION: u8 = 2;
const TARGET_LOT: u8 = 3;

/// An alias; `item` is zero unless the kind is a lot's code.
#[derive(Serialize, Deserialize)]
struct WireAlias<'a> {
    kind: u8,
    item: u32,
    text: &'a str,
}

pub(super) fn put_alias<S: Sink>(sink: &mut S, alias: &Alias) -> Result<(), CodecError> {
    let (kind, item) = match alias.kind {
        AliasKind::Sku => (KIND_SKU, 0),
        AliasKind::Barcode => (KIND_BARCODE, 0),
        AliasKind::Vendor => (KIND_VENDOR, 0),
        AliasKind::Location => (KIND_LOCATION, 0),
        AliasKind::Lot(item) => (KIND_LOT, item.0),
    };
    put(sink, WireAlias { kind, item, text: alias.text.as_str() })
}

pub(super) fn take_alias(input: &mut Input<'_>) -> Result<Alias, CodecError> {
    let wire = input.take::<WireAlias<'_>>()?;
    let kind = match (wire.kind, wire.item) {
        (KIND_SKU, 0) => AliasKind::Sku,
        (KIND_BARCODE, 0) => AliasKind::Barcode,
        (KIND_VENDOR, 0) => AliasKind::Vendor,
        (KIND_LOCATION, 0) => AliasKind::Location,
        (KIND_LOT, item) => AliasKind::Lot(ItemId(item)),
        _ => return Err(input.malformed("an alias of kind 1 to 5, with an item for kind 5 only")),
    };
    Ok(Alias { kind, text: input.text(wire.text, AliasText::new)? })
}

pub(super) fn put_target<S: Sink>(sink: &mut S, target: AliasTarget) -> Result<(), CodecError> {
    put(
        sink,
        match target {
            AliasTarget::Item(id) => (TARGET_ITEM, id.0),
            AliasTarget::Location(id) => (TARGET_LOCATION, id.0),
            AliasTarget::Lot(id) => (TARGET_LOT, id.0),
        },
    )
}

pub(super) fn take_target(input: &mut Input<'_>) -> Result<AliasTarget, CodecError> {
    match input.take::<(u8, u32)>()? {
        (TARGET_ITEM, id) => Ok(AliasTarget::Item(ItemId(id))),
        (TARGET_LOCATION, id) => Ok(AliasTarget::Location(LocationId(id))),
        (TARGET_LOT, id) => Ok(AliasTarget::Lot(LotId(id))),
        _ => Err(input.malformed("1 to 3, the kind of thing that an alias names")),
    }
}

pub(super) const fn item_status_code(status: ItemStatus) -> u8 {
    match status {
        ItemStatus::Active => 1,
        ItemStatus::OnHold => 2,
        ItemStatus::Discontinued => 3,
    }
}

pub(super) fn take_item_status(input: &mut Input<'_>) -> Result<ItemStatus, CodecError> {
    match input.take::<u8>()? {
        1 => Ok(ItemStatus::Active),
        2 => Ok(ItemStatus::OnHold),
        3 => Ok(ItemStatus::Discontinued),
        _ => Err(input.malformed("1 to 3, the status of an item")),
    }
}

pub(super) const fn use_status_code(status: UseStatus) -> u8 {
    match status {
        UseStatus::Active => 1,
        UseStatus::Retired => 2,
    }
}

pub(super) fn take_use_status(input: &mut Input<'_>) -> Result<UseStatus, CodecError> {
    match input.take::<u8>()? {
        1 => Ok(UseStatus::Active),
        2 => Ok(UseStatus::Retired),
        _ => Err(input.malformed("1 or 2, whether a thing is in use")),
    }
}
