//! The spine as a whole, simulated: writer, committer, follower, disks, clocks, callers, crashes and restarts, all
//! driven from one number.
//!
//! ```text
//! COUNTERFOIL_SIM_SEEDS=100000 cargo test --release simulation     so many seeds (2,000 in release, 200 in debug)
//! COUNTERFOIL_SIM_SEED=17 cargo test --release simulation          this one alone
//! ```

mod callers;
mod checker;
mod dice;
mod every_call;

use crate::histories::{Player, Step, history_of, opening};
use crate::spine::{HandClock, Machine, mixed};
use callers::{Asked, Question};
use checker::Checker;
use counterfoil::domain::command::{Act, Actor, Command, Document};
use counterfoil::domain::ids::{CommandId, LedgerId, Seq};
use counterfoil::domain::text::{ActorId, DocumentId, DocumentKind};
use counterfoil::files::{Fault as FileFault, Files, MemoryFiles};
use counterfoil::ledger::parts::{
    Answer, Committed, Group, Opened, Prepared, Work, create_parts, not_appended, not_written, open_parts,
    outcome_unknown,
};
use counterfoil::ledger::{Clock, Repeat, SubmitError};
use counterfoil::limits::CLOCK_STEP_MICROS_MAX;
use counterfoil::log::memory_store::{Fault, FaultPlan};
pub use dice::Dice;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use smallvec::SmallVec;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const STEPS: usize = 200;

/// Names a question; its answer is sent there.
type Ticket = u64;

/// What has happened so far in all seeds, so that a simulation in which nothing happens is seen.
#[derive(Default)]
struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }
}

struct World {
    dice: Dice,
    machine: Machine,
    opened: Option<Opened<Ticket>>,
    /// The group that is on its way.
    flight: Option<Group<Ticket>>,
    latched: bool,
    /// Where the group ends whose write failed.
    in_doubt: Option<Seq>,
    follower_works: bool,
    /// Derived files were damaged, or calls on them fail: look-ups may fail.
    files_are_bad: bool,
    asked: HashMap<Ticket, Asked>,
    next_ticket: Ticket,
    checker: Checker,
    player: Player,
    steps: std::vec::IntoIter<Step>,
    tally: Tally,
    /// Nothing happens by chance.
    calm: bool,
    slow: bool,
}

type Checked = Result<(), String>;

impl World {
    fn new(seed: u64, steps: usize) -> Self {
        let mut dice = Dice::new(seed);
        let clock = HandClock::at(crate::histories::BASE.plus_micros(100_000_000));
        let machine = Machine::new(clock, dice.number());
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&mixed(seed).to_le_bytes());
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), random);
        let steps = history_of(steps).new_tree(&mut runner).expect("a history can be made").current();
        let opened = create_parts(machine.parts(), LedgerId::from_bytes([9; 16]), &machine.options);
        Self {
            dice,
            machine,
            opened: Some(opened.expect("an empty disk takes a ledger")),
            flight: None,
            latched: false,
            in_doubt: None,
            follower_works: true,
            files_are_bad: false,
            asked: HashMap::new(),
            next_ticket: 0,
            checker: Checker::new(),
            player: Player::default(),
            steps: steps.into_iter(),
            tally: Tally::default(),
            calm: false,
            slow: mixed(seed ^ 0xface).is_multiple_of(3),
        }
    }

    fn opened(&mut self) -> &mut Opened<Ticket> {
        self.opened.as_mut().expect("it is open")
    }

    fn begin(&mut self) -> Checked {
        self.cut_segments();
        self.checker.look(&self.machine.disk)?;
        for command in opening() {
            let command = self.named(command);
            self.ask(Question::One(command))?;
        }
        self.settle()
    }

    fn run(&mut self) -> Checked {
        self.begin()?;
        while self.steps.len() > 0 {
            self.step()?;
        }
        self.finish()
    }

    fn step(&mut self) -> Checked {
        match self.dice.below(100) {
            0..=43 => self.ask_next(),
            44..=49 => self.ask_unit(),
            50..=53 => self.ask_again(),
            54..=56 => {
                let Some(command) = self.next_command() else { return Ok(()) };
                let command = self.named(command);
                self.ask(Question::Would(command))
            }
            57..=84 => self.send_or_commit(),
            85..=88 => self.follow(),
            89 => self.checkpoint(),
            90..=91 => self.plan_store_fault(),
            92 => self.plan_file_fault(),
            93 => self.rot(),
            94 => self.tick(),
            95 => self.step_clock(),
            96 => self.ask(Question::AcceptClock),
            97 => self.crash(),
            98 if self.dice.one_in(2) => self.restart(),
            _ if self.latched => self.restart(),
            _ => self.send_or_commit(),
        }
    }

    // Callers.

    fn next_command(&mut self) -> Option<Command> {
        let step = self.steps.next()?;
        let (Step::Do { pause, .. } | Step::Again { pause, .. } | Step::Alert { pause, .. } | Step::Tick { pause }) =
            &step;
        self.machine.clock.pass(pause * 1_000_000 + 1 + self.dice.below(1_000) as i64);
        self.player.next(&step, &self.checker.model).0
    }

    /// The command with an id, so that its event can be recognised and the caller can ask again.
    fn named(&mut self, command: Command) -> Command {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.dice.number().to_le_bytes());
        bytes[8..].copy_from_slice(&self.dice.number().to_le_bytes());
        let mut command = Command { id: command.id.or(Some(CommandId::from_bytes(bytes))), ..command };
        if self.dice.one_in(12) && command.note.is_none() {
            command.note = Some("x".repeat(self.dice.below(300)));
        }
        // Large ones, so that groups take several frames.
        if (self.calm || self.dice.one_in(4)) && command.documents.is_empty() {
            let document = Document {
                kind: DocumentKind::new(&"i".repeat(60)).expect("it is short enough"),
                id: DocumentId::new(&"7".repeat(60)).expect("it is short enough"),
            };
            command.documents = std::iter::repeat_n(document, 16).collect();
        }
        command
    }

    fn ask_next(&mut self) -> Checked {
        match self.next_command() {
            None => self.tick(),
            Some(command) => {
                let command = self.named(command);
                self.ask(Question::One(command))
            }
        }
    }

    fn ask_unit(&mut self) -> Checked {
        let size = 1 + self.dice.below(4);
        let mut commands: Vec<Command> = (0..size).filter_map(|_| self.next_command()).collect();
        if self.dice.one_in(4) && !self.checker.callers.issued.is_empty() {
            commands.push(self.earlier());
        }
        let commands: Vec<Command> = commands.into_iter().map(|command| self.named(command)).collect();
        if commands.is_empty() {
            return Ok(());
        }
        self.ask(Question::Unit(commands))
    }

    fn earlier(&mut self) -> Command {
        let count = self.checker.callers.issued.len();
        let at = self.dice.below(count);
        self.checker.callers.issued[at].clone()
    }

    /// The same delivery once more, several times in one instant.
    fn ask_again(&mut self) -> Checked {
        let command = self.earlier();
        for _ in 0..=self.dice.below(3) {
            self.ask(Question::One(command.clone()))?;
        }
        self.tally.count("retries");
        Ok(())
    }

    fn ask(&mut self, what: Question) -> Checked {
        if self.latched {
            self.tally.count("refused: latched");
            return Ok(());
        }
        let prepare =
            |command: &Command| Prepared::new(command.clone(), || unreachable!("every command here has an id"));
        let work = match &what {
            Question::One(command) => Work::Each(SmallVec::from_iter([prepare(command)])),
            Question::Unit(commands) => match commands.iter().map(prepare).collect::<Result<Vec<_>, _>>() {
                Ok(prepared) => Work::Unit(prepared),
                // Its form alone refuses it, before the ledger sees it.
                Err(_) => return Ok(()),
            },
            Question::Would(command) => match prepare(command) {
                Ok(prepared) => Work::Would(Box::new(prepared)),
                Err(_) => return Ok(()),
            },
            Question::AcceptClock => Work::AcceptClock(keeper(), None),
        };
        self.checker.callers.asked(&what);
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let reading = self.machine.clock.reading();
        let opened = self.opened();
        let was_empty = opened.writer.drafted().0 == 0;
        opened.writer.take(work, ticket, reading);
        let recorded_at = opened.writer.state().recorded_at();
        let now = if was_empty { reading.wall.max(recorded_at) } else { recorded_at };
        let rests_on = opened.writer.state().next_seq();
        self.asked.insert(ticket, Asked { what, rests_on, now });
        Ok(())
    }

    // The spine.

    fn tick(&mut self) -> Checked {
        let reading = self.machine.clock.reading();
        if !self.latched {
            self.opened().writer.tick(reading);
        }
        Ok(())
    }

    fn send_or_commit(&mut self) -> Checked {
        if self.latched {
            return Ok(());
        }
        match self.flight.take() {
            Some(group) => self.commit(group),
            // Some committers are slow, so that groups of several frames come together.
            None if self.slow && self.opened().writer.drafted().0 < 30 && !self.dice.one_in(12) => Ok(()),
            None => {
                self.flight = self.opened().writer.seal();
                Ok(())
            }
        }
    }

    /// What the committer's and the writer's threads do, in one go.
    fn commit(&mut self, group: Group<Ticket>) -> Checked {
        let first = group.events.first().map_or(Seq(u64::MAX), |recorded| recorded.seq);
        let behind = group.events.last().map_or(first, |recorded| recorded.seq.next());
        match self.opened().committer.commit(group) {
            Committed::Durable(replies, next) => {
                self.tally.count("groups");
                self.checker.look(&self.machine.disk)?;
                self.release(replies)?;
                self.opened().writer.durable(next);
                if self.dice.one_in(10) {
                    self.check_state()?;
                }
                Ok(())
            }
            Committed::NotWritten(replies, error) => {
                self.tally.count("groups not written");
                let mut replies = replies;
                replies.iter_mut().for_each(|(_, answer)| not_written(answer, first, &error));
                self.release(replies)?;
                let durable = self.opened().published.read(Clone::clone);
                let from = durable.head.next_seq;
                let mut behind = self.opened().writer.fall_back(durable.state, durable.head);
                behind.iter_mut().for_each(|(_, answer)| not_written(answer, from, &error));
                self.release(behind)
            }
            Committed::Latched(mut replies, _) => {
                self.tally.count("latches");
                self.latched = true;
                self.in_doubt = Some(behind);
                replies.iter_mut().for_each(|(_, answer)| outcome_unknown(answer, first));
                self.release(replies)?;
                let durable = self.opened().published.read(Clone::clone);
                let mut later = self.opened().writer.fall_back(durable.state, durable.head);
                later.iter_mut().for_each(|(_, answer)| not_appended(answer, first, behind));
                self.release(later)
            }
        }
    }

    fn release(&mut self, replies: Vec<(Ticket, Answer)>) -> Checked {
        for (ticket, answer) in replies {
            let asked = self.asked.remove(&ticket).ok_or("a question was answered twice")?;
            for outcome in outcomes(&answer) {
                let what = named(outcome);
                self.tally.count(what);
                if what == "look-up failed" && !self.files_are_bad {
                    return Err(format!("a look-up failed on sound files: {:?}", outcome.as_ref().err()));
                }
            }
            self.checker.release(&asked, &answer)?;
        }
        Ok(())
    }

    // The follower and its files.

    fn cut_segments(&mut self) {
        let events = if self.calm { 4 } else { 4 + self.dice.below(40) as u64 };
        self.opened().follower.cut_every(events);
    }

    fn follow(&mut self) -> Checked {
        if !self.follower_works {
            return Ok(());
        }
        if self.opened().follower.index().is_dropped() {
            self.tally.count("index begun again");
        }
        let opened = self.opened();
        if opened.follower.step(Duration::ZERO).is_err() {
            self.follower_works = false;
            self.tally.count("follower stopped");
        }
        let opened = self.opened();
        let indexed = opened.follower.progress().indexed.load(Ordering::Acquire);
        opened.writer.covered(Seq(indexed));
        Ok(())
    }

    fn checkpoint(&mut self) -> Checked {
        if self.follower_works {
            self.opened().follower.checkpoint();
            self.tally.count("checkpoints");
        }
        Ok(())
    }

    fn some_files(&mut self) -> MemoryFiles {
        match self.dice.one_in(2) {
            true => self.machine.index.clone(),
            false => self.machine.checkpoints.clone(),
        }
    }

    fn plan_file_fault(&mut self) -> Checked {
        let files = self.some_files();
        let fault = if self.dice.one_in(2) { FileFault::Lost } else { FileFault::Persisted };
        files.fail_call(files.calls() + self.dice.below(6) as u64, fault);
        self.files_are_bad = true;
        Ok(())
    }

    fn rot(&mut self) -> Checked {
        let files = self.some_files();
        let names = files.list().unwrap_or_default();
        if names.is_empty() {
            return Ok(());
        }
        let name = &names[self.dice.below(names.len())];
        self.files_are_bad = true;
        self.tally.count("rot");
        match self.dice.below(3) {
            0 => drop(files.remove(name)),
            1 => {
                let bit = self.dice.number();
                let flip = |bytes: &mut Vec<u8>| {
                    let at = (bit >> 3) as usize % bytes.len().max(1);
                    bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << (bit & 7));
                };
                files.damage(name, flip);
            }
            _ => {
                let keep = self.dice.number();
                files.damage(name, |bytes| bytes.truncate(keep as usize % bytes.len().max(1)));
            }
        }
        Ok(())
    }

    // What goes wrong.

    fn plan_store_fault(&mut self) -> Checked {
        let fault = match self.dice.below(4) {
            0 => Fault::FailedAndLost,
            1 => Fault::FailedButPersisted,
            2 => Fault::ShortWrite { frames: self.dice.below(4) },
            _ => Fault::Full,
        };
        self.machine.disk.plan(FaultPlan::none().fail(1 + self.dice.below(4) as u64, fault));
        Ok(())
    }

    fn step_clock(&mut self) -> Checked {
        let micros = match self.dice.below(4) {
            0 => CLOCK_STEP_MICROS_MAX / 2,
            1 => -CLOCK_STEP_MICROS_MAX / 2,
            2 => CLOCK_STEP_MICROS_MAX * 2,
            _ => -CLOCK_STEP_MICROS_MAX * 2,
        };
        self.machine.clock.step(micros);
        self.tally.count("clock steps");
        Ok(())
    }

    /// The machine stops where it stands.
    fn crash(&mut self) -> Checked {
        self.tally.count("crashes");
        let seed = self.dice.number();
        self.machine.disk.crash(seed);
        self.reopen()
    }

    /// Everything that was asked is finished, where that is possible; then the ledger is closed and opened.
    fn restart(&mut self) -> Checked {
        self.settle()?;
        self.tally.count("restarts");
        self.reopen()
    }

    fn settle(&mut self) -> Checked {
        while !self.latched && (self.flight.is_some() || self.opened().writer.drafted() != (0, 0)) {
            self.send_or_commit()?;
        }
        Ok(())
    }

    fn reopen(&mut self) -> Checked {
        // What was on its way may be there whole, or not at all.
        let whole = self.flight.as_ref().and_then(|group| group.bytes.as_ref()).map(|bytes| bytes.head().next_seq);
        let whole = self.in_doubt.take().or(whole);
        let before = self.checker.durable();
        drop(self.opened.take());
        self.flight = None;
        let asked = std::mem::take(&mut self.asked);
        self.checker.abandoned(asked.values());
        let (index, checkpoints) = (self.machine.index.crash(), self.machine.checkpoints.crash());
        (self.machine.index, self.machine.checkpoints) = (index, checkpoints);
        if !self.calm && self.dice.one_in(12) {
            self.machine.index = MemoryFiles::new();
        }
        if !self.calm && self.dice.one_in(12) {
            self.machine.checkpoints = MemoryFiles::new();
        }
        if !self.calm {
            self.machine.disk.plan(FaultPlan::none());
            self.plan_for_opening()?;
        }
        let frames = self.machine.disk.frames().len();
        self.open()?;
        if self.machine.disk.frames().len() < frames {
            self.tally.count("tails dropped");
        }
        self.latched = false;
        self.follower_works = true;
        self.cut_segments();
        self.checker.look(&self.machine.disk)?;
        let after = self.checker.durable();
        if after != before && Some(after) != whole {
            return Err(format!("of the events from {before} to {whole:?} in a group those below {after} survived"));
        }
        self.check_state()?;
        let durable = self.opened().published.read(Clone::clone);
        self.checker.check_log(&self.machine.disk, &durable)?;
        self.checker.callers.all_is_known();
        Ok(())
    }

    /// The first attempt may fail, and changes nothing then; without faults it has to work.
    fn open(&mut self) -> Checked {
        let attempt = |machine: &Machine| open_parts(machine.parts(), &machine.options);
        if let Ok(opened) = attempt(&self.machine) {
            self.opened = Some(opened);
            return Ok(());
        }
        self.tally.count("openings that failed");
        self.machine.disk.plan(FaultPlan::none());
        (self.machine.index, self.machine.checkpoints) = (self.machine.index.crash(), self.machine.checkpoints.crash());
        let opened = attempt(&self.machine).or_else(|error| {
            // An index that can't be read may be deleted at any time.
            if !self.files_are_bad {
                return Err(format!("it does not open: {error}"));
            }
            self.machine.index = MemoryFiles::new();
            attempt(&self.machine).map_err(|error| format!("without an index it does not open: {error}"))
        })?;
        self.opened = Some(opened);
        Ok(())
    }

    /// Opening changes the disk only where a tail is to be dropped, and reads derived files.
    fn plan_for_opening(&mut self) -> Checked {
        if self.dice.one_in(3) {
            let fault = if self.dice.one_in(2) { Fault::FailedAndLost } else { Fault::FailedButPersisted };
            self.machine.disk.plan(FaultPlan::none().fail(1, fault));
        }
        if self.dice.one_in(4) {
            self.plan_file_fault()?;
        }
        Ok(())
    }

    fn check_state(&mut self) -> Checked {
        let durable = self.opened().published.read(Clone::clone);
        let now = self.machine.clock.wall().max(durable.state.recorded_at());
        self.checker.check_state(&durable, now)
    }

    /// Without faults, on derived files that are new, everything works again, and everything acknowledged is there.
    fn finish(&mut self) -> Checked {
        self.machine.disk.plan(FaultPlan::none());
        self.restart()?;
        self.machine.disk.plan(FaultPlan::none());
        (self.machine.index, self.machine.checkpoints) = (MemoryFiles::new(), MemoryFiles::new());
        self.files_are_bad = false;
        self.reopen()?;
        if self.opened().writer.read_only().is_some() {
            self.ask(Question::AcceptClock)?;
        }
        let mut again: Vec<Command> = self.checker.callers.issued.clone();
        // A till's delta may have been a repeat under its external id alone: its command id is free then.
        again.retain(|command| {
            let receipt = self.checker.callers.receipts.get(&callers::key_of(command));
            receipt.is_some_and(|receipt| receipt.repeat == Repeat::First || !matches!(command.act, Act::PosDelta(_)))
        });
        let acknowledged = again.len();
        for command in again {
            self.ask(Question::One(command))?;
        }
        let before = self.tally.0.get("duplicates").copied().unwrap_or(0);
        self.settle()?;
        let duplicates = self.tally.0.get("duplicates").copied().unwrap_or(0) - before;
        if duplicates != acknowledged as u64 {
            return Err(format!("of {acknowledged} acknowledged commands asked again {duplicates} are repeats"));
        }
        self.check_state()
    }
}

fn outcomes(answer: &Answer) -> &[counterfoil::ledger::Outcome] {
    match answer {
        Answer::Outcomes(outcomes) => outcomes,
        Answer::Foreseen(_) => &[],
    }
}

fn named(outcome: &counterfoil::ledger::Outcome) -> &'static str {
    match outcome {
        Ok(receipt) if receipt.repeat == Repeat::First => "accepted",
        Ok(_) => "duplicates",
        Err(SubmitError::Rejected(_)) => "rejected",
        Err(SubmitError::OutcomeUnknown) => "unknown",
        Err(SubmitError::NotAppended) => "not appended",
        Err(SubmitError::ReadOnly(_)) => "read-only",
        Err(SubmitError::Store(_)) => "disk full",
        Err(SubmitError::LookupFailed(_)) => "look-up failed",
        Err(SubmitError::UnitRefused { .. }) => "refused with its unit",
        Err(_) => "other",
    }
}

fn keeper() -> Actor {
    Actor::asserted(ActorId::new("keeper").expect("it is short"))
}

fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|value| value.parse().ok())
}

/// Runs the seeds on as many threads as there are processors; what fails names its seed.
fn run_seeds(seeds: std::ops::Range<u64>) -> Tally {
    let next = AtomicU64::new(seeds.start);
    let run = || {
        let mut tally = Tally::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return Ok(tally);
            }
            let mut world = World::new(seed, STEPS);
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.run()));
            let problem = match outcome {
                Ok(Ok(())) => {
                    world.tally.0.into_iter().for_each(|(what, times)| *tally.0.entry(what).or_default() += times);
                    continue;
                }
                Ok(Err(problem)) => problem,
                Err(_) => "it panicked, see above".to_owned(),
            };
            next.store(seeds.end, Ordering::Relaxed);
            let left = world.steps.len();
            return Err(format!(
                "seed {seed}, {left} steps before its end: {problem}\n  \
                 again: COUNTERFOIL_SIM_SEED={seed} cargo test --release --test it simulation"
            ));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let results: Vec<Result<Tally, String>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        workers.into_iter().map(|worker| worker.join().expect("it catches its panics")).collect()
    });
    let mut all = Tally::default();
    for result in results {
        match result {
            Ok(tally) => tally.0.into_iter().for_each(|(what, times)| *all.0.entry(what).or_default() += times),
            Err(problem) => panic!("{problem}"),
        }
    }
    all
}

#[test]
fn whatever_goes_wrong_what_was_answered_holds() {
    let seeds = match number_of("COUNTERFOIL_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number_of("COUNTERFOIL_SIM_SEEDS").unwrap_or(if cfg!(debug_assertions) { 200 } else { 2_000 }),
    };
    let count = seeds.end - seeds.start;
    let tally = run_seeds(seeds);
    println!("{count} seeds: {:#?}", tally.0);
    if count < 100 {
        return;
    }
    let expected = [
        "accepted",
        "duplicates",
        "rejected",
        "unknown",
        "not appended",
        "read-only",
        "disk full",
        "index begun again",
        "refused with its unit",
        "groups",
        "groups not written",
        "latches",
        "crashes",
        "restarts",
        "checkpoints",
        "follower stopped",
        "tails dropped",
        "openings that failed",
        "rot",
        "clock steps",
        "retries",
    ];
    let missing: Vec<&&str> = expected.iter().filter(|what| !tally.0.contains_key(**what)).collect();
    assert!(missing.is_empty(), "the simulation has become too tame, it never saw {missing:?}");
}
