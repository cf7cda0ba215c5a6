//! Workers: who works for an engine beside its callers, on threads or as tasks, and who ends when.

use std::{
    io,
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use actix::System;
use actix_rt::ArbiterHandle;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::config::{self, Config, Times};
use crate::{
    actors::{
        archive::{Archive, Shelves},
        core::Core,
        transaction::Transaction,
    },
    books::{Books, Progress, Projection, Projector},
    journal::{self, Committer, Epoch, Journal, Outcome},
};

/// Who was started for an engine, beside the journal's writer.
pub(super) struct Crew {
    pub(super) workers: Workers,
    /// Where the actors live.
    pub(super) arbiter: ArbiterHandle,
    pub(super) archive: Archive,
    pub(super) queries: Archive,
    pub(super) projected: Progress,
    /// Wakes the writer, if it will be a task.
    pub(super) bell: Option<Arc<Notify>>,
}

/// Those who work for one engine.
pub(super) enum Workers {
    Threads(Threads),
    /// Tasks end with the system that they live in.
    Tasks {
        times: Times,
        bell: Arc<Notify>,
    },
}

/// The threads of one engine.
pub(super) struct Threads {
    system: System,
    actors: Mutex<Option<JoinHandle<()>>>,
    projector: Mutex<Option<Projector>>,
    close_within: Duration,
}

impl Crew {
    /// Starts everybody but the journal's writer.
    pub(super) fn start(config: &Config, books: Books, shelves: &Shelves) -> io::Result<Self> {
        match config.workers {
            config::Workers::Threads => Self::on_threads(config, books, shelves),
            config::Workers::Tasks(times) => {
                Ok(Self::as_tasks(times, config.books_interval, books, shelves))
            }
        }
    }

    fn on_threads(config: &Config, books: Books, shelves: &Shelves) -> io::Result<Self> {
        let read = |name| Archive::open(shelves, name, config.archive_threads);
        let (archive, queries) = (read("fanju-archive")?, read("fanju-queries")?);
        let projector = Projector::spawn(books, shelves.journal.clone())?;
        let projected = projector.progress().clone();
        let (system, actors) = start_actors()?;
        let arbiter = system.arbiter().clone();
        let workers = Workers::Threads(Threads {
            system,
            actors: Mutex::new(Some(actors)),
            projector: Mutex::new(Some(projector)),
            close_within: config.close_within,
        });
        Ok(Self { workers, arbiter, archive, queries, projected, bell: None })
    }

    fn as_tasks(times: Times, every: Duration, books: Books, shelves: &Shelves) -> Self {
        let read = || Archive::Tasks { shelves: shelves.clone(), takes: times.read };
        let mut projection = Projection::new(books, shelves.journal.clone());
        let projected = projection.progress().clone();
        drop(actix_rt::spawn(async move {
            while projection.round() {
                tokio::time::sleep(every).await;
            }
        }));
        let bell = Arc::new(Notify::new());
        Self {
            workers: Workers::Tasks { times, bell: Arc::clone(&bell) },
            arbiter: System::current().arbiter().clone(),
            archive: read(),
            queries: read(),
            projected,
            bell: Some(bell),
        }
    }
}

/// How often a closing engine looks whether everything accepted is finished.
const CLOSE_POLL: Duration = Duration::from_millis(2);

impl Workers {
    /// Starts whoever writes `journal`.
    pub(super) fn write(
        &self,
        journal: impl Journal,
        epoch: Epoch,
        sink: impl FnMut(Outcome<Transaction>) + Send + 'static,
    ) -> io::Result<Committer<Transaction>> {
        match self {
            Self::Threads(_) => journal::spawn(journal, epoch, sink),
            Self::Tasks { times, bell } => {
                let (committer, mut writer) = journal::writer(journal, epoch, sink);
                let (takes, bell) = (times.write, Arc::clone(bell));
                drop(actix_rt::spawn(async move {
                    loop {
                        bell.notified().await;
                        tokio::time::sleep(takes).await;
                        if !writer.turn() {
                            return;
                        }
                    }
                }));
                Ok(committer)
            }
        }
    }

    /// Waits until `is_quiet`, but not for ever since closing `began`: a bank may stay silent.
    pub(super) fn wait(&self, core: &Core, began: Instant, is_quiet: impl Fn() -> bool) {
        let Self::Threads(threads) = self else { return };
        while !is_quiet() && !core.is_poisoned() && began.elapsed() < threads.close_within {
            std::thread::sleep(CLOSE_POLL);
        }
    }

    /// Ends journal, books, archive and actors, in this order: whatever is accepted is durable,
    /// whatever is durable is told and booked.
    pub(super) fn end(&self, core: &Core) {
        if let Some(committer) = core.committer.get() {
            committer.close();
            core.wake_writer();
        }
        let Self::Threads(threads) = self else { return };
        if let Some(projector) = threads.projector.lock().take() {
            drop(projector.stop());
        }
        core.archive.close();
        core.queries.close();
        threads.system.stop();
        if let Some(actors) = threads.actors.lock().take()
            && actors.thread().id() != std::thread::current().id()
            && actors.join().is_err()
        {
            tracing::error!("the actors' thread ended in a panic");
        }
    }
}

/// Starts the thread on which all actors live.
fn start_actors() -> io::Result<(System, JoinHandle<()>)> {
    let (started, system) = std::sync::mpsc::channel();
    let run = move || {
        let runner = System::new();
        if started.send(System::current()).is_ok()
            && let Err(error) = runner.run()
        {
            tracing::error!(%error, "the actors' thread failed");
        }
    };
    let thread = std::thread::Builder::new().name("fanju-actors".into()).spawn(run)?;
    match system.recv() {
        Ok(system) => Ok((system, thread)),
        Err(error) => Err(io::Error::other(error)),
    }
}
