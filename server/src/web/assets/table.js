// @ts-check
/** One table: who sits there, how it pays, and the code that pays for everybody. */

import { Attempt } from './attempt.js';
import { claims, draftSheet } from './claims.js';
import { consentFields } from './home.js';
import { lookBack, PAGE } from './look_back.js';
import { decimals } from './money.js';
import { showCode } from './pay.js';
import { orderReceipt } from './receipt.js';
import { coming, initial, ring, seatColour, seatState } from './ring.js';
import { go, route } from './route.js';
import { describeRules, rulesSheet } from './rules.js';
import { bar } from './statement.js';
import { button, complain, fill, formSheet, h, icon, sheet, toast, when, work } from './ui.js';
import { t } from './words.js';

/** @typedef {import('./phone.js').Phone} Phone */
/** @typedef {import('./tables.js').Table} Table */

/** Bills that are shown at once, and pages of events that are looked through for them: a bill may have hundreds of claims. */
const BILLS = 30;
const BILLS_PAGES = 10;

/** @param {Phone} phone @param {string} group @returns {import('./phone.js').View} */
export function tableView(phone, group) {
  const table = phone.account ? phone.tables.follow(group) : null;
  const parts = {
    head: h('div'), round: h('div', { class: 'round' }), news: h('div', { 'aria-live': 'polite' }), mine: h('div'), draft: h('section', { class: 'stack' }),
    tools: h('div', { class: 'tools' }), people: h('ul', { class: 'list' }), bills: h('ul', { class: 'list' }), pay: h('div', { class: 'actions-bottom' }),
  };
  const older = button(t('older'), async () => {
    wanted += BILLS;
    await loadBills(phone.tables.follow(group));
  }, { class: 'button wide', 'data-key': 'older-bills', hidden: true });
  const billsHead = h('div', { class: 'section-head' }, h('h2', null, t('bills')));
  const element = h('div', { class: 'page table' }, parts.head, parts.round, parts.news, parts.draft, parts.mine, parts.tools,
    h('section', null, h('div', { class: 'section-head' }, h('h2', null, t('diners'))), parts.people),
    h('section', null, billsHead, parts.bills, older), parts.pay);
  /** @type {any[]} */
  let bills = [];
  let wanted = BILLS;
  let known = 0;
  let told = '';

  /** @param {Table} of */
  async function loadBills(of) {
    known = of.bills_changed;
    const { found, next } = await lookBack((from) => phone.fanju.call('groups.events', { group, limit: PAGE, from }), {
      wanted: ({ event }) => /^(settled|declined|refunded)$/.test(event.data.type),
      enough: ({ length }) => length >= wanted, pages: (wanted / BILLS) * BILLS_PAGES,
    });
    bills = found.slice(0, wanted);
    older.hidden = next === null && found.length <= wanted;
    phone.changed();
  }

  function update() {
    const live = phone.account ? phone.tables.known(group) ?? phone.tables.follow(group) : table;
    if (!live?.view) {
      fill(parts.head, bar(t('table'), () => go({})));
      fill(parts.round, h('p', { class: 'quiet empty', role: 'status' }, live?.trouble ?? t('loading')));
      element.classList.add('empty-table');
      return;
    }
    element.classList.remove('empty-table');
    const { view } = live;
    const joined = view.members.some((/** @type {any} */ member) => member.wallet === phone.wallet);
    if (joined && known !== live.bills_changed) loadBills(live).catch(complain);
    fill(parts.head, bar(view.name, () => go({}), h('span', { class: `chip ${view.status}` }, t(`group_${view.status}`))));
    fill(parts.round, ring(phone, live));
    // Filled anew it would be read out anew.
    const newest = JSON.stringify([live.progress, live.outcome?.at, live.planned, view.host]);
    if (newest !== told) fill(parts.news, news(phone, live));
    told = newest;
    fill(parts.draft, joined ? claims(phone, live) : []);
    parts.draft.hidden = !parts.draft.firstChild;
    fill(parts.mine, mine(phone, live));
    fill(parts.tools, joined ? tools(phone, live) : []);
    fill(parts.people, people(phone, live));
    billsHead.hidden = !bills.length && older.hidden;
    fill(parts.bills, bills.map((bill) => h('li', null, billRow(phone, bill))));
    fill(parts.pay, pay(phone, live, joined));
  }

  return { element, update, title: t('table') };
}

/** What everybody must see: a bill on its way, and how the last one ended. @param {Phone} phone @param {Table} table */
function news(phone, table) {
  const { progress, outcome, planned, view } = table;
  if (progress) return h('p', { class: 'unseen' }, coming(phone, progress));
  if (outcome?.kind === 'settled') return h('p', { class: 'unseen' }, t('settled_for', { amount: phone.money(outcome.data.total) }));
  if (planned && view.host === phone.wallet) {
    return h('div', { class: 'notice' }, h('span', null, t('parts_missing')),
      button(t('set_parts'), () => rulesSheet(phone, table, planned), { class: 'button small', 'data-key': 'parts' }));
  }
  return [];
}

/** @param {Phone} phone @param {Table} table */
function mine(phone, table) {
  const me = table.view.members.find((/** @type {any} */ member) => member.wallet === phone.wallet);
  if (!me) return [];
  const { cap, confirm_above } = me.consent;
  return h('section', { class: 'panel' },
    h('div', { class: 'panel-text' },
      h('span', null, t('my_cap', { cap: phone.money(cap) })),
      h('span', { class: 'quiet' }, [t('my_spent', { spent: phone.money(me.spent) }),
        typeof confirm_above === 'number' && t('asks_above', { amount: phone.money(confirm_above) })].filter(Boolean).join(' · '))),
    table.view.status !== 'closed' && button(t('change'), () => consent(phone, table, me), { class: 'button small', 'data-key': 'consent' }));
}

/** @param {Phone} phone @param {Table} table @param {any} me */
function consent(phone, table, me) {
  const { cap, confirm_above } = me.consent;
  const fields = consentFields(phone, {
    cap: decimals(cap, phone.currency),
    above: typeof confirm_above === 'number' ? decimals(confirm_above, phone.currency) : '',
  });
  formSheet({
    title: t('consent'), body: [fields.boxes], action: t('save'),
    submit: (attempt) => attempt.pay(phone, 'groups.consent', { group: table.id, wallet: phone.wallet, ...fields.read() }),
  });
}

/** @param {Phone} phone @param {Table} table */
function tools(phone, table) {
  const { view, id: group } = table;
  if (view.status === 'closed') return [];
  const by = phone.wallet;
  const host = view.host === by;
  const locked = view.status === 'locked';
  const tool = (/** @type {Parameters<typeof icon>[0]} */ shape, /** @type {string} */ word, /** @type {() => unknown} */ press) =>
    button([icon(shape), h('span', null, word)], press, { class: 'tool', 'data-key': `tool-${shape}` });
  return [
    !locked && tool('people', t('invite'), () => invite(phone, table)),
    tool('rules', t('rules'), () => rulesSheet(phone, table)),
    tool('list', t('draft_tool'), () => draftSheet(phone, table)),
    host && tool('lock', t(locked ? 'unlock' : 'lock'), () => phone.fanju.call(locked ? 'groups.unlock' : 'groups.lock', { group, by })),
    host ? tool('close', t('close_table'), () => sure(t('close_table'), t('close_table_why'), () => phone.fanju.call('groups.close', { group, by })))
      : !locked && tool('leave', t('leave'), () => sure(t('leave'), t('leave_why'), async () => {
        await phone.fanju.call('groups.leave', { group, wallet: by });
        go({});
      })),
  ];
}

/** @param {string} title @param {string} why @param {() => unknown} act */
function sure(title, why, act) {
  const asked = sheet({ title, body: [h('p', null, why), button(title, async () => { await act(); asked.close(); }, { class: 'button danger wide' })] });
}

/** @param {Phone} phone @param {Table} table */
async function invite(phone, table) {
  const { link } = await phone.fanju.call('groups.link', { group: table.id, by: phone.wallet });
  const address = `${location.origin}/#${new URLSearchParams({ join: link, group: table.id })}`;
  const share = async () => {
    if (navigator.share) return navigator.share({ title: table.view.name, text: t('invite_text', { name: table.view.name }), url: address });
    await navigator.clipboard.writeText(address);
    toast(t('copied'), 'good');
  };
  phone.bridge.tell('opened', { group: table.id, link, name: table.view.name, host: phone.me.person.name });
  sheet({ title: t('invite'), body: [
    h('p', null, t('invite_how')),
    h('code', { class: 'mono break panel' }, address),
    button(t('copy_link'), share, { class: 'button primary wide' }),
    h('p', { class: 'quiet' }, t(phone.bridge.demo ? 'invite_demo' : 'invite_code'))] });
}

/** @param {Phone} phone @param {Table} table */
function people(phone, table) {
  const { view } = table;
  const owed = new Map((table.progress?.waiting_for ?? []).map((/** @type {any} */ asked) => [asked.diner, asked.owed]));
  /** @type {Map<string, number>} */
  const paid = table.outcome?.kind === 'settled' ? new Map(table.outcome.data.shares.map((/** @type {any} */ share) => [share.diner, share.owed])) : new Map();
  return view.members.map((/** @type {any} */ member, /** @type {number} */ index) => {
    const state = seatState(table, member.wallet);
    const name = phone.names.of(member.wallet);
    const amount = owed.get(member.wallet) ?? paid.get(member.wallet) ?? member.spent;
    return h('li', { class: 'row still' },
      h('span', { class: `row-mark ${seatColour(index)}`, 'aria-hidden': 'true' }, initial(name)),
      h('span', { class: 'row-main' }, h('strong', null, member.wallet === phone.wallet ? `${name} (${t('me')})` : name),
        h('span', { class: `quiet state ${state}` }, [member.wallet === view.host && t('host'), t(`seat_${state}`)].filter(Boolean).join(' · '))),
      h('span', { class: 'amount' }, amount ? phone.money(amount) : ''));
  });
}

/** @param {Phone} phone @param {any} bill */
function billRow(phone, { position, event }) {
  const { data } = event;
  const at = Date.parse(event.time) * 1000;
  const inside = [
    h('span', { class: `dot ${data.type}`, 'aria-hidden': 'true' }),
    h('span', { class: 'row-main' }, h('strong', null, phone.names.of(data.merchant, 'merchants')),
      h('span', { class: 'quiet' }, `${t(`bill_${data.type}`)} · ${when(at)}`)),
    h('span', { class: `amount ${data.type === 'refunded' ? 'plus' : ''} ${data.type === 'declined' ? 'void' : ''}` },
      phone.money(data.total ?? data.amount, { sign: data.type === 'refunded' })),
  ];
  return data.type === 'declined' ? h('div', { class: 'row still' }, inside)
    : h('button', { type: 'button', class: 'row', 'data-key': position, onclick: () => orderReceipt(phone, data, at) }, inside);
}

/** @param {Phone} phone @param {Table} table @param {boolean} joined */
function pay(phone, table, joined) {
  const { view } = table;
  if (!joined) return button(t('join'), () => joinSheet(phone, table.id), { class: 'button primary wide', 'data-key': 'join' });
  if (view.status === 'closed') return h('p', { class: 'quiet center' }, t('group_is_closed', { rules: '' }));
  return [
    h('p', { class: 'quiet center rule-line' }, describeRules(phone, view)),
    button([icon('code'), t('pay')], () => showCode(phone, table.id, view.name), { class: 'button pay wide', 'data-key': 'pay', disabled: view.paying }),
  ];
}

/** @param {Phone} phone @param {string} group @param {string} [link] */
function joinSheet(phone, group, link) {
  const fields = consentFields(phone);
  formSheet({ title: t('join'), body: [fields.boxes], action: t('join'), submit: (attempt) => join(phone, group, fields.read(), link, attempt) });
}

/** @param {Phone} phone @param {string} group @param {{ cap: number, confirm_above?: number }} consent @param {string} [link] @param {Attempt} [attempt] */
async function join(phone, group, consent, link, attempt = new Attempt()) {
  await attempt.pay(phone, 'groups.join', { group, wallet: phone.wallet, ...consent, ...(link ? { link } : {}) });
  phone.bridge.answered();
  phone.bridge.tell('joined', { group });
  go({ group }, { replace: true });
}

/** Where an invite link leads. @param {Phone} phone @param {string} group @param {string} link @returns {import('./phone.js').View} */
export function joinView(phone, group, link) {
  const fields = consentFields(phone);
  const told = phone.bridge.invitation();
  const name = h('strong', { class: 'join-name' }, told?.group === group ? told.name : t('a_table'));
  const go_in = h('button', { type: 'submit', class: 'button primary wide' }, t('join'));
  const form = h('form', { class: 'stack', novalidate: true }, fields.boxes, go_in);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    work(go_in, () => join(phone, group, fields.read(), link));
  });
  phone.fanju.call('groups.get', { group }).then((view) => {
    name.textContent = view.name;
    const sits = view.members.some((/** @type {any} */ member) => member.wallet === phone.wallet);
    if (sits && route().get('join') === link) go({ group }, { replace: true });
  }, () => {});
  return {
    element: h('div', { class: 'page' }, bar(t('join'), () => go({})),
      h('div', { class: 'join-head' }, h('p', { class: 'quiet' }, t('welcome_invited')), name), form),
    title: t('join'), update() {},
  };
}

