//! How fast a log is verified, replayed and exported.
//!
//! | workload | what it is |
//! | --- | --- |
//! | shop | 4,000 items; reserve and fulfil in turns, each for an order of its own |
//! | till | 4,000 items; sales of one line, each with an external id |
//!
//! `verify/shop` measures only the first.

use crate::events_wanted;

use counterfoil::audit::{Options, export, replay, verify};
use counterfoil::domain::command::{Actor, Departure};
use counterfoil::domain::event::{
    Body, Envelope, Event, Fulfilled, Genesis, HoldLine, ItemCreated, LocationCreated, PosDeltaRecorded, PosMovement,
    Received, Reserved, UnitMark,
};
use counterfoil::domain::ids::{CommandId, ItemId, LedgerId, LocationId, Position, Seq, Timestamp};
use counterfoil::domain::line::{Line, Lines};
use counterfoil::domain::quantity::Quantity;
use counterfoil::domain::text::{ActorId, AliasText, ExternalId, OrderRef, Source, Zone};
use counterfoil::log::memory_store::MemoryDisk;
use counterfoil::log::{GroupBuilder, Head, MemoryStore, Store, StoreReader};
use smallvec::{SmallVec, smallvec};
use std::sync::Arc;
use std::time::Instant;

const ITEMS: u32 = 4_000;
const GROUP_EVENTS: usize = 8_192;
const SEED: u64 = 42;

pub fn run() {
    let events = events_wanted();
    let workloads = [("shop", shop as fn(&mut Writer, u64)), ("till", till)];
    let asked: Vec<String> =
        std::env::args().filter_map(|word| Some(word.strip_prefix("verify/")?.to_owned())).collect();
    for (name, next) in
        workloads.into_iter().filter(|(name, _)| asked.is_empty() || asked.iter().any(|word| word == name))
    {
        let mut writer = Writer::new();
        while writer.seq < events {
            next(&mut writer, events);
        }
        let store = writer.finish();
        let reader = store.reader();
        timed(&format!("{name}: verify"), events, || {
            let report = verify(&*reader, Options::default()).expect("memory can be read");
            assert!(report.ok, "{report:?}");
        });
        timed(&format!("{name}: replay"), events, || {
            replay(&*reader, None, |_| {}).expect("it is right");
        });
        timed(&format!("{name}: export"), events, || exported(&reader));
    }
}

fn exported(reader: &Arc<dyn StoreReader>) {
    export(&**reader, &mut std::io::sink(), |_| {}).expect("it is right");
}

fn timed(what: &str, events: u64, run: impl FnOnce()) {
    let (start, processor) = (Instant::now(), processor_seconds());
    run();
    let seconds = start.elapsed().as_secs_f64();
    let rate = events as f64 / seconds / 1e6;
    print!("{what}: {events} events in {seconds:.3} s, {rate:.2} M/s");
    // On a busy machine only this tells anything.
    match (processor, processor_seconds()) {
        (Some(before), Some(after)) => println!(", {:.3} s of processor time", after - before),
        _ => println!(),
    }
}

/// What all threads of this process have used so far, where the system tells: in hundredths of a second.
fn processor_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / 100.0)
}

fn shop(writer: &mut Writer, _: u64) {
    let position = writer.position();
    let order = OrderRef::new(&format!("order-{}", writer.seq)).expect("short");
    let lines = smallvec![Line::new(position, Quantity(2))];
    let reservation = writer.add(Body::Reserved(Reserved { deadline: None, lines }), Some(order.clone()));
    let closes = smallvec![HoldLine { reservation, position, quantity: Quantity(2) }];
    let body = Body::Fulfilled(Fulfilled { departure: Departure::Now, closes, unreserved: Lines::new() });
    writer.add(body, Some(order));
}

fn till(writer: &mut Writer, _: u64) {
    let lines = smallvec![Line::new(writer.position(), Quantity(1))];
    let source = Source::new("till-1").expect("short");
    let external_id = ExternalId::new(&format!("2026-{:08}", writer.seq)).expect("short");
    writer.add(Body::PosDelta(PosDeltaRecorded { source, external_id, delta: PosMovement::Sale(lines) }), None);
}

/// Writes a log event by event.
struct Writer {
    store: MemoryStore,
    head: Head,
    group: Vec<Event>,
    seq: u64,
    random: u64,
    now: i64,
}

impl Writer {
    fn new() -> Self {
        let store = MemoryStore::open(&MemoryDisk::new()).expect("memory");
        let now = 1_767_225_600_000_000;
        let mut writer = Self { store, head: Head::EMPTY, group: Vec::new(), seq: 0, random: SEED, now };
        writer.add(Body::Genesis(Genesis { ledger: LedgerId::from_bytes([1; 16]), format: 1, rules: 1 }), None);
        let zone = Zone::new("Europe/London").expect("known");
        let code = AliasText::new("MAIN").expect("short");
        writer.add(Body::LocationCreated(LocationCreated { location: LocationId(1), code, zone }), None);
        for item in 1..=ITEMS {
            let sku = AliasText::new(&format!("SKU-{item}")).expect("short");
            writer.add(Body::ItemCreated(ItemCreated { item: ItemId(item), sku, decimals: 0 }), None);
        }
        for item in 1..=ITEMS {
            let position = Position::new(ItemId(item), LocationId(1));
            let lines = smallvec![Line::new(position, Quantity(1_000_000))];
            writer.add(Body::Received(Received { lines }), None);
        }
        writer
    }

    fn random(&mut self) -> u64 {
        // xorshift64*
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn position(&mut self) -> Position {
        let item = (self.random() >> 33) as u32 % ITEMS + 1;
        Position::new(ItemId(item), LocationId(1))
    }

    fn add(&mut self, body: Body, order: Option<OrderRef>) -> Seq {
        let seq = Seq(self.seq);
        let command = (u128::from(self.random()) << 64) | u128::from(self.random());
        let genesis = self.seq == 0;
        let envelope = Envelope {
            recorded_at: Timestamp(self.now),
            occurred_at: None,
            command_id: (!genesis).then(|| CommandId::from_bytes(command.to_be_bytes())),
            digest: if genesis { [0; 16] } else { [9; 16] },
            actor: Actor::asserted(ActorId::new("till-07").expect("short")),
            cause: None,
            reason: None,
            order,
            documents: SmallVec::new(),
            private: None,
            unit: UnitMark::Ends,
            extensions: SmallVec::new(),
        };
        self.group.push(Event { envelope, body });
        self.seq += 1;
        if self.group.len() == GROUP_EVENTS {
            self.flush();
        }
        seq
    }

    fn flush(&mut self) {
        let mut builder = GroupBuilder::new(self.head);
        for event in self.group.drain(..) {
            builder.push(&event).expect("it has a stored form");
        }
        let group = builder.finish();
        self.head = group.head();
        self.store.append(&group).expect("memory");
        self.now += 250_000;
    }

    fn finish(mut self) -> MemoryStore {
        if !self.group.is_empty() {
            self.flush();
        }
        self.store.sync().expect("memory");
        self.store
    }
}
