//! `periods`: which periods were closed.

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::names::location_of;
use crate::cli::sheet::Column;
use counterfoil::Ledger;
use counterfoil::domain::event::EventKind;
use counterfoil::domain::event::{Body, PeriodClosed, Recorded};
use counterfoil::domain::names::Names;
use counterfoil::history::EventFilter;
use counterfoil::limits::PAGE_ROWS_MAX;
use counterfoil::log::Hash;
use counterfoil::query::{Direction, Paging};
use serde_json::{Value, json};

/// List the periods that were closed, in the order in which that was done.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:\n  counterfoil periods\n  counterfoil periods --location SHOP --format csv")]
pub struct Args {
    /// Of this location only, by its code.
    #[arg(long, short = 'l', value_name = "CODE")]
    location: Option<String>,
}

const COLUMNS: &[Column] = &[
    Column::figure("seq", "event"),
    Column::text("location", "at"),
    Column::text("until", "closed up to"),
    Column::text("closed_until", "which is"),
    Column::text("recorded_at", "recorded"),
    Column::short("who", "who"),
    Column::short("reason", "reason"),
    Column::hidden("hash"),
    Column::hidden("location_id"),
];

pub async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let rows = context.with_ledger(async |ledger, _| rows(ledger, &args)).await?;
    context.list(COLUMNS, &rows)
}

fn rows(ledger: &Ledger, args: &Args) -> Result<Vec<Value>, Failure> {
    let location = args.location.as_deref().map(|code| location_of(ledger, code)).transpose()?;
    let filter = EventFilter { location, kinds: vec![EventKind::PeriodClosed], ..EventFilter::default() };
    let mut paging = Paging::first(PAGE_ROWS_MAX);
    let mut rows = Vec::new();
    loop {
        let page = ledger.history().events(&filter, Direction::Ascending, &paging)?.value;
        ledger.query(|state, _| {
            let names = Names::of(state);
            rows.extend(page.rows.iter().filter_map(|closed| row(&names, closed)));
        });
        match page.next {
            Some(next) => paging = paging.starting_after(next),
            None => return Ok(rows),
        }
    }
}

fn row(names: &Names<'_>, closed: &Recorded) -> Option<Value> {
    let Body::PeriodClosed(PeriodClosed { location, until, closed_until }) = &closed.event.body else { return None };
    let envelope = &closed.event.envelope;
    Some(json!({
        "seq": closed.seq, "location": names.code(*location), "location_id": location, "until": until, "closed_until": closed_until.to_string(),
        "recorded_at": envelope.recorded_at.to_string(), "who": envelope.actor.id, "reason": envelope.reason,
        "hash": Hash(closed.hash).to_string(),
    }))
}
