//! What the engine's end-to-end tests share: a laid table, a storage on a leash, and waiting that
//! fails instead of hanging.
#![allow(dead_code, reason = "each test binary uses its part of it")]

pub(crate) mod fatal;
pub(crate) mod leash;
pub(crate) mod slow;

use std::{
    collections::BTreeMap,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use fanju::{
    Clock, Config, Data, Engine, Error, GroupView, MerchantView, Presented, TestClock, WalletView,
    domain::{
        bill::Bill,
        code::Code,
        event::{Consent, Rules},
        order::RefundRequest,
        payment::Question,
    },
    id::{GroupId, MerchantId, RequestId, Topic, WalletId},
    journal::Storage,
    money::{Amount, Currency},
};
use uuid::Uuid;

/// How long anybody may wait before the test says that he hangs. Never measured, only exceeded by
/// bugs.
const HANGS: Duration = Duration::from_secs(30);

pub(crate) fn minor(minor: i64) -> Amount {
    Amount::from_minor(minor)
}

pub(crate) fn request() -> RequestId {
    RequestId(Uuid::now_v7())
}

pub(crate) fn consent(cap: i64) -> Consent {
    Consent { cap: minor(cap), confirm_above: None }
}

/// An engine's configuration over `storage`, where nobody leaves memory.
pub(crate) fn over(storage: impl Storage + 'static) -> Config {
    Config { idle_after: None, ..Config::new(Data::Storage(Arc::new(storage))) }
}

/// A configuration in memory whose people leave memory soon after they did something, once `clock`
/// has passed the time of their codes.
pub(crate) fn drowsy(clock: &TestClock, idle_after: Duration) -> Config {
    Config {
        clock: Clock::Test(clock.clone()),
        idle_after: Some(idle_after),
        books_interval: Duration::from_millis(1),
        ..Config::in_memory()
    }
}

/// Waits for `answer`; who never answers fails the test.
pub(crate) async fn within<T>(answer: impl Future<Output = T>) -> T {
    tokio::time::timeout(HANGS, answer).await.expect("nobody hangs")
}

/// A command that was sent and is not answered yet.
pub(crate) type Begun<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Sends a command without waiting for its answer.
pub(crate) async fn begin<T: Send + 'static>(
    command: impl Future<Output = T> + Send + 'static,
) -> Begun<T> {
    let mut command: Begun<T> = Box::pin(command);
    match poll_fn(|context| Poll::Ready(command.as_mut().poll(context))).await {
        Poll::Ready(answer) => Box::pin(std::future::ready(answer)),
        Poll::Pending => command,
    }
}

/// A table of diners with money, a group of them all, and a merchant.
#[derive(Clone)]
pub(crate) struct Table {
    pub(crate) engine: Engine,
    pub(crate) diners: Vec<WalletId>,
    pub(crate) group: GroupId,
    pub(crate) merchant: MerchantId,
}

/// Everything that one can see of a table.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Seen {
    pub(crate) wallets: Vec<WalletView>,
    pub(crate) merchant: MerchantView,
    pub(crate) group: GroupView,
}

impl Table {
    pub(crate) async fn laid(config: Config, balances: &[i64], cap: i64, rules: Rules) -> Self {
        let engine = Engine::open(config).expect("opens");
        Self::laid_in(engine, balances, cap, rules).await
    }

    pub(crate) async fn laid_in(engine: Engine, balances: &[i64], cap: i64, rules: Rules) -> Self {
        let mut diners = Vec::new();
        for balance in balances {
            diners.push(wallet_with(&engine, *balance).await);
        }
        let merchant = merchant(&engine).await;
        let name = "dinner".try_into().unwrap();
        let opened =
            within(engine.open_group(name, diners[0], consent(cap), Currency::CNY, rules)).await;
        let group = opened.unwrap();
        for diner in &diners[1..] {
            within(engine.invite(group, diners[0], *diner)).await.unwrap();
            within(engine.join(group, *diner, consent(cap))).await.unwrap();
        }
        Self { engine, diners, group, merchant }
    }

    /// The same people, in an engine that was opened again.
    pub(crate) fn moved_to(&self, engine: Engine) -> Self {
        Self { engine, ..self.clone() }
    }

    pub(crate) fn bill(&self, order_no: &str, total: i64) -> Bill {
        bill(self.merchant, order_no, total)
    }

    pub(crate) async fn code(&self) -> Code {
        within(self.engine.show_code(self.group, self.diners[0])).await.unwrap().code
    }

    pub(crate) async fn pay(&self, order_no: &str, total: i64) -> Result<Presented, Error> {
        let code = within(self.engine.show_code(self.group, self.diners[0])).await?.code;
        within(self.engine.present(self.bill(order_no, total), code)).await
    }

    pub(crate) async fn settle(&self, order_no: &str, total: i64) -> fanju::Receipt {
        match self.pay(order_no, total).await {
            Ok(Presented::Settled(receipt)) => receipt,
            other => panic!("{order_no} should be settled: {other:?}"),
        }
    }

    /// Sends a bill without waiting for its end.
    pub(crate) async fn begin_paying(
        &self,
        order_no: &str,
        total: i64,
    ) -> Begun<Result<Presented, Error>> {
        let (engine, bill, code) =
            (self.engine.clone(), self.bill(order_no, total), self.code().await);
        begin(async move { engine.present(bill, code).await }).await
    }

    /// What the table's diners are asked, once it is so many questions.
    pub(crate) async fn questions(&self, count: usize) -> Vec<Question> {
        let asked = async {
            loop {
                let questions = self.engine.group(self.group).await.unwrap().questions;
                if questions.len() == count {
                    return questions;
                }
                tokio::task::yield_now().await;
            }
        };
        within(asked).await
    }

    pub(crate) async fn refund(
        &self,
        order_no: &str,
        refund_no: &str,
        amount: Option<i64>,
    ) -> Result<fanju::Receipt, Error> {
        let request = refund_request(order_no, refund_no, amount);
        within(self.engine.refund(self.merchant, request)).await
    }

    pub(crate) async fn balances(&self) -> Vec<i64> {
        let mut balances = Vec::new();
        for diner in &self.diners {
            let view = within(self.engine.wallet(*diner)).await.unwrap();
            assert_eq!(view.available, view.posted, "nothing stays reserved");
            balances.push(view.posted.minor());
        }
        balances
    }

    pub(crate) async fn takings(&self) -> i64 {
        within(self.engine.merchant(self.merchant)).await.unwrap().posted.minor()
    }

    pub(crate) async fn seen(&self) -> Seen {
        let mut wallets = Vec::new();
        for diner in &self.diners {
            wallets.push(within(self.engine.wallet(*diner)).await.unwrap());
        }
        let merchant = within(self.engine.merchant(self.merchant)).await.unwrap();
        let group = within(self.engine.group(self.group)).await.unwrap();
        Seen { wallets, merchant, group }
    }

    pub(crate) fn topics(&self) -> Vec<Topic> {
        let wallets = self.diners.iter().map(|diner| Topic::Wallet(*diner));
        wallets.chain([Topic::Merchant(self.merchant), Topic::Group(self.group)]).collect()
    }
}

pub(crate) async fn wallet_with(engine: &Engine, balance: i64) -> WalletId {
    let name = "diner".try_into().unwrap();
    let wallet = within(engine.open_wallet(name, Currency::CNY)).await.unwrap();
    if balance > 0 {
        within(engine.top_up(wallet, request(), minor(balance))).await.unwrap();
    }
    wallet
}

pub(crate) async fn merchant(engine: &Engine) -> MerchantId {
    let name = "Old Duck".try_into().unwrap();
    within(engine.onboard_merchant(name, Currency::CNY)).await.unwrap()
}

pub(crate) fn bill(merchant: MerchantId, order_no: &str, total: i64) -> Bill {
    Bill {
        merchant,
        order_no: order_no.try_into().unwrap(),
        currency: Currency::CNY,
        total: minor(total),
        lines: Vec::new(),
    }
}

pub(crate) fn refund_request(
    order_no: &str,
    refund_no: &str,
    amount: Option<i64>,
) -> RefundRequest {
    RefundRequest {
        order_no: order_no.try_into().unwrap(),
        refund_no: refund_no.try_into().unwrap(),
        amount: amount.map(minor),
        diner: None,
    }
}

/// The whole journal, told topic by topic: every event's position in log order.
pub(crate) fn journal_by_topic(engine: &Engine) -> BTreeMap<Topic, Vec<fanju::id::Position>> {
    let mut topics: BTreeMap<Topic, Vec<_>> = BTreeMap::new();
    let reader = engine.journal();
    let mut batches = reader.batches_after(fanju::journal::Tail::START);
    while let Some(batch) = batches.next_batch().expect("the journal reads") {
        for (position, payload) in batch.records() {
            let record = fanju::codec::decode(position, payload).expect("a record");
            for topic in record.topics() {
                topics.entry(topic).or_default().push(position);
            }
        }
    }
    topics
}
