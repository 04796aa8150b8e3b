//! The n-th call fails, in every way, for every n: what was acknowledged is there, what is there is whole.

use super::support::{groups, plain_event};
use crate::domain::ids::Seq;
use crate::log::chain::{Head, PrivateText};
use crate::log::group::{GroupBuilder, GroupBytes};
use crate::log::memory_store::{Fault, FaultPlan, MemoryDisk, MemoryStore};
use crate::log::scan::{recover, scan};
use crate::log::store::{Store, StoreError};

const SIZES: &[&[u64]] = &[&[1], &[1, 2, 400, 1], &[1_500], &[3, 3]];

/// Appends and syncs group by group, as a writer does; returns the groups that were acknowledged.
fn write(store: &mut dyn Store, groups: &[GroupBytes]) -> (usize, Option<StoreError>) {
    for (acknowledged, group) in groups.iter().enumerate() {
        if let Err(error) = store.append(group).and_then(|()| store.sync()) {
            return (acknowledged, Some(error));
        }
    }
    (groups.len(), None)
}

/// Opens the disk again, drops what stands behind the last mark, and returns how many groups are there.
fn reopen(disk: &MemoryDisk, groups: &[GroupBytes]) -> usize {
    let mut store = MemoryStore::open(disk).expect("nobody has it open");
    let recovery = recover(store.reader().as_ref(), Head::EMPTY).expect("a tail is no damage");
    if let Some(tail) = recovery.dropped {
        store.drop_from(tail.from).expect("no fault is planned");
    }
    let again = recover(store.reader().as_ref(), Head::EMPTY).expect("whole");
    assert_eq!((again.head, again.dropped), (recovery.head, None));
    let whole = groups.iter().take_while(|group| group.head().next_seq <= recovery.head.next_seq).count();
    let head = whole.checked_sub(1).map_or(Head::EMPTY, |last| groups[last].head());
    assert_eq!(recovery.head, head, "the log ends between groups");
    let events = scan(store.reader().as_ref(), Head::EMPTY).inspect(|event| assert!(event.is_ok(), "whole")).count();
    assert_eq!(events as u64, head.next_seq.0);
    // The next group goes on from there.
    let (_, error) = write(&mut store, &groups[whole..]);
    assert!(error.is_none());
    whole
}

#[test]
fn whatever_call_fails_in_whatever_way_nothing_acknowledged_is_lost() {
    let groups = groups(SIZES);
    let faults = [
        Fault::FailedAndLost,
        Fault::FailedButPersisted,
        Fault::ShortWrite { frames: 0 },
        Fault::ShortWrite { frames: 1 },
        Fault::ShortWrite { frames: 2 },
        Fault::Full,
    ];
    for fault in faults {
        for nth in 1..=2 * groups.len() as u64 {
            for seed in 0..4 {
                let disk = MemoryDisk::new();
                disk.plan(FaultPlan::none().fail(nth, fault));
                let mut store = MemoryStore::open(&disk).expect("nobody has it open");
                let (acknowledged, error) = write(&mut store, &groups);
                assert!(error.is_some(), "{fault:?} at call {nth}");
                assert_eq!(acknowledged as u64, (nth - 1) / 2);
                let is_full = matches!(error, Some(StoreError::Full { .. }));
                assert_eq!(is_full, fault == Fault::Full && nth % 2 == 1);
                match store.append(&groups[acknowledged]) {
                    Ok(()) => assert!(is_full, "only a full disk may be written to again"),
                    Err(error) => assert!(matches!(error, StoreError::Latched), "{error}"),
                }
                disk.crash(seed);
                disk.plan(FaultPlan::none());
                assert!(matches!(store.sync(), Err(StoreError::Latched)), "the store is dead");
                let whole = reopen(&disk, &groups);
                assert!(whole >= acknowledged, "{fault:?} at call {nth}: {whole} of {acknowledged} groups");
                assert!(whole <= acknowledged + 1);
            }
        }
    }
}

#[test]
fn a_crash_keeps_what_was_synced_and_any_part_of_the_rest() {
    let groups = groups(SIZES);
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..64 {
        let disk = MemoryDisk::new();
        let mut store = MemoryStore::open(&disk).expect("nobody has it open");
        let (acknowledged, _) = write(&mut store, &groups[..2]);
        store.append(&groups[2]).expect("no fault is planned");
        store.append(&groups[3]).expect("no fault is planned");
        disk.crash(seed);
        seen.insert(disk.frames().len());
        let whole = reopen(&disk, &groups);
        assert!(whole >= acknowledged);
    }
    let synced: usize = groups[..2].iter().map(|group| group.frames.len()).sum();
    let all: usize = groups.iter().map(|group| group.frames.len()).sum();
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), (synced..=all).collect::<Vec<_>>());
}

#[test]
fn one_disk_has_one_store() {
    let disk = MemoryDisk::new();
    let store = MemoryStore::open(&disk).expect("nobody has it open");
    assert!(matches!(MemoryStore::open(&disk), Err(StoreError::AlreadyOpen { .. })));
    drop(store);
    assert!(MemoryStore::open(&disk).is_ok());
}

#[test]
fn private_text_can_be_erased_and_goes_with_a_dropped_tail() {
    let disk = MemoryDisk::new();
    let mut store = MemoryStore::open(&disk).expect("nobody has it open");
    let mut builder = GroupBuilder::new(Head::EMPTY);
    for (number, text) in [(0, "ring the bell"), (1, "third floor")] {
        let private = PrivateText { salt: [3; 32], text: text.to_owned() };
        let mut event = plain_event(number);
        event.envelope.private = Some(private.commitment());
        builder.push_private(&event, private).expect("it commits to the text");
    }
    let wrong = PrivateText { salt: [3; 32], text: "other".to_owned() };
    assert!(builder.push_private(&plain_event(2), wrong).is_err());
    store.append(&builder.finish()).expect("no fault is planned");
    store.sync().expect("no fault is planned");
    let reader = store.reader();
    let text = |seq| reader.private(Seq(seq)).expect("readable").map(|private| private.text);
    assert_eq!(text(0).as_deref(), Some("ring the bell"));
    store.erase_private(Seq(0)).expect("no fault is planned");
    assert_eq!((text(0), text(1).as_deref()), (None, Some("third floor")));
    assert!(scan(reader.as_ref(), Head::EMPTY).all(|event| event.is_ok()), "the chain is as it was");
    store.drop_from(crate::log::FrameKey::START).expect("no fault is planned");
    assert_eq!(text(1), None);
}
