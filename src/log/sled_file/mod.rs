//! sled's file, looked at before sled is let at it, and put back where sled got it wrong.
//!
//! sled 0.34 repairs what it can't read, and what it can't read it takes for a write that was cut short. A segment whose
//! head can't be read is unused for it; what follows a message that can't be read is written over with zeros; a read that
//! fails once counts as the end. So everything that sled will look at is read first, through a descriptor of our own: an
//! error there refuses with nothing changed, and so does anything that no stop of a process or loss of power leaves
//! behind. That reading also brings the pages into memory, from where sled reads them then. What sled may write over is
//! kept meanwhile, and put back where it wrote over more than it had to, or where the log turns out to end too early.

mod messages;
mod snapshots;

use super::chain::Hash;
use super::directory::DB;
use super::store::StoreError;
use crate::files::small;
use messages::{HEAD_BYTES, Reach, SEGMENT_BYTES, SegmentHead, reach, survivors};
pub(super) use snapshots::SetAside;
use snapshots::Snapshots;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Segments, the newest of those that sled will read, that are kept in memory while it opens its file.
const KEPT_SEGMENTS_MAX: usize = 128;
/// Bytes that sled's file of sizes may have.
const CONF_BYTES_MAX: u64 = 65_536;
/// The newest segments of which all is part of the seal.
const SEALED_SEGMENTS: usize = 2;

fn io(source: std::io::Error) -> StoreError {
    StoreError::Io { what: "reading the log's file", source }
}

fn damaged(what: String) -> StoreError {
    StoreError::Corrupted { seq: None, what: format!("{what}; nothing was changed") }
}

/// What sled would look at is not what it was when the ledger was closed.
pub(super) fn not_as_closed() -> StoreError {
    StoreError::Corrupted {
        seq: None,
        what: "the newest part of log/db, or the head of one of its segments, is not what it was when the ledger was \
               closed; nothing was changed"
            .to_owned(),
    }
}

/// sled touched what it had no reason to touch.
pub(super) fn misread() -> StoreError {
    let what = "sled could not read again what was read a moment before, and began to repair what is whole: its disk may \
                fail at times, or memory be short; all was put back as it was, nothing is lost";
    StoreError::Io { what: "opening the log", source: std::io::Error::other(what) }
}

/// A segment as it was.
#[derive(Debug)]
struct Kept {
    start: u64,
    bytes: Vec<u8>,
    /// Up to here sled will take what stands in it.
    taken: usize,
}

impl Kept {
    /// What sled will take, and what stands behind it.
    fn parts(&self) -> (&[u8], &[u8]) {
        self.bytes.split_at(self.taken.min(self.bytes.len()))
    }
}

/// Everything that sled will look at when it opens its file, as it was before.
#[derive(Debug)]
pub(super) struct SledFile {
    log: PathBuf,
    bytes: u64,
    heads: Vec<[u8; HEAD_BYTES]>,
    kept: Vec<Kept>,
    /// Where the newest whole message ends: in which segment, and behind how many of its bytes.
    tip: Option<(u64, usize)>,
    snapshots: Snapshots,
    fingerprint: Hash,
}

impl SledFile {
    /// Reads of the log's files in this directory what the seal is about. Changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Io`] where something can't be read.
    pub(super) fn read(log: &Path) -> Result<Self, StoreError> {
        // sled reads it first; it holds sizes that never change.
        match small::read_whole(&log.join("conf"), CONF_BYTES_MAX) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
        let snapshots = Snapshots::read(log)?;
        let file = open(log)?;
        let bytes = file.metadata().map_err(io)?.len();
        let heads = read_heads(&file, bytes)?;
        let fingerprint = fingerprint(&file, bytes, &heads)?;
        let (log, kept, tip) = (log.to_owned(), Vec::new(), None);
        Ok(Self { log, bytes, heads, kept, tip, snapshots, fingerprint })
    }

    /// A hash of what decides what sled does with its file when it opens it: the heads of all segments, which say in
    /// which order they follow each other, and all of the two last ones in that order.
    pub(super) const fn fingerprint(&self) -> Hash {
        self.fingerprint
    }

    /// Takes out of sled's way what it would stumble over. See the log for what was found damaged.
    pub(super) fn clear_the_way(&self) -> Result<(), StoreError> {
        self.snapshots.clear_the_way()
    }

    /// Reads what sled will replay, as it does, judges it and keeps the newest of it. Changes nothing on the disk.
    ///
    /// # Errors
    /// [`StoreError::Io`] where something can't be read; [`StoreError::Corrupted`] where it is not what sled wrote, and
    /// no stop or loss of power explains it.
    pub(super) fn judge(&mut self) -> Result<(), StoreError> {
        let file = &open(&self.log)?;
        let from = self.snapshots.stable_place() / SEGMENT_BYTES as i64 * SEGMENT_BYTES as i64;
        let Ordered { order, stable } = self.order(from)?;
        // Up to here every segment was complete before a newer one was begun.
        let tail_from = stable.max(0) / SEGMENT_BYTES as i64 * SEGMENT_BYTES as i64;
        let kept_from = order.len().saturating_sub(KEPT_SEGMENTS_MAX);
        let mut suspects = Vec::new();
        let mut tail = Tail { next: tail_from, is_torn: false, tip: None };
        for (index, (place, start)) in order.iter().enumerate() {
            let bytes = self.segment(file, *start)?;
            let found = reach(&bytes, number_of(*place), |_, _| {});
            let taken = match *place < tail_from {
                true => found.end,
                false => tail.take(*place, *start, found),
            };
            if *place < tail_from && !found.is_full {
                suspects.push((*start, "a message"));
            }
            if index >= kept_from {
                self.kept.push(Kept { start: *start, bytes, taken });
            }
        }
        self.tip = tail.tip;
        for start in self.headless(file)? {
            suspects.push((start, "the head"));
            // sled zeroes it, so it must be there to be put back.
            if self.kept.len() < 2 * KEPT_SEGMENTS_MAX {
                self.kept.push(Kept { start, bytes: self.segment(file, start)?, taken: 0 });
            }
        }
        self.judge_suspects(file, &order, &suspects)
    }

    /// The segments that hold something and have no head: they are unused for sled, whatever stands in them.
    fn headless(&self, file: &File) -> Result<Vec<u64>, StoreError> {
        let mut found = Vec::new();
        for (start, _) in self.starts().filter(|(_, head)| SegmentHead::parse(head) == SegmentHead::Unused) {
            if self.segment(file, start)?.iter().any(|byte| *byte != 0) {
                found.push(start);
            }
        }
        Ok(found)
    }

    /// sled writes zeros over a segment that is of no use any more, and later new messages, and may be stopped meanwhile:
    /// then all that is left in it was said again in newer segments. Where something was not, it is damaged.
    fn judge_suspects(
        &self,
        file: &File,
        order: &BTreeMap<i64, u64>,
        suspects: &[(u64, &str)],
    ) -> Result<(), StoreError> {
        let (Some((first, _)), Some((last, _)), false) =
            (order.first_key_value(), order.last_key_value(), suspects.is_empty())
        else {
            return Ok(());
        };
        // What is older sled knows by its snapshot; what is newer would be missed at the log's end.
        let replayed = number_of(*first)..number_of(*last);
        let mut said_again = HashMap::new();
        for (place, start) in order {
            reach(&self.segment(file, *start)?, number_of(*place), |at, message| {
                if let Some(page) = message.page().filter(|_| message.says_all()) {
                    said_again.insert(page, (message.number, at));
                }
            });
        }
        for (start, what) in suspects {
            let in_use = |(at, message): &(usize, messages::Message)| {
                let again = message.page().map(|page| said_again.get(&page).copied());
                replayed.contains(&message.number) && again.is_some_and(|again| again <= Some((message.number, *at)))
            };
            if survivors(&self.segment(file, *start)?).iter().any(in_use) {
                let what = format!("{what} of the segment at byte {start} of log/db is damaged, and newer ones follow");
                return Err(damaged(what));
            }
        }
        Ok(())
    }

    /// The segments that sled will replay, in their order.
    fn order(&self, from: i64) -> Result<Ordered, StoreError> {
        let mut ordered = Ordered { order: BTreeMap::new(), stable: from };
        for (start, head) in self.starts() {
            match SegmentHead::parse(head) {
                SegmentHead::Unused => {}
                SegmentHead::Damaged => {
                    return Err(damaged(format!("the head of the segment at byte {start} of log/db is damaged")));
                }
                SegmentHead::Valid { place, stable } if place >= from => {
                    ordered.stable = ordered.stable.max(stable);
                    if let Some(other) = ordered.order.insert(place, start) {
                        let what = format!("the segments at bytes {other} and {start} of log/db claim the same place");
                        return Err(damaged(what));
                    }
                }
                SegmentHead::Valid { .. } => {}
            }
        }
        Ok(ordered)
    }

    fn starts(&self) -> impl Iterator<Item = (u64, &[u8; HEAD_BYTES])> {
        (0..).step_by(SEGMENT_BYTES).zip(&self.heads)
    }

    /// A whole segment; the last one of the file may be shorter.
    fn segment(&self, file: &File, start: u64) -> Result<Vec<u8>, StoreError> {
        let bytes = usize::try_from(self.bytes.saturating_sub(start)).unwrap_or(usize::MAX).min(SEGMENT_BYTES);
        read_at(file, start, bytes).map_err(io)
    }

    /// Whether the last event that was acknowledged will be there, as far as its hash tells.
    ///
    /// # Errors
    /// [`StoreError::Corrupted`] where it stands behind the place at which sled will end the log.
    pub(super) fn check_reaches(&self, last: Hash) -> Result<(), StoreError> {
        let stands_in = |bytes: &[u8]| bytes.windows(last.0.len()).any(|window| window == last.0);
        let newest_first = || self.kept.iter().rev();
        // Where it stands nowhere here, it is older than sled's snapshot, or gone: the log's end will tell.
        let is_cut = || newest_first().find(|kept| stands_in(kept.parts().1));
        match newest_first().any(|kept| stands_in(kept.parts().0)) {
            true => Ok(()),
            false => is_cut().map_or(Ok(()), |cut| {
                let start = cut.start;
                let what =
                    "of log/db can't be read on to its end, and the last event that was acknowledged stands there";
                Err(damaged(format!("the segment at byte {start} {what}")))
            }),
        }
    }

    /// Whether sled left alone the newest segment, up to where its messages end. Where it could not read something it
    /// zeroes all that follows, and so that one; older ones may rightly be of no use any more.
    ///
    /// # Errors
    /// [`StoreError::Io`] where that can't be read.
    pub(super) fn is_kept(&self) -> Result<bool, StoreError> {
        let Some((tip, end)) = self.tip else { return Ok(true) };
        let before = self.kept.iter().find(|kept| kept.start == tip).and_then(|kept| kept.bytes.get(..end));
        holds(&open(&self.log)?, tip, before.unwrap_or_default()).map_err(io)
    }

    /// Puts everything back as it was, durably. sled must be closed.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub(super) fn restore(&self) -> Result<(), StoreError> {
        let io = |source| StoreError::Io { what: "putting the log's file back as it was", source };
        let file = File::options().read(true).write(true).open(self.log.join(DB)).map_err(io)?;
        let heads = self.starts().map(|(start, head)| (start, head.as_slice()));
        let kept = self.kept.iter().map(|kept| (kept.start, kept.bytes.as_slice()));
        // sled cuts off what it takes for unused at the end.
        file.set_len(self.bytes).map_err(io)?;
        for (start, bytes) in heads.chain(kept) {
            if !holds(&file, start, bytes).map_err(io)? {
                file.write_all_at(bytes, start).map_err(io)?;
            }
        }
        file.sync_all().map_err(io)?;
        self.snapshots.restore(&self.log)
    }
}

struct Ordered {
    /// Where each begins in the file, by its place in the order.
    order: BTreeMap<i64, u64>,
    /// Up to where the log was stable by what the newest head says.
    stable: i64,
}

/// The newest segments: here a write that was cut short ends the log.
struct Tail {
    next: i64,
    is_torn: bool,
    tip: Option<(u64, usize)>,
}

impl Tail {
    /// How much of the next segment sled will take.
    fn take(&mut self, place: i64, start: u64, found: Reach) -> usize {
        if self.is_torn || place != self.next {
            self.is_torn = true;
            return 0;
        }
        self.next = place + SEGMENT_BYTES as i64;
        self.is_torn = !found.is_full;
        // sled goes on here, also where a cap has ended the segment.
        self.tip = Some((start, found.end));
        found.end
    }
}

const fn number_of(place: i64) -> u64 {
    place.unsigned_abs() / SEGMENT_BYTES as u64
}

fn open(log: &Path) -> Result<File, StoreError> {
    small::open(&log.join(DB)).map_err(|source| StoreError::Io { what: "opening the log's file", source })
}

/// The heads of all segments; sled takes the rest of a file that is too short for one as not there.
fn read_heads(file: &File, bytes: u64) -> Result<Vec<[u8; HEAD_BYTES]>, StoreError> {
    let mut heads = Vec::new();
    for start in (0..bytes).step_by(SEGMENT_BYTES) {
        if bytes - start < HEAD_BYTES as u64 {
            break;
        }
        let mut head = [0; HEAD_BYTES];
        file.read_exact_at(&mut head, start).map_err(io)?;
        heads.push(head);
    }
    Ok(heads)
}

/// The fingerprint of a log's file as it is now.
///
/// # Errors
/// [`StoreError::Io`].
pub(super) fn fingerprint_of(log: &Path) -> Result<Hash, StoreError> {
    let file = open(log)?;
    let bytes = file.metadata().map_err(io)?.len();
    fingerprint(&file, bytes, &read_heads(&file, bytes)?)
}

fn fingerprint(file: &File, bytes: u64, heads: &[[u8; HEAD_BYTES]]) -> Result<Hash, StoreError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bytes.to_le_bytes());
    let mut order = BTreeMap::new();
    for (start, head) in (0..).step_by(SEGMENT_BYTES).zip(heads) {
        hasher.update(head);
        if let SegmentHead::Valid { place, .. } = SegmentHead::parse(head) {
            order.insert(place, start);
        }
    }
    for start in order.into_values().rev().take(SEALED_SEGMENTS) {
        let segment = usize::try_from(bytes.saturating_sub(start)).unwrap_or(usize::MAX).min(SEGMENT_BYTES);
        hasher.update(&read_at(file, start, segment).map_err(io)?);
    }
    Ok(Hash(*hasher.finalize().as_bytes()))
}

/// Whether these bytes stand there.
fn holds(file: &File, start: u64, bytes: &[u8]) -> std::io::Result<bool> {
    match read_at(file, start, bytes.len()) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        read => Ok(read? == bytes),
    }
}

/// That many bytes from there on. A file that ends before them became shorter while it was read.
fn read_at(file: &File, start: u64, bytes: usize) -> std::io::Result<Vec<u8>> {
    let mut part = vec![0; bytes];
    file.read_exact_at(&mut part, start)?;
    Ok(part)
}
