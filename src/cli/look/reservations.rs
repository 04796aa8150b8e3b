//! `reservations`: what is held, and one of them.

use super::{Places, all};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::names::placed;
use crate::cli::sheet::Column;
use counterfoil::api::{amount, instant_of};
use counterfoil::domain::text::OrderRef;
use counterfoil::query::{self, Order, ReservationFilter, ReservationSort, ReservationView};
use counterfoil::{CommandId, Ledger, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

/// List open reservations, oldest first; or show one.
#[derive(Clone, Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  counterfoil reservations
  counterfoil reservations --order A-1001
  counterfoil reservations --sku MUG-BLUE --location SHOP --lapsing-before 2026-03-01T18:00:00Z
  counterfoil reservations show 018f2b6e-7c1a-7d3e-9a4b-0123456789ab"
)]
pub struct Args {
    #[command(subcommand)]
    task: Option<Task>,
    #[command(flatten)]
    places: Places,
    /// For this order only.
    #[arg(long)]
    order: Option<String>,
    /// That lapse before this instant, with time zone.
    #[arg(long, value_name = "TIME", value_parser = instant_of)]
    lapsing_before: Option<Timestamp>,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Task {
    /// Show what one reservation holds, and what of it stock covers.
    Show {
        /// The reservation's id.
        #[arg(value_name = "RESERVATION")]
        reservation: Uuid,
    },
}

const COLUMNS: &[Column] = &[
    Column::text("reservation", "reservation"),
    Column::short("order", "order"),
    Column::text("sku", "item"),
    Column::text("location", "at"),
    Column::text("lot", "lot"),
    Column::figure("open", "open"),
    Column::quiet("uncovered", "uncovered"),
    Column::text("deadline", "until"),
    Column::hidden("covered"),
    Column::hidden("reserved_at"),
    Column::hidden("seq"),
    Column::hidden("item_id"),
    Column::hidden("location_id"),
    Column::hidden("lot_id"),
];

pub async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let rows = context.with_ledger(async |ledger, _| rows(ledger, &args)).await?;
    context.list(COLUMNS, &rows)
}

fn rows(ledger: &Ledger, args: &Args) -> Result<Vec<Value>, Failure> {
    if let Some(Task::Show { reservation }) = args.task {
        let Some(view) = one(ledger, CommandId(reservation)) else {
            let problem = format!("nothing is held under {reservation}: it is unknown, closed, or has lapsed");
            return Err(Failure::Refused(problem));
        };
        return Ok(lines(&view).map(|(_, row)| row).collect());
    }
    let scope = args.places.scope(ledger)?;
    let order = args.order.as_deref().map(OrderRef::new).transpose()?;
    let filter = ReservationFilter { scope, order, lapsing_before: args.lapsing_before, ..Default::default() };
    let sort = Order::ascending(ReservationSort::Seq);
    let listed = all(ledger, |state, now, paging| query::reservations(state, now, &filter, sort, paging))?;
    let views = listed.iter().filter_map(|row| one(ledger, row.id));
    let in_scope = |place: &query::Place| {
        scope.item.is_none_or(|item| item == place.item)
            && scope.location.is_none_or(|location| location == place.location)
    };
    Ok(views
        .flat_map(|view| lines(&view).filter(|(place, _)| in_scope(place)).map(|(_, row)| row).collect::<Vec<_>>())
        .collect())
}

fn one(ledger: &Ledger, id: CommandId) -> Option<ReservationView> {
    ledger.query(|state, now| query::reservation(state, now, id)).value
}

fn lines(view: &ReservationView) -> impl Iterator<Item = (query::Place, Value)> {
    view.lines.iter().map(|line| {
        let place = &line.place;
        let figures = json!({
            "reservation": view.id, "order": view.order, "seq": view.seq,
            "open": amount(line.open, place.decimals), "covered": amount(line.covered, place.decimals),
            "uncovered": amount(line.uncovered, place.decimals),
            "deadline": view.deadline.map(|at| at.to_string()), "reserved_at": view.reserved_at.to_string(),
        });
        (place.clone(), placed(place, figures))
    })
}
