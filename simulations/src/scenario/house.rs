//! House: where an evening takes place. An engine in this process, or a server over the network.

use std::{
    borrow::Cow,
    time::{Duration, Instant},
};

use super::script::Outing;

/// A house's word for why something was refused or failed.
pub type Word = Cow<'static, str>;

/// From minutes of the evening to moments of this machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// When the evening begins.
    pub began: Instant,
    /// How many times faster than life it passes.
    pub speed: f64,
}

impl Pace {
    /// When it is `at_ms` milliseconds of the evening.
    #[must_use]
    pub fn at(&self, at_ms: u64) -> Instant {
        self.began + self.span(at_ms)
    }

    /// How long `span_ms` milliseconds of the evening take.
    #[must_use]
    pub fn span(&self, span_ms: u64) -> Duration {
        Duration::from_millis(span_ms).div_f64(self.speed)
    }

    /// The same pace for who comes `late`.
    #[must_use]
    pub fn later(self, late: Duration) -> Self {
        Self { began: self.began + late, ..self }
    }
}

/// How an order ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ended {
    /// Paid.
    Settled {
        /// How much, in minor units.
        total_minor: u64,
        /// How many wallets were debited, if the house tells.
        debits: Option<usize>,
        /// The record.
        position: u64,
    },
    /// Nobody paid; the reason's word.
    Declined(Word),
}

/// What a diner said to a question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Said {
    /// Yes.
    Yes,
    /// No.
    No,
    /// No, where a yes would have taken a finger or a face, which made-up people have not.
    Faceless,
}

/// How far the bill has come that is being paid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Heard<Q> {
    /// Whether every part was set aside.
    pub all_reserved: bool,
    /// Seats that the bill waits for, whether their diners have heard it or not.
    pub waits_for: Vec<usize>,
    /// Who hears a question, by seat.
    pub questions: Vec<(usize, Q)>,
}

/// Where an evening takes place. Every method asks on behalf of somebody at the table of an outing.
pub trait House {
    /// A group that was opened.
    type Table;
    /// What hears of the group.
    type Ear;
    /// The places that its people have taken.
    type Places;
    /// A code that is shown.
    type Code: Clone;
    /// A question that a diner is asked.
    type Question: Clone + PartialEq;

    /// Waits until `moment`.
    fn until(&self, moment: Instant) -> impl Future<Output = ()>;
    /// Waits until everybody at the table has left the table before; gives how late that makes it,
    /// which is nothing where nobody sat elsewhere.
    fn gather(&self, outing: &Outing) -> impl Future<Output = (Self::Places, Duration)>;
    /// The host opens the group, and somebody begins to listen to it.
    fn open(
        &self,
        outing: &Outing,
        places: Self::Places,
    ) -> impl Future<Output = Result<(Self::Table, Self::Ear), Word>>;
    /// The diner at `seat` joins.
    fn join(
        &self,
        outing: &Outing,
        table: &Self::Table,
        seat: usize,
    ) -> impl Future<Output = Result<(), Word>>;
    /// The host says how the bill of `stop` is divided.
    fn divide(
        &self,
        outing: &Outing,
        table: &Self::Table,
        stop: usize,
    ) -> impl Future<Output = Result<(), Word>>;
    /// The diner at `seat` shows the code.
    fn show(
        &self,
        outing: &Outing,
        table: &Self::Table,
        seat: usize,
    ) -> impl Future<Output = Result<Self::Code, Word>>;
    /// The till presents the bill of `stop`.
    fn present(
        &self,
        outing: &Outing,
        stop: usize,
        code: Self::Code,
    ) -> impl Future<Output = Result<Ended, Word>>;
    /// The next news of the bill of `stop`; may be dropped and asked again.
    fn hear(
        &self,
        outing: &Outing,
        stop: usize,
        ear: &mut Self::Ear,
    ) -> impl Future<Output = Heard<Self::Question>>;
    /// The diner at `seat` answers; gives what was said.
    fn answer(
        &self,
        outing: &Outing,
        table: &Self::Table,
        seat: usize,
        question: Self::Question,
        yes: bool,
    ) -> impl Future<Output = Result<Said, Word>>;
    /// The merchant gives back `part_minor`, or all; says how much it was.
    fn refund(
        &self,
        outing: &Outing,
        stop: usize,
        part_minor: Option<u64>,
    ) -> impl Future<Output = Result<u64, Word>>;
    /// The phone at `seat` loses its connection at `moment`, for so long; says whether it has one.
    fn cut(&self, outing: &Outing, seat: usize, moment: Instant, away: Duration) -> bool;
    /// The table gets up: nobody listens to its group any more.
    fn leave(&self, outing: &Outing, ear: Self::Ear) -> impl Future<Output = ()>;
}
