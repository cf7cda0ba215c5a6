//! Kinds of problems: every stable word that a refusal or a failure carries as its `code`, once.
//!
//! The interfaces' descriptions and the table on `/docs` are made from this list.

use std::borrow::Cow;

use fanju::ErrorCode;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;
use strum::{EnumMessage, IntoEnumIterator};

/// A kind of problem. Its name is the code, its documentation the meaning that readers are told.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, strum::EnumIter, strum::EnumMessage, strum::IntoStaticStr,
)]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// The request is no websocket's beginning (RFC 6455): connect with a websocket client, or ask over HTTP under `/v1`.
    NoWebsocket,
    /// The request is not what the operation takes; the detail names the field.
    BadRequest,
    /// The frame is no JSON-RPC request; the detail says what one is.
    MalformedFrame,
    /// There is no such method: `/asyncapi.json` lists them, as `/openapi.json` does for HTTP.
    UnknownMethod,
    /// There is nothing at this path: `/openapi.json` lists what there is.
    NotFound,
    /// This path does not take that verb: the header `Allow` names those that it takes.
    WrongMethod,
    /// The body did not come in in time: send it again, without pauses.
    BodyTooSlow,
    /// The body is longer than the operation takes; the detail says how long it may be.
    BodyTooLarge,
    /// Nobody is signed in, or no longer: sign in, and send the new token.
    NotSignedIn,
    /// It is not the caller's, or not within the caller's rights. Whether it exists is not told.
    Forbidden,
    /// It takes a fresh look at finger or face: `step_up.begin`, then the same again. Made-up people have none to show.
    StepUpRequired,
    /// A page of another site may not connect: serve the page from this server's own address.
    WrongOrigin,
    /// Asked too often, or too much at once: wait, `retry_after_ms` where it is told, and ask again.
    TooManyRequests,
    /// Too many sessions are open: close one, or try again later.
    TooManySessions,
    /// The session hears as many topics as it may: `unsubscribe` from one, or open another session.
    TooManySubscriptions,
    /// The subscription ended before it began to be heard: subscribe again.
    SubscriptionOver,
    /// Money moves and nothing else names the move: send an idempotency key.
    IdempotencyKeyRequired,
    /// The idempotency key is empty or too long: take another.
    IdempotencyKeyWrong,
    /// The idempotency key was used with other parameters: take a new one for a new command.
    IdempotencyKeyReused,
    /// The first command under this idempotency key still runs: ask again in a moment for its answer.
    IdempotencyKeyInUse,
    /// Done under this idempotency key before, or begun; its answer holds a secret, which is not kept. Look what there is, and do it again under a new key.
    SecretShown,
    /// The passkey is not accepted: begin anew, with a passkey of this site.
    PasskeyRefused,
    /// The passkey's answer cannot be read: send what the browser gave, as JSON.
    CredentialMalformed,
    /// The ceremony is over, or never began: begin anew.
    CeremonyOver,
    /// The person has no passkey to show: made-up people have none.
    NoPasskey,
    /// There is no such passkey: `passkeys.list` has those that there are.
    UnknownPasskey,
    /// The last passkey stays: add another before this one is removed.
    LastPasskey,
    /// The passkey is longer than is kept: use another authenticator.
    PasskeyTooLong,
    /// Name and recovery code do not lead in: check both; each code serves once.
    RecoveryRefused,
    /// The person, the passkey or the wallet is registered already: sign in instead.
    AlreadyRegistered,
    /// There is no such person.
    UnknownPerson,
    /// There is no such device.
    UnknownDevice,
    /// The number is no identity document's: check its digits.
    IdNumberWrong,
    /// Name and document do not belong together.
    NameNotVerified,
    /// The document proves somebody else's name already.
    DocumentTaken,
    /// The person's name is proved by another document.
    VerifiedOtherwise,
    /// Whoever verifies names does not answer: try again later.
    VerifierSilent,
    /// There is no such wallet.
    UnknownWallet,
    /// There is no such merchant.
    UnknownMerchant,
    /// There is no such group.
    UnknownGroup,
    /// The merchant has no such order.
    UnknownOrder,
    /// A wallet, merchant or group of this id is open already: use it, or take a new id.
    AlreadyOpen,
    /// A rule of the wallet refuses; `reason` says which.
    WalletRefused,
    /// A rule of the merchant refuses; `reason` says which.
    MerchantRefused,
    /// A rule of the group refuses; `reason` says which.
    GroupRefused,
    /// The bill cannot be collected from this group; `reason` says why. Mend that, and scan a new code.
    PaymentRefused,
    /// The answer is to no question that is open; `reason` says why.
    AnswerRefused,
    /// The order cannot be taken back, because it has ended; `reason` says how. What was paid is refunded.
    CancelRefused,
    /// The refund cannot be made; `reason` says why.
    RefundRefused,
    /// The code is no group's, or long over: ask the table to show its code again.
    UnknownCode,
    /// The code's time is over: ask for the group's new code.
    ExpiredCode,
    /// The code was scanned before: ask for the group's new code.
    SpentCode,
    /// The link to join is over: ask a member for a new one.
    LinkOver,
    /// The order number means another bill: take a new number, or ask with `orders.get` what became of it.
    OrderNoReused,
    /// The order was not paid: there is nothing to give back.
    OrderNotPaid,
    /// The bank refused; nothing moved. Ask the bank, or try another amount under a new key.
    RailRefused,
    /// The shop keeps one owner: make somebody else an owner first.
    LastOwner,
    /// The shop has no such key: `keys.list` has those that there are.
    UnknownKey,
    /// A key has at least one scope: name one.
    NoScope,
    /// The label is empty or too long.
    LabelWrong,
    /// There are as many as there may be: remove one first.
    TooMany,
    /// There is no such time zone: name one of the IANA's, as in `Asia/Shanghai`.
    UnknownTimeZone,
    /// The report is not up to date yet: ask again in a moment.
    BooksBehind,
    /// The webhook's URL is none that is called; the detail says why.
    WebhookUrlRefused,
    /// Merchants have no such event; the detail names it.
    UnknownEvent,
    /// The shop has as many webhooks as it may: remove one first.
    TooManyWebhooks,
    /// The shop has no such webhook.
    UnknownWebhook,
    /// The shop has no such message, or no longer.
    UnknownMessage,
    /// The webhook is disabled, for good: make a new one.
    WebhookDisabled,
    /// The topic has as many subscribers as it may: try again later.
    TooManySubscribers,
    /// The position is none of the topic's: begin at the newest, and go on where `next` says.
    UnknownPosition,
    /// Too much happened since that position: take the topic's state, and go on from there.
    GapTooLong,
    /// Too much is under way: try again later.
    Busy,
    /// The server shuts down: connect again, and ask again, in a moment.
    Closing,
    /// The journal failed; the outcome is not known. Once the server runs again, ask under the same key or number.
    Poisoned,
    /// Nobody answered in time; the outcome is not known. Ask again under the same key or number.
    Unanswered,
    /// The server cannot read its data; the operator's log says why.
    Unreadable,
    /// The server failed; its log knows more. Ask again under the same key or number.
    Internal,
}

impl Kind {
    /// The stable word.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// What it means, in a sentence.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        self.get_documentation().unwrap_or_default()
    }

    /// Every kind.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::iter()
    }

    /// Whether only the live channel, or the way to it, has such problems.
    #[must_use]
    pub fn is_of_live_channel(self) -> bool {
        matches!(
            self,
            Self::NoWebsocket
                | Self::MalformedFrame
                | Self::UnknownMethod
                | Self::WrongOrigin
                | Self::TooManySessions
                | Self::TooManySubscriptions
                | Self::SubscriptionOver
        )
    }

    /// What HTTP calls it.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest
            | Self::MalformedFrame
            | Self::IdempotencyKeyRequired
            | Self::IdempotencyKeyWrong
            | Self::CredentialMalformed
            | Self::PasskeyTooLong
            | Self::IdNumberWrong
            | Self::NoScope
            | Self::LabelWrong
            | Self::UnknownTimeZone
            | Self::WebhookUrlRefused
            | Self::UnknownEvent
            | Self::UnknownPosition => 400,
            Self::NotSignedIn => 401,
            Self::Forbidden
            | Self::StepUpRequired
            | Self::WrongOrigin
            | Self::PasskeyRefused
            | Self::RecoveryRefused => 403,
            Self::UnknownMethod
            | Self::NotFound
            | Self::UnknownPasskey
            | Self::UnknownPerson
            | Self::UnknownDevice
            | Self::UnknownWallet
            | Self::UnknownMerchant
            | Self::UnknownGroup
            | Self::UnknownOrder
            | Self::UnknownCode
            | Self::UnknownKey
            | Self::UnknownWebhook
            | Self::UnknownMessage => 404,
            Self::WrongMethod => 405,
            Self::BodyTooSlow => 408,
            Self::SubscriptionOver
            | Self::IdempotencyKeyInUse
            | Self::SecretShown
            | Self::NoPasskey
            | Self::LastPasskey
            | Self::AlreadyRegistered
            | Self::NameNotVerified
            | Self::DocumentTaken
            | Self::VerifiedOtherwise
            | Self::AlreadyOpen
            | Self::WalletRefused
            | Self::MerchantRefused
            | Self::GroupRefused
            | Self::PaymentRefused
            | Self::AnswerRefused
            | Self::CancelRefused
            | Self::RefundRefused
            | Self::OrderNoReused
            | Self::OrderNotPaid
            | Self::RailRefused
            | Self::LastOwner
            | Self::TooMany
            | Self::TooManyWebhooks
            | Self::WebhookDisabled => 409,
            Self::CeremonyOver
            | Self::ExpiredCode
            | Self::SpentCode
            | Self::LinkOver
            | Self::GapTooLong => 410,
            Self::BodyTooLarge => 413,
            Self::IdempotencyKeyReused => 422,
            Self::NoWebsocket => 426,
            Self::TooManyRequests
            | Self::TooManySessions
            | Self::TooManySubscriptions
            | Self::TooManySubscribers => 429,
            Self::Unreadable | Self::Internal => 500,
            Self::VerifierSilent
            | Self::BooksBehind
            | Self::Busy
            | Self::Closing
            | Self::Poisoned => 503,
            Self::Unanswered => 504,
        }
    }
}

impl From<ErrorCode> for Kind {
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::UnknownWallet => Self::UnknownWallet,
            ErrorCode::UnknownMerchant => Self::UnknownMerchant,
            ErrorCode::UnknownGroup => Self::UnknownGroup,
            ErrorCode::UnknownOrder => Self::UnknownOrder,
            ErrorCode::AlreadyOpen => Self::AlreadyOpen,
            ErrorCode::Wallet => Self::WalletRefused,
            ErrorCode::Merchant => Self::MerchantRefused,
            ErrorCode::Group => Self::GroupRefused,
            ErrorCode::Payment => Self::PaymentRefused,
            ErrorCode::Answer => Self::AnswerRefused,
            ErrorCode::Cancel => Self::CancelRefused,
            ErrorCode::Refund => Self::RefundRefused,
            ErrorCode::UnknownCode => Self::UnknownCode,
            ErrorCode::ExpiredCode => Self::ExpiredCode,
            ErrorCode::SpentCode => Self::SpentCode,
            ErrorCode::OrderNoReused => Self::OrderNoReused,
            ErrorCode::OrderNotPaid => Self::OrderNotPaid,
            ErrorCode::RailRefused => Self::RailRefused,
            ErrorCode::Busy => Self::Busy,
            ErrorCode::TooManySubscribers => Self::TooManySubscribers,
            ErrorCode::UnknownPosition => Self::UnknownPosition,
            ErrorCode::GapTooLong => Self::GapTooLong,
            ErrorCode::Closing => Self::Closing,
            ErrorCode::Poisoned => Self::Poisoned,
            ErrorCode::Unanswered => Self::Unanswered,
            ErrorCode::Unreadable => Self::Unreadable,
        }
    }
}

impl JsonSchema for Kind {
    fn schema_name() -> Cow<'static, str> {
        "ProblemCode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let codes: Vec<_> = Self::all().map(Self::code).collect();
        let says = |kind: Self| json!({ "code": kind.code(), "status": kind.status(), "meaning": kind.meaning() });
        let meanings: Vec<_> = Self::all().map(says).collect();
        json_schema!({
            "description": "What kind of problem it is: a stable word for programs.",
            "type": "string",
            "enum": codes,
            "x-problems": meanings,
        })
    }
}
