//! Kills: one simulation after another on one folder, each hit in one of three ways.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use rand::{Rng, rngs::StdRng};

use crate::{
    Scene,
    folder::{Aim, Folder, Found, Run},
    signal,
};

/// One folder takes at most so many hits: each look at it reads it from the beginning.
const HITS_OF_ONE_FOLDER_MAX: u32 = 12;

/// How long a simulation would dine if nobody killed it, in seconds.
pub(crate) const SECONDS: u32 = 600;

/// How long a process stands still.
const STANDSTILL: Duration = Duration::from_millis(800);

/// Stops of one simulation.
const STOPS_MAX: u32 = 3;

/// What is done to a simulation.
#[derive(Debug)]
enum Hit {
    /// Killed while it runs.
    Kill(Aim),
    /// Stopped, and killed before it goes on.
    KillWhileStopped(Aim),
    /// Stopped and let go on so many times, and killed while it runs.
    Stops(u32, Aim),
}

impl Hit {
    fn new(chance: &mut StdRng) -> Self {
        let aim = Aim::new(chance);
        match chance.random_range(0..3) {
            0 => Self::Kill(aim),
            1 => Self::KillWhileStopped(aim),
            _ => Self::Stops(chance.random_range(1..=STOPS_MAX), aim),
        }
    }

    /// Does it; the times that the process stood still.
    fn strike(&self, run: &mut Run, chance: &mut StdRng) -> u64 {
        let mut stops = 0;
        match *self {
            Self::Kill(aim) => run.live_until(aim),
            Self::KillWhileStopped(aim) => {
                run.live_until(aim);
                stand_still(run, chance);
                stops += 1;
            }
            Self::Stops(times, aim) => {
                for _ in 0..times {
                    run.live_until(aim);
                    stand_still(run, chance);
                    signal::go_on(run.child.id());
                    stops += 1;
                }
                // It goes on: it is told of more than before.
                run.live_until(Aim::AfterAck(chance.random_range(Duration::ZERO..STANDSTILL)));
            }
        }
        run.kill();
        stops
    }
}

/// Stops the simulation for a while, in which it is told nothing.
fn stand_still(run: &Run, chance: &mut StdRng) {
    signal::stop(run.child.id());
    let told = run.told();
    sleep(chance.random_range(Duration::ZERO..STANDSTILL));
    assert_eq!(run.told(), told, "a process that stands still was told something");
}

pub(crate) fn turn(scene: &mut Scene) {
    let mut folder = Folder::new();
    let mut found = 0;
    for _ in 0..scene.chance.random_range(1..=HITS_OF_ONE_FOLDER_MAX) {
        let began = Instant::now();
        let hit = Hit::new(&mut scene.chance);
        let mut run = folder.start(&scene.simulation, SECONDS, scene.chance.random());
        scene.tally.stops += hit.strike(&mut run, &mut scene.chance);
        scene.tally.kills += 1;
        folder.take_acks(&run.acks);
        folder.audit(&scene.simulation);
        let Found { acknowledged, settled, torn_bytes } = folder.look();
        found = acknowledged;
        println!(
            "  {hit:?}: {found} acknowledged, {settled} settled, {torn_bytes} bytes torn, {:?}",
            began.elapsed()
        );
        if scene.is_over() {
            break;
        }
    }
    scene.tally.acknowledged += folder.acks.len();
    scene.tally.found += found;
}
