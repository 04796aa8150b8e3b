//! A block: up to 4 KiB of sorted records, stored as columns of fixed width.
//!
//! Within a block each field of the key, and the value, needs only the bytes by which its values differ from the
//! smallest of them. Columns of one width decode without branches and can be searched in place. The format is in the
//! [module documentation](super).

use super::checksum::CheckKey;
use super::limits::BLOCK_BYTES;
use super::record::{FIELDS_MAX, Family, Key, Record, unzigzag, zigzag};
use std::cmp::Ordering;

/// Fields and the value.
const COLUMNS_MAX: usize = FIELDS_MAX + 1;

const WIDTHS_AT: usize = 24;
const LEAST_AT: usize = 32;
const CHECKSUM_AT: usize = BLOCK_BYTES - 8;

/// Bounds what decoding one block costs when nearly all of its columns are constant.
pub(crate) const BLOCK_RECORDS_MAX: usize = 1_024;

/// The bytes of one block.
pub(crate) type BlockBytes = [u8; BLOCK_BYTES];

/// The smallest and the largest value of each column.
#[derive(Clone, Copy)]
struct Spans {
    least: [u64; COLUMNS_MAX],
    most: [u64; COLUMNS_MAX],
}

impl Spans {
    const EMPTY: Spans = Spans { least: [u64::MAX; COLUMNS_MAX], most: [0; COLUMNS_MAX] };

    fn include(&mut self, family: Family, records: &[Record]) {
        let fields = family.fields();
        for (column, field) in fields.iter().enumerate() {
            self.include_column(column, records.iter().map(|record| field.of(&record.key)));
        }
        self.include_column(fields.len(), records.iter().map(|record| zigzag(record.value)));
    }

    #[inline]
    fn include_column(&mut self, column: usize, values: impl Iterator<Item = u64>) {
        let bounds = (self.least[column], self.most[column]);
        let bounds = values.fold(bounds, |(least, most), value| (least.min(value), most.max(value)));
        (self.least[column], self.most[column]) = bounds;
    }

    fn width(&self, column: usize) -> usize {
        let range = self.most[column].saturating_sub(self.least[column]);
        (u64::BITS - range.leading_zeros()).div_ceil(8) as usize
    }

    fn fits(&self, family: Family, records: usize) -> bool {
        let columns = family.fields().len() + 1;
        let width: usize = (0..columns).map(|column| self.width(column)).sum();
        records <= BLOCK_RECORDS_MAX && LEAST_AT + 8 * columns + width * records <= CHECKSUM_AT
    }
}

/// The first records of a run's rest, as many as fit into one block.
pub(crate) struct BlockPlan<'a> {
    family: Family,
    pub records: &'a [Record],
    spans: Spans,
}

impl<'a> BlockPlan<'a> {
    /// Takes as many records as fit, at least 1 when there are any.
    pub(crate) fn new(family: Family, records: &'a [Record]) -> BlockPlan<'a> {
        let mut spans = Spans::EMPTY;
        let mut fitting = 0;
        for step in [64, 16, 4, 1] {
            while let Some(more) = records.get(fitting..).filter(|rest| !rest.is_empty()) {
                let more = &more[..step.min(more.len())];
                let mut wider = spans;
                wider.include(family, more);
                if !wider.fits(family, fitting + more.len()) {
                    break;
                }
                spans = wider;
                fitting += more.len();
            }
        }
        BlockPlan { family, records: &records[..fitting], spans }
    }

    /// Writes the records as block number `number`; `sum_before` is the sum of all values of the run before them.
    pub(crate) fn encode(&self, number: u32, sum_before: i128, check: &CheckKey) -> BlockBytes {
        let mut bytes = [0; BLOCK_BYTES];
        let BlockPlan { family, records, spans } = self;
        let fields = family.fields();
        bytes[0..2].copy_from_slice(&(records.len() as u16).to_le_bytes());
        bytes[4..8].copy_from_slice(&number.to_le_bytes());
        bytes[8..24].copy_from_slice(&sum_before.to_le_bytes());
        let mut at = LEAST_AT + 8 * (fields.len() + 1);
        for column in 0..=fields.len() {
            let (least, width) = (spans.least[column], spans.width(column));
            bytes[WIDTHS_AT + column] = width as u8;
            bytes[LEAST_AT + 8 * column..][..8].copy_from_slice(&least.to_le_bytes());
            match fields.get(column) {
                Some(field) => {
                    put_column(&mut bytes, at, width, records.iter().map(|record| field.of(&record.key) - least))
                }
                None => put_column(&mut bytes, at, width, records.iter().map(|record| zigzag(record.value) - least)),
            }
            at += width * records.len();
        }
        let checksum = check.block(&bytes[..CHECKSUM_AT]);
        bytes[CHECKSUM_AT..].copy_from_slice(&checksum);
        bytes
    }
}

/// Writes whole words, each over the unused high bytes of the one before; what the last one spills is zero.
#[inline]
fn put_column(bytes: &mut BlockBytes, at: usize, width: usize, values: impl Iterator<Item = u64>) {
    if width == 0 {
        return;
    }
    let mut at = at;
    for value in values {
        bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        at += width;
    }
}

/// A checked block, searched in place.
pub(crate) struct Block<'a> {
    bytes: &'a BlockBytes,
    family: Family,
    records: usize,
    sum_before: i128,
    columns: [Column; COLUMNS_MAX],
}

#[derive(Clone, Copy, Default)]
struct Column {
    at: usize,
    width: usize,
    mask: u64,
    least: u64,
}

impl Column {
    /// The value of a record below the block's count; columns end at the checksum, so a whole word can always be
    /// loaded.
    #[inline]
    fn get(&self, bytes: &BlockBytes, record: usize) -> u64 {
        let at = self.at + record * self.width;
        let word = bytes.get(at..at + 8).and_then(|word| word.try_into().ok()).map_or(0, u64::from_le_bytes);
        (word & self.mask).wrapping_add(self.least)
    }
}

impl<'a> Block<'a> {
    /// Checks a block that was read from disk.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(bytes: &'a BlockBytes, family: Family, number: u32, check: &CheckKey) -> Result<Self, String> {
        if check.block(&bytes[..CHECKSUM_AT]) != bytes[CHECKSUM_AT..] {
            return Err(format!("checksum of block {number} does not match"));
        }
        let stored = u32::from_le_bytes(array(bytes, 4));
        if stored != number {
            return Err(format!("block {stored} stands where block {number} belongs"));
        }
        let records = usize::from(u16::from_le_bytes(array(bytes, 0)));
        let count = family.fields().len() + 1;
        let mut columns = [Column::default(); COLUMNS_MAX];
        let mut at = LEAST_AT + 8 * count;
        for (index, column) in columns.iter_mut().enumerate().take(count) {
            let width = usize::from(bytes[WIDTHS_AT + index]);
            let mask = if width >= 8 { u64::MAX } else { (1 << (8 * width)) - 1 };
            *column = Column { at, width, mask, least: u64::from_le_bytes(array(bytes, LEAST_AT + 8 * index)) };
            at += width * records;
        }
        if records == 0
            || records > BLOCK_RECORDS_MAX
            || at > CHECKSUM_AT
            || columns.iter().any(|column| column.width > 8)
        {
            return Err(format!("block {number} claims {records} records in {at} bytes"));
        }
        Ok(Block { bytes, family, records, sum_before: i128::from_le_bytes(array(bytes, 8)), columns })
    }

    /// The number of records, at least 1.
    pub(crate) fn len(&self) -> usize {
        self.records
    }

    /// The record at a position below [`len`](Self::len).
    #[inline]
    pub(crate) fn record(&self, index: usize) -> Record {
        let fields = self.family.fields();
        let mut record = Record::default();
        for (field, column) in fields.iter().zip(&self.columns) {
            record.key[field.word] |= column.get(self.bytes, index) << field.shift;
        }
        record.value = unzigzag(self.columns[fields.len()].get(self.bytes, index));
        record
    }

    /// How many records have a key below `key`.
    pub(crate) fn records_below(&self, key: &Key) -> usize {
        let (mut low, mut high) = (0, self.records);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.record(middle).key.cmp(key) {
                Ordering::Less => low = middle + 1,
                _ => high = middle,
            }
        }
        low
    }

    /// The sum of all values of the run in front of the record at `index`.
    pub(crate) fn sum_in_front_of(&self, index: usize) -> i128 {
        let values = self.columns[self.family.fields().len()];
        let here = (0..index).map(|record| i128::from(unzigzag(values.get(self.bytes, record))));
        self.sum_before.wrapping_add(here.sum())
    }

    /// Appends all records, column by column.
    pub(crate) fn decode_into(&self, records: &mut Vec<Record>) {
        let fields = self.family.fields();
        let start = records.len();
        let values = self.columns[fields.len()];
        records.extend(
            (0..self.records).map(|index| Record { key: [0; 4], value: unzigzag(values.get(self.bytes, index)) }),
        );
        let decoded = &mut records[start..];
        for (field, column) in fields.iter().zip(&self.columns) {
            for (index, record) in decoded.iter_mut().enumerate() {
                record.key[field.word] |= column.get(self.bytes, index) << field.shift;
            }
        }
    }
}

/// `N` bytes at a constant offset inside a block's header.
fn array<const N: usize>(bytes: &BlockBytes, at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

#[cfg(test)]
mod tests {
    use super::super::record::{BucketKey, move_record};
    use super::*;
    use proptest::prelude::*;

    fn check() -> CheckKey {
        CheckKey::new(&[7; 16], Family::Moves, 1)
    }

    fn any_move() -> impl Strategy<Value = Record> {
        let word = || prop_oneof![0..3_u32, any::<u32>()];
        let long = || prop_oneof![-3..3_i64, any::<i64>()];
        (word(), word(), word(), 0..2_u8, long(), any::<u64>(), long()).prop_map(
            |(item, location, lot, bucket, time, seq, delta)| {
                move_record(&BucketKey { item, location, lot, bucket }, time, seq, delta)
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_searched_and_summed(mut records in prop::collection::vec(any_move(), 1..700), sum_before: i64) {
            records.sort_unstable();
            let plan = BlockPlan::new(Family::Moves, &records);
            let sum_before = i128::from(sum_before);
            let bytes = plan.encode(5, sum_before, &check());
            let fitting = plan.records.len();
            prop_assert!(fitting >= 1);
            records.truncate(fitting);
            let block = Block::parse(&bytes, Family::Moves, 5, &check()).unwrap();
            let mut decoded = Vec::new();
            block.decode_into(&mut decoded);
            prop_assert_eq!(&decoded, &records);
            prop_assert_eq!(block.len(), records.len());
            for (index, record) in records.iter().enumerate() {
                prop_assert_eq!(&block.record(index), record);
                prop_assert_eq!(block.records_below(&record.key), records.partition_point(|other| other.key < record.key));
            }
            let sum: i128 = records.iter().map(|record| i128::from(record.value)).sum();
            prop_assert_eq!(block.sum_in_front_of(records.len()), sum_before + sum);
        }
    }

    #[test]
    fn a_block_is_as_full_as_it_can_be() {
        let records: Vec<Record> = (0..2_000_u64).map(|n| Record { key: [n * n, !n, n, 0], value: 0 }).collect();
        let fitting = BlockPlan::new(Family::Commands, &records).records.len();
        let mut spans = Spans::EMPTY;
        spans.include(Family::Commands, &records[..=fitting]);
        assert!(!spans.fits(Family::Commands, fitting + 1));
    }

    #[test]
    fn another_runs_block_and_a_moved_block_are_refused() {
        let bytes = BlockPlan::new(Family::Moves, &[Record::default()]).encode(5, 0, &check());
        assert!(Block::parse(&bytes, Family::Moves, 6, &check()).is_err());
        for other in [CheckKey::new(&[8; 16], Family::Moves, 1), CheckKey::new(&[7; 16], Family::Moves, 2)] {
            assert!(Block::parse(&bytes, Family::Moves, 5, &other).is_err());
        }
    }

    #[test]
    fn nonsense_with_a_right_checksum_is_refused_without_a_panic() {
        let good = BlockPlan::new(Family::Moves, &[Record::default()]).encode(5, 0, &check());
        for at in [1, WIDTHS_AT, WIDTHS_AT + 6] {
            let mut bytes = good;
            bytes[at] = 0xff;
            let checksum = check().block(&bytes[..CHECKSUM_AT]);
            bytes[CHECKSUM_AT..].copy_from_slice(&checksum);
            assert!(Block::parse(&bytes, Family::Moves, 5, &check()).is_err(), "byte {at}");
        }
    }
}
