//! A storage that one kind of thread has to wait for.

use std::{
    io,
    sync::{Arc, Condvar, Mutex},
};

use fanju::journal::{FileEntry, MemoryStorage, Storage, StorageFile};

use super::{HANGS, within};

/// What a read meets.
#[derive(PartialEq)]
pub(crate) enum Hand {
    /// Nothing.
    Open,
    /// The next read will be held.
    Reaching,
    /// It is held.
    Holding,
    /// Every read fails.
    Broken,
}

/// Memory whose next read by the threads of one name is held until it is let go.
#[derive(Clone)]
pub(crate) struct Slow {
    memory: Arc<dyn Storage>,
    to: &'static str,
    hand: Arc<(Mutex<Hand>, Condvar)>,
}

struct SlowFile {
    file: Arc<dyn StorageFile>,
    to: &'static str,
    hand: Arc<(Mutex<Hand>, Condvar)>,
}

impl Slow {
    /// Memory that is slow to the threads of this name alone.
    pub(crate) fn to(name: &'static str) -> Self {
        Self::over(MemoryStorage::new(), name)
    }

    /// `memory`, slow to the threads of this name alone.
    pub(crate) fn over(memory: impl Storage + 'static, name: &'static str) -> Self {
        let hand = Arc::new((Mutex::new(Hand::Open), Condvar::new()));
        Self { memory: Arc::new(memory), to: name, hand }
    }

    /// Lets go of what is held, and changes what the next read meets.
    pub(crate) fn set(&self, hand: Hand) {
        *self.hand.0.lock().unwrap() = hand;
        self.hand.1.notify_all();
    }

    /// Waits until a read is held.
    pub(crate) async fn held(&self) {
        let hand = Arc::clone(&self.hand);
        let held = tokio::task::spawn_blocking(move || {
            let state = hand.0.lock().unwrap();
            drop(hand.1.wait_while(state, |state| *state != Hand::Holding).unwrap());
        });
        within(held).await.unwrap();
    }

    fn file(&self, file: Arc<dyn StorageFile>) -> Arc<dyn StorageFile> {
        Arc::new(SlowFile { file, to: self.to, hand: Arc::clone(&self.hand) })
    }
}

impl Storage for Slow {
    fn list(&self) -> io::Result<Vec<FileEntry>> {
        self.memory.list()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Ok(self.file(self.memory.create(name)?))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Ok(self.file(self.memory.open(name)?))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.memory.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.memory.sync_dir()
    }
}

impl StorageFile for SlowFile {
    fn bytes(&self) -> io::Result<u64> {
        self.file.bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if std::thread::current().name() == Some(self.to) {
            let mut state = self.hand.0.lock().unwrap();
            if *state == Hand::Reaching {
                *state = Hand::Holding;
                self.hand.1.notify_all();
                // A test that fails lets go of nothing, and its engine waits for this thread.
                let held = |state: &mut Hand| *state == Hand::Holding;
                state = self.hand.1.wait_timeout_while(state, HANGS * 2, held).unwrap().0;
            }
            if *state == Hand::Broken {
                return Err(io::Error::other("broken"));
            }
        }
        self.file.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.file.truncate(bytes)
    }
}
