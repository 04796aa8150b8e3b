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
    ended: Option<End>,
    /// The seq up to which readers want to know everything.
    asked: u64,
    /// Whether they asked since the follower looked.
    is_asked: bool,
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
#[derive(Default)]
pub struct Found {
    /// Groups that came in, oldest first.
    pub groups: VecDeque<(Arc<Vec<Recorded>>, Head)>,
    /// How far the log is durable, where a group came since the start.
    pub durable: Option<Head>,
    /// Whether to stop.
    pub ended: Option<End>,
    /// The seq up to which readers want to know everything.
    pub asked: Seq,
}

impl Inner {
    fn has_news(&self) -> bool {
        !self.groups.is_empty() || self.ended.is_some() || self.is_asked
    }
}

impl Handoff {
    /// Hands over a durable group.
    pub fn put(&self, events: Arc<Vec<Recorded>>, head: Head) {
        let mut inner = self.inner.lock();
        inner.durable = Some(head);
        let is_waited_for = events.first().is_some_and(|first| first.seq.0 < inner.asked);
        inner.events += events.len();
        inner.groups.push_back((events, head));
        while inner.events > EVENTS_MAX {
            let Some((dropped, _)) = inner.groups.pop_front() else { break };
            inner.events -= dropped.len();
        }
        if inner.events >= WAKE_EVENTS || is_waited_for {
            self.arrived.notify_one();
        }
    }

    /// A reader waits until everything below this seq is shown: wakes the follower.
    pub fn ask(&self, next_seq: Seq) {
        let mut inner = self.inner.lock();
        inner.asked = inner.asked.max(next_seq.0);
        inner.is_asked = true;
        self.arrived.notify_one();
    }

    /// Takes what has come; waits a while where nothing has.
    pub fn take(&self, wait: Duration) -> Found {
        let mut inner = self.inner.lock();
        if !inner.has_news() && !wait.is_zero() {
            self.arrived.wait_for(&mut inner, wait);
        }
        inner.events = 0;
        inner.is_asked = false;
        let (groups, asked) = (std::mem::take(&mut inner.groups), Seq(inner.asked));
        Found { groups, durable: inner.durable, ended: inner.ended, asked }
    }

    /// Whether something waits to be taken.
    pub fn has_news(&self) -> bool {
        self.inner.lock().has_news()
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
    use crate::domain::command::Actor;
    use crate::domain::event::{Body, ClockAccepted, Event};
    use crate::domain::housekeeping;
    use crate::domain::ids::Timestamp;
    use crate::domain::text::ActorId;
    use crate::log::Hash;
    use std::time::Instant;

    const LONG: Duration = Duration::from_secs(60);

    /// Hands over a group of one event.
    fn put(handoff: &Handoff, next_seq: u64) {
        let seq = Seq(next_seq - 1);
        let envelope =
            housekeeping::envelope(Timestamp(0), Actor::asserted(ActorId::new("ledger").expect("it is short")));
        let event = Event { envelope, body: Body::ClockAccepted(ClockAccepted { clock: Timestamp(0) }) };
        let head = Head { next_seq: Seq(next_seq), hash: Hash([0; 32]) };
        handoff.put(Arc::new(vec![Recorded { seq, hash: [0; 32], event }]), head);
    }

    /// Whether a follower that sleeps gets what `others` hand over long before it wakes by itself.
    fn is_woken(others: impl FnOnce(&Handoff)) -> bool {
        let handoff = Handoff::default();
        let started = Instant::now();
        std::thread::scope(|scope| {
            // A question wakes it too, and then it waits for the group.
            let follower = scope.spawn(|| while handoff.take(LONG).groups.is_empty() && started.elapsed() < LONG {});
            std::thread::sleep(Duration::from_millis(20));
            others(&handoff);
            follower.join().expect("it does not panic");
        });
        started.elapsed() < LONG / 2
    }

    #[test]
    fn a_question_wakes_the_follower_whether_it_comes_before_or_behind_the_group() {
        assert!(is_woken(|handoff| {
            put(handoff, 5);
            handoff.ask(Seq(5));
        }));
        assert!(is_woken(|handoff| {
            handoff.ask(Seq(5));
            put(handoff, 5);
        }));
        assert!(is_woken(|handoff| {
            handoff.ask(Seq(7));
            handoff.ask(Seq(5));
            put(handoff, 5);
            put(handoff, 7);
        }));
    }

    #[test]
    fn a_question_keeps_nobody_awake() {
        let handoff = Handoff::default();
        handoff.ask(Seq(5));
        let found = handoff.take(LONG);
        assert!(found.groups.is_empty() && found.asked == Seq(5), "it is told at once");
        let started = Instant::now();
        assert!(handoff.take(Duration::from_millis(20)).groups.is_empty());
        assert!(started.elapsed() >= Duration::from_millis(20), "and then it is waited for the group");
        put(&handoff, 5);
        assert_eq!(handoff.take(LONG).groups.len(), 1);
    }
}
