//! Random commands through a real engine, with crashes, failing disks and recovery at random points,
//! against a sequential model with its own arithmetic: same answers, same state.
//!
//! The model knows plain maps and nothing of journals or actors. Where an answer depends on who is
//! heard first (a bill that some cannot pay, under `Reshare`, or with questions asked), it checks
//! what must hold of any answer and takes that answer over.
//!
//! `MODEL_SEEDS=7,8 cargo test -p fanju --test model` runs these seeds; each failure names its own.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

mod support;

#[path = "model/world.rs"]
mod world;

use std::{sync::Arc, time::Duration};

use fanju::{
    Config,
    journal::{Fault, FaultyStorage, MemoryStorage},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use support::{over, within};
use world::{Driver, plan::Plan};

/// The seeds that were asked for; otherwise some that are always the same, and as many again that no run
/// before has had.
fn seeds(default: std::ops::Range<u64>) -> Vec<u64> {
    match std::env::var("MODEL_SEEDS") {
        Ok(seeds) => seeds.split(',').map(|seed| seed.trim().parse().expect("a number")).collect(),
        Err(_) => default.clone().chain(default.map(|_| rand::random())).collect(),
    }
}

/// Says the seed when a run fails.
struct Named(u64, &'static str);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{} failed with seed {}: MODEL_SEEDS={}", self.1, self.0, self.0);
        }
    }
}

#[tokio::test]
async fn the_engine_answers_as_the_model_across_crashes() {
    for seed in seeds(0..16) {
        let named = Named(seed, "the model");
        let mut chance = StdRng::seed_from_u64(seed);
        let storage = MemoryStorage::new();
        let mut driver = Driver::open(over(storage.clone()));
        driver.found(&mut chance).await;
        for _ in 0..chance.random_range(2..5) {
            for _ in 0..chance.random_range(20..60) {
                let plan = Plan::any(&mut chance, &driver.model);
                driver.carry_out(plan, &mut chance).await;
            }
            driver.compare().await;
            // The power goes while some commands are on their way.
            let flying = chance.random_range(0..6);
            driver.begin_some(flying, &mut chance).await;
            for _ in 0..chance.random_range(0..40) {
                tokio::task::yield_now().await;
            }
            let acknowledged = driver.acknowledged().await;
            match chance.random() {
                true => storage.crash(),
                false => storage.crash_torn(chance.random()),
            }
            driver.reopen(over(storage.clone()), &acknowledged).await;
            driver.compare().await;
        }
        within(driver.engine.close()).await;
        drop(named);
    }
}

#[tokio::test]
async fn after_a_failing_disk_everybody_is_told_and_nothing_acknowledged_is_lost() {
    for seed in seeds(100..118) {
        let named = Named(seed, "the failing disk");
        let mut chance = StdRng::seed_from_u64(seed);
        let memory = MemoryStorage::new();
        let disk = FaultyStorage::scripted(Arc::new(memory.clone()), []);
        // Nobody answers the questions of what is begun: time does.
        let impatient = Config {
            answer_within: Duration::from_millis(20),
            order_deadline: Duration::from_millis(40),
            ..over(disk.clone())
        };
        let mut driver = Driver::open(impatient);
        driver.found(&mut chance).await;
        for _ in 0..20 {
            driver.strict = false;
            let plan = Plan::any(&mut chance, &driver.model);
            driver.carry_out(plan, &mut chance).await;
        }
        let fault = Fault::HONEST[chance.random_range(0..Fault::HONEST.len())];
        disk.fail_at(disk.calls() + chance.random_range(0..8), fault);
        driver.begin_some(chance.random_range(4..12), &mut chance).await;
        let told = driver.everybody_is_told().await;
        if disk.injected().is_empty() || !driver.is_poisoned().await {
            // It hit a reader, or nobody wrote any more.
            within(driver.engine.close()).await;
        }
        match chance.random() {
            true => memory.crash(),
            false => memory.crash_torn(chance.random()),
        }
        driver.reopen(over(memory.clone()), &told).await;
        driver.compare().await;
        for _ in 0..10 {
            let plan = Plan::any(&mut chance, &driver.model);
            driver.carry_out(plan, &mut chance).await;
        }
        driver.compare().await;
        within(driver.engine.close()).await;
        drop(named);
    }
}
