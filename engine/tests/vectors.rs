//! Published vectors: what other people's tests expect, run against the rules that we offer.
//!
//! The files lie outside the repository, in the folder that `FANJU_SHARED` names, or else in
//! `shared` beside the checkout. Without them these tests pass, and say so. Every case is run or
//! skipped for a stated reason, and the number that runs may not shrink unnoticed.

#[path = "vectors/paid.rs"]
mod paid;

use std::{collections::BTreeMap, fs, path::PathBuf};

use fanju::{
    domain::{
        bill::{Bill, Line},
        event::Rules,
        funding::{self, Source},
        split::{Claim, Diner, Part, Rest, Split, Weight, apportion, divide, divide_refund},
        text::{Name, OrderNo},
    },
    id::{MerchantId, WalletId},
    money::{Amount, Currency},
};
use serde_json::Value;
use uuid::Uuid;

/// A case ran, or was skipped for this reason.
type Ran = Result<(), &'static str>;

/// What became of the cases of one list.
struct Tally {
    list: &'static str,
    run: usize,
    skipped: BTreeMap<&'static str, usize>,
}

impl Tally {
    fn of(list: &'static str, cases: &Value, mut case: impl FnMut(&Value) -> Ran) -> Self {
        let mut tally = Self { list, run: 0, skipped: BTreeMap::new() };
        for value in array(cases) {
            match case(value) {
                Ok(()) => tally.run += 1,
                Err(reason) => *tally.skipped.entry(reason).or_default() += 1,
            }
        }
        tally
    }

    #[track_caller]
    fn runs_at_least(self, expected: usize) {
        eprintln!("{}: {} run", self.list, self.run);
        for (reason, cases) in &self.skipped {
            eprintln!("{}: {cases} skipped: {reason}", self.list);
        }
        assert!(self.run >= expected, "{}: only {} of {expected} ran", self.list, self.run);
    }
}

fn vectors(file: &str) -> Option<Value> {
    let shared = std::env::var_os("FANJU_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"), Into::into);
    let path = shared.join("vectors").join(file);
    match fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).expect("vectors are JSON")),
        Err(error) => {
            eprintln!("SKIPPED: vectors, not in this repository: {}: {error}", path.display());
            None
        }
    }
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn integers(value: &Value) -> Vec<i64> {
    array(value).iter().map(|number| number.as_i64().expect("an integer")).collect()
}

fn minors(amounts: &[Amount]) -> Vec<i64> {
    amounts.iter().map(|amount| amount.minor()).collect()
}

fn amounts(minors: &[i64]) -> Vec<Amount> {
    minors.iter().copied().map(Amount::from_minor).collect()
}

fn wallet(seat: usize) -> WalletId {
    WalletId(Uuid::from_u128(u128::try_from(seat).expect("a seat")))
}

/// Divides by the product's door, with ties to the earlier seat, as the vectors have them.
fn seated(total: i64, lines: &[i64], seats: usize, rules: &Rules) -> Result<Vec<i64>, String> {
    let diner = |seat| Diner { wallet: wallet(seat), carry_micro: 0 };
    let diners: Vec<Diner> = (0..seats).map(diner).collect();
    let name = Name::new("item").expect("a name");
    let line = |&minor: &i64| Line { name: name.clone(), amount: Amount::from_minor(minor) };
    let bill = |number: u64| Bill {
        merchant: MerchantId(Uuid::nil()),
        order_no: OrderNo::new(number.to_string()).expect("an order number"),
        currency: Currency::EUR,
        total: Amount::from_minor(total),
        lines: lines.iter().map(line).collect(),
    };
    let turns = u64::try_from(seats.max(1)).expect("a count");
    let unrotated = (0..).map(bill).find(|bill| bill.id() % turns == 0).expect("one in `turns`");
    let dues = divide(&unrotated, &diners, rules).map_err(|error| error.to_string())?;
    Ok(dues.iter().map(|due| due.amount.minor()).collect())
}

fn weights(weights: &[i64]) -> Option<Vec<Weight>> {
    let part = |(seat, &weight): (usize, &i64)| {
        Some(Weight { diner: wallet(seat), weight: u32::try_from(weight).ok()? })
    };
    weights.iter().enumerate().map(part).collect()
}

fn parts(minors: &[i64]) -> Vec<Part> {
    let part = |(seat, &minor)| Part { diner: wallet(seat), amount: Amount::from_minor(minor) };
    minors.iter().enumerate().map(part).collect()
}

/// A fraction "2/7" or a decimal "0.05".
fn fraction(text: &str) -> Option<(i128, i128)> {
    let (number, by) = text.split_once('/').unwrap_or((text, "1"));
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let scale = 10_i128.pow(u32::try_from(decimals.len()).ok()?);
    let numerator = format!("{whole}{decimals}").parse().ok()?;
    Some((numerator, by.parse::<i128>().ok()?.checked_mul(scale)?))
}

/// Fractions brought to integers over one denominator, which is given as well.
fn over_one_denominator(fractions: &[(i128, i128)]) -> (Vec<i64>, i64) {
    fn gcd(one: i128, other: i128) -> i128 {
        if other == 0 { one } else { gcd(other, one % other) }
    }
    let common = fractions.iter().fold(1, |common, &(_, by)| common / gcd(common, by) * by);
    let integer = |&(number, by): &(i128, i128)| i64::try_from(number * (common / by));
    let numerators = fractions.iter().map(integer).collect::<Result<_, _>>();
    (numerators.expect("small numerators"), i64::try_from(common).expect("a small denominator"))
}

fn ratios(case: &Value) -> Vec<(i128, i128)> {
    let ratio = |ratio: &Value| fraction(ratio.as_str().expect("text")).expect("a fraction");
    array(&case["ratios"]).iter().map(ratio).collect()
}

#[test]
fn allocations_of_the_rules_we_offer() {
    let Some(vectors) = vectors("allocation.json") else { return };
    Tally::of("allocation.json cases", &vectors["cases"], allocation).runs_at_least(116);
    Tally::of("allocation.json error_cases", &vectors["error_cases"], allocation_error)
        .runs_at_least(13);
    Tally::of(
        "allocation.json as bills whose rest is in proportion",
        &vectors["cases"],
        in_proportion,
    )
    .runs_at_least(47);
}

fn allocation(case: &Value) -> Ran {
    let expected = integers(&case["expected"]);
    let total = case["amount"].as_i64().expect("an integer");
    let (ratios, _) = over_one_denominator(&ratios(case));
    let step = case["cash_step"].as_i64();
    // Where all weigh the same, the rules that prefer the earlier party are one rule.
    let equal = ratios.windows(2).all(|pair| pair[0] == pair[1]);
    match case["rule"].as_str().expect("a rule") {
        "largest_remainder" | "largest_remainder_floor" => {}
        "floor_to_first" | "floor_to_first_all" | "largest_ratio" if equal && total > 0 => {}
        "floor_to_first" | "floor_to_first_all" => return allotment(total, step, &ratios, case),
        "capped_max_amounts" => {
            let caps = amounts(&integers(&case["caps"]));
            let capped = Amount::from_minor(total).min(caps.iter().copied().sum());
            let shares = divide_refund(capped, &caps, 0).expect("it is within the caps");
            assert_eq!(minors(&shares), expected, "{case}");
            return Ok(());
        }
        "largest_ratio" => return Err("odd units to the largest weights: not offered"),
        "floor_separate" | "block_separate" => return Err("leaves a rest: the till needs it all"),
        "cascade_from_last" => return Err("rounds one after the other: not offered"),
        "roundrobin_reverse" => return Err("odd units to the last: not offered"),
        other => panic!("{other} is new"),
    }
    if step.is_none() {
        let shares = apportion(Amount::from_minor(total), &amounts(&ratios), 0);
        assert_eq!(shares.map(|shares| minors(&shares)), Ok(expected.clone()), "{case}");
    }
    let cash_step = Amount::from_minor(step.unwrap_or_default());
    if let Some(parts) = weights(&ratios).filter(|_| (1..1_000_000_000_000).contains(&total)) {
        let rules = Rules { split: Split::Weights { parts }, cash_step, ..Rules::default() };
        assert_eq!(seated(total, &[], expected.len(), &rules), Ok(expected.clone()), "{case}");
        if equal {
            let rules = Rules { cash_step, ..Rules::default() };
            assert_eq!(seated(total, &[], expected.len(), &rules), Ok(expected), "{case}");
        }
    }
    Ok(())
}

/// Who had one line each pays for tax, tip or discount in proportion to it, and so the whole by ratio. No
/// published itemised bill says so: those that have a rest share it equally.
fn in_proportion(case: &Value) -> Ran {
    let expected = integers(&case["expected"]);
    let total = case["amount"].as_i64().expect("an integer");
    let (lines, _) = over_one_denominator(&ratios(case));
    let sum: i64 = lines.iter().sum();
    match case["rule"].as_str().expect("a rule") {
        "largest_remainder" | "largest_remainder_floor" => {}
        _ => return Err("not by largest remainders: bills are"),
    }
    if total <= 0 {
        return Err("a bill of nothing or less: we refuse");
    }
    if total == sum {
        return Err("the lines are the bill: nothing is above or below them");
    }
    let claim = |line: u16| Claim { line, diner: wallet(usize::from(line)), weight: 1 };
    let count = u16::try_from(lines.len()).expect("few lines");
    let split =
        Split::Itemised { claims: (0..count).map(claim).collect(), rest: Rest::InProportion };
    let cash_step = Amount::from_minor(case["cash_step"].as_i64().unwrap_or_default());
    let rules = Rules { split, cash_step, ..Rules::default() };
    assert_eq!(seated(total, &lines, lines.len(), &rules), Ok(expected), "{case}");
    Ok(())
}

fn allotment(total: i64, step: Option<i64>, ratios: &[i64], case: &Value) -> Ran {
    if total < 0 {
        return Err("allots less than nothing: we cut towards less, they towards nothing");
    }
    if step.is_some() {
        return Err("allots in steps of cash: bills have steps, allotments have none");
    }
    let portions: Vec<u64> = ratios.iter().map(|&ratio| ratio.unsigned_abs()).collect();
    let parts = funding::allot(Amount::from_minor(total), &portions);
    let parts = parts.map(|parts| minors(&parts));
    assert_eq!(parts, Ok(integers(&case["expected"])), "{case}");
    Ok(())
}

fn allocation_error(case: &Value) -> Ran {
    if case["expect"].as_str().is_none() {
        return Err("gives shares where the other libraries, and we, give an error");
    }
    let input = &case["input"];
    let total = input["amount"].as_i64().expect("an integer");
    if let Some(parts) = input["parts"].as_i64() {
        let seats =
            usize::try_from(parts).map_err(|_| "a negative number of diners has no type")?;
        assert!(seated(total, &[], seats, &Rules::default()).is_err(), "{case}");
        return Ok(());
    }
    let (ratios, denominator) = over_one_denominator(&ratios(input));
    if ratios.contains(&i64::MAX) {
        return Err("the sum overflows 64 bits: ours has 128");
    }
    if denominator > 1 {
        let basis_points: Vec<i64> =
            ratios.iter().map(|ratio| ratio * 10_000 / denominator).collect();
        let parts = weights(&basis_points).expect("small");
        let rules = Rules { split: Split::Percent { parts }, ..Rules::default() };
        assert!(seated(total, &[], ratios.len(), &rules).is_err(), "{case}");
    } else {
        assert!(apportion(Amount::from_minor(total), &amounts(&ratios), 0).is_err(), "{case}");
    }
    Ok(())
}

#[test]
fn largest_remainders_are_the_textbooks_and_refunds_do_not_inherit_their_paradox() {
    let Some(vectors) = vectors("apportionment_paradox.json") else { return };
    let case = |case: &Value| {
        let total = case["amount"].as_i64().expect("an integer");
        let (ratios, expected) = (integers(&case["ratios"]), integers(&case["expected"]));
        let shares = apportion(Amount::from_minor(total), &amounts(&ratios), 0);
        assert_eq!(shares.map(|shares| minors(&shares)), Ok(expected.clone()));
        let split = Split::Weights { parts: weights(&ratios).expect("small") };
        let rules = Rules { split, ..Rules::default() };
        assert_eq!(seated(total, &[], ratios.len(), &rules), Ok(expected.clone()));
        refund_unit_by_unit(&expected);
        Ok(())
    };
    Tally::of("apportionment_paradox.json", &vectors["cases"], case).runs_at_least(7);
}

/// Gives back one unit at a time, which meets every paradoxical pair of totals on the way.
fn refund_unit_by_unit(paid: &[i64]) {
    let mut remaining = amounts(paid);
    for unit in 0..paid.iter().sum() {
        let seed = u64::try_from(unit).expect("positive");
        let back = divide_refund(Amount::from_minor(1), &remaining, seed).expect("it remains");
        for (left, back) in remaining.iter_mut().zip(back) {
            assert!((Amount::ZERO..=*left).contains(&back));
            *left = left.checked_sub(back).expect("within 64 bits");
        }
    }
    assert!(remaining.iter().all(|left| *left == Amount::ZERO));
}

#[test]
fn shares_of_one_bill() {
    let Some(vectors) = vectors("split_settle.json") else { return };
    Tally::of("split_settle.json shares", &vectors["shares"], share).runs_at_least(17);
    Tally::of("split_settle.json itemised", &vectors["itemised"], itemised).runs_at_least(5);
    Tally::of("split_settle.json mixed_legs", &vectors["mixed_legs"], mixed_legs).runs_at_least(9);
    for later in ["balances", "settle_plans", "recurrence_next", "recurrence_anchored"] {
        eprintln!("split_settle.json {later}: skipped: about what comes after the bill");
    }
}

/// Compares by whichever expectation the case has.
#[track_caller]
fn expect(case: &Value, names: &[&String], outcome: Result<Vec<i64>, String>) {
    if !case["expect_error"].is_null() {
        assert!(outcome.is_err(), "{case}: {outcome:?}");
        return;
    }
    let mut shares = outcome.unwrap_or_else(|error| panic!("{case}: {error}"));
    if let Some(expected) = case["expected"].as_object() {
        let by_name: BTreeMap<&String, i64> = names.iter().copied().zip(shares).collect();
        let expected: BTreeMap<&String, i64> = expected
            .iter()
            .map(|(name, minor)| (name, minor.as_i64().expect("an integer")))
            .collect();
        assert_eq!(by_name, expected, "{case}");
    } else if let Some(sum) = case["expected_sum"].as_i64() {
        assert_eq!(shares.iter().sum::<i64>(), sum, "{case}");
        assert!(shares.iter().all(|&share| share == 0 || (share > 0) == (sum > 0)), "{case}");
    } else {
        shares.sort_unstable();
        assert_eq!(shares, integers(&case["expected_sorted"]), "{case}");
    }
}

fn share(case: &Value) -> Ran {
    let total = case["amount"].as_i64().expect("an integer");
    let by_name = case["weights"].as_object().expect("weights by name");
    let mut names: Vec<&String> = by_name.keys().collect();
    let mut numbers: Vec<i64> =
        by_name.values().map(|weight| weight.as_i64().expect("an integer")).collect();
    if let (true, Value::String(payer)) = (names.is_empty(), &case["payer"]) {
        names.push(payer);
        numbers.push(1);
    }
    if names.is_empty() {
        return Err("nobody to pay: we refuse");
    }
    if total < 0 {
        let shares = apportion(Amount::from_minor(total), &amounts(&numbers), 0);
        expect(case, &names, shares.map(|shares| minors(&shares)).map_err(|e| e.to_string()));
        return Ok(());
    }
    let sum: i64 = numbers.iter().sum();
    let refused = !case["expect_error"].is_null();
    let weighing = || weights(&numbers).expect("small");
    let split = match case["mode"].as_str().expect("a mode") {
        "EVENLY" if numbers.iter().all(|&number| number == 1) => Split::Equal,
        "EVENLY" | "BY_SHARES" => Split::Weights { parts: weighing() },
        "BY_PERCENTAGE" if sum != 10_000 => return Err("percentages short of 100 %: we refuse"),
        "BY_PERCENTAGE" => Split::Percent { parts: weighing() },
        "BY_AMOUNT" if sum != total && !refused => {
            return Err("amounts short of the bill: we refuse");
        }
        "BY_AMOUNT" => Split::Exact { parts: parts(&numbers) },
        "ADJUSTMENT" => Split::FixedPlusRest { parts: parts(&numbers) },
        other => panic!("{other} is new"),
    };
    let rules = Rules { split, ..Rules::default() };
    expect(case, &names, seated(total, &[], names.len(), &rules));
    Ok(())
}

fn itemised(case: &Value) -> Ran {
    let total = case["amount"].as_i64().expect("an integer");
    if total < 0 {
        return Err("a bill below nothing is a refund, and has no lines");
    }
    let named: Vec<String> = array(&case["members"])
        .iter()
        .map(|name| name.as_str().expect("a name").to_owned())
        .collect();
    let names: Vec<&String> = named.iter().collect();
    let items = array(&case["items"]);
    let lines: Vec<i64> =
        items.iter().map(|item| item["amount"].as_i64().expect("an integer")).collect();
    if lines.iter().sum::<i64>() > total {
        return Err("lines above the bill: theirs is an error, ours a discount");
    }
    let claims = (0..).zip(items).flat_map(|(line, item)| {
        let by_name = item["weights"].as_object().expect("weights by name");
        let claim = |(name, weight): (&String, &Value)| Claim {
            line,
            diner: wallet(named.iter().position(|member| member == name).expect("a member")),
            weight: u32::try_from(weight.as_u64().expect("positive")).expect("small"),
        };
        by_name.iter().map(claim).collect::<Vec<_>>()
    });
    let claims: Vec<Claim> = claims.collect();
    // Those that have a rest state that it is spread equally. Without one, both rules are to agree.
    let rests: &[Rest] = match lines.iter().sum::<i64>() == total {
        true => &[Rest::Equally, Rest::InProportion],
        false => &[Rest::Equally],
    };
    for &rest in rests {
        let split = Split::Itemised { claims: claims.clone(), rest };
        let rules = Rules { split, ..Rules::default() };
        expect(case, &names, seated(total, &lines, names.len(), &rules));
    }
    Ok(())
}

/// Fixed and percentage legs are sources with a limit; the one that takes what is left has none.
fn mixed_legs(case: &Value) -> Ran {
    let total = case["amount"].as_i64().expect("an integer");
    let legs: Vec<(String, &str, &Value)> = array(&case["legs"])
        .iter()
        .map(|leg| {
            let text = |at: usize| leg[at].as_str().expect("text");
            (text(0).to_owned(), text(1), &leg[2])
        })
        .collect();
    let names: Vec<&String> = legs.iter().map(|(name, ..)| name).collect();
    let mut basis_points = Vec::new();
    for (_, kind, value) in &legs {
        if *kind == "percent" {
            let (number, by) = fraction(value.as_str().expect("text"))
                .ok_or("a percentage that is no number has no type")?;
            basis_points.push(i64::try_from(number * 100 / by).expect("small"));
        }
    }
    if basis_points.len() == legs.len() {
        let parts = weights(&basis_points).expect("small");
        let rules = Rules { split: Split::Percent { parts }, ..Rules::default() };
        expect(case, &names, seated(total, &[], legs.len(), &rules));
        return Ok(());
    }
    if legs.iter().all(|(_, kind, _)| *kind == "fixed") {
        let fixed: Vec<i64> = legs.iter().map(|leg| leg.2.as_i64().expect("an integer")).collect();
        let rules = Rules { split: Split::Exact { parts: parts(&fixed) }, ..Rules::default() };
        expect(case, &names, seated(total, &[], legs.len(), &rules));
        return Ok(());
    }
    let available = Amount::from_minor(total);
    let mut percents = basis_points.into_iter().map(|part| {
        let split = [part, 10_000 - part].map(Amount::from_minor);
        apportion(available, &split, 0).expect("some of 100 %")[0]
    });
    let mut order: Vec<usize> = (0..legs.len()).collect();
    order.sort_by_key(|&leg| legs[leg].1 == "left");
    let limits: Vec<Option<Amount>> = legs
        .iter()
        .map(|(_, kind, value)| match *kind {
            "fixed" => Some(Amount::from_minor(value.as_i64().expect("an integer"))),
            "percent" => Some(percents.next().expect("one for each")),
            _ => None,
        })
        .collect();
    let sources: Vec<Source> =
        order.iter().map(|&leg| Source { available, max: limits[leg] }).collect();
    let plan = funding::plan(available, &sources).expect("the last takes all");
    let mut shares = vec![0; legs.len()];
    let reach: Vec<i64> = sources.iter().map(|source| source.gives().minor()).collect();
    assert_eq!(paid::pay(total, &reach).ok(), Some(minors(&plan)), "{case}");
    order.iter().zip(plan).for_each(|(&leg, part)| shares[leg] = part.minor());
    expect(case, &names, Ok(shares));
    Ok(())
}

#[test]
fn waterfalls_and_allotments_of_numscript() {
    let Some(vectors) = vectors("waterfall_allotment_numscript.json") else { return };
    Tally::of("waterfall_allotment_numscript.json", &vectors["cases"], numscript).runs_at_least(39);
}

/// Above every balance, yet far from overflow: what the world, or an unbounded overdraft, has.
const UNBOUNDED: i64 = i64::MAX / 4;

/// Sources could not give the amount.
#[derive(Debug)]
struct MissingFunds;

type Balances = BTreeMap<String, i64>;

/// What each account gives or gets, in order; no account: kept.
type Flow = Vec<(Option<String>, i64)>;

fn numscript(case: &Value) -> Ran {
    let mut balances: Balances = BTreeMap::new();
    for balance in array(&case["balances"]) {
        let minor = balance["amount"].as_i64().expect("an integer");
        balances.insert(account(balance), minor);
    }
    let mut postings = Vec::new();
    for send in array(&case["send"]) {
        if send["amount"].is_f64() {
            return Err("an amount of more than 64 bits: not offered");
        }
        match transfer(&mut balances, send) {
            Ok(more) => postings.extend(more),
            Err(MissingFunds) => {
                assert_eq!(case["expect"]["error"], "missing_funds", "{case}");
                return Ok(());
            }
        }
    }
    let posting = |posting: &Value| {
        let text = |key: &str| posting[key].as_str().expect("text").to_owned();
        (text("source"), text("destination"), posting["amount"].as_i64().expect("an integer"))
    };
    let expected = case["expect"]["postings"].as_array().unwrap_or_else(|| panic!("{case}"));
    assert_eq!(postings, expected.iter().map(posting).collect::<Vec<_>>(), "{case}");
    Ok(())
}

fn account(node: &Value) -> String {
    node["account"].as_str().expect("an account").to_owned()
}

/// One send: draws from the sources, and posts to the destinations in the order of both.
fn transfer(
    balances: &mut Balances,
    send: &Value,
) -> Result<Vec<(String, String, i64)>, MissingFunds> {
    let (source, destination) = (&send["source"], &send["destination"]);
    let reach = reach(balances, source)?;
    let total = send["amount"].as_i64().unwrap_or(reach);
    plan(total, &[bounded(reach)])?;
    let mut givers = draw(balances, source, total)?.into_iter();
    let mut postings = Vec::new();
    let mut giver = givers.next();
    for (to, mut wanted) in spread(destination, total) {
        while wanted > 0 {
            let (from, has) = giver.as_mut().expect("what is drawn is what is spread");
            let from = from.clone().expect("givers are accounts");
            let part = wanted.min(*has);
            (wanted, *has) = (wanted - part, *has - part);
            let used_up = *has == 0;
            *balances.entry(to.clone().unwrap_or_else(|| from.clone())).or_default() += part;
            postings.extend(to.clone().map(|to| (from, to, part)));
            if used_up {
                giver = givers.next();
            }
        }
    }
    Ok(postings)
}

fn bounded(available: i64) -> Source {
    Source { available: Amount::from_minor(available), max: None }
}

fn plan(total: i64, sources: &[Source]) -> Result<Vec<i64>, MissingFunds> {
    let parts = funding::plan(Amount::from_minor(total), sources).map_err(|_| MissingFunds)?;
    Ok(minors(&parts))
}

/// The most that `source` can give.
fn reach(balances: &Balances, source: &Value) -> Result<i64, MissingFunds> {
    if source.get("allotment").is_some() {
        return Ok(UNBOUNDED);
    }
    let given = draw(&mut balances.clone(), source, UNBOUNDED)?;
    Ok(given.iter().map(|(_, part)| part).sum::<i64>().min(UNBOUNDED))
}

/// Takes up to `limit`, and from an allotment exactly that.
fn draw(balances: &mut Balances, source: &Value, limit: i64) -> Result<Flow, MissingFunds> {
    let mut flow: Flow = Vec::new();
    if let Some(sources) = source["inorder"].as_array() {
        // A source is only asked once those before it have given all: each sees what they leave.
        let mut after = balances.clone();
        let mut give = Vec::new();
        for source in sources {
            give.push(bounded(reach(&after, source)?));
            draw(&mut after, source, UNBOUNDED)?;
        }
        let all: i64 =
            give.iter().fold(0, |sum, source| sum.saturating_add(source.gives().minor()));
        for (source, part) in sources.iter().zip(plan(limit.min(all), &give)?) {
            flow.extend(draw(balances, source, part)?);
        }
    } else if let Some(portions) = source["allotment"].as_array() {
        for (portion, part) in portions.iter().zip(allot(limit, portions)) {
            let given = draw(balances, &portion["from"], part)?;
            let sum = given.iter().map(|(_, part)| part).sum();
            plan(part, &[bounded(sum)])?;
            flow.extend(given);
        }
    } else if let Some(max) = source["max"].as_i64() {
        let inner = Source { max: Some(Amount::from_minor(max)), ..bounded(limit) };
        flow = draw(balances, &source["from"], inner.gives().minor())?;
    } else {
        let name = account(source);
        let balance = balances.entry(name.clone()).or_default();
        let overdraft = &source["overdraft"];
        let has = if name == "world" || overdraft == "unbounded" {
            UNBOUNDED
        } else {
            *balance + overdraft.as_i64().unwrap_or_default().max(0)
        };
        let part = Source { max: Some(Amount::from_minor(limit)), ..bounded(has) }.gives().minor();
        *balance -= part;
        flow.push((Some(name), part));
    }
    flow.retain(|(_, part)| *part > 0);
    flow.dedup_by(|next, one| {
        let same = next.0 == one.0;
        one.1 += if same { next.1 } else { 0 };
        same
    });
    Ok(flow)
}

/// Who gets which part of `total`.
fn spread(destination: &Value, total: i64) -> Flow {
    if destination == "kept" {
        return vec![(None, total)];
    }
    if let Some(portions) = destination["allotment"].as_array() {
        let parts = portions.iter().zip(allot(total, portions));
        return parts.flat_map(|(portion, part)| spread(&portion["to"], part)).collect();
    }
    let Some(limited) = destination["inorder"].as_array() else {
        return vec![(Some(account(destination)), total)];
    };
    let takes = |to: &Value| Source {
        max: Some(Amount::from_minor(to["max"].as_i64().expect("an integer"))),
        ..bounded(total)
    };
    let takers: Vec<Source> = limited.iter().map(takes).chain([bounded(total)]).collect();
    let tos = limited.iter().map(|to| &to["to"]).chain([&destination["remaining"]]);
    let parts = plan(total, &takers).expect("the last takes all");
    tos.zip(parts).flat_map(|(to, part)| spread(to, part)).collect()
}

/// `total` by the portions of an allotment; "remaining" is what the others leave of the whole.
fn allot(total: i64, portions: &[Value]) -> Vec<i64> {
    let text = |portion: &Value| portion["portion"].as_str().expect("text").to_owned();
    let remaining = portions.iter().position(|portion| text(portion) == "remaining");
    let fractions: Vec<(i128, i128)> =
        portions.iter().map(|portion| fraction(&text(portion)).unwrap_or((0, 1))).collect();
    let (mut numerators, whole) = over_one_denominator(&fractions);
    if let Some(at) = remaining {
        numerators[at] = whole - numerators.iter().sum::<i64>();
    }
    assert_eq!(numerators.iter().sum::<i64>(), whole, "portions are the whole");
    let portions: Vec<u64> = numerators.iter().map(|part| part.unsigned_abs()).collect();
    minors(&funding::allot(Amount::from_minor(total), &portions).expect("somebody has a portion"))
}
