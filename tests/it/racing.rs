//! Many callers at once, on the whole ledger with its threads.

use crate::ledger::{command, id, shop};
use crate::linear::{self, Call, Operation, State, Verdict};
use crate::spine::{HandClock, Machine};
use counterfoil::audit;
use counterfoil::domain::command::{
    Act, Command, Departure, Fulfil, Holds, Portion, PosChange, PosDelta, Receive, Release, Reserve,
};
use counterfoil::domain::ids::{LedgerId, Position, Seq, Timestamp};
use counterfoil::domain::line::{Line, Lines};
use counterfoil::domain::quantity::Quantity;
use counterfoil::domain::rejection::Rejection;
use counterfoil::domain::text::{ExternalId, Source};
use counterfoil::files::{Files, MemoryFiles};
use counterfoil::ledger::{Clock, Ledger, Repeat, SubmitError};
use counterfoil::log::Hash;
use smallvec::smallvec;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const NOON: Timestamp = Timestamp(1_767_225_600_000_000);

fn machine() -> Machine {
    Machine::new(HandClock::at(NOON), 3)
}

fn create(machine: &Machine) -> Ledger {
    Ledger::create_over(machine.parts(), LedgerId::from_bytes([5; 16]), machine.options.clone()).expect("it is created")
}

fn open(machine: &Machine) -> Ledger {
    Ledger::open_over(machine.parts(), machine.options.clone()).expect("it opens")
}

fn lines(position: Position, units: i64) -> Lines {
    smallvec![Line::new(position, Quantity(units))]
}

fn reserve(position: Position, units: i64) -> Command {
    command(Act::Reserve(Reserve { deadline: None, lines: lines(position, units) }))
}

fn receive(position: Position, units: i64) -> Command {
    command(Act::Receive(Receive { lines: lines(position, units) }))
}

fn sale(position: Position, number: u64) -> Command {
    command(Act::PosDelta(PosDelta {
        source: Source::new("till").expect("it is short"),
        external_id: ExternalId::new(&format!("bon-{number}")).expect("it is short"),
        delta: PosChange::Sale { lines: lines(position, 1) },
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_tasks_share_the_last_units_and_no_more() {
    let machine = machine();
    let ledger = create(&machine);
    let position = shop(&ledger, 100).await;
    let race = |n: u64| {
        let ledger = ledger.clone();
        // One to three units each: in the end too few are left for somebody.
        tokio::spawn(async move { (1 + n as i64 % 3, ledger.submit(reserve(position, 1 + n as i64 % 3)).await) })
    };
    let mut sold = 0;
    for task in (0..1_000).map(race).collect::<Vec<_>>() {
        match task.await.expect("it does not panic") {
            (units, Ok(_)) => sold += units,
            (_, Err(SubmitError::Rejected(Rejection::InsufficientStock { .. }))) => {}
            (_, Err(other)) => panic!("{other}"),
        }
    }
    assert_eq!(sold, 100);
    assert_eq!(ledger.query(|state, now| state.available(position, now)), 0);
    ledger.close().await.expect("it closes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_delivery_three_times_in_one_instant_counts_once() {
    let machine = machine();
    let ledger = create(&machine);
    let position = shop(&ledger, 1_000).await;
    for number in 0..200 {
        let deliver = || {
            let ledger = ledger.clone();
            tokio::spawn(async move { ledger.submit(sale(position, number)).await.expect("a fact is taken") })
        };
        let (one, two, three) = (deliver(), deliver(), deliver());
        let receipts = [one.await, two.await, three.await].map(|receipt| receipt.expect("it does not panic"));
        let first = receipts.iter().filter(|receipt| receipt.repeat == Repeat::First).count();
        assert_eq!(first, 1, "{receipts:?}");
        assert!(receipts.iter().all(|receipt| (receipt.seq, receipt.hash) == (receipts[0].seq, receipts[0].hash)));
    }
    assert_eq!(ledger.query(|state, _| state.position(position).expect("it was touched").physical()), 800);
    ledger.close().await.expect("it closes");
}

/// One caller of the linearizability test: does things to its position and writes down when and what came of it.
async fn caller(ledger: Ledger, position: Position, seed: u64, time: Arc<AtomicU64>) -> Vec<Operation> {
    let mut operations = Vec::new();
    let mut mine: Vec<(u128, i64)> = Vec::new();
    for n in 0..25_u64 {
        let random = crate::spine::mixed(seed * 1_000 + n);
        let units = 1 + (random >> 8) as i64 % 3;
        let invoked = time.fetch_add(1, Ordering::SeqCst);
        let call = match random % 10 {
            0..=3 => {
                let name = (u128::from(seed) << 64) | u128::from(n) | (1 << 120);
                match ledger.submit(reserve(position, units).with_id(id(name))).await {
                    Ok(_) => {
                        mine.push((name, units));
                        Call::Reserved { quantity: units }
                    }
                    Err(SubmitError::Rejected(Rejection::InsufficientStock { short })) => {
                        Call::Refused { quantity: units, available: short[0].available }
                    }
                    Err(other) => panic!("{other}"),
                }
            }
            4 | 5 if !mine.is_empty() => {
                let (name, units) = mine.swap_remove((random >> 16) as usize % mine.len());
                let holds = Holds::Reservation(id(name));
                if random % 10 == 4 {
                    ledger
                        .submit(command(Act::Release(Release { holds, portion: Portion::Whole })))
                        .await
                        .expect("it is mine");
                    Call::Released { quantity: units }
                } else {
                    let act = Act::Fulfil(Fulfil { holds, portion: Portion::Whole, departure: Departure::Now });
                    match ledger.submit(command(act)).await {
                        Ok(_) => Call::Fulfilled { quantity: units },
                        Err(SubmitError::Rejected(Rejection::InsufficientStock { .. })) => {
                            mine.push((name, units));
                            Call::NotFulfilled { quantity: units }
                        }
                        Err(other) => panic!("{other}"),
                    }
                }
            }
            6 => {
                ledger.submit(receive(position, units)).await.expect("a fact is taken");
                Call::Received { quantity: units }
            }
            7 => {
                ledger.submit(sale(position, seed * 1_000 + n)).await.expect("a fact is taken");
                Call::Sold { quantity: 1 }
            }
            _ => ledger.query(|state, now| Call::Read {
                physical: state.position(position).map_or(0, |entry| entry.physical()),
                reserved: state.held(position, now),
            }),
        };
        operations.push(Operation { call, invoked, responded: Some(time.fetch_add(1, Ordering::SeqCst)) });
        if random.is_multiple_of(7) {
            tokio::task::yield_now().await;
        }
    }
    operations
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_answers_could_have_been_given_one_by_one() {
    for round in 0..20_u64 {
        let machine = machine();
        let ledger = create(&machine);
        let position = shop(&ledger, 5).await;
        let time = Arc::new(AtomicU64::new(0));
        let callers = (0..6).map(|n| caller(ledger.clone(), position, round * 10 + n, Arc::clone(&time)));
        let mut operations = Vec::new();
        for task in callers.map(tokio::spawn).collect::<Vec<_>>() {
            operations.extend(task.await.expect("it does not panic"));
        }
        let verdict = linear::check(&operations, State { physical: 5, reserved: 0 }, 4_000_000);
        assert!(matches!(verdict, Verdict::Linearizable(_)), "round {round}: {verdict:?} of {operations:#?}");
        ledger.close().await.expect("it closes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_subscriber_sees_history_then_the_present_without_gap_or_repeat() {
    let machine = machine();
    let ledger = create(&machine);
    let position = shop(&ledger, 1_000_000).await;
    for n in 0..500 {
        ledger.submit(sale(position, n)).await.expect("a fact is taken");
    }
    let until = Seq(504 + 4 * 500);
    let follow = |from: Seq| {
        let mut events = ledger.subscribe(from);
        tokio::spawn(async move {
            let mut hashes: Vec<Hash> = Vec::new();
            let mut next = from;
            while next < until {
                let recorded = events.next().await.expect("it goes on").expect("the log can be read");
                assert_eq!(recorded.seq, next, "a gap or a repeat");
                hashes.push(Hash(recorded.hash));
                next = next.next();
                if next.0.is_multiple_of(97) {
                    tokio::task::yield_now().await;
                }
            }
            hashes
        })
    };
    let subscribers = [Seq(0), Seq(250), Seq(504), Seq(1_000)].map(follow);
    let write = |writer: u64| {
        let ledger = ledger.clone();
        tokio::spawn(async move {
            for n in 0..500 {
                ledger.submit(sale(position, 10_000 * writer + n)).await.expect("a fact is taken");
            }
        })
    };
    for task in (1..=4).map(write).collect::<Vec<_>>() {
        task.await.expect("it does not panic");
    }
    assert_eq!(ledger.head().next_seq, until);
    let mut logged: Vec<Hash> = Vec::new();
    while logged.len() < until.0 as usize {
        let page = ledger.events(Seq(logged.len() as u64), until).expect("it is read");
        assert!(!page.is_empty(), "{} events only", logged.len());
        logged.extend(page.iter().map(|event| Hash(event.hash)));
    }
    for (subscriber, from) in subscribers.into_iter().zip([0, 250, 504, 1_000]) {
        assert_eq!(subscriber.await.expect("it does not panic"), logged[from..]);
    }
    ledger.close().await.expect("it closes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_would_happen_is_said_and_not_done() {
    let machine = machine();
    let ledger = create(&machine);
    let position = shop(&ledger, 3).await;
    let before = (ledger.head(), ledger.query(|state, _| state.clone()));
    for units in 1..=5 {
        let foreseen = ledger.would(reserve(position, units).with_id(id(9))).await;
        assert_eq!(foreseen.is_ok(), units <= 3, "{foreseen:?}");
    }
    assert!((ledger.head(), ledger.query(|state, _| state.clone())) == before, "something was done");
    let receipt = ledger.submit(reserve(position, 2).with_id(id(9))).await.expect("there is enough");
    assert_eq!(receipt.repeat, Repeat::First, "asking what would happen used the id up");
    ledger.close().await.expect("it closes");
}

const HOLDS: u64 = if cfg!(debug_assertions) { 50_000 } else { 1_000_000 };
/// The longest that anybody may wait while so many holds lapse; a debug build and a busy machine are slow.
const WAIT_MAX: Duration = Duration::from_millis(if cfg!(debug_assertions) { 3_000 } else { 250 });

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_holds_with_one_deadline_stall_nobody() {
    let machine = machine();
    let ledger = create(&machine);
    let position = shop(&ledger, 10_000_000).await;
    let deadline = Some(NOON.plus_micros(50_000_000));
    for _ in 0..HOLDS / 10_000 {
        let holds =
            (0..10_000).map(|_| command(Act::Reserve(Reserve { deadline, lines: lines(position, 1) }))).collect();
        let outcomes = ledger.submit_batch(holds).await.expect("the batch is asked");
        assert!(outcomes.iter().all(Result::is_ok));
    }
    assert_eq!(ledger.query(|state, now| state.held(position, now)), HOLDS as i64);
    // Two steps of 30 s: the clocks are moved one after the other, and nobody may take that for a step.
    machine.clock.pass(30_000_000);
    machine.clock.pass(30_000_000);
    assert_eq!(ledger.query(|state, now| state.held(position, now)), 0, "what has lapsed holds nothing");
    let mut longest = Duration::ZERO;
    let mut asked = 0;
    let mut seen_unwritten = 0;
    while ledger.query(|state, _| state.next_deadline().is_some()) || asked < 100 {
        let began = Instant::now();
        ledger.submit(sale(position, asked)).await.expect("a fact is taken");
        longest = longest.max(began.elapsed());
        asked += 1;
        let (held, unwritten) = ledger.query(|state, now| (state.held(position, now), state.next_deadline().is_some()));
        assert_eq!(held, 0);
        seen_unwritten += u64::from(unwritten);
    }
    println!(
        "{asked} answers while {HOLDS} holds lapsed, {seen_unwritten} before all was written; longest {longest:?}"
    );
    assert!(seen_unwritten > 0, "nobody asked while the expiry was being written");
    assert!(longest <= WAIT_MAX, "an answer took {longest:?}");
    ledger.close().await.expect("it closes");
}

/// More than a segment of the index, so that it is on disk.
const ENOUGH: u64 = 70_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_derived_can_be_deleted_or_damaged_and_comes_back_equal() {
    let mut machine = machine();
    let ledger = create(&machine);
    let position = shop(&ledger, 1).await;
    let sales =
        |from: u64, until: u64| (from..until).map(|n| sale(position, n).with_id(id(u128::from(n) + 1))).collect();
    for from in (0..ENOUGH).step_by(10_000) {
        let outcomes = ledger.submit_batch(sales(from, from + 10_000)).await.expect("the batch is asked");
        assert!(outcomes.iter().all(Result::is_ok));
    }
    let (head, state) = (ledger.head(), ledger.query(|state, _| state.clone()));
    ledger.close().await.expect("it closes");
    let lose_index = |machine: &mut Machine| machine.index = MemoryFiles::new();
    let lose_checkpoints = |machine: &mut Machine| machine.checkpoints = MemoryFiles::new();
    let damage = |files: &MemoryFiles| {
        for name in files.list().expect("they can be listed") {
            files.damage(&name, |bytes| {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
            });
        }
    };
    type Harm<'a> = (&'a str, &'a dyn Fn(&mut Machine));
    let harms: [Harm<'_>; 4] = [
        ("nothing", &|_| {}),
        ("no index", &lose_index),
        ("no checkpoints", &lose_checkpoints),
        ("damaged checkpoints", &|machine| damage(&machine.checkpoints)),
    ];
    for (harm, harming) in harms {
        harming(&mut machine);
        let ledger = open(&machine);
        assert!(ledger.head() == head && ledger.query(|now, _| *now == state), "{harm}: another state");
        for n in [0, 1, 777, ENOUGH / 2, ENOUGH - 1] {
            let again = ledger.submit(sale(position, n).with_id(id(u128::from(n) + 1))).await.expect("it is known");
            assert_eq!((again.repeat, again.seq), (Repeat::Duplicate, Seq(n + 4)), "{harm}: event {}", n + 4);
            let by_till =
                ledger.submit(sale(position, n).with_id(id(u128::MAX))).await.expect("the till's id is known");
            assert_eq!((by_till.repeat, by_till.seq), (Repeat::Duplicate, Seq(n + 4)), "{harm}: bon {n}");
        }
        let other = ledger.submit(sale(position, ENOUGH).with_id(id(1))).await;
        assert!(matches!(other, Err(SubmitError::Rejected(Rejection::CommandIdReused { .. }))), "{harm}: {other:?}");
        let derived = ledger.verify_derived().expect("what is derived is what the log says");
        assert_eq!(derived.events, head.next_seq.0);
        ledger.close().await.expect("it closes");
    }
    let report = audit::verify(&machine.disk, audit::Options::default()).expect("it can be read");
    assert!(report.ok && report.events == head.next_seq.0, "{:?}", report.first_fault);
    assert!(machine.clock.wall() == NOON);
}
