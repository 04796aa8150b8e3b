//! `info`: what a ledger is, and how it is.

use super::context::Context;
use super::failure::Failure;
use counterfoil::domain::ids::{LedgerId, Seq, Timestamp};
use counterfoil::ledger::{Health, Ledger, Mode};
use counterfoil::limits::FORMAT_VERSION;
use counterfoil::log::read_event;
use serde::Serialize;
use std::path::Path;

/// Show what the ledger is and how it is: age, head, sizes on disk, free space.
#[derive(Debug, clap::Args)]
#[command(visible_alias = "health", after_help = "Example:\n  counterfoil info --ledger shop --format json")]
pub struct Args {}

/// An index that is larger is not read: that would take longer than a look may.
const INDEX_READ_BYTES_MAX: u64 = 32 << 20;

#[derive(Serialize)]
struct Info {
    ledger: LedgerId,
    created_at: String,
    recorded_at: String,
    events: Seq,
    hash: String,
    format: u16,
    rules: u16,
    mode: &'static str,
    why: Option<String>,
    items: usize,
    locations: usize,
    lots: usize,
    indexed: Seq,
    checkpointed: Seq,
    log_bytes: u64,
    index_bytes: u64,
    /// Whether all of the index was read; one that is large is not, which would take long.
    index_read: bool,
    /// What was wrong with the index, as far as it was read, so that it is built again; or why it is no longer written.
    index_damage: Option<String>,
    checkpoint_bytes: u64,
    free_bytes: Option<u64>,
}

/// Looks and shows.
pub async fn run(_: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let dir = context.dir()?;
    let info = context.with_ledger(async |ledger, _| look(ledger, &dir)).await?;
    context.object(&info, |_| info_text(&info))
}

fn look(ledger: &Ledger, dir: &Path) -> Result<Info, Failure> {
    let Health { mode, indexed, checkpointed, follower_failure, .. } = ledger.health();
    let created_at = read_event(ledger.log().as_ref(), Seq::GENESIS)?.map(|first| first.event.envelope.recorded_at);
    let (rules, recorded_at, counts) =
        ledger.query(|state, _| (state.rules(), state.recorded_at(), state.entity_counts()));
    let head = ledger.head();
    let (mode, why) = match mode {
        Mode::Writing => ("writing", None),
        Mode::ReadOnly(reason) => ("read_only", Some(reason.to_string())),
        Mode::Latched => ("latched", Some("an earlier write failed: open the ledger again".to_owned())),
    };
    let derived = dir.join("derived");
    let index_bytes = bytes_below(&derived.join("index"));
    let index_read = index_bytes <= INDEX_READ_BYTES_MAX;
    let read = index_read.then(|| ledger.read_index().err()).flatten().map(|error| error.to_string());
    let damage = read.or_else(|| ledger.health().rebuild.map(|rebuild| rebuild.damage));
    Ok(Info {
        ledger: ledger.id(),
        created_at: created_at.as_ref().map(Timestamp::to_string).unwrap_or_default(),
        recorded_at: recorded_at.to_string(),
        events: head.next_seq,
        hash: head.hash.to_string(),
        format: FORMAT_VERSION,
        rules,
        mode,
        why,
        items: counts.0,
        locations: counts.1,
        lots: counts.2,
        indexed,
        checkpointed,
        log_bytes: bytes_below(&dir.join("log")),
        index_bytes,
        index_read,
        index_damage: damage.or(follower_failure),
        checkpoint_bytes: bytes_below(&derived.join("checkpoints")),
        free_bytes: rustix::fs::statvfs(dir).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
    })
}

/// Bytes of the files below a directory; what can't be looked at counts for nothing.
fn bytes_below(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

fn info_text(info: &Info) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<13} {value}\n"));
    let mebibytes = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
    line("ledger", info.ledger.to_string());
    line("created", info.created_at.clone());
    line("last event", format!("{}, {}", info.events.0.saturating_sub(1), info.recorded_at));
    line("hash", info.hash.clone());
    line("format", format!("{}, rules {}", info.format, info.rules));
    line("mode", info.why.clone().unwrap_or_else(|| info.mode.to_owned()));
    line("registered", format!("{} items, {} locations, {} lots", info.items, info.locations, info.lots));
    line("indexed", format!("{} of {} events", info.indexed, info.events));
    line("checkpointed", format!("{} of {} events", info.checkpointed, info.events));
    line("log", mebibytes(info.log_bytes));
    let index = mebibytes(info.index_bytes);
    line(
        "index",
        match (&info.index_damage, info.index_read) {
            (Some(damage), _) => format!("{index}, DAMAGED: {damage}"),
            (None, true) => format!("{index}, all of it can be read"),
            (None, false) => format!("{index}; to hold it against the log: counterfoil replay"),
        },
    );
    line("checkpoints", mebibytes(info.checkpoint_bytes));
    line("free", info.free_bytes.map_or("unknown".to_owned(), mebibytes));
    text
}
