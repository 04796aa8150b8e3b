//! `events`: a range of the history.

use super::context::Context;
use super::failure::Failure;
use super::sheet::Column;
use counterfoil::audit::{Readable, readable};
use counterfoil::domain::ids::Seq;
use counterfoil::log::{Hash, Scanned, scan_from};
use serde_json::{Value, json};

/// List events in order.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  counterfoil events --ledger shop --from 40 --limit 10
  counterfoil events --ledger shop --kind adjusted --kind counted --format csv

Events can't be followed live from here: one process owns a ledger. A program that has it open does that with
Ledger::subscribe.")]
pub struct Args {
    /// The first event.
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    from: u64,
    /// The last event.
    #[arg(long, value_name = "SEQ", default_value_t = u64::MAX, hide_default_value = true)]
    until: u64,
    /// Events of this kind only, such as `reserved`; may be given more than once.
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// At most this many.
    #[arg(long, value_name = "COUNT", default_value_t = u64::MAX, hide_default_value = true)]
    limit: u64,
}

const COLUMNS: &[Column] = &[
    Column::figure("seq", "event"),
    Column::text("recorded_at", "recorded"),
    Column::text("kind", "kind"),
    Column::text("who", "who"),
    Column::text("order", "order"),
    Column::text("reason", "reason"),
    Column::text("short_hash", "hash"),
    Column::hidden("hash"),
];

/// Reads and shows them.
pub fn run(args: &Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let (_store, reader) = context.log()?;
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let is_json = context.format() == super::Format::Json;
    let mut sheet = context.sheet(COLUMNS);
    let mut shown = 0;
    for scanned in scan_from(reader.as_ref(), Seq(args.from)) {
        let scanned = scanned?;
        if scanned.seq.0 > args.until || shown >= limit {
            break;
        }
        if !is_wanted(&scanned, &args.kind) {
            continue;
        }
        shown += 1;
        sheet.push(&if is_json { whole(&scanned)? } else { overview(&scanned) })?;
    }
    sheet.end()
}

fn is_wanted(scanned: &Scanned, kinds: &[String]) -> bool {
    kinds.is_empty() || kinds.iter().any(|kind| kind == readable::kind(&scanned.event.body))
}

/// An event with all its fields.
pub fn whole(scanned: &Scanned) -> Result<Value, Failure> {
    let mut row = json!({ "seq": scanned.seq });
    let fields = serde_json::to_value(Readable(&scanned.event))?;
    if let (Value::Object(row), Value::Object(fields)) = (&mut row, fields) {
        row.extend(fields);
        row.insert("hash".to_owned(), scanned.hash.to_string().into());
    }
    Ok(row)
}

fn overview(scanned: &Scanned) -> Value {
    let envelope = &scanned.event.envelope;
    json!({
        "seq": scanned.seq,
        "recorded_at": envelope.recorded_at.to_string(),
        "kind": readable::kind(&scanned.event.body),
        "who": envelope.actor.id,
        "order": envelope.order,
        "reason": envelope.reason,
        "short_hash": short(scanned.hash),
        "hash": scanned.hash.to_string(),
    })
}

/// The beginning of a hash, enough to tell it from another one at sight.
pub fn short(hash: Hash) -> String {
    hash.to_string().chars().take(12).collect()
}
