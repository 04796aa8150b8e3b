//! Looking up what the state does not hold: the newest part in memory, the rest in the index, events in the log.

use super::answer::{ReadOnly, SubmitError};
use crate::domain::command::Command;
use crate::domain::decide::{Looked, Needs, needs};
use crate::domain::event::{Event, Recorded};
use crate::domain::ids::{CommandId, ItemId, Moment, Position, Seq, Timestamp};
use crate::domain::line::Bucket;
use crate::domain::state::State;
use crate::index::records::{NameKey, Record, for_each_record, for_each_record_with, insert_history, order_key};
use crate::index::{BucketKey, IdSet, IndexError, IndexReader, IndexView, Recent, Segment, Shipped};
use crate::limits::CATCH_UP_EVENTS_MAX;
use crate::log::{LastBatch, StoreReader, scan_from};
use smallvec::SmallVec;
use std::cell::RefCell;
use std::sync::Arc;

/// What is known of the index and an id before it is looked up there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indexed {
    /// The index as it was at the look of this number surely does not hold it; another look must ask.
    NotAt(u64),
    /// It may hold it.
    Perhaps,
}

/// The writer's eyes. What is decided but not indexed yet is in memory, so unsynced groups are seen too.
///
/// View and memory always reach each other: a view that ends before the memory begins, because the index is built again
/// from its first event, is not taken. Until one is that reaches it, or what lies between was read from the log, the
/// older view is asked; what of it is damaged is an error, never an answer.
pub struct Lookup {
    index: IndexReader,
    /// The index as it was when this was asked to look again.
    view: IndexView,
    /// The number of that look.
    look: u64,
    /// Everything from this event on is in memory.
    remembers_from: Seq,
    /// Whether the index was found to end before that.
    is_overtaken: bool,
    commands: IdSet,
    externals: IdSet,
    log: Arc<dyn StoreReader>,
    recent: Recent,
    /// What a unit that is being decided would add: dropped with it.
    unit: Option<Recent>,
    /// The frame that an event was read from last: who sends again what was sent before asks for its neighbours next.
    read: RefCell<LastBatch>,
}

impl Lookup {
    /// Looks into this index and log, with nothing in memory yet.
    pub fn new(index: IndexReader, log: Arc<dyn StoreReader>) -> Self {
        let (view, commands, externals) = (index.view(), IdSet::default(), IdSet::default());
        let (recent, unit, read) = (Recent::new(), None, RefCell::default());
        let (look, remembers_from, is_overtaken) = (0, Seq(0), false);
        Self { index, view, look, remembers_from, is_overtaken, commands, externals, log, recent, unit, read }
    }

    /// Looks at the index as it is now, where it reaches what is remembered.
    pub fn refresh(&mut self) {
        let view = self.index.view();
        self.is_overtaken = view.covered_to() < self.remembers_from.0;
        if !self.is_overtaken {
            self.take(view);
        }
    }

    fn take(&mut self, view: IndexView) {
        self.view = view;
        self.look += 1;
    }

    /// Whether the index is built again and does not reach yet what is remembered here: an older view of it is asked.
    pub fn is_overtaken(&self) -> bool {
        self.is_overtaken
    }

    /// That the index surely does not hold an id, as it is until it is looked at again.
    pub fn not_indexed(&self) -> Indexed {
        Indexed::NotAt(self.look)
    }

    /// The places of those ids that the index may hold, as it is until the next [`refresh`](Self::refresh); it
    /// surely does not hold the others.
    pub fn perhaps_indexed<'a>(
        &'a mut self,
        ids: impl Iterator<Item = (u32, CommandId, Option<NameKey>)>,
    ) -> impl Iterator<Item = u32> + 'a {
        self.commands.clear();
        self.externals.clear();
        for (place, command, external) in ids {
            self.commands.push(&command.bytes(), place);
            external.iter().for_each(|key| self.externals.push(key, place));
        }
        self.view.mark_commands(&mut self.commands);
        self.view.mark_externals(&mut self.externals);
        self.commands.marked().chain(self.externals.marked())
    }

    /// The first event that the index, as it is asked, does not cover.
    pub fn covered(&self) -> Seq {
        Seq(self.view.covered_to())
    }

    /// Remembers what an event with this external key leaves in the indexes.
    pub fn insert(&mut self, seq: Seq, event: &Event, external: Option<NameKey>) {
        let recent = self.unit.as_mut().unwrap_or(&mut self.recent);
        for_each_record_with(event, external, |record| insert_recent(recent, seq, record));
    }

    /// Looks at the index as it is now, and puts into memory what it does not cover: the durable events below a seq, read
    /// from the log, and those behind them, which are not durable yet. After an error everything is as it was.
    ///
    /// # Errors
    /// [`SubmitError::ReadOnly`] where the index is further behind than is read at once; [`SubmitError::LookupFailed`]
    /// where the log can't be read.
    pub fn remember_log<'e>(
        &mut self,
        until: Seq,
        behind: impl Iterator<Item = &'e Recorded>,
    ) -> Result<(), SubmitError> {
        let view = self.index.view();
        let covered = Seq(view.covered_to());
        if until.0.saturating_sub(covered.0) > CATCH_UP_EVENTS_MAX {
            return Err(SubmitError::ReadOnly(ReadOnly::CatchingUp { covered, head: until }));
        }
        let (mut recent, mut next) = (Recent::new(), covered);
        let mut scanned = scan_from(self.log.as_ref(), covered);
        while next < until {
            let missing = || lookup_failed(std::io::Error::other(format!("event {next} is not in the log")));
            let scanned = scanned.next().ok_or_else(missing)?.map_err(lookup_failed)?;
            for_each_record(&scanned.event, |record| insert_recent(&mut recent, scanned.seq, record));
            next = scanned.seq.next();
        }
        drop(scanned);
        for Recorded { seq, event, .. } in behind {
            for_each_record(event, |record| insert_recent(&mut recent, *seq, record));
        }
        (self.recent, self.remembers_from, self.is_overtaken) = (recent, covered, false);
        self.take(view);
        Ok(())
    }

    /// From here on [`insert`](Self::insert) remembers only until [`end_unit`](Self::end_unit).
    pub fn begin_unit(&mut self) {
        self.unit = Some(Recent::new());
    }

    /// Forgets what was remembered since [`begin_unit`](Self::begin_unit).
    pub fn end_unit(&mut self) {
        self.unit = None;
    }

    /// Looks at the index as it is now, and forgets what it covers below this seq.
    pub fn trim(&mut self, covered: Seq) {
        self.refresh();
        self.recent.trim(covered.min(self.covered()).0);
        self.remembers_from = self.remembers_from.max(Seq(self.recent.trimmed_to()));
    }

    /// Events from this seq on were not written after all.
    pub fn forget_from(&mut self, seq: Seq) {
        self.recent.forget_from(seq.0);
    }

    /// The event that answers a command.
    pub fn command(&self, id: CommandId, indexed: Indexed) -> Result<Option<Seq>, SubmitError> {
        let bytes = id.bytes();
        let find = |recent: &Recent| recent.command(&bytes, self.view.covered_to());
        let recent = find(&self.recent).or_else(|| self.unit.as_ref().and_then(find));
        match (recent, indexed) {
            (Some(seq), _) => Ok(Some(Seq(seq))),
            (None, Indexed::NotAt(look)) if look == self.look => Ok(None),
            (None, _) => Ok(self.view.command(&bytes).map_err(lookup_failed)?.map(Seq)),
        }
    }

    /// The event that answers a till's delta.
    pub fn external(&self, key: NameKey, indexed: Indexed) -> Result<Option<Seq>, SubmitError> {
        let find = |recent: &Recent| recent.external(&key, self.view.covered_to());
        let recent = find(&self.recent).or_else(|| self.unit.as_ref().and_then(find));
        match (recent, indexed) {
            (Some(seq), _) => Ok(Some(Seq(seq))),
            (None, Indexed::NotAt(look)) if look == self.look => Ok(None),
            (None, _) => Ok(self.view.external(&key).map_err(lookup_failed)?.map(Seq)),
        }
    }

    /// A durable event.
    pub fn event(&self, seq: Seq) -> Result<Recorded, SubmitError> {
        let event = self.read.borrow_mut().event(self.log.as_ref(), seq).map_err(lookup_failed)?;
        let missing = || std::io::Error::other(format!("event {seq} is in the index but not in the log"));
        event.map(Recorded::from).ok_or_else(|| lookup_failed(missing()))
    }

    /// Everything that a command's decision needs to know beside the state.
    pub fn look(&self, state: &State, command: &Command, now: Timestamp) -> Result<Looked, SubmitError> {
        let mut looked = Looked::default();
        match needs(state, command, now) {
            Needs::Nothing => {}
            Needs::Returnable(order) => looked.returnable = self.returnable(&order_key(&order))?,
            Needs::Later { at, buckets } => {
                for bucket in buckets {
                    looked.later.push(match bucket {
                        None => 0,
                        Some((position, bucket)) => self.moved_after(position, bucket, at)?,
                    });
                }
            }
        }
        Ok(looked)
    }

    fn moved_after(&self, position: Position, bucket: Bucket, at: Moment) -> Result<i64, SubmitError> {
        let view = &self.view;
        let key = bucket_key(position, bucket);
        let find = |recent: &Recent| recent.moved_after(&key, at.0, view.covered_to());
        let recent = find(&self.recent) + self.unit.as_ref().map_or(0, find);
        let sum = view.moved_after(&key, at.0).map_err(lookup_failed)? + recent;
        i64::try_from(sum).map_err(lookup_failed)
    }

    fn returnable(&self, order: &NameKey) -> Result<SmallVec<[(ItemId, i64); 1]>, SubmitError> {
        let view = &self.view;
        let find = |recent: &Recent| recent.shipped(order, view.covered_to());
        let mut parts = view.shipped(order).map_err(lookup_failed)?;
        parts.extend(find(&self.recent));
        parts.extend(self.unit.as_ref().map(find).unwrap_or_default());
        let mut sums: SmallVec<[(ItemId, i128); 1]> = SmallVec::new();
        for Shipped { item, units, .. } in parts {
            match sums.iter_mut().find(|(known, _)| known.0 == item) {
                Some((_, sum)) => *sum += units,
                None => sums.push((ItemId(item), units)),
            }
        }
        let whole = |(item, units)| i64::try_from(units).map(|units| (item, units)).map_err(lookup_failed);
        sums.into_iter().map(whole).collect()
    }
}

/// Whether a look-up failed because a part of the index is damaged.
pub(super) fn is_damage(error: &SubmitError) -> bool {
    match error {
        SubmitError::LookupFailed(error) => error.downcast_ref::<IndexError>().is_some_and(IndexError::is_damage),
        _ => false,
    }
}

fn lookup_failed(error: impl std::error::Error + Send + Sync + 'static) -> SubmitError {
    SubmitError::LookupFailed(Arc::new(error))
}

/// What the movements of a bucket are looked up by.
pub(super) fn bucket_key(position: Position, bucket: Bucket) -> BucketKey {
    let bucket = match bucket {
        Bucket::Sellable => 0,
        Bucket::Unsellable => 1,
    };
    BucketKey { item: position.item.0, location: position.location.0, lot: position.lot.0, bucket }
}

fn insert_recent(recent: &mut Recent, Seq(seq): Seq, record: Record) {
    match record {
        Record::Command(id) => recent.insert_command(seq, &id.bytes()),
        Record::External(key) => recent.insert_external(seq, &key),
        Record::Move { position, bucket, at, delta } => {
            recent.insert_move(seq, &bucket_key(position, bucket), at.0, delta);
        }
        Record::Shipment { order, item, lot, units } => recent.insert_shipment(seq, &order, item.0, lot.0, units),
    }
}

/// Puts what an event leaves into a segment of the index that is being built, given the state before it.
pub(super) fn insert_segment(segment: &mut Segment, state: &State, Seq(seq): Seq, event: &Event) {
    insert_history(segment, state, Seq(seq), event);
    for_each_record(event, |record| match record {
        Record::Command(id) => segment.insert_command(seq, &id.bytes()),
        Record::External(key) => segment.insert_external(seq, &key),
        Record::Move { position, bucket, at, delta } => {
            segment.insert_move(seq, &bucket_key(position, bucket), at.0, delta);
        }
        Record::Shipment { order, item, lot, units } => segment.insert_shipment(seq, &order, item.0, lot.0, units),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Files, MemoryFiles};
    use crate::index::Index;
    use crate::log::memory_store::MemoryDisk;
    use crate::log::{MemoryStore, Store};

    fn command(number: u8) -> CommandId {
        CommandId::from_bytes([number; 16])
    }

    /// Indexes one event with this command id.
    fn index_one(index: &mut Index, number: u8) {
        let seq = index.covered_to();
        let mut segment = Segment::new(seq);
        segment.insert_command(seq, &[number; 16]);
        segment.insert_external(seq, &[number; 16]);
        index.add_segment(segment, seq + 1, [number; 32]).unwrap();
    }

    fn lookup(index: &Index) -> Lookup {
        let store = MemoryStore::open(&MemoryDisk::new()).unwrap();
        Lookup::new(index.reader(), store.reader())
    }

    #[test]
    fn what_one_look_surely_did_not_find_is_asked_again_at_the_next() {
        let mut index = Index::open(Arc::new(MemoryFiles::new()), [1; 16]).unwrap().0;
        let mut lookup = lookup(&index);
        index_one(&mut index, 7);
        let indexed = lookup.not_indexed();
        assert_eq!(lookup.command(command(7), indexed).unwrap(), None, "the view is older");
        lookup.refresh();
        assert_eq!(lookup.command(command(7), indexed).unwrap(), Some(Seq(0)));
        let indexed = lookup.not_indexed();
        lookup.remember_log(Seq(1), std::iter::empty()).unwrap();
        assert_eq!(lookup.external([7; 16], indexed).unwrap(), Some(Seq(0)));
    }

    #[test]
    fn a_view_that_ends_before_what_is_remembered_is_not_taken() {
        let files = MemoryFiles::new();
        let mut index = Index::open(Arc::new(files.clone()), [1; 16]).unwrap().0;
        index_one(&mut index, 7);
        drop(index);
        let externals = files.list().unwrap().into_iter().find(|name| name.starts_with("externals")).unwrap();
        files.damage(&externals, |bytes| bytes[1_000] ^= 1);
        let mut index = Index::open(Arc::new(files), [1; 16]).unwrap().0;
        let mut lookup = lookup(&index);
        lookup.remember_log(Seq(1), std::iter::empty()).unwrap();
        assert!(is_damage(&lookup.external([7; 16], Indexed::Perhaps).unwrap_err()));
        assert!(index.is_dropped() && index.covered_to() == 0);
        lookup.refresh();
        lookup.trim(Seq(1));
        assert!(lookup.is_overtaken() && lookup.covered() == Seq(1));
        assert_eq!(
            lookup.command(command(7), Indexed::Perhaps).unwrap(),
            Some(Seq(0)),
            "the older view still knows it"
        );
        // The log does not hold what the index lacks: everything stays as it was.
        assert!(lookup.remember_log(Seq(1), std::iter::empty()).is_err());
        assert!(lookup.is_overtaken() && lookup.covered() == Seq(1));
        let far = lookup.remember_log(Seq(CATCH_UP_EVENTS_MAX + 1), std::iter::empty());
        assert!(matches!(far, Err(SubmitError::ReadOnly(ReadOnly::CatchingUp { covered: Seq(0), .. }))), "{far:?}");
        index.begin_again().unwrap();
        index_one(&mut index, 7);
        lookup.refresh();
        assert!(!lookup.is_overtaken());
        assert_eq!(lookup.external([7; 16], Indexed::Perhaps).unwrap(), Some(Seq(0)));
    }
}
