//! Read: from a file's text to a scenario. What one value may be is checked where it is read; here is
//! what several together cannot be. Nothing is corrected: a file that contradicts itself is refused at
//! the line that does.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use fanju::limits;
use toml::Spanned;

use super::{
    file::{BillSource, Scenario},
    values::{SLACK, WHOLE},
};
use crate::{
    bills::{self, BillRow},
    options::FileOptions,
};

/// What is wrong, and at which line.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{file}:{line}: {reason}")]
pub struct ScenarioError {
    /// In which file.
    pub file: String,
    /// At which line, from one.
    pub line: usize,
    /// Why.
    pub reason: String,
}

/// At which byte of the file, and why.
type Wrong = (usize, String);

fn wrong<T>(at: &Spanned<T>, reason: impl Into<String>) -> Result<(), Wrong> {
    Err((at.span().start, reason.into()))
}

impl Scenario {
    /// Reads `text`, which stands in `file`; files that it names are looked for beside it.
    ///
    /// # Errors
    /// [`ScenarioError`].
    pub fn parse(file: &str, text: &str) -> Result<Self, ScenarioError> {
        let told = |(at, reason): Wrong| {
            let line = text.get(..at).unwrap_or(text).matches('\n').count() + 1;
            ScenarioError { file: file.to_owned(), line, reason }
        };
        let mut scenario: Self = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            told((at, error.message().trim().replace('\n', ", ")))
        })?;
        scenario.check_bill().map_err(told)?;
        if let Some(csv) = scenario.bill.get_ref().csv.clone() {
            let at = scenario.bill.span().start;
            let rows = scenario.read_bills(&beside(file, &csv));
            scenario.rows = rows.map_err(|reason| told((at, reason)))?;
        }
        scenario.check(file).map_err(told)?;
        Ok(scenario)
    }

    /// Bills and party sizes come from figures, or all from one file.
    fn check_bill(&self) -> Result<(), Wrong> {
        let bill = self.bill.get_ref();
        match (&bill.per_diner_minor, &bill.csv) {
            (Some(_), Some(_)) => {
                return wrong(&self.bill, "give per_diner_minor or csv, not both");
            }
            (None, None) => return wrong(&self.bill, "give per_diner_minor, or csv with a file"),
            (Some(_), None) | (None, Some(_)) => {}
        }
        if bill.csv.is_some() && bill.tip_permille.is_some() {
            return wrong(&self.bill, "tips of a csv are in its own column");
        }
        let columns = [&bill.col_total, &bill.col_tip, &bill.col_size];
        if let (Some(column), None) = (columns.into_iter().flatten().next(), &bill.csv) {
            return wrong(column, "a column is named, but no csv");
        }
        match (&self.party, bill.csv.is_some()) {
            (Some(party), true) => wrong(party, "party sizes of a csv are in its own column"),
            (None, false) => Err((0, "missing [party] with sizes".into())),
            (Some(_), false) | (None, true) => Ok(()),
        }
    }

    /// What the rest of the file cannot be together.
    fn check(&self, file: &str) -> Result<(), Wrong> {
        if let Some(celebrity) = &self.celebrity
            && celebrity.get_ref().at_ms > self.evening.curve.end_ms()
        {
            return wrong(celebrity, "at_minute is after the end of the evening's curve");
        }
        self.check_people()?;
        self.check_shares()?;
        self.check_confirm(file)?;
        self.check_merchants()
    }

    fn check_people(&self) -> Result<(), Wrong> {
        let (people, largest) = (&self.people, self.largest_party());
        let count = people.count.get_ref().size();
        if count < largest {
            let reason = format!("people.count is {count}, but {largest} sit at one table");
            return wrong(&people.count, reason);
        }
        let (short, purse) = (people.short_purse_minor.get_ref().get(), people.purse_minor.get());
        if short > purse {
            let reason = format!("who is short has {short}, and everybody else {purse}");
            return wrong(&people.short_purse_minor, reason);
        }
        Ok(())
    }

    /// What one diner owes, by the figures or by the rows: at least and at most.
    fn shares(&self) -> (u64, u64) {
        if let Some(figures) = shares(self.bill.get_ref()) {
            return figures;
        }
        let each = |row: &BillRow| row.total.minor().unsigned_abs() / row.diners as u64;
        let shares = self.rows.iter().map(each);
        (shares.clone().min().unwrap_or(1), shares.max().unwrap_or(1))
    }

    /// Bills that the engine takes, and caps that mean something beside them.
    fn check_shares(&self) -> Result<(), Wrong> {
        let ((least, most), cap) = (self.shares(), &self.people.cap_minor);
        // The rows of a file are bills by themselves; a celebrity's table multiplies one.
        let celebrity = self.celebrity.as_ref().map_or(1, |it| it.get_ref().diners.size());
        let diners = if self.party.is_some() { self.largest_party() } else { celebrity };
        let largest = most.saturating_mul(diners as u64);
        let limit = limits::AMOUNT_MINOR_MAX.unsigned_abs();
        if largest > limit {
            let reason = format!("a bill may come to {largest}, and {limit} is the most there is");
            return wrong(&self.bill, reason);
        }
        let agreed = cap.get_ref().get();
        if agreed < least {
            let reason =
                format!("cap_minor {agreed} is below the least share, {least}: all are asked");
            return wrong(cap, reason);
        }
        let half = most / 2;
        if half > agreed && self.confirm.asked_share.get_ref().millionths() > 0 {
            let reason = format!(
                "cap_minor {agreed} is below half of the largest share, {half}: who is to be asked would \
                 agree to more than the others"
            );
            return wrong(cap, reason);
        }
        Ok(())
    }

    fn check_confirm(&self, file: &str) -> Result<(), Wrong> {
        let confirm = &self.confirm;
        let silent = confirm.vanish_share.get_ref().millionths();
        if confirm.refuse_share.millionths() + silent > WHOLE {
            let reason = "refuse_share and vanish_share sum to more than 1";
            return wrong(&confirm.vanish_share, reason);
        }
        if confirm.asked_share.get_ref().millionths() == 0 {
            return Ok(());
        }
        let reason = "who owes less than 2 minor units has no lower cap, and is never asked";
        if let Some(row) = self.rows.iter().find(|row| owes_little(row)) {
            let csv = self.bill.get_ref().csv.as_deref().unwrap_or(Path::new(""));
            let (csv, line) = (beside(file, csv), row.line);
            return wrong(&confirm.asked_share, format!("{reason}: {}:{line}", csv.display()));
        }
        match shares(self.bill.get_ref()).map(|(least, _)| least) {
            Some(0 | 1) => wrong(&confirm.asked_share, reason),
            Some(_) | None => Ok(()),
        }
    }

    fn check_merchants(&self) -> Result<(), Wrong> {
        let merchants = &self.merchants;
        let (mut sum, mut names) = (0, BTreeSet::new());
        for hot in &merchants.hot {
            sum += hot.share.get_ref().millionths();
            if sum > WHOLE {
                return wrong(&hot.share, "hot shares sum to more than 1");
            }
            if !names.insert(hot.name.as_str()) {
                return wrong(&hot.share, format!("`{}` is hot twice", hot.name.as_str()));
            }
        }
        let (named, count) = (merchants.hot.len(), merchants.count.size());
        match merchants.hot.last() {
            Some(last) if named > count => {
                let reason = format!("{named} hot merchants, but merchants.count is {count}");
                wrong(&last.share, reason)
            }
            Some(last) if self.merchants_min() > count => {
                let sum = f64::from(sum) / f64::from(WHOLE);
                let reason = format!("hot shares sum to {sum}, and no other merchant has the rest");
                wrong(&last.share, reason)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The fewest merchants that all shares of visits need: the named ones, and one that has the rest.
    #[must_use]
    pub fn merchants_min(&self) -> usize {
        let hot = &self.merchants.hot;
        let sum: u32 = hot.iter().map(|hot| hot.share.get_ref().millionths()).sum();
        hot.len() + usize::from(sum + SLACK < WHOLE)
    }

    fn read_bills(&self, csv: &Path) -> Result<Vec<BillRow>, String> {
        let bill = self.bill.get_ref();
        let mut options = FileOptions::default();
        let columns = [
            (&bill.col_total, &mut options.col_total),
            (&bill.col_tip, &mut options.col_tip),
            (&bill.col_size, &mut options.col_size),
        ];
        for (said, column) in columns {
            if let Some(said) = said {
                column.clone_from(said.get_ref());
            }
        }
        let rows = bills::read_bills(csv, &options, self.currency)
            .map_err(|error| format!("{:#}", anyhow::Error::new(error)))?;
        match rows.bad.first() {
            Some(bad) => Err(bad.to_string()),
            None if rows.good.is_empty() => Err(format!("{}: no bill", csv.display())),
            None => Ok(rows.good),
        }
    }
}

fn beside(file: &str, csv: &Path) -> PathBuf {
    Path::new(file).parent().unwrap_or(Path::new("")).join(csv)
}

/// The least and the most that a diner owes by the figures, tip included.
fn shares(bill: &BillSource) -> Option<(u64, u64)> {
    let (least, most) = bill.per_diner_minor.as_ref()?.ends();
    let (low, high) = bill.tip_permille.as_ref().map_or((0, 0), |tip| tip.ends());
    let with_tip = |share: u64, tip| share + share * tip / 1_000;
    Some((with_tip(least, low), with_tip(most, high)))
}

fn owes_little(row: &BillRow) -> bool {
    row.total.minor().unsigned_abs() / (row.diners as u64) < 2
}
