//! Drafts may be long: whoever asks for many of them gets them in pages that memory has room for.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

mod support;

use fanju::{
    Config, DurableEvent, Error,
    domain::{bill::Line, event::Rules, group::Command, text::Name},
    id::{Position, Topic},
    limits,
};
use support::{Table, minor, within};

/// A bill as long as one may be.
fn longest() -> Vec<Line> {
    let name = Name::new("d".repeat(64)).unwrap();
    let line = Line { name, amount: minor(1) };
    vec![line; limits::BILL_LINES_MAX]
}

#[tokio::test]
async fn a_page_ends_where_its_records_are_long_and_a_gap_is_too_long_then() {
    const DRAFTS: usize = 40;
    let table: Table = Table::laid(Config::in_memory(), &[100; 2], 100, Rules::default()).await;
    let (engine, group, by) = (&table.engine, table.group, table.diners[0]);
    let topic = Topic::Group(group);
    let total = minor(i64::try_from(limits::BILL_LINES_MAX).unwrap());
    let before = within(engine.group(group)).await.unwrap().position;
    for _ in 0..DRAFTS {
        let draft = Command::Draft { by, total, lines: longest() };
        within(engine.group_command(group, draft)).await.unwrap();
    }
    let (mut from, mut found, mut pages) = (None, Vec::new(), 0);
    loop {
        let page = within(engine.statement(topic, from, limits::PAGE_ROWS_MAX)).await.unwrap();
        assert!(!page.events.is_empty() && page.events.len() < DRAFTS, "{}", page.events.len());
        found.extend(page.events.iter().map(DurableEvent::position).filter(|at| *at > before));
        pages += 1;
        let Some(next) = page.next.filter(|next| *next > before) else { break };
        from = Some(next);
    }
    assert_eq!(found.len(), DRAFTS, "in {pages} pages");
    assert!(found.is_sorted_by(|newer, older| newer > older));
    let resumed = within(engine.subscribe(topic, Some(before))).await;
    assert!(matches!(resumed, Err(Error::GapTooLong)), "{:?}", resumed.map(drop));
    let late: Position = found[3];
    let resumed = within(engine.subscribe(topic, Some(late))).await.unwrap();
    assert_eq!(resumed.missed().count(), 3);
    within(engine.close()).await;
}
