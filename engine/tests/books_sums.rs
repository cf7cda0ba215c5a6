//! Sums of a merchant's orders: between any moments at quarters of an hour, to the last cent.

#[path = "books/author.rs"]
mod author;
#[path = "books/world.rs"]
mod world;

use fanju::{
    books::{Books, BooksReader, Intervals, IntervalsError, Options},
    domain::event::Event,
    id::{GroupId, MerchantId, WalletId},
    time::{QUARTER_MICROS, Timestamp},
};
use proptest::{collection::vec, prelude::*};

use crate::{
    author::{Author, BEGIN, dinner, group_opened, merchant_onboarded, top_up, wallet_opened},
    world::World,
};

fn reader(author: &Author) -> BooksReader {
    let journal = author.reader();
    let mut books = Books::open(None, journal.journal_id(), Options::default()).expect("open");
    books.catch_up(&journal).expect("the journal is good");
    books.reader()
}

/// The moment that many quarters of an hour after the beginning.
fn at(quarter: i64) -> Timestamp {
    Timestamp(BEGIN.0 + quarter * QUARTER_MICROS)
}

fn just_before(moment: Timestamp) -> Timestamp {
    Timestamp(moment.0 - 1)
}

/// Holds a shop that takes one cent at the first of `moments`, two at the second and so on to have
/// `expected` cents from each of `bounds` to the next.
#[track_caller]
fn check(moments: &[Timestamp], bounds: &[Timestamp], expected: &[(u64, i64)]) {
    let mut author = Author::new();
    let (wallet, shop, group) =
        (WalletId(author.id()), MerchantId(author.id()), GroupId(author.id()));
    author.write(wallet_opened(wallet.0));
    author.write(merchant_onboarded(shop.0));
    author.write(group_opened(group.0, wallet));
    let purse = top_up(wallet, author.id(), 1_000);
    author.write(Event::RailRequested(purse));
    author.write(Event::RailConfirmed(purse));
    let mut now = BEGIN;
    for (moment, minor) in moments.iter().zip(1..) {
        author.wait(moment.0 - now.0);
        now = *moment;
        author.write(Event::Settled(dinner(shop, &minor.to_string(), group, [(wallet, minor)])));
    }
    author.commit();
    let intervals = Intervals::between(bounds.to_vec()).expect("bounds at quarters, in order");
    let sums = reader(&author).merchant_sums(shop, &intervals).expect("the books are read");
    let sums: Vec<_> = sums.iter().map(|sums| (sums.settled_count, sums.settled.minor())).collect();
    assert_eq!(sums, expected);
}

#[test]
fn an_interval_has_its_beginning_and_not_its_end() {
    let [first, second, third] = [10, 11, 20].map(at);
    let moments =
        [just_before(first), first, just_before(second), second, just_before(third), third];
    check(&moments, &[first, second, third], &[(2, 5), (2, 9)]);
    check(&moments, &[first, first, second], &[(0, 0), (2, 5)]);
    check(&moments, &[first], &[]);
    check(&moments, &[], &[]);
}

/// All of it before one write, as when books are made anew after a clock was set back.
#[test]
fn a_quarter_that_comes_again_is_added_to_itself() {
    let moments = [at(4), at(5), at(4), at(5), at(4)];
    check(&moments, &[at(4), at(5), at(6)], &[(3, 9), (2, 6)]);
}

#[test]
fn moments_between_quarters_and_out_of_order_bound_nothing() {
    let refused = |bounds: &[Timestamp]| Intervals::between(bounds.to_vec()).unwrap_err();
    let odd = just_before(at(8));
    assert_eq!(refused(&[at(7), odd]), IntervalsError::NotAtQuarter(odd));
    assert_eq!(refused(&[Timestamp(-1)]), IntervalsError::NotAtQuarter(Timestamp(-1)));
    let backwards = IntervalsError::NotInOrder { earlier: at(8), next: at(7) };
    assert_eq!(refused(&[at(7), at(8), at(7)]), backwards);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Whatever the time zone and however long its days, the books add up what the world remembers
    /// order by order.
    #[test]
    fn sums_are_those_of_the_orders(
        seed in any::<u64>(),
        offset in -48..=56_i64,
        lengths in vec(0..200_i64, 0..40),
    ) {
        let mut world = World::new(seed);
        world.live(200);
        let (mut bound, mut bounds) = (offset, vec![at(offset)]);
        for length in lengths {
            bound += length;
            bounds.push(at(bound));
        }
        let reader = reader(&world.author);
        world.check(&reader);
        for merchant in world.merchants.keys() {
            world.check_sums(&reader, *merchant, &bounds);
        }
    }
}
