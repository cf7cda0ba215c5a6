// @ts-check
/** The operator's page: how much, how fast, how far behind, and whether anything is wrong. */

import { Fanju, FanjuError } from './fanju.js';
import { money } from './money.js';
import { plot } from './plot.js';
import { button, complain, connectionBanner, field, fill, h, known, languageSwitch, leaveButton, serveOffline, textOf, when } from './ui.js';
import { begin, language, span, t } from './words.js';

const TOKEN = 'fanju.operator';
const EVERY_MS = 1000;
const SPAN_MS = 300_000;
/** Each audit reads every account: less often than the rest. */
const AUDIT_EVERY_MS = 60_000;
/** Books further behind than this are an alarm: they are written each five seconds. */
const LAG_MS_MAX = 60_000;

/** @typedef {{ at: number, stats: any, rate: number | null, declined_rate: number | null }} Sample */

class Operator {
  fanju = new Fanju();
  /** @type {Sample[]} */ samples = [];
  #screen = h('main', { id: 'screen' });
  /** @type {ReturnType<typeof setInterval> | undefined} */ #timer;
  /** @type {ReturnType<typeof setInterval> | undefined} */ #audits;

  async start() {
    document.body.append(connectionBanner(this.fanju), this.#screen);
    const token = sessionStorage.getItem(TOKEN);
    if (!token) return this.#welcome();
    await this.enter(token).catch((error) => { this.#welcome(); complain(error); });
  }

  /** @param {string} token */
  async enter(token) {
    try {
      const me = await this.fanju.signIn(token);
      // A diner's session or a till's key is good for other pages.
      if (!me.operator) throw new FanjuError({ code: 'not_signed_in', title: 'not the operator' });
    } catch (error) {
      sessionStorage.removeItem(TOKEN);
      this.fanju.close();
      const wrong = error instanceof FanjuError && error.code === 'not_signed_in';
      throw wrong ? known(t('operator_token_wrong'), 'operator_token') : error;
    }
    // The key opens everything: it stays no longer than this tab.
    sessionStorage.setItem(TOKEN, token);
    this.#show();
  }

  #welcome() {
    const key = field(t('operator_token'), { type: 'password', class: 'input mono', placeholder: 'fjo_…' }, t('operator_token_hint'));
    const form = h('form', { class: 'stack' }, key.box);
    const go = button(t('operator_enter'), () => this.enter(textOf(key.input)).catch((error) => { key.input.focus(); key.input.select(); throw error; }), { class: 'button primary wide', type: 'submit' });
    form.append(go);
    form.addEventListener('submit', (event) => event.preventDefault());
    fill(this.#screen, h('div', { class: 'welcome' },
      h('div', { class: 'welcome-head' }, languageSwitch()),
      h('img', { src: '/assets/icon.svg', alt: '', width: 88, height: 88, class: 'welcome-seal' }),
      h('h1', null, t('operator')), form));
  }

  #show() {
    const number = new Intl.NumberFormat(language(), { maximumFractionDigits: 1 });
    const ago = (/** @type {number} */ seconds) => seconds ? t('ago', { seconds }) : t('now');
    const throughput = plot({ title: t('throughput'), floor: 1, span_ms: SPAN_MS, ago, format: (value) => `${number.format(value)}/s`, lines: [
      { name: t('settled_word'), tone: 'jade', read: ({ rate }) => rate },
      { name: t('declined_word'), tone: 'cinnabar', read: ({ declined_rate }) => declined_rate }] });
    const latency = plot({ title: t('settle_latency'), floor: 1, span_ms: SPAN_MS, ago, format: (value) => `${number.format(value)} ms`, lines: [
      { name: 'p50', tone: 'ink', read: ({ stats }) => ms(stats.settle_us_p50) },
      { name: 'p99', tone: 'cinnabar', read: ({ stats }) => ms(stats.settle_us_p99) }] });
    const alarms = h('div', { class: 'alarms', role: 'status', 'aria-live': 'assertive' });
    const tiles = h('div', { class: 'tiles' });
    const open = h('div', { class: 'scrolls', tabindex: '0', role: 'region', 'aria-label': t('open_orders'), 'data-testid': 'open-orders' });
    const rest = h('dl', { class: 'facts' });
    const audited = h('div', { class: 'audit', 'data-testid': 'audit', role: 'status' }, h('p', { class: 'quiet' }, t('loading')));
    const audit = async () => {
      const totals = await this.fanju.call('operator.totals', {}, { retry: false });
      fill(audited, auditOf(totals, this.fanju.now_us, number));
    };
    fill(this.#screen, h('div', { class: 'operator' },
      h('header', { class: 'top' }, h('img', { src: '/assets/icon.svg', alt: '', width: 32, height: 32 }),
        h('h1', { class: 'top-name' }, t('operator')), languageSwitch(),
        leaveButton(() => { sessionStorage.removeItem(TOKEN); this.fanju.close(); location.reload(); })),
      alarms, tiles, h('div', { class: 'plots' }, throughput.element, latency.element),
      h('section', { class: 'panel column', 'aria-label': t('open_orders') }, h('h2', null, t('open_orders')), open),
      h('section', { class: 'panel column', 'aria-label': t('audit') },
        h('div', { class: 'section-head' }, h('h2', null, t('audit')), button(t('look_again'), () => audit(), { class: 'button small', 'data-key': 'audit-again' })),
        h('p', { class: 'quiet' }, t('audit_why')), audited),
      h('details', { class: 'panel column' }, h('summary', null, t('all_numbers')), rest)));

    let asking = false;
    let said = '';
    const look = async () => {
      if (asking || this.fanju.state !== 'online') return;
      asking = true;
      try {
        this.#add(await this.fanju.call('operator.stats', {}, { retry: false }));
        const { stats, rate } = /** @type {Sample} */ (this.samples.at(-1));
        throughput.draw(this.samples);
        latency.draw(this.samples);
        const wrong = alarmsOf(stats);
        // Filled anew they would be read out anew, each second.
        if (wrong.join() !== said) fill(alarms, wrong.map((text) => h('p', { class: 'alarm' }, text)));
        said = wrong.join();
        fill(tiles, tilesOf(stats, rate, number));
        fill(open, ordersOf(await this.fanju.call('operator.orders', {}, { retry: false })));
        fill(rest, Object.entries(stats).flatMap(([name, value]) => [h('dt', null, name), h('dd', null, String(value))]));
      } catch (error) {
        if (!(error instanceof FanjuError) || error.code !== 'connection_lost') complain(error);
      } finally {
        asking = false;
      }
    };
    const again = () => {
      if (this.fanju.state !== 'online') return;
      // Figures that could not be read anew would look like true ones.
      audit().catch(() => fill(audited, h('p', { class: 'alarm' }, t('audit_failed'))));
    };
    clearInterval(this.#audits);
    this.#audits = setInterval(again, AUDIT_EVERY_MS);
    again();
    clearInterval(this.#timer);
    this.#timer = setInterval(look, EVERY_MS);
    look();
  }

  /** @param {any} stats */
  #add(stats) {
    const at = Date.now();
    const before = this.samples.at(-1);
    // A restarted server counts from zero: no rate across that.
    const same = before && before.stats.epoch === stats.epoch && stats.settled >= before.stats.settled;
    const per = (/** @type {string} */ count) => same ? Math.max(0, stats[count] - before.stats[count]) * 1000 / Math.max(1, at - before.at) : null;
    this.samples.push({ at, stats, rate: per('settled'), declined_rate: per('declined') });
    while (this.samples[0] && this.samples[0].at < at - SPAN_MS) this.samples.shift();
  }
}

/** @param {unknown} us @returns {number | null} */
function ms(us) {
  return typeof us === 'number' && us > 0 ? us / 1000 : null;
}

/** What somebody must look at now. @param {any} stats */
function alarmsOf(stats) {
  return [
    stats.poisoned && t('alarm_poisoned'),
    stats.books_error && t('alarm_books', { error: stats.books_error }),
    stats.books_lag_ms > LAG_MS_MAX && t('alarm_lag'),
  ].filter((text) => typeof text === 'string');
}

/** Orders between scan and end, those first that have waited longest. @param {import('./api.js').OrderList} list */
function ordersOf({ orders, count }) {
  if (!orders.length) return [h('p', { class: 'quiet' }, t('open_orders_none'))];
  const columns = ['open_shop', 'open_order_no', 'open_total', 'open_reserved', 'open_waits'];
  const rows = orders.map((order) => h('tr', null,
    h('th', { scope: 'row' }, order.shop ?? '–'), h('td', null, order.order_no), h('td', null, money(order.total, order.currency)),
    h('td', null, `${order.reserved}/${order.of}`), h('td', null, order.waiting_for)));
  return [
    h('table', { class: 'days', 'aria-label': t('open_orders') },
      h('thead', null, h('tr', null, columns.map((column) => h('th', { scope: 'col' }, t(column))))), h('tbody', null, rows)),
    count > orders.length && h('p', { class: 'quiet' }, t('open_orders_more', { count: count - orders.length })),
  ];
}

/** All money by currency, and whether it comes to zero. @param {any} read @param {number} now_us @param {Intl.NumberFormat} number */
function auditOf({ totals, balanced, projected, books_lag_ms }, now_us, number) {
  const columns = ['wallets', 'merchants', 'clearing'];
  return [
    balanced ? h('p', { class: 'sum good' }, t('audit_balanced')) : h('p', { class: 'alarm', role: 'alert' }, t('audit_wrong')),
    h('div', { class: 'sums' }, totals.map((/** @type {any} */ one) => h('div', null, h('h3', null, one.currency),
      h('table', { class: 'days', 'aria-label': one.currency, 'data-currency': one.currency },
        h('tbody', null, columns.map((column) => h('tr', null, h('th', { scope: 'row' }, t(`audit_${column}`)), h('td', null, money(one[column], one.currency))))))))),
    h('p', { class: 'quiet' }, t('audit_at', { when: when(now_us), position: number.format(projected), lag: span(books_lag_ms) })),
  ];
}

/** @param {any} stats @param {number | null} rate @param {Intl.NumberFormat} number */
function tilesOf(stats, rate, number) {
  const whole = (/** @type {unknown} */ value) => typeof value === 'number' ? number.format(value) : '–';
  const tile = (/** @type {string} */ word, /** @type {string} */ value, /** @type {string} */ note = '') =>
    h('div', { class: 'tile' }, h('span', { class: 'quiet' }, t(word)), h('strong', null, value), h('small', { class: 'quiet' }, note || ' '));
  return [
    tile('tile_settled', whole(stats.settled), rate === null ? '' : `${number.format(rate)}/s`),
    tile('tile_declined', whole(stats.declined)),
    tile('tile_in_flight', whole(stats.orders_in_flight)),
    tile('tile_sessions', whole(stats.sessions)),
    tile('tile_journal', whole(stats.durable), t('tile_syncs', { count: whole(stats.syncs), mean: span(stats.sync_us_mean / 1000) })),
    tile('tile_lag', span(stats.books_lag_ms), t('tile_lag_note', { count: whole(stats.books_lag_bytes / 1000) })),
    tile('tile_active', `${whole(stats.wallets_active)}`, t('tile_active_note', { groups: whole(stats.groups_active), merchants: whole(stats.merchants_active) })),
  ];
}

begin();
serveOffline();
new Operator().start();
