//! What was folded and stands in no run yet: sorted pieces in memory, for readers.

use super::segment::Segment;
use std::sync::Arc;

/// Pieces of more seqs are not joined: there are few of them before a segment is full.
const JOINED_SEQS_MAX: u64 = 8_192;

/// The pieces of one moment, from the oldest to the newest; each begins where the one before it ends.
#[derive(Clone, Default)]
pub(crate) struct Tail {
    pieces: Vec<Arc<Segment>>,
    /// Seqs below this one stand in runs or here.
    pub next_seq: u64,
}

impl Tail {
    /// Nothing behind the runs.
    pub(crate) fn empty(covered_to: u64) -> Tail {
        Tail { pieces: Vec::new(), next_seq: covered_to }
    }

    /// The pieces with the seq behind the last of each.
    pub(crate) fn pieces(&self) -> impl DoubleEndedIterator<Item = (&Arc<Segment>, u64)> {
        let ends = self.pieces.iter().skip(1).map(|piece| piece.from_seq()).chain([self.next_seq]);
        self.pieces.iter().zip(ends.collect::<Vec<_>>())
    }

    /// The pieces with a further one, whose records are in order. Pieces of like size become one, so that there are
    /// few however small they come.
    pub(crate) fn with(&self, piece: Segment, next_seq: u64) -> Tail {
        let mut pieces = self.pieces.clone();
        let mut newest = piece;
        while let Some(before) = pieces.last() {
            let (older, newer) = (newest.from_seq() - before.from_seq(), next_seq - newest.from_seq());
            if older > 2 * newer || older + newer > JOINED_SEQS_MAX {
                break;
            }
            let mut joined = Segment::clone(before);
            joined.append(&newest);
            joined.sort_appended();
            newest = joined;
            pieces.pop();
        }
        pieces.push(Arc::new(newest));
        Tail { pieces, next_seq }
    }

    /// All of them and a last one, which is not in order, as one segment in order.
    pub(crate) fn joined(&self, mut last: Segment) -> Segment {
        last.sort();
        let mut pieces = self.pieces.iter();
        let Some(first) = pieces.next() else { return last };
        let mut all = Segment::clone(first);
        pieces.for_each(|piece| all.append(piece));
        all.append(&last);
        all.sort_appended();
        all
    }
}
