//! Waterfalls once more, through a payment: it asks one source after the other, learns from each how far
//! it reaches, and ends with the parts that the vectors expect.

use std::collections::{BTreeMap, VecDeque};

use fanju::{
    domain::{
        bill::Bill,
        event::{Consent, Rules, Source, Sources},
        group::{Group, Member},
        payment::{Action, Missing, Payment, Verdict},
        text::{Name, OrderNo},
    },
    id::{GroupId, MerchantId, PresentationId},
    limits,
    money::{Amount, Currency},
    time::Timestamp,
};
use serde_json::Value;
use uuid::Uuid;

use super::{Balances, MissingFunds, Ran, Tally, UNBOUNDED, account, array, vectors, wallet};

#[test]
fn waterfalls_of_numscript_as_bills() {
    let Some(vectors) = vectors("waterfall_allotment_numscript.json") else { return };
    Tally::of("waterfall_allotment_numscript.json bills", &vectors["cases"], bill_of)
        .runs_at_least(22);
}

/// One diner's bill, which is paid from what the case sends from.
fn bill_of(case: &Value) -> Ran {
    let [send] = array(&case["send"]) else { return Err("sends twice: a bill is paid once") };
    let mut balances = Balances::new();
    for balance in array(&case["balances"]) {
        balances.insert(account(balance), balance["amount"].as_i64().expect("an integer"));
    }
    let mut sources = Vec::new();
    waterfall(&balances, &send["source"], &mut sources)?;
    let reach: Vec<i64> = sources.iter().map(|(_, reach)| *reach).collect();
    let total = if send["amount"] == "all" {
        reach.iter().sum()
    } else {
        send["amount"].as_i64().ok_or("an amount of more than 64 bits: not offered")?
    };
    if !(1..=limits::AMOUNT_MINOR_MAX).contains(&total) {
        return Err("sends nothing, or more than a bill may be");
    }
    if case["expect"]["error"] == "missing_funds" {
        assert!(pay(total, &reach).is_err(), "{case}");
        return Ok(());
    }
    let mut expected = BTreeMap::<&str, i64>::new();
    for posting in array(&case["expect"]["postings"]) {
        let source = posting["source"].as_str().expect("text");
        *expected.entry(source).or_default() += posting["amount"].as_i64().expect("an integer");
    }
    if expected.values().sum::<i64>() < total {
        return Err("keeps a part: a bill is paid whole");
    }
    let parts = pay(total, &reach).unwrap_or_else(|MissingFunds| panic!("{case}"));
    let parts = sources.iter().zip(parts).filter(|(_, part)| *part > 0);
    let paid: BTreeMap<&str, i64> =
        parts.map(|((source, _), part)| (source.as_str(), part)).collect();
    assert_eq!(paid, expected, "{case}");
    Ok(())
}

/// The accounts of `source` in order, with how far each reaches.
fn waterfall(
    balances: &Balances,
    source: &Value,
    into: &mut Vec<(String, i64)>,
) -> Result<(), &'static str> {
    if let Some(sources) = source["inorder"].as_array() {
        return sources.iter().try_for_each(|source| waterfall(balances, source, into));
    }
    if source.get("allotment").is_some() {
        return Err("an allotment: nobody's sources have one");
    }
    let (max, plain) = match source["max"].as_i64() {
        Some(max) => (max.max(0), &source["from"]),
        None => (i64::MAX, source),
    };
    let name = account(plain);
    if into.iter().any(|(other, _)| *other == name) {
        return Err("names one account twice: everybody's sources are named once");
    }
    let overdraft = &plain["overdraft"];
    let has = if name == "world" || overdraft == "unbounded" {
        UNBOUNDED
    } else {
        let balance = balances.get(&name).copied().unwrap_or_default();
        (balance + overdraft.as_i64().unwrap_or_default().max(0)).max(0)
    };
    into.push((name, has.min(max)));
    Ok(())
}

/// What a diner's sources, which reach so far, have given in the end towards a bill of `total`.
pub(crate) fn pay(total: i64, reach: &[i64]) -> Result<Vec<i64>, MissingFunds> {
    let cap = Amount::from_minor(limits::AMOUNT_MINOR_MAX);
    let consent = Consent { cap, confirm_above: None };
    let (diner, never) = (wallet(0), Timestamp(1));
    let (id, name) = (GroupId(Uuid::nil()), Name::new("waterfall").expect("a name"));
    let group = Group::open(id, name, diner, consent, Currency::EUR, Rules::default());
    let bill = Bill {
        merchant: MerchantId(Uuid::nil()),
        order_no: OrderNo::new("1").expect("an order number"),
        currency: Currency::EUR,
        total: Amount::from_minor(total),
        lines: Vec::new(),
    };
    let numbers = 1..=reach.len();
    let sources =
        |_: &Member| -> Sources { numbers.clone().map(wallet).map(Source::Wallet).collect() };
    let presentation = PresentationId(Uuid::nil());
    let begun = Payment::begin_from(sources, &group, bill, presentation, never, never);
    let (mut payment, step) = begun.expect("a bill that fits");
    let (mut actions, mut verdict) = (VecDeque::from_iter(step.actions), step.verdict);
    while let Some(action) = actions.pop_front() {
        let Action::Reserve { ask, source, amount } = action else { continue };
        let at = numbers.clone().position(|number| wallet(number) == source.wallet());
        let has = reach[at.expect("one of them is asked")];
        if amount.minor() <= has {
            verdict = payment.reserved(ask);
        } else {
            let has = Amount::from_minor(has);
            let step = payment.missing(ask, Missing::Short { has });
            actions.extend(step.actions);
            verdict = step.verdict;
        }
    }
    let settlement = match verdict {
        Verdict::Settle(settlement) => settlement,
        Verdict::Decline(_) => return Err(MissingFunds),
        Verdict::Waiting => panic!("everybody has answered"),
    };
    let of = |number| {
        let legs =
            settlement.legs.iter().filter(|leg| leg.source == Source::Wallet(wallet(number)));
        legs.map(|leg| leg.amount.minor()).sum()
    };
    Ok(numbers.clone().map(of).collect())
}
