//! Speed of the log.
//!
//! | workload | what one element is |
//! | --- | --- |
//! | `encode_hash` | one reservation of one line (81 bytes) pushed into a group of 4,096 |
//! | `decode` | one such event read from its bytes |
//! | `scan_raw` | one such event read from memory, its hash checked |
//! | `scan` | the same, decoded too |
//! | `sled_append_sync` | a group of one event appended and synced on disk |
//! | `sled_scan_raw` | one event read from disk through sled, its hash checked |
//!
//! Under `cargo test` each runs once on a small log.

use crate::is_measured;

use counterfoil::domain::command::Actor;
use counterfoil::domain::event::{Body, Envelope, Event, Reserved, UnitMark};
use counterfoil::domain::ids::{CommandId, ItemId, LedgerId, LocationId, Position, Timestamp};
use counterfoil::domain::line::Line;
use counterfoil::domain::quantity::Quantity;
use counterfoil::domain::text::{ActorId, OrderRef};
use counterfoil::log::memory_store::MemoryDisk;
use counterfoil::log::sled_store::SledOptions;
use counterfoil::log::{GroupBuilder, GroupBytes, Head, SledStore, Store, StoreReader, decode_event, encode_event};
use counterfoil::log::{scan, scan_raw};
use criterion::{BatchSize, Criterion, Throughput, criterion_group};
use smallvec::{SmallVec, smallvec};
use std::hint::black_box;

const GROUP: u64 = 4_096;

fn events_in_log() -> u64 {
    match is_measured() {
        true => 50 * GROUP,
        false => GROUP,
    }
}

fn reservation(number: u64) -> Event {
    let mut id = [0x5a; 16];
    id[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    let recorded_at = Timestamp(1_760_000_000_000_000);
    let item = ItemId(u32::try_from(number % 4_000).unwrap_or(0) + 1);
    Event {
        envelope: Envelope {
            recorded_at,
            occurred_at: None,
            command_id: Some(CommandId::from_bytes(id)),
            digest: id,
            actor: Actor::asserted(ActorId::new("clerk7").expect("short")),
            cause: None,
            reason: None,
            order: Some(OrderRef::new(&format!("order-{:04}", number % 10_000)).expect("short")),
            documents: SmallVec::new(),
            private: None,
            unit: UnitMark::Ends,
            extensions: SmallVec::new(),
        },
        body: Body::Reserved(Reserved {
            deadline: Some(recorded_at.plus_micros(900_000_000)),
            lines: smallvec![Line::new(Position::new(item, LocationId(1)), Quantity(2))],
        }),
    }
}

fn group(head: Head, events: &[Event]) -> GroupBytes {
    let mut builder = GroupBuilder::new(head);
    for event in events {
        builder.push(event).expect("the event has a stored form");
    }
    builder.finish()
}

fn groups(count: u64) -> Vec<GroupBytes> {
    let mut head = Head::EMPTY;
    (0..count / GROUP)
        .map(|number| {
            let events: Vec<_> = (0..GROUP).map(|event| reservation(number * GROUP + event)).collect();
            let group = group(head, &events);
            head = group.head();
            group
        })
        .collect()
}

fn pure(criterion: &mut Criterion) {
    let events: Vec<_> = (0..GROUP).map(reservation).collect();
    let mut bench = criterion.benchmark_group("log");
    bench.throughput(Throughput::Elements(GROUP));
    bench.bench_function("encode_hash", |b| b.iter(|| black_box(group(Head::EMPTY, &events))));
    let bytes: Vec<_> = events
        .iter()
        .map(|event| {
            let mut bytes = Vec::new();
            encode_event(event, &mut bytes).expect("the event has a stored form");
            bytes
        })
        .collect();
    bench.bench_function("encode", |b| {
        let mut out = Vec::new();
        b.iter(|| {
            for event in &events {
                out.clear();
                encode_event(event, &mut out).expect("the event has a stored form");
                black_box(&out);
            }
        });
    });
    bench.bench_function("decode", |b| {
        b.iter(|| bytes.iter().filter(|bytes| decode_event(bytes).is_ok()).count());
    });
    bench.finish();
}

fn in_memory(criterion: &mut Criterion) {
    let count = events_in_log();
    let disk = MemoryDisk::with_frames(groups(count).into_iter().flat_map(|group| group.frames));
    let mut bench = criterion.benchmark_group("log");
    bench.throughput(Throughput::Elements(count)).sample_size(10);
    bench.bench_function("scan_raw", |b| b.iter(|| count_raw(&disk)));
    bench.bench_function("scan", |b| b.iter(|| scan(&disk, Head::EMPTY).filter(Result::is_ok).count()));
    bench.finish();
}

fn count_raw(reader: &dyn StoreReader) -> usize {
    scan_raw(reader, Head::EMPTY).map(|batch| batch.map_or(0, |batch| batch.len())).sum()
}

fn on_disk(criterion: &mut Criterion) {
    let count = events_in_log();
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("ledger");
    let mut store =
        SledStore::create(&path, LedgerId::from_bytes([1; 16]), SledOptions::default()).expect("a new ledger");
    let mut head = Head::EMPTY;
    for group in groups(count) {
        store.append(&group).expect("appended");
        head = group.head();
    }
    store.sync().expect("synced");
    let mut bench = criterion.benchmark_group("log");
    bench.throughput(Throughput::Elements(count)).sample_size(10);
    bench.bench_function("sled_scan_raw", |b| b.iter(|| count_raw(store.reader().as_ref())));
    bench.throughput(Throughput::Elements(1));
    bench.bench_function("sled_append_sync", |b| {
        b.iter_batched(
            || {
                let group = group(head, &[reservation(head.next_seq.0)]);
                head = group.head();
                group
            },
            |group| {
                store.append(&group).expect("appended");
                store.sync().expect("synced");
            },
            BatchSize::PerIteration,
        );
    });
    bench.finish();
}

criterion_group!(run, pure, in_memory, on_disk);
