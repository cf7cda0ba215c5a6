//! Table: one outing of friends, and the tills that they stand at. It goes on where the life before
//! left it: people remember what they were told, and ask again about everything else.

use std::{collections::BTreeMap, rc::Rc, time::Duration};

use fanju::{
    Engine, Error, OrderView, Presented, Receipt,
    domain::{
        bill::{Bill, Line},
        code::Code,
        event::{DeclineReason, Event},
        group::{Command, Rejection},
        text::{Name, OrderNo},
    },
    id::{GroupId, Topic, WalletId},
    money::Currency,
};
use uuid::Uuid;

use super::{
    plan::{Outing, Stop},
    wire::{Heard, Wire},
    world::Stage,
};

mod meanwhile;
mod refunds;
mod retries;
mod till;

use refunds::paid;
use till::Till;

/// How often a declined bill is tried again.
const TRIES_MAX: u32 = 3;

/// Bills of a thousand before which a table talks for a while.
const TALKED_OVER: u64 = 150;

/// Bills of a thousand during which a diner tops the wallet up.
const TOPPED_UP: u64 = 300;

/// Bills of a thousand that their till sends again before it has an answer.
const RETRIED_SOON: u64 = 60;

/// Orders of a thousand whose number their till sends again when they are over.
const RETRIED_AFTER: u64 = 120;

/// Between two attempts.
const AGAIN: Duration = Duration::from_millis(300);

/// The id under which the table of that number opens its group.
fn version_7(number: usize) -> Uuid {
    let number = number as u64;
    let [random @ .., _, _, _, _, _, _] = (u128::from(number) << 48).to_be_bytes();
    uuid::Builder::from_unix_timestamp_millis(number, &random).into_uuid()
}

/// How far one bill has come, as its till knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum BillEnd {
    /// Nobody knows yet.
    #[default]
    Open,
    /// It is paid.
    Paid,
    /// It was declined as often as the till tries.
    GivenUp,
}

/// What a till remembers of one bill.
#[derive(Clone, Debug, Default)]
pub struct BillState {
    /// How it ended.
    pub end: BillEnd,
    tries: u32,
    in_doubt: bool,
    refunds: usize,
    /// Minor units that were paid for each diner and have not gone back.
    left: BTreeMap<WalletId, i64>,
    /// A refund was refused that may have been made later all the same.
    left_in_doubt: bool,
}

impl BillState {
    /// What may still go back, to one diner or to everybody.
    fn left(&self, diner: Option<WalletId>) -> i64 {
        match diner {
            Some(diner) => self.left.get(&diner).copied().unwrap_or(0),
            None => self.left.values().sum(),
        }
    }
}

/// What a table remembers.
#[derive(Clone, Debug, Default)]
pub struct TableState {
    group: Option<GroupId>,
    joined: usize,
    /// Its bills.
    pub bills: Vec<BillState>,
    /// Whether it has gone home.
    pub is_over: bool,
}

impl TableState {
    /// Before anybody comes.
    #[must_use]
    pub fn before(outing: &Outing) -> Self {
        Self { bills: vec![BillState::default(); outing.stops.len()], ..Self::default() }
    }
}

/// What became of a scan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Scan {
    /// It decided the bill.
    Decided,
    /// It did not, or nobody knows.
    Undecided,
    /// The group's rules or its draft do not fit the bill.
    Unfit,
}

impl Scan {
    fn of(receipt: &Receipt) -> Self {
        if receipt.is_replayed() { Self::Undecided } else { Self::Decided }
    }
}

struct Table<'a> {
    stage: &'a Rc<Stage>,
    wire: Wire,
    outing: &'a Outing,
    number: usize,
    cancels: u32,
}

/// One table's evening, from where it stands.
pub async fn dine(stage: Rc<Stage>, engine: Engine, number: usize) {
    let plan = Rc::clone(&stage.plan);
    let outing = &plan.outings[number];
    if stage.cast().tables[number].is_over {
        return;
    }
    stage.until(outing.at).await;
    let wire = Wire::new(&stage, &engine, &format!("table {number}"));
    let mut table = Table { stage: &stage, wire, outing, number, cancels: 0 };
    let Some(group) = table.gather().await else { return };
    for (at, stop) in outing.stops.iter().enumerate() {
        if table.wire.happens(TALKED_OVER) {
            table.talk().await;
        }
        table.pay(group, at, stop).await;
        table.give_back(at, stop).await;
    }
    if outing.closes {
        table.close(group).await;
    }
    stage.cast_mut().tables[number].is_over = true;
}

impl Table<'_> {
    /// Opens the group, and lets everybody in. An opening whose answer was lost is repeated, under
    /// the same id.
    async fn gather(&mut self) -> Option<GroupId> {
        let diners = self.stage.cast().wallets_of(&self.outing.diners);
        let consent = self.outing.consent;
        let host = diners[0];
        let known = self.stage.cast().tables[self.number].group;
        let group = match known {
            Some(group) => group,
            None => {
                let total = self.outing.stops[0].total;
                let rules = self.outing.manner.rules(&diners[..1], total);
                let name = Name::new(format!("Table {}", self.number)).expect("short");
                let group = GroupId(version_7(self.number));
                loop {
                    let (name, rules) = (name.clone(), rules.clone());
                    let open = move |engine: Engine| {
                        let (name, rules, currency) = (name.clone(), rules.clone(), Currency::CNY);
                        async move {
                            engine.open_group_as(group, name, host, consent, currency, rules).await
                        }
                    };
                    match self.wire.ask("open a group", open).await {
                        Heard::Yes(()) | Heard::No(Error::AlreadyOpen) => break,
                        // A frozen wallet opens no group now; later it may.
                        Heard::No(_) | Heard::Nothing => self.wire.pause(AGAIN).await,
                    }
                }
                self.stage.witness().say(format!("table {} is group {group}", self.number));
                self.stage.cast_mut().tables[self.number].group = Some(group);
                self.stage.maybe_listen(Topic::Group(group));
                group
            }
        };
        loop {
            let joined = self.stage.cast().tables[self.number].joined;
            let Some(diner) = diners.get(joined + 1).copied() else { break };
            let invite = Command::Invite { by: host, wallet: diner };
            let join = Command::Join { wallet: diner, consent, by_code: false };
            for command in [invite, join] {
                self.command(group, command).await;
            }
            self.stage.cast_mut().tables[self.number].joined += 1;
        }
        Some(group)
    }

    /// Asks until it is done, was done before, or cannot be done.
    async fn command(&mut self, group: GroupId, command: Command) {
        loop {
            let (what, command) = (format!("have done in {group}: {command:?}"), command.clone());
            let heard = self.wire.ask(&what, move |engine| {
                let command = command.clone();
                async move { engine.group_command(group, command).await }
            });
            match heard.await {
                Heard::Yes(_) => return,
                Heard::No(Error::Group(Rejection::PaymentInProgress)) | Heard::Nothing => {
                    self.wire.pause(AGAIN).await;
                }
                Heard::No(Error::Wallet(_)) => self.wire.pause(AGAIN).await,
                Heard::No(_) => return,
            }
        }
    }

    async fn close(&mut self, group: GroupId) {
        let host = self.stage.cast().wallets[self.outing.diners[0]];
        self.command(group, Command::Close { by: host }).await;
    }

    fn bill(&self, at: usize, stop: &Stop) -> Bill {
        let merchant = self.stage.cast().merchants[stop.merchant];
        let order_no = OrderNo::new(format!("{}.{at}", self.number)).expect("short");
        let (total, lines) = (stop.total, lines(stop));
        Bill { merchant, order_no, currency: Currency::CNY, total, lines }
    }

    /// Who is still there when this bill comes.
    fn diners(&self, at: usize) -> Vec<WalletId> {
        let gone = self.outing.stops[..=at].iter().filter(|stop| stop.leaves).count();
        let there = self.outing.diners.len().saturating_sub(gone).max(1);
        self.stage.cast().wallets_of(&self.outing.diners[..there])
    }

    /// Who wants to leave leaves, who agrees to something else says so, and the host says how the bill
    /// that is coming is divided; if by its lines, it is laid on the table. Done again, it changes nothing.
    async fn prepare(&mut self, group: GroupId, at: usize, stop: &Stop) {
        let diners = self.diners(at);
        let leaver = self.outing.diners.get(diners.len()).filter(|_| stop.leaves);
        if let Some(person) = leaver {
            let wallet = self.stage.cast().wallets[*person];
            self.command(group, Command::Leave { wallet }).await;
        }
        if let Some((seat, consent)) = stop.consents {
            let wallet = diners[seat % diners.len()];
            self.command(group, Command::SetConsent { wallet, consent }).await;
        }
        let rules = self.outing.manner.rules(&diners, stop.total);
        self.command(group, Command::SetRules { by: diners[0], rules }).await;
        if !stop.lines.is_empty() {
            self.lay(group, diners, stop).await;
        }
    }

    /// The host lays the bill that is coming on the table, and everybody claims a line of it.
    async fn lay(&mut self, group: GroupId, diners: Vec<WalletId>, stop: &Stop) {
        let (total, lines) = (stop.total, lines(stop));
        self.command(group, Command::Draft { by: diners[0], total, lines }).await;
        for wallet in diners {
            let line = self.wire.chance.place(stop.lines.len());
            let line = u16::try_from(line).expect("bills have few lines");
            self.command(group, Command::Claim { wallet, line, weight: 1 }).await;
        }
    }

    // --- one bill ------------------------------------------------------------------------------

    async fn pay(&mut self, group: GroupId, at: usize, stop: &Stop) {
        let bill = self.bill(at, stop);
        let mut is_prepared = false;
        loop {
            let BillState { end, in_doubt, .. } = self.state(at);
            if end != BillEnd::Open {
                return;
            }
            // Half of the tills ask, the others present the same bill again: both must find it.
            if in_doubt && self.wire.happens(500) && self.look(at, &bill).await {
                return;
            }
            if !is_prepared {
                self.prepare(group, at, stop).await;
            }
            let Some(code) = self.code(group, at).await else { continue };
            if stop.cancelled {
                self.cancel_later(&bill);
            }
            if self.state(at).in_doubt {
                self.stage.witness().inject("retry in doubt");
            }
            if self.wire.happens(TOPPED_UP) {
                self.top_up_meanwhile(at);
            }
            if self.wire.happens(RETRIED_SOON) {
                self.send_again_soon(at, &bill, code);
            }
            self.change(at, |state| state.in_doubt = true);
            let presented = self.present(at, &bill, code).await;
            is_prepared = presented != Scan::Unfit;
            if presented == Scan::Decided && !in_doubt && self.wire.happens(60) {
                self.scan_again(&bill, code).await;
            }
            if self.state(at).end != BillEnd::Open && self.wire.happens(RETRIED_AFTER) {
                self.send_again_after(&bill, code).await;
            }
        }
    }

    fn state(&self, at: usize) -> BillState {
        self.stage.cast().tables[self.number].bills[at].clone()
    }

    fn change(&self, at: usize, change: impl FnOnce(&mut BillState)) {
        change(&mut self.stage.cast_mut().tables[self.number].bills[at]);
    }

    async fn code(&mut self, group: GroupId, at: usize) -> Option<Code> {
        let diners = self.diners(at);
        let by = diners[self.wire.chance.place(diners.len())];
        let what = format!("show a code of {group}");
        let show = move |engine: Engine| async move { engine.show_code(group, by).await };
        match self.wire.ask(&what, show).await {
            Heard::Yes(shown) => Some(shown.code),
            // Who could not join because of a frozen wallet shows no code.
            Heard::No(_) | Heard::Nothing => {
                self.wire.pause(AGAIN).await;
                None
            }
        }
    }

    /// Whether a phone hears what happens at the table.
    fn is_heard(&self) -> bool {
        let cast = self.stage.cast();
        let group = cast.tables[self.number].group.map(Topic::Group);
        cast.logs.iter().any(|log| Some(log.topic) == group)
    }

    fn till(&self) -> Till {
        let diners = self.stage.cast().wallets_of(&self.outing.diners);
        Till { claims: self.stage.claims.clone(), diners }
    }

    /// Presents the bill.
    async fn present(&mut self, at: usize, bill: &Bill, code: Code) -> Scan {
        let presented = bill.clone();
        let known = self.stage.witness().settled_at(bill.merchant, &bill.order_no);
        let order = format!("order {} of {}", bill.order_no, bill.merchant);
        let what = format!("present {order}");
        let heard = self.till().present(&mut self.wire, &what, presented, code).await;
        match heard {
            Heard::Yes(Presented::Settled(receipt)) => {
                self.settled(at, bill, receipt.event());
                Scan::of(&receipt)
            }
            Heard::Yes(Presented::Declined { reason, receipt }) => {
                let is_heard = self.is_heard();
                let mut witness = self.stage.witness();
                // In a calm world nobody stays silent who has heard that there is a question.
                let is_late = matches!(reason, DeclineReason::TimedOut { .. });
                if self.stage.is_last && is_late && is_heard {
                    witness.fault(format!("L: {order} timed out in a calm world"));
                }
                witness.told_unsettled(&bill.order_no, known, "declined");
                witness.say(format!("{order} declined: {reason:?}"));
                drop(witness);
                self.change(at, |state| {
                    state.in_doubt = false;
                    state.tries += 1;
                    if state.tries >= TRIES_MAX {
                        state.end = BillEnd::GivenUp;
                    }
                });
                if self.state(at).end == BillEnd::GivenUp {
                    self.stage.witness().end("declined");
                }
                Scan::of(&receipt)
            }
            Heard::No(Error::OrderNoReused) => {
                self.stage.witness().fault(format!("G-1: {order} is said to be another bill"));
                self.change(at, |state| state.end = BillEnd::GivenUp);
                Scan::Undecided
            }
            // An old request of this table came after newer ones.
            Heard::No(Error::Payment(_)) => {
                self.wire.pause(AGAIN).await;
                Scan::Unfit
            }
            Heard::No(_) | Heard::Nothing => {
                self.wire.pause(AGAIN).await;
                Scan::Undecided
            }
        }
    }

    fn settled(&self, at: usize, bill: &Bill, event: &Event) {
        let mut witness = self.stage.witness();
        let Event::Settled(settlement) = event else {
            return witness.fault("G-1: a paid bill's receipt proves something else");
        };
        let same = (settlement.merchant, &settlement.order_no, settlement.total)
            == (bill.merchant, &bill.order_no, bill.total);
        if !same {
            let (got, total, no) = (settlement.total, bill.total, &bill.order_no);
            witness.fault(format!("G-2: order {no} of {total} is receipted with {got}"));
        }
        witness.say(format!("order {} of {} is paid", bill.order_no, bill.merchant));
        witness.end("settled");
        drop(witness);
        self.change(at, |state| {
            (state.end, state.in_doubt, state.left) = (BillEnd::Paid, false, paid(settlement));
        });
    }

    /// A code that was scanned is spent, whatever became of the bill.
    async fn scan_again(&mut self, bill: &Bill, code: Code) {
        let order_no = OrderNo::new(format!("{} again", bill.order_no)).expect("short");
        let second = Bill { order_no, ..bill.clone() };
        let what = format!("present {} with a spent code", second.order_no);
        let heard = self.till().present(&mut self.wire, &what, second, code).await;
        if let Heard::Yes(_) = heard {
            self.stage.witness().fault(format!("a code was good for two scans, {}", bill.order_no));
        }
    }

    /// Asks how the order stands; says whether that settles it.
    async fn look(&mut self, at: usize, bill: &Bill) -> bool {
        let (merchant, order_no) = (bill.merchant, bill.order_no.clone());
        let known = self.stage.witness().settled_at(merchant, &order_no);
        let what = format!("see order {order_no}");
        let heard = self.wire.ask(&what, move |engine| {
            let order_no = order_no.clone();
            async move { engine.order(merchant, order_no).await }
        });
        match heard.await {
            Heard::Yes(OrderView::Settled(order)) => {
                self.settled(at, bill, &Event::Settled(order.settlement));
                return true;
            }
            Heard::Yes(OrderView::Declined { .. }) => {
                self.stage.witness().told_unsettled(&bill.order_no, known, "declined");
                self.change(at, |state| state.in_doubt = false);
            }
            Heard::No(Error::UnknownOrder) => {
                self.stage.witness().told_unsettled(&bill.order_no, known, "unknown");
            }
            Heard::Yes(OrderView::InFlight { .. }) | Heard::No(_) | Heard::Nothing => {
                self.wire.pause(AGAIN).await;
            }
        }
        false
    }
}

fn lines(stop: &Stop) -> Vec<Line> {
    let name = Name::new("Dish").expect("short");
    stop.lines.iter().map(|amount| Line { name: name.clone(), amount: *amount }).collect()
}
