//! What an account remembers of its own requests, so that asking twice moves money once.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::{
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
/// Most wallets never make one: the memory then costs a pointer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[expect(clippy::box_collection, reason = "a pointer, not three words, in a million idle wallets")]
pub struct Requests {
    recent: Option<Box<VecDeque<Remembered>>>,
}

impl Requests {
    /// The memory that a checkpoint has.
    #[must_use]
    pub fn restore(recent: Vec<Remembered>) -> Self {
        Self { recent: (!recent.is_empty()).then(|| Box::new(recent.into())) }
    }

    /// Everything remembered, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Remembered> {
        self.recent.iter().flat_map(|recent| recent.iter())
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
        match self.iter().find(|remembered| remembered.request == request) {
            Some(remembered) if remembered.content != content => Err(RequestReused),
            found => Ok(found.copied()),
        }
    }

    /// Folds the end of a request; the oldest is forgotten when there are too many.
    pub fn remember(&mut self, ended: Remembered) {
        let recent = self.recent.get_or_insert_default();
        if recent.len() >= limits::REQUESTS_REMEMBERED_MAX {
            recent.pop_front();
        }
        recent.push_back(ended);
    }
}
