//! Tally: what was done to the processes, and what they had told before it.

use std::{thread::panicking, time::Duration};

/// What one play did so far.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) name: &'static str,
    pub(crate) turns: u64,
    pub(crate) kills: u64,
    pub(crate) stops: u64,
    pub(crate) full_disks: u64,
    /// Settlements that somebody was told of, in folders that were looked through to the end.
    pub(crate) acknowledged: usize,
    /// Those of them that were there.
    pub(crate) found: usize,
    pub(crate) took: Duration,
    /// Why it is not played here.
    pub(crate) skipped: Option<String>,
}

/// Every play's tally; printed when it goes, also when a play failed.
pub(crate) struct Closing {
    pub(crate) plays: [Tally; 4],
}

impl Closing {
    pub(crate) fn of(names: [&'static str; 4]) -> Self {
        Self { plays: names.map(|name| Tally { name, ..Tally::default() }) }
    }

    /// The play that had the least time; when time is up, one that had no turn at all.
    pub(crate) fn next(&self, time_is_up: bool) -> Option<usize> {
        let plays = self.plays.iter().enumerate();
        let may_play = plays.filter(|(_, play)| play.skipped.is_none());
        let waiting = may_play.filter(|(_, play)| !time_is_up || play.turns == 0);
        waiting.min_by_key(|(_, play)| play.took).map(|(number, _)| number)
    }

    /// Holds that every play hit somebody who had been told something, and that all of it was found.
    pub(crate) fn is_worth_something(&self) {
        for play in &self.plays {
            let name = play.name;
            assert_eq!(play.found, play.acknowledged, "{name}: something was lost");
            let hits = play.kills + play.stops + play.full_disks;
            let is_worth = play.skipped.is_some() || hits > 0 && play.acknowledged > 0;
            assert!(is_worth, "{name}: nobody was hit who had been told something");
        }
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        println!(
            "{:<12}{:>7}{:>7}{:>7}{:>12}{:>14}{:>6}{:>9}",
            "", "turns", "kills", "stops", "full disks", "acknowledged", "lost", "seconds"
        );
        let mut sum = Tally { name: "together", ..Tally::default() };
        for play in &self.plays {
            sum.turns += play.turns;
            sum.kills += play.kills;
            sum.stops += play.stops;
            sum.full_disks += play.full_disks;
            sum.acknowledged += play.acknowledged;
            sum.found += play.found;
            sum.took += play.took;
        }
        for play in self.plays.iter().chain([&sum]) {
            let Tally { name, turns, kills, stops, full_disks, acknowledged, found, .. } = play;
            let (lost, seconds) = (acknowledged.abs_diff(*found), play.took.as_secs());
            let why = play.skipped.as_ref().map(|why| format!("  left out: {why}"));
            println!(
                "{name:<12}{turns:>7}{kills:>7}{stops:>7}{full_disks:>12}{acknowledged:>14}{lost:>6}\
                 {seconds:>9}{}",
                why.unwrap_or_default()
            );
        }
        if panicking() {
            println!(
                "a turn failed, as is told elsewhere: what it had acknowledged is not counted"
            );
        }
    }
}
