// @ts-check
/** The moments that count: a share to confirm, a bill that is paid, a bill that is not. */

import { eaten } from './claims.js';
import { lookBack, PAGE } from './look_back.js';
import { blamed, initial } from './ring.js';
import { button, complain, h, icon, known, sheet, toast, when } from './ui.js';
import { t } from './words.js';

/** @typedef {import('./phone.js').Phone} Phone */

/** So many pages of a table's events are looked through for a bill: ten thousand claims. */
const PAGES_MAX = 20;

/** What is asked right now, by table: the newest lies on top. @type {Map<string, { presentation: string, owed: number, close: () => void, confirm: () => Promise<void> }>} */
const asked = new Map();

/** Browsers let a page buzz once it was touched, and complain before. @param {number[]} pattern */
function buzz(pattern) {
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(pattern);
}

/** What was answered and is not sent yet goes with the question. @param {string} table */
export function closeQuestion(table) {
  asked.get(table)?.close();
  asked.delete(table);
}

/** Says yes to what is asked right now, if anything is. */
export async function answerQuestion() {
  await [...asked.values()].at(-1)?.confirm();
}

/**
 * @param {Phone} phone @param {import('./tables.js').Table} table
 * @param {{ merchant: string, order_no: string, presentation: string, diner: string, owed: number }} what
 */
export async function question(phone, table, what) {
  const { merchant, order_no, presentation, diner, owed } = what;
  const before = asked.get(table.id);
  if (before?.presentation === presentation && before.owed === owed) return;
  closeQuestion(table.id);
  const params = { group: table.id, diner, merchant, order_no, presentation, owed };
  let said = new AbortController();
  const answer = async (/** @type {(signal: AbortSignal) => Promise<unknown>} */ say) => {
    // The last word counts: a yes that still waits for the channel does not outlive a no.
    said.abort();
    said = new AbortController();
    const { signal } = said;
    try {
      await say(signal);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    if (asked.get(table.id) === mine) closeQuestion(table.id);
  };
  const confirm = () => answer((signal) => phone.pay('groups.confirm', params, { signal }));
  const refuse = () => answer((signal) => phone.fanju.call('groups.refuse', params, { signal }));
  const who = h('strong', null, phone.names.of(merchant, 'merchants'));
  const opened = sheet({
    title: t('question'), tone: 'question', firm: true, body: [
      h('p', { class: 'center' }, who),
      h('p', { class: 'huge', 'data-testid': 'owed' }, phone.money(owed)),
      h('p', { class: 'center quiet' }, t('question_why', { table: table.view?.name ?? '' })),
      table.progress && h('p', { class: 'center quiet' }, t('question_of', { total: phone.money(table.progress.total) })),
      button([icon('check'), t('confirm_share', { amount: phone.money(owed) })], confirm, { class: 'button pay wide' }),
      button(t('refuse_share'), refuse, { class: 'button wide' }),
      h('p', { class: 'center quiet small' }, t('order_no_is', { order_no }))],
  });
  const close = () => {
    said.abort();
    opened.close();
  };
  const mine = { presentation, owed, close, confirm };
  asked.set(table.id, mine);
  buzz([60, 40, 60]);
  await phone.names.need([merchant], 'merchants').catch(() => {});
  who.textContent = phone.names.of(merchant, 'merchants');
}

/** How bills ended, as far as that was shown. @type {{ order: string, group: string, dialog: HTMLDialogElement }[]} */
let outcomes = [];

/** Those that nobody has closed yet. */
function shown() {
  outcomes = outcomes.filter(({ dialog }) => dialog.open);
  return outcomes;
}

/** Shows how a bill ended, in place of how it ended before; what another bill came to stays. @param {{ group: string, merchant: string, order_no: string }} of @param {Parameters<typeof sheet>[0]} what */
function outcome({ group, merchant, order_no }, what) {
  const order = `${merchant} ${order_no}`;
  for (const before of shown()) if (before.order === order) before.dialog.close();
  const opened = sheet(what);
  outcomes.push({ order, group, dialog: opened.dialog });
  return opened;
}

/**
 * Everybody's share of a paid bill.
 * @param {Phone} phone
 * @param {{ settlement: any, at: number, fresh?: boolean, refunds?: any[], partly?: boolean, dishes?: import('./claims.js').Dishes | null }} what `partly`: more may have been given back
 */
export async function receipt(phone, { settlement, at, fresh = false, refunds = [], partly = false, dishes = null }) {
  await Promise.all([
    phone.names.need([settlement.merchant], 'merchants'),
    phone.names.need(settlement.shares.map((/** @type {any} */ share) => share.diner), 'wallets'),
  ]).catch(() => {});
  const mine = settlement.shares.find((/** @type {any} */ share) => share.diner === phone.wallet);
  const back = (/** @type {string} */ diner) => refunds.flatMap((refund) => refund.legs)
    .filter((leg) => leg.diner === diner).reduce((sum, leg) => sum + leg.amount, 0);
  const opened = outcome(settlement, {
    title: t('receipt'), tone: `receipt ${fresh ? 'fresh' : ''}`, hideTitle: true, body: [
      h('div', { class: 'stamp', 'aria-hidden': 'true' }, icon('check')),
      h('p', { class: 'center', role: 'status' }, h('strong', null, t('paid_to', { who: phone.names.of(settlement.merchant, 'merchants') }))),
      h('p', { class: 'huge', 'data-testid': 'my-share' }, phone.money(mine?.owed ?? 0)),
      h('p', { class: 'center quiet' }, mine ? t('my_share_of', { total: phone.money(settlement.total), count: settlement.shares.length })
        : t('share_none', { total: phone.money(settlement.total) })),
      h('ul', { class: 'list slip' }, settlement.shares.map((/** @type {any} */ share, /** @type {number} */ index) =>
        h('li', { class: `row still ${share.diner === phone.wallet ? 'me' : ''}` },
          h('span', { class: `row-mark seat-${index % 8}`, 'aria-hidden': 'true' }, initial(phone.names.of(share.diner))),
          h('span', { class: 'row-main' }, h('span', null, phone.names.of(share.diner)), h('span', { class: 'quiet' }, covered(phone, settlement, index)),
            dishes && h('span', { class: 'quiet', 'data-testid': 'dishes' }, eaten(dishes, share.diner))),
          h('span', { class: 'amount' }, phone.money(share.owed), back(share.diner) > 0
            && h('small', { class: 'plus' }, phone.money(back(share.diner), { sign: true }))))),
      h('li', { class: 'row still total' }, h('span', { class: 'row-main' }, t('total')), h('span', { class: 'amount' }, phone.money(settlement.total)))),
      partly && h('p', { class: 'center quiet' }, t('receipt_partly')),
      h('p', { class: 'center quiet small' }, [t('order_no_is', { order_no: settlement.order_no }), when(at)].join(' · ')),
      button(t('done'), () => opened.close(), { class: 'button wide' })],
  });
  if (fresh) buzz([40]);
}

/** Who paid a share, where it was not the diner alone. @param {Phone} phone @param {any} settlement @param {number} index */
function covered(phone, settlement, index) {
  const { diner, confirmed } = settlement.shares[index];
  const others = settlement.legs.filter((/** @type {any} */ leg) => leg.share === index && leg.source.id !== diner);
  if (others.length) return t('covered_by', { who: others.map((/** @type {any} */ leg) => phone.names.of(leg.source.id)).join(', ') });
  return confirmed ? t('confirmed_share') : '';
}

/** The receipt of an event that a list shows: the settlement itself, or the one that a refund belongs to. @param {Phone} phone @param {any} data @param {number} at */
export async function orderReceipt(phone, data, at) {
  try {
    // What was given back was given after it was paid: whoever has looked back so far has seen all of it.
    const { found } = await lookBack((from) => phone.fanju.call('groups.events', { group: data.group, limit: PAGE, from }), {
      wanted: (/** @type {any} */ one) => one.event.data.order_no === data.order_no && one.event.data.merchant === data.merchant && /^(settled|refunded)$/.test(one.event.data.type),
      enough: (/** @type {any[]} */ same) => same.at(-1)?.event.data.type === 'settled', pages: PAGES_MAX,
    });
    const paid = found.find((/** @type {any} */ one) => one.event.data.type === 'settled');
    const refunds = found.filter((/** @type {any} */ one) => one.event.data.type === 'refunded').map((/** @type {any} */ one) => one.event.data);
    if (paid) return await receipt(phone, { settlement: paid.event.data, at: Date.parse(paid.event.time) * 1000, refunds });
    if (data.type === 'settled') return await receipt(phone, { settlement: data, at, refunds, partly: true });
    complain(known(t('receipt_far'), 'receipt_far'));
  } catch (error) {
    if (data.type !== 'settled') return complain(error);
    await receipt(phone, { settlement: data, at, partly: true });
  }
}

/** That a bill was not paid. Where the end of another table's bill is being read, it is said beside that. @param {Phone} phone @param {{ decline: any, table: string, at: number }} what */
export async function declined(phone, { decline, table, at }) {
  const who = blamed(decline.reason);
  await Promise.all([
    phone.names.need([decline.merchant], 'merchants'), who ? phone.names.need([who], 'wallets') : null,
  ]).catch(() => {});
  const { order_no } = decline;
  const reason = reasonText(decline.reason, (id) => (id === phone.wallet ? t('me') : phone.names.of(id)), who === phone.wallet);
  if (shown().some(({ group }) => group !== decline.group)) return toast(t('toast_declined', { order_no, table, reason }), 'unpaid');
  const opened = outcome(decline, {
    title: t('not_paid'), tone: 'declined', hideTitle: true, body: [
      h('div', { class: 'stamp bad', 'aria-hidden': 'true' }, icon('close')),
      h('p', { class: 'center big-line', role: 'alert' }, h('strong', null, reason)),
      h('p', { class: 'center quiet' }, t('nobody_paid', { total: phone.money(decline.total), who: phone.names.of(decline.merchant, 'merchants') })),
      h('p', { class: 'center quiet small' }, [t('order_no_is', { order_no }), table, when(at)].join(' · ')),
      button(t('understood'), () => opened.close(), { class: 'button primary wide' })],
  });
}

/** Why a bill was not paid, in words. @param {any} reason @param {(wallet: string) => string} name @param {boolean} [mine] whether it was the reader */
export function reasonText(reason, name, mine = false) {
  const who = blamed(reason);
  return t(`declined_${reason.reason}${mine ? '_me' : ''}`, { who: who ? name(who) : '' });
}
