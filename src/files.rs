//! Where derived files live: index runs, manifests, checkpoints.
//!
//! Everything kept here can be deleted at any time and is built again from the log, so the promises are few:
//!
//! * a file appears under its name **whole or not at all**: it is written under a temporary name, synced, renamed,
//!   and then its directory is synced;
//! * a file is never changed after it has appeared, only replaced whole or removed;
//! * a file that was opened stays readable until the handle is dropped, even when it is removed or replaced meanwhile;
//! * temporary files left by a crash are not listed and are removed when the place is opened.
//!
//! There are two implementations: [`DirFiles`] (a directory) and [`MemoryFiles`] (for simulation, with injected
//! faults).

mod dir;
mod memory;
pub mod scratch;
pub mod small;

pub use dir::DirFiles;
pub use memory::{Fault, MemoryFiles};

use std::fmt;
use std::io;
use std::sync::Arc;

/// The longest permitted file name in bytes.
pub const FILE_NAME_BYTES_MAX: usize = 100;

/// The ending of files that are still being written; no finished file may carry it.
const TEMPORARY_SUFFIX: &str = ".tmp";

/// A flat set of named, immutable files.
pub trait Files: Send + Sync {
    /// Starts a new file that appears under `name` when it is finished, replacing what was there.
    ///
    /// # Errors
    /// [`FilesError`] when the name is not allowed or the temporary file can't be made.
    fn create(&self, name: &str) -> Result<Box<dyn NewFile>, FilesError>;

    /// Opens a finished file for positioned reads.
    ///
    /// # Errors
    /// [`FilesError`], with [`FilesError::is_missing`] when there is no such file.
    fn open(&self, name: &str) -> Result<Arc<dyn OpenFile>, FilesError>;

    /// The names of all finished files, ascending.
    ///
    /// # Errors
    /// [`FilesError`] when the directory can't be read.
    fn list(&self) -> Result<Vec<String>, FilesError>;

    /// Removes a file; one that is not there is already removed.
    ///
    /// # Errors
    /// [`FilesError`] when the name is not allowed or the file can't be removed.
    fn remove(&self, name: &str) -> Result<(), FilesError>;

    /// Writes a whole file durably: after `Ok` it survives a power cut.
    ///
    /// # Errors
    /// [`FilesError`]; the file of that name is then the old one or, when only the last sync failed, the new one,
    /// never a part of it.
    fn write_whole(&self, name: &str, bytes: &[u8]) -> Result<(), FilesError> {
        let mut file = self.create(name)?;
        file.append(bytes)?;
        file.finish()?;
        Ok(())
    }

    /// Reads a whole file into memory.
    ///
    /// # Errors
    /// [`FilesError`], with [`FilesError::is_missing`] when there is no such file, and with [`FilesError::is_unfit`]
    /// when it has more bytes than there is memory.
    fn read_whole(&self, name: &str) -> Result<Vec<u8>, FilesError> {
        self.read_at_most(name, u64::MAX)
    }

    /// Reads a whole file of at most so many bytes into memory.
    ///
    /// # Errors
    /// As [`read_whole`](Self::read_whole), with [`FilesError::is_unfit`] when it has more bytes.
    fn read_at_most(&self, name: &str, bytes_max: u64) -> Result<Vec<u8>, FilesError> {
        let file = self.open(name)?;
        let too_large = |what: String| FilesError::new("read", name, io::Error::new(io::ErrorKind::FileTooLarge, what));
        let bytes_len = file.len();
        if bytes_len > bytes_max {
            return Err(too_large(format!("it has {bytes_len} bytes, at most {bytes_max} are read of it")));
        }
        let mut bytes = Vec::new();
        // A file may say that it has more bytes than there is memory, or even disk.
        let fits = usize::try_from(bytes_len).is_ok_and(|bytes_len| bytes.try_reserve_exact(bytes_len).is_ok());
        if !fits {
            return Err(too_large(format!("it has {bytes_len} bytes, more than there is memory for")));
        }
        bytes.resize(bytes_len as usize, 0);
        file.read_exact_at(0, &mut bytes)?;
        Ok(bytes)
    }
}

/// A file that is being written and has no name yet; dropping it unfinished removes it.
pub trait NewFile: Send {
    /// Appends bytes.
    ///
    /// # Errors
    /// [`FilesError`] when they can't be written; the file can then only be dropped.
    fn append(&mut self, bytes: &[u8]) -> Result<(), FilesError>;

    /// Makes the file durable under its name and opens it.
    ///
    /// # Errors
    /// [`FilesError`]; the file may or may not have appeared, but never in part.
    fn finish(self: Box<Self>) -> Result<Arc<dyn OpenFile>, FilesError>;
}

/// An open, immutable file.
pub trait OpenFile: Send + Sync {
    /// The length in bytes.
    fn len(&self) -> u64;

    /// Whether the file holds no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buffer` from `offset`.
    ///
    /// # Errors
    /// [`FilesError`] when the file ends before the buffer is full or can't be read.
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), FilesError>;
}

/// A call to [`Files`] that failed: what was tried, on which file, and why it failed.
#[derive(Debug)]
pub struct FilesError {
    /// The call, for example `"read"` or `"sync"`.
    pub what: &'static str,
    /// The file's name, or the directory's path.
    pub name: String,
    /// The operating system's reason.
    pub source: io::Error,
}

impl FilesError {
    pub(crate) fn new(what: &'static str, name: &str, source: io::Error) -> Self {
        FilesError { what, name: name.to_owned(), source }
    }

    /// Whether the reason is that there is no such file.
    pub fn is_missing(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// Whether the reason is that what lies there is no such file: something else than a file, or far too large.
    pub fn is_unfit(&self) -> bool {
        self.source.kind() == io::ErrorKind::FileTooLarge
            || self.source.get_ref().is_some_and(|inner| inner.is::<small::Unfit>())
    }
}

impl fmt::Display for FilesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} file {:?}: {}", self.what, self.name, self.source)
    }
}

impl std::error::Error for FilesError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Accepts names of lower-case letters, digits, `.`, `_` and `-` that start with a letter or digit.
fn check_name(what: &'static str, name: &str) -> Result<(), FilesError> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-');
    let starts_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let short = name.len() <= FILE_NAME_BYTES_MAX;
    if starts_well && short && name.bytes().all(allowed) && !name.ends_with(TEMPORARY_SUFFIX) {
        return Ok(());
    }
    Err(FilesError::new(what, name, io::Error::new(io::ErrorKind::InvalidInput, "not a permitted file name")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds_its_promises(files: &dyn Files) {
        assert!(files.open("a").err().is_some_and(|error| error.is_missing()));
        files.write_whole("b.1", b"first").unwrap();
        files.write_whole("a", b"").unwrap();
        let held = files.open("b.1").unwrap();
        files.write_whole("b.1", b"second").unwrap();
        assert_eq!(files.read_whole("b.1").unwrap(), b"second");
        assert_eq!(files.list().unwrap(), ["a", "b.1"]);
        let mut bytes = [0; 3];
        held.read_exact_at(2, &mut bytes).unwrap();
        assert_eq!(&bytes, b"rst");
        assert!(held.read_exact_at(3, &mut bytes).is_err());
        assert!(held.read_exact_at(u64::MAX, &mut bytes).is_err());
        files.remove("b.1").unwrap();
        files.remove("b.1").unwrap();
        held.read_exact_at(0, &mut bytes).unwrap();
        assert_eq!(&bytes, b"fir");
        drop(files.create("c").unwrap());
        assert_eq!(files.list().unwrap(), ["a"]);
        assert!(files.read_whole("a").unwrap().is_empty());
        for name in ["", ".", "..", "a/b", "../a", "A", "ä", "a.tmp", "-a", "a\0", &"x".repeat(101)] {
            assert!(files.write_whole(name, b"").is_err(), "{name:?} was accepted");
            assert!(files.open(name).is_err() && files.remove(name).is_err());
        }
    }

    #[test]
    fn directory_files_hold_their_promises() {
        let dir = tempfile::tempdir().unwrap();
        holds_its_promises(&DirFiles::open(dir.path().join("inner")).unwrap());
    }

    #[test]
    fn memory_files_hold_their_promises() {
        holds_its_promises(&MemoryFiles::new());
    }

    #[test]
    fn leftover_temporary_files_are_removed_when_a_directory_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("run.tmp"), b"half").unwrap();
        std::fs::write(dir.path().join("run"), b"whole").unwrap();
        let files = DirFiles::open(dir.path()).unwrap();
        assert_eq!(files.list().unwrap(), ["run"]);
        assert!(!dir.path().join("run.tmp").exists());
    }

    #[test]
    fn what_is_no_file_is_refused_and_what_lies_in_the_way_of_a_new_file_is_not_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let files = DirFiles::open(dir.path()).unwrap();
        let pipe = |name| rustix::fs::mkfifoat(rustix::fs::CWD, dir.path().join(name), rustix::fs::Mode::RWXU).unwrap();
        pipe("run");
        pipe("run.tmp");
        let error = files.read_whole("run").unwrap_err();
        assert!(error.is_unfit() && error.to_string().contains("run is a FIFO, not a file"), "{error}");
        files.write_whole("run", b"whole").unwrap();
        assert_eq!(files.read_whole("run").unwrap(), b"whole");
        std::fs::create_dir(dir.path().join("inner")).unwrap();
        assert!(files.open("inner").err().is_some_and(|error| error.is_unfit()));
        let kept = dir.path().join("kept");
        std::fs::write(&kept, b"ours").unwrap();
        std::os::unix::fs::symlink(&kept, dir.path().join("run.tmp")).unwrap();
        files.write_whole("run", b"other").unwrap();
        assert_eq!(std::fs::read(&kept).unwrap(), b"ours");
    }

    #[test]
    fn a_file_that_claims_too_much_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let files = DirFiles::open(dir.path()).unwrap();
        files.write_whole("run", b"whole").unwrap();
        assert_eq!(files.read_at_most("run", 5).unwrap(), b"whole");
        assert!(files.read_at_most("run", 4).unwrap_err().is_unfit());
        std::fs::File::create(dir.path().join("run")).unwrap().set_len(1 << 43).unwrap();
        assert!(files.read_whole("run").unwrap_err().is_unfit());
    }

    #[test]
    fn a_planned_fault_hits_one_call_in_either_variant() {
        for (fault, survives) in [(Fault::Lost, false), (Fault::Persisted, true)] {
            let files = MemoryFiles::new();
            files.fail_call(2, fault);
            assert!(files.write_whole("a", b"x").is_err());
            assert_eq!(files.calls(), 3);
            let after = files.crash();
            assert_eq!(after.list().unwrap().len(), usize::from(survives));
            assert_eq!(after.read_whole("a").is_ok(), survives);
        }
    }
}
