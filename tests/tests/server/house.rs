//! House: one `fanju-server` process, its data folder, and the people made up for it.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::OnceLock,
    thread::{panicking, sleep},
    time::{Duration, Instant},
};

use serde::Deserialize;

use crate::{
    common::{binary, tail_of},
    http::Http,
    wire::Trust,
};

/// How long anything may take: a bound for what hangs, not a measure of speed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at something that will be so soon.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Lets clients ask as often as they can.
pub(crate) const TIRELESS: (&str, &str) = ("FANJU_REQUESTS_PER_SECOND", "1000000");

/// A port that nobody has.
const ANY_PORT: &str = "127.0.0.1:0";

/// What each diner begins with, in minor units.
pub(crate) const PURSE: i64 = 1_000_000;

/// The file of the people that were made up.
const PEOPLE: &str = "people.json";

/// The server's binary.
pub(crate) fn server() -> &'static Path {
    static SERVER: OnceLock<PathBuf> = OnceLock::new();
    SERVER.get_or_init(|| binary("FANJU_SERVER", "fanju-server"))
}

/// Waits until `child` has ended by itself; `None` when patience is over.
pub(crate) fn ended(child: &mut Child) -> Option<ExitStatus> {
    let began = Instant::now();
    loop {
        let status = child.try_wait().expect("the child is ours");
        if status.is_some() || began.elapsed() > PATIENCE {
            return status;
        }
        sleep(LOOK_EVERY);
    }
}

/// Who plays.
#[derive(Clone, Deserialize, Debug)]
pub(crate) struct Cast {
    pub(crate) merchants: Vec<Shop>,
    pub(crate) diners: Vec<Diner>,
}

/// A shop, with its owner's session.
#[derive(Clone, Deserialize, Debug)]
pub(crate) struct Shop {
    pub(crate) merchant: String,
    pub(crate) token: String,
}

/// A diner, with a session.
#[derive(Clone, Deserialize, Debug)]
pub(crate) struct Diner {
    pub(crate) wallet: String,
    pub(crate) token: String,
}

/// One data folder, and the server that runs on it.
pub(crate) struct House {
    folder: tempfile::TempDir,
    data: PathBuf,
    environment: Vec<(&'static str, String)>,
    /// By which root its clients know it, if it has a certificate.
    trust: Option<Trust>,
    /// Where the next start listens.
    pub(crate) listen: String,
    running: Option<(Child, SocketAddr)>,
    starts: u32,
    pub(crate) cast: Cast,
}

impl House {
    /// A running server with so many people and shops.
    pub(crate) fn open(diners: usize, shops: usize) -> Self {
        Self::open_with(diners, shops, &[])
    }

    /// The same, with settings from the environment.
    pub(crate) fn open_with(
        diners: usize,
        shops: usize,
        environment: &[(&'static str, &str)],
    ) -> Self {
        Self::open_for(diners, shops, environment, None)
    }

    /// The same, for clients that know it by its certificate.
    pub(crate) fn open_for(
        diners: usize,
        shops: usize,
        environment: &[(&'static str, &str)],
        trust: Option<Trust>,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        let (diners, shops, purse) = (diners.to_string(), shops.to_string(), PURSE.to_string());
        let made = Command::new(server())
            .args(["cast", "--diners", &diners, "--shops", &shops, "--purse", &purse, "--data"])
            .arg(&data)
            .output()
            .expect("the server's binary starts");
        assert!(made.status.success(), "no cast: {}", String::from_utf8_lossy(&made.stderr));
        fs::write(folder.path().join(PEOPLE), &made.stdout).expect("writes");
        let cast = serde_json::from_slice(&made.stdout).expect("a cast in JSON");
        let environment =
            environment.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let (listen, running) = (ANY_PORT.to_owned(), None);
        let mut house = Self { folder, data, environment, trust, listen, running, starts: 0, cast };
        house.start();
        house
    }

    /// The same people on another data folder, which this house takes for its own.
    pub(crate) fn moved_to(&self, copy: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (data, cast) = (copy.to_owned(), self.cast.clone());
        let (environment, trust) = (self.environment.clone(), self.trust.clone());
        let (listen, running) = (ANY_PORT.to_owned(), None);
        let mut house = Self { folder, data, environment, trust, listen, running, starts: 0, cast };
        house.start();
        house
    }

    /// Starts the server and waits until it is ready.
    pub(crate) fn start(&mut self) {
        if let Err(status) = self.try_start() {
            panic!("the server ended by itself, {status}: {}", tail_of(&self.log()));
        }
    }

    /// The same; how it ended, if it did before it listened.
    pub(crate) fn try_start(&mut self) -> Result<(), ExitStatus> {
        assert!(self.running.is_none(), "the server runs already");
        self.starts += 1;
        let log = File::create(self.log()).expect("a log file");
        let mut child = Command::new(server())
            .args(["--listen", &self.listen, "--log", "json", "--data"])
            .arg(&self.data)
            .env("RUST_LOG", "info")
            .env("FANJU_MADE_UP_PEOPLE", "true")
            // Made-up people have no finger to show.
            .env("FANJU_STEP_UP_ABOVE_MINOR", "1000000000000")
            .envs(self.environment.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the server starts");
        let began = Instant::now();
        loop {
            if let Some(address) = self.address_in_log() {
                self.running = Some((child, address));
                let ready = Http::new(self).get("/readyz", None);
                assert_eq!((ready.status, ready.text.as_str()), (200, "ready\n"));
                return Ok(());
            }
            if let Some(status) = child.try_wait().expect("the child is ours") {
                return Err(status);
            }
            if began.elapsed() > PATIENCE {
                child.kill().expect("SIGKILL");
                panic!("the server listens nowhere: {}", tail_of(&self.log()));
            }
            sleep(LOOK_EVERY);
        }
    }

    /// Where this start of the server says that it listens.
    fn address_in_log(&self) -> Option<SocketAddr> {
        self.told("address")?.parse().ok()
    }

    /// What this start of the server told first under this name.
    pub(crate) fn told(&self, name: &str) -> Option<String> {
        let text = fs::read_to_string(self.log()).ok()?;
        text.lines().find_map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            Some(line["fields"][name].as_str()?.to_owned())
        })
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path().join(format!("log-{}.txt", self.starts))
    }

    pub(crate) fn trust(&self) -> Option<&Trust> {
        self.trust.as_ref()
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// The file of the people that were made up, as the server wrote it.
    pub(crate) fn people(&self) -> PathBuf {
        self.beside(PEOPLE)
    }

    /// A place beside the data folder that goes with the house.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where the server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.running.as_ref().expect("the server runs").1
    }

    /// SIGKILL: the process ends between two instructions.
    pub(crate) fn kill(&mut self) {
        let (mut child, _) = self.running.take().expect("the server runs");
        child.kill().expect("SIGKILL");
        child.wait().expect("the child ends");
    }

    /// The server's process.
    pub(crate) fn pid(&self) -> u32 {
        self.running.as_ref().expect("the server runs").0.id()
    }

    /// SIGTERM: the server is asked to end.
    pub(crate) fn ask_to_stop(&self) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
        assert!(sent.success(), "no SIGTERM");
    }

    /// Waits until the server that was asked to end has ended.
    pub(crate) fn stopped(&mut self) -> ExitStatus {
        let (mut child, address) = self.running.take().expect("the server runs");
        let Some(status) = ended(&mut child) else {
            self.running = Some((child, address));
            panic!("the server does not end");
        };
        status
    }

    /// SIGTERM, and the end that follows.
    pub(crate) fn stop(&mut self) {
        self.ask_to_stop();
        let status = self.stopped();
        assert!(status.success(), "{status}: {}", tail_of(&self.log()));
    }

    /// `fanju-server verify` of a data folder that no server runs on; what it found.
    pub(crate) fn verify(data: &Path) -> String {
        Self::try_verify(data).unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    /// The same; what it complained of, if it failed.
    pub(crate) fn try_verify(data: &Path) -> Result<String, String> {
        let mut verify = Command::new(server());
        said(verify.args(["verify", "--data"]).arg(data))
    }

    /// `fanju-server backup` of this house's folder while the server runs; what it said or, if it
    /// failed, complained.
    pub(crate) fn back_up(&self, to: &Path) -> Result<String, String> {
        let mut backup = Command::new(server());
        said(backup.arg("backup").arg(to).arg("--data").arg(&self.data))
    }
}

/// What `command` said or, if it failed, complained.
pub(crate) fn said(command: &mut Command) -> Result<String, String> {
    let Output { status, stdout, stderr } = command.output().expect("the server's binary starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if status.success() { Ok(text(&stdout)) } else { Err(text(&stdout) + &text(&stderr)) }
}

impl Drop for House {
    fn drop(&mut self) {
        if panicking() {
            eprintln!("the server said:\n{}", tail_of(&self.log()));
        }
        if let Some((mut child, _)) = self.running.take() {
            // Whoever is gone already needs no kill.
            drop(child.kill());
            drop(child.wait());
        }
    }
}
