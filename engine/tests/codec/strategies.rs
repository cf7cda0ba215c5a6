//! Any event that `decide` could produce, and then some: no more than the types and the limits say.

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
    limits,
    money::{Amount, Currency},
};
use proptest::{collection::vec, option, prelude::*};
use uuid::Uuid;

/// Few enough that accounts meet themselves again within one event.
fn uuid() -> impl Strategy<Value = Uuid> {
    prop_oneof![any::<u128>(), 0..4_u128].prop_map(Uuid::from_u128)
}

fn wallet() -> impl Strategy<Value = WalletId> {
    uuid().prop_map(WalletId)
}

fn group() -> impl Strategy<Value = GroupId> {
    uuid().prop_map(GroupId)
}

fn merchant() -> impl Strategy<Value = MerchantId> {
    uuid().prop_map(MerchantId)
}

fn movable() -> impl Strategy<Value = Amount> {
    prop_oneof![1..100_000_i64, 1..=limits::AMOUNT_MINOR_MAX].prop_map(Amount::from_minor)
}

fn any_amount() -> impl Strategy<Value = Amount> {
    any::<i64>().prop_map(Amount::from_minor)
}

fn text(max: usize) -> impl Strategy<Value = String> {
    "[^\\p{Cc}]{1,24}".prop_filter("fits", move |text| text.len() <= max)
}

fn name() -> impl Strategy<Value = Name> {
    let long = Just("饭".repeat(limits::TEXT_BYTES_MAX / 3));
    prop_oneof![9 => text(limits::TEXT_BYTES_MAX), 1 => long]
        .prop_map(|text| Name::new(text).expect("fits the rules"))
}

fn order_no() -> impl Strategy<Value = OrderNo> {
    text(limits::ORDER_NO_BYTES_MAX).prop_map(|text| OrderNo::new(text).expect("fits the rules"))
}

fn refund_no() -> impl Strategy<Value = RefundNo> {
    text(limits::ORDER_NO_BYTES_MAX).prop_map(|text| RefundNo::new(text).expect("fits the rules"))
}

fn currency() -> impl Strategy<Value = Currency> {
    let currencies = [Currency::CNY, Currency::USD, Currency::EUR, Currency::JPY, Currency::KWD];
    proptest::sample::select(currencies.to_vec())
}

fn consent() -> impl Strategy<Value = Consent> {
    let above = option::of((0..=i64::MAX).prop_map(Amount::from_minor));
    (movable(), above).prop_map(|(cap, confirm_above)| Consent { cap, confirm_above })
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    vec((wallet(), any_amount()).prop_map(|(diner, amount)| Part { diner, amount }), 0..9)
}

fn weights() -> impl Strategy<Value = Vec<Weight>> {
    vec((wallet(), any::<u32>()).prop_map(|(diner, weight)| Weight { diner, weight }), 0..9)
}

fn claims() -> impl Strategy<Value = Vec<Claim>> {
    let claim = (any::<u16>(), wallet(), any::<u32>());
    vec(claim.prop_map(|(line, diner, weight)| Claim { line, diner, weight }), 0..9)
}

fn draft() -> impl Strategy<Value = Draft> {
    let by = prop_oneof![
        wallet().prop_map(|wallet| Drafter::Member { wallet }),
        (merchant(), order_no())
            .prop_map(|(merchant, order_no)| Drafter::Till { merchant, order_no }),
    ];
    let price = (-limits::AMOUNT_MINOR_MAX..=limits::AMOUNT_MINOR_MAX).prop_map(Amount::from_minor);
    let lines = vec((name(), price).prop_map(|(name, amount)| Line { name, amount }), 1..9);
    (by, movable(), lines).prop_map(|(by, total, lines)| Draft { by, total, lines })
}

fn rest() -> impl Strategy<Value = Rest> {
    proptest::sample::select(vec![Rest::InProportion, Rest::Equally])
}

fn split() -> impl Strategy<Value = Split> {
    let plain = || {
        prop_oneof![
            Just(Split::Equal),
            weights().prop_map(|parts| Split::Weights { parts }),
            weights().prop_map(|parts| Split::Percent { parts }),
            parts().prop_map(|parts| Split::Exact { parts }),
            parts().prop_map(|parts| Split::FixedPlusRest { parts }),
            (claims(), rest()).prop_map(|(claims, rest)| Split::Itemised { claims, rest }),
        ]
    };
    let treat = (wallet(), vec(wallet(), 0..4), plain())
        .prop_map(|(payer, guests, of)| Split::Treat { payer, guests, of: Box::new(of) });
    prop_oneof![4 => plain(), 1 => treat]
}

fn rules() -> impl Strategy<Value = Rules> {
    let shortfall = proptest::sample::select(vec![
        Shortfall::Decline,
        Shortfall::Reshare,
        Shortfall::HostCovers,
    ]);
    let rounding = proptest::sample::select(vec![Rounding::LargestRemainder, Rounding::FairCent]);
    let step = (0..=limits::AMOUNT_MINOR_MAX).prop_map(Amount::from_minor);
    (split(), shortfall, rounding, step).prop_map(|(split, shortfall, rounding, cash_step)| Rules {
        split,
        shortfall,
        rounding,
        cash_step,
    })
}

fn rail_move() -> impl Strategy<Value = RailMove> {
    let holder =
        prop_oneof![wallet().prop_map(Holder::Wallet), merchant().prop_map(Holder::Merchant),];
    let direction = proptest::sample::select(vec![Direction::In, Direction::Out]);
    (holder, uuid().prop_map(RequestId), direction, movable()).prop_map(
        |(holder, request, direction, amount)| RailMove { holder, request, direction, amount },
    )
}

fn share() -> impl Strategy<Value = Share> {
    let carry = prop_oneof![Just(0), any::<i64>()];
    let owed = (1..1_000_000_i64).prop_map(Amount::from_minor);
    (wallet(), owed, any::<bool>(), carry).prop_map(|(diner, owed, confirmed, carry_micro)| Share {
        diner,
        owed,
        confirmed,
        carry_micro,
    })
}

/// How one share is paid: by its diner, by another, or by both.
fn leg_of(share: u16, of: &Share, how: u8, other: WalletId) -> Vec<Leg> {
    let own = Source::Wallet(of.diner);
    let half = Amount::from_minor(of.owed.minor() / 2);
    let rest = of.owed.checked_sub(half).expect("fits the rules");
    match how {
        0 => vec![Leg { share, source: own, amount: of.owed }],
        1 => vec![Leg { share, source: Source::Wallet(other), amount: of.owed }],
        _ if half == Amount::ZERO => vec![Leg { share, source: own, amount: of.owed }],
        _ => vec![
            Leg { share, source: own, amount: half },
            Leg { share, source: Source::Wallet(other), amount: rest },
        ],
    }
}

fn settlement() -> impl Strategy<Value = Settlement> {
    let seat = prop_oneof![
        2 => share().prop_map(|share| (Share { confirmed: false, carry_micro: 0, ..share }, 0)),
        1 => (share(), 0..3_u8),
    ];
    let seats = vec(seat, 1..20);
    (merchant(), order_no(), group(), any::<u64>(), seats, wallet()).prop_map(
        |(merchant, order_no, group, content, seats, other)| {
            let legs = seats.iter().zip(0..);
            let legs =
                legs.flat_map(|((share, how), index)| leg_of(index, share, *how, other)).collect();
            let shares: Box<[Share]> = seats.iter().map(|(share, _)| *share).collect();
            let total = shares.iter().map(|share| share.owed).sum();
            let bill = bill_id(merchant, &order_no);
            Settlement { merchant, order_no, group, bill, content, total, shares, legs }
        },
    )
}

fn decline() -> impl Strategy<Value = Decline> {
    let reason = prop_oneof![
        wallet().prop_map(|diner| DeclineReason::Short { diner }),
        wallet().prop_map(|diner| DeclineReason::Refused { diner }),
        wallet().prop_map(|diner| DeclineReason::Unavailable { diner }),
        wallet().prop_map(|waiting_for| DeclineReason::TimedOut { waiting_for }),
        Just(DeclineReason::Cancelled),
    ];
    (merchant(), order_no(), group(), any::<u64>(), movable(), reason).prop_map(
        |(merchant, order_no, group, content, total, reason)| Decline {
            merchant,
            order_no,
            group,
            content,
            total,
            reason,
        },
    )
}

fn refund() -> impl Strategy<Value = Refund> {
    let amount = (1..1_000_000_i64).prop_map(Amount::from_minor);
    let leg = (any::<u16>(), wallet(), option::of(wallet()), amount).prop_map(
        |(leg, diner, other, amount)| RefundLeg {
            leg,
            diner,
            source: Source::Wallet(other.unwrap_or(diner)),
            amount,
        },
    );
    (merchant(), order_no(), refund_no(), group(), any::<u64>(), vec(leg, 1..20)).prop_map(
        |(merchant, order_no, refund_no, group, content, legs)| {
            let amount = legs.iter().map(|leg| leg.amount).sum();
            let legs = legs.into_boxed_slice();
            Refund { merchant, order_no, refund_no, group, content, amount, legs }
        },
    )
}

fn account_event() -> impl Strategy<Value = Event> {
    let note =
        option::of(name().prop_map(|name| Note::new(name.as_str()).expect("fits the rules")));
    let transfer = (wallet(), wallet(), uuid().prop_map(RequestId), movable(), note);
    prop_oneof![
        (wallet(), name(), currency()).prop_map(|(wallet, name, currency)| Event::WalletOpened {
            wallet,
            name,
            currency
        }),
        wallet().prop_map(|wallet| Event::WalletFrozen { wallet }),
        wallet().prop_map(|wallet| Event::WalletThawed { wallet }),
        wallet().prop_map(|wallet| Event::WalletClosed { wallet }),
        rail_move().prop_map(Event::RailRequested),
        rail_move().prop_map(Event::RailConfirmed),
        rail_move().prop_map(Event::RailRefused),
        transfer.prop_map(|(from, to, request, amount, note)| Event::Transferred {
            from,
            to,
            request,
            amount,
            note
        }),
        (merchant(), name(), currency()).prop_map(|(merchant, name, currency)| {
            Event::MerchantOnboarded { merchant, name, currency }
        }),
    ]
}

fn group_event() -> impl Strategy<Value = Event> {
    let opened = (group(), name(), wallet(), consent(), currency(), rules());
    prop_oneof![
        opened.prop_map(|(group, name, host, consent, currency, rules)| Event::GroupOpened {
            group,
            name,
            host,
            consent,
            currency,
            rules
        }),
        (group(), wallet()).prop_map(|(group, wallet)| Event::MemberInvited { group, wallet }),
        (group(), wallet(), consent()).prop_map(|(group, wallet, consent)| Event::MemberJoined {
            group,
            wallet,
            consent
        }),
        (group(), wallet(), consent()).prop_map(|(group, wallet, consent)| Event::ConsentChanged {
            group,
            wallet,
            consent
        }),
        (group(), wallet()).prop_map(|(group, wallet)| Event::MemberLeft { group, wallet }),
        (group(), rules()).prop_map(|(group, rules)| Event::RulesSet { group, rules }),
        (group(), draft()).prop_map(|(group, draft)| Event::BillDrafted { group, draft }),
        (group(), wallet(), any::<u16>(), any::<u32>()).prop_map(
            |(group, wallet, line, weight)| Event::LineClaimed { group, wallet, line, weight }
        ),
        group().prop_map(|group| Event::DraftCleared { group }),
        group().prop_map(|group| Event::GroupLocked { group }),
        group().prop_map(|group| Event::GroupUnlocked { group }),
        group().prop_map(|group| Event::GroupClosed { group }),
    ]
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        account_event(),
        group_event(),
        settlement().prop_map(Event::Settled),
        decline().prop_map(Event::Declined),
        refund().prop_map(Event::Refunded),
    ]
}
