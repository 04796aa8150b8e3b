//! The other reports, each against a loop over all events.

use super::naive::Naive;
use super::{DAY, Story, fail, history, positions};
use counterfoil::domain::account::{Account, Place, for_each_posting};
use counterfoil::domain::event::EventKind;
use counterfoil::domain::event::{Body, PosDeltaRecorded, PosMovement, Returned, TransferClosed};
use counterfoil::domain::evolve::evolve;
use counterfoil::domain::ids::{ItemId, LocationId, Position, Seq, Timestamp};
use counterfoil::domain::line::{Bucket, Disposition, ReturnLine};
use counterfoil::domain::state::State;
use counterfoil::reports::{AbcBy, AbcClass, AbcThresholds, About, AgeClass, Cut, Per, Reports, Route, Within};
use proptest::prelude::*;
use proptest::test_runner::Config;
use std::collections::BTreeMap;

type Key = (u32, u32);
const ALL: Within = Within { item: None, location: None, from: None, until: None };

fn key(position: Position) -> Key {
    (position.item.0, position.location.0)
}

fn key_of(about: &About) -> Key {
    (about.item.unwrap().0, about.location.unwrap().0)
}

fn keys() -> Vec<Key> {
    let mut keys: Vec<Key> = positions().into_iter().map(key).collect();
    keys.dedup();
    keys
}

/// Every return line with the way that it came.
fn returns(body: &Body) -> Vec<(Route, &ReturnLine)> {
    match body {
        Body::Returned(Returned { referenced, unreferenced }) => {
            let referenced = referenced.iter().map(|line| (Route::Referenced, line));
            referenced.chain(unreferenced.iter().map(|line| (Route::Unreferenced, line))).collect()
        }
        Body::PosDelta(PosDeltaRecorded { delta: PosMovement::Return(lines), .. }) => {
            lines.iter().map(|line| (Route::Till, line)).collect()
        }
        _ => Vec::new(),
    }
}

/// What left buckets for customers: with its date.
fn sold(naive: &Naive) -> Vec<(Position, Timestamp, i128)> {
    let mut sold = Vec::new();
    for (_, event) in &naive.events {
        for_each_posting(event, |posting| {
            if let (Place::Bucket(position, _), Place::Account(Account::Customer)) = (posting.from, posting.to) {
                sold.push((position, event.envelope.moment().at(), i128::from(posting.quantity)));
            }
        });
    }
    sold
}

fn shrinkage(reports: &Reports<'_>, naive: &Naive) -> Result<(), String> {
    let mut wanted: BTreeMap<(Key, String), (u64, i128, i128)> = BTreeMap::new();
    let mut put = |key: Key, why: String, delta: i64| {
        let (lines, found, lost) = wanted.entry((key, why)).or_default();
        *lines += 1;
        *found += i128::from(delta.max(0));
        *lost += i128::from(delta.min(0));
    };
    let mut state = State::default();
    for (seq, event) in &naive.events {
        let reason = event.envelope.reason.as_ref().map(ToString::to_string);
        if let Body::TransferClosed(TransferClosed { transfer, rest }) = &event.body {
            let to = state.transfer(*transfer).unwrap().to;
            for line in rest {
                put((line.item.0, to.0), format!("{:?} {reason:?}", EventKind::TransferClosed), -line.quantity.0);
            }
        }
        let kinds = [EventKind::Adjusted, EventKind::PosCorrection, EventKind::PosWaste];
        for entry in naive.entries.iter().filter(|entry| entry.seq == *seq && kinds.contains(&entry.kind)) {
            put(key(entry.position), format!("{:?} {reason:?}", entry.kind), entry.delta);
        }
        evolve(&mut state, event);
    }
    let rows = reports.shrinkage(&ALL, Per::Item).map_err(|error| error.to_string())?.value;
    let (counts, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.kind == EventKind::Counted);
    let told = others.iter().map(|row| {
        let why = format!("{:?} {:?}", row.kind, row.reason.as_ref().map(ToString::to_string));
        ((key_of(&row.about), why), (row.lines, row.found, row.lost))
    });
    fail("losses by reason", told.collect(), wanted)?;
    let mut variance: BTreeMap<Key, i128> = BTreeMap::new();
    for row in reports.movement(&ALL, Cut::Closes, Per::Item).map_err(|error| error.to_string())?.value.rows() {
        *variance.entry(key_of(&row.about)).or_default() += row.variance;
    }
    variance.retain(|_, variance| *variance != 0);
    let told = counts.iter().map(|row| (key_of(&row.about), row.net() + row.settled));
    fail("what counts put right", told.filter(|(_, net)| *net != 0).collect(), variance)?;
    for row in &counts {
        let mine = |entry: &&super::naive::Entry| entry.counted.is_some() && key(entry.position) == key_of(&row.about);
        fail("counts", row.lines, naive.entries.iter().filter(mine).count() as u64)?;
        if row.exact > row.lines || (row.exact == row.lines) != (row.absolute() == 0) {
            return Err(format!("{row:?}"));
        }
    }
    Ok(())
}

fn came_back(reports: &Reports<'_>, naive: &Naive) -> Result<(), String> {
    let mut wanted: BTreeMap<String, (u64, i128, i128)> = BTreeMap::new();
    for (_, event) in &naive.events {
        for (route, ReturnLine { line, disposition }) in returns(&event.body) {
            let to = disposition.unwrap_or(Disposition::Quarantine);
            let why = format!("{:?} {route:?} {:?} {to:?}", key(line.position), event.envelope.reason);
            let all: i128 = sold(naive).iter().filter(|(p, ..)| key(*p) == key(line.position)).map(|(.., n)| n).sum();
            let (lines, units, sold) = wanted.entry(why).or_default();
            *lines += 1;
            *units += i128::from(line.quantity.0);
            *sold = all;
        }
    }
    let rows = reports.returns(&ALL, Per::Item).map_err(|error| error.to_string())?.value;
    let told = rows.iter().map(|row| {
        let why = format!("{:?} {:?} {:?} {:?}", key_of(&row.about), row.route, row.reason, row.disposition);
        (why, (row.lines, row.units, row.sold))
    });
    fail("returns", told.collect(), wanted)
}

fn turnover(reports: &Reports<'_>, naive: &Naive, state: &State, now: Timestamp) -> Result<(), String> {
    let rows = reports.turnover(&ALL, Per::Item).map_err(|error| error.to_string())?.value;
    let told: BTreeMap<Key, _> = rows.iter().map(|row| (key_of(&row.about), row)).collect();
    for key_here in keys() {
        let mine = |entry: &&super::naive::Entry| key(entry.position) == key_here;
        let is_touched = naive.entries.iter().any(|entry| mine(&entry));
        let Some(row) = told.get(&key_here) else {
            // What was scrapped came back all the same, but has a row then.
            fail(format!("no row for {key_here:?}"), is_touched, false)?;
            continue;
        };
        let sales: i128 = sold(naive).iter().filter(|(p, ..)| key(*p) == key_here).map(|(.., n)| n).sum();
        let back = naive.events.iter().flat_map(|(_, event)| returns(&event.body));
        let back: i128 = back
            .filter(|(_, line)| key(line.line.position) == key_here)
            .map(|(_, line)| i128::from(line.line.quantity.0))
            .sum();
        fail(format!("demand of {key_here:?}"), (row.sold, row.returned), (sales, back))?;
        // Stock between any two moments at which something happens, times the time between; what is scrapped when it
        // comes back happens too.
        let scrapped = naive.events.iter().flat_map(|(_, event)| {
            let at = event.envelope.moment().at();
            returns(&event.body).into_iter().map(move |(_, line)| (line.line.position, at))
        });
        let scrapped = scrapped.filter(|(position, _)| key(*position) == key_here).map(|(_, at)| at);
        let first = naive.entries.iter().filter(mine).map(|entry| entry.at.at()).chain(scrapped).min();
        let mut instants: Vec<Timestamp> = naive.entries.iter().filter(mine).map(|entry| entry.at.at()).collect();
        instants.push(now);
        instants.sort();
        let mut sum = 0;
        for pair in instants.windows(2).filter(|pair| pair[0] < pair[1]) {
            for position in positions().into_iter().filter(|position| key(*position) == key_here) {
                for bucket in [Bucket::Sellable, Bucket::Unsellable] {
                    let there = naive.quantity(position, bucket, Seq(u64::MAX), pair[0].plus_micros(1));
                    sum += there * i128::from(pair[1].0 - pair[0].0);
                }
            }
        }
        fail(format!("stock × time of {key_here:?}"), row.unit_micros, sum)?;
        fail("the span", Some(row.span_micros), first.map(|first| (now.0 - first.0).max(0)))?;
        let available = positions().into_iter().filter(|position| key(*position) == key_here);
        let available: i128 = available.map(|position| i128::from(state.available(position, now))).sum();
        fail("available", row.available, available)?;
    }
    Ok(())
}

fn abc(reports: &Reports<'_>, naive: &Naive) -> Result<(), String> {
    for by in [AbcBy::Units, AbcBy::Lines] {
        let thresholds = AbcThresholds::new(50, 80).map_err(|error| error.to_string())?;
        let rows = reports.abc(&ALL, by, thresholds).map_err(|error| error.to_string())?.value;
        // Item 2 has two decimals.
        let weight = |item: u32, units: i128| match by {
            AbcBy::Units if item == 2 => units,
            AbcBy::Units => units * 100,
            AbcBy::Lines => 1,
        };
        let mut wanted: BTreeMap<u32, i128> = BTreeMap::new();
        for (position, _, units) in sold(naive) {
            *wanted.entry(position.item.0).or_default() += weight(position.item.0, units);
        }
        let total: i128 = wanted.values().sum();
        let (mut before, mut last) = (0, i128::MAX);
        for row in &rows {
            let item = row.about.item.unwrap().0;
            let own = wanted.remove(&item).ok_or_else(|| format!("{row:?} was not sold"))?;
            let class = match before * 100 {
                share if share < 50 * total => AbcClass::A,
                share if share < 80 * total => AbcClass::B,
                _ => AbcClass::C,
            };
            if own > last {
                return Err(format!("{row:?} is out of order"));
            }
            (before, last) = (before + own, own);
            let together = row.cumulative.unwrap().hundredths();
            let exact = before * 10_000;
            fail("class", row.class, class)?;
            if (together * total - exact).abs() * 2 > total {
                return Err(format!("{together} hundredths of a per cent, but {exact} / {total}"));
            }
        }
        fail("what was sold has a row", wanted, BTreeMap::new())?;
    }
    Ok(())
}

fn dead_stock(reports: &Reports<'_>, naive: &Naive, state: &State, now: Timestamp) -> Result<(), String> {
    let days = 10;
    let mut wanted = BTreeMap::new();
    for key_here in keys() {
        let here = || positions().into_iter().filter(move |position| key(*position) == key_here);
        let physical: i64 = here().filter_map(|position| Some(state.position(position)?.physical())).sum();
        let mine = || naive.entries.iter().filter(|entry| key(entry.position) == key_here);
        let leaves = [EventKind::Fulfilled, EventKind::PosSale, EventKind::TransferShipped];
        let out = mine().filter(|entry| leaves.contains(&entry.kind)).map(|entry| entry.at.at()).max();
        // What is there behind each instant at which something happened.
        let mut instants: Vec<Timestamp> = mine().map(|entry| entry.at.at()).collect();
        instants.sort_unstable();
        instants.dedup();
        let there = instants.iter().map(|at| {
            let buckets = [Bucket::Sellable, Bucket::Unsellable];
            let of = |position| buckets.map(|b| naive.quantity(position, b, Seq(u64::MAX), at.plus_micros(1)));
            (*at, here().flat_map(of).sum::<i128>())
        });
        let there: Vec<(Timestamp, i128)> = [(Timestamp(i64::MIN), 0)].into_iter().chain(there).collect();
        let came = there.windows(2).filter(|pair| pair[0].1 <= 0 && pair[1].1 > 0).map(|pair| pair[1].0).max();
        let Some(since) = out.max(came) else { continue };
        let still = (now.0 - since.0) / DAY;
        if physical > 0 && still >= days {
            wanted.insert(key_here, (i128::from(physical), out, since, still));
        }
    }
    let rows = reports.dead_stock(&ALL, days as u32, Per::Item).map_err(|error| error.to_string())?.value;
    let told = rows.iter().map(|row| (key_of(&row.about), (row.physical, row.last_out, row.since, row.days)));
    fail("dead stock", told.collect(), wanted)?;
    fail("the longest first", rows.is_sorted_by_key(|row| std::cmp::Reverse(row.days)), true)
}

fn ageing(reports: &Reports<'_>, state: &State, now: Timestamp) -> Result<(), String> {
    let rows = reports.ageing(&ALL, Per::Position).map_err(|error| error.to_string())?.value;
    for position in positions() {
        let lot = Some(position.lot).filter(|lot| lot.0 != 0);
        let mine = rows.iter().filter(|row| {
            (row.about.item, row.about.location, row.about.lot) == (Some(position.item), Some(position.location), lot)
        });
        let mine: Vec<_> = mine.collect();
        for row in &mine {
            fail("units by deadline", row.lapsing + row.later + row.without_deadline, row.units)?;
            fail("the class of the oldest", AgeClass::of(now.0 - row.oldest.0), row.age)?;
        }
        let units: i128 = mine.iter().map(|row| row.units).sum();
        fail(format!("held at {position}"), units, i128::from(state.held(position, now)))?;
        let holders = state.reservations().filter(|held| held.is_held(now) && held.open_on(position).is_some());
        fail("holders", mine.iter().map(|row| row.reservations).sum(), holders.count() as u64)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(60) })]

    #[test]
    fn every_sum_is_that_of_its_events(steps in history()) {
        let mut story = Story::played(&steps);
        let now = story.now;
        let told = story.spine.reports(|reports, log| {
            let naive = Naive::of(log);
            let mut state = State::default();
            naive.events.iter().for_each(|(_, event)| evolve(&mut state, event));
            shrinkage(&reports, &naive)?;
            came_back(&reports, &naive)?;
            turnover(&reports, &naive, &state, now)?;
            abc(&reports, &naive)?;
            dead_stock(&reports, &naive, &state, now)?;
            ageing(&reports, &state, now)?;
            let few = reports.holding_at_most(2);
            shrinkage(&few, &naive)?;
            turnover(&few, &naive, &state, now)
        });
        prop_assert_eq!(told, Ok(()));
    }
}

#[test]
fn a_part_of_each_report_is_that_part_of_the_whole() {
    for steps in fixed(8) {
        let mut story = Story::played(&steps);
        story.spine.reports(|reports, _| {
            let part = Within { item: Some(ItemId(3)), location: Some(LocationId(1)), ..ALL };
            let mine = |about: &About| (about.item, about.location) == (part.item, part.location);
            macro_rules! same {
                ($ask:expr) => {
                    let ask = $ask;
                    let mut whole = ask(&ALL).value;
                    whole.retain(|row| mine(&row.about));
                    assert_eq!(ask(&part).value, whole);
                };
            }
            same!(|within: &Within| reports.shrinkage(within, Per::Position).unwrap());
            same!(|within: &Within| reports.returns(within, Per::Position).unwrap());
            same!(|within: &Within| reports.turnover(within, Per::Position).unwrap());
            same!(|within: &Within| reports.dead_stock(within, 3, Per::Position).unwrap());
            same!(|within: &Within| reports.ageing(within, Per::Position).unwrap());
        });
    }
}

fn fixed(number: usize) -> Vec<Vec<super::Step>> {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    (0..number).map(|_| history().new_tree(&mut runner).unwrap().current()).collect()
}
