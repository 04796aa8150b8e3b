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
