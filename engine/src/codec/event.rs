//! Bytes of an event: its tag, its moment, its fields.

use super::{
    CodecError,
    bytes::{Bytes, put_amount, put_currency, put_id, put_text, put_varint},
    draft::{put_draft, read_draft},
    order::{put_decline, put_refund, put_settlement, read_decline, read_refund, read_settlement},
    rules::{put_consent, put_rules, read_consent, read_rules},
    tags::{direction, event as tag, holder},
};
use crate::{
    domain::{
        event::{Direction, Event, Holder, RailMove},
        text::{Name, Note},
    },
    id::{GroupId, MerchantId, RequestId, WalletId},
    time::Timestamp,
};

pub(super) fn put(at: Timestamp, event: &Event, out: &mut Vec<u8>) {
    out.push(tag_of(event));
    out.extend_from_slice(&at.0.to_le_bytes());
    match event {
        Event::WalletOpened { wallet, name, currency } => {
            put_id(out, wallet.0);
            put_text(out, name.as_str());
            put_currency(out, *currency);
        }
        Event::WalletFrozen { wallet }
        | Event::WalletThawed { wallet }
        | Event::WalletClosed { wallet } => put_id(out, wallet.0),
        Event::RailRequested(moved) | Event::RailConfirmed(moved) | Event::RailRefused(moved) => {
            put_move(out, moved);
        }
        Event::Transferred { from, to, request, amount, note } => {
            put_id(out, from.0);
            put_id(out, to.0);
            put_id(out, request.0);
            put_amount(out, *amount);
            put_text(out, note.as_ref().map_or("", Note::as_str));
        }
        Event::MerchantOnboarded { merchant, name, currency } => {
            put_id(out, merchant.0);
            put_text(out, name.as_str());
            put_currency(out, *currency);
        }
        Event::GroupOpened { group, name, host, consent, currency, rules } => {
            put_id(out, group.0);
            put_text(out, name.as_str());
            put_id(out, host.0);
            put_consent(out, consent);
            put_currency(out, *currency);
            put_rules(out, rules);
        }
        Event::MemberInvited { group, wallet } | Event::MemberLeft { group, wallet } => {
            put_id(out, group.0);
            put_id(out, wallet.0);
        }
        Event::MemberJoined { group, wallet, consent }
        | Event::ConsentChanged { group, wallet, consent } => {
            put_id(out, group.0);
            put_id(out, wallet.0);
            put_consent(out, consent);
        }
        Event::RulesSet { group, rules } => {
            put_id(out, group.0);
            put_rules(out, rules);
        }
        Event::BillDrafted { group, draft } => {
            put_id(out, group.0);
            put_draft(out, draft);
        }
        Event::LineClaimed { group, wallet, line, weight } => {
            put_id(out, group.0);
            put_id(out, wallet.0);
            put_varint(out, u64::from(*line));
            put_varint(out, u64::from(*weight));
        }
        Event::GroupLocked { group }
        | Event::GroupUnlocked { group }
        | Event::GroupClosed { group }
        | Event::DraftCleared { group } => put_id(out, group.0),
        Event::Settled(settlement) => put_settlement(out, settlement),
        Event::Declined(decline) => put_decline(out, decline),
        Event::Refunded(refund) => put_refund(out, refund),
    }
}

fn tag_of(event: &Event) -> u8 {
    match event {
        Event::WalletOpened { .. } => tag::WALLET_OPENED,
        Event::WalletFrozen { .. } => tag::WALLET_FROZEN,
        Event::WalletThawed { .. } => tag::WALLET_THAWED,
        Event::WalletClosed { .. } => tag::WALLET_CLOSED,
        Event::RailRequested(_) => tag::RAIL_REQUESTED,
        Event::RailConfirmed(_) => tag::RAIL_CONFIRMED,
        Event::RailRefused(_) => tag::RAIL_REFUSED,
        Event::Transferred { .. } => tag::TRANSFERRED,
        Event::MerchantOnboarded { .. } => tag::MERCHANT_ONBOARDED,
        Event::GroupOpened { .. } => tag::GROUP_OPENED,
        Event::MemberInvited { .. } => tag::MEMBER_INVITED,
        Event::MemberJoined { .. } => tag::MEMBER_JOINED,
        Event::ConsentChanged { .. } => tag::CONSENT_CHANGED,
        Event::MemberLeft { .. } => tag::MEMBER_LEFT,
        Event::RulesSet { .. } => tag::RULES_SET,
        Event::GroupLocked { .. } => tag::GROUP_LOCKED,
        Event::GroupUnlocked { .. } => tag::GROUP_UNLOCKED,
        Event::GroupClosed { .. } => tag::GROUP_CLOSED,
        Event::Settled(_) => tag::SETTLED,
        Event::Declined(_) => tag::DECLINED,
        Event::Refunded(_) => tag::REFUNDED,
        Event::BillDrafted { .. } => tag::BILL_DRAFTED,
        Event::LineClaimed { .. } => tag::LINE_CLAIMED,
        Event::DraftCleared { .. } => tag::DRAFT_CLEARED,
    }
}

pub(super) fn read(bytes: &mut Bytes<'_>) -> Result<(Timestamp, Event), CodecError> {
    let tag = bytes.byte()?;
    let at = Timestamp(bytes.fixed_i64()?);
    let event = match tag {
        tag::SETTLED => Event::Settled(read_settlement(bytes)?),
        tag::DECLINED => Event::Declined(read_decline(bytes)?),
        tag::REFUNDED => Event::Refunded(read_refund(bytes)?),
        tag::WALLET_OPENED..=tag::MERCHANT_ONBOARDED => read_account_event(tag, bytes)?,
        tag::GROUP_OPENED..=tag::GROUP_CLOSED | tag::BILL_DRAFTED..=tag::DRAFT_CLEARED => {
            read_group_event(tag, bytes)?
        }
        tag => return Err(CodecError::UnknownTag { what: "event", tag }),
    };
    Ok((at, event))
}

fn read_account_event(tag: u8, bytes: &mut Bytes<'_>) -> Result<Event, CodecError> {
    Ok(match tag {
        tag::WALLET_OPENED => Event::WalletOpened {
            wallet: WalletId(bytes.id()?),
            name: bytes.text(Name::new)?,
            currency: bytes.currency()?,
        },
        tag::WALLET_FROZEN => Event::WalletFrozen { wallet: WalletId(bytes.id()?) },
        tag::WALLET_THAWED => Event::WalletThawed { wallet: WalletId(bytes.id()?) },
        tag::WALLET_CLOSED => Event::WalletClosed { wallet: WalletId(bytes.id()?) },
        tag::RAIL_REQUESTED => Event::RailRequested(read_move(bytes)?),
        tag::RAIL_CONFIRMED => Event::RailConfirmed(read_move(bytes)?),
        tag::RAIL_REFUSED => Event::RailRefused(read_move(bytes)?),
        tag::TRANSFERRED => Event::Transferred {
            from: WalletId(bytes.id()?),
            to: WalletId(bytes.id()?),
            request: RequestId(bytes.id()?),
            amount: bytes.movable()?,
            note: match bytes.raw_text()? {
                "" => None,
                note => Some(Note::new(note)?),
            },
        },
        tag::MERCHANT_ONBOARDED => Event::MerchantOnboarded {
            merchant: MerchantId(bytes.id()?),
            name: bytes.text(Name::new)?,
            currency: bytes.currency()?,
        },
        tag => return Err(CodecError::UnknownTag { what: "event", tag }),
    })
}

fn read_group_event(tag: u8, bytes: &mut Bytes<'_>) -> Result<Event, CodecError> {
    let group = GroupId(bytes.id()?);
    Ok(match tag {
        tag::GROUP_OPENED => Event::GroupOpened {
            group,
            name: bytes.text(Name::new)?,
            host: WalletId(bytes.id()?),
            consent: read_consent(bytes)?,
            currency: bytes.currency()?,
            rules: read_rules(bytes)?,
        },
        tag::MEMBER_INVITED => Event::MemberInvited { group, wallet: WalletId(bytes.id()?) },
        tag::MEMBER_JOINED => Event::MemberJoined {
            group,
            wallet: WalletId(bytes.id()?),
            consent: read_consent(bytes)?,
        },
        tag::CONSENT_CHANGED => Event::ConsentChanged {
            group,
            wallet: WalletId(bytes.id()?),
            consent: read_consent(bytes)?,
        },
        tag::MEMBER_LEFT => Event::MemberLeft { group, wallet: WalletId(bytes.id()?) },
        tag::RULES_SET => Event::RulesSet { group, rules: read_rules(bytes)? },
        tag::GROUP_LOCKED => Event::GroupLocked { group },
        tag::GROUP_UNLOCKED => Event::GroupUnlocked { group },
        tag::GROUP_CLOSED => Event::GroupClosed { group },
        tag::BILL_DRAFTED => Event::BillDrafted { group, draft: read_draft(bytes)? },
        tag::LINE_CLAIMED => Event::LineClaimed {
            group,
            wallet: WalletId(bytes.id()?),
            line: bytes.narrow("line")?,
            weight: bytes.narrow("weight")?,
        },
        tag::DRAFT_CLEARED => Event::DraftCleared { group },
        tag => return Err(CodecError::UnknownTag { what: "event", tag }),
    })
}

fn put_move(out: &mut Vec<u8>, moved: &RailMove) {
    match moved.holder {
        Holder::Wallet(id) => {
            out.push(holder::WALLET);
            put_id(out, id.0);
        }
        Holder::Merchant(id) => {
            out.push(holder::MERCHANT);
            put_id(out, id.0);
        }
    }
    put_move_of_holder(out, moved);
}

/// Everything of a move but whose it is.
pub(crate) fn put_move_of_holder(out: &mut Vec<u8>, moved: &RailMove) {
    put_id(out, moved.request.0);
    out.push(match moved.direction {
        Direction::In => direction::IN,
        Direction::Out => direction::OUT,
    });
    put_amount(out, moved.amount);
}

fn read_move(bytes: &mut Bytes<'_>) -> Result<RailMove, CodecError> {
    let tag = bytes.byte()?;
    let id = bytes.id()?;
    let holder = match tag {
        holder::WALLET => Holder::Wallet(WalletId(id)),
        holder::MERCHANT => Holder::Merchant(MerchantId(id)),
        tag => return Err(CodecError::UnknownTag { what: "holder", tag }),
    };
    read_move_of(holder, bytes)
}

/// Reads what [`put_move_of_holder`] wrote.
pub(crate) fn read_move_of(holder: Holder, bytes: &mut Bytes<'_>) -> Result<RailMove, CodecError> {
    let request = RequestId(bytes.id()?);
    let direction = match bytes.byte()? {
        direction::IN => Direction::In,
        direction::OUT => Direction::Out,
        tag => return Err(CodecError::UnknownTag { what: "direction", tag }),
    };
    Ok(RailMove { holder, request, direction, amount: bytes.movable()? })
}
