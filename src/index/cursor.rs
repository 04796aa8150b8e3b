//! Reading runs in order, one or many at once, in bounded memory.

use super::block::BlockBytes;
use super::error::IndexError;
use super::limits::{BLOCK_BYTES, MERGE_READ_BLOCKS};
use super::record::{Key, Record};
use super::run::Run;
use super::shared::Shared;
use std::cmp::Ordering;
use std::sync::Arc;

/// A place in one run.
struct Cursor {
    run: Arc<Run>,
    next_block: u32,
    /// Grows with every read, so that a short scan reads little and a long one reads fast.
    blocks_per_read: usize,
    records: Vec<Record>,
    at: usize,
}

impl Cursor {
    /// The records that were read and not taken yet.
    fn ready(&self) -> &[Record] {
        self.records.get(self.at..).unwrap_or_default()
    }

    fn is_at_end_of_file(&self) -> bool {
        self.next_block >= self.run.footer.blocks
    }

    /// Reads on when nothing is ready.
    fn fill(&mut self, bytes: &mut Vec<u8>, shared: &Shared) -> Result<(), IndexError> {
        if self.at < self.records.len() || self.is_at_end_of_file() {
            return Ok(());
        }
        let blocks = self.blocks_per_read.min((self.run.footer.blocks - self.next_block) as usize);
        self.blocks_per_read = (self.blocks_per_read * 2).min(MERGE_READ_BLOCKS);
        bytes.resize(blocks * BLOCK_BYTES, 0);
        shared.counters.count_block_reads(blocks as u64);
        self.run.read(self.next_block, bytes, shared)?;
        self.records.clear();
        self.at = 0;
        let (chunks, _) = bytes.as_chunks::<BLOCK_BYTES>();
        for chunk in chunks {
            let block: &BlockBytes = chunk;
            self.run.parse(self.next_block, block, shared)?.decode_into(&mut self.records);
            self.next_block += 1;
        }
        Ok(())
    }
}

/// The records of several runs in one order, batch by batch.
pub(crate) struct MergedRecords {
    cursors: Vec<Cursor>,
    bytes: Vec<u8>,
}

impl MergedRecords {
    /// All records of the runs.
    pub(crate) fn all(runs: &[Arc<Run>]) -> MergedRecords {
        Self::new(runs.iter().map(|run| (run.clone(), 0, MERGE_READ_BLOCKS)))
    }

    /// The records of the runs from the blocks on in which `low` is: some records below it come first.
    pub(crate) fn near<'a>(runs: impl Iterator<Item = &'a Arc<Run>>, low: &Key) -> MergedRecords {
        Self::new(runs.filter(|run| run.footer.greatest_key >= *low).map(|run| (run.clone(), run.block_of(low), 1)))
    }

    fn new(places: impl Iterator<Item = (Arc<Run>, u32, usize)>) -> MergedRecords {
        let cursor = |(run, next_block, blocks_per_read)| Cursor {
            run,
            next_block,
            blocks_per_read,
            records: Vec::new(),
            at: 0,
        };
        MergedRecords { cursors: places.map(cursor).collect(), bytes: Vec::new() }
    }

    /// Appends the next records in order; `false` at the end.
    ///
    /// Everything up to the smallest last record that is ready is taken from all runs and sorted: the sort finds the
    /// runs again and merges them, which is faster than picking record by record, and equal records come out in one
    /// order whatever runs they were in.
    ///
    /// # Errors
    /// [`IndexError::Corrupted`], [`IndexError::Files`].
    pub(crate) fn append_to(&mut self, batch: &mut Vec<Record>, shared: &Shared) -> Result<bool, IndexError> {
        let start = batch.len();
        for cursor in &mut self.cursors {
            cursor.fill(&mut self.bytes, shared)?;
        }
        let unfinished = self.cursors.iter().filter(|cursor| !cursor.is_at_end_of_file());
        let fence = unfinished.filter_map(|cursor| cursor.ready().last().copied()).min_by(compare);
        let mut sources = 0;
        for cursor in &mut self.cursors {
            let ready = cursor.ready();
            let taken =
                fence.map_or(ready.len(), |fence| ready.partition_point(|record| compare(record, &fence).is_le()));
            batch.extend_from_slice(&ready[..taken]);
            cursor.at += taken;
            sources += usize::from(taken > 0);
        }
        if sources > 1 {
            batch[start..].sort_by(compare);
        }
        Ok(sources > 0)
    }
}

/// The order of records, deciding by the first word wherever it can.
#[inline]
pub(crate) fn compare(left: &Record, right: &Record) -> Ordering {
    match left.key[0].cmp(&right.key[0]) {
        Ordering::Equal => (&left.key[1..], left.value).cmp(&(&right.key[1..], right.value)),
        different => different,
    }
}
