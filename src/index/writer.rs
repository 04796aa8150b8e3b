//! Writing a run: records in order go in, blocks go out, the block index and the filter grow beside them.

use super::block::{BLOCK_RECORDS_MAX, BlockPlan};
use super::bytes::put_words;
use super::checksum::CheckKey;
use super::error::IndexError;
use super::filter::{Filter, FilterBuilder, Partition};
use super::footer::Footer;
use super::limits::{BLOCKS_PER_PARTITION, FILTER_BITS, FILTER_BITS_LARGEST, RUN_RECORDS_MAX};
use super::record::{Family, Key, Prefix, Record};
use super::run::{Run, file_name};
use crate::files::{Files, NewFile};

/// Bytes that are handed to the file at once.
const WRITE_BYTES: usize = 64 * 1024;

/// What a new run is and covers.
pub(crate) struct RunPlan {
    pub family: Family,
    pub ledger_id: [u8; 16],
    pub number: u64,
    pub level: u8,
    pub from_seq: u64,
    pub to_seq: u64,
    /// The records that will be written.
    pub records: u64,
    /// The records of the family in the whole index, these included.
    pub records_of_family: u64,
}

/// A run that is being written.
pub(crate) struct RunWriter {
    file: Box<dyn NewFile>,
    footer: Footer,
    level: u8,
    check: CheckKey,
    output: Vec<u8>,
    first_keys: Vec<Key>,
    filter: Option<Filter>,
    builder: FilterBuilder,
    /// The distinct prefixes of the filter's current partition.
    partition: Vec<Prefix>,
}

/// Filter bits per id for a run that holds `records` of `of_family`: the smaller its share, the more bits, so that
/// every run adds about its share of 1 % to the misses that read.
pub(crate) fn filter_bits(records: u64, of_family: u64) -> u32 {
    let share = of_family.max(1) as f64 / records.max(1) as f64;
    let bits = (share.log2().max(0.0) + FILTER_BITS_LARGEST).round() as u32;
    bits.clamp(*FILTER_BITS.start(), *FILTER_BITS.end())
}

impl RunWriter {
    /// Starts a run's file.
    ///
    /// # Errors
    /// [`IndexError::Full`] when the run would be too large, [`IndexError::Files`].
    pub(crate) fn create(files: &dyn Files, plan: &RunPlan) -> Result<RunWriter, IndexError> {
        if plan.records > RUN_RECORDS_MAX {
            return Err(IndexError::Full { records: plan.records });
        }
        let check = CheckKey::new(&plan.ledger_id, plan.family, plan.number);
        let bits = filter_bits(plan.records, plan.records_of_family);
        let filter = plan.family.is_filtered().then(|| Filter::new(bits, check.filter_seed(), plan.records));
        let footer = Footer {
            family: plan.family,
            ledger_id: plan.ledger_id,
            number: plan.number,
            from_seq: plan.from_seq,
            to_seq: plan.to_seq,
            records: 0,
            blocks: 0,
            filter_bits: filter.as_ref().map_or(0, |filter| filter.bits),
            partitions: 0,
            filter_words: 0,
            sum: 0,
            least_key: Key::default(),
            greatest_key: Key::default(),
            third_words: (u64::MAX, 0),
            section_hash: [0; 32],
        };
        let file = files.create(&file_name(plan.family, plan.number))?;
        let (output, first_keys, partition) = (Vec::with_capacity(WRITE_BYTES), Vec::new(), Vec::new());
        Ok(RunWriter {
            file,
            footer,
            level: plan.level,
            check,
            output,
            first_keys,
            filter,
            builder: FilterBuilder::default(),
            partition,
        })
    }

    /// Takes whole blocks of sorted records from the front and leaves the rest, fewer than [`BLOCK_RECORDS_MAX`], to
    /// be followed by more.
    ///
    /// # Errors
    /// [`IndexError::Files`].
    pub(crate) fn take_blocks(&mut self, records: &mut Vec<Record>) -> Result<(), IndexError> {
        let mut written = 0;
        // Only then is it certain how many fit.
        while records.len() - written >= BLOCK_RECORDS_MAX {
            written += self.write_block(&records[written..])?;
        }
        records.drain(..written);
        Ok(())
    }

    /// Writes one block of the first records and answers how many they are.
    fn write_block(&mut self, records: &[Record]) -> Result<usize, IndexError> {
        let plan = BlockPlan::new(self.footer.family, records);
        let records = plan.records;
        let Some((first, last)) = records.first().zip(records.last()) else {
            return Ok(0);
        };
        let footer = &mut self.footer;
        self.output.extend(plan.encode(footer.blocks, footer.sum, &self.check));
        if footer.blocks == 0 {
            footer.least_key = first.key;
        }
        footer.greatest_key = last.key;
        footer.blocks += 1;
        footer.records += records.len() as u64;
        for record in records {
            footer.sum = footer.sum.wrapping_add(i128::from(record.value));
            footer.third_words = (footer.third_words.0.min(record.key[2]), footer.third_words.1.max(record.key[2]));
        }
        self.first_keys.push(first.key);
        self.filter_block(records);
        if self.output.len() >= WRITE_BYTES {
            self.file.append(&self.output)?;
            self.output.clear();
        }
        Ok(records.len())
    }

    fn filter_block(&mut self, records: &[Record]) {
        let Some(filter) = self.filter.as_mut() else { return };
        for record in records {
            let prefix = record.prefix();
            if self.partition.last() != Some(&prefix) {
                self.partition.push(prefix);
            }
        }
        if self.first_keys.len().is_multiple_of(BLOCKS_PER_PARTITION) {
            self.builder.add_partition(filter, &self.partition);
            self.partition.clear();
        }
    }

    /// Writes the records that [`take_blocks`](Self::take_blocks) left and makes the run durable; `None` when there
    /// were none at all, and then there is no file.
    ///
    /// # Errors
    /// [`IndexError::Files`].
    pub(crate) fn finish(mut self, rest: &[Record]) -> Result<Option<Run>, IndexError> {
        let mut written = 0;
        while written < rest.len() {
            written += self.write_block(&rest[written..])?;
        }
        if self.footer.blocks == 0 {
            return Ok(None);
        }
        if let Some(filter) = self.filter.as_mut() {
            self.builder.add_partition(filter, &self.partition);
            filter.words.shrink_to_fit();
            self.footer.partitions = filter.partitions.len() as u32;
            self.footer.filter_words = filter.words.len() as u64;
        }
        self.first_keys.shrink_to_fit();
        self.file.append(&self.output)?;
        self.write_section()?;
        self.file.append(&self.footer.encode(&self.check))?;
        let RunWriter { file, footer, level, check, first_keys, filter, .. } = self;
        let name = file_name(footer.family, footer.number);
        Ok(Some(Run { file: file.finish()?, name, footer, level, check, first_keys, filter }))
    }

    /// Writes block index and filter piece by piece, because at 100 million ids they are large.
    fn write_section(&mut self) -> Result<(), IndexError> {
        let mut hasher = self.check.hasher();
        let file = &mut self.file;
        let mut write = |bytes: &mut Vec<u8>| -> Result<(), IndexError> {
            hasher.update(bytes);
            file.append(bytes)?;
            bytes.clear();
            Ok(())
        };
        let mut bytes = Vec::with_capacity(WRITE_BYTES);
        for keys in self.first_keys.chunks(WRITE_BYTES / size_of::<Key>()) {
            keys.iter().for_each(|key| put_words(&mut bytes, key));
            write(&mut bytes)?;
        }
        let (partitions, words): (&[Partition], &[u64]) =
            self.filter.as_ref().map_or((&[], &[]), |filter| (&filter.partitions, &filter.words));
        for partitions in partitions.chunks(WRITE_BYTES / size_of::<Partition>()) {
            for partition in partitions {
                put_words(&mut bytes, &partition.first);
                bytes.extend(partition.offset.to_le_bytes());
                bytes.extend(partition.groups.to_le_bytes());
                bytes.extend(partition.attempt.to_le_bytes());
            }
            write(&mut bytes)?;
        }
        for words in words.chunks(WRITE_BYTES / 8) {
            put_words(&mut bytes, words);
            write(&mut bytes)?;
        }
        self.footer.section_hash = *hasher.finalize().as_bytes();
        Ok(())
    }
}
