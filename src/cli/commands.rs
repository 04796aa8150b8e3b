//! The commands that look at a ledger's directory.

use super::Format;
use super::failure::Failure;
use super::paint::Paint;
use super::table::{Side, Table};
use counterfoil::audit::{self, Expected, Options, Readable, Report, readable};
use counterfoil::domain::command::{Alias, AliasKind};
use counterfoil::domain::ids::{ItemId, LocationId, Seq};
use counterfoil::domain::quantity::decimal;
use counterfoil::domain::text::AliasText;
use counterfoil::ledger::{Ledger, Options as LedgerOptions};
use counterfoil::limits::PAGE_ROWS_MAX;
use counterfoil::log::sled_store::SledOptions;
use counterfoil::log::{Hash, Head, Scanned, SledStore, Store, StoreReader, recover, scan_from};
use counterfoil::query::{self, Answer, Named, Only, Order, Paging, Scope, StockFilter, StockRow, StockSort};
use serde::Serialize;
use serde_json::json;
use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

/// The log of a ledger that is not opened for writing: verification must also reach one that can't be opened.
///
/// The store comes along because it holds the directory's lock.
fn log_of(dir: &Path) -> Result<(SledStore, Arc<dyn StoreReader>), Failure> {
    let store = SledStore::open(dir, SledOptions::default())?;
    let reader = store.reader();
    Ok((store, reader))
}

/// `init`: an empty ledger.
pub async fn init(dir: &Path, format: Format, out: &mut dyn Write) -> Result<(), Failure> {
    let ledger = Ledger::create(dir, LedgerOptions::default())?;
    let (id, head) = (ledger.id(), ledger.head());
    ledger.close().await?;
    match format {
        Format::Json => json_line(out, &json!({ "ledger": id, "seq": 0, "hash": head.hash.to_string() })),
        Format::Table => {
            Ok(writeln!(out, "made ledger {id} in {}\nevent 0 has the hash {}", dir.display(), head.hash)?)
        }
    }
}

fn json_line(out: &mut dyn Write, value: &impl Serialize) -> Result<(), Failure> {
    serde_json::to_writer(&mut *out, value)?;
    Ok(out.write_all(b"\n")?)
}

/// `verify`: everything, trusting nothing but the hashes given.
pub fn verify(dir: &Path, expected: Vec<Expected>, format: Format, out: &mut dyn Write) -> Result<(), Failure> {
    let (_store, reader) = log_of(dir)?;
    let shown = std::io::stderr().is_terminal();
    let mut progress = |at: audit::verify::Progress| eprint!("\r{} of {} events", at.events, at.of);
    let progress: Option<&mut dyn FnMut(audit::verify::Progress)> = shown.then_some(&mut progress);
    let report = audit::verify(reader.as_ref(), Options { expected, progress, ..Options::default() })?;
    if shown {
        eprint!("\r\u{1b}[K");
    }
    match format {
        Format::Json => json_line(out, &report)?,
        Format::Table => show_report(&report, Paint::of_stdout(), out)?,
    }
    match &report.first_fault {
        Some(fault) => Err(Failure::Damaged(format!("the log is damaged at event {}: {}", fault.seq, fault.what))),
        None => Ok(()),
    }
}

/// A verification for people: the verdict, the head, and what can't be excluded.
pub fn show_report(report: &Report, paint: Paint, out: &mut dyn Write) -> Result<(), Failure> {
    show_verdict(report, paint, out)?;
    if let Some(head) = &report.head {
        writeln!(out, "     head: event {} with the hash {}", head.seq, head.hash)?;
    }
    if let Some(tail) = &report.dropped_tail {
        writeln!(out, "     {} bytes behind the last commit mark were never acknowledged", tail.bytes)?;
    }
    for exclusion in &report.exclusions {
        writeln!(out, "     {}", paint.dim(&format!("not excluded: {exclusion}")))?;
    }
    Ok(())
}

/// Whether a log is right, and where it is not.
pub fn show_verdict(report: &Report, paint: Paint, out: &mut dyn Write) -> Result<(), Failure> {
    match &report.first_fault {
        None => writeln!(
            out,
            "  {} {} events and the sums of {} items are right: format, chain, ids, every rule",
            paint.good("ok"),
            report.events,
            report.items
        )?,
        Some(fault) => {
            writeln!(out, "  {} event {} breaks the rule `{}`", paint.bad("WRONG"), fault.seq, fault.rule)?;
            writeln!(out, "     {}", fault.what)?;
            writeln!(out, "     the {} events before it are right", report.events)?;
        }
    }
    Ok(())
}

/// Which stock is wanted.
#[derive(Debug)]
pub struct Wanted {
    pub sku: Option<String>,
    pub location: Option<String>,
    pub only: Option<Only>,
}

/// `stock`: positions, by item and location.
pub async fn stock(dir: &Path, wanted: &Wanted, format: Format, out: &mut dyn Write) -> Result<(), Failure> {
    let ledger = Ledger::open(dir, LedgerOptions::default())?;
    let answer = stock_rows(&ledger, wanted);
    ledger.close().await?;
    let answer = answer?;
    match format {
        Format::Json => json_line(out, &answer),
        Format::Table => {
            stock_table(&answer.value).print(out)?;
            Ok(writeln!(out, "  as of event {}, {}", answer.seq, answer.as_of)?)
        }
    }
}

fn stock_rows(ledger: &Ledger, wanted: &Wanted) -> Result<Answer<Vec<StockRow>>, Failure> {
    let item = wanted.sku.as_deref().map(|sku| item_of(ledger, sku)).transpose()?;
    let location = wanted.location.as_deref().map(|code| location_of(ledger, code)).transpose()?;
    let filter = StockFilter { scope: Scope { item, location, ..Scope::default() }, only: wanted.only };
    let order = Order::ascending(StockSort::Sku);
    let mut paging = Paging::first(PAGE_ROWS_MAX);
    let mut rows = Vec::new();
    loop {
        let answer = ledger.query(|state, now| query::stock_list(state, now, &filter, order, &paging))?;
        let (seq, as_of, page) = (answer.seq, answer.as_of, answer.value);
        rows.extend(page.rows);
        match page.next {
            Some(next) => paging = paging.starting_after(next),
            None => {
                return Ok(Answer { seq, as_of, value: rows });
            }
        }
    }
}

/// The item that a SKU names.
pub fn item_of(ledger: &Ledger, sku: &str) -> Result<ItemId, Failure> {
    match named(ledger, AliasKind::Sku, sku)? {
        Some(Named::Item(item)) => Ok(item.item),
        _ => Err(Failure::Refused(format!("no item has the SKU {sku:?}; case matters"))),
    }
}

/// The location that a code names.
pub fn location_of(ledger: &Ledger, code: &str) -> Result<LocationId, Failure> {
    match named(ledger, AliasKind::Location, code)? {
        Some(Named::Location(location)) => Ok(location.location),
        _ => Err(Failure::Refused(format!("no location has the code {code:?}; case matters"))),
    }
}

/// What an alias names.
pub fn named(ledger: &Ledger, kind: AliasKind, text: &str) -> Result<Option<Named>, Failure> {
    let alias = Alias { kind, text: AliasText::new(text)? };
    Ok(ledger.query(|state, now| query::by_alias(state, now, &alias)).value)
}

/// Stock for people.
pub fn stock_table(rows: &[StockRow]) -> Table {
    let mut table = Table::new(&[
        ("item", Side::Left),
        ("at", Side::Left),
        ("lot", Side::Left),
        ("physical", Side::Right),
        ("unsellable", Side::Right),
        ("reserved", Side::Right),
        ("available", Side::Right),
        ("inbound", Side::Right),
        ("oversold", Side::Right),
    ]);
    for StockRow { place, stock, .. } in rows {
        let figure = |units: i64| match units {
            0 => "·".to_owned(),
            units => decimal(i128::from(units), place.decimals),
        };
        table.row([
            name(place.sku.as_ref()),
            name(place.location_code.as_ref()),
            name(place.lot_code.as_ref()),
            decimal(i128::from(stock.physical), place.decimals),
            figure(stock.unsellable),
            figure(stock.reserved),
            decimal(i128::from(stock.available), place.decimals),
            figure(stock.inbound),
            figure(stock.oversold),
        ]);
    }
    table
}

/// A name that may be missing.
pub fn name(text: Option<&AliasText>) -> String {
    text.map_or_else(String::new, AliasText::to_string)
}

/// `export`: JSON Lines for a stranger.
pub fn export(dir: &Path, file: Option<&Path>, out: &mut dyn Write) -> Result<(), Failure> {
    let (_store, reader) = log_of(dir)?;
    let Some(path) = file else {
        audit::export(reader.as_ref(), out, |_| {})?;
        return Ok(());
    };
    let made = File::create_new(path);
    let made = made.map_err(|error| Failure::Refused(format!("{} can't be made: {error}", path.display())))?;
    let mut writer = BufWriter::new(made);
    let head = audit::export(reader.as_ref(), &mut writer, |_| {})?;
    writer.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    Ok(writeln!(out, "{} events are in {}", head.next_seq, path.display())?)
}

#[derive(Serialize)]
struct EventLine<'a> {
    seq: Seq,
    #[serde(flatten)]
    event: Readable<'a>,
    hash: String,
}

/// `events`: a range of the history.
pub fn events(dir: &Path, from: Seq, limit: u64, format: Format, out: &mut dyn Write) -> Result<(), Failure> {
    let (_store, reader) = log_of(dir)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut table = Table::new(&[
        ("event", Side::Right),
        ("recorded", Side::Left),
        ("kind", Side::Left),
        ("who", Side::Left),
        ("order", Side::Left),
        ("reason", Side::Left),
        ("hash", Side::Left),
    ]);
    for scanned in scan_from(reader.as_ref(), from).take(limit) {
        let scanned = scanned?;
        match format {
            Format::Json => {
                let (seq, hash) = (scanned.seq, scanned.hash.to_string());
                json_line(out, &EventLine { seq, event: Readable(&scanned.event), hash })?;
            }
            Format::Table => table.row(event_row(&scanned)),
        }
    }
    match format {
        Format::Json => Ok(()),
        Format::Table => Ok(table.print(out)?),
    }
}

fn event_row(scanned: &Scanned) -> [String; 7] {
    let envelope = &scanned.event.envelope;
    [
        scanned.seq.to_string(),
        envelope.recorded_at.to_string(),
        readable::kind(&scanned.event.body).to_owned(),
        envelope.actor.id.to_string(),
        envelope.order.as_ref().map_or_else(String::new, ToString::to_string),
        envelope.reason.as_ref().map_or_else(String::new, ToString::to_string),
        short(scanned.hash),
    ]
}

/// The beginning of a hash, enough to tell it from another one at sight.
pub fn short(hash: Hash) -> String {
    hash.to_string().chars().take(12).collect()
}

/// `head`: the last event and its hash.
pub fn head(dir: &Path, format: Format, out: &mut dyn Write) -> Result<(), Failure> {
    let (_store, reader) = log_of(dir)?;
    let head = recover(reader.as_ref(), Head::EMPTY)?.head;
    let Some(last) = head.next_seq.0.checked_sub(1) else {
        return Err(Failure::Damaged("the log has no events, not even a genesis event".to_owned()));
    };
    match format {
        Format::Json => json_line(out, &json!({ "seq": last, "hash": head.hash.to_string() })),
        Format::Table => Ok(writeln!(out, "{last}:{}", head.hash)?),
    }
}
