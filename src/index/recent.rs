//! The newest part of the index, in memory: what the runs on disk do not cover yet.

use super::limits::SEGMENT_SEQS;
use super::reader::{Move, Shipped};
use super::record::{BucketKey, Prefix, prefix_of};
use hashbrown::hash_map::Entry;
use hashbrown::{DefaultHashBuilder, HashMap};
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
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
    /// A segment that was dropped, for its memory.
    spare: Option<RecentSegment>,
}

struct RecentSegment {
    number: u64,
    commands: HashMap<Name, u64>,
    externals: HashMap<Name, u64>,
    moves: Chains<Move>,
    shipments: Chains<ShippedAt>,
}

/// Sixteen bytes, hashed as two words.
#[derive(PartialEq, Eq)]
struct Name(Prefix);

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[0]);
        state.write_u64(self.0[1]);
    }
}

/// Records of each name, linked from the newest to the oldest.
struct Chains<T> {
    newest: HashMap<Name, Newest>,
    links: Vec<Link<T>>,
}

struct Newest {
    link: u32,
    /// That of the link, beside it: adding a link then touches no older one.
    latest: i64,
}

struct Link<T> {
    record: T,
    /// The latest time in this link and all older ones of its name.
    latest: i64,
    older: Option<u32>,
}

struct ShippedAt {
    seq: u64,
    item: u32,
    lot: u32,
    units: i64,
}

impl<T> Chains<T> {
    fn new(hasher: &DefaultHashBuilder) -> Self {
        Chains { newest: HashMap::with_hasher(hasher.clone()), links: Vec::new() }
    }

    fn push(&mut self, prefix: Prefix, time: i64, record: T) {
        let link = self.links.len() as u32;
        let (latest, older) = match self.newest.entry(Name(prefix)) {
            Entry::Occupied(mut entry) => {
                let newest = entry.get_mut();
                let older = std::mem::replace(&mut newest.link, link);
                newest.latest = newest.latest.max(time);
                (newest.latest, Some(older))
            }
            Entry::Vacant(entry) => {
                entry.insert(Newest { link, latest: time });
                (time, None)
            }
        };
        self.links.push(Link { record, latest, older });
    }

    fn clear(&mut self) {
        self.newest.clear();
        self.links.clear();
    }

    /// Drops the links behind the first one that is not kept; links stand in the order in which they came.
    fn forget_from(&mut self, keeps: impl Fn(&T) -> bool) {
        let kept = self.links.iter().position(|link| !keeps(&link.record)).unwrap_or(self.links.len());
        let links = &self.links;
        self.newest.retain(|_, newest| {
            let chain = std::iter::successors(Some(newest.link), |link| links.get(*link as usize)?.older);
            let kept =
                chain.filter(|link| (*link as usize) < kept).find_map(|link| Some((link, links.get(link as usize)?)));
            match kept {
                Some((link, Link { latest, .. })) => *newest = Newest { link, latest: *latest },
                None => return false,
            }
            true
        });
        self.links.truncate(kept);
    }

    fn newest_first(&self, prefix: Prefix) -> impl Iterator<Item = &Link<T>> {
        let newest = self.newest.get(&Name(prefix)).and_then(|newest| self.links.get(newest.link as usize));
        std::iter::successors(newest, |link| self.links.get(link.older? as usize))
    }
}

impl RecentSegment {
    fn new(number: u64, hasher: &DefaultHashBuilder) -> RecentSegment {
        RecentSegment {
            number,
            commands: HashMap::with_hasher(hasher.clone()),
            externals: HashMap::with_hasher(hasher.clone()),
            moves: Chains::new(hasher),
            shipments: Chains::new(hasher),
        }
    }

    /// Empties a segment and keeps its memory: growing maps anew for each segment takes longer than filling them.
    fn reused(mut self, number: u64) -> RecentSegment {
        self.number = number;
        self.commands.clear();
        self.externals.clear();
        self.moves.clear();
        self.shipments.clear();
        self
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
        if let Some(segment) = self.segment(seq) {
            segment.moves.push(key.prefix(), occurred_at, Move { occurred_at, seq, delta });
        }
    }

    /// Adds units that left for an order (positive) or came back from it (negative).
    pub fn insert_shipment(&mut self, seq: u64, order: &[u8; 16], item: u32, lot: u32, units: i64) {
        if let Some(segment) = self.segment(seq) {
            segment.shipments.push(prefix_of(order), 0, ShippedAt { seq, item, lot, units });
        }
    }

    /// Drops the segments that lie wholly below `covered_to`; later insertions below it are ignored.
    pub fn trim(&mut self, covered_to: u64) {
        let number = covered_to / SEGMENT_SEQS;
        self.trimmed_to = self.trimmed_to.max(number * SEGMENT_SEQS);
        let dropped = self.segments.partition_point(|segment| segment.number < number);
        self.spare = self.segments.drain(..dropped).next_back().or_else(|| self.spare.take());
    }

    /// Everything that was inserted from this seq on is still here.
    pub fn trimmed_to(&self) -> u64 {
        self.trimmed_to
    }

    /// Drops everything at or above this seq: it was not written after all.
    pub fn forget_from(&mut self, seq: u64) {
        self.segments.retain(|segment| segment.number * SEGMENT_SEQS < seq);
        if let Some(last) = self.segments.last_mut() {
            last.commands.retain(|_, known| *known < seq);
            last.externals.retain(|_, known| *known < seq);
            last.moves.forget_from(|moved| moved.seq < seq);
            last.shipments.forget_from(|shipped| shipped.seq < seq);
        }
    }

    /// Segments held in memory.
    pub fn segments(&self) -> usize {
        self.segments.len()
    }

    /// The smallest seq in memory with this command id, unless it lies below `from_seq`: then the view has it.
    pub fn command(&self, command_id: &[u8; 16], from_seq: u64) -> Option<u64> {
        let name = Name(prefix_of(command_id));
        let smallest = self.segments.iter().find_map(|segment| segment.commands.get(&name).copied());
        smallest.filter(|seq| *seq >= from_seq)
    }

    /// The smallest seq in memory with this external id, unless it lies below `from_seq`: then the view has it.
    pub fn external(&self, hash: &[u8; 16], from_seq: u64) -> Option<u64> {
        let name = Name(prefix_of(hash));
        let smallest = self.segments.iter().find_map(|segment| segment.externals.get(&name).copied());
        smallest.filter(|seq| *seq >= from_seq)
    }

    /// The sum of the movements of a bucket at or above `from_seq` that happened later than `occurred_at`. Looks
    /// only at what was recorded since the last movement that is not followed by earlier ones, so a fact that is a
    /// little late costs little.
    pub fn moved_after(&self, key: &BucketKey, occurred_at: i64, from_seq: u64) -> i128 {
        let sum_of = |segment: &RecentSegment| -> i128 {
            let links = segment.moves.newest_first(key.prefix()).take_while(|link| link.latest > occurred_at);
            let moved = links.map(|link| link.record);
            let later = moved.filter(|moved| moved.occurred_at > occurred_at && moved.seq >= from_seq);
            later.map(|moved| i128::from(moved.delta)).sum()
        };
        self.since(from_seq).map(sum_of).sum()
    }

    /// The movements of a bucket at or above `from_seq` whose time is in a range, in order of (occurred_at, seq).
    pub fn moves(&self, key: &BucketKey, occurred_at: impl RangeBounds<i64>, from_seq: u64) -> Vec<Move> {
        let links = self.since(from_seq).flat_map(|segment| segment.moves.newest_first(key.prefix()));
        let wanted = |moved: &Move| occurred_at.contains(&moved.occurred_at) && moved.seq >= from_seq;
        let mut moves: Vec<Move> = links.map(|link| link.record).filter(wanted).collect();
        moves.sort_unstable();
        moves
    }

    /// What an order has got and not returned at or above `from_seq`, by item and lot.
    pub fn shipped(&self, order: &[u8; 16], from_seq: u64) -> Vec<Shipped> {
        let mut lines: BTreeMap<(u32, u32), i128> = BTreeMap::new();
        let links = self.since(from_seq).flat_map(|segment| segment.shipments.newest_first(prefix_of(order)));
        for shipped in links.map(|link| &link.record).filter(|shipped| shipped.seq >= from_seq) {
            *lines.entry((shipped.item, shipped.lot)).or_default() += i128::from(shipped.units);
        }
        lines.into_iter().map(|((item, lot), units)| Shipped { item, lot, units }).collect()
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
                let segment = match self.spare.take() {
                    Some(spare) => spare.reused(number),
                    None => RecentSegment::new(number, &self.hasher),
                };
                self.segments.insert(at, segment);
                at
            }
        }
    }
}

/// Keeps the smallest seq of an id within a segment.
fn insert_smallest(map: &mut HashMap<Name, u64>, id: &[u8; 16], seq: u64) {
    map.entry(Name(prefix_of(id))).and_modify(|smallest| *smallest = seq.min(*smallest)).or_insert(seq);
}
