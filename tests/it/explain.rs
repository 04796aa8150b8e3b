//! Explanations: the rows are the events that changed the position, and they add up to the number.

use crate::agree::{agree, fixed_histories};
use crate::histories::{every_position, history};
use crate::spine::{Restarts, Spine};
use crate::time_travel::Naive;
use counterfoil::domain::account::{Place, for_each_posting};
use counterfoil::domain::event::EventKind;
use counterfoil::domain::event::{Body, Counted};
use counterfoil::domain::ids::{Moment, Position, Seq, Timestamp};
use counterfoil::history::{
    AsOf, Buckets, ExplainRow, Explanation, History, HistoryError, OccurredRow, TrueExplanation, after_row,
};
use counterfoil::query::{Direction, Paging, Stock};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn pages(history: &History<'_>, position: Position, as_of: AsOf, direction: Direction) -> Vec<Explanation> {
    let mut paging = Paging::first(3);
    let mut pages = Vec::new();
    loop {
        let page = history.explain(position, as_of, direction, &paging).unwrap().value.unwrap();
        let next = page.next.clone();
        pages.push(page);
        let Some(next) = next else { return pages };
        paging = paging.starting_after(next);
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, wanted: T, found: T) -> Result<(), String> {
    match wanted == found {
        true => Ok(()),
        false => Err(format!("{what}: wanted {wanted:?}, found {found:?}")),
    }
}

/// The events below `until` that named the position or changed what is under way to it.
fn seqs_of(naive: &Naive, position: Position, until: usize) -> Vec<Seq> {
    let figure = |index: Option<usize>| {
        let entry = index.and_then(|index| naive.states[index].position(position));
        entry.map_or((Seq(0), 0), |entry| (entry.version, entry.inbound))
    };
    let changed = (0..until).filter(|index| figure(index.checked_sub(1)) != figure(Some(*index)));
    changed.map(|index| naive.events[index].seq).collect()
}

fn adds_up(pages: &[Explanation], rows: &[ExplainRow]) -> Result<(), String> {
    let last = pages.last().unwrap();
    let sum = |of: fn(&ExplainRow) -> i64| rows.iter().map(of).sum::<i64>();
    let Stock { sellable, unsellable, reserved, inbound, .. } = last.stock;
    same("the sum of sellable", sellable, sum(|row| row.sellable))?;
    same("the sum of unsellable", unsellable, sum(|row| row.unsellable))?;
    same("the sum of inbound", inbound, sum(|row| row.inbound))?;
    same("the sum of reserved", reserved, sum(|row| row.reserved - row.lapsed) - last.lapsed_since)?;
    let mut totals: BTreeMap<EventKind, (i64, i64, i64)> = BTreeMap::new();
    for row in rows {
        let total = totals.entry(row.event.kind).or_default();
        total.0 += row.sellable;
        total.1 += row.unsellable;
        total.2 += row.reservations.iter().map(|(_, open)| open).sum::<i64>();
    }
    let told = last.totals.iter().map(|total| (total.kind, (total.sellable, total.unsellable, total.held)));
    same("totals", totals, told.collect())
}

fn compare(history: &History<'_>, naive: &Naive, position: Position, as_of: AsOf) -> Result<(), String> {
    let (until, at) = match as_of {
        AsOf::Seq(seq) => (seq.0 as usize + 1, naive.recorded_at(&naive.events[seq.0 as usize])),
        AsOf::Known(at) | AsOf::True(at) => {
            (naive.events.iter().filter(|event| naive.recorded_at(event) <= at).count(), at)
        }
    };
    let oldest_first = pages(history, position, as_of, Direction::Ascending);
    let newest_first = pages(history, position, as_of, Direction::Descending);
    let rows: Vec<ExplainRow> = oldest_first.iter().flat_map(|page| page.rows.clone()).collect();
    let mut back: Vec<ExplainRow> = newest_first.iter().flat_map(|page| page.rows.clone()).collect();
    back.reverse();
    same("both directions", &rows, &back)?;
    same("which events", seqs_of(naive, position, until), rows.iter().map(|row| row.event.seq).collect())?;
    let mut before = Stock::default();
    for page in &oldest_first {
        same("the stock", naive.folded(until, position, at), page.stock)?;
        same("the opening", before, page.opening)?;
        for row in &page.rows {
            let folded = naive.folded(row.event.seq.0 as usize + 1, position, row.event.recorded_at);
            same(&format!("the stock behind {}", row.event.seq), folded, row.stock)?;
            before = row.stock;
        }
    }
    adds_up(&oldest_first, &rows)?;
    let state = until.checked_sub(1).map(|last| &naive.states[last]);
    let held = state.into_iter().flat_map(|state| state.reservations()).filter(|held| held.is_held(at));
    let mut holds: Vec<_> = held
        .filter_map(|held| {
            let open = held.open_on(position)?;
            Some((held.seq, Some(held.id), held.order.clone(), held.deadline, open))
        })
        .collect();
    holds.sort_by_key(|hold| hold.0);
    let told = oldest_first[0].holds.iter();
    let told = told.map(|hold| (hold.reservation, hold.id, hold.order.clone(), hold.deadline, hold.open));
    same("who holds", holds, told.collect())?;
    same("holds that are not listed", 0, oldest_first[0].holds_unlisted)?;
    let is_beside = |other: &Position| {
        (other.item, other.location) == (position.item, position.location) && other.lot != position.lot
    };
    let beside = every_position().into_iter().filter(is_beside).map(|other| (other, naive.folded(until, other, at)));
    let is_there = |stock: &Stock| Stock { version: Seq(0), ..*stock } != Stock::default();
    let beside: BTreeMap<Position, Stock> = beside.filter(|(_, stock)| is_there(stock)).collect();
    let told = history.beside(position, as_of).map_err(|error| error.to_string())?.value;
    same("what lies beside", beside, told.into_iter().map(|row| (row.place.position(), row.stock)).collect())
}

/// A fact or count of a position: where it stands in the order of occurrence, its event, what was counted in which
/// bucket, what moved.
struct Occurred {
    key: (Moment, bool, Seq),
    counted: [Option<i64>; 2],
    moved: [i64; 2],
}

/// Every fact and count of a position that occurred by an instant, read from the whole log and sorted.
fn occurred(naive: &Naive, position: Position, at: Timestamp) -> Vec<Occurred> {
    let mut found: Vec<Occurred> = Vec::new();
    for recorded in &naive.events {
        let (mut counted, mut moved, mut named) = ([None; 2], [0; 2], false);
        for_each_posting(&recorded.event, |posting| {
            for (place, delta) in [(posting.from, -posting.quantity), (posting.to, posting.quantity)] {
                if let Place::Bucket(there, bucket) = place
                    && there == position
                {
                    named = true;
                    moved[bucket as usize] += delta;
                }
            }
        });
        if let Body::Counted(Counted { lines }) = &recorded.event.body {
            for line in lines.iter().filter(|line| line.position == position) {
                named = true;
                counted[line.bucket as usize] = Some(line.counted.0);
            }
        }
        let moment = recorded.event.envelope.moment();
        let is_count = matches!(recorded.event.body, Body::Counted(_));
        if named && moment <= Moment::of(None, at) {
            found.push(Occurred { key: (moment, is_count && !moment.is_recorded(), recorded.seq), counted, moved });
        }
    }
    found.sort_by_key(|occurred| occurred.key);
    found
}

fn true_pages(history: &History<'_>, position: Position, at: Timestamp, to: Direction) -> Vec<TrueExplanation> {
    let mut paging = Paging::first(3);
    let mut pages = Vec::new();
    loop {
        let page = history.explain_true(position, at, to, &paging).unwrap().value.unwrap();
        let last = page.rows.last().map(|row| row.event.seq);
        let next = page.next.clone();
        pages.push(page);
        let Some(next) = next else { return pages };
        assert_eq!(next, after_row(AsOf::True(at), to, last.unwrap()));
        paging = paging.starting_after(next.to_string().parse().unwrap());
    }
}

fn compare_true(history: &History<'_>, naive: &Naive, position: Position, at: Timestamp) -> Result<(), String> {
    let oldest_first = true_pages(history, position, at, Direction::Ascending);
    let newest_first = true_pages(history, position, at, Direction::Descending);
    let rows: Vec<&OccurredRow> = oldest_first.iter().flat_map(|page| &page.rows).collect();
    let mut back: Vec<&OccurredRow> = newest_first.iter().flat_map(|page| &page.rows).collect();
    back.reverse();
    same("both directions", &rows, &back)?;
    let wanted = occurred(naive, position, at);
    same(
        "which events",
        wanted.iter().map(|one| one.key.2).collect(),
        rows.iter().map(|row| row.event.seq).collect::<Vec<_>>(),
    )?;
    let mut running = [0; 2];
    let mut facts = [0; 2];
    for (wanted, row) in wanted.iter().zip(&rows) {
        let before = running;
        for bucket in 0..2 {
            facts[bucket] += wanted.moved[bucket];
            running[bucket] = wanted.counted[bucket].unwrap_or(running[bucket] + wanted.moved[bucket]);
        }
        let what = format!("event {} in order of occurrence", row.event.seq);
        same(&what, [running[0] - before[0], running[1] - before[1]], [row.step.sellable, row.step.unsellable])?;
        same(&what, running, [row.behind.sellable, row.behind.unsellable])?;
        same(&what, running[0] + running[1], row.behind.physical)?;
        same(&what, wanted.counted, [row.counted_sellable, row.counted_unsellable])?;
        same(&what, wanted.key.0.at(), row.at)?;
    }
    let stock = history.stock(position, AsOf::True(at)).map_err(|error| error.to_string())?.value;
    same("the last row is the true figure", running, [stock.sellable, stock.unsellable])?;
    let mut before = Buckets::default();
    for page in &oldest_first {
        same("the true stock", stock, page.stock)?;
        same("the opening", before, page.opening)?;
        same("facts", facts, [page.facts.sellable, page.facts.unsellable])?;
        same("facts and variances", stock.physical, page.facts.physical + page.variances.physical)?;
        same("facts and variances", stock.unsellable, page.facts.unsellable + page.variances.unsellable)?;
        before = page.rows.last().map_or(before, |row| row.behind);
    }
    let last = newest_first.last().map(|page| page.opening);
    same("the opening of everything", Some(Buckets::default()), last)
}

fn compare_all(spine: &mut Spine) -> Result<(), String> {
    let now = spine.now();
    spine.history(|history, log| {
        let naive = Naive::of(log);
        let seqs = (0..naive.events.len()).rev().step_by(5).map(|seq| AsOf::Seq(Seq(seq as u64)));
        let instants = naive.instants(now).into_iter().rev().step_by(7).map(AsOf::Known);
        let moments: Vec<AsOf> = seqs.chain(instants).collect();
        let whens: Vec<Timestamp> = naive.instants(now).into_iter().rev().step_by(19).collect();
        for position in every_position() {
            for at in &whens {
                compare_true(history, &naive, position, *at)
                    .map_err(|problem| format!("{position} as true at {at}: {problem}"))?;
            }
            for as_of in &moments {
                compare(history, &naive, position, *as_of)
                    .map_err(|problem| format!("{position} as of {as_of:?}: {problem}"))?;
            }
        }
        Ok(())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(25) })]

    #[test]
    fn rows_are_the_events_that_changed_it_and_add_up_to_the_number(steps in history(60), every in 3..20u32) {
        let mut spine = Spine::new(Restarts::Every(every));
        prop_assert_eq!(agree(&mut spine, &steps), Ok(()));
        prop_assert_eq!(compare_all(&mut spine), Ok(()));
    }
}

#[test]
fn long_histories_are_explained_too() {
    for steps in fixed_histories(3, 150) {
        let mut spine = Spine::new(Restarts::Every(11));
        agree(&mut spine, &steps).unwrap();
        compare_all(&mut spine).unwrap();
    }
}

#[test]
fn what_can_not_be_explained_says_so() {
    let mut spine = Spine::new(Restarts::Never);
    agree(&mut spine, &[]).unwrap();
    spine.history(|history, _| {
        let position = every_position()[0];
        let truth = AsOf::True(Timestamp(0));
        let answer = history.explain(position, truth, Direction::Ascending, &Paging::default());
        assert!(matches!(answer, Err(HistoryError::Unexplained)));
        let nowhere = Position { item: counterfoil::ItemId(77), ..position };
        let answer = history.explain(nowhere, AsOf::Seq(Seq(0)), Direction::Ascending, &Paging::default());
        assert_eq!(answer.unwrap().value, None);
        let answer = history.explain_true(nowhere, Timestamp(0), Direction::Ascending, &Paging::default());
        assert_eq!(answer.unwrap().value, None);
        for direction in [Direction::Ascending, Direction::Descending] {
            let behind = |as_of| Paging::first(1).starting_after(after_row(as_of, direction, Seq(1_000_000)));
            let answer = history.explain_true(position, Timestamp(0), direction, &behind(truth));
            assert!(matches!(answer, Err(HistoryError::NoEvent { .. })));
            let known = AsOf::Seq(Seq(0));
            let answer = history.explain(position, known, direction, &behind(known));
            assert!(matches!(answer, Err(HistoryError::NoEvent { .. })));
        }
    });
}
