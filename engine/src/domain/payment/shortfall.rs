//! Shortfall: somebody does not pay what a share asks, and the rule that was chosen before the scan says
//! who does.

use super::{Actions, Consent, Payment, Seat, Step, draws::sum};
use crate::{
    domain::{
        event::{DeclineReason, Shortfall},
        split,
    },
    id::WalletId,
    money::Amount,
};

/// Somebody who does not give what a share asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Lacking {
    pub(super) payer: WalletId,
    /// How far the payer's money reaches towards it.
    pub(super) reach: Amount,
}

impl Lacking {
    /// Whoever gives nothing at all.
    pub(super) fn all(payer: WalletId) -> Self {
        Self { payer, reach: Amount::ZERO }
    }
}

impl Payment {
    /// `lacking` do not pay what they owe: the rule that was chosen before the scan decides what now, for
    /// all of them at once. If nobody helps, the order ends for the `reason` of the first who cannot be
    /// helped.
    pub(super) fn fall_short(
        &mut self,
        mut lacking: Vec<Lacking>,
        mut reason: fn(WalletId) -> DeclineReason,
    ) -> Step {
        loop {
            let helped = match self.shortfall {
                Shortfall::Decline => Err(lacking.first().map(|one| one.payer)),
                Shortfall::HostCovers => self.host_covers(&lacking),
                Shortfall::Reshare => self.reshare(&lacking),
            };
            if let Err(diner) = helped {
                return self.decline(reason(diner.expect("somebody falls short")));
            }
            let mut actions = Actions::new();
            match self.plan(&mut actions) {
                Ok(()) => return Step { actions, verdict: self.verdict() },
                // Who helps may not reach as far either; each round somebody helps less than before.
                Err(beyond) => (lacking, reason) = (beyond, short),
            }
        }
    }

    /// The host takes over what `lacking` owe, as far as the host gives unasked; else names the first whom
    /// that would not help.
    fn host_covers(&mut self, lacking: &[Lacking]) -> Result<(), Option<WalletId>> {
        let host = self.host;
        let own = |seat: &Seat| seat.payer == host;
        let mut total: Amount = self.seats.iter().filter(|s| own(s)).map(|seat| seat.owed).sum();
        for &Lacking { payer: diner, .. } in lacking {
            let seat = self.seats.iter_mut().find(|seat| seat.diner == diner);
            let seat = seat.filter(|seat| !own(seat)).ok_or(Some(diner))?;
            let covered =
                total.checked_add(seat.owed).filter(|total| *total <= self.host_gives_most);
            total = covered.ok_or(Some(diner))?;
            seat.payer = host;
            seat.consent = Consent::Given;
        }
        self.forget_cents();
        Ok(())
    }

    /// The others take over what `lacking` do not give, in proportion to what they owe themselves and
    /// within their caps; else names the first of them. Whoever reaches as far as the own share pays
    /// that, and of what others owe no more than there is: keeping just one's share in the wallet is no
    /// way to dine for nothing.
    fn reshare(&mut self, lacking: &[Lacking]) -> Result<(), Option<WalletId>> {
        let mut missing = Amount::ZERO;
        self.forget_cents();
        self.seats.retain_mut(|seat| {
            let Some(Lacking { reach, .. }) = lacking.iter().find(|one| one.payer == seat.payer)
            else {
                return true;
            };
            // Whoever is short has less than what was asked, whatever he says.
            let reach = (*reach).min(seat.owed.beyond(Amount::from_minor(1)));
            let stays = reach >= seat.own;
            let gives = if stays { seat.own } else { Amount::ZERO };
            let taken_over = seat.owed.beyond(seat.own);
            seat.room = sum(seat.room, taken_over).min(reach.beyond(seat.own));
            missing = sum(missing, seat.owed.beyond(gives));
            seat.owed = gives;
            stays
        });
        let first = lacking.first().map(|one| one.payer);
        if missing.is_positive() && self.spread(missing) { Ok(()) } else { Err(first) }
    }

    /// Leaves the odd cents of this bill out of the fair-cent memory, once somebody pays what another owes:
    /// it would reward those who are short, and remember what nobody paid.
    fn forget_cents(&mut self) {
        self.seats.iter_mut().for_each(|seat| seat.carry_micro = 0);
    }

    /// Spreads `amount` over the seats by what they owe, in whole cash steps, nobody beyond his
    /// room. Says whether it fits.
    fn spread(&mut self, amount: Amount) -> bool {
        let step = self.step.minor();
        let steps = |amount: Amount| {
            Amount::from_minor(amount.minor().checked_div(step).expect("a step is positive"))
        };
        let whole = |steps: Amount| {
            Amount::from_minor(steps.minor().checked_mul(step).expect("it was divided by it"))
        };
        let mut left = amount;
        while steps(left).is_positive() {
            let weigh = |seat: &Seat| match steps(seat.room).is_positive() {
                true => seat.owed,
                false => Amount::ZERO,
            };
            let weights: Vec<Amount> = self.seats.iter().map(weigh).collect();
            let parts = split::apportion(steps(left), &weights, self.bill.id());
            let Ok(parts) = parts else { return false };
            for (seat, part) in self.seats.iter_mut().zip(parts) {
                let part = whole(part.min(steps(seat.room)));
                seat.owed = seat.owed.checked_add(part).expect("G-2: a share fits the bill");
                seat.room = seat.room.checked_sub(part).expect("G-3: part is within room");
                left = left.checked_sub(part).expect("G-2: parts sum to what is left");
            }
        }
        left == Amount::ZERO
    }
}

pub(super) fn short(diner: WalletId) -> DeclineReason {
    DeclineReason::Short { diner }
}
