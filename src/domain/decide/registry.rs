//! Items, locations, lots, aliases, reorder points, and what people do about alerts.

use super::lines::{exists, has_moved};
use super::{Decided, Lowest};
use crate::domain::alert::AlertStatus;
use crate::domain::command::{
    AcknowledgeAlert, Act, AddAlias, Alias, AliasKind, AliasTarget, CreateItem, CreateLocation, CreateLot,
    DismissAlert, MergeAlias, RenameAlias, ResolveAlert, RetireAlias, SetDecimals, SetItemStatus, SetLocationStatus,
    SetLotStatus, SetReorderPoint,
};
use crate::domain::event::{
    AlertAcknowledged, AlertDismissed, AlertResolved, AliasAdded, AliasMerged, AliasRenamed, AliasRetired, Body,
    DecimalsSet, ItemCreated, ItemStatusSet, LocationCreated, LocationStatusSet, LotCreated, LotStatusSet,
    ReorderPointSet,
};
use crate::domain::ids::{AlertId, ItemId, LocationId, LotId, Position};
use crate::domain::quantity::Quantity;
use crate::domain::rejection::Rejection;
use crate::domain::state::State;
use crate::domain::text::AliasText;
use crate::limits::ENTITIES_MAX;

pub(super) fn decide(state: &State, act: &Act) -> Decided {
    match act {
        Act::CreateItem(_) | Act::CreateLocation(_) | Act::CreateLot(_) => create(state, act),
        Act::SetDecimals(_) | Act::SetItemStatus(_) | Act::SetLocationStatus(_) | Act::SetLotStatus(_) => {
            change(state, act)
        }
        Act::AddAlias(_) | Act::RenameAlias(_) | Act::MergeAlias(_) | Act::RetireAlias(_) => alias(state, act),
        Act::SetReorderPoint(SetReorderPoint { position, point }) => reorder_point(state, *position, *point),
        Act::AcknowledgeAlert(AcknowledgeAlert { alert }) => match open_alert(state, *alert)? {
            AlertStatus::Acknowledged => Err(no_change("the alert is acknowledged")),
            _ => Ok(Body::AlertAcknowledged(AlertAcknowledged { alert: *alert })),
        },
        Act::ResolveAlert(ResolveAlert { alert }) => {
            open_alert(state, *alert).map(|_| Body::AlertResolved(AlertResolved { alert: *alert }))
        }
        Act::DismissAlert(DismissAlert { alert }) => {
            open_alert(state, *alert).map(|_| Body::AlertDismissed(AlertDismissed { alert: *alert }))
        }
        _ => Err(Rejection::InvalidField { field: "act", problem: "it is not about the registry".into() }),
    }
}

fn no_change(what: &'static str) -> Rejection {
    Rejection::NoChange { what }
}

fn next(what: &'static str, count: usize) -> Result<u32, Rejection> {
    let limit = u64::from(ENTITIES_MAX);
    match u32::try_from(count) {
        Ok(count) if count < ENTITIES_MAX => Ok(count + 1),
        _ => Err(Rejection::LimitExceeded { what, actual: count as u64 + 1, limit }),
    }
}

fn free(state: &State, kind: AliasKind, text: &AliasText) -> Result<(), Rejection> {
    match state.alias(&Alias { kind, text: text.clone() }) {
        Some(_) => Err(Rejection::AlreadyExists { alias: text.to_string() }),
        None => Ok(()),
    }
}

fn create(state: &State, act: &Act) -> Decided {
    let (items, locations, lots) = state.entity_counts();
    match act {
        Act::CreateItem(CreateItem { sku, decimals }) => {
            let item = ItemId(next("items", items)?);
            free(state, AliasKind::Sku, sku)?;
            Ok(Body::ItemCreated(ItemCreated { item, sku: sku.clone(), decimals: *decimals }))
        }
        Act::CreateLocation(CreateLocation { code, zone }) => {
            let location = LocationId(next("locations", locations)?);
            free(state, AliasKind::Location, code)?;
            Ok(Body::LocationCreated(LocationCreated { location, code: code.clone(), zone: zone.clone() }))
        }
        Act::CreateLot(CreateLot { item, code }) => {
            let lot = LotId(next("lots", lots)?);
            product(state, *item)?;
            free(state, AliasKind::Lot(*item), code)?;
            Ok(Body::LotCreated(LotCreated { lot, item: *item, code: code.clone() }))
        }
        _ => Err(Rejection::InvalidField { field: "act", problem: "it creates nothing".into() }),
    }
}

fn product(state: &State, item: ItemId) -> Result<&crate::domain::state::Item, Rejection> {
    state.item(item).ok_or(Rejection::ProductNotFound { item })
}

fn change(state: &State, act: &Act) -> Decided {
    match *act {
        Act::SetDecimals(SetDecimals { item, decimals }) => {
            let known = product(state, item)?;
            if known.decimals == decimals {
                return Err(no_change("the item has these decimals"));
            }
            match has_moved(state, item) {
                true => Err(Rejection::DecimalsFixed { item, decimals: known.decimals }),
                false => Ok(Body::DecimalsSet(DecimalsSet { item, decimals })),
            }
        }
        Act::SetItemStatus(SetItemStatus { item, status }) => match product(state, item)?.status == status {
            true => Err(no_change("the item has this status")),
            false => Ok(Body::ItemStatusSet(ItemStatusSet { item, status })),
        },
        Act::SetLocationStatus(SetLocationStatus { location, status }) => {
            let known = state.location(location).ok_or(Rejection::LocationNotFound { location })?;
            match known.status == status {
                true => Err(no_change("the location has this status")),
                false => Ok(Body::LocationStatusSet(LocationStatusSet { location, status })),
            }
        }
        Act::SetLotStatus(SetLotStatus { lot, status }) => {
            let known = state.lot(lot).ok_or(Rejection::LotNotFound { lot, item: ItemId(0) })?;
            match known.status == status {
                true => Err(no_change("the lot has this status")),
                false => Ok(Body::LotStatusSet(LotStatusSet { lot, status })),
            }
        }
        _ => Err(Rejection::InvalidField { field: "act", problem: "it changes nothing".into() }),
    }
}

fn alias(state: &State, act: &Act) -> Decided {
    match act {
        Act::AddAlias(AddAlias { alias, target }) => {
            target_exists(state, alias, *target)?;
            free(state, alias.kind, &alias.text)?;
            Ok(Body::AliasAdded(AliasAdded { alias: alias.clone(), target: *target }))
        }
        Act::RenameAlias(RenameAlias { alias, to }) => {
            in_use(state, alias)?;
            if alias.text == *to {
                return Err(no_change("the alias has this text"));
            }
            free(state, alias.kind, to)?;
            Ok(Body::AliasRenamed(AliasRenamed { alias: alias.clone(), to: to.clone() }))
        }
        Act::MergeAlias(MergeAlias { alias, into }) => {
            target_exists(state, alias, *into)?;
            match in_use(state, alias)? == *into {
                true => Err(no_change("the alias names this")),
                false => Ok(Body::AliasMerged(AliasMerged { alias: alias.clone(), into: *into })),
            }
        }
        Act::RetireAlias(RetireAlias { alias }) => {
            in_use(state, alias).map(|_| Body::AliasRetired(AliasRetired { alias: alias.clone() }))
        }
        _ => Err(Rejection::InvalidField { field: "act", problem: "it is not about an alias".into() }),
    }
}

fn in_use(state: &State, alias: &Alias) -> Result<AliasTarget, Rejection> {
    state.alias(alias).ok_or_else(|| Rejection::AliasNotFound { alias: alias.text.to_string() })
}

fn target_exists(state: &State, alias: &Alias, target: AliasTarget) -> Result<(), Rejection> {
    match target {
        AliasTarget::Item(item) => product(state, item).map(|_| ()),
        AliasTarget::Location(location) => match state.location(location) {
            Some(_) => Ok(()),
            None => Err(Rejection::LocationNotFound { location }),
        },
        AliasTarget::Lot(lot) => {
            if let AliasKind::Lot(item) = alias.kind {
                product(state, item)?;
            }
            lot_of(state, lot, alias.kind)
        }
    }
}

/// A lot's alias lives in the name space of the lot's own item.
fn lot_of(state: &State, lot: LotId, kind: AliasKind) -> Result<(), Rejection> {
    let item = match kind {
        AliasKind::Lot(item) => item,
        _ => ItemId(0),
    };
    match state.lot(lot) {
        Some(known) if known.item == item => Ok(()),
        _ => Err(Rejection::LotNotFound { lot, item }),
    }
}

fn reorder_point(state: &State, position: Position, point: Option<Quantity>) -> Decided {
    let mut lowest = Lowest::default();
    exists(state, position, &mut lowest);
    lowest.done()?;
    let current = state.position(position).and_then(|entry| entry.reorder.as_ref()).map(|reorder| reorder.point);
    match current == point {
        true => Err(no_change("the position has this reorder point")),
        false => Ok(Body::ReorderPointSet(ReorderPointSet { position, point })),
    }
}

fn open_alert(state: &State, id: AlertId) -> Result<AlertStatus, Rejection> {
    let alert = state
        .alert(id)
        .and_then(|(position, kind)| state.position(position)?.reorder.as_ref()?.alert(kind))
        .ok_or(Rejection::AlertNotFound { alert: id })?;
    match alert.status.is_open() {
        true => Ok(alert.status),
        false => Err(Rejection::AlertClosed { alert: id }),
    }
}
