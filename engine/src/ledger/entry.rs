//! Entries: postings that sum to zero.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::{
    id::{MerchantId, Topic, WalletId},
    money::Amount,
};

/// Who can own money in the books.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Account {
    /// A person's wallet.
    Wallet(WalletId),
    /// A merchant's takings.
    Merchant(MerchantId),
    /// The world outside, seen through the rail: its balance is minus all money inside.
    Clearing,
}

impl Account {
    /// The topic that tells of this account; the world outside has none.
    #[must_use]
    pub fn topic(self) -> Option<Topic> {
        match self {
            Self::Wallet(id) => Some(Topic::Wallet(id)),
            Self::Merchant(id) => Some(Topic::Merchant(id)),
            Self::Clearing => None,
        }
    }
}

/// One account's part of an entry: what its balance grows by, which may be negative.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Posting {
    /// Whose balance changes.
    pub account: Account,
    /// By how much.
    pub delta: Amount,
}

/// Postings that sum to zero (M-1), each account at most once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Entry {
    postings: SmallVec<[Posting; 9]>,
}

/// Postings that do not sum to zero, or sum past 64 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("postings do not sum to zero")]
pub struct Unbalanced;

impl Entry {
    /// An entry of `postings`; several postings to one account become one.
    ///
    /// # Errors
    /// [`Unbalanced`] unless they sum to zero.
    pub fn new(postings: impl IntoIterator<Item = Posting>) -> Result<Self, Unbalanced> {
        let mut merged: SmallVec<[Posting; 9]> = postings.into_iter().collect();
        let sum = Amount::checked_sum(merged.iter().map(|posting| posting.delta));
        if sum != Some(Amount::ZERO) {
            return Err(Unbalanced);
        }
        merge_accounts(&mut merged)?;
        Ok(Self { postings: merged })
    }

    /// The postings, in the order in which their accounts were first named.
    #[must_use]
    pub fn postings(&self) -> &[Posting] {
        &self.postings
    }
}

/// Joins postings of one account, keeping the order of first mention.
fn merge_accounts(postings: &mut SmallVec<[Posting; 9]>) -> Result<(), Unbalanced> {
    let repeated = if postings.len() <= 16 {
        (1..postings.len()).any(|i| {
            let (before, rest) = postings.split_at(i);
            before.iter().any(|posting| posting.account == rest[0].account)
        })
    } else {
        let mut accounts: Vec<Account> = postings.iter().map(|posting| posting.account).collect();
        accounts.sort_unstable();
        accounts.windows(2).any(|pair| pair[0] == pair[1])
    };
    if !repeated {
        return Ok(());
    }
    let mut index = std::collections::BTreeMap::new();
    let mut merged: SmallVec<[Posting; 9]> = SmallVec::new();
    for posting in postings.drain(..) {
        let at = *index.entry(posting.account).or_insert(merged.len());
        match merged.get_mut(at) {
            Some(first) => {
                first.delta = first.delta.checked_add(posting.delta).ok_or(Unbalanced)?
            }
            None => merged.push(posting),
        }
    }
    *postings = merged;
    Ok(())
}
