//! What the lines of a command have in common: do their things exist, are they as the caller saw them, what is
//! their sum per position.

use super::Lowest;
use crate::domain::command::{ItemStatus, UseStatus};
use crate::domain::ids::{ItemId, LocationId, LotId, Position, Seq};
use crate::domain::line::{Bucket, Disposition, Line, Lines, ReturnLine};
use crate::domain::quantity::Quantity;
use crate::domain::rejection::{Rejection, Shortage};
use crate::domain::state::{Moved, State};
use crate::limits::BALANCE_UNITS_MAX;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

/// Item, location and lot of a position exist.
pub(crate) fn exists(state: &State, position: Position, lowest: &mut Lowest) {
    if state.item(position.item).is_none() {
        lowest.offer(Rejection::ProductNotFound { item: position.item });
    }
    location_exists(state, position.location, lowest);
    if position.lot != LotId::NONE && state.lot(position.lot).is_none_or(|lot| lot.item != position.item) {
        lowest.offer(Rejection::LotNotFound { lot: position.lot, item: position.item });
    }
}

pub(crate) fn location_exists(state: &State, location: LocationId, lowest: &mut Lowest) {
    if state.location(location).is_none() {
        lowest.offer(Rejection::LocationNotFound { location });
    }
}

/// The position has the version that the caller saw.
pub(crate) fn as_seen(state: &State, line: usize, position: Position, seen: Option<Seq>, lowest: &mut Lowest) {
    let Some(seen) = seen else { return };
    let current = version(state, position);
    if seen != current {
        lowest.offer(Rejection::VersionConflict { line, position, seen, current });
    }
}

fn version(state: &State, position: Position) -> Seq {
    state.position(position).map_or(Seq::GENESIS, |entry| entry.version)
}

/// Every line's things exist and are as seen.
pub(crate) fn known(state: &State, lines: &[Line], lowest: &mut Lowest) {
    for (index, line) in lines.iter().enumerate() {
        exists(state, line.position, lowest);
        as_seen(state, index, line.position, line.seen, lowest);
    }
}

/// Every line of a return: its things exist and are as seen.
pub(crate) fn returns_known(state: &State, lines: &[ReturnLine], lowest: &mut Lowest) {
    for (index, ReturnLine { line, .. }) in lines.iter().enumerate() {
        exists(state, line.position, lowest);
        as_seen(state, index, line.position, line.seen, lowest);
    }
}

/// The item, location and lot of a position may be promised.
pub(crate) fn promisable(state: &State, position: Position, lowest: &mut Lowest) {
    if let Some(item) = state.item(position.item)
        && item.status != ItemStatus::Active
    {
        lowest.offer(Rejection::ProductUnavailable { item: position.item, status: item.status });
    }
    if state.location(position.location).is_some_and(|location| location.status == UseStatus::Retired) {
        lowest.offer(Rejection::LocationUnavailable { location: position.location });
    }
    if state.lot(position.lot).is_some_and(|lot| lot.status == UseStatus::Retired) {
        lowest.offer(Rejection::LotUnavailable { lot: position.lot });
    }
}

/// The lines as an event keeps them: without what only the caller saw.
pub(crate) fn recorded(lines: &[Line]) -> Lines {
    lines.iter().map(|line| Line { seen: None, ..line.clone() }).collect()
}

/// A return's line as the event keeps it: with its disposition, and the bucket that follows from it.
pub(crate) fn resolved(line: &ReturnLine, quantity: Quantity) -> ReturnLine {
    let disposition = line.disposition.unwrap_or(Disposition::Quarantine);
    let bucket = match disposition {
        Disposition::Quarantine => Bucket::Unsellable,
        Disposition::Restock | Disposition::Scrap => Bucket::Sellable,
    };
    let line = Line { bucket, quantity, seen: None, ..line.line.clone() };
    ReturnLine { line, disposition: Some(disposition) }
}

/// One line per position, in order of first appearance, quantities summed; details of the first line stay.
pub(crate) fn merged(lines: &[Line]) -> Lines {
    if let [line] = lines {
        return recorded(std::slice::from_ref(line));
    }
    let mut merged: Lines = SmallVec::with_capacity(lines.len());
    let mut places: FxHashMap<(Position, Bucket), usize> = FxHashMap::default();
    for line in lines {
        let place = *places.entry((line.position, line.bucket)).or_insert(merged.len());
        match merged.get_mut(place) {
            Some(first) => first.quantity = Quantity(first.quantity.0.saturating_add(line.quantity.0)),
            None => merged.push(Line { seen: None, ..line.clone() }),
        }
    }
    merged
}

/// Which positions are short of what is wanted there.
#[derive(Default)]
pub(crate) struct Short(Vec<Shortage>);

impl Short {
    pub(crate) fn compare(&mut self, position: Position, bucket: Bucket, wanted: i64, available: i64) {
        if wanted > available {
            self.0.push(Shortage { position, bucket, wanted, available });
        }
    }

    pub(crate) fn done(self) -> Result<(), Rejection> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(Rejection::InsufficientStock { short: self.0 }),
        }
    }
}

/// A balance lies within the ledger's range.
pub(crate) fn in_range(position: Position, what: &'static str, balance: i128) -> Result<(), Rejection> {
    match balance.unsigned_abs() > BALANCE_UNITS_MAX as u128 {
        true => Err(Rejection::Overflow { position, what }),
        false => Ok(()),
    }
}

/// Whether an item's decimals are fixed.
pub(crate) fn has_moved(state: &State, item: ItemId) -> bool {
    state.item(item).is_some_and(|item| item.moved == Moved::Once)
}
