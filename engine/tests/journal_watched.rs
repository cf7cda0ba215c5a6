//! A journal that somebody else writes while it is read: what was there when it was looked at is sound (J-2).

mod journal_support;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
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

/// A file that has another content at each look.
struct Changing {
    contents: Vec<Arc<dyn StorageFile>>,
    looks: AtomicUsize,
}

impl Changing {
    fn now(&self) -> Arc<dyn StorageFile> {
        let look = self.looks.load(Ordering::Relaxed).clamp(1, self.contents.len());
        Arc::clone(&self.contents[look - 1])
    }
}

impl Storage for Changing {
    fn list(&self) -> io::Result<Vec<FileEntry>> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        Ok(vec![FileEntry { name: segment(0), bytes: self.now().bytes()? }])
    }

    fn create(&self, _name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn open(&self, _name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Ok(self.now())
    }

    fn remove(&self, _name: &str) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync_dir(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Who reads something else each time has not seen the end of the journal yet.
#[test]
fn behind_a_doubtful_look_a_torn_tail_has_to_be_found_twice() {
    let storage = MemoryStorage::new();
    let tails = written(&storage, ONE_SEGMENT, 6);
    let whole = storage.content(&segment(0)).expect("one segment");
    let mut damaged = whole.clone();
    damaged[usize::try_from(tails[3].position.0).expect("small") + 60] ^= 1;
    let torn = whole[..whole.len() - 10].to_vec();
    let file = |content: &Vec<u8>| {
        let storage = MemoryStorage::new();
        storage.replace(&segment(0), Some(content.clone()));
        storage.open(&segment(0)).expect("just put there")
    };
    for (contents, tail, torn_bytes) in [
        (vec![&damaged, &torn, &whole], tails[6], false),
        (vec![&damaged, &torn, &torn], tails[5], true),
        (vec![&torn, &whole], tails[5], true),
    ] {
        let contents = contents.into_iter().map(file).collect();
        let changing = Changing { contents, looks: AtomicUsize::new(0) };
        let verified = verify(&changing).expect("sound, or torn").expect("a journal");
        assert_eq!((verified.tail, verified.torn_bytes > 0), (tail, torn_bytes));
    }
}
