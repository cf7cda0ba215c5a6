//! Every bound of the server, with its unit and its reason.

use std::{
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

/// Names that one request may ask for: a table's, with room.
pub const NAMES_MAX: usize = 200;

/// When to ask again for what is being done right now, in milliseconds.
pub const RETRY_SOON_MS: u64 = 250;

/// How long a report waits for the books.
pub const BOOKS_WAIT: Duration = Duration::from_secs(2);

/// Largest body of an HTTP request, in bytes: that of a frame, and for a bill the longest that the
/// engine takes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// See there.
pub const BILL_BYTES_MAX: usize = 1024 * 1024;

/// How deep a frame or a body may be nested: a bill's claims lie five deep, a passkey's answer four.
pub const JSON_DEPTH_MAX: usize = 32;

/// How long a body may take to come in: a slow phone's, not a slow attacker's.
pub const BODY_WITHIN: Duration = Duration::from_secs(10);

/// How long a connection that is closed waits for the other side to close it too.
pub const LINGER: Duration = Duration::from_secs(1);

/// How long shutting down waits for banks after every order has ended, however long those last.
pub const CLOSE_AFTER_ORDERS: Duration = Duration::from_secs(30);

/// How long shutting down waits for commands that the engine has finished with: their answers are
/// being kept.
pub const COMMANDS_END_WITHIN: Duration = Duration::from_secs(10);

/// Longest idempotency key, in bytes. Source: Stripe's, 255.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

/// Orders of one merchant in flight at once, of all that the engine admits: the tables of an arena, and a
/// thirty-second of what all shops have.
pub const ORDERS_PER_MERCHANT_MAX: u32 = 2_048;

/// Locks that people share, by their ids, while they open a wallet or a shop: few share one.
pub const OPENING_LOCKS: usize = 64;

/// Between two looks whether the journal is well.
pub const JOURNAL_LOOKED_AT_EVERY: Duration = Duration::from_millis(500);

/// How long a server whose journal has failed says so before it ends: the operator's page looks each
/// second.
pub const POISON_TOLD_FOR: Duration = Duration::from_secs(3);

/// How long one batch of spans may take to be exported, and the last one at the end.
pub const EXPORT_WITHIN: Duration = Duration::from_secs(5);

/// Longest answer of a collector that is read, in bytes: it says what was not taken.
pub const EXPORT_ANSWER_BYTES_MAX: u64 = 64 * 1024;

// --- live ----------------------------------------------------------------------------------

/// Largest frame that a client may send, in bytes: a bill of five hundred lines.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;

/// Whole pieces of so many bytes that pushes of one topic may have which its slowest listener has not
/// heard. With one more everybody there is cut, and resumes: that listener keeps what it has not heard in
/// memory. What dinners of eight are told to a shop never comes to that before its number does.
pub const PUSHES_PIECES_MAX: usize = 16;
/// See there.
pub const PUSHES_PIECE_BYTES: usize = 1024 * 1024;

/// Longest gap that a resuming session is sent, in bytes: it is held in memory until the socket takes
/// it. After more the topic's state is given instead.
pub const RESUME_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Requests of one session that may be under way at once.
pub const SESSION_REQUESTS_MAX: usize = 64;

/// Topics that one session may listen to.
pub const SESSION_SUBSCRIPTIONS_MAX: usize = 64;

/// Live sessions of one person or till at once.
pub const SESSIONS_PER_IDENTITY_MAX: u32 = 64;

/// Requests that one identity may send in a second, in the long run; a session as well, whose pings
/// and pongs count like requests.
pub const REQUESTS_PER_SECOND: NonZeroU32 = NonZeroU32::new(50).expect("not zero");
/// How many seconds' worth may come at once: a till at a food court's noon.
pub const REQUESTS_BURST_FACTOR: NonZeroU32 = NonZeroU32::new(4).expect("not zero");

/// Sign-ups, sign-ins and recoveries that one address may begin in a minute; wrong recovery codes of one
/// name as well.
pub const ATTEMPTS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(10).expect("not zero");

/// Days that one stays signed in at most: a phone is asked for its finger once a month, even in use.
pub const SESSION_DAYS: NonZeroU64 = NonZeroU64::new(30).expect("not zero");
/// Hours that one stays signed in without asking for anything: from lunch to the end of the evening,
/// and not to the next day.
pub const SESSION_IDLE_HOURS: NonZeroU64 = NonZeroU64::new(12).expect("not zero");

/// How long a session that has to go waits for answers to what it has asked.
pub const LEAVE_WITHIN: Duration = Duration::from_secs(5);

/// Between two pings. A session that has not been heard of for twice this long is over.
pub const HEARTBEAT: Duration = Duration::from_secs(20);

/// How long a session may stay nobody's without asking anything.
pub const SIGN_IN_WITHIN: Duration = Duration::from_secs(120);

/// How long a session may stay nobody's whatever it asks: longer than anybody takes to sign up.
pub const NOBODY_FOR: Duration = Duration::from_secs(15 * 60);

/// Live sessions of nobody in particular from one address: phones of a house behind one address that
/// all come back at once, and a fiftieth of [`CONNECTIONS_MAX`].
pub const NOBODIES_PER_ADDRESS: NonZeroU32 = NonZeroU32::new(2_000).expect("not zero");

/// Connections that each of the server's threads takes, where the process may have as many files open.
pub const CONNECTIONS_MAX: usize = 100_000;

/// Connections of one address at once, sessions included: all phones of an arena behind one address.
pub const CONNECTIONS_PER_ADDRESS: NonZeroU32 = NonZeroU32::new(8_192).expect("not zero");

/// Files that connections leave to journal, books, register, outbox and webhooks, out of those that the
/// process may have open; half of them where there are few.
pub const FILES_KEPT: usize = 1_024;

/// Connections below which whoever runs the server is told at the start that there are few.
pub const CONNECTIONS_FEW: usize = 10_000;

const _: () = {
    // Two thousand bytes are more than a dinner of eight has.
    assert!(MERCHANT_PUSHES_KEPT * 2_000 < PUSHES_PIECES_MAX * PUSHES_PIECE_BYTES);
    assert!(ORDERS_PER_MERCHANT_MAX as usize * 32 <= fanju::limits::ORDERS_IN_FLIGHT_MAX);
    assert!(SIGN_IN_WITHIN.as_secs() < NOBODY_FOR.as_secs());
    assert!(NOBODIES_PER_ADDRESS.get() <= CONNECTIONS_PER_ADDRESS.get());
    // One address never has all that a thread takes, where files do not run short before.
    assert!(NOBODIES_PER_ADDRESS.get() as usize <= CONNECTIONS_MAX / 50);
    // Nor does one site, as far as it is told apart.
    let sites_max = CONNECTIONS_MAX / 5;
    let site = NOBODIES_PER_ADDRESS.get() * crate::auth::limits::SUBSCRIBERS_PER_SITE.get();
    assert!(site as usize <= sites_max);
};

/// How long data may stay unacknowledged before the kernel gives a connection up: a half-open socket
/// must not hold its session's queue for a quarter of an hour.
pub const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(30);

/// A connection for which bytes wait is given up unless so many are taken in this time: half of what the
/// slowest phones can, so that four megabytes are held for half an hour at most.
pub const PACE_BYTES_MIN: usize = 128 * 1024;
/// See there.
pub const PACE_WINDOW: Duration = Duration::from_secs(60);

/// Between two progress pushes of one topic: what changes faster is told as it stands then.
pub const PROGRESS_EVERY: Duration = Duration::from_millis(40);

/// Pushes that one topic keeps for its slowest listener, by kind of topic. A listener who is
/// further behind is cut, and resumes.
pub const WALLET_PUSHES_KEPT: usize = 16;
/// Pushes of one topic after which its listeners get a turn: half of the smallest ring.
pub const PUSHES_AT_ONCE: usize = WALLET_PUSHES_KEPT / 2;
/// A table has more news than a wallet.
pub const GROUP_PUSHES_KEPT: usize = 256;
/// A shop has the news of all its tables.
pub const MERCHANT_PUSHES_KEPT: usize = 8_192;
