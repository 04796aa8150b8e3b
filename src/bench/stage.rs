//! What all workloads share: the directory, the bare disk, SQLite, the rows so far.

use super::fdatasync::Fdatasync;
use super::machine::Conditions;
use super::report::{Beside, Draft, Report};
use super::scratch::{Scratch, free_bytes};
use super::shop::Shop;
use super::sqlite::{self, Measured};
use super::{Afterwards, BenchError, Plan, Progress, Workload};
use crate::domain::ids::{LedgerId, Seq};
use crate::files::MemoryFiles;
use crate::ledger::{Ledger, Options, Parts};
use crate::log::memory_store::MemoryDisk;
use crate::log::{FrameKey, MemoryStore};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// Rows in the order of the report.
const ROWS: [&str; 20] = [
    "fdatasync",
    "sqlite_one",
    "sqlite_64",
    "one_caller",
    "one_caller_open_50",
    "one_caller_open_80",
    "callers_64",
    "callers_64_open_50",
    "callers_64_open_80",
    "batch_8192",
    "batch_8192_open_50",
    "batch_8192_open_80",
    "sustained_10m",
    "verify",
    "verify_derived",
    "open_10m",
    "query_under_load",
    "id_lookup_100m",
    "disk_bytes_per_event",
    "memory_growth",
];

/// Bytes of disk that an event may need for a while, merges included.
const DISK_BYTES_PER_EVENT_MAX: u64 = 700;
/// The same for the ten ids that an event stands for where very many are looked up.
const ID_BYTES_PER_EVENT_MAX: u64 = 800;
/// Commands that are asked of SQLite.
const SQLITE_ONE_COMMANDS: u64 = 3_000;
const SQLITE_64_COMMANDS: u64 = 64_000;
/// Commands whose log is looked at for its size.
const SAMPLED_COMMANDS: u64 = 64;

pub(super) struct Stage<'a> {
    pub(super) plan: &'a Plan,
    pub(super) scratch: Scratch,
    pub(super) fdatasync: Fdatasync,
    /// One command per commit, and 64.
    pub(super) sqlite: [Option<Measured>; 2],
    /// For callers: one thread, however many they are.
    pub(super) runtime: Runtime,
    pub(super) progress: &'a mut (dyn FnMut(Progress) + Send),
    conditions: Conditions,
    rows: Vec<Draft>,
}

impl<'a> Stage<'a> {
    pub(super) fn set(plan: &'a Plan, progress: &'a mut (dyn FnMut(Progress) + Send)) -> Result<Self, BenchError> {
        let scratch = Scratch::new(&plan.dir, plan.afterwards)?;
        check_room(plan, scratch.path())?;
        let runtime = Builder::new_current_thread().build()?;
        let payload_bytes = runtime.block_on(payload_bytes())?;
        let conditions = Conditions::of(scratch.path(), payload_bytes);
        let mut fdatasync = Fdatasync::new(&scratch.join("fdatasync"), payload_bytes)?;
        fdatasync.probe(plan.events.min(200))?;
        let (sqlite, rows) = ([None, None], Vec::new());
        let mut stage = Self { plan, scratch, fdatasync, sqlite, runtime, progress, conditions, rows };
        stage.measure_sqlite()?;
        Ok(stage)
    }

    fn measure_sqlite(&mut self) -> Result<(), BenchError> {
        use Workload::{Batch8192, Callers64, OneCaller, Sustained10m};
        let path = self.scratch.join("sqlite");
        if self.plan.wants(OneCaller) {
            self.tell("SQLite, one by one", 0, 1);
            self.sqlite[0] = Some(sqlite::measure(&path, self.at_most(SQLITE_ONE_COMMANDS), 1)?);
            self.probe()?;
        }
        if self.plan.wants_any(&[Callers64, Batch8192, Sustained10m]) {
            self.tell("SQLite, 64 a commit", 0, 1);
            self.sqlite[1] = Some(sqlite::measure(&path, self.at_most(SQLITE_64_COMMANDS), 64)?);
            self.probe()?;
        }
        Ok(())
    }

    /// As many as are meant, or as the plan has events.
    pub(super) fn at_most(&self, meant: u64) -> u64 {
        self.plan.events.clamp(1, meant)
    }

    /// Asks the bare disk again.
    pub(super) fn probe(&mut self) -> Result<(), BenchError> {
        self.fdatasync.probe(self.at_most(200))
    }

    pub(super) fn tell(&mut self, doing: &'static str, done: u64, of: u64) {
        (self.progress)(Progress { doing, done, of });
    }

    pub(super) fn push(&mut self, row: Draft) {
        self.rows.push(row);
    }

    /// A new ledger with items and stock.
    pub(super) fn ledger(&self, name: &str) -> Result<Ledger, BenchError> {
        let ledger = Ledger::create(&self.scratch.join(name), Options::default())?;
        self.runtime.block_on(Shop::new(0)?.stock_up(&ledger))?;
        Ok(ledger)
    }

    /// Commands a second, where it was measured.
    pub(super) fn sqlite_64_per_second(&self) -> Option<f64> {
        self.sqlite[1].as_ref().map(|measured| measured.per_second)
    }

    pub(super) fn report(mut self) -> Result<Report, BenchError> {
        self.probe()?;
        let median = self.fdatasync.median_micros();
        let mut drafts = std::mem::take(&mut self.rows);
        drafts.push(Draft {
            latency: Some(self.fdatasync.quantiles()),
            count: self.fdatasync.count(),
            note: format!("{} bytes each, over the whole run", self.conditions.payload_bytes),
            ..Draft::new("fdatasync", Some(median), "µs", Beside::Sync)
        });
        let [one, sixty_four] = self.sqlite;
        if let Some(Measured { latency, count, seconds, .. }) = one {
            let note = "WAL, synchronous=FULL; one command per commit".to_owned();
            let draft = Draft::new("sqlite_one", Some(latency.p50), "µs", Beside::Sync);
            drafts.push(Draft { latency: Some(latency), count, seconds, note, ..draft });
        }
        if let Some(Measured { per_second, latency, count, seconds }) = sixty_four {
            let note = "WAL, synchronous=FULL; a writer that commits 64 commands".to_owned();
            let draft = Draft::new("sqlite_64", Some(per_second), "commands/s", Beside::SyncsPerSecond);
            drafts.push(Draft { latency: Some(latency), count, seconds, note, ..draft });
        }
        drafts.sort_by_key(|draft| ROWS.iter().position(|name| *name == draft.workload));
        let kept = (self.plan.afterwards == Afterwards::Keep).then(|| self.scratch.path().to_owned());
        let rows = drafts.into_iter().map(|draft| draft.finish(median)).collect();
        Ok(Report { conditions: self.conditions, rows, kept })
    }
}

fn check_room(plan: &Plan, dir: &Path) -> Result<(), BenchError> {
    let ids = if plan.wants(Workload::IdLookup100m) { ID_BYTES_PER_EVENT_MAX } else { 0 };
    let needed = plan.events.saturating_mul(DISK_BYTES_PER_EVENT_MAX + ids) + (64 << 20);
    match free_bytes(dir)? {
        free if free < needed => Err(BenchError::NoRoom { needed, free }),
        _ => Ok(()),
    }
}

/// Bytes of log that a command takes which comes alone, on average.
async fn payload_bytes() -> Result<usize, BenchError> {
    let parts = Parts {
        store: Box::new(MemoryStore::open(&MemoryDisk::new())?),
        index: Arc::new(MemoryFiles::new()),
        checkpoints: Arc::new(MemoryFiles::new()),
    };
    let ledger = Ledger::create_over(parts, LedgerId::from_bytes([1; 16]), Options::default())?;
    let shop = Shop::new(1)?;
    shop.stock_up(&ledger).await?;
    let from = FrameKey::new(ledger.head().next_seq);
    for n in 0..SAMPLED_COMMANDS {
        ledger.submit(shop.nth(n)?).await?;
    }
    let mut bytes = 0;
    for frame in ledger.log().frames(from) {
        bytes += frame?.1.len();
    }
    ledger.close().await?;
    Ok(bytes / SAMPLED_COMMANDS as usize)
}

/// Waits until nothing is left to be done behind the answers: index, checkpoint, merges.
pub(super) fn settle(ledger: &Ledger, mut tell: impl FnMut(Seq)) -> Result<(), BenchError> {
    loop {
        let health = ledger.health();
        if let Some(reason) = health.follower_failure {
            return Err(BenchError::Wrong(format!("the indexes stopped ({reason})")));
        }
        if health.settled >= health.next_seq {
            return Ok(());
        }
        tell(health.indexed);
        std::thread::sleep(Duration::from_millis(1));
    }
}
