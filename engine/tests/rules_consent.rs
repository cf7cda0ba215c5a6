//! Consent over a whole outing: caps, yeses to larger shares, refunds, and who leaves and comes again.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

use fanju::{
    domain::{
        event::{Consent, Event, Leg, Refund, RefundLeg, Rules, Settlement, Share, Source},
        group::{Command, Group, Member, Rejection},
    },
    id::{GroupId, MerchantId, WalletId},
    limits,
    money::{Amount, Currency},
};
use uuid::Uuid;

const ID: GroupId = GroupId(Uuid::from_u128(900));
const HOST: WalletId = WalletId(Uuid::from_u128(1));
const BEN: WalletId = WalletId(Uuid::from_u128(2));
const SHOP: MerchantId = MerchantId(Uuid::from_u128(800));

fn minor(minor: i64) -> Amount {
    Amount::from_minor(minor)
}

fn cap(cap: i64) -> Consent {
    Consent { cap: minor(cap), confirm_above: None }
}

fn join(amount: i64) -> Command {
    Command::Join { wallet: BEN, consent: cap(amount), by_code: true }
}

fn follow(group: &mut Group, command: &Command) {
    let event = group.decide(command).unwrap();
    group.apply(&event);
}

/// The host's group, which Ben joins with this cap.
fn joined(amount: i64) -> Group {
    let name = "dinner".try_into().unwrap();
    let mut group = Group::open(ID, name, HOST, cap(1_000), Currency::CNY, Rules::default());
    follow(&mut group, &join(amount));
    group
}

fn ben(group: &Group) -> &Member {
    group.member(BEN).unwrap()
}

/// Ben's share of a bill.
fn share(owed: i64, confirmed: bool) -> Settlement {
    let (diner, owed) = (BEN, minor(owed));
    let source = Source::Wallet(BEN);
    Settlement {
        merchant: SHOP,
        order_no: "1".try_into().unwrap(),
        group: ID,
        bill: 1,
        content: 1,
        total: owed,
        shares: [Share { diner, owed, confirmed, carry_micro: 0 }].into(),
        legs: [Leg { share: 0, source, amount: owed }].into(),
    }
}

/// Pays what Ben is asked for if he is to be asked, and says whether he was.
fn pays(group: &mut Group, owed: i64) -> bool {
    let asked = ben(group).must_confirm(minor(owed));
    let settlement = share(owed, asked);
    group.assert_agreed(&settlement);
    group.apply(&Event::Settled(settlement));
    asked
}

fn gets_back(group: &mut Group, amount: i64) {
    let amount = minor(amount);
    let leg = RefundLeg { leg: 0, diner: BEN, source: Source::Wallet(BEN), amount };
    group.apply(&Event::Refunded(Refund {
        merchant: SHOP,
        order_no: "1".try_into().unwrap(),
        refund_no: "1".try_into().unwrap(),
        group: ID,
        content: 1,
        amount,
        legs: [leg].into(),
    }));
}

#[test]
fn a_yes_is_to_one_share_also_after_its_refund() {
    let mut group = joined(50);
    assert!(pays(&mut group, 200));
    assert_eq!((ben(&group).consent.cap, ben(&group).raised), (minor(200), minor(150)));
    gets_back(&mut group, 200);
    assert_eq!(*ben(&group), Member::new(BEN, cap(50)));
    assert!(pays(&mut group, 200), "he agreed to 50, and to another bill's 200");
    // A part of it back is first what he agreed to for that bill alone.
    gets_back(&mut group, 160);
    assert_eq!((ben(&group).spent, ben(&group).room()), (minor(40), minor(10)));
    assert!(!pays(&mut group, 10));
    assert!(pays(&mut group, 1));
}

#[test]
fn a_new_cap_is_all_that_was_agreed_to() {
    let mut group = joined(50);
    pays(&mut group, 200);
    follow(&mut group, &Command::SetConsent { wallet: BEN, consent: cap(300) });
    gets_back(&mut group, 200);
    assert_eq!(ben(&group).room(), minor(300));
}

#[test]
fn a_cap_counts_on_for_whoever_leaves_and_comes_again() {
    let mut group = joined(100);
    pays(&mut group, 90);
    follow(&mut group, &Command::Leave { wallet: BEN });
    assert_eq!(group.member(BEN), None);
    let below = Rejection::CapBelowSpent { cap: minor(89), spent: minor(90) };
    assert_eq!(group.decide(&join(89)), Err(below));
    follow(&mut group, &join(100));
    assert_eq!(group.former, []);
    assert!(!pays(&mut group, 10));
    assert!(pays(&mut group, 1));
    // What comes back from before he left is what he paid before he left.
    gets_back(&mut group, 90);
    assert_eq!(ben(&group).spent, minor(11));
}

#[test]
fn what_comes_back_to_whoever_has_left_counts_as_well() {
    let mut group = joined(100);
    pays(&mut group, 90);
    follow(&mut group, &Command::Leave { wallet: BEN });
    gets_back(&mut group, 60);
    follow(&mut group, &join(100));
    assert_eq!(ben(&group).room(), minor(70));
    follow(&mut group, &Command::Leave { wallet: BEN });
    gets_back(&mut group, 30);
    follow(&mut group, &join(1));
    assert_eq!(*ben(&group), Member::new(BEN, cap(1)));
}

#[test]
fn who_left_without_paying_is_forgotten() {
    let mut group = joined(100);
    follow(&mut group, &Command::Leave { wallet: BEN });
    assert_eq!(group.former, []);
}

#[test]
#[should_panic(expected = "G-3")]
fn nothing_that_nobody_agreed_to_is_written() {
    joined(50).assert_agreed(&share(51, false));
}

/// What is durable counts, whatever rules it was decided by: a journal of earlier rules opens.
#[test]
fn what_was_decided_by_other_rules_is_folded() {
    let mut group = joined(50);
    group.apply(&Event::Settled(share(80, false)));
    assert_eq!((ben(&group).spent, ben(&group).room()), (minor(80), Amount::ZERO));
    assert!(pays(&mut group, 1));
    gets_back(&mut group, 81);
    assert_eq!(*ben(&group), Member::new(BEN, cap(50)));
}

#[test]
fn whoever_paid_and_left_keeps_a_seat() {
    let mut group = joined(100);
    let guest = |number: usize| WalletId(Uuid::from_u128(1_000 + u128::try_from(number).unwrap()));
    for number in 2..limits::GROUP_MEMBERS_MAX {
        let consent = cap(1);
        follow(&mut group, &Command::Join { wallet: guest(number), consent, by_code: true });
    }
    pays(&mut group, 90);
    follow(&mut group, &Command::Leave { wallet: BEN });
    let stranger = Command::Join { wallet: guest(0), consent: cap(1), by_code: true };
    assert_eq!(group.decide(&stranger), Err(Rejection::Full));
    follow(&mut group, &join(100));
}
