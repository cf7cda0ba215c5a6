//! Claims: what bills and commands that are under way may have set aside, wallet by wallet (W-2).
//!
//! People know what they ask for, and not when an actor sets it aside. So this is the most that there can
//! be, a whole bill in each of its diners' wallets; once nothing of a wallet is under way, it is nothing.

use std::{cell::RefCell, collections::BTreeMap, future::Future, rc::Rc};

use fanju::{id::WalletId, money::Amount};

/// The claims of one life; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Claims(Rc<RefCell<BTreeMap<WalletId, i64>>>);

/// A bill or command under way; dropped, it is answered.
#[derive(Debug)]
pub struct Claim {
    claims: Claims,
    wallets: Vec<WalletId>,
    most: i64,
}

impl Claims {
    /// From now on each of `wallets` may have `most` set aside for something that is asked.
    #[must_use]
    pub fn lay(&self, wallets: &[WalletId], most: Amount) -> Claim {
        let (wallets, most) = (wallets.to_vec(), most.minor());
        let mut claims = self.0.borrow_mut();
        for wallet in &wallets {
            *claims.entry(*wallet).or_default() += most;
        }
        drop(claims);
        Claim { claims: self.clone(), wallets, most }
    }

    /// The most that `wallet` can have set aside by now, in minor units.
    #[must_use]
    pub fn on(&self, wallet: WalletId) -> i64 {
        self.0.borrow().get(&wallet).copied().unwrap_or(0)
    }
}

impl Claim {
    /// What answers; until then it is under way.
    pub async fn until<T>(self, answer: impl Future<Output = T>) -> T {
        answer.await
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut claims = self.claims.0.borrow_mut();
        for wallet in &self.wallets {
            *claims.entry(*wallet).or_default() -= self.most;
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_is_answered_claims_nothing_any_more() {
        let (claims, minor) = (Claims::default(), Amount::from_minor);
        let [ana, ben] = [1, 2].map(|id| WalletId(Uuid::from_u128(id)));
        let bill = claims.lay(&[ana, ben], minor(900));
        let transfer = claims.lay(&[ana], minor(50));
        assert_eq!((claims.on(ana), claims.on(ben)), (950, 900));
        drop(bill);
        assert_eq!((claims.on(ana), claims.on(ben)), (50, 0));
        drop(transfer);
        assert_eq!(claims.on(ana), 0);
    }
}
