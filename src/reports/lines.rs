//! What events say of buckets, bucket by bucket: gathered in one pass over the log, or in several where it is much.

use super::read::{Basis, Lists};
use super::{ReportError, Reports};
use crate::domain::event::Event;
use crate::domain::event::EventKind;
use crate::domain::ids::{ItemId, Moment, Position, Seq, Timestamp};
use crate::domain::line::Bucket;
use crate::domain::period::{Close, Closes, Entry, Rank, Running, What, filed_at, for_each_entry};
use rustc_hash::FxHashMap;

/// What one line of an event says of a bucket, in 32 bytes.
#[derive(Clone, Copy)]
struct Line {
    at: Moment,
    /// What moved, or what was counted.
    value: i64,
    bucket: u32,
    /// Its place among all lines.
    place: u32,
    /// How many periods of its location were closed when it was recorded.
    closed: u32,
    kind: EventKind,
}

const _: () = assert!(size_of::<Line>() <= 32);

/// A line in its turn.
pub(super) struct Step {
    /// What kind of event it stands in; a count is of no other.
    pub(super) kind: EventKind,
    /// Its moment.
    pub(super) at: Moment,
    /// The instant that it is filed under.
    pub(super) filed: Timestamp,
    /// What it says.
    pub(super) what: What,
    /// What it puts right, see [`Running::take`].
    pub(super) variance: i128,
    /// What is in the bucket behind it.
    pub(super) quantity: i128,
    /// Its place among all lines of the report, in the order of the log.
    pub(super) place: u32,
}

/// All lines of a bucket.
pub(super) struct BucketLines<'a> {
    pub(super) position: Position,
    lines: &'a mut [Line],
    closes: &'a [Close],
}

impl<'a> BucketLines<'a> {
    /// The closes of its location.
    pub(super) const fn closes(&self) -> &'a [Close] {
        self.closes
    }

    /// In the order that makes the figures of reports: a line that was dated in a closed period counts from the
    /// beginning of the period that was open when it was recorded.
    pub(super) fn each_filed(self, see: impl FnMut(Step)) {
        let closes = self.closes;
        self.each(|line| line.filed(closes), see);
    }

    /// In the order in which things happened.
    pub(super) fn each_dated(self, see: impl FnMut(Step)) {
        self.each(|line| line.at.at(), see);
    }

    fn each(self, filed: impl Fn(&Line) -> Timestamp, mut see: impl FnMut(Step)) {
        self.lines.sort_by_key(|line| line.rank(filed(line)));
        let mut running = Running::default();
        for line in self.lines.iter() {
            let Line { at, kind, place, .. } = *line;
            let entry = line.entry();
            let variance = running.take(&entry);
            let (what, quantity) = (entry.what, running.quantity());
            see(Step { kind, at, filed: filed(line), what, variance, quantity, place });
        }
    }
}

impl Line {
    /// Places stand for seqs: lines of one event never are a count and a movement of one bucket.
    fn entry(&self) -> Entry {
        let what = match self.kind == EventKind::Counted {
            true => What::Counted(self.value),
            false => What::Moved(self.value),
        };
        Entry { seq: Seq(u64::from(self.place)), at: self.at, what }
    }

    fn rank(&self, filed: Timestamp) -> Rank {
        self.entry().rank(filed)
    }

    fn filed(&self, closes: &[Close]) -> Timestamp {
        let known = closes.get(..self.closed as usize).unwrap_or(closes);
        filed_at(known, Seq(u64::MAX), self.at.at())
    }
}

/// A part of the items, so that the parts of one depth are about equally large and leave nothing out.
#[derive(Clone, Copy)]
struct Part {
    number: u32,
    depth: u32,
}

const DEPTH_MAX: u32 = 16;

impl Part {
    const ALL: Part = Part { number: 0, depth: 0 };

    fn has(self, item: ItemId) -> bool {
        // The upper bits of the product with the golden ratio differ for neighbours.
        let mixed = item.0.wrapping_mul(0x9E37_79B9) >> (u32::BITS - DEPTH_MAX);
        mixed & ((1 << self.depth) - 1) == self.number
    }

    /// Its two halves.
    const fn halves(self) -> (Self, Self) {
        let depth = self.depth + 1;
        (Self { number: self.number, depth }, Self { number: self.number | 1 << self.depth, depth })
    }
}

/// Lines of a part of the items.
#[derive(Default)]
struct Gathered {
    lines: Vec<Line>,
    buckets: Vec<(Position, Bucket)>,
    ids: FxHashMap<(Position, Bucket), u32>,
}

impl Gathered {
    fn push(&mut self, position: Position, bucket: Bucket, line: Line) {
        let id = *self.ids.entry((position, bucket)).or_insert_with(|| {
            self.buckets.push((position, bucket));
            u32::try_from(self.buckets.len() - 1).unwrap_or(u32::MAX)
        });
        self.lines.push(Line { bucket: id, ..line });
    }

    fn keep(&mut self, part: Part) {
        let Self { lines, buckets, .. } = self;
        lines.retain(|line| buckets.get(line.bucket as usize).is_some_and(|(position, _)| part.has(position.item)));
    }

    fn visit(&mut self, closes: &Closes, visit: &mut impl FnMut(BucketLines<'_>)) {
        self.lines.sort_unstable_by_key(|line| (line.bucket, line.place));
        for lines in self.lines.chunk_by_mut(|one, other| one.bucket == other.bucket) {
            let Some((position, _)) = lines.first().and_then(|line| self.buckets.get(line.bucket as usize)) else {
                continue;
            };
            visit(BucketLines { position: *position, lines, closes: closes.of(position.location) });
        }
    }
}

/// What one pass over the log knows while it goes.
pub(super) struct Reading<'a> {
    /// The closes so far, those of this event not.
    pub(super) closes: &'a Closes,
    /// The place of the event's first line.
    pub(super) place: u32,
}

impl Reports<'_> {
    /// Gathers the lines of the positions that are wanted, and gives them out bucket by bucket. On the way `see` is
    /// called once for every event. Gives all closes.
    pub(super) fn each_bucket(
        &self,
        basis: &Basis,
        lists: &Lists,
        wanted: impl Fn(Position) -> bool,
        mut see: impl FnMut(Seq, &Event, &Reading<'_>),
        mut visit: impl FnMut(BucketLines<'_>),
    ) -> Result<Closes, ReportError> {
        let (mut waiting, mut lines_max) = (vec![Part::ALL], self.lines_max);
        let mut is_first = true;
        let mut closes = Closes::default();
        while let Some(mut part) = waiting.pop() {
            let (mut gathered, mut place) = (Gathered::default(), 0_u32);
            closes = Closes::default();
            self.each(basis, lists, |seq, event| {
                if is_first {
                    see(seq, event, &Reading { closes: &closes, place });
                }
                let kind = EventKind::of(&event.body);
                for_each_entry(seq, event, |position, bucket, entry| {
                    place = place.saturating_add(1);
                    if wanted(position) && part.has(position.item) {
                        let closed = u32::try_from(closes.of(position.location).len()).unwrap_or(u32::MAX);
                        let (What::Moved(value) | What::Counted(value)) = entry.what;
                        gathered.push(position, bucket, Line { at: entry.at, value, bucket: 0, place, closed, kind });
                    }
                });
                closes.take(seq, event);
                while gathered.lines.len() > lines_max && part.depth < DEPTH_MAX {
                    let (before, (kept, later)) = (gathered.lines.len(), part.halves());
                    gathered.keep(kept);
                    waiting.push(later);
                    part = kept;
                    // Most of it is one item, which no halving would part.
                    if gathered.lines.len() * 8 > before * 7 {
                        lines_max = lines_max.max(gathered.lines.len() * 2);
                    }
                }
            })?;
            gathered.visit(&closes, &mut visit);
            is_first = false;
        }
        Ok(closes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_of_similar_size_and_have_each_item_once() {
        let mut parts = vec![Part::ALL];
        for _ in 0..4 {
            parts = parts.into_iter().flat_map(|part| [part.halves().0, part.halves().1]).collect();
        }
        let sizes: Vec<usize> =
            parts.iter().map(|part| (1..=16_000).filter(|item| part.has(ItemId(*item))).count()).collect();
        assert_eq!(sizes.iter().sum::<usize>(), 16_000);
        assert!(sizes.iter().all(|size| (800..1_200).contains(size)), "{sizes:?}");
    }
}
