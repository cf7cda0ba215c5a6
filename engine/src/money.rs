//! Money: integer minor units, and the currencies that say what a minor unit is.
//!
//! There is no float and no rounding here. Amounts cross to and from decimal notation exactly, or
//! not at all.

#![deny(clippy::arithmetic_side_effects)]

use std::{fmt, iter::Sum, str::FromStr};

use rust_decimal::Decimal;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Unexpected, Visitor},
};

use crate::limits;

/// A signed count of minor units (cents, fen, yen); which currency is the account's affair.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Amount(i64);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_i64(WholeMinorUnits)
    }
}

/// Reads an amount, and says to whoever sends `1.5` what an amount is.
struct WholeMinorUnits;

impl Visitor<'_> for WholeMinorUnits {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("whole minor units")
    }

    fn visit_i64<E: de::Error>(self, minor: i64) -> Result<Amount, E> {
        Ok(Amount(minor))
    }

    fn visit_u64<E: de::Error>(self, minor: u64) -> Result<Amount, E> {
        let too_large = |_| E::invalid_value(Unexpected::Unsigned(minor), &self);
        i64::try_from(minor).map(Amount).map_err(too_large)
    }
}

/// Why a decimal is not an [`Amount`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AmountError {
    /// The decimal has digits below the currency's minor unit.
    #[error("amount is finer than the minor unit of {currency} (10^-{})", currency.exponent())]
    TooFine {
        /// The currency that was asked for.
        currency: Currency,
    },
    /// The decimal needs more than 63 bits of minor units.
    #[error("amount does not fit 64 bits of minor units")]
    Overflow,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount of `minor` minor units.
    #[must_use]
    pub const fn from_minor(minor: i64) -> Self {
        Self(minor)
    }

    /// The count of minor units.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.0
    }

    /// The sum, unless it overflows.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(minor) => Some(Self(minor)),
            None => None,
        }
    }

    /// The difference, unless it overflows.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(minor) => Some(Self(minor)),
            None => None,
        }
    }

    /// How far this goes beyond `other`: nothing where it does not.
    #[must_use]
    pub fn beyond(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0).max(0))
    }

    /// The amount with its sign turned, unless it overflows.
    #[must_use]
    pub const fn checked_neg(self) -> Option<Self> {
        match self.0.checked_neg() {
            Some(minor) => Some(Self(minor)),
            None => None,
        }
    }

    /// The sum of `amounts`, unless it overflows.
    pub fn checked_sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }

    /// Whether it is more than nothing.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// Whether one command may move it: between 1 and [`limits::AMOUNT_MINOR_MAX`].
    #[must_use]
    pub const fn is_movable(self) -> bool {
        self.0 >= 1 && self.0 <= limits::AMOUNT_MINOR_MAX
    }

    /// The amount that `decimal` units of `currency` are.
    ///
    /// # Errors
    /// [`AmountError`] when the decimal is finer than the minor unit or too large; never rounds.
    pub fn from_decimal(decimal: Decimal, currency: Currency) -> Result<Self, AmountError> {
        let decimal = decimal.normalize();
        let exponent = currency.exponent();
        let missing =
            exponent.checked_sub(decimal.scale()).ok_or(AmountError::TooFine { currency })?;
        let factor = 10_i128.pow(missing);
        let minor = decimal.mantissa().checked_mul(factor).ok_or(AmountError::Overflow)?;
        i64::try_from(minor).map(Self).map_err(|_| AmountError::Overflow)
    }

    /// The amount in units of `currency`, with exactly as many decimals as the currency has.
    #[must_use]
    pub fn to_decimal(self, currency: Currency) -> Decimal {
        Decimal::new(self.0, currency.exponent())
    }
}

impl Sum for Amount {
    /// # Panics
    /// On overflow: sums of checked amounts stay far below it.
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        Self::checked_sum(iter).expect("M-1: sums stay within 64 bits")
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A currency of ISO 4217 that has a minor unit (gold and test codes have none).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Currency(iso_currency::Currency);

/// A code that names no currency of ISO 4217 with a minor unit.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{code}` is not an ISO 4217 currency with a minor unit: three capital letters")]
pub struct UnknownCurrency {
    /// The code as given.
    pub code: String,
}

impl Currency {
    /// The renminbi yuan.
    pub const CNY: Self = Self(iso_currency::Currency::CNY);
    /// The US dollar.
    pub const USD: Self = Self(iso_currency::Currency::USD);
    /// The euro.
    pub const EUR: Self = Self(iso_currency::Currency::EUR);
    /// The yen, which has no decimals.
    pub const JPY: Self = Self(iso_currency::Currency::JPY);
    /// The Kuwaiti dinar, which has three.
    pub const KWD: Self = Self(iso_currency::Currency::KWD);

    /// The currency with this ISO 4217 number, if it has a minor unit.
    #[must_use]
    pub fn from_numeric(number: u16) -> Option<Self> {
        Self::with_minor_unit(iso_currency::Currency::from_numeric(number)?)
    }

    fn with_minor_unit(currency: iso_currency::Currency) -> Option<Self> {
        currency.exponent().map(|_| Self(currency))
    }

    /// The ISO 4217 number, as journaled.
    #[must_use]
    pub fn numeric(self) -> u16 {
        self.0.numeric()
    }

    /// The three letters.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimals the minor unit has: 0, 2, 3 or 4.
    #[must_use]
    pub fn exponent(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, UnknownCurrency> {
        iso_currency::Currency::from_code(code)
            .and_then(Self::with_minor_unit)
            .ok_or_else(|| UnknownCurrency { code: code.to_owned() })
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Currency {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Currency".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "The three letters of ISO 4217.",
            "type": "string",
            "pattern": "^[A-Z]{3}$",
        })
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        code.parse().map_err(de::Error::custom)
    }
}
