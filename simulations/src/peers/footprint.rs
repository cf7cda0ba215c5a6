//! Footprint: processor time and bytes written of this process, or of another with all its children, as
//! Linux counts them. Zero where `/proc` is not.

use std::{fs, time::Duration};

use crate::process;

/// What a side has used so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Used {
    /// Processor time.
    pub cpu: Duration,
    /// Bytes that were written to files.
    pub written_bytes: u64,
    /// Bytes of its log alone, where the side counts them.
    pub log_bytes: Option<u64>,
}

impl Used {
    /// What was used since `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        let log = self.log_bytes.zip(before.log_bytes);
        Self {
            cpu: self.cpu.saturating_sub(before.cpu),
            written_bytes: self.written_bytes.saturating_sub(before.written_bytes),
            log_bytes: log.map(|(now, before)| now.saturating_sub(before)),
        }
    }
}

/// This process.
#[must_use]
pub fn of_this_process() -> Used {
    of_one("self")
}

/// A process and all that it started, those that ended included.
#[must_use]
pub fn of_tree(pid: u32) -> Used {
    let (mut sum, mut pids) = (Used::default(), vec![pid]);
    while let Some(pid) = pids.pop() {
        let Used { cpu, written_bytes, .. } = of_one(&pid.to_string());
        sum.cpu += cpu;
        sum.written_bytes += written_bytes;
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.unwrap_or_default();
        pids.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    sum
}

fn of_one(pid: &str) -> Used {
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
    Used { cpu: cpu(&read("stat")), written_bytes: written(&read("io")), log_bytes: None }
}

/// User and system time, of children that ended as well.
fn cpu(stat: &str) -> Duration {
    process::time_in(stat, 4).unwrap_or_default()
}

/// What was handed to the kernel in writes. `write_bytes` would count whole folios for each page that
/// becomes dirty, many times what was written.
fn written(io: &str) -> u64 {
    let count = io.lines().find_map(|line| line.strip_prefix("wchar:"));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_of_children_counts_and_whole_folios_do_not() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 20 5 20 0 9 0 1 2 3";
        assert_eq!(cpu(stat), Duration::from_millis(2_250));
        let io = "rchar: 1\nwchar: 4120\nsyscr: 3\nwrite_bytes: 65536\n";
        assert_eq!(written(io), 4_120);
    }

    #[test]
    fn what_was_used_is_a_difference() {
        let used = |seconds, written_bytes, log_bytes| Used {
            cpu: Duration::from_secs(seconds),
            written_bytes,
            log_bytes,
        };
        assert_eq!(used(5, 9, Some(7)).since(used(2, 4, Some(1))), used(3, 5, Some(6)));
        assert_eq!(used(5, 9, None).since(used(2, 4, Some(1))), used(3, 5, None));
    }
}
