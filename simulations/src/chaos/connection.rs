//! Connection: a simulated one, over which a phone hears one topic from the server's live channel. It
//! carries the frames as they are, in order; it holds only so many, and ends at any of them.

use std::{rc::Rc, time::Duration};

use fanju::id::{Position, Topic};
use fanju_server::{
    live::{
        close::Close,
        frames::{self, Id},
        topics::{Gone, Place, Topics},
    },
    problem::Problem,
};
use tokio::{sync::mpsc, task::spawn_local, time::sleep};

use super::world::Stage;

/// Frames under way, as in the buffers of a socket: whoever sends more waits.
const FRAMES_HELD: usize = 4;

/// How long the server takes a dead connection for a live one.
const DEAD_FOR: Duration = Duration::from_secs(4);

/// The number of a phone's one request.
pub const SUBSCRIBE: u64 = 1;

/// What comes over a connection.
pub enum Said {
    /// A frame.
    Frame(String),
    /// The server's last word.
    Closed(Close),
}

/// A phone's end of it.
pub struct Connection(mpsc::Receiver<Said>);

impl Connection {
    /// Connects, and asks to hear `topic` after a position that was heard before.
    pub fn subscribe(stage: &Rc<Stage>, topic: Topic, after: Option<Position>) -> Self {
        let (frames, heard) = mpsc::channel(FRAMES_HELD);
        let (stage, topics) = (Rc::clone(stage), stage.topics());
        drop(spawn_local(async move {
            if let Some(why) = serve(&stage, &topics, topic, after, &frames).await {
                drop(frames.send(Said::Closed(why)).await);
            }
        }));
        Self(heard)
    }

    /// What comes next; `None` when it has ended without a word.
    pub async fn next(&mut self) -> Option<Said> {
        self.0.recv().await
    }

    /// Nobody reads it any more, and the server does not know.
    pub fn goes_dead(self) {
        drop(spawn_local(async move {
            sleep(DEAD_FOR).await;
            drop(self);
        }));
    }
}

/// The server's end: says what a session says, until it is closed or nobody is there any more.
async fn serve(
    stage: &Stage,
    topics: &Topics,
    topic: Topic,
    after: Option<Position>,
    frames: &mpsc::Sender<Said>,
) -> Option<Close> {
    let id = Id::Number(SUBSCRIBE.cast_signed());
    let mut begun = match topics.begin(topic, after).await {
        Ok(begun) => begun,
        Err(error) => {
            let refusal = frames::refusal(Some(&id), &Problem::from(error));
            drop(frames.send(Said::Frame(refusal.to_string())).await);
            return None;
        }
    };
    let answer = serde_json::to_string(&begun.answer).expect("answers have string keys");
    let answer = frames::result(&id, &answer);
    for frame in [answer].into_iter().chain(begun.missed) {
        frames.send(Said::Frame(frame.to_string())).await.ok()?;
    }
    loop {
        let push = tokio::select! {
            biased;
            () = frames.closed() => return None,
            push = begun.pushes.next() => push,
        };
        match push {
            Ok(push) => {
                // Here, and not where it is read: it may be durable by then.
                if let Place::At(position) = push.place {
                    stage.witness().tells(position);
                }
                frames.send(Said::Frame(push.text.to_string())).await.ok()?;
            }
            Err(Gone::Lagged) => return Some(Close::TooSlow),
            Err(Gone::Ended) => return None,
        }
    }
}
