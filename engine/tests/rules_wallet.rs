//! The wallet's rules: history → command → outcome, then one property over all histories.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

use fanju::{
    domain::{
        bill::Bill,
        event::{Direction, Event, Holder, RailMove},
        merchant::{self, Merchant},
        requests::{Decision, Ended, RequestReused},
        text::Note,
        wallet::{Command, Rejection, Status, Wallet},
    },
    id::{GroupId, MerchantId, Position, RequestId, WalletId},
    ledger::{Account, FundsRejection, Owner},
    limits,
    money::{Amount, Currency},
};
use proptest::prelude::*;
use uuid::Uuid;

const ME: WalletId = WalletId(Uuid::from_u128(1));
const YOU: WalletId = WalletId(Uuid::from_u128(2));

fn minor(minor: i64) -> Amount {
    Amount::from_minor(minor)
}

fn request(id: u128) -> RequestId {
    RequestId(Uuid::from_u128(id))
}

fn owner(bill: u64) -> Owner {
    Owner::bill(GroupId(Uuid::from_u128(9)), bill)
}

fn wallet() -> Wallet {
    Wallet::open(ME, "Ana".try_into().unwrap(), Currency::CNY)
}

fn apply(wallet: &mut Wallet, event: &Event, at: u64) {
    let postings = event.entry();
    let mine = postings.postings().iter().find(|p| p.account == Account::Wallet(ME));
    wallet.apply(event, mine.map_or(Amount::ZERO, |posting| posting.delta), Position(at));
}

fn moved(id: u128, direction: Direction, amount: i64) -> RailMove {
    RailMove { holder: Holder::Wallet(ME), request: request(id), direction, amount: minor(amount) }
}

fn top_up(id: u128, amount: i64) -> Command {
    Command::TopUp { request: request(id), amount: minor(amount) }
}

fn withdraw(id: u128, amount: i64) -> Command {
    Command::Withdraw { request: request(id), amount: minor(amount) }
}

fn transfer(id: u128, to: WalletId, amount: i64) -> Command {
    Command::Transfer { to, request: request(id), amount: minor(amount), note: None }
}

/// A wallet with `balance`, brought in by request 1000.
fn with(balance: i64) -> Wallet {
    let mut wallet = wallet();
    apply(&mut wallet, &Event::RailRequested(moved(1000, Direction::In, balance)), 1);
    apply(&mut wallet, &Event::RailConfirmed(moved(1000, Direction::In, balance)), 2);
    wallet
}

fn check(history: &[Event], command: &Command, expected: Result<(), Rejection>) {
    let mut wallet = with(100);
    for (event, at) in history.iter().zip(10..) {
        apply(&mut wallet, event, at);
    }
    let before = wallet.clone();
    let decided = wallet.decide(command);
    assert_eq!(decided.map(drop), expected, "{command:?} after {history:?}");
    assert_eq!(wallet, before, "deciding changes nothing");
}

#[test]
fn every_refusal_has_its_reason() {
    let frozen = [Event::WalletFrozen { wallet: ME }];
    let thawed = [frozen[0].clone(), Event::WalletThawed { wallet: ME }];
    let out = [Event::RailRequested(moved(1, Direction::Out, 100))];
    let gone = [out[0].clone(), Event::RailConfirmed(moved(1, Direction::Out, 100))];
    let closed = [&gone[..], &[Event::WalletClosed { wallet: ME }]].concat();
    let range = Rejection::Funds(FundsRejection::AmountOutOfRange);
    let short = |available, needed| {
        Rejection::Funds(FundsRejection::InsufficientFunds {
            available: minor(available),
            needed: minor(needed),
        })
    };
    let reused = Rejection::Reused(RequestReused);

    check(&[], &Command::Freeze, Ok(()));
    check(&frozen, &Command::Freeze, Err(Rejection::Frozen));
    check(&closed, &Command::Freeze, Err(Rejection::Closed));
    check(&frozen, &Command::Thaw, Ok(()));
    check(&thawed, &Command::Thaw, Err(Rejection::NotFrozen));
    check(&closed, &Command::Thaw, Err(Rejection::Closed));
    check(&[], &Command::Close, Err(Rejection::NotEmpty { posted: minor(100) }));
    check(&out, &Command::Close, Err(Rejection::NotEmpty { posted: minor(100) }));
    check(&gone, &Command::Close, Ok(()));
    check(
        &[&gone[..], &[Event::RailRequested(moved(2, Direction::In, 5))]].concat(),
        &Command::Close,
        Err(Rejection::NotEmpty { posted: minor(0) }),
    );
    check(&frozen, &top_up(5, 1), Ok(()));
    check(&closed, &top_up(5, 1), Err(Rejection::Closed));
    for bad in [0, -1, i64::MIN, limits::AMOUNT_MINOR_MAX + 1] {
        check(&[], &top_up(5, bad), Err(range));
        check(&[], &withdraw(5, bad), Err(range));
        check(&[], &transfer(5, YOU, bad), Err(range));
    }
    check(&frozen, &withdraw(5, 1), Err(Rejection::Frozen));
    check(&[], &withdraw(5, 101), Err(short(100, 101)));
    check(&out, &withdraw(5, 1), Err(short(0, 1)));
    check(&out, &withdraw(1, 100), Err(Rejection::StillMoving));
    check(&out, &withdraw(1, 99), Err(reused));
    check(&out, &transfer(1, YOU, 100), Err(reused));
    check(&frozen, &transfer(5, YOU, 1), Err(Rejection::Frozen));
    check(&closed, &transfer(5, YOU, 1), Err(Rejection::Closed));
    check(&[], &transfer(5, ME, 1), Err(Rejection::SameWallet));
    check(&[], &transfer(5, YOU, 101), Err(short(100, 101)));
    check(&[], &transfer(1000, YOU, 100), Err(reused));
    check(&[], &top_up(1000, 99), Err(reused));
    check(&[], &withdraw(1000, 100), Err(reused));
}

#[test]
fn who_pays_and_who_is_paid_depends_on_the_status() {
    let mut wallet = with(100);
    assert_eq!(wallet.admit(minor(1), Currency::CNY), Ok(()));
    let wrong = Rejection::WrongCurrency { holds: Currency::CNY, asked: Currency::JPY };
    assert_eq!(wallet.admit(minor(1), Currency::JPY), Err(wrong));
    assert_eq!(wallet.check_member(Currency::JPY), Err(wrong));
    assert_eq!(wallet.reserve(owner(1), minor(1), Currency::JPY), Err(wrong));
    apply(&mut wallet, &Event::WalletFrozen { wallet: ME }, 9);
    assert_eq!(wallet.admit(minor(1), Currency::CNY), Ok(()));
    assert_eq!(wallet.check_member(Currency::CNY), Err(Rejection::Frozen));
    assert_eq!(wallet.reserve(owner(1), minor(1), Currency::CNY), Err(Rejection::Frozen));
    wallet.status = Status::Closed;
    assert_eq!(wallet.admit(minor(1), Currency::CNY), Err(Rejection::Closed));
    assert!(wallet.decide(&withdraw(5, 100)).is_ok(), "a refund to the closed can be taken out");
}

/// Found by asking what a till sees when its answer was lost and the wallet changed meanwhile.
#[test]
fn what_was_asked_before_is_found_whatever_became_of_the_wallet() {
    for status in [Status::Open, Status::Frozen, Status::Closed] {
        let mut wallet = with(100);
        apply(&mut wallet, &Event::RailRequested(moved(1, Direction::Out, 60)), 3);
        wallet.status = status;
        assert_eq!(wallet.decide(&withdraw(1, 60)), Err(Rejection::StillMoving), "{status:?}");
        apply(&mut wallet, &Event::RailConfirmed(moved(1, Direction::Out, 60)), 4);
        for (command, at) in [(withdraw(1, 60), 4), (top_up(1000, 100), 2)] {
            let Ok(Decision::Repeated(ended)) = wallet.decide(&command) else {
                panic!("{status:?}: {:?}", wallet.decide(&command))
            };
            assert_eq!((ended.position, ended.ended), (Position(at), Ended::Done));
        }
    }
}

#[test]
fn a_refusal_of_the_bank_frees_the_money_and_is_remembered() {
    let mut wallet = with(100);
    apply(&mut wallet, &Event::RailRequested(moved(1, Direction::Out, 60)), 3);
    assert_eq!(wallet.purse.funds.available(), minor(40));
    apply(&mut wallet, &Event::RailRefused(moved(1, Direction::Out, 60)), 4);
    assert_eq!(wallet.purse.funds.available(), minor(100));
    let Ok(Decision::Repeated(ended)) = wallet.decide(&withdraw(1, 60)) else { panic!() };
    assert_eq!(ended.ended, Ended::Refused);
}

#[test]
fn only_its_owner_ends_a_reservation_and_nobody_passes_for_another() {
    let mut wallet = with(100);
    let (group, bill) = (GroupId(Uuid::now_v7()), 77);
    let forged = RequestId(Uuid::from_u64_pair(group.0.as_u64_pair().1, bill));
    wallet.reserve(Owner::bill(group, bill), minor(100), Currency::CNY).unwrap();
    wallet.release(forged.into());
    wallet.release(Owner::refund((group.0.as_u64_pair().1, bill)));
    assert_eq!(wallet.purse.funds.available(), Amount::ZERO);
    assert!(wallet.reserve(forged.into(), minor(1), Currency::CNY).is_err());
    wallet.reserve(Owner::bill(group, bill), minor(40), Currency::CNY).unwrap();
    assert_eq!(wallet.purse.funds.available(), minor(60), "in place of the former");
    let much = wallet.reserve(Owner::bill(group, bill), minor(101), Currency::CNY);
    assert!(much.is_err());
    assert_eq!(wallet.purse.funds.available(), minor(60), "the former stands");
    // Clients choose what a group's id ends with, and find two bills with the same digest.
    let (_, low) = group.0.as_u64_pair();
    let alike = GroupId(Uuid::from_u64_pair(1, low));
    wallet.release(Owner::bill(alike, bill));
    assert!(wallet.reserve(Owner::bill(alike, bill), minor(61), Currency::CNY).is_err());
    wallet.release(Owner::bill(group, bill));
    assert_eq!(wallet.purse.funds.available(), minor(100));
}

#[test]
fn reservations_and_balances_are_bounded() {
    let mut wallet = with(limits::AMOUNT_MINOR_MAX);
    for bill in 0..limits::RESERVATIONS_MAX as u64 {
        wallet.reserve(owner(bill), minor(1), Currency::CNY).unwrap();
    }
    let exhausted = Rejection::Funds(FundsRejection::ReservationsExhausted);
    assert_eq!(wallet.reserve(owner(1_000), minor(1), Currency::CNY), Err(exhausted));
    let mut waits = with(100);
    for id in 1..=limits::RESERVATIONS_MAX as u128 {
        assert!(waits.decide(&top_up(id, 1)).is_ok(), "{id}");
        apply(&mut waits, &Event::RailRequested(moved(id, Direction::In, 1)), 5);
    }
    // The bank is silent: one wallet asks it no more, and asks again for none of these.
    assert_eq!(waits.decide(&top_up(9_999, 1)), Err(exhausted));
    assert_eq!(waits.decide(&withdraw(9_999, 1)), Err(exhausted));
    assert_eq!(waits.decide(&top_up(1, 1)), Err(Rejection::StillMoving));
    wallet.reserve(owner(3), minor(2), Currency::CNY).expect("an old owner is no new one");
    let mut full = with(limits::AMOUNT_MINOR_MAX);
    let too_large = Rejection::Funds(FundsRejection::BalanceTooLarge);
    let steps = limits::BALANCE_MINOR_MAX / limits::AMOUNT_MINOR_MAX;
    let steps = u128::try_from(steps).unwrap();
    let arrived = |id| Event::RailConfirmed(moved(id, Direction::In, limits::AMOUNT_MINOR_MAX));
    for id in 1..steps {
        assert!(full.decide(&top_up(id, limits::AMOUNT_MINOR_MAX)).is_ok(), "{id}");
        // Some are still on their way, and yet they count.
        let asked = moved(id, Direction::In, limits::AMOUNT_MINOR_MAX);
        apply(&mut full, &Event::RailRequested(asked), 5);
        if let Some(early) = id.checked_sub(9).filter(|early| *early > 0) {
            apply(&mut full, &arrived(early), 6);
        }
    }
    assert_eq!(full.decide(&top_up(9_999, 1)), Err(too_large));
    (steps - 9..steps).for_each(|late| apply(&mut full, &arrived(late), 6));
    assert_eq!(full.purse.funds.posted(), minor(limits::BALANCE_MINOR_MAX));
    assert_eq!(full.admit(minor(1), Currency::CNY), Err(too_large));
    apply(&mut full, &Event::RailRequested(moved(9_998, Direction::Out, 1)), 7);
    apply(&mut full, &Event::RailConfirmed(moved(9_998, Direction::Out, 1)), 8);
    assert_eq!(full.admit(minor(1), Currency::CNY), Ok(()));
    assert_eq!(full.admit(minor(2), Currency::CNY), Err(too_large));
}

/// The rest of its rule is in the table of refusals; what is coming, no wallet knows by itself.
#[test]
fn a_wallet_that_awaits_money_does_not_close() {
    let empty = wallet();
    assert_eq!(empty.check_closes(false), Ok(()));
    assert_eq!(empty.check_closes(true), Err(Rejection::NotEmpty { posted: minor(0) }));
}

/// Whatever its owner has taken: an order that would leave more behind than an account may hold is refused.
#[test]
fn a_shop_takes_no_more_than_an_account_may_hold() {
    let id = MerchantId(Uuid::from_u128(3));
    let mut shop = Merchant::onboard(id, "Noodles".try_into().unwrap(), Currency::CNY);
    let bill = |total| Bill {
        merchant: id,
        order_no: "A-1".try_into().unwrap(),
        currency: Currency::CNY,
        total: minor(total),
        lines: Vec::new(),
    };
    shop.purse.funds.post(minor(limits::BALANCE_MINOR_MAX - 5));
    assert_eq!(shop.check_bill(&bill(5)), Ok(()));
    let too_large = merchant::Rejection::Funds(FundsRejection::BalanceTooLarge);
    assert_eq!(shop.check_bill(&bill(6)), Err(too_large));
}

#[test]
fn sixty_four_requests_are_remembered_and_the_oldest_is_forgotten_first() {
    let mut wallet = with(1_000);
    for id in 0..limits::REQUESTS_REMEMBERED_MAX as u128 {
        let gift = Event::Transferred {
            from: ME,
            to: YOU,
            request: request(id),
            amount: minor(1),
            note: None,
        };
        apply(&mut wallet, &gift, 10 + u64::try_from(id).unwrap());
    }
    let again = |id, amount| wallet.decide(&transfer(id, YOU, amount));
    assert!(matches!(again(0, 1), Ok(Decision::Repeated(_))));
    assert!(matches!(again(0, 2), Err(Rejection::Reused(_))));
    // The top-up that came before them is forgotten.
    assert!(matches!(wallet.decide(&top_up(1000, 1_000)), Ok(Decision::Fresh(_))));
}

#[test]
fn a_transfer_with_another_note_is_another_one() {
    let note = |text| Some(Note::new(text).expect("a note"));
    let with_note =
        |note| Command::Transfer { to: YOU, request: request(1), amount: minor(5), note };
    for (first, other) in [(None, note("rent")), (note("rent"), None), (note("rent"), note("taxi"))]
    {
        let mut wallet = with(100);
        let Ok(Decision::Fresh(given)) = wallet.decide(&with_note(first.clone())) else {
            panic!("{first:?} is refused")
        };
        apply(&mut wallet, &given, 10);
        assert!(matches!(wallet.decide(&with_note(first)), Ok(Decision::Repeated(_))));
        let refused = Rejection::Reused(RequestReused);
        assert_eq!(wallet.decide(&with_note(other)), Err(refused));
    }
}

fn any_command() -> impl Strategy<Value = (u8, u128, i64)> {
    (0..9_u8, 0..12_u128, prop_oneof![1..200_i64, Just(0), Just(-7), Just(i64::MAX)])
}

proptest! {
    /// No sequence of commands breaks W-1 (`apply` asserts it), money is what an independent sum says,
    /// no request moves money twice, and folding the history gives the live state back.
    #[test]
    fn any_history_keeps_the_books(commands in prop::collection::vec(any_command(), 0..80)) {
        let (mut live, mut history, mut sum) = (wallet(), Vec::new(), 0_i64);
        let mut done = std::collections::BTreeSet::new();
        for (at, (kind, id, amount)) in (1_u64..).zip(commands) {
            let command = match kind {
                0 => Command::Freeze,
                1 => Command::Thaw,
                2 => Command::Close,
                3 | 4 => top_up(id, amount),
                5 => withdraw(id, amount),
                6 => transfer(id, YOU, amount),
                7 => {
                    let owner = owner(u64::try_from(id).unwrap());
                    live.reserve(owner, minor(amount), Currency::CNY).ok();
                    continue;
                }
                _ => {
                    live.release(owner(u64::try_from(id).unwrap()));
                    continue;
                }
            };
            let Ok(Decision::Fresh(event)) = live.decide(&command) else { continue };
            let mut events = vec![event.clone()];
            if let Event::RailRequested(moved) = event {
                // The bank answers at once; every third time with a refusal.
                events.push(match at % 3 {
                    0 => Event::RailRefused(moved),
                    _ => Event::RailConfirmed(moved),
                });
            }
            for event in events {
                if let Event::RailConfirmed(moved) = &event {
                    prop_assert!(done.insert(moved.request));
                    let sign = if moved.direction == Direction::In { 1 } else { -1 };
                    sum += sign * moved.amount.minor();
                } else if let Event::Transferred { request, amount, .. } = &event {
                    prop_assert!(done.insert(*request));
                    sum -= amount.minor();
                }
                apply(&mut live, &event, at);
                history.push((event, at));
            }
            prop_assert_eq!(live.purse.funds.posted().minor(), sum);
            prop_assert!(live.purse.funds.available().minor() >= 0);
        }
        let mut replayed = wallet();
        history.iter().for_each(|(event, at)| apply(&mut replayed, event, *at));
        for bill in 0..12 {
            live.release(owner(bill));
        }
        prop_assert_eq!(replayed, live);
    }
}
