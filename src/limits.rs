//! Every maximum of the ledger in one place, with the relations between them checked when compiling.
//!
//! Units are last in each name. A limit that a decision reads is part of the rules version: changing one of
//! the values marked *rule* below needs a new [`RULES_VERSION`] and keeps the old rule set for old events.

/// Version of the stored format: envelope, payloads, frames, marks.
pub const FORMAT_VERSION: u16 = 1;
/// Version of the stock rules and of the limits that decisions read.
pub const RULES_VERSION: u16 = 1;

/// *Rule.* Lines in one command, and so in one event.
pub const LINES_MAX: usize = 4_096;
/// *Rule.* The largest magnitude of one line's quantity, in an item's smallest units.
pub const QUANTITY_UNITS_MAX: i64 = 1_000_000_000_000_000;
/// *Rule.* The largest magnitude of any balance (bucket, account, reserved), in an item's smallest units.
pub const BALANCE_UNITS_MAX: i64 = 1_000_000_000_000_000_000;
/// *Rule.* Decimal places that an item may have.
pub const DECIMALS_MAX: u8 = 6;
/// *Rule.* How far ahead of the ledger's clock a fact or count may be dated, in microseconds (5 minutes).
pub const OCCURRED_AHEAD_MICROS_MAX: i64 = 5 * 60 * 1_000_000;
/// *Rule.* The earliest instant that a fact may carry: 1900-01-01T00:00:00Z, in microseconds since 1970.
pub const OCCURRED_MICROS_MIN: i64 = -2_208_988_800_000_000;
/// The years in which the end of a period may lie, by local clocks: part of the stored form.
pub const LOCAL_YEARS: std::ops::RangeInclusive<i32> = 1_900..=9_999;
/// *Rule.* How far apart the local end of a period, read as if it were UTC, and its instant may be, in microseconds
/// (one day): no zone was ever further off.
pub const ZONE_OFFSET_MICROS_MAX: i64 = 86_400 * 1_000_000;
/// The latest deadline that a reservation may carry: 9999-12-31T23:59:59Z, in microseconds since 1970.
pub const DEADLINE_MICROS_MAX: i64 = 253_402_300_799_000_000;

/// *Rule.* Bytes of an alias (SKU, barcode, vendor id, location code, lot code).
pub const ALIAS_BYTES_MAX: usize = 64;
/// *Rule.* Bytes of an order reference (a pseudonym, never a name).
pub const ORDER_BYTES_MAX: usize = 64;
/// *Rule.* Bytes of an actor id (a pseudonym, never a name).
pub const ACTOR_BYTES_MAX: usize = 64;
/// *Rule.* Bytes of a reason code.
pub const REASON_BYTES_MAX: usize = 32;
/// *Rule.* Bytes of a POS source name.
pub const SOURCE_BYTES_MAX: usize = 64;
/// *Rule.* Bytes of a POS external id.
pub const EXTERNAL_ID_BYTES_MAX: usize = 128;
/// *Rule.* Bytes of a document kind or a document id.
pub const DOCUMENT_BYTES_MAX: usize = 64;
/// *Rule.* Document references on one command.
pub const DOCUMENTS_MAX: usize = 16;
/// *Rule.* Bytes of an IANA time zone name.
pub const ZONE_BYTES_MAX: usize = 64;
/// *Rule.* Bytes of an entered unit's name.
pub const UNIT_NAME_BYTES_MAX: usize = 16;
/// *Rule.* Bytes of an entered quantity's digits.
pub const ENTERED_BYTES_MAX: usize = 24;
/// Bytes of the private text of one command.
pub const NOTE_BYTES_MAX: usize = 3_800;
/// *Rule.* Items, locations and lots that one ledger may have (each).
pub const ENTITIES_MAX: u32 = 16_777_216;
/// *Rule.* Commands in one unit.
pub const UNIT_COMMANDS_MAX: usize = 1_024;
/// Commands in one call of `submit_batch`.
pub const BATCH_COMMANDS_MAX: usize = 65_536;

/// Bytes of one stored log frame; sled writes larger values to separate files that it never syncs.
pub const FRAME_BYTES_MAX: usize = 3_800;
/// Bytes of one stored value of any kind.
pub const VALUE_BYTES_MAX: usize = 4_096;
/// Bytes that the store on disk gives sled before it syncs, within a group too: far less than one of sled's segments
/// of 512 KiB, of which sled fills up to 1.9 bytes for one of ours.
pub const UNSYNCED_BYTES_MAX: usize = 128 * 1_024;
/// Bytes of one event's stored form.
pub const EVENT_BYTES_MAX: usize = 1_048_576;
/// Extensions on one event.
pub const EXTENSIONS_MAX: usize = 16;
/// Bytes of one extension.
pub const EXTENSION_BYTES_MAX: usize = 1_024;

/// Events in one group (one durable sync).
pub const GROUP_EVENTS_MAX: usize = 16_384;
/// Reservation lines that one expiry event may close.
pub const EXPIRY_LINES_MAX: usize = LINES_MAX;
/// Expiry events that the writer puts before one group.
pub const EXPIRY_EVENTS_PER_GROUP_MAX: usize = 1;
/// Commands that wait in the queue; callers beyond that wait to be let in.
pub const QUEUE_COMMANDS_MAX: usize = 65_536;
/// Commands that one message to the writer may hold; a larger batch is sent as several.
pub const MESSAGE_COMMANDS_MAX: usize = GROUP_EVENTS_MAX / 2;
/// Events that the index may be behind before writing waits for it: what is held in memory meanwhile.
pub const UNCOVERED_EVENTS_MAX: u64 = 4_194_304;
/// Events that the index may be behind when the ledger is opened for writing; they are read into memory.
pub const CATCH_UP_EVENTS_MAX: u64 = 262_144;
/// A step of the wall clock against the monotonic clock that stops writing, in microseconds (60 s).
pub const CLOCK_STEP_MICROS_MAX: i64 = 60 * 1_000_000;

/// Events that one question for a range of them gives.
pub const EVENTS_PAGE_MAX: usize = 65_536;
/// Rows in one page of a list.
pub const PAGE_ROWS_MAX: usize = 1_000;
/// Rows in one page of a list where the caller does not say.
pub const PAGE_ROWS_DEFAULT: usize = 100;
/// Bytes of a cursor's text.
pub const CURSOR_BYTES_MAX: usize = 256;
/// Uncovered reservations that one oversold position lists.
pub const UNCOVERED_ROWS_MAX: usize = 100;
/// Thresholds of an ageing report.
pub const AGE_THRESHOLDS_MAX: usize = 64;

/// Bytes of one line of a file of heads; receipts are among what such a file may hold.
pub const HEAD_LINE_BYTES_MAX: usize = 65_536;
/// Heads that are read from one file of heads at once (some 350 MB of memory).
pub const HEADS_MAX: usize = 4_194_304;
/// Lines of a file of heads that are no heads and are told one by one; further ones are counted.
pub const HEADS_UNREADABLE_MAX: usize = 1_000;

/// Bytes of one record of a file that is imported, as it is written there.
pub const IMPORT_RECORD_BYTES_MAX: usize = 1_048_576;
/// Bytes of records that are planned at once, and that the lines of one command may have together.
pub const IMPORT_BATCH_BYTES_MAX: usize = 4_194_304;
/// Lines of a file that are planned at once, without those that complete the last command.
pub const IMPORT_BATCH_LINES_MAX: usize = 32_768;
/// Different item codes that an import counts its ignored lines by.
pub const IMPORT_IGNORED_CODES_MAX: usize = 1_000;

const _: () = assert!(IMPORT_RECORD_BYTES_MAX <= IMPORT_BATCH_BYTES_MAX);
// Each line may name an item that has to be made, and those are made in one batch.
const _: () = assert!(IMPORT_BATCH_LINES_MAX + LINES_MAX <= BATCH_COMMANDS_MAX);
const _: () = assert!(PAGE_ROWS_DEFAULT <= PAGE_ROWS_MAX);
// A cursor holds three numbers, the name of a list and at most one alias or order reference.
const _: () = assert!(3 * 20 + 64 + ALIAS_BYTES_MAX <= CURSOR_BYTES_MAX);
const _: () = assert!(ORDER_BYTES_MAX <= ALIAS_BYTES_MAX);
/// Bytes of fingerprints of ids that a verification keeps at once unless told otherwise (256 MiB).
pub const VERIFY_ID_BYTES: usize = 268_435_456;
/// Late counts and returns that a verification gathers before it reads the log again to confirm them.
pub const VERIFY_CLAIMS_MAX: usize = 262_144;

const _: () = assert!(FRAME_BYTES_MAX <= VALUE_BYTES_MAX);
const _: () = assert!(NOTE_BYTES_MAX + 64 <= VALUE_BYTES_MAX);
const _: () = assert!(QUANTITY_UNITS_MAX < BALANCE_UNITS_MAX);
const _: () = assert!(BALANCE_UNITS_MAX <= i64::MAX / 4);
// An event of the largest command, with every optional part of each line, fits its limit.
const _: () = assert!(LINES_MAX * 128 <= EVENT_BYTES_MAX);
const _: () = assert!(MESSAGE_COMMANDS_MAX >= UNIT_COMMANDS_MAX);
const _: () = assert!(QUEUE_COMMANDS_MAX >= MESSAGE_COMMANDS_MAX);
const _: () = assert!(CATCH_UP_EVENTS_MAX < UNCOVERED_EVENTS_MAX);
/// Movements and counts that a report keeps at once (128 MiB); where there are more it reads the log several times, for
/// a part of the items each time.
pub const REPORT_LINES_MAX: usize = 4_194_304;
