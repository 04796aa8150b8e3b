//! Whether memory grows with the log: resident memory at several lengths, each time with nothing open and nothing due.

use super::batches::{BATCH, batch, feed};
use super::machine::resident_bytes;
use super::report::{Aim, Beside, Bound, Draft, Size};
use super::shop::Shop;
use super::stage::{Stage, settle};
use super::{BenchError, Plan, Progress};
use std::time::Instant;

/// The lengths, as shares of a quarter of the plan's events.
const SHARES: [u64; 4] = [8, 4, 2, 1];
const GROWTH_MAX: f64 = 1.25;

pub(super) fn run(stage: &mut Stage<'_>) -> Result<(), BenchError> {
    let longest = (stage.plan.events / 4).div_ceil(BATCH);
    let (ledger, shop) = (stage.ledger("memory")?, Shop::new(7)?);
    let (started, mut done, mut marks) = (Instant::now(), 0, Vec::new());
    for share in SHARES {
        let until = longest / share;
        let (runtime, progress) = (&stage.runtime, &mut stage.progress);
        let (made, of) = (|n| batch(&shop, n), longest * BATCH);
        let told = |n| progress(Progress { doing: "looking at memory", done: n * BATCH, of });
        runtime.block_on(feed(&ledger, done..until, made, told))?;
        done = until;
        settle(&ledger, |_| {})?;
        marks.push((until * BATCH, resident_bytes()));
    }
    stage.runtime.block_on(ledger.close())?;
    let megabytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let known: Vec<(u64, f64)> = marks.iter().filter_map(|(n, bytes)| Some((*n, megabytes((*bytes)?)))).collect();
    let note = match known.is_empty() {
        true => "not measured: this system does not tell".to_owned(),
        false => known.iter().map(|(n, bytes)| format!("{n} events: {bytes:.0} MB")).collect::<Vec<_>>().join(", "),
    };
    let aim = Aim {
        size: Size::of(longest * BATCH, Plan::EVENTS / 4),
        ..Aim::new("≤ 1.25 ×", Bound::RatioAtMost(GROWTH_MAX))
    };
    let value = known.last().map(|(_, bytes)| *bytes);
    let beside = Beside::That("the same at an eighth", known.first().map(|(_, bytes)| *bytes));
    stage.push(Draft {
        aim: Some(aim),
        count: longest * BATCH,
        seconds: started.elapsed().as_secs_f64(),
        note,
        ..Draft::new("memory_growth", value, "MB", beside)
    });
    Ok(())
}
