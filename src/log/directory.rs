//! A ledger's directory: what must be in it, who owns it, how much room is left.
//!
//! All checks are made before anything in it is opened for writing, so a directory that can't be taken is left
//! exactly as it was.

use super::chain::Head;
use super::reached::{REACHED, REACHED_UNFINISHED, Reached};
use super::store::StoreError;
use crate::domain::ids::LedgerId;
use crate::files::small;
use crate::limits::FORMAT_VERSION;
use rustix::fs::{Access, FlockOperation};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use uuid::Uuid;

/// The marker that makes a directory a ledger.
pub(super) const MARKER: &str = "COUNTERFOIL";
/// The directory of the log.
pub(super) const LOG: &str = "log";
/// The file in it that holds everything.
pub(super) const DB: &str = "db";
const DERIVED: &str = "derived";
/// The marker while the ledger is being made: it gets its name when everything else is there.
const UNFINISHED: &str = "COUNTERFOIL.new";
const FIRST_LINE: &str = "counterfoil ledger";
const TEXT_BYTES_MAX: u64 = 1_024;

/// The ownership of a directory; it ends when this is dropped, and with the process.
#[derive(Debug)]
pub(super) struct Claim {
    path: PathBuf,
    // The lock is held by the open file.
    _lock: File,
}

impl Claim {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The same ownership once more: it ends with the last of them.
    pub(super) fn hold(&self) -> Result<Self, StoreError> {
        let lock = self._lock.try_clone().map_err(|source| StoreError::Io { what: "locking the ledger", source })?;
        Ok(Self { path: self.path.clone(), _lock: lock })
    }

    pub(super) fn derived(&self) -> PathBuf {
        self.path.join(DERIVED)
    }

    /// Ends the creation of a ledger: everything in it is made durable, then its marker gets its name, then that is.
    pub(super) fn finish(&self) -> Result<(), StoreError> {
        let path = &self.path;
        sync_tree(&path.join(LOG)).map_err(creating)?;
        sync_tree(&path.join(DERIVED)).map_err(creating)?;
        std::fs::rename(path.join(UNFINISHED), path.join(MARKER)).map_err(creating)?;
        sync_directory(path).map_err(creating)?;
        sync_directory(parent(path)).map_err(creating)
    }
}

fn creating(source: std::io::Error) -> StoreError {
    StoreError::Io { what: "creating the ledger's directory", source }
}

/// Makes the directories of a new ledger, in a place that is missing or empty, or in which the creation of one was cut
/// short: then the unfinished marker is still there, which a ledger never has.
pub(super) fn prepare(path: &Path, ledger: LedgerId) -> Result<Claim, StoreError> {
    match std::fs::create_dir(path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => match what_is_there(path)? {
            There::Nothing | There::Unfinished => {}
            There::Something => return Err(StoreError::AlreadyExists { path: path.to_owned() }),
        },
        Err(error) if matches!(error.kind(), ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied) => {
            return Err(read_only(path));
        }
        Err(error) => return Err(creating(error)),
    }
    check_writable(path)?;
    let directory = File::open(path).map_err(creating)?;
    lock(&directory, path)?;
    let text = format!("{FIRST_LINE}\nformat {FORMAT_VERSION}\nledger {ledger}\n");
    let options = &mut File::options();
    let mut marker = options.write(true).create(true).truncate(false).open(path.join(UNFINISHED)).map_err(creating)?;
    lock(&marker, path)?;
    // Somebody else may have finished meanwhile; then this is a marker with another name now.
    if matches!(what_is_there(path)?, There::Something) {
        return Err(StoreError::AlreadyExists { path: path.to_owned() });
    }
    marker.set_len(0).map_err(creating)?;
    marker.write_all(text.as_bytes()).and_then(|()| marker.sync_all()).map_err(creating)?;
    for part in [LOG, DERIVED] {
        match std::fs::remove_dir_all(path.join(part)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(creating(error)),
            _ => std::fs::create_dir(path.join(part)).map_err(creating)?,
        }
    }
    // From here on the marker is what others lock, whatever it is called.
    Ok(Claim { path: path.to_owned(), _lock: marker })
}

enum There {
    Nothing,
    /// Parts of a ledger whose creation was cut short.
    Unfinished,
    Something,
}

fn what_is_there(path: &Path) -> Result<There, StoreError> {
    if !path.is_dir() {
        return Ok(There::Something);
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(creating)? {
        names.push(entry.map_err(creating)?.file_name());
    }
    let parts = [UNFINISHED, LOG, DERIVED, REACHED, REACHED_UNFINISHED];
    let is_ours = |name: &std::ffi::OsString| parts.iter().any(|part| name == part);
    Ok(match names.iter().any(|name| name == UNFINISHED) {
        _ if names.is_empty() => There::Nothing,
        true if names.iter().all(is_ours) => There::Unfinished,
        _ => There::Something,
    })
}

/// Whether a directory may be made in this place: it is missing or empty.
pub(super) fn check_free(path: &Path) -> Result<(), StoreError> {
    match std::fs::read_dir(path).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(StoreError::AlreadyExists { path: path.to_owned() }),
    }
}

/// Gives a finished directory its name, durably, in a place that is missing or empty.
pub(super) fn appear(finished: &Path, path: &Path) -> Result<(), StoreError> {
    let io = |source| StoreError::Io { what: "giving the copy its name", source };
    sync_tree(finished).map_err(io)?;
    std::fs::rename(finished, path).map_err(io)?;
    sync_directory(parent(path)).map_err(io)
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Takes the directory of a ledger that exists, and says which one it is.
pub(super) fn claim(path: &Path) -> Result<(Claim, LedgerId), StoreError> {
    if !path.is_dir() {
        return Err(not_a_ledger(path, "there is no such directory".to_owned()));
    }
    let marker = path.join(MARKER);
    let file = match small::open(&marker) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(not_a_ledger(path, format!("the file {MARKER} is missing, or its creation was cut short")));
        }
        Err(source) => {
            return Err(StoreError::Io { what: "reading the ledger's marker", source });
        }
    };
    let ledger = read_marker(path, &file)?;
    if !path.join(LOG).join(DB).is_file() {
        return Err(not_a_ledger(path, format!("the file {LOG}/{DB} is missing")));
    }
    for part in [path.to_owned(), path.join(LOG), path.join(LOG).join(DB)] {
        check_writable(&part)?;
    }
    lock(&file, path)?;
    // What is derived may be deleted at any time.
    let io = |source| StoreError::Io { what: "creating the directory of what is derived", source };
    std::fs::create_dir_all(path.join(DERIVED)).map_err(io)?;
    Ok((Claim { path: path.to_owned(), _lock: file }, ledger))
}

fn read_marker(path: &Path, file: &File) -> Result<LedgerId, StoreError> {
    let io = |source| StoreError::Io { what: "reading the ledger's marker", source };
    let text = small::read_open(file, &path.join(MARKER), TEXT_BYTES_MAX).map_err(io)?;
    let damaged = |what: &str| not_a_ledger(path, format!("the file {MARKER} {what}"));
    let text = String::from_utf8(text).map_err(|_| damaged("is not text"))?;
    let mut lines = text.lines();
    if lines.next() != Some(FIRST_LINE) {
        return Err(damaged("does not begin as a ledger's does"));
    }
    let format = lines.next().and_then(|line| line.strip_prefix("format "));
    match format.and_then(|format| format.parse::<u16>().ok()) {
        Some(FORMAT_VERSION) => {}
        Some(found) => {
            return Err(StoreError::VersionUnsupported { found, supported: FORMAT_VERSION });
        }
        None => return Err(damaged("does not say which format the ledger has")),
    }
    let ledger = lines.next().and_then(|line| line.strip_prefix("ledger "));
    match ledger.and_then(|ledger| Uuid::try_parse(ledger).ok()) {
        Some(ledger) => Ok(LedgerId(ledger)),
        None => Err(damaged("does not say which ledger this is")),
    }
}

/// Bytes that the disk below a directory has left for us.
pub(super) fn free_bytes(path: &Path) -> Result<u64, StoreError> {
    match rustix::fs::statvfs(path) {
        Ok(disk) => Ok(disk.f_bavail.saturating_mul(disk.f_frsize)),
        Err(error) => Err(StoreError::SpaceUnknown { path: path.to_owned(), source: error.into() }),
    }
}

pub(super) fn not_a_ledger(path: &Path, what: String) -> StoreError {
    StoreError::NotALedger { path: path.to_owned(), what }
}

fn read_only(path: &Path) -> StoreError {
    StoreError::ReadOnly { path: path.to_owned() }
}

fn check_writable(path: &Path) -> Result<(), StoreError> {
    match rustix::fs::access(path, Access::WRITE_OK) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::ACCESS | rustix::io::Errno::ROFS | rustix::io::Errno::PERM) => Err(read_only(path)),
        Err(error) => Err(StoreError::Io { what: "asking whether the ledger can be written", source: error.into() }),
    }
}

/// How often, and after which pause, a taken lock is tried again: a child process that is just being started shares its
/// parent's locks until it runs its own program, so what was closed a moment ago can still look open.
const LOCK_TRIES_MAX: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// What `take` gives as soon as it gives something; none where a lock stays taken.
pub(super) fn patiently<T>(mut take: impl FnMut() -> Option<T>) -> Option<T> {
    for _ in 1..LOCK_TRIES_MAX {
        if let Some(taken) = take() {
            return Some(taken);
        }
        std::thread::sleep(LOCK_PAUSE);
    }
    take()
}

fn lock(file: &File, path: &Path) -> Result<(), StoreError> {
    let locked = patiently(|| match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => None,
        done => Some(done),
    });
    match locked {
        Some(Ok(())) => Ok(()),
        Some(Err(error)) => Err(StoreError::Io { what: "locking the ledger", source: error.into() }),
        None => Err(StoreError::AlreadyOpen { path: path.to_owned() }),
    }
}

fn sync_tree(directory: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        match path.is_dir() {
            true => sync_tree(&path)?,
            false => File::open(&path)?.sync_all()?,
        }
    }
    sync_directory(directory)
}

pub(super) fn sync_directory(directory: &Path) -> std::io::Result<()> {
    File::open(directory)?.sync_all()
}

/// What a ledger's directory says of itself, as far as it does.
pub(super) struct Looked {
    pub(super) ledger: Option<LedgerId>,
    pub(super) reached: Option<Head>,
    /// The lock, where there is a marker to be locked.
    pub(super) lock: Option<File>,
}

/// Looks at a ledger's directory without changing anything in it.
pub(super) fn look(path: &Path) -> Result<Looked, StoreError> {
    if !path.join(LOG).join(DB).is_file() {
        return Err(not_a_ledger(path, format!("the file {LOG}/{DB} is missing")));
    }
    let reached = Reached::read(path).ok().flatten().map(|reached| reached.head);
    let Ok(marker) = small::open(&path.join(MARKER)) else {
        return Ok(Looked { ledger: None, reached, lock: None });
    };
    lock(&marker, path)?;
    Ok(Looked { ledger: read_marker(path, &marker).ok(), reached, lock: Some(marker) })
}
