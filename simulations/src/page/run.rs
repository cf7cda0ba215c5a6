//! The page of one run.

use super::{
    bars::{self, Bar},
    beside, cell, document, facts, heading,
    html::{Element, element},
    panel,
    panels::{self, Times},
    row_head, section, table, timeline, words,
};
use crate::{
    auditor::Verdict,
    figures::money,
    machine::Machine,
    recording::{Distribution, Ends, Funnel, Kind, Recording, Table},
};

/// Colours of curves, in turn.
const COLOURS: [&str; 7] = ["jade", "plum", "indigo", "amber", "cinnabar", "ink", "ink-2"];

/// Which stages of a funnel were counted, where two were not.
const FOLLOWS: &str = " Scanned and settled are counted; reserved and confirmed follow from settled: nobody \
                       is asked here, so a bill with every share set aside is paid.";

/// Cells longer than this are sentences, which may go on in another line.
const CELL_MAX: usize = 40;

/// The page of one run.
#[must_use]
pub fn of_run(run: &Recording) -> String {
    let title = format!("{} · Fanju", run.title);
    let what = if run.kind == Kind::Nation { "model" } else { "run" };
    let what = format!("{} {what}", run.kind.word());
    let mut inside = vec![heading(&what, &run.title, &origin(run))];
    inside.push(element("div").class("top").child(receipt(run)).child(verdict(run)));
    let spans = timeline::spans(&run.seconds);
    let (marks, wall_s, settled_per_s) = (&run.marks, run.wall_s, run.settled_per_s());
    let times = Times { spans: &spans, marks, wall_s, settled_per_s };
    let about = run.latencies.first().map_or("of an answer", |it| it.about.as_str());
    let colour = |at: usize, it: &Distribution| match run.bars.first() {
        None => COLOURS[at % COLOURS.len()],
        // Whoever has bars has their colour.
        first => beside::colour(first, &it.name, at),
    };
    let named = run.latencies.iter().enumerate();
    let named: Vec<_> = named.map(|(at, it)| (it.name.clone(), colour(at, it), it)).collect();
    let queues = [times.queue(), times.in_flight()];
    let speed = [times.throughput(), times.latency(about), panels::curve(&named)];
    let speed = speed.into_iter().chain(queues);
    let mut speed: Vec<Element> = speed.flatten().collect();
    if timeline::is_merged(&run.seconds) {
        speed.insert(0, element("p").class("quiet wide").text(timeline::MERGED));
    }
    if !run.latencies.is_empty() {
        let about = run.latencies.iter().map(|it| {
            element("li").child(element("b").text(&it.name)).text(format_args!(": {}", it.about))
        });
        let inside = vec![
            panels::percentiles(&run.latencies),
            element("ul").class("notes quiet").all(about),
        ];
        speed.push(panel("How long it took", "", inside).class_too("wide"));
    }
    let paid = run.money.as_ref().and_then(|money| times.money(money));
    let costs =
        [times.syncs(), times.batches(), times.sync_time(), paid, times.memory(), times.books()];
    let mut costs: Vec<Element> = costs.into_iter().flatten().collect();
    costs.extend(processors(run));
    let ends = [funnel(&run.funnel, &run.ends), not_paid(&run.ends)];
    // Of several, how fast they are is one thing among others that stand side by side.
    let first = if run.bars.is_empty() { "How fast" } else { "Side by side" };
    let bars = run.bars.iter().map(|it| beside::bars(it, run.bars.first()));
    let parts = [
        (first, bars.chain(speed).collect()),
        ("How far they came", ends.into_iter().flatten().collect()),
        ("What it took", costs),
        ("If it were otherwise", run.curves.iter().filter_map(beside::curves).collect()),
        ("What else", run.tables.iter().map(other).collect()),
        ("By which rules", run.notes.iter().map(beside::notes).collect()),
    ];
    for (title, panels) in parts.into_iter().filter(|(_, panels)| !panels.is_empty()) {
        inside.push(section(title, "panels", panels));
    }
    let asked = run.settings.iter().map(|it| (it.name.as_str(), words::setting(&it.text)));
    let asked = asked.chain([("seed", run.seed.to_string())]);
    inside.push(section("What was asked for", "panel", vec![facts(asked)]));
    let on = if run.kind == Kind::Nation { "Computed on" } else { "On what" };
    inside.push(section(on, "panel", vec![facts(machine(&run.machine))]));
    inside.push(colophon(run.kind));
    document(&title, inside)
}

/// When, and of what.
fn origin(run: &Recording) -> String {
    let Recording { began_at, seed, version, commit, .. } = run;
    let when = began_at.replace('T', " ").replace('Z', " UTC");
    format!("{when} · seed {seed} · version {version}, commit {commit}")
}

fn colophon(kind: Kind) -> Element {
    let text = match kind {
        Kind::Dinner | Kind::Live | Kind::Scenario | Kind::Chaos => {
            "Second 0 is when measuring began. Latencies count from when a dinner should have begun, \
             so that whoever has to queue is measured queueing. Figures of the whole leave warm-up out; \
             money does not."
        }
        Kind::Peers => {
            "Machines have moods: in each round all sides take their turn, and medians forgive one bad \
             round. docs/peers.md has the rules in full."
        }
        Kind::Nation => {
            "A model: sizes by arithmetic, waiting by dinners played event by event, in time of its own. \
             The same seed plays the same. docs/capacity.md says where its numbers come from."
        }
    };
    element("footer").class("quiet").text(text)
}

/// The figures that people ask for first, as a till prints them.
fn receipt(run: &Recording) -> Element {
    let line = |name: &str, figure: String| {
        let name = element("dt").text(name);
        element("div").child(name).child(element("dd").text(figure))
    };
    let mut lines = Vec::new();
    if let Some(settled) = run.funnel.settled {
        lines.push(line("Dinners paid", words::exactly(settled)));
    }
    if let Some(rate) = run.settled_per_s() {
        lines.push(line("Per second", words::count(rate)));
    }
    lines.extend(run.quoted.iter().map(|it| line(&it.name, words::of(it.unit, it.value))));
    if let Some(first) = run.bars.first().filter(|_| run.quoted.is_empty()) {
        let amounts = first.amounts.iter();
        lines.extend(amounts.map(|it| line(&it.name, words::of(first.unit, it.value))));
    }
    if let Some(first) = run.latencies.first().filter(|_| run.counts_dinners()) {
        let quoted = [
            ("Half within", first.at(50.0)),
            ("99 % within", first.at(99.0)),
            ("Longest", first.max_us()),
        ];
        lines.extend(
            quoted.into_iter().filter_map(|(name, us)| Some(line(name, words::micros(us?)))),
        );
    }
    if run.counts_dinners() {
        lines.push(line("Declined", words::exactly(run.ends.declined.values().sum())));
        lines.push(line("Failed", words::exactly(run.ends.failed.values().sum())));
    }
    let audit = match run.audit.verdict {
        Verdict::Ok => "ok",
        Verdict::Failed => "FAILED",
        Verdict::Skipped => "left out",
    };
    // Of a model nothing was measured, and nobody paid.
    if run.kind != Kind::Nation {
        lines.push(line("Measured", words::seconds(run.wall_s)));
        lines.push(line("Audit", audit.to_owned()));
    }
    // What is beside each other has a name of its own, which the figures need.
    let slip = run.bars.first().filter(|_| run.quoted.is_empty() && !run.counts_dinners());
    let slip = slip.map_or("in short", |bars| bars.title.as_str());
    let mut receipt = element("div").class("receipt").child(element("p").class("slip").text(slip));
    receipt = receipt.child(element("dl").all(lines));
    if let Some(of) = &run.money {
        // Money was moved during warm-up as well, and the auditor counts all of it.
        let name = if run.warmup_s > 0.0 { "Paid, warm-up too" } else { "Paid" };
        let paid = format!("{} {}", money(of.paid_minor, of.exponent), of.currency);
        receipt = receipt.child(element("dl").class("total").child(line(name, paid)));
        if let Some(refunded) = of.refunded_minor {
            let refunded = format!("{} {}", money(refunded, of.exponent), of.currency);
            receipt = receipt.child(element("dl").child(line("Given back", refunded)));
        }
    }
    if run.durable == Some(false) {
        let warning = "Not durable: a crash would have lost what was acknowledged";
        receipt = receipt.child(element("p").class("warning").text(warning));
    }
    receipt
}

/// What the auditor found.
fn verdict(run: &Recording) -> Element {
    let audit = &run.audit;
    let (class, word) = match (run.kind, audit.verdict) {
        (Kind::Nation, Verdict::Ok | Verdict::Skipped) => ("skipped", "A model"),
        (Kind::Nation, Verdict::Failed) => ("failed", "Does not add up"),
        (_, Verdict::Ok) => ("ok", "Audit ok"),
        (_, Verdict::Failed) => ("failed", "Audit failed"),
        (_, Verdict::Skipped) => ("skipped", "Not audited"),
    };
    let stamp = element("p").class(format_args!("stamp {class}")).text(word);
    let by = element("p").class("quiet").text(format_args!("Checked by {}.", audit.by));
    let numbers = audit.numbers.iter().map(|it| (it.name.as_str(), money(it.value, 0)));
    let verdict =
        element("div").class(format_args!("panel verdict {class}")).child(stamp).child(by);
    let verdict = verdict.child(facts(numbers));
    if audit.reasons.is_empty() {
        return verdict;
    }
    let reasons = audit.reasons.iter().map(|reason| element("li").text(reason));
    verdict.child(element("ul").class("reasons").all(reasons))
}

#[expect(clippy::cast_precision_loss, reason = "the length of a bar")]
fn funnel(funnel: &Funnel, ends: &Ends) -> Option<Element> {
    let steps = [
        ("Scanned", funnel.scanned),
        ("Every share reserved", funnel.reserved),
        ("Confirmed", funnel.confirmed),
        ("Settled", funnel.settled),
    ];
    let known: Vec<(&str, u64)> =
        steps.into_iter().filter_map(|(name, count)| Some((name, count?))).collect();
    let (first, last) = (known.first()?.1, known.last()?.1);
    let before = [None].into_iter().chain(known.iter().map(|(_, count)| Some(*count)));
    let bar = |((name, count), before): (&(&str, u64), Option<u64>)| {
        let lost = before.map_or(0, |before| before.saturating_sub(*count));
        let words = match lost {
            0 => words::exactly(*count),
            lost => {
                let part = words::percent(lost, before.unwrap_or(0));
                format!("{}  (−{}, {part})", words::exactly(*count), words::exactly(lost))
            }
        };
        Bar { name: (*name).to_owned(), amount: *count as f64, words, colour: "jade" }
    };
    let bars: Vec<Bar> = known.iter().zip(before).map(bar).collect();
    let all = ends.declined.is_empty() && ends.failed.is_empty();
    let more = if all { " Nothing was declined, and nothing failed." } else { "" };
    let how = match (funnel.inferred, ends.failed.is_empty()) {
        (true, true) => FOLLOWS.to_owned(),
        (true, false) => format!("{FOLLOWS} How far those came that failed was not counted."),
        (false, _) => String::new(),
    };
    let part = words::percent(last, first);
    let summary = format!("{part} of what was scanned was paid.{how}{more}");
    Some(panel(
        "From scan to paid",
        &summary,
        vec![bars::svg("From scan to paid", &summary, &bars)],
    ))
}

#[expect(clippy::cast_precision_loss, reason = "the length of a bar")]
fn not_paid(ends: &Ends) -> Option<Element> {
    let of = |ends: &std::collections::BTreeMap<String, u64>, what: &str, colour: &'static str| {
        let bar = |(word, count): (&String, &u64)| Bar {
            name: format!("{what}: {}", word.replace('_', " ")),
            amount: *count as f64,
            words: words::exactly(*count),
            colour,
        };
        ends.iter().map(bar).collect::<Vec<_>>()
    };
    let mut bars = of(&ends.declined, "declined", "amber");
    bars.extend(of(&ends.failed, "failed", "cinnabar"));
    if bars.is_empty() {
        return None;
    }
    bars.sort_by(|a, b| b.amount.total_cmp(&a.amount));
    let summary = "Declined: nobody paid, for a reason. Failed: the system refused or broke.";
    Some(panel("Why not paid", summary, vec![bars::svg("Why not paid", summary, &bars)]))
}

fn processors(run: &Recording) -> Vec<Element> {
    let program = |(program, threads): (&String, &std::collections::BTreeMap<String, f64>)| {
        let all = threads.values().fold(0.0, |sum, used| sum + used);
        let bar = |(thread, used): (&String, &f64)| Bar {
            name: thread.clone(),
            amount: *used,
            words: format!("{used:.2} s"),
            colour: "ink",
        };
        let mut bars: Vec<Bar> = threads.iter().map(bar).collect();
        bars.sort_by(|a, b| b.amount.total_cmp(&a.amount));
        let cores = if run.wall_s > 0.0 { all / run.wall_s } else { 0.0 };
        let summary = format!("{all:.2} s by thread while measuring: {cores:.2} of a core.");
        let title = format!("Processor time of {program}");
        let picture = bars::svg(&title, &summary, &bars);
        panel(&title, &summary, vec![picture])
    };
    run.processor_s.iter().filter(|(_, threads)| !threads.is_empty()).map(program).collect()
}

fn machine(machine: &Machine) -> Vec<(&'static str, String)> {
    let Machine { cores, cpu, memory_bytes, kernel, file_system } = machine;
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let memory = words::bytes(*memory_bytes as f64);
    let mut facts = vec![
        ("processor", cpu.clone()),
        ("cores", cores.to_string()),
        ("memory", memory),
        ("system", kernel.clone()),
    ];
    if !file_system.is_empty() {
        facts.push(("file system", file_system.clone()));
    }
    facts
}

fn other(Table { title, columns, rows }: &Table) -> Element {
    let has_sentences = rows.iter().flatten().any(|cell| cell.chars().count() > CELL_MAX);
    let rows = rows.iter().map(|row| {
        let (first, rest) =
            row.split_first().map_or((None, &[][..]), |(first, rest)| (Some(first), rest));
        first.map(row_head).into_iter().chain(rest.iter().map(cell)).collect()
    });
    let table = table(columns, rows);
    let table = if has_sentences { table.class_too("sentences") } else { table };
    panel(title, "", vec![table]).class_too("wide")
}
