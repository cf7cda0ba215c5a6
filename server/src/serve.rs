//! Serving: sockets, threads, signals, and the order in which everything starts and ends.

use std::{
    future::ready,
    net::{SocketAddr, TcpListener},
    num::NonZeroUsize,
    thread,
    time::Duration,
};

use actix_codec::{AsyncRead, AsyncWrite};
use actix_http::{
    HttpService, Protocol, Request, Response,
    body::{BoxBody, MessageBody},
    error::DispatchError,
    h1::ExpectHandler,
};
use actix_service::{
    IntoServiceFactory, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config,
};
use actix_tls::accept::{
    TlsError,
    rustls_0_23::{Acceptor, TlsStream},
};
use actix_web::{
    dev::{AppConfig, Server},
    middleware,
    rt::net::TcpStream,
    web,
};
use anyhow::Context;
use rustls::ServerConfig;
use socket2::{Domain, Socket, Type};

use crate::{
    app::App,
    cast,
    config::{LogFormat, Settings},
    files,
    http::{
        self,
        connection::{self, Connection},
        upgrade::Answering,
    },
    limits, live,
    problem::Problem,
    telemetry, tls, web as pages,
};

/// Runs the server until it is told to stop.
///
/// # Errors
/// Whatever keeps it from starting. One whose certificate is no good, or whose address is taken, has not
/// touched its data folder.
pub async fn serve(mut settings: Settings) -> anyhow::Result<()> {
    if !settings.demo {
        tracing::info!("starting; with --demo one person plays a whole dinner, at /demo");
    }
    for variable in Settings::foreign_variables()? {
        tracing::warn!(variable, "no setting of the server has this name");
    }
    let tls = tls::load(&settings.tls_certificate, &settings.tls_key);
    let tls = tls.inspect_err(|error| tracing::error!(code = error.code(), %error, "no TLS"))?;
    // Who comes while the data folder is opened waits in line.
    let listener = listener(settings.listen).with_context(|| {
        format!("cannot listen on {} (--listen names another address)", settings.listen)
    })?;
    let address = listener.local_addr()?;
    if settings.public_url.port() == Some(0) {
        settings.follow(address.port())?;
    }
    let opening = settings.clone();
    let app = tokio::task::spawn_blocking(move || App::open(opening)).await??;
    if !settings.takes_made_up_people() {
        let ended = app.desk(|desk| desk.register.sign_out_made_up_people()).await;
        let ended = ended.map_err(|problem| anyhow::anyhow!("{problem}"))??;
        if ended > 0 {
            tracing::warn!(
                sessions = ended,
                "made-up people are signed out (see `made_up_people`)"
            );
        }
    }
    let players = if settings.demo { Some(cast::seed(&app).await?) } else { None };
    app.webhooks().start(app.engine().clone(), app.epoch().to_owned())?;
    let server = build(&app, &settings, players, tls, listener)?;
    announce(&settings, address);
    let handle = server.handle();
    let stopping = actix_rt::spawn({
        let app = app.clone();
        async move {
            let is_poisoned = tokio::select! {
                () = stop_signal() => false,
                () = poisoned(&app) => true,
            };
            if is_poisoned {
                tracing::error!("closing: the journal takes no more, and only a new start helps");
                tokio::select! {
                    () = tokio::time::sleep(limits::POISON_TOLD_FOR) => {}
                    () = stop_signal() => {}
                }
            } else {
                tracing::info!("closing: no new commands, finishing what was accepted");
            }
            app.close().await;
            handle.stop(true).await;
            // It may have failed while what was accepted was finished.
            is_poisoned || app.engine().is_poisoned()
        }
    });
    server.await?;
    let is_poisoned = stopping.await?;
    tracing::info!("closed");
    // Whoever watches over the process starts it anew.
    anyhow::ensure!(!is_poisoned, "the journal could not be written: see the log, and start again");
    Ok(())
}

/// Waits until the journal has failed: opening it anew is the only way back (J-3).
async fn poisoned(app: &App) {
    while !app.engine().is_poisoned() {
        tokio::time::sleep(limits::JOURNAL_LOOKED_AT_EVERY).await;
    }
}

fn build(
    app: &App,
    settings: &Settings,
    players: Option<cast::Cast>,
    tls: Option<ServerConfig>,
    listener: TcpListener,
) -> anyhow::Result<Server> {
    let (shared, demo) = (web::Data::new(app.clone()), settings.demo);
    let players = players.map(web::Data::new);
    let application = move || {
        let mut application = actix_web::App::new()
            .app_data(shared.clone())
            .app_data(web::Data::new(pages::Shown { demo }))
            .app_data(web::QueryConfig::default().error_handler(|error, _| {
                let problem = Problem::bad_request(error.to_string());
                actix_web::error::InternalError::from_response(
                    error,
                    http::reply::problem(&problem),
                )
                .into()
            }))
            .wrap(middleware::NormalizePath::trim())
            .wrap(middleware::from_fn(http::unread::held))
            .wrap(middleware::from_fn(http::porch::passed))
            .wrap(middleware::from_fn(telemetry::traced))
            .configure(live::routes)
            .configure(http::routes)
            .configure(pages::routes)
            .default_service(web::to(http::nothing_here));
        if let Some(players) = &players {
            application = application.app_data(players.clone()).configure(cast::routes);
        }
        application
    };
    let threads = match settings.workers {
        0 => thread::available_parallelism().map_or(2, NonZeroUsize::get),
        workers => workers,
    };
    let files = files::raise();
    let each = files::connections(files, threads);
    if each.saturating_mul(threads) < limits::CONNECTIONS_FEW {
        tracing::warn!(
            files,
            connections = each.saturating_mul(threads),
            "few connections at once: give the process more files (`ulimit -n`, `LimitNOFILE`)"
        );
    }
    let server = Server::build()
        .disable_signals()
        .shutdown_timeout(10)
        .workers(threads)
        .max_concurrent_connections(each);
    let end = server.graceful_shutdown_signal();
    let end = move || {
        let end = end.clone();
        async move { end.notified().await }
    };
    let app = app.clone();
    let server = match tls {
        Some(mut tls) => {
            tls.alpn_protocols = vec![b"http/1.1".to_vec()];
            server.listen("https", listener, move || {
                let app = app.clone();
                Acceptor::new(tls.clone())
                    .map_init_err(|error| unreachable!("{error:?}"))
                    .map_err(TlsError::into_service_error)
                    .and_then(move |io: TlsStream<TcpStream>| {
                        let made = made(&app, io, |io| io.get_ref().0);
                        ready(made.map_err(TlsError::Service))
                    })
                    .and_then(served(application.clone(), end.clone()).map_err(TlsError::Service))
            })
        }
        None => server.listen("http", listener, move || {
            let app = app.clone();
            fn_service(move |io: TcpStream| ready(made(&app, io, |io| io)))
                .and_then(served(application.clone(), end.clone()))
        }),
    };
    Ok(server?.run())
}

/// A connection, as it is served.
type Made<T> = (Connection<T>, Protocol, Option<SocketAddr>);

/// The connection that goes over `io`, whose socket is `stream`.
fn made<T>(app: &App, io: T, stream: impl Fn(&T) -> &TcpStream) -> Result<Made<T>, DispatchError> {
    connection::prepare(stream(&io));
    let peer = stream(&io).peer_addr().ok();
    let connection = Connection::new(app, io, peer).map_err(DispatchError::Io)?;
    Ok((connection, Protocol::Http1, peer))
}

/// A socket that listens: `HttpServer` would make the same one.
fn listener(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket =
        Socket::new(Domain::for_address(address), Type::STREAM, Some(socket2::Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(4_096)?;
    Ok(socket.into())
}

/// How connections are served: as `HttpServer` does, but for those whose request asks for another
/// protocol, which have an application of their own.
#[expect(clippy::type_complexity, reason = "what the library makes has no shorter name")]
fn served<T, I, S, B, E>(
    application: impl Fn() -> I,
    end: impl Fn() -> E + 'static,
) -> HttpService<
    T,
    impl ServiceFactory<
        Request,
        Config = (),
        Response = S::Response,
        Error = S::Error,
        InitError = (),
        Service = S::Service,
        Future = S::Future,
    >,
    B,
    ExpectHandler,
    Answering<T>,
>
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig, InitError = ()> + 'static,
    S::Response: Into<Response<B>>,
    S::Error: Into<Response<BoxBody>> + 'static,
    B: MessageBody + 'static,
    E: Future<Output = ()> + 'static,
{
    // Nobody asks the library for names and addresses of our own.
    let application = || map_config(application(), |()| AppConfig::default());
    HttpService::build()
        .client_request_timeout(Duration::from_secs(10))
        .client_disconnect_timeout(limits::LINGER)
        .graceful_shutdown_signal(end)
        .upgrade(http::upgrade::answered(application()))
        .finish(application())
}

/// Says where to go: for people last, and on a line of its own, which terminals make a link of.
fn announce(settings: &Settings, address: SocketAddr) {
    let url = &settings.public_url;
    if let Some(data) = settings.data() {
        let file = crate::app::operator_token_file(data);
        tracing::info!("the operator's token for {url}operator is in {}", file.display());
    }
    let open =
        if settings.demo { url.join("demo").unwrap_or_else(|_| url.clone()) } else { url.clone() };
    let what = if settings.demo {
        "eight phones and a till are on one page: open it"
    } else {
        "people find their phone here: open it"
    };
    match settings.log {
        LogFormat::Json => tracing::info!(%address, url = %open, "{what}"),
        LogFormat::Text => {
            tracing::info!(%address, "{what}");
            if tracing::enabled!(tracing::Level::INFO) {
                eprintln!("\n    {open}\n");
            }
        }
    }
}

async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).context("cannot listen to signals");
    match (listen(SignalKind::terminate()), listen(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!(%error, "only kill -9 stops this server");
            std::future::pending::<()>().await;
        }
    }
}
