//! Batches of 8,192: at full speed, on a schedule, and then everything derived from them held against a rebuild.

use super::latency::Latencies;
use super::open_loop::{self, Schedule};
use super::report::{Aim, Beside, Bound, Draft, Size};
use super::shop::{Shop, submit_all};
use super::stage::{Stage, settle};
use super::{BenchError, Workload};
use counterfoil::audit;
use counterfoil::domain::command::Command;
use counterfoil::ledger::Ledger;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub(super) const BATCH: u64 = 8_192;
const EVENTS: u64 = 1_000_000;
/// Batches that are under way at a time: one is answered while the next is decided.
const UNDER_WAY: usize = 2;
const SCHEDULE_SECONDS: f64 = 3.0;

pub(super) fn run(stage: &mut Stage<'_>) -> Result<(), BenchError> {
    let ledger = stage.ledger("batches")?;
    let peak = batch_8192(stage, &ledger)?;
    if stage.plan.wants(Workload::VerifyDerived) {
        verify_derived(stage, &ledger)?;
    }
    if stage.plan.wants(Workload::Batch8192) {
        on_schedule(stage, &ledger, "batch_8192_open_50", (peak * 0.5, Shop::new(4)?))?;
        on_schedule(stage, &ledger, "batch_8192_open_80", (peak * 0.8, Shop::new(5)?))?;
    }
    Ok(stage.runtime.block_on(ledger.close())?)
}

/// Answers batches a second.
fn batch_8192(stage: &mut Stage<'_>, ledger: &Ledger) -> Result<f64, BenchError> {
    stage.tell("batches of 8,192", 0, 1);
    let (shop, batches) = (Shop::new(3)?, stage.at_most(EVENTS).div_ceil(BATCH));
    // Made before the clock runs: what is measured is the ledger.
    let mut ready = (0..batches).map(|n| batch(&shop, n)).collect::<Result<VecDeque<_>, _>>()?;
    let make = |n| ready.pop_front().map_or_else(|| batch(&shop, n), Ok);
    let started = Instant::now();
    let latencies = stage.runtime.block_on(feed(ledger, 0..batches, make, |_| {}))?;
    let seconds = started.elapsed().as_secs_f64();
    settle(ledger, |_| {})?;
    let settled = (batches * BATCH) as f64 / started.elapsed().as_secs_f64();
    let per_second = (batches * BATCH) as f64 / seconds;
    if !stage.plan.wants(Workload::Batch8192) {
        return Ok(per_second / BATCH as f64);
    }
    let aim = Aim::new("≥ 1 M/s", Bound::ValueAtLeast(1e6));
    stage.push(Draft {
        aim: Some(Aim { size: Size::of(batches * BATCH, EVENTS), ..aim }),
        latency: Some(latencies.quantiles("batch of 8,192")),
        count: batches * BATCH,
        seconds,
        note: format!("until all are durable; {settled:.0}/s until indexes and checkpoints have caught up"),
        ..Draft::new(
            "batch_8192",
            Some(per_second),
            "commands/s",
            Beside::That("SQLite, 64 a commit", stage.sqlite_64_per_second),
        )
    });
    Ok(per_second / BATCH as f64)
}

/// The n-th batch.
pub(super) fn batch(shop: &Shop, n: u64) -> Result<Vec<Command>, BenchError> {
    (n * BATCH..(n + 1) * BATCH).map(|n| shop.nth(n)).collect()
}

/// Submits batch after batch, two under way, until all are durable; `told` is given the number of batches begun.
pub(super) async fn feed(
    ledger: &Ledger,
    batches: std::ops::Range<u64>,
    mut make: impl FnMut(u64) -> Result<Vec<Command>, BenchError>,
    mut told: impl FnMut(u64),
) -> Result<Latencies, BenchError> {
    let mut latencies = Latencies::new()?;
    let mut under_way = VecDeque::new();
    for n in batches {
        told(n);
        let (commands, ledger) = (make(n)?, ledger.clone());
        let started = Instant::now();
        under_way.push_back(tokio::spawn(async move {
            submit_all(&ledger, commands).await?;
            Ok(started.elapsed())
        }));
        if under_way.len() == UNDER_WAY {
            finish(under_way.pop_front(), &mut latencies).await?;
        }
    }
    for batch in under_way {
        finish(Some(batch), &mut latencies).await?;
    }
    Ok(latencies)
}

type UnderWay = tokio::task::JoinHandle<Result<Duration, BenchError>>;

async fn finish(batch: Option<UnderWay>, latencies: &mut Latencies) -> Result<(), BenchError> {
    if let Some(batch) = batch {
        let done = batch.await.map_err(|error| BenchError::Wrong(format!("a batch stopped ({error})")))?;
        latencies.record(done?);
    }
    Ok(())
}

fn on_schedule(
    stage: &mut Stage<'_>,
    ledger: &Ledger,
    name: &'static str,
    (per_second, shop): (f64, Shop),
) -> Result<(), BenchError> {
    settle(ledger, |_| {})?;
    stage.tell("batches on a schedule", 0, 1);
    let schedule = Schedule::lasting(per_second, SCHEDULE_SECONDS, stage.plan.events.div_ceil(BATCH));
    let act = |commands| {
        let ledger = ledger.clone();
        async move {
            for outcome in ledger.submit_batch(commands).await? {
                outcome?;
            }
            Ok(())
        }
    };
    let ((latencies, took), sync) = stage.beside_syncs(|_| {
        let started = Instant::now();
        Ok((open_loop::run(schedule, |n| batch(&shop, n), act)?, started.elapsed()))
    })?;
    let quantiles = latencies.quantiles("batch of 8,192");
    stage.push(Draft {
        latency: Some(quantiles),
        count: latencies.count() * BATCH,
        seconds: took.as_secs_f64(),
        note: format!("{:.1} batches/s on a schedule; the value is the p99", schedule.per_second),
        ..Draft::new(name, Some(quantiles.p99), "µs", Beside::Sync(sync))
    });
    Ok(())
}

fn verify_derived(stage: &mut Stage<'_>, ledger: &Ledger) -> Result<(), BenchError> {
    stage.tell("rebuilding what is derived", 0, 1);
    let started = Instant::now();
    let report = audit::verify(ledger.log().as_ref(), audit::Options::default())?;
    let verified = report.events as f64 / started.elapsed().as_secs_f64();
    let started = Instant::now();
    let derived = ledger.verify_derived()?;
    let seconds = started.elapsed().as_secs_f64();
    let per_second = derived.events as f64 / seconds;
    stage.push(Draft {
        count: derived.events,
        seconds,
        note: format!("equal: state, index up to event {}, {} checkpoints", derived.indexed, derived.checkpoints),
        ..Draft::new(
            "verify_derived",
            Some(per_second),
            "events/s",
            Beside::That("verify of the same log", Some(verified)),
        )
    });
    Ok(())
}
