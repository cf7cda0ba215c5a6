//! Reading the rows, from any thread, without waiting for the writer.
//!
//! Each call sees one snapshot; two calls may see two. Calls block on the disk: an async caller
//! makes them on a thread of its own.

use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use super::{
    BooksError, Counts, account, blob,
    blob::OrderSteps,
    flush::{MERCHANT_KIND, WALLET_KIND},
    schema::{self, Place},
};
use crate::{
    domain::{
        event::{Holder, RailMove},
        group::Group,
        merchant::Merchant,
        text::OrderNo,
        wallet::Wallet,
    },
    id::{GroupId, MerchantId, Position, WalletId},
    journal::Tail,
    limits,
    money::{Amount, Currency},
};

/// All money of one currency: the three sum to zero (M-1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Totals {
    /// Which.
    pub currency: Currency,
    /// In wallets.
    pub wallets: Amount,
    /// With merchants.
    pub merchants: Amount,
    /// Of the world outside: minus all money inside.
    pub clearing: Amount,
}

/// Reads the books; clones share a few connections.
#[derive(Clone, Debug)]
pub struct BooksReader {
    pool: Arc<Pool>,
}

#[derive(Debug)]
struct Pool {
    idle: Mutex<Vec<Connection>>,
    /// After the connections: a temporary place is removed when they are closed.
    place: Arc<Place>,
}

impl BooksReader {
    pub(super) fn new(place: Arc<Place>) -> Self {
        Self { pool: Arc::new(Pool { idle: Mutex::default(), place }) }
    }

    /// Lends a connection, an idle one or a new one.
    pub(super) fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, BooksError>,
    ) -> Result<T, BooksError> {
        let idle = self.pool.idle.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => schema::connect_reader(&self.pool.place)?,
        };
        let answer = read(&connection);
        let mut idle = self.pool.idle.lock();
        if idle.len() < limits::BOOKS_READERS_IDLE_MAX {
            idle.push(connection);
        }
        answer
    }

    /// The tail up to which the rows go.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn checkpoint(&self) -> Result<Tail, BooksError> {
        self.with(|connection| {
            let mut statement = connection.prepare_cached("SELECT tail FROM meta")?;
            let tail: Vec<u8> = statement.query_row([], |row| row.get(0))?;
            Tail::from_bytes(&tail).ok_or(BooksError::corrupt("the tail has another length"))
        })
    }

    /// How many of what there is.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn counts(&self) -> Result<Counts, BooksError> {
        self.with(schema::counts)
    }

    /// A wallet without its reservations, and its last record.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn wallet(&self, id: WalletId) -> Result<Option<(Wallet, Position)>, BooksError> {
        self.with(|connection| account::load_wallet(connection, id))
    }

    /// A merchant without its reservations, and its last record.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn merchant(&self, id: MerchantId) -> Result<Option<(Merchant, Position)>, BooksError> {
        self.with(|connection| account::load_merchant(connection, id))
    }

    /// A group, and its last record.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn group(&self, id: GroupId) -> Result<Option<(Group, Position)>, BooksError> {
        self.with(|connection| account::load_group(connection, id))
    }

    /// The records of an order, oldest first; `None` when it was never decided.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn order(
        &self,
        merchant: MerchantId,
        order_no: &OrderNo,
    ) -> Result<Option<OrderSteps>, BooksError> {
        self.with(|connection| {
            let sql = "SELECT steps FROM orders WHERE order_no = ?2
                       AND merchant = (SELECT key FROM merchants WHERE id = ?1)";
            let mut statement = connection.prepare_cached(sql)?;
            let key = (merchant.0.as_bytes(), order_no.as_str());
            let steps: Option<Vec<u8>> = statement.query_row(key, |row| row.get(0)).optional()?;
            steps.map(|steps| Ok(blob::read_steps(&steps)?)).transpose()
        })
    }

    /// Tells `each` order number of a merchant that was ever decided, in their order.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn order_numbers(
        &self,
        merchant: MerchantId,
        mut each: impl FnMut(&str),
    ) -> Result<(), BooksError> {
        self.with(|connection| {
            let Some(key) = account::merchant_key(connection, merchant)? else { return Ok(()) };
            let sql = "SELECT order_no FROM orders WHERE merchant = ?1 ORDER BY order_no";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query([key])?;
            while let Some(row) = rows.next()? {
                each(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?);
            }
            Ok(())
        })
    }

    /// Moves that the rail has not answered.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn open_rail_moves(&self) -> Result<Vec<RailMove>, BooksError> {
        self.with(|connection| {
            let sql = "SELECT kind, id, move FROM rail_open ORDER BY kind, id, request";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query([])?;
            let mut moves = Vec::new();
            while let Some(row) = rows.next()? {
                let id = Uuid::from_bytes(row.get(1)?);
                let holder = match row.get::<_, i64>(0)? {
                    WALLET_KIND => Holder::Wallet(WalletId(id)),
                    MERCHANT_KIND => Holder::Merchant(MerchantId(id)),
                    _ => return Err(BooksError::corrupt("an unknown kind of holder")),
                };
                let moved = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
                moves.push(blob::read_move(holder, moved)?);
            }
            Ok(moves)
        })
    }

    /// Up to `limit` wallets behind `after` in the order of their ids, with their last records.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn wallets(
        &self,
        after: Option<WalletId>,
        limit: usize,
    ) -> Result<Vec<(Wallet, Position)>, BooksError> {
        self.with(|connection| {
            let sql = "SELECT id, currency, posted, head, state FROM wallets
                       WHERE id > ?1 ORDER BY id LIMIT ?2";
            let mut statement = connection.prepare_cached(sql)?;
            // Nothing sorts before the empty blob.
            let after = after.map_or(Vec::new(), |id| id.0.as_bytes().to_vec());
            let mut rows = statement.query((after, i64::try_from(limit).unwrap_or(i64::MAX)))?;
            let mut page = Vec::new();
            while let Some(row) = rows.next()? {
                let id = WalletId(Uuid::from_bytes(row.get(0)?));
                let (currency, posted) = (schema::currency(row, 1)?, schema::amount(row, 2)?);
                let state = row.get_ref(4)?.as_blob().map_err(rusqlite::Error::from)?;
                let wallet = blob::read_wallet(id, currency, posted, state)?;
                page.push((wallet, schema::position(row, 3)?));
            }
            Ok(page)
        })
    }

    /// All money, currency by currency in the order of their numbers. Reads every account.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn totals(&self) -> Result<Vec<Totals>, BooksError> {
        self.with(|connection| {
            let sql = "SELECT currency, sum(wallets), sum(merchants), sum(clearing) FROM (
                         SELECT currency, sum(posted) AS wallets, 0 AS merchants, 0 AS clearing
                           FROM wallets GROUP BY currency
                         UNION ALL SELECT currency, 0, sum(posted), 0
                           FROM merchants GROUP BY currency
                         UNION ALL SELECT currency, 0, 0, posted FROM clearing)
                       GROUP BY currency ORDER BY currency";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query([])?;
            let mut totals = Vec::new();
            while let Some(row) = rows.next()? {
                totals.push(Totals {
                    currency: schema::currency(row, 0)?,
                    wallets: schema::amount(row, 1)?,
                    merchants: schema::amount(row, 2)?,
                    clearing: schema::amount(row, 3)?,
                });
            }
            Ok(totals)
        })
    }
}
