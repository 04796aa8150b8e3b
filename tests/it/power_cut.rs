//! What an answer is worth when the power goes: on a disk that keeps only what was synced, everything that
//! was acknowledged has to be there after the next start. A killed process does not show this: its writes
//! stay in the kernel's cache.

use crate::fuse_fs::PowerCutDisk;
use crate::fuse_fs::disk::{Keep, Random};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// A store that promises durability with the return of `append`.
pub trait Store: Sized {
    /// Opens what is at the path, or makes it.
    fn open(path: &Path) -> Result<Self, String>;
    /// Appends a group of numbered entries; `Ok` promises that a power cut leaves all of them.
    fn append(&mut self, group: Range<u64>) -> Result<(), String>;
    /// The numbers of the entries that are there, in order, each checked against its content.
    fn entries(&self) -> Result<Vec<u64>, String>;
}

/// When the power goes, and what it leaves.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// Changes that the disk still takes after the store is open.
    pub after_changes: u64,
    pub keep: Keep,
    /// The sizes of the groups, by this seed.
    pub seed: u64,
}

/// What was there when the power was back.
pub struct Outcome {
    pub disk: PowerCutDisk,
    pub acknowledged: u64,
    pub entries: Vec<u64>,
}

impl Outcome {
    pub fn lost(&self) -> usize {
        (0..self.acknowledged).filter(|number| self.entries.binary_search(number).is_err()).count()
    }
}

const GROUP_ENTRIES_MAX: u64 = 121;

/// Opens the store on the disk, appends groups until the power goes, and reads what the next start finds.
/// `already` entries are there and acknowledged. Nothing when this machine can mount no file system.
///
/// Another store is tested by implementing [`Store`] for it.
pub fn open_and_append_then_cut<S: Store>(disk: &PowerCutDisk, already: u64, cut: Cut) -> Option<Outcome> {
    let mounted = disk.mount_or_say(&format!("power cut of {}", std::any::type_name::<S>()))?;
    let path = mounted.path().join("store");
    let mut store = S::open(&path).unwrap_or_else(|e| panic!("{cut:?}: before the cut: {e}"));
    disk.cut_after(cut.after_changes);
    let mut random = Random(cut.seed);
    let mut acknowledged = already;
    while !disk.is_cut() {
        let group = acknowledged..acknowledged + 1 + random.below(GROUP_ENTRIES_MAX);
        if store.append(group.clone()).is_err() {
            disk.cut_now();
        } else if !disk.is_cut() {
            acknowledged = group.end;
        }
    }
    // A store may take it badly that its disk is gone; what counts is what it left behind.
    let _ = catch_unwind(AssertUnwindSafe(move || drop(store)));
    drop(mounted);

    let disk = opened_in_a_second_cut::<S>(disk.after_power_cut(cut.keep), cut, &mut random)?;
    let mounted = disk.mount_or_say("the start after a power cut")?;
    let store = S::open(&mounted.path().join("store")).unwrap_or_else(|e| panic!("{cut:?}: after the cut: {e}"));
    let entries = store.entries().unwrap_or_else(|e| panic!("{cut:?}: after the cut: {e}"));
    drop(store);
    drop(mounted);
    Some(Outcome { disk, acknowledged, entries })
}

/// Every other time the power goes again, while the next start is still putting things in order.
fn opened_in_a_second_cut<S: Store>(disk: PowerCutDisk, cut: Cut, random: &mut Random) -> Option<PowerCutDisk> {
    if cut.seed.is_multiple_of(2) {
        return Some(disk);
    }
    let mounted = disk.mount_or_say("the start after a power cut")?;
    disk.cut_after(random.below(12));
    let _ = catch_unwind(AssertUnwindSafe(|| S::open(&mounted.path().join("store")).map(drop)));
    drop(mounted);
    Some(disk.after_power_cut(cut.keep))
}

/// Makes a new store's files and names durable, and the name of the store itself.
pub fn sync_tree(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() { sync_tree(&path)? } else { File::open(&path)?.sync_all()? }
    }
    File::open(directory)?.sync_all()
}

/// sled and its own `flush`, nothing else: what most programs that use it trust.
struct SledFlush {
    database: sled::Db,
}

/// The same with our own `fdatasync` on sled's file after each flush.
struct SledFlushAndSync {
    sled: SledFlush,
    file: File,
}

const FLUSH_TIME_MAX: Duration = Duration::from_millis(500);
static FLUSHES_WOKEN: AtomicU64 = AtomicU64::new(0);
const VALUE_BYTES: usize = 3_800;

/// A value that belongs to its number and to no other.
pub fn value(number: u64) -> Vec<u8> {
    let mut random = Random(number);
    (0..VALUE_BYTES / 8).flat_map(|_| random.below(u64::MAX).to_le_bytes()).collect()
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// sled 0.34.7 may wait in `flush` for ever after a failed write: when the last writer to leave a buffer
/// writes it (`exit_reservation`) and that fails, the error is noted and nobody is woken. Any later call
/// that meets the error wakes all, so a second `flush` is what ends the first.
pub fn flush_watched(database: &sled::Db) -> Result<(), String> {
    let (flushed, watched) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while watched.recv_timeout(FLUSH_TIME_MAX) == Err(RecvTimeoutError::Timeout) {
                FLUSHES_WOKEN.fetch_add(1, Ordering::Relaxed);
                scope.spawn(|| database.flush());
            }
        });
        let result = database.flush();
        drop(flushed);
        result.map(drop).map_err(text)
    })
}

impl Store for SledFlush {
    fn open(path: &Path) -> Result<SledFlush, String> {
        remove_unfinished_snapshots(path).map_err(text)?;
        let config = sled::Config::new().path(path).flush_every_ms(None).cache_capacity(16 << 20);
        let database = config.open().map_err(text)?;
        sync_tree(path).map_err(text)?;
        sync_parent(path).map_err(text)?;
        Ok(SledFlush { database })
    }

    fn append(&mut self, group: Range<u64>) -> Result<(), String> {
        let mut batch = sled::Batch::default();
        for number in group {
            batch.insert(&number.to_be_bytes(), value(number));
        }
        self.database.apply_batch(batch).map_err(text)?;
        flush_watched(&self.database)
    }

    fn entries(&self) -> Result<Vec<u64>, String> {
        let mut numbers = Vec::new();
        for entry in self.database.iter() {
            let (key, stored) = entry.map_err(text)?;
            let number = u64::from_be_bytes(key.as_ref().try_into().map_err(text)?);
            if stored != value(number) {
                return Err(format!("entry {number} has another content"));
            }
            numbers.push(number);
        }
        Ok(numbers)
    }
}

/// A snapshot that sled was still writing when the power went would be taken for the newest one.
fn remove_unfinished_snapshots(path: &Path) -> io::Result<()> {
    if path.exists() {
        for entry in fs::read_dir(path)? {
            let unfinished = entry?.path();
            if unfinished.extension().is_some_and(|e| e == "generating") {
                fs::remove_file(unfinished)?;
            }
        }
    }
    Ok(())
}

fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

impl Store for SledFlushAndSync {
    fn open(path: &Path) -> Result<SledFlushAndSync, String> {
        let sled = SledFlush::open(path)?;
        let file = File::open(path.join("db")).map_err(text)?;
        Ok(SledFlushAndSync { sled, file })
    }

    fn append(&mut self, group: Range<u64>) -> Result<(), String> {
        self.sled.append(group)?;
        self.file.sync_data().map_err(text)
    }

    fn entries(&self) -> Result<Vec<u64>, String> {
        self.sled.entries()
    }
}

pub fn say(line: &str) {
    // Past the test harness, which would keep it to itself.
    let _ = writeln!(io::stderr(), "{line}");
}

/// How many disks are put through their cuts; more with `POWER_CUT_SEEDS`.
fn seeds() -> u64 {
    std::env::var("POWER_CUT_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(12)
}

#[test]
fn what_sled_only_flushed_is_lost() {
    let cut = Cut { after_changes: 200, keep: Keep::Nothing, seed: 1 };
    let Some(outcome) = open_and_append_then_cut::<SledFlush>(&PowerCutDisk::new(), 0, cut) else {
        return;
    };
    say(&format!("power cut: sled's flush alone lost {} of {} entries", outcome.lost(), outcome.acknowledged));
    assert!(outcome.acknowledged > 100, "{} acknowledged", outcome.acknowledged);
    assert!(outcome.lost() > 0, "sled syncs by itself now: the reason for our own sync is gone");
}

/// Puts several disks through several cuts each: nothing acknowledged is lost, and what is there has no gap.
pub fn put_through_cuts<S: Store>(name: &str) {
    let mut random = Random(7);
    let (mut acknowledged, mut cuts) = (0, 0);
    for seed in 0..seeds() {
        let mut disk = PowerCutDisk::new();
        let mut already = 0;
        // The same disk goes through several cuts, so that what one of them left is built upon.
        for life in 0..3 {
            let keep = if seed.is_multiple_of(3) { Keep::Nothing } else { Keep::Some(seed * 100 + life) };
            let cut = Cut { after_changes: 1 + random.below(120), keep, seed: seed * 100 + life };
            let Some(outcome) = open_and_append_then_cut::<S>(&disk, already, cut) else {
                return;
            };
            assert_eq!(outcome.lost(), 0, "disk {seed}, life {life}, {cut:?}: {} acknowledged", outcome.acknowledged);
            let there = outcome.entries.len() as u64;
            assert!(outcome.entries.iter().copied().eq(0..there), "disk {seed}, life {life}, {cut:?}: a gap");
            assert!(there <= outcome.acknowledged + GROUP_ENTRIES_MAX, "disk {seed}, life {life}, {cut:?}");
            acknowledged += outcome.acknowledged - already;
            already = there;
            disk = outcome.disk;
            cuts += 1;
        }
    }
    say(&format!("power cut: {name} kept all {acknowledged} acknowledged entries in {cuts} cuts"));
}

#[test]
fn what_was_flushed_and_synced_stays() {
    put_through_cuts::<SledFlushAndSync>("sled with flush and fdatasync");
    let woken = FLUSHES_WOKEN.load(Ordering::Relaxed);
    say(&format!("power cut: sled's flush had to be woken {woken} times after a failed write"));
}
