//! The checker: knows what was acknowledged and what is durable, and feeds the model with it.

use super::callers::{Asked, Callers, Question, key_of};
use crate::agree::same_figures;
use crate::model::Model;
use crate::spine::Figures;
use crate::subject::{Numbers, Outcome, Subject, essence};
use counterfoil::audit;
use counterfoil::domain::command::{Command, PosDelta};
use counterfoil::domain::event::{Body, Expired, UnitMark};
use counterfoil::domain::ids::{Seq, Timestamp};
use counterfoil::domain::rejection::Rejection;
use counterfoil::ledger::parts::{Answer, Durable};
use counterfoil::ledger::{Foreseen, Outcome as Answered, Receipt, Repeat, SubmitError};
use counterfoil::log::memory_store::MemoryDisk;
use counterfoil::log::{Hash, Head, Scanned, scan};
use std::collections::VecDeque;

pub struct Checker {
    pub model: Model,
    pub callers: Callers,
    /// Hashes of all durable events.
    hashes: Vec<Hash>,
    head: Head,
    /// Durable events that the model has not seen yet.
    waiting: VecDeque<Scanned>,
    pub answers: u64,
}

type Checked = Result<(), String>;

impl Checker {
    pub fn new() -> Self {
        Self {
            model: Model::default(),
            callers: Callers::default(),
            hashes: Vec::new(),
            head: Head::EMPTY,
            waiting: VecDeque::new(),
            answers: 0,
        }
    }

    /// The place behind the last durable event.
    pub fn durable(&self) -> Seq {
        self.head.next_seq
    }

    /// Reads what has become durable: what the disk would have after a crash now.
    pub fn look(&mut self, disk: &MemoryDisk) -> Checked {
        let survivor = disk.survivor();
        let mut unit = UnitMark::Ends;
        for scanned in scan(&survivor, self.head) {
            let scanned = scanned.map_err(|fault| format!("the durable log: {fault}"))?;
            self.hashes.push(scanned.hash);
            self.head = Head { next_seq: scanned.seq.next(), hash: scanned.hash };
            unit = scanned.event.envelope.unit;
            self.waiting.push_back(scanned);
        }
        match unit {
            UnitMark::Ends => Ok(()),
            _ => Err(format!("the durable log ends before {} in the middle of a unit", self.head.next_seq)),
        }
    }

    /// The model takes the durable events below this one.
    fn advance(&mut self, until: Seq) -> Checked {
        while self.waiting.front().is_some_and(|next| next.seq < until) {
            let Some(scanned) = self.waiting.pop_front() else { break };
            self.take(&scanned).map_err(|problem| format!("event {}: {problem}", scanned.seq))?;
        }
        Ok(())
    }

    fn take(&mut self, scanned: &Scanned) -> Checked {
        let (seq, envelope) = (scanned.seq, &scanned.event.envelope);
        let now = envelope.recorded_at;
        let Some(id) = envelope.command_id else {
            return match &scanned.event.body {
                Body::Expired(Expired { reservations }) => self.model.expire(reservations, now, seq),
                Body::Genesis(_) => Ok(()),
                _ => {
                    self.model.skip(now, seq);
                    Ok(())
                }
            };
        };
        let command = self.callers.may_have_happened((id, envelope.digest))?;
        match self.model.apply(command, now, seq) {
            Outcome::Accepted(_) => Ok(()),
            other => Err(format!("it is in the log, the model says {other:?} to {command:?}")),
        }
    }

    /// An answer is on its way to its caller.
    pub fn release(&mut self, asked: &Asked, answer: &Answer) -> Checked {
        self.answers += 1;
        match (&asked.what, answer) {
            (Question::One(command), Answer::Outcomes(outcomes)) => match outcomes.as_slice() {
                [outcome] => self.outcome(asked, command, outcome),
                _ => Err("one command has one outcome".into()),
            },
            (Question::Unit(commands), Answer::Outcomes(outcomes)) => self.unit(asked, commands, outcomes),
            (Question::Would(command), Answer::Foreseen(foreseen)) => self.foreseen(asked, command, foreseen),
            (Question::AcceptClock, Answer::Outcomes(outcomes)) => match outcomes.as_slice() {
                [Ok(receipt)] => self.is_durable(receipt),
                _ => Ok(()),
            },
            _ => Err(format!("{:?} was answered with {answer:?}", asked.what)),
        }
        .map_err(|problem| format!("{:?} answered {answer:?}: {problem}", asked.what))
    }

    fn is_durable(&self, receipt: &Receipt) -> Checked {
        match self.hashes.get(receipt.seq.0 as usize) {
            None => Err(format!("event {} is not durable when its receipt is given", receipt.seq)),
            Some(hash) if *hash != receipt.hash => Err(format!("event {} has another hash", receipt.seq)),
            Some(_) => Ok(()),
        }
    }

    /// Whatever was decided on is durable.
    fn rests_on_durable(&mut self, asked: &Asked) -> Checked {
        match asked.rests_on <= self.durable() {
            true => self.advance(asked.rests_on),
            false => Err(format!("it rests on events below {}, durable below {}", asked.rests_on, self.durable())),
        }
    }

    fn outcome(&mut self, asked: &Asked, command: &Command, outcome: &Answered) -> Checked {
        let unknown = matches!(outcome, Err(SubmitError::OutcomeUnknown));
        let checked = match outcome {
            Ok(receipt) => self.receipt(command, receipt),
            Err(SubmitError::Rejected(rejection)) => {
                self.rests_on_durable(asked)?;
                refused(&mut self.model, command, rejection, asked.now)
            }
            Err(_) => Ok(()),
        };
        self.callers.answered(command, unknown);
        checked
    }

    fn receipt(&mut self, command: &Command, receipt: &Receipt) -> Checked {
        self.is_durable(receipt)?;
        self.advance(receipt.seq.next())?;
        if self.model.first_receipt(command) != Some(receipt.seq) {
            return Err(format!("in the model it is {:?}", self.model.first_receipt(command)));
        }
        let key = key_of(command);
        let known = self.callers.receipts.get(&key);
        match (receipt.repeat, known) {
            (Repeat::First, Some(known)) => Err(format!("appended a second time, first as {}", known.seq)),
            (_, Some(known)) if (known.seq, known.hash) != (receipt.seq, receipt.hash) => {
                Err(format!("its first receipt was of {} {}", known.seq, known.hash))
            }
            _ => {
                self.callers.receipts.entry(key).or_insert(*receipt);
                Ok(())
            }
        }
    }

    fn unit(&mut self, asked: &Asked, commands: &[Command], outcomes: &[Answered]) -> Checked {
        if commands.len() != outcomes.len() {
            return Err("each command of a unit has an outcome".into());
        }
        let appended = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        // Commands taken one by one before and asked for again as a unit: each is told what became of it, and a
        // write that failed may have lost the younger ones.
        let again = outcomes.iter().all(|outcome| match outcome {
            Ok(receipt) => receipt.repeat == Repeat::Duplicate,
            Err(error) => {
                matches!(error, SubmitError::NotAppended | SubmitError::OutcomeUnknown | SubmitError::Store(_))
            }
        });
        if appended != 0 && appended != outcomes.len() && !again {
            return Err("a part of a unit was appended".into());
        }
        let mut checked = Ok(());
        for (at, (command, outcome)) in commands.iter().zip(outcomes).enumerate() {
            let one = match outcome {
                Ok(receipt) => self.receipt(command, receipt),
                Err(SubmitError::Rejected(rejection)) => {
                    self.rests_on_durable(asked)?;
                    self.unit_refused(commands, at, rejection, asked.now)
                }
                Err(_) => Ok(()),
            };
            checked = checked.and(one);
            self.callers.answered(command, matches!(outcome, Err(SubmitError::OutcomeUnknown)));
        }
        checked
    }

    /// The commands before it would have been taken, this one not.
    fn unit_refused(&self, commands: &[Command], at: usize, rejection: &Rejection, now: Timestamp) -> Checked {
        let twice = |at: usize| commands[..at].iter().any(|earlier| earlier.id == commands[at].id);
        if matches!(rejection, Rejection::UnitPartlyKnown { .. }) || twice(at) {
            return Ok(());
        }
        let external = |command: &Command| match &command.act {
            counterfoil::domain::command::Act::PosDelta(PosDelta { source, external_id, .. }) => {
                Some((source.clone(), external_id.clone()))
            }
            _ => None,
        };
        let mine = external(&commands[at]);
        if mine.is_some() && commands[..at].iter().any(|earlier| external(earlier) == mine) {
            return Ok(());
        }
        let mut model = self.model.clone();
        for command in &commands[..at] {
            let seq = model.head().next();
            if let Outcome::Rejected(other) = model.apply(command, now, seq) {
                return Err(format!("the model refuses an earlier command of the unit: {other:?}"));
            }
        }
        refused(&mut model, &commands[at], rejection, now)
    }

    fn foreseen(&mut self, asked: &Asked, command: &Command, foreseen: &Result<Foreseen, SubmitError>) -> Checked {
        if matches!(foreseen, Ok(_) | Err(SubmitError::Rejected(_))) {
            self.rests_on_durable(asked)?;
        }
        let seq = self.model.head().next();
        match foreseen {
            Err(SubmitError::Rejected(rejection)) => refused(&mut self.model, command, rejection, asked.now),
            Err(_) => Ok(()),
            Ok(Foreseen::Duplicate(receipt)) => self.is_durable(receipt),
            Ok(Foreseen::Appended(_)) => match self.model.clone().apply(command, asked.now, seq) {
                Outcome::Accepted(_) => Ok(()),
                other => Err(format!("the model says {other:?}")),
            },
        }
    }

    /// The machine stopped: whoever waits will never be answered.
    pub fn abandoned<'a>(&mut self, asked: impl Iterator<Item = &'a Asked>) {
        for asked in asked {
            for command in asked.what.commands() {
                self.callers.answered(command, true);
            }
        }
    }

    /// What readers see is what is durable, is what the model has.
    pub fn check_state(&mut self, durable: &Durable, now: Timestamp) -> Checked {
        if durable.head != self.head {
            return Err(format!("published up to {}, durable up to {}", durable.head.next_seq, self.head.next_seq));
        }
        self.advance(self.head.next_seq)?;
        let figures = Figures(&durable.state);
        same_figures(&figures, &self.model, now)?;
        for item in self.model.items() {
            if figures.accounts(item).sum() != 0 {
                return Err(format!("the accounts of item {item} do not add up to nothing"));
            }
        }
        Ok(())
    }

    /// After reopening: every receipt is in the log, which verifies; folded it gives what readers see.
    pub fn check_log(&mut self, disk: &MemoryDisk, durable: &Durable) -> Checked {
        let expected = self.callers.receipts.values();
        let expected = expected.map(|receipt| audit::Expected { seq: receipt.seq, hash: receipt.hash }).collect();
        let options = audit::Options { expected, ..audit::Options::default() };
        let report = audit::verify(disk, options).map_err(|error| error.to_string())?;
        if let Some(fault) = report.first_fault {
            return Err(format!("verify: event {}: {} {}", fault.seq, fault.rule, fault.what));
        }
        let replayed = audit::replay(disk, None, |_| {}).map_err(|fault| fault.to_string())?;
        match replayed == durable.state {
            true => Ok(()),
            false => Err("the log folded again gives another state".into()),
        }
    }
}

fn refused(model: &mut Model, command: &Command, rejection: &Rejection, now: Timestamp) -> Checked {
    let seq = model.head().next();
    let said = essence(rejection, &Numbers);
    match model.apply(command, now, seq) {
        Outcome::Rejected(other) if essence(&other, &Numbers) == said => Ok(()),
        other => Err(format!("the model says {other:?}")),
    }
}
