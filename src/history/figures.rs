//! The figures of positions out of sums of changes.

use crate::domain::ids::{ItemId, LocationId, LotId, Position, Seq};
use crate::index::records::Figure;
use crate::index::{Change, FigureKey, Reach};
use crate::query::Stock;

/// What the changes of a position come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Sums {
    pub(super) sellable: i128,
    pub(super) unsellable: i128,
    /// Open quantity of all holds, lapsed ones that were not closed yet included.
    pub(super) open: i128,
    pub(super) inbound: i128,
    /// What was closed of holds that had lapsed.
    pub(super) lapsed: i128,
    pub(super) version: Seq,
}

impl Sums {
    pub(super) fn add(&mut self, figure: Figure, change: Change) {
        match figure {
            Figure::Sellable => self.sellable += change.sum,
            Figure::Unsellable => self.unsellable += change.sum,
            Figure::Held => self.open += change.sum,
            Figure::Inbound => self.inbound += change.sum,
            Figure::Lapsed => self.lapsed += change.sum,
            Figure::Named => {}
        }
        // What comes nearer does not touch the position.
        if !matches!(figure, Figure::Inbound) {
            self.version = self.version.max(Seq(change.last_seq));
        }
    }

    /// The stock, where this much had lapsed so far, closed by now or not.
    pub(super) fn stock(&self, lapsed: i128) -> Stock {
        let (sellable, unsellable) = (small(self.sellable), small(self.unsellable));
        let reserved = small(self.open - (lapsed - self.lapsed));
        let available = sellable.saturating_sub(reserved);
        Stock {
            physical: sellable.saturating_add(unsellable),
            sellable,
            unsellable,
            reserved,
            available,
            inbound: small(self.inbound),
            oversold: available.saturating_neg().max(0),
            version: self.version,
        }
    }
}

/// Balances are bounded far below 64 bits.
pub(super) fn small(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}

pub(super) const fn reach_of(position: Position) -> Reach {
    Reach::One(position.item.0, position.location.0, position.lot.0)
}

pub(super) const fn position_of(key: &FigureKey) -> Position {
    Position::of_lot(ItemId(key.item), LocationId(key.location), LotId(key.lot))
}
