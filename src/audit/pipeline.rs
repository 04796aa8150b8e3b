//! Reads a log with two threads: one reads, hashes and decodes, the caller's judges.

use crate::domain::event::Event;
use crate::domain::ids::Seq;
use crate::log::scan::RawScan;
use crate::log::{
    DroppedTail, FaultKind, Hash, Head, LogFault, RawEvent, StoreError, StoreReader, decode_event, recover, scan_raw,
};
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

/// Events that travel between the threads at once, and how many such parcels may wait: a parcel fits a processor's
/// second cache, and a few of them keep both threads busy.
const EVENTS_PER_PARCEL: usize = 256;
const PARCELS_WAITING_MAX: usize = 8;

/// An event in its place, with its hash checked.
pub(crate) struct Placed {
    pub(crate) seq: Seq,
    pub(crate) hash: Hash,
    pub(crate) group_end: bool,
    pub(crate) event: Event,
}

/// How a reading ended.
pub(crate) struct End {
    /// The head behind the last event that was given out.
    pub(crate) head: Head,
    /// What stands behind the last commit mark; unknown where the reading stopped before it.
    pub(crate) tail: Option<DroppedTail>,
    /// What is wrong with the log, store errors aside.
    pub(crate) fault: Option<LogFault>,
}

enum Parcel {
    Events(Vec<Placed>),
    End(Option<DroppedTail>),
    Fault(LogFault),
}

/// Gives every event of the log to `see`, in order, until it breaks off or a fault is found.
///
/// # Errors
/// Where the store can't be read. What is wrong with the log itself is part of the [`End`].
pub(crate) fn each_event(
    reader: &dyn StoreReader,
    mut see: impl FnMut(&Placed) -> ControlFlow<()>,
) -> Result<End, StoreError> {
    std::thread::scope(|scope| {
        let (sender, parcels) = sync_channel(PARCELS_WAITING_MAX);
        let (empties, emptied) = channel();
        let read = Reading { parcels: sender, emptied, filling: Vec::with_capacity(EVENTS_PER_PARCEL) };
        scope.spawn(move || read.whole(scan_raw(reader, Head::EMPTY)));
        let end = look(&parcels, &empties, &mut see);
        // The reading thread ends when nobody takes its parcels any more.
        drop(parcels);
        end
    })
    .and_then(|end| settle_tail(reader, end))
}

/// The reading thread's side.
struct Reading {
    parcels: SyncSender<Parcel>,
    /// Parcels come back to be filled again, so that their memory stays warm.
    emptied: Receiver<Vec<Placed>>,
    filling: Vec<Placed>,
}

/// Nobody takes parcels any more.
struct Gone;

impl Reading {
    fn whole(mut self, mut scan: RawScan<'_>) {
        let last = match self.batches(&mut scan) {
            Ok(()) => Parcel::End(scan.tail()),
            Err(Some(fault)) => Parcel::Fault(fault),
            Err(None) => return,
        };
        let rest = Parcel::Events(std::mem::take(&mut self.filling));
        if self.parcels.send(rest).is_ok() {
            // Where nobody is left to take it, nobody wants to know.
            let _ = self.parcels.send(last);
        }
    }

    /// Sends all events; fails with what is wrong, or with nothing where nobody listens any more.
    fn batches(&mut self, scan: &mut RawScan<'_>) -> Result<(), Option<LogFault>> {
        for batch in scan.by_ref() {
            for raw in batch.map_err(Some)?.iter() {
                self.event(raw)?;
            }
        }
        Ok(())
    }

    fn event(&mut self, raw: RawEvent<'_>) -> Result<(), Option<LogFault>> {
        let RawEvent { seq, hash, group_end, .. } = raw;
        match decode_event(raw.bytes) {
            Ok(event) => self.filling.push(Placed { seq, hash, group_end, event }),
            Err(error) => return Err(Some(LogFault { seq, what: FaultKind::Event(error) })),
        }
        match self.filling.len() {
            EVENTS_PER_PARCEL.. => self.send().map_err(|Gone| None),
            _ => Ok(()),
        }
    }

    fn send(&mut self) -> Result<(), Gone> {
        let empty = self.emptied.try_recv().unwrap_or_else(|_| Vec::with_capacity(EVENTS_PER_PARCEL));
        let full = std::mem::replace(&mut self.filling, empty);
        self.parcels.send(Parcel::Events(full)).map_err(|_| Gone)
    }
}

fn look(
    parcels: &Receiver<Parcel>,
    empties: &Sender<Vec<Placed>>,
    see: &mut impl FnMut(&Placed) -> ControlFlow<()>,
) -> Result<End, StoreError> {
    let mut end = End { head: Head::EMPTY, tail: None, fault: None };
    for parcel in parcels {
        match parcel {
            Parcel::Events(mut events) => {
                for placed in &events {
                    if see(placed).is_break() {
                        return Ok(end);
                    }
                    end.head = Head { next_seq: Seq(placed.seq.0.saturating_add(1)), hash: placed.hash };
                }
                events.clear();
                // The other side may have read everything and be gone.
                let _ = empties.send(events);
            }
            Parcel::End(tail) => end.tail = tail,
            Parcel::Fault(LogFault { what: FaultKind::Store(error), .. }) => return Err(error),
            Parcel::Fault(fault) => end.fault = Some(fault),
        }
    }
    Ok(end)
}

/// A hole behind the last commit mark is a group that was cut while it was being written, and no fault.
fn settle_tail(reader: &dyn StoreReader, mut end: End) -> Result<End, StoreError> {
    if !matches!(end.fault, Some(LogFault { what: FaultKind::FrameMissing { .. }, .. })) {
        return Ok(end);
    }
    match recover(reader, end.head) {
        Ok(recovery) if recovery.head == end.head => {
            end.fault = None;
            end.tail = recovery.dropped;
        }
        Ok(_) => {}
        Err(LogFault { what: FaultKind::Store(error), .. }) => return Err(error),
        Err(_) => {}
    }
    Ok(end)
}
