//! Killed at a random moment, reopened: everything that was acknowledged is there (J-2).
//!
//! A real `fanju-sim dinner --rate max` settles dinners into a folder and writes each one that it was
//! told of into a side file. It is killed with SIGKILL. Then two witnesses look at the folder: the
//! simulation's auditor in a process of its own, and `common/witness.rs`, through the library and with
//! arithmetic of its own. Some folders are killed again and again, so that what recovery leaves is
//! recovered once more. Only the process dies here: what a power cut leaves is simulated in
//! `engine/tests/journal_faults.rs`.
//!
//! `FANJU_KILLS` says how often (fifty times); `FANJU_SEED` repeats a run's moments, which are printed;
//! `FANJU_SIM` names a binary that is built already.

mod common;
#[path = "common/folder.rs"]
mod folder;
#[path = "common/witness.rs"]
mod witness;

use std::time::Instant;

use rand::{Rng, SeedableRng, rngs::StdRng};

use common::number;
use folder::{Aim, Folder, Found};

/// Kills without `FANJU_KILLS`.
const KILLS: u32 = 50;

/// A folder is killed at most so often before a fresh one takes its place.
const KILLS_OF_ONE_FOLDER_MAX: u32 = 8;

/// How long a simulation would dine if nobody killed it, in seconds.
const SECONDS: u32 = 600;

#[test]
fn nothing_acknowledged_is_lost_to_kill_9() {
    let kills = number("FANJU_KILLS").unwrap_or(u64::from(KILLS));
    let seed = number("FANJU_SEED").unwrap_or_else(rand::random);
    println!("{kills} kills, FANJU_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let simulation = common::binary("FANJU_SIM", "fanju-sim");
    let (mut killed, mut acknowledged, mut folders) = (0, 0, 0);
    while killed < kills {
        let mut folder = Folder::new();
        let times = chance.random_range(1..=KILLS_OF_ONE_FOLDER_MAX);
        folders += 1;
        for _ in 0..times {
            if killed == kills {
                break;
            }
            killed += 1;
            let began = Instant::now();
            let aim = Aim::new(&mut chance);
            let mut run = folder.start(&simulation, SECONDS, chance.random());
            run.live_until(aim);
            run.kill();
            folder.take_acks(&run.acks);
            folder.audit(&simulation);
            let Found { acknowledged: told, settled, torn_bytes } = folder.look();
            println!(
                "kill {killed} in folder {folders}, {aim:?}: {told} acknowledged, {settled} settled, \
                 {torn_bytes} bytes torn, {:?}",
                began.elapsed()
            );
        }
        acknowledged += folder.acks.len();
        folder.audit(&simulation);
    }
    println!("{killed} kills of {folders} folders, {acknowledged} acknowledgements, none lost");
    assert!(acknowledged > 0, "nothing was ever acknowledged, so nothing was tested");
}
