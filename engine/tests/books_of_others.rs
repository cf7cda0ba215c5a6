//! Books that are not as they should be: of another journal, of another version, and locked by somebody else.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

#[allow(dead_code, reason = "an author writes more than is read here")]
#[path = "books/author.rs"]
mod author;
mod support;
#[path = "books/world.rs"]
mod world;

use std::{path::Path, time::Duration};

use fanju::{
    Config, Engine,
    books::{Books, BooksError, Options, peek_checkpoint, unlike_anew},
    domain::event::Rules,
    journal::{JournalId, Reader, Tail},
    limits::BOOKS_RETRY,
};
use rusqlite::Connection;
use support::{Table, within};
use world::World;

fn open(path: Option<&Path>, journal: &Reader) -> Books {
    Books::open(path, journal.journal_id(), Options::default()).expect("books open")
}

#[test]
fn books_of_another_journal_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("books");
    let (ours, theirs) = (JournalId([1; 16]), JournalId([2; 16]));
    drop(Books::open(Some(&path), ours, Options::default()).unwrap());
    let refused = Books::open(Some(&path), theirs, Options::default());
    let other = |found, expected| found == ours && expected == theirs;
    assert!(
        matches!(refused, Err(BooksError::OtherJournal { expected, found }) if other(found, expected))
    );
}

#[test]
fn books_of_another_schema_begin_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("books");
    let mut world = World::new(3);
    world.live(50);
    let journal = world.author.reader();
    let mut books = open(Some(&path), &journal);
    books.catch_up(&journal).unwrap();
    let tail = books.checkpoint();
    drop(books);
    let connection = rusqlite::Connection::open(&path).unwrap();
    // Version 3 kept days.
    let older = "UPDATE meta SET schema_version = 3;
                 ALTER TABLE merchant_quarters RENAME TO merchant_days;";
    connection.execute_batch(older).unwrap();
    drop(connection);
    // They still witness how far which journal went.
    assert_eq!(peek_checkpoint(&path), Some(tail));
    let refused = Books::open(Some(&path), JournalId([2; 16]), Options::default());
    assert!(matches!(refused, Err(BooksError::OtherJournal { .. })));
    assert_eq!(peek_checkpoint(&path), Some(tail));
    let mut books = open(Some(&path), &journal);
    assert_eq!(books.checkpoint(), Tail::START);
    books.catch_up(&journal).unwrap();
    world.check(&books.reader());
    let connection = rusqlite::Connection::open(&path).unwrap();
    let left = "SELECT count(*) FROM sqlite_schema WHERE name = 'merchant_days'";
    assert_eq!(connection.query_row(left, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

/// An engine in `folder`, whose books have stopped because somebody else keeps them locked.
async fn locked(folder: &Path) -> (Table, Connection) {
    let config = Config { books_interval: Duration::from_millis(1), ..Config::directory(folder) };
    let table = Table::laid(config, &[10_000; 2], 10_000, Rules::default()).await;
    assert!(within(table.engine.books_caught_up(Duration::from_secs(20))).await.unwrap());
    let somebody = Connection::open(folder.join("books.sqlite")).unwrap();
    somebody.execute_batch("BEGIN IMMEDIATE").unwrap();
    table.settle("A-1", 200).await;
    within(async {
        while table.engine.books_error().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    (table, somebody)
}

/// The books in `folder` are what the journal says.
fn are_as_anew(folder: &Path) {
    let engine = Engine::open(Config::directory(folder)).unwrap();
    assert_eq!(unlike_anew(&folder.join("books.sqlite"), &engine.journal()).unwrap(), None);
}

#[tokio::test]
async fn books_go_on_once_nobody_else_has_them_locked() {
    let folder = tempfile::tempdir().unwrap();
    let (table, somebody) = locked(folder.path()).await;
    let engine = &table.engine;
    // Nobody waits for them in vain, and bills are paid.
    assert!(!within(engine.books_caught_up(Duration::from_secs(600))).await.unwrap());
    table.settle("A-2", 200).await;
    somebody.execute_batch("ROLLBACK").unwrap();
    within(async {
        while !engine.books_caught_up(Duration::from_secs(20)).await.unwrap() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(engine.books_error().is_none());
    within(engine.close()).await;
    drop(table);
    are_as_anew(folder.path());
}

/// Whoever reads has the file open that was there at the start: another one is for the next start.
#[tokio::test]
async fn books_that_were_moved_away_are_not_made_anew_beside_those_who_read() {
    let folder = tempfile::tempdir().unwrap();
    let (table, somebody) = locked(folder.path()).await;
    for file in ["books.sqlite", "books.sqlite-wal", "books.sqlite-shm"] {
        let away = folder.path().join(format!("{file}.away"));
        std::fs::rename(folder.path().join(file), away).unwrap();
    }
    somebody.execute_batch("ROLLBACK").unwrap();
    // Longer than until they are tried again.
    tokio::time::sleep(2 * BOOKS_RETRY).await;
    assert!(!folder.path().join("books.sqlite").exists());
    table.settle("A-2", 200).await;
    within(table.engine.close()).await;
    drop(table);
    are_as_anew(folder.path());
}
