//! Accounts: what wallets and merchants have, and what the bank has brought and taken.
//!
//! Every method says whether the event's entry sums to zero.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::{BuildHasherDefault, Hasher},
};

use fanju::{
    domain::event::{Direction, Holder, RailMove},
    id::{MerchantId, RequestId, Topic, WalletId},
    money::{Amount, Currency},
};

use super::Faults;

/// Hashes random identities: they end in random bits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            let mixed = (self.0.rotate_left(5) ^ u64::from_le_bytes(word))
                .wrapping_mul(0x9e37_79b9_7f4a_7c15);
            self.0 = mixed ^ (mixed >> 32);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

pub(super) type ById<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

/// One account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    /// Its last record.
    last: u64,
    balance: i128,
    /// On its way out over the rail.
    pub(super) held: i128,
    pub(super) currency: Currency,
    closed: bool,
    was_negative: bool,
}

impl Account {
    fn new(currency: Currency) -> Self {
        let (balance, held, last) = (0, 0, 0);
        Self { last, balance, held, currency, closed: false, was_negative: false }
    }

    /// Moves `delta` in; gives a fault if less than nothing is free then.
    fn add(&mut self, delta: i128) -> Option<String> {
        self.balance += delta;
        self.check()
    }

    fn check(&mut self) -> Option<String> {
        let free = self.balance - self.held;
        (free < 0).then(|| {
            self.was_negative = true;
            format!("has {free} minor units free")
        })
    }
}

/// All accounts.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    wallets: ById<WalletId, Account>,
    merchants: ById<MerchantId, Account>,
    /// Brought less taken, by the currency's number.
    confirmed: BTreeMap<u16, i128>,
    /// Asked of the bank and not answered.
    asked: HashMap<(Holder, RequestId), (Direction, Amount)>,
    /// Requests whose money has moved; each holder and request folded into one number.
    moved: HashSet<u128>,
}

impl Accounts {
    pub(super) fn wallet(&self, id: WalletId) -> Option<&Account> {
        self.wallets.get(&id)
    }

    pub(super) fn merchant(&self, id: MerchantId) -> Option<&Account> {
        self.merchants.get(&id)
    }

    pub(super) fn wallet_last(&mut self, id: WalletId) -> Option<&mut u64> {
        self.wallets.get_mut(&id).map(|account| &mut account.last)
    }

    pub(super) fn merchant_last(&mut self, id: MerchantId) -> Option<&mut u64> {
        self.merchants.get_mut(&id).map(|account| &mut account.last)
    }

    pub(super) fn wallets(&self) -> usize {
        self.wallets.len()
    }

    pub(super) fn merchants(&self) -> usize {
        self.merchants.len()
    }

    pub(super) fn negative_wallets(&self) -> u64 {
        self.wallets.values().filter(|account| account.was_negative).count() as u64
    }

    pub(super) fn balance(&self, topic: Topic) -> Option<i128> {
        let account = match topic {
            Topic::Wallet(id) => self.wallets.get(&id),
            Topic::Merchant(id) => self.merchants.get(&id),
            Topic::Group(_) => None,
        };
        account.map(|account| account.balance)
    }

    /// Brought less taken, in all currencies.
    pub(super) fn brought(&self) -> i128 {
        self.confirmed.values().sum()
    }

    /// What all wallets and what all merchants have.
    pub(super) fn totals(&self) -> (i128, i128) {
        let wallets = self.wallets.values().map(|account| account.balance).sum();
        (wallets, self.merchants.values().map(|account| account.balance).sum())
    }

    /// All balances less what the bank brought, plus what it took; currency by currency, so that
    /// too much of one never hides too little of another.
    pub(super) fn money_delta(&self, faults: &mut Faults) -> i128 {
        let mut deltas: BTreeMap<u16, i128> = BTreeMap::new();
        for account in self.wallets.values().chain(self.merchants.values()) {
            *deltas.entry(account.currency.numeric()).or_default() += account.balance;
        }
        for (currency, confirmed) in &self.confirmed {
            *deltas.entry(*currency).or_default() -= confirmed;
        }
        for (currency, delta) in deltas.iter().filter(|(_, delta)| **delta != 0) {
            faults.note(format!("money made or lost: {delta} minor units of currency {currency}"));
        }
        match deltas.values().filter(|delta| **delta != 0).collect::<Vec<_>>().as_slice() {
            [] => 0,
            [delta] => **delta,
            many => many.iter().map(|delta| delta.abs()).sum(),
        }
    }

    // --- wallets and merchants ---------------------------------------------------------------

    pub(super) fn wallet_opened(
        &mut self,
        id: WalletId,
        currency: Currency,
        faults: &mut Faults,
    ) -> bool {
        if self.wallets.insert(id, Account::new(currency)).is_some() {
            faults.found(format!("wallet {id} opens twice"));
        }
        true
    }

    pub(super) fn merchant_onboarded(
        &mut self,
        id: MerchantId,
        currency: Currency,
        faults: &mut Faults,
    ) -> bool {
        if self.merchants.insert(id, Account::new(currency)).is_some() {
            faults.found(format!("merchant {id} joins twice"));
        }
        true
    }

    pub(super) fn wallet_touched(&mut self, id: WalletId, faults: &mut Faults) -> bool {
        if !self.wallets.contains_key(&id) {
            faults.found(format!("wallet {id} was never opened"));
        }
        true
    }

    pub(super) fn wallet_closed(&mut self, id: WalletId, faults: &mut Faults) -> bool {
        match self.wallets.get_mut(&id) {
            None => faults.found(format!("wallet {id} was never opened")),
            Some(account) => {
                if account.balance != 0 {
                    faults.found(format!("wallet {id} closes with {}", account.balance));
                }
                account.closed = true;
            }
        }
        true
    }

    /// A closed wallet takes back refunds and lets them be withdrawn; nothing else.
    pub(super) fn expect_open(&self, id: WalletId, does: &str, faults: &mut Faults) {
        if self.wallets.get(&id).is_some_and(|account| account.closed) {
            faults.found(format!("wallet {id} {does} although it is closed"));
        }
    }

    // --- money -------------------------------------------------------------------------------

    pub(super) fn add_to_wallet(&mut self, id: WalletId, delta: i128, faults: &mut Faults) {
        match self.wallets.get_mut(&id) {
            None => faults.found(format!("wallet {id} was never opened")),
            Some(account) => {
                if let Some(fault) = account.add(delta) {
                    faults.found(format!("wallet {id} {fault}"));
                }
            }
        }
    }

    pub(super) fn add_to_merchant(&mut self, id: MerchantId, delta: i128, faults: &mut Faults) {
        match self.merchants.get_mut(&id).map(|account| account.add(delta)) {
            None => faults.found(format!("merchant {id} never joined")),
            Some(None) => {}
            Some(Some(fault)) => faults.found(format!("merchant {id} {fault}")),
        }
    }

    pub(super) fn transferred(
        &mut self,
        from: WalletId,
        to: WalletId,
        request: RequestId,
        amount: Amount,
        faults: &mut Faults,
    ) -> bool {
        if amount.minor() <= 0 {
            faults.found(format!("a transfer of {amount}"));
        }
        if !self.moved.insert(from.0.as_u128().rotate_left(64) ^ request.0.as_u128()) {
            faults.found(format!("request {request} of wallet {from} moves money twice"));
        }
        let currency = |id| self.wallets.get(id).map(|account: &Account| account.currency);
        if currency(&from) != currency(&to) {
            faults.found(format!("wallets {from} and {to} have different currencies"));
        }
        self.expect_open(from, "pays", faults);
        self.expect_open(to, "is paid", faults);
        self.add_to_wallet(from, -i128::from(amount.minor()), faults);
        self.add_to_wallet(to, i128::from(amount.minor()), faults);
        true
    }

    pub(super) fn requested(&mut self, moved: &RailMove, faults: &mut Faults) -> bool {
        if moved.amount.minor() <= 0 {
            faults.found(format!("{} asked of the bank", moved.amount));
        }
        let asked = (moved.direction, moved.amount);
        if self.asked.insert((moved.holder, moved.request), asked).is_some() {
            faults.found(format!("request {} is asked of the bank twice", moved.request));
        }
        if moved.direction == Direction::Out {
            self.hold(moved.holder, i128::from(moved.amount.minor()), faults);
        }
        true
    }

    pub(super) fn confirmed(&mut self, moved: &RailMove, faults: &mut Faults) -> bool {
        self.answered(moved, faults);
        let (sign, amount) = match moved.direction {
            Direction::In => (1, i128::from(moved.amount.minor())),
            Direction::Out => (-1, i128::from(moved.amount.minor())),
        };
        let id = match moved.holder {
            Holder::Wallet(id) => id.0.as_u128(),
            Holder::Merchant(id) => id.0.as_u128(),
        };
        if !self.moved.insert(id.rotate_left(32) ^ moved.request.0.as_u128()) {
            faults.found(format!("request {} moves money twice", moved.request));
        }
        let currency = match moved.holder {
            Holder::Wallet(id) => {
                if sign > 0 {
                    self.expect_open(id, "is topped up", faults);
                }
                self.add_to_wallet(id, sign * amount, faults);
                self.wallets.get(&id)
            }
            Holder::Merchant(id) => {
                self.add_to_merchant(id, sign * amount, faults);
                self.merchants.get(&id)
            }
        };
        if let Some(account) = currency {
            *self.confirmed.entry(account.currency.numeric()).or_default() += sign * amount;
        }
        true
    }

    pub(super) fn refused(&mut self, moved: &RailMove, faults: &mut Faults) -> bool {
        self.answered(moved, faults);
        true
    }

    fn answered(&mut self, moved: &RailMove, faults: &mut Faults) {
        let asked = self.asked.remove(&(moved.holder, moved.request));
        if asked != Some((moved.direction, moved.amount)) {
            faults.found(format!("the bank answers to {}, which was not asked", moved.request));
        } else if moved.direction == Direction::Out {
            self.hold(moved.holder, -i128::from(moved.amount.minor()), faults);
        }
    }

    fn hold(&mut self, holder: Holder, amount: i128, faults: &mut Faults) {
        let account = match holder {
            Holder::Wallet(id) => self.wallets.get_mut(&id),
            Holder::Merchant(id) => self.merchants.get_mut(&id),
        };
        match account {
            None => faults.found("money is held of an unknown account"),
            Some(account) => {
                account.held += amount;
                if let Some(fault) = account.check() {
                    faults.found(format!("the account {fault}"));
                }
            }
        }
    }
}
