//! The next seqs to be indexed, collected in memory.

use super::cursor::compare;
use super::record::{BucketKey, Family, Record, id_record, move_record, shipment_record};

/// Records of a range of seqs, in any order, until [`Index::add_segment`](super::Index::add_segment) sorts and
/// writes them.
#[derive(Debug, Clone, Default)]
pub struct Segment {
    from_seq: u64,
    pub(crate) records: [Vec<Record>; Family::ALL.len()],
}

impl Segment {
    /// An empty segment that begins with `from_seq`.
    pub fn new(from_seq: u64) -> Segment {
        Segment {
            from_seq,
            records: Default::default(),
        }
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

    fn insert(&mut self, family: Family, record: Record) {
        self.records[family.slot()].push(record);
    }

    pub(crate) fn sort(&mut self) {
        for records in &mut self.records {
            records.sort_unstable_by(compare);
        }
    }
}
