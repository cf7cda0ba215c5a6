//! Rows of wallets and merchants: loading them, and what the two have in common.

use std::num::NonZeroI64;

use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use super::{BooksError, blob, schema};
use crate::{
    domain::{event::Event, group::Group, merchant::Merchant, purse::Purse, wallet::Wallet},
    id::{GroupId, MerchantId, Position, WalletId},
    money::{Amount, Currency},
};

/// A wallet or a merchant, as far as folding goes.
pub(super) trait Holding {
    fn id(&self) -> Uuid;
    fn fold(&mut self, event: &Event, delta: Amount, at: Position);
    fn purse(&self) -> &Purse;
    fn purse_mut(&mut self) -> &mut Purse;
    fn currency(&self) -> Currency;
    /// Appends what the row's blob holds.
    fn put_state(&self, out: &mut Vec<u8>);
}

impl Holding for Wallet {
    fn id(&self) -> Uuid {
        self.id.0
    }

    fn fold(&mut self, event: &Event, delta: Amount, at: Position) {
        self.apply(event, delta, at);
    }

    fn purse(&self) -> &Purse {
        &self.purse
    }

    fn purse_mut(&mut self) -> &mut Purse {
        &mut self.purse
    }

    fn currency(&self) -> Currency {
        self.currency
    }

    fn put_state(&self, out: &mut Vec<u8>) {
        blob::put_wallet(out, self);
    }
}

impl Holding for Merchant {
    fn id(&self) -> Uuid {
        self.id.0
    }

    fn fold(&mut self, event: &Event, delta: Amount, at: Position) {
        self.apply(event, delta, at);
    }

    fn purse(&self) -> &Purse {
        &self.purse
    }

    fn purse_mut(&mut self) -> &mut Purse {
        &mut self.purse
    }

    fn currency(&self) -> Currency {
        self.currency
    }

    fn put_state(&self, out: &mut Vec<u8>) {
        blob::put_merchant(out, self);
    }
}

pub(super) fn load_wallet(
    connection: &Connection,
    id: WalletId,
) -> Result<Option<(Wallet, Position)>, BooksError> {
    let sql = "SELECT currency, posted, head, state FROM wallets WHERE id = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([id.0.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (currency, posted) = (schema::currency(row, 0)?, schema::amount(row, 1)?);
    let state = row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?;
    let wallet = blob::read_wallet(id, currency, posted, state)?;
    Ok(Some((wallet, schema::position(row, 2)?)))
}

pub(super) fn wallet_key(
    connection: &Connection,
    id: WalletId,
) -> Result<Option<NonZeroI64>, BooksError> {
    let mut statement = connection.prepare_cached("SELECT key FROM wallets WHERE id = ?1")?;
    Ok(statement.query_row([id.0.as_bytes()], |row| row.get(0)).optional()?)
}

pub(super) fn load_merchant(
    connection: &Connection,
    id: MerchantId,
) -> Result<Option<(Merchant, Position)>, BooksError> {
    let sql = "SELECT currency, posted, head, state FROM merchants WHERE id = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([id.0.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (currency, posted) = (schema::currency(row, 0)?, schema::amount(row, 1)?);
    let state = row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?;
    let merchant = blob::read_merchant(id, currency, posted, state)?;
    Ok(Some((merchant, schema::position(row, 2)?)))
}

pub(super) fn merchant_key(
    connection: &Connection,
    id: MerchantId,
) -> Result<Option<i64>, BooksError> {
    let mut statement = connection.prepare_cached("SELECT key FROM merchants WHERE id = ?1")?;
    Ok(statement.query_row([id.0.as_bytes()], |row| row.get(0)).optional()?)
}

pub(super) fn load_group(
    connection: &Connection,
    id: GroupId,
) -> Result<Option<(Group, Position)>, BooksError> {
    let sql = "SELECT head, state FROM groups WHERE id = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([id.0.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let state = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
    Ok(Some((blob::read_group(id, state)?, schema::position(row, 0)?)))
}
