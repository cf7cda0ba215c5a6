//! Folder: one data folder, the simulations that live and die on it, and everything that was
//! acknowledged in it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use fanju::{
    Config, Engine,
    domain::text::OrderNo,
    id::{MerchantId, Position},
};
use rand::{Rng, rngs::StdRng};
use uuid::Uuid;

use crate::{
    common::tail_of,
    witness::{World, dine},
};

/// How long a simulation opens, recovers and seats its people, about.
const OPENING: Duration = Duration::from_millis(200);

/// How long it may settle before it is hit.
const DINING: Duration = Duration::from_millis(700);

/// How long a simulation may take until its next acknowledgement.
const ACK_WITHIN: Duration = Duration::from_secs(60);

/// When to hit a simulation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Aim {
    /// So long after the process began: while it opens, recovers or seats its people.
    AfterStart(Duration),
    /// So long after the next acknowledgement: while it settles.
    AfterAck(Duration),
}

impl Aim {
    pub(crate) fn new(chance: &mut StdRng) -> Self {
        match chance.random_ratio(1, 6) {
            true => Self::AfterStart(chance.random_range(Duration::ZERO..OPENING)),
            false => Self::AfterAck(chance.random_range(Duration::ZERO..DINING)),
        }
    }
}

/// One `fanju-sim dinner`, which ends with this value at the latest.
pub(crate) struct Run {
    pub(crate) child: Child,
    /// Where it writes what it was told.
    pub(crate) acks: PathBuf,
    /// Where it complains.
    pub(crate) log: PathBuf,
}

impl Run {
    /// Lets it live until `aim`.
    pub(crate) fn live_until(&mut self, aim: Aim) {
        let delay = match aim {
            Aim::AfterStart(delay) => delay,
            Aim::AfterAck(delay) => {
                self.wait_for_an_ack();
                delay
            }
        };
        sleep(delay);
    }

    /// How much it has written of what it was told, in bytes.
    pub(crate) fn told(&self) -> u64 {
        fs::metadata(&self.acks).map_or(0, |file| file.len())
    }

    /// Waits until one more settlement is acknowledged.
    fn wait_for_an_ack(&mut self) {
        let (began, told) = (Instant::now(), self.told());
        while self.told() == told {
            self.must_be_alive();
            let log = &self.log;
            assert!(
                began.elapsed() <= ACK_WITHIN,
                "nothing acknowledged within {ACK_WITHIN:?}: {}",
                tail_of(log)
            );
            sleep(Duration::from_millis(5));
        }
    }

    /// SIGKILL: the process ends between two instructions.
    pub(crate) fn kill(&mut self) {
        self.must_be_alive();
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("the child ends");
    }

    fn must_be_alive(&mut self) {
        let ended = self.child.try_wait().expect("the child is ours");
        assert!(ended.is_none(), "the simulation ended by itself: {}", tail_of(&self.log));
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Whoever is gone already needs no kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One acknowledged settlement.
#[derive(Debug)]
pub(crate) struct Ack {
    merchant: MerchantId,
    order_no: OrderNo,
    position: Position,
}

/// What the library found in a folder.
pub(crate) struct Found {
    /// Acknowledged settlements that are there: all, or it would have failed.
    pub(crate) acknowledged: usize,
    /// Settlements.
    pub(crate) settled: usize,
    /// Bytes of a batch that was torn.
    pub(crate) torn_bytes: u64,
}

/// A folder that is hit again and again, and everything that was acknowledged in it.
pub(crate) struct Folder {
    place: tempfile::TempDir,
    /// The engine's data.
    pub(crate) data: PathBuf,
    runs: u32,
    pub(crate) acks: Vec<Ack>,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let place = tempfile::tempdir().expect("a temporary folder");
        let data = place.path().join("data");
        Self { place, data, runs: 0, acks: Vec::new() }
    }

    /// Every acknowledgement so far, each in a whole line.
    fn all_acks(&self) -> PathBuf {
        self.place.path().join("acks.tsv")
    }

    /// Starts a simulation that dines for so many seconds.
    pub(crate) fn start(&mut self, simulation: &Path, seconds: u32, seed: u32) -> Run {
        self.runs += 1;
        let acks = self.place.path().join(format!("acks-{}.tsv", self.runs));
        let log = self.place.path().join(format!("log-{}.txt", self.runs));
        let log_file = fs::File::create(&log).expect("a log file");
        let child = Command::new(simulation)
            .args(["dinner", "--rate", "max", "--diners", "8", "--wallets", "800"])
            .args(["--merchants", "20", "--seed", &seed.to_string()])
            .args(["--seconds", &seconds.to_string(), "--data"])
            .arg(&self.data)
            .arg("--acks")
            .arg(&acks)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log_file)
            .spawn()
            .expect("the simulation starts");
        Run { child, acks, log }
    }

    /// Takes over the whole lines of one run; half a line was never counted as acknowledged.
    pub(crate) fn take_acks(&mut self, run: &Path) {
        let text = fs::read_to_string(run).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        let mut all = fs::read_to_string(self.all_acks()).unwrap_or_default();
        all.push_str(whole);
        fs::write(self.all_acks(), all).expect("writes");
        self.acks.extend(whole.lines().map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [merchant, order_no, position] = *fields else {
                panic!("no acknowledgement: {line}")
            };
            Ack {
                merchant: MerchantId(merchant.parse().expect("a UUID")),
                order_no: OrderNo::new(order_no).expect("an order number"),
                position: Position(position.parse().expect("a position")),
            }
        }));
    }

    /// Whether a run lived long enough to found its journal.
    fn has_journal(&self) -> bool {
        let files = fs::read_dir(self.data.join("journal")).into_iter().flatten();
        let is_founded = |file: fs::DirEntry| file.metadata().is_ok_and(|file| file.len() > 72);
        files.flatten().any(is_founded)
    }

    /// The first witness: the simulation's auditor.
    pub(crate) fn audit(&self, simulation: &Path) {
        if !self.has_journal() {
            assert!(self.acks.is_empty(), "acknowledged without a journal");
            return;
        }
        let audit = Command::new(simulation)
            .args(["audit", "--json", "-", "--data"])
            .arg(&self.data)
            .arg("--acks")
            .arg(self.all_acks())
            .output()
            .expect("the auditor starts");
        let (said, complained) =
            (String::from_utf8_lossy(&audit.stdout), String::from_utf8_lossy(&audit.stderr));
        assert!(audit.status.success(), "the audit failed: {said}\n{complained}\n{}", self.keep());
    }

    /// The second witness: the library.
    pub(crate) fn look(&self) -> Found {
        let (engine, opening) = Engine::open_with_report(Config::directory(&self.data))
            .unwrap_or_else(|error| panic!("cannot be opened: {error:?}\n{}", self.keep()));
        let world = World::read(&engine, &opening);
        let mut acknowledged = 0;
        for ack in &self.acks {
            let settled = world.settled.get(&(ack.merchant, ack.order_no.clone()));
            assert_eq!(settled, Some(&ack.position), "lost: {ack:?}\n{}", self.keep());
            acknowledged += 1;
        }
        world.compare(&engine);
        dine(&engine);
        engine.close_blocking();
        let (settled, torn_bytes) = (world.settled.len(), opening.recovery.dropped_bytes);
        Found { acknowledged, settled, torn_bytes }
    }

    /// Where the folder stays for whoever looks into the failure.
    fn keep(&self) -> String {
        let kept = env::temp_dir().join(format!("fanju-kept-{}", Uuid::now_v7()));
        let mut copy = Command::new("cp");
        copy.arg("-r").arg(self.place.path());
        if !self.data.starts_with(self.place.path()) {
            copy.arg(&self.data);
        }
        let copied = fs::create_dir(&kept).and_then(|()| copy.arg(&kept).status());
        match copied {
            Ok(status) if status.success() => format!("kept in {}", kept.display()),
            Ok(_) | Err(_) => "could not be kept".to_owned(),
        }
    }
}
