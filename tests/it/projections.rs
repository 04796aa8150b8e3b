//! Projections of one's own: every event once, whatever comes between; errors stop; newer versions take over.

use crate::ledger::{command, shop};
use counterfoil::domain::command::{Act, Adjust};
use counterfoil::domain::event::{Adjusted, Body, Event};
use counterfoil::domain::ids::{Position, Seq};
use counterfoil::domain::line::Line;
use counterfoil::domain::quantity::Quantity;
use counterfoil::domain::text::ReasonCode;
use counterfoil::ledger::{Ledger, Options, Projected};
use counterfoil::projection::{Projection, ProjectionError};
use smallvec::smallvec;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
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
    /// It panics in the middle of adjustments of this size.
    mad_about: Option<i64>,
    /// It takes what was saved for half a state.
    forgets: bool,
}

impl Projection for Seen {
    fn name(&self) -> &str {
        "seen"
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn apply(&mut self, seq: Seq, event: &Event) -> Result<(), ProjectionError> {
        if let Body::Adjusted(Adjusted { lines }) = &event.body
            && lines.iter().any(|line| Some(line.quantity.0) == self.afraid_of)
        {
            return Err("it is too large for me".into());
        }
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.seqs.push(seq.0);
        if let Body::Adjusted(Adjusted { lines }) = &event.body {
            assert!(lines.iter().all(|line| Some(line.quantity.0) != self.mad_about), "one too many");
        }
        Ok(())
    }

    fn save(&self) -> Result<Vec<u8>, ProjectionError> {
        Ok(self.seqs.iter().flat_map(|seq| seq.to_le_bytes()).collect())
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), ProjectionError> {
        let (seqs, rest) = bytes.as_chunks::<8>();
        self.seqs = seqs.iter().map(|seq| u64::from_le_bytes(*seq)).collect();
        if rest.is_empty() && !self.forgets { Ok(()) } else { Err("half a seq".into()) }
    }
}

/// A ledger with ten of something.
struct Shop {
    _dir: tempfile::TempDir,
    path: PathBuf,
    ledger: Ledger,
    position: Position,
}

impl Shop {
    async fn made() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shop");
        let ledger = Ledger::create(&path, Options::default()).unwrap();
        let position = shop(&ledger, 10).await;
        Self { _dir: dir, path, ledger, position }
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
    let mut act = command(Act::Adjust(Adjust { lines: smallvec![Line::new(position, Quantity(units))] }));
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
    let Shop { _dir, path, ledger, position } = Shop::made().await;
    let calls = Arc::new(AtomicU64::new(0));
    let fresh = || Seen { version: 1, calls: Arc::clone(&calls), ..Seen::default() };
    let seen = ledger.project(fresh).unwrap();
    for units in 1..=20 {
        adjust(&ledger, position, units).await;
    }
    saw_all(&ledger, &seen);
    drop(seen);
    adjust(&ledger, position, 1).await;
    ledger.close().await.unwrap();

    let ledger = Ledger::open(&path, Options::default()).unwrap();
    let seen = ledger.project(fresh).unwrap();
    saw_all(&ledger, &seen);
    assert_eq!(calls.load(Ordering::Relaxed), ledger.head().next_seq.0, "each event was applied once");
    drop(seen);

    let file = path.join("derived").join("checkpoints").join(&checkpoints(&path)[0]);
    let mut bytes = std::fs::read(&file).unwrap();
    let last = bytes.len() - 40;
    bytes[last] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let seen = ledger.project(fresh).unwrap();
    saw_all(&ledger, &seen);
    assert_eq!(calls.load(Ordering::Relaxed), 2 * ledger.head().next_seq.0, "a damaged checkpoint is built again");
    ledger.close().await.unwrap();
}

#[tokio::test]
async fn an_error_stops_it_where_it_is_until_a_newer_version_takes_over() {
    let Shop { _dir, path, ledger, position } = Shop::made().await;
    let timid = |version| Seen { version, afraid_of: Some(7), ..Seen::default() };
    let seen = ledger.project(|| timid(1)).unwrap();
    for units in [1, 2, 7, 3] {
        adjust(&ledger, position, units).await;
    }
    let head = ledger.head().next_seq;
    assert!(!seen.wait_for(head, PATIENCE));
    let stopped = seen.stopped().unwrap();
    assert_eq!((stopped.seq, stopped.reason.as_str()), (Seq(head.0 - 2), "it is too large for me"));
    assert_eq!(seen.read(|seen| seen.seqs.len() as u64), (stopped.seq, stopped.seq.0), "nothing behind it was applied");

    // Another one that is afraid never takes over; one that is not does.
    seen.replace(move || timid(2)).unwrap();
    let until = std::time::Instant::now() + PATIENCE;
    while seen.newer_stopped().is_none() && std::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(seen.newer_stopped(), Some(stopped.clone()));
    assert_eq!(seen.read(|seen| seen.version).1, 1);
    seen.replace(|| Seen { version: 3, ..Seen::default() }).unwrap();
    while seen.read(|seen| seen.version).1 != 3 && std::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    saw_all(&ledger, &seen);
    assert_eq!(seen.stopped(), None);
    adjust(&ledger, position, 7).await;
    saw_all(&ledger, &seen);
    drop(seen);

    // Its checkpoint is the only one left once it has caught up; the next start goes on there.
    let seen = ledger.project(|| Seen { version: 3, ..Seen::default() }).unwrap();
    saw_all(&ledger, &seen);
    while checkpoints(&path).len() > 1 && std::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(checkpoints(&path), ["projection-seen-v3"]);
    drop(seen);
    ledger.close().await.unwrap();
}

#[tokio::test]
async fn a_state_that_can_not_be_loaded_is_dropped_whole() {
    let Shop { _dir, ledger, .. } = Shop::made().await;
    let seen = ledger.project(Seen::default).unwrap();
    saw_all(&ledger, &seen);
    drop(seen);
    // It has taken over what was saved when it fails: none of that may be left.
    let seen = ledger.project(|| Seen { forgets: true, ..Seen::default() }).unwrap();
    saw_all(&ledger, &seen);
    ledger.close().await.unwrap();
}

#[tokio::test]
async fn a_panic_stops_it_at_its_event_and_is_never_saved() {
    let Shop { _dir, ledger, position, .. } = Shop::made().await;
    let seen = ledger.project(|| Seen { mad_about: Some(7), ..Seen::default() }).unwrap();
    saw_all(&ledger, &seen);
    for units in [7, 1] {
        adjust(&ledger, position, units).await;
    }
    let head = ledger.head().next_seq;
    assert!(!seen.wait_for(head, PATIENCE));
    let stopped = seen.stopped().unwrap();
    assert_eq!((stopped.seq, stopped.reason.as_str()), (Seq(head.0 - 2), "it panicked: one too many"));
    drop(seen);

    // The event that it choked on is in no checkpoint: one that is not mad sees it once.
    let seen = ledger.project(Seen::default).unwrap();
    saw_all(&ledger, &seen);
    ledger.close().await.unwrap();
}

#[tokio::test]
async fn names_are_checked_and_taken_by_one() {
    let Shop { _dir, path, ledger, .. } = Shop::made().await;
    for name in ["", "Sold", "a/../b", "\u{e9}", &"x".repeat(65)] {
        let name = name.to_owned();
        let refused = ledger.project(|| Called(name.clone(), Seen::default())).err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{refused}");
        assert!(refused.to_string().contains(&format!("{name:?}")), "{refused}");
    }
    let longest = "x".repeat(64);
    let called = ledger.project(|| Called(longest.clone(), Seen::default())).unwrap();
    assert!(called.wait_for(ledger.head().next_seq, PATIENCE));

    let seen = ledger.project(Seen::default).unwrap();
    let second = ledger.project(|| Seen { version: 2, ..Seen::default() }).err().unwrap();
    assert_eq!(second.kind(), ErrorKind::AlreadyExists, "{second}");
    assert_eq!(seen.replace(Seen::default).unwrap_err().kind(), ErrorKind::InvalidInput, "it is the same version");
    saw_all(&ledger, &seen);
    drop((seen, called));
    let names = [format!("projection-{longest}-v0"), "projection-seen-v0".to_owned()];
    assert_eq!(checkpoints(&path), [names[1].clone(), names[0].clone()]);
    saw_all(&ledger, &ledger.project(|| Seen { version: 2, ..Seen::default() }).unwrap());
    ledger.close().await.unwrap();
}

#[tokio::test]
async fn one_that_can_not_be_made_is_an_error_and_half_built_newer_ones_are_kept() {
    let Shop { _dir, path, ledger, .. } = Shop::made().await;
    let refused = ledger.project(|| -> Seen { panic!("no room") }).err().unwrap();
    assert_eq!(refused.to_string(), "it panicked: no room");

    // Another process got this far with version 9; versions that are older than the running one are of no more use.
    for version in [9, 1] {
        saw_all(&ledger, &ledger.project(|| Seen { version, ..Seen::default() }).unwrap());
    }
    let until = std::time::Instant::now() + PATIENCE;
    let seen = ledger.project(|| Seen { version: 2, ..Seen::default() }).unwrap();
    while checkpoints(&path) != ["projection-seen-v2", "projection-seen-v9"] && std::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(checkpoints(&path), ["projection-seen-v2", "projection-seen-v9"]);
    assert!(seen.wait_for(ledger.head().next_seq, Duration::MAX), "for ever is a patience too");
    drop(seen);
    ledger.close().await.unwrap();
}

#[tokio::test]
async fn a_closed_ledger_takes_none_and_no_checkpoint_is_lost() {
    let Shop { _dir, path, ledger, .. } = Shop::made().await;
    let seen = ledger.project(Seen::default).unwrap();
    saw_all(&ledger, &seen);
    let (after, head) = (ledger.clone(), ledger.head().next_seq);
    ledger.close().await.unwrap();
    let asked = std::time::Instant::now();
    assert!(!seen.wait_for(head.next(), PATIENCE) && asked.elapsed() < PATIENCE / 2, "nothing comes any more");
    assert_eq!(seen.replace(|| Seen { version: 2, ..Seen::default() }).unwrap_err().kind(), ErrorKind::NotConnected);
    assert_eq!(after.project(Seen::default).err().unwrap().kind(), ErrorKind::NotConnected);
    drop(seen);
    assert_eq!(checkpoints(&path), ["projection-seen-v0"]);

    let ledger = Ledger::open(&path, Options::default()).unwrap();
    let calls = Arc::new(AtomicU64::new(0));
    let seen = ledger.project(|| Seen { calls: Arc::clone(&calls), ..Seen::default() }).unwrap();
    saw_all(&ledger, &seen);
    assert_eq!(calls.load(Ordering::Relaxed), 0, "it went on where its checkpoint was");
    ledger.close().await.unwrap();
}

/// One of another name.
struct Called(String, Seen);

impl Projection for Called {
    fn name(&self) -> &str {
        &self.0
    }

    fn version(&self) -> u32 {
        0
    }

    fn apply(&mut self, seq: Seq, event: &Event) -> Result<(), ProjectionError> {
        self.1.apply(seq, event)
    }

    fn save(&self) -> Result<Vec<u8>, ProjectionError> {
        self.1.save()
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), ProjectionError> {
        self.1.load(bytes)
    }
}
