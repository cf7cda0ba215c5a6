//! A journal that somebody else writes while it is read: what was there when it was looked at is sound (J-2).

mod journal_support;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use fanju::journal::{FileEntry, MemoryStorage, SECTOR_BYTES, Storage, StorageFile, verify};
use journal_support::{segment, written};

const ONE_SEGMENT: u64 = 1 << 30;

/// One file that somebody else writes: behind a read its content becomes what it will be next.
#[derive(Clone)]
struct Written {
    file: Arc<dyn StorageFile>,
    bytes: u64,
    /// Reads until then.
    reads: Arc<AtomicU64>,
    next: Vec<u8>,
}

impl Storage for Written {
    fn list(&self) -> io::Result<Vec<FileEntry>> {
        Ok(vec![FileEntry { name: segment(0), bytes: self.bytes }])
    }

    fn create(&self, _name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn open(&self, _name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Ok(Arc::new(self.clone()))
    }

    fn remove(&self, _name: &str) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync_dir(&self) -> io::Result<()> {
        Ok(())
    }
}

impl StorageFile for Written {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.bytes)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(offset, buffer);
        if self.reads.fetch_sub(1, Ordering::Relaxed) == 0 {
            self.file.write_at(0, &self.next)?;
        }
        read
    }

    fn write_at(&self, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&self, _bytes: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }
}

#[test]
fn what_is_written_between_two_reads_is_no_damage() {
    let storage = MemoryStorage::new();
    let tails = written(&storage, ONE_SEGMENT, 6);
    let name = segment(0);
    let mut next = storage.content(&name).expect("one segment");
    let at = |number: usize| usize::try_from(tails[number].position.0).expect("small");
    next.resize(at(6) + SECTOR_BYTES, 0);
    for cut in at(4)..=at(5) {
        let mut now = next.clone();
        now[cut..].fill(0);
        for reads in 0..4 {
            storage.replace(&name, Some(now.clone()));
            let written = Written {
                file: storage.open(&name).expect("just put there"),
                bytes: now.len() as u64,
                reads: Arc::new(AtomicU64::new(reads)),
                next: next.clone(),
            };
            let verified = verify(&written).unwrap_or_else(|error| panic!("{cut}: {error:?}"));
            let tail = verified.expect("a journal").tail;
            assert!(tails[4..].contains(&tail), "{cut}, after {reads} reads: {tail:?}");
        }
    }
}
