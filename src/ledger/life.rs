//! From opened to ended: what is told to everyone who waits for a ledger, however it ends.

use super::answer::SubmitError;
use super::caught::caught;
use super::shell::Message;
use super::status::Status;
use crate::log::StoreError;
use std::io::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use tokio::sync::watch;

/// How far a ledger is.
#[derive(Clone, Default)]
pub(super) struct Stage {
    /// Whether it was asked to end.
    is_closing: bool,
    /// Which of its threads panicked first, and how.
    panic: Option<String>,
    /// How it ended, once nothing of it holds its directory any more.
    ended: Option<Result<(), Arc<StoreError>>>,
}

impl Stage {
    pub(super) const fn is_closing(&self) -> bool {
        self.is_closing
    }
}

/// What the threads of a ledger, its clones and its readers share of its end.
pub(super) struct Life {
    stage: watch::Sender<Stage>,
    /// The same as in the stage, for who asks before each frame.
    is_closing: AtomicBool,
    status: Arc<Status>,
    to_writer: Sender<Message>,
}

impl Life {
    pub(super) fn new(status: Arc<Status>, to_writer: Sender<Message>) -> Self {
        let (stage, _) = watch::channel(Stage::default());
        Self { stage, is_closing: AtomicBool::new(false), status, to_writer }
    }

    /// It is asked to end: subscriptions do so, and the log says closed to whoever reads it.
    pub(super) fn close(&self) {
        self.is_closing.store(true, Ordering::Release);
        self.stage.send_modify(|stage| stage.is_closing = true);
    }

    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Acquire)
    }

    /// Told of every stage.
    pub(super) fn follow(&self) -> watch::Receiver<Stage> {
        self.stage.subscribe()
    }

    /// Runs what one of the threads does; where it panics the ledger is latched and says which thread it was.
    ///
    /// # Errors
    /// How it panicked.
    pub(super) fn watch<R>(&self, thread: &str, run: impl FnOnce() -> R) -> Result<R, String> {
        caught(run).inspect_err(|panic| self.panicked(thread, panic))
    }

    /// One of the threads panicked, like this.
    pub(super) fn panicked(&self, thread: &str, panic: &str) {
        tracing::error!(thread, panic, "a thread of the ledger stopped, the ledger is latched");
        let reason = format!("the {thread} stopped: {panic}");
        self.status.latch(reason.clone());
        self.stage.send_modify(|stage| {
            stage.panic.get_or_insert(reason);
        });
        // Where the writer is gone nothing is left to be stopped.
        let _ = self.to_writer.send(Message::Panicked);
    }

    /// Nothing of it holds its directory any more.
    pub(super) fn end(&self, closed: Result<(), StoreError>) {
        self.stage.send_modify(|stage| {
            let closed = match &stage.panic {
                Some(panic) => Err(StoreError::Io { what: "closing the ledger", source: Error::other(panic.clone()) }),
                None => closed,
            };
            stage.ended = Some(closed.map_err(Arc::new));
        });
    }

    /// Wakes everybody who follows the stages once more.
    pub(super) fn tell_again(&self) {
        self.stage.send_modify(|_| {});
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// The same for everybody: which thread panicked, or why the store could not be given back.
    pub(super) async fn ended(&self) -> Result<(), StoreError> {
        let mut stage = self.stage.subscribe();
        let ended = stage.wait_for(|stage| stage.ended.is_some()).await;
        match ended.as_ref().ok().and_then(|stage| stage.ended.as_ref()) {
            Some(ended) => ended.as_ref().copied().map_err(|error| again(error)),
            None => Err(closed()),
        }
    }

    /// Why an answer never came: who asked is told nothing before that is known.
    pub(super) async fn lost(&self) -> SubmitError {
        let mut stage = self.stage.subscribe();
        let why = stage.wait_for(|stage| stage.panic.is_some() || stage.ended.is_some()).await;
        match why.is_ok_and(|stage| stage.panic.is_none()) {
            // All that the writer took was answered, so this was never taken.
            true => SubmitError::Closed,
            false => SubmitError::OutcomeUnknown,
        }
    }
}

/// What who asks a closed ledger for what is stored is told.
pub(super) fn closed() -> StoreError {
    StoreError::Io { what: "reading the log", source: Error::other("the ledger is closed") }
}

/// The same error for who asks next; one that a store does not close with is told as text.
fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Io { what, source } => {
            let said = || Error::new(source.kind(), source.to_string());
            StoreError::Io { what, source: source.raw_os_error().map_or_else(said, Error::from_raw_os_error) }
        }
        StoreError::Corrupted { seq, what } => StoreError::Corrupted { seq: *seq, what: what.clone() },
        StoreError::Latched => StoreError::Latched,
        StoreError::Full { needed, free } => StoreError::Full { needed: *needed, free: *free },
        StoreError::ReadOnly { path } => StoreError::ReadOnly { path: path.clone() },
        other => StoreError::Io { what: "closing the ledger", source: Error::other(other.to_string()) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::status::Mode;
    use std::pin::pin;
    use std::sync::mpsc::channel;
    use std::task::{Context, Poll, Waker};

    fn life() -> Life {
        Life::new(Arc::new(Status::new(Mode::Writing)), channel().0)
    }

    /// What is known of a lost answer now.
    fn lost(life: &Life) -> Option<SubmitError> {
        match pin!(life.lost()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(error) => Some(error),
            Poll::Pending => None,
        }
    }

    #[test]
    fn nobody_is_told_why_an_answer_is_lost_before_it_is_known() {
        let closed = life();
        assert!(lost(&closed).is_none());
        closed.close();
        assert!(lost(&closed).is_none(), "it may still be answered, or panic");
        closed.end(Ok(()));
        assert!(matches!(lost(&closed), Some(SubmitError::Closed)));

        let panicked = life();
        assert!(panicked.watch("writer", || panic!("no")).is_err());
        assert!(matches!(lost(&panicked), Some(SubmitError::OutcomeUnknown)));
        panicked.end(Ok(()));
        assert!(matches!(lost(&panicked), Some(SubmitError::OutcomeUnknown)), "a panic is taken for a plain end");
    }

    #[test]
    fn everybody_is_told_the_same_end() {
        let ended = |life: &Life| match pin!(life.ended()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(ended) => ended.map_err(|error| error.to_string()),
            Poll::Pending => Err("not yet".to_owned()),
        };
        let full = life();
        assert_eq!(ended(&full), Err("not yet".to_owned()));
        full.end(Err(StoreError::Full { needed: 7, free: 3 }));
        let said = StoreError::Full { needed: 7, free: 3 }.to_string();
        assert_eq!([ended(&full), ended(&full)], [Err(said.clone()), Err(said)]);

        let panicked = life();
        for thread in ["writer", "supervisor"] {
            assert!(panicked.watch(thread, || panic!("no")).is_err());
        }
        panicked.end(Ok(()));
        assert_eq!(ended(&panicked), Err("closing the ledger: the writer stopped: it panicked: no".to_owned()));
    }
}
