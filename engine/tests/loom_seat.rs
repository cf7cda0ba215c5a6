//! Every interleaving of actors that leave memory or die, and of those who look their seats up, tried
//! by loom: nobody's letter or record is lost, and no topic has two actors.
//!
//! `RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test -p fanju-loom --release`
//!
//! Standing and roster are compiled into this test. The list is a stand-in with one place and its lock, and
//! the actors' line another hand-off; what actors decide in their turns is written here.
#![cfg(loom)]
#![allow(unexpected_cfgs, reason = "the engine's features, which this package has not")]

// The roster's map is the one below.
extern crate self as dashmap;

#[allow(dead_code, unreachable_pub, reason = "part of the crate, seen from outside")]
#[path = "../src/journal/handoff.rs"]
mod handoff;
#[allow(dead_code, unreachable_pub, reason = "part of the crate, seen from outside")]
#[path = "../src/id.rs"]
mod id;
#[allow(dead_code, unreachable_pub, reason = "part of the crate, seen from outside")]
#[path = "../src/actors/roster.rs"]
mod roster;
#[allow(dead_code, unreachable_pub, reason = "part of the crate, seen from outside")]
#[path = "../src/actors/standing.rs"]
mod standing;
#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "part of the crate, seen from outside"
)]
#[path = "../src/sync.rs"]
mod sync;

mod hash {
    pub(crate) struct IdState;
}

use std::{marker::PhantomData, ops::Deref};

use handoff::Handoff;
use id::Position;
use loom::thread;
use roster::{Origin, Seats, Sits, find, leave};
use standing::Standing;
use sync::{
    Arc, AtomicU64, AtomicUsize, Mutex, Ordering, RwLock, RwLockReadGuard, RwLockWriteGuard,
};

/// A map of one place: the lock is a shard's.
pub(crate) struct DashMap<K, V, S>(RwLock<Option<V>>, PhantomData<(K, S)>);

pub(crate) enum Entry<'a, V> {
    Vacant(Vacant<'a, V>),
    Occupied(Place<'a, V>),
}

pub(crate) struct Place<'a, V>(RwLockWriteGuard<'a, Option<V>>);

pub(crate) struct Vacant<'a, V>(Place<'a, V>);

impl<'a, V> Vacant<'a, V> {
    fn insert(mut self, value: V) -> Place<'a, V> {
        self.0.insert(value);
        self.0
    }
}

struct Found<'a, V>(RwLockReadGuard<'a, Option<V>>);

impl<V> Deref for Found<'_, V> {
    type Target = V;

    fn deref(&self) -> &V {
        self.0.as_ref().expect("looked at")
    }
}

impl<V> Deref for Place<'_, V> {
    type Target = V;

    fn deref(&self) -> &V {
        self.get()
    }
}

impl<V> Place<'_, V> {
    fn get(&self) -> &V {
        self.0.as_ref().expect("taken")
    }

    fn insert(&mut self, value: V) -> &V {
        self.0.insert(value)
    }
}

impl<K, V, S> DashMap<K, V, S> {
    fn get(&self, _: &K) -> Option<Found<'_, V>> {
        let place = self.0.read();
        place.is_some().then_some(Found(place))
    }

    fn entry(&self, _: K) -> Entry<'_, V> {
        let place = self.0.write();
        match place.is_some() {
            true => Entry::Occupied(Place(place)),
            false => Entry::Vacant(Vacant(Place(place))),
        }
    }

    fn remove_if(&self, key: &K, is_so: impl FnOnce(&K, &V) -> bool) -> Option<V> {
        let mut place = self.0.write();
        place.take_if(|value| is_so(key, value))
    }
}

const KEY: u8 = 0;

struct Seat {
    standing: Standing,
    /// Which of the topic's actors sits here.
    actor: usize,
    /// How far its state is.
    folded: AtomicU64,
}

impl Sits for Seat {
    fn standing(&self) -> &Standing {
        &self.standing
    }
}

enum Letter {
    Ask(u8),
    News(Position),
    Rest,
    Die,
}

struct House {
    seats: Seats<u8, Seat>,
    line: Handoff<(Arc<Seat>, Letter), ()>,
    /// Actors made so far.
    actors: AtomicUsize,
    /// How far the books are.
    booked: AtomicU64,
    /// Records that somebody has begun and not everybody has heard.
    on_their_way: AtomicUsize,
    /// Each record, and the topic's one before.
    log: Mutex<Vec<(Position, Position)>>,
}

impl House {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            seats: DashMap(RwLock::new(None), PhantomData),
            line: Handoff::new(),
            actors: AtomicUsize::new(0),
            booked: AtomicU64::new(0),
            on_their_way: AtomicUsize::new(0),
            log: Mutex::new(Vec::new()),
        })
    }

    /// The seat, as whoever needs it looks it up. A new actor reads the books.
    fn seat(&self) -> Arc<Seat> {
        find(&self.seats, KEY, |origin| {
            if origin == Origin::AfterDeath {
                let on_their_way = self.on_their_way.load(Ordering::Acquire);
                assert_eq!(on_their_way, 0, "a record on its way names the dead actor's seat");
            }
            let booked = self.booked.load(Ordering::Acquire);
            let actor = self.actors.fetch_add(1, Ordering::AcqRel) + 1;
            let standing = Standing::new();
            standing.set_head(Position(booked));
            (Arc::new(Seat { standing, actor, folded: AtomicU64::new(booked) }), true)
        })
    }

    /// Says whether the letter was taken.
    fn tell(&self, letter: Letter) -> bool {
        let seat = self.seat();
        seat.standing.is_alive() && self.line.push((Arc::clone(&seat), letter)).is_ok()
    }

    /// The journal's way with one record: the seat is found, linked to, and told.
    fn record(&self, position: Position) {
        let seat = self.seat();
        self.on_their_way.fetch_add(1, Ordering::AcqRel);
        let before = seat.standing.advance(position);
        self.log.lock().push((position, before));
        assert!(self.line.push((seat, Letter::News(position))).is_ok());
    }

    /// Gives all turns until the line is closed; gives what was answered.
    fn give_turns(&self) -> Vec<u8> {
        let (mut taken, mut answered) = (Vec::new(), Vec::new());
        while self.line.take(&mut taken) {
            for (seat, letter) in taken.drain(..) {
                self.give(&seat, letter, &mut answered);
            }
        }
        answered
    }

    fn give(&self, seat: &Seat, letter: Letter, answered: &mut Vec<u8>) {
        if let Letter::News(position) = letter {
            self.booked.store(position.0, Ordering::Release);
            self.on_their_way.fetch_sub(1, Ordering::AcqRel);
        }
        if !seat.standing.is_alive() {
            return;
        }
        assert_eq!(seat.actor, self.actors.load(Ordering::Acquire), "somebody else sits there too");
        match letter {
            Letter::Ask(number) => answered.push(number),
            Letter::News(position) => seat.folded.store(position.0, Ordering::Relaxed),
            Letter::Rest => {
                let folded = seat.folded.load(Ordering::Relaxed);
                let is_idle = seat.standing.head().0 == folded
                    && self.booked.load(Ordering::Acquire) == folded;
                if is_idle && leave(&self.seats, &KEY) {
                    seat.standing.end();
                }
            }
            Letter::Die => seat.standing.end(),
        }
    }
}

/// Whoever runs is interrupted twice at most: all orders would be too many to try.
fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(run);
}

fn spawn<T: 'static>(
    house: &Arc<House>,
    run: impl FnOnce(&House) -> T + 'static,
) -> thread::JoinHandle<T> {
    let house = Arc::clone(house);
    thread::spawn(move || run(&house))
}

#[test]
fn a_letter_to_who_rests_is_read() {
    model(|| {
        let house = House::new();
        let turns = spawn(&house, House::give_turns);
        let other = spawn(&house, |house| house.tell(Letter::Ask(1)));
        let rest = house.tell(Letter::Rest);
        assert!(other.join().expect("no panic") && rest, "refused");
        house.line.close();
        assert_eq!(turns.join().expect("no panic"), [1]);
    });
}

#[test]
fn a_record_of_who_rests_links_to_the_one_before() {
    model(|| {
        let house = House::new();
        let turns = spawn(&house, House::give_turns);
        let journal = spawn(&house, |house| {
            house.record(Position(1));
            house.record(Position(2));
        });
        house.tell(Letter::Rest);
        journal.join().expect("no panic");
        house.line.close();
        turns.join().expect("no panic");
        let log = std::mem::take(&mut *house.log.lock());
        assert_eq!(log, [(Position(1), Position(0)), (Position(2), Position(1))]);
    });
}

#[test]
fn a_dead_actors_seat_is_given_away_when_no_record_on_its_way_names_it() {
    model(|| {
        let house = House::new();
        let turns = spawn(&house, House::give_turns);
        let journal = spawn(&house, |house| house.record(Position(1)));
        house.tell(Letter::Die);
        drop(house.seat());
        journal.join().expect("no panic");
        house.line.close();
        turns.join().expect("no panic");
        let seat = house.seat();
        assert!(seat.standing.is_alive(), "nobody holds it any more");
        assert_eq!(seat.standing.head(), Position(1));
    });
}
