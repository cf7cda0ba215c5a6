//! Delivery threads: take the next message, send it, keep what came of it.
//!
//! A message is in the outbox until its answer is: a server that is killed in between sends it
//! again, under the same id, by which receivers tell a repetition.

use std::{io::Read as _, sync::Arc, time::Instant};

use fanju::time::Timestamp;
use ureq::{Agent, unversioned::transport::DefaultConnector};

use super::{
    Shared,
    address::{AddressRules, CheckedResolver},
    desk::Work,
    limits::{
        ANSWER_BYTES_MAX, CONNECT_TIMEOUT, ERROR_CHARS_MAX, PAUSE_FIRST, REQUEST_TIMEOUT, SLOW,
    },
    outbox::{Attempt, EndpointKey, Outgoing, Recorded},
    schedule::{self, Outcome},
    signing,
};

const USER_AGENT: &str = concat!("fanju-webhooks/", env!("CARGO_PKG_VERSION"));
const CONTENT_TYPE: &str = "application/cloudevents+json";

/// What all delivery threads send with: one set of rules, one pool of connections.
pub(super) fn agent(rules: AddressRules) -> Agent {
    let config = Agent::config_builder()
        .https_only(!rules.allow_http)
        .http_status_as_error(false)
        // A redirect could lead anywhere; the merchant says where events go.
        .max_redirects(0)
        // A proxy would resolve names behind our back.
        .proxy(None)
        .user_agent(USER_AGENT)
        .timeout_global(Some(REQUEST_TIMEOUT))
        .timeout_resolve(Some(CONNECT_TIMEOUT))
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .build();
    Agent::with_parts(config, DefaultConnector::default(), CheckedResolver::new(rules))
}

/// One delivery thread, until the desk closes.
pub(super) fn run(shared: &Arc<Shared>, agent: &Agent) {
    while let Some(work) = shared.desk.next() {
        match work {
            Work::Deliver(endpoint) => serve(shared, agent, endpoint),
            Work::Sweep => {
                if let Err(error) = shared.outbox.sweep(shared.clock.now()) {
                    tracing::error!(%error, "webhooks' old messages stay");
                }
            }
        }
    }
}

/// One turn of one endpoint.
fn serve(shared: &Arc<Shared>, agent: &Agent, endpoint: EndpointKey) {
    let began = Instant::now();
    let turn = deliver_next(shared, agent, endpoint);
    let took = began.elapsed();
    let next = turn.unwrap_or_else(|error| {
        // The disk's fault, not the endpoint's: the message is still there.
        tracing::error!(%error, "webhook cannot be delivered");
        let again = shared.clock.now().after(PAUSE_FIRST);
        Recorded { due_at: Some(again), rest_until: again, slow: true, over: false }
    });
    shared.desk.done(endpoint, next, took);
    if next.over {
        shared.roster_changed.notify_one();
    }
}

fn deliver_next(
    shared: &Arc<Shared>,
    agent: &Agent,
    endpoint: EndpointKey,
) -> Result<Recorded, super::WebhookError> {
    let at = shared.clock.now();
    let Some(message) = shared.outbox.outgoing(endpoint, at)? else {
        return shared.outbox.next(endpoint);
    };
    let began = Instant::now();
    let outcome = send(shared, agent, &message, at);
    let took = began.elapsed();
    let chance = rand::random();
    let verdict = shared.schedule.judge(&outcome, message.step, message.failures, chance);
    tracing::debug!(message = message.id, ?outcome, ?verdict, ?took, "webhook sent");
    let (status, error) = match outcome {
        Outcome::Answered { status, .. } => (Some(status), None),
        Outcome::Unanswered(error) => (None, Some(error)),
    };
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    // Delays count from the answer, not from the question.
    let at = shared.clock.now();
    let attempt = Attempt { at, status, error, duration_ms, slow: took > SLOW, verdict };
    shared.outbox.record(&message, &attempt)
}

fn send(shared: &Shared, agent: &Agent, message: &Outgoing, at: Timestamp) -> Outcome {
    // The settings may be stricter today than when the webhook was made.
    let url = match shared.rules.check_url(&message.url) {
        Ok(url) => url,
        Err(refusal) => return Outcome::Unanswered(refusal.to_string()),
    };
    let (body, timestamp_s) = (message.body.as_bytes(), at.0.div_euclid(1_000_000));
    let signature = signing::signatures(&message.secrets, &message.id, timestamp_s, body);
    let answer = agent
        .post(url.as_str())
        .header("content-type", CONTENT_TYPE)
        .header(signing::ID_HEADER, &message.id)
        .header(signing::TIMESTAMP_HEADER, timestamp_s.to_string())
        .header(signing::SIGNATURE_HEADER, signature)
        .send(body);
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Outcome::Unanswered(words(error)),
    };
    let status = answer.status().as_u16();
    let asks = answer.headers().get("retry-after").and_then(|header| header.to_str().ok());
    let retry_after = asks.and_then(|header| schedule::retry_after(header, shared.clock.now()));
    // The status is the answer, whatever becomes of the rest; a body that is read to its end lets
    // the connection be used again.
    let mut rest = answer.into_body().into_reader().take(ANSWER_BYTES_MAX);
    if let Err(error) = std::io::copy(&mut rest, &mut std::io::sink()) {
        tracing::debug!(%error, message = message.id, "webhook's answer broke off");
    }
    Outcome::Answered { status, retry_after }
}

/// An error in a few words for the merchant.
fn words(error: ureq::Error) -> String {
    // What the address check says needs no introduction.
    let text = if let ureq::Error::Other(refusal) = error {
        refusal.to_string()
    } else {
        error.to_string()
    };
    text.chars().take(ERROR_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write as _,
        net::TcpListener,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use super::*;

    /// Whether somebody who connects under `rules` comes through to this machine, whose name
    /// looks innocent here: as after a name server has changed its mind.
    fn comes_through(rules: AddressRules) -> Result<u16, String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let knocks = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&knocks);
        std::thread::spawn(move || {
            // Kept open: whoever closes with something unread resets the connection.
            let mut open = Vec::new();
            for mut stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                stream.write_all(b"HTTP/1.1 204 so\r\n\r\n").unwrap();
                open.push(stream);
            }
        });
        let answer = agent(rules).post(format!("http://localhost:{port}/")).send("{}");
        assert_eq!(knocks.load(Ordering::SeqCst) > 0, answer.is_ok());
        answer.map(|answer| answer.status().as_u16()).map_err(words)
    }

    #[test]
    fn no_connection_is_made_to_an_address_that_was_not_allowed() {
        let strict = AddressRules { allow_private: false, allow_http: true };
        assert_eq!(comes_through(strict), Err("address is this machine".into()));
        assert_eq!(comes_through(AddressRules { allow_private: true, ..strict }), Ok(204));
    }
}
