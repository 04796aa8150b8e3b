//! Counterfoil: an event-sourced, hash-chained stock ledger.
#![forbid(unsafe_code)]

pub mod domain;
pub mod files;
pub mod index;
pub mod limits;
pub mod log;
