//! The JSON forms that programs meet, each written down once: what reads or writes a form and its schema come from the
//! same declaration.

pub mod command;
mod refusal;

pub use command::{Invalid, Missing, NamedError, NotFound, Renames, Spoken, instant_of, number_of, numbered};
pub use refusal::{amount, details, message, nameless, place};
