//! What a session takes beside the operations, and what it answers to `subscribe`.

use fanju::{
    TopicState,
    id::{Position, Topic},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::problem::Problem;

/// What those are called.
pub(super) const OWN: [&str; 4] = ["sign_in", "subscribe", "unsubscribe", "ping"];

/// Listens to a topic, from the last position seen or from its present state.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    /// The topic.
    pub(super) topic: TopicName,
    /// The last position seen; everything after it is sent if it can be.
    pub(super) after: Option<Position>,
    /// The epoch of `after`, as `hello` named it when that was seen. The state is given without it, and if
    /// it is not this server's: a position of another epoch means nothing here.
    pub(super) epoch: Option<String>,
}

/// Listens to a topic no more.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unsubscribe {
    /// The topic.
    pub(super) topic: TopicName,
}

/// Says who one is.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The bearer token of a session, a till or the operator.
    pub(super) token: String,
}

/// Takes the command's own name out of `params`: it is none of an operation's parameters.
///
/// # Errors
/// `bad_request`.
pub(super) fn idempotency_key(params: &mut Map<String, Value>) -> Result<Option<String>, Problem> {
    match params.remove("idempotency_key") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(key)) => Ok(Some(key)),
        Some(_) => Err(Problem::bad_request("`idempotency_key` is not a text")),
    }
}

/// `wallet:`, `merchant:` or `group:` and a UUID.
#[derive(Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(extend("pattern" = "^(wallet|merchant|group):[0-9a-fA-F-]{32,36}$"))]
pub(super) struct TopicName(pub(super) Topic);

impl TryFrom<String> for TopicName {
    type Error = fanju::id::TopicError;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse().map(Self)
    }
}

/// What `subscribe` answers.
#[derive(Serialize, JsonSchema)]
pub struct Subscribed {
    /// The topic.
    pub(super) topic: String,
    /// Whether everything since `after` follows; the topic's state is given otherwise.
    pub(super) recovered: bool,
    /// The topic's newest event when the subscription began.
    pub(super) position: Position,
    /// The topic as of `position`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<TopicState>,
}
