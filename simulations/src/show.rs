//! Show: tells whoever waits how far a run is. A dashboard on a terminal, a line now and then
//! elsewhere.
//!
//! Whatever this program writes for people goes through [`tell`] or [`aside`]: `print!` panics where
//! nobody reads any more (`| head`), and a run ends with its own verdict all the same.

use std::{
    collections::VecDeque,
    fmt::Display,
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{dinner::Moment, figures::grouped, page::words, recording::Second};

/// Writes to standard output. Whoever has read enough misses the rest.
///
/// # Errors
/// The system's, if it refuses for any other reason.
pub fn tell(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        told => told,
    }
}

/// Writes a line to standard error; if that fails there is nowhere else to say so.
pub fn aside(line: impl Display) {
    writeln!(io::stderr(), "{line}").ok();
}

/// What is shown of a run.
#[derive(Debug)]
pub struct Show {
    bar: Option<ProgressBar>,
    seconds: Option<Duration>,
    dinners: Option<u64>,
    said_at: Instant,
    /// Dinners paid in each of the last seconds, and which second the last one was.
    paid: VecDeque<u64>,
    newest_s: Option<i64>,
}

/// Between two lines.
const LINES_EVERY: Duration = Duration::from_secs(5);

/// Seconds that the dashboard draws.
const PAID_SECONDS: usize = 48;

impl Show {
    /// For a run of so long, or of so many dinners.
    #[must_use]
    pub fn new(seconds: Option<Duration>, dinners: Option<u64>) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            let style = ProgressStyle::with_template("{msg}\n{wide_bar} {percent:>3} %");
            bar.set_style(style.expect("a sound template"));
            bar
        });
        let (said_at, paid) = (Instant::now(), VecDeque::new());
        Self { bar, seconds, dinners, said_at, paid, newest_s: None }
    }

    /// Says what is being done.
    pub fn say(&self, what: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(what.to_owned()),
            None => aside(what),
        }
    }

    /// Says how far it is.
    pub fn tick(&mut self, moment: &Moment) {
        if let Some(last) = moment.last.as_ref().filter(|last| Some(last.at_s) > self.newest_s) {
            self.newest_s = Some(last.at_s);
            self.paid.push_back(last.settled);
            if self.paid.len() > PAID_SECONDS {
                self.paid.pop_front();
            }
        }
        match &self.bar {
            Some(bar) => {
                bar.set_length(1000);
                bar.set_position(self.permille(moment));
                bar.set_message(dashboard(moment, &self.paid));
            }
            None if self.said_at.elapsed() >= LINES_EVERY => {
                self.said_at = Instant::now();
                aside(line(moment));
            }
            None => {}
        }
    }

    /// Says something that stays, however far it is.
    pub fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| aside(text)),
            None => aside(text),
        }
    }

    /// Says that so many things of `all` are done, `what` in words.
    pub fn far(&mut self, done: u64, all: u64, what: impl FnOnce() -> String) {
        match &self.bar {
            Some(bar) => {
                bar.set_length(all);
                bar.set_position(done);
                bar.set_message(what());
            }
            None if self.said_at.elapsed() >= LINES_EVERY => {
                self.said_at = Instant::now();
                aside(what());
            }
            None => {}
        }
    }

    fn permille(&self, moment: &Moment) -> u64 {
        let (done, all) = match (self.seconds, self.dinners) {
            (Some(seconds), _) => {
                (moment.measured.unwrap_or_default().as_millis(), seconds.as_millis())
            }
            (None, dinners) => (moment.settlements.into(), dinners.unwrap_or(1).into()),
        };
        let permille = (done * 1000).checked_div(all).unwrap_or(1000).min(1000);
        u64::try_from(permille).unwrap_or(1000)
    }

    /// Takes the dashboard away.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// When it is.
fn when(moment: &Moment) -> String {
    match moment.measured {
        Some(since) => format!("{:.0} s", since.as_secs_f64()),
        None => "warming up".to_owned(),
    }
}

/// What the last second says, in parts of a line; what nobody knows is left out.
fn speed(last: &Second) -> Vec<String> {
    let mut parts = vec![format!("{} paid/s", grouped(last.settled.into()))];
    if let Some(took) = last.latency_us {
        let (p50, p99, max) =
            (words::micros(took.p50), words::micros(took.p99), words::micros(took.max));
        parts.push(format!("p50 {p50}, p99 {p99}, longest {max}"));
    }
    parts
}

fn costs(last: &Second) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(syncs) = last.syncs {
        let each = last
            .records_per_batch
            .map_or_else(String::new, |it| format!(" of {} records", words::count(it)));
        let took =
            last.sync_mean_us.map_or_else(String::new, |us| format!(" in {}", words::micros(us)));
        parts.push(format!("{} syncs/s{each}{took}", grouped(syncs.into())));
    }
    if let Some(ms) = last.books_lag_ms {
        parts.push(format!("books {} behind", words::micros(ms * 1e3)));
    }
    if let Some(bytes) = last.memory_bytes {
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        parts.push(words::bytes(bytes as f64));
    }
    parts
}

fn counts(moment: &Moment) -> String {
    let (declined, failed) = moment.not_paid;
    let [paid, declined, failed] =
        [moment.settlements, declined, failed].map(|count| grouped(count.into()));
    let queue = grouped(moment.queue as u128);
    format!("{paid} paid, {declined} declined, {failed} failed, {queue} in flight")
}

/// One line of text.
fn line(moment: &Moment) -> String {
    let last = moment.last.as_ref().map(|last| format!("; last second {}", speed(last).join(", ")));
    format!("{}: {}{}", when(moment), counts(moment), last.unwrap_or_default())
}

/// Several lines, and a drawing of the last seconds.
fn dashboard(moment: &Moment, paid: &VecDeque<u64>) -> String {
    let mut lines = vec![format!("{:<12}{}", when(moment), counts(moment))];
    if let Some(last) = &moment.last {
        lines.push(format!("{:<12}{}", "last second", speed(last).join(", ")));
        let costs = costs(last);
        if !costs.is_empty() {
            lines.push(format!("{:<12}{}", "", costs.join(", ")));
        }
    }
    if !paid.is_empty() {
        lines.push(format!("{:<12}{}", "paid/s", sparks(paid)));
    }
    lines.join("\n")
}

/// A column for each number, from nothing to the most.
fn sparks(numbers: &VecDeque<u64>) -> String {
    const COLUMNS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = numbers.iter().copied().max().unwrap_or(0).max(1);
    let column = |number: &u64| {
        let eighths = u128::from(*number) * 7 / u128::from(most);
        COLUMNS[usize::try_from(eighths).unwrap_or(7)]
    };
    numbers.iter().map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Quantiles;

    fn moment() -> Moment {
        let latency_us =
            Some(Quantiles { p50: 900.0, p99: 2_500.0, max: 7_000.0, ..Quantiles::default() });
        let (syncs, records_per_batch, sync_mean_us) = (Some(2_100), Some(13.4), Some(380.0));
        let second = Second {
            at_s: 11,
            settled: 27_600,
            latency_us,
            syncs,
            records_per_batch,
            sync_mean_us,
            ..Second::default()
        };
        Moment {
            measured: Some(Duration::from_secs(12)),
            settlements: 331_200,
            queue: 128,
            not_paid: (3, 1),
            last: Some(second),
        }
    }

    #[test]
    fn a_line_says_what_there_is_to_say() {
        let expected = "12 s: 331,200 paid, 3 declined, 1 failed, 128 in flight; \
                        last second 27,600 paid/s, p50 900 µs, p99 2.5 ms, longest 7 ms";
        assert_eq!(line(&moment()), expected);
        let start = Moment { queue: 5, ..Moment::default() };
        assert_eq!(line(&start), "warming up: 0 paid, 0 declined, 0 failed, 5 in flight");
    }

    #[test]
    fn a_dashboard_fits_a_terminal() {
        let paid = (0..PAID_SECONDS as u64).collect();
        let text = dashboard(&moment(), &paid);
        assert_eq!(text.lines().count(), 4);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains("2,100 syncs/s of 13.4 records in 380 µs"), "{text}");
        assert!(text.ends_with('█') && text.contains('▁'), "{text}");
        assert_eq!(dashboard(&Moment::default(), &VecDeque::new()).lines().count(), 1);
    }
}
