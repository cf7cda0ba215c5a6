//! Waiting: who is told how one thing ends that was begun once, and asked for again meanwhile.

use std::sync::Arc;

use super::{error::Error, receipt::Receipt, reply::Reply, transaction::Committed};
use crate::limits;

/// Who began it, and who joined.
#[derive(Default)]
pub(crate) struct Waiting {
    /// Nobody, where it was begun before this opening.
    began: Option<Reply<Receipt>>,
    joined: Vec<Joined>,
}

/// Somebody who came later.
struct Joined {
    reply: Reply<Receipt>,
    /// Whether to this one it is a repetition; not to who ends it.
    repeats: bool,
}

impl Waiting {
    /// It begins, for whoever hears `reply`.
    pub(crate) fn begun(reply: Reply<Receipt>) -> Self {
        Self { began: Some(reply), joined: Vec::new() }
    }

    /// Somebody asks for the same.
    pub(crate) fn join(&mut self, reply: Reply<Receipt>) {
        self.admit(Joined { reply, repeats: true });
    }

    /// Somebody wants it to end, and waits how it does.
    pub(crate) fn await_end(&mut self, reply: Reply<Receipt>) {
        self.admit(Joined { reply, repeats: false });
    }

    /// Those who have gone away give their places up; too many who stay are told to come back.
    fn admit(&mut self, joined: Joined) {
        drop(self.began.take_if(|reply| reply.is_abandoned()));
        self.joined.retain(|joined| !joined.reply.is_abandoned());
        if self.joined.len() + usize::from(self.began.is_some()) < limits::WAITERS_MAX {
            self.joined.push(joined);
        } else {
            joined.reply.send(Err(Error::Busy));
        }
    }

    /// It has ended with this record.
    pub(crate) fn tell(self, news: &Committed) {
        let receipt = Receipt::of(Arc::clone(&news.fact));
        for Joined { reply, repeats } in self.joined {
            reply.send(Ok(if repeats { receipt.clone().repeated() } else { receipt.clone() }));
        }
        if let Some(reply) = self.began {
            reply.send(Ok(receipt));
        }
    }

    /// It came to nothing.
    pub(crate) fn refuse(self, error: &Error) {
        let joined = self.joined.into_iter().map(|joined| joined.reply);
        for reply in self.began.into_iter().chain(joined) {
            reply.send(Err(error.clone()));
        }
    }
}
