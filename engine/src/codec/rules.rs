//! Bytes of a group's rules and of its members' consent.

use super::{
    CodecError,
    bytes::{Bytes, put_amount, put_count, put_id, put_signed, put_varint},
    tags::{rest, rounding, shortfall, split},
};
use crate::{
    domain::{
        event::{Consent, Rounding, Rules, Shortfall},
        split::{Claim, Part, Rest, Split, Weight},
    },
    id::WalletId,
    money::Amount,
};

pub(crate) fn put_consent(out: &mut Vec<u8>, consent: &Consent) {
    put_amount(out, consent.cap);
    // Nothing is zero, so that a threshold of zero is one.
    let above = consent
        .confirm_above
        .map_or(Ok(0), |above| u64::try_from(above.minor()).map(|minor| minor.saturating_add(1)));
    put_varint(out, above.expect("decided: a threshold is not negative"));
}

pub(crate) fn read_consent(bytes: &mut Bytes<'_>) -> Result<Consent, CodecError> {
    // A member's cap may have been raised above what one command moves, yes by yes.
    let cap = bytes.amount()?;
    let confirm_above = match bytes.varint()?.checked_sub(1) {
        None => None,
        Some(minor) => {
            let out_of_range = |_| CodecError::OutOfRange { what: "threshold" };
            Some(Amount::from_minor(i64::try_from(minor).map_err(out_of_range)?))
        }
    };
    Ok(Consent { cap, confirm_above })
}

pub(crate) fn put_rules(out: &mut Vec<u8>, rules: &Rules) {
    put_split(out, &rules.split, true);
    out.push(match rules.shortfall {
        Shortfall::Decline => shortfall::DECLINE,
        Shortfall::Reshare => shortfall::RESHARE,
        Shortfall::HostCovers => shortfall::HOST_COVERS,
    });
    out.push(match rules.rounding {
        Rounding::LargestRemainder => rounding::LARGEST_REMAINDER,
        Rounding::FairCent => rounding::FAIR_CENT,
    });
    put_amount(out, rules.cash_step);
}

pub(crate) fn read_rules(bytes: &mut Bytes<'_>) -> Result<Rules, CodecError> {
    let split = read_split(bytes, true)?;
    let shortfall = match bytes.byte()? {
        shortfall::DECLINE => Shortfall::Decline,
        shortfall::RESHARE => Shortfall::Reshare,
        shortfall::HOST_COVERS => Shortfall::HostCovers,
        tag => return Err(CodecError::UnknownTag { what: "shortfall", tag }),
    };
    let rounding = match bytes.byte()? {
        rounding::LARGEST_REMAINDER => Rounding::LargestRemainder,
        rounding::FAIR_CENT => Rounding::FairCent,
        tag => return Err(CodecError::UnknownTag { what: "rounding", tag }),
    };
    Ok(Rules { split, shortfall, rounding, cash_step: bytes.amount()? })
}

/// `treats` says whether this split may be a treat: a treat of treats is no rule, and unbounded.
fn put_split(out: &mut Vec<u8>, split: &Split, treats: bool) {
    match split {
        Split::Equal => out.push(split::EQUAL),
        Split::Weights { parts } => {
            out.push(split::WEIGHTS);
            put_list(out, parts, put_weight);
        }
        Split::Percent { parts } => {
            out.push(split::PERCENT);
            put_list(out, parts, put_weight);
        }
        Split::Exact { parts } => {
            out.push(split::EXACT);
            put_list(out, parts, put_part);
        }
        Split::FixedPlusRest { parts } => {
            out.push(split::FIXED_PLUS_REST);
            put_list(out, parts, put_part);
        }
        Split::Itemised { claims, rest } => {
            out.push(split::ITEMISED);
            out.push(match rest {
                Rest::InProportion => rest::IN_PROPORTION,
                Rest::Equally => rest::EQUALLY,
            });
            put_list(out, claims, put_claim);
        }
        Split::Treat { payer, guests, of } => {
            assert!(treats, "decided: a treat cannot contain another treat");
            out.push(split::TREAT);
            put_id(out, payer.0);
            put_list(out, guests, |out, guest| put_id(out, guest.0));
            put_split(out, of, false);
        }
    }
}

fn read_split(bytes: &mut Bytes<'_>, treats: bool) -> Result<Split, CodecError> {
    Ok(match bytes.byte()? {
        split::EQUAL => Split::Equal,
        split::WEIGHTS => Split::Weights { parts: read_list(bytes, 17, read_weight)? },
        split::PERCENT => Split::Percent { parts: read_list(bytes, 17, read_weight)? },
        split::EXACT => Split::Exact { parts: read_list(bytes, 17, read_part)? },
        split::FIXED_PLUS_REST => Split::FixedPlusRest { parts: read_list(bytes, 17, read_part)? },
        split::ITEMISED => {
            let rest = match bytes.byte()? {
                rest::IN_PROPORTION => Rest::InProportion,
                rest::EQUALLY => Rest::Equally,
                tag => return Err(CodecError::UnknownTag { what: "rest", tag }),
            };
            Split::Itemised { claims: read_list(bytes, 18, read_claim)?, rest }
        }
        split::TREAT if treats => {
            let payer = WalletId(bytes.id()?);
            let guests = read_list(bytes, 16, |bytes| bytes.id().map(WalletId))?;
            Split::Treat { payer, guests, of: Box::new(read_split(bytes, false)?) }
        }
        tag => return Err(CodecError::UnknownTag { what: "split", tag }),
    })
}

pub(crate) fn put_list<T>(out: &mut Vec<u8>, list: &[T], put: impl Fn(&mut Vec<u8>, &T)) {
    put_count(out, list.len());
    for item in list {
        put(out, item);
    }
}

/// A list of things that take at least `bytes_min` bytes each.
pub(crate) fn read_list<'a, T>(
    bytes: &mut Bytes<'a>,
    bytes_min: usize,
    read: impl Fn(&mut Bytes<'a>) -> Result<T, CodecError>,
) -> Result<Vec<T>, CodecError> {
    let count = bytes.count(bytes_min)?;
    let mut list = Vec::with_capacity(count);
    for _ in 0..count {
        list.push(read(bytes)?);
    }
    Ok(list)
}

fn put_weight(out: &mut Vec<u8>, weight: &Weight) {
    put_id(out, weight.diner.0);
    put_varint(out, u64::from(weight.weight));
}

fn read_weight(bytes: &mut Bytes<'_>) -> Result<Weight, CodecError> {
    Ok(Weight { diner: WalletId(bytes.id()?), weight: bytes.narrow("weight")? })
}

/// Nobody checks a part before there is a bill: it may be anything.
fn put_part(out: &mut Vec<u8>, part: &Part) {
    put_id(out, part.diner.0);
    put_signed(out, part.amount.minor());
}

fn read_part(bytes: &mut Bytes<'_>) -> Result<Part, CodecError> {
    Ok(Part { diner: WalletId(bytes.id()?), amount: Amount::from_minor(bytes.signed()?) })
}

fn put_claim(out: &mut Vec<u8>, claim: &Claim) {
    put_varint(out, u64::from(claim.line));
    put_id(out, claim.diner.0);
    put_varint(out, u64::from(claim.weight));
}

fn read_claim(bytes: &mut Bytes<'_>) -> Result<Claim, CodecError> {
    let (line, diner) = (bytes.narrow("line")?, WalletId(bytes.id()?));
    Ok(Claim { line, diner, weight: bytes.narrow("weight")? })
}
