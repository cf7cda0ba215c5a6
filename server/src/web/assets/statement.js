// @ts-check
/** The wallet's statement: what came, what went, newest first. */

import { lookBack, PAGE } from './look_back.js';
import { go } from './route.js';
import { orderReceipt } from './receipt.js';
import { button, complain, fill, h, icon, when } from './ui.js';
import { t } from './words.js';

/** Lines that are shown at once. Where what happened moved nothing, more is looked through, and so many pages of it. */
const LINES = 40;
const PAGES_MAX = 20;

/** @typedef {{ position: number, delta?: number | null, event: import('./api.js').CloudEvent }} Row */

/** @param {import('./phone.js').Phone} phone @returns {import('./phone.js').View} */
export function statement(phone) {
  /** @type {Row[]} */
  let rows = [];
  /** @type {number | null} */
  let next = null;
  let loaded = false;
  let asked = false;
  const list = h('ul', { class: 'list' });
  const more = button(t('older'), () => load(), { class: 'button wide', hidden: true });
  const element = h('div', { class: 'page' }, bar(t('statement'), () => go({})), list, more);

  async function load() {
    // Anybody may invite as often as they like, and what they did is no line of a statement.
    const { wallet } = phone;
    let limit = LINES;
    const found = await lookBack(async (from) => {
      const page = await phone.fanju.call('wallets.statement', { wallet, limit, from });
      limit = PAGE;
      return page;
    },
      { wanted: isLine, enough: (lines) => lines.length > 0, pages: PAGES_MAX, from: next });
    rows = rows.concat(found.found);
    ({ next } = found);
    loaded = true;
    more.hidden = !next;
    draw();
  }

  function draw() {
    fill(list, !loaded ? h('li', { class: 'quiet empty' }, t('loading'))
      : rows.length ? rows.map((row) => h('li', null, line(phone, row)))
        : h('li', { class: 'quiet empty' }, t(next ? 'statement_further' : 'statement_empty')));
  }

  return { element, title: t('statement'), update() {
    if (phone.account && !asked) {
      asked = true;
      load().catch(complain);
    }
    draw();
  } };
}

/** @param {Row} row */
function isLine({ delta, event }) {
  return Boolean(delta) || /^(rail_refused|transferred)$/.test(event.data.type);
}

/** A bar with a way back. @param {string} title @param {() => void} back @param {...(Node | null)} more */
export function bar(title, back, ...more) {
  return h('header', { class: 'top' },
    h('button', { type: 'button', class: 'icon-button', 'aria-label': t('back'), 'data-key': 'back', onclick: back }, icon('back')),
    h('h1', { class: 'top-name' }, title), more);
}

/** @param {import('./phone.js').Phone} phone @param {Row} row */
function line(phone, { delta: moved, event, position }) {
  const { data } = event;
  const delta = moved ?? 0;
  const at = Date.parse(event.time) * 1000;
  const merchant = 'merchant' in data ? phone.names.of(data.merchant, 'merchants') : '';
  const other = data.type === 'transferred' ? phone.names.of(data.from === phone.wallet ? data.to : data.from) : '';
  const title = merchant || other || t(data.type === 'rail_refused' ? 'line_rail_refused' : delta > 0 ? 'line_top_up' : 'line_withdrawal');
  const kind = data.type === 'transferred' ? (data.note || t(delta > 0 ? 'line_received' : 'line_sent'))
    : t(`line_${data.type}`) === `line_${data.type}` ? '' : t(`line_${data.type}`);
  const inside = [
    h('span', { class: 'row-mark', 'aria-hidden': 'true' }, title.slice(0, 1)),
    h('span', { class: 'row-main' }, h('strong', null, title), h('span', { class: 'quiet' }, [kind, when(at)].filter(Boolean).join(' · '))),
    h('span', { class: `amount ${delta > 0 ? 'plus' : ''}` }, phone.money(delta, { sign: true })),
  ];
  if (data.type !== 'settled' && data.type !== 'refunded') return h('div', { class: 'row still' }, inside);
  return h('button', { type: 'button', class: 'row', 'data-key': position, onclick: () => orderReceipt(phone, data, at) }, inside);
}
