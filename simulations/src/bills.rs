//! Bills and itemised orders from files: exact amounts, and a reason for each row that is bad.

use std::{
    collections::{HashMap, HashSet},
    fmt, fs,
    io::Cursor,
    path::{Path, PathBuf},
};

use csv::{ByteRecord, ReaderBuilder};
use fanju::{
    domain::{
        bill::Line,
        text::{Name, OrderNo},
    },
    limits,
    money::{Amount, Currency},
};
use rust_decimal::Decimal;

use crate::{figures::counted, options::FileOptions};

/// One dinner of a file of bills.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BillRow {
    /// Where it stands in the file.
    pub line: u64,
    /// The bill, without tip.
    pub bill: Amount,
    /// The tip.
    pub tip: Amount,
    /// Both.
    pub total: Amount,
    /// How many shared it.
    pub diners: usize,
}

/// One order of a file of itemised orders.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderRows {
    /// Where its first row stands in the file.
    pub line: u64,
    /// The file's number for it.
    pub order_no: String,
    /// Its lines.
    pub lines: Vec<Line>,
    /// Their sum.
    pub total: Amount,
}

/// A row that cannot be paid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadRow {
    /// In which file.
    pub file: PathBuf,
    /// At which line.
    pub line: u64,
    /// Why.
    pub reason: String,
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.reason)
    }
}

/// What a file gives: the good rows, and the bad ones with their reasons.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rows<T> {
    /// In the file's order.
    pub good: Vec<T>,
    /// In the file's order.
    pub bad: Vec<BadRow>,
}

/// Why a file cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refuses, or the file is no table.
    #[error("cannot read {file}")]
    Unreadable {
        /// Which file.
        file: String,
        /// Why.
        source: csv::Error,
    },
    /// The header does not name a column.
    #[error("{file} has no column `{column}`; it has {found}")]
    ColumnMissing {
        /// Which file.
        file: String,
        /// Which column.
        column: String,
        /// What the header names.
        found: String,
    },
}

/// Reads a file of bills.
///
/// # Errors
/// [`FileError`]; a bad row is none.
pub fn read_bills(
    path: &Path,
    options: &FileOptions,
    currency: Currency,
) -> Result<Rows<BillRow>, FileError> {
    let columns = [&options.col_total, &options.col_tip, &options.col_size];
    let mut table = Table::open(path, options.delimiter, columns)?;
    let mut good = Vec::new();
    while let Some((line, fields)) = table.next_row()? {
        let row = fields.and_then(|fields| bill_row(line, &fields, currency));
        match row {
            Ok(row) => good.push(row),
            Err(reason) => table.refuse(line, reason),
        }
    }
    Ok(Rows { good, bad: table.bad })
}

fn bill_row(line: u64, fields: &[String; 3], currency: Currency) -> Result<BillRow, String> {
    let [bill, tip, size] = fields;
    let bill = amount("total", bill, currency)?;
    let tip = amount("tip", tip, currency)?;
    if bill.minor() < 0 || tip.minor() < 0 {
        return Err("total and tip must not be negative".into());
    }
    let total = bill.checked_add(tip).filter(|total| total.is_movable());
    let total = total.ok_or("total with tip is zero or too large")?;
    let diners: usize = size.parse().map_err(|_| format!("size `{size}` is not a whole number"))?;
    if !(1..=limits::GROUP_MEMBERS_MAX).contains(&diners) {
        return Err(format!("size {diners} is not from 1 to {}", limits::GROUP_MEMBERS_MAX));
    }
    Ok(BillRow { line, bill, tip, total, diners })
}

/// Reads a file of itemised orders; rows of one order need not follow one another.
///
/// # Errors
/// [`FileError`]; a bad row is none. An order that has one, or whose rows cannot be paid, is reported at its
/// first good row.
pub fn read_orders(
    path: &Path,
    options: &FileOptions,
    currency: Currency,
) -> Result<Rows<OrderRows>, FileError> {
    let columns =
        [&options.col_order, &options.col_quantity, &options.col_item, &options.col_price];
    let mut table = Table::open(path, options.delimiter, columns)?;
    let mut orders: Vec<OrderRows> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut lacking = HashSet::new();
    while let Some((line, fields)) = table.next_row()? {
        let row = fields.and_then(|fields| order_line(fields, currency));
        match row {
            Ok((order_no, item)) => {
                let at = *known.entry(order_no).or_insert_with_key(|order_no| {
                    let (order_no, total) = (order_no.clone(), Amount::ZERO);
                    orders.push(OrderRows { line, order_no, lines: Vec::new(), total });
                    orders.len() - 1
                });
                orders[at].lines.push(item);
            }
            Err(reason) => {
                table.refuse(line, reason);
                lacking.extend(table.first_field());
            }
        }
    }
    let mut good = Vec::with_capacity(orders.len());
    for mut order in orders {
        let total = match lacking.contains(&order.order_no) {
            true => Err("one of its rows is bad".to_owned()),
            false => order_total(&order.lines),
        };
        match total {
            Ok(total) => {
                order.total = total;
                good.push(order);
            }
            Err(reason) => table.refuse(order.line, format!("order {}: {reason}", order.order_no)),
        }
    }
    Ok(Rows { good, bad: table.bad })
}

fn order_line(fields: [String; 4], currency: Currency) -> Result<(String, Line), String> {
    let [order_no, quantity, item, price] = fields;
    // Later rounds through the file append their number.
    let round = "-18446744073709551615";
    OrderNo::new(format!("{order_no}{round}")).map_err(|error| format!("order number: {error}"))?;
    let quantity: u64 = quantity
        .parse()
        .ok()
        .filter(|quantity| *quantity > 0)
        .ok_or_else(|| format!("quantity `{quantity}` is not a whole number above zero"))?;
    let name = if quantity == 1 { item } else { format!("{quantity} × {item}") };
    let name = Name::new(name).map_err(|error| format!("item: {error}"))?;
    Ok((order_no, Line { name, amount: amount("price", &price, currency)? }))
}

fn order_total(lines: &[Line]) -> Result<Amount, String> {
    if lines.len() > limits::BILL_LINES_MAX {
        return Err(format!("more than {} lines", limits::BILL_LINES_MAX));
    }
    Amount::checked_sum(lines.iter().map(|line| line.amount))
        .filter(|total| total.is_movable())
        .ok_or_else(|| "the lines sum to zero, less, or too much".into())
}

/// An amount as people write it, exactly: `2.39`, `$2.39 `.
fn amount(what: &str, text: &str, currency: Currency) -> Result<Amount, String> {
    let digits = text.trim_start_matches(['$', '€', '¥', '£']).trim_start();
    let decimal = Decimal::from_str_exact(digits)
        .map_err(|_| format!("{what} `{text}` is not a decimal number"))?;
    Amount::from_decimal(decimal, currency).map_err(|error| format!("{what} `{text}`: {error}"))
}

/// A file with a header, of which `N` columns are wanted.
struct Table<const N: usize> {
    path: PathBuf,
    reader: csv::Reader<Cursor<Vec<u8>>>,
    /// How many fields the header has.
    width: usize,
    places: [usize; N],
    /// Up to which byte lines were counted, and the line that is there.
    reached: (usize, u64),
    record: ByteRecord,
    bad: Vec<BadRow>,
}

impl<const N: usize> Table<N> {
    fn open(path: &Path, delimiter: Option<u8>, columns: [&String; N]) -> Result<Self, FileError> {
        let by_name = match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("tsv") => b'\t',
            _ => b',',
        };
        let file = || path.display().to_string();
        let unreadable = |source| FileError::Unreadable { file: file(), source };
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter.unwrap_or(by_name))
            .flexible(true)
            .from_reader(Cursor::new(fs::read(path).map_err(|error| unreadable(error.into()))?));
        let header = reader.byte_headers().map_err(unreadable)?;
        let names: Vec<String> =
            header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
        let mut places = [0; N];
        for (place, column) in places.iter_mut().zip(columns) {
            *place = names.iter().position(|name| name == column).ok_or_else(|| {
                let found = names.join(", ");
                FileError::ColumnMissing { file: file(), column: column.clone(), found }
            })?;
        }
        let (path, record, bad) = (path.to_owned(), ByteRecord::new(), Vec::new());
        let width = names.len();
        Ok(Self { path, reader, width, places, reached: (0, 1), record, bad })
    }

    /// At which line the row begins. The parser says where the one before it ended, which is before the
    /// second byte of its line's end and before empty lines.
    fn line(&mut self) -> u64 {
        let ended = self.record.position().map_or(0, csv::Position::byte);
        let content = self.reader.get_ref().get_ref();
        let (mut at, mut line) = self.reached;
        while let Some(byte) = content.get(at)
            && ((at as u64) < ended || matches!(byte, b'\r' | b'\n'))
        {
            let ends = *byte == b'\n' || *byte == b'\r' && content.get(at + 1) != Some(&b'\n');
            line += u64::from(ends);
            at += 1;
        }
        self.reached = (at, line);
        line
    }

    /// The next row's line and its fields, or why it has none.
    #[expect(clippy::type_complexity, reason = "said in the line above")]
    fn next_row(&mut self) -> Result<Option<(u64, Result<[String; N], String>)>, FileError> {
        let read = self.reader.read_byte_record(&mut self.record);
        let file = || self.path.display().to_string();
        if !read.map_err(|source| FileError::Unreadable { file: file(), source })? {
            return Ok(None);
        }
        let line = self.line();
        let has = || counted(self.record.len() as u128, "field");
        if self.record.len() > self.width {
            return Ok(Some((line, Err(format!("row has {}, the header {}", has(), self.width)))));
        }
        let mut fields = [const { String::new() }; N];
        for (field, place) in fields.iter_mut().zip(self.places) {
            let Some(bytes) = self.record.get(place) else {
                let needs = self.places.iter().max().map_or(0, |last| last + 1);
                return Ok(Some((line, Err(format!("row has {}, needs {needs}", has())))));
            };
            match std::str::from_utf8(bytes) {
                Ok(text) => text.trim().clone_into(field),
                Err(_) => return Ok(Some((line, Err("text is not UTF-8".into())))),
            }
        }
        Ok(Some((line, Ok(fields))))
    }

    /// The first of the columns that are wanted, also in a row that is too short for the others.
    fn first_field(&self) -> Option<String> {
        let bytes = self.record.get(*self.places.first()?)?;
        std::str::from_utf8(bytes).ok().map(|text| text.trim().to_owned())
    }

    fn refuse(&mut self, line: u64, reason: String) {
        self.bad.push(BadRow { file: self.path.clone(), line, reason });
    }
}
