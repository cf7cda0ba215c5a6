//! People: their names and wallets, and whether they are who they say.

use fanju::{id::WalletId, money::Currency};
use rusqlite::{OptionalExtension as _, Transaction};
use webauthn_rs::prelude::Passkey;

use super::{
    Person, PersonId, Register, RegisterError,
    error::{check_label, check_room},
    passkeys::insert_passkey,
    rows::{self, PERSON_COLUMNS},
};
use crate::auth::limits;

impl Register {
    /// Adds somebody who signed up with `passkey`, both or none; the person calls it `label`.
    ///
    /// # Errors
    /// [`RegisterError::Label`], [`RegisterError::PersonTaken`], [`RegisterError::PasskeyTaken`],
    /// or it cannot be written.
    pub fn add_person(
        &self,
        person: &Person,
        passkey: &Passkey,
        label: &str,
    ) -> Result<(), RegisterError> {
        check_label(label)?;
        self.write(person.id.0, |transaction| {
            insert_person(transaction, person)?;
            let max = limits::PASSKEYS_PER_PERSON_MAX;
            insert_passkey(transaction, person.id, passkey, label, person.created_at, max)
        })
    }

    /// Adds somebody who cannot sign in: the cast of a demonstration.
    ///
    /// # Errors
    /// [`RegisterError::PersonTaken`], or it cannot be written.
    pub fn add_person_without_passkey(&self, person: &Person) -> Result<(), RegisterError> {
        self.write(person.id.0, |transaction| insert_person(transaction, person))
    }

    /// Signs everybody out who has no passkey, and could never have signed in: how many devices.
    ///
    /// # Errors
    /// [`RegisterError`] when it cannot be written.
    pub fn sign_out_made_up_people(&self) -> Result<usize, RegisterError> {
        let made_up = "SELECT DISTINCT person FROM devices
            WHERE person NOT IN (SELECT person FROM passkeys)";
        let people = self.read(|connection| {
            rows::all(connection, made_up, (), |row| Ok(PersonId(rows::id(row, 0)?)))
        })?;
        let sign_out = "DELETE FROM devices WHERE person = ?1";
        people.iter().try_fold(0, |devices, person| {
            let ended = self.write(person.0, |transaction| {
                Ok(transaction.prepare_cached(sign_out)?.execute([person.0.as_bytes()])?)
            })?;
            Ok(devices + ended)
        })
    }

    /// The person with this id.
    ///
    /// # Errors
    /// [`RegisterError`] when it cannot be read.
    pub fn person(&self, id: PersonId) -> Result<Option<Person>, RegisterError> {
        let sql = format!("SELECT {PERSON_COLUMNS} FROM people WHERE id = ?1");
        self.read(|connection| rows::first(connection, &sql, [id.0.as_bytes()], rows::person))
    }

    /// Makes `person` the owner of `wallet`; again is as good as once.
    ///
    /// # Errors
    /// [`RegisterError::UnknownPerson`], [`RegisterError::WalletTaken`],
    /// [`RegisterError::TooMany`], or it cannot be written.
    pub fn add_wallet(
        &self,
        person: PersonId,
        wallet: WalletId,
        currency: Currency,
    ) -> Result<(), RegisterError> {
        let known = "SELECT person, currency FROM wallets WHERE wallet = ?1";
        let counted = "SELECT count(*) FROM wallets WHERE person = ?1";
        let insert = "INSERT INTO wallets (wallet, person, currency) VALUES (?1, ?2, ?3)";
        self.write(person.0, |transaction| {
            check_person(transaction, person)?;
            let known = rows::first(transaction, known, [wallet.0.as_bytes()], |row| {
                Ok((PersonId(rows::id(row, 0)?), rows::currency(row, 1)?))
            })?;
            match known {
                Some(known) if known == (person, currency) => return Ok(()),
                Some(_) => return Err(RegisterError::WalletTaken),
                None => {}
            }
            let count = rows::count(transaction, counted, [person.0.as_bytes()])?;
            check_room(count, limits::WALLETS_PER_PERSON_MAX, "wallets of a person")?;
            let values = (wallet.0.as_bytes(), person.0.as_bytes(), currency.numeric());
            transaction.prepare_cached(insert)?.execute(values)?;
            Ok(())
        })
    }

    /// Whether [`Register::add_wallet`] has room for one wallet more of `person`, or `wallet` is the
    /// person's already: asked before the engine opens one, which nobody could own then.
    ///
    /// # Errors
    /// [`RegisterError::TooMany`], or it cannot be read.
    pub fn check_wallet_room(
        &self,
        person: PersonId,
        wallet: Option<WalletId>,
    ) -> Result<(), RegisterError> {
        let counted = "SELECT count(*) FROM wallets WHERE person = ?1";
        let own = "SELECT 1 FROM wallets WHERE wallet = ?1 AND person = ?2";
        self.read(|connection| {
            if let Some(wallet) = wallet {
                let key = (wallet.0.as_bytes(), person.0.as_bytes());
                if rows::first(connection, own, key, |_| Ok(()))?.is_some() {
                    return Ok(());
                }
            }
            let count = rows::count(connection, counted, [person.0.as_bytes()])?;
            check_room(count, limits::WALLETS_PER_PERSON_MAX, "wallets of a person")
        })
    }

    /// Whose wallet it is.
    ///
    /// # Errors
    /// [`RegisterError`] when it cannot be read.
    pub fn owner(&self, wallet: WalletId) -> Result<Option<PersonId>, RegisterError> {
        let sql = "SELECT person FROM wallets WHERE wallet = ?1";
        self.read(|connection| {
            rows::first(connection, sql, [wallet.0.as_bytes()], |row| {
                Ok(PersonId(rows::id(row, 0)?))
            })
        })
    }

    /// Notes that the document with this keyed hash is the person's; again is as good as once.
    ///
    /// # Errors
    /// [`RegisterError::UnknownPerson`], [`RegisterError::VerifiedOtherwise`],
    /// [`RegisterError::DocumentTaken`], or it cannot be written.
    pub fn verify_person(&self, person: PersonId, document: [u8; 32]) -> Result<(), RegisterError> {
        let holder = "SELECT id FROM people WHERE document = ?1";
        let update = "UPDATE people SET verified = 1, document = ?2 WHERE id = ?1";
        self.write(person.0, |transaction| {
            let known: Option<Option<[u8; 32]>> = transaction
                .prepare_cached("SELECT document FROM people WHERE id = ?1")?
                .query_row([person.0.as_bytes()], |row| row.get(0))
                .optional()?;
            match known.ok_or(RegisterError::UnknownPerson)? {
                Some(known) if known == document => return Ok(()),
                Some(_) => return Err(RegisterError::VerifiedOtherwise),
                None => {}
            }
            let taken = rows::first(transaction, holder, [&document], |_| Ok(()))?;
            if taken.is_some() {
                return Err(RegisterError::DocumentTaken);
            }
            transaction.prepare_cached(update)?.execute((person.0.as_bytes(), document))?;
            Ok(())
        })
    }
}

pub(super) fn check_person(
    transaction: &Transaction<'_>,
    person: PersonId,
) -> Result<(), RegisterError> {
    let sql = "SELECT 1 FROM people WHERE id = ?1";
    let known = rows::first(transaction, sql, [person.0.as_bytes()], |_| Ok(()))?;
    known.ok_or(RegisterError::UnknownPerson)
}

fn insert_person(transaction: &Transaction<'_>, person: &Person) -> Result<(), RegisterError> {
    let sql = "INSERT INTO people (id, name, verified, created_at) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (id) DO NOTHING";
    let id = person.id.0.as_bytes();
    let values = (id, person.name.as_str(), person.verified, person.created_at.0);
    match transaction.prepare_cached(sql)?.execute(values)? {
        1 => Ok(()),
        _ => Err(RegisterError::PersonTaken),
    }
}
