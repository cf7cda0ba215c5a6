//! Acknowledgements: a side file of every settlement that the engine has told, for audits after a
//! `kill -9`. One line each: merchant, order number, position, separated by tabs.
//!
//! A line reaches the operating system before its settlement is counted, so a killed process has
//! counted nothing that the file does not have. It is not synced: only the process dies.

use std::{
    fmt::Write as _,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

use fanju::{
    domain::text::OrderNo,
    id::{MerchantId, Position},
};

/// One settlement that was acknowledged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ack {
    /// Who was paid.
    pub merchant: MerchantId,
    /// Under which number.
    pub order_no: OrderNo,
    /// Its record.
    pub position: Position,
}

/// The side file while it is being written.
#[derive(Debug)]
pub struct AckFile {
    file: File,
    lines: String,
}

impl AckFile {
    /// Creates the file, or goes on behind what it holds.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file, lines: String::new() })
    }

    /// Takes an acknowledgement; it is in the file after the next [`AckFile::flush`].
    pub fn push(&mut self, ack: &Ack) {
        let Ack { merchant, order_no, position } = ack;
        writeln!(self.lines, "{merchant}\t{order_no}\t{position}").expect("strings take all");
    }

    /// Hands everything to the operating system.
    ///
    /// # Errors
    /// What the system says.
    pub fn flush(&mut self) -> io::Result<()> {
        if !self.lines.is_empty() {
            self.file.write_all(self.lines.as_bytes())?;
            self.lines.clear();
        }
        Ok(())
    }
}

/// Reads a side file. A last line without its end was never counted and is left out.
///
/// # Errors
/// What the system says, or `InvalidData` with the line's number.
pub fn read(path: &Path) -> io::Result<Vec<Ack>> {
    let text = fs::read_to_string(path)?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let invalid = |line: usize| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("line {line} of {} is no acknowledgement", path.display()),
        )
    };
    whole.lines().zip(1..).map(|(text, line)| parse(text).ok_or_else(|| invalid(line))).collect()
}

fn parse(line: &str) -> Option<Ack> {
    let mut fields = line.split('\t');
    let (merchant, order_no) = (fields.next()?, fields.next()?);
    let position = fields.next()?.parse().ok()?;
    let merchant = MerchantId(merchant.parse().ok()?);
    let order_no = OrderNo::new(order_no).ok()?;
    Some(Ack { merchant, order_no, position: Position(position) })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn ack(number: u64) -> Ack {
        Ack {
            merchant: MerchantId(Uuid::from_u128(u128::from(number))),
            order_no: OrderNo::new(format!("order {number}")).expect("fine"),
            position: Position(number),
        }
    }

    #[test]
    fn what_is_flushed_is_read_back_and_a_torn_line_is_not() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("acks.tsv");
        let mut file = AckFile::open(&path).expect("opens");
        file.push(&ack(1));
        file.push(&ack(2));
        assert_eq!(fs::read(&path).expect("exists"), b"");
        file.flush().expect("writes");
        fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(b"0000-torn"))
            .expect("writes");
        assert_eq!(read(&path).expect("reads"), [ack(1), ack(2)]);
    }

    #[test]
    fn a_line_that_is_no_acknowledgement_is_named() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("acks.tsv");
        fs::write(&path, "nonsense\n").expect("writes");
        let error = read(&path).expect_err("no acknowledgement");
        assert!(error.to_string().contains("line 1 of"), "{error}");
    }
}
