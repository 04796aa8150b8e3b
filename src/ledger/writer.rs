//! The writer: a state machine that decides in order and drafts groups. It does no I/O beside look-ups in
//! indexes, reads no clock and knows no task; the shell and the simulation drive the same code.

use super::answer::{Outcome, ReadOnly, Receipt, Repeat, SubmitError};
use super::clock_watch::{ClockWatch, Reading};
use super::lookup::{Indexed, Lookup, is_damage};
use super::sources::Entropy;
use crate::domain::command::{Actor, Command};
use crate::domain::decide::{Looked, Stamp, decide, validate};
use crate::domain::difference::first_difference;
use crate::domain::digest::content_digest;
use crate::domain::event::{Body, ClockAccepted, ContentDigest, Envelope, Event, Recorded, UnitMark};
use crate::domain::evolve::evolve;
use crate::domain::housekeeping::{self, next_due, next_event};
use crate::domain::ids::{CommandId, Seq, Timestamp};
use crate::domain::rejection::Rejection;
use crate::domain::state::State;
use crate::domain::text::ReasonCode;
use crate::index::records::{NameKey, external_key};
use crate::limits::{EXPIRY_EVENTS_PER_GROUP_MAX, UNIT_COMMANDS_MAX};
use crate::log::{GroupBuilder, GroupBytes, Head, PrivateText};
use smallvec::SmallVec;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

/// A command whose form is valid, with its id and digest: made on the caller's own time.
#[derive(Clone, Debug)]
pub struct Prepared {
    command: Command,
    id: CommandId,
    digest: ContentDigest,
    external: Option<NameKey>,
    /// Whether it was found out already that the index does not hold its ids.
    indexed: Indexed,
}

impl Prepared {
    /// Judges the form of a command and digests its content.
    ///
    /// # Errors
    /// A rejection of form: `LIMIT_EXCEEDED`, `INVALID_QUANTITY`, `INVALID_FIELD`.
    pub fn new(command: Command, fresh_id: impl FnOnce() -> CommandId) -> Result<Self, Rejection> {
        validate(&command)?;
        let id = command.id.unwrap_or_else(fresh_id);
        let digest = content_digest(&command);
        let external = command.act.external().map(|(source, external_id)| external_key(source, external_id));
        Ok(Self { command, id, digest, external, indexed: Indexed::Perhaps })
    }
}

/// What one caller asks at once.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one command is the common case, and should not cost an allocation")]
pub enum Work {
    /// Each command alone; those whose form was refused already stand there as their outcomes.
    Each(SmallVec<[Result<Prepared, Rejection>; 1]>),
    /// All or none.
    Unit(Vec<Prepared>),
    /// The decision, and nothing appended.
    Would(Box<Prepared>),
    /// An actor accepts the clock as it is.
    AcceptClock(Actor, Option<ReasonCode>),
}

/// What one caller gets at once.
#[derive(Clone, Debug)]
pub enum Answer {
    /// One outcome per command.
    Outcomes(SmallVec<[Outcome; 1]>),
    /// What would happen.
    Foreseen(Result<Foreseen, SubmitError>),
}

/// What would happen to a command if it were submitted now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Foreseen {
    /// It would be appended as this event.
    Appended(Box<Event>),
    /// It is in the log already.
    Duplicate(Receipt),
}

/// A group on its way to the disk: its bytes, its events, and who waits for it.
#[derive(Debug)]
pub struct Group<T> {
    /// What is written; none where nothing was appended, but answers wait for earlier groups.
    pub bytes: Option<GroupBytes>,
    /// The events in it.
    pub events: Arc<Vec<Recorded>>,
    /// Who waits, and what they get once it is durable.
    pub replies: Vec<(T, Answer)>,
}

struct Draft<T> {
    builder: GroupBuilder,
    events: Vec<Recorded>,
    replies: Vec<(T, Answer)>,
    now: Timestamp,
}

/// The writer. `T` is what an answer is sent to.
pub struct Writer<T> {
    state: State,
    head: Head,
    window: VecDeque<Arc<Vec<Recorded>>>,
    draft: Option<Draft<T>>,
    watch: ClockWatch,
    lookup: Lookup,
    entropy: Arc<dyn Entropy>,
    catching_up: Option<ReadOnly>,
    /// The event by which somebody accepted the clock, until it is durable, and what was wrong before.
    accepted: Option<(Seq, ReadOnly)>,
}

#[expect(clippy::large_enum_variant, reason = "it is taken apart at once, and nearly always an event")]
enum Decision {
    Append(Event, Option<PrivateText>),
    Duplicate(Receipt),
}

/// Commands of one message from which on it pays to look their ids up together.
const LOOKED_AHEAD_MIN: usize = 16;

impl<T> Writer<T> {
    /// A writer that goes on where this state and head stand.
    pub fn new(state: State, head: Head, lookup: Lookup, entropy: Arc<dyn Entropy>, reading: Reading) -> Self {
        let watch = ClockWatch::start(reading, state.trusted_clock(), state.recorded_at());
        let (window, draft, catching_up, accepted) = (VecDeque::new(), None, None, None);
        Self { state, head, window, draft, watch, lookup, entropy, catching_up, accepted }
    }

    /// The state with everything decided so far, durable or not.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Why nothing can be written now.
    pub fn read_only(&self) -> Option<ReadOnly> {
        self.watch.fault().or(self.catching_up)
    }

    /// Events and requests that wait to be sealed.
    pub fn drafted(&self) -> (usize, usize) {
        self.draft.as_ref().map_or((0, 0), |draft| (draft.events.len(), draft.replies.len()))
    }

    /// The index covers every event below this one: forget them here.
    pub fn covered(&mut self, covered: Seq) {
        self.lookup.trim(covered);
    }

    /// Events that the index does not cover.
    pub fn uncovered(&self) -> u64 {
        self.head.next_seq.0.saturating_sub(self.lookup.covered().0)
    }

    /// Sets or lifts the state in which the id index does not cover the log.
    pub fn set_catching_up(&mut self, reason: Option<ReadOnly>) {
        self.catching_up = reason;
    }

    /// Why nothing is decided because the id index does not cover the log, where that is so.
    pub const fn catching_up(&self) -> Option<ReadOnly> {
        self.catching_up
    }

    /// Whether the index is built again and an older view of it is asked meanwhile.
    pub fn is_overtaken(&self) -> bool {
        self.lookup.is_overtaken()
    }

    /// Looks at the index as it is now, and reads into memory what the log holds and the index does not cover yet.
    ///
    /// # Errors
    /// [`SubmitError::ReadOnly`] where the index is too far behind for that; [`SubmitError::LookupFailed`] where the log
    /// can't be read.
    pub fn remember_log(&mut self) -> Result<(), SubmitError> {
        // What is not durable yet is not read from the log.
        let window = self.window.iter().flat_map(|events| events.iter());
        let ahead = window.chain(self.draft.iter().flat_map(|draft| draft.events.iter()));
        let until = ahead.clone().next().map_or(self.head.next_seq, |first| first.seq);
        self.lookup.remember_log(until, ahead)
    }

    /// Decides everything that one caller asks, into the draft.
    pub fn take(&mut self, mut work: Work, reply: T, reading: Reading) {
        self.lookup.refresh();
        if let Work::Each(commands) = &mut work
            && commands.len() >= LOOKED_AHEAD_MIN
        {
            self.look_ahead(commands);
        }
        let answer = match work {
            Work::AcceptClock(actor, reason) => self.accept_clock(actor, reason, reading),
            work => match self.open_draft(reading) {
                Ok(now) => self.answer(work, now),
                Err(reason) => refuse_all(&work, &SubmitError::ReadOnly(reason)),
            },
        };
        self.wait(reply, answer);
    }

    /// Writes down what has lapsed, where there is something and the clock can be trusted.
    pub fn tick(&mut self, reading: Reading) {
        if next_due(&self.state).is_some_and(|due| due <= reading.wall) {
            let _ = self.open_draft(reading);
        }
    }

    fn wait(&mut self, reply: T, answer: Answer) {
        if self.draft.is_none() {
            self.draft = Some(self.fresh_draft(self.state.recorded_at()));
        }
        if let Some(draft) = &mut self.draft {
            draft.replies.push((reply, answer));
        }
    }

    /// A draft with room for as much as the group before it had.
    fn fresh_draft(&self, now: Timestamp) -> Draft<T> {
        let events = Vec::with_capacity(self.window.back().map_or(0, |events| events.len()));
        Draft { builder: GroupBuilder::new(self.head), events, replies: Vec::new(), now }
    }

    /// The time of the draft; a new one begins with what has lapsed meanwhile.
    fn open_draft(&mut self, reading: Reading) -> Result<Timestamp, ReadOnly> {
        let wall = self.watch.read(reading)?;
        if let Some(reason) = self.catching_up {
            return Err(reason);
        }
        if let Some(draft) = &self.draft
            && !draft.events.is_empty()
        {
            return Ok(draft.now);
        }
        let now = wall.max(self.state.recorded_at());
        match &mut self.draft {
            Some(draft) => draft.now = now,
            None => self.draft = Some(self.fresh_draft(now)),
        }
        for _ in 0..EXPIRY_EVENTS_PER_GROUP_MAX {
            let Some(event) = next_event(&self.state, now) else { break };
            let _ = self.append(event, None, None);
        }
        Ok(now)
    }

    /// Finds out for all commands at once whose ids are not in the index: that is nearly all of them.
    fn look_ahead(&mut self, commands: &mut [Result<Prepared, Rejection>]) {
        let not_indexed = self.lookup.not_indexed();
        let ids = |(place, command): (u32, &mut Result<Prepared, Rejection>)| {
            let prepared = command.as_mut().ok()?;
            prepared.indexed = not_indexed;
            Some((place, prepared.id, prepared.external))
        };
        let places: Vec<u32> = self.lookup.perhaps_indexed((0..).zip(commands.iter_mut()).filter_map(ids)).collect();
        for place in places {
            if let Some(Ok(prepared)) = commands.get_mut(place as usize) {
                prepared.indexed = Indexed::Perhaps;
            }
        }
    }

    fn answer(&mut self, work: Work, now: Timestamp) -> Answer {
        match work {
            Work::Each(commands) => {
                Answer::Outcomes(commands.into_iter().map(|command| self.one(command, now)).collect())
            }
            Work::Unit(commands) => Answer::Outcomes(self.unit(&commands, now)),
            Work::Would(command) => Answer::Foreseen(self.decide(&command, now).map(|decision| match decision {
                Decision::Append(event, _) => Foreseen::Appended(Box::new(event)),
                Decision::Duplicate(receipt) => Foreseen::Duplicate(receipt),
            })),
            Work::AcceptClock(..) => Answer::Outcomes(SmallVec::new()),
        }
    }

    fn one(&mut self, command: Result<Prepared, Rejection>, now: Timestamp) -> Outcome {
        let command = command.map_err(SubmitError::Rejected)?;
        match self.decide(&command, now)? {
            Decision::Append(event, private) => self.append(event, private, command.external),
            Decision::Duplicate(receipt) => Ok(receipt),
        }
    }

    /// Decides; where a part of the index is damaged, from the log where that does not take long.
    fn decide(&mut self, prepared: &Prepared, now: Timestamp) -> Result<Decision, SubmitError> {
        match self.decide_once(prepared, now) {
            Err(error) if is_damage(&error) && self.remember_log().is_ok() => self.decide_once(prepared, now),
            decided => decided,
        }
    }

    fn decide_once(&self, prepared: &Prepared, now: Timestamp) -> Result<Decision, SubmitError> {
        match self.known(prepared) {
            Ok(None) => {}
            Ok(Some(receipt)) => return Ok(Decision::Duplicate(receipt)),
            Err(SubmitError::Rejected(reused)) => return Err(self.lower(reused, prepared, now)),
            Err(error) => return Err(error),
        }
        let command = &prepared.command;
        let looked = self.look(command, now)?;
        let private = command.note.as_ref().map(|note| {
            let mut salt = [0; 32];
            self.entropy.fill(&mut salt);
            PrivateText { salt, text: note.clone() }
        });
        let stamp = Stamp {
            now,
            id: prepared.id,
            digest: prepared.digest,
            private: private.as_ref().map(PrivateText::commitment),
        };
        let event = decide(&self.state, &looked, command, &stamp).map_err(SubmitError::Rejected)?;
        Ok(Decision::Append(event, private))
    }

    /// A reused id, or what goes before it: part of a command's form is judged by the clock and by the state.
    fn lower(&self, reused: Rejection, prepared: &Prepared, now: Timestamp) -> SubmitError {
        let stamp = Stamp { now, id: prepared.id, digest: prepared.digest, private: None };
        let looked = self.look(&prepared.command, now);
        let refused = looked.ok().and_then(|looked| decide(&self.state, &looked, &prepared.command, &stamp).err());
        SubmitError::Rejected(match refused {
            Some(other) if other.number() < reused.number() => other,
            _ => reused,
        })
    }

    /// The receipt of a command that is in the log already.
    fn known(&self, prepared: &Prepared) -> Result<Option<Receipt>, SubmitError> {
        let mut seq = self.lookup.command(prepared.id, prepared.indexed)?;
        if seq.is_none()
            && let Some(key) = prepared.external
        {
            seq = self.lookup.external(key, prepared.indexed)?;
        }
        let Some(seq) = seq else { return Ok(None) };
        let recorded = self.event(seq)?;
        let event = &recorded.event;
        match event.envelope.digest == prepared.digest {
            true => Ok(Some(Receipt::of(seq, crate::log::Hash(recorded.hash), event, Repeat::Duplicate))),
            false => {
                let differs = first_difference(event, &prepared.command);
                Err(SubmitError::Rejected(Rejection::CommandIdReused { seq, differs }))
            }
        }
    }

    /// An event, durable or not.
    fn event(&self, seq: Seq) -> Result<Recorded, SubmitError> {
        let drafted = self.draft.iter().map(|draft| draft.events.as_slice());
        let waiting = self.window.iter().map(|events| events.as_slice());
        for events in waiting.chain(drafted) {
            let Some(first) = events.first() else { continue };
            let found = seq.0.checked_sub(first.seq.0).and_then(|offset| events.get(usize::try_from(offset).ok()?));
            if let Some(recorded) = found {
                return Ok(recorded.clone());
            }
        }
        self.lookup.event(seq)
    }

    fn look(&self, command: &Command, now: Timestamp) -> Result<Looked, SubmitError> {
        self.lookup.look(&self.state, command, now)
    }

    fn append(&mut self, event: Event, private: Option<PrivateText>, external: Option<NameKey>) -> Outcome {
        let Some(draft) = &mut self.draft else { return Err(SubmitError::Closed) };
        let hash = match private {
            None => draft.builder.push(&event),
            Some(private) => draft.builder.push_private(&event, private),
        };
        let hash = hash.map_err(|error| SubmitError::LookupFailed(Arc::new(error)))?;
        let seq = self.state.next_seq();
        evolve(&mut self.state, &event);
        self.lookup.insert(seq, &event, external);
        self.head = Head { next_seq: seq.next(), hash };
        let receipt = Receipt::of(seq, hash, &event, Repeat::First);
        draft.events.push(Recorded { seq, hash: hash.0, event });
        Ok(receipt)
    }

    fn unit(&mut self, commands: &[Prepared], now: Timestamp) -> SmallVec<[Outcome; 1]> {
        match self.unit_events(commands, now) {
            Err((index, error)) => {
                let refused = |other| match other == index {
                    true => Err(error.clone()),
                    false => Err(SubmitError::UnitRefused { index }),
                };
                (0..commands.len()).map(refused).collect()
            }
            Ok(UnitDecision::Duplicate(receipts)) => receipts.into_iter().map(Ok).collect(),
            Ok(UnitDecision::Append(events)) => {
                let last = events.len().saturating_sub(1);
                let mark = |index| if index == last { UnitMark::Ends } else { UnitMark::Continues };
                let appended = events.into_iter().enumerate().map(|(index, (mut event, private, external))| {
                    event.envelope.unit = mark(index);
                    self.append(event, private, external)
                });
                appended.collect()
            }
        }
    }

    /// Decides a unit on a state that is put back afterwards: nothing is appended before all of it is decided.
    fn unit_events(&mut self, commands: &[Prepared], now: Timestamp) -> Result<UnitDecision, (usize, SubmitError)> {
        unit_form(commands)?;
        let mark = self.state.mark();
        self.lookup.begin_unit();
        let mut events = Vec::with_capacity(commands.len());
        let mut receipts = Vec::new();
        let mut failed = None;
        for (index, command) in commands.iter().enumerate() {
            match self.decide(command, now) {
                Ok(Decision::Append(event, private)) => {
                    self.lookup.insert(self.state.next_seq(), &event, command.external);
                    evolve(&mut self.state, &event);
                    events.push((event, private, command.external));
                }
                Ok(Decision::Duplicate(receipt)) => receipts.push((index, receipt)),
                Err(error) => {
                    failed = Some((index, error));
                    break;
                }
            }
            if let (Some((known, receipt)), false) = (receipts.first(), events.is_empty()) {
                let unknown = (0..=index).find(|other| !receipts.iter().any(|(known, _)| known == other));
                let unknown = unknown.unwrap_or(index);
                let rejection = Rejection::UnitPartlyKnown { known: *known, seq: receipt.seq, unknown };
                failed = Some((index, SubmitError::Rejected(rejection)));
                break;
            }
        }
        self.state.take_back(mark);
        self.lookup.end_unit();
        match failed {
            Some(failed) => Err(failed),
            None if events.is_empty() => {
                Ok(UnitDecision::Duplicate(receipts.into_iter().map(|(_, receipt)| receipt).collect()))
            }
            None => Ok(UnitDecision::Append(events)),
        }
    }

    fn accept_clock(&mut self, actor: Actor, reason: Option<ReasonCode>, reading: Reading) -> Answer {
        let Some(fault) = self.watch.fault() else {
            let rejection = Rejection::NoChange { what: "the clock is trusted" };
            return Answer::Outcomes(SmallVec::from_iter([Err(SubmitError::Rejected(rejection))]));
        };
        self.watch.accept(reading);
        let outcome = match self.open_draft(reading) {
            Err(reason) => Err(SubmitError::ReadOnly(reason)),
            Ok(now) => {
                // A group has one instant: in a draft that was begun before the step it can't say more than that.
                let body = Body::ClockAccepted(ClockAccepted { clock: reading.wall.min(now) });
                let envelope = Envelope { reason, ..housekeeping::envelope(now, actor) };
                self.append(Event { envelope, body }, None, None)
            }
        };
        match &outcome {
            Ok(receipt) => self.accepted = Some((receipt.seq, fault)),
            Err(_) => self.watch.restore(fault),
        }
        Answer::Outcomes(SmallVec::from_iter([outcome]))
    }

    /// Takes the draft, to be written; none where nobody waits and nothing happened.
    pub fn seal(&mut self) -> Option<Group<T>> {
        let draft = self.draft.take()?;
        let events = Arc::new(draft.events);
        let bytes = (!events.is_empty()).then(|| draft.builder.finish());
        if bytes.is_some() {
            self.window.push_back(Arc::clone(&events));
        }
        (bytes.is_some() || !draft.replies.is_empty()).then_some(Group { bytes, events, replies: draft.replies })
    }

    /// Everything below this seq is durable.
    pub fn durable(&mut self, next: Seq) {
        while self.window.front().and_then(|events| events.last()).is_some_and(|last| last.seq < next) {
            self.window.pop_front();
        }
        self.accepted = self.accepted.filter(|(seq, _)| *seq >= next);
    }

    /// A group was not written, certainly: everything from it on is dropped, and the writer goes on from the last
    /// durable state. Returns who waited for the draft behind it.
    pub fn fall_back(&mut self, state: State, head: Head) -> Vec<(T, Answer)> {
        self.lookup.forget_from(head.next_seq);
        self.state = state;
        self.head = head;
        self.window.clear();
        // Going on is an act that stands in the log, or it did not happen.
        if let Some((_, fault)) = self.accepted.take_if(|(seq, _)| *seq >= head.next_seq) {
            self.watch.restore(fault);
        }
        self.draft.take().map_or_else(Vec::new, |draft| draft.replies)
    }
}

enum UnitDecision {
    Append(Vec<(Event, Option<PrivateText>, Option<NameKey>)>),
    Duplicate(Vec<Receipt>),
}

fn unit_form(commands: &[Prepared]) -> Result<(), (usize, SubmitError)> {
    let reject = |index, rejection| Err((index, SubmitError::Rejected(rejection)));
    if commands.len() > UNIT_COMMANDS_MAX {
        let (actual, limit) = (commands.len() as u64, UNIT_COMMANDS_MAX as u64);
        return reject(0, Rejection::LimitExceeded { what: "commands in a unit", actual, limit });
    }
    let (mut ids, mut externals) = (HashSet::new(), HashSet::new());
    let repeats = |command: &Prepared| {
        let external = command.external.is_some_and(|key| !externals.insert(key));
        !ids.insert(command.id) || external
    };
    match commands.iter().position(repeats) {
        Some(index) => {
            let problem = format!("command {index} has the id, or the external id, of an earlier command of the unit");
            reject(index, Rejection::InvalidField { field: "id", problem })
        }
        None => Ok(()),
    }
}

/// The same error for everything that was asked.
pub(super) fn refuse_all(work: &Work, error: &SubmitError) -> Answer {
    match work {
        Work::Each(commands) => Answer::Outcomes(commands.iter().map(|_| Err(error.clone())).collect()),
        Work::Unit(commands) => Answer::Outcomes(commands.iter().map(|_| Err(error.clone())).collect()),
        Work::Would(_) => Answer::Foreseen(Err(error.clone())),
        Work::AcceptClock(..) => Answer::Outcomes(SmallVec::from_iter([Err(error.clone())])),
    }
}
