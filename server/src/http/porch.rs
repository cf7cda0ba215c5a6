//! The porch: what stands in front of every path.
//!
//! What is asked of no operation (pages, their files, pictures, descriptions, and what is not there) is
//! counted by address: an operation counts its caller. Whoever comes by TLS is told to go on so.

use actix_web::{
    Error, HttpRequest,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{self, HeaderValue},
    middleware::Next,
    web::Data,
};

use super::{address, reply};
use crate::{app::App, problem::Problem};

/// A year. Source: RFC 6797, section 11.2.
const TLS_FROM_NOW_ON: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Lets `request` in.
///
/// # Errors
/// Those of what answers.
pub async fn passed<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let counted = if is_counted_there(request.path()) { Ok(()) } else { count(request.request()) };
    let is_tls = request.app_data().is_some_and(|app: &Data<App>| app.settings().is_tls());
    let mut answer = match counted {
        Ok(()) => next.call(request).await?.map_into_left_body(),
        Err(problem) => request.into_response(reply::problem(&problem)).map_into_right_body(),
    };
    if is_tls {
        answer.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, TLS_FROM_NOW_ON);
    }
    Ok(answer)
}

/// Whether what is behind `path` counts who asks, or is asked by whoever watches over the server.
fn is_counted_there(path: &str) -> bool {
    path.starts_with("/v1/") && path != "/v1/live"
        || matches!(path, "/healthz" | "/readyz" | "/metrics")
}

/// Counts what found no operation to count it, where one might have been.
///
/// # Errors
/// `too_many_requests`.
pub(super) fn count_vain(request: &HttpRequest) -> Result<(), Problem> {
    if is_counted_there(request.path()) { count(request) } else { Ok(()) }
}

fn count(request: &HttpRequest) -> Result<(), Problem> {
    let Some(app) = request.app_data::<Data<App>>() else { return Ok(()) };
    Ok(app.rates().elsewhere(address::of(&app.settings().trusted_proxies, request))?)
}
