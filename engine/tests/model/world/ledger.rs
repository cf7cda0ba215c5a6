//! The model: plain maps, plain numbers, one thing after the other.

use std::collections::{BTreeMap, BTreeSet};

use fanju::{
    domain::event::{Direction, Event, Holder, RailMove, Refund, Settlement, Shortfall, Source},
    id::{GroupId, MerchantId, Position, RequestId, WalletId},
    limits,
};

use super::plan::Plan;

/// What a request asked for: a word, the other side, and how much.
type Content = (&'static str, Option<WalletId>, i64);

/// What each request asked for, and the record that ended it.
type Requests = BTreeMap<RequestId, (Content, Position)>;

#[derive(Default, Debug)]
pub(crate) struct Wallet {
    pub(crate) posted: i64,
    frozen: bool,
    closed: bool,
    requests: Requests,
}

#[derive(Default, Debug)]
pub(crate) struct Merchant {
    pub(crate) posted: i64,
    pub(crate) orders: BTreeMap<String, Order>,
    requests: Requests,
}

#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) total: i64,
    /// The record of its last try.
    ended: Position,
    /// `None`: declined.
    pub(crate) legs: Option<Vec<Leg>>,
    /// Number and digest of what was asked, which the event does not say in clear, and the record.
    pub(crate) refunds: BTreeMap<String, (u64, Position)>,
}

#[derive(Debug)]
pub(crate) struct Leg {
    diner: WalletId,
    payer: WalletId,
    pub(crate) remaining: i64,
}

#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) host: WalletId,
    /// Cap and spent of each member.
    pub(crate) members: BTreeMap<WalletId, (i64, i64)>,
    /// Members in the order of joining.
    pub(crate) order: Vec<WalletId>,
    invited: BTreeSet<WalletId>,
    locked: bool,
    shortfall: Shortfall,
    pub(crate) bills: u32,
}

impl Wallet {
    fn pays(&self) -> bool {
        !self.frozen && !self.closed
    }

    pub(crate) fn status(&self) -> &'static str {
        match (self.closed, self.frozen) {
            (true, _) => "Closed",
            (false, true) => "Frozen",
            (false, false) => "Open",
        }
    }
}

impl Group {
    pub(crate) fn opened(host: WalletId, cap: i64) -> Self {
        Self {
            host,
            members: [(host, (cap, 0))].into(),
            order: vec![host],
            invited: BTreeSet::new(),
            locked: false,
            shortfall: Shortfall::Decline,
            bills: 0,
        }
    }
}

/// What the model says that the engine must answer.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// One of these words.
    Refused(&'static str),
    /// It happens.
    Done,
    /// It happened before, and this is its record.
    Replayed(Position),
    /// The bill is decided, one way or the other.
    Ends,
}

#[derive(Default)]
pub(crate) struct Model {
    pub(crate) wallets: BTreeMap<WalletId, Wallet>,
    pub(crate) merchants: BTreeMap<MerchantId, Merchant>,
    pub(crate) groups: BTreeMap<GroupId, Group>,
    pub(crate) folded: BTreeSet<Position>,
    pub(crate) on_the_rail: BTreeMap<(Holder, RequestId), Plan>,
    pub(crate) used: BTreeSet<RequestId>,
    pub(crate) came_in: i64,
    pub(crate) went_out: i64,
}

fn movable(amount: i64) -> bool {
    (1..=limits::AMOUNT_MINOR_MAX).contains(&amount)
}

fn remembered(
    requests: &Requests,
    request: RequestId,
    content: Content,
    word: &'static str,
) -> Option<Outcome> {
    requests.get(&request).map(|(known, at)| match *known == content {
        true => Outcome::Replayed(*at),
        false => Outcome::Refused(word),
    })
}

/// What the engine keeps of a refund's request; it is not for the model to say how.
fn refund_content(amount: Option<i64>, diner: Option<WalletId>) -> u64 {
    use fanju::domain::digest::Digest;
    let diner = diner.map_or(uuid::Uuid::nil(), |diner| diner.0);
    Digest::default().number(amount.unwrap_or(-1)).bytes(diner.as_bytes()).finish()
}

fn done_if(possible: bool, word: &'static str) -> Outcome {
    if possible { Outcome::Done } else { Outcome::Refused(word) }
}

impl Model {
    pub(crate) fn expect(&self, plan: &Plan) -> Outcome {
        let (wallet, shop, table) = ("wallet_refused", "merchant_refused", "group_refused");
        match plan {
            Plan::TopUp { wallet: id, request, amount } => {
                let it = &self.wallets[id];
                remembered(&it.requests, *request, ("in", None, *amount), wallet)
                    .unwrap_or_else(|| done_if(!it.closed && movable(*amount), wallet))
            }
            Plan::Withdraw { wallet: id, request, amount } => {
                let it = &self.wallets[id];
                let can = (it.closed || it.pays()) && movable(*amount) && it.posted >= *amount;
                remembered(&it.requests, *request, ("out", None, *amount), wallet)
                    .unwrap_or_else(|| done_if(can, wallet))
            }
            Plan::Transfer { from, to, request, amount } => {
                let it = &self.wallets[from];
                let content = ("transfer", Some(*to), *amount);
                let can = it.pays() && from != to && movable(*amount) && it.posted >= *amount;
                remembered(&it.requests, *request, content, wallet)
                    .unwrap_or_else(|| done_if(can && !self.wallets[to].closed, wallet))
            }
            Plan::PayOut { merchant, request, amount } => {
                let it = &self.merchants[merchant];
                remembered(&it.requests, *request, ("out", None, *amount), shop)
                    .unwrap_or_else(|| done_if(movable(*amount) && it.posted >= *amount, shop))
            }
            Plan::Freeze { wallet: id } => done_if(self.wallets[id].pays(), wallet),
            Plan::Thaw { wallet: id } => {
                let it = &self.wallets[id];
                done_if(it.frozen && !it.closed, wallet)
            }
            Plan::CloseWallet { wallet: id } => {
                let it = &self.wallets[id];
                done_if(it.pays() && it.posted == 0, wallet)
            }
            Plan::Invite { group, by, wallet: id } => {
                let it = &self.groups[group];
                let known = it.members.contains_key(id) || it.invited.contains(id);
                done_if(!it.locked && it.members.contains_key(by) && !known, table)
            }
            Plan::Join { group, wallet: id, cap } => {
                let it = &self.groups[group];
                let welcome = !it.members.contains_key(id) && it.invited.contains(id);
                match !it.locked && welcome && movable(*cap) {
                    true => done_if(self.wallets[id].pays(), wallet),
                    false => Outcome::Refused(table),
                }
            }
            Plan::Leave { group, wallet: id } => {
                let it = &self.groups[group];
                done_if(!it.locked && it.members.contains_key(id) && it.host != *id, table)
            }
            Plan::SetCap { group, wallet: id, cap } => {
                let member = self.groups[group].members.get(id);
                let can = member.is_some_and(|(_, spent)| movable(*cap) && cap >= spent);
                done_if(can, table)
            }
            Plan::SetRules { group, by, .. } => done_if(self.groups[group].host == *by, table),
            Plan::Lock { group, by } => {
                let it = &self.groups[group];
                done_if(it.host == *by && !it.locked, table)
            }
            Plan::Unlock { group, by } => {
                let it = &self.groups[group];
                done_if(it.host == *by && it.locked, table)
            }
            Plan::Present { merchant, order_no, total, .. } => {
                match self.merchants[merchant].orders.get(order_no) {
                    // Memory knows the number first, the books only after the bill was looked at.
                    Some(order) if order.total != *total && movable(*total) => {
                        Outcome::Refused("order_no_reused")
                    }
                    Some(order) if order.total != *total => Outcome::Refused("either"),
                    Some(order) if order.legs.is_some() => Outcome::Replayed(order.ended),
                    Some(_) => Outcome::Ends,
                    None if movable(*total) => Outcome::Ends,
                    None => Outcome::Refused(shop),
                }
            }
            Plan::Refund { merchant, order_no, refund_no, amount, diner } => {
                self.expect_refund(*merchant, order_no, refund_no, *amount, *diner)
            }
        }
    }

    fn expect_refund(
        &self,
        merchant: MerchantId,
        order_no: &str,
        refund_no: &str,
        amount: Option<i64>,
        diner: Option<WalletId>,
    ) -> Outcome {
        let it = &self.merchants[&merchant];
        let Some(order) = it.orders.get(order_no) else { return Outcome::Refused("unknown_order") };
        let Some(legs) = &order.legs else { return Outcome::Refused("order_not_paid") };
        match order.refunds.get(refund_no) {
            Some((known, at)) if *known == refund_content(amount, diner) => {
                return Outcome::Replayed(*at);
            }
            Some(_) => return Outcome::Refused("refund_refused"),
            None => {}
        }
        let theirs = |leg: &&Leg| diner.is_none_or(|diner| leg.diner == diner);
        let left: i64 = legs.iter().filter(theirs).map(|leg| leg.remaining).sum();
        let amount = amount.unwrap_or(left);
        match legs.iter().any(|leg| theirs(&leg)) && movable(amount) && amount <= left {
            true => done_if(it.posted >= amount, "merchant_refused"),
            false => Outcome::Refused("refund_refused"),
        }
    }

    /// Whether a bill settles, where the model is certain: everybody can pay even an odd cent more, or
    /// somebody cannot pay at all and nobody may help.
    pub(crate) fn end_of(&self, plan: &Plan) -> Option<bool> {
        let Plan::Present { group, total, .. } = plan else { return None };
        let group = &self.groups[group];
        let diners = i64::try_from(group.order.len()).expect("few");
        let (least, most) = (total / diners, total / diners + i64::from(total % diners != 0));
        let can = |id: &WalletId, share: i64| {
            let ((cap, spent), wallet) = (group.members[id], &self.wallets[id]);
            wallet.pays() && wallet.posted >= share && cap - spent >= share
        };
        let broke = |id: &WalletId| {
            let wallet = &self.wallets[id];
            least > 0 && (!wallet.pays() || wallet.posted < least)
        };
        if group.order.iter().all(|id| can(id, most)) {
            return Some(true);
        }
        let nobody_helps = group.shortfall == Shortfall::Decline;
        (nobody_helps && group.order.iter().any(broke)).then_some(false)
    }

    /// Takes over what happened, after checking that it could.
    pub(crate) fn fold(&mut self, position: Position, event: &Event) {
        assert!(self.folded.insert(position), "{position} happens once");
        match event {
            Event::RailRequested(moved) => self.fold_requested(moved),
            Event::RailConfirmed(moved) => self.fold_confirmed(position, moved),
            Event::Transferred { from, to, request, amount, .. } => {
                let amount = amount.minor();
                self.give(*from, -amount);
                self.give(*to, amount);
                let content = ("transfer", Some(*to), amount);
                self.used.insert(*request);
                let giver = self.wallets.get_mut(from).expect("known");
                let known = giver.requests.insert(*request, (content, position));
                assert!(known.is_none(), "moves once");
            }
            Event::WalletFrozen { wallet } => self.wallet(*wallet).frozen = true,
            Event::WalletThawed { wallet } => self.wallet(*wallet).frozen = false,
            Event::WalletClosed { wallet } => {
                assert_eq!(self.wallet(*wallet).posted, 0, "only the empty are closed");
                self.wallet(*wallet).closed = true;
            }
            Event::MemberInvited { group, wallet } => {
                self.group(*group).invited.insert(*wallet);
            }
            Event::MemberJoined { group, wallet, consent } => {
                let group = self.group(*group);
                group.invited.remove(wallet);
                group.order.push(*wallet);
                group.members.insert(*wallet, (consent.cap.minor(), 0));
            }
            Event::MemberLeft { group, wallet } => {
                let group = self.group(*group);
                group.order.retain(|member| member != wallet);
                group.members.remove(wallet);
            }
            Event::ConsentChanged { group, wallet, consent } => {
                self.group(*group).members.get_mut(wallet).expect("a member").0 =
                    consent.cap.minor();
            }
            Event::RulesSet { group, rules } => self.group(*group).shortfall = rules.shortfall,
            Event::BillDrafted { .. } | Event::LineClaimed { .. } | Event::DraftCleared { .. } => {
                panic!("nobody lays a draft in this model")
            }
            Event::GroupLocked { group } => self.group(*group).locked = true,
            Event::GroupUnlocked { group } => self.group(*group).locked = false,
            Event::Settled(settlement) => self.fold_settled(position, settlement),
            Event::Declined(decline) => {
                let (total, refunds) = (decline.total.minor(), BTreeMap::new());
                let order = Order { total, ended: position, legs: None, refunds };
                let shop = self.merchants.get_mut(&decline.merchant).expect("known");
                let former = shop.orders.insert(decline.order_no.to_string(), order);
                assert!(former.is_none_or(|former| former.legs.is_none()), "G-1");
            }
            Event::Refunded(refund) => self.fold_refunded(position, refund),
            Event::RailRefused(_) => panic!("this bank refuses nothing"),
            Event::WalletOpened { .. }
            | Event::MerchantOnboarded { .. }
            | Event::GroupOpened { .. }
            | Event::GroupClosed { .. } => {}
        }
    }

    fn wallet(&mut self, id: WalletId) -> &mut Wallet {
        self.wallets.get_mut(&id).expect("known")
    }

    fn group(&mut self, id: GroupId) -> &mut Group {
        self.groups.get_mut(&id).expect("known")
    }

    fn give(&mut self, id: WalletId, amount: i64) {
        let wallet = self.wallet(id);
        wallet.posted += amount;
        assert!(wallet.posted >= 0, "W-1: {id}");
    }

    fn requests(&mut self, holder: Holder) -> &mut Requests {
        match holder {
            Holder::Wallet(id) => &mut self.wallet(id).requests,
            Holder::Merchant(id) => &mut self.merchants.get_mut(&id).expect("known").requests,
        }
    }

    fn fold_requested(&mut self, moved: &RailMove) {
        if self.requests(moved.holder).contains_key(&moved.request) {
            return;
        }
        let (request, amount) = (moved.request, moved.amount.minor());
        let plan = match (moved.holder, moved.direction) {
            (Holder::Wallet(wallet), Direction::In) => Plan::TopUp { wallet, request, amount },
            (Holder::Wallet(wallet), Direction::Out) => Plan::Withdraw { wallet, request, amount },
            (Holder::Merchant(merchant), _) => Plan::PayOut { merchant, request, amount },
        };
        self.on_the_rail.insert((moved.holder, request), plan);
    }

    fn fold_confirmed(&mut self, position: Position, moved: &RailMove) {
        self.on_the_rail.remove(&(moved.holder, moved.request));
        self.used.insert(moved.request);
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

    fn pay(&mut self, id: MerchantId, amount: i64) {
        let shop = self.merchants.get_mut(&id).expect("known");
        shop.posted += amount;
        assert!(shop.posted >= 0, "W-1: {id}");
    }

    fn fold_settled(&mut self, position: Position, settlement: &Settlement) {
        let total = settlement.total.minor();
        let group = &self.groups[&settlement.group];
        let (diners, host) = (i64::try_from(group.order.len()).expect("few"), group.host);
        let (share, odd) = (total / diners, total % diners);
        let owed: Vec<i64> = settlement.shares.iter().map(|share| share.owed.minor()).collect();
        assert_eq!(owed.iter().sum::<i64>(), total, "G-2");
        if group.shortfall == Shortfall::Reshare {
            assert!(owed.iter().all(|owed| *owed >= share), "nobody pays less than his part");
        } else {
            let larger = owed.iter().filter(|owed| **owed == share + 1).count();
            assert_eq!(i64::try_from(larger).expect("few"), odd, "odd cents: {owed:?}");
            assert!(owed.iter().all(|owed| *owed == share || *owed == share + 1), "{owed:?}");
        }
        let covers = group.shortfall == Shortfall::HostCovers;
        let mut legs = Vec::new();
        for leg in &settlement.legs {
            let theirs = &settlement.shares[usize::from(leg.share)];
            let (Source::Wallet(payer), amount) = (leg.source, leg.amount.minor());
            assert!(payer == theirs.diner || (covers && payer == host), "who pays for whom");
            assert!(self.wallets[&payer].pays() || amount == 0, "only open wallets pay");
            self.give(payer, -amount);
            let members = &mut self.group(settlement.group).members;
            let (cap, spent) = members.get_mut(&payer).expect("a payer is a member");
            *spent += amount;
            if theirs.confirmed && payer == theirs.diner {
                *cap = (*cap).max(*spent);
            }
            assert!(*spent <= *cap, "G-3: {payer} pays {spent} of {cap}");
            legs.push(Leg { diner: theirs.diner, payer, remaining: amount });
        }
        self.group(settlement.group).bills += 1;
        self.pay(settlement.merchant, total);
        let order = Order { total, ended: position, legs: Some(legs), refunds: BTreeMap::new() };
        let shop = self.merchants.get_mut(&settlement.merchant).expect("known");
        let former = shop.orders.insert(settlement.order_no.to_string(), order);
        assert!(former.is_none_or(|former| former.legs.is_none()), "G-1");
    }

    fn fold_refunded(&mut self, position: Position, refund: &Refund) {
        let amount = refund.amount.minor();
        self.pay(refund.merchant, -amount);
        let shop = self.merchants.get_mut(&refund.merchant).expect("known");
        let order = shop.orders.get_mut(refund.order_no.as_str()).expect("decided");
        let legs = order.legs.as_mut().expect("paid");
        let given: i64 = refund.legs.iter().map(|leg| leg.amount.minor()).sum();
        assert_eq!(given, amount, "a refund's parts sum to it");
        let diners: BTreeSet<WalletId> = refund.legs.iter().map(|leg| leg.diner).collect();
        let left: i64 = legs.iter().map(|leg| leg.remaining).sum();
        let mut payers = Vec::new();
        for part in &refund.legs {
            let leg = &mut legs[usize::from(part.leg)];
            let (back, Source::Wallet(to)) = (part.amount.minor(), part.source);
            assert_eq!((leg.payer, leg.diner), (to, part.diner), "back to where it came from");
            assert!(back <= leg.remaining, "R-1");
            if diners.len() > 1 {
                let floor = amount * leg.remaining / left;
                assert!((floor..=floor + 1).contains(&back), "in proportion to what is left");
            }
            leg.remaining -= back;
            payers.push((to, back));
        }
        let known = order.refunds.insert(refund.refund_no.to_string(), (refund.content, position));
        assert!(known.is_none(), "a refund is given once");
        for (to, back) in payers {
            self.give(to, back);
            if let Some((_, spent)) = self.group(refund.group).members.get_mut(&to) {
                *spent = (*spent - back).max(0);
            }
        }
    }
}
