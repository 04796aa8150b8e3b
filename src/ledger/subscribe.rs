//! Subscriptions: always read from the log, so that history, the present and a slow consumer are one thing.

use crate::domain::event::Recorded;
use crate::domain::ids::Seq;
use crate::log::{LogFault, StoreReader, scan_from};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::{mpsc, watch};
use tokio_stream::Stream;

/// Events on their way to a consumer.
const AHEAD: usize = 1_024;

/// A stream of durable events in order; it ends when the ledger does, or after a fault.
#[derive(Debug)]
pub struct Subscription {
    events: mpsc::Receiver<Result<Recorded, LogFault>>,
}

impl Stream for Subscription {
    type Item = Result<Recorded, LogFault>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.poll_recv(context)
    }
}

pub(super) fn subscribe(log: Arc<dyn StoreReader>, mut durable: watch::Receiver<Seq>, from: Seq) -> Subscription {
    let (sender, events) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        let mut next = from;
        loop {
            let until = *durable.borrow_and_update();
            if next < until {
                let (log, sender) = (Arc::clone(&log), sender.clone());
                let sent = tokio::task::spawn_blocking(move || send(log.as_ref(), &sender, next, until)).await;
                match sent {
                    Ok(true) => next = until,
                    _ => return,
                }
            }
            tokio::select! {
                changed = durable.changed() => if changed.is_err() { return },
                () = sender.closed() => return,
            }
        }
    });
    Subscription { events }
}

/// Sends the events of a range; false where the consumer is gone or the log failed.
fn send(log: &dyn StoreReader, sender: &mpsc::Sender<Result<Recorded, LogFault>>, from: Seq, until: Seq) -> bool {
    for scanned in scan_from(log, from) {
        match scanned {
            Ok(scanned) if scanned.seq >= until => return true,
            Ok(scanned) => {
                if sender.blocking_send(Ok(scanned.into())).is_err() {
                    return false;
                }
            }
            Err(fault) => {
                let _ = sender.blocking_send(Err(fault));
                return false;
            }
        }
    }
    true
}
