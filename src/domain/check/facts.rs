//! Facts, counts, transfers and reclassifications.

use super::{
    Claim, Ground, Range, Violation, ensure, entered, lines_count, not_empty, once, period, quantity, rule,
    sellable_lines, violation,
};
use crate::domain::event::{CountedLine, PosMovement, Returned, TransitLine};
use crate::domain::ids::{LocationId, Position, TransferId};
use crate::domain::line::{Bucket, Disposition, Line, ReturnLine};
use std::collections::BTreeMap;

pub(super) fn adjusted(at: &Ground<'_>, lines: &[Line]) -> Result<(), Violation> {
    ensure(at.event.envelope.reason.is_some(), rule::REASON_GIVEN, || "there is no reason".into())?;
    at.lines(lines, Range::Signed)
}

pub(super) fn pos_delta(at: &Ground<'_>, delta: &PosMovement) -> Result<(), Violation> {
    match delta {
        PosMovement::Sale(lines) | PosMovement::Waste(lines) | PosMovement::Receipt(lines) => {
            at.lines(lines, Range::Positive)
        }
        PosMovement::Correction(lines) => at.lines(lines, Range::Signed),
        PosMovement::Return(lines) => {
            lines_count(lines.len())?;
            return_lines(at, lines)
        }
    }
}

pub(super) fn returned(at: &Ground<'_>, event: &Returned, claims: &mut Vec<Claim>) -> Result<(), Violation> {
    let Returned { referenced, unreferenced } = event;
    not_empty(referenced.len() + unreferenced.len())?;
    return_lines(at, referenced)?;
    return_lines(at, unreferenced)?;
    match &at.event.envelope.order {
        Some(order) => claims.push(Claim::Returned { order: order.clone() }),
        None => ensure(referenced.is_empty(), rule::RETURN_ORDER, || {
            format!("{} lines come back against an order, and there is none", referenced.len())
        })?,
    }
    Ok(())
}

fn return_lines(at: &Ground<'_>, lines: &[ReturnLine]) -> Result<(), Violation> {
    for ReturnLine { line, disposition } in lines {
        at.position(line.position)?;
        quantity(line.quantity.0, Range::Positive, line.position)?;
        entered(line)?;
        let agrees = match disposition {
            Some(Disposition::Restock) => line.bucket == Bucket::Sellable,
            Some(Disposition::Quarantine) => line.bucket == Bucket::Unsellable,
            Some(Disposition::Scrap) => true,
            None => false,
        };
        ensure(agrees, rule::RETURN_DISPOSITION, || {
            format!("a returned line goes to {disposition:?} and names the {:?} bucket", line.bucket)
        })?;
    }
    Ok(())
}

pub(super) fn counted(at: &Ground<'_>, lines: &[CountedLine], claims: &mut Vec<Claim>) -> Result<(), Violation> {
    lines_count(lines.len())?;
    let keys = lines.iter().map(|line| (line.position, line.bucket));
    once(keys, |(position, bucket)| format!("the {bucket:?} bucket of {position} is counted twice"))?;
    for line in lines {
        at.position(line.position)?;
        quantity(line.counted.0, Range::ZeroOrMore, line.position)?;
        period::counted(at, line)?;
        later(at, line, claims)?;
    }
    Ok(())
}

/// The movements after the count's instant: none unless it is late and still the last count in order.
fn later(at: &Ground<'_>, line: &CountedLine, claims: &mut Vec<Claim>) -> Result<(), Violation> {
    let instant = at.event.envelope.moment();
    let bucket = at.state.position(line.position).map(|entry| entry.bucket(line.bucket));
    let late =
        bucket.is_some_and(|bucket| bucket.anchors_at(instant) && bucket.latest.is_some_and(|latest| latest > instant));
    if late {
        let CountedLine { position, bucket, later, .. } = *line;
        claims.push(Claim::Later { position, bucket, at: instant, later });
        return Ok(());
    }
    ensure(line.later == 0, rule::LATER_SUM, || {
        format!("a count of {} that is not late, or changes nothing, states {} later", line.position, line.later)
    })
}

pub(super) fn shipped(at: &Ground<'_>, to: LocationId, lines: &[Line]) -> Result<(), Violation> {
    at.lines(lines, Range::Positive)?;
    at.location(to)?;
    sellable_lines(lines)?;
    match lines.iter().find(|line| line.position.location == to) {
        Some(line) => violation(rule::TRANSFER_DESTINATION, format!("{} leaves for its own location", line.position)),
        None => Ok(()),
    }
}

pub(super) fn closed(at: &Ground<'_>, transfer: TransferId, rest: &[TransitLine]) -> Result<(), Violation> {
    let Some(entry) = at.state.transfer(transfer) else {
        return violation(rule::TRANSFER_KNOWN, format!("nothing is in transit under transfer {transfer}"));
    };
    let stated: BTreeMap<_, _> = rest.iter().map(|line| ((line.item, line.lot), line.quantity.0)).collect();
    ensure(stated.len() == rest.len() && stated == entry.lines, rule::TRANSFER_REST, || {
        format!("the rest of transfer {transfer} is stated as {stated:?}, in transit are {:?}", entry.lines)
    })
}

pub(super) fn reclassified(at: &Ground<'_>, lines: &[Line]) -> Result<(), Violation> {
    at.lines(lines, Range::Positive)?;
    let mut wanted: BTreeMap<(Position, Bucket), i64> = BTreeMap::new();
    for line in lines {
        let sum = wanted.entry((line.position, line.bucket)).or_default();
        *sum = sum.saturating_add(line.quantity.0);
    }
    for ((position, bucket), wanted) in wanted {
        let there = at.state.position(position).map_or(0, |entry| entry.bucket(bucket).quantity);
        ensure(wanted <= there, rule::BUCKET_STOCK, || {
            format!("{wanted} leave the {bucket:?} bucket of {position}, {there} are in it")
        })?;
    }
    Ok(())
}
