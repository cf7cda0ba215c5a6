//! Rates: how often one may ask, by identity and by address.
//!
//! A request takes one token for each 4 KiB of its body that it begins, out of a bucket ([`buckets`]).
//! What its answer has beyond its first 4 KiB is counted once it is known, at the same price: whoever
//! has asked for much asks later, and owes no more than [`limits::RATE_DEBT_MAX`].
//! A till's requests count against its shop as well, which may have many keys.
//! Of an IPv6 address only the first 64 bits count, because one subscriber has all the others at
//! least. Many have more (a /56, RFC 6177), so that a /56 is counted as well, as a house of
//! many subscribers: one of them is never a crowd.
//!
//! Memory is bounded: buckets that are full again are forgotten once there are
//! [`limits::RATES_MAX`]. If there are as many that are not (a flood from everywhere), callers
//! share [`limits::RATES_SHARED`] buckets until there are fewer. Which share one is chosen anew
//! with each start, so that nobody can aim at somebody else's.

mod buckets;

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use uuid::Uuid;

use self::buckets::{Buckets, Quota};
use super::limits;

/// The caller has asked too often.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("asked too often: wait {} ms", wait.as_millis())]
pub struct TooOften {
    /// How long until as much is allowed.
    pub wait: Duration,
}

/// Every rate of this server; clones are the same.
#[derive(Clone)]
pub struct Rates(Arc<Inner>);

/// Whose rate a request counts against.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Payer {
    /// Nobody's in particular: that of an address.
    Address(IpAddr),
    /// A person's, or whoever else's who has an id.
    One(Uuid),
    /// A till's, and its shop's.
    Till {
        /// The till's key.
        key: Uuid,
        /// The shop.
        shop: Uuid,
    },
}

struct Inner {
    attempts: Addresses,
    recoveries: Buckets<Uuid>,
    invitations: Buckets<Uuid>,
    requests: Buckets<Uuid>,
    shops: Buckets<Uuid>,
    anonymous: Addresses,
    elsewhere: Addresses,
    request: Quota,
    now: Box<dyn Fn() -> Instant + Send + Sync>,
}

/// How often one may ask.
#[derive(Clone, Copy, Debug)]
pub struct Often {
    /// Sign-ups, sign-ins and recoveries of one address in a minute; vain ones of one name as well.
    pub attempts_per_minute: NonZeroU32,
    /// Requests of one identity, or of nobody from one address, in a second.
    pub requests_per_second: NonZeroU32,
    /// Such requests at once.
    pub requests_burst: NonZeroU32,
}

/// What a request with so many bytes takes, in tokens.
#[must_use]
pub fn price(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(limits::TOKEN_BYTES)).unwrap_or(u32::MAX).max(1)
}

impl Rates {
    /// Rates in which nobody has asked yet.
    #[must_use]
    pub fn new(often: Often) -> Self {
        Self::with_clock(often, Instant::now)
    }

    fn with_clock(often: Often, now: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        let attempts = Quota::per_minute(often.attempts_per_minute);
        let request = Quota::per_second(often.requests_per_second, often.requests_burst);
        Self(Arc::new(Inner {
            attempts: Addresses::new(attempts),
            recoveries: Buckets::new(attempts, limits::RATES_MAX),
            invitations: Buckets::new(
                Quota::per_hour(limits::INVITATIONS_PER_HOUR),
                limits::RATES_MAX,
            ),
            requests: Buckets::new(request, limits::RATES_MAX),
            shops: Buckets::new(request.times(limits::TILLS_PER_SHOP), limits::RATES_MAX),
            anonymous: Addresses::new(request),
            elsewhere: Addresses::new(request.times(limits::FILES_PER_REQUEST)),
            request,
            now: Box::new(now),
        }))
    }

    fn now(&self) -> Instant {
        (self.0.now)()
    }

    /// What a request with so many bytes takes, in tokens: [`price()`], and no more than a bucket ever
    /// holds, so that nothing that may be asked is too dear.
    #[must_use]
    pub fn price(&self, bytes: usize) -> u32 {
        price(bytes).min(self.0.request.burst())
    }

    /// Counts a step of a sign-up, a sign-in or a recovery from `address`.
    ///
    /// # Errors
    /// [`TooOften`]; the step does not count then.
    pub fn attempt(&self, address: IpAddr) -> Result<(), TooOften> {
        self.0.attempts.take(address, 1, self.now())
    }

    /// Counts a vain attempt to come back as `claimed`, from wherever: one who guesses at somebody's
    /// codes may have many addresses.
    ///
    /// # Errors
    /// [`TooOften`]; the attempt does not count then.
    pub fn recovery(&self, claimed: Uuid) -> Result<(), TooOften> {
        self.0.recoveries.take(claimed, 1, self.now())
    }

    /// Counts an invitation of `wallet` by its name, from whomever: whoever knows it may open thousands of
    /// tables.
    ///
    /// # Errors
    /// [`TooOften`]; the invitation does not count then.
    pub fn invitation(&self, wallet: Uuid) -> Result<(), TooOften> {
        self.0.invitations.take(wallet, 1, self.now())
    }

    /// Counts what is asked from `address` of no operation: a page, a file, what is not there.
    ///
    /// # Errors
    /// [`TooOften`]; it does not count then.
    pub fn elsewhere(&self, address: IpAddr) -> Result<(), TooOften> {
        self.0.elsewhere.take(address, 1, self.now())
    }

    /// Counts a request.
    ///
    /// # Errors
    /// [`TooOften`]; the request does not count then.
    pub fn take(&self, payer: Payer, tokens: u32) -> Result<(), TooOften> {
        let Inner { requests, shops, anonymous, .. } = &*self.0;
        match payer {
            Payer::Address(address) => anonymous.take(address, tokens, self.now()),
            Payer::One(who) => requests.take(who, tokens, self.now()),
            Payer::Till { key, shop } => {
                requests.take(key, tokens, self.now())?;
                let counted = shops.take(shop, tokens, self.now());
                counted.inspect_err(|_| requests.give_back(key, tokens))
            }
        }
    }

    /// Gives `tokens` of a request back that was counted for more than it was.
    pub fn give_back(&self, payer: Payer, tokens: u32) {
        let Inner { requests, shops, anonymous, .. } = &*self.0;
        match payer {
            Payer::Address(address) => anonymous.give_back(address, tokens),
            Payer::One(who) => requests.give_back(who, tokens),
            Payer::Till { key, shop } => {
                requests.give_back(key, tokens);
                shops.give_back(shop, tokens);
            }
        }
    }

    /// Counts an answer of so many bytes: nothing for the first 4 KiB, which its request has paid.
    pub fn charge(&self, payer: Payer, bytes: usize) {
        let tokens = price(bytes) - 1;
        if tokens == 0 {
            return;
        }
        let Inner { requests, shops, anonymous, .. } = &*self.0;
        match payer {
            Payer::Address(address) => anonymous.charge(address, tokens, self.now()),
            Payer::One(who) => requests.charge(who, tokens, self.now()),
            Payer::Till { key, shop } => {
                requests.charge(key, tokens, self.now());
                shops.charge(shop, tokens, self.now());
            }
        }
    }
}

impl fmt::Debug for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rates").finish_non_exhaustive()
    }
}

/// What one subscriber has: an IPv4 address, or a /64 of IPv6.
pub(crate) fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(network(address, 64)),
    }
}

/// What one subscriber may have, and many may share: a /56 of IPv6.
pub(crate) fn site(address: IpAddr) -> Option<IpAddr> {
    match address.to_canonical() {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => Some(IpAddr::V6(network(address, 56))),
    }
}

/// All that one may have who asks a provider for much: a /48 of IPv6. Source: RFC 6177, section 2.
pub(crate) fn allotment(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(network(address, 48)),
    }
}

fn network(address: Ipv6Addr, bits: u32) -> Ipv6Addr {
    let others = 128 - bits;
    Ipv6Addr::from_bits(address.to_bits() >> others << others)
}

/// Buckets of addresses: a subscriber's, and a site's that holds more.
struct Addresses {
    subscribers: Buckets<IpAddr>,
    sites: Buckets<IpAddr>,
}

impl Addresses {
    fn new(quota: Quota) -> Self {
        Self {
            subscribers: Buckets::new(quota, limits::RATES_MAX),
            sites: Buckets::new(quota.times(limits::SUBSCRIBERS_PER_SITE), limits::RATES_MAX),
        }
    }

    /// The site is asked first: what it is refused takes no room among subscribers, and nothing of what
    /// strangers share.
    fn take(&self, address: IpAddr, tokens: u32, now: Instant) -> Result<(), TooOften> {
        if let Some(site) = site(address) {
            self.sites.take(site, tokens, now)?;
        }
        self.subscribers.take(subscriber(address), tokens, now).inspect_err(|_| {
            // Its neighbours do not pay for what was not done.
            if let Some(site) = site(address) {
                self.sites.give_back(site, tokens);
            }
        })
    }

    fn charge(&self, address: IpAddr, tokens: u32, now: Instant) {
        if let Some(site) = site(address) {
            self.sites.charge(site, tokens, now);
        }
        self.subscribers.charge(subscriber(address), tokens, now);
    }

    fn give_back(&self, address: IpAddr, tokens: u32) {
        if let Some(site) = site(address) {
            self.sites.give_back(site, tokens);
        }
        self.subscribers.give_back(subscriber(address), tokens);
    }
}

#[cfg(test)]
mod tests;
