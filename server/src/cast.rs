//! A cast: people and shops made up, for the demo page and for load tests.
//!
//! Their sessions need no passkey, so `serve` seeds them under `--demo` alone, and `fanju-server cast`
//! makes them for whoever may write the data folder anyway. Nothing else in this server knows them.

use actix_web::{HttpResponse, web};
use fanju::{
    domain::text::Name,
    id::{MerchantId, RequestId, WalletId},
    money::{Amount, Currency},
};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::{
    app::{App, Desk},
    auth::register::{Person, PersonId, RegisterError, Role},
    problem::Problem,
};

const DINERS: [&str; 8] = ["Ana", "Bo", "Chen", "Dilnoza", "Emeka", "Fang", "Gia", "Hugo"];
const RESTAURANT: &str = "面馆 Noodle House";
const CURRENCY: Currency = Currency::CNY;

/// What each diner of the demo begins with: 500.00.
const PURSE: Amount = Amount::from_minor(50_000);

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
    config.route("/demo/cast", web::get().to(serve));
}

async fn serve(cast: web::Data<Cast>) -> HttpResponse {
    let cast = json!({ "merchant": cast.merchants.first(), "diners": cast.diners });
    HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(cast)
}

/// Makes the demo's restaurant and its eight diners.
///
/// # Errors
/// When the engine or the register refuses.
pub async fn seed(app: &App) -> anyhow::Result<Cast> {
    let mut diners = Vec::new();
    for name in DINERS {
        diners.push(diner(app, name.to_owned(), PURSE).await?);
    }
    Ok(Cast { merchants: vec![shop(app, RESTAURANT.to_owned()).await?], diners })
}

/// Makes `shops` shops, and `diners` diners with `purse` each.
///
/// # Errors
/// When the engine or the register refuses.
pub async fn make(app: &App, shops: usize, diners: usize, purse: Amount) -> anyhow::Result<Cast> {
    let mut cast = Cast { merchants: Vec::new(), diners: Vec::new() };
    for number in 1..=shops {
        cast.merchants.push(shop(app, format!("Shop {number}")).await?);
    }
    for number in 1..=diners {
        cast.diners.push(diner(app, format!("Diner {number}"), purse).await?);
    }
    Ok(cast)
}

async fn shop(app: &App, name: String) -> anyhow::Result<Till> {
    let (owner, token) = person(app, &format!("Owner of {name}")).await?;
    let merchant = app.engine().onboard_merchant(Name::new(&name)?, CURRENCY).await?;
    let owns = move |desk: &Desk| desk.register.set_role(merchant, owner, Role::Owner);
    app.desk(owns).await.map_err(failed)??;
    Ok(Till { merchant, name, currency: CURRENCY, token })
}

async fn diner(app: &App, name: String, purse: Amount) -> anyhow::Result<Diner> {
    let (diner, token) = person(app, &name).await?;
    let wallet = app.engine().open_wallet(Name::new(&name)?, CURRENCY).await?;
    let owns = move |desk: &Desk| desk.register.add_wallet(diner, wallet, CURRENCY);
    app.desk(owns).await.map_err(failed)??;
    app.engine().top_up(wallet, RequestId(Uuid::now_v7()), purse).await?;
    Ok(Diner { name, wallet, token })
}

async fn person(app: &App, name: &str) -> anyhow::Result<(PersonId, String)> {
    let (now, lasts) = (app.now(), app.settings().session_lasts());
    let id = PersonId(Uuid::now_v7());
    let person = Person { id, name: Name::new(name)?, verified: false, created_at: now };
    let add = move |desk: &Desk| {
        desk.register.add_person_without_passkey(&person)?;
        let (token, ..) = desk.register.open_session(id, None, "made up", now, lasts)?;
        Ok::<_, RegisterError>(token.reveal().to_owned())
    };
    let token = app.desk(add).await.map_err(failed)??;
    Ok((id, token))
}

fn failed(problem: Problem) -> anyhow::Error {
    anyhow::anyhow!("cannot make the cast up: {problem}")
}
