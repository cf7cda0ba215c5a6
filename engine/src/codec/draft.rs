//! Bytes of a draft: who laid it, what it comes to, its lines.

use super::{
    CodecError,
    bytes::{Bytes, put_amount, put_id, put_signed, put_text},
    rules::{put_list, read_list},
    tags::drafter,
};
use crate::{
    domain::{
        bill::Line,
        draft::{self, Draft, Drafter},
        text::{Name, OrderNo},
    },
    id::{MerchantId, WalletId},
    money::Amount,
};

/// Length, one byte of a name, amount.
const LINE_BYTES_MIN: usize = 3;

pub(crate) fn put_draft(out: &mut Vec<u8>, draft: &Draft) {
    match &draft.by {
        Drafter::Member { wallet } => {
            out.push(drafter::MEMBER);
            put_id(out, wallet.0);
        }
        Drafter::Till { merchant, order_no } => {
            out.push(drafter::TILL);
            put_id(out, merchant.0);
            put_text(out, order_no.as_str());
        }
    }
    put_amount(out, draft.total);
    put_list(out, &draft.lines, |out, line| {
        put_text(out, line.name.as_str());
        put_signed(out, line.amount.minor());
    });
}

pub(crate) fn read_draft(bytes: &mut Bytes<'_>) -> Result<Draft, CodecError> {
    let by = match bytes.byte()? {
        drafter::MEMBER => Drafter::Member { wallet: WalletId(bytes.id()?) },
        drafter::TILL => {
            Drafter::Till { merchant: MerchantId(bytes.id()?), order_no: bytes.text(OrderNo::new)? }
        }
        tag => return Err(CodecError::UnknownTag { what: "drafter", tag }),
    };
    let total = bytes.amount()?;
    let lines = read_list(bytes, LINE_BYTES_MIN, |bytes| {
        let name = bytes.text(Name::new)?;
        Ok(Line { name, amount: Amount::from_minor(bytes.signed()?) })
    })?;
    match draft::check(total, &lines) {
        Ok(()) => Ok(Draft { by, total, lines }),
        Err(_) => Err(CodecError::OutOfRange { what: "draft" }),
    }
}
