//! Endpoints and cursors: who wants what, and from where on.

use fanju::{
    id::{MerchantId, Position},
    time::Timestamp,
};
use rusqlite::{Connection, OptionalExtension as _, Row};
use uuid::Uuid;

use super::{
    super::{
        answer::{Disabled, DisabledReason, Webhook, WebhookId},
        error::WebhookError,
        limits::{ENDPOINTS_MAX, SECRET_OVERLAP},
        signing::{SECRET_BYTES, Secret},
    },
    EndpointKey, Outbox, bound, number, position, sql,
};
use crate::epoch;

/// An endpoint's part in the schedule, as it was left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) struct Seat {
    pub(in super::super) key: EndpointKey,
    pub(in super::super) merchant: MerchantId,
    pub(in super::super) due_at: Option<Timestamp>,
    pub(in super::super) rest_until: Timestamp,
    pub(in super::super) slow: bool,
}

impl Outbox {
    /// Adds an endpoint of `webhook.merchant` that gets what happens after `since`, the merchant's
    /// present position.
    pub(in super::super) fn add(
        &self,
        webhook: &Webhook,
        secret: &Secret,
        since: Position,
    ) -> Result<EndpointKey, WebhookError> {
        let merchant = webhook.merchant.0.as_bytes();
        self.write(|transaction| {
            let (all, enabled): (i64, i64) = transaction.query_row(
                "SELECT count(*), count(*) FILTER (WHERE disabled IS NULL)
                 FROM endpoints WHERE merchant = ?1",
                [merchant],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            if all >= bound(ENDPOINTS_MAX) {
                return Err(WebhookError::TooManyWebhooks);
            }
            if enabled == 0 {
                // Nobody followed this merchant: a cursor that is left from before stands far
                // behind, for nobody.
                let set = "INSERT OR REPLACE INTO cursors (merchant, position) VALUES (?1, ?2)";
                transaction.execute(set, (merchant, sql(since)))?;
            }
            transaction.execute(
                "INSERT INTO endpoints (id, merchant, url, kinds, secret, since, created_at, slow)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1)",
                (
                    webhook.id.0.as_bytes(),
                    merchant,
                    &webhook.url,
                    webhook.events.as_ref().map(|kinds| kinds.join(" ")),
                    secret.as_bytes(),
                    sql(since),
                    webhook.created_at.0,
                ),
            )?;
            Ok(EndpointKey(transaction.last_insert_rowid()))
        })
    }

    /// A merchant's endpoints, oldest first.
    pub(in super::super) fn list(
        &self,
        merchant: MerchantId,
        now: Timestamp,
    ) -> Result<Vec<Webhook>, WebhookError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT id, url, kinds, created_at, old_secret_until, failures, disabled,
                        disabled_at
                 FROM endpoints WHERE merchant = ?1 ORDER BY key",
            )?;
            let mut rows = select.query([merchant.0.as_bytes()])?;
            let mut webhooks = Vec::new();
            while let Some(row) = rows.next()? {
                webhooks.push(webhook(row, merchant, now)?);
            }
            Ok(webhooks)
        })
    }

    /// Removes an endpoint with everything that was sent to it, or is still to be.
    pub(in super::super) fn remove(
        &self,
        merchant: MerchantId,
        id: WebhookId,
    ) -> Result<EndpointKey, WebhookError> {
        self.write(|transaction| {
            let key = key(transaction, merchant, id)?;
            transaction.execute("DELETE FROM endpoints WHERE key = ?1", [key.0])?;
            transaction.execute(
                "DELETE FROM cursors WHERE merchant = ?1
                 AND NOT EXISTS (SELECT 1 FROM endpoints WHERE merchant = ?1)",
                [merchant.0.as_bytes()],
            )?;
            Ok(key)
        })
    }

    /// Puts `fresh` in the place of an endpoint's secret. What was replaced signs beside it for a day, and
    /// so does what that had replaced: nobody may have seen it.
    pub(in super::super) fn rotate(
        &self,
        merchant: MerchantId,
        id: WebhookId,
        fresh: &Secret,
        now: Timestamp,
    ) -> Result<(), WebhookError> {
        self.write(|transaction| {
            let key = key(transaction, merchant, id)?;
            let sql = "SELECT secret, iif(old_secret_until > ?2, old_secret, NULL) FROM endpoints
                       WHERE key = ?1";
            let (mut old, before): (Vec<u8>, Option<Vec<u8>>) =
                transaction.query_row(sql, (key.0, now.0), |row| Ok((row.get(0)?, row.get(1)?)))?;
            old.extend(before.iter().flatten().take(SECRET_BYTES));
            transaction.execute(
                "UPDATE endpoints SET old_secret = ?2, old_secret_until = ?3, secret = ?4
                 WHERE key = ?1",
                (key.0, old, now.after(SECRET_OVERLAP).0, fresh.as_bytes()),
            )?;
            Ok(())
        })
    }

    /// Endpoints that something can be sent to, as they were left.
    pub(in super::super) fn seats(&self) -> Result<Vec<Seat>, WebhookError> {
        self.read(|connection| {
            let mut select = connection.prepare(
                "SELECT key, merchant, rest_until, slow, (
                     SELECT min(next_at) FROM messages WHERE endpoint = key AND state = 0
                 ) FROM endpoints WHERE disabled IS NULL",
            )?;
            let seats = select.query_map([], |row| {
                Ok(Seat {
                    key: EndpointKey(row.get(0)?),
                    merchant: MerchantId(Uuid::from_bytes(row.get(1)?)),
                    rest_until: Timestamp(row.get(2)?),
                    slow: row.get(3)?,
                    due_at: row.get::<_, Option<i64>>(4)?.map(Timestamp),
                })
            })?;
            Ok(seats.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Merchants whose events somebody wants.
    pub(in super::super) fn followed(&self) -> Result<Vec<MerchantId>, WebhookError> {
        self.read(|connection| {
            let mut select = connection
                .prepare_cached("SELECT DISTINCT merchant FROM endpoints WHERE disabled IS NULL")?;
            let merchants = select
                .query_map([], |row| row.get(0).map(|id| MerchantId(Uuid::from_bytes(id))))?;
            Ok(merchants.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Says that positions are of `epoch` from now on. Those of another journal mean nothing in it:
    /// every cursor then begins at the merchant's present. Says whether that is so. In a copy of the
    /// same journal cursors go on, for this outbox was copied before it; what follows has ids of its own.
    pub(in super::super) fn adopt(&self, epoch: &str) -> Result<bool, WebhookError> {
        self.write(|transaction| {
            let known: Option<String> =
                transaction.query_row("SELECT epoch FROM meta", [], |row| row.get(0))?;
            if known.as_deref() == Some(epoch) {
                return Ok(false);
            }
            transaction.execute("UPDATE meta SET epoch = ?1, journal = journal + 1", [epoch])?;
            if known.is_none_or(|known| epoch::is_of_same_journal(&known, epoch)) {
                return Ok(false);
            }
            transaction.execute("UPDATE cursors SET position = NULL", [])?;
            transaction.execute("UPDATE endpoints SET since = 0", [])?;
            Ok(true)
        })
    }

    /// Up to where a merchant's events were taken, if that is known.
    pub(in super::super) fn cursor(
        &self,
        merchant: MerchantId,
    ) -> Result<Option<Position>, WebhookError> {
        self.read(|connection| {
            let cursor = "SELECT position FROM cursors WHERE merchant = ?1";
            let mut select = connection.prepare_cached(cursor)?;
            let cursor = select.query_row([merchant.0.as_bytes()], |row| row.get(0)).optional()?;
            Ok(cursor.flatten().map(position))
        })
    }

    /// Sets a merchant's cursor where its position means nothing.
    pub(in super::super) fn begin_at(
        &self,
        merchant: MerchantId,
        at: Position,
    ) -> Result<(), WebhookError> {
        self.write(|transaction| {
            let set = "UPDATE cursors SET position = ?2 WHERE merchant = ?1";
            transaction.execute(set, (merchant.0.as_bytes(), sql(at)))?;
            Ok(())
        })
    }
}

/// The number of the endpoint `id`, which must be the merchant's.
pub(super) fn key(
    connection: &Connection,
    merchant: MerchantId,
    id: WebhookId,
) -> Result<EndpointKey, WebhookError> {
    let find = "SELECT key FROM endpoints WHERE id = ?1 AND merchant = ?2";
    let mut select = connection.prepare_cached(find)?;
    let found = select.query_row((id.0.as_bytes(), merchant.0.as_bytes()), |row| row.get(0));
    found.optional()?.map(EndpointKey).ok_or(WebhookError::UnknownWebhook)
}

/// Disables an endpoint; what waits for it has failed.
pub(super) fn disable(
    connection: &Connection,
    endpoint: EndpointKey,
    reason: DisabledReason,
    now: Timestamp,
) -> Result<(), WebhookError> {
    let reason = match reason {
        DisabledReason::Gone => 1,
        DisabledReason::Backlog => 2,
    };
    connection.execute(
        "UPDATE endpoints SET disabled = ?2, disabled_at = ?3 WHERE key = ?1",
        (endpoint.0, reason, now.0),
    )?;
    connection.execute(
        "UPDATE messages SET state = 2, finished_at = ?2 WHERE endpoint = ?1 AND state = 0",
        (endpoint.0, now.0),
    )?;
    Ok(())
}

fn webhook(row: &Row<'_>, merchant: MerchantId, now: Timestamp) -> Result<Webhook, WebhookError> {
    let kinds: Option<String> = row.get(2)?;
    let disabled = match row.get::<_, Option<i64>>(6)? {
        None => None,
        Some(reason) => {
            let reason = match reason {
                1 => DisabledReason::Gone,
                2 => DisabledReason::Backlog,
                _ => return Err(WebhookError::Corrupt("an unknown reason to disable")),
            };
            Some(Disabled { reason, at: Timestamp(row.get(7)?) })
        }
    };
    let old_secret_until = row.get::<_, Option<i64>>(4)?.map(Timestamp);
    Ok(Webhook {
        id: WebhookId(Uuid::from_bytes(row.get(0)?)),
        merchant,
        url: row.get(1)?,
        events: kinds.map(|kinds| kinds.split(' ').map(str::to_owned).collect()),
        created_at: Timestamp(row.get(3)?),
        old_secret_until: old_secret_until.filter(|until| *until > now),
        failures: number(row.get(5)?)?,
        disabled,
    })
}
