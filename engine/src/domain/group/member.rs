//! Member: one diner of an outing, what was agreed to and what was paid. The cap is for all of it (G-3).

use serde::{Deserialize, Serialize};

use crate::{
    broken::{Bug, has},
    domain::event::{Consent, Sources},
    id::WalletId,
    money::Amount,
};

/// One diner in the group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Member {
    /// Whose wallet pays.
    pub wallet: WalletId,
    /// What the member agreed to.
    pub consent: Consent,
    /// What the outing has cost the member so far, refunds given back.
    pub spent: Amount,
    /// How much of the cap is there because the member said yes to shares above it, and goes again with a
    /// refund: a yes is to one share.
    #[serde(default)]
    pub raised: Amount,
    /// Fair-cent memory, in millionths of a minor unit.
    pub carry_micro: i64,
}

impl Member {
    /// Somebody who has paid nothing yet.
    #[must_use]
    pub fn new(wallet: WalletId, consent: Consent) -> Self {
        Self { wallet, consent, spent: Amount::ZERO, raised: Amount::ZERO, carry_micro: 0 }
    }

    /// The same who comes again as `former`, and agrees to `consent` for all of the outing.
    pub(super) fn again(former: &Self, consent: Consent) -> Self {
        Self { consent, raised: Amount::ZERO, ..*former }
    }

    /// Pays `amount`, after a yes to this very share or without one.
    pub(super) fn pay(&mut self, amount: Amount, confirmed: bool) {
        self.spent = self.spent.checked_add(amount).expect("G-3: spent fits 64 bits");
        let beyond = self.spent.beyond(self.consent.cap);
        if confirmed && beyond.is_positive() {
            self.consent.cap = self.spent;
            self.raised = self.raised.checked_add(beyond).expect("G-3: raised is within spent");
        }
    }

    /// Gets `amount` back.
    pub(super) fn get_back(&mut self, amount: Amount) {
        let lowered = self.raised.min(amount);
        self.spent = self.spent.beyond(amount);
        self.raised = self.raised.beyond(lowered);
        self.consent.cap = self.consent.cap.beyond(lowered);
    }

    /// What the member may still pay without being asked.
    #[must_use]
    pub fn room(&self) -> Amount {
        self.consent.cap.beyond(self.spent)
    }

    /// What pays the member's shares, in the order that the member chose; none is the own wallet alone,
    /// and nobody has another today.
    #[must_use]
    pub fn sources(&self) -> Sources {
        Sources::new()
    }

    /// Whether a share of `owed` needs this member's yes.
    #[must_use]
    pub fn must_confirm(&self, owed: Amount) -> bool {
        if has(Bug::NeverAsk) {
            return false;
        }
        owed > self.room() || self.consent.confirm_above.is_some_and(|above| owed > above)
    }

    /// What a member who owes `owed` may take over from others without being asked: nothing for who is
    /// asked, because a yes is to one share.
    #[must_use]
    pub fn spare(&self, owed: Amount) -> Amount {
        if self.must_confirm(owed) {
            return Amount::ZERO;
        }
        let above = self.consent.confirm_above;
        above.map_or(self.room(), |above| above.min(self.room())).beyond(owed)
    }
}
