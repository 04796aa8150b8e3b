//! The form of a command, judged alone: what no state and no time can make right.

use super::{Lowest, may_be_dated};
use crate::domain::command::{
    Act, AddAlias, Adjust, Alias, AliasKind, AliasTarget, Amend, Command, Count, CreateItem, Departure, Excess, Extend,
    Fulfil, Holds, MergeAlias, Portion, PosChange, PosDelta, Receive, ReceiveTransfer, Reclassify, Release, Reserve,
    Return, ReturnOrigin, SetDecimals, SetReorderPoint, ShipTransfer,
};
use crate::domain::ids::Timestamp;
use crate::domain::invisible::problem_of_name;
use crate::domain::line::{Bucket, CountLine, Line, ReturnLine};
use crate::domain::rejection::Rejection;
use crate::limits;
use rustc_hash::FxHashSet;
use std::hash::Hash;

/// Judges the form of a command: limits, quantities, fields that exclude each other.
///
/// # Errors
/// `LIMIT_EXCEEDED`, `INVALID_QUANTITY` or `INVALID_FIELD`, the lowest number first.
pub fn validate(command: &Command) -> Result<(), Rejection> {
    let mut lowest = Lowest::default();
    lowest.judge(limit("document references", command.documents.len(), limits::DOCUMENTS_MAX));
    if let Some(note) = &command.note {
        lowest.judge(limit("bytes of note", note.len(), limits::NOTE_BYTES_MAX));
    }
    lowest.judge(lines_of(&command.act));
    lowest.judge(date(command));
    lowest.judge(fields(command));
    lowest.done()
}

fn limit(what: &'static str, actual: usize, limit: usize) -> Result<(), Rejection> {
    match actual > limit {
        true => Err(Rejection::LimitExceeded { what, actual: actual as u64, limit: limit as u64 }),
        false => Ok(()),
    }
}

fn invalid(field: &'static str, problem: impl Into<String>) -> Result<(), Rejection> {
    Err(Rejection::InvalidField { field, problem: problem.into() })
}

/// What a quantity of a command must be.
#[derive(Clone, Copy)]
enum Range {
    Positive,
    Signed,
    ZeroOrMore,
}

impl Range {
    fn judge(self, line: usize, quantity: i64) -> Result<(), Rejection> {
        let max = limits::QUANTITY_UNITS_MAX;
        let (holds, must) = match self {
            Self::Positive => ((1..=max).contains(&quantity), "from 1 to 10^15 smallest units"),
            Self::Signed => {
                (quantity != 0 && (-max..=max).contains(&quantity), "from -10^15 to 10^15 smallest units and not zero")
            }
            Self::ZeroOrMore => ((0..=max).contains(&quantity), "from 0 to 10^15 smallest units"),
        };
        match holds {
            true => Ok(()),
            false => Err(Rejection::InvalidQuantity { line, quantity, must }),
        }
    }
}

fn lines_of(act: &Act) -> Result<(), Rejection> {
    match act {
        Act::Receive(Receive { lines })
        | Act::ReceiveTransfer(ReceiveTransfer { lines, .. })
        | Act::Reclassify(Reclassify { lines }) => lines_in(lines, Range::Positive),
        Act::ShipTransfer(ShipTransfer { lines, .. }) | Act::Reserve(Reserve { lines, .. }) => {
            sellable_lines(lines, Range::Positive)
        }
        Act::Amend(Amend { lines, .. }) => {
            sellable_lines(lines, Range::ZeroOrMore)?;
            once("lines", lines, |line| line.position)
        }
        Act::Adjust(Adjust { lines }) => lines_in(lines, Range::Signed),
        Act::Return(Return { lines, .. }) => return_lines(lines),
        Act::Count(Count { lines }) => count_lines(lines),
        Act::Fulfil(Fulfil { portion: Portion::Lines(lines), .. })
        | Act::Release(Release { portion: Portion::Lines(lines), .. }) => sellable_lines(lines, Range::Positive),
        Act::PosDelta(PosDelta { delta, .. }) => match delta {
            PosChange::Sale { lines } | PosChange::Waste { lines } | PosChange::Receipt { lines } => {
                lines_in(lines, Range::Positive)
            }
            PosChange::Return { lines } => return_lines(lines),
            PosChange::Correction { lines } => lines_in(lines, Range::Signed),
        },
        _ => Ok(()),
    }
}

fn line_count(lines: usize) -> Result<(), Rejection> {
    limit("lines", lines, limits::LINES_MAX)?;
    match lines {
        0 => invalid("lines", "there must be at least one line"),
        _ => Ok(()),
    }
}

fn lines_in(lines: &[Line], range: Range) -> Result<(), Rejection> {
    line_count(lines.len())?;
    let mut lowest = Lowest::default();
    for (index, line) in lines.iter().enumerate() {
        lowest.judge(range.judge(index, line.quantity.0));
        lowest.judge(detail(line));
    }
    lowest.done()
}

fn sellable_lines(lines: &[Line], range: Range) -> Result<(), Rejection> {
    lines_in(lines, range)?;
    match lines.iter().position(|line| line.bucket != Bucket::Sellable) {
        Some(index) => {
            invalid("bucket", format!("line {index} names unsellable stock, only sellable stock can move so"))
        }
        None => Ok(()),
    }
}

fn detail(line: &Line) -> Result<(), Rejection> {
    let Some(entered) = line.detail.as_ref().and_then(|detail| detail.entered.as_ref()) else { return Ok(()) };
    let digits = entered.quantity.as_str();
    let plain = !digits.is_empty()
        && digits.len() <= limits::ENTERED_BYTES_MAX
        && digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    match (plain, problem_of_name(entered.unit.as_str())) {
        (true, None) => Ok(()),
        (true, Some(problem)) => invalid("entered unit", problem),
        (false, _) => invalid("entered quantity", "it must be an exact decimal of at most 24 bytes"),
    }
}

fn return_lines(lines: &[ReturnLine]) -> Result<(), Rejection> {
    line_count(lines.len())?;
    let mut lowest = Lowest::default();
    for (index, line) in lines.iter().enumerate() {
        lowest.judge(Range::Positive.judge(index, line.line.quantity.0));
        lowest.judge(detail(&line.line));
    }
    lowest.done()
}

fn count_lines(lines: &[CountLine]) -> Result<(), Rejection> {
    line_count(lines.len())?;
    for (index, line) in lines.iter().enumerate() {
        Range::ZeroOrMore.judge(index, line.counted.0)?;
    }
    once("lines", lines, |line| (line.position, line.bucket))
}

/// A key may stand on one line only.
fn once<T, K: Hash + Eq>(field: &'static str, lines: &[T], key: impl Fn(&T) -> K) -> Result<(), Rejection> {
    if lines.len() < 2 {
        return Ok(());
    }
    let mut seen = FxHashSet::default();
    match lines.iter().position(|line| !seen.insert(key(line))) {
        Some(index) => invalid(field, format!("line {index} names what an earlier line names")),
        None => Ok(()),
    }
}

fn date(command: &Command) -> Result<(), Rejection> {
    if let Some(at) = command.occurred_at {
        if !may_be_dated(command) {
            return invalid("occurred_at", "only facts and counts may say when they happened");
        }
        if at.0 < limits::OCCURRED_MICROS_MIN {
            return invalid("occurred_at", "it lies before 1900");
        }
    }
    Ok(())
}

fn fields(command: &Command) -> Result<(), Rejection> {
    match &command.act {
        Act::CreateItem(CreateItem { decimals, .. }) | Act::SetDecimals(SetDecimals { decimals, .. })
            if *decimals > limits::DECIMALS_MAX =>
        {
            invalid("decimals", format!("{decimals}, at most {} are allowed", limits::DECIMALS_MAX))
        }
        Act::AddAlias(AddAlias { alias, target }) | Act::MergeAlias(MergeAlias { alias, into: target }) => {
            pairing(alias, *target)
        }
        Act::SetReorderPoint(SetReorderPoint { point: Some(point), .. }) => Range::ZeroOrMore.judge(0, point.0),
        Act::Adjust(_) if command.reason.is_none() => invalid("reason", "an adjustment must have a reason code"),
        Act::Return(Return { origin, excess, .. }) => return_fields(command, *origin, *excess),
        Act::ShipTransfer(ShipTransfer { to, lines, .. }) => {
            match lines.iter().position(|line| line.position.location == *to) {
                Some(index) => invalid("to", format!("line {index} is at the location that the transfer goes to")),
                None => Ok(()),
            }
        }
        Act::Reserve(Reserve { deadline: Some(deadline), .. })
        | Act::Extend(Extend { deadline: Some(deadline), .. })
            if *deadline > Timestamp(limits::DEADLINE_MICROS_MAX) =>
        {
            invalid("deadline", "it lies after the year 9999; leave it out for a hold that never lapses")
        }
        Act::Fulfil(Fulfil { portion: Portion::Whole, departure: Departure::AlreadyLeft, .. }) => {
            invalid("portion", "what has left already must be named in lines")
        }
        Act::Fulfil(Fulfil { holds: Holds::Order(order), .. })
        | Act::Release(Release { holds: Holds::Order(order), .. })
            if command.order.as_ref().is_some_and(|named| named != order) =>
        {
            invalid("order", format!("the command is for another order than the holds ({order})"))
        }
        _ => Ok(()),
    }
}

fn pairing(alias: &Alias, target: AliasTarget) -> Result<(), Rejection> {
    match (alias.kind, target) {
        (AliasKind::Sku | AliasKind::Barcode | AliasKind::Vendor, AliasTarget::Item(_))
        | (AliasKind::Location, AliasTarget::Location(_))
        | (AliasKind::Lot(_), AliasTarget::Lot(_)) => Ok(()),
        _ => invalid(
            "alias",
            "a SKU, barcode or vendor's number names an item, a location's code a location, a lot's code a lot",
        ),
    }
}

fn return_fields(command: &Command, origin: ReturnOrigin, excess: Excess) -> Result<(), Rejection> {
    match (origin, &command.order, excess) {
        (ReturnOrigin::Order, None, _) => invalid("order", "a return against an order must name it"),
        (ReturnOrigin::Unreferenced, Some(_), _) => invalid("order", "an unreferenced return names no order"),
        _ => Ok(()),
    }
}
