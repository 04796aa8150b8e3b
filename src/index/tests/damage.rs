//! Damage and failing calls: a notice, an error or the right answer, never a wrong one.

use super::*;
use crate::files::Fault;

/// A few records of every family in one segment, and the digest of them.
fn tiny_index() -> (MemoryFiles, Model, IndexDigest) {
    let files = MemoryFiles::new();
    let (index, model) = small_index(&files, 1, 40);
    let digest = index.view().digest().unwrap();
    (files, model, digest)
}

/// Opens a damaged index and asks everything; true when the damage was noticed.
fn is_noticed(files: &MemoryFiles, model: &Model, digest: &IndexDigest) -> bool {
    let (index, notices) = open(files);
    if !notices.is_empty() {
        assert_eq!(index.covered_to(), 0);
        assert_eq!(files.list().unwrap().len(), 0, "what can't be used is removed");
        return true;
    }
    let view = index.view();
    let answers = model.compare(&view, 8);
    let read = view.digest();
    if let Ok(read) = &read {
        assert_eq!(read, digest);
    }
    answers.is_err() || read.is_err()
}

#[test]
fn every_flipped_byte_is_noticed() {
    let (files, model, digest) = tiny_index();
    for name in files.list().unwrap() {
        let bytes = files.read_whole(&name).unwrap();
        for at in 0..bytes.len() {
            let damaged = files.crash();
            assert!(damaged.damage(&name, |bytes| bytes[at] ^= 1 << (at % 8)));
            assert!(is_noticed(&damaged, &model, &digest), "byte {at} of {name}");
        }
    }
}

#[test]
fn cut_lengthened_swapped_and_missing_files_are_noticed() {
    let (files, model, digest) = tiny_index();
    let names = files.list().unwrap();
    for name in &names {
        let len = files.read_whole(name).unwrap().len();
        for cut in (0..len).step_by(97).chain([1, len - 1]) {
            let damaged = files.crash();
            damaged.damage(name, |bytes| bytes.truncate(cut));
            assert!(is_noticed(&damaged, &model, &digest), "{name} cut to {cut}");
        }
        let damaged = files.crash();
        damaged.damage(name, |bytes| bytes.push(0));
        assert!(is_noticed(&damaged, &model, &digest), "{name} lengthened");
        let damaged = files.crash();
        damaged.remove(name).unwrap();
        assert!(is_noticed(&damaged, &model, &digest), "{name} missing");
        for other in names.iter().filter(|other| *other != name) {
            let damaged = files.crash();
            let bytes = damaged.read_whole(other).unwrap();
            damaged.damage(name, |target| *target = bytes);
            assert!(is_noticed(&damaged, &model, &digest), "{other} in place of {name}");
        }
    }
}

#[test]
fn another_ledgers_index_is_dropped_and_named() {
    let (files, ..) = tiny_index();
    let (index, notices) = Index::open(Arc::new(files.clone()), [1; 16]).unwrap();
    assert_eq!(index.covered_to(), 0);
    assert!(
        matches!(&notices[..], [Notice::OtherLedger(LEDGER), Notice::OrphansRemoved(files)] if files.len() == 4),
        "{notices:?}"
    );
}

#[test]
fn a_damaged_block_stops_a_merge_and_the_index_is_begun_again_at_once() {
    let files = MemoryFiles::new();
    let (mut index, mut model) = (open(&files).0, Model::default());
    for segment in 0..FAN_IN as u64 {
        add(&mut index, &mut model, (0..30).map(|n| entry_of(segment * 30 + n))).unwrap();
    }
    drop(index);
    let run = files.list().unwrap().into_iter().find(|name| name.starts_with("commands")).unwrap();
    files.damage(&run, |bytes| bytes[100] ^= 1);
    let (mut index, notices) = open(&files);
    assert!(notices.is_empty(), "blocks are checked when they are read");
    let (reader, before) = (index.reader(), index.view());
    let stopped = merge_all(&mut index);
    assert!(matches!(&stopped, Err(IndexError::Corrupted { file, .. }) if *file == run), "{stopped:?}");
    assert!(index.is_dropped() && files.open(MANIFEST_NAME).is_err(), "whoever is killed now begins with nothing");
    assert!(matches!(merge_all(&mut index), Err(IndexError::BegunAgain)));
    assert!(matches!(index.show(Segment::new(0), 1), Err(IndexError::BegunAgain)));
    assert_eq!((reader.covered_to(), reader.known().next_seq(), before.covered_to()), (0, 0, 30 * FAN_IN as u64));
    assert!(reader.rebuild().is_some_and(|rebuild| rebuild.begun == 1 && rebuild.damage.contains(&run)));

    index.begin_again().unwrap();
    assert_eq!(files.list().unwrap().len(), 0);
    let entries = std::mem::take(&mut model.entries);
    add(&mut index, &mut model, entries).unwrap();
    model.compare(&index.view(), 40).unwrap();
    // Who holds the old runs still reads them; what is damaged there no longer concerns the new ones.
    assert!(before.digest().is_err() && !index.is_dropped());
    drop(index);
    let (index, notices) = open(&files);
    assert!(notices.is_empty(), "{notices:?}");
    model.compare(&index.view(), 40).unwrap();
}

#[test]
fn the_first_reader_that_meets_damage_drops_the_index_and_what_was_begun_on_it_comes_too_late() {
    let (files, _, _) = tiny_index();
    let family = |name: &str| name.split('-').next().unwrap().to_owned();
    let runs: Vec<String> = files.list().unwrap().into_iter().filter(|name| name.ends_with(".run")).collect();
    assert!(runs.len() >= 4, "{runs:?}");
    for run in &runs {
        let files = files.crash();
        files.damage(run, |bytes| bytes[100] ^= 1);
        let (mut index, notices) = open(&files);
        assert!(notices.is_empty());
        let read = index.view().digest();
        assert!(read.is_err_and(|error| error.is_damage()), "{}", family(run));
        assert!(index.is_dropped() && files.open(MANIFEST_NAME).is_err(), "{}", family(run));
        let added = index.add_segment(Segment::new(40), 41, [1; 32]);
        assert!(matches!(added, Err(IndexError::BegunAgain)), "{added:?}");
        assert!(files.open(MANIFEST_NAME).is_err(), "a manifest of dropped runs is written");
    }
}

#[test]
fn what_was_made_of_runs_that_are_dropped_meanwhile_is_neither_written_nor_shown() {
    let (files, _, _) = tiny_index();
    let run = files.list().unwrap().into_iter().find(|name| name.starts_with("moves")).unwrap();
    files.damage(&run, |bytes| bytes[100] ^= 1);
    let shared = open(&files).0.reader().shared;
    let (snapshot, tail) = shared.current();
    assert!(IndexReader { shared: shared.clone() }.view().digest().is_err());
    let late = shared.publish(snapshot.as_ref().clone(), b"late");
    assert!(matches!(late, Err(IndexError::BegunAgain)) && files.open(MANIFEST_NAME).is_err(), "{late:?}");
    let late = shared.replace_tail(snapshot.build, tail.as_ref().clone());
    assert!(matches!(late, Err(IndexError::BegunAgain)), "{late:?}");
    assert_eq!((shared.snapshot().covered_to, shared.tail().next_seq), (0, 0));
}

/// Adds segments of two entries and merges until all are in; stops at the first error.
fn follow(files: &MemoryFiles, model: &mut Model, acknowledged: &mut u64) -> Result<(), IndexError> {
    let (mut index, _) = Index::open(Arc::new(files.clone()), LEDGER)?;
    let reader = index.reader();
    model.entries.truncate(index.covered_to() as usize);
    assert!(index.covered_to() >= *acknowledged, "what was acknowledged is still there");
    let run = |index: &mut Index, model: &mut Model, acknowledged: &mut u64| -> Result<(), IndexError> {
        merge_all(index)?;
        while index.covered_to() < 2 * (FAN_IN as u64 + 1) {
            let from = model.entries.len() as u64;
            add(index, model, (from..from + 2).map(entry_of))?;
            *acknowledged = index.covered_to();
            merge_all(index)?;
        }
        Ok(())
    };
    let result = run(&mut index, model, acknowledged);
    if result.as_ref().is_err_and(IndexError::is_damage) {
        // What can't be read is built again.
        assert!(index.is_dropped() && reader.covered_to() == 0);
        *acknowledged = 0;
    } else if result.is_err() {
        // Readers still see what was acknowledged, and nothing more can be written.
        assert_eq!(reader.covered_to(), *acknowledged);
        let acknowledged = Model { entries: model.entries[..*acknowledged as usize].to_vec() };
        acknowledged.compare(&reader.view(), 4).unwrap();
        let refused = index.add_segment(Segment::new(reader.covered_to()), reader.covered_to() + 1, [0; 32]);
        assert!(matches!(refused, Err(IndexError::Latched)));
    }
    result
}

#[test]
fn after_a_failure_of_any_call_in_either_variant_the_index_is_whole() {
    let files = MemoryFiles::new();
    let (mut model, mut acknowledged) = (Model::default(), 0);
    follow(&files, &mut model, &mut acknowledged).unwrap();
    let (calls, names) = (files.calls(), files.list().unwrap());
    let digest = open(&files).0.view().digest().unwrap();
    for fault in [Fault::Lost, Fault::Persisted] {
        for call in 0..calls {
            let files = MemoryFiles::new();
            files.fail_call(call, fault);
            let (mut model, mut acknowledged) = (Model::default(), 0);
            let result = follow(&files, &mut model, &mut acknowledged);
            // Only the removal of a run that nobody needs may fail without a word.
            let files = files.crash();
            let (index, notices) = open(&files);
            assert!(
                notices.iter().all(|notice| matches!(notice, Notice::OrphansRemoved(_) | Notice::ManifestMissing)),
                "{notices:?}"
            );
            let covered = index.covered_to();
            assert!(
                covered == acknowledged || covered == acknowledged + 2,
                "{covered} of {acknowledged}, call {call} {fault:?}"
            );
            let before_or_after = Model { entries: (0..covered).map(entry_of).collect() };
            before_or_after.compare(&index.view(), 4).unwrap();
            drop(index);
            follow(&files, &mut model, &mut acknowledged).unwrap();
            assert_eq!(open(&files).0.view().digest().unwrap(), digest, "call {call} {fault:?} {result:?}");
            assert_eq!(files.list().unwrap().len(), names.len(), "no file is left over");
        }
    }
}

#[test]
fn a_failure_of_any_call_while_opening_loses_nothing() {
    let (files, model, digest) = tiny_index();
    let fresh = files.crash();
    drop(open(&fresh));
    for fault in [Fault::Lost, Fault::Persisted] {
        for call in 0..fresh.calls() {
            let files = files.crash();
            files.fail_call(call, fault);
            assert!(Index::open(Arc::new(files.clone()), LEDGER).is_err(), "call {call} {fault:?}");
            assert!(!is_noticed(&files.crash(), &model, &digest));
        }
    }
}
