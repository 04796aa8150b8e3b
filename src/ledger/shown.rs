//! A value that is shown to questions while somebody replaces it: the one lock that code of callers runs under.

use parking_lot::{RwLock, RwLockWriteGuard};
use std::cell::Cell;
use std::time::Duration;

thread_local! {
    /// How many looks at shown values this thread is within.
    static WITHIN: Cell<usize> = const { Cell::new(0) };
}

/// Counts a look of this thread, until it is over; a panic ends it too.
struct Within;

impl Within {
    fn begin() -> Self {
        WITHIN.set(WITHIN.get() + 1);
        Self
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        WITHIN.set(WITHIN.get() - 1);
    }
}

/// See the module. Looks may lie within looks, at the same value or another.
///
/// The outermost look of a thread waits its turn behind who wants to change the value, so that looks that overlap can't
/// keep the change away. A look within a look passes by who waits: that one waits for this very thread.
pub(super) struct Shown<T>(RwLock<T>);

impl<T> Shown<T> {
    pub(super) const fn new(value: T) -> Self {
        Self(RwLock::new(value))
    }

    /// Looks at the value; it stays as it is meanwhile.
    pub(super) fn look<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        let shown = match WITHIN.get() {
            0 => self.0.read(),
            _ => self.0.read_recursive(),
        };
        let _within = Within::begin();
        look(&shown)
    }

    /// Changes the value when no look is under way; looks that the change takes itself are looks within.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        changed(self.0.write(), change)
    }

    /// As [`change`](Self::change) where looks let it in time; otherwise the change comes back undone.
    pub(super) fn change_within<R, C: FnOnce(&mut T) -> R>(&self, patience: Duration, change: C) -> Result<R, C> {
        match self.0.try_write_for(patience) {
            Some(shown) => Ok(changed(shown, change)),
            None => Err(change),
        }
    }
}

fn changed<T, R>(mut shown: RwLockWriteGuard<'_, T>, change: impl FnOnce(&mut T) -> R) -> R {
    let _within = Within::begin();
    change(&mut shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::channel;
    use std::thread::{sleep, spawn};

    /// Longer than anything here takes that does not hang.
    const LONG: Duration = Duration::from_secs(20);
    /// Long enough for a thread to come to the lock.
    const MOMENT: Duration = Duration::from_millis(50);

    #[test]
    fn a_look_within_a_look_passes_by_who_waits_to_change() {
        let shown = Arc::new(Shown::new(1));
        let (told, done) = channel();
        let (begun, writer) = channel();
        let (outer, other) = (Arc::clone(&shown), Arc::new(Shown::new(10)));
        spawn(move || {
            let sum = outer.look(|one| {
                begun.send(()).expect("the test waits");
                sleep(MOMENT);
                one + other.look(|ten| *ten) + outer.look(|one| *one)
            });
            told.send(sum).expect("the test waits");
        });
        writer.recv().expect("it looks");
        let change = Arc::clone(&shown);
        spawn(move || change.change(|one| *one = 2));
        assert_eq!(done.recv_timeout(LONG), Ok(12), "a look within a look hangs");
        let until = std::time::Instant::now() + LONG;
        while shown.look(|one| *one) != 2 {
            assert!(std::time::Instant::now() < until, "nobody looks and the change is kept away");
        }
    }

    #[test]
    fn looks_that_overlap_do_not_keep_a_change_away() {
        let shown = Arc::new(Shown::new(0));
        let over = Arc::new(AtomicBool::new(false));
        let look = |_| {
            let (shown, over) = (Arc::clone(&shown), Arc::clone(&over));
            spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    shown.look(|_| sleep(Duration::from_millis(2)));
                }
            })
        };
        let lookers: Vec<_> = (0..4).map(look).collect();
        sleep(MOMENT);
        let (told, done) = channel();
        let change = Arc::clone(&shown);
        spawn(move || {
            change.change(|value| *value = 1);
            told.send(()).expect("the test waits");
        });
        assert_eq!(done.recv_timeout(LONG), Ok(()), "the change is kept away");
        over.store(true, Ordering::Relaxed);
        for looker in lookers {
            looker.join().expect("it does not panic");
        }
    }

    #[test]
    fn a_panic_ends_a_look_and_what_is_asked_next_is_an_outermost_one() {
        let shown = Shown::new(());
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| shown.look(|()| panic!("no"))));
        assert!(panicked.is_err());
        assert_eq!(WITHIN.get(), 0);
        assert!(shown.change_within(Duration::ZERO, |()| ()).is_ok());
    }
}
