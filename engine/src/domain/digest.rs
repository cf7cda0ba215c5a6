//! A stable 64-bit digest: the same on every machine and in every version.
//!
//! It tells "same content" from "other content" under one number, and rotates ties between diners.
//! It guards nothing against an adversary. Source: FNV-1a, 64 bits,
//! draft-eastlake-fnv, offset basis and prime.

/// A digest under construction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    /// The digest with `bytes` added, closed off so that neighbouring fields never run together.
    #[must_use]
    pub fn bytes(self, bytes: &[u8]) -> Self {
        let absorb = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        let hash = bytes.iter().fold(self.0, absorb);
        Self(absorb(hash, &0xff))
    }

    /// The digest with `number` added.
    #[must_use]
    pub fn number(self, number: i64) -> Self {
        self.bytes(&number.to_le_bytes())
    }

    /// The value.
    #[must_use]
    pub fn finish(self) -> u64 {
        self.0
    }
}

/// A digest in text: sixteen hexadecimal digits, because a JSON number holds 53 bits in most hands.
pub(super) mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(in crate::domain) fn serialize<S: Serializer>(
        digest: &u64,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{digest:016x}"))
    }

    pub(in crate::domain) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<u64, D::Error> {
        let digits = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        u64::from_str_radix(&digits, 16).map_err(D::Error::custom)
    }
}
