//! Every bound of the engine, with its unit and its reason.

use std::time::Duration;

// --- money ---------------------------------------------------------------------------------

/// Largest amount of one command, in minor units: a hundred billion yuan.
pub const AMOUNT_MINOR_MAX: i64 = 10_000_000_000_000;

/// Largest balance that a top-up, a transfer or an order may leave behind, in minor units.
/// Refunds may pass it (nobody can refuse his own money back), and so may what is on its way to one account
/// at the same moment; the distance to `i64::MAX` is room for nine thousand times this balance.
pub const BALANCE_MINOR_MAX: i64 = 1_000_000_000_000_000;

/// Reservations and holds that one wallet or merchant may carry at once; bounds their sum.
pub const RESERVATIONS_MAX: usize = 64;

/// Request ids that one account remembers, so that a repeated command finds its first answer.
pub const REQUESTS_REMEMBERED_MAX: usize = 64;

// --- groups --------------------------------------------------------------------------------

/// Diners in one group: a wedding hall's largest table plan.
pub const GROUP_MEMBERS_MAX: usize = 1_000;

/// Unanswered invitations of one group.
pub const GROUP_INVITATIONS_MAX: usize = 1_000;

/// Lines of one itemised bill.
pub const BILL_LINES_MAX: usize = 2_000;

/// Names of all lines of one draft together, in bytes: the journal has a draft in one record.
pub const DRAFT_TEXT_BYTES_MAX: usize = 128 * 1024;

/// Parts, claims or guests of one split.
pub const SPLIT_PARTS_MAX: usize = 5_000;

/// Refunds of one order; bounds the row that lists them.
pub const ORDER_REFUNDS_MAX: usize = 1_000;

/// Length of an order number, in bytes (Alipay's and WeChat's `out_trade_no`: 64 and 32).
pub const ORDER_NO_BYTES_MAX: usize = 64;

/// Length of a name or a note, in bytes.
pub const TEXT_BYTES_MAX: usize = 256;

/// How long a group code is shown before it is replaced.
pub const CODE_SHOWN: Duration = Duration::from_secs(60);

/// How much longer a replaced code is still accepted, for the hand that was slow at the till.
pub const CODE_GRACE: Duration = Duration::from_secs(15);

/// Time that an order has from scan to its end, unless the engine's configuration says otherwise:
/// as long as a till waits for a barcode payment. Source: Antom barcode payment, 60 s polling.
pub const ORDER_DEADLINE: Duration = Duration::from_secs(60);

// --- journal -------------------------------------------------------------------------------

/// Largest payload of one record, in bytes: a thousand diners with several sources each.
pub const RECORD_BYTES_MAX: usize = 256 * 1024;

/// Bytes after which a batch takes no more records; one batch is one sync.
pub const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// Bytes after which a segment is closed and the next one begun.
pub const SEGMENT_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Zeros that are written behind the journal's end, each time it has come to the end of those before.
/// Batches of more than half as many have none.
pub const ZEROS_AHEAD_BYTES: usize = 128 * 1024;

/// Most zeros behind the journal's end that a crash may leave: earlier builds allocated as many.
pub const ZEROS_AHEAD_BYTES_MAX: u64 = 16 * 1024 * 1024;

// --- books ---------------------------------------------------------------------------------

/// Records that the books fold in memory before they must be written, however recently the last
/// were: a tenth of a gigabyte, and what their accounts take.
pub const BOOKS_PENDING_RECORDS_MAX: usize = 1_000_000;

/// Wallets in the books' memory, changed or not, with which they must be written: a quarter of a
/// gigabyte, the most that a table of four million has room for without growing.
pub const BOOKS_PENDING_WALLETS_MAX: usize = 3_600_000;

/// Wallets whose keys the projector keeps in memory: a hundred bytes each. Beyond, they are looked up
/// at each write.
pub const BOOKS_WALLETS_MAX: usize = 1 << 20;

/// Groups that the projector keeps in memory, changed or not: half a kilobyte to a kilobyte each. With
/// fewer, a busy evening of more groups would be written every second, and read again.
pub const BOOKS_GROUPS_MAX: usize = 262_144;

/// Lines of a draft with which a group stays in the projector's memory: a long one has 250 kB.
pub const BOOKS_DRAFT_LINES_MAX: usize = 64;

/// Merchants whose keys the projector keeps in memory: 150 bytes each.
pub const BOOKS_MERCHANTS_MAX: usize = 65_536;

/// Idle connections that readers of the books keep open.
pub const BOOKS_READERS_IDLE_MAX: usize = 4;

/// Time between two writes of the books for which nobody waits, unless the configuration says
/// otherwise. What changes more than once in between is written once.
pub const BOOKS_FLUSH_INTERVAL: Duration = Duration::from_secs(5);

/// Pages in SQLite's log after which they are moved into the database: sixteen megabytes.
pub const BOOKS_LOG_PAGES_MAX: u32 = 4_096;

/// Bytes of the books that the disk is asked for at once, and the pause that follows, in which the
/// journal has its turn: 64 MB a second.
pub const BOOKS_STEP_BYTES: u64 = 256 * 1024;
/// See [`BOOKS_STEP_BYTES`].
pub const BOOKS_STEP_PAUSE: Duration = Duration::from_millis(4);

/// After a write, the books rest this many times as long as it took: they take a fifth of a core
/// at most. What goes to the disk has a pace of its own ([`BOOKS_STEP_BYTES`]).
pub const BOOKS_REST_FACTOR: u32 = 4;

/// The same where nobody waits for the rows: a tenth of a core. With a million wallets most change before
/// the next write, however late that is, and a write half as often is half the work.
pub const BOOKS_REST_FACTOR_UNWANTED: u32 = 9;

/// After an error that may pass (a full disk, a lock that somebody else holds) the books are opened again so
/// much later.
pub const BOOKS_RETRY: Duration = Duration::from_secs(1);

// --- engine --------------------------------------------------------------------------------

/// Orders between scan and end in one engine; more are refused as busy. Bounds what waits for a turn:
/// an order causes at most a handful of messages to each actor that it touches.
pub const ORDERS_IN_FLIGHT_MAX: usize = 65_536;

/// Other commands in flight in one engine, and moves over the bank's rail, and reads of books and journal:
/// so many of each; more are refused as busy.
pub const COMMANDS_IN_FLIGHT_MAX: usize = 65_536;

/// Time that a bank has for one answer, unless the engine's configuration says otherwise: longer than
/// drivers wait for a connection, and short enough to ask again within a visit.
pub const RAIL_ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// How often whoever has open moves and cannot be read is tried again, at most.
pub const WOKEN_EVERY_MIN: Duration = Duration::from_millis(1);

/// The same at least: from the first pause on each is twice as long.
pub const WOKEN_EVERY_MAX: Duration = Duration::from_secs(60);

/// Time that closing waits for banks and diners, unless the engine's configuration says otherwise:
/// every order has ended by then, only a bank may still be silent.
pub const CLOSE_WITHIN: Duration = Duration::from_secs(90);

/// Callers who may wait for the same answer (a bill in flight, a move on the rail) at once: each
/// holds a permit, and one impatient client must not use up everybody's.
pub const WAITERS_MAX: usize = 16;

/// Events that one subscriber may lag behind before it is told so and cut.
pub const SUBSCRIPTION_EVENTS_MAX: usize = 4_096;

/// Events that a resuming subscriber may have missed; after more he takes the state instead. As many
/// as he may lag behind: each is read from the journal and held until it is told.
pub const RESUME_EVENTS_MAX: usize = SUBSCRIPTION_EVENTS_MAX;

/// Bytes of records that a resuming subscriber may have missed.
pub const RESUME_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Subscribers of one topic.
pub const SUBSCRIBERS_MAX: usize = 4_096;

/// Rows of one page of a statement or a list.
pub const PAGE_ROWS_MAX: usize = 500;

/// Bytes of records after which a page of a statement ends, before its last row: a draft may have 150 kB.
pub const PAGE_BYTES_MAX: usize = 1024 * 1024;

#[allow(clippy::cast_possible_wrap, reason = "small constants; `TryFrom` is not const")]
const _: () = {
    // An account full of the largest reservations still sums inside an `i64` (W-1 needs the sum).
    assert!(AMOUNT_MINOR_MAX <= i64::MAX / RESERVATIONS_MAX as i64);
    // Everybody's share of the largest bill still sums (G-2 needs the sum).
    assert!(AMOUNT_MINOR_MAX <= i64::MAX / GROUP_MEMBERS_MAX as i64);
    assert!(BALANCE_MINOR_MAX <= i64::MAX / 9_000);
    assert!(ORDER_DEADLINE.as_secs() < CLOSE_WITHIN.as_secs());
    // Rules fit a record: a treat's guests and the parts of its split, 16 and 26 bytes at most.
    assert!((16 + 26) * SPLIT_PARTS_MAX + 1_024 < RECORD_BYTES_MAX);
    // So does a draft: its names, and for each line their length and an amount.
    assert!(DRAFT_TEXT_BYTES_MAX + (2 + 10) * BILL_LINES_MAX + 1_024 < RECORD_BYTES_MAX);
    // A batch holds at least one record of any size.
    assert!(RECORD_BYTES_MAX < BATCH_BYTES_MAX);
    assert!((BATCH_BYTES_MAX as u64) < SEGMENT_BYTES_MAX);
    // Books that keep as many wallets as they may are not full of them.
    assert!(BOOKS_WALLETS_MAX < BOOKS_PENDING_WALLETS_MAX);
};
