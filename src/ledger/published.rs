//! What readers see: the state after the last durable group, replaced as a whole.

use super::shown::Shown;
use crate::domain::event::Recorded;
use crate::domain::evolve::evolve;
use crate::domain::ids::Seq;
use crate::domain::state::State;
use crate::log::Head;
use tokio::sync::watch;

/// The durable state. Readers hold the lock for as long as one question takes, never for a sync.
pub struct Published {
    durable: Shown<Durable>,
    next_seq: watch::Sender<Seq>,
}

/// The state after the last durable group, and where the log stands with it.
#[derive(Clone)]
pub struct Durable {
    /// The state.
    pub state: State,
    /// The place of the next event and the hash of the last one.
    pub head: Head,
}

impl Published {
    /// Publishes what is durable at the start.
    pub fn new(state: State, head: Head) -> Self {
        let (next_seq, _) = watch::channel(head.next_seq);
        Self { durable: Shown::new(Durable { state, head }), next_seq }
    }

    /// Publishes a group that is durable now, as one.
    pub fn publish(&self, events: &[Recorded], head: Head) {
        self.durable.change(|durable| {
            for recorded in events {
                evolve(&mut durable.state, &recorded.event);
            }
            durable.head = head;
        });
        self.next_seq.send_replace(head.next_seq);
    }

    /// Asks a question of the durable state; it may ask others.
    pub fn read<R>(&self, question: impl FnOnce(&Durable) -> R) -> R {
        self.durable.look(question)
    }

    /// The place of the next event, for who must not wait for a question that somebody asks.
    pub(super) fn next_seq(&self) -> Seq {
        *self.next_seq.borrow()
    }

    /// Told whenever a group becomes durable: the place of the next event.
    pub fn follow(&self) -> watch::Receiver<Seq> {
        self.next_seq.subscribe()
    }
}
