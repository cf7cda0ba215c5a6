//! Fanju (饭局, a dinner that people share): an embeddable real-time group-payment engine.
//!
//! Friends who eat together open a *group*; one of them shows its code; the till scans it once, and
//! every diner's share leaves that diner's own wallet, in one atomic record. Everybody watches it
//! happen.
//!
//! ```
//! use fanju::{Config, Engine, money::Currency};
//!
//! # async fn doc() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::open(Config::in_memory())?;
//! let ana = engine.open_wallet("Ana".try_into()?, Currency::CNY).await?;
//! assert_eq!(engine.wallet(ana).await?.available.minor(), 0);
//! engine.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! A whole dinner is `engine/examples/dinner.rs`; beside it are a refund, a table that is watched live, and
//! a program without a runtime. How a table divides its bills is a [`Rules`](domain::event::Rules), with a
//! [`Split`](domain::split::Split), given to [`Engine::open_group`] or changed by
//! [`SetRules`](domain::group::Command::SetRules) through [`Engine::group_command`].
//!
//! # Floors
//!
//! A lower floor never names a higher one.
//!
//! | floor | modules | knows |
//! |---|---|---|
//! | 0 words | [`id`] [`money`] [`time`] [`limits`] | what things are called and how large they get |
//! | 1 ledger | [`ledger`] | double entry: what does not sum to zero cannot be built |
//! | 2 domain | [`domain`] | every rule, as pure state machines |
//! | 3 bytes | [`journal`] [`codec`] [`books`] | durability; `journal` knows no money |
//! | 4 actors | `actors` | who waits for whom; decides nothing; names actix, with `engine` alone beside it |
//! | 5 engine | [`Engine`] | the door |

mod actors;
pub mod books;
#[doc(hidden)]
pub mod broken;
pub mod codec;
pub mod domain;
mod engine;
mod hash;
pub mod id;
pub mod journal;
pub mod ledger;
pub mod limits;
pub mod money;
mod sync;
pub mod time;

/// Amounts come from its `Decimal`, and become one.
pub use rust_decimal;
/// Identities are of its `Uuid`.
pub use uuid;

pub use actors::{
    archive::Statement,
    clock::{Clock, TestClock},
    error::{Error, ErrorCode},
    feed::{DurableEvent, FeedError, FeedEvent, ProgressEvent},
    group::GroupView,
    merchant::{MerchantView, OrderView},
    rail::{Rail, RailAnswer, RailFuture, SandboxBank, SandboxConduct, SilentBank},
    receipt::Receipt,
    wallet::WalletView,
};
pub use engine::{
    Config, Data, Engine, OpenError, Opening, Presented, Stats, Subscription, Times, TopicState,
    Workers,
};
