//! Answers: who was asked what in one life, and who said yes; whoever is said to have agreed must have said
//! so, at the presentation of the bill that was paid (G-3).

use std::collections::{BTreeMap, BTreeSet};

use fanju::{
    domain::{
        event::{Event, Settlement},
        payment::Question,
        text::OrderNo,
    },
    id::{GroupId, MerchantId, PresentationId, WalletId},
    money::Amount,
};

/// A merchant's order, and the group to which it is presented.
type Tried = (GroupId, MerchantId, OrderNo);

/// What diners were asked and said.
#[derive(Debug, Default)]
pub struct Answers {
    /// The presentations of each bill at which somebody was asked.
    asked: BTreeMap<Tried, BTreeSet<PresentationId>>,
    /// Those of them that have ended.
    over: BTreeSet<PresentationId>,
    /// To which share of each bill, as it is presented now.
    yes: BTreeMap<Tried, BTreeSet<(WalletId, Amount)>>,
}

impl Answers {
    /// A diner is asked; whatever is durable by now was folded before.
    pub fn asks(&mut self, group: GroupId, question: &Question) {
        let tried = (group, question.merchant, question.order_no.clone());
        self.asked.entry(tried).or_default().insert(question.presentation);
    }

    /// A diner says yes; one to what has ended counts for nothing.
    pub fn says_yes(&mut self, group: GroupId, question: &Question) {
        let Question { merchant, order_no, presentation, diner, owed } = question;
        if !self.over.contains(presentation) {
            let tried = (group, *merchant, order_no.clone());
            self.yes.entry(tried).or_default().insert((*diner, *owed));
        }
    }

    /// Folds a record: a bill that is declined ends what was asked and said of it. Names what is wrong with
    /// one that is paid.
    pub fn observe(&mut self, event: &Event) -> Vec<String> {
        if let Event::Declined(decline) = event {
            let tried = (decline.group, decline.merchant, decline.order_no.clone());
            self.over.extend(self.asked.remove(&tried).unwrap_or_default());
            self.yes.remove(&tried);
        }
        if let Event::Settled(settlement) = event { self.unsaid(settlement) } else { Vec::new() }
    }

    fn unsaid(&self, settlement: &Settlement) -> Vec<String> {
        let Settlement { group, merchant, order_no, shares, .. } = settlement;
        let yes = self.yes.get(&(*group, *merchant, order_no.clone()));
        let said = |share: (WalletId, Amount)| yes.is_some_and(|yes| yes.contains(&share));
        let confirmed = shares.iter().filter(|share| share.confirmed);
        let unsaid = confirmed.filter(|share| !said((share.diner, share.owed)));
        unsaid
            .map(|share| {
                let (diner, owed) = (share.diner, share.owed);
                format!("G-3: {diner} confirms {owed} of {order_no}, and never said yes")
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use fanju::domain::event::{Decline, DeclineReason, Share};
    use uuid::Uuid;

    use super::*;

    const GROUP: GroupId = GroupId(Uuid::from_u128(1));
    const DINER: WalletId = WalletId(Uuid::from_u128(2));
    const SHOP: MerchantId = MerchantId(Uuid::from_u128(3));

    fn question(presentation: u128) -> Question {
        Question {
            merchant: SHOP,
            order_no: OrderNo::new("1").expect("a number"),
            presentation: PresentationId(Uuid::from_u128(presentation)),
            diner: DINER,
            owed: Amount::from_minor(5),
        }
    }

    fn declined() -> Event {
        Event::Declined(Decline {
            merchant: SHOP,
            order_no: question(0).order_no,
            group: GROUP,
            content: 0,
            total: Amount::from_minor(5),
            reason: DeclineReason::Cancelled,
        })
    }

    fn settled() -> Event {
        let Question { merchant, order_no, diner, owed, .. } = question(0);
        let share = Share { diner, owed, confirmed: true, carry_micro: 0 };
        let (shares, legs) = ([share].into(), [].into());
        let (group, bill, content) = (GROUP, 0, 0);
        let settlement =
            Settlement { merchant, order_no, group, bill, content, total: owed, shares, legs };
        Event::Settled(settlement)
    }

    #[test]
    fn a_yes_counts_for_the_presentation_at_which_it_was_asked() {
        let mut answers = Answers::default();
        assert_eq!(answers.observe(&settled()).len(), 1, "nobody said yes");
        answers.asks(GROUP, &question(1));
        answers.says_yes(GROUP, &question(1));
        assert_eq!(answers.observe(&settled()), Vec::<String>::new());
        assert_eq!(answers.observe(&declined()), Vec::<String>::new());
        assert_eq!(answers.observe(&settled()).len(), 1, "the yes was to what was declined");
        answers.asks(GROUP, &question(2));
        answers.says_yes(GROUP, &question(1));
        assert_eq!(answers.observe(&settled()).len(), 1, "it is said again, and as old");
        answers.says_yes(GROUP, &question(2));
        assert_eq!(answers.observe(&settled()), Vec::<String>::new());
    }
}
