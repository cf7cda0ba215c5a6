//! Writer: gathers what waits, makes it durable, and tells; on a thread of its own, unless whoever
//! opened the journal gives it turns.
//!
//! A batch is whatever was proposed while the batch before it was written: there is no timer, and
//! one sync serves all of it. Outcomes are told in log order, after the sync (J-1).
//! After any error nothing is acknowledged any more (J-3): proposals of the batch in doubt are told
//! so, all others come back untouched, and later ones are refused.

use std::{
    any::Any,
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Instant,
};

use parking_lot::Mutex;

use super::{
    Journal,
    batch::BatchBuffer,
    error::{AppendError, JournalError},
    handoff::{Handoff, Refusal},
    reader::Reader,
    stats::{Counters, Stats},
    tail::{Epoch, Tail},
};
use crate::{
    id::Position,
    limits,
    sync::{AtomicU64, Ordering::Relaxed},
};

/// A change that wants to become a record.
pub trait Proposal: Send + 'static {
    /// Appends the payload of the record that will begin at `position`. Called once, in log order,
    /// on the writer's thread; a panic poisons the journal.
    fn encode(&mut self, position: Position, out: &mut Vec<u8>);
}

/// What became of proposals; told once for each, on the writer's thread.
#[derive(Debug)]
pub enum Outcome<P> {
    /// Durable.
    Durable {
        /// Where each record begins, in log order.
        records: Vec<(Position, P)>,
        /// The log's tail behind them.
        tail: Tail,
    },
    /// Unknown: recovery may or may not find them. The journal is poisoned.
    InDoubt {
        /// What went wrong.
        error: Arc<JournalError>,
        /// In log order, encoded.
        proposals: Vec<P>,
    },
    /// Certainly not written: the journal is poisoned.
    Poisoned {
        /// What went wrong.
        error: Arc<JournalError>,
        /// In the order they were submitted; some may have been encoded.
        proposals: Vec<P>,
    },
}

/// A proposal that was not accepted; nothing happened to it.
pub struct Refused<P> {
    /// The proposal, back with its owner.
    pub proposal: P,
    /// Why.
    pub reason: RefusedReason,
}

/// Why a proposal was not accepted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RefusedReason {
    /// The committer was closed.
    #[error("the journal is closed")]
    Closed,
    /// The journal is poisoned; only recovery brings it back.
    #[error("the journal is poisoned")]
    Poisoned(#[source] Arc<JournalError>),
}

impl<P> fmt::Debug for Refused<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("reason", &self.reason).finish_non_exhaustive()
    }
}

/// What the committers and the writer's thread share.
struct Desk<P> {
    handoff: Handoff<P, Arc<JournalError>>,
    counters: Counters,
    /// Highest position before which the log may be forgotten.
    truncate_before: AtomicU64,
}

/// Proposes records to the writer from any thread; clones are the same writer.
///
/// When the last clone is dropped, the writer finishes what was accepted and stops.
pub struct Committer<P: Proposal>(Arc<Owner<P>>);

struct Owner<P: Proposal> {
    desk: Arc<Desk<P>>,
    reader: Reader,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl<P: Proposal> Drop for Owner<P> {
    fn drop(&mut self) {
        self.desk.handoff.close();
    }
}

impl<P: Proposal> Clone for Committer<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P: Proposal> fmt::Debug for Committer<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Committer").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl<P: Proposal> Committer<P> {
    /// Accepts `proposal` for one of the next batches. The sink is told what became of it, exactly
    /// once; proposals of one thread keep their order.
    ///
    /// # Errors
    /// [`Refused`] gives the proposal back.
    pub fn submit(&self, proposal: P) -> Result<(), Refused<P>> {
        self.0.desk.handoff.push(proposal).map_err(|(proposal, refusal)| Refused {
            proposal,
            reason: match refusal {
                Refusal::Closed => RefusedReason::Closed,
                Refusal::Poisoned(error) => RefusedReason::Poisoned(error),
            },
        })
    }

    /// What the writer did so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.desk.counters.stats()
    }

    /// Proposals that wait for the batch after the current one.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.desk.handoff.len()
    }

    /// A handle to read what is durable.
    #[must_use]
    pub fn reader(&self) -> Reader {
        self.0.reader.clone()
    }

    /// Asks the writer to forget what lies wholly before `position`, between two batches. A failure
    /// is logged and mended by the next call; it does not poison.
    pub fn truncate_before(&self, position: Position) {
        self.0.desk.truncate_before.fetch_max(position.0, Relaxed);
        self.0.desk.handoff.nudge();
    }

    /// Accepts nothing more, lets the writer finish what was accepted, and waits until it has
    /// stopped. Called by the sink it does not wait.
    pub fn close(&self) {
        self.0.desk.handoff.close();
        let mut thread = self.0.thread.lock();
        if let Some(handle) =
            thread.take_if(|handle| handle.thread().id() != thread::current().id())
            && handle.join().is_err()
        {
            tracing::error!("the journal's writer ended in a panic");
        }
    }
}

/// Starts the thread that writes `journal` in `epoch` and tells `sink` every outcome.
///
/// # Errors
/// When the system gives no thread.
pub fn spawn<P: Proposal>(
    journal: impl Journal,
    epoch: Epoch,
    sink: impl FnMut(Outcome<P>) + Send + 'static,
) -> io::Result<Committer<P>> {
    let (committer, writer) = writer(journal, epoch, sink);
    let thread =
        thread::Builder::new().name("fanju-journal".to_owned()).spawn(move || writer.run())?;
    *committer.0.thread.lock() = Some(thread);
    Ok(committer)
}

/// As [`spawn`], without the thread: nothing is written but in [`Writer::turn`].
pub fn writer<P: Proposal, J: Journal, S: FnMut(Outcome<P>)>(
    journal: J,
    epoch: Epoch,
    sink: S,
) -> (Committer<P>, Writer<P, J, S>) {
    let desk = Arc::new(Desk {
        handoff: Handoff::new(),
        counters: Counters::default(),
        truncate_before: AtomicU64::new(0),
    });
    let reader = journal.reader();
    let batch = journal.buffer();
    let owner = Owner { desk: Arc::clone(&desk), reader, thread: Mutex::new(None) };
    (Committer(Arc::new(owner)), Writer { desk, journal, epoch, sink, batch })
}

/// Records for which room is made before a batch is filled: a full batch of ordinary ones.
const RECORDS_EXPECTED: usize = limits::BATCH_BYTES_MAX / 256;

/// Writes what is proposed, and tells.
pub struct Writer<P, J, S> {
    desk: Arc<Desk<P>>,
    journal: J,
    epoch: Epoch,
    sink: S,
    batch: BatchBuffer,
}

/// Why the writer stops before it is closed, and what it still holds.
struct Stop<P> {
    error: Arc<JournalError>,
    in_doubt: Vec<P>,
    untouched: Vec<P>,
}

impl<P, J, S> fmt::Debug for Writer<P, J, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl<P: Proposal, J: Journal, S: FnMut(Outcome<P>)> Writer<P, J, S> {
    /// Writes and tells until the committer is closed or the journal is poisoned.
    pub(crate) fn run(mut self) {
        let mut taken = Vec::new();
        while self.desk.handoff.take(&mut taken) && self.serve(&mut taken) {}
    }

    /// Writes what waits now, and tells; says whether there may be more, which there is not once the
    /// committer was closed or the journal is poisoned.
    pub fn turn(&mut self) -> bool {
        let mut taken = Vec::new();
        self.desk.handoff.take_now(&mut taken) && self.serve(&mut taken)
    }

    /// Commits what was taken; says whether the journal is well.
    fn serve(&mut self, taken: &mut Vec<P>) -> bool {
        self.truncate();
        self.commit_all(taken).map_err(|stop| self.stop(stop)).is_ok()
    }

    /// Commits everything taken, in as many batches as it needs; leaves `taken` empty.
    fn commit_all(&mut self, taken: &mut Vec<P>) -> Result<(), Stop<P>> {
        let mut waiting = taken.drain(..);
        while waiting.len() > 0 {
            let _commit = tracing::debug_span!("commit", waiting = waiting.len()).entered();
            let mut records = Vec::with_capacity(waiting.len().min(RECORDS_EXPECTED));
            let filled = fill(&self.journal, &mut self.batch, &mut waiting, &mut records);
            let appended = filled.map_err(AppendError::Poisoned).and_then(|()| {
                let started = Instant::now();
                let expected = self.journal.tail();
                let tail = self.journal.append(expected, self.epoch, &mut self.batch)?;
                let sync = self.journal.last_sync();
                self.desk.counters.appended(&self.batch, started.elapsed(), sync);
                Ok(tail)
            });
            let tail = match appended {
                Ok(tail) => tail,
                Err(error) => return Err(self.give_up(error, records, waiting.collect())),
            };
            if let Err(error) = tell(&mut self.sink, Outcome::Durable { records, tail }) {
                return Err(Stop { error, in_doubt: Vec::new(), untouched: waiting.collect() });
            }
        }
        Ok(())
    }

    fn give_up(&self, error: AppendError, records: Vec<(Position, P)>, rest: Vec<P>) -> Stop<P> {
        let batch = records.into_iter().map(|(_, proposal)| proposal);
        match error {
            AppendError::InDoubt(error) => {
                Stop { error, in_doubt: batch.collect(), untouched: rest }
            }
            AppendError::Poisoned(error) => {
                Stop { error, in_doubt: Vec::new(), untouched: batch.chain(rest).collect() }
            }
            AppendError::Fenced { tail } => {
                let expected = self.journal.tail();
                let error = Arc::new(JournalError::Fenced { expected, epoch: self.epoch, tail });
                Stop { error, in_doubt: Vec::new(), untouched: batch.chain(rest).collect() }
            }
        }
    }

    /// Refuses everybody from now on, then tells those who were accepted.
    fn stop(&mut self, stop: Stop<P>) {
        let Stop { error, in_doubt, mut untouched } = stop;
        untouched.extend(self.desk.handoff.poison(Arc::clone(&error)));
        let outcomes = [
            Outcome::InDoubt { error: Arc::clone(&error), proposals: in_doubt },
            Outcome::Poisoned { error, proposals: untouched },
        ];
        for outcome in outcomes {
            let (Outcome::InDoubt { proposals, .. } | Outcome::Poisoned { proposals, .. }) =
                &outcome
            else {
                continue;
            };
            if proposals.is_empty() {
                continue;
            }
            if let Err(error) = tell(&mut self.sink, outcome) {
                tracing::error!(error = &*error as &dyn std::error::Error, "proposals went untold");
            }
        }
    }

    fn truncate(&mut self) {
        let position = self.desk.truncate_before.swap(0, Relaxed);
        if position > 0
            && let Err(error) = self.journal.truncate_before(Position(position))
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "journal not truncated");
        }
    }
}

/// Encodes what waits into `batch` until it is full. A proposal whose encoding fails stays last in
/// `records`.
fn fill<P: Proposal>(
    journal: &impl Journal,
    batch: &mut BatchBuffer,
    waiting: &mut impl Iterator<Item = P>,
    records: &mut Vec<(Position, P)>,
) -> Result<(), Arc<JournalError>> {
    journal.begin(batch);
    while !batch.is_full() {
        let Some(proposal) = waiting.next() else { break };
        records.push((Position::NONE, proposal));
        let (position, proposal) = records.last_mut().expect("just pushed");
        let encoded =
            catch_unwind(AssertUnwindSafe(|| batch.push(|at, out| proposal.encode(at, out))));
        *position = match encoded {
            Ok(Ok(position)) => position,
            Ok(Err(bytes)) => return Err(Arc::new(JournalError::RecordTooLarge { bytes })),
            Err(panic) => {
                return Err(Arc::new(JournalError::EncodePanicked { message: message(&*panic) }));
            }
        };
    }
    Ok(())
}

fn tell<P>(
    sink: &mut impl FnMut(Outcome<P>),
    outcome: Outcome<P>,
) -> Result<(), Arc<JournalError>> {
    catch_unwind(AssertUnwindSafe(|| sink(outcome)))
        .map_err(|panic| Arc::new(JournalError::SinkPanicked { message: message(&*panic) }))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
