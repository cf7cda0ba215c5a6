//! Seats: how many live sessions each identity has, and each shop's tills together; and of each address how
//! many nobodies, and how many connections.

use std::{hash::Hash, net::IpAddr, num::NonZeroU32, sync::Arc};

use dashmap::{DashMap, Entry};
use uuid::Uuid;

use crate::{
    auth::{
        limits::{SUBSCRIBERS_PER_SITE, TILLS_PER_SHOP},
        rate,
    },
    limits,
    problem::{Kind, Problem},
};

/// By what is counted.
pub trait Key: Hash + Eq + Copy {}

impl Key for Uuid {}
impl Key for IpAddr {}

/// Who is here how often; clones are the same.
pub struct Seats<K: Key>(Arc<DashMap<K, u32>>);

/// One seat, free again when it is dropped.
pub struct Taken<K: Key> {
    seats: Seats<K>,
    who: K,
}

impl<K: Key> Seats<K> {
    /// Gives `who` one seat more, of `max`.
    pub fn take(&self, who: K, max: u32) -> Option<Taken<K>> {
        let mut taken = self.0.entry(who).or_insert(0);
        if *taken >= max {
            return None;
        }
        *taken += 1;
        Some(Taken { seats: self.clone(), who })
    }
}

fn too_many(detail: &'static str) -> Problem {
    Problem::new(Kind::TooManySessions, detail)
}

/// Those who have signed in, by identity, and tills by their shop as well.
#[derive(Default)]
pub struct Somebodies {
    identities: Seats<Uuid>,
    shops: Seats<Uuid>,
}

/// The seat of somebody who has signed in.
pub struct Seat {
    identity: Taken<Uuid>,
    _shop: Option<Taken<Uuid>>,
}

impl Somebodies {
    /// Gives `who`, a till of `shop` if it is one, one seat more.
    ///
    /// # Errors
    /// `too_many_sessions`.
    pub fn take(&self, who: Uuid, shop: Option<Uuid>) -> Result<Seat, Problem> {
        let max = limits::SESSIONS_PER_IDENTITY_MAX;
        let identity = self.identities.take(who, max);
        let identity = identity.ok_or_else(|| too_many("end another session first"))?;
        let shop = shop.map(|shop| {
            let taken = self.shops.take(shop, max * TILLS_PER_SHOP.get());
            taken.ok_or_else(|| too_many("the shop's tills have too many sessions"))
        });
        Ok(Seat { identity, _shop: shop.transpose()? })
    }
}

/// Seats by subscriber, and by the site that many subscribers share.
#[derive(Default)]
pub struct ByAddress {
    subscribers: Seats<IpAddr>,
    sites: Seats<IpAddr>,
}

/// The seat of somebody at an address.
pub struct AddressSeat {
    _subscriber: Taken<IpAddr>,
    _site: Option<Taken<IpAddr>>,
}

impl ByAddress {
    /// Gives somebody who comes from `address` one of `max` seats, if one is free; all addresses of one
    /// subscriber count as one, and so many subscribers of one site as [`SUBSCRIBERS_PER_SITE`].
    #[must_use]
    pub fn take(&self, address: IpAddr, max: NonZeroU32) -> Option<AddressSeat> {
        let site_max = max.saturating_mul(SUBSCRIBERS_PER_SITE).get();
        let site = match rate::site(address) {
            Some(site) => Some(self.sites.take(site, site_max)?),
            None => None,
        };
        let subscriber = self.subscribers.take(rate::subscriber(address), max.get())?;
        Some(AddressSeat { _subscriber: subscriber, _site: site })
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
        who == Some(self.identity.who)
    }
}

impl<K: Key> Drop for Taken<K> {
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
        let seats = Somebodies::default();
        let (ana, bo) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let taken: Vec<_> = (0..limits::SESSIONS_PER_IDENTITY_MAX)
            .map(|_| seats.take(ana, None).expect("free"))
            .collect();
        let refused = seats.take(ana, None).map(|_| ()).expect_err("none is left");
        assert_eq!((refused.status(), refused.code()), (429, "too_many_sessions"));
        assert!(seats.take(bo, None).is_ok());
        drop(taken);
        assert!(seats.take(ana, None).is_ok());
        assert!(seats.identities.0.is_empty());
    }

    #[test]
    fn tills_of_one_shop_have_seats_for_eight_however_many_keys_there_are() {
        let seats = Somebodies::default();
        let (shop, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let sit = |key, shop| seats.take(Uuid::from_u128(key), Some(shop)).ok();
        let taken: Vec<_> = (0..64 * 64).filter_map(|seat| sit(10 + seat / 64, shop)).collect();
        assert_eq!(taken.len(), 64 * 8);
        assert_eq!(seats.identities.0.len(), 8, "who is refused leaves nothing behind");
        assert!(sit(100, other).is_some());
        drop(taken);
        assert!(seats.identities.0.is_empty() && seats.shops.0.is_empty());
    }

    #[test]
    fn nobodies_of_one_subscriber_share_their_seats() {
        let seats = ByAddress::default();
        let address = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]);
        let max = NonZeroU32::new(3).expect("not zero");
        let taken: Vec<_> =
            (0..3).map(|last| seats.take(address(last), max).expect("free")).collect();
        assert!(seats.take(address(3), max).is_none(), "none is left");
        assert!(seats.take(IpAddr::from([192, 0, 2, 1]), max).is_some());
        drop(taken);
        assert!(seats.subscribers.0.is_empty() && seats.sites.0.is_empty());
    }

    #[test]
    fn a_site_of_many_networks_has_seats_for_eight_and_leaves_the_others_theirs() {
        let seats = ByAddress::default();
        let max = NonZeroU32::new(3).expect("not zero");
        let network = |number: u16| IpAddr::from([0x2001, 0xdb8, 1, number, 0, 0, 0, 1]);
        let taken: Vec<_> =
            (0..256).filter_map(|number| seats.take(network(number), max)).collect();
        assert_eq!(taken.len(), 3 * 8);
        assert_eq!(seats.subscribers.0.len(), 3 * 8, "who is refused leaves nothing behind");
        assert!(seats.take(IpAddr::from([0x2001, 0xdb8, 2, 0, 0, 0, 0, 1]), max).is_some());
        drop(taken);
        assert!(seats.subscribers.0.is_empty() && seats.sites.0.is_empty());
    }
}
