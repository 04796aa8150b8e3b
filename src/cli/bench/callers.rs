//! Callers that wait for each answer, one or 64 of them, then on a schedule; and questions meanwhile.

use super::latency::Latencies;
use super::open_loop::{self, Schedule};
use super::report::{Aim, Beside, Bound, Draft, Size};
use super::shop::{ITEMS, Shop, position};
use super::stage::{Stage, settle};
use super::{BenchError, Workload};
use counterfoil::domain::command::Command;
use counterfoil::domain::ids::{ItemId, Timestamp};
use counterfoil::domain::rejection::Rejection;
use counterfoil::index::limits::SEGMENT_SEQS;
use counterfoil::ledger::{Clock, Ledger, SubmitError, SystemClock};
use counterfoil::query;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const CALLERS: u64 = 64;
/// Commands of the one caller, and how many of them between two looks at the bare disk.
const ONE_COMMANDS: u64 = 3_000;
const ONE_ROUND: u64 = 100;
/// Commands of each of the 64, and fewer while questions are asked.
const EACH_COMMANDS: u64 = 4_000;
const EACH_COMMANDS_ASKED: u64 = 1_000;
/// How long commands arrive on a schedule; with many callers so many that eight segments are merged meanwhile, in at least
/// and at most so many seconds.
const ONE_SECONDS: f64 = 2.0;
const MANY_ARRIVALS: f64 = 600_000.0;
const MANY_SECONDS: (f64, f64) = (6.0, 20.0);
const PAUSE_MICROS_MAX: f64 = 50_000.0;
/// Every so many pairs are two holds that lapse so much later, instead of one that is fulfilled.
const LAPSING_PAIRS: u64 = 32;
const LAPSE: Duration = Duration::from_millis(2_000);
/// Questions between two pauses of who asks.
const QUESTIONS: u32 = 100;
const QUERY_NANOS_MAX: f64 = 200.0;

pub(super) fn run(stage: &mut Stage<'_>) -> Result<(), BenchError> {
    let ledger = stage.ledger("callers")?;
    if stage.plan.wants(Workload::OneCaller) {
        let peak = one_caller(stage, &ledger)?;
        one_caller_on_schedule(stage, &ledger, "one_caller_open_50", (peak * 0.5, Shop::new(20)?))?;
        one_caller_on_schedule(stage, &ledger, "one_caller_open_80", (peak * 0.8, Shop::new(21)?))?;
    }
    if stage.plan.wants(Workload::Callers64) {
        let peak = callers_64(stage, &ledger)?;
        callers_on_schedule(stage, &ledger, "callers_64_open_50", (peak * 0.5, Shop::new(22)?))?;
        callers_on_schedule(stage, &ledger, "callers_64_open_80", (peak * 0.8, Shop::new(23)?))?;
    }
    if stage.plan.wants(Workload::QueryUnderLoad) {
        query_under_load(stage, &ledger)?;
    }
    Ok(stage.runtime.block_on(ledger.close())?)
}

/// Answers commands a second.
fn one_caller(stage: &mut Stage<'_>, ledger: &Ledger) -> Result<f64, BenchError> {
    let (shop, commands) = (Shop::new(2)?, stage.at_most(ONE_COMMANDS));
    let (mut latencies, mut busy) = (Latencies::new()?, Duration::ZERO);
    let mut done = 0;
    stage.fdatasync.begin()?;
    while done < commands {
        stage.tell("one caller", done, commands);
        stage.fdatasync.probe(ONE_ROUND.min(commands))?;
        let until = (done + ONE_ROUND).min(commands);
        let round = caller(ledger, &shop, done..until);
        let started = Instant::now();
        latencies.add(&stage.runtime.block_on(round)?);
        busy += started.elapsed();
        done = until;
    }
    let per_second = done as f64 / busy.as_secs_f64();
    let aim = Aim { size: Size::of(commands, ONE_COMMANDS), ..Aim::new("≤ 1.5 ×", Bound::RatioAtMost(1.5)) };
    stage.push(Draft {
        aim: Some(aim),
        sqlite: stage.sqlite_one_micros,
        latency: Some(latencies.quantiles("command")),
        count: done,
        seconds: busy.as_secs_f64(),
        note: format!("{per_second:.0} commands/s"),
        ..Draft::new(
            "one_caller",
            Some(latencies.median_micros()),
            "µs",
            Beside::Sync(stage.fdatasync.near_median_micros()),
        )
    });
    Ok(per_second)
}

/// One caller: each command behind the answer to the one before.
async fn caller(ledger: &Ledger, shop: &Shop, numbers: std::ops::Range<u64>) -> Result<Latencies, BenchError> {
    let mut latencies = Latencies::new()?;
    for n in numbers {
        let command = shop.nth(n)?;
        let started = Instant::now();
        ledger.submit(command).await?;
        latencies.record(started.elapsed());
    }
    Ok(latencies)
}

/// One caller whose work arrives on a schedule; what comes while it waits for an answer waits too.
fn one_caller_on_schedule(
    stage: &mut Stage<'_>,
    ledger: &Ledger,
    name: &'static str,
    (per_second, shop): (f64, Shop),
) -> Result<(), BenchError> {
    stage.tell("one caller on a schedule", 0, 1);
    let schedule = Schedule::lasting(per_second, ONE_SECONDS, stage.plan.events);
    let mut latencies = Latencies::new()?;
    let (took, sync) = stage.beside_syncs(|stage| {
        let start = Instant::now();
        for n in 0..schedule.arrivals {
            let (command, due) = (shop.nth(n)?, start + schedule.due(n));
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            stage.runtime.block_on(ledger.submit(command))?;
            latencies.record(due.elapsed());
        }
        Ok(start.elapsed())
    })?;
    stage.push(scheduled(name, schedule, &latencies, took, sync));
    Ok(())
}

/// Answers commands a second.
fn callers_64(stage: &mut Stage<'_>, ledger: &Ledger) -> Result<f64, BenchError> {
    let each = each_of(stage, EACH_COMMANDS);
    stage.tell("64 callers", 0, 1);
    let ((latencies, seconds), sync) = stage.beside_syncs(|stage| {
        let started = Instant::now();
        let latencies = stage.runtime.block_on(sixty_four(ledger, 1_000, each))?;
        Ok((latencies, started.elapsed().as_secs_f64()))
    })?;
    let per_second = latencies.count() as f64 / seconds;
    let aim = Aim::new("≥ 30 per sync", Bound::RatioAtLeast(30.0));
    stage.push(Draft {
        aim: Some(Aim { size: Size::of(each, EACH_COMMANDS), ..aim }),
        sqlite: stage.sqlite_64_per_second,
        latency: Some(latencies.quantiles("command")),
        count: latencies.count(),
        seconds,
        ..Draft::new("callers_64", Some(per_second), "commands/s", Beside::SyncsPerSecond(sync))
    });
    Ok(per_second)
}

fn each_of(stage: &Stage<'_>, meant: u64) -> u64 {
    stage.at_most(meant * CALLERS).div_ceil(CALLERS)
}

async fn sixty_four(ledger: &Ledger, stream: u64, each: u64) -> Result<Latencies, BenchError> {
    let callers: Vec<_> = (0..CALLERS)
        .map(|number| {
            let ledger = ledger.clone();
            tokio::spawn(async move { caller(&ledger, &Shop::new(stream + number)?, 0..each).await })
        })
        .collect();
    let mut latencies = Latencies::new()?;
    for caller in callers {
        let done = caller.await.map_err(|error| BenchError::Wrong(format!("a caller stopped ({error})")))?;
        latencies.add(&done?);
    }
    Ok(latencies)
}

fn callers_on_schedule(
    stage: &mut Stage<'_>,
    ledger: &Ledger,
    name: &'static str,
    (per_second, shop): (f64, Shop),
) -> Result<(), BenchError> {
    settle(ledger, |_| {})?;
    stage.tell("callers on a schedule", 0, 1);
    let schedule = many(per_second, stage.plan.events);
    let clock = SystemClock::new();
    let (head, health) = (ledger.head(), ledger.health());
    let make = |n| {
        let deadline = clock.wall().plus_micros(LAPSE.as_micros() as i64);
        mixed(&shop, n, deadline)
    };
    let act = |command| {
        let ledger = ledger.clone();
        async move {
            match ledger.submit(command).await {
                // A hold whose deadline passed while it waited for its turn: a late answer, and counted as one.
                Ok(_) | Err(SubmitError::Rejected(Rejection::InvalidField { field: "deadline", .. })) => Ok(()),
                Err(error) => Err(error),
            }
        }
    };
    let ((latencies, took), sync) = stage.beside_syncs(|_| {
        let started = Instant::now();
        Ok((open_loop::run(schedule, make, act)?, started.elapsed()))
    })?;
    let now = ledger.health();
    let expiries = (now.next_seq.0 - head.next_seq.0).saturating_sub(schedule.arrivals);
    let segments = (now.indexed.0 - health.indexed.0) / SEGMENT_SEQS;
    let checkpoint = if now.checkpointed > health.checkpointed { "a" } else { "no" };
    let draft = scheduled(name, schedule, &latencies, took, sync);
    let aim = Aim {
        besides: draft.latency.map(|latency| latency.max <= PAUSE_MICROS_MAX),
        size: Size::of(schedule.arrivals, many(per_second, u64::MAX).arrivals),
        ..Aim::new("p99 ≤ 5 ×, max ≤ 50 ms", Bound::RatioAtMost(5.0))
    };
    stage.push(Draft {
        aim: (name == "callers_64_open_50").then_some(aim),
        note: format!(
            "{}; meanwhile {expiries} expiry events, {segments} index segments, merged by eights, {checkpoint} checkpoint",
            draft.note
        ),
        ..draft
    });
    Ok(())
}

/// Long enough for segments to be merged and checkpoints to be written meanwhile.
fn many(per_second: f64, arrivals_max: u64) -> Schedule {
    let seconds = (MANY_ARRIVALS / per_second).clamp(MANY_SECONDS.0, MANY_SECONDS.1);
    Schedule::lasting(per_second, seconds, arrivals_max)
}

/// A reservation and its fulfilment by turns, and here and there two holds that lapse.
fn mixed(shop: &Shop, n: u64, deadline: Timestamp) -> Result<Command, BenchError> {
    match (n / 2).is_multiple_of(LAPSING_PAIRS) {
        true => shop.lapsing(n, deadline),
        false => shop.nth(n),
    }
}

/// A row of work on a schedule: its p99 beside a bare sync.
fn scheduled(name: &'static str, schedule: Schedule, latencies: &Latencies, took: Duration, sync: f64) -> Draft {
    let quantiles = latencies.quantiles("command");
    Draft {
        latency: Some(quantiles),
        count: latencies.count(),
        seconds: took.as_secs_f64(),
        note: format!("{:.0} commands/s on a schedule; the value is the p99", schedule.per_second),
        ..Draft::new(name, Some(quantiles.p99), "µs", Beside::Sync(sync))
    }
}

fn query_under_load(stage: &mut Stage<'_>, ledger: &Ledger) -> Result<(), BenchError> {
    stage.tell("questions while 64 callers write", 0, 1);
    let each = each_of(stage, EACH_COMMANDS_ASKED);
    let stop = AtomicBool::new(false);
    let runtime = &stage.runtime;
    let (asked, seconds) = std::thread::scope(|scope| {
        let asking = scope.spawn(|| ask(ledger, &stop));
        let started = Instant::now();
        let written = runtime.block_on(sixty_four(ledger, 2_000, each));
        let seconds = started.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        let asked = asking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        written.and(asked).map(|asked| (asked, seconds))
    })?;
    let aim = Aim::new("≤ 200 ns", Bound::ValueAtMost(QUERY_NANOS_MAX));
    stage.push(Draft {
        aim: Some(Aim { size: Size::of(each, EACH_COMMANDS_ASKED), ..aim }),
        latency: Some(asked.alone.quantiles("question, with the reading of the clock around it")),
        count: asked.alone.count() + asked.rows.count() * u64::from(QUESTIONS),
        seconds,
        note: format!("the value is the median over rows of {QUESTIONS} questions; latencies are of single ones"),
        ..Draft::new(
            "query_under_load",
            Some(asked.rows.median_nanos()),
            "ns",
            Beside::That("the aim", Some(QUERY_NANOS_MAX)),
        )
    });
    Ok(())
}

/// How long questions took: alone, and as the mean of a row of them, where reading the clock weighs nothing.
struct Asked {
    alone: Latencies,
    rows: Latencies,
}

fn ask(ledger: &Ledger, stop: &AtomicBool) -> Result<Asked, BenchError> {
    let mut asked = Asked { alone: Latencies::new()?, rows: Latencies::new()? };
    let stock = |item: u32| ledger.query(|state, now| query::stock(state, now, position(ItemId(1 + item % ITEMS))));
    let mut item = 0;
    while !stop.load(Ordering::Relaxed) {
        let started = Instant::now();
        for n in 0..QUESTIONS {
            black_box(stock(item + n * 40));
        }
        asked.rows.record(started.elapsed() / QUESTIONS);
        for n in 0..QUESTIONS {
            let started = Instant::now();
            black_box(stock(item + n * 37));
            asked.alone.record(started.elapsed());
        }
        item = (item + 1) % ITEMS;
        // Who asks all the time takes a core from who writes.
        std::thread::sleep(Duration::from_micros(500));
    }
    Ok(asked)
}
