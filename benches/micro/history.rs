//! Questions about the past of a large ledger on a real directory.
//!
//! Workload: `COUNTERFOIL_BENCH_EVENTS` events (1,000,000 under `cargo bench`, few under `cargo test`) over 10,000
//! positions, 15 % of them at one: reservations and their fulfilments, and every third command a till's sale that
//! happened up to an hour earlier. Then, at instants spread over all of history:
//!
//! | question | what is measured |
//! | --- | --- |
//! | `known`, `true` | stock of one position, the busy one and others, as known and as true at an instant |
//! | `everything` | stock of all positions at an instant, both ways |
//! | `events` | a page of 100 of an item's, an actor's, an order's, a kind's history, newest and oldest first |
//! | `explain` | a page of 100 of the busy position |

use crate::{events_wanted, is_measured, mix};
use counterfoil::domain::command::{
    Act, Actor, Command, CreateItem, CreateLocation, Fulfil, Holds, PosChange, PosDelta, Receive, Reserve,
};
use counterfoil::domain::event::EventKind;
use counterfoil::domain::ids::{CommandId, ItemId, LocationId, Position, Timestamp};
use counterfoil::domain::line::Line;
use counterfoil::domain::quantity::Quantity;
use counterfoil::domain::text::{ActorId, AliasText, ExternalId, OrderRef, Source, Zone};
use counterfoil::history::{AsOf, EventFilter};
use counterfoil::ledger::{Ledger, Options};
use counterfoil::query::{Direction, Paging, Scope};
use smallvec::smallvec;
use std::time::{Duration, Instant};

const ITEMS: u64 = 10_000;
const BUSY: u64 = 1;
/// A reservation and its fulfilment are in one batch.
const BATCH: u64 = 8_190;

fn command(act: Act, n: u64) -> Command {
    let actor = Actor::asserted(ActorId::new(&format!("till-{}", n % 50)).unwrap());
    Command::new(actor, act).with_id(id(n))
}

fn id(n: u64) -> CommandId {
    CommandId::from_bytes(((u128::from(mix(n)) << 64) | u128::from(n)).to_be_bytes())
}

fn position(n: u64) -> Position {
    let random = mix(n);
    let item = if random % 100 < 15 { BUSY } else { 1 + (random >> 8) % ITEMS };
    Position::new(ItemId(item as u32), LocationId(1))
}

/// The n-th command: a reservation, its fulfilment, a late sale.
fn nth(n: u64, now: Timestamp) -> Command {
    let lines = smallvec![Line::new(position(n / 3), Quantity(1))];
    match n % 3 {
        0 => command(Act::Reserve(Reserve { deadline: None, lines }), n)
            .for_order(OrderRef::new(&format!("o{n}")).unwrap()),
        1 => {
            let holds = Holds::Reservation(id(n - 1));
            command(Act::Fulfil(Fulfil { holds, portion: Default::default(), departure: Default::default() }), n)
        }
        _ => {
            let (source, external_id) = (Source::new("till").unwrap(), ExternalId::new(&n.to_string()).unwrap());
            let mut sale =
                command(Act::PosDelta(PosDelta { source, external_id, delta: PosChange::Sale { lines } }), n);
            sale.occurred_at = Some(now.plus_micros(-((mix(n) % 3_600_000_000) as i64)));
            sale
        }
    }
}

async fn fill(ledger: &Ledger, events: u64) {
    let (code, zone) = (AliasText::new("S1").unwrap(), Zone::new("Europe/London").unwrap());
    ledger.submit(command(Act::CreateLocation(CreateLocation { code, zone }), 1 << 60)).await.unwrap();
    let mut commands = Vec::new();
    for item in 1..=ITEMS {
        let sku = AliasText::new(&format!("SKU-{item}")).unwrap();
        commands.push(command(Act::CreateItem(CreateItem { sku, decimals: 0 }), (2 << 60) | item));
        let lines = smallvec![Line::new(Position::new(ItemId(item as u32), LocationId(1)), Quantity(1_000_000_000))];
        commands.push(command(Act::Receive(Receive { lines }), (3 << 60) | item));
    }
    for commands in commands.chunks(4_096) {
        assert!(ledger.submit_batch(commands.to_vec()).await.unwrap().iter().all(Result::is_ok));
    }
    let mut under_way = Vec::new();
    for batch in 0..events.div_ceil(BATCH) {
        let now = ledger.query(|_, now| now);
        let commands = (batch * BATCH..(batch + 1) * BATCH).map(|n| nth(n, now)).collect();
        let ledger = ledger.clone();
        under_way.push(tokio::spawn(async move {
            for outcome in ledger.submit_batch(commands).await.unwrap() {
                outcome.unwrap();
            }
        }));
        if under_way.len() == 2 {
            under_way.remove(0).await.unwrap();
        }
    }
    for task in under_way {
        task.await.unwrap();
    }
}

fn report(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let micros = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    println!("{name:<34} p50 {:>10.1} µs  p99 {:>10.1} µs  max {:>10.1} µs", micros(0.5), micros(0.99), micros(1.0));
}

fn timed<T>(times: &mut Vec<Duration>, ask: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let answer = ask();
    times.push(started.elapsed());
    answer
}

fn ask_stock(ledger: &Ledger, instants: &[Timestamp]) {
    let history = ledger.history();
    for (name, of) in [("known", AsOf::Known as fn(Timestamp) -> AsOf), ("true", AsOf::True)] {
        for (place, item) in [("busy", BUSY), ("other", 4_711)] {
            let position = Position::new(ItemId(item as u32), LocationId(1));
            let mut times = Vec::new();
            for at in instants {
                timed(&mut times, || history.stock(position, of(*at)).unwrap());
            }
            report(&format!("stock {name}, {place} position"), times);
        }
        let mut times = Vec::new();
        for at in instants.iter().step_by(instants.len().div_ceil(8)) {
            timed(&mut times, || history.stock_list(&Scope::default(), of(*at)).unwrap());
        }
        report(&format!("everything {name}"), times);
    }
}

fn ask_events(ledger: &Ledger, instants: &[Timestamp], events: u64) {
    let history = ledger.history();
    let plain = EventFilter::default;
    let filters = [
        ("busy item", EventFilter { item: Some(ItemId(BUSY as u32)), ..plain() }),
        ("other item", EventFilter { item: Some(ItemId(4_711)), ..plain() }),
        ("location", EventFilter { location: Some(LocationId(1)), ..plain() }),
        ("actor", EventFilter { actor: ActorId::new("till-7").ok(), ..plain() }),
        ("order", EventFilter { order: OrderRef::new(&format!("o{}", events / 6 * 3)).ok(), ..plain() }),
        ("kind", EventFilter { kinds: vec![EventKind::Fulfilled], ..plain() }),
        ("command", EventFilter { command: Some(id(events / 2)), ..plain() }),
        ("reservation", EventFilter { reservation: Some(id(events / 6 * 3)), ..plain() }),
        ("item and actor", EventFilter { item: Some(ItemId(77)), actor: ActorId::new("till-7").ok(), ..plain() }),
    ];
    for (name, filter) in filters {
        for direction in [Direction::Ascending, Direction::Descending] {
            let mut times = Vec::new();
            for at in instants {
                let filter = EventFilter { until: Some(*at), ..filter.clone() };
                timed(&mut times, || history.events(&filter, direction, &Paging::first(100)).unwrap());
            }
            report(&format!("events of {name}, {direction:?}"), times);
        }
    }
    let mut times = Vec::new();
    for at in instants.iter().take(20) {
        let position = Position::new(ItemId(BUSY as u32), LocationId(1));
        let of = AsOf::Known(*at);
        timed(&mut times, || history.explain(position, of, Direction::Descending, &Paging::first(100)).unwrap());
    }
    report("explain the busy position", times);
}

pub fn run() {
    let events = events_wanted();
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let path = dir.path().join("ledger");
    let ledger = runtime.block_on(async {
        let ledger = Ledger::create(&path, Options::default()).unwrap();
        let begin = ledger.query(|_, now| now);
        let started = Instant::now();
        fill(&ledger, events).await;
        let wrote = started.elapsed().as_secs_f64();
        let end = ledger.query(|_, now| now);
        let asked = if is_measured() { 200 } else { 5 };
        let spread = |n: u64| begin.plus_micros(((end.0 - begin.0) as u64 / asked * n) as i64);
        let instants: Vec<Timestamp> = (1..=asked).map(|n| spread(mix(n) % asked)).collect();
        println!("{events} events in {wrote:.1} s, {:.0} /s", events as f64 / wrote);
        ask_stock(&ledger, &instants);
        ask_events(&ledger, &instants, events);
        ledger
    });
    let head = ledger.head().next_seq.0;
    runtime.block_on(ledger.close()).unwrap();
    let bytes = walk(&path);
    println!("disk {bytes} bytes, {:.1} per event", bytes as f64 / head as f64);
}

fn walk(path: &std::path::Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    for entry in std::fs::read_dir(path).unwrap().flatten() {
        let meta = entry.metadata().unwrap();
        bytes += if meta.is_dir() { walk(&entry.path()) } else { meta.blocks() * 512 };
    }
    bytes
}
