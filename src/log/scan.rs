//! Reads a log in order: checked bytes per frame ([`scan_raw`]), or decoded events one by one ([`scan`]).
//!
//! Events are given out only once the commit mark of their group was read and fits.

use super::chain::{Hash, Head};
use super::codec::decode_event;
use super::fault::{FaultKind, LogFault};
use super::frame::{CARRIES_MARK, CommitMark, FrameBytes, FrameKey, FrameView};
use super::store::{Frames, StoreReader};
use super::walk::{RawBatch, RawEvent, Walk};
use crate::domain::event::{Event, Recorded};
use crate::domain::ids::Seq;
use std::collections::VecDeque;
use std::ops::Deref;

/// One event in its place, checked and decoded.
#[derive(Clone, Debug)]
pub struct Scanned {
    /// Its place.
    pub seq: Seq,
    /// The hash of the event before it.
    pub prev_hash: Hash,
    /// Its hash.
    pub hash: Hash,
    /// Its exact stored bytes.
    pub bytes: EventBytes,
    /// The event.
    pub event: Event,
    /// Whether a commit mark follows it.
    pub group_end: bool,
}

impl From<Scanned> for Recorded {
    fn from(scanned: Scanned) -> Self {
        Self {
            seq: scanned.seq,
            hash: scanned.hash.0,
            event: scanned.event,
        }
    }
}

/// An event's exact stored bytes, shared with the frame that they lie in.
#[derive(Clone, Debug)]
pub struct EventBytes {
    frame: FrameBytes,
    range: (u32, u32),
}

impl Deref for EventBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.frame
            .get(self.range.0 as usize..self.range.1 as usize)
            .unwrap_or_default()
    }
}

/// Frames behind the last commit mark: a group that was being written when something stopped. They hold nothing
/// that was ever acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DroppedTail {
    /// The first frame to drop.
    pub from: FrameKey,
    /// Events that begin in the frames.
    pub events: u64,
    /// Frames.
    pub frames: u64,
    /// Bytes of the frames.
    pub bytes: u64,
}

/// What a log ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The head behind the last commit mark.
    pub head: Head,
    /// The last commit mark; none in a log without groups.
    pub last_group: Option<CommitMark>,
    /// What stands behind the last commit mark. It does not exist: drop it with
    /// [`Store::drop_from`](super::store::Store::drop_from) before anything is appended.
    pub dropped: Option<DroppedTail>,
}

/// Reads a log frame by frame from a head on; everything is checked but not decoded.
///
/// The head may stand anywhere. The event before it is read again and must have the head's hash.
///
/// # Errors
/// Each item may be a [`LogFault`]; none follows it. The first one may say that the log does not reach or does not
/// go through the head.
pub fn scan_raw(reader: &dyn StoreReader, from: Head) -> RawScan<'_> {
    RawScan::new(reader, from)
}

/// Reads a log event by event from a head on; everything is checked and decoded.
///
/// # Errors
/// As [`scan_raw`]; also for an event that can't be decoded.
pub fn scan(reader: &dyn StoreReader, from: Head) -> Scan<'_> {
    Scan {
        raw: RawScan::new(reader, from),
        batch: None,
        index: 0,
    }
}

/// Reads a log event by event from a place on, trusting the hashes that stand before it.
///
/// # Errors
/// As [`scan`]; also where the log ends before the place.
pub fn scan_from(reader: &dyn StoreReader, from: Seq) -> Scan<'_> {
    Scan {
        raw: RawScan::locate(reader, from, None),
        batch: None,
        index: 0,
    }
}

/// The head before an event: its seq and the hash that it follows.
///
/// # Errors
/// [`LogFault`] where the log ends before it or what stands there is damaged.
pub fn head_at(reader: &dyn StoreReader, seq: Seq) -> Result<Head, LogFault> {
    if seq == Seq::GENESIS {
        return Ok(Head::EMPTY);
    }
    let before = Seq(seq.0 - 1);
    let missing = || LogFault {
        seq: before,
        what: FaultKind::HeadMissing {
            expected: seq.0,
            last: None,
        },
    };
    let found = read_event(reader, before)?.ok_or_else(missing)?;
    Ok(Head {
        next_seq: seq,
        hash: found.hash,
    })
}

/// Reads one event, without reading the log before it: its hash is checked against what stands before it in its
/// frame, and so are the events between. None where the log ends before it.
///
/// It does not look for the commit mark behind the event; ask for seqs below a durable head.
///
/// # Errors
/// [`LogFault`] where the event, or what stands before it in its frame, is damaged or missing.
pub fn read_event(reader: &dyn StoreReader, seq: Seq) -> Result<Option<Scanned>, LogFault> {
    let store_fault = |error| LogFault {
        seq,
        what: FaultKind::Store(error),
    };
    let Some(start) = frame_of(reader, seq)? else {
        return Ok(None);
    };
    let mut walk = start.walk;
    for frame in reader.frames(start.key) {
        let (key, bytes) = frame.map_err(store_fault)?;
        // The log may end behind the located frame, which then holds events before `seq` only.
        if key.first > seq {
            return Ok(None);
        }
        if let Some(batch) = walk.step(key, &bytes)?.batch {
            let Some(index) = seq
                .0
                .checked_sub(batch.first().0)
                .and_then(|index| usize::try_from(index).ok())
            else {
                continue;
            };
            if index < batch.len() {
                return decode(&batch, index).transpose();
            }
        }
    }
    Ok(None)
}

/// Reads a log from a head to its end: where it ends, and what stands behind the last commit mark.
///
/// # Errors
/// [`LogFault`] for anything damaged. Frames that are missing are a tail only where no commit mark follows them.
pub fn recover(reader: &dyn StoreReader, from: Head) -> Result<Recovery, LogFault> {
    let mut scan = RawScan::new(reader, from);
    let mut head = Head::EMPTY;
    let mut last_group = None;
    loop {
        match scan.next_group() {
            Ok(Some(mark)) => {
                head = scan.walk.as_ref().map_or(head, Walk::head);
                last_group = Some(mark);
                scan.ready.clear();
            }
            Ok(None) => {
                return Ok(Recovery {
                    head,
                    last_group,
                    dropped: scan.tail(),
                });
            }
            Err(LogFault {
                seq,
                what: what @ FaultKind::FrameMissing { .. },
            }) if head.next_seq >= from.next_seq => {
                let start = FrameKey::new(head.next_seq);
                return match tail_without_mark(reader, start)? {
                    Some(dropped) => Ok(Recovery {
                        head,
                        last_group,
                        dropped: Some(dropped),
                    }),
                    None => Err(LogFault { seq, what }),
                };
            }
            Err(fault) => return Err(fault),
        }
    }
}

/// What stands from this frame on, where none of it is, or may once have been, a commit mark.
fn tail_without_mark(reader: &dyn StoreReader, from: FrameKey) -> Result<Option<DroppedTail>, LogFault> {
    let mut tail = DroppedTail {
        from,
        events: 0,
        frames: 0,
        bytes: 0,
    };
    for frame in reader.frames(from) {
        let (key, bytes) = frame.map_err(|error| LogFault {
            seq: from.first,
            what: FaultKind::Store(error),
        })?;
        match FrameView::parse(&bytes, key.part) {
            Ok(view) if !view.is(CARRIES_MARK) => tail.add(&view, &bytes),
            _ => return Ok(None),
        }
    }
    Ok(Some(tail))
}

impl DroppedTail {
    fn add(&mut self, view: &FrameView<'_>, bytes: &[u8]) {
        self.events += view.events as u64;
        self.frames += 1;
        self.bytes += bytes.len() as u64;
    }
}

/// Where to begin to walk.
struct Start {
    key: FrameKey,
    walk: Walk,
}

/// The frame that an event begins in, or the last one before it, and a walk that begins there.
fn frame_of(reader: &dyn StoreReader, seq: Seq) -> Result<Option<Start>, LogFault> {
    let store_fault = |error| LogFault {
        seq,
        what: FaultKind::Store(error),
    };
    let Some((found, _)) = reader.frame_at_or_before(FrameKey::last_of(seq)).map_err(store_fault)? else {
        return Ok(None);
    };
    // A later part of a cut event can't be read alone, so go back to its first part.
    let first = FrameKey::new(found.first);
    let (key, bytes) = match reader.frame_at_or_before(first).map_err(store_fault)? {
        Some((key, bytes)) if key == first => (key, bytes),
        other => {
            let what = FaultKind::FrameMissing {
                expected: first,
                found: other.map(|(key, _)| key),
            };
            return Err(LogFault { seq: first.first, what });
        }
    };
    let view = FrameView::parse(&bytes, key.part).map_err(|problem| LogFault {
        seq: key.first,
        what: FaultKind::Frame { frame: key, problem },
    })?;
    let prev = match view.prev {
        Some(prev) => prev,
        None => hash_before(reader, key)?,
    };
    Ok(Some(Start {
        key,
        walk: Walk::from_frame(key, prev, &view),
    }))
}

/// The last hash of the group before the one that begins with this frame, from its commit mark.
fn hash_before(reader: &dyn StoreReader, key: FrameKey) -> Result<Hash, LogFault> {
    let Some(before) = key.first.0.checked_sub(1).map(Seq) else {
        return Ok(Hash::ZERO);
    };
    let fault = |what| LogFault { seq: before, what };
    let found = reader
        .frame_at_or_before(FrameKey::last_of(before))
        .map_err(|error| fault(FaultKind::Store(error)))?;
    let Some((frame, bytes)) = found else {
        let expected = FrameKey::new(before);
        return Err(fault(FaultKind::FrameMissing {
            expected,
            found: Some(key),
        }));
    };
    let view = FrameView::parse(&bytes, frame.part).map_err(|problem| fault(FaultKind::Frame { frame, problem }))?;
    let mark = view
        .mark()
        .map_err(|problem| fault(FaultKind::Frame { frame, problem }))?;
    match mark {
        Some(mark) if mark.end() == Some(key.first) => Ok(mark.last_hash),
        Some(mark) => {
            let found = (mark.first, u64::from(mark.count));
            let expected = (mark.first, key.first.0.saturating_sub(mark.first.0));
            Err(fault(FaultKind::MarkRange { frame, expected, found }))
        }
        None => Err(fault(FaultKind::FrameMissing {
            expected: FrameKey::new(key.first),
            found: Some(key),
        })),
    }
}

/// See [`scan_raw`].
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
    fn new(reader: &'r dyn StoreReader, from: Head) -> Self {
        Self::locate(reader, from.next_seq, Some(from))
    }

    fn locate(reader: &'r dyn StoreReader, from: Seq, through: Option<Head>) -> Self {
        let start = match from.0.checked_sub(1) {
            None => Ok(Some(Start {
                key: FrameKey::START,
                walk: Walk::from_start(),
            })),
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
            tail: DroppedTail {
                from: FrameKey::START,
                events: 0,
                frames: 0,
                bytes: 0,
            },
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
                let what = FaultKind::HeadHash {
                    expected: hash,
                    found: Hash::ZERO,
                };
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

    /// Reads up to and with the next commit mark; its batches are then ready.
    fn next_group(&mut self) -> Result<Option<CommitMark>, LogFault> {
        if let Some(fault) = self.failed.take() {
            self.frames = None;
            return Err(fault);
        }
        let (Some(frames), Some(walk)) = (&mut self.frames, &mut self.walk) else {
            return Ok(None);
        };
        for frame in frames {
            let seq = walk.head().next_seq;
            let (key, bytes) = frame.map_err(|error| LogFault {
                seq,
                what: FaultKind::Store(error),
            })?;
            if walk.is_between_groups() {
                self.tail = DroppedTail {
                    from: key,
                    events: 0,
                    frames: 0,
                    bytes: 0,
                };
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
        LogFault {
            seq,
            what: FaultKind::HeadMissing {
                expected: self.from.0,
                last: self.last_key,
            },
        }
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
    let found = usize::try_from(index)
        .ok()
        .and_then(|index| batch.get(index))
        .map_or(Hash::ZERO, |event| event.hash);
    match found == head.hash {
        true => Ok(()),
        false => {
            let what = FaultKind::HeadHash {
                expected: head.hash,
                found,
            };
            Err(LogFault {
                seq: Seq(head.next_seq.0 - 1),
                what,
            })
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

/// See [`scan`].
pub struct Scan<'r> {
    raw: RawScan<'r>,
    batch: Option<RawBatch>,
    index: usize,
}

impl Scan<'_> {
    /// What stands behind the last commit mark, once the scan has ended without a fault.
    #[must_use]
    pub fn tail(&self) -> Option<DroppedTail> {
        self.raw.tail()
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<Scanned, LogFault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(scanned) = self.batch.as_ref().and_then(|batch| decode(batch, self.index)) {
                self.index += 1;
                if scanned.is_err() {
                    self.raw.frames = None;
                    self.raw.ready.clear();
                    self.batch = None;
                }
                return Some(scanned);
            }
            self.index = 0;
            match self.raw.next()? {
                Ok(batch) => self.batch = Some(batch),
                Err(fault) => {
                    self.batch = None;
                    return Some(Err(fault));
                }
            }
        }
    }
}

fn decode(batch: &RawBatch, index: usize) -> Option<Result<Scanned, LogFault>> {
    let RawEvent {
        seq,
        prev_hash,
        hash,
        bytes,
        group_end,
    } = batch.get(index)?;
    let range = batch.range(index)?;
    Some(match decode_event(bytes) {
        Ok(event) => {
            let bytes = EventBytes {
                frame: batch.frame().clone(),
                range,
            };
            Ok(Scanned {
                seq,
                prev_hash,
                hash,
                bytes,
                event,
                group_end,
            })
        }
        Err(error) => Err(LogFault {
            seq,
            what: FaultKind::Event(error),
        }),
    })
}
