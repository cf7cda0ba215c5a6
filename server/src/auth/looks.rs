//! Looks: when a device has last shown a finger or a face, and what it has spent since.
//!
//! - between two looks a device spends no more than the amount that takes one, in one piece or
//!   in many, within [`limits::SPENT_COUNTS`] of the first of them. It is counted before it is spent,
//!   so that pieces that are sent at once are not each looked at alone.
//! - a look serves for money, or for one change of who can come in or act for a shop, and never for
//!   both. With the first amount, large or small, it is for money alone; a change takes it whole.
//!
//! Known in memory alone: after a restart a device begins anew, and its large amounts are asked for
//! again.

use std::{fmt, sync::Arc};

use dashmap::DashMap;
use fanju::{money::Amount, time::Timestamp};

use super::{limits, register::DeviceId};

/// What is known of every device; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Looks(Arc<DashMap<DeviceId, Device>>);

#[derive(Clone, Copy, Debug, Default)]
struct Device {
    fresh_until: Option<Timestamp>,
    /// Whether anything was spent with that look, or tried to be.
    is_for_money: bool,
    spent: i64,
    spent_since: Option<Timestamp>,
}

/// What [`Looks::spend`] let through, for [`Looks::not_spent`].
#[derive(Clone, Copy, Debug)]
#[must_use = "what comes to nothing is to be given back"]
pub struct Spent {
    device: DeviceId,
    amount: Amount,
    /// Where it was counted; nowhere after a fresh look.
    since: Option<Timestamp>,
}

/// A look that a change has taken. Its device has it back when this goes before
/// [`Look::use_up`]: a change that did not happen has used nothing.
#[must_use = "what goes at once has taken nothing"]
pub struct Look {
    looks: Looks,
    device: DeviceId,
    /// Until when it counts; `None` once it is used up.
    until: Option<Timestamp>,
}

impl Look {
    /// The change has happened, or may have.
    pub fn use_up(mut self) {
        self.until = None;
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        let Some(until) = self.until else { return };
        let mut known = self.looks.0.entry(self.device).or_default();
        // One that was shown since is the later one.
        if known.fresh_until.is_none() {
            known.fresh_until = Some(until);
        }
    }
}

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Look")
            .field("device", &self.device)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

impl Device {
    fn is_known_for(&self, now: Timestamp) -> bool {
        let is_fresh = self.fresh_until.is_some_and(|until| now < until);
        is_fresh || self.spent_since.is_some_and(|since| now < since.after(limits::SPENT_COUNTS))
    }
}

impl Looks {
    /// Until when `device` needs no other look.
    #[must_use]
    pub fn fresh_until(&self, device: DeviceId, now: Timestamp) -> Option<Timestamp> {
        self.0.get(&device)?.fresh_until.filter(|until| now < *until)
    }

    /// Takes note that `device` has shown a finger or a face: until when that counts.
    pub fn refresh(&self, device: DeviceId, now: Timestamp) -> Timestamp {
        self.0.retain(|_, device| device.is_known_for(now));
        let until = now.after(limits::LOOK_LASTS);
        let fresh = Device { fresh_until: Some(until), ..Device::default() };
        self.0.insert(device, fresh);
        until
    }

    /// Takes the look that `device` has shown, for one change of who can come in; nothing if it has
    /// shown none, or anything was spent since.
    #[must_use]
    pub fn take(&self, device: DeviceId, now: Timestamp) -> Option<Look> {
        let mut known = self.0.get_mut(&device)?;
        if known.is_for_money {
            return None;
        }
        let until = known.fresh_until.take_if(|until| now < *until);
        until.map(|until| Look { looks: self.clone(), device, until: Some(until) })
    }

    /// Lets `device` spend `amount` if that takes no other look, where `most` takes none; counts it.
    /// Nobody spends less than nothing: that would make room.
    pub fn spend(
        &self,
        device: DeviceId,
        amount: Amount,
        most: i64,
        now: Timestamp,
    ) -> Option<Spent> {
        let mut known = self.0.entry(device).or_default();
        if known.fresh_until.is_some_and(|until| now < until) {
            known.is_for_money = true;
            return Some(Spent { device, amount, since: None });
        }
        if !known.is_known_for(now) {
            *known = Device { spent_since: Some(now), ..Device::default() };
        }
        let since = Some(*known.spent_since.get_or_insert(now));
        let spent = known.spent.saturating_add(amount.minor());
        if amount.minor() < 0 || spent > most {
            return None;
        }
        known.spent = spent;
        Some(Spent { device, amount, since })
    }

    /// Takes back what was let through and came to nothing, where it was counted.
    pub fn not_spent(&self, Spent { device, amount, since }: Spent) {
        if let Some(mut known) = self.0.get_mut(&device)
            && since.is_some()
            && known.spent_since == since
        {
            known.spent = known.spent.saturating_sub(amount.minor());
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);
    const PHONE: DeviceId = DeviceId(Uuid::from_u128(1));
    const OTHER: DeviceId = DeviceId(Uuid::from_u128(2));

    fn spend(looks: &Looks, minor: i64, now: Timestamp) -> bool {
        looks.spend(PHONE, Amount::from_minor(minor), 1_000, now).is_some()
    }

    #[test]
    fn pieces_count_together() {
        let looks = Looks::default();
        assert!(!spend(&looks, 1_001, NOW));
        assert!(spend(&looks, 600, NOW));
        assert!(!spend(&looks, 401, NOW));
        assert!(spend(&looks, 400, NOW));
        assert!(!spend(&looks, 1, NOW));
        assert!(looks.spend(OTHER, Amount::from_minor(1_000), 1_000, NOW).is_some());
        assert!(spend(&looks, 1_000, NOW.after(limits::SPENT_COUNTS)));
    }

    #[test]
    fn a_look_counts_for_its_time_and_begins_the_sum_anew() {
        let looks = Looks::default();
        assert!(spend(&looks, 1_000, NOW));
        let until = looks.refresh(PHONE, NOW);
        assert_eq!(looks.fresh_until(PHONE, NOW), Some(until));
        assert!(spend(&looks, 1_000_000, NOW));
        assert_eq!(looks.fresh_until(PHONE, until), None);
        assert!(spend(&looks, 1_000, until));
        assert!(!spend(&looks, 1, until));
    }

    #[test]
    fn what_came_to_nothing_is_not_counted() {
        let looks = Looks::default();
        let counted = looks.spend(PHONE, Amount::from_minor(1_000), 1_000, NOW).expect("small");
        looks.not_spent(counted);
        assert!(spend(&looks, 1_000, NOW));
        // Not twice, where it was counted before; not at all, where it was not counted.
        let later = NOW.after(limits::SPENT_COUNTS);
        assert!(spend(&looks, 1_000, later));
        looks.not_spent(counted);
        assert!(!spend(&looks, 1, later));
        let until = looks.refresh(PHONE, later);
        let fresh = looks.spend(PHONE, Amount::from_minor(5_000), 1_000, later).expect("fresh");
        assert!(spend(&looks, 1_000, until));
        looks.not_spent(fresh);
        assert!(!spend(&looks, 1, until));
    }

    #[test]
    fn a_change_takes_the_look_and_gives_it_back_if_nothing_came_of_it() {
        let looks = Looks::default();
        assert!(looks.take(PHONE, NOW).is_none());
        let until = looks.refresh(PHONE, NOW);
        assert!(looks.take(OTHER, NOW).is_none());
        let look = looks.take(PHONE, NOW).expect("fresh");
        assert!(looks.take(PHONE, NOW).is_none());
        assert_eq!(looks.fresh_until(PHONE, NOW), None);
        assert!(!spend(&looks, 1_001, NOW));
        drop(look);
        assert_eq!(looks.fresh_until(PHONE, NOW), Some(until));
        looks.take(PHONE, NOW).expect("fresh").use_up();
        assert!(looks.take(PHONE, NOW).is_none());
        looks.refresh(PHONE, NOW);
        assert!(looks.take(PHONE, until).is_none());
    }

    #[test]
    fn what_comes_back_counts_no_longer_than_it_did_and_never_in_place_of_a_later_look() {
        let looks = Looks::default();
        let until = looks.refresh(PHONE, NOW);
        let look = looks.take(PHONE, NOW).expect("fresh");
        // Whoever is known for nothing is forgotten meanwhile.
        looks.refresh(OTHER, NOW);
        drop(look);
        assert_eq!(looks.fresh_until(PHONE, Timestamp(until.0 - 1)), Some(until));
        assert!(looks.take(PHONE, until).is_none());
        let later = Timestamp(NOW.0 + 1);
        let look = looks.take(PHONE, later).expect("fresh");
        let newer = looks.refresh(PHONE, later);
        drop(look);
        assert_eq!(looks.fresh_until(PHONE, later), Some(newer));
    }

    #[test]
    fn a_look_that_has_paid_changes_nothing_else() {
        let looks = Looks::default();
        for minor in [1, 1_001] {
            looks.refresh(PHONE, NOW);
            assert!(spend(&looks, minor, NOW));
            assert!(looks.take(PHONE, NOW).is_none());
            assert!(spend(&looks, 1_001, NOW));
        }
        // Nor one that has only tried.
        looks.refresh(PHONE, NOW);
        let tried = looks.spend(PHONE, Amount::from_minor(1), 1_000, NOW).expect("fresh");
        looks.not_spent(tried);
        assert!(looks.take(PHONE, NOW).is_none());
        looks.refresh(PHONE, NOW);
        assert!(looks.take(PHONE, NOW).is_some());
    }

    #[test]
    fn less_than_nothing_makes_no_room() {
        let looks = Looks::default();
        assert!(!spend(&looks, -1_000_000, NOW));
        assert!(!spend(&looks, i64::MIN, NOW));
        assert!(!spend(&looks, 1_001, NOW));
        assert!(spend(&looks, 1_000, NOW));
    }

    #[test]
    fn whoever_is_known_for_nothing_is_forgotten() {
        let looks = Looks::default();
        assert!(spend(&looks, 1_000, NOW));
        looks.refresh(OTHER, NOW.after(limits::SPENT_COUNTS));
        assert_eq!(looks.0.len(), 1);
    }
}
