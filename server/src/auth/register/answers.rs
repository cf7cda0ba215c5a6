//! Answers that were given to commands, kept for a day for whoever repeats one.
//!
//! Many callers finish at once, and a write that is on disk takes its time: whoever gets to write
//! takes along what everybody else brought in the meantime, so that one sync serves them all.

use std::{collections::BTreeSet, mem, sync::Arc};

use fanju::time::Timestamp;
use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{Answered, Register, RegisterError, rows};
use crate::auth::limits;

type Written = Result<(), Arc<RegisterError>>;

/// Those who have brought an answer, and wait until it is on disk.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Vec<Waiting>,
    /// Whether one of them is writing, or has been told to.
    is_led: bool,
}

struct Waiting {
    asker: String,
    key: String,
    answered: Answered,
    turn: Arc<Turn>,
}

/// What one who waits is woken for.
#[derive(Default)]
struct Turn {
    call: Mutex<Call>,
    called: Condvar,
}

#[derive(Clone, Default)]
enum Call {
    #[default]
    None,
    /// To write, for everybody who waits.
    Lead,
    /// To go: another has written it, or failed to.
    Written(Written),
}

impl Turn {
    fn call(&self, call: Call) {
        *self.call.lock() = call;
        self.called.notify_one();
    }

    fn wait(&self) -> Call {
        let mut call = self.call.lock();
        self.called.wait_while(&mut call, |call| matches!(call, Call::None));
        mem::take(&mut *call)
    }
}

impl Register {
    /// The answer that `asker` got for `key`, as long as it is kept.
    ///
    /// # Errors
    /// [`RegisterError`] when it cannot be read.
    pub fn answered(&self, asker: &str, key: &str) -> Result<Option<Answered>, RegisterError> {
        let sql = "SELECT digest, answer, at FROM answers WHERE asker = ?1 AND key = ?2";
        self.read(|connection| {
            rows::first(connection, sql, (asker, key), |row| {
                let answer: String = row.get(1)?;
                let (digest, at) = (row.get(0)?, rows::moment(row, 2)?);
                // No text is no answer: an answer is JSON.
                let answer = (!answer.is_empty()).then(|| answer.into_boxed_str());
                Ok(Answered { digest, answer, at })
            })
        })
    }

    /// Keeps an answer, in place of what the key had before. Of an asker's answers the oldest go
    /// first, once there are more than [`limits::ANSWERS_PER_ASKER_MAX`], or they have more than
    /// [`limits::ANSWERS_BYTES_PER_ASKER_MAX`]; of all, those that are a day old.
    ///
    /// # Errors
    /// [`RegisterError::AnswerTooLong`], or it cannot be written.
    pub fn remember_answer(
        &self,
        asker: &str,
        key: &str,
        answered: Answered,
    ) -> Result<(), RegisterError> {
        let bytes = answered.answer.as_deref().map_or(0, str::len);
        if bytes > limits::ANSWER_BYTES_MAX {
            return Err(RegisterError::AnswerTooLong { bytes });
        }
        let turn = Arc::new(Turn::default());
        let (asker, key) = (asker.to_owned(), key.to_owned());
        let is_led = {
            let mut queue = self.0.queue.lock();
            queue.waiting.push(Waiting { asker, key, answered, turn: Arc::clone(&turn) });
            mem::replace(&mut queue.is_led, true)
        };
        let call = if is_led { turn.wait() } else { Call::Lead };
        let written = match call {
            Call::Written(written) => written,
            Call::None | Call::Lead => self.write_answers(),
        };
        written.map_err(RegisterError::Together)
    }

    /// Writes for everybody who waits by the time that the writer is free.
    fn write_answers(&self) -> Written {
        let mut writer = self.0.writer.lock();
        let batch = mem::take(&mut self.0.queue.lock().waiting);
        let panicked = Err(Arc::new(RegisterError::Corrupt("writing answers panicked")));
        let mut lead = Lead { queue: &self.0.queue, batch, written: panicked };
        lead.written = write(&mut writer, &lead.batch).map_err(Arc::new);
        drop(writer);
        lead.written.clone()
    }
}

/// The duty of the one who writes: whatever happens, the others are told, and one of those who
/// came later writes next.
struct Lead<'a> {
    queue: &'a Mutex<Queue>,
    batch: Vec<Waiting>,
    written: Written,
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        {
            let mut queue = self.queue.lock();
            match queue.waiting.first() {
                Some(next) => next.turn.call(Call::Lead),
                None => queue.is_led = false,
            }
        }
        for waiting in self.batch.drain(..) {
            waiting.turn.call(Call::Written(self.written.clone()));
        }
    }
}

fn write(writer: &mut Connection, batch: &[Waiting]) -> Result<(), RegisterError> {
    // Not `INSERT OR REPLACE`: what that puts away is not told to the trigger that weighs.
    let replaced = "DELETE FROM answers WHERE asker = ?1 AND key = ?2";
    let insert = "INSERT INTO answers (asker, key, digest, answer, at)
        VALUES (?1, ?2, ?3, ?4, ?5)";
    let too_many = "DELETE FROM answers WHERE seq IN
        (SELECT seq FROM answers WHERE asker = ?1 ORDER BY seq DESC LIMIT -1 OFFSET ?2)";
    let too_old = "DELETE FROM answers WHERE seq IN
        (SELECT seq FROM answers WHERE at <= ?1 ORDER BY at LIMIT ?2)";
    let kept = i64::try_from(limits::ANSWER_KEPT.as_micros()).unwrap_or(i64::MAX);
    let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut latest = Timestamp(i64::MIN);
    for Waiting { asker, key, answered, .. } in batch {
        let Answered { digest, answer, at } = answered;
        transaction.prepare_cached(replaced)?.execute((asker, key))?;
        transaction.prepare_cached(insert)?.execute((
            asker,
            key,
            digest,
            answer.as_deref().unwrap_or_default(),
            at.0,
        ))?;
        latest = latest.max(*at);
    }
    let added = u32::try_from(batch.len()).unwrap_or(u32::MAX);
    let pruned = added.saturating_add(limits::PRUNED_AT_ONCE);
    let oldest = latest.0.saturating_sub(kept);
    transaction.prepare_cached(too_old)?.execute((oldest, pruned))?;
    for asker in batch.iter().map(|waiting| &waiting.asker).collect::<BTreeSet<_>>() {
        let max = limits::ANSWERS_PER_ASKER_MAX;
        transaction.prepare_cached(too_many)?.execute((asker, max))?;
        prune_heavy(&transaction, asker)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Lets the oldest answers of `asker` go until the others are light enough; the newest always is.
fn prune_heavy(transaction: &Transaction<'_>, asker: &str) -> Result<(), RegisterError> {
    let weighed = "SELECT bytes FROM answer_bytes WHERE asker = ?1";
    let oldest = "DELETE FROM answers
        WHERE seq = (SELECT min(seq) FROM answers WHERE asker = ?1)";
    loop {
        let bytes = rows::first(transaction, weighed, [asker], |row| Ok(row.get::<_, i64>(0)?))?;
        let bytes = usize::try_from(bytes.unwrap_or(0)).unwrap_or(usize::MAX);
        let is_light = bytes <= limits::ANSWERS_BYTES_PER_ASKER_MAX;
        if is_light || transaction.prepare_cached(oldest)?.execute([asker])? == 0 {
            return Ok(());
        }
    }
}
