//! Pace: when dinners are due.
//!
//! A thread of its own keeps the time and does nothing else: the runtime's timer knows milliseconds,
//! and a thousand dinners come in ten of them. A dinner's clock runs from when it was due, however
//! late this thread, or whoever listens to it, wakes up.

use std::{
    thread,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use crate::dinner::Timetable;

/// Dinners that are due and not taken: the thread waits then, and tells the next ones late, with the
/// times at which they were due.
const UNTAKEN_MAX: usize = 4_096;

/// Dinners that are due from `begin` until `end`.
///
/// # Panics
/// When the system starts no thread.
#[must_use]
pub fn due(timetable: Timetable, begin: Instant, end: Instant) -> mpsc::Receiver<Instant> {
    let (tell, told) = mpsc::channel(UNTAKEN_MAX);
    let keep = move || {
        for due in moments(timetable, begin, end) {
            let ahead = due.saturating_duration_since(Instant::now());
            if ahead > Duration::ZERO {
                thread::sleep(ahead);
            }
            if tell.blocking_send(due).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("pace".to_owned()).spawn(keep).expect("a thread starts");
    told
}

fn moments(
    mut timetable: Timetable,
    begin: Instant,
    end: Instant,
) -> impl Iterator<Item = Instant> {
    let mut due = begin;
    std::iter::from_fn(move || {
        due += timetable.gap();
        (due < end).then_some(due)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timetable_has_its_rate_its_order_and_its_end() {
        let begin = Instant::now();
        let end = begin + Duration::from_secs(10);
        let due: Vec<Instant> = moments(Timetable::new(1_000, 3), begin, end).collect();
        assert!((9_600..10_400).contains(&due.len()), "{}", due.len());
        assert!(due.is_sorted() && due.iter().all(|due| (begin..end).contains(due)));
        let again: Vec<Instant> = moments(Timetable::new(1_000, 3), begin, end).collect();
        assert_eq!(due, again);
    }

    #[test]
    fn nobody_is_told_early_and_whoever_is_late_is_told_when_it_was_due() {
        let begin = Instant::now();
        let mut told = due(Timetable::new(2_000, 1), begin, begin + Duration::from_millis(50));
        thread::sleep(Duration::from_millis(60));
        let mut count = 0;
        while let Some(due) = told.blocking_recv() {
            assert!(due <= Instant::now());
            count += 1;
        }
        assert!((50..150).contains(&count), "{count}");
    }
}
