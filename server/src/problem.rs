//! Problems: every refusal and failure, in the words of RFC 9457, with a code that stays.
//!
//! The same object goes over HTTP (`application/problem+json`) and over the live channel (`data` of
//! a JSON-RPC error). `code` is for programs; `detail` is for people and may change.

use std::borrow::Cow;

use fanju::Error;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

/// Why something was not done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(into = "Body")]
pub struct Problem {
    status: u16,
    code: &'static str,
    reason: Option<&'static str>,
    detail: String,
    retry_after_ms: Option<u64>,
}

/// A problem as it is sent.
///
/// Source: RFC 9457, section 3.1; `code`, `reason` and `retry_after_ms` are extension members.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
struct Body {
    /// A reference to this kind of problem: `/problems/` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem in a few words.
    title: String,
    /// The HTTP status, also where there is no HTTP.
    status: u16,
    /// What went wrong this time.
    detail: String,
    /// A stable word for programs.
    code: &'static str,
    /// Which of the engine's rules refused, as a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// When to try again, in milliseconds from now.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

impl From<Problem> for Body {
    fn from(problem: Problem) -> Self {
        let title = problem.title();
        let Problem { status, code, reason, detail, retry_after_ms } = problem;
        let kind = format!("/problems/{code}");
        Self { kind, title, status, detail, code, reason, retry_after_ms }
    }
}

impl JsonSchema for Problem {
    fn schema_name() -> Cow<'static, str> {
        Body::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Body::json_schema(generator)
    }
}

impl Problem {
    /// A problem of the kind `code`, which HTTP calls `status`.
    #[must_use]
    pub fn new(status: u16, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, reason: None, detail: detail.into(), retry_after_ms: None }
    }

    /// The request is not what the operation takes.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(400, "bad_request", detail)
    }

    /// Nobody is signed in.
    #[must_use]
    pub fn not_signed_in() -> Self {
        Self::new(401, "not_signed_in", "sign in first, or send a token that is still good")
    }

    /// Whoever is signed in may not do this. Whether the thing exists is not told.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::new(403, "forbidden", "this is not yours, or not within your rights")
    }

    /// The server failed; the log knows more.
    #[must_use]
    pub fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "request failed");
        Self::new(500, "internal", "the server failed; nothing more is told")
    }

    /// The same problem, with the time after which to try again.
    #[must_use]
    pub fn retry_after_ms(mut self, millis: u64) -> Self {
        self.retry_after_ms = Some(millis);
        self
    }

    /// The stable word.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether this is certain to have changed nothing: a failure's outcome is not known.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.status < 500
    }

    /// Milliseconds after which to try again.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        self.retry_after_ms
    }

    /// The kind in a few words.
    #[must_use]
    pub fn title(&self) -> String {
        self.code.replace('_', " ")
    }

    /// The object in JSON.
    ///
    /// # Panics
    /// Never: problems serialise.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("problems have string keys")
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = status(&error);
        if status >= 500 {
            tracing::warn!(%error, "engine did not do it");
        }
        // What the disk said is for the log, not for strangers.
        let detail = if matches!(error, Error::Poisoned(_)) {
            "the journal has failed; the outcome is unknown".to_owned()
        } else if matches!(error, Error::Unreadable(_)) {
            "the server cannot read its data".to_owned()
        } else {
            error.to_string()
        };
        let mut problem = Self::new(status, error.code(), detail);
        problem.reason = error.reason();
        if matches!(error, Error::Busy) {
            problem.retry_after_ms = Some(1_000);
        }
        problem
    }
}

fn status(error: &Error) -> u16 {
    match error {
        Error::UnknownWallet(_)
        | Error::UnknownMerchant(_)
        | Error::UnknownGroup(_)
        | Error::UnknownOrder
        | Error::UnknownCode => 404,
        Error::AlreadyOpen
        | Error::Wallet(_)
        | Error::Merchant(_)
        | Error::Group(_)
        | Error::Payment(_)
        | Error::Answer(_)
        | Error::Refund(_)
        | Error::OrderNoReused
        | Error::OrderNotPaid
        | Error::RailRefused => 409,
        Error::ExpiredCode | Error::SpentCode | Error::GapTooLong => 410,
        Error::UnknownPosition => 400,
        Error::TooManySubscribers => 429,
        Error::Unreadable(_) => 500,
        Error::Busy | Error::Closing | Error::Poisoned(_) => 503,
        Error::Unanswered => 504,
    }
}
