//! What an evening counts, in a house of a few lines whose answers are slow on purpose.

use std::{
    cell::{Cell, RefCell},
    time::{Duration, Instant},
};

use fanju_sim::{
    recorder::{Gauges, Recorder},
    scenario::{
        count::Count,
        file::{ShortfallRule, SplitKind},
        house::{Ended, Heard, House, Pace, Said, Word},
        play::play,
        script::{Manner, Outing, Seat, Stop},
    },
};
use tokio::{runtime::Builder, sync::Notify, time::sleep_until};

/// How long the house takes to take an answer.
const SLOW: Duration = Duration::from_millis(40);

/// Pays when so many diners have answered; asks all of them at once.
struct SlowHouse<'a> {
    questions: RefCell<Option<Vec<(usize, usize)>>>,
    wanted: Cell<usize>,
    enough: Notify,
    presented: Cell<usize>,
    queue_at_retry: Cell<Option<u64>>,
    /// How long its people sit elsewhere.
    elsewhere: Duration,
    /// Whether phones lose their connections as planned.
    cuts: bool,
    /// The last moment that somebody waited for.
    waited_for: Cell<Option<Instant>>,
    count: &'a RefCell<Count>,
}

impl House for SlowHouse<'_> {
    type Table = ();
    type Ear = ();
    type Places = ();
    type Code = ();
    type Question = usize;

    async fn until(&self, moment: Instant) {
        self.waited_for.set(Some(moment));
        sleep_until(moment.into()).await;
    }

    async fn gather(&self, _: &Outing) -> ((), Duration) {
        tokio::time::sleep(self.elsewhere).await;
        ((), self.elsewhere)
    }

    async fn open(&self, _: &Outing, (): ()) -> Result<((), ()), Word> {
        Ok(((), ()))
    }

    async fn join(&self, _: &Outing, (): &(), _: usize) -> Result<(), Word> {
        Ok(())
    }

    async fn divide(&self, _: &Outing, (): &(), _: usize) -> Result<(), Word> {
        Ok(())
    }

    async fn show(&self, _: &Outing, (): &(), _: usize) -> Result<(), Word> {
        Ok(())
    }

    async fn present(&self, _: &Outing, _: usize, (): ()) -> Result<Ended, Word> {
        self.presented.set(self.presented.get() + 1);
        if self.presented.get() > 1 {
            self.queue_at_retry.set(Some(self.count.borrow().queue));
        } else if self.wanted.get() > 0 {
            self.enough.notified().await;
        }
        Ok(Ended::Settled { total_minor: 100, debits: None, position: 1 })
    }

    async fn hear(&self, _: &Outing, _: usize, (): &mut ()) -> Heard<usize> {
        match self.questions.take() {
            Some(questions) => {
                let waits_for = questions.iter().map(|(seat, _)| *seat).collect();
                Heard { all_reserved: true, waits_for, questions }
            }
            None => std::future::pending().await,
        }
    }

    async fn answer(
        &self,
        _: &Outing,
        (): &(),
        _: usize,
        _: usize,
        yes: bool,
    ) -> Result<Said, Word> {
        tokio::time::sleep(SLOW).await;
        self.wanted.set(self.wanted.get() - 1);
        if self.wanted.get() == 0 {
            self.enough.notify_one();
        }
        Ok(if yes { Said::Yes } else { Said::No })
    }

    async fn refund(&self, _: &Outing, _: usize, _: Option<u64>) -> Result<u64, Word> {
        Ok(0)
    }

    fn cut(&self, _: &Outing, _: usize, _: Instant, _: Duration) -> bool {
        self.cuts
    }

    async fn leave(&self, _: &Outing, (): ()) {}
}

struct Seen {
    count: Count,
    queue_at_retry: Option<u64>,
    /// From the evening's beginning to the last moment that somebody waited for.
    waited_for: Duration,
}

/// One bill; everybody of `asked` is asked at once, and so many answers are enough.
fn dinner(asked: &[Manner], enough: usize, retried_ms: Option<u64>) -> Seen {
    dinner_of(Duration::ZERO, None, asked, enough, retried_ms)
}

fn dinner_of_late_people(elsewhere: Duration) -> Seen {
    dinner_of(elsewhere, None, &[], 0, None)
}

/// The dinner of people who sit `elsewhere` and whose phones lose their connection by `cut`, if the
/// house lets them.
fn dinner_of(
    elsewhere: Duration,
    cut: Option<((u64, u64), bool)>,
    asked: &[Manner],
    enough: usize,
    retried_ms: Option<u64>,
) -> Seen {
    let began = Instant::now();
    let recorder = Recorder::new(began, began, Gauges::default());
    let count = RefCell::new(Count::new(began, began, recorder));
    let seat = |(person, manner)| {
        let (joins_ms, cap_minor, weight, cut) = (0, 1_000, 1, cut.map(|(cut, _)| cut));
        Seat { person, joins_ms, cap_minor, manner, weight, cut }
    };
    let says_nothing = [Manner::Says { yes: true, after_ms: 0 }];
    let manners = if asked.is_empty() { &says_nothing[..] } else { asked };
    let stop = Stop {
        kind: 0,
        shown_ms: 0,
        scanned_ms: 0,
        shown_by: 0,
        merchant: 0,
        bill_minor: 100,
        tip_minor: 0,
        retried_ms,
        refund: None,
    };
    let outing = Outing {
        number: 0,
        at_ms: 0,
        seats: manners.iter().copied().enumerate().map(seat).collect(),
        split: SplitKind::Equal,
        shortfall: ShortfallRule::Decline,
        stops: vec![stop],
    };
    let house = SlowHouse {
        questions: RefCell::new(Some((0..asked.len()).map(|seat| (seat, seat)).collect())),
        wanted: Cell::new(enough),
        enough: Notify::new(),
        presented: Cell::new(0),
        queue_at_retry: Cell::new(None),
        elsewhere,
        cuts: cut.is_some_and(|(_, cuts)| cuts),
        waited_for: Cell::new(None),
        count: &count,
    };
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(play(&house, Pace { began, speed: 1.0 }, outing, &count));
    let queue_at_retry = house.queue_at_retry.get();
    let waited_for = house.waited_for.get().expect("it waits for its arrival") - began;
    Seen { count: count.into_inner(), queue_at_retry, waited_for }
}

const YES: Manner = Manner::Says { yes: true, after_ms: 1 };

#[test]
fn an_answer_counts_from_when_it_was_planned_not_from_when_it_was_taken() {
    let Seen { count, .. } = dinner(&[YES, YES], 2, None);
    assert_eq!((count.yes, count.after_answer.len(), count.straight.len()), (2, 1, 0));
    // Both are planned for the same moment, and the house takes one after the other.
    let least = u64::try_from((2 * SLOW - Duration::from_millis(2)).as_nanos()).expect("small");
    assert!(count.after_answer.max() >= least, "{} ns", count.after_answer.max());
}

#[test]
fn whoever_still_sat_elsewhere_is_late_for_everything() {
    let Seen { count, waited_for, .. } = dinner(&[], 0, None);
    assert_eq!(waited_for, Duration::ZERO, "all of it is due as the evening begins");
    assert_eq!((count.late_tables, count.funnel.settled), (0, 1));
    let Seen { count, waited_for, .. } = dinner_of_late_people(SLOW);
    assert_eq!(waited_for, SLOW, "the bill is due when they are there");
    assert_eq!((count.late_tables, count.funnel.settled), (1, 1));
}

#[test]
fn waiting_for_a_phone_without_a_connection_is_no_latency() {
    for (cut, cuts, waited_ms) in [
        ((0, 300), true, 300),
        ((0, 300), false, 0),
        // It is cut when the code has been shown.
        ((1, 300), true, 0),
    ] {
        let cut = Some((cut, cuts));
        let Seen { count, waited_for, .. } = dinner_of(Duration::ZERO, cut, &[], 0, None);
        assert_eq!(waited_for, Duration::from_millis(waited_ms), "{cut:?}");
        assert_eq!(count.out_of_reach, u64::from(waited_ms > 0), "{cut:?}");
        for late in [&count.late, &count.straight] {
            let late_ns = late.max();
            assert!((1..200_000_000).contains(&late_ns), "{cut:?}: {late_ns} ns");
        }
    }
}

#[test]
fn waiting_for_somebody_who_vanished_is_no_latency() {
    let Seen { count, .. } = dinner(&[YES, Manner::Vanishes], 1, None);
    assert_eq!((count.yes, count.vanished, count.funnel.settled), (1, 1, 1));
    assert_eq!((count.after_answer.len(), count.straight.len()), (0, 0));
}

#[test]
fn seconds_are_timed_by_those_of_whom_nobody_was_asked() {
    let ends = |seen: Seen| {
        let recorder = seen.count.recorder.expect("a recorder");
        let (seconds, _) = recorder.finish(Instant::now(), Gauges::default());
        let settled: u64 = seconds.iter().map(|second| second.settled).sum();
        (settled, seconds.iter().any(|second| second.latency_us.is_some()))
    };
    assert_eq!(ends(dinner(&[], 0, None)), (1, true));
    assert_eq!(ends(dinner(&[YES], 1, None)), (1, false));
}

#[test]
fn a_bill_leaves_the_queue_when_the_till_is_told_not_after_its_second_scan() {
    let Seen { count, queue_at_retry, .. } = dinner(&[], 0, Some(5));
    assert_eq!((count.again, count.queue_max, count.queue), (1, 1, 0));
    assert_eq!(queue_at_retry, Some(0));
}
