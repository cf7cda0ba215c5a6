//! Every refused command is a typed rejection that changes nothing: neither what anybody sees, nor
//! the journal.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

mod support;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use fanju::{
    Clock, Config, Engine, Error, OpenError, Presented, Rail, RailAnswer, RailFuture, TestClock,
    books::BooksReader,
    domain::{
        bill::BillRejection,
        code::{Code, CodeError},
        event::{Consent, Rules, Shortfall},
        group,
        group::Command,
        merchant,
        order::RefundRejection,
        payment,
        payment::Question,
        purse::OpenMove,
        split::Split,
        text::{Name, OrderNo, TextError},
        wallet,
    },
    id::{GroupId, MerchantId, Position, PresentationId, Topic, WalletId},
    ledger::FundsRejection,
    limits,
    money::Currency,
    time::Timestamp,
};
use support::{
    Table, begin, bill, consent, leash::Leashed, merchant as onboard, minor, over, refund_request,
    request, wallet_with, within,
};
use uuid::Uuid;

/// Asks for something that must be refused with this pattern, and looks that nothing changed.
macro_rules! refused {
    ($table:expr, $command:expr, $error:pat) => {{
        let (seen, durable) = ($table.seen().await, $table.engine.stats().durable);
        let answer = within($command).await;
        assert!(matches!(answer, Err($error)), "{}: {answer:?}", stringify!($command));
        assert_eq!($table.seen().await, seen, "{}", stringify!($command));
        assert_eq!($table.engine.stats().durable, durable, "{}", stringify!($command));
    }};
}

async fn laid() -> Table {
    Table::laid(Config::in_memory(), &[10_000; 3], 10_000, Rules::default()).await
}

fn nobody() -> Uuid {
    Uuid::now_v7()
}

const TOO_LARGE: i64 = limits::AMOUNT_MINOR_MAX + 1;

#[tokio::test]
async fn amounts_outside_their_range_are_refused_everywhere() {
    use FundsRejection::AmountOutOfRange as Range;
    let table = laid().await;
    table.settle("A-1", 300).await;
    let Table { engine, diners, merchant, .. } = &table;
    let (ana, ben, shop) = (diners[0], diners[1], *merchant);
    for amount in [0, -1, i64::MIN, TOO_LARGE, i64::MAX].map(minor) {
        refused!(
            table,
            engine.top_up(ana, request(), amount),
            Error::Wallet(wallet::Rejection::Funds(Range))
        );
        refused!(
            table,
            engine.withdraw(ana, request(), amount),
            Error::Wallet(wallet::Rejection::Funds(Range))
        );
        refused!(
            table,
            engine.transfer(ana, ben, request(), amount, None),
            Error::Wallet(wallet::Rejection::Funds(Range))
        );
        refused!(
            table,
            engine.pay_out(shop, request(), amount),
            Error::Merchant(merchant::Rejection::Funds(Range))
        );
        refused!(
            table,
            engine.refund(shop, refund_request("A-1", "R-1", Some(amount.minor()))),
            Error::Refund(RefundRejection::AmountOutOfRange)
        );
        let code = table.code().await;
        refused!(
            table,
            engine.present(table.bill("A-2", amount.minor()), code),
            Error::Merchant(merchant::Rejection::Bill(BillRejection::TotalOutOfRange))
        );
        let named = Name::new("late").unwrap();
        refused!(
            table,
            engine.open_group(
                named,
                ana,
                Consent { cap: amount, confirm_above: None },
                Currency::CNY,
                Rules::default()
            ),
            Error::Group(group::Rejection::CapOutOfRange)
        );
    }
    // The code was not spent by any of the refused bills.
    table.settle("A-2", 300).await;
}

#[tokio::test]
async fn who_is_not_known_is_refused_everywhere() {
    let table = laid().await;
    let Table { engine, diners, group, merchant } = &table;
    let (ana, group, shop) = (diners[0], *group, *merchant);
    let (stranger, no_shop, no_group) =
        (WalletId(nobody()), MerchantId(nobody()), GroupId(nobody()));
    let no_order = || OrderNo::new("none").unwrap();
    refused!(table, engine.wallet(stranger), Error::UnknownWallet(_));
    refused!(table, engine.top_up(stranger, request(), minor(1)), Error::UnknownWallet(_));
    refused!(table, engine.freeze(stranger), Error::UnknownWallet(_));
    refused!(
        table,
        engine.transfer(stranger, ana, request(), minor(1), None),
        Error::UnknownWallet(_)
    );
    refused!(
        table,
        engine.transfer(ana, stranger, request(), minor(1), None),
        Error::UnknownWallet(_)
    );
    refused!(table, engine.invite(group, ana, stranger), Error::UnknownWallet(_));
    refused!(
        table,
        engine.open_group(
            Name::new("x").unwrap(),
            stranger,
            consent(1),
            Currency::CNY,
            Rules::default()
        ),
        Error::UnknownWallet(_)
    );
    refused!(table, engine.subscribe(Topic::Wallet(stranger), None), Error::UnknownWallet(_));
    refused!(table, engine.statement(Topic::Wallet(stranger), None, 10), Error::UnknownWallet(_));
    refused!(table, engine.merchant(no_shop), Error::UnknownMerchant(_));
    refused!(table, engine.pay_out(no_shop, request(), minor(1)), Error::UnknownMerchant(_));
    refused!(
        table,
        engine.refund(no_shop, refund_request("A", "R", None)),
        Error::UnknownMerchant(_)
    );
    let code = table.code().await;
    refused!(table, engine.present(bill(no_shop, "A-1", 100), code), Error::UnknownMerchant(_));
    refused!(table, engine.group(no_group), Error::UnknownGroup(_));
    refused!(table, engine.show_code(no_group, ana), Error::UnknownGroup(_));
    refused!(
        table,
        engine.group_command(no_group, Command::Lock { by: ana }),
        Error::UnknownGroup(_)
    );
    refused!(table, engine.order(shop, no_order()), Error::UnknownOrder);
    refused!(table, engine.cancel(shop, no_order()), Error::UnknownOrder);
    refused!(table, engine.refund(shop, refund_request("none", "R", None)), Error::UnknownOrder);
    let (merchant, order_no) = (table.merchant, OrderNo::new("A-1").unwrap());
    let presentation = PresentationId(Uuid::nil());
    let question = Question { merchant, order_no, presentation, diner: ana, owed: minor(1) };
    refused!(
        table,
        engine.confirm(group, question),
        Error::Answer(payment::AnswerRejection::NothingToAnswer)
    );
}

#[tokio::test]
async fn a_frozen_wallet_pays_nothing_and_a_closed_one_is_over() {
    let table = laid().await;
    let Table { engine, diners, .. } = &table;
    let (ana, ben, cat) = (diners[0], diners[1], diners[2]);
    within(engine.freeze(ben)).await.unwrap();
    refused!(table, engine.freeze(ben), Error::Wallet(wallet::Rejection::Frozen));
    refused!(
        table,
        engine.withdraw(ben, request(), minor(1)),
        Error::Wallet(wallet::Rejection::Frozen)
    );
    refused!(
        table,
        engine.transfer(ben, ana, request(), minor(1), None),
        Error::Wallet(wallet::Rejection::Frozen)
    );
    refused!(table, engine.close_wallet(ben), Error::Wallet(wallet::Rejection::Frozen));
    refused!(
        table,
        engine.open_group(
            Name::new("x").unwrap(),
            ben,
            consent(1),
            Currency::CNY,
            Rules::default()
        ),
        Error::Wallet(wallet::Rejection::Frozen)
    );
    within(engine.transfer(ana, ben, request(), minor(1), None)).await.unwrap();
    assert!(matches!(table.pay("A-1", 300).await.unwrap(), Presented::Declined { .. }));
    within(engine.thaw(ben)).await.unwrap();
    refused!(table, engine.thaw(ben), Error::Wallet(wallet::Rejection::NotFrozen));
    refused!(table, engine.close_wallet(cat), Error::Wallet(wallet::Rejection::NotEmpty { .. }));
    within(engine.withdraw(cat, request(), minor(10_000))).await.unwrap();
    within(engine.close_wallet(cat)).await.unwrap();
    refused!(table, engine.close_wallet(cat), Error::Wallet(wallet::Rejection::Closed));
    refused!(
        table,
        engine.top_up(cat, request(), minor(1)),
        Error::Wallet(wallet::Rejection::Closed)
    );
    refused!(
        table,
        engine.transfer(ana, cat, request(), minor(1), None),
        Error::Wallet(wallet::Rejection::Closed)
    );
    assert!(matches!(table.pay("A-2", 300).await.unwrap(), Presented::Declined { .. }));
}

#[tokio::test]
async fn currencies_are_never_mixed() {
    let table = laid().await;
    let Table { engine, diners, group, .. } = &table;
    let ana = diners[0];
    let yen = within(engine.open_wallet(Name::new("Yui").unwrap(), Currency::JPY)).await.unwrap();
    let bar = within(engine.onboard_merchant(Name::new("bar").unwrap(), Currency::JPY)).await;
    let bar = bar.unwrap();
    within(engine.top_up(yen, request(), minor(1_000))).await.unwrap();
    refused!(
        table,
        engine.transfer(ana, yen, request(), minor(1), None),
        Error::Wallet(wallet::Rejection::WrongCurrency { .. })
    );
    refused!(
        table,
        engine.transfer(yen, ana, request(), minor(1), None),
        Error::Wallet(wallet::Rejection::WrongCurrency { .. })
    );
    within(engine.invite(*group, ana, yen)).await.unwrap();
    refused!(
        table,
        engine.join(*group, yen, consent(100)),
        Error::Wallet(wallet::Rejection::WrongCurrency { .. })
    );
    refused!(
        table,
        engine.open_group(
            Name::new("x").unwrap(),
            yen,
            consent(1),
            Currency::CNY,
            Rules::default()
        ),
        Error::Wallet(wallet::Rejection::WrongCurrency { .. })
    );
    let code = table.code().await;
    let foreign =
        || fanju::domain::bill::Bill { currency: Currency::JPY, ..table.bill("A-1", 100) };
    refused!(
        table,
        engine.present(foreign(), code),
        Error::Merchant(merchant::Rejection::WrongCurrency { .. })
    );
    let abroad = || fanju::domain::bill::Bill { merchant: bar, ..foreign() };
    refused!(
        table,
        engine.present(abroad(), code),
        Error::Payment(payment::Rejection::WrongCurrency { .. })
    );
    // That one reached the group, so it spent the code.
    refused!(table, engine.present(table.bill("A-1", 100), code), Error::SpentCode);
}

#[tokio::test]
async fn a_group_takes_nobody_twice_and_lets_nobody_in_uninvited() {
    use group::Rejection as No;
    let table = laid().await;
    let Table { engine, diners, group, .. } = &table;
    let (ana, ben, group) = (diners[0], diners[1], *group);
    let dan = wallet_with(engine, 0).await;
    refused!(table, engine.join(group, dan, consent(1)), Error::Group(No::NotInvited));
    refused!(table, engine.join(group, ben, consent(1)), Error::Group(No::AlreadyMember));
    refused!(table, engine.invite(group, ana, ben), Error::Group(No::AlreadyMember));
    refused!(table, engine.invite(group, dan, dan), Error::Group(No::NotMember));
    within(engine.invite(group, ana, dan)).await.unwrap();
    refused!(table, engine.invite(group, ana, dan), Error::Group(No::AlreadyInvited));
    refused!(
        table,
        engine.group_command(group, Command::Lock { by: ben }),
        Error::Group(No::NotHost)
    );
    refused!(
        table,
        engine.group_command(group, Command::Leave { wallet: ana }),
        Error::Group(No::HostStays)
    );
    within(engine.group_command(group, Command::Lock { by: ana })).await.unwrap();
    refused!(table, engine.join(group, dan, consent(1)), Error::Group(No::Locked));
    refused!(
        table,
        engine.group_command(group, Command::Leave { wallet: ben }),
        Error::Group(No::Locked)
    );
    refused!(table, engine.show_code(group, dan), Error::Group(No::NotMember));
    let code = table.code().await;
    within(engine.group_command(group, Command::Close { by: ana })).await.unwrap();
    refused!(
        table,
        engine.group_command(group, Command::Close { by: ana }),
        Error::Group(No::Closed)
    );
    refused!(table, engine.show_code(group, ana), Error::Group(No::Closed));
    refused!(
        table,
        engine.present(table.bill("A-1", 100), code),
        Error::Payment(payment::Rejection::GroupClosed)
    );
    refused!(
        table,
        engine.order(table.merchant, OrderNo::new("A-1").unwrap()),
        Error::UnknownOrder
    );
}

#[tokio::test]
async fn rules_that_do_not_fit_the_bill_are_refused_at_the_till_and_spend_the_code() {
    let rules = Rules { split: Split::Exact { parts: Vec::new() }, ..Rules::default() };
    let table = Table::laid(Config::in_memory(), &[10_000; 2], 10_000, rules).await;
    let code = table.code().await;
    refused!(
        table,
        table.engine.present(table.bill("A-1", 100), code),
        Error::Payment(payment::Rejection::Split(_))
    );
    refused!(table, table.engine.present(table.bill("A-1", 100), code), Error::SpentCode);
}

#[tokio::test]
async fn codes_expire_are_spent_once_and_are_told_from_foreign_ones() {
    let clock = TestClock::at(Timestamp(1_700_000_000_000_000));
    let config = Config { clock: Clock::Test(clock.clone()), ..Config::in_memory() };
    let table = Table::laid(config, &[10_000; 2], 10_000, Rules::default()).await;
    let engine = &table.engine;
    let first = table.code().await;
    clock.advance(limits::CODE_SHOWN);
    let second = table.code().await;
    assert_ne!(first, second, "a code rotates");
    clock.advance(limits::CODE_GRACE - Duration::from_micros(1));
    let paid = within(engine.present(table.bill("A-1", 100), first)).await;
    assert!(matches!(paid, Ok(Presented::Settled(_))), "{paid:?}");
    refused!(table, engine.present(table.bill("A-2", 100), first), Error::SpentCode);
    clock.advance(Duration::from_micros(1));
    refused!(table, engine.present(table.bill("A-2", 100), first), Error::ExpiredCode);
    let late = wallet_with(engine, 0).await;
    refused!(table, engine.join_by_code(first, late, consent(1)), Error::ExpiredCode);
    refused!(
        table,
        engine.present(table.bill("A-2", 100), Code::from_random(7)),
        Error::UnknownCode
    );
    assert_eq!("283456789012345678".parse::<Code>(), Err(CodeError::Foreign));
    assert_eq!("1234".parse::<Code>(), Err(CodeError::NotEighteenDigits));
    let digits = second.to_string();
    let mistyped = match digits.strip_suffix('0') {
        Some(body) => format!("{body}1"),
        None => format!("{}0", &digits[..17]),
    };
    assert_eq!(mistyped.parse::<Code>(), Err(CodeError::Mistyped));
    let paid = within(engine.present(table.bill("A-2", 100), second)).await;
    assert!(matches!(paid, Ok(Presented::Settled(_))), "{paid:?}");
}

#[tokio::test]
async fn refunds_stay_within_what_was_paid() {
    let table = laid().await;
    let (engine, shop) = (&table.engine, table.merchant);
    table.settle("A-1", 300).await;
    let stranger = wallet_with(engine, 0).await;
    refused!(
        table,
        engine.refund(shop, refund_request("A-1", "R-1", Some(301))),
        Error::Refund(RefundRejection::BeyondRemainder { .. })
    );
    let to = |diner| fanju::domain::order::RefundRequest {
        diner: Some(diner),
        ..refund_request("A-1", "R-1", Some(101))
    };
    refused!(
        table,
        engine.refund(shop, to(table.diners[0])),
        Error::Refund(RefundRejection::BeyondRemainder { .. })
    );
    refused!(
        table,
        engine.refund(shop, to(stranger)),
        Error::Refund(RefundRejection::UnknownDiner)
    );
    table.refund("A-1", "R-1", Some(100)).await.unwrap();
    refused!(
        table,
        engine.refund(shop, refund_request("A-1", "R-1", Some(99))),
        Error::Refund(RefundRejection::RefundNoReused)
    );
    within(engine.pay_out(shop, request(), minor(150))).await.unwrap();
    refused!(
        table,
        engine.refund(shop, refund_request("A-1", "R-2", None)),
        Error::Merchant(merchant::Rejection::Funds(FundsRejection::InsufficientFunds { .. }))
    );
    within(engine.withdraw(table.diners[2], request(), minor(9_900))).await.unwrap();
    assert!(matches!(table.pay("A-2", 3_000).await.unwrap(), Presented::Declined { .. }));
    refused!(
        table,
        engine.refund(shop, refund_request("A-2", "R-1", Some(1))),
        Error::OrderNotPaid
    );
    table.settle("A-3", 30).await;
    refused!(
        table,
        engine.present(table.bill("A-3", 31), Code::from_random(1)),
        Error::OrderNoReused
    );
}

#[tokio::test]
async fn shares_above_the_cap_wait_and_an_outing_is_capped_as_a_whole() {
    let rules = Rules { shortfall: Shortfall::Reshare, ..Rules::default() };
    let table = Table::laid(Config::in_memory(), &[10_000; 2], 1_000, rules).await;
    table.settle("A-1", 1_500).await;
    let begun = table.begin_paying("A-2", 600).await;
    let engine = &table.engine;
    refuses_when_asked(engine, table.group, table.diners[0]).await;
    assert!(matches!(within(begun).await, Ok(Presented::Declined { .. })));
    table.settle("A-3", 500).await;
    refused!(
        table,
        engine.group_command(
            table.group,
            Command::SetConsent { wallet: table.diners[0], consent: consent(999) }
        ),
        Error::Group(group::Rejection::CapBelowSpent { .. })
    );
}

/// Says no as soon as the question is there.
async fn refuses_when_asked(engine: &Engine, group: GroupId, diner: WalletId) {
    loop {
        let questions = within(engine.group(group)).await.unwrap().questions;
        match questions.into_iter().find(|question| question.diner == diner) {
            Some(question) => return within(engine.refuse(group, question)).await.unwrap(),
            None => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test]
async fn while_a_bill_is_being_paid_members_and_rules_stand() {
    let table = Table::laid(Config::in_memory(), &[10_000; 2], 10, Rules::default()).await;
    let begun = table.begin_paying("A-1", 600).await;
    let Table { engine, diners, group, merchant } = &table;
    let (ana, group) = (diners[0], *group);
    while !within(engine.group(group)).await.unwrap().paying {}
    use group::Rejection::PaymentInProgress as Paying;
    for command in [
        Command::Lock { by: ana },
        Command::Close { by: ana },
        Command::Leave { wallet: diners[1] },
        Command::SetRules { by: ana, rules: Rules::default() },
        Command::SetConsent { wallet: ana, consent: consent(5) },
        Command::Draft { by: ana, total: minor(1), lines: Vec::new() },
        Command::ClearDraft { by: ana },
        Command::Claim { wallet: ana, line: 0, weight: 1 },
    ] {
        let answer = within(engine.group_command(group, command)).await;
        assert!(matches!(answer, Err(Error::Group(Paying))), "{answer:?}");
    }
    assert!(matches!(within(engine.show_code(group, ana)).await, Err(Error::Group(Paying))));
    let other = within(engine.present(table.bill("A-1", 601), Code::from_random(7))).await;
    assert!(matches!(other, Err(Error::OrderNoReused)), "{other:?}");
    let early = table.refund("A-1", "R-1", Some(1)).await;
    assert!(matches!(early, Err(Error::OrderNotPaid)), "{early:?}");
    drop(within(engine.cancel(*merchant, OrderNo::new("A-1").unwrap())).await.unwrap());
    assert!(matches!(within(begun).await, Ok(Presented::Declined { .. })));
    assert_eq!(table.balances().await, [10_000; 2]);
}

#[tokio::test]
async fn a_full_engine_says_busy_and_a_closing_one_says_so() {
    let storage = Leashed::default();
    let config =
        Config { orders_in_flight_max: 1, commands_in_flight_max: 2, ..over(storage.clone()) };
    let table = Table::laid(config, &[10_000; 2], 10_000, Rules::default()).await;
    let code = table.code().await;
    storage.hold();
    let (engine, first) = (table.engine.clone(), table.bill("A-1", 100));
    let order = begin(async move { engine.present(first, code).await }).await;
    let busy = within(table.engine.present(table.bill("A-2", 100), code)).await;
    assert!(matches!(busy, Err(Error::Busy)), "{busy:?}");
    let mut commands = Vec::new();
    for diner in table.diners.clone() {
        let engine = table.engine.clone();
        commands.push(begin(async move { engine.freeze(diner).await.map(drop) }).await);
    }
    let busy = within(table.engine.wallet(table.diners[0])).await;
    assert!(matches!(busy, Err(Error::Busy)), "{busy:?}");
    // Reads and moves over the rail wait behind doors of their own, each as wide.
    within(table.engine.query(|books| books.totals())).await.expect("a command is no read");
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let held = Arc::new(Mutex::new(held));
    for _ in 0..2 {
        let (engine, held) = (table.engine.clone(), Arc::clone(&held));
        let wait = move |_: &BooksReader| Ok(held.lock().unwrap().recv().unwrap_err());
        commands.push(begin(async move { engine.query(wait).await.map(drop) }).await);
    }
    let busy = within(table.engine.query(|books| books.totals())).await;
    assert!(matches!(busy, Err(Error::Busy)), "{busy:?}");
    let topic = Topic::Wallet(table.diners[0]);
    let busy = within(table.engine.statement(topic, Some(Position(1)), 1)).await;
    assert!(matches!(busy, Err(Error::Busy)), "{busy:?}");
    for diner in table.diners.clone() {
        let engine = table.engine.clone();
        let top_up = async move { engine.top_up(diner, request(), minor(1)).await.map(drop) };
        commands.push(begin(top_up).await);
    }
    let busy = within(table.engine.top_up(table.diners[0], request(), minor(1))).await;
    assert!(matches!(busy, Err(Error::Busy)), "{busy:?}");
    drop(hold);
    let closing = {
        let engine = table.engine.clone();
        begin(async move { engine.close().await }).await
    };
    let closed = within(table.engine.wallet(table.diners[0])).await;
    assert!(matches!(closed, Err(Error::Closing)), "{closed:?}");
    let closed = within(table.engine.present(table.bill("A-2", 100), code)).await;
    assert!(matches!(closed, Err(Error::Closing)), "{closed:?}");
    storage.release();
    let ended = within(order).await.expect("what was accepted is finished");
    assert!(matches!(ended, Presented::Settled(_)), "{ended:?}");
    for command in commands {
        within(command).await.expect("what was accepted is finished");
    }
    within(closing).await;
    let closed = within(table.engine.query(|books| books.totals())).await;
    assert!(matches!(closed, Err(Error::Closing)), "{closed:?}");

    // Of what was refused nothing came to be.
    let table = table.moved_to(Engine::open(over(storage)).expect("opens again"));
    assert_eq!((table.takings().await, table.balances().await), (100, vec![9_951; 2]));
    let unknown = within(table.engine.order(table.merchant, "A-2".try_into().unwrap())).await;
    assert!(matches!(unknown, Err(Error::UnknownOrder)), "{unknown:?}");
}

#[tokio::test]
async fn a_position_that_is_not_on_the_chain_is_refused_as_such() {
    let table = laid().await;
    let receipt = table.settle("A-1", 300).await;
    let engine = &table.engine;
    let stranger = wallet_with(engine, 5).await;
    let wallet = Topic::Wallet(stranger);
    for position in [
        receipt.position(),
        Position(1),
        Position(receipt.position().0 + 1),
        Position(1 << 40),
        Position(u64::MAX),
    ] {
        refused!(table, engine.statement(wallet, Some(position), 5), Error::UnknownPosition);
        refused!(table, engine.subscribe(wallet, Some(position)), Error::UnknownPosition);
    }
}

#[test]
fn settings_with_which_nothing_would_be_answered_are_refused() {
    let plain = Config::in_memory;
    for (config, name) in [
        (Config { archive_threads: 0, ..plain() }, "archive_threads"),
        (Config { orders_in_flight_max: 0, ..plain() }, "orders_in_flight_max"),
        (Config { commands_in_flight_max: 0, ..plain() }, "commands_in_flight_max"),
        (Config { idle_after: Some(Duration::ZERO), ..plain() }, "idle_after"),
        (Config { rail_answer_within: Duration::ZERO, ..plain() }, "rail_answer_within"),
    ] {
        let opened = Engine::open(config).map(drop);
        let refused =
            matches!(opened, Err(OpenError::SettingIsZero { setting }) if setting == name);
        assert!(refused, "{name}: {opened:?}");
    }
}

#[test]
fn names_and_numbers_have_a_length_and_no_control_characters() {
    let long = |bytes: usize| "n".repeat(bytes);
    assert_eq!(Name::new("a\nb"), Err(TextError::ControlCharacter));
    assert_eq!(Name::new(""), Err(TextError::Empty));
    assert!(Name::new(long(limits::TEXT_BYTES_MAX)).is_ok());
    let above = Name::new(long(limits::TEXT_BYTES_MAX + 1));
    assert!(matches!(above, Err(TextError::TooLong { .. })), "{above:?}");
    assert_eq!(OrderNo::new(""), Err(TextError::Empty));
    assert!(OrderNo::new(long(limits::ORDER_NO_BYTES_MAX)).is_ok());
    let above = OrderNo::new(long(limits::ORDER_NO_BYTES_MAX + 1));
    assert!(matches!(above, Err(TextError::TooLong { .. })), "{above:?}");
}

/// A bank whose own code is broken: it panics at the first calls, as it begins and while it waits in turn.
#[derive(Clone)]
struct Panicking(Arc<std::sync::atomic::AtomicU32>);

impl Rail for Panicking {
    fn transfer(&self, _: OpenMove) -> RailFuture {
        use std::sync::atomic::Ordering;
        let left =
            self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match left {
            Ok(left) if left.is_multiple_of(2) => panic!("the bank's driver panics as it begins"),
            Ok(_) => Box::pin(async { panic!("the bank's driver panics while it waits") }),
            Err(_) => Box::pin(std::future::ready(RailAnswer::Moved)),
        }
    }
}

#[tokio::test]
async fn a_bank_that_panics_is_asked_again_and_wedges_no_wallet() {
    let rail = Panicking(Arc::new(4.into()));
    let config = Config {
        rail: Arc::new(rail),
        rail_retry: Duration::from_millis(1),
        ..Config::in_memory()
    };
    let engine = Engine::open(config).unwrap();
    let ana = wallet_with(&engine, 70).await;
    assert_eq!(within(engine.wallet(ana)).await.unwrap().posted, minor(70));
    let shop = onboard(&engine).await;
    assert_eq!(within(engine.merchant(shop)).await.unwrap().posted, minor(0));
}

/// The owner of a bill's reservation is made of public numbers; a request must not pass for it.
#[tokio::test]
async fn a_request_that_looks_like_a_bill_does_not_touch_its_reservation() {
    let table = Table::laid(Config::in_memory(), &[1_000; 2], 500, Rules::default()).await;
    let (engine, ana, ben) = (&table.engine, table.diners[0], table.diners[1]);
    within(
        engine.group_command(
            table.group,
            Command::SetConsent { wallet: ana, consent: consent(1_000) },
        ),
    )
    .await
    .unwrap();
    // Ana's share is reserved; Ben's is above his cap and waits for his yes.
    let bill = table.bill("A-1", 2_000);
    let forged = Uuid::from_u64_pair(table.group.0.as_u64_pair().1, bill.id());
    let begun = table.begin_paying("A-1", 2_000).await;
    while within(engine.wallet(ana)).await.unwrap().available != minor(0) {}
    let forged = fanju::id::RequestId(forged);
    let stolen = within(engine.withdraw(ana, forged, minor(1))).await;
    assert!(
        matches!(stolen, Err(Error::Wallet(wallet::Rejection::Funds(_)))),
        "what is reserved for a bill cannot be withdrawn: {stolen:?}"
    );
    let asked = within(engine.group(table.group)).await.unwrap().questions;
    let question = asked.into_iter().find(|question| question.diner == ben).unwrap();
    within(engine.confirm(table.group, question)).await.unwrap();
    assert!(matches!(within(begun).await, Ok(Presented::Settled(_))));
    assert_eq!(table.balances().await, [0, 0]);
}
