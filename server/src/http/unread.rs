//! Bodies in chunks that nobody reads to the end: their connection ends with the answer.
//!
//! The HTTP library reads what is left of such a body once its reader is gone, for as long as the
//! sender likes, and only then closes. While the reader lives it does not, and closes a second after
//! the answer at the latest, as it does behind an unread body of known length. So the answer holds
//! the reader.

use std::{
    cell::RefCell,
    fmt,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_web::{
    Error, HttpMessage,
    body::{BodySize, BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::header,
    middleware::Next,
    web::Bytes,
};
use futures_util::{StreamExt, stream};

/// A body that is read by the operation, and held by the answer.
type Held = Rc<RefCell<Payload>>;

/// An answer, and the body of the request that it answers.
pub struct Holding {
    answer: BoxBody,
    /// Never looked at: only its being there counts.
    _unread: Option<Held>,
}

impl fmt::Debug for Holding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Holding").field("answer", &self.answer).finish_non_exhaustive()
    }
}

impl MessageBody for Holding {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.answer.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.answer).poll_next(context)
    }
}

/// Answers, and holds a body in chunks until the answer has gone out.
///
/// # Errors
/// Those of what answers.
pub async fn held<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<Holding>, Error> {
    let in_chunks = request.headers().contains_key(header::TRANSFER_ENCODING);
    let unread = in_chunks.then(|| Rc::new(RefCell::new(request.take_payload())));
    if let Some(unread) = unread.clone() {
        let payload = stream::poll_fn(move |context| unread.borrow_mut().poll_next_unpin(context));
        request.set_payload(Payload::Stream { payload: Box::pin(payload) });
    }
    let answer = next.call(request).await?;
    Ok(answer.map_body(|_, answer| Holding { answer: answer.boxed(), _unread: unread }))
}
