//! The questions that the demo asks of the ledger.

use crate::cli::commands::{item_of, location_of, name, stock_table};
use crate::cli::failure::Failure;
use crate::cli::paint::Paint;
use crate::cli::table::{Side, Table};
use counterfoil::domain::ids::Position;
use counterfoil::domain::quantity::decimal;
use counterfoil::ledger::Ledger;
use counterfoil::query::{self, AlertFilter, Order, Paging, Scope, StockFilter, StockSort};
use std::io::Write;

/// Asks them and shows the answers.
pub fn questions(ledger: &Ledger, paint: Paint, out: &mut dyn Write) -> Result<(), Failure> {
    stock(ledger, paint, out)?;
    holders(ledger, paint, out)?;
    negative(ledger, paint, out)?;
    alerts(ledger, paint, out)
}

fn stock(ledger: &Ledger, paint: Paint, out: &mut dyn Write) -> Result<(), Failure> {
    let (filter, order) = (StockFilter::default(), Order::ascending(StockSort::Sku));
    let answer = ledger.query(|state, now| query::stock_list(state, now, &filter, order, &Paging::default()))?;
    writeln!(out, "\n{} as of event {}, {}", paint.bold("Stock"), answer.seq, answer.as_of)?;
    Ok(stock_table(&answer.value.rows).print(out)?)
}

fn holders(ledger: &Ledger, paint: Paint, out: &mut dyn Write) -> Result<(), Failure> {
    let position = Position::new(item_of(ledger, "HONEY-350")?, location_of(ledger, "SHOP")?);
    let answer = ledger.query(|state, now| query::holders(state, now, position, &Paging::default()))?;
    let mut table = Table::new(&[
        ("order", Side::Left),
        ("event", Side::Right),
        ("holds", Side::Right),
        ("covered", Side::Right),
        ("uncovered", Side::Right),
    ]);
    for holder in answer.value.into_iter().flat_map(|holders| holders.holders.rows) {
        table.row([
            holder.order.map_or_else(String::new, |order| order.to_string()),
            holder.seq.to_string(),
            holder.open.to_string(),
            holder.covered.to_string(),
            holder.uncovered.to_string(),
        ]);
    }
    writeln!(out, "\n{}", paint.bold("Who holds the honey, and who will not get it"))?;
    Ok(table.print(out)?)
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
    let mut table = Table::new(&[
        ("alert", Side::Left),
        ("urgency", Side::Left),
        ("item", Side::Left),
        ("at", Side::Left),
        ("level", Side::Right),
        ("point", Side::Right),
        ("raised by", Side::Left),
    ]);
    for row in &answer.value.rows {
        table.row([
            word(&row.kind)?,
            word(&row.urgency)?,
            name(row.place.sku.as_ref()),
            name(row.place.location_code.as_ref()),
            decimal(i128::from(row.level), row.place.decimals),
            decimal(i128::from(row.point), row.place.decimals),
            format!("event {}", row.raised),
        ]);
    }
    writeln!(out, "\n{}", paint.bold("Alerts"))?;
    Ok(table.print(out)?)
}

/// The stable name of a value, in words.
fn word(value: &impl serde::Serialize) -> Result<String, Failure> {
    let name = serde_json::to_value(value)?;
    Ok(name.as_str().unwrap_or_default().replace('_', " "))
}
