//! Subscriptions: the gap first, then everything as it happens.

use std::collections::VecDeque;

use super::Engine;
use crate::{
    actors::{
        error::Error,
        feed::{DurableEvent, FeedError, FeedEvent, Listener, Snapshot, Subscribe},
        group::GroupView,
        merchant::MerchantView,
        wallet::WalletView,
    },
    id::{Position, Topic},
};

/// A topic's state at the moment when its subscription began.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum TopicState {
    /// A wallet.
    Wallet(WalletView),
    /// A merchant.
    Merchant(MerchantView),
    /// A group.
    Group(GroupView),
}

/// One subscriber's feed of one topic.
///
/// - L-1: durable events come in the order of the topic's chain, without gap or duplicate.
#[derive(Debug)]
pub struct Subscription {
    state: TopicState,
    position: Position,
    gap: VecDeque<DurableEvent>,
    listener: Listener,
}

impl Subscription {
    /// The topic's state when the subscription began.
    #[must_use]
    pub fn state(&self) -> &TopicState {
        &self.state
    }

    /// The topic's newest record when the subscription began: live events follow it.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// What was missed and [`Subscription::next`] has not told yet, oldest first.
    pub fn missed(&self) -> impl Iterator<Item = &DurableEvent> {
        self.gap.iter()
    }

    /// The next event: first what was missed, then what happens.
    ///
    /// # Errors
    /// [`FeedError`] once the feed is over.
    pub async fn next(&mut self) -> Result<FeedEvent, FeedError> {
        match self.gap.pop_front() {
            Some(missed) => Ok(FeedEvent::Durable(missed)),
            None => self.listener.next().await,
        }
    }

    /// The next event if one is there already.
    ///
    /// # Errors
    /// [`FeedError`] once the feed is over.
    pub fn try_next(&mut self) -> Result<Option<FeedEvent>, FeedError> {
        match self.gap.pop_front() {
            Some(missed) => Ok(Some(FeedEvent::Durable(missed))),
            None => self.listener.try_next(),
        }
    }
}

pub(super) async fn subscribe(
    engine: &Engine,
    topic: Topic,
    after: Option<Position>,
) -> Result<Subscription, Error> {
    let core = &engine.0.core;
    let (state, position, listener) = match topic {
        Topic::Wallet(id) => {
            let Snapshot { state, position, listener } =
                engine.command(|core| core.wallet(id), Subscribe).await?;
            (TopicState::Wallet(state), position, listener)
        }
        Topic::Merchant(id) => {
            let Snapshot { state, position, listener } =
                engine.command(|core| core.merchant(id), Subscribe).await?;
            (TopicState::Merchant(state), position, listener)
        }
        Topic::Group(id) => {
            let Snapshot { state, position, listener } =
                engine.command(|core| core.group(id), Subscribe).await?;
            (TopicState::Group(state), position, listener)
        }
    };
    let gap = match after {
        None => VecDeque::new(),
        Some(after) if after == position => VecDeque::new(),
        Some(after) => {
            let admitted = engine.0.reads.admit()?;
            let gap = core.queries.read(move |shelves| {
                let _admitted = admitted;
                shelves.gap(topic, position, after)
            });
            gap.await?
        }
    };
    Ok(Subscription { state, position, gap, listener })
}
