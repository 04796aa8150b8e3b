//! The ledger's own store on a disk that forgets: what `sync` acknowledged is there after a power cut, in order
//! and readable.

use crate::power_cut::{Store, put_through_cuts};
use counterfoil::domain::command::Actor;
use counterfoil::domain::event::{Body, Envelope, Event, Received, UnitMark};
use counterfoil::domain::ids::{CommandId, ItemId, LedgerId, LocationId, Position, Timestamp};
use counterfoil::domain::line::Line;
use counterfoil::domain::quantity::Quantity;
use counterfoil::domain::text::ActorId;
use counterfoil::log::sled_store::SledOptions;
use counterfoil::log::{GroupBuilder, Head, SledStore, Store as _, StoreReader, recover, scan};
use smallvec::{SmallVec, smallvec};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use uuid::Uuid;

const LEDGER: LedgerId = LedgerId(Uuid::from_u128(0x1ed6e4));
const OPTIONS: SledOptions = SledOptions { cache_bytes: 1 << 20, reserve_bytes: 1 << 20 };

/// The store as the ledger uses it: frames with a commit mark, then one sync, while somebody reads.
struct Log {
    store: SledStore,
    head: Head,
    reader: Option<JoinHandle<()>>,
    is_closing: Arc<AtomicBool>,
}

impl Drop for Log {
    fn drop(&mut self) {
        self.is_closing.store(true, Ordering::Relaxed);
        self.reader.take().map(JoinHandle::join);
    }
}

/// Reads the log again and again; what it meets after the cut is of no interest.
fn read_until(reader: Arc<dyn StoreReader>, is_closing: Arc<AtomicBool>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        while !is_closing.load(Ordering::Relaxed) {
            scan(&*reader, Head::EMPTY).take_while(|_| !is_closing.load(Ordering::Relaxed)).for_each(drop);
            std::thread::sleep(Duration::from_micros(200));
        }
    })
}

/// An event that belongs to its number and to no other.
fn event(number: u64) -> Event {
    let mut id = [0x55; 16];
    id[..8].copy_from_slice(&number.to_le_bytes());
    let position = Position::new(ItemId(300 + (number % 4_000) as u32), LocationId(1));
    Event {
        envelope: Envelope {
            recorded_at: Timestamp(1_760_000_000_000_000 + number as i64),
            occurred_at: None,
            command_id: Some(CommandId::from_bytes(id)),
            digest: [7; 16],
            actor: Actor::asserted(ActorId::new("clerk7").unwrap()),
            cause: None,
            reason: None,
            order: None,
            documents: SmallVec::new(),
            private: None,
            unit: UnitMark::Ends,
            extensions: SmallVec::new(),
        },
        body: Body::Received(Received { lines: smallvec![Line::new(position, Quantity(2))] }),
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Store for Log {
    /// Opening drops what stands behind the last commit mark, as the ledger does.
    fn open(path: &Path) -> Result<Log, String> {
        let mut store = match path.exists() {
            true => SledStore::open(path, OPTIONS),
            false => SledStore::create(path, LEDGER, OPTIONS),
        }
        .map_err(text)?;
        let recovery = recover(&*store.reader(), Head::EMPTY).map_err(text)?;
        if let Some(tail) = recovery.dropped {
            store.drop_from(tail.from).map_err(text)?;
        }
        let is_closing = Arc::new(AtomicBool::new(false));
        let reader = Some(read_until(store.reader(), is_closing.clone()));
        Ok(Log { reader, is_closing, store, head: recovery.head })
    }

    fn append(&mut self, group: Range<u64>) -> Result<(), String> {
        let mut builder = GroupBuilder::new(self.head);
        for number in group {
            builder.push(&event(number)).map_err(text)?;
        }
        let group = builder.finish();
        self.store.append(&group).map_err(text)?;
        self.store.sync().map_err(text)?;
        self.head = group.head();
        Ok(())
    }

    fn entries(&self) -> Result<Vec<u64>, String> {
        let mut numbers = Vec::new();
        let reader = self.store.reader();
        for found in scan(&*reader, Head::EMPTY) {
            let found = found.map_err(text)?;
            if found.event != event(found.seq.0) {
                return Err(format!("event {} has another content", found.seq));
            }
            numbers.push(found.seq.0);
        }
        Ok(numbers)
    }
}

#[test]
fn what_the_log_synced_stays() {
    put_through_cuts::<Log>("the log");
}
