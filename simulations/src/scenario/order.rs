//! Order: how an outing divides its bills, in the engine's words, for every house alike.

use fanju::{
    domain::{
        bill::Line,
        event::Rules,
        split::{Claim, Rest, Split, Weight},
        text::Name,
    },
    id::WalletId,
    money::Amount,
};

use super::{
    file::SplitKind,
    script::{Outing, Stop},
};

/// An amount of a script.
pub(crate) fn minor(amount: u64) -> Amount {
    Amount::from_minor(i64::try_from(amount).expect("a file's amounts are bounded"))
}

/// How the group pays when it is opened: parts that name diners wait until those are there.
pub(crate) fn first_rules(outing: &Outing, wallet: impl Fn(usize) -> WalletId) -> Rules {
    let mut rules = rules(outing, wallet);
    if outing.split != SplitKind::Treat {
        rules.split = Split::Equal;
    }
    rules
}

/// How the group pays once everybody is there.
pub(crate) fn rules(outing: &Outing, wallet: impl Fn(usize) -> WalletId) -> Rules {
    let parts = |weights: Vec<u32>| {
        let parts = weights.into_iter().enumerate();
        parts.map(|(seat, weight)| Weight { diner: wallet(seat), weight }).collect()
    };
    let split = match outing.split {
        SplitKind::Equal => Split::Equal,
        SplitKind::Treat => {
            let (payer, of) = (wallet(0), Box::new(Split::Equal));
            Split::Treat { payer, guests: Vec::new(), of }
        }
        SplitKind::Weights => {
            Split::Weights { parts: parts(outing.seats.iter().map(|seat| seat.weight).collect()) }
        }
        SplitKind::Percent => Split::Percent { parts: parts(outing.basis_points()) },
        SplitKind::Itemised => {
            let line = |seat| u16::try_from(seat).expect("a table has few seats");
            let claim = |seat| Claim { line: line(seat), diner: wallet(seat), weight: 1 };
            let claims = (0..outing.seats.len()).map(claim).collect();
            Split::Itemised { claims, rest: Rest::InProportion }
        }
    };
    Rules { split, shortfall: outing.shortfall.into(), ..Rules::default() }
}

/// The lines of a bill that is divided by them; no lines otherwise.
pub(crate) fn lines(outing: &Outing, stop: &Stop) -> Vec<Line> {
    let dish = |(at, amount): (usize, u64)| Line {
        name: Name::new(format!("dish {at}")).expect("a word and a number"),
        amount: minor(amount),
    };
    match outing.split {
        SplitKind::Itemised => {
            stop.dishes(&outing.seats).into_iter().enumerate().map(dish).collect()
        }
        SplitKind::Equal | SplitKind::Weights | SplitKind::Percent | SplitKind::Treat => Vec::new(),
    }
}
