//! Subscriptions: always read from the log, so that history, the present and a slow consumer are one thing.
//!
//! A subscription is no task and keeps no thread. Where there is something to read, a borrowed thread reads ahead of
//! the consumer, as far as there is room for; then it is given back soon, not kept until somebody takes what it read.
//! Where all that is durable was taken, there is nothing but a future that waits.

use super::life::Stage;
use crate::domain::event::Recorded;
use crate::domain::ids::Seq;
use crate::log::{FaultKind, LogFault, StoreError, StoreReader, scan_from};
use parking_lot::Mutex;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio_stream::Stream;

/// Room for events at first, and behind each wait: who looks once and stays away holds no more.
const AHEAD_MIN: usize = 16;
/// Room for events; while history is read it is twice the one before each time that it was used up.
const AHEAD_MAX: usize = 1_024;
/// How long a borrowed thread waits for room, all in all: to begin again in a large group costs more than the moments
/// in which a quick consumer takes something, and a slow one must not keep a thread.
const PATIENCE: Duration = Duration::from_millis(20);
const PAUSE: Duration = Duration::from_micros(100);

/// A stream of durable events in order.
///
/// It ends when the ledger is closed, or after a fault: an end says *closed*, not that there is nothing more. Who goes
/// on later subscribes again behind the last seq that came. While it waits it takes a little memory and nothing else.
pub struct Subscription {
    log: Arc<dyn StoreReader>,
    durable: watch::Receiver<Seq>,
    stage: watch::Receiver<Stage>,
    /// The event that comes next.
    next: Seq,
    ahead: usize,
    doing: Doing,
}

/// How far the log is durable, once that is behind where a subscription goes on; none where the ledger is closed.
type Until = Pin<Box<dyn Future<Output = Option<Seq>> + Send>>;

enum Doing {
    Nothing,
    /// The lock is never taken: it lets others look at who holds a future.
    Waiting(Mutex<Until>),
    /// Events come from this one on.
    Reading(mpsc::Receiver<Result<Recorded, LogFault>>, Seq),
    Over,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("next", &self.next).finish_non_exhaustive()
    }
}

impl Stream for Subscription {
    type Item = Result<Recorded, LogFault>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            self.doing = match &mut self.doing {
                Doing::Over => return Poll::Ready(None),
                Doing::Nothing => self.wait(),
                Doing::Waiting(until) => match ready!(until.get_mut().as_mut().poll(context)) {
                    Some(until) => self.read(until),
                    None => Doing::Over,
                },
                Doing::Reading(events, from) => {
                    let from = *from;
                    match ready!(events.poll_recv(context)) {
                        Some(Ok(event)) => {
                            self.next = event.seq.next();
                            return Poll::Ready(Some(Ok(event)));
                        }
                        Some(Err(fault)) => return self.end(fault),
                        // A thread that gave nothing at all would do so again.
                        None if self.next == from => {
                            let fault = self.stopped();
                            return self.end(fault);
                        }
                        None => {
                            self.ahead = (self.ahead * 2).min(AHEAD_MAX);
                            Doing::Nothing
                        }
                    }
                }
            };
        }
    }
}

impl Subscription {
    pub(super) fn new(
        log: Arc<dyn StoreReader>,
        durable: watch::Receiver<Seq>,
        stage: watch::Receiver<Stage>,
        from: Seq,
    ) -> Self {
        Self { log, durable, stage, next: from, ahead: AHEAD_MIN, doing: Doing::Nothing }
    }

    /// The next event, as soon as it is durable; none when the ledger is closed. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`LogFault`] where an event can't be read; nothing comes after it.
    ///
    /// # Example
    /// ```
    /// # async fn follow(ledger: counterfoil::Ledger) -> Result<(), counterfoil::log::LogFault> {
    /// let mut events = ledger.subscribe(counterfoil::Seq::GENESIS);
    /// while let Some(recorded) = events.next().await.transpose()? {
    ///     println!("{} {}", recorded.seq, recorded.event.body.name());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<Result<Recorded, LogFault>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    fn wait(&mut self) -> Doing {
        let known = *self.durable.borrow();
        if self.stage.borrow().is_closing() {
            return Doing::Over;
        }
        if self.next < known {
            return self.read(known);
        }
        self.ahead = AHEAD_MIN;
        Doing::Waiting(Mutex::new(Box::pin(behind(self.next, self.durable.clone(), self.stage.clone()))))
    }

    /// Lets a thread read on until there is no room for more.
    fn read(&self, until: Seq) -> Doing {
        let (room, events) = mpsc::channel(self.ahead);
        let (log, from) = (Arc::clone(&self.log), self.next);
        spawn_blocking(move || read_ahead(log.as_ref(), &room, from, until));
        Doing::Reading(events, from)
    }

    /// Ends with a fault. What can't be read any more because the ledger is closed is none.
    fn end(&mut self, fault: LogFault) -> Poll<Option<Result<Recorded, LogFault>>> {
        self.doing = Doing::Over;
        Poll::Ready((!self.stage.borrow().is_closing()).then_some(Err(fault)))
    }

    fn stopped(&self) -> LogFault {
        let source = std::io::Error::other("the thread that reads it stopped");
        LogFault { seq: self.next, what: FaultKind::Store(StoreError::Io { what: "reading the log", source }) }
    }
}

async fn behind(from: Seq, mut durable: watch::Receiver<Seq>, mut stage: watch::Receiver<Stage>) -> Option<Seq> {
    let grown = async { durable.wait_for(|until| *until > from).await.ok().map(|until| *until) };
    let closed = async { drop(stage.wait_for(Stage::is_closing).await) };
    tokio::select! {
        until = grown => until,
        () = closed => None,
    }
}

/// Gives the events of a range as long as there is room; what there is none for is read again when it is asked for.
fn read_ahead(log: &dyn StoreReader, room: &mpsc::Sender<Result<Recorded, LogFault>>, from: Seq, until: Seq) {
    // Little room is for who may have looked only once.
    let mut patience = if room.max_capacity() < AHEAD_MAX { Duration::ZERO } else { PATIENCE };
    let mut next = from;
    for scanned in scan_from(log, from) {
        if scanned.as_ref().is_ok_and(|scanned| scanned.seq >= until) {
            return;
        }
        let ends = scanned.is_err();
        if !send(room, scanned.map(Recorded::from), &mut patience) || ends {
            return;
        }
        next = next.next();
    }
    if next < until {
        let last = log.last_frame().ok().flatten().map(|(key, _)| key);
        let what = FaultKind::HeadMissing { expected: until.0, last };
        send(room, Err(LogFault { seq: next, what }), &mut patience);
    }
}

/// Whether there was room before the patience was at its end.
fn send(
    room: &mpsc::Sender<Result<Recorded, LogFault>>,
    mut item: Result<Recorded, LogFault>,
    patience: &mut Duration,
) -> bool {
    loop {
        item = match room.try_send(item) {
            Ok(()) => return true,
            Err(TrySendError::Full(item)) if !patience.is_zero() => item,
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => return false,
        };
        let paused = Instant::now();
        std::thread::sleep(PAUSE);
        *patience = patience.saturating_sub(paused.elapsed());
    }
}
