//! The delivery log, and what is thrown away with age.

use fanju::{id::MerchantId, time::Timestamp};
use rusqlite::{Row, params_from_iter};

use super::{
    super::{
        answer::{Deliveries, Delivery, MessageState, WebhookId},
        error::WebhookError,
        limits::{DELIVERIES_KEPT_MAX, FINISHED_KEPT, FINISHED_MAX, PAGE_ROWS_MAX, SWEEP_ROWS_MAX},
    },
    Outbox, bound,
    endpoints::key,
    number, position,
};

impl Outbox {
    /// A page of an endpoint's delivery log, newest first, of rows before `before`.
    pub(in super::super) fn deliveries(
        &self,
        merchant: MerchantId,
        id: WebhookId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Deliveries, WebhookError> {
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        self.read(|connection| {
            let endpoint = key(connection, merchant, id)?;
            let mut select = connection.prepare_cached(
                "SELECT row, id, kind, position, attempt, at, status, error, duration_ms, state,
                        next_at
                 FROM deliveries INDEXED BY deliveries_by_endpoint JOIN messages ON seq = message
                 WHERE deliveries.endpoint = ?1 AND row < ?2 ORDER BY row DESC LIMIT ?3",
            )?;
            let before = before.unwrap_or(i64::MAX);
            // One more than was asked for tells whether there is a next page.
            let mut rows = select.query((endpoint.0, before, bound(limit.saturating_add(1))))?;
            let mut deliveries = Vec::with_capacity(limit);
            let mut next = None;
            while let Some(row) = rows.next()? {
                if deliveries.len() == limit {
                    next = deliveries.last().map(|delivery: &Delivery| delivery.row);
                } else {
                    deliveries.push(delivery(row)?);
                }
            }
            Ok(Deliveries { deliveries, next })
        })
    }

    /// Throws away what is too old or too much, a piece at a time, so that nobody waits long.
    pub(in super::super) fn sweep(&self, now: Timestamp) -> Result<(), WebhookError> {
        let kept = i64::try_from(FINISHED_KEPT.as_micros()).unwrap_or(i64::MAX);
        let until = now.0.saturating_sub(kept);
        self.write(|transaction| {
            let forget = "UPDATE endpoints SET old_secret = NULL, old_secret_until = NULL
                          WHERE old_secret_until <= ?1";
            transaction.execute(forget, [now.0])?;
            Ok(())
        })?;
        self.delete(AGED, &[until, bound(SWEEP_ROWS_MAX)])?;
        let endpoints: Vec<i64> = self.read(|connection| {
            let mut select = connection.prepare_cached("SELECT key FROM endpoints")?;
            let keys = select.query_map([], |row| row.get(0))?;
            Ok(keys.collect::<rusqlite::Result<_>>()?)
        })?;
        for endpoint in endpoints {
            for (excess, kept) in [(MESSAGES, FINISHED_MAX), (DELIVERIES, DELIVERIES_KEPT_MAX)] {
                self.delete(excess, &[endpoint, bound(kept), bound(SWEEP_ROWS_MAX)])?;
            }
        }
        Ok(())
    }

    /// Runs a deletion of at most [`SWEEP_ROWS_MAX`] rows until it finds fewer.
    fn delete(&self, sql: &str, values: &[i64]) -> Result<(), WebhookError> {
        loop {
            let deleted = self.write(|transaction| {
                Ok(transaction.prepare_cached(sql)?.execute(params_from_iter(values))?)
            })?;
            if deleted < SWEEP_ROWS_MAX {
                return Ok(());
            }
        }
    }
}

/// Finished messages before a time.
const AGED: &str = "
DELETE FROM messages WHERE seq IN (
    SELECT seq FROM messages INDEXED BY messages_finished
    WHERE state <> 0 AND finished_at < ?1 LIMIT ?2)";

/// Finished messages of an endpoint, beyond as many of the newest.
const MESSAGES: &str = "
DELETE FROM messages WHERE seq IN (
    SELECT seq FROM messages INDEXED BY messages_kept
    WHERE endpoint = ?1 AND state <> 0 AND seq <= (
        SELECT seq FROM messages INDEXED BY messages_kept
        WHERE endpoint = ?1 AND state <> 0 ORDER BY seq DESC LIMIT 1 OFFSET ?2)
    LIMIT ?3)";

/// Rows of an endpoint's log, beyond as many of the newest.
const DELIVERIES: &str = "
DELETE FROM deliveries WHERE row IN (
    SELECT row FROM deliveries WHERE endpoint = ?1 AND row <= (
        SELECT row FROM deliveries WHERE endpoint = ?1 ORDER BY row DESC LIMIT 1 OFFSET ?2)
    LIMIT ?3)";

fn delivery(row: &Row<'_>) -> Result<Delivery, WebhookError> {
    let state = match row.get::<_, i64>(9)? {
        0 => MessageState::Waiting,
        1 => MessageState::Delivered,
        2 => MessageState::Failed,
        _ => return Err(WebhookError::Corrupt("an unknown state of a message")),
    };
    let kind: String = row.get(2)?;
    let next_at = Timestamp(row.get(10)?);
    Ok(Delivery {
        row: row.get(0)?,
        message: row.get(1)?,
        event: format!("fanju.{kind}"),
        position: position(row.get(3)?),
        attempt: number(row.get(4)?)?,
        at: Timestamp(row.get(5)?),
        status: row.get(6)?,
        error: row.get(7)?,
        duration_ms: number(row.get(8)?)?,
        state,
        next_at: (state == MessageState::Waiting).then_some(next_at),
    })
}
