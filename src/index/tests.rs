//! The index against a plain model, through merges, damage, crashes and reopening.

mod damage;
mod known;
mod model;

use super::limits::{FAN_IN, SEGMENT_SEQS};
use super::*;
use crate::files::{DirFiles, Files, MemoryFiles};
use model::{Entry, Model, entry, entry_of, id, mix};
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const LEDGER: [u8; 16] = [9; 16];

fn open(files: &MemoryFiles) -> (Index, Vec<Notice>) {
    Index::open(Arc::new(files.clone()), LEDGER).unwrap()
}

/// Adds entries to the model and, as one segment, to the index.
fn add(index: &mut Index, model: &mut Model, entries: impl IntoIterator<Item = Entry>) -> Result<(), IndexError> {
    let from = model.entries.len() as u64;
    model.entries.extend(entries);
    let to = model.entries.len() as u64;
    index.add_segment(model.segment(from), to, [to as u8; 32])
}

fn merge_all(index: &mut Index) -> Result<u32, IndexError> {
    let mut merges = 0;
    while index.merge_step(&AtomicBool::new(false))? == MergeStep::Merged {
        merges += 1;
    }
    Ok(merges)
}

/// An index of `segments` small segments with all merges done.
fn small_index(files: &MemoryFiles, segments: u64, entries_per_segment: u64) -> (Index, Model) {
    let (mut index, mut model) = (open(files).0, Model::default());
    for segment in 0..segments {
        add(&mut index, &mut model, (0..entries_per_segment).map(|n| entry_of(segment * entries_per_segment + n)))
            .unwrap();
        merge_all(&mut index).unwrap();
    }
    (index, model)
}

#[derive(Debug, Clone, Copy)]
enum Between {
    Nothing,
    Merge,
    PauseMerge,
    Reopen,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn answers_equal_a_plain_model_through_merges_and_reopening(
        segments in prop::collection::vec((prop::collection::vec(entry(), 1..6), 0..8_u8), 1..90)
    ) {
        let files = MemoryFiles::new();
        let (mut index, mut model) = (open(&files).0, Model::default());
        for (entries, between) in segments {
            add(&mut index, &mut model, entries).unwrap();
            let between = [Between::Merge, Between::PauseMerge, Between::Reopen].get(usize::from(between)).copied().unwrap_or(Between::Nothing);
            match between {
                Between::Nothing => {}
                Between::Merge => drop(merge_all(&mut index).unwrap()),
                Between::PauseMerge => prop_assert_ne!(index.merge_step(&AtomicBool::new(true)).unwrap(), MergeStep::Merged),
                Between::Reopen => {
                    let (reopened, notices) = open(&files);
                    prop_assert!(notices.iter().all(|notice| matches!(notice, Notice::OrphansRemoved(_))), "{:?}", notices);
                    index = reopened;
                }
            }
        }
        model.compare(&index.view(), 100).unwrap();
        merge_all(&mut index).unwrap();
        model.compare(&index.view(), 100).unwrap();
    }

    #[test]
    fn recent_and_runs_together_answer_like_the_model_wherever_the_border_is(
        entries in prop::collection::vec(entry(), 20..60), covered in 0..60_usize, base in 0..3_u64, forgotten in 0..20_u64
    ) {
        // The model counts from 0, Recent from just below a segment's end.
        let shift = (base * SEGMENT_SEQS).saturating_sub(base * 20);
        let model = Model { entries: (0..shift).map(|_| Entry::default()).chain(entries).collect() };
        let covered = shift + covered as u64;
        let mut recent = Recent::new();
        model.insert_into(&mut recent, shift);
        recent.trim(covered);
        prop_assert!(recent.segments() <= 2);
        let last = model.entries.len() as u64;
        if forgotten > 0 {
            recent.forget_from(last - forgotten);
        }
        let between = |from: u64| Model {
            entries: (0..last - forgotten)
                .map(|seq| if seq < from { Entry::default() } else { model.entries[seq as usize].clone() })
                .collect(),
        };
        let (newer, kept) = (between(covered), between(covered / SEGMENT_SEQS * SEGMENT_SEQS));
        for n in 0..60 {
            let key = model::bucket(n);
            prop_assert_eq!(recent.command(&id(n), covered), kept.command(&id(n)).filter(|seq| *seq >= covered));
            prop_assert_eq!(recent.external(&id(n), covered), kept.external(&id(n)).filter(|seq| *seq >= covered));
            prop_assert_eq!(recent.shipped(&id(n), covered), newer.shipped(&id(n)));
            prop_assert_eq!(recent.moved_after(&key, model::time(n), covered), newer.moved_after(&key, model::time(n)));
            prop_assert_eq!(recent.moves(&key, .., covered), newer.moves(&key));
        }
    }
}

#[test]
fn runs_of_many_blocks_answer_like_the_model() {
    let files = MemoryFiles::new();
    let (mut index, mut model) = (open(&files).0, Model::default());
    for segment in 0..FAN_IN as u64 + 3 {
        add(&mut index, &mut model, (0..700).map(|n| entry_of(segment * 700 + n))).unwrap();
    }
    model.compare(&index.view(), 60).unwrap();
    let before = index.view().digest().unwrap();
    assert_eq!(merge_all(&mut index).unwrap(), 4);
    model.compare(&index.view(), 60).unwrap();
    assert_eq!(index.view().digest().unwrap(), before);
    for n in (0..model.entries.len() as u64 + 500).step_by(3) {
        assert_eq!(index.view().command(&id(n)).unwrap(), model.command(&id(n)));
    }
}

#[test]
fn a_deleted_index_comes_back_equal_whatever_its_segments_were() {
    let (index, model) = small_index(&MemoryFiles::new(), 75, 4);
    let digest = index.view().digest().unwrap();
    for entries_per_segment in [1, 7, 299] {
        let (mut again, mut rebuilt) = (open(&MemoryFiles::new()).0, Model::default());
        for entries in model.entries.chunks(entries_per_segment) {
            add(&mut again, &mut rebuilt, entries.iter().cloned()).unwrap();
            merge_all(&mut again).unwrap();
        }
        assert_eq!(again.view().digest().unwrap(), digest, "segments of {entries_per_segment}");
    }
    let (mut other, mut changed) = (open(&MemoryFiles::new()).0, Model::default());
    let mut entries = model.entries.clone();
    entries[100].moves.push((model::bucket(0), 0, 1));
    add(&mut other, &mut changed, entries).unwrap();
    let other = other.view().digest().unwrap();
    assert_ne!(other.moves, digest.moves);
    assert_eq!(other.commands, digest.commands);
}

#[test]
fn the_same_segments_make_the_same_bytes() {
    let files = [MemoryFiles::new(), MemoryFiles::new()];
    for files in &files {
        small_index(files, 20, 30);
    }
    let names = files[0].list().unwrap();
    assert_eq!(names, files[1].list().unwrap());
    for name in names {
        assert!(files[0].read_whole(&name).unwrap() == files[1].read_whole(&name).unwrap(), "{name} differs");
    }
}

#[test]
fn a_view_keeps_its_runs_readable_and_their_files_until_it_is_dropped() {
    let files = MemoryFiles::new();
    let (mut index, mut model) = (open(&files).0, Model::default());
    for segment in 0..FAN_IN as u64 {
        add(&mut index, &mut model, (0..50).map(|n| entry_of(segment * 50 + n))).unwrap();
    }
    let (view, before) = (index.view(), files.list().unwrap());
    merge_all(&mut index).unwrap();
    assert!(before.iter().all(|name| files.open(name).is_ok()));
    model.compare(&view, 30).unwrap();
    drop(view);
    assert_eq!(index.merge_step(&AtomicBool::new(false)).unwrap(), MergeStep::Idle);
    assert_eq!(files.list().unwrap().len(), 5, "a manifest and one run per family");
    model.compare(&index.view(), 30).unwrap();
}

#[test]
fn segments_must_continue_the_index() {
    let (mut index, model) = small_index(&MemoryFiles::new(), 1, 10);
    for (from, to) in [(9, 20), (11, 20), (10, 10), (10, 3)] {
        let refused = index.add_segment(Segment::new(from), to, [0; 32]);
        assert!(matches!(refused, Err(IndexError::Gap { covered_to: 10, .. })), "{refused:?}");
    }
    model.compare(&index.view(), 20).unwrap();
    index.add_segment(Segment::new(10), 11, [3; 32]).unwrap();
    assert_eq!((index.covered_to(), index.view().last_hash()), (11, [3; 32]));
}

#[test]
fn merges_that_are_paused_all_the_time_come_to_their_end_while_others_read() {
    let files = MemoryFiles::new();
    let mut index = open(&files).0;
    let ids = |segment: u64| (segment * 20_000..(segment + 1) * 20_000).map(|seq| (seq, id(mix(seq) >> 20)));
    for segment in 0..FAN_IN as u64 {
        let mut records = Segment::new(segment * 20_000);
        ids(segment).for_each(|(seq, id)| records.insert_command(seq, &id));
        index.add_segment(records, (segment + 1) * 20_000, [0; 32]).unwrap();
    }
    let (stop, done, reader) = (AtomicBool::new(true), AtomicBool::new(false), index.reader());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                stop.fetch_xor(true, Ordering::Relaxed);
                std::thread::yield_now();
            }
        });
        scope.spawn(|| {
            for (seq, id) in ids(3).chain(ids(7)) {
                assert_eq!(reader.command(&id).unwrap(), Some(seq));
            }
        });
        while index.merge_step(&stop).unwrap() != MergeStep::Merged {}
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(index.view().sizes().runs, 1);
    for segment in 0..FAN_IN as u64 {
        assert!(ids(segment).all(|(seq, id)| reader.command(&id).unwrap() == Some(seq)));
    }
}

#[test]
fn nearly_all_misses_read_nothing_and_filters_stay_small() {
    let files = MemoryFiles::new();
    let mut index = open(&files).0;
    let random = |n: u64| [mix(n).to_be_bytes(), mix(!n).to_be_bytes()].concat().try_into().unwrap();
    for segment in 0..70_u64 {
        let mut records = Segment::new(segment * 2_000);
        (segment * 2_000..(segment + 1) * 2_000).for_each(|seq| records.insert_command(seq, &random(seq)));
        index.add_segment(records, (segment + 1) * 2_000, [0; 32]).unwrap();
        merge_all(&mut index).unwrap();
    }
    let reader = index.reader();
    assert!((1 << 40..(1 << 40) + 50_000).all(|n| reader.command(&random(n)).unwrap().is_none()));
    let counters = reader.counters();
    assert_eq!((counters.lookups, counters.misses), (50_000, 50_000));
    assert!(counters.misses_without_read * 100 >= counters.misses * 99, "{counters:?}");
    let sizes = index.view().sizes();
    assert!(sizes.filter_bytes * 2 <= sizes.records * 3, "{sizes:?}");
    assert!(sizes.disk_bytes < sizes.records * 24, "{sizes:?}");
}

#[test]
fn a_directory_holds_an_index_like_memory_does() {
    let dir = tempfile::tempdir().unwrap();
    let files: Arc<dyn Files> = Arc::new(DirFiles::open(dir.path()).unwrap());
    files.write_whole("checkpoint-1", b"not ours").unwrap();
    let mut model = Model::default();
    let (mut index, notices) = Index::open(files.clone(), LEDGER).unwrap();
    assert_eq!(notices, [Notice::ManifestMissing]);
    for segment in 0..10 {
        add(&mut index, &mut model, (0..20).map(|n| entry_of(segment * 20 + n))).unwrap();
    }
    merge_all(&mut index).unwrap();
    drop(index);
    std::fs::write(dir.path().join("moves-0000000000000077.run.tmp"), b"half").unwrap();
    std::fs::write(dir.path().join("moves-0000000000000078.run"), b"orphan").unwrap();
    let files: Arc<dyn Files> = Arc::new(DirFiles::open(dir.path()).unwrap());
    let (index, notices) = Index::open(files.clone(), LEDGER).unwrap();
    assert_eq!(notices, [Notice::OrphansRemoved(vec!["moves-0000000000000078.run".to_owned()])]);
    model.compare(&index.view(), 60).unwrap();
    assert_eq!(files.read_whole("checkpoint-1").unwrap(), b"not ours");
}
