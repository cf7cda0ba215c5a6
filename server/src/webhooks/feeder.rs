//! The feeder: follows every merchant that has webhooks, and puts what happens into the outbox.
//!
//! One thread with a small runtime of its own: a *roster* that starts and ends followers, one
//! *follower* per merchant that listens to its topic from its cursor on, and one *scribe* that
//! writes what all of them hear, many events to one sync. A follower that has lost its place (it
//! was too slow, or the engine was) asks the outbox for its cursor and begins there again: what
//! comes twice is passed over by the outbox (H-1).

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use fanju::{
    DurableEvent, Engine, Error, FeedError, FeedEvent,
    id::{MerchantId, Position, Topic},
};
use parking_lot::Mutex;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{
    Shared, WebhookError,
    limits::{LOOK_AGAIN, NEWS_MAX, PAUSE_FIRST, PAUSE_MAX, TAKE_MAX},
    outbox::News,
};
use crate::cloud_event;

/// What the scribe hears.
enum Item {
    /// Something happened.
    News(News),
    /// Somebody waits until everything before this is written.
    Written(oneshot::Sender<()>),
}

/// Why a follower stopped listening.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error(transparent)]
    Engine(#[from] Error),
    #[error(transparent)]
    Feed(#[from] FeedError),
    #[error(transparent)]
    Outbox(#[from] WebhookError),
    #[error("feeder is stopping")]
    Stopping,
}

/// Followers at work.
type Followers = Arc<Mutex<BTreeMap<MerchantId, JoinHandle<()>>>>;

/// Runs the feeder on this thread until `stop` says so. Nothing is half written then: tasks end
/// where they wait.
pub(super) fn run(
    shared: &Arc<Shared>,
    engine: Engine,
    epoch: String,
    mut stop: watch::Receiver<bool>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "webhooks hear nothing: no runtime");
            return;
        }
    };
    runtime.block_on(async {
        let (news, items) = mpsc::channel(NEWS_MAX);
        let followers = Followers::default();
        let ear = Ear { shared: Arc::clone(shared), engine, epoch: epoch.into(), news };
        tokio::spawn(write_down(Arc::clone(shared), items, Arc::clone(&followers)));
        tokio::spawn(keep_roster(ear, followers));
        // A sender that is gone stops as well.
        drop(stop.wait_for(|stopping| *stopping).await);
    });
}

/// Starts a follower for everybody who is wanted and has none, and ends the others.
async fn keep_roster(ear: Ear, followers: Followers) {
    loop {
        match ear.shared.outbox.followed() {
            Ok(wanted) => {
                let mut followers = followers.lock();
                followers.retain(|merchant, follower| {
                    let stays = wanted.contains(merchant) && !follower.is_finished();
                    if !stays {
                        follower.abort();
                    }
                    stays
                });
                for merchant in wanted {
                    let start = || tokio::spawn(ear.clone().follow(merchant));
                    followers.entry(merchant).or_insert_with(start);
                }
            }
            Err(error) => tracing::error!(%error, "webhooks cannot tell whom to follow"),
        }
        // Looks again without being told, too: a follower that panicked comes back.
        drop(timeout(LOOK_AGAIN, ear.shared.roster_changed.notified()).await);
    }
}

/// The scribe: writes down what followers hear, and wakes the delivery threads.
async fn write_down(shared: Arc<Shared>, mut items: mpsc::Receiver<Item>, followers: Followers) {
    let (mut batch, mut news, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
    while items.recv_many(&mut batch, TAKE_MAX).await > 0 {
        for item in batch.drain(..) {
            match item {
                Item::News(one) => news.push(one),
                Item::Written(tell) => waiting.push(tell),
            }
        }
        let mut pause = PAUSE_FIRST;
        let taken = loop {
            match shared.outbox.take(&news, shared.clock.now()) {
                Ok(taken) => break taken,
                Err(error) => tracing::error!(%error, "webhooks cannot take events, trying again"),
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        };
        for merchant in taken.broken {
            // H-1: the engine's feeds have no gaps, so this is a bug; nothing is lost by it.
            tracing::error!(%merchant, "webhooks missed an event, following again");
            if let Some(follower) = followers.lock().remove(&merchant) {
                follower.abort();
            }
            shared.roster_changed.notify_one();
        }
        for endpoint in taken.disabled {
            tracing::warn!(?endpoint, "webhook is too far behind and was disabled");
            shared.desk.remove(endpoint);
            shared.roster_changed.notify_one();
        }
        shared.desk.due(taken.due);
        news.clear();
        for tell in waiting.drain(..) {
            if tell.send(()).is_err() {
                tracing::trace!("a follower left before its events were written");
            }
        }
    }
}

/// What a follower needs.
#[derive(Clone)]
struct Ear {
    shared: Arc<Shared>,
    engine: Engine,
    epoch: Arc<str>,
    news: mpsc::Sender<Item>,
}

impl Ear {
    /// Follows a merchant until the engine closes.
    async fn follow(self, merchant: MerchantId) {
        let mut pause = PAUSE_FIRST;
        loop {
            match self.listen(merchant, &mut pause).await {
                Err(Lost::Stopping | Lost::Engine(Error::Closing)) => return,
                Err(Lost::Feed(FeedError::Lagged)) => {
                    tracing::debug!(%merchant, "webhooks lag, following again");
                    continue;
                }
                Err(error) => {
                    tracing::warn!(%merchant, %error, "webhooks follow again in a while");
                }
                Ok(()) => {}
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Passes on what happens, from the cursor on, as long as the feed lasts.
    async fn listen(&self, merchant: MerchantId, pause: &mut Duration) -> Result<(), Lost> {
        // What is still on its way to the outbox would be heard twice.
        self.written().await?;
        let topic = Topic::Merchant(merchant);
        let cursor = self.shared.outbox.cursor(merchant)?;
        let mut feed = match self.engine.subscribe(topic, cursor).await {
            Ok(feed) => feed,
            Err(Error::GapTooLong) => {
                let cursor = cursor.unwrap_or(Position::NONE);
                self.catch_up(merchant, cursor, fanju::limits::PAGE_ROWS_MAX).await?;
                *pause = PAUSE_FIRST;
                return Ok(());
            }
            Err(Error::UnknownPosition) => {
                // The journal is not the one that the cursor is of: an older copy, most likely.
                // What lies between cannot be told.
                let position = self.engine.merchant(merchant).await?.position;
                tracing::error!(%merchant, ?cursor, %position, "webhooks lost their place in the \
                    journal and go on from its end: events may be missing");
                self.shared.outbox.begin_at(merchant, position)?;
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        if cursor.is_none() {
            self.shared.outbox.begin_at(merchant, feed.position())?;
        }
        *pause = PAUSE_FIRST;
        loop {
            match feed.next().await? {
                FeedEvent::Durable(event) => self.pass_on(merchant, &event).await?,
                FeedEvent::Progress(_) => {}
            }
        }
    }

    /// Passes on everything between `cursor` and the present, for gaps that no subscription
    /// fills. History is told newest first, so this first finds where its pages begin, then reads
    /// them again from the oldest on: memory holds one page, whatever was missed.
    async fn catch_up(
        &self,
        merchant: MerchantId,
        cursor: Position,
        rows: usize,
    ) -> Result<(), Lost> {
        let topic = Topic::Merchant(merchant);
        let (mut heads, mut from) = (Vec::new(), None);
        loop {
            let page = self.engine.statement(topic, from, rows).await?;
            let Some(newest) = page.events.first() else { break };
            heads.push(newest.position());
            from = page.next.filter(|next| *next > cursor);
            if from.is_none() {
                break;
            }
        }
        tracing::info!(%merchant, pages = heads.len(), "webhooks catch up with the journal");
        while let Some(head) = heads.pop() {
            let page = self.engine.statement(topic, Some(head), rows).await?;
            for event in page.events.iter().rev().filter(|event| event.position() > cursor) {
                self.pass_on(merchant, event).await?;
            }
        }
        Ok(())
    }

    async fn pass_on(&self, merchant: MerchantId, event: &DurableEvent) -> Result<(), Lost> {
        let position = event.position();
        let news = News {
            merchant,
            position,
            prev: event.prev(),
            kind: cloud_event::kind(event.event()),
            body: cloud_event::render(&self.epoch, position, event.at(), event.event()),
        };
        self.news.send(Item::News(news)).await.map_err(|_| Lost::Stopping)
    }

    /// Waits until everything that was passed on is in the outbox.
    async fn written(&self) -> Result<(), Lost> {
        let (tell, written) = oneshot::channel();
        self.news.send(Item::Written(tell)).await.map_err(|_| Lost::Stopping)?;
        written.await.map_err(|_| Lost::Stopping)
    }
}

#[cfg(test)]
mod tests;
