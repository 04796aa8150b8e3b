//! Files that are read whole, or line by line: opened without waiting for anybody, and only where they are files.
//!
//! Where a file is expected there may lie anything: opening a FIFO waits for a writer that never comes, a device can be
//! read for ever, a sparse file can claim more bytes than there is memory. So what is opened here is looked at first,
//! and what is read whole has a bound.

use rustix::fs::OFlags;
use std::fmt;
use std::fs::{File, FileType, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What lies where a small file belongs, and is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// Where it lies.
    pub path: PathBuf,
    /// Why it is not read.
    pub why: Why,
}

/// Why something is not read as a small file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is something else than a file: `a FIFO`, `a directory`.
    NotAFile(&'static str),
    /// It has more bytes than such a file ever has.
    TooLarge {
        /// Bytes that it may have.
        bytes_max: u64,
    },
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.why {
            Why::NotAFile(what) => write!(f, "{path} is {what}, not a file"),
            Why::TooLarge { bytes_max } => write!(f, "{path} is too large: at most {bytes_max} bytes are read of it"),
        }
    }
}

impl std::error::Error for Unfit {}

impl From<Unfit> for io::Error {
    fn from(unfit: Unfit) -> Self {
        let kind = match unfit.why {
            Why::NotAFile("a directory") => io::ErrorKind::IsADirectory,
            Why::NotAFile(_) => io::ErrorKind::InvalidInput,
            Why::TooLarge { .. } => io::ErrorKind::FileTooLarge,
        };
        Self::new(kind, unfit)
    }
}

/// Opens a regular file for reading, and waits for nobody.
///
/// # Errors
/// [`Unfit`] as an [`io::Error`] where it is no regular file; what the disk says.
pub fn open(path: &Path) -> io::Result<File> {
    open_with(File::options().read(true), path)
}

/// Opens a regular file as these options say, and waits for nobody.
///
/// # Errors
/// As [`open`].
pub fn open_with(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    // Opening alone may do something to a device, so it is looked at by its name; the name may change until it is open.
    if let Ok(there) = std::fs::metadata(path) {
        check(path, there.file_type())?;
    }
    let no_waiting = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = options.custom_flags(no_waiting).open(path)?;
    check(path, file.metadata()?.file_type())?;
    Ok(file)
}

/// Reads a regular file whole.
///
/// # Errors
/// As [`open`]; [`Unfit`] as an [`io::Error`] where it has more than `bytes_max` bytes.
pub fn read_whole(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    read_open(&open(path)?, path, bytes_max)
}

/// Reads an open file whole, from where it stands; the path is for the message.
///
/// # Errors
/// What the disk says; [`Unfit`] as an [`io::Error`] where more than `bytes_max` bytes are there.
pub fn read_open(file: &File, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // Reads on over short reads and interruptions; one byte more than may be there tells what is too large.
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > bytes_max {
        true => Err(Unfit { path: path.to_owned(), why: Why::TooLarge { bytes_max } }.into()),
        false => Ok(bytes),
    }
}

/// Reads a regular file of text whole.
///
/// # Errors
/// As [`read_whole`]; [`io::ErrorKind::InvalidData`] where it is not UTF-8.
pub fn read_text(path: &Path, bytes_max: u64) -> io::Result<String> {
    String::from_utf8(read_whole(path, bytes_max)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not text in UTF-8"))
}

/// An error about a path, in words that name the path once.
#[must_use]
pub fn told(path: &Path, error: &io::Error) -> String {
    match error.get_ref().is_some_and(|inner| inner.is::<Unfit>()) {
        true => error.to_string(),
        false => format!("{}: {error}", path.display()),
    }
}

fn check(path: &Path, kind: FileType) -> io::Result<()> {
    let what = match kind {
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a FIFO",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_char_device() || kind.is_block_device() => "a device",
        _ => "something else",
    };
    Err(Unfit { path: path.to_owned(), why: Why::NotAFile(what) }.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, Mode};
    use std::sync::mpsc;
    use std::time::Duration;

    /// What it gives, soon; a reader that hangs fails the test.
    fn soon<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> T {
        let (send, receive) = mpsc::channel();
        std::thread::spawn(move || send.send(read()));
        receive.recv_timeout(Duration::from_secs(20)).expect("it waits for somebody")
    }

    #[test]
    fn only_files_are_read_and_nobody_is_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let fifo = place.path().join("fifo");
        rustix::fs::mkfifoat(CWD, &fifo, Mode::RWXU).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(place.path().join("socket")).unwrap();
        let cases = [
            (fifo, "a FIFO"),
            (place.path().to_owned(), "a directory"),
            (place.path().join("socket"), "a socket"),
            (PathBuf::from("/dev/zero"), "a device"),
            (PathBuf::from("/dev/full"), "a device"),
        ];
        for (path, what) in cases {
            let wanted = format!("{} is {what}, not a file", path.display());
            let read = path.clone();
            let error = soon(move || read_whole(&read, 100)).unwrap_err();
            assert_eq!((error.to_string(), told(&path, &error)), (wanted.clone(), wanted.clone()));
            let appended = soon(move || open_with(File::options().read(true).append(true).create(true), &path));
            assert_eq!(appended.unwrap_err().to_string(), wanted);
        }
        let missing = place.path().join("missing");
        let error = read_whole(&missing, 100).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(told(&missing, &error).starts_with(&format!("{}: ", missing.display())));
    }

    #[test]
    fn no_more_is_read_than_such_a_file_has() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(read_whole(&path, 3).unwrap(), b"abc");
        assert!(read_whole(&path, 2).unwrap_err().to_string().contains("at most 2 bytes"));
        std::fs::write(&path, b"\xff").unwrap();
        assert_eq!(read_text(&path, 3).unwrap_err().kind(), io::ErrorKind::InvalidData);
        // It says that it has four terabytes.
        File::create(&path).unwrap().set_len(1 << 42).unwrap();
        assert_eq!(read_whole(&path, 100).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
