// @ts-check
/**
 * Fanju's live channel for browsers: one websocket that signs in, asks, listens, and takes up where
 * it was cut.
 *
 *     const fanju = new Fanju({ token });
 *     fanju.addEventListener('state', () => show(fanju.state));
 *     fanju.connect();
 *     fanju.subscribe(`wallet:${wallet}`, { state: show, event: add });
 *     await fanju.call('wallets.top_up', { wallet, amount: 10_000 });
 *
 * Promises that it keeps:
 * - A command carries an idempotency key from its first sending on; after a cut it is sent again
 *   with the same key, so it happens once.
 * - A topic's durable events come in order, each once. After a gap or a cut the topic is resumed
 *   from the last position; where the server cannot, the handler `state` gets the whole state.
 * - Close codes decide: some mean stop, the others mean come back (with jittered, growing pauses).
 *
 * It persists nothing and knows nothing of pages. Amounts are integers of minor units.
 */

export { addPasskey, deviceName, forgetPasskey, passkeysWork, recover, signIn, signUp, stepUp } from './passkey.js';

/** @typedef {{ code: string, title: string, status?: number, detail?: string } & Record<string, unknown>} Problem */
/** @typedef {import('./api.js').Methods} Methods what can be asked, and what is answered */
/** @typedef {{ retry?: boolean, key?: string, signal?: AbortSignal }} Asking */
/** @typedef {'offline' | 'connecting' | 'online' | 'stopped'} State */
/** @typedef {import('./api.js').EventPush} Durable a durable event, and where it stands */
/**
 * What a topic's state is.
 * @template {string} T
 * @typedef {T extends `wallet:${string}` ? import('./api.js').WalletView
 *   : T extends `merchant:${string}` ? import('./api.js').MerchantView
 *   : T extends `group:${string}` ? import('./api.js').GroupView : import('./api.js').TopicState} StateOf
 */
/**
 * What a listener hears: `state` is the topic's whole state, at first and when it could not be
 * resumed; `event` is each durable event, once and in order; `progress` may be missed, and is never older
 * than these; `resumed` says that it may have been, since a cut; after `error` the topic is not (any more)
 * for this caller.
 * @template {string} [T=string]
 * @typedef {{
 *   state?: (state: StateOf<T>, position: number) => void, event?: (happened: Durable) => void,
 *   progress?: (progress: import('./api.js').Progress) => void, resumed?: () => void, error?: (error: FanjuError) => void,
 * }} Handlers
 */
/** @typedef {{ handlers: Handlers, last: number | null, epoch?: string, ready: boolean, again?: ReturnType<typeof setTimeout> }} Subscription */
/**
 * A request: `retry` it after a cut; send it `early`, before signing in has succeeded; once it was `sent` it may have been done.
 * @typedef {{
 *   method: string, params: Record<string, unknown>, retry: boolean, early: boolean, sent: boolean,
 *   resolve: (result: any) => void, reject: (error: FanjuError) => void,
 * }} Pending
 */

/** Why the server, or the way to it, did not do what was asked. */
export class FanjuError extends Error {
  /** @param {Problem} problem */
  constructor(problem) {
    super(problem.detail || problem.title);
    this.name = 'FanjuError';
    /** The stable word for programs. */
    this.code = problem.code;
    this.problem = problem;
  }
}

/** Close codes after which coming back would only repeat the fault. */
const STOP = new Map([[1003, 'malformed'], [1009, 'malformed'], [4000, 'malformed'], [4001, 'signed_out'], [4002, 'signed_out']]);
/** Refusals that only mean "not now": the same is asked again by itself. */
const LATER = new Set(['idempotency_key_in_use', 'too_many_requests', 'books_behind']);
/** Statuses of a server that cannot now, and can later. */
const NOT_NOW = new Set([429, 503, 504]);
/** What was sent before a cut, and is not asked again. */
const LOST = { code: 'connection_lost', title: 'the connection was lost, outcome unknown' };
const FLOOD = 4009;
const PAUSE_FIRST_MS = 250;
const PAUSE_MAX_MS = 15_000;
const PAUSE_FLOOD_MS = 5_000;
const STILL_RUNNING_PAUSE_MS = 400;
const ANSWER_TO_PING_MS = 8_000;
const FOLLOW_AGAIN_MS = 2_000;

/** Methods that change nothing, that have a number of their own, or (ceremonies) cannot be repeated: they carry no key. */
const WITHOUT_KEY =
  /^(me|names|ping|sign_(in|up)(\..+)?|sign_out|(step_up|add_passkey|recovery)\..+|orders\.(scan|cancel|refund)|groups\.(code|link)|subscribe|unsubscribe|operator\..+|.+\.(get|list|statement|groups|events|days|deliveries))$/;

export class Fanju extends EventTarget {
  #url;
  /** @type {string | null} */ #token;
  /** @type {WebSocket | null} */ #socket = null;
  /** @type {State} */ #state = 'offline';
  /** @type {import('./api.js').Hello | null} */ #hello = null;
  #clock_us = 0;
  #id = 0;
  #attempts = 0;
  #wanted = false;
  /** @type {Map<number, Pending>} sent, not answered */ #sent = new Map();
  /** @type {Pending[]} waiting for the channel */ #queue = [];
  /** @type {Map<string, Subscription>} */ #topics = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #again;
  /** @type {ReturnType<typeof setInterval> | undefined} */ #beat;
  #sent_this_second = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #later;
  #second = 0;
  /** Who signed in, as the server says (`me`); `null` for nobody. @type {any} */ me = null;
  /** Why the client stopped; `null` while it has not. @type {string | null} */ reason = null;

  /** @param {{ url?: string, token?: string | null }} [options] */
  constructor({ url, token = null } = {}) {
    super();
    this.#url = url ?? `${location.protocol === 'http:' ? 'ws' : 'wss'}://${location.host}/v1/live`;
    this.#token = token;
    globalThis.addEventListener?.('online', () => this.#hurry());
    globalThis.addEventListener?.('offline', () => this.#lose(1006));
    globalThis.document?.addEventListener('visibilitychange', () => { if (!document.hidden) this.#hurry(); });
  }

  get state() { return this.#state; }
  /** The server's limits and session, as of the last hello. */
  get hello() { return this.#hello; }
  /** The server's clock now, in microseconds since 1970. */
  get now_us() { return Date.now() * 1000 + this.#clock_us; }

  /** Opens the channel and keeps it open until `close` or a close code that means stop. */
  connect() {
    this.#wanted = true;
    if (!this.#socket) this.#dial();
  }

  /**
   * Signs in, now and after each cut.
   * @param {string} token
   * @returns {Promise<any>} who that is
   */
  async signIn(token) {
    this.#token = token;
    if (this.#state === 'online') {
      this.me = await this.#ask('sign_in', { token }, { early: true });
      this.#followAll();
      return this.me;
    }
    this.connect();
    const over = () => this.#state === 'online' || this.#state === 'stopped';
    while (!over()) await new Promise((changed) => this.addEventListener('state', changed, { once: true }));
    if (this.me) return this.me;
    throw new FanjuError({ code: this.reason === 'signed_out' ? 'not_signed_in' : this.reason ?? 'closed', title: 'not signed in' });
  }

  /** Closes the channel and forgets who it was and what was heard; what was not answered is rejected. */
  close() {
    this.#token = null;
    this.me = null;
    this.#topics.clear();
    this.#end('closed');
  }

  /**
   * Asks the server. Commands get an idempotency key; after a cut everything unanswered is asked
   * again (a command with its first key), unless `retry` is false: then it is rejected with
   * `connection_lost`, and the outcome is unknown. What holds a secret is answered once: asked again after
   * a cut that swallowed it, the server says `secret_shown`. `signal` withdraws what nobody wants any more: what
   * was never sent is rejected with `withdrawn`, and what was sent is not sent again: after a cut it may have been
   * done, and is rejected with `connection_lost`.
   * @template {keyof Methods} M
   * @param {M} method
   * @param {Methods[M]['params']} params
   * @param {Asking} [options]
   * @returns {Promise<Methods[M]['result']>}
   */
  call(method, params, { retry = true, key, signal } = {}) {
    const keyed = WITHOUT_KEY.test(method) ? params : { ...params, idempotency_key: key ?? newKey() };
    const early = /^(sign_(in|up)|recovery)\./.test(method);
    const ceremony = early || method.startsWith('add_passkey.');
    const answer = this.#ask(method, keyed, { retry: retry && !ceremony, early, signal });
    this.connect();
    return answer;
  }

  /**
   * Listens to a topic until the returned function is called. One subscription per topic: a second
   * one takes over.
   * @template {string} T
   * @param {T} topic
   * @param {Handlers<T>} handlers
   * @returns {() => void}
   */
  subscribe(topic, handlers) {
    /** @type {Subscription} */ const subscription = { handlers, last: null, ready: false };
    this.#topics.set(topic, subscription);
    if (this.#state === 'online') this.#follow(topic, subscription);
    return () => {
      if (this.#topics.get(topic) !== subscription) return;
      this.#topics.delete(topic);
      if (this.#state === 'online') this.#ask('unsubscribe', { topic }, { retry: false }).catch(ignore);
    };
  }

  // --- asking ------------------------------------------------------------------------------

  /** @param {string} method @param {Record<string, unknown>} params @param {{ retry?: boolean, early?: boolean, signal?: AbortSignal }} how @returns {Promise<any>} */
  #ask(method, params, { retry = true, early = false, signal }) {
    return new Promise((resolve, reject) => {
      /** @type {Pending} */ const pending = { method, params, retry, early, sent: false, resolve, reject };
      if (signal?.aborted) return this.#withdraw(pending);
      signal?.addEventListener('abort', () => this.#withdraw(pending), { once: true });
      this.#queue.push(pending);
      this.#flush();
    });
  }

  /** What is on its way is answered still, unless the channel is cut. @param {Pending} pending */
  #withdraw(pending) {
    pending.retry = false;
    if ([...this.#sent.values()].includes(pending)) return;
    this.#queue = this.#queue.filter((waiting) => waiting !== pending);
    pending.reject(new FanjuError(pending.sent ? LOST : { code: 'withdrawn', title: 'withdrawn while it waited to be sent' }));
  }

  /** Sends what may go now; stays below the server's requests per second. */
  #flush() {
    const socket = this.#socket;
    if (!socket || socket.readyState !== WebSocket.OPEN || !this.#hello) return;
    for (const pending of this.#queue.splice(0)) {
      const may = this.#state === 'online' || pending.early;
      if (!may || !this.#spend()) this.#queue.push(pending);
      else this.#transmit(socket, pending);
    }
  }

  #spend() {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) [this.#second, this.#sent_this_second] = [second, 0];
    const most = Math.max(1, Math.floor((this.#hello?.limits?.requests_per_second ?? 50) * 0.8));
    if (this.#sent_this_second < most) return ++this.#sent_this_second > 0;
    this.#later ??= setTimeout(() => {
      this.#later = undefined;
      this.#flush();
    }, 1000 - (performance.now() % 1000) + 5);
    return false;
  }

  /** @param {WebSocket} socket @param {Pending} pending */
  #transmit(socket, pending) {
    const { method, params } = pending;
    const frame = JSON.stringify({ jsonrpc: '2.0', id: ++this.#id, method, params });
    // The server would close the session.
    const most = this.#hello?.limits?.frame_bytes_max ?? Infinity;
    if (frame.length > most / 3 && new TextEncoder().encode(frame).length > most) {
      return pending.reject(new FanjuError({ code: 'body_too_large', title: 'longer than a frame may be' }));
    }
    pending.sent = true;
    this.#sent.set(this.#id, pending);
    socket.send(frame);
  }

  /** @param {any} message */
  #answered(message) {
    const pending = this.#sent.get(message.id);
    if (!pending) return;
    this.#sent.delete(message.id);
    if (!message.error) return pending.resolve(message.result);
    const { code, message: title, data } = message.error;
    const error = new FanjuError({ code: `json_rpc_${code}`, title, ...data });
    if (LATER.has(error.code) && pending.retry) {
      const pause = Number(error.problem.retry_after_ms ?? STILL_RUNNING_PAUSE_MS);
      setTimeout(() => {
        if (!pending.retry) return;
        this.#queue.push(pending);
        this.#flush();
      }, pause);
    } else {
      pending.reject(error);
    }
  }

  // --- listening ---------------------------------------------------------------------------

  /** Begins, or begins again after the last position. @param {string} topic @param {Subscription} subscription */
  async #follow(topic, subscription) {
    subscription.ready = false;
    clearTimeout(subscription.again);
    const after = subscription.last;
    try {
      const params = after === null ? { topic } : { topic, after, epoch: subscription.epoch };
      const begun = await this.#ask('subscribe', params, { retry: false });
      if (this.#topics.get(topic) !== subscription) return;
      // What follows a recovered subscription are the missed events: they are counted as they come.
      subscription.ready = true;
      if (begun.recovered) return subscription.handlers.resumed?.();
      subscription.last = begun.position;
      subscription.epoch = this.#hello?.epoch;
      subscription.handlers.state?.(begun.state, begun.position);
    } catch (error) {
      if (!(error instanceof FanjuError)) throw error;
      if (error.code === 'connection_lost' || this.#topics.get(topic) !== subscription) return;
      // A later asking took its place, and is answered too.
      if (error.code === 'subscription_over') return;
      if (NOT_NOW.has(Number(error.problem.status)) && error.code !== 'too_many_subscriptions') {
        // The server's trouble, not the topic's. After a cut all are asked for anyway.
        subscription.again = setTimeout(() => {
          if (this.#topics.get(topic) === subscription && this.#state === 'online') this.#follow(topic, subscription);
        }, Number(error.problem.retry_after_ms ?? FOLLOW_AGAIN_MS));
      } else if (after !== null) {
        subscription.last = null;
        this.#follow(topic, subscription);
      } else {
        this.#topics.delete(topic);
        subscription.handlers.error?.(error);
      }
    }
  }

  /** @param {Durable} happened */
  #happened(happened) {
    const subscription = this.#topics.get(happened.topic);
    if (!subscription?.ready) return;
    const { last } = subscription;
    if (last !== null && happened.position <= last) return;
    if (last !== null && happened.prev !== last) {
      this.#follow(happened.topic, subscription);
      return;
    }
    subscription.last = happened.position;
    subscription.handlers.event?.(happened);
  }

  /** Tells how far a bill is, unless something that is known happened since. @param {import('./api.js').Progress} progress */
  #progressed(progress) {
    const subscription = this.#topics.get(progress.topic);
    if (!subscription || (subscription.last !== null && progress.position < subscription.last)) return;
    subscription.handlers.progress?.(progress);
  }

  // --- the channel -------------------------------------------------------------------------

  #dial() {
    clearTimeout(this.#again);
    this.#set('connecting', null);
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onmessage = (frame) => { if (socket === this.#socket) this.#heard(frame.data); };
    socket.onclose = (close) => { if (socket === this.#socket) this.#lose(close.code); };
  }

  /** @param {string} text */
  #heard(text) {
    const message = JSON.parse(text);
    if (message.id !== undefined && message.id !== null) this.#answered(message);
    else if (message.method === 'hello') this.#greeted(message.params);
    else if (message.method === 'event') this.#happened(message.params);
    else if (message.method === 'progress') this.#progressed(message.params);
    else if (message.method === 'unsubscribed') this.#shutOut(message.params.topic);
  }

  /** @param {string} topic */
  #shutOut(topic) {
    const subscription = this.#topics.get(topic);
    this.#topics.delete(topic);
    subscription?.handlers.error?.(new FanjuError({ code: 'forbidden', status: 403, title: 'not yours to hear any more', reason: 'shut_out' }));
  }

  /** @param {any} hello */
  async #greeted(hello) {
    this.#hello = hello;
    this.#clock_us = hello.server_time - Date.now() * 1000;
    const socket = this.#socket;
    try {
      if (this.#token) {
        this.me = await this.#ask('sign_in', { token: this.#token }, { early: true, retry: false });
      }
    } catch (error) {
      if (!(error instanceof FanjuError) || error.code === 'connection_lost') return;
      const status = error.problem.status ?? 0;
      if (status >= 400 && status < 500 && status !== 429) this.#end('signed_out');
      else this.#lose(1006);
      return;
    }
    if (socket !== this.#socket) return;
    this.#attempts = 0;
    this.#watch(hello.heartbeat_ms ?? 20_000);
    this.#set('online', null);
    this.#followAll();
    this.#flush();
  }

  #followAll() {
    for (const [topic, subscription] of this.#topics) this.#follow(topic, subscription);
  }

  /** Browsers answer the server's pings unseen; asking shows whether the way back works too. */
  #watch(/** @type {number} */ heartbeat_ms) {
    clearInterval(this.#beat);
    this.#beat = setInterval(() => {
      const late = setTimeout(() => this.#lose(4010), ANSWER_TO_PING_MS);
      this.#ask('ping', {}, { retry: false }).catch(ignore).finally(() => clearTimeout(late));
    }, heartbeat_ms);
  }

  /** The channel is gone; comes back unless `code` says to stop. @param {number} code */
  #lose(code) {
    this.#hangUp();
    if (this.#state === 'stopped') return;
    const stop = STOP.get(code);
    // Nobody had to sign in here: the channel opens again with the next question.
    if (stop && code === 4001 && !this.#token) this.#wanted = false;
    else if (stop) return this.#end(stop);
    this.#suspend();
    this.#set('offline', null);
    if (!this.#wanted) return;
    const most = Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** this.#attempts++);
    const pause = (code === FLOOD ? PAUSE_FLOOD_MS : 0) + most / 2 + Math.random() * most / 2;
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#dial(), pause);
  }

  #hangUp() {
    const socket = this.#socket;
    this.#socket = null;
    clearInterval(this.#beat);
    socket?.close();
  }

  /** Keeps what will be asked again, gives up on the rest. */
  #suspend() {
    const unanswered = [...this.#sent.values(), ...this.#queue];
    this.#sent.clear();
    this.#queue = unanswered.filter((pending) => pending.retry);
    for (const pending of unanswered) if (!pending.retry) pending.reject(new FanjuError(LOST));
  }

  /** @param {string} reason */
  #end(reason) {
    clearTimeout(this.#again);
    this.#hangUp();
    this.#wanted = false;
    this.#suspend();
    for (const { reject } of this.#queue.splice(0)) reject(new FanjuError({ code: reason, title: reason }));
    this.#set('stopped', reason);
  }

  /** The network is back, or the page in sight: no reason to wait for the pause to end. */
  #hurry() {
    if (!this.#wanted || this.#socket || this.#state === 'stopped') return;
    this.#attempts = 0;
    this.#dial();
  }

  /** @param {State} state @param {string | null} reason */
  #set(state, reason) {
    if (this.#state === state && this.reason === reason) return;
    this.#state = state;
    this.reason = reason;
    this.dispatchEvent(new CustomEvent('state', { detail: { state, reason } }));
  }
}

function ignore() {}

/** A key that no other command has. `randomUUID` is missing on pages without TLS. */
export function newKey() {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
