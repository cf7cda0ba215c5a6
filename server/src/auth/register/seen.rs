//! Who was seen when: gathered, and written behind everybody's back.
//!
//! For people who look at their devices, and for sessions that end when nobody uses them: whoever
//! identifies a caller only leaves a note here and waits for nobody. A note that finds no room or goes
//! down in a crash is lost, and the next is a minute away: it ends a session earlier, never later.

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
        mpsc::{self, Receiver, SyncSender},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use fanju::time::Timestamp;
use parking_lot::Mutex;
use rusqlite::Connection;

use super::{DeviceId, KeyId, RegisterError};
use crate::auth::limits;

#[derive(Clone, Copy, Debug)]
pub(super) enum Subject {
    Device(DeviceId),
    Key(KeyId),
}

type Note = (Subject, Timestamp);

/// The thread that writes, and the way to it.
pub(super) struct Seen {
    /// Absent only while the thread is being ended.
    notes: Option<SyncSender<Note>>,
    thread: Option<JoinHandle<()>>,
}

/// When a subject was last noted, shared by everybody who finds it in a cache.
#[derive(Clone, Debug)]
pub(super) struct LastSeen(Arc<AtomicI64>);

impl LastSeen {
    pub(super) fn new(at: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(at.0)))
    }

    pub(super) fn at(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }

    /// Whether a minute has passed; true for one of many who ask at once.
    fn is_due(&self, now: Timestamp) -> bool {
        let before = self.0.load(Ordering::Relaxed);
        now.since(Timestamp(before)) >= limits::SEEN_EVERY
            && self.0.compare_exchange(before, now.0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl Seen {
    pub(super) fn start(writer: &Arc<Mutex<Connection>>) -> Result<Self, RegisterError> {
        let (sender, receiver) = mpsc::sync_channel(limits::SEEN_WAITING_MAX);
        let writer = Arc::clone(writer);
        let thread = thread::Builder::new()
            .name("register-seen".to_owned())
            .spawn(move || run(&receiver, &writer))
            .map_err(RegisterError::Thread)?;
        Ok(Self { notes: Some(sender), thread: Some(thread) })
    }

    /// Leaves a note, unless there is one of the last minute.
    pub(super) fn note(&self, subject: Subject, last: &LastSeen, now: Timestamp) {
        if last.is_due(now)
            && let Some(notes) = &self.notes
            && notes.try_send((subject, now)).is_err()
        {
            tracing::debug!(?subject, "no room to note that it was seen");
        }
    }
}

impl Drop for Seen {
    /// Writes what is noted: whoever opens the file next finds it.
    fn drop(&mut self) {
        drop(self.notes.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that notes who was seen has panicked");
        }
    }
}

fn run(receiver: &Receiver<Note>, writer: &Mutex<Connection>) {
    while let Ok(first) = receiver.recv() {
        let mut notes = vec![first];
        let until = Instant::now() + limits::SEEN_GATHERED;
        while notes.len() < limits::SEEN_WAITING_MAX
            && let Ok(note) = receiver.recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            notes.push(note);
        }
        if let Err(error) = write(&mut writer.lock(), mem::take(&mut notes)) {
            tracing::warn!(%error, "who was seen is not written");
        }
    }
}

fn write(writer: &mut Connection, notes: Vec<Note>) -> rusqlite::Result<()> {
    let device = "UPDATE devices SET last_seen_at = ?2 WHERE device = ?1 AND last_seen_at <= ?3";
    let key = "UPDATE till_keys SET last_used_at = ?2
        WHERE key = ?1 AND (last_used_at IS NULL OR last_used_at <= ?3)";
    let every = i64::try_from(limits::SEEN_EVERY.as_micros()).unwrap_or(i64::MAX);
    let transaction = writer.transaction()?;
    for (subject, now) in notes {
        let (sql, id) = match subject {
            Subject::Device(DeviceId(id)) => (device, id),
            Subject::Key(KeyId(id)) => (key, id),
        };
        let values = (id.as_bytes(), now.0, now.0.saturating_sub(every));
        transaction.prepare_cached(sql)?.execute(values)?;
    }
    transaction.commit()
}
