//! Heads: each topic's newest record in log order, one number beside the other.
//!
//! The journal's thread moves ten of them for a dinner, and the actors' thread touches the seats of
//! the same topics. In a table of their own the two never write the same line of memory, and eight
//! heads share one: a million wallets have eight megabytes.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;

use crate::id::Position;

/// Heads of the first page; each further page is twice as large as the one before.
const FIRST_PAGE: u64 = 1_024;

/// Pages: enough for every number of 32 bits.
const PAGES: usize = 23;

/// One topic's place in the table, for as long as its seat exists.
#[derive(Debug)]
pub(crate) struct Place(u32);

/// Pages on cache lines of their own: the journal's thread reads them while other threads count
/// references to the table.
#[repr(align(128))]
#[derive(Default)]
struct Pages([OnceLock<Box<[AtomicU64]>>; PAGES]);

/// The newest record of everybody in memory.
#[derive(Default)]
pub(crate) struct Heads {
    places: Mutex<Places>,
    pages: Pages,
}

#[derive(Default)]
struct Places {
    free: Vec<u32>,
    /// Places given out for the first time so far.
    used: u32,
}

impl Heads {
    /// A place for a topic that takes its seat; its head is [`Position::NONE`].
    ///
    /// # Panics
    /// With 2^32 topics in memory.
    pub(crate) fn take(&self) -> Place {
        let mut places = self.places.lock();
        let place = Place(places.free.pop().unwrap_or_else(|| {
            let fresh = places.used;
            places.used = fresh.checked_add(1).expect("memory ends long before");
            fresh
        }));
        drop(places);
        self.set(&place, Position::NONE);
        place
    }

    /// The place of a seat that nobody holds any more.
    pub(crate) fn give_back(&self, place: &Place) {
        self.places.lock().free.push(place.0);
    }

    /// The newest record.
    pub(crate) fn get(&self, place: &Place) -> Position {
        Position(self.head(place).load(Ordering::Acquire))
    }

    /// Says where a state stands, before any record names its topic.
    pub(crate) fn set(&self, place: &Place, head: Position) {
        self.head(place).store(head.0, Ordering::Release);
    }

    /// Makes the record at `position` the newest and gives the one before it. Only the journal's
    /// thread does, in log order.
    pub(crate) fn advance(&self, place: u32, position: Position) -> Position {
        let head = self.head(&Place(place));
        let before = head.load(Ordering::Relaxed);
        head.store(position.0, Ordering::Release);
        Position(before)
    }

    fn head(&self, Place(place): &Place) -> &AtomicU64 {
        // Page p begins at place (2^p - 1) * FIRST_PAGE.
        let number = u64::from(*place) + FIRST_PAGE;
        let page = (number / FIRST_PAGE).ilog2();
        let size = FIRST_PAGE << page;
        let heads = self.pages.0[page as usize]
            .get_or_init(|| (0..size).map(|_| AtomicU64::new(0)).collect());
        let at = usize::try_from(number - size).expect("a page fits memory");
        &heads[at]
    }
}

impl Place {
    /// The place's number, for a transaction that names its topic.
    pub(crate) fn number(&self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_a_head_of_its_own() {
        let heads = Heads::default();
        let places: Vec<Place> = (0..5_000).map(|_| heads.take()).collect();
        for (number, place) in (1..).zip(&places) {
            assert_eq!(heads.advance(place.number(), Position(number)), Position::NONE);
        }
        for (number, place) in (1..).zip(&places) {
            assert_eq!(heads.get(place), Position(number));
        }
    }

    #[test]
    fn a_place_taken_again_begins_anew() {
        let heads = Heads::default();
        let place = heads.take();
        heads.set(&place, Position(7));
        heads.give_back(&place);
        let again = heads.take();
        assert_eq!(again.number(), place.number());
        assert_eq!(heads.get(&again), Position::NONE);
    }

    #[test]
    fn the_last_place_of_all_is_on_the_last_page() {
        let number = u64::from(u32::MAX) + FIRST_PAGE;
        assert_eq!((number / FIRST_PAGE).ilog2() as usize, PAGES - 1);
    }
}
