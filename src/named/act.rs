//! The acts, by their kinds.

use super::error::Invalid;
use super::fields::{Field, Fields};
use super::line::{count_lines, lines, place, quantity, return_lines};
use super::lookup::Names;
use super::tree::Tree;
use super::words::{instant, item_status, use_status, uuid};
use crate::domain::command::{
    AcknowledgeAlert, Act, AddAlias, Adjust, Alias, AliasKind, AliasTarget, Amend, ClosePeriod, CloseTransfer, Count,
    CreateItem, CreateLocation, CreateLot, Departure, DismissAlert, Excess, Extend, Fulfil, Holds, MergeAlias, Portion,
    PosChange, PosDelta, Receive, ReceiveTransfer, Reclassify, Release, RenameAlias, Reserve, ResolveAlert,
    RetireAlias, Return, ReturnOrigin, SetDecimals, SetItemStatus, SetLocationStatus, SetLotStatus, SetReorderPoint,
    ShipTransfer,
};
use crate::domain::ids::{AlertId, CommandId, TransferId};
use crate::domain::period::Until;
use crate::domain::text::{AliasText, ExternalId, OrderRef, Source, Zone};

/// Reads the fields of one kind of act.
type Read = fn(&Fields<'_>, &Names<'_>) -> Result<Act, Invalid>;

/// Every kind of act, with what reads it.
const ACTS: &[(&str, Read)] = &[
    ("create_item", create_item),
    ("set_decimals", set_decimals),
    ("set_item_status", set_item_status),
    ("create_location", create_location),
    ("set_location_status", set_location_status),
    ("create_lot", create_lot),
    ("set_lot_status", set_lot_status),
    ("add_alias", add_alias),
    ("rename_alias", rename_alias),
    ("merge_alias", merge_alias),
    ("retire_alias", retire_alias),
    ("set_reorder_point", set_reorder_point),
    ("close_period", close_period),
    ("receive", |fields, names| Ok(Act::Receive(Receive { lines: lines(fields, names)? }))),
    ("pos_delta", pos_delta),
    ("return", return_of),
    ("adjust", |fields, names| Ok(Act::Adjust(Adjust { lines: lines(fields, names)? }))),
    ("count", |fields, names| Ok(Act::Count(Count { lines: count_lines(fields, names)? }))),
    ("ship_transfer", ship_transfer),
    ("receive_transfer", receive_transfer),
    ("close_transfer", |fields, _| Ok(Act::CloseTransfer(CloseTransfer { transfer: transfer(fields)? }))),
    ("reserve", reserve),
    ("amend", amend),
    ("extend", extend),
    ("fulfil", fulfil),
    ("release", release),
    ("reclassify", |fields, names| Ok(Act::Reclassify(Reclassify { lines: lines(fields, names)? }))),
    ("acknowledge_alert", |fields, _| Ok(Act::AcknowledgeAlert(AcknowledgeAlert { alert: alert(fields)? }))),
    ("resolve_alert", |fields, _| Ok(Act::ResolveAlert(ResolveAlert { alert: alert(fields)? }))),
    ("dismiss_alert", |fields, _| Ok(Act::DismissAlert(DismissAlert { alert: alert(fields)? }))),
];

/// An act of any kind.
pub(super) fn act(fields: &Fields<'_>, names: &Names<'_>) -> Result<Act, Invalid> {
    let kind = fields.need("kind")?;
    let text = kind.text()?;
    match ACTS.iter().find(|(name, _)| *name == text) {
        Some((_, read)) => read(fields, names),
        None => Err(kind.unknown_word(ACTS.iter().map(|(name, _)| *name))),
    }
}

fn create_item(fields: &Fields<'_>, _: &Names<'_>) -> Result<Act, Invalid> {
    let sku = fields.need("sku")?.made(AliasText::new)?;
    let decimals = fields.get("decimals").map(|field| field.whole("decimals")).transpose()?;
    Ok(Act::CreateItem(CreateItem { sku, decimals: decimals.unwrap_or(0) }))
}

fn set_decimals(fields: &Fields<'_>, names: &Names<'_>) -> Result<Act, Invalid> {
    let item = names.item(&fields.need("item")?)?;
    Ok(Act::SetDecimals(SetDecimals { item, decimals: fields.need("decimals")?.whole("decimals")? }))
}

fn set_item_status(fields: &Fields<'_>, names: &Names<'_>) -> Result<Act, Invalid> {
    let item = names.item(&fields.need("item")?)?;
    Ok(Act::SetItemStatus(SetItemStatus { item, status: item_status(&fields.need("status")?)? }))
}

fn create_location(fields: &Fields<'_>, _: &Names<'_>) -> Result<Act, Invalid> {
    let code = fields.need("code")?.made(AliasText::new)?;
    Ok(Act::CreateLocation(CreateLocation { code, zone: fields.need("zone")?.made(zone)? }))
}

fn set_location_status(fields: &Fields<'_>, names: &Names<'_>) -> Result<Act, Invalid> {
    let location = names.location(&fields.need("location")?)?;
    Ok(Act::SetLocationStatus(SetLocationStatus { location, status: use_status(&fields.need("status")?)? }))
}

fn create_lot(fields: &Fields<'_>, names: &Names<'_>) -> Result<Act, Invalid> {
    let item = names.item(&fields.need("item")?)?;
    Ok(Act::CreateLot(CreateLot { item, code: fields.need("code")?.made(AliasText::new)? }))
}

fn set_lot_status(fields: &Fields<'_>, names: &Names<'_>) -> Result<Act, Invalid> {
    let lot = names.lot(&fields.need("lot")?)?;
    Ok(Act::SetLotStatus(SetLotStatus { lot, status: use_status(&fields.need("status")?)? }))
}

fn alias(fields: &Fields<'_>, names: &Names<'_>) -> Result<Alias, Invalid> {
    fields.need("alias")?.object(|alias| {
        let kind = alias_kind(&alias.need("kind")?, names)?;
        Ok(Alias { kind, text: alias.need("text")?.made(AliasText::new)? })
    })
}

fn alias_kind(field: &Field<'_>, names: &Names<'_>) -> Result<AliasKind, Invalid> {
    match field.tree {
        Tree::Object(_) => field.object(|fields| Ok(AliasKind::Lot(names.item(&fields.need("lot")?)?))),
        _ => field.word(&[
            ("sku", AliasKind::Sku),
            ("barcode", AliasKind::Barcode),
            ("vendor", AliasKind::Vendor),
            ("location", AliasKind::Location),
        ]),
    }
}

fn target(field: &Field<'_>, names: &Names<'_>) -> Result<AliasTarget, Invalid> {
    field.object(|fields| match (fields.get("item"), fields.get("location"), fields.get("lot")) {
        (Some(item), None, None) => Ok(AliasTarget::Item(names.item(&item)?)),
        (None, Some(location), None) => Ok(AliasTarget::Location(names.location(&location)?)),
        (None, None, Some(lot)) => Ok(AliasTarget::Lot(names.lot(&lot)?)),
        _ => Err(fields.path.invalid("must be one of {\"item\":…}, {\"location\":…}, {\"lot\":…}")),
    })
}

fn add_alias(fields: &Fields<'_>, names: &Names<'_>) -> Result<Act, Invalid> {
    Ok(Act::AddAlias(AddAlias { alias: alias(fields, names)?, target: target(&fields.need("target")?, names)? }))
}

fn rename_alias(fields: &Fields<'_>, names: &Names<'_>) -> Result<Act, Invalid> {
    Ok(Act::RenameAlias(RenameAlias { alias: alias(fields, names)?, to: fields.need("to")?.made(AliasText::new)? }))
}

fn merge_alias(fields: &Fields<'_>, names: &Names<'_>) -> Result<Act, Invalid> {
    Ok(Act::MergeAlias(MergeAlias { alias: alias(fields, names)?, into: target(&fields.need("into")?, names)? }))
}

fn retire_alias(fields: &Fields<'_>, names: &Names<'_>) -> Result<Act, Invalid> {
    Ok(Act::RetireAlias(RetireAlias { alias: alias(fields, names)? }))
}

fn set_reorder_point(fields: &Fields<'_>, names: &Names<'_>) -> Result<Act, Invalid> {
    let (position, unit) = place(fields, names)?;
    Ok(Act::SetReorderPoint(SetReorderPoint {
        position,
        point: fields.get("point").map(|point| quantity(&point, unit)).transpose()?,
    }))
}

fn close_period(fields: &Fields<'_>, names: &Names<'_>) -> Result<Act, Invalid> {
    let location = names.location(&fields.need("location")?)?;
    Ok(Act::ClosePeriod(ClosePeriod { location, until: fields.need("until")?.made(str::parse::<Until>)? }))
}

fn pos_delta(fields: &Fields<'_>, names: &Names<'_>) -> Result<Act, Invalid> {
    let source = fields.need("source")?.made(Source::new)?;
    let external_id = fields.need("external_id")?.made(ExternalId::new)?;
    let field = fields.need("delta")?;
    let delta = match field.tree {
        Tree::Object(_) => field.object(|inner| delta(&inner.need("delta")?, inner, names))?,
        _ => delta(&field, fields, names)?,
    };
    Ok(Act::PosDelta(PosDelta { source, external_id, delta }))
}

fn delta(kind: &Field<'_>, fields: &Fields<'_>, names: &Names<'_>) -> Result<PosChange, Invalid> {
    Ok(match kind.text()? {
        "sale" => PosChange::Sale { lines: lines(fields, names)? },
        "return" => PosChange::Return { lines: return_lines(fields, names)? },
        "waste" => PosChange::Waste { lines: lines(fields, names)? },
        "receipt" => PosChange::Receipt { lines: lines(fields, names)? },
        "correction" => PosChange::Correction { lines: lines(fields, names)? },
        _ => return Err(kind.unknown_word(["sale", "return", "waste", "receipt", "correction"].into_iter())),
    })
}

fn return_of(fields: &Fields<'_>, names: &Names<'_>) -> Result<Act, Invalid> {
    let origins = [("order", ReturnOrigin::Order), ("unreferenced", ReturnOrigin::Unreferenced)];
    let excesses = [("refuse", Excess::Refuse), ("unreferenced", Excess::Unreferenced)];
    let origin = fields.need("origin")?.word(&origins)?;
    let excess = fields.get("excess").map(|field| field.word(&excesses)).transpose()?.unwrap_or_default();
    Ok(Act::Return(Return { origin, excess, lines: return_lines(fields, names)? }))
}

fn transfer(fields: &Fields<'_>) -> Result<TransferId, Invalid> {
    Ok(TransferId(uuid(&fields.need("transfer")?)?))
}

fn ship_transfer(fields: &Fields<'_>, names: &Names<'_>) -> Result<Act, Invalid> {
    let (transfer, to) = (transfer(fields)?, names.location(&fields.need("to")?)?);
    Ok(Act::ShipTransfer(ShipTransfer { transfer, to, lines: lines(fields, names)? }))
}

fn receive_transfer(fields: &Fields<'_>, names: &Names<'_>) -> Result<Act, Invalid> {
    Ok(Act::ReceiveTransfer(ReceiveTransfer { transfer: transfer(fields)?, lines: lines(fields, names)? }))
}

fn reserve(fields: &Fields<'_>, names: &Names<'_>) -> Result<Act, Invalid> {
    let deadline = fields.get("deadline").map(|at| instant(&at)).transpose()?;
    Ok(Act::Reserve(Reserve { deadline, lines: lines(fields, names)? }))
}

fn reservation(fields: &Fields<'_>) -> Result<CommandId, Invalid> {
    Ok(CommandId(uuid(&fields.need("reservation")?)?))
}

fn amend(fields: &Fields<'_>, names: &Names<'_>) -> Result<Act, Invalid> {
    Ok(Act::Amend(Amend { reservation: reservation(fields)?, lines: lines(fields, names)? }))
}

fn extend(fields: &Fields<'_>, _: &Names<'_>) -> Result<Act, Invalid> {
    let deadline = fields.get("deadline").map(|at| instant(&at)).transpose()?;
    Ok(Act::Extend(Extend { reservation: reservation(fields)?, deadline }))
}

fn holds(fields: &Fields<'_>) -> Result<Holds, Invalid> {
    fields.need("holds")?.object(|holds| match (holds.get("reservation"), holds.get("order")) {
        (Some(reservation), None) => Ok(Holds::Reservation(CommandId(uuid(&reservation)?))),
        (None, Some(order)) => Ok(Holds::Order(order.made(OrderRef::new)?)),
        _ => Err(holds.path.invalid("must be one of {\"reservation\":…}, {\"order\":…}")),
    })
}

fn portion(fields: &Fields<'_>, names: &Names<'_>) -> Result<Portion, Invalid> {
    let Some(field) = fields.get("portion") else { return Ok(Portion::Whole) };
    match field.tree {
        Tree::Object(_) => field.object(|portion| Ok(Portion::Lines(lines(portion, names)?))),
        Tree::Text(text) if text == "whole" => Ok(Portion::Whole),
        _ => Err(field.path.invalid("must be \"whole\" or {\"lines\":[…]}")),
    }
}

fn fulfil(fields: &Fields<'_>, names: &Names<'_>) -> Result<Act, Invalid> {
    let departures = [("now", Departure::Now), ("already_left", Departure::AlreadyLeft)];
    let departure = fields.get("departure").map(|field| field.word(&departures)).transpose()?.unwrap_or_default();
    Ok(Act::Fulfil(Fulfil { holds: holds(fields)?, portion: portion(fields, names)?, departure }))
}

fn release(fields: &Fields<'_>, names: &Names<'_>) -> Result<Act, Invalid> {
    Ok(Act::Release(Release { holds: holds(fields)?, portion: portion(fields, names)? }))
}

fn alert(fields: &Fields<'_>) -> Result<AlertId, Invalid> {
    Ok(AlertId(uuid(&fields.need("alert")?)?))
}

fn zone(name: &str) -> Result<Zone, String> {
    Zone::new(name)
        .map_err(|error| format!("{name:?}: {error}; want a name such as Europe/London or UTC, case matters"))
}
