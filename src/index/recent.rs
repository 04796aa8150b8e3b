//! The newest part of the index, in memory: what the runs on disk do not cover yet.

use super::limits::SEGMENT_SEQS;
use super::reader::{Move, Shipped};
use super::record::BucketKey;
use hashbrown::hash_map::Entry;
use hashbrown::{DefaultHashBuilder, HashMap};
use std::collections::BTreeMap;
use std::ops::RangeBounds;

/// Answers the same questions as [`IndexView`](super::IndexView) about the newest seqs; owned by the writer.
///
/// It is kept in segments of [`SEGMENT_SEQS`] seqs, so that [`trim`](Self::trim) frees whole segments. What trim
/// left may overlap with a view of the runs: questions take `from_seq`, which is
/// [`IndexView::covered_to`](super::IndexView::covered_to) of the view they are combined with, and leave out what is
/// older.
#[derive(Default)]
pub struct Recent {
    /// Ascending; their numbers are seq / [`SEGMENT_SEQS`].
    segments: Vec<RecentSegment>,
    /// One random state for all maps: ids come from outside and must not collide by choice.
    hasher: DefaultHashBuilder,
    /// Seqs below this one were dropped.
    trimmed_to: u64,
}

struct RecentSegment {
    number: u64,
    commands: HashMap<[u8; 16], u64>,
    externals: HashMap<[u8; 16], u64>,
    moves: Chains<BucketKey, MoveLink>,
    shipments: Chains<[u8; 16], ShipmentLink>,
}

/// Records of each key, linked from the newest to the oldest.
struct Chains<K, T> {
    newest: HashMap<K, u32>,
    links: Vec<(T, Option<u32>)>,
}

struct MoveLink {
    moved: Move,
    /// The latest time in this link and all older ones of its key.
    latest: i64,
}

struct ShipmentLink {
    seq: u64,
    item: u32,
    lot: u32,
    units: i64,
}

impl<K: std::hash::Hash + Eq, T> Chains<K, T> {
    fn new(hasher: &DefaultHashBuilder, keys: usize, links: usize) -> Self {
        Chains {
            newest: HashMap::with_capacity_and_hasher(keys, hasher.clone()),
            links: Vec::with_capacity(links),
        }
    }

    /// Adds a link that may depend on the key's newest one.
    fn push(&mut self, key: K, link: impl FnOnce(Option<&T>) -> T) {
        let number = self.links.len() as u32;
        let older = match self.newest.entry(key) {
            Entry::Occupied(mut entry) => Some(entry.insert(number)),
            Entry::Vacant(entry) => {
                entry.insert(number);
                None
            }
        };
        let before = older
            .and_then(|older| self.links.get(older as usize))
            .map(|(link, _)| link);
        let link = link(before);
        self.links.push((link, older));
    }

    /// Drops the links behind the first one that is not kept; links stand in the order in which they came.
    fn forget_from(&mut self, keeps: impl Fn(&T) -> bool) {
        let kept = self
            .links
            .iter()
            .position(|(link, _)| !keeps(link))
            .unwrap_or(self.links.len());
        let links = &self.links;
        self.newest.retain(|_, newest| {
            while *newest as usize >= kept {
                match links.get(*newest as usize).and_then(|(_, older)| *older) {
                    Some(older) => *newest = older,
                    None => return false,
                }
            }
            true
        });
        self.links.truncate(kept);
    }

    fn newest_first<'a>(&'a self, key: &K) -> impl Iterator<Item = &'a T> {
        let newest = self.newest.get(key).and_then(|number| self.links.get(*number as usize));
        let next = |(_, older): &&'a (T, Option<u32>)| older.and_then(|older| self.links.get(older as usize));
        std::iter::successors(newest, next).map(|(link, _)| link)
    }
}

impl RecentSegment {
    /// A segment sized like the one before it, so that a busy ledger does not grow its maps step by step and a small
    /// one stays small.
    fn new(number: u64, hasher: &DefaultHashBuilder, like: Option<&RecentSegment>) -> RecentSegment {
        let size = |of: fn(&RecentSegment) -> usize| like.map_or(0, of);
        let map = |size| HashMap::with_capacity_and_hasher(size, hasher.clone());
        RecentSegment {
            number,
            commands: map(size(|like| like.commands.len())),
            externals: map(size(|like| like.externals.len())),
            moves: Chains::new(
                hasher,
                size(|like| like.moves.newest.len()),
                size(|like| like.moves.links.len()),
            ),
            shipments: Chains::new(
                hasher,
                size(|like| like.shipments.newest.len()),
                size(|like| like.shipments.links.len()),
            ),
        }
    }
}

impl Recent {
    /// Nothing yet.
    pub fn new() -> Recent {
        Recent::default()
    }

    /// Adds the command id of an event.
    pub fn insert_command(&mut self, seq: u64, command_id: &[u8; 16]) {
        if let Some(segment) = self.segment(seq) {
            insert_smallest(&mut segment.commands, command_id, seq);
        }
    }

    /// Adds the external id of an event, as a hash of its source and text.
    pub fn insert_external(&mut self, seq: u64, hash: &[u8; 16]) {
        if let Some(segment) = self.segment(seq) {
            insert_smallest(&mut segment.externals, hash, seq);
        }
    }

    /// Adds a movement of a bucket; an event may move one bucket several times.
    pub fn insert_move(&mut self, seq: u64, key: &BucketKey, occurred_at: i64, delta: i64) {
        let Some(segment) = self.segment(seq) else { return };
        let moved = Move {
            occurred_at,
            seq,
            delta,
        };
        segment.moves.push(*key, |older| MoveLink {
            moved,
            latest: older.map_or(occurred_at, |older| older.latest.max(occurred_at)),
        });
    }

    /// Adds units that left for an order (positive) or came back from it (negative).
    pub fn insert_shipment(&mut self, seq: u64, order: &[u8; 16], item: u32, lot: u32, units: i64) {
        if let Some(segment) = self.segment(seq) {
            segment
                .shipments
                .push(*order, |_| ShipmentLink { seq, item, lot, units });
        }
    }

    /// Drops the segments that lie wholly below `covered_to`; later insertions below it are ignored.
    pub fn trim(&mut self, covered_to: u64) {
        let number = covered_to / SEGMENT_SEQS;
        self.trimmed_to = self.trimmed_to.max(number * SEGMENT_SEQS);
        let dropped = self.segments.partition_point(|segment| segment.number < number);
        self.segments.drain(..dropped);
    }

    /// Drops everything at or above this seq: it was not written after all.
    pub fn forget_from(&mut self, seq: u64) {
        self.segments.retain(|segment| segment.number * SEGMENT_SEQS < seq);
        if let Some(last) = self.segments.last_mut() {
            last.commands.retain(|_, known| *known < seq);
            last.externals.retain(|_, known| *known < seq);
            last.moves.forget_from(|link| link.moved.seq < seq);
            last.shipments.forget_from(|link| link.seq < seq);
        }
    }

    /// Segments held in memory.
    pub fn segments(&self) -> usize {
        self.segments.len()
    }

    /// The smallest seq in memory with this command id, unless it lies below `from_seq`: then the view has it.
    pub fn command(&self, command_id: &[u8; 16], from_seq: u64) -> Option<u64> {
        let smallest = self
            .segments
            .iter()
            .find_map(|segment| segment.commands.get(command_id).copied());
        smallest.filter(|seq| *seq >= from_seq)
    }

    /// The smallest seq in memory with this external id, unless it lies below `from_seq`: then the view has it.
    pub fn external(&self, hash: &[u8; 16], from_seq: u64) -> Option<u64> {
        let smallest = self
            .segments
            .iter()
            .find_map(|segment| segment.externals.get(hash).copied());
        smallest.filter(|seq| *seq >= from_seq)
    }

    /// The sum of the movements of a bucket at or above `from_seq` that happened later than `occurred_at`. Looks
    /// only at what was recorded since the last movement that is not followed by earlier ones, so a fact that is a
    /// little late costs little.
    pub fn moved_after(&self, key: &BucketKey, occurred_at: i64, from_seq: u64) -> i128 {
        let segment_sum = |segment: &RecentSegment| -> i128 {
            let links = segment
                .moves
                .newest_first(key)
                .take_while(|link| link.latest > occurred_at);
            let later = links.filter(|link| link.moved.occurred_at > occurred_at && link.moved.seq >= from_seq);
            later.map(|link| i128::from(link.moved.delta)).sum()
        };
        self.since(from_seq).map(segment_sum).sum()
    }

    /// The movements of a bucket at or above `from_seq` whose time is in a range, in order of (occurred_at, seq).
    pub fn moves(&self, key: &BucketKey, occurred_at: impl RangeBounds<i64>, from_seq: u64) -> Vec<Move> {
        let links = self
            .since(from_seq)
            .flat_map(|segment| segment.moves.newest_first(key))
            .map(|link| link.moved);
        let mut moves: Vec<Move> = links
            .filter(|moved| occurred_at.contains(&moved.occurred_at) && moved.seq >= from_seq)
            .collect();
        moves.sort_unstable();
        moves
    }

    /// What an order has got and not returned at or above `from_seq`, by item and lot.
    pub fn shipped(&self, order: &[u8; 16], from_seq: u64) -> Vec<Shipped> {
        let mut lines: BTreeMap<(u32, u32), i128> = BTreeMap::new();
        let links = self
            .since(from_seq)
            .flat_map(|segment| segment.shipments.newest_first(order));
        for link in links.filter(|link| link.seq >= from_seq) {
            *lines.entry((link.item, link.lot)).or_default() += i128::from(link.units);
        }
        lines
            .into_iter()
            .map(|((item, lot), units)| Shipped { item, lot, units })
            .collect()
    }

    fn since(&self, from_seq: u64) -> impl Iterator<Item = &RecentSegment> {
        let number = from_seq / SEGMENT_SEQS;
        self.segments.iter().skip_while(move |segment| segment.number < number)
    }

    /// The segment of a seq; `None` when it was trimmed.
    fn segment(&mut self, seq: u64) -> Option<&mut RecentSegment> {
        let number = seq / SEGMENT_SEQS;
        if seq < self.trimmed_to {
            return None;
        }
        let at = match self.segments.last() {
            Some(last) if last.number == number => self.segments.len() - 1,
            _ => self.find_or_insert(number),
        };
        self.segments.get_mut(at)
    }

    fn find_or_insert(&mut self, number: u64) -> usize {
        match self.segments.binary_search_by_key(&number, |segment| segment.number) {
            Ok(at) => at,
            Err(at) => {
                let before = at.checked_sub(1).and_then(|before| self.segments.get(before));
                let segment = RecentSegment::new(number, &self.hasher, before);
                self.segments.insert(at, segment);
                at
            }
        }
    }
}

/// Keeps the smallest seq of an id within a segment.
fn insert_smallest(map: &mut HashMap<[u8; 16], u64>, id: &[u8; 16], seq: u64) {
    map.entry(*id)
        .and_modify(|smallest| *smallest = seq.min(*smallest))
        .or_insert(seq);
}
