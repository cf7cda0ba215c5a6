//! The script is what is played: a house that writes down what it is asked for hears each command that
//! the script has, and no other.

use std::{
    cell::{Cell, RefCell},
    time::{Duration, Instant},
};

use fanju_sim::{
    recorder::{Gauges, Recorder},
    scenario::{
        BUILT_IN,
        count::Count,
        house::{Ended, Heard, House, Pace, Said, Word},
        load,
        play::play,
        script::{Manner, Outing, Script},
        steps::Step,
    },
};
use tokio::{runtime::Builder, sync::Notify, task::yield_now};

/// So much faster than life: a millisecond is a nanosecond.
const SPEED: f64 = 1e6;

/// Asks everybody who will say something, pays when all have, and knows no time.
#[derive(Default)]
struct Scribe {
    heard: RefCell<Vec<Step>>,
    /// The stop at which everybody was asked, and how many have not answered.
    asked: RefCell<Option<(usize, usize)>>,
    answered: Notify,
    /// Phones have no connection: nobody hears a question.
    deaf: bool,
    /// So many minor units go back beyond what was asked.
    gives_too_much: u64,
    /// How many are joining, and at most.
    joining: Cell<usize>,
    joining_max: Cell<usize>,
}

impl Scribe {
    fn write(&self, step: Step) {
        self.heard.borrow_mut().push(step);
    }
}

/// Who says something when asked.
fn speakers(outing: &Outing) -> impl Iterator<Item = usize> {
    let speaks = |manner| matches!(manner, Manner::Says { .. });
    (0..outing.seats.len()).filter(move |seat| speaks(outing.seats[*seat].manner))
}

impl House for Scribe {
    type Table = ();
    type Ear = ();
    type Places = ();
    type Code = ();
    /// The stop.
    type Question = usize;

    async fn until(&self, _: Instant) {}

    async fn gather(&self, _: &Outing) -> ((), Duration) {
        ((), Duration::ZERO)
    }

    async fn open(&self, _: &Outing, (): ()) -> Result<((), ()), Word> {
        self.write(Step::Open);
        Ok(((), ()))
    }

    async fn join(&self, _: &Outing, (): &(), seat: usize) -> Result<(), Word> {
        self.write(Step::Join { seat });
        self.joining.set(self.joining.get() + 1);
        self.joining_max.set(self.joining_max.get().max(self.joining.get()));
        yield_now().await;
        self.joining.set(self.joining.get() - 1);
        Ok(())
    }

    async fn divide(&self, _: &Outing, (): &(), stop: usize) -> Result<(), Word> {
        self.write(Step::SetRules { stop });
        Ok(())
    }

    async fn show(&self, outing: &Outing, (): &(), seat: usize) -> Result<(), Word> {
        // Codes are shown stop by stop.
        let shown = |step: &&Step| matches!(step, Step::ShowCode { .. });
        let stop = self.heard.borrow().iter().filter(shown).count();
        assert_eq!(outing.stops[stop].shown_by, seat);
        self.write(Step::ShowCode { stop, seat });
        Ok(())
    }

    async fn present(&self, outing: &Outing, stop: usize, (): ()) -> Result<Ended, Word> {
        let is_scan =
            |step: &Step| matches!(step, Step::Scan { stop: known, .. } if *known == stop);
        let is_known = self.heard.borrow().iter().any(is_scan);
        let (merchant, total_minor) =
            (outing.stops[stop].merchant, outing.stops[stop].total_minor());
        if is_known {
            self.write(Step::ScanAgain { stop });
        } else {
            self.write(Step::Scan { stop, merchant, total_minor });
            while self.asked.borrow().is_none_or(|(at, silent)| at != stop || silent > 0) {
                self.answered.notified().await;
            }
        }
        Ok(Ended::Settled { total_minor, debits: None, position: 1 })
    }

    async fn hear(&self, outing: &Outing, stop: usize, (): &mut ()) -> Heard<usize> {
        if self.asked.borrow().is_some_and(|(at, _)| at == stop) {
            return std::future::pending().await;
        }
        let waits_for = speakers(outing).collect();
        let mut questions: Vec<_> = speakers(outing).map(|seat| (seat, stop)).collect();
        if self.deaf {
            questions.clear();
        }
        self.asked.replace(Some((stop, questions.len())));
        self.answered.notify_one();
        Heard { all_reserved: true, waits_for, questions }
    }

    async fn answer(
        &self,
        _: &Outing,
        (): &(),
        seat: usize,
        stop: usize,
        yes: bool,
    ) -> Result<Said, Word> {
        self.write(Step::Answer { stop, seat, yes });
        let (at, silent) = self.asked.borrow().expect("who answers was asked");
        self.asked.replace(Some((at, silent - 1)));
        self.answered.notify_one();
        Ok(if yes { Said::Yes } else { Said::No })
    }

    async fn refund(
        &self,
        outing: &Outing,
        stop: usize,
        part_minor: Option<u64>,
    ) -> Result<u64, Word> {
        self.write(Step::Refund { stop, part_minor });
        let asked = part_minor.unwrap_or_else(|| outing.stops[stop].total_minor());
        Ok(asked + self.gives_too_much)
    }

    fn cut(&self, _: &Outing, seat: usize, _: Instant, away: Duration) -> bool {
        let away_ms = u64::try_from(away.as_nanos()).expect("less than an age");
        self.write(Step::Cut { seat, away_ms });
        false
    }

    async fn leave(&self, _: &Outing, (): ()) {}
}

/// Lives through `outing` in the house of `scribe`; gives what was counted.
fn live(scribe: &Scribe, outing: Outing) -> Count {
    let began = Instant::now();
    let recorder = Recorder::new(began, began, Gauges::default());
    let count = RefCell::new(Count::new(began, began, recorder));
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(play(scribe, Pace { began, speed: SPEED }, outing, &count));
    count.into_inner()
}

/// What a house hears of `outing`.
fn heard(outing: Outing) -> Vec<Step> {
    let scribe = Scribe::default();
    live(&scribe, outing);
    scribe.heard.into_inner()
}

#[test]
fn a_house_is_asked_for_what_the_script_says_and_for_nothing_else() {
    let mut refunds = 0;
    for (name, _) in BUILT_IN {
        let scenario = load(name).expect("built in");
        let (mut outings, mut answers) = (0, 0);
        for outing in Script::new(&scenario, 0.05, 7) {
            let mut expected: Vec<Step> = outing.steps().iter().map(|timed| timed.step).collect();
            let number = outing.number;
            let mut heard = heard(outing);
            refunds += heard.iter().filter(|step| matches!(step, Step::Refund { .. })).count();
            answers += heard.iter().filter(|step| matches!(step, Step::Answer { .. })).count();
            // Who speaks first at a table is the house's affair.
            expected.sort_unstable();
            heard.sort_unstable();
            assert_eq!(heard, expected, "{name}, outing {number}");
            outings += 1;
        }
        assert!(outings > 10 && answers > 0, "{name}: {outings} outings, {answers} answers");
    }
    assert!(refunds > 0, "something goes back on one of these evenings");
}

/// The first outing of `name` that `is` so.
fn outing(name: &str, is: impl Fn(&Outing) -> bool) -> Outing {
    let scenario = load(name).expect("built in");
    let mut outings = Script::new(&scenario, 0.02, 7).filter(is);
    outings.next().expect("such an outing")
}

#[test]
fn a_refund_of_another_amount_than_asked_is_a_fault() {
    let parts = [true, false].map(|part| {
        move |outing: &Outing| {
            let backs = outing.stops.iter().filter_map(|stop| stop.refund);
            backs.clone().count() == 1 && backs.clone().all(|it| it.part_minor.is_some() == part)
        }
    });
    for is in parts {
        let back = || outing("refund-morning", is);
        let count = live(&Scribe::default(), back());
        assert_eq!((count.refunds_part + count.refunds_whole, count.faults.len()), (1, 0));
        let count = live(&Scribe { gives_too_much: 1, ..Scribe::default() }, back());
        assert!(count.faults[0].contains("minor units went back"), "{:?}", count.faults);
    }
}

#[test]
fn a_refund_ends_the_measured_time_and_is_timed_only_after_the_warm_up() {
    let second = Duration::from_secs(1);
    let now = Instant::now();
    let began = now.checked_sub(second).expect("the machine is up for longer");
    let refunded = |measure_from| {
        let recorder = Recorder::new(began, measure_from, Gauges::default());
        let mut count = Count::new(began, measure_from, recorder);
        count.refunded(began, true, 5, Ok(5));
        count
    };
    let count = refunded(began);
    assert!(count.wall() >= second, "its work is in the processor time");
    assert_eq!((count.refund_times.len(), refunded(now).refund_times.len()), (1, 0));
}

#[test]
fn several_join_a_large_table_at_the_same_time_in_the_order_of_their_seats() {
    let large = outing("new-year", |outing| outing.seats.len() == 500);
    let scribe = Scribe::default();
    live(&scribe, large);
    assert_eq!(scribe.joining_max.get(), 8, "a table's people wait for nobody, within bounds");
    let heard = scribe.heard.borrow();
    let joined = heard.iter().filter_map(|step| {
        let Step::Join { seat } = step else { return None };
        Some(*seat)
    });
    assert!(joined.eq(1..500), "who joins after whom is the script's");
}

#[test]
fn who_is_asked_without_a_connection_is_not_nobody() {
    let asked = || outing("friday-night", |it| it.stops.len() == 1 && it.seats.len() == 2);
    let count = live(&Scribe::default(), asked());
    assert_eq!((count.straight.len(), count.after_answer.len(), count.unheard), (0, 1, 0));
    let count = live(&Scribe { deaf: true, ..Scribe::default() }, asked());
    assert_eq!((count.straight.len(), count.after_answer.len(), count.unheard), (0, 0, 2));
    assert_eq!((count.unheard_times.len(), count.asked_orders, count.questions), (1, 1, 0));
}
