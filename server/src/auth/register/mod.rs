//! The register: who is who. People, their passkeys, recovery codes, wallets and devices;
//! merchants' staff and till keys; and the answers that were given to commands.
//!
//! Every call blocks until SQLite has answered: callers are on threads that may. A call that
//! changes something returns when the change is on disk, never before.
//!
//! - a wallet has one owner, and a document verifies one person.
//! - a merchant that ever had an owner has one.
//! - what a returned call changed, the next [`Register::identify`] sees, on every thread.
//! - whoever has a passkey never loses the last one, and a session is over with the passkey
//!   that opened it.
//! - a recovery code lets one passkey in, once: both are written together, or neither.
//! - a session that a passkey opened is over when nobody has asked with it for so long as the
//!   register was opened with; nothing but asking makes it last.
//!
//! Of tokens and recovery codes there are only hashes in here.
//!
//! One connection writes, behind a mutex. Others read beside it, and cached identities are found
//! without either. The file belongs to one process.

mod answers;
mod cache;
mod error;
mod keys;
mod model;
mod passkeys;
mod people;
mod recovery;
mod rows;
mod schema;
mod seen;
mod sessions;
mod staff;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use uuid::Uuid;

pub use error::{LabelError, RegisterError, check_label};
pub use model::{
    Answered, Device, DeviceId, Identity, KeyId, OwnPasskey, PasskeyId, Person, PersonId, Place,
    RecoveryCodes, Removed, Role, Scope, TillKey,
};

use self::{
    answers::Queue,
    cache::{Cache, Marks},
    keys::KnownKey,
    seen::Seen,
    sessions::KnownSession,
};
pub(in crate::auth) use rows::fresh_id;

use super::limits;

/// A handle to the register; clones are the same register.
#[derive(Clone)]
pub struct Register(Arc<Inner>);

struct Inner {
    writer: Arc<Mutex<Connection>>,
    /// Empty when there is but the one connection.
    readers: Box<[Mutex<Connection>]>,
    next_reader: AtomicUsize,
    marks: Marks,
    sessions: Cache<KnownSession>,
    keys: Cache<KnownKey>,
    queue: Mutex<Queue>,
    seen: Seen,
    idle: Duration,
}

impl Register {
    /// Opens the register at `place`, and makes it when there is none. Sessions that nobody uses for
    /// `idle` are over.
    ///
    /// # Errors
    /// [`RegisterError`]: the file is damaged, of a newer version, no register, or out of reach.
    pub fn open(place: Place, idle: Duration) -> Result<Self, RegisterError> {
        let (writer, readers) = schema::connect(&place)?;
        let writer = Arc::new(Mutex::new(writer));
        let seen = Seen::start(&writer)?;
        Ok(Self(Arc::new(Inner {
            writer,
            readers: readers.into_iter().map(Mutex::new).collect(),
            next_reader: AtomicUsize::new(0),
            marks: Marks::new(),
            sessions: Cache::new(limits::CACHED_MAX),
            keys: Cache::new(limits::CACHED_MAX),
            queue: Mutex::new(Queue::default()),
            seen,
            idle,
        })))
    }

    /// How often anything changed that an identity or a key depends on: whoever sees the same
    /// number again need not identify again, unless time has passed.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.0.marks.changes()
    }

    /// Reads, beside whoever writes.
    fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, RegisterError>,
    ) -> Result<T, RegisterError> {
        let readers = &self.0.readers;
        if readers.is_empty() {
            return read(&self.0.writer.lock());
        }
        let first = self.0.next_reader.fetch_add(1, Ordering::Relaxed);
        let turn = |step: usize| &readers[first.wrapping_add(step) % readers.len()];
        let idle = (0..readers.len()).find_map(|step| turn(step).try_lock());
        read(&idle.unwrap_or_else(|| turn(0).lock()))
    }

    /// Reads several times from one state of the register.
    fn read_at_once<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, RegisterError>,
    ) -> Result<T, RegisterError> {
        self.read(|connection| {
            let transaction = connection.unchecked_transaction()?;
            read(&transaction)
        })
    }

    /// Writes, all or nothing, and returns when it is on disk. `subject` is the person or the
    /// merchant about whom cached things no longer stand.
    fn write<T>(
        &self,
        subject: Uuid,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, RegisterError>,
    ) -> Result<T, RegisterError> {
        let mut writer = self.0.writer.lock();
        // Also when it fails or panics: a commit that failed may have happened.
        let _marked = MarkAtEnd { marks: &self.0.marks, subject };
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = write(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }
}

impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Register").field("changes", &self.changes()).finish_non_exhaustive()
    }
}

struct MarkAtEnd<'a> {
    marks: &'a Marks,
    subject: Uuid,
}

impl Drop for MarkAtEnd<'_> {
    fn drop(&mut self) {
        self.marks.changed(self.subject);
    }
}
