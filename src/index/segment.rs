//! The next seqs to be indexed, collected in memory.

use super::cursor::compare;
use super::record::{
    BucketKey, Family, FigureKey, List, Prefix, Record, change_record, id_record, move_record, posting_record,
    shipment_record, unzigzag, zigzag,
};
use rustc_hash::FxHashMap;

/// Records of a range of seqs, in any order, until [`Index::add_segment`](super::Index::add_segment) sorts and
/// writes them.
#[derive(Debug, Clone, Default)]
pub struct Segment {
    from_seq: u64,
    pub(crate) records: [Vec<Record>; Family::ALL.len()],
    /// The seqs of the current chunk of each list that has many.
    chunks: FxHashMap<Prefix, u64>,
    chunk: u64,
}

impl Segment {
    /// An empty segment that begins with `from_seq`.
    pub fn new(from_seq: u64) -> Segment {
        Segment { from_seq, ..Segment::default() }
    }

    /// An empty segment that begins with `from_seq`, with room for as much as this one holds: growing takes longer than
    /// filling.
    pub fn next(&self, from_seq: u64) -> Segment {
        let records = self.records.each_ref().map(|records| Vec::with_capacity(records.len()));
        Segment { from_seq, records, ..Segment::default() }
    }

    /// What it holds as a segment of its own, without room for more; this one is empty then, begins with `from_seq` and
    /// keeps its room.
    pub fn take(&mut self, from_seq: u64) -> Segment {
        self.end_chunk();
        let records = self.records.clone();
        self.records.iter_mut().for_each(Vec::clear);
        let taken = Segment { from_seq: self.from_seq, records, ..Segment::default() };
        self.from_seq = from_seq;
        taken
    }

    /// The first seq of the segment.
    pub fn from_seq(&self) -> u64 {
        self.from_seq
    }

    /// Adds the command id of an event.
    pub fn insert_command(&mut self, seq: u64, command_id: &[u8; 16]) {
        self.insert(Family::Commands, id_record(command_id, seq));
    }

    /// Adds the external id of an event, as a hash of its source and text.
    pub fn insert_external(&mut self, seq: u64, hash: &[u8; 16]) {
        self.insert(Family::Externals, id_record(hash, seq));
    }

    /// Adds a movement of a bucket; an event may move one bucket several times.
    pub fn insert_move(&mut self, seq: u64, key: &BucketKey, occurred_at: i64, delta: i64) {
        self.insert(Family::Moves, move_record(key, occurred_at, seq, delta));
    }

    /// Adds units that left for an order (positive) or came back from it (negative).
    pub fn insert_shipment(&mut self, seq: u64, order: &[u8; 16], item: u32, lot: u32, units: i64) {
        self.insert(Family::Shipments, shipment_record(order, item, lot, seq, units));
    }

    /// Adds a change of a position's figure; the detail is the figure's own.
    pub fn insert_change(&mut self, seq: u64, key: &FigureKey, detail: u64, delta: i64) {
        self.insert(Family::Changes, change_record(key, seq, detail, delta));
    }

    /// Adds a seq, not below those before it, to the list of this id.
    pub fn insert_posting(&mut self, seq: u64, list: List, id: u64) {
        let (prefix, bits) = (list.prefix(id), list.chunk_bits());
        if bits == 0 {
            return self.insert(Family::Postings, posting_record(&prefix, seq, 1));
        }
        if self.chunk != seq >> bits {
            self.end_chunk();
            self.chunk = seq >> bits;
        }
        *self.chunks.entry(prefix).or_default() |= 1 << (seq & ((1 << bits) - 1));
    }

    fn end_chunk(&mut self) {
        let chunk = self.chunk;
        let records = self.chunks.drain().map(|(prefix, seqs)| posting_record(&prefix, chunk, seqs));
        self.records[Family::Postings.slot()].extend(records);
    }

    fn insert(&mut self, family: Family, record: Record) {
        self.records[family.slot()].push(record);
    }

    pub(crate) fn of(&self, family: Family) -> &[Record] {
        &self.records[family.slot()]
    }

    /// Puts the records into order; from here on it can be asked.
    pub(crate) fn sort(&mut self) {
        self.end_chunk();
        self.records.iter_mut().for_each(sort_records);
        join_chunks(&mut self.records[Family::Postings.slot()]);
    }

    /// Puts the records into order where they came by [`append`](Self::append): this sort finds the sorted parts and
    /// merges them.
    pub(crate) fn sort_appended(&mut self) {
        self.records.iter_mut().for_each(|records| records.sort_by(compare));
        join_chunks(&mut self.records[Family::Postings.slot()]);
    }

    /// Adds the records of the segment behind this one; both are sorted, the result is not.
    pub(crate) fn append(&mut self, next: &Segment) {
        for (records, more) in self.records.iter_mut().zip(&next.records) {
            records.extend_from_slice(more);
        }
    }
}

/// Makes one record of those of one list and chunk, which several segments had a part of.
pub(crate) fn join_chunks(records: &mut Vec<Record>) {
    records.dedup_by(|later, kept| {
        let same = later.key == kept.key;
        if same {
            kept.value = unzigzag(zigzag(kept.value) | zigzag(later.value));
        }
        same
    });
}

/// Records per bucket that [`sort_records`] aims at: few enough to be sorted in the fastest cache.
const BUCKET_RECORDS: usize = 128;

/// Sorts by distributing records evenly over buckets by their first word, then each bucket by itself; twice as fast as
/// sorting all at once where ids are random, and no slower where they are not.
fn sort_records(records: &mut Vec<Record>) {
    if records.len() <= 2 * BUCKET_RECORDS {
        return records.sort_unstable_by(compare);
    }
    let least = records.iter().map(|record| record.key[0]).min().unwrap_or(0);
    let most = records.iter().map(|record| record.key[0]).max().unwrap_or(0);
    let wanted = (records.len() / BUCKET_RECORDS).max(1).ilog2();
    let shift = (u64::BITS - (most - least).leading_zeros()).saturating_sub(wanted);
    let bucket_of = |record: &Record| (record.key[0] - least).checked_shr(shift).unwrap_or(0) as usize;
    let mut ends = vec![0; records.iter().map(bucket_of).max().unwrap_or(0) + 2];
    records.iter().for_each(|record| ends[bucket_of(record) + 1] += 1);
    for bucket in 1..ends.len() {
        ends[bucket] += ends[bucket - 1];
    }
    // `ends[b]` is where bucket b begins; filling moves it to where it ends.
    let mut sorted = vec![Record::default(); records.len()];
    for record in records.iter() {
        let end = &mut ends[bucket_of(record)];
        sorted[*end] = *record;
        *end += 1;
    }
    let mut rest = sorted.as_mut_slice();
    let mut start = 0;
    for end in ends {
        let (bucket, behind) = rest.split_at_mut(end - start);
        bucket.sort_unstable_by(compare);
        (rest, start) = (behind, end);
    }
    *records = sorted;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sorting_by_buckets_is_sorting(
            words in prop::collection::vec((any::<u64>(), 0..3_u64), 0..3_000), shift in 0..64_u32
        ) {
            let record = |(word, low): &(u64, u64)| Record { key: [word >> shift, *low, 0, 0], value: *low as i64 };
            let mut records: Vec<Record> = words.iter().map(record).collect();
            let mut expected = records.clone();
            expected.sort();
            sort_records(&mut records);
            prop_assert_eq!(records, expected);
        }
    }
}
