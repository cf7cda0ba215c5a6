//! The driver: carries plans out on an engine and on the model, and compares.

#[path = "world/ask.rs"]
mod ask;
#[path = "world/command.rs"]
mod command;
#[path = "world/compare.rs"]
mod compare;
#[path = "world/decide.rs"]
mod decide;
#[path = "world/divide.rs"]
mod divide;
#[path = "world/expect.rs"]
mod expect;
#[path = "world/ledger.rs"]
mod ledger;
#[path = "world/payment.rs"]
mod payment;
#[path = "world/plan.rs"]
pub(crate) mod plan;
#[path = "world/present.rs"]
mod present;
#[path = "world/stories.rs"]
pub(crate) mod stories;

use std::collections::BTreeMap;

use fanju::{
    Config, Engine, Error,
    domain::{
        event::{Direction, Event, Holder},
        wallet,
    },
    id::Position,
    journal::Tail,
    money::Currency,
};

use self::{
    ask::ask,
    command::{Answer, Command, Told},
    expect::Outcome,
    ledger::Model,
    plan::Plan,
};
use crate::support::{Begun, begin, within};

pub(crate) struct Driver {
    pub(crate) engine: Engine,
    model: Model,
    flying: Vec<Begun<Answer>>,
    /// The records that were acknowledged of what flew.
    acknowledged: Vec<Position>,
}

/// Errors have no equality, because some of them carry what an operating system said.
fn assert_refused(error: &Error, expected: &Error, command: &Command) {
    assert_eq!(format!("{error:?}"), format!("{expected:?}"), "{command:?}");
}

impl Driver {
    pub(crate) fn open(config: Config) -> Self {
        let engine = Engine::open(config).expect("opens");
        let (model, flying, acknowledged) = (Model::default(), Vec::new(), Vec::new());
        Self { engine, model, flying, acknowledged }
    }

    /// Plans one after the other on both, each to its end.
    pub(crate) async fn carry_out(&mut self, plans: &[Plan]) {
        for plan in plans {
            for command in self.model.commands(plan) {
                self.note(&command);
                self.do_one(command, plan).await;
            }
        }
    }

    /// Remembers every bill: its record says no more than its digest.
    fn note(&mut self, command: &Command) {
        if let Command::Present { bill, .. } = command {
            let key = (bill.merchant, bill.order_no.clone(), divide::bill_content(bill));
            self.model.bills.insert(key, bill.clone());
        }
    }

    async fn do_one(&mut self, command: Command, plan: &Plan) {
        let expected = self.model.expect(&command);
        if let (Ok(Outcome::Tried), Command::Present { group, bill, .. }) = (&expected, &command) {
            let (group, bill) = (*group, bill.clone());
            return self.try_bill(command, group, bill, plan).await;
        }
        let answer = within(ask(self.engine.clone(), command.clone())).await;
        match (expected, answer) {
            (Err(expected), Err(error)) => assert_refused(&error, &expected, &command),
            (Ok(Outcome::Repeats(position)), Ok(told)) => {
                assert_eq!((told.position, told.replayed), (position, true), "{command:?}");
            }
            (Ok(Outcome::Happens(event)), Ok(told)) => {
                assert_eq!((&told.event, told.replayed), (&event, false), "{command:?}");
                self.take_over(&told);
            }
            (expected, answer) => panic!("{command:?}: expected {expected:?}, got {answer:?}"),
        }
    }

    /// Folds what was told into the model, and checks that the journal says the same.
    fn take_over(&mut self, told: &Told) {
        let payload = self.engine.journal().record(told.position).expect("acknowledged");
        let record = fanju::codec::decode(told.position, &payload).expect("a record");
        assert_eq!(record.event, told.event, "the receipt is of its record");
        self.model.fold(told.position, &told.event);
    }

    /// Sends commands that nobody waits for.
    pub(crate) async fn begin(&mut self, plans: &[Plan]) {
        for plan in plans {
            for command in self.model.commands(plan) {
                self.note(&command);
                self.flying.push(begin(ask(self.engine.clone(), command)).await);
            }
        }
    }

    /// Lets what flies go one step further.
    pub(crate) async fn fly(&mut self) {
        tokio::task::yield_now().await;
        for mut answer in std::mem::take(&mut self.flying) {
            tokio::select! {
                biased;
                told = &mut answer => self.acknowledge(told),
                () = std::future::ready(()) => self.flying.push(answer),
            }
        }
    }

    /// Every command that was begun is answered.
    pub(crate) async fn land(&mut self) {
        for answer in std::mem::take(&mut self.flying) {
            let told = within(answer).await;
            self.acknowledge(told);
        }
    }

    fn acknowledge(&mut self, answer: Answer) {
        self.acknowledged.extend(answer.ok().map(|told| told.position));
    }

    pub(crate) async fn is_poisoned(&self) -> bool {
        let name = "late".try_into().expect("short");
        match within(self.engine.open_wallet(name, Currency::CNY)).await {
            Err(Error::Poisoned(_)) => true,
            Err(error) => panic!("{error}"),
            Ok(_) => false,
        }
    }

    /// Opens the engine again after a crash, and lets the model catch up with what turned out to have
    /// happened; everything that the model knows, and everything acknowledged, is among it.
    pub(crate) async fn reopen(&mut self, config: Config) {
        self.flying.clear();
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
        let acknowledged = std::mem::take(&mut self.acknowledged);
        for position in acknowledged.iter().chain(&self.model.folded) {
            assert!(found.contains_key(position), "acknowledged and gone: {position}");
        }
        let folded = &self.model.folded;
        let fresh: Vec<(Position, Event)> =
            found.into_iter().filter(|(position, _)| !folded.contains(position)).collect();
        for (position, event) in fresh {
            self.model.fold(position, &event);
        }
        self.end_moves().await;
    }

    /// What is still on the rail is taken up at once; waits for it by asking for the same.
    async fn end_moves(&mut self) {
        let open: Vec<_> = self.model.on_the_rail.values().copied().collect();
        for moved in open {
            let (request, amount) = (moved.request, moved.amount);
            let command = match (moved.holder, moved.direction) {
                (Holder::Wallet(wallet), Direction::In) => {
                    Command::Wallet { wallet, command: wallet::Command::TopUp { request, amount } }
                }
                (Holder::Wallet(wallet), Direction::Out) => {
                    let command = wallet::Command::Withdraw { request, amount };
                    Command::Wallet { wallet, command }
                }
                (Holder::Merchant(merchant), _) => {
                    Command::PayOut { merchant, request, amount: amount.minor() }
                }
            };
            let answer = within(ask(self.engine.clone(), command)).await;
            let told = answer.expect("the bank answers");
            assert!(told.replayed, "it was asked for before");
            self.take_over(&told);
        }
    }
}
