//! Epoch: the name under which positions are told. Those of another epoch mean nothing.
//!
//! It is the journal's own name, and in a copy the copy's besides: a copy has the journal's name and
//! goes its own way from where it was made, so what it writes at a position is not what the original
//! told of it (L-1). A folder that was copied by other means than [`backup`](crate::backup) knows
//! nothing of that.

use std::{
    fs::OpenOptions,
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::{Context, ensure};
use fanju::journal::JournalId;
use uuid::Uuid;

/// The file of a copy that holds its name.
const FILE: &str = "copy";

/// Longest such name in bytes.
const NAME_BYTES_MAX: u64 = 36;

/// Between a journal's name and a copy's.
const BETWEEN: char = '.';

/// Gives the copy in `folder` a name of its own.
///
/// # Errors
/// When the file cannot be written, or is there already.
pub(crate) fn mark(folder: &Path) -> anyhow::Result<()> {
    let path = folder.join(FILE);
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let written = made.and_then(|mut file| {
        file.write_all(Uuid::now_v7().to_string().as_bytes())?;
        file.sync_all()
    });
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// The epoch of `journal` in the data folder `data`, if it lies in one.
///
/// # Errors
/// When the copy's name cannot be read, or is none.
pub(crate) fn of(journal: JournalId, data: Option<&Path>) -> anyhow::Result<String> {
    let Some(path) = data.map(|data| data.join(FILE)) else { return Ok(journal.to_string()) };
    let mut name = String::new();
    match OpenOptions::new().read(true).open(&path) {
        Ok(file) => file.take(NAME_BYTES_MAX + 1).read_to_string(&mut name),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(journal.to_string()),
        Err(error) => Err(error),
    }
    .with_context(|| format!("cannot read {}", path.display()))?;
    let name = name.trim();
    ensure!(name.parse::<Uuid>().is_ok(), "{} does not hold a copy's name", path.display());
    Ok(format!("{journal}{BETWEEN}{name}"))
}

/// Whether both epochs are of one journal, so that positions from before the copy was made stand in
/// both.
pub(crate) fn is_of_same_journal(one: &str, other: &str) -> bool {
    let [one, other] = [one, other].map(|epoch| epoch.split(BETWEEN).next());
    one == other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_copy_of_a_journal_has_an_epoch_of_its_own() {
        let [one, other] = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        let journal = JournalId::random();
        let of = |folder: &Path| of(journal, Some(folder)).expect("is read");
        let original = of(one.path());
        assert_eq!(original, journal.to_string());
        for copy in [&one, &other] {
            mark(copy.path()).expect("is marked");
        }
        let (one, other) = (of(one.path()), of(other.path()));
        assert!(one != original && other != original && one != other);
        assert!(is_of_same_journal(&one, &other) && is_of_same_journal(&original, &one));
        assert!(!is_of_same_journal(&JournalId::random().to_string(), &one));
    }

    #[test]
    fn what_is_no_name_opens_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(FILE), "").expect("is written");
        assert!(of(JournalId::random(), Some(folder.path())).is_err());
    }
}
