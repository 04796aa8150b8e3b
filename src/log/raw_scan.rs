//! The raw pass over a log: frames in order, everything checked but nothing decoded, group by group.

use super::chain::{Hash, Head};
use super::fault::{FaultKind, LogFault};
use super::frame::{CommitMark, FrameKey, FrameView};
use super::scan::DroppedTail;
use super::store::{Frames, StoreReader};
use super::walk::{RawBatch, Walk};
use crate::domain::ids::Seq;
use std::collections::VecDeque;

/// Where to begin to walk.
pub(super) struct Start {
    pub(super) key: FrameKey,
    pub(super) walk: Walk,
}

/// The frame that an event begins in, or the last one before it, and a walk that begins there.
pub(super) fn frame_of(reader: &dyn StoreReader, seq: Seq) -> Result<Option<Start>, LogFault> {
    let store_fault = |error| LogFault { seq, what: FaultKind::Store(error) };
    let Some((found, _)) = reader.frame_at_or_before(FrameKey::last_of(seq)).map_err(store_fault)? else {
        return Ok(None);
    };
    // A later part of a cut event can't be read alone, so go back to its first part.
    let first = FrameKey::new(found.first);
    let (key, bytes) = match reader.frame_at_or_before(first).map_err(store_fault)? {
        Some((key, bytes)) if key == first => (key, bytes),
        other => {
            let what = FaultKind::FrameMissing { expected: first, found: other.map(|(key, _)| key) };
            return Err(LogFault { seq: first.first, what });
        }
    };
    let view = FrameView::parse(&bytes, key.part)
        .map_err(|problem| LogFault { seq: key.first, what: FaultKind::Frame { frame: key, problem } })?;
    let prev = match view.prev {
        Some(prev) => prev,
        None => hash_before(reader, key)?,
    };
    Ok(Some(Start { key, walk: Walk::from_frame(key, prev, &view) }))
}

/// The last hash of the group before the one that begins with this frame, from its commit mark.
fn hash_before(reader: &dyn StoreReader, key: FrameKey) -> Result<Hash, LogFault> {
    let Some(before) = key.first.0.checked_sub(1).map(Seq) else {
        return Ok(Hash::ZERO);
    };
    let fault = |what| LogFault { seq: before, what };
    let found = reader.frame_at_or_before(FrameKey::last_of(before)).map_err(|error| fault(FaultKind::Store(error)))?;
    let Some((frame, bytes)) = found else {
        let expected = FrameKey::new(before);
        return Err(fault(FaultKind::FrameMissing { expected, found: Some(key) }));
    };
    let view = FrameView::parse(&bytes, frame.part).map_err(|problem| fault(FaultKind::Frame { frame, problem }))?;
    let mark = view.mark().map_err(|problem| fault(FaultKind::Frame { frame, problem }))?;
    match mark {
        Some(mark) if mark.end() == Some(key.first) => Ok(mark.last_hash),
        Some(mark) => {
            let found = (mark.first, u64::from(mark.count));
            let expected = (mark.first, key.first.0.saturating_sub(mark.first.0));
            Err(fault(FaultKind::MarkRange { frame, expected, found }))
        }
        None => Err(fault(FaultKind::FrameMissing { expected: FrameKey::new(key.first), found: Some(key) })),
    }
}

/// See [`scan_raw`](super::scan::scan_raw).
pub struct RawScan<'r> {
    frames: Option<Frames<'r>>,
    walk: Option<Walk>,
    failed: Option<LogFault>,
    /// The head that the log must go through, until it was reached.
    through: Option<Head>,
    /// Where the caller wants to begin.
    from: Seq,
    /// The place behind the last commit mark that was read.
    marked: Seq,
    last_key: Option<FrameKey>,
    /// Batches of the group whose mark was not read yet.
    waiting: Vec<RawBatch>,
    ready: VecDeque<RawBatch>,
    tail: DroppedTail,
}

impl<'r> RawScan<'r> {
    pub(super) fn new(reader: &'r dyn StoreReader, from: Head) -> Self {
        Self::locate(reader, from.next_seq, Some(from))
    }

    pub(super) fn locate(reader: &'r dyn StoreReader, from: Seq, through: Option<Head>) -> Self {
        let start = match from.0.checked_sub(1) {
            None => Ok(Some(Start { key: FrameKey::START, walk: Walk::from_start() })),
            Some(before) => frame_of(reader, Seq(before)),
        };
        let mut scan = Self {
            frames: None,
            walk: None,
            failed: None,
            through,
            from,
            marked: Seq(0),
            last_key: None,
            waiting: Vec::new(),
            ready: VecDeque::new(),
            tail: DroppedTail { from: FrameKey::START, events: 0, frames: 0, bytes: 0 },
        };
        match start {
            Ok(Some(start)) => {
                scan.frames = Some(reader.frames(start.key));
                scan.tail.from = start.key;
                scan.walk = Some(start.walk);
                scan.check_start();
            }
            Ok(None) => scan.failed = Some(scan.head_missing()),
            Err(fault) => scan.failed = Some(fault),
        }
        scan
    }

    /// A head before the first event has no event to be held against.
    fn check_start(&mut self) {
        if let Some(Head { next_seq: Seq(0), hash }) = self.through {
            self.through = None;
            if hash != Hash::ZERO {
                let what = FaultKind::HeadHash { expected: hash, found: Hash::ZERO };
                self.failed = Some(LogFault { seq: Seq(0), what });
            }
        }
    }

    /// What stands behind the last commit mark, once the scan has ended without a fault.
    #[must_use]
    pub fn tail(&self) -> Option<DroppedTail> {
        (self.tail.frames > 0).then_some(self.tail)
    }

    /// The head behind the last event that was read, with or without a commit mark.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.walk.as_ref().map(Walk::head)
    }

    /// Passes over the batches that are ready.
    pub(super) fn skip_ready(&mut self) {
        self.ready.clear();
    }

    /// Gives out nothing more.
    pub(super) fn stop(&mut self) {
        self.frames = None;
        self.ready.clear();
    }

    /// Reads up to and with the next commit mark; its batches are then ready.
    pub(super) fn next_group(&mut self) -> Result<Option<CommitMark>, LogFault> {
        if let Some(fault) = self.failed.take() {
            self.frames = None;
            return Err(fault);
        }
        let (Some(frames), Some(walk)) = (&mut self.frames, &mut self.walk) else {
            return Ok(None);
        };
        for frame in frames {
            let seq = walk.head().next_seq;
            let (key, bytes) = frame.map_err(|error| LogFault { seq, what: FaultKind::Store(error) })?;
            if walk.is_between_groups() {
                self.tail = DroppedTail { from: key, events: 0, frames: 0, bytes: 0 };
            }
            let step = walk.step(key, &bytes)?;
            self.last_key = Some(key);
            self.tail.frames += 1;
            self.tail.bytes += bytes.len() as u64;
            if let Some(mut batch) = step.batch {
                self.tail.events += batch.len() as u64;
                check_through(&mut self.through, &batch)?;
                batch.skip_before(self.from);
                if !batch.is_empty() {
                    self.waiting.push(batch);
                }
            }
            if let Some(mark) = step.mark {
                // A mark may stand in a frame of its own, so it is the last batch that ends the group.
                if let Some(last) = self.waiting.last_mut() {
                    last.ends_group = true;
                }
                self.tail.frames = 0;
                self.marked = walk.head().next_seq;
                self.ready.extend(self.waiting.drain(..));
                return Ok(Some(mark));
            }
        }
        self.waiting.clear();
        match self.marked < self.from {
            true => Err(self.head_missing()),
            false => Ok(None),
        }
    }

    fn head_missing(&self) -> LogFault {
        let seq = self.head().map_or(Seq(0), |head| head.next_seq);
        LogFault { seq, what: FaultKind::HeadMissing { expected: self.from.0, last: self.last_key } }
    }
}

/// Holds the hash of the event before the head that the log must go through against that head.
fn check_through(through: &mut Option<Head>, batch: &RawBatch) -> Result<(), LogFault> {
    let Some(head) = *through else { return Ok(()) };
    if batch.next_seq() < head.next_seq {
        return Ok(());
    }
    *through = None;
    let index = head.next_seq.0.saturating_sub(batch.first().0 + 1);
    let found = usize::try_from(index).ok().and_then(|index| batch.get(index)).map_or(Hash::ZERO, |event| event.hash);
    match found == head.hash {
        true => Ok(()),
        false => {
            let what = FaultKind::HeadHash { expected: head.hash, found };
            Err(LogFault { seq: Seq(head.next_seq.0 - 1), what })
        }
    }
}

impl Iterator for RawScan<'_> {
    type Item = Result<RawBatch, LogFault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Some(Ok(batch));
            }
            match self.next_group() {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(fault) => {
                    self.frames = None;
                    return Some(Err(fault));
                }
            }
        }
    }
}
