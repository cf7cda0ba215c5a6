//! Papers: what they name exists, and what exists is named.

use std::collections::BTreeSet;

use crate::repository::{files, is_word, read, root};

/// Pages whose paths are looked up.
const PAGES: [&str; 4] = ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "SECURITY.md"];

/// How a section says, once and before it names any, below which folder its paths are.
const BASE: &str = "Paths here are below `";

/// A page from heading to heading, without code blocks.
fn sections(markdown: &str) -> Vec<String> {
    let mut inside_block = false;
    let mut sections = vec![String::new()];
    for line in markdown.lines() {
        let fence = line.trim_start().starts_with("```");
        inside_block ^= fence;
        if fence || inside_block {
            continue;
        }
        if line.starts_with('#') {
            sections.push(String::new());
        }
        let section = sections.last_mut().expect("there is one from the beginning");
        section.push_str(line);
        section.push('\n');
    }
    sections
}

/// The paths between single backticks: what has a slash and no spaces or colons, and sources.
fn paths_quoted(prose: &str) -> impl Iterator<Item = &str> {
    prose.split('`').skip(1).step_by(2).filter(|text| {
        text.contains('/') && !text.contains([' ', ':', '(', '<', '*']) && !text.starts_with('/')
            || text.ends_with(".rs")
    })
}

/// The folder below which a section of `page` says that its paths are, and the section behind it.
fn base_of<'section>(page: &str, section: &'section str) -> (&'section str, &'section str) {
    let Some((before, rest)) = section.split_once(BASE) else {
        return ("", section);
    };
    let (base, rest) = rest.split_once('`').expect("a folder ends with a backtick");
    let early: Vec<&str> = paths_quoted(before).collect();
    assert!(
        early.is_empty(),
        "{page} names {early:?} before it says that paths are below `{base}`"
    );
    assert!(!rest.contains(BASE), "{page} says twice in one section what paths are below");
    let is_folder = base.ends_with('/') && root().join(base).is_dir();
    assert!(is_folder, "{page}: paths cannot be below `{base}`");
    (base, rest)
}

/// Every path that a page names, from the root. A section with a base may name others from there
/// too, but none that could be either.
fn paths_named(page: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for section in sections(&read(page)) {
        let (base, section) = base_of(page, &section);
        for path in paths_quoted(section) {
            let below = format!("{base}{path}");
            let (is_below, is_at_root) = (root().join(&below).exists(), root().join(path).exists());
            assert!(is_below || is_at_root, "{page} names `{path}`, which does not exist");
            assert!(
                base.is_empty() || !(is_below && is_at_root),
                "{page}: `{path}` is both below `{base}` and at the root"
            );
            named.insert(if is_below { below } else { path.to_owned() });
        }
    }
    named
}

#[test]
fn papers_name_only_paths_that_exist() {
    for page in PAGES {
        for path in paths_named(page) {
            let is_made = path.starts_with("target/") || path.starts_with("data/");
            assert!(!is_made, "{page} names `{path}`, which a fresh clone has not");
        }
    }
}

#[test]
fn the_code_map_covers_every_source() {
    let named = paths_named("ARCHITECTURE.md");
    for path in files(".rs").into_keys() {
        let is_engine = path.starts_with("engine/src/");
        let is_elsewhere = path.starts_with("simulations/src/") || path.starts_with("server/src/");
        // Tests that stand beside their file are explained with it.
        let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
        let is_source = is_engine || is_elsewhere && !is_test;
        assert!(named.contains(&path) || !is_source, "ARCHITECTURE.md does not explain {path}");
    }
}

/// Relative links of a page: what stands behind `](` and is no address.
fn links(markdown: &str) -> Vec<&str> {
    let targets = markdown.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets
        .filter(|target| !target.contains("://") && !target.starts_with('#'))
        .map(|target| target.split('#').next().unwrap_or(target))
        .collect()
}

#[test]
fn links_between_papers_lead_somewhere() {
    for (page, text) in files(".md") {
        let folder = root().join(&page).parent().expect("pages are in folders").to_owned();
        for target in links(&text) {
            assert!(folder.join(target).exists(), "{page} links to {target}, which does not exist");
        }
    }
}

#[test]
fn the_readme_shows_the_example_as_it_is() {
    let example = read("engine/examples/dinner.rs");
    let body = example.lines().skip_while(|line| line.starts_with("//!") || line.is_empty());
    let body = body.collect::<Vec<_>>().join("\n");
    assert!(read("README.md").contains(&body), "README.md shows another engine/examples/dinner.rs");
}

#[test]
fn the_readme_names_every_example() {
    let readme = read("README.md");
    for path in files(".rs").into_keys().filter(|path| path.starts_with("engine/examples/")) {
        assert!(readme.contains(&path), "README.md does not mention {path}");
    }
}

/// The ids in the first column of the table under `## Invariants`.
fn registered_invariants() -> BTreeSet<String> {
    let page = read("ARCHITECTURE.md");
    let section = page.split("\n## ").find(|section| section.starts_with("Invariants"));
    let rows = section.expect("ARCHITECTURE.md has a section of invariants").lines();
    rows.filter_map(|row| row.strip_prefix("| ")?.split(' ').next())
        .filter(|id| id.contains('-'))
        .map(str::to_owned)
        .collect()
}

/// Everything in `text` that looks like an invariant's id: one capital, a dash, one digit.
fn invariants_named(text: &str) -> BTreeSet<String> {
    let signs: Vec<char> = text.chars().collect();
    let stands_alone = |at: usize| {
        let before = at.checked_sub(1).map(|before| signs[before]);
        let behind = signs.get(at + 3);
        !before.is_some_and(|sign| is_word(sign) || sign == '-')
            && !behind.is_some_and(|sign| is_word(*sign) || *sign == '-')
    };
    let is_id = |at: usize| {
        signs[at].is_ascii_uppercase() && signs[at + 1] == '-' && signs[at + 2].is_ascii_digit()
    };
    let ids = (0..signs.len().saturating_sub(2)).filter(|at| is_id(*at) && stands_alone(*at));
    ids.map(|at| signs[at..at + 3].iter().collect()).collect()
}

#[test]
fn invariants_are_registered_and_asserted() {
    let registered = registered_invariants();
    assert!(registered.len() > 8, "{registered:?}");
    let mut named = BTreeSet::new();
    for (path, text) in files(".rs").into_iter().filter(|(path, _)| path.starts_with("engine/src/"))
    {
        for id in invariants_named(&text) {
            assert!(
                registered.contains(&id),
                "{path} names {id}, which ARCHITECTURE.md does not know"
            );
            named.insert(id);
        }
    }
    // A-1 is the server's.
    let nowhere = registered.difference(&named).filter(|id| *id != "A-1").collect::<Vec<_>>();
    assert!(nowhere.is_empty(), "no file of the engine names {nowhere:?}");
    for id in invariants_named(&read("README.md")) {
        assert!(
            registered.contains(&id),
            "README.md promises {id}, which ARCHITECTURE.md does not know"
        );
    }
}

#[test]
fn decisions_are_numbered_without_a_gap() {
    let pages: Vec<(String, String)> =
        files(".md").into_iter().filter(|(path, _)| path.starts_with("docs/decisions/")).collect();
    assert!(!pages.is_empty(), "no decisions");
    for ((path, text), number) in pages.iter().zip(1..) {
        assert!(
            path.starts_with(&format!("docs/decisions/{number:04}-")),
            "{path} is not number {number}"
        );
        assert!(
            text.starts_with(&format!("# {number}. ")),
            "{path} has another number in its title"
        );
        for section in ["\n## Context\n", "\n## Decision\n", "\n## Price\n"] {
            assert!(text.contains(section), "{path} has no section `{}`", section.trim());
        }
    }
}

#[test]
fn every_loom_model_is_built() {
    let manifest = read("tests/loom/Cargo.toml");
    let is_model = |path: &String| path.starts_with("engine/tests/loom_");
    for path in files(".rs").into_keys().filter(is_model) {
        assert!(manifest.contains(&path), "tests/loom/Cargo.toml does not build {path}");
    }
}

#[test]
fn the_glossary_is_in_order_and_has_no_word_twice() {
    let page = read("ARCHITECTURE.md");
    let glossary = page.split("\n## ").find(|section| section.starts_with("Glossary"));
    let rows = glossary
        .expect("ARCHITECTURE.md has a glossary")
        .lines()
        .skip_while(|row| !row.starts_with("|---"));
    let words: Vec<&str> =
        rows.skip(1).filter_map(|row| row.strip_prefix("| ")?.split(" |").next()).collect();
    for pair in words.windows(2) {
        assert!(pair[0] < pair[1], "glossary: `{}` stands before `{}`", pair[0], pair[1]);
    }
}
