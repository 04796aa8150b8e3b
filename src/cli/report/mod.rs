//! `report`: what moved, went missing, came back, lies still; over spans of time.

mod abc;
mod ageing;
mod dead_stock;
mod movement;
mod returns;
mod shrinkage;
mod turnover;

use super::context::Context;
use super::failure::Failure;
use super::look::Places;
use super::sheet::Column;
use super::{Format, look};
use clap::ValueEnum;
use counterfoil::Ledger;
use counterfoil::domain::period::{Until, UntilError};
use counterfoil::domain::quantity::decimal;
use counterfoil::query::{Answer, Scope};
use counterfoil::reports::{About, Per, Within, beginning};
use serde_json::{Map, Value, json};

/// Report what moved, went missing, came back or lies still.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  counterfoil report movement --from 2026-01-01 --until 2026-03-31
  counterfoil report movement --by period --location SHOP --format csv
  counterfoil report dead-stock --days 90

Dates are those that clocks at each location show: --from is the beginning of that day, --until the end of that day; \
with a time (2026-01-31T18:00) up to, not including, that time. Reports rest on the log alone.")]
pub struct Args {
    #[command(subcommand)]
    report: Report,
}

#[derive(Debug, clap::Subcommand)]
enum Report {
    Movement(movement::Args),
    Shrinkage(shrinkage::Args),
    Oversold(look::oversold::Args),
    Ageing(ageing::Args),
    Returns(returns::Args),
    Turnover(turnover::Args),
    Abc(abc::Args),
    DeadStock(dead_stock::Args),
}

/// Makes the report.
pub async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    match args.report {
        Report::Movement(args) => movement::run(&args, context).await,
        Report::Shrinkage(args) => shrinkage::run(&args, context).await,
        Report::Oversold(args) => look::oversold::run(args, context).await,
        Report::Ageing(args) => ageing::run(&args, context).await,
        Report::Returns(args) => returns::run(&args, context).await,
        Report::Turnover(args) => turnover::run(&args, context).await,
        Report::Abc(args) => abc::run(&args, context).await,
        Report::DeadStock(args) => dead_stock::run(&args, context).await,
    }
}

/// What a report is about.
#[derive(Clone, Debug, clap::Args)]
struct Span {
    #[command(flatten)]
    places: Places,
    /// From the beginning of this day, or this time on, by the clocks of each location.
    #[arg(long, value_name = "DATE", value_parser = from_of)]
    from: Option<Until>,
    /// To the end of this day, or up to this time.
    #[arg(long, value_name = "DATE", value_parser = until_of)]
    until: Option<Until>,
}

fn from_of(text: &str) -> Result<Until, UntilError> {
    beginning(text)
}

fn until_of(text: &str) -> Result<Until, UntilError> {
    text.parse()
}

impl Span {
    fn within(&self, ledger: &Ledger) -> Result<Within, Failure> {
        Ok(Within { from: self.from, until: self.until, ..place_of(ledger, &self.places)? })
    }
}

/// Where, without a span of time.
fn place_of(ledger: &Ledger, places: &Places) -> Result<Within, Failure> {
    let Scope { item, location, .. } = places.scope(ledger)?;
    Ok(Within { item, location, ..Within::default() })
}

/// How far figures are summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Summed {
    /// A row per lot.
    Position,
    /// A row per item and location.
    Item,
    /// A row per location; the decimals of its items must agree.
    Location,
}

impl From<Summed> for Per {
    fn from(summed: Summed) -> Self {
        match summed {
            Summed::Position => Self::Position,
            Summed::Item => Self::Item,
            Summed::Location => Self::Location,
        }
    }
}

/// A figure as programs get it: a whole number, or an exact decimal as text where the item has decimals.
fn figure(units: i128, decimals: u8) -> Value {
    match (decimals, i64::try_from(units)) {
        (0, Ok(units)) => Value::from(units),
        _ => Value::from(decimal(units, decimals)),
    }
}

/// A row: what it is about, then what the report says of it.
fn row_of<const N: usize>(about: &About, said: [(&str, Value); N]) -> Map<String, Value> {
    let about = [
        ("sku", json!(about.sku)),
        ("location", json!(about.location_code)),
        ("lot", json!(about.lot_code)),
        ("item_id", json!(about.item)),
        ("location_id", json!(about.location)),
        ("lot_id", json!(about.lot)),
    ];
    about.into_iter().chain(said).map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Shows rows, each with the event that the report rests on.
fn show(
    context: &mut Context<'_>,
    columns: &'static [Column],
    rows: Answer<impl Iterator<Item = Map<String, Value>>>,
) -> Result<(), Failure> {
    let Answer { seq, as_of, value } = rows;
    let mut sheet = context.sheet(columns);
    for mut row in value {
        row.insert("seq".to_owned(), json!(seq));
        row.insert("as_of".to_owned(), as_of.to_string().into());
        sheet.push(&row)?;
    }
    sheet.end()?;
    match context.format() {
        Format::Table => Ok(writeln!(context.out, "\n  as of event {seq}, {as_of}")?),
        Format::Json | Format::Csv => Ok(()),
    }
}
