//! The repository's files as text, and looking for words in them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository exists")
}

/// Every file of the repository whose name ends so, by its path from the root; build output and
/// hidden folders left out.
pub(crate) fn files(ending: &str) -> BTreeMap<String, String> {
    fn collect(root: &Path, at: &Path, ending: &str, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(at).expect("folders can be read") {
            let path = entry.expect("entries can be read").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("names are UTF-8");
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    collect(root, &path, ending, found);
                }
            } else if name.ends_with(ending) {
                let text = fs::read_to_string(&path).expect("text is UTF-8");
                let path = path.strip_prefix(root).expect("below the root").display().to_string();
                found.insert(path, text);
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(&root(), &root(), ending, &mut found);
    found
}

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The sources of the engine, by their path below `engine/src/`.
pub(crate) fn engine_sources() -> BTreeMap<String, String> {
    let sources = files(".rs").into_iter();
    sources
        .filter_map(|(path, text)| Some((path.strip_prefix("engine/src/")?.to_owned(), text)))
        .collect()
}

/// `text` without line comments, so that prose may name what code must not.
pub(crate) fn code(text: &str) -> String {
    let strip = |line: &str| match line.find("//") {
        Some(at) if !line[..at].ends_with(':') => line[..at].to_owned(),
        Some(_) | None => line.to_owned(),
    };
    text.lines().map(strip).collect::<Vec<_>>().join("\n")
}

pub(crate) fn is_word(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}

/// Whether `text` contains `word` with no letter right before or behind it, where the word itself
/// begins or ends with one.
pub(crate) fn contains_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let joined = |neighbour: Option<char>| neighbour.is_some_and(is_word);
        let before = word.starts_with(is_word) && joined(text[..at].chars().next_back());
        let behind = word.ends_with(is_word) && joined(text[at + word.len()..].chars().next());
        !(before || behind)
    })
}
