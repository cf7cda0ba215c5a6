//! Webhooks: a merchant's events, sent to wherever the merchant wants them, signed.
//!
//! Events come out of the journal by the [`feeder`], wait in the [`outbox`] and leave it by the
//! [`delivery`] threads; [`schedule`] says when, [`address`] whereto, [`signing`] under which
//! signature. Every event arrives at least once, as long as its endpoint answers within the
//! schedule's three days, and carries the same `webhook-id` whenever it comes again.
//!
//! Source: <https://www.standardwebhooks.com>, and `CloudEvents` 1.0 for the bodies.

mod address;
mod answer;
mod delivery;
mod desk;
mod error;
mod feeder;
pub mod limits;
mod outbox;
mod schedule;
pub mod signing;

use std::{fmt, sync::Arc, thread::JoinHandle};

pub use address::AddressRefusal;
pub use answer::{
    Deliveries, Delivery, Disabled, DisabledReason, MessageState, Webhook, WebhookId,
};
pub use error::WebhookError;
use fanju::{
    Clock, Engine,
    id::{MerchantId, Position},
    time::Timestamp,
};
pub use outbox::Place;
use parking_lot::Mutex;
pub use schedule::Schedule;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use self::{address::AddressRules, desk::Desk, outbox::Outbox, signing::Secret};

/// Events that concern a merchant: what a webhook can ask for.
pub const MERCHANT_EVENTS: [&str; 7] = [
    "merchant_onboarded",
    "rail_requested",
    "rail_confirmed",
    "rail_refused",
    "settled",
    "declined",
    "refunded",
];

/// What `type` begins with in the bodies; webhooks may be made with it or without.
const EVENT_PREFIX: &str = "fanju.";

/// How webhooks are delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// To this machine and to private networks too.
    pub allow_private: bool,
    /// Without TLS too.
    pub allow_http: bool,
    /// Delivery threads; with none, messages are kept and not sent.
    pub threads: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { allow_private: false, allow_http: false, threads: limits::THREADS }
    }
}

/// All webhooks of a server; clones are the same. Dropping the last one ends deliveries without
/// waiting for them; [`Webhooks::stop`] waits.
///
/// Calls block on the disk: an async caller makes them on a thread of its own.
#[derive(Clone)]
pub struct Webhooks(Arc<Handle>);

/// What feeder and delivery threads share.
struct Shared {
    outbox: Outbox,
    desk: Desk,
    rules: AddressRules,
    schedule: Schedule,
    clock: Clock,
    threads: usize,
    /// Merchants may have got their first webhook, or lost their last.
    roster_changed: Notify,
}

struct Handle {
    shared: Arc<Shared>,
    running: Mutex<Option<Running>>,
}

struct Running {
    stop: watch::Sender<bool>,
    feeder: JoinHandle<()>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.desk.close();
    }
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhooks").finish_non_exhaustive()
    }
}

impl Webhooks {
    /// Opens the outbox at `place`; nothing is sent before [`Webhooks::start`].
    ///
    /// # Errors
    /// An operating [`WebhookError`].
    pub fn open(place: &Place, settings: Settings) -> Result<Self, WebhookError> {
        Self::open_with(place, settings, Clock::System, Schedule::default())
    }

    /// As [`Webhooks::open`], with a clock and a schedule of one's own.
    ///
    /// # Errors
    /// An operating [`WebhookError`].
    pub fn open_with(
        place: &Place,
        settings: Settings,
        clock: Clock,
        schedule: Schedule,
    ) -> Result<Self, WebhookError> {
        let Settings { allow_private, allow_http, threads } = settings;
        let outbox = Outbox::open(place)?;
        let desk = Desk::new(clock.clone(), threads, outbox.seats()?);
        let rules = AddressRules { allow_private, allow_http };
        let roster_changed = Notify::new();
        let shared = Shared { outbox, desk, rules, schedule, clock, threads, roster_changed };
        Ok(Self(Arc::new(Handle { shared: Arc::new(shared), running: Mutex::default() })))
    }

    /// Begins to follow `engine`, whose positions are of `epoch`, and to deliver. Where deliveries
    /// were left, they go on. Does nothing when they run already.
    ///
    /// # Errors
    /// An operating [`WebhookError`].
    pub fn start(&self, engine: Engine, epoch: String) -> Result<(), WebhookError> {
        let mut running = self.0.running.lock();
        if running.is_some() {
            return Ok(());
        }
        let shared = &self.0.shared;
        if shared.outbox.adopt(&epoch)? {
            tracing::warn!(epoch, "webhooks are of another journal and begin at this one's end");
        }
        let agent = delivery::agent(shared.rules);
        for _ in 0..shared.threads {
            let (shared, agent) = (Arc::clone(shared), agent.clone());
            shared.desk.open();
            spawn("fanju-webhooks", move || {
                delivery::run(&shared, &agent);
                shared.desk.leave();
            })
            .inspect_err(|_| {
                self.0.shared.desk.leave();
                self.0.shared.desk.close();
            })?;
        }
        let (stop, stopping) = watch::channel(false);
        let heard = Arc::clone(shared);
        let feeder = spawn("fanju-feeder", move || feeder::run(&heard, engine, epoch, stopping))
            .inspect_err(|_| shared.desk.close())?;
        *running = Some(Running { stop, feeder });
        Ok(())
    }

    /// Takes no more events and sends no more messages; waits for running requests, at most
    /// [`limits::STOP_WITHIN`]. Everything else waits in the outbox for the next start.
    pub fn stop(&self) {
        let Some(Running { stop, feeder }) = self.0.running.lock().take() else { return };
        self.0.shared.desk.close();
        stop.send_replace(true);
        if feeder.join().is_err() {
            tracing::error!("webhooks' feeder panicked");
        }
        if !self.0.shared.desk.wait_empty(limits::STOP_WITHIN) {
            tracing::warn!("webhooks stop without the answers to running requests");
        }
    }

    /// Messages that are not sent yet, to whomever.
    ///
    /// # Errors
    /// An operating [`WebhookError`].
    pub fn waiting(&self) -> Result<u64, WebhookError> {
        self.0.shared.outbox.waiting()
    }

    // --- for merchants ---------------------------------------------------------------------

    /// Makes a webhook: from `position`, the merchant's present one, on, its events go to `url`;
    /// all of them, or those of `kinds` ([`MERCHANT_EVENTS`]). Answers with the secret that signs
    /// them, which is shown this once.
    ///
    /// # Errors
    /// A refusal, or an operating [`WebhookError`].
    pub fn create(
        &self,
        merchant: MerchantId,
        url: &str,
        kinds: Option<Vec<String>>,
        position: Position,
        now: Timestamp,
    ) -> Result<(Webhook, String), WebhookError> {
        let shared = &self.0.shared;
        let url = shared.rules.check_url(url)?.to_string();
        let webhook = Webhook {
            id: WebhookId(Uuid::now_v7()),
            merchant,
            url,
            events: kinds.map(known).transpose()?,
            created_at: now,
            old_secret_until: None,
            failures: 0,
            disabled: None,
        };
        let secret = Secret::generate();
        let endpoint = shared.outbox.add(&webhook, &secret, position)?;
        shared.desk.add(endpoint, merchant);
        shared.roster_changed.notify_one();
        Ok((webhook, secret.to_text()))
    }

    /// A merchant's webhooks, oldest first.
    ///
    /// # Errors
    /// An operating [`WebhookError`].
    pub fn list(&self, merchant: MerchantId) -> Result<Vec<Webhook>, WebhookError> {
        self.0.shared.outbox.list(merchant, self.0.shared.clock.now())
    }

    /// Removes a webhook, with its messages and its log.
    ///
    /// # Errors
    /// [`WebhookError::UnknownWebhook`], or an operating error.
    pub fn remove(&self, merchant: MerchantId, id: WebhookId) -> Result<(), WebhookError> {
        let endpoint = self.0.shared.outbox.remove(merchant, id)?;
        self.0.shared.desk.remove(endpoint);
        self.0.shared.roster_changed.notify_one();
        Ok(())
    }

    /// Gives a webhook a new secret, which is the answer. The two before sign beside it for
    /// [`limits::SECRET_OVERLAP`].
    ///
    /// # Errors
    /// [`WebhookError::UnknownWebhook`], or an operating error.
    pub fn rotate(
        &self,
        merchant: MerchantId,
        id: WebhookId,
        now: Timestamp,
    ) -> Result<String, WebhookError> {
        let secret = Secret::generate();
        self.0.shared.outbox.rotate(merchant, id, &secret, now)?;
        Ok(secret.to_text())
    }

    /// What was sent to a webhook, newest first: at most `limit` attempts
    /// ([`limits::PAGE_ROWS_MAX`]) before the row `before`.
    ///
    /// # Errors
    /// [`WebhookError::UnknownWebhook`], or an operating error.
    pub fn deliveries(
        &self,
        merchant: MerchantId,
        id: WebhookId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Deliveries, WebhookError> {
        self.0.shared.outbox.deliveries(merchant, id, before, limit)
    }

    /// Sends a message of the merchant again, at once and under its old id, whether it failed, has
    /// arrived or still waits.
    ///
    /// # Errors
    /// [`WebhookError::UnknownMessage`], [`WebhookError::Disabled`], or an operating error.
    pub fn replay(&self, merchant: MerchantId, message: &str) -> Result<(), WebhookError> {
        let shared = &self.0.shared;
        let endpoint = shared.outbox.replay(merchant, message, shared.clock.now())?;
        shared.desk.due([endpoint]);
        Ok(())
    }
}

/// The events that `kinds` name, each once, in our spelling.
fn known(kinds: Vec<String>) -> Result<Vec<String>, WebhookError> {
    let mut events = Vec::new();
    for kind in kinds {
        let event = kind.strip_prefix(EVENT_PREFIX).unwrap_or(&kind);
        if !MERCHANT_EVENTS.contains(&event) {
            return Err(WebhookError::UnknownEvent(kind.chars().take(64).collect()));
        }
        if !events.iter().any(|known| known == event) {
            events.push(event.to_owned());
        }
    }
    if events.is_empty() { Err(WebhookError::NoEvents) } else { Ok(events) }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, WebhookError> {
    std::thread::Builder::new().name(name.into()).spawn(work).map_err(WebhookError::Thread)
}
