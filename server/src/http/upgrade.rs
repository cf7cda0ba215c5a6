//! Requests that ask for another protocol: answered like any other, over a connection without buffers.
//!
//! The HTTP library keeps a buffer of 8 kB to read into and one to write from for as long as a
//! connection lives: more than everything else of a quiet session. A connection whose request asks for
//! a websocket it hands over, with what it has read too far. Here the request gets its answer from the
//! same application, whatever its path, and nothing is kept of the connection but its socket.
//!
//! What came with the request is read first, and the socket only when somebody asks for more. A piece
//! of the answer is written to its end before the next one is asked for: a socket that takes no more
//! bytes holds up whoever answers, and what waits for it is one piece. Behind the answer the connection
//! ends.

use std::{
    cell::RefCell,
    convert::Infallible,
    future::poll_fn,
    io,
    mem::{self, MaybeUninit},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_codec::{AsyncRead, AsyncWrite, Encoder, Framed, FramedParts, ReadBuf};
use actix_http::{
    BoxedPayloadStream, ConnectionType, Payload, Request, Response,
    body::{BodySize, BoxBody, MessageBody},
    error::PayloadError,
    h1::{Codec, Message},
};
use actix_service::{
    Service, ServiceFactory,
    boxed::{self, BoxServiceFactory},
    fn_factory, fn_service,
};
use actix_web::web::{Bytes, BytesMut};
use futures_util::Stream;
use tokio::time::timeout;

use crate::limits;

/// What is read at once, in bytes: it stands on the stack.
const PIECE_BYTES_MAX: usize = 4 * 1024;

/// What the HTTP library hands over: a request, and the connection that it came by.
type Asked<T> = (Request, Framed<T, Codec>);

/// Who answers what is handed over.
pub type Answering<T> = BoxServiceFactory<(), Asked<T>, (), Infallible, ()>;

/// Answers what is handed over, by an instance of `application`.
pub fn answered<T, A, B>(application: A) -> Answering<T>
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
    A: ServiceFactory<Request, Config = (), InitError = ()> + 'static,
    A::Error: Into<Response<BoxBody>>,
    A::Response: Into<Response<B>>,
    B: MessageBody + 'static,
{
    boxed::factory(fn_factory(move || {
        let application = application.new_service(());
        async move {
            let application = Rc::new(application.await?);
            Ok(fn_service(move |(request, connection): Asked<T>| {
                let application = Rc::clone(&application);
                async move {
                    if let Err(error) = answer(&*application, request, connection).await {
                        tracing::debug!(%error, "a connection broke");
                    }
                    Ok(())
                }
            }))
        }
    }))
}

async fn answer<T, S, B>(
    application: &S,
    request: Request,
    connection: Framed<T, Codec>,
) -> io::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
    S: Service<Request>,
    S::Error: Into<Response<BoxBody>>,
    S::Response: Into<Response<B>>,
    B: MessageBody + 'static,
{
    let FramedParts { io, mut codec, read_buf, write_buf, .. } = connection.into_parts();
    let socket = Rc::new(Socket(RefCell::new(io)));
    // Answers to requests before this one.
    socket.write(write_buf).await?;
    // Copied: even an empty rest would keep the whole buffer.
    let early = Bytes::copy_from_slice(&read_buf);
    drop(read_buf);
    let said: BoxedPayloadStream = Box::pin(Said::new(Rc::clone(&socket), early));
    let (request, _) = request.replace_payload(Payload::Stream { payload: said });
    let answer = match application.call(request).await {
        Ok(answer) => answer.into().map_into_boxed_body(),
        Err(error) => error.into(),
    };
    let (mut head, mut body) = answer.into_parts();
    if !head.upgrade() {
        // Where such a request ends, nobody knows.
        head.head_mut().set_connection_type(ConnectionType::Close);
    }
    let size = body.size();
    socket.write(encoded(&mut codec, Message::Item((head, size)))?).await?;
    if !matches!(size, BodySize::None | BodySize::Sized(0)) {
        while let Some(next) = poll_fn(|context| Pin::new(&mut body).poll_next(context)).await {
            let next = next.map_err(|error| io::Error::other(error.to_string()))?;
            socket.write(encoded(&mut codec, Message::Chunk(Some(next)))?).await?;
        }
        socket.write(encoded(&mut codec, Message::Chunk(None))?).await?;
    }
    // Whoever answered has ended, and is not kept until the other side has noticed.
    drop(body);
    // In vain where the other side does not end.
    drop(timeout(limits::LINGER, socket.end()).await);
    Ok(())
}

fn encoded(codec: &mut Codec, part: Message<(Response<()>, BodySize)>) -> io::Result<BytesMut> {
    let mut bytes = BytesMut::new();
    codec.encode(part, &mut bytes)?;
    Ok(bytes)
}

/// A socket that is read in one place and written in another, both in one task.
struct Socket<T>(RefCell<T>);

impl<T: AsyncRead + AsyncWrite + Unpin> Socket<T> {
    fn poll_read(
        &self,
        context: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_read(context, space)
    }

    /// Returns when the kernel has taken all of `bytes`.
    async fn write(&self, mut bytes: BytesMut) -> io::Result<()> {
        poll_fn(|context| {
            let mut socket = self.0.borrow_mut();
            let mut socket = Pin::new(&mut *socket);
            while !bytes.is_empty() {
                match ready!(socket.as_mut().poll_write(context, &bytes))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    written => drop(bytes.split_to(written)),
                }
            }
            socket.poll_flush(context)
        })
        .await
    }

    /// Says that nothing more comes, and waits until the other side has said so too: a socket that is
    /// closed with something unread takes back what it has sent.
    async fn end(&self) -> io::Result<()> {
        poll_fn(|context| Pin::new(&mut *self.0.borrow_mut()).poll_shutdown(context)).await?;
        poll_fn(|context| {
            // On the stack: what is beside it would be kept for as long as the connection.
            let mut space = [MaybeUninit::uninit(); PIECE_BYTES_MAX];
            loop {
                let mut space = ReadBuf::uninit(&mut space);
                ready!(self.poll_read(context, &mut space))?;
                if space.filled().is_empty() {
                    return Poll::Ready(Ok(()));
                }
            }
        })
        .await
    }
}

/// What the other side says, read piece by piece when somebody asks for it.
struct Said<T> {
    socket: Rc<Socket<T>>,
    /// What came with the request.
    early: Bytes,
    /// The last piece was a full one: everybody else gets a turn before the next.
    is_more: bool,
    is_over: bool,
}

impl<T> Said<T> {
    fn new(socket: Rc<Socket<T>>, early: Bytes) -> Self {
        Self { socket, early, is_more: false, is_over: false }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for Said<T> {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let said = self.get_mut();
        if !said.early.is_empty() {
            return Poll::Ready(Some(Ok(mem::take(&mut said.early))));
        }
        if said.is_over {
            return Poll::Ready(None);
        }
        if mem::take(&mut said.is_more) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut space = [MaybeUninit::uninit(); PIECE_BYTES_MAX];
        let mut space = ReadBuf::uninit(&mut space);
        let read = ready!(said.socket.poll_read(context, &mut space));
        said.is_more = space.remaining() == 0;
        let piece = match read {
            Ok(()) if !space.filled().is_empty() => Ok(Bytes::copy_from_slice(space.filled())),
            Ok(()) => Err(PayloadError::Incomplete(None)),
            Err(error) => Err(PayloadError::Io(error)),
        };
        said.is_over = piece.is_err();
        Poll::Ready(Some(piece))
    }
}
