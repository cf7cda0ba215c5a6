//! The model of many machines as people run it.

use std::process::{Command, Output};

use serde_json::Value;

fn nation(arguments: &str) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_fanju-sim"));
    program.arg("nation").args(arguments.split_whitespace()).output().expect("the program runs")
}

#[test]
fn a_city_is_sized_and_played_and_the_same_twice() {
    let play = || {
        let output = nation("--rate 50000 --count 20000 --affinity 0.9 --json -");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).expect("JSON on standard output")
    };
    let report = play();
    assert_eq!(report, play());
    let number = |path: &str| report.pointer(path).and_then(Value::as_f64).expect(path);
    let (played, computed) = (number("/cross_share"), number("/sizing/cross_share"));
    assert!((played - computed).abs() < 0.02, "{played} of {computed}");
    assert!(number("/sizing/partitions") > 1.0 && number("/sizing/busy") <= 0.6);
    assert!(number("/cross_us/p50") > number("/local_us/p50"));
    assert!(number("/network_bytes_per_s") > 3.0 * number("/journal_bytes_per_s"));
}

#[test]
fn what_cannot_be_modelled_is_said() {
    for (arguments, reason) in [
        ("--affinity 1.1", "--affinity 1.1 is not from 0 to 1"),
        ("--affinity NaN", "--affinity NaN is not from 0 to 1"),
        ("--busy 1", "leaves no room for queues"),
        ("--append-p99-ms 1", "below the median"),
        ("--rtt-us=-1", "below zero"),
        ("--dinner-us 0", "--dinner-us 0 is not above zero"),
        ("--cores 4 --cores-per-partition 4.5", "4.5 is more than a machine has: --cores 4"),
        ("--report nowhere/page.html", "nowhere/page.html cannot be written"),
        ("--rate 1000000000 --affinity 0", "is enough: raise --affinity, or lower --rate"),
        ("--rate 1000000000 --affinity 1", "is enough: lower --rate or --dinner-us"),
        ("--count 18446744073709551615", "must be at most 1,000,000,000"),
    ] {
        let output = nation(arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {told}");
        assert!(told.contains(reason), "{arguments}: {told}");
    }
}
