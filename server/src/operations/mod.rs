//! Operations: everything that one can ask of the server, each said once.
//!
//! An operation knows its name, its place in the HTTP API, its parameters, the right that it takes
//! and what it does. HTTP, the live channel, OpenAPI and AsyncAPI are made from the list in
//! [`all`]; none of them knows an operation by itself. [`perform()`] is the one way in: it checks the
//! right before anything else is looked at, so that no door can forget it.

mod claims;
mod days;
mod groups;
mod members;
mod merchants;
mod operator;
mod orders;
mod passkeys;
mod people;
mod perform;
mod receipt;
mod recovery;
mod sign_in;
mod staff;
mod statement;
mod wallets;
mod webhooks;

use std::{future::Future, sync::LazyLock};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

pub use self::{
    perform::{Answer, perform, read},
    statement::EventItem,
};
use crate::{
    app::App,
    auth::{
        caller::{Ask, Caller},
        rights::{Change, Right},
    },
    limits,
    problem::Problem,
};

/// What HTTP calls it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verb {
    /// Reads; changes nothing.
    Get,
    /// Does something, or makes something new.
    Post,
    /// Sets something to what is said.
    Put,
    /// Ends something.
    Delete,
}

/// How asking twice is kept from doing it twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Repeats {
    /// It changes nothing.
    Query,
    /// By an idempotency key, if one is sent.
    Keyed,
    /// The same, and the key also decides the id of what is opened: a server that was killed in
    /// between finds it again.
    Opens,
    /// By an idempotency key, which must be sent: money moves, and nothing else names the move.
    KeyRequired,
    /// By a number of its own, the parameter that is called so.
    Numbered(&'static str),
    /// By an idempotency key, if one is sent. Its answer holds a secret, which is shown once and not
    /// kept: asked again, it says that it was done.
    Secret,
    /// Asking twice does no harm, or cannot do it twice: showing a code or a link, which must not lie
    /// on disk; a ceremony's steps; signing out.
    Plain,
}

impl Repeats {
    /// Whether a key may be sent.
    #[must_use]
    pub fn takes_key(self) -> bool {
        matches!(self, Self::Keyed | Self::Opens | Self::KeyRequired | Self::Secret)
    }
}

/// An operation's place in both interfaces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Offer {
    /// The JSON-RPC method: `groups.open`.
    pub method: &'static str,
    /// The HTTP verb.
    pub verb: Verb,
    /// The HTTP path, with parameters in braces.
    pub path: &'static str,
    /// What happens when it is asked twice.
    pub repeats: Repeats,
}

impl Offer {
    const fn new(method: &'static str, verb: Verb, path: &'static str, repeats: Repeats) -> Self {
        Self { method, verb, path, repeats }
    }

    /// A query.
    #[must_use]
    pub const fn get(method: &'static str, path: &'static str) -> Self {
        Self::new(method, Verb::Get, path, Repeats::Query)
    }

    /// The parameters that HTTP has in the path.
    #[must_use]
    pub fn in_path(&self) -> Vec<&'static str> {
        let parts = self.path.split('/');
        parts.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect()
    }
}

/// Something that one can ask. Its fields are the parameters, its documentation the summary.
pub trait Operation: DeserializeOwned + JsonSchema + 'static {
    /// Where it is offered.
    const OFFER: Offer;

    /// Whether nobody in particular may ask ([`Right::Anyone`]): known before there are parameters.
    const IS_FOR_ANYONE: bool = false;

    /// Whether its parameters could be guessed from a plain hash of them.
    const HIDES: bool = false;

    /// What it answers.
    type Answer: Serialize + JsonSchema;

    /// What the caller must hold.
    fn right(&self) -> Right;

    /// What this changes that uses a fresh look at the caller's finger or face up, whatever it is worth
    ///
    fn change(&self, _: &Caller) -> Option<Change> {
        None
    }

    /// Whether this is worth a fresh look at the person's finger or face.
    fn stakes(&self) -> Option<fanju::money::Amount> {
        None
    }

    /// The same, of what only the engine knows the worth. Looked at for people alone.
    fn worth(
        &self,
        _: &App,
    ) -> impl Future<Output = Result<Option<fanju::money::Amount>, Problem>> {
        let stakes = self.stakes();
        async move { Ok(stakes) }
    }

    /// Whether the answer tells what an earlier request did, and nothing moved for this one.
    fn is_repetition(_: &Self::Answer) -> bool {
        false
    }

    /// Does it.
    fn perform(self, app: &App, ask: &Ask) -> impl Future<Output = Result<Self::Answer, Problem>>;
}

/// An operation as the interfaces see it.
pub struct Described {
    /// Where it is offered.
    pub offer: Offer,
    /// The JSON Schema of its parameters.
    pub parameters: fn(&mut SchemaGenerator) -> Schema,
    /// The JSON Schema of its answer.
    pub answer: fn(&mut SchemaGenerator) -> Schema,
    /// Whether nobody in particular may ask.
    pub is_for_anyone: bool,
    pub(crate) hides: bool,
    pub(crate) run: perform::Run,
}

/// Operations that take a bill, which may be long.
const BILLS: [&str; 3] = ["orders.scan", "orders.draft", "groups.draft"];

impl Described {
    /// Longest body that HTTP brings, in bytes.
    #[must_use]
    pub fn body_bytes_max(&self) -> usize {
        if BILLS.contains(&self.offer.method) {
            limits::BILL_BYTES_MAX
        } else {
            limits::BODY_BYTES_MAX
        }
    }
}

/// Every operation, in the order in which one reads of them: what one needs for a dinner first.
pub fn all() -> &'static [Described] {
    static ALL: LazyLock<Vec<Described>> = LazyLock::new(|| {
        let rooms = [
            sign_in::operations(),
            people::operations(),
            wallets::operations(),
            groups::operations(),
            members::operations(),
            orders::operations(),
            claims::operations(),
            merchants::operations(),
            days::operations(),
            staff::operations(),
            webhooks::operations(),
            passkeys::operations(),
            recovery::operations(),
            operator::operations(),
        ];
        rooms.into_iter().flatten().collect()
    });
    &ALL
}

/// What readers are told of an idempotency key.
pub(crate) const KEY: &str = "The client's own name for the command: the same name does it once.";

/// What readers are told of an operation that its parameters' schema describes in these words.
pub(crate) fn description(words: Option<&Value>, repeats: Repeats) -> String {
    let words = words.and_then(Value::as_str).unwrap_or_default();
    let Repeats::Numbered(number) = repeats else { return words.to_owned() };
    format!(
        "{words}\n\n`{number}` is its key: asked again under the same one, it is done once. It \
         takes no idempotency key."
    )
}

/// The operation that the live channel calls `method`.
#[must_use]
pub fn named(method: &str) -> Option<&'static Described> {
    static BY_METHOD: LazyLock<std::collections::HashMap<&'static str, &'static Described>> =
        LazyLock::new(|| {
            all().iter().map(|described| (described.offer.method, described)).collect()
        });
    BY_METHOD.get(method).copied()
}
