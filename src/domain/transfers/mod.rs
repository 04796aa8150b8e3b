//! Transfers: goods leave a location for another one, arrive, or are lost on the way.

mod close;
mod receive;
mod ship;

pub use close::{CloseTransfer, TransferClosed, TransitLine};
pub use receive::{ReceiveTransfer, TransferReceived};
pub use ship::{ShipTransfer, TransferShipped};
