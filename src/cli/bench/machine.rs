//! The machine, and what else the figures depend on.

use chrono::{DateTime, SecondsFormat};
use counterfoil::ledger::{Clock, SystemClock};
use serde::Serialize;
use std::path::Path;

/// What the figures depend on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Conditions {
    /// Of this program.
    pub version: &'static str,
    /// `release`, or `debug`, whose figures mean little.
    pub build: &'static str,
    /// When the run began, in UTC.
    pub date: String,
    /// The processor's model.
    pub cpu: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Memory of the machine in MB.
    pub memory_mb: Option<u64>,
    /// The operating system.
    pub os: String,
    /// The file system that was written to.
    pub file_system: String,
    /// What makes bytes durable.
    pub sync_method: &'static str,
    /// Bytes of log that one command alone takes; as many are synced one by one to compare with.
    pub payload_bytes: usize,
    /// Processes that wanted to run in the minute before.
    pub load_before: Option<f64>,
    /// What the figures should not be trusted for.
    pub warnings: Vec<String>,
}

/// The time to the second, in UTC.
fn date() -> String {
    let now = DateTime::from_timestamp_micros(SystemClock::new().wall().0);
    now.map_or_else(unknown, |now| now.to_rfc3339_opts(SecondsFormat::Secs, true))
}

impl Conditions {
    pub(super) fn of(dir: &Path, payload_bytes: usize) -> Self {
        let file_system = mount_of(dir).unwrap_or_else(unknown);
        let build = if cfg!(debug_assertions) { "debug" } else { "release" };
        let load_before = read("/proc/loadavg").and_then(|text| text.split(' ').next()?.parse().ok());
        let mut conditions = Self {
            version: env!("CARGO_PKG_VERSION"),
            build,
            date: date(),
            cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mb: kilobytes("/proc/meminfo", "MemTotal").map(|kilobytes| kilobytes / 1_024),
            os: system(),
            file_system,
            sync_method: sync_method(),
            payload_bytes,
            load_before,
            warnings: Vec::new(),
        };
        conditions.warnings = conditions.doubts();
        conditions
    }

    fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        let on = self.file_system.split(' ').next().unwrap_or_default();
        if ["tmpfs", "ramfs", "overlay"].contains(&on) {
            doubts.push(format!("{on}: a sync may reach no disk here; choose a directory on the disk you mean"));
        }
        if self.build == "debug" {
            doubts.push("a debug build: times mean little".to_owned());
        }
        if self.load_before.is_some_and(|load| load > 0.5 * self.cores as f64) {
            doubts.push("other work was running: compare ratios, not times".to_owned());
        }
        doubts
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn system() -> String {
    match read("/proc/sys/kernel/osrelease") {
        Some(release) => format!("Linux {}", release.trim()),
        None => std::env::consts::OS.to_owned(),
    }
}

const fn sync_method() -> &'static str {
    if cfg!(target_vendor = "apple") { "fcntl F_FULLFSYNC" } else { "fdatasync" }
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// What stands behind a name and a colon.
fn field(path: &str, name: &str) -> Option<String> {
    let text = read(path)?;
    let line = text.lines().find(|line| line.split(':').next().is_some_and(|key| key.trim() == name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn kilobytes(path: &str, name: &str) -> Option<u64> {
    field(path, name)?.strip_suffix(" kB")?.trim().parse().ok()
}

/// Memory of this process that is in RAM, in bytes; known on Linux only.
pub(super) fn resident_bytes() -> Option<u64> {
    kilobytes("/proc/self/status", "VmRSS").map(|kilobytes| kilobytes * 1_024)
}

/// The most that it was since [`forget_peak`], in bytes; known on Linux only.
pub(super) fn peak_bytes() -> Option<u64> {
    kilobytes("/proc/self/status", "VmHWM").map(|kilobytes| kilobytes * 1_024)
}

/// Begins a new peak; where the system does not let us, the peak is that of the whole run.
pub(super) fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The file system's type and the device that holds a directory.
fn mount_of(dir: &Path) -> Option<String> {
    find_mount(&read("/proc/self/mountinfo")?, dir)
}

/// The last line with the longest mount point above the directory counts: later mounts hide earlier ones.
fn find_mount(mountinfo: &str, dir: &Path) -> Option<String> {
    let mounts = mountinfo.lines().filter_map(|line| {
        let (before, behind) = line.split_once(" - ")?;
        let point = before.split(' ').nth(4)?.replace("\\040", " ");
        let mut behind = behind.split(' ');
        let (kind, device) = (behind.next()?, behind.next()?);
        dir.starts_with(&point).then(|| (point.len(), format!("{kind} ({device})")))
    });
    mounts.max_by_key(|(length, _)| *length).map(|(_, mount)| mount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_nearest_to_the_directory_counts() {
        let mounts = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:26 / /tmp rw shared:9 - tmpfs tmpfs rw
31 30 0:27 / /tmp/a\\040b rw - overlay none rw
32 22 254:1 / /tmp/disk rw - ext4 /dev/vdb rw
33 22 254:2 / /tmp/disk rw - xfs /dev/vdc rw
";
        let mount = |dir: &str| find_mount(mounts, Path::new(dir));
        assert_eq!(mount("/home/x").as_deref(), Some("ext4 (/dev/vda)"));
        assert_eq!(mount("/tmpfiles").as_deref(), Some("ext4 (/dev/vda)"));
        assert_eq!(mount("/tmp/x").as_deref(), Some("tmpfs (tmpfs)"));
        assert_eq!(mount("/tmp/a b/c").as_deref(), Some("overlay (none)"));
        assert_eq!(mount("/tmp/disk").as_deref(), Some("xfs (/dev/vdc)"));
        assert_eq!(find_mount("nonsense", Path::new("/")), None);
    }
}
