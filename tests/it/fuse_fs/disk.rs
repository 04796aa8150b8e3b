//! A disk that forgets: every file and directory has a cached image, which programs see, and a durable one,
//! which is all that a power cut leaves. Only a sync moves anything from the first to the second.
//!
//! It is stricter than a usual file system, on purpose: a file's sync does not make its name durable, a
//! directory's sync does not make the content of its files durable, and nothing becomes durable by waiting.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

/// Bytes that a disk writes as a whole; a cut may keep one page of a write and lose the next.
pub const PAGE_BYTES: usize = 4096;
pub const ROOT: u64 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    PowerIsOff,
    NotFound,
    Exists,
    NotEmpty,
    NotADirectory,
    IsADirectory,
}

/// What of the writes that nobody synced reaches the disk all the same.
#[derive(Clone, Copy, Debug)]
pub enum Keep {
    /// Nothing: the worst case for lost writes.
    Nothing,
    /// Each page or not, and the changes of names up to some point, by this seed: torn writes.
    Some(u64),
}

#[derive(Clone, Default)]
struct File {
    cached: Vec<u8>,
    durable: Vec<u8>,
    dirty_pages: BTreeSet<usize>,
}

#[derive(Clone, Default)]
struct Directory {
    cached: BTreeMap<OsString, u64>,
    durable: BTreeMap<OsString, u64>,
}

#[derive(Clone)]
enum Node {
    File(File),
    Directory(Directory),
}

/// A change of names that no directory sync has made durable yet.
#[derive(Clone)]
enum Rename {
    Link { directory: u64, name: OsString, node: u64 },
    Unlink { directory: u64, name: OsString },
    Move { from: (u64, OsString), to: (u64, OsString), node: u64 },
}

impl Rename {
    fn touches(&self, directory: u64) -> bool {
        match self {
            Rename::Link { directory: d, .. } | Rename::Unlink { directory: d, .. } => *d == directory,
            Rename::Move { from, to, .. } => from.0 == directory || to.0 == directory,
        }
    }
}

/// What `look` says of a file or directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub node: u64,
    pub bytes: u64,
    pub is_directory: bool,
}

#[derive(Clone)]
pub struct Disk {
    nodes: BTreeMap<u64, Node>,
    next_node: u64,
    /// In the order they were made.
    unsynced_names: Vec<Rename>,
    /// Made so far: writes, truncations, syncs, names made, moved and removed.
    changes: u64,
    cut_at: Option<u64>,
    is_cut: bool,
}

impl Disk {
    pub fn new() -> Disk {
        let nodes = BTreeMap::from([(ROOT, Node::Directory(Directory::default()))]);
        Disk { nodes, next_node: ROOT + 1, unsynced_names: Vec::new(), changes: 0, cut_at: None, is_cut: false }
    }

    /// The power goes when this many more changes were made; the one after them is refused.
    pub fn cut_after(&mut self, changes: u64) {
        self.cut_at = Some(self.changes + changes);
    }

    pub fn cut_now(&mut self) {
        self.is_cut = true;
    }

    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The disk as the next start finds it.
    pub fn after_power_cut(&self, keep: Keep) -> Disk {
        let mut left = self.clone();
        let mut random = match keep {
            Keep::Nothing => None,
            Keep::Some(seed) => Some(Random(seed)),
        };
        let names_kept = random.as_mut().map_or(0, |r| r.below(self.unsynced_names.len() as u64 + 1) as usize);
        for rename in &self.unsynced_names[..names_kept] {
            left.make_durable(rename);
        }
        left.unsynced_names.clear();
        for node in left.nodes.values_mut() {
            match node {
                Node::File(file) => file.forget(random.as_mut()),
                Node::Directory(directory) => directory.cached = directory.durable.clone(),
            }
        }
        left.drop_nameless();
        Disk { changes: 0, cut_at: None, is_cut: false, ..left }
    }

    pub fn look(&self, node: u64) -> Result<Look, Refused> {
        match self.nodes.get(&node).ok_or(Refused::NotFound)? {
            Node::File(file) => Ok(Look { node, bytes: file.cached.len() as u64, is_directory: false }),
            Node::Directory(_) => Ok(Look { node, bytes: 0, is_directory: true }),
        }
    }

    pub fn find(&self, directory: u64, name: &OsStr) -> Result<Look, Refused> {
        let node = self.directory(directory)?.cached.get(name).ok_or(Refused::NotFound)?;
        self.look(*node)
    }

    pub fn list(&self, directory: u64) -> Result<Vec<(OsString, Look)>, Refused> {
        let names = &self.directory(directory)?.cached;
        names.iter().map(|(name, node)| Ok((name.clone(), self.look(*node)?))).collect()
    }

    pub fn make_file(&mut self, directory: u64, name: &OsStr) -> Result<Look, Refused> {
        self.make(directory, name, Node::File(File::default()))
    }

    pub fn make_directory(&mut self, directory: u64, name: &OsStr) -> Result<Look, Refused> {
        self.make(directory, name, Node::Directory(Directory::default()))
    }

    pub fn unlink(&mut self, directory: u64, name: &OsStr) -> Result<(), Refused> {
        let found = self.find(directory, name)?;
        if found.is_directory && !self.directory(found.node)?.cached.is_empty() {
            return Err(Refused::NotEmpty);
        }
        self.change()?;
        self.directory_mut(directory)?.cached.remove(name);
        self.unsynced_names.push(Rename::Unlink { directory, name: name.to_owned() });
        Ok(())
    }

    pub fn rename(&mut self, from: (u64, &OsStr), to: (u64, &OsStr)) -> Result<(), Refused> {
        let moved = self.find(from.0, from.1)?;
        if let Ok(there) = self.find(to.0, to.1)
            && there.is_directory
        {
            return Err(Refused::Exists);
        }
        self.change()?;
        self.directory_mut(from.0)?.cached.remove(from.1);
        self.directory_mut(to.0)?.cached.insert(to.1.to_owned(), moved.node);
        let (from, to) = ((from.0, from.1.to_owned()), (to.0, to.1.to_owned()));
        self.unsynced_names.push(Rename::Move { from, to, node: moved.node });
        Ok(())
    }

    pub fn read(&self, node: u64, offset: usize, bytes: usize) -> Result<&[u8], Refused> {
        let content = &self.file(node)?.cached;
        let start = offset.min(content.len());
        Ok(&content[start..(start + bytes).min(content.len())])
    }

    pub fn write(&mut self, node: u64, offset: usize, data: &[u8]) -> Result<(), Refused> {
        self.file(node)?;
        self.change()?;
        self.file_mut(node)?.write(offset, data);
        Ok(())
    }

    pub fn truncate(&mut self, node: u64, bytes: usize) -> Result<(), Refused> {
        self.file(node)?;
        self.change()?;
        self.file_mut(node)?.truncate(bytes);
        Ok(())
    }

    /// `fsync` and `fdatasync` of a file: its content and its length.
    pub fn sync_file(&mut self, node: u64) -> Result<(), Refused> {
        self.file(node)?;
        self.change()?;
        self.file_mut(node)?.sync();
        Ok(())
    }

    /// `fsync` of a directory: the names in it.
    pub fn sync_directory(&mut self, node: u64) -> Result<(), Refused> {
        self.directory(node)?;
        self.change()?;
        let (synced, kept) = std::mem::take(&mut self.unsynced_names).into_iter().partition(|r| r.touches(node));
        self.unsynced_names = kept;
        let synced: Vec<Rename> = synced;
        for rename in &synced {
            self.make_durable(rename);
        }
        Ok(())
    }

    fn change(&mut self) -> Result<(), Refused> {
        self.is_cut |= self.cut_at == Some(self.changes);
        if self.is_cut {
            return Err(Refused::PowerIsOff);
        }
        self.changes += 1;
        Ok(())
    }

    fn make(&mut self, directory: u64, name: &OsStr, made: Node) -> Result<Look, Refused> {
        if self.directory(directory)?.cached.contains_key(name) {
            return Err(Refused::Exists);
        }
        self.change()?;
        let node = self.next_node;
        self.next_node += 1;
        self.nodes.insert(node, made);
        self.directory_mut(directory)?.cached.insert(name.to_owned(), node);
        self.unsynced_names.push(Rename::Link { directory, name: name.to_owned(), node });
        self.look(node)
    }

    fn make_durable(&mut self, rename: &Rename) {
        let mut durable = |directory: u64, name: &OsString, node: Option<u64>| {
            let Ok(directory) = self.directory_mut(directory) else {
                return;
            };
            match node {
                Some(node) => directory.durable.insert(name.clone(), node),
                None => directory.durable.remove(name),
            };
        };
        match rename {
            Rename::Link { directory, name, node } => durable(*directory, name, Some(*node)),
            Rename::Unlink { directory, name } => durable(*directory, name, None),
            Rename::Move { from, to, node } => {
                durable(from.0, &from.1, None);
                durable(to.0, &to.1, Some(*node));
            }
        }
    }

    /// Files that no name leads to are gone after a start.
    fn drop_nameless(&mut self) {
        let mut reached = BTreeSet::new();
        let mut waiting = vec![ROOT];
        while let Some(node) = waiting.pop() {
            if let (true, Some(Node::Directory(directory))) = (reached.insert(node), self.nodes.get(&node)) {
                waiting.extend(directory.durable.values());
            }
        }
        self.nodes.retain(|node, _| reached.contains(node));
    }

    fn directory(&self, node: u64) -> Result<&Directory, Refused> {
        match self.nodes.get(&node).ok_or(Refused::NotFound)? {
            Node::Directory(directory) => Ok(directory),
            Node::File(_) => Err(Refused::NotADirectory),
        }
    }

    fn directory_mut(&mut self, node: u64) -> Result<&mut Directory, Refused> {
        match self.nodes.get_mut(&node).ok_or(Refused::NotFound)? {
            Node::Directory(directory) => Ok(directory),
            Node::File(_) => Err(Refused::NotADirectory),
        }
    }

    fn file(&self, node: u64) -> Result<&File, Refused> {
        match self.nodes.get(&node).ok_or(Refused::NotFound)? {
            Node::File(file) => Ok(file),
            Node::Directory(_) => Err(Refused::IsADirectory),
        }
    }

    fn file_mut(&mut self, node: u64) -> Result<&mut File, Refused> {
        match self.nodes.get_mut(&node).ok_or(Refused::NotFound)? {
            Node::File(file) => Ok(file),
            Node::Directory(_) => Err(Refused::IsADirectory),
        }
    }
}

impl File {
    fn write(&mut self, offset: usize, data: &[u8]) {
        let end = offset + data.len();
        if self.cached.len() < end {
            self.truncate(end);
        }
        self.cached[offset..end].copy_from_slice(data);
        self.dirty_pages.extend(offset / PAGE_BYTES..end.div_ceil(PAGE_BYTES));
    }

    /// Longer or shorter; what is added is zero, and dirty like anything else.
    fn truncate(&mut self, bytes: usize) {
        let from = self.cached.len().min(bytes);
        self.cached.resize(bytes, 0);
        self.dirty_pages.extend(from / PAGE_BYTES..bytes.div_ceil(PAGE_BYTES));
        self.dirty_pages.retain(|page| page * PAGE_BYTES < bytes);
    }

    fn sync(&mut self) {
        self.durable.resize(self.cached.len(), 0);
        for page in std::mem::take(&mut self.dirty_pages) {
            self.keep(page);
        }
    }

    /// Brings one page of the cached image to the durable one.
    fn keep(&mut self, page: usize) {
        let start = page * PAGE_BYTES;
        let end = (start + PAGE_BYTES).min(self.cached.len());
        if self.durable.len() < end {
            self.durable.resize(end, 0);
        }
        self.durable[start..end].copy_from_slice(&self.cached[start..end]);
    }

    /// The power is gone: what was not synced is lost, or by chance some of it is not.
    fn forget(&mut self, random: Option<&mut Random>) {
        let pages = std::mem::take(&mut self.dirty_pages);
        if let Some(random) = random {
            if self.cached.len() < self.durable.len() && random.below(2) == 0 {
                self.durable.truncate(self.cached.len());
            }
            for page in pages {
                if random.below(2) == 0 {
                    self.keep(page);
                }
            }
        }
        self.cached = self.durable.clone();
    }
}

/// The same numbers for the same seed (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}
