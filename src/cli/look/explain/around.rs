//! What an explanation says beside its rows: where, what the figures rest on, what lies beside them.

use super::{Asked, Lot, Page, figures};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::moment;
use crate::cli::names::to_type;
use counterfoil::api::place;
use counterfoil::domain::quantity::decimal;
use counterfoil::history::PastRow;
use counterfoil::query::Direction;
use counterfoil::{Ledger, Seq, Timestamp};
use serde_json::{Value, json};

/// What explanations of either order say beside their rows.
pub struct Around {
    /// The position, for people.
    pub place: String,
    /// What the figures rest on, for people.
    pub rests_on: String,
    /// What of the item lies beside the position.
    beside: Vec<PastRow>,
    /// The page that was asked for.
    page: Page,
    /// Whether a lot was named.
    lot: Lot,
}

/// Lots that are told beside a figure.
const BESIDE_TOLD: usize = 5;

impl Around {
    pub fn of(ledger: &Ledger, asked: &Asked, seq: Seq, at: Timestamp) -> Result<Self, Failure> {
        let beside = ledger.history().beside(asked.position, asked.as_of)?.value;
        let place = ledger.query(|state, _| place(state, asked.position));
        let rests_on = moment::rests_on(ledger, asked.as_of, seq, at)?;
        Ok(Self { place, rests_on, beside, page: asked.page, lot: asked.lot })
    }

    /// The other lots' figures.
    pub fn beside(&self) -> Value {
        let told = self.beside.iter().map(|PastRow { place, stock }| {
            let mut row = figures(stock, place.decimals);
            row["lot"] = json!(place.lot_code);
            row["lot_id"] = json!(place.lot);
            row
        });
        told.collect()
    }

    /// Says which lots lie beside what is explained, and how to ask for them.
    pub fn tell_beside(&self, context: &mut Context<'_>) -> Result<(), Failure> {
        if self.beside.is_empty() || self.lot == Lot::Named {
            return Ok(());
        }
        writeln!(context.out, "  not among these figures, in lots of their own:")?;
        for PastRow { place, stock } in self.beside.iter().take(BESIDE_TOLD) {
            let [physical, reserved, available] = [stock.physical, stock.reserved, stock.available]
                .map(|units| decimal(i128::from(units), place.decimals));
            let lot = to_type(place.lot_code.as_ref(), place.lot);
            let figures = format!("{physical} physical, {reserved} reserved, {available} available");
            writeln!(context.out, "    {figures}: --lot {lot}")?;
        }
        match self.beside.len().saturating_sub(BESIDE_TOLD) {
            0 => Ok(()),
            more => Ok(writeln!(context.out, "    and {more} lots more: counterfoil stock --sku … --location …")?),
        }
    }

    /// Says that a page is empty, which is no figure of its own.
    pub fn tell_empty(&self, context: &mut Context<'_>) -> Result<(), Failure> {
        let said = match (self.page.after, self.page.direction()) {
            (None, _) => "(none)".to_owned(),
            (Some(seq), Direction::Ascending) => {
                format!("no row behind event {seq}: the figures above are of all rows")
            }
            (Some(seq), Direction::Descending) => {
                format!("no row before event {seq}: the figures above are of all rows")
            }
        };
        Ok(writeln!(context.out, "  {said}")?)
    }
}
