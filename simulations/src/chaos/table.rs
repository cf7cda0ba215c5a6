//! Table: one outing of friends, and the tills that they stand at. It goes on where the life before
//! left it: people remember what they were told, and ask again about everything else.

use std::{rc::Rc, time::Duration};

use fanju::{
    Engine, Error, OrderView, Presented,
    domain::{
        bill::{Bill, Line},
        code::Code,
        event::{Consent, DeclineReason, Event},
        group::{Command, Rejection},
        order::{RefundRejection, RefundRequest},
        text::{Name, OrderNo, RefundNo},
    },
    id::{GroupId, Topic},
    money::{Amount, Currency},
};

use super::{
    plan::{Outing, Stop},
    wire::{Heard, Wire},
    world::Stage,
};

/// How often a declined bill is tried again.
const TRIES_MAX: u32 = 3;

/// Between two attempts.
const AGAIN: Duration = Duration::from_millis(300);

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
    /// Minor units that went back.
    given: i64,
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

struct Table<'a> {
    stage: &'a Rc<Stage>,
    wire: Wire,
    outing: &'a Outing,
    number: usize,
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
    let mut table = Table { stage: &stage, wire, outing, number };
    let Some(group) = table.gather().await else { return };
    for (at, stop) in outing.stops.iter().enumerate() {
        table.pay(group, at, stop).await;
        table.give_back(at, stop).await;
    }
    if outing.closes {
        table.close(group).await;
    }
    stage.cast_mut().tables[number].is_over = true;
}

impl Table<'_> {
    /// Opens the group, and lets everybody in. An opening whose answer was lost is forgotten: it moved
    /// no money.
    async fn gather(&mut self) -> Option<GroupId> {
        let diners = self.stage.cast().wallets_of(&self.outing.diners);
        let consent = Consent { cap: self.outing.cap, confirm_above: self.outing.confirm_above };
        let host = diners[0];
        let known = self.stage.cast().tables[self.number].group;
        let group = match known {
            Some(group) => group,
            None => {
                let rules = self.outing.manner.rules(&diners[..1]);
                let name = Name::new(format!("Table {}", self.number)).expect("short");
                let group = loop {
                    let (name, rules) = (name.clone(), rules.clone());
                    let open = move |engine: Engine| {
                        let (name, rules) = (name.clone(), rules.clone());
                        async move { engine.open_group(name, host, consent, Currency::CNY, rules).await }
                    };
                    match self.wire.ask("open a group", open).await {
                        Heard::Yes(group) => break group,
                        // A frozen wallet opens no group now; later it may.
                        Heard::No(_) | Heard::Nothing => self.wire.pause(AGAIN).await,
                    }
                };
                self.stage.witness().say(format!("table {} is group {group}", self.number));
                self.stage.cast_mut().tables[self.number].group = Some(group);
                self.stage.listen(Topic::Group(group));
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
        let rules = self.outing.manner.rules(&diners);
        self.command(group, Command::SetRules { by: host, rules }).await;
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

    /// The host lays the bill that is coming on the table, and everybody claims a line of it.
    async fn lay(&mut self, group: GroupId, stop: &Stop) {
        let diners = self.stage.cast().wallets_of(&self.outing.diners);
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
        if self.state(at).end == BillEnd::Open && !stop.lines.is_empty() {
            self.lay(group, stop).await;
        }
        loop {
            let BillState { end, in_doubt, .. } = self.state(at);
            if end != BillEnd::Open {
                return;
            }
            // Half of the tills ask, the others present the same bill again: both must find it.
            if in_doubt && self.wire.happens(500) && self.look(at, &bill).await {
                return;
            }
            let Some(code) = self.code(group).await else { continue };
            if stop.cancelled {
                self.cancel_later(&bill);
            }
            self.change(at, |state| state.in_doubt = true);
            let scanned = self.present(at, &bill, code).await && !in_doubt;
            if scanned && self.wire.happens(60) {
                self.scan_again(&bill, code).await;
            }
        }
    }

    fn state(&self, at: usize) -> BillState {
        self.stage.cast().tables[self.number].bills[at].clone()
    }

    fn change(&self, at: usize, change: impl FnOnce(&mut BillState)) {
        change(&mut self.stage.cast_mut().tables[self.number].bills[at]);
    }

    async fn code(&mut self, group: GroupId) -> Option<Code> {
        let members = self.outing.diners.len();
        let by = self.stage.cast().wallets[self.outing.diners[self.wire.chance.place(members)]];
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

    /// Presents the bill; says whether that scan decided it.
    async fn present(&mut self, at: usize, bill: &Bill, code: Code) -> bool {
        let presented = bill.clone();
        let known = self.stage.witness().settled_at(bill.merchant, &bill.order_no);
        let order = format!("order {} of {}", bill.order_no, bill.merchant);
        let what = format!("present {order}");
        let heard = self.wire.ask(&what, move |engine| {
            let bill = presented.clone();
            async move { engine.present(bill, code).await }
        });
        match heard.await {
            Heard::Yes(Presented::Settled(receipt)) => {
                self.settled(at, bill, receipt.event());
                !receipt.is_replayed()
            }
            Heard::Yes(Presented::Declined { reason, receipt }) => {
                let mut witness = self.stage.witness();
                // In a calm world nobody stays silent.
                if self.stage.is_last && matches!(reason, DeclineReason::TimedOut { .. }) {
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
                !receipt.is_replayed()
            }
            Heard::No(Error::OrderNoReused) => {
                self.stage.witness().fault(format!("G-1: {order} is said to be another bill"));
                self.change(at, |state| state.end = BillEnd::GivenUp);
                false
            }
            Heard::No(error) => {
                self.stage.witness().say(format!("{order}: {}", error.code()));
                self.wire.pause(AGAIN).await;
                false
            }
            Heard::Nothing => {
                self.wire.pause(AGAIN).await;
                false
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
            let (got, bill) = (settlement.total, bill.total);
            witness.fault(format!("G-2: a bill of {bill} is receipted with {got}"));
        }
        witness.say(format!("order {} of {} is paid", bill.order_no, bill.merchant));
        witness.end("settled");
        drop(witness);
        self.change(at, |state| (state.end, state.in_doubt) = (BillEnd::Paid, false));
    }

    /// A code that was scanned is spent, whatever became of the bill.
    async fn scan_again(&mut self, bill: &Bill, code: Code) {
        let order_no = OrderNo::new(format!("{} again", bill.order_no)).expect("short");
        let second = Bill { order_no, ..bill.clone() };
        let what = format!("present {} with a spent code", second.order_no);
        let heard = self.wire.ask(&what, move |engine| {
            let bill = second.clone();
            async move { engine.present(bill, code).await }
        });
        if let Heard::Yes(_) = heard.await {
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

    /// The merchant takes the bill back while it may be under way.
    fn cancel_later(&mut self, bill: &Bill) {
        let (merchant, order_no) = (bill.merchant, bill.order_no.clone());
        self.stage.witness().inject("bill cancelled");
        let (engine, late) =
            (self.wire.engine(), Duration::from_millis(self.wire.chance.below(80)));
        drop(tokio::task::spawn_local(async move {
            tokio::time::sleep(late).await;
            drop(engine.cancel(merchant, order_no).await);
        }));
    }

    // --- what goes back ------------------------------------------------------------------------

    async fn give_back(&mut self, at: usize, stop: &Stop) {
        let bill = self.bill(at, stop);
        loop {
            let BillState { end, refunds, .. } = self.state(at);
            let Some(part) = stop.refunds.get(refunds).filter(|_| end == BillEnd::Paid) else {
                return;
            };
            let part = i64::try_from(*part).expect("below a thousand");
            let amount = Amount::from_minor((stop.total.minor() * part / 1_000).max(1));
            let given = self.refund(&bill, refunds, amount, self.state(at).given).await;
            self.change(at, |state| {
                state.refunds += 1;
                state.given += given;
            });
        }
    }

    /// Gives back until it is known how that ended; gives how much went back.
    async fn refund(&mut self, bill: &Bill, at: usize, part: Amount, given: i64) -> i64 {
        let (merchant, order_no) = (bill.merchant, &bill.order_no);
        let refund_no = RefundNo::new(format!("{at}")).expect("short");
        let amount = Some(part);
        let request = RefundRequest { order_no: order_no.clone(), refund_no, amount, diner: None };
        let known = self.stage.witness().settled_at(merchant, order_no);
        loop {
            let (what, request) = (format!("give back {request:?}"), request.clone());
            let heard = self.wire.ask(&what, move |engine| {
                let request = request.clone();
                async move { engine.refund(merchant, request).await }
            });
            match heard.await {
                Heard::Yes(_) => {
                    self.stage.witness().end("refunded");
                    return part.minor();
                }
                Heard::No(Error::Refund(RefundRejection::BeyondRemainder { .. })) => {
                    let mut witness = self.stage.witness();
                    if given + part.minor() <= bill.total.minor() {
                        witness.fault(format!("R-1: {part} of {order_no} are left, and refused"));
                    }
                    witness.end("refund too large");
                    return 0;
                }
                Heard::No(Error::UnknownOrder | Error::OrderNotPaid) => {
                    let what = "unpaid, says a refund";
                    self.stage.witness().told_unsettled(order_no, known, what);
                    return 0;
                }
                Heard::No(error) => {
                    self.stage.witness().say(format!("refund of {order_no}: {error}"));
                    self.stage.witness().end("refund refused");
                    return 0;
                }
                Heard::Nothing => self.wire.pause(AGAIN).await,
            }
        }
    }
}

fn lines(stop: &Stop) -> Vec<Line> {
    let name = Name::new("Dish").expect("short");
    stop.lines.iter().map(|amount| Line { name: name.clone(), amount: *amount }).collect()
}
