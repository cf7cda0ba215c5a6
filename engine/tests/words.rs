//! What the engine's words look like outside: topics in text, digests in JSON, reasons for programs.

use fanju::{
    Error,
    domain::{
        event::{Event, Settlement},
        reason::Reason,
        text::OrderNo,
        wallet,
    },
    id::{GroupId, MerchantId, Topic, TopicError, WalletId},
    ledger::FundsRejection,
    money::Amount,
};
use uuid::Uuid;

#[test]
fn a_topic_reads_back_from_its_text() {
    let id = Uuid::from_u128(7);
    for topic in
        [Topic::Wallet(WalletId(id)), Topic::Merchant(MerchantId(id)), Topic::Group(GroupId(id))]
    {
        assert_eq!(topic.to_string().parse(), Ok(topic));
    }
    for text in ["", "wallet", "wallet:", "wallet:7", "purse:00000000-0000-0000-0000-000000000007"]
    {
        assert_eq!(text.parse::<Topic>(), Err(TopicError), "{text}");
    }
}

#[test]
fn digests_are_text_in_json_because_numbers_lose_their_end_in_most_hands() {
    let settlement = Settlement {
        merchant: MerchantId(Uuid::from_u128(1)),
        order_no: OrderNo::new("1").expect("a number"),
        group: GroupId(Uuid::from_u128(2)),
        bill: u64::MAX,
        content: 1 << 53 | 1,
        total: Amount::from_minor(1),
        shares: Box::default(),
        legs: Box::default(),
    };
    let json = serde_json::to_value(Event::Settled(settlement.clone())).expect("events serialise");
    assert_eq!(json["bill"], "ffffffffffffffff");
    assert_eq!(json["content"], "0020000000000001");
    let read: Event = serde_json::from_value(json).expect("events read back");
    assert_eq!(read, Event::Settled(settlement));
}

#[test]
fn an_amount_is_whole_minor_units() {
    let read = |json: &str| serde_json::from_str::<Amount>(json).map_err(|error| error.to_string());
    assert_eq!(read("-5"), Ok(Amount::from_minor(-5)));
    assert_eq!(read("9223372036854775807"), Ok(Amount::from_minor(i64::MAX)));
    for wrong in ["1.5", "1e2", "\"5\"", "9223372036854775808", "null"] {
        let refused = read(wrong).expect_err("is refused");
        assert!(refused.contains("expected whole minor units"), "{wrong}: {refused}");
    }
}

#[test]
fn a_rejection_says_which_rule_refused() {
    let (available, needed) = (Amount::ZERO, Amount::from_minor(1));
    let funds = FundsRejection::InsufficientFunds { available, needed };
    let error = Error::Wallet(wallet::Rejection::Funds(funds));
    assert_eq!(error.code(), "wallet_refused");
    assert_eq!(error.reason().map(Reason::word), Some("insufficient_funds"));
    let error = Error::Wallet(wallet::Rejection::SameWallet);
    assert_eq!(error.reason(), Some(Reason::SameWallet));
    assert_eq!(Error::Busy.reason(), None);
}
