//! One event of every kind, and of every kind within the kinds, under the names in the golden file.

use fanju::{
    domain::{
        bill::{Line, bill_id},
        draft::{Draft, Drafter},
        event::{
            Consent, Decline, DeclineReason, Direction, Event, Holder, Leg, RailMove, Refund,
            RefundLeg, Rounding, Rules, Settlement, Share, Shortfall, Source,
        },
        split::{Claim, Part, Rest, Split, Weight},
        text::{Name, Note, OrderNo, RefundNo},
    },
    id::{GroupId, MerchantId, RequestId, WalletId},
    money::{Amount, Currency},
};
use uuid::Uuid;

fn wallet(seat: u16) -> WalletId {
    WalletId(Uuid::from_u128(0x0190_aaaa_0000_7000_8000_0000_0000_0000 | u128::from(seat)))
}

fn group() -> GroupId {
    GroupId(Uuid::from_u128(0x0190_bbbb_0000_7000_8000_0000_0000_0001))
}

fn merchant() -> MerchantId {
    MerchantId(Uuid::from_u128(0x0190_cccc_0000_7000_8000_0000_0000_0001))
}

fn amount(minor: i64) -> Amount {
    Amount::from_minor(minor)
}

fn order_no() -> OrderNo {
    OrderNo::new("240619-00042").expect("fits the rules")
}

fn name(text: &str) -> Name {
    Name::new(text).expect("fits the rules")
}

fn rail_move(holder: Holder, direction: Direction) -> RailMove {
    let request = RequestId(Uuid::from_u128(0x0190_dddd_0000_7000_8000_0000_0000_0001));
    RailMove { holder, request, direction, amount: amount(100_000) }
}

fn consent() -> Consent {
    Consent { cap: amount(50_000), confirm_above: Some(amount(20_000)) }
}

fn rules(split: Split, shortfall: Shortfall, rounding: Rounding) -> Event {
    Event::RulesSet {
        group: group(),
        rules: Rules { split, shortfall, rounding, cash_step: amount(10) },
    }
}

/// Eight diners, each paying the own share of `owed` minor units and some.
pub(crate) fn dinner(owed: i64) -> Settlement {
    let shares: Box<[Share]> = (0..8_u16)
        .map(|seat| Share {
            diner: wallet(seat),
            owed: amount(owed + i64::from(seat)),
            confirmed: false,
            carry_micro: 0,
        })
        .collect();
    let leg = |(share, index): (&Share, u16)| Leg {
        share: index,
        source: Source::Wallet(share.diner),
        amount: share.owed,
    };
    let legs = shares.iter().zip(0..).map(leg).collect();
    let total = shares.iter().map(|share| share.owed).sum();
    let (merchant, order_no, group) = (merchant(), order_no(), group());
    let bill = bill_id(merchant, &order_no);
    Settlement {
        merchant,
        order_no,
        group,
        bill,
        content: 0x0123_4567_89ab_cdef,
        total,
        shares,
        legs,
    }
}

/// The third seat is covered by the first, the fourth paid by two; one confirmed, one has a carry.
fn covered_dinner() -> Settlement {
    let mut dinner = dinner(3_000);
    dinner.shares[1].confirmed = true;
    dinner.shares[4].carry_micro = -333_333;
    let mut legs = dinner.legs.to_vec();
    legs[2].source = Source::Wallet(wallet(0));
    let half = amount(1_500);
    legs[3].amount = legs[3].amount.checked_sub(half).expect("fits the rules");
    legs.insert(4, Leg { share: 3, source: Source::Wallet(wallet(0)), amount: half });
    dinner.legs = legs.into();
    dinner
}

fn declined(reason: DeclineReason) -> Event {
    Event::Declined(Decline {
        merchant: merchant(),
        order_no: order_no(),
        group: group(),
        content: 7,
        total: amount(24_028),
        reason,
    })
}

fn refunded() -> Event {
    let leg = |leg, diner, source, minor| RefundLeg {
        leg,
        diner: wallet(diner),
        source: Source::Wallet(wallet(source)),
        amount: amount(minor),
    };
    Event::Refunded(Refund {
        merchant: merchant(),
        order_no: order_no(),
        refund_no: RefundNo::new("R-1").expect("fits the rules"),
        group: group(),
        content: 9,
        amount: amount(600),
        legs: Box::new([leg(0, 0, 0, 250), leg(2, 2, 0, 350)]),
    })
}

fn account_samples() -> Vec<(&'static str, Event)> {
    let (payer, shop) = (Holder::Wallet(wallet(1)), Holder::Merchant(merchant()));
    let transfer = |note| Event::Transferred {
        from: wallet(1),
        to: wallet(2),
        request: rail_move(payer, Direction::In).request,
        amount: amount(1),
        note,
    };
    vec![
        (
            "wallet_opened",
            Event::WalletOpened {
                wallet: wallet(1), name: name("王芳"), currency: Currency::CNY
            },
        ),
        ("wallet_frozen", Event::WalletFrozen { wallet: wallet(1) }),
        ("wallet_thawed", Event::WalletThawed { wallet: wallet(1) }),
        ("wallet_closed", Event::WalletClosed { wallet: wallet(1) }),
        ("rail_requested.wallet.in", Event::RailRequested(rail_move(payer, Direction::In))),
        ("rail_requested.merchant.out", Event::RailRequested(rail_move(shop, Direction::Out))),
        ("rail_confirmed.wallet.in", Event::RailConfirmed(rail_move(payer, Direction::In))),
        ("rail_confirmed.merchant.out", Event::RailConfirmed(rail_move(shop, Direction::Out))),
        ("rail_refused.wallet.out", Event::RailRefused(rail_move(payer, Direction::Out))),
        ("transferred", transfer(None)),
        ("transferred.note", transfer(Some(Note::new("for the taxi 🚕").expect("fits the rules")))),
        (
            "merchant_onboarded",
            Event::MerchantOnboarded {
                merchant: merchant(),
                name: name("Haidilao"),
                currency: Currency::JPY,
            },
        ),
    ]
}

fn group_samples() -> Vec<(&'static str, Event)> {
    let (group, member) = (group(), wallet(2));
    vec![
        (
            "group_opened",
            Event::GroupOpened {
                group,
                name: name("Friday dinner"),
                host: wallet(0),
                consent: Consent { cap: amount(10_000_000_000_000), confirm_above: None },
                currency: Currency::CNY,
                rules: Rules::default(),
            },
        ),
        ("member_invited", Event::MemberInvited { group, wallet: member }),
        ("member_joined", Event::MemberJoined { group, wallet: member, consent: consent() }),
        ("consent_changed", Event::ConsentChanged { group, wallet: member, consent: consent() }),
        ("member_left", Event::MemberLeft { group, wallet: member }),
        ("group_locked", Event::GroupLocked { group }),
        ("group_unlocked", Event::GroupUnlocked { group }),
        ("group_closed", Event::GroupClosed { group }),
    ]
}

fn rules_samples() -> Vec<(&'static str, Event)> {
    let weights = vec![
        Weight { diner: wallet(0), weight: 2_500 },
        Weight { diner: wallet(1), weight: 7_500 },
    ];
    let parts = vec![
        Part { diner: wallet(0), amount: amount(1_250) },
        Part { diner: wallet(1), amount: amount(-1) },
    ];
    let claims = vec![Claim { line: 300, diner: wallet(1), weight: 1 }];
    let split = |split| rules(split, Shortfall::Decline, Rounding::LargestRemainder);
    vec![
        ("rules_set.equal", split(Split::Equal)),
        ("rules_set.weights", split(Split::Weights { parts: weights.clone() })),
        ("rules_set.percent", split(Split::Percent { parts: weights })),
        ("rules_set.exact", split(Split::Exact { parts: parts.clone() })),
        ("rules_set.fixed_plus_rest", split(Split::FixedPlusRest { parts })),
        (
            "rules_set.itemised.in_proportion",
            split(Split::Itemised { claims: claims.clone(), rest: Rest::InProportion }),
        ),
        ("rules_set.itemised.equally", split(Split::Itemised { claims, rest: Rest::Equally })),
        (
            "rules_set.treat",
            split(Split::Treat {
                payer: wallet(0),
                guests: vec![wallet(3)],
                of: Box::new(Split::Equal),
            }),
        ),
        ("rules_set.reshare", rules(Split::Equal, Shortfall::Reshare, Rounding::LargestRemainder)),
        ("rules_set.host_covers", rules(Split::Equal, Shortfall::HostCovers, Rounding::FairCent)),
    ]
}

fn order_samples() -> Vec<(&'static str, Event)> {
    let diner = wallet(3);
    vec![
        ("settled.plain", Event::Settled(dinner(3_000))),
        ("settled.covered", Event::Settled(covered_dinner())),
        ("declined.short", declined(DeclineReason::Short { diner })),
        ("declined.refused", declined(DeclineReason::Refused { diner })),
        ("declined.unavailable", declined(DeclineReason::Unavailable { diner })),
        ("declined.timed_out", declined(DeclineReason::TimedOut { waiting_for: diner })),
        ("declined.cancelled", declined(DeclineReason::Cancelled)),
        ("refunded", refunded()),
    ]
}

fn draft_samples() -> Vec<(&'static str, Event)> {
    let (group, member) = (group(), wallet(2));
    let line = |text, minor| Line { name: name(text), amount: amount(minor) };
    let lines = vec![line("夫妻肺片", 4_800), line("member rebate", -500)];
    let till = Drafter::Till { merchant: merchant(), order_no: order_no() };
    let drafted = |by| {
        let draft = Draft { by, total: amount(4_730), lines: lines.clone() };
        Event::BillDrafted { group, draft }
    };
    vec![
        ("bill_drafted.member", drafted(Drafter::Member { wallet: member })),
        ("bill_drafted.till", drafted(till)),
        ("line_claimed", Event::LineClaimed { group, wallet: member, line: 300, weight: 2 }),
        ("draft_cleared", Event::DraftCleared { group }),
    ]
}

pub(crate) fn samples() -> Vec<(&'static str, Event)> {
    // In the order in which the kinds came into the format: the golden file only grows.
    [account_samples(), group_samples(), rules_samples(), order_samples(), draft_samples()].concat()
}
