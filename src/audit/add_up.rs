//! Whether the figures of a state agree with each other: positions with accounts, holds with reservations.

use super::verify::Fault;
use crate::domain::check::DOUBLE_ENTRY;
use crate::domain::ids::{ItemId, Position, Seq};
use crate::domain::state::State;
use hashbrown::HashMap;

/// What the parts of a state say of one item.
#[derive(Default, PartialEq)]
struct Sums {
    sellable: i128,
    unsellable: i128,
    transit: i128,
}

/// Adds everything up again: each item's buckets and transit, what is open and inbound at each position.
pub(super) fn adds_up(state: &State) -> Option<Fault> {
    items(state).or_else(|| positions(state)).map(|what| Fault {
        seq: Seq(state.next_seq().0.saturating_sub(1)),
        rule: DOUBLE_ENTRY.0,
        what,
    })
}

fn items(state: &State) -> Option<String> {
    let mut sums: HashMap<ItemId, Sums> = HashMap::new();
    for (position, entry) in state.positions() {
        let sums = sums.entry(position.item).or_default();
        sums.sellable += i128::from(entry.sellable.quantity);
        sums.unsellable += i128::from(entry.unsellable.quantity);
    }
    for (_, transfer) in state.transfers() {
        for ((item, _), quantity) in &transfer.lines {
            sums.entry(*item).or_default().transit += i128::from(*quantity);
        }
    }
    state.items().find_map(|(id, item)| {
        let accounts = &item.accounts;
        let (sellable, unsellable, transit) = (accounts.sellable, accounts.unsellable, accounts.transit);
        let booked = Sums { sellable, unsellable, transit };
        let agree = sums.get(id).map_or(booked == Sums::default(), |sums| *sums == booked);
        let whole = accounts.sum() == 0;
        (!agree || !whole).then(|| format!("the positions of item {id} don't add up to its accounts"))
    })
}

fn positions(state: &State) -> Option<String> {
    let mut sums: HashMap<Position, (i128, i128)> = HashMap::new();
    for reservation in state.reservations() {
        for line in &reservation.lines {
            sums.entry(line.position).or_default().0 += i128::from(line.open);
        }
    }
    for (_, transfer) in state.transfers() {
        for ((item, lot), quantity) in transfer.lines.iter().filter(|(_, quantity)| **quantity > 0) {
            sums.entry(Position::of_lot(*item, transfer.to, *lot)).or_default().1 += i128::from(*quantity);
        }
    }
    state.positions().find_map(|(position, entry)| {
        let (open, inbound) = sums.get(position).copied().unwrap_or_default();
        let agree = open == i128::from(entry.open) && inbound == i128::from(entry.inbound);
        (!agree)
            .then(|| format!("what is open or inbound at {position} is not what its reservations and transfers hold"))
    })
}
