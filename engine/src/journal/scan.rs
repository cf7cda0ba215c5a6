//! Scanning: batches out of one segment, in order, read in large pieces and verified.

use std::{io, sync::Arc};

use super::{
    batch::Batch,
    error::Damage,
    frame::{BATCH_HEADER_BYTES, BatchHeader, Fault, SEGMENT_HEADER_BYTES, Seed, SegmentHeader},
    storage::StorageFile,
    tail::{JournalId, Tail},
};
use crate::id::Position;

/// Bytes asked of the storage at once.
const CHUNK_BYTES: usize = 1024 * 1024;

/// A segment's file behind a window that slides forward.
pub(crate) struct Window {
    file: Arc<dyn StorageFile>,
    /// File offset of the first byte held.
    start: u64,
    bytes: Vec<u8>,
    /// Bytes that may be read; nothing behind them is looked at.
    pub(crate) limit: u64,
}

impl Window {
    pub(crate) fn new(file: Arc<dyn StorageFile>, limit: u64) -> Self {
        Self { file, start: 0, bytes: Vec::new(), limit }
    }

    /// The bytes at `offset`: `count` of them, or as many as there are before the limit.
    fn get(&mut self, offset: u64, count: usize) -> io::Result<&[u8]> {
        let end = (offset + count as u64).min(self.limit).max(offset);
        let held = self.start..self.start + self.bytes.len() as u64;
        if offset < held.start || end > held.end {
            self.slide(offset, count)?;
        }
        let from = usize::try_from(offset - self.start).expect("inside the window");
        let count = usize::try_from(end - offset).expect("at most what was asked for");
        let to = self.bytes.len().min(from + count);
        Ok(&self.bytes[from.min(to)..to])
    }

    /// The bytes held, from the first offset that was asked for.
    pub(crate) fn held(&self) -> &[u8] {
        &self.bytes
    }

    fn slide(&mut self, offset: u64, count: usize) -> io::Result<()> {
        let gone = offset.checked_sub(self.start).and_then(|gone| usize::try_from(gone).ok());
        match gone {
            Some(gone) if gone <= self.bytes.len() => drop(self.bytes.drain(..gone)),
            Some(_) | None => self.bytes.clear(),
        }
        self.start = offset;
        let kept = self.bytes.len();
        let room = usize::try_from(self.limit.saturating_sub(offset)).unwrap_or(usize::MAX);
        self.bytes.resize(count.max(CHUNK_BYTES).min(room).max(kept), 0);
        let read = self.file.read_at(offset + kept as u64, &mut self.bytes[kept..]);
        self.bytes.truncate(kept + *read.as_ref().unwrap_or(&0));
        read.map(drop)
    }
}

/// How far a broken batch can be trusted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Intact {
    /// Its header does not hold, or does not come next.
    Nothing,
    /// Its header holds and comes next; the body is short or does not match.
    Header(BatchHeader),
}

/// Why no batch came.
#[derive(Debug)]
pub(crate) enum Broken {
    Io(io::Error),
    Batch { intact: Intact, fault: Box<Fault> },
}

/// Reads the batch at `offset` of the segment that begins at `base`. It must come next after
/// `before`, if that is known.
pub(crate) fn read_batch<'a>(
    window: &'a mut Window,
    seed: Seed,
    base: u64,
    offset: u64,
    before: Option<&Tail>,
    thorough: bool,
) -> Result<Batch<'a>, Broken> {
    let position = base + offset;
    let ends = |what, expected: usize, found: usize| Fault {
        offset: found,
        what,
        expected: format!("{expected} bytes"),
        found: format!("{found} bytes"),
    };
    let unusable = |fault| Broken::Batch { intact: Intact::Nothing, fault: Box::new(fault) };

    let bytes = window.get(offset, BATCH_HEADER_BYTES).map_err(Broken::Io)?;
    let Ok(bytes) = bytes.try_into() else {
        return Err(unusable(ends("end of batch header", BATCH_HEADER_BYTES, bytes.len())));
    };
    let header = BatchHeader::decode(seed, position, bytes).map_err(unusable)?;
    if let Some(before) = before {
        header.follows(before).map_err(unusable)?;
    }

    let unfinished =
        |fault| Broken::Batch { intact: Intact::Header(header), fault: Box::new(fault) };
    let count = BATCH_HEADER_BYTES + header.body_bytes;
    let bytes = window.get(offset, count).map_err(Broken::Io)?;
    if bytes.len() < count {
        return Err(unfinished(ends("end of batch", count, bytes.len())));
    }
    let body = &bytes[BATCH_HEADER_BYTES..];
    header.check_body(seed, position, body, thorough).map_err(unfinished)?;
    Ok(whole(&header, position, bytes))
}

/// The batch of `bytes`, which hold under `header` at `position`.
pub(crate) fn whole<'a>(header: &BatchHeader, position: u64, bytes: &'a [u8]) -> Batch<'a> {
    Batch {
        first: Position(position + BATCH_HEADER_BYTES as u64),
        tail: Tail {
            position: Position(position + bytes.len() as u64),
            batch: header.number,
            epoch: header.epoch,
            chain: super::frame::chain(bytes),
        },
        records: header.records,
        body: &bytes[BATCH_HEADER_BYTES..],
    }
}

/// Reads a segment's header: `Ok(Err(..))` when it is not one, or not this journal's, or does not
/// stand at `base`.
pub(crate) fn read_segment_header(
    file: &dyn StorageFile,
    name: &str,
    base: u64,
    journal: Option<JournalId>,
) -> io::Result<Result<SegmentHeader, Damage>> {
    let mut bytes = [0; SEGMENT_HEADER_BYTES];
    let read = file.read_at(0, &mut bytes)?;
    let damage = |offset: usize, what, expected: String, found: String| Damage {
        segment: name.to_owned(),
        offset: offset as u64,
        what,
        expected,
        found,
    };
    if read < bytes.len() {
        let (expected, found) = (format!("{} bytes", bytes.len()), format!("{read} bytes"));
        return Ok(Err(damage(read, "end of segment header", expected, found)));
    }
    let header = match SegmentHeader::decode(&bytes) {
        Ok(header) => header,
        Err(fault) => {
            return Ok(Err(damage(fault.offset, fault.what, fault.expected, fault.found)));
        }
    };
    if header.before.position.0 != base {
        let (expected, found) = (base.to_string(), header.before.position.to_string());
        return Ok(Err(damage(32, "segment base", expected, found)));
    }
    Ok(match journal.filter(|journal| *journal != header.journal) {
        Some(journal) => {
            Err(damage(16, "journal id", journal.to_string(), header.journal.to_string()))
        }
        None => Ok(header),
    })
}

/// Places a batch's fault in its segment.
pub(crate) fn damage(segment: &str, offset: u64, fault: Fault) -> Damage {
    Damage {
        segment: segment.to_owned(),
        offset: offset + fault.offset as u64,
        what: fault.what,
        expected: fault.expected,
        found: fault.found,
    }
}

/// A segment whose header names another tail than the one that the log before it ends with.
pub(crate) fn not_continued(segment: &str, expected: &Tail, found: &Tail) -> Damage {
    let tail = |tail: &Tail| format!("{tail:?}");
    Damage {
        segment: segment.to_owned(),
        offset: 32,
        what: "tail before the segment",
        expected: tail(expected),
        found: tail(found),
    }
}
