//! stub
#![allow(missing_docs, unused, reason = "stub")]
use std::{path::Path, time::Duration};
use crate::{codec::Record, domain::{event::RailMove, group::Group, merchant::Merchant, text::OrderNo, wallet::Wallet}, id::*, journal::{JournalId, Reader, Tail}};
#[derive(Debug, thiserror::Error)]
pub enum BooksError { #[error("x")] X, #[error("y")] R(#[from] crate::journal::ReadError) }
#[derive(Clone, Copy, Debug, Default)]
pub struct Options { pub flush_interval: Duration, pub cache_bytes: u64 }
#[derive(Debug)]
pub struct Books;
impl Books {
    pub fn open(_: Option<&Path>, _: JournalId, _: Options) -> Result<Self, BooksError> { Ok(Self) }
    pub fn catch_up(&mut self, _: &Reader) -> Result<(), BooksError> { Ok(()) }
    pub fn rebuild(&mut self, _: &Reader) -> Result<(), BooksError> { Ok(()) }
    pub fn reader(&self) -> BooksReader { BooksReader }
}
#[derive(Clone)]
pub struct BooksReader;
impl BooksReader {
    pub fn wallet(&self, _: WalletId) -> Result<Option<(Wallet, Position)>, BooksError> { Ok(None) }
    pub fn merchant(&self, _: MerchantId) -> Result<Option<(Merchant, Position)>, BooksError> { Ok(None) }
    pub fn group(&self, _: GroupId) -> Result<Option<(Group, Position)>, BooksError> { Ok(None) }
    pub fn order(&self, _: MerchantId, _: &OrderNo) -> Result<Option<Vec<Position>>, BooksError> { Ok(None) }
    pub fn order_numbers(&self, _: MerchantId, _: impl FnMut(&str)) -> Result<(), BooksError> { Ok(()) }
    pub fn open_rail_moves(&self) -> Result<Vec<RailMove>, BooksError> { Ok(vec![]) }
}
#[derive(Clone)]
pub struct Progress;
impl Progress { pub fn position(&self) -> Position { Position(0) } pub fn lag(&self) -> Duration { Duration::ZERO } pub fn wait_for(&self, _: Position) -> Result<(), BooksError> { Ok(()) } }
pub struct Projector;
impl Projector { pub fn spawn(_: Books, _: Reader) -> std::io::Result<Self> { Ok(Self) } pub fn progress(&self) -> Progress { Progress } pub fn close(self) {} }
pub fn peek_checkpoint(_: &Path) -> Result<Option<Tail>, BooksError> { Ok(None) }
