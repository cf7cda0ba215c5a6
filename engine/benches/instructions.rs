//! How many instructions the engine's inner steps take, under callgrind. Times follow the machine's mood;
//! these hardly move.
//!
//! `scripts/instructions` runs each step with two numbers of repetitions and divides the difference, so
//! that what is set up before does not count; it prints the change against `instructions.toml`.
//!
//! `instructions --list` names every step and a number of repetitions; `instructions STEP COUNT` repeats
//! one.

#[path = "../tests/books/author.rs"]
#[expect(dead_code, reason = "tests use the rest")]
mod author;

use std::{hint::black_box, sync::Arc};

use author::{Author, dinner, merchant_onboarded, top_up, wallet_opened};
use fanju::{
    Config, Engine,
    books::chain,
    codec,
    domain::{
        bill::{Bill, Line},
        event::{Consent, Event, Rules, Settlement, Shortfall},
        group::Group,
        payment::{Action, Missing, Payment, Verdict},
        split::{Claim, Diner, Rest, Split, divide},
        text::OrderNo,
        wallet::{Command, Wallet},
    },
    id::{GroupId, MerchantId, Position, PresentationId, RequestId, Topic, WalletId},
    journal::{Epoch, Journal, LocalJournal, MemoryStorage, Options},
    ledger::Owner,
    money::{Amount, Currency},
    time::Timestamp,
};
use uuid::Uuid;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SHARE: i64 = 2_000;
/// Far beyond what any number of repetitions spends.
const FUNDS: i64 = 1_000_000_000_000;
const PRESENTATION: PresentationId = PresentationId(Uuid::from_u128(700));
const LATER: Timestamp = Timestamp(i64::MAX);
/// About what a settlement of eight takes.
const PAYLOAD_BYTES: usize = 300;
const BATCH_RECORDS: u64 = 100;
const CHAIN_RECORDS: usize = 100;

/// A step: its name, repetitions enough to drown what varies and few enough for callgrind, and what
/// repeats it.
type Step = (&'static str, u64, fn(u64));

const STEPS: &[Step] = &[
    ("decide_transfer", 500, decide_transfer),
    ("decide_dinner_of_8", 200, decide_dinner),
    ("decide_when_499_of_500_are_short", 1, decide_for_the_short),
    ("apply_dinner_to_wallet", 500, apply_to_wallet),
    ("apply_dinner_to_group_of_8", 500, apply_to_group),
    ("encode_dinner_of_8", 500, encode),
    ("decode_dinner_of_8", 500, decode),
    ("split_equal_2", 500, |count| split(2, false, count)),
    ("split_equal_8", 500, |count| split(8, false, count)),
    ("split_equal_500", 20, |count| split(500, false, count)),
    ("split_itemised_8", 200, |count| split(8, true, count)),
    ("split_itemised_500", 5, |count| split(500, true, count)),
    ("commit_batch_of_100", 50, commit_batch),
    ("walk_chain_of_100", 20, walk_chain),
    ("actor_round_trip", 3_000, actor_round_trip),
];

fn id(number: u128) -> Uuid {
    // Scattered, as identities are.
    Uuid::from_u128(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

fn wallet_id(seat: u128) -> WalletId {
    WalletId(id(seat + 1))
}

fn merchant() -> MerchantId {
    MerchantId(id(1_000_001))
}

fn group_id() -> GroupId {
    GroupId(id(1_000_002))
}

fn order_no() -> OrderNo {
    OrderNo::new("240619-000042").expect("a good order number")
}

fn bill(total: i64, lines: Vec<Line>) -> Bill {
    let (order_no, currency, total) = (order_no(), Currency::CNY, Amount::from_minor(total));
    Bill { merchant: merchant(), order_no, currency, total, lines }
}

/// A wallet with money, as its events made it.
fn wallet() -> Wallet {
    let moved = top_up(wallet_id(0), id(2_000_000), FUNDS);
    let mut wallet = Wallet::open(wallet_id(0), author::name("Li Na"), Currency::CNY);
    wallet.apply(&Event::RailRequested(moved), Amount::ZERO, Position(1));
    wallet.apply(&Event::RailConfirmed(moved), moved.amount, Position(2));
    wallet
}

fn group() -> Group {
    let (name, consent, rules) = (author::name("Friday"), author::consent(), Rules::default());
    let mut group = Group::open(group_id(), name, wallet_id(0), consent, Currency::CNY, rules);
    for seat in 1..8 {
        let (group_id, wallet) = (group_id(), wallet_id(seat));
        group.apply(&Event::MemberJoined { group: group_id, wallet, consent });
    }
    group
}

fn settlement() -> Settlement {
    dinner(merchant(), "240619-000042", group_id(), (0..8).map(|seat| (wallet_id(seat), SHARE)))
}

fn decide_transfer(count: u64) {
    let wallet = wallet();
    let (to, request, note) = (wallet_id(1), RequestId(id(3)), None);
    let command = Command::Transfer { to, request, amount: Amount::from_minor(SHARE), note };
    for _ in 0..count {
        black_box(wallet.decide(black_box(&command)).expect("enough money"));
    }
}

/// From the bill to the record: the split, eight answers, the settlement.
fn decide_dinner(count: u64) {
    let (group, bill) = (group(), bill(SHARE * 8, Vec::new()));
    for _ in 0..count {
        let begun = Payment::begin(&group, black_box(bill.clone()), PRESENTATION, LATER, LATER);
        let (mut payment, step) = begun.expect("a good bill");
        let mut verdict = step.verdict;
        for action in &step.actions {
            let Action::Reserve { ask, .. } = *action else { unreachable!("nobody is asked") };
            verdict = payment.reserved(ask);
        }
        assert!(matches!(black_box(verdict), Verdict::Settle(_)), "everybody has answered");
    }
}

/// A bill of five hundred of whom only the host can pay, one answer after the other: what each costs
/// stands in everybody else's way.
fn decide_for_the_short(count: u64) {
    let mut group = group();
    group.rules.shortfall = Shortfall::HostCovers;
    let consent = Consent { cap: Amount::from_minor(SHARE * 500), confirm_above: None };
    group.members[0].consent = consent;
    for seat in 8..500 {
        let (group_id, wallet) = (group_id(), wallet_id(seat));
        group.apply(&Event::MemberJoined { group: group_id, wallet, consent });
    }
    for _ in 0..count {
        let begun =
            Payment::begin(&group, bill(SHARE * 500, Vec::new()), PRESENTATION, LATER, LATER);
        let (mut payment, step) = begun.expect("a good bill");
        let (mut verdict, mut of_host) = (step.verdict, None);
        for action in &step.actions {
            let Action::Reserve { ask, source, .. } = *action else { unreachable!("as before") };
            if source.wallet() == group.host {
                continue;
            }
            let step = payment.missing(ask, Missing::Short { has: Amount::ZERO });
            let reserve = |action: &Action| match action {
                Action::Reserve { ask, .. } => Some(*ask),
                Action::Release { .. } | Action::AskConfirmation { .. } => None,
            };
            of_host = step.actions.iter().find_map(reserve);
        }
        if let Some(ask) = of_host {
            verdict = payment.reserved(ask);
        }
        assert!(matches!(black_box(verdict), Verdict::Settle(_)), "the host pays for all");
    }
}

/// A share set aside and then paid.
fn apply_to_wallet(count: u64) {
    let (mut wallet, settlement) = (wallet(), settlement());
    let owner = Owner::bill(settlement.group, settlement.bill);
    let (event, share) = (Event::Settled(settlement), Amount::from_minor(SHARE));
    for at in 0..count {
        wallet.reserve(owner, share, Currency::CNY).expect("enough money");
        wallet.apply(black_box(&event), Amount::from_minor(-SHARE), Position(at + 3));
    }
    black_box(wallet);
}

fn apply_to_group(count: u64) {
    let (mut group, event) = (group(), Event::Settled(settlement()));
    for _ in 0..count {
        group.apply(black_box(&event));
    }
    black_box(group);
}

fn encode(count: u64) {
    let (event, mut out) = (Event::Settled(settlement()), Vec::with_capacity(1_024));
    let prevs = vec![Position(1 << 29); 10];
    for _ in 0..count {
        out.clear();
        codec::encode(Timestamp(1_767_225_600_000_000), black_box(&event), &mut out);
        codec::encode_links(Position(1 << 30), &prevs, &mut out);
        black_box(&out);
    }
}

fn decode(count: u64) {
    let mut bytes = Vec::new();
    codec::encode(Timestamp(1_767_225_600_000_000), &Event::Settled(settlement()), &mut bytes);
    codec::encode_links(Position(1 << 30), &[Position(1 << 29); 10], &mut bytes);
    for _ in 0..count {
        black_box(codec::decode(Position(1 << 30), black_box(&bytes)).expect("decodes"));
    }
}

/// One unit below a multiple: odd cents for all but one, the longest walk.
fn split(seats: u16, itemised: bool, count: u64) {
    let diner = |seat| Diner { wallet: wallet_id(seat), carry_micro: 0 };
    let diners: Vec<Diner> = (0..seats.into()).map(diner).collect();
    let line = |seat| Line { name: author::name("dish"), amount: Amount::from_minor(3_000 + seat) };
    let bill = bill(i64::from(seats) * 4_000 - 1, (0..i64::from(seats)).map(line).collect());
    // Each had a dish, and tasted the next one's.
    let claim = |(line, diner): (u16, &Diner)| {
        let next = diners[(usize::from(line) + 1) % diners.len()].wallet;
        [(diner.wallet, 3), (next, 1)].map(|(diner, weight)| Claim { line, diner, weight })
    };
    let claims = || (0..).zip(&diners).flat_map(claim).collect();
    let split = match itemised {
        true => Split::Itemised { claims: claims(), rest: Rest::InProportion },
        false => Split::Equal,
    };
    let rules = Rules { split, ..Rules::default() };
    for _ in 0..count {
        black_box(divide(black_box(&bill), &diners, &rules)).expect("divides");
    }
}

/// Frame and write to memory, on one thread; the disk's share is time, not instructions.
fn commit_batch(count: u64) {
    let options = Options { sync: false, ..Options::default() };
    let storage = Arc::new(MemoryStorage::default());
    let (mut journal, _) = LocalJournal::open(storage, options, None).expect("opens");
    let mut batch = journal.buffer();
    for _ in 0..count {
        journal.begin(&mut batch);
        for number in 0..BATCH_RECORDS {
            let payload = |position: Position, out: &mut Vec<u8>| {
                let start = out.len();
                out.extend_from_slice(&number.to_le_bytes());
                out.extend_from_slice(&position.0.to_le_bytes());
                out.resize(start + PAYLOAD_BYTES, 0x5a);
            };
            batch.push(payload).expect("fits");
        }
        journal.append(journal.tail(), Epoch(1), &mut batch).expect("memory takes everything");
    }
}

/// A statement: one wallet's dinners, newest first, read and decoded.
fn walk_chain(count: u64) {
    let mut author = Author::new();
    author.write(wallet_opened(wallet_id(0).0));
    author.write(merchant_onboarded(merchant().0));
    let mut head = Position::NONE;
    for number in 0..CHAIN_RECORDS {
        let owed = (0..8).map(|seat| (wallet_id(seat), SHARE));
        let event = Event::Settled(dinner(merchant(), &number.to_string(), group_id(), owed));
        head = author.write(event).position;
    }
    author.commit();
    let (journal, topic) = (author.reader(), Topic::Wallet(wallet_id(0)));
    for _ in 0..count {
        let page = chain(&journal, topic, head, Position::NONE, CHAIN_RECORDS).expect("sound");
        assert_eq!(black_box(page).records.len(), CHAIN_RECORDS);
    }
}

/// From a caller's thread to a wallet's actor and back: two threads, so this one varies a little.
fn actor_round_trip(count: u64) {
    let engine = Engine::open(Config::in_memory()).expect("opens");
    let wallet = engine.open_wallet(author::name("Li Na"), Currency::CNY);
    let wallet = engine.block_on(wallet).expect("opens");
    for _ in 0..count {
        black_box(engine.block_on(engine.wallet(wallet)).expect("is there"));
    }
    engine.close_blocking();
}

fn main() {
    // Cargo says `--bench` to every benchmark.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [name, count] => {
            let step = STEPS.iter().find(|(known, _, _)| known == name);
            let (_, _, run) = step.unwrap_or_else(|| panic!("no step {name}"));
            run(count.parse().expect("a number of repetitions"));
        }
        [] | ["--list"] => {
            for (name, count, _) in STEPS {
                println!("{name} {count}");
            }
        }
        _ => panic!("instructions [--list | STEP COUNT]"),
    }
}
