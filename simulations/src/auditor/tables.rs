//! Tables: groups with their members' caps, the orders that they paid, and what went back.

use std::collections::{HashMap, hash_map::Entry};

use fanju::{
    codec::Record,
    domain::{
        event::{Consent, Decline, Event, Leg, Refund, Settlement, Source},
        text::{OrderNo, RefundNo},
    },
    id::{GroupId, MerchantId, Position, WalletId},
    money::{Amount, Currency},
};

use super::{
    Faults,
    accounts::{Accounts, ById},
};

#[derive(Clone, Copy, Debug)]
struct Member {
    wallet: WalletId,
    /// For all of the outing.
    cap: i128,
    /// What was paid above it, each time after a yes to that share, and is not refunded.
    above: i128,
    /// A share above this is asked for.
    confirm_above: Option<i128>,
    spent: i128,
}

impl Member {
    fn agree(&mut self, consent: Consent) {
        (self.cap, self.above) = (minor(consent.cap), 0);
        self.confirm_above = consent.confirm_above.map(minor);
    }
}

#[derive(Debug)]
struct Group {
    last: u64,
    currency: Currency,
    closed: bool,
    members: Vec<Member>,
    /// Who left after paying.
    former: Vec<Member>,
}

impl Group {
    /// The member whose wallet this is; looks at `hint` first, because settlements name their
    /// payers in the members' order.
    fn member(&mut self, wallet: WalletId, hint: usize) -> Option<&mut Member> {
        let at = match self.members.get(hint) {
            Some(member) if member.wallet == wallet => hint,
            Some(_) | None => self.members.iter().position(|member| member.wallet == wallet)?,
        };
        self.members.get_mut(at)
    }

    fn member_or_former(&mut self, wallet: WalletId, hint: usize) -> Option<&mut Member> {
        if self.former.iter().any(|former| former.wallet == wallet) {
            return self.former.iter_mut().find(|former| former.wallet == wallet);
        }
        self.member(wallet, hint)
    }
}

/// What is left of a settlement that was refunded in part.
#[derive(Debug)]
struct Left {
    legs: Vec<(WalletId, WalletId, i128)>,
    numbers: Vec<RefundNo>,
}

/// All groups and orders.
#[derive(Debug, Default)]
pub(super) struct Tables {
    groups: ById<GroupId, Group>,
    orders: ById<MerchantId, HashMap<OrderNo, u64>>,
    /// In the order of the log.
    settled: Vec<u64>,
    left: HashMap<u64, Left>,
    refunds: u64,
}

fn minor(amount: Amount) -> i128 {
    i128::from(amount.minor())
}

impl Tables {
    pub(super) fn groups(&self) -> usize {
        self.groups.len()
    }

    pub(super) fn refunds(&self) -> u64 {
        self.refunds
    }

    pub(super) fn settled_positions(&self) -> &[u64] {
        &self.settled
    }

    pub(super) fn settlement_of(&self, id: MerchantId, order_no: &OrderNo) -> Option<Position> {
        self.orders.get(&id)?.get(order_no).copied().map(Position)
    }

    pub(super) fn group_last(&mut self, id: GroupId) -> Option<&mut u64> {
        self.groups.get_mut(&id).map(|group| &mut group.last)
    }

    // --- groups ------------------------------------------------------------------------------

    pub(super) fn group_changed(
        &mut self,
        event: &Event,
        accounts: &Accounts,
        faults: &mut Faults,
    ) -> bool {
        match event {
            Event::GroupOpened { group, host, consent, currency, .. } => {
                let (currency, members, former) = (*currency, Vec::new(), Vec::new());
                let opened = Group { last: 0, currency, closed: false, members, former };
                if self.groups.insert(*group, opened).is_some() {
                    faults.found(format!("group {group} opens twice"));
                }
                self.join(*group, *host, *consent, accounts, faults);
            }
            Event::MemberJoined { group, wallet, consent } => {
                self.join(*group, *wallet, *consent, accounts, faults);
            }
            Event::ConsentChanged { group, wallet, consent } => {
                let member = self.groups.get_mut(group).and_then(|group| group.member(*wallet, 0));
                match member {
                    Some(member) => member.agree(*consent),
                    None => faults.found(format!("{wallet} is no member of {group}")),
                }
            }
            Event::MemberLeft { group, wallet } => match self.groups.get_mut(group) {
                Some(group) => group
                    .former
                    .extend(group.members.extract_if(.., |member| member.wallet == *wallet)),
                None => faults.found(format!("group {group} was never opened")),
            },
            Event::GroupClosed { group } => match self.groups.get_mut(group) {
                Some(group) => group.closed = true,
                None => faults.found(format!("group {group} was never opened")),
            },
            Event::MemberInvited { group, .. }
            | Event::RulesSet { group, .. }
            | Event::BillDrafted { group, .. }
            | Event::LineClaimed { group, .. }
            | Event::DraftCleared { group }
            | Event::GroupLocked { group }
            | Event::GroupUnlocked { group } => {
                if !self.groups.contains_key(group) {
                    faults.found(format!("group {group} was never opened"));
                }
            }
            Event::WalletOpened { .. }
            | Event::WalletFrozen { .. }
            | Event::WalletThawed { .. }
            | Event::WalletClosed { .. }
            | Event::RailRequested(_)
            | Event::RailConfirmed(_)
            | Event::RailRefused(_)
            | Event::Transferred { .. }
            | Event::MerchantOnboarded { .. }
            | Event::Settled(_)
            | Event::Declined(_)
            | Event::Refunded(_) => unreachable!("the caller gives events of groups only"),
        }
        true
    }

    fn join(
        &mut self,
        id: GroupId,
        wallet: WalletId,
        consent: Consent,
        accounts: &Accounts,
        faults: &mut Faults,
    ) {
        let Some(group) = self.groups.get_mut(&id) else {
            return faults.found(format!("group {id} was never opened"));
        };
        if accounts.wallet(wallet).is_none_or(|account| account.currency != group.currency) {
            faults.found(format!("wallet {wallet} cannot pay in the currency of group {id}"));
        }
        if group.members.iter().any(|member| member.wallet == wallet) {
            faults.found(format!("{wallet} joins group {id} twice"));
        }
        let former = group.former.iter().position(|former| former.wallet == wallet);
        let mut member = match former {
            Some(at) => group.former.swap_remove(at),
            None => Member { wallet, cap: 0, above: 0, confirm_above: None, spent: 0 },
        };
        member.agree(consent);
        group.members.push(member);
    }

    // --- orders ------------------------------------------------------------------------------

    /// Folds one settlement; says whether its entry sums to zero.
    pub(super) fn settled(
        &mut self,
        settlement: &Settlement,
        position: Position,
        accounts: &mut Accounts,
        faults: &mut Faults,
    ) -> bool {
        let Settlement { merchant, order_no, total, legs, .. } = settlement;
        self.settled.push(position.0);
        let orders = self.orders.entry(*merchant).or_default();
        if let Some(first) = orders.insert(order_no.clone(), position.0) {
            faults.found(format!("order {order_no} of {merchant} settled already at {first}"));
        }
        accounts.add_to_merchant(*merchant, minor(*total), faults);
        for leg in legs {
            let Source::Wallet(wallet) = leg.source;
            accounts.expect_open(wallet, "pays", faults);
            accounts.add_to_wallet(wallet, -minor(leg.amount), faults);
        }
        self.charge(settlement, accounts, faults);
        check_sums(settlement, faults)
    }

    /// Members pay, within their caps.
    fn charge(&mut self, settlement: &Settlement, accounts: &Accounts, faults: &mut Faults) {
        let id = settlement.group;
        let Some(group) = self.groups.get_mut(&id) else {
            return faults.found(format!("group {id} was never opened"));
        };
        if group.closed {
            faults.found(format!("group {id} pays although it is closed"));
        }
        let merchant = accounts.merchant(settlement.merchant);
        if merchant.is_some_and(|account| account.currency != group.currency) {
            faults.found(format!("group {id} pays a merchant of another currency"));
        }
        for (at, share) in settlement.shares.iter().enumerate() {
            if group.member(share.diner, at).is_none() {
                faults.found(format!("{} is no member of group {id}", share.diner));
            }
        }
        let diner_of = |leg: &Leg| settlement.shares.get(usize::from(leg.share));
        let is_own = |leg: &Leg| diner_of(leg).is_some_and(|of| leg.source.wallet() == of.diner);
        let nobody_covers = settlement.legs.iter().all(is_own);
        for (at, leg) in settlement.legs.iter().enumerate() {
            let Source::Wallet(payer) = leg.source;
            let Some(member) = group.member(payer, at) else {
                faults.found(format!("{payer} pays and is no member of group {id}"));
                continue;
            };
            member.spent += minor(leg.amount);
            let confirmed = is_own(leg) && diner_of(leg).is_some_and(|share| share.confirmed);
            if confirmed {
                member.above = member.above.max(member.spent - member.cap);
            } else {
                let theirs = settlement.legs.iter().filter(|leg| leg.source.wallet() == payer);
                let all: i128 = match nobody_covers {
                    true => minor(leg.amount),
                    false => theirs.map(|leg| minor(leg.amount)).sum(),
                };
                if member.confirm_above.is_some_and(|above| all > above) {
                    faults.found(format!("{payer} pays {all} and was not asked"));
                }
            }
            if member.spent > member.cap + member.above {
                let Member { cap, above, spent, .. } = *member;
                faults.found(format!("{payer} has paid {spent} with a cap of {cap} and {above}"));
            }
        }
    }

    pub(super) fn declined(
        &mut self,
        decline: &Decline,
        accounts: &Accounts,
        faults: &mut Faults,
    ) -> bool {
        let Decline { merchant, order_no, group, .. } = decline;
        if accounts.merchant(*merchant).is_none() || !self.groups.contains_key(group) {
            faults.found("an order of an unknown merchant or group is declined");
        }
        if let Some(paid) = self.settlement_of(*merchant, order_no) {
            faults.found(format!("order {order_no} of {merchant} is declined, paid at {paid}"));
        }
        true
    }

    /// Folds one refund; says whether its entry sums to zero.
    pub(super) fn refunded(
        &mut self,
        refund: &Refund,
        lookup: &dyn Fn(Position) -> Result<Record, String>,
        accounts: &mut Accounts,
        faults: &mut Faults,
    ) -> bool {
        self.refunds += 1;
        accounts.add_to_merchant(refund.merchant, -minor(refund.amount), faults);
        for leg in &refund.legs {
            let Source::Wallet(wallet) = leg.source;
            accounts.add_to_wallet(wallet, minor(leg.amount), faults);
            if let Some(group) = self.groups.get_mut(&refund.group)
                && let Some(member) = group.member_or_former(wallet, leg.leg.into())
            {
                member.spent = (member.spent - minor(leg.amount)).max(0);
                member.above = (member.above - minor(leg.amount)).max(0);
            }
        }
        match self.left_of(refund, lookup) {
            Ok(left) => {
                if left.numbers.contains(&refund.refund_no) {
                    faults.found(format!("refund {} happens twice", refund.refund_no));
                }
                left.numbers.push(refund.refund_no.clone());
                take(left, refund, faults);
            }
            Err(fault) => faults.found(fault),
        }
        let sum: i128 = refund.legs.iter().map(|leg| minor(leg.amount)).sum();
        if sum != minor(refund.amount) {
            faults.found(format!("refund legs sum to {sum}, not to {}", refund.amount));
        }
        let positive = refund.legs.iter().all(|leg| leg.amount.minor() > 0);
        if !positive {
            faults.found("a refund leg gives nothing or takes");
        }
        positive && sum == minor(refund.amount)
    }

    /// What may still go back of the order that `refund` is for.
    fn left_of(
        &mut self,
        refund: &Refund,
        lookup: &dyn Fn(Position) -> Result<Record, String>,
    ) -> Result<&mut Left, String> {
        let Refund { merchant, order_no, .. } = refund;
        let paid = self.settlement_of(*merchant, order_no);
        let paid = paid.ok_or_else(|| format!("order {order_no} of {merchant} was never paid"))?;
        match self.left.entry(paid.0) {
            Entry::Occupied(left) => Ok(left.into_mut()),
            Entry::Vacant(vacant) => {
                let Event::Settled(settlement) = lookup(paid)?.event else {
                    return Err(format!("record {paid} is no settlement"));
                };
                let legs = settlement.legs.iter().map(|leg| {
                    let Source::Wallet(source) = leg.source;
                    let share = settlement.shares.get(usize::from(leg.share));
                    (share.map_or(source, |share| share.diner), source, minor(leg.amount))
                });
                Ok(vacant.insert(Left { legs: legs.collect(), numbers: Vec::new() }))
            }
        }
    }
}

/// Takes a refund from what is left of its order.
fn take(left: &mut Left, refund: &Refund, faults: &mut Faults) {
    for leg in &refund.legs {
        let Source::Wallet(wallet) = leg.source;
        match left.legs.get_mut(usize::from(leg.leg)) {
            Some((diner, source, rest)) if (*diner, *source) == (leg.diner, wallet) => {
                *rest -= minor(leg.amount);
                if *rest < 0 {
                    faults.found(format!("{wallet} gets back {} more than was paid", -*rest));
                }
            }
            Some(_) | None => faults.found(format!("{wallet} gets back what others paid")),
        }
    }
}

/// Shares sum to the total, legs to their shares, and nobody pays nothing or less (G-2).
fn check_sums(settlement: &Settlement, faults: &mut Faults) -> bool {
    let Settlement { total, shares, legs, .. } = settlement;
    let owed: i128 = shares.iter().map(|share| minor(share.owed)).sum();
    if owed != minor(*total) {
        faults.found(format!("shares sum to {owed}, not to {total}"));
    }
    let paid: i128 = legs.iter().map(|leg| minor(leg.amount)).sum();
    if paid != minor(*total) {
        faults.found(format!("legs sum to {paid}, not to {total}"));
    }
    let mut rests: smallvec::SmallVec<[i128; 16]> =
        shares.iter().map(|share| minor(share.owed)).collect();
    for leg in legs {
        match rests.get_mut(usize::from(leg.share)) {
            Some(rest) => *rest -= minor(leg.amount),
            None => faults.found(format!("a leg pays share {}, which is not there", leg.share)),
        }
    }
    if rests.iter().any(|rest| *rest != 0) {
        faults.found("legs do not pay their shares exactly");
    }
    let positive = legs.iter().all(|leg| leg.amount.minor() > 0)
        && shares.iter().all(|share| share.owed.minor() > 0);
    if !positive {
        faults.found("somebody pays nothing or less");
    }
    positive && paid == minor(*total)
}
