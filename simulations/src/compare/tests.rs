use super::*;
use crate::recording::{Kind, Point, Second, ground::Ground};

fn run(settled: u64, p99: f64) -> Recording {
    let mut run = Recording::begin(Kind::Dinner, "dinners", 1, None);
    (run.funnel.settled, run.wall_s) = (Some(settled), 10.0);
    let points = [(50.0, 100.0), (99.0, p99), (100.0, 5_000.0)];
    let points = points.map(|(percentile, us)| Point { percentile, us }).to_vec();
    let (name, about) = ("latency".to_owned(), String::new());
    run.latencies.push(Distribution { name, about, count: settled, mean_us: 150.0, points });
    run
}

#[test]
fn ratios_are_b_by_a_and_mean_what_one_wishes() {
    let (a, b) = (run(1_000, 400.0), run(2_500, 800.0));
    let comparison = Comparison::of(&a, &b);
    let find = |name: &str| {
        let found = comparison.figures.iter().find(|it| it.name == name).expect(name);
        (found.ratio_word(), found.meaning())
    };
    assert_eq!(find("paid a second"), ("2.50".into(), Meaning::Better));
    assert_eq!(find("latency p99"), ("2.00".into(), Meaning::Worse));
    assert_eq!(find("latency p50"), ("1.00".into(), Meaning::Same));
    assert_eq!(find("declined"), ("–".into(), Meaning::Same));
    assert_eq!(find("paid"), ("2.50".into(), Meaning::Unsaid));
    assert_eq!(comparison.differences, []);
    let b = run(1_290, 300.0);
    let close = Comparison::of(&a, &b);
    let unsaid = close.figures.iter().filter(|it| it.name != "paid" && it.ratio().is_some());
    assert!(unsaid.clone().any(|it| it.ratio_word() == "1.29" && it.ratio_word() != "1.00"));
    assert!(unsaid.clone().all(|it| !matches!(it.meaning(), Meaning::Better | Meaning::Worse)));
    assert!(close.to_string().ends_with(&format!("{NOISE_WORDS}\n")));
    let told = comparison.to_string();
    assert!(told.contains("same settings, machine, seed and commit"), "{told}");
    let row = told.lines().find(|line| line.starts_with("latency p99 ")).expect("a row");
    let words: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(words, ["latency", "p99", "400", "µs", "800", "µs", "2.00", "worse"]);
}

#[test]
fn what_is_not_the_same_is_said() {
    let (mut a, mut b) = (run(1, 1.0), run(1, 1.0));
    a.set("rate", "max");
    a.set("tables", 3);
    b.set("rate", 5_000);
    (b.seed, b.commit, b.machine.cores) = (2, "abc".into(), 4_000);
    let comparison = Comparison::of(&a, &b);
    let names: Vec<&str> = comparison.differences.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["seed", "commit", "machine: cores", "setting: rate", "setting: tables"]);
    assert_eq!(comparison.differences[4].b, "–");
    let told = comparison.to_string();
    assert!(told.contains("  setting: rate: max | 5,000\n  setting: tables: 3 | –\n"), "{told}");
}

#[test]
fn runs_that_were_not_asked_the_same_are_not_judged() {
    let (mut a, mut b) = (run(1_000, 400.0), run(2_500, 800.0));
    a.set("rate", 2_000);
    b.set("rate", 2_000);
    b.seed = 2;
    let alike = Comparison::of(&a, &b).to_string();
    assert!(alike.contains("better") && alike.contains("worse"), "{alike}");
    assert!(!alike.contains(ASKED_OTHERWISE), "{alike}");
    b.settings[0].text = "4000".into();
    let told = Comparison::of(&a, &b).to_string();
    assert!(told.contains(ASKED_OTHERWISE), "{told}");
    let told = told.replace(ASKED_OTHERWISE, "");
    assert!(!told.contains("better") && !told.contains("worse"), "{told}");
    assert!(told.contains("rate: 2,000 | 4,000") && told.contains("2.50"), "{told}");
}

#[test]
fn runs_that_began_on_other_grounds_are_warned_of() {
    let (mut a, mut b) = (run(1_000, 400.0), run(1_000, 400.0));
    let (used, fresh) = (Ground { wallets: 800, ..Ground::default() }, Ground::default());
    b.ground = Some(used);
    for (ground, warns) in [(None, false), (Some(used), false), (Some(fresh), true)] {
        a.ground = ground;
        let told = Comparison::of(&a, &b).to_string();
        assert_eq!(told.contains(OTHER_GROUND), warns, "{told}");
    }
    let told = Comparison::of(&a, &b).to_string();
    assert!(told.contains("held when it began: nothing | 0 orders settled, 800 w"), "{told}");
}

#[test]
fn runs_that_count_no_dinners_are_compared_by_what_they_brought() {
    let run = |house: f64, rate: f64| {
        let mut run = Recording::begin(Kind::Peers, "peers", 1, None);
        let (name, unit) = ("partitions".to_owned(), Unit::Count);
        run.quoted.push(Quoted { name, value: house, unit, wish: Wish::Lower });
        let amounts = vec![Amount { name: "Fanju 8".into(), value: rate }];
        let (title, about) = ("Dinners a second".to_owned(), String::new());
        let bars = Bars { title, about, unit, wish: Wish::Higher, measure: None, amounts };
        run.bars.push(bars);
        run
    };
    let (a, b) = (run(10.0, 100.0), run(20.0, 200.0));
    let comparison = Comparison::of(&a, &b);
    let found = comparison.figures.iter().map(|it| (it.name.as_str(), it.meaning()));
    let expected = [("partitions", Meaning::Worse), ("Dinners a second: Fanju 8", Meaning::Better)];
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

#[test]
fn a_gap_in_the_statistics_leaves_no_row_out_and_is_said() {
    let with_syncs = |syncs: &[Option<u64>]| {
        let mut run = run(10, 1.0);
        let second = |(syncs, at_s): (&Option<u64>, _)| {
            let sync_mean_us = syncs.map(|_| 200.0);
            Second { at_s, span_ms: 1_000, syncs: *syncs, sync_mean_us, ..Second::default() }
        };
        run.seconds = syncs.iter().zip(-1..).map(second).collect();
        run
    };
    let a = with_syncs(&[Some(9), Some(100), Some(300)]);
    for (syncs, known, found) in [
        (&[None, Some(400), None, Some(200)][..], "2 of 3", Some(300.0)),
        (&[Some(9), Some(0), Some(0)], "all", Some(0.0)),
        (&[Some(9), None, None], "–", None),
    ] {
        let b = with_syncs(syncs);
        let comparison = Comparison::of(&a, &b);
        let named = |name: &str| comparison.figures.iter().find(|it| it.name == name);
        let row = named("syncs a second").expect("a row");
        assert_eq!((row.a, row.b), (Some(200.0), found));
        assert_eq!(named("time of a sync").expect("a row").a, Some(200.0));
        let name = "seconds whose syncs are known";
        let said = comparison.differences.iter().find(|it| it.name == name);
        assert_eq!(said.map_or("all", |it| &it.b), known);
    }
}

#[test]
fn programs_are_compared_each_with_itself() {
    let with = |programs: &[(&str, f64)]| {
        let mut run = run(10, 1.0);
        let of = |(name, used): &(&str, f64)| {
            ((*name).to_owned(), BTreeMap::from([("main".to_owned(), *used)]))
        };
        run.processor_s = programs.iter().map(of).collect();
        run
    };
    let (a, b) = (with(&[("fanju-sim", 1.0)]), with(&[("fanju-sim", 2.0), ("server", 7.0)]));
    let comparison = Comparison::of(&a, &b);
    let figures = comparison.figures.iter().filter(|it| it.name.starts_with("processor"));
    let found: Vec<_> = figures.map(|it| (it.name.as_str(), it.ratio())).collect();
    assert_eq!(found, [("processor time of a dinner, fanju-sim", Some(2.0))]);
}

#[test]
fn what_one_run_does_not_know_has_no_ratio() {
    let (a, mut b) = (run(10, 1.0), run(0, 1.0));
    b.latencies.clear();
    let comparison = Comparison::of(&a, &b);
    let found = comparison.figures.iter().find(|it| it.name == "latency p99").expect("a figure");
    assert_eq!(
        (found.ratio(), found.meaning(), found.words()),
        (None, Meaning::Unsaid, ["1 µs".into(), "–".into()])
    );
}
