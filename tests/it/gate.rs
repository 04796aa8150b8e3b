//! Nothing is said while it is not durable: a disk whose sync takes as long as the test wants.

use crate::ledger::{command, id, shop};
use crate::spine::{HandClock, Machine};
use counterfoil::domain::command::{Act, Command, Receive, Reserve};
use counterfoil::domain::ids::{LedgerId, Position, Seq, Timestamp};
use counterfoil::domain::line::Line;
use counterfoil::domain::quantity::Quantity;
use counterfoil::ledger::{Ledger, Outcome, Parts, Repeat, SubmitError};
use counterfoil::log::{FrameKey, GroupBytes, Store, StoreError, StoreReader};
use smallvec::smallvec;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;

/// What becomes of a sync that waits at the gate.
#[derive(Clone, Copy)]
enum Sync {
    Works,
    Fails,
}

/// A store whose syncs wait for the test once the gate is shut.
struct Gated {
    store: Box<dyn Store>,
    gate: Arc<Mutex<Option<Gate>>>,
}

struct Gate {
    reached: Sender<()>,
    decided: Receiver<Sync>,
}

impl Store for Gated {
    fn append(&mut self, group: &GroupBytes) -> Result<(), StoreError> {
        self.store.append(group)
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        let gate = self.gate.lock().expect("nobody panics with it");
        let Some(gate) = gate.as_ref() else { return self.store.sync() };
        gate.reached.send(()).expect("the test goes on");
        match gate.decided.recv_timeout(Duration::from_secs(30)) {
            Ok(Sync::Works) => self.store.sync(),
            _ => Err(StoreError::Io { what: "syncing", source: std::io::Error::other("the test says so") }),
        }
    }

    fn drop_from(&mut self, key: FrameKey) -> Result<(), StoreError> {
        self.store.drop_from(key)
    }

    fn erase_private(&mut self, seq: Seq) -> Result<(), StoreError> {
        self.store.erase_private(seq)
    }

    fn reader(&self) -> Arc<dyn StoreReader> {
        self.store.reader()
    }

    fn close(self: Box<Self>) -> Result<(), StoreError> {
        self.store.close()
    }
}

struct Shop {
    ledger: Ledger,
    position: Position,
    reached: Receiver<()>,
    decide: Sender<Sync>,
}

/// A ledger with one unit left, whose next syncs wait.
async fn gated_shop() -> Shop {
    let machine = Machine::new(HandClock::at(Timestamp(1_767_225_600_000_000)), 1);
    let gate = Arc::new(Mutex::new(None));
    let parts = machine.parts();
    let store = Box::new(Gated { store: parts.store, gate: Arc::clone(&gate) });
    let parts = Parts { store, ..parts };
    let ledger = Ledger::create_over(parts, LedgerId::from_bytes([4; 16]), machine.options.clone());
    let ledger = ledger.expect("it is created");
    let position = shop(&ledger, 1).await;
    let ((reach, reached), (decide, decided)) = (channel(), channel());
    *gate.lock().expect("nobody panics with it") = Some(Gate { reached: reach, decided });
    Shop { ledger, position, reached, decide }
}

impl Shop {
    fn reserve(&self, number: u128) -> Command {
        let lines = smallvec![Line::new(self.position, Quantity(1))];
        command(Act::Reserve(Reserve { deadline: None, lines })).with_id(id(number))
    }

    fn ask(&self, command: Command) -> JoinHandle<Outcome> {
        let ledger = self.ledger.clone();
        tokio::spawn(async move { ledger.submit(command).await })
    }

    fn available(&self) -> i64 {
        self.ledger.query(|state, now| state.available(self.position, now))
    }

    /// The first reservation stands before its sync; behind it a second one, a repeat, and a question.
    async fn four_wait(&self) -> [JoinHandle<Outcome>; 4] {
        let first = self.ask(self.reserve(1));
        self.reached.recv_timeout(Duration::from_secs(30)).expect("the sync is reached");
        let behind = [self.ask(self.reserve(2)), self.ask(self.reserve(1)), {
            let (ledger, command) = (self.ledger.clone(), self.reserve(3));
            tokio::spawn(async move { ledger.would(command).await.map(|_| unreachable!("nothing is left")) })
        }];
        // Long enough for an answer that comes too early.
        tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(100))).await.expect("it sleeps");
        let [second, again, would] = behind;
        let all = [first, second, again, would];
        for (number, task) in all.iter().enumerate() {
            assert!(!task.is_finished(), "question {number} was answered before what it rests on was durable");
        }
        assert_eq!(self.available(), 1, "readers see what is not durable");
        assert_eq!(self.ledger.head().next_seq, Seq(4));
        all
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_rests_on_what_is_not_durable() {
    let shop = gated_shop().await;
    let [first, second, again, would] = shop.four_wait().await;
    for _ in 0..2 {
        shop.decide.send(Sync::Works).expect("somebody waits");
    }
    let first = first.await.expect("no panic").expect("there was one left");
    assert_eq!((first.seq, first.repeat), (Seq(4), Repeat::First));
    let refused = |outcome: Outcome| match outcome {
        Err(SubmitError::Rejected(rejection)) => rejection.code(),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(second.await.expect("no panic")), "INSUFFICIENT_STOCK");
    assert_eq!(refused(would.await.expect("no panic")), "INSUFFICIENT_STOCK");
    let again = again.await.expect("no panic").expect("it is known");
    assert_eq!((again.seq, again.hash, again.repeat), (first.seq, first.hash, Repeat::Duplicate));
    assert_eq!(shop.available(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_sync_fails_nobody_is_told_what_rested_on_it() {
    let shop = gated_shop().await;
    let [first, second, again, would] = shop.four_wait().await;
    shop.decide.send(Sync::Fails).expect("somebody waits");
    assert!(matches!(first.await.expect("no panic"), Err(SubmitError::OutcomeUnknown)));
    assert!(matches!(again.await.expect("no panic"), Err(SubmitError::OutcomeUnknown)));
    assert!(matches!(second.await.expect("no panic"), Err(SubmitError::NotAppended)));
    assert!(matches!(would.await.expect("no panic"), Err(SubmitError::NotAppended)));
    let later = shop.ask(shop.reserve(5)).await.expect("no panic");
    assert!(matches!(later, Err(SubmitError::Latched)), "{later:?}");
    assert_eq!(shop.available(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_asked_before_the_end_is_finished() {
    let shop = gated_shop().await;
    let first = shop.ask(shop.reserve(1));
    shop.reached.recv_timeout(Duration::from_secs(30)).expect("the sync is reached");
    let lines = smallvec![Line::new(shop.position, Quantity(5))];
    // It is sent when it is polled for the first time, so before the end.
    let mut second = Box::pin(shop.ledger.submit(command(Act::Receive(Receive { lines })).with_id(id(2))));
    std::future::poll_fn(|context| {
        assert!(second.as_mut().poll(context).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    let closing = tokio::spawn(shop.ledger.clone().close());
    tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(20))).await.expect("it sleeps");
    let late = shop.ask(shop.reserve(3)).await.expect("no panic");
    assert!(matches!(late, Err(SubmitError::Closed)), "{late:?}");
    for _ in 0..2 {
        shop.decide.send(Sync::Works).expect("somebody waits");
    }
    assert_eq!(first.await.expect("no panic").expect("there was one left").seq, Seq(4));
    assert_eq!(second.await.expect("a fact is taken").seq, Seq(5));
    closing.await.expect("no panic").expect("it closes");
}
