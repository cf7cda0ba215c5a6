//! The books' log goes into their database with the syncs that SQLite would make, in that order.

#[path = "books/author.rs"]
mod author;
#[path = "books/world.rs"]
mod world;

use std::{path::Path, process::Command};

use fanju::books::{Books, Options};
use world::World;

/// Says to the same test, run again by itself, where its books are.
const BOOKS_AT: &str = "FANJU_TEST_BOOKS_AT";

/// A log that is merged every few writes.
const OPTIONS: fn() -> Options = || Options { log_pages_max: 24, ..Options::default() };

fn open(path: &Path, world: &World) -> Books {
    let journal = world.author.reader();
    Books::open(Some(path), journal.journal_id(), OPTIONS()).expect("books open")
}

/// Takes over what is new, and hands over until nothing is left or `steps` are made.
fn catch_up(books: &mut Books, world: &World, steps: usize) {
    books.catch_up(&world.author.reader()).expect("catches up");
    for _ in 0..steps {
        if !books.hand_over().expect("hands over") {
            break;
        }
    }
}

/// Books that are written often: some merges are made in peace, some are cut off by the next write,
/// some were never begun when the log had grown too long.
fn keep_books(path: &Path) {
    let mut world = World::new(21);
    let mut books = open(path, &world);
    for round in 0..60 {
        world.live(25);
        catch_up(&mut books, &world, [usize::MAX, 0, 2, 3][round % 4]);
        if round == 30 {
            drop(books);
            books = open(path, &world);
        }
    }
    books.rebuild(&world.author.reader()).expect("rebuilds");
    for _ in 0..8 {
        world.live(25);
        catch_up(&mut books, &world, 0);
    }
    world.check(&books.reader());
}

/// What the books' files may have lost if the power is cut now.
#[derive(Default)]
struct Unsynced {
    log: bool,
    database: bool,
}

/// What was seen in the calls that the books made.
#[derive(Debug, Default)]
struct Seen {
    pages_moved: usize,
    logs_begun: usize,
}

/// Follows the system's calls, a line each, and finds what a power cut could make of the files.
fn follow(calls: &str) -> Seen {
    let (mut unsynced, mut seen) = (Unsynced::default(), Seen::default());
    for call in calls.lines() {
        let log = call.contains("books.sqlite-wal");
        if !log && !call.contains("books.sqlite>") {
            continue;
        }
        assert!(!call.contains("unfinished"), "one thread keeps the books: {call}");
        let begins = log && call.contains("pwrite64(") && call.contains(", 32, 0) = ");
        let ends = log && (call.contains("unlink") || call.contains("ftruncate("));
        if call.contains("sync(") {
            assert!(call.ends_with(" = 0"), "the disk of this test works: {call}");
            *(if log { &mut unsynced.log } else { &mut unsynced.database }) = false;
        } else if ends {
            assert!(!unsynced.database, "the log was cut or removed too early: {call}");
        } else if begins {
            assert!(!unsynced.database, "the log begins anew over pages not synced: {call}");
            (unsynced.log, seen.logs_begun) = (true, seen.logs_begun + 1);
        } else if call.contains("pwrite64(") && log {
            unsynced.log = true;
        } else {
            assert!(!unsynced.log, "a page was moved before the log was synced: {call}");
            (unsynced.database, seen.pages_moved) = (true, seen.pages_moved + 1);
        }
    }
    seen
}

#[test]
fn a_power_cut_never_finds_a_page_that_neither_file_holds() {
    if let Some(path) = std::env::var_os(BOOKS_AT) {
        return keep_books(Path::new(&path));
    }
    let can_trace = Command::new("strace").arg("true").output();
    if !can_trace.is_ok_and(|traced| traced.status.success()) {
        return eprintln!("SKIPPED: no strace (apt-get install strace), or it may not trace here");
    }
    let directory = tempfile::tempdir().expect("a directory");
    let (books, calls) = (directory.path().join("books.sqlite"), directory.path().join("calls"));
    let ran = Command::new("strace")
        .args([
            "-f",
            "-y",
            "-s",
            "0",
            "-e",
            "trace=pwrite64,ftruncate,fsync,fdatasync,?unlink,?unlinkat",
            "-o",
        ])
        .arg(&calls)
        .arg(std::env::current_exe().expect("this test"))
        .args(["--exact", "a_power_cut_never_finds_a_page_that_neither_file_holds"])
        .env(BOOKS_AT, &books)
        .output()
        .expect("strace runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
    let seen = follow(&std::fs::read_to_string(&calls).expect("calls were written down"));
    assert!(seen.pages_moved > 300 && seen.logs_begun > 10, "{seen:?}");
}

#[test]
fn who_reads_an_old_state_holds_up_no_write_and_no_merge() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("books.sqlite");
    let mut world = World::new(22);
    let mut books = open(&path, &world);
    world.live(200);
    catch_up(&mut books, &world, usize::MAX);

    let reader = rusqlite::Connection::open(&path).expect("opens");
    let records = || reader.query_row("SELECT records FROM meta", [], |row| row.get::<_, i64>(0));
    reader.execute_batch("BEGIN").expect("begins");
    let before = records().expect("reads");
    for _ in 0..20 {
        world.live(50);
        catch_up(&mut books, &world, usize::MAX);
        world.check(&books.reader());
    }
    assert_eq!(records().expect("reads"), before, "one snapshot");
    reader.execute_batch("COMMIT").expect("ends");
    assert_eq!(records().ok().map(i64::cast_unsigned), Some(world.records.len() as u64));

    let log = || path.with_extension("sqlite-wal").metadata().expect("is there").len();
    world.live(50);
    catch_up(&mut books, &world, usize::MAX);
    let grown = log();
    for _ in 0..20 {
        world.live(50);
        catch_up(&mut books, &world, usize::MAX);
    }
    assert_eq!(log(), grown, "the log begins anew once nobody reads its old pages");
    world.check(&books.reader());
}

#[test]
fn a_long_write_goes_to_the_disk_in_pieces_like_a_short_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("books.sqlite");
    let mut world = World::new(24);
    let journal = world.author.reader();
    let options = Options { log_pages_max: 1, ..OPTIONS() };
    let mut books = Books::open(Some(&path), journal.journal_id(), options).expect("books open");
    world.live(400);
    catch_up(&mut books, &world, 0);
    let steps = std::iter::repeat_with(|| books.hand_over().expect("hands over"));
    let steps = steps.take_while(|more| *more).count();
    // The log, the move, the database; its sync is the last.
    assert!(steps >= 3, "merged within the write: {steps} steps are left");
}

#[test]
fn closed_books_are_one_file_whenever_they_are_closed() {
    for steps in [0, 1, 2, 3, 4, usize::MAX] {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("books.sqlite");
        let mut world = World::new(23);
        let mut books = open(&path, &world);
        world.live(400);
        catch_up(&mut books, &world, steps);
        drop(books);
        let left = path.with_extension("sqlite-wal").exists();
        assert!(!left, "after {steps} steps");
        world.check(&open(&path, &world).reader());
    }
}
