//! The end of a run's file: what it holds and where. The format is in the [module documentation](super).

use super::bytes::{Fields, put_words};
use super::checksum::CheckKey;
use super::limits::{BLOCK_BYTES, FILTER_BITS, FOOTER_BYTES, RUN_RECORDS_MAX};
use super::record::{Family, KEY_WORDS, Key};

const MAGIC: [u8; 8] = *b"CFOILRUN";
const VERSION: u16 = 1;
const CHECKSUM_AT: usize = FOOTER_BYTES - 8;

/// Bytes of one partition of a filter on disk.
pub(crate) const PARTITION_BYTES: usize = 24;

/// What a footer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Footer {
    pub family: Family,
    pub ledger_id: [u8; 16],
    /// The number in the file's name, never used twice.
    pub number: u64,
    /// The seqs that were indexed: from here up to, not including, `to_seq`.
    pub from_seq: u64,
    pub to_seq: u64,
    pub records: u64,
    pub blocks: u32,
    /// 0 = no filter.
    pub filter_bits: u32,
    pub partitions: u32,
    pub filter_words: u64,
    /// The sum of all values.
    pub sum: i128,
    pub least_key: Key,
    pub greatest_key: Key,
    /// The smallest and the largest third word of any key (of movements: the time).
    pub third_words: (u64, u64),
    /// BLAKE3 of the section between blocks and footer.
    pub section_hash: [u8; 32],
}

impl Footer {
    /// Bytes of the section between blocks and footer: first keys, partitions, filter words; `None` when that can't be.
    pub(crate) fn section_bytes(&self) -> Option<u64> {
        let keys = u64::from(self.blocks) * (KEY_WORDS as u64 * 8);
        let partitions = u64::from(self.partitions) * PARTITION_BYTES as u64;
        self.filter_words.checked_mul(8)?.checked_add(keys + partitions)
    }

    /// Bytes of the whole file.
    pub(crate) fn file_bytes(&self) -> Option<u64> {
        self.section_bytes()?.checked_add(u64::from(self.blocks) * BLOCK_BYTES as u64 + FOOTER_BYTES as u64)
    }

    pub(crate) fn encode(&self, check: &CheckKey) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FOOTER_BYTES);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend([self.family.number(), 0]);
        bytes.extend(self.filter_bits.to_le_bytes());
        bytes.extend(self.ledger_id);
        put_words(&mut bytes, &[self.number, self.from_seq, self.to_seq, self.records]);
        bytes.extend(self.blocks.to_le_bytes());
        bytes.extend(self.partitions.to_le_bytes());
        put_words(&mut bytes, &[self.filter_words]);
        bytes.extend(self.sum.to_le_bytes());
        put_words(&mut bytes, &self.least_key);
        put_words(&mut bytes, &self.greatest_key);
        put_words(&mut bytes, &[self.third_words.0, self.third_words.1]);
        bytes.extend(self.section_hash);
        bytes.resize(CHECKSUM_AT, 0);
        bytes.extend(check.block(&bytes));
        bytes
    }

    /// Reads a footer whose file is `file_bytes` long.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn decode(bytes: &[u8; FOOTER_BYTES], check: &CheckKey, file_bytes: u64) -> Result<Footer, String> {
        if bytes[..8] != MAGIC {
            return Err("it does not end like a run".to_owned());
        }
        if bytes[8..10] != VERSION.to_le_bytes() {
            return Err(format!("format version {} is not known", u16::from_le_bytes([bytes[8], bytes[9]])));
        }
        if check.block(&bytes[..CHECKSUM_AT]) != bytes[CHECKSUM_AT..] {
            return Err("checksum of the footer does not match".to_owned());
        }
        let footer = Self::fields(bytes).ok_or("the footer has impossible fields")?;
        if footer.file_bytes() != Some(file_bytes) {
            return Err(format!("it has {file_bytes} bytes, its footer says {:?}", footer.file_bytes()));
        }
        let filtered = FILTER_BITS.contains(&footer.filter_bits) && footer.partitions > 0;
        let unfiltered = footer.filter_bits == 0 && footer.partitions == 0 && footer.filter_words == 0;
        let sensible = footer.blocks > 0 && (u64::from(footer.blocks)..=RUN_RECORDS_MAX).contains(&footer.records);
        if !sensible || !(filtered || unfiltered) || footer.from_seq >= footer.to_seq {
            return Err("the footer contradicts itself".to_owned());
        }
        Ok(footer)
    }

    fn fields(bytes: &[u8; FOOTER_BYTES]) -> Option<Footer> {
        let mut fields = Fields(&bytes[10..CHECKSUM_AT]);
        let family = Family::from_number(fields.u8()?)?;
        fields.u8()?;
        let filter_bits = fields.u32()?;
        let ledger_id = fields.bytes()?;
        let [number, from_seq, to_seq, records] = fields.words()?;
        Some(Footer {
            family,
            ledger_id,
            number,
            from_seq,
            to_seq,
            records,
            filter_bits,
            blocks: fields.u32()?,
            partitions: fields.u32()?,
            filter_words: fields.u64()?,
            sum: fields.i128()?,
            least_key: fields.words()?,
            greatest_key: fields.words()?,
            third_words: (fields.u64()?, fields.u64()?),
            section_hash: fields.bytes()?,
        })
    }
}
