//! `CloudEvents` 1.0 bodies: the same for websocket, webhook and HTTP event lists.

use std::sync::Arc;

use fanju::{DurableEvent, domain::event::Event, id::Position, time::Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::moment;

/// One durable event, in the words of `CloudEvents` 1.0 (structured JSON).
///
/// Source: <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>
#[derive(Serialize, JsonSchema)]
pub struct CloudEvent<'a> {
    /// Always `1.0`.
    specversion: &'static str,
    /// The record's position; unique within the source.
    id: String,
    /// The journal: `urn:fanju:` and its name.
    source: String,
    /// What happened: `fanju.` and the word that `data.type` says.
    r#type: String,
    /// When it was decided, as RFC 3339.
    time: String,
    /// Always `application/json`.
    datacontenttype: &'static str,
    /// The event.
    data: &'a Event,
}

/// The body of the event at `position` of the journal `epoch`.
///
/// # Panics
/// Never: events serialise.
#[must_use]
pub fn render(epoch: &str, position: Position, at: Timestamp, event: &Event) -> String {
    let body = CloudEvent {
        specversion: "1.0",
        id: position.to_string(),
        source: format!("urn:fanju:{epoch}"),
        r#type: format!("fanju.{}", kind(event)),
        time: moment::rfc3339(at),
        datacontenttype: "application/json",
        data: event,
    };
    serde_json::to_string(&body).expect("events have string keys and finite numbers")
}

/// The body of `event`, made once for everybody in this process who reads it.
#[must_use]
pub fn shared(epoch: &str, event: &DurableEvent) -> Arc<str> {
    event.rendered(|| render(epoch, event.position(), event.at(), event.event()).into())
}

/// The word for what happened, as `data.type` says it too.
#[must_use]
pub fn kind(event: &Event) -> &'static str {
    match event {
        Event::WalletOpened { .. } => "wallet_opened",
        Event::WalletFrozen { .. } => "wallet_frozen",
        Event::WalletThawed { .. } => "wallet_thawed",
        Event::WalletClosed { .. } => "wallet_closed",
        Event::RailRequested(_) => "rail_requested",
        Event::RailConfirmed(_) => "rail_confirmed",
        Event::RailRefused(_) => "rail_refused",
        Event::Transferred { .. } => "transferred",
        Event::MerchantOnboarded { .. } => "merchant_onboarded",
        Event::GroupOpened { .. } => "group_opened",
        Event::MemberInvited { .. } => "member_invited",
        Event::MemberJoined { .. } => "member_joined",
        Event::ConsentChanged { .. } => "consent_changed",
        Event::MemberLeft { .. } => "member_left",
        Event::RulesSet { .. } => "rules_set",
        Event::BillDrafted { .. } => "bill_drafted",
        Event::LineClaimed { .. } => "line_claimed",
        Event::DraftCleared { .. } => "draft_cleared",
        Event::GroupLocked { .. } => "group_locked",
        Event::GroupUnlocked { .. } => "group_unlocked",
        Event::GroupClosed { .. } => "group_closed",
        Event::Settled(_) => "settled",
        Event::Declined(_) => "declined",
        Event::Refunded(_) => "refunded",
    }
}
