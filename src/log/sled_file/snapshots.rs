//! sled's `snap.*` files: where its pages lie, so that it need not read all of its file when it is opened.
//!
//! They can be deleted at any time. sled refuses to open a whole log beside a damaged one, so a damaged one is set aside.

use super::io;
use crate::files::small;
use crate::log::store::StoreError;
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// More bytes than any has: some 20 for each page of 30 KiB.
const SNAPSHOT_BYTES_MAX: u64 = 1 << 30;
/// What sled calls a snapshot that it has not finished.
const UNFINISHED: [&str; 2] = [".generating", ".in___motion"];

/// The files of a log, as they are.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    /// The newest whole one and what stands in it: sled opens with that.
    newest: Option<(PathBuf, Vec<u8>)>,
    /// Those that are newer and damaged.
    damaged: Vec<PathBuf>,
    /// Those that sled was stopped at while it wrote them.
    unfinished: Vec<PathBuf>,
    /// All that were there.
    there: Vec<PathBuf>,
}

impl Snapshots {
    /// Reads them; changes nothing.
    pub(super) fn read(log: &Path) -> Result<Self, StoreError> {
        let mut found = Self::default();
        let mut paths = Vec::new();
        found.there = all(log)?;
        for path in found.there.clone() {
            let name = path.to_string_lossy();
            match UNFINISHED.iter().any(|ending| name.ends_with(ending)) {
                true => found.unfinished.push(path),
                false => paths.push(path),
            }
        }
        paths.sort();
        while let Some(path) = paths.pop() {
            let bytes = small::read_whole(&path, SNAPSHOT_BYTES_MAX).map_err(io)?;
            if stable_place(&bytes).is_some() {
                found.newest = Some((path, bytes));
                break;
            }
            found.damaged.push(path);
        }
        Ok(found)
    }

    /// Up to where sled need not read its file.
    pub(super) fn stable_place(&self) -> i64 {
        self.newest.as_ref().and_then(|(_, bytes)| stable_place(bytes)).unwrap_or(0)
    }

    /// Takes out of sled's way what it would stumble over: removes what it never finished, and gives damaged ones
    /// another name.
    pub(super) fn clear_the_way(&self) -> Result<(), StoreError> {
        for path in &self.unfinished {
            std::fs::remove_file(path).map_err(io)?;
        }
        for path in &self.damaged {
            let aside = aside(path);
            std::fs::rename(path, &aside).map_err(io)?;
            tracing::warn!(aside = %aside.display(), "a snapshot of sled's was damaged and set aside; it is made again");
        }
        Ok(())
    }

    /// Takes away what sled made since, and puts back what is not as it was.
    pub(super) fn restore(&self, log: &Path) -> Result<(), StoreError> {
        for path in all(log)?.into_iter().filter(|path| !self.there.contains(path)) {
            std::fs::remove_file(path).map_err(io)?;
        }
        if let Some((path, bytes)) = &self.newest
            && small::read_whole(path, SNAPSHOT_BYTES_MAX).ok().as_ref() != Some(bytes)
        {
            std::fs::write(path, bytes).map_err(io)?;
        }
        // One that still has its name was not set aside; what has the other name then is older.
        for path in self.damaged.iter().filter(|path| !path.exists() && aside(path).is_file()) {
            std::fs::rename(aside(path), path).map_err(io)?;
        }
        Ok(())
    }
}

/// All snapshots of a log, out of sled's way for now: what they are called, and what they were called before.
pub(in crate::log) struct SetAside(Vec<(PathBuf, PathBuf)>);

impl SetAside {
    /// Gives all of them names that are free; none where there are none.
    pub(in crate::log) fn all(log: &Path) -> Result<Option<Self>, StoreError> {
        let mut moved = Self(Vec::new());
        for path in all(log)? {
            let numbered = |number: u32| path.with_file_name(format!("damaged-{number}-{}", file_name(&path)));
            let mut names = std::iter::once(aside(&path)).chain((1..).map(numbered));
            let Some(free) = names.find(|name| !name.exists()) else { continue };
            match std::fs::rename(&path, &free) {
                Ok(()) => moved.0.push((free, path)),
                Err(source) => return moved.put_back().and(Err(io(source))),
            }
        }
        Ok(Some(moved).filter(|moved| !moved.0.is_empty()))
    }

    /// Gives them their names back.
    pub(in crate::log) fn put_back(&self) -> Result<(), StoreError> {
        self.0.iter().try_for_each(|(aside, path)| std::fs::rename(aside, path).map_err(io))
    }
}

/// Where a damaged one goes: sled takes whatever is called `snap.` for one of its own.
fn aside(path: &Path) -> PathBuf {
    path.with_file_name(format!("damaged-{}", file_name(path)))
}

fn file_name(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

fn all(log: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(log).map_err(io)? {
        let entry = entry.map_err(io)?;
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            paths.push(entry.path());
        }
    }
    Ok(paths)
}

/// The place that a whole snapshot speaks of: content, its length (8), its CRC32 (4). Its first field is that place plus
/// one, or zero where there is none.
fn stable_place(bytes: &[u8]) -> Option<i64> {
    let (rest, sum) = bytes.split_last_chunk::<4>()?;
    let (content, _) = rest.split_last_chunk::<8>()?;
    let (place, _) = content.split_first_chunk::<8>()?;
    (crc32fast::hash(content) == u32::from_le_bytes(*sum)).then_some((i64::from_le_bytes(*place) - 1).max(0))
}
