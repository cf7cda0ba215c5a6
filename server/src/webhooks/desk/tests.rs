//! The desk: whose turn it is, without a thread and without waiting.

use fanju::TestClock;
use uuid::Uuid;

use super::*;

const NOW: Timestamp = Timestamp(1_000_000);

/// How long the turn of a server takes that answers, and of one that says nothing.
const QUICK: Duration = Duration::from_millis(50);
const SILENT: Duration = Duration::from_secs(20);

fn shop(number: u128) -> MerchantId {
    MerchantId(Uuid::from_u128(number))
}

/// A desk of `endpoints`, each with its shop, that all have something to be sent; with the sweep done.
fn desk_of(threads: usize, endpoints: &[(i64, u128, bool)]) -> (Desk, TestClock) {
    let clock = TestClock::at(NOW);
    let seat = |(number, merchant, slow): &(i64, u128, bool)| Seat {
        key: EndpointKey::of(*number),
        merchant: shop(*merchant),
        due_at: Some(NOW),
        rest_until: Timestamp::default(),
        slow: *slow,
    };
    let seats = endpoints.iter().map(seat).collect();
    let desk = Desk::new(Clock::Test(clock.clone()), threads, seats);
    assert_eq!(desk.pick(), Some(Work::Sweep));
    (desk, clock)
}

/// The same, where each is another shop's.
fn desk(threads: usize, endpoints: &[(i64, bool)]) -> (Desk, TestClock) {
    let endpoints = endpoints.iter().zip(1..).map(|((number, slow), shop)| (*number, shop, *slow));
    desk_of(threads, &endpoints.collect::<Vec<_>>())
}

impl Desk {
    /// As [`Desk::next`], without waiting.
    fn pick(&self) -> Option<Work> {
        let now = self.clock.now();
        self.state.lock().pick(now, self.slow_max)
    }

    #[track_caller]
    fn serves(&self, number: i64) {
        assert_eq!(self.pick(), Some(Work::Deliver(EndpointKey::of(number))));
    }

    fn ends(&self, number: i64, next: Recorded, slow: bool) {
        let took = if slow { SILENT } else { QUICK };
        self.done(EndpointKey::of(number), Recorded { slow, ..next }, took);
    }
}

fn more() -> Recorded {
    Recorded { due_at: Some(NOW), ..Recorded::default() }
}

#[test]
fn an_endpoint_has_one_request_at_a_time() {
    let (desk, _) = desk(4, &[(1, false)]);
    desk.serves(1);
    assert_eq!(desk.pick(), None, "H-3");
    desk.ends(1, more(), false);
    desk.serves(1);
}

#[test]
fn who_waits_longest_goes_first() {
    let (desk, _) = desk(4, &[(1, false), (2, false)]);
    desk.serves(1);
    desk.ends(1, more(), false);
    desk.serves(2);
    desk.ends(2, more(), false);
    desk.serves(1);
}

#[test]
fn slow_endpoints_leave_threads_to_the_others() {
    let (desk, _) = desk(4, &[(1, true), (2, true), (3, true), (4, false)]);
    desk.serves(1);
    desk.serves(2);
    desk.serves(4);
    assert_eq!(desk.pick(), None, "H-4: the third slow one waits for a slow one");
    desk.ends(4, Recorded::default(), false);
    assert_eq!(desk.pick(), None);
    desk.ends(1, Recorded::default(), false);
    desk.serves(3);
}

#[test]
fn a_slow_endpoint_is_served_even_by_a_single_thread() {
    let (desk, _) = desk(1, &[(1, true)]);
    desk.serves(1);
}

#[test]
fn an_endpoint_that_rests_is_not_served_until_it_has_rested() {
    let (desk, clock) = desk(4, &[(1, false)]);
    desk.serves(1);
    let rest_until = NOW.after(Duration::from_secs(5));
    desk.ends(1, Recorded { due_at: Some(NOW), rest_until, ..Recorded::default() }, false);
    desk.due([EndpointKey::of(1)]);
    assert_eq!(desk.pick(), None);
    assert_eq!(desk.state.lock().next_at(1), rest_until);
    clock.advance(Duration::from_secs(5));
    desk.serves(1);
}

#[test]
fn news_for_a_busy_endpoint_is_not_forgotten() {
    let (desk, _) = desk(4, &[(1, false)]);
    desk.serves(1);
    desk.due([EndpointKey::of(1)]);
    desk.ends(1, Recorded::default(), false);
    desk.serves(1);
    desk.ends(1, Recorded::default(), false);
    assert_eq!(desk.pick(), None);
}

#[test]
fn a_removed_endpoint_is_served_no_more_even_if_it_was_busy() {
    let (desk, _) = desk(4, &[(1, false), (2, true)]);
    desk.remove(EndpointKey::of(1));
    desk.serves(2);
    desk.remove(EndpointKey::of(2));
    desk.due([EndpointKey::of(1)]);
    assert_eq!(desk.pick(), None);
    desk.ends(2, Recorded { over: true, ..Recorded::default() }, false);
    let state = desk.state.lock();
    assert!(state.slots.is_empty() && state.slow_running == 0);
}

#[test]
fn a_closed_desk_gives_out_nothing_and_waits_for_its_threads() {
    let (desk, _) = desk(4, &[(1, false)]);
    desk.open();
    desk.close();
    assert_eq!(desk.next(), None);
    assert!(!desk.wait_empty(Duration::ZERO));
    desk.leave();
    assert!(desk.wait_empty(Duration::ZERO));
}

#[test]
fn a_shop_with_many_silent_servers_leaves_threads_to_another() {
    let mut endpoints: Vec<_> = (1..=16).map(|number| (number, 1, true)).collect();
    endpoints.push((17, 2, true));
    let (desk, _) = desk_of(4, &endpoints);
    desk.serves(1);
    desk.serves(17);
    desk.ends(17, more(), false);
    desk.serves(17);
    assert_eq!(desk.pick(), None, "H-5: the shop waits for its first");
    let state = desk.state.lock();
    assert_eq!(state.next_at(desk.slow_max), state.sweep_at, "and nobody spins");
    drop(state);
    desk.ends(1, more(), true);
    desk.serves(2);
}

#[test]
fn a_silent_server_does_not_hold_up_the_good_one_of_its_shop() {
    let (desk, _) = desk_of(2, &[(1, 1, true), (2, 1, false)]);
    desk.serves(1);
    desk.serves(2);
    desk.ends(2, more(), false);
    desk.serves(2);
}

#[test]
fn a_new_endpoint_is_slow_until_it_was_fast_once() {
    let (desk, _) = desk(4, &[(1, true), (2, true), (3, false)]);
    desk.serves(1);
    desk.serves(2);
    desk.add(EndpointKey::of(4), shop(4));
    desk.serves(3);
    assert_eq!(desk.pick(), None, "H-4");
    desk.ends(1, Recorded::default(), true);
    desk.serves(4);
    desk.ends(4, more(), false);
    desk.due([EndpointKey::of(1)]);
    desk.serves(4);
    desk.serves(1);
}

#[test]
fn whoever_holds_threads_for_long_waits_as_long() {
    // All of them just fast enough, and one at once.
    let (desk, _) = desk(1, &[(1, false), (2, false), (3, false), (4, false)]);
    let slowly = Duration::from_millis(2_900);
    for number in 1..=3 {
        desk.serves(number);
        desk.done(EndpointKey::of(number), more(), slowly);
    }
    for _ in 0..slowly.as_millis() / QUICK.as_millis() {
        desk.serves(4);
        desk.ends(4, more(), false);
    }
    // What it did not use is not saved up.
    desk.serves(1);
}

#[test]
fn an_endpoint_that_is_removed_and_made_again_gains_no_turn() {
    let (desk, _) = desk(1, &[(1, true), (2, true)]);
    desk.serves(1);
    desk.ends(1, more(), true);
    desk.remove(EndpointKey::of(1));
    desk.add(EndpointKey::of(3), shop(1));
    for _ in 0..5 {
        desk.serves(2);
        desk.ends(2, more(), false);
    }
    desk.remove(EndpointKey::of(2));
    desk.serves(3);
}

#[test]
fn where_nobody_else_waits_a_shop_has_more_threads_and_one_is_kept() {
    let (desk, _) = desk_of(4, &[(1, 1, false), (2, 1, false), (3, 1, false), (4, 1, false)]);
    (0..4).for_each(|_| desk.open());
    (1..=3).for_each(|number| desk.serves(number));
    assert_eq!(desk.pick(), None, "one thread is kept");
    desk.add(EndpointKey::of(5), shop(2));
    desk.serves(5);
    desk.ends(5, Recorded::default(), false);
    assert_eq!(desk.pick(), None);
    desk.ends(1, Recorded::default(), false);
    desk.serves(4);
}
