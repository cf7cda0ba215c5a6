//! The log of a journal that fails: one line, which says why, however many wait and whoever comes later.
//! A binary of its own: the collector hears all threads of the process.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

mod support;

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use fanju::domain::event::Rules;
use support::{
    Table, begin,
    leash::{Leashed, Trouble},
    minor, over, request, within,
};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
};

/// Every error that was logged: its fields as text.
#[derive(Clone, Default)]
struct Errors(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!("{field}={value:?} "));
    }
}

impl<S: Subscriber> Layer<S> for Errors {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() == Level::ERROR {
            let mut text = Text(String::new());
            event.record(&mut text);
            self.0.lock().unwrap().push(text.0);
        }
    }
}

#[tokio::test]
async fn a_poisoned_journal_is_logged_once_with_its_cause() {
    let errors = Errors::default();
    let subscriber = tracing_subscriber::registry().with(errors.clone());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let storage = Leashed::default();
    let table = Table::laid(over(storage.clone()), &[1_000; 3], 1_000, Rules::default()).await;
    storage.hold();
    let mut waiting = Vec::new();
    for diner in table.diners.clone() {
        let engine = table.engine.clone();
        let top_up = async move { engine.top_up(diner, request(), minor(5)).await.is_err() };
        waiting.push(begin(top_up).await);
        // The first is being synced; the others wait behind it.
        storage.wait_for_sync();
    }
    storage.fail(Trouble::Sync);
    storage.release();
    for told in waiting {
        assert!(within(told).await, "J-3");
    }
    for diner in &table.diners {
        assert!(within(table.engine.top_up(*diner, request(), minor(5))).await.is_err(), "J-3");
    }
    within(table.engine.close()).await;
    let errors = errors.0.lock().unwrap().clone();
    let [error] = &errors[..] else { panic!("{errors:#?}") };
    assert!(error.starts_with("message=journal poisoned error=cannot sync"), "{error}");
    assert!(error.contains("cause="), "{error}");
}
