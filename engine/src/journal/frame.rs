//! Frames: how segments, batches and records lie in bytes. The maps are in the floor's page.
//!
//! Every checksum is seeded with the journal's id and the position it stands at, so bytes of another
//! journal, or of another place in this one, are as wrong as flipped bits.

use super::tail::{Chain, Epoch, JournalId, Tail};
use crate::{
    broken::{Bug, has},
    id::Position,
    limits,
};

/// Version of the format, in every segment header.
pub const FORMAT_VERSION: u32 = 1;
/// Bytes of a segment's header.
pub const SEGMENT_HEADER_BYTES: usize = 72;
/// Bytes of a batch's header.
pub const BATCH_HEADER_BYTES: usize = 52;
/// Bytes before each record's payload.
pub const RECORD_HEADER_BYTES: usize = 8;

/// What a disk writes at once, in bytes; a power cut tears between two of them.
pub const SECTOR_BYTES: usize = 512;

/// Largest body of a batch: one byte short of full, and then the largest record.
pub(crate) const BODY_BYTES_MAX: usize =
    limits::BATCH_BYTES_MAX + limits::RECORD_BYTES_MAX + RECORD_HEADER_BYTES;

pub(crate) const SEGMENT_MAGIC: [u8; 8] = *b"FANJUseg";
pub(crate) const BATCH_MAGIC: [u8; 4] = *b"fanB";

const _: () = {
    assert!(BODY_BYTES_MAX < u32::MAX as usize);
};

/// The start of every checksum of one journal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seed(u32);

impl Seed {
    pub(crate) fn new(journal: JournalId) -> Self {
        Self(crc32c::crc32c(&journal.0))
    }

    fn at(self, position: u64) -> u32 {
        crc32c::crc32c_append(self.0, &position.to_le_bytes())
    }
}

/// A frame that does not hold together; offsets count from the frame's first byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) offset: usize,
    pub(crate) what: &'static str,
    pub(crate) expected: String,
    pub(crate) found: String,
}

fn require<T: PartialEq + std::fmt::Display>(
    offset: usize,
    what: &'static str,
    expected: T,
    found: T,
) -> Result<(), Fault> {
    if expected == found {
        return Ok(());
    }
    Err(Fault { offset, what, expected: expected.to_string(), found: found.to_string() })
}

fn require_sum(offset: usize, what: &'static str, expected: u32, found: u32) -> Result<(), Fault> {
    if expected == found || has(Bug::BelieveChecksums) {
        return Ok(());
    }
    require(offset, what, format!("{expected:08x}"), format!("{found:08x}"))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

fn u128_at(bytes: &[u8], at: usize) -> u128 {
    u128::from_le_bytes(bytes[at..at + 16].try_into().expect("sixteen bytes"))
}

/// The head of a segment: whose it is, and the tail of everything before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) journal: JournalId,
    pub(crate) before: Tail,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        bytes[0..8].copy_from_slice(&SEGMENT_MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.journal.0);
        bytes[32..72].copy_from_slice(&self.before.to_bytes());
        let sum = Self::sum(&bytes);
        bytes[12..16].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    fn sum(bytes: &[u8; SEGMENT_HEADER_BYTES]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c(&bytes[0..12]), &bytes[16..])
    }

    pub(crate) fn decode(bytes: &[u8; SEGMENT_HEADER_BYTES]) -> Result<Self, Fault> {
        let magic = |bytes: &[u8]| bytes.escape_ascii().to_string();
        require(0, "segment magic", magic(&SEGMENT_MAGIC), magic(&bytes[0..8]))?;
        require(8, "segment version", FORMAT_VERSION, u32_at(bytes, 8))?;
        require_sum(12, "segment header checksum", Self::sum(bytes), u32_at(bytes, 12))?;
        let journal = JournalId(bytes[16..32].try_into().expect("sixteen bytes"));
        let before = Tail::from_bytes(&bytes[32..72]).expect("forty bytes");
        Ok(Self { journal, before })
    }
}

/// The head of a batch, as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchHeader {
    pub(crate) body_bytes: usize,
    pub(crate) records: u32,
    pub(crate) body_sum: u32,
    pub(crate) epoch: Epoch,
    pub(crate) number: u64,
    /// Chain of all batches before this one.
    pub(crate) chain: Chain,
}

impl BatchHeader {
    /// Decodes the header that stands at `position`.
    pub(crate) fn decode(
        seed: Seed,
        position: u64,
        bytes: &[u8; BATCH_HEADER_BYTES],
    ) -> Result<Self, Fault> {
        let sum = crc32c::crc32c_append(seed.at(position), &bytes[..48]);
        require(
            0,
            "batch magic",
            BATCH_MAGIC.escape_ascii().to_string(),
            bytes[..4].escape_ascii().to_string(),
        )?;
        require_sum(48, "batch header checksum", sum, u32_at(bytes, 48))?;
        let body_bytes = usize::try_from(u32_at(bytes, 4)).expect("u32 fits usize");
        if body_bytes > BODY_BYTES_MAX {
            return Err(Fault {
                offset: 4,
                what: "batch body length",
                expected: format!("at most {BODY_BYTES_MAX}"),
                found: body_bytes.to_string(),
            });
        }
        Ok(Self {
            body_bytes,
            records: u32_at(bytes, 8),
            body_sum: u32_at(bytes, 12),
            epoch: Epoch(u64_at(bytes, 16)),
            number: u64_at(bytes, 24),
            chain: Chain(u128_at(bytes, 32)),
        })
    }

    /// Checks that this batch comes next after `tail`.
    pub(crate) fn follows(&self, tail: &Tail) -> Result<(), Fault> {
        require(24, "batch number", tail.batch + 1, self.number)?;
        require(32, "chain of earlier batches", tail.chain, self.chain)?;
        if self.epoch < tail.epoch {
            return Err(Fault {
                offset: 16,
                what: "batch epoch",
                expected: format!("at least {}", tail.epoch),
                found: self.epoch.to_string(),
            });
        }
        Ok(())
    }

    /// Checks the whole body against this header; `thorough` also checks each record by itself.
    pub(crate) fn check_body(
        &self,
        seed: Seed,
        position: u64,
        body: &[u8],
        thorough: bool,
    ) -> Result<(), Fault> {
        let sum = crc32c::crc32c_append(seed.at(position), body);
        require_sum(12, "batch body checksum", self.body_sum, sum)?;
        let (mut at, mut records) = (0, 0);
        while let Some(bytes) = record_bytes(body, at) {
            if thorough {
                check_record(seed, position + (BATCH_HEADER_BYTES + at) as u64, &body[at..])
                    .map_err(|fault| Fault {
                        offset: BATCH_HEADER_BYTES + at + fault.offset,
                        ..fault
                    })?;
            }
            at += bytes;
            records += 1;
        }
        require(BATCH_HEADER_BYTES + at, "end of records", body.len(), at)?;
        require(8, "record count", self.records, records)
    }
}

/// Bytes of the record, header included, that starts at `at`, if it lies inside `body`.
pub(crate) fn record_bytes(body: &[u8], at: usize) -> Option<usize> {
    let header = body.get(at..at + RECORD_HEADER_BYTES)?;
    let bytes = RECORD_HEADER_BYTES + usize::try_from(u32_at(header, 0)).expect("u32 fits usize");
    (at + bytes <= body.len()).then_some(bytes)
}

/// Payload length that a record's header claims.
pub(crate) fn payload_bytes(header: &[u8; RECORD_HEADER_BYTES]) -> Result<usize, Fault> {
    let bytes = usize::try_from(u32_at(header, 0)).expect("u32 fits usize");
    if bytes > limits::RECORD_BYTES_MAX {
        return Err(Fault {
            offset: 0,
            what: "record length",
            expected: format!("at most {}", limits::RECORD_BYTES_MAX),
            found: bytes.to_string(),
        });
    }
    Ok(bytes)
}

/// Checks the record at the front of `bytes` and gives its payload.
pub(crate) fn check_record(seed: Seed, position: u64, bytes: &[u8]) -> Result<&[u8], Fault> {
    let header = bytes[..RECORD_HEADER_BYTES].try_into().expect("eight bytes");
    let end = RECORD_HEADER_BYTES + payload_bytes(header)?;
    let Some(payload) = bytes.get(RECORD_HEADER_BYTES..end) else {
        return Err(Fault {
            offset: 0,
            what: "record length",
            expected: format!("at most {}", bytes.len() - RECORD_HEADER_BYTES),
            found: (end - RECORD_HEADER_BYTES).to_string(),
        });
    };
    require_sum(4, "record checksum", record_sum(seed, position, payload), u32_at(header, 4))?;
    Ok(payload)
}

fn record_sum(seed: Seed, position: u64, payload: &[u8]) -> u32 {
    let bytes = u32::try_from(payload.len()).expect("a record is shorter than 4 GiB");
    crc32c::crc32c_append(crc32c::crc32c_append(seed.at(position), &bytes.to_le_bytes()), payload)
}

/// Fills in the record header at the front of `record`, whose payload is written.
pub(crate) fn seal_record(seed: Seed, position: u64, record: &mut [u8]) {
    let (header, payload) = record.split_at_mut(RECORD_HEADER_BYTES);
    let bytes = u32::try_from(payload.len()).expect("a record is shorter than 4 GiB");
    header[..4].copy_from_slice(&bytes.to_le_bytes());
    header[4..].copy_from_slice(&record_sum(seed, position, payload).to_le_bytes());
}

/// Fills in the batch header at the front of `batch`, whose body is written, and gives the tail
/// behind it. The batch will stand at `position`.
pub(crate) fn seal_batch(
    seed: Seed,
    position: u64,
    before: &Tail,
    epoch: Epoch,
    records: u32,
    batch: &mut [u8],
) -> Tail {
    let (header, body) = batch.split_at_mut(BATCH_HEADER_BYTES);
    let body_bytes = u32::try_from(body.len()).expect("a batch is shorter than 4 GiB");
    let number = before.batch + 1;
    let start = seed.at(position);
    header[0..4].copy_from_slice(&BATCH_MAGIC);
    header[4..8].copy_from_slice(&body_bytes.to_le_bytes());
    header[8..12].copy_from_slice(&records.to_le_bytes());
    header[12..16].copy_from_slice(&crc32c::crc32c_append(start, body).to_le_bytes());
    header[16..24].copy_from_slice(&epoch.0.to_le_bytes());
    header[24..32].copy_from_slice(&number.to_le_bytes());
    header[32..48].copy_from_slice(&before.chain.0.to_le_bytes());
    let sum = crc32c::crc32c_append(start, &header[..48]);
    header[48..52].copy_from_slice(&sum.to_le_bytes());
    Tail {
        position: Position(position + batch.len() as u64),
        batch: number,
        epoch,
        chain: chain(batch),
    }
}

/// The chain behind a batch: its header carries the chain before it, so hashing the batch's own
/// bytes hashes the whole log.
pub(crate) fn chain(batch: &[u8]) -> Chain {
    Chain(twox_hash::XxHash3_128::oneshot(batch))
}

/// CRC-32C (Castagnoli), bits reversed. Source: RFC 3720, section 12.1.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// The flipped bit of `bytes` that turns the checksum `found` into `expected`, if one does; counted from the
/// lowest of the first byte.
///
/// A checksum is linear: a flip changes it by a pattern that depends only on how many bits follow.
/// So walking one pattern backwards from the last bit meets every possible single flip.
pub(crate) fn one_flip(expected: u32, found: u32, bytes: usize) -> Option<usize> {
    let difference = expected ^ found;
    // The last bit that the checksum takes in is the highest of the last byte.
    let mut pattern = POLYNOMIAL;
    for bit in (0..bytes * 8).rev() {
        if pattern == difference {
            return Some(bit);
        }
        pattern = if pattern & 1 == 1 { (pattern >> 1) ^ POLYNOMIAL } else { pattern >> 1 };
    }
    None
}

/// Whether other last `bytes` turn the checksum `found` into `expected`. Any four do; of three, two and one
/// a chance checksum is explained once in 2^8, 2^16 and 2^24.
///
/// The patterns of the last bits, walked back by as many, are single bits: the lowest ones.
pub(crate) fn last_bytes_explain(expected: u32, found: u32, bytes: usize) -> bool {
    if bytes >= 4 {
        return true;
    }
    let mut difference = expected ^ found;
    for _ in 0..bytes * 8 {
        let taken = difference >> 31;
        difference = ((difference ^ (taken * POLYNOMIAL)) << 1) | taken;
    }
    difference >> (bytes * 8) == 0
}

/// [`last_bytes_explain`] for a body under an intact header.
pub(crate) fn last_bytes_explain_body(
    seed: Seed,
    position: u64,
    header: &BatchHeader,
    body: &[u8],
    bytes: usize,
) -> bool {
    let found = crc32c::crc32c_append(seed.at(position), body);
    last_bytes_explain(header.body_sum, found, bytes)
}

/// [`last_bytes_explain`] for the record that `body` begins with, and that is all of it.
pub(crate) fn last_bytes_explain_record(
    seed: Seed,
    position: u64,
    body: &[u8],
    bytes: usize,
) -> bool {
    let found = record_sum(seed, position, &body[RECORD_HEADER_BYTES..]);
    last_bytes_explain(u32_at(body, 4), found, bytes)
}

/// [`one_flip`] of a body under an intact header.
pub(crate) fn one_flip_of_body(
    seed: Seed,
    position: u64,
    header: &BatchHeader,
    body: &[u8],
) -> Option<usize> {
    let found = crc32c::crc32c_append(seed.at(position), body);
    one_flip(header.body_sum, found, body.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_single_flip_explains_itself_and_two_flips_do_not() {
        let mut bytes = *b"nobody pays twice for one dinner";
        let expected = crc32c::crc32c(&bytes);
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(one_flip(expected, crc32c::crc32c(&bytes), bytes.len()), Some(bit));
            let other = (bit + 3) % (bytes.len() * 8);
            bytes[other / 8] ^= 1 << (other % 8);
            assert_eq!(one_flip(expected, crc32c::crc32c(&bytes), bytes.len()), None, "{bit}");
            bytes[other / 8] ^= 1 << (other % 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn lost_last_bytes_explain_themselves_and_other_damage_seldom() {
        let whole = *b"nobody pays twice for one dinner";
        let expected = crc32c::crc32c(&whole);
        for lost in 1..=4 {
            let mut bytes = whole;
            bytes[whole.len() - lost..].fill(0);
            assert!(last_bytes_explain(expected, crc32c::crc32c(&bytes), lost), "{lost}");
            if lost < 4 {
                assert!(!last_bytes_explain(expected, crc32c::crc32c(&bytes), lost - 1), "{lost}");
            }
        }
        let mut explained = [0; 4];
        for other in 0..=u16::MAX {
            let mut bytes = whole;
            bytes[0] ^= other.to_le_bytes()[0];
            bytes[9] ^= other.to_le_bytes()[1];
            for (lost, explained) in explained.iter_mut().enumerate() {
                let found = crc32c::crc32c(&bytes);
                *explained += u32::from(last_bytes_explain(expected, found, lost));
            }
        }
        // The one without damage, and of three bytes about one in 256.
        assert_eq!(explained[..3], [1, 1, 1]);
        assert!((128..512).contains(&explained[3]), "{explained:?}");
    }
}
