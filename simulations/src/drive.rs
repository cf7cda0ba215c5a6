//! Drive: runs many futures of one kind on one thread, without a runtime and without allocating
//! for each of them.
//!
//! A load generator must cost little beside what it measures, and must start a dinner within
//! microseconds of its time; a runtime's timer wakes in milliseconds. The engine's futures need no
//! runtime, so this is one: slots that are used again, a list of slots that were woken, and
//! [`std::thread::park_timeout`].

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// Wake-ups handled before the caller gets a turn: it has arrivals to keep to.
const TURN_POLLS_MAX: usize = 256;

/// How long a sleeping thread lets fewer wake-ups than it waits for lie.
const NAP: Duration = Duration::from_micros(200);

/// Which slots were woken, by whatever thread.
struct Ready {
    woken: Mutex<Vec<usize>>,
    sleeping: AtomicBool,
    thread: Thread,
    /// How many must be woken before a sleeping thread is, and whoever wakes it pays for that.
    worth_waking: usize,
}

impl Ready {
    fn push(&self, slot: usize) {
        let mut woken = self.woken.lock();
        woken.push(slot);
        let worth = woken.len() >= self.worth_waking;
        drop(woken);
        if worth && self.sleeping.swap(false, Ordering::SeqCst) {
            self.thread.unpark();
        }
    }

    /// Takes what was woken; waits for something until `until`.
    fn take(&self, into: &mut Vec<usize>, until: Instant) {
        loop {
            {
                let mut woken = self.woken.lock();
                if !woken.is_empty() {
                    std::mem::swap(&mut *woken, into);
                    return;
                }
                // Set under the lock: whoever pushes after us sees it.
                self.sleeping.store(true, Ordering::SeqCst);
            }
            let now = Instant::now();
            if now >= until {
                self.sleeping.store(false, Ordering::SeqCst);
                return;
            }
            let sleep = until - now;
            thread::park_timeout(if self.worth_waking > 1 { sleep.min(NAP) } else { sleep });
            self.sleeping.store(false, Ordering::SeqCst);
        }
    }
}

struct Bell {
    slot: usize,
    ready: Arc<Ready>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ready.push(self.slot);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.push(self.slot);
    }
}

struct Slot<F> {
    future: Pin<Box<Option<F>>>,
    waker: Waker,
}

/// Futures in flight.
pub struct Drive<F> {
    slots: Vec<Slot<F>>,
    free: Vec<usize>,
    ready: Arc<Ready>,
    /// Woken slots, of which those before `polled` have had their turn.
    woken: Vec<usize>,
    polled: usize,
}

impl<F: Future> Default for Drive<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: Future> Drive<F> {
    /// Nothing in flight; everything will be polled on this thread.
    #[must_use]
    pub fn new() -> Self {
        Self::waking_for(1)
    }

    /// Nothing in flight; a sleeping thread is woken for `several` at once, or looks itself a little
    /// later. For many futures of which none is urgent.
    #[must_use]
    pub fn waking_for(several: usize) -> Self {
        let ready = Ready {
            woken: Mutex::default(),
            sleeping: AtomicBool::new(false),
            thread: thread::current(),
            worth_waking: several,
        };
        let (slots, free, woken) = (Vec::new(), Vec::new(), Vec::new());
        Self { slots, free, ready: Arc::new(ready), woken, polled: 0 }
    }

    /// How many are in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Takes `future` on and polls it once; gives its output if that was enough.
    pub fn start(&mut self, future: F) -> Option<F::Output> {
        let slot = self.free.pop().unwrap_or_else(|| {
            let slot = self.slots.len();
            let waker = Waker::from(Arc::new(Bell { slot, ready: Arc::clone(&self.ready) }));
            self.slots.push(Slot { future: Box::pin(None), waker });
            slot
        });
        self.slots[slot].future.set(Some(future));
        self.poll(slot)
    }

    /// Polls what was woken, at most a turn's worth, and hands out what is finished. With nothing
    /// to poll it sleeps, until `until` at the latest.
    pub fn turn(&mut self, until: Instant, mut finished: impl FnMut(F::Output)) {
        if self.polled == self.woken.len() {
            self.woken.clear();
            self.polled = 0;
            self.ready.take(&mut self.woken, until);
        }
        let end = self.woken.len().min(self.polled + TURN_POLLS_MAX);
        for at in self.polled..end {
            if let Some(output) = self.poll(self.woken[at]) {
                finished(output);
            }
        }
        self.polled = end;
    }

    fn poll(&mut self, slot: usize) -> Option<F::Output> {
        let Slot { future, waker } = &mut self.slots[slot];
        // A slot may be woken once more after its future has ended.
        let running = future.as_mut().as_pin_mut()?;
        match running.poll(&mut Context::from_waker(waker)) {
            Poll::Pending => None,
            Poll::Ready(output) => {
                future.set(None);
                self.free.push(slot);
                Some(output)
            }
        }
    }
}

/// Runs all of `futures`, at most `window` at once, and hands out what each gives.
///
/// # Errors
/// The first error of `finished`; the futures in flight are dropped then.
pub fn run_all<F: Future, E>(
    window: usize,
    futures: impl IntoIterator<Item = F>,
    mut finished: impl FnMut(F::Output) -> Result<(), E>,
) -> Result<(), E> {
    let mut drive = Drive::new();
    let mut futures = futures.into_iter();
    let mut outcome = Ok(());
    let mut exhausted = false;
    while outcome.is_ok() && !(exhausted && drive.in_flight() == 0) {
        while !exhausted && drive.in_flight() < window {
            match futures.next() {
                Some(future) => {
                    if let Some(output) = drive.start(future) {
                        finished(output)?;
                    }
                }
                None => exhausted = true,
            }
        }
        if drive.in_flight() > 0 {
            let patience = Instant::now() + Duration::from_secs(1);
            drive.turn(patience, |output| {
                if outcome.is_ok() {
                    outcome = finished(output);
                }
            });
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        future::{poll_fn, ready},
        sync::mpsc,
        time::Duration,
    };

    use super::*;

    #[test]
    fn futures_that_are_ready_at_once_need_no_turn() {
        let mut seen = Vec::new();
        let outcome: Result<(), Infallible> = run_all(2, (0..5).map(ready), |number| {
            seen.push(number);
            Ok(())
        });
        assert!(outcome.is_ok());
        assert_eq!(seen, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn wake_ups_from_another_thread_are_never_lost() {
        let (sender, wakers) = mpsc::channel::<Waker>();
        let waker_thread = thread::spawn(move || wakers.into_iter().for_each(Waker::wake));
        let hop = |_| {
            let (sender, mut hops) = (sender.clone(), 0);
            poll_fn(move |context| {
                if hops == 20 {
                    return Poll::Ready(());
                }
                hops += 1;
                sender.send(context.waker().clone()).expect("the other thread listens");
                Poll::Pending
            })
        };
        let mut count = 0;
        let outcome: Result<(), Infallible> = run_all(7, (0..500).map(hop), |()| {
            count += 1;
            Ok(())
        });
        drop(sender);
        assert!(outcome.is_ok());
        assert_eq!(count, 500);
        waker_thread.join().expect("the other thread ends");
    }

    #[test]
    fn a_turn_without_work_ends_at_its_time() {
        let mut drive = Drive::<std::future::Pending<()>>::new();
        assert!(drive.start(std::future::pending()).is_none());
        drive.turn(Instant::now() + Duration::from_millis(1), |()| unreachable!("never ready"));
        assert_eq!(drive.in_flight(), 1);
    }
}
