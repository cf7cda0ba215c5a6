use super::*;

#[test]
fn what_is_written_is_read_again() {
    let mut recording = Recording::begin(Kind::Chaos, "a <title>", u64::MAX, None);
    recording.set("tables", 7);
    let currency = "USD".to_owned();
    let (paid_minor, refunded_minor) = (i128::MAX, Some(-1));
    recording.money = Some(Money { currency, exponent: 2, paid_minor, refunded_minor });
    let latency_us = Some(Quantiles { p50: 0.1, ..Quantiles::default() });
    let (queue, paid_minor) = (Some(3), Some(i128::MIN));
    let second = Second { at_s: -2, latency_us, queue, paid_minor, ..Second::default() };
    recording.seconds.push(second);
    recording.audit.numbers.push(Number { name: "lost".into(), value: i128::MIN });
    let again = Recording::of_json(&recording.to_json()).expect("reads");
    assert_eq!(again, recording);
}

#[test]
fn figures_that_no_run_has_are_refused() {
    let mut recording = Recording::begin(Kind::Dinner, "dinners", 1, None);
    let money = |exponent| Money {
        currency: "USD".to_owned(),
        exponent,
        paid_minor: 1,
        refunded_minor: None,
    };
    for (exponent, at_s, is_sound) in
        [(4, 1_000_000_000, true), (39, 0, false), (2, 1_000_000_000_000_000_000, false)]
    {
        recording.money = Some(money(exponent));
        recording.seconds = vec![Second { at_s, ..Second::default() }];
        let read = Recording::of_json(&recording.to_json());
        assert_eq!(read.is_ok(), is_sound, "{exponent} {at_s}");
    }
}

#[test]
fn a_funnel_follows_from_how_dinners_ended() {
    let counts = |counts: &[(&str, u64)]| {
        counts.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect()
    };
    // Nobody is asked: time was over because somebody's wallet did not answer.
    let declined = counts(&[("short", 5), ("unavailable", 1), ("timed_out", 2)]);
    let ends = Ends { declined, failed: counts(&[("busy", 7)]) };
    let found = Funnel::of(100, &ends, 4);
    assert!(found.inferred);
    let found = [found.scanned, found.reserved, found.confirmed, found.settled];
    assert_eq!(found, [111, 100, 100, 100].map(Some));
}

#[test]
fn another_format_is_refused_by_its_number() {
    let error = Recording::of_json("{\"format\":2,\"new\":[]}").expect_err("format 2");
    assert_eq!(error.to_string(), "has format 2, and this version reads 1");
    assert!(Recording::of_json("{}").is_err());
}

#[test]
fn a_distribution_is_read_at_its_points() {
    let points = [(0.0, 5.0), (50.0, 10.0), (100.0, 90.0)];
    let points = points.map(|(percentile, us)| Point { percentile, us }).to_vec();
    let (name, about) = ("latency".to_owned(), String::new());
    let mut found = Distribution { name, about, count: 3, mean_us: 35.0, points };
    assert_eq!(found.at(50.0), Some(10.0));
    assert_eq!(found.at(99.0), Some(90.0));
    assert_eq!(found.max_us(), Some(90.0));
    found.points.clear();
    assert_eq!((found.at(50.0), found.max_us()), (None, None));
}
