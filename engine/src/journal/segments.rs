//! Segments: which files the log consists of; shared by the writer and every reader.

use std::{collections::BTreeMap, io, ops::Bound, sync::Arc};

use super::{
    error::ReadError,
    frame::Seed,
    scan,
    storage::{Storage, StorageFile},
    tail::JournalId,
    watermark::Watermark,
};
use crate::{id::Position, sync::RwLock};

const EXTENSION: &str = ".journal";

/// Name of the segment that begins at `base`; names sort like bases.
pub(crate) fn name(base: u64) -> String {
    format!("{base:020}{EXTENSION}")
}

/// What a file name says: `None` for a file of somebody else, an error for a name that looks like
/// a segment and is none.
pub(crate) fn parse_name(file: &str) -> Option<Result<u64, ()>> {
    let digits = file.strip_suffix(EXTENSION)?;
    Some(digits.parse().ok().filter(|base| name(*base) == file).ok_or(()))
}

/// What the writer and the readers of one journal share.
pub(crate) struct Log {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) journal: JournalId,
    pub(crate) seed: Seed,
    pub(crate) durable: Watermark,
    segments: RwLock<Segments>,
}

struct Segments {
    /// By base; a file is opened when it is first read.
    files: BTreeMap<u64, Option<Arc<dyn StorageFile>>>,
    /// Readers find nothing before this: the files there are being removed.
    begins: u64,
}

impl Segments {
    fn oldest(&self) -> u64 {
        self.files.first_key_value().map_or(u64::MAX, |(base, _)| self.begins.max(*base))
    }
}

/// One segment, open.
#[derive(Clone)]
pub(crate) struct Segment {
    pub(crate) base: u64,
    /// Where the next segment begins; `None` for the last one.
    pub(crate) end: Option<u64>,
    pub(crate) file: Arc<dyn StorageFile>,
}

impl Log {
    pub(crate) fn new(
        storage: Arc<dyn Storage>,
        journal: JournalId,
        bases: impl IntoIterator<Item = u64>,
        durable: u64,
    ) -> Self {
        Self {
            storage,
            journal,
            seed: Seed::new(journal),
            durable: Watermark::new(durable),
            segments: RwLock::new(Segments {
                files: bases.into_iter().map(|base| (base, None)).collect(),
                begins: 0,
            }),
        }
    }

    pub(crate) fn add(&self, base: u64, file: Arc<dyn StorageFile>) {
        self.segments.write().files.insert(base, Some(file));
    }

    /// Where the log begins for readers.
    pub(crate) fn oldest(&self) -> u64 {
        self.segments.read().oldest()
    }

    /// The oldest segment, and where the next one begins, if that is at or before `position`; the last
    /// segment never does.
    pub(crate) fn oldest_ends_before(&self, position: u64) -> Option<(u64, u64)> {
        let segments = self.segments.read();
        let mut bases = segments.files.keys();
        let (oldest, next) = (*bases.next()?, *bases.next()?);
        (next <= position).then_some((oldest, next))
    }

    /// Lets readers find nothing before `position` any more; who opens a file there has done so.
    pub(crate) fn begin_at(&self, position: u64) {
        self.segments.write().begins = position;
    }

    /// Forgets the segment at `base`, whose file is gone.
    pub(crate) fn forget(&self, base: u64) {
        self.segments.write().files.remove(&base);
    }

    /// The segment in which the byte at `position` lies.
    pub(crate) fn segment(&self, position: u64) -> Result<Segment, ReadError> {
        {
            let segments = self.segments.read();
            let (base, file, end) = Self::find(&segments, position)?;
            if let Some(file) = file {
                return Ok(Segment { base, end, file: Arc::clone(file) });
            }
        }
        let mut segments = self.segments.write();
        let (base, file, end) = Self::find(&segments, position)?;
        let file = match file {
            Some(file) => Arc::clone(file),
            None => self.open(base)?,
        };
        segments.files.insert(base, Some(Arc::clone(&file)));
        Ok(Segment { base, end, file })
    }

    #[allow(clippy::type_complexity, reason = "used twice, four lines apart")]
    fn find(
        segments: &Segments,
        position: u64,
    ) -> Result<(u64, Option<&Arc<dyn StorageFile>>, Option<u64>), ReadError> {
        let oldest = segments.oldest();
        let mut until = segments.files.range(..=position);
        let Some((base, file)) = until.next_back().filter(|_| position >= oldest) else {
            return Err(ReadError::Truncated {
                position: Position(position),
                oldest: Position(oldest),
            });
        };
        let behind = (Bound::Excluded(*base), Bound::Unbounded);
        let end = segments.files.range(behind).next().map(|(base, _)| *base);
        Ok((*base, file.as_ref(), end))
    }

    fn open(&self, base: u64) -> Result<Arc<dyn StorageFile>, ReadError> {
        let name = name(base);
        let failed = |source: io::Error| ReadError::Io { segment: name.clone(), source };
        let file = self.storage.open(&name).map_err(failed)?;
        scan::read_segment_header(&*file, &name, base, Some(self.journal)).map_err(failed)??;
        Ok(file)
    }
}
