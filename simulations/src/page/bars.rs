//! Bars: amounts beside each other, each with its name and its number.

use super::html::{Element, element};

const WIDTH: f64 = 480.0;
const ROW: f64 = 46.0;
const BAR: f64 = 14.0;

/// One bar.
#[derive(Clone, PartialEq, Debug)]
pub struct Bar {
    /// What it is.
    pub name: String,
    /// How long it is; the longest fills the width.
    pub amount: f64,
    /// The same in words.
    pub words: String,
    /// Its colour, as the style sheet calls it.
    pub colour: &'static str,
}

/// A picture of bars, longest as wide as the picture.
#[must_use]
pub fn svg(title: &str, description: &str, bars: &[Bar]) -> Element {
    let most = bars.iter().map(|bar| bar.amount).fold(0.0, f64::max);
    let rows = u32::try_from(bars.len()).unwrap_or(u32::MAX);
    let height = ROW * f64::from(rows);
    let svg =
        element("svg").class("chart bars").with("viewBox", format_args!("0 0 {WIDTH} {height}"));
    let svg = svg.with("role", "img").child(element("title").text(title));
    let svg = svg.child(element("desc").text(description));
    bars.iter().zip(0_u32..).fold(svg, |svg, (bar, at)| {
        let top = ROW * f64::from(at);
        let part = if most > 0.0 { (bar.amount / most).clamp(0.0, 1.0) } else { 0.0 };
        // What is there at all can be seen.
        let width = if bar.amount > 0.0 { (part * WIDTH).max(2.0) } else { 0.0 };
        let rect = |class: &str, width: f64| {
            let rect = element("rect").class(class).with("x", 0).with("y", top + 22.0);
            rect.with("width", format_args!("{width:.1}")).with("height", BAR).with("rx", 3)
        };
        let text = |class: &str, x: f64, text: &str| {
            element("text").class(class).with("x", x).with("y", top + 15.0).text(text)
        };
        svg.child(rect("rail", WIDTH))
            .child(rect(&format!("bar {}", bar.colour), width))
            .child(text("name ink", 0.0, &bar.name))
            .child(text("value end", WIDTH, &bar.words))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_they_say_and_some_is_never_nothing() {
        let bar = |amount| Bar { name: "n".into(), amount, words: "w".into(), colour: "jade" };
        let text = svg("title", "words", &[bar(1e6), bar(5e5), bar(1.0), bar(0.0)]).to_string();
        let parsed = roxmltree::Document::parse(&text).expect("well-formed");
        let is_bar = |node: &roxmltree::Node<'_, '_>| node.attribute("class") == Some("bar jade");
        let bars = parsed.root_element().children().filter(is_bar);
        let widths: Vec<_> = bars.filter_map(|node| node.attribute("width")).collect();
        assert_eq!(widths, ["480.0", "240.0", "2.0", "0.0"]);
    }
}
