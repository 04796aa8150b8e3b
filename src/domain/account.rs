//! Double entry: every quantity moves between two places, so the sum over all of an item's is zero.

use super::event::{Body, Event};
use super::ids::{ItemId, LotId, Position, TransferId};
use super::line::{Bucket, Disposition, Line, ReturnLine};
use serde::{Deserialize, Serialize};

/// The accounts of one item beside its buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// Where goods come from.
    Supplier,
    /// Where goods go to.
    Customer,
    /// Gone.
    Loss,
    /// Turned up.
    Found,
    /// What counts put right.
    Variance,
    /// Between two locations.
    Transit,
}

/// One end of a movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A bucket of a position.
    Bucket(Position, Bucket),
    /// An account of the item.
    Account(Account),
    /// What is under way of a lot in one transfer.
    Transit(TransferId, LotId),
}

/// A quantity that moves from one place to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Of which item.
    pub item: ItemId,
    /// From where.
    pub from: Place,
    /// To where.
    pub to: Place,
    /// How much: positive in a valid log.
    pub quantity: i64,
}

/// Calls `post` for every posting of an event, in the order of its lines.
///
/// Counts have none: what they put right follows from the state (see [`super::evolve`]).
pub fn for_each_posting(event: &Event, post: impl FnMut(Posting)) {
    for_each_posting_of(&event.body, post);
}

/// Calls `change` for both ends of every posting of a body: minus at the place it leaves, plus where it goes.
pub fn for_each_delta(body: &Body, mut change: impl FnMut(Place, i64)) {
    for_each_posting_of(body, |posting| {
        change(posting.from, posting.quantity.saturating_neg());
        change(posting.to, posting.quantity);
    });
}

/// Calls `post` for every posting of a body, in the order of its lines.
pub fn for_each_posting_of(body: &Body, mut post: impl FnMut(Posting)) {
    body.payload().postings(&mut post);
}

/// Where a line's goods are.
pub(super) fn bucket(line: &Line) -> Place {
    Place::Bucket(line.position, line.bucket)
}

/// A line's goods move.
pub(super) fn posting(line: &Line, from: Place, to: Place) -> Posting {
    Posting { item: line.position.item, from, to, quantity: line.quantity.0 }
}

/// Goods come from an account.
pub(super) fn in_from(lines: &[Line], account: Account, post: &mut dyn FnMut(Posting)) {
    for line in lines {
        post(posting(line, Place::Account(account), bucket(line)));
    }
}

/// Goods go to an account.
pub(super) fn out_to(lines: &[Line], account: Account, post: &mut dyn FnMut(Posting)) {
    for line in lines {
        post(posting(line, bucket(line), Place::Account(account)));
    }
}

/// Goods turn up (positive) or are lost (negative).
pub(super) fn signed(lines: &[Line], post: &mut dyn FnMut(Posting)) {
    for line in lines {
        let mut entry = match line.quantity.0 > 0 {
            true => posting(line, Place::Account(Account::Found), bucket(line)),
            false => posting(line, bucket(line), Place::Account(Account::Loss)),
        };
        entry.quantity = entry.quantity.saturating_abs();
        post(entry);
    }
}

/// Goods come back from a customer.
pub(super) fn returns(lines: &[ReturnLine], post: &mut dyn FnMut(Posting)) {
    for ReturnLine { line, disposition } in lines {
        let to = match disposition.unwrap_or(Disposition::Quarantine) {
            Disposition::Restock => Place::Bucket(line.position, Bucket::Sellable),
            Disposition::Quarantine => Place::Bucket(line.position, Bucket::Unsellable),
            Disposition::Scrap => Place::Account(Account::Loss),
        };
        post(posting(line, Place::Account(Account::Customer), to));
    }
}
