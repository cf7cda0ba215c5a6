//! Line: what a session's task and those who ask over it share.
//!
//! A request stays on the line until it is answered. A session that lost its connection sends all of
//! them again: every command of the contract can be repeated, by its idempotency key or by its order
//! number, so nothing is done twice.

use std::{cell::RefCell, collections::VecDeque, fmt, rc::Rc, task::Waker, time::Duration};

use tokio::sync::oneshot;

use super::{frame::Refusal, wire::Text};

/// What happens with an answer.
#[derive(Debug)]
pub enum Then {
    /// Somebody waits for it.
    Tell(oneshot::Sender<Answered>),
    /// The session itself begins to listen, and somebody waits for that.
    Listen(oneshot::Sender<Answered>),
    /// The session listens no more, and somebody waits for that.
    Forget(oneshot::Sender<Answered>),
    /// A table shows its next code.
    Code {
        /// Which.
        table: usize,
    },
    /// A phone that is back learns what its owner was asked meanwhile.
    Questions,
    /// A till learns how an order ended.
    Scan {
        /// At which table.
        table: usize,
        /// Which order.
        order: u64,
    },
}

/// The result as JSON, or why not.
pub type Answered = Result<String, Refusal>;

/// One session's requests.
#[derive(Debug, Default)]
pub struct Line(RefCell<Requests>);

#[derive(Debug, Default)]
struct Requests {
    last_id: u64,
    unanswered: VecDeque<(u64, Text, Then)>,
    unsent: VecDeque<Text>,
    topic: Option<Rc<str>>,
    cut: Option<Duration>,
    breaks: u64,
    waker: Option<Waker>,
}

impl Requests {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// A request as it is written.
#[must_use]
pub fn request(id: u64, method: &str, params: fmt::Arguments<'_>) -> Text {
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"{method}\",\"params\":{params}}}")
        .into()
}

impl Line {
    /// Asks `method` with `params`, which is JSON.
    pub fn ask(&self, method: &str, params: fmt::Arguments<'_>, then: Then) {
        let mut requests = self.0.borrow_mut();
        requests.last_id += 1;
        let id = requests.last_id;
        let text = request(id, method, params);
        requests.unanswered.push_back((id, text.clone(), then));
        requests.unsent.push_back(text);
        requests.wake();
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn call(&self, method: &str, params: fmt::Arguments<'_>) -> Answered {
        let (tell, told) = oneshot::channel();
        self.ask(method, params, Then::Tell(tell));
        told.await.unwrap_or_else(|_| Err(over()))
    }

    /// Subscribes to `topic`, now and after each reconnection.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn listen(&self, topic: &str) -> Answered {
        self.0.borrow_mut().topic = Some(topic.into());
        let (tell, told) = oneshot::channel();
        self.ask("subscribe", format_args!("{{\"topic\":\"{topic}\"}}"), Then::Listen(tell));
        told.await.unwrap_or_else(|_| Err(over()))
    }

    /// Listens to `topic` no more, and to nothing after a reconnection.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn forget(&self, topic: &str) -> Answered {
        let (tell, told) = oneshot::channel();
        self.ask("unsubscribe", format_args!("{{\"topic\":\"{topic}\"}}"), Then::Forget(tell));
        let answered = told.await.unwrap_or_else(|_| Err(over()));
        self.0.borrow_mut().topic = None;
        answered
    }

    /// Lets the connection go at once, and comes back at once.
    pub fn cut(&self) {
        self.cut_for(Duration::ZERO);
    }

    /// Lets the connection go for so long, as a phone in a lift does.
    pub fn cut_for(&self, away: Duration) {
        let mut requests = self.0.borrow_mut();
        requests.cut = Some(away);
        requests.wake();
    }

    /// What is to be sent next.
    pub(super) fn unsent(&self) -> Option<Text> {
        self.0.borrow_mut().unsent.pop_front()
    }

    /// What happens with the answer to `id`; none if that was never asked.
    pub(super) fn answered(&self, id: u64) -> Option<(Text, Then)> {
        let mut requests = self.0.borrow_mut();
        let at = requests.unanswered.iter().position(|(asked, ..)| *asked == id)?;
        requests.unanswered.remove(at).map(|(_, text, then)| (text, then))
    }

    /// Asks again what the server had no time for, after `wait`.
    pub(super) fn ask_again(self: &Rc<Self>, id: u64, text: Text, then: Then, wait: Duration) {
        self.0.borrow_mut().unanswered.push_back((id, text.clone(), then));
        let line = Rc::clone(self);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(wait).await;
            let mut requests = line.0.borrow_mut();
            // A new connection may have sent it in the meantime, and been answered.
            let waits = requests.unanswered.iter().any(|(asked, ..)| *asked == id);
            if waits && !requests.unsent.contains(&text) {
                requests.unsent.push_back(text);
                requests.wake();
            }
        });
    }

    /// Everything that has no answer is to be sent again: the connection is a new one.
    pub(super) fn reconnected(&self) {
        let mut requests = self.0.borrow_mut();
        requests.unsent = requests.unanswered.iter().map(|(_, text, _)| text.clone()).collect();
    }

    /// The connection is over, or none came to be.
    pub(super) fn broke(&self) {
        self.0.borrow_mut().breaks += 1;
    }

    /// How often that was so. A server that was started again meanwhile has forgotten what it never
    /// wrote down: codes, and what diners were asked.
    pub(super) fn breaks(&self) -> u64 {
        self.0.borrow().breaks
    }

    /// What the session listens to.
    pub(super) fn topic(&self) -> Option<Rc<str>> {
        self.0.borrow().topic.clone()
    }

    /// Whether the connection is to be let go, and for how long; said once.
    pub(super) fn take_cut(&self) -> Option<Duration> {
        self.0.borrow_mut().cut.take()
    }

    /// Has `waker` woken by the next request.
    pub(super) fn wake_by(&self, waker: &Waker) {
        let mut requests = self.0.borrow_mut();
        if requests.waker.as_ref().is_none_or(|known| !known.will_wake(waker)) {
            requests.waker = Some(waker.clone());
        }
    }
}

fn over() -> Refusal {
    let detail = "the session ended before it was answered".to_owned();
    Refusal { code: "session_over".to_owned(), detail, reason: None, retry_after_ms: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &Line) {
        line.ask("groups.code", format_args!("{{}}"), Then::Code { table: 3 });
    }

    #[test]
    fn a_request_is_sent_once_and_answered_once() {
        let line = Line::default();
        asked(&line);
        let text = line.unsent().expect("asked");
        let expected = r#"{"jsonrpc":"2.0","id":1,"method":"groups.code","params":{}}"#;
        assert_eq!(text.as_str(), expected);
        assert_eq!(line.unsent(), None);
        assert!(matches!(line.answered(1), Some((_, Then::Code { table: 3 }))));
        assert!(line.answered(1).is_none());
    }

    #[test]
    fn what_was_not_answered_is_sent_again_over_a_new_connection() {
        let line = Line::default();
        (0..3).for_each(|_| asked(&line));
        assert!(line.unsent().is_some() && line.unsent().is_some());
        assert!(line.answered(1).is_some());
        line.reconnected();
        let again: Vec<Text> = std::iter::from_fn(|| line.unsent()).collect();
        let ids = again.iter().map(|text| text.contains("\"id\":2") || text.contains("\"id\":3"));
        assert_eq!(ids.collect::<Vec<_>>(), [true, true]);
    }
}
