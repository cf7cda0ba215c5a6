//! Sessions: on which devices a person is signed in, and who it is that asks.

use std::{sync::Arc, time::Duration};

use fanju::{
    id::{MerchantId, WalletId},
    time::Timestamp,
};
use rusqlite::{Connection, Transaction};

use super::{
    Device, DeviceId, Identity, PasskeyId, PersonId, Register, RegisterError,
    error::{check_label, check_room},
    people::check_person,
    rows::{self, PERSON_COLUMNS},
    seen::{LastSeen, Subject},
};
use crate::auth::{
    limits,
    token::{Token, TokenHash, TokenKind},
};

/// A session as it was read.
#[derive(Clone)]
pub(super) struct KnownSession {
    identity: Arc<Identity>,
    last_seen: LastSeen,
    /// Whether it is over when nobody uses it: not one that no passkey opened, for nothing would
    /// open it again.
    ends_idle: bool,
}

impl Register {
    /// Signs `person` in on a new device, by the passkey that was shown or, for people who were made
    /// up, by none: its token, to be shown once, and when that is over.
    ///
    /// # Errors
    /// [`RegisterError::Label`], [`RegisterError::UnknownPerson`],
    /// [`RegisterError::UnknownPasskey`], [`RegisterError::TooMany`], or it cannot be written.
    pub fn open_session(
        &self,
        person: PersonId,
        opened_by: Option<&PasskeyId>,
        label: &str,
        now: Timestamp,
        lasts: Duration,
    ) -> Result<(Token, DeviceId, Timestamp), RegisterError> {
        check_label(label)?;
        let session = NewSession::begin(person, opened_by, label, now, lasts);
        self.write(person.0, |transaction| {
            check_person(transaction, person)?;
            insert_session(transaction, &session, self.idle_since(now))
        })?;
        Ok(session.opened())
    }

    /// Who asks with the token with this hash; nobody when it is unknown, revoked, or over.
    /// The session is used with that.
    ///
    /// # Errors
    /// [`RegisterError`] when it cannot be read.
    pub fn identify(
        &self,
        session: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Arc<Identity>>, RegisterError> {
        let Some(known) = self.live_session(session, now)? else { return Ok(None) };
        let subject = Subject::Device(known.identity.device);
        self.0.seen.note(subject, &known.last_seen, now);
        Ok(Some(known.identity))
    }

    /// The same where nobody asks: a look, which keeps no session from ending.
    ///
    /// # Errors
    /// [`RegisterError`] when it cannot be read.
    pub fn recognise(
        &self,
        session: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Arc<Identity>>, RegisterError> {
        Ok(self.live_session(session, now)?.map(|known| known.identity))
    }

    /// The session, if it is not over; as a rule without a look at the disk.
    fn live_session(
        &self,
        session: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<KnownSession>, RegisterError> {
        let marks = &self.0.marks;
        let cached = self.0.sessions.get(session, |known| marks.now(known.identity.person.id.0));
        let known = match cached {
            Some(known) => Some(known),
            None => self.read_session(session)?,
        };
        let idle_since = self.idle_since(now);
        Ok(known.filter(|known| {
            let is_idle = known.ends_idle && known.last_seen.at() <= idle_since;
            now < known.identity.expires_at && !is_idle
        }))
    }

    /// Whoever was seen last then, or earlier, is idle at `now`.
    pub(super) fn idle_since(&self, now: Timestamp) -> Timestamp {
        let idle = i64::try_from(self.0.idle.as_micros()).unwrap_or(i64::MAX);
        Timestamp(now.0.saturating_sub(idle))
    }

    /// Where `person` is signed in at `now`, oldest first.
    ///
    /// # Errors
    /// [`RegisterError`] when it cannot be read.
    pub fn devices(&self, person: PersonId, now: Timestamp) -> Result<Vec<Device>, RegisterError> {
        // A recovery alone writes a passkey and a session in one moment that is not the sign-up's: no
        // ceremony with a passkey that is there ends at the moment of its making.
        let sql =
            "SELECT device, devices.label, devices.created_at, devices.last_seen_at, expires_at,
                coalesce(passkeys.created_at = devices.created_at
                    AND passkeys.created_at <> people.created_at, 0)
            FROM devices JOIN people ON people.id = devices.person
            LEFT JOIN passkeys ON passkeys.credential = devices.credential
            WHERE devices.person = ?1 AND expires_at > ?2
                AND (devices.credential IS NULL OR devices.last_seen_at > ?3)
            ORDER BY devices.created_at, device";
        let which = (person.0.as_bytes(), now.0, self.idle_since(now).0);
        self.read(|connection| {
            rows::all(connection, sql, which, |row| {
                Ok(Device {
                    device: DeviceId(rows::id(row, 0)?),
                    label: row.get(1)?,
                    created_at: rows::moment(row, 2)?,
                    last_seen_at: rows::moment(row, 3)?,
                    expires_at: rows::moment(row, 4)?,
                    recovered: row.get(5)?,
                })
            })
        })
    }

    /// Signs `person` out on `device`; says whether there was such a session.
    ///
    /// # Errors
    /// [`RegisterError`] when it cannot be written.
    pub fn revoke_device(&self, person: PersonId, device: DeviceId) -> Result<bool, RegisterError> {
        let sql = "DELETE FROM devices WHERE device = ?1 AND person = ?2";
        self.write(person.0, |transaction| {
            let key = (device.0.as_bytes(), person.0.as_bytes());
            Ok(transaction.prepare_cached(sql)?.execute(key)? == 1)
        })
    }

    fn read_session(&self, session: &TokenHash) -> Result<Option<KnownSession>, RegisterError> {
        let whose = "SELECT person FROM devices WHERE token = ?1";
        let person = self.read(|connection| {
            rows::first(connection, whose, [&session.0], |row| Ok(PersonId(rows::id(row, 0)?)))
        })?;
        let Some(person) = person else { return Ok(None) };
        // A token never changes hands. The mark comes before everything that does change.
        let mark = self.0.marks.now(person.0);
        let known = self.read_at_once(|connection| read_session(connection, session))?;
        if let Some(known) = &known {
            self.0.sessions.put(*session, mark, known.clone());
        }
        Ok(known)
    }
}

/// A session on its way into the register.
pub(super) struct NewSession<'a> {
    person: PersonId,
    opened_by: Option<&'a PasskeyId>,
    label: &'a str,
    token: Token,
    device: DeviceId,
    now: Timestamp,
    expires_at: Timestamp,
}

impl<'a> NewSession<'a> {
    pub(super) fn begin(
        person: PersonId,
        opened_by: Option<&'a PasskeyId>,
        label: &'a str,
        now: Timestamp,
        lasts: Duration,
    ) -> Self {
        let (token, device) = (Token::fresh(TokenKind::Session), DeviceId(rows::fresh_id(now)));
        Self { person, opened_by, label, token, device, now, expires_at: now.after(lasts) }
    }

    pub(super) fn opened(self) -> (Token, DeviceId, Timestamp) {
        (self.token, self.device, self.expires_at)
    }
}

pub(super) fn insert_session(
    transaction: &Transaction<'_>,
    session: &NewSession<'_>,
    idle_since: Timestamp,
) -> Result<(), RegisterError> {
    let NewSession { person, opened_by, label, ref token, device, now, expires_at } = *session;
    let ended = "DELETE FROM devices WHERE person = ?1
        AND (expires_at <= ?2 OR (credential IS NOT NULL AND last_seen_at <= ?3))";
    // Not those that look idle: only their people's own changes make memory look here again, and it
    // may know of a later use.
    let ended_of_others = "DELETE FROM devices WHERE device IN
        (SELECT device FROM devices WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
    let counted = "SELECT count(*) FROM devices WHERE person = ?1";
    let known = "SELECT 1 FROM passkeys WHERE credential = ?1 AND person = ?2";
    let insert = "INSERT INTO devices
        (device, person, token, label, created_at, last_seen_at, expires_at, credential)
        VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7)";
    let id = person.0.as_bytes();
    transaction.prepare_cached(ended)?.execute((id, now.0, idle_since.0))?;
    transaction.prepare_cached(ended_of_others)?.execute((now.0, limits::PRUNED_AT_ONCE))?;
    let count = rows::count(transaction, counted, [id])?;
    check_room(count, limits::DEVICES_PER_PERSON_MAX, "devices of a person")?;
    let credential = opened_by.map(PasskeyId::as_bytes);
    if let Some(credential) = credential {
        // It may have been removed since it was shown.
        let known = rows::first(transaction, known, (credential, id), |_| Ok(()))?;
        known.ok_or(RegisterError::UnknownPasskey)?;
    }
    let (device, token) = (device.0.as_bytes(), token.hash().0);
    let values = (device, id, token, label, now.0, expires_at.0, credential);
    transaction.prepare_cached(insert)?.execute(values)?;
    Ok(())
}

/// Whether `person` is still signed in on `device`: what a session asked for is not done any more
/// once it has been revoked, not even if it asked before.
pub(super) fn check_session(
    transaction: &Transaction<'_>,
    person: PersonId,
    device: DeviceId,
) -> Result<(), RegisterError> {
    let sql = "SELECT 1 FROM devices WHERE device = ?1 AND person = ?2";
    let known = (device.0.as_bytes(), person.0.as_bytes());
    rows::first(transaction, sql, known, |_| Ok(()))?.ok_or(RegisterError::SessionOver)
}

fn read_session(
    connection: &Connection,
    session: &TokenHash,
) -> Result<Option<KnownSession>, RegisterError> {
    let sql = format!(
        "SELECT {PERSON_COLUMNS}, device, last_seen_at, expires_at, credential IS NOT NULL
         FROM devices JOIN people ON people.id = devices.person WHERE token = ?1"
    );
    let found = rows::first(connection, &sql, [&session.0], |row| {
        let (device, last_seen) = (DeviceId(rows::id(row, 4)?), rows::moment(row, 5)?);
        Ok((rows::person(row)?, device, last_seen, rows::moment(row, 6)?, row.get(7)?))
    })?;
    let Some((person, device, last_seen, expires_at, ends_idle)) = found else { return Ok(None) };
    let id = [person.id.0.as_bytes()];
    let wallets = "SELECT wallet, currency FROM wallets WHERE person = ?1 ORDER BY wallet";
    let wallets = rows::all(connection, wallets, id, |row| {
        Ok((WalletId(rows::id(row, 0)?), rows::currency(row, 1)?))
    })?;
    let staff = "SELECT merchant, role FROM staff WHERE person = ?1 ORDER BY merchant";
    let staff = rows::all(connection, staff, id, |row| {
        Ok((MerchantId(rows::id(row, 0)?), rows::role(row, 1)?))
    })?;
    let identity = Arc::new(Identity { person, device, expires_at, wallets, staff });
    Ok(Some(KnownSession { identity, last_seen: LastSeen::new(last_seen), ends_idle }))
}
