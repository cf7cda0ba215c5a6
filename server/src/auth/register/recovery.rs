//! Recovery codes as they are kept, and coming back by one.

use std::time::Duration;

use fanju::time::Timestamp;
use webauthn_rs::prelude::Passkey;

use super::{
    DeviceId, PasskeyId, Person, PersonId, RecoveryCodes, Register, RegisterError,
    error::check_label,
    passkeys::insert_passkey,
    rows::{self, PERSON_COLUMNS},
    sessions::{NewSession, check_session, insert_session},
};
use crate::auth::{limits, recovery::RecoveryHash, token::Token};

impl Register {
    /// Keeps these codes of whoever is signed in on `device`; those before are void.
    ///
    /// # Errors
    /// [`RegisterError::SessionOver`], or it cannot be written.
    pub fn replace_recovery_codes(
        &self,
        person: PersonId,
        device: DeviceId,
        codes: &[RecoveryHash],
        now: Timestamp,
    ) -> Result<(), RegisterError> {
        let void = "DELETE FROM recovery_codes WHERE person = ?1";
        let insert = "INSERT INTO recovery_codes (code, person, made_at) VALUES (?1, ?2, ?3)";
        self.write(person.0, |transaction| {
            check_session(transaction, person, device)?;
            let person = person.0.as_bytes();
            transaction.prepare_cached(void)?.execute([person])?;
            for code in codes {
                transaction.prepare_cached(insert)?.execute((code.0, person, now.0))?;
            }
            Ok(())
        })
    }

    /// What is known of the person's recovery codes.
    ///
    /// # Errors
    /// [`RegisterError`] when it cannot be read.
    pub fn recovery_codes(&self, person: PersonId) -> Result<RecoveryCodes, RegisterError> {
        let sql = "SELECT count(*) FILTER (WHERE spent_at IS NULL), max(made_at)
            FROM recovery_codes WHERE person = ?1";
        let known = self.read(|connection| {
            rows::first(connection, sql, [person.0.as_bytes()], |row| {
                let left = usize::try_from(row.get::<_, i64>(0)?).unwrap_or(0);
                let made_at = row.get::<_, Option<i64>>(1)?.map(Timestamp);
                Ok(RecoveryCodes { left, made_at })
            })
        })?;
        Ok(known.unwrap_or(RecoveryCodes { left: 0, made_at: None }))
    }

    /// Whose recovery code it is, if it was not used. There is one look-up, by a hash that nobody
    /// outside can compute: neither the answer nor its time tells a wrong code from a stranger's name.
    ///
    /// # Errors
    /// [`RegisterError`] when it cannot be read.
    pub fn who_recovers(&self, code: &RecoveryHash) -> Result<Option<Person>, RegisterError> {
        let sql = format!(
            "SELECT {PERSON_COLUMNS} FROM recovery_codes JOIN people ON people.id = person
             WHERE code = ?1 AND spent_at IS NULL"
        );
        self.read(|connection| rows::first(connection, &sql, [&code.0], rows::person))
    }

    /// Spends the code, adds the passkey, signs the person out everywhere and in here: all of it, or
    /// nothing. Gives what [`Register::open_session`] gives.
    ///
    /// # Errors
    /// [`RegisterError::Label`], [`RegisterError::UnknownRecoveryCode`],
    /// [`RegisterError::TooMany`], [`RegisterError::PasskeyTaken`], or it cannot be written.
    pub fn recover(
        &self,
        person: PersonId,
        code: &RecoveryHash,
        passkey: &Passkey,
        label: &str,
        now: Timestamp,
        lasts: Duration,
    ) -> Result<(Token, DeviceId, Timestamp), RegisterError> {
        check_label(label)?;
        let spend = "UPDATE recovery_codes SET spent_at = ?3
            WHERE code = ?1 AND person = ?2 AND spent_at IS NULL";
        let sign_out = "DELETE FROM devices WHERE person = ?1";
        let opened_by = PasskeyId::of(passkey);
        let session = NewSession::begin(person, Some(&opened_by), label, now, lasts);
        self.write(person.0, |transaction| {
            let spent = (code.0, person.0.as_bytes(), now.0);
            if transaction.prepare_cached(spend)?.execute(spent)? != 1 {
                return Err(RegisterError::UnknownRecoveryCode);
            }
            let max = limits::PASSKEYS_RECOVERED_MAX;
            insert_passkey(transaction, person, passkey, label, now, max)?;
            transaction.prepare_cached(sign_out)?.execute([person.0.as_bytes()])?;
            insert_session(transaction, &session, self.idle_since(now))
        })?;
        Ok(session.opened())
    }
}
