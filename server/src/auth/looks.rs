//! Looks: when a device has last shown a finger or a face, and what it has spent since.
//!
//! - between two looks a device spends no more than the amount that takes one, in one piece or
//!   in many, within [`limits::SPENT_COUNTS`] of the first of them. It is counted before it is spent,
//!   so that pieces that are sent at once are not each looked at alone.
//!
//! Known in memory alone: after a restart a device begins anew, and its large amounts are asked for
//! again.

use dashmap::DashMap;
use fanju::{money::Amount, time::Timestamp};

use super::{limits, register::DeviceId};

/// What is known of every device.
#[derive(Debug, Default)]
pub struct Looks(DashMap<DeviceId, Device>);

#[derive(Clone, Copy, Debug, Default)]
struct Device {
    fresh_until: Option<Timestamp>,
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
