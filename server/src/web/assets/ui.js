// @ts-check
/** Small helpers for the pages: elements, sheets, toasts, buttons that work. Data is only ever text. */

import { Attempt } from './attempt.js';
import { readMoney } from './money.js';
import { keepAll } from './typed.js';
import { LANGUAGES, language, speak, t } from './words.js';

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Record<string, any>} Props */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * One element. `on…` are listeners, `vars` are custom properties, everything else an attribute.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {Props | null} [props] @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  dress(element, props ?? {});
  element.append(...nodes(children));
  return element;
}

/** @param {string} tag @param {Props} props @param {...(Child | Child[])} children */
export function svg(tag, props, ...children) {
  const element = document.createElementNS(SVG, tag);
  dress(element, props);
  element.append(...nodes(children));
  return element;
}

/** @param {Element} element @param {Props} props */
function dress(element, props) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'vars') vars(element, value);
    else if (name === 'value' && 'value' in element) element.value = value;
    else element.setAttribute(name, value === true ? '' : String(value));
  }
}

/** @param {Element} element @param {Record<string, string | number>} values */
export function vars(element, values) {
  const { style } = /** @type {HTMLElement} */ (element);
  for (const [name, value] of Object.entries(values)) style.setProperty(`--${name}`, String(value));
}

/** @param {(Child | Child[])[]} children */
function nodes(children) {
  return children.flat().filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}

/**
 * Puts `children` in place of what `parent` holds; whoever had the focus (by `data-key`) keeps it.
 * @param {Element} parent @param {...(Child | Child[])} children
 */
export function fill(parent, ...children) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const key = focused?.getAttribute('data-key');
  parent.replaceChildren(...nodes(children));
  if (key) /** @type {HTMLElement | null} */ (parent.querySelector(`[data-key="${CSS.escape(key)}"]`))?.focus();
}

/** The shapes of all icons, on a field of 24. */
const ICONS = {
  add: 'M12 5v14M5 12h14', back: 'M15 5l-7 7 7 7', close: 'M6 6l12 12M18 6L6 18', check: 'M5 12.5l4.5 4.5L19 7.5',
  up: 'M12 19V5M6 11l6-6 6 6', send: 'M7 17L17 7M9 7h8v8', list: 'M5 7h14M5 12h14M5 17h9', lock: 'M7 11h10v8H7zM9 11V8a3 3 0 016 0v3',
  people: 'M9 11a3 3 0 100-6 3 3 0 000 6zM3.5 19c.4-3 2.6-5 5.5-5s5.1 2 5.5 5M16 5.3a3 3 0 010 5.4M17 14.3c2 .6 3.2 2.3 3.5 4.7',
  rules: 'M12 4v16M5 8h14M5 8l-2.5 6h5zM19 8l-2.5 6h5z', code: 'M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2v2h-2zM18 14h2v6h-2zM14 18h2v2h-2z',
  person: 'M12 11a4 4 0 100-8 4 4 0 000 8zM5 21c.5-4 3.3-6.5 7-6.5s6.5 2.5 7 6.5', key: 'M7.5 16a4 4 0 100-8 4 4 0 000 8zM11.5 12H21v3.5M17 12v2.5',
  shop: 'M5 11v9h14v-9M3 9l2-5h14l2 5a3 3 0 01-6 0 3 3 0 01-6 0 3 3 0 01-6 0zM10 20v-5h4v5', camera: 'M4 8h3l2-3h6l2 3h3v11H4zM12 16.5a3.5 3.5 0 100-7 3.5 3.5 0 000 7z', refund: 'M9 6L4 11l5 5M4 11h10a5 5 0 010 10h-2', more: 'M6 12h.01M12 12h.01M18 12h.01',
  alert: 'M12 8v5M12 16.5h.01M12 3l10 18H2z', leave: 'M14 5h5v14h-5M4 12h11M11 8l4 4-4 4', phone: 'M8 3h8v18H8zM11 18h2',
};

/** @param {keyof typeof ICONS} name */
export function icon(name) {
  return svg('svg', { viewBox: '0 0 24 24', class: 'icon', 'aria-hidden': 'true' }, svg('path', { d: ICONS[name] }));
}

/**
 * A button that shows that it works, and cannot be pressed twice meanwhile.
 * @param {Child | Child[]} label @param {(button: HTMLButtonElement) => unknown} press @param {Props} [props]
 */
export function button(label, press, props = {}) {
  const element = h('button', { type: 'button', class: 'button', ...props }, label);
  element.addEventListener('click', () => work(element, () => press(element)));
  return element;
}

/** @param {HTMLButtonElement} element @param {() => unknown} task */
export async function work(element, task) {
  if (element.getAttribute('aria-busy') === 'true') return;
  element.setAttribute('aria-busy', 'true');
  forgetRefused();
  try {
    await task();
  } catch (error) {
    complain(error);
  } finally {
    element.removeAttribute('aria-busy');
  }
}

/** @param {string} label @param {Props} props @param {Child} [hint] */
export function field(label, props, hint) {
  const id = `f${++fields}`;
  const input = h('input', { id, class: 'input', autocomplete: 'off', ...props, 'aria-describedby': hint ? `${id}h` : null });
  const box = h('div', { class: 'field' }, h('label', { for: id }, label), input, hint && h('small', { id: `${id}h` }, hint));
  return { box, input };
}

/** What is wrong with what was typed, in the reader's words. @param {string} message @param {string} code */
export function known(message, code) {
  return Object.assign(new Error(message), { name: 'FanjuError', code });
}

/** What somebody typed, without blanks around it; complains in place where it is nothing, or not what the field's own rules allow. @param {HTMLInputElement} input */
export function textOf(input) {
  const text = input.value.trim();
  if (text && input.validity.valid) return text;
  input.focus();
  input.select();
  throw known(t(text ? 'field_wrong' : 'field_missing', { field: input.labels?.[0]?.textContent ?? '' }), 'field');
}

/** An amount that somebody typed, of at least one minor unit unless said; complains in place where it is none. @param {HTMLInputElement} input @param {string} currency @param {number} [least] */
export function amountOf(input, currency, least = 1) {
  const { minor, wrong = 'amount_needed', values } = { values: {}, ...readMoney(input.value, currency) };
  if (minor === undefined || minor < least) {
    input.focus();
    input.select();
    throw known(t(wrong, values), wrong);
  }
  return minor;
}

/** @param {string} label @param {[string, string][]} options @param {string} chosen @param {(value: string) => void} [change] */
export function select(label, options, chosen, change) {
  const id = `f${++fields}`;
  const input = h('select', { id, class: 'input' },
    options.map(([value, text]) => h('option', { value, selected: value === chosen }, text)));
  if (change) input.addEventListener('change', () => change(input.value));
  return { box: h('div', { class: 'field' }, h('label', { for: id }, label), input), input };
}

let fields = 0;

/** How long a toast can be read, and how many at once. */
const TOAST_MS = 5000;
const TOASTS_MAX = 3;

/**
 * A sheet over the page. Escape, its cross and a press beside it close it, unless it is `firm`.
 * @param {{ title: string, body: Child[], tone?: string, firm?: boolean, closed?: () => void, hideTitle?: boolean }} what
 */
export function sheet({ title, body, tone = '', firm = false, closed, hideTitle = false }) {
  const id = `s${++fields}`;
  const dialog = h('dialog', { class: `sheet ${tone}`, 'aria-labelledby': id });
  const cross = h('button', { type: 'button', class: 'icon-button', 'aria-label': t('close'), onclick: () => dialog.close() }, icon('close'));
  const content = h('div', { class: 'sheet-body' }, body);
  dialog.append(h('div', { class: 'sheet-head' }, h('h2', { id, tabindex: '-1', autofocus: true, class: hideTitle ? 'unseen' : null }, title), !firm ? cross : ''), content);
  dialog.addEventListener('cancel', (event) => { if (firm) event.preventDefault(); });
  dialog.addEventListener('click', (event) => { if (event.target === dialog && !firm) dialog.close(); });
  dialog.addEventListener('close', () => {
    // What was said in here is still worth reading.
    for (const said of dialog.querySelectorAll(':scope > .toasts > .toast')) say(document.body, said);
    dialog.remove();
    // The browser gives the focus back, but not the caret: without this, keys would go nowhere.
    const back = document.activeElement;
    if (back instanceof HTMLInputElement) {
      back.blur();
      back.focus();
    }
    closed?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  return { dialog, content, close: () => dialog.close() };
}

/**
 * One form in a sheet; `submit` closes it unless it throws, and asks by the sheet's attempt: whoever presses again, or
 * closes the sheet while nothing was sent, does nothing twice. Text that it gives is said, unless it was done before.
 * @param {{ title: string, body: Child[], action: string, submit: (attempt: Attempt) => unknown, tone?: string, primary?: string }} what
 */
export function formSheet({ title, body, action, submit, tone, primary = 'primary' }) {
  const go = h('button', { type: 'submit', class: `button ${primary} wide` }, action);
  const wrong = h('p', { class: 'form-error', role: 'alert', hidden: true });
  const form = h('form', { class: 'stack', novalidate: true }, body, wrong, go);
  const attempt = new Attempt();
  const opened = sheet({ title, body: [form], tone, closed: () => giveUp(attempt) });
  const clear = () => { wrong.hidden = true; };
  form.addEventListener('input', clear);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    work(go, async () => {
      clear();
      try {
        const news = await submit(attempt);
        opened.close();
        if (attempt.was_done) toast(t('done_before'), 'unpaid');
        else if (typeof news === 'string') toast(news, 'good');
      } catch (error) {
        if (!opened.dialog.open) throw error;
        // What is wrong stands where it is to be mended, and stays there.
        wrong.textContent = told(error);
        wrong.hidden = false;
        wrong.scrollIntoView({ block: 'nearest' });
      }
    });
  });
  /** @type {HTMLElement | null} */ (form.querySelector('input, select, textarea'))?.focus();
  return opened;
}

/** Withdraws what a closed sheet has not sent; of what it has sent, says that it may come about. @param {Attempt} attempt */
function giveUp(attempt) {
  attempt.end();
  // What is withdrawn is over by then.
  setTimeout(() => { if (attempt.unanswered) toast(t('sent_already'), 'unpaid'); });
}

/**
 * `bad` says what is wrong with an attempt, and goes when the next one begins; `unpaid` says that money did not move.
 * @param {string} text @param {'' | 'good' | 'bad' | 'unpaid'} [tone]
 */
export function toast(text, tone = '') {
  // A modal sheet hides the rest of the page from readers: the toast goes into the topmost one.
  const host = [...document.querySelectorAll('dialog[open]')].at(-1) ?? document.body;
  const element = h('div', { class: `toast ${tone}`, role: tone === 'bad' || tone === 'unpaid' ? 'alert' : 'status' }, text);
  // Whatever it lies on can be had at once.
  const gone = () => unsay(element);
  element.addEventListener('click', gone);
  say(host, element);
  setTimeout(gone, TOAST_MS);
}

/** Puts a toast under the others: in place of one with its words, and of the oldest where there are many. @param {Element} host @param {Element} toast */
function say(host, toast) {
  const place = host.querySelector(':scope > .toasts') ?? host.appendChild(h('div', { class: 'toasts' }));
  for (const one of [...place.children]) if (one.textContent === toast.textContent) one.remove();
  const others = [...place.children];
  const unpaid = others.filter((one) => one.matches('.unpaid'));
  // What says that money did not move gives way to its like alone.
  const lesser = others.filter((one) => !unpaid.includes(one));
  const may_go = toast.matches('.unpaid') ? [...lesser, ...unpaid] : lesser;
  for (const one of may_go.slice(0, Math.max(0, others.length + 1 - TOASTS_MAX))) one.remove();
  place.append(toast);
  // Once it is there: a reader says what changes.
  toast.replaceChildren(toast.textContent ?? '');
}

/** Takes a toast away, and their place with the last one. @param {Element} toast */
function unsay(toast) {
  const place = toast.parentElement;
  toast.remove();
  if (!place?.childElementCount) place?.remove();
}

/** What was wrong is not said any more: the next attempt begins, or another page shows. */
export function forgetRefused() {
  for (const one of document.querySelectorAll('.toast.bad')) unsay(one);
}

/** @param {unknown} error */
export function complain(error) {
  toast(told(error), 'bad');
}

/** What is to be said of it; what nobody foresaw goes to the console as well. @param {unknown} error */
function told(error) {
  const known = /** @type {any} */ (error);
  if (known?.name === 'NotAllowedError' || known?.name === 'AbortError') return t('passkey_cancelled');
  if (!known?.code || known.name !== 'FanjuError') console.error(error);
  return explain(error);
}

/** What went wrong, in the reader's language where the word is known. @param {unknown} error */
export function explain(error) {
  const known = /** @type {any} */ (error);
  const reason = known?.problem?.reason;
  const keys = [reason && `reason_${known.code}_${reason}`, reason && `reason_${reason}`, `error_${known?.code}`].filter(Boolean);
  const key = keys.find((one) => t(one) !== one);
  if (key) return t(key);
  // What only a program gets wrong has no words, and the server's are English; the code is for who looks into it.
  if (known?.problem?.status && language() !== 'en') return `${t('error_unknown')} (${known.code})`;
  return known?.message || t('error_unknown');
}

/** Says that there is no connection, for eyes and ears; disappears by itself. @param {import('./fanju.js').Fanju} fanju */
export function connectionBanner(fanju) {
  const words = h('span');
  const again = h('button', { type: 'button', class: 'button small', onclick: () => location.reload() }, t('reload'));
  const box = h('div', { class: 'banner', role: 'status', 'aria-live': 'polite', hidden: true }, words, again);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let slow;
  const show = () => {
    clearTimeout(slow);
    const { state, reason } = fanju;
    if (state === 'online' || (state === 'stopped' && reason === 'closed')) { box.hidden = true; return; }
    again.hidden = state !== 'stopped';
    again.textContent = t(reason === 'signed_out' ? 'sign_in_again' : 'reload');
    words.textContent = state === 'stopped' ? t(reason === 'signed_out' ? 'signed_out' : 'stopped')
      : t(navigator.onLine ? 'reconnecting' : 'offline');
    // A hiccup of half a second is nobody's business.
    slow = setTimeout(() => { box.hidden = false; }, state === 'stopped' || !navigator.onLine ? 0 : 700);
  };
  fanju.addEventListener('state', show);
  return box;
}

/** What stands where nothing is known yet: that it loads, or that the server cannot be reached. @param {import('./fanju.js').Fanju} fanju */
export function waiting(fanju) {
  const box = h('div', { role: 'status' });
  const show = () => {
    // Whoever dials again is no nearer to an answer than before.
    const away = fanju.state === 'offline' || (box.className === 'loading away' && fanju.state === 'connecting');
    if (box.className === (away ? 'loading away' : 'loading')) return;
    box.className = away ? 'loading away' : 'loading';
    fill(box, away ? [icon('alert'), h('p', { class: 'lead' }, t('away')), h('p', null, t('away_why'))] : t('loading'));
  };
  fanju.addEventListener('state', () => { if (box.isConnected) show(); });
  show();
  return box;
}

export function languageSwitch() {
  const next = LANGUAGES.find((other) => other !== language()) ?? 'en';
  return h('button', {
    type: 'button', class: 'language', lang: next, 'aria-label': next === 'zh' ? '切换到中文' : 'EN: switch to English',
    onclick: () => { speak(next); keepAll(); location.reload(); },
  }, next === 'zh' ? '中' : 'EN');
}

/** Signs out; on a narrow screen its shape alone says so. @param {() => unknown} press */
export function leaveButton(press) {
  return button([icon('leave'), h('span', null, t('sign_out'))], press, { class: 'button small leave', 'aria-label': t('sign_out') });
}

/** Digits in groups of four, for reading aloud. @param {string} digits */
export function grouped(digits) {
  return digits.replace(/(\d{4})(?=\d)/g, '$1 ');
}

/** @param {number} at_us microseconds since 1970 */
export function when(at_us) {
  const at = new Date(at_us / 1000);
  const today = at.toDateString() === new Date().toDateString();
  return new Intl.DateTimeFormat(language(), today ? { hour: '2-digit', minute: '2-digit', hour12: false }
    : { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hour12: false }).format(at);
}

/** Serves the page when there is no network; a page inside another leaves that to it. */
export function serveOffline() {
  if (window.top === window && 'serviceWorker' in navigator) navigator.serviceWorker.register('/offline.js').catch(() => {});
}

/** What is shown this once. @param {string} title @param {string} secret */
export function secretSheet(title, secret) {
  const opened = sheet({ title, firm: true, body: [
    h('p', null, t('secret_once')),
    h('code', { class: 'mono break panel', 'data-testid': 'secret' }, secret),
    button(t('copy'), async () => { await navigator.clipboard.writeText(secret); toast(t('copied'), 'good'); }, { class: 'button wide' }),
    button(t('secret_kept'), () => opened.close(), { class: 'button primary wide' })] });
}
