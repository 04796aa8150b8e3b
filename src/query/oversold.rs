//! What is wrong with stock: more promised than there is, more gone than there was.

use super::Answer;
use super::page::{Direction, Listing, Order, Page, Paging, Picker, QueryError};
use super::place::{Found, Place, Scope};
use super::reservation::uncovered_at;
use super::stock::{Only, Stock, StockFilter, StockRow, StockSort, pick_stock, stock_list};
use crate::domain::ids::{CommandId, Seq, Timestamp};
use crate::domain::names::Names;
use crate::domain::state::State;
use crate::domain::text::OrderRef;
use crate::limits::UNCOVERED_ROWS_MAX;
use serde::Serialize;

/// A position where more is reserved than sellable.
///
/// The shortfall is `stock.oversold` = the uncovered units in `uncovered` + `unlisted` + `without_reservation`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Oversold {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// How things stand there; `oversold` is the shortfall.
    #[serde(flatten)]
    pub stock: Stock,
    /// The holds that the shortfall falls on, from the youngest reservation down, the last one partly; at most
    /// [`UNCOVERED_ROWS_MAX`].
    pub uncovered: Vec<UncoveredHold>,
    /// Uncovered units of older holds that are not listed.
    pub unlisted: i64,
    /// The rest of the shortfall: units that left without a reservation.
    pub without_reservation: i64,
}

/// A hold that stock does not cover, wholly or in part. It may still be fulfilled while sellable lasts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UncoveredHold {
    /// The reservation.
    pub id: CommandId,
    /// The event that made it.
    pub seq: Seq,
    /// The order that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderRef>,
    /// Units that it holds there.
    pub open: i64,
    /// Units of those that are not covered.
    pub uncovered: i64,
}

impl Oversold {
    fn of(names: &Names<'_>, found: Found<'_>, as_of: Timestamp) -> Self {
        let state = names.state();
        let stock = Stock::of(state, found, as_of);
        let mut uncovered = Vec::new();
        let mut listed = 0;
        for (reservation, open, short) in uncovered_at(state, found.position, as_of).take(UNCOVERED_ROWS_MAX) {
            let (id, seq, order) = (reservation.id, reservation.seq, reservation.order.clone());
            uncovered.push(UncoveredHold { id, seq, order, open, uncovered: short });
            listed += short;
        }
        let of_holds = stock.oversold.min(stock.reserved);
        Self {
            place: Place::of(names, found.position),
            stock,
            uncovered,
            unlisted: of_holds.saturating_sub(listed),
            without_reservation: stock.oversold.saturating_sub(of_holds),
        }
    }
}

/// Positions where more is reserved than sellable, the largest shortfall first, with the holds it falls on.
///
/// # Errors
/// [`QueryError`] for a page or cursor that can't be used.
///
/// # Example
/// ```
/// # use counterfoil::domain::{ids::Timestamp, state::State};
/// use counterfoil::query::{self, Paging, Scope};
/// # let (state, now) = (State::default(), Timestamp(0));
/// for row in query::oversold(&state, now, &Scope::default(), &Paging::default())?.value.rows {
///     println!("{:?} is short of {}", row.place.sku, row.stock.oversold);
///     for hold in row.uncovered {
///         println!("  reservation {} lacks {} of {}", hold.id, hold.uncovered, hold.open);
///     }
/// }
/// # Ok::<(), query::QueryError>(())
/// ```
pub fn oversold(
    state: &State,
    now: Timestamp,
    scope: &Scope,
    paging: &Paging,
) -> Result<Answer<Page<Oversold>>, QueryError> {
    let listing = Listing { list: "oversold", by: "shortfall", direction: Direction::Descending };
    let picker = Picker::new(listing, paging)?;
    let filter = StockFilter { scope: *scope, only: Some(Only::Oversold) };
    Ok(Answer::from_state(state, now, |as_of| {
        let names = Names::of(state);
        pick_stock(state, &filter, StockSort::Oversold, as_of, picker).page(|found| Oversold::of(&names, found, as_of))
    }))
}

/// Positions whose physical stock is negative, the most negative first: a receipt there was never recorded.
///
/// # Errors
/// [`QueryError`] for a page or cursor that can't be used.
pub fn negative_physical(
    state: &State,
    now: Timestamp,
    scope: &Scope,
    paging: &Paging,
) -> Result<Answer<Page<StockRow>>, QueryError> {
    let filter = StockFilter { scope: *scope, only: Some(Only::NegativePhysical) };
    stock_list(state, now, &filter, Order::ascending(StockSort::Physical), paging)
}
