//! Replies: each request is answered once, and its span ends then.

use bytestring::ByteString;
use tracing::Span;

use super::{
    frames::{self, Id},
    methods::OWN,
};
use crate::{operations::Answer, telemetry};

/// Who waits for an answer: a request by its id, or nobody, for a notification has none.
pub(super) struct Reply {
    id: Option<Id>,
    span: Span,
}

impl Reply {
    /// To the request `id` for `method`.
    pub(super) fn to(id: Option<Id>, method: &str) -> Self {
        Self { id, span: telemetry::live(method, &OWN) }
    }

    /// The frame that answers; none to a notification.
    pub(super) fn word(&self, answered: Answer) -> Option<ByteString> {
        telemetry::ended(&self.span, &answered);
        match (&self.id, answered) {
            (Some(id), Ok(result)) => Some(frames::result(id, &result)),
            (Some(id), Err(problem)) => Some(frames::refusal(Some(id), &problem)),
            (None, Ok(_)) => None,
            (None, Err(problem)) => {
                tracing::debug!(%problem, "notification came to nothing");
                None
            }
        }
    }
}
