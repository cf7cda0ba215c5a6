//! Otherwise: the same nation in houses of other sizes, and with other neighbours.

use serde::Serialize;

use super::{
    assumptions::{Assumptions, Sizing},
    world::World,
};
use crate::meter::{self, Latency};

/// Sizes that are looked at, as parts of the one that is enough.
const PARTS: [f64; 9] = [0.65, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5, 2.0, 3.0];

/// Houses whose threads or journals are busier than this are not played: their queues grow for as long
/// as they are looked at.
const BUSY_MAX: f64 = 0.95;

/// Of the dinners that are played in the house that is enough, one in so many is played in each other.
const FEWER: u64 = 4;

/// Steps from scattered friends to friends who all live together.
const AFFINITY_STEPS: u32 = 20;

/// A house of another size.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct House {
    /// What follows by arithmetic.
    pub sizing: Sizing,
    /// Dinners per second that fill it as far as it may be filled.
    pub dinners_per_s_max: f64,
    /// From scan to decision, of dinners in one partition, in microseconds; `None`: there was none.
    pub local_us: Option<Latency>,
    /// The same, of dinners in several.
    pub cross_us: Option<Latency>,
}

/// What is enough where so many friends live together.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Neighbours {
    /// Chance that a guest or the merchant lives in the host's partition.
    pub affinity: f64,
    /// The fewest partitions that are enough, and what follows; `None`: no number is.
    pub sizing: Option<Sizing>,
}

/// The same rate in smaller and larger houses than `enough`, which is one of them. `watch` hears now and
/// then in which house it is, and how many of how many dinners have begun there.
#[must_use]
pub fn houses(
    assumed: &Assumptions,
    enough: &Sizing,
    dinners: u64,
    seed: u64,
    mut watch: impl FnMut(&Sizing, u64, u64),
) -> Vec<House> {
    let mut sizes = PARTS.map(|part| partitions(enough.partitions, part)).to_vec();
    sizes.dedup();
    let sizings = sizes.into_iter().map(|partitions| assumed.sizing(partitions));
    let bearable = |it: &Sizing| it.busy <= BUSY_MAX && it.journal_load <= BUSY_MAX;
    let dinners = dinners.div_ceil(FEWER);
    let mut house = |sizing: Sizing| {
        let warmup = dinners / 20;
        let world = World::new(*assumed, sizing.partitions, seed);
        let watch = |begun| watch(&sizing, begun, warmup + dinners);
        let seen = world.play_watched(warmup, dinners, watch);
        let times = |seen| Some(meter::latency(seen)).filter(|it| it.max > 0.0);
        let dinners_per_s_max = assumed.rate_max(&sizing);
        let (local_us, cross_us) = (times(&seen.local), times(&seen.cross));
        House { sizing, dinners_per_s_max, local_us, cross_us }
    };
    sizings.filter(bearable).map(&mut house).collect()
}

fn partitions(enough: u32, part: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small, above zero"
    )]
    let partitions = (f64::from(enough) * part).round() as u32;
    partitions.max(1)
}

/// What is enough, from scattered friends to friends who all live together.
#[must_use]
pub fn neighbours(assumed: &Assumptions) -> Vec<Neighbours> {
    let of = |step: u32| {
        let affinity = f64::from(step) / f64::from(AFFINITY_STEPS);
        Neighbours { affinity, sizing: Assumptions { affinity, ..*assumed }.size() }
    };
    (0..=AFFINITY_STEPS).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn city() -> Assumptions {
        Assumptions {
            rate: 50_000,
            diners: 8,
            affinity: 0.9,
            visit_us: 3.3,
            append_p50_us: 1_700.0,
            append_p99_us: 20_000.0,
            rtt_us: 500.0,
            busy: 0.6,
            cores: 16,
            cores_per_partition: 2.0,
            journal_ms_per_mb: 30.0,
        }
    }

    #[test]
    fn a_larger_house_takes_more_and_is_less_busy() {
        let enough = city().size().expect("enough");
        let houses = houses(&city(), &enough, 4_000, 1, |_, _, _| {});
        let sizes: Vec<u32> = houses.iter().map(|it| it.sizing.partitions).collect();
        assert!(
            sizes.is_sorted_by(|a, b| a < b) && sizes.contains(&enough.partitions),
            "{sizes:?}"
        );
        assert!(houses.windows(2).all(|pair| {
            pair[0].dinners_per_s_max < pair[1].dinners_per_s_max
                && pair[0].sizing.busy > pair[1].sizing.busy
        }));
        for house in &houses {
            let is_enough = house.sizing.partitions >= enough.partitions;
            assert_eq!(house.dinners_per_s_max >= 50_000.0, is_enough, "{house:?}");
            assert!(house.sizing.busy <= BUSY_MAX && house.local_us.is_some(), "{house:?}");
        }
    }

    #[test]
    fn parts_of_a_house_are_whole_partitions_and_one_at_least() {
        let found = [(1, 0.65), (1, 0.1), (2, 1.25), (28, 0.65), (28, 0.9), (28, 3.0)]
            .map(|(enough, part)| partitions(enough, part));
        assert_eq!(found, [1, 1, 3, 18, 25, 84]);
    }

    #[test]
    fn a_village_lives_in_one_partition_and_nothing_crosses() {
        let village = Assumptions { rate: 100, ..city() };
        let enough = village.size().expect("enough");
        let houses = houses(&village, &enough, 400, 1, |_, _, _| {});
        assert_eq!(houses.first().map(|it| it.sizing.partitions), Some(1));
        assert!(houses[0].cross_us.is_none() && houses[0].local_us.is_some());
    }

    #[test]
    fn strangers_need_the_largest_house() {
        let found = neighbours(&city());
        let needed: Vec<u32> = found.iter().filter_map(|it| Some(it.sizing?.partitions)).collect();
        assert_eq!((found.len(), needed.len()), (21, 21));
        assert!(needed.is_sorted_by(|a, b| a >= b), "{needed:?}");
        assert!((found[18].affinity - 0.9).abs() < 1e-9);
    }
}
