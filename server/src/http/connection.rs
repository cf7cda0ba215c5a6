//! Connections: counted by where they come from, and given up when they take too little of what waits
//! for them.
//!
//! A socket whose other side reads nothing is ended by the kernel ([`limits::UNACKNOWLEDGED_MAX`]). One
//! that reads a few bytes now and then is not, and keeps an answer, or a gap, in memory for as long as
//! it likes. So whatever waits is taken at [`limits::PACE_BYTES_MIN`] in each [`limits::PACE_WINDOW`],
//! or the connection ends.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_codec::{AsyncRead, AsyncWrite, ReadBuf};
use actix_web::rt::net::TcpStream;
use socket2::SockRef;
use tokio::time::{Instant, Sleep, sleep};

use super::address;
use crate::{app::App, limits, live::seats::AddressSeat};

/// How much is taken of what waits, at least, and in which time.
#[derive(Clone, Copy, Debug)]
struct Pace {
    window: Duration,
    bytes_min: usize,
}

const PACE: Pace = Pace { window: limits::PACE_WINDOW, bytes_min: limits::PACE_BYTES_MIN };

/// A connection, over TCP or TLS.
pub struct Connection<T> {
    io: T,
    pace: Pace,
    /// There while bytes wait.
    waiting: Option<Waiting>,
    /// Its place among those of its address.
    _seat: Option<AddressSeat>,
}

struct Waiting {
    until: Pin<Box<Sleep>>,
    taken: usize,
}

impl<T> Connection<T> {
    /// A connection over `io` with `peer`, if there is room for one more from there.
    ///
    /// # Errors
    /// When there are too many from that address.
    pub fn new(app: &App, io: T, peer: Option<SocketAddr>) -> io::Result<Self> {
        let seat = peer.map(|peer| seat(app, peer.ip())).transpose()?.flatten();
        Ok(Self { io, pace: PACE, waiting: None, _seat: seat })
    }
}

/// The place of a connection from `peer`: none where many share an address for a reason.
fn seat(app: &App, peer: IpAddr) -> io::Result<Option<AddressSeat>> {
    let peer = peer.to_canonical();
    if peer.is_loopback() || address::is_trusted(&app.settings().trusted_proxies, peer) {
        return Ok(None);
    }
    let seat = app.seat_connection(peer);
    seat.map(Some).ok_or_else(|| io::Error::other("too many connections from this address"))
}

/// Lets `stream` send at once, and not be kept for ever when the other side is gone.
pub(crate) fn prepare(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    if let Err(error) = socket.set_tcp_nodelay(true) {
        tracing::debug!(%error, "cannot send at once");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = socket.set_tcp_user_timeout(Some(limits::UNACKNOWLEDGED_MAX)) {
        tracing::debug!(%error, "cannot bound unacknowledged data");
    }
}

impl<T> Connection<T> {
    /// Waits for the other side to take more, as long as it keeps the pace.
    fn poll_taken<R>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<R>> {
        let Pace { window, bytes_min } = self.pace;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Waiting { until: Box::pin(sleep(window)), taken: 0 });
        loop {
            ready!(waiting.until.as_mut().poll(context));
            if waiting.taken < bytes_min {
                let slow = "the other side takes too little of what waits for it";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, slow)));
            }
            waiting.taken = 0;
            waiting.until.as_mut().reset(Instant::now() + window);
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Connection<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(context, space)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Connection<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let connection = self.get_mut();
        match Pin::new(&mut connection.io).poll_write(context, bytes) {
            Poll::Ready(Ok(written)) => {
                if let Some(waiting) = &mut connection.waiting {
                    waiting.taken = waiting.taken.saturating_add(written);
                }
                Poll::Ready(Ok(written))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => connection.poll_taken(context),
        }
    }

    /// Whoever writes flushes once nothing waits any more.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let connection = self.get_mut();
        match Pin::new(&mut connection.io).poll_flush(context) {
            Poll::Ready(Ok(())) => {
                connection.waiting = None;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => connection.poll_taken(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, num::NonZeroU32, time::Duration};

    use tokio::io::DuplexStream;

    use super::*;
    use crate::config::Settings;

    /// Writes `bytes` as the HTTP library does: all of them, and then a flush.
    async fn write(connection: &mut Connection<DuplexStream>, bytes: &[u8]) -> io::Result<()> {
        let mut left = bytes;
        poll_fn(|context| {
            while !left.is_empty() {
                let written = ready!(Pin::new(&mut *connection).poll_write(context, left))?;
                left = &left[written..];
            }
            Pin::new(&mut *connection).poll_flush(context)
        })
        .await
    }

    /// Reads one piece of `other` each `every`, for as long as there is one; how much it was.
    async fn read(mut other: DuplexStream, every: Duration, piece: usize) -> usize {
        let (mut space, mut read) = (vec![0; piece], 0);
        loop {
            let mut space = ReadBuf::new(&mut space);
            let came = poll_fn(|context| Pin::new(&mut other).poll_read(context, &mut space)).await;
            if came.is_err() || space.filled().is_empty() {
                return read;
            }
            read += space.filled().len();
            sleep(every).await;
        }
    }

    fn connection(window: Duration) -> (Connection<DuplexStream>, DuplexStream) {
        let (io, other) = tokio::io::duplex(1_024);
        let pace = Pace { window, bytes_min: 4_096 };
        (Connection { io, pace, waiting: None, _seat: None }, other)
    }

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[actix_web::test]
    async fn an_address_has_so_many_connections_unless_it_is_a_proxys_or_this_machines() {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let settings = Settings {
            data: String::new(),
            connections_per_address: NonZeroU32::new(2).expect("not zero"),
            trusted_proxies: vec!["192.0.2.8".parse().expect("an address")],
            ..Settings::default()
        };
        let app = App::open(settings).expect("opens");
        let (house, mapped) = (address("192.0.2.1"), address("::ffff:192.0.2.1"));
        let seats = [house, mapped].map(|peer| seat(&app, peer).expect("there is room"));
        assert!(seats.iter().all(Option::is_some));
        assert!(seat(&app, house).is_err());
        assert!(seat(&app, address("192.0.2.2")).is_ok());
        for peer in ["192.0.2.8", "127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert!((0..9).all(|_| matches!(seat(&app, address(peer)), Ok(None))), "{peer}");
        }
        drop(seats);
        assert!(seat(&app, house).is_ok());
        app.close().await;
    }

    #[tokio::test]
    async fn a_connection_sends_at_once_and_does_not_outlive_the_other_side() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let stream = TcpStream::connect(address).await.expect("connects");
        prepare(&stream);
        let socket = SockRef::from(&stream);
        assert!(socket.tcp_nodelay().expect("is known"));
        #[cfg(target_os = "linux")]
        assert_eq!(socket.tcp_user_timeout().expect("is known"), Some(limits::UNACKNOWLEDGED_MAX));
    }

    #[tokio::test]
    async fn who_takes_nothing_of_what_waits_is_given_up() {
        let (mut connection, _other) = connection(MILLISECOND * 20);
        let error = write(&mut connection, &[0; 100_000]).await.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn who_takes_a_few_bytes_now_and_then_is_given_up() {
        let (mut connection, other) = connection(MILLISECOND * 200);
        let reads = tokio::spawn(read(other, MILLISECOND * 10, 1));
        let error = write(&mut connection, &[0; 100_000]).await.expect_err("too slow");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(connection);
        assert!(reads.await.expect("reads on") < 2 * 4_096);
    }

    #[tokio::test]
    async fn who_takes_all_of_it_may_rest_for_as_long_as_it_likes() {
        let (mut connection, other) = connection(Duration::from_secs(60));
        let reads = tokio::spawn(read(other, Duration::ZERO, 1_024));
        for _ in 0..3 {
            write(&mut connection, &[0; 100_000]).await.expect("is read");
            assert!(connection.waiting.is_none(), "nothing waits");
        }
        drop(connection);
        assert_eq!(reads.await.expect("reads"), 300_000);
    }
}
