//! Letting sled open its files, and sealing them when they are closed.

use super::{Database, SledOptions, guarded, open_db};
use crate::log::chain::Hash;
use crate::log::directory;
use crate::log::sled_file::{self, SledFile, fingerprint_of};
use crate::log::store::StoreError;
use std::path::Path;

/// Lets sled open its files once more, and seals them: only when it is opened sled writes down how far its file is
/// whole, and searches what came later for a torn end. None where that can't be done now: the log is durable without it.
///
/// # Errors
/// [`StoreError::Corrupted`] where the files are not what was written; [`StoreError::Io`] where what sled did to them
/// can't be taken back.
pub(super) fn seal(path: &Path, options: SledOptions) -> Result<Option<Hash>, StoreError> {
    let log = path.join(directory::LOG);
    let left_open = |error: StoreError| {
        tracing::warn!(%error, "the log is closed but not sealed");
        Ok(None)
    };
    let read = SledFile::read(&log).and_then(|mut before| before.judge().map(|()| before));
    let before = match read {
        Err(error @ StoreError::Corrupted { .. }) => return Err(error),
        // The directory was taken away: so was all that is in it.
        Err(StoreError::Io { what, source }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Err(StoreError::Io { what, source });
        }
        Err(error) => return left_open(error),
        Ok(before) => before,
    };
    let opened = open_db_patiently(path, options).and_then(|db| match (db, before.is_kept()?) {
        (Some(db), true) => guarded("closing the log", || {
            drop(db);
            Ok(())
        }),
        (None, _) => Err(StoreError::AlreadyOpen { path: path.to_owned() }),
        (_, false) => Err(sled_file::misread()),
    });
    match opened.and_then(|()| fingerprint_of(&log)) {
        Ok(seal) => Ok(Some(seal)),
        Err(error @ StoreError::AlreadyOpen { .. }) => left_open(error),
        Err(error) => before.restore().map_or_else(Err, |()| left_open(error)),
    }
}

/// Seconds from 1970 to the first instant of the year 10000.
const YEAR_10000_SECONDS: u64 = 253_402_300_800;
/// What sled says where its lock is taken; it has no code of its own for that.
const LOCK_TAKEN: &str = "could not acquire lock";

/// Opens sled's files, which may have been closed a moment ago; none where their lock stays taken.
pub(super) fn open_db_patiently(path: &Path, options: SledOptions) -> Result<Option<Database>, StoreError> {
    let opened = directory::patiently(|| match open_db(path, options) {
        Err(StoreError::Io { source, .. }) if source.to_string().contains(LOCK_TAKEN) => None,
        opened => Some(opened),
    });
    opened.transpose()
}

/// sled panics under a clock before 1970, and no calendar of ours goes beyond the year 9999.
pub(super) fn check_clock() -> Result<(), StoreError> {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let wrong = match since_1970 {
        Err(_) => "before 1970",
        Ok(since) if since.as_secs() >= YEAR_10000_SECONDS => "after the year 9999",
        Ok(_) => return Ok(()),
    };
    let what = format!("the clock shows a time {wrong}: set it right and try again; nothing was changed");
    Err(StoreError::Io { what: "opening the log", source: std::io::Error::other(what) })
}
