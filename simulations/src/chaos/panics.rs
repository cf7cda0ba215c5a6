//! Panics: the engine's own assertions are faults too. Its runtime catches what panics in an actor, and
//! a new actor takes its place: without this, nobody here would hear of it.

use std::{
    cell::{Cell, RefCell},
    panic,
    sync::Once,
};

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    static HEARD: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// From now on panics of this thread are kept, and not printed.
pub fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !WATCHED.get() {
                return before(info);
            }
            let what = info.payload_as_str().unwrap_or("no message");
            let place = info.location().map_or(String::new(), |at| format!(", {at}"));
            HEARD
                .with_borrow_mut(|heard| heard.push(format!("the engine panicked: {what}{place}")));
        }));
    });
    WATCHED.set(true);
    HEARD.take();
}

/// Panics of this thread are its own affair again.
pub fn ignore() {
    WATCHED.set(false);
}

/// What panicked on this thread since the last look.
#[must_use]
pub fn take() -> Vec<String> {
    HEARD.take()
}
