//! `alerts`: what asks for attention.

use super::{Places, all};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::names::placed;
use crate::cli::sheet::Column;
use clap::ValueEnum;
use counterfoil::api::amount;
use counterfoil::domain::alert::{AlertKind, Urgency};
use counterfoil::query::{self, AlertFilter, AlertRow, AlertSlots};
use serde_json::{Value, json};

/// List alerts.
#[derive(Clone, Debug, clap::Args)]
pub struct Alerts {
    #[command(flatten)]
    places: Places,
    /// Of this kind only.
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// At least this urgent.
    #[arg(long, value_enum)]
    urgency: Option<AtLeast>,
    /// Resolved, dismissed and cleared ones too, until a newer one takes their place.
    #[arg(long)]
    all: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// At or below the reorder point.
    LowStock,
    /// Nothing left.
    OutOfStock,
    /// More promised or gone than there was.
    Oversold,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AtLeast {
    /// When there is time.
    Low,
    /// Soon.
    Medium,
    /// Today.
    High,
    /// Now.
    Critical,
}

const COLUMNS: &[Column] = &[
    Column::text("urgency", "urgency"),
    Column::text("kind", "kind"),
    Column::text("sku", "item"),
    Column::text("location", "at"),
    Column::text("lot", "lot"),
    Column::figure("level", "level"),
    Column::figure("point", "point"),
    Column::text("status", "status"),
    Column::text("raised_at", "raised"),
    Column::text("alert", "alert"),
    Column::hidden("raised"),
    Column::hidden("item_id"),
    Column::hidden("location_id"),
    Column::hidden("lot_id"),
];

pub async fn run(args: Alerts, context: &mut Context<'_>) -> Result<(), Failure> {
    let ask = async |ledger: &counterfoil::Ledger, _: &mut _| {
        let filter = filter(&args, args.places.scope(ledger)?);
        all(ledger, |state, now, paging| query::alerts(state, now, &filter, paging))
    };
    let rows = context.with_ledger(ask).await?;
    context.list(COLUMNS, rows.iter().map(shown))
}

fn filter(args: &Alerts, scope: query::Scope) -> AlertFilter {
    let kind = args.kind.map(|kind| match kind {
        Kind::LowStock => AlertKind::LowStock,
        Kind::OutOfStock => AlertKind::OutOfStock,
        Kind::Oversold => AlertKind::Oversold,
    });
    let urgency = args.urgency.map(|urgency| match urgency {
        AtLeast::Low => Urgency::Low,
        AtLeast::Medium => Urgency::Medium,
        AtLeast::High => Urgency::High,
        AtLeast::Critical => Urgency::Critical,
    });
    let slots = if args.all { AlertSlots::All } else { AlertSlots::Open };
    AlertFilter { slots, scope, kind, urgency }
}

fn shown(row: &AlertRow) -> Value {
    let place = &row.place;
    let figures = json!({
        "alert": row.id, "kind": row.kind, "urgency": row.urgency, "status": row.status,
        "level": amount(row.level, place.decimals), "point": amount(row.point, place.decimals),
        "raised": row.raised, "raised_at": row.raised_at.to_string(),
    });
    placed(place, figures)
}
