//! Wire: one websocket, plain or over TLS, and the only file that knows the libraries for both.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName},
};
use serde_json::Value;
use socket2::{Domain, SockRef, Socket, Type};
use tungstenite::{
    Error, Message, WebSocket, client::IntoClientRequest, handshake::HandshakeError,
};

use crate::house::PATIENCE;

/// Close code of a connection that ended without one. Source: RFC 6455, section 7.4.1.
pub(crate) const ABNORMAL: u16 = 1006;

/// How long a client listens to make sure that nothing comes.
const SILENCE: Duration = Duration::from_millis(300);

/// The connection is over, with this close code.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Gone(pub(crate) u16);

/// Whom a client trusts: one root, and nobody else.
#[derive(Clone)]
pub(crate) struct Trust {
    pub(crate) root: CertificateDer<'static>,
    client: Arc<ClientConfig>,
}

impl Trust {
    pub(crate) fn in_root(root: CertificateDer<'static>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(root.clone()).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { root, client: Arc::new(client) }
    }
}

/// What a websocket goes over.
pub(crate) enum Pipe {
    Plain(TcpStream),
    Secret(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Pipe {
    /// Connects, by TLS to whom `trust` allows, if there is one.
    pub(crate) fn dial(address: SocketAddr, trust: Option<&Trust>) -> io::Result<Self> {
        let tcp = dial(address)?;
        let Some(trust) = trust else { return Ok(Self::Plain(tcp)) };
        let name = ServerName::from(address.ip());
        let connection = ClientConnection::new(Arc::clone(&trust.client), name);
        let mut stream = StreamOwned::new(connection.map_err(io::Error::other)?, tcp);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Self::Secret(Box::new(stream)))
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Secret(stream) => &stream.sock,
        }
    }
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(into),
            Self::Secret(stream) => stream.read(into),
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(bytes),
            Self::Secret(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.flush(),
            Self::Secret(stream) => stream.flush(),
        }
    }
}

/// One open websocket.
pub(crate) struct Wire(WebSocket<Pipe>);

impl Wire {
    /// Connects to the live channel of the server there.
    pub(crate) fn connect(address: SocketAddr, trust: Option<&Trust>) -> Result<Self, Gone> {
        let tcp = Pipe::dial(address, trust).map_err(|_| Gone(ABNORMAL))?;
        let request = format!("ws://{address}/v1/live").into_client_request().expect("an address");
        match tungstenite::client(request, tcp) {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(HandshakeError::Interrupted(_)) => panic!("no handshake within {PATIENCE:?}"),
            Err(HandshakeError::Failure(_)) => Err(Gone(ABNORMAL)),
        }
    }

    pub(crate) fn send(&mut self, text: String) -> Result<(), Gone> {
        self.put(Message::text(text))
    }

    pub(crate) fn send_binary(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        self.put(Message::binary(bytes.to_vec()))
    }

    fn put(&mut self, message: Message) -> Result<(), Gone> {
        self.0.send(message).map_err(|error| gone(&error))
    }

    /// Pings, and waits for the pong.
    pub(crate) fn ping(&mut self, payload: &[u8]) -> Result<(), Gone> {
        self.put(Message::Ping(payload.to_vec().into()))?;
        let until = Instant::now() + PATIENCE;
        loop {
            match self.next(until)? {
                Some(Message::Pong(echo)) if echo == payload => return Ok(()),
                Some(Message::Ping(_)) => {}
                other => panic!("no pong: {other:?}"),
            }
        }
    }

    /// Writes bytes past the websocket library.
    pub(crate) fn write_raw(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).expect("is sent");
    }

    /// The next text frame, which is JSON; pings are answered on the way, and do not put `until` off. `None`
    /// when none came until then.
    pub(crate) fn frame(&mut self, until: Instant) -> Result<Option<Value>, Gone> {
        loop {
            match self.next(until)? {
                Some(Message::Text(text)) => {
                    return Ok(Some(serde_json::from_str(&text).expect("frames are JSON")));
                }
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                Some(other) => panic!("not a text frame: {other:?}"),
                None => return Ok(None),
            }
        }
    }

    /// The next message of any kind; `None` when none came until then.
    fn next(&mut self, until: Instant) -> Result<Option<Message>, Gone> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        self.0.get_ref().tcp().set_read_timeout(Some(left)).expect("takes a timeout");
        match self.0.read() {
            Ok(Message::Close(frame)) => {
                // The answer to a close is a courtesy.
                drop(self.0.flush());
                Err(Gone(frame.map_or(ABNORMAL, |frame| frame.code.into())))
            }
            Ok(message) => Ok(Some(message)),
            Err(Error::Io(error)) if is_timeout(&error) => Ok(None),
            Err(error) => Err(gone(&error)),
        }
    }

    /// Waits for the server's heartbeat, before which no text comes.
    #[track_caller]
    pub(crate) fn is_pinged(&mut self) {
        match self.next(Instant::now() + PATIENCE) {
            Ok(Some(Message::Ping(_))) => {}
            other => panic!("no heartbeat: {other:?}"),
        }
    }

    /// Makes sure that no frame comes for a while.
    #[track_caller]
    pub(crate) fn is_silent(&mut self) {
        match self.next(Instant::now() + SILENCE) {
            Ok(None | Some(Message::Ping(_))) => {}
            other => panic!("no silence: {other:?}"),
        }
    }

    /// Ends the connection as a well-behaved client does.
    pub(crate) fn leave(mut self) {
        // Whoever closed first is gone either way.
        drop(self.0.close(None));
        drop(self.0.flush());
    }

    /// Ends the connection as a dead network does: with a reset.
    pub(crate) fn cut(self) {
        let linger = SockRef::from(self.0.get_ref().tcp()).set_linger(Some(Duration::ZERO));
        linger.expect("takes a linger");
    }
}

/// A frame as it stands on the wire, masked with zeros.
pub(crate) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a short payload");
    assert!(length < 126, "a short payload");
    let mut bytes = vec![0x80 | opcode, 0x80 | length, 0, 0, 0, 0];
    bytes.extend_from_slice(payload);
    bytes
}

/// A handshake as it stands on the wire, with more `headers`.
pub(crate) fn handshake(address: SocketAddr, path: &str, headers: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    )
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

fn gone(error: &Error) -> Gone {
    assert!(!matches!(error, Error::Utf8(_)), "the server sends broken text: {error}");
    Gone(ABNORMAL)
}

/// Connects, from an address of its own where the system has more than one for itself: phones do
/// not share theirs, and the server counts by address.
fn dial(address: SocketAddr) -> std::io::Result<TcpStream> {
    static DIALLED: AtomicU32 = AtomicU32::new(1);
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if cfg!(target_os = "linux") {
        let [_, b, c, d] = DIALLED.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let own = SocketAddr::from((Ipv4Addr::new(127, 1 + b, c, d), 0));
        socket.bind(&own.into())?;
    }
    // A phone's, so that whoever does not read is noticed.
    socket.set_recv_buffer_size(64 * 1024)?;
    socket.connect(&address.into())?;
    socket.set_tcp_nodelay(true)?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}
