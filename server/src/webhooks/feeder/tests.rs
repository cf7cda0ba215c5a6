//! The feeder where its feed does not help: gaps that are too long, and another journal.

use fanju::Clock;

use super::{
    super::{Place, Schedule, Settings, Webhooks},
    *,
};

#[expect(dead_code, reason = "the integration tests use the rest of it")]
#[path = "../../../tests/webhooks/table.rs"]
mod table;

use self::table::Table;

/// A shop's webhook from `from` on, heard by a follower that a test leads by hand.
struct Followed {
    table: Table,
    webhooks: Webhooks,
    ear: Ear,
    items: mpsc::Receiver<Item>,
}

fn followed(from: impl FnOnce(&Table) -> Position) -> Followed {
    let table = Table::laid();
    let settings = Settings { threads: 0, ..Settings::default() };
    let (clock, schedule) = (Clock::System, Schedule::default());
    let webhooks = Webhooks::open_with(&Place::Memory, settings, clock, schedule).unwrap();
    let (url, from) = ("https://shop.example/", from(&table));
    webhooks.create(table.shop, url, None, from, Clock::System.now()).unwrap();
    let (news, items) = mpsc::channel(NEWS_MAX);
    let shared = Arc::clone(&webhooks.0.shared);
    let ear = Ear { shared, engine: table.engine.clone(), epoch: "e".into(), news };
    Followed { table, webhooks, ear, items }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
}

#[test]
fn a_long_gap_is_passed_on_oldest_first_whatever_the_pages() {
    let mut followed = followed(Table::position);
    let dinners: Vec<_> =
        (0..7).map(|number| followed.table.dine(&format!("A-{number}"))).collect();
    let shop = followed.table.shop;
    for (from, rows) in (0..7).flat_map(|from| (1..=8).map(move |rows| (from, rows))) {
        run(followed.ear.catch_up(shop, dinners[from], rows)).unwrap();
        let mut seen = Vec::new();
        while let Ok(Item::News(news)) = followed.items.try_recv() {
            assert_eq!(news.prev, *seen.last().unwrap_or(&dinners[from]), "L-1");
            seen.push(news.position);
        }
        assert_eq!(seen, dinners[from + 1..], "from {from} in pages of {rows}");
    }
    followed.webhooks.stop();
}

#[test]
fn a_cursor_that_the_journal_does_not_know_begins_at_its_end() {
    let Followed { table, ear, items, .. } = followed(|_| Position(u64::MAX >> 2));
    let followers = Followers::default();
    run(async {
        tokio::spawn(write_down(Arc::clone(&ear.shared), items, followers));
        ear.listen(table.shop, &mut PAUSE_FIRST.clone()).await.unwrap();
    });
    assert_eq!(ear.shared.outbox.cursor(table.shop).unwrap(), Some(table.position()));
}

#[test]
fn a_cursor_that_is_not_known_begins_at_the_present() {
    let Followed { table, ear, items, .. } = followed(Table::position);
    table.dine("A-1");
    ear.shared.outbox.adopt("one").unwrap();
    assert!(ear.shared.outbox.adopt("another").unwrap());
    run(async {
        tokio::spawn(write_down(Arc::clone(&ear.shared), items, Followers::default()));
        let mut pause = PAUSE_FIRST;
        let listening = ear.listen(table.shop, &mut pause);
        timeout(Duration::from_millis(200), listening).await.expect_err("it listens on");
    });
    assert_eq!(ear.shared.outbox.cursor(table.shop).unwrap(), Some(table.position()));
}

#[test]
fn a_closed_engine_ends_its_followers() {
    let Followed { table, ear, items, .. } = followed(Table::position);
    table.engine.close_blocking();
    run(async {
        tokio::spawn(write_down(Arc::clone(&ear.shared), items, Followers::default()));
        let within = Duration::from_secs(30);
        timeout(within, ear.follow(table.shop)).await.expect("nobody hangs");
    });
}
