//! Anew: books made once more from the journal, beside those that there are, to see whether they say the
//! same.

use std::{path::Path, sync::Arc};

use rusqlite::{Connection, OpenFlags, Rows, types::Value};

use super::{Books, BooksError, Options};
use crate::journal::Reader;

/// How the books at `path`, which have caught up with `journal`, differ from books that are made anew from
/// it: the first difference, in words. The others are in the system's temporary directory meanwhile.
///
/// # Errors
/// [`BooksError`], of either.
pub fn unlike_anew(path: &Path, journal: &Reader) -> Result<Option<String>, BooksError> {
    let mut anew = Books::open(None, journal.journal_id(), Options::default())?;
    anew.rebuild(journal)?;
    let place = Arc::clone(&anew.place);
    drop(anew);
    let (kept, anew) = (open(path)?, open(&place.file)?);
    let (tables, tables_anew) = (tables(&kept)?, tables(&anew)?);
    if tables != tables_anew {
        return Ok(Some(format!("the tables are {tables:?}, anew {tables_anew:?}")));
    }
    for table in tables {
        if let Some(difference) = unlike(&table, &kept, &anew)? {
            return Ok(Some(difference));
        }
    }
    Ok(None)
}

fn open(path: &Path) -> Result<Connection, BooksError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.execute_batch("PRAGMA busy_timeout = 5000;")?;
    Ok(connection)
}

/// All tables, which every version makes in the same order. What somebody has is more telling than how
/// many records there are, so the first comes last.
fn tables(books: &Connection) -> Result<Vec<String>, BooksError> {
    let mut names = books.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
    let mut names = names.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    if !names.is_empty() {
        names.rotate_left(1);
    }
    Ok(names)
}

/// The first difference of one table, row by row in the order of its key.
fn unlike(name: &str, kept: &Connection, anew: &Connection) -> Result<Option<String>, BooksError> {
    let every = format!("SELECT * FROM {name}");
    let (mut kept, mut anew) = (kept.prepare(&every)?, anew.prepare(&every)?);
    let columns: Vec<String> = kept.column_names().map(str::to_owned).collect();
    let (mut kept, mut anew) = (kept.query([])?, anew.query([])?);
    for row in 0_u64.. {
        let (here, there) = (next(&mut kept, columns.len())?, next(&mut anew, columns.len())?);
        let (here, there) = match (here, there) {
            (None, None) => return Ok(None),
            (Some(_), None) => return Ok(Some(format!("{name} has more than {row} rows"))),
            (None, Some(_)) => return Ok(Some(format!("{name} has no more than {row} rows"))),
            (Some(here), Some(there)) => (here, there),
        };
        let mut cells = columns.iter().zip(here.iter().zip(&there));
        if let Some((column, (here, there))) = cells.find(|(_, (here, there))| here != there) {
            let (here, there) = (words(here), words(there));
            return Ok(Some(format!("`{column}` of row {row} of {name} is {here}, anew {there}")));
        }
    }
    unreachable!("tables end")
}

fn next(rows: &mut Rows<'_>, width: usize) -> Result<Option<Vec<Value>>, BooksError> {
    let Some(row) = rows.next()? else { return Ok(None) };
    let cells = (0..width).map(|column| row.get(column)).collect::<Result<_, _>>()?;
    Ok(Some(cells))
}

fn words(value: &Value) -> String {
    match value {
        Value::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Value::Null | Value::Integer(_) | Value::Real(_) | Value::Text(_) => format!("{value:?}"),
    }
}
