//! The dashboard: drawn and drawn again on a terminal, plain lines elsewhere.

use std::process::{Command, Output};

const SIMULATION: &str = env!("CARGO_BIN_EXE_fanju-sim");
const DINNERS: &str = "dinner --rate 200 --seconds 6 --warmup 0 --wallets 64 --merchants 2";

/// What begins each of a terminal's commands.
const ESCAPE: char = '\u{1b}';

fn ran(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("it starts");
    let told = [stdout, stderr].map(|told| String::from_utf8_lossy(&told).into_owned()).concat();
    assert!(status.success(), "{told}");
    told
}

#[test]
fn a_terminal_sees_the_run_drawn_while_it_goes_on() {
    // A terminal of its own, whose width it is told, and what came to it.
    let play = format!("stty cols 100 rows 30; exec '{SIMULATION}' {DINNERS}");
    let mut script = Command::new("script");
    script.args(["-qec", &play, "/dev/null"]).env("TERM", "xterm").env_remove("NO_COLOR");
    let told = ran(&mut script);
    assert!(told.contains(ESCAPE), "nothing was drawn over: {told:?}");
    let drawn = told.matches("last second").count();
    assert!(drawn >= 3, "drawn {drawn} times: {told:?}");
    assert!(told.contains("paid/s") && told.contains('█'), "{told:?}");
    assert!(told.contains(" %"), "{told:?}");
}

#[test]
fn whoever_is_no_terminal_reads_a_line_now_and_then() {
    let told = ran(Command::new(SIMULATION).args(DINNERS.split(' ')));
    assert!(!told.contains(ESCAPE), "{told:?}");
    assert!(!told.contains('█'), "{told:?}");
    // After five of the six seconds, and not each second.
    let lines = told.lines().filter(|line| line.contains("; last second ")).count();
    assert!((1..=2).contains(&lines), "{lines}: {told:?}");
}
