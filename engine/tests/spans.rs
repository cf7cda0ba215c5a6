//! Spans: what takes time in an engine can be followed by any collector, and says nothing of people or
//! amounts. A binary of its own: the collector hears all threads of the process.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

mod support;

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use fanju::{Config, domain::event::Rules};
use support::{Table, within};
use tracing::{
    Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
};

/// Every span that began: its name, and its fields as text.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(&'static str, String)>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!("{field}={value:?} "));
    }
}

impl<S: Subscriber> Layer<S> for Collector {
    fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let mut text = Text(String::new());
        span.record(&mut text);
        self.0.lock().unwrap().push((span.metadata().name(), text.0));
    }
}

#[tokio::test]
async fn a_dinner_is_followed_from_opening_to_the_books() {
    let collector = Collector::default();
    let subscriber = tracing_subscriber::registry().with(collector.clone());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let table = Table::laid(Config::in_memory(), &[77_701; 2], 77_702, Rules::default()).await;
    table.settle("A-1", 77_703).await;
    within(table.engine.close()).await;
    let spans = collector.0.lock().unwrap().clone();
    let of = |name: &str| spans.iter().filter(|(found, _)| *found == name).count();
    assert_eq!((of("open"), of("present")), (1, 1), "{spans:?}");
    assert!(of("commit") > 1 && of("flush") > 0, "{spans:?}");
    let (_, present) = spans.iter().find(|(name, _)| *name == "present").unwrap();
    assert_eq!(*present, format!("merchant={} order_no=A-1 ", table.merchant));
    let told = format!("{spans:?}");
    let secret = ["777", "dinner"].map(String::from);
    for person in secret.into_iter().chain(table.diners.iter().map(ToString::to_string)) {
        assert!(!told.contains(&person), "{person}: {told}");
    }
}
