//! A directory that goes away, also when the run before it was killed.

use super::{Afterwards, BenchError};
use crate::ledger::fresh_uuid;
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::path::{Path, PathBuf};

const PREFIX: &str = "counterfoil-bench-";
/// Locked while the directory is in use; not there any more when it is kept.
const LOCK: &str = "in-use";

pub(super) struct Scratch {
    path: PathBuf,
    afterwards: Afterwards,
    /// Holds the lock.
    _lock: File,
}

impl Scratch {
    /// A new directory; those that killed runs left beside it are removed.
    pub(super) fn new(parent: &Path, afterwards: Afterwards) -> Result<Self, BenchError> {
        std::fs::create_dir_all(parent)?;
        let parent = parent.canonicalize()?;
        sweep(&parent)?;
        let path = parent.join(format!("{PREFIX}{}", fresh_uuid().simple()));
        std::fs::create_dir(&path)?;
        let lock = File::create(path.join(LOCK))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(std::io::Error::from)?;
        Ok(Self { path, afterwards, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nobody is left to be told; the next run sweeps what stays.
        let _ = match self.afterwards {
            Afterwards::Remove => std::fs::remove_dir_all(&self.path),
            Afterwards::Keep => std::fs::remove_file(self.path.join(LOCK)),
        };
    }
}

/// Removes directories whose run has died: their lock is there and free.
fn sweep(parent: &Path) -> Result<(), BenchError> {
    for entry in std::fs::read_dir(parent)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let Ok(lock) = File::open(entry.path().join(LOCK)) else { continue };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Bytes of disk below a path, as `du` counts them.
pub(super) fn disk_bytes(path: &Path) -> Result<u64, BenchError> {
    use std::os::unix::fs::MetadataExt;
    let meta = std::fs::symlink_metadata(path)?;
    let mut bytes = meta.blocks() * 512;
    if meta.is_dir() {
        for entry in std::fs::read_dir(path)? {
            bytes += disk_bytes(&entry?.path())?;
        }
    }
    Ok(bytes)
}

/// Bytes that the disk has left.
pub(super) fn free_bytes(path: &Path) -> Result<u64, BenchError> {
    let disk = rustix::fs::statvfs(path).map_err(std::io::Error::from)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_run_left_is_swept_and_what_is_in_use_or_kept_is_not() {
        let place = tempfile::tempdir().unwrap();
        let killed = place.path().join(format!("{PREFIX}killed"));
        std::fs::create_dir_all(killed.join("ledger")).unwrap();
        File::create(killed.join(LOCK)).unwrap();
        let kept = Scratch::new(place.path(), Afterwards::Keep).unwrap();
        assert!(!killed.exists());
        let kept_path = kept.path().to_owned();
        drop(kept);
        let used = Scratch::new(place.path(), Afterwards::Remove).unwrap();
        let other = Scratch::new(place.path(), Afterwards::Remove).unwrap();
        assert!(used.path().exists() && kept_path.exists() && other.path().exists());
        let paths = [used.path().to_owned(), other.path().to_owned()];
        drop((used, other));
        assert!(paths.iter().all(|path| !path.exists()));
    }
}
