//! Nobody: from where a session comes, and for how long nobody may have signed in on it.

use std::{net::IpAddr, time::Instant};

use actix_web::{HttpRequest, http::header};

use super::seats::AddressSeat;
use crate::{app::App, http::address, limits, problem::Problem};

/// A session's beginning: what one knows of whoever knocks.
pub(super) struct Nobody {
    pub(super) address: IpAddr,
    /// What the client calls itself.
    pub(super) agent: Option<String>,
    began_at: Instant,
    /// Among those from that address who have not signed in, until somebody has.
    seat: Option<AddressSeat>,
}

impl Nobody {
    /// Whoever sends `request`, if there is room for one more from there.
    ///
    /// # Errors
    /// `too_many_sessions`.
    pub(super) fn from(app: &App, request: &HttpRequest) -> Result<Self, Problem> {
        let address = address::of(&app.settings().trusted_proxies, request);
        let seat = app.seat_nobody(address)?;
        let agent = request.headers().get(header::USER_AGENT);
        let agent = agent.and_then(|agent| agent.to_str().ok()).map(str::to_owned);
        Ok(Self { address, agent, began_at: Instant::now(), seat: Some(seat) })
    }

    /// Somebody has signed in, and makes room.
    pub(super) fn is_somebody(&mut self) {
        self.seat = None;
    }

    /// Whether that is too long `now`, where something was last asked at `asked_at`.
    pub(super) fn is_too_long(&self, now: Instant, asked_at: Instant) -> bool {
        now - asked_at > limits::SIGN_IN_WITHIN || now - self.began_at > limits::NOBODY_FOR
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, time::Duration};

    use super::*;

    #[test]
    fn nobody_stays_for_ever_by_asking() {
        let (began_at, second) = (Instant::now(), Duration::from_secs(1));
        let nobody =
            Nobody { address: Ipv4Addr::LOCALHOST.into(), agent: None, began_at, seat: None };
        let idle = began_at + limits::SIGN_IN_WITHIN;
        assert!(!nobody.is_too_long(idle, began_at));
        assert!(nobody.is_too_long(idle + second, began_at));
        let late = began_at + limits::NOBODY_FOR;
        assert!(!nobody.is_too_long(late, late));
        assert!(nobody.is_too_long(late + second, late + second));
    }
}
