//! Waiting: who is told how one thing ends that was begun once, and asked for again meanwhile.

use std::sync::Arc;

use super::{error::Error, receipt::Receipt, reply::Reply, transaction::Committed};
use crate::limits;

/// Who began it, and who joined: to these it is a repetition.
#[derive(Default)]
pub(crate) struct Waiting {
    /// Nobody, where it was begun before this opening.
    began: Option<Reply<Receipt>>,
    joined: Vec<Reply<Receipt>>,
}

impl Waiting {
    /// It begins, for whoever hears `reply`.
    pub(crate) fn begun(reply: Reply<Receipt>) -> Self {
        Self { began: Some(reply), joined: Vec::new() }
    }

    /// Somebody asks for the same. Those who have gone away give their places up; too many who stay
    /// are told to come back.
    pub(crate) fn join(&mut self, reply: Reply<Receipt>) {
        drop(self.began.take_if(|reply| reply.is_abandoned()));
        self.joined.retain(|reply| !reply.is_abandoned());
        if self.joined.len() + usize::from(self.began.is_some()) < limits::WAITERS_MAX {
            self.joined.push(reply);
        } else {
            reply.send(Err(Error::Busy));
        }
    }

    /// It has ended with this record.
    pub(crate) fn tell(self, news: &Committed) {
        let receipt = Receipt::of(Arc::clone(&news.fact));
        for reply in self.joined {
            reply.send(Ok(receipt.clone().repeated()));
        }
        if let Some(reply) = self.began {
            reply.send(Ok(receipt));
        }
    }

    /// It came to nothing.
    pub(crate) fn refuse(self, error: &Error) {
        for reply in self.began.into_iter().chain(self.joined) {
            reply.send(Err(error.clone()));
        }
    }
}
