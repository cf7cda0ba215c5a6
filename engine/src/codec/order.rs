//! Bytes of what ends an order: settlement, decline, refund.
//!
//! A dinner of eight, each paying the own share, is the record that there are millions of: its
//! legs say nothing that the shares do not, so one bit stands for all of them.

use super::{
    CodecError,
    bytes::{Bytes, put_amount, put_count, put_id, put_signed, put_text, put_varint},
    tags::{reason, source},
};
use crate::{
    domain::{
        bill::bill_id,
        event::{Decline, DeclineReason, Leg, Refund, RefundLeg, Settlement, Share, Source},
        text::{OrderNo, RefundNo},
    },
    id::{GroupId, MerchantId, WalletId},
    ledger::Unbalanced,
    limits,
    money::Amount,
};

/// The legs are written: they are not simply everybody's own share from the own wallet.
const LEGS: u8 = 1;
/// Every share is followed by flags of its own.
const SHARE_FLAGS: u8 = 2;

/// The diner said yes to this very share.
const CONFIRMED: u8 = 1;
/// A change of fair-cent memory follows.
const CARRY: u8 = 2;

/// Bits of a leg's head: the source's tag, whether it gives the whole share, then the share.
const SOURCE_BITS: u32 = 3;
const WHOLE: u64 = 1 << SOURCE_BITS;

pub(super) fn put_settlement(out: &mut Vec<u8>, settlement: &Settlement) {
    let Settlement { merchant, order_no, group, bill: _, content, total, shares, legs } =
        settlement;
    out.reserve(96 + 24 * shares.len());
    put_head(out, *merchant, order_no, *group, *content);
    put_amount(out, *total);
    let own = |(index, (leg, share)): (usize, (&Leg, &Share))| {
        usize::from(leg.share) == index
            && leg.source == Source::Wallet(share.diner)
            && leg.amount == share.owed
    };
    let plain = shares.len() == legs.len() && legs.iter().zip(shares).enumerate().all(own);
    let flagged = shares.iter().any(|share| share.confirmed || share.carry_micro != 0);
    out.push(if plain { 0 } else { LEGS } | if flagged { SHARE_FLAGS } else { 0 });
    put_count(out, shares.len());
    for share in shares {
        put_id(out, share.diner.0);
        put_amount(out, share.owed);
        if flagged {
            let carry = if share.carry_micro == 0 { 0 } else { CARRY };
            out.push(if share.confirmed { CONFIRMED } else { 0 } | carry);
            if carry != 0 {
                put_signed(out, share.carry_micro);
            }
        }
    }
    if !plain {
        put_count(out, legs.len());
        for leg in legs {
            put_leg(out, leg, &shares[usize::from(leg.share)]);
        }
    }
}

pub(super) fn read_settlement(bytes: &mut Bytes<'_>) -> Result<Settlement, CodecError> {
    let (merchant, order_no, group, content) = read_head(bytes)?;
    let total = bytes.movable()?;
    let shape = bytes.byte()?;
    if shape & !(LEGS | SHARE_FLAGS) != 0 {
        return Err(CodecError::UnknownTag { what: "settlement", tag: shape });
    }
    let flagged = shape & SHARE_FLAGS != 0;
    let count = bytes.count(if flagged { 18 } else { 17 })?;
    if count > limits::GROUP_MEMBERS_MAX {
        return Err(CodecError::OutOfRange { what: "shares" });
    }
    let mut shares = Vec::with_capacity(count);
    for _ in 0..count {
        shares.push(read_share(bytes, flagged)?);
    }
    check_sum(total, shares.iter().map(|share| share.owed))?;
    let legs = if shape & LEGS == 0 {
        let own = |(share, index): (&Share, u16)| Leg {
            share: index,
            source: Source::Wallet(share.diner),
            amount: share.owed,
        };
        shares.iter().zip(0_u16..).map(own).collect()
    } else {
        let legs = read_legs(bytes, &shares)?;
        check_sum(total, legs.iter().map(|leg| leg.amount))?;
        legs
    };
    let bill = bill_id(merchant, &order_no);
    let shares = shares.into_boxed_slice();
    Ok(Settlement { merchant, order_no, group, bill, content, total, shares, legs })
}

fn read_share(bytes: &mut Bytes<'_>, flagged: bool) -> Result<Share, CodecError> {
    let (diner, owed) = (WalletId(bytes.id()?), bytes.movable()?);
    if !flagged {
        return Ok(Share { diner, owed, confirmed: false, carry_micro: 0 });
    }
    let flags = bytes.byte()?;
    if flags & !(CONFIRMED | CARRY) != 0 {
        return Err(CodecError::UnknownTag { what: "share", tag: flags });
    }
    let carry_micro = if flags & CARRY == 0 { 0 } else { bytes.signed()? };
    Ok(Share { diner, owed, confirmed: flags & CONFIRMED != 0, carry_micro })
}

fn put_leg(out: &mut Vec<u8>, leg: &Leg, share: &Share) {
    let (tag, source) = source_tag(leg.source, share.diner);
    let whole = leg.amount == share.owed;
    let flags = u64::from(tag) | if whole { WHOLE } else { 0 };
    put_varint(out, u64::from(leg.share) << (SOURCE_BITS + 1) | flags);
    if let Some(source) = source {
        put_id(out, source.0);
    }
    if !whole {
        put_amount(out, leg.amount);
    }
}

fn read_legs(bytes: &mut Bytes<'_>, shares: &[Share]) -> Result<Box<[Leg]>, CodecError> {
    let count = bytes.count(1)?;
    let mut legs = Vec::with_capacity(count);
    for _ in 0..count {
        let head = bytes.varint()?;
        let out_of_range = CodecError::OutOfRange { what: "share of a leg" };
        let index = u16::try_from(head >> (SOURCE_BITS + 1));
        let index = index.map_err(|_| out_of_range.clone())?;
        let share = shares.get(usize::from(index)).ok_or(out_of_range)?;
        let source = read_source(bytes, head, share.diner)?;
        let amount = if head & WHOLE == 0 { bytes.movable()? } else { share.owed };
        legs.push(Leg { share: index, source, amount });
    }
    Ok(legs.into_boxed_slice())
}

/// The tag of `source` in a leg for `diner`, and the wallet if the tag does not say it.
fn source_tag(source: Source, diner: WalletId) -> (u8, Option<WalletId>) {
    match source {
        Source::Wallet(wallet) if wallet == diner => (source::OWN_WALLET, None),
        Source::Wallet(wallet) => (source::WALLET, Some(wallet)),
    }
}

/// The source that `head`'s lowest bits name in a leg for `diner`.
fn read_source(bytes: &mut Bytes<'_>, head: u64, diner: WalletId) -> Result<Source, CodecError> {
    match head.to_le_bytes()[0] & ((1 << SOURCE_BITS) - 1) {
        source::OWN_WALLET => Ok(Source::Wallet(diner)),
        source::WALLET => Ok(Source::Wallet(WalletId(bytes.id()?))),
        tag => Err(CodecError::UnknownTag { what: "source", tag }),
    }
}

pub(super) fn put_decline(out: &mut Vec<u8>, decline: &Decline) {
    put_head(out, decline.merchant, &decline.order_no, decline.group, decline.content);
    put_amount(out, decline.total);
    let (tag, diner) = match decline.reason {
        DeclineReason::Short { diner } => (reason::SHORT, Some(diner)),
        DeclineReason::Refused { diner } => (reason::REFUSED, Some(diner)),
        DeclineReason::Unavailable { diner } => (reason::UNAVAILABLE, Some(diner)),
        DeclineReason::TimedOut { waiting_for } => (reason::TIMED_OUT, Some(waiting_for)),
        DeclineReason::Cancelled => (reason::CANCELLED, None),
    };
    out.push(tag);
    if let Some(diner) = diner {
        put_id(out, diner.0);
    }
}

pub(super) fn read_decline(bytes: &mut Bytes<'_>) -> Result<Decline, CodecError> {
    let (merchant, order_no, group, content) = read_head(bytes)?;
    let total = bytes.movable()?;
    let tag = bytes.byte()?;
    let mut diner = || bytes.id().map(WalletId);
    let reason = match tag {
        reason::SHORT => DeclineReason::Short { diner: diner()? },
        reason::REFUSED => DeclineReason::Refused { diner: diner()? },
        reason::UNAVAILABLE => DeclineReason::Unavailable { diner: diner()? },
        reason::TIMED_OUT => DeclineReason::TimedOut { waiting_for: diner()? },
        reason::CANCELLED => DeclineReason::Cancelled,
        tag => return Err(CodecError::UnknownTag { what: "reason", tag }),
    };
    Ok(Decline { merchant, order_no, group, content, total, reason })
}

pub(super) fn put_refund(out: &mut Vec<u8>, refund: &Refund) {
    put_head(out, refund.merchant, &refund.order_no, refund.group, refund.content);
    put_text(out, refund.refund_no.as_str());
    put_amount(out, refund.amount);
    put_count(out, refund.legs.len());
    for leg in &refund.legs {
        let (tag, source) = source_tag(leg.source, leg.diner);
        put_varint(out, u64::from(leg.leg) << SOURCE_BITS | u64::from(tag));
        put_id(out, leg.diner.0);
        if let Some(source) = source {
            put_id(out, source.0);
        }
        put_amount(out, leg.amount);
    }
}

pub(super) fn read_refund(bytes: &mut Bytes<'_>) -> Result<Refund, CodecError> {
    let (merchant, order_no, group, content) = read_head(bytes)?;
    let refund_no = bytes.text(RefundNo::new)?;
    let amount = bytes.movable()?;
    let count = bytes.count(18)?;
    let mut legs = Vec::with_capacity(count);
    for _ in 0..count {
        let head = bytes.varint()?;
        let leg = u16::try_from(head >> SOURCE_BITS)
            .map_err(|_| CodecError::OutOfRange { what: "leg of a refund" })?;
        let diner = WalletId(bytes.id()?);
        let source = read_source(bytes, head, diner)?;
        legs.push(RefundLeg { leg, diner, source, amount: bytes.movable()? });
    }
    check_sum(amount, legs.iter().map(|leg| leg.amount))?;
    let legs = legs.into_boxed_slice();
    Ok(Refund { merchant, order_no, refund_no, group, content, amount, legs })
}

fn put_head(
    out: &mut Vec<u8>,
    merchant: MerchantId,
    order_no: &OrderNo,
    group: GroupId,
    content: u64,
) {
    put_id(out, merchant.0);
    put_text(out, order_no.as_str());
    put_id(out, group.0);
    out.extend_from_slice(&content.to_le_bytes());
}

fn read_head(bytes: &mut Bytes<'_>) -> Result<(MerchantId, OrderNo, GroupId, u64), CodecError> {
    let (merchant, order_no) = (MerchantId(bytes.id()?), bytes.text(OrderNo::new)?);
    Ok((merchant, order_no, GroupId(bytes.id()?), bytes.fixed_u64()?))
}

/// G-2: parts sum to the whole.
fn check_sum(total: Amount, parts: impl IntoIterator<Item = Amount>) -> Result<(), CodecError> {
    match Amount::checked_sum(parts) {
        Some(sum) if sum == total => Ok(()),
        Some(_) | None => Err(Unbalanced.into()),
    }
}
