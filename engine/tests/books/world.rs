//! World: a random history, and its fold by the domain's own state machines, account by account.
//! It shares nothing with the books but the events.

use std::collections::{BTreeMap, BTreeSet};

use fanju::{
    books::{BooksReader, Intervals, MerchantSums, OrderStep},
    codec::Record,
    domain::{
        bill::Line,
        draft::{Draft, Drafter},
        event::{
            Decline, DeclineReason, Direction, Event, Holder, RailMove, Refund, RefundLeg, Rules,
            Shortfall,
        },
        group::Group,
        merchant::Merchant,
        order::Order,
        split::{Rest, Split},
        text::{Name, OrderNo, RefundNo},
        wallet::Wallet,
    },
    id::{GroupId, MerchantId, Position, RequestId, Topic, WalletId},
    ledger::Account,
    money::Amount,
    time::{QUARTER_MICROS, Timestamp},
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::author::{
    Author, BEGIN, consent, dinner, group_opened, merchant_onboarded, top_up, wallet_opened,
};

type Steps = Vec<(OrderStep, Position)>;

pub(crate) struct World {
    pub(crate) author: Author,
    random: StdRng,
    orders_made: u64,
    orders: Vec<Order>,
    pub(crate) records: Vec<Record>,
    pub(crate) wallets: BTreeMap<WalletId, (Wallet, Position)>,
    pub(crate) merchants: BTreeMap<MerchantId, (Merchant, Position)>,
    pub(crate) groups: BTreeMap<GroupId, (Group, Position)>,
    pub(crate) steps: BTreeMap<(MerchantId, OrderNo), Steps>,
    pub(crate) takings: BTreeMap<(MerchantId, Timestamp), MerchantSums>,
    pub(crate) moving: BTreeSet<(Holder, RequestId)>,
    pub(crate) clearing: i64,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut world = Self {
            author: Author::new(),
            random: StdRng::seed_from_u64(seed),
            orders_made: 0,
            orders: Vec::new(),
            records: Vec::new(),
            wallets: BTreeMap::new(),
            merchants: BTreeMap::new(),
            groups: BTreeMap::new(),
            steps: BTreeMap::new(),
            takings: BTreeMap::new(),
            moving: BTreeSet::new(),
            clearing: 0,
        };
        for _ in 0..6 {
            world.open_wallet();
        }
        let merchant = merchant_onboarded(world.author.id());
        world.happen(merchant);
        world.open_group();
        world
    }

    /// Makes `count` more things happen, in batches of any size.
    pub(crate) fn live(&mut self, count: usize) {
        for _ in 0..count {
            let passes = self.random.random_range(0..4 * 3_600_000_000_i64);
            self.author.wait(passes);
            match self.random.random_range(0..100) {
                0..4 => self.open_wallet(),
                4 => {
                    let merchant = merchant_onboarded(self.author.id());
                    self.happen(merchant);
                }
                5..9 => self.open_group(),
                9..24 => self.ask_rail(),
                24..36 => self.answer_rail(),
                36..44 => self.transfer(),
                44..50 => self.change_wallet(),
                50..58 => self.change_group(),
                58..66 => self.decline(),
                66..76 => self.refund(),
                _ => self.settle(),
            }
            if self.random.random_range(0..4) == 0 {
                self.author.commit();
            }
        }
        self.author.commit();
    }

    fn any<K: Copy, V>(random: &mut StdRng, map: &BTreeMap<K, V>) -> K {
        let keys: Vec<K> = map.keys().copied().collect();
        *keys.choose(random).expect("there is one")
    }

    fn wallet(&mut self) -> WalletId {
        Self::any(&mut self.random, &self.wallets)
    }

    fn available(&self, wallet: WalletId) -> i64 {
        self.wallets[&wallet].0.purse.funds.available().minor()
    }

    fn open_wallet(&mut self) {
        let id = self.author.id();
        self.happen(wallet_opened(id));
    }

    fn open_group(&mut self) {
        let (id, host) = (self.author.id(), self.wallet());
        self.happen(group_opened(id, host));
        let mut wallets: Vec<WalletId> = self.wallets.keys().copied().collect();
        wallets.retain(|wallet| *wallet != host);
        let count = self.random.random_range(1..5);
        let chosen: Vec<WalletId> =
            wallets.choose_multiple(&mut self.random, count).copied().collect();
        for wallet in chosen {
            let group = GroupId(id);
            if self.random.random_bool(0.5) {
                self.happen(Event::MemberInvited { group, wallet });
            }
            self.happen(Event::MemberJoined { group, wallet, consent: consent() });
        }
    }

    fn ask_rail(&mut self) {
        let wallet = self.wallet();
        let minor = self.random.random_range(1..200_000);
        let request = self.author.id();
        let mut moved = top_up(wallet, request, minor);
        if self.random.random_bool(0.3) {
            moved.direction = Direction::Out;
            if self.random.random_bool(0.4) {
                let merchant = Self::any(&mut self.random, &self.merchants);
                moved.holder = Holder::Merchant(merchant);
            }
            let purse = match moved.holder {
                Holder::Wallet(id) => &self.wallets[&id].0.purse,
                Holder::Merchant(id) => &self.merchants[&id].0.purse,
            };
            let available = purse.funds.available();
            if !available.is_positive() {
                return;
            }
            moved.amount = moved.amount.min(available);
        }
        self.happen(Event::RailRequested(moved));
    }

    fn open_moves(&self) -> Vec<RailMove> {
        let wallets = self.wallets.values().flat_map(|(wallet, _)| wallet.purse.moving());
        let merchants = self.merchants.values().flat_map(|(shop, _)| shop.purse.moving());
        wallets.chain(merchants).map(|open| open.moved).collect()
    }

    fn answer_rail(&mut self) {
        let moves = self.open_moves();
        let Some(moved) = moves.choose(&mut self.random).copied() else { return };
        match self.random.random_bool(0.8) {
            true => self.happen(Event::RailConfirmed(moved)),
            false => self.happen(Event::RailRefused(moved)),
        }
    }

    fn transfer(&mut self) {
        let (from, to) = (self.wallet(), self.wallet());
        let available = self.available(from);
        if from == to || available == 0 {
            return;
        }
        let amount = Amount::from_minor(self.random.random_range(1..=available));
        let request = RequestId(self.author.id());
        self.happen(Event::Transferred { from, to, request, amount, note: None });
    }

    fn change_wallet(&mut self) {
        let wallet = self.wallet();
        match self.random.random_range(0..3) {
            0 => self.happen(Event::WalletFrozen { wallet }),
            1 => self.happen(Event::WalletThawed { wallet }),
            _ if self.available(wallet) == 0 => self.happen(Event::WalletClosed { wallet }),
            _ => {}
        }
    }

    fn change_group(&mut self) {
        let group = Self::any(&mut self.random, &self.groups);
        let rules = Rules { shortfall: Shortfall::HostCovers, ..Rules::default() };
        let wallet = self.groups[&group].0.host;
        match self.random.random_range(0..9) {
            0 => self.happen(Event::GroupLocked { group }),
            1 => self.happen(Event::GroupUnlocked { group }),
            2 => self.happen(Event::GroupClosed { group }),
            3 => self.happen(Event::RulesSet { group, rules }),
            4..8 => self.claim(group),
            _ => self.happen(Event::ConsentChanged { group, wallet, consent: consent() }),
        }
    }

    /// Lays a draft, or claims a line of the one that lies there.
    fn claim(&mut self, id: GroupId) {
        let group = &self.groups[&id].0;
        let wallet = group.members.choose(&mut self.random).expect("the host").wallet;
        if group.rules.split.claims().is_none() {
            let split = Split::Itemised { claims: Vec::new(), rest: Rest::InProportion };
            return self
                .happen(Event::RulesSet { group: id, rules: Rules { split, ..Rules::default() } });
        }
        let Some(draft) = &group.draft else {
            let (by, draft) = (Drafter::Member { wallet }, self.draft());
            return self.happen(Event::BillDrafted { group: id, draft: Draft { by, ..draft } });
        };
        let lines = u16::try_from(draft.lines.len()).expect("a few");
        let (line, weight) = (self.random.random_range(0..lines), self.random.random_range(0..3));
        let event = match self.random.random_range(0..8) {
            0 => Event::DraftCleared { group: id },
            _ => Event::LineClaimed { group: id, wallet, line, weight },
        };
        self.happen(event);
    }

    fn draft(&mut self) -> Draft {
        let lines = self.random.random_range(1..9);
        let mut line = || Line {
            name: Name::new("noodles").expect("a good name"),
            amount: Amount::from_minor(self.random.random_range(-50..5_000)),
        };
        let lines = (0..lines).map(|_| line()).collect();
        let by = Drafter::Till {
            merchant: Self::any(&mut self.random, &self.merchants),
            order_no: OrderNo::new("A-1").expect("a good order number"),
        };
        Draft { by, total: Amount::from_minor(4_000), lines }
    }

    fn order_no(&mut self) -> String {
        self.orders_made += 1;
        let scattered = self.orders_made.wrapping_mul(0x9e37_79b9) % 100_000;
        format!("{scattered}-{}", self.orders_made)
    }

    fn decline(&mut self) {
        let merchant = Self::any(&mut self.random, &self.merchants);
        let group = Self::any(&mut self.random, &self.groups);
        let order_no = OrderNo::new(self.order_no()).expect("a good order number");
        let (total, reason) = (Amount::from_minor(5), DeclineReason::Cancelled);
        let decline = Decline { merchant, order_no, group, content: 1, total, reason };
        self.happen(Event::Declined(decline));
    }

    fn settle(&mut self) {
        let merchant = Self::any(&mut self.random, &self.merchants);
        let group = Self::any(&mut self.random, &self.groups);
        let members = self.groups[&group].0.members.clone();
        let owed: Vec<(WalletId, i64)> = members
            .iter()
            .map(|member| (member.wallet, self.available(member.wallet).min(3_000)))
            .filter(|(_, owed)| *owed > 0)
            .collect();
        if owed.is_empty() {
            return;
        }
        let order_no = self.order_no();
        let mut dinner = dinner(merchant, &order_no, group, owed);
        for share in &mut dinner.shares {
            if self.random.random_bool(0.5) {
                share.carry_micro = self.random.random_range(-999_999..1_000_000);
            }
        }
        self.happen(Event::Settled(dinner));
    }

    fn refund(&mut self) {
        if self.orders.is_empty() {
            return;
        }
        let at = self.random.random_range(0..self.orders.len());
        let order = &self.orders[at];
        let shop = &self.merchants[&order.settlement.merchant].0;
        let mut left = shop.purse.funds.available().minor();
        let mut legs = Vec::new();
        for ((leg, remaining), index) in order.settlement.legs.iter().zip(&order.remaining).zip(0..)
        {
            let most = remaining.minor().min(left);
            let back = if most > 0 { self.random.random_range(0..=most) } else { 0 };
            left -= back;
            let diner = order.settlement.shares[usize::from(leg.share)].diner;
            let amount = Amount::from_minor(back);
            if back > 0 {
                legs.push(RefundLeg { leg: index, diner, source: leg.source, amount });
            }
        }
        let amount: Amount = legs.iter().map(|leg| leg.amount).sum();
        if !amount.is_positive() {
            return;
        }
        let refund = Refund {
            merchant: order.settlement.merchant,
            order_no: order.settlement.order_no.clone(),
            refund_no: RefundNo::new(format!("R{}", order.refunds.len())).expect("a good number"),
            group: order.settlement.group,
            content: 3,
            amount,
            legs: legs.into(),
        };
        self.happen(Event::Refunded(refund));
    }

    /// Writes `event`, and folds it into everybody whom it concerns.
    pub(crate) fn happen(&mut self, event: Event) {
        let record = self.author.write(event);
        let entry = record.event.entry();
        let delta = |account| {
            let posting = entry.postings().iter().find(|posting| posting.account == account);
            posting.map_or(Amount::ZERO, |posting| posting.delta)
        };
        self.create(&record);
        let at = record.position;
        for topic in record.topics() {
            match topic {
                Topic::Wallet(id) => {
                    let (wallet, head) = self.wallets.get_mut(&id).expect("opened");
                    wallet.apply(&record.event, delta(Account::Wallet(id)), at);
                    *head = at;
                }
                Topic::Merchant(id) => {
                    let (merchant, head) = self.merchants.get_mut(&id).expect("onboarded");
                    merchant.apply(&record.event, delta(Account::Merchant(id)), at);
                    *head = at;
                }
                Topic::Group(id) => {
                    let (group, head) = self.groups.get_mut(&id).expect("opened");
                    group.apply(&record.event);
                    *head = at;
                }
            }
        }
        self.clearing += delta(Account::Clearing).minor();
        self.remember(&record);
        self.records.push(record);
    }

    fn create(&mut self, record: &Record) {
        let at = record.position;
        if let Event::WalletOpened { wallet, name, currency } = &record.event {
            let opened = Wallet::open(*wallet, name.clone(), *currency);
            self.wallets.insert(*wallet, (opened, at));
        }
        if let Event::MerchantOnboarded { merchant, name, currency } = &record.event {
            let onboarded = Merchant::onboard(*merchant, name.clone(), *currency);
            self.merchants.insert(*merchant, (onboarded, at));
        }
        if let Event::GroupOpened { group, name, host, consent, currency, rules } = &record.event {
            let opened =
                Group::open(*group, name.clone(), *host, *consent, *currency, rules.clone());
            self.groups.insert(*group, (opened, at));
        }
    }

    fn remember(&mut self, record: &Record) {
        let (at, moment) = (record.position, record.at);
        let (merchant, order_no, step) = match &record.event {
            Event::Settled(settled) => {
                self.orders.push(Order::settled(settled.clone(), at));
                let totals = self.takings.entry((settled.merchant, moment)).or_default();
                totals.settled_count += 1;
                totals.settled = totals.settled.checked_add(settled.total).expect("fits");
                (settled.merchant, &settled.order_no, OrderStep::Settled)
            }
            Event::Declined(decline) => {
                self.takings.entry((decline.merchant, moment)).or_default().declined_count += 1;
                (decline.merchant, &decline.order_no, OrderStep::Declined)
            }
            Event::Refunded(refund) => {
                let of_order = |order: &&mut Order| order.settlement.order_no == refund.order_no;
                let order = self.orders.iter_mut().find(of_order).expect("paid before");
                order.apply(refund, at);
                let totals = self.takings.entry((refund.merchant, moment)).or_default();
                totals.refunded_count += 1;
                totals.refunded = totals.refunded.checked_add(refund.amount).expect("fits");
                (refund.merchant, &refund.order_no, OrderStep::Refunded)
            }
            Event::RailRequested(moved) => {
                self.moving.insert((moved.holder, moved.request));
                return;
            }
            Event::RailConfirmed(moved) | Event::RailRefused(moved) => {
                self.moving.remove(&(moved.holder, moved.request));
                return;
            }
            Event::WalletOpened { .. }
            | Event::WalletFrozen { .. }
            | Event::WalletThawed { .. }
            | Event::WalletClosed { .. }
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
            | Event::GroupClosed { .. } => return,
        };
        self.steps.entry((merchant, order_no.clone())).or_default().push((step, at));
    }

    /// Asserts that the books say what the world knows.
    #[track_caller]
    pub(crate) fn check(&self, books: &BooksReader) {
        for (id, expected) in &self.wallets {
            assert_eq!(books.wallet(*id).expect("the books are read").as_ref(), Some(expected));
        }
        let quarters = BEGIN.quarter()..=self.records.last().expect("some").at.quarter() + 1;
        let quarters: Vec<_> =
            quarters.map(|quarter| Timestamp(quarter * QUARTER_MICROS)).collect();
        for (id, expected) in &self.merchants {
            assert_eq!(books.merchant(*id).expect("the books are read").as_ref(), Some(expected));
            self.check_sums(books, *id, &quarters);
            let mut numbers = Vec::new();
            books
                .order_numbers(*id, |number| numbers.push(number.to_owned()))
                .expect("the books are read");
            let of_merchant = self.steps.keys().filter(|(merchant, _)| merchant == id);
            let expected: Vec<String> =
                of_merchant.map(|(_, number)| number.as_str().to_owned()).collect();
            assert_eq!(numbers, expected);
        }
        for (id, expected) in &self.groups {
            assert_eq!(books.group(*id).expect("the books are read").as_ref(), Some(expected));
        }
        for ((merchant, order_no), expected) in &self.steps {
            let steps =
                books.order(*merchant, order_no).expect("the books are read").expect("a row");
            assert_eq!(steps.as_slice(), expected);
        }
        let open = books.open_rail_moves().expect("the books are read");
        let open: BTreeSet<_> = open.iter().map(|moved| (moved.holder, moved.request)).collect();
        assert_eq!(open, self.moving);
        self.check_counts(books);
    }

    /// Asserts that the books add up what happened from each of `bounds` to the next.
    #[track_caller]
    pub(crate) fn check_sums(&self, books: &BooksReader, id: MerchantId, bounds: &[Timestamp]) {
        let expected = bounds.windows(2).map(|pair| self.sums(id, pair[0], pair[1]));
        let intervals = Intervals::between(bounds.to_vec()).expect("bounds at quarters, in order");
        let sums = books.merchant_sums(id, &intervals).expect("the books are read");
        assert!(sums.into_iter().eq(expected));
    }

    fn sums(&self, id: MerchantId, from: Timestamp, to: Timestamp) -> MerchantSums {
        let mut sums = MerchantSums { from, to, ..MerchantSums::default() };
        for (_, one) in self.takings.range((id, from)..(id, to)) {
            sums.settled_count += one.settled_count;
            sums.settled = sums.settled.checked_add(one.settled).expect("fits");
            sums.refunded_count += one.refunded_count;
            sums.refunded = sums.refunded.checked_add(one.refunded).expect("fits");
            sums.declined_count += one.declined_count;
        }
        sums
    }

    #[track_caller]
    fn check_counts(&self, books: &BooksReader) {
        let counts = books.counts().expect("the books are read");
        assert_eq!(counts.records, self.records.len() as u64);
        assert_eq!(counts.wallets, self.wallets.len() as u64);
        assert_eq!(counts.merchants, self.merchants.len() as u64);
        assert_eq!(counts.groups, self.groups.len() as u64);
        assert_eq!(counts.settled, self.orders.len() as u64);
        let totals = books.totals().expect("the books are read");
        assert_eq!(totals.len(), 1, "one currency");
        let posted = |funds: &fanju::ledger::Funds| funds.posted().minor();
        let wallets: i64 = self.wallets.values().map(|(w, _)| posted(&w.purse.funds)).sum();
        let merchants: i64 = self.merchants.values().map(|(m, _)| posted(&m.purse.funds)).sum();
        assert_eq!(totals[0].wallets.minor(), wallets);
        assert_eq!(totals[0].merchants.minor(), merchants);
        assert_eq!(totals[0].clearing.minor(), self.clearing);
        assert_eq!(self.clearing + wallets + merchants, 0, "M-1");
    }
}
