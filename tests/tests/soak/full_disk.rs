//! Full disk: the simulation ends with a clear error, keeps what it acknowledged, and goes on once there
//! is room.

use std::{
    fs,
    ops::Range,
    time::{Duration, Instant},
};

use rand::{Rng, rngs::StdRng};

use crate::{
    Scene,
    common::tail_of,
    disk::{Disk, Kind},
    folder::{Aim, Folder, Found, Run},
    kills,
};

/// Room of a small disk, in KiB: for the people and some thousands of dinners.
const ROOM_KIB: Range<u64> = 2_048..6_144;

/// How long a simulation dines toward the full disk, in seconds.
const SECONDS: u32 = 2;

/// Simulations on one small disk before one thinks that it never runs full.
const RUNS_MAX: u32 = 60;

/// How a process says that the disk is full: `strerror(ENOSPC)`, or what SQLite and we say.
const FULL: [&str; 2] = ["No space left on device", "disk is full"];

/// A small disk; without one the play says that it is left out.
pub(crate) fn small_disk(scene: &mut Scene, room_kib: Range<u64>) -> Option<(Kind, Disk)> {
    match try_small_disk(&mut scene.chance, room_kib) {
        Ok(small) => Some(small),
        Err(why) => {
            println!("  SKIPPED: no small disk can be mounted here, which takes root: {why}");
            let first = why.lines().next().unwrap_or_default();
            scene.tally.skipped = Some(first.to_owned());
            None
        }
    }
}

/// In a file if that can be had here and chance will have it.
fn try_small_disk(chance: &mut StdRng, room_kib: Range<u64>) -> Result<(Kind, Disk), String> {
    let (in_file, room) = (chance.random(), chance.random_range(room_kib));
    if in_file {
        match Disk::mount(Kind::File, room) {
            Ok(disk) => return Ok((Kind::File, disk)),
            Err(why) => println!("  in memory, for no disk can be had in a file: {why}"),
        }
    }
    Ok((Kind::Memory, Disk::mount(Kind::Memory, room)?))
}

/// Whether the run, which has ended, ended because the disk was full, and said so.
fn met_the_end_of_the_disk(run: &mut Run) -> bool {
    let status = run.child.wait().expect("the child is ours");
    if status.success() {
        return false;
    }
    let said = fs::read_to_string(&run.log).unwrap_or_default();
    assert_eq!(status.code(), Some(1), "{status}: {}", tail_of(&run.log));
    assert!(tells_that_it_is_full(&said), "no clear error: {}", tail_of(&run.log));
    true
}

/// Whether these words say that a disk is full.
pub(crate) fn tells_that_it_is_full(said: &str) -> bool {
    FULL.iter().any(|full| said.contains(full))
}

pub(crate) fn turn(scene: &mut Scene) {
    let began = Instant::now();
    let Some((kind, disk)) = small_disk(scene, ROOM_KIB) else { return };
    let mut folder = Folder::new();
    folder.data = disk.path().join("data");
    let mut is_full = false;
    for _ in 0..RUNS_MAX {
        let mut run = folder.start(&scene.simulation, SECONDS, scene.chance.random());
        is_full = met_the_end_of_the_disk(&mut run);
        folder.take_acks(&run.acks);
        folder.audit(&scene.simulation);
        if is_full {
            break;
        }
    }
    assert!(is_full, "the disk never ran full");
    // Nobody made room: whoever comes next is told the same, and spoils nothing.
    let mut run = folder.start(&scene.simulation, SECONDS, scene.chance.random());
    assert!(met_the_end_of_the_disk(&mut run), "there was room after all");
    folder.take_acks(&run.acks);
    folder.audit(&scene.simulation);
    scene.tally.full_disks += 1;
    let told = folder.acks.len();

    disk.enlarge();
    let Found { torn_bytes, .. } = folder.look();
    let mut run = folder.start(&scene.simulation, kills::SECONDS, scene.chance.random());
    run.live_until(Aim::AfterAck(Duration::ZERO));
    run.kill();
    scene.tally.kills += 1;
    folder.take_acks(&run.acks);
    folder.audit(&scene.simulation);
    let Found { acknowledged, settled, .. } = folder.look();
    assert!(folder.acks.len() > told, "nobody dined after room was made");
    println!(
        "  full, {kind:?}: {told} acknowledged, {torn_bytes} bytes torn; with room {acknowledged} acknowledged, \
         {settled} settled, {:?}",
        began.elapsed()
    );
    scene.tally.acknowledged += folder.acks.len();
    scene.tally.found += acknowledged;
}
