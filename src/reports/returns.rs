//! Returns: why they come back, where they go, and how many of what was sold that is.

use super::about::Key;
use super::read::lists_of_kinds;
use super::{About, Per, ReportError, Reports, Within};
use crate::domain::event::Event;
use crate::domain::event::EventKind;
use crate::domain::fields::EventLines;
use crate::domain::ids::{ItemId, Position};
use crate::domain::line::{Disposition, ReturnLine};
use crate::domain::text::ReasonCode;
use crate::query::Answer;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;
use std::collections::BTreeMap;

/// How goods came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// Against an order that they had been shipped to.
    Referenced,
    /// Against nothing.
    Unreferenced,
    /// At a till.
    Till,
}

/// What came back for one reason, one way, to one place; in smallest units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReturnsRow {
    /// What it is about.
    #[serde(flatten)]
    pub about: About,
    /// How it came back.
    pub route: Route,
    /// Why, where it was said.
    pub reason: Option<ReasonCode>,
    /// Where it went; what nobody sent anywhere is in quarantine.
    pub disposition: Disposition,
    /// Lines of returns.
    pub lines: u64,
    /// What came back.
    pub units: i128,
    /// What was sold and shipped to customers in the same span, for whatever reason any of it came back.
    pub sold: i128,
}

type Why = (Route, Option<ReasonCode>, u8);

const DISPOSITIONS: [Disposition; 3] = [Disposition::Restock, Disposition::Quarantine, Disposition::Scrap];

fn number(disposition: Option<Disposition>) -> u8 {
    match disposition.unwrap_or(Disposition::Quarantine) {
        Disposition::Restock => 0,
        Disposition::Quarantine => 1,
        Disposition::Scrap => 2,
    }
}

/// Calls `put` for every line that came back.
pub(super) fn for_each_return<'e>(event: &'e Event, mut put: impl FnMut(Route, &'e ReturnLine)) {
    let EventLines::Returned(first, unreferenced) = event.body.payload().lines() else { return };
    let first_route = if event.body.external().is_some() { Route::Till } else { Route::Referenced };
    first.iter().for_each(|line| put(first_route, line));
    unreferenced.iter().for_each(|line| put(Route::Unreferenced, line));
}

/// Calls `put` for everything that left for customers.
pub(super) fn for_each_sale(event: &Event, mut put: impl FnMut(Position, i64)) {
    event.body.payload().shipments(&mut |position, units| {
        if units > 0 {
            put(position, units);
        }
    });
}

const KINDS: &[EventKind] = &[EventKind::Returned, EventKind::PosReturn, EventKind::PosSale, EventKind::Fulfilled];

impl Reports<'_> {
    /// What came back within the span, by the date on which it did, and what was sold meanwhile.
    ///
    /// # Errors
    /// [`ReportError`].
    pub fn returns(&self, within: &Within, per: Per) -> Result<Answer<Vec<ReturnsRow>>, ReportError> {
        let (basis, ()) = self.basis(within, |_, _| ())?;
        let mut returned = BTreeMap::<(Key, Why), (u64, i128)>::new();
        let mut sold = FxHashMap::<Key, i128>::default();
        let mut items = FxHashSet::<ItemId>::default();
        let lists = match within.item {
            Some(_) => super::read::lists_of_item(within.item, &[]),
            None => lists_of_kinds(KINDS),
        };
        self.each(&basis, &lists, |_, event| {
            let at = event.envelope.moment().at();
            let is_in = |position| within.admits(position) && basis.window(position.location).has(at);
            for_each_sale(event, |position, units| {
                if is_in(position) {
                    items.insert(position.item);
                    *sold.entry(per.key(position)).or_default() += i128::from(units);
                }
            });
            for_each_return(event, |route, ReturnLine { line, disposition }| {
                if is_in(line.position) {
                    items.insert(line.position.item);
                    let why = (route, event.envelope.reason.clone(), number(*disposition));
                    let (lines, units) = returned.entry((per.key(line.position), why)).or_default();
                    *lines += 1;
                    *units += i128::from(line.quantity.0);
                }
            });
        })?;
        let decimals = if per == Per::Location { self.common_decimals(items)? } else { 0 };
        let rows = returned.into_iter().map(|((key, why), (lines, units))| {
            (key, decimals, (why, lines, units, sold.get(&key).copied().unwrap_or(0)))
        });
        let rows = self.name(rows.collect()).into_iter().map(|(about, ((route, reason, to), lines, units, sold))| {
            let disposition = DISPOSITIONS.get(usize::from(to)).copied().unwrap_or(Disposition::Quarantine);
            ReturnsRow { about, route, reason, disposition, lines, units, sold }
        });
        Ok(basis.answer(rows.collect()))
    }
}
