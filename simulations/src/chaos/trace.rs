//! Trace: what happened, in words; the last of them are kept, all of them are hashed.

use std::{collections::VecDeque, time::Duration};

/// Lines that are kept unless more are asked for.
pub const KEPT: usize = 60;

/// What happened so far.
#[derive(Clone, Debug)]
pub struct Trace {
    kept: VecDeque<String>,
    most: usize,
    lines: u64,
    hash: u64,
}

impl Default for Trace {
    fn default() -> Self {
        // FNV-1a's offset basis.
        Self { kept: VecDeque::new(), most: KEPT, lines: 0, hash: 0xcbf2_9ce4_8422_2325 }
    }
}

impl Trace {
    /// Keeps the last `most` lines.
    pub fn keep(&mut self, most: usize) {
        self.most = most;
    }

    /// Notes what happened `at` this time of the world.
    pub fn note(&mut self, at: Duration, what: &str) {
        let line = format!("{:>10.3}  {what}", at.as_secs_f64());
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.lines += 1;
        if self.kept.len() >= self.most {
            self.kept.pop_front();
        }
        self.kept.push_back(line);
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

    /// The last lines, oldest first.
    #[must_use]
    pub fn tail(&self) -> Vec<String> {
        self.kept.iter().cloned().collect()
    }
}
