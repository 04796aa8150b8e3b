//! Looks: lists of what is there, in the items' units.

pub mod alerts;
pub mod difference;
pub mod explain;
pub mod holders;
pub mod oversold;
pub mod periods;
pub mod registry;
pub mod reservations;
pub mod transfers;

use super::context::Context;
use super::failure::Failure;
use super::names::{item_of, location_of};
use counterfoil::limits::PAGE_ROWS_MAX;
use counterfoil::query::{Answer, Page, Paging, QueryError, Scope};
use counterfoil::{Ledger, Timestamp, domain::state::State};

/// The lists that belong to an act's name: `item list`, `transfer list`.
pub enum Look {
    Items(registry::Items),
    Locations(registry::Locations),
    Lots(registry::Lots),
    Aliases(registry::Aliases),
    Transfers(transfers::Args),
    Alerts(alerts::Alerts),
}

/// Shows one of them.
pub async fn run(look: Look, context: &mut Context<'_>) -> Result<(), Failure> {
    match look {
        Look::Items(args) => registry::items(args, context).await,
        Look::Locations(_) => registry::locations(context).await,
        Look::Lots(args) => registry::lots(args, context).await,
        Look::Aliases(args) => registry::aliases(args, context).await,
        Look::Transfers(args) => transfers::run(args, context).await,
        Look::Alerts(args) => alerts::run(args, context).await,
    }
}

/// Which positions.
#[derive(Clone, Debug, clap::Args)]
pub struct Places {
    /// This item only.
    #[arg(long)]
    sku: Option<String>,
    /// This location only, by its code.
    #[arg(long, short = 'l', value_name = "CODE")]
    location: Option<String>,
}

impl Places {
    /// The ids of what was named.
    pub fn scope(&self, ledger: &Ledger) -> Result<Scope, Failure> {
        let item = self.sku.as_deref().map(|sku| item_of(ledger, sku)).transpose()?;
        let location = self.location.as_deref().map(|code| location_of(ledger, code)).transpose()?;
        Ok(Scope { item, location, ..Scope::default() })
    }
}

/// Every page of a list, one after the other.
fn all<T>(
    ledger: &Ledger,
    ask: impl Fn(&State, Timestamp, &Paging) -> Result<Answer<Page<T>>, QueryError>,
) -> Result<Vec<T>, Failure> {
    Ok(all_answered(ledger, ask)?.value)
}

/// The same, with what the last page rests on.
fn all_answered<T>(
    ledger: &Ledger,
    ask: impl Fn(&State, Timestamp, &Paging) -> Result<Answer<Page<T>>, QueryError>,
) -> Result<Answer<Vec<T>>, Failure> {
    let mut paging = Paging::first(PAGE_ROWS_MAX);
    let mut rows = Vec::new();
    loop {
        let Answer { seq, as_of, value: page } = ledger.query(|state, now| ask(state, now, &paging))?;
        rows.extend(page.rows);
        match page.next {
            Some(next) => paging = paging.starting_after(next),
            None => return Ok(Answer { seq, as_of, value: rows }),
        }
    }
}
