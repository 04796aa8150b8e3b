//! A directory that goes away, also when the run before it was killed.

use super::{Afterwards, BenchError};
use counterfoil::files::scratch;
use std::path::{Path, PathBuf};

const PREFIX: &str = "counterfoil-bench-";

pub(super) struct Scratch(scratch::Scratch);

impl Scratch {
    /// A new directory; those that killed runs left beside it are removed.
    pub(super) fn new(parent: &Path, afterwards: Afterwards) -> Result<Self, BenchError> {
        std::fs::create_dir_all(parent)?;
        let mut made = scratch::Scratch::new(&parent.canonicalize()?, PREFIX)?;
        if afterwards == Afterwards::Keep {
            made.keep();
        }
        Ok(Self(made))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
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
