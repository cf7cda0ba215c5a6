//! Flags: every setting, as the command line says it.

use std::{
    net::SocketAddr,
    num::{NonZeroU32, NonZeroU64},
};

use serde::Serialize;
use url::Url;

use super::LogFormat;
use crate::http::address::Network;

/// Where `--help` lists what is seldom said.
const MORE: &str = "More settings";

/// What the command line says of the settings; nothing of those that it does not name.
#[derive(Clone, Default, Debug, Serialize, clap::Args)]
pub struct Flags {
    /// Where to listen [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// Where people find the server; passkeys belong to this address [default: http://localhost, with
    /// the port of --listen]
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<Url>,
    /// The data folder, made if it is missing; '' for none, and everything in memory [default: data,
    /// and data/demo with --demo]
    #[arg(long, value_name = "FOLDER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Play a dinner: a restaurant and eight diners, who need no passkey, on one page at /demo
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub demo: Option<bool>,
    /// Let people that `cast` made up stay signed in, who need no passkey: for load tests
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_up_people: Option<bool>,
    /// How logs are written, on standard error [default: text]
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<LogFormat>,
    /// How long one stays signed in at most, in days [default: 30]
    #[arg(long, value_name = "DAYS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_days: Option<NonZeroU64>,
    /// How long one stays signed in without asking for anything, in hours [default: 12]
    #[arg(long, value_name = "HOURS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_idle_hours: Option<NonZeroU64>,
    /// The OpenTelemetry collector that is sent a span of each request, by OTLP over HTTP, as in
    /// http://127.0.0.1:4318 [default: none]
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp_endpoint: Option<String>,
    /// Proxies in front of the server, by address or network, that are believed when they say where
    /// a request comes from (X-Forwarded-For or Forwarded) [default: none]
    #[arg(long, value_name = "ADDRESS,...", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trusted_proxies: Vec<Network>,
    /// Threads that serve sockets; 0: as many as the machine has cores [default: 0]
    #[arg(long, value_name = "THREADS", help_heading = MORE)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<usize>,
    /// The certificate chain (PEM) for TLS [default: none]
    #[arg(long, value_name = "FILE", help_heading = MORE)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_certificate: Option<String>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", help_heading = MORE)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<String>,
    /// Amounts above this, in minor units, take a fresh look at finger or face [default: 100000]
    #[arg(long, value_name = "MINOR", help_heading = MORE)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_up_above_minor: Option<i64>,
    /// Let webhooks call addresses of the local network
    #[arg(long, help_heading = MORE, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhooks_to_private_addresses: Option<bool>,
    /// Let webhooks go over plain http
    #[arg(long, help_heading = MORE, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhooks_over_http: Option<bool>,
    /// From scan to the end of an order, in seconds [default: 60]
    #[arg(long, value_name = "SECONDS", help_heading = MORE)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_deadline_seconds: Option<u64>,
    /// Requests that one person or till may send in a second, in the long run [default: 50]
    #[arg(long, value_name = "NUMBER", help_heading = MORE)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<NonZeroU32>,
    /// Sign-ups, sign-ins and recoveries that one address may begin in a minute [default: 10]
    #[arg(long, value_name = "NUMBER", help_heading = MORE)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts_per_minute: Option<NonZeroU32>,
    /// Live sessions of one address that have not signed in, at once [default: 2000]
    #[arg(long, value_name = "NUMBER", help_heading = MORE)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nobodies_per_address: Option<NonZeroU32>,
    /// Connections of one address at once; this machine and trusted proxies may have any number
    /// [default: 8192]
    #[arg(long, value_name = "NUMBER", help_heading = MORE)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections_per_address: Option<NonZeroU32>,
}
