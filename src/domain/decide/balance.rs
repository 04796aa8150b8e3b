//! No balance may leave the ledger's range: buckets, what is in transit and inbound, and an item's accounts.

use super::lines::in_range;
use crate::domain::account::{Account, Place, for_each_delta, for_each_posting_of};
use crate::domain::event::{Body, Counted, TransferReceived, TransferShipped};
use crate::domain::ids::{ItemId, LocationId, Moment, Position};
use crate::domain::line::{Bucket, Line};
use crate::domain::rejection::Rejection;
use crate::domain::state::{Accounts, State};
use crate::limits::BALANCE_UNITS_MAX;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

/// A change of one bucket.
struct Change {
    position: Position,
    bucket: Bucket,
    delta: i128,
}

/// Judges every balance that the event changes, as it is afterwards.
pub(super) fn balances_in_range(state: &State, body: &Body, at: Moment) -> Result<(), Rejection> {
    let changes = bucket_changes(state, body, at);
    for change in &changes {
        let before = state.position(change.position).map_or(0, |entry| entry.bucket(change.bucket).quantity);
        in_range(change.position, "a bucket", i128::from(before) + change.delta)?;
    }
    transit_in_range(state, body)?;
    accounts_in_range(state, body, at)
}

/// By how much each bucket changes: not at all where a later count has settled it.
fn bucket_changes(state: &State, body: &Body, at: Moment) -> SmallVec<[Change; 2]> {
    let mut changes: SmallVec<[Change; 2]> = SmallVec::new();
    if let Body::Counted(Counted { lines }) = body {
        for line in lines {
            let known = state.position(line.position).map(|entry| *entry.bucket(line.bucket)).unwrap_or_default();
            if known.anchors_at(at) {
                let delta = i128::from(line.counted.0) + i128::from(line.later) - i128::from(known.quantity);
                changes.push(Change { position: line.position, bucket: line.bucket, delta });
            }
        }
        return changes;
    }
    let mut places: FxHashMap<(Position, Bucket), usize> = FxHashMap::default();
    for_each_delta(body, |place, delta| {
        let Place::Bucket(position, bucket) = place else { return };
        if state.position(position).is_some_and(|entry| !entry.bucket(bucket).moves_at(at)) {
            return;
        }
        // The first change needs no map, and most events have only one.
        let place = match changes.first() {
            None => 0,
            Some(first) if (first.position, first.bucket) == (position, bucket) => 0,
            Some(_) => *places.entry((position, bucket)).or_insert(changes.len()),
        };
        match changes.get_mut(place) {
            Some(change) => change.delta += i128::from(delta),
            None => changes.push(Change { position, bucket, delta: i128::from(delta) }),
        }
    });
    changes
}

fn transit_in_range(state: &State, body: &Body) -> Result<(), Rejection> {
    let (transfer, lines, sign) = if let Body::TransferShipped(TransferShipped { transfer, lines, .. }) = body {
        (transfer, lines, 1)
    } else if let Body::TransferReceived(TransferReceived { transfer, lines }) = body {
        (transfer, lines, -1)
    } else {
        return Ok(());
    };
    let known = state.transfer(*transfer);
    let mut sums: FxHashMap<_, i128> = FxHashMap::default();
    for line in lines {
        let key = (line.position.item, line.position.lot);
        let before = || known.and_then(|known| known.lines.get(&key)).map_or(0, |units| i128::from(*units));
        let sum = sums.entry(key).or_insert_with(before);
        *sum += i128::from(line.quantity.0) * sign;
        in_range(line.position, "what is in transit", *sum)?;
    }
    if let Body::TransferShipped(TransferShipped { to, .. }) = body {
        inbound_in_range(state, lines, known.map_or(*to, |known| known.to))?;
    }
    Ok(())
}

fn inbound_in_range(state: &State, lines: &[Line], to: LocationId) -> Result<(), Rejection> {
    let mut sums: FxHashMap<Position, i128> = FxHashMap::default();
    for line in lines {
        let position = Position::of_lot(line.position.item, to, line.position.lot);
        let before = || state.position(position).map_or(0, |entry| i128::from(entry.inbound));
        let sum = sums.entry(position).or_insert_with(before);
        *sum += i128::from(line.quantity.0);
        in_range(position, "what is inbound", *sum)?;
    }
    Ok(())
}

/// The accounts of every item in the event. Far from the edge, as ever, the sum of all that moves settles it.
fn accounts_in_range(state: &State, body: &Body, at: Moment) -> Result<(), Rejection> {
    let mut moved: i128 = 0;
    let mut furthest: i128 = 0;
    let mut look = |item: ItemId, delta: i128| {
        moved += delta.abs();
        furthest = furthest.max(state.item(item).map_or(0, |item| item.accounts.furthest()));
    };
    if let Body::Counted(Counted { lines }) = body {
        lines.iter().for_each(|line| {
            let before = state.position(line.position).map_or(0, |entry| entry.bucket(line.bucket).quantity);
            let after = i128::from(line.counted.0) + i128::from(line.later);
            look(line.position.item, after - i128::from(before));
        });
    }
    // Not every posting has a bucket at an end: what comes back as scrap goes from one account to another.
    for_each_posting_of(body, |posting| look(posting.item, i128::from(posting.quantity)));
    match moved + furthest <= i128::from(BALANCE_UNITS_MAX) {
        true => Ok(()),
        false => exact_accounts(state, body, at),
    }
}

fn exact_accounts(state: &State, body: &Body, at: Moment) -> Result<(), Rejection> {
    let mut accounts: FxHashMap<ItemId, (Position, Accounts)> = FxHashMap::default();
    let known = |item| state.item(item).map(|item| item.accounts).unwrap_or_default();
    let somewhere = |item| Position::new(item, LocationId(0));
    for change in bucket_changes(state, body, at) {
        let item = change.position.item;
        let entry = accounts.entry(item).or_insert_with(|| (change.position, known(item)));
        entry.1.add_bucket(change.bucket, change.delta);
        if let Body::Counted(_) = body {
            entry.1.add(Account::Variance, -change.delta);
        }
    }
    postings(body, |item, place, delta| {
        let entry = accounts.entry(item).or_insert_with(|| (somewhere(item), known(item)));
        match place {
            Place::Account(account) => entry.1.add(account, delta),
            Place::Transit(..) => entry.1.add(Account::Transit, delta),
            Place::Bucket(position, bucket) => {
                entry.0 = position;
                if state.position(position).is_some_and(|entry| !entry.bucket(bucket).moves_at(at)) {
                    entry.1.add(Account::Variance, delta);
                }
            }
        }
    });
    for (position, accounts) in accounts.into_values() {
        in_range(position, "an account of the item", accounts.furthest())?;
    }
    Ok(())
}

fn postings(body: &Body, mut each: impl FnMut(ItemId, Place, i128)) {
    for_each_posting_of(body, |posting| {
        each(posting.item, posting.from, -i128::from(posting.quantity));
        each(posting.item, posting.to, i128::from(posting.quantity));
    });
}
