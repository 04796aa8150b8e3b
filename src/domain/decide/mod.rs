//! Deciding: from the state, what was looked up, a command and the time to an event or a rejection.
//!
//! Pure and without surprises: no clock, no disk, no randomness. [`validate`] judges the form of a command alone,
//! [`needs`] says what must be looked up in indexes, [`decide`] does the rest.

mod balance;
mod form;
pub(super) mod lines;
mod naming;

pub use form::validate;
pub(crate) use form::{Form, Range};

use super::command::{Cause, Command};
use super::event::{Body, Commitment, ContentDigest, Envelope, Event, UnitMark};
use super::fields::Field;
use super::ids::{CommandId, ItemId, Moment, Position, Timestamp};
use super::kinds::Nature;
use super::line::{Bucket, Line};
use super::rejection::Rejection;
use super::state::State;
use super::text::OrderRef;
use crate::limits::OCCURRED_AHEAD_MICROS_MAX;
use smallvec::SmallVec;

/// What the writer gives to every event: time, ids, commitment.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// The ledger's clock, one value for the whole group, not before the last event.
    pub now: Timestamp,
    /// The command's id, the caller's or one made for it.
    pub id: CommandId,
    /// The digest of what the caller gave.
    pub digest: ContentDigest,
    /// The commitment to its note.
    pub private: Option<Commitment>,
}

/// What was found in the indexes for one command.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// Per item: what was shipped on the order less what came back, over all locations and lots.
    pub returnable: SmallVec<[(ItemId, i64); 1]>,
    /// Per line of a count: the sum of the bucket's movements that happened after the count's instant.
    pub later: SmallVec<[i64; 1]>,
}

/// What must be looked up before a command can be decided.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Needs {
    /// Nothing: the state is enough, as for most commands.
    #[default]
    Nothing,
    /// What can come back on an order.
    Returnable(OrderRef),
    /// What moved after a late count; one entry per line, none for a line that is not late.
    Later {
        /// The count's moment.
        at: Moment,
        /// The buckets of its lines.
        buckets: SmallVec<[Option<(Position, Bucket)>; 1]>,
    },
}

/// What must be looked up before this command can be decided on this state.
#[must_use]
pub fn needs(state: &State, command: &Command, now: Timestamp) -> Needs {
    command.act.payload().needs(state, command, now)
}

/// Decides a command whose form is valid and whose id is new.
///
/// # Errors
/// The [`Rejection`] with the lowest number among those that apply.
pub fn decide(state: &State, looked: &Looked, command: &Command, stamp: &Stamp) -> Result<Event, Rejection> {
    let mut at = Deciding { state, looked, command, now: stamp.now, order: command.order.clone() };
    let decided = command.act.payload().decide(&mut at);
    let mut lowest = Lowest::default();
    lowest.judge(naming::judge(command));
    lowest.judge(in_time(command, stamp.now));
    lowest.judge(cause_exists(state, command));
    let body = match decided {
        Ok(body) => body,
        Err(rejection) => {
            lowest.offer(rejection.clone());
            lowest.done()?;
            return Err(rejection);
        }
    };
    lowest.done()?;
    Ok(Event { envelope: envelope(command, stamp, at.order), body })
}

/// What a command is decided on.
pub(crate) struct Deciding<'a> {
    pub(super) state: &'a State,
    pub(super) looked: &'a Looked,
    pub(super) command: &'a Command,
    pub(super) now: Timestamp,
    /// The order that the event will belong to: the command's, unless the holds that it acts on say it.
    pub(super) order: Option<OrderRef>,
}

impl Deciding<'_> {
    /// What will order the event's movements.
    pub(super) fn moment(&self) -> Moment {
        Moment::of(self.command.occurred_at, self.now)
    }

    /// Every line's things exist and are as the caller saw them.
    pub(super) fn known(&self, known: &[Line]) -> Result<(), Rejection> {
        let mut lowest = Lowest::default();
        lines::known(self.state, known, &mut lowest);
        lowest.done()
    }

    /// The body, where every balance that it changes stays in the ledger's range.
    pub(super) fn balanced(&self, body: impl Into<Body>) -> Result<Body, Rejection> {
        let body = body.into();
        balance::balances_in_range(self.state, &body, self.moment())?;
        Ok(body)
    }
}

fn envelope(command: &Command, stamp: &Stamp, order: Option<OrderRef>) -> Envelope {
    Envelope {
        recorded_at: stamp.now,
        occurred_at: command.occurred_at,
        command_id: Some(stamp.id),
        digest: stamp.digest,
        actor: command.actor.clone(),
        cause: command.cause.clone(),
        reason: command.reason.clone(),
        order,
        documents: command.documents.clone(),
        private: stamp.private,
        unit: UnitMark::Ends,
        extensions: SmallVec::new(),
    }
}

fn in_time(command: &Command, now: Timestamp) -> Result<(), Rejection> {
    if let Some(deadline) = deadline(command).filter(|deadline| *deadline <= now) {
        let problem = format!("{deadline} is not later than the ledger's clock ({now})");
        return Err(Rejection::InvalidField { field: "deadline", problem });
    }
    match command.occurred_at {
        Some(at) if at > now.plus_micros(OCCURRED_AHEAD_MICROS_MAX) => {
            Err(Rejection::OccurredInFuture { occurred_at: at, now, ahead_micros_max: OCCURRED_AHEAD_MICROS_MAX })
        }
        _ => Ok(()),
    }
}

/// The deadline that a command sets.
fn deadline(command: &Command) -> Option<Timestamp> {
    let mut set = None;
    command.act.payload().fields(&mut |_, field| {
        if let Field::Deadline(deadline) = field {
            set = deadline;
        }
    });
    set
}

fn cause_exists(state: &State, command: &Command) -> Result<(), Rejection> {
    match &command.cause {
        Some(Cause::Event(cause)) if *cause >= state.next_seq() => {
            let head = super::ids::Seq(state.next_seq().0.saturating_sub(1));
            Err(Rejection::CauseNotFound { cause: *cause, head })
        }
        _ => Ok(()),
    }
}

/// Keeps the rejection with the lowest number; of equal ones the first.
#[derive(Default)]
pub(super) struct Lowest(Option<Rejection>);

impl Lowest {
    pub(super) fn offer(&mut self, rejection: Rejection) {
        if self.0.as_ref().is_none_or(|kept| rejection.number() < kept.number()) {
            self.0 = Some(rejection);
        }
    }

    pub(super) fn judge(&mut self, result: Result<(), Rejection>) {
        if let Err(rejection) = result {
            self.offer(rejection);
        }
    }

    pub(super) fn done(self) -> Result<(), Rejection> {
        self.0.map_or(Ok(()), Err)
    }
}

/// Whether a command may say when it happened.
pub(super) fn may_be_dated(command: &Command) -> bool {
    command.act.nature() == Nature::Fact
}
