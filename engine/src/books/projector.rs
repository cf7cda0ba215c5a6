//! Projector: the thread that keeps the books up with the journal.

use std::{
    error::Error,
    io,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{Books, BooksError, Progress};
use crate::{
    journal::Reader,
    limits,
    sync::{AtomicBool, Ordering},
};

/// How long the thread lets records gather before it folds them. Woken for each batch it would take
/// turns with the thread that writes them, and each would wait for the other's processor.
const FOLD_INTERVAL: Duration = Duration::from_millis(50);

/// Of 99 on the scale of `thread_priority`, where it means a nice value of 10: a tenth of the share of
/// a thread at 0. Source: sched(7), each step of nice is a factor of about 1.25.
#[cfg(target_os = "linux")]
const PRIORITY: u8 = 22;

/// Keeps the books up with the journal until it is stopped or the journal is closed; then it folds
/// what is durable and writes it. An error is told by [`Progress::error`], and stops nothing else. One that
/// may pass is waited out, any other ends it.
#[derive(Debug)]
pub struct Projector {
    progress: Progress,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Books>>,
}

impl Projector {
    /// Starts the thread; it goes on where `books` are.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn(books: Books, journal: Reader) -> io::Result<Self> {
        let projection = Projection::new(books, journal);
        let (progress, stop) = (projection.progress.clone(), Arc::clone(&projection.stop));
        let run = || {
            yield_to_everybody();
            projection.run()
        };
        let thread = thread::Builder::new().name("fanju-books".to_owned()).spawn(run)?;
        Ok(Self { progress, stop, thread: Some(thread) })
    }

    /// How far the books are.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Ends the thread after one last write; gives the books back, written as far as they could be.
    ///
    /// # Panics
    /// Never: the thread catches what panics in it.
    #[must_use]
    pub fn stop(mut self) -> Option<Books> {
        self.join()
    }

    fn join(&mut self) -> Option<Books> {
        self.stop.store(true, Ordering::Release);
        self.progress.wake();
        // Whom the thread calls may hold the last handle of it all: then it ends by itself.
        let others =
            |thread: &mut JoinHandle<Books>| thread.thread().id() != thread::current().id();
        self.thread.take_if(others).and_then(|thread| thread.join().ok())
    }
}

impl Drop for Projector {
    fn drop(&mut self) {
        drop(self.join());
    }
}

/// Lets this thread have little while others want more: nobody waits for the books, and everybody for
/// those who decide. It keeps a small share, so that books fall behind no further than it takes and
/// closing never waits for an idle machine. Decision 10 has the figures.
fn yield_to_everybody() {
    #[cfg(target_os = "linux")]
    {
        use thread_priority::{
            NormalThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
            set_thread_priority_and_policy, thread_native_id,
        };
        let batch = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Batch);
        let set = ThreadPriorityValue::try_from(PRIORITY).and_then(|priority| {
            let priority = ThreadPriority::Crossplatform(priority);
            set_thread_priority_and_policy(thread_native_id(), priority, batch)
                .map_err(|error| format!("{error:?}"))
        });
        if let Err(error) = set {
            tracing::debug!(error, "the books run like everybody else");
        }
    }
}

/// What the projector does, on whatever thread.
#[derive(Debug)]
pub(crate) struct Projection {
    books: Books,
    journal: Reader,
    progress: Progress,
    stop: Arc<AtomicBool>,
}

impl Projection {
    pub(crate) fn new(books: Books, journal: Reader) -> Self {
        let progress = Progress::new(books.checkpoint().position);
        Self { books, journal, progress, stop: Arc::default() }
    }

    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Folds and writes all that is durable now; says whether another round may follow. For whoever
    /// gives the projector turns and no thread.
    pub(crate) fn round(&mut self) -> bool {
        // Looked at before the journal: what was durable when it ended is still folded.
        let ended = self.journal.has_ended();
        let caught_up = self.books.catch_up(&self.journal);
        let position = self.books.checkpoint().position;
        if position > self.progress.position() {
            self.progress.flushed(position, 0, Duration::ZERO);
        }
        let goes_on = caught_up.is_ok() && !ended;
        if !goes_on {
            self.progress.end(caught_up.err().map(Arc::new));
        }
        goes_on
    }

    fn run(mut self) -> Books {
        loop {
            let followed = panic::catch_unwind(AssertUnwindSafe(|| self.follow()));
            let error = match followed {
                Ok(Ok(())) => break self.progress.end(None),
                Ok(Err(error)) => error,
                Err(panicked) => {
                    let text = panicked.downcast_ref::<String>().map(String::as_str);
                    let text = text.or_else(|| panicked.downcast_ref::<&str>().copied());
                    let message = text.unwrap_or("no message").to_owned();
                    BooksError::Panicked { message }
                }
            };
            let position = self.books.folded().position.0;
            // Logs in JSON have no sources of an error.
            let cause = error.source().map(tracing::field::display);
            tracing::error!(%error, cause, position, "books stopped");
            let error = Arc::new(error);
            if !error.may_pass() || !self.begins_again(&error) {
                break self.progress.end(Some(error));
            }
        }
        self.books
    }

    /// Waits until the books can be opened again from their rows; says whether they are, because whoever
    /// stops waits for nothing.
    fn begins_again(&mut self, error: &Arc<BooksError>) -> bool {
        self.progress.fail(Arc::clone(error));
        loop {
            self.progress.nap(limits::BOOKS_RETRY);
            if self.stop.load(Ordering::Acquire) || self.journal.has_ended() {
                return false;
            }
            match self.books.reopen() {
                Ok(()) => break,
                Err(error) if error.may_pass() => {
                    tracing::debug!(%error, "books cannot be opened again yet");
                }
                // Above all a sync that failed: the second one would seem to succeed.
                Err(error) => {
                    tracing::error!(%error, "books cannot be opened again");
                    return false;
                }
            }
        }
        let position = self.books.checkpoint().position;
        if position > self.progress.position() || position >= self.journal.durable() {
            // What failed was behind the write, and there may be no other for long.
            self.progress.flushed(position, 0, Duration::ZERO);
        }
        true
    }

    fn follow(&mut self) -> Result<(), BooksError> {
        let journal = self.journal.clone();
        let mut batches = journal.batches_after(self.books.folded());
        let mut next_step = Instant::now();
        loop {
            // Looked at before the journal: what was durable when it was set is still folded.
            let stopping = self.stop.load(Ordering::Acquire) || journal.has_ended();
            let batch = batches.next_batch()?;
            let caught_up = batch.is_none();
            if let Some(batch) = batch {
                self.books.project_batch(&batch)?;
            }
            let now = Instant::now();
            self.progress.observe(self.journal.durable(), self.books.pending(), now);
            let wanted = self.progress.is_wanted_of(self.books.folded().position);
            let flush_in = self.books.next_flush_in(now, wanted);
            if flush_in.is_some_and(|wait| wait.is_zero()) {
                self.flush()?;
            } else if caught_up {
                if stopping {
                    break;
                }
                self.rest(flush_in)?;
            } else if now >= next_step {
                // Who never catches up still hands over what it has written.
                self.books.hand_over()?;
                next_step = now + limits::BOOKS_STEP_PAUSE;
            }
        }
        self.flush()
    }

    /// Lets records gather until it is time to fold or write them, and hands over meanwhile what was
    /// written. Never waits on the journal itself: the thread that writes it would have to wake this
    /// one, or wait for a lock that it holds.
    fn rest(&mut self, flush_in: Option<Duration>) -> Result<(), BooksError> {
        let mut nap = flush_in.map_or(FOLD_INTERVAL, |flush_in| flush_in.min(FOLD_INTERVAL));
        while self.books.hand_over()? {
            let pause = nap.min(limits::BOOKS_STEP_PAUSE);
            nap -= pause;
            if self.progress.nap(pause) || nap.is_zero() {
                return Ok(());
            }
        }
        self.progress.nap(nap);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), BooksError> {
        let records = self.books.pending();
        if self.books.folded() == self.books.checkpoint() {
            return Ok(());
        }
        let took = self.books.flush()?;
        self.progress.flushed(self.books.checkpoint().position, records, took);
        Ok(())
    }
}
