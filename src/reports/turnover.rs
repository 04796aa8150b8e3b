//! Turnover: how often stock was sold in a year, and for how many days what is there lasts.

use super::about::Key;
use super::lines::{BucketLines, Reading};
use super::read::{Basis, lists_of_item};
use super::returns::{for_each_return, for_each_sale};
use super::within::Window;
use super::{About, Per, Ratio, ReportError, Reports, Within};
use crate::domain::event::Event;
use crate::domain::event::EventKind;
use crate::domain::ids::{ItemId, Position, Seq, Timestamp};
use crate::domain::period::for_each_entry;
use crate::domain::state::State;
use crate::limits::DECIMALS_MAX;
use crate::query::Answer;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;
use std::collections::BTreeMap;

const DAY_MICROS: i128 = 86_400_000_000;
const YEAR_DAYS: i128 = 365;

/// What was sold of what was there, in smallest units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TurnoverRow {
    /// What it is about.
    #[serde(flatten)]
    pub about: About,
    /// What was sold and shipped to customers.
    pub sold: i128,
    /// What came back from them.
    pub returned: i128,
    /// The sum over all microseconds of the span of what was there then, as it is known now.
    pub unit_micros: i128,
    /// How long the span is, in microseconds.
    pub span_micros: i64,
    /// What is available now.
    pub available: i128,
}

impl TurnoverRow {
    /// What was sold and did not come back.
    #[must_use]
    pub const fn demand(&self) -> i128 {
        self.sold - self.returned
    }

    /// What was there on average, in whole units: every day counts as long as it was. None where the span is empty.
    #[must_use]
    pub fn average(&self) -> Option<Ratio> {
        let whole = 10_i128.pow(u32::from(self.about.decimals.min(DECIMALS_MAX)));
        Ratio::new(self.unit_micros, i128::from(self.span_micros) * whole)
    }

    /// How often the average stock would be sold in 365 days. None where that says nothing: in a span under a day,
    /// where the average is not above zero, and where more came back than was sold.
    #[must_use]
    pub fn turns_per_year(&self) -> Option<Ratio> {
        if self.is_short() || self.demand() < 0 {
            return None;
        }
        Ratio::new(self.demand().saturating_mul(YEAR_DAYS * DAY_MICROS), self.unit_micros)
    }

    /// For how many days what is available would last. None where that says nothing: in a span under a day, where not
    /// more was sold than came back, and where less than nothing is available.
    #[must_use]
    pub fn days_of_cover(&self) -> Option<Ratio> {
        if self.is_short() || self.available < 0 {
            return None;
        }
        let lasting = self.available.saturating_mul(self.span_micros.into());
        Ratio::new(lasting, self.demand().saturating_mul(DAY_MICROS))
    }

    /// Whether the span is too short to tell of a year.
    fn is_short(&self) -> bool {
        i128::from(self.span_micros) < DAY_MICROS
    }
}

#[derive(Default)]
struct Sums {
    sold: i128,
    returned: i128,
    unit_micros: i128,
}

/// What is available now.
fn available(state: &State, as_of: Timestamp, within: &Within, per: Per) -> FxHashMap<Key, i128> {
    let mut sums = FxHashMap::default();
    for (position, _) in state.positions().filter(|(position, _)| within.admits(**position)) {
        *sums.entry(per.key(*position)).or_default() += i128::from(state.available(*position, as_of));
    }
    sums
}

/// The first instant at which anything happened, row by row.
type First = FxHashMap<Key, Timestamp>;

/// The span of a row: unless it was said, from the first thing that happened in the row, to now. So the figures of a
/// row are the same whatever other rows are beside it.
fn span_of(basis: &Basis, first: &First, key: Key) -> Window {
    let Window { from, until } = basis.window(key.1);
    let first = first.get(&key).copied().unwrap_or(basis.as_of);
    let from = if from == Timestamp(i64::MIN) { first } else { from };
    Window { from, until: until.min(basis.as_of) }
}

/// The sum over the microseconds of a span of what was in a bucket.
fn unit_micros(bucket: BucketLines<'_>, span: Window) -> i128 {
    let (mut since, mut quantity, mut sum) = (span.from, 0, 0);
    let mut until = |at: Timestamp, next: i128| {
        let at = at.clamp(span.from, span.until.max(span.from));
        sum += quantity * i128::from(at.0.saturating_sub(since.0).max(0));
        since = since.max(at);
        quantity = next;
    };
    bucket.each_dated(|step| until(step.at.at(), step.quantity));
    until(span.until, 0);
    sum
}

impl Reports<'_> {
    /// What was sold and shipped to customers within the span, and what was there meanwhile, by when it happened.
    ///
    /// Demand = sold less returned; average stock = the sum of stock × time over the time of the span; turns per year =
    /// demand in 365 days at that rate over the average stock; days of cover = what is available over the demand of a
    /// day. This is the usual inventory turnover, in units instead of cost. Without a beginning the span of each row
    /// begins with the first thing that happened in it.
    ///
    /// # Errors
    /// [`ReportError`].
    pub fn turnover(&self, within: &Within, per: Per) -> Result<Answer<Vec<TurnoverRow>>, ReportError> {
        let (basis, available) = self.basis(within, |state, as_of| available(state, as_of, within, per))?;
        let sums = std::cell::RefCell::new(BTreeMap::<Key, Sums>::new());
        let first = std::cell::RefCell::new(First::default());
        let items = std::cell::RefCell::new(FxHashSet::<ItemId>::default());
        let see = |seq: Seq, event: &Event, _: &Reading<'_>| {
            let at = event.envelope.moment().at();
            let begin = |position: Position| {
                if within.admits(position) {
                    let mut first = first.borrow_mut();
                    let first = first.entry(per.key(position)).or_insert(at);
                    *first = (*first).min(at);
                }
            };
            for_each_entry(seq, event, |position, _, _| begin(position));
            // What is scrapped when it comes back never is in stock.
            for_each_return(event, |_, back| begin(back.line.position));
            let add = |position: Position, put: &mut dyn FnMut(&mut Sums)| {
                if within.admits(position) && basis.window(position.location).has(at) {
                    items.borrow_mut().insert(position.item);
                    put(sums.borrow_mut().entry(per.key(position)).or_default());
                }
            };
            for_each_sale(event, |position, units| add(position, &mut |sums| sums.sold += i128::from(units)));
            for_each_return(event, |_, back| {
                let units = i128::from(back.line.quantity.0);
                add(back.line.position, &mut |sums| sums.returned += units);
            });
        };
        let visit = |bucket: BucketLines<'_>| {
            let position = bucket.position;
            items.borrow_mut().insert(position.item);
            let span = span_of(&basis, &first.borrow(), per.key(position));
            let there = unit_micros(bucket, span);
            sums.borrow_mut().entry(per.key(position)).or_default().unit_micros += there;
        };
        let lists = lists_of_item(within.item, &[EventKind::PeriodClosed]);
        self.each_bucket(&basis, &lists, |position| within.admits(position), see, visit)?;
        let decimals = if per == Per::Location { self.common_decimals(items.into_inner())? } else { 0 };
        let rows = sums.into_inner().into_iter().map(|(key, sums)| {
            let span = span_of(&basis, &first.borrow(), key);
            let span_micros = span.until.0.saturating_sub(span.from.0).max(0);
            (key, decimals, (sums, span_micros, available.get(&key).copied().unwrap_or(0)))
        });
        let rows = self.name(rows.collect()).into_iter().map(|(about, (sums, span_micros, available))| {
            let Sums { sold, returned, unit_micros } = sums;
            TurnoverRow { about, sold, returned, unit_micros, span_micros, available }
        });
        Ok(basis.answer(rows.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::LocationId;

    const DAY: i64 = 86_400_000_000;

    /// Ten days with ten pieces there, in which so many were sold and came back; so many are available.
    fn row(sold: i128, returned: i128, available: i128) -> TurnoverRow {
        let (item, location) = (Some(ItemId(1)), Some(LocationId(1)));
        let about = About { sku: None, location_code: None, lot_code: None, item, location, lot: None, decimals: 0 };
        let unit_micros = 100 * i128::from(DAY);
        TurnoverRow { about, sold, returned, unit_micros, span_micros: 10 * DAY, available }
    }

    /// Turns a year and days of cover.
    fn told(row: &TurnoverRow) -> (Option<String>, Option<String>) {
        (row.turns_per_year().map(|ratio| ratio.to_string()), row.days_of_cover().map(|ratio| ratio.to_string()))
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn a_ratio_that_would_say_nothing_is_none() {
        assert_eq!(told(&row(20, 0, 30)), (some("73.00"), some("15.00")));
        assert_eq!(told(&row(20, 0, 0)), (some("73.00"), some("0.00")), "there is nothing left");
        assert_eq!(told(&row(20, 0, -1)), (some("73.00"), None), "more is promised than there is");
        assert_eq!(told(&row(5, 5, 30)), (some("0.00"), None), "nobody wants it");
        assert_eq!(told(&row(5, 6, 30)), (None, None), "more came back than was sold");
        assert_eq!(told(&TurnoverRow { unit_micros: 0, ..row(20, 0, 30) }), (None, some("15.00")));
        assert_eq!(told(&TurnoverRow { unit_micros: -1, ..row(20, 0, 30) }), (None, some("15.00")));
        let hours = TurnoverRow { span_micros: DAY - 1, ..row(20, 0, 30) };
        assert_eq!((told(&hours), hours.average().is_some()), ((None, None), true), "a few hours tell of no year");
    }
}
