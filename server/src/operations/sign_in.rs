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
        passkeys::{CeremonyId, Shown},
        register::{DeviceId, PasskeyId, Person, RegisterError, check_label},
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

pub(super) const fn plain(method: &'static str, verb: Verb, path: &'static str) -> Offer {
    Offer::new(method, verb, path, Repeats::Plain)
}

/// The beginning of a passkey ceremony.
#[derive(Serialize, JsonSchema)]
pub(super) struct Ceremony {
    /// Its name, for the end of it.
    pub(super) ceremony: CeremonyId,
    /// What the browser's `navigator.credentials` takes, bytes in base64url.
    pub(super) options: Value,
}

/// A session that was opened.
#[derive(Serialize, JsonSchema)]
pub(super) struct Session {
    /// The bearer token; only its hash is kept here.
    token: String,
    /// When it is over, unless nobody uses it for so long that it is over before.
    expires_at: Timestamp,
    /// Whose it is.
    me: MeView,
}

impl Session {
    /// The session that `open` opens at the desk, and whose it is.
    pub(super) async fn open(
        app: &App,
        open: impl FnOnce(&Desk) -> Result<Opened, Problem> + Send + 'static,
    ) -> Result<Self, Problem> {
        let now = app.now();
        let opened = move |desk: &Desk| {
            let (token, _, expires_at) = open(desk)?;
            let identity = desk.register.identify(&token.hash(), now)?;
            Ok::<_, Problem>((token, expires_at, identity))
        };
        let (token, expires_at, identity) = app.desk(opened).await??;
        let identity = identity.ok_or_else(Problem::not_signed_in)?;
        let me = MeView::of(app, &identity);
        Ok(Self { token: token.reveal().to_owned(), expires_at, me })
    }
}

/// What the register gives for a session.
pub(super) type Opened = (Token, DeviceId, Timestamp);

/// What a device is called: in its owner's words, or as far as its program's name fits.
pub(super) fn label(device: Option<String>, ask: &Ask) -> Result<String, RegisterError> {
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
    const IS_FOR_ANYONE: bool = true;
    type Answer = Ceremony;

    fn right(&self) -> Right {
        Right::Anyone
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<Ceremony, Problem> {
        app.rates().attempt(ask.address)?;
        let (ceremony, options) =
            app.passkeys().begin_sign_up(self.name, ask.address, app.now())?;
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
    const IS_FOR_ANYONE: bool = true;
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
        let (opened_by, called) = (PasskeyId::of(&passkey), label.clone());
        app.desk(move |desk| desk.register.add_person(&person, &passkey, &called)).await??;
        wallets::open(app, None, id, name, currency.unwrap_or(Currency::CNY)).await?;
        let lasts = app.settings().session_lasts();
        let open = move |desk: &Desk| {
            Ok(desk.register.open_session(id, Some(&opened_by), &label, now, lasts)?)
        };
        Session::open(app, open).await
    }
}

/// Begins to sign in: the device finds the passkey by itself.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BeginSignIn {}

impl Operation for BeginSignIn {
    const OFFER: Offer = plain("sign_in.begin", Verb::Post, "/v1/sign-in");
    const IS_FOR_ANYONE: bool = true;
    type Answer = Ceremony;

    fn right(&self) -> Right {
        Right::Anyone
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<Ceremony, Problem> {
        app.rates().attempt(ask.address)?;
        let (ceremony, options) = app.passkeys().begin_sign_in(ask.address, app.now())?;
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
    const IS_FOR_ANYONE: bool = true;
    type Answer = Session;

    fn right(&self) -> Right {
        Right::Anyone
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<Session, Problem> {
        let Self { ceremony, credential, device } = self;
        let label = label(device, ask)?;
        let (now, lasts) = (app.now(), app.settings().session_lasts());
        let open = move |desk: &Desk| {
            let lookup = |person| desk.register.passkeys(person);
            let Shown { person, passkey, changed } =
                desk.passkeys.finish_sign_in(ceremony, &credential, now, lookup)?;
            desk.register.use_passkey(person, &passkey, changed.as_ref(), now)?;
            Ok(desk.register.open_session(person, Some(&passkey), &label, now, lasts)?)
        };
        Session::open(app, open).await
    }
}

/// Begins a fresh look at the person's finger or face, for large amounts, or for one change of
/// passkeys, recovery codes, or who acts for a shop.
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
        let identity = ask.caller.person()?;
        let (person, device, now) = (identity.person.id, identity.device, app.now());
        let begin = move |desk: &Desk| {
            let passkeys = desk.register.passkeys(person)?;
            Ok::<_, Problem>(desk.passkeys.begin_step_up(person, device, &passkeys, now)?)
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
    /// Until when large amounts need no other look; or one change of passkeys, recovery codes, or who acts
    /// for a shop, which uses it up, and for which it serves only as long as nothing was spent with it.
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
        let (person, device, now) = (identity.person.id, identity.device, app.now());
        let finish = move |desk: &Desk| {
            let Shown { passkey, changed, .. } =
                desk.passkeys.finish_step_up(person, device, ceremony, &credential, now)?;
            desk.register.use_passkey(person, &passkey, changed.as_ref(), now)?;
            Ok::<_, Problem>(())
        };
        app.desk(finish).await??;
        Ok(Fresh { fresh_until: app.looks().refresh(device, app.now()) })
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
