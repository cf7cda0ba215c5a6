//! Reading a data folder without changing it: what recovery would cut is only hidden.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use fanju::journal::{
    DirectoryStorage, FileEntry, Journal, JournalError, LocalJournal, Options, Reader,
    RecoveryReport, Storage, StorageFile,
};

/// Why a data folder cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no journal in it.
    #[error("no journal in {0}")]
    NoJournal(String),
    /// The journal is damaged, or the system refuses.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Opens the journal of the engine's data folder `data`, which no engine should be using.
///
/// # Errors
/// [`OpenError`].
pub fn open(data: &Path) -> Result<(Reader, RecoveryReport), OpenError> {
    let folder = data.join("journal");
    let none = || OpenError::NoJournal(data.display().to_string());
    let directory = DirectoryStorage::open_read_only(&folder).map_err(|_| none())?;
    if directory.list().map_err(|_| none())?.is_empty() {
        return Err(none());
    }
    let storage = Arc::new(Untouched(directory));
    let (journal, report) = LocalJournal::open(storage, Options::default(), None)?;
    Ok((journal.reader(), report))
}

/// A storage that takes no change, but lets recovery believe that it does.
struct Untouched(DirectoryStorage);

impl Storage for Untouched {
    fn list(&self) -> io::Result<Vec<FileEntry>> {
        self.0.list()
    }

    fn create(&self, _name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        let file = self.0.open(name)?;
        Ok(Arc::new(CutFile { file, end: AtomicU64::new(u64::MAX) }))
    }

    fn remove(&self, _name: &str) -> io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that is read only up to where recovery cut it.
struct CutFile {
    file: Arc<dyn StorageFile>,
    end: AtomicU64,
}

impl StorageFile for CutFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.file.bytes()?.min(self.end.load(Ordering::SeqCst)))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let room = self.end.load(Ordering::SeqCst).saturating_sub(offset);
        let room = buffer.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        self.file.read_at(offset, &mut buffer[..room])
    }

    /// Recovery writes the last batch again; nothing else is taken.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut there = vec![0; bytes.len()];
        let read = self.read_at(offset, &mut there)?;
        match there[..read] == *bytes {
            true => Ok(()),
            false => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.end.store(bytes, Ordering::SeqCst);
        Ok(())
    }
}
