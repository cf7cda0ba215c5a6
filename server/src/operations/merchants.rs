//! What a shop asks about itself, and how its takings get to its bank.

use fanju::{
    MerchantView,
    domain::text::Name,
    id::{MerchantId, Position, Topic},
    money::{Amount, Currency},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Described, Offer, Operation, Repeats, Verb,
    receipt::{Receipt, was_open},
    statement::{self, Page},
};
use crate::{
    app::App,
    auth::{caller::Ask, register::Scope, rights::Right},
    problem::Problem,
};

pub(super) fn operations() -> Vec<Described> {
    vec![
        Described::of::<Onboard>(),
        Described::of::<Get>(),
        Described::of::<Events>(),
        Described::of::<PayOut>(),
    ]
}

/// Opens a shop; the caller owns it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Onboard {
    /// What it is called.
    name: Name,
    /// The currency of its till, for good.
    currency: Currency,
}

/// A shop that was opened.
#[derive(Serialize, JsonSchema)]
struct Onboarded {
    /// Which.
    merchant: MerchantId,
    /// Whether it was open before this was asked.
    replayed: bool,
}

impl Operation for Onboard {
    const OFFER: Offer =
        Offer::new("merchants.onboard", Verb::Post, "/v1/merchants", Repeats::Opens);
    type Answer = Onboarded;

    fn right(&self) -> Right {
        Right::Person
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<Onboarded, Problem> {
        let owner = ask.caller.person()?.person.id;
        let (engine, Self { name, currency }) = (app.engine(), self);
        let opens = ask.opens.map(MerchantId);
        let _opening = app.opening(owner).await;
        app.desk(move |desk| desk.register.check_founder_room(owner, opens)).await??;
        let (merchant, replayed) = match opens {
            None => (engine.onboard_merchant(name, currency).await?, false),
            Some(id) => (id, was_open(engine.onboard_merchant_as(id, name, currency).await)?),
        };
        // A crash in between leaves a shop that nobody owns, and that takes no money, until its
        // opening is repeated under its key.
        app.desk(move |desk| desk.register.add_founder(merchant, owner)).await??;
        Ok(Onboarded { merchant, replayed })
    }
}

/// Tells how a shop stands.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Get {
    /// Which.
    merchant: MerchantId,
}

impl Operation for Get {
    const OFFER: Offer = Offer::get("merchants.get", "/v1/merchants/{merchant}");
    type Answer = MerchantView;

    fn right(&self) -> Right {
        Right::Merchant(self.merchant, Scope::Read)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<MerchantView, Problem> {
        Ok(app.engine().merchant(self.merchant).await?)
    }
}

/// Lists what happened at a shop, newest first.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Events {
    /// Which.
    merchant: MerchantId,
    /// Where the page begins; at the newest event unless said.
    from: Option<Position>,
    /// How many events at most.
    limit: Option<usize>,
}

impl Operation for Events {
    const OFFER: Offer = Offer::get("merchants.events", "/v1/merchants/{merchant}/events");
    type Answer = Page;

    fn right(&self) -> Right {
        Right::Merchant(self.merchant, Scope::Read)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Page, Problem> {
        statement::page(app, Topic::Merchant(self.merchant), self.from, self.limit).await
    }
}

/// Pays a shop's takings out to its bank.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PayOut {
    /// Whose takings.
    merchant: MerchantId,
    /// How much, in minor units.
    #[schemars(extend("minimum" = 1, "maximum" = fanju::limits::AMOUNT_MINOR_MAX))]
    amount: Amount,
}

impl Operation for PayOut {
    const OFFER: Offer = Offer::new(
        "merchants.pay_out",
        Verb::Post,
        "/v1/merchants/{merchant}/payouts",
        Repeats::KeyRequired,
    );
    type Answer = Receipt;

    fn right(&self) -> Right {
        Right::Merchant(self.merchant, Scope::PayOut)
    }

    fn stakes(&self) -> Option<Amount> {
        Some(self.amount)
    }

    fn is_repetition(receipt: &Receipt) -> bool {
        receipt.is_replayed()
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<Receipt, Problem> {
        let request = ask.request(self.merchant.0)?;
        Ok(app.engine().pay_out(self.merchant, request, self.amount).await?.into())
    }
}
