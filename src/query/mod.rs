//! Questions: what is there, who holds it, what is wrong. Pure functions over a [`State`] and an instant.
//!
//! Nothing here can write, waits for anything, or knows a disk, a task or a clock. The ledger hands over the
//! state of the last durable event; every answer is an owned [`Answer`] that says which event that was and as
//! of which instant holds were judged. A hold whose deadline is not later than that instant is not held and
//! never shown as open, whether or not its expiry has been recorded.
//!
//! Lists walk the state once, keep only the rows of the page they were asked for, and copy names and figures of
//! those alone, so that a page of a hundred rows costs little more than the walk. See [`Paging`] and [`Cursor`].
//!
//! # Example
//! ```
//! use counterfoil::domain::ids::{ItemId, LocationId, Position, Timestamp};
//! use counterfoil::domain::state::State;
//! use counterfoil::query::{self, Order, Paging, StockFilter, StockSort};
//!
//! let (state, now) = (State::default(), Timestamp(0));
//! let position = Position::new(ItemId(1), LocationId(1));
//! assert_eq!(query::stock(&state, now, position).value, None, "there is no such item");
//!
//! let order = Order::descending(StockSort::Available);
//! let page = query::stock_list(&state, now, &StockFilter::default(), order, &Paging::default())?.value;
//! assert!(page.rows.is_empty() && page.next.is_none());
//! # Ok::<(), query::QueryError>(())
//! ```

mod ageing;
mod alert;
mod cursor;
mod entity;
mod oversold;
mod page;
mod place;
mod reservation;
mod stock;
mod transfer;

#[cfg(test)]
mod tests;

pub use ageing::{AgeBucket, ageing};
pub use alert::{AlertFilter, AlertRow, AlertSlots, alert, alerts};
pub use cursor::Cursor;
pub use entity::{
    EntitySort, ItemFilter, ItemView, LocationView, LotView, Named, aliases_of, by_alias, item, items, location,
    locations, lot, lots,
};
pub use oversold::{Oversold, UncoveredHold, negative_physical, oversold};
pub use page::{Direction, Order, Page, Paging, QueryError};
pub use place::{Place, Scope};
pub use reservation::{
    HeldRow, Holder, Holders, ReservationFilter, ReservationRow, ReservationSort, ReservationView, holders,
    reservation, reservations, reservations_of_order,
};
pub use stock::{ItemStock, Only, Stock, StockFilter, StockRow, StockSort, StockTotal, item_stock, stock, stock_list};
pub use transfer::{TransferRow, TransferView, TransitRow, transfer, transfers, transit_exceptions};

use crate::domain::ids::{Seq, Timestamp};
use crate::domain::state::State;
use serde::Serialize;

/// An answer, with the event and the instant that it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Answer<T> {
    /// The last event that the answer knows; 0 also while there is none.
    pub seq: Seq,
    /// The instant at which holds were judged: the one that the caller gave, or that of the last event where
    /// it is later, because an event can't be known before it was recorded.
    pub as_of: Timestamp,
    /// What was asked for.
    pub value: T,
}

impl<T> Answer<T> {
    /// The same answer about something that follows from its value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        Answer { seq: self.seq, as_of: self.as_of, value: change(self.value) }
    }

    /// Answers from a state as of an instant.
    fn from_state(state: &State, now: Timestamp, answer: impl FnOnce(Timestamp) -> T) -> Self {
        let as_of = now.max(state.recorded_at());
        Self { seq: Seq(state.next_seq().0.saturating_sub(1)), as_of, value: answer(as_of) }
    }
}

impl<T> Answer<Option<T>> {
    /// The answer, where there is a value.
    #[must_use]
    pub fn some(self) -> Option<Answer<T>> {
        let Self { seq, as_of, value } = self;
        value.map(|value| Answer { seq, as_of, value })
    }
}
