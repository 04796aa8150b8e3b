//! The index as its one writer sees it: adding segments, merging runs, keeping the manifest.

use super::cursor::MergedRecords;
use super::error::IndexError;
use super::limits::FAN_IN;
use super::manifest::{MANIFEST_BYTES_MAX, MANIFEST_NAME, Manifest, RunEntry};
use super::reader::{IndexReader, IndexView};
use super::record::{Family, Record};
use super::run::{Run, is_run_name};
use super::segment::Segment;
use super::shared::{Shared, Snapshot};
use super::writer::{RunPlan, RunWriter};
use crate::files::{Files, FilesError};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Something found while opening an index. None of it is an error: what is missing is built again from the log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// There is no manifest: the index starts empty.
    ManifestMissing,
    /// The manifest can't be used, for this reason: the index starts empty.
    ManifestDamaged(String),
    /// The index belongs to the ledger of this id: it is removed and starts empty.
    OtherLedger([u8; 16]),
    /// A run of this file name can't be used, for this reason: the index starts empty.
    RunDamaged(String, String),
    /// Files that the manifest does not name, for example of an interrupted merge, were removed.
    OrphansRemoved(Vec<String>),
}

impl Notice {
    /// Whether there was an index that can't be used.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        matches!(self, Notice::ManifestDamaged(_) | Notice::OtherLedger(_) | Notice::RunDamaged(..))
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::ManifestMissing => write!(f, "there is no index yet, it is built from the log"),
            Notice::ManifestDamaged(what) => write!(f, "the index is built again, its manifest is damaged: {what}"),
            Notice::OtherLedger(id) => {
                write!(f, "the index is built again, it belonged to ledger {:032x}", u128::from_be_bytes(*id))
            }
            Notice::RunDamaged(file, what) => write!(f, "the index is built again, {file:?} is damaged: {what}"),
            Notice::OrphansRemoved(files) => write!(f, "removed {} files that the index no longer needs", files.len()),
        }
    }
}

/// What a call to [`Index::merge_step`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeStep {
    /// No merge is due.
    Idle,
    /// The merge under way was stopped by the caller and goes on with the next call.
    Paused,
    /// One merge was finished.
    Merged,
}

/// The index of one ledger, owned by the thread that follows the log.
///
/// # Example
/// ```
/// use counterfoil::files::MemoryFiles;
/// use counterfoil::index::{BucketKey, Index, MergeStep, Segment};
/// use std::sync::{Arc, atomic::AtomicBool};
///
/// # fn main() -> Result<(), counterfoil::index::IndexError> {
/// let (mut index, _notices) = Index::open(Arc::new(MemoryFiles::new()), [7; 16])?;
/// let key = BucketKey { item: 1, location: 1, lot: 0, bucket: 0 };
/// let mut segment = Segment::new(index.covered_to());
/// segment.insert_command(0, &[1; 16]);
/// segment.insert_move(0, &key, 1_000, -3);
/// index.add_segment(segment, 1, [0; 32])?;
/// while index.merge_step(&AtomicBool::new(false))? == MergeStep::Merged {}
///
/// let reader = index.reader();
/// assert_eq!(reader.command(&[1; 16])?, Some(0));
/// assert_eq!(reader.moved_after(&key, 999)?, -3);
/// assert_eq!(reader.moved_after(&key, 1_000)?, 0);
/// # Ok(())
/// # }
/// ```
pub struct Index {
    files: Arc<dyn Files>,
    ledger_id: [u8; 16],
    shared: Arc<Shared>,
    /// The how manieth index it is that is being written.
    build: u64,
    next_number: u64,
    merge: Option<Merge>,
    /// Runs that the manifest no longer names and that readers may still hold.
    retired: Vec<Arc<Run>>,
    latched: bool,
}

/// A merge under way.
struct Merge {
    family: Family,
    inputs: Vec<Arc<Run>>,
    records: MergedRecords,
    /// Merged and not written yet.
    batch: Vec<Record>,
    output: RunWriter,
}

impl Index {
    /// Opens the index of a ledger. When its files are missing, damaged or of another ledger it starts empty and
    /// says why.
    ///
    /// # Errors
    /// [`IndexError::Files`] when files can't be read or removed for another reason than that they are missing;
    /// [`create`](Self::create) then starts anew.
    pub fn open(files: Arc<dyn Files>, ledger_id: [u8; 16]) -> Result<(Index, Vec<Notice>), IndexError> {
        let mut notices = Vec::new();
        let (snapshot, next_number) = match load(files.as_ref(), &ledger_id)? {
            Ok((snapshot, next_number)) => (snapshot, next_number),
            Err(notice) => {
                notices.push(notice);
                // Before any run goes, so that no manifest ever names a run that was removed.
                files.remove(MANIFEST_NAME)?;
                (Snapshot::empty(), 1)
            }
        };
        let orphans = remove_orphans(files.as_ref(), &snapshot)?;
        if !orphans.is_empty() {
            notices.push(Notice::OrphansRemoved(orphans));
        }
        let shared = Arc::new(Shared::new(Arc::clone(&files), snapshot));
        notices.iter().filter(|notice| notice.is_damage()).for_each(|notice| shared.note_damage(notice.to_string()));
        let (build, merge, retired, latched) = (shared.build(), None, Vec::new(), false);
        Ok((Index { files, ledger_id, shared, build, next_number, merge, retired, latched }, notices))
    }

    /// Removes whatever index there is, damaged or not, and starts an empty one.
    ///
    /// # Errors
    /// [`IndexError::Files`].
    pub fn create(files: Arc<dyn Files>, ledger_id: [u8; 16]) -> Result<Index, IndexError> {
        files.remove(MANIFEST_NAME)?;
        Self::open(files, ledger_id).map(|(index, _)| index)
    }

    /// Whether a reader or a merge found it damaged: then readers are shown an empty one, and nothing can be added
    /// before [`begin_again`](Self::begin_again).
    #[must_use]
    pub fn is_dropped(&self) -> bool {
        self.shared.build() != self.build
    }

    /// Begins the index again from its first seq in place of one that was dropped. Views that hold runs of the old one
    /// go on reading them.
    ///
    /// # Errors
    /// [`IndexError::Files`] where the old files can't be removed; to be tried again.
    pub fn begin_again(&mut self) -> Result<(), IndexError> {
        self.merge = None;
        self.retired.clear();
        let build = self.shared.build();
        // Before any run goes, so that no manifest ever names a run that was removed.
        self.files.remove(MANIFEST_NAME)?;
        remove_orphans(self.files.as_ref(), &Snapshot::empty())?;
        (self.build, self.latched) = (build, false);
        Ok(())
    }

    /// Remembers for [`IndexReader::rebuild`] why it was begun anew.
    pub fn note_damage(&self, what: String) {
        self.shared.note_damage(what);
    }

    /// Seqs below this one are indexed; the next segment begins here.
    pub fn covered_to(&self) -> u64 {
        self.shared.snapshot().covered_to
    }

    /// The index of this moment.
    pub fn view(&self) -> IndexView {
        self.reader().view()
    }

    /// A handle for asking from other threads.
    pub fn reader(&self) -> IndexReader {
        IndexReader { shared: self.shared.clone() }
    }

    /// Seqs below this one are indexed or shown.
    pub fn next_seq(&self) -> u64 {
        self.shared.tail().next_seq
    }

    /// From here on this is told the seq up to which a reader wants to know everything and does not yet: what was
    /// taken in by then should be [`show`](Self::show)n.
    pub fn when_asked(&self, told: impl Fn(u64) + Send + Sync + 'static) {
        self.shared.when_asked(told);
    }

    /// Tells who waits that the seqs below this one were taken in.
    pub fn folded(&self, next_seq: u64) {
        if !self.is_dropped() {
            self.shared.set_folded(next_seq);
        }
    }

    /// Shows readers of [`known`](IndexReader::known) a further piece, up to, not including, `next_seq`, in memory. It
    /// is written with the next segment, which begins behind it.
    ///
    /// # Errors
    /// [`IndexError::Gap`] where it does not begin at [`next_seq`](Self::next_seq); [`IndexError::BegunAgain`].
    pub fn show(&mut self, mut piece: Segment, next_seq: u64) -> Result<(), IndexError> {
        if self.is_dropped() {
            return Err(IndexError::BegunAgain);
        }
        let tail = self.shared.tail();
        if piece.from_seq() != tail.next_seq || next_seq <= tail.next_seq {
            return Err(IndexError::Gap { covered_to: tail.next_seq, segment: (piece.from_seq(), next_seq) });
        }
        piece.sort();
        self.shared.replace_tail(self.build, tail.with(piece, next_seq))
    }

    /// Indexes what was shown and the segment behind it, so the seqs from [`covered_to`](Self::covered_to) up to, not
    /// including, the new `covered_to`; `last_hash` is the hash of the last of them. After `Ok` they are durable. After an error nothing has changed
    /// for readers, and the index must be opened again.
    ///
    /// # Errors
    /// [`IndexError::Gap`] (nothing was tried), [`IndexError::Latched`], [`IndexError::Files`],
    /// [`IndexError::BegunAgain`].
    pub fn add_segment(
        &mut self,
        mut segment: Segment,
        covered_to: u64,
        last_hash: [u8; 32],
    ) -> Result<(), IndexError> {
        let (snapshot, tail) = self.shared.current();
        if snapshot.build != self.build {
            return Err(IndexError::BegunAgain);
        }
        let mut snapshot = snapshot.as_ref().clone();
        if segment.from_seq() != tail.next_seq || covered_to < tail.next_seq || covered_to <= snapshot.covered_to {
            return Err(IndexError::Gap { covered_to: tail.next_seq, segment: (segment.from_seq(), covered_to) });
        }
        self.guarded(|index| {
            segment = tail.joined(std::mem::take(&mut segment));
            for family in Family::ALL {
                let records = &mut segment.records[family.slot()];
                if records.is_empty() {
                    continue;
                }
                let count = records.len() as u64;
                let plan =
                    index.plan(family, 0, snapshot.covered_to..covered_to, count, snapshot.records_of(family) + count);
                let mut writer = RunWriter::create(index.files.as_ref(), &plan)?;
                writer.take_blocks(records)?;
                snapshot.runs[family.slot()].extend(writer.finish(records)?.map(Arc::new));
            }
            (snapshot.covered_to, snapshot.last_hash) = (covered_to, last_hash);
            index.publish(snapshot)
        })
    }

    /// Does at most one due merge: [`FAN_IN`] runs of one level become one run of the next. Looks at `stop` several
    /// thousand times a second and pauses when it is set; segments may be added meanwhile.
    ///
    /// # Errors
    /// [`IndexError::Latched`], [`IndexError::Files`]; the index must then be opened again. [`IndexError::Corrupted`],
    /// [`IndexError::BegunAgain`]: it must be [begun again](Self::begin_again).
    pub fn merge_step(&mut self, stop: &AtomicBool) -> Result<MergeStep, IndexError> {
        self.merge_while(|| !stop.load(Ordering::Relaxed))
    }

    /// The same, as long as it is told to go on.
    ///
    /// # Errors
    /// As [`merge_step`](Self::merge_step).
    pub fn merge_while(&mut self, mut goes_on: impl FnMut() -> bool) -> Result<MergeStep, IndexError> {
        self.guarded(|index| {
            index.remove_retired();
            let Some(mut merge) = index.merge.take().map_or_else(|| index.start_merge(), |merge| Ok(Some(merge)))?
            else {
                return Ok(MergeStep::Idle);
            };
            while goes_on() {
                if !merge.records.append_to(&mut merge.batch, &index.shared)? {
                    index.finish_merge(merge)?;
                    return Ok(MergeStep::Merged);
                }
                merge.output.take_blocks(&mut merge.batch)?;
            }
            index.merge = Some(merge);
            Ok(MergeStep::Paused)
        })
    }

    /// Runs a step that writes; after a failure the state on disk is uncertain, so the next steps are refused.
    fn guarded<T>(&mut self, step: impl FnOnce(&mut Index) -> Result<T, IndexError>) -> Result<T, IndexError> {
        if self.is_dropped() {
            return Err(IndexError::BegunAgain);
        }
        if self.latched {
            return Err(IndexError::Latched);
        }
        let result = step(self);
        if result.is_err() {
            self.latched = true;
            self.merge = None;
        }
        result
    }

    /// Numbers a new run.
    fn plan(&mut self, family: Family, level: u8, seqs: Range<u64>, records: u64, records_of_family: u64) -> RunPlan {
        let number = self.next_number;
        self.next_number += 1;
        RunPlan {
            family,
            ledger_id: self.ledger_id,
            number,
            level,
            from_seq: seqs.start,
            to_seq: seqs.end,
            records,
            records_of_family,
        }
    }

    /// Starts the smallest merge that is due.
    fn start_merge(&mut self) -> Result<Option<Merge>, IndexError> {
        let snapshot = self.shared.snapshot();
        let Some((family, inputs)) = due(&snapshot) else {
            return Ok(None);
        };
        let Some((oldest, newest)) = inputs.first().zip(inputs.last()) else {
            return Ok(None);
        };
        let seqs = oldest.footer.from_seq..newest.footer.to_seq;
        let records = inputs.iter().map(|run| run.footer.records).sum();
        let plan = self.plan(family, oldest.level.saturating_add(1), seqs, records, snapshot.records_of(family));
        let output = RunWriter::create(self.files.as_ref(), &plan)?;
        Ok(Some(Merge { family, records: MergedRecords::all(&inputs), batch: Vec::new(), inputs, output }))
    }

    fn finish_merge(&mut self, merge: Merge) -> Result<(), IndexError> {
        let Merge { family, inputs, output, batch, .. } = merge;
        let output = output.finish(&batch)?.map(Arc::new);
        let records = |runs: &[Arc<Run>]| runs.iter().map(|run| run.footer.records).sum::<u64>();
        let (merged, expected) = (records(output.as_slice()), records(&inputs));
        if merged != expected {
            let Some(oldest) = inputs.first() else { return Ok(()) };
            let what = format!("{merged} records came out of {expected} merged ones");
            let damage = IndexError::corrupted(&oldest.name, what);
            self.shared.met(oldest, &damage);
            return Err(damage);
        }
        let mut snapshot = self.shared.snapshot().as_ref().clone();
        let runs = &mut snapshot.runs[family.slot()];
        let Some(at) = runs.iter().position(|run| inputs.first().is_some_and(|oldest| Arc::ptr_eq(run, oldest))) else {
            return Ok(());
        };
        runs.splice(at..at + inputs.len(), output);
        self.publish(snapshot)?;
        self.retired.extend(inputs);
        self.remove_retired();
        Ok(())
    }

    /// Makes a snapshot durable, then visible.
    fn publish(&mut self, snapshot: Snapshot) -> Result<(), IndexError> {
        let runs = snapshot.runs.iter().flatten().map(|run| RunEntry {
            family: run.footer.family,
            level: run.level,
            number: run.footer.number,
            from_seq: run.footer.from_seq,
            to_seq: run.footer.to_seq,
            records: run.footer.records,
            section_hash: run.footer.section_hash,
        });
        let manifest = Manifest {
            ledger_id: self.ledger_id,
            covered_to: snapshot.covered_to,
            last_hash: snapshot.last_hash,
            next_number: self.next_number,
            runs: runs.collect(),
        };
        self.shared.publish(snapshot, &manifest.encode())
    }

    /// Removes files of runs that nobody holds any more. What can't be removed now is tried again, at the latest by
    /// the next open.
    fn remove_retired(&mut self) {
        let files = &self.files;
        self.retired.retain(|run| Arc::strong_count(run) > 1 || files.remove(&run.name).is_err());
    }
}

/// The lowest level at which a family has enough runs, and the oldest of them.
fn due(snapshot: &Snapshot) -> Option<(Family, Vec<Arc<Run>>)> {
    let at_level = |family: Family, level: u8| snapshot.of(family).iter().filter(move |run| run.level == level);
    let highest = snapshot.runs.iter().flatten().map(|run| run.level).max()?;
    let mut candidates = (0..=highest).flat_map(|level| Family::ALL.map(|family| (family, level)));
    let (family, level) = candidates.find(|(family, level)| at_level(*family, *level).count() >= FAN_IN)?;
    Some((family, at_level(family, level).take(FAN_IN).cloned().collect()))
}

/// Loads what the manifest names: a snapshot and the next run's number, or the reason to start empty.
fn load(files: &dyn Files, ledger_id: &[u8; 16]) -> Result<Result<(Snapshot, u64), Notice>, FilesError> {
    let bytes = match files.read_at_most(MANIFEST_NAME, MANIFEST_BYTES_MAX) {
        Err(error) if error.is_missing() => return Ok(Err(Notice::ManifestMissing)),
        Err(error) if error.is_unfit() => return Ok(Err(Notice::ManifestDamaged(error.to_string()))),
        bytes => bytes?,
    };
    let manifest = match Manifest::decode(&bytes) {
        Err(what) => return Ok(Err(Notice::ManifestDamaged(what))),
        Ok(manifest) if manifest.ledger_id != *ledger_id => return Ok(Err(Notice::OtherLedger(manifest.ledger_id))),
        Ok(manifest) => manifest,
    };
    let mut snapshot = Snapshot { covered_to: manifest.covered_to, last_hash: manifest.last_hash, ..Snapshot::empty() };
    for entry in &manifest.runs {
        match open_entry(files, ledger_id, entry) {
            Ok(run) => snapshot.runs[entry.family.slot()].push(Arc::new(run)),
            Err(IndexError::Files(error)) if !error.is_missing() && !error.is_unfit() => return Err(error),
            Err(error) => {
                let name = super::run::file_name(entry.family, entry.number);
                let what = match error {
                    IndexError::Corrupted { what, .. } => what,
                    other => other.to_string(),
                };
                return Ok(Err(Notice::RunDamaged(name, what)));
            }
        }
    }
    Ok(Ok((snapshot, manifest.next_number)))
}

fn open_entry(files: &dyn Files, ledger_id: &[u8; 16], entry: &RunEntry) -> Result<Run, IndexError> {
    let run = Run::open(files, ledger_id, entry.family, entry.number, entry.level)?;
    let footer = &run.footer;
    let found = (footer.from_seq, footer.to_seq, footer.records, footer.section_hash);
    if found != (entry.from_seq, entry.to_seq, entry.records, entry.section_hash) {
        return Err(IndexError::corrupted(&run.name, "it is not the run that the manifest names"));
    }
    Ok(run)
}

/// Removes run files that a snapshot does not hold; other files are not ours.
fn remove_orphans(files: &dyn Files, snapshot: &Snapshot) -> Result<Vec<String>, FilesError> {
    let mut orphans = files.list()?;
    orphans.retain(|name| is_run_name(name) && !snapshot.runs.iter().flatten().any(|run| run.name == *name));
    for name in &orphans {
        files.remove(name)?;
    }
    Ok(orphans)
}
