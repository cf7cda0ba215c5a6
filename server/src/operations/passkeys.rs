//! One's passkeys: one more, which there are, one less.

use fanju::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Described, Offer, Operation, Repeats, Verb,
    sign_in::{Ceremony, label, plain},
};
use crate::{
    app::{App, Desk},
    auth::{
        caller::{Ask, Caller},
        limits,
        passkeys::CeremonyId,
        register::{OwnPasskey, PasskeyId, RegisterError, Removed},
        rights::{self, Change, Right},
    },
    problem::Problem,
};

pub(super) fn operations() -> Vec<Described> {
    vec![
        Described::of::<BeginAddition>(),
        Described::of::<FinishAddition>(),
        Described::of::<ListPasskeys>(),
        Described::of::<RemovePasskey>(),
    ]
}

/// Begins to add a passkey: answers with what the browser needs to make one, on a device that has none
/// of this person's yet. Takes a fresh look at finger or face (`step_up`) that has served for nothing
/// else. An addition that is refused, or begun and not finished, has not used the look up: one may
/// begin again with it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BeginAddition {}

impl Operation for BeginAddition {
    const OFFER: Offer = plain("add_passkey.begin", Verb::Post, "/v1/add-passkey");
    type Answer = Ceremony;

    fn right(&self) -> Right {
        Right::Person
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<Ceremony, Problem> {
        // Not for this beginning alone: the ceremony has it until it ends.
        let look = rights::take_look(app, &ask.caller)?;
        let (identity, now) = (ask.caller.person()?.clone(), app.now());
        let begin = move |desk: &Desk| {
            let present = desk.register.passkeys(identity.person.id)?;
            let max = limits::PASSKEYS_PER_PERSON_MAX;
            if present.len() >= max {
                // Said before the device makes one that nobody would know.
                return Err(RegisterError::TooMany { what: "passkeys of a person", max }.into());
            }
            let (person, device) = (&identity.person, identity.device);
            Ok::<_, Problem>(desk.passkeys.begin_addition(person, device, &present, look, now)?)
        };
        let (ceremony, options) = app.desk(begin).await??;
        Ok(Ceremony { ceremony, options })
    }
}

/// Adds the passkey that the device made. The session that began this must still be signed in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FinishAddition {
    /// Which.
    ceremony: CeremonyId,
    /// What the browser answered, bytes in base64url.
    credential: Value,
    /// What the person calls the passkey.
    label: Option<String>,
}

/// A passkey that was added.
#[derive(Serialize, JsonSchema)]
struct Added {
    /// Which.
    passkey: PasskeyId,
    /// What it is called.
    label: String,
}

impl Operation for FinishAddition {
    const OFFER: Offer = plain("add_passkey.finish", Verb::Post, "/v1/add-passkey/{ceremony}");
    type Answer = Added;

    fn right(&self) -> Right {
        Right::Person
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<Added, Problem> {
        let Self { ceremony, credential, label: called } = self;
        let label = label(called, ask)?;
        let identity = ask.caller.person()?;
        let (person, device, now) = (identity.person.id, identity.device, app.now());
        let finish = move |desk: &Desk| {
            let (passkey, look) =
                desk.passkeys.finish_addition(person, device, ceremony, &credential, now)?;
            let added = desk.register.add_passkey(person, device, &passkey, &label, now);
            let added = added.map_err(Problem::from);
            rights::settle_look(look, &added);
            added.map(|()| Added { passkey: PasskeyId::of(&passkey), label })
        };
        app.desk(finish).await?
    }
}

/// Lists the person's passkeys.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListPasskeys {}

/// A person's passkeys.
#[derive(Serialize, JsonSchema)]
struct PasskeyList {
    /// The passkeys, oldest first.
    passkeys: Vec<PasskeyView>,
    /// How many there may be.
    max: usize,
}

/// One passkey.
#[derive(Serialize, JsonSchema)]
struct PasskeyView {
    /// Which: its credential id, in base64url.
    passkey: PasskeyId,
    /// What it is called.
    label: String,
    /// When it was registered.
    created_at: Timestamp,
    /// When it was shown last; absent when not since it was registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Timestamp>,
    /// Whether it opened the session that asks, which ends if it is removed.
    current: bool,
}

impl Operation for ListPasskeys {
    const OFFER: Offer = Offer::get("passkeys.list", "/v1/passkeys");
    type Answer = PasskeyList;

    fn right(&self) -> Right {
        Right::Person
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<PasskeyList, Problem> {
        let identity = ask.caller.person()?;
        let (person, device) = (identity.person.id, identity.device);
        let passkeys = app.desk(move |desk| desk.register.own_passkeys(person, device)).await??;
        let view = |OwnPasskey { passkey, label, created_at, last_used_at, opened_this }| {
            PasskeyView { passkey, label, created_at, last_used_at, current: opened_this }
        };
        let passkeys = passkeys.into_iter().map(view).collect();
        Ok(PasskeyList { passkeys, max: limits::PASSKEYS_PER_PERSON_MAX })
    }
}

/// Removes a passkey, and ends the sessions that it opened; the last passkey stays. Uses up a fresh
/// look at finger or face (`step_up`) that has served for nothing else.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RemovePasskey {
    /// Which.
    passkey: PasskeyId,
}

/// What went with a passkey.
#[derive(Serialize, JsonSchema)]
struct RemovedPasskey {
    /// How many sessions have ended.
    sessions_ended: usize,
    /// Whether the session that asked is one of them.
    signed_out: bool,
}

impl Operation for RemovePasskey {
    const OFFER: Offer =
        Offer::new("passkeys.remove", Verb::Delete, "/v1/passkeys/{passkey}", Repeats::Keyed);
    type Answer = RemovedPasskey;

    fn right(&self) -> Right {
        Right::Person
    }

    fn change(&self, _: &Caller) -> Option<Change> {
        Some(Change::WaysIn)
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<RemovedPasskey, Problem> {
        let identity = ask.caller.person()?;
        let (person, device) = (identity.person.id, identity.device);
        let remove = move |desk: &Desk| desk.register.remove_passkey(person, device, &self.passkey);
        let Removed { sessions, ended_this } = app.desk(remove).await??;
        Ok(RemovedPasskey { sessions_ended: sessions, signed_out: ended_this })
    }
}
