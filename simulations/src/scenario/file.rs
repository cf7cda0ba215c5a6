//! File: what a scenario says, key by key. `docs/scenarios.md` explains it to people.

use std::path::PathBuf;

use fanju::{
    domain::{event::Shortfall, text::Name},
    money::Currency,
};
use serde::{Deserialize, Deserializer, de::Error};
use toml::Spanned;

use super::values::{self, Curve, Mix, Seats, Share, Spread, Within};
use crate::bills::BillRow;

/// One evening.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, in a line.
    pub about: String,
    /// In which currency everything is paid.
    #[serde(default = "dollars")]
    pub currency: Currency,
    /// When tables come.
    pub evening: Evening,
    /// How many sit at one; left out where bills come from a file.
    #[serde(default)]
    pub party: Option<Spanned<Party>>,
    /// What they pay.
    pub bill: Spanned<BillSource>,
    /// How they divide it.
    #[serde(default = "equal")]
    pub split: Mix<SplitKind>,
    /// What happens when somebody is short.
    #[serde(default = "decline")]
    pub shortfall: Mix<ShortfallRule>,
    /// Who dines.
    pub people: People,
    /// Who is asked, and what they say.
    #[serde(default)]
    pub confirm: Confirm,
    /// Who loses the connection.
    #[serde(default)]
    pub connection: Connection,
    /// Where the evening goes on, one after the other.
    #[serde(default, rename = "next_stop")]
    pub next_stops: Vec<NextStop>,
    /// Who is paid.
    pub merchants: Merchants,
    /// What goes back on the next day.
    #[serde(default)]
    pub refunds: Option<Refunds>,
    /// One very large group.
    #[serde(default)]
    pub celebrity: Option<Spanned<Celebrity>>,
    /// The rows of [`BillSource::csv`].
    #[serde(skip)]
    pub rows: Vec<BillRow>,
}

fn dollars() -> Currency {
    "USD".parse().expect("an ISO 4217 currency")
}

fn equal() -> Mix<SplitKind> {
    toml::from_str::<Wrapped<SplitKind>>("mix = { equal = 1 }").expect("sums to one").mix
}

fn decline() -> Mix<ShortfallRule> {
    toml::from_str::<Wrapped<ShortfallRule>>("mix = { decline = 1 }").expect("sums to one").mix
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de> + Ord"))]
struct Wrapped<T> {
    mix: Mix<T>,
}

/// When tables come.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evening {
    /// Tables that come in the mean.
    pub tables: Within<1, 10_000_000>,
    /// How often, over time.
    pub curve: Curve,
    /// From the first guest to the last at one table.
    #[serde(default = "at_once", rename = "join_s", deserialize_with = "values::seconds")]
    pub join: Spread,
    /// From a table's arrival to its bill.
    #[serde(rename = "bill_after_minutes", deserialize_with = "values::minutes")]
    pub bill_after: Spread,
    /// From the code on a phone to the scan.
    #[serde(default = "at_once", rename = "scan_after_s", deserialize_with = "values::seconds")]
    pub scan_after: Spread,
}

fn at_once() -> Spread {
    Spread::always(0)
}

/// How many sit at one table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// In which shares.
    pub sizes: Mix<Seats>,
}

/// Where bills come from: figures, or a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BillSource {
    /// The bill of each diner, in minor units.
    #[serde(default, deserialize_with = "some_amounts")]
    pub per_diner_minor: Option<Spread>,
    /// The tip, in thousandths of the bill.
    #[serde(default, deserialize_with = "some_whole")]
    pub tip_permille: Option<Spread>,
    /// A file of bills, beside the scenario.
    #[serde(default)]
    pub csv: Option<PathBuf>,
    /// Its column of totals without tip.
    #[serde(default)]
    pub col_total: Option<Spanned<String>>,
    /// Its column of tips.
    #[serde(default)]
    pub col_tip: Option<Spanned<String>>,
    /// Its column of party sizes.
    #[serde(default)]
    pub col_size: Option<Spanned<String>>,
}

fn some_amounts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Spread>, D::Error> {
    values::amounts(deserializer).map(Some)
}

fn some_whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Spread>, D::Error> {
    thousandths(deserializer).map(Some)
}

/// Thousandths of a bill: at most all of it.
fn thousandths<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Spread, D::Error> {
    let spread = values::whole(deserializer)?;
    match spread.ends() {
        (_, most) if most > 1_000 => {
            Err(D::Error::custom(format!("{most} thousandths are more than the bill")))
        }
        _ => Ok(spread),
    }
}

/// Thousandths that go back.
fn parts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Spread, D::Error> {
    let spread = thousandths(deserializer)?;
    match spread.ends() {
        (0, _) => Err(D::Error::custom("0 thousandths are no refund; give them from 1")),
        _ => Ok(spread),
    }
}

/// How a bill is divided.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitKind {
    /// Everybody the same.
    Equal,
    /// In proportion to small weights.
    Weights,
    /// By percentages.
    Percent,
    /// By the lines of the bill.
    Itemised,
    /// The host pays for all.
    Treat,
}

impl SplitKind {
    /// Its word in files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Weights => "weights",
            Self::Percent => "percent",
            Self::Itemised => "itemised",
            Self::Treat => "treat",
        }
    }
}

/// What happens when somebody cannot or will not pay.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShortfallRule {
    /// Nobody pays.
    Decline,
    /// The others share it.
    Reshare,
    /// The host pays it.
    HostCovers,
}

impl From<ShortfallRule> for Shortfall {
    fn from(rule: ShortfallRule) -> Self {
        match rule {
            ShortfallRule::Decline => Self::Decline,
            ShortfallRule::Reshare => Self::Reshare,
            ShortfallRule::HostCovers => Self::HostCovers,
        }
    }
}

impl ShortfallRule {
    /// Its word in files, and in the contract.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Decline => "decline",
            Self::Reshare => "reshare",
            Self::HostCovers => "host_covers",
        }
    }
}

/// Who dines.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    /// How many there are.
    pub count: Spanned<Within<1, 10_000_000>>,
    /// What each of them has, in minor units.
    pub purse_minor: Within<1, 1_000_000_000_000>,
    /// What each agrees to spend in one evening without being asked, in minor units.
    #[serde(default = "cap")]
    pub cap_minor: Spanned<Within<1, 1_000_000_000_000>>,
    /// How many are short of money.
    #[serde(default)]
    pub short_share: Share,
    /// What those have, in minor units.
    #[serde(default = "one_unit")]
    pub short_purse_minor: Spanned<Within<1, 1_000_000_000_000>>,
}

/// The most that needs no second look at finger or face. Source: the server's
/// `step_up_above_minor`, 1,000.00.
fn cap() -> Spanned<Within<1, 1_000_000_000_000>> {
    nowhere(number(100_000))
}

fn one_unit() -> Spanned<Within<1, 1_000_000_000_000>> {
    nowhere(number(1))
}

/// A default, which stands in no line.
fn nowhere<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}

fn number<const LOW: u64, const HIGH: u64>(number: i64) -> Within<LOW, HIGH> {
    let plain: serde::de::value::I64Deserializer<serde::de::value::Error> =
        serde::de::IntoDeserializer::into_deserializer(number);
    Within::deserialize(plain).expect("a default within its own bounds")
}

/// Who is asked, and what they say.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Confirm {
    /// Diners whose cap lies below their share, so that they are asked.
    pub asked_share: Spanned<Share>,
    /// From the question to the answer.
    #[serde(rename = "answer_after_s", deserialize_with = "values::within_an_order")]
    pub answer_after: Spread,
    /// Of those asked: who says no.
    pub refuse_share: Share,
    /// Of those asked: who says nothing.
    pub vanish_share: Spanned<Share>,
}

impl Default for Confirm {
    fn default() -> Self {
        let nobody = Share::default();
        Self {
            asked_share: nowhere(nobody),
            // Two to twenty seconds: a phone is taken out of a pocket.
            answer_after: Spread::always(5_000),
            refuse_share: nobody,
            vanish_share: nowhere(nobody),
        }
    }
}

/// Who loses the connection; only where there is one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Connection {
    /// Diners who do, once each while they sit at the table.
    pub cut_share: Share,
    /// How long they are away.
    #[serde(rename = "back_after_s", deserialize_with = "values::seconds")]
    pub back_after: Spread,
}

impl Connection {
    /// The longest time without one, in milliseconds; none where nobody loses it.
    #[must_use]
    pub fn longest_away_ms(&self) -> u64 {
        if self.cut_share == Share::default() { 0 } else { self.back_after.ends().1 }
    }
}

impl Default for Connection {
    fn default() -> Self {
        Self { cut_share: Share::default(), back_after: Spread::always(10_000) }
    }
}

/// A further stop of one outing: a film, a massage.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextStop {
    /// What it is.
    pub name: String,
    /// Of the tables that paid at the stop before: who goes there.
    pub share: Share,
    /// From the last bill to this one.
    #[serde(rename = "after_minutes", deserialize_with = "values::minutes")]
    pub after: Spread,
    /// The bill of each diner, in minor units.
    #[serde(deserialize_with = "values::amounts")]
    pub per_diner_minor: Spread,
}

/// Who is paid.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Merchants {
    /// How many there are.
    pub count: Within<1, 1_000_000>,
    /// How unevenly they are visited: merchant number k as 1/k^s; 0 visits all alike.
    #[serde(default, rename = "zipf", deserialize_with = "exponent")]
    pub zipf: f64,
    /// The first ones by name, with the share of all bills that each gets.
    #[serde(default)]
    pub hot: Vec<Hot>,
    /// Bills that a till presents a second time, because it lost the answer.
    #[serde(default)]
    pub retry_share: Share,
    /// When it does.
    #[serde(default = "at_once", rename = "retry_after_s", deserialize_with = "values::seconds")]
    pub retry_after: Spread,
}

fn exponent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let exponent = f64::deserialize(deserializer)?;
    if (0.0..=5.0).contains(&exponent) {
        Ok(exponent)
    } else {
        Err(D::Error::custom(format!("{exponent} is not from 0 to 5")))
    }
}

/// A merchant whom everybody visits.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hot {
    /// Its name.
    pub name: Name,
    /// Its share of all bills.
    pub share: Spanned<Share>,
}

/// What goes back on the next day. The night is left out.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refunds {
    /// Paid bills of which something goes back.
    pub share: Share,
    /// Of those: which go back whole.
    pub whole_share: Share,
    /// What the others get back, in thousandths of the bill.
    #[serde(default = "half", deserialize_with = "parts")]
    pub part_permille: Spread,
    /// When, after the morning has begun.
    #[serde(rename = "at_minutes", deserialize_with = "values::minutes")]
    pub at: Spread,
}

fn half() -> Spread {
    Spread::always(500)
}

/// One very large group.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Celebrity {
    /// How many sit down.
    pub diners: Within<2, 1_000>,
    /// When.
    #[serde(rename = "at_minute", deserialize_with = "values::minute")]
    pub at_ms: u64,
}
