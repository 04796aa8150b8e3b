//! A damaged index: whoever meets it says so, it is built again at once, and no command in the log is taken for new.

use crate::ledger::{command, id, shop};
use crate::spine::{HandClock, Machine};
use counterfoil::domain::command::{Act, Command, PosChange, PosDelta, Receive};
use counterfoil::domain::event::Recorded;
use counterfoil::domain::ids::{LedgerId, Position, Seq, Timestamp};
use counterfoil::domain::line::Line;
use counterfoil::domain::period::By;
use counterfoil::domain::quantity::Quantity;
use counterfoil::domain::text::{ExternalId, OrderRef, Source};
use counterfoil::files::{Files, FilesError, MemoryFiles, NewFile, OpenFile};
use counterfoil::history::{AsOf, EventFilter, HistoryError};
use counterfoil::ledger::parts::{Answer, Committed, Opened, Prepared, Work, open_parts};
use counterfoil::ledger::{Health, Ledger, Options, Outcome, Parts, Repeat};
use counterfoil::query::{Direction, Paging, Scope};
use counterfoil::reports::{Cut, Per, Within};
use smallvec::{SmallVec, smallvec};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const NOON: Timestamp = Timestamp(1_767_225_600_000_000);

fn machine() -> Machine {
    Machine::new(HandClock::at(NOON), 3)
}

fn receive(position: Position, number: u64) -> Command {
    let lines = smallvec![Line::new(position, Quantity(1))];
    command(Act::Receive(Receive { lines }))
        .with_id(id(u128::from(number) + 1))
        .for_order(OrderRef::new("o-1").expect("short"))
}

fn sale(position: Position, number: u64) -> Command {
    let delta = PosChange::Sale { lines: smallvec![Line::new(position, Quantity(1))] };
    let external_id = ExternalId::new(&format!("bon-{number}")).expect("it is short");
    let act = Act::PosDelta(PosDelta { source: Source::new("till").expect("it is short"), external_id, delta });
    command(act).with_id(id(u128::from(number) + 1))
}

/// The n-th of many commands.
fn nth(position: Position, number: u64) -> Command {
    if number.is_multiple_of(2) { receive(position, number) } else { sale(position, number) }
}

/// A closed ledger in memory with this many of them, all indexed.
async fn closed(commands: u64) -> (Machine, Position, Vec<Seq>) {
    let machine = machine();
    let ledger = Ledger::create_over(machine.parts(), LedgerId::from_bytes([5; 16]), machine.options.clone()).unwrap();
    let position = shop(&ledger, 1_000).await;
    let all = (0..commands).map(|number| nth(position, number)).collect();
    let seqs = ledger.submit_batch(all).await.unwrap().iter().map(|outcome| told(outcome).0).collect();
    ledger.close().await.unwrap();
    (machine, position, seqs)
}

fn told(outcome: &Outcome) -> (Seq, Repeat) {
    let receipt = outcome.as_ref().expect("it is taken");
    (receipt.seq, receipt.repeat)
}

fn runs(files: &MemoryFiles) -> Vec<String> {
    files.list().unwrap().into_iter().filter(|name| name.ends_with(".run")).collect()
}

fn flip(bytes: &mut [u8]) {
    bytes[1_000] ^= 1;
}

fn open(machine: &Machine) -> Ledger {
    Ledger::open_over(machine.parts(), machine.options.clone()).unwrap()
}

/// What the index answers, as text.
fn asked(ledger: &Ledger, position: Position) -> Result<Vec<String>, HistoryError> {
    let history = ledger.history();
    let (page, up, down) = (Paging::first(1_000), Direction::Ascending, Direction::Descending);
    let item = EventFilter { item: Some(position.item), ..EventFilter::default() };
    let actor = EventFilter { actor: Some(crate::ledger::actor().id), ..EventFilter::default() };
    let order = EventFilter { order: Some(OrderRef::new("o-1").expect("short")), ..EventFilter::default() };
    let by_id = EventFilter { command: Some(id(8)), ..EventFilter::default() };
    let external = (Source::new("till").expect("short"), ExternalId::new("bon-7").expect("short"));
    let by_external = EventFilter { external: Some(external), ..EventFilter::default() };
    let seqs = |found: Vec<Recorded>| found.iter().map(|found| found.seq.0).collect::<Vec<_>>();
    let mut told = vec![
        format!("{:?}", history.stock(position, AsOf::Known(NOON))?.value),
        format!("{:?}", history.stock(position, AsOf::True(NOON))?.value),
        format!("{:?}", history.stock_list(&Scope::default(), AsOf::Seq(Seq(9)))?.value),
        format!("{:?}", history.difference(&Scope::default(), AsOf::Seq(Seq(9)), AsOf::True(NOON))?.value),
        format!("{:?}", history.explain(position, AsOf::Known(NOON), down, &page)?.value),
        format!("{:?}", history.explain_true(position, NOON, up, &page)?.value),
    ];
    for filter in [item, actor, order, by_id, by_external] {
        told.push(format!("{:?}", seqs(history.events(&filter, up, &page)?.value.rows)));
        told.push(format!("{:?}", seqs(history.events(&filter, down, &page)?.value.rows)));
    }
    let within = Within::default();
    let report = ledger.reports().movement(&within, Cut::Calendar(By::Month), Per::Item).expect("reports read the log");
    told.extend(report.value.rows().map(|row| format!("{} {} {}", row.period.label, row.opening, row.closing)));
    Ok(told)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_run_is_damaged_every_answer_is_right_and_the_index_is_whole_again() {
    let (machine, position, _) = closed(40).await;
    let ledger = open(&machine);
    let right = asked(&ledger, position).unwrap();
    assert_eq!(ledger.health().rebuild, None);
    ledger.close().await.unwrap();
    let files = runs(&machine.index);
    for run in files.iter().cloned().map(Some).chain([None]) {
        let mut damaged = machine.clone();
        damaged.index = machine.index.crash();
        for name in files.iter().filter(|name| run.as_ref().is_none_or(|run| run == *name)) {
            assert!(damaged.index.damage(name, |bytes| flip(bytes)));
        }
        let ledger = open(&damaged);
        assert_eq!(asked(&ledger, position).unwrap(), right, "{run:?}");
        // What no question met is met by who reads all.
        if ledger.health().rebuild.is_none() {
            assert!(ledger.read_index().is_err_and(|error| error.is_damage()), "{run:?}");
        }
        assert_eq!(asked(&ledger, position).unwrap(), right, "{run:?}");
        let Health { rebuild, follower_failure, next_seq, .. } = ledger.health();
        let rebuild = rebuild.expect("it was met");
        assert_eq!((rebuild.begun, rebuild.next_seq, follower_failure), (1, next_seq.0, None), "{run:?}");
        assert!(run.is_none_or(|run| rebuild.damage.contains(&run)), "{rebuild:?}");
        assert!(ledger.read_index().is_ok());
        ledger.verify_derived().unwrap();
        ledger.close().await.unwrap();

        let ledger = open(&damaged);
        assert_eq!(ledger.verify_derived().unwrap().indexed, next_seq, "all of it is written again");
        assert_eq!((ledger.health().rebuild, ledger.read_index().is_ok()), (None, true));
        assert_eq!(asked(&ledger, position).unwrap(), right);
        ledger.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_right_behind_the_damage_begins_anew_when_it_is_started_next() {
    let (machine, position, seqs) = closed(40).await;
    for run in runs(&machine.index) {
        machine.index.damage(&run, |bytes| flip(bytes));
    }
    let opened: Opened<()> = machine.open();
    assert!(opened.index.view().command(&id(1).bytes()).is_err_and(|error| error.is_damage()));
    // Nothing was done about it yet.
    let mut killed = machine.clone();
    killed.index = machine.index.crash();
    drop(opened);
    assert!(killed.index.open("index.manifest").is_err());
    let ledger = open(&killed);
    assert_eq!(ledger.health().rebuild, None, "what was damaged is gone");
    assert!(asked(&ledger, position).is_ok() && ledger.read_index().is_ok());
    assert_eq!(told(&ledger.submit(nth(position, 3)).await), (seqs[3], Repeat::Duplicate));
    ledger.close().await.unwrap();
    let ledger = open(&killed);
    assert_eq!(ledger.verify_derived().unwrap().indexed, ledger.head().next_seq);
    ledger.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_whose_id_lies_in_a_damaged_block_is_known_and_new_ones_go_on() {
    for family in ["commands", "externals"] {
        let (machine, position, seqs) = closed(40).await;
        let run = runs(&machine.index).into_iter().find(|name| name.starts_with(family)).expect("it has such");
        machine.index.damage(&run, |bytes| flip(bytes));
        let ledger = open(&machine);
        let events = ledger.head().next_seq.0;
        // Alone and among many, by its own id and by the till's.
        assert_eq!(told(&ledger.submit(nth(position, 3)).await), (seqs[3], Repeat::Duplicate), "{family}");
        let batch: Vec<Command> = (0..60).map(|number| nth(position, number)).collect();
        let outcomes = ledger.submit_batch(batch).await.unwrap();
        for (number, outcome) in outcomes.iter().enumerate() {
            let fresh = (Seq(events + (number as u64).saturating_sub(40)), Repeat::First);
            let known = seqs.get(number).map_or(fresh, |seq| (*seq, Repeat::Duplicate));
            assert_eq!(told(outcome), known, "{family}, command {number}");
        }
        let same_till = ledger.submit(sale(position, 5).with_id(id(9_999))).await;
        assert_eq!(told(&same_till), (seqs[5], Repeat::Duplicate), "{family}");
        assert_eq!(ledger.head().next_seq.0, events + 20, "{family}");
        assert!(ledger.health().rebuild.is_some(), "{family}");
        ledger.close().await.unwrap();
        let ledger = open(&machine);
        assert_eq!(ledger.verify_derived().unwrap().indexed.0, events + 20, "{family}");
        ledger.close().await.unwrap();
    }
}

/// One command, decided by a writer that nobody helps.
fn decide(opened: &mut Opened<()>, machine: &Machine, command: Command) -> Outcome {
    let commands: SmallVec<[_; 1]> = smallvec![Prepared::new(command, || id(1 << 100))];
    opened.writer.take(Work::Each(commands), (), machine.clock.reading());
    let group = opened.writer.seal().expect("somebody waits");
    let Committed::Durable(mut answers, next) = opened.committer.commit(group) else { panic!("a sound disk failed") };
    opened.writer.durable(next);
    match answers.pop() {
        Some(((), Answer::Outcomes(mut outcomes))) => outcomes.pop().expect("one was asked"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_index_is_built_again_no_command_in_the_log_is_taken_for_new() {
    let (machine, position, seqs) = closed(64).await;
    let moves = runs(&machine.index).into_iter().find(|name| name.starts_with("moves")).expect("it has moves");
    machine.index.damage(&moves, |bytes| flip(bytes));
    let mut opened: Opened<()> = machine.open();
    opened.follower.cut_every(16);
    let duplicate = |number: u64| (seqs[number as usize], Repeat::Duplicate);
    // A question meets the damage; from here on views of the index end before what the writer remembers.
    assert!(opened.index.view().digest().is_err());
    assert_eq!(opened.index.covered_to(), 0);
    assert_eq!(told(&decide(&mut opened, &machine, nth(position, 3))), duplicate(3));
    let fresh = told(&decide(&mut opened, &machine, nth(position, 64)));
    assert_eq!(fresh.1, Repeat::First);
    // Step by step, with the writer looking again in between as its thread does.
    for number in 0..64 {
        opened.follower.step(Duration::ZERO).unwrap();
        let indexed = opened.follower.progress().indexed.load(Ordering::Acquire);
        opened.writer.covered(Seq(indexed));
        if number == 40 && opened.writer.is_overtaken() {
            opened.writer.remember_log().unwrap();
        }
        assert_eq!(told(&decide(&mut opened, &machine, nth(position, number))), duplicate(number));
        assert_eq!(told(&decide(&mut opened, &machine, nth(position, 64))), (fresh.0, Repeat::Duplicate));
        let next = told(&decide(&mut opened, &machine, nth(position, 65 + number)));
        assert_eq!(next, (Seq(fresh.0.0 + 1 + number), Repeat::First));
    }
    assert!(!opened.writer.is_overtaken() && opened.index.covered_to() > 64);
    opened.follower.finish().unwrap();
    crate::spine::check_log(&opened).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_drafted_and_not_durable_is_remembered_when_the_log_is_read_again() {
    let (machine, position, _) = closed(8).await;
    let commands = runs(&machine.index).into_iter().find(|name| name.starts_with("commands")).expect("it has ids");
    machine.index.damage(&commands, |bytes| flip(bytes));
    let mut opened: Opened<()> = machine.open();
    let reading = machine.clock.reading();
    let take = |opened: &mut Opened<()>, number: u64| {
        let commands: SmallVec<[_; 1]> = smallvec![Prepared::new(nth(position, number), || id(1 << 100))];
        opened.writer.take(Work::Each(commands), (), reading);
    };
    take(&mut opened, 50);
    let flying = opened.writer.seal().expect("somebody waits");
    take(&mut opened, 51);
    // This one lies in the damaged block, so the log is read; the group in flight and the draft are not in it.
    take(&mut opened, 3);
    take(&mut opened, 50);
    take(&mut opened, 51);
    let mut repeats = Vec::new();
    for group in [Some(flying), opened.writer.seal()].into_iter().flatten() {
        let Committed::Durable(answers, next) = opened.committer.commit(group) else { panic!("a sound disk failed") };
        opened.writer.durable(next);
        for ((), answer) in answers {
            let Answer::Outcomes(outcomes) = answer else { panic!("{answer:?}") };
            repeats.extend(outcomes.iter().map(|outcome| told(outcome).1));
        }
    }
    let (first, again) = (Repeat::First, Repeat::Duplicate);
    assert_eq!(repeats, [first, first, again, again, again]);
}

/// Files whose runs are read wrong as long as that is wanted.
#[derive(Clone)]
struct Rotten {
    files: MemoryFiles,
    is_rotten: Arc<AtomicBool>,
}

struct RottenFile(Arc<dyn OpenFile>, Arc<AtomicBool>);

impl OpenFile for RottenFile {
    fn len(&self) -> u64 {
        self.0.len()
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), FilesError> {
        self.0.read_exact_at(offset, buffer)?;
        if self.1.load(Ordering::Relaxed) && buffer.len() >= 4_096 {
            flip(buffer);
        }
        Ok(())
    }
}

struct NewRottenFile(Box<dyn NewFile>, Arc<AtomicBool>);

impl NewFile for NewRottenFile {
    fn append(&mut self, bytes: &[u8]) -> Result<(), FilesError> {
        self.0.append(bytes)
    }

    fn finish(self: Box<Self>) -> Result<Arc<dyn OpenFile>, FilesError> {
        Ok(Arc::new(RottenFile(self.0.finish()?, self.1)))
    }
}

impl Files for Rotten {
    fn create(&self, name: &str) -> Result<Box<dyn NewFile>, FilesError> {
        Ok(Box::new(NewRottenFile(self.files.create(name)?, Arc::clone(&self.is_rotten))))
    }

    fn open(&self, name: &str) -> Result<Arc<dyn OpenFile>, FilesError> {
        let is_rotten = if name.ends_with(".run") { Arc::clone(&self.is_rotten) } else { Arc::default() };
        Ok(Arc::new(RottenFile(self.files.open(name)?, is_rotten)))
    }

    fn list(&self) -> Result<Vec<String>, FilesError> {
        self.files.list()
    }

    fn remove(&self, name: &str) -> Result<(), FilesError> {
        self.files.remove(name)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_is_damaged_again_and_again_is_left_alone_for_a_while() {
    let (machine, position, seqs) = closed(64).await;
    let rotten = Rotten { files: machine.index.clone(), is_rotten: Arc::new(AtomicBool::new(true)) };
    let parts = Parts { index: Arc::new(rotten.clone()), ..machine.parts() };
    let mut opened: Opened<()> = open_parts(parts, &machine.options).unwrap();
    opened.follower.cut_every(4);
    let begun = |opened: &Opened<()>| opened.index.rebuild().map_or(0, |rebuild| rebuild.begun);
    let (started, mut steps) = (Instant::now(), 0);
    while started.elapsed() < Duration::from_millis(1_500) {
        opened.follower.step(Duration::from_millis(1)).unwrap();
        let _ = opened.index.view().digest();
        steps += 1;
    }
    // At once, after a second; the next one would be after two more.
    assert!((2..=3).contains(&begun(&opened)) && steps > 50, "{} in {steps} steps", begun(&opened));
    assert!(opened.follower.rests() && !opened.follower.caught_up());
    // Commands are decided all the same.
    assert_eq!(told(&decide(&mut opened, &machine, nth(position, 7))), (seqs[7], Repeat::Duplicate));
    assert_eq!(told(&decide(&mut opened, &machine, nth(position, 64))).1, Repeat::First);
    rotten.is_rotten.store(false, Ordering::Relaxed);
    while !opened.follower.caught_up() {
        assert!(started.elapsed() < Duration::from_secs(20), "it is never begun again");
        opened.follower.step(Duration::from_millis(20)).unwrap();
    }
    opened.follower.finish().unwrap();
    assert!(opened.index.view().digest().is_ok_and(|digest| digest.covered_to == seqs.len() as u64 + 5));
    drop(opened);

    // A ledger that is closed meanwhile does not wait for that.
    rotten.is_rotten.store(true, Ordering::Relaxed);
    let parts = Parts { index: Arc::new(rotten.clone()), ..machine.parts() };
    let ledger = Ledger::open_over(parts, machine.options.clone()).unwrap();
    assert!(asked(&ledger, position).is_ok(), "what was folded again is asked in memory");
    let started = Instant::now();
    ledger.close().await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(5));
}

/// Damages all runs of an open ledger where they lie.
fn rot(directory: &Path) {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    for run in entries.filter(|path| path.extension().is_some_and(|end| end == "run")).collect::<Vec<PathBuf>>() {
        let file = std::fs::OpenOptions::new().write(true).open(run).unwrap();
        std::os::unix::fs::FileExt::write_at(&file, &[0xa5; 64], 1_000).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_who_repeat_themselves_while_all_runs_rot_are_answered_once_each() {
    const COMMANDS: u64 = 3_000;
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("shop");
    let ledger = Ledger::create(&dir, Options::default()).unwrap();
    let position = shop(&ledger, 1_000).await;
    let all = || (0..COMMANDS).map(|number| nth(position, number)).collect::<Vec<_>>();
    let seqs: Vec<Seq> = ledger.submit_batch(all()).await.unwrap().iter().map(|outcome| told(outcome).0).collect();
    ledger.close().await.unwrap();

    let ledger = Ledger::open(&dir, Options::default()).unwrap();
    let events = ledger.head().next_seq.0;
    let caller = |caller: u64| {
        let (ledger, seqs, index) = (ledger.clone(), seqs.clone(), dir.join("derived/index"));
        tokio::spawn(async move {
            for n in 0..100 {
                let number = crate::spine::mixed(caller * 1_000 + n) % COMMANDS;
                let again = ledger.submit(nth(position, number)).await;
                assert_eq!(told(&again), (seqs[number as usize], Repeat::Duplicate), "command {number}");
                let fresh = nth(position, COMMANDS + caller * 1_000 + n);
                assert_eq!(told(&ledger.submit(fresh.clone()).await).1, Repeat::First);
                assert_eq!(told(&ledger.submit(fresh).await).1, Repeat::Duplicate);
                if n == 20 && caller == 0 {
                    rot(&index);
                }
            }
        })
    };
    let asking = {
        let ledger = ledger.clone();
        tokio::task::spawn_blocking(move || {
            for _ in 0..20 {
                asked(&ledger, position).expect("it is answered");
            }
        })
    };
    for task in (0..4).map(caller).collect::<Vec<_>>() {
        task.await.expect("it does not panic");
    }
    asking.await.expect("it does not panic");
    assert_eq!(ledger.head().next_seq.0, events + 400);
    assert!(ledger.health().rebuild.is_some(), "nobody met the damage");
    ledger.close().await.unwrap();
    let ledger = Ledger::open(&dir, Options::default()).unwrap();
    assert_eq!(ledger.verify_derived().unwrap().indexed.0, events + 400);
    ledger.close().await.unwrap();
}
