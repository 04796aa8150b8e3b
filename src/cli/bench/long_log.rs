//! A long log: how fast it is written until everything has caught up, how large it is, how fast it is opened and checked.

use super::batches::{BATCH, batch, feed};
use super::latency::Latencies;
use super::machine::{forget_peak, peak_bytes};
use super::report::{Aim, Beside, Bound, Draft, Size};
use super::scratch::disk_bytes;
use super::shop::Shop;
use super::stage::{Stage, settle};
use super::{BenchError, Plan, Workload};
use counterfoil::audit;
use counterfoil::ledger::{Ledger, Options};
use std::path::Path;
use std::time::{Duration, Instant};

const NAME: &str = "long";
const OPENINGS: u64 = 5;
const SUSTAINED_PER_SECOND: f64 = 500_000.0;
const VERIFY_PER_SECOND: f64 = 3_000_000.0;
const OPEN_MILLIS_MAX: f64 = 1_000.0;
const DISK_BYTES_MAX: f64 = 320.0;
const LOG_AND_IDS_BYTES_MAX: f64 = 200.0;

pub(super) fn run(stage: &mut Stage<'_>) -> Result<(), BenchError> {
    let ledger = stage.ledger(NAME)?;
    sustained(stage, &ledger)?;
    let events = ledger.head().next_seq.0;
    stage.runtime.block_on(ledger.close())?;
    let path = stage.scratch.join(NAME);
    if stage.plan.wants(Workload::DiskBytesPerEvent) {
        disk(stage, &path, events)?;
    }
    if stage.plan.wants(Workload::Open10m) {
        open(stage, &path, events)?;
    }
    if stage.plan.wants(Workload::Verify) {
        verify(stage, &path, events)?;
    }
    Ok(())
}

fn full(events: u64) -> Size {
    Size::of(events, Plan::EVENTS)
}

fn sustained(stage: &mut Stage<'_>, ledger: &Ledger) -> Result<(), BenchError> {
    let (shop, batches) = (Shop::new(6)?, stage.plan.events.div_ceil(BATCH));
    let events = batches * BATCH;
    let started = Instant::now();
    let latencies = {
        let (runtime, progress) = (&stage.runtime, &mut stage.progress);
        let mut told = |n| progress(super::Progress { doing: "writing a long log", done: n * BATCH, of: events });
        runtime.block_on(feed(ledger, 0..batches, |n| batch(&shop, n), &mut told))?
    };
    let durable = started.elapsed().as_secs_f64();
    settle(ledger, |indexed| stage.tell("letting indexes catch up", indexed.0, events))?;
    let seconds = started.elapsed().as_secs_f64();
    if !stage.plan.wants(Workload::Sustained10m) {
        return Ok(());
    }
    let aim = Aim::new("≥ 500 k/s", Bound::ValueAtLeast(SUSTAINED_PER_SECOND));
    stage.push(Draft {
        aim: Some(Aim { size: full(events), ..aim }),
        latency: Some(latencies.quantiles("batch of 8,192")),
        count: events,
        seconds,
        note: format!("with the making of the commands; {:.0}/s until all were durable", events as f64 / durable),
        ..Draft::new(
            "sustained_10m",
            Some(events as f64 / seconds),
            "commands/s",
            Beside::That("SQLite, 64 a commit", stage.sqlite_64_per_second),
        )
    });
    Ok(())
}

fn disk(stage: &mut Stage<'_>, path: &Path, events: u64) -> Result<(), BenchError> {
    let per_event = |bytes: u64| bytes as f64 / events as f64;
    let index = path.join("derived").join("index");
    let mut ids = 0;
    for entry in std::fs::read_dir(&index)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("commands-") {
            ids += disk_bytes(&entry.path())?;
        }
    }
    let (all, log, indexes) = (disk_bytes(path)?, disk_bytes(&path.join("log"))?, disk_bytes(&index)?);
    let aim = Aim {
        besides: Some(per_event(log + ids) <= LOG_AND_IDS_BYTES_MAX),
        size: full(events),
        ..Aim::new("≤ 320, log and id index ≤ 200", Bound::ValueAtMost(DISK_BYTES_MAX))
    };
    stage.push(Draft {
        aim: Some(aim),
        count: events,
        note: format!(
            "log {:.1}, id index {:.1}, so both {:.1}; all indexes {:.1}; the rest is checkpoints",
            per_event(log),
            per_event(ids),
            per_event(log + ids),
            per_event(indexes)
        ),
        ..Draft::new(
            "disk_bytes_per_event",
            Some(per_event(all)),
            "bytes",
            Beside::That("the aim", Some(DISK_BYTES_MAX)),
        )
    });
    Ok(())
}

fn open(stage: &mut Stage<'_>, path: &Path, events: u64) -> Result<(), BenchError> {
    let mut latencies = Latencies::new()?;
    let mut took = Duration::ZERO;
    for n in 0..OPENINGS {
        stage.tell("opening", n, OPENINGS);
        let started = Instant::now();
        let ledger = Ledger::open(path, Options::default())?;
        latencies.record(started.elapsed());
        took += started.elapsed();
        stage.runtime.block_on(ledger.close())?;
    }
    let aim = Aim::new("≤ 1 s", Bound::ValueAtMost(OPEN_MILLIS_MAX));
    stage.push(Draft {
        aim: Some(Aim { size: full(events), ..aim }),
        latency: Some(latencies.quantiles("opening")),
        count: OPENINGS,
        seconds: took.as_secs_f64(),
        note: format!("{events} events, closed before, files still in the system's cache"),
        ..Draft::new(
            "open_10m",
            Some(latencies.median_micros() / 1e3),
            "ms",
            Beside::That("the aim", Some(OPEN_MILLIS_MAX)),
        )
    });
    Ok(())
}

fn verify(stage: &mut Stage<'_>, path: &Path, events: u64) -> Result<(), BenchError> {
    let ledger = Ledger::open(path, Options::default())?;
    forget_peak();
    let (started, mut pieces) = (Instant::now(), Latencies::new()?);
    let mut last = started;
    let mut progress = |at: audit::verify::Progress| {
        pieces.record(last.elapsed());
        last = Instant::now();
        stage.tell("verifying", at.events, at.of);
    };
    let options = audit::Options { progress: Some(&mut progress), ..Default::default() };
    let report = audit::verify(ledger.log().as_ref(), options)?;
    let seconds = started.elapsed().as_secs_f64();
    stage.runtime.block_on(ledger.close())?;
    if let Some(fault) = report.first_fault {
        return Err(BenchError::Wrong(format!("event {} was found wrong ({})", fault.seq, fault.what)));
    }
    let memory = peak_bytes().map_or_else(
        || "memory not measured".to_owned(),
        |peak| format!("at most {} MB of memory, the open ledger's included", peak >> 20),
    );
    let aim = Aim::new("≥ 3 M/s", Bound::ValueAtLeast(VERIFY_PER_SECOND));
    stage.push(Draft {
        aim: Some(Aim { size: full(events), ..aim }),
        latency: (pieces.count() > 0).then(|| pieces.quantiles("65,536 events")),
        count: report.events,
        seconds,
        note: memory,
        ..Draft::new(
            "verify",
            Some(report.events as f64 / seconds),
            "events/s",
            Beside::That("the aim", Some(VERIFY_PER_SECOND)),
        )
    });
    Ok(())
}
