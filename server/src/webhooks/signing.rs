//! Standard Webhooks: how a message is signed, and how its receiver checks that it was.
//!
//! What is signed is `id.timestamp.body`, by HMAC-SHA256 under a secret that only the receiver and
//! this server know. While a secret is being replaced both sign, so that the receiver can change
//! over whenever it likes within the overlap.
//!
//! Source: <https://github.com/standard-webhooks/standard-webhooks/blob/b2fa7b8719fb75d326b591077f5d1b385cfcdfae/spec/standard-webhooks.md>

use std::fmt;

use base64::{
    Engine as _, alphabet,
    engine::{
        DecodePaddingMode,
        general_purpose::{GeneralPurpose, GeneralPurposeConfig},
    },
};
use fanju::time::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header that names the message: the same at every attempt.
pub const ID_HEADER: &str = "webhook-id";

/// The header with the attempt's time, in seconds since 1970-01-01 UTC.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";

/// The header with the signatures, separated by spaces.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// How far a message's time may lie from the receiver's, in seconds. Source: the reference
/// libraries of Standard Webhooks.
pub const TOLERANCE_S: i64 = 300;

/// Random bytes of a new secret, and the bounds of one that is parsed. Source: the specification,
/// "between 24 bytes (192 bits) and 64 bytes (512 bits)".
pub(super) const SECRET_BYTES: usize = 32;
const SECRET_BYTES_MIN: usize = 24;
const SECRET_BYTES_MAX: usize = 64;

const SECRET_PREFIX: &str = "whsec_";
const VERSION_PREFIX: &str = "v1,";

/// Secrets are typed by people, who lose the padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What signs: random bytes that one receiver and this server share.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

/// Why text is not a [`Secret`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SecretError {
    /// Not base64 behind the optional prefix.
    #[error("secret is not base64")]
    NotBase64,
    /// Too few bytes to be safe, or too many.
    #[error("secret must have {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes, not {found}")]
    Length {
        /// How many it has.
        found: usize,
    },
}

impl Secret {
    /// A new secret, from the system's entropy.
    #[must_use]
    pub fn generate() -> Self {
        Self(rand::random::<[u8; SECRET_BYTES]>().to_vec())
    }

    /// The secret that `text` spells, with or without `whsec_`.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix(SECRET_PREFIX).unwrap_or(text);
        let bytes = BASE64.decode(encoded).map_err(|_| SecretError::NotBase64)?;
        Self::from_bytes(bytes)
    }

    /// The secret of these bytes.
    pub(super) fn from_bytes(bytes: Vec<u8>) -> Result<Self, SecretError> {
        match bytes.len() {
            SECRET_BYTES_MIN..=SECRET_BYTES_MAX => Ok(Self(bytes)),
            found => Err(SecretError::Length { found }),
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The secret as its receiver keeps it.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{SECRET_PREFIX}{}", BASE64.encode(&self.0))
    }

    /// The signature of the message `id` with `body`, sent at `timestamp_s`.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        let code = self.code(id, &timestamp_s.to_string(), body).finalize();
        format!("{VERSION_PREFIX}{}", BASE64.encode(code.into_bytes()))
    }

    fn code(&self, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut code =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            code.update(part);
        }
        code
    }
}

/// Never shows the bytes: debug output ends in logs.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The value of [`SIGNATURE_HEADER`]: one signature of each of `secrets`.
pub(super) fn signatures<'a>(
    secrets: impl IntoIterator<Item = &'a Secret>,
    id: &str,
    timestamp_s: i64,
    body: &[u8],
) -> String {
    let each = secrets.into_iter().map(|secret| secret.sign(id, timestamp_s, body));
    each.collect::<Vec<_>>().join(" ")
}

/// The three headers of a message, as they came.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    /// [`ID_HEADER`].
    pub id: Option<&'a str>,
    /// [`TIMESTAMP_HEADER`].
    pub timestamp: Option<&'a str>,
    /// [`SIGNATURE_HEADER`].
    pub signature: Option<&'a str>,
}

/// Why a message is not to be believed, in the order in which it is checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum VerifyError {
    /// One of the three headers is missing.
    #[error("header `{0}` is missing")]
    MissingHeader(&'static str),
    /// The timestamp is not a number.
    #[error("timestamp is not a number of seconds")]
    InvalidTimestamp,
    /// The message may be one that somebody recorded and sends again.
    #[error("message is too old")]
    TooOld,
    /// The message comes from the future.
    #[error("message is too new")]
    TooNew,
    /// No signature is of this secret and this message.
    #[error("no signature matches")]
    NoMatch,
}

/// Checks that whoever knows `secret` sent `body` with `headers`, within [`TOLERANCE_S`] of `now`.
///
/// # Errors
/// [`VerifyError`].
pub fn verify(
    secret: &Secret,
    headers: Headers<'_>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), VerifyError> {
    let timestamp = headers.timestamp.ok_or(VerifyError::MissingHeader(TIMESTAMP_HEADER))?;
    let sent: i64 = timestamp.parse().map_err(|_| VerifyError::InvalidTimestamp)?;
    let age = now.0.div_euclid(1_000_000).saturating_sub(sent);
    if age >= TOLERANCE_S {
        return Err(VerifyError::TooOld);
    }
    if age < -TOLERANCE_S {
        return Err(VerifyError::TooNew);
    }
    verify_ignoring_time(secret, headers, body)
}

/// As [`verify`], whatever the time: for messages that were kept.
///
/// # Errors
/// [`VerifyError`].
pub fn verify_ignoring_time(
    secret: &Secret,
    headers: Headers<'_>,
    body: &[u8],
) -> Result<(), VerifyError> {
    let id = headers.id.ok_or(VerifyError::MissingHeader(ID_HEADER))?;
    let timestamp = headers.timestamp.ok_or(VerifyError::MissingHeader(TIMESTAMP_HEADER))?;
    let listed = headers.signature.ok_or(VerifyError::MissingHeader(SIGNATURE_HEADER))?;
    let code = secret.code(id, timestamp, body);
    // Each comparison takes the same time wherever the first difference lies.
    let matches = |candidate: Vec<u8>| code.clone().verify_slice(&candidate).is_ok();
    let candidates = listed.split(' ').filter_map(|one| one.strip_prefix(VERSION_PREFIX));
    let mut decoded = candidates.filter_map(|one| BASE64.decode(one).ok());
    if decoded.any(matches) { Ok(()) } else { Err(VerifyError::NoMatch) }
}

#[cfg(test)]
mod tests;
