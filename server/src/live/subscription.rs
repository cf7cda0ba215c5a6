//! Subscriptions: how one session begins to hear a topic, and what it hears then.

use actix::SpawnHandle;
use bytestring::ByteString;
use fanju::{
    Error, Subscription,
    id::{Position, Topic},
};
use futures_util::stream::{self, Stream};
use tokio::sync::broadcast::error::RecvError;

use super::{
    methods::Subscribed,
    topics::{self, Listener, Push},
};
use crate::{
    app::App,
    auth::{
        caller::Caller,
        rights::{self, Right},
    },
    limits,
    problem::Problem,
};

/// What a topic's ring said.
pub(super) struct Heard {
    pub(super) topic: Topic,
    pub(super) push: Result<Push, Gone>,
}

/// Why a topic is heard no more.
pub(super) enum Gone {
    /// The session was too slow.
    Lagged,
    /// The feed is over.
    Ended,
}

/// One topic that a session listens to.
pub(super) struct Listening {
    pub(super) pushes: SpawnHandle,
    /// The newest position that the client was told of; what is not behind it is dropped.
    pub(super) told: Position,
}

/// A subscription that is about to begin.
pub(super) struct Begun {
    pub(super) answer: Subscribed,
    pub(super) listener: Listener,
    pub(super) gap: Vec<ByteString>,
    pub(super) told: Position,
}

/// Begins to hear `topic`: the ring first, then the state or the gap, so that nothing is missed in
/// between; what both have is dropped by its position.
pub(super) async fn begin(
    app: &App,
    caller: &Caller,
    topic: Topic,
    after: Option<Position>,
) -> Result<Begun, Problem> {
    rights::check(app, caller, &Right::to_hear(topic)).await?;
    let listener = app.topics().listen(topic).await?;
    let (feed, recovered) = match app.engine().subscribe(topic, after).await {
        Ok(feed) => (feed, after.is_some()),
        // Honest: what cannot be told without a gap is not called recovered.
        Err(Error::UnknownPosition | Error::GapTooLong) => {
            (app.engine().subscribe(topic, None).await?, false)
        }
        Err(error) => return Err(error.into()),
    };
    // Whoever left the group meanwhile hears neither its state nor what comes.
    rights::check(app, caller, &Right::to_hear(topic)).await?;
    let told = feed.position();
    let gap = worded(app, topic, &feed);
    let recovered = recovered && gap.is_some();
    let state = (!recovered).then(|| feed.state().clone());
    let answer = Subscribed { topic: topic.to_string(), recovered, position: told, state };
    Ok(Begun { answer, listener, gap: gap.unwrap_or_default(), told })
}

/// What was missed, as long as it may be.
fn worded(app: &App, topic: Topic, feed: &Subscription) -> Option<Vec<ByteString>> {
    let mut left = limits::RESUME_BYTES_MAX;
    let word = |event| {
        let text = topics::push(app.epoch(), topic, event).text;
        left = left.checked_sub(text.len())?;
        Some(text)
    };
    feed.missed().map(word).collect()
}

/// What `listener` hears of `topic`, until that is over.
pub(super) fn heard(topic: Topic, listener: Listener) -> impl Stream<Item = Heard> {
    stream::unfold(Some(listener), move |listener| async move {
        let mut listener = listener?;
        match listener.pushes.recv().await {
            Ok(push) => Some((Heard { topic, push: Ok(push) }, Some(listener))),
            Err(RecvError::Lagged(_)) => Some((Heard { topic, push: Err(Gone::Lagged) }, None)),
            Err(RecvError::Closed) => Some((Heard { topic, push: Err(Gone::Ended) }, None)),
        }
    })
}
