//! Reservations: promises of stock, and what becomes of them.

mod amend;
mod expired;
mod extend;
mod fulfil;
mod holds;
mod release;
mod reserve;

pub use amend::{Amend, Amended};
pub use expired::Expired;
pub use extend::{Extend, Extended};
pub use fulfil::{Departure, Fulfil, Fulfilled};
pub use holds::{HoldLine, Holds, Portion};
pub use release::{Release, Released};
pub use reserve::{Reserve, Reserved};
