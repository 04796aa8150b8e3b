//! `difference`: which positions differ between two moments.

use super::Places;
use crate::cli::Format;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::moment::{self, MOMENTS};
use crate::cli::sheet::Column;
use counterfoil::Ledger;
use counterfoil::history::{AsOf, DifferenceRow, SaidMoment};
use counterfoil::named::amount;
use counterfoil::query::Stock;
use serde_json::{Map, Value, json};

/// List the positions whose stock differs between two moments.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  counterfoil difference --from 123
  counterfoil difference --from known:2026-01-31 --to known:2026-02-28 --location SHOP
  counterfoil difference --from known:2026-01-31 --to true:2026-01-31
The last one is what has become known since of the end of January.

{MOMENTS}"))]
pub struct Args {
    /// The first moment, see below.
    #[arg(long, value_name = "MOMENT")]
    from: SaidMoment,
    /// The second moment.
    #[arg(long, value_name = "MOMENT", default_value = "now")]
    to: SaidMoment,
    #[command(flatten)]
    places: Places,
}

const COLUMNS: &[Column] = &[
    Column::text("sku", "item"),
    Column::text("location", "at"),
    Column::text("lot", "lot"),
    Column::figure("physical_from", "physical"),
    Column::figure("physical_to", "then"),
    Column::step("physical_step", "step"),
    Column::hidden("sellable_from"),
    Column::hidden("sellable_to"),
    Column::hidden("sellable_step"),
    Column::hidden("unsellable_from"),
    Column::hidden("unsellable_to"),
    Column::step("unsellable_step", "unsellable"),
    Column::quiet("reserved_from", "reserved"),
    Column::quiet("reserved_to", "then"),
    Column::step("reserved_step", "step"),
    Column::figure("available_from", "available"),
    Column::figure("available_to", "then"),
    Column::step("available_step", "step"),
    Column::hidden("inbound_from"),
    Column::hidden("inbound_to"),
    Column::step("inbound_step", "inbound"),
    Column::hidden("from"),
    Column::hidden("to"),
    Column::hidden("seq"),
];

/// What there is in stock, by name.
type Figure = (&'static str, fn(&Stock) -> i64);

const FIGURES: &[Figure] = &[
    ("physical", |stock| stock.physical),
    ("sellable", |stock| stock.sellable),
    ("unsellable", |stock| stock.unsellable),
    ("reserved", |stock| stock.reserved),
    ("available", |stock| stock.available),
    ("inbound", |stock| stock.inbound),
];

struct Differences {
    rows: Vec<Value>,
    from: AsOf,
    to: AsOf,
}

pub async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let found = context.with_ledger(async |ledger, _| differences(ledger, &args)).await?;
    context.list(COLUMNS, &found.rows)?;
    match context.format() {
        Format::Table => Ok(writeln!(context.out, "\n  from {} to {}", found.from, found.to)?),
        Format::Json | Format::Csv => Ok(()),
    }
}

fn differences(ledger: &Ledger, args: &Args) -> Result<Differences, Failure> {
    let scope = args.places.scope(ledger)?;
    let [from, to] = [args.from, args.to].map(|said| moment::as_of(ledger, said, scope.location));
    let (from, to) = (from?, to?);
    let answer = ledger.history().difference(&scope, from, to)?;
    let mut found = answer.value;
    found.sort_by(|one, other| {
        let key = |row: &DifferenceRow| (row.place.sku.clone(), row.place.position());
        key(one).cmp(&key(other))
    });
    let around = json!({ "from": from.to_string(), "to": to.to_string(), "seq": answer.seq });
    Ok(Differences { rows: found.iter().map(|found| row(found, &around)).collect(), from, to })
}

fn row(found: &DifferenceRow, around: &Value) -> Value {
    let DifferenceRow { place, from, to } = found;
    let mut row = Map::new();
    row.insert("sku".to_owned(), json!(place.sku));
    row.insert("location".to_owned(), json!(place.location_code));
    row.insert("lot".to_owned(), json!(place.lot_code));
    for (name, of) in FIGURES {
        let (before, after) = (of(from), of(to));
        let told = [("from", before), ("to", after), ("step", after.saturating_sub(before))];
        for (side, units) in told {
            row.insert(format!("{name}_{side}"), amount(units, place.decimals));
        }
    }
    row.extend(around.as_object().cloned().unwrap_or_default());
    Value::Object(row)
}
