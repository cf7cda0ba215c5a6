//! What an account remembers of its own requests, so that asking twice moves money once.

use serde::{Deserialize, Serialize};
use thin_vec::ThinVec;

use crate::{
    broken::{Bug, has},
    id::{Position, RequestId},
    limits,
};

/// How a remembered request ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The money moved.
    Done,
    /// The rail refused, and nothing moved.
    Refused,
}

/// One request, ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Remembered {
    /// Its id.
    pub request: RequestId,
    /// Digest of what it asked for.
    pub content: u64,
    /// The record that ended it.
    pub position: Position,
    /// How.
    pub ended: Ended,
}

/// What a fresh look at an old id finds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision<E> {
    /// Nobody asked this before: it would become this event.
    Fresh(E),
    /// The same was asked before, and this is how it ended.
    Repeated(Remembered),
}

/// The id was used before, for something else.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("request id was already used for something else")]
pub struct RequestReused;

/// The last [`limits::REQUESTS_REMEMBERED_MAX`] requests of one account, oldest first.
///
/// As large as what it holds: a wallet that was topped up once keeps one, and there are millions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Requests {
    recent: ThinVec<Remembered>,
}

impl Requests {
    /// The memory that a checkpoint has.
    #[must_use]
    pub fn restore(recent: Vec<Remembered>) -> Self {
        Self { recent: recent.into() }
    }

    /// Everything remembered, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Remembered> {
        self.recent.iter()
    }

    /// Looks `request` up.
    ///
    /// # Errors
    /// [`RequestReused`] when it is remembered with other content.
    pub fn find(
        &self,
        request: RequestId,
        content: u64,
    ) -> Result<Option<Remembered>, RequestReused> {
        if has(Bug::ForgetRequests) {
            return Ok(None);
        }
        match self.iter().find(|remembered| remembered.request == request) {
            Some(remembered) if remembered.content != content => Err(RequestReused),
            found => Ok(found.copied()),
        }
    }

    /// Folds the end of a request; the oldest is forgotten when there are too many.
    pub fn remember(&mut self, ended: Remembered) {
        let forgotten = usize::from(self.recent.len() >= limits::REQUESTS_REMEMBERED_MAX);
        let kept = self.recent.iter().skip(forgotten).copied();
        let mut recent = ThinVec::with_capacity(kept.len().saturating_add(1));
        recent.extend(kept.chain([ended]));
        self.recent = recent;
    }
}
