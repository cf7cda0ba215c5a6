//! Storage in memory that remembers what a power cut would leave.
//!
//! Every file has live bytes (what reads see) and durable bytes (what was synced), and the
//! directory has live and durable names. [`MemoryStorage::crash`] is the power cut.

use std::{collections::BTreeMap, io, ops::Range, sync::Arc};

use parking_lot::{Mutex, RwLock};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    frame::SECTOR_BYTES,
    storage::{FileEntry, Storage, StorageFile},
};

type Directory = BTreeMap<String, Arc<MemoryFile>>;

/// Files in memory; clones are the same storage.
#[derive(Clone, Default)]
pub struct MemoryStorage(Arc<Mutex<Directories>>);

#[derive(Default)]
struct Directories {
    live: Directory,
    durable: Directory,
}

#[derive(Default)]
struct MemoryFile(RwLock<Content>);

#[derive(Default, Clone)]
struct Content {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// Where the two may differ.
    unsynced: Range<usize>,
}

impl MemoryStorage {
    /// An empty storage.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cuts the power: whatever was not synced is gone, and handles opened before are dead.
    pub fn crash(&self) {
        self.crash_keeping(|_, content| std::mem::take(&mut content.durable));
    }

    /// Cuts the power in the middle of the disk's work: of what was not synced, each sector may or
    /// may not have been written, and the file ends anywhere between its two lengths.
    pub fn crash_torn(&self, seed: u64) {
        let mut chance = StdRng::seed_from_u64(seed);
        self.crash_keeping(|_, content| {
            let Content { live, durable, .. } = content;
            let (short, long) = (live.len().min(durable.len()), live.len().max(durable.len()));
            let mut kept = std::mem::take(durable);
            kept.resize(chance.random_range(short..=long), 0);
            for start in (0..kept.len()).step_by(SECTOR_BYTES) {
                let end = kept.len().min(start + SECTOR_BYTES).min(live.len());
                if start < end && chance.random() {
                    kept[start..end].copy_from_slice(&live[start..end]);
                }
            }
            kept
        });
    }

    fn crash_keeping(&self, mut keep: impl FnMut(&str, &mut Content) -> Vec<u8>) {
        let mut directories = self.0.lock();
        let mut survivors = Directory::new();
        for (name, file) in &directories.durable {
            let bytes = keep(name, &mut file.0.read().clone());
            survivors.insert(name.clone(), Arc::new(MemoryFile::synced(bytes)));
        }
        directories.live = survivors.clone();
        directories.durable = survivors;
    }

    /// What was not synced is held for written: reads see it, and no later sync writes it. So Linux
    /// leaves it after a sync that failed, until the machine is started anew.
    pub fn forget_unsynced(&self) {
        for file in self.0.lock().live.values() {
            file.0.write().unsynced = 0..0;
        }
    }

    /// Whether a power cut would leave everything as it is.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        let directories = self.0.lock();
        let same = |((name, live), (kept_name, kept)): ((&String, &Arc<MemoryFile>), _)| {
            name == kept_name && Arc::ptr_eq(live, kept) && live.0.read().is_durable()
        };
        let (live, kept) = (&directories.live, &directories.durable);
        live.len() == kept.len() && live.iter().zip(kept).all(same)
    }

    /// The live bytes of a file.
    #[must_use]
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        let directories = self.0.lock();
        directories.live.get(name).map(|file| file.0.read().live.clone())
    }

    /// Puts a file there, durable at once; `None` takes it away.
    pub fn replace(&self, name: &str, bytes: Option<Vec<u8>>) {
        let mut directories = self.0.lock();
        match bytes {
            Some(bytes) => {
                let file = Arc::new(MemoryFile::synced(bytes));
                directories.live.insert(name.to_owned(), Arc::clone(&file));
                directories.durable.insert(name.to_owned(), file);
            }
            None => {
                directories.live.remove(name);
                directories.durable.remove(name);
            }
        }
    }
}

impl Storage for MemoryStorage {
    fn list(&self) -> io::Result<Vec<FileEntry>> {
        let directories = self.0.lock();
        let entry = |(name, file): (&String, &Arc<MemoryFile>)| FileEntry {
            name: name.clone(),
            bytes: file.0.read().live.len() as u64,
        };
        Ok(directories.live.iter().map(entry).collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        let mut directories = self.0.lock();
        if directories.live.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = Arc::new(MemoryFile::default());
        directories.live.insert(name.to_owned(), Arc::clone(&file));
        Ok(file)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        match self.0.lock().live.get(name) {
            Some(file) => Ok(Arc::<MemoryFile>::clone(file)),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match self.0.lock().live.remove(name) {
            Some(_) => Ok(()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut directories = self.0.lock();
        directories.durable = directories.live.clone();
        Ok(())
    }
}

impl MemoryFile {
    fn synced(bytes: Vec<u8>) -> Self {
        Self(RwLock::new(Content { live: bytes.clone(), durable: bytes, unsynced: 0..0 }))
    }
}

impl Content {
    fn is_durable(&self) -> bool {
        self.live == self.durable
    }

    fn touch(&mut self, range: Range<usize>) {
        self.unsynced = if self.unsynced.is_empty() {
            range
        } else {
            self.unsynced.start.min(range.start)..self.unsynced.end.max(range.end)
        };
    }
}

/// Offsets of a file that fits in memory.
fn index(offset: u64) -> usize {
    usize::try_from(offset).expect("a file in memory is shorter than the address space")
}

impl StorageFile for MemoryFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.0.read().live.len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let content = self.0.read();
        let start = index(offset).min(content.live.len());
        let count = buffer.len().min(content.live.len() - start);
        buffer[..count].copy_from_slice(&content.live[start..start + count]);
        Ok(count)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut content = self.0.write();
        let range = index(offset)..index(offset) + bytes.len();
        if content.live.len() == range.start {
            content.live.extend_from_slice(bytes);
        } else {
            if content.live.len() < range.end {
                content.live.resize(range.end, 0);
            }
            content.live[range.clone()].copy_from_slice(bytes);
        }
        content.touch(range);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut content = self.0.write();
        let Content { live, durable, unsynced } = &mut *content;
        durable.resize(live.len(), 0);
        let written = unsynced.start.min(live.len())..unsynced.end.min(live.len());
        durable[written.clone()].copy_from_slice(&live[written]);
        *unsynced = 0..0;
        Ok(())
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        let mut content = self.0.write();
        let (before, after) = (content.live.len(), index(bytes));
        content.live.resize(after, 0);
        content.touch(before.min(after)..before.max(after));
        Ok(())
    }
}
