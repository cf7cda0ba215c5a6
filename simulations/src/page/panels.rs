//! Panels: what is drawn of a run, second by second and as a whole.

use fanju::limits;

use super::{
    behind, cell,
    chart::{Chart, Line, Look},
    html::Element,
    panel, row_head,
    scale::Axis,
    table, words,
};
use crate::{
    figures::money,
    recording::{Distribution, Mark, Money, Quantiles, Second, means},
};

/// Seconds shorter than this have no rate that means anything.
const SPAN_MS_MIN: u32 = 250;

/// The time axis that all charts of a run share, and what stands on it.
#[derive(Debug)]
pub struct Times<'a> {
    /// Spans of the run.
    pub spans: &'a [Second],
    /// What happened when.
    pub marks: &'a [Mark],
    /// From the beginning of measuring to the last answer.
    pub wall_s: f64,
    /// Dinners paid by second of that.
    pub settled_per_s: Option<f64>,
}

/// One line of a chart over time.
struct Series<'a> {
    name: &'a str,
    colour: &'static str,
    look: Look,
    /// What is drawn.
    value: &'a dyn Fn(&Second) -> Option<f64>,
    /// What stands in the table.
    cell: &'a dyn Fn(&Second) -> Option<String>,
}

/// What stands upwards.
enum Upwards {
    FromZero,
    Log,
}

/// Whether something can be said of a second, or too little of it belongs to the run.
pub(super) fn is_long(second: &Second) -> bool {
    second.span_ms >= SPAN_MS_MIN
}

/// So many a second, unless the span is too short to say.
#[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
pub(super) fn per_second(count: u64, second: &Second) -> Option<f64> {
    is_long(second).then(|| count as f64 * 1_000.0 / f64::from(second.span_ms))
}

#[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
fn float(count: u64) -> f64 {
    count as f64
}

/// The middle of a span.
#[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
pub(super) fn middle_s(second: &Second) -> f64 {
    second.at_s as f64 + f64::from(second.span_ms) / 2_000.0
}

/// The least and the most of what was measured, second by second.
struct Spread {
    least: f64,
    most: f64,
}

impl Times<'_> {
    fn measured(&self, value: impl Fn(&Second) -> Option<f64>) -> Option<Spread> {
        let measured = self.spans.iter().filter(|second| second.at_s >= 0 && is_long(second));
        measured
            .filter_map(value)
            .map(|it| Spread { least: it, most: it })
            .reduce(|a, b| Spread { least: a.least.min(b.least), most: a.most.max(b.most) })
    }

    fn ends(&self) -> (f64, f64) {
        let half = |second: &Second| f64::from(second.span_ms) / 2_000.0;
        let first = self.spans.first().map_or(0.0, |second| middle_s(second) - half(second));
        let last = self.spans.last().map_or(1.0, |second| middle_s(second) + half(second));
        (first, last)
    }

    fn draw(
        &self,
        (title, summary): (&str, String),
        upwards: &Upwards,
        word: &dyn Fn(f64) -> String,
        series: &[Series<'_>],
    ) -> Option<Element> {
        let value = |it: &Series<'_>, second: &Second| {
            is_long(second).then(|| (it.value)(second)).flatten()
        };
        let is_known = |it: &&Series<'_>| {
            self.spans.iter().any(|second| value(it, second).is_some_and(|value| value > 0.0))
        };
        let shown: Vec<&Series<'_>> = series.iter().filter(is_known).collect();
        if shown.is_empty() {
            return None;
        }
        let line = |it: &&Series<'_>| {
            let points = self.spans.iter().map(|second| (middle_s(second), value(it, second)));
            let points = points.collect();
            Line { name: it.name.to_owned(), colour: it.colour, look: it.look, points }
        };
        let lines: Vec<Line> = shown.iter().map(line).collect();
        let values = || lines.iter().flat_map(|it| &it.points).filter_map(|(_, value)| *value);
        let low = values().filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
        let high = values().fold(0.0, f64::max);
        let (from, to) = self.ends();
        let during = self.marks.iter().filter(|mark| mark.at_s != 0.0 || from >= 0.0);
        let chart = Chart {
            title,
            description: summary.clone(),
            x: Axis::time(from, to, 7),
            y: match upwards {
                Upwards::FromZero => Axis::from_zero(high, 4),
                Upwards::Log => Axis::log(low, high),
            },
            x_word: &words::seconds,
            y_word: word,
            lines,
            shade: (from < 0.0).then_some((from, to.min(0.0), "warm-up")),
            marks: during.map(|mark| (mark.at_s, mark.name.clone())).collect(),
        };
        let mut columns = vec!["second".to_owned()];
        columns.extend(shown.iter().map(|it| it.name.to_owned()));
        let rows = self.spans.iter().map(|second| {
            let cells = shown.iter().map(|it| cell((it.cell)(second).unwrap_or_default()));
            [row_head(second.at_s)].into_iter().chain(cells).collect()
        });
        let table = behind(table(&columns, rows));
        Some(panel(title, &summary, vec![chart.svg(), table]))
    }

    /// Dinners paid, declined and failed.
    #[must_use]
    pub fn throughput(&self) -> Option<Element> {
        let rate = |second: &Second| per_second(second.settled, second);
        let mean = self.settled_per_s.map_or_else(String::new, |mean| {
            format!("{} a second until the last answer, ", words::count(mean))
        });
        let summary = self.measured(rate).map_or_else(String::new, |it| {
            format!("Dinners paid: {mean}{} in the busiest second.", words::count(it.most))
        });
        let exactly = |count: u64| Some(words::exactly(count));
        let series = [
            Series {
                name: "paid",
                colour: "jade",
                look: Look::Area,
                value: &rate,
                cell: &|it| exactly(it.settled),
            },
            Series {
                name: "declined",
                colour: "amber",
                look: Look::Line,
                value: &|it| per_second(it.declined, it),
                cell: &|it| exactly(it.declined),
            },
            Series {
                name: "failed",
                colour: "cinnabar",
                look: Look::Line,
                value: &|it| per_second(it.failed, it),
                cell: &|it| exactly(it.failed),
            },
        ];
        self.draw(("Dinners a second", summary), &Upwards::FromZero, &words::count, &series)
    }

    /// Percentiles of each second.
    #[must_use]
    pub fn latency(&self, about: &str) -> Option<Element> {
        let worst = self.measured(|second| second.latency_us.map(|it| it.p99));
        let summary = worst.map_or_else(String::new, |it| {
            let [least, most] = [it.least, it.most].map(words::micros);
            format!(
                "Time {about}. The 99th percentile of a second lies between {least} and {most}."
            )
        });
        let of = |part: fn(&Quantiles) -> f64| {
            move |second: &Second| second.latency_us.as_ref().map(part)
        };
        let (p50, p90, p99) = (of(|it| it.p50), of(|it| it.p90), of(|it| it.p99));
        let (p999, max) = (of(|it| it.p999), of(|it| it.max));
        let word = |value: Option<f64>| value.map(words::micros);
        let series = [
            Series {
                name: "longest",
                colour: "ink-2",
                look: Look::Dotted,
                value: &max,
                cell: &|it| word(max(it)),
            },
            Series {
                name: "p99.9",
                colour: "cinnabar",
                look: Look::Line,
                value: &p999,
                cell: &|it| word(p999(it)),
            },
            Series {
                name: "p99",
                colour: "amber",
                look: Look::Line,
                value: &p99,
                cell: &|it| word(p99(it)),
            },
            Series {
                name: "p90",
                colour: "indigo",
                look: Look::Line,
                value: &p90,
                cell: &|it| word(p90(it)),
            },
            Series {
                name: "p50",
                colour: "jade",
                look: Look::Line,
                value: &p50,
                cell: &|it| word(p50(it)),
            },
        ];
        self.draw(("Latency", summary), &Upwards::Log, &words::micros, &series)
    }

    /// A single line from zero.
    fn single(
        &self,
        (title, colour): (&str, &'static str),
        summary: impl Fn(&Spread) -> String,
        word: &dyn Fn(f64) -> String,
        value: &dyn Fn(&Second) -> Option<f64>,
        cell: &dyn Fn(&Second) -> Option<String>,
    ) -> Option<Element> {
        let summary = self.measured(value).as_ref().map_or_else(String::new, summary);
        let name = title;
        let series = [Series { name, colour, look: Look::Area, value, cell }];
        self.draw((title, summary), &Upwards::FromZero, word, &series)
    }

    /// Dinners arrived and not answered.
    #[must_use]
    pub fn queue(&self) -> Option<Element> {
        self.single(
            ("Queue", "indigo"),
            |it| {
                format!(
                    "Most dinners arrived and not answered: {} at the worst moment.",
                    words::count(it.most)
                )
            },
            &words::count,
            &|second| second.queue.map(float),
            &|second| second.queue.map(words::exactly),
        )
    }

    /// Orders that the server holds.
    #[must_use]
    pub fn in_flight(&self) -> Option<Element> {
        self.single(
            ("Orders in flight", "indigo"),
            |it| {
                format!(
                    "Orders between scan and end, as the server counts at the end of each second: {} at most.",
                    words::count(it.most)
                )
            },
            &words::count,
            &|second| second.in_flight.map(float),
            &|second| second.in_flight.map(words::exactly),
        )
    }

    /// Syncs of the journal.
    #[must_use]
    pub fn syncs(&self) -> Option<Element> {
        let mean = means::syncs_per_s(self.spans);
        let mean =
            mean.map_or_else(String::new, |it| format!("{} in the mean, ", words::count(it)));
        self.single(
            ("Syncs a second", "plum"),
            |it| format!("{mean}from {} to {}.", words::count(it.least), words::count(it.most)),
            &words::count,
            &|second| per_second(second.syncs?, second),
            &|second| second.syncs.map(words::exactly),
        )
    }

    /// Time of a sync.
    #[must_use]
    pub fn sync_time(&self) -> Option<Element> {
        let mean = means::by_sync(self.spans, |second| second.sync_mean_us);
        let mean =
            mean.map_or_else(String::new, |it| format!("{} in the mean. ", words::micros(it)));
        self.single(
            ("Time of a sync", "plum"),
            |it| {
                let [least, most] = [it.least, it.most].map(words::micros);
                format!(
                    "{mean}A point is the mean of a second's syncs: {least} to {most}; single \
                     ones took less and more."
                )
            },
            &words::micros,
            &|second| second.sync_mean_us,
            &|second| second.sync_mean_us.map(words::micros),
        )
    }

    /// Records that one sync makes durable.
    #[must_use]
    pub fn batches(&self) -> Option<Element> {
        let mean = means::by_sync(self.spans, |second| second.records_per_batch);
        let mean = mean.map_or_else(String::new, |it| {
            format!(
                "One write and one sync make {} records durable in the mean. ",
                words::count(it)
            )
        });
        self.single(
            ("Records in a batch", "plum"),
            |it| {
                let [least, most] = [it.least, it.most].map(words::count);
                format!("{mean}A point is the mean of a second's batches: {least} to {most}.")
            },
            &words::count,
            &|second| second.records_per_batch,
            &|second| second.records_per_batch.map(words::count),
        )
    }

    /// Money paid to merchants.
    #[must_use]
    pub fn money(&self, of: &Money) -> Option<Element> {
        let unit = 10_f64.powf(f64::from(of.exponent));
        #[expect(clippy::cast_precision_loss, reason = "a place in a picture; the table is exact")]
        let paid = |second: &Second| {
            let minor = second.paid_minor.unwrap_or(0) as f64;
            is_long(second).then(|| minor / unit * 1_000.0 / f64::from(second.span_ms))
        };
        let all = self.spans.iter().filter(|second| second.at_s >= 0);
        let all = all.filter_map(|second| second.paid_minor).fold(0, i128::saturating_add);
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let mean = (self.wall_s > 0.0).then(|| all as f64 / unit / self.wall_s);
        let mean = mean.map_or_else(String::new, |it| {
            format!("{} a second until the last answer, ", words::count(it))
        });
        self.single(
            ("Money a second", "jade"),
            |it| {
                let most = words::count(it.most);
                format!("{} to merchants: {mean}{most} in the busiest second.", of.currency)
            },
            &words::count,
            &paid,
            &|second| second.paid_minor.map(|minor| money(minor, of.exponent)),
        )
    }

    /// Resident memory.
    #[must_use]
    pub fn memory(&self) -> Option<Element> {
        self.single(
            ("Memory", "ink"),
            |it| format!("Resident: {} to {}.", words::bytes(it.least), words::bytes(it.most)),
            &words::bytes,
            &|second| second.memory_bytes.map(float),
            &|second| second.memory_bytes.map(|bytes| words::bytes(float(bytes))),
        )
    }

    /// How far the books are behind.
    #[must_use]
    pub fn books(&self) -> Option<Element> {
        let word = |ms: f64| words::micros(ms * 1e3);
        self.single(
            ("Books behind", "ink"),
            |it| {
                format!(
                    "Age of the oldest record that is not in the books yet: {} at most. \
                     Books are written every {}, and that much is their pause and no queue: \
                     answers wait for the journal, never for the books.",
                    word(it.most),
                    words::seconds(limits::BOOKS_FLUSH_INTERVAL.as_secs_f64()),
                )
            },
            &word,
            &|second| second.books_lag_ms,
            &|second| second.books_lag_ms.map(word),
        )
    }
}

/// Where a percentile stands: each nine is as far as the one before.
fn nines(percentile: f64, most: f64) -> f64 {
    (-(1.0 - percentile / 100.0).log10()).min(most) + 0.0
}

/// Curves over percentiles up to the longest time; each has a name and a colour.
#[must_use]
pub fn curve(named: &[(String, &'static str, &Distribution)]) -> Option<Element> {
    let known = || named.iter().filter(|(_, _, it)| !it.points.is_empty());
    let most = float(known().map(|(_, _, it)| it.count).max()?).log10().max(1.0);
    let times =
        || known().flat_map(|(_, _, it)| &it.points).map(|point| point.us).filter(|us| *us > 0.0);
    let (low, high) = (times().fold(f64::INFINITY, f64::min), times().fold(0.0, f64::max));
    let line = |(name, colour, it): &(String, &'static str, &Distribution)| {
        let points = it.points.iter().map(|point| (nines(point.percentile, most), Some(point.us)));
        Line { name: name.clone(), colour, look: Look::Line, points: points.collect() }
    };
    let ticks = (0_u32..).map(f64::from).take_while(|tick| *tick <= most).collect();
    let summary =
        "So many of a hundred took no longer than this; at the right end stands the longest.";
    let chart = Chart {
        title: "Latency by percentile",
        description: summary.to_owned(),
        x: Axis::of(0.0, most, ticks),
        y: Axis::log(low, high),
        x_word: &|nines| words::digits(100.0 - 10_f64.powf(2.0 - nines), 9),
        y_word: &words::micros,
        lines: known().map(line).collect(),
        shade: None,
        marks: Vec::new(),
    };
    let rows = known().flat_map(|(name, _, it)| {
        it.points.iter().map(move |point| {
            let percentile = words::digits(point.percentile, 9);
            vec![row_head(name), cell(percentile), cell(words::micros(point.us))]
        })
    });
    let columns = ["what", "percentile", "time"].map(str::to_owned);
    let table = behind(table(&columns, rows));
    Some(panel("Latency by percentile", summary, vec![chart.svg(), table]))
}

/// Quoted percentiles of all distributions.
#[must_use]
pub fn percentiles(distributions: &[Distribution]) -> Element {
    let quoted = [50.0, 90.0, 99.0, 99.9, 99.99];
    let heads = ["", "count", "mean", "p50", "p90", "p99", "p99.9", "p99.99", "longest"];
    let time = |us: Option<f64>| {
        let exact = us.map(|us| format!("{us:.1} µs")).unwrap_or_default();
        cell(us.map(words::micros).unwrap_or_default()).with("title", exact)
    };
    let rows = distributions.iter().map(|it| {
        let mean = (it.count > 0).then_some(it.mean_us);
        let times = quoted.map(|percentile| it.at(percentile));
        let times = [mean].into_iter().chain(times).chain([it.max_us()]).map(time);
        let name = row_head(&it.name).with("title", &it.about);
        [name, cell(words::exactly(it.count))].into_iter().chain(times).collect()
    });
    table(&heads.map(str::to_owned), rows)
}
