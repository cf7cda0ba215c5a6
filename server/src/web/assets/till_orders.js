// @ts-check
/** Looking back at the till: orders with their refunds, today's first and any by its number, the days, the balance, the payout. */

import { reasonText } from './receipt.js';
import { amountOf, button, complain, field, fill, formSheet, h, icon, select, sheet, toast, when } from './ui.js';
import { keepInput } from './typed.js';
import { language, t } from './words.js';

/** @typedef {import('./till.js').Till} Till */

const DAY_MS = 86_400_000;
const DAYS_SHOWN = 7;
const ORDERS_SHOWN = 100;
/** A busy shop sells faster than its report is worth asking for. */
const LOOK_AGAIN_MS = 1000;

/** @param {Till} till */
export function ordersView(till) {
  /** How many are shown, and whether those of earlier days are among them. */
  let shown = ORDERS_SHOWN;
  let all = false;
  const title = h('h2', null, t('orders_today'));
  const list = h('ul', { class: 'list' });
  const sought = field(t('order_find'), { class: 'input mono', maxlength: 64, spellcheck: 'false', 'data-testid': 'sought' });
  keepInput('sought', sought.input);
  const find = h('form', { class: 'find', novalidate: true }, sought.box,
    button(t('order_find_do'), () => lookUp(till, sought.input), { type: 'submit', 'data-key': 'find' }));
  find.addEventListener('submit', (event) => event.preventDefault());
  const more = button(t('older'), older, { class: 'button wide', 'data-key': 'older-orders' });
  const element = h('div', { class: 'orders' }, h('div', { class: 'section-head' }, title), find, list, more);

  async function older() {
    // First the rest of today, then what is here of earlier days, then what the server has.
    if (listed(till, all).length <= shown) {
      all = true;
      if (listed(till, all).length <= shown) await till.older();
    }
    shown += ORDERS_SHOWN;
    title.textContent = t(all ? 'till_orders' : 'orders_today');
    update();
  }

  function update() {
    const orders = listed(till, all);
    fill(list, orders.length ? orders.slice(0, shown).map((order) => h('li', null, row(till, order))) : h('li', { class: 'empty quiet' }, t('orders_none')));
    more.hidden = orders.length <= shown && !till.next && (all || orders.length === listed(till, true).length);
  }
  return { element, update };
}

/** Opens the order whose number is typed, of whatever day; says how it stands where it is not paid. @param {Till} till @param {HTMLInputElement} input */
async function lookUp(till, input) {
  const order_no = input.value.trim();
  if (!order_no) return input.focus();
  await openOrder(till, order_no);
}

/** @typedef {{ order_no: string, at: number, total: number, kind: 'settled' | 'declined', refunded: number, reason: any, position: number }} Listed */

/** Today's orders, or all that are here, newest first, each with what was given back of it. @param {Till} till @param {boolean} all @returns {Listed[]} */
function listed(till, all) {
  const begin = all ? 0 : new Date().setHours(0, 0, 0, 0);
  /** @type {Map<string, number>} */
  const refunded = new Map();
  /** @type {Listed[]} */
  const orders = [];
  for (const { position, event } of till.events) {
    const { data } = event;
    const at = Date.parse(event.time);
    if (data.type === 'refunded') refunded.set(data.order_no, (refunded.get(data.order_no) ?? 0) + data.amount);
    if ((data.type !== 'settled' && data.type !== 'declined') || at < begin) continue;
    orders.push({ order_no: data.order_no, at: at * 1000, total: data.total, kind: data.type, reason: data.type === 'declined' ? data.reason : undefined, position, refunded: 0 });
  }
  return orders.map((order) => ({ ...order, refunded: order.kind === 'settled' ? refunded.get(order.order_no) ?? 0 : 0 }));
}

/** @param {Till} till @param {Listed} order */
function row(till, order) {
  const { kind, refunded, total } = order;
  const state = kind === 'declined' ? reasonText(order.reason, (id) => till.names.of(id))
    : refunded === 0 ? t('bill_settled') : refunded < total ? t('refunded_part', { amount: till.money(refunded) }) : t('refunded_whole');
  const inside = [
    h('span', { class: `dot ${kind} ${refunded ? 'refunded' : ''}`, 'aria-hidden': 'true' }),
    h('span', { class: 'row-main' }, h('strong', { class: 'mono' }, order.order_no), h('span', { class: 'quiet' }, `${when(order.at)} · ${state}`)),
    h('span', { class: `amount ${kind === 'declined' ? 'void' : ''}` }, till.money(total)),
  ];
  if (kind === 'declined') return h('div', { class: 'row still' }, inside);
  return h('button', { type: 'button', class: 'row', 'data-key': order.position, onclick: () => openOrder(till, order.order_no).catch(complain) }, inside);
}

/** @param {Till} till @param {string} order_no */
async function openOrder(till, order_no) {
  const order = await till.fanju.call('orders.get', { merchant: till.id, order_no });
  if (order.state !== 'settled') {
    return toast(order.state === 'in_flight' ? t('order_in_flight') : `${t('bill_declined')}: ${reasonText(order.reason, (id) => till.names.of(id))}`);
  }
  const { settlement, remaining, refunds } = order;
  await till.names.need(settlement.shares.map((/** @type {any} */ share) => share.diner), 'wallets').catch(() => {});
  const left = remaining.reduce((/** @type {number} */ sum, /** @type {number} */ one) => sum + one, 0);
  const leftOf = (/** @type {number} */ share) => settlement.legs.reduce((/** @type {number} */ sum, /** @type {any} */ leg, /** @type {number} */ index) =>
    sum + (leg.share === share ? remaining[index] ?? 0 : 0), 0);
  const opened = sheet({
    title: order_no, body: [
      h('p', { class: 'huge' }, till.money(settlement.total)),
      h('ul', { class: 'list slip' }, settlement.shares.map((/** @type {any} */ share, /** @type {number} */ index) => h('li', { class: 'row still' },
        h('span', { class: 'row-main' }, h('span', null, till.names.of(share.diner)),
          leftOf(index) < share.owed && h('span', { class: 'quiet' }, t('refunded_part', { amount: till.money(share.owed - leftOf(index)) }))),
        h('span', { class: 'amount' }, till.money(share.owed)))),
      refunds.map((/** @type {any} */ refund) => h('li', { class: 'row still' },
        h('span', { class: 'row-main quiet' }, t('refund_no_is', { refund_no: refund.refund_no })), h('span', { class: 'amount' }, till.money(-refund.amount))))),
      left > 0 ? button([icon('refund'), t('refund')], () => { opened.close(); refund(till, order, left, leftOf); }, { class: 'button wide' })
        : h('p', { class: 'quiet center' }, t('refunded_whole'))],
  });
}

/** @param {Till} till @param {any} order @param {number} left @param {(share: number) => number} leftOf */
function refund(till, order, left, leftOf) {
  const { settlement } = order;
  const hint = h('p', { class: 'quiet', role: 'status' });
  const amount = field(t('amount'), { inputmode: 'decimal', placeholder: t('refund_all') }, t('refund_amount_hint'));
  /** @type {[string, string][]} */
  const diners = settlement.shares.map((/** @type {any} */ share) => [share.diner, till.names.of(share.diner)]);
  const show = (/** @type {string} */ diner) => {
    const index = settlement.shares.findIndex((/** @type {any} */ share) => share.diner === diner);
    hint.textContent = t('refund_left', { amount: till.money(index < 0 ? left : leftOf(index)) });
  };
  const diner = select(t('refund_whom'), [['', t('refund_everybody')], ...diners], '', show);
  show('');
  formSheet({
    title: t('refund'), body: [diner.box, amount.box, hint], action: t('refund_do'), primary: 'danger',
    async submit(attempt) {
      const asked = amount.input.value.trim() ? amountOf(amount.input, till.currency) : undefined;
      const back = {
        merchant: till.id, order_no: settlement.order_no,
        ...(asked === undefined ? {} : { amount: asked }), ...(diner.input.value ? { diner: diner.input.value } : {}),
      };
      // A refund has a number instead of a key.
      const made = await attempt.once(['orders.refund', back], ({ key, signal }) =>
        till.pay('orders.refund', { ...back, refund_no: `R${key.slice(0, 8)}` }, { signal }));
      return t('toast_refund', { amount: till.money(/** @type {Extract<import('./api.js').Event, { type: 'refunded' }>} */ (made.event).amount) });
    },
  });
}

/** @param {Till} till */
export function daysView(till) {
  const balance = h('div', { class: 'panel column' });
  const table = h('div');
  const element = h('div', null, balance, h('div', { class: 'section-head' }, h('h2', null, t('days'))), table);
  /** Of what the table tells. */
  let known = '';
  let planned = false;
  let lookedAt = -LOOK_AGAIN_MS;

  async function load() {
    const now = today();
    const first = new Date(Date.parse(now) - (DAYS_SHOWN - 1) * DAY_MS).toISOString().slice(0, 10);
    const { days } = await till.fanju.call('merchants.days', { merchant: till.id, time_zone: timeZone(), from: first, to: now });
    fill(table, days.length ? report(till, days.reverse()) : h('p', { class: 'quiet empty' }, t('days_none')));
  }

  /** Looks at once after a while of quiet, and while much is sold every now and then. */
  function plan() {
    if (planned || newest() === known || till.fanju.state !== 'online') return;
    planned = true;
    setTimeout(look, Math.max(0, lookedAt + LOOK_AGAIN_MS - performance.now()));
  }

  async function look() {
    [known, lookedAt] = [newest(), performance.now()];
    await load().catch(complain);
    planned = false;
    plan();
  }

  /** What the table should tell: the newest event and the day. */
  function newest() {
    return `${till.events[0]?.position ?? 0} ${today()}`;
  }

  function update() {
    const { posted, available } = till.merchant;
    fill(balance, h('span', { class: 'quiet' }, t('balance')), h('strong', { class: 'balance' }, till.money(available)),
      posted > available && h('span', { class: 'quiet' }, t('set_aside', { amount: till.money(posted - available) })),
      button([icon('up'), t('pay_out')], () => payOut(till), { class: 'button small', 'data-key': 'payout', disabled: available <= 0 }));
    plan();
  }
  return { element, update };
}

/** Where this till stands, and the shop with it. */
function timeZone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** The day here, as 2026-03-08. */
function today() {
  const now = new Date();
  return [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, '0')).join('-');
}

/** @param {Till} till @param {any[]} days newest first */
function report(till, days) {
  // A date without a time is read as UTC's.
  const format = new Intl.DateTimeFormat(language(), { weekday: 'short', month: 'short', day: 'numeric', timeZone: 'UTC' });
  const cell = (/** @type {string} */ amount, /** @type {number} */ count) => h('td', null, amount, h('small', { class: 'quiet' }, ` ×${count}`));
  return h('table', { class: 'days' },
    h('caption', { class: 'unseen' }, t('days')),
    h('thead', null, h('tr', null, ['day', 'settled', 'refunded', 'declined'].map((column) => h('th', { scope: 'col' }, t(`column_${column}`))))),
    h('tbody', null, days.map((day) => h('tr', { 'data-date': day.date }, h('th', { scope: 'row' }, format.format(Date.parse(day.date))),
      cell(till.money(day.settled), day.settled_count), cell(till.money(day.refunded), day.refunded_count), h('td', null, day.declined_count)))));
}

/** @param {Till} till */
function payOut(till) {
  const amount = field(t('amount'), { inputmode: 'decimal', class: 'input big', placeholder: till.money(till.merchant.available) },
    t('withdraw_hint', { amount: till.money(till.merchant.available) }));
  formSheet({
    title: t('pay_out'), body: [amount.box], action: t('pay_out'),
    async submit(attempt) {
      const minor = amountOf(amount.input, till.currency);
      await attempt.pay(till, 'merchants.pay_out', { merchant: till.id, amount: minor });
      return t('toast_paid_out', { amount: till.money(minor) });
    },
  });
}
