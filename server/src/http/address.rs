//! Address: where a request comes from, seen through proxies that the settings trust and no others.
//!
//! Anybody can write `X-Forwarded-For` or `Forwarded` (RFC 7239), so they are believed of a trusted
//! peer only, and from the right: each proxy adds whom it heard behind what it was sent, so the first
//! hop from there that is no trusted proxy is the client. What does not read as an address ends the
//! way; then the client is the last hop that is known.
//!
//! A proxy writes one of the two headers and lets the other through as the client sent it. Where both
//! are there and do not say the same, neither is believed.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
};

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderMap, HeaderName},
};
use ipnet::{AddrParseError, IpNet};
use serde::{Deserialize, Serialize};

/// Where proxies stand: an address, or all of a network in CIDR notation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(IpNet);

impl FromStr for Network {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, AddrParseError> {
        let text = text.trim();
        text.parse::<IpAddr>().map_or_else(|_| text.parse(), |one| Ok(one.into())).map(Self)
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|_| format!("`{text}` is neither an address nor a network"))
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether `peer` is one of those proxies.
#[must_use]
pub fn is_trusted(trusted: &[Network], peer: IpAddr) -> bool {
    trusted.iter().any(|network| network.0.contains(&peer))
}

/// Where `request` comes from, seen through proxies that are `trusted`.
#[must_use]
pub fn of(trusted: &[Network], request: &HttpRequest) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    client(trusted, peer, request.headers())
}

fn client(trusted: &[Network], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let peer = peer.to_canonical();
    let way = |name: &HeaderName, hops: fn(&str) -> Vec<Option<IpAddr>>| {
        // A header that stands there more than once is one list (RFC 9110, section 5.3).
        let lines: Result<Vec<&str>, _> = headers.get_all(name).map(|line| line.to_str()).collect();
        let lines = lines.ok()?;
        (!lines.is_empty()).then(|| first_untrusted(trusted, peer, &hops(&lines.join(","))))
    };
    match (way(&header::X_FORWARDED_FOR, plain_hops), way(&header::FORWARDED, forwarded_hops)) {
        (Some(client), None) | (None, Some(client)) => client,
        (Some(client), Some(same)) if client == same => client,
        (Some(_), Some(_)) | (None, None) => peer,
    }
}

/// The first hop from the right that is no trusted proxy, as far as hops are known.
fn first_untrusted(trusted: &[Network], peer: IpAddr, hops: &[Option<IpAddr>]) -> IpAddr {
    let mut client = peer;
    for hop in hops.iter().rev() {
        let (true, Some(before)) = (is_trusted(trusted, client), hop) else { break };
        client = before.to_canonical();
    }
    client
}

/// The hops of `X-Forwarded-For`.
fn plain_hops(list: &str) -> Vec<Option<IpAddr>> {
    list.split(',').map(|node| address(node.trim())).collect()
}

/// The hops of `Forwarded`; none if it is malformed anywhere: a quote that somebody left open would
/// swallow what the proxy adds.
fn forwarded_hops(list: &str) -> Vec<Option<IpAddr>> {
    elements(list).unwrap_or_default()
}

/// The `for` of each element. Source: RFC 7239, section 4.
fn elements(list: &str) -> Option<Vec<Option<IpAddr>>> {
    let (mut hops, mut hop, mut rest) = (Vec::new(), None, list);
    loop {
        let (name, after) = rest.trim_start().split_once('=')?;
        if !name.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '-') {
            return None;
        }
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_at(after.find([';', ',', ' ', '\t']).unwrap_or(after.len())),
        };
        // Nothing that is quoted in an address takes a backslash.
        if value.contains(['"', '\\']) {
            return None;
        }
        if name.eq_ignore_ascii_case("for") {
            hop = address(value);
        }
        let after = after.trim_start();
        rest = after.get(1..).unwrap_or_default();
        match after.chars().next() {
            Some(';') => {}
            Some(',') => hops.push(hop.take()),
            None => {
                hops.push(hop);
                return Some(hops);
            }
            Some(_) => return None,
        }
    }
}

/// An address, perhaps with a port; IPv6 perhaps in brackets.
fn address(node: &str) -> Option<IpAddr> {
    let bracketed = || node.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let plain = node.parse().ok().or_else(bracketed);
    plain.or_else(|| node.parse().ok().map(|with_port: SocketAddr| with_port.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "10.0.0.1";

    /// Who the client is, for a server that trusts `10.0.0.0/8` and `2001:db8:ff::1`.
    #[track_caller]
    fn check(peer: &str, headers: &[(&'static str, &str)], expected: &str) {
        let trusted = ["10.0.0.0/8", "2001:db8:ff::1"].map(|text| text.parse().expect("a network"));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let value = header::HeaderValue::from_str(value).expect("a value");
            map.append(HeaderName::from_static(name), value);
        }
        let peer = peer.parse().expect("an address");
        assert_eq!(client(&trusted, peer, &map).to_string(), expected, "{headers:?} of {peer}");
    }

    #[track_caller]
    fn check_plain(list: &str, expected: &str) {
        check(PROXY, &[("x-forwarded-for", list)], expected);
    }

    #[track_caller]
    fn check_forwarded(list: &str, expected: &str) {
        check(PROXY, &[("forwarded", list)], expected);
    }

    #[test]
    fn whoever_is_not_trusted_is_who_it_is() {
        check("192.0.2.7", &[("x-forwarded-for", "192.0.2.1")], "192.0.2.7");
        check("192.0.2.7", &[("forwarded", "for=192.0.2.1")], "192.0.2.7");
        check("2001:db8::7", &[("x-forwarded-for", "10.0.0.1, 10.0.0.2")], "2001:db8::7");
        check(PROXY, &[], PROXY);
    }

    #[test]
    fn a_client_is_the_rightmost_whom_nobody_trusts() {
        check_plain("192.0.2.1", "192.0.2.1");
        check_plain("192.0.2.66, 192.0.2.1", "192.0.2.1");
        check_plain("192.0.2.66, 192.0.2.1 , 10.9.9.9,10.0.0.2", "192.0.2.1");
        check_plain("10.0.0.3, 10.0.0.2", "10.0.0.3");
        check_forwarded("for=192.0.2.66, for=192.0.2.1;proto=https;by=10.0.0.1", "192.0.2.1");
        check_forwarded("For=\"192.0.2.1:4711\", FOR=10.0.0.2", "192.0.2.1");
        let lines = [("x-forwarded-for", "192.0.2.66"), ("x-forwarded-for", "192.0.2.1, 10.0.0.2")];
        check(PROXY, &lines, "192.0.2.1");
    }

    #[test]
    fn sixth_version_addresses_are_read_as_proxies_write_them() {
        let (proxy, client) = ("2001:db8:ff::1", "2001:db8::1");
        for list in [client, "[2001:db8::1]", "[2001:db8::1]:4711"] {
            check(proxy, &[("x-forwarded-for", list)], client);
        }
        for list in ["for=\"[2001:db8::1]\"", "for=\"[2001:db8::1]:4711\";proto=https"] {
            check(proxy, &[("forwarded", list)], client);
        }
        check("2001:db8:ff::2", &[("x-forwarded-for", client)], "2001:db8:ff::2");
        // A socket for both versions calls addresses of the fourth so.
        check("::ffff:10.0.0.1", &[("x-forwarded-for", "::ffff:192.0.2.1")], "192.0.2.1");
    }

    #[test]
    fn what_does_not_read_as_an_address_ends_the_way() {
        for list in ["", ",", "unknown", "192.0.2", "192.0.2.1.", "for=192.0.2.1", "192.0.2.1:http"]
        {
            check_plain(list, PROXY);
        }
        check_plain("192.0.2.66, nonsense, 10.0.0.2", "10.0.0.2");
        check_plain("nonsense, 192.0.2.1", "192.0.2.1");
        for list in [
            "",
            ",",
            ";",
            "for",
            "for=",
            "=192.0.2.1",
            "for=unknown",
            "for=_hidden",
            "by=192.0.2.1",
            "for=\"192.0.2.1",
            "for=\"192.0.2.1\"x",
            "for=192.0.2.1;",
            "for=\"192.0.2\\.1\"",
            "192.0.2.1",
            "for=192.0.2.1 for=192.0.2.2",
            "x y=1, for=192.0.2.1",
        ] {
            check_forwarded(list, PROXY);
        }
    }

    #[test]
    fn a_quote_that_a_client_leaves_open_swallows_nothing() {
        check_forwarded("for=192.0.2.66;x=\", for=192.0.2.1", PROXY);
        check_forwarded("for=192.0.2.66;x=\", for=\"[2001:db8::1]\"", PROXY);
        check_forwarded("for=192.0.2.66;x=\"\\\", for=\"192.0.2.1\"", PROXY);
    }

    #[test]
    fn two_headers_are_believed_when_they_say_the_same() {
        let both = |plain, forwarded| [("x-forwarded-for", plain), ("forwarded", forwarded)];
        check(PROXY, &both("192.0.2.1", "for=192.0.2.1"), "192.0.2.1");
        check(PROXY, &both("192.0.2.1", "for=192.0.2.66"), PROXY);
        check(PROXY, &both("192.0.2.66", "nonsense"), PROXY);
    }

    #[test]
    fn a_network_is_an_address_or_more_and_nothing_else() {
        for (text, written) in
            [("10.0.0.1", "10.0.0.1/32"), (" 10.0.0.0/8 ", "10.0.0.0/8"), ("::1", "::1/128")]
        {
            let network: Network = text.parse().expect("a network");
            assert_eq!(String::from(network), written);
        }
        for wrong in ["", "localhost", "10.0.0.0/33", "10.0.0/8", "10.0.0.1:80"] {
            let said = Network::try_from(wrong.to_owned()).expect_err("no network");
            assert!(said.contains(&format!("`{wrong}`")), "{said}");
        }
    }
}
