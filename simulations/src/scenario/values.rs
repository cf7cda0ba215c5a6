//! Values: what a scenario file may say in one place, checked while it is read, so that every
//! complaint knows its line.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Deserializer, de::Error};

use crate::chance::Chance;

/// Parts of a whole, in millionths.
pub(super) const WHOLE: u32 = 1_000_000;

/// How far the shares of a mix may sum beside one, in millionths: room for rounded figures.
pub(super) const SLACK: u32 = 500;

/// A share: from 0 to 1 in the file, in millionths here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Deserialize)]
#[serde(try_from = "f64")]
pub struct Share(u32);

impl TryFrom<f64> for Share {
    type Error = String;

    fn try_from(share: f64) -> Result<Self, String> {
        if !(0.0..=1.0).contains(&share) {
            return Err(format!("{share} is not a share from 0 to 1"));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 1e6")]
        let millionths = (share * f64::from(WHOLE)).round() as u32;
        if millionths == 0 && share > 0.0 {
            return Err(format!("{share} is less than a millionth, the least share there is"));
        }
        Ok(Self(millionths))
    }
}

impl Share {
    /// In millionths.
    #[must_use]
    pub fn millionths(self) -> u32 {
        self.0
    }

    /// Whether a draw falls into it.
    pub fn hits(self, chance: &mut Chance) -> bool {
        chance.below(WHOLE.into()) < self.0.into()
    }
}

/// What there is, and in which shares: `{ equal = 0.7, treat = 0.3 }`. The shares sum to one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mix<T>(Vec<(T, Share)>);

impl<T: Copy> Mix<T> {
    /// One of them, as often as its share says.
    pub fn draw(&self, chance: &mut Chance) -> T {
        let sum: u64 = self.0.iter().map(|(_, share)| u64::from(share.0)).sum();
        let mut ticket = chance.below(sum);
        for (what, share) in &self.0 {
            match ticket.checked_sub(share.0.into()) {
                Some(rest) => ticket = rest,
                None => return *what,
            }
        }
        unreachable!("the ticket is below the sum of all shares")
    }

    /// Everything with its share.
    pub fn parts(&self) -> impl Iterator<Item = (T, Share)> {
        self.0.iter().copied()
    }
}

impl<'de, T: Deserialize<'de> + Ord> Deserialize<'de> for Mix<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parts = BTreeMap::<T, Share>::deserialize(deserializer)?;
        let sum = parts.values().map(|share| share.0).fold(0, u32::saturating_add);
        if sum.abs_diff(WHOLE) > SLACK {
            let sum = f64::from(sum) / f64::from(WHOLE);
            return Err(D::Error::custom(format!("shares sum to {sum}, not to 1")));
        }
        Ok(Self(parts.into_iter().filter(|(_, share)| share.0 > 0).collect()))
    }
}

/// A distribution: its quantiles in equal steps, from the least to the most. Between two of them,
/// drawing is linear; a single number is always that number. Times are in milliseconds here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spread(Vec<u64>);

/// Quantiles of one distribution: every tenth of a percent.
const QUANTILES_MAX: usize = 1_001;

impl Spread {
    fn of(quantiles: Vec<u64>) -> Result<Self, String> {
        if quantiles.is_empty() || quantiles.len() > QUANTILES_MAX {
            return Err(format!("give from 1 to {QUANTILES_MAX} quantiles"));
        }
        if !quantiles.is_sorted() {
            return Err("quantiles must not fall".into());
        }
        Ok(Self(quantiles))
    }

    /// Always the same.
    #[must_use]
    pub fn always(value: u64) -> Self {
        Self(vec![value])
    }

    /// One value.
    pub fn draw(&self, chance: &mut Chance) -> u64 {
        const FINE: u64 = 1 << 20;
        let fine = chance.below(FINE);
        let steps = self.0.len() - 1;
        if steps == 0 {
            return self.0[0];
        }
        let step = chance.place(steps);
        let (low, high) = (u128::from(self.0[step]), u128::from(self.0[step + 1]));
        let value = low + (high - low) * u128::from(fine) / u128::from(FINE);
        u64::try_from(value).expect("between two numbers that fit")
    }

    /// The least and the most.
    #[must_use]
    pub fn ends(&self) -> (u64, u64) {
        (self.0[0], self.0[self.0.len() - 1])
    }
}

/// The longest time of a file, in seconds: a week.
const SECONDS_MAX: f64 = 604_800.0;

fn millis(number: f64, unit_s: f64) -> Result<u64, String> {
    let seconds = number * unit_s;
    if !(0.0..=SECONDS_MAX).contains(&seconds) {
        return Err(format!("{number} is not a time from 0 to a week"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most a week")]
    let millis = (seconds * 1e3).round() as u64;
    Ok(millis)
}

/// Quantiles of amounts, in minor units: whole numbers from one.
pub(super) fn amounts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Spread, D::Error> {
    let spread = whole(deserializer)?;
    let most = fanju::limits::AMOUNT_MINOR_MAX.unsigned_abs() / 1_000;
    match spread.ends() {
        (0, _) => Err(D::Error::custom("an amount is 0; give minor units from 1")),
        (_, high) if high > most => Err(D::Error::custom(format!("{high} is above {most}"))),
        _ => Ok(spread),
    }
}

/// Quantiles of whole numbers.
pub(super) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Spread, D::Error> {
    Spread::of(Vec::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// Quantiles of times in seconds.
pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Spread, D::Error> {
    times(deserializer, 1.0)
}

/// The same within the time that an order has.
pub(super) fn within_an_order<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Spread, D::Error> {
    let spread = seconds(deserializer)?;
    let most = fanju::limits::ORDER_DEADLINE;
    match Duration::from_millis(spread.ends().1) > most {
        true => Err(D::Error::custom(format!("an order is over after {} s", most.as_secs()))),
        false => Ok(spread),
    }
}

/// Quantiles of times in minutes.
pub(super) fn minutes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Spread, D::Error> {
    times(deserializer, 60.0)
}

fn times<'de, D: Deserializer<'de>>(deserializer: D, unit_s: f64) -> Result<Spread, D::Error> {
    let times = Vec::<f64>::deserialize(deserializer)?;
    let times = times.into_iter().map(|time| millis(time, unit_s)).collect::<Result<_, _>>();
    times.and_then(Spread::of).map_err(D::Error::custom)
}

/// One time in minutes.
pub(super) fn minute<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    millis(f64::deserialize(deserializer)?, 60.0).map_err(D::Error::custom)
}

/// A number from `LOW` to `HIGH`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Within<const LOW: u64, const HIGH: u64>(u64);

impl<const LOW: u64, const HIGH: u64> Within<LOW, HIGH> {
    /// The number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }

    /// The same where lists are counted.
    #[must_use]
    pub fn size(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    fn of<E: Error>(number: i64) -> Result<Self, E> {
        let fits = u64::try_from(number).ok().filter(|number| (LOW..=HIGH).contains(number));
        fits.map(Self).ok_or_else(|| E::custom(format!("{number} is not from {LOW} to {HIGH}")))
    }
}

impl<'de, const LOW: u64, const HIGH: u64> Deserialize<'de> for Within<LOW, HIGH> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(i64::deserialize(deserializer)?)
    }
}

/// How many sit at a table: the key of a mix, and so a text in the file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Seats(pub usize);

impl<'de> Deserialize<'de> for Seats {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let seats: i64 = text
            .parse()
            .map_err(|_| D::Error::custom(format!("party size `{text}` is no whole number")))?;
        // Written in two ways, one size would have two shares, of which a map keeps the last.
        if seats.to_string() != text {
            return Err(D::Error::custom(format!("party size `{text}` is written {seats}")));
        }
        Within::<1, 100>::of::<D::Error>(seats).map(|seats| Self(seats.size()))
    }
}

/// How often tables arrive: points of minute and relative rate, linear in between.
#[derive(Clone, PartialEq, Debug)]
pub struct Curve {
    /// Milliseconds, and the rate there in tables by millisecond, up to one factor.
    points: Vec<(u64, f64)>,
}

impl<'de> Deserialize<'de> for Curve {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let points = Vec::<(f64, f64)>::deserialize(deserializer)?;
        let points = points.into_iter().map(|(minute, rate)| Ok((millis(minute, 60.0)?, rate)));
        points.collect::<Result<_, _>>().and_then(Self::of).map_err(D::Error::custom)
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a week has few milliseconds"
)]
impl Curve {
    fn of(points: Vec<(u64, f64)>) -> Result<Self, String> {
        if points.len() < 2 || points[0].0 != 0 {
            return Err("a curve needs two points or more, and the first at minute 0".into());
        }
        if !points.windows(2).all(|pair| pair[0].0 < pair[1].0) {
            return Err("minutes of a curve must grow".into());
        }
        if !points.iter().all(|(_, rate)| (0.0..=1e6).contains(rate)) {
            return Err("rates of a curve are from 0 to 1,000,000".into());
        }
        let curve = Self { points };
        if curve.area(curve.points.len() - 1) > 0.0 {
            Ok(curve)
        } else {
            Err("nobody ever arrives by this curve".into())
        }
    }

    /// Its last minute, in milliseconds.
    #[must_use]
    pub fn end_ms(&self) -> u64 {
        self.points[self.points.len() - 1].0
    }

    /// What lies under the curve before `point`.
    fn area(&self, point: usize) -> f64 {
        let pairs = self.points[..=point].windows(2);
        let areas = pairs.map(|pair| {
            let ((from, low), (to, high)) = (pair[0], pair[1]);
            (to - from) as f64 * f64::midpoint(low, high)
        });
        areas.sum()
    }

    /// When `part` (from 0 to 1) of all have arrived, in milliseconds.
    #[must_use]
    pub fn moment_ms(&self, part: f64) -> u64 {
        let mut left = part * self.area(self.points.len() - 1);
        for pair in self.points.windows(2) {
            let ((from, low), (to, high)) = (pair[0], pair[1]);
            let width = (to - from) as f64;
            let area = width * f64::midpoint(low, high);
            if left < area {
                // low·x + slope·x²/2 = left, solved in the form that is stable for small slopes.
                let slope = (high - low) / width;
                let root = (low * low + 2.0 * slope * left).max(0.0).sqrt();
                let x = if root + low > 0.0 { 2.0 * left / (root + low) } else { 0.0 };
                return from + (x.clamp(0.0, width) as u64);
            }
            left -= area;
        }
        self.end_ms()
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.0) / f64::from(WHOLE))
    }
}
