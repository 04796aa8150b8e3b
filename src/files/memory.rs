//! Files in memory, for simulation: every call is counted and any one of them can be made to fail.

use super::{Files, FilesError, NewFile, OpenFile, check_name};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// What a failing call leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The call failed and had no effect.
    Lost,
    /// The call took effect and was reported as failed nevertheless.
    Persisted,
}

/// Files in memory; clones are handles to the same files.
#[derive(Debug, Clone, Default)]
pub struct MemoryFiles {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    files: BTreeMap<String, Arc<Vec<u8>>>,
    calls: u64,
    fault: Option<(u64, Fault)>,
}

impl MemoryFiles {
    /// An empty set of files without a fault plan.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the call number `call` (0 = the next call ever made on fresh files, see [`calls`](Self::calls)) fail once.
    pub fn fail_call(&self, call: u64, fault: Fault) {
        self.inner.lock().fault = Some((call, fault));
    }

    /// How many calls were made so far, failed ones included: creations, appends, finishes, opens, reads, lists,
    /// removals.
    pub fn calls(&self) -> u64 {
        self.inner.lock().calls
    }

    /// What a restart finds after a crash at this moment: finished files only, no fault plan, calls counted from 0.
    pub fn crash(&self) -> MemoryFiles {
        let files = self.inner.lock().files.clone();
        MemoryFiles { inner: Arc::new(Mutex::new(Inner { files, calls: 0, fault: None })) }
    }

    /// Changes the bytes of a finished file behind its reader's back, as bit rot does; false when there is no such
    /// file.
    pub fn damage(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut inner = self.inner.lock();
        let Some(bytes) = inner.files.get_mut(name) else {
            return false;
        };
        change(Arc::make_mut(bytes));
        true
    }

    /// The bytes of all finished files together.
    pub fn bytes_total(&self) -> u64 {
        self.inner.lock().files.values().map(|bytes| bytes.len() as u64).sum()
    }

    /// Counts a call and applies `effect` unless the fault plan says that this call is lost.
    fn call<T>(
        &self,
        what: &'static str,
        name: &str,
        effect: impl FnOnce(&mut Inner) -> io::Result<T>,
    ) -> Result<T, FilesError> {
        let mut inner = self.inner.lock();
        let call = inner.calls;
        inner.calls += 1;
        let fault = match inner.fault {
            Some((planned, fault)) if planned == call => Some(fault),
            _ => None,
        };
        let failed = || FilesError::new(what, name, io::Error::other("injected fault"));
        if fault == Some(Fault::Lost) {
            return Err(failed());
        }
        let result = effect(&mut inner);
        if fault == Some(Fault::Persisted) {
            return Err(failed());
        }
        result.map_err(|source| FilesError::new(what, name, source))
    }
}

impl Files for MemoryFiles {
    fn create(&self, name: &str) -> Result<Box<dyn NewFile>, FilesError> {
        check_name("create", name)?;
        self.call("create", name, |_| Ok(()))?;
        Ok(Box::new(NewMemoryFile { files: self.clone(), name: name.to_owned(), bytes: Vec::new() }))
    }

    fn open(&self, name: &str) -> Result<Arc<dyn OpenFile>, FilesError> {
        check_name("open", name)?;
        let bytes = self
            .call("open", name, |inner| inner.files.get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into()))?;
        Ok(Arc::new(OpenMemoryFile { files: self.clone(), name: name.to_owned(), bytes }))
    }

    fn list(&self) -> Result<Vec<String>, FilesError> {
        self.call("list", "", |inner| Ok(inner.files.keys().cloned().collect()))
    }

    fn remove(&self, name: &str) -> Result<(), FilesError> {
        check_name("remove", name)?;
        self.call("remove", name, |inner| {
            inner.files.remove(name);
            Ok(())
        })
    }
}

struct NewMemoryFile {
    files: MemoryFiles,
    name: String,
    bytes: Vec<u8>,
}

impl NewFile for NewMemoryFile {
    fn append(&mut self, bytes: &[u8]) -> Result<(), FilesError> {
        let target = &mut self.bytes;
        self.files.call("write", &self.name, |_| {
            target.extend_from_slice(bytes);
            Ok(())
        })
    }

    fn finish(self: Box<Self>) -> Result<Arc<dyn OpenFile>, FilesError> {
        let NewMemoryFile { files, name, bytes } = *self;
        let bytes = Arc::new(bytes);
        files.call("finish", &name, |inner| {
            inner.files.insert(name.clone(), bytes.clone());
            Ok(())
        })?;
        Ok(Arc::new(OpenMemoryFile { files, name, bytes }))
    }
}

struct OpenMemoryFile {
    files: MemoryFiles,
    name: String,
    bytes: Arc<Vec<u8>>,
}

impl OpenFile for OpenMemoryFile {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), FilesError> {
        self.files.call("read", &self.name, |_| {
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            let end = start.saturating_add(buffer.len());
            let bytes = self.bytes.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?;
            buffer.copy_from_slice(bytes);
            Ok(())
        })
    }
}
