//! Processes as Linux sees them: memory, processor time by thread, the file system of a folder.
//! Everything is zero or empty where `/proc` is not.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// The unit of processor times in `/proc`. Source: proc(5), `USER_HZ`; 100 on every Linux.
const TICKS_PER_SECOND: u64 = 100;

/// A process: this one, or another of this machine.
#[derive(Clone, Debug)]
pub struct Process(PathBuf);

impl Process {
    /// This one.
    #[must_use]
    pub fn this() -> Self {
        Self("/proc/self".into())
    }

    /// Another one.
    ///
    /// # Errors
    /// The number, if there is no such process.
    pub fn of(pid: u32) -> Result<Self, u32> {
        let path = PathBuf::from(format!("/proc/{pid}"));
        if path.is_dir() { Ok(Self(path)) } else { Err(pid) }
    }

    /// What it has used so far.
    #[must_use]
    pub fn usage(&self) -> Usage {
        Usage { memory: self.memory_bytes(), cpu: self.cpu_times() }
    }

    /// Memory in use now, and at most so far, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> (u64, u64) {
        let status = fs::read_to_string(self.0.join("status")).unwrap_or_default();
        let kilobytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            number.and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) * 1024
        };
        (kilobytes("VmRSS:"), kilobytes("VmHWM:"))
    }

    fn cpu_times(&self) -> CpuTimes {
        let mut times = BTreeMap::new();
        let tasks = fs::read_dir(self.0.join("task")).into_iter().flatten().flatten();
        for task in tasks {
            let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            if let Some((name, used)) = parse_stat(&stat) {
                *times.entry(name).or_default() += used;
            }
        }
        CpuTimes(times)
    }
}

/// What a process has used so far.
#[derive(Clone, Debug)]
pub struct Usage {
    /// Memory in use now, and at most so far, in bytes.
    pub memory: (u64, u64),
    /// Processor time.
    pub cpu: CpuTimes,
}

/// Memory of this process in use now, and at most so far, in bytes.
#[must_use]
pub fn memory_bytes() -> (u64, u64) {
    Process::this().memory_bytes()
}

/// Files and sockets that this process may have open; `None` where nobody says.
#[must_use]
pub fn files_max() -> Option<usize> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Processor time, by the threads' names; threads of one name are added up.
#[derive(Clone, Debug, Default)]
pub struct CpuTimes(BTreeMap<String, Duration>);

impl CpuTimes {
    /// What every living thread of this process has used so far.
    #[must_use]
    pub fn now() -> Self {
        Process::this().cpu_times()
    }

    /// What was used since `before`, in seconds; threads that used nothing are left out.
    #[must_use]
    pub fn since(&self, before: &Self) -> BTreeMap<String, f64> {
        let used = self.0.iter().map(|(name, now)| {
            let before = before.0.get(name).copied().unwrap_or_default();
            (name.clone(), now.saturating_sub(before).as_secs_f64())
        });
        used.filter(|(_, seconds)| *seconds > 0.0).collect()
    }
}

/// A thread's name and its user and system time. The name stands in brackets and may hold any.
fn parse_stat(stat: &str) -> Option<(String, Duration)> {
    let name = stat.rsplit_once(')')?.0.split_once('(')?.1.to_owned();
    Some((name, time_in(stat, 2)?))
}

/// The sum of the first `times` that `stat` tells: user and system time, then the same of children that
/// ended.
pub(crate) fn time_in(stat: &str, times: usize) -> Option<Duration> {
    let fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(times);
    let ticks: u64 = fields.map(str::parse::<u64>).sum::<Result<_, _>>().ok()?;
    Some(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

/// The type of the file system that holds `path`, or will once it is there, such as `ext4`; on `tmpfs`
/// nothing is durable.
#[must_use]
pub fn file_system(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_default();
    let there = path.ancestors().find_map(|above| above.canonicalize().ok()).unwrap_or_default();
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let holds = |line: &str| {
        let mut fields = line.split(' ').skip(1);
        let (at, kind) = (fields.next()?.to_owned(), fields.next()?.to_owned());
        there.starts_with(&at).then_some((at.len(), kind))
    };
    let deepest = mounts.lines().filter_map(holds).max_by_key(|(depth, _)| *depth);
    deepest.map_or_else(|| "unknown".to_owned(), |(_, kind)| kind)
}

/// How many processors this process may use.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thread_names_may_hold_brackets_and_blanks() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 9 0 1 2 3";
        let used = Duration::from_secs(2);
        assert_eq!(parse_stat(stat), Some(("a (b) c".to_owned(), used)));
    }

    #[test]
    fn this_process_has_memory_and_a_processor() {
        assert!(cores() > 0);
        if Path::new("/proc/self/status").exists() {
            let (now, most) = memory_bytes();
            assert!(0 < now && now <= most);
            assert!(files_max() > Some(2));
            let found = Process::of(std::process::id()).expect("this process").usage();
            assert!(found.memory.0 > 0);
            assert_eq!(Process::of(u32::MAX).map(drop), Err(u32::MAX));
            assert_eq!(file_system(Path::new("/proc")), "proc");
            assert_eq!(file_system(Path::new("/proc/not/there")), "proc");
            assert_eq!(file_system(Path::new("not/there")), file_system(Path::new(".")));
        }
    }
}
