//! Files that are no register of ours, or no longer one.

use std::fs;

use rusqlite::Connection;

use super::*;

#[track_caller]
fn refusal(shelf: &Shelf) -> RegisterError {
    Register::open(Place::File(shelf.file()), DAY).expect_err("must be refused")
}

/// A closed register with something in it.
fn closed() -> Shelf {
    let mut shelf = Shelf::new();
    for number in 1..=200 {
        shelf
            .add_person(&person(number), &passkey(u8::try_from(number).expect("few"), 0), "phone")
            .expect("adds");
    }
    shelf.register = None;
    shelf
}

#[test]
fn a_newer_register_is_refused_and_left_alone() {
    let shelf = closed();
    Connection::open(shelf.file())
        .and_then(|connection| connection.execute_batch("PRAGMA user_version = 99"))
        .expect("writes");
    let before = fs::read(shelf.file()).expect("reads");
    let refused = refusal(&shelf);
    assert!(matches!(refused, RegisterError::Newer { found: 99, .. }), "{refused:?}");
    assert_eq!(fs::read(shelf.file()).expect("reads"), before);
}

#[test]
fn a_file_of_somebody_else_is_refused_and_left_alone() {
    let shelf = Shelf { folder: tempfile::tempdir().expect("a folder"), register: None };
    Connection::open(shelf.file())
        .and_then(|connection| connection.execute_batch("CREATE TABLE theirs (a)"))
        .expect("writes");
    let before = fs::read(shelf.file()).expect("reads");
    let refused = refusal(&shelf);
    assert!(matches!(refused, RegisterError::NotARegister), "{refused:?}");
    assert_eq!(fs::read(shelf.file()).expect("reads"), before);

    fs::write(shelf.file(), "not a database at all, but long enough to be one ".repeat(100))
        .expect("writes");
    let refused = refusal(&shelf);
    assert!(matches!(refused, RegisterError::NotARegister), "{refused:?}");
}

#[test]
fn an_empty_file_becomes_a_register() {
    let shelf = Shelf { folder: tempfile::tempdir().expect("a folder"), register: None };
    fs::write(shelf.file(), "").expect("writes");
    open(&shelf.file()).add_person_without_passkey(&person(1)).expect("adds");
}

#[test]
fn torn_pages_are_noticed() {
    let shelf = closed();
    let whole = fs::read(shelf.file()).expect("reads");
    let pages = whole.len() / 4096;
    assert!(pages > 20, "{pages} pages");
    let mut noticed = 0_usize;
    for page in 1..pages {
        let mut torn = whole.clone();
        torn[page * 4096..(page + 1) * 4096].fill(0xA5);
        fs::write(shelf.file(), torn).expect("writes");
        match Register::open(Place::File(shelf.file()), DAY) {
            Err(RegisterError::Corrupt(_)) => noticed += 1,
            other => panic!("page {page} was overlooked: {other:?}"),
        }
    }
    assert_eq!(noticed, pages - 1);
    fs::write(shelf.file(), &whole[..whole.len() / 2]).expect("writes");
    let refused = refusal(&shelf);
    assert!(matches!(refused, RegisterError::Corrupt(_)), "{refused:?}");
    fs::write(shelf.file(), &whole).expect("writes");
    open(&shelf.file());
}

#[test]
fn a_row_that_cannot_be_is_named_so() {
    let mut shelf = closed();
    Connection::open(shelf.file())
        .and_then(|connection| connection.execute_batch("UPDATE people SET name = char(7)"))
        .expect("writes");
    shelf.reopen();
    let refused = shelf.person(person(1).id);
    assert!(matches!(refused, Err(RegisterError::Corrupt(_))), "{refused:?}");
}

#[test]
fn a_folder_that_is_not_there_is_out_of_reach() {
    let shelf = Shelf { folder: tempfile::tempdir().expect("a folder"), register: None };
    let missing = shelf.folder.path().join("no such folder").join("register.sqlite");
    let refused = Register::open(Place::File(missing), DAY).expect_err("must be refused");
    assert!(matches!(refused, RegisterError::Sqlite(_)), "{refused:?}");
}
