//! Trace: what happened, in words; all of it is hashed, and of the last of it the part is told that
//! matters.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

/// Lines that are told unless more are asked for.
pub const KEPT: usize = 60;

/// Lines that are looked through for those that matter.
const WINDOW: usize = 6_000;

/// A line is cut here: names of people are long.
const LINE_MAX: usize = 600;

/// What happened so far.
#[derive(Clone, Debug)]
pub struct Trace {
    window: VecDeque<String>,
    most: usize,
    lines: u64,
    hash: u64,
}

impl Default for Trace {
    fn default() -> Self {
        // FNV-1a's offset basis.
        Self { window: VecDeque::new(), most: KEPT, lines: 0, hash: 0xcbf2_9ce4_8422_2325 }
    }
}

impl Trace {
    /// Tells at most `most` lines.
    pub fn keep(&mut self, most: usize) {
        self.most = most;
    }

    /// Notes what happened `at` this time of the world.
    pub fn note(&mut self, at: Duration, what: &str) {
        let mut line = format!("{:>10.3}  {what}", at.as_secs_f64());
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.lines += 1;
        if self.window.len() >= WINDOW.max(self.most) {
            self.window.pop_front();
        }
        line.truncate(line.floor_char_boundary(LINE_MAX));
        self.window.push_back(line);
    }

    /// The same for the same lines.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// How many lines there were.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The last lines, oldest first. Half of them at least are about what these `faults` name, if so
    /// many are; of the rest, declined bills are only counted.
    #[must_use]
    pub fn tail(&self, faults: &[String]) -> Vec<String> {
        let subjects: BTreeSet<_> = faults.iter().flat_map(|fault| subjects(fault)).collect();
        let is_about = |line: &str| !subjects.is_empty() && !subjects.is_disjoint(&words(line));
        let mut told = BTreeSet::new();
        let newest_first = || self.window.iter().enumerate().rev();
        for (at, _) in newest_first().filter(|(_, line)| is_about(line)).take(self.most / 2) {
            told.insert(at);
        }
        let mut declined = 0_u32;
        for (at, line) in newest_first() {
            if told.len() >= self.most {
                break;
            }
            match line.contains(" declined: ") && !told.contains(&at) {
                true => declined += 1,
                false => _ = told.insert(at),
            }
        }
        let mut lines: Vec<_> = told.into_iter().map(|at| self.window[at].clone()).collect();
        if declined > 0 {
            lines.insert(0, format!("({declined} lines of declined bills are left out)"));
        }
        lines
    }
}

/// What a fault names: orders, accounts, records.
fn subjects(fault: &str) -> BTreeSet<String> {
    let named = |word: &String| word.contains('-') || word.contains('.') || word.starts_with('#');
    words(fault).into_iter().filter(named).collect()
}

/// Words with a number in them. A record's place is `#` and its number.
fn words(line: &str) -> BTreeSet<String> {
    let line = line.get(12..).filter(|_| line.starts_with(' ')).unwrap_or(line);
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || ".-".contains(letter);
    let mut before = "";
    let mut found = BTreeSet::new();
    for word in line.split(|letter| !is_part(letter)).filter(|word| !word.is_empty()) {
        let word = word.trim_end_matches('.');
        if word.contains(|letter: char| letter.is_ascii_digit()) {
            let is_place = ["at", "record"].contains(&before);
            found.insert(if is_place { format!("#{word}") } else { word.to_owned() });
        }
        before = word;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_fault_names_is_told_before_what_came_last() {
        let mut trace = Trace::default();
        trace.keep(6);
        trace.note(Duration::ZERO, "life 1: record 17: order 3.1 settled");
        trace.note(Duration::ZERO, "life 1: table 3 asks for order 3.1: nothing");
        for other in 0..50 {
            trace.note(Duration::ZERO, &format!("life 1: order 9.{other} declined: Short"));
            trace.note(Duration::ZERO, &format!("life 1: table {other} shows a code"));
        }
        let tail = trace.tail(&["G-1: told settled at 17, now order 3.1 is unknown".to_owned()]);
        assert_eq!(tail.len(), 7, "{tail:?}");
        assert!(tail[0].contains("left out"), "{tail:?}");
        assert!(tail[1].contains("record 17") && tail[2].contains("3.1: nothing"), "{tail:?}");
        assert!(tail[6].ends_with("table 49 shows a code"), "{tail:?}");
    }

    #[test]
    fn nothing_is_left_out_of_a_short_trace() {
        let mut trace = Trace::default();
        trace.note(Duration::ZERO, "life 1: opened");
        assert_eq!(trace.tail(&[]), ["     0.000  life 1: opened"]);
        assert_eq!(trace.lines(), 1);
    }
}
