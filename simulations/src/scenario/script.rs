//! Script: who comes when, and what they will do. A pure function of scenario, scale and seed.
//!
//! Times are milliseconds of the evening. Each outing draws from a stream of its own, so that one
//! more draw in one outing shifts no other.

use super::{
    file::{BillSource, Confirm, Scenario, ShortfallRule, SplitKind},
    values::{Share, Spread, WHOLE},
};
use crate::chance::Chance;

/// How a diner answers a question.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Manner {
    /// Yes or no, a while after being asked.
    Says {
        /// Which.
        yes: bool,
        /// How long after, in milliseconds.
        after_ms: u64,
    },
    /// Not at all.
    Vanishes,
}

/// One diner of one outing.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Seat {
    /// Which person.
    pub person: usize,
    /// When this one joins, after the table's arrival.
    pub joins_ms: u64,
    /// Spends at most so much without being asked, in minor units.
    pub cap_minor: u64,
    /// What this one says when asked.
    pub manner: Manner,
    /// Weight, where weights or percentages count.
    pub weight: u32,
    /// Loses the connection so long after joining, for so long.
    pub cut: Option<(u64, u64)>,
}

impl Seat {
    /// When the phone is next within reach, at `at_ms` or after; both count from the table's arrival.
    #[must_use]
    pub fn within_reach_ms(&self, at_ms: u64) -> u64 {
        let Some((after_ms, away_ms)) = self.cut else { return at_ms };
        let cut_ms = self.joins_ms + after_ms;
        let is_away = (cut_ms..cut_ms + away_ms).contains(&at_ms);
        if is_away { cut_ms + away_ms } else { at_ms }
    }
}

/// One bill of one outing.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Stop {
    /// Which kind: 0 is the dinner, then the file's further stops.
    pub kind: usize,
    /// When the code is shown, after the table's arrival.
    pub shown_ms: u64,
    /// When it is scanned.
    pub scanned_ms: u64,
    /// Whose phone shows it.
    pub shown_by: usize,
    /// Which merchant is paid.
    pub merchant: usize,
    /// The bill without tip, in minor units.
    pub bill_minor: u64,
    /// The tip.
    pub tip_minor: u64,
    /// When the till presents it again, after the scan.
    pub retried_ms: Option<u64>,
    /// What goes back on the next morning.
    pub refund: Option<Back>,
}

/// A refund.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Back {
    /// When, from the evening's beginning.
    pub at_ms: u64,
    /// How much; none: all.
    pub part_minor: Option<u64>,
}

impl Stop {
    /// Bill and tip.
    #[must_use]
    pub fn total_minor(&self) -> u64 {
        self.bill_minor + self.tip_minor
    }

    /// What each of `seats` had, where the bill is itemised: sums to the bill.
    #[must_use]
    pub fn dishes(&self, seats: &[Seat]) -> Vec<u64> {
        let weights: u64 = seats.iter().map(|seat| u64::from(seat.weight)).sum();
        let part = |seat: &Seat| self.bill_minor * u64::from(seat.weight) / weights;
        let mut dishes: Vec<u64> = seats.iter().map(part).collect();
        dishes[0] += self.bill_minor - dishes.iter().sum::<u64>();
        dishes
    }
}

/// One table, from arrival to the last refund.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Outing {
    /// Its number, from zero.
    pub number: u64,
    /// When it arrives.
    pub at_ms: u64,
    /// Who sits there; the host first.
    pub seats: Vec<Seat>,
    /// How bills are divided.
    pub split: SplitKind,
    /// What happens when somebody is short.
    pub shortfall: ShortfallRule,
    /// What is paid.
    pub stops: Vec<Stop>,
}

impl Outing {
    /// Everybody's percentage by weight, in basis points: sums to ten thousand.
    #[must_use]
    pub fn basis_points(&self) -> Vec<u32> {
        let weights: u32 = self.seats.iter().map(|seat| seat.weight).sum();
        let mut parts: Vec<u32> =
            self.seats.iter().map(|seat| 10_000 * seat.weight / weights).collect();
        parts[0] += 10_000 - parts.iter().sum::<u32>();
        parts
    }
}

/// How many there are of everything at one scale.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sizes {
    /// Tables in the mean.
    pub tables: u64,
    /// People.
    pub people: usize,
    /// Merchants.
    pub merchants: usize,
}

impl Scenario {
    /// How many there are of everything when the evening is `scale` times as large. The celebrity
    /// and the named merchants stay as they are, and there are always people and merchants enough
    /// for the largest table and for all shares of visits, as the file itself has them.
    #[must_use]
    pub fn sizes(&self, scale: f64) -> Sizes {
        let scaled = |count: u64| {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "counts of a file are small, and the cast saturates"
            )]
            let scaled = (count as f64 * scale).ceil() as u64;
            usize::try_from(scaled.max(1)).unwrap_or(usize::MAX)
        };
        Sizes {
            tables: scaled(self.evening.tables.get()) as u64,
            people: scaled(self.people.count.get_ref().get()).max(self.largest_party()),
            merchants: scaled(self.merchants.count.get()).max(self.merchants_min()),
        }
    }

    /// The most that sit at one table.
    #[must_use]
    pub fn largest_party(&self) -> usize {
        let party = match &self.party {
            Some(party) => party.get_ref().sizes.parts().map(|(seats, _)| seats.0).max(),
            None => self.rows.iter().map(|row| row.diners).max(),
        };
        let celebrity = self.celebrity.as_ref().map(|celebrity| celebrity.get_ref().diners.size());
        party.into_iter().chain(celebrity).max().unwrap_or(1)
    }

    /// When the morning after begins: the last stop of the latest table is over, the night left out.
    #[must_use]
    pub fn morning_ms(&self) -> u64 {
        let latest = |spread: &Spread| spread.ends().1;
        let evening = &self.evening;
        let stops: u64 = self.next_stops.iter().map(|stop| latest(&stop.after)).sum();
        let first = latest(&evening.join) + latest(&evening.bill_after);
        let scans = latest(&evening.scan_after) * (self.next_stops.len() as u64 + 1);
        // An order has a minute from its scan to its end.
        evening.curve.end_ms() + first + stops + scans + 60_000
    }

    /// What a person has, in minor units.
    #[must_use]
    pub fn purse_minor(&self, person: usize, seed: u64) -> u64 {
        let people = &self.people;
        let mut chance = Chance::of(seed ^ (person as u64).wrapping_mul(PRIME), "purses");
        let short = people.short_share.hits(&mut chance);
        if short { people.short_purse_minor.get_ref().get() } else { people.purse_minor.get() }
    }
}

/// Spreads numbers over all bits. Source: the golden ratio's fraction, as in `SplitMix64`.
const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;

/// Outing after outing, in the order of arrival.
#[derive(Clone, Debug)]
pub struct Script<'a> {
    scenario: &'a Scenario,
    seed: u64,
    /// All people in the order in which they go out, round after round.
    people: Vec<usize>,
    turn: usize,
    /// Which merchant gets a draw, as the upper ends of their parts.
    visits: Vec<u64>,
    arrivals: Chance,
    tables: f64,
    /// Arrivals so far, by the clock of a process with one arrival a unit.
    passed: f64,
    next_ms: Option<u64>,
    celebrity_ms: Option<u64>,
    number: u64,
    morning_ms: u64,
}

impl<'a> Script<'a> {
    /// The evening of `seed`, `scale` times as large as the file says.
    #[must_use]
    pub fn new(scenario: &'a Scenario, scale: f64, seed: u64) -> Self {
        Self::of(scenario, scenario.sizes(scale), seed)
    }

    /// The evening of `seed` with so many of everything.
    #[must_use]
    pub fn of(scenario: &'a Scenario, sizes: Sizes, seed: u64) -> Self {
        let mut people: Vec<usize> = (0..sizes.people).collect();
        Chance::of(seed, "people").shuffle(&mut people);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let tables = sizes.tables as f64;
        let mut script = Self {
            scenario,
            seed,
            people,
            turn: 0,
            visits: visits(scenario, sizes.merchants),
            arrivals: Chance::of(seed, "arrivals"),
            tables,
            passed: 0.0,
            next_ms: None,
            celebrity_ms: scenario.celebrity.as_ref().map(|celebrity| celebrity.get_ref().at_ms),
            number: 0,
            morning_ms: scenario.morning_ms(),
        };
        script.arrive();
        script
    }

    /// Draws the next arrival: a Poisson process whose rate follows the curve.
    fn arrive(&mut self) {
        self.passed -= self.arrivals.fraction().ln();
        let curve = &self.scenario.evening.curve;
        let comes = self.passed < self.tables;
        self.next_ms = comes.then(|| curve.moment_ms(self.passed / self.tables));
    }

    fn person(&mut self) -> usize {
        let person = self.people[self.turn];
        self.turn = (self.turn + 1) % self.people.len();
        person
    }

    fn outing(&mut self, at_ms: u64, celebrity: Option<usize>) -> Outing {
        let (scenario, number) = (self.scenario, self.number);
        self.number += 1;
        let mut chance = Chance::of(self.seed ^ number.wrapping_mul(PRIME), "outing");
        let row = (!scenario.rows.is_empty()).then(|| {
            let rows = scenario.rows.len() as u64;
            let at = usize::try_from(number % rows).expect("below a length");
            scenario.rows[at]
        });
        let diners = match (celebrity, &scenario.party, row) {
            (Some(diners), ..) => diners,
            (None, Some(party), _) => party.get_ref().sizes.draw(&mut chance).0,
            (None, None, row) => row.map_or(1, |row| row.diners),
        };
        let split = scenario.split.draw(&mut chance);
        let (split, shortfall) = match celebrity {
            // Whoever treats five hundred people has arranged it with the bank.
            Some(_) => (SplitKind::Equal, scenario.shortfall.draw(&mut chance)),
            None => (split, scenario.shortfall.draw(&mut chance)),
        };
        let amounts = match row.filter(|_| celebrity.is_none()) {
            Some(row) => (row.bill.minor().unsigned_abs(), row.tip.minor().unsigned_abs()),
            None => bill(scenario.bill.get_ref(), diners, &mut chance)
                .unwrap_or_else(|| row_share(row, diners)),
        };
        let seats = self.seats(diners, amounts.0 + amounts.1, &mut chance);
        let stops = self.stops(&seats, amounts, &mut chance);
        Outing { number, at_ms, seats, split, shortfall, stops }
    }

    fn seats(&mut self, diners: usize, first_minor: u64, chance: &mut Chance) -> Vec<Seat> {
        let Scenario { confirm, connection, people, evening, .. } = self.scenario;
        // A cap of half an equal share makes sure that its owner is asked.
        let low_cap = first_minor / diners as u64 / 2;
        let mut seats: Vec<Seat> = (0..diners)
            .map(|seat| {
                let asked = confirm.asked_share.get_ref().hits(chance);
                let manner = manner(confirm, chance);
                let joins_ms = evening.join.draw(chance);
                let cut = (chance.below(1_000), connection.back_after.draw(chance));
                let is_cut = connection.cut_share.hits(chance);
                let seated = evening.bill_after.ends().1.max(1_000);
                Seat {
                    person: self.person(),
                    joins_ms: if seat == 0 { 0 } else { joins_ms },
                    cap_minor: if asked { low_cap } else { people.cap_minor.get_ref().get() },
                    manner,
                    weight: u32::try_from(1 + chance.below(3)).expect("a small number"),
                    cut: is_cut.then_some((seated * cut.0 / 1_000, cut.1)),
                }
            })
            .collect();
        seats[1..].sort_by_key(|seat| seat.joins_ms);
        seats
    }

    fn stops(
        &self,
        seats: &[Seat],
        (bill_minor, tip_minor): (u64, u64),
        chance: &mut Chance,
    ) -> Vec<Stop> {
        let Scenario { evening, next_stops, .. } = self.scenario;
        let seated = seats.iter().map(|seat| seat.joins_ms).max().unwrap_or(0);
        let mut shown_ms = seated + evening.bill_after.draw(chance);
        let mut stops = vec![self.stop(0, shown_ms, seats.len(), (bill_minor, tip_minor), chance)];
        for (next, kind) in next_stops.iter().zip(1..) {
            // Drawn for every stop, so that a share that changes shifts no other draw.
            let goes = next.share.hits(chance);
            let after = next.after.draw(chance);
            let bill = next.per_diner_minor.draw(chance) * seats.len() as u64;
            if !goes {
                break;
            }
            shown_ms += after;
            stops.push(self.stop(kind, shown_ms, seats.len(), (bill, 0), chance));
        }
        stops
    }

    fn stop(
        &self,
        kind: usize,
        shown_ms: u64,
        diners: usize,
        (bill_minor, tip_minor): (u64, u64),
        chance: &mut Chance,
    ) -> Stop {
        let Scenario { evening, merchants, refunds, .. } = self.scenario;
        let scanned_ms = shown_ms + evening.scan_after.draw(chance);
        let shown_by = chance.place(diners);
        let ticket = chance.below(*self.visits.last().expect("one merchant at least"));
        let merchant = self.visits.partition_point(|end| *end <= ticket);
        let retried = merchants.retry_share.hits(chance);
        let retried_ms = retried.then(|| merchants.retry_after.draw(chance));
        let total = bill_minor + tip_minor;
        let refund = refunds.as_ref().and_then(|refunds| {
            let at_ms = self.morning_ms + refunds.at.draw(chance);
            let whole = refunds.whole_share.hits(chance);
            let part = total * refunds.part_permille.draw(chance) / 1_000;
            // Of a few cents, a part may be less than one.
            let part_minor = (!whole).then_some(part.max(1));
            refunds.share.hits(chance).then_some(Back { at_ms, part_minor })
        });
        Stop {
            kind,
            shown_ms,
            scanned_ms,
            shown_by,
            merchant,
            bill_minor,
            tip_minor,
            retried_ms,
            refund,
        }
    }
}

/// One draw decides between no answer, a no and a yes: both shares are of all who are asked.
fn manner(confirm: &Confirm, chance: &mut Chance) -> Manner {
    let after_ms = confirm.answer_after.draw(chance);
    let ticket = chance.below(WHOLE.into());
    let silent = u64::from(confirm.vanish_share.get_ref().millionths());
    let no = u64::from(confirm.refuse_share.millionths());
    if ticket < silent {
        return Manner::Vanishes;
    }
    Manner::Says { yes: ticket >= silent + no, after_ms }
}

fn bill(source: &BillSource, diners: usize, chance: &mut Chance) -> Option<(u64, u64)> {
    let bill = source.per_diner_minor.as_ref()?.draw(chance) * diners as u64;
    let tip = source.tip_permille.as_ref().map_or(0, |tip| tip.draw(chance));
    Some((bill, bill * tip / 1_000))
}

/// What a party of another size would have paid by the same row.
fn row_share(row: Option<crate::bills::BillRow>, diners: usize) -> (u64, u64) {
    let Some(row) = row else { return (diners as u64, 0) };
    let each = row.total.minor().unsigned_abs() / row.diners as u64;
    (each.max(1) * diners as u64, 0)
}

/// The parts of all merchants: the named ones as they say, the others by their rank.
fn visits(scenario: &Scenario, merchants: usize) -> Vec<u64> {
    /// All visits, in parts that are fine enough for a million merchants.
    const ALL: u64 = 1 << 40;
    let hot = &scenario.merchants.hot;
    let named = hot.iter().map(|hot| {
        let share: &Share = hot.share.get_ref();
        ALL / 1_000_000 * u64::from(share.millionths())
    });
    let mut parts: Vec<u64> = named.collect();
    let left = ALL - parts.iter().sum::<u64>();
    let rank = |rank: usize| {
        #[expect(clippy::cast_precision_loss, reason = "a million merchants at most")]
        let rank = rank as f64;
        rank.powf(-scenario.merchants.zipf)
    };
    let others = 1..=merchants - hot.len();
    let sum: f64 = others.clone().map(rank).sum();
    parts.extend(others.map(|at| {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "2^40 parts at most"
        )]
        let part = (left as f64 * rank(at) / sum) as u64;
        part.max(u64::from(left > 0))
    }));
    let ends = parts.iter().scan(0, |end, part| {
        *end += part;
        Some(*end)
    });
    ends.collect()
}

impl Iterator for Script<'_> {
    type Item = Outing;

    fn next(&mut self) -> Option<Outing> {
        let first = self.celebrity_ms.filter(|at| self.next_ms.is_none_or(|next| *at <= next));
        if let Some(at_ms) = first {
            self.celebrity_ms = None;
            let celebrity = self.scenario.celebrity.as_ref();
            return celebrity
                .map(|celebrity| celebrity.get_ref().diners.size())
                .map(|diners| self.outing(at_ms, Some(diners)));
        }
        let at_ms = self.next_ms?;
        let outing = self.outing(at_ms, None);
        self.arrive();
        Some(outing)
    }
}
