//! Every size of the index.

/// Bytes of a block: the unit that is read, checked and searched.
pub const BLOCK_BYTES: usize = 4096;

/// Bytes of a run's footer.
pub const FOOTER_BYTES: usize = 256;

/// Blocks that share one part of the filter (about 3,500 ids).
pub const BLOCKS_PER_PARTITION: usize = 16;

/// How many runs of one level are merged into one run of the next.
pub const FAN_IN: usize = 8;

/// Blocks that a merge reads at once from each run.
pub const MERGE_READ_BLOCKS: usize = 8;

/// Seqs per segment of the part in memory; a whole segment is dropped once the index on disk covers it.
pub const SEGMENT_SEQS: u64 = 65_536;

/// Seqs between two whose time of recording is indexed.
pub const TIME_SEQS: u64 = 256;

/// Records that a run holds at most: block numbers and filter offsets are 32 bits wide.
pub const RUN_RECORDS_MAX: u64 = 2_000_000_000;

/// The fewest and the most filter bits per distinct key prefix, before 7 % of slack. More than 13 would take longer
/// to build than they are worth: a run that small is soon merged, and a dozen of them add 0.15 % of misses that
/// read.
pub const FILTER_BITS: std::ops::RangeInclusive<u32> = 8..=13;

/// Filter bits of a run that holds every id: a miss passes it with probability 2^-8.5.
/// A run with the share `1/s` of all ids gets `log2(s)` more, so the sum over all runs stays under 1 %.
pub const FILTER_BITS_LARGEST: f64 = 8.5;

const _: () = assert!(BLOCK_BYTES <= u16::MAX as usize && BLOCK_BYTES >= 1024);
const _: () = assert!(FAN_IN >= 2 && MERGE_READ_BLOCKS >= 1);
const _: () = assert!(*FILTER_BITS.end() <= 32);
