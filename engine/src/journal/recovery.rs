//! Recovery: what is whole is kept, a torn tail is dropped, anything else is refused (J-2).
//!
//! Everything is looked at before anything is changed. A journal that is refused stays as it was
//! found.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    error::{Damage, JournalError},
    frame::{SEGMENT_HEADER_BYTES, SEGMENT_MAGIC, Seed},
    scan::{self, Broken, Window},
    segments,
    storage::{Storage, StorageFile},
    tail::{JournalId, Tail},
    torn::{self, Verdict},
};
use crate::broken::{Bug, has};

/// Looks at a journal of which no two agree, as on a disk that fails: the last one counts.
const LOOKS_MAX: u32 = 8;

/// What opening found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecoveryReport {
    /// The log's tail: everything acknowledged, and perhaps one batch whose fate was in doubt.
    pub tail: Tail,
    /// Batches that were read and verified, behind the known tail if there was one.
    pub batches: u64,
    /// Records in them.
    pub records: u64,
    /// Bytes of the torn batch or segment that were dropped, without the zeros ahead.
    pub dropped_bytes: u64,
    /// Whether the last batch lacked its last bit, and has it now.
    pub mended: bool,
    /// Time it took.
    pub took: Duration,
}

/// What [`verify`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// The journal's name for life.
    pub journal: JournalId,
    /// The tail before the oldest segment that is kept.
    pub oldest: Tail,
    /// The tail behind the last whole batch.
    pub tail: Tail,
    /// Segments read.
    pub segments: u64,
    /// Batches read.
    pub batches: u64,
    /// Records read.
    pub records: u64,
    /// Bytes behind the tail that recovery would drop as torn.
    pub torn_bytes: u64,
}

pub(super) struct LastSegment {
    pub(super) base: u64,
    pub(super) file: Arc<dyn StorageFile>,
    pub(super) bytes: u64,
    /// Bytes of a torn batch behind it.
    pub(super) torn_bytes: u64,
    /// From here on nothing vouches that a sync has succeeded: the last batch, or the header.
    pub(super) doubtful: u64,
    /// That batch with the bit that it lacks, if it lacks one.
    pub(super) mended: Option<Vec<u8>>,
}

/// A journal that may be appended to.
pub(super) struct Recovered {
    pub(super) journal: JournalId,
    pub(super) bases: Vec<u64>,
    pub(super) last: LastSegment,
    pub(super) report: RecoveryReport,
}

#[derive(Debug, Clone, Copy)]
struct Listed {
    base: u64,
    bytes: u64,
}

impl Listed {
    fn end(&self) -> u64 {
        self.base + self.bytes
    }
}

/// What a storage holds, judged but not touched.
struct Survey {
    segments: Vec<Listed>,
    /// The last segment if its creation was not finished; it is not among `segments`.
    unborn: Option<Listed>,
    found: Option<Found>,
}

struct Found {
    journal: JournalId,
    oldest: Tail,
    tail: Tail,
    batches: u64,
    records: u64,
    /// The segment that grows, up to its last whole batch.
    last: LastSegment,
    /// Whether its file goes on behind that.
    has_more: bool,
}

/// Whether there is no journal yet: no segment.
///
/// # Errors
/// What the storage says.
pub fn is_empty(storage: &dyn Storage) -> io::Result<bool> {
    Ok(storage.list()?.iter().all(|entry| segments::parse_name(&entry.name).is_none()))
}

/// Reads the whole journal, every record by itself, and changes nothing.
///
/// # Errors
/// [`JournalError::Damaged`] with the first damage, also of what opening would mend, [`JournalError::Io`]
/// when the storage fails. An empty storage is `None`.
pub fn verify(storage: &dyn Storage) -> Result<Option<Verified>, JournalError> {
    let survey = survey(storage, None, true)?;
    Ok(survey.found.map(|found| Verified {
        journal: found.journal,
        oldest: found.oldest,
        tail: found.tail,
        segments: survey.segments.len() as u64,
        batches: found.batches,
        records: found.records,
        torn_bytes: found.last.torn_bytes + survey.unborn.map_or(0, |unborn| unborn.bytes),
    }))
}

/// Brings the journal in `storage` back; `None` when there is none and one may be founded.
pub(super) fn recover(
    storage: &dyn Storage,
    known_good: Option<Tail>,
) -> Result<Option<Recovered>, JournalError> {
    let started = Instant::now();
    let Survey { segments, unborn, found } = survey(storage, known_good, false)?;
    let mut dropped_bytes = 0;
    if let Some(unborn) = unborn {
        let name = segments::name(unborn.base);
        storage.remove(&name).map_err(|error| JournalError::io("remove", &name, error))?;
        dropped_bytes += unborn.bytes;
    }
    let synced = |error| JournalError::io("sync the directory of", "the journal", error);
    storage.sync_dir().map_err(synced)?;
    let Some(found) = found else { return Ok(None) };

    let name = segments::name(found.last.base);
    let Found { journal, tail, batches, records, last, has_more, .. } = found;
    dropped_bytes += last.torn_bytes;
    if has_more {
        last.file
            .truncate(last.bytes)
            .map_err(|error| JournalError::io("truncate", &name, error))?;
    }
    // The last batch may have been written and never synced: it is acknowledged from now on.
    if !has(Bug::RecoverUnsynced) {
        write_again(&name, &last, journal)?;
        last.file.sync().map_err(|error| JournalError::io("sync", &name, error))?;
    }

    let took = started.elapsed();
    let mended = last.mended.is_some();
    let report = RecoveryReport { tail, batches, records, dropped_bytes, mended, took };
    tracing::info!(%journal, tail = %tail.position, batches, dropped_bytes, "journal recovered");
    let bases = segments.iter().map(|segment| segment.base).collect();
    Ok(Some(Recovered { journal, bases, last, report }))
}

/// Writes the last batch of the segment once more, or its header where there is none. After a sync that
/// failed Linux holds the pages for written: a later sync would succeed, and do nothing for them.
fn write_again(name: &str, last: &LastSegment, journal: JournalId) -> Result<(), JournalError> {
    let LastSegment { base, file, bytes, doubtful, mended, .. } = last;
    let wrong = |error| JournalError::io("write", name, error);
    if doubtful == bytes {
        return Ok(());
    }
    if let Some(batch) = mended {
        tracing::warn!(segment = name, offset = doubtful, "the last batch lacks its last bit");
        return file.write_at(*doubtful, batch).map_err(wrong);
    }
    if *doubtful == 0 {
        let header = scan::read_segment_header(&**file, name, *base, Some(journal))
            .map_err(|error| JournalError::io("read", name, error))??;
        return file.write_at(0, &header.encode()).map_err(wrong);
    }
    // What is read once more is judged once more: nothing wrong is written.
    let mut window = Window::new(Arc::clone(file), *bytes);
    let read =
        scan::read_batch(&mut window, Seed::new(journal), *base, *doubtful, None, false).map(drop);
    match read {
        Ok(()) => file.write_at(*doubtful, window.held()).map_err(wrong),
        Err(Broken::Io(error)) => Err(JournalError::io("read", name, error)),
        Err(Broken::Batch { fault, .. }) => Err(scan::damage(name, *doubtful, *fault).into()),
    }
}

/// Looks until two looks agree: whoever reads a journal that is being written may see the beginning of
/// a batch, and then the end of the next one. Only what is found twice, or last, is damage; and once a look
/// was not sound, a tail is torn only if that is found twice as well.
fn survey(
    storage: &dyn Storage,
    known_good: Option<Tail>,
    thorough: bool,
) -> Result<Survey, JournalError> {
    let mut seen = None;
    for _ in 1..LOOKS_MAX {
        let found = look(storage, known_good, thorough);
        let doubtful = match &found {
            Err(JournalError::Damaged(damage)) => Err(damage.clone()),
            Ok(Survey { found: Some(Found { tail, last, .. }), .. })
                if seen.is_some() && last.torn_bytes > 0 =>
            {
                Ok(*tail)
            }
            Ok(_) | Err(_) => return found,
        };
        if seen.as_ref() == Some(&doubtful) {
            return found;
        }
        tracing::debug!(?doubtful, "the journal is looked at again");
        seen = Some(doubtful);
    }
    look(storage, known_good, thorough)
}

fn look(
    storage: &dyn Storage,
    known_good: Option<Tail>,
    thorough: bool,
) -> Result<Survey, JournalError> {
    let mut segments = list(storage)?;
    let unborn = take_unborn(storage, &mut segments)?;
    let a_walk =
        || Walk { thorough, closed: unborn.is_some(), mends: !thorough, ..Walk::default() };
    let known_good = known_good.filter(|known| *known != Tail::START);
    let (Some(first), Some(last)) = (segments.first(), segments.last()) else {
        if let Some(known) = known_good {
            return Err(lost(&known, 0).into());
        }
        return Ok(Survey { segments, unborn, found: None });
    };

    // Where to begin: at the known tail, or at the oldest segment, whose header is believed.
    if let Some(known) = known_good
        && known.position.0 > last.end()
    {
        return Err(lost(&known, last.end()).into());
    }
    if let Some(known) = known_good
        && known.position.0 < first.base
    {
        return Err(Damage {
            segment: segments::name(first.base),
            offset: 0,
            what: "oldest segment",
            expected: format!("one that begins at or before {}", known.position),
            found: format!("one that begins at {}", first.base),
        }
        .into());
    }
    let walk = match known_good {
        Some(known) if known.position.0 > first.base => {
            let start = segments.partition_point(|segment| segment.base < known.position.0) - 1;
            let from = Walk { before: Some(known), ..a_walk() };
            let walk = from.along(storage, &segments[start..])?;
            if walk.batches == 0 {
                // Nothing behind the known tail vouches for it, so its own segment must.
                let again = Walk { mends: false, ..a_walk() };
                let again = again.along(storage, &segments[start..])?;
                if again.before != walk.before {
                    let name = segments::name(segments[start].base);
                    let found = again.before.unwrap_or_default();
                    if found.position < known.position {
                        return Err(lost(&known, found.position.0).into());
                    }
                    return Err(scan::not_continued(&name, &known, &found).into());
                }
            }
            walk
        }
        expected => {
            let from = Walk { expected, ..a_walk() };
            from.along(storage, &segments)?
        }
    };
    let growing = walk.growing.expect("at least one segment was walked");
    let found = Found {
        journal: walk.journal.expect("its header was read"),
        oldest: walk.oldest.expect("its header was read"),
        tail: walk.before.expect("its header was read"),
        batches: walk.batches,
        records: walk.records,
        has_more: last.bytes > growing.bytes,
        last: growing,
    };
    Ok(Survey { segments, unborn, found: Some(found) })
}

/// The segments in order, each beginning where the one before it ends.
fn list(storage: &dyn Storage) -> Result<Vec<Listed>, JournalError> {
    let entries = storage.list().map_err(|error| JournalError::io("list", "the journal", error))?;
    let mut segments = Vec::new();
    for entry in entries {
        match segments::parse_name(&entry.name) {
            None => {}
            Some(Ok(base)) => segments.push(Listed { base, bytes: entry.bytes }),
            Some(Err(())) => {
                return Err(Damage {
                    segment: entry.name.clone(),
                    offset: 0,
                    what: "segment name",
                    expected: segments::name(0),
                    found: entry.name,
                }
                .into());
            }
        }
    }
    segments.sort_by_key(|segment| segment.base);
    for pair in segments.windows(2) {
        if pair[0].end() != pair[1].base {
            return Err(Damage {
                segment: segments::name(pair[0].base),
                offset: pair[0].bytes,
                what: "end of segment",
                expected: format!("{}, where the next segment begins", pair[1].base),
                found: pair[0].end().to_string(),
            }
            .into());
        }
    }
    Ok(segments)
}

/// Takes the last segment out if a crash interrupted its creation. Its header is durable before the
/// first batch is written, so a file without one never held a batch.
fn take_unborn(
    storage: &dyn Storage,
    segments: &mut Vec<Listed>,
) -> Result<Option<Listed>, JournalError> {
    let Some(last) = segments.last().copied() else { return Ok(None) };
    let mut header = [0; SEGMENT_HEADER_BYTES];
    if last.bytes > header.len() as u64 {
        return Ok(None);
    }
    let name = segments::name(last.base);
    let file = storage.open(&name).map_err(|error| JournalError::io("open", &name, error))?;
    let read =
        file.read_at(0, &mut header).map_err(|error| JournalError::io("read", &name, error))?;
    let never_written = header.iter().all(|byte| *byte == 0);
    let begun = read < header.len()
        && header[..read].iter().zip(SEGMENT_MAGIC).all(|(found, magic)| *found == magic);
    let founding = segments.len() == 1 && last.base == 0;
    if (never_written || begun) && (founding || segments.len() > 1) {
        segments.pop();
        return Ok(Some(last));
    }
    Ok(None)
}

fn lost(known: &Tail, end: u64) -> Damage {
    Damage {
        segment: segments::name(end),
        offset: 0,
        what: "end of the journal",
        expected: format!("at least {}, which was known to be durable", known.position),
        found: end.to_string(),
    }
}

/// A walk along the log.
#[derive(Default)]
struct Walk {
    journal: Option<JournalId>,
    oldest: Option<Tail>,
    /// What the first header must say, if it is known.
    expected: Option<Tail>,
    /// Behind the last batch seen.
    before: Option<Tail>,
    batches: u64,
    records: u64,
    thorough: bool,
    /// Whether another segment was begun behind all of these: all that they hold was durable.
    closed: bool,
    /// Whether a last batch may lack its last bit: not where all of it is known to have been durable, nor
    /// where nobody puts it back.
    mends: bool,
    /// The last segment walked.
    growing: Option<LastSegment>,
}

impl Walk {
    /// Walks to the end of the log.
    fn along(mut self, storage: &dyn Storage, segments: &[Listed]) -> Result<Self, JournalError> {
        for (at, segment) in segments.iter().enumerate() {
            let is_last = at + 1 == segments.len();
            self.growing = Some(self.segment(storage, *segment, is_last)?);
        }
        Ok(self)
    }

    /// Walks one segment to its last whole batch.
    fn segment(
        &mut self,
        storage: &dyn Storage,
        listed: Listed,
        is_last: bool,
    ) -> Result<LastSegment, JournalError> {
        let Listed { base, bytes } = listed;
        let name = segments::name(base);
        let file = storage.open(&name).map_err(|error| JournalError::io("open", &name, error))?;
        let header = scan::read_segment_header(&*file, &name, base, self.journal)
            .map_err(|error| JournalError::io("read", &name, error))??;
        let seed = Seed::new(header.journal);
        self.journal = Some(header.journal);
        self.oldest.get_or_insert(header.before);

        let mut offset = SEGMENT_HEADER_BYTES as u64;
        let mut before = header.before;
        match self.before {
            // In the middle of a segment: only where the walk begins.
            Some(known) if known.position.0 > base => {
                let into = known.position.0 - base;
                if into < offset {
                    return Err(scan::not_continued(&name, &known, &header.before).into());
                }
                (before, offset) = (known, into);
            }
            known => {
                if let Some(known) = known.or(self.expected)
                    && known != header.before
                {
                    return Err(scan::not_continued(&name, &known, &header.before).into());
                }
            }
        }

        // A tail that was told is durable; a header may not be.
        let mut doubtful = if offset == SEGMENT_HEADER_BYTES as u64 { 0 } else { offset };
        let (mut torn_bytes, mut mended) = (0, None);
        let mut window = Window::new(Arc::clone(&file), bytes);
        while offset < bytes {
            let unreadable = |error| JournalError::io("read", &name, error);
            let whole;
            let found =
                scan::read_batch(&mut window, seed, base, offset, Some(&before), self.thorough);
            let batch = match found {
                Ok(batch) => batch,
                Err(Broken::Io(error)) => return Err(unreadable(error)),
                Err(Broken::Batch { intact, fault }) => {
                    let at = torn::Place { seed, base, offset, bytes };
                    let verdict = match is_last && !self.closed {
                        true => torn::judge(&*file, at, intact).map_err(unreadable)?,
                        false => Verdict::Damaged,
                    };
                    match verdict {
                        Verdict::Torn(bytes) => {
                            torn_bytes = bytes;
                            break;
                        }
                        Verdict::Mended(header, bytes) if self.mends => {
                            whole = mended.insert(bytes);
                            scan::whole(&header, base + offset, whole)
                        }
                        Verdict::Mended(..) | Verdict::Damaged => {
                            return Err(scan::damage(&name, offset, *fault).into());
                        }
                    }
                }
            };
            doubtful = offset;
            offset += batch.bytes() as u64;
            before = batch.tail;
            self.batches += 1;
            self.records += u64::from(batch.records);
            if mended.is_some() {
                break;
            }
        }
        self.before = Some(before);
        Ok(LastSegment { base, file, bytes: offset, torn_bytes, doubtful, mended })
    }
}
