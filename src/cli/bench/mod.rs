//! The benchmark report: what this machine gives, beside its bare disk and beside SQLite in the same run.
//!
//! | workload | what is measured | beside | aim |
//! | --- | --- | --- | --- |
//! | `one_caller` | reserve + fulfil over 4,000 items, one command after the other's answer: the median | `fdatasync` | ≤ 1.5 × |
//! | `callers_64` | the same from 64 callers at once | `fdatasync` | ≥ 30 commands per sync |
//! | `batch_8192` | the same in batches of 8,192, two under way, until all are durable | SQLite | ≥ 1 M/s over 1 M |
//! | `sustained_10m` | the same over 10 M, until indexes, merges and checkpoints have caught up too | SQLite | ≥ 500 k/s |
//! | `verify` | checking that log: format, chain, sums, ids, every rule | the aim | ≥ 3 M events/s |
//! | `verify_derived` | rebuilding and comparing everything derived, over 1 M | `verify` of the same log | |
//! | `open_10m` | opening that ledger: the median of 5 | the aim | ≤ 1 s |
//! | `query_under_load` | stock of one position while 64 callers write: the median | the aim | ≤ 200 ns |
//! | `id_lookup_100m` | asking an index of 100 M ids for one it does not have (only when asked for) | `fdatasync` | ≥ 99 % read nothing |
//! | `disk_bytes_per_event` | the directory of the 10 M | the aim | ≤ 320; log and id index ≤ 200 |
//! | `memory_growth` | resident memory at 2.5 M events, with nothing open | the same at an eighth of them | ≤ 1.25 × |
//!
//! Rows named `…_open_50` and `…_open_80` send at 50 % and 80 % of the peak just measured, on a schedule that waits for
//! nobody; latency counts from the scheduled moment, so that a pause is felt by everyone it made wait. Some holds of
//! theirs lapse meanwhile, and indexes, merges and checkpoints go on. At 50 % the aim is a p99 of at most 5 syncs and
//! no answer later than 50 ms.
//!
//! The rows to compare with are `fdatasync` (as many bytes as one command takes in the log, appended to a growing
//! file, synced), `sqlite_one` and `sqlite_64` (WAL, synchronous=FULL: stock row, reservation row, audit row; one
//! command per commit, or a writer that commits 64). SQLite is there with the feature `bench-sqlite`; without it, its rows
//! are left out, and what would stand beside it has no ratio. Commands are the same in every run, from fixed numbers.

mod batches;
mod callers;
pub mod command;
mod error;
mod fdatasync;
mod ids;
mod latency;
mod long_log;
mod machine;
mod memory;
mod open_loop;
mod report;
mod scratch;
mod shop;
#[cfg(feature = "bench-sqlite")]
mod sqlite;
mod stage;
#[cfg(test)]
mod tests;

pub use error::BenchError;
pub use latency::Quantiles;
pub use machine::Conditions;
pub use report::{Report, Row};

use stage::Stage;
use std::path::PathBuf;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Workload {
    /// One command after the other's answer.
    OneCaller,
    /// Commands from 64 callers at once.
    Callers64,
    /// Batches of 8,192 commands.
    Batch8192,
    /// Batches until everything that follows has caught up.
    Sustained10m,
    /// Checking a log.
    Verify,
    /// Rebuilding what is derived.
    VerifyDerived,
    /// Opening a ledger.
    Open10m,
    /// Asking while callers write.
    QueryUnderLoad,
    /// Asking an index of ids that is ten times as long as the log.
    IdLookup100m,
    /// What is on the disk.
    DiskBytesPerEvent,
    /// What is in memory.
    MemoryGrowth,
}

impl Workload {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 11] = [
        Self::OneCaller,
        Self::Callers64,
        Self::Batch8192,
        Self::Sustained10m,
        Self::Verify,
        Self::VerifyDerived,
        Self::Open10m,
        Self::QueryUnderLoad,
        Self::IdLookup100m,
        Self::DiskBytesPerEvent,
        Self::MemoryGrowth,
    ];

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneCaller => "one_caller",
            Self::Callers64 => "callers_64",
            Self::Batch8192 => "batch_8192",
            Self::Sustained10m => "sustained_10m",
            Self::Verify => "verify",
            Self::VerifyDerived => "verify_derived",
            Self::Open10m => "open_10m",
            Self::QueryUnderLoad => "query_under_load",
            Self::IdLookup100m => "id_lookup_100m",
            Self::DiskBytesPerEvent => "disk_bytes_per_event",
            Self::MemoryGrowth => "memory_growth",
        }
    }

    /// The workload of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|workload| workload.name() == name)
    }

    /// Whether it runs only where it is named: it takes long and much disk.
    #[must_use]
    pub const fn is_opt_in(self) -> bool {
        matches!(self, Self::IdLookup100m)
    }
}

/// What to measure, and where.
#[derive(Clone, Debug)]
pub struct Plan {
    /// A directory is made in here, on the disk that is to be measured, and removed in the end.
    pub dir: PathBuf,
    /// What to measure.
    pub workloads: Vec<Workload>,
    /// Events of the long log; the other workloads are cut down to it where it is smaller than they are.
    pub events: u64,
    /// What becomes of the ledgers that were written.
    pub afterwards: Afterwards,
}

/// What becomes of what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Afterwards {
    /// It is removed.
    #[default]
    Remove,
    /// It stays, to be looked at from outside.
    Keep,
}

impl Plan {
    /// Events of the long log unless told otherwise.
    pub const EVENTS: u64 = 10_000_000;

    /// Everything that is not opt-in, in full size.
    #[must_use]
    pub fn new(dir: PathBuf) -> Self {
        let workloads = Workload::ALL.into_iter().filter(|workload| !workload.is_opt_in()).collect();
        Self { dir, workloads, events: Self::EVENTS, afterwards: Afterwards::Remove }
    }

    fn wants(&self, workload: Workload) -> bool {
        self.workloads.contains(&workload)
    }

    fn wants_any(&self, workloads: &[Workload]) -> bool {
        workloads.iter().any(|workload| self.wants(*workload))
    }
}

/// How far a part of the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub doing: &'static str,
    /// Events done, or whatever that part counts.
    pub done: u64,
    /// Of how many.
    pub of: u64,
}

/// Measures. Blocks for minutes; a few seconds with few events.
///
/// # Errors
/// [`BenchError`]: no room, the disk or SQLite said no, or something measured gave a wrong answer. What was written is
/// removed all the same.
pub fn run(plan: &Plan, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<Report, BenchError> {
    // On a thread of its own: the caller may be inside a runtime, where no second one may be started.
    std::thread::scope(|scope| {
        let measuring = std::thread::Builder::new().name("counterfoil-bench".into());
        let measuring = measuring.spawn_scoped(scope, || measure(plan, progress))?;
        measuring.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn measure(plan: &Plan, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<Report, BenchError> {
    use Workload::{
        Batch8192, Callers64, DiskBytesPerEvent, IdLookup100m, MemoryGrowth, OneCaller, Open10m, QueryUnderLoad,
        Sustained10m, Verify, VerifyDerived,
    };
    let mut stage = Stage::set(plan, progress)?;
    // First what looks at memory, while nothing else has been there.
    if plan.wants(MemoryGrowth) {
        memory::run(&mut stage)?;
    }
    if plan.wants_any(&[OneCaller, Callers64, QueryUnderLoad]) {
        callers::run(&mut stage)?;
    }
    if plan.wants_any(&[Batch8192, VerifyDerived]) {
        batches::run(&mut stage)?;
    }
    if plan.wants_any(&[Sustained10m, Verify, Open10m, DiskBytesPerEvent]) {
        long_log::run(&mut stage)?;
    }
    if plan.wants(IdLookup100m) {
        ids::run(&mut stage)?;
    }
    stage.report()
}
