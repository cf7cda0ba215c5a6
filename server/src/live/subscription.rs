//! Subscriptions: how one session begins to hear a topic, and what it hears then.

use actix::SpawnHandle;
use bytestring::ByteString;
use fanju::id::{Position, Topic};
use futures_util::stream::{self, Stream};

use super::topics::{Begun, Gone, Push, Pushes};
use crate::{
    app::App,
    auth::{
        caller::Ask,
        rights::{self, Right},
    },
    problem::Problem,
};

/// What a topic said, or why it says no more.
pub(super) struct Heard {
    pub(super) topic: Topic,
    /// Which of the session's subscriptions heard it.
    pub(super) number: u64,
    pub(super) push: Result<Push, Gone>,
}

/// One topic that a session listens to.
pub(super) struct Listening {
    /// The subscription that speaks. One that it replaced may have its turn once more before it is gone.
    pub(super) number: u64,
    pub(super) pushes: SpawnHandle,
}

/// A subscription whose beginning is counted, and ready to be sent: the answer, and what was missed.
pub(super) struct Beginning {
    pub(super) answer: String,
    pub(super) missed: Vec<ByteString>,
    pub(super) pushes: Pushes,
}

/// Begins to hear `topic`, for whoever has the right to. What was missed is counted like an answer.
pub(super) async fn begin(
    app: &App,
    ask: &Ask,
    topic: Topic,
    after: Option<Position>,
) -> Result<Beginning, Problem> {
    rights::check(app, &ask.caller, &Right::to_hear(topic)).await?;
    let Begun { answer, missed, pushes } = app.topics().begin(topic, after).await?;
    // Whoever left the group meanwhile hears neither its state nor what comes.
    rights::check(app, &ask.caller, &Right::to_hear(topic)).await?;
    let answer = serde_json::to_string(&answer).map_err(|error| Problem::internal(&error))?;
    let bytes = missed.iter().map(|text| text.len()).sum::<usize>();
    app.rates().charge(ask.payer(), bytes.saturating_add(answer.len()));
    Ok(Beginning { answer, missed, pushes })
}

/// What `pushes` of `topic` say to the subscription of that number, until that is over.
pub(super) fn heard(topic: Topic, number: u64, pushes: Pushes) -> impl Stream<Item = Heard> {
    stream::unfold(Some(pushes), move |pushes| async move {
        let mut pushes = pushes?;
        let push = pushes.next().await;
        let goes_on = push.is_ok().then_some(pushes);
        Some((Heard { topic, number, push }, goes_on))
    })
}
