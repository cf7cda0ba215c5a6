//! Signal: a process that is made to stand still, and goes on later.

use std::{
    fs,
    path::Path,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::house::PATIENCE;

/// SIGSTOP; comes back when the process stands still.
pub(crate) fn stop(pid: u32) {
    send("-STOP", pid);
    let began = Instant::now();
    while !stands_still(pid) {
        assert!(began.elapsed() < PATIENCE, "{pid} does not stop");
        sleep(Duration::from_millis(1));
    }
}

/// SIGCONT: it goes on.
pub(crate) fn go_on(pid: u32) {
    send("-CONT", pid);
}

fn send(signal: &str, pid: u32) {
    let sent = Command::new("kill").args([signal, &pid.to_string()]).status().expect("kill runs");
    assert!(sent.success(), "no {signal} for {pid}");
}

/// Whether every thread of the process is stopped, where the system says so.
fn stands_still(pid: u32) -> bool {
    if !Path::new("/proc/self/task").exists() {
        return true;
    }
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("the process is there");
    threads.flatten().all(|thread| {
        // A thread that ended meanwhile runs no more.
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // The name may hold anything, so the state is looked for behind its bracket.
        stat.rsplit(") ").next().is_none_or(|rest| rest.is_empty() || rest.starts_with('T'))
    })
}
