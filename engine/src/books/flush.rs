//! Writing what is pending, in one transaction with the tail up to which it goes; and when.

use std::{
    mem,
    time::{Duration, Instant},
};

use rusqlite::{CachedStatement, Connection, Transaction};

use super::{
    Books, BooksError, Counts, Options,
    account::{Holding, wallet_key},
    blob::{put_group, put_move, put_step},
    pending::{Change, GroupSlot, MerchantSlot, Pending, RailRow},
    schema::sql,
};
use crate::{domain::event::Holder, id::GroupId, journal::Tail, limits};

/// When the books may be written again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rest {
    /// When disk and processor have had their share.
    ready: Option<Instant>,
    /// When it is time although nobody waits.
    until: Option<Instant>,
}

impl Rest {
    /// Takes note of a write that began at `began` and ended at `ended`.
    fn after(began: Instant, ended: Instant, options: &Options) -> Self {
        let took = ended.saturating_duration_since(began);
        let rest = |factor| took.saturating_mul(factor);
        let until = rest(limits::BOOKS_REST_FACTOR_UNWANTED).max(options.flush_interval);
        Self {
            ready: ended.checked_add(rest(limits::BOOKS_REST_FACTOR)),
            until: ended.checked_add(until),
        }
    }
}

impl Books {
    /// How long until it is time to write: the rest after the last write is over, the shorter one
    /// when the rows are `wanted`, or there is no room for more. `None` while nothing is pending.
    #[must_use]
    pub fn next_flush_in(&self, now: Instant, wanted: bool) -> Option<Duration> {
        if self.pending.records == 0 {
            return None;
        }
        match if wanted { self.rest.ready } else { self.rest.until } {
            Some(until) if !self.pending.is_full() => Some(until.saturating_duration_since(now)),
            Some(_) | None => Some(Duration::ZERO),
        }
    }

    /// Writes everything that is pending; says how long that took.
    ///
    /// # Errors
    /// [`BooksError`]; the books are then broken, and the rows as before or, where only moving them
    /// into the database has failed, as they should be.
    ///
    /// # Panics
    /// When a batch is not projected to its end.
    pub fn flush(&mut self) -> Result<Duration, BooksError> {
        if self.broken {
            return Err(BooksError::Broken);
        }
        assert!(!self.within_batch, "J-2: books are written at the end of a batch");
        if self.folded == self.checkpoint {
            return Ok(Duration::ZERO);
        }
        let _flush = tracing::debug_span!("flush", records = self.pending.records).entered();
        let began = Instant::now();
        self.broken = true;
        if let Some(merge) = &mut self.merge {
            merge.before_write(&self.connection)?;
        }
        let transaction = self.connection.transaction()?;
        go_on(&transaction, &self.checkpoint, &self.folded, &self.counts)?;
        write(&transaction, &mut self.pending)?;
        transaction.commit()?;
        if let Some(merge) = &mut self.merge {
            merge.after_write(&self.connection)?;
        }
        self.broken = false;
        self.checkpoint = self.folded;
        self.pending.forget();
        let ended = Instant::now();
        self.rest = Rest::after(began, ended, &self.options);
        Ok(ended.saturating_duration_since(began))
    }

    /// Hands a little of what was written to the disk; says whether there is more, after a pause of
    /// [`limits::BOOKS_STEP_PAUSE`]. Whoever never calls it lets a later write do it all at once.
    ///
    /// # Errors
    /// [`BooksError`]; the books are then broken, and the rows as they were.
    pub fn hand_over(&mut self) -> Result<bool, BooksError> {
        let Some(merge) = &mut self.merge else { return Ok(false) };
        if self.broken {
            return Err(BooksError::Broken);
        }
        let more = merge.step(&self.connection);
        self.broken = more.is_err();
        more
    }
}

impl Pending {
    /// What stays in memory after a write: keys and groups, unless there are too many.
    fn forget(&mut self) {
        self.records = 0;
        if self.wallets.len() > limits::BOOKS_WALLETS_MAX {
            // With its room: a fifth of a gigabyte, of which the next write may need little.
            self.wallets.clear();
            self.wallets.shrink_to_fit();
        }
        if self.groups.len() > limits::BOOKS_GROUPS_MAX {
            self.groups.clear();
        }
        let is_long = |slot: &GroupSlot| {
            let lines = slot.group.draft.as_ref().map_or(0, |draft| draft.lines.len());
            lines > limits::BOOKS_DRAFT_LINES_MAX
        };
        self.groups.retain(|_, slot| !is_long(slot));
        if self.merchants.len() > limits::BOOKS_MERCHANTS_MAX {
            self.merchants.clear();
        }
    }
}

/// Takes the rows from the tail up to which they go to the next; they have one writer.
fn go_on(
    transaction: &Transaction<'_>,
    from: &Tail,
    to: &Tail,
    counts: &Counts,
) -> Result<(), BooksError> {
    let meta = "UPDATE meta SET tail = ?1, records = ?2, wallets = ?3, merchants = ?4,
                groups = ?5, settled = ?6, declined = ?7, refunded = ?8 WHERE tail = ?9";
    let went = transaction.prepare_cached(meta)?.execute((
        to.to_bytes(),
        counts.records.cast_signed(),
        counts.wallets.cast_signed(),
        counts.merchants.cast_signed(),
        counts.groups.cast_signed(),
        counts.settled.cast_signed(),
        counts.declined.cast_signed(),
        counts.refunded.cast_signed(),
        from.to_bytes(),
    ))?;
    if went == 1 { Ok(()) } else { Err(BooksError::AnotherWriter) }
}

/// Every table in the order of its key, so that neighbours are written together.
fn write(transaction: &Transaction<'_>, pending: &mut Pending) -> Result<(), BooksError> {
    write_wallets(transaction, pending)?;
    write_merchants(transaction, pending)?;
    write_groups(transaction, pending)?;
    write_steps(transaction, pending)?;
    write_rail(transaction, pending)?;
    let add = "INSERT INTO clearing (currency, posted) VALUES (?1, ?2)
               ON CONFLICT DO UPDATE SET posted = posted + excluded.posted";
    let mut add = transaction.prepare_cached(add)?;
    while let Some((currency, moved)) = pending.clearing.pop_first() {
        add.execute((currency, moved.minor()))?;
    }
    Ok(())
}

/// The three ways to write an account's row.
struct AccountWriter<'a> {
    moved: CachedStatement<'a>,
    whole: CachedStatement<'a>,
    fresh: CachedStatement<'a>,
    state: Vec<u8>,
}

impl<'a> AccountWriter<'a> {
    /// Of `table`, the wallets or the merchants.
    fn of(table: &str, transaction: &'a Transaction<'_>) -> rusqlite::Result<Self> {
        let prepare = |sql: String| transaction.prepare_cached(&sql);
        Ok(Self {
            moved: prepare(format!(
                "UPDATE {table} SET posted = posted + ?2, head = ?3 WHERE key = ?1"
            ))?,
            whole: prepare(format!(
                "UPDATE {table} SET posted = ?2, head = ?3, state = ?4 WHERE key = ?1"
            ))?,
            fresh: prepare(format!(
                "INSERT INTO {table} (key, id, currency, posted, head, state)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
            ))?,
            state: Vec::new(),
        })
    }

    fn write<A: Holding>(&mut self, key: i64, change: &Change<A>) -> Result<(), BooksError> {
        let changed = match change {
            Change::Moved { delta, head } => {
                self.moved.execute((key, delta.minor(), sql(*head)))?
            }
            Change::Whole { account, head, fresh } => {
                self.state.clear();
                account.put_state(&mut self.state);
                let posted = account.purse().funds.posted().minor();
                if *fresh {
                    let (id, currency) = (account.id(), account.currency().numeric());
                    self.fresh.execute((
                        key,
                        id.as_bytes(),
                        currency,
                        posted,
                        sql(*head),
                        &self.state,
                    ))?
                } else {
                    self.whole.execute((key, posted, sql(*head), &self.state))?
                }
            }
        };
        match changed {
            1 => Ok(()),
            _ => Err(BooksError::corrupt("an account has no row")),
        }
    }
}

fn write_wallets(transaction: &Transaction<'_>, pending: &mut Pending) -> Result<(), BooksError> {
    find_wallets(transaction, pending)?;
    // Room for all at once: a list of a million that grows is copied to new memory twenty times.
    let mut changes = Vec::with_capacity(pending.wallets.len());
    let changed = pending.wallets.values_mut().filter(|slot| !slot.change.is_none());
    changes.extend(changed.map(|slot| (slot.key, mem::replace(&mut slot.change, Change::NONE))));
    changes.sort_unstable_by_key(|(key, _)| *key);
    let mut writer = AccountWriter::of("wallets", transaction)?;
    for (key, change) in &changes {
        let key = key.ok_or(BooksError::corrupt("a wallet has no row"))?;
        writer.write(key.get(), change)?;
    }
    Ok(())
}

/// Looks up the keys of changed wallets that memory has not, in the order of their ids.
fn find_wallets(connection: &Connection, pending: &mut Pending) -> Result<(), BooksError> {
    let mut unknown: Vec<_> =
        pending.wallets.iter_mut().filter(|(_, slot)| slot.key.is_none()).collect();
    unknown.sort_unstable_by_key(|(id, _)| **id);
    for (id, slot) in unknown {
        slot.key = wallet_key(connection, *id)?;
    }
    Ok(())
}

fn write_merchants(transaction: &Transaction<'_>, pending: &mut Pending) -> Result<(), BooksError> {
    let mut writer = AccountWriter::of("merchants", transaction)?;
    let mut quarters = transaction.prepare_cached(
        "INSERT INTO merchant_quarters VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO UPDATE SET
            settled_count = settled_count + excluded.settled_count,
            settled_minor = settled_minor + excluded.settled_minor,
            refunded_count = refunded_count + excluded.refunded_count,
            refunded_minor = refunded_minor + excluded.refunded_minor,
            declined_count = declined_count + excluded.declined_count",
    )?;
    pending.merchants_dirty.sort_unstable();
    for id in pending.merchants_dirty.drain(..) {
        let slot = pending.merchants.get_mut(&id).expect("a dirty merchant is in memory");
        writer.write(slot.key, &slot.change)?;
        for quarter in &slot.quarters {
            quarters.execute((
                slot.key,
                quarter.quarter,
                quarter.settled_count,
                quarter.settled.minor(),
                quarter.refunded_count,
                quarter.refunded.minor(),
                quarter.declined_count,
            ))?;
        }
        *slot = MerchantSlot::new(slot.key);
    }
    Ok(())
}

fn write_groups(transaction: &Transaction<'_>, pending: &mut Pending) -> Result<(), BooksError> {
    let put = "INSERT INTO groups (id, head, state) VALUES (?1, ?2, ?3)
               ON CONFLICT DO UPDATE SET head = excluded.head, state = excluded.state";
    let mut put = transaction.prepare_cached(put)?;
    let mut state = Vec::new();
    pending.groups_dirty.sort_unstable();
    let dirty: Vec<GroupId> = std::mem::take(&mut pending.groups_dirty);
    for id in dirty {
        let slot = pending.groups.get_mut(&id).expect("a dirty group is in memory");
        state.clear();
        put_group(&mut state, &slot.group);
        put.execute((id.0.as_bytes(), sql(slot.head), &state))?;
        slot.dirty = false;
    }
    Ok(())
}

fn write_steps(transaction: &Transaction<'_>, pending: &mut Pending) -> Result<(), BooksError> {
    let put = "INSERT INTO orders (merchant, order_no, steps) VALUES (?1, ?2, ?3)
               ON CONFLICT DO UPDATE SET steps = CAST(steps || excluded.steps AS BLOB)";
    let mut put = transaction.prepare_cached(put)?;
    let mut steps = Vec::new();
    pending.steps.sort_unstable_by(|a, b| {
        let key = a.merchant.cmp(&b.merchant).then_with(|| a.order_no.cmp(&b.order_no));
        key.then(a.position.cmp(&b.position))
    });
    for step in pending.steps.drain(..) {
        steps.clear();
        put_step(&mut steps, step.step, step.position);
        put.execute((step.merchant, step.order_no.as_str(), &steps))?;
    }
    Ok(())
}

/// The number of a holder's kind in `rail_open`.
pub(super) const WALLET_KIND: i64 = 1;
pub(super) const MERCHANT_KIND: i64 = 2;

fn write_rail(transaction: &Transaction<'_>, pending: &mut Pending) -> Result<(), BooksError> {
    let put = "INSERT OR REPLACE INTO rail_open (kind, id, request, move) VALUES (?1, ?2, ?3, ?4)";
    let mut put = transaction.prepare_cached(put)?;
    let delete = "DELETE FROM rail_open WHERE kind = ?1 AND id = ?2 AND request = ?3";
    let mut delete = transaction.prepare_cached(delete)?;
    let mut state = Vec::new();
    while let Some(((holder, request), row)) = pending.rail.pop_first() {
        let (kind, id) = match holder {
            Holder::Wallet(id) => (WALLET_KIND, id.0),
            Holder::Merchant(id) => (MERCHANT_KIND, id.0),
        };
        let key = (kind, id.as_bytes(), request.0.as_bytes());
        match row {
            RailRow::Insert(moved) | RailRow::Replace(moved) => {
                state.clear();
                put_move(&mut state, &moved);
                put.execute((key.0, key.1, key.2, &state))?;
            }
            RailRow::Delete => {
                delete.execute(key)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_nobody_waits_for_are_written_less_often() {
        let options = Options::default();
        let (began, second) = (Instant::now(), Duration::from_secs(1));
        let after = |took| {
            let ended = began + took;
            let rest = Rest::after(began, ended, &options);
            let since = |at: Option<Instant>| at.map(|at| at - ended);
            (since(rest.ready), since(rest.until))
        };
        assert_eq!(after(second), (Some(4 * second), Some(9 * second)));
        let quick = second / 100;
        assert_eq!(after(quick), (Some(4 * quick), Some(limits::BOOKS_FLUSH_INTERVAL)));
    }
}
