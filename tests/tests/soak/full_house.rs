//! Full house: a server under dinners on a small disk that runs full. It tells everybody to come back and
//! ends, says why, has kept what was acknowledged, and goes on once there is room.

use std::{fs, ops::Range, process::ExitStatus, thread, time::Instant};

use serde_json::Value;

use crate::{
    Scene,
    common::tail_of,
    corner::Corner,
    dinners::{self, Told},
    folder::Folder,
    full_disk::{small_disk, tells_that_it_is_full},
    house::{House, TIRELESS},
    wire::Gone,
};

/// Close code of a session that should come back. Source: RFC 6455, section 7.4.1, "going away".
const COME_BACK: u16 = 1001;

/// Room of the house's disk, in KiB: for its people and some thousands of dinners over websockets.
const ROOM_KIB: Range<u64> = 768..1_792;

/// What the server says in its log when its books, and when its journal, can be written no more.
const STOPPED: [&str; 2] = ["books stopped", "journal poisoned"];

/// Dines in every corner until the journal has no room: the server tells every till that was refused
/// and every phone to come back, and ends. The problems with which it refused.
fn dine_until_full(house: &mut House, corners: &mut [Corner]) -> Vec<Value> {
    let address = house.address();
    let dine = |corner: &mut Corner| {
        let refused = match corner.dine_until_refused(address) {
            Ok((mut till, problem)) => {
                assert_eq!(till.closed(), COME_BACK, "{problem}");
                Some(problem)
            }
            Err(Gone(code)) => {
                assert_eq!(code, COME_BACK);
                None
            }
        };
        for phone in &mut corner.table.phones {
            assert_eq!(phone.closed(), COME_BACK);
        }
        refused
    };
    let refused = thread::scope(|scope| {
        let dining: Vec<_> =
            corners.iter_mut().map(|corner| scope.spawn(move || dine(corner))).collect();
        dining.into_iter().filter_map(|corner| corner.join().expect("dines")).collect()
    });
    ended_for_want_of_room(house.stopped(), house);
    refused
}

/// Holds that the server ended with a failure (decision 25), and said what is wrong.
fn ended_for_want_of_room(status: ExitStatus, house: &House) {
    let said = fs::read_to_string(house.log()).expect("a log");
    assert_eq!(status.code(), Some(1), "{status}: {}", tail_of(&house.log()));
    assert!(tells_that_it_is_full(&said), "no clear error: {}", tail_of(&house.log()));
}

pub(crate) fn turn(scene: &mut Scene) {
    let began = Instant::now();
    let Some((kind, disk)) = small_disk(scene, ROOM_KIB) else { return };
    let data = disk.path().join("data");
    let mut house = {
        let elsewhere = House::open_with(12, 4, &[TIRELESS]);
        elsewhere.back_up(&data).expect("there is room for the people");
        elsewhere.moved_to(&data)
    };
    let mut corners = Corner::all_of(&house);
    let mut folder = Folder::new();
    folder.data = data;
    let mut told = Told::default();

    let refused = dine_until_full(&mut house, &mut corners);
    let log = fs::read_to_string(house.log()).expect("a log");
    let first = match STOPPED.map(|stopped| log.find(stopped)) {
        [Some(books), Some(journal)] if books < journal => "books first",
        [_, Some(_)] => "journal first",
        [_, None] => panic!("what stopped? {log}"),
    };
    for problem in &refused {
        assert_eq!(problem["code"], "poisoned", "{problem}");
    }
    told.bring(&corners, &house, &mut folder);
    folder.audit(&scene.simulation);
    assert!(!folder.acks.is_empty(), "nobody dined before the disk was full");
    // Nobody made room: whoever starts it is told the same, and spoils nothing.
    match house.try_start() {
        Err(status) => ended_for_want_of_room(status, &house),
        Ok(()) => {
            dinners::come_back(&house, &mut corners);
            dine_until_full(&mut house, &mut corners);
        }
    }
    told.bring(&corners, &house, &mut folder);
    folder.audit(&scene.simulation);
    scene.tally.full_disks += 1;
    let before = folder.acks.len();

    disk.enlarge();
    house.start();
    dinners::come_back(&house, &mut corners);
    dinners::dine_until_killed(scene, &mut house, &mut corners);
    told.bring(&corners, &house, &mut folder);
    folder.audit(&scene.simulation);
    house.start();
    let paid = dinners::come_back(&house, &mut corners);
    told.bring(&corners, &house, &mut folder);
    assert!(folder.acks.len() > before, "nobody dined after room was made");
    dinners::close(scene, &mut house, &folder, paid);
    println!(
        "  full, {kind:?}, {first}: {before} told, {} refused; with room {} told, {paid} paid, {:?}",
        refused.len(),
        folder.acks.len(),
        began.elapsed()
    );
}
