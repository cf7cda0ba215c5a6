//! Every bound of the server, with its unit and its reason.

use std::time::Duration;

/// Names that one request may ask for: a table's, with room.
pub const NAMES_MAX: usize = 200;

/// When to ask again for what is being done right now, in milliseconds.
pub const RETRY_SOON_MS: u64 = 250;

/// How long a report waits for the books.
pub const BOOKS_WAIT: Duration = Duration::from_secs(2);

/// Largest body of an HTTP request, in bytes: the longest itemised bill that the engine takes.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Longest idempotency key, in bytes. Source: Stripe's, 255.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

// --- live ----------------------------------------------------------------------------------

/// Largest frame that a client may send, in bytes: a bill of five hundred lines.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;

/// Requests of one session that may be under way at once.
pub const SESSION_REQUESTS_MAX: usize = 64;

/// Topics that one session may listen to.
pub const SESSION_SUBSCRIPTIONS_MAX: usize = 64;

/// Requests that one session may send in a second, in the long run and at once.
pub const SESSION_REQUESTS_PER_SECOND: u32 = 50;
/// A till at a food court's noon is busier than that.
pub const SESSION_REQUESTS_BURST: u32 = 200;

/// Between two pings. A session that has not been heard of for twice this long is over.
pub const HEARTBEAT: Duration = Duration::from_secs(20);

/// How long a session may stay nobody's without asking anything.
pub const SIGN_IN_WITHIN: Duration = Duration::from_secs(120);

/// How long data may stay unacknowledged before the kernel gives a connection up: a half-open socket
/// must not hold its session's queue for a quarter of an hour.
pub const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(30);

/// Between two progress pushes of one topic: what changes faster is told as it stands then.
pub const PROGRESS_EVERY: Duration = Duration::from_millis(40);

/// Pushes that one topic keeps for its slowest listener, by kind of topic. A listener who is
/// further behind is cut, and resumes.
pub const WALLET_PUSHES_KEPT: usize = 16;
/// A table has more news than a wallet.
pub const GROUP_PUSHES_KEPT: usize = 256;
/// A shop has the news of all its tables.
pub const MERCHANT_PUSHES_KEPT: usize = 8_192;
