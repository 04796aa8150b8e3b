//! Three attacks on copies of the log, behind the ledger's back, and what a verification says of each.

use super::play::{play, set_up};
use super::script::{self, Step};
use super::stage::Stage;
use super::verify;
use crate::cli::events::short;
use crate::cli::failure::Failure;
use crate::cli::paint::Paint;
use crate::cli::verify::verdict_text;
use counterfoil::audit::{Expected, Report};
use counterfoil::domain::event::{Body, Event, PosDeltaRecorded, PosMovement};
use counterfoil::domain::ids::Seq;
use counterfoil::files::MemoryFiles;
use counterfoil::ledger::{Ledger, Parts};
use counterfoil::log::memory_store::{MemoryDisk, MemoryStore};
use counterfoil::log::{FrameKey, Scanned, Store, StoreReader, decode_event, scan_from};
use std::io::Write;
use std::sync::Arc;

/// The till receipt that is forged: a sale of three candles, of which one is to vanish.
const FORGED: &str = "s-1002";
const SOLD: i64 = 3;
const CLAIMED: i64 = 2;

type Frames = Vec<(FrameKey, Vec<u8>)>;

/// One byte, the tail, everything: the first is always named, the others only where a hash was kept.
pub async fn show(ledger: &Ledger, kept: Expected, paint: Paint, out: &mut dyn Write) -> Result<(), Failure> {
    let log = ledger.log();
    let mut frames = Frames::new();
    for frame in log.frames(FrameKey::START) {
        let (key, bytes) = frame?;
        frames.push((key, bytes.to_vec()));
    }
    flip(log.as_ref(), &frames, paint, out)?;
    cut(&frames, kept, paint, out)?;
    rewrite(ledger, kept, paint, out).await
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
    writeln!(
        out,
        "\n{}",
        paint.bold("Attack 1. In a copy, one byte is changed: the sale of 3 candles becomes a sale of 2")
    )?;
    writeln!(out, "  event {seq}: byte {byte} of its frame was {from:#04x} and is {to:#04x} now")?;
    let report = verify(copy(frames)?.as_ref(), Vec::new())?;
    out.write_all(verdict_text(&report, paint).as_bytes())?;
    match report.first_fault {
        Some(fault) if fault.seq == seq => Ok(()),
        Some(fault) => Err(Failure::Damaged(format!("event {seq} was changed, and event {} was named", fault.seq))),
        None => Err(Failure::Damaged(format!("event {seq} was changed, and nobody noticed"))),
    }
}

/// Where to write what, so that the sale of three reads as a sale of two: no crude damage, a lie.
fn forgery(log: &dyn StoreReader, frames: &Frames) -> Result<Option<Forgery>, Failure> {
    for scanned in scan_from(log, Seq::GENESIS) {
        let scanned = scanned?;
        if claims(&scanned.event, SOLD)
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
            if event.envelope == scanned.event.envelope && claims(&event, CLAIMED) {
                return Some(Forgery { seq: scanned.seq, frame, byte: start + at, from, to });
            }
        }
    }
    None
}

/// Whether it is the sale in question, with this quantity.
fn claims(event: &Event, units: i64) -> bool {
    match &event.body {
        Body::PosDelta(PosDeltaRecorded { external_id, delta: PosMovement::Sale(lines), .. }) => {
            external_id.as_str() == FORGED && lines.iter().map(|line| line.quantity.0).sum::<i64>() == units
        }
        _ => false,
    }
}

fn cut(frames: &Frames, kept: Expected, paint: Paint, out: &mut dyn Write) -> Result<(), Failure> {
    let mut frames = frames.clone();
    frames.pop();
    writeln!(out, "\n{}", paint.bold("Attack 2. In another copy, the last event is cut off"))?;
    let cut = copy(frames)?;
    unseen_without_a_hash(cut.as_ref(), kept, "the last event was cut off", paint, out)
}

async fn rewrite(ledger: &Ledger, kept: Expected, paint: Paint, out: &mut dyn Write) -> Result<(), Failure> {
    let title = "Attack 3. Everything is written again with the forged sale, every hash computed anew";
    writeln!(out, "\n{}", paint.bold(title))?;
    let stage = Stage::at(script::instant("Mon 07:30")?);
    let disk = MemoryDisk::default();
    let parts = Parts {
        store: Box::new(MemoryStore::open(&disk)?),
        index: Arc::new(MemoryFiles::default()),
        checkpoints: Arc::new(MemoryFiles::default()),
    };
    let forged = Ledger::create_over(parts, ledger.id(), stage.options())?;
    set_up(&forged).await?;
    play(&forged, &stage, script::week()?.into_iter().map(lie).collect()).await?;
    let log = forged.log();
    unseen_without_a_hash(log.as_ref(), kept, "the history was written again", paint, out)?;
    forged.close().await?;
    Ok(())
}

/// The same step, with the sale in question told as a smaller one.
fn lie(mut step: Step) -> Step {
    if step.command["act"]["external_id"] == FORGED {
        step.command["act"]["lines"][0]["quantity"] = CLAIMED.into();
    }
    step
}

/// Shows that a log passes on its own, and fails against a receipt that somebody has kept.
fn unseen_without_a_hash(
    log: &dyn StoreReader,
    kept: Expected,
    done: &str,
    paint: Paint,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    writeln!(out, "  Without a hash that was kept elsewhere nobody can know:")?;
    let alone: Report = verify(log, Vec::new())?;
    out.write_all(verdict_text(&alone, paint).as_bytes())?;
    if let Some(exclusion) = alone.exclusions.first() {
        writeln!(out, "     {exclusion}")?;
    }
    if let Some(fault) = alone.first_fault {
        return Err(Failure::Damaged(format!("{done}, and event {} was named without a hash", fault.seq)));
    }
    writeln!(out, "  With the receipt of event {}, {}…:", kept.seq, short(kept.hash))?;
    let report = verify(log, vec![kept])?;
    out.write_all(verdict_text(&report, paint).as_bytes())?;
    match report.first_fault {
        Some(_) => Ok(()),
        None => Err(Failure::Damaged(format!("{done}, and nobody noticed"))),
    }
}

/// The frames as a log in memory.
fn copy(frames: Frames) -> Result<Arc<dyn StoreReader>, Failure> {
    Ok(MemoryStore::open(&MemoryDisk::with_frames(frames))?.reader())
}
