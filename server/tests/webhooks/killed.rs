//! A server that is killed again and again, between hearing, keeping, sending and knowing that it
//! was sent.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use fanju::id::{MerchantId, Position};
use fanju_server::webhooks::{Place, WebhookId};

use super::{
    EPOCH, eventually, log, now, open,
    receiver::Receiver,
    table::{Table, history},
};

/// The environment of a server that is about to be killed: where its data is, and its receiver.
const DOOMED: (&str, &str) = ("FANJU_DOOMED_DATA", "FANJU_DOOMED_URL");

/// Dinners whose events are on their way at most.
const AHEAD_MAX: usize = 32;

/// Names in the data folder.
fn engine_of(data: &Path) -> PathBuf {
    data.join("engine")
}

/// Serves dinners until it is killed.
fn be_killed(data: &Path, url: &str) -> ! {
    let table = Table::laid_in(Table::engine_in(&engine_of(data)));
    let webhooks = open(&Place::Directory(data.to_owned()), 2);
    let (made, _) = webhooks.create(table.shop, url, None, table.position(), now()).unwrap();
    let known = format!("{} {} {}", table.shop, made.id, table.position());
    std::fs::write(data.join(format!("shop-{}", std::process::id())), known).unwrap();
    webhooks.start(table.engine.clone(), EPOCH.into()).unwrap();
    let mut dinners = Vec::new();
    for number in 0_u64.. {
        dinners.push(table.dine(&format!("A-{number}")));
        // On a slow disk dinners would run away from deliveries, and the test with them.
        let Some(behind) = dinners.len().checked_sub(AHEAD_MAX) else { continue };
        eventually(|| {
            let newest =
                webhooks.deliveries(table.shop, made.id, None, 1).unwrap().deliveries.pop();
            newest.filter(|newest| newest.position >= dinners[behind])
        });
    }
    unreachable!("killed before")
}

#[test]
fn a_killed_server_loses_no_event_and_takes_none_twice() {
    if let (Some(data), Ok(url)) = (std::env::var_os(DOOMED.0), std::env::var(DOOMED.1)) {
        be_killed(Path::new(&data), &url);
    }
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    std::fs::create_dir(engine_of(data)).unwrap();
    let receiver = Receiver::answering(200);
    for round in 1..=4 {
        let name = "killed::a_killed_server_loses_no_event_and_takes_none_twice";
        let mut doomed = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(DOOMED.0, data)
            .env(DOOMED.1, &receiver.url)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let before = receiver.heard().len();
        receiver.wait(|heard| heard.len() >= before + 20 * round);
        doomed.kill().unwrap();
        doomed.wait().unwrap();
    }
    let engine = Table::engine_in(&engine_of(data));
    let webhooks = open(&Place::Directory(data.to_owned()), 4);
    webhooks.start(engine.clone(), EPOCH.into()).unwrap();
    let mut wire: BTreeMap<String, usize> = BTreeMap::new();
    for entry in std::fs::read_dir(data).unwrap().flatten() {
        if !entry.file_name().to_string_lossy().starts_with("shop-") {
            continue;
        }
        let known = std::fs::read_to_string(entry.path()).unwrap();
        let mut words = known.split(' ');
        let shop = MerchantId(words.next().unwrap().parse().unwrap());
        let id = WebhookId(words.next().unwrap().parse().unwrap());
        let since = Position(words.next().unwrap().parse().unwrap());
        let expected = history(&engine, shop, since);
        let arrived = eventually(|| {
            let mut rows = log(&webhooks, shop, id);
            rows.retain(|row| row.status == Some(200));
            (rows.len() >= expected.len()).then_some(rows)
        });
        let positions: Vec<_> = arrived.iter().map(|row| row.position.0).collect();
        assert_eq!(positions, expected, "each event once, in order, whenever the kill came");
        let mut messages: Vec<_> = arrived.iter().map(|row| &row.message).collect();
        messages.dedup();
        assert_eq!(messages.len(), expected.len());
        for message in messages {
            wire.insert(message.clone(), 0);
        }
    }
    for heard in receiver.heard() {
        *wire.get_mut(heard.id()).expect("nothing is sent that the log does not know") += 1;
    }
    assert!(wire.values().all(|times| *times >= 1), "at least once on the wire");
    let twice = wire.values().filter(|times| **times > 1).count();
    eprintln!("{} events over four kills, {twice} of them sent twice", wire.len());
    assert!(twice <= 4 * 2, "only what was on its way is sent again");
    webhooks.stop();
}
