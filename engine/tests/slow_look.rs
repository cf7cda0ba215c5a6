//! A look at the books may take longer than everything else: what it says is then old, and an order
//! number still settles at most once (G-1).
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

mod support;

use std::{
    io,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use fanju::{
    Config, Presented,
    domain::event::Rules,
    journal::{FileEntry, MemoryStorage, Storage, StorageFile},
    money::Currency,
};
use support::{Table, begin, consent, over, within};

/// Orders after which a merchant has tidied its memory.
const OTHERS: usize = 130;

#[derive(PartialEq)]
enum Hand {
    Open,
    /// The next read of the archive will be held.
    Reaching,
    Holding,
}

/// Memory whose next read by the archive is held until it is let go.
#[derive(Clone)]
struct Slow {
    memory: MemoryStorage,
    hand: Arc<(Mutex<Hand>, Condvar)>,
}

struct SlowFile {
    file: Arc<dyn StorageFile>,
    hand: Arc<(Mutex<Hand>, Condvar)>,
}

impl Slow {
    fn set(&self, hand: Hand) {
        *self.hand.0.lock().unwrap() = hand;
        self.hand.1.notify_all();
    }

    /// Waits until a read is held.
    async fn held(&self) {
        let hand = Arc::clone(&self.hand);
        let held = tokio::task::spawn_blocking(move || {
            let state = hand.0.lock().unwrap();
            drop(hand.1.wait_while(state, |state| *state != Hand::Holding).unwrap());
        });
        within(held).await.unwrap();
    }

    fn file(&self, file: Arc<dyn StorageFile>) -> Arc<dyn StorageFile> {
        Arc::new(SlowFile { file, hand: Arc::clone(&self.hand) })
    }
}

impl Storage for Slow {
    fn list(&self) -> io::Result<Vec<FileEntry>> {
        self.memory.list()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Ok(self.file(self.memory.create(name)?))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Ok(self.file(self.memory.open(name)?))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.memory.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.memory.sync_dir()
    }
}

impl StorageFile for SlowFile {
    fn bytes(&self) -> io::Result<u64> {
        self.file.bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if std::thread::current().name() == Some("fanju-archive") {
            let mut state = self.hand.0.lock().unwrap();
            if *state == Hand::Reaching {
                *state = Hand::Holding;
                self.hand.1.notify_all();
                drop(self.hand.1.wait_while(state, |state| *state == Hand::Holding).unwrap());
            }
        }
        self.file.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.file.truncate(bytes)
    }
}

/// So many other orders, each in the books before the next.
async fn others(table: &Table, from: usize) {
    for number in from..from + OTHERS {
        table.settle(&format!("B-{number}"), 10).await;
        assert!(within(table.engine.books_caught_up(Duration::from_secs(20))).await.unwrap());
    }
}

#[tokio::test]
async fn an_order_settles_once_though_a_look_at_the_books_is_old_when_it_answers() {
    let hand = Arc::new((Mutex::new(Hand::Open), Condvar::new()));
    let slow = Slow { memory: MemoryStorage::new(), hand };
    let config = Config { books_interval: Duration::from_millis(1), ..over(slow.clone()) };
    let table = Table::laid(config, &[100_000; 2], 100_000, Rules::default()).await;
    let engine = &table.engine;
    let (name, host) = ("another".try_into().unwrap(), table.diners[0]);
    let another = engine.open_group(name, host, consent(100_000), Currency::CNY, Rules::default());
    let another = within(another).await.unwrap();

    // Declined, booked, and gone from memory.
    within(engine.freeze(table.diners[1])).await.unwrap();
    assert!(matches!(table.pay("A-1", 300).await.unwrap(), Presented::Declined { .. }));
    within(engine.thaw(table.diners[1])).await.unwrap();
    others(&table, 0).await;

    // Presented again; the look at the books takes its time.
    let code = within(engine.show_code(another, host)).await.unwrap().code;
    slow.set(Hand::Reaching);
    let first = {
        let (engine, bill) = (engine.clone(), table.bill("A-1", 300));
        begin(async move { engine.present(bill, code).await }).await
    };
    slow.held().await;

    // The till tries again, and is paid; then there are many others.
    let paid = table.settle("A-1", 300).await;
    others(&table, OTHERS).await;
    let takings = table.takings().await;

    slow.set(Hand::Open);
    let Presented::Settled(again) = within(first).await.unwrap() else { panic!("it was paid") };
    assert_eq!(again.position(), paid.position(), "G-1");
    assert!(again.is_replayed());
    assert_eq!(table.takings().await, takings, "nobody pays twice");
}
