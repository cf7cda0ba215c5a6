//! Beside: bars, curves and sentences of runs that compare several, or what might be.

use super::{
    bars::{self, Bar},
    behind, cell,
    chart::{Chart, Line, Look},
    html::{Element, element},
    panel, row_head,
    scale::Axis,
    table, words,
};
use crate::recording::charts::{Amount, Bars, Curve, Curves, Notes};

/// Colours of lines and bars, in turn; each has its name beside it.
pub const COLOURS: [&str; 6] = ["indigo", "plum", "jade", "amber", "ink", "ink-2"];

/// The colour of whoever has that name, the same in all pictures of a page; `at` is the place among its
/// own kind of somebody whom the first bars do not know.
#[must_use]
pub fn colour(first: Option<&Bars>, name: &str, at: usize) -> &'static str {
    let known = first.and_then(|bars| bars.amounts.iter().position(|it| it.name == name));
    COLOURS[known.unwrap_or(at) % COLOURS.len()]
}

/// Bars with their ratios, and the same as a table; `first` are the first on the page.
#[must_use]
pub fn bars(of: &Bars, first: Option<&Bars>) -> Element {
    let ratio = |value: f64| of.times(value).map(|times| format!("{} ×", words::digits(times, 3)));
    let bar = |(at, amount): (usize, &Amount)| {
        let colour = colour(first, &amount.name, at);
        let word = words::of(of.unit, amount.value);
        let is_measure = of.measure.as_ref() == Some(&amount.name);
        let words = match ratio(amount.value) {
            Some(ratio) if !is_measure => format!("{word}  ({ratio})"),
            Some(_) | None => word,
        };
        Bar { name: amount.name.clone(), amount: amount.value, words, colour }
    };
    let all: Vec<Bar> = of.amounts.iter().enumerate().map(bar).collect();
    let held = of.measure.as_ref().filter(|_| all.len() > 1);
    let held = held.map(|name| format!(" In brackets: how many times that of {name}."));
    let summary = format!("{}{}", of.about, held.unwrap_or_default());
    let mut columns = vec![String::new(), of.title.clone()];
    columns.extend(of.measure.as_ref().map(|name| format!("times {name}")));
    let rows = of.amounts.iter().map(|amount| {
        let measured = of.measure.as_ref().map(|_| ratio(amount.value).unwrap_or_default());
        let cells = [words::of(of.unit, amount.value)].into_iter().chain(measured).map(cell);
        [row_head(&amount.name)].into_iter().chain(cells).collect()
    });
    let table = behind(table(&columns, rows));
    panel(&of.title, &summary, vec![bars::svg(&of.title, &summary, &all), table])
}

/// Curves, and the same as a table; `None` if there is nothing to draw.
#[must_use]
pub fn curves(of: &Curves) -> Option<Element> {
    let known = || of.lines.iter().flat_map(|line| &line.points);
    let high = known().filter_map(|(_, value)| *value).reduce(f64::max)?;
    let above = known().filter_map(|(_, value)| value.filter(|value| *value > 0.0));
    let low = above.reduce(f64::min).unwrap_or(1.0);
    let right = known().map(|(at, _)| *at).fold(0.0, f64::max);
    let line = |(line, colour): (&Curve, &&'static str)| {
        let (name, points) = (line.name.clone(), line.points.clone());
        Line { name, colour, look: Look::Line, points }
    };
    let (across, across_word) = (of.across_unit, |at| words::of(of.across_unit, at));
    let word = |value: f64| words::of(of.unit, value);
    let chart = Chart {
        title: &of.title,
        description: of.about.clone(),
        x: Axis::from_zero(right, 6),
        y: if of.log { Axis::log(low, high) } else { Axis::from_zero(high, 4) },
        x_word: &across_word,
        y_word: &word,
        lines: of.lines.iter().zip(COLOURS.iter().cycle()).map(line).collect(),
        shade: None,
        marks: of.here.map(|at| (at, words::of(across, at))).into_iter().collect(),
    };
    let names = of.lines.iter().map(|line| line.name.clone());
    let columns: Vec<String> = [of.across.clone()].into_iter().chain(names).collect();
    let first = of.lines.first().map_or(&[][..], |line| &line.points);
    let rows = first.iter().enumerate().map(|(row, (at, _))| {
        let cells = of.lines.iter().map(|line| {
            let value = line.points.get(row).and_then(|(_, value)| *value);
            cell(value.map(word).unwrap_or_default())
        });
        [row_head(words::of(across, *at))].into_iter().chain(cells).collect()
    });
    let table = behind(table(&columns, rows));
    Some(panel(&of.title, &of.about, vec![chart.svg(), table]))
}

/// Sentences.
#[must_use]
pub fn notes(of: &Notes) -> Element {
    let lines = of.lines.iter().map(|line| element("li").text(line));
    panel(&of.title, "", vec![element("ul").class("notes").all(lines)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::charts::{Unit, Wish};

    fn text(element: &Element) -> String {
        let written = element.to_string();
        let parsed = roxmltree::Document::parse(&written).expect("well-formed");
        let texts = parsed.descendants().filter(roxmltree::Node::is_text);
        texts.filter_map(|node| node.text()).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn bars_say_how_many_times_the_measure_they_are() {
        let amount = |name: &str, value| Amount { name: name.to_owned(), value };
        let of = Bars {
            title: "Dinners a second".into(),
            about: "Medians.".into(),
            unit: Unit::Count,
            wish: Wish::Higher,
            measure: Some("Fanju 8".into()),
            amounts: vec![amount("SQLite 1", 250.0), amount("Fanju 8", 1_000.0)],
        };
        let found = text(&bars(&of, None));
        for part in
            ["250  (0.25 ×)", "|1,000|", "how many times that of Fanju 8", "|times Fanju 8|"]
        {
            assert!(found.contains(part), "`{part}` is not in {found}");
        }
        let alone = text(&bars(&Bars { measure: None, ..of }, None));
        assert!(!alone.contains('×') && !alone.contains("In brackets"), "{alone}");
    }

    #[test]
    fn a_name_keeps_its_colour_where_another_is_missing() {
        let of = |names: &[&str]| Bars {
            title: "Bytes".into(),
            about: String::new(),
            unit: Unit::Bytes,
            wish: Wish::Lower,
            measure: None,
            amounts: names.iter().map(|it| Amount { name: (*it).into(), value: 1.0 }).collect(),
        };
        let (all, some) = (of(&["a", "b", "c"]), of(&["a", "c"]));
        let written = bars(&some, Some(&all)).to_string();
        let [one, two, three] = [0, 1, 2].map(|at| format!("class=\"bar {}\"", COLOURS[at]));
        assert!(written.contains(&one) && written.contains(&three) && !written.contains(&two));
        assert_eq!(colour(Some(&all), "somebody else", 7), COLOURS[1]);
    }

    #[test]
    fn curves_have_a_row_for_each_place_and_a_gap_where_nothing_is_known() {
        let curve = |name: &str, values: [Option<f64>; 3]| {
            let points = [1.0, 2.0, 3.0].into_iter().zip(values).collect();
            Curve { name: name.to_owned(), points }
        };
        let mut of = Curves {
            title: "Waiting".into(),
            about: "By machines.".into(),
            across: "machines".into(),
            across_unit: Unit::Count,
            unit: Unit::Micros,
            log: true,
            lines: vec![
                curve("one", [Some(90.0), Some(20.0), Some(10.0)]),
                curve("several", [None, Some(70.0), Some(60.0)]),
            ],
            here: Some(2.0),
        };
        let found = curves(&of).expect("a picture");
        let written = found.to_string();
        assert!(written.contains("class=\"mark\"") && written.matches("<path").count() == 2);
        let body = written.split("<tbody>").nth(1).expect("a table");
        assert!(body.starts_with(
            "<tr><th scope=\"row\">1</th><td>90 µs</td><td></td></tr>\
             <tr><th scope=\"row\">2</th><td>20 µs</td><td>70 µs</td></tr>"
        ));
        of.lines.clear();
        assert!(curves(&of).is_none());
    }
}
