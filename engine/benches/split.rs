//! What dividing one bill costs: two friends, a table of eight, a hall of five hundred.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fanju::{
    domain::{
        bill::{Bill, Line},
        event::{Rounding, Rules},
        split::{Claim, Diner, Rest, Split, Weight, divide},
        text::{Name, OrderNo},
    },
    id::{MerchantId, WalletId},
    money::{Amount, Currency},
};
use uuid::Uuid;

fn bill(diners: u16) -> Bill {
    let name = Name::new("dish").expect("a name");
    let line = |seat| Line { name: name.clone(), amount: Amount::from_minor(3_000 + seat) };
    Bill {
        merchant: MerchantId(Uuid::from_u128(1)),
        order_no: OrderNo::new("2024-06-01/000000042").expect("an order number"),
        currency: Currency::CNY,
        // One below a multiple: odd units for all but one, the longest walk.
        total: Amount::from_minor(i64::from(diners) * 4_000 - 1),
        lines: (0..i64::from(diners)).map(line).collect(),
    }
}

fn ways(diners: &[Diner]) -> [(&'static str, Rules); 5] {
    let weight = |(weight, diner): (u32, &Diner)| Weight { diner: diner.wallet, weight };
    let weights = || Split::Weights { parts: (1..).zip(diners).map(weight).collect() };
    // Each had a dish, and tasted the next one's.
    let claim = |(line, pair): (u16, [&Diner; 2])| {
        [(0, 3), (1, 1)].map(|(at, weight)| Claim { line, diner: pair[at].wallet, weight })
    };
    let next = diners.iter().zip(diners.iter().cycle().skip(1)).map(|(one, next)| [one, next]);
    let claims = (0..).zip(next).flat_map(claim).collect();
    let rules = |split| Rules { split, ..Rules::default() };
    let fair = |split| Rules { split, rounding: Rounding::FairCent, ..Rules::default() };
    [
        ("equal", rules(Split::Equal)),
        ("weights", rules(weights())),
        ("itemised", rules(Split::Itemised { claims, rest: Rest::InProportion })),
        ("equal, fair cent", fair(Split::Equal)),
        ("weights, fair cent", fair(weights())),
    ]
}

fn split(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("split");
    for count in [2, 8, 500_u16] {
        let diner = |seat| Diner { wallet: WalletId(Uuid::from_u128(seat)), carry_micro: 0 };
        let diners: Vec<Diner> = (0..u128::from(count)).map(diner).collect();
        let bill = bill(count);
        group.throughput(Throughput::Elements(u64::from(count)));
        for (way, rules) in ways(&diners) {
            group.bench_function(BenchmarkId::new(way, count), |bencher| {
                bencher.iter(|| divide(black_box(&bill), black_box(&diners), black_box(&rules)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, split);
criterion_main!(benches);
