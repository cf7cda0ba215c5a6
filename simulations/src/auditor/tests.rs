//! An honest journal passes; each way to tamper with it is named.

use std::sync::{Arc, OnceLock};

use fanju::{
    Config, Data, Engine, Presented,
    domain::{
        bill::Bill,
        event::{Consent, Rules, Source},
        order::RefundRequest,
        text::{Name, OrderNo, RefundNo},
    },
    id::{RequestId, WalletId},
    journal::MemoryStorage,
    money::{Amount, Currency},
};
use uuid::Uuid;

use super::*;

const SEGMENT: &str = "00000000000000000000.journal";

fn yuan(yuan: i64) -> Amount {
    Amount::from_minor(yuan * 100)
}

fn request(number: u128) -> RequestId {
    RequestId(Uuid::from_u128(number))
}

fn order_no(number: u64) -> OrderNo {
    OrderNo::new(format!("order {number}")).expect("fine")
}

/// Three diners pay two bills, get a part of the first one back; money comes, goes and moves.
async fn evening(engine: &Engine) -> Result<(), Box<dyn std::error::Error>> {
    let merchant = engine.onboard_merchant(Name::new("Noodles")?, Currency::CNY).await?;
    let mut diners = Vec::new();
    for number in 0..3 {
        let diner = engine.open_wallet(Name::new("Diner")?, Currency::CNY).await?;
        engine.top_up(diner, request(number), yuan(100)).await?;
        diners.push(diner);
    }
    let consent = Consent { cap: yuan(50), confirm_above: None };
    let group = engine
        .open_group(Name::new("Table")?, diners[0], consent, Currency::CNY, Rules::default())
        .await?;
    for diner in &diners[1..] {
        engine.invite(group, diners[0], *diner).await?;
        engine.join(group, *diner, consent).await?;
    }
    for number in 1..=2 {
        let code = engine.show_code(group, diners[0]).await?.code;
        let (order_no, currency) = (order_no(number), Currency::CNY);
        let bill = Bill { merchant, order_no, currency, total: yuan(60), lines: vec![] };
        assert!(matches!(engine.present(bill, code).await?, Presented::Settled(_)));
    }
    let (refund_no, amount) = (RefundNo::new("cold soup")?, Some(yuan(30)));
    let back = RefundRequest { order_no: order_no(1), refund_no, amount, diner: None };
    engine.refund(merchant, back).await?;
    engine.transfer(diners[0], diners[1], request(7), yuan(5), None).await?;
    engine.withdraw(diners[1], request(8), yuan(20)).await?;
    engine.pay_out(merchant, request(9), yuan(80)).await?;
    // Somebody closes an empty wallet, is given back what it had paid, and takes that out.
    engine.withdraw(diners[2], request(10), yuan(70)).await?;
    engine.close_wallet(diners[2]).await?;
    let (refund_no, amount) = (RefundNo::new("late")?, Some(yuan(10)));
    let diner = Some(diners[2]);
    let back = RefundRequest { order_no: order_no(2), refund_no, amount, diner };
    engine.refund(merchant, back).await?;
    engine.withdraw(diners[2], request(11), yuan(10)).await?;
    Ok(())
}

/// The evening's journal, and its records.
fn honest() -> &'static (MemoryStorage, Vec<Record>) {
    static HONEST: OnceLock<(MemoryStorage, Vec<Record>)> = OnceLock::new();
    HONEST.get_or_init(|| {
        let storage = MemoryStorage::new();
        let data = Data::Storage(Arc::new(storage.clone()));
        let engine = Engine::open(Config::new(data)).expect("opens");
        engine.block_on(evening(&engine)).expect("a fine evening");
        let reader = engine.journal();
        engine.close_blocking();
        let (mut batches, mut records) = (reader.batches(Position::NONE), Vec::new());
        while let Some(batch) = batches.next_batch().expect("intact") {
            let decode = |(position, payload)| codec::decode(position, payload).expect("intact");
            records.extend(batch.records().map(decode));
        }
        (storage, records)
    })
}

fn audit(records: &[Record], acknowledged: &[u64]) -> Audit {
    let lookup = |position| {
        let found = records.iter().find(|record| record.position == position);
        found.cloned().ok_or_else(|| format!("no record {position}"))
    };
    let mut auditor = Auditor::new();
    records.iter().for_each(|record| auditor.observe(record, &lookup));
    auditor.expect_positions(acknowledged);
    auditor.finish()
}

fn settled(records: &[Record]) -> Vec<usize> {
    let is_settled = |at: &usize| matches!(records[*at].event, Event::Settled(_));
    (0..records.len()).filter(is_settled).collect()
}

/// The one place that tampers: what was acknowledged is what honest records say.
#[track_caller]
fn check(tamper: impl FnOnce(&mut Vec<Record>), expected: &str) -> Audit {
    let (_, honest) = honest();
    let acknowledged: Vec<u64> =
        settled(honest).into_iter().map(|at| honest[at].position.0).collect();
    let mut records = honest.clone();
    tamper(&mut records);
    let audit = audit(&records, &acknowledged);
    let named = audit.reasons.iter().any(|reason| reason.contains(expected));
    assert!(named, "{expected:?} is not among {:#?}", audit.reasons);
    assert_eq!(audit.verdict, Verdict::Failed);
    audit
}

/// The first event that `pick` picks a part of.
fn edit<T>(records: &mut [Record], pick: impl Fn(&mut Event) -> Option<&mut T>) -> &mut T {
    records.iter_mut().find_map(|record| pick(&mut record.event)).expect("there is one")
}

fn settlement(event: &mut Event) -> Option<&mut fanju::domain::event::Settlement> {
    if let Event::Settled(settlement) = event { Some(settlement) } else { None }
}

fn refund(event: &mut Event) -> Option<&mut fanju::domain::event::Refund> {
    if let Event::Refunded(refund) = event { Some(refund) } else { None }
}

fn consent(event: &mut Event) -> Option<&mut Consent> {
    if let Event::MemberJoined { consent, .. } = event { Some(consent) } else { None }
}

/// Puts a copy of record `at` behind all others.
fn repeat(records: &mut Vec<Record>, at: usize) {
    let mut copy = records[at].clone();
    copy.position = Position(records.last().expect("some").position.0 + 1_000);
    records.push(copy);
}

#[test]
fn an_honest_journal_passes() {
    let (_, records) = honest();
    let acknowledged: Vec<u64> =
        settled(records).into_iter().map(|at| records[at].position.0).collect();
    let audit = audit(records, &acknowledged);
    assert_eq!((audit.verdict, audit.faults), (Verdict::Ok, 0), "{:#?}", audit.reasons);
    assert_eq!((audit.settlements, audit.refunds, audit.acknowledged), (2, 2, 2));
    assert_eq!((audit.wallets, audit.merchants, audit.groups), (3, 1, 1));
    assert_eq!(audit.merchants_total_minor, 0);
    assert_eq!(audit.wallets_total_minor, 12_000);
    assert_eq!(audit.money_delta_minor, 0);
}

#[test]
fn an_order_that_settles_twice_is_found() {
    check(|records| repeat(records, settled(records)[0]), "settled already at");
}

#[test]
fn a_lost_settlement_is_found() {
    let audit = check(|records| drop(records.remove(settled(records)[1])), "lost: the settlement");
    assert_eq!(audit.lost, 1);
}

#[test]
fn a_wallet_below_zero_is_found() {
    let tamper = |records: &mut Vec<Record>| {
        for record in records {
            if let Event::RailRequested(moved) | Event::RailConfirmed(moved) = &mut record.event
                && moved.request == request(2)
            {
                moved.amount = yuan(1);
            }
        }
    };
    let audit = check(tamper, "minor units free");
    assert_eq!((audit.negative_wallets, audit.money_delta_minor), (1, 0));
}

/// The wallet that is closed, and where its end stands.
fn closed(records: &[Record]) -> (WalletId, usize) {
    let wallet = |event: &Event| {
        if let Event::WalletClosed { wallet } = event { Some(*wallet) } else { None }
    };
    let found = records.iter().enumerate();
    let mut found = found.filter_map(|(at, record)| Some((wallet(&record.event)?, at)));
    found.next().expect("somebody closes a wallet")
}

#[test]
fn a_wallet_that_closes_with_money_is_found() {
    let empties = |records: &mut Vec<Record>| {
        let is_it = |record: &Record| {
            let Event::RailConfirmed(moved) = record.event else { return false };
            moved.request == request(10)
        };
        let at = records.iter().position(is_it).expect("emptied");
        let (_, end) = closed(records);
        let moved = records.remove(at);
        records.insert(end, moved);
    };
    check(empties, " closes with 7000");
}

#[test]
fn a_closed_wallet_that_pays_or_is_paid_is_found() {
    let ends_first = |records: &mut Vec<Record>, pays: bool| {
        let (gone, end) = closed(records);
        let record = records.remove(end);
        let given = |record: &Record| matches!(record.event, Event::Transferred { .. });
        let at = records.iter().position(given).expect("a transfer");
        let Event::Transferred { from, to, .. } = &mut records[at].event else { return };
        *(if pays { from } else { to }) = gone;
        records.insert(at, record);
    };
    check(|records| ends_first(records, false), " is paid although it is closed");
    check(|records| ends_first(records, true), " pays although it is closed");
    check(
        |records| {
            let (gone, end) = closed(records);
            let record = records.remove(end);
            let pays = |record: &Record| {
                let Event::Settled(settlement) = &record.event else { return false };
                settlement.legs.iter().any(|leg| leg.source == Source::Wallet(gone))
            };
            let at = records.iter().position(pays).expect("it dined");
            records.insert(at, record);
        },
        " pays although it is closed",
    );
}

#[test]
fn money_from_nowhere_is_found() {
    let tamper = |records: &mut Vec<Record>| {
        edit(records, settlement).legs[0].amount = Amount::from_minor(1_999);
    };
    let audit = check(tamper, "legs sum to 5999, not to 6000");
    assert_eq!(audit.money_delta_minor, 1);
}

#[test]
fn shares_that_are_not_the_bill_are_found() {
    let tamper = |records: &mut Vec<Record>| {
        edit(records, settlement).shares[1].owed = Amount::from_minor(2_001);
    };
    check(tamper, "shares sum to 6001, not to 6000");
}

#[test]
fn a_stranger_who_pays_is_found() {
    let tamper = |records: &mut Vec<Record>| {
        let stranger = WalletId(Uuid::from_u128(1));
        edit(records, settlement).legs[0].source = Source::Wallet(stranger);
    };
    check(tamper, "is no member of group");
}

#[test]
fn a_share_above_the_cap_is_found() {
    check(|records| edit(records, consent).cap = yuan(39), "has paid 4000 with a cap of 3900");
}

#[test]
fn whoever_had_to_be_asked_and_was_not_is_found() {
    let tamper = |records: &mut Vec<Record>| {
        edit(records, consent).confirm_above = Some(Amount::from_minor(1_999));
    };
    check(tamper, "pays 2000 and was not asked");
    let exactly = |records: &mut Vec<Record>| {
        edit(records, consent).confirm_above = Some(Amount::from_minor(2_000));
        edit(records, consent).cap = yuan(39);
    };
    let audit = check(exactly, "with a cap of 3900");
    assert_eq!(audit.faults, 1, "{:#?}", audit.reasons);
}

#[test]
fn a_refund_beyond_what_was_paid_is_found() {
    let tamper = |records: &mut Vec<Record>| {
        let refund = edit(records, refund);
        refund.amount = yuan(61);
        refund.legs[0].amount = yuan(41);
    };
    check(tamper, "gets back 2100 more than was paid");
}

#[test]
fn a_refund_that_happens_twice_is_found() {
    let tamper = |records: &mut Vec<Record>| {
        let at = records.iter().position(|record| matches!(record.event, Event::Refunded(_)));
        repeat(records, at.expect("there is one"));
    };
    check(tamper, "refund cold soup happens twice");
}

#[test]
fn a_broken_chain_is_found() {
    let tamper = |records: &mut Vec<Record>| {
        let at = settled(records)[1];
        records[at].prevs[0] = Position(1);
    };
    check(tamper, "links to 1, its last record is");
}

#[test]
fn money_that_the_bank_was_never_asked_for_is_found() {
    let tamper = |records: &mut Vec<Record>| {
        let at = records.iter().position(|record| matches!(record.event, Event::RailConfirmed(_)));
        repeat(records, at.expect("there is one"));
    };
    check(tamper, "which was not asked");
}

#[test]
fn records_out_of_order_are_found() {
    check(|records| records.swap(3, 4), "stands behind record");
}

#[test]
fn acknowledgements_are_looked_for_by_name() {
    let (_, records) = honest();
    let at = settled(records)[0];
    let Event::Settled(paid) = &records[at].event else { unreachable!("settled") };
    let (merchant, position) = (paid.merchant, records[at].position);
    let acks = [
        Ack { merchant, order_no: order_no(1), position },
        Ack { merchant, order_no: order_no(1), position: Position(position.0 + 1) },
        Ack { merchant, order_no: order_no(3), position },
    ];
    let mut auditor = Auditor::new();
    records.iter().for_each(|record| auditor.observe(record, &|_| Err("unused".into())));
    auditor.expect_acks(&acks);
    assert_eq!(auditor.finish().lost, 2);
}

#[test]
fn a_damaged_journal_is_a_clear_fault() {
    let (honest, records) = honest();
    let storage = MemoryStorage::new();
    let mut bytes = honest.content(SEGMENT).expect("one segment");
    storage.replace(SEGMENT, Some(bytes.clone()));
    let data = Data::Storage(Arc::new(storage.clone()));
    let engine = Engine::open(Config::new(data)).expect("opens");
    let reader = engine.journal();
    let flipped = usize::try_from(records[9].position.0).expect("small") + 20;
    bytes[flipped] ^= 4;
    engine.close_blocking();
    storage.replace(SEGMENT, Some(bytes));
    let data = Data::Storage(Arc::new(storage));
    let refused = Engine::open(Config::new(data)).err().expect("damaged");
    assert!(format!("{:#}", anyhow::Error::new(refused)).contains("damaged"));
    // The reader's files are the old ones: intact.
    assert_eq!(Auditor::read(&reader).finish().verdict, Verdict::Ok);
}
