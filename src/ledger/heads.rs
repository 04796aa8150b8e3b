//! Notes heads elsewhere while the ledger works: off the append path, durable heads only.

use super::caught::caught;
use super::life::Life;
use super::published::Published;
use super::sources::Clock;
use crate::domain::ids::{LedgerId, Seq};
use crate::heads::{HeadsFile, KeptHead};
use crate::log::{Head, StoreReader, read_event};
use parking_lot::Mutex;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// How often it is looked whether a head is due.
const LOOK: Duration = Duration::from_millis(50);
/// How long after a failure it is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Where heads are noted, and how often: outside of the ledger's directory, best on another machine's disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepHeads {
    /// The file, one JSON line per head; several ledgers may share it.
    pub file: PathBuf,
    /// After this many events a head is noted, within a twentieth of a second.
    pub every_events: u64,
    /// After this time a head is noted, where there are new events.
    pub every: Duration,
}

impl KeepHeads {
    /// In this file every 10,000 events, every minute, and when the ledger is closed.
    #[must_use]
    pub const fn in_file(file: PathBuf) -> Self {
        Self { file, every_events: 10_000, every: Duration::from_secs(60) }
    }
}

/// How the noting of heads is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadsHealth {
    /// The file.
    pub file: PathBuf,
    /// The last event that is noted there.
    pub noted: Option<Seq>,
    /// Why heads are not noted, or what is wrong with those that were; the ledger goes on.
    pub failure: Option<String>,
}

/// The thread that notes heads.
pub(super) struct Keeper {
    health: Arc<Mutex<HeadsHealth>>,
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Keeper {
    pub(super) fn start(
        keep: KeepHeads,
        ledger: LedgerId,
        log: Arc<dyn StoreReader>,
        published: Arc<Published>,
        clock: Arc<dyn Clock>,
        life: Arc<Life>,
    ) -> std::io::Result<Self> {
        let KeepHeads { file, every_events, every } = keep;
        let health = Arc::new(Mutex::new(HeadsHealth { file: file.clone(), noted: None, failure: None }));
        let (stop, stopped) = channel();
        let now = Instant::now();
        let keeping = Keeping {
            file: HeadsFile::new(file),
            every_events,
            every,
            ledger,
            published,
            clock,
            health: Arc::clone(&health),
            noted: Seq(0),
            noted_at: now,
            retry_at: now,
        };
        let told = Arc::clone(&health);
        let run = move || {
            if let Err(panic) = caught(|| keeping.run(log, &stopped)) {
                told.lock().failure = Some(panic.clone());
                life.panicked("keeper of heads", &panic);
            }
        };
        let thread = Builder::new().name("counterfoil-heads".into()).spawn(run)?;
        Ok(Self { health, stop, thread })
    }

    pub(super) fn health(&self) -> Arc<Mutex<HeadsHealth>> {
        Arc::clone(&self.health)
    }

    /// Notes the last head and ends.
    pub(super) fn finish(self) {
        drop(self.stop);
        let _ = self.thread.join();
    }
}

/// What the thread works with.
struct Keeping {
    file: HeadsFile,
    every_events: u64,
    every: Duration,
    ledger: LedgerId,
    published: Arc<Published>,
    clock: Arc<dyn Clock>,
    health: Arc<Mutex<HeadsHealth>>,
    /// The place behind the last event that is noted.
    noted: Seq,
    noted_at: Instant,
    retry_at: Instant,
}

impl Keeping {
    fn run(mut self, log: Arc<dyn StoreReader>, stopped: &Receiver<()>) {
        if let Err(contradiction) = self.look_back(log.as_ref()) {
            // What was noted is evidence: nothing is put behind it until somebody has looked.
            return self.failed(contradiction);
        }
        drop(log);
        loop {
            match stopped.recv_timeout(LOOK) {
                Err(RecvTimeoutError::Timeout) if self.is_due() => self.note(),
                Err(RecvTimeoutError::Timeout) => {}
                _ => return self.note(),
            }
        }
    }

    /// Holds the log against the newest head of this ledger in the file.
    fn look_back(&mut self, log: &dyn StoreReader) -> Result<(), String> {
        let kept = match self.file.last_of(self.ledger) {
            Ok(Some(kept)) => kept,
            Ok(None) => return Ok(()),
            Err(error) => {
                self.failed(format!("it can't be read: {error}"));
                return Ok(());
            }
        };
        let events = self.head().next_seq;
        let found = match kept.seq < events {
            true => read_event(log, kept.seq).ok().flatten(),
            false => None,
        };
        match found {
            Some(found) if found.hash == kept.hash => {
                self.noted = kept.seq.next();
                self.health.lock().noted = Some(kept.seq);
                Ok(())
            }
            _ => Err(format!(
                "the ledger does not go through event {} with the hash {} that was noted there: it was rewritten or \
                 cut, or an old copy was put in its place; verify it with --expect-heads",
                kept.seq, kept.hash
            )),
        }
    }

    fn head(&self) -> Head {
        self.published.read(|durable| durable.head)
    }

    fn is_due(&self) -> bool {
        let events = self.head().next_seq.0.saturating_sub(self.noted.0);
        let long_ago = self.noted_at.elapsed() >= self.every;
        events > 0 && (events >= self.every_events || long_ago) && Instant::now() >= self.retry_at
    }

    fn note(&mut self) {
        let head = self.head();
        let Some(last) = head.next_seq.0.checked_sub(1).filter(|_| head.next_seq > self.noted) else { return };
        let (seq, time) = (Seq(last), self.clock.wall());
        let kept = KeptHead { ledger: Some(self.ledger), seq, hash: head.hash, time: Some(time) };
        match self.file.append(&kept) {
            Ok(()) => {
                self.noted = head.next_seq;
                self.noted_at = Instant::now();
                let mut health = self.health.lock();
                (health.noted, health.failure) = (Some(seq), None);
            }
            Err(error) => {
                self.retry_at = Instant::now() + RETRY;
                self.failed(format!("the head can't be noted: {error}"));
            }
        }
    }

    fn failed(&self, reason: String) {
        tracing::error!(file = %self.file.path().display(), reason, "heads are not noted");
        self.health.lock().failure = Some(reason);
    }
}
