//! Live group codes: which digits lead to which group, and the one atomic step that spends them.
//!
//! Exactly one scan wins a code, whoever comes from whichever thread ([`Claim`] is model-checked).
//! A code is spent even when the payment then fails.

use std::sync::Arc;

use dashmap::DashMap;

use super::{claim::Claim, error::Error, group::GroupActor, seat::Seat};
use crate::{
    broken::{Bug, has},
    domain::code::{Code, ShownCode},
    time::Timestamp,
};

struct LiveCode {
    claim: Claim,
    expires_at: Timestamp,
    group: Arc<Seat<GroupActor>>,
}

/// Every code that a group shows or has just shown.
#[derive(Default)]
pub(crate) struct Codes {
    live: DashMap<Code, LiveCode, crate::hash::IdState>,
}

impl Codes {
    /// Makes a fresh code known. `false`: another group happens to show the same digits.
    pub(crate) fn publish(&self, shown: ShownCode, group: Arc<Seat<GroupActor>>) -> bool {
        let mut fresh = false;
        let entry = self.live.entry(shown.code);
        entry.or_insert_with(|| {
            fresh = true;
            LiveCode { claim: Claim::default(), expires_at: shown.expires_at, group }
        });
        fresh
    }

    /// Forgets a code that is over.
    pub(crate) fn retire(&self, code: Code) {
        self.live.remove(&code);
    }

    /// Forgets every code that expired before `now`.
    pub(crate) fn retire_expired(&self, now: Timestamp) {
        self.live.retain(|_, live| live.expires_at > now);
    }

    /// Spends `code` and says whose it was.
    ///
    /// # Errors
    /// [`Error::UnknownCode`], [`Error::ExpiredCode`] or [`Error::SpentCode`].
    pub(crate) fn claim(&self, code: Code, now: Timestamp) -> Result<Arc<Seat<GroupActor>>, Error> {
        let live = self.live.get(&code).ok_or(Error::UnknownCode)?;
        if live.expires_at <= now {
            return Err(Error::ExpiredCode);
        }
        if !live.claim.take() && !has(Bug::ReuseCodes) {
            return Err(Error::SpentCode);
        }
        Ok(Arc::clone(&live.group))
    }

    /// Whose code it is, without spending it: how a friend joins.
    ///
    /// # Errors
    /// As [`Codes::claim`].
    pub(crate) fn peek(&self, code: Code, now: Timestamp) -> Result<Arc<Seat<GroupActor>>, Error> {
        let live = self.live.get(&code).ok_or(Error::UnknownCode)?;
        if live.expires_at <= now {
            return Err(Error::ExpiredCode);
        }
        if live.claim.is_taken() {
            return Err(Error::SpentCode);
        }
        Ok(Arc::clone(&live.group))
    }
}
