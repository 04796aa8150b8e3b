//! Checkpoints: the state at a head, so that opening need not fold the whole log. Disposable at any time.
//!
//! A file holds: magic `CFCP`, version u16, ledger id (16 bytes), next seq u64, hash (32 bytes), length u64, the
//! encoded state, BLAKE3 of everything before. Integers are little endian.

use crate::domain::evolve::evolve;
use crate::domain::ids::{LedgerId, Seq};
use crate::domain::state::State;
use crate::files::{Files, FilesError};
use crate::log::{Hash, Head, LogFault, StoreReader, head_at, scan};
use crate::projection::Projection;

pub(super) const MAGIC: &[u8; 4] = b"CFCP";
const VERSION: u16 = 3;
const HEADER_BYTES: usize = 4 + 2 + 16 + 8 + 32 + 8;
/// Checkpoints that are kept.
const KEEP: usize = 2;

/// Writes a checkpoint durably and removes old ones; returns its bytes.
///
/// # Errors
/// What the files say; the ledger goes on without this checkpoint.
pub fn save(files: &dyn Files, ledger: LedgerId, head: Head, state: &State) -> Result<usize, FilesError> {
    let name = name_of(head.next_seq);
    let encoded = state.save().map_err(|error| FilesError {
        what: "encode",
        name: name.clone(),
        source: std::io::Error::other(error),
    })?;
    let mut bytes = Vec::with_capacity(HEADER_BYTES + encoded.len() + 32);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&ledger.bytes());
    bytes.extend_from_slice(&head.next_seq.0.to_le_bytes());
    bytes.extend_from_slice(&head.hash.0);
    bytes.extend_from_slice(&(encoded.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&encoded);
    let sum = blake3::hash(&bytes);
    bytes.extend_from_slice(sum.as_bytes());
    files.write_whole(&name, &bytes)?;
    let names = names(files)?;
    for old in names.iter().rev().skip(KEEP) {
        files.remove(old)?;
    }
    Ok(bytes.len())
}

/// The checkpoints of this ledger that can be read, newest first; what can't be read is passed over.
pub fn load_all<'f>(files: &'f dyn Files, ledger: LedgerId) -> impl Iterator<Item = (State, Head)> + 'f {
    let names = names(files).unwrap_or_default();
    names.into_iter().rev().filter_map(move |name| match load(files, &name, ledger) {
        Ok(found) => Some(found),
        Err(Unusable::OtherVersion(version)) => {
            tracing::debug!(name, version, "a checkpoint of another version is passed over, the log serves instead");
            None
        }
        Err(Unusable::Damaged) => {
            tracing::warn!(name, "a checkpoint can't be read, an older one or the log serves instead");
            None
        }
    })
}

/// The state at a head, from the newest checkpoint at or before it that the log goes through, or from the start.
///
/// # Errors
/// [`LogFault`] where the log can't be read.
pub fn state_at(files: &dyn Files, log: &dyn StoreReader, ledger: LedgerId, until: Head) -> Result<State, LogFault> {
    let fits = |head: &Head| {
        head.next_seq <= until.next_seq && head_at(log, head.next_seq).is_ok_and(|known| known.hash == head.hash)
    };
    let (mut state, head) =
        load_all(files, ledger).find(|(_, head)| fits(head)).unwrap_or((State::default(), Head::EMPTY));
    for scanned in scan(log, head) {
        let scanned = scanned?;
        if scanned.seq >= until.next_seq {
            break;
        }
        evolve(&mut state, &scanned.event);
    }
    Ok(state)
}

/// Why a checkpoint is not taken.
enum Unusable {
    /// Another program wrote it, whose state is another one: no damage, and nothing is lost.
    OtherVersion(u16),
    /// It is not what was written.
    Damaged,
}

fn load(files: &dyn Files, name: &str, ledger: LedgerId) -> Result<(State, Head), Unusable> {
    let bytes = read(files, name).ok_or(Unusable::Damaged)?;
    let (version, content) = versioned(&bytes).ok_or(Unusable::Damaged)?;
    match version {
        VERSION => decoded(content, ledger).ok_or(Unusable::Damaged),
        other => Err(Unusable::OtherVersion(other)),
    }
}

/// The file's bytes, where it has as many as it claims: that is compared before they are read.
fn read(files: &dyn Files, name: &str) -> Option<Vec<u8>> {
    let file = files.open(name).ok()?;
    let mut start = [0; HEADER_BYTES];
    file.read_exact_at(0, &mut start).ok()?;
    let length = u64::from_le_bytes(*start.last_chunk()?);
    if !start.starts_with(MAGIC) || length.checked_add(HEADER_BYTES as u64 + 32) != Some(file.len()) {
        return None;
    }
    files.read_whole(name).ok()
}

/// The version of a file that is as it was written, and what stands behind it.
fn versioned(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (content, sum) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
    if blake3::hash(content).as_bytes() != sum {
        return None;
    }
    let mut rest = content.strip_prefix(MAGIC)?;
    Some((u16::from_le_bytes(take(&mut rest)?), rest))
}

fn decoded(content: &[u8], ledger: LedgerId) -> Option<(State, Head)> {
    let mut rest = content;
    let id = LedgerId::from_bytes(take(&mut rest)?);
    let next_seq = Seq(u64::from_le_bytes(take(&mut rest)?));
    let hash = Hash(take(&mut rest)?);
    let length = u64::from_le_bytes(take(&mut rest)?);
    if id != ledger || length != rest.len() as u64 {
        return None;
    }
    let mut state = State::default();
    state.load(rest).ok()?;
    (state.next_seq() == next_seq).then_some((state, Head { next_seq, hash }))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(*bytes)
}

fn name_of(next_seq: Seq) -> String {
    format!("checkpoint-{:020}", next_seq.0)
}

fn names(files: &dyn Files) -> Result<Vec<String>, FilesError> {
    let mut names = files.list()?;
    names.retain(|name| name.starts_with("checkpoint-"));
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{Body, ClockAccepted, Event};
    use crate::domain::housekeeping;
    use crate::domain::ids::Timestamp;
    use crate::files::MemoryFiles;

    #[test]
    fn a_checkpoint_of_another_version_is_passed_over_and_is_no_damage() {
        let (files, ledger, mut state) = (MemoryFiles::default(), LedgerId::from_bytes([7; 16]), State::default());
        let (envelope, clock) = (housekeeping::envelope(Timestamp(9), housekeeping::ledger_actor()), Timestamp(5));
        evolve(&mut state, &Event { envelope, body: Body::ClockAccepted(ClockAccepted { clock }) });
        assert_eq!(state.trusted_clock(), clock);
        let head = Head { next_seq: state.next_seq(), hash: Hash([1; 32]) };
        save(&files, ledger, head, &state).unwrap();
        let name = name_of(head.next_seq);
        assert!(load(&files, &name, ledger).is_ok_and(|found| found == (state, head)));
        let mut bytes = files.read_whole(&name).unwrap();
        bytes[4..6].copy_from_slice(&(VERSION - 1).to_le_bytes());
        let content = bytes.len() - 32;
        assert!(!write_and_load(&files, &name, &bytes, ledger), "its sum does not fit");
        let sum = blake3::hash(&bytes[..content]);
        bytes[content..].copy_from_slice(sum.as_bytes());
        assert!(write_and_load(&files, &name, &bytes, ledger));
        assert_eq!(load_all(&files, ledger).count(), 0);
    }

    /// Whether what is written there now is taken for a checkpoint of the version before.
    fn write_and_load(files: &MemoryFiles, name: &str, bytes: &[u8], ledger: LedgerId) -> bool {
        files.write_whole(name, bytes).unwrap();
        matches!(load(files, name, ledger), Err(Unusable::OtherVersion(version)) if version == VERSION - 1)
    }
}
