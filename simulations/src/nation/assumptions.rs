//! Assumptions: what a dinner costs and where its diners live; and what follows by arithmetic alone.
//!
//! Every account is homed in one partition: one journal, one thread of actors. A dinner's host is its
//! coordinator's. A guest or a merchant who lives elsewhere makes another partition a participant, which
//! first holds its part durably and later applies it; the coordinator's record is the decision.

use serde::Serialize;

/// What the model assumes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Assumptions {
    /// Dinners per second.
    pub rate: u64,
    /// Diners of each.
    pub diners: u32,
    /// Chance that a guest or the merchant lives in the host's partition by affinity.
    pub affinity: f64,
    /// What visiting one actor costs a partition's thread.
    pub visit_us: f64,
    /// Median of one append.
    pub append_p50_us: f64,
    /// Its slowest hundredth.
    pub append_p99_us: f64,
    /// Round trip between two machines.
    pub rtt_us: f64,
    /// How busy a partition's thread may be.
    pub busy: f64,
    /// Cores of a machine.
    pub cores: u32,
    /// Cores of a partition.
    pub cores_per_partition: f64,
    /// Processor time that a million bytes of journal cost in all copies together.
    pub journal_ms_per_mb: f64,
}

/// The most partitions that are looked at.
const PARTITIONS_MAX: u32 = 16_384;

/// The most records of one batch.
pub const BATCH_RECORDS_MAX: u32 = 1_024;

/// A record's head, links and checksum, and each leg's part of it: 260 bytes with eight.
const RECORD_BYTES: f64 = 68.0;
const LEG_BYTES: f64 = 24.0;

/// Copies of the journal, and round trips of one append: to the leader, and from it to the others.
pub const REPLICAS: u32 = 3;
const APPEND_ROUND_TRIPS: f64 = 2.0;

/// The 99 % quantile of the normal distribution.
const Z99: f64 = 2.326_347_9;

/// What follows for a number of partitions.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sizing {
    /// Partitions.
    pub partitions: u32,
    /// Machines that have room for them.
    pub machines: u32,
    /// Share of dinners that need a second partition.
    pub cross_share: f64,
    /// Participants of a dinner beside its coordinator, in the mean.
    pub participants: f64,
    /// How busy each partition's thread is.
    pub busy: f64,
    /// Records of a dinner in all journals together.
    pub records: f64,
    /// How full each journal is: records that come, of those that could be appended.
    pub journal_load: f64,
    /// Bytes of a dinner in one copy of all journals.
    pub journal_bytes: f64,
    /// Cores that all copies of all journals keep busy.
    pub journal_cores: f64,
    /// Bytes of a dinner between machines: all copies, and messages of participants.
    pub network_bytes: f64,
}

impl Assumptions {
    /// Actors that a dinner of eight visits: wallets, group and merchant.
    pub const VISITS_OF_EIGHT: f64 = 10.0;

    /// Guests and the merchant: those who may live elsewhere.
    #[must_use]
    pub fn others(&self) -> u32 {
        self.diners
    }

    /// Chance that one of them lives in one certain partition that is not the host's.
    fn in_one_elsewhere(&self, partitions: u32) -> f64 {
        (1.0 - self.affinity) / f64::from(partitions)
    }

    /// Share of dinners that need a second partition.
    #[must_use]
    pub fn cross_share(&self, partitions: u32) -> f64 {
        let elsewhere = self.in_one_elsewhere(partitions) * f64::from(partitions - 1);
        1.0 - (1.0 - elsewhere).powf(f64::from(self.others()))
    }

    /// Participants beside the coordinator, in the mean.
    #[must_use]
    pub fn participants(&self, partitions: u32) -> f64 {
        let misses = (1.0 - self.in_one_elsewhere(partitions)).powf(f64::from(self.others()));
        f64::from(partitions - 1) * (1.0 - misses)
    }

    /// The deviation of an append's logarithm.
    #[must_use]
    pub fn append_sigma(&self) -> f64 {
        (self.append_p99_us / self.append_p50_us).ln() / Z99
    }

    /// What every append takes beside its own time.
    #[must_use]
    pub fn append_way_us(&self) -> f64 {
        APPEND_ROUND_TRIPS * self.rtt_us
    }

    /// An append in the mean.
    #[must_use]
    pub fn append_mean_us(&self) -> f64 {
        self.append_p50_us * (self.append_sigma().powi(2) / 2.0).exp() + self.append_way_us()
    }

    /// Bytes of a record of so many legs.
    fn record_bytes(legs: f64) -> f64 {
        RECORD_BYTES + LEG_BYTES * legs
    }

    /// What follows for `partitions`.
    #[must_use]
    pub fn sizing(&self, partitions: u32) -> Sizing {
        let (elsewhere, participants) =
            (self.legs_elsewhere(partitions), self.participants(partitions));
        // Wallets, group and merchant, once; what lives elsewhere twice, since it is held and then
        // applied; and each participant's four messages: hold, vote, apply, done.
        let visits = f64::from(self.diners) + 2.0 + elsewhere + 4.0 * participants;
        let per_partition = self.dinners_per_second() / f64::from(partitions);
        let records = 1.0 + 2.0 * participants;
        let appends_per_s = 1e6 / self.append_mean_us();
        let journal_bytes = Self::record_bytes(f64::from(self.diners))
            + 2.0 * participants * RECORD_BYTES
            + elsewhere * LEG_BYTES;
        let messages = 4.0 * participants * RECORD_BYTES + elsewhere * LEG_BYTES;
        let room = f64::from(self.cores) / self.cores_per_partition;
        Sizing {
            partitions,
            machines: whole(f64::from(partitions) / room.floor()),
            cross_share: self.cross_share(partitions),
            participants,
            busy: per_partition * visits * self.visit_us / 1e6,
            records,
            journal_load: per_partition * records / (appends_per_s * f64::from(BATCH_RECORDS_MAX)),
            journal_bytes,
            journal_cores: journal_bytes * self.dinners_per_second() / 1e6 * self.journal_ms_per_mb
                / 1e3,
            network_bytes: journal_bytes * f64::from(REPLICAS) + messages,
        }
    }

    /// Guests and merchants who live in another partition, in the mean.
    fn legs_elsewhere(&self, partitions: u32) -> f64 {
        let each = self.in_one_elsewhere(partitions) * f64::from(partitions - 1);
        each * f64::from(self.others())
    }

    #[expect(clippy::cast_precision_loss, reason = "rates are far below 2^53")]
    fn dinners_per_second(&self) -> f64 {
        self.rate as f64
    }

    /// Dinners per second that make threads or journals of such a house as busy as they may be.
    #[must_use]
    pub fn rate_max(&self, sizing: &Sizing) -> f64 {
        let room = self.busy / sizing.busy.max(sizing.journal_load);
        self.dinners_per_second() * room
    }

    /// The fewest partitions that are enough; `None`: no number is.
    #[must_use]
    pub fn size(&self) -> Option<Sizing> {
        let enough = |sizing: &Sizing| sizing.busy <= self.busy && sizing.journal_load <= self.busy;
        (1..=PARTITIONS_MAX).map(|partitions| self.sizing(partitions)).find(enough)
    }
}

fn whole(machines: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small, above zero"
    )]
    let machines = machines.ceil() as u32;
    machines.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assumptions(affinity: f64) -> Assumptions {
        Assumptions {
            rate: 500_000,
            diners: 8,
            affinity,
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
    fn one_partition_knows_no_other() {
        let sizing = assumptions(0.3).sizing(1);
        assert!(sizing.cross_share.abs() < 1e-12 && sizing.participants.abs() < 1e-12);
        assert!((sizing.records - 1.0).abs() < 1e-12);
        assert!((sizing.journal_bytes - 260.0).abs() < 1e-9, "{}", sizing.journal_bytes);
    }

    #[test]
    fn friends_who_live_together_need_as_many_partitions_as_their_work() {
        let sizing = assumptions(1.0).size().expect("enough");
        // 500,000 dinners of 33 µs are 16.5 seconds of work a second.
        assert_eq!(sizing.partitions, 28);
        assert_eq!(sizing.machines, 4);
        // 130 MB/s of 30 ms each.
        assert!((sizing.journal_cores - 3.9).abs() < 1e-9);
        assert!(sizing.busy <= 0.6 && sizing.busy > 0.57);
    }

    #[test]
    fn one_partition_fewer_is_not_enough() {
        for affinity in [0.0, 0.5, 0.9, 1.0] {
            let assumed = assumptions(affinity);
            let enough = assumed.size().expect("enough");
            let fewer = assumed.sizing(enough.partitions - 1);
            assert!(enough.busy.max(enough.journal_load) <= assumed.busy, "{affinity}");
            assert!(fewer.busy.max(fewer.journal_load) > assumed.busy, "{affinity}");
        }
    }

    #[test]
    fn a_machine_that_is_begun_counts_and_a_partition_is_on_one_machine() {
        for (cores_per_partition, partitions, machines) in [
            (2.0, 1, 1),
            (2.0, 8, 1),
            (2.0, 9, 2),
            (2.0, 16, 2),
            (2.0, 17, 3),
            // Five of three cores, and one core is left.
            (3.0, 5, 1),
            (3.0, 16, 4),
            (16.0, 3, 3),
            (0.5, 33, 2),
        ] {
            let assumed = Assumptions { cores_per_partition, ..assumptions(0.9) };
            let found = assumed.sizing(partitions).machines;
            assert_eq!(found, machines, "{partitions} of {cores_per_partition} cores");
        }
    }

    #[test]
    fn strangers_cost_more_than_friends() {
        let partitions = |affinity| assumptions(affinity).size().expect("enough").partitions;
        assert!(partitions(1.0) < partitions(0.9) && partitions(0.9) < partitions(0.0));
        let scattered = assumptions(0.0).size().expect("enough");
        assert!(scattered.cross_share > 0.999 && scattered.participants > 7.0);
    }

    #[test]
    fn an_append_has_the_quantiles_that_were_asked_for() {
        let assumed = assumptions(1.0);
        let p99 = assumed.append_p50_us * (assumed.append_sigma() * Z99).exp();
        assert!((p99 - 20_000.0).abs() < 1e-6);
        let house = Assumptions { append_p99_us: 1_700.0, rtt_us: 0.0, ..assumed };
        assert!((house.append_mean_us() - 1_700.0).abs() < 1e-9);
    }
}
