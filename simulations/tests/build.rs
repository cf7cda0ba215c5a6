//! The build script: a release is built anew when anything changes of which it is made.

use std::{collections::BTreeSet, fs, path::Path};

use toml::Table;

fn manifest(path: &str) -> Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(path).expect("a manifest").parse().expect("TOML")
}

/// Folders of the workspace's own crates on which the crate of `manifest` depends, however far away.
fn crates(manifest_of: &Table, workspace: &Table, found: &mut BTreeSet<String>) {
    let depends = manifest_of["dependencies"].as_table().expect("a table");
    let folders = depends.keys().filter_map(|name| workspace.get(name)?.get("path")?.as_str());
    for folder in folders {
        if found.insert(format!("../{folder}")) {
            crates(&manifest(&format!("../{folder}/Cargo.toml")), workspace, found);
        }
    }
}

#[test]
fn a_release_watches_every_crate_of_which_it_is_made_and_what_they_are_built_with() {
    let root = manifest("../Cargo.toml");
    let shared = root["workspace"]["dependencies"].as_table().expect("a table");
    let mut watched = BTreeSet::new();
    crates(&manifest("Cargo.toml"), shared, &mut watched);
    assert!(watched.contains("../engine") && watched.contains("../server"), "{watched:?}");
    watched.extend([".", "scenarios", "../Cargo.lock", "../Cargo.toml"].map(str::to_owned));
    let script = include_str!("../build.rs");
    for path in watched {
        assert!(script.contains(&format!("\"{path}\"")), "build.rs does not watch {path}");
    }
}
