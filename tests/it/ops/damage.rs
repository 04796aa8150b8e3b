//! Damage of every sort, on copies: what a salvage says of it, and that nothing is changed by asking.

use super::{demo_in, events_in, fails, json, path, succeeds};
use crate::lies::story::{Story, receipt, text};
use counterfoil::audit::{LostRange, Salvage, salvage};
use counterfoil::domain::event::{Body, ItemCreated};
use counterfoil::domain::ids::{ItemId, LedgerId, Seq};
use counterfoil::log::memory_store::MemoryDisk;
use counterfoil::log::store::Frames;
use counterfoil::log::{
    FrameBytes, FrameKey, Head, MemoryStore, PrivateText, Store, StoreError, StoreReader, Texts, recover, scan,
    snapshot,
};
use std::path::Path;

fn reader(disk: &MemoryDisk) -> std::sync::Arc<dyn StoreReader> {
    MemoryStore::open(disk).unwrap().reader()
}

fn head_of(disk: &MemoryDisk) -> Head {
    recover(&*reader(disk), Head::EMPTY).unwrap().head
}

/// Every event is right, on an island, unchecked or lost, and never two of them; islands have the hashes they had.
#[track_caller]
fn assert_whole(found: &Salvage, original: &MemoryDisk) {
    let hashes: Vec<_> = scan(&*reader(original), Head::EMPTY).map(|scanned| scanned.unwrap().hash).collect();
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    ranges.extend(found.events.checked_sub(1).map(|last| (0, last)));
    let range = |range: &LostRange| (range.first.0, range.last.0);
    ranges.extend(found.unchecked.iter().map(range));
    ranges.extend(found.lost.iter().map(range));
    for island in &found.islands {
        ranges.push((island.first.0, island.last.seq.0));
        assert_eq!(hashes[island.last.seq.0 as usize], island.last.hash, "{island:?}");
    }
    ranges.sort_unstable();
    let mut next = 0;
    for (first, last) in ranges {
        assert_eq!(first, next, "{found:?}");
        next = last + 1;
    }
    assert_eq!(next, hashes.len() as u64, "{found:?}");
}

#[test]
fn every_event_is_accounted_for_whatever_byte_is_flipped() {
    let disk = Story::of_every_kind().disk();
    let (head, original) = (head_of(&disk), disk.survivor());
    for (key, bytes) in disk.frames() {
        for at in (0..bytes.len()).step_by(5) {
            assert!(disk.flip(key, at, 3));
            let found = salvage(&*reader(&disk), Some(head)).unwrap();
            assert!(!found.ok && found.events == key.first.0, "byte {at} of {key}: {found:?}");
            assert_whole(&found, &original);
            assert!(disk.flip(key, at, 3));
        }
    }
    let found = salvage(&*reader(&disk), Some(head)).unwrap();
    assert!(found.ok && found.events == head.next_seq.0 && found.islands.is_empty(), "{found:?}");
}

#[test]
fn islands_begin_again_where_a_hash_is_known() {
    let mut story = Story::base();
    story.big_group();
    for _ in 0..5 {
        story.add(receipt(1));
    }
    let disk = story.disk();
    let (head, original) = (head_of(&disk), disk.survivor());
    let keys: Vec<FrameKey> = disk.frames().into_iter().map(|(key, _)| key).collect();
    for (index, lost) in keys.iter().enumerate().skip(1) {
        for also in keys.iter().skip(index).step_by(3) {
            let disk = original.survivor();
            disk.remove(*lost);
            disk.remove(*also);
            let found = salvage(&*reader(&disk), Some(head)).unwrap();
            assert!(!found.ok && !found.lost.is_empty());
            assert_whole(&found, &original);
        }
    }
    // In the middle of the big group the next frame carries the hash that it follows.
    let middle = keys.iter().position(|key| key.first.0 > head.next_seq.0 - 200).unwrap();
    disk.remove(keys[middle]);
    let found = salvage(&*reader(&disk), Some(head)).unwrap();
    assert_eq!(found.islands.len(), 2, "before and behind the hole: {found:?}");
    assert!(found.unchecked.is_empty() && found.lost[0].first == keys[middle].first, "{found:?}");
}

#[test]
fn a_lie_ends_the_prefix_though_every_hash_is_right() {
    let mut story = Story::base();
    let lie = story.add(Body::ItemCreated(ItemCreated { item: ItemId(77), sku: text("LIE"), decimals: 0 }));
    story.add(receipt(1));
    let disk = story.disk();
    let found = salvage(&*reader(&disk), None).unwrap();
    assert_eq!((found.ok, found.events), (false, lie.0), "{found:?}");
    assert_eq!(found.fault.unwrap().seq, lie);
}

/// A store that can't read some of its frames.
struct Holes {
    inner: std::sync::Arc<dyn StoreReader>,
    bad: Vec<std::ops::Range<u64>>,
}

impl StoreReader for Holes {
    fn frames(&self, from: FrameKey) -> Frames<'_> {
        let mut over = self.bad.iter().any(|bad| bad.contains(&from.first.0)).then_some(());
        let mut frames = self.inner.frames(from);
        let damaged = || Err(StoreError::Corrupted { seq: None, what: "a page is damaged".to_owned() });
        let mut ended = false;
        Box::new(std::iter::from_fn(move || {
            if ended {
                return None;
            }
            let next = frames.next()?;
            let is_bad = next.as_ref().is_ok_and(|(key, _)| self.bad.iter().any(|bad| bad.contains(&key.first.0)));
            ended = over.take().is_some() || is_bad;
            Some(if ended { damaged() } else { next })
        }))
    }

    fn frame_at_or_before(&self, key: FrameKey) -> Result<Option<(FrameKey, FrameBytes)>, StoreError> {
        self.inner.frame_at_or_before(key)
    }

    fn private(&self, seq: Seq) -> Result<Option<PrivateText>, StoreError> {
        self.inner.private(seq)
    }
}

#[test]
fn frames_behind_pages_that_cannot_be_read_are_found_again() {
    let mut story = Story::base();
    for _ in 0..300 {
        story.add(receipt(1));
    }
    let disk = story.disk();
    let head = head_of(&disk);
    let end = head.next_seq.0;
    let holes: [&[(u64, u64)]; 4] = [&[(40, 41)], &[(40, 97)], &[(30, 33), (34, 35), (200, 260)], &[(100, end)]];
    for bad in holes {
        let bad: Vec<_> = bad.iter().map(|(first, end)| *first..*end).collect();
        let broken = Holes { inner: reader(&disk), bad: bad.clone() };
        let found = salvage(&broken, Some(head)).unwrap();
        assert_eq!(found.events, bad[0].start);
        assert_whole(&found, &disk);
        let lost: u64 = found.lost.iter().map(|range| range.last.0 - range.first.0 + 1).sum();
        assert_eq!(lost, bad.iter().map(|bad| bad.end - bad.start).sum::<u64>(), "{found:?}");
    }
}

#[test]
fn a_copy_of_something_damaged_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let disk = Story::base().disk();
    let head = head_of(&disk);
    let (key, _) = disk.frames()[10];
    disk.flip(key, 20, 0);
    let dir = place.path().join("copy");
    let copied = snapshot(&*reader(&disk), LedgerId::from_bytes([1; 16]), head, &dir, Texts::All);
    assert!(copied.is_err());
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

/// All bytes of a directory.
fn bytes_of(dir: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(bytes_of(&path)),
            false => found.push((path.clone(), std::fs::read(&path).unwrap())),
        }
    }
    found.sort();
    found
}

#[test]
fn sleds_own_file_damaged_anywhere_is_found_and_salvage_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("shop");
    demo_in(&dir);
    let ledger = path(&dir);
    let db = dir.join("log/db");
    let whole = std::fs::read(&db).unwrap();
    let reached = std::fs::read(dir.join("REACHED")).unwrap();
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap();
    let mut islands_or_prefix = 0;
    for part in 0..8 {
        let mut bytes = whole.clone();
        match part {
            0 => bytes.truncate(used / 2),
            1 => bytes.truncate(0),
            part => bytes[used * (part - 1) / 7] ^= 0x10,
        }
        std::fs::write(&db, bytes).unwrap();
        std::fs::write(dir.join("REACHED"), &reached).unwrap();
        let before = bytes_of(&dir);
        let listed = super::counterfoil(&["salvage", "--ledger", ledger, "--list", "--format", "json"]);
        assert_eq!(listed.status.code(), Some(3), "part {part}: {listed:?}");
        assert_eq!(bytes_of(&dir), before, "salvage only reads");
        if let Ok(found) = serde_json::from_slice::<serde_json::Value>(&listed.stdout) {
            islands_or_prefix += u32::from(found["events"].as_u64().unwrap() > 0);
        }
        let (shown, said) = fails(3, &["verify", "--ledger", ledger, "--format", "json"]);
        let report = json(&shown);
        assert_eq!((&report["ok"], &report["anchored"]), (&false.into(), &false.into()), "part {part}");
        assert!(report["first_fault"]["what"].is_string() && !said.is_empty());
    }
    assert!(islands_or_prefix >= 3, "sled can read something in most of them");
}

#[test]
fn what_is_missing_from_the_directory_is_told() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("shop");
    demo_in(&dir);
    let (ledger, events) = (path(&dir), events_in(&dir));
    std::fs::rename(dir.join("COUNTERFOIL"), place.path().join("marker")).unwrap();
    fails(4, &["verify", "--ledger", ledger]);
    let found = json(&succeeds(&["salvage", "--ledger", ledger, "--format", "json"]));
    assert_eq!((&found["ok"], &found["events"]), (&true.into(), &events.into()), "the log is still whole");
    std::fs::rename(place.path().join("marker"), dir.join("COUNTERFOIL")).unwrap();
    std::fs::remove_file(dir.join("log/db")).unwrap();
    let (shown, _) = fails(3, &["verify", "--ledger", ledger, "--format", "json"]);
    assert_eq!(json(&shown)["ok"], false);
    fails(4, &["salvage", "--ledger", ledger]);
}

#[test]
fn the_part_before_the_damage_becomes_a_ledger() {
    let place = tempfile::tempdir().unwrap();
    let (dir, saved) = (place.path().join("shop"), place.path().join("saved"));
    demo_in(&dir);
    let once = events_in(&dir);
    // The external id of a sale stands there as text, in every copy that the store keeps of it.
    let sales = json(&succeeds(&["events", "--ledger", path(&dir), "--kind", "pos_delta", "--format", "json"]));
    let id = sales.as_array().unwrap().last().unwrap()["external_id"].as_str().unwrap().to_owned();
    let db = dir.join("log/db");
    let mut bytes = std::fs::read(&db).unwrap();
    let at: Vec<usize> = (0..bytes.len() - id.len()).filter(|&at| bytes[at..].starts_with(id.as_bytes())).collect();
    at.into_iter().for_each(|at| bytes[at] ^= 1);
    std::fs::write(&db, bytes).unwrap();
    succeeds(&["salvage", "--ledger", path(&dir), "--to", path(&saved)]);
    let report = json(&succeeds(&["verify", "--ledger", path(&saved), "--format", "json"]));
    let events = report["events"].as_u64().unwrap();
    assert!(report["ok"] == true && (1..once).contains(&events), "{report}");
    succeeds(&["replay", "--ledger", path(&saved)]);
    fails(1, &["salvage", "--ledger", path(&dir), "--to", path(&saved)]);
}
