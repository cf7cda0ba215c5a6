//! The page of two runs.

use super::{
    behind, cell,
    chart::{Chart, Line, Look},
    document, facts, heading,
    html::{Element, element},
    panel, panels, row_head,
    scale::Axis,
    section, table, timeline, words,
};
use crate::{
    compare::{ASKED_OTHERWISE, Comparison, Meaning, NOISE_WORDS, OTHER_GROUND},
    recording::{Recording, Second},
};

const A: &str = "indigo";
const B: &str = "jade";

/// The page of two runs.
#[must_use]
pub fn of_comparison(comparison: &Comparison<'_>) -> String {
    let Comparison { a, b, .. } = comparison;
    let title = "Two runs side by side";
    let mut inside =
        vec![heading("comparison", title, &format!("A ratio is b / a. {NOISE_WORDS}"))];
    let runs = [("a", A, *a), ("b", B, *b)].map(|(name, colour, run)| origin(name, colour, run));
    inside.push(element("div").class("panels spaced").all(runs));
    inside.push(section("What is not the same", "panel", vec![differences(comparison)]));
    inside.push(section("Figures", "panel", vec![ratios(comparison)]));
    let rate = |second: &Second| panels::per_second(second.settled, second);
    let p99 = |second: &Second| second.latency_us.map(|it| it.p99);
    let mut charts = vec![
        both(comparison, "Dinners a second", false, &words::count, &rate),
        both(comparison, "99th percentile of each second", true, &words::micros, &p99),
    ];
    let curves = [("a", A, *a), ("b", B, *b)].map(|(name, colour, run)| {
        run.latencies.first().map(|it| (format!("{name} {}", it.name), colour, it))
    });
    charts.push(panels::curve(&curves.into_iter().flatten().collect::<Vec<_>>()));
    let charts: Vec<Element> = charts.into_iter().flatten().collect();
    if !charts.is_empty() {
        inside.push(section("Pictures", "panels", charts));
    }
    document(&format!("{title} · Fanju"), inside)
}

fn origin(name: &str, colour: &str, run: &Recording) -> Element {
    let title = element("h3").child(element("span").class(colour).text(format_args!("{name} ")));
    let title = title.child(element("span").text(&run.title));
    let audit = format!("{:?}", run.audit.verdict).to_lowercase();
    let told = [
        ("kind", run.kind.word().to_owned()),
        ("began", run.began_at.clone()),
        ("seed", run.seed.to_string()),
        ("commit", run.commit.clone()),
        ("audit", audit),
    ];
    element("div").class("panel").child(title).child(facts(told))
}

fn differences(comparison: &Comparison<'_>) -> Element {
    if comparison.differences.is_empty() {
        return element("p").text("Nothing: same settings, machine, seed and commit.");
    }
    let rows =
        comparison.differences.iter().map(|it| vec![row_head(&it.name), cell(&it.a), cell(&it.b)]);
    let table = table(&["", "a", "b"].map(str::to_owned), rows);
    let said =
        [(comparison.was_asked_alike(), ASKED_OTHERWISE), (comparison.began_alike(), OTHER_GROUND)];
    let said = said.into_iter().filter(|(alike, _)| !alike);
    element("div").all(said.map(|(_, words)| element("p").text(words))).child(table)
}

fn ratios(comparison: &Comparison<'_>) -> Element {
    let rows = comparison.figures.iter().map(|figure| {
        let meaning = figure.meaning();
        let class = match meaning {
            Meaning::Better => "better",
            Meaning::Worse => "worse",
            Meaning::Same | Meaning::Unsaid => "quiet",
        };
        let [a, b] = figure.words();
        let ratio = cell(figure.ratio_word()).class(class);
        vec![row_head(&figure.name), cell(a), cell(b), ratio, cell(meaning.word()).class(class)]
    });
    table(&["", "a", "b", "b / a", "b is"].map(str::to_owned), rows)
}

/// One figure of both runs over time.
fn both(
    comparison: &Comparison<'_>,
    title: &str,
    log: bool,
    word: &dyn Fn(f64) -> String,
    value: &dyn Fn(&Second) -> Option<f64>,
) -> Option<Element> {
    let known = |second: &Second| panels::is_long(second).then(|| value(second)).flatten();
    let line = |name: &str, colour: &'static str, run: &Recording| {
        let spans = timeline::spans(&run.seconds);
        let points = spans.iter().map(|second| (panels::middle_s(second), known(second)));
        Line { name: name.to_owned(), colour, look: Look::Line, points: points.collect() }
    };
    let lines = vec![line("a", A, comparison.a), line("b", B, comparison.b)];
    let points =
        || lines.iter().flat_map(|line| &line.points).filter_map(|(x, y)| Some((*x, (*y)?)));
    let above = || points().map(|(_, y)| y).filter(|y| *y > 0.0);
    let (low, high) = (above().reduce(f64::min)?, above().reduce(f64::max)?);
    let from = points().map(|(x, _)| x).fold(0.0, f64::min);
    let to = points().map(|(x, _)| x).fold(1.0, f64::max);
    let summary = "Both from the moment when measuring began.";
    let merged = [comparison.a, comparison.b].iter().any(|run| timeline::is_merged(&run.seconds));
    let summary = if merged { format!("{summary} {}", timeline::MERGED) } else { summary.into() };
    let chart = Chart {
        title,
        description: summary.clone(),
        x: Axis::time(from, to, 7),
        y: if log { Axis::log(low, high) } else { Axis::from_zero(high, 4) },
        x_word: &words::seconds,
        y_word: word,
        lines: lines.clone(),
        shade: (from < 0.0).then_some((from, 0.0, "warm-up")),
        marks: Vec::new(),
    };
    let rows = seconds(&lines).into_iter().map(|(at, figures)| {
        let cells = figures.map(|figure| cell(figure.map(word).unwrap_or_default()));
        [row_head(words::seconds(at))].into_iter().chain(cells).collect()
    });
    let table = behind(table(&["middle of", "a", "b"].map(str::to_owned), rows));
    Some(panel(title, &summary, vec![chart.svg(), table]))
}

/// What two lines say of each moment of which either says something.
fn seconds(lines: &[Line]) -> Vec<(f64, [Option<f64>; 2])> {
    let mut all: Vec<(f64, [Option<f64>; 2])> = Vec::new();
    for (which, line) in lines.iter().take(2).enumerate() {
        for (at, figure) in line.points.iter().filter(|(_, figure)| figure.is_some()) {
            let found = all.iter_mut().find(|(it, _)| it == at);
            match found {
                Some((_, figures)) => figures[which] = *figure,
                None => {
                    let mut figures = [None, None];
                    figures[which] = *figure;
                    all.push((*at, figures));
                }
            }
        }
    }
    all.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    all
}
