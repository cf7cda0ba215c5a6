//! The table: diners found by wallet, and whose turn it is when remainders tie.

use smallvec::SmallVec;

use super::{Diner, SplitError};
use crate::{domain::bill::Bill, id::WalletId, limits};

/// Seats in some order: indices into the diners. A usual table needs no allocation.
pub(super) type Seats = SmallVec<[usize; 16]>;

pub(super) struct Table<'a> {
    pub(super) bill: &'a Bill,
    pub(super) diners: &'a [Diner],
    /// All seats, by wallet: the one order that does not depend on who was listed first.
    by_wallet: Seats,
}

impl<'a> Table<'a> {
    pub(super) fn new(bill: &'a Bill, diners: &'a [Diner]) -> Result<Self, SplitError> {
        if diners.is_empty() {
            return Err(SplitError::NoDiners);
        }
        if diners.len() > limits::GROUP_MEMBERS_MAX {
            return Err(SplitError::TooManyDiners);
        }
        let mut by_wallet: Seats = (0..diners.len()).collect();
        let ascending = diners.is_sorted_by(|one, next| one.wallet < next.wallet);
        if !ascending {
            by_wallet.sort_unstable_by_key(|&seat| diners[seat].wallet);
            let same = |pair: &&[usize]| diners[pair[0]].wallet == diners[pair[1]].wallet;
            if let Some(pair) = by_wallet.windows(2).find(same) {
                return Err(SplitError::DinerRepeated { diner: diners[pair[0]].wallet });
            }
        }
        Ok(Self { bill, diners, by_wallet })
    }

    /// Where `diner` sits.
    pub(super) fn seat(&self, diner: WalletId) -> Result<usize, SplitError> {
        self.by_wallet
            .binary_search_by_key(&diner, |&seat| self.diners[seat].wallet)
            .map(|place| self.by_wallet[place])
            .map_err(|_| SplitError::UnknownDiner { diner })
    }

    /// All seats in the order in which ties are broken: by wallet, beginning with another one for
    /// each bill, so that the odd cent does not follow one person.
    pub(super) fn turn(&self) -> impl Iterator<Item = usize> {
        let first = seat_of_seed(self.bill.id(), self.by_wallet.len());
        let (later, sooner) = self.by_wallet.split_at(first);
        sooner.iter().chain(later).copied()
    }
}

/// The first of `seats` in turn for a bill or refund with this `seed`; the first of all if none.
pub(super) fn seat_of_seed(seed: u64, seats: usize) -> usize {
    let seats = u64::try_from(seats).unwrap_or(u64::MAX);
    seed.checked_rem(seats).and_then(|seat| usize::try_from(seat).ok()).unwrap_or(0)
}
