//! Machine: what a run ran on, since a rate means nothing without it.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};

use crate::process;

/// What a run ran on. Text is `unknown` and a number zero where the system does not say.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Machine {
    /// Processors that the run might use.
    pub cores: usize,
    /// The processors' model.
    pub cpu: String,
    /// Memory of the machine.
    pub memory_bytes: u64,
    /// The system and its version.
    pub kernel: String,
    /// The file system under the data; empty if nothing was written.
    pub file_system: String,
}

impl Machine {
    /// This one; `data` is the folder that the run writes to, if it writes.
    #[must_use]
    pub fn this(data: Option<&Path>) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let release = read("/proc/sys/kernel/osrelease");
        Self {
            cores: process::cores(),
            cpu: named(&read("/proc/cpuinfo"), "model name").unwrap_or_else(unknown),
            memory_bytes: named(&read("/proc/meminfo"), "MemTotal").map_or(0, |text| kibi(&text)),
            kernel: match release.trim() {
                "" => std::env::consts::OS.to_owned(),
                release => format!("Linux {release}"),
            },
            file_system: data.map(process::file_system).unwrap_or_default(),
        }
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

/// What stands behind `name` and a colon in the first line that begins so.
fn named(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Bytes of a text such as `16 kB`, by which `/proc` means kibibytes.
fn kibi(text: &str) -> u64 {
    let number = text.split_whitespace().next().and_then(|number| number.parse::<u64>().ok());
    number.unwrap_or(0).saturating_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_read_by_name() {
        let text = "processor\t: 0\nmodel name\t: Some Processor @ 2.0GHz\nMemTotal:  16 kB\n";
        assert_eq!(named(text, "model name").as_deref(), Some("Some Processor @ 2.0GHz"));
        assert_eq!(named(text, "MemTotal").map(|text| kibi(&text)), Some(16_384));
        assert_eq!(named(text, "nothing"), None);
    }

    #[test]
    fn this_machine_has_processors_and_a_name() {
        let machine = Machine::this(Some(Path::new("/")));
        assert!(machine.cores > 0 && !machine.kernel.is_empty() && !machine.cpu.is_empty());
        assert_eq!(Machine::this(None).file_system, "");
    }
}
