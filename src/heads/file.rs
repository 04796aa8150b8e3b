//! The file: whole lines, durable, by several processes at once.

use super::{KeptHead, KeptHeads, Unreadable};
use crate::domain::ids::LedgerId;
use rustix::fs::FlockOperation;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often, and after which pause, a file that somebody else is appending to is tried again.
const LOCK_TRIES_MAX: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(10);
/// Bytes at the end of the file in which the newest head of a ledger is looked for.
const TAIL_BYTES: u64 = 65_536;

/// A file that heads are appended to. It is opened for each line, so it may come and go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadsFile {
    path: PathBuf,
}

impl HeadsFile {
    /// The file with this path; nothing is opened yet.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a line; durable on return. A line that somebody left without its end stays apart from it.
    ///
    /// # Errors
    /// What the disk says. Part of the line may then be there; it is never read as a head.
    pub fn append(&self, head: &KeptHead) -> io::Result<()> {
        let mut file = File::options().read(true).append(true).create(true).open(&self.path)?;
        lock(&file)?;
        let bytes = file.metadata()?.len();
        let mut line = head.to_line();
        if bytes > 0 && last_byte(&mut file)? != b'\n' {
            line.insert(0, '\n');
        }
        file.write_all(line.as_bytes())?;
        file.sync_data()?;
        match bytes {
            // The file may be new, and then so is its name.
            0 => File::open(parent(&self.path))?.sync_all(),
            _ => Ok(()),
        }
    }

    /// The newest head of this ledger near the end of the file; none where there is none, or no file.
    ///
    /// # Errors
    /// What the disk says.
    pub fn last_of(&self, ledger: LedgerId) -> io::Result<Option<KeptHead>> {
        let mut file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let from = file.metadata()?.len().saturating_sub(TAIL_BYTES);
        file.seek(SeekFrom::Start(from))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        let heads = tail.rsplit(|byte| *byte == b'\n').filter_map(|line| parse(line).ok().flatten());
        Ok(heads.into_iter().find(|head| head.ledger == Some(ledger)))
    }
}

/// Reads a file of heads; lines that are none are told and change nothing about the others.
///
/// # Errors
/// Where the file can't be read.
pub fn read_heads(path: &Path) -> io::Result<KeptHeads> {
    let bytes = std::fs::read(path)?;
    let mut kept = KeptHeads::default();
    let mut lines = bytes.split(|byte| *byte == b'\n').zip(1..).peekable();
    while let Some((bytes, line)) = lines.next() {
        match parse(bytes) {
            Ok(head) => kept.heads.extend(head),
            // Behind the last line end there is nothing, or what a torn write has left.
            Err(what) if lines.peek().is_none() => {
                let what = format!("the last line is torn, its write was cut short: {what}");
                kept.unreadable.push(Unreadable { line, what });
            }
            Err(what) => kept.unreadable.push(Unreadable { line, what }),
        }
    }
    Ok(kept)
}

/// Whether a file lies, or would lie, in a directory or below it, by whatever name.
#[must_use]
pub fn is_inside(file: &Path, directory: &Path) -> bool {
    resolved(file).starts_with(resolved(directory))
}

/// The path without links, as far as it exists.
fn resolved(path: &Path) -> PathBuf {
    if let Ok(path) = path.canonicalize() {
        return path;
    }
    match path.file_name() {
        Some(name) => resolved(parent(path)).join(name),
        None => path.to_owned(),
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A line's head; none where the line is empty.
fn parse(line: &[u8]) -> Result<Option<KeptHead>, String> {
    let line = std::str::from_utf8(line).map_err(|_| "it is not text".to_owned())?;
    match line.trim() {
        "" => Ok(None),
        line => KeptHead::from_line(line).map(Some),
    }
}

fn last_byte(file: &mut File) -> io::Result<u8> {
    let mut byte = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut byte)?;
    Ok(byte[0])
}

fn lock(file: &File) -> io::Result<()> {
    for _ in 0..LOCK_TRIES_MAX {
        match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => std::thread::sleep(LOCK_PAUSE),
            done => return Ok(done?),
        }
    }
    Err(io::Error::new(io::ErrorKind::WouldBlock, "somebody else keeps it locked"))
}
