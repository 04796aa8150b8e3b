//! Counterfoil: an event-sourced, hash-chained stock ledger.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod audit;
pub mod domain;
pub mod limits;
pub mod log;
