//! Clients that are not ours: Python's `websockets`, Node's `ws`, and curl, each a whole dinner.
//!
//! The first two need the folder that `scripts/tools` makes and `FANJU_TOOLS` names.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;

use crate::{house::House, table::Ledger};

/// The folder of tools, if `what` is in it; nothing, said loudly, otherwise.
fn tools(what: &str, of: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let tools = env::var_os("FANJU_TOOLS").map(|tools| root.join(tools));
    let found = tools.filter(|tools| tools.join(what).exists());
    if found.is_none() {
        println!("SKIPPED: {of}, for want of {what} in FANJU_TOOLS, which scripts/tools makes");
    }
    found
}

/// Runs `client` against a server of its own; everybody has everything back afterwards.
fn dines(mut client: Command, says: &str) {
    let mut house = House::open(4, 1);
    let cast = house.beside("cast.json");
    let people = |token: &str, name: &str, id: &str| json!({ "token": token, name: id });
    let diners = house.cast.diners.iter();
    let merchants = house.cast.merchants.iter();
    let written = json!({
        "merchants": merchants
            .map(|shop| people(&shop.token, "merchant", &shop.merchant))
            .collect::<Vec<_>>(),
        "diners": diners
            .map(|diner| people(&diner.token, "wallet", &diner.wallet))
            .collect::<Vec<_>>(),
    });
    fs::write(&cast, written.to_string()).expect("written");
    let ran = client.arg(house.address().to_string()).arg(&cast).output().expect("starts");
    let said = String::from_utf8_lossy(&ran.stdout);
    let complained = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{}: {said}{complained}", ran.status);
    assert_eq!(said.trim(), says, "{complained}");
    Ledger::default().agrees(&house);
    house.stop();
    let report = House::verify(house.data());
    assert!(report.contains("1 order paid and 1 refund"), "{report}");
}

fn client(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}

#[test]
fn python_dines() {
    let Some(tools) = tools("venv/bin/python", "the client in Python") else { return };
    let mut python = Command::new(tools.join("venv/bin/python"));
    python.arg(client("dinner.py"));
    dines(python, "dined in Python");
}

#[test]
fn node_dines() {
    let Some(tools) = tools("node_modules/ws", "the client in Node") else { return };
    let mut node = Command::new("node");
    node.arg(client("dinner.mjs")).env("FANJU_TOOLS", tools);
    dines(node, "dined in Node");
}

#[test]
fn curl_dines() {
    dines(Command::new(client("dinner.sh")), "dined with curl");
}
