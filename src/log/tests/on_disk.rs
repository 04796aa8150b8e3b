//! The store on disk: what it opens, what it refuses, and that a refusal changes nothing.

use super::support::groups;
use crate::domain::ids::{LedgerId, Seq};
use crate::log::chain::{Head, PrivateText};
use crate::log::group::{GroupBuilder, GroupBytes};
use crate::log::scan::{recover, scan};
use crate::log::sled_store::{RawDb, SledOptions, SledStore};
use crate::log::store::{Store, StoreError};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const LEDGER: LedgerId = LedgerId::from_bytes([0xab; 16]);

pub(super) fn options() -> SledOptions {
    SledOptions { cache_bytes: 8 << 20, reserve_bytes: 0 }
}

pub(super) fn place() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("ledger");
    (directory, path)
}

pub(super) fn created(path: &Path, groups: &[GroupBytes]) -> Box<SledStore> {
    let mut store = SledStore::create(path, LEDGER, options()).expect("a new ledger");
    for group in groups {
        store.append(group).expect("appended");
        store.sync().expect("synced");
    }
    Box::new(store)
}

/// Every file below a directory with its content.
pub(super) fn content(path: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(path).into_iter().flatten() {
        let path = entry.expect("readable").path();
        match path.is_dir() {
            true => {
                files.insert(path.clone(), Vec::new());
                files.extend(content(&path));
            }
            false => drop(files.insert(path.clone(), std::fs::read(&path).expect("readable"))),
        }
    }
    files
}

/// Opens a directory that must be refused, and must be as it was before.
fn refused(path: &Path) -> StoreError {
    let before = (path.exists(), content(path));
    let error = SledStore::open(path, options()).expect_err("it must be refused");
    assert_eq!((path.exists(), content(path)), before, "a refusal changes nothing");
    error
}

#[test]
fn what_was_written_is_there_when_it_is_opened_again() {
    let (_guard, path) = place();
    let groups = groups(&[&[1, 2, 900], &[1; 300], &[3_000], &[1]]);
    created(&path, &groups).close().expect("closed");
    let store = SledStore::open(&path, options()).expect("a ledger");
    assert_eq!(store.ledger(), LEDGER);
    assert!(store.derived().is_dir());
    let reader = store.reader();
    let recovery = recover(reader.as_ref(), Head::EMPTY).expect("whole");
    assert_eq!((recovery.head, recovery.dropped), (groups[3].head(), None));
    assert_eq!(scan(reader.as_ref(), Head::EMPTY).inspect(|event| assert!(event.is_ok(), "whole")).count(), 305);
    let frames: Vec<_> = reader.frames(crate::log::FrameKey::START).map(|frame| frame.expect("readable").0).collect();
    assert!(frames.is_sorted());
    assert_eq!(reader.last_frame().expect("readable").map(|(key, _)| key), frames.last().copied());
}

#[test]
fn a_tail_is_dropped_for_good() {
    let (_guard, path) = place();
    let groups = groups(&[&[1, 2, 900], &[900, 900], &[1]]);
    let mut torn = groups[1].clone();
    torn.frames.pop();
    let mut store = created(&path, &groups[..1]);
    store.append(&torn).expect("appended");
    store.sync().expect("synced");
    drop(store);
    let mut store = SledStore::open(&path, options()).expect("a ledger");
    let recovery = recover(store.reader().as_ref(), Head::EMPTY).expect("a tail is no damage");
    assert_eq!(recovery.head, groups[0].head());
    let tail = recovery.dropped.expect("a tail");
    assert_eq!(tail.frames, torn.frames.len() as u64);
    store.drop_from(tail.from).expect("dropped");
    drop(store);
    let mut store = SledStore::open(&path, options()).expect("a ledger");
    let recovery = recover(store.reader().as_ref(), Head::EMPTY).expect("whole");
    assert_eq!((recovery.head, recovery.dropped), (groups[0].head(), None));
    groups[1..].iter().for_each(|group| store.append(group).expect("appended"));
    store.sync().expect("synced");
    assert_eq!(recover(store.reader().as_ref(), Head::EMPTY).expect("whole").head, groups[2].head());
}

#[test]
fn a_ledger_is_created_in_an_empty_place_only() {
    let (_guard, path) = place();
    std::fs::create_dir(&path).expect("a directory");
    drop(created(&path, &[]));
    let error = SledStore::create(&path, LEDGER, options()).expect_err("it is there");
    assert!(matches!(error, StoreError::AlreadyExists { .. }), "{error}");
    let (_guard, path) = place();
    std::fs::write(&path, "a file").expect("written");
    let error = SledStore::create(&path, LEDGER, options()).expect_err("it is a file");
    assert!(matches!(error, StoreError::AlreadyExists { .. }), "{error}");
    assert_eq!(std::fs::read(&path).expect("readable"), b"a file");
    let missing = path.join("deeper").join("down");
    assert!(matches!(SledStore::create(&missing, LEDGER, options()), Err(StoreError::Io { .. })));
}

#[test]
fn what_is_not_a_ledger_is_refused() {
    let (_guard, path) = place();
    assert!(matches!(refused(&path), StoreError::NotALedger { .. }));
    assert!(!path.exists());
    std::fs::create_dir(&path).expect("a directory");
    assert!(matches!(refused(&path), StoreError::NotALedger { .. }));
    std::fs::write(path.join("photo.jpg"), [1, 2, 3]).expect("written");
    assert!(matches!(refused(&path), StoreError::NotALedger { .. }));
    for marker in ["", "something else", "counterfoil ledger\n", "counterfoil ledger\nformat x\nledger y\n"] {
        std::fs::write(path.join("COUNTERFOIL"), marker).expect("written");
        assert!(matches!(refused(&path), StoreError::NotALedger { .. }), "{marker:?}");
    }
    std::fs::write(path.join("COUNTERFOIL"), [0xff, 0xfe]).expect("written");
    assert!(matches!(refused(&path), StoreError::NotALedger { .. }));
}

#[test]
fn parts_that_are_missing_are_named() {
    let groups = groups(&[&[1]]);
    for part in ["COUNTERFOIL", "log/db", "log"] {
        let (_guard, path) = place();
        created(&path, &groups).close().expect("closed");
        std::fs::rename(path.join(part), path.with_extension("elsewhere")).expect("moved");
        let error = refused(&path).to_string();
        assert!(error.contains(if part == "log" { "log/db" } else { part }), "{error}");
    }
    let (_guard, path) = place();
    created(&path, &groups).close().expect("closed");
    std::fs::remove_dir_all(path.join("derived")).expect("removed");
    assert!(SledStore::open(&path, options()).is_ok(), "what is derived may be deleted");
}

#[test]
fn a_newer_format_is_refused() {
    let (_guard, path) = place();
    created(&path, &groups(&[&[1]])).close().expect("closed");
    let marker = path.join("COUNTERFOIL");
    let text = std::fs::read_to_string(&marker).expect("readable");
    std::fs::write(&marker, text.replace("format 1", "format 2")).expect("written");
    let error = refused(&path);
    assert!(matches!(error, StoreError::VersionUnsupported { found: 2, supported: 1 }), "{error}");
}

#[test]
fn a_log_without_a_tree_or_of_another_ledger_is_refused() {
    let (_guard, path) = place();
    created(&path, &groups(&[&[1]])).close().expect("closed");
    let db = sled_of(&path);
    assert!(db.drop_tree("private"));
    drop(db);
    unseal(&path);
    let error = SledStore::open(&path, options()).expect_err("a tree is missing");
    assert!(error.to_string().contains("the tree `private`"), "{error}");
    assert!(!sled_of(&path).has_tree("private"), "it was not made");

    let (_guard, other) = place();
    SledStore::create(&other, LedgerId::from_bytes([1; 16]), options()).expect("a new ledger");
    std::fs::copy(path.join("COUNTERFOIL"), other.join("COUNTERFOIL")).expect("copied");
    let error = SledStore::open(&other, options()).expect_err("the log is another ledger's");
    assert!(matches!(error, StoreError::NotALedger { .. }), "{error}");

    let (_guard, foreign) = place();
    created(&foreign, &[]).close().expect("closed");
    std::fs::remove_dir_all(foreign.join("log")).expect("removed");
    drop(sled_of(&foreign));
    unseal(&foreign);
    let error = SledStore::open(&foreign, options()).expect_err("the log has no trees");
    assert!(matches!(error, StoreError::NotALedger { .. }), "{error}");
}

/// Takes the seal off that a clean close has put on.
fn unseal(path: &Path) {
    let reached = std::fs::read_to_string(path.join("REACHED")).expect("readable");
    let unsealed: String = reached.lines().take(2).map(|line| format!("{line}\n")).collect();
    std::fs::write(path.join("REACHED"), unsealed).expect("written");
}

fn sled_of(path: &Path) -> RawDb {
    RawDb::open(path)
}

#[test]
fn one_process_owns_a_ledger() {
    let (_guard, path) = place();
    let store = created(&path, &groups(&[&[1]]));
    assert!(matches!(refused(&path), StoreError::AlreadyOpen { .. }));
    drop(store);
    assert!(SledStore::open(&path, options()).is_ok());
}

/// As while a child process is being started: for a moment it shares what its parent had open.
#[test]
fn locks_that_are_taken_for_a_moment_do_not_keep_a_ledger_closed() {
    for file in ["COUNTERFOIL", "log/db"] {
        let (_guard, path) = place();
        created(&path, &groups(&[&[1]])).close().expect("closed");
        let held = std::fs::File::open(path.join(file)).expect("there");
        held.try_lock().expect("free");
        let giver = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(60));
            drop(held);
        });
        SledStore::open(&path, options()).unwrap_or_else(|error| panic!("{file}: {error}"));
        giver.join().expect("given back");
    }
}

#[test]
fn a_directory_that_cannot_be_written_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (_guard, path) = place();
    created(&path, &groups(&[&[1]])).close().expect("closed");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o555)).expect("allowed");
    let may_write_anyway = std::fs::write(path.join("probe"), "").is_ok();
    if may_write_anyway {
        eprintln!("NOT TESTED: this user may write to a directory without write permission");
        return;
    }
    let error = refused(&path);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("allowed");
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
}

#[test]
fn a_full_disk_is_noticed_before_the_write_and_does_not_latch() {
    let (_guard, path) = place();
    let groups = groups(&[&[1], &[2]]);
    created(&path, &groups[..1]).close().expect("closed");
    let mut full = SledStore::open(&path, SledOptions { reserve_bytes: u64::MAX / 2, ..options() }).expect("a ledger");
    for _ in 0..2 {
        let error = full.append(&groups[1]).expect_err("no disk has so much room");
        assert!(matches!(error, StoreError::Full { .. }), "{error}");
    }
    full.sync().expect("not latched");
    drop(full);
    let mut store = SledStore::open(&path, options()).expect("a ledger");
    assert_eq!(recover(store.reader().as_ref(), Head::EMPTY).expect("whole").head, groups[0].head());
    store.append(&groups[1]).expect("there is room");
}

#[test]
fn left_over_temporary_files_do_no_harm() {
    let (_guard, path) = place();
    let groups = groups(&[&[1; 100]]);
    created(&path, &groups).close().expect("closed");
    for name in ["snap.00000000FFFFFFFF.generating", "snap.0000000000000001.in___motion"] {
        std::fs::write(path.join("log").join(name), [7; 100]).expect("written");
    }
    std::fs::write(path.join("COUNTERFOIL.new"), "half").expect("written");
    let store = SledStore::open(&path, options()).expect("a ledger");
    assert_eq!(recover(store.reader().as_ref(), Head::EMPTY).expect("whole").head, groups[0].head());
}

#[test]
fn private_text_is_kept_erased_and_checked() {
    let (_guard, path) = place();
    let private = PrivateText { salt: [3; 32], text: "ring twice".to_owned() };
    let mut event = super::support::plain_event(0);
    event.envelope.private = Some(private.commitment());
    let mut builder = GroupBuilder::new(Head::EMPTY);
    builder.push_private(&event, private.clone()).expect("it commits to the text");
    created(&path, &[builder.finish()]).close().expect("closed");
    let mut store = SledStore::open(&path, options()).expect("a ledger");
    let reader = store.reader();
    assert_eq!(reader.private(Seq(0)).expect("readable"), Some(private));
    store.erase_private(Seq(0)).expect("erased");
    store.erase_private(Seq(9)).expect("nothing to erase");
    Box::new(store).close().expect("closed");
    drop(reader);
    let store = SledStore::open(&path, options()).expect("a ledger");
    assert_eq!(store.reader().private(Seq(0)).expect("readable"), None);
    assert!(scan(store.reader().as_ref(), Head::EMPTY).all(|event| event.is_ok()));
}

/// Flips one bit of sled's file at places all over what is in use. Either the store refuses it, or the scan finds
/// it, or nothing of ours was hit; and once the bit is flipped back, everything is there again.
fn flip_bits(path: &Path, head: Head, flips: usize) {
    let original = content(path);
    let db = path.join("log").join("db");
    let bytes = &original[&db];
    let used = bytes.iter().rposition(|byte| *byte != 0).expect("the file is not empty");
    let (mut refused, mut found, mut untouched) = (0, 0, 0);
    for step in 0..flips {
        let at = (used * step / flips + (step * 37) % 101).min(used);
        restore(path, &original);
        flip(&db, at, step % 8);
        match SledStore::open(path, options()) {
            Err(StoreError::Corrupted { .. } | StoreError::NotALedger { .. }) => refused += 1,
            Err(error) => panic!("byte {at}: {error}"),
            Ok(store) => {
                let reader = store.reader();
                let events: Result<Vec<_>, _> = scan(reader.as_ref(), Head::EMPTY).collect();
                match (events, recover(reader.as_ref(), Head::EMPTY)) {
                    (Err(_), _) | (_, Err(_)) => found += 1,
                    (Ok(events), Ok(recovery)) => {
                        assert_eq!((events.len() as u64, recovery.head), (head.next_seq.0, head), "byte {at}");
                        untouched += 1;
                    }
                }
            }
        }
        flip(&db, at, step % 8);
        let store = SledStore::open(path, options()).unwrap_or_else(|error| panic!("byte {at}: {error}"));
        let recovery = recover(store.reader().as_ref(), Head::EMPTY);
        assert_eq!(recovery.ok().map(|recovery| recovery.head), Some(head), "byte {at}: nothing was overwritten");
    }
    eprintln!("{flips} bits flipped: {refused} refused, {found} found by reading, {untouched} hit nothing of ours");
}

fn flip(file: &Path, at: usize, bit: usize) {
    let mut bytes = std::fs::read(file).expect("readable");
    bytes[at] ^= 1 << bit;
    std::fs::write(file, bytes).expect("written");
}

#[test]
fn flipped_bits_in_a_small_file_are_refused_and_nothing_is_overwritten() {
    let (_guard, path) = place();
    let groups = groups(&[&[1; 60], &[200], &[2, 3], &[900], &[1; 40]]);
    created(&path, &groups).close().expect("closed");
    flip_bits(&path, groups[4].head(), 120);
}

#[test]
fn flipped_bits_in_a_large_file_are_never_silently_wrong() {
    let (_guard, path) = place();
    let groups: Vec<_> = groups(&[&[40; 1_000], &[1; 4_000], &[300; 60], &[1; 40]]);
    created(&path, &groups).close().expect("closed");
    flip_bits(&path, groups[3].head(), 60);
}

#[test]
fn a_log_that_became_shorter_is_refused() {
    let (_guard, path) = place();
    let groups = groups(&[&[1], &[2, 3], &[1]]);
    created(&path, &groups).close().expect("closed");
    let (_elsewhere, older) = place();
    created(&older, &groups[..2]).close().expect("closed");
    std::fs::copy(path.join("REACHED"), older.join("REACHED")).expect("copied");
    unseal(&older);
    let error = SledStore::open(&older, options()).expect_err("it is shorter");
    assert!(matches!(error, StoreError::Corrupted { seq: Some(Seq(3)), .. }), "{error}");
    std::fs::write(older.join("REACHED"), "events many\n").expect("written");
    assert!(matches!(refused(&older), StoreError::NotALedger { .. }));
    std::fs::remove_file(older.join("REACHED")).expect("removed");
    assert!(SledStore::open(&older, options()).is_ok());
}

pub(super) fn restore(path: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) {
    for file in content(path).keys().filter(|file| file.is_file() && !files.contains_key(*file)) {
        std::fs::remove_file(file).expect("removed");
    }
    for (file, bytes) in files.iter().filter(|(file, _)| !file.is_dir()) {
        std::fs::write(file, bytes).expect("written");
    }
}
