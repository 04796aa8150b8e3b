//! The micro benches, in one binary: each part looks at one part of the ledger.
//!
//! `cargo bench --bench micro` runs all of them, `cargo bench --bench micro -- index query/stock` the parts named, and
//! of those what criterion's filter finds. `COUNTERFOIL_BENCH_EVENTS` is the length of the logs of `history` and
//! `verify`. Under `cargo test` every part runs in small, so that it can't rot.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used, reason = "a bench stops at its first failure")]

mod history;
mod index;
mod log;
mod query;
mod verify;

use criterion::Criterion;

const PARTS: [(&str, fn()); 5] = [
    ("history", history::run),
    ("index", index::run),
    ("log", log::run),
    ("query", query::run),
    ("verify", verify::run),
];

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let is_named = |part: &str| asked.iter().any(|word| word.split('/').next() == Some(part));
    let is_any_named = PARTS.iter().any(|(part, _)| is_named(part));
    PARTS.iter().filter(|(part, _)| !is_any_named || is_named(part)).for_each(|(_, run)| run());
    Criterion::default().configure_from_args().final_summary();
}

/// Whether this is a measurement, and no test.
fn is_measured() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// How many events a long log has.
fn events_wanted() -> u64 {
    let wanted = std::env::var("COUNTERFOIL_BENCH_EVENTS").ok().and_then(|text| text.parse().ok());
    wanted.unwrap_or(if is_measured() { 1_000_000 } else { 20_000 })
}

/// SplitMix64: the same numbers in every run.
fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}
