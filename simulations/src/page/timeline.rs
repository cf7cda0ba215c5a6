//! Timeline: the seconds of a run, few enough to be drawn.

use crate::recording::{Quantiles, Second};

/// Points of one line, and rows of the table behind it, at most.
pub const POINTS_MAX: usize = 600;

/// What is said of a run that is longer than that.
pub const MERGED: &str = "The run is long: a point stands for several seconds. Rates are their means, and each \
    percentile and queue is that of the worst second, so p50 is the highest of their medians.";

/// Whether a point stands for several seconds.
#[must_use]
pub fn is_merged(seconds: &[Second]) -> bool {
    seconds.len() > POINTS_MAX
}

/// `seconds`, or as many spans of several seconds; of those the rates are means and the times and
/// queues are the worst. Spans do not mix warm-up and what was measured.
#[must_use]
pub fn spans(seconds: &[Second]) -> Vec<Second> {
    let each = seconds.len().div_ceil(POINTS_MAX).max(1);
    let zero = seconds.iter().position(|second| second.at_s >= 0).unwrap_or(seconds.len());
    let (warmup, measured) = seconds.split_at(zero);
    warmup.chunks(each).chain(measured.chunks(each)).map(merged).collect()
}

fn merged(seconds: &[Second]) -> Second {
    let mut all = seconds[0].clone();
    let (mut batched, mut timed) = parts(&all);
    for second in &seconds[1..] {
        all.span_ms = all.span_ms.saturating_add(second.span_ms);
        all.settled += second.settled;
        all.declined += second.declined;
        all.failed += second.failed;
        all.latency_us = worst(all.latency_us, second.latency_us);
        all.queue = all.queue.max(second.queue);
        all.syncs = sum(all.syncs, second.syncs, u64::saturating_add);
        all.in_flight = all.in_flight.max(second.in_flight);
        all.paid_minor = sum(all.paid_minor, second.paid_minor, i128::saturating_add);
        all.memory_bytes = second.memory_bytes.or(all.memory_bytes);
        all.books_lag_ms = sum(all.books_lag_ms, second.books_lag_ms, f64::max);
        let (records, times) = parts(second);
        batched = sum(batched, records, |a, b| (a.0 + b.0, a.1 + b.1));
        timed = sum(timed, times, |a, b| (a.0 + b.0, a.1 + b.1));
    }
    all.records_per_batch = batched.filter(|it| it.1 > 0.0).map(|it| it.0 / it.1);
    all.sync_mean_us = timed.filter(|it| it.1 > 0.0).map(|it| it.0 / it.1);
    all
}

/// A sum and its weight.
type Weighted = Option<(f64, f64)>;

/// Records and times of a second, each weighted by its syncs.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn parts(second: &Second) -> (Weighted, Weighted) {
    let syncs = second.syncs.unwrap_or(1) as f64;
    let weighted = |mean: Option<f64>| mean.map(|mean| (mean * syncs, syncs));
    (weighted(second.records_per_batch), weighted(second.sync_mean_us))
}

fn sum<T>(a: Option<T>, b: Option<T>, both: impl Fn(T, T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(both(a, b)),
        (a, b) => a.or(b),
    }
}

fn worst(a: Option<Quantiles>, b: Option<Quantiles>) -> Option<Quantiles> {
    sum(a, b, |a, b| Quantiles {
        p50: a.p50.max(b.p50),
        p90: a.p90.max(b.p90),
        p99: a.p99.max(b.p99),
        p999: a.p999.max(b.p999),
        max: a.max.max(b.max),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(at_s: i64) -> Second {
        let latency_us = Some(Quantiles { p50: 1.0, p90: 2.0, p99: 3.0, p999: 4.0, max: 5.0 });
        let (queue, syncs, paid_minor) = (Some(at_s.unsigned_abs()), Some(10), Some(7));
        let (records_per_batch, sync_mean_us) = (Some(30.0), Some(200.0));
        let counted = Second {
            at_s,
            span_ms: 1_000,
            settled: 5,
            latency_us,
            queue,
            syncs,
            ..Second::default()
        };
        Second { paid_minor, records_per_batch, sync_mean_us, ..counted }
    }

    #[test]
    fn a_short_run_is_left_as_it_is() {
        let seconds: Vec<_> = (-2..9).map(second).collect();
        assert_eq!(spans(&seconds), seconds);
        assert_eq!(spans(&[]), []);
    }

    #[test]
    fn a_long_run_loses_no_count_and_no_peak() {
        let mut seconds: Vec<_> = (-5..6_995).map(second).collect();
        seconds[3_000].latency_us = Some(Quantiles { max: 9e6, ..Quantiles::default() });
        assert!(is_merged(&seconds) && !is_merged(&seconds[..POINTS_MAX]));
        let spans = spans(&seconds);
        assert!(spans.len() <= POINTS_MAX + 1, "{}", spans.len());
        assert_eq!(spans.iter().map(|it| it.settled).sum::<u64>(), 35_000);
        assert_eq!(spans.iter().filter_map(|it| it.paid_minor).sum::<i128>(), 49_000);
        assert_eq!(spans.iter().map(|it| u64::from(it.span_ms)).sum::<u64>(), 7_000_000);
        assert_eq!(spans.iter().filter_map(|it| it.queue).max(), Some(6_994));
        let peaks = spans.iter().filter_map(|it| it.latency_us).filter(|it| it.max > 8e6);
        assert_eq!(peaks.count(), 1);
        assert!(spans.iter().any(|it| it.at_s == 0));
        assert!(
            spans
                .iter()
                .all(|it| it.sync_mean_us == Some(200.0) && it.records_per_batch == Some(30.0))
        );
    }
}
