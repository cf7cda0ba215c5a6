//! Books: the files of the engine's books, which outlive it, and whether they say what the journal says.
//!
//! SQLite keeps them as it is, on a real disk. No fault meets it within a write: what is tried is that
//! the engine goes on from whatever an earlier moment left, the newest books, older ones or none.

use std::{fs, path::PathBuf};

use fanju::{
    books::{Books, BooksError, Options, peek_checkpoint},
    journal::{Reader, Tail},
};
use rusqlite::{Connection, OpenFlags, types::Value};
use tempfile::TempDir;

/// The books at one moment: the database, and the log that is not moved into it yet. There is one
/// thread, so nobody writes meanwhile: it is what a process that is killed then leaves.
#[derive(Clone, Debug)]
pub struct Image {
    database: Vec<u8>,
    log: Vec<u8>,
}

/// Where the books of one life are.
#[derive(Debug)]
pub struct Shelf(TempDir);

impl Shelf {
    /// A place where the books are as they were in `found`; without it there are none.
    ///
    /// # Panics
    /// When the system has no temporary folder to give.
    #[must_use]
    pub fn with(found: Option<&Image>) -> Self {
        let folder = tempfile::Builder::new().prefix("fanju-chaos-").tempdir();
        let shelf = Self(folder.expect("a temporary folder"));
        if let Some(Image { database, log }) = found {
            for (end, bytes) in [("", database), ("-wal", log)] {
                fs::write(shelf.file(end), bytes).expect("room for books");
            }
        }
        shelf
    }

    /// The database.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.file("")
    }

    fn file(&self, end: &str) -> PathBuf {
        self.0.path().join(format!("books.sqlite{end}"))
    }

    /// The books as they are now; `None` when there are none. Closing a file gives up this process' locks
    /// on it: nobody else has this folder.
    #[must_use]
    pub fn image(&self) -> Option<Image> {
        let database = fs::read(self.path()).ok()?;
        // SQLite removes it when it closes.
        let log = fs::read(self.file("-wal")).unwrap_or_default();
        Some(Image { database, log })
    }

    /// The journal's tail up to which they go.
    #[must_use]
    pub fn checkpoint(&self) -> Option<Tail> {
        peek_checkpoint(&self.path())
    }

    /// What is wrong with the books, which have caught up with `journal`: they are not what they would be
    /// if they were made anew from it.
    ///
    /// # Errors
    /// [`BooksError`], of those that are made anew too.
    pub fn differ(&self, journal: &Reader) -> Result<Option<String>, BooksError> {
        let anew = self.0.path().join("anew.sqlite");
        Books::open(Some(&anew), journal.journal_id(), Options::default())?.rebuild(journal)?;
        let (kept, anew) = (tables(self.path())?, tables(anew)?);
        if kept.len() != anew.len() {
            return Ok(Some(format!("are {} tables, anew {}", kept.len(), anew.len())));
        }
        let mut pairs = kept.iter().zip(&anew);
        Ok(pairs.find(|(kept, anew)| kept != anew).map(|(kept, anew)| kept.unlike(anew)))
    }
}

/// Every row of a table, in the order of its key.
#[derive(PartialEq, Debug)]
struct Table {
    name: String,
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl Table {
    /// The first difference from `other`.
    fn unlike(&self, other: &Self) -> String {
        let name = &self.name;
        for (row, (here, there)) in self.rows.iter().zip(&other.rows).enumerate() {
            let mut cells = here.iter().zip(there).enumerate();
            if let Some((column, (here, there))) = cells.find(|(_, (here, there))| here != there) {
                let (column, here, there) = (&self.columns[column], words(here), words(there));
                return format!("`{column}` of row {row} of {name} is {here}, anew {there}");
            }
        }
        format!("{name} has {} rows, anew {}", self.rows.len(), other.rows.len())
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Value::Null | Value::Integer(_) | Value::Real(_) | Value::Text(_) => format!("{value:?}"),
    }
}

/// All tables of books, which every version makes in the same order.
fn tables(path: PathBuf) -> Result<Vec<Table>, BooksError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    let mut names = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
    let mut names = names.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    // What somebody has is more telling than how many records there are.
    names.rotate_left(1);
    names.into_iter().map(|name| table(&connection, name)).collect()
}

fn table(connection: &Connection, name: String) -> Result<Table, BooksError> {
    let mut all = connection.prepare(&format!("SELECT * FROM {name}"))?;
    let columns: Vec<String> = all.column_names().map(str::to_owned).collect();
    let width = columns.len();
    let rows = all.query_map([], |row| (0..width).map(|column| row.get(column)).collect())?;
    let rows = rows.collect::<Result<_, _>>()?;
    Ok(Table { name, columns, rows })
}
