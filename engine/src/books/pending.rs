//! Changes that are folded and not written.
//!
//! What happens millions of times, money moving through an account, is one addition in a map. An
//! account to which anything else happens is loaded once and folded whole, in log order, so that
//! every state on the way is one that it really had (W-1 is asserted on each).

use std::{collections::BTreeMap, num::NonZeroI64};

use smallvec::SmallVec;

use super::{account::Holding, blob::OrderStep};
use crate::{
    domain::{
        event::{Event, Holder, RailMove},
        group::Group,
        merchant::Merchant,
        text::OrderNo,
        wallet::Wallet,
    },
    hash::IdMap,
    id::{GroupId, MerchantId, Position, RequestId, WalletId},
    limits,
    money::Amount,
};

/// What happened to one account.
#[derive(Debug)]
pub(super) enum Change<A> {
    /// Money moved, and nothing else: the sum.
    Moved { delta: Amount, head: Position },
    /// The whole account as it is now; `fresh` when it has no row.
    Whole { account: Box<A>, head: Position, fresh: bool },
}

impl<A: Holding> Change<A> {
    /// An account of which nothing is pending.
    pub(super) const NONE: Self = Self::Moved { delta: Amount::ZERO, head: Position::NONE };

    /// Whether anything is.
    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::Moved { head: Position::NONE, .. })
    }

    /// Folds an event that does no more than move `moved`, maybe nothing.
    pub(super) fn touch(&mut self, moved: Amount, at: Position) {
        match self {
            Self::Moved { delta, head } => {
                *delta = delta.checked_add(moved).expect("M-1: sums stay within 64 bits");
                *head = at;
            }
            Self::Whole { account, head, .. } => {
                account.purse_mut().funds.post(moved);
                *head = at;
            }
        }
    }

    /// Folds any event.
    pub(super) fn fold<E>(
        &mut self,
        event: &Event,
        moved: Amount,
        at: Position,
        load: impl FnOnce() -> Result<A, E>,
    ) -> Result<&A, E> {
        if let Self::Moved { delta, head } = *self {
            let mut account = Box::new(load()?);
            account.purse_mut().funds.post(delta);
            *self = Self::Whole { account, head, fresh: false };
        }
        match self {
            Self::Whole { account, head, .. } => {
                account.fold(event, moved, at);
                *head = at;
                Ok(account)
            }
            Self::Moved { .. } => unreachable!("just made whole"),
        }
    }
}

/// One wallet; the key outlives a write.
#[derive(Debug)]
pub(super) struct WalletSlot {
    /// `None` until a write looks it up.
    pub(super) key: Option<NonZeroI64>,
    pub(super) change: Change<Wallet>,
}

impl WalletSlot {
    /// Of a wallet that has a row and was not met since the books were opened.
    pub(super) const UNMET: Self = Self { key: None, change: Change::NONE };
}

/// One merchant; the key outlives a write.
#[derive(Debug)]
pub(super) struct MerchantSlot {
    pub(super) key: i64,
    pub(super) dirty: bool,
    pub(super) change: Change<Merchant>,
    pub(super) quarters: SmallVec<[QuarterDelta; 1]>,
}

/// What a quarter of an hour's orders came to since the last write, or a part of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct QuarterDelta {
    pub(super) quarter: i64,
    pub(super) settled_count: i64,
    pub(super) settled: Amount,
    pub(super) refunded_count: i64,
    pub(super) refunded: Amount,
    pub(super) declined_count: i64,
}

impl MerchantSlot {
    pub(super) fn new(key: i64) -> Self {
        Self { key, dirty: false, change: Change::NONE, quarters: SmallVec::new() }
    }

    /// The sums to which a record of `quarter` is added. Only the newest are looked at: a write adds up
    /// what it is given, and books that are made anew meet thousands of quarters before they write.
    pub(super) fn quarter(&mut self, quarter: i64) -> &mut QuarterDelta {
        if self.quarters.last().is_none_or(|newest| newest.quarter != quarter) {
            self.quarters.push(QuarterDelta { quarter, ..QuarterDelta::default() });
        }
        self.quarters.last_mut().expect("just looked at")
    }
}

/// One group, kept beyond a write for the bills that follow.
#[derive(Debug)]
pub(super) struct GroupSlot {
    pub(super) group: Group,
    pub(super) head: Position,
    pub(super) dirty: bool,
}

/// A new step of an order, under its merchant's key.
#[derive(Debug)]
pub(super) struct PendingStep {
    pub(super) merchant: i64,
    pub(super) order_no: OrderNo,
    pub(super) position: Position,
    pub(super) step: OrderStep,
}

/// What is to be done to the row of one move.
#[derive(Clone, Copy, Debug)]
pub(super) enum RailRow {
    /// There is none yet.
    Insert(RailMove),
    /// There is one, of an earlier request of the same name.
    Replace(RailMove),
    /// The rail answered.
    Delete,
}

#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) records: usize,
    pub(super) wallets: IdMap<WalletId, WalletSlot>,
    pub(super) merchants: IdMap<MerchantId, MerchantSlot>,
    pub(super) merchants_dirty: Vec<MerchantId>,
    pub(super) groups: IdMap<GroupId, GroupSlot>,
    pub(super) groups_dirty: Vec<GroupId>,
    pub(super) steps: Vec<PendingStep>,
    pub(super) rail: BTreeMap<(Holder, RequestId), RailRow>,
    /// By the currency's number.
    pub(super) clearing: BTreeMap<u16, Amount>,
}

impl Pending {
    /// Whether it must be written before anything more is folded.
    pub(super) fn is_full(&self) -> bool {
        self.records >= limits::BOOKS_PENDING_RECORDS_MAX
            || self.wallets.len() >= limits::BOOKS_PENDING_WALLETS_MAX
            || self.groups_dirty.len() >= limits::BOOKS_GROUPS_MAX
    }

    pub(super) fn rail_asked(&mut self, moved: RailMove) {
        let key = (moved.holder, moved.request);
        let row = match self.rail.get(&key) {
            Some(RailRow::Delete | RailRow::Replace(_)) => RailRow::Replace(moved),
            Some(RailRow::Insert(_)) | None => RailRow::Insert(moved),
        };
        self.rail.insert(key, row);
    }

    pub(super) fn rail_answered(&mut self, moved: &RailMove) {
        let key = (moved.holder, moved.request);
        match self.rail.get(&key) {
            Some(RailRow::Insert(_)) => {
                self.rail.remove(&key);
            }
            Some(RailRow::Replace(_) | RailRow::Delete) | None => {
                self.rail.insert(key, RailRow::Delete);
            }
        }
    }

    pub(super) fn clear(&mut self, currency: u16, moved: Amount) {
        let sum = self.clearing.entry(currency).or_default();
        *sum = sum.checked_add(moved).expect("M-1: sums stay within 64 bits");
    }
}
