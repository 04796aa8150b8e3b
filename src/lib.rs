//! Counterfoil: an event-sourced, hash-chained stock ledger.
#![forbid(unsafe_code)]

pub mod audit;
pub mod domain;
pub mod files;
pub mod index;
pub mod ledger;
pub mod limits;
pub mod log;
pub mod query;
