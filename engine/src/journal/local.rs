//! The local journal: segments in one storage, one sync per batch, and one write unless zeros go with it.

use std::{
    error::Error,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Journal,
    batch::BatchBuffer,
    error::{AppendError, JournalError},
    frame::{SEGMENT_HEADER_BYTES, SegmentHeader},
    reader::Reader,
    recovery::{self, Recovered, RecoveryReport},
    segments::{self, Log},
    storage::{Storage, StorageFile, WriteRight},
    tail::{Epoch, JournalId, Tail},
};
use crate::{
    broken::{Bug, has},
    id::Position,
    limits,
};

/// How a local journal is kept.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Bytes after which a segment is closed and the next one begun.
    pub segment_bytes_max: u64,
    /// Whether batches are synced. Without it a process may die but the machine may not: only for
    /// simulations.
    pub sync: bool,
    /// Name of the journal if it is created now; `None` draws a random one.
    pub journal_id: Option<JournalId>,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes_max: limits::SEGMENT_BYTES_MAX, sync: true, journal_id: None }
    }
}

/// A journal in segments of one storage.
pub struct LocalJournal {
    log: Arc<Log>,
    options: Options,
    tail: Tail,
    /// The segment that grows.
    base: u64,
    file: Arc<dyn StorageFile>,
    /// Where that segment's last batch ends.
    bytes: u64,
    /// Where the zeros end that were last written behind a batch.
    zeroed: u64,
    last_sync: Option<Duration>,
    /// The first error; every later append is refused with it (J-3).
    poison: Option<Arc<JournalError>>,
    right: Arc<WriteRight>,
}

impl std::fmt::Debug for LocalJournal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalJournal")
            .field("journal", &self.log.journal)
            .field("tail", &self.tail)
            .field("poison", &self.poison)
            .finish_non_exhaustive()
    }
}

impl LocalJournal {
    /// Opens the journal in `storage`, or creates it, and recovers from whatever a crash left
    /// (J-2). With `known_good`, a tail that this journal once had (the books store one), only what
    /// lies behind it is read; a log that ends before it is refused.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when the log is not what was acknowledged; nothing is changed then.
    /// [`JournalError::Io`] when the storage fails.
    pub fn open(
        storage: Arc<dyn Storage>,
        options: Options,
        known_good: Option<Tail>,
    ) -> Result<(Self, RecoveryReport), JournalError> {
        let recovered = recovery::recover(&*storage, known_good)?;
        let Recovered { journal, bases, last, report } = match recovered {
            Some(recovered) => recovered,
            None => Self::found(&*storage, &options)?,
        };
        let tail = report.tail;
        let right = WriteRight::new(&storage);
        let log = Arc::new(Log::new(storage, journal, bases, tail.position.0));
        log.add(last.base, Arc::clone(&last.file));
        let journal = Self {
            log,
            options,
            tail,
            base: last.base,
            file: last.file,
            bytes: last.bytes,
            zeroed: last.bytes,
            last_sync: None,
            poison: None,
            right,
        };
        Ok((journal, report))
    }

    /// Founds a journal where there is none.
    fn found(storage: &dyn Storage, options: &Options) -> Result<Recovered, JournalError> {
        let started = Instant::now();
        let journal = options.journal_id.unwrap_or_else(JournalId::random);
        let file = create_segment(storage, journal, Tail::START)?;
        let bytes = SEGMENT_HEADER_BYTES as u64;
        Ok(Recovered {
            journal,
            bases: vec![0],
            last: recovery::LastSegment {
                base: 0,
                file,
                bytes,
                torn_bytes: 0,
                doubtful: bytes,
                mended: None,
            },
            report: RecoveryReport { took: started.elapsed(), ..RecoveryReport::default() },
        })
    }

    /// The journal's name for life.
    #[must_use]
    pub fn journal_id(&self) -> JournalId {
        self.log.journal
    }

    /// The right to write where this journal is, for who writes beside it.
    #[must_use]
    pub fn right(&self) -> Arc<WriteRight> {
        Arc::clone(&self.right)
    }

    fn must_roll(&self) -> bool {
        self.bytes >= self.options.segment_bytes_max.max(SEGMENT_HEADER_BYTES as u64 + 1)
    }

    /// Where the next batch's header will stand.
    fn next(&self) -> u64 {
        if self.must_roll() {
            self.base + self.bytes + SEGMENT_HEADER_BYTES as u64
        } else {
            self.base + self.bytes
        }
    }

    fn roll(&mut self) -> Result<(), JournalError> {
        let base = self.tail.position.0;
        let file = create_segment(&*self.log.storage, self.log.journal, self.tail)?;
        self.log.add(base, Arc::clone(&file));
        (self.base, self.file, self.bytes) = (base, file, SEGMENT_HEADER_BYTES as u64);
        self.zeroed = self.bytes;
        tracing::debug!(base, "journal segment begun");
        Ok(())
    }

    /// Writes a batch, and zeros behind it where those before are used up: none behind a segment that is
    /// full, because the next one begins where its file ends, and none behind a batch that is large itself.
    /// It fails as a whole: on some file systems a write tells, once, of an error of the one before it.
    fn write(&mut self, batch: &[u8]) -> io::Result<()> {
        self.file.write_at(self.bytes, batch)?;
        let end = self.bytes + batch.len() as u64;
        if self.options.sync && end > self.zeroed && batch.len() <= limits::ZEROS_AHEAD_BYTES / 2 {
            let room = self.options.segment_bytes_max.saturating_sub(end);
            let ahead = room.min(limits::ZEROS_AHEAD_BYTES as u64);
            self.file.write_at(end, &vec![0; usize::try_from(ahead).expect("so few")])?;
            self.zeroed = end + ahead;
        }
        Ok(())
    }

    fn poison(&mut self, error: JournalError) -> Arc<JournalError> {
        // Logs in JSON have no sources of an error, and whoever reads this needs to know: is it full?
        let cause = error.source().map(tracing::field::display);
        tracing::error!(%error, cause, "journal poisoned");
        let error = Arc::new(error);
        self.poison = Some(Arc::clone(&error));
        error
    }
}

/// Creates the segment that follows `before`. Its header and its name are durable before any batch
/// is written to it, so a segment without a whole header never held one.
fn create_segment(
    storage: &dyn Storage,
    journal: JournalId,
    before: Tail,
) -> Result<Arc<dyn StorageFile>, JournalError> {
    let name = segments::name(before.position.0);
    let file = storage.create(&name).map_err(|error| JournalError::io("create", &name, error))?;
    let header = SegmentHeader { journal, before }.encode();
    file.write_at(0, &header).map_err(|error| JournalError::io("write", &name, error))?;
    file.sync().map_err(|error| JournalError::io("sync", &name, error))?;
    storage.sync_dir().map_err(|error| JournalError::io("sync the directory of", &name, error))?;
    Ok(file)
}

impl Journal for LocalJournal {
    fn tail(&self) -> Tail {
        self.tail
    }

    fn buffer(&self) -> BatchBuffer {
        BatchBuffer::new(self.log.seed)
    }

    fn begin(&self, batch: &mut BatchBuffer) {
        batch.begin(self.next());
    }

    fn append(
        &mut self,
        expected: Tail,
        epoch: Epoch,
        batch: &mut BatchBuffer,
    ) -> Result<Tail, AppendError> {
        if let Some(error) = &self.poison {
            return Err(AppendError::Poisoned(Arc::clone(error)));
        }
        if expected != self.tail || epoch < self.tail.epoch {
            return Err(AppendError::Fenced { tail: self.tail });
        }
        if batch.records() == 0 {
            return Ok(self.tail);
        }
        assert_eq!(batch.position(), self.next(), "the batch was begun for another tail");
        if self.must_roll()
            && let Err(error) = self.roll()
        {
            return Err(AppendError::Poisoned(self.poison(error)));
        }

        let (bytes, tail) = batch.seal(&self.tail, epoch);
        if let Err(error) = self.write(bytes) {
            let error = JournalError::io("write", &segments::name(self.base), error);
            return Err(AppendError::InDoubt(self.poison(error)));
        }
        self.last_sync = None;
        let due = !has(Bug::TellBeforeSync) || tail.batch.is_multiple_of(8);
        if self.options.sync && due {
            let started = Instant::now();
            if let Err(error) = self.file.sync()
                && !has(Bug::IgnoreSyncError)
            {
                let error = JournalError::io("sync", &segments::name(self.base), error);
                return Err(AppendError::InDoubt(self.poison(error)));
            }
            self.last_sync = Some(started.elapsed());
        }
        self.bytes += bytes.len() as u64;
        self.tail = tail;
        self.log.durable.advance(tail.position.0);
        Ok(tail)
    }

    fn last_sync(&self) -> Option<Duration> {
        self.last_sync
    }

    fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.log))
    }

    fn truncate_before(&mut self, position: Position) -> Result<Position, JournalError> {
        // Oldest first, each made durable by itself: what a crash leaves has no gap.
        while let Some((base, next)) = self.log.oldest_ends_before(position.0) {
            // Before the file is gone: a reader that looks for it hears that it was truncated.
            self.log.begin_at(next);
            let name = segments::name(base);
            let storage = &*self.log.storage;
            match storage.remove(&name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed.map_err(|error| JournalError::io("remove", &name, error))?,
            }
            storage
                .sync_dir()
                .map_err(|error| JournalError::io("sync the directory of", &name, error))?;
            self.log.forget(base);
        }
        Ok(Position(self.log.oldest()))
    }
}

impl Drop for LocalJournal {
    fn drop(&mut self) {
        if self.poison.is_none()
            && self.zeroed > self.bytes
            && let Err(error) = self.file.truncate(self.bytes)
        {
            tracing::debug!(%error, "zeros stay behind the journal");
        }
        self.log.durable.close();
    }
}
