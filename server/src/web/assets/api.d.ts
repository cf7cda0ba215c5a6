/** What the live channel offers, made from its description (`/asyncapi.json`) by `server/tests/client_types.rs`. */

/** Each operation's parameters and answer. */
export interface Methods {
  /** Begins to add a passkey: answers with what the browser needs to make one, on a device that has none of this person's yet. Takes a fresh look at finger or face (`step_up`) that has served for nothing else. An addition that is refused, or begun and not finished, has not used the look up: one may begin again with it. */
  'add_passkey.begin': { params: {}; result: Ceremony };
  /** Adds the passkey that the device made. The session that began this must still be signed in. */
  'add_passkey.finish': { params: { ceremony: CeremonyId; credential: unknown; label?: string | null }; result: Added };
  /** Lists the devices on which the person is signed in. */
  'devices.list': { params: {}; result: Devices };
  /** Signs a device out. */
  'devices.revoke': { params: { device: DeviceId }; result: Done };
  /** Claims one line of the draft for oneself, or a part of it beside others. */
  'groups.claim': { params: { group: GroupId; line: number; wallet: WalletId; weight: number }; result: Receipt };
  /** Takes the draft away, and all claims with it. */
  'groups.clear_draft': { params: { by: WalletId; group: GroupId }; result: Receipt };
  /** Ends the outing; the host's right. */
  'groups.close': { params: { by: WalletId; group: GroupId }; result: Receipt };
  /** Shows the group's payment code, a fresh one where the last is spent or its minute is over. */
  'groups.code': { params: { by: WalletId; group: GroupId; pictures?: boolean }; result: PaymentCode };
  /** Says yes to the share that a diner is asked about: to this very share of this very bill, as it was presented this time. A bill that is presented again asks anew, and takes an answer under a key of its own. */
  'groups.confirm': { params: { diner: WalletId; group: GroupId; merchant: MerchantId; order_no: OrderNo; owed: Amount; presentation: PresentationId }; result: Done };
  /** Agrees to another cap. */
  'groups.consent': { params: { cap: Amount; confirm_above?: Amount | null; group: GroupId; wallet: WalletId }; result: Receipt };
  /** Lays the bill that is coming on the table, so that diners can claim its lines. */
  'groups.draft': { params: { by: WalletId; group: GroupId; lines: Line[]; total: Amount }; result: Receipt };
  /** Lists what happened in a group, newest first. */
  'groups.events': { params: { from?: Position | null; group: GroupId; limit?: number | null }; result: Page };
  /** Tells how a group stands. */
  'groups.get': { params: { group: GroupId }; result: GroupView };
  /** Invites somebody by wallet, who is invited so many times an hour; by a link one invites oneself. */
  'groups.invite': { params: { by: WalletId; group: GroupId; wallet: WalletId }; result: Receipt };
  /** Joins a group, as somebody who was invited or who has a link. */
  'groups.join': { params: { cap: Amount; confirm_above?: Amount | null; group: GroupId; link?: string | null; wallet: WalletId }; result: Receipt };
  /** Joins the group that shows a code, without spending it. */
  'groups.join_by_code': { params: { cap: Amount; code: Code; confirm_above?: Amount | null; wallet: WalletId }; result: Receipt };
  /** Leaves a group. */
  'groups.leave': { params: { group: GroupId; wallet: WalletId }; result: Receipt };
  /** Makes a link that invites whoever has it, for a quarter of an hour. */
  'groups.link': { params: { by: WalletId; group: GroupId }; result: LinkMade };
  /** Lets nobody come or go; the host's right. */
  'groups.lock': { params: { by: WalletId; group: GroupId }; result: Receipt };
  /** Opens a group: a table of friends who pay together. The host is its first member. */
  'groups.open': { params: { cap: Amount; confirm_above?: Amount | null; host: WalletId; name: Name; rules?: Rules }; result: OpenedGroup };
  /** Says no to the share that a diner is asked about. A bill that is presented again asks anew, and takes an answer under a key of its own. */
  'groups.refuse': { params: { diner: WalletId; group: GroupId; merchant: MerchantId; order_no: OrderNo; owed: Amount; presentation: PresentationId }; result: Done };
  /** Says how the group pays; the host's right. */
  'groups.rules': { params: { by: WalletId; group: GroupId; rules: Rules }; result: Receipt };
  /** Lets people come and go again; the host's right. */
  'groups.unlock': { params: { by: WalletId; group: GroupId }; result: Receipt };
  /** Makes an API key for a till. The secret is shown this once. One that gives money back or pays it out takes a fresh look at finger or face (`step_up`) that has served for nothing else. */
  'keys.create': { params: { label: string; merchant: MerchantId; scopes: Scope[] }; result: KeyCreated };
  /** Lists a shop's keys, without their secrets. */
  'keys.list': { params: { merchant: MerchantId }; result: Keys };
  /** Ends a key at once. */
  'keys.revoke': { params: { key: KeyId; merchant: MerchantId }; result: Done };
  /** Tells who one is. */
  'me': { params: {}; result: WhoAmI };
  /** Proves the person's name by an identity document (GB 11643), which has the name under which others see the person; capitals and spaces aside. The number is not kept. */
  'me.verify': { params: { id_number: string; name: Name }; result: Verified };
  /** Sums a shop's orders up, day by day where the shop is; the last 31 days unless said, and seven on the till's page. */
  'merchants.days': { params: { from?: LocalDate | null; merchant: MerchantId; time_zone?: string | null; to?: LocalDate | null }; result: Report };
  /** Lists what happened at a shop, newest first. */
  'merchants.events': { params: { from?: Position | null; limit?: number | null; merchant: MerchantId }; result: Page };
  /** Tells how a shop stands. */
  'merchants.get': { params: { merchant: MerchantId }; result: MerchantView };
  /** Opens a shop; the caller owns it. */
  'merchants.onboard': { params: { currency: Currency; name: Name }; result: Onboarded };
  /** Pays a shop's takings out to its bank. */
  'merchants.pay_out': { params: { amount: Amount; merchant: MerchantId }; result: Receipt };
  /** Tells what people and shops are called. Whoever knows an id may know its name. */
  'names': { params: { merchants?: MerchantId[]; wallets?: WalletId[] }; result: NameList };
  /** Lists the orders that wait for somebody, those first that have waited longest. */
  'operator.orders': { params: {}; result: OrderList };
  /** Tells how the server does. */
  'operator.stats': { params: {}; result: StatsView };
  /** Sums all money up, by currency, as the books have it: wallets, merchants and the world outside come to zero. */
  'operator.totals': { params: {}; result: TotalList };
  /** Takes a bill back that is not decided yet. Answers when the order has ended: nobody has paid, unless that was on its way to the disk already. An order that had ended otherwise stays as it is. A bill that could not be tried at all is told as its scan is. */
  'orders.cancel': { params: { merchant: MerchantId; order_no: OrderNo }; result: Ended };
  /** Lays the bill that a till will present on the table that shows a code, so that it is claimed. */
  'orders.draft': { params: { code: Code; lines: Line[]; merchant: MerchantId; order_no: OrderNo; total: Amount }; result: Receipt };
  /** Tells how an order stands: the answer to a lost reply. */
  'orders.get': { params: { merchant: MerchantId; order_no: OrderNo }; result: OrderView };
  /** Gives back what is left of an order, or a part of it, to everybody in proportion or to one diner. */
  'orders.refund': { params: { amount?: Amount | null; diner?: WalletId | null; merchant: MerchantId; order_no: OrderNo; refund_no: RefundNo }; result: Receipt };
  /** Collects a bill from the group whose code was scanned. Answers when the order has ended. */
  'orders.scan': { params: { code: Code; lines?: Line[]; merchant: MerchantId; order_no: OrderNo; total: Amount }; result: Ended };
  /** Lists the person's passkeys. */
  'passkeys.list': { params: {}; result: PasskeyList };
  /** Removes a passkey, and ends the sessions that it opened; the last passkey stays. Uses up a fresh look at finger or face (`step_up`) that has served for nothing else. */
  'passkeys.remove': { params: { passkey: PasskeyId }; result: RemovedPasskey };
  'ping': { params: {}; result: { server_time: Timestamp } };
  /** Begins to come back with a recovery code: asks the device for a new passkey. The code is not used up yet. */
  'recovery.begin': { params: { code: string; name: Name }; result: Ceremony };
  /** Tells how many recovery codes are left. */
  'recovery_codes.get': { params: {}; result: CodesView };
  /** Makes recovery codes, which are shown this once; those before are void. Uses up a fresh look at finger or face (`step_up`) that has served for nothing else. */
  'recovery_codes.make': { params: {}; result: MadeCodes };
  /** Comes back with the passkey that the device made: uses the code up, signs the person out everywhere, and in here. */
  'recovery.finish': { params: { ceremony: CeremonyId; credential: unknown; device?: string | null }; result: Session };
  /** Says who one is. */
  'sign_in': { params: { token: string }; result: WhoAmI };
  /** Begins to sign in: the device finds the passkey by itself. */
  'sign_in.begin': { params: {}; result: Ceremony };
  /** Ends the sign-in with the passkey's answer. */
  'sign_in.finish': { params: { ceremony: CeremonyId; credential: unknown; device?: string | null }; result: Session };
  /** Ends this session. */
  'sign_out': { params: {}; result: Done };
  /** Begins to sign up: asks the device for a new passkey. */
  'sign_up.begin': { params: { name: Name }; result: Ceremony };
  /** Ends the sign-up with the passkey that the device made, and opens the first wallet. */
  'sign_up.finish': { params: { ceremony: CeremonyId; credential: unknown; currency?: Currency | null; device?: string | null }; result: Session };
  /** Gives a person a role at a shop, or another one. Takes a fresh look at finger or face (`step_up`) that has served for nothing else. */
  'staff.add': { params: { merchant: MerchantId; person: PersonId; role: Role }; result: Done };
  /** Lists who works at a shop. */
  'staff.list': { params: { merchant: MerchantId }; result: Staff };
  /** Takes a person's role at a shop away: an owner anybody's, with a fresh look at finger or face (`step_up`) that has served for nothing else, and everybody the own. The last owner stays. */
  'staff.remove': { params: { merchant: MerchantId; person: PersonId }; result: Done };
  /** Begins a fresh look at the person's finger or face, for large amounts, or for one change of passkeys, recovery codes, or who acts for a shop. */
  'step_up.begin': { params: {}; result: Ceremony };
  /** Ends a fresh look. */
  'step_up.finish': { params: { ceremony: CeremonyId; credential: unknown }; result: Fresh };
  /** Listens to a topic, from the last position seen or from its present state. */
  'subscribe': { params: { after?: Position | null; epoch?: string | null; topic: TopicName }; result: Subscribed };
  /** Listens to a topic no more. */
  'unsubscribe': { params: { topic: TopicName }; result: {} };
  /** Closes an empty wallet for good. */
  'wallets.close': { params: { wallet: WalletId }; result: Receipt };
  /** Stops new payments of a wallet: it can still be paid, and what it had set aside for a bill may still leave. */
  'wallets.freeze': { params: { wallet: WalletId }; result: Receipt };
  /** Tells how a wallet stands. */
  'wallets.get': { params: { wallet: WalletId }; result: WalletView };
  /** Lists the groups that a wallet belongs or is invited to, as far as 500 of its events tell; those that it heard of last come first. One that it heard of on an earlier page may come again. */
  'wallets.groups': { params: { from?: Position | null; wallet: WalletId }; result: GroupList };
  /** Opens another wallet of the caller, empty. */
  'wallets.open': { params: { currency: Currency }; result: OpenedWallet };
  /** Lists what happened to a wallet, newest first. */
  'wallets.statement': { params: { from?: Position | null; limit?: number | null; wallet: WalletId }; result: Page };
  /** Lets a frozen wallet pay again. */
  'wallets.thaw': { params: { wallet: WalletId }; result: Receipt };
  /** Brings money in from the bank. Takes no fresh look at finger or face, whatever the amount: it is the caller's own, and stays so until something is paid with it. */
  'wallets.top_up': { params: { amount: Amount; wallet: WalletId }; result: Receipt };
  /** Gives money to another wallet of the same currency. */
  'wallets.transfer': { params: { amount: Amount; note?: Note | null; to: WalletId; wallet: WalletId }; result: Receipt };
  /** Takes money out to the bank. */
  'wallets.withdraw': { params: { amount: Amount; wallet: WalletId }; result: Receipt };
  /** Has a shop's events sent to a URL, from now on, signed as Standard Webhooks says. The secret is shown this once. */
  'webhooks.create': { params: { events?: string[] | null; merchant: MerchantId; url: string }; result: Created };
  /** Lists what was sent to a webhook and what it answered, newest first. */
  'webhooks.deliveries': { params: { before?: number | null; limit?: number | null; merchant: MerchantId; webhook: WebhookId }; result: Deliveries };
  /** Lists a shop's webhooks, without their secrets. */
  'webhooks.list': { params: { merchant: MerchantId }; result: WebhookList };
  /** Sends nothing more to a webhook. */
  'webhooks.remove': { params: { merchant: MerchantId; webhook: WebhookId }; result: Done };
  /** Sends a message again, at once and under its old id. */
  'webhooks.replay': { params: { merchant: MerchantId; message: string }; result: Done };
  /** Gives a webhook a new secret; for a day the one before signs too, and that before it. To silence one that leaked, remove the webhook. */
  'webhooks.rotate': { params: { merchant: MerchantId; webhook: WebhookId }; result: Rotated };
}

/** What the server says by itself. */
export interface Pushes {
  event: EventPush;
  hello: Hello;
  progress: Progress;
  unsubscribed: Unsubscribed;
}

/** A passkey that was added. */
export type Added = { label: string; passkey: PasskeyId };

/** A signed count of minor units (cents, fen, yen); which currency is the account's affair. */
export type Amount = number;

/** How far a bill has come. */
export type BillProgress = { merchant: MerchantId; of: number; order_no: OrderNo; position: Position; reserved: number; reserving: WalletId[]; total: Amount; waiting_for: Question[] };

/** The beginning of a passkey ceremony. */
export type Ceremony = { ceremony: CeremonyId; options: unknown };

/** A ceremony that was begun; nobody guesses one. */
export type CeremonyId = string;

/** One diner's claim on one line. */
export type Claim = { diner: WalletId; line: number; weight: number };

/** One durable event, in the words of `CloudEvents` 1.0 (structured JSON). */
export type CloudEvent = { data: Event; datacontenttype: string; id: string; source: string; specversion: string; time: string; type: string };

/** Eighteen digits, checked. */
export type Code = string;

/** What is known of a person's recovery codes. */
export type CodesView = { left: number; made_at?: Timestamp | null; of: number };

/** What one member agreed to. */
export type Consent = { cap: Amount; confirm_above?: Amount | null };

/** A webhook that was made. */
export type Created = { secret: string; webhook: Webhook };

/** The three letters of ISO 4217. */
export type Currency = string;

/** One day's orders. */
export type Day = { date: LocalDate; declined_count: number; refunded: Amount; refunded_count: number; settled: Amount; settled_count: number };

/** One order, ended without money. */
export type Decline = { content: string; group: GroupId; merchant: MerchantId; order_no: OrderNo; reason: DeclineReason; total: Amount };

/** Why an order ended without money. */
export type DeclineReason = { diner: WalletId; reason: "short" } | { diner: WalletId; reason: "refused" } | { diner: WalletId; reason: "unavailable" } | { reason: "timed_out"; waiting_for: WalletId } | { reason: "cancelled" };

/** A page of a webhook's delivery log, newest first. */
export type Deliveries = { deliveries: Delivery[]; next?: number | null };

/** One attempt to deliver one message. */
export type Delivery = { at: Timestamp; attempt: number; duration_ms: number; error?: string | null; event: string; message: string; next_at?: Timestamp | null; position: Position; row: number; state: MessageState; status?: number | null };

/** A device on which a person is signed in; one session each. */
export type DeviceId = string;

/** One device. */
export type DeviceView = { created_at: Timestamp; current: boolean; device: DeviceId; label: string; last_seen_at: Timestamp; recovered: boolean };

/** A person's devices. */
export type Devices = { devices: DeviceView[] };

/** Which way money crosses the rail. */
export type Direction = "in" | "out";

/** That a webhook was disabled. It stays so: whoever wants events again makes a new one. */
export type Disabled = { at: Timestamp; reason: DisabledReason };

/** Why a webhook was disabled. */
export type DisabledReason = "gone" | "backlog";

/** Nothing more to say than that it is done. */
export type Done = Record<string, unknown>;

/** The bill that is coming, in the group's currency. */
export type Draft = { by: Drafter; lines: Line[]; total: Amount };

/** What one diner would owe of the draft. */
export type DraftShare = { diner: WalletId; owed: Amount };

/** Who laid the draft. */
export type Drafter = { kind: "member"; wallet: WalletId } | { kind: "till"; merchant: MerchantId; order_no: OrderNo };

/** How an order ended. */
export type Ended = { at: Timestamp; order_no: OrderNo; position: Position; reason?: DeclineReason | null; replayed: boolean; settlement?: Settlement | null; state: State; total: Amount };

/** What happened. */
export type Event = { currency: Currency; name: Name; type: "wallet_opened"; wallet: WalletId } | { type: "wallet_frozen"; wallet: WalletId } | { type: "wallet_thawed"; wallet: WalletId } | { type: "wallet_closed"; wallet: WalletId } | RailMove & { type: "rail_requested" } | RailMove & { type: "rail_confirmed" } | RailMove & { type: "rail_refused" } | { amount: Amount; from: WalletId; note?: Note | null; request: RequestId; to: WalletId; type: "transferred" } | { currency: Currency; merchant: MerchantId; name: Name; type: "merchant_onboarded" } | { consent: Consent; currency: Currency; group: GroupId; host: WalletId; name: Name; rules: Rules; type: "group_opened" } | { group: GroupId; type: "member_invited"; wallet: WalletId } | { consent: Consent; group: GroupId; type: "member_joined"; wallet: WalletId } | { consent: Consent; group: GroupId; type: "consent_changed"; wallet: WalletId } | { group: GroupId; type: "member_left"; wallet: WalletId } | { group: GroupId; rules: Rules; type: "rules_set" } | { draft: Draft; group: GroupId; type: "bill_drafted" } | { group: GroupId; line: number; type: "line_claimed"; wallet: WalletId; weight: number } | { group: GroupId; type: "draft_cleared" } | { group: GroupId; type: "group_locked" } | { group: GroupId; type: "group_unlocked" } | { group: GroupId; type: "group_closed" } | Settlement & { type: "settled" } | Decline & { type: "declined" } | Refund & { type: "refunded" };

/** One durable event as one topic sees it. */
export type EventItem = { delta?: Amount | null; event: CloudEvent; position: Position; prev: Position };

/** A push of a durable event. */
export type EventPush = { delta?: Amount | null; event: CloudEvent; position: Position; prev: Position; topic: string };

/** How long the look counts. */
export type Fresh = { fresh_until: Timestamp };

/** An outing: friends who pay together until it is closed. */
export type GroupId = string;

/** One group in a list. */
export type GroupItem = { group: GroupId; host: WalletId; joined: boolean; members: number; name: Name; status: GroupStatus };

/** The groups of one wallet. */
export type GroupList = { groups: GroupItem[]; next?: Position | null };

/** Whether people may come, go and pay. */
export type GroupStatus = "open" | "locked" | "closed";

/** A group as its members see it. */
export type GroupView = { bills: number; currency: Currency; draft?: Draft | null; host: WalletId; id: GroupId; invited: WalletId[]; members: Member[]; name: Name; paying: boolean; position: Position; preview?: Preview | null; progress?: BillProgress | null; questions: Question[]; rules: Rules; status: GroupStatus };

/** What a session says first. */
export type Hello = { epoch: string; heartbeat_ms: number; limits: HelloLimits; position: Position; server_time: Timestamp; session: string };

/** What a client must keep to. */
export type HelloLimits = { frame_bytes_max: number; frame_depth_max: number; requests_max: number; requests_per_second: number; subscriptions_max: number };

/** Whose money crosses the rail. */
export type Holder = { id: WalletId; kind: "wallet" } | { id: MerchantId; kind: "merchant" };

/** One key. */
export type Key = { created_at: Timestamp; key: KeyId; label: string; last_used_at?: Timestamp | null; scopes: Scope[] };

/** A key that was made. */
export type KeyCreated = { key: KeyId; secret: string };

/** A till's key, by which it can be revoked. */
export type KeyId = string;

/** A shop's keys. */
export type Keys = { keys: Key[] };

/** One source's part of one diner's share. */
export type Leg = { amount: Amount; share: number; source: Source };

/** One line of an itemised bill: the price of the line, quantity included. */
export type Line = { amount: Amount; name: Name };

/** A link that invites. */
export type LinkMade = { expires_at: Timestamp; link: string };

/** A day of the calendar, YYYY-MM-DD. */
export type LocalDate = string;

/** Recovery codes; only hashes of them are kept here. */
export type MadeCodes = { codes: string[]; made_at: Timestamp };

/** Who one is, and what one may act for. */
export type MeView = { device: DeviceId; fresh_until?: Timestamp | null; merchants: Work[]; person: PersonView; wallets: OwnWallet[] };

/** One diner in the group. */
export type Member = { carry_micro: number; consent: Consent; raised?: Amount; spent: Amount; wallet: WalletId };

/** A shop that takes payment. */
export type MerchantId = string;

/** A merchant as its staff sees it. */
export type MerchantView = { available: Amount; currency: Currency; id: MerchantId; name: Name; position: Position; posted: Amount };

/** How a message stands. */
export type MessageState = "waiting" | "delivered" | "failed";

/** What people call a wallet's owner, a merchant or a group. */
export type Name = string;

/** Names by id; what is unknown is left out. */
export type NameList = { names: { [name: string]: Name } };

/** A line from one person to another, or a reason. */
export type Note = string;

/** A shop that was opened. */
export type Onboarded = { merchant: MerchantId; replayed: boolean };

/** One order between scan and end. */
export type OpenOrder = { currency: Currency; group: GroupId; merchant: MerchantId; of: number; order_no: OrderNo; reserved: number; shop?: Name | null; total: Amount; waiting_for: number };

/** A group that was opened. */
export type OpenedGroup = { group: GroupId; position: Position; replayed: boolean };

/** A wallet that was opened. */
export type OpenedWallet = { replayed: boolean; wallet: WalletId };

/** One paid bill. */
export type Order = { position: Position; refunds: Refunded[]; remaining: Amount[]; settlement: Settlement };

/** Orders between scan and end. */
export type OrderList = { count: number; orders: OpenOrder[] };

/** A merchant's own number for an order, unique within the merchant. */
export type OrderNo = string;

/** How an order stands. */
export type OrderView = { state: "in_flight"; total: Amount } | Order & { state: "settled" } | { position: Position; reason: DeclineReason; state: "declined"; total: Amount };

/** A wallet of one's own. */
export type OwnWallet = { currency: Currency; wallet: WalletId };

/** A page of events, newest first. */
export type Page = { events: EventItem[]; next?: Position | null };

/** One diner's amount. */
export type Part = { amount: Amount; diner: WalletId };

/** A passkey's identity: what WebAuthn calls its credential id, base64url in text. */
export type PasskeyId = string;

/** A person's passkeys. */
export type PasskeyList = { max: number; passkeys: PasskeyView[] };

/** One passkey. */
export type PasskeyView = { created_at: Timestamp; current: boolean; label: string; last_used_at?: Timestamp | null; passkey: PasskeyId };

/** A payment code with its times. */
export type PaymentCode = { code: Code; expires_at: Timestamp; pictures?: Pictures | null; replaced_at: Timestamp };

/** A person; the user handle of that person's passkeys. */
export type PersonId = string;

/** A person. */
export type PersonView = { created_at: Timestamp; id: PersonId; name: Name; verified: boolean };

/** A payment code in black on white, with the quiet zones that scanners need, as SVG. */
export type Pictures = { code128: string; qr: string };

/** A byte offset into the journal, where one record begins. */
export type Position = number;

/** One presentation of a bill to a group. A bill that was declined and is presented again is another one, and asks anew; no two share a name, also not across a restart. */
export type PresentationId = string;

/** What a scan of the draft would come to, as everything stands now. */
export type Preview = { shares: DraftShare[]; state: "shares" } | { detail: string; reason: Reason; state: "refused" };

/** A problem as it is sent. */
export type Problem = { code: ProblemCode; detail: string; reason?: Reason | null; retry_after_ms?: number | null; status: number; step_up_above_minor?: number | null; title: string; type: string };

/** What kind of problem it is: a stable word for programs. */
export type ProblemCode = "no_websocket" | "bad_request" | "malformed_frame" | "unknown_method" | "not_found" | "wrong_method" | "body_too_slow" | "body_too_large" | "not_signed_in" | "forbidden" | "step_up_required" | "wrong_origin" | "too_many_requests" | "too_many_sessions" | "too_many_subscriptions" | "subscription_over" | "idempotency_key_required" | "idempotency_key_wrong" | "idempotency_key_reused" | "idempotency_key_in_use" | "secret_shown" | "passkey_refused" | "credential_malformed" | "ceremony_over" | "no_passkey" | "unknown_passkey" | "last_passkey" | "passkey_too_long" | "recovery_refused" | "already_registered" | "unknown_person" | "unknown_device" | "id_number_wrong" | "name_not_verified" | "document_taken" | "verified_otherwise" | "verifier_silent" | "unknown_wallet" | "unknown_merchant" | "unknown_group" | "unknown_order" | "already_open" | "wallet_refused" | "merchant_refused" | "group_refused" | "payment_refused" | "answer_refused" | "cancel_refused" | "refund_refused" | "unknown_code" | "expired_code" | "spent_code" | "link_over" | "order_no_reused" | "order_not_paid" | "rail_refused" | "last_owner" | "unknown_key" | "no_scope" | "label_wrong" | "too_many" | "unknown_time_zone" | "books_behind" | "webhook_url_refused" | "unknown_event" | "too_many_webhooks" | "unknown_webhook" | "unknown_message" | "webhook_disabled" | "too_many_subscribers" | "unknown_position" | "gap_too_long" | "busy" | "closing" | "poisoned" | "unanswered" | "unreadable" | "internal";

/** How far a bill has come. It may come to nothing, and is never sent again. */
export type Progress = { merchant: MerchantId; of: number; order_no: OrderNo; position: Position; reserved: number; reserving: WalletId[]; topic: string; total: Amount; waiting_for: Question[] };

/** What a diner is asked: a yes or a no to this very share of this very bill, as it was presented this time (G-3). A late answer to an earlier question is no answer to a later one, though the bill and the share be the same: its owner may never have seen the later one, or have refused it. */
export type Question = { diner: WalletId; merchant: MerchantId; order_no: OrderNo; owed: Amount; presentation: PresentationId };

/** Money on its way over the rail. */
export type RailMove = { amount: Amount; direction: Direction; holder: Holder; request: RequestId };

/** Which rule refused: a stable word for programs. */
export type Reason = "amount_out_of_range" | "reservations_exhausted" | "insufficient_funds" | "balance_too_large" | "request_reused" | "still_moving" | "wrong_currency" | "closed" | "frozen" | "not_frozen" | "same_wallet" | "not_empty" | "total_out_of_range" | "too_many_lines" | "line_out_of_range" | "locked" | "not_locked" | "not_member" | "not_host" | "already_member" | "already_invited" | "not_invited" | "full" | "too_many_invitations" | "host_stays" | "cap_out_of_range" | "cap_below_spent" | "cash_step_out_of_range" | "lines_missing" | "draft_too_large" | "no_draft" | "not_itemised" | "unknown_line" | "split_too_large" | "part_out_of_range" | "treat_in_treat" | "payment_in_progress" | "group_closed" | "lines_differ" | "no_diners" | "too_many_diners" | "diner_repeated" | "total_off_step" | "unknown_diner" | "part_repeated" | "part_negative" | "part_off_step" | "no_weight" | "percent_off" | "shares_off" | "fixed_above" | "claim_repeated" | "claims_weightless" | "share_negative" | "too_large" | "nothing_to_answer" | "not_asked" | "other_presentation" | "other_share" | "already_settled" | "already_declined" | "refund_no_reused" | "too_many_refunds" | "beyond_remainder";

/** Proof of one durable event. */
export type Receipt = { at: Timestamp; event: Event; position: Position; replayed: boolean };

/** Money given back to where it came from. */
export type Refund = { amount: Amount; content: string; group: GroupId; legs: RefundLeg[]; merchant: MerchantId; order_no: OrderNo; refund_no: RefundNo };

/** One source's part of a refund. */
export type RefundLeg = { amount: Amount; diner: WalletId; leg: number; source: Source };

/** A merchant's own number for a refund, unique within the order. */
export type RefundNo = string;

/** A refund that was made. */
export type Refunded = { amount: Amount; content: string; position: Position; refund_no: RefundNo };

/** What went with a passkey. */
export type RemovedPasskey = { sessions_ended: number; signed_out: boolean };

/** A shop's days with orders. */
export type Report = { days: Day[] };

/** A client's own name for one money command of one account. Sent again it moves nothing twice, as long as it is among the account's last ones ([`REQUESTS_REMEMBERED_MAX`](crate::limits::REQUESTS_REMEMBERED_MAX)). */
export type RequestId = string;

/** How tax, tip, service and discount follow the lines of an itemised bill. */
export type Rest = "in_proportion" | "equally";

/** What a person is to a merchant. */
export type Role = "owner" | "cashier";

/** A secret that was made. */
export type Rotated = { secret: string };

/** Who gets the odd minor units. */
export type Rounding = "largest_remainder" | "fair_cent";

/** How a group pays, until its host says otherwise. */
export type Rules = { cash_step: Amount; rounding: Rounding; shortfall: Shortfall; split: Split };

/** What a till's key allows. */
export type Scope = "collect" | "refund" | "read" | "pay_out";

/** A session that was opened. */
export type Session = { expires_at: Timestamp; me: MeView; token: string };

/** One bill, paid: the whole settlement in one record. */
export type Settlement = { bill: string; content: string; group: GroupId; legs: Leg[]; merchant: MerchantId; order_no: OrderNo; shares: Share[]; total: Amount };

/** What one diner owes of one bill. */
export type Share = { carry_micro: number; confirmed: boolean; diner: WalletId; owed: Amount };

/** What happens when somebody cannot or will not pay; chosen before the scan. */
export type Shortfall = "decline" | "reshare" | "host_covers";

/** Where a share's money came from. Today only wallets; family cards and group accounts follow. */
export type Source = { id: WalletId; kind: "wallet" };

/** How a bill is divided among the diners. */
export type Split = { mode: "equal" } | { mode: "weights"; parts: Weight[] } | { mode: "percent"; parts: Weight[] } | { mode: "exact"; parts: Part[] } | { mode: "fixed_plus_rest"; parts: Part[] } | { claims: Claim[]; mode: "itemised"; rest?: Rest } | { guests: WalletId[]; mode: "treat"; of: Split; payer: WalletId };

/** A shop's people. */
export type Staff = { staff: StaffMember[] };

/** One who works at a shop. */
export type StaffMember = { name: Name; person: PersonId; role: Role };

/** Paid, or not. */
export type State = "settled" | "declined";

/** How the server does. */
export type StatsView = { batches: number; books_error?: string | null; books_lag_bytes: number; books_lag_ms: number; declined: number; durable: Position; epoch: string; groups_active: number; memory_bytes?: number | null; merchants_active: number; orders_in_flight: number; poisoned: boolean; projected: Position; records: number; sessions: number; settle_us_p50: number; settle_us_p99: number; settled: number; sync_us_max: number; sync_us_mean: number; sync_us_total: number; syncs: number; wallets_active: number };

/** What `subscribe` answers. */
export type Subscribed = { position: Position; recovered: boolean; state?: TopicState | null; topic: string };

/** Microseconds since 1970-01-01T00:00:00 UTC. */
export type Timestamp = number;

/** `wallet:`, `merchant:` or `group:` and a UUID. */
export type TopicName = string;

/** A topic's state at the moment when its subscription began. */
export type TopicState = WalletView | MerchantView | GroupView;

/** All money of one currency. */
export type Total = { clearing: Amount; currency: Currency; merchants: Amount; wallets: Amount };

/** All money. */
export type TotalList = { balanced: boolean; books_lag_ms: number; projected: Position; totals: Total[] };

/** A topic that is heard no more: the right to hear it has ended. */
export type Unsubscribed = { topic: string };

/** A name that was proved. */
export type Verified = { verified: boolean };

/** One person's wallet in one currency. */
export type WalletId = string;

/** Whether a wallet pays. */
export type WalletStatus = "open" | "frozen" | "closed";

/** A wallet as its owner sees it. */
export type WalletView = { available: Amount; currency: Currency; id: WalletId; name: Name; position: Position; posted: Amount; status: WalletStatus };

/** A webhook as its merchant sees it; its secret is shown once, when it is made. */
export type Webhook = { created_at: Timestamp; disabled?: Disabled | null; events?: string[] | null; failures: number; id: WebhookId; merchant: MerchantId; old_secret_until?: Timestamp | null; url: string };

/** A place that a merchant's events are sent to. */
export type WebhookId = string;

/** A shop's webhooks. */
export type WebhookList = { webhooks: Webhook[] };

/** One diner's weight, or percentage in basis points. */
export type Weight = { diner: WalletId; weight: number };

/** Who asks. */
export type WhoAmI = MeView | { label: string; merchant: MerchantId } | { operator: boolean };

/** A shop where one works. */
export type Work = { merchant: MerchantId; role: Role };
