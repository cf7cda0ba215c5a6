//! Soak: real processes live, are killed, stopped and run out of disk, for as long as one likes, and
//! everything that was acknowledged is there (J-2).
//!
//! Four plays share the time; each turn of a play has fresh folders.
//!
//! - `kills.rs`: simulations on one folder, hit by SIGKILL, SIGSTOP, and SIGKILL while they stand.
//! - `full_disk.rs`: simulations on a small disk that runs full, and goes on when there is room again.
//! - `dinners.rs`: a server under dinners over websockets, hit in the same ways.
//! - `full_house.rs`: such a server on a small disk that runs full, and goes on when there is room again.
//!
//! `FANJU_SOAK_SECONDS` says how long (two minutes), `FANJU_SEED` repeats a run's moments, which are
//! printed, `FANJU_SIM` and `FANJU_SERVER` name binaries that are built already. A small disk is mounted,
//! which takes root on Linux; whoever may not mount skips those plays, and it says so.

#[path = "../common/mod.rs"]
mod common;
#[path = "../server/corner.rs"]
mod corner;
mod dinners;
mod disk;
#[path = "../common/folder.rs"]
mod folder;
mod full_disk;
mod full_house;
#[path = "../server/house.rs"]
#[expect(dead_code, reason = "the tests of the server do more with it")]
mod house;
#[path = "../server/http.rs"]
#[expect(dead_code, reason = "the tests of the server do more with it")]
mod http;
mod kills;
#[path = "../common/signal.rs"]
mod signal;
#[path = "../server/socket.rs"]
#[expect(dead_code, reason = "the tests of the server do more with it")]
mod socket;
#[path = "../server/table.rs"]
#[expect(dead_code, reason = "the tests of the server do more with it")]
mod table;
mod tally;
#[path = "../server/wire.rs"]
#[expect(dead_code, reason = "the tests of the server do more with it")]
mod wire;
#[path = "../common/witness.rs"]
mod witness;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use rand::{SeedableRng, rngs::StdRng};

use common::{binary, number};
use tally::{Closing, Tally};

/// How long without `FANJU_SOAK_SECONDS`.
const SECONDS: u64 = 120;

/// How long one turn may take before the next play has one, about.
const TURN: Duration = Duration::from_secs(20);

/// What a turn has to play with.
pub(crate) struct Scene<'a> {
    pub(crate) simulation: PathBuf,
    pub(crate) chance: StdRng,
    /// When the turn should end: it finishes the round that it is in.
    pub(crate) until: Instant,
    /// What it did.
    pub(crate) tally: &'a mut Tally,
}

impl Scene<'_> {
    /// Whether it is time for the next play.
    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }
}

type Turn = fn(&mut Scene);

pub(crate) const PLAYS: [(&str, Turn); 4] = [
    ("kills", kills::turn),
    ("full disk", full_disk::turn),
    ("dinners", dinners::turn),
    ("full house", full_house::turn),
];

#[test]
fn nothing_acknowledged_is_lost_to_kills_stops_and_full_disks() {
    let seconds = number("FANJU_SOAK_SECONDS").unwrap_or(SECONDS);
    let seed = number("FANJU_SEED").unwrap_or_else(rand::random);
    println!("{seconds} s, FANJU_SEED={seed}");
    let simulation = binary("FANJU_SIM", "fanju-sim");
    house::server();
    let end = Instant::now() + Duration::from_secs(seconds);
    // Printed also when a turn fails.
    let mut closing = Closing::of(PLAYS.map(|(name, _)| name));
    let turn = TURN.min(Duration::from_secs(seconds) / 4);
    for number in 0.. {
        // Whichever had the least time is next. What it does follows from the seed and the number of
        // its turn, however fast the machine is.
        let Some(next) = closing.next(Instant::now() >= end) else { break };
        let began = Instant::now();
        let (name, play) = PLAYS[next];
        let tally = &mut closing.plays[next];
        println!("turn {number}: {name}");
        let own = seed.wrapping_add((next as u64) << 32).wrapping_add(tally.turns);
        let chance = StdRng::seed_from_u64(own);
        let until = began + turn;
        tally.turns += 1;
        play(&mut Scene { simulation: simulation.clone(), chance, until, tally });
        tally.took += began.elapsed();
    }
    closing.is_worth_something();
}
