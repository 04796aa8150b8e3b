//! The integration tests, one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod agree;
mod audit;
mod bench;
mod clocks;
mod cmd;
mod demo;
mod digests;
mod ends;
mod explain;
#[cfg(target_os = "linux")]
mod fuse_fs;
mod gate;
mod guide;
mod histories;
mod import;
mod kill;
mod ledger;
mod lies;
mod linear;
mod mending;
mod model;
mod ops;
mod past_events;
mod periods;
#[cfg(feature = "plot")]
mod plot;
#[cfg(target_os = "linux")]
mod power_cut;
mod power_cut_ledger;
mod power_cut_log;
mod projections;
mod racing;
mod readme;
mod real_year;
mod repeats;
mod reports;
mod service;
mod simulation;
mod spine;
#[cfg(target_os = "linux")]
mod strace;
mod subject;
mod table;
mod tidy;
mod time_travel;
mod trace;
#[cfg(target_os = "linux")]
mod wounds;
