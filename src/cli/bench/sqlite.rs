//! The same work in SQLite, as most teams would write it: the stock row is updated, a reservation row and an audit row
//! are inserted, in one transaction, with a write-ahead log that is synced at every commit.

use super::BenchError;
use super::latency::{Latencies, Quantiles};
use super::report::Draft;
use super::shop::{ITEMS, id, item};
use counterfoil::ledger::{Clock, SystemClock};
use rusqlite::{Connection, params};
use std::path::Path;
use std::time::Instant;

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE stock (
        item INTEGER NOT NULL, location INTEGER NOT NULL, physical INTEGER NOT NULL, reserved INTEGER NOT NULL,
        PRIMARY KEY (item, location)) WITHOUT ROWID;
    CREATE TABLE reservation (
        id BLOB NOT NULL PRIMARY KEY, item INTEGER NOT NULL, location INTEGER NOT NULL, quantity INTEGER NOT NULL,
        open INTEGER NOT NULL, order_ref TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE audit (
        seq INTEGER PRIMARY KEY, command_id BLOB NOT NULL UNIQUE, recorded_at INTEGER NOT NULL, actor TEXT NOT NULL,
        kind TEXT NOT NULL, reservation BLOB NOT NULL, item INTEGER NOT NULL, quantity INTEGER NOT NULL);
    WITH RECURSIVE n(item) AS (SELECT 1 UNION ALL SELECT item + 1 FROM n WHERE item < ?)
    INSERT INTO stock SELECT item, 1, 1000000000, 0 FROM n;
";

/// What SQLite gives.
pub(super) struct Measured {
    pub(super) per_second: f64,
    /// Of a commit and what is in it.
    pub(super) latency: Quantiles,
    pub(super) count: u64,
    pub(super) seconds: f64,
}

impl Measured {
    /// The row with what they all have.
    pub(super) fn fill(&self, draft: Draft) -> Draft {
        Draft { latency: Some(self.latency), count: self.count, seconds: self.seconds, ..draft }
    }
}

/// Runs so many commands, so many per commit, in a new database.
pub(super) fn measure(path: &Path, commands: u64, per_commit: u64) -> Result<Measured, BenchError> {
    let file = path.with_extension(format!("{per_commit}.db"));
    let connection = Connection::open(&file)?;
    connection.execute_batch(&SCHEMA.replace('?', &ITEMS.to_string()))?;
    let mut latencies = Latencies::new()?;
    let started = Instant::now();
    let mut n = 0;
    while n < commands {
        let began = Instant::now();
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        for _ in 0..per_commit {
            command(&connection, n)?;
            n += 1;
        }
        connection.prepare_cached("COMMIT")?.execute([])?;
        latencies.record(began.elapsed());
    }
    let seconds = started.elapsed().as_secs_f64();
    let latency = latencies.quantiles(if per_commit == 1 { "command" } else { "commit of 64" });
    Ok(Measured { per_second: n as f64 / seconds, latency, count: n, seconds })
}

/// The n-th command: a reservation where n is even, its fulfilment behind it.
fn command(connection: &Connection, n: u64) -> Result<(), BenchError> {
    let (command_id, item) = (id(1, n).bytes(), item(n).0);
    let (kind, reservation) = match n % 2 {
        0 => ("reserved", command_id),
        _ => ("fulfilled", id(1, n - 1).bytes()),
    };
    let changed = match n % 2 {
        0 => {
            let order = format!("o{n}");
            let mut insert = connection.prepare_cached("INSERT INTO reservation VALUES (?, ?, 1, 1, 1, ?)")?;
            insert.execute(params![reservation, item, order])?;
            let mut reserve = connection.prepare_cached(
                "UPDATE stock SET reserved = reserved + 1
                 WHERE item = ? AND location = 1 AND physical - reserved >= 1",
            )?;
            reserve.execute([item])?
        }
        _ => {
            let mut close = connection.prepare_cached("UPDATE reservation SET open = 0 WHERE id = ? AND open = 1")?;
            let closed = close.execute([reservation])?;
            let mut ship = connection.prepare_cached(
                "UPDATE stock SET physical = physical - 1, reserved = reserved - 1 WHERE item = ? AND location = 1",
            )?;
            closed * ship.execute([item])?
        }
    };
    if changed != 1 {
        return Err(BenchError::Wrong(format!("SQLite changed {changed} rows of stock instead of one")));
    }
    let mut audit = connection.prepare_cached(
        "INSERT INTO audit (command_id, recorded_at, actor, kind, reservation, item, quantity)
         VALUES (?, ?, 'till-1', ?, ?, ?, 1)",
    )?;
    audit.execute(params![command_id, SystemClock::new().wall().0, kind, reservation, item])?;
    Ok(())
}
