// @ts-check
/** The owner's side of a shop: who works there, which tills have keys, and where its events are sent. */

import { FanjuError } from './fanju.js';
import { webhook } from './till_webhooks.js';
import { button, complain, field, fill, formSheet, h, icon, secretSheet, select, sheet, textOf, when } from './ui.js';
import { t } from './words.js';

/** @typedef {import('./till.js').Till} Till */

const SCOPES = ['collect', 'refund', 'read', 'pay_out'];
/** A till shows what it took, and how an order ended that it had to leave: without this it does not open. */
const NEEDED = 'read';
const ROLES = ['cashier', 'owner'];
/** A person's number. Source: RFC 9562. */
const UUID = String.raw`\s*[\da-fA-F]{8}(-[\da-fA-F]{4}){3}-[\da-fA-F]{12}\s*`;

/** @param {Till} till */
export function shopView(till) {
  const lists = { staff: h('ul', { class: 'list' }), keys: h('ul', { class: 'list' }), webhooks: h('ul', { class: 'list' }) };
  const section = (/** @type {keyof typeof lists} */ name, /** @type {() => void} */ add) => h('section', { class: 'stack tight' },
    h('div', { class: 'section-head' }, h('h2', null, t(`shop_${name}`)),
      button([icon('add'), t(`shop_${name}_add`)], add, { class: 'button small', 'data-key': `add-${name}` })),
    h('p', { class: 'quiet' }, t(`shop_${name}_why`)), lists[name]);
  const element = h('div', { class: 'shop' },
    section('staff', () => addPerson(till, load)), section('keys', () => addKey(till, load)), section('webhooks', () => addWebhook(till, load)));
  for (const list of Object.values(lists)) fill(list, h('li', { class: 'quiet empty' }, t('loading')));

  async function load() {
    const of = { merchant: till.id };
    const [{ staff }, { keys }, { webhooks }] = await Promise.all([
      till.fanju.call('staff.list', of), till.fanju.call('keys.list', of), till.fanju.call('webhooks.list', of)]);
    const show = (/** @type {Element} */ list, /** @type {any[]} */ all, /** @type {(one: any) => HTMLElement} */ row, /** @type {string} */ none) =>
      fill(list, all.length ? all.map(row) : h('li', { class: 'quiet empty' }, t(none)));
    show(lists.staff, staff, (one) => person(till, one, load), 'shop_staff_none');
    show(lists.keys, keys, (one) => key(till, one, load), 'shop_keys_none');
    show(lists.webhooks, webhooks, (one) => webhook(till, one, load), 'shop_webhooks_none');
  }

  load().catch(complain);
  return { element, update() {} };
}

/** A row with something to end at its right. @param {string} title @param {string} note @param {string} word @param {string} why @param {() => Promise<unknown>} end */
function row(title, note, word, why, end) {
  return h('li', { class: 'row still' },
    h('span', { class: 'row-main' }, h('strong', null, title), h('span', { class: 'quiet' }, note)),
    button(word, () => {
      const asked = sheet({ title: title, body: [h('p', null, why),
        button(word, async () => { await end(); asked.close(); }, { class: 'button danger wide' })] });
    }, { class: 'button small danger' }));
}

/** @param {Till} till @param {{ person: string, name: string, role: string }} one @param {() => Promise<void>} load */
function person(till, one, load) {
  const mine = one.person === till.fanju.me?.person?.id;
  const note = [t(`role_${one.role}`), mine && t('me')].filter(Boolean).join(' · ');
  if (mine) return h('li', { class: 'row still' }, h('span', { class: 'row-main' }, h('strong', null, one.name), h('span', { class: 'quiet' }, note)));
  return row(one.name, note, t('shop_remove'), t('shop_staff_remove_why'), async () => {
    await till.pay('staff.remove', { merchant: till.id, person: one.person });
    await load();
  });
}

/** @param {Till} till @param {() => Promise<void>} load */
function addPerson(till, load) {
  const who = field(t('person_number'), { class: 'input mono', spellcheck: 'false', pattern: UUID }, t('person_number_hint'));
  const role = select(t('role'), ROLES.map((one) => [one, t(`role_${one}`)]), 'cashier');
  formSheet({
    title: t('shop_staff_add'), body: [who.box, role.box], action: t('shop_staff_add'),
    async submit(attempt) {
      await attempt.pay(till, 'staff.add', { merchant: till.id, person: textOf(who.input), role: /** @type {import('./api.js').Role} */ (role.input.value) });
      await load();
    },
  });
}

/** @param {Till} till @param {{ key: string, label: string, scopes: string[], last_used_at?: number }} one @param {() => Promise<void>} load */
function key(till, one, load) {
  const used = one.last_used_at ? t('last_used', { when: when(one.last_used_at) }) : t('never_used');
  const may = one.scopes.map((scope) => t(`scope_${scope}`)).join(', ');
  return row(one.label, `${may} · ${used}`, t('shop_revoke'), t('shop_keys_revoke_why'), async () => {
    await till.fanju.call('keys.revoke', { merchant: till.id, key: one.key });
    await load();
  });
}

/**
 * Makes what has a secret. A cut may swallow it: then it stands in the list, for whoever made it to remove.
 * @template T @param {() => Promise<T>} make @param {() => Promise<void>} load
 */
async function once(make, load) {
  try {
    return await make();
  } catch (error) {
    if (error instanceof FanjuError && error.code === 'secret_shown') load().catch(complain);
    throw error;
  }
}

/** @param {Till} till @param {() => Promise<void>} load */
function addKey(till, load) {
  const label = field(t('key_label'), { maxlength: 20 }, t('key_label_hint'));
  const boxes = SCOPES.map((scope) => {
    const needed = scope === NEEDED;
    const input = h('input', { type: 'checkbox', value: scope, checked: scope === 'collect' || needed, disabled: needed });
    return { input, box: h('label', { class: 'row check' }, input,
      h('span', { class: 'row-main' }, h('span', null, t(`scope_${scope}`)), needed && h('span', { class: 'quiet' }, t('scope_needed')))) };
  });
  formSheet({
    title: t('shop_keys_add'), action: t('shop_keys_add'),
    body: [label.box, h('fieldset', { class: 'list' }, h('legend', { class: 'unseen' }, t('scopes')), boxes.map(({ box }) => box))],
    async submit(attempt) {
      const scopes = boxes.filter(({ input }) => input.checked).map(({ input }) => /** @type {import('./api.js').Scope} */ (input.value));
      const { secret } = await once(() => attempt.pay(till, 'keys.create', { merchant: till.id, label: label.input.value.trim() || t('till'), scopes }), load);
      await load();
      secretSheet(t('shop_keys_secret'), secret);
    },
  });
}

/** @param {Till} till @param {() => Promise<void>} load */
function addWebhook(till, load) {
  const url = field(t('webhook_url'), { type: 'url', inputmode: 'url', class: 'input mono', placeholder: 'https://', spellcheck: 'false' }, t('webhook_url_hint'));
  formSheet({
    title: t('shop_webhooks_add'), body: [url.box], action: t('shop_webhooks_add'),
    async submit(attempt) {
      const { secret } = await once(() => attempt.pay(till, 'webhooks.create', { merchant: till.id, url: textOf(url.input) }), load);
      await load();
      secretSheet(t('shop_webhooks_secret'), secret);
    },
  });
}
