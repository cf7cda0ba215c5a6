//! Refunds: partial ones sum exactly, per order, per diner and per source, and never go beyond.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

use fanju::{
    domain::{
        event::{Event, Leg, Settlement, Share, Source},
        merchant::Merchant,
        order::{Order, RefundDecision, RefundRejection, RefundRequest},
    },
    id::{GroupId, MerchantId, Position, WalletId},
    ledger::FundsRejection,
    limits,
    money::{Amount, Currency},
};
use proptest::prelude::*;
use uuid::Uuid;

fn minor(minor: i64) -> Amount {
    Amount::from_minor(minor)
}

fn wallet(number: usize) -> WalletId {
    WalletId(Uuid::from_u128(u128::try_from(number).unwrap() + 1))
}

/// An order whose diners owed these shares; the diners of `covered` were paid for by the first.
fn order(shares: &[i64], covered: &[usize]) -> Order {
    let share = |(number, owed): (usize, &i64)| Share {
        diner: wallet(number),
        owed: minor(*owed),
        confirmed: false,
        carry_micro: 0,
    };
    let leg = |(number, owed): (usize, &i64)| Leg {
        share: u16::try_from(number).unwrap(),
        source: Source::Wallet(if covered.contains(&number) { wallet(0) } else { wallet(number) }),
        amount: minor(*owed),
    };
    let settlement = Settlement {
        merchant: MerchantId(Uuid::from_u128(500)),
        order_no: "A-1".try_into().unwrap(),
        group: GroupId(Uuid::from_u128(900)),
        bill: 7,
        content: 77,
        total: minor(shares.iter().sum()),
        shares: shares.iter().enumerate().map(share).collect(),
        legs: shares.iter().enumerate().map(leg).collect(),
    };
    Order::settled(settlement, Position(1))
}

fn request(number: usize, amount: Option<i64>, diner: Option<usize>) -> RefundRequest {
    RefundRequest {
        order_no: "A-1".try_into().unwrap(),
        refund_no: format!("R-{number}").as_str().try_into().unwrap(),
        amount: amount.map(minor),
        diner: diner.map(wallet),
    }
}

fn refund(order: &mut Order, asked: &RefundRequest) -> Result<Vec<(usize, i64)>, RefundRejection> {
    let RefundDecision::Fresh(refund) = order.decide_refund(asked)? else { panic!("repeated") };
    let parts = refund.legs.iter().map(|leg| (usize::from(leg.leg), leg.amount.minor())).collect();
    assert_eq!(
        refund.legs.iter().map(|leg| leg.amount.minor()).sum::<i64>(),
        refund.amount.minor()
    );
    order.apply(&refund, Position(9));
    Ok(parts)
}

#[test]
fn every_refusal_has_its_reason() {
    let mut paid = order(&[50, 30, 20], &[2]);
    let beyond = |asked, remaining| {
        Err(RefundRejection::BeyondRemainder { asked: minor(asked), remaining: minor(remaining) })
    };
    for bad in [0, -1, i64::MIN, limits::AMOUNT_MINOR_MAX + 1] {
        assert_eq!(
            refund(&mut paid, &request(1, Some(bad), None)),
            Err(RefundRejection::AmountOutOfRange)
        );
    }
    assert_eq!(refund(&mut paid, &request(1, Some(101), None)), beyond(101, 100));
    assert_eq!(refund(&mut paid, &request(1, Some(31), Some(1))), beyond(31, 30));
    assert_eq!(
        refund(&mut paid, &request(1, Some(1), Some(7))),
        Err(RefundRejection::UnknownDiner)
    );
    // A covered diner's share goes back to who paid it.
    assert_eq!(refund(&mut paid, &request(1, Some(20), Some(2))), Ok(vec![(2, 20)]));
    assert_eq!(paid.settlement.legs[2].source, Source::Wallet(wallet(0)));
    assert_eq!(refund(&mut paid, &request(2, None, Some(2))), beyond(0, 0));
    assert!(matches!(
        paid.decide_refund(&request(1, Some(20), Some(2))),
        Ok(RefundDecision::Repeated(_))
    ));
    for other in
        [request(1, Some(19), Some(2)), request(1, Some(20), None), request(1, None, Some(2))]
    {
        assert_eq!(paid.decide_refund(&other), Err(RefundRejection::RefundNoReused));
    }
    assert_eq!(refund(&mut paid, &request(3, None, None)), Ok(vec![(0, 50), (1, 30)]));
    assert_eq!(paid.refundable(), Amount::ZERO);
    assert_eq!(refund(&mut paid, &request(4, None, None)), beyond(0, 0));
    assert_eq!(refund(&mut paid, &request(4, Some(1), None)), beyond(1, 0));
}

#[test]
fn an_order_takes_a_bounded_number_of_refunds() {
    let mut paid = order(&[10_000], &[]);
    for number in 0..limits::ORDER_REFUNDS_MAX {
        refund(&mut paid, &request(number, Some(1), None)).unwrap();
    }
    let more = request(limits::ORDER_REFUNDS_MAX, Some(1), None);
    assert_eq!(paid.decide_refund(&more), Err(RefundRejection::TooManyRefunds));
    assert!(matches!(
        paid.decide_refund(&request(0, Some(1), None)),
        Ok(RefundDecision::Repeated(_))
    ));
}

proptest! {
    /// Against an independent computation: each part is its proportion of what is left, rounded down
    /// or up; nobody gets back more than he paid; and what adds up to everything gives everybody
    /// exactly his payment.
    #[test]
    fn partial_refunds_add_up_exactly(
        shares in prop::collection::vec(1..5_000_i64, 1..12),
        asked in prop::collection::vec((1..4_000_i64, prop::option::weighted(0.3, 0..12_usize)), 0..20),
    ) {
        let mut paid = order(&shares, &[]);
        let mut left = shares.clone();
        for (number, (amount, diner)) in asked.into_iter().enumerate() {
            let diner = diner.filter(|diner| *diner < shares.len());
            let open: Vec<i64> = left.iter().enumerate()
                .map(|(at, left)| if diner.is_none_or(|diner| diner == at) { *left } else { 0 })
                .collect();
            let total: i64 = open.iter().sum();
            let parts = refund(&mut paid, &request(number, Some(amount), diner));
            if amount > total {
                prop_assert!(parts.is_err());
                continue;
            }
            let mut given = 0;
            for (at, part) in parts.unwrap() {
                let floor = amount * open[at] / total;
                prop_assert!((floor..=floor + 1).contains(&part), "{part} of {}", open[at]);
                prop_assert!(part <= open[at]);
                left[at] -= part;
                given += part;
            }
            prop_assert_eq!(given, amount);
            let remaining: Vec<i64> = paid.remaining.iter().map(|left| left.minor()).collect();
            prop_assert_eq!(&remaining, &left);
        }
        if left.iter().sum::<i64>() > 0 {
            for (at, part) in refund(&mut paid, &request(1_000, None, None)).unwrap() {
                left[at] -= part;
            }
        }
        prop_assert!(left.iter().all(|left| *left == 0), "everybody has exactly his payment back");
    }
}

/// Two refunds whose digests are the same: whoever finds them sets money aside for one of them at a time.
#[test]
fn a_refund_on_its_way_is_not_replaced() {
    let order = order(&[100, 100], &[]);
    let shop = order.settlement.merchant;
    let mut merchant = Merchant::onboard(shop, "Noodles".try_into().unwrap(), Currency::CNY);
    merchant.apply(&Event::Settled(order.settlement.clone()), minor(200), Position(1));
    let RefundDecision::Fresh(first) = order.decide_refund(&request(1, Some(60), None)).unwrap()
    else {
        panic!("it is the first")
    };
    merchant.reserve_refund(&first).unwrap();
    assert_eq!(merchant.reserve_refund(&first), Err(FundsRejection::ReservationsExhausted));
    assert_eq!(merchant.purse.funds.available(), minor(140));
}
