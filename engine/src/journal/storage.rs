//! Storage: the few things the journal asks of a directory of files, and the real one.
//!
//! Handles are shared: readers `read_at` on other threads while the writer appends. A write is
//! durable after `sync`, a file's existence after `sync_dir`, and nothing earlier.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;

/// A file's name and its length in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Name inside the storage.
    pub name: String,
    /// Length in bytes.
    pub bytes: u64,
}

/// A flat directory of files.
pub trait Storage: Send + Sync + 'static {
    /// Every file with its length, in no particular order.
    ///
    /// # Errors
    /// What the storage says.
    fn list(&self) -> io::Result<Vec<FileEntry>>;

    /// Creates an empty file.
    ///
    /// # Errors
    /// `AlreadyExists`, or what the storage says.
    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>>;

    /// Opens a file that exists.
    ///
    /// # Errors
    /// `NotFound`, or what the storage says.
    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>>;

    /// Removes a file; handles that are open stay readable.
    ///
    /// # Errors
    /// What the storage says.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes creations and removals durable.
    ///
    /// # Errors
    /// What the storage says; the outcome is then unknown.
    fn sync_dir(&self) -> io::Result<()>;

    /// Ends the exclusive right to write, if there is one: the writer has gone. Reading goes on.
    fn release(&self) {}
}

/// The exclusive right to write in a storage, and beside it. It ends with its last holder: a journal, and
/// who keeps books of it, which would be written twice if another opened them too soon.
pub struct WriteRight(Arc<dyn Storage>);

impl WriteRight {
    pub(super) fn new(storage: &Arc<dyn Storage>) -> Arc<Self> {
        Arc::new(Self(Arc::clone(storage)))
    }
}

impl std::fmt::Debug for WriteRight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WriteRight")
    }
}

impl Drop for WriteRight {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// One open file.
pub trait StorageFile: Send + Sync {
    /// Length in bytes.
    ///
    /// # Errors
    /// What the storage says.
    fn bytes(&self) -> io::Result<u64>;

    /// Reads up to `buffer.len()` bytes at `offset`; fewer only where the file ends.
    ///
    /// # Errors
    /// What the storage says.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// What the storage says; any part may have been written.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes content and length durable.
    ///
    /// # Errors
    /// What the storage says; the outcome is then unknown.
    fn sync(&self) -> io::Result<()>;

    /// Cuts the file to `bytes`.
    ///
    /// # Errors
    /// What the storage says.
    fn truncate(&self, bytes: u64) -> io::Result<()>;
}

/// Real files in one directory, which this process alone may write.
#[derive(Debug)]
pub struct DirectoryStorage {
    path: PathBuf,
    /// Kept open: the lock lives as long as the file handle. `None` opens for reading only.
    lock: Mutex<Option<File>>,
}

/// Held by the process that may write; the kernel releases it when that process dies.
const LOCK_NAME: &str = "lock";

impl DirectoryStorage {
    /// Opens `path` for reading and writing, creating it if it is missing.
    ///
    /// # Errors
    /// `WouldBlock` when another engine holds it, of this process or of another, or what the system says.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        create_directories(&path)?;
        let at = path.join(LOCK_NAME);
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&at);
        let lock = lock.map_err(naming(&at))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, lock: Mutex::new(Some(lock)) }),
            Err(TryLockError::WouldBlock) => Err(io::Error::new(
                io::ErrorKind::WouldBlock,
                format!("{} is in use by another engine", path.display()),
            )),
            Err(TryLockError::Error(error)) => Err(naming(&at)(error)),
        }
    }

    /// Opens `path` for reading only, without the lock: for auditors. Of a journal that is written meanwhile
    /// they see what was there when they looked.
    ///
    /// # Errors
    /// `NotFound` when there is no such directory.
    pub fn open_read_only(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        if !path.is_dir() {
            return Err(naming(&path)(io::ErrorKind::NotFound.into()));
        }
        Ok(Self { path, lock: Mutex::new(None) })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn is_writable(&self) -> bool {
        self.lock.lock().is_some()
    }

    fn writable(&self) -> io::Result<()> {
        match self.is_writable() {
            true => Ok(()),
            false => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
        }
    }

    fn open_file(&self, options: &OpenOptions, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        let path = self.path.join(name);
        let file = options.open(&path).map_err(naming(&path))?;
        Ok(Arc::new(RealFile(file)))
    }
}

impl Storage for DirectoryStorage {
    fn list(&self) -> io::Result<Vec<FileEntry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(naming(&self.path))? {
            let entry = entry.map_err(naming(&self.path))?;
            let metadata = entry.metadata().map_err(naming(&entry.path()))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if metadata.is_file() && name != LOCK_NAME {
                entries.push(FileEntry { name, bytes: metadata.len() });
            }
        }
        Ok(entries)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        self.writable()?;
        self.open_file(OpenOptions::new().read(true).write(true).create_new(true), name)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        self.open_file(OpenOptions::new().read(true).write(self.is_writable()), name)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.writable()?;
        let path = self.path.join(name);
        fs::remove_file(&path).map_err(naming(&path))
    }

    fn sync_dir(&self) -> io::Result<()> {
        sync_directory(&self.path)
    }

    fn release(&self) {
        self.lock.lock().take();
    }
}

/// Creates what is missing of `path`, and makes each new name durable in its parent.
fn create_directories(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    create_directories(parent)?;
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(naming(path)(error)),
        Ok(()) | Err(_) => sync_directory(parent),
    }
}

/// Makes creations, removals and new names in `path` durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(naming(path))
}

/// Says which file it was: the system's errors do not.
pub(crate) fn naming(path: &Path) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

struct RealFile(File);

impl StorageFile for RealFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match self.0.read_at(&mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }
}
