//! Scale: where a value stands on an axis, and which values are named beside it.

/// How values are spread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spread {
    /// Evenly.
    Linear,
    /// Ten times as much is always as far.
    Log,
}

/// One axis: its ends, and its ticks between them.
#[derive(Clone, PartialEq, Debug)]
pub struct Axis {
    low: f64,
    high: f64,
    spread: Spread,
    ticks: Vec<f64>,
}

/// Steps of time that people count in, in seconds; longer ones are multiples of a day.
const TIME_STEPS: [f64; 18] = [
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0,
    7_200.0, 21_600.0, 86_400.0,
];

impl Axis {
    /// From zero up to a round number that is at least `high`, with at most `most` + 1 ticks.
    #[must_use]
    pub fn from_zero(high: f64, most: u32) -> Self {
        let high = if high.is_finite() && high > 0.0 { high } else { 1.0 };
        let step = round_up(high / f64::from(most.max(1)));
        let steps = (high / step - 1e-9).ceil().max(1.0);
        let ticks = multiples(step, 0.0, steps);
        Self { low: 0.0, high: steps * step, spread: Spread::Linear, ticks }
    }

    /// Seconds from `low` to `high`, with ticks at times that people count in.
    #[must_use]
    pub fn time(low: f64, high: f64, most: u32) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        let least = (high - low) / f64::from(most.max(1));
        let days = 86_400.0 * round_up((least / 86_400.0).max(1.0));
        let step = TIME_STEPS.into_iter().find(|step| *step >= least).unwrap_or(days);
        let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
        let ticks = multiples(step, first, last);
        Self { low, high, spread: Spread::Linear, ticks }
    }

    /// Round numbers around `low` and `high`, which are above zero, ten times as much as far.
    #[must_use]
    pub fn log(low: f64, high: f64) -> Self {
        let sound = |number: f64| number.is_finite() && number > 0.0;
        let low = round_down(if sound(low) { low } else { 1.0 });
        let high = round_up(if sound(high) { high } else { 1.0 }).max(low * 10.0);
        let decades = (high / low).log10();
        let parts: &[f64] = if decades > 2.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let from = low.log10().floor();
        let powers = multiples(1.0, from, high.log10().ceil());
        let around = |tick: &f64| *tick >= low * (1.0 - 1e-9) && *tick <= high * (1.0 + 1e-9);
        let each = |power: f64| parts.iter().map(move |part| part * 10_f64.powf(power));
        let ticks = powers.into_iter().flat_map(each).filter(around).collect();
        Self { low, high, spread: Spread::Log, ticks }
    }

    /// With other ends and ticks than found by itself.
    #[must_use]
    pub fn of(low: f64, high: f64, ticks: Vec<f64>) -> Self {
        Self { low, high, spread: Spread::Linear, ticks }
    }

    /// The ticks, rising.
    #[must_use]
    pub fn ticks(&self) -> &[f64] {
        &self.ticks
    }

    /// Its ends.
    #[must_use]
    pub fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Where `value` stands: 0 is the low end, 1 the high one; what lies outside stands at the end.
    #[must_use]
    pub fn place(&self, value: f64) -> f64 {
        let place = match self.spread {
            Spread::Linear => (value - self.low) / (self.high - self.low),
            Spread::Log => (value.max(self.low) / self.low).ln() / (self.high / self.low).ln(),
        };
        if place.is_finite() { place.clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// `first` to `last` times `step`.
fn multiples(step: f64, first: f64, last: f64) -> Vec<f64> {
    // Where one more makes no difference to a number, there is no next tick.
    let ticks = std::iter::successors(Some(first), |at| Some(at + 1.0).filter(|next| next > at));
    // Without the sign that rounding gives to zero.
    ticks.take_while(|at| *at <= last).map(|at| at * step + 0.0).collect()
}

/// The largest power of ten that is not above `number`.
fn power(number: f64) -> f64 {
    10_f64.powf(number.log10().floor())
}

/// The smallest of 1, 2, 5, 10, 20 … that is not below `number`.
fn round_up(number: f64) -> f64 {
    let power = power(number);
    let parts = [1.0, 2.0, 5.0, 10.0];
    parts
        .map(|part| part * power)
        .into_iter()
        .find(|it| *it >= number * (1.0 - 1e-9))
        .unwrap_or(number)
}

/// The largest of 1, 2, 5, 10, 20 … that is not above `number`.
fn round_down(number: f64) -> f64 {
    let power = power(number);
    let parts = [10.0, 5.0, 2.0, 1.0];
    parts
        .map(|part| part * power)
        .into_iter()
        .find(|it| *it <= number * (1.0 + 1e-9))
        .unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_round(number: f64) -> bool {
        let mantissa = number / power(number * (1.0 + 1e-9));
        [1.0, 2.0, 5.0, 10.0].into_iter().any(|it: f64| (it - mantissa).abs() < 1e-6)
    }

    fn assert_sound(axis: &Axis, low: f64, high: f64) {
        let (from, to) = axis.ends();
        assert!(from <= low * (1.0 + 1e-9) && high <= to * (1.0 + 1e-9), "{axis:?}");
        let ticks = axis.ticks();
        assert!(ticks.len() >= 2 && ticks.is_sorted_by(|a, b| a < b), "{axis:?}");
        let inside = |tick: &f64| *tick >= from * (1.0 - 1e-6) && *tick <= to * (1.0 + 1e-6);
        assert!(ticks.iter().all(inside), "{axis:?}");
        assert!(ticks.iter().map(|tick| axis.place(*tick)).is_sorted(), "{axis:?}");
        assert!((0.0..=1.0).contains(&axis.place(low)) && axis.place(low) <= axis.place(high));
    }

    #[test]
    fn axes_are_what_people_expect() {
        assert_eq!(Axis::from_zero(7.0, 4).ticks(), [0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(Axis::from_zero(30_000.0, 4).ticks(), [0.0, 10_000.0, 20_000.0, 30_000.0]);
        assert_eq!(Axis::from_zero(f64::NAN, 4).ends(), (0.0, 1.0));
        assert_eq!(Axis::time(-2.0, 10.0, 6).ticks(), [-2.0, 0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(Axis::time(0.0, 7_200.0, 6).ticks().len(), 5);
        assert_eq!(
            Axis::log(250.0, 7_300.0).ticks(),
            [200.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0]
        );
        assert_eq!(Axis::log(150.0, 2e6).ticks(), [1e2, 1e3, 1e4, 1e5, 1e6]);
        // Seconds that no number tells apart.
        assert!(Axis::time(1e18, 1e18 + 512.0, 6).ticks().len() <= 8);
    }

    proptest! {
        #[test]
        fn an_axis_from_zero_holds_its_data(high in 1e-6..1e15_f64, most in 2..10_u32) {
            let axis = Axis::from_zero(high, most);
            assert_sound(&axis, 0.0, high);
            prop_assert!(axis.ticks().len() <= most as usize + 1);
            prop_assert!(is_round(axis.ticks()[1]));
            prop_assert!(axis.ends().1 <= high * 2.5 + 1e-9 || axis.ticks().len() == 2);
        }

        #[test]
        fn a_log_axis_holds_its_data(low in 1e-3..1e9_f64, times in 1.0..1e6_f64) {
            let axis = Axis::log(low, low * times);
            assert_sound(&axis, low, low * times);
            prop_assert!(axis.ticks().iter().all(|tick| is_round(*tick)));
        }

        #[test]
        fn a_time_axis_has_few_ticks_and_all_inside(low in -1e4..0.0_f64, span in 0.5..1e7_f64) {
            let axis = Axis::time(low, low + span, 6);
            prop_assert!((1..=8).contains(&axis.ticks().len()), "{:?}", axis);
            prop_assert!(axis.ticks().iter().all(|tick| *tick >= low - 1e-3 && *tick <= low + span + 1e-3));
        }
    }
}
