//! Which stories are told, and how often something of a kind happens in them.

use std::ops::Range;

use fanju::{
    domain::{
        event::{Rounding, Shortfall},
        split::Rest,
    },
    limits::AMOUNT_MINOR_MAX,
};
use proptest::{collection::vec, option, prelude::*};

use super::plan::{Agreed, Asked, By, Chapter, Plan, Story, Way, Ways};

pub(crate) fn story(chapters: Range<usize>) -> impl Strategy<Value = Story> {
    let laid = (vec(1..5_000_i64, 3..6), 300..3_000_i64, ways());
    (laid, vec(chapter(), chapters)).prop_map(|((balances, cap, ways), chapters)| Story {
        balances,
        cap,
        ways,
        chapters,
    })
}

fn chapter() -> impl Strategy<Value = Chapter> {
    let crash = (0..40_u8, option::of(any::<u64>()));
    (vec(plan(), 20..60), vec(plan(), 0..6), crash)
        .prop_map(|(plans, flying, (turns, torn))| Chapter { plans, flying, turns, torn })
}

fn plan() -> impl Strategy<Value = Plan> {
    prop_oneof![20 => moving(), 14 => tables(), 10 => drafts(), 16 => bills(), 6 => lives()]
}

fn wallet() -> impl Strategy<Value = u8> {
    prop_oneof![20 => 0..5_u8, 1 => 5..7_u8]
}

fn merchant() -> impl Strategy<Value = u8> {
    prop_oneof![20 => Just(0_u8), 3 => Just(1), 1 => Just(2)]
}

fn group() -> impl Strategy<Value = u8> {
    prop_oneof![20 => Just(0_u8), 6 => Just(1), 2 => Just(2), 1 => Just(3)]
}

fn rarely() -> impl Strategy<Value = bool> {
    proptest::bool::weighted(0.04)
}

fn member() -> impl Strategy<Value = By> {
    prop_oneof![
        1 => Just(By::Host),
        8 => (0..5_u8).prop_map(By::Member),
        1 => wallet().prop_map(By::Wallet),
    ]
}

fn host() -> impl Strategy<Value = By> {
    prop_oneof![12 => Just(By::Host), 1 => member()]
}

fn absurd() -> impl Strategy<Value = i64> {
    proptest::sample::select(vec![
        0,
        -5,
        i64::MAX,
        i64::MIN,
        AMOUNT_MINOR_MAX,
        AMOUNT_MINOR_MAX + 1,
    ])
}

fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![32 => 1..1_500_i64, 2 => 5_000..1_000_000_i64, 1 => absurd()]
}

fn agreed() -> impl Strategy<Value = Agreed> {
    let cap = prop_oneof![30 => 50..3_000_i64, 1 => absurd()];
    let above = prop_oneof![30 => 0..400_i64, 1 => Just(-1_i64)];
    (cap, option::weighted(0.3, above))
}

fn lines() -> impl Strategy<Value = Vec<i64>> {
    let line = prop_oneof![80 => -40..400_i64, 1 => absurd()];
    prop_oneof![30 => vec(line, 1..5), 1 => Just(Vec::new())]
}

fn tip() -> impl Strategy<Value = i64> {
    prop_oneof![1 => Just(0_i64), 1 => -30..60_i64]
}

fn ways() -> impl Strategy<Value = Ways> {
    let shortfall = proptest::sample::select(vec![
        Shortfall::Decline,
        Shortfall::Reshare,
        Shortfall::HostCovers,
    ]);
    let rounding = proptest::sample::select(vec![Rounding::LargestRemainder, Rounding::FairCent]);
    let step = proptest::sample::select(vec![0, 1, 5, 10]);
    let step = prop_oneof![30 => Just(0_i64), 6 => step, 1 => absurd()];
    let split = prop_oneof![
        30 => way(),
        6 => treat(way().boxed()),
        1 => treat(treat(way().boxed()).boxed()),
    ];
    (split, shortfall, rounding, step).prop_map(|(split, shortfall, rounding, cash_step)| Ways {
        split,
        shortfall,
        rounding,
        cash_step,
    })
}

fn way() -> impl Strategy<Value = Way> {
    let weights = || (vec(0..5_u32, 1..6), option::weighted(0.1, (member(), 0..5_u32)));
    let percents = (vec(0..4_000_u32, 1..5), option::weighted(0.1, (member(), 0..4_000_u32)));
    let part = || prop_oneof![90 => 0..300_i64, 1 => absurd()];
    let parts = move || (vec(part(), 1..5), option::weighted(0.1, (member(), part())));
    let claims = vec((0..4_u16, member(), 0..4_u32), 0..5);
    let rest = proptest::sample::select(vec![Rest::InProportion, Rest::Equally]);
    prop_oneof![
        2 => Just(Way::Equal),
        2 => weights().prop_map(|(parts, odd)| Way::Weights { parts, odd }),
        2 => (percents, proptest::bool::weighted(0.9))
            .prop_map(|((parts, odd), whole)| Way::Percent { parts, odd, whole }),
        2 => parts().prop_map(|(parts, odd)| Way::Exact { parts, odd }),
        2 => parts().prop_map(|(parts, odd)| Way::FixedPlusRest { parts, odd }),
        12 => (claims, rest).prop_map(|(claims, rest)| Way::Itemised { claims, rest }),
    ]
}

fn treat(of: BoxedStrategy<Way>) -> impl Strategy<Value = Way> {
    (member(), vec(member(), 0..3), of).prop_map(|(payer, guests, of)| Way::Treat {
        payer,
        guests,
        of: Box::new(of),
    })
}

/// Commands that move money of one's own.
fn moving() -> impl Strategy<Value = Plan> {
    let request = || 1..50_u8;
    prop_oneof![
        8 => (wallet(), request(), amount())
            .prop_map(|(wallet, request, amount)| Plan::TopUp { wallet, request, amount }),
        3 => (wallet(), request(), amount())
            .prop_map(|(wallet, request, amount)| Plan::Withdraw { wallet, request, amount }),
        4 => (wallet(), wallet(), request(), amount())
            .prop_map(|(from, to, request, amount)| Plan::Transfer { from, to, request, amount }),
        2 => (merchant(), request(), amount())
            .prop_map(|(merchant, request, amount)| Plan::PayOut { merchant, request, amount }),
        5 => (merchant(), option::weighted(0.95, any::<u8>()), 0..5_u8,
              option::weighted(0.8, amount().prop_map(|amount| amount.min(200))),
              option::weighted(0.4, member()))
            .prop_map(|(merchant, order, refund, amount, diner)| {
                Plan::Refund { merchant, order, refund, amount, diner }
            }),
    ]
}

/// Commands that change a table.
fn tables() -> impl Strategy<Value = Plan> {
    prop_oneof![
        3 => (group(), member(), wallet())
            .prop_map(|(group, by, wallet)| Plan::Invite { group, by, wallet }),
        3 => (group(), wallet(), agreed())
            .prop_map(|(group, wallet, agreed)| Plan::Join { group, wallet, agreed }),
        3 => (group(), member(), wallet(), agreed())
            .prop_map(|(group, by, wallet, agreed)| Plan::JoinByCode { group, by, wallet, agreed }),
        1 => (group(), member()).prop_map(|(group, by)| Plan::Leave { group, by }),
        4 => (group(), member(), agreed())
            .prop_map(|(group, by, agreed)| Plan::SetConsent { group, by, agreed }),
        5 => (group(), host(), ways())
            .prop_map(|(group, by, ways)| Plan::SetRules { group, by, ways }),
        1 => (group(), host()).prop_map(|(group, by)| Plan::Lock { group, by }),
        4 => (group(), host()).prop_map(|(group, by)| Plan::Unlock { group, by }),
    ]
}

/// Drafts, and claims of their lines.
fn drafts() -> impl Strategy<Value = Plan> {
    prop_oneof![
        4 => (group(), member(), tip(), lines())
            .prop_map(|(group, by, tip, lines)| Plan::Draft { group, by, tip, lines }),
        2 => (group(), member(), merchant(), 0..12_u8, tip(), lines())
            .prop_map(|(group, by, merchant, order, tip, lines)| {
                Plan::DraftByTill { group, by, merchant, order, tip, lines }
            }),
        1 => (group(), member()).prop_map(|(group, by)| Plan::ClearDraft { group, by }),
        14 => (group(), member(), 0..3_u16, 0..4_u32)
            .prop_map(|(group, by, line, weight)| Plan::Claim { group, by, line, weight }),
    ]
}

fn bills() -> impl Strategy<Value = Plan> {
    let sum = || {
        let lines = option::weighted(0.4, lines()).prop_map(Option::unwrap_or_default);
        (amount(), lines).prop_map(|(total, lines)| Asked::Sum { total, lines })
    };
    let asked = prop_oneof![
        4 => sum(),
        2 => Just(Asked::Again),
        10 => (1..1_500_i64, tip(), any::<bool>())
            .prop_map(|(total, tip, lines)| Asked::Fitting { total, tip, lines }),
        4 => (tip(), any::<bool>()).prop_map(|(tip, lines)| Asked::Drafted { tip, lines }),
    ];
    let says = prop_oneof![1 => Just(u8::MAX), 1 => any::<u8>()];
    let who = (merchant(), group(), member());
    let what = (0..12_u8, rarely(), asked);
    prop_oneof![
        16 => (who, what, says, option::weighted(0.3, 0..2_u8)).prop_map(
            |((merchant, group, by), (order, euro, asked), says, cancel)| {
                Plan::Present { merchant, group, by, order, euro, asked, says, cancel }
            }
        ),
        1 => (merchant(), 0..12_u8).prop_map(|(merchant, order)| Plan::Cancel { merchant, order }),
    ]
}

/// Openings and endings.
fn lives() -> impl Strategy<Value = Plan> {
    prop_oneof![
        4 => (3..7_u8, rarely()).prop_map(|(wallet, euro)| Plan::OpenWallet { wallet, euro }),
        2 => (0..3_u8, rarely()).prop_map(|(merchant, euro)| Plan::Onboard { merchant, euro }),
        4 => (1..4_u8, wallet(), agreed(), rarely(), ways())
            .prop_map(|(group, host, agreed, euro, ways)| {
                Plan::OpenGroup { group, host, agreed, euro, ways }
            }),
        2 => wallet().prop_map(|wallet| Plan::Freeze { wallet }),
        6 => wallet().prop_map(|wallet| Plan::Thaw { wallet }),
        1 => wallet().prop_map(|wallet| Plan::CloseWallet { wallet }),
        1 => (wallet(), 1..50_u8)
            .prop_map(|(wallet, request)| Plan::EmptyAndClose { wallet, request }),
        1 => (0..4_u8, host()).prop_map(|(group, by)| Plan::CloseGroup { group, by }),
    ]
}
