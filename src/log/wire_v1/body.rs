//! Payloads, one per kind of event.

use super::super::codec::{CodecError, Input, Sink, put, put_raw};
use super::lines::{
    WirePosition, put_counted, put_holds, put_lines, put_return_lines, put_seqs, put_transit, take_counted, take_holds,
    take_lines, take_return_lines, take_seqs, take_transit,
};
use super::names::{
    item_status_code, put_alias, put_target, take_alias, take_item_status, take_target, take_use_status,
    use_status_code,
};
use crate::domain::command::Departure;
use crate::domain::event::{
    Adjusted, AlertAcknowledged, AlertDismissed, AlertResolved, AliasAdded, AliasMerged, AliasRenamed, AliasRetired,
    Amended, Body, ClockAccepted, Counted, DecimalsSet, Expired, Extended, Fulfilled, Genesis, ItemCreated,
    ItemStatusSet, LocationCreated, LocationStatusSet, LotCreated, LotStatusSet, PeriodClosed, PosDeltaRecorded,
    PosMovement, Received, Reclassified, Released, ReorderPointSet, Reserved, Returned, RulesChanged, TransferClosed,
    TransferReceived, TransferShipped,
};
use crate::domain::ids::{AlertId, ItemId, LedgerId, LocationId, LotId, Seq, Timestamp, TransferId};
use crate::domain::period::Until;
use crate::domain::quantity::Quantity;
use crate::domain::text::{AliasText, ExternalId, Source, Zone};

// What the ledger writes itself.
const GENESIS: u8 = 1;
const RULES_CHANGED: u8 = 2;
const CLOCK_ACCEPTED: u8 = 3;
const EXPIRED: u8 = 4;
// Names and settings.
const ITEM_CREATED: u8 = 10;
const DECIMALS_SET: u8 = 11;
const ITEM_STATUS_SET: u8 = 12;
const LOCATION_CREATED: u8 = 13;
const LOCATION_STATUS_SET: u8 = 14;
const LOT_CREATED: u8 = 15;
const LOT_STATUS_SET: u8 = 16;
const ALIAS_ADDED: u8 = 17;
const ALIAS_RENAMED: u8 = 18;
const ALIAS_MERGED: u8 = 19;
const ALIAS_RETIRED: u8 = 20;
const REORDER_POINT_SET: u8 = 21;
const PERIOD_CLOSED: u8 = 22;
// Facts.
const RECEIVED: u8 = 30;
const POS_DELTA: u8 = 31;
const RETURNED: u8 = 32;
const ADJUSTED: u8 = 33;
const COUNTED: u8 = 34;
const TRANSFER_SHIPPED: u8 = 35;
const TRANSFER_RECEIVED: u8 = 36;
const TRANSFER_CLOSED: u8 = 37;
// Promises and what becomes of them.
const RESERVED: u8 = 40;
const AMENDED: u8 = 41;
const EXTENDED: u8 = 42;
const FULFILLED: u8 = 43;
const RELEASED: u8 = 44;
const RECLASSIFIED: u8 = 45;
// Alerts.
const ALERT_ACKNOWLEDGED: u8 = 50;
const ALERT_RESOLVED: u8 = 51;
const ALERT_DISMISSED: u8 = 52;

const POS_SALE: u8 = 1;
const POS_RETURN: u8 = 2;
const POS_WASTE: u8 = 3;
const POS_RECEIPT: u8 = 4;
const POS_CORRECTION: u8 = 5;

/// Whether the number names a kind of event.
pub(super) const fn is_tag(tag: u8) -> bool {
    matches!(tag, GENESIS..=EXPIRED | ITEM_CREATED..=PERIOD_CLOSED | RECEIVED..=TRANSFER_CLOSED
        | RESERVED..=RECLASSIFIED | ALERT_ACKNOWLEDGED..=ALERT_DISMISSED)
}

/// The number of a kind of event.
pub(super) const fn tag(body: &Body) -> u8 {
    match body {
        Body::Genesis(_) => GENESIS,
        Body::RulesChanged(_) => RULES_CHANGED,
        Body::ClockAccepted(_) => CLOCK_ACCEPTED,
        Body::Expired(_) => EXPIRED,
        Body::ItemCreated(_) => ITEM_CREATED,
        Body::DecimalsSet(_) => DECIMALS_SET,
        Body::ItemStatusSet(_) => ITEM_STATUS_SET,
        Body::LocationCreated(_) => LOCATION_CREATED,
        Body::LocationStatusSet(_) => LOCATION_STATUS_SET,
        Body::LotCreated(_) => LOT_CREATED,
        Body::LotStatusSet(_) => LOT_STATUS_SET,
        Body::AliasAdded(_) => ALIAS_ADDED,
        Body::AliasRenamed(_) => ALIAS_RENAMED,
        Body::AliasMerged(_) => ALIAS_MERGED,
        Body::AliasRetired(_) => ALIAS_RETIRED,
        Body::ReorderPointSet(_) => REORDER_POINT_SET,
        Body::PeriodClosed(_) => PERIOD_CLOSED,
        Body::Received(_) => RECEIVED,
        Body::PosDelta(_) => POS_DELTA,
        Body::Returned(_) => RETURNED,
        Body::Adjusted(_) => ADJUSTED,
        Body::Counted(_) => COUNTED,
        Body::TransferShipped(_) => TRANSFER_SHIPPED,
        Body::TransferReceived(_) => TRANSFER_RECEIVED,
        Body::TransferClosed(_) => TRANSFER_CLOSED,
        Body::Reserved(_) => RESERVED,
        Body::Amended(_) => AMENDED,
        Body::Extended(_) => EXTENDED,
        Body::Fulfilled(_) => FULFILLED,
        Body::Released(_) => RELEASED,
        Body::Reclassified(_) => RECLASSIFIED,
        Body::AlertAcknowledged(_) => ALERT_ACKNOWLEDGED,
        Body::AlertResolved(_) => ALERT_RESOLVED,
        Body::AlertDismissed(_) => ALERT_DISMISSED,
    }
}

/// Writes a payload.
pub(super) fn put_body<S: Sink>(sink: &mut S, body: &Body) -> Result<(), CodecError> {
    match body {
        Body::Genesis(Genesis { ledger, format, rules }) => {
            put_raw(sink, &ledger.bytes())?;
            put(sink, (format, rules))
        }
        Body::RulesChanged(RulesChanged { rules }) => put(sink, rules),
        Body::ClockAccepted(ClockAccepted { clock }) => put(sink, clock.0),
        Body::Expired(Expired { reservations }) => put_seqs(sink, reservations),
        Body::Received(Received { lines })
        | Body::Adjusted(Adjusted { lines })
        | Body::Reclassified(Reclassified { lines }) => put_lines(sink, lines),
        Body::PosDelta(PosDeltaRecorded { source, external_id, delta }) => {
            put(sink, (source.as_str(), external_id.as_str()))?;
            put_movement(sink, delta)
        }
        Body::Returned(Returned { referenced, unreferenced }) => {
            put_return_lines(sink, referenced)?;
            put_return_lines(sink, unreferenced)
        }
        Body::Counted(Counted { lines }) => put_counted(sink, lines),
        Body::TransferShipped(TransferShipped { transfer, to, lines }) => {
            put_raw(sink, &transfer.bytes())?;
            put(sink, to.0)?;
            put_lines(sink, lines)
        }
        Body::TransferReceived(TransferReceived { transfer, lines }) => {
            put_raw(sink, &transfer.bytes())?;
            put_lines(sink, lines)
        }
        Body::TransferClosed(TransferClosed { transfer, rest }) => {
            put_raw(sink, &transfer.bytes())?;
            put_transit(sink, rest)
        }
        Body::Reserved(Reserved { deadline, lines }) => {
            put(sink, deadline.map(|at| at.0))?;
            put_lines(sink, lines)
        }
        Body::Amended(Amended { reservation, lines }) => {
            put(sink, reservation.0)?;
            put_lines(sink, lines)
        }
        Body::Extended(Extended { reservation, deadline }) => put(sink, (reservation.0, deadline.map(|at| at.0))),
        Body::Fulfilled(Fulfilled { departure, closes, unreserved }) => {
            put(sink, departure_code(*departure))?;
            put_holds(sink, closes)?;
            put_lines(sink, unreserved)
        }
        Body::Released(Released { closes }) => put_holds(sink, closes),
        Body::AlertAcknowledged(AlertAcknowledged { alert })
        | Body::AlertResolved(AlertResolved { alert })
        | Body::AlertDismissed(AlertDismissed { alert }) => put_raw(sink, &alert.bytes()),
        Body::ItemCreated(ItemCreated { item, sku, decimals }) => put(sink, (item.0, sku.as_str(), decimals)),
        Body::DecimalsSet(DecimalsSet { item, decimals }) => put(sink, (item.0, decimals)),
        Body::ItemStatusSet(ItemStatusSet { item, status }) => put(sink, (item.0, item_status_code(*status))),
        Body::LocationCreated(LocationCreated { location, code, zone }) => {
            put(sink, (location.0, code.as_str(), zone.as_str()))
        }
        Body::LocationStatusSet(LocationStatusSet { location, status }) => {
            put(sink, (location.0, use_status_code(*status)))
        }
        Body::LotCreated(LotCreated { lot, item, code }) => put(sink, (lot.0, item.0, code.as_str())),
        Body::LotStatusSet(LotStatusSet { lot, status }) => put(sink, (lot.0, use_status_code(*status))),
        Body::AliasAdded(AliasAdded { alias, target }) | Body::AliasMerged(AliasMerged { alias, into: target }) => {
            put_alias(sink, alias)?;
            put_target(sink, *target)
        }
        Body::AliasRenamed(AliasRenamed { alias, to }) => {
            put_alias(sink, alias)?;
            put(sink, to.as_str())
        }
        Body::AliasRetired(AliasRetired { alias }) => put_alias(sink, alias),
        Body::ReorderPointSet(ReorderPointSet { position, point }) => {
            put(sink, (WirePosition::from(*position), point.map(|point| point.0)))
        }
        Body::PeriodClosed(PeriodClosed { location, until, closed_until }) => {
            put(sink, (location.0, until.numbers(), closed_until.0))
        }
    }
}

/// Reads the payload of a kind.
pub(super) fn take_body(input: &mut Input<'_>, tag: u8) -> Result<Body, CodecError> {
    Ok(match tag {
        GENESIS => {
            let ledger = LedgerId::from_bytes(input.take_raw()?);
            let (format, rules) = input.take()?;
            Body::Genesis(Genesis { ledger, format, rules })
        }
        RULES_CHANGED => Body::RulesChanged(RulesChanged { rules: input.take()? }),
        CLOCK_ACCEPTED => Body::ClockAccepted(ClockAccepted { clock: Timestamp(input.take()?) }),
        EXPIRED => Body::Expired(Expired { reservations: take_seqs(input)? }),
        RECEIVED => Body::Received(Received { lines: take_lines(input)? }),
        POS_DELTA => Body::PosDelta(PosDeltaRecorded {
            source: input.take_text(Source::new)?,
            external_id: input.take_text(ExternalId::new)?,
            delta: take_movement(input)?,
        }),
        RETURNED => {
            Body::Returned(Returned { referenced: take_return_lines(input)?, unreferenced: take_return_lines(input)? })
        }
        ADJUSTED => Body::Adjusted(Adjusted { lines: take_lines(input)? }),
        COUNTED => Body::Counted(Counted { lines: take_counted(input)? }),
        TRANSFER_SHIPPED => Body::TransferShipped(TransferShipped {
            transfer: take_transfer(input)?,
            to: LocationId(input.take()?),
            lines: take_lines(input)?,
        }),
        TRANSFER_RECEIVED => {
            Body::TransferReceived(TransferReceived { transfer: take_transfer(input)?, lines: take_lines(input)? })
        }
        TRANSFER_CLOSED => {
            Body::TransferClosed(TransferClosed { transfer: take_transfer(input)?, rest: take_transit(input)? })
        }
        RESERVED => Body::Reserved(Reserved { deadline: take_instant(input)?, lines: take_lines(input)? }),
        AMENDED => Body::Amended(Amended { reservation: Seq(input.take()?), lines: take_lines(input)? }),
        EXTENDED => Body::Extended(Extended { reservation: Seq(input.take()?), deadline: take_instant(input)? }),
        FULFILLED => Body::Fulfilled(Fulfilled {
            departure: take_departure(input)?,
            closes: take_holds(input)?,
            unreserved: take_lines(input)?,
        }),
        RELEASED => Body::Released(Released { closes: take_holds(input)? }),
        RECLASSIFIED => Body::Reclassified(Reclassified { lines: take_lines(input)? }),
        ALERT_ACKNOWLEDGED => Body::AlertAcknowledged(AlertAcknowledged { alert: take_alert(input)? }),
        ALERT_RESOLVED => Body::AlertResolved(AlertResolved { alert: take_alert(input)? }),
        ALERT_DISMISSED => Body::AlertDismissed(AlertDismissed { alert: take_alert(input)? }),
        _ => take_settings(input, tag)?,
    })
}

fn take_settings(input: &mut Input<'_>, tag: u8) -> Result<Body, CodecError> {
    Ok(match tag {
        ITEM_CREATED => Body::ItemCreated(ItemCreated {
            item: take_item(input)?,
            sku: input.take_text(AliasText::new)?,
            decimals: input.take()?,
        }),
        DECIMALS_SET => Body::DecimalsSet(DecimalsSet { item: take_item(input)?, decimals: input.take()? }),
        ITEM_STATUS_SET => {
            Body::ItemStatusSet(ItemStatusSet { item: take_item(input)?, status: take_item_status(input)? })
        }
        LOCATION_CREATED => Body::LocationCreated(LocationCreated {
            location: LocationId(input.take()?),
            code: input.take_text(AliasText::new)?,
            zone: input.take_text(Zone::from_log)?,
        }),
        LOCATION_STATUS_SET => Body::LocationStatusSet(LocationStatusSet {
            location: LocationId(input.take()?),
            status: take_use_status(input)?,
        }),
        LOT_CREATED => Body::LotCreated(LotCreated {
            lot: LotId(input.take()?),
            item: take_item(input)?,
            code: input.take_text(AliasText::new)?,
        }),
        LOT_STATUS_SET => {
            Body::LotStatusSet(LotStatusSet { lot: LotId(input.take()?), status: take_use_status(input)? })
        }
        ALIAS_ADDED => Body::AliasAdded(AliasAdded { alias: take_alias(input)?, target: take_target(input)? }),
        ALIAS_RENAMED => {
            Body::AliasRenamed(AliasRenamed { alias: take_alias(input)?, to: input.take_text(AliasText::new)? })
        }
        ALIAS_MERGED => Body::AliasMerged(AliasMerged { alias: take_alias(input)?, into: take_target(input)? }),
        ALIAS_RETIRED => Body::AliasRetired(AliasRetired { alias: take_alias(input)? }),
        REORDER_POINT_SET => {
            let (position, point) = input.take::<(WirePosition, Option<i64>)>()?;
            Body::ReorderPointSet(ReorderPointSet { position: position.into(), point: point.map(Quantity) })
        }
        PERIOD_CLOSED => Body::PeriodClosed(PeriodClosed {
            location: LocationId(input.take()?),
            until: take_until(input)?,
            closed_until: Timestamp(input.take()?),
        }),
        tag => return Err(CodecError::UnknownTag { tag }),
    })
}

fn take_item(input: &mut Input<'_>) -> Result<ItemId, CodecError> {
    input.take().map(ItemId)
}

fn take_transfer(input: &mut Input<'_>) -> Result<TransferId, CodecError> {
    input.take_raw().map(TransferId::from_bytes)
}

fn take_alert(input: &mut Input<'_>) -> Result<AlertId, CodecError> {
    input.take_raw().map(AlertId::from_bytes)
}

fn take_instant(input: &mut Input<'_>) -> Result<Option<Timestamp>, CodecError> {
    Ok(input.take::<Option<i64>>()?.map(Timestamp))
}

fn take_until(input: &mut Input<'_>) -> Result<Until, CodecError> {
    let (form, number) = input.take::<(u8, i64)>()?;
    Until::from_numbers(form, number)
        .ok_or_else(|| input.malformed("1 and a day or 2 and a time, in the years 1900 to 9999"))
}

const fn departure_code(departure: Departure) -> u8 {
    match departure {
        Departure::Now => 0,
        Departure::AlreadyLeft => 1,
    }
}

fn take_departure(input: &mut Input<'_>) -> Result<Departure, CodecError> {
    match input.take::<u8>()? {
        0 => Ok(Departure::Now),
        1 => Ok(Departure::AlreadyLeft),
        _ => Err(input.malformed("0 or 1, whether the goods had left already")),
    }
}

fn put_movement<S: Sink>(sink: &mut S, movement: &PosMovement) -> Result<(), CodecError> {
    let (kind, lines) = match movement {
        PosMovement::Return(lines) => {
            put(sink, POS_RETURN)?;
            return put_return_lines(sink, lines);
        }
        PosMovement::Sale(lines) => (POS_SALE, lines),
        PosMovement::Waste(lines) => (POS_WASTE, lines),
        PosMovement::Receipt(lines) => (POS_RECEIPT, lines),
        PosMovement::Correction(lines) => (POS_CORRECTION, lines),
    };
    put(sink, kind)?;
    put_lines(sink, lines)
}

fn take_movement(input: &mut Input<'_>) -> Result<PosMovement, CodecError> {
    match input.take::<u8>()? {
        POS_SALE => take_lines(input).map(PosMovement::Sale),
        POS_RETURN => take_return_lines(input).map(PosMovement::Return),
        POS_WASTE => take_lines(input).map(PosMovement::Waste),
        POS_RECEIPT => take_lines(input).map(PosMovement::Receipt),
        POS_CORRECTION => take_lines(input).map(PosMovement::Correction),
        _ => Err(input.malformed("1 to 5, the kind of a till's delta")),
    }
}
