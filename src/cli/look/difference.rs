//! `difference`: which positions differ between two moments.

use super::Places;
use crate::cli::Format;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::moment::{self, MOMENTS};
use crate::cli::names::{NUMBERED, place_fields};
use crate::cli::sheet::Column;
use crate::cli::stock::by_sku;
use counterfoil::Ledger;
use counterfoil::api::amount;
use counterfoil::history::{AsOf, DifferenceRow, SaidMoment};
use counterfoil::query::Stock;
use serde_json::{Value, json};

/// List the positions whose stock differs between two moments.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  counterfoil difference --from 123
  counterfoil difference --from known:2026-01-31 --to known:2026-02-28 --location SHOP
  counterfoil difference --from known:2026-01-31 --to true:2026-01-31
The last one is what has become known since of the end of January.

{MOMENTS}

{NUMBERED}"))]
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
    Column::rare_text("lot", "lot"),
    Column::figure("physical_from", "physical from"),
    Column::figure("physical_to", "physical to"),
    Column::step("physical_step", "step"),
    Column::hidden("sellable_from"),
    Column::hidden("sellable_to"),
    Column::hidden("sellable_step"),
    Column::hidden("unsellable_from"),
    Column::hidden("unsellable_to"),
    Column::step("unsellable_step", "unsellable step").rarely(),
    Column::rare("reserved_from", "reserved from"),
    Column::rare("reserved_to", "reserved to"),
    Column::step("reserved_step", "step").rarely(),
    Column::figure("available_from", "available from"),
    Column::figure("available_to", "available to"),
    Column::step("available_step", "step"),
    Column::hidden("inbound_from"),
    Column::hidden("inbound_to"),
    Column::step("inbound_step", "inbound step").rarely(),
    Column::hidden("from"),
    Column::hidden("to"),
    Column::hidden("seq"),
    Column::hidden("item_id"),
    Column::hidden("location_id"),
    Column::hidden("lot_id"),
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
    /// What either moment is, for people.
    told: [String; 2],
}

pub async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let found = context.with_ledger(async |ledger, _| differences(ledger, &args)).await?;
    if context.format() == Format::Table {
        let [from, to] = &found.told;
        writeln!(context.out, "  from  {from}\n  to    {to}\n")?;
    }
    context.list(COLUMNS, &found.rows)
}

fn differences(ledger: &Ledger, args: &Args) -> Result<Differences, Failure> {
    let scope = args.places.scope(ledger)?;
    let [from, to] = [args.from, args.to].map(|said| moment::as_of(ledger, said, scope.location));
    let (from, to) = (from?, to?);
    in_order(from, to)?;
    let answer = ledger.history().difference(&scope, from, to)?;
    let mut found = answer.value;
    by_sku(ledger, &mut found, |row| &row.place);
    let around = json!({ "from": from.to_string(), "to": to.to_string(), "seq": answer.seq });
    let told = [told(ledger, from)?, told(ledger, to)?];
    Ok(Differences { rows: found.iter().map(|found| row(found, &around)).collect(), told })
}

/// Refuses moments of one sort that stand the wrong way round: every step would have the wrong sign.
fn in_order(from: AsOf, to: AsOf) -> Result<(), Failure> {
    let is_behind = match (from, to) {
        (AsOf::Seq(from), AsOf::Seq(to)) => from > to,
        (AsOf::Known(from), AsOf::Known(to)) | (AsOf::True(from), AsOf::True(to)) => from > to,
        _ => false,
    };
    match is_behind {
        true => {
            Err(Failure::Usage(format!("--from {from} is later than --to {to}: give the earlier moment as --from")))
        }
        false => Ok(()),
    }
}

/// What a moment is, for people.
fn told(ledger: &Ledger, as_of: AsOf) -> Result<String, Failure> {
    let answer = ledger.history().rests_on(as_of)?;
    moment::rests_on(ledger, as_of, answer.seq, answer.as_of)
}

fn row(found: &DifferenceRow, around: &Value) -> Value {
    let DifferenceRow { place, from, to } = found;
    let mut row = place_fields(place);
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
