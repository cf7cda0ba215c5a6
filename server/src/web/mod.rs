//! The pages: a diner's phone, a till, the operator's desk, the demo, and the files they are made of.
//!
//! Everything is in the program; nothing is read from disk, nothing comes from elsewhere. Pages talk
//! to the engine over `/v1/live` only, as any other client.
//!
//! Invariants: every answer of this module carries the security headers ([`headers`]); no address
//! here has a code in it, since addresses are written down on the way; the demo is played only when
//! [`Shown::demo`] says so.

mod assets;
pub(crate) mod codes;

#[cfg(test)]
mod tests;

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder, Route, guard,
    http::{
        Method,
        header::{self, Accept, ContentType, EntityTag, Header, IfNoneMatch},
    },
    web::{self, Data, Path, ServiceConfig},
};

use self::assets::Asset;
use crate::http::resource;

/// Which pages there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shown {
    /// Whether the demo is played: eight phones and a till on one page.
    pub demo: bool,
}

/// Scripts, styles, pictures, frames and the live channel from here, and nothing else from anywhere.
/// Pages may be framed by pages from here: the demo does it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; frame-src 'self'; img-src 'self' data:; \
                                       object-src 'none'; base-uri 'none'; form-action 'self'; \
                                       frame-ancestors 'self'";

/// Pages, and the files that they are.
const PAGES: [(&str, &str); 5] = [
    ("/", "phone.html"),
    ("/till", "till.html"),
    ("/operator", "operator.html"),
    ("/docs", "docs.html"),
    ("/offline.js", "offline.js"),
];

/// Adds the pages to a server. Needs [`Data<Shown>`]; without it there is no demo.
pub fn routes(config: &mut ServiceConfig) {
    let mut add = |path: &str, read: Route| {
        config.service(resource(path, "GET, HEAD".to_owned(), [read]));
    };
    for (path, name) in PAGES {
        add(path, reading().to(move |request: HttpRequest| async move { page(&request, name) }));
    }
    add("/demo", reading().to(demo));
    add("/assets/{file}", reading().to(asset));
}

/// What is read, or looked for.
fn reading() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

async fn demo(request: HttpRequest) -> HttpResponse {
    match request.app_data::<Data<Shown>>() {
        Some(shown) if shown.demo => page(&request, "demo.html"),
        // The page finds nobody who plays, and says how to begin.
        Some(_) | None => guide("demo.html"),
    }
}

/// Whether somebody reads the answer to `request`: a browser that opens a page.
#[must_use]
pub fn is_read(request: &HttpRequest) -> bool {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    reads
        && Accept::parse(request).is_ok_and(|accept| {
            accept.preference().essence_str() == ContentType::html().essence_str()
        })
}

/// For whoever reads: that there is no such page, and the way to those that there are.
#[must_use]
pub fn missing() -> HttpResponse {
    guide("missing.html")
}

/// The page called `name`, in place of the one that is not there.
fn guide(name: &str) -> HttpResponse {
    headers(&mut HttpResponse::NotFound())
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("text/html; charset=utf-8")
        .body(assets::find(name).map_or(&[][..], |(page, _)| page.bytes))
}

async fn asset(request: HttpRequest, file: Path<String>) -> HttpResponse {
    page(&request, &file)
}

/// The file called `name`, unless the browser has this very one.
fn page(request: &HttpRequest, name: &str) -> HttpResponse {
    let Some((asset, tag)) = assets::find(name) else { return not_found() };
    if is_known(request, tag) {
        return headers(&mut HttpResponse::NotModified())
            .insert_header((header::ETAG, tag))
            .insert_header((header::CACHE_CONTROL, "no-cache"))
            .finish();
    }
    let Asset { content_type, bytes, .. } = asset;
    headers(&mut HttpResponse::Ok())
        .insert_header((header::ETAG, tag))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .content_type(*content_type)
        .body(*bytes)
}

/// Whether the browser says that it holds the file with this `tag`.
fn is_known(request: &HttpRequest, tag: &str) -> bool {
    let Ok(tag) = tag.parse::<EntityTag>() else { return false };
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(held)) => held.iter().any(|held| held.weak_eq(&tag)),
        Err(_) => false,
    }
}

fn not_found() -> HttpResponse {
    headers(&mut HttpResponse::NotFound())
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("text/plain; charset=utf-8")
        .body("not found")
}

/// What every answer says about itself, so that a browser gives no page more than it needs.
fn headers(answer: &mut HttpResponseBuilder) -> &mut HttpResponseBuilder {
    answer
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_FRAME_OPTIONS, "SAMEORIGIN"))
}
