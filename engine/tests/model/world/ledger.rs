//! The model: plain maps, plain numbers, one thing after the other.

use std::collections::{BTreeMap, BTreeSet};

use fanju::{
    domain::{
        bill::Bill,
        draft::Draft,
        event::{
            Consent, Decline, DeclineReason, Direction, Event, Holder, RailMove, Refund,
            Settlement, Shortfall, Source,
        },
        group::{self, Group, Member},
        split::{Claim, Split},
        text::{OrderNo, RefundNo},
        wallet::Status,
    },
    id::{GroupId, MerchantId, Position, RequestId, WalletId},
    money::{Amount, Currency},
};

use super::payment::{dues, is_drafted};
use crate::support::minor;

/// What a request asked for: a word, the other side, and how much.
pub(crate) type Content = (&'static str, Option<WalletId>, i64);

/// What each request asked for, and the record that ended it.
pub(crate) type Requests = BTreeMap<RequestId, (Content, Position)>;

#[derive(Debug)]
pub(crate) struct Wallet {
    pub(crate) currency: Currency,
    pub(crate) posted: i64,
    pub(crate) status: Status,
    pub(crate) requests: Requests,
}

#[derive(Debug)]
pub(crate) struct Merchant {
    pub(crate) currency: Currency,
    pub(crate) posted: i64,
    pub(crate) orders: BTreeMap<OrderNo, Order>,
    pub(crate) requests: Requests,
}

/// How an order ended the last time.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) content: u64,
    pub(crate) total: i64,
    pub(crate) ended: Position,
    pub(crate) declined: Option<DeclineReason>,
    pub(crate) paid: Option<Paid>,
}

#[derive(Debug)]
pub(crate) struct Paid {
    pub(crate) settlement: Settlement,
    /// What may still go back of each leg.
    pub(crate) remaining: Vec<i64>,
    pub(crate) refunds: Vec<GivenBack>,
}

#[derive(Debug)]
pub(crate) struct GivenBack {
    pub(crate) refund_no: RefundNo,
    pub(crate) content: u64,
    pub(crate) amount: i64,
    pub(crate) position: Position,
}

/// Groups are kept in the engine's own plain shape, to be compared whole; none of its methods is called.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) wallets: BTreeMap<WalletId, Wallet>,
    pub(crate) merchants: BTreeMap<MerchantId, Merchant>,
    pub(crate) groups: BTreeMap<GroupId, Group>,
    /// Every bill that was ever presented, by its number and content.
    pub(crate) bills: BTreeMap<(MerchantId, OrderNo, u64), Bill>,
    pub(crate) folded: BTreeSet<Position>,
    pub(crate) on_the_rail: BTreeMap<(Holder, RequestId), RailMove>,
    came_in: i64,
    went_out: i64,
}

impl Paid {
    /// For whom leg number `leg` paid.
    pub(crate) fn diner(&self, leg: usize) -> WalletId {
        self.settlement.shares[usize::from(self.settlement.legs[leg].share)].diner
    }
}

/// The claims of `split`, also within a treat.
pub(crate) fn claims(split: &mut Split) -> Option<&mut Vec<Claim>> {
    let split = if let Split::Treat { of, .. } = split { of } else { split };
    if let Split::Itemised { claims, .. } = split { Some(claims) } else { None }
}

impl Model {
    /// Money is neither made nor lost (M-1).
    pub(crate) fn assert_balanced(&self) {
        let wallets: i64 = self.wallets.values().map(|wallet| wallet.posted).sum();
        let shops: i64 = self.merchants.values().map(|shop| shop.posted).sum();
        assert_eq!(wallets + shops, self.came_in - self.went_out, "M-1");
    }

    /// Takes over what happened, after checking that it could.
    pub(crate) fn fold(&mut self, position: Position, event: &Event) {
        assert!(self.folded.insert(position), "{position} happens once");
        match event {
            Event::WalletOpened { wallet, currency, .. } => {
                let (currency, posted, status) = (*currency, 0, Status::Open);
                let opened = Wallet { currency, posted, status, requests: Requests::new() };
                assert!(self.wallets.insert(*wallet, opened).is_none(), "opened once");
            }
            Event::WalletFrozen { wallet } => self.turn(*wallet, Status::Open, Status::Frozen),
            Event::WalletThawed { wallet } => self.turn(*wallet, Status::Frozen, Status::Open),
            Event::WalletClosed { wallet } => {
                assert_eq!(self.wallet(*wallet).posted, 0, "only the empty are closed");
                self.turn(*wallet, Status::Open, Status::Closed);
            }
            Event::RailRequested(moved) => self.fold_requested(*moved),
            Event::RailConfirmed(moved) => self.fold_confirmed(position, moved),
            Event::RailRefused(_) => panic!("this bank refuses nothing"),
            Event::Transferred { from, to, request, amount, .. } => {
                let amount = amount.minor();
                self.give(*from, -amount);
                self.give(*to, amount);
                let content = ("transfer", Some(*to), amount);
                let known = self.wallet(*from).requests.insert(*request, (content, position));
                assert!(known.is_none(), "moves once");
            }
            Event::MerchantOnboarded { merchant, currency, .. } => {
                let (currency, posted) = (*currency, 0);
                let (orders, requests) = (BTreeMap::new(), Requests::new());
                let opened = Merchant { currency, posted, orders, requests };
                assert!(self.merchants.insert(*merchant, opened).is_none(), "opened once");
            }
            Event::Settled(settlement) => self.fold_settled(position, settlement),
            Event::Declined(decline) => self.fold_declined(position, decline),
            Event::Refunded(refund) => self.fold_refunded(position, refund),
            _ => self.fold_group(event),
        }
    }

    fn wallet(&mut self, id: WalletId) -> &mut Wallet {
        self.wallets.get_mut(&id).expect("known")
    }

    fn shop(&mut self, id: MerchantId) -> &mut Merchant {
        self.merchants.get_mut(&id).expect("known")
    }

    fn group(&mut self, id: GroupId) -> &mut Group {
        self.groups.get_mut(&id).expect("known")
    }

    fn turn(&mut self, id: WalletId, from: Status, to: Status) {
        let status = std::mem::replace(&mut self.wallet(id).status, to);
        assert_eq!(status, from, "{id}");
    }

    fn give(&mut self, id: WalletId, amount: i64) {
        let wallet = self.wallet(id);
        wallet.posted += amount;
        assert!(wallet.posted >= 0, "W-1: {id}");
    }

    fn pay(&mut self, id: MerchantId, amount: i64) {
        let shop = self.shop(id);
        shop.posted += amount;
        assert!(shop.posted >= 0, "W-1: {id}");
    }

    fn requests(&mut self, holder: Holder) -> &mut Requests {
        match holder {
            Holder::Wallet(id) => &mut self.wallet(id).requests,
            Holder::Merchant(id) => &mut self.shop(id).requests,
        }
    }

    fn fold_requested(&mut self, moved: RailMove) {
        if !self.requests(moved.holder).contains_key(&moved.request) {
            self.on_the_rail.insert((moved.holder, moved.request), moved);
        }
    }

    fn fold_confirmed(&mut self, position: Position, moved: &RailMove) {
        self.on_the_rail.remove(&(moved.holder, moved.request));
        let amount = moved.amount.minor();
        let (word, delta) = match moved.direction {
            Direction::In => ("in", amount),
            Direction::Out => ("out", -amount),
        };
        let ended = ((word, None, amount), position);
        let known = self.requests(moved.holder).insert(moved.request, ended);
        assert!(known.is_none(), "a request moves once");
        match moved.holder {
            Holder::Wallet(id) => self.give(id, delta),
            Holder::Merchant(id) => self.pay(id, delta),
        }
        match moved.direction {
            Direction::In => self.came_in += amount,
            Direction::Out => self.went_out += amount,
        }
    }

    fn fold_group(&mut self, event: &Event) {
        match event {
            Event::GroupOpened { group, name, host, consent, currency, rules } => {
                let opened = Group {
                    id: *group,
                    name: name.clone(),
                    host: *host,
                    currency: *currency,
                    status: group::Status::Open,
                    rules: rules.clone(),
                    members: vec![newcomer(*host, *consent)],
                    former: Vec::new(),
                    invited: Vec::new(),
                    bills: 0,
                    draft: None,
                };
                assert!(self.groups.insert(*group, opened).is_none(), "opened once");
            }
            Event::MemberInvited { group, wallet } => self.group(*group).invited.push(*wallet),
            Event::MemberJoined { group, wallet, consent } => {
                let group = self.group(*group);
                group.invited.retain(|invited| invited != wallet);
                let mut member = newcomer(*wallet, *consent);
                if let Some(at) = group.former.iter().position(|former| former.wallet == *wallet) {
                    let former = group.former.remove(at);
                    (member.spent, member.carry_micro) = (former.spent, former.carry_micro);
                }
                group.members.push(member);
            }
            Event::MemberLeft { group, wallet } => {
                let group = self.group(*group);
                let left = *member(group, *wallet);
                group.members.retain(|member| member.wallet != *wallet);
                let has_paid = left.spent.minor() > 0 || left.carry_micro != 0;
                group.former.extend(has_paid.then_some(left));
                if let (Some(_), Some(claims)) = (&group.draft, claims(&mut group.rules.split)) {
                    claims.retain(|claim| claim.diner != *wallet);
                }
            }
            Event::ConsentChanged { group, wallet, consent } => {
                let member = member(self.group(*group), *wallet);
                (member.consent, member.raised) = (*consent, Amount::ZERO);
            }
            Event::RulesSet { group, rules } => self.group(*group).rules = rules.clone(),
            Event::BillDrafted { group, draft } => lay(self.group(*group), draft),
            Event::LineClaimed { group, wallet, line, weight } => {
                let split = &mut self.group(*group).rules.split;
                let claims = claims(split).expect("claims are of lines");
                // Rules may name the same claim twice: then the first of the two is meant.
                let theirs = |claim: &Claim| claim.diner == *wallet && claim.line == *line;
                match claims.iter().position(theirs) {
                    Some(at) if *weight == 0 => drop(claims.remove(at)),
                    Some(at) => claims[at].weight = *weight,
                    None if *weight == 0 => {}
                    None => claims.push(Claim { line: *line, diner: *wallet, weight: *weight }),
                }
            }
            Event::DraftCleared { group } => clear(self.group(*group)),
            Event::GroupLocked { group } => self.group(*group).status = group::Status::Locked,
            Event::GroupUnlocked { group } => self.group(*group).status = group::Status::Open,
            Event::GroupClosed { group } => {
                let group = self.group(*group);
                (group.status, group.draft) = (group::Status::Closed, None);
            }
            other => unreachable!("no group's: {other:?}"),
        }
    }

    fn end_order(&mut self, merchant: MerchantId, order_no: &OrderNo, order: Order) {
        let former = self.shop(merchant).orders.insert(order_no.clone(), order);
        assert!(former.is_none_or(|former| former.paid.is_none()), "G-1");
    }

    fn fold_declined(&mut self, position: Position, decline: &Decline) {
        let Decline { merchant, content, total, reason, .. } = *decline;
        let declined = Some(reason);
        let order = Order { content, total: total.minor(), ended: position, declined, paid: None };
        self.end_order(merchant, &decline.order_no, order);
    }

    fn fold_settled(&mut self, position: Position, settlement: &Settlement) {
        let Settlement { merchant, group, content, total, .. } = *settlement;
        let key = (merchant, settlement.order_no.clone(), content);
        let bill = self.bills.get(&key).expect("somebody presented this").clone();
        self.check_shares(settlement, &bill);
        let covers = self.groups[&group].rules.shortfall == Shortfall::HostCovers;
        let host = self.groups[&group].host;
        for leg in &settlement.legs {
            let theirs = &settlement.shares[usize::from(leg.share)];
            let Source::Wallet(payer) = leg.source;
            assert!(payer == theirs.diner || (covers && payer == host), "who pays for whom");
            // What was set aside before a freeze is still paid; `Payment` says that nothing is afterwards.
            assert_ne!(self.wallet(payer).status, Status::Closed, "closed wallets pay nothing");
            self.give(payer, -leg.amount.minor());
            let member = member(self.group(group), payer);
            let spent = member.spent.minor() + leg.amount.minor();
            member.spent = minor(spent);
            if theirs.confirmed && payer == theirs.diner {
                let cap = member.consent.cap.minor();
                member.raised = minor(member.raised.minor() + (spent - cap).max(0));
                member.consent.cap = minor(cap.max(spent));
            }
            assert!(member.spent <= member.consent.cap, "G-3: {payer} pays above the cap");
        }
        let group = self.group(group);
        for share in &settlement.shares {
            member(group, share.diner).carry_micro += share.carry_micro;
        }
        group.bills += 1;
        if is_drafted(group, &bill) {
            clear(group);
        }
        self.pay(merchant, total.minor());
        let remaining = settlement.legs.iter().map(|leg| leg.amount.minor()).collect();
        let paid = Paid { settlement: settlement.clone(), remaining, refunds: Vec::new() };
        let (declined, paid) = (None, Some(paid));
        let order = Order { content, total: total.minor(), ended: position, declined, paid };
        self.end_order(merchant, &settlement.order_no, order);
    }

    /// Shares and legs sum to the bill, and are what its rules say, except that others may have taken over
    /// what somebody could not pay.
    fn check_shares(&self, settlement: &Settlement, bill: &Bill) {
        let group = &self.groups[&settlement.group];
        let owed: i64 = settlement.shares.iter().map(|share| share.owed.minor()).sum();
        let paid: i64 = settlement.legs.iter().map(|leg| leg.amount.minor()).sum();
        assert_eq!((owed, paid), (bill.total.minor(), bill.total.minor()), "G-2");
        let dues = dues(group, bill).expect("a bill that was paid can be divided");
        let dues: BTreeMap<WalletId, i64> = group
            .members
            .iter()
            .map(|member| member.wallet)
            .zip(dues.iter().map(|due| due.owed))
            .collect();
        let shares: BTreeMap<WalletId, i64> =
            settlement.shares.iter().map(|share| (share.diner, share.owed.minor())).collect();
        if group.rules.shortfall == Shortfall::Reshare {
            assert!(shares.iter().all(|(diner, owed)| *owed >= dues[diner]), "nobody pays less");
        } else {
            let owing = dues.into_iter().filter(|(_, owed)| *owed > 0).collect();
            assert_eq!(shares, owing, "{bill:?}");
        }
    }

    fn fold_refunded(&mut self, position: Position, refund: &Refund) {
        let amount = refund.amount.minor();
        self.pay(refund.merchant, -amount);
        let order = self.shop(refund.merchant).orders.get_mut(&refund.order_no).expect("decided");
        let paid = order.paid.as_mut().expect("paid");
        let mut given = 0;
        for part in &refund.legs {
            let leg = usize::from(part.leg);
            let known = (paid.settlement.legs[leg].source, paid.diner(leg));
            assert_eq!(known, (part.source, part.diner), "back to where it came from");
            paid.remaining[leg] -= part.amount.minor();
            assert!(paid.remaining[leg] >= 0, "R-1");
            given += part.amount.minor();
        }
        assert_eq!(given, amount, "a refund's parts sum to it");
        let (refund_no, content) = (refund.refund_no.clone(), refund.content);
        assert!(paid.refunds.iter().all(|known| known.refund_no != refund_no), "given once");
        paid.refunds.push(GivenBack { refund_no, content, amount, position });
        for part in &refund.legs {
            let Source::Wallet(to) = part.source;
            self.give(to, part.amount.minor());
            let Group { members, former, .. } = self.group(refund.group);
            let payer = members.iter_mut().chain(former).find(|member| member.wallet == to);
            let payer = payer.expect("who has paid and left is remembered");
            let part = part.amount.minor();
            let no_longer_agreed = payer.raised.minor().min(part);
            payer.spent = minor((payer.spent.minor() - part).max(0));
            payer.raised = minor(payer.raised.minor() - no_longer_agreed);
            payer.consent.cap = minor(payer.consent.cap.minor() - no_longer_agreed);
        }
    }
}

fn newcomer(wallet: WalletId, consent: Consent) -> Member {
    Member { wallet, consent, spent: Amount::ZERO, raised: Amount::ZERO, carry_micro: 0 }
}

fn member(group: &mut Group, wallet: WalletId) -> &mut Member {
    group.members.iter_mut().find(|member| member.wallet == wallet).expect("a member")
}

/// Claims stay on lines that stay.
fn lay(group: &mut Group, draft: &Draft) {
    let before = group.draft.replace(Box::new(draft.clone()));
    let before = before.map_or(Vec::new(), |before| before.lines);
    if let Some(claims) = claims(&mut group.rules.split) {
        claims.retain(|claim| {
            let line = usize::from(claim.line);
            before.get(line).is_some_and(|was| draft.lines.get(line) == Some(was))
        });
    }
}

fn clear(group: &mut Group) {
    group.draft = None;
    if let Some(claims) = claims(&mut group.rules.split) {
        claims.clear();
    }
}
