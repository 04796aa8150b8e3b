//! Items, locations, lots, and the names that they go by.

use super::error::Invalid;
use super::fields::Field;
use super::form::{Decimals, Form, kind, object, words};
use super::lookup::Names;
use super::things::{Item, Location, Lot, Target};
use super::tree::Tree;
use crate::domain::command as made;
use crate::domain::command::{ItemStatus, UseStatus};
use crate::domain::text::{AliasText, Zone};
use serde::Deserialize;

kind! {
    /// Make an item, known by this SKU.
    CreateItem {
        sku: AliasText,
        /// Decimal places of its quantities; 0 unless said.
        decimals: Option<Decimals>,
    } => made::CreateItem { sku, decimals: decimals.unwrap_or(0) }
}

kind! {
    /// Change an item's decimals, before its first movement only.
    SetDecimals { item: Item, decimals: Decimals, } => made::SetDecimals { item, decimals }
}

kind! {
    /// Change what may be promised of an item.
    SetItemStatus { item: Item, status: ItemStatus, } => made::SetItemStatus { item, status }
}

kind! {
    /// Make a location, known by this code.
    CreateLocation { code: AliasText, zone: Zone, } => made::CreateLocation { code, zone }
}

kind! {
    /// Retire a location, or bring it back.
    SetLocationStatus { location: Location, status: UseStatus, } => made::SetLocationStatus { location, status }
}

kind! {
    /// Make a lot of an item, known by this code.
    CreateLot { item: Item, code: AliasText, } => made::CreateLot { item, code }
}

kind! {
    /// Retire a lot, or bring it back.
    SetLotStatus { lot: Lot, status: UseStatus, } => made::SetLotStatus { lot, status }
}

kind! {
    /// Give a thing one more alias.
    AddAlias { alias: Alias, target: Target, } => made::AddAlias { alias, target }
}

kind! {
    /// Change the text of an alias.
    RenameAlias { alias: Alias, to: AliasText, } => made::RenameAlias { alias, to }
}

kind! {
    /// Let an alias name another thing from now on.
    MergeAlias { alias: Alias, into: Target, } => made::MergeAlias { alias, into }
}

kind! {
    /// Take an alias out of use.
    RetireAlias { alias: Alias, } => made::RetireAlias { alias }
}

object! {
    /// An alias: its name space and its text.
    Alias -> made::Alias { kind: AliasKind, text: AliasText, } => made::Alias { kind, text }
}

/// The name space of an alias.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
#[allow(dead_code, reason = "it is the form; reading makes a name space of it")]
pub(super) enum AliasKind {
    /// Of everything but lots.
    Word(AliasWord),
    /// Of the lots of an item.
    Lot(AliasOfLot),
}

#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum AliasWord {
    Sku,
    Barcode,
    Vendor,
    Location,
}

words!(AliasWord);

object! {
    /// The name space of an item's lots.
    AliasOfLot -> made::AliasKind {
        /// The lot's item.
        lot: Item,
    } => made::AliasKind::Lot(lot)
}

impl Form for AliasKind {
    type Value = made::AliasKind;

    fn read(field: &Field<'_>, names: &Names<'_>) -> Result<made::AliasKind, Invalid> {
        if matches!(field.tree, Tree::Object(_)) {
            return AliasOfLot::read(field, names);
        }
        Ok(match AliasWord::read(field, names)? {
            AliasWord::Sku => made::AliasKind::Sku,
            AliasWord::Barcode => made::AliasKind::Barcode,
            AliasWord::Vendor => made::AliasKind::Vendor,
            AliasWord::Location => made::AliasKind::Location,
        })
    }
}
