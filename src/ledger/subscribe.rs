//! Subscriptions: always read from the log, so that history, the present and a slow consumer are one thing.
//!
//! A subscription is no task and has no thread. It holds a page of events; when that is taken and somebody asks for
//! more it waits for events to become durable, borrows a thread for as long as the next page takes to read, and gives it
//! back before the first event of it is taken.

use super::life::Stage;
use crate::domain::event::Recorded;
use crate::domain::ids::Seq;
use crate::log::{FaultKind, LogFault, StoreError, StoreReader, scan_from};
use parking_lot::Mutex;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::vec::IntoIter;
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_stream::Stream;

/// Events of the first page, and of the first behind each wait: who looks once and stays away holds no more.
const PAGE_EVENTS_MIN: usize = 16;
/// Events of a page, each of which is twice the one before while history is read.
const PAGE_EVENTS_MAX: usize = 512;
/// Stored bytes of a page, beside its last event.
const PAGE_BYTES: usize = 256 * 1024;

/// A stream of durable events in order.
///
/// It ends when the ledger is closed, or after a fault: an end says *closed*, not that there is nothing more. Who goes
/// on later subscribes again behind the last seq that came. While it waits it takes a little memory and nothing else.
pub struct Subscription {
    page: IntoIter<Recorded>,
    /// What stands behind the page.
    fault: Option<LogFault>,
    next: Next,
}

/// Where the next page comes from.
enum Next {
    Source(Source),
    /// It is waited for, or read. The lock is never taken: it lets others look at who holds a future.
    Page(Mutex<Turn>),
    /// There is none.
    End,
}

/// Gives the source back together with a page of it.
type Turn = Pin<Box<dyn Future<Output = (Source, Page)> + Send>>;

enum Page {
    Events(Vec<Recorded>, Option<LogFault>),
    Closed,
}

/// What pages are read from.
struct Source {
    log: Arc<dyn StoreReader>,
    durable: watch::Receiver<Seq>,
    stage: watch::Receiver<Stage>,
    from: Seq,
    events_max: usize,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("at_hand", &self.page.len()).finish_non_exhaustive()
    }
}

impl Stream for Subscription {
    type Item = Result<Recorded, LogFault>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(event) = self.page.next() {
                return Poll::Ready(Some(Ok(event)));
            }
            if let Some(fault) = self.fault.take() {
                self.next = Next::End;
                return Poll::Ready(Some(Err(fault)));
            }
            match &mut self.next {
                Next::End => return Poll::Ready(None),
                Next::Page(page) => {
                    let (source, page) = ready!(page.get_mut().as_mut().poll(context));
                    self.turn(source, page);
                }
                Next::Source(_) => self.ask(),
            }
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
        let source = Source { log, durable, stage, from, events_max: PAGE_EVENTS_MIN };
        Self { page: Vec::new().into_iter(), fault: None, next: Next::Source(source) }
    }

    fn ask(&mut self) {
        if let Next::Source(source) = std::mem::replace(&mut self.next, Next::End) {
            self.next = Next::Page(Mutex::new(Box::pin(source.page())));
        }
    }

    fn turn(&mut self, source: Source, page: Page) {
        self.next = match page {
            Page::Closed => Next::End,
            Page::Events(events, fault) => {
                (self.page, self.fault) = (events.into_iter(), fault);
                Next::Source(source)
            }
        };
    }
}

impl Source {
    /// Waits until there is something, then reads a page of it.
    async fn page(mut self) -> (Self, Page) {
        let Some(until) = self.until().await else { return (self, Page::Closed) };
        let (log, from, events_max) = (Arc::clone(&self.log), self.from, self.events_max);
        let read = Reading(spawn_blocking(move || read_page(log.as_ref(), from, until, events_max)));
        let (events, fault) = read.done(from).await;
        // What can't be read any more because the ledger is closed is the end, not a fault.
        let fault = fault.filter(|_| !self.stage.borrow().is_closing());
        self.from = events.last().map_or(from, |last| last.seq.next());
        self.events_max = (self.events_max * 2).min(PAGE_EVENTS_MAX);
        (self, Page::Events(events, fault))
    }

    /// How far the log is durable, once that is behind where this goes on; none where the ledger is closed.
    async fn until(&mut self) -> Option<Seq> {
        if self.stage.borrow().is_closing() {
            return None;
        }
        let known = *self.durable.borrow();
        if known > self.from {
            return Some(known);
        }
        self.events_max = PAGE_EVENTS_MIN;
        let (from, durable, stage) = (self.from, &mut self.durable, &mut self.stage);
        let grown = async { durable.wait_for(|until| *until > from).await.ok().map(|until| *until) };
        let closed = async { drop(stage.wait_for(Stage::is_closing).await) };
        tokio::select! {
            until = grown => until,
            () = closed => None,
        }
    }
}

/// A page that is being read in a thread; who lets go of it before the thread has begun spares it.
struct Reading(JoinHandle<(Vec<Recorded>, Option<LogFault>)>);

impl Reading {
    async fn done(mut self, from: Seq) -> (Vec<Recorded>, Option<LogFault>) {
        (&mut self.0).await.unwrap_or_else(|error| {
            let source = std::io::Error::other(error);
            let what = FaultKind::Store(StoreError::Io { what: "reading the log", source });
            (Vec::new(), Some(LogFault { seq: from, what }))
        })
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Events of a range, as many as a page takes, at least one, or what stands in the way of that.
fn read_page(log: &dyn StoreReader, from: Seq, until: Seq, events_max: usize) -> (Vec<Recorded>, Option<LogFault>) {
    let (mut events, mut bytes) = (Vec::new(), 0);
    for scanned in scan_from(log, from) {
        match scanned {
            Ok(scanned) if scanned.seq >= until => return (events, None),
            Ok(scanned) => {
                bytes += scanned.bytes.len();
                events.push(Recorded::from(scanned));
            }
            Err(fault) => return (events, Some(fault)),
        }
        if events.len() >= events_max || bytes >= PAGE_BYTES {
            return (events, None);
        }
    }
    let seq = events.last().map_or(from, |last| last.seq.next());
    let missing =
        FaultKind::HeadMissing { expected: until.0, last: log.last_frame().ok().flatten().map(|(key, _)| key) };
    (events, (seq < until).then_some(LogFault { seq, what: missing }))
}
