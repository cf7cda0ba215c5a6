// @ts-check
/** What the demo's ribbon can do on a phone: the same that a finger does. */

import { showCode } from './pay.js';
import { go } from './route.js';
import { answerQuestion } from './receipt.js';
import { complain } from './ui.js';
import { t } from './words.js';

const PURSE_LOW = 10_000;
const PURSE = 50_000;

/** @param {import('./phone.js').Phone} phone @param {any} order */
export async function act(phone, order) {
  try {
    if (order.act === 'open') await open(phone, order);
    if (order.act === 'sit') go({ group: order.group });
    if (order.act === 'invite') await opened(phone, order.group, order.name);
    if (order.act === 'join') await join(phone, order);
    if (order.act === 'show_code') await code(phone, order);
    if (order.act === 'confirm') await answerQuestion();
    phone.bridge.tell('did', { act: order.act });
  } catch (error) {
    complain(error);
    phone.bridge.tell('failed', { act: order.act });
  }
}

/** @param {import('./phone.js').Phone} phone @param {{ cap: number, confirm_above?: number }} order */
async function open(phone, { cap, confirm_above }) {
  await refill(phone);
  await leaveTables(phone);
  const params = { name: t('dinner'), host: phone.wallet, cap, ...(confirm_above ? { confirm_above } : {}) };
  const { group } = await phone.fanju.call('groups.open', params);
  await opened(phone, group, t('dinner'));
  go({ group });
}

/** Whoever opens the next table has left the last one, also where the page was loaded anew meanwhile. @param {import('./phone.js').Phone} phone */
async function leaveTables(phone) {
  await phone.tables.refresh();
  const mine = phone.tables.list?.filter(({ host, status }) => host === phone.wallet && status !== 'closed') ?? [];
  // A bill that is being paid keeps its table: that is closed with the next one.
  await Promise.all(mine.map(({ group }) => phone.fanju.call('groups.close', { group, by: phone.wallet }).catch(() => {})));
}

/** A demo of many dinners must not end because a purse is empty. @param {import('./phone.js').Phone} phone */
async function refill(phone) {
  if (phone.account && phone.account.available < PURSE_LOW) {
    await phone.fanju.call('wallets.top_up', { wallet: phone.wallet, amount: PURSE });
  }
}

/** Tells the other phones of the demo that there is a table. @param {import('./phone.js').Phone} phone @param {string} group @param {string} name */
export async function opened(phone, group, name) {
  if (!phone.bridge.demo) return;
  const { link } = await phone.fanju.call('groups.link', { group, by: phone.wallet });
  phone.bridge.tell('opened', { group, link, name, host: phone.me.person.name });
}

/** @param {import('./phone.js').Phone} phone @param {{ group: string, link: string, cap: number, confirm_above?: number }} order */
async function join(phone, { group, link, cap, confirm_above }) {
  await refill(phone);
  try {
    await phone.fanju.call('groups.join', { group, wallet: phone.wallet, cap, link, ...(confirm_above ? { confirm_above } : {}) });
  } catch (error) {
    // Whoever sits there already only has to look.
    const { members } = await phone.fanju.call('groups.get', { group }).catch(() => ({ members: [] }));
    if (!members.some((/** @type {any} */ member) => member.wallet === phone.wallet)) throw error;
  }
  phone.bridge.answered();
  phone.bridge.tell('joined', { group });
  go({ group });
}

/** @param {import('./phone.js').Phone} phone @param {{ group: string }} order */
async function code(phone, { group }) {
  go({ group });
  await showCode(phone, group, t('dinner'));
}
