//! Every scenario that is built in, played in process at a small scale: it ends well, its journal is
//! sound, and what it is there to show is in that journal.

use std::{collections::BTreeSet, path::Path};

use clap::Parser;
use fanju::{
    codec,
    domain::event::{Event, Settlement},
    id::Position,
};
use fanju_sim::{
    auditor::Verdict,
    options::{Options, Task},
    reading,
    recording::Recording,
    scenario::{BUILT_IN, load, report, run::evening},
};

/// What was paid and given back in a data folder, in the order of its journal.
#[derive(Default)]
struct Paid {
    settlements: Vec<Settlement>,
    /// Whether each refund left nothing to give back.
    refunds: Vec<bool>,
}

impl Paid {
    fn read(data: &Path) -> Self {
        let (journal, _) = reading::open(data).expect("a journal");
        let (mut paid, mut batches) = (Self::default(), journal.batches(Position::NONE));
        while let Some(batch) = batches.next_batch().expect("a sound journal") {
            for (position, payload) in batch.records() {
                let event = codec::decode(position, payload).expect("a sound record").event;
                if let Event::Refunded(refund) = &event {
                    let order = paid.settlements.iter().find(|it| it.order_no == refund.order_no);
                    let order = order.expect("what goes back was paid");
                    paid.refunds.push(order.total == refund.amount);
                }
                if let Event::Settled(settlement) = event {
                    paid.settlements.push(settlement);
                }
            }
        }
        paid
    }

    fn largest_group(&self) -> usize {
        self.settlements.iter().map(|paid| paid.shares.len()).max().unwrap_or(0)
    }

    /// Bills of each merchant that had any, most first.
    fn bills_by_merchant(&self) -> Vec<usize> {
        let merchants: BTreeSet<_> = self.settlements.iter().map(|paid| paid.merchant).collect();
        let bills = |merchant| self.settlements.iter().filter(|it| it.merchant == merchant).count();
        let mut bills: Vec<usize> = merchants.into_iter().map(bills).collect();
        bills.sort_unstable_by(|one, other| other.cmp(one));
        bills
    }
}

/// Plays `name` in a few seconds.
fn play(name: &str, scale: &str, speed: &str, seed: &str) -> (Recording, Paid) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().display().to_string();
    let words = ["fanju-sim", "dinner", "--scenario", name, "--scale", scale, "--speed", speed];
    let options = words.into_iter().chain(["--seed", seed, "--data", &data]);
    let Task::Dinner(options) = Options::parse_from(options).task else {
        unreachable!("`dinner` was asked for")
    };
    let recording = evening(name, &options).unwrap_or_else(|error| panic!("{name}: {error:#}"));
    (recording, Paid::read(folder.path()))
}

/// A number of one of the tables, by its name; what never happened is left out.
fn told(recording: &Recording, what: &str) -> u64 {
    let mut rows = recording.tables.iter().flat_map(|table| &table.rows);
    let number = rows.find(|row| row[0] == what).map(|row| row[1].replace(',', ""));
    number.map_or(0, |number| number.parse().expect("a number"))
}

/// The sources that a file's head names, each line of them so: `# Tips, Toast: where they are`.
fn sources(text: &str) -> Vec<&str> {
    let head = text.lines().take_while(|line| line.starts_with('#'));
    // Its first paragraph says what the evening shows.
    let named = head.skip_while(|line| *line != "#").filter_map(|line| {
        let (names, _) = line.strip_prefix("# ")?.split_once(": ")?;
        let names: Vec<&str> = names.split(", ").collect();
        let is_name = |name: &&str| !name.contains(' ') && name.starts_with(char::is_uppercase);
        names.iter().all(is_name).then_some(names)
    });
    named.flatten().collect()
}

fn names(comment: &str, source: &str) -> bool {
    comment.split(|sign: char| !sign.is_alphanumeric()).any(|word| word == source)
}

/// Whether a comment names a source, or says that a number is an assumption, and why.
fn explains(comment: &str, sources: &[&str]) -> bool {
    let says = |words: &str| comment.to_lowercase().contains(words);
    says("assumption: ")
        || says("an assumption.")
        || sources.iter().any(|source| names(comment, source))
}

/// The lines of a file that have a number which no comment explains: none on the line, none directly
/// above it, above the list to which it belongs, or above its section.
fn unexplained<'a>(text: &'a str, sources: &[&str]) -> Vec<&'a str> {
    let (mut section, mut above, mut said) = (String::new(), String::new(), String::new());
    let mut found = Vec::new();
    for line in text.lines() {
        let (code, comment) = line.split_once('#').unwrap_or((line, "\n"));
        match code.chars().next() {
            None if line.is_empty() => above.clear(),
            None => above += comment,
            Some('[') => section = std::mem::take(&mut above),
            // A list goes on.
            Some(' ' | ']') => said += comment,
            Some(_) => said = format!("{section}\n{}\n{comment}", std::mem::take(&mut above)),
        }
        let mut outside_quotes = code.split('"').step_by(2);
        let has_number = outside_quotes.any(|code| code.contains(|sign: char| sign.is_numeric()));
        if has_number && !explains(&said, sources) {
            found.push(line);
        }
    }
    found
}

#[test]
fn every_number_has_a_source_or_is_an_assumption_with_a_reason_and_every_source_is_used() {
    let friday = sources(BUILT_IN[0].1);
    assert!(BUILT_IN[0].0 == "friday-night" && friday.contains(&"Tips"), "{friday:?}");
    for (name, text) in BUILT_IN {
        let sources = sources(text);
        assert!(!sources.is_empty(), "{name} has no sources");
        let missing = unexplained(text, &sources);
        assert!(missing.is_empty(), "{name}: where is this from? {missing:#?}");
        let (head, body) = text.split_once("\nabout = ").expect("a head, and what it is about");
        let comments: Vec<&str> =
            body.lines().filter_map(|line| Some(line.split_once('#')?.1)).collect();
        for source in &sources {
            assert!(comments.iter().any(|it| names(it, source)), "{name}: {source} is not used");
        }
        let same = head.lines().filter_map(|line| line.strip_suffix(": as in friday-night."));
        for source in same.flat_map(|names| names.trim_start_matches("# ").split(", ")) {
            assert!(friday.contains(&source), "{name}: friday-night does not have {source}");
        }
    }
}

#[test]
fn a_number_without_a_reason_is_found() {
    let text =
        "[a]\nb = 1 # assumption\nc = 2 # Tips\n# Assumption: so.\nd = [\n    3,\n]\n\ne = 4\n";
    assert_eq!(unexplained(text, &["Tips"]), ["b = 1 # assumption", "e = 4"]);
}

#[test]
fn every_built_in_evening_shows_what_it_is_for() {
    for (name, _) in BUILT_IN {
        let (scale, speed, seed) = match name {
            "friday-night" => ("0.1", "7200", "1"),
            "new-year" => ("0.02", "7200", "1"),
            "food-court" => ("0.4", "1800", "1"),
            "payday-shortfall" => ("0.1", "7200", "1"),
            "refund-morning" => ("0.1", "1800", "1"),
            other => panic!("what is {other} for? Say so here"),
        };
        let (recording, paid) = play(name, scale, speed, seed);
        let (ends, audit) = (&recording.ends, &recording.audit);
        assert_eq!((audit.verdict, audit.faults), (Verdict::Ok, 0), "{name}: {:?}", audit.reasons);
        assert!(report::is_well(&recording) && ends.failed.is_empty(), "{name}: {:?}", ends.failed);
        let settled = paid.settlements.len();
        assert_eq!(recording.funnel.settled, Some(settled as u64), "{name}");
        assert!(settled > 20, "{name}: {settled} bills were paid");
        let happened = |what| assert!(told(&recording, what) > 0, "{name}: {what}");
        match name {
            "friday-night" => ["film", "massage", "said yes", "bills presented again"]
                .into_iter()
                .for_each(happened),
            "new-year" => {
                // Who is short or says no owes nothing; the others take it over.
                let group = paid.largest_group();
                assert!((480..=500).contains(&group), "{group}: {:?}", ends.declined);
            }
            "food-court" => {
                let scenario = load(name).expect("built in");
                let merchants = scenario.sizes(scale.parse().expect("a number")).merchants;
                let bills = paid.bills_by_merchant();
                assert!(merchants >= 10 && bills.len() == merchants, "{merchants}: {bills:?}");
                let hot: usize = bills.iter().take(scenario.merchants.hot.len()).sum();
                assert!(hot * 2 > settled, "the named counters have most: {bills:?}");
            }
            "payday-shortfall" => {
                let short = ends.declined.get("short").copied().unwrap_or(0);
                assert!(short > 0, "{:?}", ends.declined);
            }
            _ => {
                ["bills given back whole", "bills given back in part"]
                    .into_iter()
                    .for_each(happened);
                let (back, whole) =
                    (paid.refunds.len(), paid.refunds.iter().filter(|it| **it).count());
                assert!(
                    back * 2 > settled && 0 < whole && whole < back,
                    "{back}, {whole}, {settled}"
                );
            }
        }
    }
}
