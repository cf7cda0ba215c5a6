//! Signing up and in with a passkey, and a fresh look at finger or face.

use fanju::{domain::text::Name, money::Currency, time::Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Described, Offer, Operation, Repeats, Verb, people::MeView, receipt::Done, wallets};
use crate::{
    app::{App, Desk},
    auth::{
        caller::Ask,
        limits,
        passkeys::CeremonyId,
        register::{Person, PersonId, RegisterError, check_label},
        rights::Right,
        token::Token,
    },
    problem::Problem,
};

pub(super) fn operations() -> Vec<Described> {
    vec![
        Described::of::<BeginSignUp>(),
        Described::of::<FinishSignUp>(),
        Described::of::<BeginSignIn>(),
        Described::of::<FinishSignIn>(),
        Described::of::<BeginStepUp>(),
        Described::of::<FinishStepUp>(),
        Described::of::<SignOut>(),
    ]
}

const fn plain(method: &'static str, verb: Verb, path: &'static str) -> Offer {
    Offer::new(method, verb, path, Repeats::Plain)
}

/// The beginning of a passkey ceremony.
#[derive(Serialize, JsonSchema)]
struct Ceremony {
    /// Its name, for the end of it.
    ceremony: CeremonyId,
    /// What the browser's `navigator.credentials` takes, bytes in base64url.
    options: Value,
}

/// A session that was opened.
#[derive(Serialize, JsonSchema)]
struct Session {
    /// The bearer token; only its hash is kept here.
    token: String,
    /// When it is over.
    expires_at: Timestamp,
    /// Whose it is.
    me: MeView,
}

async fn open_session(app: &App, person: PersonId, label: String) -> Result<Session, Problem> {
    let (now, lasts) = (app.now(), app.settings().session_lasts());
    let open = move |desk: &Desk| {
        let (token, _, expires_at) = desk.register.open_session(person, &label, now, lasts)?;
        let identity = desk.register.identify(&token.hash(), now)?;
        Ok::<_, RegisterError>((token, expires_at, identity))
    };
    let (token, expires_at, identity): (Token, _, _) = app.desk(open).await??;
    let identity = identity.ok_or_else(Problem::not_signed_in)?;
    let me = MeView::of(app, &identity);
    Ok(Session { token: token.reveal().to_owned(), expires_at, me })
}

/// What a device is called: in its owner's words, or as far as its program's name fits.
fn label(device: Option<String>, ask: &Ask) -> Result<String, RegisterError> {
    let named = || {
        let agent = ask.agent.as_deref().unwrap_or_default();
        let agent: String = agent.chars().filter(|sign| !sign.is_control()).collect();
        agent[..agent.floor_char_boundary(limits::LABEL_BYTES_MAX)].trim().to_owned()
    };
    let label = device.unwrap_or_else(named);
    let label = if label.is_empty() { "unnamed device".to_owned() } else { label };
    check_label(&label)?;
    Ok(label)
}

/// Begins to sign up: asks the device for a new passkey.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BeginSignUp {
    /// What friends will see.
    name: Name,
}

impl Operation for BeginSignUp {
    const OFFER: Offer = plain("sign_up.begin", Verb::Post, "/v1/sign-up");
    type Answer = Ceremony;

    fn right(&self) -> Right {
        Right::Anyone
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<Ceremony, Problem> {
        app.rates().attempt(ask.address)?;
        let (ceremony, options) = app.passkeys().begin_sign_up(self.name, app.now())?;
        Ok(Ceremony { ceremony, options })
    }
}

/// Ends the sign-up with the passkey that the device made, and opens the first wallet.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FinishSignUp {
    /// Which.
    ceremony: CeremonyId,
    /// What the browser answered, bytes in base64url.
    credential: Value,
    /// What the person calls this device.
    device: Option<String>,
    /// The first wallet's currency; CNY unless said.
    currency: Option<Currency>,
}

impl Operation for FinishSignUp {
    const OFFER: Offer = plain("sign_up.finish", Verb::Post, "/v1/sign-up/{ceremony}");
    type Answer = Session;

    fn right(&self) -> Right {
        Right::Anyone
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<Session, Problem> {
        let Self { ceremony, credential, device, currency } = self;
        // Before anything is written: an account without a session would be nobody's.
        let label = label(device, ask)?;
        let now = app.now();
        let (id, name, passkey) = app.passkeys().finish_sign_up(ceremony, &credential, now)?;
        let person = Person { id, name: name.clone(), verified: false, created_at: now };
        app.desk(move |desk| desk.register.add_person(&person, &passkey)).await??;
        wallets::open(app, id, name, currency.unwrap_or(Currency::CNY)).await?;
        open_session(app, id, label).await
    }
}

/// Begins to sign in: the device finds the passkey by itself.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BeginSignIn {}

impl Operation for BeginSignIn {
    const OFFER: Offer = plain("sign_in.begin", Verb::Post, "/v1/sign-in");
    type Answer = Ceremony;

    fn right(&self) -> Right {
        Right::Anyone
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<Ceremony, Problem> {
        app.rates().attempt(ask.address)?;
        let (ceremony, options) = app.passkeys().begin_sign_in(app.now())?;
        Ok(Ceremony { ceremony, options })
    }
}

/// Ends the sign-in with the passkey's answer.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FinishSignIn {
    /// Which.
    ceremony: CeremonyId,
    /// What the browser answered, bytes in base64url.
    credential: Value,
    /// What the person calls this device.
    device: Option<String>,
}

impl Operation for FinishSignIn {
    const OFFER: Offer = plain("sign_in.finish", Verb::Post, "/v1/sign-in/{ceremony}");
    type Answer = Session;

    fn right(&self) -> Right {
        Right::Anyone
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<Session, Problem> {
        let Self { ceremony, credential, device } = self;
        let label = label(device, ask)?;
        let now = app.now();
        let finish = move |desk: &Desk| {
            let lookup = |person| desk.register.passkeys(person);
            let (person, used) =
                desk.passkeys.finish_sign_in(ceremony, &credential, now, lookup)?;
            if let Some(passkey) = used {
                desk.register.update_passkey(person, &passkey)?;
            }
            Ok::<_, Problem>(person)
        };
        let person = app.desk(finish).await??;
        open_session(app, person, label).await
    }
}

/// Begins a fresh look at the person's finger or face, for a large amount.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BeginStepUp {}

impl Operation for BeginStepUp {
    const OFFER: Offer = plain("step_up.begin", Verb::Post, "/v1/step-up");
    type Answer = Ceremony;

    fn right(&self) -> Right {
        Right::Person
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<Ceremony, Problem> {
        let (person, now) = (ask.caller.person()?.person.id, app.now());
        let begin = move |desk: &Desk| {
            let passkeys = desk.register.passkeys(person)?;
            Ok::<_, Problem>(desk.passkeys.begin_step_up(person, &passkeys, now)?)
        };
        let (ceremony, options) = app.desk(begin).await??;
        Ok(Ceremony { ceremony, options })
    }
}

/// Ends a fresh look.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FinishStepUp {
    /// Which.
    ceremony: CeremonyId,
    /// What the browser answered, bytes in base64url.
    credential: Value,
}

/// How long the look counts.
#[derive(Serialize, JsonSchema)]
struct Fresh {
    /// Until when large amounts need no other look.
    fresh_until: Timestamp,
}

impl Operation for FinishStepUp {
    const OFFER: Offer = plain("step_up.finish", Verb::Post, "/v1/step-up/{ceremony}");
    type Answer = Fresh;

    fn right(&self) -> Right {
        Right::Person
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<Fresh, Problem> {
        let Self { ceremony, credential } = self;
        let identity = ask.caller.person()?;
        let (person, now) = (identity.person.id, app.now());
        let finish = move |desk: &Desk| {
            let used = desk.passkeys.finish_step_up(person, ceremony, &credential, now)?;
            if let Some(passkey) = used {
                desk.register.update_passkey(person, &passkey)?;
            }
            Ok::<_, Problem>(())
        };
        app.desk(finish).await??;
        Ok(Fresh { fresh_until: app.looks().refresh(identity.device, app.now()) })
    }
}

/// Ends this session.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SignOut {}

impl Operation for SignOut {
    const OFFER: Offer = plain("sign_out", Verb::Delete, "/v1/session");
    type Answer = Done;

    fn right(&self) -> Right {
        Right::Person
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<Done, Problem> {
        let identity = ask.caller.person()?;
        let (person, device) = (identity.person.id, identity.device);
        app.desk(move |desk| desk.register.revoke_device(person, device)).await??;
        Ok(Done {})
    }
}
