//! What is left without a name when its last one is retired or merged away: it stays, and is asked for by its number.

use crate::cli::failure::Failure;
use crate::cli::sheet::plain;
use crate::cli::stock::all_stock;
use counterfoil::api::amount;
use counterfoil::domain::command::{Act, AliasTarget, Command, MergeAlias, RetireAlias};
use counterfoil::domain::names::Names;
use counterfoil::query::{Only, Place, Scope, Stock, StockFilter};
use counterfoil::{ItemId, Ledger, LocationId, LotId};
use serde::Serialize;
use serde_json::Value;

/// Stock and holds that no name leads to.
#[derive(Debug, Serialize)]
pub struct Nameless {
    #[serde(flatten)]
    id: Id,
    /// The item of a lot.
    #[serde(skip)]
    item: ItemId,
    /// Positions with something there, held or under way.
    positions: usize,
    /// What is there and held, where it is of one item.
    #[serde(flatten)]
    units: Option<Units>,
}

#[derive(Clone, Copy, Debug, Serialize)]
enum Id {
    #[serde(rename = "item_id")]
    Item(ItemId),
    #[serde(rename = "location_id")]
    Location(LocationId),
    #[serde(rename = "lot_id")]
    Lot(LotId),
}

/// Figures over all positions, in the item's unit.
#[derive(Debug, Serialize)]
struct Units {
    physical: Value,
    reserved: Value,
    inbound: Value,
}

/// What an act takes a name from.
pub fn losing(ledger: &Ledger, command: &Command) -> Option<AliasTarget> {
    let (Act::MergeAlias(MergeAlias { alias, .. }) | Act::RetireAlias(RetireAlias { alias })) = &command.act else {
        return None;
    };
    ledger.query(|state, _| state.alias(alias))
}

impl Nameless {
    /// What is left of it, where no name leads there now and something is left.
    pub fn of(ledger: &Ledger, target: AliasTarget) -> Result<Option<Self>, Failure> {
        if ledger.query(|state, _| Names::of(state).name(target).is_some()) {
            return Ok(None);
        }
        let (id, scope) = match target {
            AliasTarget::Item(item) => (Id::Item(item), Scope::item(item)),
            AliasTarget::Location(location) => (Id::Location(location), Scope::location(location)),
            AliasTarget::Lot(lot) => (Id::Lot(lot), Scope { lot: Some(lot), ..Scope::default() }),
        };
        let rows = all_stock(ledger, &StockFilter { scope, only: Some(Only::Nonzero) })?.value;
        let Some(first) = rows.first() else { return Ok(None) };
        let Place { item, decimals, .. } = first.place;
        let sum = |figure: fn(&Stock) -> i64| {
            amount(rows.iter().fold(0, |sum, row| figure(&row.stock).saturating_add(sum)), decimals)
        };
        let units = Units {
            physical: sum(|stock| stock.physical),
            reserved: sum(|stock| stock.reserved),
            inbound: sum(|stock| stock.inbound),
        };
        let units = (!matches!(id, Id::Location(_))).then_some(units);
        Ok(Some(Self { id, item, positions: rows.len(), units }))
    }

    /// For people: what is left, how to ask for it, how to name it again.
    pub fn text(&self) -> String {
        let positions = match self.positions {
            1 => "1 position".to_owned(),
            more => format!("{more} positions"),
        };
        let left = match &self.units {
            Some(Units { physical, reserved, inbound }) => {
                let [physical, reserved, inbound] = [physical, reserved, inbound].map(plain);
                format!("{physical} physical, {reserved} reserved and {inbound} inbound in {positions}")
            }
            None => format!("stock, holds or goods on the way in {positions}"),
        };
        let (what, ask, name) = match self.id {
            Id::Item(id) => {
                (format!("item {id}"), format!("stock --sku id:{id}"), format!("alias add sku NAME --item id:{id}"))
            }
            Id::Location(id) => (
                format!("location {id}"),
                format!("stock --location id:{id}"),
                format!("alias add location NAME --location id:{id}"),
            ),
            Id::Lot(id) => (
                format!("lot {id}"),
                format!("stock --sku id:{}", self.item),
                format!("alias add lot NAME --item id:{} --lot id:{id}", self.item),
            ),
        };
        format!(
            "  {left} remain under {what}, which no name leads to now\n  ask for it: counterfoil {ask}; name it again: \
             counterfoil {name}\n"
        )
    }
}
