// @ts-check
/** The wallet's statement: what came, what went, newest first. */

import { go } from './route.js';
import { orderReceipt } from './receipt.js';
import { button, complain, fill, h, icon, when } from './ui.js';
import { t } from './words.js';

/** @typedef {{ position: number, delta?: number | null, event: import('./api.js').CloudEvent }} Row */

/** @param {import('./phone.js').Phone} phone @returns {import('./phone.js').View} */
export function statement(phone) {
  /** @type {Row[]} */
  let rows = [];
  /** @type {number | null | undefined} */
  let next;
  let loaded = false;
  let asked = false;
  const list = h('ul', { class: 'list' });
  const more = button(t('older'), () => load(), { class: 'button wide', hidden: true });
  const element = h('div', { class: 'page' }, bar(t('statement'), () => go({})), list, more);

  async function load() {
    const page = await phone.fanju.call('wallets.statement', { wallet: phone.wallet, limit: 40, ...(next ? { from: next } : {}) });
    rows = rows.concat(page.events);
    next = page.next;
    loaded = true;
    more.hidden = !next;
    draw();
  }

  function draw() {
    const shown = rows.filter(({ delta, event }) => delta || /rail_refused|transferred/.test(event.data.type));
    fill(list, !loaded ? h('li', { class: 'quiet empty' }, t('loading'))
      : shown.length ? shown.map((row) => h('li', null, line(phone, row)))
        : h('li', { class: 'quiet empty' }, t('statement_empty')));
  }

  return { element, title: t('statement'), update() {
    if (phone.account && !asked) {
      asked = true;
      load().catch(complain);
    }
    draw();
  } };
}

/** A bar with a way back. @param {string} title @param {() => void} back @param {...(Node | null)} more */
export function bar(title, back, ...more) {
  return h('header', { class: 'top' },
    h('button', { type: 'button', class: 'icon-button', 'aria-label': t('back'), onclick: back }, icon('back')),
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
