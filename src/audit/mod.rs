//! The audit: everything that reads a whole log again and trusts nothing else.
//!
//! It knows the stored format and the rules ([`crate::domain::check`]), and nothing of the code that decides.
// A kind that a match forgets must not compile.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod add_up;
mod claims;
pub mod export;
mod ids;
pub(crate) mod pipeline;
pub mod readable;
pub mod replay;
mod salvage;
pub mod verify;

pub use export::export;
pub use readable::Readable;
pub use replay::replay;
pub use salvage::{LostRange, Salvage, SalvagedIsland, salvage};
pub use verify::{Expected, Fault, KeptUse, Options, OtherLedger, Progress, Report, verify};
