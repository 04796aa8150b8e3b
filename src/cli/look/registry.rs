//! `item list`, `location list`, `lot list`, `alias list`.

use super::all;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::names::{item_of, location_of, lot_of};
use crate::cli::sheet::Column;
use counterfoil::Ledger;
use counterfoil::domain::command::{AliasKind, AliasTarget};
use counterfoil::domain::names::Names;
use counterfoil::query::{self, EntitySort, ItemFilter, Order};
use serde_json::{Value, json};

const BY_NAME: Order<EntitySort> = Order::ascending(EntitySort::Name);

/// List items by SKU.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  counterfoil item list --prefix TEA-")]
pub struct Items {
    /// Whose SKU begins with this text.
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
}

const ITEMS: &[Column] = &[
    Column::text("sku", "item"),
    Column::figure("item", "id"),
    Column::figure("decimals", "decimals"),
    Column::text("status", "status"),
];

pub async fn items(args: Items, context: &mut Context<'_>) -> Result<(), Failure> {
    let filter = ItemFilter { status: None, sku_prefix: args.prefix };
    let ask = async |ledger: &Ledger, context: &mut Context<'_>| {
        let rows = all(ledger, |state, now, paging| query::items(state, now, &filter, BY_NAME, paging))?;
        let row = |row: &query::ItemView, names: &Names<'_>| {
            let sku = context.name(names.sku(row.item));
            json!({ "sku": sku, "item": row.item, "decimals": row.decimals, "status": row.status })
        };
        Ok(with_names(ledger, &rows, row))
    };
    let rows = context.with_ledger(ask).await?;
    context.list(ITEMS, rows)
}

/// List locations by code.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  counterfoil location list --format csv")]
pub struct Locations {}

const LOCATIONS: &[Column] = &[
    Column::text("code", "location"),
    Column::figure("location", "id"),
    Column::text("zone", "time zone"),
    Column::text("status", "status"),
];

pub async fn locations(context: &mut Context<'_>) -> Result<(), Failure> {
    let ask = async |ledger: &Ledger, context: &mut Context<'_>| {
        let rows = all(ledger, |state, now, paging| query::locations(state, now, BY_NAME, paging))?;
        let row = |row: &query::LocationView, names: &Names<'_>| {
            let mut told = json!(row);
            told["code"] = context.name(names.code(row.location));
            told
        };
        Ok(with_names(ledger, &rows, row))
    };
    let rows = context.with_ledger(ask).await?;
    context.list(LOCATIONS, &rows)
}

/// List lots by code, of one item or of all.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  counterfoil lot list --sku JAM-PLUM")]
pub struct Lots {
    /// Of this item only.
    #[arg(long)]
    sku: Option<String>,
}

const LOTS: &[Column] = &[
    Column::text("sku", "item"),
    Column::text("code", "lot"),
    Column::figure("lot", "id"),
    Column::text("status", "status"),
];

pub async fn lots(args: Lots, context: &mut Context<'_>) -> Result<(), Failure> {
    let ask = async |ledger: &Ledger, context: &mut Context<'_>| {
        let item = args.sku.as_deref().map(|sku| item_of(ledger, sku)).transpose()?;
        let rows = all(ledger, |state, now, paging| query::lots(state, now, item, BY_NAME, paging))?;
        let row = |row: &query::LotView, names: &Names<'_>| {
            let [sku, code] = [names.sku(row.item), names.lot_code(row.lot)].map(|name| context.name(name));
            json!({ "sku": sku, "code": code, "lot": row.lot, "item": row.item, "status": row.status })
        };
        Ok(with_names(ledger, &rows, row))
    };
    let rows = context.with_ledger(ask).await?;
    context.list(LOTS, rows)
}

/// Rows with the names of today.
fn with_names<T>(ledger: &Ledger, rows: &[T], row: impl Fn(&T, &Names<'_>) -> Value) -> Vec<Value> {
    ledger.query(|state, _| {
        let names = Names::of(state);
        rows.iter().map(|found| row(found, &names)).collect()
    })
}

/// List the names that an item, location or lot goes by.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  counterfoil alias list --item MUG-BLUE")]
pub struct Aliases {
    #[command(flatten)]
    thing: crate::cli::act::Thing,
}

const ALIASES: &[Column] = &[Column::text("kind", "kind"), Column::text("text", "name")];

pub async fn aliases(args: Aliases, context: &mut Context<'_>) -> Result<(), Failure> {
    let thing = args.thing;
    let ask = async |ledger: &Ledger, _: &mut _| {
        let target = match (&thing.item, &thing.lot, &thing.location) {
            (Some(sku), Some(code), _) => AliasTarget::Lot(lot_of(ledger, item_of(ledger, sku)?, code)?),
            (Some(sku), None, _) => AliasTarget::Item(item_of(ledger, sku)?),
            (None, _, Some(code)) => AliasTarget::Location(location_of(ledger, code)?),
            (None, _, None) => {
                return Err(Failure::Usage("whose names? give --item SKU or --location CODE".to_owned()));
            }
        };
        Ok(ledger.query(|state, now| query::aliases_of(state, now, target)).value)
    };
    let rows = context.with_ledger(ask).await?;
    let mut sheet = context.sheet(ALIASES);
    for alias in rows {
        let kind = match alias.kind {
            AliasKind::Lot(_) => json!("lot"),
            kind => json!(kind),
        };
        sheet.push(&json!({ "kind": kind, "text": alias.text }))?;
    }
    sheet.end()
}
