//! How often one may ask over HTTP, and what is refused before it is read.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

use std::{net::SocketAddr, num::NonZeroU32};

use actix_http::Request;
use actix_web::{
    App as Application,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    http::header,
    middleware::from_fn,
    test::{TestRequest, call_service, init_service},
    web::{Data, to},
};
use fanju::{
    domain::text::Name,
    id::RequestId,
    money::{Amount, Currency},
};
use fanju_server::{
    app::App,
    auth::{
        Token, TokenKind,
        register::{Person, PersonId},
    },
    config::Settings,
    http, limits,
};
use uuid::Uuid;

/// Where everybody comes from.
const HOUSE: &str = "192.0.2.1:4000";

/// Requests at once, and then one in a second.
const BURST: usize = 4;

fn open() -> App {
    let requests_per_second = NonZeroU32::MIN;
    App::open(Settings { data: String::new(), requests_per_second, ..Settings::default() }).unwrap()
}

/// Somebody's token, of which nothing is in memory yet.
async fn token(app: &App) -> String {
    let (now, lasts) = (app.now(), app.settings().session_lasts());
    let made = app.desk(move |desk| {
        let (id, name) = (PersonId(Uuid::now_v7()), Name::new("Ana").unwrap());
        let person = Person { id, name, verified: false, created_at: now };
        desk.register.add_person_without_passkey(&person).unwrap();
        desk.register.open_session(id, None, "test", now, lasts).unwrap().0
    });
    made.await.unwrap().reveal().to_owned()
}

fn from_the_house(request: TestRequest, token: Option<&str>) -> TestRequest {
    let request = request.peer_addr(HOUSE.parse::<SocketAddr>().unwrap());
    match token {
        Some(token) => request.insert_header((header::AUTHORIZATION, format!("Bearer {token}"))),
        None => request,
    }
}

/// The status that the request is answered with.
async fn status<B: MessageBody>(
    service: &impl Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    request: TestRequest,
    token: Option<&str>,
) -> u16 {
    call_service(service, from_the_house(request, token).to_request()).await.status().as_u16()
}

/// The same of a body that does not say how long it is, as in chunks.
async fn status_unsaid<B: MessageBody>(
    service: &impl Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    request: TestRequest,
    token: Option<&str>,
) -> u16 {
    let mut request = from_the_house(request, token).to_request();
    request.headers_mut().remove(header::CONTENT_LENGTH);
    call_service(service, request).await.status().as_u16()
}

/// A draft of so many bytes, which is none: it is read, counted, and refused for what it says.
fn draft(bytes: usize) -> TestRequest {
    let draft = TestRequest::put().uri("/v1/groups/0/draft").set_payload("x".repeat(bytes));
    draft.insert_header((header::CONTENT_LENGTH, bytes))
}

fn me() -> TestRequest {
    TestRequest::get().uri("/v1/me")
}

#[actix_web::test]
async fn long_drafts_cost_more_than_short_ones_and_no_length_is_too_dear() {
    let app = open();
    let service =
        init_service(Application::new().app_data(Data::new(app.clone())).configure(http::routes));
    let service = service.await;
    let (short, long) = (token(&app).await, token(&app).await);
    for _ in 0..BURST {
        assert_eq!(status(&service, draft(4_096), Some(&short)).await, 400);
    }
    // It takes all that there can be, and there is as much; the next one is seconds away.
    assert_eq!(status(&service, draft(limits::BILL_BYTES_MAX), Some(&long)).await, 400);
    assert_eq!(status(&service, draft(200_000), Some(&long)).await, 429);
    let unsaid = token(&app).await;
    assert_eq!(status_unsaid(&service, draft(200_000), Some(&unsaid)).await, 400);
    assert_eq!(status_unsaid(&service, draft(200_000), Some(&unsaid)).await, 429);
    app.close().await;
}

#[actix_web::test]
async fn a_long_answer_is_paid_for_afterwards() {
    let app = open();
    let service =
        init_service(Application::new().app_data(Data::new(app.clone())).configure(http::routes));
    let service = service.await;
    let token = token(&app).await;
    let wallet = app.engine().open_wallet(Name::new("Ana").unwrap(), Currency::CNY).await.unwrap();
    for number in 0..200 {
        let request = RequestId(Uuid::from_u128(number));
        app.engine().top_up(wallet, request, Amount::from_minor(1)).await.unwrap();
    }
    let (hash, now) = (Token::parse(&token).unwrap().1, app.now());
    let owns = app.desk(move |desk| {
        let person = desk.register.identify(&hash, now).unwrap().unwrap().person.id;
        desk.register.add_wallet(person, wallet, Currency::CNY).unwrap();
    });
    owns.await.unwrap();
    let list = TestRequest::get().uri(&format!("/v1/wallets/{}/events?limit=200", wallet.0));
    assert_eq!(status(&service, list, Some(&token)).await, 200);
    // There were requests left, and there will be in a quarter of a minute.
    assert_eq!(status(&service, me(), Some(&token)).await, 429);
    app.close().await;
}

#[actix_web::test]
async fn nobodys_body_is_not_read_where_nobody_may_ask() {
    let app = open();
    let service =
        init_service(Application::new().app_data(Data::new(app.clone())).configure(http::routes));
    let service = service.await;
    let too_long = "x".repeat(limits::BODY_BYTES_MAX + 1);
    let to = |path| TestRequest::post().uri(path).set_payload(too_long.clone());
    assert_eq!(status(&service, to("/v1/wallets"), None).await, 401);
    let somebody = token(&app).await;
    assert_eq!(status(&service, to("/v1/wallets"), Some(&somebody)).await, 413);
    app.close().await;
}

#[actix_web::test]
async fn guesses_are_counted_and_keep_no_neighbour_out() {
    let app = open();
    let service =
        init_service(Application::new().app_data(Data::new(app.clone())).configure(http::routes));
    let service = service.await;
    let guess = Token::fresh(TokenKind::Session).reveal().to_owned();
    let mut guesses = 0;
    while status(&service, me(), Some(&guess)).await == 401 {
        guesses += 1;
    }
    assert!(guesses >= BURST, "{guesses}");
    // The address has none left; whoever is signed in there is let in, seen before or not.
    for _ in 0..2 * BURST {
        assert_eq!(status(&service, me(), Some(&token(&app).await)).await, 200);
    }
    app.close().await;
}

#[actix_web::test]
async fn what_is_asked_of_no_operation_is_counted_by_address() {
    let app = open();
    let application = Application::new()
        .app_data(Data::new(app.clone()))
        .wrap(from_fn(http::porch::passed))
        .configure(http::routes)
        .default_service(to(http::nothing_here));
    let service = init_service(application).await;
    let get = |path| TestRequest::get().uri(path);
    let there = ["/openapi.json", "/problems", "/nowhere", "/v1/nowhere", "/v1/wallets"];
    let mut asked = 0;
    while status(&service, get(there[asked % there.len()]), None).await != 429 {
        asked += 1;
    }
    assert!(asked >= BURST * 32, "{asked}");
    assert_eq!(status(&service, get("/healthz"), None).await, 200);
    // Operations count by themselves.
    assert_eq!(status(&service, me(), Some(&token(&app).await)).await, 200);
    app.close().await;
}

#[actix_web::test]
async fn who_comes_by_tls_is_told_to_go_on_so() {
    for (public_url, expected) in [
        ("https://pay.fanju.example", Some("max-age=31536000")),
        ("https://localhost:8443", None),
        ("http://pay.fanju.example", None),
    ] {
        let public_url = public_url.parse().unwrap();
        let settings = Settings { data: String::new(), public_url, ..Settings::default() };
        let app = App::open(settings).unwrap();
        let application = Application::new()
            .app_data(Data::new(app.clone()))
            .wrap(from_fn(http::porch::passed))
            .configure(http::routes);
        let service = init_service(application).await;
        let request = from_the_house(TestRequest::get().uri("/healthz"), None).to_request();
        let answer = call_service(&service, request).await;
        let told = answer.headers().get(header::STRICT_TRANSPORT_SECURITY);
        assert_eq!(told.map(|told| told.to_str().unwrap()), expected);
        app.close().await;
    }
}
