//! Ceremonies under way: a few, for a few minutes, each finished once.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    net::IpAddr,
};

use fanju::time::Timestamp;
use parking_lot::Mutex;
use rand::{TryRngCore as _, rngs::OsRng};
use uuid::Builder;

use super::CeremonyId;
use crate::auth::{
    limits, rate,
    register::{DeviceId, PersonId},
};

/// Ceremonies of one kind, and what the server has to remember of each.
pub(super) struct Ceremonies<S> {
    underway: Mutex<Underway<S>>,
    max: usize,
    /// Of those from one place.
    from_one_max: usize,
}

struct Underway<S> {
    states: HashMap<CeremonyId, (Timestamp, S)>,
    /// By age, with where they began; those that have ended are skipped.
    order: VecDeque<(CeremonyId, IpAddr)>,
    /// How many of these began where.
    from: HashMap<IpAddr, usize>,
}

impl<S> Underway<S> {
    /// Takes the one that is `nth` by age out, with its state.
    fn forget(&mut self, nth: usize) {
        let Some((ceremony, from)) = self.order.remove(nth) else { return };
        self.states.remove(&ceremony);
        if let Entry::Occupied(mut left) = self.from.entry(from) {
            *left.get_mut() -= 1;
            if *left.get() == 0 {
                left.remove();
            }
        }
    }
}

impl<S> Ceremonies<S> {
    pub(super) fn new(max: usize, from_one_max: usize) -> Self {
        let (states, order, from) = Default::default();
        Self { underway: Mutex::new(Underway { states, order, from }), max, from_one_max }
    }

    /// Remembers a ceremony that begins now at `address`; the oldest goes when there are too many, and the
    /// oldest from there when there are too many from there.
    pub(super) fn begin(&self, state: S, address: IpAddr, now: Timestamp) -> CeremonyId {
        let (ceremony, from) = (fresh(), rate::allotment(address));
        let mut underway = self.underway.lock();
        while let Some((oldest, _)) = underway.order.front()
            && underway.states.get(oldest).is_none_or(|(begun, _)| is_over(*begun, now))
        {
            underway.forget(0);
        }
        // Those that ended count, too: they bound the queue.
        if underway.from.get(&from).is_some_and(|many| *many >= self.from_one_max) {
            let own = underway.order.iter().position(|(_, other)| *other == from);
            underway.forget(own.unwrap_or(0));
        }
        while underway.order.len() >= self.max {
            underway.forget(0);
        }
        underway.states.insert(ceremony, (now, state));
        underway.order.push_back((ceremony, from));
        *underway.from.entry(from).or_insert(0) += 1;
        ceremony
    }

    /// Takes a ceremony out, if it is under way and not over.
    pub(super) fn end(&self, ceremony: CeremonyId, now: Timestamp) -> Option<S> {
        let (begun, state) = self.underway.lock().states.remove(&ceremony)?;
        (!is_over(begun, now)).then_some(state)
    }
}

/// Ceremonies of people who are known: one each, so that nobody pushes another's out, which begins and
/// ends on one device.
pub(super) struct Personal<S> {
    underway: Mutex<HashMap<PersonId, Begun<S>>>,
    max: usize,
}

struct Begun<S> {
    ceremony: CeremonyId,
    device: DeviceId,
    at: Timestamp,
    state: S,
}

impl<S> Personal<S> {
    pub(super) fn new(max: usize) -> Self {
        Self { underway: Mutex::default(), max }
    }

    /// Remembers the ceremony of `person` that begins now on `device`, in place of an earlier one.
    pub(super) fn begin(
        &self,
        person: PersonId,
        device: DeviceId,
        state: S,
        now: Timestamp,
    ) -> CeremonyId {
        let ceremony = fresh();
        let mut underway = self.underway.lock();
        if underway.len() >= self.max {
            underway.retain(|_, begun| !is_over(begun.at, now));
            let oldest = underway.iter().min_by_key(|(_, begun)| begun.at);
            if let Some(oldest) = oldest.map(|(person, _)| *person)
                && underway.len() >= self.max
            {
                underway.remove(&oldest);
            }
        }
        underway.insert(person, Begun { ceremony, device, at: now, state });
        ceremony
    }

    /// Ends whatever `person` has begun on `device`.
    pub(super) fn abandon(&self, person: PersonId, device: DeviceId) {
        let mut underway = self.underway.lock();
        if underway.get(&person).is_some_and(|begun| begun.device == device) {
            underway.remove(&person);
        }
    }

    /// Takes the ceremony of `person` out, if it is under way and not over; another device ends it, and
    /// gets nothing.
    pub(super) fn end(
        &self,
        person: PersonId,
        device: DeviceId,
        ceremony: CeremonyId,
        now: Timestamp,
    ) -> Option<S> {
        let mut underway = self.underway.lock();
        underway.get(&person).filter(|begun| begun.ceremony == ceremony)?;
        let begun = underway.remove(&person)?;
        (begun.device == device && !is_over(begun.at, now)).then_some(begun.state)
    }
}

fn fresh() -> CeremonyId {
    let mut bytes = [0; 16];
    OsRng.try_fill_bytes(&mut bytes).expect("the operating system gives random bytes");
    CeremonyId(Builder::from_random_bytes(bytes).into_uuid())
}

fn is_over(begun: Timestamp, now: Timestamp) -> bool {
    now >= begun.after(limits::CEREMONY_LASTS)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);
    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const HERE: DeviceId = DeviceId(uuid::Uuid::from_u128(7));

    #[test]
    fn a_ceremony_ends_once() {
        let ceremonies = Ceremonies::new(10, 10);
        let ceremony = ceremonies.begin("state", HOME, NOW);
        assert_eq!(ceremonies.end(ceremony, NOW), Some("state"));
        assert_eq!(ceremonies.end(ceremony, NOW), None);
    }

    #[test]
    fn a_ceremony_is_over_after_five_minutes() {
        let ceremonies = Ceremonies::new(10, 10);
        let over = NOW.after(limits::CEREMONY_LASTS);
        let ceremony = ceremonies.begin(1, HOME, NOW);
        assert_eq!(ceremonies.end(ceremony, Timestamp(over.0 - 1)), Some(1));
        let ceremony = ceremonies.begin(2, HOME, NOW);
        assert_eq!(ceremonies.end(ceremony, over), None);
    }

    #[test]
    fn a_person_has_one_ceremony_and_nobody_ends_anothers() {
        let personal = Personal::new(2);
        let [ana, bo, chen] = [1, 2, 3].map(|id| PersonId(uuid::Uuid::from_u128(id)));
        let first = personal.begin(ana, HERE, "first", NOW);
        let second = personal.begin(ana, HERE, "second", NOW);
        assert_eq!(personal.end(ana, HERE, first, NOW), None);
        assert_eq!(personal.end(bo, HERE, second, NOW), None);
        assert_eq!(personal.end(ana, HERE, second, NOW), Some("second"));
        assert_eq!(personal.end(ana, HERE, second, NOW), None);
        let late = personal.begin(ana, HERE, "late", NOW);
        assert_eq!(personal.end(ana, HERE, late, NOW.after(limits::CEREMONY_LASTS)), None);
        personal.begin(ana, HERE, "oldest", NOW);
        let [of_bo, of_chen] =
            [bo, chen].map(|who| personal.begin(who, HERE, "newer", Timestamp(NOW.0 + 1)));
        assert_eq!(personal.underway.lock().len(), 2);
        assert_eq!(personal.end(bo, HERE, of_bo, NOW), Some("newer"));
        assert_eq!(personal.end(chen, HERE, of_chen, NOW), Some("newer"));
    }

    #[test]
    fn who_abandons_a_ceremony_ends_the_own_one_alone() {
        let personal = Personal::new(2);
        let [ana, bo] = [1, 2].map(|id| PersonId(uuid::Uuid::from_u128(id)));
        let elsewhere = DeviceId(uuid::Uuid::from_u128(8));
        let of_bo = personal.begin(bo, HERE, "bo", NOW);
        let here = personal.begin(ana, HERE, "here", NOW);
        personal.abandon(ana, HERE);
        assert_eq!(personal.end(ana, HERE, here, NOW), None);
        let there = personal.begin(ana, elsewhere, "there", NOW);
        personal.abandon(ana, HERE);
        assert_eq!(personal.end(ana, elsewhere, there, NOW), Some("there"));
        assert_eq!(personal.end(bo, HERE, of_bo, NOW), Some("bo"));
    }

    #[test]
    fn one_network_pushes_nobody_elses_out() {
        let ceremonies = Ceremonies::new(10, 4);
        let of_ana = ceremonies.begin("ana", HOME, NOW);
        let flood = |site: u16| {
            let address = IpAddr::from([0x2001, 0xdb8, 1, site, 0, 0, 0, 1]);
            ceremonies.begin("flood", address, NOW)
        };
        let begun: Vec<_> = (0..100).map(flood).collect();
        assert_eq!(ceremonies.underway.lock().order.len(), 1 + 4);
        assert_eq!(ceremonies.end(begun[95], NOW), None);
        assert_eq!(ceremonies.end(begun[96], NOW), Some("flood"));
        // What has ended makes room for nobody.
        for site in 0..100 {
            ceremonies.end(flood(site), NOW);
        }
        assert_eq!(ceremonies.end(of_ana, NOW), Some("ana"));
        ceremonies.begin("later", HOME, NOW.after(limits::CEREMONY_LASTS));
        let underway = ceremonies.underway.lock();
        assert_eq!((underway.order.len(), underway.from.len()), (1, 1));
    }

    #[test]
    fn the_oldest_go_first_and_nothing_stays_behind() {
        let ceremonies = Ceremonies::new(10, 10);
        let begun: Vec<_> = (0..25).map(|number| ceremonies.begin(number, HOME, NOW)).collect();
        assert_eq!(ceremonies.underway.lock().states.len(), 10);
        assert_eq!(ceremonies.end(begun[14], NOW), None);
        assert_eq!(ceremonies.end(begun[15], NOW), Some(15));
        for number in 0..1_000 {
            let ceremony = ceremonies.begin(number, HOME, NOW);
            assert_eq!(ceremonies.end(ceremony, NOW), Some(number));
        }
        assert!(ceremonies.underway.lock().order.len() <= 10);
        ceremonies.begin(0, HOME, NOW.after(limits::CEREMONY_LASTS));
        assert_eq!(ceremonies.underway.lock().order.len(), 1);
    }
}
