//! Items, locations, lots, aliases and reorder points.

use super::{Ground, Range, Violation, ensure, quantity, rule, violation};
use crate::domain::command::{Alias, AliasKind, AliasTarget};
use crate::domain::event::{
    AliasAdded, AliasMerged, AliasRenamed, AliasRetired, Body, DecimalsSet, ItemCreated, ItemStatusSet,
    LocationCreated, LocationStatusSet, LotCreated, LotStatusSet, ReorderPointSet,
};
use crate::domain::ids::{ItemId, Position};
use crate::domain::quantity::Quantity;
use crate::domain::state::Moved;
use crate::domain::text::AliasText;
use crate::limits::{DECIMALS_MAX, ENTITIES_MAX};

pub(super) fn check(at: &Ground<'_>) -> Result<(), Violation> {
    let (items, locations, lots) = at.state.entity_counts();
    match &at.event.body {
        Body::ItemCreated(ItemCreated { item, sku, decimals }) => {
            next_id(item.0, items, "item")?;
            decimals_range(*decimals)?;
            free(at, AliasKind::Sku, sku)
        }
        Body::DecimalsSet(DecimalsSet { item, decimals }) => decimals_set(at, *item, *decimals),
        Body::ItemStatusSet(ItemStatusSet { item, status }) => {
            at.item(*item)?;
            changes(at.state.item(*item).is_none_or(|item| item.status != *status), "the item has that status")
        }
        Body::LocationCreated(LocationCreated { location, code, .. }) => {
            next_id(location.0, locations, "location")?;
            free(at, AliasKind::Location, code)
        }
        Body::LocationStatusSet(LocationStatusSet { location, status }) => {
            at.location(*location)?;
            let differs = at.state.location(*location).is_none_or(|location| location.status != *status);
            changes(differs, "the location has that status")
        }
        Body::LotCreated(LotCreated { lot, item, code }) => {
            next_id(lot.0, lots, "lot")?;
            at.item(*item)?;
            free(at, AliasKind::Lot(*item), code)
        }
        Body::LotStatusSet(LotStatusSet { lot, status }) => {
            let Some(entry) = at.state.lot(*lot) else {
                return violation(rule::LOT_EXISTS, format!("there is no lot {lot}"));
            };
            changes(entry.status != *status, "the lot has that status")
        }
        Body::ReorderPointSet(ReorderPointSet { position, point }) => reorder_point(at, *position, *point),
        _ => alias(at),
    }
}

fn alias(at: &Ground<'_>) -> Result<(), Violation> {
    match &at.event.body {
        Body::AliasAdded(AliasAdded { alias, target }) => {
            pairing(at, alias, *target)?;
            free(at, alias.kind, &alias.text)
        }
        Body::AliasRenamed(AliasRenamed { alias, to }) => {
            known(at, alias)?;
            changes(alias.text != *to, "the alias has that text")?;
            free(at, alias.kind, to)
        }
        Body::AliasMerged(AliasMerged { alias, into }) => {
            let target = known(at, alias)?;
            pairing(at, alias, *into)?;
            changes(target != *into, "the alias names that")
        }
        Body::AliasRetired(AliasRetired { alias }) => known(at, alias).map(|_| ()),
        _ => Ok(()),
    }
}

fn next_id(id: u32, count: usize, what: &str) -> Result<(), Violation> {
    let next = u64::try_from(count).unwrap_or(u64::MAX).saturating_add(1);
    ensure(u64::from(id) == next && id <= ENTITIES_MAX, rule::NEXT_ID, || {
        format!("the new {what} has the number {id}, the next one is {next}, the last one {ENTITIES_MAX}")
    })
}

fn decimals_range(decimals: u8) -> Result<(), Violation> {
    ensure(decimals <= DECIMALS_MAX, rule::DECIMALS_RANGE, || {
        format!("{decimals} decimals, at most {DECIMALS_MAX} are allowed")
    })
}

fn decimals_set(at: &Ground<'_>, item: ItemId, decimals: u8) -> Result<(), Violation> {
    decimals_range(decimals)?;
    at.item(item)?;
    let Some(entry) = at.state.item(item) else { return Ok(()) };
    changes(entry.decimals != decimals, "the item has those decimals")?;
    ensure(entry.moved == Moved::Never, rule::DECIMALS_FIXED, || {
        format!("item {item} has moved, its {} decimals are fixed", entry.decimals)
    })
}

fn reorder_point(at: &Ground<'_>, position: Position, point: Option<Quantity>) -> Result<(), Violation> {
    at.position(position)?;
    if let Some(point) = point {
        quantity(point.0, Range::ZeroOrMore, position)?;
    }
    let before = at.state.position(position).and_then(|entry| Some(entry.reorder.as_ref()?.point));
    changes(before != point, "the reorder point is that")
}

fn free(at: &Ground<'_>, kind: AliasKind, text: &AliasText) -> Result<(), Violation> {
    let alias = Alias { kind, text: text.clone() };
    ensure(at.state.alias(&alias).is_none(), rule::ALIAS_FREE, || {
        format!("the {kind:?} alias {:?} is in use", text.as_str())
    })
}

fn known(at: &Ground<'_>, alias: &Alias) -> Result<AliasTarget, Violation> {
    match at.state.alias(alias) {
        Some(target) => Ok(target),
        None => {
            violation(rule::ALIAS_KNOWN, format!("the {:?} alias {:?} is not in use", alias.kind, alias.text.as_str()))
        }
    }
}

/// The kind of an alias fits what it names, and that exists.
fn pairing(at: &Ground<'_>, alias: &Alias, target: AliasTarget) -> Result<(), Violation> {
    match (alias.kind, target) {
        (AliasKind::Sku | AliasKind::Barcode | AliasKind::Vendor, AliasTarget::Item(item)) => at.item(item),
        (AliasKind::Location, AliasTarget::Location(location)) => at.location(location),
        (AliasKind::Lot(item), AliasTarget::Lot(lot)) => {
            let fits = at.state.lot(lot).is_some_and(|lot| lot.item == item);
            ensure(fits, rule::LOT_EXISTS, || format!("item {item} has no lot {lot}"))
        }
        (kind, target) => violation(rule::ALIAS_PAIRING, format!("a {kind:?} alias names {target:?}")),
    }
}

pub(super) fn changes(differs: bool, what: &str) -> Result<(), Violation> {
    ensure(differs, rule::NO_CHANGE, || format!("{what} already"))
}
