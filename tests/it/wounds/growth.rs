//! A ledger that grows by processes that are killed, and how many events they had acknowledged.

use super::{EVENTS_OF_SHOP, hold, receipt};
use crate::cmd::shop;
use crate::simulation::Dice;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// After so many rounds a ledger is made afresh.
const ROUNDS_PER_LEDGER: u64 = 40;

/// How many rounds are wanted; `COUNTERFOIL_ROUNDS` says so.
pub fn wanted() -> u64 {
    let wanted = std::env::var("COUNTERFOIL_ROUNDS").ok().and_then(|text| text.parse().ok());
    wanted.unwrap_or(if cfg!(debug_assertions) { 20 } else { 100 })
}

/// Plays as many rounds as are wanted, each on what was left by those before it, and counts what came out. The dice of a
/// round follow from `COUNTERFOIL_ROUNDS_SEED` and its number. Where a round goes wrong all is left where it is.
pub fn play(what: &str, mut round: impl FnMut(&mut Grown, &Path, &mut Dice) -> Result<&'static str, String>) {
    let seed: u64 = std::env::var("COUNTERFOIL_ROUNDS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let home = tempfile::tempdir().unwrap();
    let mut grown = Grown::new(home.path(), 0);
    let (rounds, mut counts) = (wanted(), std::collections::BTreeMap::<_, u64>::new());
    for number in 0..rounds {
        if number > 0 && number % ROUNDS_PER_LEDGER == 0 {
            std::fs::remove_dir_all(&grown.dir).unwrap();
            grown = Grown::new(home.path(), number);
        }
        match round(&mut grown, home.path(), &mut Dice::new(seed << 32 | number)) {
            Ok(found) => *counts.entry(found).or_default() += 1,
            Err(wrong) => panic!("{what}, seed {seed}, round {number}: {wrong}\nsee {}", home.keep().display()),
        }
    }
    println!("{what}: {rounds} rounds, {counts:?}");
}

/// A ledger and what it must hold.
pub struct Grown {
    pub dir: PathBuf,
    /// Events that were acknowledged.
    pub events: u64,
}

impl Grown {
    fn new(home: &Path, number: u64) -> Self {
        let place = home.join(number.to_string());
        std::fs::create_dir(&place).unwrap();
        Self { dir: shop(&place), events: EVENTS_OF_SHOP }
    }

    /// Lets a process append until it is killed.
    pub fn grow(&mut self, dice: &mut Dice) {
        let acknowledged = Work::any(dice).until_killed(&self.dir);
        self.events = self.events.max(acknowledged);
    }

    /// Holds it against what must be there, and leaves it closed.
    pub fn check(&self) -> Result<(), String> {
        for task in [&super::STOCK[..], &super::VERIFY] {
            let told = super::ask(&self.dir, task);
            hold(told.holds(self.events), || format!("unhurt, {} events: {task:?}: {told:?}", self.events))?;
        }
        Ok(())
    }
}

/// What a process does until it is killed.
#[derive(Debug)]
struct Work {
    commands: usize,
    /// So many arrive at once, and so may become one batch.
    burst: usize,
    lines: usize,
    time: Duration,
}

impl Work {
    fn any(dice: &mut Dice) -> Self {
        let burst = [1, 10, 50, 400, 4_000][dice.below(5)];
        let lines = if dice.one_in(4) { 100 } else { 1 };
        let commands = [5, 60, 300, 2_000, 6_000][dice.below(5)] / lines + 1;
        let milliseconds = [50, 300, 1_000][dice.below(3)];
        Self { commands, burst, lines, time: Duration::from_micros(dice.below(milliseconds * 1_000) as u64) }
    }

    /// The place behind the last event that was acknowledged.
    fn until_killed(self, ledger: &Path) -> u64 {
        let mut child = start(ledger);
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let time = self.time;
        let listener = std::thread::spawn(move || acknowledged(output));
        // Standard input stays open until the process is gone: its end would be an order to close.
        let typist = std::thread::spawn(move || self.type_into(input));
        std::thread::sleep(time);
        child.kill().unwrap();
        child.wait().unwrap();
        drop(typist.join().unwrap());
        listener.join().unwrap()
    }

    fn type_into(self, mut input: ChildStdin) -> ChildStdin {
        let command = receipt(self.lines);
        for sent in (0..self.commands).step_by(self.burst) {
            let burst = command.repeat(self.burst.min(self.commands - sent));
            if input.write_all(burst.as_bytes()).is_err() {
                break;
            }
            if (sent / self.burst).is_multiple_of(3) {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        input
    }
}

/// A process that takes commands.
fn start(ledger: &Path) -> Child {
    let mut tool = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
    tool.args(["apply", "-"]).env("COUNTERFOIL_LEDGER", ledger);
    tool.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// The place behind the last event that these answers name.
fn acknowledged(answers: ChildStdout) -> u64 {
    let seq = |line: String| serde_json::from_str::<Value>(&line).ok()?["seq"].as_u64();
    // A line that was cut off is no JSON.
    BufReader::new(answers).lines().map_while(Result::ok).filter_map(seq).max().map_or(0, |seq| seq + 1)
}

/// Sends so many commands to a process, each behind the answer to the one before it, and kills it.
pub fn killed_behind(commands: usize, ledger: &Path) {
    let mut child = start(ledger);
    let (mut input, mut output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    for _ in 0..commands {
        input.write_all(receipt(1).as_bytes()).unwrap();
        let mut answer = String::new();
        output.read_line(&mut answer).unwrap();
        assert!(answer.contains("accepted"), "{answer}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
