//! Hello: the first word of a session, by which a client knows where it is and what it must keep to.

use fanju::{id::Position, time::Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{app::App, limits};

/// What a session says first.
#[derive(Serialize, JsonSchema)]
pub struct Hello {
    /// The session's name, for logs and questions.
    pub session: uuid::Uuid,
    /// The name under which positions are told: those of another epoch mean nothing.
    pub epoch: String,
    /// Up to where the journal is durable.
    pub position: Position,
    /// Between two pings, in milliseconds.
    pub heartbeat_ms: u64,
    /// The server's clock.
    pub server_time: Timestamp,
    /// What a client must keep to.
    pub limits: HelloLimits,
}

impl Hello {
    /// The first word of the session `id` of `app`.
    #[must_use]
    pub fn of(app: &App, id: uuid::Uuid) -> Self {
        Self {
            session: id,
            epoch: app.epoch().to_owned(),
            position: app.engine().stats().durable,
            heartbeat_ms: u64::try_from(limits::HEARTBEAT.as_millis()).unwrap_or(u64::MAX),
            server_time: app.now(),
            limits: HelloLimits {
                frame_bytes_max: limits::FRAME_BYTES_MAX,
                frame_depth_max: limits::JSON_DEPTH_MAX,
                requests_per_second: app.settings().requests_per_second.get(),
                requests_max: limits::SESSION_REQUESTS_MAX,
                subscriptions_max: limits::SESSION_SUBSCRIPTIONS_MAX,
            },
        }
    }
}

/// What a client must keep to.
#[derive(Serialize, JsonSchema)]
pub struct HelloLimits {
    /// Largest frame, in bytes.
    pub frame_bytes_max: usize,
    /// How deep a frame may be nested.
    pub frame_depth_max: usize,
    /// Requests in a second, in the long run, each for every 4 KiB that it begins, and for every 4 KiB
    /// beyond the first of its answer, with what was missed: of one identity over HTTP and in all of its
    /// sessions together, or of everybody at one address who has not signed in; of all tills of a shop
    /// together eight times as many.
    /// A ping or a pong of the websocket counts as one, for its session alone.
    pub requests_per_second: u32,
    /// Requests under way at once.
    pub requests_max: usize,
    /// Topics listened to at once.
    pub subscriptions_max: usize,
}
