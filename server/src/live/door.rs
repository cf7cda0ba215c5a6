//! The door of the live channel: who may knock at all.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{self, HeaderValue},
    },
    web,
};
use url::{Host, Url};

use super::{nobody::Nobody, session};
use crate::{
    app::App,
    http::{self, reply},
    problem::{Kind, Problem},
};

/// Where the live channel is.
pub(super) const PATH: &str = "/v1/live";

/// Serves the live channel.
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(http::resource(PATH, Method::GET.to_string(), [web::get().to(knock)]));
}

async fn knock(app: web::Data<App>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    if app.is_closing() {
        return reply::problem(&Problem::new(Kind::Closing, "the server shuts down"));
    }
    if !is_ours(&app, &request) {
        let problem = Problem::new(Kind::WrongOrigin, "pages of other sites may not connect");
        return reply::problem(&problem);
    }
    match Nobody::from(&app, &request) {
        Ok(nobody) => session::open(app.as_ref().clone(), &request, payload, nobody)
            .unwrap_or_else(|error| no_websocket(&error)),
        Err(problem) => reply::problem(&problem),
    }
}

/// Sources: RFC 9110, section 15.5.22; RFC 6455, section 4.4: the answer names what is taken.
fn no_websocket(error: &actix_web::Error) -> HttpResponse {
    let detail = format!("the live channel is a websocket: {error}");
    let mut reply = reply::problem(&Problem::new(Kind::NoWebsocket, detail));
    reply.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    reply.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    reply
}

/// Whether the page that connects is ours. Programs send no origin, and bring a token anyway.
fn is_ours(app: &App, request: &HttpRequest) -> bool {
    let Some(origin) = request.headers().get(header::ORIGIN) else { return true };
    let Some(origin) = origin.to_str().ok().and_then(|origin| Url::parse(origin).ok()) else {
        return false;
    };
    let public = app.settings().public_url.origin() == origin.origin();
    // A page of this very machine, however it is called. A name would prove nothing: whoever owns
    // one can let it lead here.
    let is_local = match origin.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    public || (is_local && host.is_some_and(|host| authority(&origin) == host))
}

fn authority(origin: &Url) -> String {
    let host = origin.host_str().unwrap_or_default();
    origin.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
