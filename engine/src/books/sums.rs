//! What a merchant's orders came to, between moments that the caller chooses.
//!
//! The books know no days: when one begins is the caller's affair, who knows the time zone. They keep
//! sums of each quarter of an hour, because in every time zone that is in use a day begins at one.

use rusqlite::Connection;

use super::{BooksError, account, reader::BooksReader, schema};
use crate::{
    id::MerchantId,
    money::Amount,
    time::{QUARTER_MICROS, Timestamp},
};

/// Moments in order, each at a quarter of an hour; from each to the next is an interval.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Intervals(Vec<Timestamp>);

/// Why moments bound no intervals.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IntervalsError {
    /// The books cannot divide what happened within a quarter.
    #[error("{0} is not at a quarter of an hour")]
    NotAtQuarter(Timestamp),
    /// An interval would end before it begins.
    #[error("{next} comes before {earlier}")]
    NotInOrder {
        /// The moment that comes first.
        earlier: Timestamp,
        /// The one behind it.
        next: Timestamp,
    },
}

impl Intervals {
    /// The intervals between `bounds`, one fewer than these. One that ends where it begins is empty.
    ///
    /// # Errors
    /// [`IntervalsError`], of the first moment that does not fit.
    pub fn between(bounds: Vec<Timestamp>) -> Result<Self, IntervalsError> {
        if let Some(odd) = bounds.iter().find(|bound| bound.0.rem_euclid(QUARTER_MICROS) != 0) {
            return Err(IntervalsError::NotAtQuarter(*odd));
        }
        if let Some(pair) = bounds.windows(2).find(|pair| pair[1] < pair[0]) {
            return Err(IntervalsError::NotInOrder { earlier: pair[0], next: pair[1] });
        }
        Ok(Self(bounds))
    }

    /// The moments.
    #[must_use]
    pub fn bounds(&self) -> &[Timestamp] {
        &self.0
    }
}

/// What one merchant's orders came to in one interval, in the merchant's currency.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MerchantSums {
    /// Where the interval begins.
    pub from: Timestamp,
    /// Where it ends, itself not included.
    pub to: Timestamp,
    /// Orders paid.
    pub settled_count: u64,
    /// What they came to.
    pub settled: Amount,
    /// Refunds made.
    pub refunded_count: u64,
    /// What they came to.
    pub refunded: Amount,
    /// Orders that ended without money.
    pub declined_count: u64,
}

impl MerchantSums {
    /// Whether no order was decided and nothing was given back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        (self.settled_count, self.refunded_count, self.declined_count) == (0, 0, 0)
    }

    fn add(&mut self, quarter: &Quarter) -> Result<(), BooksError> {
        let sum = |sum: Amount, more| {
            sum.checked_add(more).ok_or(BooksError::corrupt("a sum is beyond 64 bits"))
        };
        self.settled_count += quarter.settled_count;
        self.settled = sum(self.settled, quarter.settled)?;
        self.refunded_count += quarter.refunded_count;
        self.refunded = sum(self.refunded, quarter.refunded)?;
        self.declined_count += quarter.declined_count;
        Ok(())
    }
}

/// One row.
struct Quarter {
    quarter: i64,
    settled_count: u64,
    settled: Amount,
    refunded_count: u64,
    refunded: Amount,
    declined_count: u64,
}

impl BooksReader {
    /// What a merchant's orders came to in each of `intervals`, those without orders included. Reads a
    /// row for each quarter with orders between the first moment and the last.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn merchant_sums(
        &self,
        merchant: MerchantId,
        intervals: &Intervals,
    ) -> Result<Vec<MerchantSums>, BooksError> {
        let bounds = intervals.bounds();
        let empty = |pair: &[Timestamp]| MerchantSums {
            from: pair[0],
            to: pair[1],
            ..MerchantSums::default()
        };
        let mut sums: Vec<_> = bounds.windows(2).map(empty).collect();
        let (Some(first), Some(last)) = (bounds.first(), bounds.last()) else { return Ok(sums) };
        self.with(|connection| {
            let mut at = 0;
            each_quarter(connection, merchant, first.quarter()..last.quarter(), |quarter| {
                // Both are in order, and the last interval ends behind the last row.
                while sums[at].to.quarter() <= quarter.quarter {
                    at += 1;
                }
                sums[at].add(&quarter)
            })
        })?;
        Ok(sums)
    }
}

/// Tells `each` quarter with orders of a merchant, in their order.
fn each_quarter(
    connection: &Connection,
    merchant: MerchantId,
    quarters: std::ops::Range<i64>,
    mut each: impl FnMut(Quarter) -> Result<(), BooksError>,
) -> Result<(), BooksError> {
    let Some(key) = account::merchant_key(connection, merchant)? else { return Ok(()) };
    let sql = "SELECT quarter, settled_count, settled_minor, refunded_count, refunded_minor,
                      declined_count
               FROM merchant_quarters
               WHERE merchant = ?1 AND quarter >= ?2 AND quarter < ?3
               ORDER BY quarter";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query((key, quarters.start, quarters.end))?;
    while let Some(row) = rows.next()? {
        let count = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
        each(Quarter {
            quarter: row.get(0)?,
            settled_count: count(1)?,
            settled: schema::amount(row, 2)?,
            refunded_count: count(3)?,
            refunded: schema::amount(row, 4)?,
            declined_count: count(5)?,
        })?;
    }
    Ok(())
}
