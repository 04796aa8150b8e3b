//! The whole ledger on a real directory, beside the bare disk in the same run.
//!
//! | workload | what is measured |
//! | --- | --- |
//! | `fdatasync` | 256 bytes appended to a growing file and synced, one by one: the baseline |
//! | `one_caller` | reserve + fulfil over 4,000 items, one command after the other's answer |
//! | `callers_64` | the same from 64 tasks at once |
//! | `query_under_load` | stock of one position while those 64 write |
//! | `batch_8192` | the same in batches of 8,192, two under way, until all are durable |
//! | `open` | opening what was written |
//! | `verify` | checking what was written |
//!
//! `COUNTERFOIL_BENCH_EVENTS` sets the events of `batch_8192` (1,000,000 under `cargo bench`, few under
//! `cargo test`). Ratios to the median `fdatasync` of the same run travel better than times.

#![allow(missing_docs, clippy::unwrap_used)]

use counterfoil::audit;
use counterfoil::domain::command::{Act, Actor, Command, Holds};
use counterfoil::domain::ids::{CommandId, ItemId, LocationId, Position};
use counterfoil::domain::line::Line;
use counterfoil::domain::quantity::Quantity;
use counterfoil::domain::text::{ActorId, AliasText, OrderRef, Zone};
use counterfoil::ledger::{Ledger, Options};
use smallvec::smallvec;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const ITEMS: u32 = 4_000;
const CALLERS: usize = 64;

fn command(act: Act, id: u128) -> Command {
    let actor = Actor::asserted(ActorId::new("till-1").unwrap());
    Command::new(actor, act).with_id(spread(id))
}

/// Ids spread like random ones, the same in every run.
fn spread(number: u128) -> CommandId {
    let hash = blake3::hash(&number.to_le_bytes());
    CommandId::from_bytes(hash.as_bytes()[..16].try_into().unwrap())
}

/// The n-th command: reservations and their fulfilments by turns.
fn nth(n: u64, salt: u64) -> Command {
    let id = |n: u64| (u128::from(salt) << 64) | u128::from(n);
    let item = ItemId(1 + (n / 2 * 2_654_435_761 % u64::from(ITEMS)) as u32);
    match n % 2 {
        0 => {
            let lines = smallvec![Line::new(Position::new(item, LocationId(1)), Quantity(1))];
            let order = OrderRef::new(&format!("o{n}")).unwrap();
            command(Act::Reserve { deadline: None, lines }, id(n)).for_order(order)
        }
        _ => {
            let holds = Holds::Reservation(spread(id(n - 1)));
            command(Act::Fulfil { holds, portion: Default::default(), departure: Default::default() }, id(n))
        }
    }
}

async fn stock_up(ledger: &Ledger) {
    let (code, zone) = (AliasText::new("S1").unwrap(), Zone::new("Europe/London").unwrap());
    ledger.submit(command(Act::CreateLocation { code, zone }, 1 << 100)).await.unwrap();
    let mut commands = Vec::new();
    for item in 0..ITEMS {
        let sku = AliasText::new(&format!("SKU-{item}")).unwrap();
        commands.push(command(Act::CreateItem { sku, decimals: 0 }, (2 << 100) | u128::from(item)));
        let position = Position::new(ItemId(item + 1), LocationId(1));
        let lines = smallvec![Line::new(position, Quantity(1_000_000_000))];
        commands.push(command(Act::Receive { lines }, (3 << 100) | u128::from(item)));
    }
    for outcome in ledger.submit_batch(commands).await.unwrap() {
        outcome.unwrap();
    }
}

fn percentile(sorted: &[Duration], share: f64) -> Duration {
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}

fn report(name: &str, mut times: Vec<Duration>, count: u64, took: Duration, baseline: Duration) {
    times.sort();
    let micros = |at| percentile(&times, at).as_secs_f64() * 1e6;
    let rate = count as f64 / took.as_secs_f64();
    println!(
        "{name:<18} {rate:>10.0} /s   p50 {:>8.1} µs  p99 {:>8.1} µs  max {:>9.1} µs   {:>7.2} per fdatasync, p50 {:>5.2} x",
        micros(0.5),
        micros(0.99),
        micros(1.0),
        rate * baseline.as_secs_f64(),
        micros(0.5) / 1e6 / baseline.as_secs_f64(),
    );
}

fn fdatasync(dir: &Path, rounds: usize) -> Duration {
    let mut file = File::create(dir.join("baseline")).unwrap();
    let mut times = Vec::new();
    for _ in 0..rounds {
        let started = Instant::now();
        file.write_all(&[7; 256]).unwrap();
        file.sync_data().unwrap();
        times.push(started.elapsed());
    }
    times.sort();
    let (median, total) = (percentile(&times, 0.5), times.iter().sum());
    report("fdatasync", times, rounds as u64, total, median);
    median
}

fn main() {
    let small = !std::env::args().any(|argument| argument == "--bench");
    let events = std::env::var("COUNTERFOIL_BENCH_EVENTS").ok().and_then(|text| text.parse().ok());
    let events: u64 = events.unwrap_or(if small { 20_000 } else { 1_000_000 });
    let rounds = if small { 50 } else { 2_000 };
    let dir = tempfile::tempdir_in(std::env::current_dir().unwrap().join("target")).unwrap();
    let baseline = fdatasync(dir.path(), rounds);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let path = dir.path().join("ledger");
    let stored = runtime.block_on(async {
        let ledger = Ledger::create(&path, Options::default()).unwrap();
        stock_up(&ledger).await;
        one_caller(&ledger, rounds as u64, baseline).await;
        many_callers(&ledger, if small { 50 } else { 2_000 }, baseline).await;
        batches(&ledger, events, baseline).await;
        let (health, head) = (ledger.health(), ledger.head());
        println!("indexed {} checkpointed {} of {}", health.indexed, health.checkpointed, head.next_seq);
        let started = Instant::now();
        ledger.close().await.unwrap();
        println!("close {:.2} s", started.elapsed().as_secs_f64());
        let started = Instant::now();
        let ledger = Ledger::open(&path, Options::default()).unwrap();
        println!("open {:.3} s", started.elapsed().as_secs_f64());
        let started = Instant::now();
        let report = audit::verify(ledger.log().as_ref(), audit::Options::default()).unwrap();
        let took = started.elapsed().as_secs_f64();
        println!("verify {:.2} s, {:.0} events/s, ok {}", took, report.events as f64 / took, report.ok);
        ledger.close().await.unwrap();
        report.events
    });
    let bytes: u64 = walk(&path);
    println!("disk {} bytes, {:.1} per event", bytes, bytes as f64 / stored as f64);
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
    }
}

fn walk(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    for entry in std::fs::read_dir(path).unwrap().flatten() {
        let meta = entry.metadata().unwrap();
        let own = if meta.is_dir() { walk(&entry.path()) } else { meta.blocks() * 512 };
        println!("  {:>12} {}", own, entry.path().file_name().unwrap().to_string_lossy());
        bytes += own;
    }
    bytes
}

async fn one_caller(ledger: &Ledger, rounds: u64, baseline: Duration) {
    let mut times = Vec::new();
    let all = Instant::now();
    for n in 0..rounds {
        let started = Instant::now();
        ledger.submit(nth(n, 1)).await.unwrap();
        times.push(started.elapsed());
    }
    report("one_caller", times, rounds, all.elapsed(), baseline);
}

async fn many_callers(ledger: &Ledger, rounds: u64, baseline: Duration) {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::new(AtomicU64::new(0));
    let reader = {
        let (ledger, stop, asked) = (ledger.clone(), Arc::clone(&stop), Arc::clone(&asked));
        std::thread::spawn(move || {
            let mut times = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let started = Instant::now();
                for item in 1..=100 {
                    let position = Position::new(ItemId(item * 40), LocationId(1));
                    std::hint::black_box(ledger.query(|state, now| state.available(position, now)));
                }
                times.push(started.elapsed() / 100);
                asked.fetch_add(100, Ordering::Relaxed);
                std::thread::sleep(Duration::from_micros(500));
            }
            times
        })
    };
    let all = Instant::now();
    let mut tasks = Vec::new();
    for caller in 0..CALLERS as u64 {
        let ledger = ledger.clone();
        tasks.push(tokio::spawn(async move {
            let mut times = Vec::new();
            for n in 0..rounds {
                let started = Instant::now();
                ledger.submit(nth(n, 100 + caller)).await.unwrap();
                times.push(started.elapsed());
            }
            times
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    let took = all.elapsed();
    stop.store(true, Ordering::Relaxed);
    report("callers_64", times, rounds * CALLERS as u64, took, baseline);
    report("query_under_load", reader.join().unwrap(), asked.load(Ordering::Relaxed), took, baseline);
}

async fn batches(ledger: &Ledger, events: u64, baseline: Duration) {
    const BATCH: u64 = 8_192;
    let batches = events.div_ceil(BATCH);
    let mut ready: Vec<Vec<Command>> = Vec::new();
    for batch in 0..batches.min(128) {
        ready.push((batch * BATCH..(batch + 1) * BATCH).map(|n| nth(n, 9)).collect());
    }
    let mut ready = ready.into_iter();
    let mut times = Vec::new();
    let all = Instant::now();
    let mut under_way = Vec::new();
    for batch in 0..batches {
        let commands =
            ready.next().unwrap_or_else(|| (batch * BATCH..(batch + 1) * BATCH).map(|n| nth(n, 9)).collect());
        let ledger = ledger.clone();
        let started = Instant::now();
        under_way.push(tokio::spawn(async move {
            for outcome in ledger.submit_batch(commands).await.unwrap() {
                outcome.unwrap();
            }
            started.elapsed()
        }));
        if under_way.len() == 2 {
            times.push(under_way.remove(0).await.unwrap());
        }
    }
    for task in under_way {
        times.push(task.await.unwrap());
    }
    let took = all.elapsed();
    while ledger.health().indexed.0 + 65_536 < ledger.head().next_seq.0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let caught_up = all.elapsed();
    report("batch_8192", times, batches * BATCH, took, baseline);
    println!(
        "indexes caught up after {:.2} s: {:.0} /s",
        caught_up.as_secs_f64(),
        (batches * BATCH) as f64 / caught_up.as_secs_f64()
    );
}
