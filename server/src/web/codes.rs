//! A group's code as pictures: a QR square for cameras, Code 128 bars for hand scanners.
//!
//! Both are black on white with their quiet zone, whatever the page around them looks like: a
//! scanner has no dark mode. They go out with the code itself, to whoever may show it.

use std::fmt::Write;

use barcoders::sym::code128::Code128;
use fanju::domain::code::Code;
use qrcode::{EcLevel, QrCode, render::svg};

/// White modules that Code 128 needs on either side. Source: ISO/IEC 15417, 4.4.4 (10 X).
const QUIET_MODULES: usize = 10;

/// Height of the bars in modules; pages stretch it.
const BARS_HEIGHT: usize = 60;

/// The QR code of `code`, as SVG.
///
/// # Panics
/// Never: eighteen digits fit the smallest QR codes.
pub(crate) fn qr(code: Code) -> String {
    let square = QrCode::with_error_correction_level(code.to_string(), EcLevel::M)
        .expect("eighteen digits fit a QR code");
    square.render::<svg::Color<'_>>().module_dimensions(8, 8).quiet_zone(true).build()
}

/// The bars of `code` in Code 128, character set C (two digits a symbol), as SVG.
///
/// # Panics
/// Never: eighteen digits are nine symbols of set C.
pub(crate) fn bars(code: Code) -> String {
    let modules = Code128::new(format!("\u{0106}{code}"))
        .expect("an even number of digits is set C")
        .encode();
    let width = modules.len() + 2 * QUIET_MODULES;
    let mut path = String::new();
    for (at, _) in modules.iter().enumerate().filter(|(_, module)| **module == 1) {
        let x = at + QUIET_MODULES;
        write!(path, "M{x} 0h1v{BARS_HEIGHT}h-1z").expect("strings take everything");
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {BARS_HEIGHT}\" \
         width=\"{width}\" height=\"{BARS_HEIGHT}\" preserveAspectRatio=\"none\" \
         shape-rendering=\"crispEdges\"><rect width=\"{width}\" height=\"{BARS_HEIGHT}\" \
         fill=\"#fff\"/><path d=\"{path}\"/></svg>"
    )
}
