//! Stock as of any moment, held against folding the log up to it and against sorting all facts by when they occurred.

use crate::agree::{Bookkeeper, agree};
use crate::histories::{every_position, facts_of_any_order, history, opening};
use crate::spine::{Restarts, Spine};
use crate::subject::Subject;
use counterfoil::domain::account::{Place, for_each_posting};
use counterfoil::domain::command::Command;
use counterfoil::domain::event::{Body, Counted, Extended, Recorded, Reserved};
use counterfoil::domain::evolve::evolve;
use counterfoil::domain::ids::{Moment, Position, Seq, Timestamp};
use counterfoil::domain::line::Bucket;
use counterfoil::domain::state::State;
use counterfoil::history::{AsOf, History, HistoryError};
use counterfoil::log::StoreReader;
use counterfoil::query::{self, Scope, Stock};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Everything that a naive reader knows: all events, and the state behind each.
pub struct Naive {
    pub events: Vec<Recorded>,
    pub states: Vec<State>,
}

impl Naive {
    pub fn of(log: &dyn StoreReader) -> Self {
        let mut naive = Self { events: Vec::new(), states: Vec::new() };
        let mut state = State::default();
        for scanned in counterfoil::log::scan(log, counterfoil::log::Head::EMPTY) {
            let recorded = Recorded::from(scanned.unwrap());
            evolve(&mut state, &recorded.event);
            naive.states.push(state.clone());
            naive.events.push(recorded);
        }
        naive
    }

    pub fn recorded_at(&self, event: &Recorded) -> Timestamp {
        event.event.envelope.recorded_at
    }

    /// How many events were recorded by an instant.
    fn events_by(&self, at: Timestamp) -> usize {
        self.events.iter().filter(|event| event.event.envelope.recorded_at <= at).count()
    }

    /// The fold of the first events, holds judged at an instant.
    pub fn folded(&self, events: usize, position: Position, at: Timestamp) -> Stock {
        let Some(state) = events.checked_sub(1).map(|last| &self.states[last]) else { return Stock::default() };
        assert!(state.recorded_at() <= at);
        query::stock(state, at, position).value.unwrap_or_default()
    }

    /// All facts and counts of a bucket that occurred by an instant, sorted, then folded.
    fn bucket_by(&self, position: Position, bucket: Bucket, at: Timestamp) -> i64 {
        let mut entries = Vec::new();
        for Recorded { seq, event, .. } in &self.events {
            let moment = event.envelope.moment();
            // What a caller dated stands before the counts of its instant, what was merely recorded does not.
            let key = |is_count: bool| (moment, is_count && !moment.is_recorded(), *seq);
            for_each_posting(event, |posting| {
                for (place, delta) in [(posting.from, -posting.quantity), (posting.to, posting.quantity)] {
                    if place == Place::Bucket(position, bucket) {
                        entries.push((key(false), None, delta));
                    }
                }
            });
            if let Body::Counted(Counted { lines }) = &event.body {
                let mine = lines.iter().filter(|line| (line.position, line.bucket) == (position, bucket));
                entries.extend(mine.map(|line| (key(true), Some(line.counted.0), 0)));
            }
        }
        entries.retain(|((moment, ..), ..)| *moment <= Moment::of(None, at));
        entries.sort_by_key(|(key, ..)| *key);
        entries.iter().fold(0, |quantity, (_, counted, delta)| counted.unwrap_or(quantity + delta))
    }

    fn was_true(&self, position: Position, at: Timestamp) -> Stock {
        let known = self.folded(self.events_by(at), position, at);
        let sellable = self.bucket_by(position, Bucket::Sellable, at);
        let unsellable = self.bucket_by(position, Bucket::Unsellable, at);
        let available = sellable - known.reserved;
        let physical = sellable + unsellable;
        Stock { physical, sellable, unsellable, available, oversold: (-available).max(0), ..known }
    }

    /// Instants at which something happens, and those beside them; none that is not over.
    pub fn instants(&self, now: Timestamp) -> Vec<Timestamp> {
        let mut instants = vec![Timestamp(i64::MIN), now];
        for Recorded { event, .. } in &self.events {
            instants.push(event.envelope.recorded_at);
            instants.extend(event.envelope.occurred_at);
            if let Body::Reserved(Reserved { deadline, .. }) | Body::Extended(Extended { deadline, .. }) = &event.body {
                instants.extend(*deadline);
            }
        }
        instants.extend(instants.clone().iter().map(|at| at.plus_micros(-1)));
        instants.sort();
        instants.dedup();
        instants.retain(|at| *at <= now);
        instants
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: impl Fn() -> String, naive: T, found: T) -> Result<(), String> {
    match naive == found {
        true => Ok(()),
        false => Err(format!("{}:\n  naively {naive:?}\n  found   {found:?}", what())),
    }
}

/// Everything at a moment is the naive stock of each position, and so is each position alone.
fn compare(history: &History<'_>, as_of: AsOf, naive: impl Fn(Position) -> Stock) -> Result<(), String> {
    let rows = history.stock_list(&Scope::default(), as_of).map_err(|error| error.to_string())?.value;
    let found: BTreeMap<Position, Stock> = rows.iter().map(|row| (row.place.position(), row.stock)).collect();
    for position in every_position() {
        let wanted = naive(position);
        let listed = found.get(&position).copied().unwrap_or_default();
        same(|| format!("{position} in the list as of {as_of:?}"), wanted, listed)?;
        let alone = history.stock(position, as_of).map_err(|error| error.to_string())?.value;
        same(|| format!("{position} as of {as_of:?}"), wanted, alone)?;
    }
    Ok(())
}

fn compare_all(spine: &mut Spine) -> Result<(), String> {
    let now = spine.now();
    spine.history(|history, log| {
        let naive = Naive::of(log);
        for (index, recorded) in naive.events.iter().enumerate() {
            let at = naive.recorded_at(recorded);
            compare(history, AsOf::Seq(recorded.seq), |position| naive.folded(index + 1, position, at))?;
        }
        for at in naive.instants(now) {
            compare(history, AsOf::Known(at), |position| naive.folded(naive.events_by(at), position, at))?;
            compare(history, AsOf::True(at), |position| naive.was_true(position, at))?;
        }
        let beyond = AsOf::Seq(Seq(naive.events.len() as u64));
        let future = AsOf::Known(now.plus_micros(1));
        let scope = Scope::default();
        assert!(matches!(history.stock_list(&scope, beyond), Err(HistoryError::NoEvent { .. })));
        assert!(matches!(history.stock_list(&scope, future), Err(HistoryError::Future { .. })));
        Ok(())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn every_moment_is_what_a_naive_reader_of_the_log_finds(steps in history(50), every in 3..20u32) {
        let mut spine = Spine::new(Restarts::Every(every));
        prop_assert_eq!(agree(&mut spine, &steps), Ok(()));
        prop_assert_eq!(compare_all(&mut spine), Ok(()));
    }

    #[test]
    fn what_was_true_is_the_same_in_every_order_of_arrival(
        facts in facts_of_any_order().prop_shuffle(), shuffled in any::<u64>()
    ) {
        let mut orders = vec![facts.clone(), facts.clone()];
        orders[1].reverse();
        let turn = (shuffled % facts.len().max(1) as u64) as usize;
        orders[1].rotate_left(turn);
        let mut found = Vec::new();
        for order in orders {
            let mut spine = Spine::new(Restarts::Never);
            let now = record(&mut spine, &order);
            prop_assert_eq!(compare_all(&mut spine), Ok(()));
            found.push(spine.history(|history, log| {
                let instants = Naive::of(log).events.into_iter().filter_map(|event| event.event.envelope.occurred_at);
                let instants: std::collections::BTreeSet<Timestamp> = instants.chain([now]).collect();
                let buckets = |at: Timestamp| every_position().into_iter().map(|position| {
                    let stock = history.stock(position, AsOf::True(at)).unwrap().value;
                    (at, position, stock.sellable, stock.unsellable)
                }).collect::<Vec<_>>();
                instants.into_iter().flat_map(buckets).collect::<Vec<_>>()
            }));
        }
        prop_assert_eq!(&found[0], &found[1]);
    }
}

/// Records commands one second after the other, all after the facts' own dates.
fn record(spine: &mut Spine, commands: &[Command]) -> Timestamp {
    let mut now = crate::histories::BASE.plus_micros(1_000_000_000);
    for command in opening().iter().chain(commands) {
        now = now.plus_micros(1_000_000);
        spine.apply(command, now);
    }
    spine.expiries();
    now
}

#[test]
fn an_index_that_was_deleted_gives_the_same_past() {
    for steps in crate::agree::fixed_histories(6, 60) {
        let mut spine = Spine::new(Restarts::Every(7));
        agree(&mut spine, &steps).unwrap();
        let ask = |history: &History<'_>, log: &dyn StoreReader| {
            let seqs = (0..Naive::of(log).events.len() as u64).map(Seq);
            let stocks = seqs.map(|seq| history.stock_list(&Scope::default(), AsOf::Seq(seq)).unwrap().value);
            stocks.collect::<Vec<_>>()
        };
        let before = spine.history(ask);
        spine.reopen_without_index();
        assert_eq!(spine.history(ask), before);
        compare_all(&mut spine).unwrap();
        spine.check().unwrap();
    }
}
