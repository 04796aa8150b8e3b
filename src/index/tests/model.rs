//! What the index must answer: plain lists and linear scans.

use super::super::{BucketKey, IndexError, IndexView, Move, Recent, Segment, Shipped};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What one event contributes.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    pub command: Option<[u8; 16]>,
    pub external: Option<[u8; 16]>,
    pub moves: Vec<(BucketKey, i64, i64)>,
    pub shipments: Vec<([u8; 16], u32, u32, i64)>,
}

/// Ids from a small space, some alike in their first half.
pub fn id(n: u64) -> [u8; 16] {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&(n % 5 * 0x1111_1111_1111_1111).to_be_bytes());
    id[8..].copy_from_slice(&(n / 5).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    id
}

pub fn bucket(n: u64) -> BucketKey {
    BucketKey {
        item: (n % 3) as u32,
        location: (n / 3 % 2) as u32,
        lot: if n % 7 == 6 { u32::MAX } else { 0 },
        bucket: (n % 2) as u8,
    }
}

pub fn time(n: u64) -> i64 {
    match n % 41 {
        0 => i64::MIN,
        40 => i64::MAX,
        n => n as i64 - 20,
    }
}

/// A hash of a number, for scripts that need no shrinking.
pub fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// A repeatable entry.
pub fn entry_of(n: u64) -> Entry {
    let random = mix(n);
    let moved = |at: u64| (bucket(mix(random ^ at)), time(mix(n + at)), (random >> 8) as i64 % 50);
    Entry {
        command: (!random.is_multiple_of(8)).then(|| id(n)),
        external: random.is_multiple_of(4).then(|| id(random % 100)),
        moves: (0..random % 3).map(moved).collect(),
        shipments: (0..random / 3 % 3)
            .map(|at| (id(random % 20), (at % 2) as u32, (random % 2) as u32, time(random) % 9))
            .collect(),
    }
}

pub fn entry() -> impl Strategy<Value = Entry> {
    let moved = (0..42_u64, 0..42_u64, -9..9_i64).prop_map(|(key, at, delta)| (bucket(key), time(at), delta));
    let shipment =
        (0..12_u64, 0..2_u32, 0..2_u32, -9..9_i64).prop_map(|(order, item, lot, units)| (id(order), item, lot, units));
    let ids = (proptest::option::of(0..90_u64), proptest::option::of(0..30_u64));
    (ids, prop::collection::vec(moved, 0..4), prop::collection::vec(shipment, 0..3)).prop_map(
        |((command, external), moves, shipments)| Entry {
            command: command.map(id),
            external: external.map(id),
            moves,
            shipments,
        },
    )
}

/// All entries, by seq.
#[derive(Default)]
pub struct Model {
    pub entries: Vec<Entry>,
}

impl Model {
    fn all(&self) -> impl Iterator<Item = (u64, &Entry)> {
        (0..).zip(&self.entries)
    }

    pub fn command(&self, id: &[u8; 16]) -> Option<u64> {
        self.all().find(|(_, entry)| entry.command.as_ref() == Some(id)).map(|(seq, _)| seq)
    }

    pub fn external(&self, id: &[u8; 16]) -> Option<u64> {
        self.all().find(|(_, entry)| entry.external.as_ref() == Some(id)).map(|(seq, _)| seq)
    }

    pub fn moves(&self, key: &BucketKey) -> Vec<Move> {
        let of = |(seq, entry): (u64, &Entry)| -> Vec<Move> {
            let here = entry.moves.iter().filter(|(at, ..)| at == key);
            here.map(|(_, occurred_at, delta)| Move { occurred_at: *occurred_at, seq, delta: *delta }).collect()
        };
        let mut moves: Vec<Move> = self.all().flat_map(of).collect();
        moves.sort_unstable();
        moves
    }

    pub fn moved_after(&self, key: &BucketKey, occurred_at: i64) -> i128 {
        self.moves(key)
            .iter()
            .filter(|moved| moved.occurred_at > occurred_at)
            .map(|moved| i128::from(moved.delta))
            .sum()
    }

    pub fn shipped(&self, order: &[u8; 16]) -> Vec<Shipped> {
        let mut lines: BTreeMap<(u32, u32), i128> = BTreeMap::new();
        for (_, item, lot, units) in
            self.entries.iter().flat_map(|entry| &entry.shipments).filter(|line| line.0 == *order)
        {
            *lines.entry((*item, *lot)).or_default() += i128::from(*units);
        }
        lines.into_iter().map(|((item, lot), units)| Shipped { item, lot, units }).collect()
    }

    /// The segment of the entries from `from` on.
    pub fn segment(&self, from: u64) -> Segment {
        let mut segment = Segment::new(from);
        for (seq, entry) in self.all().filter(|(seq, _)| *seq >= from) {
            entry.command.iter().for_each(|id| segment.insert_command(seq, id));
            entry.external.iter().for_each(|id| segment.insert_external(seq, id));
            entry.moves.iter().for_each(|(key, at, delta)| segment.insert_move(seq, key, *at, *delta));
            entry
                .shipments
                .iter()
                .for_each(|(order, item, lot, units)| segment.insert_shipment(seq, order, *item, *lot, *units));
        }
        segment
    }

    pub fn insert_into(&self, recent: &mut Recent, from: u64) {
        for (seq, entry) in self.all().filter(|(seq, _)| *seq >= from) {
            entry.command.iter().for_each(|id| recent.insert_command(seq, id));
            entry.external.iter().for_each(|id| recent.insert_external(seq, id));
            entry.moves.iter().for_each(|(key, at, delta)| recent.insert_move(seq, key, *at, *delta));
            entry
                .shipments
                .iter()
                .for_each(|(order, item, lot, units)| recent.insert_shipment(seq, order, *item, *lot, *units));
        }
    }

    /// Asks an index of exactly these entries `questions` of each kind and compares.
    pub fn compare(&self, view: &IndexView, questions: u64) -> Result<(), IndexError> {
        assert_eq!(view.covered_to(), self.entries.len() as u64);
        for n in 0..questions {
            assert_eq!(view.command(&id(n))?, self.command(&id(n)), "command {n}");
            assert_eq!(view.external(&id(n))?, self.external(&id(n)), "external {n}");
            assert_eq!(view.shipped(&id(n))?, self.shipped(&id(n)), "order {n}");
            let key = bucket(n % 42);
            assert_eq!(view.moved_after(&key, time(n))?, self.moved_after(&key, time(n)), "{key:?} after {}", time(n));
            let (low, high) = (time(mix(n)), time(n));
            let all = self.moves(&key);
            #[allow(clippy::type_complexity)]
            let ranges: [(Vec<Move>, Result<Vec<Move>, IndexError>); 3] = [
                (all.clone(), view.moves(&key, ..).collect()),
                (
                    all.iter().filter(|moved| (low..high).contains(&moved.occurred_at)).copied().collect(),
                    view.moves(&key, low..high).collect(),
                ),
                (
                    all.iter().filter(|moved| moved.occurred_at >= low).copied().collect(),
                    view.moves(&key, low..).collect(),
                ),
            ];
            for (expected, found) in ranges {
                assert_eq!(found?, expected, "{key:?} in {low}..{high}");
            }
        }
        Ok(())
    }
}
