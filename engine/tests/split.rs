//! Splitting: bill, diners and rules → dues or a reason; then what holds of every split.

use fanju::{
    domain::{
        bill::{Bill, Line},
        event::{Rounding, Rules},
        split::{
            ApportionError, Claim, Diner, Due, Part, RefundError, Rest, Split, Weight, apportion,
            divide, divide_refund,
        },
        text::{Name, OrderNo},
    },
    id::{MerchantId, WalletId},
    money::{Amount, Currency},
};
use proptest::{collection::vec, prelude::*, sample::Index};
use uuid::Uuid;

fn wallet(number: u128) -> WalletId {
    WalletId(Uuid::from_u128(number))
}

fn amount(minor: i64) -> Amount {
    Amount::from_minor(minor)
}

fn diners(wallets: impl IntoIterator<Item = u128>) -> Vec<Diner> {
    wallets.into_iter().map(|number| Diner { wallet: wallet(number), carry_micro: 0 }).collect()
}

fn bill(total: i64, lines: &[i64]) -> Bill {
    numbered(total, lines, "0")
}

fn numbered(total: i64, lines: &[i64], order_no: &str) -> Bill {
    let name = Name::new("dish").expect("a name");
    Bill {
        merchant: MerchantId(Uuid::from_u128(7)),
        order_no: OrderNo::new(order_no).expect("an order number"),
        currency: Currency::CNY,
        total: amount(total),
        lines: lines
            .iter()
            .map(|&line| Line { name: name.clone(), amount: amount(line) })
            .collect(),
    }
}

/// A bill whose ties begin with the first of `diners` by wallet.
fn unrotated(total: i64, lines: &[i64], diners: usize) -> Bill {
    let diners = u64::try_from(diners.max(1)).expect("a count");
    (0..)
        .map(|number| numbered(total, lines, &number.to_string()))
        .find(|bill| bill.id() % diners == 0)
        .expect("one order number in `diners` is a multiple")
}

fn weights(parts: &[(u128, u32)]) -> Vec<Weight> {
    parts.iter().map(|&(diner, weight)| Weight { diner: wallet(diner), weight }).collect()
}

fn parts(parts: &[(u128, i64)]) -> Vec<Part> {
    parts
        .iter()
        .map(|&(diner, minor)| Part { diner: wallet(diner), amount: amount(minor) })
        .collect()
}

fn claims(claims: &[(u16, u128, u32)]) -> Vec<Claim> {
    let claim = |&(line, diner, weight)| Claim { line, diner: wallet(diner), weight };
    claims.iter().map(claim).collect()
}

fn itemised(list: &[(u16, u128, u32)]) -> Split {
    Split::Itemised { claims: claims(list), rest: Rest::InProportion }
}

fn treat(payer: u128, guests: &[u128], of: Split) -> Split {
    let guests = guests.iter().copied().map(wallet).collect();
    Split::Treat { payer: wallet(payer), guests, of: Box::new(of) }
}

fn amounts(dues: &[Due]) -> Vec<i64> {
    dues.iter().map(|due| due.amount.minor()).collect()
}

/// The one door: `total` and `lines` split among wallets 1 to `seats`, ties to the first.
#[track_caller]
fn check(
    (total, lines): (i64, &[i64]),
    seats: u128,
    rules: &Rules,
    expected: Result<&[i64], &str>,
) {
    let diners = diners(1..=seats);
    let bill = unrotated(total, lines, diners.len());
    let outcome = divide(&bill, &diners, rules).map(|dues| amounts(&dues));
    let expected = expected.map(<[i64]>::to_vec).map_err(str::to_owned);
    assert_eq!(outcome.map_err(|error| error.to_string()), expected);
}

fn by(split: Split) -> Rules {
    Rules { split, ..Rules::default() }
}

#[test]
fn an_odd_cent_falls_on_one_diner() {
    check((10_000, &[]), 3, &by(Split::Equal), Ok(&[3_334, 3_333, 3_333]));
    check((8_600, &[]), 1, &by(Split::Equal), Ok(&[8_600]));
    check((1, &[]), 3, &by(Split::Equal), Ok(&[1, 0, 0]));
}

#[test]
fn the_odd_cent_begins_at_another_seat_for_another_bill() {
    let diners = diners(1..=3);
    let payers = (0..60).map(|number| {
        let bill = numbered(100, &[], &format!("order {number}"));
        let dues = divide(&bill, &diners, &Rules::default()).expect("it divides");
        dues.iter().position(|due| due.amount == amount(34)).expect("somebody pays it")
    });
    let mut paid = [0; 3];
    payers.for_each(|seat| paid[seat] += 1);
    assert!(paid.iter().all(|&times| times >= 10), "{paid:?}");
}

#[test]
fn weights_are_proportional_and_who_is_not_named_pays_nothing() {
    let split = Split::Weights { parts: weights(&[(3, 2), (1, 1)]) };
    check((100, &[]), 3, &by(split), Ok(&[33, 0, 67]));
    let split = Split::Weights { parts: weights(&[(1, u32::MAX), (2, u32::MAX), (3, 1)]) };
    let most = 10_000_000_000_000;
    check((most, &[]), 3, &by(split), Ok(&[4_999_999_999_418, 4_999_999_999_418, 1_164]));
}

#[test]
fn weights_that_weigh_nothing_are_refused() {
    let split = Split::Weights { parts: weights(&[(1, 0), (2, 0)]) };
    check((100, &[]), 2, &by(split), Err("weights sum to zero"));
    check((100, &[]), 2, &by(Split::Weights { parts: vec![] }), Err("weights sum to zero"));
}

#[test]
fn percentages_are_the_whole_or_say_what_is_missing() {
    let percent = |parts| by(Split::Percent { parts: weights(parts) });
    check((250, &[]), 3, &percent(&[(1, 2_000), (2, 3_000), (3, 5_000)]), Ok(&[50, 75, 125]));
    check(
        (250, &[]),
        2,
        &percent(&[(1, 5_050), (2, 5_000)]),
        Err("percentages are 0.50 % above 100 %"),
    );
    check((250, &[]), 2, &percent(&[(1, 9_999)]), Err("percentages are 0.01 % short of 100 %"));
}

#[test]
fn exact_shares_are_the_bill_or_say_what_is_missing() {
    let exact = |list| by(Split::Exact { parts: parts(list) });
    check((8_600, &[]), 3, &exact(&[(1, 8_000), (3, 600)]), Ok(&[8_000, 0, 600]));
    check((8_600, &[]), 2, &exact(&[(1, 8_000), (2, 563)]), Err("shares are 0.37 short of 86.00"));
    check((8_600, &[]), 2, &exact(&[(1, 8_700)]), Err("shares are 1.00 above 86.00"));
    let negative = format!("the part of diner {} is negative", wallet(2));
    check((8_600, &[]), 2, &exact(&[(1, 8_700), (2, -100)]), Err(&negative));
}

#[test]
fn the_rest_above_fixed_parts_is_equal() {
    let fixed = |list| by(Split::FixedPlusRest { parts: parts(list) });
    check((10_000, &[]), 3, &fixed(&[(2, 4_000)]), Ok(&[2_000, 6_000, 2_000]));
    check((10_000, &[]), 2, &fixed(&[(1, 4_000), (2, 6_000)]), Ok(&[4_000, 6_000]));
    check(
        (10_000, &[]),
        2,
        &fixed(&[(1, 4_000), (2, 6_050)]),
        Err("fixed parts are 0.50 above 100.00"),
    );
}

#[test]
fn tax_and_tip_follow_the_lines_in_proportion_and_are_rounded_once() {
    // Lines 30.00 and 10.00, 6.00 of tax and tip: 15 % of each.
    check((4_600, &[3_000, 1_000]), 2, &by(itemised(&[(0, 1, 1), (1, 2, 1)])), Ok(&[3_450, 1_150]));
    // Two lines of 50.00, each by three: 33.33 and a third, not 16.67 twice.
    let claimed = [(0, 1, 1), (0, 2, 1), (0, 3, 1), (1, 1, 1), (1, 2, 1), (1, 3, 1)];
    check((10_000, &[5_000, 5_000]), 3, &by(itemised(&claimed)), Ok(&[3_334, 3_333, 3_333]));
    // A discount follows as well.
    check((2_000, &[3_000, 1_000]), 2, &by(itemised(&[(0, 1, 1), (1, 2, 1)])), Ok(&[1_500, 500]));
}

#[test]
fn tax_and_tip_may_be_spread_equally_instead() {
    let rest = Rest::Equally;
    let split = Split::Itemised { claims: claims(&[(0, 1, 1), (1, 2, 1)]), rest };
    check((4_600, &[3_000, 1_000]), 2, &by(split), Ok(&[3_300, 1_300]));
}

#[test]
fn unclaimed_lines_are_everybodys() {
    check((4_000, &[3_000, 1_000]), 2, &by(itemised(&[(1, 2, 3)])), Ok(&[1_500, 2_500]));
}

#[test]
fn rebates_lower_a_share_but_never_below_nothing() {
    check((700, &[500, 400, -200]), 2, &by(itemised(&[(0, 1, 1), (1, 2, 1), (2, 2, 1)])), {
        Ok(&[500, 200])
    });
    let negative = format!("diner {} would owe less than nothing", wallet(2));
    check((300, &[500, -200]), 2, &by(itemised(&[(0, 1, 1), (1, 2, 1)])), Err(&negative));
    // Lines that cancel are in proportion to nothing: the total is everybody's.
    check((300, &[100, -100]), 2, &by(itemised(&[(0, 1, 1), (1, 2, 1)])), Ok(&[250, 50]));
    check((300, &[-100]), 2, &by(itemised(&[(0, 1, 1)])), Ok(&[100, 200]));
}

#[test]
fn claims_without_a_common_denominator_still_sum() {
    // Sixty primes: their product leaves 127 bits long before the last.
    let primes = (2..300_u32).filter(|&n| (2..n).all(|divisor| n % divisor != 0)).take(60);
    let claimed: Vec<_> = (0..)
        .zip(primes)
        .flat_map(|(line, prime)| [(line, 1, 1), (line, 2, prime - 1), (line, 3, 0)])
        .collect();
    let lines = [99_991; 60];
    let total = lines.iter().sum::<i64>() + 1_234_567;
    let bill = bill(total, &lines);
    let dues = divide(&bill, &diners(1..=3), &by(itemised(&claimed))).expect("it divides");
    // Σ 99,991/p over the first sixty primes, and its part of the tax, is 241,846.6.
    assert_eq!(dues[0].amount, amount(241_847));
    assert_eq!(dues[2].amount, Amount::ZERO);
    assert_eq!(amounts(&dues).iter().sum::<i64>(), total);
}

#[test]
fn claims_that_fit_no_line_or_diner_are_refused() {
    let refused = |list, why: &str| check((500, &[500]), 2, &by(itemised(list)), Err(why));
    check((500, &[]), 2, &by(itemised(&[])), Err("bill has no lines to share"));
    refused(&[(1, 1, 1)], "line 1 is claimed, but the bill has 1");
    refused(&[(0, 1, 0), (0, 2, 0)], "claims on line 0 weigh nothing");
    refused(&[(0, 9, 1)], &format!("{} is not among the diners", wallet(9)));
    refused(&[(0, 1, 1), (0, 1, 2)], &format!("diner {} claims line 0 twice", wallet(1)));
}

#[test]
fn a_treat_is_rounded_once_for_whoever_pays() {
    // Two of three shares of 1.00: 66.67, not 34 + 33.
    check((200, &[]), 3, &by(treat(1, &[2], Split::Equal)), Ok(&[133, 0, 67]));
    check((100, &[]), 3, &by(treat(3, &[], Split::Equal)), Ok(&[0, 0, 100]));
    let fixed = Split::FixedPlusRest { parts: parts(&[(2, 40)]) };
    check((100, &[]), 3, &by(treat(1, &[2], fixed)), Ok(&[80, 0, 20]));
}

#[test]
fn a_payer_who_owes_nothing_may_still_treat() {
    let split = Split::Weights { parts: weights(&[(2, 1), (3, 1)]) };
    check((100, &[]), 3, &by(treat(1, &[2], split)), Ok(&[50, 0, 50]));
}

#[test]
fn treats_that_make_no_sense_are_refused() {
    let nested = treat(1, &[], treat(2, &[], Split::Equal));
    check((100, &[]), 3, &by(nested), Err("a treat cannot contain another treat"));
    let unknown = format!("{} is not among the diners", wallet(9));
    check((100, &[]), 3, &by(treat(9, &[], Split::Equal)), Err(&unknown));
    check((100, &[]), 3, &by(treat(1, &[9], Split::Equal)), Err(&unknown));
    let twice = format!("diner {} is named twice in the split", wallet(2));
    check((100, &[]), 3, &by(treat(1, &[2, 2], Split::Equal)), Err(&twice));
}

#[test]
fn cash_is_paid_in_whole_steps() {
    let cash = |split| Rules { split, cash_step: amount(5), ..Rules::default() };
    check((10_000, &[]), 3, &cash(Split::Equal), Ok(&[3_335, 3_335, 3_330]));
    let split = Split::Weights { parts: weights(&[(1, 1), (2, 2), (3, 3), (4, 7)]) };
    check((10_000, &[]), 4, &cash(split), Ok(&[770, 1_540, 2_305, 5_385]));
    check((10_002, &[]), 3, &cash(Split::Equal), {
        Err("total is 0.02 above 100.00, the nearest multiple of the cash step below it")
    });
    let exact = Split::Exact { parts: parts(&[(1, 52), (2, 48)]) };
    let off = format!(
        "the part of diner {} is 0.02 above 0.50, the nearest multiple of the cash step below it",
        wallet(1)
    );
    check((100, &[]), 2, &cash(exact), Err(&off));
}

#[test]
fn tables_that_cannot_be_are_refused() {
    let equal = by(Split::Equal);
    let refused = |bill: &Bill, diners: &[Diner], why: &str| {
        let error = divide(bill, diners, &equal).expect_err("it is refused");
        assert_eq!(error.to_string(), why);
    };
    refused(&bill(100, &[]), &[], "nobody is there to pay");
    let twice = diners([3, 1, 2, 1]);
    refused(&bill(100, &[]), &twice, &format!("diner {} is listed twice", wallet(1)));
    refused(&bill(100, &[]), &diners(0..1_001), "more than 1000 diners share the bill");
    let range = "total must be between 1 and 10000000000000 minor units";
    refused(&bill(0, &[]), &diners(1..=2), range);
    refused(&bill(-5, &[]), &diners(1..=2), range);
    refused(&bill(i64::MAX, &[]), &diners(1..=2), range);
}

#[test]
fn a_fair_cent_falls_on_who_was_spared_before() {
    let rules = Rules { rounding: Rounding::FairCent, ..Rules::default() };
    let table = [(1, -666_667), (2, 333_333), (3, 333_334)]
        .map(|(number, carry_micro)| Diner { wallet: wallet(number), carry_micro });
    let dues = divide(&unrotated(100, &[], 3), &table, &rules).expect("it divides");
    let expected = [(33, 333_334), (33, 333_333), (34, -666_667)]
        .map(|(minor, carry_micro)| Due { amount: amount(minor), carry_micro });
    assert_eq!(dues, expected);
}

/// The worst memory of six diners, in millionths, after 10,000 dinners to which each comes six
/// times in ten; `weigh` says how heavy somebody is whose dice show a number below a hundred.
fn worst_carry(weigh: impl Fn(u64) -> u32) -> i64 {
    const SEATS: usize = 6;
    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    let mut roll = |sides: u64| {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        chance % sides
    };
    let (mut carries, mut worst) = ([0_i64; SEATS], 0);
    for dinner in 0..10_000 {
        let seats: Vec<usize> = (0..SEATS).filter(|_| roll(10) < 6).collect();
        let diner = |&seat: &usize| Diner {
            wallet: wallet(u128::try_from(seat).expect("a seat")),
            carry_micro: carries[seat],
        };
        let diners: Vec<Diner> = seats.iter().map(diner).collect();
        let weight = |diner: &Diner| Weight { diner: diner.wallet, weight: weigh(roll(100)) };
        let split = Split::Weights { parts: diners.iter().map(weight).collect() };
        let rules = Rules { split, rounding: Rounding::FairCent, ..Rules::default() };
        let total = i64::try_from(1 + roll(100_000)).expect("small");
        // Nobody came, or nobody weighs anything: no dinner.
        let Ok(dues) = divide(&numbered(total, &[], &dinner.to_string()), &diners, &rules) else {
            continue;
        };
        for (seat, due) in seats.into_iter().zip(dues) {
            carries[seat] += due.carry_micro;
            worst = worst.max(carries[seat].abs());
        }
        assert_eq!(carries.iter().sum::<i64>(), 0);
    }
    worst
}

#[test]
fn fair_cents_stay_bounded_over_ten_thousand_dinners() {
    let (equal, weighed) =
        (worst_carry(|_| 1), worst_carry(|roll| u32::try_from(roll / 9).unwrap()));
    eprintln!("worst carry in millionths: {equal} by equal shares, {weighed} by weights");
    assert!(equal.max(weighed) < 6_000_000);
}

#[test]
fn apportioning_breaks_ties_from_its_seed_on() {
    let shares = |minor, weights: &[i64], seed| {
        let weights: Vec<Amount> = weights.iter().copied().map(amount).collect();
        let shares = apportion(amount(minor), &weights, seed)?;
        Ok(shares.into_iter().map(Amount::minor).collect::<Vec<_>>())
    };
    assert_eq!(shares(100, &[1, 1, 1], 0), Ok(vec![34, 33, 33]));
    assert_eq!(shares(100, &[1, 1, 1], 5), Ok(vec![33, 33, 34]));
    assert_eq!(shares(-5, &[7, 3], 0), Ok(vec![-3, -2]));
    assert_eq!(shares(i64::MIN, &[i64::MAX; 2], 0), Ok(vec![i64::MIN / 2; 2]));
    assert_eq!(shares(5, &[0, 0], 0), Err(ApportionError::NoWeight));
    assert_eq!(shares(5, &[], 0), Err(ApportionError::NoWeight));
    assert_eq!(shares(5, &[1, -1], 0), Err(ApportionError::WeightNegative { index: 1 }));
}

#[test]
fn refunds_beyond_what_remains_are_refused() {
    let refund = |minor, remaining: &[i64]| {
        let remaining: Vec<Amount> = remaining.iter().copied().map(amount).collect();
        divide_refund(amount(minor), &remaining, 0)
    };
    assert_eq!(refund(0, &[0, 0]), Ok(vec![Amount::ZERO; 2]));
    assert_eq!(refund(0, &[]), Ok(vec![]));
    let above = RefundError::AboveRemaining { amount: amount(5), remaining: amount(4) };
    assert_eq!(refund(5, &[4, 0]), Err(above));
    assert_eq!(refund(-1, &[4]), Err(RefundError::AmountNegative));
    assert_eq!(refund(1, &[4, -1]), Err(RefundError::RemainingNegative { line: 1 }));
    assert!(refund(i64::MAX, &[i64::MAX; 3]).is_ok());
}

/// A table of up to twelve, seated in any order, with memories.
fn any_table() -> impl Strategy<Value = Vec<Diner>> {
    vec(-3_000_000..3_000_000_i64, 1..=12).prop_flat_map(|carries| {
        let diner = |(number, carry_micro)| Diner { wallet: wallet(number), carry_micro };
        Just((1..).zip(carries).map(diner).collect::<Vec<_>>()).prop_shuffle()
    })
}

/// Any split of a bill of `total` with `lines`, that names only the diners 1 to `seats`.
fn any_plain_split(seats: usize, total: i64, lines: usize) -> BoxedStrategy<Split> {
    let weight = prop_oneof![3 => 0..5_u32, 1 => any::<u32>()];
    let named = move |weights: Vec<u32>| -> Vec<Weight> {
        let parts = (1..).zip(weights).filter(|&(_, weight)| weight % 7 != 6);
        parts.map(|(diner, weight)| Weight { diner: wallet(diner), weight }).collect()
    };
    let cut = move |cuts: Vec<Index>, whole: i64| -> Vec<i64> {
        let mut cuts: Vec<i64> = cuts
            .iter()
            .map(|cut| cut.index(usize::try_from(whole + 1).expect("fits")))
            .map(|cut| i64::try_from(cut).expect("fits"))
            .collect();
        cuts.sort_unstable();
        cuts.push(whole);
        let mut before = 0;
        cuts.iter().map(|&cut| cut - std::mem::replace(&mut before, cut)).collect()
    };
    let indices = move || vec(any::<Index>(), seats - 1);
    let amounts = |minors: Vec<i64>| -> Vec<Part> {
        (1..)
            .zip(minors)
            .map(|(diner, m)| Part { diner: wallet(diner), amount: amount(m) })
            .collect()
    };
    let percent = move |cuts| {
        let basis_points = cut(cuts, 10_000).into_iter();
        named(basis_points.map(|part| u32::try_from(part).expect("below 10,000")).collect())
    };
    let line = vec(weight.clone(), seats);
    let itemised = (vec(line, lines), any::<bool>()).prop_map(|(lines, equally)| {
        let claims = (0..).zip(lines).flat_map(|(line, weights)| {
            let claim = move |(diner, weight)| Claim { line, diner: wallet(diner), weight };
            (1..).zip(weights).filter(|&(_, weight)| weight > 0).map(claim)
        });
        let rest = if equally { Rest::Equally } else { Rest::InProportion };
        Split::Itemised { claims: claims.collect(), rest }
    });
    prop_oneof![
        Just(Split::Equal),
        vec(weight, seats).prop_map(move |all| Split::Weights { parts: named(all) }),
        indices().prop_map(move |cuts| Split::Percent { parts: percent(cuts) }),
        indices().prop_map(move |cuts| Split::Exact { parts: amounts(cut(cuts, total)) }),
        indices()
            .prop_map(move |cuts| Split::FixedPlusRest { parts: amounts(cut(cuts, total / 2)) }),
        itemised,
    ]
    .boxed()
}

fn any_split(seats: usize, total: i64, lines: usize) -> impl Strategy<Value = Split> {
    let plain = any_plain_split(seats, total, lines);
    let treat = (plain.clone(), any::<Index>(), vec(any::<bool>(), seats));
    prop_oneof![
        4 => plain,
        1 => treat.prop_map(move |(of, payer, guests)| {
            let guests = (1..).zip(guests).filter(|&(_, invited)| invited);
            Split::Treat {
                payer: wallet(u128::try_from(payer.index(seats) + 1).expect("a seat")),
                guests: guests.map(|(guest, _)| wallet(guest)).collect(),
                of: Box::new(of),
            }
        }),
    ]
}

fn any_dinner() -> impl Strategy<Value = (Bill, Vec<Diner>, Rules)> {
    let total = prop_oneof![1..50_i64, 1..200_000_i64, 1..=10_000_000_000_000_i64];
    let lines = vec(-50..20_000_i64, 0..6);
    (any_table(), total, lines, 0..1_000_u32, any::<bool>(), 1..4_i64).prop_flat_map(
        |(diners, total, lines, number, fair, step)| {
            let bill = numbered(total, &lines, &number.to_string());
            let rounding = if fair { Rounding::FairCent } else { Rounding::LargestRemainder };
            any_split(diners.len(), total, lines.len()).prop_map(move |split| {
                let cash_step = amount(if total % step == 0 { step } else { 1 });
                let rules = Rules { split, rounding, cash_step, ..Rules::default() };
                (bill.clone(), diners.clone(), rules)
            })
        },
    )
}

/// Who can never owe anything, whatever the rounding.
fn weighs_nothing(rules: &Rules, diner: WalletId) -> bool {
    match &rules.split {
        Split::Weights { parts } | Split::Percent { parts } => {
            !parts.iter().any(|part| part.diner == diner && part.weight > 0)
        }
        Split::Exact { parts } => {
            !parts.iter().any(|part| part.diner == diner && part.amount.is_positive())
        }
        Split::Treat { payer, guests, .. } => {
            *payer != diner && (guests.is_empty() || guests.contains(&diner))
        }
        Split::Equal | Split::FixedPlusRest { .. } | Split::Itemised { .. } => false,
    }
}

/// A split whose parts name anybody, weigh anything, and overlap.
fn any_nonsense() -> impl Strategy<Value = Split> {
    let who = || (0..6_u128).prop_map(wallet);
    let weighed = || {
        let weight = (who(), any::<u32>()).prop_map(|(diner, weight)| Weight { diner, weight });
        vec(weight, 0..5)
    };
    let priced = || {
        let part =
            (who(), any::<i64>()).prop_map(|(diner, minor)| Part { diner, amount: amount(minor) });
        vec(part, 0..5)
    };
    let claim = (0..4_u16, who(), any::<u32>()).prop_map(|(line, diner, weight)| Claim {
        line,
        diner,
        weight,
    });
    let plain = prop_oneof![
        Just(Split::Equal),
        weighed().prop_map(|parts| Split::Weights { parts }),
        weighed().prop_map(|parts| Split::Percent { parts }),
        priced().prop_map(|parts| Split::Exact { parts }),
        priced().prop_map(|parts| Split::FixedPlusRest { parts }),
        vec(claim, 0..6).prop_map(|claims| Split::Itemised { claims, rest: Rest::Equally }),
    ];
    plain.prop_recursive(3, 4, 1, move |of| {
        (who(), vec(who(), 0..4), of).prop_map(|(payer, guests, of)| Split::Treat {
            payer,
            guests,
            of: Box::new(of),
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever is asked, the answer is exact or an error in words.
    #[test]
    fn nonsense_is_answered_calmly(
        (total, lines) in (any::<i64>(), vec(any::<i64>(), 0..4)),
        small in any::<bool>(),
        seats in vec((0..6_u128, any::<i64>()), 0..6),
        (split, fair, step) in (any_nonsense(), any::<bool>(), any::<i64>()),
    ) {
        let within = |minor: i64| if small { minor % 10_000_000_000_000 } else { minor };
        let lines: Vec<i64> = lines.into_iter().map(within).collect();
        let bill = bill(within(total), &lines);
        let diner = |(number, carry_micro)| Diner { wallet: wallet(number), carry_micro };
        let diners: Vec<Diner> = seats.into_iter().map(diner).collect();
        let rounding = if fair { Rounding::FairCent } else { Rounding::LargestRemainder };
        let cash_step = amount(if step % 2 == 0 { step } else { step % 3 });
        match divide(&bill, &diners, &Rules { split, rounding, cash_step, ..Rules::default() }) {
            Ok(dues) => {
                prop_assert_eq!(dues.iter().map(|due| due.amount).sum::<Amount>(), bill.total);
            }
            Err(error) => {
                let text = error.to_string();
                prop_assert!(!text.is_empty() && !text.ends_with('.'));
            }
        }
    }

    /// By weight, everybody pays the exact share, cut or raised to a whole unit; and by largest
    /// remainder nobody is raised before somebody with a larger fraction.
    #[test]
    fn dues_are_within_one_unit_of_the_exact_share(
        diners in any_table(),
        weights in vec(0..50_i64, 12),
        total in 1..1_000_000_i64,
        fair in any::<bool>(),
    ) {
        let part = |(diner, &weight): (&Diner, &i64)| Weight {
            diner: diner.wallet,
            weight: u32::try_from(weight).expect("small"),
        };
        let split = Split::Weights { parts: diners.iter().zip(&weights).map(part).collect() };
        let rounding = if fair { Rounding::FairCent } else { Rounding::LargestRemainder };
        let rules = Rules { split, rounding, ..Rules::default() };
        let whole: i64 = weights.iter().take(diners.len()).sum();
        prop_assume!(whole > 0);
        let dues = divide(&bill(total, &[]), &diners, &rules).expect("it divides");
        let (mut least_raised, mut most_cut) = (i64::MAX, 0);
        for (due, weight) in dues.iter().zip(&weights) {
            let (cut, fraction) = (total * weight / whole, total * weight % whole);
            match due.amount.minor() - cut {
                0 => most_cut = most_cut.max(fraction),
                1 => least_raised = least_raised.min(fraction),
                off => prop_assert!(false, "off by {}", off),
            }
            if fair {
                let exact_micro = i128::from(total * weight) * 1_000_000 / i128::from(whole);
                let charged_micro = i128::from(due.amount.minor()) * 1_000_000;
                let off = i128::from(due.carry_micro) - (exact_micro - charged_micro);
                prop_assert!((0..=1).contains(&off), "carry is off by {}", off);
            }
        }
        prop_assert!(fair || most_cut <= least_raised);
    }

    #[test]
    fn dues_sum_to_the_bill_and_nobody_pays_less_than_nothing(
        (bill, diners, rules) in any_dinner()
    ) {
        let Ok(dues) = divide(&bill, &diners, &rules) else { return Ok(()) };
        prop_assert_eq!(dues.len(), diners.len());
        prop_assert_eq!(dues.iter().map(|due| due.amount).sum::<Amount>(), bill.total);
        prop_assert_eq!(dues.iter().map(|due| due.carry_micro).sum::<i64>(), 0);
        let unit = 1_000_000 * rules.cash_step.minor();
        for (diner, due) in diners.iter().zip(&dues) {
            prop_assert!(due.amount >= Amount::ZERO);
            prop_assert_eq!(due.amount.minor() % rules.cash_step.minor(), 0);
            prop_assert!(due.carry_micro.abs() <= unit);
            prop_assert!(rules.rounding == Rounding::FairCent || due.carry_micro == 0);
            if weighs_nothing(&rules, diner.wallet) {
                prop_assert_eq!(*due, Due::default());
            }
        }
    }

    #[test]
    fn nobodys_due_depends_on_who_is_listed_first(
        ((bill, diners, rules), order) in any_dinner()
            .prop_flat_map(|dinner| {
                let seats: Vec<usize> = (0..dinner.1.len()).collect();
                (Just(dinner), Just(seats).prop_shuffle())
            })
    ) {
        let moved: Vec<Diner> = order.iter().map(|&seat| diners[seat]).collect();
        let mut reversed = rules.clone();
        reverse(&mut reversed.split);
        let dues = divide(&bill, &diners, &rules);
        let expected = dues.map(|dues| order.iter().map(|&seat| dues[seat]).collect::<Vec<_>>());
        match (divide(&bill, &moved, &reversed), expected) {
            (Ok(dues), Ok(expected)) => prop_assert_eq!(dues, expected),
            (dues, expected) => prop_assert_eq!(dues.is_err(), expected.is_err()),
        }
    }

    /// The two paths of an equal split, and weights that are all the same, agree.
    #[test]
    fn equal_weights_are_an_equal_split(diners in any_table(), total in 1..1_000_000_i64) {
        let bill = bill(total, &[]);
        let part = |diner: &Diner| Weight { diner: diner.wallet, weight: 3 };
        let weights = Split::Weights { parts: diners.iter().map(part).collect() };
        let equal = divide(&bill, &diners, &by(Split::Equal));
        prop_assert_eq!(divide(&bill, &diners, &by(weights)), equal.clone());
        let nobody = diners[0].wallet;
        let alone = Split::Treat { payer: nobody, guests: vec![nobody], of: Box::default() };
        prop_assert_eq!(divide(&bill, &diners, &by(alone)), equal);
    }

    /// Dishes that everybody shares, claimed or not, are an equal split, ties and tip included:
    /// nothing is rounded on the way.
    #[test]
    fn shared_dishes_are_an_equal_split(
        diners in any_table(),
        lines in vec((1..10_000_i64, any::<bool>()), 1..8),
        (tip, number) in (0..1_000_i64, 0..100_u32),
    ) {
        let prices: Vec<i64> = lines.iter().map(|&(price, _)| price).collect();
        let claims = (0..).zip(&lines).filter(|(_, (_, claimed))| *claimed).flat_map(|(line, _)| {
            let claim = move |diner: &Diner| Claim { line, diner: diner.wallet, weight: 5 };
            diners.iter().map(claim)
        });
        let shared = Split::Itemised { claims: claims.collect(), rest: Rest::InProportion };
        let total = prices.iter().sum::<i64>() + tip;
        let bill = numbered(total, &prices, &number.to_string());
        let equal = divide(&bill, &diners, &by(Split::Equal));
        prop_assert_eq!(divide(&bill, &diners, &by(shared)), equal);
    }

    /// Dishes claimed by one each, and nothing on top, are exact shares.
    #[test]
    fn own_dishes_are_own_shares(lines in vec(1..100_000_i64, 1..12)) {
        let total = lines.iter().sum();
        let own = |(line, diner)| (line, diner, 1);
        let list: Vec<_> = (0..).zip(1..).map(own).take(lines.len()).collect();
        let diners = diners((1..).take(lines.len()));
        let dues = divide(&bill(total, &lines), &diners, &by(itemised(&list)));
        prop_assert_eq!(dues.map(|dues| amounts(&dues)), Ok(lines));
    }

    /// partial refunds never take back, never give too much, and end at zero.
    #[test]
    fn refunds_by_what_remains_give_everybody_exactly_the_payment_back(
        mut remaining in vec(0..5_000_i64, 1..9),
        refunds in vec((1..4_000_i64, any::<u64>()), 0..20),
    ) {
        let refund = |minor: i64, seed: u64, remaining: &mut Vec<i64>| {
            let lines: Vec<Amount> = remaining.iter().copied().map(amount).collect();
            let back = divide_refund(amount(minor), &lines, seed).expect("it remains");
            prop_assert_eq!(back.iter().copied().sum::<Amount>(), amount(minor));
            for (left, back) in remaining.iter_mut().zip(back) {
                prop_assert!((0..=*left).contains(&back.minor()));
                *left -= back.minor();
            }
            Ok(())
        };
        for (minor, seed) in refunds {
            refund(minor.min(remaining.iter().sum()), seed, &mut remaining)?;
        }
        refund(remaining.iter().sum(), 0, &mut remaining)?;
        prop_assert!(remaining.iter().all(|&left| left == 0));
    }
}

fn reverse(split: &mut Split) {
    match split {
        Split::Equal => {}
        Split::Weights { parts } | Split::Percent { parts } => parts.reverse(),
        Split::Exact { parts } | Split::FixedPlusRest { parts } => parts.reverse(),
        Split::Itemised { claims, .. } => claims.reverse(),
        Split::Treat { guests, of, .. } => {
            guests.reverse();
            reverse(of);
        }
    }
}
