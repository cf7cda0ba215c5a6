// @ts-check
/** Which shop a till is of: whoever works for several chooses one on each device, opens another one, or leaves one. */

import { keepAll } from './typed.js';
import { button, complain, fill, h, icon, languageSwitch, leaveButton, sheet } from './ui.js';
import { t } from './words.js';

/** @typedef {import('./till.js').Till} Till */
/** @typedef {import('./api.js').MeView} Me */
/** @typedef {import('./api.js').Work} Work */

/** Where this device keeps which shop a person has chosen. */
const CHOSEN = 'fanju.shop of ';
/** Where the page asks for it, whatever was chosen. */
const ASKS = '#shops';

/** The shop that the till opens without a question: the one chosen here, or the only one. @param {Me} me @returns {string | null} */
export function shopOf({ person, merchants }) {
  if (location.hash === ASKS) return null;
  const chosen = localStorage.getItem(CHOSEN + person.id);
  // Whoever works there no more is asked: what is left may be a shop of people who only wrote a number down.
  const its = chosen ? merchants.find(({ merchant }) => merchant === chosen) : merchants.length === 1 && merchants[0];
  return its ? its.merchant : null;
}

/** @param {Me} me @param {string} merchant */
export function choose({ person }, merchant) {
  localStorage.setItem(CHOSEN + person.id, merchant);
  if (location.hash === ASKS) history.replaceState(null, '', location.pathname);
}

/** A quiet way from the till to the others. The page is loaded anew: a till takes money for one shop alone. */
export function shopsButton() {
  const ask = () => {
    keepAll();
    location.hash = ASKS;
    location.reload();
  };
  return h('button', { type: 'button', class: 'icon-button', 'aria-label': t('shops'), title: t('shops'), 'data-key': 'shops', onclick: ask }, icon('shop'));
}

/** @param {Till} till @param {Me} me */
export function shopsView(till, me) {
  const list = h('ul', { class: 'list', 'aria-label': t('shops'), 'data-testid': 'shops' }, h('li', { class: 'quiet empty' }, t('loading')));
  const show = () => fill(list, me.merchants.map((work) => h('li', { class: 'split-row' }, row(till, me, work))));
  // Without their names they could not be told apart.
  till.names.need(me.merchants.map(({ merchant }) => merchant), 'merchants').then(show, complain);
  return h('div', { class: 'welcome' },
    h('div', { class: 'welcome-head' }, languageSwitch(), leaveButton(() => till.leave())),
    h('img', { src: '/assets/icon.svg', alt: '', width: 88, height: 88, class: 'welcome-seal' }),
    h('h1', null, t('shops')),
    h('p', { class: 'lead' }, t('shops_which')),
    list,
    button([icon('add'), t('shop_own')], () => till.onboard(), { class: 'button wide', 'data-key': 'own-shop' }));
}

/** @param {Till} till @param {Me} me @param {Work} work @returns {import('./ui.js').Child[]} */
function row(till, me, { merchant, role }) {
  const name = till.names.of(merchant, 'merchants');
  return [
    h('button', { type: 'button', class: 'row', 'data-key': merchant, onclick: () => till.open(merchant) },
      h('span', { class: 'row-mark', 'aria-hidden': 'true' }, name.slice(0, 1)),
      h('span', { class: 'row-main' }, h('strong', null, name), h('span', { class: 'quiet' }, t(`role_${role}`)))),
    h('button', { type: 'button', class: 'button plain', 'aria-label': t('shop_leave_this', { shop: name }),
      'data-key': `leave-${merchant}`, onclick: () => leave(till, me, merchant, name) }, t('shop_leave')),
  ];
}

/** Takes the own role away. @param {Till} till @param {Me} me @param {string} merchant @param {string} name */
function leave(till, me, merchant, name) {
  sheet({ title: t('shop_leave_this', { shop: name }), body: [
    h('p', null, t('shop_leave_why')),
    button(t('shop_leave'), async () => {
      await till.pay('staff.remove', { merchant, person: me.person.id });
      location.reload();
    }, { class: 'button danger wide', 'data-key': 'sure' })] });
}
