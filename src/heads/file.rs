//! The file: whole lines, durable, by several processes at once.

use super::{KeptHead, KeptHeads, Unreadable};
use crate::domain::ids::LedgerId;
use crate::files::small;
use crate::limits::{HEAD_LINE_BYTES_MAX, HEADS_MAX, HEADS_UNREADABLE_MAX};
use rustix::fs::FlockOperation;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often, and after which pause, a file that somebody else is appending to is tried again.
const LOCK_TRIES_MAX: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(10);
/// Bytes that are read at once where the newest head of a ledger is looked for, from the end of the file on.
const PIECE_BYTES: u64 = 65_536;

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
    /// What the disk says; part of the line may then be there; it is never read as a head. Where there is something
    /// else than a file, which one.
    pub fn append(&self, head: &KeptHead) -> io::Result<()> {
        let mut file = small::open_with(File::options().read(true).append(true).create(true), &self.path)?;
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

    /// The newest head of this ledger, wherever it stands in the file; none where there is none, or no file. Lines that
    /// are no heads are passed over.
    ///
    /// # Errors
    /// What the disk says. Where there is something else than a file, which one.
    pub fn last_of(&self, ledger: LedgerId) -> io::Result<Option<KeptHead>> {
        let file = match small::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let ours = |line: &[u8]| {
            let line = Some(line).filter(|line| line.len() <= HEAD_LINE_BYTES_MAX)?;
            parse(line).ok().flatten().filter(|head| head.ledger == Some(ledger))
        };
        let mut start = file.metadata()?.len();
        // The line that the piece before begins in the middle of, as far as it was read.
        let mut rest = Vec::new();
        while start > 0 {
            let bytes = start.min(PIECE_BYTES);
            start -= bytes;
            let mut piece = vec![0; usize::try_from(bytes).unwrap_or_default()];
            file.read_exact_at(&mut piece, start)?;
            piece.append(&mut rest);
            let whole = match (start, piece.iter().position(|byte| *byte == b'\n')) {
                (0, _) => std::mem::take(&mut piece),
                (_, Some(line_end)) => piece.split_off(line_end + 1),
                (_, None) => Vec::new(),
            };
            if let Some(head) = whole.rsplit(|byte| *byte == b'\n').find_map(ours) {
                return Ok(Some(head));
            }
            // What is too long for a line is kept no longer than it takes to know that.
            piece.truncate(HEAD_LINE_BYTES_MAX + 1);
            rest = piece;
        }
        Ok(None)
    }
}

/// Reads a file of heads; lines that are none are told and change nothing about the others.
///
/// # Errors
/// Where the file can't be read, or is no file; where a line has more than [`HEAD_LINE_BYTES_MAX`] bytes, or there are
/// more than [`HEADS_MAX`] heads.
pub fn read_heads(path: &Path) -> io::Result<KeptHeads> {
    let mut file = BufReader::new(small::open(path)?);
    let mut kept = KeptHeads::default();
    let (mut bytes, mut line, mut untold) = (Vec::new(), 0, 0_u64);
    loop {
        line += 1;
        bytes.clear();
        (&mut file).take(HEAD_LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut bytes)?;
        // Behind the last line end there is nothing, or what a torn write has left.
        let is_whole = bytes.pop_if(|last| *last == b'\n').is_some();
        if bytes.len() > HEAD_LINE_BYTES_MAX {
            return Err(too_much(format!("line {line} is longer than {HEAD_LINE_BYTES_MAX} bytes: no head is")));
        }
        match parse(&bytes) {
            Ok(head) => kept.heads.extend(head),
            Err(_) if kept.unreadable.len() >= HEADS_UNREADABLE_MAX => untold += 1,
            Err(what) if is_whole => kept.unreadable.push(Unreadable { line, what }),
            Err(what) => {
                let what = format!("the last line is torn, its write was cut short: {what}");
                kept.unreadable.push(Unreadable { line, what });
            }
        }
        if kept.heads.len() > HEADS_MAX {
            return Err(too_much(format!("it holds more than {HEADS_MAX} heads: give a part of it")));
        }
        if !is_whole {
            break;
        }
    }
    if let Some(last) = kept.unreadable.last_mut().filter(|_| untold > 0) {
        last.what.push_str(&format!("; so it is with {untold} more lines"));
    }
    Ok(kept)
}

fn too_much(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
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
