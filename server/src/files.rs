//! Files: how many the process may have open, and how many of them connections may take.
//!
//! One more than it may have is an error for whoever opens it, and for the journal that is the end
//! (J-3). So connections stop being taken before; who comes then waits in the kernel's line.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::limits;

/// Raises the bound as far as it goes without rights; says how many files may be open, `None` for any
/// number.
pub(crate) fn raise() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(error) => {
            tracing::warn!(?current, ?maximum, %error, "cannot raise the number of open files");
            current
        }
    }
}

/// How many connections each of so many `threads` takes, where so many `files` may be open.
pub(crate) fn connections(files: Option<u64>, threads: usize) -> usize {
    let files = files.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX);
    let left = files - limits::FILES_KEPT.min(files / 2);
    (left / threads.max(1)).clamp(1, limits::CONNECTIONS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_to_the_journal() {
        for (files, threads, expected) in [
            (None, 8, limits::CONNECTIONS_MAX),
            (Some(1_000_000), 8, limits::CONNECTIONS_MAX),
            (Some(200_000), 2, 99_488),
            (Some(20_000), 2, 9_488),
            (Some(1_024), 2, 256),
            (Some(1), 64, 1),
        ] {
            assert_eq!(connections(files, threads), expected, "{files:?} over {threads}");
        }
    }
}
