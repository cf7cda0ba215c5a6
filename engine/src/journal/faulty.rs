//! A storage that fails on demand: at the calls a script names, or by seeded chance.
//!
//! Put it around a [`MemoryStorage`](super::MemoryStorage), let it fail, cut the power, and see
//! what recovery makes of it.

use std::{collections::BTreeMap, io, sync::Arc};

use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::{
    frame::SECTOR_BYTES,
    storage::{FileEntry, Storage, StorageFile},
};

/// How one call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing happens, and an error is reported.
    Fails,
    /// Everything happens, and an error is reported all the same.
    DoneButFails,
    /// Half of a write happens, then the device is full; other calls fail.
    NoSpace,
    /// Half of a write happens, then an error is reported; other calls fail.
    ShortWrite,
    /// A sync reports success and does nothing; other calls are unharmed. No engine survives a disk
    /// that lies, but recovery must not make it worse.
    LostSync,
    /// A read gives one wrong bit; other calls are unharmed.
    FlippedBit,
    /// Half of a write happens, and no call does anything any more.
    Crash,
    /// The power fails when the disk has written the later sectors of a write and not the first; other
    /// calls are unharmed. No call does anything any more.
    Hole,
}

impl Fault {
    /// Those after which every call has said what it did.
    pub const HONEST: [Self; 6] =
        [Self::Fails, Self::DoneButFails, Self::NoSpace, Self::ShortWrite, Self::Crash, Self::Hole];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Read,
    Write,
    Sync,
    Other,
}

#[derive(Debug)]
struct Chance {
    source: StdRng,
    per_mille: u32,
    faults: Vec<Fault>,
}

#[derive(Debug, Default)]
struct Plan {
    calls: u64,
    script: BTreeMap<u64, Fault>,
    chance: Option<Chance>,
    /// Whether a scripted fault waits for a call that it suits.
    patient: bool,
    crashed: bool,
    /// Whether a write or a sync has failed.
    failed: bool,
    /// Whether calls are neither counted nor fail.
    spared: bool,
    injected: Vec<(u64, Fault)>,
}

/// Wraps a storage and makes calls to it and to its files fail; clones share the plan.
#[derive(Clone)]
pub struct FaultyStorage {
    inner: Arc<dyn Storage>,
    plan: Arc<Mutex<Plan>>,
}

impl FaultyStorage {
    /// Fails at the calls that `script` names; the first call has number zero.
    #[must_use]
    pub fn scripted(
        inner: Arc<dyn Storage>,
        script: impl IntoIterator<Item = (u64, Fault)>,
    ) -> Self {
        let plan = Plan { script: script.into_iter().collect(), ..Plan::default() };
        Self { inner, plan: Arc::new(Mutex::new(plan)) }
    }

    /// Fails `per_mille` of all calls with one of `faults`, the same way for the same seed.
    #[must_use]
    pub fn seeded(
        inner: Arc<dyn Storage>,
        seed: u64,
        per_mille: u32,
        faults: impl Into<Vec<Fault>>,
    ) -> Self {
        let source = StdRng::seed_from_u64(seed);
        let chance = Some(Chance { source, per_mille, faults: faults.into() });
        Self { inner, plan: Arc::new(Mutex::new(Plan { chance, ..Plan::default() })) }
    }

    /// From now on a fault that its call does not suit waits for one that it does: a lost sync for a sync,
    /// a flipped bit for a read, a hole for a write. Otherwise it is forgotten.
    #[must_use]
    pub fn patient(self) -> Self {
        self.plan.lock().patient = true;
        self
    }

    /// Lets one more fault happen, at the call with this number; [`FaultyStorage::calls`] is the
    /// next one's.
    pub fn fail_at(&self, call: u64, fault: Fault) {
        self.plan.lock().script.insert(call, fault);
    }

    /// Calls so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.plan.lock().calls
    }

    /// Whether [`Fault::Crash`] or [`Fault::Hole`] happened: no call does anything any more.
    #[must_use]
    pub fn has_crashed(&self) -> bool {
        self.plan.lock().crashed
    }

    /// Whether a write or a sync has failed and said so: the journal must be poisoned (J-3).
    #[must_use]
    pub fn has_failed_to_write(&self) -> bool {
        self.plan.lock().failed
    }

    /// Does `act`, whose calls are neither counted nor fail: for whoever looks on. Calls of other threads
    /// are spared meanwhile as well.
    pub fn spare<T>(&self, act: impl FnOnce() -> T) -> T {
        self.plan.lock().spared = true;
        let done = act();
        self.plan.lock().spared = false;
        done
    }

    /// Every fault that happened, with the number of its call.
    #[must_use]
    pub fn injected(&self) -> Vec<(u64, Fault)> {
        self.plan.lock().injected.clone()
    }

    fn file(&self, inner: Arc<dyn StorageFile>) -> Arc<dyn StorageFile> {
        Arc::new(FaultyFile { inner, plan: Arc::clone(&self.plan) })
    }
}

/// What a call should do, in the order it is asked.
struct Verdict {
    fault: Option<Fault>,
    /// Where a bit flips, if one does.
    chance: u64,
}

fn next(plan: &Mutex<Plan>, call: Call) -> io::Result<Verdict> {
    let mut plan = plan.lock();
    if plan.spared {
        return Ok(Verdict { fault: None, chance: 0 });
    }
    if plan.crashed {
        return Err(io::Error::other("the storage crashed earlier"));
    }
    let number = plan.calls;
    plan.calls += 1;
    let drawn = plan.chance.as_mut().and_then(|chance| {
        let hit = chance.source.random_range(0..1000) < chance.per_mille;
        hit.then(|| chance.faults.choose(&mut chance.source).copied()).flatten()
    });
    let suits = |fault: &Fault| match fault {
        Fault::LostSync => call == Call::Sync,
        Fault::FlippedBit => call == Call::Read,
        Fault::Hole => call == Call::Write,
        Fault::Fails | Fault::DoneButFails | Fault::NoSpace | Fault::ShortWrite | Fault::Crash => {
            true
        }
    };
    let since = if plan.patient { 0 } else { number };
    let due = plan.script.range(since..=number).find(|(_, fault)| suits(fault)).map(|(at, _)| *at);
    let fault = due.and_then(|at| plan.script.remove(&at)).or(drawn.filter(suits));
    if let Some(fault) = fault {
        plan.injected.push((number, fault));
        plan.crashed = matches!(fault, Fault::Crash | Fault::Hole);
        let told = !matches!(fault, Fault::LostSync | Fault::FlippedBit);
        plan.failed |= told && matches!(call, Call::Write | Call::Sync);
    }
    Ok(Verdict { fault, chance: number.wrapping_mul(0x9e37_79b9_7f4a_7c15) })
}

fn error(fault: Fault) -> io::Error {
    let kind =
        if fault == Fault::NoSpace { io::ErrorKind::StorageFull } else { io::ErrorKind::Other };
    io::Error::new(kind, format!("injected: {fault:?}"))
}

/// A call that either happens or does not.
fn whole<T>(plan: &Mutex<Plan>, call: Call, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    match next(plan, call)?.fault {
        None | Some(Fault::LostSync | Fault::FlippedBit | Fault::Hole) => act(),
        Some(fault @ Fault::DoneButFails) => act().and(Err(error(fault))),
        Some(fault @ (Fault::Fails | Fault::NoSpace | Fault::ShortWrite | Fault::Crash)) => {
            Err(error(fault))
        }
    }
}

/// A sync: it may also be lost.
fn sync(plan: &Mutex<Plan>, act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    match next(plan, Call::Sync)?.fault {
        None | Some(Fault::FlippedBit | Fault::Hole) => act(),
        Some(Fault::LostSync) => Ok(()),
        Some(fault @ Fault::DoneButFails) => act().and(Err(error(fault))),
        Some(fault @ (Fault::Fails | Fault::NoSpace | Fault::ShortWrite | Fault::Crash)) => {
            Err(error(fault))
        }
    }
}

impl Storage for FaultyStorage {
    fn list(&self) -> io::Result<Vec<FileEntry>> {
        whole(&self.plan, Call::Other, || self.inner.list())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        let file = whole(&self.plan, Call::Other, || self.inner.create(name))?;
        Ok(self.file(file))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        let file = whole(&self.plan, Call::Other, || self.inner.open(name))?;
        Ok(self.file(file))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        whole(&self.plan, Call::Other, || self.inner.remove(name))
    }

    fn sync_dir(&self) -> io::Result<()> {
        sync(&self.plan, || self.inner.sync_dir())
    }

    fn release(&self) {
        self.inner.release();
    }
}

struct FaultyFile {
    inner: Arc<dyn StorageFile>,
    plan: Arc<Mutex<Plan>>,
}

impl FaultyFile {
    /// Half of a write. Inside a file it ends with a sector, as on a disk.
    fn half(&self, offset: u64, bytes: usize) -> usize {
        let end = offset + bytes as u64 / 2;
        let is_inside = self.inner.bytes().is_ok_and(|there| end < there);
        let end = if is_inside { end / SECTOR_BYTES as u64 * SECTOR_BYTES as u64 } else { end };
        usize::try_from(end.saturating_sub(offset)).expect("at most half")
    }
}

/// The sectors of a write behind its first half, and where they begin; none where it touches but one.
fn later_sectors(offset: u64, bytes: &[u8]) -> (u64, &[u8]) {
    let end = offset + bytes.len() as u64;
    let half = offset + bytes.len() as u64 / 2;
    let at = half.next_multiple_of(SECTOR_BYTES as u64).min(end);
    (at, &bytes[usize::try_from(at - offset).expect("inside the write")..])
}

impl StorageFile for FaultyFile {
    fn bytes(&self) -> io::Result<u64> {
        whole(&self.plan, Call::Other, || self.inner.bytes())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let Verdict { fault, chance } = next(&self.plan, Call::Read)?;
        match fault {
            None | Some(Fault::LostSync | Fault::Hole) => self.inner.read_at(offset, buffer),
            Some(Fault::FlippedBit) => {
                let read = self.inner.read_at(offset, buffer)?;
                if let Some(bits) = (read as u64 * 8).checked_sub(1) {
                    let bit = chance % (bits + 1);
                    let byte = usize::try_from(bit / 8).expect("inside the buffer");
                    buffer[byte] ^= 1 << (bit % 8);
                }
                Ok(read)
            }
            Some(fault) => Err(error(fault)),
        }
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match next(&self.plan, Call::Write)?.fault {
            None | Some(Fault::LostSync | Fault::FlippedBit) => self.inner.write_at(offset, bytes),
            Some(fault @ Fault::Fails) => Err(error(fault)),
            Some(fault @ Fault::DoneButFails) => {
                self.inner.write_at(offset, bytes).and(Err(error(fault)))
            }
            Some(fault @ (Fault::NoSpace | Fault::ShortWrite | Fault::Crash)) => {
                let half = self.half(offset, bytes.len());
                self.inner.write_at(offset, &bytes[..half]).and(Err(error(fault)))
            }
            Some(fault @ Fault::Hole) => {
                let (at, later) = later_sectors(offset, bytes);
                let written = self.inner.write_at(at, later).and_then(|()| self.inner.sync());
                written.and(Err(error(fault)))
            }
        }
    }

    fn sync(&self) -> io::Result<()> {
        sync(&self.plan, || self.inner.sync())
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        whole(&self.plan, Call::Other, || self.inner.truncate(bytes))
    }
}
