//! What a row keeps in one column: the state of an account or a group, the records of an order.
//!
//! The primitives are the journal's. A version byte stands first; books of another version are
//! rebuilt, not migrated, because the journal has everything.

use smallvec::SmallVec;

use super::BooksError;
use crate::{
    codec::{
        CodecError,
        bytes::{Bytes, put_amount, put_currency, put_id, put_signed, put_text, put_varint},
        put_consent, put_draft, put_list, put_move_of_holder, put_rules, read_consent, read_draft,
        read_list, read_move_of, read_rules,
    },
    domain::{
        event::{Direction, Holder, RailMove},
        group::{self, Group, Member},
        merchant::Merchant,
        purse::{OpenMove, Purse},
        requests::{Ended, Remembered, Requests},
        text::Name,
        wallet::{self, Wallet},
    },
    id::{GroupId, MerchantId, Position, RequestId, WalletId},
    money::{Amount, Currency},
};

/// Format of every blob; part of the schema's version.
const VERSION: u8 = 3;

/// Request, direction, amount, position.
const MOVE_BYTES_MIN: usize = 19;
/// Request, content, position, end.
const REMEMBERED_BYTES_MIN: usize = 26;
/// Wallet, consent, spent, raised, carry.
const MEMBER_BYTES_MIN: usize = 21;

fn begin<'a>(blob: &'a [u8]) -> Result<Bytes<'a>, CodecError> {
    let mut bytes = Bytes::new(blob);
    match bytes.byte()? {
        VERSION => Ok(bytes),
        version => Err(CodecError::UnknownVersion { version }),
    }
}

pub(super) fn put_wallet(out: &mut Vec<u8>, wallet: &Wallet) {
    out.push(VERSION);
    put_text(out, wallet.name.as_str());
    out.push(match wallet.status {
        wallet::Status::Open => 1,
        wallet::Status::Frozen => 2,
        wallet::Status::Closed => 3,
    });
    put_purse(out, &wallet.purse);
}

pub(super) fn read_wallet(
    id: WalletId,
    currency: Currency,
    posted: Amount,
    blob: &[u8],
) -> Result<Wallet, BooksError> {
    let mut bytes = begin(blob)?;
    let name = bytes.text(Name::new)?;
    let status = match bytes.byte()? {
        1 => wallet::Status::Open,
        2 => wallet::Status::Frozen,
        3 => wallet::Status::Closed,
        tag => return Err(CodecError::UnknownTag { what: "wallet status", tag }.into()),
    };
    let purse = read_purse(Holder::Wallet(id), posted, &mut bytes)?;
    bytes.finish()?;
    Ok(Wallet { id, name, currency, status, purse })
}

pub(super) fn put_merchant(out: &mut Vec<u8>, merchant: &Merchant) {
    out.push(VERSION);
    put_text(out, merchant.name.as_str());
    put_purse(out, &merchant.purse);
}

pub(super) fn read_merchant(
    id: MerchantId,
    currency: Currency,
    posted: Amount,
    blob: &[u8],
) -> Result<Merchant, BooksError> {
    let mut bytes = begin(blob)?;
    let name = bytes.text(Name::new)?;
    let purse = read_purse(Holder::Merchant(id), posted, &mut bytes)?;
    bytes.finish()?;
    Ok(Merchant { id, name, currency, purse })
}

/// Everything of a purse but what is posted, which has a column.
fn put_purse(out: &mut Vec<u8>, purse: &Purse) {
    put_list(out, purse.moving(), |out, open| {
        put_move_of_holder(out, &open.moved);
        put_varint(out, open.asked.0);
    });
    put_varint(out, purse.requests().iter().count() as u64);
    for ended in purse.requests().iter() {
        put_id(out, ended.request.0);
        out.extend_from_slice(&ended.content.to_le_bytes());
        put_varint(out, ended.position.0);
        out.push(match ended.ended {
            Ended::Done => 1,
            Ended::Refused => 2,
        });
    }
}

fn read_purse(holder: Holder, posted: Amount, bytes: &mut Bytes<'_>) -> Result<Purse, BooksError> {
    let moving = read_list(bytes, MOVE_BYTES_MIN, |bytes| {
        let moved = read_move_of(holder, bytes)?;
        Ok(OpenMove { moved, asked: Position(bytes.varint()?) })
    })?;
    let requests = read_list(bytes, REMEMBERED_BYTES_MIN, |bytes| {
        Ok(Remembered {
            request: RequestId(bytes.id()?),
            content: bytes.fixed_u64()?,
            position: Position(bytes.varint()?),
            ended: match bytes.byte()? {
                1 => Ended::Done,
                2 => Ended::Refused,
                tag => return Err(CodecError::UnknownTag { what: "end of a request", tag }),
            },
        })
    })?;
    let open = moving.iter().map(|open| open.moved);
    let out = open.filter(|moved| moved.direction == Direction::Out);
    match Amount::checked_sum(out.map(|moved| moved.amount)) {
        Some(held) if held <= posted => {}
        Some(_) | None => return Err(BooksError::corrupt("W-1: an account holds too much")),
    }
    Ok(Purse::restore(posted, moving, Requests::restore(requests)))
}

pub(super) fn put_group(out: &mut Vec<u8>, group: &Group) {
    out.push(VERSION);
    put_text(out, group.name.as_str());
    put_id(out, group.host.0);
    put_currency(out, group.currency);
    out.push(match group.status {
        group::Status::Open => 1,
        group::Status::Locked => 2,
        group::Status::Closed => 3,
    });
    put_rules(out, &group.rules);
    put_list(out, &group.members, put_member);
    put_list(out, &group.former, put_member);
    put_list(out, &group.invited, |out, wallet| put_id(out, wallet.0));
    put_varint(out, u64::from(group.bills));
    put_list(out, group.draft.as_slice(), |out, draft| put_draft(out, draft));
}

pub(super) fn read_group(id: GroupId, blob: &[u8]) -> Result<Group, CodecError> {
    let mut bytes = begin(blob)?;
    let name = bytes.text(Name::new)?;
    let host = WalletId(bytes.id()?);
    let currency = bytes.currency()?;
    let status = match bytes.byte()? {
        1 => group::Status::Open,
        2 => group::Status::Locked,
        3 => group::Status::Closed,
        tag => return Err(CodecError::UnknownTag { what: "group status", tag }),
    };
    let rules = read_rules(&mut bytes)?;
    let members = read_list(&mut bytes, MEMBER_BYTES_MIN, read_member)?;
    let former = read_list(&mut bytes, MEMBER_BYTES_MIN, read_member)?;
    let invited = read_list(&mut bytes, 16, |bytes| bytes.id().map(WalletId))?;
    let bills = bytes.narrow("bills")?;
    let draft = match bytes.byte()? {
        0 => None,
        1 => Some(Box::new(read_draft(&mut bytes)?)),
        tag => return Err(CodecError::UnknownTag { what: "draft", tag }),
    };
    bytes.finish()?;
    Ok(Group { id, name, host, currency, status, rules, members, former, invited, bills, draft })
}

fn put_member(out: &mut Vec<u8>, member: &Member) {
    put_id(out, member.wallet.0);
    put_consent(out, &member.consent);
    put_amount(out, member.spent);
    put_amount(out, member.raised);
    put_signed(out, member.carry_micro);
}

fn read_member(bytes: &mut Bytes<'_>) -> Result<Member, CodecError> {
    Ok(Member {
        wallet: WalletId(bytes.id()?),
        consent: read_consent(bytes)?,
        spent: bytes.amount()?,
        raised: bytes.amount()?,
        carry_micro: bytes.signed()?,
    })
}

/// A move without its holder, who is the row's key.
pub(super) fn put_move(out: &mut Vec<u8>, moved: &RailMove) {
    put_move_of_holder(out, moved);
}

pub(super) fn read_move(holder: Holder, blob: &[u8]) -> Result<RailMove, CodecError> {
    let mut bytes = Bytes::new(blob);
    let moved = read_move_of(holder, &mut bytes)?;
    bytes.finish()?;
    Ok(moved)
}

/// What a record did to an order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum OrderStep {
    /// It was paid.
    Settled,
    /// It ended without money.
    Declined,
    /// A part went back.
    Refunded,
}

/// The records of one order, oldest first.
pub type OrderSteps = SmallVec<[(OrderStep, Position); 2]>;

/// Appends one record to an order's list. Steps follow one another without a frame, so that a
/// longer list is the bytes of a shorter one and some more.
pub(super) fn put_step(out: &mut Vec<u8>, step: OrderStep, position: Position) {
    let tag = match step {
        OrderStep::Settled => 1,
        OrderStep::Declined => 2,
        OrderStep::Refunded => 3,
    };
    put_varint(out, position.0 << 2 | tag);
}

pub(super) fn read_steps(blob: &[u8]) -> Result<OrderSteps, CodecError> {
    let mut bytes = Bytes::new(blob);
    let mut steps = OrderSteps::new();
    while !bytes.is_empty() {
        let number = bytes.varint()?;
        let step = match number & 3 {
            1 => OrderStep::Settled,
            2 => OrderStep::Declined,
            3 => OrderStep::Refunded,
            _ => return Err(CodecError::UnknownTag { what: "order step", tag: 0 }),
        };
        steps.push((step, Position(number >> 2)));
    }
    Ok(steps)
}
