//! `replay`: the whole log folded again from its start.

use super::Format;
use super::context::Context;
use super::failure::Failure;
use super::progress::Progress;
use super::stock::{COLUMNS, Row};
use counterfoil::audit;
use counterfoil::domain::ids::Seq;
use counterfoil::domain::state::State;
use counterfoil::ledger::{DerivedError, Ledger};
use counterfoil::limits::PAGE_ROWS_MAX;
use counterfoil::query::{self, Order, Paging, StockFilter, StockRow, StockSort};
use serde_json::json;

/// Fold the whole log again and compare all that is derived; or show old stock.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  counterfoil replay --ledger shop
  counterfoil replay --ledger shop --until 40 --format csv

What is derived from the log can be deleted at any time (DIR/derived, while nobody has the ledger open) and comes back
equal. Rules are not checked here: see `verify`.")]
pub struct Args {
    /// Fold up to this event, itself included, and show the stock then: what was known when it was recorded.
    #[arg(long, value_name = "SEQ")]
    until: Option<u64>,
}

/// Folds and shows.
pub async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    match args.until {
        Some(until) => stock_at(Seq(until), context),
        None => compare(context).await,
    }
}

async fn compare(context: &mut Context<'_>) -> Result<(), Failure> {
    let (found, head) = context.with_ledger(async |ledger, _| compared(ledger)).await?;
    let (events, checkpoints, indexed) = (found.events, found.checkpoints, found.indexed);
    let shown = json!({
        "ok": true, "events": events, "checkpoints": checkpoints, "indexed": indexed, "hash": head.hash.to_string(),
    });
    context.object(&shown, |paint| {
        let ok = paint.good("ok");
        format!(
            "  {ok} {events} events were folded again: the state is the same\n     {checkpoints} checkpoints and the \
             index of {indexed} events are what the log says\n"
        )
    })
}

fn compared(ledger: &Ledger) -> Result<(counterfoil::ledger::Derived, counterfoil::Head), Failure> {
    let head = ledger.head();
    let bar = Progress::of_events("replaying");
    Ok((ledger.verify_derived_with(|events| bar.set(events, head.next_seq.0))?, head))
}

impl From<DerivedError> for Failure {
    fn from(error: DerivedError) -> Self {
        match error {
            DerivedError::Log(fault) => fault.into(),
            DerivedError::StateDiffers { .. }
            | DerivedError::CheckpointDiffers { .. }
            | DerivedError::IndexDiffers { .. } => Self::Damaged(format!(
                "{error}; the log is not concerned: close the ledger, delete its directory `derived`, and it is built again"
            )),
            _ => Self::Unable(error.to_string()),
        }
    }
}

fn stock_at(until: Seq, context: &mut Context<'_>) -> Result<(), Failure> {
    let (_store, reader) = context.log()?;
    let bar = Progress::of_events("replaying");
    let end = Seq(until.0.saturating_add(1));
    let state = audit::replay(reader.as_ref(), Some(end), |events| bar.set(events, end.0))?;
    drop(bar);
    if state.next_seq() < end {
        let events = state.next_seq();
        return Err(Failure::Refused(format!(
            "the log holds {events} events from 0 on, there is no event {until} yet"
        )));
    }
    let as_of = state.recorded_at();
    context.list(COLUMNS, all_stock(&state)?.into_iter().map(|row| Row::of(row, until, as_of)))?;
    match context.format() {
        Format::Table => Ok(writeln!(context.out, "\n  as of event {until}, {as_of}")?),
        Format::Json | Format::Csv => Ok(()),
    }
}

/// Every page of stock, by SKU.
fn all_stock(state: &State) -> Result<Vec<StockRow>, Failure> {
    let (filter, order) = (StockFilter::default(), Order::ascending(StockSort::Sku));
    let mut paging = Paging::first(PAGE_ROWS_MAX);
    let mut rows = Vec::new();
    loop {
        let page = query::stock_list(state, state.recorded_at(), &filter, order, &paging)?.value;
        rows.extend(page.rows);
        match page.next {
            Some(next) => paging = paging.starting_after(next),
            None => return Ok(rows),
        }
    }
}
