//! Every bound of webhooks, with its unit and its reason.

use std::time::Duration;

/// Webhooks of one merchant: each event is kept once for every one of them.
pub const ENDPOINTS_MAX: usize = 16;

/// Length of a webhook's URL, in bytes.
pub const URL_BYTES_MAX: usize = 2_048;

/// Messages that may wait for one endpoint: three days of a shop that takes twenty orders a
/// minute. An endpoint that is behind by more is disabled, lest it fills the disk.
pub const WAITING_MAX: usize = 100_000;

/// How long a message is kept after it was delivered or given up, for people who replay it.
pub const FINISHED_KEPT: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Finished messages kept for one endpoint, however young: two hundred megabytes of dinners.
pub const FINISHED_MAX: usize = 100_000;

/// Rows of the delivery log kept for one endpoint.
pub const DELIVERIES_KEPT_MAX: usize = 10_000;

/// Rows of one page of the delivery log.
pub const PAGE_ROWS_MAX: usize = 200;

/// Time between two looks for what may be thrown away.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(3_600);

/// Rows thrown away in one transaction: nobody waits long for a sweep.
pub const SWEEP_ROWS_MAX: usize = 1_000;

/// How long a secret that was replaced still signs beside the new one.
pub const SECRET_OVERLAP: Duration = Duration::from_secs(24 * 3_600);

/// Delivery threads, unless the settings say otherwise. One request each.
pub const THREADS: usize = 4;

/// Time that a receiver has for its whole answer. Source: Standard Webhooks, 15 to 30 s. The
/// kernel's timers may add an eighth (measured: 21.9 s for a server that never says a word).
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a name may take to resolve, and a connection to be made, of [`REQUEST_TIMEOUT`].
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(8);

/// How much of an answer's body is read, in bytes: it says nothing, but a connection that was read
/// to its end can be used again.
pub const ANSWER_BYTES_MAX: u64 = 4_096;

/// How much of an error's text is kept, in characters.
pub const ERROR_CHARS_MAX: usize = 200;

/// An endpoint that takes longer than this is slow, and shares a part of the threads with the
/// other slow ones and with those that never answered yet.
pub const SLOW: Duration = Duration::from_secs(3);

/// How long an endpoint rests at most after a failure that was not a throttle: a probe now and
/// then tells that it is back.
pub const REST_MAX: Duration = Duration::from_secs(30);

/// How long an endpoint that asks for mercy rests, unless it says.
pub const THROTTLE_REST: Duration = Duration::from_secs(60);

/// Longest `Retry-After` that is honoured: nobody talks us into silence.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// Events between the feeds and the outbox; then the feeds wait.
pub const NEWS_MAX: usize = 512;

/// Events that one transaction takes: they share its sync.
pub const TAKE_MAX: usize = 256;

/// First and longest pause before something that failed is tried again.
pub const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// See [`PAUSE_FIRST`].
pub const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Longest sleep of whoever waits for a time: clocks are set, and notices get lost.
pub const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// How long stopping waits for running requests.
pub const STOP_WITHIN: Duration = Duration::from_secs(25);

const _: () = {
    assert!(STOP_WITHIN.as_secs() * 8 > REQUEST_TIMEOUT.as_secs() * 9);
    assert!(CONNECT_TIMEOUT.as_secs() * 2 < REQUEST_TIMEOUT.as_secs());
    assert!(SLOW.as_secs() < REQUEST_TIMEOUT.as_secs());
    // A transaction's worth of events fits the queue twice.
    assert!(TAKE_MAX * 2 <= NEWS_MAX);
};
