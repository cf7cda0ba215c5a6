//! Whatever the storage does, what was acknowledged survives, and nothing else is ever acknowledged
//! (J-1, J-2, J-3).

mod journal_support;

use std::sync::Arc;

use fanju::journal::{
    AppendError, Batches, Fault, FaultyStorage, Journal, JournalError, LocalJournal, MemoryStorage,
    Storage, Tail, verify,
};
use journal_support::{append, expected, open, payloads, records, shared};
use proptest::prelude::*;

const SEGMENT: u64 = 900;
const BATCHES: u64 = 12;

/// What one run of a journal claimed before it stopped.
#[derive(Debug, Default)]
struct Claims {
    /// Behind the last batch that was acknowledged.
    acknowledged: Tail,
    /// Whether one more batch is in doubt.
    in_doubt: bool,
}

/// Opens, and appends batches until one fails or `BATCHES` are there. After a failure the journal
/// must refuse everything.
fn run(storage: &Arc<dyn Storage>) -> Claims {
    let Ok((mut journal, report)) = open(storage, SEGMENT) else {
        return Claims::default();
    };
    let mut claims = Claims { acknowledged: report.tail, in_doubt: false };
    while claims.acknowledged.batch < BATCHES {
        match append(&mut journal, &payloads(claims.acknowledged.batch + 1)) {
            Ok(tail) => {
                assert_eq!(tail.batch, claims.acknowledged.batch + 1);
                assert_eq!(journal.reader().durable(), tail.position);
                claims.acknowledged = tail;
            }
            Err(error) => {
                claims.in_doubt = matches!(error, AppendError::InDoubt(_));
                for _ in 0..3 {
                    let again = append(&mut journal, &payloads(1));
                    assert!(matches!(again, Err(AppendError::Poisoned(_))), "J-3: {again:?}");
                }
                assert_eq!(journal.reader().durable(), claims.acknowledged.position);
                break;
            }
        }
    }
    claims
}

/// Opens what a crash left, checks it against the claims, and carries the journal to its end.
#[track_caller]
fn check(storage: &MemoryStorage, claims: &Claims, what: &str) {
    let (journal, report) = match open(&shared(storage), SEGMENT) {
        Ok(opened) => opened,
        Err(error) => panic!("{what}: {error:?} after {claims:?}"),
    };
    let batches = report.tail.batch;
    let possible =
        claims.acknowledged.batch..=claims.acknowledged.batch + u64::from(claims.in_doubt);
    assert!(possible.contains(&batches), "{what}: {batches} batches, {claims:?}");
    if batches == claims.acknowledged.batch && batches > 0 {
        assert_eq!(report.tail, claims.acknowledged, "{what}");
    }
    let found: Vec<_> = records(&journal).into_iter().map(|(_, payload)| payload).collect();
    assert_eq!(found, expected(batches), "{what}");
    drop(journal);
    let finished = run(&shared(storage));
    assert_eq!(finished.acknowledged.batch, BATCHES, "{what}: the journal goes on");
}

/// Calls that a run without faults makes, its opening included.
fn calls() -> u64 {
    let storage = FaultyStorage::scripted(Arc::new(MemoryStorage::new()), []);
    let shared: Arc<dyn Storage> = Arc::new(storage.clone());
    assert_eq!(run(&shared).acknowledged.batch, BATCHES);
    storage.calls()
}

#[test]
fn a_fault_at_any_call_loses_nothing_that_was_acknowledged() {
    for call in 0..calls() {
        for fault in Fault::HONEST {
            for crash in 0..8 {
                let memory = MemoryStorage::new();
                let faulty = FaultyStorage::scripted(shared(&memory), [(call, fault)]);
                let claims = run(&(Arc::new(faulty) as Arc<dyn Storage>));
                match crash {
                    0 => memory.crash(),
                    // The process dies, and the machine does not.
                    1 => {}
                    seed => memory.crash_torn(seed * 1_000 + call),
                }
                check(&memory, &claims, &format!("{fault:?} at call {call}, crash {crash}"));
            }
        }
    }
}

#[test]
fn what_a_failed_sync_left_behind_is_written_again() {
    for call in 0..calls() {
        for seed in 0..4 {
            let what = format!("call {call} failed and the system forgot, crash {seed}");
            let memory = MemoryStorage::new();
            let faulty = FaultyStorage::scripted(shared(&memory), [(call, Fault::Fails)]);
            let claims = run(&(Arc::new(faulty) as Arc<dyn Storage>));
            memory.forget_unsynced();
            // What is found now is told, and must outlive the power.
            let (journal, report) = open(&shared(&memory), SEGMENT).expect("it opens");
            drop(journal);
            match seed {
                0 => memory.crash(),
                seed => memory.crash_torn(seed * 1_000 + call),
            }
            let told = Claims { acknowledged: report.tail, in_doubt: false };
            assert!(told.acknowledged.batch >= claims.acknowledged.batch, "{what}: {claims:?}");
            check(&memory, &told, &what);
        }
    }
}

#[test]
fn a_fault_at_any_call_of_a_recovery_loses_nothing() {
    // A torn tail behind several segments, so that recovery has something to mend.
    let torn = || {
        let memory = MemoryStorage::new();
        let claims = run(&shared(&memory));
        let last = journal_support::names(&memory).pop().expect("several segments");
        let mut bytes = memory.content(&last).expect("listed");
        bytes.resize(bytes.len() + 700, 0);
        memory.replace(&last, Some(bytes));
        (memory, claims)
    };
    for call in 0..60 {
        for fault in Fault::HONEST {
            for seed in 0..4 {
                let (memory, claims) = torn();
                let faulty = FaultyStorage::scripted(shared(&memory), [(call, fault)]);
                let reopened = run(&(Arc::new(faulty) as Arc<dyn Storage>));
                assert!(
                    reopened.acknowledged.batch == 0
                        || reopened.acknowledged == claims.acknowledged
                );
                if seed == 0 {
                    memory.crash()
                } else {
                    memory.crash_torn(seed)
                }
                check(&memory, &claims, &format!("{fault:?} at call {call} of recovery"));
            }
        }
    }
}

#[test]
fn a_bit_that_flips_while_recovery_reads_never_costs_a_batch() {
    let memory = MemoryStorage::new();
    let claims = run(&shared(&memory));
    for call in 0..40 {
        let faulty = FaultyStorage::scripted(shared(&memory), [(call, Fault::FlippedBit)]);
        let opened = open(&(Arc::new(faulty.clone()) as Arc<dyn Storage>), SEGMENT);
        match (opened, faulty.injected().is_empty()) {
            (Ok((_, report)), _) => assert_eq!(report.tail, claims.acknowledged),
            (Err(JournalError::Damaged(_)), false) => {}
            (opened, _) => panic!("call {call}: {opened:?}"),
        }
        let (_, report) = open(&shared(&memory), SEGMENT).expect("nothing was changed");
        assert_eq!(report.tail, claims.acknowledged);
    }
}

/// A disk that lies about one sync: acknowledged batches may be gone, and no engine could keep
/// them. Recovery gives a prefix, or refuses; it never gives anything else. A tail stored elsewhere
/// finds the loss.
#[test]
fn after_a_lost_sync_recovery_gives_a_prefix_or_refuses() {
    let (mut lost, mut refused) = (0, 0);
    for call in 0..calls() {
        for last_batch in 1..=BATCHES {
            let memory = MemoryStorage::new();
            let script = (call..call + 3).map(|call| (call, Fault::LostSync));
            let faulty: Arc<dyn Storage> =
                Arc::new(FaultyStorage::scripted(shared(&memory), script));
            let (mut journal, _) = open(&faulty, SEGMENT).expect("a lost sync is not seen");
            let mut acknowledged = Tail::START;
            for number in 1..=last_batch {
                acknowledged = append(&mut journal, &payloads(number)).expect("not seen either");
            }
            drop(journal);
            memory.crash();
            match open(&shared(&memory), SEGMENT) {
                Ok((journal, report)) => {
                    let found: Vec<_> =
                        records(&journal).into_iter().map(|(_, payload)| payload).collect();
                    assert_eq!(found, expected(report.tail.batch));
                    assert!(report.tail.batch <= last_batch);
                    if report.tail.batch < last_batch {
                        lost += 1;
                        drop(journal);
                        let options = journal_support::options(SEGMENT);
                        let opened =
                            LocalJournal::open(shared(&memory), options, Some(acknowledged));
                        assert!(matches!(opened, Err(JournalError::Damaged(_))), "{opened:?}");
                    }
                }
                Err(JournalError::Damaged(_)) => refused += 1,
                Err(error) => panic!("{error:?}"),
            }
        }
    }
    assert!(lost > 0 && refused > 0, "the fault was felt: {lost} lost, {refused} refused");
}

/// The same disk, and a process that is killed and opened again; the power goes at any call of that
/// opening.
#[test]
fn after_a_lost_sync_a_power_cut_while_opening_leaves_a_prefix_or_what_is_refused() {
    let mut cut_short = 0;
    for lied in 0..calls() {
        for call in 0..30 {
            let memory = MemoryStorage::new();
            let script = (lied..lied + 3).map(|call| (call, Fault::LostSync));
            let lying = FaultyStorage::scripted(shared(&memory), script);
            let claims = run(&(Arc::new(lying) as Arc<dyn Storage>));
            let cut = FaultyStorage::scripted(shared(&memory), [(call, Fault::Crash)]);
            let opening = open(&(Arc::new(cut.clone()) as Arc<dyn Storage>), SEGMENT);
            if let Ok((_, report)) = &opening {
                assert_eq!(report.tail, claims.acknowledged, "nothing was lost so far");
            }
            drop(opening);
            let whole = cut.injected().is_empty();
            cut_short += u32::from(!whole);
            memory.crash_torn(lied * 1_000 + call);
            match open(&shared(&memory), SEGMENT) {
                Ok((journal, report)) => {
                    let found: Vec<_> =
                        records(&journal).into_iter().map(|(_, payload)| payload).collect();
                    assert_eq!(found, expected(report.tail.batch), "lied {lied}, cut {call}");
                }
                Err(JournalError::Damaged(_)) => {}
                Err(error) => panic!("lied {lied}, cut {call}: {error:?}"),
            }
            if whole {
                break;
            }
        }
    }
    assert!(cut_short > 100, "openings were cut short: {cut_short}");
}

#[test]
fn in_no_sync_mode_nothing_is_synced_and_everything_else_is_the_same() {
    let memory = MemoryStorage::new();
    let mut options = journal_support::options(1 << 30);
    options.sync = false;
    let (mut journal, _) =
        LocalJournal::open(shared(&memory), options, None).expect("a new journal opens");
    for number in 1..=BATCHES {
        append(&mut journal, &payloads(number)).expect("memory does not fail");
        assert_eq!(journal.last_sync(), None);
    }
    assert_eq!(records(&journal).len(), expected(BATCHES).len());
    memory.crash();
    let verified = verify(&memory).expect("sound").expect("the first header was synced");
    assert_eq!(verified.batches, 0);
}

#[derive(Debug, Clone)]
enum Step {
    Append { sizes: Vec<usize> },
    Fault { fault: Fault, in_calls: u64 },
    Crash { torn: Option<u64> },
    Reopen,
    TruncateBefore { batch_share: f64 },
}

fn any_step() -> impl Strategy<Value = Step> {
    let sizes =
        prop::collection::vec(prop_oneof![0..40_usize, 100..400_usize, 2_000..5_000_usize], 1..6);
    prop_oneof![
        8 => sizes.prop_map(|sizes| Step::Append { sizes }),
        1 => (prop::sample::select(Fault::HONEST.to_vec()), 0..6_u64)
            .prop_map(|(fault, in_calls)| Step::Fault { fault, in_calls }),
        1 => prop::option::of(any::<u64>()).prop_map(|torn| Step::Crash { torn }),
        1 => Just(Step::Reopen),
        1 => (0.0..1.0).prop_map(|batch_share| Step::TruncateBefore { batch_share }),
    ]
}

/// What is known of a journal from outside.
#[derive(Default)]
struct Model {
    /// The tail behind each acknowledged batch, and its payloads.
    batches: Vec<(Tail, Vec<Vec<u8>>)>,
    in_doubt: Option<Vec<Vec<u8>>>,
}

impl Model {
    fn tail(&self) -> Tail {
        self.batches.last().map_or(Tail::START, |(tail, _)| *tail)
    }

    fn reopened(&mut self, report_tail: Tail) {
        if let Some(payloads) = self.in_doubt.take()
            && report_tail.batch == self.tail().batch + 1
        {
            self.batches.push((report_tail, payloads));
        }
        assert_eq!(report_tail, self.tail());
    }

    /// Reads on from the last tail that lies before everything that is kept.
    fn check(&self, mut read: Batches) {
        let from = read.tail();
        let behind = self.batches.iter().filter(|(tail, _)| tail.batch > from.batch);
        for (tail, payloads) in behind {
            let batch = read.next_batch().expect("sound").expect("durable");
            assert_eq!(batch.tail, *tail);
            assert!(batch.records().map(|(_, payload)| payload).eq(payloads.iter()));
        }
        assert!(read.next_batch().expect("sound").is_none());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Any history of appends, faults, crashes, reopenings and truncations keeps exactly what was
    /// acknowledged, but for the one batch in doubt.
    #[test]
    fn any_history_keeps_what_was_acknowledged(steps in prop::collection::vec(any_step(), 1..60)) {
        let memory = MemoryStorage::new();
        let mut faulty = FaultyStorage::scripted(shared(&memory), []);
        let mut model = Model::default();
        let mut oldest = Tail::START;
        let mut journal = None;
        for step in steps {
            if journal.is_none() {
                faulty = FaultyStorage::scripted(shared(&memory), []);
                let (opened, report) = open(&(Arc::new(faulty.clone()) as Arc<dyn Storage>), 4_000)
                    .expect("honest faults are recovered from");
                model.reopened(report.tail);
                model.check(opened.reader().batches_after(oldest));
                journal = Some(opened);
            }
            let open = journal.as_mut().expect("just opened");
            match step {
                Step::Append { sizes } => {
                    let byte = u8::try_from(model.batches.len() % 256).expect("a byte");
                    let payloads: Vec<_> = sizes.into_iter().map(|size| vec![byte; size]).collect();
                    match append(open, &payloads) {
                        Ok(tail) => model.batches.push((tail, payloads)),
                        Err(AppendError::InDoubt(_)) => model.in_doubt = Some(payloads),
                        Err(AppendError::Poisoned(_)) => {}
                        Err(error @ AppendError::Fenced { .. }) => panic!("{error}"),
                    }
                }
                Step::Fault { fault, in_calls } => faulty.fail_at(faulty.calls() + in_calls, fault),
                Step::Crash { torn } => {
                    journal = None;
                    match torn {
                        None => memory.crash(),
                        Some(seed) => memory.crash_torn(seed),
                    }
                }
                Step::Reopen => journal = None,
                Step::TruncateBefore { batch_share } => {
                    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share")]
                    let at = (model.batches.len() as f64 * batch_share) as usize;
                    if let Some((tail, _)) = model.batches.get(at) {
                        let position = tail.position;
                        oldest = if tail.batch > oldest.batch { *tail } else { oldest };
                        // It may fail, and it may have gone halfway: what must be kept is kept.
                        if let Ok(begins) = open.truncate_before(position) {
                            assert!(begins <= oldest.position);
                        }
                    }
                }
            }
        }
    }
}
