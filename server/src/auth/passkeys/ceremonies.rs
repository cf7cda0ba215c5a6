//! Ceremonies under way: a few, for a few minutes, each finished once.

use std::collections::{HashMap, VecDeque};

use fanju::time::Timestamp;
use parking_lot::Mutex;
use rand::{TryRngCore as _, rngs::OsRng};
use uuid::Builder;

use super::CeremonyId;
use crate::auth::limits;

/// Ceremonies of one kind, and what the server has to remember of each.
pub(super) struct Ceremonies<S> {
    underway: Mutex<Underway<S>>,
    max: usize,
}

struct Underway<S> {
    states: HashMap<CeremonyId, (Timestamp, S)>,
    /// By age; those that have ended are skipped.
    order: VecDeque<CeremonyId>,
}

impl<S> Ceremonies<S> {
    pub(super) fn new(max: usize) -> Self {
        let underway = Underway { states: HashMap::new(), order: VecDeque::new() };
        Self { underway: Mutex::new(underway), max }
    }

    /// Remembers a ceremony that begins now; the oldest goes when there are too many.
    pub(super) fn begin(&self, state: S, now: Timestamp) -> CeremonyId {
        let mut bytes = [0; 16];
        OsRng.try_fill_bytes(&mut bytes).expect("the operating system gives random bytes");
        let ceremony = CeremonyId(Builder::from_random_bytes(bytes).into_uuid());
        let mut underway = self.underway.lock();
        let Underway { states, order } = &mut *underway;
        while let Some(oldest) = order.front()
            && states.get(oldest).is_none_or(|(begun, _)| is_over(*begun, now))
        {
            states.remove(oldest);
            order.pop_front();
        }
        // Those that ended count, too: they bound the queue.
        while order.len() >= self.max
            && let Some(oldest) = order.pop_front()
        {
            states.remove(&oldest);
        }
        states.insert(ceremony, (now, state));
        order.push_back(ceremony);
        ceremony
    }

    /// Takes a ceremony out, if it is under way and not over.
    pub(super) fn end(&self, ceremony: CeremonyId, now: Timestamp) -> Option<S> {
        let (begun, state) = self.underway.lock().states.remove(&ceremony)?;
        (!is_over(begun, now)).then_some(state)
    }
}

fn is_over(begun: Timestamp, now: Timestamp) -> bool {
    now >= begun.after(limits::CEREMONY_LASTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    #[test]
    fn a_ceremony_ends_once() {
        let ceremonies = Ceremonies::new(10);
        let ceremony = ceremonies.begin("state", NOW);
        assert_eq!(ceremonies.end(ceremony, NOW), Some("state"));
        assert_eq!(ceremonies.end(ceremony, NOW), None);
    }

    #[test]
    fn a_ceremony_is_over_after_five_minutes() {
        let ceremonies = Ceremonies::new(10);
        let over = NOW.after(limits::CEREMONY_LASTS);
        let ceremony = ceremonies.begin(1, NOW);
        assert_eq!(ceremonies.end(ceremony, Timestamp(over.0 - 1)), Some(1));
        let ceremony = ceremonies.begin(2, NOW);
        assert_eq!(ceremonies.end(ceremony, over), None);
    }

    #[test]
    fn the_oldest_go_first_and_nothing_stays_behind() {
        let ceremonies = Ceremonies::new(10);
        let begun: Vec<_> = (0..25).map(|number| ceremonies.begin(number, NOW)).collect();
        assert_eq!(ceremonies.underway.lock().states.len(), 10);
        assert_eq!(ceremonies.end(begun[14], NOW), None);
        assert_eq!(ceremonies.end(begun[15], NOW), Some(15));
        for number in 0..1_000 {
            let ceremony = ceremonies.begin(number, NOW);
            assert_eq!(ceremonies.end(ceremony, NOW), Some(number));
        }
        assert!(ceremonies.underway.lock().order.len() <= 10);
        ceremonies.begin(0, NOW.after(limits::CEREMONY_LASTS));
        assert_eq!(ceremonies.underway.lock().order.len(), 1);
    }
}
