//! Reading a data folder: what recovery would cut or mend is believed, and nothing is changed.

use std::{fs, path::Path, sync::Arc};

use fanju::{
    id::Position,
    journal::{
        BATCH_HEADER_BYTES, DirectoryStorage, Epoch, Journal, LocalJournal, Options,
        RECORD_HEADER_BYTES, Reader, SECTOR_BYTES,
    },
};
use fanju_sim::reading;

/// A data folder whose journal has two batches; the last sector of the second one holds a single bit.
fn ends_in_one_bit(data: &Path) -> Vec<Vec<u8>> {
    let storage = DirectoryStorage::open(data.join("journal")).expect("a folder");
    let journal = LocalJournal::open(Arc::new(storage), Options::default(), None);
    let (mut journal, _) = journal.expect("a new journal");
    let mut written = vec![vec![7; 50]];
    append(&mut journal, &written[0]);
    let end = usize::try_from(journal.tail().position.0).expect("small");
    let headers = BATCH_HEADER_BYTES + RECORD_HEADER_BYTES;
    let mut last = vec![5; 2 * SECTOR_BYTES - (end + headers) % SECTOR_BYTES + 1];
    *last.last_mut().expect("many") = 0x10;
    append(&mut journal, &last);
    written.push(last);
    written
}

fn append(journal: &mut LocalJournal, payload: &[u8]) {
    let mut batch = journal.buffer();
    journal.begin(&mut batch);
    batch.push(|_, out| out.extend_from_slice(payload)).expect("a small payload");
    journal.append(journal.tail(), Epoch(1), &mut batch).expect("appended");
}

fn records(reader: &Reader) -> Vec<Vec<u8>> {
    let mut batches = reader.batches(Position::NONE);
    let mut records = Vec::new();
    while let Some(batch) = batches.next_batch().expect("a sound journal") {
        records.extend(batch.records().map(|(_, payload)| payload.to_vec()));
    }
    records
}

#[test]
fn what_recovery_would_cut_or_mend_is_read_so_and_the_file_stays_as_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let written = ends_in_one_bit(folder.path());
    let names = fs::read_dir(folder.path().join("journal")).expect("a journal");
    let mut paths = names.map(|entry| entry.expect("an entry").path());
    let segment = paths.find(|path| fs::metadata(path).is_ok_and(|it| it.len() > 0));
    let segment = segment.expect("a segment");
    let whole = fs::read(&segment).expect("reads");

    let mut lacks_a_bit = whole.clone();
    *lacks_a_bit.last_mut().expect("many") = 0;
    let is_torn = whole[..whole.len() - 30].to_vec();
    for (found, records_read, cut, mended) in [
        (whole.clone(), &written[..], false, false),
        (lacks_a_bit, &written[..], false, true),
        (is_torn, &written[..1], true, false),
    ] {
        fs::write(&segment, &found).expect("writes");
        let (reader, report) = reading::open(folder.path()).expect("can be read");
        assert_eq!(records(&reader), records_read);
        assert_eq!((report.dropped_bytes > 0, report.mended), (cut, mended));
        assert_eq!(fs::read(&segment).expect("reads"), found, "nothing is changed");
    }
}
