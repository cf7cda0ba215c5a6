//! Floors: no file of a lower floor names a higher one.

use std::collections::BTreeSet;

use crate::repository::{code, contains_word, engine_sources, files, is_word};

/// A file or folder under `engine/src`, the modules that it may name beside its own, and words that
/// it must not contain.
struct Floor {
    place: &'static str,
    may_name: &'static str,
    forbidden: &'static str,
}

const FLOORS: &[Floor] = &[
    Floor { place: "id.rs", may_name: "", forbidden: "now_v7 new_v4 rand SystemTime" },
    Floor { place: "money.rs", may_name: "limits", forbidden: "round" },
    Floor { place: "time.rs", may_name: "", forbidden: "SystemTime Instant" },
    Floor { place: "limits.rs", may_name: "", forbidden: "SystemTime Instant" },
    Floor { place: "broken.rs", may_name: "", forbidden: "std::fs std::io tokio rand" },
    Floor { place: "hash.rs", may_name: "", forbidden: "std::fs std::io tokio rand" },
    Floor { place: "sync.rs", may_name: "", forbidden: "tokio unsafe" },
    Floor {
        place: "ledger",
        may_name: "id money limits",
        forbidden: "rand async std::fs std::io std::thread tokio SystemTime Instant",
    },
    Floor {
        place: "domain",
        may_name: "broken id money time limits ledger",
        forbidden: "rand async std::fs std::io std::net std::thread tokio SystemTime \
                    Instant Mutex Uuid::new_v4 Uuid::now_v7 HashMap HashSet",
    },
    Floor {
        place: "journal",
        may_name: "broken id limits sync hash",
        forbidden: "Amount Wallet tokio async rusqlite",
    },
    Floor {
        place: "codec",
        may_name: "id money time limits ledger domain",
        forbidden: "rand async std::fs std::io std::thread tokio SystemTime Instant",
    },
    Floor {
        place: "books",
        may_name: "broken id money time limits sync hash ledger domain codec journal",
        forbidden: "tokio async SystemTime",
    },
    Floor {
        place: "actors",
        may_name: "broken id money time limits sync hash ledger domain codec journal books",
        forbidden: "std::fs rusqlite thread::sleep",
    },
];

/// Modules above all floors.
const DOOR: &str = "engine";

/// The top-level modules that `code` names by `crate::`, alone or in a tree of uses.
fn modules_named(code: &str) -> BTreeSet<String> {
    let first_word =
        |text: &str| text.chars().take_while(|sign| is_word(*sign)).collect::<String>();
    let mut named = BTreeSet::new();
    for (at, path) in code.match_indices("crate::") {
        if code[..at].chars().next_back().is_some_and(is_word) {
            continue;
        }
        let rest = &code[at + path.len()..];
        let Some(tree) = rest.strip_prefix('{') else {
            named.insert(first_word(rest));
            continue;
        };
        let (mut depth, mut branch) = (1, String::new());
        for sign in tree.chars() {
            match sign {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => {
                    named.insert(first_word(branch.trim()));
                    branch.clear();
                    continue;
                }
                _ => {}
            }
            if depth == 0 {
                named.insert(first_word(branch.trim()));
                break;
            }
            branch.push(sign);
        }
    }
    named.remove("");
    named
}

#[test]
fn modules_are_found_in_trees_of_uses() {
    let code = "use crate::{\n a::{b, c::d},\n e,\n};\nlet _ = crate::f::g(); mycrate::h()";
    let expected: BTreeSet<String> = ["a", "e", "f"].map(str::to_owned).into();
    assert_eq!(modules_named(code), expected);
}

#[test]
fn lower_floors_never_name_higher_ones() {
    let sources = engine_sources();
    let modules = FLOORS.iter().map(|floor| floor.place.trim_end_matches(".rs"));
    let modules: BTreeSet<&str> = modules.chain([DOOR]).collect();
    for Floor { place, may_name, forbidden } in FLOORS {
        let folder = format!("{place}/");
        let here = |path: &str| path == *place || path.starts_with(&folder);
        let own = place.trim_end_matches(".rs");
        let may_name: BTreeSet<&str> = may_name.split_whitespace().chain([own]).collect();
        let files: Vec<_> = sources.iter().filter(|(path, _)| here(path)).collect();
        assert!(!files.is_empty(), "no floor `{place}`: correct FLOORS");
        for (path, text) in files {
            let code = code(text);
            // What is no module of a floor is a macro or a re-export.
            for named in modules_named(&code).iter().filter(|named| modules.contains(&***named)) {
                assert!(may_name.contains(&**named), "{path} must not name `crate::{named}`");
            }
            for word in forbidden.split_whitespace() {
                assert!(!contains_word(&code, word), "{path}: `{word}` is above floor `{place}`");
            }
        }
    }
}

#[test]
fn every_source_stands_on_a_floor() {
    for path in engine_sources().keys() {
        let top = path.split('/').next().expect("paths are not empty");
        let known = top == "lib.rs" || top == DOOR || FLOORS.iter().any(|floor| floor.place == top);
        assert!(known, "engine/src/{path} stands on no floor: add it to FLOORS");
    }
}

#[test]
fn only_actors_and_the_door_name_actix() {
    for (path, text) in engine_sources() {
        let allowed = path.starts_with("actors/") || path.starts_with("engine/");
        assert!(allowed || !code(&text).contains("actix"), "{path} names actix");
    }
}

#[test]
fn only_the_session_names_the_websocket_library() {
    for (path, text) in files(".rs").iter().filter(|(path, _)| path.starts_with("server/src/")) {
        let names = contains_word(&code(text), "actix_web_actors");
        assert!(path == "server/src/live/session.rs" || !names, "{path} names actix_web_actors");
    }
}

#[test]
fn only_the_clock_reads_the_systems_time() {
    for (path, text) in engine_sources() {
        let reads = contains_word(&code(&text), "SystemTime");
        assert!(path == "actors/clock.rs" || !reads, "engine/src/{path} reads the system's clock");
    }
}

#[test]
fn all_atomics_come_from_one_place() {
    for (path, text) in engine_sources() {
        let names = contains_word(&code(&text), "atomic");
        assert!(path == "sync.rs" || !names, "engine/src/{path}: take atomics from `crate::sync`");
    }
}

#[test]
fn the_engine_has_no_floats() {
    for (path, text) in engine_sources() {
        for word in ["f32", "f64"] {
            assert!(!contains_word(&code(&text), word), "engine/src/{path} has a `{word}`");
        }
    }
}

#[test]
fn the_engine_is_silent() {
    for (path, text) in engine_sources() {
        for word in ["println!", "eprintln!", "print!", "eprint!"] {
            assert!(
                !contains_word(&code(&text), word),
                "engine/src/{path}: `{word}`; tracing instead"
            );
        }
    }
}

#[test]
fn the_auditor_does_its_own_sums() {
    for (path, text) in files(".rs") {
        if !path.starts_with("simulations/src/auditor") {
            continue;
        }
        for word in ["fanju::ledger", "ledger::", ".entry()", "checked_sum", "opening.recovery"] {
            assert!(!code(&text).contains(word), "{path}: `{word}` is the engine's arithmetic");
        }
    }
}
