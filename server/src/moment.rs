//! Moments for people and for other programs: RFC 3339, in UTC.

use fanju::time::Timestamp;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// `at` as RFC 3339, in UTC; the beginning of time for what no calendar holds.
#[must_use]
pub(crate) fn rfc3339(at: Timestamp) -> String {
    let nanos = i128::from(at.0).saturating_mul(1_000);
    let moment =
        OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.format(&Rfc3339).unwrap_or_else(|_| "1970-01-01T00:00:00Z".to_owned())
}
