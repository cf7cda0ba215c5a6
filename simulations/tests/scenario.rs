//! Scenario files and the script that they give: pure functions, checked against the files' own
//! figures.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use fanju::limits;
use fanju_sim::scenario::{
    BUILT_IN, LoadError, Scenario,
    file::SplitKind,
    load,
    script::{Manner, Outing, Script, Seat},
    steps::{Step, Steps, Timed},
};
use proptest::prelude::*;

const TINY: &str = "\
about = \"tiny\"
[evening]
tables = 40
curve = [[0, 1], [10, 3]]
bill_after_minutes = [1, 2]
[party]
sizes = { 2 = 0.5, 4 = 0.5 }
[bill]
per_diner_minor = [100, 300]
[people]
count = 200
purse_minor = 10000
[merchants]
count = 3
";

#[track_caller]
fn refuses(text: &str, expected: &str) {
    let error = Scenario::parse("evening.toml", text).expect_err(expected).to_string();
    assert!(error.contains(expected), "{error}\nexpected: {expected}");
}

#[test]
fn every_complaint_names_file_line_and_reason() {
    Scenario::parse("evening.toml", TINY).expect("a sound file");
    let with = |from: &str, to: &str| {
        assert!(TINY.contains(from), "{from}");
        TINY.replace(from, to)
    };
    refuses(&with("tables = 40", "tabels = 40"), "evening.toml:3: unknown field `tabels`");
    refuses(&with("tables = 40", "tables = \"many\""), "evening.toml:3: invalid type");
    refuses(&with("tables = 40", "tables = 0"), "evening.toml:3: 0 is not from 1 to");
    refuses(&with("[0, 1]", "[5, 1]"), "evening.toml:4: a curve needs");
    refuses(&with("[10, 3]", "[0, 3]"), "evening.toml:4: minutes of a curve must grow");
    refuses(&with("[[0, 1], [10, 3]]", "[[0, 0], [10, 0]]"), "evening.toml:4: nobody ever");
    refuses(&with("[1, 2]", "[2, 1]"), "evening.toml:5: quantiles must not fall");
    refuses(&with("[1, 2]", "[-1, 2]"), "evening.toml:5: -1 is not a time");
    refuses(&with("4 = 0.5", "4 = 0.4"), "evening.toml:7: shares sum to 0.9, not to 1");
    refuses(&with("2 = 0.5", "two = 0.5"), "evening.toml:7: party size `two`");
    refuses(&with("2 = 0.5", "2 = 1.5"), "evening.toml:7: 1.5 is not a share");
    refuses(&with("[100, 300]", "[0, 300]"), "evening.toml:9: an amount is 0");
    refuses(&with("[100, 300]", "[1.5]"), "evening.toml:9: invalid type");
    refuses(&with("per_diner_minor = [100, 300]", ""), "evening.toml:8: give per_diner_minor");
    refuses(
        &with("[party]\nsizes = { 2 = 0.5, 4 = 0.5 }\n", ""),
        "evening.toml:1: missing [party]",
    );
    refuses(&with("count = 3", "count = 3\nzipf = 9"), "evening.toml:15: 9 is not from 0 to 5");
    refuses(&with("count = 200\n", ""), "evening.toml:10: missing field `count`");
    refuses(&format!("{TINY}[split]\nequal = 0.5\n"), "evening.toml:15: shares sum to 0.5");
    refuses(&format!("{TINY}[split]\nfair = 1\n"), "evening.toml:16: unknown variant `fair`");
    refuses(
        &format!("{TINY}[celebrity]\ndiners = 9\nat_minute = 11\n"),
        "evening.toml:15: at_minute",
    );
    refuses(
        &format!(
            "{TINY}hot = [\n  {{ name = \"a\", share = 0.7 }},\n  {{ name = \"b\", share = 0.7 }},\n]\n"
        ),
        "evening.toml:17: hot shares sum",
    );
    let hot = |name: &str| format!("{TINY}hot = [\n  {{ name = \"{name}\", share = 0.5 }},\n]\n");
    Scenario::parse("evening.toml", &hot("noodles")).expect("a sound file");
    refuses(&hot(""), "evening.toml:16: text is empty");
    let long = "x".repeat(limits::TEXT_BYTES_MAX + 1);
    refuses(&hot(&long), "evening.toml:16: text is longer than");
    refuses(&with("tables = 40", "tables = = 40"), "evening.toml:3: ");
    refuses(
        &with("per_diner_minor = [100, 300]", "csv = \"nowhere.csv\""),
        "evening.toml:6: party sizes of a csv",
    );
}

/// Nothing of it is corrected: 199 people would sit at a table of 200 otherwise, and a refund would be cut to
/// the bill.
#[test]
fn a_file_that_contradicts_itself_is_refused_at_the_line_that_does() {
    let with = |from: &str, to: &str| {
        assert!(TINY.contains(from), "{from}");
        TINY.replace(from, to)
    };
    let and = |more: &str| format!("{TINY}{more}");
    refuses(&with("count = 200", "count = 3"), ":11: people.count is 3, but 4 sit at one table");
    refuses(
        &and("[celebrity]\ndiners = 201\nat_minute = 1\n"),
        ":11: people.count is 200, but 201 sit at one table",
    );
    refuses(
        &with("purse_minor = 10000", "purse_minor = 10000\nshort_purse_minor = 10001"),
        ":13: who is short has 10001, and everybody else 10000",
    );
    let refunds = |parts: &str| {
        let begins = "[refunds]\nshare = 1\nwhole_share = 0\nat_minutes = [0]\npart_permille = ";
        and(&format!("{begins}{parts}\n"))
    };
    refuses(&refunds("[500, 1001]"), ":19: 1001 thousandths are more than the bill");
    refuses(&refunds("[0, 500]"), ":19: 0 thousandths are no refund");
    Scenario::parse("evening.toml", &refunds("[1, 1000]")).expect("a sound file");
    let tip = "per_diner_minor = [100, 300]\ntip_permille = [1001]";
    refuses(
        &with("per_diner_minor = [100, 300]", tip),
        ":10: 1001 thousandths are more than the bill",
    );
    let column = "per_diner_minor = [100, 300]\ncol_total = \"sum\"";
    refuses(&with("per_diner_minor = [100, 300]", column), ":10: a column is named, but no csv");
    refuses(&with("2 = 0.5", "02 = 0.5"), ":7: party size `02` is written 2");
    refuses(&with("2 = 0.5", "2 = 0.5, 3 = 0.0000004"), ":7: 0.0000004 is less than a millionth");
    refuses(&with("2 = 0.5, 4 = 0.5", "2 = 0, 4 = 0"), ":7: shares sum to 0, not to 1");
    refuses(
        &and("[confirm]\nrefuse_share = 0.6\nvanish_share = 0.5\n"),
        ":17: refuse_share and vanish_share sum to more than 1",
    );
    Scenario::parse("evening.toml", &and("[confirm]\nrefuse_share = 0.5\nvanish_share = 0.5\n"))
        .expect("a sound file");
    let cents = with("[100, 300]", "[1, 300]");
    refuses(
        &format!("{cents}[confirm]\nasked_share = 0.1\n"),
        ":16: who owes less than 2 minor units has no lower cap",
    );
    let hot = |one: &str, other: &str, count: usize| {
        let hot = |name: &str| format!("  {{ name = \"{name}\", share = 0.3 }},\n");
        let hot = format!("hot = [\n{}{}]\n", hot(one), hot(other));
        and(&hot).replace("count = 3", &format!("count = {count}"))
    };
    refuses(&hot("noodles", "noodles", 3), ":17: `noodles` is hot twice");
    refuses(&hot("noodles", "tea", 2), ":17: hot shares sum to 0.6, and no other merchant");
    refuses(&hot("noodles", "tea", 1), ":17: 2 hot merchants, but merchants.count is 1");
    Scenario::parse("evening.toml", &hot("noodles", "tea", 3)).expect("a sound file");
}

#[test]
fn caps_answers_and_bills_that_cannot_be_are_refused_at_their_line() {
    let with = |from: &str, to: &str| {
        assert!(TINY.contains(from), "{from}");
        TINY.replace(from, to)
    };
    let capped = |cap: u64| with("count = 200", &format!("count = 200\ncap_minor = {cap}"));
    refuses(&capped(99), ":12: cap_minor 99 is below the least share, 100: all are asked");
    Scenario::parse("evening.toml", &capped(100)).expect("a sound file");
    let asked = |cap| format!("{}[confirm]\nasked_share = 0.1\n", capped(cap));
    refuses(&asked(149), ":12: cap_minor 149 is below half of the largest share, 150: who is");
    Scenario::parse("evening.toml", &asked(150)).expect("a sound file");
    let answers = |last: &str| format!("{TINY}[confirm]\nanswer_after_s = [2, {last}]\n");
    refuses(&answers("60.001"), ":16: an order is over after 60 s");
    Scenario::parse("evening.toml", &answers("60")).expect("a sound file");
    let most = limits::AMOUNT_MINOR_MAX.unsigned_abs() / 1_000;
    let bills = |tip: u64| {
        let bills = format!("per_diner_minor = [100, {most}]\ntip_permille = [{tip}]");
        let celebrity = "[celebrity]\ndiners = 1000\nat_minute = 1\n";
        let text = with("per_diner_minor = [100, 300]", &bills) + celebrity;
        text.replace("count = 200", "count = 1000")
    };
    refuses(&bills(1), ":8: a bill may come to ");
    Scenario::parse("evening.toml", &bills(0)).expect("a sound file");
}

#[test]
fn phones_are_away_as_long_as_the_file_says_where_any_are() {
    let away = |more: &str| {
        let text = format!("{TINY}[connection]\nback_after_s = [5, 120]\n{more}");
        let scenario = Scenario::parse("evening.toml", &text).expect("a sound file");
        scenario.connection.longest_away_ms()
    };
    assert_eq!((away(""), away("cut_share = 0.1\n")), (0, 120_000));
}

#[test]
fn a_scale_leaves_people_for_the_largest_table_and_merchants_for_every_share() {
    let court = load("food-court").expect("built in").sizes(1e-4);
    assert_eq!((court.tables, court.people, court.merchants), (1, 4, 4));
}

#[test]
fn bills_come_from_a_file_beside_the_scenario() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("evening.toml").display().to_string();
    let text = TINY.replace("[party]\nsizes = { 2 = 0.5, 4 = 0.5 }\n", "");
    let text =
        text.replace("per_diner_minor = [100, 300]", "csv = \"bills.csv\"\ncol_total = \"sum\"");
    let write = |rows: &str| std::fs::write(folder.path().join("bills.csv"), rows).expect("writes");
    write("sum,tip,size\n10.00,1.00,2\n7.50,0,3\n");
    let scenario = Scenario::parse(&file, &text).expect("a sound file");
    let outings: Vec<Outing> = Script::new(&scenario, 1.0, 1).collect();
    assert!(outings.len() > 10);
    for outing in &outings {
        let stop = &outing.stops[0];
        let expected = if outing.number % 2 == 0 { (1_000, 100, 2) } else { (750, 0, 3) };
        assert_eq!((stop.bill_minor, stop.tip_minor, outing.seats.len()), expected);
    }
    write("sum,tip,size\n10.00,1.00,2\nten,0,3\n");
    let error = Scenario::parse(&file, &text).expect_err("a bad row").to_string();
    assert!(
        error.contains("evening.toml:6: ") && error.contains("bills.csv:3: total `ten`"),
        "{error}"
    );
    write("sum,tip,size\n10.00,1.00,2\n0.05,0,3\n900.00,0,201\n");
    let refused = |text: &str, expected: &str| {
        let error = Scenario::parse(&file, text).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}\nexpected: {expected}");
    };
    refused(&text, "evening.toml:10: people.count is 200, but 201 sit at one table");
    let text = text.replace("count = 200", "count = 201");
    Scenario::parse(&file, &text).expect("a sound file");
    let text = format!("{text}[confirm]\nasked_share = 0.1\n");
    refused(&text, "evening.toml:15: who owes less than 2 minor units");
    refused(&text, "bills.csv:3");
}

#[test]
fn a_name_that_is_no_scenario_is_told_the_names_that_are() {
    let error = load("saturday-night").expect_err("no such scenario").to_string();
    for (name, _) in BUILT_IN {
        assert!(error.contains(name), "{error}");
        load(name).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn a_file_that_is_no_text_or_no_file_is_refused_by_its_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("evening.toml");
    std::fs::write(&path, b"about = \"a\"\n[evening]\ntables = \xff\n").expect("writes");
    let file = path.display().to_string();
    let error = load(&file).expect_err("not UTF-8");
    assert!(matches!(&error, LoadError::NotText { line: 3, .. }), "{error}");
    assert_eq!(error.to_string(), format!("{file}:3: not UTF-8"));
    let folder = folder.path().display().to_string();
    let error = load(&folder).expect_err("a folder");
    assert!(matches!(&error, LoadError::Unreadable { .. }), "{error}");
    assert!(error.to_string().starts_with(&format!("{folder}: cannot be read")), "{error}");
}

/// Of every command in its order, and of everything that the tables are to be.
fn fingerprint(name: &str, seed: u64) -> u64 {
    let scenario = load(name).expect("built in");
    let script = || Script::new(&scenario, 0.2, seed);
    let mut hasher = DefaultHasher::new();
    Steps::of(script()).fingerprint().hash(&mut hasher);
    script().for_each(|outing| outing.hash(&mut hasher));
    hasher.finish()
}

#[test]
fn same_seed_gives_the_same_commands_and_another_seed_others() {
    let mut all = BTreeSet::new();
    for (name, _) in BUILT_IN {
        assert_eq!(fingerprint(name, 7), fingerprint(name, 7), "{name}");
        all.extend([fingerprint(name, 7), fingerprint(name, 8)]);
    }
    assert_eq!(all.len(), 2 * BUILT_IN.len());
}

#[test]
fn steps_come_in_order_and_none_is_left_out() {
    for (name, _) in BUILT_IN {
        let scenario = load(name).expect("built in");
        let script = || Script::new(&scenario, 0.1, 3);
        let steps: Vec<Timed> = Steps::of(script()).collect();
        assert!(steps.is_sorted_by_key(|step| step.at_ms), "{name}");
        assert_eq!(steps.len(), script().map(|outing| outing.steps().len()).sum::<usize>());
        for outing in script() {
            let of: Vec<Step> = outing.steps().iter().map(|timed| timed.step).collect();
            assert_eq!(of.first(), Some(&Step::Open), "{name}");
            let at = |wanted: fn(&Step) -> bool| of.iter().position(wanted);
            let last_join = of.iter().rposition(|step| matches!(step, Step::Join { .. }));
            assert!(last_join < at(|step| matches!(step, Step::ShowCode { .. })), "{name}");
            assert!(
                at(|step| matches!(step, Step::ShowCode { .. }))
                    < at(|step| matches!(step, Step::Scan { .. }))
            );
        }
    }
}

/// Whether `part` of `whole` is within five standard deviations, and a rounded draw, of `share`.
#[track_caller]
#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn near(what: &str, part: usize, whole: usize, share: f64) {
    let (part, whole) = (part as f64, whole as f64);
    let room = 5.0 * (whole * share * (1.0 - share)).sqrt() + 1.0;
    let off = (part - whole * share).abs();
    assert!(off <= room, "{what}: {part} of {whole}, expected {share}");
}

#[test]
fn observed_shares_are_the_files() {
    for (name, _) in BUILT_IN {
        let scenario = load(name).expect("built in");
        let all: Vec<Outing> = Script::new(&scenario, 1.0, 11).collect();
        let celebrity = scenario.celebrity.as_ref().map(|it| it.get_ref().diners.size());
        let outings: Vec<&Outing> =
            all.iter().filter(|outing| Some(outing.seats.len()) != celebrity).collect();
        assert_eq!(all.len() - outings.len(), usize::from(celebrity.is_some()));
        let tables = scenario.sizes(1.0).tables;
        assert!(outings.len().abs_diff(usize::try_from(tables).expect("few")) < 500, "{name}");

        for (seats, share) in scenario.party.as_ref().expect("sizes").get_ref().sizes.parts() {
            let found = outings.iter().filter(|outing| outing.seats.len() == seats.0).count();
            near(name, found, outings.len(), f64::from(share.millionths()) / 1e6);
        }
        for (split, share) in scenario.split.parts() {
            let found = outings.iter().filter(|outing| outing.split == split).count();
            near(name, found, outings.len(), f64::from(share.millionths()) / 1e6);
        }
        for (rule, share) in scenario.shortfall.parts() {
            let found = outings.iter().filter(|outing| outing.shortfall == rule).count();
            near(name, found, outings.len(), f64::from(share.millionths()) / 1e6);
        }
        let seats: Vec<_> = outings.iter().flat_map(|outing| &outing.seats).collect();
        let share = |share: fanju_sim::scenario::values::Share| f64::from(share.millionths()) / 1e6;
        let (confirm, cap) = (&scenario.confirm, scenario.people.cap_minor.get_ref().get());
        let asked = seats.iter().filter(|seat| seat.cap_minor < cap).count();
        near(name, asked, seats.len(), share(*confirm.asked_share.get_ref()));
        let vanish = seats.iter().filter(|seat| seat.manner == Manner::Vanishes).count();
        near(name, vanish, seats.len(), share(*confirm.vanish_share.get_ref()));
        let says_no = |seat: &&&Seat| matches!(seat.manner, Manner::Says { yes: false, .. });
        near(name, seats.iter().filter(says_no).count(), seats.len(), share(confirm.refuse_share));
        let cut = seats.iter().filter(|seat| seat.cut.is_some()).count();
        near(name, cut, seats.len(), share(scenario.connection.cut_share));
        let people = scenario.sizes(1.0).people;
        let short = (0..people).filter(|person| {
            scenario.purse_minor(*person, 11) == scenario.people.short_purse_minor.get_ref().get()
        });
        near(name, short.count(), people, share(scenario.people.short_share));

        let stops: Vec<_> = outings.iter().flat_map(|outing| &outing.stops).collect();
        let retried = stops.iter().filter(|stop| stop.retried_ms.is_some()).count();
        near(name, retried, stops.len(), share(scenario.merchants.retry_share));
        let refunds: Vec<_> = stops.iter().filter_map(|stop| stop.refund).collect();
        if let Some(wanted) = &scenario.refunds {
            near(name, refunds.len(), stops.len(), share(wanted.share));
            let whole = refunds.iter().filter(|back| back.part_minor.is_none()).count();
            near(name, whole, refunds.len(), share(wanted.whole_share));
            assert!(refunds.iter().all(|back| back.at_ms >= scenario.morning_ms()));
        } else {
            assert!(refunds.is_empty());
        }
        let mut before = outings.len();
        for (kind, next) in (1..).zip(&scenario.next_stops) {
            let found = stops.iter().filter(|stop| stop.kind == kind).count();
            near(name, found, before, share(next.share));
            before = found;
        }
        for (merchant, hot) in scenario.merchants.hot.iter().enumerate() {
            let found = stops.iter().filter(|stop| stop.merchant == merchant).count();
            near(name, found, stops.len(), share(*hot.share.get_ref()));
        }
    }
}

#[test]
fn the_rush_follows_the_curve() {
    let scenario = load("friday-night").expect("built in");
    let outings: Vec<Outing> = Script::new(&scenario, 4.0, 5).collect();
    let mut hours: BTreeMap<u64, usize> = BTreeMap::new();
    for outing in &outings {
        *hours.entry(outing.at_ms / 3_600_000).or_default() += 1;
    }
    let busiest = hours.iter().max_by_key(|(_, tables)| **tables).map(|(hour, _)| *hour);
    assert_eq!(busiest, Some(1), "18 h: {hours:?}");
    // The file's comment: reservations at 17 h 22 %, 18 h 37 %, 19 h 26 %, and 15 % later.
    for (hour, share) in [(0, 0.22), (1, 0.37), (2, 0.26), (3, 0.15)] {
        near("an hour", hours[&hour], outings.len(), share);
    }
    assert!(outings.is_sorted_by_key(|outing| outing.at_ms));
}

#[test]
fn zipf_visits_fall_with_the_rank() {
    let scenario = load("friday-night").expect("built in");
    let mut visits = vec![0_usize; scenario.sizes(4.0).merchants];
    for outing in Script::new(&scenario, 4.0, 5) {
        outing.stops.iter().for_each(|stop| visits[stop.merchant] += 1);
    }
    // By 1/k^0.944 the first gets 1.92 times as much as the second, and 8.8 times the tenth's.
    assert!(visits[0] > visits[1] * 16 / 10 && visits[0] > visits[9] * 6, "{:?}", &visits[..10]);
}

#[test]
fn one_table_of_five_hundred_comes_once_and_on_time() {
    let scenario = load("new-year").expect("built in");
    let large: Vec<Outing> =
        Script::new(&scenario, 0.01, 1).filter(|outing| outing.seats.len() == 500).collect();
    assert_eq!(large.len(), 1);
    assert_eq!(large[0].at_ms, 105 * 60_000);
    let people: BTreeSet<usize> = large[0].seats.iter().map(|seat| seat.person).collect();
    assert_eq!(people.len(), 500);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the seed, bills are made of their parts and everybody sits at one place.
    #[test]
    fn outings_are_sound(seed: u64, number in 0..BUILT_IN.len(), tenth in 1_u32..4) {
        let scenario = load(BUILT_IN[number].0).expect("built in");
        for outing in Script::new(&scenario, f64::from(tenth) / 40.0, seed) {
            let people: BTreeSet<usize> = outing.seats.iter().map(|seat| seat.person).collect();
            prop_assert_eq!(people.len(), outing.seats.len());
            prop_assert!(outing.stops[0].kind == 0 && outing.stops.is_sorted_by_key(|stop| stop.kind));
            for stop in &outing.stops {
                prop_assert!(stop.total_minor() > 0 && stop.scanned_ms >= stop.shown_ms);
                prop_assert_eq!(stop.dishes(&outing.seats).iter().sum::<u64>(), stop.bill_minor);
                prop_assert!(stop.shown_by < outing.seats.len());
                let part = stop.refund.and_then(|back| back.part_minor);
                prop_assert!(part.is_none_or(|part| 0 < part && part <= stop.total_minor()));
            }
            let rules = (0..outing.stops.len()).filter(|stop| outing.needs_rules(*stop)).count();
            prop_assert_eq!(rules > 0, !matches!(outing.split, SplitKind::Equal | SplitKind::Treat));
        }
    }
}
