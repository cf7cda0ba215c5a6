// @ts-check
/** My passkeys, the codes that are the way back, and the way back. */

import { FanjuError, addPasskey, deviceName, forgetPasskey, recover } from './fanju.js';
import { go } from './route.js';
import { button, field, fill, formSheet, h, icon, sheet, textOf, toast, when } from './ui.js';
import { t } from './words.js';

/** @typedef {import('./phone.js').Phone} Phone */
/** @typedef {import('./api.js').PasskeyView} Passkey */
/** @typedef {import('./api.js').CodesView} Codes */

/** How many signs of any language a label holds for sure. */
const LABEL_SIGNS_MAX = 20;

/** @param {Phone} phone */
export function passkeys(phone) {
  const list = h('ul', { class: 'list' }, h('li', { class: 'quiet empty' }, t('loading')));
  const hint = h('p', { class: 'quiet' });
  const codes = h('div', { class: 'panel column' });
  const add = button([icon('add'), t('passkey_add')], () => addOne(phone, load), { class: 'button small', 'data-key': 'add-passkey' });
  const element = h('div', { class: 'page-part' },
    h('section', { class: 'stack tight' }, h('div', { class: 'section-head' }, h('h2', null, t('passkeys')), add), list, hint),
    h('section', null, h('div', { class: 'section-head' }, h('h2', null, t('recovery_codes'))), codes));

  async function load() {
    const [{ passkeys: own, max }, known] = await Promise.all([phone.fanju.call('passkeys.list', {}), phone.fanju.call('recovery_codes.get', {})]);
    // Whoever was made up for a demonstration has none, and gets none.
    element.hidden = !own.length;
    add.hidden = own.length >= max;
    fill(list, own.map((one) => row(phone, one, own.length > 1, load)));
    hint.hidden = own.length > 1 && own.length < max;
    hint.textContent = t(own.length > 1 ? 'error_too_many' : 'passkey_only_one');
    fill(codes, codesPart(phone, known, load));
  }

  return { element, load };
}

/** @param {Phone} phone @param {Passkey} one @param {boolean} mayGo @param {() => Promise<void>} load */
function row(phone, one, mayGo, load) {
  const used = one.last_used_at ? t('passkey_used', { when: when(one.last_used_at) }) : t('passkey_made', { when: when(one.created_at) });
  return h('li', { class: 'row still' },
    h('span', { class: 'row-mark', 'aria-hidden': 'true' }, icon('key')),
    h('span', { class: 'row-main' }, h('strong', null, one.label),
      h('span', { class: 'quiet' }, [one.current && t('passkey_current'), used].filter(Boolean).join(' · '))),
    mayGo && button(t('passkey_remove'), () => removeOne(phone, one, load),
      { class: 'button small danger', 'aria-label': t('passkey_remove_this', { label: one.label }), 'data-key': `remove-${one.passkey}` }));
}

/** @param {Phone} phone @param {() => Promise<void>} load */
async function addOne(phone, load) {
  const ask = () => phone.fanju.call('add_passkey.begin', {});
  // Asked for before the sheet opens: browsers show a passkey's window only right behind a press.
  /** @type {import('./api.js').Ceremony | null} */
  let begun = await phone.sure(ask, t('step_up_passkeys'));
  const label = field(t('passkey_label'), { maxlength: LABEL_SIGNS_MAX, value: deviceName().slice(0, LABEL_SIGNS_MAX) }, t('passkey_label_hint'));
  formSheet({
    title: t('passkey_add'), body: [h('p', null, t('passkey_add_how')), label.box], action: t('passkey_add_do'),
    async submit() {
      const ceremony = begun ?? await phone.sure(ask, t('step_up_passkeys'));
      begun = null;
      const added = await addPasskey(phone.fanju, ceremony, { label: label.input.value.trim() || undefined });
      toast(t('toast_passkey_added', { label: added.label }), 'good');
      await load();
    },
  });
}

/** @param {Phone} phone @param {Passkey} one @param {() => Promise<void>} load */
function removeOne(phone, one, load) {
  const asked = sheet({ title: t('passkey_remove_this', { label: one.label }), body: [
    h('p', null, t(one.current ? 'passkey_remove_current' : 'passkey_remove_why')),
    button(t('passkey_remove'), async () => {
      const { signed_out } = await phone.sure(() => phone.fanju.call('passkeys.remove', { passkey: one.passkey }), t('step_up_passkeys'));
      forgetPasskey(one.passkey);
      asked.close();
      if (signed_out) return phone.over();
      toast(t('toast_passkey_removed', { label: one.label }));
      await load();
    }, { class: 'button danger wide', 'data-key': 'sure' })] });
}

/** @param {Phone} phone @param {Codes} known @param {() => Promise<void>} load */
function codesPart(phone, { left, of, made_at }, load) {
  const make = async () => {
    const once = () => phone.sure(() => phone.fanju.call('recovery_codes.make', {}), t('step_up_passkeys'));
    const made = await once().catch((error) => {
      // A cut has swallowed them, and those before are void: others, which take another look.
      if (error instanceof FanjuError && error.code === 'secret_shown') return once();
      throw error;
    });
    codesSheet(phone, made.codes);
    await load();
  };
  const anew = () => {
    const asked = sheet({ title: t('recovery_anew'), body: [
      h('p', null, t('recovery_anew_why')),
      button(t('recovery_anew'), async () => { await make(); asked.close(); }, { class: 'button primary wide', 'data-key': 'sure' })] });
  };
  return [
    h('strong', null, made_at ? t('recovery_left', { left, of }) : t('recovery_none')),
    h('span', { class: 'quiet' }, made_at ? t('recovery_made', { when: when(made_at) }) : t('recovery_why')),
    h('div', { class: 'quick' }, button(t(made_at ? 'recovery_anew' : 'recovery_make'), made_at ? anew : make, { class: 'button small', 'data-key': 'make-codes' })),
  ];
}

/** The codes, this once: to copy, to print, to put away. @param {Phone} phone @param {string[]} codes */
function codesSheet(phone, codes) {
  const whose = `${phone.me.person.name} · ${location.host}`;
  const copy = async () => {
    await navigator.clipboard.writeText([whose, ...codes].join('\n'));
    toast(t('copied'), 'good');
  };
  const opened = sheet({ title: t('recovery_codes'), firm: true, tone: 'printable', body: [
    h('p', null, t('recovery_once')),
    h('p', { class: 'quiet' }, t('recovery_name', { whose })),
    h('ol', { class: 'codes panel', 'aria-label': t('recovery_codes') }, codes.map((code) => h('li', { class: 'mono', 'data-testid': 'recovery-code' }, code))),
    h('div', { class: 'two' },
      button(t('copy'), copy, { class: 'button' }),
      button(t('print'), () => print(), { class: 'button' })),
    button(t('recovery_kept'), () => opened.close(), { class: 'button primary wide', 'data-key': 'kept' })] });
}

/** @param {Phone} phone */
export function comeBack(phone) {
  const name = field(t('your_name'), { name: 'name', autocomplete: 'name', maxlength: 60 }, t('recovery_your_name_hint'));
  const code = field(t('recovery_code'), {
    class: 'input mono', autocapitalize: 'characters', spellcheck: 'false', maxlength: 32, placeholder: 'XXXX-XXXX-XXXX-XXXX',
  }, t('recovery_code_hint'));
  formSheet({
    title: t('lost_passkey'), body: [h('p', null, t('recovery_how')), name.box, code.box], action: t('recovery_do'),
    async submit() {
      const session = await recover(phone.fanju, { name: textOf(name.input), code: textOf(code.input).normalize('NFKC'), device: deviceName() });
      await phone.enter(session);
      go({ account: '1' });
      toast(t('toast_recovered'), 'good');
    },
  });
}
