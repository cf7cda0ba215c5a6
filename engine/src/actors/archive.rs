//! The archive: who reads books and journal for the actors, so that none of them ever waits for a
//! disk.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::sync::oneshot;

use super::{error::Error, feed::DurableEvent};
use crate::{
    books::{BooksReader, OrderStep},
    codec::{self, Record},
    domain::{event::Event, order::Order, text::OrderNo},
    id::{MerchantId, Position, Topic},
    journal::{ReadError, Reader},
    limits,
};

/// What the archive reads from.
#[derive(Clone)]
pub(crate) struct Shelves {
    pub(crate) books: BooksReader,
    pub(crate) journal: Reader,
}

impl Shelves {
    /// The record at `position`.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub(crate) fn record(&self, position: Position) -> Result<Record, Error> {
        self.weighed(position).map(|(record, _)| record)
    }

    /// The record at `position`, and its bytes.
    fn weighed(&self, position: Position) -> Result<(Record, usize), Error> {
        let payload = self.journal.record(position).map_err(unreadable)?;
        let record = codec::decode(position, &payload).map_err(unreadable)?;
        Ok((record, payload.len()))
    }

    /// How the books say that an order ended: whether it was paid, and its records from there on.
    /// An unpaid order that was paid at a second try counts as paid.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub(crate) fn booked(
        &self,
        merchant: MerchantId,
        order_no: &OrderNo,
    ) -> Result<Option<(bool, OrderRecords)>, Error> {
        let steps = self.books.order(merchant, order_no).map_err(unreadable)?;
        let Some(steps) = steps else { return Ok(None) };
        let settled = steps.iter().position(|(step, _)| *step == OrderStep::Settled);
        let from = settled.unwrap_or(steps.len().saturating_sub(1));
        let records = steps[from..].iter().map(|(_, position)| *position).collect();
        Ok(Some((settled.is_some(), records)))
    }

    /// Checks that a record begins at `position`, which somebody outside has named.
    ///
    /// # Errors
    /// [`Error::UnknownPosition`], or [`Error::Unreadable`].
    pub(crate) fn check_position(&self, position: Position) -> Result<(), Error> {
        match self.journal.record(position) {
            Ok(_) => Ok(()),
            Err(ReadError::NotDurable { .. } | ReadError::Damaged(_)) => {
                Err(Error::UnknownPosition)
            }
            Err(error @ (ReadError::Truncated { .. } | ReadError::Io { .. })) => {
                Err(unreadable(error))
            }
        }
    }

    /// What happened to `topic` at `position`, where it happened before, and the record's bytes.
    fn link(
        &self,
        topic: Topic,
        position: Position,
    ) -> Result<(DurableEvent, Position, usize), Error> {
        let (record, bytes) = self.weighed(position)?;
        let link = record.topics().iter().position(|concerned| *concerned == topic);
        let link = link.ok_or(Error::UnknownPosition)?;
        let before = record.prevs[link];
        Ok((DurableEvent::of_record(record, link), before, bytes))
    }

    /// One page of `topic`'s chain, newest first, from the record at `newest` on; shorter where the records
    /// are long.
    ///
    /// # Errors
    /// [`Error::UnknownPosition`] when that record is not the topic's, or [`Error::Unreadable`].
    pub(crate) fn statement(
        &self,
        topic: Topic,
        newest: Position,
        limit: usize,
    ) -> Result<Statement, Error> {
        let mut events = Vec::with_capacity(limit.min(limits::PAGE_ROWS_MAX));
        let (mut at, mut bytes) = (newest, 0);
        while at != Position::NONE && events.len() < limit && bytes < limits::PAGE_BYTES_MAX {
            let (event, before, more) = self.link(topic, at)?;
            events.push(event);
            (at, bytes) = (before, bytes + more);
        }
        Ok(Statement { events, next: (at != Position::NONE).then_some(at) })
    }

    /// What happened to `topic` after `after`, up to and with `newest`, oldest first.
    ///
    /// # Errors
    /// [`Error::UnknownPosition`] when `after` is not on the topic's chain, [`Error::GapTooLong`],
    /// or [`Error::Unreadable`].
    pub(crate) fn gap(
        &self,
        topic: Topic,
        newest: Position,
        after: Position,
    ) -> Result<VecDeque<DurableEvent>, Error> {
        let mut gap = VecDeque::new();
        let (mut at, mut bytes) = (newest, 0);
        while at > after {
            if gap.len() >= limits::RESUME_EVENTS_MAX || bytes >= limits::RESUME_BYTES_MAX {
                return Err(Error::GapTooLong);
            }
            let (event, before, more) = self.link(topic, at)?;
            gap.push_front(event);
            (at, bytes) = (before, bytes + more);
        }
        if at == after { Ok(gap) } else { Err(Error::UnknownPosition) }
    }

    /// The order whose records stand at `positions`: its settlement, then its refunds.
    ///
    /// # Errors
    /// [`Error::Unreadable`], or [`Error::OrderNotPaid`].
    pub(crate) fn order(&self, positions: &[Position]) -> Result<Order, Error> {
        let (first, refunds) = positions.split_first().ok_or(Error::UnknownOrder)?;
        let Event::Settled(settlement) = self.record(*first)?.event else {
            return Err(Error::OrderNotPaid);
        };
        let mut order = Order::settled(settlement, *first);
        for position in refunds {
            if let Event::Refunded(refund) = self.record(*position)?.event {
                order.apply(&refund, *position);
            }
        }
        Ok(order)
    }
}

/// Where an order's records stand: settlement and refunds, or decline.
pub(crate) type OrderRecords = SmallVec<[Position; 1]>;

/// One page of a topic's history, newest first.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The events.
    pub events: Vec<DurableEvent>,
    /// Where the next page begins; `None` when this one reached the topic's first record.
    pub next: Option<Position>,
}

/// A state that cannot be made of what the books say: they are corrupt, or this is a bug.
#[derive(Debug, thiserror::Error)]
#[error("loading a state panicked")]
struct LoadPanicked;

type Job = Box<dyn FnOnce(&Shelves) + Send>;

/// Those who read.
pub(crate) enum Archive {
    /// Threads, which take what waits.
    Threads {
        /// What waits.
        jobs: Mutex<Option<mpsc::Sender<Job>>>,
        /// All of them.
        threads: Mutex<Vec<JoinHandle<()>>>,
    },
    /// A task for each job, on the thread that asks.
    Tasks {
        /// What they read from.
        shelves: Shelves,
        /// How long each takes before it reads.
        takes: Duration,
    },
}

impl Archive {
    /// Starts `threads` reading threads, all of this `name`.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub(crate) fn open(shelves: &Shelves, name: &str, threads: usize) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        let spawn = |_| {
            let (shelves, queue) = (shelves.clone(), Arc::clone(&queue));
            thread::Builder::new().name(name.into()).spawn(move || {
                loop {
                    let job = queue.lock().recv();
                    let Ok(job) = job else { return };
                    // A job that panics has its own guard; the thread goes on for the others.
                    if catch_unwind(AssertUnwindSafe(|| job(&shelves))).is_err() {
                        tracing::error!("a reading job panicked");
                    }
                }
            })
        };
        let threads = (0..threads).map(spawn).collect::<std::io::Result<Vec<_>>>()?;
        Ok(Self::Threads { jobs: Mutex::new(Some(jobs)), threads: Mutex::new(threads) })
    }

    /// Has `job` read; says whether somebody will.
    pub(crate) fn run(&self, job: impl FnOnce(&Shelves) + Send + 'static) -> bool {
        match self {
            Self::Threads { jobs, .. } => {
                jobs.lock().as_ref().is_some_and(|jobs| jobs.send(Box::new(job)).is_ok())
            }
            Self::Tasks { shelves, takes } => {
                let (shelves, takes) = (shelves.clone(), *takes);
                drop(actix_rt::spawn(async move {
                    tokio::time::sleep(takes).await;
                    job(&shelves);
                }));
                true
            }
        }
    }

    /// Has `load` read and tells what it found, also that it panicked: whoever
    /// waits for a state never waits for ever.
    pub(crate) fn load<T>(
        &self,
        load: impl FnOnce(&Shelves) -> Result<T, Error> + Send + 'static,
        tell: impl FnOnce(Result<T, Error>) + Send + 'static,
    ) {
        self.run(move |shelves| {
            let found = catch_unwind(AssertUnwindSafe(|| load(shelves)));
            tell(found.unwrap_or_else(|_| Err(unreadable(LoadPanicked))));
        });
    }

    /// Has `read` read; the answer can be awaited anywhere.
    pub(crate) fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Shelves) -> Result<T, Error> + Send + 'static,
    ) -> impl Future<Output = Result<T, Error>> + Send + 'static {
        let (sender, receiver) = oneshot::channel();
        let running = self.run(move |shelves| drop(sender.send(read(shelves))));
        async move {
            let lost = if running { Error::Unanswered } else { Error::Closing };
            receiver.await.unwrap_or(Err(lost))
        }
    }

    /// Finishes what was asked, and ends the threads.
    pub(crate) fn close(&self) {
        let Self::Threads { jobs, threads } = self else { return };
        jobs.lock().take();
        for thread in threads.lock().drain(..) {
            // A query may have held the last handle of its engine: its thread ends after it.
            if thread.thread().id() != thread::current().id() && thread.join().is_err() {
                tracing::error!("a reading thread panicked");
            }
        }
    }
}

/// An operating error of books or journal, as the engine's own.
pub(crate) fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Unreadable(Arc::new(error))
}
