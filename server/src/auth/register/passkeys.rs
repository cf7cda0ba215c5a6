//! Passkeys: those that a person has, and the sessions that go with them.

use fanju::time::Timestamp;
use rusqlite::Transaction;
use webauthn_rs::prelude::Passkey;

use super::{
    DeviceId, OwnPasskey, PasskeyId, PersonId, Register, RegisterError, Removed,
    error::{check_label, check_room},
    rows,
    sessions::check_session,
};
use crate::auth::limits;

impl Register {
    /// The person's passkeys; none for a stranger.
    ///
    /// # Errors
    /// [`RegisterError`] when it cannot be read.
    pub fn passkeys(&self, person: PersonId) -> Result<Vec<Passkey>, RegisterError> {
        let sql = "SELECT passkey FROM passkeys WHERE person = ?1";
        self.read(|connection| {
            rows::all(connection, sql, [person.0.as_bytes()], |row| {
                let json: String = row.get(0)?;
                serde_json::from_str(&json).map_err(|_| RegisterError::Corrupt("a passkey"))
            })
        })
    }

    /// The person's passkeys as the person sees them on `device`, oldest first.
    ///
    /// # Errors
    /// [`RegisterError`] when it cannot be read.
    pub fn own_passkeys(
        &self,
        person: PersonId,
        device: DeviceId,
    ) -> Result<Vec<OwnPasskey>, RegisterError> {
        let sql = "SELECT credential, label, created_at, last_used_at, EXISTS
                (SELECT 1 FROM devices WHERE device = ?2 AND credential = passkeys.credential)
            FROM passkeys WHERE person = ?1 ORDER BY created_at, credential";
        let asker = (person.0.as_bytes(), device.0.as_bytes());
        self.read(|connection| {
            rows::all(connection, sql, asker, |row| {
                Ok(OwnPasskey {
                    passkey: PasskeyId::from_bytes(row.get(0)?),
                    label: row.get(1)?,
                    created_at: rows::moment(row, 2)?,
                    last_used_at: row.get::<_, Option<i64>>(3)?.map(Timestamp),
                    opened_this: row.get(4)?,
                })
            })
        })
    }

    /// Adds a passkey to whoever is signed in on `device`, and calls it `label`.
    ///
    /// # Errors
    /// [`RegisterError::Label`], [`RegisterError::SessionOver`], [`RegisterError::TooMany`],
    /// [`RegisterError::PasskeyTaken`], or it cannot be written.
    pub fn add_passkey(
        &self,
        person: PersonId,
        device: DeviceId,
        passkey: &Passkey,
        label: &str,
        now: Timestamp,
    ) -> Result<(), RegisterError> {
        check_label(label)?;
        self.write(person.0, |transaction| {
            check_session(transaction, person, device)?;
            let max = limits::PASSKEYS_PER_PERSON_MAX;
            insert_passkey(transaction, person, passkey, label, now, max)
        })
    }

    /// Notes that the person has shown a passkey, and what it has become if its counter has moved.
    ///
    /// # Errors
    /// [`RegisterError::UnknownPasskey`]: it was removed meanwhile; or it cannot be written.
    pub fn use_passkey(
        &self,
        person: PersonId,
        passkey: &PasskeyId,
        changed: Option<&Passkey>,
        now: Timestamp,
    ) -> Result<(), RegisterError> {
        let changed = changed.map(passkey_json).transpose()?;
        let sql = "UPDATE passkeys SET passkey = coalesce(?3, passkey), last_used_at = ?4
            WHERE credential = ?1 AND person = ?2";
        self.write(person.0, |transaction| {
            let values = (passkey.as_bytes(), person.0.as_bytes(), changed, now.0);
            match transaction.prepare_cached(sql)?.execute(values)? {
                1 => Ok(()),
                _ => Err(RegisterError::UnknownPasskey),
            }
        })
    }

    /// Removes a passkey of whoever is signed in on `device`, with the sessions that it opened.
    ///
    /// # Errors
    /// [`RegisterError::SessionOver`], [`RegisterError::UnknownPasskey`],
    /// [`RegisterError::LastPasskey`], or it cannot be written.
    pub fn remove_passkey(
        &self,
        person: PersonId,
        device: DeviceId,
        passkey: &PasskeyId,
    ) -> Result<Removed, RegisterError> {
        let known = "SELECT 1 FROM passkeys WHERE credential = ?1 AND person = ?2";
        let others = "SELECT count(*) FROM passkeys WHERE person = ?2 AND credential <> ?1";
        let this = "SELECT count(*) FROM devices WHERE device = ?1 AND credential = ?2";
        let sessions = "DELETE FROM devices WHERE credential = ?1";
        let remove = "DELETE FROM passkeys WHERE credential = ?1";
        self.write(person.0, |transaction| {
            check_session(transaction, person, device)?;
            let (credential, person) = (passkey.as_bytes(), person.0.as_bytes());
            let known = rows::first(transaction, known, (credential, person), |_| Ok(()))?;
            known.ok_or(RegisterError::UnknownPasskey)?;
            if rows::count(transaction, others, (credential, person))? == 0 {
                return Err(RegisterError::LastPasskey);
            }
            let asker = (device.0.as_bytes(), credential);
            let ended_this = rows::count(transaction, this, asker)? == 1;
            let sessions = transaction.prepare_cached(sessions)?.execute([credential])?;
            transaction.prepare_cached(remove)?.execute([credential])?;
            Ok(Removed { sessions, ended_this })
        })
    }
}

/// Inserts a passkey, unless the person has `max` of them.
pub(super) fn insert_passkey(
    transaction: &Transaction<'_>,
    person: PersonId,
    passkey: &Passkey,
    label: &str,
    now: Timestamp,
    max: usize,
) -> Result<(), RegisterError> {
    let counted = "SELECT count(*) FROM passkeys WHERE person = ?1";
    let count = rows::count(transaction, counted, [person.0.as_bytes()])?;
    check_room(count, max, "passkeys of a person")?;
    let sql = "INSERT INTO passkeys (credential, person, passkey, label, created_at)
        VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (credential) DO NOTHING";
    let credential: &[u8] = passkey.cred_id().as_ref();
    let values = (credential, person.0.as_bytes(), passkey_json(passkey)?, label, now.0);
    match transaction.prepare_cached(sql)?.execute(values)? {
        1 => Ok(()),
        _ => Err(RegisterError::PasskeyTaken),
    }
}

fn passkey_json(passkey: &Passkey) -> Result<String, RegisterError> {
    let json = serde_json::to_string(passkey).expect("a passkey has only string keys");
    if json.len() > limits::PASSKEY_BYTES_MAX {
        return Err(RegisterError::PasskeyTooLong { bytes: json.len() });
    }
    Ok(json)
}
