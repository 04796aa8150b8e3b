//! Asking the index.

use super::cursor::MergedRecords;
use super::error::IndexError;
use super::known::Known;
use super::limits::BLOCK_BYTES;
use super::record::{BucketKey, Family, Key, Prefix, Record, digest_bytes, prefix_of, time_to_word, word_to_time};
use super::run::Run;
use super::segment::join_chunks;
use super::shared::{Rebuild, Shared, Snapshot};
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What look-ups of ids cost since the index was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexCounters {
    /// Look-ups of command ids and external ids, each by itself.
    pub lookups: u64,
    /// Those that found nothing.
    pub misses: u64,
    /// Those that found nothing and read nothing.
    pub misses_without_read: u64,
    /// Blocks read, by look-ups, sums, scans and merges.
    pub block_reads: u64,
}

/// What the index takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IndexSizes {
    /// Runs of all families.
    pub runs: u64,
    /// Records of all families.
    pub records: u64,
    /// Bytes of all runs on disk.
    pub disk_bytes: u64,
    /// Bytes of filters in memory.
    pub filter_bytes: u64,
    /// Bytes of block indexes in memory.
    pub block_index_bytes: u64,
}

/// A digest of what each family holds, whatever runs it lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexDigest {
    /// Seqs below this one are covered.
    pub covered_to: u64,
    /// BLAKE3 over all command ids in order.
    pub commands: [u8; 32],
    /// BLAKE3 over all external ids in order.
    pub externals: [u8; 32],
    /// BLAKE3 over all movements in order.
    pub moves: [u8; 32],
    /// BLAKE3 over all shipments in order.
    pub shipments: [u8; 32],
    /// BLAKE3 over all changes of figures in order.
    pub changes: [u8; 32],
    /// BLAKE3 over all lists of seqs in order.
    pub postings: [u8; 32],
}

/// Ids that are looked for together, each with a place of its owner's.
#[derive(Debug, Default)]
pub struct IdSet {
    ids: Vec<IdAt>,
}

#[derive(Debug)]
struct IdAt {
    prefix: Prefix,
    place: u32,
    is_marked: bool,
}

impl IdSet {
    /// None, and no mark.
    pub fn clear(&mut self) {
        self.ids.clear();
    }

    /// Adds an id.
    pub fn push(&mut self, id: &[u8; 16], place: u32) {
        self.ids.push(IdAt { prefix: prefix_of(id), place, is_marked: false });
    }

    /// The places of the ids that are marked, in no order.
    pub fn marked(&self) -> impl Iterator<Item = u32> {
        self.ids.iter().filter(|id| id.is_marked).map(|id| id.place)
    }
}

/// One movement of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Move {
    /// When it happened, in microseconds since 1970.
    pub occurred_at: i64,
    /// The event that recorded it.
    pub seq: u64,
    /// Units in the item's smallest unit, negative when they left.
    pub delta: i64,
}

/// Units of one item and lot that an order has got and not returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shipped {
    /// The item's id.
    pub item: u32,
    /// The lot's id, 0 when not lot-tracked.
    pub lot: u32,
    /// Shipped less returned; wide enough for any sum of 64-bit amounts.
    pub units: i128,
}

/// Asks the index from any thread; clones are cheap, and no question waits for a merge.
#[derive(Clone)]
pub struct IndexReader {
    pub(crate) shared: Arc<Shared>,
}

impl IndexReader {
    /// The index of this moment. Whoever combines it with [`Recent`](super::Recent) asks one view and passes its
    /// [`covered_to`](IndexView::covered_to), so that nothing counts twice.
    pub fn view(&self) -> IndexView {
        IndexView { snapshot: self.shared.snapshot(), shared: self.shared.clone() }
    }

    /// Seqs below this one are indexed.
    pub fn covered_to(&self) -> u64 {
        self.shared.snapshot().covered_to
    }

    /// Everything that was folded so far, in runs and in memory.
    pub fn known(&self) -> Known {
        let (snapshot, tail) = self.shared.current();
        Known { snapshot, tail, shared: self.shared.clone() }
    }

    /// The same once it knows the seqs below this one; what there is where that takes longer than the patience. What
    /// was taken in lately is put into order when somebody asks for it, so here.
    pub fn known_to(&self, next_seq: u64, patience: Duration) -> Known {
        let known = self.known();
        if known.next_seq() >= next_seq {
            return known;
        }
        let known = self.known();
        if known.next_seq() >= next_seq {
            return known;
        }
        self.shared.ask(next_seq);
        self.shared.wait_until(Instant::now() + patience, |shared| shared.tail().next_seq >= next_seq);
        self.known()
    }

    /// Waits until the seqs below this one were taken in, or for this long; asks for nothing.
    pub fn wait_folded(&self, next_seq: u64, patience: Duration) {
        self.shared.wait_until(Instant::now() + patience, |shared| shared.folded() >= next_seq);
    }

    /// What was found damaged last and how far the index is built again since; none where nothing was. It is over when
    /// all of the log was taken in.
    pub fn rebuild(&self) -> Option<Rebuild> {
        self.shared.rebuild()
    }

    /// What look-ups cost so far.
    pub fn counters(&self) -> IndexCounters {
        let counters = &self.shared.counters;
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        IndexCounters {
            lookups: load(&counters.lookups),
            misses: load(&counters.misses),
            misses_without_read: load(&counters.misses_without_read),
            block_reads: load(&counters.block_reads),
        }
    }

    /// See [`IndexView::command`].
    ///
    /// # Errors
    /// As there.
    pub fn command(&self, command_id: &[u8; 16]) -> Result<Option<u64>, IndexError> {
        self.view().command(command_id)
    }

    /// See [`IndexView::external`].
    ///
    /// # Errors
    /// As there.
    pub fn external(&self, hash: &[u8; 16]) -> Result<Option<u64>, IndexError> {
        self.view().external(hash)
    }

    /// See [`IndexView::moved_after`].
    ///
    /// # Errors
    /// As there.
    pub fn moved_after(&self, key: &BucketKey, occurred_at: i64) -> Result<i128, IndexError> {
        self.view().moved_after(key, occurred_at)
    }

    /// See [`IndexView::shipped`].
    ///
    /// # Errors
    /// As there.
    pub fn shipped(&self, order: &[u8; 16]) -> Result<Vec<Shipped>, IndexError> {
        self.view().shipped(order)
    }
}

/// The index of one moment: it stays as it is while segments are added and runs merged.
#[derive(Clone)]
pub struct IndexView {
    snapshot: Arc<Snapshot>,
    shared: Arc<Shared>,
}

impl IndexView {
    /// Seqs below this one are indexed.
    pub fn covered_to(&self) -> u64 {
        self.snapshot.covered_to
    }

    /// The hash of the last covered event; zeros when none is.
    pub fn last_hash(&self) -> [u8; 32] {
        self.snapshot.last_hash
    }

    /// The smallest seq with this command id. Nearly all misses read nothing, a hit reads one block of 4 KiB.
    ///
    /// # Errors
    /// [`IndexError::Corrupted`], [`IndexError::Files`].
    pub fn command(&self, command_id: &[u8; 16]) -> Result<Option<u64>, IndexError> {
        self.id(Family::Commands, command_id)
    }

    /// The smallest seq with this external id, given as a hash of its source and text. Costs as
    /// [`command`](Self::command).
    ///
    /// # Errors
    /// [`IndexError::Corrupted`], [`IndexError::Files`].
    pub fn external(&self, hash: &[u8; 16]) -> Result<Option<u64>, IndexError> {
        self.id(Family::Externals, hash)
    }

    /// Marks the command ids that may be in the index; those that are not marked surely are not. Reads nothing, and
    /// for many ids takes a fraction of the time of asking for each alone.
    pub fn mark_commands(&self, ids: &mut IdSet) {
        self.mark(Family::Commands, ids);
    }

    /// Marks the external ids that may be in the index, as [`mark_commands`](Self::mark_commands) does.
    pub fn mark_externals(&self, ids: &mut IdSet) {
        self.mark(Family::Externals, ids);
    }

    fn mark(&self, family: Family, ids: &mut IdSet) {
        ids.ids.sort_unstable_by_key(|id| id.prefix);
        // Run by run and in their order, so that the parts of a filter are used one after the other.
        for run in self.snapshot.of(family) {
            for id in ids.ids.iter_mut().filter(|id| !id.is_marked) {
                id.is_marked = run.may_contain(&id.prefix);
            }
        }
    }

    fn id(&self, family: Family, id: &[u8; 16]) -> Result<Option<u64>, IndexError> {
        let prefix = prefix_of(id);
        let counters = &self.shared.counters;
        let mut read = false;
        // Older runs hold smaller seqs, so the first one found is the smallest.
        for run in self.snapshot.of(family).iter().filter(|run| run.may_contain(&prefix)) {
            read = true;
            if let Some(seq) = first_seq(run, &prefix, &self.shared)? {
                counters.count_lookup(true, read);
                return Ok(Some(seq));
            }
        }
        counters.count_lookup(false, read);
        Ok(None)
    }

    /// The sum of all movements of a bucket that happened later than `occurred_at`. Reads at most two blocks per
    /// run, none of runs that are all older.
    ///
    /// # Errors
    /// [`IndexError::Corrupted`], [`IndexError::Files`].
    pub fn moved_after(&self, key: &BucketKey, occurred_at: i64) -> Result<i128, IndexError> {
        let Some(after) = time_to_word(occurred_at).checked_add(1) else {
            return Ok(0);
        };
        let (low, high) = (key.at(after, 0), behind(&key.prefix()));
        let runs = self.snapshot.of(Family::Moves).iter().filter(|run| run.footer.third_words.1 >= after);
        let mut sum = 0_i128;
        for run in runs {
            sum = sum.wrapping_add(run.range_sum(&low, &high, &self.shared)?);
        }
        Ok(sum)
    }

    /// The movements of a bucket whose `occurred_at` is in a range, in order of (occurred_at, seq), read as they are
    /// asked for.
    pub fn moves(&self, key: &BucketKey, occurred_at: impl RangeBounds<i64>) -> Moves {
        let first = match occurred_at.start_bound() {
            Bound::Included(time) => Some(time_to_word(*time)),
            Bound::Excluded(time) => time_to_word(*time).checked_add(1),
            Bound::Unbounded => Some(0),
        };
        let last = match occurred_at.end_bound() {
            Bound::Included(time) => Some(time_to_word(*time)),
            Bound::Excluded(time) => time_to_word(*time).checked_sub(1),
            Bound::Unbounded => Some(u64::MAX),
        };
        // An empty range is one that no run reaches.
        let (first, last) = first.zip(last).unwrap_or((1, 0));
        let (low, high) = (key.at(first, 0), key.at(last, u64::MAX));
        let runs = self.snapshot.of(Family::Moves).iter();
        let runs =
            runs.filter(|run| first <= last && run.footer.third_words.1 >= first && run.footer.third_words.0 <= last);
        Moves { range: KeyRange::new(runs, low, high), shared: self.shared.clone() }
    }

    /// What an order has got and not returned, by item and lot; lines that came back whole are listed with 0.
    ///
    /// # Errors
    /// [`IndexError::Corrupted`], [`IndexError::Files`].
    pub fn shipped(&self, order: &[u8; 16]) -> Result<Vec<Shipped>, IndexError> {
        let prefix = prefix_of(order);
        let runs = self.snapshot.of(Family::Shipments).iter().filter(|run| run.may_contain(&prefix));
        let mut range = KeyRange::new(runs, [prefix[0], prefix[1], 0, 0], [prefix[0], prefix[1], u64::MAX, u64::MAX]);
        let mut lines: Vec<Shipped> = Vec::new();
        while let Some(record) = range.next(&self.shared)? {
            let (item, lot) = ((record.key[2] >> 32) as u32, record.key[2] as u32);
            match lines.last_mut().filter(|line| (line.item, line.lot) == (item, lot)) {
                Some(line) => line.units = line.units.wrapping_add(i128::from(record.value)),
                None => lines.push(Shipped { item, lot, units: i128::from(record.value) }),
            }
        }
        Ok(lines)
    }

    /// Reads everything and digests it, so that this index can be compared with one that was built again.
    ///
    /// # Errors
    /// [`IndexError::Corrupted`], [`IndexError::Files`].
    pub fn digest(&self) -> Result<IndexDigest, IndexError> {
        let of = |family: Family| -> Result<[u8; 32], IndexError> {
            let mut hasher = blake3::Hasher::new();
            let mut records = MergedRecords::all(self.snapshot.of(family));
            let (mut batch, mut bytes) = (Vec::new(), Vec::new());
            loop {
                let more = records.append_to(&mut batch, &self.shared)?;
                let mut last = None;
                if family == Family::Postings {
                    // A chunk may lie in parts; the last one may go on in the next batch.
                    join_chunks(&mut batch);
                    last = if more { batch.pop() } else { None };
                }
                bytes.clear();
                bytes.extend(batch.drain(..).flat_map(|record| digest_bytes(&record)));
                hasher.update(&bytes);
                batch.extend(last);
                if !more {
                    break;
                }
            }
            Ok(*hasher.finalize().as_bytes())
        };
        Ok(IndexDigest {
            covered_to: self.covered_to(),
            commands: of(Family::Commands)?,
            externals: of(Family::Externals)?,
            moves: of(Family::Moves)?,
            shipments: of(Family::Shipments)?,
            changes: of(Family::Changes)?,
            postings: of(Family::Postings)?,
        })
    }

    /// What the index takes on disk and in memory.
    pub fn sizes(&self) -> IndexSizes {
        let mut sizes = IndexSizes::default();
        for run in self.snapshot.runs.iter().flatten() {
            sizes.runs += 1;
            sizes.records += run.footer.records;
            sizes.disk_bytes += run.file.len();
            sizes.filter_bytes += run.filter_bytes() as u64;
            sizes.block_index_bytes += run.first_keys_bytes() as u64;
        }
        sizes
    }
}

/// The first key behind all keys with a prefix. The second word of a bucket's prefix ends in the bucket's 8 bits, so
/// it can't overflow.
fn behind(prefix: &Prefix) -> Key {
    [prefix[0], prefix[1].saturating_add(1), 0, 0]
}

/// The smallest seq of an id in one run.
fn first_seq(run: &Run, prefix: &Prefix, shared: &Shared) -> Result<Option<u64>, IndexError> {
    let low = [prefix[0], prefix[1], 0, 0];
    let number = run.block_of(&low);
    let mut bytes = [0; BLOCK_BYTES];
    let block = run.block(number, &mut bytes, shared)?;
    let below = block.records_below(&low);
    let key = if below < block.len() {
        Some(block.record(below).key)
    } else {
        run.first_keys.get(number as usize + 1).copied()
    };
    Ok(key.filter(|key| key[..2] == prefix[..]).map(|key| key[2]))
}

/// The records between two keys, both included.
struct KeyRange {
    records: MergedRecords,
    batch: std::vec::IntoIter<Record>,
    low: Key,
    high: Key,
    finished: bool,
}

impl KeyRange {
    fn new<'a>(runs: impl Iterator<Item = &'a Arc<Run>>, low: Key, high: Key) -> KeyRange {
        let runs = runs.filter(|run| run.footer.least_key <= high);
        KeyRange { records: MergedRecords::near(runs, &low), batch: Vec::new().into_iter(), low, high, finished: false }
    }

    fn next(&mut self, shared: &Shared) -> Result<Option<Record>, IndexError> {
        while !self.finished {
            if let Some(record) = self.batch.next() {
                return Ok(Some(record));
            }
            let mut batch = Vec::new();
            self.records.append_to(&mut batch, shared).inspect_err(|_| self.finished = true)?;
            self.finished = batch.last().is_none_or(|last| last.key > self.high);
            batch.retain(|record| (self.low..=self.high).contains(&record.key));
            self.batch = batch.into_iter();
        }
        Ok(self.batch.next())
    }
}

/// Movements of one bucket in order, see [`IndexView::moves`]. Ends after an error.
pub struct Moves {
    range: KeyRange,
    shared: Arc<Shared>,
}

impl Iterator for Moves {
    type Item = Result<Move, IndexError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.range.next(&self.shared).transpose()?;
        Some(record.map(|record| Move {
            occurred_at: word_to_time(record.key[2]),
            seq: record.key[3],
            delta: record.value,
        }))
    }
}
