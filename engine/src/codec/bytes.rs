//! Primitives of every encoding: numbers, identities and texts as bytes.
//!
//! Numbers are LEB128 varints, seven bits a byte, low bits first; signed ones zigzag first. A
//! number has exactly one encoding: overlong varints are errors. Source: protocol buffers'
//! encoding guide, "Base 128 varints".

use uuid::Uuid;

use super::CodecError;
use crate::{
    domain::text::TextError,
    limits,
    money::{Amount, Currency},
};

/// Appends `value` as a varint.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Appends `value` as a zigzag varint: small either way of zero is short.
pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, (value << 1 ^ value >> 63).cast_unsigned());
}

/// Appends a count.
pub(crate) fn put_count(out: &mut Vec<u8>, count: usize) {
    put_varint(out, count as u64);
}

/// Appends an amount that is never negative.
///
/// # Panics
/// When it is negative: `decide` never lets that happen.
pub(crate) fn put_amount(out: &mut Vec<u8>, amount: Amount) {
    let minor = u64::try_from(amount.minor()).expect("M-1: amounts are not negative");
    put_varint(out, minor);
}

/// Appends an identity as its sixteen bytes.
pub(crate) fn put_id(out: &mut Vec<u8>, id: Uuid) {
    out.extend_from_slice(id.as_bytes());
}

/// Appends a text after its length.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_count(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// Appends a currency as its ISO 4217 number.
pub(crate) fn put_currency(out: &mut Vec<u8>, currency: Currency) {
    put_varint(out, u64::from(currency.numeric()));
}

/// Bytes that are still to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'a> {
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Says that nothing may follow.
    pub(crate) fn finish(self) -> Result<(), CodecError> {
        match self.rest.len() {
            0 => Ok(()),
            bytes => Err(CodecError::Trailing { bytes }),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], CodecError> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(CodecError::Truncated)?;
        self.rest = rest;
        Ok(array)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, CodecError> {
        let (byte, rest) = self.rest.split_first().ok_or(CodecError::Truncated)?;
        self.rest = rest;
        Ok(*byte)
    }

    pub(crate) fn fixed_u64(&mut self) -> Result<u64, CodecError> {
        self.array().map(|bytes| u64::from_le_bytes(*bytes))
    }

    pub(crate) fn fixed_i64(&mut self) -> Result<i64, CodecError> {
        self.array().map(|bytes| i64::from_le_bytes(*bytes))
    }

    pub(crate) fn id(&mut self) -> Result<Uuid, CodecError> {
        self.array().map(|bytes| Uuid::from_bytes(*bytes))
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, CodecError> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(u64::from(first));
        }
        let mut value = u64::from(first & 0x7f);
        for shift in (7..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            let placed = bits << shift;
            if placed >> shift != bits {
                return Err(CodecError::Overlong);
            }
            value |= placed;
            if byte < 0x80 {
                return if byte == 0 { Err(CodecError::Overlong) } else { Ok(value) };
            }
        }
        Err(CodecError::Overlong)
    }

    pub(crate) fn signed(&mut self) -> Result<i64, CodecError> {
        let folded = self.varint()?;
        Ok((folded >> 1).cast_signed() ^ -(folded & 1).cast_signed())
    }

    /// A varint that fits its type.
    pub(crate) fn narrow<T: TryFrom<u64>>(&mut self, what: &'static str) -> Result<T, CodecError> {
        T::try_from(self.varint()?).map_err(|_| CodecError::OutOfRange { what })
    }

    /// The count of things that take at least `bytes_min` bytes each, so that a hostile count
    /// cannot make us allocate more than a few times what was sent.
    pub(crate) fn count(&mut self, bytes_min: usize) -> Result<usize, CodecError> {
        let count: usize = self.narrow("count")?;
        match count.checked_mul(bytes_min) {
            Some(bytes) if bytes <= self.rest.len() => Ok(count),
            Some(_) | None => Err(CodecError::Truncated),
        }
    }

    /// An amount that one command may move.
    pub(crate) fn movable(&mut self) -> Result<Amount, CodecError> {
        let amount = self.amount()?;
        if amount.is_movable() {
            Ok(amount)
        } else {
            Err(CodecError::OutOfRange { what: "amount" })
        }
    }

    /// An amount that is not negative.
    pub(crate) fn amount(&mut self) -> Result<Amount, CodecError> {
        self.narrow("amount").map(Amount::from_minor)
    }

    /// A text of any length up to the largest, possibly empty.
    pub(crate) fn raw_text(&mut self) -> Result<&'a str, CodecError> {
        let length = self.count(1)?;
        if length > limits::TEXT_BYTES_MAX {
            return Err(TextError::TooLong { max: limits::TEXT_BYTES_MAX }.into());
        }
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        std::str::from_utf8(text).map_err(|_| CodecError::NotUtf8)
    }

    /// A text that may stand.
    pub(crate) fn text<T>(
        &mut self,
        new: impl FnOnce(&'a str) -> Result<T, TextError>,
    ) -> Result<T, CodecError> {
        Ok(new(self.raw_text()?)?)
    }

    pub(crate) fn currency(&mut self) -> Result<Currency, CodecError> {
        let number = self.narrow("currency")?;
        Currency::from_numeric(number).ok_or(CodecError::UnknownCurrency { number })
    }
}
