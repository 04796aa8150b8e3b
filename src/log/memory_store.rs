//! A store in memory, with a disk that can fail, crash and be tampered with: what tests and simulations run on.

use super::chain::PrivateText;
use super::frame::{FrameBytes, FrameKey};
use super::group::GroupBytes;
use super::store::{Frames, Store, StoreError, StoreReader};
use crate::domain::ids::Seq;
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

/// What goes wrong in one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call fails and has no effect.
    FailedAndLost,
    /// The call fails, and all of it has become durable.
    FailedButPersisted,
    /// The call fails, and this many frames of what was not durable before it have become so.
    ShortWrite {
        /// How many.
        frames: usize,
    },
    /// The disk is full: nothing is written and the store goes on. Only an append can find that out, other calls
    /// fail and have no effect.
    Full,
}

/// Which calls fail. Calls of `append`, `sync`, `drop_from` and `erase_private` count, from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultPlan {
    faults: BTreeMap<u64, Fault>,
}

impl FaultPlan {
    /// A plan without faults.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The same plan, in which the n-th call from now on fails this way too; 1 is the next call.
    #[must_use]
    pub fn fail(mut self, nth_call: u64, fault: Fault) -> Self {
        self.faults.insert(nth_call, fault);
        self
    }
}

/// A disk in memory that survives the stores on it; clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    shared: Arc<Mutex<Disk>>,
}

#[derive(Debug, Default)]
struct Disk {
    durable: Image,
    current: Image,
    /// What was changed since the last sync, in order.
    unsynced: VecDeque<Change>,
    plan: FaultPlan,
    calls: u64,
    /// Which store on the disk is the living one: a crash or a new store ends the others.
    epoch: u64,
    open: bool,
}

#[derive(Clone, Debug, Default)]
struct Image {
    frames: BTreeMap<FrameKey, FrameBytes>,
    private: BTreeMap<Seq, Vec<u8>>,
}

#[derive(Clone, Debug)]
enum Change {
    Frame(FrameKey, FrameBytes),
    Private(Seq, Vec<u8>),
    DropFrom(FrameKey),
    ErasePrivate(Seq),
}

impl Image {
    fn apply(&mut self, change: Change) {
        match change {
            Change::Frame(key, bytes) => drop(self.frames.insert(key, bytes)),
            Change::Private(seq, value) => drop(self.private.insert(seq, value)),
            Change::DropFrom(key) => {
                self.frames.split_off(&key);
                self.private.split_off(&first_dropped(key));
            }
            Change::ErasePrivate(seq) => drop(self.private.remove(&seq)),
        }
    }
}

/// The first event that begins at or behind a frame.
pub(super) const fn first_dropped(key: FrameKey) -> Seq {
    match key.part {
        0 => key.first,
        _ => Seq(key.first.0.saturating_add(1)),
    }
}

impl Disk {
    fn persist(&mut self, frames: usize) {
        let mut left = frames;
        while let Some(change) = self.unsynced.pop_front() {
            if matches!(change, Change::Frame(..)) {
                if left == 0 {
                    break;
                }
                left -= 1;
            }
            self.durable.apply(change);
        }
        self.unsynced.clear();
        self.current = self.durable.clone();
    }

    fn persist_all(&mut self) {
        for change in self.unsynced.drain(..) {
            self.durable.apply(change);
        }
    }

    fn change(&mut self, change: Change) {
        self.current.apply(change.clone());
        self.unsynced.push_back(change);
    }
}

impl MemoryDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A disk that holds these frames, durably.
    #[must_use]
    pub fn with_frames(frames: impl IntoIterator<Item = (FrameKey, Vec<u8>)>) -> Self {
        let disk = Self::new();
        frames.into_iter().for_each(|(key, bytes)| disk.insert(key, bytes));
        disk
    }

    /// Sets which calls fail from now on, and counts them from 1 again.
    pub fn plan(&self, plan: FaultPlan) {
        let mut disk = self.shared.lock();
        disk.plan = plan;
        disk.calls = 0;
    }

    /// Calls that were counted since the plan was set.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.shared.lock().calls
    }

    /// The machine stops: of what was not synced, a part from the front survives, how much depends on the seed.
    /// Stores that were open are dead; open the disk again.
    pub fn crash(&self, seed: u64) {
        let mut disk = self.shared.lock();
        let frames = disk.unsynced.iter().filter(|change| matches!(change, Change::Frame(..))).count() as u64;
        let kept = scrambled(seed) % (frames + 1);
        disk.persist(usize::try_from(kept).unwrap_or(usize::MAX));
        disk.epoch += 1;
        disk.open = false;
    }

    /// What a crash at this moment would leave at the least: a disk of its own with all that is durable.
    #[must_use]
    pub fn survivor(&self) -> Self {
        let durable = self.shared.lock().durable.clone();
        let disk = Disk { current: durable.clone(), durable, ..Disk::default() };
        Self { shared: Arc::new(Mutex::new(disk)) }
    }

    /// The durable frames, in order.
    #[must_use]
    pub fn frames(&self) -> Vec<(FrameKey, Vec<u8>)> {
        self.shared.lock().durable.frames.iter().map(|(key, bytes)| (*key, bytes.to_vec())).collect()
    }

    /// Flips one bit of a frame; false where there is no such byte.
    pub fn flip(&self, key: FrameKey, byte: usize, bit: u8) -> bool {
        let Some(mut bytes) = self.remove(key) else {
            return false;
        };
        let flipped = bytes.get_mut(byte).map(|byte| *byte ^= 1 << (bit % 8)).is_some();
        self.insert(key, bytes);
        flipped
    }

    /// Puts each of two frames in the place of the other; false where one of them is missing.
    pub fn swap(&self, one: FrameKey, other: FrameKey) -> bool {
        match (self.remove(one), self.remove(other)) {
            (Some(first), Some(second)) => {
                self.insert(one, second);
                self.insert(other, first);
                true
            }
            (first, second) => {
                first.into_iter().for_each(|bytes| self.insert(one, bytes));
                second.into_iter().for_each(|bytes| self.insert(other, bytes));
                false
            }
        }
    }

    /// Takes a frame away and returns it.
    pub fn remove(&self, key: FrameKey) -> Option<Vec<u8>> {
        let mut disk = self.shared.lock();
        disk.current.frames.remove(&key);
        disk.durable.frames.remove(&key).map(|bytes| bytes.to_vec())
    }

    /// Puts a frame there, in the place of another one if there is one.
    pub fn insert(&self, key: FrameKey, bytes: Vec<u8>) {
        let bytes = FrameBytes::from(bytes);
        let mut disk = self.shared.lock();
        disk.current.frames.insert(key, bytes.clone());
        disk.durable.frames.insert(key, bytes);
    }
}

/// A well-mixed number for a seed (the finaliser of splitmix64).
const fn scrambled(seed: u64) -> u64 {
    let mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A [`Store`] on a [`MemoryDisk`].
#[derive(Debug)]
pub struct MemoryStore {
    disk: MemoryDisk,
    epoch: u64,
    latched: bool,
}

impl MemoryStore {
    /// Opens a disk, empty or not.
    ///
    /// # Errors
    /// [`StoreError::AlreadyOpen`] while another store on it is neither closed nor dead.
    pub fn open(disk: &MemoryDisk) -> Result<Self, StoreError> {
        let mut shared = disk.shared.lock();
        if shared.open {
            return Err(StoreError::AlreadyOpen { path: "memory".into() });
        }
        shared.open = true;
        shared.epoch += 1;
        shared.unsynced.clear();
        shared.current = shared.durable.clone();
        let epoch = shared.epoch;
        drop(shared);
        Ok(Self { disk: disk.clone(), epoch, latched: false })
    }

    /// Does a change, or what the plan says instead.
    fn guarded(&mut self, what: Call, change: impl FnOnce(&mut Disk)) -> Result<(), StoreError> {
        let mut disk = self.disk.shared.lock();
        if self.latched || disk.epoch != self.epoch {
            return Err(StoreError::Latched);
        }
        disk.calls += 1;
        let call = disk.calls;
        let fault = disk.plan.faults.get(&call).copied();
        if fault == Some(Fault::Full) && what == Call::Append {
            return Err(StoreError::Full { needed: 1, free: 0 });
        }
        if !matches!(fault, Some(Fault::FailedAndLost | Fault::Full)) {
            change(&mut disk);
        }
        match fault {
            None => {
                if what == Call::Sync {
                    disk.persist_all();
                }
                return Ok(());
            }
            Some(Fault::FailedButPersisted) => disk.persist_all(),
            Some(Fault::ShortWrite { frames }) => disk.persist(frames),
            Some(Fault::FailedAndLost | Fault::Full) => {}
        }
        drop(disk);
        self.latched = true;
        Err(StoreError::Io { what: what.name(), source: std::io::Error::other("planned fault") })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Append,
    /// A change that is durable on return, or a sync.
    Sync,
}

impl Call {
    const fn name(self) -> &'static str {
        match self {
            Self::Append => "appending a group",
            Self::Sync => "syncing the log",
        }
    }
}

impl Store for MemoryStore {
    fn append(&mut self, group: &GroupBytes) -> Result<(), StoreError> {
        self.guarded(Call::Append, |disk| {
            for (seq, private) in &group.private {
                disk.change(Change::Private(*seq, private.to_value()));
            }
            for (key, bytes) in &group.frames {
                disk.change(Change::Frame(*key, FrameBytes::from(bytes.as_slice())));
            }
        })
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.guarded(Call::Sync, |_| {})
    }

    fn drop_from(&mut self, key: FrameKey) -> Result<(), StoreError> {
        self.guarded(Call::Sync, |disk| disk.change(Change::DropFrom(key)))
    }

    fn erase_private(&mut self, seq: Seq) -> Result<(), StoreError> {
        self.guarded(Call::Sync, |disk| disk.change(Change::ErasePrivate(seq)))
    }

    fn reader(&self) -> Arc<dyn StoreReader> {
        Arc::new(self.disk.clone())
    }

    fn close(self: Box<Self>) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Drop for MemoryStore {
    fn drop(&mut self) {
        let mut disk = self.disk.shared.lock();
        if disk.epoch == self.epoch {
            disk.open = false;
        }
    }
}

impl StoreReader for MemoryDisk {
    fn frames(&self, from: FrameKey) -> Frames<'_> {
        let mut next = Bound::Included(from);
        Box::new(std::iter::from_fn(move || {
            let disk = self.shared.lock();
            let (key, bytes) = disk.current.frames.range((next, Bound::Unbounded)).next()?;
            next = Bound::Excluded(*key);
            Some(Ok((*key, bytes.clone())))
        }))
    }

    fn frame_at_or_before(&self, key: FrameKey) -> Result<Option<(FrameKey, FrameBytes)>, StoreError> {
        let disk = self.shared.lock();
        Ok(disk.current.frames.range(..=key).next_back().map(|(key, bytes)| (*key, bytes.clone())))
    }

    fn private(&self, seq: Seq) -> Result<Option<PrivateText>, StoreError> {
        let disk = self.shared.lock();
        let read = |value: &Vec<u8>| {
            PrivateText::from_value(value).ok_or_else(|| StoreError::Corrupted {
                seq: Some(seq),
                what: "its private text is not a salt and a text".to_owned(),
            })
        };
        disk.current.private.get(&seq).map(read).transpose()
    }
}
