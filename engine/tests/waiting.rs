//! Whoever waits for the books waits neither long nor at the cost of others.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

mod support;

use std::time::Duration;

use fanju::{Config, Engine};
use support::within;

const LONG: Duration = Duration::from_secs(20);

/// Nice values of the threads that keep books in this process. Source: proc(5).
#[cfg(target_os = "linux")]
fn nice_values() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let books = tasks.filter_map(|task| {
        let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).ok()?;
        let (name, fields) = stat.rsplit_once(')')?;
        let nice = fields.split_whitespace().nth(16)?;
        name.ends_with("(fanju-books").then(|| nice.to_owned())
    });
    books.collect()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_books_give_way_and_keep_a_share() {
    let engine = Engine::open(Config::in_memory()).unwrap();
    assert!(within(engine.books_caught_up(LONG)).await.unwrap());
    let given_way = async {
        while nice_values().iter().any(|nice| nice != "10") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(given_way).await;
}
