//! The page of a run, as people and parsers read it: well-formed, whole, and of the same figures as
//! the JSON beside it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use fanju_sim::{
    auditor::Verdict,
    compare::Comparison,
    page,
    recording::{
        Audited, Distribution, Kind, Mark, Money, Number, Point, Quantiles, Recording, Second,
        Table,
        charts::{Amount, Bars, Curve, Curves, Notes, Quoted, Unit, Wish},
    },
};
use roxmltree::{Document, Node, ParsingOptions};
use serde_json::Value;

/// Parses a page more strictly than a browser would.
fn parse(page: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(page, options).expect("a well-formed page")
}

fn text(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|it| it.text()).collect()
}

fn all<'a>(document: &'a Document<'_>, name: &str) -> Vec<Node<'a, 'a>> {
    document.descendants().filter(|node| node.has_tag_name(name)).collect()
}

/// What stands beside a name in the lists of a page.
fn fact(document: &Document<'_>, name: &str) -> String {
    let names = all(document, "dt").into_iter();
    let found =
        names.filter(|node| text(*node) == name).find_map(|node| node.next_sibling_element());
    found.map(text).unwrap_or_else(|| panic!("no `{name}` on the page"))
}

/// Rows of the first table below what has this title.
fn rows(document: &Document<'_>, title: &str) -> Vec<Vec<String>> {
    let titled = all(document, "h3").into_iter().find(|node| text(*node) == title);
    let figure = titled.and_then(|node| node.ancestors().find(|it| it.has_tag_name("figure")));
    let figure = figure.unwrap_or_else(|| panic!("no panel `{title}`"));
    let body = figure.descendants().find(|node| node.has_tag_name("tbody")).expect("a table");
    let rows = body.children().filter(Node::is_element);
    rows.map(|row| row.children().filter(Node::is_element).map(text).collect()).collect()
}

/// What holds for every page: nothing comes from elsewhere, and every picture has words.
#[track_caller]
fn assert_sound(document: &Document<'_>) {
    let names: BTreeSet<&str> = document.descendants().map(|node| node.tag_name().name()).collect();
    for forbidden in ["script", "link", "img", "iframe", "object", "image", "use", "form"] {
        assert!(!names.contains(forbidden), "<{forbidden}>");
    }
    for node in document.descendants() {
        for attribute in node.attributes() {
            let name = attribute.name();
            assert!(!name.starts_with("on") && !["src", "href", "style"].contains(&name), "{name}");
        }
    }
    let style = text(all(document, "style")[0]);
    assert!(!style.contains("url(") && !style.contains("@import"));
    assert!(style.contains("prefers-color-scheme: dark") && style.contains("@media print"));
    for svg in all(document, "svg") {
        assert_eq!(svg.attribute("role"), Some("img"));
        let words: Vec<Node<'_, '_>> = svg.children().filter(Node::is_element).take(2).collect();
        assert!(words[0].has_tag_name("title") && !text(words[0]).is_empty());
        assert!(words[1].has_tag_name("desc") && !text(words[1]).is_empty(), "{}", text(words[0]));
        for part in svg.descendants().filter(Node::is_element) {
            let numbers =
                part.attributes().filter(|it| ["x", "y", "d", "width"].contains(&it.name()));
            for number in numbers {
                assert!(
                    !number.value().contains("NaN") && !number.value().contains("inf"),
                    "{number:?}"
                );
            }
        }
    }
    for table in all(document, "table") {
        let widths = table.descendants().filter(|node| node.has_tag_name("tr"));
        let widths = widths.map(|row| row.children().filter(Node::is_element).count());
        assert_eq!(widths.collect::<BTreeSet<_>>().len(), 1, "a table with ragged rows");
    }
    for (outer, inner) in [("h1", 1), ("main", 1), ("title", 1)] {
        let found = all(document, outer)
            .into_iter()
            .filter(|it| it.parent_element().is_none_or(|parent| !parent.has_tag_name("svg")));
        assert_eq!(found.count(), inner, "<{outer}>");
    }
}

/// A run of which everything is known, and whose words mean mischief.
fn mischief() -> Recording {
    let bad = "</style><script>alert('x')</script>&\u{1}\"";
    let mut run = Recording::begin(Kind::Scenario, bad, 7, None);
    run.set(bad, bad);
    (run.warmup_s, run.wall_s, run.durable) = (2.0, 6.0, Some(false));
    (run.funnel.scanned, run.funnel.reserved) = (Some(60), Some(50));
    (run.funnel.confirmed, run.funnel.settled) = (Some(45), Some(45));
    run.ends.declined.insert("short".into(), 10);
    run.ends.declined.insert(bad.into(), 5);
    run.ends.failed.insert("busy".into(), 1);
    let (currency, paid_minor, refunded_minor) = ("CNY".to_owned(), 1_234_567_890, Some(5));
    run.money = Some(Money { currency, exponent: 2, paid_minor, refunded_minor });
    let points = [(0.0, 90.0), (50.0, 200.0), (99.0, 4_000.0), (100.0, 70_000.0)];
    let points = points.map(|(percentile, us)| Point { percentile, us }).to_vec();
    let (name, about) = (bad.to_owned(), bad.to_owned());
    run.latencies.push(Distribution { name, about, count: 45, mean_us: 300.0, points });
    let (name, about, points) = ("nothing".to_owned(), String::new(), Vec::new());
    run.latencies.push(Distribution { name, about, count: 0, mean_us: 0.0, points });
    for at_s in -2..6_i64 {
        let p50 = 200.0;
        let latency_us = Some(Quantiles { p50, p90: 300.0, p99: 4_000.0, p999: 5e4, max: 7e4 });
        let second = Second { at_s, span_ms: 1_000, settled: 8, declined: 2, ..Second::default() };
        run.seconds.push(Second {
            latency_us: latency_us.filter(|_| at_s != 3),
            queue: Some(at_s.unsigned_abs()),
            syncs: Some(100),
            records_per_batch: Some(4.5),
            sync_mean_us: Some(220.0),
            paid_minor: Some(150_000),
            memory_bytes: Some(5_000_000),
            books_lag_ms: Some(12.0),
            failed: 1,
            ..second
        });
    }
    run.marks.push(Mark { name: bad.into(), at_s: 3.0 });
    let numbers = vec![Number { name: bad.into(), value: i128::MIN }];
    let (by, reasons) = (bad.to_owned(), vec![bad.to_owned()]);
    run.audit = Audited { verdict: Verdict::Failed, by, numbers, faults: 1, reasons };
    run.processor_s.insert(bad.into(), [(bad.to_owned(), 1.5)].into());
    let (title, columns) = (bad.to_owned(), vec![bad.to_owned(), "b".to_owned()]);
    run.tables.push(Table { title, columns, rows: vec![vec![bad.into(), bad.into()]] });
    bring_along(&mut run, bad);
    run
}

/// What runs bring along that compare several.
fn bring_along(run: &mut Recording, bad: &str) {
    let (unit, wish) = (Unit::Count, Wish::Higher);
    run.quoted.push(Quoted { name: bad.into(), value: 3.0, unit, wish });
    let amounts = vec![Amount { name: bad.into(), value: 12.5 }];
    let (title, about, measure) = (bad.to_owned(), bad.to_owned(), Some(bad.to_owned()));
    run.bars.push(Bars { title, about, unit: Unit::Bytes, wish, measure, amounts });
    let points = vec![(1.0, None), (2.0, Some(0.0)), (3.0, Some(7.0))];
    run.curves.push(Curves {
        title: bad.into(),
        about: bad.into(),
        across: bad.into(),
        across_unit: Unit::Percent,
        unit,
        log: true,
        lines: vec![Curve { name: bad.into(), points }],
        here: Some(2.0),
    });
    run.notes.push(Notes::new(bad, [bad]));
}

#[test]
fn a_page_holds_whatever_a_run_says_and_stays_a_page() {
    let run = mischief();
    let page = page::of_run(&run);
    let document = parse(&page);
    assert_sound(&document);
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
    let shown = text(document.root_element());
    for word in ["Audit failed", "Not durable", "12,345,678.90 CNY", "warm-up", "−10, 16.7 %"] {
        assert!(shown.contains(word), "`{word}` is not on the page");
    }
    let titles: Vec<String> = all(&document, "h3").into_iter().map(text).collect();
    for title in [
        "Dinners a second",
        "Latency",
        "Latency by percentile",
        "Queue",
        "How long it took",
        "From scan to paid",
        "Why not paid",
        "Syncs a second",
        "Records in a batch",
        "Time of a sync",
        "Money a second",
        "Memory",
        "Books behind",
    ] {
        assert!(titles.iter().any(|found| found == title), "no panel `{title}` in {titles:?}");
    }
    // The figures behind a picture are the recording's, second by second.
    let paid = rows(&document, "Dinners a second");
    assert_eq!(paid.len(), run.seconds.len());
    assert_eq!(paid[0], ["-2", "8", "2", "1"]);
    assert_eq!(rows(&document, "Latency")[5], ["3", "", "", "", "", ""]);
    assert_eq!(rows(&document, "Money a second")[0], ["-2", "1,500.00"]);
}

#[test]
fn a_run_of_which_nothing_is_known_has_a_page() {
    let run = Recording::begin(Kind::Peers, "peers", 1, None);
    let page = page::of_run(&run);
    let document = parse(&page);
    assert_sound(&document);
    assert!(text(document.root_element()).contains("Not audited"));
    assert!(all(&document, "svg").is_empty());
}

#[test]
fn a_long_run_says_what_a_point_stands_for() {
    let seconds = |count: i64| {
        let mut run = Recording::begin(Kind::Dinner, "long", 1, None);
        let second = |at_s| Second { at_s, span_ms: 1_000, settled: 5, ..Second::default() };
        run.seconds = (0..count).map(second).collect();
        let page = page::of_run(&run);
        assert_sound(&parse(&page));
        let both = page::of_comparison(&Comparison::of(&run, &run));
        [page, both]
            .map(|page| page.contains("each percentile and queue is that of the worst second"))
    };
    assert_eq!(seconds(600), [false, false]);
    assert_eq!(seconds(601), [true, true]);
}

#[test]
fn two_runs_have_a_page_with_their_ratios() {
    let (a, mut b) = (mischief(), mischief());
    (b.seed, b.funnel.settled) = (8, Some(90));
    let page = page::of_comparison(&Comparison::of(&a, &b));
    let document = parse(&page);
    assert_sound(&document);
    let rows: Vec<Vec<String>> = all(&document, "tr")
        .into_iter()
        .map(|row| row.children().filter(Node::is_element).map(text).collect())
        .collect();
    assert!(
        rows.contains(
            &["paid a second", "7.5", "15", "2.00", "better"].map(str::to_owned).to_vec()
        )
    );
    assert!(rows.contains(&["seed", "7", "8"].map(str::to_owned).to_vec()));
    assert_eq!(all(&document, "svg").len(), 3);
}

fn fanju_sim(arguments: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_fanju-sim");
    let output = Command::new(program).args(arguments).output().expect("the program runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {told}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn a_real_run_tells_the_same_on_its_page_and_in_its_files() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    let [report, recording] = ["run.html", "run.json"].map(|name| path(name).display().to_string());
    let words = "dinner --rate 300 --seconds 1.5 --warmup 0.6 --wallets 400 --json -";
    let mut words: Vec<&str> = words.split(' ').collect();
    words.extend(["--report", &report, "--recording", &recording]);
    let json: Value = serde_json::from_str(&fanju_sim(&words)).expect("JSON");

    let page = fs::read_to_string(&report).expect("a page");
    let document = parse(&page);
    assert_sound(&document);
    let count = |pointer: &str| json.pointer(pointer).and_then(Value::as_u64).expect("a number");
    let exactly = |number: u64| page::words::exactly(number);
    assert_eq!(fact(&document, "Dinners paid"), exactly(count("/settlements")));
    assert_eq!(fact(&document, "Audit"), "ok");
    let kept = fs::read_to_string(&recording).expect("a recording");
    let kept: Value = serde_json::from_str(&kept).expect("JSON");
    let (whole, commit) = (text(document.root_element()), kept["commit"].as_str());
    for part in ["seed 1 · ".to_owned(), format!("commit {}", commit.expect("a word"))] {
        assert!(whole.contains(&part), "{part} is not on the page");
    }
    assert_eq!(fact(&document, "cores"), kept["machine"]["cores"].to_string());
    assert_eq!(fact(&document, "settlements lost"), "0");
    assert_eq!(fact(&document, "records re-read"), exactly(count("/audit/records")));
    assert!(text(document.root_element()).contains("Audit ok"));
    let micros = |pointer: &str| {
        page::words::micros(json.pointer(pointer).and_then(Value::as_f64).expect("a number"))
    };
    assert_eq!(fact(&document, "99 % within"), micros("/latency_us/p99"));
    let quoted = rows(&document, "How long it took");
    for (at, quantile) in [(3, "p50"), (4, "p90"), (5, "p99"), (6, "p999"), (8, "max")] {
        assert_eq!(quoted[0][at], micros(&format!("/latency_us/{quantile}")), "{quantile}");
    }
    let shown = text(document.root_element());
    assert!(shown.contains("100 % of what was scanned was paid"));
    assert!(shown.contains("Scanned and settled are counted; reserved and confirmed follow from"));

    // Measured seconds are the same as in the JSON; warm-up is before them.
    let paid = rows(&document, "Dinners a second");
    let number = |row: &Vec<String>| row[1].replace(',', "").parse::<u64>().expect("a number");
    let measured = paid.iter().filter(|row| !row[0].starts_with('-')).map(number).collect();
    let series = json["series"].as_array().expect("a series").iter().filter_map(Value::as_u64);
    // Whoever waited for the last answer saw a second without any.
    let answered = |mut seconds: Vec<u64>| {
        seconds.truncate(seconds.iter().rposition(|paid| *paid > 0).map_or(0, |last| last + 1));
        seconds
    };
    assert_eq!(answered(measured), answered(series.collect()));
    let warmup: u64 = paid.iter().filter(|row| row[0].starts_with('-')).map(number).sum();
    assert_eq!(warmup, count("/warmup_dinners"));

    // The recording is read again, gives the same page, and equals itself.
    let again = path("again.html").display().to_string();
    fanju_sim(&["page", &recording, &again]);
    assert_eq!(fs::read_to_string(&again).expect("a page"), page);
    let told = fanju_sim(&["compare", &recording, &recording, "--report", &again]);
    assert!(told.contains("same settings, machine, seed and commit"), "{told}");
    let row = told.lines().find(|line| line.starts_with("paid a second")).expect("a row");
    assert!(row.ends_with("1.00  same"), "{row}");
    assert_sound(&parse(&fs::read_to_string(&again).expect("a page")));
}

/// Runs a command that keeps everything in `folder`; gives what it told programs, its page, and its
/// recording's file.
fn kept(command: &str, folder: &Path) -> (Value, String, PathBuf) {
    let [page, recording] = ["run.html", "run.json"].map(|name| folder.join(name));
    let files = [page.display().to_string(), recording.display().to_string()];
    let mut words: Vec<&str> = command.split_whitespace().collect();
    words.extend(["--json", "-", "--report", &files[0], "--recording", &files[1]]);
    let json = serde_json::from_str(&fanju_sim(&words)).expect("JSON");
    (json, fs::read_to_string(&page).expect("a page"), recording)
}

/// The page is a function of the recording, and nothing differs from itself.
#[track_caller]
fn assert_kept(page: &str, recording: &Path, folder: &Path) -> String {
    let (again, recording) = (folder.join("again.html"), recording.display().to_string());
    fanju_sim(&["page", &recording, &again.display().to_string()]);
    assert!(fs::read_to_string(&again).expect("a page") == page, "another page");
    let told = fanju_sim(&["compare", &recording, &recording]);
    assert!(told.contains("same settings, machine, seed and commit"), "{told}");
    told
}

#[test]
fn peers_stand_side_by_side_on_a_page_with_the_figures_of_the_json() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let command = "peers --without postgres --count 50 --rounds 2 --wallets 160 --merchants 5 \
                   --in-flight 8,16";
    let (json, page, recording) = kept(command, folder.path());
    let document = parse(&page);
    assert_sound(&document);
    let shown = text(document.root_element());
    for word in ["Audit ok", "Not compared", "None is replicated", "synchronous=FULL", "left out"] {
        assert!(shown.contains(word), "`{word}` is not on the page");
    }
    let number = |side: &str, pointer: &str| {
        json.pointer(&format!("/sides/{side}{pointer}")).and_then(Value::as_f64).expect("a number")
    };
    let rates = rows(&document, "Dinners a second");
    let names: Vec<&str> = rates.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(names, ["SQLite 1", "Fanju 8", "Fanju 16"]);
    let times =
        page::words::digits(number("0", "/dinners_per_s") / number("1", "/dinners_per_s"), 3);
    assert_eq!(rates[0][2], format!("{times} ×"));
    let medians = rows(&document, "Medians of the rounds");
    for (at, row) in medians.iter().enumerate() {
        let number = |pointer: &str| number(&at.to_string(), pointer);
        assert_eq!(row[1].replace(',', ""), number("/dinners_per_s").round().to_string());
        let quantiles = ["/latency_us/p50", "/latency_us/p99", "/latency_us/p999"];
        assert_eq!(row[3..6], quantiles.map(|pointer| page::words::micros(number(pointer))));
        assert_eq!(row[6], page::words::bytes(number("/written_bytes_per_dinner")));
    }
    assert_eq!(medians[1][2], "1.00");
    // Both rounds are in the curve.
    assert_eq!(rows(&document, "How long it took")[0][1], "100");
    assert!(all(&document, "svg").len() >= 8);
    let told = assert_kept(&page, &recording, folder.path());
    assert!(told.contains("Dinners a second: Fanju 8"), "{told}");
}

#[test]
fn a_nations_page_has_its_curves_and_is_the_same_for_the_same_seed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (json, page, recording) = kept("nation --rate 50000 --count 20000", folder.path());
    let document = parse(&page);
    assert_sound(&document);
    let shown = text(document.root_element());
    for word in ["A model", "nothing here was measured", "What it assumes", "What it does not know"]
    {
        assert!(shown.contains(word), "`{word}` is not on the page");
    }
    let number = |pointer: &str| json.pointer(pointer).and_then(Value::as_f64).expect("a number");
    let partitions = page::words::count(number("/sizing/partitions"));
    assert_eq!(fact(&document, "Partitions"), partitions);
    let p99 = page::words::micros(number("/cross_us/p99"));
    assert_eq!(fact(&document, "99 % within, several"), p99);
    assert_eq!(fact(&document, "not kept"), "0");
    let houses = json["houses"].as_array().expect("houses");
    let waiting = rows(&document, "Time from scan to decision");
    assert_eq!(waiting.len(), houses.len());
    let shown = |house: &Value| {
        let figure =
            |pointer: &str| house.pointer(pointer).and_then(Value::as_f64).expect("a number");
        let [cross, local] =
            ["/cross_us/p99", "/local_us/p99"].map(figure).map(page::words::micros);
        [page::words::count(figure("/sizing/partitions")), cross, local]
    };
    assert_eq!(waiting[0][..3], shown(&houses[0]));
    let sized = |row: &Vec<String>| row[0] == format!("{partitions} (this house)");
    assert!(rows(&document, "The same dinners in houses of other sizes").iter().any(sized));
    assert_eq!(rows(&document, "Partitions that are enough").len(), 21);
    let told = assert_kept(&page, &recording, folder.path());
    let row = told.lines().find(|line| line.starts_with("Partitions")).expect("a row");
    assert!(row.ends_with("1.00  same") && !told.contains("declined"), "{told}");
}

#[test]
fn what_is_no_recording_is_refused_with_the_option_that_writes_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let report = folder.path().join("nation.json");
    let path = report.display().to_string();
    fanju_sim(&["nation", "--rate", "5000", "--count", "100", "--json", &path]);
    let mut compare = Command::new(env!("CARGO_BIN_EXE_fanju-sim"));
    let output = compare.args(["compare", &path, &path]).output().expect("the program runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("is no recording, which `--recording` writes"), "{told}");
}
