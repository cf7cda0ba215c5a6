//! Options of evenings, for `dinner` and `live` alike.

use clap::Args;

/// How a scenario is played.
#[derive(Args, Clone, Copy, PartialEq, Debug)]
pub struct EveningOptions {
    /// How large the evening is, as a multiple of the file's tables, people and merchants.
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = scale, requires = "scenario")]
    pub scale: f64,
    /// How many times faster than life the evening passes; latencies are always real.
    #[arg(long, value_name = "FACTOR", default_value = "60", value_parser = speed, requires = "scenario")]
    pub speed: f64,
}

fn scale(text: &str) -> Result<f64, String> {
    within(text, 1e-4, 1e3)
}

fn speed(text: &str) -> Result<f64, String> {
    within(text, 0.1, 1e5)
}

fn within(text: &str, low: f64, high: f64) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (low..=high).contains(number));
    number.ok_or_else(|| format!("give a number from {low} to {high}"))
}
