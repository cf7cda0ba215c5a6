//! Staff: who works for which merchant, and as what.

use fanju::id::MerchantId;
use rusqlite::{Connection, Transaction};

use super::{
    Person, PersonId, Register, RegisterError, Role,
    error::check_room,
    people::check_person,
    rows::{self, PERSON_COLUMNS},
};
use crate::auth::limits;

impl Register {
    /// Makes `person` what `role` says at `merchant`, in place of what the person was there.
    ///
    /// # Errors
    /// [`RegisterError::UnknownPerson`], [`RegisterError::LastOwner`],
    /// [`RegisterError::TooMany`], or it cannot be written.
    pub fn set_role(
        &self,
        merchant: MerchantId,
        person: PersonId,
        role: Role,
    ) -> Result<(), RegisterError> {
        let upsert = "INSERT INTO staff (merchant, person, role) VALUES (?1, ?2, ?3)
            ON CONFLICT (merchant, person) DO UPDATE SET role = excluded.role";
        self.write(person.0, |transaction| {
            check_person(transaction, person)?;
            match role_of(transaction, merchant, person)? {
                Some(known) if known == role => return Ok(()),
                Some(Role::Owner) => check_other_owner(transaction, merchant, person)?,
                Some(Role::Cashier) => {}
                None => check_staff_room(transaction, merchant, person)?,
            }
            let key = (merchant.0.as_bytes(), person.0.as_bytes(), rows::role_number(role));
            transaction.prepare_cached(upsert)?.execute(key)?;
            Ok(())
        })
    }

    /// Makes `person` the owner of a shop that was just opened. A shop that has somebody already was
    /// founded before, and stays whose it is.
    ///
    /// # Errors
    /// [`RegisterError::UnknownPerson`], [`RegisterError::TooMany`], or it cannot be written.
    pub fn add_founder(&self, merchant: MerchantId, person: PersonId) -> Result<(), RegisterError> {
        let staff = "SELECT count(*) FROM staff WHERE merchant = ?1";
        let insert = "INSERT INTO staff (merchant, person, role) VALUES (?1, ?2, ?3)";
        let founds = "INSERT OR IGNORE INTO founders (merchant, person) VALUES (?1, ?2)";
        self.write(person.0, |transaction| {
            check_person(transaction, person)?;
            if rows::count(transaction, staff, [merchant.0.as_bytes()])? > 0 {
                return Ok(());
            }
            check_founding_room(transaction, person)?;
            let owner = rows::role_number(Role::Owner);
            let key = (merchant.0.as_bytes(), person.0.as_bytes());
            transaction.prepare_cached(insert)?.execute((key.0, key.1, owner))?;
            transaction.prepare_cached(founds)?.execute(key)?;
            Ok(())
        })
    }

    /// Whether [`Register::add_founder`] has room for one shop more of `person`, or `merchant` has
    /// somebody already: asked before the engine opens one, which nobody could own then.
    ///
    /// # Errors
    /// [`RegisterError::TooMany`], or it cannot be read.
    pub fn check_founder_room(
        &self,
        person: PersonId,
        merchant: Option<MerchantId>,
    ) -> Result<(), RegisterError> {
        let staff = "SELECT count(*) FROM staff WHERE merchant = ?1";
        self.read(|connection| {
            if let Some(merchant) = merchant
                && rows::count(connection, staff, [merchant.0.as_bytes()])? > 0
            {
                return Ok(());
            }
            check_founding_room(connection, person)
        })
    }

    /// Ends whatever `person` is at `merchant`; says whether that was anything.
    ///
    /// # Errors
    /// [`RegisterError::LastOwner`], or it cannot be written.
    pub fn remove_role(
        &self,
        merchant: MerchantId,
        person: PersonId,
    ) -> Result<bool, RegisterError> {
        let delete = "DELETE FROM staff WHERE merchant = ?1 AND person = ?2";
        self.write(person.0, |transaction| {
            match role_of(transaction, merchant, person)? {
                Some(Role::Owner) => check_other_owner(transaction, merchant, person)?,
                Some(Role::Cashier) => {}
                None => return Ok(false),
            }
            let key = (merchant.0.as_bytes(), person.0.as_bytes());
            Ok(transaction.prepare_cached(delete)?.execute(key)? == 1)
        })
    }

    /// Who works at `merchant`, by age of the account.
    ///
    /// # Errors
    /// [`RegisterError`] when it cannot be read.
    pub fn staff(&self, merchant: MerchantId) -> Result<Vec<(Person, Role)>, RegisterError> {
        let sql = format!(
            "SELECT {PERSON_COLUMNS}, staff.role FROM staff JOIN people ON people.id = staff.person
             WHERE staff.merchant = ?1 ORDER BY people.id"
        );
        self.read(|connection| {
            rows::all(connection, &sql, [merchant.0.as_bytes()], |row| {
                Ok((rows::person(row)?, rows::role(row, 4)?))
            })
        })
    }
}

fn role_of(
    transaction: &Transaction<'_>,
    merchant: MerchantId,
    person: PersonId,
) -> Result<Option<Role>, RegisterError> {
    let sql = "SELECT role FROM staff WHERE merchant = ?1 AND person = ?2";
    let key = (merchant.0.as_bytes(), person.0.as_bytes());
    rows::first(transaction, sql, key, |row| rows::role(row, 0))
}

fn check_other_owner(
    transaction: &Transaction<'_>,
    merchant: MerchantId,
    person: PersonId,
) -> Result<(), RegisterError> {
    let sql = "SELECT count(*) FROM staff WHERE merchant = ?1 AND person <> ?2 AND role = ?3";
    let owner = rows::role_number(Role::Owner);
    let key = (merchant.0.as_bytes(), person.0.as_bytes(), owner);
    match rows::count(transaction, sql, key)? {
        0 => Err(RegisterError::LastOwner),
        _ => Ok(()),
    }
}

fn check_staff_room(
    transaction: &Transaction<'_>,
    merchant: MerchantId,
    person: PersonId,
) -> Result<(), RegisterError> {
    let staff = "SELECT count(*) FROM staff WHERE merchant = ?1";
    let count = rows::count(transaction, staff, [merchant.0.as_bytes()])?;
    check_room(count, limits::STAFF_PER_MERCHANT_MAX, "staff of a merchant")?;
    check_merchants_room(transaction, person)
}

/// A shop is for good: one that was left to others counts as well.
fn check_founding_room(connection: &Connection, person: PersonId) -> Result<(), RegisterError> {
    check_merchants_room(connection, person)?;
    let founded = "SELECT count(*) FROM founders WHERE person = ?1";
    let count = rows::count(connection, founded, [person.0.as_bytes()])?;
    check_room(count, limits::MERCHANTS_FOUNDED_MAX, "merchants founded by a person")
}

fn check_merchants_room(connection: &Connection, person: PersonId) -> Result<(), RegisterError> {
    let merchants = "SELECT count(*) FROM staff WHERE person = ?1";
    let count = rows::count(connection, merchants, [person.0.as_bytes()])?;
    check_room(count, limits::MERCHANTS_PER_PERSON_MAX, "merchants of a person")
}
