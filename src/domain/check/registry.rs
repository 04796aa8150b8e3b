//! Items, locations, lots, aliases and reorder points.

use super::{Ground, Range, Violation, ensure, quantity, rule, violation};
use crate::domain::command::{Alias, AliasKind, AliasTarget};
use crate::domain::event::{
    AliasAdded, AliasMerged, AliasRenamed, AliasRetired, DecimalsSet, ItemCreated, ItemStatusSet, LocationCreated,
    LocationStatusSet, LotCreated, LotStatusSet, ReorderPointSet,
};
use crate::domain::state::Moved;
use crate::domain::text::AliasText;
use crate::limits::{DECIMALS_MAX, ENTITIES_MAX};

pub(super) fn item_created(at: &Ground<'_>, event: &ItemCreated) -> Result<(), Violation> {
    next_id(event.item.0, at.state.entity_counts().0, "item")?;
    decimals_range(event.decimals)?;
    free(at, AliasKind::Sku, &event.sku)
}

pub(super) fn item_status_set(at: &Ground<'_>, event: &ItemStatusSet) -> Result<(), Violation> {
    at.item(event.item)?;
    let differs = at.state.item(event.item).is_none_or(|item| item.status != event.status);
    changes(differs, "the item has that status")
}

pub(super) fn location_created(at: &Ground<'_>, event: &LocationCreated) -> Result<(), Violation> {
    next_id(event.location.0, at.state.entity_counts().1, "location")?;
    free(at, AliasKind::Location, &event.code)
}

pub(super) fn location_status_set(at: &Ground<'_>, event: &LocationStatusSet) -> Result<(), Violation> {
    at.location(event.location)?;
    let differs = at.state.location(event.location).is_none_or(|location| location.status != event.status);
    changes(differs, "the location has that status")
}

pub(super) fn lot_created(at: &Ground<'_>, event: &LotCreated) -> Result<(), Violation> {
    next_id(event.lot.0, at.state.entity_counts().2, "lot")?;
    at.item(event.item)?;
    free(at, AliasKind::Lot(event.item), &event.code)
}

pub(super) fn lot_status_set(at: &Ground<'_>, event: &LotStatusSet) -> Result<(), Violation> {
    let Some(entry) = at.state.lot(event.lot) else {
        return violation(rule::LOT_EXISTS, format!("there is no lot {}", event.lot));
    };
    changes(entry.status != event.status, "the lot has that status")
}

pub(super) fn alias_added(at: &Ground<'_>, AliasAdded { alias, target }: &AliasAdded) -> Result<(), Violation> {
    pairing(at, alias, *target)?;
    free(at, alias.kind, &alias.text)
}

pub(super) fn alias_renamed(at: &Ground<'_>, AliasRenamed { alias, to }: &AliasRenamed) -> Result<(), Violation> {
    known(at, alias)?;
    changes(alias.text != *to, "the alias has that text")?;
    free(at, alias.kind, to)
}

pub(super) fn alias_merged(at: &Ground<'_>, AliasMerged { alias, into }: &AliasMerged) -> Result<(), Violation> {
    let target = known(at, alias)?;
    pairing(at, alias, *into)?;
    changes(target != *into, "the alias names that")
}

pub(super) fn alias_retired(at: &Ground<'_>, event: &AliasRetired) -> Result<(), Violation> {
    known(at, &event.alias).map(|_| ())
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

pub(super) fn decimals_set(at: &Ground<'_>, event: &DecimalsSet) -> Result<(), Violation> {
    let DecimalsSet { item, decimals } = *event;
    decimals_range(decimals)?;
    at.item(item)?;
    let Some(entry) = at.state.item(item) else { return Ok(()) };
    changes(entry.decimals != decimals, "the item has those decimals")?;
    ensure(entry.moved == Moved::Never, rule::DECIMALS_FIXED, || {
        format!("item {item} has moved, its {} decimals are fixed", entry.decimals)
    })
}

pub(super) fn reorder_point_set(at: &Ground<'_>, event: &ReorderPointSet) -> Result<(), Violation> {
    let ReorderPointSet { position, point } = *event;
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
