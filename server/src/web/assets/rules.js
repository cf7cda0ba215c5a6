// @ts-check
/** How a table pays: who owes what, what happens when somebody is short, who gets the odd cents. */

import { decimals, parseMoney, readMoney } from './money.js';
import { fill, formSheet, h, select, sheet } from './ui.js';
import { t } from './words.js';

/** @typedef {import('./phone.js').Phone} Phone */

const MODES = ['equal', 'itemised', 'weights', 'percent', 'exact', 'treat'];

/** The rules in one line. @param {Phone} phone @param {any} view */
export function describeRules(phone, view) {
  const { split, shortfall } = view.rules;
  const who = split.mode === 'treat' ? phone.names.of(split.payer) : '';
  return t('rules_line', { split: t(`split_${split.mode}_line`, { who }), shortfall: t(`shortfall_${shortfall}_line`) });
}

/** @param {Phone} phone @param {import('./tables.js').Table} table @param {string | null} [mode] what to begin with */
export function rulesSheet(phone, table, mode = null) {
  const { view } = table;
  const rules = view.rules;
  const host = view.host === phone.wallet && view.status !== 'closed';
  if (!host) {
    const parts = partsOf(phone, view);
    sheet({ title: t('rules'), body: [h('p', null, describeRules(phone, view)), parts.length > 0 && h('ul', { class: 'list' }, parts),
      h('p', { class: 'quiet' }, t(`rounding_${rules.rounding}_line`)), h('p', { class: 'quiet' }, t('rules_host_only'))] });
    return;
  }
  const editor = h('div', { class: 'stack' });
  /** @type {() => any} */
  let read = () => ({ mode: 'equal' });
  const draw = (/** @type {string} */ chosen) => {
    const made = parts(phone, view, chosen);
    read = made.read;
    fill(editor, made.boxes);
  };
  const first = mode ?? (MODES.includes(rules.split.mode) ? rules.split.mode : 'equal');
  const split = select(t('split'), MODES.map((one) => [one, t(`split_${one}`)]), first, draw);
  const short = select(t('shortfall'), ['decline', 'reshare', 'host_covers'].map((rule) => [rule, t(`shortfall_${rule}`)]), rules.shortfall);
  const rounding = select(t('rounding'), ['fair_cent', 'largest_remainder'].map((rule) => [rule, t(`rounding_${rule}`)]), rules.rounding);
  draw(first);
  formSheet({
    title: t('rules'), body: [split.box, editor, short.box, rounding.box], action: t('save'),
    async submit(attempt) {
      const next = /** @type {import('./api.js').Rules} */ ({ split: read(), shortfall: short.input.value, rounding: rounding.input.value, cash_step: rules.cash_step });
      await attempt.pay(phone, 'groups.rules', { group: table.id, by: phone.wallet, rules: next });
      table.planned = null;
    },
  });
}

/** The parts as they stand, for whoever only looks. @param {Phone} phone @param {any} view */
function partsOf(phone, view) {
  return (view.rules.split.parts ?? []).map((/** @type {any} */ part) => h('li', { class: 'row still' },
    h('span', { class: 'row-main' }, phone.names.of(part.diner)), h('span', { class: 'amount' }, shown(phone, view.rules.split.mode, part))));
}

/** @param {Phone} phone @param {string} mode @param {any} part */
function shown(phone, mode, part) {
  if (mode === 'percent') return `${decimals(part.weight, 'CNY')} %`;
  return mode === 'weights' ? String(part.weight) : phone.money(part.amount);
}

/** The inputs for one way to split. @param {Phone} phone @param {any} view @param {string} mode @returns {{ boxes: (Node | string | false)[], read: () => any }} */
function parts(phone, view, mode) {
  if (mode === 'equal') return { boxes: [h('p', { class: 'quiet' }, t('split_equal_hint'))], read: () => ({ mode }) };
  if (mode === 'treat') return treat(phone, view);
  // Without claims of the host's, those of the diners stay.
  if (mode === 'itemised') return { boxes: [h('p', { class: 'quiet' }, t('split_itemised_hint'))], read: () => ({ mode, claims: [], rest: 'in_proportion' }) };
  const kept = view.rules.split.mode === mode ? view.rules.split.parts : [];
  const rows = view.members.map((/** @type {any} */ { wallet }, /** @type {number} */ index) => {
    const part = kept.find((/** @type {any} */ one) => one.diner === wallet);
    const id = `part${index}`;
    const start = part ? (mode === 'weights' ? String(part.weight) : decimals(part.weight ?? part.amount, mode === 'percent' ? 'CNY' : phone.currency))
      : first(mode, view.members.length, index);
    const input = h('input', { id, class: 'input short', inputmode: 'decimal', value: start });
    return { wallet, input, box: h('li', { class: 'row still' }, h('label', { for: id, class: 'row-main' }, phone.names.of(wallet)), input) };
  });
  const sum = h('p', { class: 'sum', role: 'status' });
  const value = (/** @type {HTMLInputElement} */ input) => mode === 'weights' ? whole(input.value)
    : parseMoney(input.value || '0', mode === 'percent' ? 'CNY' : phone.currency);
  const count = () => {
    const total = rows.reduce((/** @type {number} */ so_far, /** @type {any} */ { input }) => so_far + (value(input) ?? 0), 0);
    if (mode === 'percent') {
      sum.textContent = total === 10_000 ? t('percent_whole') : t('percent_off', { sum: decimals(total, 'CNY'), off: decimals(10_000 - total, 'CNY') });
      sum.className = `sum ${total === 10_000 ? 'good' : 'bad'}`;
    } else {
      sum.textContent = mode === 'exact' ? t('exact_sum', { sum: phone.money(total) }) : t('weights_sum', { sum: total });
    }
  };
  for (const { input } of rows) input.addEventListener('input', count);
  count();
  const field = mode === 'exact' ? 'amount' : 'weight';
  return {
    boxes: [h('p', { class: 'quiet' }, t(`split_${mode}_hint`)), h('ul', { class: 'list' }, rows.map((/** @type {any} */ { box }) => box)), sum],
    read: () => ({ mode, parts: rows.map((/** @type {any} */ { wallet, input }) => ({ diner: wallet, [field]: need(input, value(input), mode === 'weights' ? null : mode === 'percent' ? 'CNY' : phone.currency) })) }),
  };
}

/** @param {HTMLInputElement} input @param {number | null} number @param {string | null} currency */
function need(input, number, currency) {
  if (number !== null && number >= 0) return number;
  input.focus();
  const { wrong = 'amount_needed', values } = { values: {}, ...readMoney(currency ? input.value : '', currency ?? 'CNY') };
  throw Object.assign(new Error(t(wrong, values)), { name: 'FanjuError', code: wrong });
}

/** @param {string} text */
function whole(text) {
  return /^\d{1,6}$/.test(text.trim() || '0') ? Number(text.trim() || '0') : null;
}

/** A part to begin with; percentages fill the hundred to the last hundredth. @param {string} mode @param {number} of @param {number} index */
function first(mode, of, index) {
  if (mode === 'weights') return '1';
  if (mode === 'exact') return '';
  return decimals(Math.floor(10_000 / of) + (index < 10_000 % of ? 1 : 0), 'CNY');
}

/** @param {Phone} phone @param {any} view */
function treat(phone, view) {
  const now = view.rules.split.mode === 'treat' ? view.rules.split.payer : view.host;
  const payer = select(t('treat_payer'), view.members.map((/** @type {any} */ { wallet }) => [wallet, phone.names.of(wallet)]), now);
  return {
    boxes: [payer.box, h('p', { class: 'quiet' }, t('split_treat_hint'))],
    read: () => ({ mode: 'treat', payer: payer.input.value, guests: [], of: { mode: 'equal' } }),
  };
}
