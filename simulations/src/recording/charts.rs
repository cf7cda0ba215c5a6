//! Charts: the figures that a run sets beside each other, and the sentences without which they mean nothing.
//!
//! A run of one system has seconds, a funnel and money. What compares several, or plays with what might
//! be, has these instead.

use serde::{Deserialize, Serialize};

/// What a figure counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Things.
    Count,
    /// Microseconds.
    Micros,
    /// Bytes.
    Bytes,
    /// Parts in a hundred.
    Percent,
}

/// Which of two figures one would rather have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wish {
    /// The higher.
    Higher,
    /// The lower.
    Lower,
    /// Neither.
    Neither,
}

/// One of the figures that people ask for first.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Quoted {
    /// What it is.
    pub name: String,
    /// How much.
    pub value: f64,
    /// What it counts.
    pub unit: Unit,
    /// Which one would rather have.
    pub wish: Wish,
}

/// The same figure of several.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Bars {
    /// What it is.
    pub title: String,
    /// What there is to know of it, in a sentence.
    pub about: String,
    /// What it counts.
    pub unit: Unit,
    /// Which one would rather have.
    pub wish: Wish,
    /// The name of the one that the others are held against, if any is.
    pub measure: Option<String>,
    /// Each with its name.
    pub amounts: Vec<Amount>,
}

/// One of several.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Amount {
    /// Whose.
    pub name: String,
    /// How much.
    pub value: f64,
}

impl Bars {
    /// How many times the measure's `value` is.
    #[must_use]
    pub fn times(&self, value: f64) -> Option<f64> {
        let measure = self.measure.as_ref()?;
        let of = self.amounts.iter().find(|amount| amount.name == *measure)?.value;
        (of > 0.0).then(|| value / of)
    }
}

/// How figures would change with another.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Curves {
    /// What they are.
    pub title: String,
    /// What there is to see, in a sentence.
    pub about: String,
    /// What changes.
    pub across: String,
    /// What that counts.
    pub across_unit: Unit,
    /// What the figures count.
    pub unit: Unit,
    /// Whether ten times as much is always as far.
    pub log: bool,
    /// Each with its name, all at the same places.
    pub lines: Vec<Curve>,
    /// Where among them the run itself stands.
    pub here: Option<f64>,
}

/// One of several figures.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Curve {
    /// What it is.
    pub name: String,
    /// Where, rising, and how much; `None`: there is nothing to count there.
    pub points: Vec<(f64, Option<f64>)>,
}

/// Sentences without which the figures mean nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Notes {
    /// What they are about.
    pub title: String,
    /// The sentences.
    pub lines: Vec<String>,
}

impl Notes {
    /// Of fixed sentences.
    #[must_use]
    pub fn new(title: &str, lines: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { title: title.to_owned(), lines: lines.into_iter().map(Into::into).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_against_the_measure_and_nothing_else() {
        let amount = |name: &str, value| Amount { name: name.to_owned(), value };
        let bars = |measure: Option<&str>| Bars {
            title: String::new(),
            about: String::new(),
            unit: Unit::Count,
            wish: Wish::Higher,
            measure: measure.map(str::to_owned),
            amounts: vec![amount("a", 4.0), amount("b", 10.0), amount("none", 0.0)],
        };
        assert_eq!(bars(Some("a")).times(10.0), Some(2.5));
        for measure in [None, Some("none"), Some("nobody")] {
            assert_eq!(bars(measure).times(10.0), None, "{measure:?}");
        }
    }
}
