//! Shrinkage: what was adjusted, wasted and lost, by reason; what counts put right, and how often they found nothing.

use super::about::Key;
use super::lines::{BucketLines, Reading};
use super::read::lists_of_item;
use super::{About, Per, ReportError, Reports, Within};
use crate::domain::account::{Account, Place, for_each_posting};
use crate::domain::event::EventKind;
use crate::domain::event::{
    Body, Event, PosDeltaRecorded, PosMovement, Received, TransferClosed, TransferReceived, TransferShipped,
};
use crate::domain::ids::{ItemId, LocationId, LotId, Position, Seq, TransferId};
use crate::domain::line::UnitCost;
use crate::domain::period::{What, filed_at};
use crate::domain::quantity::decimal;
use crate::domain::state::State;
use crate::domain::text::{Currency, ReasonCode};
use crate::query::Answer;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// What went missing or turned up for one kind of reason, in smallest units; sellable and unsellable stock together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShrinkageRow {
    /// What it is about.
    #[serde(flatten)]
    pub about: About,
    /// `adjusted`, `pos_correction`, `pos_waste`; `transfer_closed` for what never arrived, at its destination;
    /// `counted` for what counts put right.
    pub kind: EventKind,
    /// The reason that was given.
    pub reason: Option<ReasonCode>,
    /// Lines, or counts.
    pub lines: u64,
    /// Of counts: how many found what should have been there.
    pub exact: u64,
    /// What turned up: zero or more.
    pub found: i128,
    /// What went missing: zero or less.
    pub lost: i128,
    /// Of counts: what they had settled already of what was recorded late, see
    /// [`MovementRow::variance`](super::MovementRow::variance). `found + lost + settled` of counts is that variance.
    pub settled: i128,
    /// What `found + lost` cost, where a unit cost was known when it was recorded; by currency.
    pub cost: SmallVec<[Cost; 1]>,
    /// Units of `found − lost` whose cost was not known.
    pub uncosted: i128,
}

impl ShrinkageRow {
    /// What is left of the two.
    #[must_use]
    pub const fn net(&self) -> i128 {
        self.found + self.lost
    }

    /// How much was wrong, whichever way.
    #[must_use]
    pub const fn absolute(&self) -> i128 {
        self.found - self.lost
    }
}

/// A cost in minor units of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Minor units, each line's rounded half away from zero; negative where it was lost.
    pub minor_units: i128,
    /// The currency.
    pub currency: Currency,
}

impl Cost {
    /// It in the currency's own unit, such as `-0.99`; exact.
    #[must_use]
    pub fn amount(&self) -> String {
        decimal(self.minor_units, self.currency.minor_digits())
    }
}

#[derive(Default)]
struct Sums {
    lines: u64,
    exact: u64,
    found: i128,
    lost: i128,
    settled: i128,
    cost: SmallVec<[Cost; 1]>,
    uncosted: i128,
}

impl Sums {
    fn add(&mut self, units: i128, cost: Option<(UnitCost, u8)>) {
        self.lines += 1;
        self.found += units.max(0);
        self.lost += units.min(0);
        let Some((UnitCost { minor_units, currency }, decimals)) = cost else {
            self.uncosted += units.abs();
            return;
        };
        let minor_units = rounded(units * i128::from(minor_units), 10_i128.pow(u32::from(decimals)));
        match self.cost.iter_mut().find(|cost| cost.currency == currency) {
            Some(cost) => cost.minor_units += minor_units,
            None => self.cost.push(Cost { minor_units, currency }),
        }
    }
}

/// The quotient of a number and a positive one, rounded half away from zero.
fn rounded(number: i128, by: i128) -> i128 {
    (number.abs() + by / 2) / by * number.signum()
}

/// What a unit of each item was said to cost, and from which line on.
#[derive(Default)]
struct Costs(FxHashMap<ItemId, Vec<(u32, UnitCost)>>);

impl Costs {
    fn learn(&mut self, event: &Event, place: u32) {
        let (Body::Received(Received { lines })
        | Body::PosDelta(PosDeltaRecorded { delta: PosMovement::Receipt(lines), .. })) = &event.body
        else {
            return;
        };
        for line in lines {
            let cost = line.detail.as_ref().and_then(|detail| detail.unit_cost);
            let Some(cost) = cost else { continue };
            let known = self.0.entry(line.position.item).or_default();
            if known.last().is_none_or(|(_, last)| *last != cost) {
                known.push((place, cost));
            }
        }
    }

    fn of(&self, item: ItemId, place: u32) -> Option<UnitCost> {
        let known = self.0.get(&item)?;
        let behind = known.partition_point(|(from, _)| *from <= place);
        known.get(behind.checked_sub(1)?).map(|(_, cost)| *cost)
    }
}

/// Calls `put` for each line of an event that takes stock away or brings it back for no customer and no supplier.
fn for_each_loss(event: &Event, under_way: &Transfers, mut put: impl FnMut(Position, i64)) {
    for_each_posting(event, |posting| {
        let (place, units) = match (posting.from, posting.to) {
            (Place::Account(Account::Found), place) => (place, posting.quantity),
            (place, Place::Account(Account::Loss)) => (place, posting.quantity.saturating_neg()),
            _ => return,
        };
        match place {
            Place::Bucket(position, _) => put(position, units),
            Place::Transit(transfer, lot) => {
                if let Some(UnderWay { to, .. }) = under_way.0.get(&transfer) {
                    put(Position::of_lot(posting.item, *to, lot), units);
                }
            }
            // What is scrapped on its way back from a customer never was in stock.
            Place::Account(_) => {}
        }
    });
}

/// Where transfers under way go, and how much of what is: one that has arrived is forgotten.
#[derive(Default)]
struct Transfers(FxHashMap<TransferId, UnderWay>);

struct UnderWay {
    to: LocationId,
    open: BTreeMap<(ItemId, LotId), i64>,
}

impl Transfers {
    fn take(&mut self, event: &Event) {
        let (transfer, to) = if let Body::TransferShipped(TransferShipped { transfer, to, .. }) = &event.body {
            (*transfer, Some(*to))
        } else if let Body::TransferReceived(TransferReceived { transfer, lines }) = &event.body {
            (*transfer, lines.first().map(|line| line.position.location))
        } else if let Body::TransferClosed(TransferClosed { transfer, .. }) = &event.body {
            (*transfer, None)
        } else {
            return;
        };
        if let Some(to) = to {
            self.0.entry(transfer).or_insert_with(|| UnderWay { to, open: BTreeMap::new() });
        }
        let Some(UnderWay { open, .. }) = self.0.get_mut(&transfer) else { return };
        for_each_posting(event, |posting| {
            for (place, delta) in [(posting.from, posting.quantity.saturating_neg()), (posting.to, posting.quantity)] {
                if let Place::Transit(_, lot) = place {
                    let quantity = open.entry((posting.item, lot)).or_default();
                    *quantity = quantity.saturating_add(delta);
                }
            }
        });
        open.retain(|_, quantity| *quantity != 0);
        if open.is_empty() {
            self.0.remove(&transfer);
        }
    }
}

type Why = (EventKind, Option<ReasonCode>);

const KINDS: &[EventKind] =
    &[EventKind::PeriodClosed, EventKind::TransferShipped, EventKind::TransferReceived, EventKind::TransferClosed];

impl Reports<'_> {
    /// What was adjusted, wasted and lost on the way, by reason, and what counts put right.
    ///
    /// Scrapped returns never were in stock and are no part of it: see [`Reports::returns`]. A unit costs what the last
    /// receipt of the item before the line said.
    ///
    /// # Errors
    /// [`ReportError`].
    pub fn shrinkage(&self, within: &Within, per: Per) -> Result<Answer<Vec<ShrinkageRow>>, ReportError> {
        let decimals = |state: &State, _| -> FxHashMap<ItemId, u8> {
            state.items().map(|(id, item)| (*id, item.decimals)).collect()
        };
        let (basis, decimals) = self.basis(within, decimals)?;
        let decimals_of = |item: ItemId| decimals.get(&item).copied().unwrap_or(0);
        let (mut sums, mut transfers) = (BTreeMap::<(Key, Why), Sums>::new(), Transfers::default());
        // What is lost is seen on the way, what is counted bucket by bucket: both need costs and name items.
        let costs = std::cell::RefCell::new(Costs::default());
        let items = std::cell::RefCell::new(FxHashSet::<ItemId>::default());
        let mut counts = BTreeMap::<(Key, Why), Sums>::new();
        let see = |seq: Seq, event: &Event, reading: &Reading<'_>| {
            let costs = &mut *costs.borrow_mut();
            // From its own first line on: what stands before it is not valued by what came later.
            costs.learn(event, reading.place.saturating_add(1));
            let why = || (EventKind::of(&event.body), event.envelope.reason.clone());
            let at = event.envelope.moment().at();
            for_each_loss(event, &transfers, |position, units| {
                let filed = filed_at(reading.closes.of(position.location), seq, at);
                if !within.admits(position) || !basis.window(position.location).has(filed) {
                    return;
                }
                items.borrow_mut().insert(position.item);
                let cost = costs.of(position.item, reading.place).map(|cost| (cost, decimals_of(position.item)));
                sums.entry((per.key(position), why())).or_default().add(units.into(), cost);
            });
            transfers.take(event);
        };
        let visit = |bucket: BucketLines<'_>| {
            let (position, window) = (bucket.position, basis.window(bucket.position.location));
            bucket.each_filed(|step| {
                if !window.has(step.filed) || !(step.kind == EventKind::Counted || step.variance != 0) {
                    return;
                }
                items.borrow_mut().insert(position.item);
                let sums = counts.entry((per.key(position), (EventKind::Counted, None))).or_default();
                match step.what {
                    What::Moved(_) => sums.settled += step.variance,
                    What::Counted(_) => {
                        let cost = costs.borrow().of(position.item, step.place);
                        let cost = cost.map(|cost| (cost, decimals_of(position.item)));
                        sums.exact += u64::from(step.variance == 0);
                        sums.add(step.variance, cost);
                    }
                }
            });
        };
        let lists = lists_of_item(within.item, KINDS);
        self.each_bucket(&basis, &lists, |position| within.admits(position), see, visit)?;
        sums.extend(counts);
        let common = if per == Per::Location { self.common_decimals(items.into_inner())? } else { 0 };
        let rows = sums.into_iter().map(|((key, why), sums)| (key, common, (why, sums)));
        let rows = self.name(rows.collect()).into_iter().map(|(about, ((kind, reason), sums))| {
            let Sums { lines, exact, found, lost, settled, cost, uncosted } = sums;
            ShrinkageRow { about, kind, reason, lines, exact, found, lost, settled, cost, uncosted }
        });
        Ok(basis.answer(rows.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_has_the_digits_of_its_currency() {
        let told = [("GBP", -99), ("JPY", -99), ("KWD", 1_500)]
            .map(|(currency, minor_units)| Cost { minor_units, currency: Currency::new(currency).unwrap() }.amount());
        assert_eq!(told, ["-0.99", "-99", "1.500"]);
    }

    #[test]
    fn half_a_minor_unit_is_rounded_away_from_zero() {
        let found = [(5, 10), (4, 10), (-5, 10), (-4, 10), (-15, 10), (7, 1)].map(|(number, by)| rounded(number, by));
        assert_eq!(found, [1, 0, -1, 0, -2, 7]);
    }
}
