//! Replies: answers and problems as HTTP says them.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, EntityTag, Header, IfNoneMatch},
    },
};
use sha2::{Digest, Sha256};

use crate::{operations::Verb, problem::Problem, telemetry};

/// An answer. What was read carries an entity tag, so that who polls hears "not modified".
#[must_use]
pub fn json(request: &HttpRequest, verb: Verb, answer: String) -> HttpResponse {
    if verb != Verb::Get {
        return HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .content_type("application/json")
            .body(answer);
    }
    let digest = Sha256::digest(answer.as_bytes());
    let tag = digest[..12].iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let tag = EntityTag::new_strong(tag);
    let known = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&tag)),
        Ok(IfNoneMatch::Any) | Err(_) => false,
    };
    let mut reply = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    reply.insert_header(header::ETag(tag)).insert_header((header::CACHE_CONTROL, "no-cache"));
    if known { reply.finish() } else { reply.content_type("application/json").body(answer) }
}

/// A problem.
#[must_use]
pub fn problem(problem: &Problem) -> HttpResponse {
    telemetry::refused(problem);
    let status =
        StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut reply = HttpResponse::build(status);
    if let Some(millis) = problem.retry_after() {
        reply.insert_header((header::RETRY_AFTER, millis.div_ceil(1_000)));
    }
    if status == StatusCode::UNAUTHORIZED {
        reply.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
    }
    if matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE) {
        // The rest of the body is not read.
        reply.force_close();
    }
    reply
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("application/problem+json")
        .body(problem.to_json())
}
