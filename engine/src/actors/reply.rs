//! Reply: where an answer goes, and the permit that its asker holds until then.

use tokio::sync::oneshot;

use super::{
    admission::{Permit, Refusal},
    error::Error,
};

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Closing => Self::Closing,
            Refusal::Busy => Self::Busy,
        }
    }
}

/// Where an answer goes; whoever drops it unanswered says "outcome unknown".
#[derive(Debug)]
pub(crate) struct Reply<T> {
    sender: oneshot::Sender<Result<T, Error>>,
    _permit: Permit,
}

impl<T> Reply<T> {
    pub(crate) fn new(permit: Permit) -> (Self, oneshot::Receiver<Result<T, Error>>) {
        let (sender, receiver) = oneshot::channel();
        (Self { sender, _permit: permit }, receiver)
    }

    /// Whether nobody waits for the answer any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.sender.is_closed()
    }

    /// Answers. A caller who no longer listens is no concern of ours: what happened, happened.
    ///
    /// The permit goes first: who has his answer may ask again at once.
    pub(crate) fn send(self, answer: Result<T, Error>) {
        let Self { sender, _permit: permit } = self;
        drop(permit);
        drop(sender.send(answer));
    }
}
