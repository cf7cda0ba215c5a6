//! Compare: two recordings side by side, `a` as the measure and `b` as the one that is looked at.
//!
//! A ratio is always b / a. Whatever differs besides the figures is said first: two runs on two
//! machines tell little of two commits.

use std::{collections::BTreeMap, fmt};

use crate::{
    auditor::Verdict,
    page::words,
    recording::{
        Distribution, Recording,
        charts::{Amount, Bars, Quoted, Unit, Wish},
        means,
    },
};

/// Ratios closer to one than this are called neither better nor worse: single runs of the same build
/// differ by up to a third where other programs share the machine.
const NOISE: f64 = 0.3;

/// The same for people.
pub const NOISE_WORDS: &str = "Single runs of one build differ by up to a third on shared machines: \
    within 30 % a ratio stands without a word. Repeat before you believe one.";

/// What is said of runs that had not the same to do.
pub const ASKED_OTHERWISE: &str = "They were not asked the same, as the settings below say: nothing is \
    called better or worse.";

/// What is said of runs whose folders did not hold the same when they began.
pub const OTHER_GROUND: &str = "They did not begin on the same ground: what a folder holds of earlier \
    runs takes memory and time.";

/// Before the name of what was asked for, among differences.
const SETTING: &str = "setting: ";

/// The name of what both are, there.
const KIND: &str = "kind";

/// What a ratio means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meaning {
    /// `b` is better.
    Better,
    /// `b` is worse.
    Worse,
    /// Exactly the same.
    Same,
    /// Too close to say, or nobody wishes either, or one of them is not known.
    Unsaid,
}

impl Meaning {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Same => "same",
            Self::Unsaid => "",
        }
    }
}

/// One figure of both runs.
#[derive(Clone, PartialEq, Debug)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// In `a`.
    pub a: Option<f64>,
    /// In `b`.
    pub b: Option<f64>,
    /// What it counts.
    pub unit: Unit,
    /// Which one would rather have.
    pub wish: Wish,
}

impl Figure {
    /// b / a.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        let (a, b) = (self.a?, self.b?);
        (a > 0.0).then(|| b / a)
    }

    /// The ratio in words.
    #[must_use]
    pub fn ratio_word(&self) -> String {
        self.ratio().map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"))
    }

    /// What the ratio means.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        let (Some(a), Some(b)) = (self.a, self.b) else { return Meaning::Unsaid };
        let is_close = (b - a).abs() <= NOISE * a.abs();
        match self.wish {
            Wish::Neither => Meaning::Unsaid,
            Wish::Higher | Wish::Lower if a.total_cmp(&b).is_eq() => Meaning::Same,
            Wish::Higher | Wish::Lower if is_close => Meaning::Unsaid,
            Wish::Higher if b > a => Meaning::Better,
            Wish::Lower if b < a => Meaning::Better,
            Wish::Higher | Wish::Lower => Meaning::Worse,
        }
    }

    /// Both in words.
    #[must_use]
    pub fn words(&self) -> [String; 2] {
        let word = |figure: f64| words::of(self.unit, figure);
        [self.a, self.b].map(|figure| figure.map_or_else(|| "–".to_owned(), word))
    }
}

/// Something besides the figures that is not the same in both runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// What.
    pub name: String,
    /// In `a`; a dash if it has none.
    pub a: String,
    /// In `b`; a dash if it has none.
    pub b: String,
}

/// Two runs side by side.
#[derive(Clone, Debug)]
pub struct Comparison<'a> {
    /// The measure.
    pub a: &'a Recording,
    /// The one that is looked at.
    pub b: &'a Recording,
    /// What is not the same.
    pub differences: Vec<Difference>,
    /// The figures.
    pub figures: Vec<Figure>,
}

impl<'a> Comparison<'a> {
    /// Looks at both.
    #[must_use]
    pub fn of(a: &'a Recording, b: &'a Recording) -> Self {
        let mut figures = figures(a, b);
        figures.extend(brought_by_both(a, b));
        let mut comparison = Self { a, b, differences: differences(a, b), figures };
        if !comparison.was_asked_alike() {
            comparison.figures.iter_mut().for_each(|figure| figure.wish = Wish::Neither);
        }
        comparison
    }

    /// Whether both had the same to do. If not, none of them did it better.
    #[must_use]
    pub fn was_asked_alike(&self) -> bool {
        !self.differences.iter().any(|it| it.name == KIND || it.name.starts_with(SETTING))
    }

    /// Whether both folders held the same when the runs began, as far as that is known.
    #[must_use]
    pub fn began_alike(&self) -> bool {
        self.a.ground.zip(self.b.ground).is_none_or(|(a, b)| a == b)
    }
}

fn differences(a: &Recording, b: &Recording) -> Vec<Difference> {
    let verdict = |run: &Recording| match run.audit.verdict {
        Verdict::Ok => "ok",
        Verdict::Failed => "FAILED",
        Verdict::Skipped => "skipped",
    };
    let durable = |run: &Recording| match run.durable {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "",
    };
    let facts = |run: &Recording| {
        let machine = &run.machine;
        let facts = [
            (KIND, run.kind.word().to_owned()),
            ("seed", run.seed.to_string()),
            ("version", run.version.clone()),
            ("commit", run.commit.clone()),
            ("audit", verdict(run).to_owned()),
            ("durable", durable(run).to_owned()),
            ("held when it began", run.ground.map_or_else(String::new, |it| it.to_string())),
            ("seconds whose syncs are known", seconds_with_syncs(run)),
            ("machine: processor", machine.cpu.clone()),
            ("machine: cores", machine.cores.to_string()),
            ("machine: memory", words::bytes(float(machine.memory_bytes))),
            ("machine: system", machine.kernel.clone()),
            ("machine: file system", machine.file_system.clone()),
        ];
        let facts = facts.into_iter().map(|(name, text)| (name.to_owned(), text));
        let settings = run.settings.iter();
        let settings =
            settings.map(|it| (format!("{SETTING}{}", it.name), words::setting(&it.text)));
        facts.chain(settings).collect::<Vec<_>>()
    };
    let (of_a, of_b) = (facts(a), facts(b));
    let text = |facts: &[(String, String)], name: &str| {
        let found = facts.iter().find(|(it, text)| it == name && !text.is_empty());
        found.map_or_else(|| "–".to_owned(), |(_, text)| text.clone())
    };
    let only_b = of_b.iter().filter(|(name, _)| !of_a.iter().any(|(it, _)| it == name));
    let names = of_a.iter().chain(only_b).map(|(name, _)| name.clone());
    let all = names.map(|name| Difference { a: text(&of_a, &name), b: text(&of_b, &name), name });
    all.filter(|it| it.a != it.b).collect()
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn float(count: u64) -> f64 {
    count as f64
}

fn figures(a: &Recording, b: &Recording) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut add = |name: String, unit, wish, find: &dyn Fn(&Recording) -> Option<f64>| {
        let (a, b) = (find(a), find(b));
        if a.is_some() || b.is_some() {
            figures.push(Figure { name, a, b, unit, wish });
        }
    };
    add("paid a second".into(), Unit::Count, Wish::Higher, &Recording::settled_per_s);
    add("paid".into(), Unit::Count, Wish::Neither, &|run| run.funnel.settled.map(float));
    let sum = |run: &Recording, counts: &BTreeMap<String, u64>| {
        run.counts_dinners().then(|| float(counts.values().sum()))
    };
    add("declined".into(), Unit::Count, Wish::Lower, &|run| sum(run, &run.ends.declined));
    add("failed".into(), Unit::Count, Wish::Lower, &|run| sum(run, &run.ends.failed));
    let names = a.latencies.iter().chain(&b.latencies).map(|it| it.name.as_str());
    let mut told: Vec<&str> = Vec::new();
    for name in names {
        if told.contains(&name) {
            continue;
        }
        told.push(name);
        type Find = fn(&Distribution) -> Option<f64>;
        let quoted: [(&str, Find); 5] = [
            ("p50", |it| it.at(50.0)),
            ("p90", |it| it.at(90.0)),
            ("p99", |it| it.at(99.0)),
            ("p99.9", |it| it.at(99.9)),
            ("longest", Distribution::max_us),
        ];
        for (quantile, find) in quoted {
            let of =
                |run: &Recording| run.latencies.iter().find(|it| it.name == name).and_then(find);
            add(format!("{name} {quantile}"), Unit::Micros, Wish::Lower, &of);
        }
    }
    add("longest queue".into(), Unit::Count, Wish::Lower, &|run| run.queue_max.map(float));
    // Of the seconds of which they are known; the others say nothing, and are told as a difference.
    add("syncs a second".into(), Unit::Count, Wish::Neither, &|run| {
        means::syncs_per_s(&run.seconds)
    });
    add("time of a sync".into(), Unit::Micros, Wish::Neither, &|run| {
        means::by_sync(&run.seconds, |it| it.sync_mean_us)
    });
    add("most memory".into(), Unit::Bytes, Wish::Lower, &|run| {
        run.seconds.iter().filter_map(|second| second.memory_bytes).max().map(float)
    });
    // A server is known only where its process was named: it is no part of the other run's sum.
    for program in a.processor_s.keys().filter(|it| b.processor_s.contains_key(*it)) {
        let name = format!("processor time of a dinner, {program}");
        add(name, Unit::Micros, Wish::Lower, &|run| {
            let settled = run.funnel.settled.filter(|settled| *settled > 0)?;
            let used = run.processor_s.get(program)?.values().fold(0.0, |sum, used| sum + used);
            (used > 0.0).then(|| used * 1e6 / float(settled))
        });
    }
    figures
}

/// What runs that count no dinners brought instead, by name.
fn brought_by_both(a: &Recording, b: &Recording) -> Vec<Figure> {
    let (of_a, of_b) = (brought(a), brought(b));
    let value = |all: &[Quoted], name: &str| {
        let found = all.iter().find(|it| it.name == name);
        found.map(|it| it.value)
    };
    let only_b = of_b.iter().filter(|it| value(&of_a, &it.name).is_none());
    let figure = |it: &Quoted| {
        let (a, b) = (value(&of_a, &it.name), value(&of_b, &it.name));
        Figure { name: it.name.clone(), a, b, unit: it.unit, wish: it.wish }
    };
    of_a.iter().chain(only_b).map(figure).collect()
}

fn brought(run: &Recording) -> Vec<Quoted> {
    let of_bars = |bars: &Bars| {
        let Bars { title, unit, wish, amounts, .. } = bars;
        let each = |amount: &Amount| {
            let name = format!("{title}: {}", amount.name);
            Quoted { name, value: amount.value, unit: *unit, wish: *wish }
        };
        amounts.iter().map(each).collect::<Vec<_>>()
    };
    run.quoted.iter().cloned().chain(run.bars.iter().flat_map(of_bars)).collect()
}

/// Of how many measured seconds syncs are known; empty if of none.
fn seconds_with_syncs(run: &Recording) -> String {
    let measured = || run.seconds.iter().filter(|second| second.at_s >= 0);
    let (known, all) = (measured().filter(|it| it.syncs.is_some()).count(), measured());
    match (known, all.count()) {
        (0, _) => String::new(),
        (known, all) if known == all => "all".to_owned(),
        (known, all) => format!("{known} of {all}"),
    }
}

impl fmt::Display for Comparison<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, run) in [("a", self.a), ("b", self.b)] {
            writeln!(f, "{name}: {} ({}, commit {})", run.title, run.began_at, run.commit)?;
        }
        if self.differences.is_empty() {
            writeln!(f, "same settings, machine, seed and commit")?;
        } else {
            writeln!(f, "not the same:")?;
        }
        if !self.was_asked_alike() {
            writeln!(f, "{ASKED_OTHERWISE}")?;
        }
        if !self.began_alike() {
            writeln!(f, "{OTHER_GROUND}")?;
        }
        for Difference { name, a, b } in &self.differences {
            writeln!(f, "  {name}: {a} | {b}")?;
        }
        let widths = self.figures.iter().map(|figure| figure.name.chars().count() + 2);
        let width = widths.fold(28, usize::max);
        writeln!(f, "{:<width$}{:>16}{:>16}{:>9}", "", "a", "b", "b/a")?;
        for figure in &self.figures {
            let [a, b] = figure.words();
            let (ratio, meaning) = (figure.ratio_word(), figure.meaning().word());
            let line = format!("{:<width$}{a:>16}{b:>16}{ratio:>9}  {meaning}", figure.name);
            writeln!(f, "{}", line.trim_end())?;
        }
        writeln!(f, "{NOISE_WORDS}")
    }
}

#[cfg(test)]
mod tests;
