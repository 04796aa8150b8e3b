//! Closed figures never change: random facts, counts, late facts and closes, on the ledger and on the naive model.

use crate::histories::{BASE, opening};
use crate::model::Model;
use crate::spine::{Restarts, Spine};
use crate::subject::{Numbers, Outcome, Subject, essence};
use counterfoil::domain::command::{
    Act, Actor, Adjust, ClosePeriod, Command, Count, Receive, ReceiveTransfer, Reclassify, ShipTransfer,
};
use counterfoil::domain::ids::{ItemId, LocationId, Position, Timestamp, TransferId};
use counterfoil::domain::line::{Bucket, CountLine, Line};
use counterfoil::domain::period::{Closes, Entry, Figures, figures, for_each_entry};
use counterfoil::domain::quantity::Quantity;
use counterfoil::domain::text::{ActorId, ReasonCode};
use counterfoil::log::Scanned;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeMap;

const SECOND: i64 = 1_000_000;
const BUCKETS: [Bucket; 2] = [Bucket::Sellable, Bucket::Unsellable];

/// So many seconds later: something, dated or not.
#[derive(Clone, Debug)]
struct Step {
    pause: i64,
    act: Act,
    at: Option<Timestamp>,
}

/// Dates are few, so that many are equal, and equal to ends of periods.
fn date() -> impl Strategy<Value = Timestamp> {
    (0..=30i64).prop_map(|n| BASE.plus_micros(n * 5 * SECOND))
}

fn position() -> impl Strategy<Value = Position> {
    (1..=2u32, 1..=2u32).prop_map(|(item, location)| Position::new(ItemId(item), LocationId(location)))
}

fn bucket() -> impl Strategy<Value = Bucket> {
    prop_oneof![3 => Just(Bucket::Sellable), 1 => Just(Bucket::Unsellable)]
}

fn line() -> impl Strategy<Value = Line> {
    (position(), bucket(), 1..=9i64).prop_map(|(p, bucket, units)| Line::new(p, Quantity(units)).in_bucket(bucket))
}

fn act() -> impl Strategy<Value = Act> {
    let transfer = || (1..=3u8).prop_map(|n| TransferId::from_bytes([n; 16]));
    prop_oneof![
        6 => vec(line(), 1..=3).prop_map(|lines| Act::Receive(Receive { lines: lines.into() })),
        6 => (vec(line(), 1..=3), any::<bool>()).prop_map(|(mut lines, minus)| {
            lines.iter_mut().filter(|_| minus).for_each(|line| line.quantity.0 *= -1);
            Act::Adjust(Adjust { lines: lines.into() })
        }),
        5 => vec((position(), bucket(), 0..=20i64), 1..=2).prop_map(|lines| {
            let lines = lines.into_iter().map(|(position, bucket, units)| {
                CountLine { position, bucket, counted: Quantity(units), seen: None }
            });
            Act::Count(Count { lines: lines.collect() })
        }),
        2 => (transfer(), line(), 1..=2u32).prop_map(|(transfer, line, to)| {
            Act::ShipTransfer(ShipTransfer { transfer, to: LocationId(to), lines: [line.in_bucket(Bucket::Sellable)].into_iter().collect() })
        }),
        2 => (transfer(), vec(line(), 1..=2)).prop_map(|(transfer, lines)| Act::ReceiveTransfer(ReceiveTransfer { transfer, lines: lines.into() })),
        1 => line().prop_map(|line| Act::Reclassify(Reclassify { lines: [line].into_iter().collect() })),
        4 => (1..=2u32, date()).prop_map(|(location, end)| Act::ClosePeriod(ClosePeriod {
            location: LocationId(location),
            until: end.to_string()[..19].parse().expect("a local time: it is winter in London"),
        })),
    ]
}

fn history() -> impl Strategy<Value = Vec<Step>> {
    let pause = prop_oneof![2 => Just(0i64), 2 => Just(5), 1 => 1..=20i64];
    let step = (pause, act(), date(), 0..10u8).prop_map(|(pause, act, date, chance)| {
        let dated = chance < 8 && !matches!(act, Act::Reclassify(_) | Act::ClosePeriod(_));
        Step { pause, act, at: Some(date).filter(|_| dated) }
    });
    vec(step, 1..=40)
}

/// What has been seen: that the histories are about something.
#[derive(Debug, Default)]
struct Seen {
    closes: usize,
    refused: usize,
    restated: usize,
    compensated: usize,
}

/// What a log says of every bucket.
#[derive(Default)]
struct Books {
    closes: Closes,
    entries: BTreeMap<(Position, Bucket), Vec<Entry>>,
}

impl Books {
    fn of(events: &[Scanned]) -> Self {
        let mut books = Self::default();
        for Scanned { seq, event, .. } in events {
            books.closes.take(*seq, event);
            for_each_entry(*seq, event, |position, bucket, entry| {
                books.entries.entry((position, bucket)).or_default().push(entry);
            });
        }
        books
    }

    fn figures(&self, position: Position, bucket: Bucket) -> Vec<Figures> {
        let entries = self.entries.get(&(position, bucket)).map_or(&[][..], Vec::as_slice);
        figures(self.closes.of(position.location), entries)
    }
}

fn buckets_at(location: LocationId) -> Vec<(Position, Bucket)> {
    let positions = (1..=3).map(|item| Position::new(ItemId(item), location));
    positions.flat_map(|position| BUCKETS.map(|bucket| (position, bucket))).collect()
}

/// The model's figures of a closed period.
fn added_up(model: &Model, position: Position, bucket: Bucket, number: usize) -> Figures {
    let sums = model.period_figures(position, bucket, number);
    Figures {
        opening: sums.opening.into(),
        moved: sums.moved.into(),
        restated: sums.restated.into(),
        variance: sums.variance.into(),
        closing: sums.closing.into(),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: impl std::fmt::Display, one: T, other: T) -> Result<(), String> {
    match one == other {
        true => Ok(()),
        false => Err(format!("{what}: {one:?}, and {other:?}")),
    }
}

/// Plays the history; figures are kept at each close and looked at again at the end.
fn play(steps: &[Step], seen: &mut Seen) -> Result<(), String> {
    let (mut spine, mut model) = (Spine::new(Restarts::Never), Model::default());
    let mut now = BASE.plus_micros(100 * SECOND);
    let mut kept: Vec<(Position, Bucket, usize, Figures)> = Vec::new();
    for command in opening() {
        spine.apply(&command, now);
        Subject::apply(&mut model, &command, now);
    }
    for Step { pause, act, at } in steps {
        now = now.plus_micros(pause * SECOND);
        let actor = Actor::asserted(ActorId::new("anna").expect("short"));
        let mut command = Command::new(actor, act.clone());
        (command.occurred_at, command.reason) = (*at, ReasonCode::new("why").ok());
        let answer = |outcome: &Outcome| match outcome {
            Outcome::Rejected(rejection) => essence(rejection, &Numbers),
            other => format!("{other:?}"),
        };
        let outcome = spine.apply(&command, now);
        same(format!("{command:?}"), answer(&Subject::apply(&mut model, &command, now)), answer(&outcome))?;
        match (act, outcome) {
            (Act::ClosePeriod(ClosePeriod { location, .. }), Outcome::Accepted(_)) => {
                seen.closes += 1;
                let books = Books::of(&spine.events());
                let number = books.closes.of(*location).len() - 1;
                for (position, bucket) in buckets_at(*location) {
                    let figures = books.figures(position, bucket)[number];
                    let what = format!("{position} {bucket:?} in period {number}");
                    same(what, added_up(&model, position, bucket, number), figures)?;
                    kept.push((position, bucket, number, figures));
                }
            }
            (Act::Count(_), Outcome::Rejected(rejection)) => {
                seen.refused += usize::from(rejection.code() == "PERIOD_CLOSED");
            }
            _ => {}
        }
    }
    let books = Books::of(&spine.events());
    for (position, bucket, number, figures) in kept {
        let what = format!("{position} {bucket:?} in period {number}, at its close and now");
        same(&what, figures, books.figures(position, bucket)[number])?;
        same(&what, figures, added_up(&model, position, bucket, number))?;
    }
    adds_up(&spine, &books, now, seen)?;
    spine.check()
}

/// Every period follows from the one before, the open one ends with the stock there is, nothing is lost between.
fn adds_up(spine: &Spine, books: &Books, now: Timestamp, seen: &mut Seen) -> Result<(), String> {
    for item in [1, 2].map(ItemId) {
        let mut variance = 0;
        for location in [1, 2, 3].map(LocationId) {
            let position = Position::new(item, location);
            let stock = spine.stock(position, now);
            for (bucket, there) in BUCKETS.into_iter().zip([stock.sellable, stock.unsellable]) {
                let periods = books.figures(position, bucket);
                let mut opening = 0;
                for period in &periods {
                    same("the opening", opening, period.opening)?;
                    let Figures { moved, restated, variance: put_right, closing, .. } = *period;
                    same("the closing", opening + moved + restated + put_right, closing)?;
                    seen.restated += usize::from(restated != 0);
                    seen.compensated += usize::from(restated != 0 && put_right != 0);
                    variance += put_right;
                    opening = closing;
                }
                same(format!("{position} {bucket:?} now"), i128::from(there), opening)?;
            }
        }
        same("variance", i128::from(-spine.accounts(item).variance), variance)?;
    }
    Ok(())
}

#[test]
fn the_histories_close_restate_compensate_and_refuse() {
    let mut runner = TestRunner::deterministic();
    let mut seen = Seen::default();
    for _ in 0..60 {
        let steps = history().new_tree(&mut runner).expect("a history can be made").current();
        play(&steps, &mut seen).expect("closed figures stay");
    }
    println!("{seen:?}");
    let Seen { closes, refused, restated, compensated } = seen;
    assert!(closes > 60 && refused > 20 && restated > 60 && compensated > 20, "{seen:?}");
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(120) })]

    #[test]
    fn closed_figures_never_change(steps in history()) {
        prop_assert_eq!(play(&steps, &mut Seen::default()), Ok(()));
    }
}
