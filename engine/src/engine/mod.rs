//! The engine: what embedders and servers use. It looks seats up, passes commands in and answers
//! out, and decides nothing.

mod blocking;
mod config;
mod open;
mod presented;
mod subscription;
mod workers;

use std::{sync::Arc, time::Duration};

pub use config::{Config, Data, Times, Workers};
pub use open::{OpenError, Opening};
pub use presented::Presented;
pub use subscription::{Subscription, TopicState};
use tokio::sync::oneshot;
use tracing::Instrument as _;

use crate::{
    actors::{
        admission::Admission,
        archive::{Statement, unreadable},
        core::Core,
        directory::{Asked, ask},
        error::Error,
        group::{self, GroupActor, GroupView},
        merchant::{self, MerchantActor, MerchantView, OrderView},
        receipt::Receipt,
        reply::Reply,
        seat::{Seat, Seated},
        wallet::{self, WalletActor, WalletView},
    },
    books,
    domain::{
        bill::Bill,
        code::{Code, ShownCode},
        event::{Consent, Rules},
        group::{Command as GroupCommand, Rejection as GroupRejection},
        order::RefundRequest,
        payment::Question,
        text::{Name, Note, OrderNo},
        wallet::Command as WalletCommand,
    },
    id::{GroupId, MerchantId, Position, RequestId, Topic, WalletId},
    limits,
    money::{Amount, Currency},
};

/// A group-payment engine. Clones are the same engine; use it from any thread and any runtime.
///
/// Dropping the last clone ends it: what was decided becomes durable, and bills still being
/// collected are forgotten. [`Engine::close`] waits for those too.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    core: Arc<Core>,
    orders: Arc<Admission>,
    commands: Arc<Admission>,
    /// Moves over the bank's rail: where the bank is silent, nothing else is to wait for it.
    moves: Arc<Admission>,
    /// Reads of books and journal: a slow disk keeps nobody from paying.
    reads: Arc<Admission>,
    workers: workers::Workers,
}

/// What an engine did so far.
#[derive(Clone, Copy, Debug)]
pub struct Stats {
    /// The journal's writer.
    pub journal: crate::journal::Stats,
    /// Up to where the journal is durable.
    pub durable: Position,
    /// Up to where the books have it.
    pub projected: Position,
    /// How far the books are behind.
    pub books_lag: books::Lag,
    /// What writing the books took.
    pub books_flushes: books::FlushStats,
    /// Wallets in memory.
    pub wallets_active: usize,
    /// Merchants in memory.
    pub merchants_active: usize,
    /// Groups in memory.
    pub groups_active: usize,
    /// Orders between scan and end.
    pub orders_in_flight: usize,
}

impl Inner {
    /// Nobody new comes in.
    fn shut_doors(&self) {
        let Self { orders, commands, moves, reads, .. } = self;
        [orders, commands, moves, reads].into_iter().for_each(|door| door.close());
    }

    /// Waits for what was accepted, and ends all threads.
    fn finish(&self) {
        let Self { core, orders, commands, moves, reads, workers } = self;
        let began = std::time::Instant::now();
        workers.wait(core, began, || orders.in_flight() == 0);
        // No bill is left whose question could be answered.
        commands.end();
        let rest = [commands, moves, reads];
        workers.wait(core, began, || rest.iter().all(|door| door.in_flight() == 0));
        workers.end(core);
    }
}

impl Engine {
    /// Opens an engine: recovers the journal, brings the books up to it, and takes up every move
    /// that the bank has not answered.
    ///
    /// Blocks while it reads: a moment where the books are up to date, and as long as reading the journal
    /// takes where they are made anew. From async code that others wait for, open inside `spawn_blocking`.
    ///
    /// # Errors
    /// [`OpenError`]; nothing was changed then, except that a torn tail may have been cut, books that were to
    /// be made anew put aside, and books of another version emptied.
    pub fn open(config: Config) -> Result<Self, OpenError> {
        open::open(config).map(|(engine, _)| engine)
    }

    /// As [`Engine::open`], with a report of what recovery found.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_with_report(config: Config) -> Result<(Self, Opening), OpenError> {
        open::open(config)
    }

    /// Takes no more commands, finishes what was accepted, brings the books up to date and ends
    /// all threads. Diners may still answer the questions of a bill that was accepted. Later calls
    /// find it closed.
    pub async fn close(&self) {
        self.0.shut_doors();
        let inner = Arc::clone(&self.0);
        let (done, closed) = oneshot::channel();
        let closing = std::thread::Builder::new().name("fanju-close".into()).spawn(move || {
            inner.finish();
            if done.send(()).is_err() {
                tracing::debug!("nobody waits for the engine to close");
            }
        });
        if let Err(error) = closing {
            tracing::error!(%error, "no thread to close the engine with");
            return;
        }
        drop(closed.await);
    }

    /// [`Engine::close`] for programs without a runtime.
    pub fn close_blocking(&self) {
        self.0.shut_doors();
        self.0.finish();
    }

    /// Waits for `answer` on this thread: the blocking door for programs without a runtime. Must
    /// not be called inside one.
    pub fn block_on<T>(&self, answer: impl Future<Output = T>) -> T {
        blocking::wait(answer)
    }

    // --- wallets ---------------------------------------------------------------------------

    /// Opens a wallet.
    ///
    /// # Errors
    /// An operating [`Error`].
    pub async fn open_wallet(&self, name: Name, currency: Currency) -> Result<WalletId, Error> {
        let id = WalletId(self.0.core.fresh_uuid());
        let seat =
            |core: &Arc<Core>| core.wallets.seat(id, || WalletActor::unborn(id, Arc::clone(core)));
        self.command(seat, |reply| wallet::Open { name, currency, reply }).await?;
        Ok(id)
    }

    /// Opens the wallet `id`, for callers who may ask twice: they choose the id, a fresh UUID of
    /// version 7, before they ask, and repeat it.
    ///
    /// # Errors
    /// [`Error::AlreadyOpen`], whatever the wallet there is like, or an operating error.
    pub async fn open_wallet_as(
        &self,
        id: WalletId,
        name: Name,
        currency: Currency,
    ) -> Result<(), Error> {
        self.command(|core| core.wallet(id), |reply| wallet::Open { name, currency, reply })
            .await?;
        Ok(())
    }

    /// Brings money in from the bank. Repeating `request` finds the first answer, as long as the
    /// wallet remembers it: its last [`limits::REQUESTS_REMEMBERED_MAX`] requests. An older one is
    /// a new request, to the bank as well.
    ///
    /// # Errors
    /// A rejection of the wallet, [`Error::RailRefused`], or an operating error.
    pub async fn top_up(
        &self,
        wallet: WalletId,
        request: RequestId,
        amount: Amount,
    ) -> Result<Receipt, Error> {
        self.wallet_command(wallet, WalletCommand::TopUp { request, amount }).await
    }

    /// Takes money out to the bank; it is held until the bank has answered.
    ///
    /// # Errors
    /// As [`Engine::top_up`].
    pub async fn withdraw(
        &self,
        wallet: WalletId,
        request: RequestId,
        amount: Amount,
    ) -> Result<Receipt, Error> {
        self.wallet_command(wallet, WalletCommand::Withdraw { request, amount }).await
    }

    /// Gives money to another wallet of the same currency.
    ///
    /// # Errors
    /// A rejection of either wallet, or an operating error.
    pub async fn transfer(
        &self,
        from: WalletId,
        to: WalletId,
        request: RequestId,
        amount: Amount,
        note: Option<Note>,
    ) -> Result<Receipt, Error> {
        self.wallet_command(from, WalletCommand::Transfer { to, request, amount, note }).await
    }

    /// Stops new payments of a wallet: it can still be paid, and what it had set aside for a bill may still
    /// leave.
    ///
    /// # Errors
    /// A rejection of the wallet, or an operating error.
    pub async fn freeze(&self, wallet: WalletId) -> Result<Receipt, Error> {
        self.wallet_command(wallet, WalletCommand::Freeze).await
    }

    /// Lets a frozen wallet pay again.
    ///
    /// # Errors
    /// A rejection of the wallet, or an operating error.
    pub async fn thaw(&self, wallet: WalletId) -> Result<Receipt, Error> {
        self.wallet_command(wallet, WalletCommand::Thaw).await
    }

    /// Closes an empty wallet for good.
    ///
    /// # Errors
    /// A rejection of the wallet, or an operating error.
    pub async fn close_wallet(&self, wallet: WalletId) -> Result<Receipt, Error> {
        self.wallet_command(wallet, WalletCommand::Close).await
    }

    /// A wallet as its owner sees it: everything durable, less what is set aside.
    ///
    /// # Errors
    /// [`Error::UnknownWallet`], or an operating error.
    pub async fn wallet(&self, wallet: WalletId) -> Result<WalletView, Error> {
        self.command(|core| core.wallet(wallet), wallet::Get).await
    }

    async fn wallet_command(
        &self,
        wallet: WalletId,
        command: WalletCommand,
    ) -> Result<Receipt, Error> {
        let door = match command {
            WalletCommand::TopUp { .. } | WalletCommand::Withdraw { .. } => &self.0.moves,
            WalletCommand::Freeze
            | WalletCommand::Thaw
            | WalletCommand::Close
            | WalletCommand::Transfer { .. } => &self.0.commands,
        };
        self.ask(door, |core| core.wallet(wallet), |reply| wallet::Submit { command, reply }).await
    }

    // --- merchants -------------------------------------------------------------------------

    /// Onboards a merchant.
    ///
    /// # Errors
    /// An operating [`Error`].
    pub async fn onboard_merchant(
        &self,
        name: Name,
        currency: Currency,
    ) -> Result<MerchantId, Error> {
        let id = MerchantId(self.0.core.fresh_uuid());
        let seat = |core: &Arc<Core>| {
            core.merchants.seat(id, || MerchantActor::unborn(id, Arc::clone(core)))
        };
        self.command(seat, |reply| merchant::Onboard { name, currency, reply }).await?;
        Ok(id)
    }

    /// Onboards the merchant `id`, as [`Engine::open_wallet_as`] opens a wallet.
    ///
    /// # Errors
    /// [`Error::AlreadyOpen`], or an operating error.
    pub async fn onboard_merchant_as(
        &self,
        id: MerchantId,
        name: Name,
        currency: Currency,
    ) -> Result<(), Error> {
        self.command(|core| core.merchant(id), |reply| merchant::Onboard { name, currency, reply })
            .await?;
        Ok(())
    }

    /// Collects `bill` from the group that shows `code`, and waits until the order has ended.
    ///
    /// Repeating the same bill under the same number finds its true state: a paid bill is never
    /// collected twice, an unpaid one may be tried again with a fresh code.
    ///
    /// # Errors
    /// A rejection, [`Error::OrderNoReused`], a code that does not count, or an operating error.
    pub async fn present(&self, bill: Bill, code: Code) -> Result<Presented, Error> {
        let (merchant, order_no) = (&bill.merchant, &bill.order_no);
        let span = tracing::debug_span!("present", %merchant, %order_no);
        let permit = self.0.orders.admit()?;
        let seat = self.0.core.merchant(bill.merchant);
        let (reply, answer) = Reply::new(permit);
        ask(&seat, merchant::Present { bill, code, reply })?;
        drop(seat);
        Ok(Presented::of(self.answer(answer).instrument(span).await?))
    }

    /// Takes a bill back that is not decided yet, and waits until the order has ended: declined, or
    /// settled if that was on its way already. Repeating it finds the order that was taken back.
    ///
    /// # Errors
    /// [`Error::Cancel`] when the order had ended otherwise, [`Error::UnknownOrder`] when there is none,
    /// why the bill came to nothing when it could not be tried, or an operating error.
    pub async fn cancel(
        &self,
        merchant: MerchantId,
        order_no: OrderNo,
    ) -> Result<Presented, Error> {
        self.command(|core| core.merchant(merchant), |reply| merchant::Cancel { order_no, reply })
            .await
            .map(Presented::of)
    }

    /// How an order stands: the answer to a lost reply.
    ///
    /// # Errors
    /// [`Error::UnknownOrder`] when it was never decided (presumed abort), or an operating error.
    pub async fn order(&self, merchant: MerchantId, order_no: OrderNo) -> Result<OrderView, Error> {
        self.command(|core| core.merchant(merchant), |reply| merchant::GetOrder { order_no, reply })
            .await
    }

    /// Gives back what is left of an order, or a part of it, to everybody in proportion or to one
    /// diner. Repeating the same refund number finds the first answer.
    ///
    /// # Errors
    /// A rejection, or an operating error.
    pub async fn refund(
        &self,
        merchant: MerchantId,
        request: RefundRequest,
    ) -> Result<Receipt, Error> {
        self.command(|core| core.merchant(merchant), |reply| merchant::GiveBack { request, reply })
            .await
    }

    /// Pays a merchant's takings out to the bank.
    ///
    /// # Errors
    /// A rejection, [`Error::RailRefused`], or an operating error.
    pub async fn pay_out(
        &self,
        merchant: MerchantId,
        request: RequestId,
        amount: Amount,
    ) -> Result<Receipt, Error> {
        self.ask(
            &self.0.moves,
            |core| core.merchant(merchant),
            |reply| merchant::PayOut { request, amount, reply },
        )
        .await
    }

    /// A merchant as its staff sees it.
    ///
    /// # Errors
    /// [`Error::UnknownMerchant`], or an operating error.
    pub async fn merchant(&self, merchant: MerchantId) -> Result<MerchantView, Error> {
        self.command(|core| core.merchant(merchant), merchant::Get).await
    }

    // --- groups ----------------------------------------------------------------------------

    /// Opens a group; `host` is its first member and agrees to `consent`.
    ///
    /// # Errors
    /// A rejection of the group or the host's wallet, or an operating error.
    pub async fn open_group(
        &self,
        name: Name,
        host: WalletId,
        consent: Consent,
        currency: Currency,
        rules: Rules,
    ) -> Result<GroupId, Error> {
        let id = GroupId(self.0.core.fresh_uuid());
        let seat =
            |core: &Arc<Core>| core.groups.seat(id, || GroupActor::unborn(id, Arc::clone(core)));
        let open = |reply| group::Open { name, host, consent, currency, rules, reply };
        self.command(seat, open).await?;
        Ok(id)
    }

    /// Opens the group `id`, as [`Engine::open_wallet_as`] opens a wallet.
    ///
    /// # Errors
    /// [`Error::AlreadyOpen`], or as [`Engine::open_group`].
    pub async fn open_group_as(
        &self,
        id: GroupId,
        name: Name,
        host: WalletId,
        consent: Consent,
        currency: Currency,
        rules: Rules,
    ) -> Result<(), Error> {
        let open = |reply| group::Open { name, host, consent, currency, rules, reply };
        self.command(|core| core.group(id), open).await?;
        Ok(())
    }

    /// Changes a group: invite, join, leave, set consent or rules, lay a draft, claim its lines, lock,
    /// unlock, close. Joining this way takes an invitation; only [`Engine::join_by_code`] has seen the
    /// code that stands for one, and only [`Engine::draft`] the code that lets a till in.
    ///
    /// # Errors
    /// A rejection of the group, of the wallet that it concerns, or an operating error.
    pub async fn group_command(
        &self,
        group: GroupId,
        mut command: GroupCommand,
    ) -> Result<Receipt, Error> {
        if let GroupCommand::Join { by_code, .. } = &mut command {
            *by_code = false;
        }
        if matches!(command, GroupCommand::DraftByTill { .. }) {
            return Err(GroupRejection::NotMember.into());
        }
        self.command(|core| core.group(group), |reply| group::Submit { command, reply }).await
    }

    /// Invites somebody.
    ///
    /// # Errors
    /// As [`Engine::group_command`].
    pub async fn invite(
        &self,
        group: GroupId,
        by: WalletId,
        wallet: WalletId,
    ) -> Result<Receipt, Error> {
        self.group_command(group, GroupCommand::Invite { by, wallet }).await
    }

    /// Joins as somebody who was invited.
    ///
    /// # Errors
    /// As [`Engine::group_command`].
    pub async fn join(
        &self,
        group: GroupId,
        wallet: WalletId,
        consent: Consent,
    ) -> Result<Receipt, Error> {
        let join = GroupCommand::Join { wallet, consent, by_code: false };
        self.group_command(group, join).await
    }

    /// Joins the group that shows `code`, without spending it: seeing the code is an invitation.
    ///
    /// # Errors
    /// A code that does not count, or as [`Engine::group_command`].
    pub async fn join_by_code(
        &self,
        code: Code,
        wallet: WalletId,
        consent: Consent,
    ) -> Result<Receipt, Error> {
        let seat = self.0.core.codes.peek(code, self.0.core.steady.now())?;
        let command = GroupCommand::Join { wallet, consent, by_code: true };
        self.command(|_| seat, |reply| group::Submit { command, reply }).await
    }

    /// Lays `bill`, which will be presented later, on the table that shows `code`, without spending
    /// it: the diners claim its lines, and see what each of them would owe.
    ///
    /// # Errors
    /// A code that does not count, or as [`Engine::group_command`].
    pub async fn draft(&self, bill: Bill, code: Code) -> Result<Receipt, Error> {
        let seat = self.0.core.codes.peek(code, self.0.core.steady.now())?;
        let command = GroupCommand::DraftByTill { bill };
        self.command(|_| seat, |reply| group::Submit { command, reply }).await
    }

    /// The code that a member shows at the till.
    ///
    /// # Errors
    /// A rejection of the group, or an operating error.
    pub async fn show_code(&self, group: GroupId, by: WalletId) -> Result<ShownCode, Error> {
        self.command(|core| core.group(group), |reply| group::ShowCode { by, reply }).await
    }

    /// Says yes to the share that a diner is asked about: to this very share of this very bill, as it was
    /// presented this time. Questions come with progress events, and with [`GroupView::questions`].
    ///
    /// # Errors
    /// [`Error::Answer`] when the question does not stand open (any more), or an operating error.
    pub async fn confirm(&self, group: GroupId, question: Question) -> Result<(), Error> {
        self.answer_question(group, question, true).await
    }

    /// Says no to the share that a diner is asked about.
    ///
    /// # Errors
    /// As [`Engine::confirm`].
    pub async fn refuse(&self, group: GroupId, question: Question) -> Result<(), Error> {
        self.answer_question(group, question, false).await
    }

    /// Also taken while the engine closes: the bill that waits for it was accepted before.
    async fn answer_question(
        &self,
        group: GroupId,
        question: Question,
        yes: bool,
    ) -> Result<(), Error> {
        let (reply, answer) = Reply::new(self.0.commands.admit_until_the_end()?);
        ask(&self.0.core.group(group), group::Answer { question, yes, reply })?;
        self.answer(answer).await
    }

    /// A group as its members see it.
    ///
    /// # Errors
    /// [`Error::UnknownGroup`], or an operating error.
    pub async fn group(&self, group: GroupId) -> Result<GroupView, Error> {
        self.command(|core| core.group(group), group::Get).await
    }

    // --- history ---------------------------------------------------------------------------

    /// What happened to `topic`, newest first, beginning before or at `from` (its newest record
    /// when `None`), at most `limit` events ([`limits::PAGE_ROWS_MAX`]), and fewer where they are long
    /// ([`limits::PAGE_BYTES_MAX`]): a page is the last one when it names no next.
    ///
    /// # Errors
    /// An unknown topic, [`Error::UnknownPosition`], or an operating error.
    pub async fn statement(
        &self,
        topic: Topic,
        from: Option<Position>,
        limit: usize,
    ) -> Result<Statement, Error> {
        let newest = match from {
            Some(position) => position,
            None => match topic {
                Topic::Wallet(id) => self.wallet(id).await?.position,
                Topic::Merchant(id) => self.merchant(id).await?.position,
                Topic::Group(id) => self.group(id).await?.position,
            },
        };
        let limit = limit.clamp(1, limits::PAGE_ROWS_MAX);
        let admitted = self.0.reads.admit()?;
        let read = self.0.core.queries.read(move |shelves| {
            let _admitted = admitted;
            if from.is_some_and(|position| position != Position::NONE) {
                shelves.check_position(newest)?;
            }
            shelves.statement(topic, newest, limit)
        });
        read.await
    }

    /// Listens to `topic`: its state now, then everything after it in order. With `after`, the last
    /// position seen, the gap since then comes first.
    ///
    /// # Errors
    /// An unknown topic, [`Error::UnknownPosition`] when `after` is not on the topic's chain,
    /// [`Error::GapTooLong`] when too much happened since (listen anew, without `after`),
    /// [`Error::TooManySubscribers`], or an operating error.
    pub async fn subscribe(
        &self,
        topic: Topic,
        after: Option<Position>,
    ) -> Result<Subscription, Error> {
        subscription::subscribe(self, topic, after).await
    }

    // --- the whole -------------------------------------------------------------------------

    /// Groups whose bill is on its way, those first whose bill was scanned first, at most `limit` of them; and
    /// how many there are. A bill that has just been decided is not among them.
    #[must_use]
    pub fn paying_groups(&self, limit: usize) -> (Vec<GroupId>, usize) {
        self.0.core.deadlines.groups(limit)
    }

    /// What the engine did so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let core = &self.0.core;
        let committer = core.committer.get().expect("open engines have a journal");
        Stats {
            journal: committer.stats(),
            durable: committer.reader().durable(),
            projected: core.projected.position(),
            books_lag: core.projected.lag(),
            books_flushes: core.projected.flush_stats(),
            wallets_active: core.wallets.len(),
            merchants_active: core.merchants.len(),
            groups_active: core.groups.len(),
            orders_in_flight: self.0.orders.in_flight(),
        }
    }

    /// Runs a query on the books. They lag behind the journal by [`Stats::books_lag`].
    ///
    /// # Errors
    /// [`Error::Unreadable`], [`Error::Unanswered`] when the query panics, or an operating error.
    pub async fn query<T: Send + 'static>(
        &self,
        query: impl FnOnce(&books::BooksReader) -> Result<T, books::BooksError> + Send + 'static,
    ) -> Result<T, Error> {
        let admitted = self.0.reads.admit()?;
        let read = self.0.core.queries.read(move |shelves| {
            // Whoever hangs up leaves the query in the line, and its place with it.
            let _admitted = admitted;
            query(&shelves.books).map_err(unreadable)
        });
        read.await
    }

    /// Waits until the books have everything that is durable now; says whether they have. While they write
    /// nothing, which [`Engine::books_error`] tells, nobody waits for them.
    ///
    /// # Errors
    /// [`Error::Closing`].
    pub async fn books_caught_up(&self, timeout: Duration) -> Result<bool, Error> {
        let (core, target) = (Arc::clone(&self.0.core), self.stats().durable);
        let (done, answer) = oneshot::channel();
        let wait = async move {
            if done.send(core.await_books(target, timeout).await).is_err() {
                tracing::debug!("nobody waits for the books any more");
            }
        };
        if !self.0.core.thread.spawn(wait) {
            return Err(Error::Closing);
        }
        match answer.await {
            Ok(reached) => Ok(reached),
            // The engine has closed meanwhile, and brought its books up to date.
            Err(_) if self.0.core.projected.position() >= target => Ok(true),
            Err(_) => Err(Error::Closing),
        }
    }

    /// Why the books write nothing: for good, or until it has passed (a full disk, a lock that somebody else
    /// holds). The engine goes on without them: books never decide.
    #[must_use]
    pub fn books_error(&self) -> Option<Arc<books::BooksError>> {
        self.0.core.projected.error()
    }

    /// Whether the journal has failed: nothing more is acknowledged until the folder is opened again
    /// (J-3), and every subscription ends after this is true.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.0.core.is_poisoned()
    }

    /// A handle that reads the journal, for auditors.
    #[must_use]
    pub fn journal(&self) -> crate::journal::Reader {
        self.0.core.committer.get().expect("open engines have a journal").reader()
    }

    async fn command<A, M, T>(
        &self,
        seat: impl FnOnce(&Arc<Core>) -> Arc<Seat<A>>,
        message: impl FnOnce(Reply<T>) -> M,
    ) -> Result<T, Error>
    where
        A: Seated + actix::Handler<Asked<M>>,
        M: Send + 'static,
    {
        self.ask(&self.0.commands, seat, message).await
    }

    /// Asks the actor at `seat`, with a place behind this door; who gets none wakes nobody.
    async fn ask<A, M, T>(
        &self,
        door: &Arc<Admission>,
        seat: impl FnOnce(&Arc<Core>) -> Arc<Seat<A>>,
        message: impl FnOnce(Reply<T>) -> M,
    ) -> Result<T, Error>
    where
        A: Seated + actix::Handler<Asked<M>>,
        M: Send + 'static,
    {
        let (reply, answer) = Reply::new(door.admit()?);
        // Whoever waits keeps nobody in memory.
        seat(&self.0.core).tell_last(Asked(message(reply)))?;
        self.answer(answer).await
    }

    async fn answer<T>(&self, answer: oneshot::Receiver<Result<T, Error>>) -> Result<T, Error> {
        match answer.await {
            Ok(answer) => answer,
            Err(_) => match self.0.core.poison.get() {
                Some(error) => Err(Error::Poisoned(Arc::clone(error))),
                None => Err(Error::Unanswered),
            },
        }
    }
}
