//! `apply`: JSON Lines of commands in, JSON Lines of answers out.
//!
//! Whatever waits is sent as one batch, several batches are under way, and answers leave in order as each is durable.
//! So one line typed into a pipe is answered at once, and a million lines share their syncs.

mod made;
mod reader;
mod tally;

use super::Format;
use super::act::{identified, would};
use super::answer::{IdBy, Told};
use super::context::Context;
use super::failure::Failure;
use super::say::say;
use counterfoil::api::{Invalid, NamedError, Renames, Spoken};
use counterfoil::ledger::{Outcome, SubmitError};
use counterfoil::{Command, CommandId, Ledger};
use made::Made;
use reader::{Input, Piece, lines_of};
use serde::Serialize;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use tally::Tally;
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;

/// Commands in one batch.
const BATCH_COMMANDS: usize = 8_192;
/// Bytes of text in one batch.
const BATCH_BYTES: usize = 4 << 20;
/// Batches that may be under way.
const UNDER_WAY_MAX: usize = 4;

/// Apply commands from JSON Lines, and answer each in order.
///
/// The answers are JSON Lines whatever the format.
#[derive(Debug, clap::Args)]
#[command(after_help = r#"Examples:
  counterfoil apply commands.jsonl > answers.jsonl
  echo '{"actor":"anna","act":{"kind":"receive","lines":[{"sku":"MUG-BLUE","location":"SHOP","quantity":12}]}}' |
    counterfoil apply -

A command names things by sku, location and lot, or by ids in a position; see `counterfoil events --format json` for ids.
Quantities beside a sku are in the item's unit: 12, or a decimal as text, "1.250". Give each command an "id" (a uuid)
and the same input can be applied again: what is in the log already is answered with its first receipt.

Answers have a "line" and a "status": accepted, rejected (with code, message, details), invalid (with path), unable
(the ledger can't write; no more lines are taken) or unknown (send it again with the same id).
The exit code is 1 where any was rejected or invalid, 4 where any was unable (those were not appended; what is answered
as accepted was), 5 where any is unknown or where commands were appended whose answers could not be written."#)]
pub struct Args {
    /// The commands; - for standard input.
    #[arg(value_name = "FILE", default_value = "-", value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
}

impl Args {
    fn lines(&self) -> Result<Receiver<Piece>, Failure> {
        if self.file.as_os_str() == "-" {
            return Ok(lines_of(std::io::stdin()));
        }
        match File::open(&self.file) {
            Ok(file) if file.metadata().is_ok_and(|about| about.is_dir()) => {
                Err(Failure::Refused(format!("{} can't be read: it is a directory, not a file", self.file.display())))
            }
            Ok(file) => Ok(lines_of(file)),
            Err(error) => Err(Failure::Refused(format!("{} can't be read: {error}", self.file.display()))),
        }
    }
}

/// Applies them.
pub async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let mut lines = args.lines()?;
    let summary = wants_summary(context);
    context
        .with_ledger(async |ledger, context| {
            let mut apply = Apply::new(ledger, &mut *context.out);
            let stopped = apply.all(&mut lines).await.err();
            apply.rest().await;
            let tally = apply.tally;
            tell(&tally, summary && stopped.is_none());
            tally.settle(stopped, context.outcomes);
            Ok(())
        })
        .await
}

/// Says what would happen to each alone, as things are now.
pub async fn foresee(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let mut lines = args.lines()?;
    let summary = wants_summary(context);
    let told = context.with_ledger(async |ledger, context| {
        let mut tally = Tally::default();
        while let Some(piece) = lines.recv().await {
            for input in piece.map_err(unreadable)? {
                let told = match read(ledger, &input) {
                    Ok(command) => would(ledger, command).await?,
                    Err(error) => Told::not_understood(error),
                };
                tally.count(&told);
                write_answer(&mut *context.out, input.line, &told)?;
            }
            context.out.flush()?;
        }
        tell(&tally, summary);
        tally.done()
    });
    told.await
}

fn wants_summary(context: &Context<'_>) -> bool {
    context.format() == Format::Table && std::io::stderr().is_terminal()
}

/// Tells people the figures, where no failure says them.
fn tell(tally: &Tally, is_wanted: bool) {
    if is_wanted && tally.done().is_ok() {
        say(tally.text());
    }
}

fn unreadable(error: std::io::Error) -> Failure {
    Failure::Refused(format!("the input can't be read: {error}"))
}

/// An answer, with the line that it is for.
#[derive(Serialize)]
struct Answer<'a> {
    line: u64,
    #[serde(flatten)]
    told: &'a Told,
}

fn write_answer(out: &mut dyn Write, line: u64, told: &Told) -> Result<(), Failure> {
    serde_json::to_writer(&mut *out, &Answer { line, told })?;
    Ok(out.write_all(b"\n")?)
}

fn unreadable_line(problem: &str) -> NamedError {
    NamedError::Invalid(Invalid { path: String::new(), problem: problem.to_owned() })
}

fn spoken(input: &Input) -> Result<Spoken<'_>, NamedError> {
    let text = input.text.as_deref().map_err(|problem| unreadable_line(problem))?;
    Ok(Spoken::parse(text)?)
}

fn read(ledger: &Ledger, input: &Input) -> Result<Command, NamedError> {
    let spoken = spoken(input)?;
    ledger.query(|state, _| spoken.command(state))
}

/// A batch under way.
struct Batch {
    number: u64,
    slots: Vec<Slot>,
    /// Names that it makes or changes.
    names: Vec<String>,
    outcomes: JoinHandle<Result<Vec<Outcome>, SubmitError>>,
}

/// A line of a batch.
struct Slot {
    line: u64,
    what: Asked,
}

/// What became of a line.
enum Asked {
    /// It is answered already.
    Told(Box<Told>),
    /// The ledger was asked, under this id.
    Sent(CommandId, IdBy),
}

/// The lines that wait, the batches under way, and what was answered.
struct Apply<'a> {
    ledger: &'a Ledger,
    out: &'a mut dyn Write,
    waiting: VecDeque<Input>,
    under_way: VecDeque<Batch>,
    next_batch: u64,
    made: Made,
    /// The batch that must be done before the next line can be read.
    barrier: Option<u64>,
    tally: Tally,
}

impl<'a> Apply<'a> {
    fn new(ledger: &'a Ledger, out: &'a mut dyn Write) -> Self {
        Self {
            ledger,
            out,
            waiting: VecDeque::new(),
            under_way: VecDeque::new(),
            next_batch: 0,
            made: Made::default(),
            barrier: None,
            tally: Tally::default(),
        }
    }

    async fn all(&mut self, lines: &mut Receiver<Piece>) -> Result<(), Failure> {
        let mut is_open = true;
        loop {
            self.send(lines)?;
            if self.tally.is_stuck() {
                self.waiting.clear();
                lines.close();
                is_open = false;
            }
            if self.under_way.is_empty() && self.waiting.is_empty() && !is_open {
                return Ok(());
            }
            tokio::select! {
                biased;
                outcomes = first(&mut self.under_way), if !self.under_way.is_empty() => self.answer(outcomes)?,
                piece = lines.recv(), if is_open && self.waiting.is_empty() => match piece {
                    Some(piece) => self.waiting.extend(piece.map_err(unreadable)?),
                    None => is_open = false,
                },
                else => return Ok(()),
            }
        }
    }

    /// Waits for what is under way where nobody can be told any more, and counts it.
    async fn rest(&mut self) {
        while !self.under_way.is_empty() {
            let outcomes = first(&mut self.under_way).await;
            for (_, told, by) in self.told(outcomes) {
                self.tally.count_untold(&told, by);
            }
        }
    }

    /// Sends what waits, as far as there is room and names allow.
    fn send(&mut self, lines: &mut Receiver<Piece>) -> Result<(), Failure> {
        while !self.waiting.is_empty() && self.under_way.len() < UNDER_WAY_MAX && !self.is_barred() {
            while self.waiting.len() < BATCH_COMMANDS
                && let Ok(piece) = lines.try_recv()
            {
                self.waiting.extend(piece.map_err(unreadable)?);
            }
            self.send_one();
        }
        Ok(())
    }

    fn is_barred(&self) -> bool {
        match (self.barrier, self.under_way.front()) {
            (Some(barrier), Some(first)) => first.number <= barrier,
            _ => false,
        }
    }

    fn send_one(&mut self) {
        let number = self.next_batch;
        let (mut slots, mut names, mut commands, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), 0);
        self.barrier = None;
        while commands.len() < BATCH_COMMANDS && slots.len() < 2 * BATCH_COMMANDS && bytes < BATCH_BYTES {
            let Some(input) = self.waiting.pop_front() else { break };
            let what = match self.read(&input) {
                Ok(command) => {
                    self.made.note(number, &Renames::of(&command.act), &mut names);
                    let (command, id, by) = identified(command);
                    commands.push(command);
                    Asked::Sent(id, by)
                }
                Err(Unread::Until(batch)) => {
                    self.barrier = Some(batch);
                    self.waiting.push_front(input);
                    break;
                }
                Err(Unread::For(error)) => Asked::Told(Box::new(Told::not_understood(error))),
            };
            bytes += input.text.as_ref().map_or(0, String::len);
            slots.push(Slot { line: input.line, what });
        }
        if slots.is_empty() {
            return;
        }
        self.next_batch += 1;
        let ledger = self.ledger.clone();
        // Tasks of this runtime begin in the order in which they were spawned, so batches stay in order.
        let outcomes = tokio::spawn(async move { ledger.submit_batch(commands).await });
        self.under_way.push_back(Batch { number, slots, names, outcomes });
    }

    fn read(&self, input: &Input) -> Result<Command, Unread> {
        let spoken = spoken(input).map_err(Unread::For)?;
        match self.made.waits_for(&spoken) {
            Some(batch) => Err(Unread::Until(batch)),
            None => self.ledger.query(|state, _| spoken.command(state)).map_err(Unread::For),
        }
    }

    /// Answers the batch that was sent first. Where not all of it can be written, nobody knows how much of it was read.
    fn answer(&mut self, outcomes: Result<Vec<Outcome>, SubmitError>) -> Result<(), Failure> {
        let mut untold = self.tally;
        let mut wrote = Ok(());
        for (line, told, by) in self.told(outcomes) {
            self.tally.count(&told);
            untold.count_untold(&told, by);
            if wrote.is_ok() {
                wrote = write_answer(self.out, line, &told);
            }
        }
        let wrote = wrote.and_then(|()| Ok(self.out.flush()?));
        if wrote.is_err() {
            self.tally = untold;
        }
        wrote
    }

    /// The answers of the batch that was sent first, with their lines and with who gave the ids.
    fn told(
        &mut self,
        outcomes: Result<Vec<Outcome>, SubmitError>,
    ) -> impl Iterator<Item = (u64, Told, IdBy)> + use<'a> {
        let batch = self.under_way.pop_front();
        if let Some(batch) = &batch {
            self.made.done(batch.number, &batch.names);
        }
        let ledger = self.ledger;
        let mut outcomes = outcomes.map(Vec::into_iter);
        batch.into_iter().flat_map(|batch| batch.slots).map(move |slot| match slot.what {
            Asked::Told(told) => (slot.line, *told, IdBy::Caller),
            Asked::Sent(id, by) => {
                let outcome = match &mut outcomes {
                    Ok(outcomes) => outcomes.next().unwrap_or(Err(SubmitError::OutcomeUnknown)),
                    Err(error) => Err(error.clone()),
                };
                (slot.line, Told::of(ledger, outcome, id, by), by)
            }
        })
    }
}

/// Why a line is not a command to be sent.
enum Unread {
    /// It uses names of this batch, which must be done first.
    Until(u64),
    /// It is none, or names what is not there.
    For(NamedError),
}

/// The outcomes of the batch that was sent first.
async fn first(under_way: &mut VecDeque<Batch>) -> Result<Vec<Outcome>, SubmitError> {
    match under_way.front_mut() {
        Some(batch) => (&mut batch.outcomes).await.unwrap_or(Err(SubmitError::OutcomeUnknown)),
        None => Ok(Vec::new()),
    }
}
