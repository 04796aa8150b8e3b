//! Copies of the log that somebody has changed behind the ledger's back, and what a verification says of them.

use super::verify;
use crate::cli::events::short;
use crate::cli::failure::Failure;
use crate::cli::paint::Paint;
use crate::cli::verify::verdict_text;
use counterfoil::audit::Expected;
use counterfoil::domain::event::{Body, PosMovement};
use counterfoil::domain::ids::Seq;
use counterfoil::log::memory_store::{MemoryDisk, MemoryStore};
use counterfoil::log::{FrameKey, Scanned, Store, StoreReader, decode_event, scan_from};
use std::io::Write;

type Frames = Vec<(FrameKey, Vec<u8>)>;

/// Changes one byte, then cuts the tail; both are named, the second one only by who kept a hash.
pub fn show(log: &dyn StoreReader, kept: Expected, paint: Paint, out: &mut dyn Write) -> Result<(), Failure> {
    let mut frames = Frames::new();
    for frame in log.frames(FrameKey::START) {
        let (key, bytes) = frame?;
        frames.push((key, bytes.to_vec()));
    }
    flip(log, &frames, paint, out)?;
    cut(&frames, kept, paint, out)
}

/// A place in the log, and what is written there.
struct Forgery {
    seq: Seq,
    frame: usize,
    byte: usize,
    from: u8,
    to: u8,
}

fn flip(log: &dyn StoreReader, frames: &Frames, paint: Paint, out: &mut dyn Write) -> Result<(), Failure> {
    let nothing = || Failure::Refused("there is no sale of three candles to forge".to_owned());
    let forgery = forgery(log, frames)?.ok_or_else(nothing)?;
    let Forgery { seq, frame, byte, from, to } = forgery;
    let mut frames = frames.clone();
    if let Some(stored) = frames.get_mut(frame).and_then(|(_, bytes)| bytes.get_mut(byte)) {
        *stored = to;
    }
    writeln!(out, "\n{}", paint.bold("In a copy, one byte is changed: the sale of 3 candles becomes a sale of 2"))?;
    writeln!(out, "  event {seq}: byte {byte} of its frame was {from:#04x} and is {to:#04x} now")?;
    let report = verify(copy(frames)?.as_ref(), Vec::new())?;
    out.write_all(verdict_text(&report, paint).as_bytes())?;
    match report.first_fault {
        Some(fault) if fault.seq == seq => Ok(()),
        Some(fault) => Err(Failure::Damaged(format!("event {seq} was changed, and event {} was named", fault.seq))),
        None => Err(Failure::Damaged(format!("event {seq} was changed, and nobody noticed"))),
    }
}

/// Where to write what, so that the first sale of three reads as a sale of two: no crude damage, a lie.
fn forgery(log: &dyn StoreReader, frames: &Frames) -> Result<Option<Forgery>, Failure> {
    for scanned in scan_from(log, Seq::GENESIS) {
        let scanned = scanned?;
        if sold(&scanned.event.body) == Some(3)
            && let Some(forgery) = forge(&scanned, frames)
        {
            return Ok(Some(forgery));
        }
    }
    Ok(None)
}

fn forge(scanned: &Scanned, frames: &Frames) -> Option<Forgery> {
    let (start, frame) = frames.iter().enumerate().find_map(|(index, (_, bytes))| {
        let at = bytes.windows(scanned.bytes.len()).position(|window| *window == *scanned.bytes)?;
        Some((at, index))
    })?;
    for (at, from) in scanned.bytes.iter().copied().enumerate() {
        for to in (0..8).map(|bit| from ^ (1 << bit)) {
            let mut bytes = scanned.bytes.to_vec();
            *bytes.get_mut(at)? = to;
            let Ok(event) = decode_event(&bytes) else { continue };
            if event.envelope == scanned.event.envelope && sold(&event.body) == Some(2) {
                return Some(Forgery { seq: scanned.seq, frame, byte: start + at, from, to });
            }
        }
    }
    None
}

/// How much a till sold in one line.
fn sold(body: &Body) -> Option<i64> {
    match body {
        Body::PosDelta { delta: PosMovement::Sale(lines), .. } => match lines.as_slice() {
            [line] => Some(line.quantity.0),
            _ => None,
        },
        _ => None,
    }
}

fn cut(frames: &Frames, kept: Expected, paint: Paint, out: &mut dyn Write) -> Result<(), Failure> {
    let mut frames = frames.clone();
    frames.pop();
    writeln!(out, "\n{}", paint.bold("In another copy, the last event is cut off"))?;
    writeln!(out, "  Without a hash that was kept elsewhere nobody can know:")?;
    let cut = copy(frames)?;
    let report = verify(cut.as_ref(), Vec::new())?;
    out.write_all(verdict_text(&report, paint).as_bytes())?;
    if let Some(exclusion) = report.exclusions.first() {
        writeln!(out, "     {exclusion}")?;
    }
    writeln!(out, "  With the receipt of event {}, {}…:", kept.seq, short(kept.hash))?;
    let report = verify(cut.as_ref(), vec![kept])?;
    out.write_all(verdict_text(&report, paint).as_bytes())?;
    match report.first_fault {
        Some(_) => Ok(()),
        None => Err(Failure::Damaged("the last event was cut off, and nobody noticed".to_owned())),
    }
}

/// The frames as a log in memory.
fn copy(frames: Frames) -> Result<std::sync::Arc<dyn StoreReader>, Failure> {
    Ok(MemoryStore::open(&MemoryDisk::with_frames(frames))?.reader())
}
