//! Every bound of this room, with its unit and its reason.

use std::{num::NonZeroU32, time::Duration};

// --- register ------------------------------------------------------------------------------

/// Devices on which one person is signed in; expired ones do not count.
pub const DEVICES_PER_PERSON_MAX: usize = 32;

/// Passkeys that one person may have; a sign-in reads them all.
pub const PASSKEYS_PER_PERSON_MAX: usize = 8;

/// The same for somebody who comes back by a recovery code: who lost all of them must find room.
pub const PASSKEYS_RECOVERED_MAX: usize = 2 * PASSKEYS_PER_PERSON_MAX;

/// Recovery codes that are made together. Source: GitHub gives 16, Google 10, Dropbox 10; what is
/// printed and put away need not be more than one loses phones.
pub const RECOVERY_CODES: usize = 8;

/// Wallets of one person; every request carries their list.
pub const WALLETS_PER_PERSON_MAX: usize = 64;

/// Merchants that one person works for; every request carries their list.
pub const MERCHANTS_PER_PERSON_MAX: usize = 256;

/// Merchants that one person may have founded, ever: each is there for good, with keys, rates and webhooks
/// of its own. A chain's branches beyond are founded by whoever runs them.
pub const MERCHANTS_FOUNDED_MAX: usize = 8;

/// Keys of one merchant.
pub const KEYS_PER_MERCHANT_MAX: usize = 64;

/// Staff of one merchant.
pub const STAFF_PER_MERCHANT_MAX: usize = 256;

/// Length of a device's, a passkey's or a key's label, in bytes.
pub const LABEL_BYTES_MAX: usize = 64;

/// Length of a passkey as stored, in bytes: an elliptic key needs less than one thousand, an RSA
/// key with a chain of certificates that nobody asked for ten.
pub const PASSKEY_BYTES_MAX: usize = 16 * 1024;

/// Identities and keys that are kept in memory, each; a thousand bytes or so for one.
pub const CACHED_MAX: usize = 16_384;

/// How far `last_seen_at` and `last_used_at` may lag behind: one write a minute for each.
pub const SEEN_EVERY: Duration = Duration::from_secs(60);

/// How long such notes are gathered before they are written together.
pub const SEEN_GATHERED: Duration = Duration::from_millis(500);

/// Notes about who was seen that may wait to be written; what is beyond is seen a minute later.
pub const SEEN_WAITING_MAX: usize = 4_096;

/// Connections that read beside the one that writes.
pub const READERS: usize = 4;

/// Rows that are out of date, removed with every write that adds one: more than it adds.
pub const PRUNED_AT_ONCE: u32 = 64;

/// Largest register that is read through for damage when it is opened, in bytes: about a second.
pub const CHECKED_BYTES_MAX: u64 = 256 * 1024 * 1024;

// --- looks ---------------------------------------------------------------------------------

/// How long a fresh look at finger or face counts: long enough for one errand.
pub const LOOK_LASTS: Duration = Duration::from_secs(5 * 60);

/// How long what was spent without a look counts towards the next.
pub const SPENT_COUNTS: Duration = Duration::from_secs(24 * 60 * 60);

// --- ceremonies ----------------------------------------------------------------------------

/// How long a ceremony may take: the person looks for a phone.
pub const CEREMONY_LASTS: Duration = Duration::from_secs(5 * 60);

/// Ceremonies under way; the oldest go first.
pub const CEREMONIES_MAX: usize = 10_000;

/// Those of them that began at one address, or in one /48 of IPv6, whose own oldest go first: with so many
/// networks one may begin twenty thousand a minute, and pushes nobody else's out.
pub const CEREMONIES_PER_ALLOTMENT_MAX: usize = CEREMONIES_MAX / 10;

// --- idempotency ---------------------------------------------------------------------------

/// Length of an idempotency key, in bytes.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

/// Length of the name under which a caller's keys are kept, in bytes.
pub const ASKER_BYTES_MAX: usize = 64;

/// How long an answer is kept. Source: `draft-ietf-httpapi-idempotency-key-header-07` leaves it to
/// the server; Stripe and Adyen keep at least a day.
pub const ANSWER_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Answers kept for one asker; the oldest go first.
pub const ANSWERS_PER_ASKER_MAX: u32 = 10_000;

/// Bytes of all answers kept for one asker: ten thousand receipts of a table of eight have about as
/// many. Of long ones fewer are kept.
pub const ANSWERS_BYTES_PER_ASKER_MAX: usize = 32 * 1024 * 1024;

/// Length of one answer, in bytes: a settlement of a thousand diners has a quarter of it.
pub const ANSWER_BYTES_MAX: usize = 1024 * 1024;

const _: () = {
    // The newest answer is always kept.
    assert!(ANSWER_BYTES_MAX <= ANSWERS_BYTES_PER_ASKER_MAX);
};

/// Commands under way at once, over all askers.
pub const COMMANDS_RUNNING_MAX: usize = 100_000;

// --- rates ---------------------------------------------------------------------------------

/// So many bytes of a request, or of its answer, cost one token, as far as they are begun: what is kept
/// for good (a draft, a table's rules), or waits in memory for a socket (a statement, a gap), is not
/// free because it comes in few.
pub const TOKEN_BYTES: usize = 4_096;

/// So much as these subscribers together may a site ask, which is a /56 of IPv6: what RFC 6177
/// leaves a home; carriers give each phone a /64.
pub const SUBSCRIBERS_PER_SITE: NonZeroU32 = NonZeroU32::new(8).expect("not zero");

/// So much as these tills together may a shop's keys ask, and so many sessions they have: a food court's
/// counters, and not [`KEYS_PER_MERCHANT_MAX`] times what a person may.
pub const TILLS_PER_SHOP: NonZeroU32 = NonZeroU32::new(8).expect("not zero");

/// Pages and files that one address may ask for, for each request that it may send without a token: a page
/// has some fifty, and the phones of a café come from one address.
pub const FILES_PER_REQUEST: NonZeroU32 = NonZeroU32::new(32).expect("not zero");

/// Invitations of one wallet by its name in an hour, from whomever; as many at once. One has friends, and
/// each invitation is kept for good. By a link one invites oneself.
pub const INVITATIONS_PER_HOUR: NonZeroU32 = NonZeroU32::new(60).expect("not zero");

/// How long one waits at most for what one's answers have cost: long ones end where patience does.
pub const RATE_DEBT_MAX: Duration = Duration::from_secs(60);

/// Identities or addresses whose rates are kept apart, each.
pub const RATES_MAX: usize = 65_536;

/// Requests after which they are counted again; there may be as many more in the meantime.
pub const RATES_COUNTED_EVERY: u32 = 1_024;

/// Rates that strangers share while more than [`RATES_MAX`] ask at once.
pub const RATES_SHARED: u16 = 4_096;
