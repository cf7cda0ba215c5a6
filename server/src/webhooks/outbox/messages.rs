//! Messages: from the journal into the outbox, and out of it.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use fanju::{
    id::{MerchantId, Position},
    time::Timestamp,
};
use rusqlite::{Connection, OptionalExtension as _, Transaction};
use uuid::Uuid;

use super::{
    super::{
        answer::DisabledReason,
        error::WebhookError,
        limits::WAITING_MAX,
        schedule::Verdict,
        signing::{SECRET_BYTES, Secret},
    },
    EndpointKey, Outbox, bound,
    endpoints::disable,
    number, position, sql,
};

/// An event of one merchant, on its way into the outbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in super::super) struct News {
    pub(in super::super) merchant: MerchantId,
    pub(in super::super) position: Position,
    /// The merchant's event before it.
    pub(in super::super) prev: Position,
    pub(in super::super) kind: &'static str,
    /// The event as it is sent.
    pub(in super::super) body: String,
}

/// What came of taking news.
#[derive(PartialEq, Eq, Debug, Default)]
pub(in super::super) struct Taken {
    /// Endpoints that have something new to be sent.
    pub(in super::super) due: BTreeSet<EndpointKey>,
    /// Endpoints that were disabled, since too much waits for them.
    pub(in super::super) disabled: BTreeSet<EndpointKey>,
    /// Merchants of whom something is missing before what came (H-1); nothing of it was taken.
    pub(in super::super) broken: BTreeSet<MerchantId>,
}

/// A message as it is sent next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in super::super) struct Outgoing {
    seq: i64,
    pub(in super::super) endpoint: EndpointKey,
    pub(in super::super) id: String,
    pub(in super::super) body: String,
    pub(in super::super) url: String,
    /// Those that sign, the newest first.
    pub(in super::super) secrets: Vec<Secret>,
    /// Attempts since the message was last begun.
    pub(in super::super) step: u32,
    /// Failures in a row of the endpoint.
    pub(in super::super) failures: u32,
}

/// One attempt, and what follows from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in super::super) struct Attempt {
    pub(in super::super) at: Timestamp,
    pub(in super::super) status: Option<u16>,
    pub(in super::super) error: Option<String>,
    pub(in super::super) duration_ms: u64,
    pub(in super::super) slow: bool,
    pub(in super::super) verdict: Verdict,
}

/// What is next for an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in super::super) struct Recorded {
    /// When its next message is due; `None`: nothing waits.
    pub(in super::super) due_at: Option<Timestamp>,
    /// Until when it rests.
    pub(in super::super) rest_until: Timestamp,
    /// It was slow last time, or nothing was sent to it yet.
    pub(in super::super) slow: bool,
    /// It was disabled, or is gone.
    pub(in super::super) over: bool,
}

/// One merchant's part in a transaction that takes news.
struct Following {
    cursor: Position,
    wants: Vec<Wants>,
    moved: bool,
}

struct Wants {
    endpoint: EndpointKey,
    since: Position,
    kinds: Option<String>,
}

impl Wants {
    fn has(&self, news: &News) -> bool {
        let kinds = self.kinds.as_deref();
        let wanted = kinds.is_none_or(|kinds| kinds.split(' ').any(|kind| kind == news.kind));
        wanted && news.position > self.since
    }
}

impl Outbox {
    /// Takes `news`, each merchant's in the order of its chain, and moves the cursors past them
    /// (H-1). What was taken before is passed over, and what nobody follows.
    pub(in super::super) fn take(
        &self,
        news: &[News],
        now: Timestamp,
    ) -> Result<Taken, WebhookError> {
        self.write(|transaction| {
            let journal = journal(transaction)?;
            let (mut taken, mut merchants) = (Taken::default(), BTreeMap::new());
            for one in news {
                let following = match merchants.entry(one.merchant) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(place) => place.insert(following(transaction, one.merchant)?),
                };
                let Some(following) = following else { continue };
                if one.position <= following.cursor || taken.broken.contains(&one.merchant) {
                    continue;
                }
                if one.prev > following.cursor {
                    taken.broken.insert(one.merchant);
                    continue;
                }
                for wants in following.wants.iter().filter(|wants| wants.has(one)) {
                    insert(transaction, wants.endpoint, journal, one, now)?;
                    taken.due.insert(wants.endpoint);
                }
                following.cursor = one.position;
                following.moved = true;
            }
            for (merchant, following) in &merchants {
                let Some(Following { cursor, moved: true, .. }) = following else { continue };
                let moves = "UPDATE cursors SET position = ?2 WHERE merchant = ?1";
                let mut update = transaction.prepare_cached(moves)?;
                update.execute((merchant.0.as_bytes(), sql(*cursor)))?;
            }
            for endpoint in &taken.due {
                if waits_too_much(transaction, *endpoint)? {
                    disable(transaction, *endpoint, DisabledReason::Backlog, now)?;
                    taken.disabled.insert(*endpoint);
                }
            }
            taken.due.retain(|endpoint| !taken.disabled.contains(endpoint));
            Ok(taken)
        })
    }

    /// The oldest message of `endpoint` that is due at `now`.
    pub(in super::super) fn outgoing(
        &self,
        endpoint: EndpointKey,
        now: Timestamp,
    ) -> Result<Option<Outgoing>, WebhookError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT seq, messages.id, body, url, step, failures, secret, old_secret,
                        old_secret_until
                 FROM messages INDEXED BY messages_in_order JOIN endpoints ON key = endpoint
                 WHERE endpoint = ?1 AND state = 0 AND next_at <= ?2 AND disabled IS NULL
                 ORDER BY seq LIMIT 1",
            )?;
            let mut rows = select.query((endpoint.0, now.0))?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let secret = |bytes| {
                Secret::from_bytes(bytes).map_err(|_| WebhookError::Corrupt("a secret's length"))
            };
            let mut secrets = vec![secret(row.get(6)?)?];
            let until: Option<i64> = row.get(8)?;
            if let (Some(old), Some(until)) = (row.get::<_, Option<Vec<u8>>>(7)?, until)
                && until > now.0
            {
                for one in old.chunks(SECRET_BYTES) {
                    secrets.push(secret(one.to_vec())?);
                }
            }
            Ok(Some(Outgoing {
                seq: row.get(0)?,
                endpoint,
                id: row.get(1)?,
                body: row.get(2)?,
                url: row.get(3)?,
                secrets,
                step: number(row.get(4)?)?,
                failures: number(row.get(5)?)?,
            }))
        })
    }

    /// Keeps what an attempt at `sent` came to (H-2), and says what is next for its endpoint.
    pub(in super::super) fn record(
        &self,
        sent: &Outgoing,
        attempt: &Attempt,
    ) -> Result<Recorded, WebhookError> {
        self.write(|transaction| {
            if settle_message(transaction, sent, attempt)? {
                insert_delivery(transaction, sent, attempt)?;
                settle_endpoint(transaction, sent.endpoint, attempt)?;
            }
            next(transaction, sent.endpoint)
        })
    }

    /// Messages that are not sent yet.
    pub(in super::super) fn waiting(&self) -> Result<u64, WebhookError> {
        self.read(|connection| {
            let count = "SELECT count(*) FROM messages WHERE state = 0";
            let mut select = connection.prepare_cached(count)?;
            let count: i64 = select.query_row([], |row| row.get(0))?;
            Ok(u64::try_from(count).unwrap_or(0))
        })
    }

    /// What is next for `endpoint`.
    pub(in super::super) fn next(&self, endpoint: EndpointKey) -> Result<Recorded, WebhookError> {
        self.read(|connection| next(connection, endpoint))
    }

    /// Begins a message of `merchant` anew, from the first attempt on; one that still waits is due
    /// at once.
    pub(in super::super) fn replay(
        &self,
        merchant: MerchantId,
        message: &str,
        now: Timestamp,
    ) -> Result<EndpointKey, WebhookError> {
        self.write(|transaction| {
            let find = "SELECT seq, key, disabled IS NOT NULL
                        FROM messages JOIN endpoints ON key = endpoint
                        WHERE messages.id = ?1 AND merchant = ?2";
            let found = transaction.query_row(find, (message, merchant.0.as_bytes()), |row| {
                Ok((row.get::<_, i64>(0)?, EndpointKey(row.get(1)?), row.get::<_, bool>(2)?))
            });
            let (seq, key, disabled) = found.optional()?.ok_or(WebhookError::UnknownMessage)?;
            if disabled {
                return Err(WebhookError::Disabled);
            }
            transaction.execute(
                "UPDATE messages SET step = CASE state WHEN 0 THEN step ELSE 0 END,
                        state = 0, finished_at = NULL, next_at = ?2
                 WHERE seq = ?1",
                (seq, now.0),
            )?;
            Ok(key)
        })
    }
}

/// Which journal positions are of, counted.
fn journal(connection: &Connection) -> Result<i64, WebhookError> {
    let mut select = connection.prepare_cached("SELECT journal FROM meta")?;
    Ok(select.query_row([], |row| row.get(0))?)
}

/// `None` when nobody follows the merchant, or nobody knows from where.
fn following(
    connection: &Connection,
    merchant: MerchantId,
) -> Result<Option<Following>, WebhookError> {
    let cursor = "SELECT position FROM cursors WHERE merchant = ?1";
    let mut select = connection.prepare_cached(cursor)?;
    let cursor = select.query_row([merchant.0.as_bytes()], |row| row.get(0)).optional()?;
    let Some(cursor) = cursor.flatten().map(position) else { return Ok(None) };
    let mut select = connection.prepare_cached(
        "SELECT key, since, kinds FROM endpoints WHERE merchant = ?1 AND disabled IS NULL",
    )?;
    let wants = select.query_map([merchant.0.as_bytes()], |row| {
        let (endpoint, since) = (EndpointKey(row.get(0)?), position(row.get(1)?));
        Ok(Wants { endpoint, since, kinds: row.get(2)? })
    })?;
    let wants = wants.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(Some(Following { cursor, wants, moved: false }))
}

fn insert(
    transaction: &Transaction<'_>,
    endpoint: EndpointKey,
    journal: i64,
    news: &News,
    now: Timestamp,
) -> Result<(), WebhookError> {
    let id = format!("msg_{}", Uuid::now_v7().simple());
    // The cursor keeps events from being taken twice; the key (endpoint, journal, position) does
    // so once more.
    let mut insert = transaction.prepare_cached(
        "INSERT INTO messages (id, endpoint, journal, position, kind, body, next_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (endpoint, journal, position) DO NOTHING",
    )?;
    let (position, kind) = (sql(news.position), news.kind);
    insert.execute((id, endpoint.0, journal, position, kind, &news.body, now.0))?;
    Ok(())
}

fn waits_too_much(connection: &Connection, endpoint: EndpointKey) -> Result<bool, WebhookError> {
    let probe = "SELECT 1 FROM messages WHERE endpoint = ?1 AND state = 0 LIMIT 1 OFFSET ?2";
    let mut select = connection.prepare_cached(probe)?;
    Ok(select.exists((endpoint.0, bound(WAITING_MAX)))?)
}

/// Says whether the message still exists.
fn settle_message(
    transaction: &Transaction<'_>,
    sent: &Outgoing,
    attempt: &Attempt,
) -> Result<bool, WebhookError> {
    let at = attempt.at;
    let (state, next_at) = match attempt.verdict {
        Verdict::Delivered => (1, at),
        Verdict::GivenUp { .. } | Verdict::Gone => (2, at),
        Verdict::Retry { after, .. } => (0, at.after(after)),
    };
    // Its endpoint may have been disabled while it was on its way: it failed then, and that it
    // arrived after all is still news.
    let mut update = transaction.prepare_cached(
        "UPDATE messages SET attempts = attempts + 1, step = step + 1, next_at = ?3,
                state = CASE WHEN ?2 = 1 OR state = 0 THEN ?2 ELSE state END,
                finished_at = CASE WHEN ?2 <> 0 THEN ?4 ELSE finished_at END
         WHERE seq = ?1",
    )?;
    Ok(update.execute((sent.seq, state, next_at.0, at.0))? == 1)
}

fn insert_delivery(
    transaction: &Transaction<'_>,
    sent: &Outgoing,
    attempt: &Attempt,
) -> Result<(), WebhookError> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO deliveries (endpoint, message, attempt, at, status, error, duration_ms)
         SELECT endpoint, seq, attempts, ?2, ?3, ?4, ?5 FROM messages WHERE seq = ?1",
    )?;
    let duration_ms = i64::try_from(attempt.duration_ms).unwrap_or(i64::MAX);
    let row = (sent.seq, attempt.at.0, attempt.status, attempt.error.as_deref(), duration_ms);
    insert.execute(row)?;
    Ok(())
}

fn settle_endpoint(
    transaction: &Transaction<'_>,
    endpoint: EndpointKey,
    attempt: &Attempt,
) -> Result<(), WebhookError> {
    let (failed, rest_until) = match attempt.verdict {
        Verdict::Delivered => (false, attempt.at),
        Verdict::Gone => return disable(transaction, endpoint, DisabledReason::Gone, attempt.at),
        Verdict::Retry { rest, .. } | Verdict::GivenUp { rest } => (true, attempt.at.after(rest)),
    };
    let mut update = transaction.prepare_cached(
        "UPDATE endpoints SET failures = CASE ?2 WHEN 0 THEN 0 ELSE failures + 1 END,
                rest_until = ?3, slow = ?4 WHERE key = ?1",
    )?;
    update.execute((endpoint.0, failed, rest_until.0, attempt.slow))?;
    Ok(())
}

fn next(connection: &Connection, endpoint: EndpointKey) -> Result<Recorded, WebhookError> {
    let find = "SELECT rest_until, slow FROM endpoints WHERE key = ?1 AND disabled IS NULL";
    let mut select = connection.prepare_cached(find)?;
    let found = select.query_row([endpoint.0], |row| Ok((row.get(0).map(Timestamp)?, row.get(1)?)));
    let Some((rest_until, slow)) = found.optional()? else {
        return Ok(Recorded { over: true, ..Recorded::default() });
    };
    let earliest = "SELECT min(next_at) FROM messages INDEXED BY messages_due
                    WHERE endpoint = ?1 AND state = 0";
    let mut select = connection.prepare_cached(earliest)?;
    let due_at: Option<i64> = select.query_row([endpoint.0], |row| row.get(0))?;
    Ok(Recorded { due_at: due_at.map(Timestamp), rest_until, slow, over: false })
}
