//! Folding one record into what is pending.

use std::{hint, num::NonZeroI64};

use super::{
    Books, BooksError,
    account::{load_group, load_merchant, load_wallet, merchant_key},
    blob::OrderStep,
    pending::{Change, GroupSlot, MerchantSlot, Pending, PendingStep, WalletSlot},
};
use crate::{
    codec::Record,
    domain::{
        event::{Event, Holder, Leg, RailMove, Settlement},
        group::Group,
        merchant::Merchant,
        text::OrderNo,
        wallet::Wallet,
    },
    id::{GroupId, MerchantId, Topic, WalletId},
    ledger::{Account, Entry},
    money::{Amount, Currency},
};

impl Books {
    /// Folds the next record of the journal. [`Books::end_batch`] must follow the last record of a
    /// batch, because the journal is gone on with at batches.
    ///
    /// # Errors
    /// [`BooksError`]; the books are then broken.
    ///
    /// # Panics
    /// When the record contradicts the rows: a corrupt journal, or a bug.
    pub fn project(&mut self, record: &Record) -> Result<(), BooksError> {
        if self.broken {
            return Err(BooksError::Broken);
        }
        // Stands if folding panics.
        self.broken = true;
        self.within_batch = true;
        match &record.event {
            Event::Settled(settlement) => self.fold_settled(record, settlement)?,
            event @ (Event::WalletOpened { .. }
            | Event::WalletFrozen { .. }
            | Event::WalletThawed { .. }
            | Event::WalletClosed { .. }
            | Event::RailRequested(_)
            | Event::RailConfirmed(_)
            | Event::RailRefused(_)
            | Event::Transferred { .. }
            | Event::MerchantOnboarded { .. }
            | Event::GroupOpened { .. }
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
            | Event::GroupClosed { .. }
            | Event::Declined(_)
            | Event::Refunded(_)) => self.fold_any(record, event)?,
        }
        self.counts.records += 1;
        self.pending.records += 1;
        self.broken = false;
        Ok(())
    }

    /// Looks at whom the bills among `records` will touch, all at once: in maps of a million each is cold in
    /// memory, and looks overlap there, where foldings wait for one another. What is seen is of no matter.
    pub(super) fn look_ahead(&self, records: &[Record]) {
        let Pending { wallets, groups, .. } = &self.pending;
        let met = |leg: &Leg| wallets.get(&leg.source.wallet()).is_some_and(|it| it.key.is_some());
        let can_spend = |slot: &GroupSlot| {
            let members = slot.group.members.iter();
            members.fold(true, |all, member| all & member.consent.cap.is_positive())
        };
        let look = |record: &Record| {
            let Event::Settled(settled) = &record.event else { return true };
            let met = settled.legs.iter().fold(true, |all, leg| all & met(leg));
            met & groups.get(&settled.group).is_some_and(can_spend)
        };
        hint::black_box(records.iter().fold(true, |all, record| all & look(record)));
    }

    /// The record that there are millions of: an addition per account.
    fn fold_settled(&mut self, record: &Record, settled: &Settlement) -> Result<(), BooksError> {
        let at = record.position;
        let slot = self.merchant_slot(settled.merchant)?;
        slot.change.touch(settled.total, at);
        let sums = slot.quarter(record.at.quarter());
        sums.settled_count += 1;
        sums.settled = add(sums.settled, settled.total);
        let merchant = slot.key;
        for leg in &settled.legs {
            let Account::Wallet(wallet) = leg.source.account() else {
                return Err(BooksError::corrupt("a diner's share came from no wallet"));
            };
            let paid = leg.amount.checked_neg().expect("M-1: amounts are positive");
            let slot = self.pending.wallets.entry(wallet).or_insert(WalletSlot::UNMET);
            slot.change.touch(paid, at);
        }
        self.fold_group(settled.group, record)?;
        self.step(merchant, &settled.order_no, OrderStep::Settled, record);
        self.counts.settled += 1;
        Ok(())
    }

    fn fold_any(&mut self, record: &Record, event: &Event) -> Result<(), BooksError> {
        self.begin(record, event)?;
        let entry = event.entry();
        for topic in event.topics(&entry) {
            match topic {
                Topic::Wallet(id) => {
                    let moved = moved(&entry, Account::Wallet(id));
                    self.fold_wallet(id, moved, record)?;
                }
                Topic::Merchant(id) => {
                    let moved = moved(&entry, Account::Merchant(id));
                    self.fold_merchant(id, moved, record)?;
                }
                Topic::Group(id) => self.fold_group(id, record)?,
            }
        }
        self.fold_order(record, event)?;
        self.fold_rail(record, event, &entry)
    }

    /// Makes what the event brings into the world.
    fn begin(&mut self, record: &Record, event: &Event) -> Result<(), BooksError> {
        let head = record.position;
        if let Event::WalletOpened { wallet, name, currency } = event {
            self.counts.wallets += 1;
            let key = NonZeroI64::new(self.counts.wallets.cast_signed());
            let account = Box::new(Wallet::open(*wallet, name.clone(), *currency));
            let change = Change::Whole { account, head, fresh: true };
            if self.pending.wallets.insert(*wallet, WalletSlot { key, change }).is_some() {
                return Err(BooksError::corrupt("a wallet was opened twice"));
            }
        }
        if let Event::MerchantOnboarded { merchant, name, currency } = event {
            self.counts.merchants += 1;
            let key = self.counts.merchants.cast_signed();
            let account = Box::new(Merchant::onboard(*merchant, name.clone(), *currency));
            let mut slot = MerchantSlot::new(key);
            slot.change = Change::Whole { account, head, fresh: true };
            if self.pending.merchants.insert(*merchant, slot).is_some() {
                return Err(BooksError::corrupt("a merchant was onboarded twice"));
            }
        }
        if let Event::GroupOpened { group: id, name, host, consent, currency, rules } = event {
            let (name, rules) = (name.clone(), rules.clone());
            let group = Group::open(*id, name, *host, *consent, *currency, rules);
            let slot = GroupSlot { group, head, dirty: false };
            if self.pending.groups.insert(*id, slot).is_some() {
                return Err(BooksError::corrupt("a group was opened twice"));
            }
            self.counts.groups += 1;
        }
        Ok(())
    }

    fn fold_wallet(
        &mut self,
        id: WalletId,
        moved: Amount,
        record: &Record,
    ) -> Result<(), BooksError> {
        let slot = self.pending.wallets.entry(id).or_insert(WalletSlot::UNMET);
        if only_moves_wallet(&record.event, id) {
            slot.change.touch(moved, record.position);
            return Ok(());
        }
        let load = || {
            let loaded = load_wallet(&self.connection, id)?;
            loaded.map(|(wallet, _)| wallet).ok_or(BooksError::corrupt("a wallet has no row"))
        };
        slot.change.fold(&record.event, moved, record.position, load)?;
        Ok(())
    }

    fn fold_merchant(
        &mut self,
        id: MerchantId,
        moved: Amount,
        record: &Record,
    ) -> Result<(), BooksError> {
        self.merchant_slot(id)?;
        let slot = self.pending.merchants.get_mut(&id).expect("just looked up");
        if only_moves_merchant(&record.event) {
            slot.change.touch(moved, record.position);
            return Ok(());
        }
        let load = || {
            let loaded = load_merchant(&self.connection, id)?;
            loaded.map(|(merchant, _)| merchant).ok_or(BooksError::corrupt("a merchant has no row"))
        };
        slot.change.fold(&record.event, moved, record.position, load)?;
        Ok(())
    }

    /// The merchant's slot, marked as changed.
    fn merchant_slot(&mut self, id: MerchantId) -> Result<&mut MerchantSlot, BooksError> {
        use std::collections::hash_map::Entry::{Occupied, Vacant};

        let slot = match self.pending.merchants.entry(id) {
            Occupied(slot) => slot.into_mut(),
            Vacant(vacant) => {
                let key = merchant_key(&self.connection, id)?;
                let key = key.ok_or(BooksError::corrupt("a merchant has no row"))?;
                vacant.insert(MerchantSlot::new(key))
            }
        };
        if !slot.dirty {
            slot.dirty = true;
            self.pending.merchants_dirty.push(id);
        }
        Ok(slot)
    }

    fn fold_group(&mut self, id: GroupId, record: &Record) -> Result<(), BooksError> {
        use std::collections::hash_map::Entry::{Occupied, Vacant};

        let slot = match self.pending.groups.entry(id) {
            Occupied(slot) => slot.into_mut(),
            Vacant(vacant) => {
                let loaded = load_group(&self.connection, id)?;
                let (group, head) = loaded.ok_or(BooksError::corrupt("a group has no row"))?;
                vacant.insert(GroupSlot { group, head, dirty: false })
            }
        };
        if !slot.dirty {
            slot.dirty = true;
            self.pending.groups_dirty.push(id);
        }
        slot.group.apply(&record.event);
        slot.head = record.position;
        Ok(())
    }

    /// What a decline or a refund adds to the order and the quarter; the merchant's slot is there.
    fn fold_order(&mut self, record: &Record, event: &Event) -> Result<(), BooksError> {
        if let Event::Declined(decline) = event {
            let slot = self.merchant_slot(decline.merchant)?;
            slot.quarter(record.at.quarter()).declined_count += 1;
            let merchant = slot.key;
            self.step(merchant, &decline.order_no, OrderStep::Declined, record);
            self.counts.declined += 1;
        }
        if let Event::Refunded(refund) = event {
            let slot = self.merchant_slot(refund.merchant)?;
            let sums = slot.quarter(record.at.quarter());
            sums.refunded_count += 1;
            sums.refunded = add(sums.refunded, refund.amount);
            let merchant = slot.key;
            self.step(merchant, &refund.order_no, OrderStep::Refunded, record);
            self.counts.refunded += 1;
        }
        Ok(())
    }

    fn step(&mut self, merchant: i64, order_no: &OrderNo, step: OrderStep, record: &Record) {
        let (order_no, position) = (order_no.clone(), record.position);
        self.pending.steps.push(PendingStep { merchant, order_no, position, step });
    }

    fn fold_rail(
        &mut self,
        record: &Record,
        event: &Event,
        entry: &Entry,
    ) -> Result<(), BooksError> {
        if let Event::RailRequested(moved) = event {
            self.pending.rail_asked(*moved);
        }
        if let Event::RailConfirmed(moved) | Event::RailRefused(moved) = event {
            self.pending.rail_answered(moved);
            let outside = self::moved(entry, Account::Clearing);
            if outside != Amount::ZERO {
                let currency = self.currency_of(moved, record)?;
                self.pending.clear(currency.numeric(), outside);
            }
        }
        Ok(())
    }

    /// The currency of a move's holder, who was folded whole just now.
    fn currency_of(&self, moved: &RailMove, record: &Record) -> Result<Currency, BooksError> {
        let currency = match moved.holder {
            Holder::Wallet(id) => match self.pending.wallets.get(&id).map(|slot| &slot.change) {
                Some(Change::Whole { account, .. }) => Some(account.currency),
                Some(Change::Moved { .. }) | None => None,
            },
            Holder::Merchant(id) => {
                match self.pending.merchants.get(&id).map(|slot| &slot.change) {
                    Some(Change::Whole { account, .. }) => Some(account.currency),
                    Some(Change::Moved { .. }) | None => None,
                }
            }
        };
        debug_assert!(currency.is_some(), "the rail's answer at {} is folded", record.position);
        currency.ok_or(BooksError::corrupt("the rail answered nobody"))
    }
}

fn add(sum: Amount, amount: Amount) -> Amount {
    sum.checked_add(amount).expect("M-1: sums stay within 64 bits")
}

/// What `account` gets by `entry`.
fn moved(entry: &Entry, account: Account) -> Amount {
    let posting = entry.postings().iter().find(|posting| posting.account == account);
    posting.map_or(Amount::ZERO, |posting| posting.delta)
}

/// Whether `event` does no more to the wallet than move its money, maybe none. Reservations, which
/// a settlement also ends, are not in the books.
fn only_moves_wallet(event: &Event, wallet: WalletId) -> bool {
    match event {
        Event::Transferred { from, .. } => *from != wallet,
        Event::WalletOpened { .. }
        | Event::WalletFrozen { .. }
        | Event::WalletThawed { .. }
        | Event::WalletClosed { .. }
        | Event::RailRequested(_)
        | Event::RailConfirmed(_)
        | Event::RailRefused(_) => false,
        Event::MerchantOnboarded { .. }
        | Event::GroupOpened { .. }
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
        | Event::GroupClosed { .. }
        | Event::Settled(_)
        | Event::Declined(_)
        | Event::Refunded(_) => true,
    }
}

/// Whether `event` does no more to a merchant than move its money, maybe none.
fn only_moves_merchant(event: &Event) -> bool {
    !matches!(
        event,
        Event::MerchantOnboarded { .. }
            | Event::RailRequested(_)
            | Event::RailConfirmed(_)
            | Event::RailRefused(_)
    )
}
