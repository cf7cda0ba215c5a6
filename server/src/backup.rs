//! Backup: a data folder copied while a server runs on it.
//!
//! Everything that is durable when the copy begins is in it. The databases are copied first, by
//! SQLite's own means, and the journal last: what the journal has beside them is folded when the
//! copy is opened, and a batch that was being written is the torn tail that opening cuts off.
//!
//! A copy has an [`epoch`] of its own: whoever was told of what the original wrote after it cannot
//! resume there. A folder that is copied by other means has none, and its server should be given no
//! clients of the original.

use std::{
    fmt, fs,
    io::{self, Read},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, ensure};
use fanju::journal::SEGMENT_HEADER_BYTES;
use rusqlite::{Connection, OpenFlags, backup::Backup};

use crate::epoch;

/// Databases of a data folder, in the order in which they must be copied: what is ahead of the
/// journal would be lost money, what is behind it is caught up.
const DATABASES: [&str; 3] = ["books.sqlite", "register.sqlite", "webhooks.sqlite"];

/// Small files of a data folder.
const FILES: [&str; 2] = ["server.key", crate::keys::OPERATOR_FILE];

/// The journal's folder.
const JOURNAL: &str = "journal";

/// Pages that one step of a database's copy takes: all of them. Readers of a write-ahead log keep no
/// writer waiting, and a copy by steps begins anew with every write.
const STEP_PAGES: i32 = i32::MAX;

/// What was copied.
#[derive(Debug)]
pub struct Copied {
    /// Where to.
    pub to: PathBuf,
    /// Journal segments.
    pub segments: usize,
    /// Bytes of the journal.
    pub journal_bytes: u64,
    /// Databases.
    pub databases: usize,
}

impl fmt::Display for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { to, segments, journal_bytes, databases } = self;
        let to = to.display();
        write!(
            f,
            "copied {journal_bytes} bytes of journal in {segments} segments and {databases} "
        )?;
        write!(f, "databases to {to}; `fanju-server verify --data {to}` audits the copy")
    }
}

/// Copies the data folder `from` to `to`, which must not exist.
///
/// # Errors
/// When `to` exists or something cannot be read or written; `to` is then incomplete.
pub fn backup(from: &Path, to: &Path) -> anyhow::Result<Copied> {
    check_folder(from)?;
    ensure!(!to.exists(), "{} exists already", to.display());
    for folder in [to, &to.join(JOURNAL)] {
        make_folder(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    epoch::mark(to)?;
    let mut copied = Copied { to: to.to_owned(), segments: 0, journal_bytes: 0, databases: 0 };
    for name in DATABASES {
        if from.join(name).exists() {
            copy_database(&from.join(name), &to.join(name))
                .with_context(|| format!("cannot copy {name}"))?;
            copied.databases += 1;
        }
    }
    for name in FILES {
        if from.join(name).exists() {
            copy_file(&from.join(name), &to.join(name), |_, bytes| Ok((bytes, 0)))?;
        }
    }
    let mut segments: Vec<PathBuf> = fs::read_dir(from.join(JOURNAL))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    segments.retain(|segment| segment.extension().is_some());
    // Oldest first: a segment that is begun meanwhile only makes the copy end earlier.
    segments.sort();
    for segment in segments {
        let name = segment.file_name().context("a segment has a name")?;
        copied.journal_bytes += copy_file(&segment, &to.join(JOURNAL).join(name), written)?;
        copied.segments += 1;
    }
    fs::File::open(to.join(JOURNAL))?.sync_all()?;
    fs::File::open(to)?.sync_all()?;
    Ok(copied)
}

/// Makes sure that `folder` is a data folder, as far as one sees from outside.
pub(crate) fn check_folder(folder: &Path) -> anyhow::Result<()> {
    let name = folder.display();
    ensure!(folder.exists(), "there is no folder `{name}`: name the data folder with --data");
    let is_data = folder.join(JOURNAL).is_dir();
    ensure!(is_data, "`{name}` is not a data folder, for it has no journal: name one with --data");
    Ok(())
}

/// Makes a folder that its owner alone may look into: names and keys are in it.
fn make_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes a file that its owner alone may read.
fn make_file(file: &Path) -> anyhow::Result<fs::File> {
    let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    made.with_context(|| format!("cannot make {}", file.display()))
}

fn copy_database(from: &Path, to: &Path) -> anyhow::Result<()> {
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    source.busy_timeout(Duration::from_secs(10))?;
    drop(make_file(to)?);
    let mut target = Connection::open(to)?;
    Backup::new(&source, &mut target)?.run_to_completion(
        STEP_PAGES,
        Duration::from_millis(1),
        None,
    )?;
    Ok(())
}

/// Copies as much of the file as `of` says of its length now, and then as many zeros: it may be written
/// meanwhile.
fn copy_file(
    from: &Path,
    to: &Path,
    of: impl FnOnce(&fs::File, u64) -> io::Result<(u64, u64)>,
) -> anyhow::Result<u64> {
    let source = fs::File::open(from).with_context(|| format!("cannot read {}", from.display()))?;
    let (bytes, zeros) = of(&source, source.metadata()?.len())?;
    let mut target = make_file(to)?;
    let bytes = io::copy(&mut source.take(bytes).chain(io::repeat(0).take(zeros)), &mut target)?;
    target.sync_all()?;
    Ok(bytes)
}

/// How much of a segment of `bytes` was written, and how many of the zeros behind it may be the end of its
/// header, which has zeros where there was no segment before, or of a record: the rest was written ahead.
/// What is written later must not come into the copy behind a hole.
fn written(segment: &fs::File, bytes: u64) -> io::Result<(u64, u64)> {
    let mut chunk = vec![0; 64 * 1024];
    let mut end = bytes;
    while end > 0 {
        let start = end.saturating_sub(chunk.len() as u64);
        let part = chunk.len().min(usize::try_from(end - start).unwrap_or(usize::MAX));
        // It is shorter by now where a server has just closed it.
        let read = segment.read_at(&mut chunk[..part], start)?;
        if let Some(last) = chunk[..read].iter().rposition(|byte| *byte != 0) {
            end = start + last as u64 + 1;
            break;
        }
        end = start;
    }
    let unsaid = (SEGMENT_HEADER_BYTES as u64).saturating_sub(end).max(8);
    Ok((end, (bytes - end).min(unsaid)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_segment_that_is_written_only_what_was_there_at_first_is_copied() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        for (content, ahead) in [(70_000_usize, 3 * 64 * 1024_u64), (5, 3), (5, 0), (0, 70_000)] {
            let mut bytes = vec![7; content];
            fs::write(&from, &bytes).expect("is written");
            let file = fs::OpenOptions::new().write(true).open(&from).expect("is there");
            file.set_len(content as u64 + ahead).expect("is longer");
            let copied = copy_file(&from, &to, |source, length| {
                let of = written(source, length);
                // The writer goes on, a little further behind.
                file.write_all_at(&[9; 3], content as u64 + ahead / 2)?;
                of
            });
            let unsaid = SEGMENT_HEADER_BYTES.saturating_sub(content).max(8);
            bytes.resize(content + unsaid.min(usize::try_from(ahead).expect("small")), 0);
            assert_eq!(copied.expect("is copied"), bytes.len() as u64);
            assert_eq!(fs::read(&to).expect("is there"), bytes, "{content} and {ahead}");
            fs::remove_file(&to).expect("is there");
        }
    }
}
