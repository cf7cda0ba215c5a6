//! HTML: elements that cannot be written without being escaped, and that always close.
//!
//! What is written is well-formed XML as well, so that a strict parser can hold it to that. Nothing
//! that a run says gets in but as text or as an attribute's value.

use std::fmt::{self, Display, Write as _};

/// Elements that have no inside.
const EMPTY: [&str; 6] = ["circle", "line", "meta", "path", "rect", "br"];

/// An element on its way.
#[derive(Clone, Debug)]
pub struct Element {
    name: &'static str,
    attributes: String,
    inside: String,
}

/// Begins an element.
#[must_use]
pub fn element(name: &'static str) -> Element {
    Element { name, attributes: String::new(), inside: String::new() }
}

impl Element {
    /// With an attribute.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Display) -> Self {
        let escaped = escape(&value.to_string());
        write!(self.attributes, " {name}=\"{escaped}\"").expect("a string takes all");
        self
    }

    /// With a class.
    #[must_use]
    pub fn class(self, class: impl Display) -> Self {
        self.with("class", class)
    }

    /// With another class beside the one that was given first.
    #[must_use]
    pub fn class_too(mut self, class: &'static str) -> Self {
        self.attributes = self.attributes.replacen("class=\"", &format!("class=\"{class} "), 1);
        self
    }

    /// With text inside.
    #[must_use]
    pub fn text(mut self, text: impl Display) -> Self {
        self.inside.push_str(&escape(&text.to_string()));
        self
    }

    /// With an element inside.
    #[must_use]
    pub fn child(mut self, child: Element) -> Self {
        write!(self.inside, "{child}").expect("a string takes all");
        self
    }

    /// With elements inside.
    #[must_use]
    pub fn all(self, children: impl IntoIterator<Item = Element>) -> Self {
        children.into_iter().fold(self, Self::child)
    }

    /// With a style sheet inside, which is part of this program.
    #[must_use]
    pub fn style_sheet(mut self, text: &'static str) -> Self {
        self.inside.push_str(text);
        self
    }
}

impl Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, attributes, inside } = self;
        if EMPTY.contains(name) {
            return write!(f, "<{name}{attributes}/>");
        }
        write!(f, "<{name}{attributes}>{inside}</{name}>")
    }
}

/// `text` so that no parser takes any of it for markup; signs that XML forbids are replaced.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' => escaped.push(sign),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ if sign.is_control() => escaped.push('\u{fffd}'),
            _ => escaped.push(sign),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_gets_out_of_text_or_attributes() {
        let found =
            element("a").with("title", "\"><b>").text("<script>&'\u{0}").child(element("br"));
        let expected = "<a title=\"&quot;&gt;&lt;b&gt;\">&lt;script&gt;&amp;&#39;\u{fffd}<br/></a>";
        assert_eq!(found.to_string(), expected);
    }

    proptest! {
        #[test]
        fn any_text_comes_out_of_a_strict_parser_as_it_went_in(text in "\\PC*") {
            let written = element("p").with("title", &text).text(&text).to_string();
            let parsed = roxmltree::Document::parse(&written).expect("well-formed");
            let root = parsed.root_element();
            let forbidden = |sign| matches!(sign, '\u{fffe}' | '\u{ffff}');
            let expected = text.replace(forbidden, "\u{fffd}");
            prop_assert_eq!(root.text().unwrap_or_default(), expected.as_str());
            prop_assert_eq!(root.attribute("title").unwrap_or_default(), expected.as_str());
        }
    }
}
