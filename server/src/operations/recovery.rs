//! The way back for whoever has lost every passkey: codes that are made beforehand, and coming back
//! by one.

use fanju::{domain::text::Name, time::Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Described, Offer, Operation, Repeats, Verb,
    sign_in::{Ceremony, Session, label, plain},
};
use crate::{
    app::{App, Desk},
    auth::{
        caller::{Ask, Caller},
        limits,
        passkeys::CeremonyId,
        recovery::{RecoveryCode, claimed},
        register::{RecoveryCodes, RegisterError},
        rights::{Change, Right},
    },
    problem::Problem,
};

pub(super) fn operations() -> Vec<Described> {
    vec![
        Described::of::<BeginRecovery>(),
        Described::of::<FinishRecovery>(),
        Described::of::<MakeCodes>(),
        Described::of::<GetCodes>(),
    ]
}

/// Begins to come back with a recovery code: asks the device for a new passkey. The code is not used
/// up yet.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BeginRecovery {
    /// What friends see.
    name: Name,
    /// One of the person's recovery codes, however it is typed.
    code: String,
}

impl Operation for BeginRecovery {
    const OFFER: Offer = plain("recovery.begin", Verb::Post, "/v1/recovery");
    const IS_FOR_ANYONE: bool = true;
    type Answer = Ceremony;

    fn right(&self) -> Right {
        Right::Anyone
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<Ceremony, Problem> {
        let Self { name, code } = self;
        app.rates().attempt(ask.address)?;
        let code = RecoveryCode::parse(&code).ok_or(RegisterError::UnknownRecoveryCode)?;
        let claimed = claimed(app.recovery_key(), &name);
        let (code, now) = (code.hash(app.recovery_key(), &name), app.now());
        let from = ask.address;
        let begin = move |desk: &Desk| {
            let Some(person) = desk.register.who_recovers(&code)? else { return Ok(None) };
            let present = desk.register.passkeys(person.id)?;
            let max = limits::PASSKEYS_RECOVERED_MAX;
            if present.len() >= max {
                return Err(RegisterError::TooMany { what: "passkeys of a person", max }.into());
            }
            Ok::<_, Problem>(Some(
                desk.passkeys.begin_recovery(&person, code, &present, from, now)?,
            ))
        };
        let Some((ceremony, options)) = app.desk(begin).await?? else {
            // Guesses alone are counted, so that nobody's guesses keep a good code out; whether or not
            // somebody is called so, because who counts differently tells who is here.
            app.rates().recovery(claimed)?;
            return Err(RegisterError::UnknownRecoveryCode.into());
        };
        Ok(Ceremony { ceremony, options })
    }
}

/// Comes back with the passkey that the device made: uses the code up, signs the person out
/// everywhere, and in here.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FinishRecovery {
    /// Which.
    ceremony: CeremonyId,
    /// What the browser answered, bytes in base64url.
    credential: Value,
    /// What the person calls this device.
    device: Option<String>,
}

impl Operation for FinishRecovery {
    const OFFER: Offer = plain("recovery.finish", Verb::Post, "/v1/recovery/{ceremony}");
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
            let (person, code, passkey) =
                desk.passkeys.finish_recovery(ceremony, &credential, now)?;
            let opened = desk.register.recover(person, &code, &passkey, &label, now, lasts)?;
            tracing::info!(%person, "came back by a recovery code");
            Ok(opened)
        };
        Session::open(app, open).await
    }
}

/// Makes recovery codes, which are shown this once; those before are void. Uses up a fresh
/// look at finger or face (`step_up`) that has served for nothing else.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MakeCodes {}

/// Recovery codes; only hashes of them are kept here.
#[derive(Serialize, JsonSchema)]
struct MadeCodes {
    /// The codes, each good for once.
    codes: Vec<String>,
    /// When they were made.
    made_at: Timestamp,
}

impl Operation for MakeCodes {
    const OFFER: Offer =
        Offer::new("recovery_codes.make", Verb::Post, "/v1/recovery-codes", Repeats::Secret);
    type Answer = MadeCodes;

    fn right(&self) -> Right {
        Right::Person
    }

    fn change(&self, _: &Caller) -> Option<Change> {
        Some(Change::WaysIn)
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<MadeCodes, Problem> {
        let identity = ask.caller.person()?;
        let (person, device, now) = (identity.person.id, identity.device, app.now());
        let codes: Vec<_> = (0..limits::RECOVERY_CODES).map(|_| RecoveryCode::fresh()).collect();
        let hash = |code: &RecoveryCode| code.hash(app.recovery_key(), &identity.person.name);
        let hashes: Vec<_> = codes.iter().map(hash).collect();
        let replace =
            move |desk: &Desk| desk.register.replace_recovery_codes(person, device, &hashes, now);
        app.desk(replace).await??;
        let codes = codes.iter().map(RecoveryCode::reveal).collect();
        Ok(MadeCodes { codes, made_at: now })
    }
}

/// Tells how many recovery codes are left.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GetCodes {}

/// What is known of a person's recovery codes.
#[derive(Serialize, JsonSchema)]
struct CodesView {
    /// Those that were not used.
    left: usize,
    /// Of how many.
    of: usize,
    /// When they were made; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    made_at: Option<Timestamp>,
}

impl Operation for GetCodes {
    const OFFER: Offer = Offer::get("recovery_codes.get", "/v1/recovery-codes");
    type Answer = CodesView;

    fn right(&self) -> Right {
        Right::Person
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<CodesView, Problem> {
        let person = ask.caller.person()?.person.id;
        let known = app.desk(move |desk| desk.register.recovery_codes(person)).await??;
        let RecoveryCodes { left, made_at } = known;
        Ok(CodesView { left, of: limits::RECOVERY_CODES, made_at })
    }
}
