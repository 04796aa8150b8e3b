//! Lines of every kind: item, location and lot, one byte of marks, quantities.

use super::super::codec::{CodecError, Input, Sink, put, put_count, put_raw};
use crate::domain::event::{CountedLine, HoldLine, TransitLine};
use crate::domain::ids::{ItemId, LocationId, LotId, Position, Seq};
use crate::domain::line::{Bucket, Disposition, Entered, Line, LineDetail, Lines, ReturnLine, UnitCost};
use crate::domain::quantity::Quantity;
use crate::domain::text::{Currency, UnitName};
use crate::limits::{ENTERED_BYTES_MAX, EVENT_BYTES_MAX, LINES_MAX};
use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

const MARK_UNSELLABLE: u8 = 1;
const MARK_DISPOSITION: u8 = 0b110;
const MARK_DETAIL: u8 = 1 << 3;
const DETAIL_ENTERED: u8 = 1;
const DETAIL_COST: u8 = 1 << 1;

#[derive(Serialize, Deserialize)]
pub(super) struct WirePosition {
    item: u32,
    location: u32,
    lot: u32,
}

impl From<Position> for WirePosition {
    fn from(position: Position) -> Self {
        Self { item: position.item.0, location: position.location.0, lot: position.lot.0 }
    }
}

impl From<WirePosition> for Position {
    fn from(wire: WirePosition) -> Self {
        Self { item: ItemId(wire.item), location: LocationId(wire.location), lot: LotId(wire.lot) }
    }
}

#[derive(Serialize, Deserialize)]
struct WireLine {
    position: WirePosition,
    mark: u8,
    quantity: i64,
}

#[derive(Serialize, Deserialize)]
struct WireCounted {
    position: WirePosition,
    mark: u8,
    counted: i64,
    later: i64,
}

#[derive(Serialize, Deserialize)]
struct WireTransit {
    item: u32,
    lot: u32,
    quantity: i64,
}

#[derive(Serialize, Deserialize)]
struct WireHold {
    reservation: u64,
    position: WirePosition,
    quantity: i64,
}

pub(super) fn put_lines<S: Sink>(sink: &mut S, lines: &[Line]) -> Result<(), CodecError> {
    put_count(sink, lines.len(), LINES_MAX, "lines")?;
    lines.iter().try_for_each(|line| put_line(sink, line, None))
}

pub(super) fn take_lines(input: &mut Input<'_>) -> Result<Lines, CodecError> {
    let count = input.take_count(LINES_MAX, 5, "lines")?;
    take_each(count, || take_plain_line(input))
}

pub(super) fn put_return_lines<S: Sink>(sink: &mut S, lines: &[ReturnLine]) -> Result<(), CodecError> {
    put_count(sink, lines.len(), LINES_MAX, "lines")?;
    lines.iter().try_for_each(|line| put_line(sink, &line.line, line.disposition))
}

pub(super) fn take_return_lines(input: &mut Input<'_>) -> Result<SmallVec<[ReturnLine; 1]>, CodecError> {
    let count = input.take_count(LINES_MAX, 5, "lines")?;
    take_each(count, || take_line(input).map(|(line, disposition)| ReturnLine { line, disposition }))
}

/// Reads as many as a count says that was held against the bytes left, so the room may be taken at once.
#[inline]
fn take_each<T>(count: usize, mut take: impl FnMut() -> Result<T, CodecError>) -> Result<SmallVec<[T; 1]>, CodecError> {
    let mut all = SmallVec::with_capacity(count);
    for _ in 0..count {
        all.push(take()?);
    }
    Ok(all)
}

fn put_line<S: Sink>(sink: &mut S, line: &Line, disposition: Option<Disposition>) -> Result<(), CodecError> {
    if line.seen.is_some() {
        return Err(CodecError::Unencodable { what: "the version that a line saw" });
    }
    let detail_mark = if line.detail.is_some() { MARK_DETAIL } else { 0 };
    let mark = bucket_mark(line.bucket) | disposition_mark(disposition) | detail_mark;
    put(sink, WireLine { position: line.position.into(), mark, quantity: line.quantity.0 })?;
    line.detail.as_ref().map_or(Ok(()), |detail| put_detail(sink, detail))
}

fn take_plain_line(input: &mut Input<'_>) -> Result<Line, CodecError> {
    match take_line(input)? {
        (line, None) => Ok(line),
        (_, Some(_)) => Err(input.malformed("a line without disposition")),
    }
}

fn take_line(input: &mut Input<'_>) -> Result<(Line, Option<Disposition>), CodecError> {
    let wire = input.take::<WireLine>()?;
    if wire.mark & !(MARK_UNSELLABLE | MARK_DISPOSITION | MARK_DETAIL) != 0 {
        return Err(input.malformed("a line with known marks only"));
    }
    let detail = match wire.mark & MARK_DETAIL {
        0 => None,
        _ => Some(Box::new(take_detail(input)?)),
    };
    let line = Line {
        position: wire.position.into(),
        bucket: bucket(wire.mark),
        quantity: Quantity(wire.quantity),
        seen: None,
        detail,
    };
    Ok((line, disposition(wire.mark)))
}

const fn bucket_mark(bucket: Bucket) -> u8 {
    match bucket {
        Bucket::Sellable => 0,
        Bucket::Unsellable => MARK_UNSELLABLE,
    }
}

const fn bucket(mark: u8) -> Bucket {
    match mark & MARK_UNSELLABLE {
        0 => Bucket::Sellable,
        _ => Bucket::Unsellable,
    }
}

const fn disposition_mark(disposition: Option<Disposition>) -> u8 {
    match disposition {
        None => 0,
        Some(Disposition::Restock) => 1 << 1,
        Some(Disposition::Quarantine) => 2 << 1,
        Some(Disposition::Scrap) => 3 << 1,
    }
}

const fn disposition(mark: u8) -> Option<Disposition> {
    match (mark & MARK_DISPOSITION) >> 1 {
        1 => Some(Disposition::Restock),
        2 => Some(Disposition::Quarantine),
        3 => Some(Disposition::Scrap),
        _ => None,
    }
}

fn put_detail<S: Sink>(sink: &mut S, detail: &LineDetail) -> Result<(), CodecError> {
    let entered = if detail.entered.is_some() { DETAIL_ENTERED } else { 0 };
    let cost = if detail.unit_cost.is_some() { DETAIL_COST } else { 0 };
    put(sink, entered | cost)?;
    if let Some(entered) = &detail.entered {
        if entered.quantity.len() > ENTERED_BYTES_MAX {
            return Err(entered_too_long(&entered.quantity));
        }
        put(sink, (entered.unit.as_str(), entered.quantity.as_str()))?;
    }
    if let Some(cost) = detail.unit_cost {
        put(sink, cost.minor_units)?;
        put_raw(sink, &cost.currency.bytes())?;
    }
    Ok(())
}

fn take_detail(input: &mut Input<'_>) -> Result<LineDetail, CodecError> {
    let mark = input.take::<u8>()?;
    if mark & !(DETAIL_ENTERED | DETAIL_COST) != 0 {
        return Err(input.malformed("a line detail with known marks only"));
    }
    let entered = match mark & DETAIL_ENTERED {
        0 => None,
        _ => Some(take_entered(input)?),
    };
    let unit_cost = match mark & DETAIL_COST {
        0 => None,
        _ => Some(take_cost(input)?),
    };
    Ok(LineDetail { entered, unit_cost })
}

fn take_entered(input: &mut Input<'_>) -> Result<Entered, CodecError> {
    let (unit, quantity) = input.take::<(&str, &str)>()?;
    match quantity.len() {
        0..=ENTERED_BYTES_MAX => {
            Ok(Entered { unit: input.text(unit, UnitName::new)?, quantity: CompactString::new(quantity) })
        }
        _ => Err(entered_too_long(quantity)),
    }
}

const fn entered_too_long(quantity: &str) -> CodecError {
    CodecError::TooMany { what: "bytes of an entered quantity", actual: quantity.len(), limit: ENTERED_BYTES_MAX }
}

fn take_cost(input: &mut Input<'_>) -> Result<UnitCost, CodecError> {
    let minor_units = input.take::<i64>()?;
    let letters = input.take_raw::<3>()?;
    let code = std::str::from_utf8(&letters).map_err(|_| input.malformed("three capital letters"))?;
    Ok(UnitCost { minor_units, currency: input.text(code, Currency::new)? })
}

pub(super) fn put_counted<S: Sink>(sink: &mut S, lines: &[CountedLine]) -> Result<(), CodecError> {
    put_count(sink, lines.len(), LINES_MAX, "lines")?;
    lines.iter().try_for_each(|line| {
        let mark = bucket_mark(line.bucket);
        put(sink, WireCounted { position: line.position.into(), mark, counted: line.counted.0, later: line.later })
    })
}

pub(super) fn take_counted(input: &mut Input<'_>) -> Result<SmallVec<[CountedLine; 1]>, CodecError> {
    let count = input.take_count(LINES_MAX, 6, "lines")?;
    take_each(count, || take_counted_line(input))
}

fn take_counted_line(input: &mut Input<'_>) -> Result<CountedLine, CodecError> {
    let wire = input.take::<WireCounted>()?;
    if wire.mark & !MARK_UNSELLABLE != 0 {
        return Err(input.malformed("a counted line with known marks only"));
    }
    Ok(CountedLine {
        position: wire.position.into(),
        bucket: bucket(wire.mark),
        counted: Quantity(wire.counted),
        later: wire.later,
    })
}

// One release or fulfilment may close holds of many reservations, and a transfer may have been shipped by many
// events, so their lists are bounded by the size of an event and not by the lines of a command.
pub(super) fn put_transit<S: Sink>(sink: &mut S, lines: &[TransitLine]) -> Result<(), CodecError> {
    put_count(sink, lines.len(), EVENT_BYTES_MAX, "lines")?;
    lines
        .iter()
        .try_for_each(|line| put(sink, WireTransit { item: line.item.0, lot: line.lot.0, quantity: line.quantity.0 }))
}

pub(super) fn take_transit(input: &mut Input<'_>) -> Result<SmallVec<[TransitLine; 1]>, CodecError> {
    let count = input.take_count(EVENT_BYTES_MAX, 3, "lines")?;
    take_each(count, || input.take::<WireTransit>().map(transit_line))
}

const fn transit_line(wire: WireTransit) -> TransitLine {
    TransitLine { item: ItemId(wire.item), lot: LotId(wire.lot), quantity: Quantity(wire.quantity) }
}

pub(super) fn put_holds<S: Sink>(sink: &mut S, lines: &[HoldLine]) -> Result<(), CodecError> {
    put_count(sink, lines.len(), EVENT_BYTES_MAX, "lines")?;
    lines.iter().try_for_each(|line| {
        let HoldLine { reservation, position, quantity } = *line;
        put(sink, WireHold { reservation: reservation.0, position: position.into(), quantity: quantity.0 })
    })
}

pub(super) fn take_holds(input: &mut Input<'_>) -> Result<SmallVec<[HoldLine; 1]>, CodecError> {
    let count = input.take_count(EVENT_BYTES_MAX, 5, "lines")?;
    take_each(count, || input.take::<WireHold>().map(hold_line))
}

fn hold_line(wire: WireHold) -> HoldLine {
    HoldLine { reservation: Seq(wire.reservation), position: wire.position.into(), quantity: Quantity(wire.quantity) }
}

pub(super) fn put_seqs<S: Sink>(sink: &mut S, seqs: &[Seq]) -> Result<(), CodecError> {
    put_count(sink, seqs.len(), EVENT_BYTES_MAX, "reservations")?;
    seqs.iter().try_for_each(|seq| put(sink, seq.0))
}

pub(super) fn take_seqs(input: &mut Input<'_>) -> Result<SmallVec<[Seq; 1]>, CodecError> {
    let count = input.take_count(EVENT_BYTES_MAX, 1, "reservations")?;
    take_each(count, || input.take::<u64>().map(Seq))
}
