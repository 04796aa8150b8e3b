//! Hands durable groups to the follower without ever making the committer wait.

use crate::domain::event::Recorded;
use crate::domain::ids::Seq;
use crate::log::Head;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Events kept for a follower that is behind; beyond that it reads the log instead.
const EVENTS_MAX: usize = 131_072;

/// Events that are worth waking the follower for; it looks for fewer when it wakes by itself.
const WAKE_EVENTS: usize = 1_024;

/// A bounded queue that drops what does not fit: the follower finds it in the log.
#[derive(Default)]
pub struct Handoff {
    inner: Mutex<Inner>,
    arrived: Condvar,
}

#[derive(Default)]
struct Inner {
    groups: VecDeque<(Arc<Vec<Recorded>>, Head)>,
    events: usize,
    durable: Option<Head>,
    /// A question waits until the follower has folded the events below this seq.
    wanted: Option<Seq>,
    ended: Option<End>,
}

/// How a follower is told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// After it has caught up and written a checkpoint.
    CaughtUp,
    /// At once.
    Now,
}

/// What a follower finds.
pub struct Found {
    /// Groups that came in, oldest first.
    pub groups: VecDeque<(Arc<Vec<Recorded>>, Head)>,
    /// How far the log is durable, where a group came since the start.
    pub durable: Option<Head>,
    /// Whether to stop.
    pub ended: Option<End>,
}

impl Handoff {
    /// Hands over a durable group.
    pub fn put(&self, events: Arc<Vec<Recorded>>, head: Head) {
        let mut inner = self.inner.lock();
        inner.durable = Some(head);
        inner.events += events.len();
        inner.groups.push_back((events, head));
        while inner.events > EVENTS_MAX {
            let Some((dropped, _)) = inner.groups.pop_front() else { break };
            inner.events -= dropped.len();
        }
        let is_wanted = inner.wanted.is_some_and(|wanted| wanted <= head.next_seq);
        if is_wanted {
            inner.wanted = None;
        }
        if is_wanted || inner.events >= WAKE_EVENTS {
            self.arrived.notify_one();
        }
    }

    /// Lets the follower take the events below a seq as soon as they are here, however few they are: somebody waits
    /// for them.
    pub fn hurry(&self, next_seq: Seq) {
        let mut inner = self.inner.lock();
        match inner.durable {
            Some(durable) if durable.next_seq >= next_seq => drop(self.arrived.notify_one()),
            // They are published a moment before they are put here.
            _ => inner.wanted = inner.wanted.max(Some(next_seq)),
        }
    }

    /// Takes what has come; waits a while where nothing has.
    pub fn take(&self, wait: Duration) -> Found {
        let mut inner = self.inner.lock();
        if inner.groups.is_empty() && inner.ended.is_none() && !wait.is_zero() {
            self.arrived.wait_for(&mut inner, wait);
        }
        inner.events = 0;
        Found { groups: std::mem::take(&mut inner.groups), durable: inner.durable, ended: inner.ended }
    }

    /// Whether something waits to be taken.
    pub fn has_news(&self) -> bool {
        let inner = self.inner.lock();
        !inner.groups.is_empty() || inner.ended.is_some()
    }

    /// Tells the follower to stop.
    pub fn end(&self, end: End) {
        self.inner.lock().ended = Some(end);
        self.arrived.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Hash;
    use std::time::Instant;

    const LONG: Duration = Duration::from_secs(60);

    fn put(handoff: &Handoff, next_seq: u64) {
        handoff.put(Arc::default(), Head { next_seq: Seq(next_seq), hash: Hash([0; 32]) });
    }

    /// Whether a follower that sleeps gets what `others` hand over long before it wakes by itself.
    fn is_woken(others: impl FnOnce(&Handoff)) -> bool {
        let handoff = Handoff::default();
        let started = Instant::now();
        let found = std::thread::scope(|scope| {
            let follower = scope.spawn(|| handoff.take(LONG));
            std::thread::sleep(Duration::from_millis(20));
            others(&handoff);
            follower.join().expect("it does not panic")
        });
        !found.groups.is_empty() && started.elapsed() < LONG / 2
    }

    #[test]
    fn a_question_wakes_the_follower_whether_it_comes_before_or_behind_the_group() {
        assert!(is_woken(|handoff| {
            put(handoff, 5);
            handoff.hurry(Seq(5));
        }));
        assert!(is_woken(|handoff| {
            handoff.hurry(Seq(5));
            put(handoff, 5);
        }));
        assert!(is_woken(|handoff| {
            handoff.hurry(Seq(7));
            handoff.hurry(Seq(5));
            put(handoff, 5);
            put(handoff, 7);
        }));
    }

    #[test]
    fn a_question_is_forgotten_once_it_is_served() {
        let handoff = Handoff::default();
        handoff.hurry(Seq(5));
        put(&handoff, 5);
        assert!(handoff.inner.lock().wanted.is_none());
        assert_eq!(handoff.take(LONG).groups.len(), 1);
        handoff.hurry(Seq(5));
        assert!(handoff.inner.lock().wanted.is_none(), "they were handed over already");
    }
}
