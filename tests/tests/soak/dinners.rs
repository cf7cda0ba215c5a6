//! Dinners: a server under tills and phones, stopped and killed in the middle of their dinners, and
//! started again on the same folder and port.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs, thread,
    time::{Duration, Instant},
};

use rand::Rng;

use crate::{
    Scene,
    corner::Corner,
    folder::{Folder, Found},
    house::{House, TIRELESS},
    signal,
    table::Ledger,
};

/// One house is killed at most so often: whoever comes back asks for each of its orders.
const KILLS_OF_ONE_HOUSE_MAX: u32 = 6;

/// Stops before a kill.
const STOPS_MAX: u32 = 2;

/// How long dinners go on before the server is hit.
const DINING: Duration = Duration::from_millis(600);

/// How long the server stands still: less than anybody's patience.
const STANDSTILL: Duration = Duration::from_millis(900);

/// Orders that a till or a phone of this corner was told of, each with its position.
fn told(corner: &Corner) -> BTreeMap<String, u64> {
    let heard = corner.heard.iter().map(|(position, order_no)| (order_no.clone(), *position));
    let mut told: BTreeMap<String, u64> = heard.collect();
    for (order_no, ended) in &corner.told {
        if let Some(ended) = ended {
            let position = ended["position"].as_u64().expect("a position");
            let heard = told.insert(order_no.clone(), position);
            assert!(heard.is_none_or(|heard| heard == position), "{heard:?} is not {ended}");
        }
    }
    told
}

/// Everybody's acknowledgements, in a form that the auditor reads.
#[derive(Default)]
pub(crate) struct Told {
    written: BTreeSet<(String, String)>,
}

impl Told {
    /// Hands those to the folder that it does not have yet.
    pub(crate) fn bring(&mut self, corners: &[Corner], house: &House, folder: &mut Folder) {
        let mut lines = String::new();
        for corner in corners {
            let merchant = &corner.shop.merchant;
            for (order_no, position) in told(corner) {
                if self.written.insert((merchant.clone(), order_no.clone())) {
                    writeln!(lines, "{merchant}\t{order_no}\t{position}").expect("is text");
                }
            }
        }
        let file = house.beside("told.tsv");
        fs::write(&file, lines).expect("writes");
        folder.take_acks(&file);
    }
}

/// Dines in every corner until the server is killed.
pub(crate) fn dine_until_killed(scene: &mut Scene, house: &mut House, corners: &mut [Corner]) {
    let (address, pid) = (house.address(), house.pid());
    thread::scope(|scope| {
        for corner in corners {
            scope.spawn(move || corner.dine(address));
        }
        for _ in 0..scene.chance.random_range(0..=STOPS_MAX) {
            thread::sleep(scene.chance.random_range(Duration::ZERO..DINING));
            signal::stop(pid);
            thread::sleep(scene.chance.random_range(Duration::ZERO..STANDSTILL));
            signal::go_on(pid);
            scene.tally.stops += 1;
        }
        thread::sleep(scene.chance.random_range(Duration::ZERO..DINING));
        if scene.chance.random() {
            signal::stop(pid);
            scene.tally.stops += 1;
        }
        house.kill();
        scene.tally.kills += 1;
    });
}

/// Everybody comes back to a house that was started again, and finds what they were told; how many
/// orders were paid in all.
pub(crate) fn come_back(house: &House, corners: &mut [Corner]) -> usize {
    let mut ledger = Ledger::default();
    for corner in corners {
        let settled = corner.come_back(house);
        settled.iter().for_each(|settlement| ledger.settled(settlement));
    }
    ledger.agrees(house);
    ledger.settlements()
}

/// Ends the house, and has everything that its corners were told looked for by three witnesses.
pub(crate) fn close(scene: &mut Scene, house: &mut House, folder: &Folder, paid: usize) {
    house.stop();
    let said = House::verify(house.data());
    assert!(said.contains(&format!("{paid} orders paid")), "{paid}: {said}");
    folder.audit(&scene.simulation);
    let Found { acknowledged, settled, .. } = folder.look();
    assert_eq!(settled, paid, "everybody who came back was told of everything");
    scene.tally.acknowledged += folder.acks.len();
    scene.tally.found += acknowledged;
}

pub(crate) fn turn(scene: &mut Scene) {
    let mut house = House::open_with(6, 2, &[TIRELESS]);
    house.listen = house.address().to_string();
    let mut corners = Corner::all_of(&house);
    let mut folder = Folder::new();
    folder.data = house.data().to_owned();
    let mut told = Told::default();
    let mut paid = 0;
    for _ in 0..scene.chance.random_range(1..=KILLS_OF_ONE_HOUSE_MAX) {
        let began = Instant::now();
        dine_until_killed(scene, &mut house, &mut corners);
        told.bring(&corners, &house, &mut folder);
        folder.audit(&scene.simulation);
        house.start();
        paid = come_back(&house, &mut corners);
        println!("  {} told, {paid} paid, {:?}", folder.acks.len(), began.elapsed());
        if scene.is_over() {
            break;
        }
    }
    // What was on its way to a phone when the server died counts as well.
    told.bring(&corners, &house, &mut folder);
    close(scene, &mut house, &folder, paid);
}
