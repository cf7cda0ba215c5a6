//! What whoever runs the server watches.

use std::sync::atomic::Ordering;

use fanju::{
    Error,
    domain::text::{Name, OrderNo},
    id::{GroupId, MerchantId, Position},
    money::{Amount, Currency},
};
use futures_util::{StreamExt, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Described, Offer, Operation};
use crate::{
    app::App,
    auth::{caller::Ask, rights::Right},
    measures,
    problem::Problem,
};

pub(super) fn operations() -> Vec<Described> {
    vec![Described::of::<Stats>(), Described::of::<Orders>(), Described::of::<Totals>()]
}

/// Tells how the server does.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Stats {}

/// How the server does.
#[derive(Serialize, JsonSchema)]
struct StatsView {
    /// The name under which positions are told.
    epoch: String,
    /// Up to where the journal is durable.
    durable: Position,
    /// Up to where the books have it.
    projected: Position,
    /// Journal that the books do not have yet, in bytes.
    books_lag_bytes: u64,
    /// Age of the oldest record that the books do not have, in milliseconds.
    books_lag_ms: u64,
    /// Why the books stopped, if they did.
    #[serde(skip_serializing_if = "Option::is_none")]
    books_error: Option<String>,
    /// Whether the journal takes no more: the server must be started again.
    poisoned: bool,
    /// Records made durable since the start.
    records: u64,
    /// Batches of records since the start: one write each, and one sync where the journal syncs.
    batches: u64,
    /// Syncs since the start.
    syncs: u64,
    /// Time of all syncs since the start, in microseconds.
    sync_us_total: u64,
    /// Time of a sync in the mean, in microseconds.
    sync_us_mean: u64,
    /// Time of the longest sync, in microseconds.
    sync_us_max: u64,
    /// Wallets in memory.
    wallets_active: usize,
    /// Merchants in memory.
    merchants_active: usize,
    /// Groups in memory.
    groups_active: usize,
    /// Orders between scan and end.
    orders_in_flight: usize,
    /// Live sessions.
    sessions: usize,
    /// Resident memory of the server's process, in bytes; left out where the system does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
    /// Orders paid since the start.
    settled: u64,
    /// Orders that ended without money since the start.
    declined: u64,
    /// Half of the latest orders took at most this long, in microseconds.
    settle_us_p50: u64,
    /// Ninety-nine of a hundred took at most this long, in microseconds.
    settle_us_p99: u64,
}

impl Operation for Stats {
    const OFFER: Offer = Offer::get("operator.stats", "/v1/operator/stats");
    type Answer = StatsView;

    fn right(&self) -> Right {
        Right::Operator
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<StatsView, Problem> {
        let stats = app.engine().stats();
        let times = app.measures().order_times();
        let micros =
            |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let mean = micros(stats.journal.sync_total).checked_div(stats.journal.syncs).unwrap_or(0);
        Ok(StatsView {
            epoch: app.epoch().to_owned(),
            durable: stats.durable,
            projected: stats.projected,
            books_lag_bytes: stats.books_lag.bytes,
            books_lag_ms: micros(stats.books_lag.age) / 1_000,
            books_error: app.engine().books_error().map(|error| error.to_string()),
            poisoned: app.engine().is_poisoned(),
            records: stats.journal.records,
            batches: stats.journal.batches,
            syncs: stats.journal.syncs,
            sync_us_total: micros(stats.journal.sync_total),
            sync_us_mean: mean,
            sync_us_max: micros(stats.journal.sync_max),
            wallets_active: stats.wallets_active,
            merchants_active: stats.merchants_active,
            groups_active: stats.groups_active,
            orders_in_flight: stats.orders_in_flight,
            sessions: app.sessions().load(Ordering::Relaxed),
            memory_bytes: measures::resident_bytes(),
            settled: app.measures().settled(),
            declined: app.measures().declined(),
            settle_us_p50: times.p50,
            settle_us_p99: times.p99,
        })
    }
}

/// Orders in a list: those that have waited longest.
const ORDERS_SHOWN: usize = 50;

/// Groups that are asked at once how their bill stands.
const GROUPS_AT_ONCE: usize = 8;

/// Lists the orders that wait for somebody, those first that have waited longest.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Orders {}

/// Orders between scan and end.
#[derive(Serialize, JsonSchema)]
struct OrderList {
    /// Fifty at most.
    orders: Vec<OpenOrder>,
    /// How many there are.
    count: usize,
}

/// One order between scan and end.
#[derive(Serialize, JsonSchema)]
struct OpenOrder {
    /// Who wants to be paid.
    merchant: MerchantId,
    /// What the shop is called; left out where it cannot be read now.
    #[serde(skip_serializing_if = "Option::is_none")]
    shop: Option<Name>,
    /// Under which number.
    order_no: OrderNo,
    /// Who pays.
    group: GroupId,
    /// How much in all.
    total: Amount,
    /// In which currency.
    currency: Currency,
    /// Sources that have set their part aside.
    reserved: usize,
    /// Sources asked.
    of: usize,
    /// How many have to say yes, and have not.
    waiting_for: usize,
}

impl Operation for Orders {
    const OFFER: Offer = Offer::get("operator.orders", "/v1/operator/orders");
    type Answer = OrderList;

    fn right(&self) -> Right {
        Right::Operator
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<OrderList, Problem> {
        let (groups, count) = app.engine().paying_groups(ORDERS_SHOWN);
        let groups = stream::iter(groups);
        let orders: Vec<_> =
            groups.map(|group| open_order(app, group)).buffered(GROUPS_AT_ONCE).collect().await;
        let orders: Result<Vec<_>, Error> =
            orders.into_iter().filter_map(Result::transpose).collect();
        Ok(OrderList { orders: orders?, count })
    }
}

/// The order that `group` is paying, unless it is over by now.
async fn open_order(app: &App, group: GroupId) -> Result<Option<OpenOrder>, Error> {
    let view = match app.engine().group(group).await {
        // It has died since, or its opening was never durable: its bill is over.
        Err(Error::Unanswered | Error::UnknownGroup(_)) => return Ok(None),
        view => view?,
    };
    let Some(progress) = view.progress else { return Ok(None) };
    let shop = app.engine().merchant(progress.merchant).await.ok().map(|view| view.name);
    Ok(Some(OpenOrder {
        merchant: progress.merchant,
        shop,
        order_no: progress.order_no,
        group,
        total: progress.total,
        currency: view.group.currency,
        reserved: progress.reserved,
        of: progress.of,
        waiting_for: progress.waiting_for.len(),
    }))
}

/// Sums all money up, by currency, as the books have it: wallets, merchants and the world outside
/// come to zero.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Totals {}

/// All money.
#[derive(Serialize, JsonSchema)]
struct TotalList {
    /// By currency.
    totals: Vec<Total>,
    /// Whether each currency comes to zero (M-1).
    balanced: bool,
    /// Up to where the books had the journal when they were read, or further.
    projected: Position,
    /// Age of the oldest record that they did not have then, in milliseconds.
    books_lag_ms: u64,
}

/// All money of one currency.
#[derive(Serialize, JsonSchema)]
struct Total {
    /// Which.
    currency: Currency,
    /// In wallets.
    wallets: Amount,
    /// With merchants.
    merchants: Amount,
    /// Of the world outside: minus all money inside.
    clearing: Amount,
}

impl Operation for Totals {
    const OFFER: Offer = Offer::get("operator.totals", "/v1/operator/totals");
    type Answer = TotalList;

    fn right(&self) -> Right {
        Right::Operator
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<TotalList, Problem> {
        // Before the sums: these are of this position or of a later one.
        let stats = app.engine().stats();
        let totals = app.engine().query(fanju::books::BooksReader::totals).await?;
        let zero = |total: &fanju::books::Totals| {
            Amount::checked_sum([total.wallets, total.merchants, total.clearing])
                == Some(Amount::ZERO)
        };
        let balanced = totals.iter().all(zero);
        let view = |total: fanju::books::Totals| Total {
            currency: total.currency,
            wallets: total.wallets,
            merchants: total.merchants,
            clearing: total.clearing,
        };
        Ok(TotalList {
            totals: totals.into_iter().map(view).collect(),
            balanced,
            projected: stats.projected,
            books_lag_ms: u64::try_from(stats.books_lag.age.as_millis()).unwrap_or(u64::MAX),
        })
    }
}
