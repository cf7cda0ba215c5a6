//! The feed: what one topic's subscribers hear, in the order of its chain.
//!
//! - L-1: durable events come in order, without gap or duplicate; a subscriber who is too slow is
//!   told [`Lagged`](FeedError::Lagged) and cut, never skipped past an event.
//!
//! Progress is ephemeral: it is dropped first when a subscriber is slow, and never replayed.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{
    error::Error,
    reply::Reply,
    transaction::{Committed, Fact},
};
use crate::{
    broken::{Bug, has},
    codec::Record,
    domain::{
        event::Event,
        payment::{Progress, Question},
        text::OrderNo,
    },
    id::{MerchantId, Position, WalletId},
    limits,
    money::Amount,
    sync::{AtomicBool, Ordering},
    time::Timestamp,
};

/// One thing that a subscriber hears.
#[derive(Clone, Debug)]
pub enum FeedEvent {
    /// Something happened, and is on disk.
    Durable(DurableEvent),
    /// Something is under way; it may come to nothing. Behind a pointer: most of what a queue has room
    /// for is durable, and smaller.
    Progress(Arc<ProgressEvent>),
}

/// A durable event as one topic sees it.
#[derive(Clone)]
pub struct DurableEvent {
    fact: Arc<Fact>,
    link: usize,
}

impl DurableEvent {
    /// The record's position: where to resume from.
    #[must_use]
    pub fn position(&self) -> Position {
        self.fact.record.position
    }

    /// The topic's record before this one; [`Position::NONE`] for its first.
    #[must_use]
    pub fn prev(&self) -> Position {
        self.fact.record.prevs[self.link]
    }

    /// When it was decided.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.fact.record.at
    }

    /// What happened.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.fact.record.event
    }

    /// What the topic's balance grew by; zero for a group.
    #[must_use]
    pub fn delta(&self) -> Amount {
        self.fact.deltas[self.link]
    }

    /// The event as text: as `render` makes it the first time that anybody asks, for any topic. The
    /// engine does not look at it; it is there so that a server words an event once, however many
    /// topics and subscribers hear it. Everybody in a process must render alike.
    pub fn rendered(&self, render: impl FnOnce() -> Arc<str>) -> Arc<str> {
        Arc::clone(self.fact.rendering.get_or_init(render))
    }

    pub(crate) fn of_record(record: Record, link: usize) -> Self {
        Self { fact: Fact::of_record(record), link }
    }
}

impl std::fmt::Debug for DurableEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DurableEvent")
            .field("position", &self.position())
            .field("prev", &self.prev())
            .field("event", self.event())
            .finish()
    }
}

/// How far a bill has come.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "BillProgress"))]
pub struct ProgressEvent {
    /// The group's newest record when it was so: who knows a newer one knows better.
    pub position: Position,
    /// Who wants to be paid.
    pub merchant: MerchantId,
    /// Under which number.
    pub order_no: OrderNo,
    /// How much in all.
    pub total: Amount,
    /// Sources that have set their part aside.
    pub reserved: usize,
    /// Sources asked.
    pub of: usize,
    /// Payers whose part is not set aside yet.
    pub reserving: Vec<WalletId>,
    /// Questions that are not answered yet.
    pub waiting_for: Vec<Question>,
}

impl ProgressEvent {
    pub(crate) fn new(
        position: Position,
        bill: &crate::domain::bill::Bill,
        progress: Progress,
    ) -> Self {
        let Progress { reserved, of, reserving, waiting_for } = progress;
        let (merchant, order_no, total) = (bill.merchant, bill.order_no.clone(), bill.total);
        Self { position, merchant, order_no, total, reserved, of, reserving, waiting_for }
    }
}

/// Why a feed ended.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FeedError {
    /// The subscriber was too slow and was cut: subscribe again from the last position seen.
    #[error("subscriber lags more than {} events behind", limits::SUBSCRIPTION_EVENTS_MAX)]
    Lagged,
    /// The engine has closed, its journal is poisoned, or the topic's actor died of a bug. Of these an open
    /// engine outlives the last: subscribe again from the last position seen, and it says which it was.
    #[error("feed has ended")]
    Ended,
}

/// The receiving end of one live feed.
#[derive(Debug)]
pub(crate) struct Listener {
    events: mpsc::Receiver<FeedEvent>,
    lagged: Arc<AtomicBool>,
}

impl Listener {
    /// The next event; what was queued before a cut still comes.
    ///
    /// # Errors
    /// [`FeedError`] once the feed is over.
    pub(crate) async fn next(&mut self) -> Result<FeedEvent, FeedError> {
        self.events.recv().await.ok_or_else(|| self.ending())
    }

    /// The next event if one is there already.
    ///
    /// # Errors
    /// [`FeedError`] once the feed is over.
    pub(crate) fn try_next(&mut self) -> Result<Option<FeedEvent>, FeedError> {
        match self.events.try_recv() {
            Ok(event) => Ok(Some(event)),
            Err(mpsc::error::TryRecvError::Empty) => Ok(None),
            Err(mpsc::error::TryRecvError::Disconnected) => Err(self.ending()),
        }
    }

    fn ending(&self) -> FeedError {
        if self.lagged.load(Ordering::Acquire) { FeedError::Lagged } else { FeedError::Ended }
    }
}

struct Subscriber {
    events: mpsc::Sender<FeedEvent>,
    lagged: Arc<AtomicBool>,
}

/// Everybody who listens to one topic.
#[derive(Default)]
pub(crate) struct Feed {
    #[expect(clippy::box_collection, reason = "a pointer, not three words, in a million actors")]
    subscribers: Option<Box<Vec<Subscriber>>>,
}

impl Feed {
    /// Whether anybody listens still.
    pub(crate) fn is_heard(&self) -> bool {
        let listens = |subscriber: &Subscriber| !subscriber.events.is_closed();
        self.subscribers.iter().flat_map(|subscribers| subscribers.iter()).any(listens)
    }

    /// Adds a subscriber.
    ///
    /// # Errors
    /// [`Error::TooManySubscribers`].
    pub(crate) fn subscribe(&mut self) -> Result<Listener, Error> {
        let subscribers = self.subscribers.get_or_insert_default();
        subscribers.retain(|subscriber| !subscriber.events.is_closed());
        if subscribers.len() >= limits::SUBSCRIBERS_MAX {
            return Err(Error::TooManySubscribers);
        }
        let (sender, events) = mpsc::channel(limits::SUBSCRIPTION_EVENTS_MAX);
        let lagged = Arc::new(AtomicBool::new(false));
        subscribers.push(Subscriber { events: sender, lagged: Arc::clone(&lagged) });
        Ok(Listener { events, lagged })
    }

    /// Tells everybody what is durable; cuts who cannot keep up.
    pub(crate) fn tell(&mut self, news: &Committed) {
        let Some(subscribers) = &mut self.subscribers else { return };
        if has(Bug::SkipEvents) && news.position().0.is_multiple_of(16) {
            return;
        }
        subscribers.retain(|subscriber| {
            let Committed { fact, link } = news.clone();
            let event = FeedEvent::Durable(DurableEvent { fact, link });
            match subscriber.events.try_send(event) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    subscriber.lagged.store(true, Ordering::Release);
                    false
                }
                Err(mpsc::error::TrySendError::Closed(_)) => false,
            }
        });
        if subscribers.is_empty() {
            self.subscribers = None;
        }
    }

    /// Tells everybody who keeps up how far a bill has come, if it is on its way.
    pub(crate) fn progress(&self, progress: impl FnOnce() -> Option<ProgressEvent>) {
        let Some(subscribers) = &self.subscribers else { return };
        // Half of the queue is for durable events alone.
        let keeps_up = |subscriber: &&Subscriber| {
            subscriber.events.capacity() > limits::SUBSCRIPTION_EVENTS_MAX / 2
        };
        let mut told = subscribers.iter().filter(keeps_up).peekable();
        if told.peek().is_none() {
            return;
        }
        let Some(news) = progress().map(Arc::new) else { return };
        for subscriber in told {
            drop(subscriber.events.try_send(FeedEvent::Progress(Arc::clone(&news))));
        }
    }

    /// Forgets who has gone away.
    pub(crate) fn forget_gone(&mut self) {
        let Some(subscribers) = &mut self.subscribers else { return };
        subscribers.retain(|subscriber| !subscriber.events.is_closed());
        if subscribers.is_empty() {
            self.subscribers = None;
        }
    }

    /// Ends the feed for everybody.
    pub(crate) fn end(&mut self) {
        self.subscribers = None;
    }
}

/// A topic's state, and a listener who hears everything after it: both of one turn.
pub(crate) struct Snapshot<S> {
    pub(crate) state: S,
    pub(crate) position: Position,
    pub(crate) listener: Listener,
}

/// Listen to this topic from now on. Answered at once with the state as of the feed's beginning.
pub(crate) struct Subscribe<S>(pub(crate) Reply<Snapshot<S>>);

#[cfg(test)]
mod tests {
    use super::Feed;

    #[test]
    fn who_has_gone_is_forgotten_without_news() {
        let mut feed = Feed::default();
        let (gone, listens) = (feed.subscribe().expect("room"), feed.subscribe().expect("room"));
        drop(gone);
        feed.forget_gone();
        assert_eq!(feed.subscribers.as_ref().map(|subscribers| subscribers.len()), Some(1));
        drop(listens);
        feed.forget_gone();
        assert!(feed.subscribers.is_none());
    }
}
