//! From what people type to the ids of the ledger.

use super::failure::Failure;
use counterfoil::domain::command::{Alias, AliasKind};
use counterfoil::domain::ids::{ItemId, LocationId, LotId};
use counterfoil::domain::text::AliasText;
use counterfoil::ledger::Ledger;
use counterfoil::query::{self, Named};

/// The item that a SKU names.
pub fn item_of(ledger: &Ledger, sku: &str) -> Result<ItemId, Failure> {
    match named(ledger, AliasKind::Sku, sku)? {
        Some(Named::Item(item)) => Ok(item.item),
        _ => Err(Failure::Refused(format!("no item has the SKU {sku:?}; case matters"))),
    }
}

/// The location that a code names.
pub fn location_of(ledger: &Ledger, code: &str) -> Result<LocationId, Failure> {
    match named(ledger, AliasKind::Location, code)? {
        Some(Named::Location(location)) => Ok(location.location),
        _ => Err(Failure::Refused(format!("no location has the code {code:?}; case matters"))),
    }
}

/// The lot of an item that a code names.
pub fn lot_of(ledger: &Ledger, item: ItemId, code: &str) -> Result<LotId, Failure> {
    match named(ledger, AliasKind::Lot(item), code)? {
        Some(Named::Lot(lot)) => Ok(lot.lot),
        _ => Err(Failure::Refused(format!("the item has no lot with the code {code:?}; case matters"))),
    }
}

/// What an alias names.
pub fn named(ledger: &Ledger, kind: AliasKind, text: &str) -> Result<Option<Named>, Failure> {
    let alias = Alias { kind, text: AliasText::new(text)? };
    Ok(ledger.query(|state, now| query::by_alias(state, now, &alias)).value)
}
