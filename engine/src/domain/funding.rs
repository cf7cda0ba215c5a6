//! Funding: where a share's money comes from, in the order that its payer chose.
//!
//! [`plan`] is the waterfall: family card, group account, own wallet, each as far as it reaches.
//! [`allot`] is the agreement beside it: half from one, half from the other. Both compose: what a
//! source gives may itself be planned. No source gives more than it has, nor more than its owner
//! allows, and nobody gives anything unless all of it is there.

use super::split::{ApportionError, floors};
use crate::money::Amount;

/// Something that can pay: a card, a kitty, a wallet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source {
    /// What it has, an agreed overdraft included.
    pub available: Amount,
    /// The most that its owner lets it give, if there is such a limit.
    pub max: Option<Amount>,
}

impl Source {
    /// The most that it can give: nothing where it has less than nothing.
    #[must_use]
    pub fn gives(self) -> Amount {
        self.max.map_or(self.available, |max| max.min(self.available)).max(Amount::ZERO)
    }
}

/// All sources together do not reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{amount} minor units are missing")]
pub struct Missing {
    /// How far they fall short.
    pub amount: Amount,
}

/// What each of `sources` gives towards `amount`: the first as much as it can, then the next.
///
/// # Errors
/// [`Missing`] when all of them together cannot give `amount`; nobody gives anything then.
pub fn plan(amount: Amount, sources: &[Source]) -> Result<Vec<Amount>, Missing> {
    let mut left = amount.max(Amount::ZERO);
    let parts = sources.iter().map(|source| take(&mut left, source.gives())).collect();
    if left.is_positive() { Err(Missing { amount: left }) } else { Ok(parts) }
}

/// What somebody who gives at most `gives` gives of what is `left`; less is left then.
pub fn take(left: &mut Amount, gives: Amount) -> Amount {
    let part = gives.min(*left);
    *left = left.beyond(part);
    part
}

/// `amount` by fixed portions: each cut to whole minor units, the odd ones to the first portions.
///
/// Unlike the shares of a bill this favours whoever is named first, on purpose: the agreement says
/// who that is. Source: Numscript allotments, formancehq/numscript.
///
/// # Errors
/// [`ApportionError::NoWeight`] when there are no portions, or nothing but zeros.
pub fn allot(amount: Amount, portions: &[u64]) -> Result<Vec<Amount>, ApportionError> {
    let weights: Vec<i128> = portions.iter().copied().map(i128::from).collect();
    let paying = (0..weights.len()).filter(|&portion| weights[portion] > 0);
    if portions.iter().all(|&portion| portion == 0) {
        return Err(ApportionError::NoWeight);
    }
    let parts = floors(i128::from(amount.minor()), &weights)
        .and_then(|floors| floors.raise(paying))
        .expect("the largest product is an amount by a portion: 63 bits and 64");
    let minor = |part| i64::try_from(part).expect("no part is larger than the amount");
    Ok(parts.into_iter().map(minor).map(Amount::from_minor).collect())
}
