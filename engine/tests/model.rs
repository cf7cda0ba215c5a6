//! Random commands through a real engine, with crashes, failing disks and recovery at random points,
//! against a sequential model with its own arithmetic: same answers, same state.
//!
//! The model knows plain maps and nothing of journals or actors, and calls none of the engine's rules. Of
//! each command it says the very record that it becomes, or the very refusal. Where an answer depends on
//! who is heard first (a bill of which several cannot pay their shares), it checks what must hold of any
//! answer and takes that answer over.
//!
//! `PROPTEST_CASES=2000 cargo test -p fanju --test model` tells so many stories instead of a few.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]
#![allow(clippy::wildcard_enum_match_arm, reason = "what one function leaves is the next one's")]

mod support;

#[path = "model/world.rs"]
mod world;

use std::{sync::Arc, time::Duration};

use fanju::{
    Config,
    journal::{Fault, FaultyStorage, MemoryStorage},
};
use proptest::{prelude::*, sample::Index};
use support::{over, within};
use world::{Driver, plan::Story, stories::story};

/// A few stories, or as many as `PROPTEST_CASES` says; each of them opens an engine several times.
fn few() -> ProptestConfig {
    let as_told = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { as_told.cases } else { 20 };
    ProptestConfig { cases, max_shrink_iters: 1_000, ..as_told }
}

fn play(story: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(story);
}

/// Cuts the power, maybe in the middle of a write.
fn crash(storage: &MemoryStorage, torn: Option<u64>) {
    match torn {
        None => storage.crash(),
        Some(seed) => storage.crash_torn(seed),
    }
}

async fn with_crashes(story: Story) {
    let storage = MemoryStorage::new();
    let mut driver = Driver::open(over(storage.clone()));
    driver.carry_out(&story.opening()).await;
    for chapter in &story.chapters {
        driver.carry_out(&chapter.plans).await;
        driver.compare().await;
        // The power goes while some commands are on their way.
        driver.begin(&chapter.flying).await;
        for _ in 0..chapter.turns {
            driver.fly().await;
        }
        crash(&storage, chapter.torn);
        driver.reopen(over(storage.clone())).await;
        driver.compare().await;
    }
    within(driver.engine.close()).await;
}

/// A story of two chapters: the disk fails in what flies after the first.
async fn with_a_failing_disk(story: Story, calls: u64, fault: Fault) {
    let [first, last] = story.chapters.as_slice() else { unreachable!("two chapters") };
    let memory = MemoryStorage::new();
    let disk = FaultyStorage::scripted(Arc::new(memory.clone()), []);
    let mut driver = Driver::open(over(disk.clone()));
    driver.carry_out(&story.opening()).await;
    driver.carry_out(&first.plans).await;
    within(driver.engine.close()).await;
    // Nobody answers the questions of what flies: time does.
    let impatient = Config {
        answer_within: Duration::from_millis(20),
        order_deadline: Duration::from_millis(40),
        ..over(disk.clone())
    };
    driver.reopen(impatient).await;
    disk.fail_at(disk.calls() + calls, fault);
    driver.begin(&first.flying).await;
    driver.begin(&last.flying).await;
    driver.land().await;
    if disk.injected().is_empty() || !driver.is_poisoned().await {
        // It hit a reader, or nobody wrote any more.
        within(driver.engine.close()).await;
    }
    crash(&memory, first.torn);
    driver.reopen(over(memory.clone())).await;
    driver.compare().await;
    driver.carry_out(&last.plans).await;
    driver.compare().await;
    within(driver.engine.close()).await;
}

proptest! {
    #![proptest_config(few())]

    #[test]
    fn the_engine_answers_as_the_model_across_crashes(story in story(2..5)) {
        play(with_crashes(story));
    }

    #[test]
    fn after_a_failing_disk_everybody_is_told_and_nothing_acknowledged_is_lost(
        story in story(2..3),
        calls in 0..8_u64,
        fault in any::<Index>(),
    ) {
        let fault = Fault::HONEST[fault.index(Fault::HONEST.len())];
        play(with_a_failing_disk(story, calls, fault));
    }
}
