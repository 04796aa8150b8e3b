//! Writes a log as JSON Lines: readable fields beside the exact stored bytes, so that a stranger can check both.
//!
//! The first line says what it is, then one line per event, the last one is the head.
#![doc = include_str!("EXPORT.md")]

use super::readable::{Hex, Readable};
use super::replay::PROGRESS_EVENTS;
use crate::domain::event::{Body, Genesis};
use crate::domain::ids::{LedgerId, Seq};
use crate::limits::{FORMAT_VERSION, RULES_VERSION};
use crate::log::{FaultKind, Head, LogFault, Scanned, StoreError, StoreReader, scan};
use serde::Serialize;
use std::fmt;
use std::io::{self, Write};

/// The version of the export's own form.
pub const EXPORT_VERSION: u16 = 1;

/// Why an export could not be written.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExportError {
    /// The log is damaged or can't be read; what was written before is right.
    Log(LogFault),
    /// The output can't be written.
    Write(io::Error),
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(fault) => write!(f, "the log can't be exported: {fault}"),
            Self::Write(error) => write!(f, "the export can't be written: {error}"),
        }
    }
}

impl std::error::Error for ExportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Log(fault) => Some(fault),
            Self::Write(error) => Some(error),
        }
    }
}

impl From<LogFault> for ExportError {
    fn from(fault: LogFault) -> Self {
        Self::Log(fault)
    }
}

impl From<io::Error> for ExportError {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

impl From<StoreError> for ExportError {
    fn from(error: StoreError) -> Self {
        Self::Log(LogFault { seq: Seq::GENESIS, what: FaultKind::Store(error) })
    }
}

#[derive(Serialize)]
struct Header {
    counterfoil_export: u16,
    format: u16,
    rules: u16,
    ledger: Option<LedgerId>,
}

#[derive(Serialize)]
struct Line<'a> {
    seq: Seq,
    #[serde(flatten)]
    event: Readable<'a>,
    group_end: bool,
    prev: Hex<'a>,
    hash: Hex<'a>,
    bytes: Hex<'a>,
}

#[derive(Serialize)]
struct Footer<'a> {
    end: FooterHead<'a>,
}

#[derive(Serialize)]
struct FooterHead<'a> {
    events: u64,
    hash: Hex<'a>,
}

/// Writes every event up to the last commit mark, and returns the head.
///
/// `progress` is called with the number of events written so far, every [`PROGRESS_EVENTS`] and at the end.
///
/// # Errors
/// [`ExportError`]; the output then has no last line with `end` and is not a whole export.
pub fn export(
    reader: &dyn StoreReader,
    out: &mut dyn Write,
    mut progress: impl FnMut(u64),
) -> Result<Head, ExportError> {
    let mut head = Head::EMPTY;
    for scanned in scan(reader, Head::EMPTY) {
        let scanned = scanned?;
        if scanned.seq == Seq::GENESIS {
            header(out, &scanned)?;
        }
        line(out, &scanned)?;
        head = Head { next_seq: Seq(scanned.seq.0.saturating_add(1)), hash: scanned.hash };
        if head.next_seq.0.is_multiple_of(PROGRESS_EVENTS) {
            progress(head.next_seq.0);
        }
    }
    json(out, &Footer { end: FooterHead { events: head.next_seq.0, hash: Hex(&head.hash.0) } })?;
    out.flush()?;
    progress(head.next_seq.0);
    Ok(head)
}

fn header(out: &mut dyn Write, first: &Scanned) -> io::Result<()> {
    let (ledger, format, rules) = if let Body::Genesis(Genesis { ledger, format, rules }) = first.event.body {
        (Some(ledger), format, rules)
    } else {
        (None, FORMAT_VERSION, RULES_VERSION)
    };
    json(out, &Header { counterfoil_export: EXPORT_VERSION, format, rules, ledger })
}

fn line(out: &mut dyn Write, scanned: &Scanned) -> io::Result<()> {
    json(
        out,
        &Line {
            seq: scanned.seq,
            event: Readable(&scanned.event),
            group_end: scanned.group_end,
            prev: Hex(&scanned.prev_hash.0),
            hash: Hex(&scanned.hash.0),
            bytes: Hex(&scanned.bytes),
        },
    )
}

fn json(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}
