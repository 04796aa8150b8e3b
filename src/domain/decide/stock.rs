//! Facts about stock, and reclassification.

use super::balance::balances_in_range;
use super::lines::{Short, as_seen, exists, known, location_exists, merged, recorded};
use super::period::count_in_closed_period;
use super::{Decided, Looked, Lowest};
use crate::domain::command::{
    Act, Adjust, CloseTransfer, Command, Count, Excess, PosChange, PosDelta, Receive, ReceiveTransfer, Reclassify,
    Return, ShipTransfer,
};
use crate::domain::event::{
    Adjusted, Body, Counted, CountedLine, PosDeltaRecorded, PosMovement, Received, Reclassified, Returned,
    TransferClosed, TransferReceived, TransferShipped, TransitLine,
};
use crate::domain::ids::{Moment, Timestamp, TransferId};
use crate::domain::line::{Bucket, CountLine, Disposition, Line, ReturnLine};
use crate::domain::quantity::Quantity;
use crate::domain::rejection::Rejection;
use crate::domain::state::State;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

type Returns = SmallVec<[ReturnLine; 1]>;

pub(super) fn decide(state: &State, looked: &Looked, command: &Command, now: Timestamp) -> Decided {
    let mut lowest = Lowest::default();
    let at = Moment::of(command.occurred_at, now);
    lines_known(state, &command.act, at, &mut lowest);
    lowest.done()?;
    let body = match &command.act {
        Act::Receive(Receive { lines }) => Body::Received(Received { lines: recorded(lines) }),
        Act::Adjust(Adjust { lines }) => Body::Adjusted(Adjusted { lines: recorded(lines) }),
        Act::PosDelta(PosDelta { source, external_id, delta }) => Body::PosDelta(PosDeltaRecorded {
            source: source.clone(),
            external_id: external_id.clone(),
            delta: pos_movement(delta),
        }),
        Act::Return(Return { excess, lines, .. }) => returned(looked, command, *excess, lines)?,
        Act::Count(Count { lines }) => counted(state, looked, lines, at),
        Act::ShipTransfer(ShipTransfer { transfer, to, lines }) => {
            Body::TransferShipped(TransferShipped { transfer: *transfer, to: *to, lines: recorded(lines) })
        }
        Act::ReceiveTransfer(ReceiveTransfer { transfer, lines }) => {
            Body::TransferReceived(TransferReceived { transfer: *transfer, lines: recorded(lines) })
        }
        Act::CloseTransfer(CloseTransfer { transfer }) => close_transfer(state, *transfer)?,
        Act::Reclassify(Reclassify { lines }) => reclassify(state, lines)?,
        _ => return Err(Rejection::InvalidField { field: "act", problem: "it is not about stock".into() }),
    };
    balances_in_range(state, &body, at)?;
    Ok(body)
}

fn lines_known(state: &State, act: &Act, at: Moment, lowest: &mut Lowest) {
    match act {
        Act::Receive(Receive { lines })
        | Act::Adjust(Adjust { lines })
        | Act::ReceiveTransfer(ReceiveTransfer { lines, .. })
        | Act::Reclassify(Reclassify { lines }) => known(state, lines, lowest),
        Act::ShipTransfer(ShipTransfer { to, lines, .. }) => {
            known(state, lines, lowest);
            location_exists(state, *to, lowest);
        }
        Act::Return(Return { lines, .. }) => returns_known(state, lines, lowest),
        Act::PosDelta(PosDelta { delta, .. }) => match delta {
            PosChange::Sale { lines }
            | PosChange::Waste { lines }
            | PosChange::Receipt { lines }
            | PosChange::Correction { lines } => known(state, lines, lowest),
            PosChange::Return { lines } => returns_known(state, lines, lowest),
        },
        Act::Count(Count { lines }) => {
            for (index, line) in lines.iter().enumerate() {
                exists(state, line.position, lowest);
                as_seen(state, index, line.position, line.seen, lowest);
            }
            count_in_closed_period(state, lines, at, lowest);
        }
        _ => {}
    }
}

fn returns_known(state: &State, lines: &[ReturnLine], lowest: &mut Lowest) {
    for (index, ReturnLine { line, .. }) in lines.iter().enumerate() {
        exists(state, line.position, lowest);
        as_seen(state, index, line.position, line.seen, lowest);
    }
}

fn pos_movement(delta: &PosChange) -> PosMovement {
    match delta {
        PosChange::Sale { lines } => PosMovement::Sale(recorded(lines)),
        PosChange::Return { lines } => {
            PosMovement::Return(lines.iter().map(|line| resolved(line, line.line.quantity)).collect())
        }
        PosChange::Waste { lines } => PosMovement::Waste(recorded(lines)),
        PosChange::Receipt { lines } => PosMovement::Receipt(recorded(lines)),
        PosChange::Correction { lines } => PosMovement::Correction(recorded(lines)),
    }
}

/// A return's line as the event keeps it: with its disposition, and the bucket that follows from it.
fn resolved(line: &ReturnLine, quantity: Quantity) -> ReturnLine {
    let disposition = line.disposition.unwrap_or(Disposition::Quarantine);
    let bucket = match disposition {
        Disposition::Quarantine => Bucket::Unsellable,
        Disposition::Restock | Disposition::Scrap => Bucket::Sellable,
    };
    let line = Line { bucket, quantity, seen: None, ..line.line.clone() };
    ReturnLine { line, disposition: Some(disposition) }
}

fn returned(looked: &Looked, command: &Command, excess: Excess, lines: &[ReturnLine]) -> Decided {
    let Some(order) = &command.order else {
        let unreferenced = lines.iter().map(|line| resolved(line, line.line.quantity)).collect();
        return Ok(Body::Returned(Returned { referenced: Returns::new(), unreferenced }));
    };
    let mut left: FxHashMap<_, i64> = looked.returnable.iter().map(|(item, units)| (*item, (*units).max(0))).collect();
    let (mut referenced, mut unreferenced) = (Returns::new(), Returns::new());
    for line in lines {
        let wanted = line.line.quantity.0;
        let left = left.entry(line.line.position.item).or_default();
        let covered = wanted.min(*left);
        *left -= covered;
        if covered > 0 {
            referenced.push(resolved(line, Quantity(covered)));
        }
        if covered < wanted {
            unreferenced.push(resolved(line, Quantity(wanted - covered)));
        }
    }
    let Some(surplus) = unreferenced.first().filter(|_| excess == Excess::Refuse) else {
        return Ok(Body::Returned(Returned { referenced, unreferenced }));
    };
    // The first item in order of its lines whose sum is too much.
    let mut items = lines.iter().map(|line| line.line.position.item);
    let item = items
        .find(|item| unreferenced.iter().any(|line| line.line.position.item == *item))
        .unwrap_or(surplus.line.position.item);
    let wanted = lines.iter().filter(|line| line.line.position.item == item).map(|line| line.line.quantity.0);
    let returnable = looked.returnable.iter().find(|(known, _)| *known == item).map_or(0, |(_, units)| *units);
    let wanted = wanted.fold(0i64, i64::saturating_add);
    Err(Rejection::ReturnExceedsShipped { order: order.clone(), item, wanted, returnable })
}

fn counted(state: &State, looked: &Looked, lines: &[CountLine], at: Moment) -> Body {
    let mut figures = SmallVec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        let anchors = state.position(line.position).is_none_or(|entry| entry.bucket(line.bucket).anchors_at(at));
        let later = if anchors { looked.later.get(index).copied().unwrap_or(0) } else { 0 };
        figures.push(CountedLine { position: line.position, bucket: line.bucket, counted: line.counted, later });
    }
    Body::Counted(Counted { lines: figures })
}

fn close_transfer(state: &State, transfer: TransferId) -> Decided {
    let known = state.transfer(transfer).ok_or(Rejection::TransferNotFound { transfer })?;
    let rest = known.lines.iter().map(|(&(item, lot), &units)| TransitLine { item, lot, quantity: Quantity(units) });
    Ok(Body::TransferClosed(TransferClosed { transfer, rest: rest.collect() }))
}

fn reclassify(state: &State, lines: &[Line]) -> Decided {
    let mut short = Short::default();
    for line in &merged(lines) {
        let there = state.position(line.position).map_or(0, |entry| entry.bucket(line.bucket).quantity);
        short.compare(line.position, line.bucket, line.quantity.0, there);
    }
    short.done()?;
    Ok(Body::Reclassified(Reclassified { lines: recorded(lines) }))
}
