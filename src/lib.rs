//! Counterfoil: an event-sourced, hash-chained stock ledger.
#![forbid(unsafe_code)]
