// @ts-check
/** The phone's first screen: the wallet, and the tables. */

import { opened } from './demo_acts.js';
import { digitsOf, wrongCode } from './code.js';
import { sized } from './money.js';
import { go } from './route.js';
import { amountOf, button, field, fill, formSheet, h, icon, known, languageSwitch, select, textOf } from './ui.js';
import { t } from './words.js';

/** A limit to begin with: what most dinners cost less than, in a currency of ordinary size. */
const DINNER = 200;

/** @typedef {import('./phone.js').Phone} Phone */

/** @param {Phone} phone @returns {import('./phone.js').View} */
export function home(phone) {
  const card = h('section', { class: 'card-wallet', 'aria-label': t('wallet') });
  const invitations = h('div', { class: 'stack' });
  const list = h('ul', { class: 'list' });
  const element = h('div', { class: 'page' },
    h('header', { class: 'top' },
      h('img', { src: '/assets/icon.svg', alt: '', width: 32, height: 32 }),
      h('h1', { class: 'top-name' }, phone.me.person.name),
      languageSwitch(),
      h('button', { type: 'button', class: 'icon-button', 'aria-label': t('account'), onclick: () => go({ account: '1' }) }, icon('person'))),
    card,
    invitations,
    h('section', null,
      h('div', { class: 'section-head' }, h('h2', null, t('tables'))),
      list),
    h('div', { class: 'actions-bottom' },
      button([icon('add'), t('open_table')], () => openTable(phone), { class: 'button primary' }),
      button([icon('code'), t('join_by_code')], () => joinByCode(phone), { class: 'button' })));
  return {
    element,
    update() {
      fill(card, wallet(phone));
      fill(invitations, told(phone));
      fill(list, tables(phone));
    },
  };
}

/** @param {Phone} phone */
function wallet(phone) {
  const { account } = phone;
  if (!account) return [h('div', { class: 'loading', role: 'status' }, t('loading'))];
  const aside = account.posted - account.available;
  return [
    h('div', { class: 'card-row' },
      h('span', { class: 'card-label' }, t('available')),
      account.status !== 'open' && account.status !== 'active' && h('span', { class: 'chip bad' }, t(`wallet_${account.status}`))),
    h('div', { class: 'card-amount', 'data-testid': 'available' }, phone.money(account.available)),
    h('div', { class: 'card-aside', 'data-testid': 'aside' }, aside > 0 ? [t('set_aside', { amount: phone.money(aside) }),
      ...phone.tables.paying.map((order) => t('paying_order', order))].join(' · ') : ' '),
    h('div', { class: 'card-actions' },
      cardAction('up', t('top_up'), () => topUp(phone)),
      cardAction('send', t('transfer'), () => transfer(phone)),
      cardAction('list', t('statement'), () => go({ statement: '1' }))),
  ];
}

/** @param {Parameters<typeof icon>[0]} shape @param {string} label @param {() => void} press */
function cardAction(shape, label, press) {
  return h('button', { type: 'button', class: 'card-action', 'data-key': `card-${shape}`, onclick: press }, icon(shape), label);
}

/** A table that the demo told this phone about. @param {Phone} phone */
function told(phone) {
  const invitation = phone.bridge.invitation();
  if (!invitation || phone.tables.list?.some(({ group, joined }) => group === invitation.group && joined)) return [];
  return [h('div', { class: 'invitation' },
    h('div', null, h('strong', null, invitation.name), h('div', { class: 'quiet' }, t('invites_you', { who: invitation.host }))),
    button(t('join'), () => go({ join: invitation.link, group: invitation.group }), { class: 'button primary small', 'data-key': 'told' }))];
}

/** @param {Phone} phone */
function tables(phone) {
  const { list, more } = phone.tables;
  const further = more && h('li', { class: 'empty' }, h('p', { class: 'quiet' }, t('tables_further')),
    button(t('older'), () => phone.tables.further(), { class: 'button wide', 'data-key': 'older-tables' }));
  if (!list) return [h('li', { class: 'quiet empty' }, t('loading'))];
  if (!list.length) return [further || h('li', { class: 'empty' }, h('p', null, t('no_tables')), h('p', { class: 'quiet' }, t('no_tables_hint')))];
  return [...list.map((one) => h('li', null, h('button', {
    type: 'button', class: 'row', 'data-key': one.group, onclick: () => go({ group: one.group }),
  },
  h('span', { class: `row-mark ${one.status}`, 'aria-hidden': 'true' }, one.name.slice(0, 1)),
  h('span', { class: 'row-main' },
    h('strong', null, one.name),
    h('span', { class: 'quiet' }, t('at_the_table', { count: one.members }))),
  h('span', { class: `chip ${one.joined ? one.status : 'waiting'}` }, t(one.joined ? `group_${one.status}` : 'group_invited'))))), further];
}

/** @param {Phone} phone */
function topUp(phone) {
  const amount = field(t('amount'), { inputmode: 'decimal', class: 'input big', placeholder: phone.money(0) });
  const quick = h('div', { class: 'quick' }, [50, 100, 200, 500].map((units) => sized(units, phone.currency)).map((value) => h('button', {
    type: 'button', class: 'button small', onclick: () => { amount.input.value = value; amount.input.focus(); },
  }, value)));
  formSheet({
    title: t('top_up'), body: [amount.box, quick, h('p', { class: 'quiet' }, t('top_up_hint'))], action: t('top_up'),
    async submit(attempt) {
      const minor = amountOf(amount.input, phone.currency);
      await attempt.pay(phone, 'wallets.top_up', { wallet: phone.wallet, amount: minor });
      return t('toast_topped_up', { amount: phone.money(minor) });
    },
  });
}

/** @param {Phone} phone */
function transfer(phone) {
  const to = field(t('transfer_to'), { spellcheck: 'false', class: 'input mono' }, t('transfer_to_hint'));
  const amount = field(t('amount'), { inputmode: 'decimal', class: 'input big', placeholder: phone.money(0) });
  const note = field(t('note'), { maxlength: 80 });
  const others = companions(phone);
  const pick = others.length ? select(t('transfer_pick'), [['', t('transfer_other')], ...others], others[0]?.[0] ?? '', (value) => {
    to.box.hidden = value !== '';
    to.input.value = value;
  }) : null;
  if (pick) { to.box.hidden = true; to.input.value = others[0]?.[0] ?? ''; }
  formSheet({
    title: t('transfer'), body: [pick?.box, to.box, amount.box, note.box], action: t('transfer_do'),
    async submit(attempt) {
      const minor = amountOf(amount.input, phone.currency);
      const params = { wallet: phone.wallet, to: textOf(to.input), amount: minor, note: note.input.value.trim() || undefined };
      await attempt.pay(phone, 'wallets.transfer', params);
      return t('toast_sent', { amount: phone.money(minor), who: phone.names.of(params.to) });
    },
  });
}

/** Whoever sat at a table with this wallet. @param {Phone} phone @returns {[string, string][]} */
function companions(phone) {
  /** @type {Map<string, string>} */
  const found = new Map();
  for (const { group, joined } of phone.tables.list ?? []) {
    const members = joined ? phone.tables.known(group)?.view?.members ?? [] : [];
    for (const { wallet } of members) if (wallet !== phone.wallet) found.set(wallet, phone.names.of(wallet));
  }
  return [...found];
}

/** The cap and the threshold that a member agrees to. @param {Phone} phone @param {{ cap?: string, above?: string }} [start] */
export function consentFields(phone, { cap = sized(DINNER, phone.currency), above = '' } = {}) {
  const most = field(t('cap'), { inputmode: 'decimal', value: cap }, t('cap_hint'));
  const ask = field(t('confirm_above'), { inputmode: 'decimal', value: above, placeholder: t('never') }, t('confirm_above_hint'));
  return {
    boxes: h('div', { class: 'two' }, most.box, ask.box),
    read() {
      const cap = amountOf(most.input, phone.currency);
      const above = ask.input.value.trim() ? amountOf(ask.input, phone.currency, 0) : null;
      return { cap, ...(above === null ? {} : { confirm_above: above }) };
    },
  };
}

/** @param {Phone} phone */
function openTable(phone) {
  const name = field(t('table_name'), { value: t('dinner'), maxlength: 60 });
  const consent = consentFields(phone);
  const split = select(t('split'), ['equal', 'weights', 'percent', 'exact', 'treat'].map((mode) => [mode, t(`split_${mode}`)]), 'equal');
  const short = select(t('shortfall'), ['decline', 'reshare', 'host_covers'].map((rule) => [rule, t(`shortfall_${rule}`)]), 'decline');
  formSheet({
    title: t('open_table'), body: [name.box, consent.boxes, split.box, short.box], action: t('open_table'),
    async submit(attempt) {
      const host = phone.wallet;
      const mode = split.input.value;
      // Parts need people: until they sit, such a table shares equally.
      /** @type {import('./api.js').Split} */
      const rule = mode === 'treat' ? { mode, payer: host, guests: [], of: { mode: 'equal' } } : { mode: 'equal' };
      const shortfall = /** @type {import('./api.js').Shortfall} */ (short.input.value);
      /** @type {import('./api.js').Rules} */
      const rules = { split: rule, shortfall, rounding: 'fair_cent', cash_step: 0 };
      const called = name.input.value.trim() || t('dinner');
      const { group } = await attempt.pay(phone, 'groups.open', { name: called, host, ...consent.read(), rules });
      if (/weights|percent|exact/.test(mode)) phone.tables.follow(group).planned = mode;
      go({ group });
      await opened(phone, group, called);
    },
  });
}

/** @param {Phone} phone */
function joinByCode(phone) {
  const code = field(t('table_code'), { inputmode: 'numeric', class: 'input mono', maxlength: 24, placeholder: '88…' }, t('table_code_hint'));
  const consent = consentFields(phone);
  formSheet({
    title: t('join_by_code'), body: [code.box, consent.boxes], action: t('join'),
    async submit(attempt) {
      const digits = digitsOf(code.input.value);
      const wrong = wrongCode(digits);
      if (wrong) {
        code.input.focus();
        throw known(t(wrong, { count: digits.length }), wrong);
      }
      const { event } = await attempt.pay(phone, 'groups.join_by_code', { code: digits, wallet: phone.wallet, ...consent.read() });
      const { group } = /** @type {Extract<import('./api.js').Event, { type: 'member_joined' }>} */ (event);
      phone.bridge.tell('joined', { group });
      go({ group });
    },
  });
}
