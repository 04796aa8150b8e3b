//! One projection, its place in the log, and its checkpoint.
//!
//! A checkpoint holds: magic `CFPR`, format version u16, ledger id (16 bytes), next seq u64, hash (32 bytes), the saved
//! state, BLAKE3 of everything before. Integers are little endian. State and place stand in one file that is replaced
//! whole, so every event is in the state exactly once, whenever it stops.

use super::super::caught::caught;
use super::Stopped;
use crate::domain::event::Recorded;
use crate::domain::ids::{LedgerId, Seq};
use crate::files::Files;
use crate::log::{FaultKind, Hash, Head, LogFault, StoreReader, head_at, scan};
use crate::projection::{Projection, ProjectionError};

pub(in crate::ledger) const MAGIC: &[u8; 4] = b"CFPR";
const FORMAT: u16 = 1;
const HEADER_BYTES: usize = 4 + 2 + 16 + 8 + 32;
/// Events that are applied at once; readers wait for that, and while a checkpoint is written.
const BATCH_EVENTS: usize = 512;
/// Events between two checkpoints.
const CHECKPOINT_EVENTS: u64 = 65_536;

/// A projection and its place in the log.
pub(super) struct Lane<P> {
    pub(super) projection: P,
    pub(super) head: Head,
    pub(super) stopped: Option<Stopped>,
    prefix: String,
    version: u32,
    file: String,
    saved: Seq,
    /// Up to where a checkpoint was written, or could not be.
    tried: Seq,
    /// Whether half an event may be in it, because it panicked: such a state is not saved.
    is_torn: bool,
}

/// What the files of a projection's checkpoints begin with; behind it stands the version.
fn file_prefix(name: &str) -> String {
    format!("projection-{name}-v")
}

/// Where a checkpoint can't be used.
enum Unusable {
    /// It is built anew.
    Checkpoint(ProjectionError),
    /// Nothing can be said of it: the log can't be read.
    Log(ProjectionError),
}

impl<E: Into<ProjectionError>> From<E> for Unusable {
    fn from(error: E) -> Self {
        Self::Checkpoint(error.into())
    }
}

impl<P: Projection> Lane<P> {
    /// Where the first of a projection goes on: at its checkpoint where the log goes through it, or else another one at
    /// the first event.
    ///
    /// # Errors
    /// Where the log can't be read or none can be made.
    pub(super) fn begin(
        files: &dyn Files,
        log: &dyn StoreReader,
        ledger: LedgerId,
        first: P,
        make: &dyn Fn() -> P,
    ) -> Result<Self, ProjectionError> {
        let mut projection = first;
        let (prefix, version) = caught(|| (file_prefix(projection.name()), projection.version()))?;
        let file = format!("{prefix}{version}");
        let head = match load(files, log, ledger, &file, &mut projection) {
            Ok(head) => head,
            Err(Unusable::Log(error)) => return Err(error),
            Err(Unusable::Checkpoint(reason)) => {
                tracing::info!(file, %reason, "a projection begins with the first event");
                // The one that could not load may have half a state.
                projection = caught(make)?;
                Head::EMPTY
            }
        };
        let saved = head.next_seq;
        Ok(Self { projection, head, stopped: None, prefix, version, file, saved, tried: saved, is_torn: false })
    }

    /// Applies events up to the first that can't be; there it stops.
    pub(super) fn apply(&mut self, events: Result<Vec<Recorded>, LogFault>) {
        let events = match events {
            Ok(events) => events,
            Err(fault) => return self.stop(self.head.next_seq, fault.to_string()),
        };
        for Recorded { seq, hash, event } in events {
            match caught(|| self.projection.apply(seq, &event)) {
                Ok(Ok(())) => self.head = Head { next_seq: seq.next(), hash: Hash(hash) },
                Ok(Err(error)) => return self.stop(seq, error.to_string()),
                Err(panic) => {
                    self.is_torn = true;
                    return self.stop(seq, panic);
                }
            }
        }
    }

    fn stop(&mut self, seq: Seq, reason: String) {
        tracing::error!(projection = self.file, %seq, reason, "a projection stopped");
        self.stopped = Some(Stopped { seq, reason });
    }

    /// Whether it is time for a checkpoint.
    pub(super) fn is_due(&self) -> bool {
        self.head.next_seq.0 - self.tried.0 >= CHECKPOINT_EVENTS
    }

    /// Writes a checkpoint where there is something new; a failure is told, and tried again later.
    pub(super) fn save(&mut self, files: &dyn Files, ledger: LedgerId) {
        self.tried = self.head.next_seq;
        if self.save_last(files, ledger) {
            self.saved = self.head.next_seq;
        }
    }

    /// The same for who comes to its end; whether the place of the newest checkpoint is now that of the projection.
    pub(super) fn save_last(&self, files: &dyn Files, ledger: LedgerId) -> bool {
        if self.saved == self.head.next_seq || self.is_torn {
            return self.saved == self.head.next_seq;
        }
        let written = self.write(files, ledger);
        if let Err(error) = &written {
            tracing::warn!(self.file, %error, "a projection's checkpoint could not be written");
        }
        written.is_ok()
    }

    fn write(&self, files: &dyn Files, ledger: LedgerId) -> Result<(), ProjectionError> {
        let mut bytes = prefix(ledger).to_vec();
        bytes.extend_from_slice(&self.head.next_seq.0.to_le_bytes());
        bytes.extend_from_slice(&self.head.hash.0);
        bytes.extend_from_slice(&caught(|| self.projection.save())??);
        let sum = blake3::hash(&bytes);
        bytes.extend_from_slice(sum.as_bytes());
        Ok(files.write_whole(&self.file, &bytes)?)
    }

    /// Removes the checkpoints of older versions, once this one has its own. One of a newer version may be half built.
    pub(super) fn tidy(&self, files: &dyn Files) {
        if self.saved != self.head.next_seq {
            return;
        }
        let version = |name: &str| name.strip_prefix(&self.prefix)?.parse::<u32>().ok();
        let is_older = |name: &&String| version(name).is_some_and(|version| version < self.version);
        for name in files.list().unwrap_or_default().iter().filter(is_older) {
            if let Err(error) = files.remove(name) {
                tracing::warn!(%error, "a checkpoint of an older version could not be removed");
            }
        }
    }
}

/// The next events behind a head; a part of them where the log fails further on.
pub(super) fn read(log: &dyn StoreReader, head: Head, durable: Seq) -> Result<Vec<Recorded>, LogFault> {
    let mut events = Vec::new();
    for scanned in scan(log, head).take(BATCH_EVENTS) {
        match scanned {
            Ok(scanned) if scanned.seq >= durable => break,
            Ok(scanned) => events.push(Recorded::from(scanned)),
            Err(_) if !events.is_empty() => break,
            Err(fault) => return Err(fault),
        }
    }
    Ok(events)
}

fn load<P: Projection>(
    files: &dyn Files,
    log: &dyn StoreReader,
    ledger: LedgerId,
    file: &str,
    projection: &mut P,
) -> Result<Head, Unusable> {
    let bytes = files.read_whole(file)?;
    let at = bytes.len().checked_sub(32).ok_or("the checkpoint is too short")?;
    let (content, sum) = bytes.split_at(at);
    if blake3::hash(content).as_bytes() != sum {
        return Err("the checkpoint is damaged".into());
    }
    let (header, saved) = content.split_at_checked(HEADER_BYTES).ok_or("the checkpoint is too short")?;
    let next_seq = Seq(u64::from_le_bytes(header[22..30].try_into()?));
    let head = Head { next_seq, hash: Hash(header[30..62].try_into()?) };
    if header[..22] != prefix(ledger) {
        return Err("the checkpoint is of another ledger or format".into());
    }
    let there = head_at(log, next_seq).map_err(|fault| match fault.what {
        FaultKind::Store(_) => Unusable::Log(fault.into()),
        _ => fault.into(),
    })?;
    if there.hash != head.hash {
        return Err("the checkpoint is of another log".into());
    }
    caught(|| projection.load(saved))??;
    Ok(head)
}

fn prefix(ledger: LedgerId) -> [u8; 22] {
    let mut bytes = [0; 22];
    bytes[..4].copy_from_slice(MAGIC);
    bytes[4..6].copy_from_slice(&FORMAT.to_le_bytes());
    bytes[6..].copy_from_slice(&ledger.bytes());
    bytes
}
