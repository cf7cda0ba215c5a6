//! Disk: what outlives the engine, and what happens to it between two lives.

use std::sync::Arc;

use fanju::journal::{Fault, FaultyStorage, MemoryStorage, Storage};

use super::plan::DiskFault;
use crate::chance::Chance;

/// The machine's disk.
#[derive(Clone, Default)]
pub struct Disk(MemoryStorage);

impl Disk {
    /// The disk as the next life sees it: with these faults to come.
    #[must_use]
    pub fn with_faults(&self, faults: &[DiskFault]) -> FaultyStorage {
        let inner: Arc<dyn Storage> = Arc::new(self.0.clone());
        FaultyStorage::scripted(
            inner,
            faults.iter().map(|DiskFault { call, fault }| (*call, *fault)),
        )
        .patient()
    }

    /// The power fails. Between two sectors, if it is `torn` by this number.
    pub fn cut_power(&self, torn: Option<u64>) {
        match torn {
            Some(seed) => self.0.crash_torn(seed),
            None => self.0.crash(),
        }
    }

    /// A sync has failed: the system holds for written what it could not write.
    pub fn forget_unsynced(&self) {
        self.0.forget_unsynced();
    }

    /// Whether a power cut would take nothing.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.0.is_durable()
    }

    /// A copy, as the next life would find it.
    #[must_use]
    pub fn copy(&self) -> MemoryStorage {
        let copy = MemoryStorage::new();
        for (name, bytes) in self.files() {
            copy.replace(&name, Some(bytes));
        }
        copy
    }

    /// A copy with one bit wrong, and where; `None` when there is nothing to rot.
    #[must_use]
    pub fn rotten(&self, chance: &mut Chance) -> Option<(MemoryStorage, String)> {
        let mut files = self.files();
        files.retain(|(_, bytes)| !bytes.is_empty());
        if files.is_empty() {
            return None;
        }
        let at = chance.place(files.len());
        let (name, bytes) = &mut files[at];
        let (byte, bit) = (chance.place(bytes.len()), chance.below(8));
        bytes[byte] ^= 1 << bit;
        let place = format!("bit {bit} of byte {byte} of {name}");
        let copy = MemoryStorage::new();
        for (name, bytes) in files {
            copy.replace(&name, Some(bytes));
        }
        Some((copy, place))
    }

    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let names = self.0.list().expect("memory lists its files");
        let file = |name: String| self.0.content(&name).map(|bytes| (name, bytes));
        names.into_iter().filter_map(|entry| file(entry.name)).collect()
    }
}

/// A fault's name for people.
#[must_use]
pub fn name(fault: Fault) -> &'static str {
    match fault {
        Fault::Fails => "call fails",
        Fault::DoneButFails => "call done but fails",
        Fault::NoSpace => "disk full",
        Fault::ShortWrite => "short write",
        Fault::LostSync => "sync lost",
        Fault::FlippedBit => "bit flipped in a read",
        Fault::Crash => "crash at a call",
        Fault::Hole => "hole in a write",
    }
}
