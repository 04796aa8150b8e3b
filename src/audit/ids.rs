//! Whether each command id, and each source with its external id, stands in the log once.
//!
//! Only fingerprints of 8 bytes are kept, as many as the memory allows at once; the rest is left to further
//! passes. Equal fingerprints are looked up again, so chance neither hides nor makes a fault.

use super::pipeline::each_event;
use super::verify::{Fault, Pass, Watch};
use crate::domain::check::rule;
use crate::domain::event::Event;
use crate::domain::ids::{CommandId, Seq};
use crate::domain::text::{ExternalId, Source};
use crate::log::{StoreError, StoreReader};
use hashbrown::{DefaultHashBuilder, HashMap};
use std::hash::BuildHasher;
use std::ops::ControlFlow;

/// Fingerprints that are looked up again at once.
const SUSPECTS_MAX: usize = 1 << 20;

/// The name that may stand in the log once.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Name {
    Command(CommandId),
    External(Source, ExternalId),
}

/// Fingerprints of a share of all ids.
pub(super) struct Ids {
    hasher: DefaultHashBuilder,
    shares: u64,
    share: u64,
    fingerprints: Vec<u64>,
}

impl Ids {
    /// Ids of a log with about this many events, of which so many bytes of fingerprints may be kept at once.
    pub(super) fn new(events: u64, memory_bytes: usize) -> Self {
        let room = (memory_bytes as u64 / 8).max(1);
        // A till's delta has two ids; a little more room than the mean evens out the shares.
        let shares = (events.saturating_mul(2) / room).saturating_add(1);
        Self { hasher: DefaultHashBuilder::default(), shares, share: 0, fingerprints: Vec::new() }
    }

    /// Keeps the fingerprints of an event's ids that belong to the present share.
    #[inline]
    pub(super) fn see(&mut self, event: &Event) {
        if let Some(id) = event.envelope.command_id {
            self.keep(self.hasher.hash_one(id));
        }
        if let Some(external) = event.body.external() {
            self.keep(self.hasher.hash_one(external));
        }
    }

    #[inline]
    fn keep(&mut self, fingerprint: u64) {
        if self.shares == 1 || fingerprint % self.shares == self.share {
            self.fingerprints.push(fingerprint);
        }
    }

    fn fingerprint(&self, name: &Name) -> u64 {
        match name {
            Name::Command(id) => self.hasher.hash_one(id),
            Name::External(source, external_id) => self.hasher.hash_one((source, external_id)),
        }
    }

    /// The first event before `end` with an id that an earlier one has; the first share was seen already.
    pub(super) fn first_twin(
        mut self,
        reader: &dyn StoreReader,
        end: Seq,
        watch: &mut Watch<'_>,
    ) -> Result<Option<Fault>, StoreError> {
        let mut first: Option<Fault> = None;
        loop {
            let suspects = self.suspects();
            for suspects in suspects.chunks(SUSPECTS_MAX) {
                let end = first.as_ref().map_or(end, |fault| fault.seq);
                let found = self.look_again(reader, end, suspects, watch)?;
                first = found.or(first);
            }
            self.share += 1;
            if self.share >= self.shares {
                return Ok(first);
            }
            self.fingerprints.clear();
            each_event(reader, |placed| {
                if placed.seq >= end {
                    return ControlFlow::Break(());
                }
                watch.tick(Pass::Ids, placed.seq);
                self.see(&placed.event);
                ControlFlow::Continue(())
            })?;
        }
    }

    /// Fingerprints that were seen twice, ascending.
    fn suspects(&mut self) -> Vec<u64> {
        sort(&mut self.fingerprints);
        let twice = self.fingerprints.windows(2).filter(|pair| pair.first() == pair.last());
        let mut suspects: Vec<u64> = twice.filter_map(|pair| pair.first().copied()).collect();
        suspects.dedup();
        suspects
    }

    fn look_again(
        &self,
        reader: &dyn StoreReader,
        end: Seq,
        suspects: &[u64],
        watch: &mut Watch<'_>,
    ) -> Result<Option<Fault>, StoreError> {
        let mut seen: HashMap<Name, Seq> = HashMap::new();
        let mut found = None;
        each_event(reader, |placed| {
            if placed.seq >= end {
                return ControlFlow::Break(());
            }
            watch.tick(Pass::Ids, placed.seq);
            for name in names(&placed.event) {
                if suspects.binary_search(&self.fingerprint(&name)).is_err() {
                    continue;
                }
                if let Some(earlier) = seen.get(&name) {
                    found = Some(twin(placed.seq, *earlier, &name));
                    return ControlFlow::Break(());
                }
                seen.insert(name, placed.seq);
            }
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }
}

fn names(event: &Event) -> impl Iterator<Item = Name> {
    let external = event.body.external().map(|(source, id)| Name::External(source.clone(), id.clone()));
    event.envelope.command_id.map(Name::Command).into_iter().chain(external)
}

fn twin(seq: Seq, earlier: Seq, name: &Name) -> Fault {
    let (rule, what) = match name {
        Name::Command(id) => (rule::COMMAND_ID_UNIQUE, format!("the command id {id} is that of event {earlier}")),
        Name::External(source, id) => {
            (rule::EXTERNAL_ID_UNIQUE, format!("the delta {id} of {source} is event {earlier} already"))
        }
    };
    Fault { seq, rule, what }
}

/// Sorts with two threads where that pays.
fn sort(fingerprints: &mut [u64]) {
    if fingerprints.len() < 1 << 16 {
        fingerprints.sort_unstable();
        return;
    }
    // Cut by the top bit, each half sorts alone.
    let mut low = 0;
    let mut high = fingerprints.len();
    while low < high {
        match fingerprints.get(low).is_some_and(|fingerprint| fingerprint >> 63 == 0) {
            true => low += 1,
            false => {
                high -= 1;
                fingerprints.swap(low, high);
            }
        }
    }
    let (lower, upper) = fingerprints.split_at_mut(low);
    std::thread::scope(|scope| {
        scope.spawn(|| lower.sort_unstable());
        upper.sort_unstable();
    });
}
