//! Sizes, limits, and words that nobody should find.

use crate::repository::{code, contains_word, engine_sources, files};

/// The longest file that nobody has to explain.
const FILE_LINES_MAX: usize = 500;

/// Longer files, with the reason. An entry that is no longer needed has to go.
const LONG_FILES: &[(&str, &str)] = &[
    ("engine/benches/bare.rs", "one probe: its actors, its driver and what it measures"),
    ("engine/src/actors/wallet.rs", "messages, their handlers and nothing else"),
    (
        "engine/src/domain/event.rs",
        "every event of the format, with its fields explained, in one list",
    ),
    (
        "engine/src/engine/mod.rs",
        "the whole door: one documented method for each thing one can ask",
    ),
    (
        "engine/src/domain/group.rs",
        "every command, refusal and event of an outing; its draft and its members are beside it",
    ),
    (
        "engine/src/domain/payment.rs",
        "one state machine: a bill between scan and end; draws and shortfall are beside it",
    ),
    ("engine/tests/bad_input.rs", "every refusal of the API, one test each"),
    ("engine/tests/reopen.rs", "what survives a restart, one test each"),
    ("engine/tests/journal_commit.rs", "cases of one concept through one door"),
    ("engine/tests/split.rs", "cases of one concept through one door"),
    ("engine/tests/vectors.rs", "one reader for each published format"),
];

#[test]
fn nothing_is_left_for_later() {
    let words =
        [concat!("to", "do!"), concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
    let sources = [".rs", ".toml", ".sh", ".md"].into_iter().flat_map(files);
    for (path, text) in sources {
        for word in words {
            assert!(!contains_word(&text, word), "{path}: `{word}`; do it, or write an issue");
        }
    }
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let places = [concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/wo", "rk/")];
    let sources =
        [".rs", ".toml", ".sh", ".md", ".svg", "justfile", "test"].into_iter().flat_map(files);
    for (path, text) in sources {
        for place in places {
            assert!(!text.contains(place), "{path} names `{place}`");
        }
    }
}

#[test]
fn long_files_have_a_reason() {
    let sources = files(".rs");
    for (path, text) in &sources {
        let lines = text.lines().count();
        let reason = LONG_FILES.iter().find(|(long, _)| long == path);
        match reason {
            None => assert!(
                lines <= FILE_LINES_MAX,
                "{path} has {lines} lines, more than {FILE_LINES_MAX}: divide it, or explain it in LONG_FILES"
            ),
            Some(_) => assert!(
                lines > FILE_LINES_MAX,
                "{path} has {lines} lines: take it out of LONG_FILES"
            ),
        }
    }
    for (path, _) in LONG_FILES {
        assert!(sources.contains_key(*path), "LONG_FILES: no {path}");
    }
}

#[test]
fn every_limit_is_used() {
    let sources = engine_sources();
    let limits = code(&sources["limits.rs"]);
    let names = limits.split("pub const ").skip(1).filter_map(|rest| rest.split(':').next());
    for name in names {
        let used = |(path, text): (&String, &String)| {
            path != "limits.rs" && contains_word(&code(text), name)
        };
        assert!(sources.iter().any(used), "limits.rs: nobody uses {name}");
    }
}
