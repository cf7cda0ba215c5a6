//! Reader: single records by position, and verified batches in order.
//!
//! A reader never sees anything that is not durable (J-1), however far the writer is ahead.

use std::{sync::Arc, time::Duration};

use super::{
    batch::Batch,
    error::{Damage, ReadError},
    frame::{self, BATCH_HEADER_BYTES, RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES},
    scan::{self, Broken, Window},
    segments::{self, Log, Segment},
    tail::{Chain, Epoch, JournalId, Tail},
};
use crate::id::Position;

/// Bytes read at first for one record: a settlement of a dinner of eight fits.
const RECORD_READ_BYTES: usize = 512;

/// Reads the journal from any thread, while the writer appends; clones are cheap.
#[derive(Clone)]
pub struct Reader {
    log: Arc<Log>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("journal", &self.log.journal).finish_non_exhaustive()
    }
}

impl Reader {
    pub(crate) fn new(log: Arc<Log>) -> Self {
        Self { log }
    }

    /// The journal's name for life.
    #[must_use]
    pub fn journal_id(&self) -> JournalId {
        self.log.journal
    }

    /// Where the durable log ends.
    #[must_use]
    pub fn durable(&self) -> Position {
        Position(self.log.durable.get())
    }

    /// Whether the writer is gone: what is durable now is all there will be.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.log.durable.is_closed()
    }

    /// Where the log now begins: everything before was truncated.
    #[must_use]
    pub fn oldest(&self) -> Position {
        Position(self.log.oldest())
    }

    /// Waits until the durable log ends beyond `position`, the writer is gone, or `timeout` is
    /// over; gives the durable end, which tells which.
    pub fn wait_for_durable_beyond(&self, position: Position, timeout: Duration) -> Position {
        Position(self.log.durable.wait_beyond(position.0, timeout))
    }

    /// The payload of the record that begins at `position`.
    ///
    /// # Errors
    /// [`ReadError`]; `Damaged` also when no record ever began there.
    pub fn record(&self, position: Position) -> Result<Vec<u8>, ReadError> {
        let mut payload = Vec::new();
        self.record_into(position, &mut payload)?;
        Ok(payload)
    }

    /// [`Reader::record`] into a buffer that can be used again; what it held is replaced.
    ///
    /// # Errors
    /// As [`Reader::record`].
    pub fn record_into(&self, position: Position, payload: &mut Vec<u8>) -> Result<(), ReadError> {
        payload.clear();
        let durable = self.durable();
        if position >= durable {
            return Err(ReadError::NotDurable { position, durable });
        }
        let Segment { base, end, file } = self.log.segment(position.0)?;
        let name = || segments::name(base);
        let failed = |source| ReadError::Io { segment: name(), source };
        let offset = position.0 - base;
        let room = end.unwrap_or(durable.0).min(durable.0) - position.0;
        let damaged = |fault| ReadError::Damaged(scan::damage(&name(), offset, fault));
        if offset < (SEGMENT_HEADER_BYTES + BATCH_HEADER_BYTES) as u64
            || room < RECORD_HEADER_BYTES as u64
        {
            return Err(ReadError::Damaged(not_a_boundary(&name(), offset, "record")));
        }

        let mut first = [0; RECORD_READ_BYTES];
        let count = first.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        let read = file.read_at(offset, &mut first[..count]).map_err(failed)?;
        if read < RECORD_HEADER_BYTES {
            return Err(ReadError::Damaged(not_a_boundary(&name(), offset, "record")));
        }
        let header = first[..RECORD_HEADER_BYTES].try_into().expect("eight bytes");
        let bytes = RECORD_HEADER_BYTES + frame::payload_bytes(header).map_err(damaged)?;
        if bytes <= read || bytes as u64 > room {
            let checked = frame::check_record(self.log.seed, position.0, &first[..read]);
            payload.extend_from_slice(checked.map_err(damaged)?);
            return Ok(());
        }
        payload.resize(bytes, 0);
        let read = file.read_at(offset, payload).map_err(failed)?;
        frame::check_record(self.log.seed, position.0, &payload[..read]).map_err(damaged)?;
        payload.drain(..RECORD_HEADER_BYTES);
        Ok(())
    }

    /// Every batch from `position` on, which must be where a batch ended (a tail's position) or
    /// [`Position::NONE`]. The first batch is taken at its word for what came before it; use
    /// [`Reader::batches_after`] with a stored tail to have that checked too.
    #[must_use]
    pub fn batches(&self, position: Position) -> Batches {
        let tail = Tail { position, batch: 0, epoch: Epoch(0), chain: Chain(0) };
        Batches {
            log: Arc::clone(&self.log),
            tail,
            known: position == Position::NONE,
            window: None,
        }
    }

    /// Every batch after `tail`, which must be a tail that this journal once had.
    #[must_use]
    pub fn batches_after(&self, tail: Tail) -> Batches {
        Batches { log: Arc::clone(&self.log), tail, known: true, window: None }
    }
}

/// Verified batches in order, up to the durable end; asked again later, it goes on where it was.
pub struct Batches {
    log: Arc<Log>,
    /// Behind the last batch given.
    tail: Tail,
    /// Whether `tail` is more than a position.
    known: bool,
    window: Option<(u64, Window)>,
}

impl std::fmt::Debug for Batches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batches").field("tail", &self.tail).finish_non_exhaustive()
    }
}

impl Batches {
    /// The next batch; `None` when nothing more is durable yet.
    ///
    /// # Errors
    /// [`ReadError`]; the next call tries the same batch again.
    pub fn next_batch(&mut self) -> Result<Option<Batch<'_>>, ReadError> {
        let durable = self.log.durable.get();
        let position = self.tail.position.0;
        if position >= durable {
            return Ok(None);
        }
        let Segment { base, end, file } = self.log.segment(position)?;
        let name = || segments::name(base);
        let mut offset = position - base;
        if offset == 0 {
            self.enter(base, &*file)?;
            offset = SEGMENT_HEADER_BYTES as u64;
        }
        if offset < SEGMENT_HEADER_BYTES as u64 {
            return Err(ReadError::Damaged(not_a_boundary(&name(), offset, "batch")));
        }

        if self.window.as_ref().is_none_or(|(at, _)| *at != base) {
            self.window = Some((base, Window::new(file, 0)));
        }
        let (_, window) = self.window.as_mut().expect("just made");
        window.limit = end.unwrap_or(durable).min(durable) - base;
        let before = self.known.then_some(&self.tail);
        let read = scan::read_batch(window, self.log.seed, base, offset, before, false);
        let batch = read.map_err(|broken| match broken {
            Broken::Io(source) => ReadError::Io { segment: name(), source },
            Broken::Batch { fault, .. } => scan::damage(&name(), offset, *fault).into(),
        })?;
        self.tail = batch.tail;
        self.known = true;
        Ok(Some(batch))
    }

    /// The tail behind the last batch given: what to store in order to go on from here.
    #[must_use]
    pub fn tail(&self) -> Tail {
        self.tail
    }

    /// Checks that the segment which begins where the last batch ended continues it.
    fn enter(&mut self, base: u64, file: &dyn super::StorageFile) -> Result<(), ReadError> {
        let name = segments::name(base);
        let header = scan::read_segment_header(file, &name, base, Some(self.log.journal))
            .map_err(|source| ReadError::Io { segment: name.clone(), source })??;
        if self.known && header.before != self.tail {
            return Err(ReadError::Damaged(scan::not_continued(&name, &self.tail, &header.before)));
        }
        (self.tail, self.known) = (header.before, true);
        Ok(())
    }
}

fn not_a_boundary(segment: &str, offset: u64, what: &'static str) -> Damage {
    Damage {
        segment: segment.to_owned(),
        offset,
        what,
        expected: format!("the beginning of a {what}"),
        found: "another place".to_owned(),
    }
}
