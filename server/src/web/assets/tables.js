// @ts-check
/** The tables of one wallet: each followed live, with what its diners are asked and how it ended. */

import { dishes } from './claims.js';
import { closeCode } from './pay.js';
import { question, closeQuestion, declined, receipt } from './receipt.js';
import { complain, explain } from './ui.js';

/** @typedef {{ group: string, name: string, status: string, host: string, members: number, joined: boolean }} Listed */
/**
 * @typedef {object} Table
 * @property {string} id
 * @property {any} view the group as the server says it; `null` until it came
 * @property {any} progress how far the bill in flight is; `null` when there is none
 * @property {Set<string>} asked who was asked about the bill in flight
 * @property {Set<string>} paid who paid the last bill
 * @property {{ kind: 'settled' | 'declined', data: any, at: number } | null} outcome of the last bill seen
 * @property {import('./claims.js').Dishes | null} dishes the bill that lies on the table, or lay there last, and who claimed what
 * @property {string | null} planned the way to split that the host chose before anybody sat
 * @property {number} bills_changed counts what belongs on the list of bills
 * @property {string | null} trouble why the table cannot be shown, in the reader's words
 * @property {() => void} stop
 */

/** @typedef {import('./api.js').Position} Position */

/** A session may follow 64 topics; one is the wallet. */
const FOLLOWED_MAX = 40;

/** A page of tables looks through 500 events. Of so many pages the tables are asked for anew whenever something happens. */
const PAGES_ANEW = 6;

/** Once, so much further is looked back, and as much again for whoever asks: anybody may invite, thousands of times. */
const PAGES_MAX = 60;

/** Before the list is asked for once more: anybody may invite, as often as they like. */
const AGAIN_MS = 500;

/** Until a table that the server could not tell of is followed again. */
const LOST_MS = 3_000;

/** Statuses after which a table is not for this phone any more. */
const OVER = [403, 404, 410];

export class Tables {
  /** @type {Listed[] | null} */ #listed = null;
  /** What was found behind the pages that are asked for anew. @type {Map<string, Listed>} */ #behind = new Map();
  /** Where that begins; nowhere, where those pages are all. @type {Position | null} */ #floor = null;
  /** Where what was not looked through begins; nowhere once all was. @type {Position | null} */ #unread = null;
  /** @type {Map<string, Table>} */ #live = new Map();
  #phone;
  /** Which wallet's list it is, counted. */ #of = 0;
  /** The asking for the list that is under way. @type {Promise<void> | null} */ #asking = null;
  /** The one after it, for whatever happened meanwhile. @type {Promise<void> | null} */ #due = null;

  /** @param {import('./phone.js').Phone} phone */
  constructor(phone) { this.#phone = phone; }

  /** What the wallet's list says, newest first, and how the tables stand by now that are followed. @returns {Listed[] | null} */
  get list() {
    if (!this.#listed) return null;
    // Of what is not asked for anew, who left is told by the table itself.
    const here = this.#listed.filter(({ group }) => !(this.#behind.has(group) && this.#live.get(group)?.trouble));
    return here.map((one) => {
      const view = this.#live.get(one.group)?.view;
      return view ? { ...one, status: view.status, members: view.members.length } : one;
    });
  }

  /** Whether older tables may be missing in it. */
  get more() { return this.#unread !== null; }

  /** The orders that are being paid, for each of which something may be set aside. */
  get paying() {
    return [...this.#live.values()].flatMap(({ view, progress }) =>
      (view?.paying && progress ? [{ table: view.name, order_no: progress.order_no }] : []));
  }

  clear() {
    for (const table of this.#live.values()) table.stop();
    this.#live.clear();
    this.#listed = this.#floor = this.#unread = null;
    this.#behind.clear();
    this.#of += 1;
  }

  /** Asks which tables there are, and follows those that may still ask for money: one asking is under way, and one is due. */
  refresh() {
    if (this.#asking) this.#due ??= this.#asking.then(() => pause(AGAIN_MS)).then(() => this.#begin());
    return this.#due ?? this.#begin();
  }

  /** @returns {Promise<void>} */
  #begin() {
    this.#due = null;
    this.#asking = this.#ask().finally(() => { this.#asking = null; });
    return this.#asking;
  }

  async #ask() {
    const of = this.#of;
    // Nobody is signed in any more, or another wallet is on its way, which asks for its own.
    if (!this.#phone.wallet) return;
    try {
      /** @type {Map<string, Listed>} */ const anew = new Map();
      /** @type {Map<string, Listed>} */ const older = new Map();
      /** @type {Position | null} */ let from = null;
      /** @type {Position | null} */ let floor = null;
      /** Whether what follows was read before. */
      let met = false;
      for (let pages = 1; pages === 1 || (from !== null && !met && pages <= PAGES_ANEW + PAGES_MAX); pages += 1) {
        from = await this.#read(from, floor === null ? anew : older);
        if (of !== this.#of) return;
        met = from !== null && this.#floor !== null && from <= this.#floor;
        this.#say(anew, older, this.#behind);
        if (pages === PAGES_ANEW) floor = from;
      }
      if (floor === null) return;
      this.#floor = floor;
      this.#behind = joined(older, met ? this.#behind : new Map());
      if (!met) this.#unread = from;
      this.#say(anew, this.#behind);
    } catch (error) {
      complain(error);
    }
  }

  /** Looks through what is older than all that was looked through before. */
  async further() {
    while (this.#asking) await this.#asking;
    this.#asking = this.#lookOn().finally(() => { this.#asking = null; });
    return this.#asking;
  }

  async #lookOn() {
    const of = this.#of;
    for (let pages = 0; this.#unread !== null && pages < PAGES_MAX; pages += 1) {
      const next = await this.#read(this.#unread, this.#behind);
      if (of !== this.#of) return;
      this.#unread = next;
      this.#say(new Map((this.#listed ?? []).map((one) => [one.group, one])), this.#behind);
    }
  }

  /** Reads one page `into` what was found, and tells where the next one begins. @param {Position | null} from @param {Map<string, Listed>} into @returns {Promise<Position | null>} */
  async #read(from, into) {
    const { fanju, wallet } = this.#phone;
    /** @type {import('./api.js').GroupList} */
    const { groups, next } = await fanju.call('wallets.groups', { wallet, from });
    for (const one of groups) if (!into.has(one.group)) into.set(one.group, one);
    return next ?? null;
  }

  /** What was found is the list, and what may ask for money of it is followed. @param {...Map<string, Listed>} found */
  #say(...found) {
    this.#listed = [...joined(...found).values()];
    const open = this.#listed.filter((one) => one.joined && one.status !== 'closed');
    for (const { group } of open.slice(0, FOLLOWED_MAX)) this.follow(group);
    this.#phone.changed();
  }

  /** What is known of a table that is followed. @param {string} group */
  known(group) { return this.#live.get(group); }

  /** Also one that was not for this phone: by now it may be. @param {string} group @returns {Table} */
  follow(group) {
    const known = this.#live.get(group);
    if (known && known.trouble === null) return known;
    /** @type {Table} */
    const table = {
      id: group, view: null, progress: null, asked: new Set(), paid: new Set(), outcome: null, dishes: null,
      planned: null, bills_changed: 0, trouble: null, stop: () => {},
    };
    this.#live.set(group, table);
    table.stop = this.#phone.fanju.subscribe(`group:${group}`, {
      state: (state) => this.#state(table, state),
      event: (happened) => this.#happened(table, happened),
      progress: (progress) => this.#progress(table, progress),
      // A question may have come, or gone without a record, while the phone was away.
      resumed: () => this.#reload(table, (view) => this.#state(table, view)),
      error: (error) => this.#lost(table, explain(error), !OVER.includes(error.problem.status ?? 0)),
    });
    return table;
  }

  /** What was seen of it is not to be seen any more; where only the server had trouble, until it is heard again. @param {Table} table @param {string} why @param {boolean} again */
  #lost(table, why, again) {
    closeCode(table.id);
    closeQuestion(table.id);
    table.view = table.progress = null;
    table.trouble = why;
    this.#phone.changed();
    if (again) pause(LOST_MS).then(() => this.#live.get(table.id) === table && this.follow(table.id));
  }

  /** @param {Table} table @param {any} state */
  #state(table, state) {
    table.dishes = dishes(state);
    this.#seen(table, state);
    table.bills_changed += 1;
    if (state.progress) this.#comes(table, state.progress);
    else if (!state.paying) table.progress = null;
    this.#questions(table, state.questions);
    this.#phone.changed();
  }

  /** What the server says of the table; the paid bill's dishes are gone from it before the receipt is shown. @param {Table} table @param {any} view */
  #seen(table, view) {
    table.view = view;
    if (view.draft) table.dishes = dishes(view);
  }

  /** @param {Table} table @param {any} progress */
  #progress(table, progress) {
    // What was asked for beside the subscription may know more, and the bill's end among it.
    if (table.view && progress.position < table.view.position) return;
    this.#comes(table, progress);
    if (table.view) table.view.paying = true;
    closeCode(table.id);
    this.#questions(table, progress.waiting_for);
    this.#phone.refresh();
    this.#phone.changed();
  }

  /** How far a bill is; another one than before begins anew. @param {Table} table @param {any} progress */
  #comes(table, progress) {
    if (table.progress?.order_no !== progress.order_no) {
      table.asked.clear();
      table.paid.clear();
      table.outcome = null;
    }
    table.progress = progress;
  }

  /** @param {Table} table @param {{ diner: string, merchant: string, order_no: string, presentation: string, owed: number }[]} open */
  #questions(table, open) {
    for (const { diner } of open) table.asked.add(diner);
    const mine = open.find(({ diner }) => diner === this.#phone.wallet);
    if (mine) question(this.#phone, table, mine);
    else closeQuestion(table.id);
  }

  /** @param {Table} table @param {import('./fanju.js').Durable} happened */
  async #happened(table, { event }) {
    const { data } = event;
    if (data.type === 'settled' || data.type === 'declined') this.#ended(table, data, Date.parse(event.time) * 1000);
    if (data.type === 'draft_cleared') table.dishes = null;
    if (/^(settled|declined|refunded)$/.test(data.type)) table.bills_changed += 1;
    await this.#reload(table);
  }

  /** @param {Table} table @param {any} data @param {number} at */
  #ended(table, data, at) {
    table.progress = null;
    table.asked.clear();
    table.outcome = { kind: data.type, data, at };
    if (table.view) table.view.paying = false;
    closeCode(table.id);
    closeQuestion(table.id);
    this.#phone.refresh();
    if (data.type === 'settled') {
      table.paid = new Set(data.shares.map((/** @type {any} */ share) => share.diner));
      const eaten = table.dishes?.total === data.total ? table.dishes : null;
      receipt(this.#phone, { settlement: data, at, fresh: true, dishes: eaten });
      table.dishes = null;
    } else {
      declined(this.#phone, { decline: data, table: table.view?.name ?? '', at });
    }
    this.#phone.changed();
  }

  /** @param {Table} table */
  async #reload(table, seen = (/** @type {any} */ view) => this.#seen(table, view)) {
    try {
      const view = await this.#phone.fanju.call('groups.get', { group: table.id });
      if (!table.view || view.position >= table.view.position) seen(view);
    } catch {
      // Whoever left may not look any more; the list says so.
    }
    this.#phone.changed();
  }
}

/** @param {number} ms @returns {Promise<void>} */
function pause(ms) {
  return new Promise((over) => setTimeout(over, ms));
}

/** All of them, each as it was found first. @param {...Map<string, Listed>} found */
function joined(...found) {
  /** @type {Map<string, Listed>} */
  const all = new Map();
  for (const [group, one] of found.flatMap((some) => [...some])) if (!all.has(group)) all.set(group, one);
  return all;
}
