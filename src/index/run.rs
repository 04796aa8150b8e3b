//! A run: an immutable file of sorted records, with what is needed in memory to find a block of it.

use super::block::{Block, BlockBytes};
use super::bytes::Fields;
use super::checksum::CheckKey;
use super::error::IndexError;
use super::filter::{Filter, Partition};
use super::footer::{Footer, PARTITION_BYTES};
use super::limits::{BLOCK_BYTES, FOOTER_BYTES};
use super::record::{Family, KEY_WORDS, Key, Prefix};
use super::shared::Shared;
use crate::files::{Files, OpenFile};
use std::sync::Arc;

/// A run that is ready to be asked.
pub(crate) struct Run {
    pub file: Arc<dyn OpenFile>,
    pub name: String,
    pub footer: Footer,
    /// How many merges its oldest records went through; the manifest knows it.
    pub level: u8,
    pub check: CheckKey,
    /// The first key of every block.
    pub first_keys: Vec<Key>,
    pub filter: Option<Filter>,
}

/// The name of a run's file.
pub(crate) fn file_name(family: Family, number: u64) -> String {
    format!("{}-{number:016x}.run", family.name())
}

/// Whether a file is a run's by its name.
pub(crate) fn is_run_name(name: &str) -> bool {
    let number =
        Family::ALL.iter().find_map(|family| name.strip_prefix(family.name())?.strip_prefix('-')?.strip_suffix(".run"));
    number.is_some_and(|number| number.len() == 16 && u64::from_str_radix(number, 16).is_ok())
}

impl Run {
    /// Opens a run and loads its block index and filter.
    ///
    /// # Errors
    /// [`IndexError::Corrupted`] when anything but a block is wrong (blocks are checked when they are read);
    /// [`IndexError::Files`].
    pub(crate) fn open(
        files: &dyn Files,
        ledger_id: &[u8; 16],
        family: Family,
        number: u64,
        level: u8,
    ) -> Result<Run, IndexError> {
        let name = file_name(family, number);
        let file = files.open(&name)?;
        let check = CheckKey::new(ledger_id, family, number);
        let corrupted = |what: String| IndexError::corrupted(&name, what);
        let mut bytes = [0; FOOTER_BYTES];
        let Some(footer_at) = file.len().checked_sub(FOOTER_BYTES as u64) else {
            return Err(corrupted(format!("{} bytes are too few for a run", file.len())));
        };
        file.read_exact_at(footer_at, &mut bytes)?;
        let footer = Footer::decode(&bytes, &check, file.len()).map_err(corrupted)?;
        if (footer.family, &footer.ledger_id, footer.number) != (family, ledger_id, number) {
            return Err(corrupted("it is another run".to_owned()));
        }
        let section_at = u64::from(footer.blocks) * BLOCK_BYTES as u64;
        let section_bytes =
            usize::try_from(footer_at.saturating_sub(section_at)).map_err(|_| corrupted("too large".to_owned()))?;
        let mut section = vec![0; section_bytes];
        file.read_exact_at(section_at, &mut section)?;
        if check.hasher().update(&section).finalize() != footer.section_hash {
            return Err(corrupted("checksum of block index and filter does not match".to_owned()));
        }
        let (first_keys, filter) = decode_section(&footer, &section, check.filter_seed())
            .ok_or_else(|| corrupted("the block index ends too early".to_owned()))?;
        Ok(Run { file, name, footer, level, check, first_keys, filter })
    }

    /// Bytes of filter in memory.
    pub(crate) fn filter_bytes(&self) -> usize {
        self.filter.as_ref().map_or(0, Filter::bytes)
    }

    /// Bytes of the block index in memory.
    pub(crate) fn first_keys_bytes(&self) -> usize {
        self.first_keys.len() * size_of::<Key>()
    }

    /// Whether records with this prefix may be here; `false` is certain and reads nothing.
    pub(crate) fn may_contain(&self, prefix: &Prefix) -> bool {
        let [first, second, ..] = self.footer.least_key;
        let [third, fourth, ..] = self.footer.greatest_key;
        ([first, second]..=[third, fourth]).contains(prefix)
            && self.filter.as_ref().is_none_or(|filter| filter.may_contain(prefix))
    }

    /// The block in which the first key at or above `key` is, or behind which it begins.
    pub(crate) fn block_of(&self, key: &Key) -> u32 {
        // Equal keys may begin in the block before the first one that starts with them.
        self.first_keys.partition_point(|first| first < key).saturating_sub(1) as u32
    }

    /// Reads and checks one block.
    ///
    /// # Errors
    /// [`IndexError::Corrupted`], [`IndexError::Files`].
    pub(crate) fn block<'a>(
        &self,
        number: u32,
        bytes: &'a mut BlockBytes,
        shared: &Shared,
    ) -> Result<Block<'a>, IndexError> {
        shared.counters.count_block_reads(1);
        self.read(number, bytes, shared)?;
        self.parse(number, bytes, shared)
    }

    /// Reads blocks from this one on, as many as there is room for. Damage is told.
    ///
    /// # Errors
    /// [`IndexError::Files`].
    pub(crate) fn read(&self, number: u32, bytes: &mut [u8], shared: &Shared) -> Result<(), IndexError> {
        let read = self.file.read_exact_at(u64::from(number) * BLOCK_BYTES as u64, bytes);
        read.map_err(IndexError::from).inspect_err(|error| shared.met(self, error))
    }

    /// Checks one block that was read. Damage is told.
    ///
    /// # Errors
    /// [`IndexError::Corrupted`].
    pub(crate) fn parse<'a>(
        &self,
        number: u32,
        bytes: &'a BlockBytes,
        shared: &Shared,
    ) -> Result<Block<'a>, IndexError> {
        self.checked(number, bytes).inspect_err(|error| shared.met(self, error))
    }

    fn checked<'a>(&self, number: u32, bytes: &'a BlockBytes) -> Result<Block<'a>, IndexError> {
        let block = Block::parse(bytes, self.footer.family, number, &self.check)
            .map_err(|what| IndexError::corrupted(&self.name, what))?;
        let expected = self.first_keys.get(number as usize);
        if expected != Some(&block.record(0).key) {
            return Err(IndexError::corrupted(
                &self.name,
                format!("block {number} does not begin with the key of the block index"),
            ));
        }
        Ok(block)
    }

    /// The sum of the values of all records with `low <= key < high`, by reading at most two blocks.
    ///
    /// # Errors
    /// [`IndexError::Corrupted`], [`IndexError::Files`].
    pub(crate) fn range_sum(&self, low: &Key, high: &Key, shared: &Shared) -> Result<i128, IndexError> {
        if low >= high || *high <= self.footer.least_key || *low > self.footer.greatest_key {
            return Ok(0);
        }
        let mut bytes = [0; BLOCK_BYTES];
        let low_block = self.block_of(low);
        if self.block_of(high) == low_block {
            let block = self.block(low_block, &mut bytes, shared)?;
            let (from, to) = (block.records_below(low), block.records_below(high));
            return Ok(block.sum_in_front_of(to).wrapping_sub(block.sum_in_front_of(from)));
        }
        Ok(self.sum_below(high, &mut bytes, shared)?.wrapping_sub(self.sum_below(low, &mut bytes, shared)?))
    }

    fn sum_below(&self, key: &Key, bytes: &mut BlockBytes, shared: &Shared) -> Result<i128, IndexError> {
        if *key <= self.footer.least_key {
            return Ok(0);
        }
        if *key > self.footer.greatest_key {
            return Ok(self.footer.sum);
        }
        let block = self.block(self.block_of(key), bytes, shared)?;
        Ok(block.sum_in_front_of(block.records_below(key)))
    }
}

fn decode_section(footer: &Footer, section: &[u8], seed: [u64; 2]) -> Option<(Vec<Key>, Option<Filter>)> {
    let mut fields = Fields(section);
    let keys = fields.slice(footer.blocks as usize * KEY_WORDS * 8)?;
    let first_keys =
        keys.chunks_exact(KEY_WORDS * 8).map(|chunk| Fields(chunk).words()).collect::<Option<Vec<Key>>>()?;
    let partitions = fields.slice(footer.partitions as usize * PARTITION_BYTES)?;
    let partitions = partitions.chunks_exact(PARTITION_BYTES).map(|chunk| {
        let mut fields = Fields(chunk);
        Some(Partition { first: fields.words()?, offset: fields.u32()?, groups: fields.u16()?, attempt: fields.u16()? })
    });
    let partitions = partitions.collect::<Option<Vec<Partition>>>()?;
    let words = fields.0.chunks_exact(8).map(|chunk| Fields(chunk).u64()).collect::<Option<Vec<u64>>>()?;
    let filter = (footer.filter_bits > 0).then_some(Filter { bits: footer.filter_bits, seed, partitions, words });
    Some((first_keys, filter))
}

#[cfg(test)]
mod tests {
    use super::super::cursor::compare;
    use super::super::record::Record;
    use super::super::shared::Snapshot;
    use super::super::writer::{RunPlan, RunWriter};
    use super::*;
    use crate::files::MemoryFiles;
    use proptest::prelude::*;

    fn run_of(mut records: Vec<Record>) -> Run {
        records.sort_by(compare);
        let plan = RunPlan {
            family: Family::Moves,
            ledger_id: [1; 16],
            number: 1,
            level: 0,
            from_seq: 0,
            to_seq: 1,
            records: records.len() as u64,
            records_of_family: records.len() as u64,
        };
        let files = MemoryFiles::new();
        let mut writer = RunWriter::create(&files, &plan).unwrap();
        writer.take_blocks(&mut records).unwrap();
        let written = writer.finish(&records).unwrap().unwrap();
        let opened = Run::open(&files, &[1; 16], Family::Moves, 1, 0).unwrap();
        assert_eq!((&opened.footer, &opened.first_keys), (&written.footer, &written.first_keys));
        opened
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn sums_between_any_two_keys_are_right_even_where_equal_keys_fill_blocks(
            keys in prop::collection::vec((0..6_u64, 0..3_u64, any::<i64>()), 1..4_000),
            probes in prop::collection::vec(((0..8_u64, 0..4_u64), (0..8_u64, 0..4_u64)), 1..40),
        ) {
            let record = |(item, time, value): &(u64, u64, i64)| Record { key: [*item, 0, *time, 0], value: *value };
            let records: Vec<Record> = keys.iter().map(record).collect();
            let run = run_of(records.clone());
            let shared = Shared::new(Arc::new(MemoryFiles::new()), Snapshot::empty());
            for ((low_item, low_time), (high_item, high_time)) in probes {
                let (low, high) = ([low_item, 0, low_time, 0], [high_item, 0, high_time, 0]);
                let within = records.iter().filter(|record| low <= record.key && record.key < high);
                let expected: i128 = within.map(|record| i128::from(record.value)).sum();
                prop_assert_eq!(run.range_sum(&low, &high, &shared).unwrap(), expected);
            }
        }
    }
}
