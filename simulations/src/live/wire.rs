//! Wire: one websocket, and the only file that knows the websocket library.
//!
//! `tungstenite` does the protocol and no I/O; between it and tokio's socket stands [`Pipe`], which
//! says "would block" where the socket is not ready and has the session's task woken when it is.

use std::{
    future::poll_fn,
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs},
    pin::Pin,
    str::FromStr,
    task::{Context, Poll, Waker},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpSocket, TcpStream},
};
use tungstenite::{
    Error, Message, WebSocket,
    client::IntoClientRequest,
    handshake::{HandshakeError, client::ClientHandshake},
    http::Uri,
    protocol::WebSocketConfig,
};

/// A frame's text; copies share it.
pub type Text = tungstenite::Utf8Bytes;

/// What is read at once from a socket: a settlement of eight diners and room for another. Each
/// session keeps so much, and there are thousands.
const READ_BYTES: usize = 4 * 1024;

/// Close code of a connection that ended without one. Source: RFC 6455, section 7.4.1.
const ABNORMAL: u16 = 1006;
/// The same of one that was closed without a reason. Source: the same.
const NO_STATUS: u16 = 1005;

/// Where a server has its live channel.
const CHANNEL: &str = "/v1/live";

/// A server's live channel.
#[derive(Clone, Debug)]
pub struct Place {
    uri: Uri,
    address: SocketAddr,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut uri: Uri = text.parse().map_err(|error| format!("{error}"))?;
        if uri.path() == "/" {
            let whole = format!("{}{CHANNEL}", text.trim_end_matches('/'));
            uri = whole.parse().map_err(|error| format!("{error}"))?;
        }
        if uri.scheme_str() != Some("ws") {
            return Err("give ws://host:port/path (TLS is not spoken here)".into());
        }
        let host = uri.host().ok_or("no host")?.trim_matches(['[', ']']);
        let mut addresses = (host, uri.port_u16().unwrap_or(80))
            .to_socket_addrs()
            .map_err(|error| format!("cannot find {host}: {error}"))?;
        let address = addresses.next().ok_or_else(|| format!("{host} has no address"))?;
        Ok(Self { uri, address })
    }
}

impl Place {
    /// Its host, if what is sent there passes other machines, which can read it: nothing is encrypted.
    pub(super) fn overheard(&self) -> Option<&str> {
        let is_here = self.address.ip().to_canonical().is_loopback();
        (!is_here).then(|| self.uri.host().expect("a place has a host"))
    }

    /// An address for the session of that number, where there are enough: phones do not share theirs,
    /// and servers count by address. Loopback has sixteen million; elsewhere the system chooses.
    fn source(&self, session: usize) -> Option<SocketAddr> {
        let IpAddr::V4(_) = self.address.ip() else { return None };
        let number =
            u32::try_from(session).ok()?.checked_add(2).filter(|number| *number < 1 << 24)?;
        let [_, a, b, c] = number.to_be_bytes();
        let own = SocketAddr::from((Ipv4Addr::new(127, a, b, c), 0));
        self.address.ip().is_loopback().then_some(own)
    }
}

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
pub enum Gone {
    /// The server closed it.
    #[error("the server closed it with {0}{why}", why = why_closed(*.0))]
    Closed(u16),
    /// Nobody took the call.
    #[error(
        "nobody answers at {0} ({1}): start `fanju-server` there, or say with --url where it is"
    )]
    Nobody(Uri, io::Error),
    /// It broke, or never came to be.
    #[error("connection lost: {0}")]
    Lost(Box<Error>),
    /// A frame that is not text.
    #[error("server sent a frame that is not text")]
    NotText,
    /// Whoever holds this end let go.
    #[error("cut")]
    Cut,
}

/// What a close code means, and what helps. Source: the server's contract, `x-close-codes`.
fn why_closed(code: u16) -> &'static str {
    match code {
        1001 => ": it shuts down",
        4008 => {
            ": events came faster than they were read, so this machine is too slow for that load"
        }
        4009 => {
            ": requests came faster than it allows; start it with more FANJU_REQUESTS_PER_SECOND, or take \
             more --tills or a lower --rate"
        }
        4010 => ": heartbeats went unanswered, so this machine is too slow for that load",
        _ => "",
    }
}

impl Gone {
    /// The close code; an abrupt end has one by convention.
    #[must_use]
    pub fn code(&self) -> u16 {
        match self {
            Self::Closed(code) => *code,
            Self::Nobody(..) | Self::Lost(_) | Self::NotText | Self::Cut => ABNORMAL,
        }
    }
}

// Its text says what the error is, so the error is no source beside it.
impl From<Box<Error>> for Gone {
    fn from(error: Box<Error>) -> Self {
        Self::Lost(error)
    }
}

impl From<io::Error> for Gone {
    fn from(error: io::Error) -> Self {
        Box::new(Error::Io(error)).into()
    }
}

/// One open websocket.
#[derive(Debug)]
pub struct Wire {
    socket: WebSocket<Pipe>,
}

impl Wire {
    /// Connects the session of that number.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn connect(place: &Place, session: usize) -> Result<Self, Gone> {
        let socket =
            if place.address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        if let Some(source) = place.source(session) {
            socket.bind(source)?;
        }
        let nobody = |error| Gone::Nobody(place.uri.clone(), error);
        let tcp = socket.connect(place.address).await.map_err(nobody)?;
        tcp.set_nodelay(true)?;
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let request = place.uri.clone().into_client_request().map_err(Box::new)?;
        let config = WebSocketConfig::default().read_buffer_size(READ_BYTES);
        let mut shaking =
            ClientHandshake::start(Pipe { tcp, waker }, request, Some(config)).map_err(Box::new)?;
        loop {
            match shaking.handshake() {
                Ok((socket, _)) => return Ok(Self { socket }),
                Err(HandshakeError::Failure(error)) => return Err(Box::new(error).into()),
                Err(HandshakeError::Interrupted(more)) => shaking = more,
            }
            let mut slept = false;
            // The pipe has left the waker with the socket.
            poll_fn(|_| {
                if std::mem::replace(&mut slept, true) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
    }

    /// Puts a frame in line; [`Wire::poll_flush`] sends it.
    ///
    /// # Errors
    /// [`Gone`].
    pub fn put(&mut self, text: Text) -> Result<(), Gone> {
        match self.socket.write(Message::Text(text)) {
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            outcome => outcome.map_err(|error| Box::new(error).into()),
        }
    }

    /// Sends what stands in line.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        self.wake_by(cx);
        match self.socket.flush() {
            Ok(()) => Poll::Ready(Ok(())),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            Err(error) => Poll::Ready(Err(Box::new(error).into())),
        }
    }

    /// The next frame; pings are answered on the way.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Text, Gone>> {
        self.wake_by(cx);
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => return Poll::Ready(Ok(text)),
                Ok(Message::Binary(_)) => return Poll::Ready(Err(Gone::NotText)),
                Ok(Message::Close(frame)) => {
                    let code = frame.map_or(NO_STATUS, |frame| frame.code.into());
                    // The answer to a close is a courtesy; whoever does not take it is gone anyway.
                    drop(self.socket.flush());
                    return Poll::Ready(Err(Gone::Closed(code)));
                }
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Poll::Pending;
                }
                Err(error) => return Poll::Ready(Err(Box::new(error).into())),
            }
        }
    }

    /// Sends `text` and gives the next frame.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn ask(&mut self, text: Text) -> Result<Text, Gone> {
        self.put(text)?;
        poll_fn(|cx| self.poll_flush(cx)).await?;
        self.next().await
    }

    /// The next frame.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn next(&mut self) -> Result<Text, Gone> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn wake_by(&mut self, cx: &mut Context<'_>) {
        let pipe = self.socket.get_mut();
        if !pipe.waker.will_wake(cx.waker()) {
            pipe.waker = cx.waker().clone();
        }
    }
}

/// A socket that blocks nobody, as `tungstenite` reads and writes it.
#[derive(Debug)]
struct Pipe {
    tcp: TcpStream,
    waker: Waker,
}

fn or_would_block<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut into = ReadBuf::new(into);
        // A short read tells tokio that the socket is empty: no second system call finds that out.
        let mut cx = Context::from_waker(&self.waker);
        or_would_block(Pin::new(&mut self.tcp).poll_read(&mut cx, &mut into))?;
        Ok(into.filled().len())
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut cx = Context::from_waker(&self.waker);
        or_would_block(Pin::new(&mut self.tcp).poll_write(&mut cx, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_without_a_path_is_the_channel_of_its_server() {
        for (text, path) in [
            ("ws://127.0.0.1:8080", CHANNEL),
            ("ws://127.0.0.1:8080/", CHANNEL),
            ("ws://127.0.0.1:8080/live", "/live"),
        ] {
            let place: Place = text.parse().expect(text);
            assert_eq!(place.uri.path(), path, "{text}");
            assert_eq!(place.address, SocketAddr::from(([127, 0, 0, 1], 8080)), "{text}");
        }
    }

    #[test]
    fn places_are_plain_websockets_with_a_host() {
        let place: Place = "ws://127.0.0.1:9/v1/live".parse().expect("a place");
        assert_eq!(place.address, SocketAddr::from(([127, 0, 0, 1], 9)));
        for (text, reason) in [("wss://localhost/", "TLS"), ("localhost", "ws://"), ("", "empty")] {
            let error = text.parse::<Place>().expect_err("no place");
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn sessions_on_this_machine_have_addresses_of_their_own() {
        let here: Place = "ws://127.0.0.1:9/".parse().expect("a place");
        let source = |session| here.source(session).map(|source| source.ip().to_string());
        assert_eq!(source(0).as_deref(), Some("127.0.0.2"));
        assert_eq!(source(70_000).as_deref(), Some("127.1.17.114"));
        assert_eq!(source(1 << 24), None);
        let there: Place = "ws://192.0.2.1:9/".parse().expect("a place");
        assert_eq!(there.source(0), None);
    }

    #[test]
    fn only_what_stays_on_this_machine_is_not_overheard() {
        for (text, host) in [
            ("ws://127.0.0.1:9/", None),
            ("ws://127.9.9.9:9/", None),
            ("ws://[::1]:9/", None),
            ("ws://[::ffff:127.0.0.1]:9/", None),
            ("ws://localhost:9/", None),
            ("ws://192.0.2.1:9/", Some("192.0.2.1")),
            ("ws://0.0.0.0:9/", Some("0.0.0.0")),
            ("ws://[2001:db8::1]:9/", Some("[2001:db8::1]")),
        ] {
            let place: Place = text.parse().expect("a place");
            assert_eq!(place.overheard(), host, "{text}");
        }
    }
}
