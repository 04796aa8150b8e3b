//! The business, pure: what can be asked, what is decided, what happened, what follows from it.
//!
//! Nothing here knows a clock, a disk, a task or the stored format. Time, ids and look-ups arrive as arguments.

pub mod account;
pub mod alert;
pub mod check;
pub mod command;
pub mod decide;
pub mod difference;
pub mod digest;
pub mod effect;
pub mod event;
pub mod event_kind;
pub mod evolve;
#[cfg(test)]
mod evolve_tests;
pub mod ids;
pub mod invisible;
pub mod line;
pub mod names;
pub mod period;
pub mod quantity;
pub mod rejection;
pub mod state;
pub mod text;
mod tracked;
