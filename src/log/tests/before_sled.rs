//! sled's file is judged before sled is let at it: what a stop leaves is taken, what only damage leaves is refused.

use super::on_disk::{content, created, options, place, restore};
use super::support::groups;
use crate::log::chain::Head;
use crate::log::scan::recover;
use crate::log::sled_file::SledFile;
use crate::log::sled_store::SledStore;
use crate::log::store::{Store, StoreError};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const SEGMENT: usize = 512 << 10;

/// A ledger whose process was killed: what sled has flushed is there, nothing is sealed.
struct Killed {
    _guard: tempfile::TempDir,
    path: PathBuf,
    files: BTreeMap<PathBuf, Vec<u8>>,
    head: Head,
}

impl Killed {
    /// One with several segments; some of them are of no use any more, since pages were written again and again.
    fn new() -> Self {
        let (guard, path) = place();
        let sizes: Vec<Vec<u64>> = (0..160).map(|at| vec![20 + at % 7; 50]).collect();
        let sizes: Vec<&[u64]> = sizes.iter().map(Vec::as_slice).collect();
        let groups = groups(&sizes);
        let store = created(&path, &groups);
        let files = content(&path);
        drop(store);
        let killed = Self { _guard: guard, path, files, head: groups[groups.len() - 1].head() };
        killed.put_back();
        killed
    }

    fn db(&self) -> PathBuf {
        self.path.join("log").join("db")
    }

    fn put_back(&self) {
        restore(&self.path, &self.files);
    }

    /// The head that is found with these bytes of sled's file.
    fn opened_with(&self, db: &[u8]) -> Result<Head, StoreError> {
        self.put_back();
        std::fs::write(self.db(), db).expect("written");
        let store = SledStore::open(&self.path, options())?;
        let head = recover(store.reader().as_ref(), Head::EMPTY).expect("whole").head;
        Box::new(store).close().expect("closed");
        Ok(head)
    }

    /// Where segments begin that sled zeroes when it opens the file: nothing in them is of use any more.
    fn unused(&self) -> Vec<usize> {
        let before = self.files[&self.db()].clone();
        assert_eq!(self.opened_with(&before).expect("a ledger"), self.head);
        let after = std::fs::read(self.db()).expect("readable");
        let part = |bytes: &[u8], at: usize| bytes.get(at..at + SEGMENT).map(<[u8]>::to_vec).unwrap_or_default();
        let is_zeroed = |at: &usize| {
            part(&before, *at).iter().any(|byte| *byte != 0) && part(&after, *at).iter().all(|byte| *byte == 0)
        };
        (0..before.len()).step_by(SEGMENT).filter(is_zeroed).collect()
    }
}

fn zeroed(bytes: &[u8], at: usize, count: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let end = (at + count).min(bytes.len());
    bytes[at..end].fill(0);
    bytes
}

#[test]
fn a_segment_of_no_use_may_be_half_zeroed_and_one_of_use_may_not() {
    let killed = Killed::new();
    let db = killed.files[&killed.db()].clone();
    let unused = killed.unused();
    let starts: Vec<usize> = (0..db.len()).step_by(SEGMENT).collect();
    assert!(!unused.is_empty() && unused.len() < starts.len(), "{unused:?} of {starts:?}");
    for at in starts {
        // As when the process, or the power, goes while sled zeroes it.
        for (from, count) in [(at, 4_096), (at + 4_096, SEGMENT - 8_192), (at, SEGMENT / 2)] {
            let opened = killed.opened_with(&zeroed(&db, from, count));
            match (unused.contains(&at), opened) {
                (true, opened) => assert_eq!(opened.expect("nothing is missing"), killed.head, "{count} at {from}"),
                (false, Ok(head)) => panic!("{count} at {from} are missing, and the head is {head:?}"),
                (false, Err(StoreError::Corrupted { .. })) => {
                    let left = std::fs::read(killed.db()).expect("readable");
                    assert!(left == zeroed(&db, from, count), "{count} at {from}: a refusal changes nothing");
                }
                (false, Err(error)) => panic!("{count} at {from}: {error}"),
            }
        }
    }
}

#[test]
fn a_damaged_head_is_refused_wherever_it_is() {
    let killed = Killed::new();
    let db = killed.files[&killed.db()].clone();
    for at in (0..db.len()).step_by(SEGMENT) {
        for byte in [0, 7, 19] {
            let mut db = db.clone();
            db[at + byte] ^= 4;
            let error = killed.opened_with(&db).expect_err("it must be refused");
            assert!(matches!(error, StoreError::Corrupted { .. }), "byte {byte} at {at}: {error}");
            assert!(std::fs::read(killed.db()).expect("readable") == db, "a refusal changes nothing");
        }
    }
}

#[test]
fn a_torn_end_that_nobody_was_told_of_is_taken_and_one_that_was_acknowledged_is_not() {
    let (_guard, path) = place();
    let groups = groups(&[&[40; 50], &[40; 50], &[40; 50]]);
    let mut store = created(&path, &groups[..2]);
    let told = std::fs::read(path.join("REACHED")).expect("readable");
    store.append(&groups[2]).expect("appended");
    store.sync().expect("synced");
    let files = content(&path);
    drop(store);
    restore(&path, &files);
    let db = path.join("log").join("db");
    let last = groups[2].head().hash.0;
    let bytes = files[&db].clone();
    let at = bytes.windows(last.len()).rposition(|window| window == last).expect("the last mark stands there");
    std::fs::write(&db, zeroed(&bytes, at, 16)).expect("written");
    let error = SledStore::open(&path, options()).expect_err("it was acknowledged");
    assert!(matches!(error, StoreError::Corrupted { .. }), "{error}");
    assert!(std::fs::read(&db).expect("readable") == zeroed(&bytes, at, 16), "a refusal changes nothing");
    // As if the process had died before it could note, and so answer, the last group.
    std::fs::write(path.join("REACHED"), told).expect("written");
    let store = SledStore::open(&path, options()).expect("a torn end");
    assert_eq!(recover(store.reader().as_ref(), Head::EMPTY).expect("whole").head, groups[1].head());
}

#[test]
fn a_damaged_snapshot_is_set_aside_and_made_again() {
    let (_guard, path) = place();
    let groups = groups(&[&[3; 100]]);
    created(&path, &groups).close().expect("closed");
    let log = path.join("log");
    let snapshots = |log: &Path| {
        let names = std::fs::read_dir(log).expect("there").map(|entry| entry.expect("readable").file_name());
        names.filter_map(|name| name.into_string().ok()).filter(|name| name.contains("snap.")).collect::<Vec<_>>()
    };
    for damage in [0, 5, usize::MAX] {
        let [name] = &snapshots(&log)[..] else { panic!("one snapshot") };
        let whole = std::fs::read(log.join(name)).expect("readable");
        let damaged: Vec<u8> = match damage {
            usize::MAX => whole.iter().map(|byte| byte ^ 1).collect(),
            kept => whole[..kept].to_vec(),
        };
        std::fs::write(log.join(name), damaged).expect("written");
        let store = SledStore::open(&path, options()).expect("a ledger");
        assert_eq!(recover(store.reader().as_ref(), Head::EMPTY).expect("whole").head, groups[0].head());
        Box::new(store).close().expect("closed");
        let aside = log.join(format!("damaged-{name}"));
        std::fs::remove_file(aside).expect("it was set aside");
    }
}

#[test]
fn a_ledger_that_was_only_read_is_sealed_as_before() {
    let (_guard, path) = place();
    created(&path, &groups(&[&[3; 100]])).close().expect("closed");
    let before = content(&path);
    for close in [false, true] {
        let store = SledStore::open(&path, options()).expect("a ledger");
        assert!(std::fs::read_to_string(path.join("REACHED")).expect("readable").contains("seal -"), "it is open");
        assert!(recover(store.reader().as_ref(), Head::EMPTY).is_ok());
        match close {
            true => Box::new(store).close().expect("closed"),
            false => drop(store),
        }
        assert_eq!(content(&path), before);
    }
}

#[test]
fn a_whole_snapshot_of_another_log_is_set_aside_and_made_again() {
    let (_guard, path) = place();
    let groups = groups(&[&[3; 100], &[900; 20]]);
    created(&path, &groups[..1]).close().expect("closed");
    let (_other_guard, other) = place();
    created(&other, &groups).close().expect("closed");
    let [of_this, of_other] = [&path, &other].map(|path| {
        let is_snapshot =
            |path: &&PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snap."));
        content(path).into_keys().find(|path| is_snapshot(&path)).expect("a snapshot")
    });
    for (name, instead) in [(of_this.clone(), true), (of_this.with_file_name("snap.7FFFFFFFFFFFFFFF"), false)] {
        std::fs::copy(&of_other, &name).expect("copied");
        let store = SledStore::open(&path, options()).unwrap_or_else(|error| panic!("{instead}: {error}"));
        assert_eq!(recover(store.reader().as_ref(), Head::EMPTY).expect("whole").head, groups[0].head());
        Box::new(store).close().expect("closed");
        let aside = format!("damaged-{}", name.file_name().unwrap_or_default().to_string_lossy());
        assert!(path.join("log").join(&aside).is_file(), "{aside} was set aside");
    }
    // A log that is damaged all the same keeps its snapshot.
    let db = path.join("log").join("db");
    let bytes = std::fs::read(&db).expect("readable");
    std::fs::write(&db, zeroed(&bytes, 0, 20)).expect("written");
    let before = content(&path);
    SledStore::open(&path, options()).expect_err("it must be refused");
    assert!(content(&path) == before, "a refusal changes nothing");
}

#[test]
fn an_acknowledged_event_behind_the_place_where_sled_stops_is_missed_before_sled_is_let_at_it() {
    let killed = Killed::new();
    let db = killed.files[&killed.db()].clone();
    let last = killed.head.hash;
    let judged = |bytes: &[u8]| {
        std::fs::write(killed.db(), bytes).expect("written");
        let mut file = SledFile::read(&killed.path.join("log")).expect("readable");
        file.judge().expect("a write that was cut short explains it");
        file.check_reaches(last)
    };
    assert!(judged(&db).is_ok());
    let at = db.windows(last.0.len()).rposition(|window| window == last.0).expect("the last mark stands there");
    // The mark itself is whole, and the message that it stands in is not.
    let error = judged(&zeroed(&db, at - 16, 16)).expect_err("it was acknowledged");
    assert!(error.to_string().contains("the last event that was acknowledged stands there"), "{error}");
    // Where it is nowhere to be found, only the log's end can tell.
    assert!(judged(&zeroed(&db, at, 16)).is_ok());
}

#[test]
fn what_sled_had_no_reason_to_touch_is_noticed_and_put_back() {
    let killed = Killed::new();
    let db = killed.files[&killed.db()].clone();
    let last = killed.head.hash.0;
    let at = db.windows(last.len()).rposition(|window| window == last).expect("the last mark stands there");
    let mut before = SledFile::read(&killed.path.join("log")).expect("readable");
    before.judge().expect("whole");
    assert!(before.is_kept().expect("readable"));
    for touched in [zeroed(&db, at, 1), zeroed(&db, at / SEGMENT * SEGMENT, SEGMENT), db[..at].to_vec()] {
        std::fs::write(killed.db(), &touched).expect("written");
        assert!(!before.is_kept().expect("readable"));
        before.restore().expect("put back");
        assert!(std::fs::read(killed.db()).expect("readable") == db);
        assert!(before.is_kept().expect("readable"));
    }
}

#[test]
fn a_killed_ledger_that_nobody_got_to_work_with_is_left_as_it_was_killed() {
    let killed = Killed::new();
    let before = content(&killed.path);
    let open = || SledStore::open(&killed.path, options()).expect("a ledger");
    let store = open();
    assert!(content(&killed.path) != before, "sled repairs what it finds");
    // As where reading the log fails behind that.
    drop(store);
    assert!(content(&killed.path) == before);
    let mut store = open();
    store.tend().expect("tended");
    drop(store);
    assert!(content(&killed.path) != before, "somebody worked with it");
}
