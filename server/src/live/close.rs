//! Close codes: why a session ends, and what a client does then.

use schemars::JsonSchema;
use serde::Serialize;

/// Why a session ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Close {
    /// The server shuts down.
    Closing,
    /// A frame that is not text.
    NotText,
    /// A frame larger than `hello` allows.
    TooLarge,
    /// Frames that are no requests.
    Malformed,
    /// Nobody signed in in time.
    NotSignedIn,
    /// The token has expired or was revoked.
    TokenOver,
    /// Events came faster than the client took them.
    TooSlow,
    /// Requests, or pings and pongs, came faster than `hello` allows, for long.
    Flood,
    /// Two heartbeats went unanswered.
    Silent,
}

/// What a client does then.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// Connect again, and resume each topic from its last position.
    Resume,
    /// Connect again later.
    Later,
    /// Sign in again first.
    SignIn,
    /// Stop: the same would happen again.
    Stop,
}

/// Every way in which a session ends.
pub const ALL: [Close; 9] = [
    Close::Closing,
    Close::NotText,
    Close::TooLarge,
    Close::Malformed,
    Close::NotSignedIn,
    Close::TokenOver,
    Close::TooSlow,
    Close::Flood,
    Close::Silent,
];

impl Close {
    /// The websocket's close code. Source: RFC 6455, section 7.4; 4000 and above are ours.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::Closing => 1001,
            Self::NotText => 1003,
            Self::TooLarge => 1009,
            Self::Malformed => 4000,
            Self::NotSignedIn => 4001,
            Self::TokenOver => 4002,
            Self::TooSlow => 4008,
            Self::Flood => 4009,
            Self::Silent => 4010,
        }
    }

    /// Why, in a few words.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::Closing => "server shuts down: reconnect and resume",
            Self::NotText => "only whole text frames are taken",
            Self::TooLarge => "frame too large",
            Self::Malformed => "frames are no requests",
            Self::NotSignedIn => "not signed in in time",
            Self::TokenOver => "token expired or revoked: sign in again",
            Self::TooSlow => "too slow: reconnect and resume",
            Self::Flood => "too many requests or pings: reconnect later",
            Self::Silent => "heartbeat missed: reconnect and resume",
        }
    }

    /// What a client does then.
    #[must_use]
    pub fn then(self) -> Then {
        match self {
            Self::Closing | Self::TooSlow | Self::Silent => Then::Resume,
            Self::NotText | Self::TooLarge | Self::Malformed | Self::NotSignedIn => Then::Stop,
            Self::TokenOver => Then::SignIn,
            Self::Flood => Then::Later,
        }
    }
}
