//! Means: figures of a whole run, of what its seconds say.

use super::Second;

/// The mean of a figure over all measured `seconds` in which it is known: what `said` gives first, by
/// what it gives second. A mean of the seconds' own means would count a quiet second like a busy one.
pub fn mean(seconds: &[Second], said: impl Fn(&Second) -> Option<(f64, f64)>) -> Option<f64> {
    let known = seconds.iter().filter(|second| second.at_s >= 0).filter_map(said);
    let (sum, weight) = known.fold((0.0, 0.0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
    (weight > 0.0).then(|| sum / weight)
}

/// Syncs by second of measured time.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
pub fn syncs_per_s(seconds: &[Second]) -> Option<f64> {
    mean(seconds, |it| Some((it.syncs? as f64, f64::from(it.span_ms) / 1e3)))
}

/// The mean by sync of what is the mean of each second, such as [`Second::sync_mean_us`].
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
pub fn by_sync(seconds: &[Second], said: impl Fn(&Second) -> Option<f64>) -> Option<f64> {
    mean(seconds, |it| {
        let syncs = it.syncs? as f64;
        Some((said(it)? * syncs, syncs))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_second_counts_for_more_than_a_quiet_one() {
        let second = |at_s, syncs, span_ms, us, records| {
            let (sync_mean_us, records_per_batch) = (Some(us), Some(records));
            let syncs = Some(syncs);
            Second { at_s, syncs, span_ms, sync_mean_us, records_per_batch, ..Second::default() }
        };
        let warmup = second(-1, 1_000, 1_000, 9e6, 99.0);
        let unknown = Second { at_s: 2, span_ms: 1_000, ..Second::default() };
        let seconds =
            [warmup, second(0, 300, 1_000, 100.0, 40.0), second(1, 100, 600, 500.0, 4.0), unknown];
        assert_eq!(syncs_per_s(&seconds), Some(250.0));
        assert_eq!(by_sync(&seconds, |it| it.sync_mean_us), Some(200.0));
        assert_eq!(by_sync(&seconds, |it| it.records_per_batch), Some(31.0));
        assert_eq!(by_sync(&seconds[3..], |it| it.sync_mean_us), None);
    }
}
