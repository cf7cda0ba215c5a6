//! Bare push: what the websocket library itself could push on this machine, beside what the server does.
//!
//!     cargo bench -p fanju-server --bench bare_push -- [PAIRS [TABLES [SECONDS]]]
//!
//! The bare side is `actix-web-actors` and nothing else: no engine, no journal, no rights, no register.
//! It takes the same frames from the same generator (`fanju-sim live`), answers them with as many bytes,
//! and pushes a settlement, worded once, to the eight phones of a table. Each pair runs both, one after
//! the other, each as a process of its own.

use std::{
    error::Error,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix::{Actor, AsyncContext, Handler, Recipient, StreamHandler};
use actix_web::{HttpRequest, HttpServer, web};
use actix_web_actors::ws::{Message, ProtocolError, WebsocketContext, WsResponseBuilder};
use bytestring::ByteString;
use fanju::{
    domain::event::{Event, Leg, Settlement, Share, Source},
    id::{GroupId, MerchantId, Position, WalletId},
    money::Amount,
    time::Timestamp,
};
use fanju_server::cloud_event;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failed = Box<dyn Error>;

/// Phones at a table.
const PARTY: u8 = 8;

fn main() -> Result<(), Failed> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    // Cargo says so itself.
    words.retain(|word| word != "--bench");
    if words.first().is_some_and(|word| word == "serve") {
        return Ok(actix_web::rt::System::new().block_on(serve())?);
    }
    let number = |at: usize, default| words.get(at).map_or(Ok(default), |word| word.parse());
    let (pairs, tables, seconds) = (number(0, 3)?, number(1, 16)?, number(2, 8)?);
    let programs = Programs::build()?;
    let mut ratios = Vec::new();
    for pair in 1..=pairs {
        let bare = programs.bare(tables, seconds)?;
        let fanju = programs.fanju(tables, seconds)?;
        ratios.push(fanju / bare);
        println!(
            "pair {pair}: bare {bare:.0} dinners/s, fanju {fanju:.0}, ratio {:.2}",
            fanju / bare
        );
    }
    ratios.sort_by(f64::total_cmp);
    println!("{tables} tables: median ratio {:.2}", ratios[ratios.len() / 2]);
    Ok(())
}

// --- both sides --------------------------------------------------------------------------------

struct Programs {
    release: PathBuf,
    folder: tempfile::TempDir,
}

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Whoever is gone already needs no kill.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Programs {
    fn build() -> Result<Self, Failed> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--release", "-p", "fanju-server", "-p", "fanju-sim", "--bins"])
            .current_dir(&root)
            .status()?;
        if !built.success() {
            return Err("cargo build failed".into());
        }
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        Ok(Self { release: target.join("release").canonicalize()?, folder: tempfile::tempdir()? })
    }

    fn bare(&self, tables: u32, seconds: u32) -> Result<f64, Failed> {
        let mut child =
            Command::new(std::env::current_exe()?).arg("serve").stdout(Stdio::piped()).spawn()?;
        let said = BufReader::new(child.stdout.take().ok_or("no output")?).lines().next();
        let _running = Running(child);
        let address: SocketAddr = said.ok_or("the bare server ended")??.parse()?;
        let cast = self.folder.path().join("bare.json");
        let diner = |number| serde_json::json!({ "wallet": wallet(number).0, "token": "none" });
        let diners: Vec<_> = (0..tables * u32::from(PARTY)).map(diner).collect();
        let shop = serde_json::json!({
            "merchant": Uuid::nil(), "name": "Shop", "currency": "CNY", "token": "none",
        });
        let cast_json = serde_json::json!({ "merchants": [shop], "diners": diners });
        std::fs::write(&cast, cast_json.to_string())?;
        self.dine(address, &cast, tables, seconds)
    }

    fn fanju(&self, tables: u32, seconds: u32) -> Result<f64, Failed> {
        let data = tempfile::tempdir_in(self.folder.path())?;
        let (server, diners) =
            (self.release.join("fanju-server"), (tables * u32::from(PARTY)).to_string());
        let made = Command::new(&server)
            .args(["cast", "--diners", &diners, "--shops", "16", "--data"])
            .arg(data.path())
            .stderr(Stdio::null())
            .output()?;
        let cast = self.folder.path().join("fanju.json");
        std::fs::write(&cast, made.stdout)?;
        let mut child = Command::new(&server)
            .args(["--made-up-people", "--listen", "127.0.0.1:0", "--log", "json", "--data"])
            .arg(data.path())
            .env("FANJU_REQUESTS_PER_SECOND", "1000000")
            .stderr(Stdio::piped())
            .spawn()?;
        let mut log = BufReader::new(child.stderr.take().ok_or("no log")?).lines();
        let _running = Running(child);
        let address = loop {
            let line: serde_json::Value =
                serde_json::from_str(&log.next().ok_or("the server ended")??)?;
            if let Some(address) = line["fields"]["address"].as_str() {
                break address.parse()?;
            }
        };
        self.dine(address, &cast, tables, seconds)
    }

    /// Complete dinners per second.
    fn dine(
        &self,
        address: SocketAddr,
        cast: &Path,
        tables: u32,
        seconds: u32,
    ) -> Result<f64, Failed> {
        let (url, tables) = (format!("ws://{address}/v1/live"), tables.to_string());
        let output = Command::new(self.release.join("fanju-sim"))
            .args(["live", "--rate", "max", "--json", "-", "--url", &url, "--tables", &tables])
            .args(["--seconds", &seconds.to_string(), "--cast"])
            .arg(cast)
            .stderr(Stdio::null())
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            return Err(format!("fanju-sim: {said}").into());
        }
        let json = said.find('{').map_or("", |at| &said[at..]);
        let report: serde_json::Value = serde_json::from_str(json)?;
        report["dinners_per_s"].as_f64().ok_or_else(|| format!("no rate in {json}").into())
    }
}

// --- the bare side -----------------------------------------------------------------------------

#[derive(Default)]
struct Hall {
    tables: Mutex<Vec<Arc<Table>>>,
    opened: AtomicUsize,
}

#[derive(Default)]
struct Table {
    phones: Mutex<Vec<Recipient<Push>>>,
    told: AtomicUsize,
}

impl Hall {
    fn table(&self, group: GroupId) -> Arc<Table> {
        let at = usize::try_from(group.0.as_u128()).expect("a small number");
        let mut tables = self.tables.lock().expect("nobody panics");
        while tables.len() <= at {
            tables.push(Arc::default());
        }
        Arc::clone(&tables[at])
    }
}

async fn serve() -> std::io::Result<()> {
    let hall = web::Data::new(Hall::default());
    let factory =
        move || actix_web::App::new().app_data(hall.clone()).route("/v1/live", web::get().to(open));
    let server = HttpServer::new(factory)
        .on_connect(|connection, _| {
            if let Some(stream) = connection.downcast_ref::<actix_web::rt::net::TcpStream>() {
                stream.set_nodelay(true).expect("a socket");
            }
        })
        .backlog(4_096)
        .bind("127.0.0.1:0")?;
    println!("{}", server.addrs()[0]);
    server.run().await
}

async fn open(
    hall: web::Data<Hall>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<actix_web::HttpResponse, actix_web::Error> {
    WsResponseBuilder::new(Session { hall }, &request, payload).start()
}

struct Session {
    hall: web::Data<Hall>,
}

struct Push(ByteString);

impl actix::Message for Push {
    type Result = ();
}

#[derive(Deserialize)]
struct Asked<'a> {
    id: u64,
    method: &'a str,
    #[serde(borrow)]
    params: &'a RawValue,
}

#[derive(Deserialize)]
struct Listen<'a> {
    topic: &'a str,
}

#[derive(Deserialize)]
struct Show {
    group: GroupId,
}

#[derive(Deserialize)]
struct Scan<'a> {
    code: &'a str,
    order_no: fanju::domain::text::OrderNo,
    total: Amount,
    #[serde(borrow)]
    merchant: &'a str,
}

impl Actor for Session {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let now = now().0;
        ctx.text(format!(
            "{{\"jsonrpc\":\"2.0\",\"method\":\"hello\",\"params\":{{\"server_time\":{now},\"epoch\":\"bare\"}}}}"
        ));
    }
}

impl Handler<Push> for Session {
    type Result = ();

    fn handle(&mut self, Push(text): Push, ctx: &mut Self::Context) {
        ctx.text(text);
    }
}

impl StreamHandler<Result<Message, ProtocolError>> for Session {
    fn handle(&mut self, message: Result<Message, ProtocolError>, ctx: &mut Self::Context) {
        if let Ok(Message::Text(text)) = message {
            let Asked { id, method, params } = serde_json::from_str(&text).expect("a request");
            let result = self.answer(method, params.get(), ctx);
            ctx.text(format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result}}}"));
        }
    }
}

impl Session {
    fn answer(&self, method: &str, params: &str, ctx: &WebsocketContext<Self>) -> String {
        match method {
            "groups.open" => {
                let group = self.hall.opened.fetch_add(1, Ordering::Relaxed);
                format!("{{\"group\":\"{}\"}}", Uuid::from_u128(group as u128))
            }
            "groups.link" => "{\"link\":\"link\"}".to_owned(),
            "subscribe" => {
                let Listen { topic } = serde_json::from_str(params).expect("a topic");
                let group = topic.trim_start_matches("group:").parse().expect("a group");
                let table = self.hall.table(GroupId(group));
                table.phones.lock().expect("nobody panics").push(ctx.address().recipient());
                format!("{{\"topic\":\"{topic}\",\"position\":0,\"recovered\":false}}")
            }
            "groups.code" => {
                let Show { group } = serde_json::from_str(params).expect("a group");
                let until = now().after(Duration::from_secs(60)).0;
                format!("{{\"code\":\"{:018}\",\"expires_at\":{until}}}", group.0.as_u128())
            }
            "orders.scan" => self.settle(&serde_json::from_str(params).expect("a bill")),
            _ => "{}".to_owned(),
        }
    }

    /// Words a settlement once, and tells every phone.
    fn settle(&self, Scan { code, order_no, total, merchant }: &Scan<'_>) -> String {
        let group = GroupId(Uuid::from_u128(code.parse().expect("digits")));
        let table = self.hall.table(group);
        let prev = table.told.fetch_add(1, Ordering::Relaxed);
        let (position, at) = (Position(prev as u64 + 1), now());
        let settlement = settlement(order_no, *total, merchant.parse().expect("a shop"), group);
        let answer = serde_json::to_string(&settlement).expect("JSON");
        let event = Event::Settled(settlement);
        let body =
            cloud_event::render("00000000-0000-0000-0000-000000000000", position, at, &event);
        let text: ByteString = format!(
            "{{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{{\"topic\":\"group:{}\",\
             \"position\":{position},\"prev\":{prev},\"event\":{body}}}}}",
            group.0
        )
        .into();
        for phone in table.phones.lock().expect("nobody panics").iter() {
            phone.do_send(Push(text.clone()));
        }
        format!(
            "{{\"state\":\"settled\",\"order_no\":\"{order_no}\",\"total\":{},\"position\":{position},\
             \"at\":{},\"replayed\":false,\"settlement\":{answer}}}",
            total.minor(),
            at.0
        )
    }
}

/// Equal shares of `total`, the odd cents to the first.
fn settlement(
    order_no: &fanju::domain::text::OrderNo,
    total: Amount,
    merchant: Uuid,
    group: GroupId,
) -> Settlement {
    let party = i64::from(PARTY);
    let owed = |seat: u8| {
        let odd = i64::from(i64::from(seat) < total.minor() % party);
        Amount::from_minor(total.minor() / party + odd)
    };
    let share = |seat: u8| Share {
        diner: wallet(seat.into()),
        owed: owed(seat),
        confirmed: false,
        carry_micro: 0,
    };
    let leg = |seat: u8| Leg {
        share: seat.into(),
        source: Source::Wallet(wallet(seat.into())),
        amount: owed(seat),
    };
    Settlement {
        merchant: MerchantId(merchant),
        order_no: order_no.clone(),
        group,
        content: 0,
        bill: 0,
        total,
        shares: (0..PARTY).map(share).collect(),
        legs: (0..PARTY).map(leg).collect(),
    }
}

fn wallet(number: u32) -> WalletId {
    WalletId(Uuid::from_u128(u128::from(number)))
}

fn now() -> Timestamp {
    fanju::Clock::System.now()
}
