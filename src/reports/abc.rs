//! ABC: the few items that most of the movement is about, and the many others.

use super::read::{lists_of_item, lists_of_kinds};
use super::returns::for_each_sale;
use super::{About, Ratio, ReportError, Reports, Within};
use crate::domain::event::EventKind;
use crate::domain::ids::{ItemId, LocationId, LotId};
use crate::limits::DECIMALS_MAX;
use crate::query::Answer;
use rustc_hash::FxHashMap;
use serde::Serialize;

/// What items are ranked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AbcBy {
    /// Whole units that were sold.
    Units,
    /// Lines of sales.
    Lines,
}

/// The class of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum AbcClass {
    /// Those of most of the movement.
    A,
    /// Those of some more of it.
    B,
    /// The others.
    C,
}

/// Up to which share of the movement an item is of class A, and of B, in hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbcThresholds {
    a: u8,
    b: u8,
}

impl Default for AbcThresholds {
    fn default() -> Self {
        Self { a: 80, b: 95 }
    }
}

impl AbcThresholds {
    /// Such as 80 and 95.
    ///
    /// # Errors
    /// [`ReportError::Invalid`] unless 0 < a < b ≤ 100.
    pub const fn new(a: u8, b: u8) -> Result<Self, ReportError> {
        match 0 < a && a < b && b <= 100 {
            true => Ok(Self { a, b }),
            false => {
                Err(ReportError::Invalid { field: "thresholds", problem: "must ascend, from above 0 to at most 100" })
            }
        }
    }

    /// The class of an item when the items before it make this part of the whole.
    const fn class(self, before: i128, total: i128) -> AbcClass {
        match before.saturating_mul(100) {
            share if share < total.saturating_mul(self.a as i128) => AbcClass::A,
            share if share < total.saturating_mul(self.b as i128) => AbcClass::B,
            _ => AbcClass::C,
        }
    }
}

/// An item and what was sold of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AbcRow {
    /// The item; its locations are summed.
    #[serde(flatten)]
    pub about: About,
    /// Its class.
    pub class: AbcClass,
    /// What was sold, in smallest units.
    pub units: i128,
    /// In how many lines.
    pub lines: u64,
    /// Its part of what was sold of all items, in per cent.
    pub share: Option<Ratio>,
    /// That of it and all items before it.
    pub cumulative: Option<Ratio>,
}

#[derive(Clone, Copy, Default)]
struct Sums {
    units: i128,
    lines: u64,
}

impl Sums {
    /// Millionths of whole units, or lines.
    fn weight(self, by: AbcBy, decimals: u8) -> i128 {
        match by {
            AbcBy::Units => self.units * 10_i128.pow(u32::from(DECIMALS_MAX.saturating_sub(decimals))),
            AbcBy::Lines => i128::from(self.lines),
        }
    }
}

impl Reports<'_> {
    /// Items that were sold within the span, the most first. An item is of class A as long as the items before it make
    /// less than the first threshold of the whole, then B up to the second; so the one that crosses it belongs to it.
    ///
    /// # Errors
    /// [`ReportError`].
    pub fn abc(
        &self,
        within: &Within,
        by: AbcBy,
        thresholds: AbcThresholds,
    ) -> Result<Answer<Vec<AbcRow>>, ReportError> {
        let (basis, ()) = self.basis(within, |_, _| ())?;
        let mut sums = FxHashMap::<ItemId, Sums>::default();
        let lists = match within.item {
            Some(_) => lists_of_item(within.item, &[]),
            None => lists_of_kinds(&[EventKind::PosSale, EventKind::Fulfilled]),
        };
        self.each(&basis, &lists, |_, event| {
            let at = event.envelope.moment().at();
            for_each_sale(event, |position, units| {
                if within.admits(position) && basis.window(position.location).has(at) {
                    let sums = sums.entry(position.item).or_default();
                    sums.units += i128::from(units);
                    sums.lines += 1;
                }
            });
        })?;
        let rows = sums.into_iter().map(|(item, sums)| ((item, LocationId(0), LotId::NONE), 0, sums));
        let mut rows = self.name(rows.collect());
        let weight = |(about, sums): &(About, Sums)| sums.weight(by, about.decimals);
        rows.sort_by_key(|row| std::cmp::Reverse(weight(row)));
        let total = rows.iter().map(weight).sum();
        let mut before = 0;
        let ranked = rows.into_iter().map(|row| {
            let (own, class) = (weight(&row), thresholds.class(before, total));
            before += own;
            let (about, Sums { units, lines }) = row;
            let per_cent = |part: i128| Ratio::new(part.saturating_mul(100), total);
            AbcRow { about, class, units, lines, share: per_cent(own), cumulative: per_cent(before) }
        });
        Ok(basis.answer(ranked.collect()))
    }
}
