//! The form of a command, judged alone: what no state and no time can make right.

use super::{Lowest, may_be_dated};
use crate::domain::command::{Alias, AliasKind, AliasTarget, Command, Holds};
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
    let mut form = Form::default();
    command.act.payload().validate(command, &mut form);
    lowest.judge(form.lines.done());
    lowest.judge(date(command));
    lowest.judge(form.fields.done());
    lowest.done()
}

/// What is wrong with the form of a kind of command: its lines are told before its other fields.
#[derive(Default)]
pub(crate) struct Form {
    lines: Lowest,
    fields: Lowest,
}

impl Form {
    /// Quantities of any bucket.
    pub(crate) fn lines(&mut self, lines: &[Line], range: Range) {
        self.lines.judge(lines_in(lines, range));
    }

    /// Quantities of sellable stock.
    pub(crate) fn sellable_lines(&mut self, lines: &[Line], range: Range) {
        self.lines.judge(sellable_lines(lines, range));
    }

    /// The new open quantity of positions, each once.
    pub(crate) fn amended_lines(&mut self, lines: &[Line]) {
        let judged = sellable_lines(lines, Range::ZeroOrMore).and_then(|()| once("lines", lines, |line| line.position));
        self.lines.judge(judged);
    }

    /// Quantities that come back.
    pub(crate) fn return_lines(&mut self, lines: &[ReturnLine]) {
        self.lines.judge(return_lines(lines));
    }

    /// Figures of buckets, each once.
    pub(crate) fn count_lines(&mut self, lines: &[CountLine]) {
        self.lines.judge(count_lines(lines));
    }

    /// Decimal places.
    pub(crate) fn decimals(&mut self, decimals: u8) {
        if decimals > limits::DECIMALS_MAX {
            self.wrong("decimals", format!("{decimals}, at most {} are allowed", limits::DECIMALS_MAX));
        }
    }

    /// One quantity beside the lines.
    pub(crate) fn quantity(&mut self, quantity: i64, range: Range) {
        self.fields.judge(range.judge(0, quantity));
    }

    /// An alias names what its kind can name.
    pub(crate) fn pairing(&mut self, alias: &Alias, target: AliasTarget) {
        self.fields.judge(pairing(alias, target));
    }

    /// When a hold lapses.
    pub(crate) fn deadline(&mut self, deadline: Option<Timestamp>) {
        if deadline.is_some_and(|deadline| deadline > Timestamp(limits::DEADLINE_MICROS_MAX)) {
            self.wrong("deadline", "it lies after the year 9999; leave it out for a hold that never lapses");
        }
    }

    /// The holds of an order are the order's that the command is for.
    pub(crate) fn holds(&mut self, holds: &Holds, command: &Command) {
        if let Holds::Order(order) = holds
            && command.order.as_ref().is_some_and(|named| named != order)
        {
            self.wrong("order", format!("the command is for another order than the holds ({order})"));
        }
    }

    /// A field is wrong.
    pub(crate) fn wrong(&mut self, field: &'static str, problem: impl Into<String>) {
        self.fields.judge(invalid(field, problem));
    }
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
#[derive(Clone, Copy, Debug)]
pub(crate) enum Range {
    /// More than nothing.
    Positive,
    /// More or less, not nothing.
    Signed,
    /// Nothing or more.
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
