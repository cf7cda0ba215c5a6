//! A hall of one table of two and one till, told by hand what a server would say.

use super::*;
use crate::live::frame::Shares;

struct Told {
    hall: Hall,
    till: Rc<Line>,
    now: Instant,
}

fn hall() -> Told {
    let (till, phone, now) = (Rc::new(Line::default()), Rc::new(Line::default()), Instant::now());
    let mut hall = Hall::new("run".to_owned(), 1);
    hall.hello(Hello { server_time: 1_000_000, epoch: "e".into() }, now);
    hall.open_till(Till { merchant: "shop".to_owned(), line: Rc::clone(&till) });
    let (group, host) = ("group".to_owned(), "host".to_owned());
    hall.seat(0, Table { group, host, phone, phones: 2 });
    hall.meter.measure(now, now + Duration::from_secs(60));
    Told { hall, till, now }
}

impl Told {
    fn shows(&mut self, digits: &str) {
        let answer = format!("{{\"code\":\"{digits}\",\"expires_at\":61000000}}");
        self.hall.shows(0, Ok(&answer)).expect("a code");
    }

    fn arrives(&mut self) {
        self.hall.arrive(self.now, self.now);
    }

    fn scanned(&mut self, order: u64, state: &str, total: u64) {
        let answer = format!(
            "{{\"state\":\"{state}\",\"order_no\":\"run-{order}\",\"total\":{total},\
             \"position\":{order},\"reason\":{{\"reason\":\"short\"}}}}"
        );
        self.hall.scanned(0, order, Ok(&answer)).expect("an end");
    }

    fn hears(&mut self, chair: u32, order_no: &str, total: u64, position: u64) {
        let shares = Shares { diners: 2, owed: total };
        self.hall.heard(0, chair, position, Settled { order_no, total, shares });
    }

    fn asked_total(&self) -> u64 {
        let text = self.till.unsent().expect("a scan");
        let (_, total) = text.split_once("\"total\":").expect("a total");
        total.trim_end_matches('}').parse().expect("a number")
    }

    #[track_caller]
    fn faults(&self, expected: &[&str]) {
        let found = &self.hall.meter.faults.reasons;
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, part) in found.iter().zip(expected) {
            assert!(found.contains(part), "{found}");
        }
    }
}

#[test]
fn a_dinner_is_complete_when_the_till_and_every_phone_were_told() {
    let mut told = hall();
    told.shows("88");
    assert!(told.hall.is_ready());
    told.arrives();
    let total = told.asked_total();
    assert!((2..=4).contains(&total), "{total}");
    told.hears(0, "run-1", total, 1);
    told.scanned(1, "settled", total);
    assert_eq!((told.hall.meter.dinners, told.hall.open_dinners()), (0, 1));
    told.hears(1, "run-1", total, 1);
    assert_eq!((told.hall.meter.dinners, told.hall.open_dinners()), (1, 0));
    assert!(!told.hall.is_ready(), "the code is spent");
    told.shows("89");
    assert!(told.hall.is_ready());
    told.faults(&[]);
}

#[test]
fn a_dinner_without_a_table_waits_for_the_next_code() {
    let mut told = hall();
    told.arrives();
    assert_eq!(told.till.unsent(), None);
    told.shows("88");
    assert!(told.till.unsent().is_some_and(|text| text.contains("\"code\":\"88\"")));
    told.arrives();
    assert_eq!((told.hall.open_dinners(), told.hall.queue_max()), (2, 1));
    // Both are incomplete, and one of them was never scanned.
    told.hall.give_up();
    assert_eq!((told.hall.meter.failed["incomplete"], told.hall.unserved()), (2, 1));
}

#[test]
fn what_arrives_again_or_otherwise_is_a_fault() {
    let mut told = hall();
    told.shows("88");
    told.arrives();
    let total = told.asked_total();
    told.hears(0, "run-1", total, 1);
    told.hears(0, "run-1", total, 1);
    told.hears(1, "run-1", total + 1, 1);
    told.scanned(1, "settled", total);
    told.hears(1, "run-1", total, 1);
    told.hears(1, "walk-1", total, 2);
    told.faults(&["arrived again", "elsewhere", "hears of run-1 out of turn", "hears of walk-1"]);
}

#[test]
fn an_answer_must_be_the_record_that_the_phones_were_told_of() {
    let mut told = hall();
    told.shows("88");
    told.arrives();
    let total = told.asked_total();
    told.hears(0, "run-1", total, 7);
    told.scanned(1, "settled", total);
    told.faults(&["order 1 was answered as"]);
}

#[test]
fn shares_must_be_the_bill() {
    let mut told = hall();
    told.shows("88");
    told.arrives();
    let total = told.asked_total();
    let shares = Shares { diners: 2, owed: total - 1 };
    told.hall.heard(0, 0, 1, Settled { order_no: "run-1", total, shares });
    told.faults(&["shares of"]);
}

#[test]
fn a_declined_or_refused_dinner_ends_and_the_next_one_begins() {
    let mut told = hall();
    told.shows("88");
    told.arrives();
    told.arrives();
    told.scanned(1, "declined", 2);
    told.shows("89");
    let detail = String::new();
    let refusal = Refusal { code: "busy".to_owned(), detail, reason: None, retry_after_ms: None };
    told.hall.scanned(0, 2, Err(refusal)).expect("a refusal");
    assert_eq!(told.hall.open_dinners(), 0);
    assert_eq!(told.hall.meter.declined["short"], 1);
    assert_eq!(told.hall.meter.failed["busy"], 1);
    told.faults(&[]);
}

fn forgets(told: &mut Told, order: u64) {
    let (code, detail) = ("unknown_code".to_owned(), String::new());
    let refusal = Refusal { code, detail, reason: None, retry_after_ms: None };
    told.hall.scanned(0, order, Err(refusal)).expect("a refusal");
}

#[test]
fn a_server_that_was_started_again_is_shown_a_fresh_code_under_the_same_number() {
    let mut told = hall();
    told.shows("88");
    told.arrives();
    let total = told.asked_total();
    told.hall.tables[0].table.phone.broke();
    forgets(&mut told, 1);
    assert_eq!((told.hall.open_dinners(), told.till.unsent()), (1, None));
    told.shows("89");
    let again = told.till.unsent().expect("another scan");
    for part in ["\"code\":\"89\"", "\"order_no\":\"run-1\"", &format!("\"total\":{total}}}")] {
        assert!(again.contains(part), "{again}");
    }
    assert_eq!(told.hall.meter.fresh_codes, 1);
    // Nobody lost a connection since: the server forgot a code for no reason.
    forgets(&mut told, 1);
    assert_eq!((told.hall.open_dinners(), told.hall.meter.failed["unknown_code"]), (0, 1));
}

/// What the till is asked in twenty dinners, between each two of which so many sessions come back.
fn scans(coming_back: usize) -> Vec<String> {
    let mut told = hall();
    let dine = |order: u64| {
        told.shows("88");
        let longest = Duration::from_secs(1);
        assert!((0..coming_back).all(|_| told.hall.jitter(longest) <= longest));
        told.arrives();
        let scan = told.till.unsent().expect("a scan").to_string();
        told.scanned(order, "declined", 2);
        scan
    };
    (1..=20).map(dine).collect()
}

#[test]
fn the_same_seed_asks_the_same_whatever_connections_do() {
    let quiet = scans(0);
    assert_eq!(quiet, scans(3));
    let bills = quiet.iter().map(|scan| scan.split_once("total").expect("a total").1);
    assert!(bills.collect::<std::collections::BTreeSet<_>>().len() > 1, "{quiet:?}");
}

#[test]
fn an_old_code_is_replaced_before_it_is_shown() {
    let mut told = hall();
    told.shows("88");
    told.now += Duration::from_secs(56);
    told.arrives();
    assert_eq!(told.till.unsent(), None);
    let text = r#"{"code":"89","expires_at":120000000}"#;
    told.hall.shows(0, Ok(text)).expect("a code");
    assert!(told.till.unsent().is_some_and(|text| text.contains("\"code\":\"89\"")));
}

#[test]
fn in_a_closed_loop_a_table_begins_by_itself_until_the_end() {
    let mut told = hall();
    told.hall.begin_all(told.now);
    for order in 1..=2 {
        told.shows("88");
        let total = told.asked_total();
        told.scanned(order, "settled", total);
        (0..2).for_each(|chair| told.hears(chair, &format!("run-{order}"), total, order));
    }
    told.hall.end();
    told.shows("88");
    assert_eq!(told.till.unsent(), None);
    assert_eq!((told.hall.meter.dinners, told.hall.open_dinners()), (2, 0));
    told.faults(&[]);
}

#[test]
fn tables_that_had_all_their_dinners_are_used_up_when_the_last_is_over() {
    let mut told = hall();
    told.shows("88");
    told.hall.tables[0].served = DINNERS_MAX - 1;
    assert!(!told.hall.is_used_up(), "one more begins");
    told.arrives();
    assert!(!told.hall.is_used_up(), "it is not over");
    told.scanned(1, "declined", 2);
    told.shows("89");
    assert!(told.hall.is_used_up());
    told.arrives();
    assert_eq!(told.hall.unserved(), 1);
}
