//! Goods between locations.

use super::form::kind;
use super::line::Line;
use super::things::Location;
use crate::domain::command as made;
use crate::domain::ids::TransferId;

kind! {
    /// Goods left a location for another one.
    ShipTransfer { transfer: TransferId, to: Location, lines: Vec<Line>, } => made::ShipTransfer { transfer, to, lines }
}

kind! {
    /// Goods of a transfer arrived.
    ReceiveTransfer { transfer: TransferId, lines: Vec<Line>, } => made::ReceiveTransfer { transfer, lines }
}

kind! {
    /// Nothing more of a transfer will arrive; the rest is lost.
    CloseTransfer { transfer: TransferId, } => made::CloseTransfer { transfer }
}
