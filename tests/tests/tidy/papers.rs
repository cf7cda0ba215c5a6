//! Papers: what they name exists, and what exists is named.

use std::collections::BTreeSet;

use crate::repository::{files, is_word, read, root};

/// What stands between single backticks, outside of code blocks.
fn quoted(markdown: &str) -> Vec<String> {
    let mut inside_block = false;
    let prose = markdown.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        inside_block ^= fence;
        !fence && !inside_block
    });
    let prose: Vec<&str> = prose.collect();
    prose.join("\n").split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Every path that a page names between backticks: what has a slash and no spaces or colons.
fn paths_named(markdown: &str) -> Vec<String> {
    let is_path = |text: &String| {
        text.contains('/') && !text.contains([' ', ':', '(', '<', '*']) && !text.starts_with('/')
            || text.ends_with(".rs")
    };
    quoted(markdown).into_iter().filter(is_path).collect()
}

#[test]
fn papers_name_only_paths_that_exist() {
    for page in ["ARCHITECTURE.md", "README.md"] {
        for path in paths_named(&read(page)) {
            let exists =
                root().join(&path).exists() || root().join("engine/src").join(&path).exists();
            assert!(exists, "{page} names `{path}`, which does not exist");
        }
    }
}

#[test]
fn the_code_map_covers_every_source() {
    let named: BTreeSet<String> = paths_named(&read("ARCHITECTURE.md")).into_iter().collect();
    for path in files(".rs").into_keys() {
        let in_engine = path.strip_prefix("engine/src/").unwrap_or(&path);
        let is_elsewhere = path.starts_with("simulations/src/") || path.starts_with("server/src/");
        // Tests that stand beside their file are explained with it.
        let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
        let is_source = in_engine != path || is_elsewhere && !is_test;
        let explained = named.contains(in_engine) || named.contains(&path);
        assert!(explained || !is_source, "ARCHITECTURE.md does not explain {path}");
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
