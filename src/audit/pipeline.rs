//! Reads a log with two threads: one reads and hashes, the caller's decodes and looks.

use crate::domain::event::Event;
use crate::domain::ids::Seq;
use crate::log::scan::RawScan;
use crate::log::{
    DroppedTail, FaultKind, Head, LogFault, RawBatch, RawEvent, StoreError, StoreReader, decode_event, recover,
    scan_raw,
};
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Batches that travel between the threads at once, and how many such parcels may wait.
const BATCHES_PER_PARCEL: usize = 32;
const PARCELS_WAITING_MAX: usize = 8;

/// How a reading ended.
pub(super) struct End {
    /// The head behind the last event that was given out.
    pub(super) head: Head,
    /// What stands behind the last commit mark; unknown where the reading stopped before it.
    pub(super) tail: Option<DroppedTail>,
    /// What is wrong with the log, store errors aside.
    pub(super) fault: Option<LogFault>,
}

enum Parcel {
    Batches(Vec<RawBatch>),
    End(Option<DroppedTail>),
    Fault(LogFault),
}

/// Gives every event of the log to `see`, in order, until it breaks off or a fault is found.
///
/// # Errors
/// Where the store can't be read. What is wrong with the log itself is part of the [`End`].
pub(super) fn each_event(
    reader: &dyn StoreReader,
    mut see: impl FnMut(RawEvent<'_>, &Event) -> ControlFlow<()>,
) -> Result<End, StoreError> {
    std::thread::scope(|scope| {
        let (sender, parcels) = sync_channel(PARCELS_WAITING_MAX);
        scope.spawn(move || read(scan_raw(reader, Head::EMPTY), &sender));
        let end = look(&parcels, &mut see);
        // The reading thread ends when nobody takes its parcels any more.
        drop(parcels);
        end
    })
    .and_then(|end| settle_tail(reader, end))
}

fn read(mut scan: RawScan<'_>, parcels: &SyncSender<Parcel>) {
    let mut batches = Vec::with_capacity(BATCHES_PER_PARCEL);
    let mut last = None;
    for batch in scan.by_ref() {
        match batch {
            Ok(batch) => batches.push(batch),
            Err(fault) => last = Some(Parcel::Fault(fault)),
        }
        if batches.len() == BATCHES_PER_PARCEL {
            let full = std::mem::replace(&mut batches, Vec::with_capacity(BATCHES_PER_PARCEL));
            if parcels.send(Parcel::Batches(full)).is_err() {
                return;
            }
        }
    }
    // Nobody may be left to take them: then nobody wants to know.
    let _ = parcels.send(Parcel::Batches(batches));
    let _ = parcels.send(last.unwrap_or_else(|| Parcel::End(scan.tail())));
}

fn look(
    parcels: &Receiver<Parcel>,
    see: &mut impl FnMut(RawEvent<'_>, &Event) -> ControlFlow<()>,
) -> Result<End, StoreError> {
    let mut end = End { head: Head::EMPTY, tail: None, fault: None };
    for parcel in parcels {
        match parcel {
            Parcel::Batches(batches) => {
                for raw in batches.iter().flat_map(RawBatch::iter) {
                    let event = match decode_event(raw.bytes) {
                        Ok(event) => event,
                        Err(error) => {
                            end.fault = Some(LogFault { seq: raw.seq, what: FaultKind::Event(error) });
                            return Ok(end);
                        }
                    };
                    if see(raw, &event).is_break() {
                        return Ok(end);
                    }
                    end.head = Head { next_seq: Seq(raw.seq.0.saturating_add(1)), hash: raw.hash };
                }
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
