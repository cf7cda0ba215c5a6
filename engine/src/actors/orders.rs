//! A merchant's orders in memory: those in flight, those that ended lately, and a filter that tells
//! for almost every new number, without a look at the books, that it is new.
//!
//! Orders leave memory once the books have them. What the filter takes for known although it is
//! not costs one look at the books.

use std::{collections::HashMap, mem, sync::Arc};

use fastbloom::BloomFilter;

use super::{archive::OrderRecords, group::GroupActor, seat::Seat, waiting::Waiting};
use crate::{
    broken::{Bug, has},
    domain::text::OrderNo,
    hash::WordState,
    id::Position,
    money::Amount,
};

/// Bits of a filter for each number that it takes, and how many of them a number sets. Of new orders one
/// in ten thousand then costs a look at the books: (1 - e^(-13/20))^13 is 0.7 in ten thousand.
/// Source: Burton H. Bloom, "Space/time trade-offs in hash coding with allowable errors", CACM 13 (1970).
const FILTER_BITS: usize = 20;
const FILTER_HASHES: u32 = 13;

/// Order numbers that the first filter takes; each further one takes four times as many.
const FIRST_FILTER: usize = 256;

/// Ended orders in memory before the first tidying. A thousand merchants with a thousand orders each
/// would be a hundred megabytes that no cache holds.
const ENDED_MIN: usize = 64;

/// An order that has ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    /// The bill's content digest.
    pub(crate) content: u64,
    /// Whether it was paid.
    pub(crate) paid: bool,
    /// Its records: settlement and refunds, or decline.
    pub(crate) positions: OrderRecords,
}

/// An order between scan and end.
pub(crate) struct InFlight {
    pub(crate) content: u64,
    pub(crate) total: Amount,
    /// Who pays.
    pub(crate) group: Arc<Seat<GroupActor>>,
    /// How the try before this one ended, if there was one.
    pub(crate) before: Option<Ended>,
    pub(crate) waiting: Waiting,
}

/// What memory knows of one order number.
pub(crate) enum Known {
    /// It is being paid. Boxed: of all orders in memory few are.
    InFlight(Box<InFlight>),
    /// It has ended.
    Ended(Ended),
}

/// All that memory knows of one merchant's orders.
pub(crate) struct Orders {
    known: HashMap<OrderNo, Known, WordState>,
    /// Numbers that are being looked up in the books, and how often at once.
    looks: HashMap<OrderNo, usize>,
    filters: Vec<(BloomFilter<WordState>, usize)>,
    tidy_at: usize,
}

impl Default for Orders {
    fn default() -> Self {
        Self {
            known: HashMap::default(),
            looks: HashMap::new(),
            filters: Vec::new(),
            tidy_at: ENDED_MIN,
        }
    }
}

impl Orders {
    /// Takes note that the books know `order_no`.
    pub(crate) fn note(&mut self, order_no: &str) {
        let full = self.filters.last().is_none_or(|(_, room)| *room == 0);
        if full {
            let items = FIRST_FILTER << (2 * self.filters.len()).min(24);
            let filter = BloomFilter::with_num_bits(items * FILTER_BITS)
                .hasher(WordState::default())
                .hashes(FILTER_HASHES);
            self.filters.push((filter, items));
        }
        if let Some((filter, room)) = self.filters.last_mut() {
            filter.insert(order_no);
            *room -= 1;
        }
    }

    /// Whether the books may know `order_no` although memory does not.
    pub(crate) fn may_be_booked(&self, order_no: &OrderNo) -> bool {
        self.filters.iter().any(|(filter, _)| filter.contains(order_no.as_str()))
    }

    pub(crate) fn get_mut(&mut self, order_no: &OrderNo) -> Option<&mut Known> {
        self.known.get_mut(order_no)
    }

    pub(crate) fn get(&self, order_no: &OrderNo) -> Option<&Known> {
        self.known.get(order_no)
    }

    /// A look at the books begins. What ends under this number from here on stays in memory until the
    /// look has ended: its answer may be older than that (G-1).
    pub(crate) fn begin_look(&mut self, order_no: OrderNo) {
        *self.looks.entry(order_no).or_default() += 1;
    }

    /// Whether a look at the books is under way.
    pub(crate) fn is_looked_up(&self, order_no: &OrderNo) -> bool {
        self.looks.contains_key(order_no)
    }

    /// A look at the books has ended.
    pub(crate) fn end_look(&mut self, order_no: &OrderNo) {
        let Some(looks) = self.looks.get_mut(order_no) else { return };
        *looks -= 1;
        if *looks == 0 {
            self.looks.remove(order_no);
        }
    }

    /// Begins an order.
    pub(crate) fn begin(&mut self, order_no: OrderNo, order: InFlight) {
        self.known.insert(order_no, Known::InFlight(Box::new(order)));
    }

    /// Takes an order back that came to nothing, and those who wait for it. It then is as it was
    /// before this try.
    pub(crate) fn abandon(&mut self, order_no: &OrderNo) -> Option<InFlight> {
        match self.known.remove(order_no)? {
            Known::InFlight(mut order) => {
                if let Some(before) = order.before.take() {
                    self.known.insert(order_no.clone(), Known::Ended(before));
                }
                Some(*order)
            }
            ended @ Known::Ended(_) => {
                self.known.insert(order_no.clone(), ended);
                None
            }
        }
    }

    /// Ends an order; returns those who wait for it.
    pub(crate) fn end(&mut self, order_no: &OrderNo, ended: Ended) -> Option<Waiting> {
        // In its place: a map that is full grows for an insertion, also of what it has.
        let known = match self.known.get_mut(order_no) {
            Some(known) => Some(mem::replace(known, Known::Ended(ended))),
            None => self.known.insert(order_no.clone(), Known::Ended(ended)),
        };
        if has(Bug::ForgetOrders) {
            self.known.remove(order_no);
        } else if !matches!(known, Some(Known::Ended(_))) && !self.may_be_booked(order_no) {
            self.note(order_no.as_str());
        }
        match known {
            Some(Known::InFlight(order)) => Some(order.waiting),
            Some(Known::Ended(_)) | None => None,
        }
    }

    /// Forgets ended orders whose records all lie before `projected`, now and then; not those that
    /// are `busy`: their refund on its way will add a record to them; nor those being looked up.
    pub(crate) fn tidy(&mut self, projected: Position, busy: impl Fn(&OrderNo) -> bool) {
        if self.known.len() < self.tidy_at {
            return;
        }
        let looks = &self.looks;
        self.known.retain(|order_no, known| match known {
            Known::InFlight(_) => true,
            Known::Ended(ended) => {
                ended.positions.iter().any(|position| *position >= projected)
                    || busy(order_no)
                    || looks.contains_key(order_no)
            }
        });
        self.tidy_at = (self.known.len() * 2).max(ENDED_MIN);
    }

    /// Everybody who waits goes home, and nobody comes to wait for the same any more.
    pub(crate) fn disperse(&mut self) {
        let in_flight = |(_, known): &(&OrderNo, &Known)| matches!(known, Known::InFlight(_));
        let waiting = self.known.iter().filter(in_flight).map(|(order_no, _)| order_no.clone());
        let mut waiting: Vec<OrderNo> = waiting.collect();
        // Who waits is told in an order that a simulation finds again.
        waiting.sort_unstable();
        waiting.iter().for_each(|order_no| drop(self.known.remove(order_no)));
    }

    /// Whether no order is in flight.
    pub(crate) fn is_idle(&self) -> bool {
        !self.known.values().any(|known| matches!(known, Known::InFlight(_)))
    }
}
