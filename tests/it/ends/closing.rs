//! What `close` promises, whoever still holds something of the ledger.

use super::{Home, LONG, MOMENT, Place, Trap, What, in_time};
use crate::ledger::{command, shop};
use counterfoil::domain::command::{Act, Receive};
use counterfoil::domain::event::Event;
use counterfoil::domain::ids::{Position, Seq};
use counterfoil::domain::line::Line;
use counterfoil::domain::quantity::Quantity;
use counterfoil::ledger::{Ledger, Options, SubmitError};
use counterfoil::log::{FrameKey, StoreError};
use counterfoil::projection::{Projection, ProjectionError};
use smallvec::smallvec;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// One that takes its time to say what it knows.
struct Slow;

/// Up to where the checkpoint of it goes; it does not change once the ledger is closed.
fn slow_is_saved(path: &Path) -> Option<Seq> {
    let bytes = std::fs::read(path.join("derived").join("checkpoints").join("projection-slow-v1")).ok()?;
    Some(Seq(u64::from_le_bytes(bytes[22..30].try_into().unwrap())))
}

impl Projection for Slow {
    fn name(&self) -> &str {
        "slow"
    }

    fn version(&self) -> u32 {
        1
    }

    fn apply(&mut self, _: Seq, _: &Event) -> Result<(), ProjectionError> {
        Ok(())
    }

    fn save(&self) -> Result<Vec<u8>, ProjectionError> {
        std::thread::sleep(2 * MOMENT);
        Ok(Vec::new())
    }

    fn load(&mut self, _: &[u8]) -> Result<(), ProjectionError> {
        Err("nothing was saved".into())
    }
}

fn receive(position: Position) -> counterfoil::domain::command::Command {
    command(Act::Receive(Receive { lines: smallvec![Line::new(position, Quantity(1))] }))
}

fn says_closed(error: &StoreError) -> bool {
    matches!(error, StoreError::Io { source, .. } if source.to_string() == "the ledger is closed")
}

#[test]
fn the_directory_is_free_whoever_holds_something_of_the_ledger() {
    in_time(512, || async {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shop");
        let ledger = Ledger::create(&path, Options::default()).unwrap();
        let position = shop(&ledger, 10).await;
        let mut idle = ledger.subscribe(Seq(0));
        idle.next().await.unwrap().unwrap();
        let (log, slow) = (ledger.log(), ledger.project(|| Slow).unwrap());
        let mut frames = log.frames(FrameKey::new(Seq(0)));
        frames.next().unwrap().unwrap();
        let until = Instant::now() + LONG / 2;
        while slow_is_saved(&path).is_none() {
            assert!(Instant::now() < until, "its first checkpoint is never written");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let head = ledger.submit(receive(position)).await.unwrap().seq.next();
        assert!(slow.wait_for(head, LONG / 2));
        let mut waiting = ledger.subscribe(head);
        let waiter = tokio::spawn(async move { waiting.next().await.is_none() });
        tokio::time::sleep(MOMENT).await;
        // Two questions that go on for longer than the end takes.
        let (begun, begins) = channel();
        let (go, on) = channel::<()>();
        let (asked, began) = (ledger.clone(), begun.clone());
        let question = std::thread::spawn(move || {
            asked.query(|state, _| {
                began.send(()).unwrap();
                on.recv().unwrap();
                state.next_seq()
            })
        });
        let (on_slow, on) = channel::<()>();
        let question_slow = std::thread::spawn(move || {
            slow.read(|_| {
                begun.send(()).unwrap();
                on.recv().unwrap();
            });
            slow
        });
        for _ in 0..2 {
            begins.recv_timeout(LONG).unwrap();
        }

        let after = ledger.clone();
        ledger.close().await.unwrap();
        assert_eq!(slow_is_saved(&path), Some(head), "a projection writes into the directory behind the end");
        let again = Ledger::open(&path, Options::default()).expect("it is free");
        assert!(waiter.await.unwrap(), "who waits is told that it is the end");
        assert!(says_closed(&frames.next().unwrap().unwrap_err()));
        again.close().await.unwrap();
        go.send(()).unwrap();
        on_slow.send(()).unwrap();
        assert_eq!(question.join().unwrap(), after.head().next_seq);
        drop(question_slow.join().unwrap());
        // What it held already it gives; then it is over.
        while let Some(event) = idle.next().await {
            event.unwrap();
        }
    });
}

#[test]
fn a_closed_ledger_says_so_and_goes_on_to_answer_of_what_was_published() {
    for home in [Home::in_memory(), Home::on_disk()] {
        in_time(512, || async move {
            let ledger = home.create(&Trap::default());
            let position = shop(&ledger, 10).await;
            let (after, log, head) = (ledger.clone(), ledger.log(), ledger.head());
            ledger.close().await.unwrap();

            assert!(matches!(after.submit(receive(position)).await, Err(SubmitError::Closed)));
            assert!(matches!(after.would(receive(position)).await, Err(SubmitError::Closed)));
            assert!(matches!(after.submit_batch(vec![receive(position)]).await, Err(SubmitError::Closed)));
            assert!(matches!(after.submit_unit(vec![receive(position)]).await, Err((0, SubmitError::Closed))));
            assert!(says_closed(&after.erase_note(Seq(2)).await.unwrap_err()));

            assert_eq!(after.head(), head);
            assert_eq!(after.query(|state, now| state.available(position, now)), 10);
            assert_eq!(after.health().next_seq, head.next_seq);

            for log in [log, after.log()] {
                assert!(says_closed(&log.frames(FrameKey::new(Seq(0))).next().unwrap().unwrap_err()));
                assert!(says_closed(&log.last_frame().unwrap_err()));
                assert!(says_closed(&log.private(Seq(2)).unwrap_err()));
            }
            assert!(after.events(Seq(0), Seq(9)).is_err());
            assert!(says_closed(&after.note(Seq(2)).unwrap_err()));
            assert!(after.subscribe(Seq(0)).next().await.is_none());
            assert!(after.subscribe(head.next_seq).next().await.is_none());
        });
    }
}

#[test]
fn every_close_returns_when_the_store_is_let_go_and_says_the_same() {
    for outcome in [What::TakesLong, What::Fails] {
        in_time(512, move || async move {
            let (home, trap) = (Home::in_memory(), Trap::default());
            let ledger = home.create(&trap);
            shop(&ledger, 10).await;
            trap.set(Place::Close, outcome);
            // One is dropped as soon as it has begun.
            let dropped = tokio::time::timeout(Duration::from_millis(1), ledger.clone().close()).await;
            assert!(dropped.is_err() || !matches!(outcome, What::TakesLong), "it ended in no time");
            let close = |ledger: Ledger| {
                let trap = trap.clone();
                tokio::spawn(async move {
                    let closed = ledger.close().await;
                    assert!(trap.is_let_go(), "it says that it is closed and is not");
                    closed
                })
            };
            let mut all: Vec<_> = (0..8).map(|_| close(ledger.clone())).collect();
            all.push(close(ledger.clone()));
            for task in all {
                said(task.await.unwrap(), outcome);
            }
            // Long after the end too.
            said(ledger.close().await, outcome);
            home.open(&Trap::default(), Options::default()).close().await.unwrap();
        });
    }
}

fn said(closed: Result<(), StoreError>, outcome: What) {
    match (outcome, closed) {
        (What::TakesLong, Ok(())) => {}
        (What::Fails, Err(StoreError::Io { what: "closing", source })) => assert_eq!(source.raw_os_error(), Some(5)),
        other => panic!("{other:?}"),
    }
}

/// A command that nobody took is certainly not appended: whoever sent it at the last moment is told that, no less.
#[test]
fn what_comes_too_late_is_refused_and_its_outcome_is_known() {
    in_time(512, || async {
        let home = Home::in_memory();
        let mut ledger = home.create(&Trap::default());
        let position = shop(&ledger, 10).await;
        let mut taken = 10;
        for round in 0..60 {
            let send = |_| {
                let ledger = ledger.clone();
                tokio::spawn(async move { ledger.submit(receive(position)).await })
            };
            let sent: Vec<_> = (0..20).map(send).collect();
            tokio::time::sleep(Duration::from_micros(37 * (round % 11))).await;
            ledger.clone().close().await.unwrap();
            for task in sent {
                match task.await.unwrap() {
                    Ok(_) => taken += 1,
                    Err(SubmitError::Closed) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
            ledger = home.open(&Trap::default(), Options::default());
            assert_eq!(ledger.query(|state, _| state.position(position).unwrap().physical()), taken);
        }
        ledger.close().await.unwrap();
    });
}

#[test]
fn when_the_last_clone_is_dropped_subscriptions_end_and_the_directory_becomes_free() {
    in_time(512, || async {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shop");
        let ledger = Ledger::create(&path, Options::default()).unwrap();
        shop(&ledger, 10).await;
        let (mut events, _log) = (ledger.subscribe(ledger.head().next_seq), ledger.log());
        let waiter = tokio::spawn(async move { events.next().await.is_none() });
        tokio::time::sleep(MOMENT).await;
        drop(ledger);
        assert!(waiter.await.unwrap());
        let until = Instant::now() + LONG / 2;
        let again = loop {
            match Ledger::open(&path, Options::default()) {
                Ok(again) => break again,
                Err(error) => assert!(Instant::now() < until, "{error}"),
            }
        };
        again.close().await.unwrap();
    });
}
