// @ts-check
/** Collecting: an amount, a scan, and one answer that cannot be missed. */

import { EXTRAS, extraOf, parseBill, wrongRows } from './bill.js';
import { camera } from './camera.js';
import { digitsOf, isCode, wrongCode } from './code.js';
import { FanjuError } from './fanju.js';
import { decimals, parseMoney, readMoney, exponent } from './money.js';
import { reasonText } from './receipt.js';
import { blamed } from './ring.js';
import { button, complain, explain, field, fill, forgetRefused, formSheet, h, icon, known, toast, when } from './ui.js';
import { keep, keepInput } from './typed.js';
import { language, span, t } from './words.js';

/** @typedef {import('./till.js').Till} Till */
/** @typedef {{ kind: 'idle' } | { kind: 'drafting' } | { kind: 'asking', total: number, at: number, since: number | null, newest: number, order_no: string, lost?: boolean } | { kind: 'drafted' | 'settled' | 'earlier' | 'declined' | 'failed' | 'unknown', total: number, order_no: string, text: string, note: string, at?: number | null }} Result */

const LOOK_AGAIN_MS = 1000;

/** What a result offers to do next. @type {Record<string, string>} */
const followers = { settled: 'next_order', drafted: 'till_collect', earlier: 'order_no_fresh' };

/** A number that no other till of the day has. */
function freshOrderNo() {
  const day = new Date().toISOString().slice(2, 10).replaceAll('-', '');
  const made = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  return `${day}-${(made % 36 ** 5).toString(36).toUpperCase().padStart(5, '0')}`;
}

/** Where this tab keeps the order that the table is asked about: the page may be loaded anew meanwhile. */
const IN_FLIGHT = 'fanju.order in flight of ';

/** Whoever leaves the shop leaves no order to the next one. */
export function forgetOrders() {
  for (const name of Object.keys(sessionStorage)) if (name.startsWith(IN_FLIGHT)) sessionStorage.removeItem(name);
}

/** @param {Till} till */
export function collect(till) {
  /** @type {import('./bill.js').Line[]} */
  let lines = [];
  /** What the total has beside them. @type {{ kind: string, amount: number }[]} */
  let beside = [];
  /** @type {Result} */
  let result = { kind: 'idle' };
  /** The order number that this till made up itself, and the bill that was presented under it. */
  let made = freshOrderNo();
  let presented = '';
  const in_flight = IN_FLIGHT + till.id;

  const amount = h('input', { class: 'till-amount', inputmode: 'decimal', 'aria-label': t('amount'), placeholder: decimals(0, till.currency), autocomplete: 'off' });
  const order = field(t('order_no'), { value: made, class: 'input mono', maxlength: 64, spellcheck: 'false' });
  const code = h('input', { class: 'input mono till-code', inputmode: 'numeric', 'aria-label': t('table_code'), placeholder: t('scan_here'), autocomplete: 'off', maxlength: 24 });
  const bill = h('div', { class: 'bill-lines' });
  const panel = h('div', { class: 'result', 'data-testid': 'result' });
  const said = h('div', { class: 'unseen', role: 'status', 'aria-live': 'assertive' });
  keepInput(`amount of ${till.id}`, amount);
  keepInput(`order_no of ${till.id}`, order.input);
  keepInput(`code of ${till.id}`, code);
  const seen = camera((digits) => scan(digits), () => code.focus());
  const typed = () => { if (code.value) scan(code.value); else { toast(t('code_first'), 'bad'); code.focus(); } };
  const scanning = h('div', { class: 'scan-row' }, code, h('div', { class: 'scan-acts' },
    // Not every keyboard on a screen has a key that ends what is typed.
    till.inside ? button([icon('code'), t('scan_table')], () => parent.postMessage({ fanju: 'want_code' }, location.origin), { class: 'button pay', 'data-testid': 'scan' })
      : h('button', { type: 'button', class: 'button primary', 'data-key': 'collect-typed', onclick: typed }, t('till_collect')),
    seen.button));

  const element = h('div', { class: 'collect' },
    h('div', { class: 'collect-entry' },
      h('div', { class: 'amount-line' }, h('span', { class: 'amount-sign', 'aria-hidden': 'true' }, sign(till.currency)), amount),
      scanning, seen.view, bill, keypad(), order.box),
    panel, said);

  function keypad() {
    const places = exponent(till.currency);
    const press = (/** @type {string} */ key) => {
      // A digit behind the total of dishes would be ten times that.
      const minor = dropDishes() ? 0 : parseMoney(amount.value || '0', till.currency) ?? 0;
      const next = key === '⌫' ? Math.floor(minor / 10) : minor * (key === '00' ? 100 : 10) + (key === '00' ? 0 : Number(key));
      if (next <= 1e11) amount.value = next ? decimals(next, till.currency) : '';
      if (result.kind !== 'asking') set({ kind: 'idle' });
    };
    return h('div', { class: 'keypad', role: 'group', 'aria-label': t('keypad'), 'data-places': places },
      ['1', '2', '3', '4', '5', '6', '7', '8', '9', '00', '0', '⌫'].map((key) =>
        h('button', { type: 'button', class: 'key', 'aria-label': key === '⌫' ? t('delete_digit') : key, onclick: () => press(key) }, key)),
      h('button', { type: 'button', class: 'key wide-key', onclick: importBill }, icon('list'), t('import_bill')));
  }

  /** An amount that is entered is no bill of dishes any more; says so. */
  function dropDishes() {
    if (!lines.length) return false;
    setLines([]);
    toast(t('dishes_dropped'));
    return true;
  }

  function importBill() {
    const text = h('textarea', { class: 'input mono', rows: 7, 'aria-label': t('import_bill'), placeholder: '牛肉面,32.00\n{"name":"Tea","amount":"8.00"}' });
    const file = h('input', { type: 'file', accept: '.csv,.txt,.jsonl,.json,text/*', class: 'input', 'aria-label': t('import_file') });
    file.addEventListener('change', async () => {
      text.value = (await file.files?.[0]?.text()) ?? '';
      text.dispatchEvent(new Event('input', { bubbles: true }));
    });
    const extras = EXTRAS.map((kind) => ({ kind, ...field(t(`bill_${kind}`), { inputmode: 'decimal', 'data-testid': `bill-${kind}`, placeholder: '0' }) }));
    const sum = h('p', { class: 'sum', role: 'status', 'data-testid': 'bill-total' });

    /** What was typed, as a bill; throws what is wrong with it. */
    function summed() {
      const { lines: read, wrong } = parseBill(text.value, till.currency);
      if (wrong.length) throw known(wrongRows(wrong), 'import');
      const dishes = read.reduce((so_far, line) => so_far + line.amount, 0);
      const beside = extras.filter(({ input }) => input.value.trim()).map(({ kind, input }) => {
        const extra = extraOf(input.value, dishes, till.currency);
        if (extra.wrong !== undefined) throw known(`${t(`bill_${kind}`)}: ${t(extra.wrong, extra.values)}`, 'import');
        return { kind, amount: kind === 'discount' ? -extra.minor : extra.minor };
      });
      const total = beside.reduce((so_far, extra) => so_far + extra.amount, dishes);
      if (!read.length || total <= 0) throw known(t('import_empty'), 'import');
      return { read, beside, total };
    }

    const { dialog } = formSheet({
      title: t('import_bill'), action: t('import_take'),
      body: [h('p', { class: 'quiet' }, t('import_hint')), text, file,
        h('fieldset', { class: 'extras' }, h('legend', null, t('bill_extras')), extras.map(({ box }) => box)), sum],
      submit() {
        const { read, beside, total } = summed();
        setLines(read, beside);
        amount.value = decimals(total, till.currency);
      },
    });
    dialog.addEventListener('input', () => {
      // What is not clear yet has no total yet; what is wrong with it is said when it is taken over.
      try { sum.textContent = t('bill_total', { amount: till.money(summed().total) }); } catch { sum.textContent = ''; }
    });
  }

  /** @param {import('./bill.js').Line[]} next @param {{ kind: string, amount: number }[]} [extras] */
  function setLines(next, extras = []) {
    [lines, beside] = [next, extras];
    fill(bill, lines.length > 0 && [h('ul', { class: 'list slip' }, [...lines, ...beside.map(({ kind, amount }) => ({ name: t(`bill_${kind}`), amount }))].map((line, number) =>
      h('li', { class: number < lines.length ? 'row still' : 'row still quiet' }, h('span', { class: 'row-main' }, line.name), h('span', { class: 'amount' }, till.money(line.amount))))),
    h('div', { class: 'bill-acts' },
      h('button', { type: 'button', class: 'button small', 'data-key': 'draft', onclick: () => { if (result.kind !== 'asking') { set({ kind: 'drafting' }); code.focus(); } } },
        icon('send'), t('till_draft')),
      h('button', { type: 'button', class: 'button small', onclick: () => { setLines([]); amount.value = ''; if (result.kind === 'drafting') set({ kind: 'idle' }); } }, t('clear')))]);
  }

  /** @param {string} text */
  async function scan(text) {
    const digits = digitsOf(text);
    code.value = '';
    if (result.kind === 'asking') return;
    forgetRefused();
    // A scanner reads again what stays in its view: only a word from the till collects what lies on the table.
    if (result.kind === 'drafted') return toast(t('till_collect_first'), 'bad');
    const wrong = wrongCode(digits);
    if (wrong) {
      code.value = text;
      code.focus();
      code.select();
      return toast(t(wrong, { count: digits.length }), 'bad');
    }
    const read = readMoney(amount.value, till.currency);
    const total = read.minor ?? 0;
    if (total <= 0) {
      code.value = text;
      amount.focus();
      return toast(read.wrong && read.wrong !== 'amount_needed' ? t(read.wrong, read.values) : t('amount_first'), 'bad');
    }
    // A declined bill keeps its number, and is presented under it again; another bill takes another one.
    const bill_now = JSON.stringify([total, lines]);
    const typed = order.input.value.trim();
    if (!typed || (typed === made && presented && presented !== bill_now)) next();
    const order_no = order.input.value.trim();
    presented = order_no === made ? bill_now : '';
    if (result.kind === 'drafting' && lines.length) return draft(digits, total, order_no);
    set({ kind: 'asking', total, at: till.fanju.now_us, since: performance.now(), newest: till.events[0]?.position ?? 0, order_no });
    const params = { merchant: till.id, code: digits, order_no, total, ...(lines.length ? { lines } : {}) };
    try {
      await ended(await till.fanju.call('orders.scan', params, { retry: false }), total, order_no);
    } catch (error) {
      await unanswered(error, total, order_no);
    }
  }

  /** Lays the bill on the table, so that diners claim its dishes; the code stays good for the scan that collects. @param {string} digits @param {number} total @param {string} order_no */
  async function draft(digits, total, order_no) {
    try {
      await till.fanju.call('orders.draft', { merchant: till.id, code: digits, order_no, total, lines }, { retry: false });
      // Whoever has given up meanwhile is not asked to collect.
      if (result.kind === 'drafting') set({ kind: 'drafted', total, order_no, text: till.money(total), note: t('till_drafted_note') });
    } catch (error) {
      complain(error);
    }
  }

  /** @param {unknown} error @param {number} total @param {string} order_no */
  async function unanswered(error, total, order_no) {
    // Whoever left the shop asks no more, and keeps nothing.
    if (till.fanju.reason === 'closed') return;
    const lost = ['connection_lost', 'unanswered', 'poisoned', 'idempotency_key_in_use'];
    if (!(error instanceof FanjuError) || !lost.includes(error.code)) {
      if (!(error instanceof FanjuError)) console.error(error);
      set({ kind: 'failed', total, order_no, text: explain(error), note: t('scan_again') });
      return;
    }
    if (result.kind === 'asking') set({ ...result, lost: true });
    await lookUp(total, order_no);
  }

  /** The reply is lost, the order is not: what happened is asked until it is known. @param {number} total @param {string} order_no */
  async function lookUp(total, order_no) {
    for (let unknown = 0; unknown < 3;) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
      try {
        const found = await till.fanju.call('orders.get', { merchant: till.id, order_no });
        if (found.state !== 'in_flight') return await ended(found, total, order_no);
        unknown = 0;
      } catch (missing) {
        if (!(missing instanceof FanjuError) || missing.code !== 'unknown_order') { complain(missing); break; }
        unknown += 1;
      }
    }
    set({ kind: 'unknown', total, order_no, text: t('order_unknown'), note: t('scan_again'), at: result.kind === 'asking' ? result.at : null });
  }

  /** @param {any} order @param {number} total @param {string} order_no */
  async function ended(order, total, order_no) {
    // Asked for after a cut, an order says no more than its place: one that the till knew before the scan is not the scan's.
    const earlier = order.replayed ?? (result.kind === 'asking' && order.position <= result.newest);
    if (order.state === 'settled' && earlier) return paidBefore(order, total, order_no);
    const at = await endedAt(order);
    const since = result.kind === 'asking' ? result.since : null;
    if (order.state === 'settled') {
      const settlement = order.settlement ?? {};
      set({ kind: 'settled', total, order_no, at, text: till.money(total),
        note: [t('paid_by', { count: settlement.shares?.length ?? 0 }),
          // In the demo that is how long somebody watched a phone, and a page that came later has not measured it.
          ...(till.inside || since === null ? [] : [t('paid_after', { took: span(performance.now() - since) })])].join(' · ') });
      return cleared();
    }
    const who = blamed(order.reason);
    if (who) await till.names.need([who], 'wallets').catch(() => {});
    set({ kind: 'declined', total, order_no, at, text: reasonText(order.reason, (id) => till.names.of(id)), note: t('nothing_taken') });
  }

  /** When an order ended; an order that was asked for says only where its event is. @param {any} order @returns {Promise<number | null>} */
  async function endedAt(order) {
    if (order.at) return order.at;
    const found = await till.fanju.call('merchants.events', { merchant: till.id, from: order.position, limit: 1 }).catch(() => null);
    const event = found?.events.find((/** @type {any} */ { position }) => position === order.position)?.event;
    return event ? Date.parse(event.time) * 1000 : null;
  }

  /** The number had been paid, maybe by another table: this scan charged nobody, and what was entered stays. @param {any} order @param {number} total @param {string} order_no */
  async function paidBefore(order, total, order_no) {
    const diners = (order.settlement?.shares ?? []).map((/** @type {any} */ share) => share.diner);
    await till.names.need(diners, 'wallets').catch(() => {});
    const at = await endedAt(order);
    const who = new Intl.ListFormat(language()).format(diners.map((/** @type {string} */ id) => till.names.of(id)));
    set({ kind: 'earlier', total, order_no, text: at === null ? t('paid_before_by', { who }) : t('paid_before_at', { when: when(at), who }), note: t('paid_before_note') });
  }

  /** What comes after a result: the next amount, or the scan that collects what lies on the table. */
  function followed() {
    const { kind } = result;
    set({ kind: 'idle' });
    if (kind === 'earlier') next();
    if (kind === 'drafted' || kind === 'earlier') return code.focus();
    amount.focus();
    amount.select();
  }

  function cleared() {
    amount.value = '';
    setLines([]);
    next();
  }

  function next() {
    made = freshOrderNo();
    presented = '';
    order.input.value = made;
  }

  /** @param {Result} to */
  function set(to) {
    const ends = result.kind === 'asking' && to.kind !== 'asking';
    result = to;
    update();
    sessionStorage.removeItem(in_flight);
    if (result.kind === 'asking') {
      sessionStorage.setItem(in_flight, JSON.stringify({ asking: { ...result, since: null, lost: false }, entry: entry() }));
      said.textContent = t('asking');
      if (till.inside) parent.postMessage({ fanju: 'asking' }, location.origin);
    }
    else if (result.kind === 'drafting') said.textContent = t('till_draft_hint');
    else if (result.kind !== 'idle') {
      said.textContent = `${t(`result_${result.kind}`)}. ${result.text}. ${result.note}`;
      code.focus();
    }
    if (ends && till.inside) parent.postMessage({ fanju: 'ended', state: result.kind }, location.origin);
  }

  function update() {
    panel.className = `result ${result.kind}`;
    element.classList.toggle('answering', !['idle', 'drafting', 'drafted'].includes(result.kind));
    if (result.kind === 'idle') {
      fill(panel, h('p', { class: 'result-hint' }, icon('code'), t('till_hint')));
    } else if (result.kind === 'drafting') {
      fill(panel, h('p', { class: 'result-hint' }, icon('send'), t('till_draft_hint')),
        h('button', { type: 'button', class: 'button small', 'data-key': 'undraft', onclick: () => set({ kind: 'idle' }) }, t('cancel_order')));
    } else if (result.kind === 'asking') {
      const { order_no } = result;
      fill(panel, h('div', { class: 'spinner', 'aria-hidden': 'true' }), h('p', { class: 'result-word' }, t(result.lost ? 'asking_lost' : 'asking')),
        h('p', { class: 'result-amount' }, till.money(result.total)), h('p', { class: 'result-note' }, t('asking_note')),
        h('p', { class: 'result-note' }, t('order_no_is', { order_no })),
        !result.lost && button(t('cancel_order'), () => till.fanju.call('orders.cancel', { merchant: till.id, order_no }), { class: 'button small', 'data-key': 'cancel' }));
    } else {
      fill(panel, h('div', { class: 'result-mark', 'aria-hidden': 'true' }, icon(result.kind === 'settled' ? 'check' : result.kind === 'drafted' ? 'list' : result.kind === 'declined' ? 'close' : 'alert')),
        h('p', { class: 'result-word' }, t(`result_${result.kind}`)),
        h('p', { class: result.kind === 'settled' || result.kind === 'drafted' ? 'result-amount' : 'result-text' }, result.text),
        h('p', { class: 'result-note' }, result.note),
        h('p', { class: 'result-note' }, [t('order_no_is', { order_no: result.order_no }), result.at && when(result.at)].filter(Boolean).join(' · ')),
        h('button', { type: 'button', class: 'button small', 'data-key': 'next', onclick: followed },
          t(followers[result.kind] ?? 'understood')));
    }
  }

  // What stands there is typed over, as a scanner does, or mended.
  code.addEventListener('focus', () => code.select());
  code.addEventListener('input', () => { if (digitsOf(code.value).length >= 18) scan(code.value); });
  code.addEventListener('keydown', (event) => { if (event.key === 'Enter' && code.value) scan(code.value); });
  amount.addEventListener('input', () => {
    // A code that was scanned into the amount is no amount: it has more digits than any.
    const [, before = '', scanned = ''] = /^(.*)(\d{18})$/.exec(amount.value) ?? [];
    if (isCode(scanned)) {
      amount.value = before;
      scan(scanned);
      return;
    }
    dropDishes();
    if (result.kind !== 'asking' && result.kind !== 'idle') set({ kind: 'idle' });
  });
  amount.addEventListener('keydown', (event) => { if (event.key === 'Enter') code.focus(); });
  // A hand scanner types: wherever nothing else is being typed, its digits go to the code.
  addEventListener('keydown', (event) => {
    const typing = event.target instanceof Element && event.target.matches('input, select, textarea');
    if (!typing && !document.querySelector('dialog[open]') && /^\d$/.test(event.key) && !event.ctrlKey && !event.metaKey) code.focus();
  });
  // Where something else is being typed, it does so too: a code at the end of a number is no part of that.
  addEventListener('input', ({ target }) => {
    if (!(target instanceof HTMLInputElement) || target === code || target === amount || target.closest('dialog')) return;
    const [, before = '', scanned = ''] = /^(.*)(\d{18})$/.exec(target.value) ?? [];
    if (!isCode(scanned)) return;
    target.value = before;
    scan(scanned);
  });
  const entry = () => ({ lines, beside, made, presented });
  const flying = JSON.parse(sessionStorage.getItem(in_flight) ?? 'null');
  const kept = keep(`bill of ${till.id}`, entry) ?? flying?.entry;
  if (kept) {
    ({ made, presented } = kept);
    setLines(kept.lines, kept.beside);
  }
  if (flying) {
    const { total, order_no } = flying.asking;
    amount.value = decimals(total, till.currency);
    order.input.value = order_no;
    set(flying.asking);
    lookUp(total, order_no);
  }
  addEventListener('message', ({ origin, data }) => {
    if (origin !== location.origin || !till.inside || !data?.fanju) return;
    if (data.fanju === 'total' && result.kind !== 'asking' && !parseMoney(amount.value, till.currency)) amount.value = decimals(data.total, till.currency);
    if (data.fanju === 'scan') scan(data.code);
    if (data.fanju === 'no_code') toast(t('no_code_shown'), 'bad');
  });
  return { element, update };
}

/** @param {string} currency */
function sign(currency) {
  const parts = new Intl.NumberFormat(document.documentElement.lang, { style: 'currency', currency, currencyDisplay: 'narrowSymbol' }).formatToParts(0);
  return parts.find(({ type }) => type === 'currency')?.value ?? currency;
}
