//! Waiting: who is told how one thing ends that was begun once, and asked for again meanwhile.

use std::sync::Arc;

use super::{error::Error, receipt::Receipt, reply::Reply, transaction::Committed};
use crate::{
    domain::event::{DeclineReason, Event},
    limits,
};

/// Who began it, who joined, and who wants it to end.
#[derive(Default)]
pub(crate) struct Waiting {
    /// Nobody, where it was begun before this opening.
    began: Option<Reply<Receipt>>,
    joined: Vec<Reply<Receipt>>,
    /// Apart from those who joined: however many wait for a bill, it can be taken back.
    enders: Vec<Reply<Receipt>>,
}

impl Waiting {
    /// It begins, for whoever hears `reply`.
    pub(crate) fn begun(reply: Reply<Receipt>) -> Self {
        Self { began: Some(reply), ..Self::default() }
    }

    /// Somebody asks for the same.
    pub(crate) fn join(&mut self, reply: Reply<Receipt>) {
        drop(self.began.take_if(|reply| reply.is_abandoned()));
        let places = limits::WAITERS_MAX - usize::from(self.began.is_some());
        seat(&mut self.joined, places, reply);
    }

    /// Somebody wants it to end, and waits how it does. Says whether there was a place.
    pub(crate) fn await_end(&mut self, reply: Reply<Receipt>) -> bool {
        seat(&mut self.enders, limits::WAITERS_MAX, reply)
    }

    /// It has ended with this record. It is news to who began it, and to the first who ended it, if that
    /// is why it has; to all others it is a repetition.
    pub(crate) fn tell(self, news: &Committed) {
        let receipt = Receipt::of(Arc::clone(&news.fact));
        let was_taken_back = matches!(news.event(), Event::Declined(decline)
            if decline.reason == DeclineReason::Cancelled);
        let mut enders = self.enders.into_iter().peekable();
        if let Some(ender) = enders.next_if(|_| was_taken_back) {
            ender.send(Ok(receipt.clone()));
        }
        for reply in enders.chain(self.joined) {
            reply.send(Ok(receipt.clone().repeated()));
        }
        if let Some(reply) = self.began {
            reply.send(Ok(receipt));
        }
    }

    /// It came to nothing.
    pub(crate) fn refuse(self, error: &Error) {
        for reply in self.began.into_iter().chain(self.joined).chain(self.enders) {
            reply.send(Err(error.clone()));
        }
    }
}

/// Gives `reply` one of so many `places`, or says that it is to come back. Those who have gone away give
/// theirs up.
fn seat(line: &mut Vec<Reply<Receipt>>, places: usize, reply: Reply<Receipt>) -> bool {
    line.retain(|reply| !reply.is_abandoned());
    if line.len() >= places {
        reply.send(Err(Error::Busy));
        return false;
    }
    line.push(reply);
    true
}
