//! An index of very many ids, asked for ids that it does not have, as every new command does, and for some that it has.

use super::latency::Latencies;
use super::machine::resident_bytes;
use super::report::{Aim, Beside, Bound, Draft, Size};
use super::shop::id;
use super::stage::Stage;
use super::{BenchError, Plan};
use counterfoil::files::DirFiles;
use counterfoil::index::limits::SEGMENT_SEQS;
use counterfoil::index::{Index, IndexReader, MergeStep, Segment};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

const IDS_PER_EVENT: u64 = 10;
const LOOKUPS: u64 = 200_000;
const STREAM: u64 = 8;
const UNKNOWN_STREAM: u64 = 9;
const READ_FREE_MIN: f64 = 0.99;

pub(super) fn run(stage: &mut Stage<'_>) -> Result<(), BenchError> {
    let ids = stage.plan.events.saturating_mul(IDS_PER_EVENT);
    let started = Instant::now();
    let index = build(stage, ids)?;
    let built = started.elapsed().as_secs_f64();
    let (reader, lookups) = (index.reader(), stage.at_most(LOOKUPS));
    let before = reader.counters();
    let ((missed, seconds), sync) = stage.beside_syncs(|_| {
        let started = Instant::now();
        let missed = look_up(&reader, lookups, |n| (id(UNKNOWN_STREAM, n).bytes(), None))?;
        Ok((missed, started.elapsed().as_secs_f64()))
    })?;
    let after = reader.counters();
    let hit = look_up(&reader, lookups, |n| {
        let known = n.wrapping_mul(2_654_435_761) % ids;
        (id(STREAM, known).bytes(), Some(known))
    })?;
    let misses = (after.misses - before.misses) as f64;
    let read_free = (after.misses_without_read - before.misses_without_read) as f64 / misses.max(1.0);
    let sizes = index.view().sizes();
    let aim = Aim {
        besides: Some(read_free >= READ_FREE_MIN),
        size: Size::of(ids, Plan::EVENTS * IDS_PER_EVENT),
        ..Aim::new("≥ 99 % read nothing", Bound::Other)
    };
    let memory = (sizes.filter_bytes + sizes.block_index_bytes) as f64 / ids as f64;
    stage.push(Draft {
        aim: Some(aim),
        latency: Some(missed.quantiles("unknown id")),
        count: lookups,
        seconds,
        note: format!(
            "{ids} ids; {:.2} % of unknown ones read nothing; a known one {:.1} µs; {:.1} bytes of disk and {memory:.2} \
             of memory per id{}; built in {built:.0} s",
            read_free * 100.0,
            hit.median_micros(),
            sizes.disk_bytes as f64 / ids as f64,
            resident_bytes().map_or_else(String::new, |bytes| format!(" ({} MB resident)", bytes >> 20)),
        ),
        ..Draft::new("id_lookup_100m", Some(missed.median_nanos()), "ns", Beside::SyncNanos(sync))
    });
    Ok(())
}

/// An index of command ids alone, merged as it grows.
fn build(stage: &mut Stage<'_>, ids: u64) -> Result<Index, BenchError> {
    let path = stage.scratch.join("ids");
    let files = DirFiles::open(path).map_err(|error| BenchError::Wrong(format!("no place for ids ({error})")))?;
    let mut index = Index::create(Arc::new(files), [1; 16])?;
    while index.covered_to() < ids {
        let from = index.covered_to();
        stage.tell("building an index of ids", from, ids);
        let to = (from + SEGMENT_SEQS).min(ids);
        let mut segment = Segment::new(from);
        (from..to).for_each(|seq| segment.insert_command(seq, &id(STREAM, seq).bytes()));
        index.add_segment(segment, to, [0; 32])?;
        while index.merge_step(&AtomicBool::new(false))? == MergeStep::Merged {}
    }
    Ok(index)
}

/// Looks ids up one by one and holds the answers against what they must be.
fn look_up(
    reader: &IndexReader,
    lookups: u64,
    wanted: impl Fn(u64) -> ([u8; 16], Option<u64>),
) -> Result<Latencies, BenchError> {
    let mut latencies = Latencies::new()?;
    for n in 0..lookups {
        let (id, seq) = wanted(n);
        let started = Instant::now();
        let found = reader.command(&id)?;
        latencies.record(started.elapsed());
        if found != seq {
            return Err(BenchError::Wrong(format!("the index found {found:?} for an id that is at {seq:?}")));
        }
    }
    Ok(latencies)
}
