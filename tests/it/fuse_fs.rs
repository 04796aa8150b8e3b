//! Mounts a [`Disk`] that forgets what was not synced, so that a program's own system calls, and those of
//! its dependencies, meet a power cut. Needs `/dev/fuse` and the right to mount; no libfuse, no fusermount.

pub mod disk;

use disk::{Disk, Keep, Look, Refused};
use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty,
    ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use nix::mount::{MntFlags, umount2};
use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The kernel remembers neither names nor lengths: every question comes to us.
const REMEMBERED: Duration = Duration::ZERO;

/// A disk that can be mounted, cut and mounted again.
#[derive(Clone)]
pub struct PowerCutDisk(Arc<Mutex<Disk>>);

/// The disk under a directory of its own; dropping it takes the mount away, whatever still has files open.
pub struct Mounted {
    // In this order: the session ends before its directory is removed.
    session: Option<BackgroundSession>,
    directory: tempfile::TempDir,
}

impl PowerCutDisk {
    pub fn new() -> PowerCutDisk {
        PowerCutDisk(Arc::new(Mutex::new(Disk::new())))
    }

    /// A look at the disk itself. Do not touch files below the mount while it is held: they wait for it.
    pub fn lock(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// From now on every change is refused with an I/O error.
    pub fn cut_now(&self) {
        self.lock().cut_now();
    }

    /// The power goes after so many more changes (writes, syncs, names made).
    pub fn cut_after(&self, changes: u64) {
        self.lock().cut_after(changes);
    }

    pub fn is_cut(&self) -> bool {
        self.lock().is_cut()
    }

    /// What the next start finds, as a disk of its own; this one stays as it is for whoever has it open.
    pub fn after_power_cut(&self, keep: Keep) -> PowerCutDisk {
        PowerCutDisk(Arc::new(Mutex::new(self.lock().after_power_cut(keep))))
    }

    /// # Errors
    /// There is no `/dev/fuse`, or we may not mount.
    pub fn mount(&self) -> io::Result<Mounted> {
        let directory = tempfile::Builder::new().prefix("power-cut-").tempdir()?;
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("power-cut".to_string()), MountOption::NoAtime];
        let session = fuser::spawn_mount(Adapter(self.clone()), directory.path(), &config)?;
        Ok(Mounted { session: Some(session), directory })
    }

    /// As [`PowerCutDisk::mount`]; where that is not possible it says so on the real standard error, which
    /// the test harness does not capture, and gives nothing.
    pub fn mount_or_say(&self, test: &str) -> Option<Mounted> {
        match self.mount() {
            Ok(mounted) => Some(mounted),
            Err(error) => {
                let _ =
                    writeln!(io::stderr(), "\n!! SKIPPED {test}: no FUSE file system can be mounted here: {error}\n");
                None
            }
        }
    }
}

impl Mounted {
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Detached, so that a file that some thread still has open cannot keep the mount in place.
        if let Err(error) = umount2(self.directory.path(), MntFlags::MNT_DETACH) {
            let _ = writeln!(io::stderr(), "could not unmount {}: {error}", self.directory.path().display());
        }
        drop(self.session.take());
    }
}

/// Answers the kernel from the disk.
struct Adapter(PowerCutDisk);

fn errno(refused: Refused) -> Errno {
    match refused {
        Refused::PowerIsOff => Errno::EIO,
        Refused::NotFound => Errno::ENOENT,
        Refused::Exists => Errno::EEXIST,
        Refused::NotEmpty => Errno::ENOTEMPTY,
        Refused::NotADirectory => Errno::ENOTDIR,
        Refused::IsADirectory => Errno::EISDIR,
    }
}

fn attributes(look: Look) -> FileAttr {
    FileAttr {
        ino: INodeNo(look.node),
        size: look.bytes,
        blocks: look.bytes.div_ceil(512),
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind: kind(look),
        perm: if look.is_directory { 0o755 } else { 0o644 },
        nlink: 1,
        uid: nix::unistd::getuid().as_raw(),
        gid: nix::unistd::getgid().as_raw(),
        rdev: 0,
        blksize: disk::PAGE_BYTES as u32,
        flags: 0,
    }
}

fn kind(look: Look) -> FileType {
    if look.is_directory { FileType::Directory } else { FileType::RegularFile }
}

fn answer_entry(found: Result<Look, Refused>, reply: ReplyEntry) {
    match found {
        Ok(look) => reply.entry(&REMEMBERED, &attributes(look), Generation(0)),
        Err(refused) => reply.error(errno(refused)),
    }
}

fn answer_attributes(found: Result<Look, Refused>, reply: ReplyAttr) {
    match found {
        Ok(look) => reply.attr(&REMEMBERED, &attributes(look)),
        Err(refused) => reply.error(errno(refused)),
    }
}

fn answer_empty(done: Result<(), Refused>, reply: ReplyEmpty) {
    match done {
        Ok(()) => reply.ok(),
        Err(refused) => reply.error(errno(refused)),
    }
}

// `flush` stays unimplemented: the kernel then stops asking, and a process that ends with files open on its
// own mount does not wait for itself.
impl Filesystem for Adapter {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        answer_entry(self.0.lock().find(parent.0, name), reply);
    }

    fn getattr(&self, _: &Request, node: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        answer_attributes(self.0.lock().look(node.0), reply);
    }

    fn setattr(
        &self,
        _: &Request,
        node: INodeNo,
        _mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        _mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut disk = self.0.lock();
        let done = size.map_or(Ok(()), |bytes| disk.truncate(node.0, bytes as usize));
        answer_attributes(done.and_then(|()| disk.look(node.0)), reply);
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, _mode: u32, _umask: u32, reply: ReplyEntry) {
        answer_entry(self.0.lock().make_directory(parent.0, name), reply);
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        _mode: u32,
        _umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        match self.0.lock().make_file(parent.0, name) {
            Ok(look) => {
                let direct = FopenFlags::FOPEN_DIRECT_IO;
                reply.created(&REMEMBERED, &attributes(look), Generation(0), FileHandle(0), direct);
            }
            Err(refused) => reply.error(errno(refused)),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer_empty(self.0.lock().unlink(parent.0, name), reply);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer_empty(self.0.lock().unlink(parent.0, name), reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if !flags.is_empty() {
            return reply.error(Errno::EINVAL);
        }
        answer_empty(self.0.lock().rename((parent.0, name), (newparent.0, newname)), reply);
    }

    /// Direct: the kernel keeps no pages of its own, so each write is here as soon as it returns.
    fn open(&self, _: &Request, _node: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn read(
        &self,
        _: &Request,
        node: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.0.lock().read(node.0, offset as usize, size as usize) {
            Ok(bytes) => reply.data(bytes),
            Err(refused) => reply.error(errno(refused)),
        }
    }

    fn write(
        &self,
        _: &Request,
        node: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.0.lock().write(node.0, offset as usize, data) {
            Ok(()) => reply.written(data.len() as u32),
            Err(refused) => reply.error(errno(refused)),
        }
    }

    fn fsync(&self, _: &Request, node: INodeNo, _: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        answer_empty(self.0.lock().sync_file(node.0), reply);
    }

    fn fsyncdir(&self, _: &Request, node: INodeNo, _: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        answer_empty(self.0.lock().sync_directory(node.0), reply);
    }

    fn readdir(&self, _: &Request, node: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let entries = match self.0.lock().list(node.0) {
            Ok(entries) => entries,
            Err(refused) => return reply.error(errno(refused)),
        };
        for (at, (name, look)) in entries.into_iter().enumerate().skip(offset as usize) {
            if reply.add(INodeNo(look.node), at as u64 + 1, kind(look), name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _node: INodeNo, reply: ReplyStatfs) {
        const BLOCKS: u64 = 1 << 24;
        let block_bytes = disk::PAGE_BYTES as u32;
        reply.statfs(BLOCKS, BLOCKS, BLOCKS, BLOCKS, BLOCKS, block_bytes, 255, block_bytes);
    }
}

mod tests {
    use super::*;
    use std::fs::{self, File, OpenOptions};
    use std::os::unix::fs::FileExt;

    fn sync_directory(path: &Path) {
        File::open(path).unwrap().sync_all().unwrap();
    }

    /// Runs `before` on a fresh disk, cuts the power, and runs `after` on what is left.
    fn across_a_cut(test: &str, keep: Keep, before: impl FnOnce(&Path), after: impl FnOnce(&Path)) {
        let disk = PowerCutDisk::new();
        let Some(mounted) = disk.mount_or_say(test) else { return };
        before(mounted.path());
        disk.cut_now();
        drop(mounted);
        let mounted = disk.after_power_cut(keep).mount().unwrap();
        after(mounted.path());
    }

    #[test]
    fn a_write_without_a_sync_is_lost() {
        let before = |root: &Path| {
            let file = File::create(root.join("a")).unwrap();
            file.sync_all().unwrap();
            sync_directory(root);
            file.write_all_at(b"not synced", 0).unwrap();
            assert_eq!(fs::read(root.join("a")).unwrap(), b"not synced");
        };
        across_a_cut("a_write_without_a_sync_is_lost", Keep::Nothing, before, |root| {
            assert_eq!(fs::read(root.join("a")).unwrap(), b"");
        });
    }

    #[test]
    fn a_synced_write_stays() {
        let before = |root: &Path| {
            let file = File::create(root.join("all")).unwrap();
            file.write_all_at(&[7; 10_000], 5_000).unwrap();
            file.sync_all().unwrap();
            let file = File::create(root.join("data")).unwrap();
            file.write_all_at(b"synced", 0).unwrap();
            file.sync_data().unwrap();
            file.write_all_at(b"later!", 0).unwrap();
            sync_directory(root);
        };
        across_a_cut("a_synced_write_stays", Keep::Nothing, before, |root| {
            assert_eq!(fs::read(root.join("all")).unwrap(), [vec![0; 5_000], vec![7; 10_000]].concat());
            assert_eq!(fs::read(root.join("data")).unwrap(), b"synced");
        });
    }

    #[test]
    fn a_name_needs_the_sync_of_its_directory() {
        let before = |root: &Path| {
            fs::create_dir(root.join("dir")).unwrap();
            sync_directory(root);
            File::create(root.join("dir/named")).unwrap().sync_all().unwrap();
            sync_directory(&root.join("dir"));
            File::create(root.join("dir/nameless")).unwrap().sync_all().unwrap();
            fs::remove_file(root.join("dir/named")).unwrap();
        };
        across_a_cut("a_name_needs_the_sync_of_its_directory", Keep::Nothing, before, |root| {
            let names: Vec<_> = fs::read_dir(root.join("dir")).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert_eq!(names, ["named"]);
        });
    }

    #[test]
    fn a_rename_needs_the_sync_of_its_directory() {
        let write = |path: &Path, text: &[u8]| {
            fs::write(path, text).unwrap();
            File::open(path).unwrap().sync_all().unwrap();
        };
        let before = |root: &Path| {
            for name in ["lost", "kept"] {
                fs::create_dir(root.join(name)).unwrap();
                write(&root.join(name).join("a"), b"old");
                sync_directory(&root.join(name));
                write(&root.join(name).join("b"), b"new");
                fs::rename(root.join(name).join("b"), root.join(name).join("a")).unwrap();
            }
            sync_directory(&root.join("kept"));
            sync_directory(root);
        };
        across_a_cut("a_rename_needs_the_sync_of_its_directory", Keep::Nothing, before, |root| {
            assert_eq!(fs::read(root.join("lost/a")).unwrap(), b"old");
            assert_eq!(fs::read(root.join("kept/a")).unwrap(), b"new");
            assert!(!root.join("kept/b").exists());
        });
    }

    #[test]
    fn chance_tears_writes_at_pages() {
        let mut torn = 0;
        for seed in 0..8 {
            let before = |root: &Path| {
                let file = File::create(root.join("a")).unwrap();
                file.write_all_at(&[1; 8 * disk::PAGE_BYTES], 0).unwrap();
                file.sync_all().unwrap();
                sync_directory(root);
                file.write_all_at(&[2; 8 * disk::PAGE_BYTES], 0).unwrap();
            };
            across_a_cut("chance_tears_writes_at_pages", Keep::Some(seed), before, |root| {
                let content = fs::read(root.join("a")).unwrap();
                assert!(content.chunks(disk::PAGE_BYTES).all(|page| page == [page[0]; disk::PAGE_BYTES]));
                torn += u32::from(content.contains(&1) && content.contains(&2));
            });
        }
        assert!(torn >= 4 || PowerCutDisk::new().mount().is_err(), "{torn} of 8 seeds tore the write");
    }

    #[test]
    fn after_the_cut_every_change_is_refused() {
        let disk = PowerCutDisk::new();
        let Some(mounted) = disk.mount_or_say("after_the_cut_every_change_is_refused") else {
            return;
        };
        let file = OpenOptions::new().create_new(true).write(true).open(mounted.path().join("a")).unwrap();
        disk.cut_after(2);
        file.write_all_at(b"one", 0).unwrap();
        file.sync_data().unwrap();
        assert!(!disk.is_cut());
        assert!(file.write_all_at(b"two", 0).is_err());
        assert!(disk.is_cut());
        assert!(file.sync_data().is_err());
        assert!(File::create(mounted.path().join("b")).is_err());
        assert_eq!(fs::read(mounted.path().join("a")).unwrap(), b"one");
    }

    #[test]
    fn a_truncation_is_a_change_like_any_other() {
        let before = |root: &Path| {
            let file = File::create(root.join("a")).unwrap();
            file.write_all_at(&[3; 9_000], 0).unwrap();
            file.sync_all().unwrap();
            sync_directory(root);
            file.set_len(5).unwrap();
            file.set_len(9_000).unwrap();
            assert_eq!(fs::read(root.join("a")).unwrap()[5..], [0; 8_995]);
        };
        across_a_cut("a_truncation_is_a_change_like_any_other", Keep::Nothing, before, |root| {
            assert_eq!(fs::read(root.join("a")).unwrap(), [3; 9_000]);
        });
    }

    #[test]
    fn no_mount_stays_behind_a_panic() {
        let disk = PowerCutDisk::new();
        let Some(mounted) = disk.mount_or_say("no_mount_stays_behind_a_panic") else {
            return;
        };
        let path = mounted.path().to_owned();
        let open = File::create(path.join("a")).unwrap();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _mounted = mounted;
            std::panic::resume_unwind(Box::new("as a failed assertion does"));
        }));
        assert!(result.is_err());
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        assert!(!mounts.contains(&*path.to_string_lossy()), "{mounts}");
        assert!(!path.exists());
        drop(open);
    }
}
