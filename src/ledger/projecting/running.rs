//! Which projections run: one of a name at a time, and none any more when the ledger has ended.

use super::closed;
use parking_lot::{Condvar, Mutex};
use std::collections::BTreeSet;
use std::io::{Error, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of a projection's name.
const NAME_BYTES_MAX: usize = 64;

/// The projections that run.
#[derive(Default)]
pub(in super::super) struct Running {
    names: Mutex<Names>,
    /// One has stopped.
    changed: Condvar,
}

#[derive(Default)]
struct Names {
    running: BTreeSet<String>,
    /// The ledger ends: no other one begins.
    is_closed: bool,
    /// The ledger has ended: nothing is written any more.
    is_over: bool,
}

impl Running {
    /// Lets no other one begin; those that run see that the ledger closes.
    pub(in super::super) fn close(&self) {
        self.names.lock().is_closed = true;
    }

    /// Waits until all that run have stopped. One that takes longer than the patience writes nothing any more.
    pub(in super::super) fn ended(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut names = self.names.lock();
        while !names.running.is_empty() {
            if self.changed.wait_until(&mut names, until).timed_out() {
                let running = &names.running;
                tracing::warn!(?running, "projections do not stop, their newest checkpoints are not written");
                break;
            }
        }
        names.is_over = true;
    }
}

/// One of them; given back when it is dropped.
pub(super) struct Named {
    running: Arc<Running>,
    name: String,
}

impl Named {
    pub(super) fn take(running: &Arc<Running>, name: &str) -> std::io::Result<Self> {
        let is_allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-');
        if !(1..=NAME_BYTES_MAX).contains(&name.len()) || !name.bytes().all(is_allowed) {
            let why = format!(
                "a projection can't be called {name:?}: a name has 1 to {NAME_BYTES_MAX} small letters, digits, `.`, \
                 `-` and `_`"
            );
            return Err(Error::new(ErrorKind::InvalidInput, why));
        }
        let mut names = running.names.lock();
        if names.is_closed {
            return Err(closed());
        }
        if !names.running.insert(name.to_owned()) {
            let why = format!("a projection called {name:?} runs already: drop it first, or replace it");
            return Err(Error::new(ErrorKind::AlreadyExists, why));
        }
        drop(names);
        Ok(Self { running: Arc::clone(running), name: name.to_owned() })
    }

    /// Whether the ledger's files are still its own.
    pub(super) fn may_write(&self) -> bool {
        !self.running.names.lock().is_over
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        self.running.names.lock().running.remove(&self.name);
        self.running.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_waits_for_those_that_run_and_forbids_the_others_to_write() {
        let running = Arc::new(Running::default());
        let (quick, slow) = (Named::take(&running, "quick"), Named::take(&running, "slow"));
        let (quick, slow) = (quick.expect("it is free"), slow.expect("it is free"));
        running.close();
        assert_eq!(Named::take(&running, "late").err().map(|error| error.kind()), Some(ErrorKind::NotConnected));
        assert!(quick.may_write(), "what runs may save what it has");
        let (waits, pause) = (Arc::clone(&running), Duration::from_millis(50));
        let asked = Instant::now();
        let ends = std::thread::spawn(move || waits.ended(4 * pause));
        std::thread::sleep(pause);
        drop(quick);
        ends.join().expect("it does not panic");
        assert!(asked.elapsed() >= 4 * pause, "it did not wait for the slow one");
        assert!(!slow.may_write(), "it writes into what somebody else may have opened");
    }

    #[test]
    fn the_end_waits_no_longer_than_it_must() {
        let running = Arc::new(Running::default());
        let one = Named::take(&running, "one").expect("it is free");
        running.close();
        let ends = std::thread::spawn(move || drop(one));
        running.ended(Duration::from_secs(60));
        ends.join().expect("it does not panic");
    }
}
