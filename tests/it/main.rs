//! The integration tests, one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(target_os = "linux")]
mod fuse_fs;
mod ledger;
mod lies;
#[cfg(target_os = "linux")]
mod power_cut;
mod tidy;
