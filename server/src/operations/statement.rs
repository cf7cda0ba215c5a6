//! What happened to a topic, page by page.

use fanju::{
    DurableEvent,
    id::{Position, Topic},
    money::Amount,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{app::App, cloud_event::CloudEvent, problem::Problem};

/// Events of one page, unless the caller says otherwise.
const PAGE: usize = 50;

/// One durable event as one topic sees it.
#[derive(Serialize, JsonSchema)]
pub struct EventItem {
    /// The record's position: where to go on from.
    position: Position,
    /// The topic's event before this one; 0 for its first.
    prev: Position,
    /// What the topic's balance grew by; absent for groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<Amount>,
    /// The event.
    #[schemars(with = "CloudEvent<'static>")]
    event: Box<RawValue>,
}

impl EventItem {
    /// `event` as the subscribers and readers of `topic` see it.
    ///
    /// # Panics
    /// Never: what was rendered is JSON.
    #[must_use]
    pub fn of(app: &App, topic: Topic, event: &DurableEvent) -> Self {
        let rendered = app.rendered(event).to_string();
        let delta = match topic {
            Topic::Group(_) => None,
            Topic::Wallet(_) | Topic::Merchant(_) => Some(event.delta()),
        };
        let (position, prev) = (event.position(), event.prev());
        let event = RawValue::from_string(rendered).expect("rendered events are JSON");
        Self { position, prev, delta, event }
    }
}

/// A page of events, newest first.
#[derive(Serialize, JsonSchema)]
pub(super) struct Page {
    /// The events.
    events: Vec<EventItem>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Position>,
}

/// The page of `topic` that begins at `from`, or at its newest event.
///
/// # Errors
/// The engine's.
pub(super) async fn page(
    app: &App,
    topic: Topic,
    from: Option<Position>,
    limit: Option<usize>,
) -> Result<Page, Problem> {
    let statement = app.engine().statement(topic, from, limit.unwrap_or(PAGE)).await?;
    let events = statement.events.iter().map(|event| EventItem::of(app, topic, event)).collect();
    Ok(Page { events, next: statement.next })
}
