//! Verifies a log: format, chain, commit marks, clock, double entry, ids, and every rule of every event.

use super::add_up::adds_up;
use super::claims::settle;
use super::ids::Ids;
use super::pipeline::{Placed, each_event};
use super::replay::PROGRESS_EVENTS;
use crate::domain::check::{Claim, Violation, check, check_after, rule};
use crate::domain::event::{Body, Envelope, Event, Genesis, RulesChanged, UnitMark};
use crate::domain::evolve::evolve;
use crate::domain::ids::{LedgerId, Seq, Timestamp};
use crate::domain::state::State;
use crate::heads::KeptHead;
use crate::limits::{UNIT_COMMANDS_MAX, VERIFY_CLAIMS_MAX, VERIFY_ID_BYTES};
use crate::log::{DroppedTail, FaultKind, Hash, LogFault, Scanned, StoreError, StoreReader, read_event};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// An event's hash, kept somewhere else: from a receipt, or the head of an earlier verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// The event.
    pub seq: Seq,
    /// Its hash, shown as 64 hexadecimal digits.
    #[serde(serialize_with = "as_text")]
    pub hash: Hash,
}

fn as_text<S: serde::Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(hash)
}

/// How to verify.
pub struct Options<'a> {
    /// Hashes kept elsewhere, in any order: what the log must go through.
    pub expected: Vec<Expected>,
    /// Heads kept elsewhere, in any order; those of other ledgers are told and not used.
    pub kept: Vec<KeptHead>,
    /// Bytes of fingerprints of ids that are kept at once; with less, the log is read more often.
    pub memory_bytes: usize,
    /// Called every [`PROGRESS_EVENTS`] events of each pass.
    pub progress: Option<&'a mut dyn FnMut(Progress)>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { expected: Vec::new(), kept: Vec::new(), memory_bytes: VERIFY_ID_BYTES, progress: None }
    }
}

/// How far a verification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// What is being done.
    pub pass: Pass,
    /// The events that were looked at in this pass.
    pub events: u64,
    /// About how many there are.
    pub of: u64,
}

/// What a reading of the log is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pass {
    /// Format, chain, rules and sums; always, and mostly the only one.
    Rules,
    /// Late counts and returns against orders.
    Claims,
    /// Ids that may stand there twice, or that had no room in memory.
    Ids,
}

/// What is wrong with a log, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The first event that is wrong; the number of events where something is missing behind the last one.
    pub seq: Seq,
    /// The stable name of the broken rule: one of [`crate::domain::check::RULES`], or `format`, `chain`, `mark`,
    /// `missing`, `head`, `cut`, `ledger`, `private`, `double_entry`, `store`.
    pub rule: &'static str,
    /// What is wrong, with figures.
    pub what: String,
}

/// The result of a verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether nothing was found wrong.
    pub ok: bool,
    /// Whether the log goes through a hash that was kept elsewhere.
    pub anchored: bool,
    /// The last event whose hash was kept elsewhere and is the same.
    pub anchored_at: Option<Seq>,
    /// Events that were found consistent with each other.
    pub events: u64,
    /// The last of them with its hash; none in an empty log.
    pub head: Option<Expected>,
    /// The name of the ledger.
    pub ledger: Option<LedgerId>,
    /// When the last of them was recorded.
    pub recorded_at: Option<Timestamp>,
    /// What became of the heads kept elsewhere, where some were given.
    pub kept: Option<KeptUse>,
    /// What stands behind the last commit mark: a group that was being written when something stopped.
    pub dropped_tail: Option<Dropped>,
    /// The first fault.
    pub first_fault: Option<Fault>,
    /// The versions of the rules, each with the first event under it.
    pub rules: Vec<(Seq, u16)>,
    /// Items whose accounts were added up after every event that moved them, and against their positions in the end.
    pub items: u64,
    /// Late counts and returns against orders that were confirmed by reading the log again.
    pub claims: u64,
    /// What such a verification can't exclude, in sentences.
    pub exclusions: Vec<String>,
}

/// What became of the heads kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptUse {
    /// Heads of this ledger, or of none that they name: the log was held against each of them.
    pub used: u64,
    /// Heads of other ledgers, which say nothing about this one.
    pub other_ledgers: Vec<OtherLedger>,
}

/// Another ledger that heads were kept of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OtherLedger {
    /// Its name.
    pub ledger: LedgerId,
    /// How many heads.
    pub heads: u64,
}

impl KeptUse {
    /// Adds the heads of this ledger to what is expected.
    fn of(kept: &[KeptHead], ledger: Option<LedgerId>, expected: &mut Vec<Expected>) -> Option<Self> {
        if kept.is_empty() {
            return None;
        }
        let mut other_ledgers: BTreeMap<LedgerId, u64> = BTreeMap::new();
        let mut used = 0;
        for head in kept {
            match head.ledger.filter(|named| ledger.is_some_and(|ours| ours != *named)) {
                Some(other) => *other_ledgers.entry(other).or_default() += 1,
                None => {
                    used += 1;
                    expected.push(Expected { seq: head.seq, hash: head.hash });
                }
            }
        }
        let other_ledgers = other_ledgers.into_iter().map(|(ledger, heads)| OtherLedger { ledger, heads }).collect();
        Some(Self { used, other_ledgers })
    }

    /// Where no head is of this ledger, another one stands in its place.
    fn fault(&self, ledger: Option<LedgerId>) -> Option<Fault> {
        let other = self.other_ledgers.first().filter(|_| self.used == 0)?.ledger;
        let ledger = ledger?;
        let what = format!(
            "this is ledger {ledger}, and heads were kept of ledger {other}: everything was replaced, or these are the \
             heads of another ledger"
        );
        Some(Fault { seq: Seq::GENESIS, rule: LEDGER, what })
    }
}

/// What stands behind the last commit mark and was never acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Events that begin there.
    pub events: u64,
    /// Frames.
    pub frames: u64,
    /// Bytes.
    pub bytes: u64,
}

impl From<DroppedTail> for Dropped {
    fn from(tail: DroppedTail) -> Self {
        Self { events: tail.events, frames: tail.frames, bytes: tail.bytes }
    }
}

impl Report {
    /// The report on a log that its store can't read: nothing of it could be judged.
    #[must_use]
    pub fn unreadable(error: &StoreError) -> Self {
        let seq = if let StoreError::Corrupted { seq: Some(seq), .. } = error { *seq } else { Seq::GENESIS };
        Self {
            ok: false,
            anchored: false,
            anchored_at: None,
            events: 0,
            head: None,
            ledger: None,
            recorded_at: None,
            kept: None,
            dropped_tail: None,
            first_fault: Some(Fault { seq, rule: STORE, what: error.to_string() }),
            rules: Vec::new(),
            items: 0,
            claims: 0,
            exclusions: vec!["nothing was judged: the store can't read the log".into()],
        }
    }
}

/// Verifies a whole log, trusting nothing but the hashes given.
///
/// Memory is bounded by the open state, [`Options::memory_bytes`] and what else is stated in the limits.
///
/// # Errors
/// Where the store can't be read. Everything wrong with the log is part of the [`Report`].
pub fn verify(reader: &dyn StoreReader, options: Options<'_>) -> Result<Report, StoreError> {
    let about = match reader.last_frame()? {
        Some((key, _)) => key.first.0.saturating_add(1),
        None => 0,
    };
    let mut expected = options.expected;
    let ledger = genesis_ledger(reader)?;
    let kept = KeptUse::of(&options.kept, ledger, &mut expected);
    expected.sort_unstable_by_key(|expected| expected.seq);
    let mut run = Run {
        reader,
        state: State::default(),
        ids: Some(Ids::new(about, options.memory_bytes)),
        claims: Vec::new(),
        claims_settled: 0,
        group: Group::default(),
        rules: Vec::new(),
        expected,
        matched: 0,
        head: None,
        first_fault: None,
        watch: Watch { progress: options.progress, about },
    };
    let dropped = run.fold()?;
    run.settle_ids()?;
    let another = kept.as_ref().and_then(|kept| kept.fault(ledger));
    another.into_iter().for_each(|fault| run.found(fault));
    Ok(Report { kept, ..run.report(dropped) })
}

/// The name of the ledger, as far as its first event can be read.
fn genesis_ledger(reader: &dyn StoreReader) -> Result<Option<LedgerId>, StoreError> {
    match read_event(reader, Seq::GENESIS) {
        Ok(Some(Scanned { event: Event { body: Body::Genesis(Genesis { ledger, .. }), .. }, .. })) => Ok(Some(ledger)),
        Err(LogFault { what: FaultKind::Store(error), .. }) => Err(error),
        _ => Ok(None),
    }
}

/// Tells how far a verification is.
pub(super) struct Watch<'a> {
    progress: Option<&'a mut dyn FnMut(Progress)>,
    about: u64,
}

impl Watch<'_> {
    #[inline]
    pub(super) fn tick(&mut self, pass: Pass, seq: Seq) {
        if (seq.0 + 1).is_multiple_of(PROGRESS_EVENTS)
            && let Some(progress) = &mut self.progress
        {
            let events = seq.0 + 1;
            progress(Progress { pass, events, of: self.about.max(events) });
        }
    }
}

struct Run<'r, 'o> {
    reader: &'r dyn StoreReader,
    state: State,
    ids: Option<Ids>,
    /// Claims that are not settled yet, ascending.
    claims: Vec<(Seq, Claim)>,
    claims_settled: u64,
    group: Group,
    rules: Vec<(Seq, u16)>,
    /// Ascending; the first `matched` were met.
    expected: Vec<Expected>,
    matched: usize,
    head: Option<Expected>,
    first_fault: Option<Fault>,
    watch: Watch<'o>,
}

impl Run<'_, '_> {
    /// The first pass: everything that needs no other reading.
    fn fold(&mut self) -> Result<Option<DroppedTail>, StoreError> {
        let reader = self.reader;
        let mut fresh = Vec::new();
        let mut stopped = Ok(());
        let end = each_event(reader, |placed| {
            match self.event(placed, &mut fresh).and_then(|()| self.settle_some(VERIFY_CLAIMS_MAX)) {
                Ok(()) if self.first_fault.is_none() => ControlFlow::Continue(()),
                Ok(()) => ControlFlow::Break(()),
                Err(error) => {
                    stopped = Err(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        stopped?;
        if let Some(fault) = end.fault {
            self.found(format_fault(&fault));
        }
        self.settle_some(0)?;
        if self.first_fault.is_none() {
            let fault = adds_up(&self.state).or_else(|| self.cut());
            fault.into_iter().for_each(|fault| self.found(fault));
        }
        Ok(end.tail)
    }

    /// Keeps the earliest fault.
    fn found(&mut self, fault: Fault) {
        if self.first_fault.as_ref().is_none_or(|first| fault.seq < first.seq) {
            self.first_fault = Some(fault);
        }
    }

    fn event(&mut self, placed: &Placed, fresh: &mut Vec<Claim>) -> Result<(), StoreError> {
        let Placed { seq, hash, group_end, ref event } = *placed;
        fresh.clear();
        self.watch.tick(Pass::Rules, seq);
        let checked = self
            .expected_hash(seq, hash)
            .and_then(|()| check(&self.state, event, fresh))
            .and_then(|()| self.group.event(event, group_end));
        if let Err(Violation { rule, what }) = checked {
            self.found(Fault { seq, rule, what });
            return Ok(());
        }
        evolve(&mut self.state, event);
        if let Err(Violation { rule, what }) = check_after(&self.state, event) {
            self.found(Fault { seq, rule, what });
            return Ok(());
        }
        if let Some(fault) = self.private(seq, &event.envelope)? {
            self.found(fault);
            return Ok(());
        }
        if let Some(ids) = &mut self.ids {
            ids.see(event);
        }
        self.claims.extend(fresh.drain(..).map(|claim| (seq, claim)));
        if let Body::Genesis(Genesis { rules, .. }) | Body::RulesChanged(RulesChanged { rules }) = &event.body {
            self.rules.push((seq, *rules));
        }
        self.head = Some(Expected { seq, hash });
        Ok(())
    }

    /// Holds an event against the hashes that were kept elsewhere.
    #[inline]
    fn expected_hash(&mut self, seq: Seq, hash: Hash) -> Result<(), Violation> {
        while let Some(expected) = self.expected.get(self.matched)
            && expected.seq == seq
        {
            if expected.hash != hash {
                let what = format!(
                    "its hash is {hash}, and {} was kept elsewhere: something up to here was rewritten",
                    expected.hash
                );
                return Err(Violation { rule: HEAD, what });
            }
            self.matched += 1;
        }
        Ok(())
    }

    /// Private text that is still there is the one that the event commits to.
    #[inline]
    fn private(&self, seq: Seq, envelope: &Envelope) -> Result<Option<Fault>, StoreError> {
        let Some(commitment) = envelope.private else { return Ok(None) };
        let what = match self.reader.private(seq) {
            Ok(Some(private)) if private.commitment() != commitment => {
                "its private text is not the one that it commits to".into()
            }
            Ok(_) => return Ok(None),
            Err(StoreError::Corrupted { what, .. }) => what,
            Err(error) => return Err(error),
        };
        Ok(Some(Fault { seq, rule: PRIVATE, what }))
    }

    /// Settles the claims when there are more than this many.
    #[inline]
    fn settle_some(&mut self, more_than: usize) -> Result<(), StoreError> {
        if self.claims.len() <= more_than {
            return Ok(());
        }
        self.claims_settled += self.claims.len() as u64;
        let wrong = settle(self.reader, &self.claims, &mut self.watch)?;
        self.claims.clear();
        wrong.into_iter().for_each(|fault| self.found(fault));
        Ok(())
    }

    /// An event whose hash was kept elsewhere and that is not there.
    fn cut(&self) -> Option<Fault> {
        let expected = self.expected.get(self.matched)?;
        let events = self.state.next_seq();
        let what = format!(
            "the log ends with {events} events, and the hash {} of event {} was kept elsewhere: its tail was cut",
            expected.hash, expected.seq
        );
        Some(Fault { seq: events, rule: CUT, what })
    }

    /// Looks for ids that stand twice before the first fault.
    fn settle_ids(&mut self) -> Result<(), StoreError> {
        let Some(ids) = self.ids.take() else { return Ok(()) };
        let end = self.state.next_seq();
        let end = self.first_fault.as_ref().map_or(end, |fault| fault.seq.min(end));
        let twin = ids.first_twin(self.reader, end, &mut self.watch)?;
        twin.into_iter().for_each(|fault| self.found(fault));
        Ok(())
    }

    fn report(mut self, dropped: Option<DroppedTail>) -> Report {
        if self.first_fault.is_none() && self.head.is_none() {
            let what = "the log has no events, not even a genesis event".into();
            self.first_fault = Some(Fault { seq: Seq::GENESIS, rule: rule::GENESIS_FIRST, what });
        }
        let ok = self.first_fault.is_none();
        let anchored_at = self.matched.checked_sub(1).and_then(|last| self.expected.get(last)).map(|last| last.seq);
        let events = self.first_fault.as_ref().map_or(self.state.next_seq(), |fault| fault.seq).0;
        Report {
            ok,
            anchored: ok && anchored_at.is_some(),
            anchored_at,
            events,
            exclusions: exclusions(ok, events, anchored_at),
            head: self.head.filter(|_| ok),
            ledger: self.state.ledger(),
            recorded_at: self.head.map(|_| self.state.recorded_at()),
            kept: None,
            dropped_tail: dropped.map(Dropped::from),
            first_fault: self.first_fault,
            rules: self.rules,
            items: self.state.entity_counts().0 as u64,
            claims: self.claims_settled,
        }
    }
}

const HEAD: &str = "head";
const CUT: &str = "cut";
const PRIVATE: &str = "private";
const LEDGER: &str = "ledger";
const STORE: &str = "store";

/// What a fault of the log is called.
pub(super) fn format_fault(fault: &LogFault) -> Fault {
    let rule = match &fault.what {
        FaultKind::FrameMissing { .. } | FaultKind::FrameMisplaced { .. } => "missing",
        FaultKind::HashPrefix { .. } | FaultKind::PrevHash { .. } => "chain",
        FaultKind::MarkRange { .. } | FaultKind::MarkHash { .. } | FaultKind::UnitStraddlesMark { .. } => "mark",
        FaultKind::Store(_)
        | FaultKind::Frame { .. }
        | FaultKind::EventLength { .. }
        | FaultKind::HeadHash { .. }
        | FaultKind::HeadMissing { .. }
        | FaultKind::Event(_) => "format",
    };
    Fault { seq: fault.seq, rule, what: fault.what.to_string() }
}

fn exclusions(ok: bool, events: u64, anchored_at: Option<Seq>) -> Vec<String> {
    let mut exclusions = Vec::new();
    let last = events.saturating_sub(1);
    match anchored_at {
        _ if !ok => exclusions.push("what stands at and behind the first fault was not judged".into()),
        None => exclusions.push(format!(
            "consistent up to event {last}; a cut tail or a full rewrite can't be excluded: give a hash that was kept elsewhere"
        )),
        Some(anchor) if anchor.0 < last => exclusions.push(format!(
            "events up to {anchor} are anchored; that those behind it were rewritten, or a tail cut, can't be excluded"
        )),
        Some(anchor) => {
            exclusions.push(format!("anchored at event {anchor}; a cut tail behind it can't be excluded"));
        }
    }
    exclusions.push(
        "that an actor is who it says, that a caller asked for what an event states, and that goods moved as stated is outside of the log".into(),
    );
    exclusions
}

/// What the events of one group, and of one unit, have in common.
#[derive(Default)]
struct Group {
    recorded_at: Option<Timestamp>,
    unit_events: usize,
}

impl Group {
    #[inline]
    fn event(&mut self, event: &Event, group_end: bool) -> Result<(), Violation> {
        let recorded_at = event.envelope.recorded_at;
        let first = *self.recorded_at.get_or_insert(recorded_at);
        if first != recorded_at {
            let what = format!("recorded at {recorded_at}, the first event of its group at {first}");
            return Err(Violation { rule: rule::GROUP_TIME, what });
        }
        if group_end {
            self.recorded_at = None;
        }
        let continues = event.envelope.unit == UnitMark::Continues;
        if !continues && self.unit_events == 0 {
            return Ok(());
        }
        self.unit_events += 1;
        let events = self.unit_events;
        if events > UNIT_COMMANDS_MAX || event.envelope.command_id.is_none() {
            let what = format!("it is number {events} of a unit of at most {UNIT_COMMANDS_MAX} commands");
            return Err(Violation { rule: rule::UNIT_WHOLE, what });
        }
        if !continues {
            self.unit_events = 0;
        }
        Ok(())
    }
}
