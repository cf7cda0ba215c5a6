//! Witness: the books of a folder, added up by hand from its journal, and a dinner to see that it
//! still works.

use std::collections::BTreeMap;

use fanju::{
    Engine, Opening, Presented,
    codec::{self, Record},
    domain::{
        bill::Bill,
        event::{Consent, Direction, Event, Rules, Source},
        text::OrderNo,
    },
    id::{MerchantId, Position, RequestId, WalletId},
    ledger::Account,
    money::{Amount, Currency},
};
use uuid::Uuid;

/// What the journal says, added up by hand.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) settled: BTreeMap<(MerchantId, OrderNo), Position>,
    wallets: BTreeMap<WalletId, i64>,
    merchants: BTreeMap<MerchantId, i64>,
    /// What came in from the bank, less what went out.
    from_bank: i64,
}

impl World {
    pub(crate) fn read(engine: &Engine, opening: &Opening) -> Self {
        let mut world = Self::default();
        let mut batches = engine.journal().batches(Position::NONE);
        let mut end = Position::NONE;
        while let Some(batch) = batches.next_batch().expect("the journal is whole") {
            for (position, payload) in batch.records() {
                world.fold(&codec::decode(position, payload).expect("records decode"));
            }
            end = batch.tail.position;
        }
        // Taking up the bank's open moves may already have written more.
        assert!(end >= opening.recovery.tail.position, "{end} is before {opening:?}");
        let inside = world.wallets.values().chain(world.merchants.values()).sum::<i64>();
        assert_eq!(inside, world.from_bank, "M-1: money was made or lost");
        world
    }

    fn fold(&mut self, Record { event, position, .. }: &Record) {
        match event {
            Event::Settled(settlement) => {
                let order = (settlement.merchant, settlement.order_no.clone());
                let before = self.settled.insert(order, *position);
                assert_eq!(before, None, "G-1: settled twice: {settlement:?}");
                let owed: i64 = settlement.shares.iter().map(|share| share.owed.minor()).sum();
                assert_eq!(owed, settlement.total.minor(), "G-2: {settlement:?}");
                for leg in &settlement.legs {
                    let Source::Wallet(wallet) = leg.source;
                    self.move_wallet(wallet, -leg.amount.minor());
                }
                *self.merchants.entry(settlement.merchant).or_default() += settlement.total.minor();
            }
            Event::Refunded(refund) => {
                for leg in &refund.legs {
                    let Source::Wallet(wallet) = leg.source;
                    self.move_wallet(wallet, leg.amount.minor());
                }
                *self.merchants.entry(refund.merchant).or_default() -= refund.amount.minor();
            }
            Event::Transferred { from, to, amount, .. } => {
                self.move_wallet(*from, -amount.minor());
                self.move_wallet(*to, amount.minor());
            }
            Event::RailConfirmed(moved) => {
                let minor = match moved.direction {
                    Direction::In => moved.amount.minor(),
                    Direction::Out => -moved.amount.minor(),
                };
                self.from_bank += minor;
                match moved.holder.account() {
                    Account::Wallet(wallet) => self.move_wallet(wallet, minor),
                    Account::Merchant(merchant) => {
                        *self.merchants.entry(merchant).or_default() += minor;
                    }
                    Account::Clearing => unreachable!("the bank holds no account inside"),
                }
            }
            Event::WalletOpened { wallet, .. } => self.move_wallet(*wallet, 0),
            // No money moves.
            Event::WalletFrozen { .. }
            | Event::WalletThawed { .. }
            | Event::WalletClosed { .. }
            | Event::RailRequested(_)
            | Event::RailRefused(_)
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
            | Event::Declined(_) => {}
        }
    }

    fn move_wallet(&mut self, wallet: WalletId, minor: i64) {
        let posted = self.wallets.entry(wallet).or_default();
        *posted += minor;
        assert!(*posted >= 0, "W-1: {wallet} is negative: {posted}");
    }

    /// Compares with what the engine says of everybody.
    pub(crate) fn compare(&self, engine: &Engine) {
        for (wallet, posted) in &self.wallets {
            let view = engine.block_on(engine.wallet(*wallet)).expect("the wallet is known");
            // The bank may have been asked again since the journal was read: that only adds.
            assert!(view.posted.minor() >= *posted, "J-2: {view:?}, the journal says {posted}");
            assert!(view.available.minor() >= 0, "W-1: {view:?}");
        }
        for (merchant, posted) in &self.merchants {
            let view = engine.block_on(engine.merchant(*merchant)).expect("the merchant is known");
            assert_eq!(view.posted.minor(), *posted, "J-2: {view:?}");
        }
    }
}

/// Two friends who were not there before pay a bill.
pub(crate) fn dine(engine: &Engine) {
    let currency = Currency::CNY;
    let consent = Consent { cap: Amount::from_minor(5_000), confirm_above: None };
    let mut friends = Vec::new();
    for name in ["Ana", "Bo"] {
        let name = name.try_into().expect("a name");
        let wallet = engine.block_on(engine.open_wallet(name, currency)).expect("opens");
        let (request, amount) = (RequestId(Uuid::now_v7()), Amount::from_minor(5_000));
        engine.block_on(engine.top_up(wallet, request, amount)).expect("the bank is willing");
        friends.push(wallet);
    }
    let (ana, bo, name) = (friends[0], friends[1], "Night shift".try_into().expect("a name"));
    let rules = Rules::default();
    let table = engine.block_on(engine.open_group(name, ana, consent, currency, rules));
    let table = table.expect("opens");
    engine.block_on(engine.invite(table, ana, bo)).expect("is invited");
    engine.block_on(engine.join(table, bo, consent)).expect("joins");
    let name = "Canteen".try_into().expect("a name");
    let merchant = engine.block_on(engine.onboard_merchant(name, currency)).expect("joins");
    let code = engine.block_on(engine.show_code(table, ana)).expect("is shown").code;
    let (order_no, total) = (OrderNo::new("1").expect("a number"), Amount::from_minor(9_999));
    let bill = Bill { merchant, order_no, currency, total, lines: vec![] };
    let presented = engine.block_on(engine.present(bill, code)).expect("is presented");
    assert!(matches!(presented, Presented::Settled(_)), "{presented:?}");
}
