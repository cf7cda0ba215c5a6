mod pictures;

use std::collections::BTreeSet;

use actix_web::{
    App,
    body::MessageBody,
    dev::ServiceResponse,
    http::{
        Method, StatusCode,
        header::{self, HeaderName},
    },
    test as probe,
    web::{self, Data},
};
use fanju::domain::code::Code;

use super::{Shown, assets, routes};
use crate::http::nothing_here;

/// The answer to `GET path`, of a server that plays the demo or does not.
async fn get(
    path: &str,
    demo: bool,
    tag: Option<&str>,
) -> ServiceResponse<impl MessageBody + use<>> {
    let app = App::new().app_data(Data::new(Shown { demo })).configure(routes);
    let service = probe::init_service(app).await;
    let request = probe::TestRequest::get().uri(path);
    let request = match tag {
        Some(tag) => request.insert_header((header::IF_NONE_MATCH, tag)),
        None => request,
    };
    probe::call_service(&service, request.to_request()).await
}

fn said(answer: &ServiceResponse<impl MessageBody>, name: HeaderName) -> String {
    let value = answer.headers().get(name).expect("header is there");
    value.to_str().expect("header is text").to_owned()
}

#[actix_web::test]
async fn every_page_is_served_with_its_type_and_the_security_headers() {
    for path in ["/", "/till", "/operator", "/demo"] {
        let answer = get(path, true, None).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert_eq!(said(&answer, header::CONTENT_TYPE), "text/html; charset=utf-8");
        assert!(said(&answer, header::CONTENT_SECURITY_POLICY).starts_with("default-src 'self'"));
        assert_eq!(said(&answer, header::X_CONTENT_TYPE_OPTIONS), "nosniff");
        assert_eq!(said(&answer, header::REFERRER_POLICY), "no-referrer");
        assert_eq!(said(&answer, header::X_FRAME_OPTIONS), "SAMEORIGIN");
        assert_eq!(said(&answer, header::CACHE_CONTROL), "no-cache");
    }
}

#[actix_web::test]
async fn the_demo_is_hidden_where_it_is_not_played() {
    let answer = get("/demo", false, None).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    // For people: it says how to start one.
    assert_eq!(said(&answer, header::CONTENT_TYPE), "text/html; charset=utf-8");
}

#[actix_web::test]
async fn a_file_that_the_browser_has_is_not_sent_again() {
    let first = get("/assets/style.css", false, None).await;
    let tag = said(&first, header::ETAG);
    assert!(tag.starts_with('"') && tag.ends_with('"'), "a strong tag: {tag}");
    let again = get("/assets/style.css", false, Some(&tag)).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(said(&again, header::ETAG), tag);
    let listed = get("/assets/style.css", false, Some(&format!("\"other\", {tag}"))).await;
    assert_eq!(listed.status(), StatusCode::NOT_MODIFIED);
    let other = get("/assets/style.css", false, Some("\"other\"")).await;
    assert_eq!(other.status(), StatusCode::OK);
}

#[actix_web::test]
async fn what_is_no_file_is_not_found_and_still_guarded() {
    for path in ["/assets/none.js", "/assets/..%2Fmod.rs", "/assets/"] {
        assert_eq!(get(path, true, None).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let answer = get("/assets/none.js", true, None).await;
    assert_eq!(said(&answer, header::X_CONTENT_TYPE_OPTIONS), "nosniff");
}

#[actix_web::test]
async fn who_mistypes_an_address_reads_a_page_and_a_program_a_problem() {
    let app = App::new().default_service(web::to(nothing_here));
    let service = probe::init_service(app).await;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let (page, problem) = ("text/html; charset=utf-8", "application/problem+json");
    for (method, accept, expected) in [
        (Method::GET, Some(browser), page),
        (Method::HEAD, Some(browser), page),
        (Method::POST, Some(browser), problem),
        (Method::GET, Some("*/*"), problem),
        (Method::GET, Some("application/json, text/html;q=0.9"), problem),
        (Method::GET, None, problem),
    ] {
        let request = probe::TestRequest::with_uri("/tlil").method(method.clone());
        let request = match accept {
            Some(accept) => request.insert_header((header::ACCEPT, accept)),
            None => request,
        };
        let answer = probe::call_service(&service, request.to_request()).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        assert_eq!(said(&answer, header::CONTENT_TYPE), expected, "{method} {accept:?}");
        assert_eq!(said(&answer, header::CACHE_CONTROL), "no-store");
    }
}

#[actix_web::test]
async fn the_service_worker_stands_at_the_root_as_script() {
    let answer = get("/offline.js", false, None).await;
    assert_eq!(said(&answer, header::CONTENT_TYPE), "text/javascript; charset=utf-8");
}

#[test]
fn the_service_worker_keeps_every_script_of_the_pages() {
    let find =
        |name: &str| assets::ASSETS.iter().find(|asset| asset.name == name).expect("is listed");
    let kept = std::str::from_utf8(find("offline.js").bytes).expect("is text");
    let scripts = assets::ASSETS.iter().filter_map(|asset| asset.name.strip_suffix(".js"));
    // The demo, the description and what the server does not find need a network, and the worker does
    // not keep itself.
    let pages = scripts.filter(|name| !["demo", "docs", "missing", "offline"].contains(name));
    let missing: Vec<_> = pages.filter(|name| !kept.contains(&format!("'{name}'"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Whoever stands between a phone and here writes addresses down, and a code is good for a minute.
#[actix_web::test]
async fn no_address_has_a_code_in_it() {
    let code = Code::from_random(123_456_789);
    for picture in ["qr", "code128"] {
        let answer = get(&format!("/codes/{code}/{picture}.svg"), false, None).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    }
}

#[test]
fn bars_are_code_128_of_set_c_between_quiet_zones() {
    let drawn = super::codes::bars(Code::from_random(42));
    // Start, nine symbols and a check symbol of 11 modules each, 13 of stop, and 20 of quiet.
    assert!(drawn.contains("viewBox=\"0 0 154 60\""), "{drawn}");
}

#[test]
fn the_list_names_every_file_of_the_folder() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/web/assets");
    let files = std::fs::read_dir(folder).expect("folder is there");
    let files: BTreeSet<String> = files
        .map(|file| file.expect("file is readable").file_name().to_string_lossy().into_owned())
        .collect();
    let listed: BTreeSet<String> = assets::ASSETS.iter().map(|it| it.name.to_owned()).collect();
    assert_eq!(listed, files);
}

#[test]
fn pages_hold_no_script_and_no_style_of_their_own() {
    for page in assets::ASSETS.iter().filter(|asset| asset.name.ends_with(".html")) {
        let text = str::from_utf8(page.bytes).expect("pages are UTF-8");
        assert!(!text.contains(" style=") && !text.contains("<style"), "{}", page.name);
        assert!(!text.contains(" onclick=") && !text.contains("<script>"), "{}", page.name);
    }
}
