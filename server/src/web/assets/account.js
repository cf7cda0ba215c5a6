// @ts-check
/** Who I am, on which devices, and the rarer things that one does with a wallet. */

import { CURRENCIES } from './money.js';
import { passkeys } from './passkeys.js';
import { go } from './route.js';
import { bar } from './statement.js';
import { amountOf, button, complain, field, fill, formSheet, h, icon, languageSwitch, select, sheet, textOf, toast, when } from './ui.js';
import { t } from './words.js';

/** @param {import('./phone.js').Phone} phone @returns {import('./phone.js').View} */
export function account(phone) {
  const devices = h('ul', { class: 'list' }, h('li', { class: 'quiet empty' }, t('loading')));
  const wallet = h('div', { class: 'stack' });
  const keys = passkeys(phone);
  const element = h('div', { class: 'page' },
    bar(t('account'), () => go({}), languageSwitch()),
    h('section', { class: 'panel' },
      h('strong', { class: 'panel-title' }, phone.me.person.name),
      phone.me.person.verified ? h('span', { class: 'chip settled' }, t('verified'))
        : button(t('verify'), () => verify(phone), { class: 'button small' })),
    h('details', { class: 'panel column' }, h('summary', null, t('person_number_why')),
      h('code', { class: 'mono break', 'data-testid': 'person' }, phone.me.person.id)),
    h('section', null, h('div', { class: 'section-head' }, h('h2', null, t('wallet'))), wallet),
    keys.element,
    h('section', null, h('div', { class: 'section-head' }, h('h2', null, t('devices'))), devices),
    button([icon('leave'), t('sign_out')], () => phone.leave(), { class: 'button wide' }));

  async function load() {
    const { devices: known } = await phone.fanju.call('devices.list', {});
    fill(devices, known.map((/** @type {any} */ one) => h('li', { class: 'row still' },
      h('span', { class: 'row-mark', 'aria-hidden': 'true' }, icon('phone')),
      h('span', { class: 'row-main' }, h('strong', null, one.label || t('device')),
        h('span', { class: 'quiet' }, one.current ? t('this_device') : t('last_seen', { when: when(one.last_seen_at ?? one.created_at) })),
        one.recovered && h('span', { class: 'quiet' }, t('device_recovered', { when: when(one.created_at) }))),
      !one.current && button(t('revoke'), async () => {
        await phone.fanju.call('devices.revoke', { device: one.device });
        toast(t('toast_revoked'));
        await load();
      }, { class: 'button small danger' }))));
  }

  load().catch(complain);
  keys.load().catch(complain);
  return { element, title: t('account'), update() { fill(wallet, walletPart(phone)); } };
}

/** @param {import('./phone.js').Phone} phone */
function walletPart(phone) {
  const { account: state, me } = phone;
  if (!state) return [];
  const frozen = state.status === 'frozen';
  const copy = async () => {
    await navigator.clipboard.writeText(phone.wallet);
    toast(t('copied'));
  };
  return [
    me.wallets.length > 1 && h('div', { class: 'quick' }, me.wallets.map((/** @type {any} */ one) => h('button', {
      type: 'button', class: `button small ${one.wallet === phone.wallet ? 'chosen' : ''}`, 'data-key': one.wallet,
      'aria-pressed': String(one.wallet === phone.wallet),
      onclick: () => { localStorage.setItem('fanju.wallet', one.wallet); phone.follow(one.wallet); },
    }, one.currency))),
    h('div', { class: 'panel column' },
      h('span', { class: 'quiet' }, t('wallet_number')),
      h('code', { class: 'mono break' }, phone.wallet),
      h('div', { class: 'quick' },
        button(t('copy'), copy, { class: 'button small' }),
        button(t('withdraw'), () => withdraw(phone), { class: 'button small' }),
        button(t(frozen ? 'thaw' : 'freeze'), () => freeze(phone, frozen), { class: 'button small' }),
        button(t('wallet_more'), () => another(phone), { class: 'button small' }))),
  ];
}

/** @param {import('./phone.js').Phone} phone */
function withdraw(phone) {
  const amount = field(t('amount'), { inputmode: 'decimal', class: 'input big', placeholder: phone.money(0) },
    t('withdraw_hint', { amount: phone.money(phone.account.available) }));
  formSheet({
    title: t('withdraw'), body: [amount.box], action: t('withdraw'),
    async submit(attempt) {
      const minor = amountOf(amount.input, phone.currency);
      await attempt.pay(phone, 'wallets.withdraw', { wallet: phone.wallet, amount: minor });
      return t('toast_withdrawn', { amount: phone.money(minor) });
    },
  });
}

/** @param {import('./phone.js').Phone} phone @param {boolean} frozen */
async function freeze(phone, frozen) {
  if (frozen) return void await phone.fanju.call('wallets.thaw', { wallet: phone.wallet }).then(() => phone.refresh());
  const asked = sheet({ title: t('freeze'), body: [
    h('p', null, t('freeze_why')),
    button(t('freeze'), async () => {
      await phone.fanju.call('wallets.freeze', { wallet: phone.wallet });
      phone.refresh();
      asked.close();
    }, { class: 'button danger wide' })] });
}

/** @param {import('./phone.js').Phone} phone */
function another(phone) {
  const currency = select(t('currency'), CURRENCIES.map((code) => [code, code]), 'USD');
  formSheet({
    title: t('wallet_more'), body: [currency.box], action: t('wallet_open'),
    async submit(attempt) {
      const { wallet } = await phone.openWallet(currency.input.value, attempt);
      localStorage.setItem('fanju.wallet', wallet);
      phone.follow(wallet);
    },
  });
}

/** @param {import('./phone.js').Phone} phone */
function verify(phone) {
  const name = field(t('real_name'), { autocomplete: 'name' });
  const number = field(t('id_number'), { spellcheck: 'false' });
  formSheet({
    title: t('verify'), body: [name.box, number.box], action: t('verify'),
    async submit() {
      await phone.fanju.call('me.verify', { name: textOf(name.input), id_number: textOf(number.input) });
      phone.me.person.verified = true;
      phone.show();
    },
  });
}
