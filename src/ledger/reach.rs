//! How far the log must reach by what was derived from it: an index or a checkpoint only ever covers what was durable.

use super::{checkpoint, projecting};
use crate::domain::ids::{LedgerId, Seq};
use crate::files::small;
use crate::index::{MANIFEST_BYTES_MAX, MANIFEST_NAME, manifest_reach};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What the checkpoints of states and of projections begin with: magic, version u16, ledger id, next seq u64.
const HEADER_BYTES: usize = 30;
const MAGICS: [&[u8]; 2] = [checkpoint::MAGIC, projecting::MAGIC];

/// The number of events that the log of this ledger must have at least, where that is more than is known already: what
/// is damaged says nothing.
pub(super) fn least_events(ledger: LedgerId, derived: &Path, known: Seq) -> Seq {
    let manifest = small::read_whole(&derived.join("index").join(MANIFEST_NAME), MANIFEST_BYTES_MAX).ok();
    let indexed = manifest.and_then(|bytes| manifest_reach(&bytes, ledger.bytes())).unwrap_or(0);
    let checkpoints = std::fs::read_dir(derived.join("checkpoints")).into_iter().flatten().flatten();
    let covered = checkpoints.filter_map(|entry| covered(&entry.path(), ledger, known)).max();
    Seq(indexed).max(covered.unwrap_or(Seq(0)))
}

/// What a whole checkpoint of this ledger covers, where that is more than is known.
fn covered(path: &Path, ledger: LedgerId, known: Seq) -> Option<Seq> {
    let mut file = small::open(path).ok()?;
    let mut header = [0; HEADER_BYTES];
    file.read_exact(&mut header).ok()?;
    let (magic, rest) = header.split_at_checked(4)?;
    let (id, next_seq) = rest.get(2..)?.split_first_chunk::<16>()?;
    let covered = Seq(u64::from_le_bytes(*next_seq.first_chunk()?));
    let is_more = MAGICS.contains(&magic) && *id == ledger.bytes() && covered > known;
    // Reading all of it is for the rare case in which it speaks against the log.
    (is_more && is_whole(file, &header)).then_some(covered)
}

fn is_whole(mut file: File, header: &[u8]) -> bool {
    let mut bytes = header.to_vec();
    let read = file.read_to_end(&mut bytes);
    let Some((content, sum)) = bytes.split_last_chunk::<32>() else { return false };
    read.is_ok() && blake3::hash(content).as_bytes() == sum
}
