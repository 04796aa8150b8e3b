//! Projections of one's own: every event once, whatever comes between; errors stop; newer versions take over.

use crate::ledger::{command, shop};
use counterfoil::domain::command::Act;
use counterfoil::domain::event::{Body, Event};
use counterfoil::domain::ids::{Position, Seq};
use counterfoil::domain::line::Line;
use counterfoil::domain::quantity::Quantity;
use counterfoil::domain::text::ReasonCode;
use counterfoil::ledger::{Ledger, Options, Projected};
use counterfoil::projection::{Projection, ProjectionError};
use smallvec::smallvec;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The seqs that it has seen, and how often it was asked to see one.
#[derive(Default)]
struct Seen {
    version: u32,
    seqs: Vec<u64>,
    calls: Arc<AtomicU64>,
    /// It can't apply adjustments of this size.
    afraid_of: Option<i64>,
}

impl Projection for Seen {
    fn name(&self) -> &str {
        "seen"
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn apply(&mut self, seq: Seq, event: &Event) -> Result<(), ProjectionError> {
        if let Body::Adjusted { lines } = &event.body
            && lines.iter().any(|line| Some(line.quantity.0) == self.afraid_of)
        {
            return Err("it is too large for me".into());
        }
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.seqs.push(seq.0);
        Ok(())
    }

    fn save(&self) -> Result<Vec<u8>, ProjectionError> {
        Ok(self.seqs.iter().flat_map(|seq| seq.to_le_bytes()).collect())
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), ProjectionError> {
        let (seqs, rest) = bytes.as_chunks::<8>();
        self.seqs = seqs.iter().map(|seq| u64::from_le_bytes(*seq)).collect();
        if rest.is_empty() { Ok(()) } else { Err("half a seq".into()) }
    }
}

const PATIENCE: Duration = Duration::from_secs(30);

fn saw_all(ledger: &Ledger, seen: &Projected<Seen>) {
    let head = ledger.head().next_seq;
    assert!(seen.wait_for(head, PATIENCE), "it stopped: {:?}", seen.stopped());
    let (next_seq, seqs) = seen.read(|seen| seen.seqs.clone());
    assert_eq!(next_seq, head);
    assert_eq!(seqs, (0..head.0).collect::<Vec<_>>());
}

async fn adjust(ledger: &Ledger, position: Position, units: i64) {
    let mut act = command(Act::Adjust { lines: smallvec![Line::new(position, Quantity(units))] });
    act.reason = Some(ReasonCode::new("found").unwrap());
    ledger.submit(act).await.unwrap();
}

fn checkpoints(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path.join("derived").join("checkpoints")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("projection-")).collect();
    names.sort();
    names
}

#[tokio::test]
async fn every_event_is_seen_once_over_restarts_and_damage() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop");
    let ledger = Ledger::create(&path, Options::default()).unwrap();
    let position = shop(&ledger, 10).await;
    let calls = Arc::new(AtomicU64::new(0));
    let fresh = || Seen { version: 1, calls: Arc::clone(&calls), ..Seen::default() };
    let seen = ledger.project(fresh()).unwrap();
    for units in 1..=20 {
        adjust(&ledger, position, units).await;
    }
    saw_all(&ledger, &seen);
    drop(seen);
    adjust(&ledger, position, 1).await;
    ledger.close().await.unwrap();

    let ledger = Ledger::open(&path, Options::default()).unwrap();
    let seen = ledger.project(fresh()).unwrap();
    saw_all(&ledger, &seen);
    assert_eq!(calls.load(Ordering::Relaxed), ledger.head().next_seq.0, "each event was applied once");
    drop(seen);

    let file = path.join("derived").join("checkpoints").join(&checkpoints(&path)[0]);
    let mut bytes = std::fs::read(&file).unwrap();
    let last = bytes.len() - 40;
    bytes[last] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let seen = ledger.project(fresh()).unwrap();
    saw_all(&ledger, &seen);
    assert_eq!(calls.load(Ordering::Relaxed), 2 * ledger.head().next_seq.0, "a damaged checkpoint is built again");
    ledger.close().await.unwrap();
}

#[tokio::test]
async fn an_error_stops_it_where_it_is_until_a_newer_version_takes_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop");
    let ledger = Ledger::create(&path, Options::default()).unwrap();
    let position = shop(&ledger, 10).await;
    let timid = |version| Seen { version, afraid_of: Some(7), ..Seen::default() };
    let seen = ledger.project(timid(1)).unwrap();
    for units in [1, 2, 7, 3] {
        adjust(&ledger, position, units).await;
    }
    let head = ledger.head().next_seq;
    assert!(!seen.wait_for(head, PATIENCE));
    let stopped = seen.stopped().unwrap();
    assert_eq!((stopped.seq, stopped.reason.as_str()), (Seq(head.0 - 2), "it is too large for me"));
    assert_eq!(seen.read(|seen| seen.seqs.len() as u64), (stopped.seq, stopped.seq.0), "nothing behind it was applied");

    // Another one that is afraid never takes over; one that is not does.
    seen.replace(timid(2));
    let until = std::time::Instant::now() + PATIENCE;
    while seen.newer_stopped().is_none() && std::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(seen.newer_stopped(), Some(stopped.clone()));
    assert_eq!(seen.read(|seen| seen.version).1, 1);
    seen.replace(Seen { version: 3, ..Seen::default() });
    while seen.read(|seen| seen.version).1 != 3 && std::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    saw_all(&ledger, &seen);
    assert_eq!(seen.stopped(), None);
    adjust(&ledger, position, 7).await;
    saw_all(&ledger, &seen);
    drop(seen);

    // Its checkpoint is the only one left once it has caught up; the next start goes on there.
    let seen = ledger.project(Seen { version: 3, ..Seen::default() }).unwrap();
    saw_all(&ledger, &seen);
    while checkpoints(&path).len() > 1 && std::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(checkpoints(&path), ["projection-seen-v3"]);
    drop(seen);
    ledger.close().await.unwrap();
}
