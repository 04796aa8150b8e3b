//! Double entry: every quantity moves between two places, so the sum over all of an item's is zero.

use super::event::{
    Adjusted, Body, Event, Fulfilled, PosDeltaRecorded, PosMovement, Received, Reclassified, Returned, TransferClosed,
    TransferReceived, TransferShipped,
};
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
    match body {
        Body::Received(Received { lines }) => in_from(lines, Account::Supplier, &mut post),
        Body::PosDelta(PosDeltaRecorded { delta, .. }) => pos_postings(delta, &mut post),
        Body::Returned(Returned { referenced, unreferenced }) => {
            returns(referenced, &mut post);
            returns(unreferenced, &mut post);
        }
        Body::Adjusted(Adjusted { lines }) => signed(lines, &mut post),
        Body::TransferShipped(TransferShipped { transfer, lines, .. }) => {
            for line in lines {
                post(posting(line, bucket(line), Place::Transit(*transfer, line.position.lot)));
            }
        }
        Body::TransferReceived(TransferReceived { transfer, lines }) => {
            for line in lines {
                post(posting(line, Place::Transit(*transfer, line.position.lot), bucket(line)));
            }
        }
        Body::TransferClosed(TransferClosed { transfer, rest }) => {
            for line in rest {
                let transit = Place::Transit(*transfer, line.lot);
                let quantity = line.quantity.0;
                post(match quantity > 0 {
                    true => Posting { item: line.item, from: transit, to: Place::Account(Account::Loss), quantity },
                    false => {
                        let from = Place::Account(Account::Found);
                        Posting { item: line.item, from, to: transit, quantity: quantity.saturating_neg() }
                    }
                });
            }
        }
        Body::Fulfilled(Fulfilled { closes, unreserved, .. }) => {
            for hold in closes {
                post(Posting {
                    item: hold.position.item,
                    from: Place::Bucket(hold.position, Bucket::Sellable),
                    to: Place::Account(Account::Customer),
                    quantity: hold.quantity.0,
                });
            }
            out_to(unreserved, Account::Customer, &mut post);
        }
        Body::Reclassified(Reclassified { lines }) => {
            for line in lines {
                post(posting(line, bucket(line), Place::Bucket(line.position, line.bucket.other())));
            }
        }
        _ => {}
    }
}

fn pos_postings(delta: &PosMovement, post: &mut impl FnMut(Posting)) {
    match delta {
        PosMovement::Sale(lines) => out_to(lines, Account::Customer, post),
        PosMovement::Return(lines) => returns(lines, post),
        PosMovement::Waste(lines) => out_to(lines, Account::Loss, post),
        PosMovement::Receipt(lines) => in_from(lines, Account::Supplier, post),
        PosMovement::Correction(lines) => signed(lines, post),
    }
}

fn bucket(line: &Line) -> Place {
    Place::Bucket(line.position, line.bucket)
}

fn posting(line: &Line, from: Place, to: Place) -> Posting {
    Posting { item: line.position.item, from, to, quantity: line.quantity.0 }
}

fn in_from(lines: &[Line], account: Account, post: &mut impl FnMut(Posting)) {
    for line in lines {
        post(posting(line, Place::Account(account), bucket(line)));
    }
}

fn out_to(lines: &[Line], account: Account, post: &mut impl FnMut(Posting)) {
    for line in lines {
        post(posting(line, bucket(line), Place::Account(account)));
    }
}

fn signed(lines: &[Line], post: &mut impl FnMut(Posting)) {
    for line in lines {
        let mut entry = match line.quantity.0 > 0 {
            true => posting(line, Place::Account(Account::Found), bucket(line)),
            false => posting(line, bucket(line), Place::Account(Account::Loss)),
        };
        entry.quantity = entry.quantity.saturating_abs();
        post(entry);
    }
}

fn returns(lines: &[ReturnLine], post: &mut impl FnMut(Posting)) {
    for ReturnLine { line, disposition } in lines {
        let to = match disposition.unwrap_or(Disposition::Quarantine) {
            Disposition::Restock => Place::Bucket(line.position, Bucket::Sellable),
            Disposition::Quarantine => Place::Bucket(line.position, Bucket::Unsellable),
            Disposition::Scrap => Place::Account(Account::Loss),
        };
        post(posting(line, Place::Account(Account::Customer), to));
    }
}
