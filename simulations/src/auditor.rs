//! Auditor: folds the journal with its own arithmetic and believes nobody.
//!
//! It shares the codec with the engine and not one rule: sums are 128 bits wide, accounts are plain
//! maps. It re-proves that
//!
//! - every entry sums to zero, and all balances together are what the bank brought less what it
//!   took (M-1);
//! - no wallet and no merchant ever has less than nothing free (W-1);
//! - an order settles at most once, shares and legs sum to its total (G-1, G-2);
//! - nobody pays above the cap, or more than he wants to be asked about without a yes (G-3), and no
//!   refund gives back more than was paid;
//! - each topic's records are chained without a gap (L-1);
//! - everything that was acknowledged is there (J-2).

mod accounts;
mod tables;

use std::time::{Duration, Instant};

use fanju::{
    codec::{self, Record},
    domain::event::Event,
    id::{Position, Topic, WalletId},
    journal::Reader,
};
use serde::{Deserialize, Serialize};

use self::{accounts::Accounts, tables::Tables};
use crate::acks::Ack;

/// Faults that are told in words; more are only counted.
const REASONS_MAX: usize = 20;

/// Whether everything is as it should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is.
    Ok,
    /// It is not.
    Failed,
    /// Nobody looked.
    Skipped,
}

/// What an audit found.
#[derive(Clone, Debug, Serialize)]
pub struct Audit {
    /// Whether everything is as it should be.
    pub verdict: Verdict,
    /// The first faults, in words.
    pub reasons: Vec<String>,
    /// How many faults there are.
    pub faults: u64,
    /// All balances, less what the bank brought, plus what it took.
    pub money_delta_minor: i128,
    /// Settlements acknowledged and not in the journal.
    pub lost: u64,
    /// Settlements whose acknowledgement was looked for.
    pub acknowledged: u64,
    /// Wallets that once had less than nothing free.
    pub negative_wallets: u64,
    /// Records read.
    pub records: u64,
    /// Orders paid.
    pub settlements: u64,
    /// Orders that ended without money.
    pub declines: u64,
    /// Refunds.
    pub refunds: u64,
    /// Wallets opened.
    pub wallets: usize,
    /// Merchants onboarded.
    pub merchants: usize,
    /// Groups opened.
    pub groups: usize,
    /// What all wallets have.
    pub wallets_total_minor: i128,
    /// What all merchants have.
    pub merchants_total_minor: i128,
    /// How long reading took.
    pub took_s: f64,
}

impl Audit {
    /// No audit.
    #[must_use]
    pub fn skipped() -> Self {
        let mut audit = Auditor::new().finish();
        audit.verdict = Verdict::Skipped;
        audit
    }

    /// An audit of a journal that cannot be opened.
    #[must_use]
    pub fn unreadable(reason: String) -> Self {
        let mut auditor = Auditor::new();
        auditor.faults.note(reason);
        auditor.finish()
    }
}

/// What is wrong.
#[derive(Debug, Default)]
struct Faults {
    /// The record being looked at.
    at: Position,
    count: u64,
    reasons: Vec<String>,
}

impl Faults {
    /// Notes a fault of the record being looked at.
    fn found(&mut self, what: impl std::fmt::Display) {
        let at = self.at;
        self.note(format!("record {at}: {what}"));
    }

    fn note(&mut self, reason: String) {
        self.count += 1;
        if self.reasons.len() < REASONS_MAX {
            self.reasons.push(reason);
        }
    }
}

/// The fold so far.
#[derive(Debug, Default)]
pub struct Auditor {
    faults: Faults,
    accounts: Accounts,
    tables: Tables,
    newest: Position,
    records: u64,
    declines: u64,
    lost: u64,
    acknowledged: u64,
    took: Duration,
}

impl Auditor {
    /// Before the first record.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Folds everything durable in a journal. What cannot be read is a fault.
    #[must_use]
    pub fn read(reader: &Reader) -> Self {
        let began = Instant::now();
        let mut auditor = Self::new();
        let lookup = |position| {
            let payload = reader.record(position).map_err(|error| error.to_string())?;
            codec::decode(position, &payload).map_err(|error| error.to_string())
        };
        let mut batches = reader.batches(Position::NONE);
        loop {
            match batches.next_batch() {
                Ok(None) => break,
                Ok(Some(batch)) => {
                    for (position, payload) in batch.records() {
                        auditor.faults.at = position;
                        match codec::decode(position, payload) {
                            Ok(record) => auditor.observe(&record, &lookup),
                            Err(error) => auditor.faults.found(error),
                        }
                    }
                }
                Err(error) => {
                    let error = anyhow::Error::new(error);
                    auditor.faults.note(format!("cannot read the journal: {error:#}"));
                    break;
                }
            }
        }
        auditor.took = began.elapsed();
        auditor
    }

    /// Folds one record; `lookup` finds earlier ones.
    pub fn observe(
        &mut self,
        record: &Record,
        lookup: &dyn Fn(Position) -> Result<Record, String>,
    ) {
        let Self { faults, accounts, tables, .. } = self;
        faults.at = record.position;
        if record.position <= self.newest {
            faults.found(format!("it stands behind record {}", self.newest));
        }
        self.newest = record.position;
        self.records += 1;
        let balances = match &record.event {
            Event::Settled(settlement) => {
                tables.settled(settlement, record.position, accounts, faults)
            }
            Event::Refunded(refund) => tables.refunded(refund, lookup, accounts, faults),
            Event::Declined(decline) => {
                self.declines += 1;
                tables.declined(decline, accounts, faults)
            }
            Event::Transferred { from, to, amount, request, .. } => {
                accounts.transferred(*from, *to, *request, *amount, faults)
            }
            Event::RailRequested(moved) => accounts.requested(moved, faults),
            Event::RailConfirmed(moved) => accounts.confirmed(moved, faults),
            Event::RailRefused(moved) => accounts.refused(moved, faults),
            Event::WalletOpened { wallet, currency, .. } => {
                accounts.wallet_opened(*wallet, *currency, faults)
            }
            Event::WalletFrozen { wallet } | Event::WalletThawed { wallet } => {
                accounts.wallet_touched(*wallet, faults)
            }
            Event::WalletClosed { wallet } => accounts.wallet_closed(*wallet, faults),
            Event::MerchantOnboarded { merchant, currency, .. } => {
                accounts.merchant_onboarded(*merchant, *currency, faults)
            }
            group @ (Event::GroupOpened { .. }
            | Event::MemberInvited { .. }
            | Event::MemberJoined { .. }
            | Event::ConsentChanged { .. }
            | Event::MemberLeft { .. }
            | Event::RulesSet { .. }
            | Event::BillDrafted { .. }
            | Event::LineClaimed { .. }
            | Event::DraftCleared { .. }
            | Event::GroupLocked { .. }
            | Event::GroupUnlocked { .. }
            | Event::GroupClosed { .. }) => tables.group_changed(group, accounts, faults),
        };
        if balances {
            self.check_links(record);
        }
    }

    /// Each topic's record before this one must be the one that came last.
    fn check_links(&mut self, record: &Record) {
        let Self { faults, accounts, tables, .. } = self;
        let topics = record.topics();
        if topics.len() != record.prevs.len() {
            let links = record.prevs.len();
            return faults.found(format!("{links} links for {} topics", topics.len()));
        }
        for (topic, prev) in topics.iter().zip(&record.prevs) {
            let last = match topic {
                Topic::Wallet(id) => accounts.wallet_last(*id),
                Topic::Merchant(id) => accounts.merchant_last(*id),
                Topic::Group(id) => tables.group_last(*id),
            };
            // Unknown topics are a fault already.
            let Some(last) = last else { continue };
            if *last != prev.0 {
                faults.found(format!("{topic} links to {prev}, its last record is {last}"));
            }
            *last = record.position.0;
        }
    }

    /// Looks for settlements that were acknowledged, by the positions of their records.
    pub fn expect_positions(&mut self, acknowledged: &[u64]) {
        self.acknowledged += acknowledged.len() as u64;
        let settled = self.tables.settled_positions();
        for position in acknowledged {
            if settled.binary_search(position).is_err() {
                self.lost += 1;
                self.faults.note(format!("lost: the settlement told at {position}"));
            }
        }
    }

    /// Looks for settlements that were acknowledged, by everything that was told.
    pub fn expect_acks(&mut self, acks: &[Ack]) {
        self.acknowledged += acks.len() as u64;
        for Ack { merchant, order_no, position } in acks {
            if self.tables.settlement_of(*merchant, order_no) != Some(*position) {
                self.lost += 1;
                let told = format!("order {order_no} of {merchant}, told at {position}");
                self.faults.note(format!("lost: {told}"));
            }
        }
    }

    /// The first faults so far, in words.
    #[must_use]
    pub fn reasons(&self) -> &[String] {
        &self.faults.reasons
    }

    /// What a wallet or a merchant has, in minor units.
    #[must_use]
    pub fn balance(&self, topic: Topic) -> Option<i128> {
        self.accounts.balance(topic)
    }

    /// What of that a wallet holds for the bank, in minor units.
    #[must_use]
    pub fn held(&self, id: WalletId) -> Option<i128> {
        self.accounts.wallet(id).map(|account| account.held)
    }

    /// What the bank brought in, less what it took out, in minor units of all currencies.
    #[must_use]
    pub fn bank(&self) -> i128 {
        self.accounts.brought()
    }

    /// Notes a fault that was found elsewhere.
    pub fn note(&mut self, reason: String) {
        self.faults.note(reason);
    }

    /// The verdict.
    #[must_use]
    pub fn finish(mut self) -> Audit {
        let money_delta_minor = self.accounts.money_delta(&mut self.faults);
        let Faults { count: faults, reasons, .. } = self.faults;
        let verdict = if faults == 0 { Verdict::Ok } else { Verdict::Failed };
        let (wallets_total_minor, merchants_total_minor) = self.accounts.totals();
        Audit {
            verdict,
            reasons,
            faults,
            money_delta_minor,
            lost: self.lost,
            acknowledged: self.acknowledged,
            negative_wallets: self.accounts.negative_wallets(),
            records: self.records,
            settlements: self.tables.settled_positions().len() as u64,
            declines: self.declines,
            refunds: self.tables.refunds(),
            wallets: self.accounts.wallets(),
            merchants: self.accounts.merchants(),
            groups: self.tables.groups(),
            wallets_total_minor,
            merchants_total_minor,
            took_s: self.took.as_secs_f64(),
        }
    }
}

#[cfg(test)]
mod tests;
