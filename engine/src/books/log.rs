//! SQLite's write-ahead log: what the last write added to it, so that the disk can be asked for it in
//! small pieces.
//!
//! It is never believed: whoever errs here asks for too much or too little, or merges the log too
//! early. Source: SQLite, "Database File Format", section 4, The Write-Ahead Log.

use std::{fs::File, io, ops::Range, os::unix::fs::FileExt, path::Path};

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// The log, as far as it was looked at.
#[derive(Debug)]
pub(super) struct Log {
    /// The same one for as long as the books are open: a lack of files stops no write, and what one
    /// sync failed to write, no later one takes for written.
    file: File,
    /// Of the log's present round: each begins at the front and marks its frames anew.
    salts: [u8; 8],
    frames: u64,
}

/// What a write added.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Added {
    /// Where in the log.
    pub(super) log: Range<u64>,
    /// Where its pages belong in the database, in the order of the log.
    pub(super) pages: Vec<Range<u64>>,
}

impl Log {
    /// The log of the database at `database`, which is open and was read.
    pub(super) fn of(database: &Path) -> io::Result<Self> {
        let mut path = database.to_owned().into_os_string();
        path.push("-wal");
        Ok(Self { file: File::open(path)?, salts: [0; 8], frames: 0 })
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Frames of this round.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// Looks at what was added since the last look.
    pub(super) fn look(&mut self) -> io::Result<Added> {
        let file = &self.file;
        let mut header = [0; HEADER_BYTES];
        file.read_exact_at(&mut header, 0)?;
        let salts = header[16..24].try_into().expect("eight bytes");
        if salts != self.salts {
            (self.salts, self.frames) = (salts, 0);
        }
        let page_bytes = u64::from(number(&header[8..12]));
        let frame_bytes = FRAME_HEADER_BYTES as u64 + page_bytes;
        let end_of = |frames: u64| HEADER_BYTES as u64 + frames * frame_bytes;
        let bytes = file.metadata()?.len();
        let from = end_of(self.frames);
        let mut pages = Vec::new();
        while end_of(self.frames + 1) <= bytes {
            let mut frame = [0; FRAME_HEADER_BYTES];
            file.read_exact_at(&mut frame, end_of(self.frames))?;
            if frame[8..16] != self.salts {
                break;
            }
            let page = u64::from(number(&frame[..4]).saturating_sub(1));
            pages.push(page * page_bytes..(page + 1) * page_bytes);
            self.frames += 1;
        }
        Ok(Added { log: from..end_of(self.frames), pages })
    }
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.try_into().expect("four bytes"))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use rusqlite::Connection;

    use super::*;

    #[test]
    fn what_was_added_is_what_sqlite_moves() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("rows");
        let rows = Connection::open(&path).expect("opens");
        let set_up = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
                      CREATE TABLE numbers (n INTEGER PRIMARY KEY, noise BLOB);";
        rows.execute_batch(set_up).expect("sets up");
        let mut log = Log::of(&path).expect("it is there");
        let add = |from: i64, count: i64| {
            let sql = "WITH RECURSIVE n (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM n LIMIT ?2)
                       INSERT INTO numbers SELECT n, randomblob(500) FROM n";
            rows.execute(sql, [from, count]).expect("inserts");
        };
        // The second round begins at the front of a log that is longer than it.
        for round in 0..3 {
            add(1_000 * round, if round == 0 { 500 } else { 50 });
            let first = log.look().expect("looks");
            add(1_000 * round + 500, 100);
            let second = log.look().expect("looks");
            assert_eq!((first.log.start, first.log.end), (HEADER_BYTES as u64, second.log.start));
            assert_eq!(
                log.look().expect("looks"),
                Added { pages: vec![], log: second.log.end..second.log.end }
            );

            let before = fs::read(&path).expect("reads");
            let move_all = "PRAGMA wal_checkpoint(PASSIVE)";
            let frames: i64 =
                rows.query_row(move_all, [], |row| row.get(2)).expect("moves the pages");
            assert_eq!(log.frames(), frames.cast_unsigned());
            let after = fs::read(&path).expect("reads");
            let pages: BTreeSet<u64> =
                first.pages.iter().chain(&second.pages).map(|page| page.start).collect();
            let page = |file: &[u8], at: usize| file.get(at..at + 4096).map(<[u8]>::to_vec);
            for at in (0..after.len()).step_by(4096) {
                let moved = page(&before, at) != page(&after, at);
                assert!(!moved || pages.contains(&(at as u64)), "the page at {at} was overlooked");
            }
        }
    }
}
