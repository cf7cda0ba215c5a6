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
    receipt::Receipt,
    statement::{self, Page},
};
use crate::{
    app::App,
    auth::{
        caller::Ask,
        register::{Role, Scope},
        rights::Right,
    },
    problem::Problem,
};

/// Days of one report, unless the caller says otherwise, and at most.
const REPORT_DAYS: i64 = 31;
const REPORT_DAYS_MAX: i64 = 366;

pub(super) fn operations() -> Vec<Described> {
    vec![
        Described::of::<Onboard>(),
        Described::of::<Get>(),
        Described::of::<Events>(),
        Described::of::<Days>(),
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
}

impl Operation for Onboard {
    const OFFER: Offer =
        Offer::new("merchants.onboard", Verb::Post, "/v1/merchants", Repeats::Keyed);
    type Answer = Onboarded;

    fn right(&self) -> Right {
        Right::Person
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<Onboarded, Problem> {
        let owner = ask.caller.person()?.person.id;
        let merchant = app.engine().onboard_merchant(self.name, self.currency).await?;
        // A crash in between leaves a shop that nobody owns and that takes no money.
        app.desk(move |desk| desk.register.set_role(merchant, owner, Role::Owner)).await??;
        Ok(Onboarded { merchant })
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

/// Sums a shop's orders up, day by day (UTC); the last month unless said.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Days {
    /// Which.
    merchant: MerchantId,
    /// From which day on, in days since 1970-01-01.
    from_day: Option<i64>,
    /// Up to which day, itself included.
    to_day: Option<i64>,
}

/// A shop's days with orders.
#[derive(Serialize, JsonSchema)]
struct Report {
    /// The days, oldest first.
    days: Vec<Day>,
}

/// One day's orders.
#[derive(Serialize, JsonSchema)]
struct Day {
    /// Which, in days since 1970-01-01.
    day: i64,
    /// Orders paid.
    settled_count: u64,
    /// What they came to.
    settled: Amount,
    /// Refunds made.
    refunded_count: u64,
    /// What they came to.
    refunded: Amount,
    /// Orders that ended without money.
    declined_count: u64,
}

impl Operation for Days {
    const OFFER: Offer = Offer::get("merchants.days", "/v1/merchants/{merchant}/days");
    type Answer = Report;

    fn right(&self) -> Right {
        Right::Merchant(self.merchant, Scope::Read)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Report, Problem> {
        let merchant = self.merchant;
        let to = self.to_day.unwrap_or_else(|| app.now().day());
        let from = self.from_day.unwrap_or(to.saturating_sub(REPORT_DAYS - 1));
        if !(0..REPORT_DAYS_MAX).contains(&to.saturating_sub(from)) {
            let detail = format!("a report has between 1 and {REPORT_DAYS_MAX} days");
            return Err(Problem::bad_request(detail));
        }
        // The till has just been told of an order, and the report must have it.
        if !app.engine().books_caught_up(crate::limits::BOOKS_WAIT).await? {
            let problem = Problem::new(503, "books_behind", "the report is not up to date yet");
            return Err(problem.retry_after_ms(crate::limits::RETRY_SOON_MS));
        }
        let days = app.engine().query(move |books| books.merchant_days(merchant, from, to)).await?;
        let day = |day: fanju::books::MerchantDay| Day {
            day: day.day,
            settled_count: day.settled_count,
            settled: day.settled,
            refunded_count: day.refunded_count,
            refunded: day.refunded,
            declined_count: day.declined_count,
        };
        Ok(Report { days: days.into_iter().map(day).collect() })
    }
}

/// Pays a shop's takings out to its bank.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PayOut {
    /// Whose takings.
    merchant: MerchantId,
    /// How much, in minor units.
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
