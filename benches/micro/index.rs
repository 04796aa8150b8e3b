//! The index of command ids: building it, finding ids, missing ids.
//!
//! Workload: random version 4 uuids from a fixed seed, `COUNTERFOIL_BENCH_IDS` of them (1,000,000 when not set), in
//! segments of 65,536 seqs, merged as they come, in a directory. Under `cargo test` it runs with 20,000.

use crate::{is_measured, mix};
use counterfoil::files::DirFiles;
use counterfoil::index::limits::SEGMENT_SEQS;
use counterfoil::index::{BucketKey, Index, IndexView, MergeStep, Recent, Segment};
use criterion::{BatchSize, Criterion, Throughput, criterion_group};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

const IDS: u64 = 1_000_000;
const IDS_IN_TESTS: u64 = 20_000;
/// Events of the bench that builds all four families.
const EVENTS: u64 = 8 * SEGMENT_SEQS;
const ITEMS: u64 = 4_000;

fn main_ids() -> u64 {
    let wanted = std::env::var("COUNTERFOIL_BENCH_IDS").ok().and_then(|ids| ids.parse().ok());
    if is_measured() { wanted.unwrap_or(IDS) } else { IDS_IN_TESTS }
}

/// The n-th version 4 uuid.
fn uuid_v4(n: u64) -> [u8; 16] {
    let bits = (u128::from(mix(2 * n)) << 64) | u128::from(mix(2 * n + 1));
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    bits.to_be_bytes()
}

/// Ids that were never inserted.
fn unknown(n: u64) -> [u8; 16] {
    uuid_v4(n + (1 << 60))
}

/// Runs `build` for each segment of `events` seqs and merges in between; answers the index and its directory.
fn built(events: u64, build: impl Fn(&mut Segment, u64)) -> (Index, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let files = DirFiles::open(dir.path()).expect("it opens");
    let (mut index, _) = Index::open(Arc::new(files), [1; 16]).expect("an empty index");
    while index.covered_to() < events {
        let from = index.covered_to();
        let to = (from + SEGMENT_SEQS).min(events);
        let mut segment = Segment::new(from);
        (from..to).for_each(|seq| build(&mut segment, seq));
        index.add_segment(segment, to, [0; 32]).expect("a segment");
        while index.merge_step(&AtomicBool::new(false)).expect("a merge") == MergeStep::Merged {}
    }
    (index, dir)
}

/// An event of all four families: one command id, one or two movements, 0.3 shipments, 0.3 external ids.
fn insert_event(segment: &mut Segment, seq: u64) {
    let random = mix(seq);
    let occurred_at = 1_700_000_000_000_000 + seq as i64 * 10_000;
    let key = BucketKey { item: (random % ITEMS) as u32, location: (random >> 20) as u32 % 3, lot: 0, bucket: 0 };
    segment.insert_command(seq, &uuid_v4(seq));
    segment.insert_move(seq, &key, occurred_at, -((random >> 32) as i64 % 20));
    if random >> 63 == 0 {
        segment.insert_move(seq, &BucketKey { bucket: 1, ..key }, occurred_at, (random >> 32) as i64 % 20);
    }
    if random % 10 < 3 {
        segment.insert_shipment(seq, &unknown(seq / 2), key.item, 0, 3);
        segment.insert_external(seq, &unknown(seq));
    }
}

fn insert_recent(recent: &mut Recent, seq: u64, id: &[u8; 16]) {
    let random = u64::from_le_bytes([id[0], id[1], id[2], id[3], id[4], id[5], id[10], id[11]]);
    let key = BucketKey { item: (random % ITEMS) as u32, location: (random >> 20) as u32 % 3, lot: 0, bucket: 0 };
    recent.insert_command(seq, id);
    recent.insert_move(seq, &key, seq as i64, -1);
    if random >> 63 == 0 {
        recent.insert_move(seq, &BucketKey { bucket: 1, ..key }, seq as i64, 1);
    }
    if random % 10 < 3 {
        recent.insert_shipment(seq, id, key.item, 0, 3);
        recent.insert_external(seq, id);
    }
}

/// A field of `/proc/self/status` in MB, where there is one.
fn memory_mb(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.trim_matches([':', ' ', '\t', 'k', 'B']).parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn report(ids: u64, view: &IndexView, seconds: f64) {
    let sizes = view.sizes();
    eprintln!(
        "{ids} ids in {} runs: built in {seconds:.1} s ({:.2} M/s), {:.1} bytes of disk per id, {:.2} bytes of filter per id, \
         block index {:.1} MB, resident {} MB, peak {} MB",
        sizes.runs,
        ids as f64 / seconds / 1e6,
        sizes.disk_bytes as f64 / ids as f64,
        sizes.filter_bytes as f64 / ids as f64,
        sizes.block_index_bytes as f64 / 1e6,
        memory_mb("VmRSS"),
        memory_mb("VmHWM"),
    );
}

fn lookups(criterion: &mut Criterion) {
    let ids = main_ids();
    let start = Instant::now();
    let (index, _dir) = built(ids, |segment, seq| segment.insert_command(seq, &uuid_v4(seq)));
    report(ids, &index.view(), start.elapsed().as_secs_f64());
    let reader = index.reader();
    let mut group = criterion.benchmark_group("index");
    let mut next = 0;
    group.bench_function("hit", |bencher| {
        bencher.iter_batched(
            || {
                next += 1;
                mix(next) % ids
            },
            |seq| assert_eq!(reader.command(&uuid_v4(seq)).expect("an answer"), Some(seq)),
            BatchSize::LargeInput,
        );
    });
    let before = reader.counters();
    group.bench_function("miss", |bencher| {
        bencher.iter_batched(
            || {
                next += 1;
                unknown(next)
            },
            |id| assert_eq!(reader.command(&id).expect("an answer"), None),
            BatchSize::LargeInput,
        );
    });
    group.finish();
    let after = reader.counters();
    let misses = after.misses - before.misses;
    let read_free = after.misses_without_read - before.misses_without_read;
    eprintln!("{misses} misses, {:.3} % of them read nothing", read_free as f64 * 100.0 / misses as f64);
}

fn builds(criterion: &mut Criterion) {
    let events = if is_measured() { EVENTS } else { 2_000 };
    let mut group = criterion.benchmark_group("index_build");
    group.sample_size(10).throughput(Throughput::Elements(events));
    group.bench_function("segments_and_merges", |bencher| bencher.iter(|| built(events, insert_event)));
    let ids: Vec<[u8; 16]> = (0..events).map(uuid_v4).collect();
    group.bench_function("recent", |bencher| {
        bencher.iter(|| {
            let mut recent = Recent::new();
            for (seq, id) in (0..).zip(&ids) {
                insert_recent(&mut recent, seq, id);
                // As the follower does: what is three segments old is on disk.
                if seq % SEGMENT_SEQS == 0 {
                    recent.trim(seq.saturating_sub(2 * SEGMENT_SEQS));
                }
            }
            black_box(recent.segments())
        });
    });
    group.finish();
}

criterion_group!(run, lookups, builds);
