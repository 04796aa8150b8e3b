//! Takes sealed groups to the disk, in order, one durable sync each; publishes, and only then lets answers go.

use super::answer::SubmitError;
use super::handoff::Handoff;
use super::published::Published;
use super::writer::{Answer, Group};
use crate::domain::ids::Seq;
use crate::log::{GroupBytes, Store, StoreError};
use std::sync::Arc;

/// What became of a group.
#[derive(Debug)]
pub enum Committed<T> {
    /// It is durable and published: these answers may go, everything below this seq is durable.
    Durable(Vec<(T, Answer)>, Seq),
    /// Nothing of it was written, for this reason: the writer falls back to what is durable and goes on.
    NotWritten(Vec<(T, Answer)>, Arc<StoreError>),
    /// Nobody knows what was written, for this reason: the ledger is latched.
    Latched(Vec<(T, Answer)>, StoreError),
}

/// The only one that changes the store.
pub struct Committer {
    store: Box<dyn Store>,
    published: Arc<Published>,
    handoff: Arc<Handoff>,
}

impl Committer {
    /// Writes to this store and publishes there.
    pub fn new(store: Box<dyn Store>, published: Arc<Published>, handoff: Arc<Handoff>) -> Self {
        Self { store, published, handoff }
    }

    /// Writes, syncs, publishes a group. Answers of a group without events wait for nothing more: the groups
    /// before it went through here.
    pub fn commit<T>(&mut self, group: Group<T>) -> Committed<T> {
        let Some(bytes) = &group.bytes else {
            let next = self.published.read(|durable| durable.head.next_seq);
            return Committed::Durable(group.replies, next);
        };
        let head = bytes.head();
        match self.write(bytes) {
            Ok(()) => {
                tracing::trace_span!("publish").in_scope(|| self.published.publish(&group.events, head));
                self.handoff.put(Arc::clone(&group.events), head);
                Committed::Durable(group.replies, head.next_seq)
            }
            Err(error @ (StoreError::Full { .. } | StoreError::SpaceUnknown { .. } | StoreError::ReadOnly { .. })) => {
                Committed::NotWritten(group.replies, Arc::new(error))
            }
            Err(error) => {
                tracing::error!(%error, "a group could not be written, the ledger is latched");
                Committed::Latched(group.replies, error)
            }
        }
    }

    fn write(&mut self, bytes: &GroupBytes) -> Result<(), StoreError> {
        tracing::trace_span!("append", bytes = bytes.bytes()).in_scope(|| self.store.append(bytes))?;
        tracing::trace_span!("sync").in_scope(|| self.store.sync())
    }

    /// Lets the store do what may wait; called after the answers of a group went out, and once a second.
    pub fn tend(&mut self) {
        if let Err(error) = self.store.tend() {
            tracing::error!(%error, "the store can't note how far the log reaches, the next write will latch the ledger");
        }
    }

    /// Removes the private text of an event, durably.
    pub fn erase_private(&mut self, seq: Seq) -> Result<(), StoreError> {
        self.store.erase_private(seq)
    }

    /// Gives the store back.
    pub fn close(self) -> Result<(), StoreError> {
        self.store.close()
    }
}

/// The answers of a group whose write failed: what stood in it is unknown, what only rested on it was not done.
/// A repeat of what was durable before stands.
pub fn outcome_unknown(answer: &mut Answer, first_failed: Seq) {
    change(answer, first_failed, |receipt_seq| match receipt_seq {
        Some(_) => SubmitError::OutcomeUnknown,
        None => SubmitError::NotAppended,
    });
}

/// The answers of commands that stood behind a failed write: certainly not appended, unless they repeat one in it.
pub fn not_appended(answer: &mut Answer, first_failed: Seq, behind: Seq) {
    change(answer, first_failed, |receipt_seq| match receipt_seq {
        Some(seq) if seq < behind => SubmitError::OutcomeUnknown,
        _ => SubmitError::NotAppended,
    });
}

/// The answers of groups that were certainly not written, for a reason that passes.
pub fn not_written(answer: &mut Answer, first_failed: Seq, error: &Arc<StoreError>) {
    change(answer, first_failed, |_| SubmitError::Store(Arc::clone(error)));
}

fn change(answer: &mut Answer, first_failed: Seq, error: impl Fn(Option<Seq>) -> SubmitError) {
    match answer {
        Answer::Foreseen(foreseen) => *foreseen = Err(error(None)),
        Answer::Outcomes(outcomes) => {
            for outcome in outcomes {
                match outcome.as_ref().map(|receipt| receipt.seq) {
                    Ok(seq) if seq < first_failed => {}
                    Ok(seq) => *outcome = Err(error(Some(seq))),
                    Err(_) => *outcome = Err(error(None)),
                }
            }
        }
    }
}
