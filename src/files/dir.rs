//! Files in one directory of the operating system.

use super::{Files, FilesError, NewFile, OpenFile, TEMPORARY_SUFFIX, check_name, small};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The files of one directory, which belongs to this process alone.
#[derive(Debug, Clone)]
pub struct DirFiles {
    path: PathBuf,
}

impl DirFiles {
    /// Opens a directory, makes it when it is missing and removes temporary files that a crash left.
    ///
    /// # Errors
    /// [`FilesError`] when the directory can't be made, read or cleaned.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, FilesError> {
        let files = DirFiles { path: path.into() };
        files.make_directory().map_err(|source| files.error("create directory", source))?;
        for name in files.names()?.iter().filter(|name| name.ends_with(TEMPORARY_SUFFIX)) {
            fs::remove_file(files.path.join(name)).map_err(|source| FilesError::new("remove", name, source))?;
        }
        Ok(files)
    }

    fn make_directory(&self) -> io::Result<()> {
        if self.path.is_dir() {
            return Ok(());
        }
        fs::create_dir_all(&self.path)?;
        match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => sync_directory(parent),
            _ => sync_directory(Path::new(".")),
        }
    }

    fn error(&self, what: &'static str, source: io::Error) -> FilesError {
        FilesError::new(what, &self.path.to_string_lossy(), source)
    }

    /// Names of regular files; names that are not UTF-8 are not ours.
    fn names(&self) -> Result<Vec<String>, FilesError> {
        let list = || -> io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in fs::read_dir(&self.path)? {
                let entry = entry?;
                if !entry.file_type()?.is_file() {
                    continue;
                }
                names.extend(entry.file_name().into_string().ok());
            }
            names.sort_unstable();
            Ok(names)
        };
        list().map_err(|source| self.error("list directory", source))
    }
}

/// Makes creations, renames and removals in a directory durable.
fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

impl Files for DirFiles {
    fn create(&self, name: &str) -> Result<Box<dyn NewFile>, FilesError> {
        check_name("create", name)?;
        let temporary = self.path.join(format!("{name}{TEMPORARY_SUFFIX}"));
        // Whatever lies there was left by a crash, or put there by somebody: nothing is written into it.
        let file = match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => File::options().read(true).write(true).create_new(true).open(&temporary),
        };
        let file = file.map_err(|source| FilesError::new("create", name, source))?;
        Ok(Box::new(NewDirFile {
            file: Some(file),
            len: 0,
            temporary,
            directory: self.path.clone(),
            name: name.to_owned(),
        }))
    }

    fn open(&self, name: &str) -> Result<Arc<dyn OpenFile>, FilesError> {
        check_name("open", name)?;
        let open = || -> io::Result<OpenDirFile> {
            let file = small::open(&self.path.join(name))?;
            let len = file.metadata()?.len();
            Ok(OpenDirFile { file, len, name: name.to_owned() })
        };
        Ok(Arc::new(open().map_err(|source| FilesError::new("open", name, source))?))
    }

    fn list(&self) -> Result<Vec<String>, FilesError> {
        let mut names = self.names()?;
        names.retain(|name| check_name("list", name).is_ok());
        Ok(names)
    }

    fn remove(&self, name: &str) -> Result<(), FilesError> {
        check_name("remove", name)?;
        match fs::remove_file(self.path.join(name)) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(FilesError::new("remove", name, source)),
            _ => Ok(()),
        }
    }
}

struct NewDirFile {
    /// `None` once finishing has begun and the temporary name may be gone.
    file: Option<File>,
    len: u64,
    temporary: PathBuf,
    directory: PathBuf,
    name: String,
}

impl NewFile for NewDirFile {
    fn append(&mut self, bytes: &[u8]) -> Result<(), FilesError> {
        let file =
            self.file.as_mut().ok_or_else(|| FilesError::new("write", &self.name, io::ErrorKind::NotFound.into()))?;
        file.write_all(bytes).map_err(|source| FilesError::new("write", &self.name, source))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Arc<dyn OpenFile>, FilesError> {
        let error = |what, source| FilesError::new(what, &self.name, source);
        let file = self.file.as_ref().ok_or_else(|| error("sync", io::ErrorKind::NotFound.into()))?;
        file.sync_all().map_err(|source| error("sync", source))?;
        fs::rename(&self.temporary, self.directory.join(&self.name)).map_err(|source| error("rename", source))?;
        sync_directory(&self.directory).map_err(|source| error("sync directory of", source))?;
        let file =
            self.file.take().ok_or_else(|| FilesError::new("sync", &self.name, io::ErrorKind::NotFound.into()))?;
        Ok(Arc::new(OpenDirFile { file, len: self.len, name: self.name.clone() }))
    }
}

impl Drop for NewDirFile {
    fn drop(&mut self) {
        if self.file.is_some() {
            // Best effort: what stays behind is removed when the directory is opened next.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

struct OpenDirFile {
    file: File,
    len: u64,
    name: String,
}

impl OpenFile for OpenDirFile {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), FilesError> {
        self.file.read_exact_at(buffer, offset).map_err(|source| FilesError::new("read", &self.name, source))
    }
}
