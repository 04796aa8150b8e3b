//! Questions about the past: over the runs and what stands in memory behind them.

use super::error::IndexError;
use super::place::{Listing, Place, Side, Sorted, Walk};
use super::reader::Move;
use super::record::{
    BucketKey, Family, FigureKey, Key, List, Prefix, Record, prefix_of, time_to_word, word_to_time, zigzag,
};
use super::shared::{Shared, Snapshot};
use super::tail::Tail;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// The number of a position's lapsed holds among its buckets: their time is the deadline.
pub const LAPSES: u8 = 2;
/// The number of the counts of bucket 0 among a position's buckets; behind it those of bucket 1. Their value is the
/// figure that was counted.
pub const COUNTS: u8 = 3;

/// Everything that was folded up to a moment, in runs and in memory: it stays as it is while more is added.
#[derive(Clone)]
pub struct Known {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) tail: Arc<Tail>,
    pub(crate) shared: Arc<Shared>,
}

/// What one key range of a figure comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Change {
    /// The sum of the changes.
    pub sum: i128,
    /// The last seq among them.
    pub last_seq: u64,
}

/// One change of a figure by one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The figure's number.
    pub figure: u8,
    /// The number of the kind of event.
    pub kind: u8,
    /// The figure's own detail.
    pub detail: u64,
    /// By how much.
    pub delta: i64,
}

/// The last count of a bucket before some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Its moment.
    pub moment: i64,
    /// Its event.
    pub seq: u64,
    /// The figure.
    pub counted: i64,
}

/// Where in the order of time to sum from and to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first moment and seq.
    pub from: (i64, u64),
    /// The first ones behind.
    pub behind: (i64, u64),
}

/// Which positions: one, or all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// One, by item, location and lot.
    One(u32, u32, u32),
    /// All of an item.
    Item(u32),
    /// Every one.
    All,
}

impl Reach {
    fn prefixes(self) -> (Prefix, Prefix) {
        match self {
            Reach::One(item, location, lot) => {
                let first = BucketKey { item, location, lot, bucket: 0 }.prefix();
                (first, [first[0], first[1] | u64::from(u32::MAX)])
            }
            Reach::Item(item) => {
                let first = BucketKey { item, location: 0, lot: 0, bucket: 0 }.prefix();
                (first, [first[0] | u64::from(u32::MAX), u64::MAX])
            }
            Reach::All => ([0, 0], [u64::MAX, u64::MAX]),
        }
    }
}

impl Known {
    /// Seqs below this one are known.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.tail.next_seq
    }

    fn sources(&self, family: Family) -> impl DoubleEndedIterator<Item = Sorted> {
        let runs = self.snapshot.of(family).iter().cloned().map(Sorted::Run);
        runs.chain(self.tail.pieces().map(|(piece, end)| Sorted::Piece(Arc::clone(piece), end)))
    }

    /// Calls `visit` for every prefix in reach that has records between the bounds that `bounds` gives for it, with
    /// their sum and the last of them; once per run or piece. Reads each block at most once.
    fn walk(
        &self,
        family: Family,
        reach: Reach,
        within: impl Fn(&Sorted) -> bool,
        bounds: impl Fn(&Prefix) -> Option<([u64; 2], [u64; 2])>,
        mut visit: impl FnMut(&Prefix, i128, &Record),
    ) -> Result<(), IndexError> {
        let (first, last) = reach.prefixes();
        for sorted in self.sources(family).filter(within) {
            let mut walk = Walk::new(sorted, family, &self.shared);
            walk.seek(&[first[0], first[1], 0, 0])?;
            while let Some(key) = walk.key() {
                let prefix = [key[0], key[1]];
                if prefix > last {
                    break;
                }
                if let Some((low, high)) = bounds(&prefix).filter(|(low, high)| low < high) {
                    let low = [prefix[0], prefix[1], low[0], low[1]];
                    walk.seek(&low)?;
                    let before = walk.sum();
                    walk.seek(&[prefix[0], prefix[1], high[0], high[1]])?;
                    if let Some(record) = walk.previous().filter(|record| record.key >= low) {
                        visit(&prefix, walk.sum() - before, record);
                    }
                }
                walk.seek(&behind(&prefix))?;
            }
        }
        Ok(())
    }

    /// What the events below a seq came to, for every figure in reach and kind of event. Costs a few steps per run
    /// for each position in reach, however many events moved it.
    ///
    /// # Errors
    /// [`IndexError::Corrupted`], [`IndexError::Files`].
    pub fn changes_below(
        &self,
        reach: Reach,
        seq: u64,
        mut visit: impl FnMut(FigureKey, Change),
    ) -> Result<(), IndexError> {
        self.walk(
            Family::Changes,
            reach,
            |sorted| sorted.seqs().start < seq,
            |_| Some(([0, 0], [seq, 0])),
            |prefix, sum, last| visit(FigureKey::of_prefix(prefix), Change { sum, last_seq: last.key[2] }),
        )
    }

    /// The changes of these figures, to be gone through event by event from either end.
    #[must_use]
    pub fn changes(&self, figures: &[FigureKey]) -> Changes<'_> {
        let listing = |key: &FigureKey| {
            let sources = self.sources(Family::Changes);
            Listing::new(sources, Family::Changes, key.prefix(), 0, &self.shared)
        };
        Changes { listings: figures.iter().map(listing).collect() }
    }

    /// Visits what the events of a span changed of one figure, part by part of the index and in the order of seqs
    /// within each: as fast as reading blocks is, where [`changes`](Self::changes) searches for every event.
    ///
    /// # Errors
    /// [`IndexError::Corrupted`], [`IndexError::Files`].
    pub fn each_change(
        &self,
        figure: &FigureKey,
        seqs: Range<u64>,
        mut visit: impl FnMut(Step),
    ) -> Result<(), IndexError> {
        let prefix = figure.prefix();
        let low = [prefix[0], prefix[1], seqs.start, 0];
        let covers = |sorted: &Sorted| sorted.seqs().start < seqs.end && seqs.start < sorted.seqs().end;
        for sorted in self.sources(Family::Changes).filter(covers) {
            Place::new(sorted, Family::Changes).beside(&low, Side::Behind, &self.shared, |record| {
                let is_within = record.prefix() == prefix && record.key[2] < seqs.end;
                if is_within {
                    visit(step_of(record));
                }
                is_within
            })?;
        }
        Ok(())
    }

    /// For every bucket in reach the last count below a moment and seq, by (moment, seq).
    ///
    /// # Errors
    /// [`IndexError::Corrupted`], [`IndexError::Files`].
    pub fn counts_below(
        &self,
        reach: Reach,
        (moment, seq): (i64, u64),
    ) -> Result<BTreeMap<BucketKey, Count>, IndexError> {
        let high = [time_to_word(moment), seq];
        let mut counts: BTreeMap<BucketKey, Count> = BTreeMap::new();
        self.walk(
            Family::Moves,
            reach,
            |_| true,
            |prefix| (bucket_of(prefix).bucket >= COUNTS).then_some(([0, 0], high)),
            |prefix, _, last| {
                let count = Count { moment: word_to_time(last.key[2]), seq: last.key[3], counted: last.value };
                let mut bucket = bucket_of(prefix);
                bucket.bucket -= COUNTS;
                let known = counts.entry(bucket).or_insert(count);
                if (known.moment, known.seq) < (count.moment, count.seq) {
                    *known = count;
                }
            },
        )?;
        Ok(counts)
    }

    /// For every bucket in reach, lapsed holds included, the sum of its movements within the span that `span` gives.
    ///
    /// # Errors
    /// [`IndexError::Corrupted`], [`IndexError::Files`].
    pub fn moved_within(
        &self,
        reach: Reach,
        span: impl Fn(&BucketKey) -> Option<Span>,
    ) -> Result<BTreeMap<BucketKey, i128>, IndexError> {
        let words = |(time, seq): (i64, u64)| [time_to_word(time), seq];
        let mut sums: BTreeMap<BucketKey, i128> = BTreeMap::new();
        self.walk(
            Family::Moves,
            reach,
            |_| true,
            |prefix| {
                let bucket = Some(bucket_of(prefix)).filter(|bucket| bucket.bucket < COUNTS)?;
                span(&bucket).map(|span| (words(span.from), words(span.behind)))
            },
            |prefix, sum, _| *sums.entry(bucket_of(prefix)).or_default() += sum,
        )?;
        Ok(sums)
    }

    /// The movements, counts or lapses of a bucket from a moment and seq on, in order of (moment, seq), at
    /// most `places_max` different ones of these; of one event all that has the same moment.
    ///
    /// # Errors
    /// [`IndexError::Corrupted`], [`IndexError::Files`].
    pub fn moves_from(&self, bucket: &BucketKey, from: (i64, u64), places_max: usize) -> Result<Vec<Move>, IndexError> {
        let mut moves = self.moves_beside(bucket, from, Side::Behind, places_max)?;
        moves.sort_unstable();
        keep_places(&mut moves, places_max);
        Ok(moves)
    }

    /// The same below a moment and seq, from the last one back.
    ///
    /// # Errors
    /// [`IndexError::Corrupted`], [`IndexError::Files`].
    pub fn moves_below(
        &self,
        bucket: &BucketKey,
        behind: (i64, u64),
        places_max: usize,
    ) -> Result<Vec<Move>, IndexError> {
        let mut moves = self.moves_beside(bucket, behind, Side::Before, places_max)?;
        moves.sort_unstable_by(|one, other| other.cmp(one));
        keep_places(&mut moves, places_max);
        Ok(moves)
    }

    /// What each run and piece has nearest to a bound.
    fn moves_beside(
        &self,
        bucket: &BucketKey,
        (moment, seq): (i64, u64),
        side: Side,
        places_max: usize,
    ) -> Result<Vec<Move>, IndexError> {
        let key = bucket.at(time_to_word(moment), seq);
        let mut moves = Vec::new();
        for sorted in self.sources(Family::Moves) {
            let (mut places, mut last) = (0, None);
            Place::new(sorted, Family::Moves).beside(&key, side, &self.shared, |record| {
                let place = (record.key[2], record.key[3]);
                if last != Some(place) {
                    (places, last) = (places + 1, Some(place));
                }
                let wanted = record.prefix() == bucket.prefix() && places <= places_max;
                if wanted {
                    let occurred_at = word_to_time(record.key[2]);
                    moves.push(Move { occurred_at, seq: record.key[3], delta: record.value });
                }
                wanted
            })?;
        }
        Ok(moves)
    }

    /// The first event with this command id.
    ///
    /// # Errors
    /// [`IndexError::Corrupted`], [`IndexError::Files`].
    pub fn command(&self, id: &[u8; 16]) -> Result<Option<u64>, IndexError> {
        self.first_of(Family::Commands, prefix_of(id))
    }

    /// The first event with this external id, given as a hash of its source and text.
    ///
    /// # Errors
    /// [`IndexError::Corrupted`], [`IndexError::Files`].
    pub fn external(&self, hash: &[u8; 16]) -> Result<Option<u64>, IndexError> {
        self.first_of(Family::Externals, prefix_of(hash))
    }

    fn first_of(&self, family: Family, prefix: Prefix) -> Result<Option<u64>, IndexError> {
        let may_contain = |sorted: &Sorted| match sorted {
            Sorted::Run(run) => run.may_contain(&prefix),
            Sorted::Piece(..) => true,
        };
        let sources = self.sources(family).filter(may_contain);
        let found = Listing::new(sources, family, prefix, 0, &self.shared).first_from(0)?;
        Ok(found.map(|record| record.key[2]))
    }

    /// A list of seqs, to be gone through from either end.
    #[must_use]
    pub fn postings(&self, list: List, id: u64) -> Postings<'_> {
        let (prefix, bits) = (list.prefix(id), list.chunk_bits());
        let listing = Listing::new(self.sources(Family::Postings), Family::Postings, prefix, bits, &self.shared);
        Postings { listing, bits }
    }

    /// A seq near the last one that was recorded at or before an instant: not behind it, and at most
    /// [`TIME_SEQS`](super::limits::TIME_SEQS) before it. None where the first event was recorded later.
    ///
    /// # Errors
    /// [`IndexError::Corrupted`], [`IndexError::Files`].
    pub fn seq_near(&self, recorded_at: i64) -> Result<Option<u64>, IndexError> {
        let Some(high) = time_to_word(recorded_at).checked_add(1) else {
            return Ok(self.next_seq().checked_sub(1));
        };
        let high = [List::Time as u64, high, 0, 0];
        // Later seqs were recorded at later instants, so the newest source that has one has the last one.
        for sorted in self.sources(Family::Postings).rev() {
            let mut walk = Walk::new(sorted, Family::Postings, &self.shared);
            walk.seek(&high)?;
            if let Some(record) = walk.previous().filter(|record| record.key[0] == List::Time as u64) {
                return Ok(Some(record.key[2]));
            }
        }
        Ok(None)
    }
}

/// Changes of some figures, see [`Known::changes`].
pub struct Changes<'k> {
    listings: Vec<Listing<'k>>,
}

impl Changes<'_> {
    /// The first event from this seq on that changed one of them.
    ///
    /// # Errors
    /// [`IndexError::Corrupted`], [`IndexError::Files`].
    pub fn first_from(&mut self, seq: u64) -> Result<Option<u64>, IndexError> {
        let mut first: Option<u64> = None;
        for listing in &mut self.listings {
            let found = listing.first_from(seq)?.map(|record| record.key[2]);
            first = found.into_iter().chain(first).min();
        }
        Ok(first)
    }

    /// The last event below this seq that changed one of them.
    ///
    /// # Errors
    /// [`IndexError::Corrupted`], [`IndexError::Files`].
    pub fn last_below(&mut self, seq: u64) -> Result<Option<u64>, IndexError> {
        let mut last = None;
        for listing in &mut self.listings {
            last = last.max(listing.last_below(seq)?.map(|record| record.key[2]));
        }
        Ok(last)
    }

    /// What one event changed of them.
    ///
    /// # Errors
    /// [`IndexError::Corrupted`], [`IndexError::Files`].
    pub fn steps_at(&mut self, seq: u64) -> Result<Vec<Step>, IndexError> {
        let mut found = Vec::new();
        for listing in &mut self.listings {
            listing.all_at(seq, &mut found)?;
        }
        Ok(found.iter().map(step_of).collect())
    }
}

fn step_of(record: &Record) -> Step {
    let key = FigureKey::of_prefix(&record.prefix());
    Step { figure: key.figure, kind: key.kind, detail: record.key[3], delta: record.value }
}

/// Keeps what stands at the first so many places.
fn keep_places(moves: &mut Vec<Move>, places_max: usize) {
    let (mut places, mut last) = (0, None);
    let kept = moves.iter().take_while(|found| {
        let place = (found.occurred_at, found.seq);
        if last != Some(place) {
            (places, last) = (places + 1, Some(place));
        }
        places <= places_max
    });
    let kept = kept.count();
    moves.truncate(kept);
}

/// The first key behind all keys with a prefix.
fn behind(prefix: &Prefix) -> Key {
    match prefix[1].checked_add(1) {
        Some(second) => [prefix[0], second, 0, 0],
        None => [prefix[0].saturating_add(1), 0, 0, 0],
    }
}

fn bucket_of(prefix: &Prefix) -> BucketKey {
    let [first, second] = *prefix;
    let (item, location) = ((first >> 32) as u32, first as u32);
    BucketKey { item, location, lot: (second >> 32) as u32, bucket: second as u8 }
}

/// A list of seqs, see [`Known::postings`].
pub struct Postings<'k> {
    listing: Listing<'k>,
    bits: u32,
}

impl Postings<'_> {
    /// The smallest seq of the list that is this one or greater.
    ///
    /// # Errors
    /// [`IndexError::Corrupted`], [`IndexError::Files`].
    pub fn first_from(&mut self, seq: u64) -> Result<Option<u64>, IndexError> {
        let mut chunk = seq >> self.bits;
        let mut wanted = !0_u64 << (seq & self.mask());
        while let Some(record) = self.listing.first_from(chunk)? {
            let seqs = self.seqs_at(record)? & if record.key[2] == chunk { wanted } else { !0 };
            if seqs != 0 {
                return Ok(Some((record.key[2] << self.bits) + u64::from(seqs.trailing_zeros())));
            }
            chunk = record.key[2] + 1;
            wanted = !0;
        }
        Ok(None)
    }

    /// The greatest seq of the list that is below this one.
    ///
    /// # Errors
    /// [`IndexError::Corrupted`], [`IndexError::Files`].
    pub fn last_below(&mut self, seq: u64) -> Result<Option<u64>, IndexError> {
        let chunk = seq >> self.bits;
        let wanted = (1_u64 << (seq & self.mask())) - 1;
        let mut behind = chunk.saturating_add(1);
        while let Some(record) = self.listing.last_below(behind)? {
            let seqs = self.seqs_at(record)? & if record.key[2] == chunk { wanted } else { !0 };
            if seqs != 0 {
                return Ok(Some((record.key[2] << self.bits) + u64::from(seqs.ilog2())));
            }
            behind = record.key[2];
        }
        Ok(None)
    }

    fn mask(&self) -> u64 {
        (1 << self.bits) - 1
    }

    /// All seqs of a record's chunk, of which a neighbour may have a part.
    fn seqs_at(&mut self, record: Record) -> Result<u64, IndexError> {
        if self.bits == 0 {
            return Ok(1);
        }
        let mut parts = Vec::new();
        self.listing.all_at(record.key[2], &mut parts)?;
        Ok(parts.iter().fold(0, |seqs, part| seqs | zigzag(part.value)))
    }
}
