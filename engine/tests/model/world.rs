//! The driver: carries plans out on an engine and on the model, and compares.

#[path = "world/ledger.rs"]
pub(crate) mod ledger;
#[path = "world/plan.rs"]
pub(crate) mod plan;

use std::collections::BTreeMap;

use fanju::{
    Config, Engine, Error, OrderView, Presented, Receipt, WalletView,
    domain::{
        event::{DeclineReason, Event, Rules},
        group::Command,
        order::RefundRequest,
        text::OrderNo,
    },
    id::{GroupId, MerchantId, Position, WalletId},
    journal::Tail,
    money::Currency,
};
use ledger::{Model, Outcome};
use plan::Plan;
use rand::{Rng as _, rngs::StdRng};

use crate::support::{Begun, begin, bill, consent, minor, within};

/// What a receipt says: its record, and whether that is of an earlier command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Told {
    position: Position,
    replayed: bool,
}

impl From<Receipt> for Told {
    fn from(receipt: Receipt) -> Self {
        Self { position: receipt.position(), replayed: receipt.is_replayed() }
    }
}

/// What became of a command.
pub(crate) type Answer = Result<Told, &'static str>;

pub(crate) struct Driver {
    pub(crate) engine: Engine,
    pub(crate) model: Model,
    /// Whether there is time enough that a bill ends as the model says.
    pub(crate) strict: bool,
    flying: Vec<Begun<Answer>>,
}

fn place(answer: Result<Receipt, Error>) -> Answer {
    answer.map(Told::from).map_err(|error| error.code())
}

fn present(answer: Result<Presented, Error>) -> Answer {
    answer.map_err(|error| error.code()).map(|presented| {
        let (Presented::Settled(receipt) | Presented::Declined { receipt, .. }) = presented;
        receipt.into()
    })
}

/// Does what `plan` says, on the engine alone. Bills bring their own code.
async fn order(engine: Engine, plan: Plan) -> Answer {
    match plan {
        Plan::TopUp { wallet, request, amount } => {
            place(engine.top_up(wallet, request, minor(amount)).await)
        }
        Plan::Withdraw { wallet, request, amount } => {
            place(engine.withdraw(wallet, request, minor(amount)).await)
        }
        Plan::Transfer { from, to, request, amount } => {
            place(engine.transfer(from, to, request, minor(amount), None).await)
        }
        Plan::PayOut { merchant, request, amount } => {
            place(engine.pay_out(merchant, request, minor(amount)).await)
        }
        Plan::Freeze { wallet } => place(engine.freeze(wallet).await),
        Plan::Thaw { wallet } => place(engine.thaw(wallet).await),
        Plan::CloseWallet { wallet } => place(engine.close_wallet(wallet).await),
        Plan::Invite { group, by, wallet } => place(engine.invite(group, by, wallet).await),
        Plan::Join { group, wallet, cap } => place(engine.join(group, wallet, consent(cap)).await),
        Plan::Leave { group, wallet } => {
            place(engine.group_command(group, Command::Leave { wallet }).await)
        }
        Plan::SetCap { group, wallet, cap } => {
            let command = Command::SetConsent { wallet, consent: consent(cap) };
            place(engine.group_command(group, command).await)
        }
        Plan::SetRules { group, by, shortfall } => {
            let rules = Rules { shortfall, ..Rules::default() };
            place(engine.group_command(group, Command::SetRules { by, rules }).await)
        }
        Plan::Lock { group, by } => place(engine.group_command(group, Command::Lock { by }).await),
        Plan::Unlock { group, by } => {
            place(engine.group_command(group, Command::Unlock { by }).await)
        }
        Plan::Present { merchant, group, by, order_no, total, .. } => {
            match engine.show_code(group, by).await {
                Ok(shown) => {
                    present(engine.present(bill(merchant, &order_no, total), shown.code).await)
                }
                Err(error) => Err(error.code()),
            }
        }
        Plan::Refund { merchant, order_no, refund_no, amount, diner } => {
            let request = RefundRequest {
                order_no: order_no.as_str().try_into().expect("short"),
                refund_no: refund_no.as_str().try_into().expect("short"),
                amount: amount.map(minor),
                diner,
            };
            place(engine.refund(merchant, request).await)
        }
    }
}

impl Driver {
    pub(crate) fn open(config: Config) -> Self {
        let engine = Engine::open(config).expect("opens");
        Self { engine, model: Model::default(), strict: true, flying: Vec::new() }
    }

    /// Wallets, merchants and groups to begin with.
    pub(crate) async fn found(&mut self, chance: &mut StdRng) {
        let engine = &self.engine;
        let wallets = chance.random_range(3..8);
        for _ in 0..wallets {
            let name = "diner".try_into().expect("short");
            let id = within(engine.open_wallet(name, Currency::CNY)).await.expect("opens");
            self.model.wallets.insert(id, ledger::Wallet::default());
        }
        for _ in 0..2 {
            let name = "shop".try_into().expect("short");
            let id = within(engine.onboard_merchant(name, Currency::CNY)).await.expect("opens");
            self.model.merchants.insert(id, ledger::Merchant::default());
        }
        let hosts: Vec<WalletId> = self.model.wallets.keys().copied().take(2).collect();
        for host in hosts {
            let cap = chance.random_range(50..2_000);
            let opened = within(engine.open_group(
                "table".try_into().expect("short"),
                host,
                consent(cap),
                Currency::CNY,
                Rules::default(),
            ));
            let id = opened.await.expect("opens");
            self.model.groups.insert(id, ledger::Group::opened(host, cap));
        }
    }

    /// One plan on both, to its end.
    pub(crate) async fn carry_out(&mut self, plan: Plan, chance: &mut StdRng) {
        let expected = self.model.expect(&plan);
        let certain = self.model.end_of(&plan).filter(|_| self.strict);
        let answer = if let Plan::Present { group, .. } = &plan {
            self.present(*group, plan.clone(), chance).await
        } else {
            within(order(self.engine.clone(), plan.clone())).await
        };
        match (&expected, &answer) {
            (Outcome::Refused("either"), Err("order_no_reused" | "merchant_refused")) => {}
            (Outcome::Refused(word), Err(told)) => assert_eq!(told, word, "{plan:?}"),
            (Outcome::Replayed(position), Ok(told)) => {
                let as_before = Told { position: *position, replayed: true };
                assert_eq!(*told, as_before, "{plan:?}");
            }
            (Outcome::Done | Outcome::Ends, Ok(told)) => {
                assert!(!told.replayed, "{plan:?}");
                self.take_over(told.position);
            }
            _ => panic!("{plan:?}: expected {expected:?}, got {answer:?}"),
        }
        if let (Outcome::Ends, Some(settles), Plan::Present { merchant, order_no, .. }) =
            (expected, certain, &plan)
        {
            let order = &self.model.merchants[merchant].orders[order_no];
            assert_eq!(order.legs.is_some(), settles, "{plan:?}");
        }
    }

    /// A bill: diners who are asked say yes or no as chance has it.
    async fn present(&self, group: GroupId, plan: Plan, chance: &mut StdRng) -> Answer {
        let mut answer = Box::pin(order(self.engine.clone(), plan));
        let members = self.model.groups[&group].members.clone();
        let yes: BTreeMap<WalletId, bool> =
            members.keys().map(|diner| (*diner, chance.random_bool(0.7))).collect();
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => return answer,
                () = tokio::task::yield_now() => {}
            }
            let Ok(view) = within(self.engine.group(group)).await else { continue };
            for question in view.questions {
                match yes.get(&question.diner) {
                    Some(false) => drop(within(self.engine.refuse(group, question)).await),
                    Some(true) | None => drop(within(self.engine.confirm(group, question)).await),
                }
            }
        }
    }

    /// Folds the record at `position` into the model, which checks it with its own arithmetic.
    fn take_over(&mut self, position: Position) {
        let payload = self.engine.journal().record(position).expect("acknowledged");
        let record = fanju::codec::decode(position, &payload).expect("a record");
        self.model.fold(position, &record.event);
    }

    /// Sends commands that nobody waits for.
    pub(crate) async fn begin_some(&mut self, count: usize, chance: &mut StdRng) {
        for _ in 0..count {
            let plan = Plan::moving(chance, &self.model);
            self.flying.push(begin(order(self.engine.clone(), plan)).await);
        }
    }

    /// The records that were acknowledged of what was begun so far.
    pub(crate) async fn acknowledged(&mut self) -> Vec<Position> {
        let mut acknowledged = Vec::new();
        for mut answer in std::mem::take(&mut self.flying) {
            tokio::select! {
                biased;
                answer = &mut answer => acknowledged.extend(answer.ok().map(|told| told.position)),
                () = std::future::ready(()) => {}
            }
        }
        acknowledged
    }

    /// Every command that was begun is answered; gives the records that were acknowledged.
    pub(crate) async fn everybody_is_told(&mut self) -> Vec<Position> {
        let mut acknowledged = Vec::new();
        for answer in std::mem::take(&mut self.flying) {
            acknowledged.extend(within(answer).await.ok().map(|told| told.position));
        }
        acknowledged
    }

    pub(crate) async fn is_poisoned(&self) -> bool {
        let name = "late".try_into().expect("short");
        match within(self.engine.open_wallet(name, Currency::CNY)).await {
            Err(Error::Poisoned(_)) => true,
            Err(error) => panic!("{error}"),
            Ok(_) => false,
        }
    }

    /// Opens the engine again after a crash, and lets the model catch up with what turned out to
    /// have happened; everything that the model knows, and everything `acknowledged`, is among it.
    pub(crate) async fn reopen(&mut self, config: Config, acknowledged: &[Position]) {
        self.engine = Engine::open(config).expect("recovers");
        let reader = self.engine.journal();
        let mut batches = reader.batches_after(Tail::START);
        let mut found = BTreeMap::new();
        while let Some(batch) = batches.next_batch().expect("the journal reads") {
            for (position, payload) in batch.records() {
                let record = fanju::codec::decode(position, payload).expect("a record");
                found.insert(position, record.event);
            }
        }
        for position in acknowledged.iter().chain(&self.model.folded) {
            assert!(found.contains_key(position), "acknowledged and gone: {position}");
        }
        // What is still on the rail is taken up at once; wait for it by asking each wallet.
        let fresh: Vec<(Position, Event)> = found
            .into_iter()
            .filter(|(position, _)| !self.model.folded.contains(position))
            .collect();
        for (position, event) in fresh {
            self.model.fold(position, &event);
        }
        let open: Vec<_> = self.model.on_the_rail.values().cloned().collect();
        for plan in open {
            let answer = within(order(self.engine.clone(), plan)).await;
            let told = answer.expect("the bank answers");
            assert!(told.replayed, "it was asked for before");
            self.take_over(told.position);
        }
    }

    /// A wallet once it has folded what the journal says of it: a bank's answer is durable, and seen
    /// by the model, a moment before the wallet hears of it.
    async fn wallet_at_rest(&self, id: WalletId, posted: i64) -> WalletView {
        for _ in 0..10_000 {
            let view = within(self.engine.wallet(id)).await.expect("known");
            if view.posted.minor() == posted {
                return view;
            }
            tokio::task::yield_now().await;
        }
        within(self.engine.wallet(id)).await.expect("known")
    }

    /// Same state, and money neither made nor lost.
    pub(crate) async fn compare(&mut self) {
        for (id, wallet) in &self.model.wallets {
            let view = self.wallet_at_rest(*id, wallet.posted).await;
            assert_eq!(view.posted.minor(), wallet.posted, "{id}");
            assert_eq!(view.available.minor(), wallet.posted, "nothing stays set aside: {id}");
            let status = format!("{:?}", view.status);
            assert_eq!(status, wallet.status(), "{id}");
        }
        for (id, shop) in &self.model.merchants {
            let view = within(self.engine.merchant(*id)).await.expect("known");
            assert_eq!(view.posted.minor(), shop.posted, "{id}");
            assert_eq!(view.available.minor(), shop.posted, "nothing stays set aside: {id}");
            for (order_no, order) in &shop.orders {
                self.compare_order(*id, order_no, order).await;
            }
        }
        for (id, group) in &self.model.groups {
            let view = within(self.engine.group(*id)).await.expect("known");
            let members: Vec<_> = view
                .group
                .members
                .iter()
                .map(|m| (m.wallet, (m.consent.cap.minor(), m.spent.minor())))
                .collect();
            let expected: Vec<_> =
                group.order.iter().map(|wallet| (*wallet, group.members[wallet])).collect();
            assert_eq!(members, expected, "{id}");
            assert_eq!(view.group.bills, group.bills, "{id}");
            assert!(!view.paying);
        }
        let wallets: i64 = self.model.wallets.values().map(|wallet| wallet.posted).sum();
        let shops: i64 = self.model.merchants.values().map(|shop| shop.posted).sum();
        assert_eq!(wallets + shops, self.model.came_in - self.model.went_out, "M-1");
    }

    async fn compare_order(&self, merchant: MerchantId, order_no: &str, order: &ledger::Order) {
        let number = OrderNo::new(order_no).expect("short");
        let view = within(self.engine.order(merchant, number)).await.expect("decided");
        match (view, &order.legs) {
            (OrderView::Settled(view), Some(legs)) => {
                let remaining: Vec<i64> = view.remaining.iter().map(|left| left.minor()).collect();
                let expected: Vec<i64> = legs.iter().map(|leg| leg.remaining).collect();
                assert_eq!(remaining, expected, "{order_no}");
                assert_eq!(view.refunds.len(), order.refunds.len());
            }
            (OrderView::Declined { total, reason, .. }, None) => {
                assert_eq!(total.minor(), order.total);
                assert_ne!(reason, DeclineReason::Cancelled, "nobody cancelled");
            }
            (view, _) => panic!("{order_no}: {view:?}, expected {order:?}"),
        }
    }
}
