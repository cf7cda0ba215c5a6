//! Order numbers that are no path: tills choose them, and each comes back as it was.

use serde_json::json;

use crate::{house::House, http::Http, socket::Socket, table::Table};

#[test]
fn order_numbers_of_every_kind_come_back_from_the_path() {
    let house = House::open(1, 1);
    let shop = house.cast.merchants[0].clone();
    let mut table = Table::seat(&house, &house.cast.diners);
    let mut till = Socket::signed_in(&house, &shop.token);
    let http = Http::new(&house);
    let cases = [
        ("a%2Fb", "a/b"),
        ("a%2Bc", "a+c"),
        ("a+d", "a+d"),
        ("50%25", "50%"),
        ("%252F", "%2F"),
        ("x%20y", "x y"),
        ("%E4%BA%8C%E5%8F%B7", "二号"),
        ("q%3F%23", "q?#"),
    ];
    for (in_path, order_no) in cases {
        let bill = table.bill(&shop, order_no, 100);
        let ended = till.ask("orders.scan", bill);
        let path = format!("/v1/merchants/{}/orders/{in_path}", shop.merchant);
        let view = http.get(&path, Some(&shop.token)).done();
        assert_eq!(view["settlement"]["order_no"], order_no, "{in_path}: {view}");
        assert_eq!(view["position"], ended["position"], "{in_path}: {view}");
        let refund = json!({ "refund_no": order_no });
        let receipt =
            http.command("POST", &format!("{path}/refunds"), &shop.token, "", &refund).done();
        assert_eq!(receipt["event"]["order_no"], order_no, "{in_path}: {receipt}");
    }
}
