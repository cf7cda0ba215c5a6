// @ts-check
/** The diner's phone: who is there, the wallet, the tables, and what is on screen. */

import { account as accountView } from './account.js';
import { Attempt } from './attempt.js';
import { bridge } from './demo_bridge.js';
import { deviceName, Fanju, FanjuError, passkeysWork, signIn, signUp, stepUp } from './fanju.js';
import { home } from './home.js';
import { CURRENCIES, money } from './money.js';
import { Names } from './names.js';
import { comeBack } from './passkeys.js';
import { go, route } from './route.js';
import { statement } from './statement.js';
import { joinView, tableView } from './table.js';
import { Tables } from './tables.js';
import { button, complain, connectionBanner, field, fill, forgetRefused, h, icon, languageSwitch, select, serveOffline, sheet, textOf, toast, waiting } from './ui.js';
import { keepInput } from './typed.js';
import { begin, t } from './words.js';

/** @typedef {{ element: HTMLElement, update: () => void, title?: string }} View */

const TOKEN = 'fanju.token';

export class Phone {
  fanju = new Fanju();
  names = new Names(this.fanju, () => this.changed());
  tables = new Tables(this);
  bridge = bridge(this);
  /** Who signed in. @type {any} */ me = null;
  /** The wallet on screen. @type {any} */ account = null;
  /** @type {View | null} */ #view = null;
  /** @type {(() => void) | null} */ #unfollow = null;
  #screen = h('main', { id: 'screen', tabindex: '-1' });
  #planned = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #refresh;

  get wallet() { return /** @type {string} */ (this.account?.id ?? ''); }
  get currency() { return /** @type {string} */ (this.account?.currency ?? 'CNY'); }

  /** @param {number} minor @param {{ sign?: boolean }} [how] */
  money(minor, how) { return money(minor, this.currency, how); }

  async start() {
    document.body.append(connectionBanner(this.fanju), this.#screen);
    addEventListener('hashchange', () => this.show());
    this.fanju.addEventListener('state', () => this.changed());
    const token = (await this.bridge.token()) ?? localStorage.getItem(TOKEN);
    if (!token) return this.show();
    try {
      fill(this.#screen, waiting(this.fanju));
      await this.#entered(await this.fanju.signIn(token));
    } catch (error) {
      if (error instanceof FanjuError && error.code === 'not_signed_in') this.over();
      else throw error;
    }
  }

  /** @param {{ token: string, me: any }} session */
  async enter({ token }) {
    localStorage.setItem(TOKEN, token);
    this.fanju.close();
    await this.#entered(await this.fanju.signIn(token));
  }

  async leave() {
    await this.fanju.call('sign_out', {});
    this.#forget();
  }

  /** The server has signed this phone out. */
  over() {
    this.#forget();
    toast(t('signed_out'));
  }

  #forget() {
    localStorage.removeItem(TOKEN);
    this.fanju.close();
    this.tables.clear();
    this.me = this.account = null;
    go({}, { replace: true });
  }

  /** @param {any} me */
  async #entered(me) {
    this.me = me;
    const chosen = localStorage.getItem('fanju.wallet');
    const wallet = me.wallets.find((/** @type {any} */ one) => one.wallet === chosen) ?? me.wallets[0]
      ?? await this.openWallet('CNY');
    this.follow(wallet.wallet);
    this.show();
  }

  /** @param {string} currency @param {Attempt} [attempt] @returns {Promise<{ wallet: string, currency: string }>} */
  async openWallet(currency, attempt = new Attempt()) {
    const { wallet } = await attempt.pay(this, 'wallets.open', { currency });
    const opened = { wallet, currency };
    this.me.wallets.push(opened);
    return opened;
  }

  /** Puts another wallet on screen. @param {string} wallet */
  follow(wallet) {
    this.#unfollow?.();
    this.tables.clear();
    this.account = null;
    this.#unfollow = this.fanju.subscribe(`wallet:${wallet}`, {
      state: (state) => {
        this.account = state;
        this.names.learn(state.id, state.name);
        this.changed();
        this.tables.refresh().then(() => this.bridge.sits());
      },
      event: (happened) => this.#happened(happened),
      error: complain,
    });
  }

  /** @param {import('./fanju.js').Durable} happened */
  #happened({ delta: moved, event: { data } }) {
    this.refresh();
    const delta = moved ?? 0;
    const amount = this.money(Math.abs(delta));
    if (/^(member_|group_)/.test(data.type)) this.tables.refresh();
    if (data.type === 'refunded') this.#came('toast_refunded', amount, data.merchant, 'merchants');
    if (data.type === 'transferred' && delta > 0) this.#came('toast_received', amount, data.from, 'wallets');
    if (data.type === 'rail_refused') toast(t('error_rail_refused'), 'unpaid');
  }

  /** Says that money came, and from whom, once that is known. @param {string} word @param {string} amount @param {string} id @param {'wallets' | 'merchants'} kind */
  async #came(word, amount, id, kind) {
    await this.names.need([id], kind).catch(() => {});
    toast(t(word, { amount, who: this.names.of(id, kind) }), 'good');
  }

  /** Asks for the balance anew: what is set aside is in no event. */
  refresh() {
    clearTimeout(this.#refresh);
    this.#refresh = setTimeout(async () => {
      if (!this.account || this.fanju.state !== 'online') return;
      const fresh = await this.fanju.call('wallets.get', { wallet: this.wallet }).catch(() => null);
      if (fresh && fresh.id === this.wallet) { this.account = fresh; this.changed(); }
    }, 60);
  }

  /** Asks, and shows the passkey where the amount wants one. @template {keyof import('./fanju.js').Methods} M @param {M} method @param {import('./fanju.js').Methods[M]['params']} params @param {import('./fanju.js').Asking} [asking] */
  pay(method, params, asking = {}) {
    return this.sure(() => this.fanju.call(method, params, asking), t('step_up_why'));
  }

  /** Does `task`; where that wants the passkey, says why, has it shown and does it then. @template T @param {() => Promise<T>} task @param {string} why */
  async sure(task, why) {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof FanjuError) || error.code !== 'step_up_required') throw error;
      await this.#stepUp(why);
      return task();
    }
  }

  /** @param {string} why @returns {Promise<void>} */
  #stepUp(why) {
    return new Promise((resolve, reject) => {
      let done = false;
      const opened = sheet({
        title: t('step_up'),
        body: [
          h('p', null, why),
          button([icon('key'), t('step_up_do')], async () => {
            await stepUp(this.fanju);
            done = true;
            opened.close();
          }, { class: 'button primary wide' }),
        ],
        closed: () => (done ? resolve() : reject(new FanjuError({ code: 'step_up_required', title: t('error_step_up_required') }))),
      });
    });
  }

  /** Something changed: draws anew before the next frame, once. */
  changed() {
    if (this.#planned) return;
    this.#planned = true;
    requestAnimationFrame(() => {
      this.#planned = false;
      this.#view?.update();
    });
  }

  /** Shows what the address says. */
  show() {
    // A sheet belongs to the place where it opened; a question belongs to nobody but the diner.
    for (const open of document.querySelectorAll('dialog[open]:not(.question)')) /** @type {HTMLDialogElement} */ (open).close();
    forgetRefused();
    this.#view = this.#choose();
    document.title = this.#view.title ? `${this.#view.title} · 饭局` : '饭局 Fanju';
    fill(this.#screen, this.#view.element);
    this.#view.update();
    this.#screen.focus({ preventScroll: true });
    scrollTo(0, 0);
  }

  /** @returns {View} */
  #choose() {
    const place = route();
    const [group, link] = [place.get('group'), place.get('join')];
    if (!this.me) return welcome(this, Boolean(link));
    if (group && link) return joinView(this, group, link);
    if (group) return tableView(this, group);
    if (place.has('account')) return accountView(this);
    if (place.has('statement')) return statement(this);
    return home(this);
  }
}

/** @param {Phone} phone @param {boolean} invited @returns {View} */
function welcome(phone, invited) {
  const name = field(t('your_name'), { name: 'name', autocomplete: 'name', maxlength: 60 }, t('your_name_hint'));
  const currency = select(t('currency'), CURRENCIES.map((code) => [code, code]), 'CNY');
  keepInput('name', name.input);
  keepInput('currency', currency.input);
  const create = h('form', { class: 'stack' }, name.box, currency.box,
    button([icon('key'), t('sign_up')], async () => phone.enter(await signUp(phone.fanju, {
      name: textOf(name.input), device: deviceName(), currency: currency.input.value,
    })), { type: 'submit', class: 'button primary wide' }));
  create.addEventListener('submit', (event) => event.preventDefault());
  const element = h('div', { class: 'welcome' },
    h('div', { class: 'welcome-head' }, languageSwitch()),
    h('img', { src: '/assets/icon.svg', alt: '', width: 88, height: 88, class: 'welcome-seal' }),
    h('h1', null, h('span', { lang: 'zh', class: 'brand-word' }, '饭局'), ' ', h('span', { class: 'brand-latin' }, 'Fanju')),
    h('p', { class: 'lead' }, t(invited ? 'welcome_invited' : 'welcome_lead')),
    passkeysWork() ? [create, h('div', { class: 'or' }, t('or')),
      button(t('sign_in'), async () => phone.enter(await signIn(phone.fanju, { device: deviceName() })), { class: 'button wide' }),
      button(t('lost_passkey'), () => comeBack(phone), { class: 'button plain', 'data-key': 'lost-passkey' })]
      : h('p', { class: 'notice bad' }, t('no_passkeys')));
  return { element, update() {} };
}

begin();
serveOffline();
const phone = new Phone();
phone.start();
