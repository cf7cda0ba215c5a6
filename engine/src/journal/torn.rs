//! Torn: whether a broken last batch is what a crash leaves, or damage to what was durable.
//!
//! A crash in the middle of the last write leaves a file that is too short, or sectors that were
//! never written and read as zeros. Only that is torn. Whatever one flipped bit explains never is,
//! even where the batch happens to hold zeros of its own. Whoever reads a file that is being written
//! may also find the beginning of a batch, and then the zeros that were written ahead.
//!
//! Where all that is missing is one bit, and no sector but the batch's last had any of it, nobody can tell
//! which of the two it was. But the batch's checksums say which bit that is.

use std::{io, ops::Range};

use super::{
    frame::{
        self, BATCH_HEADER_BYTES, BATCH_MAGIC, BODY_BYTES_MAX, BatchHeader, RECORD_HEADER_BYTES,
        SECTOR_BYTES, Seed,
    },
    scan::Intact,
    storage::StorageFile,
};
use crate::limits;

const BATCH_BYTES_MAX: usize = BATCH_HEADER_BYTES + BODY_BYTES_MAX;

/// As many zeros at the end of a broken batch are taken for unwritten, wherever in a sector they begin: no
/// record of ours ends with as many. Of fewer the checksum can tell.
const UNWRITTEN_BYTES_MIN: usize = 4;

/// A broken batch in the last segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) seed: Seed,
    /// Where the segment begins in the log.
    pub(super) base: u64,
    /// Where the batch begins in the segment.
    pub(super) offset: u64,
    /// Length of the segment.
    pub(super) bytes: u64,
}

/// What a broken batch is.
pub(super) enum Verdict {
    /// What a crash left of one. So many bytes of it were written, maybe none.
    Torn(u64),
    /// All of one but for its last bit, which is put back here: torn, or durable and rotted.
    Mended(BatchHeader, Vec<u8>),
    /// Neither.
    Damaged,
}

/// Judges a broken batch.
pub(super) fn judge(file: &dyn StorageFile, at: Place, intact: Intact) -> io::Result<Verdict> {
    let left = at.bytes - at.offset;
    if left > BATCH_BYTES_MAX as u64 + limits::ZEROS_AHEAD_BYTES_MAX {
        return Ok(Verdict::Damaged);
    }
    let mut bytes = vec![0; usize::try_from(left).expect("so few")];
    let read = file.read_at(at.offset, &mut bytes)?;
    bytes.truncate(read);
    let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    if written > BATCH_BYTES_MAX {
        return Ok(Verdict::Damaged);
    }
    let is_torn = match intact {
        Intact::Header(header) => {
            if let Some(batch) = mended(at, &header, &bytes, written) {
                return Ok(Verdict::Mended(header, batch));
            }
            body_is_torn(at, &header, &bytes, written)
        }
        Intact::Nothing => header_is_torn(at, &bytes, written),
    };
    Ok(if is_torn { Verdict::Torn(written as u64) } else { Verdict::Damaged })
}

/// The batch as it was to be written, if nothing of its last sector was, and one bit there makes it whole.
///
/// Only where no more than four bytes are missing: a checksum of 32 bits tells what they were. Of more, chance
/// has one bit explain what was another content, and the record's checksum is linear in the same way, so that
/// it says no more than the body's.
fn mended(at: Place, header: &BatchHeader, bytes: &[u8], written: usize) -> Option<Vec<u8>> {
    let position = at.base + at.offset;
    let mut batch = bytes.get(..BATCH_HEADER_BYTES + header.body_bytes)?.to_vec();
    let (head, body) = batch.split_first_chunk_mut::<BATCH_HEADER_BYTES>()?;
    // It was decoded from another look at the disk.
    if BatchHeader::decode(at.seed, position, head).ok().as_ref() != Some(header) {
        return None;
    }
    let whole = BATCH_HEADER_BYTES + body.len();
    let unwritten = unwritten_sectors(at.offset, &bytes[..whole]);
    let [last] = unwritten.as_slice() else { return None };
    let is_its_end = last.end == whole && written <= last.start;
    if !is_its_end || last.len() > UNWRITTEN_BYTES_MIN {
        return None;
    }
    let bit = frame::one_flip_of_body(at.seed, position, header, body)?;
    if BATCH_HEADER_BYTES + bit / 8 < last.start {
        return None;
    }
    body[bit / 8] ^= 1 << (bit % 8);
    header.check_body(at.seed, position, body, true).ok()?;
    Some(batch)
}

/// The header holds and comes next: the body must be short, or unwritten where it is wrong.
fn body_is_torn(at: Place, header: &BatchHeader, bytes: &[u8], written: usize) -> bool {
    let whole = BATCH_HEADER_BYTES + header.body_bytes;
    if bytes.len() < whole {
        return true;
    }
    if written > whole {
        // It was finished, and another one begun.
        return false;
    }
    let position = at.base + at.offset;
    let body = &bytes[BATCH_HEADER_BYTES..whole];
    if frame::one_flip_of_body(at.seed, position, header, body).is_some() {
        return false;
    }
    let mut unwritten = unwritten_sectors(at.offset, &bytes[..whole]);
    // The batch's part of its last sector may be one byte, in which a record may end.
    let short = unwritten.pop_if(|part| part.end == whole && part.len() < UNWRITTEN_BYTES_MIN);
    let zeros = whole - written;
    if zeros >= UNWRITTEN_BYTES_MIN
        || frame::last_bytes_explain_body(at.seed, position, header, body, zeros)
    {
        unwritten.push(written..whole);
    }
    let touched = |range: Range<usize>| {
        unwritten.iter().any(|sector| sector.start < range.end && range.start < sector.end)
    };
    let mut torn = false;
    let mut from = 0;
    while from < body.len() {
        let place = BATCH_HEADER_BYTES + from;
        let record = frame::record_bytes(body, from);
        let holds = || frame::check_record(at.seed, position + place as u64, &body[from..]).is_ok();
        if touched(place..place + RECORD_HEADER_BYTES) && !(record.is_some() && holds()) {
            // Without its length nothing behind a broken record can be told apart: the rest is
            // explained as one.
            return true;
        }
        let Some(record) = record else { return false };
        if !holds() {
            // Where another sector is missing too, the body's checksum cannot tell of so short a part.
            let lacks_its_end = || {
                from + record == body.len()
                    && short.as_ref().is_some_and(|part| {
                        let (position, body) = (position + place as u64, &body[from..]);
                        frame::last_bytes_explain_record(at.seed, position, body, part.len())
                    })
            };
            if !touched(place..place + record) && !lacks_its_end() {
                return false;
            }
            torn = true;
        }
        from += record;
    }
    torn
}

/// The header does not hold: it must be short, or unwritten, and nothing may follow it.
fn header_is_torn(at: Place, bytes: &[u8], written: usize) -> bool {
    if written == 0 {
        return true;
    }
    let Some(header) = bytes.first_chunk::<BATCH_HEADER_BYTES>() else {
        return bytes.iter().zip(BATCH_MAGIC).all(|(found, magic)| *found == magic)
            || touches_unwritten(at, bytes);
    };
    // What was acknowledged has a body, and a body is not all zeros.
    let ends_within = written <= BATCH_HEADER_BYTES;
    (ends_within || touches_unwritten(at, bytes))
        && !one_flip_explains_batch(at, header, bytes, written)
        && !holds_a_batch(at, &bytes[1..bytes.len().min(written + BATCH_HEADER_BYTES)])
}

/// Whether a header that one flip at most makes whole stands before all that it speaks of. One that
/// lost a single bit with the sector that was never written stands before less.
fn one_flip_explains_batch(
    at: Place,
    header: &[u8; BATCH_HEADER_BYTES],
    bytes: &[u8],
    written: usize,
) -> bool {
    let position = at.base + at.offset;
    let is_whole = |header: BatchHeader| {
        let whole = BATCH_HEADER_BYTES + header.body_bytes;
        let body = bytes.get(BATCH_HEADER_BYTES..whole);
        let holds = |body| header.check_body(at.seed, position, body, false).is_ok();
        written > whole || body.is_some_and(holds)
    };
    if BatchHeader::decode(at.seed, position, header).is_ok() {
        return true;
    }
    (0..header.len() * 8).any(|bit| {
        let mut mended = *header;
        mended[bit / 8] ^= 1 << (bit % 8);
        BatchHeader::decode(at.seed, position, &mended).is_ok_and(is_whole)
    })
}

/// Whether part of the header lies in a sector that was never written.
fn touches_unwritten(at: Place, bytes: &[u8]) -> bool {
    let near = bytes.len().min(BATCH_HEADER_BYTES + SECTOR_BYTES);
    unwritten_sectors(at.offset, &bytes[..near])
        .iter()
        .any(|sector| sector.start < BATCH_HEADER_BYTES)
}

/// Whether an intact batch begins anywhere: the broken one before it was then acknowledged.
fn holds_a_batch(at: Place, bytes: &[u8]) -> bool {
    let headers = bytes.windows(BATCH_HEADER_BYTES).enumerate();
    headers.filter(|(_, header)| header.starts_with(&BATCH_MAGIC)).any(|(from, header)| {
        let position = at.base + at.offset + 1 + from as u64;
        let header = header.try_into().expect("a window of that size");
        BatchHeader::decode(at.seed, position, header).is_ok()
    })
}

/// The parts of `bytes`, which stand at `offset` of their file, whose whole sector reads as zeros.
fn unwritten_sectors(offset: u64, bytes: &[u8]) -> Vec<Range<usize>> {
    let sector = SECTOR_BYTES as u64;
    let into = usize::try_from(offset % sector).expect("less than a sector");
    let mut sectors = Vec::new();
    let mut start = 0;
    while start < bytes.len() {
        let end =
            bytes.len().min((start + into) / SECTOR_BYTES * SECTOR_BYTES + SECTOR_BYTES - into);
        if bytes[start..end].iter().all(|byte| *byte == 0) {
            sectors.push(start..end);
        }
        start = end;
    }
    sectors
}
