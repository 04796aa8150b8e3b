//! Walks frames one after the other and checks everything that needs no decoding: form, order, hashes, marks.

use super::chain::{Chain, Hash, Head};
use super::codec::continues_unit;
use super::fault::{FaultKind, LogFault};
use super::frame::{
    BEGINS_GROUP, CARRIES_MARK, CONTINUATION, CommitMark, FrameBytes, FrameKey, FrameProblem, FrameView, MORE_FOLLOWS,
    PREFIX_BYTES, read_length,
};
use crate::domain::ids::Seq;

/// The events that end in one frame, with their hashes checked.
#[derive(Clone, Debug)]
pub struct RawBatch {
    bytes: FrameBytes,
    first: Seq,
    prev: Hash,
    spans: Vec<Span>,
    pub(super) ends_group: bool,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
    hash: Hash,
}

/// One event's exact stored bytes in their place, with the hash checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawEvent<'a> {
    /// Its place.
    pub seq: Seq,
    /// The hash of the event before it.
    pub prev_hash: Hash,
    /// Its hash.
    pub hash: Hash,
    /// Its exact bytes.
    pub bytes: &'a [u8],
    /// Whether a commit mark follows it.
    pub group_end: bool,
}

impl RawBatch {
    /// Events in the batch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether the batch has no events; the reader gives out no such batch.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Its first event.
    #[must_use]
    pub const fn first(&self) -> Seq {
        self.first
    }

    /// The place after its last event.
    #[must_use]
    pub fn next_seq(&self) -> Seq {
        Seq(self.first.0.saturating_add(self.spans.len() as u64))
    }

    /// The event at this index, 0 for the first of the batch.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<RawEvent<'_>> {
        let span = self.spans.get(index)?;
        let before = index.checked_sub(1).and_then(|before| self.spans.get(before));
        Some(RawEvent {
            seq: Seq(self.first.0.saturating_add(index as u64)),
            prev_hash: before.map_or(self.prev, |span| span.hash),
            hash: span.hash,
            bytes: self.bytes.get(span.start as usize..span.end as usize)?,
            group_end: self.ends_group && index + 1 == self.spans.len(),
        })
    }

    /// Its events in order.
    pub fn iter(&self) -> impl Iterator<Item = RawEvent<'_>> {
        (0..self.spans.len()).filter_map(|index| self.get(index))
    }

    /// The bytes that its events lie in.
    pub(super) const fn frame(&self) -> &FrameBytes {
        &self.bytes
    }

    pub(super) fn range(&self, index: usize) -> Option<(u32, u32)> {
        self.spans.get(index).map(|span| (span.start, span.end))
    }

    /// Drops the events before this place.
    pub(super) fn skip_before(&mut self, seq: Seq) {
        let skipped = usize::try_from(seq.0.saturating_sub(self.first.0)).unwrap_or(usize::MAX).min(self.spans.len());
        if let Some(last) = skipped.checked_sub(1).and_then(|last| self.spans.get(last)) {
            self.prev = last.hash;
            self.first = Seq(self.first.0.saturating_add(skipped as u64));
            self.spans.drain(..skipped);
        }
    }
}

/// What one frame brought.
#[derive(Default)]
pub(super) struct Step {
    pub(super) batch: Option<RawBatch>,
    pub(super) mark: Option<CommitMark>,
}

/// Where a walk stands between two frames.
pub(super) struct Walk {
    chain: Chain,
    expected: FrameKey,
    group: Group,
    cut: Option<CutEvent>,
    unit_continues: bool,
}

/// What is known of the group that the walk is in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    /// The next frame begins one.
    Between,
    /// It began with this event.
    Since(Seq),
    /// The walk began in its middle.
    Unknown,
}

/// An event that is cut over several frames, as far as it was read.
struct CutEvent {
    frame: FrameKey,
    length: usize,
    /// The event's bytes and the prefix of its hash.
    bytes: Vec<u8>,
}

impl Walk {
    /// A walk from the start of the log.
    pub(super) fn from_start() -> Self {
        Self::at(FrameKey::START, Hash::ZERO, Group::Between)
    }

    /// A walk from this frame, which follows an event with this hash.
    pub(super) fn from_frame(key: FrameKey, prev: Hash, view: &FrameView<'_>) -> Self {
        let group = if view.is(BEGINS_GROUP) { Group::Between } else { Group::Unknown };
        Self::at(key, prev, group)
    }

    fn at(key: FrameKey, prev: Hash, group: Group) -> Self {
        let chain = Chain::new(Head { next_seq: key.first, hash: prev });
        Self { chain, expected: key, group, cut: None, unit_continues: false }
    }

    /// The head behind the last event that was read whole.
    pub(super) const fn head(&self) -> Head {
        self.chain.head()
    }

    /// Whether the last frame ended with a commit mark, or there was none.
    pub(super) fn is_between_groups(&self) -> bool {
        self.group == Group::Between
    }

    /// Reads the next frame.
    pub(super) fn step(&mut self, key: FrameKey, bytes: &FrameBytes) -> Result<Step, LogFault> {
        self.check_key(key)?;
        let view = FrameView::parse(bytes, key.part).map_err(|problem| self.frame_fault(key, problem))?;
        self.check_place(key, &view)?;
        let batch = match view.is(CONTINUATION) {
            true => self.continue_event(key, &view)?,
            false => self.read_events(key, &view, bytes)?,
        };
        let mark = view.mark().map_err(|problem| {
            let seq = Seq(self.head().next_seq.0.saturating_sub(1));
            LogFault { seq, what: FaultKind::Frame { frame: key, problem } }
        })?;
        let mut step = Step { batch, mark };
        match &mark {
            Some(mark) => {
                self.check_mark(key, mark)?;
                self.group = Group::Between;
                if let Some(batch) = &mut step.batch {
                    batch.ends_group = true;
                }
                self.expected = FrameKey::new(self.head().next_seq);
            }
            None => self.expected = self.after(key, &view)?,
        }
        Ok(step)
    }

    fn check_key(&self, key: FrameKey) -> Result<(), LogFault> {
        let expected = self.expected;
        match key.cmp(&expected) {
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Greater => Err(self.fault(FaultKind::FrameMissing { expected, found: Some(key) })),
            std::cmp::Ordering::Less => Err(self.fault(FaultKind::FrameMisplaced { expected, found: key })),
        }
    }

    fn check_place(&mut self, key: FrameKey, view: &FrameView<'_>) -> Result<(), LogFault> {
        if !view.is(CONTINUATION) && view.is(BEGINS_GROUP) != (self.group == Group::Between) {
            return Err(self.frame_fault(key, FrameProblem::Flags { found: view.flags }));
        }
        if view.is(BEGINS_GROUP) {
            self.group = Group::Since(self.head().next_seq);
        }
        let computed = self.head().hash;
        match view.prev {
            Some(stored) if stored != computed => Err(self.fault(FaultKind::PrevHash { frame: key, stored, computed })),
            _ => Ok(()),
        }
    }

    fn read_events(
        &mut self,
        key: FrameKey,
        view: &FrameView<'_>,
        bytes: &FrameBytes,
    ) -> Result<Option<RawBatch>, LogFault> {
        let head = self.head();
        let mut spans = Vec::with_capacity(view.events);
        let mut rest = view.body;
        while spans.len() < view.events {
            let length_fault = FaultKind::EventLength { frame: key };
            let Some((length, behind)) = read_length(rest) else {
                return Err(self.fault(length_fault));
            };
            if behind.len() < length + PREFIX_BYTES {
                let may_be_cut = view.events == 1 && view.is(MORE_FOLLOWS);
                if !may_be_cut {
                    return Err(self.fault(length_fault));
                }
                self.cut = Some(CutEvent { frame: key, length, bytes: behind.to_vec() });
                return Ok(None);
            }
            let start = view.body_at + view.body.len() - behind.len();
            let (event, behind) = behind.split_at(length);
            let (stored, behind) = behind.split_at(PREFIX_BYTES);
            let hash = self.check_event(key, event, stored)?;
            spans.push(Span { start: start as u32, end: (start + length) as u32, hash });
            rest = behind;
        }
        match (rest.len(), spans.len()) {
            (0, 0) => Err(self.frame_fault(key, FrameProblem::Count { expected: 1, found: 0 })),
            (0, _) => Ok(Some(RawBatch {
                bytes: bytes.clone(),
                first: head.next_seq,
                prev: head.hash,
                spans,
                ends_group: false,
            })),
            (bytes, _) => Err(self.frame_fault(key, FrameProblem::TrailingBytes { bytes })),
        }
    }

    fn continue_event(&mut self, key: FrameKey, view: &FrameView<'_>) -> Result<Option<RawBatch>, LogFault> {
        if view.events != 0 {
            return Err(self.frame_fault(key, FrameProblem::Count { expected: view.events, found: 0 }));
        }
        let Some(mut cut) = self.cut.take() else {
            // Nothing is left to go on with but a mark that had no room in the frame before.
            return match (view.body.len(), view.is(CARRIES_MARK)) {
                (0, true) => Ok(None),
                (0, false) => Err(self.frame_fault(key, FrameProblem::Flags { found: view.flags })),
                (bytes, _) => Err(self.frame_fault(key, FrameProblem::TrailingBytes { bytes })),
            };
        };
        let whole = cut.length + PREFIX_BYTES;
        let missing = whole.saturating_sub(cut.bytes.len());
        if view.body.len() > missing {
            let bytes = view.body.len() - missing;
            return Err(self.frame_fault(key, FrameProblem::TrailingBytes { bytes }));
        }
        cut.bytes.extend_from_slice(view.body);
        if cut.bytes.len() < whole {
            if !view.is(MORE_FOLLOWS) || view.body.is_empty() {
                return Err(self.fault(FaultKind::EventLength { frame: cut.frame }));
            }
            self.cut = Some(cut);
            return Ok(None);
        }
        let head = self.head();
        let (event, stored) = cut.bytes.split_at(cut.length);
        let hash = self.check_event(cut.frame, event, stored)?;
        let spans = vec![Span { start: 0, end: cut.length as u32, hash }];
        let bytes = FrameBytes::from(cut.bytes);
        Ok(Some(RawBatch { bytes, first: head.next_seq, prev: head.hash, spans, ends_group: false }))
    }

    #[inline]
    fn check_event(&mut self, frame: FrameKey, event: &[u8], stored: &[u8]) -> Result<Hash, LogFault> {
        let before = self.head();
        let hash = self.chain.extend(event);
        if stored != hash.prefix() {
            let stored = stored.first_chunk().copied().unwrap_or_default();
            let what = FaultKind::HashPrefix { frame, stored, computed: hash };
            return Err(LogFault { seq: before.next_seq, what });
        }
        self.unit_continues = continues_unit(event);
        Ok(hash)
    }

    fn check_mark(&self, frame: FrameKey, mark: &CommitMark) -> Result<(), LogFault> {
        let head = self.head();
        let first = match self.group {
            Group::Since(first) => first,
            Group::Unknown | Group::Between => mark.first,
        };
        let count = head.next_seq.0.saturating_sub(first.0);
        let seq = Seq(head.next_seq.0.saturating_sub(1));
        if self.cut.is_some() || mark.first != first || u64::from(mark.count) != count {
            let found = (mark.first, u64::from(mark.count));
            return Err(LogFault { seq, what: FaultKind::MarkRange { frame, expected: (first, count), found } });
        }
        if mark.last_hash != head.hash {
            let (expected, found) = (head.hash, mark.last_hash);
            return Err(LogFault { seq, what: FaultKind::MarkHash { frame, expected, found } });
        }
        match self.unit_continues {
            true => Err(LogFault { seq, what: FaultKind::UnitStraddlesMark { frame } }),
            false => Ok(()),
        }
    }

    /// The key that must follow a frame without a mark.
    fn after(&self, key: FrameKey, view: &FrameView<'_>) -> Result<FrameKey, LogFault> {
        match view.is(MORE_FOLLOWS) {
            false => Ok(FrameKey::new(self.head().next_seq)),
            true => key.next_part().ok_or_else(|| self.frame_fault(key, FrameProblem::Flags { found: view.flags })),
        }
    }

    fn frame_fault(&self, frame: FrameKey, problem: FrameProblem) -> LogFault {
        self.fault(FaultKind::Frame { frame, problem })
    }

    fn fault(&self, what: FaultKind) -> LogFault {
        LogFault { seq: self.head().next_seq, what }
    }
}
