//! Who may, written by hand: every resource of OpenAPI and every method of AsyncAPI, by role.
//!
//! Nothing here comes from the server: not a name, not a path, not a right.

/// Everybody who may ask.
pub(super) const ROLES: [&str; 13] = [
    "nobody",
    "member",
    "invited",
    "stranger",
    "host",
    "cashier",
    "owner",
    "collect",
    "refund",
    "read",
    "pay_out",
    "other_till",
    "operator",
];

/// Nobody and everybody else.
const ANYONE: &str = "nobody member invited stranger host cashier owner collect refund read pay_out other_till operator";

/// Everybody who is somebody.
const SOMEBODY: &str =
    "member invited stranger host cashier owner collect refund read pay_out other_till operator";

/// Everybody with a passkey.
const PERSON: &str = "member invited stranger host cashier owner";

/// Whoever looks at the table.
const TABLE: &str = "member invited host";

/// A live session's own methods, which everybody may ask; what `subscribe` gives is in [`TOPICS`].
pub(super) const OWN: [&str; 4] = ["sign_in", "subscribe", "unsubscribe", "ping"];

/// Who may listen to the host's wallet, to the table and to the shop.
pub(super) const TOPICS: [(&str, &str); 3] = [
    ("wallet:$host", "host"),
    ("group:$group", TABLE),
    ("merchant:$merchant", "cashier owner read"),
];

/// What is served beside the operations: where, and to whom. No description names it; the sources do.
pub(super) const BESIDE: [(&str, &str); 16] = [
    ("/", ANYONE),
    ("/till", ANYONE),
    ("/operator", ANYONE),
    ("/docs", ANYONE),
    ("/offline.js", ANYONE),
    ("/demo", ANYONE),
    // Only a demo has it, whose people need no passkey.
    ("/demo/cast", ANYONE),
    ("/assets/{file}", ANYONE),
    ("/healthz", ANYONE),
    ("/readyz", ANYONE),
    ("/openapi.json", ANYONE),
    ("/asyncapi.json", ANYONE),
    ("/problems", ANYONE),
    ("/problems/{code}", ANYONE),
    ("/v1/live", ANYONE),
    ("/metrics", "operator"),
];

/// Something that one can ask.
pub(super) struct Row {
    /// The method over the live channel, and the `operationId` over HTTP.
    pub(super) method: &'static str,
    /// Verb and path over HTTP.
    pub(super) resource: &'static str,
    /// Who may, each with a space before the next.
    may: &'static str,
    /// What is asked, in JSON: always for what is the host's or the shop's. `$word` is somebody or
    /// something of the world.
    pub(super) params: &'static str,
}

impl Row {
    pub(super) fn may(&self, role: &str) -> bool {
        is_among(self.may, role)
    }
}

/// Whether `roles` has `role` in it.
pub(super) fn is_among(roles: &str, role: &str) -> bool {
    roles.split(' ').any(|named| named == role)
}

const fn row(
    method: &'static str,
    resource: &'static str,
    may: &'static str,
    params: &'static str,
) -> Row {
    Row { method, resource, may, params }
}

const FINISH: &str = r#"{"ceremony":"$id","credential":{}}"#;
const GROUP: &str = r#"{"group":"$group"}"#;
const SEAT: &str = r#"{"group":"$group","by":"$host"}"#;
const WALLET: &str = r#"{"wallet":"$host"}"#;
const AMOUNT: &str = r#"{"wallet":"$host","amount":1}"#;
const CONSENT: &str = r#"{"group":"$group","wallet":"$host","cap":1}"#;
const SHARE: &str = r#"{"group":"$group","diner":"$host","merchant":"$merchant","order_no":"1","presentation":"$id","owed":1}"#;
const SHOP: &str = r#"{"merchant":"$merchant"}"#;
const ORDER: &str = r#"{"merchant":"$merchant","order_no":"1"}"#;
const HOOK: &str = r#"{"merchant":"$merchant","webhook":"$id"}"#;

/// Everything that one can ask.
#[rustfmt::skip] // A table: one row a line.
pub(super) const ROWS: &[Row] = &[
    row("sign_up.begin", "POST /v1/sign-up", ANYONE, r#"{"name":"Ana"}"#),
    row("sign_up.finish", "POST /v1/sign-up/{ceremony}", ANYONE, FINISH),
    row("sign_in.begin", "POST /v1/sign-in", ANYONE, "{}"),
    row("sign_in.finish", "POST /v1/sign-in/{ceremony}", ANYONE, FINISH),
    row("step_up.begin", "POST /v1/step-up", PERSON, "{}"),
    row("step_up.finish", "POST /v1/step-up/{ceremony}", PERSON, FINISH),
    row("sign_out", "DELETE /v1/session", PERSON, "{}"),
    row("recovery.begin", "POST /v1/recovery", ANYONE, r#"{"name":"host","code":"K7QM-2XHD-9WPC-3FTN"}"#),
    row("recovery.finish", "POST /v1/recovery/{ceremony}", ANYONE, FINISH),
    row("recovery_codes.make", "POST /v1/recovery-codes", PERSON, "{}"),
    row("recovery_codes.get", "GET /v1/recovery-codes", PERSON, "{}"),
    row("add_passkey.begin", "POST /v1/add-passkey", PERSON, "{}"),
    row("add_passkey.finish", "POST /v1/add-passkey/{ceremony}", PERSON, FINISH),
    row("passkeys.list", "GET /v1/passkeys", PERSON, "{}"),
    row("passkeys.remove", "DELETE /v1/passkeys/{passkey}", PERSON, r#"{"passkey":"AQEB"}"#),

    row("me", "GET /v1/me", SOMEBODY, "{}"),
    row("me.verify", "POST /v1/me/verification", PERSON, r#"{"name":"Ana","id_number":"1"}"#),
    row("devices.list", "GET /v1/devices", PERSON, "{}"),
    row("devices.revoke", "DELETE /v1/devices/{device}", PERSON, r#"{"device":"$id"}"#),
    row("names", "POST /v1/names", SOMEBODY, r#"{"wallets":["$host"]}"#),

    row("wallets.open", "POST /v1/wallets", PERSON, r#"{"currency":"CNY"}"#),
    row("wallets.get", "GET /v1/wallets/{wallet}", "host", WALLET),
    row("wallets.top_up", "POST /v1/wallets/{wallet}/top-ups", "host", AMOUNT),
    row("wallets.withdraw", "POST /v1/wallets/{wallet}/withdrawals", "host", AMOUNT),
    row("wallets.transfer", "POST /v1/wallets/{wallet}/transfers", "host", r#"{"wallet":"$host","to":"$member","amount":1}"#),
    row("wallets.freeze", "POST /v1/wallets/{wallet}/freeze", "host", WALLET),
    row("wallets.thaw", "POST /v1/wallets/{wallet}/thaw", "host", WALLET),
    row("wallets.close", "POST /v1/wallets/{wallet}/close", "host", WALLET),
    row("wallets.statement", "GET /v1/wallets/{wallet}/events", "host", WALLET),
    row("wallets.groups", "GET /v1/wallets/{wallet}/groups", "host", WALLET),

    row("groups.open", "POST /v1/groups", "host", r#"{"name":"Table","host":"$host","cap":1}"#),
    row("groups.get", "GET /v1/groups/{group}", TABLE, GROUP),
    row("groups.events", "GET /v1/groups/{group}/events", TABLE, GROUP),
    row("groups.rules", "PUT /v1/groups/{group}/rules", "host", r#"{"group":"$group","by":"$host","rules":{"split":{"mode":"equal"},"shortfall":"decline","rounding":"fair_cent","cash_step":0}}"#),
    row("groups.lock", "POST /v1/groups/{group}/lock", "host", SEAT),
    row("groups.unlock", "DELETE /v1/groups/{group}/lock", "host", SEAT),
    row("groups.close", "POST /v1/groups/{group}/close", "host", SEAT),
    row("groups.code", "POST /v1/groups/{group}/codes", "host", SEAT),
    row("groups.confirm", "POST /v1/groups/{group}/answers/yes", "host", SHARE),
    row("groups.refuse", "POST /v1/groups/{group}/answers/no", "host", SHARE),
    row("groups.invite", "POST /v1/groups/{group}/invitations", "host", r#"{"group":"$group","by":"$host","wallet":"$stranger"}"#),
    row("groups.link", "POST /v1/groups/{group}/links", "host", SEAT),
    row("groups.join", "POST /v1/groups/{group}/members", "host", CONSENT),
    row("groups.join_by_code", "POST /v1/memberships", "host", r#"{"code":"$code","wallet":"$host","cap":1}"#),
    row("groups.leave", "DELETE /v1/groups/{group}/members/{wallet}", "host", r#"{"group":"$group","wallet":"$host"}"#),
    row("groups.consent", "PUT /v1/groups/{group}/members/{wallet}/consent", "host", CONSENT),
    row("groups.draft", "PUT /v1/groups/{group}/draft", "host", r#"{"group":"$group","by":"$host","total":1,"lines":[{"name":"Tea","amount":1}]}"#),
    row("groups.clear_draft", "DELETE /v1/groups/{group}/draft", "host", SEAT),
    row("groups.claim", "PUT /v1/groups/{group}/claims/{line}", "host", r#"{"group":"$group","wallet":"$host","line":"0","weight":1}"#),

    row("merchants.onboard", "POST /v1/merchants", PERSON, r#"{"name":"Shop","currency":"CNY"}"#),
    row("merchants.get", "GET /v1/merchants/{merchant}", "cashier owner read", SHOP),
    row("merchants.events", "GET /v1/merchants/{merchant}/events", "cashier owner read", SHOP),
    row("merchants.days", "GET /v1/merchants/{merchant}/days", "cashier owner read", SHOP),
    row("merchants.pay_out", "POST /v1/merchants/{merchant}/payouts", "owner pay_out", r#"{"merchant":"$merchant","amount":1}"#),
    row("orders.draft", "POST /v1/merchants/{merchant}/drafts", "cashier owner collect", r#"{"merchant":"$merchant","order_no":"1","total":1,"code":"$code","lines":[{"name":"Tea","amount":1}]}"#),
    row("orders.scan", "POST /v1/merchants/{merchant}/orders", "cashier owner collect", r#"{"merchant":"$merchant","order_no":"1","total":1,"code":"$code"}"#),
    row("orders.get", "GET /v1/merchants/{merchant}/orders/{order_no}", "cashier owner read", ORDER),
    row("orders.cancel", "DELETE /v1/merchants/{merchant}/orders/{order_no}", "cashier owner collect", ORDER),
    row("orders.refund", "POST /v1/merchants/{merchant}/orders/{order_no}/refunds", "cashier owner refund", r#"{"merchant":"$merchant","order_no":"1","refund_no":"1"}"#),
    row("staff.add", "POST /v1/merchants/{merchant}/staff", "owner", r#"{"merchant":"$merchant","person":"$id","role":"cashier"}"#),
    row("staff.list", "GET /v1/merchants/{merchant}/staff", "owner", SHOP),
    row("staff.remove", "DELETE /v1/merchants/{merchant}/staff/{person}", "owner", r#"{"merchant":"$merchant","person":"$id"}"#),
    row("keys.create", "POST /v1/merchants/{merchant}/keys", "owner", r#"{"merchant":"$merchant","label":"1","scopes":["read"]}"#),
    row("keys.list", "GET /v1/merchants/{merchant}/keys", "owner", SHOP),
    row("keys.revoke", "DELETE /v1/merchants/{merchant}/keys/{key}", "owner", r#"{"merchant":"$merchant","key":"$id"}"#),
    row("webhooks.create", "POST /v1/merchants/{merchant}/webhooks", "owner", r#"{"merchant":"$merchant","url":"https://example.com/"}"#),
    row("webhooks.list", "GET /v1/merchants/{merchant}/webhooks", "owner", SHOP),
    row("webhooks.remove", "DELETE /v1/merchants/{merchant}/webhooks/{webhook}", "owner", HOOK),
    row("webhooks.rotate", "POST /v1/merchants/{merchant}/webhooks/{webhook}/secret", "owner", HOOK),
    row("webhooks.deliveries", "GET /v1/merchants/{merchant}/webhooks/{webhook}/deliveries", "owner", HOOK),
    row("webhooks.replay", "POST /v1/merchants/{merchant}/webhook-messages/{message}/replay", "owner", r#"{"merchant":"$merchant","message":"msg_1"}"#),

    row("operator.stats", "GET /v1/operator/stats", "operator", "{}"),
    row("operator.orders", "GET /v1/operator/orders", "operator", "{}"),
    row("operator.totals", "GET /v1/operator/totals", "operator", "{}"),
];
