//! Wakes a call that waits for ever.
//!
//! When a write of sled's fails, the call that waits for it may never be told; any other call that meets the error
//! wakes it. So a thread looks after calls that take long, and makes that other call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the thread looks; a call that is seen twice is woken.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks after the calls of one store, one at a time; the thread ends when this is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    /// Odd while a call is under way; each call has its own number.
    call: Arc<AtomicU64>,
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// A watch that wakes a call by this.
    pub(super) fn new(wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        Self::every(LOOK_EVERY, wake)
    }

    fn every(interval: Duration, wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let call = Arc::new(AtomicU64::new(0));
        let (end, ended) = channel::<()>();
        let seen = Arc::clone(&call);
        let look = move || {
            let mut before = 0;
            while ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                let now = seen.load(Ordering::Acquire);
                if now % 2 == 1 && now == before {
                    wake();
                }
                before = now;
            }
        };
        let thread = std::thread::Builder::new()
            .name("counterfoil-watch".to_owned())
            .spawn(look)?;
        Ok(Self {
            call,
            end: Some(end),
            thread: Some(thread),
        })
    }

    /// Makes a call that is looked after.
    pub(super) fn over<T>(&self, call: impl FnOnce() -> T) -> T {
        self.call.fetch_add(1, Ordering::AcqRel);
        let done = call();
        self.call.fetch_add(1, Ordering::AcqRel);
        done
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            // It can't panic: what it calls is guarded.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_waits_is_woken_and_one_that_does_not_is_left_alone() {
        let (wake, woken) = channel();
        let watch = Watch::every(Duration::from_millis(200), move || wake.send(()).unwrap_or(())).expect("a thread");
        for _ in 0..10 {
            watch.over(|| std::thread::sleep(Duration::from_millis(1)));
        }
        assert!(woken.try_recv().is_err());
        watch.over(|| woken.recv()).expect("woken");
    }
}
