//! A source being read and planned, in a thread of its own, a few batches ahead of who takes them.

use super::error::ImportError;
use super::header::Header;
use super::line::Lookup;
use super::mapping::Mapping;
use super::plan::Planner;
use super::planned::Batch;
use super::records::{Fields, Record, Records};
use super::source::{Opened, Source};
use crate::ledger::{Ledger, Mode, ReadOnly, SubmitError};
use crate::query;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Batches that wait to be taken.
const BATCHES_AHEAD: usize = 4;
/// How often a ledger is looked at that is catching up with its log.
const CATCHING_UP_POLL: Duration = Duration::from_millis(20);

/// Lines ignored, by item code.
pub(super) type Ignored = BTreeMap<String, u64>;

/// A source being read.
pub(super) struct Reading {
    pub header: Header,
    batches: Receiver<Batch>,
    thread: JoinHandle<Result<Ignored, ImportError>>,
    bytes_read: Arc<AtomicU64>,
    pub bytes_total: u64,
}

impl Reading {
    /// Reads the header, finds the mapping's columns in it and begins.
    pub fn start(ledger: &Ledger, mapping: &Mapping, source: &Source, at: Option<&str>) -> Result<Self, ImportError> {
        if mapping.needs_at() && at.is_none() {
            return Err(ImportError::AtMissing);
        }
        let source_name = source.name();
        let opened = source.open(mapping.file.encoding);
        let Opened { text, is_decoded, bytes_read, bytes_total } =
            opened.map_err(|error| ImportError::Open { source_name: source_name.clone(), error })?;
        let mut records = Records::new(text, mapping.file.delimiter);
        let in_header = |problem| ImportError::Header { source_name: source_name.clone(), problem };
        let header = match records.next() {
            Ok(Some(record)) => header_of(&record).map_err(in_header)?,
            Ok(None) => return Err(in_header("it is empty, not even a header is there".to_owned())),
            Err(error) => return Err(ImportError::of_record(&source_name, &error)),
        };
        let asked = ledger.clone();
        let lookup: Lookup = Box::new(move |alias| asked.query(|state, now| query::by_alias(state, now, alias)).value);
        let planner = Planner::new(mapping, header.clone(), at, is_decoded, lookup).map_err(in_header)?;
        let (sender, batches) = channel(BATCHES_AHEAD);
        let ledger = ledger.clone();
        let thread = std::thread::spawn(move || {
            writable(&ledger)?;
            read(records, planner, &sender, &source_name)
        });
        Ok(Self { header, batches, thread, bytes_read, bytes_total })
    }

    /// The next batch; none at the end, or where reading failed.
    pub async fn next(&mut self) -> Option<Batch> {
        self.batches.recv().await
    }

    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// Stops, and says what was ignored or why reading failed.
    pub fn finish(self) -> Result<Ignored, ImportError> {
        drop(self.batches);
        self.thread.join().unwrap_or(Err(ImportError::ReaderLost))
    }
}

fn header_of(record: &Record<'_>) -> Result<Header, String> {
    if record.text.contains(&0) {
        return Err(
            "there is a NUL in the header; a file in UTF-16 needs `encoding = \"utf-16le\"` in the mapping".into()
        );
    }
    let text = std::str::from_utf8(record.text);
    let text = text.map_err(|_| "the header is not UTF-8; name the file's encoding in the mapping".to_owned())?;
    Header::read(Fields::new(text, record.ends, false))
}

/// Waits for an index that is behind, as it may be after a kill.
fn writable(ledger: &Ledger) -> Result<(), ImportError> {
    loop {
        let error = match ledger.health().mode {
            Mode::Writing => return Ok(()),
            Mode::ReadOnly(ReadOnly::CatchingUp { .. }) => {
                std::thread::sleep(CATCHING_UP_POLL);
                continue;
            }
            Mode::ReadOnly(reason) => SubmitError::ReadOnly(reason),
            Mode::Latched => SubmitError::Latched,
        };
        return Err(ImportError::Ledger { line: None, error });
    }
}

/// Reads to the end, or until nobody takes batches any more: then somebody else has an error to tell.
fn read(
    mut records: Records<impl std::io::Read>,
    mut planner: Planner,
    batches: &Sender<Batch>,
    source_name: &str,
) -> Result<Ignored, ImportError> {
    let failure = loop {
        match records.next() {
            Ok(None) => break None,
            Ok(Some(record)) => planner.record(&record),
            Err(error) => break Some(ImportError::of_record(source_name, &error)),
        }
        if let Some(batch) = planner.full_batch()
            && batches.blocking_send(batch).is_err()
        {
            return Ok(Ignored::new());
        }
    };
    if failure.is_some() {
        planner.forget_open();
    }
    let (last, ignored) = planner.finish();
    let _ = batches.blocking_send(last);
    failure.map_or(Ok(ignored), Err)
}
