//! Topics: what happens to one wallet, group or merchant, worded once for all who listen.
//!
//! The first listener of a topic starts a task that hears the engine's feed, turns each event into
//! the text of a push, and gives that text to everybody. The last one who leaves ends it.
//!
//! [`Topics::begin`] is how one listener begins: with what it missed, or with the topic as it stands.
//!
//! - L-1: a listener who is too far behind is told so and must resume; nothing is skipped silently.
//!   Progress is not kept: what changes faster than [`limits::PROGRESS_EVERY`] is told as it stands
//!   then, and not at all once a durable event has overtaken it, or a state that knows one.

use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
};

use bytestring::ByteString;
use dashmap::DashMap;
use fanju::{
    DurableEvent, Engine, Error, FeedEvent, ProgressEvent, Subscription,
    broken::{self, Bug},
    domain::event::Event,
    id::{Position, Topic, WalletId},
};
use tokio::{
    sync::{
        OnceCell,
        broadcast::{self, error::RecvError},
    },
    task::{AbortHandle, yield_now},
    time::{Instant, sleep_until},
};

use super::{frames, methods::Subscribed};
use crate::{cloud_event, limits};

/// One push, ready to be sent.
#[derive(Clone, Debug)]
pub struct Push {
    /// Where it stands on the topic's chain.
    pub place: Place,
    /// Who left the group with this event, and may have no right to hear it any more.
    pub left: Option<WalletId>,
    /// The frame.
    pub text: ByteString,
}

/// Where a push stands on its topic's chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// It is the record at this position.
    At(Position),
    /// It is progress, from when the record at this position was the newest.
    After(Position),
}

/// Every topic that anybody listens to.
pub struct Topics {
    engine: Engine,
    epoch: Arc<str>,
    open: Arc<DashMap<Topic, Weak<Channel>>>,
}

/// One topic's task, and those who hear it.
struct Channel {
    topic: Topic,
    open: Arc<DashMap<Topic, Weak<Channel>>>,
    started: OnceCell<(broadcast::WeakSender<Push>, AbortHandle)>,
}

/// What one listener hears of a topic from the moment when it came; keeps the topic's task alive.
pub struct Pushes {
    ring: broadcast::Receiver<Push>,
    _channel: Arc<Channel>,
    /// The newest position that the listener knows.
    known: Position,
}

/// Why a topic is heard no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gone {
    /// The listener was too slow.
    Lagged,
    /// The feed is over.
    Ended,
}

/// A subscription that is about to begin: answered, then what was missed, then pushes.
pub struct Begun {
    /// What the listener is answered.
    pub answer: Subscribed,
    /// What it missed, ready to be sent; empty where the answer has the state instead.
    pub missed: Vec<ByteString>,
    /// What happens from then on.
    pub pushes: Pushes,
}

impl Pushes {
    /// The next push of which the state or the gap knew nothing. Dropped while it waits, it loses none.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn next(&mut self) -> Result<Push, Gone> {
        loop {
            let push = match self.ring.recv().await {
                Ok(push) => push,
                Err(RecvError::Lagged(_)) if broken::has(Bug::ForgiveSlowness) => continue,
                Err(RecvError::Lagged(_)) => return Err(Gone::Lagged),
                Err(RecvError::Closed) => return Err(Gone::Ended),
            };
            match push.place {
                Place::At(position) if position <= self.known && !broken::has(Bug::TellTwice) => {}
                Place::At(position) => {
                    self.known = position;
                    return Ok(push);
                }
                // The bill may have ended since, and the listener knows.
                Place::After(position) if position < self.known => {}
                Place::After(_) => return Ok(push),
            }
        }
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        if let Some((_, task)) = self.started.get() {
            task.abort();
        }
        // A successor may sit there already.
        self.open.remove_if(&self.topic, |_, channel| channel.strong_count() == 0);
    }
}

impl Topics {
    /// Topics of `engine`, whose journal is `epoch`.
    #[must_use]
    pub fn new(engine: Engine, epoch: String) -> Self {
        Self { engine, epoch: epoch.into(), open: Arc::default() }
    }

    /// How many topics are listened to.
    #[must_use]
    pub fn count(&self) -> usize {
        self.open.len()
    }

    /// Begins to hear `topic`, after a position that was told before or else with its state: the ring
    /// first, then the gap or the state, so that nothing is missed in between; what both have is
    /// dropped by its position.
    ///
    /// # Errors
    /// The engine's, when the topic is unknown or cannot be heard.
    pub async fn begin(&self, topic: Topic, after: Option<Position>) -> Result<Begun, Error> {
        let (mut ring, channel) = self.listen(topic).await?;
        let (feed, recovered) = match self.engine.subscribe(topic, after).await {
            Ok(feed) => (feed, after.is_some()),
            // Honest: what cannot be told without a gap is not called recovered.
            Err(Error::UnknownPosition | Error::GapTooLong) => {
                (self.engine.subscribe(topic, None).await?, false)
            }
            Err(error) => return Err(error),
        };
        if broken::has(Bug::ListenLate) {
            yield_now().await;
            ring = ring.resubscribe();
        }
        let position = feed.position();
        let missed = self.worded(topic, &feed);
        let recovered = recovered && missed.is_some();
        let state = (!recovered).then(|| feed.state().clone());
        let answer = Subscribed { topic: topic.to_string(), recovered, position, state };
        let pushes = Pushes { ring, _channel: channel, known: position };
        Ok(Begun { answer, missed: missed.unwrap_or_default(), pushes })
    }

    /// What was missed, as long as it may be.
    fn worded(&self, topic: Topic, feed: &Subscription) -> Option<Vec<ByteString>> {
        let mut left = limits::RESUME_BYTES_MAX;
        let word = |event| {
            let text = push(&self.epoch, topic, event).text;
            left = left.checked_sub(text.len())?;
            Some(text)
        };
        feed.missed().map(word).collect()
    }

    /// Everything that happens from now on. What happened before is the engine's to tell.
    async fn listen(
        &self,
        topic: Topic,
    ) -> Result<(broadcast::Receiver<Push>, Arc<Channel>), Error> {
        loop {
            let channel = self.channel(topic);
            let started = channel.started.get_or_try_init(|| self.start(topic)).await?;
            if let Some(sender) = started.0.upgrade() {
                return Ok((sender.subscribe(), channel));
            }
            // Its feed is over: the engine closes, or the task itself was too slow.
            self.open.remove_if(&topic, |_, open| Weak::ptr_eq(open, &Arc::downgrade(&channel)));
        }
    }

    fn channel(&self, topic: Topic) -> Arc<Channel> {
        let mut slot = self.open.entry(topic).or_default();
        if let Some(channel) = slot.upgrade() {
            return channel;
        }
        let (open, started) = (Arc::clone(&self.open), OnceCell::new());
        let channel = Arc::new(Channel { topic, open, started });
        *slot = Arc::downgrade(&channel);
        channel
    }

    async fn start(
        &self,
        topic: Topic,
    ) -> Result<(broadcast::WeakSender<Push>, AbortHandle), Error> {
        let feed = self.engine.subscribe(topic, None).await?;
        let kept = match topic {
            Topic::Wallet(_) => limits::WALLET_PUSHES_KEPT,
            Topic::Group(_) => limits::GROUP_PUSHES_KEPT,
            Topic::Merchant(_) => limits::MERCHANT_PUSHES_KEPT,
        };
        let (sender, _) = broadcast::channel(kept);
        let weak = sender.downgrade();
        let told = tell(topic, Arc::clone(&self.epoch), feed, sender);
        let task = tokio::task::spawn_local(told).abort_handle();
        Ok((weak, task))
    }
}

/// Words what the feed says until it is over.
async fn tell(
    topic: Topic,
    epoch: Arc<str>,
    mut feed: Subscription,
    listeners: broadcast::Sender<Push>,
) {
    let mut progress: Option<Arc<ProgressEvent>> = None;
    let mut progress_at = Instant::now();
    let mut told = 0_usize;
    let mut unheard = Unheard::default();
    loop {
        let heard = tokio::select! {
            biased;
            heard = feed.next() => heard,
            () = sleep_until(progress_at), if progress.is_some() => {
                if let Some(progress) = progress.take() {
                    let place = Place::After(progress.position);
                    let text = frames::progress(topic, &progress);
                    // Nobody listening is no failure: they come and go.
                    drop(listeners.send(Push { place, left: None, text }));
                }
                continue;
            }
        };
        match heard {
            Ok(FeedEvent::Durable(event)) => {
                progress = None;
                let push = push(&epoch, topic, &event);
                let bytes = push.text.len();
                drop(listeners.send(push));
                if unheard.is_too_much(bytes, || listeners.len()) {
                    // The ring ends with its sender, and whoever hears it is told to resume.
                    tracing::debug!(%topic, "a listener is too far behind");
                    return;
                }
                told += 1;
                if told.is_multiple_of(limits::PUSHES_AT_ONCE) {
                    // Who can keep up gets a turn before the ring comes round.
                    yield_now().await;
                }
            }
            Ok(FeedEvent::Progress(news)) => {
                if progress.is_none() {
                    progress_at = Instant::now() + limits::PROGRESS_EVERY;
                }
                progress = Some(news);
            }
            Err(ended) => {
                tracing::debug!(%topic, %ended, "topic is heard no more");
                return;
            }
        }
    }
}

/// What a topic's slowest listener leaves in its ring, in whole pieces of
/// [`limits::PUSHES_PIECE_BYTES`]: long pushes are as many as short ones, and a thousand times as long.
#[derive(Default)]
struct Unheard {
    told: usize,
    /// Of the piece that is not whole yet.
    bytes: usize,
    /// After how many pushes each piece was whole, as far as not everybody has heard that one.
    pieces: VecDeque<usize>,
}

impl Unheard {
    /// Whether that is too much, with one push more of so many `bytes`, where so many `wait`.
    fn is_too_much(&mut self, bytes: usize, wait: impl FnOnce() -> usize) -> bool {
        self.told = self.told.wrapping_add(1);
        self.bytes += bytes;
        if self.bytes < limits::PUSHES_PIECE_BYTES {
            return false;
        }
        self.bytes = 0;
        self.pieces.push_back(self.told);
        let (told, wait) = (self.told, wait());
        self.pieces.retain(|piece| told.wrapping_sub(*piece) < wait);
        self.pieces.len() >= limits::PUSHES_PIECES_MAX
    }
}

/// `event` as the listeners of `topic` hear it.
fn push(epoch: &str, topic: Topic, event: &DurableEvent) -> Push {
    let body = cloud_event::shared(epoch, event);
    let text = frames::event(topic, event, &body);
    let left = if let (Topic::Group(_), Event::MemberLeft { wallet, .. }) = (topic, event.event()) {
        Some(*wallet)
    } else {
        None
    };
    Push { place: Place::At(event.position()), left, text }
}

#[cfg(test)]
mod tests {
    use fanju::id::GroupId;
    use uuid::Uuid;

    use super::*;

    /// What a listener who knows the record at `known` hears of `said`.
    async fn heard(known: u64, said: &[Place]) -> Vec<Place> {
        let (sender, ring) = broadcast::channel(said.len());
        let topic = Topic::Group(GroupId(Uuid::nil()));
        let (open, started) = (Arc::default(), OnceCell::new());
        let channel = Arc::new(Channel { topic, open, started });
        let mut pushes = Pushes { ring, _channel: channel, known: Position(known) };
        for place in said {
            let push = Push { place: *place, left: None, text: ByteString::new() };
            sender.send(push).expect("somebody listens");
        }
        drop(sender);
        let mut heard = Vec::new();
        while let Ok(push) = pushes.next().await {
            heard.push(push.place);
        }
        heard
    }

    #[tokio::test]
    async fn all_who_listen_are_given_one_text() {
        let (sender, one) = broadcast::channel(1);
        let two = sender.subscribe();
        let (place, text) = (Place::At(Position(1)), ByteString::from("worded".to_owned()));
        sender.send(Push { place, left: None, text }).expect("somebody listens");
        let [one, two] = [one, two].map(|mut ring| ring.try_recv().expect("is told").text);
        assert_eq!((one.as_ptr(), &one), (two.as_ptr(), &two), "there is a copy");
    }

    /// How many pushes of so many bytes are told to a listener who hears each `heard`-th time, up to `max`.
    fn told(bytes: usize, heard: Option<usize>, max: usize) -> usize {
        let (sender, mut ring) = broadcast::channel(limits::MERCHANT_PUSHES_KEPT);
        let mut unheard = Unheard::default();
        for told in 0..max {
            sender.send(()).expect("somebody listens");
            if unheard.is_too_much(bytes, || sender.len()) {
                return told + 1;
            }
            if heard.is_some_and(|every| told % every == 0) {
                while ring.try_recv().is_ok() {}
            }
        }
        max
    }

    #[test]
    fn a_ring_that_nobody_empties_ends_by_its_bytes_and_one_that_is_heard_never() {
        let (most, long) = (limits::PUSHES_PIECE_BYTES * limits::PUSHES_PIECES_MAX, 190_000);
        let ended = told(long, None, 8_192);
        assert!(ended * long <= most + limits::PUSHES_PIECES_MAX * long, "{ended}");
        assert_eq!(told(long, Some(50), 8_192), 8_192);
        // Short ones go by their number: the slow are cut, and nobody else.
        assert_eq!(told(2_000, None, 8_192), 8_192);
    }

    #[tokio::test]
    async fn progress_that_a_record_has_overtaken_is_not_told() {
        let [at_5, at_9] = [5, 9].map(|position| Place::At(Position(position)));
        let [after_3, after_5, after_9] =
            [3, 5, 9].map(|position| Place::After(Position(position)));
        let said = [after_3, at_5, after_3, after_5, at_9, after_5, after_9];
        assert_eq!(heard(3, &said).await, [after_3, at_5, after_5, at_9, after_9]);
        // Whose state has the record at 5, with which a bill ended.
        assert_eq!(heard(5, &said).await, [after_5, at_9, after_9]);
        assert_eq!(heard(9, &said).await, [after_9]);
    }
}
