//! Chart: lines over time, or over percentiles, as SVG that needs neither script nor mouse.
//!
//! Each line is named at its end instead of in a legend, so that colours are a help and no need.

use super::{
    html::{Element, element},
    scale::Axis,
};

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 232.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 26.0;
const LEFT: f64 = 58.0;
/// Room for the names of lines, at least and at most, and without them.
const RIGHT_NAMES: f64 = 84.0;
const RIGHT_NAMES_MAX: f64 = 160.0;
const RIGHT: f64 = 14.0;
/// Room for a sign of a name, which is bold, and between a line's end and its name.
const NAME_SIGN: f64 = 8.5;
const NAME_GAP: f64 = 7.0;
/// Between the names of two lines.
const NAME_HEIGHT: f64 = 15.0;

/// How a line looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    /// A line.
    Line,
    /// A line with the area below it filled.
    Area,
    /// A thin dotted line.
    Dotted,
}

/// One line of a chart.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Its colour, as the style sheet calls it.
    pub colour: &'static str,
    /// How it looks.
    pub look: Look,
    /// Where it goes; it is broken where there is nothing.
    pub points: Vec<(f64, Option<f64>)>,
}

/// A chart.
pub struct Chart<'a> {
    /// What it shows.
    pub title: &'a str,
    /// What there is to see, in a sentence.
    pub description: String,
    /// To the right.
    pub x: Axis,
    /// Upwards.
    pub y: Axis,
    /// How values are written beside the axes.
    pub x_word: &'a dyn Fn(f64) -> String,
    /// See `x_word`.
    pub y_word: &'a dyn Fn(f64) -> String,
    /// What is drawn; what comes later lies above.
    pub lines: Vec<Line>,
    /// Part of the x axis that lies in shade, and why.
    pub shade: Option<(f64, f64, &'a str)>,
    /// What happened where.
    pub marks: Vec<(f64, String)>,
}

/// A coordinate, to a tenth of a pixel.
fn px(at: f64) -> String {
    let text = format!("{at:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

impl Chart<'_> {
    /// The chart.
    #[must_use]
    pub fn svg(&self) -> Element {
        let svg = element("svg")
            .class("chart")
            .with("viewBox", format_args!("0 0 {WIDTH} {HEIGHT}"))
            .with("role", "img")
            .child(element("title").text(self.title))
            .child(element("desc").text(&self.description));
        svg.all(self.shaded())
            .all(self.axes())
            .all(self.marked())
            .all(self.drawn())
            .all(self.named())
    }

    fn right(&self) -> f64 {
        if self.lines.len() < 2 {
            return WIDTH - RIGHT;
        }
        let signs = self.lines.iter().map(|line| line.name.chars().count()).max().unwrap_or(0);
        let names = NAME_GAP + NAME_SIGN * f64::from(u32::try_from(signs).unwrap_or(u32::MAX));
        WIDTH - names.clamp(RIGHT_NAMES, RIGHT_NAMES_MAX)
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + self.x.place(value) * (self.right() - LEFT)
    }

    fn y(&self, value: f64) -> f64 {
        let floor = HEIGHT - BOTTOM;
        floor - self.y.place(value) * (floor - TOP)
    }

    fn shaded(&self) -> Vec<Element> {
        let Some((from, to, why)) = self.shade else { return Vec::new() };
        let (from, to) = (self.x(from), self.x(to));
        let area = element("rect").class("shade").with("x", px(from)).with("y", px(TOP));
        let area = area.with("width", px(to - from)).with("height", px(HEIGHT - BOTTOM - TOP));
        let word = element("text").class("mark-word").with("x", px(from)).with("y", px(TOP - 8.0));
        vec![area, word.text(why)]
    }

    fn axes(&self) -> Vec<Element> {
        let mut drawn = Vec::new();
        for tick in self.y.ticks() {
            let y = self.y(*tick);
            let line =
                element("line").class("grid").with("x1", px(LEFT)).with("x2", px(self.right()));
            drawn.push(line.with("y1", px(y)).with("y2", px(y)));
            let word =
                element("text").class("tick end").with("x", px(LEFT - 8.0)).with("y", px(y + 4.0));
            drawn.push(word.text((self.y_word)(*tick)));
        }
        let floor = HEIGHT - BOTTOM;
        for tick in self.x.ticks() {
            let x = px(self.x(*tick));
            let line = element("line").class("stroke").with("x1", &x).with("x2", &x);
            drawn.push(line.with("y1", px(floor)).with("y2", px(floor + 4.0)));
            let word =
                element("text").class("tick middle").with("x", x).with("y", px(floor + 18.0));
            drawn.push(word.text((self.x_word)(*tick)));
        }
        let line =
            element("line").class("stroke").with("x1", px(LEFT)).with("x2", px(self.right()));
        drawn.push(line.with("y1", px(floor)).with("y2", px(floor)));
        drawn
    }

    fn marked(&self) -> Vec<Element> {
        let mut drawn = Vec::new();
        for (at, name) in &self.marks {
            let x = self.x(*at);
            let line = element("line").class("mark").with("x1", px(x)).with("x2", px(x));
            drawn.push(line.with("y1", px(TOP - 4.0)).with("y2", px(HEIGHT - BOTTOM)));
            // Near the right end a name goes to the left of its mark.
            let is_late = x > LEFT + (self.right() - LEFT) * 0.75;
            let (class, at) =
                if is_late { ("mark-word end", x - 4.0) } else { ("mark-word", x + 4.0) };
            let word = element("text").class(class).with("x", px(at)).with("y", px(TOP - 8.0));
            drawn.push(word.text(name));
        }
        drawn
    }

    fn drawn(&self) -> Vec<Element> {
        let mut drawn = Vec::new();
        for line in &self.lines {
            for run in line.points.split(|(_, value)| value.is_none()).filter(|run| !run.is_empty())
            {
                let places: Vec<(f64, f64)> =
                    run.iter().filter_map(|(x, y)| Some((self.x(*x), self.y((*y)?)))).collect();
                drawn.extend(path(&places, line, HEIGHT - BOTTOM));
            }
        }
        drawn
    }

    /// The lines' names at their ends, moved apart where they would lie on each other.
    fn named(&self) -> Vec<Element> {
        if self.lines.len() < 2 {
            return Vec::new();
        }
        let end = |line: &Line| line.points.iter().rev().find_map(|(_, value)| *value);
        let ends = self.lines.iter().filter_map(|line| Some((self.y(end(line)?), line)));
        let mut names: Vec<(f64, &Line)> = ends.collect();
        names.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let places = apart(&names.iter().map(|(y, _)| *y).collect::<Vec<_>>());
        let word = |(y, (_, line)): (f64, (f64, &Line))| {
            let word = element("text").class(format_args!("name {}", line.colour));
            word.with("x", px(self.right() + NAME_GAP)).with("y", px(y + 4.0)).text(&line.name)
        };
        places.into_iter().zip(names).map(word).collect()
    }
}

/// Rising places, each at least a name's height below the one before, and none below the floor.
fn apart(wanted: &[f64]) -> Vec<f64> {
    let mut places = wanted.to_vec();
    for at in 1..places.len() {
        places[at] = places[at].max(places[at - 1] + NAME_HEIGHT);
    }
    let mut floor = HEIGHT - BOTTOM;
    for place in places.iter_mut().rev() {
        *place = place.min(floor);
        floor = *place - NAME_HEIGHT;
    }
    places
}

/// One unbroken part of a line; a point by itself is a dot.
fn path(places: &[(f64, f64)], line: &Line, floor: f64) -> Vec<Element> {
    let Line { colour, look, .. } = line;
    let (Some(first), Some(last)) = (places.first(), places.last()) else { return Vec::new() };
    if places.len() == 1 {
        let dot = element("circle").class(format_args!("dot {colour}"));
        return vec![dot.with("cx", px(first.0)).with("cy", px(first.1)).with("r", 3)];
    }
    let steps: Vec<String> = places.iter().map(|(x, y)| format!("{} {}", px(*x), px(*y))).collect();
    let steps = steps.join("L");
    let kind = if *look == Look::Dotted { "dotted" } else { "line" };
    let stroke =
        element("path").class(format_args!("{kind} {colour}")).with("d", format_args!("M{steps}"));
    if *look != Look::Area {
        return vec![stroke];
    }
    let (from, to, floor) = (px(first.0), px(last.0), px(floor));
    let area = element("path").class(format_args!("area {colour}"));
    vec![area.with("d", format_args!("M{from} {floor}L{steps}L{to} {floor}Z")), stroke]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(lines: Vec<Line>) -> String {
        let word = |value: f64| format!("{value}");
        let chart = Chart {
            title: "a <title>",
            description: "what is seen".to_owned(),
            x: Axis::time(-1.0, 4.0, 5),
            y: Axis::from_zero(10.0, 4),
            x_word: &word,
            y_word: &word,
            lines,
            shade: Some((-1.0, 0.0, "warm-up")),
            marks: vec![(1.0, "storm".to_owned()), (3.9, "end".to_owned())],
        };
        chart.svg().to_string()
    }

    fn line(name: &str, points: &[Option<f64>]) -> Line {
        let points = points.iter().zip(0..).map(|(value, at)| (f64::from(at), *value)).collect();
        Line { name: name.to_owned(), colour: "jade", look: Look::Area, points }
    }

    #[test]
    fn a_chart_is_an_image_with_words_and_everything_in_it_is_inside() {
        let text =
            chart(vec![line("a", &[Some(0.0), Some(10.0), Some(99.0)]), line("b", &[Some(1.0)])]);
        let parsed = roxmltree::Document::parse(&text).expect("well-formed");
        let root = parsed.root_element();
        let words: Vec<&str> = root.children().filter_map(|it| it.text()).collect();
        for word in ["a <title>", "what is seen", "warm-up", "storm", "end", "a", "b", "-1", "10"] {
            assert!(words.contains(&word), "{word} is not among {words:?}");
        }
        for node in root.children() {
            for (name, most) in
                [("x", WIDTH), ("x1", WIDTH), ("x2", WIDTH), ("y", HEIGHT), ("y1", HEIGHT)]
            {
                let place = node.attribute(name).and_then(|text| text.parse::<f64>().ok());
                assert!(place.is_none_or(|place| (0.0..=most).contains(&place)), "{node:?}");
            }
        }
    }

    #[test]
    fn a_line_is_broken_where_nothing_is_known_and_a_lone_point_is_a_dot() {
        let text = chart(vec![line("a", &[Some(1.0), Some(2.0), None, Some(3.0), None])]);
        assert_eq!(text.matches("class=\"line jade\"").count(), 1);
        assert_eq!(text.matches("class=\"dot jade\"").count(), 1);
        assert!(!chart(vec![line("a", &[None])]).contains("jade"));
    }

    #[test]
    fn names_do_not_lie_on_each_other() {
        let floor = HEIGHT - BOTTOM;
        for wanted in [vec![], vec![50.0], vec![50.0, 50.0, 51.0, 200.0], vec![floor; 5]] {
            let places = apart(&wanted);
            assert!(
                places.windows(2).all(|pair| pair[1] - pair[0] >= NAME_HEIGHT - 1e-9),
                "{places:?}"
            );
            assert!(places.iter().all(|place| *place <= floor && *place > TOP), "{places:?}");
        }
    }
}
