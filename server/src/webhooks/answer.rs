//! What the API answers about webhooks.

use std::fmt;

use fanju::{
    id::{MerchantId, Position},
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A place that a merchant's events are sent to.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct WebhookId(pub Uuid);

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A webhook as its merchant sees it; its secret is shown once, when it is made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Webhook {
    /// Which.
    pub id: WebhookId,
    /// Whose.
    pub merchant: MerchantId,
    /// Where events go.
    pub url: String,
    /// Which events; all of the merchant's without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when the secret before this one signs too, if it was replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_secret_until: Option<Timestamp>,
    /// How many attempts in a row have failed.
    pub failures: u32,
    /// Why nothing is sent any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<Disabled>,
}

/// That a webhook was disabled. It stays so: whoever wants events again makes a new one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Disabled {
    /// Why.
    pub reason: DisabledReason,
    /// When.
    pub at: Timestamp,
}

/// Why a webhook was disabled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// It answered 410: it wants nothing any more.
    Gone,
    /// More messages waited for it than are kept.
    Backlog,
}

/// How a message stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// It will be sent, or sent again.
    Waiting,
    /// It has arrived.
    Delivered,
    /// Every attempt failed; it can be replayed.
    Failed,
}

/// One attempt to deliver one message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Delivery {
    /// The row of the log: what a next page begins before.
    pub row: i64,
    /// The message, as its receiver knows it (`webhook-id`).
    pub message: String,
    /// What the message tells, as in the `type` of its body.
    pub event: String,
    /// Where in the journal it happened.
    pub position: Position,
    /// Which attempt at this message it was, counted from one.
    pub attempt: u32,
    /// When.
    pub at: Timestamp,
    /// The HTTP status of the answer, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// How the message stands now.
    pub state: MessageState,
    /// When the message is tried next, if it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
}

/// A page of a webhook's delivery log, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Deliveries {
    /// The attempts.
    pub deliveries: Vec<Delivery>,
    /// What to ask the next page with, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
}
