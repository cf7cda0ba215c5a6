//! Where webhooks may go: never into the network that this server stands in.
//!
//! A merchant chooses the URL, so without this check it could have the server knock on doors that
//! only the server reaches: the database beside it, the cloud's metadata service, a till's router.
//! The name is resolved once, what it resolves to is checked, and the connection goes to the very
//! address that was checked ([`CheckedResolver`] stands between the two): a name that resolves
//! differently the second time (DNS rebinding) is never asked a second time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ureq::{
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};
use url::{Host, Url};

use super::limits::URL_BYTES_MAX;

/// Why an address is not called.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AddressRefusal {
    /// Longer than any URL needs to be.
    #[error("url is longer than {URL_BYTES_MAX} bytes")]
    TooLong,
    /// Not a URL with a host.
    #[error("not an absolute url")]
    NotAUrl,
    /// Another scheme, or one that everybody on the way can read.
    #[error("url must begin with https://")]
    NotHttps,
    /// A user name or a password in the URL ends in logs.
    #[error("url must not carry credentials")]
    Credentials,
    /// A system service's port.
    #[error("port must be 443, 80, or 1024 and above")]
    Port,
    /// The server itself.
    #[error("address is this machine")]
    Loopback,
    /// A private network: RFC 1918, unique local IPv6, or a carrier's (RFC 6598).
    #[error("address is in a private network")]
    Private,
    /// The wire itself, where clouds keep their metadata services.
    #[error("address is link-local")]
    LinkLocal,
    /// Nobody's: unspecified, multicast, documentation, benchmarks, reserved.
    #[error("address is not a public host's")]
    Reserved,
    /// IPv6 that stands for IPv4: another spelling of what is refused.
    #[error("address is ipv4 in disguise")]
    Embedded,
}

/// Which addresses are called.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct AddressRules {
    /// Loopback and private networks too: for tests, and for merchants in the same house.
    pub(super) allow_private: bool,
    /// Without TLS too.
    pub(super) allow_http: bool,
}

impl AddressRules {
    /// The URL that `text` is, if it may be called as far as one can tell without resolving its
    /// host.
    pub(super) fn check_url(self, text: &str) -> Result<Url, AddressRefusal> {
        if text.len() > URL_BYTES_MAX {
            return Err(AddressRefusal::TooLong);
        }
        let mut url = Url::parse(text).map_err(|_| AddressRefusal::NotAUrl)?;
        match url.scheme() {
            "https" => {}
            "http" if self.allow_http => {}
            _ => return Err(AddressRefusal::NotHttps),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressRefusal::Credentials);
        }
        if !matches!(url.port_or_known_default(), Some(80 | 443 | 1_024..)) {
            return Err(AddressRefusal::Port);
        }
        match url.host().ok_or(AddressRefusal::NotAUrl)? {
            Host::Ipv4(address) => self.check_ip(address.into())?,
            Host::Ipv6(address) => self.check_ip(address.into())?,
            Host::Domain(name) => self.check_name(name)?,
        }
        // What stands behind `#` is for browsers, and never sent.
        url.set_fragment(None);
        Ok(url)
    }

    /// Names that are this machine by definition. Source: RFC 6761, section 6.3.
    fn check_name(self, name: &str) -> Result<(), AddressRefusal> {
        let name = name.trim_end_matches('.');
        let local = name == "localhost" || name.ends_with(".localhost");
        if local && !self.allow_private { Err(AddressRefusal::Loopback) } else { Ok(()) }
    }

    /// Whether the host at `address` may be called.
    pub(super) fn check_ip(self, address: IpAddr) -> Result<(), AddressRefusal> {
        let refusal = match address {
            IpAddr::V4(address) => refusal_v4(address),
            IpAddr::V6(address) => refusal_v6(address),
        };
        match refusal {
            None => Ok(()),
            // What is nobody's host, or hides what it is, is never allowed; nor is the metadata
            // service of a cloud, which nobody means by "private".
            Some(AddressRefusal::Loopback | AddressRefusal::Private) if self.allow_private => {
                Ok(())
            }
            Some(refusal) => Err(refusal),
        }
    }
}

/// Source: IANA IPv4 Special-Purpose Address Registry (RFC 6890 and after).
fn refusal_v4(address: Ipv4Addr) -> Option<AddressRefusal> {
    let refusal = match address.octets() {
        [127, ..] => AddressRefusal::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => {
            AddressRefusal::Private
        }
        [169, 254, ..] => AddressRefusal::LinkLocal,
        // This network; protocol assignments; documentation; 6to4 relays; benchmarks; multicast,
        // reserved and broadcast.
        [0, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18..=19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [224..=255, ..] => AddressRefusal::Reserved,
        _ => return None,
    };
    Some(refusal)
}

/// Global unicast alone, less what of it is not. Source: IANA IPv6 Special-Purpose Address
/// Registry.
fn refusal_v6(address: Ipv6Addr) -> Option<AddressRefusal> {
    let refusal = match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => AddressRefusal::Reserved,
        [0, 0, 0, 0, 0, 0, 0, 1] => AddressRefusal::Loopback,
        // IPv4-compatible, -mapped and -translated; NAT64 with its well-known and its local
        // prefix; Teredo; 6to4.
        [0, 0, 0, 0, 0, 0 | 0xffff, ..]
        | [0, 0, 0, 0, 0xffff, 0, ..]
        | [0x64, 0xff9b, ..]
        | [0x2001, 0, ..]
        | [0x2002, ..] => AddressRefusal::Embedded,
        [0xfc00..=0xfdff, ..] => AddressRefusal::Private,
        [0xfe80..=0xfebf, ..] => AddressRefusal::LinkLocal,
        // Protocol assignments; documentation.
        [0x2001, 0x1..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => {
            AddressRefusal::Reserved
        }
        [0x2000..=0x3fff, ..] => return None,
        _ => AddressRefusal::Reserved,
    };
    Some(refusal)
}

/// Resolves names, and lets through only what may be called: the connection knows no other
/// addresses than these.
#[derive(Debug)]
pub(super) struct CheckedResolver {
    rules: AddressRules,
    system: DefaultResolver,
}

impl CheckedResolver {
    pub(super) fn new(rules: AddressRules) -> Self {
        Self { rules, system: DefaultResolver::default() }
    }
}

impl Resolver for CheckedResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let resolved = self.system.resolve(uri, config, timeout)?;
        let mut checked = self.empty();
        let mut refusal = None;
        for address in resolved.iter() {
            match self.rules.check_ip(address.ip()) {
                Ok(()) => checked.push(*address),
                Err(reason) => refusal = Some(reason),
            }
        }
        match refusal {
            Some(refusal) if checked.is_empty() => Err(ureq::Error::Other(Box::new(refusal))),
            _ => Ok(checked),
        }
    }
}

#[cfg(test)]
mod tests;
