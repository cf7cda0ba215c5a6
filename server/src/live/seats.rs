//! Seats: how many live sessions each identity has, and how many nobodies each address.

use std::{hash::Hash, net::IpAddr, num::NonZeroU32, sync::Arc};

use dashmap::{DashMap, Entry};
use uuid::Uuid;

use crate::{
    auth::{limits::SUBSCRIBERS_PER_SITE, rate},
    limits,
    problem::{Kind, Problem},
};

/// By what is counted.
pub trait Key: Hash + Eq + Copy {}

impl Key for Uuid {}
impl Key for IpAddr {}

/// Who is here how often; clones are the same.
pub struct Seats<K: Key>(Arc<DashMap<K, u32>>);

/// One session's seat, free again when it is dropped.
pub struct Seat<K: Key = Uuid> {
    seats: Seats<K>,
    who: K,
}

impl<K: Key> Seats<K> {
    fn take_one_of(&self, max: u32, who: K, detail: &'static str) -> Result<Seat<K>, Problem> {
        let mut taken = self.0.entry(who).or_insert(0);
        if *taken >= max {
            return Err(Problem::new(Kind::TooManySessions, detail));
        }
        *taken += 1;
        Ok(Seat { seats: self.clone(), who })
    }
}

impl Seats<Uuid> {
    /// Gives `who` one seat more.
    ///
    /// # Errors
    /// `too_many_sessions`.
    pub fn take(&self, who: Uuid) -> Result<Seat, Problem> {
        let max = limits::SESSIONS_PER_IDENTITY_MAX;
        self.take_one_of(max, who, "end another session first")
    }
}

/// Those who have not signed in yet, by subscriber, and by the site that many subscribers share.
#[derive(Default)]
pub struct Nobodies {
    subscribers: Seats<IpAddr>,
    sites: Seats<IpAddr>,
}

/// The seat of somebody who has not signed in yet.
pub struct NobodysSeat {
    _subscriber: Seat<IpAddr>,
    _site: Option<Seat<IpAddr>>,
}

impl Nobodies {
    /// Gives somebody who comes from `address` one of `max` seats; all addresses of one subscriber
    /// count as one, and so many subscribers of one site as [`SUBSCRIBERS_PER_SITE`].
    ///
    /// # Errors
    /// `too_many_sessions`.
    pub fn take(&self, address: IpAddr, max: NonZeroU32) -> Result<NobodysSeat, Problem> {
        let detail = "too many sessions from this address have not signed in";
        let later = |problem: Problem| problem.retry_after_ms(limits::RETRY_SOON_MS);
        let site_max = max.saturating_mul(SUBSCRIBERS_PER_SITE).get();
        let site = rate::site(address)
            .map(|site| self.sites.take_one_of(site_max, site, detail))
            .transpose()
            .map_err(later)?;
        let subscriber = rate::subscriber(address);
        let subscriber =
            self.subscribers.take_one_of(max.get(), subscriber, detail).map_err(later)?;
        Ok(NobodysSeat { _subscriber: subscriber, _site: site })
    }
}

impl<K: Key> Clone for Seats<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Key> Default for Seats<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl Seat {
    /// Whether this is a seat of `who`.
    #[must_use]
    pub fn is_of(&self, who: Option<Uuid>) -> bool {
        who == Some(self.who)
    }
}

impl<K: Key> Drop for Seat<K> {
    fn drop(&mut self) {
        if let Entry::Occupied(mut taken) = self.seats.0.entry(self.who) {
            *taken.get_mut() -= 1;
            if *taken.get() == 0 {
                taken.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_has_so_many_seats_and_leaves_nothing_behind() {
        let seats = Seats::<Uuid>::default();
        let (ana, bo) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let taken: Vec<_> = (0..limits::SESSIONS_PER_IDENTITY_MAX)
            .map(|_| seats.take(ana).expect("free"))
            .collect();
        let refused = seats.take(ana).map(|_| ()).expect_err("none is left");
        assert_eq!((refused.status(), refused.code()), (429, "too_many_sessions"));
        assert!(seats.take(bo).is_ok());
        drop(taken);
        assert!(seats.take(ana).is_ok());
        assert!(seats.0.is_empty());
    }

    #[test]
    fn nobodies_of_one_subscriber_share_their_seats() {
        let seats = Nobodies::default();
        let address = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]);
        let max = NonZeroU32::new(3).expect("not zero");
        let taken: Vec<_> =
            (0..3).map(|last| seats.take(address(last), max).expect("free")).collect();
        let refused = seats.take(address(3), max).map(|_| ()).expect_err("none is left");
        assert_eq!((refused.status(), refused.code()), (429, "too_many_sessions"));
        assert!(seats.take(IpAddr::from([192, 0, 2, 1]), max).is_ok());
        drop(taken);
        assert!(seats.subscribers.0.is_empty() && seats.sites.0.is_empty());
    }

    #[test]
    fn a_site_of_many_networks_has_seats_for_eight_and_leaves_the_others_theirs() {
        let seats = Nobodies::default();
        let max = NonZeroU32::new(3).expect("not zero");
        let network = |number: u16| IpAddr::from([0x2001, 0xdb8, 1, number, 0, 0, 0, 1]);
        let taken: Vec<_> =
            (0..256).filter_map(|number| seats.take(network(number), max).ok()).collect();
        assert_eq!(taken.len(), 3 * 8);
        assert_eq!(seats.subscribers.0.len(), 3 * 8, "who is refused leaves nothing behind");
        assert!(seats.take(IpAddr::from([0x2001, 0xdb8, 2, 0, 0, 0, 0, 1]), max).is_ok());
        drop(taken);
        assert!(seats.subscribers.0.is_empty() && seats.sites.0.is_empty());
    }
}
