//! A panic in each thread of a ledger: it latches, everybody is told, the end comes and gives the directory back.

use super::{Home, LONG, MOMENT, Place, Trap, What, in_time, options};
use crate::ledger::{command, id, shop};
use counterfoil::audit;
use counterfoil::domain::command::{Act, Command, CreateLocation, Receive};
use counterfoil::domain::ids::{Position, Seq};
use counterfoil::domain::line::Line;
use counterfoil::domain::quantity::Quantity;
use counterfoil::domain::text::{AliasText, Zone};
use counterfoil::ledger::{KeepHeads, Ledger, Mode, Options, Outcome, Repeat, SubmitError};
use counterfoil::log::StoreError;
use smallvec::smallvec;
use std::time::{Duration, Instant};

/// Callers that ask at once when it happens.
const CALLERS: u128 = 24;

fn receive(position: Position, number: u128) -> Command {
    command(Act::Receive(Receive { lines: smallvec![Line::new(position, Quantity(1))] })).with_id(id(number))
}

async fn ask_all(ledger: &Ledger, position: Position, from: u128) -> Vec<(u128, Outcome)> {
    let ask = |number| {
        let ledger = ledger.clone();
        tokio::spawn(async move { (number, ledger.submit(receive(position, number)).await) })
    };
    let asked: Vec<_> = (from..from + CALLERS).map(ask).collect();
    let mut outcomes = Vec::new();
    for task in asked {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}

/// Waits until the ledger says that it is latched, and by which thread.
async fn latched_by(ledger: &Ledger, thread: &str) {
    let until = Instant::now() + LONG / 2;
    while ledger.health().mode != Mode::Latched {
        assert!(Instant::now() < until, "it is not latched: {:?}", ledger.health());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let reason = ledger.health().latched_by.unwrap();
    assert_eq!(reason, format!("the {thread} stopped: it panicked: the test says so"));
}

/// From here on nothing is taken, and it ends with an error that says why; every call says so.
async fn ends_latched(ledger: Ledger, position: Position, trap: &Trap, thread: &str) {
    for number in [900, 901] {
        let later = ledger.submit(receive(position, number)).await;
        assert!(matches!(later, Err(SubmitError::Latched)), "{later:?}");
    }
    let would = ledger.would(receive(position, 902)).await;
    assert!(matches!(would, Err(SubmitError::Latched)), "{would:?}");
    assert!(matches!(ledger.erase_note(Seq(2)).await, Err(StoreError::Latched)));
    assert!(ledger.query(|state, _| state.position(position).is_some()), "reads go on");
    ends(ledger, trap, thread).await;
}

async fn ends(ledger: Ledger, trap: &Trap, thread: &str) {
    let after = ledger.clone();
    for ledger in [ledger, after.clone()] {
        let closed = ledger.close().await.unwrap_err().to_string();
        assert!(trap.is_let_go(), "it says that it is closed and is not");
        assert!(closed.contains(&format!("the {thread} stopped: it panicked: the test says so")), "{closed}");
    }
    let later = after
        .submit(command(Act::CreateLocation(CreateLocation { code: AliasText::new("S2").unwrap(), zone: utc() })))
        .await;
    assert!(matches!(later, Err(SubmitError::Closed)), "{later:?}");
}

fn utc() -> Zone {
    Zone::new("UTC").unwrap()
}

/// Opened again at once, the log is whole, and every outcome was the truth.
async fn nobody_was_told_a_lie(home: &Home, position: Position, outcomes: Vec<(u128, Outcome)>) {
    let ledger = home.open(&Trap::default(), Options::default());
    assert!(audit::verify(ledger.log().as_ref(), audit::Options::default()).unwrap().ok);
    for (number, outcome) in outcomes {
        let again = ledger.submit(receive(position, number)).await.unwrap().repeat;
        match outcome {
            Ok(_) => assert_eq!(again, Repeat::Duplicate, "{number} was acknowledged and is gone"),
            Err(SubmitError::NotAppended | SubmitError::Latched) => {
                assert_eq!(again, Repeat::First, "{number} was not to be appended and is there");
            }
            Err(SubmitError::OutcomeUnknown) => {}
            Err(other) => panic!("{number}: {other:?}"),
        }
    }
    ledger.close().await.unwrap();
}

fn both(test: impl AsyncFn(Home) + Copy + Send + 'static) {
    for home in [Home::in_memory, Home::on_disk] {
        in_time(512, move || async move { test(home()).await });
    }
}

#[test]
fn of_the_committer() {
    for place in [Place::Append, Place::Sync] {
        both(async move |home| {
            let trap = Trap::default();
            let ledger = home.create(&trap);
            let position = shop(&ledger, 10).await;
            trap.set(place, What::Panics);
            let outcomes = ask_all(&ledger, position, 100).await;
            let unknown = |(_, outcome): &&(u128, Outcome)| matches!(outcome, Err(SubmitError::OutcomeUnknown));
            assert_ne!(outcomes.iter().filter(unknown).count(), 0, "what panicked was somebody's group");
            // Who was told that nobody knows finds the ledger latched, without waiting for it.
            assert_eq!(ledger.health().mode, Mode::Latched);
            latched_by(&ledger, "committer").await;
            ends_latched(ledger, position, &trap, "committer").await;
            nobody_was_told_a_lie(&home, position, outcomes).await;
        });
    }
}

#[test]
fn of_the_committer_while_it_erases() {
    both(async |home| {
        let trap = Trap::default();
        let ledger = home.create(&trap);
        let position = shop(&ledger, 10).await;
        trap.set(Place::Erase, What::Panics);
        let erased = ledger.erase_note(Seq(2)).await;
        assert!(matches!(erased, Err(StoreError::Latched)), "{erased:?}");
        assert_eq!(ledger.health().mode, Mode::Latched);
        let outcomes = ask_all(&ledger, position, 100).await;
        ends_latched(ledger, position, &trap, "committer").await;
        nobody_was_told_a_lie(&home, position, outcomes).await;
    });
}

/// What it does behind the answers takes none of them back; an idle one may tend before anybody asks.
#[test]
fn of_the_committer_while_it_tends() {
    both(async |home| {
        let trap = Trap::default();
        let ledger = home.create(&trap);
        let position = shop(&ledger, 10).await;
        trap.set(Place::Tend, What::Panics);
        let mut outcomes = ask_all(&ledger, position, 100).await;
        latched_by(&ledger, "committer").await;
        outcomes.extend(ask_all(&ledger, position, 200).await);
        ends_latched(ledger, position, &trap, "committer").await;
        nobody_was_told_a_lie(&home, position, outcomes).await;
    });
}

#[test]
fn of_the_writer() {
    both(async |home| {
        let trap = Trap::default();
        let ledger = home.create(&trap);
        let position = shop(&ledger, 10).await;
        let mut outcomes = ask_all(&ledger, position, 100).await;
        let busy = tokio::spawn({
            let ledger = ledger.clone();
            async move { ask_all(&ledger, position, 200).await }
        });
        trap.set(Place::Clock("counterfoil-write"), What::Panics);
        outcomes.extend(ask_all(&ledger, position, 300).await);
        outcomes.extend(busy.await.unwrap());
        latched_by(&ledger, "writer").await;
        ends_latched(ledger, position, &trap, "writer").await;
        nobody_was_told_a_lie(&home, position, outcomes).await;
    });
}

#[test]
fn of_the_writer_while_it_closes() {
    both(async |home| {
        let trap = Trap::default();
        let ledger = home.create(&trap);
        let position = shop(&ledger, 10).await;
        trap.set(Place::Sync, What::TakesLong);
        let busy = tokio::spawn({
            let ledger = ledger.clone();
            async move { ask_all(&ledger, position, 100).await }
        });
        tokio::time::sleep(MOMENT).await;
        let closing = tokio::spawn(ledger.clone().close());
        trap.set(Place::Clock("counterfoil-write"), What::Panics);
        let outcomes = busy.await.unwrap();
        // It may have come too late, so that nothing panicked.
        let closed = closing.await.unwrap();
        assert!(trap.is_let_go());
        if ledger.health().mode == Mode::Latched {
            assert!(closed.is_err());
            ends(ledger, &trap, "writer").await;
        }
        let outcomes: Vec<_> = outcomes.into_iter().filter(|(_, o)| !matches!(o, Err(SubmitError::Closed))).collect();
        nobody_was_told_a_lie(&home, position, outcomes).await;
    });
}

/// The follower works behind the answers: a panic of it takes nothing back, and lets nothing be added.
#[test]
fn of_the_follower() {
    both(async |home| {
        let trap = Trap::default();
        let ledger = home.create(&trap);
        let position = shop(&ledger, 10).await;
        let mut outcomes = ask_all(&ledger, position, 100).await;
        ledger.close().await.unwrap();
        // It has to read the whole log again.
        std::fs::remove_dir_all(home.derived("index")).unwrap();
        trap.set(Place::Log("counterfoil-follow"), What::Panics);
        let ledger = home.open(&trap, options(&trap));
        latched_by(&ledger, "follower").await;
        let failure = ledger.health().follower_failure.unwrap();
        assert_eq!(failure, "it panicked: the test says so");
        let late = ask_all(&ledger, position, 200).await;
        outcomes.extend(late);
        ends_latched(ledger, position, &trap, "follower").await;
        nobody_was_told_a_lie(&home, position, outcomes).await;
    });
}

#[test]
fn of_the_follower_at_the_end() {
    both(async |home| {
        let trap = Trap::default();
        let ledger = home.create(&trap);
        let position = shop(&ledger, 10).await;
        let outcomes = ask_all(&ledger, position, 100).await;
        trap.set(Place::IndexAtTheEnd, What::Panics);
        ends(ledger, &trap, "follower").await;
        nobody_was_told_a_lie(&home, position, outcomes).await;
    });
}

#[test]
fn of_the_keeper_of_heads() {
    both(async |home| {
        let trap = Trap::default();
        let ledger = home.create(&trap);
        let position = shop(&ledger, 10).await;
        ledger.close().await.unwrap();
        let heads = KeepHeads { every_events: 1, ..KeepHeads::in_file(home.heads()) };
        let ledger = home.open(&trap, Options { heads: Some(heads), ..options(&trap) });
        trap.set(Place::Clock("counterfoil-heads"), What::Panics);
        let mut outcomes = ask_all(&ledger, position, 100).await;
        latched_by(&ledger, "keeper of heads").await;
        assert_eq!(ledger.health().heads.unwrap().failure.unwrap(), "it panicked: the test says so");
        outcomes.extend(ask_all(&ledger, position, 200).await);
        ends_latched(ledger, position, &trap, "keeper of heads").await;
        nobody_was_told_a_lie(&home, position, outcomes).await;
    });
}

#[test]
fn of_the_supervisor() {
    both(async |home| {
        let trap = Trap::default();
        let ledger = home.create(&trap);
        let position = shop(&ledger, 10).await;
        let outcomes = ask_all(&ledger, position, 100).await;
        trap.set(Place::Close, What::Panics);
        ends(ledger, &trap, "supervisor").await;
        nobody_was_told_a_lie(&home, position, outcomes).await;
    });
}

/// The queue has a bound, and those who wait for a place in it wait for threads that may be gone.
#[test]
fn nobody_waits_for_a_place_in_the_queue_for_ever() {
    for place in [Place::Sync, Place::Clock("counterfoil-write")] {
        in_time(512, move || async move {
            let (home, trap) = (Home::in_memory(), Trap::default());
            let ledger = home.create(&trap);
            let position = shop(&ledger, 10).await;
            let ask = |n: u128| {
                let ledger = ledger.clone();
                let commands = (0..16_384).map(|each| receive(position, 1_000_000 * n + each)).collect();
                tokio::spawn(async move { ledger.submit_batch(commands).await })
            };
            trap.set(Place::Sync, What::TakesLong);
            let batches: Vec<_> = (1..=8).map(ask).collect();
            tokio::time::sleep(MOMENT).await;
            trap.set(place, What::Panics);
            let mut unanswered = 0;
            for task in batches {
                match task.await.unwrap() {
                    Ok(outcomes) => unanswered += outcomes.iter().filter(|outcome| outcome.is_err()).count(),
                    Err(SubmitError::OutcomeUnknown | SubmitError::Latched) => unanswered += 1,
                    Err(other) => panic!("{other:?}"),
                }
            }
            assert_ne!(unanswered, 0);
            assert_eq!(ledger.health().mode, Mode::Latched);
            assert_eq!(ledger.health().queued, 0, "a place in the queue is lost");
            assert!(ledger.close().await.is_err());
        });
    }
}

/// Whoever never closes lets go of it all the same.
#[test]
fn of_a_thread_of_a_ledger_that_is_dropped() {
    for place in [Place::Append, Place::Clock("counterfoil-write")] {
        both(async move |home| {
            let trap = Trap::default();
            let ledger = home.create(&trap);
            let position = shop(&ledger, 10).await;
            trap.set(place, What::Panics);
            let outcomes = ask_all(&ledger, position, 100).await;
            drop(ledger);
            let until = Instant::now() + LONG / 2;
            while !trap.is_let_go() {
                assert!(Instant::now() < until, "its store is never let go");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            nobody_was_told_a_lie(&home, position, outcomes).await;
        });
    }
}

/// Panics when it wakes somebody, the first times.
struct Broken(std::sync::atomic::AtomicU32);

impl std::task::Wake for Broken {
    fn wake(self: std::sync::Arc<Self>) {
        let left = self.0.load(std::sync::atomic::Ordering::Relaxed);
        self.0.store(left.saturating_sub(1), std::sync::atomic::Ordering::Relaxed);
        assert!(left == 0, "the test says so");
    }
}

#[test]
fn of_a_waker_of_whoever_waits_for_the_end() {
    for times in [1, 2, 3] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger");
        let ledger = Ledger::create(&path, Options::default()).unwrap();
        let mut waits = std::pin::pin!(ledger.clone().close());
        let broken = std::sync::Arc::new(Broken(times.into())).into();
        assert!(waits.as_mut().poll(&mut std::task::Context::from_waker(&broken)).is_pending());
        // Somebody else is told of the end all the same, and the directory is free.
        let (send, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            send.send(runtime.block_on(ledger.close()))
        });
        let _ = ended.recv_timeout(LONG).expect("nobody is told of the end");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(Ledger::open(&path, Options::default()).unwrap().close()).unwrap();
    }
}
