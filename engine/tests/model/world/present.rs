//! A bill on both: what its diners are asked, what is set aside meanwhile, and how it ends.

use fanju::{
    Error, OrderView,
    domain::{
        bill::Bill,
        event::Event,
        group::{self, Rejection},
        payment::{AnswerRejection, Question},
        wallet,
    },
    id::{GroupId, WalletId},
};

use super::{
    Driver,
    ask::{ask, record_of},
    assert_refused,
    command::{Answer, Command},
    payment::{Payment, Stage, UNNAMED},
    plan::Plan,
};
use crate::support::{Begun, begin, minor, within};

/// How often somebody looks whether others have done what they are about to do.
const LOOKS: usize = 10_000;

impl Driver {
    /// A bill that its merchant hands to its group.
    pub(super) async fn try_bill(
        &mut self,
        command: Command,
        group: GroupId,
        bill: Bill,
        plan: &Plan,
    ) {
        let Plan::Present { says, cancel, .. } = plan else { unreachable!("a bill") };
        let has = |(id, it): (&WalletId, &super::ledger::Wallet)| {
            (*id, (it.status == wallet::Status::Open).then_some(it.posted))
        };
        let funds = self.model.wallets.iter().map(has).collect();
        let mut payment = match Payment::begin(self.model.groups[&group].clone(), bill, funds) {
            Ok(payment) => payment,
            Err(rejection) => {
                let error = within(ask(self.engine.clone(), command.clone())).await;
                let error = error.expect_err("the bill cannot be tried");
                return assert_refused(&error, &Error::Payment(rejection), &command);
            }
        };
        let mut answer = begin(ask(self.engine.clone(), command.clone())).await;
        let mut taken_back = None;
        for asked in 0_u8.. {
            let Stage::Asks(questions) = payment.stage() else { break };
            let question = self.wait_until_asked(&payment, group, &questions, &mut answer).await;
            if asked == 0 {
                self.check_meanwhile(&payment, group, &question).await;
            }
            let (merchant, order_no) = (payment.bill().merchant, payment.bill().order_no.clone());
            if *cancel == Some(asked) {
                let ended = within(self.engine.cancel(merchant, order_no)).await;
                taken_back = Some(record_of(ended.expect("is under way")).position());
                payment.cancel();
            } else if says >> (asked % 8) & 1 == 1 {
                within(self.engine.confirm(group, question)).await.expect("is asked");
                payment.answer(true);
            } else {
                within(self.engine.refuse(group, question)).await.expect("is asked");
                payment.answer(false);
            }
        }
        let told = match payment.stage() {
            Stage::Unsure => self.say_yes_to_all(group, answer).await,
            Stage::Ends(_) | Stage::Asks(_) => within(answer).await,
        };
        let told = told.expect("it ends");
        assert!(!told.replayed, "{command:?}");
        assert!(taken_back.is_none_or(|position| position == told.position), "{command:?}");
        if let Stage::Ends(ends) = payment.stage() {
            assert!(ends.contains(&told.event), "{command:?}: {told:?} is none of {ends:?}");
        } else {
            assert!(matches!(told.event, Event::Settled(_) | Event::Declined(_)), "{told:?}");
        }
        self.take_over(&told);
    }

    /// Waits until wallets and group have come to what the model says. Tells the first question, with the
    /// name that the engine has for this presentation.
    async fn wait_until_asked(
        &self,
        payment: &Payment,
        group: GroupId,
        questions: &[Question],
        answer: &mut Begun<Answer>,
    ) -> Question {
        let expected = self.left_of(payment);
        let mut seen = None;
        for _ in 0..LOOKS {
            tokio::select! {
                biased;
                told = &mut *answer => panic!("{questions:?} are to be asked, but {told:?}"),
                () = tokio::task::yield_now() => {}
            }
            let named = within(self.engine.group(group)).await.expect("known").questions;
            let unnamed = |it: &Question| Question { presentation: UNNAMED, ..it.clone() };
            let asked: Vec<Question> = named.iter().map(unnamed).collect();
            let mut left = Vec::new();
            for (id, _) in &expected {
                left.push((*id, within(self.engine.wallet(*id)).await.expect("known").available));
            }
            if asked == questions && left == expected {
                assert!(named.iter().all(|it| it.presentation == named[0].presentation));
                return named[0].clone();
            }
            seen = Some((asked, left));
        }
        panic!("{seen:?}, expected {questions:?}, {expected:?}: {:?}", payment.bill())
    }

    /// What every wallet has left while the bill is being paid.
    fn left_of(&self, payment: &Payment) -> Vec<(WalletId, fanju::money::Amount)> {
        let aside = payment.set_aside();
        let left = |id: &WalletId, posted: i64| posted - aside.get(id).copied().unwrap_or_default();
        self.model.wallets.iter().map(|(id, it)| (*id, minor(left(id, it.posted)))).collect()
    }

    /// What can and cannot be done while a bill is being paid.
    async fn check_meanwhile(&self, payment: &Payment, group: GroupId, asked: &Question) {
        let bill = payment.bill();
        let view = within(self.engine.group(group)).await.expect("known");
        assert!(view.paying);
        let order = within(self.engine.order(bill.merchant, bill.order_no.clone())).await;
        assert_eq!(order.expect("known"), OrderView::InFlight { total: bill.total });

        let host = view.group.host;
        let close = Command::Group { group, command: group::Command::Close { by: host } };
        self.check_refused(close, Rejection::PaymentInProgress.into()).await;
        let other = Command::Present { group, by: host, bill: bill.clone() };
        self.check_refused(other, Rejection::PaymentInProgress.into()).await;

        let earlier = Question { presentation: UNNAMED, ..asked.clone() };
        let error = within(self.engine.confirm(group, earlier)).await.expect_err("another try");
        let other = AnswerRejection::OtherPresentation;
        assert_eq!(format!("{error:?}"), format!("{:?}", Error::Answer(other)));
        let answered = minor(asked.owed.minor() + 1);
        let wrong = Question { owed: answered, ..asked.clone() };
        let error = within(self.engine.confirm(group, wrong)).await.expect_err("another share");
        let other = AnswerRejection::OtherShare { asked: asked.owed, answered };
        assert_eq!(format!("{error:?}"), format!("{:?}", Error::Answer(other)));
    }

    async fn check_refused(&self, command: Command, expected: Error) {
        let error = within(ask(self.engine.clone(), command.clone())).await;
        assert_refused(&error.expect_err("a bill is being paid"), &expected, &command);
    }

    async fn say_yes_to_all(&self, group: GroupId, mut answer: Begun<Answer>) -> Answer {
        for _ in 0..LOOKS {
            tokio::select! {
                biased;
                answer = &mut answer => return answer,
                () = tokio::task::yield_now() => {}
            }
            let view = within(self.engine.group(group)).await.expect("known");
            for question in view.questions {
                // The question may be over meanwhile.
                drop(within(self.engine.confirm(group, question)).await);
            }
        }
        panic!("the bill does not end")
    }
}
