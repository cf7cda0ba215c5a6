//! Addresses as a table: what is called, and what never is.

use ureq::unversioned::transport::time::Duration as Wait;

use super::*;

const STRICT: AddressRules = AddressRules { allow_private: false, allow_http: false };
const PRIVATE: AddressRules = AddressRules { allow_private: true, allow_http: true };

#[track_caller]
fn check_url(rules: AddressRules, url: &str, expected: Result<&str, AddressRefusal>) {
    let found = rules.check_url(url);
    assert_eq!(found.as_ref().map(Url::as_str), expected.as_ref().map(|url| *url), "{url}");
}

#[track_caller]
fn check_ips(rules: AddressRules, addresses: &[&str], expected: Result<(), AddressRefusal>) {
    for address in addresses {
        assert_eq!(rules.check_ip(address.parse().unwrap()), expected, "{address}");
    }
}

#[test]
fn public_hosts_are_called() {
    let public = [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.101.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2606:4700::1111",
        "2a00:1450::1",
        "3ffe::1",
    ];
    check_ips(STRICT, &public, Ok(()));
}

#[test]
fn hosts_of_the_own_network_are_not_called_unless_configured() {
    let own = ["127.0.0.1", "127.255.255.255", "::1"];
    check_ips(STRICT, &own, Err(AddressRefusal::Loopback));
    check_ips(PRIVATE, &own, Ok(()));
    let private = [
        "10.0.0.0",
        "10.255.255.255",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "192.168.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "fc00::1",
        "fd12:3456::1",
    ];
    check_ips(STRICT, &private, Err(AddressRefusal::Private));
    check_ips(PRIVATE, &private, Ok(()));
}

#[test]
fn metadata_services_are_never_called() {
    let link_local = ["169.254.169.254", "169.254.0.1", "fe80::1", "febf::1"];
    for rules in [STRICT, PRIVATE] {
        check_ips(rules, &link_local, Err(AddressRefusal::LinkLocal));
    }
}

#[test]
fn what_is_nobodys_host_is_never_called() {
    let nobodys = [
        "0.0.0.0",
        "0.1.2.3",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.19.1.1",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "100::1",
        "2001:1::1",
        "2001:1ff::1",
        "2001:db8::1",
        "3fff:fff::1",
        "4000::1",
        "5f00::1",
        "fec0::1",
        "fe00::1",
        "ff02::1",
    ];
    for rules in [STRICT, PRIVATE] {
        check_ips(rules, &nobodys, Err(AddressRefusal::Reserved));
    }
}

#[test]
fn ipv4_in_disguise_is_never_called() {
    let disguised = [
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "::8.8.8.8",
        "::ffff:0:127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::8.8.8.8",
        "64:ff9b:1::10.0.0.1",
        "2002:7f00:1::",
        "2002:0a00:1::1",
        "2001:0:4136:e378::1",
    ];
    for rules in [STRICT, PRIVATE] {
        check_ips(rules, &disguised, Err(AddressRefusal::Embedded));
    }
}

#[test]
fn urls_are_https_with_a_public_host_and_nothing_else() {
    use AddressRefusal as No;
    let check = |url: &str, expected| check_url(STRICT, url, expected);
    check("https://shop.example/hooks?a=1", Ok("https://shop.example/hooks?a=1"));
    check("HTTPS://Shop.Example:443", Ok("https://shop.example/"));
    check("https://shop.example/a#b", Ok("https://shop.example/a"));
    check("https://shop.example:8443/", Ok("https://shop.example:8443/"));
    check("https://shop.example:80/", Ok("https://shop.example:80/"));
    check("https://8.8.8.8/", Ok("https://8.8.8.8/"));
    check("http://shop.example/", Err(No::NotHttps));
    check("ftp://shop.example/", Err(No::NotHttps));
    check("file:///etc/passwd", Err(No::NotHttps));
    check("shop.example/hooks", Err(No::NotAUrl));
    check("https://", Err(No::NotAUrl));
    check("https://ana@shop.example/", Err(No::Credentials));
    check("https://ana:secret@shop.example/", Err(No::Credentials));
    check("https://:secret@shop.example/", Err(No::Credentials));
    for port in [1, 22, 25, 444, 1_023] {
        check(&format!("https://shop.example:{port}/"), Err(No::Port));
    }
    check("https://shop.example:0/", Err(No::Port));
    check("https://shop.example:1024/", Ok("https://shop.example:1024/"));
    check(&format!("https://shop.example/{}", "a".repeat(URL_BYTES_MAX)), Err(No::TooLong));
}

#[test]
fn an_address_is_recognised_however_it_is_spelled() {
    use AddressRefusal as No;
    let loopback = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0x7f.1",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "api.localhost",
        "[::1]",
        "127.0.0.1.",
    ];
    for host in loopback {
        check_url(STRICT, &format!("https://{host}:8443/"), Err(No::Loopback));
    }
    check_url(STRICT, "https://[::ffff:7f00:1]/", Err(No::Embedded));
    check_url(STRICT, "https://[fd00::1]/", Err(No::Private));
    check_url(STRICT, "https://169.254.169.254/latest/meta-data", Err(No::LinkLocal));
    check_url(STRICT, "https://0/", Err(No::Reserved));
    check_url(PRIVATE, "http://localhost:8080/a", Ok("http://localhost:8080/a"));
    check_url(PRIVATE, "http://127.0.0.1:8080/a", Ok("http://127.0.0.1:8080/a"));
    check_url(PRIVATE, "http://0.0.0.0:8080/a", Err(No::Reserved));
}

/// What the resolver lets through of a name.
fn resolved(rules: AddressRules, uri: &str) -> Result<usize, String> {
    let timeout = NextTimeout {
        after: Wait::NotHappening,
        reason: ureq::Timeout::Resolve,
        ..NextTimeout::default()
    };
    let resolver = CheckedResolver::new(rules);
    let found = resolver.resolve(&uri.parse().unwrap(), &Config::default(), timeout);
    found.map(|addresses| addresses.len()).map_err(|error| error.to_string())
}

#[test]
fn a_name_is_not_connected_to_when_it_resolves_to_this_machine() {
    // As a rebinding name server would answer: the name itself is innocent.
    let refused = resolved(STRICT, "http://localhost:8080/").unwrap_err();
    assert!(refused.contains("address is this machine"), "{refused}");
    let refused = resolved(STRICT, "http://[::ffff:127.0.0.1]:8080/").unwrap_err();
    assert!(refused.contains("disguise"), "{refused}");
    assert!(resolved(PRIVATE, "http://localhost:8080/").unwrap() >= 1);
}
