//! A cast: people and shops made up, for the demo page and for load tests.
//!
//! Their sessions need no passkey, so `serve` seeds them under `--demo` alone, and `fanju-server cast`
//! makes them for whoever may write the data folder anyway. Elsewhere only a start that takes no made-up
//! people knows them, and signs them out, and step-up, which they cannot show.
//!
//! A demo that starts again finds the people and the shop of before: their identities are always the
//! same. Whatever is missing of them, after a crash in the middle as well, is made.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use anyhow::Context;
use fanju::{
    domain::{text::Name, wallet::Status},
    id::{MerchantId, RequestId, WalletId},
    money::{Amount, Currency},
};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::{
    app::{App, Desk},
    auth::register::{Identity, Person, PersonId, Role},
    http::resource,
    problem::Problem,
};

const DINERS: [&str; 8] = ["Ana", "Bo", "Chen", "Dilnoza", "Emeka", "Fang", "Gia", "Hugo"];
const RESTAURANT: &str = "面馆 Noodle House";
const CURRENCY: Currency = Currency::CNY;

/// What each diner of the demo begins with, at each start, unless there is more: 500.00.
const PURSE: Amount = Amount::from_minor(50_000);

/// The demo's people are these identities, in order: UUIDs of version 8, which nobody is given who signs
/// up.
const FIRST_OF_DEMO: u128 = 0x6661_6e6a_7500_8000_8000_0000_0000_0000;

/// Sessions that each made-up person has at most: pages that are open while the server starts again go
/// on.
const SESSIONS_MAX: usize = 4;

/// Who plays.
#[derive(Clone, Serialize)]
pub struct Cast {
    /// The shops, each with a session of its owner.
    merchants: Vec<Till>,
    /// The diners, each with a session.
    diners: Vec<Diner>,
}

#[derive(Clone, Serialize)]
struct Till {
    merchant: MerchantId,
    name: String,
    currency: Currency,
    token: String,
}

#[derive(Clone, Serialize)]
struct Diner {
    name: String,
    wallet: WalletId,
    token: String,
}

/// Serves the cast's tokens to the demo page.
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(resource("/demo/cast", "GET".to_owned(), [web::get().to(serve)]));
}

async fn serve(cast: web::Data<Cast>) -> HttpResponse {
    let cast = json!({ "merchant": cast.merchants.first(), "diners": cast.diners });
    HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(cast)
}

/// Finds the demo's restaurant and its eight diners, or makes them, and fills their purses.
///
/// # Errors
/// When the engine or the register refuses.
pub async fn seed(app: &App) -> anyhow::Result<Cast> {
    let mut people = (FIRST_OF_DEMO..).map(|id| PersonId(Uuid::from_u128(id)));
    let mut next = move || people.next().expect("there are more numbers than people");
    let mut diners = Vec::new();
    for name in DINERS {
        diners.push(diner(app, next(), name.to_owned(), PURSE).await?);
    }
    Ok(Cast { merchants: vec![shop(app, next(), RESTAURANT.to_owned()).await?], diners })
}

/// Makes `shops` shops, and `diners` diners with `purse` each.
///
/// # Errors
/// When the engine or the register refuses.
pub async fn make(app: &App, shops: usize, diners: usize, purse: Amount) -> anyhow::Result<Cast> {
    let fresh = || PersonId(Uuid::now_v7());
    let mut cast = Cast { merchants: Vec::new(), diners: Vec::new() };
    for number in 1..=shops {
        cast.merchants.push(shop(app, fresh(), format!("Shop {number}")).await?);
    }
    for number in 1..=diners {
        cast.diners.push(diner(app, fresh(), format!("Diner {number}"), purse).await?);
    }
    Ok(cast)
}

async fn shop(app: &App, owner: PersonId, name: String) -> anyhow::Result<Till> {
    let (known, token) = person(app, owner, &format!("Owner of {name}")).await?;
    let merchant = match known.staff.first() {
        Some((merchant, _)) => *merchant,
        None => {
            let merchant = app.engine().onboard_merchant(Name::new(&name)?, CURRENCY).await?;
            let owns = move |desk: &Desk| desk.register.set_role(merchant, owner, Role::Owner);
            app.desk(owns).await.map_err(failed)??;
            merchant
        }
    };
    Ok(Till { merchant, name, currency: CURRENCY, token })
}

async fn diner(app: &App, diner: PersonId, name: String, purse: Amount) -> anyhow::Result<Diner> {
    let (known, token) = person(app, diner, &name).await?;
    let wallet = match usable(app, &known).await? {
        Some(wallet) => wallet,
        None => {
            let wallet = app.engine().open_wallet(Name::new(&name)?, CURRENCY).await?;
            let owns = move |desk: &Desk| desk.register.add_wallet(diner, wallet, CURRENCY);
            app.desk(owns).await.map_err(failed)??;
            wallet
        }
    };
    let has = app.engine().wallet(wallet).await?.available;
    if has < purse {
        let missing = purse.checked_sub(has).context("what is missing is an amount")?;
        app.engine().top_up(wallet, RequestId(Uuid::now_v7()), missing).await?;
    }
    Ok(Diner { name, wallet, token })
}

/// A wallet of somebody who was here before, ready to pay.
async fn usable(app: &App, known: &Identity) -> anyhow::Result<Option<WalletId>> {
    for (wallet, currency) in &known.wallets {
        if *currency != CURRENCY {
            continue;
        }
        match app.engine().wallet(*wallet).await?.status {
            Status::Open => return Ok(Some(*wallet)),
            Status::Frozen => {
                app.engine().thaw(*wallet).await?;
                return Ok(Some(*wallet));
            }
            Status::Closed => {}
        }
    }
    Ok(None)
}

/// Signs somebody in who needs no passkey, and who is made up if there is no such person.
async fn person(app: &App, id: PersonId, name: &str) -> anyhow::Result<(Arc<Identity>, String)> {
    let (now, lasts) = (app.now(), app.settings().session_lasts());
    let person = Person { id, name: Name::new(name)?, verified: false, created_at: now };
    let sign_in = move |desk: &Desk| {
        let register = &desk.register;
        if register.person(id)?.is_none() {
            register.add_person_without_passkey(&person)?;
        }
        let open = register.devices(id, now)?;
        for device in open.iter().rev().skip(SESSIONS_MAX - 1) {
            register.revoke_device(id, device.device)?;
        }
        let (token, ..) = register.open_session(id, None, "made up", now, lasts)?;
        let identity = register.identify(&token.hash(), now)?.context("sessions last no time")?;
        Ok::<_, anyhow::Error>((identity, token.reveal().to_owned()))
    };
    app.desk(sign_in).await.map_err(failed)?
}

fn failed(problem: Problem) -> anyhow::Error {
    anyhow::anyhow!("cannot make the cast up: {problem}")
}
