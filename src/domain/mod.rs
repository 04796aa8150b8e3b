//! The business, pure: what can be asked, what is decided, what happened, what follows from it.
//!
//! Nothing here knows a clock, a disk, a task or the stored format. Time, ids and look-ups arrive as arguments.
// A kind that a match forgets must not compile.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

pub mod account;
pub mod alert;
mod alerts;
pub mod check;
pub mod command;
pub mod decide;
pub mod difference;
pub mod digest;
pub mod effect;
pub mod event;
pub mod evolve;
#[cfg(test)]
mod evolve_tests;
pub(crate) mod fields;
pub mod housekeeping;
pub mod ids;
pub mod invisible;
pub(crate) mod kinds;
pub mod line;
pub mod names;
mod own;
pub mod period;
pub mod quantity;
mod registry;
pub mod rejection;
mod reservations;
pub mod state;
mod stock;
pub mod text;
mod tracked;
mod transfers;
