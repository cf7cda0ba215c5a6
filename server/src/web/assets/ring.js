// @ts-check
/** The table from above: a seat for everybody around it, and in the middle how far the bill is. */

import { h, icon, svg, vars } from './ui.js';
import { t } from './words.js';

/** More people than fit around a screen's width sit on the list only. */
const SEATS_MAX = 16;
/** Seats on a circle of names; beyond it only initials stand there. */
const NAMED_MAX = 10;
/** Seats that an open table shows at least. */
const SEATS_FREE = 6;

/** @typedef {'idle' | 'reserving' | 'reserved' | 'waiting' | 'confirmed' | 'paid' | 'blamed'} SeatState */

/** @type {Record<SeatState, 'more' | 'check' | 'close' | null>} */
const MARKS = { idle: null, reserving: null, reserved: 'check', waiting: 'more', confirmed: 'check', paid: 'check', blamed: 'close' };

/** What one diner's seat shows. @param {import('./tables.js').Table} table @param {string} wallet @returns {SeatState} */
export function seatState(table, wallet) {
  const { progress, outcome } = table;
  if (progress) {
    if (progress.waiting_for.some((/** @type {any} */ asked) => asked.diner === wallet)) return 'waiting';
    if (table.asked.has(wallet)) return 'confirmed';
    return progress.reserving.includes(wallet) ? 'reserving' : 'reserved';
  }
  if (table.paid.has(wallet)) return 'paid';
  if (outcome?.kind === 'declined' && blamed(outcome.data.reason) === wallet) return 'blamed';
  return 'idle';
}

/** @param {any} reason @returns {string | undefined} whose share was missing */
export function blamed(reason) {
  return reason.diner ?? reason.waiting_for;
}

/** The first letter of a name, or the first character of a Chinese one. @param {string} name */
export function initial(name) {
  return [...name.replace(/^…/, '')][0]?.toUpperCase() ?? '·';
}

/** The colour of the seat at `index`, in the order of joining. @param {number} index */
export function seatColour(index) {
  return `seat-${index % 8}`;
}

/** @param {import('./phone.js').Phone} phone @param {import('./tables.js').Table} table */
export function ring(phone, table) {
  const { members } = table.view;
  const shown = members.slice(0, SEATS_MAX);
  // An open table has room: a few free seats say so.
  const free = table.view.status === 'open' ? Math.max(0, SEATS_FREE - shown.length) : 0;
  const places = shown.length + free;
  const seats = h('ul', { class: `seats ${members.length > NAMED_MAX ? 'crowded' : ''}`, 'aria-label': t('diners') },
    shown.map((/** @type {any} */ member, /** @type {number} */ index) => seat(phone, table, member.wallet, index, places)),
    Array.from({ length: free }, (_, index) => freeSeat(shown.length + index, places)),
    members.length > SEATS_MAX && h('li', { class: 'unseen' }, t('and_more', { count: members.length - SEATS_MAX })));
  return h('div', { class: `ring ${table.progress ? 'paying' : table.outcome?.kind ?? ''}` }, board(table), middle(phone, table), seats);
}

/** @param {import('./phone.js').Phone} phone @param {import('./tables.js').Table} table @param {string} wallet @param {number} index @param {number} of */
function seat(phone, table, wallet, index, of) {
  const name = phone.names.of(wallet);
  const state = seatState(table, wallet);
  const mark = MARKS[state];
  const element = h('li', { class: `seat ${state} ${wallet === phone.wallet ? 'me' : ''}` },
    h('span', { class: `seat-face ${seatColour(index)}`, 'aria-hidden': 'true' }, initial(name),
      mark && h('span', { class: 'seat-mark' }, icon(mark))),
    h('span', { class: 'seat-name' }, wallet === phone.wallet ? t('me') : name),
    h('span', { class: 'unseen' }, t(`seat_${state}`)));
  vars(element, { angle: `${(360 / of) * index}deg` });
  return element;
}

/** @param {number} index @param {number} of */
function freeSeat(index, of) {
  const element = h('li', { class: 'seat free', 'aria-hidden': 'true' }, h('span', { class: 'seat-face' }));
  vars(element, { angle: `${(360 / of) * index}deg` });
  return element;
}

/** The table's top with the arc of what is set aside. @param {import('./tables.js').Table} table */
function board(table) {
  const { progress, outcome } = table;
  const part = progress ? (progress.of ? progress.reserved / progress.of : 0) : outcome?.kind === 'settled' ? 1 : 0;
  return svg('svg', { viewBox: '0 0 100 100', class: 'board', 'aria-hidden': 'true' },
    svg('circle', { cx: 50, cy: 50, r: 25.6, class: 'board-top' }),
    svg('circle', { cx: 50, cy: 50, r: 25.6, class: 'board-edge' }),
    svg('circle', { cx: 50, cy: 50, r: 25.6, class: 'board-arc', pathLength: 100, 'stroke-dasharray': `${part * 100} 100` }));
}

/** What the bill waits for: somebody's yes, or that all shares are set aside. @param {import('./phone.js').Phone} phone @param {any} progress */
export function coming(phone, { reserved, of, waiting_for }) {
  const [first, ...more] = waiting_for;
  if (!first) return t('reserved_of', { reserved, of });
  if (first.diner === phone.wallet && !more.length) return t('waiting_for_me');
  return more.length ? t('waiting_for', { count: waiting_for.length }) : t('waiting_for_one', { who: phone.names.of(first.diner) });
}

/** @param {import('./phone.js').Phone} phone @param {import('./tables.js').Table} table */
function middle(phone, table) {
  const { progress, outcome, view } = table;
  if (progress) {
    return h('div', { class: 'middle' },
      h('strong', { class: 'middle-amount' }, phone.money(progress.total)),
      h('span', { class: progress.waiting_for.length ? 'waiting-text' : null, 'data-testid': 'coming' }, coming(phone, progress)));
  }
  // It is decided, and the word is on its way.
  if (view.paying) return h('div', { class: 'middle' }, h('span', null, t('order_in_flight')));
  if (outcome) {
    const good = outcome.kind === 'settled';
    return h('div', { class: `middle ${good ? 'good' : 'bad'}` }, icon(good ? 'check' : 'close'),
      h('strong', { class: 'middle-amount' }, phone.money(outcome.data.total)), h('span', null, t(good ? 'paid' : 'not_paid')));
  }
  return h('div', { class: 'middle' },
    h('strong', { class: 'middle-count' }, view.members.length),
    h('span', null, t('seated_word')));
}
