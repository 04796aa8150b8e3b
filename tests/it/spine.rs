//! The real ledger as a subject: writer, committer and follower over a disk in memory, driven one step at a time.

use crate::agree::{Bookkeeper, Expiry, agree, fixed_histories};
use crate::histories::{Step, history};
use crate::subject::{
    Accounts, AlertKind, AlertStatus, AlertView, OpenReservation, Outcome, Stock, Subject, Uncovered, Urgency,
};
use crate::table::run_tables;
use counterfoil::audit;
use counterfoil::domain::alert;
use counterfoil::domain::command::{Alias, AliasTarget, Command};
use counterfoil::domain::event::{Body, Expired, Recorded};
use counterfoil::domain::ids::{CommandId, ItemId, LedgerId, LotId, Position, Timestamp, TransferId};
use counterfoil::files::MemoryFiles;
use counterfoil::history::History;
use counterfoil::ledger::parts::{Answer, Committed, Opened, Prepared, Work, create_parts, open_parts};
use counterfoil::ledger::{Clock, Entropy, Options, Parts, Reading, Repeat, SubmitError};
use counterfoil::log::memory_store::MemoryDisk;
use counterfoil::log::{Head, MemoryStore, Scanned, StoreReader, scan};
use counterfoil::query::{self, Paging, Scope};
use counterfoil::reports::Reports;
use proptest::prelude::*;
use smallvec::SmallVec;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// Clocks that stand where they are put.
#[derive(Debug, Default)]
pub struct HandClock {
    wall: AtomicI64,
    monotonic: AtomicI64,
}

impl HandClock {
    pub fn at(wall: Timestamp) -> Arc<Self> {
        let clock = Self::default();
        clock.wall.store(wall.0, Ordering::Relaxed);
        Arc::new(clock)
    }

    /// Time passes for both clocks.
    pub fn pass(&self, micros: i64) {
        self.wall.fetch_add(micros, Ordering::Relaxed);
        self.monotonic.fetch_add(micros, Ordering::Relaxed);
    }

    /// Somebody sets the wall clock.
    pub fn step(&self, micros: i64) {
        self.wall.fetch_add(micros, Ordering::Relaxed);
    }

    pub fn reading(&self) -> Reading {
        Reading { wall: self.wall(), monotonic_micros: self.monotonic_micros() }
    }
}

impl Clock for HandClock {
    fn wall(&self) -> Timestamp {
        Timestamp(self.wall.load(Ordering::Relaxed))
    }

    fn monotonic_micros(&self) -> i64 {
        self.monotonic.load(Ordering::Relaxed)
    }
}

/// Bytes that follow from a seed.
#[derive(Debug)]
pub struct SeededEntropy(AtomicU64);

impl SeededEntropy {
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let number = mixed(self.0.fetch_add(1, Ordering::Relaxed));
            chunk.copy_from_slice(&number.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// The finaliser of splitmix64.
pub const fn mixed(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What survives a restart, and how it is opened.
#[derive(Clone)]
pub struct Machine {
    pub disk: MemoryDisk,
    pub index: MemoryFiles,
    pub checkpoints: MemoryFiles,
    pub clock: Arc<HandClock>,
    pub options: Options,
}

impl Machine {
    pub fn new(clock: Arc<HandClock>, seed: u64) -> Self {
        let (disk, index, checkpoints) = (MemoryDisk::new(), MemoryFiles::new(), MemoryFiles::new());
        let options = Options {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            entropy: SeededEntropy::new(seed),
            ..Options::default()
        };
        Self { disk, index, checkpoints, clock, options }
    }

    pub fn parts(&self) -> Parts {
        Parts {
            store: Box::new(MemoryStore::open(&self.disk).expect("the disk is not in use")),
            index: Arc::new(self.index.clone()),
            checkpoints: Arc::new(self.checkpoints.clone()),
        }
    }

    pub fn create<T>(&self) -> Opened<T> {
        create_parts(self.parts(), LedgerId::from_bytes([9; 16]), &self.options).expect("an empty disk takes a ledger")
    }

    pub fn open<T>(&self) -> Opened<T> {
        open_parts(self.parts(), &self.options).expect("what was written can be opened")
    }
}

/// When a spine is closed and opened again by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restarts {
    Never,
    /// After so many commands; the index is cut every 8 events and a checkpoint is written every other time.
    Every(u32),
}

/// A ledger that answers at once: each command is a group of its own.
pub struct Spine {
    machine: Machine,
    opened: Option<Opened<()>>,
    written: Vec<Expiry>,
    restarts: Restarts,
    commands: u32,
}

impl Spine {
    pub fn new(restarts: Restarts) -> Self {
        let machine = Machine::new(HandClock::at(Timestamp(0)), 7);
        let opened = Some(machine.create());
        Self { machine, opened, written: Vec::new(), restarts, commands: 0 }
    }

    fn opened(&self) -> &Opened<()> {
        self.opened.as_ref().expect("it is open")
    }

    fn set_clock(&mut self, now: Timestamp) {
        self.machine.clock.pass(now.0 - self.machine.clock.wall().0);
    }

    fn do_work(&mut self, work: Work) -> Answer {
        let reading = self.machine.clock.reading();
        self.opened.as_mut().expect("it is open").writer.take(work, (), reading);
        let mut answers = self.commit();
        answers.pop().expect("everything that is asked is answered").1
    }

    fn commit(&mut self) -> Vec<((), Answer)> {
        let opened = self.opened.as_mut().expect("it is open");
        let Some(group) = opened.writer.seal() else { return Vec::new() };
        let events = Arc::clone(&group.events);
        let Committed::Durable(answers, next) = opened.committer.commit(group) else {
            panic!("a disk without faults failed")
        };
        opened.writer.durable(next);
        self.written.extend(events.iter().filter_map(expiry));
        answers
    }

    fn restart_if_due(&mut self) {
        self.commands += 1;
        let Restarts::Every(commands) = self.restarts else { return };
        if !self.commands.is_multiple_of(commands) {
            return;
        }
        let checkpoint = (self.commands / commands).is_multiple_of(2);
        let mut opened = self.opened.take().expect("it is open");
        opened.follower.cut_every(8);
        while !opened.follower.step(Duration::ZERO).expect("no faults").groups.is_empty()
            || !opened.follower.caught_up()
        {}
        if checkpoint {
            opened.follower.checkpoint();
        }
        let before = opened.published.read(Clone::clone);
        drop(opened);
        let opened = self.machine.open();
        let after = opened.published.read(Clone::clone);
        assert!(before.state == after.state && before.head == after.head, "reopened it is another ledger");
        self.opened = Some(opened);
    }

    /// Everything that is in the log.
    pub fn events(&self) -> Vec<Scanned> {
        let events = scan(self.opened().log.as_ref(), Head::EMPTY);
        events.map(|scanned| scanned.expect("a disk without faults")).collect()
    }

    pub fn now(&self) -> Timestamp {
        self.machine.clock.wall()
    }

    /// Asks about the past, and the log, once everything is folded.
    pub fn history<R>(&mut self, ask: impl FnOnce(&History<'_>, &dyn StoreReader) -> R) -> R {
        let opened = self.opened.as_mut().expect("it is open");
        while !opened.follower.step(Duration::ZERO).expect("no faults").groups.is_empty()
            || !opened.follower.caught_up()
        {}
        let clock = self.machine.clock.as_ref();
        opened.follower.show().expect("no faults");
        ask(&History::over(&opened.published, &opened.index, Arc::clone(&opened.log), clock), opened.log.as_ref())
    }

    /// Asks for reports, and the log, once everything is folded.
    pub fn reports<R>(&mut self, ask: impl FnOnce(Reports<'_>, &dyn StoreReader) -> R) -> R {
        self.history(|_, _| {});
        let opened = self.opened();
        let clock = self.machine.clock.as_ref();
        let log = Arc::clone(&opened.log);
        ask(Reports::over(&opened.published, &opened.index, Arc::clone(&log), clock), log.as_ref())
    }

    /// Opens again what is left when everything derived is deleted.
    pub fn reopen_without_index(&mut self) {
        self.opened = None;
        self.machine.index = MemoryFiles::new();
        self.machine.checkpoints = MemoryFiles::new();
        let mut opened = self.machine.open();
        opened.follower.cut_every(20);
        self.opened = Some(opened);
    }

    /// The log verifies, and folding it gives the state that readers see.
    pub fn check(&self) -> Result<(), String> {
        check_log(self.opened())
    }
}

/// The log verifies, and folding it gives the state that readers see.
pub fn check_log<T>(opened: &Opened<T>) -> Result<(), String> {
    let report = audit::verify(opened.log.as_ref(), audit::Options::default()).map_err(|error| error.to_string())?;
    if let Some(fault) = report.first_fault {
        return Err(format!("verify: event {}: {} {}", fault.seq, fault.rule, fault.what));
    }
    let replayed = audit::replay(opened.log.as_ref(), None, |_| {}).map_err(|fault| fault.to_string())?;
    opened.published.read(|durable| match durable.state == replayed && report.events == durable.head.next_seq.0 {
        true => Ok(()),
        false => Err("the published state is not what the log says".into()),
    })
}

fn expiry(recorded: &Recorded) -> Option<Expiry> {
    let Body::Expired(Expired { reservations }) = &recorded.event.body else { return None };
    let recorded_at = recorded.event.envelope.recorded_at;
    Some(Expiry { seq: recorded.seq, recorded_at, reservations: reservations.to_vec() })
}

/// An id for a command whose caller gave none.
pub fn fresh_id(entropy: &dyn Entropy) -> CommandId {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    CommandId::from_bytes(bytes)
}

impl Subject for Spine {
    fn apply(&mut self, command: &Command, now: Timestamp) -> Outcome {
        self.set_clock(now);
        let entropy = Arc::clone(&self.machine.options.entropy);
        let prepared = Prepared::new(command.clone(), || fresh_id(entropy.as_ref()));
        let answer = self.do_work(Work::Each(SmallVec::from_iter([prepared])));
        self.restart_if_due();
        let Answer::Outcomes(mut outcomes) = answer else { panic!("a command has an outcome") };
        match outcomes.pop().expect("one command has one outcome") {
            Ok(receipt) if receipt.repeat == Repeat::First => Outcome::Accepted(receipt.seq),
            Ok(receipt) => Outcome::Duplicate(receipt.seq),
            Err(SubmitError::Rejected(rejection)) => Outcome::Rejected(rejection),
            Err(error) => panic!("the ledger could not act: {error}"),
        }
    }

    fn tick(&mut self, now: Timestamp) {
        self.set_clock(now);
        loop {
            let reading = self.machine.clock.reading();
            let opened = self.opened.as_mut().expect("it is open");
            opened.writer.tick(reading);
            if opened.writer.drafted() == (0, 0) {
                return;
            }
            self.commit();
        }
    }

    fn stock(&self, position: Position, now: Timestamp) -> Stock {
        self.opened().published.read(|durable| Figures(&durable.state).stock(position, now))
    }

    fn accounts(&self, item: ItemId) -> Accounts {
        self.opened().published.read(|durable| Figures(&durable.state).accounts(item))
    }

    fn open_reservations(&self, now: Timestamp) -> Vec<OpenReservation> {
        self.opened().published.read(|durable| Figures(&durable.state).open_reservations(now))
    }

    fn uncovered(&self, position: Position, now: Timestamp) -> Uncovered {
        self.opened().published.read(|durable| Figures(&durable.state).uncovered(position, now))
    }

    fn alerts(&self) -> Vec<AlertView> {
        self.opened().published.read(|durable| Figures(&durable.state).alerts())
    }

    fn transit(&self, transfer: TransferId) -> Vec<(ItemId, LotId, i64)> {
        self.opened().published.read(|durable| Figures(&durable.state).transit(transfer))
    }

    fn resolve(&self, alias: &Alias) -> Option<AliasTarget> {
        self.opened().published.read(|durable| durable.state.alias(alias))
    }
}

impl Bookkeeper for Spine {
    fn expiries(&mut self) -> Vec<Expiry> {
        std::mem::take(&mut self.written)
    }
}

/// A state as tests see it: what can be asked through `query`, asked through it.
pub struct Figures<'a>(pub &'a counterfoil::domain::state::State);

impl Subject for Figures<'_> {
    fn apply(&mut self, _: &Command, _: Timestamp) -> Outcome {
        unreachable!("a state decides nothing")
    }

    fn tick(&mut self, _: Timestamp) {}

    fn stock(&self, position: Position, now: Timestamp) -> Stock {
        let stock = query::stock(self.0, now, position).value;
        let version = stock.map(|stock| stock.version).unwrap_or_default();
        let figure = |of: fn(query::Stock) -> i64| stock.map_or(0, of);
        Stock {
            sellable: figure(|stock| stock.sellable),
            unsellable: figure(|stock| stock.unsellable),
            reserved: figure(|stock| stock.reserved),
            available: figure(|stock| stock.available),
            inbound: figure(|stock| stock.inbound),
            version,
        }
    }

    fn accounts(&self, item: ItemId) -> Accounts {
        let small = |sum: i128| i64::try_from(sum).expect("balances are bounded");
        let sums = self.0.item(item).map(|item| item.accounts).unwrap_or_default();
        Accounts {
            supplier: small(sums.supplier),
            customer: small(sums.customer),
            loss: small(sums.loss),
            found: small(sums.found),
            variance: small(sums.variance),
            transit: small(sums.transit),
            sellable: small(sums.sellable),
            unsellable: small(sums.unsellable),
        }
    }

    fn open_reservations(&self, now: Timestamp) -> Vec<OpenReservation> {
        let held = self.0.reservations().filter(|reservation| reservation.is_held(now));
        let mut open: Vec<OpenReservation> = held
            .map(|reservation| OpenReservation {
                seq: reservation.seq,
                id: Some(reservation.id),
                order: reservation.order.clone(),
                deadline: (reservation.deadline != Timestamp::NEVER).then_some(reservation.deadline),
                lines: reservation
                    .lines
                    .iter()
                    .filter(|line| line.open > 0)
                    .map(|line| (line.position, line.open))
                    .collect(),
            })
            .collect();
        open.sort_by_key(|reservation| reservation.seq);
        open
    }

    fn uncovered(&self, position: Position, now: Timestamp) -> Uncovered {
        let page = query::oversold(self.0, now, &Scope::position(position), &Paging::default());
        let mut rows = page.expect("the page can be asked for").value.rows;
        let Some(row) = rows.pop() else { return Uncovered::default() };
        let holds = row.uncovered.iter().map(|hold| (hold.seq, hold.uncovered)).collect();
        Uncovered { holds, without_reservation: row.without_reservation }
    }

    fn alerts(&self) -> Vec<AlertView> {
        let slots = self.0.alerts().filter_map(|(_, position, kind)| {
            let alert = self.0.position(position)?.reorder.as_ref()?.alert(kind)?;
            Some((position, alert))
        });
        slots
            .filter(|(_, alert)| alert.status.is_open())
            .map(|(position, alert)| AlertView {
                id: alert.id,
                position,
                kind: match alert.kind {
                    alert::AlertKind::LowStock => AlertKind::LowStock,
                    alert::AlertKind::OutOfStock => AlertKind::OutOfStock,
                    alert::AlertKind::Oversold => AlertKind::Oversold,
                },
                status: match alert.status {
                    alert::AlertStatus::Acknowledged => AlertStatus::Acknowledged,
                    _ => AlertStatus::Open,
                },
                urgency: match alert.urgency {
                    alert::Urgency::Low => Urgency::Low,
                    alert::Urgency::Medium => Urgency::Medium,
                    alert::Urgency::High => Urgency::High,
                    alert::Urgency::Critical => Urgency::Critical,
                },
            })
            .collect()
    }

    fn transit(&self, transfer: TransferId) -> Vec<(ItemId, LotId, i64)> {
        let lines = self.0.transfer(transfer).map(|transfer| &transfer.lines);
        lines.into_iter().flatten().map(|(&(item, lot), &quantity)| (item, lot, quantity)).collect()
    }

    fn resolve(&self, alias: &Alias) -> Option<AliasTarget> {
        self.0.alias(alias)
    }
}

fn played(restarts: Restarts, steps: &[Step]) -> Result<(), String> {
    let mut spine = Spine::new(restarts);
    agree(&mut spine, steps)?;
    spine.check()
}

#[test]
fn every_row_of_the_tables_holds_on_the_ledger() {
    let report = run_tables(|| Spine::new(Restarts::Never));
    let first: Vec<&String> = report.failures.iter().take(40).collect();
    assert!(first.is_empty(), "{} of {} cases fail:\n{first:#?}", report.failures.len(), report.cases);
}

#[test]
fn every_row_of_the_tables_holds_on_a_ledger_that_is_reopened_all_the_time() {
    let report = run_tables(|| Spine::new(Restarts::Every(3)));
    let first: Vec<&String> = report.failures.iter().take(40).collect();
    assert!(first.is_empty(), "{} of {} cases fail:\n{first:#?}", report.failures.len(), report.cases);
}

#[test]
fn the_ledger_and_the_model_agree_on_fixed_histories() {
    for (number, steps) in fixed_histories(300, 60).iter().enumerate() {
        for restarts in [Restarts::Never, Restarts::Every(5)] {
            if let Err(problem) = played(restarts, steps) {
                panic!("history {number}, {restarts:?}: {problem}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn live_replayed_and_the_model_are_one(steps in history(60), every in 1..20u32) {
        prop_assert_eq!(played(Restarts::Never, &steps), Ok(()));
        prop_assert_eq!(played(Restarts::Every(every), &steps), Ok(()));
    }
}
