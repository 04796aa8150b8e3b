//! What the demo shows of the week, and the questions that it asks of the ledger.

use super::play::{Refused, Week};
use crate::cli::Format;
use crate::cli::failure::Failure;
use crate::cli::names::{item_of, location_of};
use crate::cli::paint::Paint;
use crate::cli::seen;
use crate::cli::sheet::{Column, Sheet};
use crate::cli::stock;
use counterfoil::api::amount;
use counterfoil::audit::Expected;
use counterfoil::domain::ids::Position;
use counterfoil::ledger::Ledger;
use counterfoil::query::{
    self, AlertFilter, EntitySort, ItemFilter, Order, Paging, ReservationFilter, ReservationSort, StockFilter, StockRow,
};
use serde_json::json;
use std::io::Write;
use std::path::Path;

/// How much there is before the first delivery.
pub fn catalogue(ledger: &Ledger, out: &mut dyn Write) -> Result<(), Failure> {
    let (filter, order) = (ItemFilter::default(), Order::ascending(EntitySort::Number));
    let items = ledger.query(|state, now| query::items(state, now, &filter, order, &Paging::first(100)))?.value;
    let next = ledger.head().next_seq;
    Ok(writeln!(out, "{} items, 3 locations, one of the items in lots: {next} events so far.\n", items.rows.len())?)
}

const STEPS: &[Column] = &[
    Column::text("time", "time"),
    Column::text("who", "who"),
    Column::text("what", "what"),
    Column::text("answer", "answer"),
];

/// The week, step by step, and what was refused.
pub fn week(week: &Week, paint: Paint, out: &mut dyn Write) -> Result<(), Failure> {
    let mut sheet = Sheet::new(STEPS, Format::Table, out);
    for told in &week.told {
        sheet.push(&json!({ "time": told.time, "who": told.who, "what": told.what, "answer": told.answer }))?;
    }
    sheet.end()?;
    writeln!(out, "\n{}", paint.bold("What was refused, and why"))?;
    for Refused { time, what, code, why } in &week.refused {
        writeln!(out, "  {time}  {what}\n             {}: {why}", paint.bad(code))?;
    }
    Ok(())
}

/// Asks them and shows the answers.
pub fn questions(ledger: &Ledger, paint: Paint, out: &mut dyn Write) -> Result<(), Failure> {
    stock(ledger, paint, out)?;
    holders(ledger, paint, out)?;
    reservations(ledger, paint, out)?;
    alerts(ledger, paint, out)
}

/// Positions with something to look at; the others are many and unremarkable.
fn stock(ledger: &Ledger, paint: Paint, out: &mut dyn Write) -> Result<(), Failure> {
    let answer = stock::all_stock(ledger, &StockFilter::default())?;
    let (seq, as_of) = (answer.seq, answer.as_of);
    let (remarkable, others): (Vec<StockRow>, Vec<StockRow>) = answer.value.into_iter().partition(is_remarkable);
    writeln!(out, "\n{} as of event {seq}, {as_of}, where there is something to look at", paint.bold("Stock"))?;
    let mut sheet = Sheet::new(stock::COLUMNS, Format::Table, out);
    remarkable.into_iter().try_for_each(|row| sheet.push(&stock::Row::of(row, seq, as_of)))?;
    sheet.end()?;
    Ok(writeln!(out, "  and {} positions where all that is there can be sold", others.len())?)
}

fn is_remarkable(row: &StockRow) -> bool {
    let StockRow { stock, reorder_point, .. } = row;
    let is_low = reorder_point.is_some_and(|point| stock.available.saturating_add(stock.inbound) <= point);
    is_low || stock.physical < 0 || [stock.unsellable, stock.reserved, stock.inbound, stock.oversold] != [0; 4]
}

const HOLDERS: &[Column] = &[
    Column::text("order", "order"),
    Column::figure("seq", "event"),
    Column::figure("open", "holds"),
    Column::figure("covered", "covered"),
    Column::figure("uncovered", "uncovered"),
];

fn holders(ledger: &Ledger, paint: Paint, out: &mut dyn Write) -> Result<(), Failure> {
    let position = Position::new(item_of(ledger, "HONEY-350")?, location_of(ledger, "SHOP")?);
    let answer = ledger.query(|state, now| query::holders(state, now, position, &Paging::default()))?;
    writeln!(out, "\n{}", paint.bold("Who holds the honey, and who will not get it"))?;
    let mut sheet = Sheet::new(HOLDERS, Format::Table, out);
    answer.value.into_iter().flat_map(|holders| holders.holders.rows).try_for_each(|holder| sheet.push(&holder))?;
    sheet.end()
}

const RESERVATIONS: &[Column] = &[
    Column::text("order", "order"),
    Column::figure("seq", "event"),
    Column::text("since", "since"),
    Column::figure("lines", "lines"),
    Column::figure("units", "units"),
];

fn reservations(ledger: &Ledger, paint: Paint, out: &mut dyn Write) -> Result<(), Failure> {
    let (filter, order) = (ReservationFilter::default(), Order::ascending(ReservationSort::Seq));
    let answer = ledger.query(|state, now| query::reservations(state, now, &filter, order, &Paging::default()))?;
    writeln!(out, "\n{}", paint.bold("Open reservations"))?;
    let mut sheet = Sheet::new(RESERVATIONS, Format::Table, out);
    for row in answer.value.rows {
        let since = row.reserved_at.to_string();
        let units = i64::try_from(row.units).unwrap_or(i64::MAX);
        sheet
            .push(&json!({ "order": row.order, "seq": row.seq, "since": since, "lines": row.lines, "units": units }))?;
    }
    sheet.end()
}

const ALERTS: &[Column] = &[
    Column::text("kind", "alert"),
    Column::text("urgency", "urgency"),
    Column::text("sku", "item"),
    Column::text("location", "at"),
    Column::figure("level", "level"),
    Column::figure("point", "point"),
    Column::text("raised", "raised by"),
];

fn alerts(ledger: &Ledger, paint: Paint, out: &mut dyn Write) -> Result<(), Failure> {
    let filter = AlertFilter::default();
    let answer = ledger.query(|state, now| query::alerts(state, now, &filter, &Paging::default()))?;
    writeln!(out, "\n{}", paint.bold("Alerts"))?;
    let mut sheet = Sheet::new(ALERTS, Format::Table, out);
    for row in &answer.value.rows {
        sheet.push(&json!({
            "kind": word(&row.kind)?,
            "urgency": word(&row.urgency)?,
            "sku": row.place.sku,
            "location": row.place.location_code,
            "level": amount(row.level, row.place.decimals),
            "point": amount(row.point, row.place.decimals),
            "raised": format!("event {}", row.raised),
        }))?;
    }
    sheet.end()
}

/// The stable name of a value, in words.
fn word(value: &impl serde::Serialize) -> Result<String, Failure> {
    let name = serde_json::to_value(value)?;
    Ok(name.as_str().unwrap_or_default().replace('_', " "))
}

/// Where the ledger is, and what to try on it.
pub fn what_next(dir: &Path, kept: Expected, paint: Paint, out: &mut dyn Write) -> Result<(), Failure> {
    let Expected { seq, hash } = kept;
    let dir = seen::path(dir);
    writeln!(out, "\n{}", paint.bold("The ledger is yours to play with"))?;
    writeln!(out, "  export COUNTERFOIL_LEDGER={dir}")?;
    writeln!(out, "  counterfoil stock --only oversold")?;
    writeln!(out, "  counterfoil reserve MUG-BLUE=2 --location SHOP --order w-9")?;
    writeln!(out, "  counterfoil reservations")?;
    writeln!(out, "  counterfoil verify --expect {seq}:{hash}")?;
    Ok(writeln!(out, "Not installed? Put `cargo run --release --` where it says `counterfoil`.")?)
}
