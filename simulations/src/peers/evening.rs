//! Evening: the dinners that every side settles, drawn once from the seed.

use fanju::{domain::text::OrderNo, money::Amount};

use crate::{
    peers::side::Totals,
    values::Diners,
    workload::{Dinner, Menu, Numbers, Seating, Workload},
};

/// The menu of every evening.
pub static MENU: Menu = Menu::Published;

/// Everybody, and every dinner in order.
#[derive(Debug)]
pub struct Evening {
    /// Who sits where.
    pub seating: Seating,
    /// What is settled, in this order.
    pub dinners: Vec<Dinner>,
    /// How many wallets there are.
    pub wallets: usize,
    /// How many merchants there are.
    pub merchants: usize,
    /// What each wallet begins with: nobody runs short.
    pub funds: Amount,
}

/// A dinner as a database takes it: plain numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Meal {
    /// Who is paid.
    pub merchant: i64,
    /// Under which number.
    pub order_no: String,
    /// How much, in minor units.
    pub total: i64,
    /// Who pays.
    pub diners: Vec<i64>,
    /// Each one's share, in the same order.
    pub shares: Vec<i64>,
}

/// Databases count in 64 bits with a sign.
pub(crate) fn number(place: usize) -> i64 {
    i64::try_from(place).expect("a place in a list in memory")
}

impl Evening {
    /// Draws `dinners` dinners.
    ///
    /// # Errors
    /// What is wrong, for the user: a party larger than all wallets together.
    pub fn draw(
        wallets: usize,
        merchants: usize,
        diners: Diners,
        dinners: u64,
        seed: u64,
    ) -> Result<Self, String> {
        let numbers = Numbers { wallets, merchants, diners, dinners: Some(dinners) };
        let workload = Workload::new(&MENU, numbers, seed)?;
        let (seating, funds) = (workload.seating().clone(), workload.funds(dinners));
        Ok(Self { seating, dinners: workload.collect(), wallets, merchants, funds })
    }

    /// A dinner in plain numbers: equal shares, and the odd cents to seats in turn.
    #[must_use]
    pub fn meal(&self, dinner: &Dinner) -> Meal {
        let diners: Vec<i64> =
            self.seating.party(dinner.party).iter().copied().map(number).collect();
        let (seats, total) = (number(diners.len()), dinner.total.minor());
        let first = i64::try_from(dinner.number).expect("a run has few dinners") % seats;
        let share = |seat: i64| {
            let turn = (seat - first).rem_euclid(seats);
            total / seats + i64::from(turn < total % seats)
        };
        Meal {
            merchant: number(dinner.merchant),
            order_no: dinner.order_no.to_string(),
            total,
            shares: (0..seats).map(share).collect(),
            diners,
        }
    }

    /// What has to be there once every dinner was settled, and nothing else.
    #[must_use]
    pub fn expected(&self) -> Totals {
        let mut merchants_minor = vec![0_i128; self.merchants];
        for dinner in &self.dinners {
            merchants_minor[dinner.merchant] += i128::from(dinner.total.minor());
        }
        let paid: i128 = merchants_minor.iter().sum();
        let brought = i128::from(self.funds.minor()) * i128::from(number(self.wallets));
        let orders = self.dinners.len() as u64;
        Totals { orders, wallets_minor: brought - paid, merchants_minor, faults: Vec::new() }
    }

    /// A dinner after all others: the first one's party once more, under a number of its own.
    #[must_use]
    pub fn late_dinner(&self) -> Dinner {
        let order_no = OrderNo::new("after-the-last").expect("a good number");
        Dinner { order_no, number: self.dinners.len() as u64, ..self.dinners[0].clone() }
    }

    /// One who sits at the late dinner, and one who does not.
    #[must_use]
    pub fn giver_and_taker(&self) -> (usize, usize) {
        let party = self.seating.party(self.dinners[0].party);
        let elsewhere = (0..self.wallets).find(|wallet| !party.contains(wallet));
        (party[0], elsewhere.unwrap_or(party[party.len() - 1]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_to_the_bill_and_odd_cents_take_turns() {
        let evening = Evening::draw(80, 3, Diners::Always(8), 200, 7).expect("fine");
        let mut first_seats_odd = 0;
        for dinner in &evening.dinners {
            let meal = evening.meal(dinner);
            assert_eq!(meal.shares.iter().sum::<i64>(), meal.total);
            let (least, most) = (meal.shares.iter().min(), meal.shares.iter().max());
            assert!(most <= least.map(|least| least + 1).as_ref(), "{meal:?}");
            first_seats_odd += usize::from(meal.shares[0] > meal.total / 8);
        }
        assert!((20..180).contains(&first_seats_odd), "{first_seats_odd}");
    }

    #[test]
    fn the_same_seed_is_the_same_evening() {
        let draw = |seed| Evening::draw(80, 3, Diners::Always(8), 50, seed).expect("fine");
        assert_eq!(draw(7).dinners, draw(7).dinners);
        assert_ne!(draw(7).dinners, draw(8).dinners);
        assert_eq!(draw(7).expected().orders, 50);
    }
}
