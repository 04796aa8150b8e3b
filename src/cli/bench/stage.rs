//! What all workloads share: the directory, the bare disk, SQLite, the rows so far.

use super::fdatasync::Fdatasync;
use super::machine::Conditions;
use super::report::{Beside, Draft, Report, Row};
use super::scratch::{Scratch, free_bytes};
use super::shop::Shop;
#[cfg(feature = "bench-sqlite")]
use super::sqlite;
use super::{Afterwards, BenchError, Plan, Progress, Workload};
use counterfoil::domain::ids::{LedgerId, Seq};
use counterfoil::files::MemoryFiles;
use counterfoil::ledger::{Ledger, Options, Parts};
use counterfoil::log::memory_store::MemoryDisk;
use counterfoil::log::{FrameKey, MemoryStore};
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
#[cfg(feature = "bench-sqlite")]
const SQLITE_ONE_COMMANDS: u64 = 3_000;
#[cfg(feature = "bench-sqlite")]
const SQLITE_64_COMMANDS: u64 = 64_000;
/// Syncs of the bare disk before and behind what stands beside them.
const PROBE_SYNCS: u64 = 200;
/// Commands whose log is looked at for its size.
const SAMPLED_COMMANDS: u64 = 64;

pub(super) struct Stage<'a> {
    pub(super) plan: &'a Plan,
    pub(super) scratch: Scratch,
    pub(super) fdatasync: Fdatasync,
    /// The median of a commit with one command, where it was measured.
    pub(super) sqlite_one_micros: Option<f64>,
    /// Commands a second with 64 in a commit, where it was measured.
    pub(super) sqlite_64_per_second: Option<f64>,
    /// For callers: one thread, however many they are.
    pub(super) runtime: Runtime,
    pub(super) progress: &'a mut (dyn FnMut(Progress) + Send),
    conditions: Conditions,
    rows: Vec<Row>,
}

impl<'a> Stage<'a> {
    pub(super) fn set(plan: &'a Plan, progress: &'a mut (dyn FnMut(Progress) + Send)) -> Result<Self, BenchError> {
        let scratch = Scratch::new(&plan.dir, plan.afterwards)?;
        check_room(plan, scratch.path())?;
        let runtime = Builder::new_current_thread().build()?;
        let payload_bytes = runtime.block_on(payload_bytes())?;
        let conditions = Conditions::of(scratch.path(), payload_bytes);
        let mut fdatasync = Fdatasync::new(&scratch.join("fdatasync"), payload_bytes)?;
        fdatasync.probe(plan.events.min(PROBE_SYNCS))?;
        let (sqlite_one_micros, sqlite_64_per_second, rows) = (None, None, Vec::new());
        let stage = Self {
            plan,
            scratch,
            fdatasync,
            sqlite_one_micros,
            sqlite_64_per_second,
            runtime,
            progress,
            conditions,
            rows,
        };
        stage.beside_sqlite()
    }

    #[cfg(not(feature = "bench-sqlite"))]
    fn beside_sqlite(self) -> Result<Self, BenchError> {
        Ok(self)
    }

    #[cfg(feature = "bench-sqlite")]
    fn beside_sqlite(mut self) -> Result<Self, BenchError> {
        use Workload::{Batch8192, Callers64, OneCaller, Sustained10m};
        let path = self.scratch.join("sqlite");
        if self.plan.wants(OneCaller) {
            self.tell("SQLite, one by one", 0, 1);
            let commands = self.at_most(SQLITE_ONE_COMMANDS);
            let (measured, sync) = self.beside_syncs(|_| sqlite::measure(&path, commands, 1))?;
            let note = "WAL, synchronous=FULL; one command per commit".to_owned();
            let draft = Draft::new("sqlite_one", Some(measured.latency.p50), "µs", Beside::Sync(sync));
            self.push(Draft { note, ..measured.fill(draft) });
            self.sqlite_one_micros = Some(measured.latency.p50);
        }
        if self.plan.wants_any(&[Callers64, Batch8192, Sustained10m]) {
            self.tell("SQLite, 64 a commit", 0, 1);
            let commands = self.at_most(SQLITE_64_COMMANDS);
            let (measured, sync) = self.beside_syncs(|_| sqlite::measure(&path, commands, 64))?;
            let note = "WAL, synchronous=FULL; a writer that commits 64 commands".to_owned();
            let draft = Draft::new("sqlite_64", Some(measured.per_second), "commands/s", Beside::SyncsPerSecond(sync));
            self.push(Draft { note, ..measured.fill(draft) });
            self.sqlite_64_per_second = Some(measured.per_second);
        }
        Ok(self)
    }

    /// As many as are meant, or as the plan has events.
    pub(super) fn at_most(&self, meant: u64) -> u64 {
        self.plan.events.clamp(1, meant)
    }

    /// Does something and asks the bare disk before and behind it; with the median of that in microseconds.
    pub(super) fn beside_syncs<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, BenchError>,
    ) -> Result<(T, f64), BenchError> {
        let rounds = self.at_most(PROBE_SYNCS);
        self.fdatasync.begin()?;
        self.fdatasync.probe(rounds)?;
        let done = work(self)?;
        self.fdatasync.probe(rounds)?;
        Ok((done, self.fdatasync.near_median_micros()))
    }

    pub(super) fn tell(&mut self, doing: &'static str, done: u64, of: u64) {
        (self.progress)(Progress { doing, done, of });
    }

    pub(super) fn push(&mut self, row: Draft) {
        self.rows.push(row.finish());
    }

    /// A new ledger with items and stock.
    pub(super) fn ledger(&self, name: &str) -> Result<Ledger, BenchError> {
        let ledger = Ledger::create(self.scratch.join(name), Options::default())?;
        self.runtime.block_on(Shop::new(0)?.stock_up(&ledger))?;
        Ok(ledger)
    }

    pub(super) fn report(mut self) -> Result<Report, BenchError> {
        let median = self.fdatasync.median_micros();
        self.push(Draft {
            latency: Some(self.fdatasync.quantiles()),
            count: self.fdatasync.count(),
            note: format!("{} bytes each, over the whole run", self.conditions.payload_bytes),
            ..Draft::new("fdatasync", Some(median), "µs", Beside::Sync(median))
        });
        let mut rows = self.rows;
        rows.sort_by_key(|row| ROWS.iter().position(|name| *name == row.workload));
        let kept = (self.plan.afterwards == Afterwards::Keep).then(|| self.scratch.path().to_owned());
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
