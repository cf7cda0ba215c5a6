// @ts-check
/** The bill that is coming: its dishes, who had which, and what everybody would pay of it now. */

import { parseBill, wrongRows } from './bill.js';
import { decimals } from './money.js';
import { amountOf, button, field, formSheet, h, icon, known, sheet } from './ui.js';
import { t } from './words.js';

/** @typedef {import('./phone.js').Phone} Phone */
/** @typedef {import('./tables.js').Table} Table */
/** @typedef {{ line: number, diner: string, weight: number }} Claim */

/** Who claims what, where the table divides bills by their lines. @param {any} split @returns {Claim[] | null} */
function claimsOf(split) {
  if (split.mode === 'treat') return claimsOf(split.of);
  return split.mode === 'itemised' ? split.claims : null;
}

/** @typedef {{ total: number, lines: { name: string, amount: number }[], claims: Claim[] }} Dishes */

/** The bill on the table with its claims, if there is one to claim. @param {any} view @returns {Dishes | null} */
export function dishes({ draft, rules }) {
  const made = draft && claimsOf(rules.split);
  return made ? { total: draft.total, lines: draft.lines, claims: made } : null;
}

/** What `diner` claimed, in words. @param {Dishes} of @param {string} diner */
export function eaten({ lines, claims: made }, diner) {
  return made.filter((claim) => claim.diner === diner && lines[claim.line]).map(({ line, weight }) => {
    const parts = made.filter((claim) => claim.line === line).reduce((sum, claim) => sum + claim.weight, 0);
    return parts > weight ? `${lines[line]?.name} ${weight}/${parts}` : lines[line]?.name;
  }).join(' · ');
}

/** @param {Phone} phone @param {Table} table @returns {import('./ui.js').Child[]} */
export function claims(phone, table) {
  const { draft, preview, rules, members } = table.view;
  if (!draft) return [];
  const made = claimsOf(rules.split);
  const shares = preview?.state === 'shares' ? preview.shares : [];
  const mine = shares.find((/** @type {any} */ { diner }) => diner === phone.wallet);
  return [
    h('div', { class: 'section-head' }, h('h2', null, t('draft')), h('span', { class: 'amount' }, phone.money(draft.total))),
    made ? null : closed(phone, table),
    h('ul', { class: 'list' }, draft.lines.map((/** @type {any} */ line, /** @type {number} */ number) =>
      h('li', { class: 'dish' }, dish(phone, table, line, number, made)))),
    mine && h('p', { class: 'sum' }, t('claim_share', { amount: phone.money(mine.owed) })),
    preview?.state === 'refused' && h('p', { class: 'notice bad' }, refusal(preview)),
    shares.length > 1 && h('ul', { class: 'quick', 'aria-label': t('claim_shares') }, members.map((/** @type {any} */ { wallet }, /** @type {number} */ seat) =>
      h('li', { class: 'chip' }, `${phone.names.of(wallet)} ${phone.money(shares[seat]?.owed ?? 0)}`))),
    button(t('draft_clear'), () => clear(phone, table),
      { class: 'button small', 'data-key': 'clear-draft', disabled: Boolean(table.progress) }),
  ];
}

/** One dish: a switch that claims it, where dishes can be claimed. @param {Phone} phone @param {Table} table @param {any} line @param {number} number @param {Claim[] | null} made @returns {import('./ui.js').Child[]} */
function dish(phone, table, line, number, made) {
  const eaters = (made ?? []).filter((claim) => claim.line === number);
  const mine = eaters.find(({ diner }) => diner === phone.wallet);
  const names = eaters.map(({ diner, weight }) =>
    `${diner === phone.wallet ? t('me') : phone.names.of(diner)}${weight > 1 ? ` ×${weight}` : ''}`);
  const inside = [
    made && h('span', { class: `row-mark ${mine ? 'open' : ''}`, 'aria-hidden': 'true' }, icon(mine ? 'check' : 'add')),
    h('span', { class: 'row-main' }, h('strong', null, line.name),
      made && h('span', { class: 'quiet' }, names.length ? names.join(' · ') : t('claim_nobody'))),
    h('span', { class: 'amount' }, phone.money(line.amount)),
  ];
  if (!made) return [h('div', { class: 'row still' }, inside)];
  const claim = (/** @type {number} */ weight) => phone.fanju.call('groups.claim', { group: table.id, wallet: phone.wallet, line: number, weight });
  const disabled = Boolean(table.progress);
  return [
    button(inside, () => claim(mine ? 0 : 1), { class: mine ? 'row me' : 'row', 'aria-pressed': String(Boolean(mine)), 'data-key': `dish-${number}`, disabled }),
    // A larger part only says something beside others.
    mine && eaters.length > 1 && button(icon('add'), () => claim(mine.weight + 1),
      { class: 'icon-button', 'aria-label': t('claim_more', { dish: line.name }), 'data-key': `more-${number}`, disabled }),
  ];
}

/** Dishes cannot be claimed yet: the host chooses that. @param {Phone} phone @param {Table} table */
function closed(phone, table) {
  const { host, rules } = table.view;
  const split = { mode: 'itemised', claims: [], rest: 'in_proportion' };
  return h('div', { class: 'notice' }, h('span', null, t(host === phone.wallet ? 'claims_off' : 'claims_host')),
    host === phone.wallet && button(t('claims_on'), () => phone.fanju.call('groups.rules', { group: table.id, by: phone.wallet, rules: { ...rules, split } }),
      { class: 'button small', 'data-key': 'claims-on', disabled: Boolean(table.progress) }));
}

/** @param {Phone} phone @param {Table} table */
function clear(phone, table) {
  const asked = sheet({ title: t('draft_clear'), body: [h('p', null, t('draft_clear_why')), button(t('draft_clear'), async () => {
    await phone.fanju.call('groups.clear_draft', { group: table.id, by: phone.wallet });
    asked.close();
  }, { class: 'button danger wide' })] });
}

/** @param {{ reason: string, detail: string }} preview */
function refusal({ reason, detail }) {
  const key = `reason_${reason}`;
  return t(key) === key ? detail : t(key);
}

/** Types the bill, or takes what lies on the table. @param {Phone} phone @param {Table} table */
export function draftSheet(phone, table) {
  const { draft } = table.view;
  const rows = (draft?.lines ?? []).map((/** @type {any} */ { name, amount }) =>
    `"${name.replaceAll('"', '""')}",${decimals(amount, phone.currency)}`);
  const text = h('textarea', { class: 'input mono', rows: 7, 'aria-label': t('draft_lines'), placeholder: '牛肉面,32.00\n酸梅汤,8.00' });
  text.value = rows.join('\n');
  const total = field(t('total'), { class: 'input', inputmode: 'decimal', value: draft ? decimals(draft.total, phone.currency) : '' }, t('draft_total_hint'));
  formSheet({
    title: t('draft_lay'), body: [h('p', { class: 'quiet' }, t('draft_hint')), text, total.box], action: t('draft_do'),
    async submit(attempt) {
      const { lines, wrong } = parseBill(text.value, phone.currency);
      const sum = lines.reduce((so_far, line) => so_far + line.amount, 0);
      if (wrong.length) throw known(wrongRows(wrong), 'import');
      if (!lines.length) throw known(t('import_empty'), 'import');
      const whole = total.input.value.trim() ? amountOf(total.input, phone.currency) : sum;
      if (whole <= 0) throw known(t('amount_needed'), 'amount_needed');
      await attempt.pay(phone, 'groups.draft', { group: table.id, by: phone.wallet, total: whole, lines });
    },
  });
}
