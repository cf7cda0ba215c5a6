//! Workload: who sits where, and which dinner comes next. A pure function of options and seed.
//!
//! Parties are drawn without replacement, round after round, so that the same party never dines
//! twice before every other of its bench has dined once.

use std::ops::Range;

use fanju::{
    domain::{split::Claim, text::OrderNo},
    id::WalletId,
    limits,
    money::Amount,
};

use crate::{
    bills::{BillRow, OrderRows},
    chance::Chance,
    published,
    values::Diners,
};

/// Where bills come from.
#[derive(Debug)]
pub enum Menu {
    /// Drawn from published figures.
    Published,
    /// From a file, one dinner a row with its own party size.
    Bills(Vec<BillRow>),
    /// From a file of itemised orders, split by item.
    Orders(Vec<OrderRows>),
}

impl Menu {
    /// How many bills a file has; `None` without a file.
    #[must_use]
    pub fn rows(&self) -> Option<usize> {
        match self {
            Self::Published => None,
            Self::Bills(rows) => Some(rows.len()),
            Self::Orders(rows) => Some(rows.len()),
        }
    }
}

/// Who shares a bill that is split by item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Itemised {
    /// Which of the file's orders.
    pub row: usize,
    /// Which of its lines belongs to whom.
    claims: u64,
}

/// One dinner to be paid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dinner {
    /// Which it is, from zero.
    pub number: u64,
    /// Which party pays.
    pub party: usize,
    /// Which of its seats shows the code.
    pub shown_by: usize,
    /// Which merchant is paid.
    pub merchant: usize,
    /// Under which number.
    pub order_no: OrderNo,
    /// How much.
    pub total: Amount,
    /// How it is itemised, if it is.
    pub itemised: Option<Itemised>,
}

impl Itemised {
    /// Every line's claims: most lines are one diner's, every fourth or so is shared by two.
    #[must_use]
    pub fn claims(self, lines: usize, diners: &[WalletId]) -> Vec<Claim> {
        let mut chance = Chance::new(self.claims);
        let mut claims = Vec::with_capacity(lines + lines / 2);
        for line in 0..u16::try_from(lines).expect("bills have few lines") {
            let first = chance.place(diners.len());
            claims.push(Claim { line, diner: diners[first], weight: 1 });
            if diners.len() > 1 && chance.below(4) == 0 {
                let second = (first + 1 + chance.place(diners.len() - 1)) % diners.len();
                claims.push(Claim { line, diner: diners[second], weight: 1 });
            }
        }
        claims
    }
}

/// Who sits where: wallets by number, from zero.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seating {
    seats: Vec<usize>,
    parties: Vec<Range<usize>>,
}

impl Seating {
    /// How many parties there are.
    #[must_use]
    pub fn parties(&self) -> usize {
        self.parties.len()
    }

    /// The wallets of one party.
    #[must_use]
    pub fn party(&self, party: usize) -> &[usize] {
        &self.seats[self.parties[party].clone()]
    }
}

/// Parties that may take the same bills.
#[derive(Debug)]
struct Bench {
    diners: usize,
    parties: Vec<usize>,
    /// Parties before this one have dined in this round.
    turn: usize,
}

impl Bench {
    fn next(&mut self, chance: &mut Chance) -> usize {
        if self.turn == self.parties.len() {
            self.turn = 0;
        }
        let drawn = self.turn + chance.place(self.parties.len() - self.turn);
        self.parties.swap(self.turn, drawn);
        self.turn += 1;
        self.parties[self.turn - 1]
    }
}

/// Dinner after dinner.
#[derive(Debug)]
pub struct Workload<'a> {
    menu: &'a Menu,
    chance: Chance,
    seating: Seating,
    benches: Vec<Bench>,
    merchants: usize,
    next: u64,
    end: Option<u64>,
}

/// How many there are of everything.
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    /// Wallets that dine.
    pub wallets: usize,
    /// Merchants.
    pub merchants: usize,
    /// Diners of a party, where the file does not say.
    pub diners: Diners,
    /// Dinners; `None`: no end.
    pub dinners: Option<u64>,
}

impl<'a> Workload<'a> {
    /// Seats everybody.
    ///
    /// # Errors
    /// What is wrong, for the user: a party larger than all wallets together.
    pub fn new(menu: &'a Menu, numbers: Numbers, seed: u64) -> Result<Self, String> {
        let mut chance = Chance::of(seed, "seating");
        let mut wallets: Vec<usize> = (0..numbers.wallets).collect();
        chance.shuffle(&mut wallets);
        let mut hall =
            Hall { wallets, seating: Seating { seats: vec![], parties: vec![] }, next: 0 };
        let benches = match (menu, numbers.diners) {
            (Menu::Bills(rows), _) => hall.benches_by_size(rows)?,
            (Menu::Orders(_) | Menu::Published, Diners::Always(diners)) => {
                let parties = hall.wallets.len() / diners;
                vec![hall.bench(diners, parties)?]
            }
            (Menu::Orders(_) | Menu::Published, Diners::Published) => {
                vec![hall.published_bench(&mut chance)?]
            }
        };
        Ok(Self {
            menu,
            chance: Chance::of(seed, "dinners"),
            seating: hall.seating,
            benches,
            merchants: numbers.merchants,
            next: 0,
            end: numbers.dinners,
        })
    }

    /// Who sits where.
    #[must_use]
    pub fn seating(&self) -> &Seating {
        &self.seating
    }

    /// What every wallet needs so that `dinners` never find one empty: each of them could be the
    /// largest bill, and one diner could pay it alone.
    #[must_use]
    pub fn funds(&self, dinners: u64) -> Amount {
        let largest = match self.menu {
            Menu::Published => {
                let diners = self.benches.iter().map(|bench| bench.diners).max().unwrap_or(1);
                published::total_minor_max(diners)
            }
            Menu::Bills(rows) => rows.iter().map(|row| row.total.minor()).max().unwrap_or(1),
            Menu::Orders(rows) => rows.iter().map(|row| row.total.minor()).max().unwrap_or(1),
        };
        // A wallet sits at one table of the built-in menu, at several of a file's.
        let rounds = match self.benches.as_slice() {
            [bench] => dinners / bench.parties.len() as u64 + 2,
            _ => dinners,
        };
        let minor = i128::from(largest) * i128::from(rounds);
        let minor = minor.min(i128::from(limits::AMOUNT_MINOR_MAX));
        Amount::from_minor(i64::try_from(minor).expect("at most the largest amount"))
    }

    fn bench_of(&self, diners: usize) -> usize {
        let bench = self.benches.iter().position(|bench| bench.diners == diners);
        bench.expect("every row's party size has a bench")
    }
}

impl Iterator for Workload<'_> {
    type Item = Dinner;

    fn next(&mut self) -> Option<Dinner> {
        if self.end.is_some_and(|end| self.next >= end) {
            return None;
        }
        let number = self.next;
        self.next += 1;
        let place = |rows: usize| {
            let rows = rows as u64;
            (usize::try_from(number % rows).expect("below a length"), number / rows)
        };
        let row = self.menu.rows().map(place);
        let bench = match self.menu {
            Menu::Bills(rows) => self.bench_of(rows[row?.0].diners),
            Menu::Published | Menu::Orders(_) => 0,
        };
        let party = self.benches[bench].next(&mut self.chance);
        let diners = self.seating.party(party).len();
        let shown_by = self.chance.place(diners);
        let merchant = self.chance.place(self.merchants);
        let (order_no, total, itemised) = match self.menu {
            Menu::Published => {
                let minor = published::total_minor(diners, &mut self.chance);
                (numbered(number), Amount::from_minor(minor), None)
            }
            Menu::Bills(rows) => (numbered(number), rows[row?.0].total, None),
            Menu::Orders(rows) => {
                let ((row, round), claims) = (row?, self.chance.draw());
                let order_no = in_round(&rows[row].order_no, round);
                (order_no, rows[row].total, Some(Itemised { row, claims }))
            }
        };
        Some(Dinner { number, party, shown_by, merchant, order_no, total, itemised })
    }
}

/// The order number of dinner `number`: twelve digits, as long as tills' own; no allocation.
fn numbered(number: u64) -> OrderNo {
    let mut digits = *b"000000000000";
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).expect("one digit");
        rest /= 10;
    }
    assert_eq!(rest, 0, "a run has fewer than 10^12 dinners");
    OrderNo::new(std::str::from_utf8(&digits).expect("digits")).expect("digits are fine")
}

/// A file's order number; later rounds through the file append theirs.
fn in_round(order_no: &str, round: u64) -> OrderNo {
    let order_no = match round {
        0 => OrderNo::new(order_no),
        round => OrderNo::new(format!("{order_no}-{}", round + 1)),
    };
    order_no.expect("checked with room for the round when the file was read")
}

/// The hall while people are being seated.
struct Hall {
    /// Shuffled.
    wallets: Vec<usize>,
    seating: Seating,
    next: usize,
}

impl Hall {
    /// Seats one party: the next wallets of the shuffled row, from its beginning after its end.
    fn seat(&mut self, diners: usize) -> usize {
        let start = self.seating.seats.len();
        for _ in 0..diners {
            self.seating.seats.push(self.wallets[self.next]);
            self.next = (self.next + 1) % self.wallets.len();
        }
        self.seating.parties.push(start..start + diners);
        self.seating.parties.len() - 1
    }

    fn bench(&mut self, diners: usize, parties: usize) -> Result<Bench, String> {
        let wallets = self.wallets.len();
        if diners > wallets {
            return Err(format!("a party of {diners} needs more than the {wallets} wallets"));
        }
        let parties = (0..parties.max(1)).map(|_| self.seat(diners)).collect();
        Ok(Bench { diners, parties, turn: 0 })
    }

    /// One bench for each party size of the file, with no more parties than it has bills.
    fn benches_by_size(&mut self, rows: &[BillRow]) -> Result<Vec<Bench>, String> {
        let mut sizes: Vec<usize> = rows.iter().map(|row| row.diners).collect();
        sizes.sort_unstable();
        let benches = sizes.chunk_by(|one, next| one == next).map(|same| {
            let diners = same[0];
            self.bench(diners, same.len().min(self.wallets.len() / diners))
        });
        benches.collect()
    }

    /// Parties of published sizes, until everybody sits.
    fn published_bench(&mut self, chance: &mut Chance) -> Result<Bench, String> {
        let (wallets, largest) = (self.wallets.len(), published::PARTY_SIZE_MAX);
        if wallets < largest {
            return Err(format!(
                "published parties have up to {largest}, but wallets are {wallets}"
            ));
        }
        let (mut seated, mut parties) = (0, Vec::new());
        while seated < wallets {
            let diners = published::party_size(chance).min(wallets - seated);
            parties.push(self.seat(diners));
            seated += diners;
        }
        Ok(Bench { diners: largest, parties, turn: 0 })
    }
}
