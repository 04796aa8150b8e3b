//! What decides how sled treats its file when it opens it, without opening it.

use super::chain::Hash;
use super::store::StoreError;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// sled 0.34 writes its file in segments of this size, each with a head: a checksum, then its place in the order.
const SEGMENT_BYTES: usize = 512 << 10;
const SEGMENT_HEAD_BYTES: usize = 20;

/// A hash of what decides what sled does with its file when it opens it: the heads of all segments, which say in
/// which order they follow each other, and all of the two last ones in that order.
pub(super) fn fingerprint(file: &File) -> Result<Hash, StoreError> {
    let io = |source| StoreError::Io { what: "reading the log's file", source };
    let bytes = file.metadata().map_err(io)?.len();
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bytes.to_le_bytes());
    let mut order = BTreeMap::new();
    for start in (0..bytes).step_by(SEGMENT_BYTES) {
        let head = read_at(file, start, SEGMENT_HEAD_BYTES).map_err(io)?;
        hasher.update(&head);
        let place = head.get(4..12).and_then(|place| place.try_into().ok()).map(i64::from_le_bytes);
        // A segment that was never used is all zeros.
        if let Some(place) = place.filter(|place| *place != 0) {
            order.insert(place ^ i64::MAX, start);
        }
    }
    for start in order.into_values().rev().take(2) {
        hasher.update(&read_at(file, start, SEGMENT_BYTES).map_err(io)?);
    }
    Ok(Hash(*hasher.finalize().as_bytes()))
}

/// Up to this many bytes from there on, fewer at the end of the file.
fn read_at(file: &File, start: u64, bytes: usize) -> std::io::Result<Vec<u8>> {
    let mut part = vec![0; bytes];
    let mut read = 0;
    while let Some(rest) = part.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, start + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    part.truncate(read);
    Ok(part)
}
