//! Reads a log in order: checked bytes per frame ([`scan_raw`]), or decoded events one by one ([`scan`]).
//!
//! Events are given out only once the commit mark of their group was read and fits.

use super::chain::{Hash, Head};
use super::codec::decode_event;
use super::fault::{FaultKind, LogFault};
use super::frame::{CARRIES_MARK, CommitMark, FrameBytes, FrameKey, FrameView};
pub use super::raw_scan::RawScan;
use super::raw_scan::frame_of;
use super::store::StoreReader;
use super::walk::{RawBatch, RawEvent};
use crate::domain::event::{Event, Recorded};
use crate::domain::ids::Seq;
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
        Self { seq: scanned.seq, hash: scanned.hash.0, event: scanned.event }
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
        self.frame.get(self.range.0 as usize..self.range.1 as usize).unwrap_or_default()
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
    Scan { raw: RawScan::new(reader, from), batch: None, index: 0 }
}

/// Reads a log event by event from a place on, trusting the hashes that stand before it.
///
/// # Errors
/// As [`scan`]; also where the log ends before the place.
pub fn scan_from(reader: &dyn StoreReader, from: Seq) -> Scan<'_> {
    Scan { raw: RawScan::locate(reader, from, None), batch: None, index: 0 }
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
    let missing = || LogFault { seq: before, what: FaultKind::HeadMissing { expected: seq.0, last: None } };
    let found = read_event(reader, before)?.ok_or_else(missing)?;
    Ok(Head { next_seq: seq, hash: found.hash })
}

/// Reads one event, without reading the log before it; the hashes of its frame are checked against what stands before
/// it there. It does not look for the commit mark behind the event; ask for seqs below a durable head.
///
/// # Errors
/// [`LogFault`] where the event, or what stands beside it in its frame, is damaged or missing.
pub fn read_event(reader: &dyn StoreReader, seq: Seq) -> Result<Option<Scanned>, LogFault> {
    LastBatch::default().event(reader, seq)
}

/// What was read last: of events that are asked for one by one, those of one frame are read and checked once.
#[derive(Default)]
pub struct LastBatch {
    batch: Option<RawBatch>,
}

impl LastBatch {
    /// One event of a log, always the same one; none where it ends before it.
    ///
    /// # Errors
    /// As [`read_event`].
    pub fn event(&mut self, reader: &dyn StoreReader, seq: Seq) -> Result<Option<Scanned>, LogFault> {
        if !self.batch.as_ref().is_some_and(|batch| (batch.first()..batch.next_seq()).contains(&seq)) {
            self.batch = read_batch(reader, seq)?;
        }
        self.batch.as_ref().and_then(|batch| batch.event(seq)).transpose()
    }
}

/// Reads the events that end in one frame with this one, without reading the log before them: their hashes are
/// checked against what stands before the event in its frame. None where the log ends before it.
///
/// It does not look for the commit mark behind the event; ask for seqs below a durable head.
///
/// # Errors
/// [`LogFault`] where the event, or what stands beside it in its frame, is damaged or missing.
fn read_batch(reader: &dyn StoreReader, seq: Seq) -> Result<Option<RawBatch>, LogFault> {
    let store_fault = |error| LogFault { seq, what: FaultKind::Store(error) };
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
        if let Some(batch) = walk.step(key, &bytes)?.batch
            && (batch.first()..batch.next_seq()).contains(&seq)
        {
            return Ok(Some(batch));
        }
    }
    Ok(None)
}

impl RawBatch {
    /// One of its events, decoded; none where it has no such event.
    #[must_use]
    pub fn event(&self, seq: Seq) -> Option<Result<Scanned, LogFault>> {
        decode(self, usize::try_from(seq.0.checked_sub(self.first().0)?).ok()?)
    }
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
                head = scan.head().unwrap_or(head);
                last_group = Some(mark);
                scan.skip_ready();
            }
            Ok(None) => {
                return Ok(Recovery { head, last_group, dropped: scan.tail() });
            }
            Err(LogFault { seq, what: what @ FaultKind::FrameMissing { .. } }) if head.next_seq >= from.next_seq => {
                let start = FrameKey::new(head.next_seq);
                return match tail_without_mark(reader, start)? {
                    Some(dropped) => Ok(Recovery { head, last_group, dropped: Some(dropped) }),
                    None => Err(LogFault { seq, what }),
                };
            }
            Err(fault) => return Err(fault),
        }
    }
}

/// What stands from this frame on, where none of it is, or may once have been, a commit mark.
fn tail_without_mark(reader: &dyn StoreReader, from: FrameKey) -> Result<Option<DroppedTail>, LogFault> {
    let mut tail = DroppedTail { from, events: 0, frames: 0, bytes: 0 };
    for frame in reader.frames(from) {
        let (key, bytes) = frame.map_err(|error| LogFault { seq: from.first, what: FaultKind::Store(error) })?;
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
                    self.raw.stop();
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
    let RawEvent { seq, prev_hash, hash, bytes, group_end } = batch.get(index)?;
    let range = batch.range(index)?;
    Some(match decode_event(bytes) {
        Ok(event) => {
            let bytes = EventBytes { frame: batch.frame().clone(), range };
            Ok(Scanned { seq, prev_hash, hash, bytes, event, group_end })
        }
        Err(error) => Err(LogFault { seq, what: FaultKind::Event(error) }),
    })
}
