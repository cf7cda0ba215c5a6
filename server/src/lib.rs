//! The Fanju engine on the network: live websocket sessions, HTTP, sign-in, webhooks and pages.
//!
//! A request's way, over either door:
//!
//! | room | knows |
//! |---|---|
//! | [`serve`] [`config`] [`tls`] [`telemetry`] | sockets, threads, signals; one struct of settings; certificates; logs and spans |
//! | [`http`] [`live`] | the two doors: resources, and JSON-RPC over a websocket; no rule |
//! | [`operations`] | everything that one can ask, each said once: parameters, right, deed |
//! | [`auth`] | who asks, and whether they may |
//! | [`app`] | what all requests share: the engine, the register, the outbox |
//! | [`webhooks`] | what happens, told to merchants' servers |
//! | [`web`] [`cast`] | the pages, and a cast to play with |
//! | [`backup`] [`verify`] | a data folder, copied and audited |
//!
//! The server decides nothing about money: it knows who asks, and passes on.

pub mod app;
pub mod auth;
pub mod backup;
pub mod cast;
pub mod cloud_event;
pub mod config;
pub mod depth;
mod epoch;
mod files;
pub mod http;
mod keys;
pub mod limits;
pub mod live;
mod measures;
mod moment;
pub mod operations;
pub mod problem;
pub mod serve;
pub mod telemetry;
pub mod tls;
pub mod verify;
pub mod web;
pub mod webhooks;
