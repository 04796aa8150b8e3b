//! Reading: what a report rests on, and every event that it may be about, in order.

use super::within::Window;
use super::{ReportError, Reports, Within};
use crate::audit::pipeline::each_event;
use crate::domain::event::Event;
use crate::domain::event::EventKind;
use crate::domain::ids::{ItemId, LocationId, Seq, Timestamp};
use crate::domain::state::State;
use crate::domain::text::Zone;
use crate::index::{IndexError, Known, List};
use crate::log::frame::FrameKey;
use crate::log::{FaultKind, LastBatch, LogFault};
use crate::query::Answer;
use rustc_hash::FxHashMap;
use std::ops::ControlFlow;
use std::time::Duration;

/// How long a report waits for the newest events to be listed; without lists it reads all events.
const PATIENCE: Duration = Duration::from_millis(500);
/// One event that is looked up costs about as much as so many that are read in order.
const LOOKUP_COST_EVENTS: u64 = 8;

/// What a report rests on.
#[derive(Clone)]
pub(super) struct Basis {
    /// The place behind the last event that counts.
    pub(super) next_seq: Seq,
    /// The instant that holds, stock and days are judged by.
    pub(super) as_of: Timestamp,
    pub(super) zones: FxHashMap<LocationId, Zone>,
    windows: FxHashMap<LocationId, Window>,
}

impl Basis {
    /// What the span of the report means at a location.
    pub(super) fn window(&self, location: LocationId) -> Window {
        let nothing = Window { from: Timestamp::NEVER, until: Timestamp::NEVER };
        self.windows.get(&location).copied().unwrap_or(nothing)
    }

    pub(super) fn answer<T>(&self, value: T) -> Answer<T> {
        Answer { seq: Seq(self.next_seq.0.saturating_sub(1)), as_of: self.as_of, value }
    }
}

/// The lists of the index that the events of a report are in; none: all events.
pub(super) type Lists = Vec<(List, u64)>;

/// The events about an item, and of these kinds.
pub(super) fn lists_of_item(item: Option<ItemId>, also: &[EventKind]) -> Lists {
    match item {
        None => Lists::new(),
        Some(item) => [(List::Item, u64::from(item.0))].into_iter().chain(lists_of_kinds(also)).collect(),
    }
}

/// The events of these kinds.
pub(super) fn lists_of_kinds(kinds: &[EventKind]) -> Lists {
    kinds.iter().map(|kind| (List::Kind, u64::from(kind.number()))).collect()
}

impl Reports<'_> {
    /// What a report rests on: the durable log as it is now; and what else is asked of its state.
    pub(super) fn basis<T>(
        &self,
        within: &Within,
        ask: impl FnOnce(&State, Timestamp) -> T,
    ) -> Result<(Basis, T), ReportError> {
        let (next_seq, as_of, zones, asked) = self.published.read(|durable| {
            let state = &durable.state;
            let as_of = self.clock.wall().max(state.recorded_at());
            let is_in = |id: &LocationId| within.location.is_none_or(|one| one == *id);
            let zones = state.locations().filter(|(id, _)| is_in(id)).map(|(id, at)| (*id, at.zone.clone()));
            let zones: FxHashMap<_, _> = zones.collect();
            (state.next_seq(), as_of, zones, ask(state, as_of))
        });
        let windows = within.windows(&zones)?;
        Ok((Basis { next_seq, as_of, zones, windows }, asked))
    }

    /// Calls `see` for the events that are in a list, and maybe for others, in order.
    pub(super) fn each(
        &self,
        basis: &Basis,
        lists: &Lists,
        mut see: impl FnMut(Seq, &Event),
    ) -> Result<(), ReportError> {
        match self.listed(basis.next_seq, lists)? {
            Some(seqs) => self.each_of(&seqs, see),
            None => self.each_below(basis.next_seq, &mut see),
        }
    }

    /// The seqs that stand in a list; none where reading everything is less work, or the lists are not complete.
    fn listed(&self, next_seq: Seq, lists: &Lists) -> Result<Option<Vec<u64>>, ReportError> {
        if lists.is_empty() {
            return Ok(None);
        }
        let known = self.index.known_to(next_seq.0, PATIENCE);
        if known.next_seq() < next_seq.0 {
            return Ok(None);
        }
        let seqs_max = usize::try_from(next_seq.0 / LOOKUP_COST_EVENTS).unwrap_or(usize::MAX);
        // The log is read where the lists can't be: a damaged index makes a report slower, not impossible.
        Ok(union(&known, lists, next_seq.0, seqs_max).unwrap_or_else(|error| {
            tracing::warn!(%error, "the index can't be read; the report reads the whole log");
            None
        }))
    }

    fn each_of(&self, seqs: &[u64], mut see: impl FnMut(Seq, &Event)) -> Result<(), ReportError> {
        let (log, mut last) = (self.log.as_ref(), LastBatch::default());
        for seq in seqs.iter().copied().map(Seq) {
            see(seq, &last.event(log, seq)?.ok_or_else(|| missing(seq))?.event);
        }
        Ok(())
    }

    fn each_below(&self, next_seq: Seq, see: &mut impl FnMut(Seq, &Event)) -> Result<(), ReportError> {
        let end = each_event(self.log.as_ref(), |placed| match placed.seq < next_seq {
            true => {
                see(placed.seq, &placed.event);
                ControlFlow::Continue(())
            }
            false => ControlFlow::Break(()),
        });
        let end = end.map_err(|error| LogFault { seq: next_seq, what: FaultKind::Store(error) })?;
        match end.fault {
            _ if end.head.next_seq >= next_seq => Ok(()),
            Some(fault) => Err(fault.into()),
            None => Err(missing(end.head.next_seq).into()),
        }
    }
}

fn missing(seq: Seq) -> LogFault {
    let last = seq.0.checked_sub(1).map(|last| FrameKey::new(Seq(last)));
    LogFault { seq, what: FaultKind::HeadMissing { expected: seq.0, last } }
}

/// All seqs below one that stand in a list, in order; none where there are more than so many.
fn union(known: &Known, lists: &Lists, below: u64, seqs_max: usize) -> Result<Option<Vec<u64>>, IndexError> {
    let mut seqs = Vec::new();
    for (list, id) in lists {
        let mut postings = known.postings(*list, *id);
        let mut from = 0;
        while let Some(seq) = postings.first_from(from)?.filter(|seq| *seq < below) {
            if seqs.len() >= seqs_max {
                return Ok(None);
            }
            seqs.push(seq);
            from = seq + 1;
        }
    }
    seqs.sort_unstable();
    seqs.dedup();
    Ok(Some(seqs))
}
