//! Reading a data folder without changing it: what recovery would cut or mend is only believed.

use std::{collections::BTreeMap, io, path::Path, sync::Arc};

use fanju::journal::{
    DirectoryStorage, FileEntry, Journal, JournalError, LocalJournal, Options, Reader,
    RecoveryReport, Storage, StorageFile,
};
use parking_lot::Mutex;

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
    let storage = Arc::new(Untouched { directory, opened: Mutex::default() });
    let (journal, report) = LocalJournal::open(storage, Options::default(), None)?;
    Ok((journal.reader(), report))
}

/// A storage that takes no change, but lets recovery believe that it does.
struct Untouched {
    directory: DirectoryStorage,
    /// Whoever opens a file again finds what recovery has done to it.
    opened: Mutex<BTreeMap<String, Arc<dyn StorageFile>>>,
}

impl Storage for Untouched {
    fn list(&self) -> io::Result<Vec<FileEntry>> {
        self.directory.list()
    }

    fn create(&self, _name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        let mut opened = self.opened.lock();
        if let Some(file) = opened.get(name) {
            return Ok(Arc::clone(file));
        }
        let file = self.directory.open(name)?;
        let believed = Mutex::new(Believed { end: u64::MAX, written: None });
        let file: Arc<dyn StorageFile> = Arc::new(BelievedFile { file, believed });
        opened.insert(name.to_owned(), Arc::clone(&file));
        Ok(file)
    }

    fn remove(&self, _name: &str) -> io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that reads as if recovery had cut it, and had written its last batch again.
struct BelievedFile {
    file: Arc<dyn StorageFile>,
    believed: Mutex<Believed>,
}

struct Believed {
    end: u64,
    written: Option<(u64, Vec<u8>)>,
}

impl StorageFile for BelievedFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.file.bytes()?.min(self.believed.lock().end))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let believed = self.believed.lock();
        let room = believed.end.saturating_sub(offset);
        let room = buffer.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        let read = self.file.read_at(offset, &mut buffer[..room])?;
        let Some((start, bytes)) = &believed.written else { return Ok(read) };
        let (from, to) =
            (offset.max(*start), (offset + read as u64).min(start + bytes.len() as u64));
        if from < to {
            let of = |base: u64| {
                let at = |place| usize::try_from(place - base).expect("within a buffer");
                at(from)..at(to)
            };
            buffer[of(offset)].copy_from_slice(&bytes[of(*start)]);
        }
        Ok(read)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.believed.lock().written = Some((offset, bytes.to_vec()));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.believed.lock().end = bytes;
        Ok(())
    }
}
