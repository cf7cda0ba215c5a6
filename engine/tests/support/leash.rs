//! A storage on a leash: its syncs can be held, and the next one or the next write made to fail.

use std::{
    io,
    sync::{Arc, Condvar, Mutex},
};

use fanju::journal::{FileEntry, MemoryStorage, Storage, StorageFile};

/// What goes wrong at the next call of its kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trouble {
    /// A write does nothing and fails.
    Write,
    /// Half of a write happens; the device is full.
    Full,
    /// A sync fails, and nothing of it is durable.
    Sync,
    /// A sync fails, although everything is durable.
    SyncDone,
}

#[derive(Debug, Default)]
struct State {
    held: bool,
    syncing: usize,
    trouble: Option<Trouble>,
}

#[derive(Debug, Default)]
struct Hand {
    state: Mutex<State>,
    changed: Condvar,
}

/// A [`MemoryStorage`] whose syncs a test holds back.
#[derive(Clone, Default)]
pub(crate) struct Leashed {
    pub(crate) memory: MemoryStorage,
    hand: Arc<Hand>,
}

impl Leashed {
    /// From now on no sync ends.
    pub(crate) fn hold(&self) {
        self.hand.state.lock().unwrap().held = true;
    }

    /// Waits until the journal is inside a sync that does not end.
    pub(crate) fn wait_for_sync(&self) {
        let state = self.hand.state.lock().unwrap();
        drop(self.hand.changed.wait_while(state, |state| state.syncing == 0).unwrap());
    }

    /// Lets syncs end again.
    pub(crate) fn release(&self) {
        self.hand.state.lock().unwrap().held = false;
        self.hand.changed.notify_all();
    }

    /// Makes the next call of its kind fail.
    pub(crate) fn fail(&self, trouble: Trouble) {
        self.hand.state.lock().unwrap().trouble = Some(trouble);
    }
}

impl Hand {
    fn meets(&self, troubles: &[Trouble]) -> Option<Trouble> {
        self.state.lock().unwrap().trouble.take_if(|trouble| troubles.contains(trouble))
    }
}

impl Storage for Leashed {
    fn list(&self) -> io::Result<Vec<FileEntry>> {
        self.memory.list()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        let file = self.memory.create(name)?;
        Ok(Arc::new(LeashedFile { file, hand: Arc::clone(&self.hand) }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        let file = self.memory.open(name)?;
        Ok(Arc::new(LeashedFile { file, hand: Arc::clone(&self.hand) }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.memory.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.memory.sync_dir()
    }
}

struct LeashedFile {
    file: Arc<dyn StorageFile>,
    hand: Arc<Hand>,
}

impl StorageFile for LeashedFile {
    fn bytes(&self) -> io::Result<u64> {
        self.file.bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match self.hand.meets(&[Trouble::Write, Trouble::Full]) {
            None => self.file.write_at(offset, bytes),
            Some(Trouble::Full) => {
                self.file.write_at(offset, &bytes[..bytes.len() / 2])?;
                Err(io::ErrorKind::StorageFull.into())
            }
            Some(_) => Err(io::Error::other("the write fails")),
        }
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.hand.state.lock().unwrap();
        state.syncing += 1;
        self.hand.changed.notify_all();
        let mut state = self.hand.changed.wait_while(state, |state| state.held).unwrap();
        state.syncing -= 1;
        drop(state);
        match self.hand.meets(&[Trouble::Sync, Trouble::SyncDone]) {
            None => self.file.sync(),
            Some(Trouble::SyncDone) => {
                self.file.sync()?;
                Err(io::Error::other("the sync says that it failed"))
            }
            Some(_) => Err(io::Error::other("the sync fails")),
        }
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.file.truncate(bytes)
    }
}
