//! A merchant's server: a few lines of HTTP that keep what they hear, and answer as they are told.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use fanju::time::Timestamp;
use fanju_server::webhooks::signing::{self, Headers, Secret, VerifyError};
use parking_lot::{Condvar, Mutex};

/// How long a test waits before it says that something hangs.
pub(crate) const HANGS: Duration = Duration::from_secs(30);

/// One request, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Heard {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn id(&self) -> &str {
        self.header(signing::ID_HEADER).expect("messages have an id")
    }

    /// Checks the signature as a receiver does.
    pub(crate) fn verify(&self, secret: &str, now: Timestamp) -> Result<(), VerifyError> {
        let headers = Headers {
            id: self.header(signing::ID_HEADER),
            timestamp: self.header(signing::TIMESTAMP_HEADER),
            signature: self.header(signing::SIGNATURE_HEADER),
        };
        let secret = Secret::parse(secret).expect("a secret");
        signing::verify(&secret, headers, &self.body, now)
    }

    pub(crate) fn event(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("bodies are JSON")
    }
}

/// What the receiver answers to a request that is the n-th: a status, and header lines.
pub(crate) type Answer = Box<dyn Fn(usize, &Heard) -> (u16, &'static str) + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    heard: Arc<(Mutex<Vec<Heard>>, Condvar)>,
}

impl Receiver {
    pub(crate) fn answering(status: u16) -> Self {
        Self::with(Box::new(move |_, _| (status, "")))
    }

    pub(crate) fn with(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/hooks?shop=1", listener.local_addr().expect("bound"));
        let receiver = Self { url, heard: Arc::default() };
        let (served, answer) = (receiver.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (served, answer) = (served.clone(), Arc::clone(&answer));
                std::thread::spawn(move || served.serve(&stream, &answer));
            }
        });
        receiver
    }

    /// One connection; whoever is killed meanwhile is no failure of the receiver's.
    fn serve(&self, stream: &TcpStream, answer: &Answer) -> Option<()> {
        let mut reader = BufReader::new(stream);
        loop {
            let heard = read(&mut reader)?;
            let number = {
                let mut all = self.heard.0.lock();
                all.push(heard.clone());
                self.heard.1.notify_all();
                all.len() - 1
            };
            let (status, lines) = answer(number, &heard);
            let head = format!("HTTP/1.1 {status} so\r\n{lines}content-length: 2\r\n\r\nok");
            let mut stream = stream;
            stream.write_all(head.as_bytes()).ok()?;
        }
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.0.lock().clone()
    }

    /// Waits until `enough` of what was heard.
    #[track_caller]
    pub(crate) fn wait(&self, enough: impl Fn(&[Heard]) -> bool) -> Vec<Heard> {
        let until = Instant::now() + HANGS;
        let mut heard = self.heard.0.lock();
        while !enough(&heard) {
            let timeout = self.heard.1.wait_until(&mut heard, until);
            assert!(!timeout.timed_out(), "heard only {}: {heard:#?}", heard.len());
        }
        heard.clone()
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Heard> {
    let mut line = String::new();
    let mut next_line = |reader: &mut BufReader<&TcpStream>| {
        line.clear();
        let read = reader.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    };
    let request = next_line(reader)?;
    let path = request.strip_prefix("POST ")?.split(' ').next()?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let header = next_line(reader)?;
        let Some((name, value)) = header.split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length")?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Heard { path, headers, body })
}
