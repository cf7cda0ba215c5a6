//! Files of bills and orders: real ones to the cent, bad rows with their reasons.

mod shared;

use std::fs;

use clap::Parser;
use fanju::money::Currency;
use fanju_sim::{
    bills::{BillRow, FileError, OrderRows, Rows, read_bills, read_orders},
    options::{FileOptions, Options, Task},
};

fn options(words: &str) -> FileOptions {
    let words = ["fanju-sim", "dinner"].into_iter().chain(words.split_whitespace());
    let Task::Dinner(options) = Options::parse_from(words).task else {
        unreachable!("`dinner` was asked for")
    };
    options.files
}

fn bills(text: &str, words: &str) -> Result<Rows<BillRow>, FileError> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("bills.csv");
    fs::write(&path, text).expect("writes");
    read_bills(&path, &options(words), Currency::USD)
}

fn orders(text: &str) -> Rows<OrderRows> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("orders.tsv");
    fs::write(&path, text).expect("writes");
    read_orders(&path, &options(""), Currency::USD).expect("a table")
}

fn reasons<T>(rows: &Rows<T>) -> Vec<String> {
    rows.bad.iter().map(|bad| format!("{}: {}", bad.line, bad.reason)).collect()
}

#[test]
fn all_real_bills_are_read_to_the_cent() {
    let Some(path) = shared::data("tips.csv") else { return };
    let rows = read_bills(&path, &options(""), Currency::USD).expect("a table");
    assert_eq!((rows.good.len(), rows.bad.len()), (244, 0));
    assert_eq!(rows.good.iter().map(|row| row.bill.minor()).sum::<i64>(), 482_777);
    assert_eq!(rows.good.iter().map(|row| row.tip.minor()).sum::<i64>(), 73_158);
    assert_eq!(rows.good.iter().map(|row| row.diners).sum::<usize>(), 627);
}

#[test]
fn all_real_orders_are_read_to_the_cent() {
    let Some(path) = shared::data("chipotle.tsv") else { return };
    let rows = read_orders(&path, &options(""), Currency::USD).expect("a table");
    assert_eq!((rows.good.len(), rows.bad.len()), (1_834, 0));
    assert_eq!(rows.good.iter().map(|order| order.total.minor()).sum::<i64>(), 3_450_016);
    assert_eq!(rows.good.iter().map(|order| order.lines.len()).sum::<usize>(), 4_622);
}

#[test]
fn every_bad_bill_has_its_line_and_reason() {
    let text = "total_bill,tip,size\n\
        10.00,1.00,2\n\
        ten,1.00,2\n\
        10.005,1.00,2\n\
        10.00,-1.00,2\n\
        0,0,2\n\
        10.00,1.00,2.5\n\
        10.00,1.00,0\n\
        10.00\n\
        99999999999999,0,2\n\
        5.50,0,1\n";
    let rows = bills(text, "").expect("a table");
    let good: Vec<_> = rows.good.iter().map(|row| (row.line, row.total.minor())).collect();
    assert_eq!(good, [(2, 1_100), (11, 550)]);
    assert_eq!(
        reasons(&rows),
        [
            "3: total `ten` is not a decimal number",
            "4: total `10.005`: amount is finer than the minor unit of USD (10^-2)",
            "5: total and tip must not be negative",
            "6: total with tip is zero or too large",
            "7: size `2.5` is not a whole number",
            "8: size 0 is not from 1 to 1000",
            "9: row has 1 field, needs 3",
            "10: total with tip is zero or too large",
        ]
    );
}

#[test]
fn a_row_has_its_line_however_lines_end() {
    for (end, lines) in [("\n", [3, 5]), ("\r\n", [3, 5]), ("\r", [3, 5]), ("\n\n", [5, 9])] {
        for mark in ["", "\u{feff}"] {
            let rows = ["total_bill,tip,size", "10,1,2", "ten,1,2", "8,1,2", "\"\",1,2", ""];
            let read = bills(&format!("{mark}{}", rows.join(end)), "").expect("readable");
            let found: Vec<_> = read.bad.iter().map(|row| row.line).collect();
            assert_eq!((found, read.good.len()), (lines.to_vec(), 2), "{end:?} {mark:?}");
        }
    }
}

#[test]
fn a_row_with_more_fields_than_the_header_is_bad() {
    let read = bills("total_bill,tip,size\n1,234.50,3,4\n20,1,2\n", "").expect("readable");
    assert_eq!(reasons(&read), ["2: row has 4 fields, the header 3"]);
    assert_eq!(read.good.len(), 1);
}

#[test]
fn columns_and_delimiter_are_options() {
    let words = "--col-total bill --col-tip extra --col-size n --delimiter ;";
    let rows = bills("n;extra;bill\n3;0.5;£7\n", words).expect("a table");
    assert_eq!((rows.good[0].diners, rows.good[0].total.minor()), (3, 750));
}

#[test]
fn a_missing_column_is_named_with_those_that_are_there() {
    let error = bills("total_bill,gratuity,size\n", "").expect_err("no tip");
    let text = error.to_string();
    assert!(text.ends_with("has no column `tip`; it has total_bill, gratuity, size"), "{text}");
}

#[test]
fn lines_of_an_order_come_together_wherever_they_stand() {
    let rows = orders(
        "order_id\tquantity\titem_name\titem_price\n\
         1\t1\tSoup\t$2.39 \n\
         2\t2\tTea\t$3.00 \n\
         3\t1\tRebate\t-$0.39 \n\
         1\t1\tRebate\t-0.39\n\
         3\t1\tTea\t$3.00\n\
         4\tno\tTea\t$3.00\n\
         5\t1\t\t$3.00\n\
         6\t1\tAir\t$0.00\n\
         7\t1\tSoup\t$2.39\n\
         7\t1\tTea\n",
    );
    let good: Vec<_> = rows
        .good
        .iter()
        .map(|order| (order.order_no.as_str(), order.total.minor(), order.lines.len()))
        .collect();
    assert_eq!(good, [("1", 200, 2), ("2", 300, 1)]);
    assert_eq!(rows.good[1].lines[0].name.as_str(), "2 × Tea");
    assert_eq!(
        reasons(&rows),
        [
            "4: price `-$0.39` is not a decimal number",
            "7: quantity `no` is not a whole number above zero",
            "8: item: text is empty",
            "11: row has 3 fields, needs 4",
            "6: order 3: one of its rows is bad",
            "9: order 6: the lines sum to zero, less, or too much",
            "10: order 7: one of its rows is bad",
        ]
    );
}
