//! Telemetry: logs on standard error, and a span of each request for whoever collects them.
//!
//! A span says which operation, how it ended and how long it took; never who asked, or how much. Spans
//! are made only when an OTLP collector is set (`otlp_endpoint`) or logs go down to `debug`: otherwise
//! each is one look at a flag.

use std::{
    io::stderr,
    sync::atomic::{AtomicBool, Ordering},
};

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::Method,
    middleware::Next,
};
use anyhow::Context;
use async_trait::async_trait;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::{Instrument, Level, Span, field::Empty};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::{
    EnvFilter, Layer, filter::Targets, fmt, layer::SubscriberExt, registry::LookupSpan,
    util::SubscriberInitExt,
};
use url::Url;

use crate::{
    config::{LogFormat, Settings},
    limits, operations,
    problem::Problem,
};

/// What spans of requests are called among everything that is traced: nothing else is exported.
const SPANS: &str = "fanju_server::spans";

/// What is logged unless `RUST_LOG` says otherwise: where the server listens it says itself.
const LEVELS: &str = "info,actix_server=warn";

/// What a request that did what it should ended with.
const DONE: &str = "ok";

/// Logs and spans, for as long as the process runs.
#[derive(Debug)]
pub struct Telemetry(Option<SdkTracerProvider>);

impl Telemetry {
    /// Begins to log, and to export spans if `settings` say where to.
    ///
    /// # Errors
    /// When the collector's address is none, or somebody else writes logs already.
    pub fn begin(settings: &Settings) -> anyhow::Result<Self> {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LEVELS));
        let Some(collector) = settings.otlp()? else {
            tracing_subscriber::registry().with(filter).with(logs(settings.log)).try_init()?;
            return Ok(Self(None));
        };
        let provider = provider(&collector)?;
        let spans = OpenTelemetryLayer::new(provider.tracer(env!("CARGO_PKG_NAME")))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(SPANS, Level::DEBUG));
        let logs = logs(settings.log).with_filter(filter);
        tracing_subscriber::registry().with(spans).with(logs).try_init()?;
        // Its address may hold a password.
        let host = collector.host_str().unwrap_or_default();
        tracing::info!(host, port = collector.port_or_known_default(), "spans are exported");
        Ok(Self(Some(provider)))
    }

    /// Sends what is left.
    pub fn end(self) {
        let Some(provider) = self.0 else { return };
        if let Err(error) = provider.shutdown_with_timeout(limits::EXPORT_WITHIN) {
            tracing::warn!(%error, "the last spans are not exported");
        }
    }
}

fn logs<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
{
    let logs = fmt::layer().with_writer(stderr);
    match format {
        LogFormat::Text => logs.boxed(),
        LogFormat::Json => logs.json().boxed(),
    }
}

/// Collects spans and sends them in batches, from a thread of its own; what is too much is dropped.
fn provider(collector: &Url) -> anyhow::Result<SdkTracerProvider> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Sender::new())
        .with_endpoint(collector.as_str())
        .with_timeout(limits::EXPORT_WITHIN)
        .build()
        .context("spans cannot be exported")?;
    let resource = Resource::builder().with_service_name(env!("CARGO_PKG_NAME"));
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource.build())
        .build())
}

/// How spans go out: by the client that webhooks have too.
#[derive(Debug)]
struct Sender {
    agent: ureq::Agent,
    is_failing: AtomicBool,
}

impl Sender {
    fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            // Where spans go is what the settings say, and nothing else.
            .proxy(None)
            .timeout_global(Some(limits::EXPORT_WITHIN))
            .build();
        Self { agent: config.into(), is_failing: AtomicBool::new(false) }
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ureq::Error> {
        let (head, body) = request.into_parts();
        let answer = self.agent.run(Request::from_parts(head, &body[..]))?;
        let (head, body) = answer.into_parts();
        let answer =
            body.into_with_config().limit(limits::EXPORT_ANSWER_BYTES_MAX).read_to_vec()?;
        Ok(Response::from_parts(head, answer.into()))
    }

    /// Says so when exports begin to fail, and when they succeed again: not with each batch.
    fn told(&self, answer: &Result<Response<Bytes>, ureq::Error>) {
        let wrong = match answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(answer.status().to_string()),
            Err(error) => Some(error.to_string()),
        };
        match (self.is_failing.swap(wrong.is_some(), Ordering::Relaxed), wrong) {
            (false, Some(wrong)) => tracing::warn!(wrong, "spans are not taken"),
            (true, None) => tracing::info!("spans are taken again"),
            (false, None) | (true, Some(_)) => {}
        }
    }
}

#[async_trait]
impl HttpClient for Sender {
    /// Waits: only the exporter's own thread asks.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.send(request);
        self.told(&answer);
        Ok(answer?)
    }
}

/// Answers in a span of its own.
///
/// # Errors
/// Those of what answers.
pub async fn traced<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let span = tracing::debug_span!(
        target: SPANS,
        "http",
        otel.name = Empty,
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = Empty,
        http.response.status_code = Empty,
        operation = Empty,
        outcome = Empty,
    );
    if span.is_disabled() {
        return next.call(request).await;
    }
    // Paths are full of names: only their patterns are told. A verb is any text that somebody sends.
    let verb = verb(request.method());
    let route = request.match_pattern();
    let route = route.as_deref().unwrap_or("elsewhere");
    span.record("otel.name", format!("{verb} {route}"));
    span.record("http.request.method", verb);
    let answer = next.call(request).instrument(span.clone()).await?;
    let status = answer.status();
    span.record("http.response.status_code", status.as_u16());
    if !status.is_client_error() && !status.is_server_error() {
        span.record("outcome", DONE);
    }
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    Ok(answer)
}

/// A verb that somebody serves.
fn verb(method: &Method) -> &'static str {
    let served = [
        (Method::GET, "GET"),
        (Method::HEAD, "HEAD"),
        (Method::POST, "POST"),
        (Method::PUT, "PUT"),
        (Method::PATCH, "PATCH"),
        (Method::DELETE, "DELETE"),
        (Method::OPTIONS, "OPTIONS"),
    ];
    served.into_iter().find(|(known, _)| known == method).map_or("HTTP", |(_, name)| name)
}

/// Says which operation the current request is for.
pub fn operates(method: &'static str) {
    Span::current().record("operation", method);
}

/// Says why the current request is refused.
pub fn refused(problem: &Problem) {
    Span::current().record("outcome", problem.code());
}

/// The span of a request over the live channel; `own` are the methods that are no operations.
#[must_use]
pub fn live(method: &str, own: &[&'static str]) -> Span {
    let span = tracing::debug_span!(
        target: SPANS,
        "live",
        otel.name = Empty,
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system = "jsonrpc",
        operation = Empty,
        outcome = Empty,
    );
    if !span.is_disabled() {
        // What a client makes up is nobody's operation.
        let known = operations::named(method).map(|operation| operation.offer.method);
        let known = known.or_else(|| own.iter().copied().find(|own| *own == method));
        let known = known.unwrap_or("unknown_method");
        span.record("otel.name", known);
        span.record("operation", known);
    }
    span
}

/// Says how a request over the live channel ended.
pub fn ended(span: &Span, answered: &operations::Answer) {
    let outcome = answered.as_ref().map_or_else(Problem::code, |_| DONE);
    span.record("outcome", outcome);
    if answered.as_ref().is_err_and(|problem| !problem.is_refusal()) {
        span.record("otel.status_code", "ERROR");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_verb_is_told_as_none() {
        let long = "A".repeat(100_000);
        let made_up = Method::from_bytes(long.as_bytes()).expect("a verb is any token");
        assert_eq!((verb(&made_up), verb(&Method::PATCH)), ("HTTP", "PATCH"));
    }
}
