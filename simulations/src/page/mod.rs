//! Page: a recording, or two of them, as one HTML file that needs nothing else.
//!
//! [`html`] writes elements and escapes; [`scale`], [`chart`] and [`bars`] draw; [`timeline`] makes
//! long runs fit; [`panels`] says what is drawn of a run, [`beside`] of several that are compared;
//! [`run`] and [`comparison`] are the pages.
//! No script, no other file: what is kept today can be read in ten years.

pub mod bars;
pub mod beside;
pub mod chart;
pub mod comparison;
pub mod html;
pub mod panels;
pub mod run;
pub mod scale;
pub mod timeline;
pub mod words;

use self::html::{Element, element};

pub use self::{comparison::of_comparison, run::of_run};

/// The colours and shapes of all pages.
const STYLE: &str = include_str!("style.css");

/// A whole page around `inside`.
fn document(title: &str, inside: Vec<Element>) -> String {
    let meta = |name: &'static str, content: &str| {
        element("meta").with("name", name).with("content", content)
    };
    let head = element("head")
        .child(element("meta").with("charset", "utf-8"))
        .child(meta("viewport", "width=device-width, initial-scale=1"))
        .child(meta("color-scheme", "light dark"))
        .child(element("title").text(title))
        .child(element("style").style_sheet(STYLE));
    let body = element("body").child(element("main").all(inside));
    let html = element("html").with("lang", "en").child(head).child(body);
    format!("<!DOCTYPE html>\n{html}\n")
}

/// The head of a page.
fn heading(what: &str, title: &str, facts: &str) -> Element {
    let brand = element("p").class("brand");
    let brand = brand.child(element("b").text("Fanju")).child(element("span").text("饭局"));
    let brand = brand.child(element("i").text(what));
    let title = element("h1").text(title);
    element("header").child(brand).child(title).child(element("p").class("quiet").text(facts))
}

/// A section with its title.
fn section(title: &str, class: &str, inside: Vec<Element>) -> Element {
    let inside = element("div").class(class).all(inside);
    element("section").child(element("h2").text(title)).child(inside)
}

/// A table with a head.
fn table(columns: &[String], rows: impl IntoIterator<Item = Vec<Element>>) -> Element {
    let heads = columns.iter().map(|name| element("th").with("scope", "col").text(name));
    let head = element("thead").child(element("tr").all(heads));
    let rows = rows.into_iter().map(|cells| element("tr").all(cells));
    let table = element("table").child(head).child(element("tbody").all(rows));
    // Tables that are too wide scroll by themselves, also with the keyboard.
    element("div").class("scroll").with("tabindex", 0).child(table)
}

/// A row's first cell.
fn row_head(text: impl std::fmt::Display) -> Element {
    element("th").with("scope", "row").text(text)
}

/// One of a row's other cells.
fn cell(text: impl std::fmt::Display) -> Element {
    element("td").text(text)
}

/// Names and what they are.
fn facts<'a>(facts: impl IntoIterator<Item = (&'a str, String)>) -> Element {
    let each = |(name, text): (&str, String)| {
        let name = element("dt").text(name);
        element("div").child(name).child(element("dd").text(text))
    };
    element("dl").class("facts").all(facts.into_iter().map(each))
}

/// Something with its title, in a frame of its own.
fn panel(title: &str, summary: &str, inside: Vec<Element>) -> Element {
    let caption = element("figcaption").child(element("h3").text(title));
    let caption = caption.child(element("p").class("quiet").text(summary));
    element("figure").class("panel").child(caption).all(inside)
}

/// The figures behind a picture, which open on demand.
fn behind(table: Element) -> Element {
    element("details").child(element("summary").text("The figures")).child(table)
}
