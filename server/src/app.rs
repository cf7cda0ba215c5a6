//! The app: what every request shares, opened and closed as a whole.

use std::{
    io,
    net::IpAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use dashmap::DashMap;
use fanju::{
    Clock, DurableEvent, Engine, OpenError, Opening, books::BooksError, id::MerchantId,
    money::Currency, time::Timestamp,
};
use tokio::{
    sync::{Mutex, MutexGuard, watch},
    time::timeout,
};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::{
    auth::{
        caller::Caller,
        idempotency::Idempotency,
        link::LinkKey,
        looks::Looks,
        passkeys::Passkeys,
        rate::{Payer, Rates},
        real_name::{SandboxVerifier, Verifier},
        recovery::RecoveryKey,
        register::{PersonId, Place, Register},
        token::{TokenHash, TokenKind},
    },
    cloud_event,
    config::Settings,
    epoch,
    keys::Keys,
    limits,
    live::{
        seats::{AddressSeat, ByAddress, Seat, Seats, Somebodies, Taken},
        topics::Topics,
    },
    measures::Measures,
    problem::{Kind, Problem},
    webhooks::{self, Webhooks},
};

/// Everything that waits for a disk or counts long: used on threads that may wait.
pub struct Desk {
    /// Who is who.
    pub register: Register,
    /// Passkey ceremonies.
    pub passkeys: Passkeys,
    /// Commands that were answered before.
    pub idempotency: Idempotency,
}

/// What every request shares. Clones are the same app.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    engine: Engine,
    epoch: String,
    clock: Clock,
    settings: Settings,
    keys: Keys,
    desk: Arc<Desk>,
    rates: Rates,
    verifier: Arc<dyn Verifier>,
    webhooks: Webhooks,
    topics: Topics,
    looks: Looks,
    seats: Somebodies,
    nobodies: ByAddress,
    connections: ByAddress,
    orders: Seats<Uuid>,
    commands: TaskTracker,
    openings: Vec<Mutex<()>>,
    currencies: DashMap<MerchantId, Currency>,
    measures: Measures,
    sessions: Arc<AtomicUsize>,
    ready: AtomicBool,
    closing: watch::Sender<bool>,
}

impl App {
    /// Opens the engine, the register and the outbox that `settings` name.
    ///
    /// Blocks while it reads.
    ///
    /// # Errors
    /// Whatever cannot be opened.
    pub fn open(settings: Settings) -> anyhow::Result<Self> {
        let clock = Clock::System;
        let (engine, opening) = Engine::open_with_report(settings.engine()?).map_err(|error| {
            unopened(error, "stop it first, or name another folder with --data")
        })?;
        tell(settings.data(), &opening);
        let data = settings.data();
        let place = |name: &str| data.map_or(Place::Memory, |data| Place::File(data.join(name)));
        let register = Register::open(place("register.sqlite"), settings.session_idles())?;
        let keys = Keys::open(data)?;
        let desk = Desk {
            idempotency: Idempotency::new(register.clone()),
            passkeys: Passkeys::new(&settings.rp_id()?, &settings.public_url)?,
            register,
        };
        let webhooks = Webhooks::open(
            &data.map_or(webhooks::Place::Memory, |data| {
                webhooks::Place::Directory(data.to_owned())
            }),
            webhooks::Settings {
                allow_private: settings.webhooks_to_private_addresses,
                allow_http: settings.webhooks_over_http,
                ..webhooks::Settings::default()
            },
        )?;
        let epoch = epoch::of(engine.journal().journal_id(), data)?;
        Ok(Self(Arc::new(Inner {
            topics: Topics::new(engine.clone(), epoch.clone()),
            engine,
            epoch,
            clock,
            keys,
            desk: Arc::new(desk),
            rates: Rates::new(settings.often()),
            verifier: Arc::new(SandboxVerifier::default()),
            webhooks,
            looks: Looks::default(),
            seats: Somebodies::default(),
            nobodies: ByAddress::default(),
            connections: ByAddress::default(),
            orders: Seats::default(),
            commands: TaskTracker::new(),
            openings: (0..limits::OPENING_LOCKS).map(|_| Mutex::default()).collect(),
            currencies: DashMap::new(),
            measures: Measures::default(),
            sessions: Arc::default(),
            ready: AtomicBool::new(true),
            closing: watch::Sender::new(false),
            settings,
        })))
    }

    /// Takes no more commands, finishes what was accepted and keeps its answers, and then tells every
    /// session to go as soon as it has sent them.
    pub async fn close(&self) {
        self.0.ready.store(false, Ordering::Release);
        self.0.engine.close().await;
        // What the engine has done is told and kept: a client that repeats it finds its answer.
        self.0.commands.close();
        if timeout(limits::COMMANDS_END_WITHIN, self.0.commands.wait()).await.is_err() {
            let left = self.0.commands.len();
            tracing::warn!(left, "commands do not end, and their answers are not kept");
        }
        let webhooks = self.0.webhooks.clone();
        // A delivery that is under way may take its time; a panic in there is no reason to stay.
        drop(tokio::task::spawn_blocking(move || webhooks.stop()).await);
        self.0.closing.send_replace(true);
    }

    /// Whether the server takes nothing new.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        !self.0.ready.load(Ordering::Acquire)
    }

    /// Waits until every session has to go.
    pub fn closing(&self) -> impl Future<Output = ()> + 'static {
        let mut closing = self.0.closing.subscribe();
        async move {
            // The sender is gone with the app: then everything goes.
            drop(closing.wait_for(|closing| *closing).await);
        }
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// The name under which positions are told: those of another epoch mean nothing here.
    #[must_use]
    pub fn epoch(&self) -> &str {
        &self.0.epoch
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// How the server was configured.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Does `work` at the desk, on a thread that may wait.
    ///
    /// # Errors
    /// `internal` when the work panicked.
    pub async fn desk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Desk) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let desk = Arc::clone(&self.0.desk);
        let done = tokio::task::spawn_blocking(move || work(&desk)).await;
        done.map_err(|error| Problem::internal(&error))
    }

    /// The desk, for what is quick there: beginnings of ceremonies, and identities from the cache.
    #[must_use]
    pub fn passkeys(&self) -> &Passkeys {
        &self.0.desk.passkeys
    }

    /// Whoever asks with `token`; nobody, if it is not good (any more). A session lasts by being
    /// asked with.
    ///
    /// # Errors
    /// `internal` when the register cannot be read.
    pub fn identify(&self, kind: TokenKind, token: &TokenHash) -> Result<Caller, Problem> {
        let (register, now) = (&self.0.desk.register, self.now());
        Ok(match kind {
            TokenKind::Session => {
                register.identify(token, now)?.map_or(Caller::Nobody, Caller::Person)
            }
            TokenKind::Key => {
                register.identify_key(token, now)?.map_or(Caller::Nobody, Caller::Till)
            }
            TokenKind::Operator => self.operator(token),
        })
    }

    /// The same where nobody asks: with a heartbeat, a ping, a push.
    ///
    /// # Errors
    /// `internal` when the register cannot be read.
    pub fn recognise(&self, kind: TokenKind, token: &TokenHash) -> Result<Caller, Problem> {
        let (register, now) = (&self.0.desk.register, self.now());
        Ok(match kind {
            TokenKind::Session => {
                register.recognise(token, now)?.map_or(Caller::Nobody, Caller::Person)
            }
            TokenKind::Key => register.recognise_key(token)?.map_or(Caller::Nobody, Caller::Till),
            TokenKind::Operator => self.operator(token),
        })
    }

    fn operator(&self, token: &TokenHash) -> Caller {
        if *token == self.0.keys.operator { Caller::Operator } else { Caller::Nobody }
    }

    /// Whoever brings `token` from `address`. A guess is counted once it has been looked up, and a good token
    /// never: many phones share an address, also with one that guesses.
    ///
    /// # Errors
    /// `too_many_requests`, `not_signed_in`, or `internal` when the register cannot be read.
    pub fn introduce(
        &self,
        (kind, token): (TokenKind, TokenHash),
        address: IpAddr,
    ) -> Result<Caller, Problem> {
        match self.identify(kind, &token)? {
            Caller::Nobody => {
                self.0.rates.take(Payer::Address(address), 1)?;
                Err(Problem::not_signed_in())
            }
            caller @ (Caller::Person(_) | Caller::Till(_) | Caller::Operator) => Ok(caller),
        }
    }

    /// Gives `caller`'s live session a seat; the operator needs none.
    ///
    /// # Errors
    /// `too_many_sessions`.
    pub fn seat(&self, caller: &Caller) -> Result<Option<Seat>, Problem> {
        caller.id().map(|who| self.0.seats.take(who, caller.shop())).transpose()
    }

    /// Gives a live session from `address` that has not signed in yet a seat.
    ///
    /// # Errors
    /// `too_many_sessions`.
    pub fn seat_nobody(&self, address: IpAddr) -> Result<AddressSeat, Problem> {
        let seat = self.0.nobodies.take(address, self.0.settings.nobodies_per_address);
        seat.ok_or_else(|| {
            let detail = "too many sessions from this address have not signed in";
            Problem::new(Kind::TooManySessions, detail).retry_after_ms(limits::RETRY_SOON_MS)
        })
    }

    /// Gives an order of `merchant` a seat among those in flight.
    ///
    /// # Errors
    /// `too_many_requests`.
    pub fn seat_order(&self, merchant: MerchantId) -> Result<Taken<Uuid>, Problem> {
        self.0.orders.take(merchant.0, limits::ORDERS_PER_MERCHANT_MAX).ok_or_else(|| {
            Problem::new(Kind::TooManyRequests, "this shop has too many orders in flight")
                .retry_after_ms(limits::RETRY_SOON_MS)
        })
    }

    /// Gives a connection from `address` a seat, if one is free.
    #[must_use]
    pub fn seat_connection(&self, address: IpAddr) -> Option<AddressSeat> {
        self.0.connections.take(address, self.0.settings.connections_per_address)
    }

    /// Commands under way: the server does not stop before they have ended.
    #[must_use]
    pub fn commands(&self) -> &TaskTracker {
        &self.0.commands
    }

    /// Lets `person` open one wallet or shop after the other: of two that come at once for the last room,
    /// the second would find none when the engine has opened it for good.
    pub async fn opening(&self, person: PersonId) -> MutexGuard<'_, ()> {
        let locks = &self.0.openings;
        let hash = usize::try_from(person.0.as_u128() % limits::OPENING_LOCKS as u128);
        locks[hash.expect("fewer than there are locks")].lock().await
    }

    /// Limits per identity and address.
    #[must_use]
    pub fn rates(&self) -> &Rates {
        &self.0.rates
    }

    /// Who proves names.
    #[must_use]
    pub fn verifier(&self) -> &dyn Verifier {
        &*self.0.verifier
    }

    /// Calls to merchants.
    #[must_use]
    pub fn webhooks(&self) -> &Webhooks {
        &self.0.webhooks
    }

    /// What live sessions listen to.
    #[must_use]
    pub fn topics(&self) -> &Topics {
        &self.0.topics
    }

    /// What the operator watches.
    #[must_use]
    pub fn measures(&self) -> &Measures {
        &self.0.measures
    }

    /// How many live sessions there are.
    #[must_use]
    pub fn sessions(&self) -> &Arc<AtomicUsize> {
        &self.0.sessions
    }

    /// The key that seals invitations.
    #[must_use]
    pub fn link_key(&self) -> &LinkKey {
        &self.0.keys.links
    }

    /// The key that hides document numbers.
    #[must_use]
    pub fn document_key(&self) -> &[u8; 32] {
        &self.0.keys.documents
    }

    /// The key that hides recovery codes.
    #[must_use]
    pub fn recovery_key(&self) -> &RecoveryKey {
        &self.0.keys.recovery
    }

    /// The key that hides commands' parameters.
    #[must_use]
    pub fn command_key(&self) -> &[u8; 32] {
        &self.0.keys.commands
    }

    /// The currency of a merchant's till, which never changes.
    ///
    /// # Errors
    /// The engine's.
    pub async fn till_currency(&self, merchant: MerchantId) -> Result<Currency, Problem> {
        if let Some(known) = self.0.currencies.get(&merchant) {
            return Ok(*known);
        }
        let currency = self.0.engine.merchant(merchant).await?.currency;
        self.0.currencies.insert(merchant, currency);
        Ok(currency)
    }

    /// `event` as a cloud event, rendered once for everybody who reads it.
    #[must_use]
    pub fn rendered(&self, event: &DurableEvent) -> Arc<str> {
        cloud_event::shared(&self.0.epoch, event)
    }

    /// When each device has shown a finger or a face.
    #[must_use]
    pub fn looks(&self) -> &Looks {
        &self.0.looks
    }
}

/// Why an engine does not open, and what to do where another process has the folder.
pub(crate) fn unopened(error: OpenError, instead: &str) -> anyhow::Error {
    if let OpenError::Storage(held) = &error
        && held.kind() == io::ErrorKind::WouldBlock
    {
        return anyhow::anyhow!("{held}: {instead}");
    }
    let context = match error {
        OpenError::Books(BooksError::Full(_)) => "make room on the disk, and start again",
        OpenError::Books(_) | OpenError::Unlike(_) => {
            "the books cannot be used: move the files `books.sqlite*` out of the data folder, and the next \
             start makes them anew from the journal"
        }
        OpenError::SettingIsZero { .. }
        | OpenError::Storage(_)
        | OpenError::Journal(_)
        | OpenError::NoJournal
        | OpenError::Thread(_) => "the engine does not open",
    };
    anyhow::Error::from(error).context(context)
}

/// Says what opening the engine found.
fn tell(data: Option<&Path>, opening: &Opening) {
    let Opening { recovery, books_took, books_rebuilt, rail_moves } = opening;
    tracing::info!(
        data = %data.map_or("memory".into(), Path::to_string_lossy),
        journal_bytes = recovery.tail.position.0,
        records_read = recovery.records,
        dropped_bytes = recovery.dropped_bytes,
        took_ms = u64::try_from((recovery.took + *books_took).as_millis()).unwrap_or(u64::MAX),
        books_rebuilt,
        open_rail_moves = rail_moves,
        "engine is open"
    );
}

/// Where the operator's token lies in a data folder.
#[must_use]
pub fn operator_token_file(data: &Path) -> std::path::PathBuf {
    data.join(crate::keys::OPERATOR_FILE)
}
