//! The disposable index of the ledger: which seq has this command id, what moved later than that moment, what has
//! this order got.
//!
//! Everything here is derived from the log. It can be deleted at any time and comes back equal
//! ([`IndexView::digest`] shows it); when a file is missing, damaged or of another ledger, opening starts empty and
//! says why ([`Notice`]).
//!
//! # Parts
//!
//! * [`Recent`] answers for the newest seqs, in memory, in the hands of the ledger's writer;
//! * one thread follows the log, collects [`Segment`]s and gives them to its [`Index`], which writes them as sorted
//!   *runs* and, step by step, merges [`limits::FAN_IN`] runs of a level into one of the next;
//! * [`IndexReader`]s answer from any thread and never wait for a merge. An [`IndexView`] is the index of one moment,
//!   as far as it is written; [`Known`] is that and the pieces in memory behind it, for questions about the past.
//!
//! Runs are plain files behind [`Files`](crate::files::Files), not values of the log's store: they are written once,
//! read in place and removed whole, and the space is free at once.
//!
//! # Families
//!
//! Numbers in keys are big-endian, so that bytes and numbers have one order. Ids of 16 bytes come as they are; texts
//! come as hashes.
//!
//! | number | family | key (32 bytes, zero-padded) | value |
//! | --- | --- | --- | --- |
//! | 0 | commands | command id 16, seq 8 | 0 |
//! | 1 | externals | hash of source and external id 16, seq 8 | 0 |
//! | 2 | moves | item 4, location 4, lot 4, zero 3, bucket 1, occurred_at 8 (sign bit flipped), seq 8 | delta |
//! | 3 | shipments | hash of the order 16, item 4, lot 4, seq 8 | units, negative when returned |
//! | 4 | changes | item 4, location 4, lot 4, zero 2, figure 1, kind of event 1, seq 8, detail 8 | delta |
//! | 5 | postings | zero 7, list 1, id 8, chunk 8 | which seqs of the chunk |
//!
//! Besides the movements of buckets 0 (sellable) and 1 (unsellable), *moves* has under bucket 2 the holds that were
//! closed after they had lapsed (time = deadline, value = quantity) and under 3 and 4 the counts of buckets 0 and 1
//! (value = the figure counted).
//!
//! Figures are 0 sellable, 1 unsellable, 2 held (detail: the event that made the reservation), 3 inbound, 4 lapsed
//! (closed after it had lapsed; detail: the deadline, sign bit flipped), 5 named (no change).
//!
//! Lists are 0 times (every 256th event; id: when it was recorded, sign bit flipped), 1 kinds, 2 actors, 3 locations, 4
//! items, 5 orders, 6 reservations. Actors and orders are XXH64 of their texts: two may share a list, whoever reads it
//! looks at the event. In lists 1, 2 and 3 a chunk is a seq divided by 64 and bit b of the (zigzag-coded) value stands
//! for seq 64 × chunk + b; in the others a chunk is a seq and the coded value is 1. Several records may have parts of
//! one chunk.
//!
//! Several records may have one key (an event with two lines of one bucket); all are kept. A run is ordered by key,
//! then value.
//!
//! # Format of a run
//!
//! A file `<family>-<number, 16 hex digits>.run`: blocks, section, footer. All numbers are little-endian, except
//! inside keys that are called *words*: a key is four words, each the number that its 8 bytes are in big-endian,
//! stored in little-endian.
//!
//! Checksums are XXH64 with the first 8 bytes (big-endian) of the *check key* as seed; the check key is BLAKE3
//! derive_key with context `counterfoil index run v1` over `ledger id 16 ‖ family 1 ‖ number 8`. So a block or file
//! in another's place is noticed.
//!
//! **Block**, 4,096 bytes, the n-th at offset 4,096 × n. `C` = number of fields + 1. The fields of a key are, by
//! family: commands and externals: the words 0, 1 and 2; moves and changes: high and low half of word 0, high and low
//! half of word 1, word 2, word 3; shipments: word 0, word 1, high and low half of word 2, word 3; postings: low half of
//! word 0, word 1, word 2. The last column is the value, zigzag-coded (0, −1, 1, −2 … become 0, 1, 2, 3 …).
//!
//! | offset | bytes | content |
//! | --- | --- | --- |
//! | 0 | 2 | records in the block, 1 to 1,024 |
//! | 2 | 2 | zero |
//! | 4 | 4 | number of the block, from 0 |
//! | 8 | 16 | sum of all values of the run before this block, signed |
//! | 24 | 8 | for each column its width in bytes, 0 to 8; the rest zero |
//! | 32 | 8 × C | for each column its smallest value |
//! | 32 + 8 × C | … | the columns one after the other: for each record, in `width` bytes, its value minus the smallest one |
//! | … | … | zero |
//! | 4,088 | 8 | checksum of the 4,088 bytes before |
//!
//! **Section**, directly behind the last block:
//!
//! | bytes | content |
//! | --- | --- |
//! | 32 per block | the first key of each block: four words |
//! | 24 per partition | first prefix (words 0 and 1 of the partition's first key), offset of its first filter word 4, groups of 64 rows 2 (0 = answers "maybe"), attempt 2 |
//! | 8 per filter word | filter words |
//!
//! A partition belongs to [`limits::BLOCKS_PER_PARTITION`] blocks and is a ribbon filter over the distinct prefixes
//! in them. With `fold(a, b)` = high half xor low half of the 128-bit product, `s0` and `s1` = the first and second
//! 8 bytes (big-endian) of the check key, a prefix `p0, p1` is hashed to `h = fold(p0 ^ s0, (p1 ^ s1) | 1) ^
//! rotl(p0, 32) ^ p1`, then `g = fold(h ^ 9e3779b97f4a7c15, d6e8feb86659fd93 ^ (attempt << 17))`. Its equation
//! begins in row `g × (64 × (groups − 1) + 1) >> 64` (128-bit product), has the coefficients `fold(g ^
//! a0761d6478bd642f, e7037ed1a0b428db) | 1` (bit `t` belongs to row start + `t`) and as its result the low `bits`
//! bits of `fold(g ^ 8ebc6af09c88c6e3, 589965cc75374cc3) >> 32`. The solution's bit `c` of row `64 × group + t` is
//! bit `t` of filter word `offset + group × bits + c`. A prefix may be in the run when, for each bit `c`, the xor of
//! the solution's bits under its coefficients is bit `c` of its result.
//!
//! **Footer**, the last 256 bytes:
//!
//! | offset | bytes | content |
//! | --- | --- | --- |
//! | 0 | 8 | `CFOILRUN` |
//! | 8 | 2 | format version, 1 |
//! | 10 | 1 | family |
//! | 11 | 1 | zero |
//! | 12 | 4 | filter bits per row, 0 = no filter |
//! | 16 | 16 | ledger id |
//! | 32 | 8 | number of the run |
//! | 40 | 8 + 8 | seqs covered: first, and first behind them |
//! | 56 | 8 | records |
//! | 64 | 4 | blocks |
//! | 68 | 4 | partitions |
//! | 72 | 8 | filter words |
//! | 80 | 16 | sum of all values, signed |
//! | 96 | 32 + 32 | smallest and greatest key: four words each |
//! | 160 | 8 + 8 | smallest and greatest third word of any key (of moves: the time) |
//! | 176 | 32 | BLAKE3, keyed with the check key, of the section |
//! | 208 | 40 | zero |
//! | 248 | 8 | checksum of the 248 bytes before |
//!
//! # Format of the manifest
//!
//! `index.manifest`, replaced whole whenever a segment was added or runs were merged. What it does not name does not
//! exist.
//!
//! | bytes | content |
//! | --- | --- |
//! | 8 | `CFOILIDX` |
//! | 2 | format version, 2 |
//! | 16 | ledger id |
//! | 8 | covered to: seqs below this one are indexed |
//! | 32 | hash of the last covered event |
//! | 8 | number of the next run |
//! | 4 | runs |
//! | 66 per run | family 1, level 1, number 8, seqs covered 8 + 8, records 8, section hash 32; by family, then from the oldest to the newest |
//! | 32 | BLAKE3 of everything before |

mod block;
mod bytes;
mod checksum;
mod cursor;
mod error;
mod filter;
mod footer;
mod known;
pub mod limits;
mod manifest;
mod place;
mod reader;
mod recent;
mod record;
pub mod records;
mod run;
mod segment;
mod shared;
mod store;
mod tail;
mod writer;

pub use error::IndexError;
pub use known::{COUNTS, Change, Changes, Count, Known, LAPSES, Postings, Reach, Span, Step};
pub(crate) use manifest::{MANIFEST_BYTES_MAX, MANIFEST_NAME, manifest_reach};
pub use reader::{IdSet, IndexCounters, IndexDigest, IndexReader, IndexSizes, IndexView, Move, Moves, Shipped};
pub use recent::Recent;
pub use record::{BucketKey, FigureKey, List};
pub use segment::Segment;
pub use shared::Rebuild;
pub use store::{Index, MergeStep, Notice};

#[cfg(test)]
mod tests;
