//! Till keys: what a merchant's machines carry instead of a person.

use std::sync::Arc;

use fanju::{id::MerchantId, time::Timestamp};
use rusqlite::Row;

use super::{
    KeyId, Register, RegisterError, Scope, TillKey,
    error::{check_label, check_room},
    rows,
    seen::{LastSeen, Subject},
};
use crate::auth::{
    limits,
    token::{Token, TokenHash, TokenKind},
};

const COLUMNS: &str = "key, merchant, label, scopes, created_at, last_used_at";

/// A key as it was read.
#[derive(Clone)]
pub(super) struct KnownKey {
    key: Arc<TillKey>,
    last_used: LastSeen,
}

impl Register {
    /// Makes a key for `merchant`: its token, to be shown once, and what is known of it.
    ///
    /// # Errors
    /// [`RegisterError::Label`], [`RegisterError::NoScope`], [`RegisterError::TooMany`], or it
    /// cannot be written.
    pub fn create_key(
        &self,
        merchant: MerchantId,
        label: &str,
        scopes: &[Scope],
        now: Timestamp,
    ) -> Result<(Token, TillKey), RegisterError> {
        check_label(label)?;
        let bits = rows::scope_bits(scopes);
        if bits == 0 {
            return Err(RegisterError::NoScope);
        }
        let token = Token::fresh(TokenKind::Key);
        let key = TillKey {
            key: KeyId(rows::fresh_id(now)),
            merchant,
            label: label.to_owned(),
            scopes: rows::scopes(bits)?,
            created_at: now,
            last_used_at: None,
        };
        let counted = "SELECT count(*) FROM till_keys WHERE merchant = ?1";
        let insert = "INSERT INTO till_keys (key, merchant, token, label, scopes, created_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.write(merchant.0, |transaction| {
            let count = rows::count(transaction, counted, [merchant.0.as_bytes()])?;
            check_room(count, limits::KEYS_PER_MERCHANT_MAX, "keys of a merchant")?;
            let (id, merchant) = (key.key.0.as_bytes(), merchant.0.as_bytes());
            let values = (id, merchant, token.hash().0, label, bits, now.0);
            transaction.prepare_cached(insert)?.execute(values)?;
            Ok(())
        })?;
        Ok((token, key))
    }

    /// The key that asks with this hash, unless it is unknown or revoked. Its `last_used_at` is
    /// as of when it was read.
    ///
    /// # Errors
    /// [`RegisterError`] when it cannot be read.
    pub fn identify_key(
        &self,
        key: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Arc<TillKey>>, RegisterError> {
        let Some(known) = self.known_key(key)? else { return Ok(None) };
        self.0.seen.note(Subject::Key(known.key.key), &known.last_used, now);
        Ok(Some(known.key))
    }

    /// The same where nobody asks: it is not used with that.
    ///
    /// # Errors
    /// [`RegisterError`] when it cannot be read.
    pub fn recognise_key(&self, key: &TokenHash) -> Result<Option<Arc<TillKey>>, RegisterError> {
        Ok(self.known_key(key)?.map(|known| known.key))
    }

    fn known_key(&self, key: &TokenHash) -> Result<Option<KnownKey>, RegisterError> {
        let marks = &self.0.marks;
        let cached = self.0.keys.get(key, |known| marks.now(known.key.merchant.0));
        match cached {
            Some(known) => Ok(Some(known)),
            None => self.read_key(key),
        }
    }

    /// The merchant's keys, oldest first.
    ///
    /// # Errors
    /// [`RegisterError`] when it cannot be read.
    pub fn keys(&self, merchant: MerchantId) -> Result<Vec<TillKey>, RegisterError> {
        let sql =
            format!("SELECT {COLUMNS} FROM till_keys WHERE merchant = ?1 ORDER BY created_at, key");
        self.read(|connection| rows::all(connection, &sql, [merchant.0.as_bytes()], till_key))
    }

    /// Ends a key of the merchant's; says whether there was one.
    ///
    /// # Errors
    /// [`RegisterError`] when it cannot be written.
    pub fn revoke_key(&self, merchant: MerchantId, key: KeyId) -> Result<bool, RegisterError> {
        let sql = "DELETE FROM till_keys WHERE key = ?1 AND merchant = ?2";
        self.write(merchant.0, |transaction| {
            let key = (key.0.as_bytes(), merchant.0.as_bytes());
            Ok(transaction.prepare_cached(sql)?.execute(key)? == 1)
        })
    }

    fn read_key(&self, key: &TokenHash) -> Result<Option<KnownKey>, RegisterError> {
        let whose = "SELECT merchant FROM till_keys WHERE token = ?1";
        let merchant = self.read(|connection| {
            rows::first(connection, whose, [&key.0], |row| Ok(MerchantId(rows::id(row, 0)?)))
        })?;
        let Some(merchant) = merchant else { return Ok(None) };
        // A token never changes hands. The mark comes before everything that does change.
        let mark = self.0.marks.now(merchant.0);
        let sql = format!("SELECT {COLUMNS} FROM till_keys WHERE token = ?1");
        let found = self.read(|connection| rows::first(connection, &sql, [&key.0], till_key))?;
        let Some(found) = found else { return Ok(None) };
        let last_used = LastSeen::new(found.last_used_at.unwrap_or(Timestamp(i64::MIN)));
        let known = KnownKey { key: Arc::new(found), last_used };
        self.0.keys.put(*key, mark, known.clone());
        Ok(Some(known))
    }
}

fn till_key(row: &Row<'_>) -> Result<TillKey, RegisterError> {
    Ok(TillKey {
        key: KeyId(rows::id(row, 0)?),
        merchant: MerchantId(rows::id(row, 1)?),
        label: row.get(2)?,
        scopes: rows::scopes(row.get(3)?)?,
        created_at: rows::moment(row, 4)?,
        last_used_at: row.get::<_, Option<i64>>(5)?.map(Timestamp),
    })
}
