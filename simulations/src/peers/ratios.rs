//! Ratios: each side's figures as multiples of the first PostgreSQL's, in the same run.

use std::fmt;

use serde::Serialize;

use super::report::SideReport;

/// One side against another; `None` where one of the two has no such figure, or none to divide by.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[expect(missing_docs, reason = "named as the figures that they compare")]
pub struct Ratios {
    pub dinners_per_s: Option<f64>,
    pub p50: Option<f64>,
    pub p99: Option<f64>,
    pub cpu_us_per_dinner: Option<f64>,
    pub written_bytes_per_dinner: Option<f64>,
    pub log_bytes_per_dinner: Option<f64>,
}

impl Ratios {
    /// `side` in multiples of `base`.
    #[must_use]
    pub fn of(side: &SideReport, base: &SideReport) -> Self {
        let ratio = |figure: &dyn Fn(&SideReport) -> Option<f64>| {
            let (value, one) = (figure(side)?, figure(base)?);
            (one > 0.0).then(|| (value / one * 1_000.0).round() / 1_000.0)
        };
        Self {
            dinners_per_s: ratio(&|side| Some(side.dinners_per_s)),
            p50: ratio(&|side| Some(side.latency_us.p50)),
            p99: ratio(&|side| Some(side.latency_us.p99)),
            cpu_us_per_dinner: ratio(&|side| Some(side.cpu_us_per_dinner)),
            written_bytes_per_dinner: ratio(&|side| Some(side.written_bytes_per_dinner)),
            log_bytes_per_dinner: ratio(&|side| side.log_bytes_per_dinner),
        }
    }
}

/// In the columns of the table of figures.
impl fmt::Display for Ratios {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cell =
            |ratio: Option<f64>| ratio.map_or_else(|| "-".to_owned(), |it| format!("{it:.3}"));
        write!(
            f,
            "{:>10}{:>9}{:>9}{:>10}{:>8}{:>9}{:>11}",
            cell(self.dinners_per_s),
            cell(self.p50),
            cell(self.p99),
            "",
            cell(self.cpu_us_per_dinner),
            cell(self.log_bytes_per_dinner),
            cell(self.written_bytes_per_dinner),
        )
    }
}
