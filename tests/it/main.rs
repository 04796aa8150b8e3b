//! The integration tests, one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(target_os = "linux")]
mod fuse_fs;
#[cfg(target_os = "linux")]
mod power_cut;
#[cfg(target_os = "linux")]
mod power_cut_log;
mod tidy;
