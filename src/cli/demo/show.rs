//! The questions that the demo asks of the ledger.

use crate::cli::Format;
use crate::cli::failure::Failure;
use crate::cli::names::{item_of, location_of};
use crate::cli::paint::Paint;
use crate::cli::sheet::{Column, Sheet};
use crate::cli::stock::{self, amount};
use counterfoil::domain::ids::Position;
use counterfoil::domain::quantity::decimal;
use counterfoil::domain::text::AliasText;
use counterfoil::ledger::Ledger;
use counterfoil::query::{self, AlertFilter, Paging, Scope, StockFilter};
use serde_json::json;
use std::io::Write;

/// Asks them and shows the answers.
pub fn questions(ledger: &Ledger, paint: Paint, out: &mut dyn Write) -> Result<(), Failure> {
    stock(ledger, paint, out)?;
    holders(ledger, paint, out)?;
    negative(ledger, paint, out)?;
    alerts(ledger, paint, out)
}

fn stock(ledger: &Ledger, paint: Paint, out: &mut dyn Write) -> Result<(), Failure> {
    let answer = stock::all_stock(ledger, &StockFilter::default())?;
    let (seq, as_of) = (answer.seq, answer.as_of);
    writeln!(out, "\n{} as of event {seq}, {as_of}", paint.bold("Stock"))?;
    let mut sheet = Sheet::new(stock::COLUMNS, Format::Table, out);
    answer.value.into_iter().try_for_each(|row| sheet.push(&stock::Row::of(row, seq, as_of)))?;
    sheet.end()
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

fn negative(ledger: &Ledger, paint: Paint, out: &mut dyn Write) -> Result<(), Failure> {
    let answer =
        ledger.query(|state, now| query::negative_physical(state, now, &Scope::default(), &Paging::default()))?;
    writeln!(out, "\n{}", paint.bold("Less than nothing: a receipt that nobody recorded"))?;
    for row in &answer.value.rows {
        let physical = decimal(i128::from(row.stock.physical), row.place.decimals);
        let (sku, at) = (name(row.place.sku.as_ref()), name(row.place.location_code.as_ref()));
        writeln!(out, "  {sku} at {at}: {physical}")?;
    }
    Ok(())
}

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

const ALERTS: &[Column] = &[
    Column::text("kind", "alert"),
    Column::text("urgency", "urgency"),
    Column::text("sku", "item"),
    Column::text("location", "at"),
    Column::figure("level", "level"),
    Column::figure("point", "point"),
    Column::text("raised", "raised by"),
];

/// A name that may be missing.
fn name(text: Option<&AliasText>) -> &str {
    text.map_or("", AliasText::as_str)
}

/// The stable name of a value, in words.
fn word(value: &impl serde::Serialize) -> Result<String, Failure> {
    let name = serde_json::to_value(value)?;
    Ok(name.as_str().unwrap_or_default().replace('_', " "))
}
