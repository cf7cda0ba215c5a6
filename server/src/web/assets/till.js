// @ts-check
/** The merchant's till: who it is, which of its screens shows, and what it hears. */

import { Attempt } from './attempt.js';
import { Fanju, FanjuError, passkeysWork, signIn, signUp, stepUp } from './fanju.js';
import { CURRENCIES, money } from './money.js';
import { Names } from './names.js';
import { collect, forgetOrders } from './till_collect.js';
import { daysView, ordersView } from './till_orders.js';
import { shopView } from './till_shop.js';
import { choose, shopOf, shopsButton, shopsView } from './till_shops.js';
import { button, complain, connectionBanner, field, fill, formSheet, h, known, languageSwitch, leaveButton, select, serveOffline, textOf, toast, waiting } from './ui.js';
import { keep, keepInput } from './typed.js';
import { begin, t } from './words.js';

const TOKEN = 'fanju.till';
/** Of today's events so many are looked through. */
const PAGE = 500;
const PAGES_MAX = 4;
/** Statuses of a shop that whoever signed in may not see, or that is not there. */
const NOT_FOR_IT = [403, 404, 410];
/** Between two looks whether the day has ended. */
const DAY_LOOK_MS = 60_000;

export class Till {
  fanju = new Fanju();
  names = new Names(this.fanju, () => this.changed());
  /** The merchant as the server says it. @type {any} */ merchant = null;
  demo = location.hash.includes('demo');
  inside = this.demo && window.parent !== window;
  /** Whether the shop belongs to whoever signed in. */
  owns = false;
  /** Where older events begin than those that are here; nowhere once all are. @type {number | null} */ next = null;
  /** What happened at this till, newest first. @type {{ position: number, event: import('./api.js').CloudEvent }[]} */ events = [];
  #screen = h('main', { id: 'screen' });
  /** @type {{ element: HTMLElement, update: () => void }[]} */ #parts = [];
  #planned = false;
  /** Ends what is heard of the shop that is open. @type {(() => void) | null} */ #unfollow = null;

  get id() { return /** @type {string} */ (this.merchant.id); }
  get currency() { return /** @type {string} */ (this.merchant?.currency ?? 'CNY'); }
  /** @param {number} minor @param {{ sign?: boolean }} [how] */
  money(minor, how) { return money(minor, this.currency, how); }

  async start() {
    if (this.inside) document.documentElement.classList.add('in-demo');
    document.body.append(connectionBanner(this.fanju), this.#screen);
    this.fanju.addEventListener('state', () => this.changed());
    setInterval(() => this.changed(), DAY_LOOK_MS);
    const cast = this.demo ? await fetch('/demo/cast').then((answer) => answer.json(), () => null) : null;
    const token = cast?.merchant?.token ?? localStorage.getItem(TOKEN);
    if (!token) return this.#welcome();
    try {
      await this.enter(token, cast?.merchant?.merchant);
    } catch (error) {
      if (!(error instanceof FanjuError)) throw error;
      // What this page kept was good once.
      if (error.code === 'not_signed_in') toast(t('signed_out'));
      else complain(error);
    }
  }

  /** @param {string} token @param {string} [merchant] */
  async enter(token, merchant) {
    fill(this.#screen, waiting(this.fanju));
    const me = await this.fanju.signIn(token).catch((error) => {
      if (error instanceof FanjuError && error.code === 'not_signed_in') localStorage.removeItem(TOKEN);
      this.fanju.close();
      this.#welcome();
      throw error;
    });
    if (!this.demo) localStorage.setItem(TOKEN, token);
    // A key belongs to one merchant, a person may work for several, or for none yet.
    const its = merchant ?? me.merchant?.merchant ?? me.merchant ?? (me.person ? shopOf(me) : null);
    if (its) this.open(its);
    else if (me.merchants?.length) fill(this.#screen, shopsView(this, me));
    else this.onboard();
  }

  /** Opens the till of one shop, for as long as the page is there. @param {string} merchant */
  open(merchant) {
    const { me } = this.fanju;
    // One shop alone: what is on the screen and where the money goes are never two.
    this.#unfollow?.();
    let gone = false;
    this.owns = Boolean(me.merchants?.some((/** @type {any} */ work) => work.merchant === merchant && work.role === 'owner'));
    if (me.person && !this.demo) choose(me, merchant);
    let first = true;
    const unsubscribe = this.fanju.subscribe(`merchant:${merchant}`, {
      state: (state) => {
        if (gone) return;
        this.merchant = state;
        this.names.learn(state.id, state.name);
        if (first) this.#show();
        first = false;
        this.#load().catch(complain);
      },
      event: ({ position, event }) => {
        if (gone) return;
        this.events.unshift({ position, event });
        this.#balance();
        this.changed();
      },
      error: (error) => {
        if (gone) return;
        if (first) this.#closed(error);
        else complain(error);
      },
    });
    this.#unfollow = () => {
      gone = true;
      unsubscribe();
    };
  }

  /** The shop did not open: whoever may not look at it signs in otherwise. @param {FanjuError} error */
  #closed(error) {
    const { me } = this.fanju;
    this.#unfollow?.();
    // The server's own trouble passes, and the page may be loaded anew then.
    if (NOT_FOR_IT.includes(error.problem.status ?? 0) && !this.demo) localStorage.removeItem(TOKEN);
    this.fanju.close();
    this.#welcome();
    complain(error.code === 'forbidden' && !me?.person ? known(t('till_key_blind'), 'till_key') : error);
  }

  async #load() {
    const midnight = new Date().setHours(0, 0, 0, 0);
    /** @type {Till['events']} */
    const events = [];
    /** @type {number | null | undefined} */
    let from;
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const found = await this.fanju.call('merchants.events', { merchant: this.id, limit: PAGE, ...(from ? { from } : {}) });
      events.push(...found.events);
      from = found.next;
      if (!from || Date.parse(events.at(-1)?.event.time ?? '') < midnight) break;
    }
    this.events = events;
    this.next = from ?? null;
    this.changed();
  }

  /** Brings one page more of what happened before. */
  async older() {
    const from = this.next;
    if (!from) return;
    const found = await this.fanju.call('merchants.events', { merchant: this.id, limit: PAGE, from });
    // Meanwhile all may have been loaded anew.
    if (this.next !== from) return;
    this.events.push(...found.events);
    this.next = found.next ?? null;
    this.changed();
  }

  async #balance() {
    this.merchant = await this.fanju.call('merchants.get', { merchant: this.id }).catch(() => this.merchant);
    this.changed();
  }

  /** Asks, and shows the passkey where the amount wants one. @template {keyof import('./fanju.js').Methods} M @param {M} method @param {import('./fanju.js').Methods[M]['params']} params @param {import('./fanju.js').Asking} [how] */
  async pay(method, params, how) {
    try {
      return await this.fanju.call(method, params, how);
    } catch (error) {
      if (!(error instanceof FanjuError) || error.code !== 'step_up_required') throw error;
      await stepUp(this.fanju);
      return this.fanju.call(method, params, how);
    }
  }

  changed() {
    if (this.#planned) return;
    this.#planned = true;
    requestAnimationFrame(() => {
      this.#planned = false;
      for (const part of this.#parts) part.update();
    });
  }

  #show() {
    /** @type {[string, { element: HTMLElement, update: () => void }][]} */
    const tabs = [['collect', collect(this)], ['orders', ordersView(this)], ['days', daysView(this)]];
    // The demo has no room for it, and a key no right to it.
    if (this.owns && !this.inside) tabs.push(['shop', shopView(this)]);
    this.#parts = tabs.map(([, part]) => part);
    const panes = tabs.map(([name, part]) => h('section', { id: `pane-${name}`, class: `pane pane-${name}`, 'aria-label': t(`till_${name}`) }, part.element));
    const switches = tabs.map(([name]) => h('button', { type: 'button', class: 'tab', 'aria-controls': `pane-${name}`,
      onclick: () => choose(name) }, t(`till_${name}`)));
    const body = h('div', { class: 'till-body' }, panes);
    /** @param {string} name */
    function choose(name) {
      body.dataset.tab = name;
      tabs.forEach(([other], index) => switches[index]?.setAttribute('aria-pressed', String(other === name)));
    }
    fill(this.#screen, h('div', { class: 'till' },
      h('header', { class: 'top' },
        h('img', { src: '/assets/icon.svg', alt: '', width: 32, height: 32 }),
        h('h1', { class: 'top-name' }, this.merchant.name),
        this.fanju.me.person && !this.demo && shopsButton(),
        languageSwitch(),
        !this.demo && leaveButton(() => this.leave())),
      h('nav', { class: 'tabs', 'aria-label': t('till') }, switches), body));
    const tab = keep('tab', () => body.dataset.tab);
    choose(tabs.some(([name]) => name === tab) ? tab : 'collect');
    document.title = `${this.merchant.name} · ${t('till')}`;
    this.changed();
  }

  leave() {
    localStorage.removeItem(TOKEN);
    forgetOrders();
    this.fanju.close();
    history.replaceState(null, '', location.pathname);
    location.reload();
  }

  /** Nobody signed in: a key of the till, or a person of the staff. @param {string} [typed] a key that did not let anybody in */
  #welcome(typed = '') {
    const key = field(t('till_key'), { class: 'input mono', spellcheck: 'false', placeholder: 'fjk_…', value: typed }, t('till_key_hint'));
    const person = () => ({ device: t('till') });
    fill(this.#screen, h('div', { class: 'welcome' },
      h('div', { class: 'welcome-head' }, languageSwitch()),
      h('img', { src: '/assets/icon.svg', alt: '', width: 88, height: 88, class: 'welcome-seal' }),
      h('h1', null, h('span', { lang: 'zh', class: 'brand-word' }, '饭局'), ' ', h('span', { class: 'brand-latin' }, t('till'))),
      h('p', { class: 'lead' }, t('till_lead')),
      h('div', { class: 'stack' }, key.box, button(t('till_enter'), () => this.#enterByKey(textOf(key.input)), { class: 'button primary wide' })),
      passkeysWork() && [h('div', { class: 'or' }, t('or')),
        button(t('sign_in'), async () => this.#person(await signIn(this.fanju, person())), { class: 'button wide' }),
        button(t('till_new_owner'), () => {
          const name = field(t('your_name'), { autocomplete: 'name', maxlength: 60 }, t('your_name_hint'));
          formSheet({ title: t('sign_up'), body: [name.box], action: t('sign_up'),
            submit: async () => this.#person(await signUp(this.fanju, { name: textOf(name.input), ...person() })) });
        }, { class: 'button wide' })]));
    if (typed) key.input.select();
  }

  /** @param {string} key */
  async #enterByKey(key) {
    try {
      await this.enter(key);
    } catch (error) {
      this.#welcome(key);
      if (!(error instanceof FanjuError) || error.code !== 'not_signed_in') throw error;
      throw known(t('till_key_wrong'), 'till_key');
    }
  }

  /** @param {{ token: string }} session */
  async #person({ token }) {
    this.fanju.close();
    await this.enter(token);
  }

  /** A person without a shop opens one, or one more. */
  onboard() {
    const { me } = this.fanju;
    const name = field(t('merchant_name'), { maxlength: 60 });
    const currency = select(t('currency'), CURRENCIES.map((code) => [code, code]), 'CNY');
    keepInput('name', name.input);
    keepInput('currency', currency.input);
    const attempt = new Attempt();
    fill(this.#screen, h('div', { class: 'welcome' },
      h('div', { class: 'welcome-head' }, languageSwitch(), leaveButton(() => this.leave())),
      h('img', { src: '/assets/icon.svg', alt: '', width: 88, height: 88, class: 'welcome-seal' }),
      h('h1', null, t('merchant_new')),
      h('div', { class: 'stack' }, name.box, currency.box,
        button(t('merchant_open'), async () => {
          const { merchant } = await attempt.pay(this, 'merchants.onboard', { name: textOf(name.input), currency: currency.input.value });
          me.merchants?.push({ merchant, role: 'owner' });
          this.open(merchant);
        }, { class: 'button primary wide' })),
      me.merchants?.length > 0 && button(t('back'), () => fill(this.#screen, shopsView(this, me)), { class: 'button plain', 'data-key': 'shops' })));
  }
}

begin();
serveOffline();
new Till().start().catch((error) => { console.error(error); toast(t('error_unknown'), 'bad'); });
