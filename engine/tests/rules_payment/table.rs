//! A table whose wallets answer when they are let, and what every test of a payment says of it.

use std::collections::{BTreeMap, VecDeque};

use fanju::{
    domain::{
        bill::Bill,
        event::{Consent, DeclineReason, Rules, Settlement, Shortfall, Source, Sources},
        group::{Group, Member},
        payment::{Action, AnswerRejection, Ask, Missing, Payment, Step, Verdict},
    },
    id::{GroupId, MerchantId, PresentationId, WalletId},
    money::{Amount, Currency},
    time::Timestamp,
};
use uuid::Uuid;

pub(crate) const PRESENTATION: PresentationId = PresentationId(Uuid::from_u128(700));
pub(crate) const PATIENCE: Timestamp = Timestamp(46_000_000);
pub(crate) const DEADLINE: Timestamp = Timestamp(61_000_000);

pub(crate) fn minor(minor: i64) -> Amount {
    Amount::from_minor(minor)
}

pub(crate) fn wallet(number: usize) -> WalletId {
    WalletId(Uuid::from_u128(u128::try_from(number).unwrap() + 1))
}

/// The number of a wallet.
pub(crate) fn place(wallet: WalletId) -> usize {
    usize::try_from(wallet.0.as_u128()).unwrap() - 1
}

pub(crate) fn bill(total: i64) -> Bill {
    Bill {
        merchant: MerchantId(Uuid::from_u128(500)),
        order_no: "A-1".try_into().unwrap(),
        currency: Currency::CNY,
        total: minor(total),
        lines: Vec::new(),
    }
}

/// Wallets that answer when they are let, one after the other from each.
pub(crate) struct Table {
    pub(crate) payment: Payment,
    pub(crate) balances: Vec<i64>,
    pub(crate) reserved: BTreeMap<WalletId, i64>,
    pub(crate) asked: BTreeMap<WalletId, i64>,
    pub(crate) mail: BTreeMap<WalletId, VecDeque<Action>>,
    pub(crate) verdict: Verdict,
}

impl Table {
    pub(crate) fn new(group: &Group, total: i64, balances: &[i64]) -> Self {
        Self::begun(
            Payment::begin(group, bill(total), PRESENTATION, PATIENCE, DEADLINE).unwrap(),
            balances,
        )
    }

    /// Where each diner pays from these wallets, in this order.
    pub(crate) fn with_sources(
        group: &Group,
        total: i64,
        balances: &[i64],
        sources: &[&[usize]],
    ) -> Self {
        let source = |member: &Member| -> Sources {
            let of = sources[place(member.wallet)];
            of.iter().map(|number| Source::Wallet(wallet(*number))).collect()
        };
        let begun =
            Payment::begin_from(source, group, bill(total), PRESENTATION, PATIENCE, DEADLINE);
        Self::begun(begun.unwrap(), balances)
    }

    pub(crate) fn begun((payment, step): (Payment, Step), balances: &[i64]) -> Self {
        let mut table = Self {
            payment,
            balances: balances.to_vec(),
            reserved: BTreeMap::new(),
            asked: BTreeMap::new(),
            mail: BTreeMap::new(),
            verdict: Verdict::Waiting,
        };
        table.take(step);
        table
    }

    pub(crate) fn take(&mut self, step: Step) {
        for action in step.actions {
            match action {
                Action::Reserve { source, .. } | Action::Release { source } => {
                    self.mail.entry(source.wallet()).or_default().push_back(action);
                }
                Action::AskConfirmation { diner, owed } => {
                    assert!(self.asked.insert(diner, owed.minor()).is_none());
                }
            }
        }
        self.verdict = step.verdict;
    }

    /// The questions that wait in the wallets' mail.
    pub(crate) fn asks(&self) -> Vec<Ask> {
        let mail = self.mail.values().flatten();
        let ask = |action: &Action| match action {
            Action::Reserve { ask, .. } => Some(*ask),
            Action::Release { .. } | Action::AskConfirmation { .. } => None,
        };
        mail.filter_map(ask).collect()
    }

    pub(crate) fn waits(&self) -> bool {
        self.verdict == Verdict::Waiting
    }

    /// The `choice`-th wallet that has mail reads one letter.
    pub(crate) fn read(&mut self, choice: usize) -> bool {
        let busy: Vec<WalletId> =
            self.mail.iter().filter(|(_, mail)| !mail.is_empty()).map(|(id, _)| *id).collect();
        if busy.is_empty() {
            return false;
        }
        let id = busy[choice % busy.len()];
        let action = self.mail.get_mut(&id).unwrap().pop_front().unwrap();
        let Action::Reserve { ask, amount, .. } = action else {
            self.reserved.remove(&id);
            return true;
        };
        let has = self.balances[place(id)];
        let covered = amount.minor() <= has;
        if covered {
            self.reserved.insert(id, amount.minor());
        }
        if !self.waits() {
            return true;
        }
        if covered {
            self.verdict = self.payment.reserved(ask);
        } else {
            // Who has less than nothing is frozen.
            let why = match has {
                ..0 => Missing::Unavailable,
                has => Missing::Short { has: minor(has) },
            };
            let step = self.payment.missing(ask, why);
            self.take(step);
        }
        true
    }

    /// Lets wallets and diners answer in this order, and then time.
    pub(crate) fn play(&mut self, moves: &[(u8, usize)]) {
        for (kind, choice) in moves.iter().copied() {
            if !self.waits() {
                break;
            }
            match kind {
                0..=7 => drop(self.read(choice)),
                8..=9 => drop(self.answer(choice, true)),
                10 => drop(self.answer(choice, false)),
                _ => {
                    let step = self.payment.tick(PATIENCE);
                    self.take(step);
                }
            }
        }
        for moment in [PATIENCE, DEADLINE] {
            while self.waits() && self.read(0) {}
            if self.waits() {
                let step = self.payment.tick(moment);
                self.take(step);
            }
        }
    }

    pub(crate) fn finish_mail(&mut self) {
        while self.read(0) {}
    }

    pub(crate) fn answer(&mut self, number: usize, yes: bool) -> Result<(), AnswerRejection> {
        let mut asked = self.payment.questions().into_iter();
        let question = asked.find(|question| question.diner == wallet(number));
        let step = self.payment.answer(&question.ok_or(AnswerRejection::NotAsked)?, yes)?;
        self.take(step);
        Ok(())
    }

    pub(crate) fn settled(&self) -> &Settlement {
        let Verdict::Settle(settlement) = &self.verdict else { panic!("{:?}", self.verdict) };
        settlement
    }

    pub(crate) fn declined(&self) -> DeclineReason {
        let Verdict::Decline(decline) = &self.verdict else { panic!("{:?}", self.verdict) };
        decline.reason
    }

    pub(crate) fn paid(&self) -> BTreeMap<WalletId, i64> {
        let mut paid = BTreeMap::new();
        for leg in &self.settled().legs {
            *paid.entry(leg.source.wallet()).or_default() += leg.amount.minor();
        }
        paid
    }
}

/// Diners with these caps and thresholds; the first is the host.
pub(crate) fn group(shortfall: Shortfall, consents: &[(i64, Option<i64>)]) -> Group {
    let consent = |(cap, above): (i64, Option<i64>)| Consent {
        cap: minor(cap),
        confirm_above: above.map(minor),
    };
    let rules = Rules { shortfall, ..Rules::default() };
    let mut group = Group::open(
        GroupId(Uuid::from_u128(900)),
        "dinner".try_into().unwrap(),
        wallet(0),
        consent(consents[0]),
        Currency::CNY,
        rules,
    );
    for (number, terms) in consents.iter().enumerate().skip(1) {
        group.members.push(Member::new(wallet(number), consent(*terms)));
    }
    group
}

pub(crate) fn run(
    shortfall: Shortfall,
    consents: &[(i64, Option<i64>)],
    total: i64,
    has: &[i64],
) -> Table {
    let mut table = Table::new(&group(shortfall, consents), total, has);
    table.finish_mail();
    table
}

pub(crate) fn pays(amounts: &[i64]) -> BTreeMap<WalletId, i64> {
    let paying = amounts.iter().enumerate().filter(|(_, amount)| **amount > 0);
    paying.map(|(number, amount)| (wallet(number), *amount)).collect()
}
