//! Show: tells whoever waits how far a run is.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{dinner::Moment, report::grouped};

/// A bar on a terminal, a line now and then elsewhere.
#[derive(Debug)]
pub struct Show {
    bar: Option<ProgressBar>,
    seconds: Option<Duration>,
    dinners: Option<u64>,
    said_at: Instant,
}

/// Between two lines.
const LINES_EVERY: Duration = Duration::from_secs(5);

impl Show {
    /// For a run of so long, or of so many dinners.
    #[must_use]
    pub fn new(seconds: Option<Duration>, dinners: Option<u64>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            let style = ProgressStyle::with_template("{wide_bar} {percent:>3} %  {msg}");
            bar.set_style(style.expect("a sound template"));
            bar
        });
        Self { bar, seconds, dinners, said_at: Instant::now() }
    }

    /// Says what is being done.
    pub fn say(&self, what: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(what.to_owned()),
            None => eprintln!("{what}"),
        }
    }

    /// Says how far it is.
    pub fn tick(&mut self, moment: &Moment) {
        let Moment { measured, settlements, queue, .. } = *moment;
        let (paid, since) = (grouped(settlements.into()), measured.unwrap_or_default());
        let text = match measured {
            Some(since) => format!("{:.0} s: {paid} paid, {queue} in flight", since.as_secs_f64()),
            None => format!("warming up, {queue} in flight"),
        };
        match &self.bar {
            Some(bar) => {
                let (done, all) = match (self.seconds, self.dinners) {
                    (Some(seconds), _) => (since.as_millis(), seconds.as_millis()),
                    (None, dinners) => (settlements.into(), dinners.unwrap_or(1).into()),
                };
                let permille = (done * 1000).checked_div(all).unwrap_or(1000).min(1000);
                bar.set_length(1000);
                bar.set_position(u64::try_from(permille).unwrap_or(1000));
                bar.set_message(text);
            }
            None if self.said_at.elapsed() >= LINES_EVERY => {
                self.said_at = Instant::now();
                eprintln!("{text}");
            }
            None => {}
        }
    }

    /// Takes the bar away.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
