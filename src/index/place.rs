//! Going through one run, or one piece in memory, from key to key.

use super::error::IndexError;
use super::limits::BLOCK_BYTES;
use super::record::{Family, Key, Prefix, Record};
use super::run::Run;
use super::segment::Segment;
use super::shared::Shared;
use std::ops::Range;
use std::sync::Arc;

/// Sorted records, wherever they lie.
#[derive(Clone)]
pub(crate) enum Sorted {
    Run(Arc<Run>),
    /// A piece, and the seq behind its last.
    Piece(Arc<Segment>, u64),
}

impl Sorted {
    /// The seqs that it covers.
    pub(crate) fn seqs(&self) -> Range<u64> {
        match self {
            Sorted::Run(run) => run.footer.from_seq..run.footer.to_seq,
            Sorted::Piece(piece, to_seq) => piece.from_seq()..*to_seq,
        }
    }
}

/// A block of sorted records, kept while questions stay within it.
pub(crate) struct Place {
    pub(crate) sorted: Sorted,
    family: Family,
    block: u32,
    loaded: bool,
    records: Vec<Record>,
    /// The sum of all values before the block.
    sum_before: i128,
}

impl Place {
    pub(crate) fn new(sorted: Sorted, family: Family) -> Place {
        Place { sorted, family, block: 0, loaded: false, records: Vec::new(), sum_before: 0 }
    }

    /// The records of the block that was gone to.
    pub(crate) fn records(&self) -> &[Record] {
        match &self.sorted {
            Sorted::Run(_) => &self.records,
            Sorted::Piece(piece, _) => piece.of(self.family),
        }
    }

    /// The first key behind the block that was gone to.
    pub(crate) fn next_key(&self) -> Option<Key> {
        match &self.sorted {
            Sorted::Run(run) => run.first_keys.get(self.block as usize + 1).copied(),
            Sorted::Piece(..) => None,
        }
    }

    /// Goes to the last block that begins below the key, or to the first one. Whether it is another block than before.
    pub(crate) fn go_to(&mut self, key: &Key, shared: &Shared) -> Result<bool, IndexError> {
        let Sorted::Run(run) = &self.sorted else {
            return Ok(!std::mem::replace(&mut self.loaded, true));
        };
        let keys = &run.first_keys;
        let behind = |block: usize| keys.get(block).is_none_or(|first| first >= key);
        let at = self.block as usize;
        let stays = self.loaded && (at == 0 || keys.get(at).is_some_and(|first| first < key)) && behind(at + 1);
        if stays {
            return Ok(false);
        }
        let block = match self.loaded && keys.get(at + 1).is_some_and(|first| first < key) && behind(at + 2) {
            true => self.block + 1,
            false => run.block_of(key),
        };
        self.go(block, shared)
    }

    /// Goes to the next block where its first key is wanted. A block that is not wanted is not read: who asks again
    /// would come back to this one.
    fn step_where(&mut self, wanted: impl Fn(&Key) -> bool, shared: &Shared) -> Result<bool, IndexError> {
        match self.next_key().is_some_and(|key| wanted(&key)) {
            true => self.step(true, shared),
            false => Ok(false),
        }
    }

    /// Goes to the block beside this one; false where there is none.
    pub(crate) fn step(&mut self, forward: bool, shared: &Shared) -> Result<bool, IndexError> {
        let Sorted::Run(run) = &self.sorted else { return Ok(false) };
        let next = if forward { self.block.checked_add(1) } else { self.block.checked_sub(1) };
        match next.filter(|block| *block < run.footer.blocks) {
            Some(block) => self.go(block, shared),
            None => Ok(false),
        }
    }

    fn go(&mut self, number: u32, shared: &Shared) -> Result<bool, IndexError> {
        let Sorted::Run(run) = &self.sorted else { return Ok(false) };
        if self.loaded && self.block == number {
            return Ok(false);
        }
        self.loaded = false;
        let mut bytes = [0; BLOCK_BYTES];
        let block = run.block(number, &mut bytes, shared)?;
        self.records.clear();
        block.decode_into(&mut self.records);
        self.sum_before = block.sum_in_front_of(0);
        (self.block, self.loaded) = (number, true);
        Ok(true)
    }
}

/// A side of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The records below it, from the last one back.
    Before,
    /// The records at or above it.
    Behind,
}

impl Place {
    /// Visits the records on one side of a key, the nearest first, as long as `visit` wants more.
    pub(crate) fn beside(
        &mut self,
        key: &Key,
        side: Side,
        shared: &Shared,
        mut visit: impl FnMut(&Record) -> bool,
    ) -> Result<(), IndexError> {
        self.go_to(key, shared)?;
        let mut at = self.records().partition_point(|record| record.key < *key);
        loop {
            let found = match side {
                Side::Before => at.checked_sub(1),
                Side::Behind => Some(at).filter(|at| *at < self.records().len()),
            };
            match found.and_then(|at| self.records().get(at)).copied() {
                Some(record) if !visit(&record) => return Ok(()),
                Some(_) => at = if side == Side::Before { at - 1 } else { at + 1 },
                None if !self.step(side == Side::Behind, shared)? => return Ok(()),
                None => at = if side == Side::Before { self.records().len() } else { 0 },
            }
        }
    }
}

/// A walk forward with a running sum of values.
pub(crate) struct Walk<'c> {
    place: Place,
    shared: &'c Shared,
    at: usize,
    sum: i128,
}

impl<'c> Walk<'c> {
    pub(crate) fn new(sorted: Sorted, family: Family, shared: &'c Shared) -> Walk<'c> {
        Walk { place: Place::new(sorted, family), shared, at: 0, sum: 0 }
    }

    /// Goes to the first record at or above the key, which is not below the one before.
    pub(crate) fn seek(&mut self, key: &Key) -> Result<(), IndexError> {
        if self.place.go_to(key, self.shared)? {
            (self.at, self.sum) = (0, self.place.sum_before);
        }
        let rest = self.place.records().get(self.at..).unwrap_or_default();
        let passed = gallop(rest, key);
        self.sum += rest.iter().take(passed).map(|record| i128::from(record.value)).sum::<i128>();
        self.at += passed;
        Ok(())
    }

    /// The key of the record that was gone to.
    pub(crate) fn key(&self) -> Option<Key> {
        self.place.records().get(self.at).map(|record| record.key).or_else(|| self.place.next_key())
    }

    /// The record before it.
    pub(crate) fn previous(&self) -> Option<&Record> {
        self.place.records().get(self.at.checked_sub(1)?)
    }

    /// The sum of all values before it.
    pub(crate) fn sum(&self) -> i128 {
        self.sum
    }
}

/// How many records at the front lie below the key: few steps where it is near.
fn gallop(records: &[Record], key: &Key) -> usize {
    let mut reach = 1;
    while records.get(reach).is_some_and(|record| record.key < *key) {
        reach *= 2;
    }
    let (low, high) = (reach / 2, records.len().min(reach + 1));
    low + records.get(low..high).unwrap_or_default().partition_point(|record| record.key < *key)
}

/// The records of one prefix over sources whose seqs follow each other, and the third word of whose keys ascends with
/// the seq.
pub(crate) struct Listing<'c> {
    /// From the oldest to the newest.
    places: Vec<Place>,
    prefix: Prefix,
    /// Seqs of the third word's unit, as a power of two.
    bits: u32,
    shared: &'c Shared,
}

impl<'c> Listing<'c> {
    pub(crate) fn new(
        sources: impl Iterator<Item = Sorted>,
        family: Family,
        prefix: Prefix,
        bits: u32,
        shared: &'c Shared,
    ) -> Listing<'c> {
        let places = sources.map(|sorted| Place::new(sorted, family)).collect();
        Listing { places, prefix, bits, shared }
    }

    /// The first record whose third word is this one or greater.
    pub(crate) fn first_from(&mut self, third: u64) -> Result<Option<Record>, IndexError> {
        let (key, prefix) = ([self.prefix[0], self.prefix[1], third, 0], self.prefix);
        let first_seq = third.checked_shl(self.bits).unwrap_or(u64::MAX);
        for place in self.places.iter_mut().filter(|place| place.sorted.seqs().end > first_seq) {
            place.go_to(&key, self.shared)?;
            let mut at = place.records().partition_point(|record| record.key < key);
            let is_wanted = |key: &Key| [key[0], key[1]] == prefix;
            if at == place.records().len() && place.step_where(is_wanted, self.shared)? {
                at = 0;
            }
            if let Some(record) = place.records().get(at).filter(|record| record.prefix() == prefix) {
                return Ok(Some(*record));
            }
        }
        Ok(None)
    }

    /// The last record whose third word is below this one.
    pub(crate) fn last_below(&mut self, third: u64) -> Result<Option<Record>, IndexError> {
        let (key, prefix) = ([self.prefix[0], self.prefix[1], third, 0], self.prefix);
        for place in self.places.iter_mut().rev() {
            if place.sorted.seqs().start >> self.bits >= third {
                continue;
            }
            place.go_to(&key, self.shared)?;
            let below = place.records().partition_point(|record| record.key < key);
            let last = below.checked_sub(1).and_then(|at| place.records().get(at));
            if let Some(record) = last.filter(|record| record.prefix() == prefix) {
                return Ok(Some(*record));
            }
        }
        Ok(None)
    }

    /// All records with this third word.
    pub(crate) fn all_at(&mut self, third: u64, found: &mut Vec<Record>) -> Result<(), IndexError> {
        let (key, prefix) = ([self.prefix[0], self.prefix[1], third, 0], self.prefix);
        let seqs = third.checked_shl(self.bits).unwrap_or(u64::MAX);
        let (first, behind) = (seqs, seqs.saturating_add(1 << self.bits));
        for place in &mut self.places {
            let covered = place.sorted.seqs();
            if covered.end <= first || covered.start >= behind {
                continue;
            }
            place.go_to(&key, self.shared)?;
            let mut at = place.records().partition_point(|record| record.key < key);
            loop {
                let Some(record) = place.records().get(at) else {
                    let is_wanted = |key: &Key| key[..3] == [prefix[0], prefix[1], third];
                    if !place.step_where(is_wanted, self.shared)? {
                        break;
                    }
                    at = 0;
                    continue;
                };
                if record.prefix() != prefix || record.key[2] != third {
                    break;
                }
                found.push(*record);
                at += 1;
            }
        }
        Ok(())
    }
}
