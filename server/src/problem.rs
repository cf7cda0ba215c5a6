//! Problems: every refusal and failure, in the words of RFC 9457, with a code that stays.
//!
//! The same object goes over HTTP (`application/problem+json`) and over the live channel (`data` of
//! a JSON-RPC error). `code` is for programs; `detail` is for people and may change.

mod kind;
pub(crate) mod misfit;

use std::borrow::Cow;

use fanju::{Error, ErrorCode, domain::reason::Reason};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

pub use kind::Kind;

/// Why something was not done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(into = "Body")]
pub struct Problem {
    kind: Kind,
    reason: Option<Reason>,
    detail: String,
    retry_after_ms: Option<u64>,
    step_up_above_minor: Option<i64>,
}

/// A problem as it is sent.
///
/// Source: RFC 9457, section 3.1; `code` and what follows it are extension members.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
struct Body {
    /// Where this kind of problem is explained: `/problems/` and the code.
    #[serde(rename = "type")]
    about: String,
    /// The kind of problem in a few words.
    title: String,
    /// The HTTP status, also where there is no HTTP.
    status: u16,
    /// What went wrong this time.
    detail: String,
    /// A stable word for programs.
    #[schemars(with = "Kind")]
    code: &'static str,
    /// Which of the engine's rules refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    /// When to try again, in milliseconds from now.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    /// What an amount has to exceed to take a fresh look, in minor units of its own currency; pieces
    /// count together for a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    step_up_above_minor: Option<i64>,
}

impl From<Problem> for Body {
    fn from(problem: Problem) -> Self {
        let title = problem.title();
        let Problem { kind, reason, detail, retry_after_ms, step_up_above_minor } = problem;
        let (status, code) = (kind.status(), kind.code());
        let about = format!("/problems/{code}");
        Self { about, title, status, detail, code, reason, retry_after_ms, step_up_above_minor }
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
    /// A problem of this `kind`.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            reason: None,
            detail: detail.into(),
            retry_after_ms: None,
            step_up_above_minor: None,
        }
    }

    /// What kind it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The request is not what the operation takes.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(Kind::BadRequest, detail)
    }

    /// Nobody is signed in.
    #[must_use]
    pub fn not_signed_in() -> Self {
        Self::new(Kind::NotSignedIn, "sign in first, or send a token that is still good")
    }

    /// Whoever is signed in may not do this. Whether the thing exists is not told.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::new(Kind::Forbidden, "this is not yours, or not within your rights")
    }

    /// It is more than `most` minor units, alone or with what was spent before.
    #[must_use]
    pub fn stakes_too_high(most: i64) -> Self {
        let detail = format!(
            "more than {most} minor units, at once or in pieces, take a fresh look at finger or face: \
             `step_up.begin`"
        );
        let problem = Self::new(Kind::StepUpRequired, detail);
        Self { step_up_above_minor: Some(most), ..problem }
    }

    /// The server failed; the log knows more.
    #[must_use]
    pub fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "request failed");
        Self::new(Kind::Internal, "the server failed; nothing more is told")
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
        self.kind.code()
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.kind.status()
    }

    /// Whether this is certain to have changed nothing: a failure's outcome is not known.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.status() < 500
    }

    /// Milliseconds after which to try again.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        self.retry_after_ms
    }

    /// The kind in a few words.
    #[must_use]
    pub fn title(&self) -> String {
        self.code().replace('_', " ")
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
        write!(f, "{}: {}", self.code(), self.detail)
    }
}

/// Whether the request alone is wrong, whatever the state: an amount out of its bounds, which the
/// descriptions tell.
fn is_never_right(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::AmountOutOfRange
            | Reason::TotalOutOfRange
            | Reason::LineOutOfRange
            | Reason::CapOutOfRange
            | Reason::CashStepOutOfRange
            | Reason::PartOutOfRange
    )
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let reason = error.reason();
        let kind = match reason {
            Some(reason) if is_never_right(reason) => Kind::BadRequest,
            Some(_) | None => Kind::from(ErrorCode::from(&error)),
        };
        if kind.status() >= 500 {
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
        let mut problem = Self::new(kind, detail);
        problem.reason = reason;
        if matches!(error, Error::Busy) {
            problem.retry_after_ms = Some(1_000);
        }
        problem
    }
}
