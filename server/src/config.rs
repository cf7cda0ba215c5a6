//! Configuration: one struct, filled by defaults, then a file, then the environment, then flags.

mod flags;

use std::{
    net::SocketAddr,
    num::{NonZeroU32, NonZeroU64},
    os::unix::fs::DirBuilderExt,
    path::Path,
    time::Duration,
};

use anyhow::Context;
use config::{Environment, File};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use url::Url;

pub use self::flags::Flags;
use crate::{auth::rate::Often, http::address::Network, limits};

/// The data folder, where nobody names another.
const DATA: &str = "data";

/// The data folder of a demo, where nobody names another: it plays beside whatever is of worth.
const DATA_OF_DEMO: &str = "data/demo";

/// How the server runs. In a file (TOML) under these names, in the environment as `FANJU_` and the
/// name in capitals.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where it listens.
    #[serde(deserialize_with = "address_and_port")]
    pub listen: SocketAddr,
    /// Where people find it: passkeys belong to this address, and websockets must come from it.
    /// Browsers take passkeys over https, or on `localhost`. Not said: `localhost`, with the port of
    /// `listen`.
    pub public_url: Url,
    /// The data folder: journal, books, register, outbox and keys. Empty: in memory, gone at the
    /// end. Not said, and a demo: a folder of its own in there.
    pub data: String,
    /// Whether a restaurant and eight diners are seeded and played with on one page. Demo
    /// identities need no passkey, so a demo must never hold anything of worth.
    pub demo: bool,
    /// Whether people that were made up, by `fanju-server cast` or an earlier demo, stay signed in:
    /// for load tests. They need no passkey, so nothing of worth may be here then. Otherwise
    /// their sessions end at the start.
    pub made_up_people: bool,
    /// Threads that serve sockets; 0: as many as the machine has cores.
    pub workers: usize,
    /// The certificate chain (PEM) for TLS; empty: none.
    pub tls_certificate: String,
    /// The certificate's private key (PEM).
    pub tls_key: String,
    /// How logs are written.
    pub log: LogFormat,
    /// The `OpenTelemetry` collector that is sent a span of each request, by OTLP over HTTP, as in
    /// `http://127.0.0.1:4318`; empty: none.
    pub otlp_endpoint: String,
    /// Amounts above this, in minor units, take a fresh look at finger or face: in one piece, or in many that a
    /// device moves or agrees to within a day.
    /// Source: `WeChat` micropay asks for a password above 1,000.00.
    pub step_up_above_minor: i64,
    /// How long one stays signed in at most, in days.
    pub session_days: NonZeroU64,
    /// How long one stays signed in without asking for anything, in hours; no longer than that.
    pub session_idle_hours: NonZeroU64,
    /// Whether webhooks may call addresses of the local network.
    pub webhooks_to_private_addresses: bool,
    /// Whether webhooks may go over plain http.
    pub webhooks_over_http: bool,
    /// From scan to the end of an order, in seconds.
    pub order_deadline_seconds: u64,
    /// Requests that one person or till, or nobody from one address, may send in a second, in the
    /// long run, each for every 4 KiB that it begins, and of its answer beyond the first 4; four
    /// seconds' worth may come at once.
    pub requests_per_second: NonZeroU32,
    /// Sign-ups, sign-ins and recoveries that one address may begin in a minute; wrong recovery codes
    /// of one name as well.
    pub attempts_per_minute: NonZeroU32,
    /// Live sessions of one address that have not signed in, at once.
    pub nobodies_per_address: NonZeroU32,
    /// Connections of one address at once, of whatever kind; this machine and trusted proxies may have any
    /// number.
    pub connections_per_address: NonZeroU32,
    /// Proxies, by address or network, whose `X-Forwarded-For` or `Forwarded` says where a request
    /// comes from: the rightmost hop that is none of them. Nobody else's is believed, for anybody can
    /// write it. In the environment with commas.
    pub trusted_proxies: Vec<Network>,
}

/// How logs are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one JSON object a line.
    Json,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: Url::parse("http://localhost:8080").expect("a constant"),
            data: DATA.to_owned(),
            demo: false,
            made_up_people: false,
            workers: 0,
            tls_certificate: String::new(),
            tls_key: String::new(),
            log: LogFormat::Text,
            otlp_endpoint: String::new(),
            step_up_above_minor: 100_000,
            session_days: limits::SESSION_DAYS,
            session_idle_hours: limits::SESSION_IDLE_HOURS,
            webhooks_to_private_addresses: false,
            webhooks_over_http: false,
            order_deadline_seconds: fanju::limits::ORDER_DEADLINE.as_secs(),
            requests_per_second: limits::REQUESTS_PER_SECOND,
            attempts_per_minute: limits::ATTEMPTS_PER_MINUTE,
            nobodies_per_address: limits::NOBODIES_PER_ADDRESS,
            connections_per_address: limits::CONNECTIONS_PER_ADDRESS,
            trusted_proxies: Vec::new(),
        }
    }
}

fn address_and_port<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(from)?;
    let wrong = |_| D::Error::custom(format!("`{text}` is no address and port, as 127.0.0.1:8080"));
    text.parse().map_err(wrong)
}

impl Settings {
    /// The settings of `file`, if there is one, with the environment above it, and `flags` above both.
    ///
    /// # Errors
    /// When the file cannot be read, or one of them says what no setting takes.
    pub fn load(file: Option<&Path>, flags: &Flags) -> anyhow::Result<Self> {
        let environment = Environment::with_prefix("FANJU").prefix_separator("_").try_parsing(true);
        let environment = environment.list_separator(",").with_list_parse_key("trusted_proxies");
        let environment = environment.source(Some(Self::environment()?));
        let mut layers = config::Config::builder();
        if let Some(file) = file {
            layers = layers.add_source(File::from(file));
        }
        let layers = layers.add_source(environment).add_source(config::Config::try_from(flags)?);
        let said = layers.build()?;
        let is_said = |name| said.get::<config::Value>(name).is_ok();
        let (follows, is_anywhere) = (!is_said("public_url"), !is_said("data"));
        let mut settings: Self = said.try_deserialize()?;
        settings.check_sessions()?;
        if follows {
            settings.follow(settings.listen.port())?;
        }
        if is_anywhere && settings.demo {
            settings.data = DATA_OF_DEMO.to_owned();
        }
        Ok(settings)
    }

    /// Lets people of this machine find the server at `port`.
    ///
    /// # Errors
    /// Never: that is an address.
    pub fn follow(&mut self, port: u16) -> anyhow::Result<()> {
        let scheme = if self.tls_certificate.is_empty() { "http" } else { "https" };
        self.public_url = Url::parse(&format!("{scheme}://localhost:{port}"))?;
        Ok(())
    }

    /// Those variables of the environment that are settings: others of that prefix belong to
    /// other programs.
    fn environment() -> anyhow::Result<config::Map<String, String>> {
        let [settings, _] = Self::variables()?;
        Ok(settings)
    }

    /// Variables of the environment with the prefix of settings that are none: of other programs, or
    /// mistyped.
    ///
    /// # Errors
    /// Never: settings can be listed.
    pub fn foreign_variables() -> anyhow::Result<Vec<String>> {
        let [_, foreign] = Self::variables()?;
        Ok(foreign.into_keys().collect())
    }

    fn variables() -> anyhow::Result<[config::Map<String, String>; 2]> {
        let all = serde_json::to_value(Self::default())?;
        let setting = |name: &str| name.strip_prefix("FANJU_").map(str::to_lowercase);
        let prefixed = std::env::vars().filter(|(name, _)| setting(name).is_some());
        let is_one = |name: &str| setting(name).is_some_and(|name| all.get(name).is_some());
        Ok(prefixed.partition(|(name, _)| is_one(name)).into())
    }

    /// The data folder; none for memory.
    #[must_use]
    pub fn data(&self) -> Option<&Path> {
        (!self.data.is_empty()).then(|| Path::new(&self.data))
    }

    /// The engine's part; makes the data folder.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn engine(&self) -> anyhow::Result<fanju::Config> {
        let mut config = match self.data() {
            Some(data) => {
                // Names and keys are in it: its owner's alone.
                std::fs::DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(data)
                    .with_context(|| format!("cannot make {}", data.display()))?;
                fanju::Config::directory(data)
            }
            None => fanju::Config::in_memory(),
        };
        config.order_deadline = Duration::from_secs(self.order_deadline_seconds);
        config.answer_within = config.order_deadline * 3 / 4;
        let orders_end = config.order_deadline.saturating_add(limits::CLOSE_AFTER_ORDERS);
        config.close_within = config.close_within.max(orders_end);
        Ok(config)
    }

    /// How long one stays signed in at most.
    #[must_use]
    pub fn session_lasts(&self) -> Duration {
        Duration::from_secs(self.session_days.get().saturating_mul(86_400))
    }

    /// How long one stays signed in without asking for anything.
    #[must_use]
    pub fn session_idles(&self) -> Duration {
        Duration::from_secs(self.session_idle_hours.get().saturating_mul(3_600))
    }

    fn check_sessions(&self) -> anyhow::Result<()> {
        let (hours, days) = (self.session_idle_hours, self.session_days);
        anyhow::ensure!(
            self.session_idles() <= self.session_lasts(),
            "session_idle_hours = {hours} is longer than session_days = {days}"
        );
        Ok(())
    }

    /// The name that passkeys belong to: the host of the public address.
    ///
    /// # Errors
    /// When the public address has none.
    pub fn rp_id(&self) -> anyhow::Result<String> {
        let host = self.public_url.host_str().context("public_url has no host")?;
        Ok(host.to_owned())
    }

    /// Whether people come by TLS, and to no machine of their own.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.public_url.scheme() == "https" && self.public_url.domain() != Some("localhost")
    }

    /// Whether there are people who need no passkey.
    #[must_use]
    pub fn takes_made_up_people(&self) -> bool {
        self.demo || self.made_up_people
    }

    /// How often one may ask.
    #[must_use]
    pub fn often(&self) -> Often {
        Often {
            attempts_per_minute: self.attempts_per_minute,
            requests_per_second: self.requests_per_second,
            requests_burst: self.requests_per_second.saturating_mul(limits::REQUESTS_BURST_FACTOR),
        }
    }

    /// Where spans go; none, if nowhere.
    ///
    /// # Errors
    /// When that is no address on the web.
    pub fn otlp(&self) -> anyhow::Result<Option<Url>> {
        if self.otlp_endpoint.is_empty() {
            return Ok(None);
        }
        let mut spans = Url::parse(&self.otlp_endpoint).context("otlp_endpoint is no address")?;
        let is_on_the_web = matches!(spans.scheme(), "http" | "https");
        anyhow::ensure!(is_on_the_web, "otlp_endpoint is not http or https");
        // Source: the OTLP specification, "OTLP/HTTP Request": each signal has its path there.
        let path = spans.path_segments_mut();
        let mut path = path.map_err(|()| anyhow::anyhow!("otlp_endpoint has no path"))?;
        path.pop_if_empty().extend(["v1", "traces"]);
        drop(path);
        Ok(Some(spans))
    }
}

#[cfg(test)]
mod tests;
