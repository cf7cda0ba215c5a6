//! Told: what the phones of one table were told of paid bills, held against what its till was.

use std::{collections::BTreeMap, time::Instant};

/// A paid bill, as a till or a phone was told of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Paid {
    /// Which order.
    pub order_no: String,
    /// How much, in minor units.
    pub total: u64,
    /// Its record.
    pub position: u64,
    /// When this one was told.
    pub at: Instant,
}

/// What phones were told, by order number.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<String, Vec<Paid>>);

impl Told {
    /// A phone was told of a paid bill.
    pub(super) fn note(&mut self, paid: Paid) {
        self.0.entry(paid.order_no.clone()).or_default().push(paid);
    }

    fn of(&self, order_no: &str) -> &[Paid] {
        self.0.get(order_no).map_or(&[], Vec::as_slice)
    }

    /// Whether each of so many phones was told of each bill that the till was told of.
    pub(super) fn has_all(&self, paid: &[Paid], phones: usize) -> bool {
        paid.iter().all(|bill| self.of(&bill.order_no).len() >= phones)
    }

    /// When the last phone was told.
    pub(super) fn last(&self, order_no: &str) -> Option<Instant> {
        self.of(order_no).iter().map(|told| told.at).max()
    }

    /// In what the phones, so many, and the till contradict each other: a bill for a sentence.
    pub(super) fn contradictions(&self, paid: &[Paid], phones: usize) -> Vec<String> {
        let missed = paid.iter().filter_map(|Paid { order_no, .. }| {
            let told = self.of(order_no).len();
            (told != phones).then(|| format!("{order_no}: {told} of {phones} phones were told"))
        });
        let differs = self.0.iter().filter_map(|(order_no, told)| {
            let Some(till) = paid.iter().find(|bill| bill.order_no == *order_no) else {
                return Some(format!("{order_no}: phones were told that it is paid, and no till"));
            };
            let is_other = |it: &&Paid| (it.total, it.position) != (till.total, till.position);
            let Paid { total, position, .. } = told.iter().find(is_other)?;
            let (due, at) = (till.total, till.position);
            Some(format!("{order_no}: {total} at {position} to a phone, {due} at {at} to the till"))
        });
        missed.chain(differs).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_and_till_are_told_of_the_same_bills_the_same_amounts_and_the_same_records() {
        let at = Instant::now();
        let paid = |order_no: &str, total, position| Paid {
            order_no: order_no.to_owned(),
            total,
            position,
            at,
        };
        let told = |all: &[Paid]| {
            let mut told = Told::default();
            all.iter().for_each(|it| told.note(it.clone()));
            told
        };
        let till = [paid("a", 9, 3)];
        let whole = told(&[paid("a", 9, 3), paid("a", 9, 3)]);
        assert!(whole.has_all(&till, 2) && whole.last("a") == Some(at));
        assert_eq!(whole.contradictions(&till, 2), [""; 0]);
        for (heard, expected) in [
            (vec![paid("a", 9, 3)], "a: 1 of 2 phones were told"),
            (vec![paid("a", 9, 3), paid("a", 8, 3)], "a: 8 at 3 to a phone, 9 at 3 to the till"),
            (vec![paid("a", 9, 4), paid("a", 9, 3)], "a: 9 at 4 to a phone, 9 at 3 to the till"),
            (
                vec![paid("a", 9, 3), paid("a", 9, 3), paid("b", 1, 5)],
                "b: phones were told that it is paid, and no till",
            ),
        ] {
            assert_eq!(told(&heard).contradictions(&till, 2), [expected]);
        }
    }
}
