//! The one way in: parameters, right, step-up, idempotency, and only then the operation.

use std::{pin::Pin, rc::Rc, sync::Arc};

use fanju::Error;
use hmac::{Hmac, KeyInit, Mac};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{Described, Operation, Repeats};
use crate::{
    app::{App, Desk},
    auth::{
        caller::{Ask, Caller, Door},
        idempotency::{Begun, Ticket},
        rights,
    },
    problem::{Kind, Problem, misfit},
};

/// An answer in JSON.
pub type Answer = Result<String, Problem>;

pub(crate) type Run = fn(Rc<Asked>) -> Pin<Box<dyn Future<Output = Answer>>>;

/// One request on its way to its operation.
pub(crate) struct Asked {
    app: App,
    ask: Ask,
    parameters: Map<String, Value>,
    /// The beginning of what opens something or shows a secret, to be written down before it does.
    beginning: Option<Arc<Ticket>>,
}

impl Described {
    /// `O` as the interfaces see it.
    pub(super) fn of<O: Operation>() -> Self {
        Self {
            offer: O::OFFER,
            parameters: <O as JsonSchema>::json_schema,
            answer: |generator| generator.subschema_for::<O::Answer>(),
            is_for_anyone: O::IS_FOR_ANYONE,
            hides: O::HIDES,
            run: |asked| Box::pin(async move { run::<O>(&asked).await }),
        }
    }
}

/// What a server that shuts down leaves to the engine; everything else is refused.
const WHILE_CLOSING: [&str; 4] =
    ["groups.confirm", "groups.refuse", "orders.cancel", "orders.scan"];

/// Lets `ask`'s caller do `what` with `parameters`.
///
/// # Errors
/// The first problem of: idempotency key, parameters, right, step-up, and the operation itself. An
/// answer that was kept under a key is given before anything else is looked at: it was the same
/// caller's. A long answer is counted like a long request.
pub async fn perform(
    app: &App,
    what: &'static Described,
    ask: Ask,
    parameters: Map<String, Value>,
) -> Answer {
    let payer = ask.payer();
    let answer = answer(app, what, ask, parameters).await?;
    app.rates().charge(payer, answer.len());
    Ok(answer)
}

async fn answer(
    app: &App,
    what: &'static Described,
    ask: Ask,
    parameters: Map<String, Value>,
) -> Answer {
    let digest = if what.offer.repeats.takes_key() && ask.key.is_some() {
        let key = what.hides.then(|| app.command_key());
        Some(digest(key, what.offer.method, &parameters))
    } else {
        None
    };
    let asked = Asked { app: app.clone(), ask, parameters, beginning: None };
    if what.offer.repeats == Repeats::Query {
        return (what.run)(Rc::new(asked)).await;
    }
    // The engine knows by itself what it still takes: what ends an order that waits.
    if app.is_closing() && !WHILE_CLOSING.contains(&what.offer.method) {
        return Err(Error::Closing.into());
    }
    // A client that hangs up does not stop a command half way: its key would be forgotten while the
    // engine still does it, and an order would end uncounted.
    let command = async move {
        match digest {
            Some(digest) => once(what, asked, digest).await,
            None => (what.run)(Rc::new(asked)).await,
        }
    };
    actix_rt::spawn(app.commands().track_future(command))
        .await
        .map_err(|error| Problem::internal(&error))?
}

/// Runs a command that carries a key, unless it ran before.
async fn once(what: &'static Described, mut asked: Asked, digest: [u8; 32]) -> Answer {
    let (app, now) = (asked.app.clone(), asked.app.now());
    let (asker, key) = (asked.ask.caller.asker(), asked.ask.key.clone().unwrap_or_default());
    // Memories are kept per asker: a stranger learns nothing from a guessed key.
    let begun = app.desk(move |desk| desk.idempotency.begin(&asker, &key, digest, now)).await?;
    match begun? {
        Begun::Replay(answer) => replayed(&answer),
        Begun::Fresh(ticket) => {
            let ticket = Arc::new(ticket);
            let repeats = what.offer.repeats;
            if repeats == Repeats::Opens {
                asked.ask.opens = Some(ticket.id());
            }
            if matches!(repeats, Repeats::Opens | Repeats::Secret) {
                asked.beginning = Some(Arc::clone(&ticket));
            }
            let answer = (what.run)(Rc::new(asked)).await?;
            if repeats == Repeats::Secret {
                return Ok(answer);
            }
            let kept: Box<str> = answer.as_str().into();
            app.desk(move |_| ticket.finish(&kept, now)).await??;
            Ok(answer)
        }
    }
}

async fn run<O: Operation>(asked: &Asked) -> Answer {
    let Asked { app, ask, parameters, beginning } = asked;
    if O::OFFER.repeats == Repeats::KeyRequired {
        ask.key()?;
    }
    let operation: O = match ask.door {
        Door::Http => read_beside(parameters, || O::OFFER.in_path()),
        Door::Live => read(parameters),
    }?;
    rights::check(app, &ask.caller, &operation.right()).await?;
    let look = match operation.change(&ask.caller) {
        Some(change) => rights::look_for(app, &ask.caller, change)?,
        None => None,
    };
    let stakes = match &ask.caller {
        Caller::Person(_) => operation.worth(app).await?,
        Caller::Nobody | Caller::Till(_) | Caller::Operator => operation.stakes(),
    };
    let spent = match stakes {
        Some(amount) => rights::check_stakes(app, &ask.caller, amount)?,
        None => None,
    };
    let is_secret = O::OFFER.repeats == Repeats::Secret;
    if let Some(ticket) = beginning.clone() {
        let now = app.now();
        let begin = move |_: &Desk| {
            if is_secret { ticket.use_up(now) } else { ticket.write_down() }
        };
        app.desk(begin).await??;
    }
    let answered = operation.perform(app, ask).await;
    let moved_nothing = match &answered {
        Ok(answer) => O::is_repetition(answer),
        Err(problem) => problem.is_refusal(),
    };
    if let (Some(spent), true) = (spent, moved_nothing) {
        app.looks().not_spent(spent);
    }
    if let Some(look) = look {
        rights::settle_look(look, &answered);
    }
    if let (Some(ticket), true, Err(problem)) = (beginning.clone(), is_secret, &answered)
        && made_nothing(problem)
    {
        // Where that fails the key stays used up, and what is told is still why nothing was made.
        let taken_back = app.desk(move |_| ticket.write_down()).await;
        if !matches!(taken_back, Ok(Ok(()))) {
            tracing::warn!(?taken_back, "a key stays used up");
        }
    }
    serde_json::to_string(&answered?).map_err(|error| Problem::internal(&error))
}

/// Whether a command that shows a secret has made nothing. Of the engine it only reads, before it does.
fn made_nothing(problem: &Problem) -> bool {
    let read_nothing = [Kind::Busy, Kind::Closing, Kind::Poisoned, Kind::Unreadable];
    problem.is_refusal() || read_nothing.contains(&problem.kind())
}

/// `parameters` as `P`.
///
/// # Errors
/// `bad_request`, which names the field that does not fit by its path.
pub fn read<P: DeserializeOwned>(parameters: &Map<String, Value>) -> Result<P, Problem> {
    read_beside(parameters, Vec::new)
}

/// The same, where those of `elsewhere` are no fields to whoever asks.
fn read_beside<P: DeserializeOwned>(
    parameters: &Map<String, Value>,
    elsewhere: impl FnOnce() -> Vec<&'static str>,
) -> Result<P, Problem> {
    // Keeping the path costs time: only what is refused is read with it.
    let fits = P::deserialize(parameters);
    fits.or_else(|_| serde_path_to_error::deserialize(parameters)).map_err(|error| {
        let (path, error) = (error.path(), error.inner());
        let is_nested = path.iter().count() > 1;
        let told = misfit::in_words(error, &if is_nested { Vec::new() } else { elsewhere() });
        Problem::bad_request(match path.iter().next() {
            Some(_) => format!("`{path}`: {told}"),
            None => told,
        })
    })
}

/// What the parameters are, whatever the order in which they came. Under a key, whoever reads the
/// register alone cannot try a document's number against it.
fn digest(key: Option<&[u8; 32]>, method: &str, parameters: &Map<String, Value>) -> [u8; 32] {
    let mut sorted: Vec<_> = parameters.iter().collect();
    sorted.sort_by_key(|(name, _)| *name);
    let mut digest = Sha256::new();
    digest.update(method.as_bytes());
    for (name, value) in sorted {
        digest.update([0]);
        digest.update(name.as_bytes());
        digest.update([0]);
        digest.update(value.to_string().as_bytes());
    }
    let digest = digest.finalize();
    let Some(key) = key else { return digest.into() };
    let mut hidden = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    hidden.update(&digest);
    hidden.finalize().into_bytes().into()
}

fn replayed(answer: &str) -> Answer {
    let mut answer: Map<String, Value> =
        serde_json::from_str(answer).map_err(|error| Problem::internal(&error))?;
    answer.insert("replayed".into(), Value::Bool(true));
    serde_json::to_string(&answer).map_err(|error| Problem::internal(&error))
}
