//! Idempotency: a command that is repeated under its key finds its first answer.
//!
//! - of one asker's commands with one key at most one runs at a time. Once [`Ticket::finish`]
//!   has returned, the answer is on disk, and for a day every repetition gets it, also after a
//!   restart. With other parameters a key that was answered is refused.
//!
//! An answer that holds a secret is not kept: that the command was done is on disk before it is
//! ([`Ticket::use_up`]), and a repetition hears that.
//!
//! What runs is known in memory alone. A crash forgets it, and the repetition runs anew: the
//! engine's own request ids then keep it from moving money twice. Of what opens something, the
//! beginning is on disk first ([`Ticket::write_down`]): it decides the id ([`Ticket::id`]), so that
//! the repetition finds what the first asking opened.
//!
//! Source: `draft-ietf-httpapi-idempotency-key-header-07`.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    sync::Arc,
};

use fanju::time::Timestamp;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    limits,
    register::{Answered, Register, RegisterError},
};

/// What stands for an answer that is not kept.
const NOT_KEPT: &str = "null";

/// Why a command may not run, in checking order.
#[derive(Debug, thiserror::Error)]
pub enum IdempotencyError {
    /// The key, or the asker's name, is empty or too long.
    #[error("an idempotency key has 1 to {} bytes", limits::IDEMPOTENCY_KEY_BYTES_MAX)]
    KeyOutOfRange,
    /// The key was used for something else.
    #[error("idempotency key was used with other parameters")]
    KeyReused,
    /// The same command is running right now.
    #[error("command with this idempotency key is still running")]
    KeyInUse,
    /// The command was done under this key, or begun; its answer holds a secret, and is not kept.
    #[error("done under this key before, or begun: its secret is not shown again")]
    SecretShown,
    /// No more commands may run at once.
    #[error("{} commands are running already", limits::COMMANDS_RUNNING_MAX)]
    Busy,
    /// The register cannot be read or written.
    #[error(transparent)]
    Register(#[from] RegisterError),
}

/// What is to be done with a command.
#[derive(Debug)]
pub enum Begun {
    /// Run it, and give its answer to the ticket.
    Fresh(Ticket),
    /// Give this answer, as JSON: it was the first one's.
    Replay(Box<str>),
}

/// Every command that was asked for under a key; clones are the same.
#[derive(Clone)]
pub struct Idempotency(Arc<Inner>);

struct Inner {
    register: Register,
    running: Mutex<HashMap<Command, [u8; 32]>>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Command {
    asker: Box<str>,
    key: Box<str>,
}

impl Idempotency {
    /// Keeps answers in `register`.
    #[must_use]
    pub fn new(register: Register) -> Self {
        Self(Arc::new(Inner { register, running: Mutex::new(HashMap::new()) }))
    }

    /// Begins the command that `asker` calls `key`; `digest` is that of all its parameters.
    ///
    /// # Errors
    /// The first [`IdempotencyError`] that applies.
    pub fn begin(
        &self,
        asker: &str,
        key: &str,
        digest: [u8; 32],
        now: Timestamp,
    ) -> Result<Begun, IdempotencyError> {
        let fits = (1..=limits::ASKER_BYTES_MAX).contains(&asker.len())
            && (1..=limits::IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len());
        if !fits {
            return Err(IdempotencyError::KeyOutOfRange);
        }
        // Claimed before the register is asked: what finishes meanwhile is either still claimed,
        // or found there.
        let mut ticket = self.claim(asker, key, digest, now)?;
        let kept = self.0.register.answered(asker, key)?;
        let kept = kept.filter(|kept| now < kept.at.after(limits::ANSWER_KEPT));
        let Some(Answered { digest: first, answer, at }) = kept else {
            return Ok(Begun::Fresh(ticket));
        };
        match answer {
            Some(answer) if first == digest && &*answer == NOT_KEPT => {
                Err(IdempotencyError::SecretShown)
            }
            Some(answer) if first == digest => Ok(Begun::Replay(answer)),
            Some(_) => Err(IdempotencyError::KeyReused),
            None => {
                if first == digest {
                    ticket.begun = at;
                }
                Ok(Begun::Fresh(ticket))
            }
        }
    }

    fn claim(
        &self,
        asker: &str,
        key: &str,
        digest: [u8; 32],
        now: Timestamp,
    ) -> Result<Ticket, IdempotencyError> {
        let command = Command { asker: asker.into(), key: key.into() };
        let mut running = self.0.running.lock();
        let is_full = running.len() >= limits::COMMANDS_RUNNING_MAX;
        match running.entry(command) {
            Entry::Occupied(other) if *other.get() == digest => Err(IdempotencyError::KeyInUse),
            Entry::Occupied(_) => Err(IdempotencyError::KeyReused),
            Entry::Vacant(_) if is_full => Err(IdempotencyError::Busy),
            Entry::Vacant(vacant) => {
                let command = vacant.key().clone();
                vacant.insert(digest);
                Ok(Ticket { inner: Arc::clone(&self.0), command, digest, begun: now })
            }
        }
    }

    /// Commands that run right now.
    #[must_use]
    pub fn running(&self) -> usize {
        self.0.running.lock().len()
    }
}

impl fmt::Debug for Idempotency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idempotency").field("running", &self.running()).finish_non_exhaustive()
    }
}

/// The right to run one command. Dropped without an answer, the key is free again: the command was
/// refused, and may be tried once more.
#[must_use = "a dropped ticket lets the command run again"]
pub struct Ticket {
    inner: Arc<Inner>,
    command: Command,
    digest: [u8; 32],
    /// When it was first asked for, as far as anybody remembers.
    begun: Timestamp,
}

impl Ticket {
    /// Keeps the moment at which the command was first asked for; returns when it is on disk.
    ///
    /// # Errors
    /// [`IdempotencyError::Register`]: the command must not run.
    pub fn write_down(&self) -> Result<(), IdempotencyError> {
        self.remember(None, self.begun)
    }

    /// Keeps that the command was done, whose answer must not be kept: before it is, for what was
    /// told once must not be made twice. Of what is refused then, [`Ticket::write_down`] takes it
    /// back.
    ///
    /// # Errors
    /// [`IdempotencyError::Register`]: the command must not run.
    pub fn use_up(&self, now: Timestamp) -> Result<(), IdempotencyError> {
        self.remember(Some(NOT_KEPT.into()), now)
    }

    /// The id of what the command opens: the same for the same asker, key, parameters and moment,
    /// in the order of those moments.
    #[must_use]
    pub fn id(&self) -> Uuid {
        let Command { asker, key } = &self.command;
        let mut hash = Sha256::new();
        for part in [asker.as_bytes(), key.as_bytes(), &self.digest] {
            hash.update(Sha256::digest(part));
        }
        let hash: [u8; 32] = hash.finalize().into();
        let (random, _) = hash.split_first_chunk().expect("a SHA-256 has 32 bytes");
        let millis = u64::try_from(self.begun.0 / 1_000).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, random).into_uuid()
    }

    /// Keeps the command's answer; returns when it is on disk, and may be told.
    ///
    /// # Errors
    /// [`IdempotencyError::Register`]: the answer is not kept, and the key is free again, although
    /// the command has run.
    pub fn finish(&self, answer_json: &str, now: Timestamp) -> Result<(), IdempotencyError> {
        self.remember(Some(answer_json.into()), now)
    }

    fn remember(&self, answer: Option<Box<str>>, at: Timestamp) -> Result<(), IdempotencyError> {
        let Command { asker, key } = &self.command;
        let answered = Answered { digest: self.digest, answer, at };
        Ok(self.inner.register.remember_answer(asker, key, answered)?)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.inner.running.lock().remove(&self.command);
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("command", &self.command).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
