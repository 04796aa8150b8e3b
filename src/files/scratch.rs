//! Directories that go away: for their owner alone, and swept by the next run where a run was killed.
//!
//! A directory is in use while the file `in-use` in it is locked; who removes it takes the lock first. So two may make
//! and sweep in one place at once: whoever finds the lock taken, or its file gone, begins again with another name.

use super::small;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Locked while the directory is in use; not there any more when it is kept.
const LOCK: &str = "in-use";
/// Hexadecimal digits behind the beginning of a name.
const DIGITS: usize = 32;
/// How often a directory that was swept away while it was made is made anew.
const TRIES_MAX: u32 = 100;

/// A directory for its owner alone, that goes away with this.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    /// Holds the lock.
    _lock: File,
    is_kept: bool,
}

impl Scratch {
    /// A new directory below `parent`, its name beginning with `prefix`; those of that name that killed runs of this
    /// user left are removed first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn new(parent: &Path, prefix: &str) -> io::Result<Self> {
        sweep(parent, prefix)?;
        for _ in 0..TRIES_MAX {
            let path = parent.join(random_name(prefix)?);
            DirBuilder::new().mode(0o700).create(&path)?;
            if let Some(lock) = locked(&path)? {
                return Ok(Self { path, _lock: lock, is_kept: false });
            }
        }
        Err(io::Error::other("somebody removes what is made there"))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the directory where it is when this goes.
    pub const fn keep(&mut self) {
        self.is_kept = true;
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nobody is left to be told; the next run sweeps what stays.
        let _ = match self.is_kept {
            true => fs::remove_file(self.path.join(LOCK)),
            false => fs::remove_dir_all(&self.path),
        };
    }
}

/// A name that nobody else has: a beginning and 32 random hexadecimal digits.
///
/// # Errors
/// Where the system gives no random bytes.
pub fn random_name(prefix: &str) -> io::Result<String> {
    let mut bytes = [0; DIGITS / 2];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(format!("{prefix}{:032x}", u128::from_be_bytes(bytes)))
}

/// Takes the lock of a new directory; none where somebody sweeps it.
fn locked(directory: &Path) -> io::Result<Option<File>> {
    let lock = match File::options().write(true).create_new(true).mode(0o600).open(directory.join(LOCK)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        made => made?,
    };
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
        Ok(()) => Ok(Some(lock).filter(|lock| lock.metadata().is_ok_and(|there| there.nlink() > 0))),
    }
}

/// Removes directories whose run has died: they are this user's, have a name of ours, and their lock is there and free.
fn sweep(parent: &Path, prefix: &str) -> io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        if !is_ours(&entry, prefix) {
            continue;
        }
        match small::open(&entry.path().join(LOCK)) {
            Ok(lock) if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() => {
                // Somebody else may be at it, or it can't be removed: that stops nobody who needs a place.
                let _ = fs::remove_dir_all(entry.path());
            }
            Ok(_) => {}
            // Empty where the run was killed between making it and locking it; what is kept is not.
            Err(_) => drop(fs::remove_dir(entry.path())),
        }
    }
    Ok(())
}

fn is_ours(entry: &fs::DirEntry, prefix: &str) -> bool {
    let name = entry.file_name();
    let digits = name.to_str().and_then(|name| name.strip_prefix(prefix));
    let is_named = digits.is_some_and(|digits| digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit()));
    // Of the entry itself: a link is not followed.
    let owner = rustix::process::geteuid().as_raw();
    is_named && entry.metadata().is_ok_and(|there| there.is_dir() && there.uid() == owner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const PREFIX: &str = "counterfoil-test-";

    fn left(parent: &Path, prefix: &str, digit: &str) -> PathBuf {
        let killed = parent.join(format!("{prefix}{}", digit.repeat(DIGITS)));
        fs::create_dir_all(killed.join("ledger")).unwrap();
        File::create(killed.join(LOCK)).unwrap();
        killed
    }

    #[test]
    fn it_is_its_owners_alone_from_the_start_and_goes_away() {
        let place = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(place.path(), PREFIX).unwrap();
        let path = scratch.path().to_owned();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        fs::write(path.join("file"), "private").unwrap();
        drop(scratch);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_killed_run_left_is_swept_and_what_is_in_use_or_kept_or_not_ours_is_not() {
        let place = tempfile::tempdir().unwrap();
        let killed = left(place.path(), PREFIX, "0");
        let empty = place.path().join(format!("{PREFIX}{}", "1".repeat(DIGITS)));
        fs::create_dir(&empty).unwrap();
        let others = [
            left(place.path(), "counterfoil-other-", "2"),
            left(place.path(), &format!("{PREFIX}x"), "3"),
            left(place.path(), "aside", "4"),
        ];
        let link = place.path().join(format!("{PREFIX}{}", "5".repeat(DIGITS)));
        std::os::unix::fs::symlink(&others[2], &link).unwrap();
        let pipe = place.path().join(format!("{PREFIX}{}", "6".repeat(DIGITS)));
        fs::create_dir(&pipe).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, pipe.join(LOCK), rustix::fs::Mode::RWXU).unwrap();

        let mut kept = Scratch::new(place.path(), PREFIX).unwrap();
        fs::write(kept.path().join("file"), "kept").unwrap();
        kept.keep();
        let kept_path = kept.path().to_owned();
        drop(kept);
        let used = Scratch::new(place.path(), PREFIX).unwrap();
        let other = Scratch::new(place.path(), PREFIX).unwrap();
        assert!(!killed.exists() && !empty.exists());
        assert!(others.iter().all(|other| other.join("ledger").exists()) && link.exists() && pipe.exists());
        assert!(used.path().exists() && kept_path.join("file").exists() && other.path().exists());
    }

    #[test]
    fn many_may_make_and_sweep_at_once() {
        let place = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let scratch = Scratch::new(place.path(), PREFIX).unwrap();
                        fs::write(scratch.path().join("file"), "mine").unwrap();
                        assert!(fs::read(scratch.path().join("file")).is_ok());
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }
}
