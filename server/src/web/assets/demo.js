// @ts-check
/** The demo: eight phones and a till, and a ribbon that plays a dinner with them. */

import { button, fill, h, icon, languageSwitch, vars } from './ui.js';
import { begin, t } from './words.js';

const TOTAL = 25_600;
const CAP = 20_000;
/** One of the friends is asked before so much is taken from him: somebody must show how that goes. */
const CAREFUL = 4;
const CAREFUL_ABOVE = 2_000;
const STEPS = ['open', 'seat', 'code', 'scan', 'settled'];
const PHONE_WIDTH = 360;
const PHONE_HEIGHT = 640;
/** A phone that is shown smaller than half cannot be read: then fewer are shown at once. */
const SCALE_MIN = 0.5;
const ANSWER_WITHIN_MS = 12_000;

class Demo {
  /** @type {HTMLIFrameElement[]} */ phones = [];
  /** @type {HTMLIFrameElement} */ till = h('iframe', { src: '/till#demo', title: t('till'), class: 'till-frame' });
  /** The table that was opened last. @type {{ group: string, link: string, name: string, host: string, demo: number } | null} */ table = null;
  /** Who sits. @type {Set<number>} */ seated = new Set();
  /** Where the phones sat before this page was loaded, as each says once. @type {Map<number, { group: string, name: string }[]>} */ #sat = new Map();
  /** @type {Promise<unknown>} */ #met = Promise.resolve();
  /** The code on a screen. @type {string | null} */ code = null;
  /** Whether the till waits for the table. */
  asking = false;
  /** How the last order ended. @type {string | null} */ ended = null;
  /** @type {Map<string, ((data: any) => void)[]>} */ #waiting = new Map();
  /** @type {string[]} */ names = [];
  #ribbon = h('ol', { class: 'ribbon-steps' });
  #play = button(t('demo_all'), () => this.#playAll(), { class: 'button pay', 'data-testid': 'play' });
  #line = h('p', { class: 'ribbon-line', role: 'status', 'aria-live': 'polite' });

  async start() {
    const answer = await fetch('/demo/cast').catch(() => null);
    if (!answer?.ok) {
      document.body.append(h('main', { class: 'welcome' }, h('h1', null, t('demo')),
        h('p', null, t('demo_off')), h('pre', { class: 'mono' }, 'fanju-server --demo'),
        h('p', null, t('demo_off_cargo')), h('pre', { class: 'mono' }, 'cargo run --release -- --demo')));
      return;
    }
    const cast = await answer.json();
    this.names = cast.diners.map((/** @type {any} */ diner) => diner.name);
    this.phones = this.names.map((name, index) => h('iframe', { src: `/#demo=${index}`, title: t('phone_of', { name }) }));
    this.#met = Promise.race([this.#until('met'), pause(ANSWER_WITHIN_MS)]);
    addEventListener('message', (event) => this.#heard(event));
    const stage = h('main', { class: 'stage', 'aria-busy': 'true' },
      h('div', { class: 'till-place' }, h('h2', { class: 'frame-name' }, cast.merchant.name), this.till),
      h('div', { class: 'phones' }, this.phones.map((phone, index) => h('div', { class: 'phone' }, h('h2', { class: 'frame-name' }, this.names[index]),
        h('div', { class: 'phone-glass' }, phone)))));
    this.#met.then(() => stage.removeAttribute('aria-busy'));
    document.body.append(h('div', { class: 'demo' }, this.#head(), stage));
    this.#draw();
    this.#fit();
    addEventListener('resize', () => this.#fit());
  }

  #head() {
    return h('header', { class: 'ribbon' },
      h('div', { class: 'ribbon-brand' }, h('img', { src: '/assets/icon.svg', alt: '', width: 40, height: 40 }),
        h('div', null, h('h1', null, h('span', { lang: 'zh', class: 'brand-word' }, '饭局'), ' ', t('demo')), this.#line)),
      this.#ribbon,
      h('div', { class: 'ribbon-more' }, this.#play, languageSwitch()));
  }

  /** A phone's page is laid out for a phone's width, and shown as small as it must be. */
  #fit() {
    const place = document.querySelector('.phones');
    if (!(place instanceof HTMLElement)) return;
    const scaleOf = (/** @type {number} */ columns, /** @type {number} */ rows) => Math.min(1,
      (place.clientWidth - 16 * (columns - 1)) / columns / (PHONE_WIDTH + 16),
      ((place.clientHeight - 8 * (rows - 1)) / rows - 24) / (PHONE_HEIGHT + 16));
    const all = scaleOf(4, 2);
    // On a narrow screen the page is as long as it must be, and the phones are a row of it.
    const [columns, scale] = innerWidth < 900 ? [1, Math.min(0.85, place.clientWidth / (PHONE_WIDTH + 16))]
      : all < SCALE_MIN ? [3, scaleOf(3, 1)] : [4, all];
    vars(place, { columns, scale: scale.toFixed(4) });
    this.#follow();
  }

  /** How far the dinner is: the number of steps done. */
  get done() {
    if (this.ended === 'settled') return 5;
    if (this.asking) return 4;
    if (this.code && this.table) return 3;
    if (this.seated.size > 1) return 2;
    return this.table ? 1 : 0;
  }

  #draw() {
    const { done } = this;
    /** @type {Record<string, () => Promise<unknown>>} */
    const press = { open: () => this.#begin(), seat: () => this.#seat(), code: () => this.#show(), scan: () => this.#scan(), settled: () => (this.asking ? this.#confirm() : this.#again()) };
    fill(this.#ribbon, STEPS.map((step, index) => {
      const last = step === 'settled';
      const again = last && done === 5;
      // The last step is what is to be done then: the careful friend's answer, and after it the next dinner.
      const word = last && this.asking ? 'step_confirm' : again ? 'demo_again' : `step_${step}`;
      const hint = last && this.asking ? 'step_confirm_hint' : again ? 'step_again_hint' : `step_${step}_hint`;
      const state = again || index === done ? 'next' : index < done ? 'done' : '';
      const names = { host: this.names[0] ?? '', careful: this.names[CAREFUL] ?? '' };
      // A page that comes in the middle of a dinner does not know who sat down before.
      const unknown = step === 'seat' && done > 1 && this.seated.size < 2;
      return h('li', { class: `step ${state}`, 'aria-current': state === 'next' ? 'step' : null },
        button([h('span', { class: 'step-number' }, state === 'done' ? icon('check') : again ? icon('add') : index + 1),
          h('span', { class: 'step-word' }, h('strong', null, t(word, names)),
            h('small', null, unknown ? '' : t(hint, { seated: this.seated.size, of: this.phones.length })))],
        /** @type {() => Promise<unknown>} */ (press[step]), { class: 'step-button', 'data-testid': `step-${step}`, 'data-key': step, disabled: last && done < 4 }));
    }));
    this.#follow();
    this.#play.textContent = t(done > 0 && done < 5 ? 'demo_rest' : 'demo_all');
    this.#line.textContent = this.ended === 'declined' ? t('demo_declined') : t(`demo_line_${done}`, { host: this.names[0] ?? '', careful: this.names[CAREFUL] ?? '' });
  }

  /** On a narrow screen the ribbon is longer than that, and shows where one is. */
  #follow() {
    bringInto(this.#ribbon, this.#ribbon.children[Math.min(this.done, STEPS.length - 1)]);
  }

  /** Where not all phones are in sight, that one is. @param {number} phone */
  #look(phone) {
    const one = this.phones[phone]?.closest('.phone');
    if (one?.parentElement) bringInto(one.parentElement, one);
  }

  // --- the steps ---------------------------------------------------------------------------

  /** Whoever is quicker than the phones does not leave the table that these are about to find. */
  async #begin() {
    const { table } = this;
    await this.#met;
    if (this.table === table) await this.#open();
  }

  async #open() {
    this.ended = null;
    this.code = null;
    this.seated.clear();
    await this.#ask(0, 'open', { cap: CAP });
  }

  async #seat() {
    await this.#met;
    if (!this.table) await this.#open();
    // A table that was found again has no link yet.
    if (this.table && !this.table.link && this.seated.size < this.phones.length) {
      await this.#ask(this.table.demo, 'invite', { group: this.table.group, name: this.table.name });
    }
    const { table } = this;
    if (!table) return;
    // One after the other, as people sit down: it is more to look at, and kinder to a small machine.
    for (const index of this.phones.keys()) {
      if (this.seated.has(index)) continue;
      await this.#ask(index, 'join', { group: table.group, link: table.link, cap: CAP, ...(index === CAREFUL ? { confirm_above: CAREFUL_ABOVE } : {}) });
      this.seated.add(index);
      this.#draw();
    }
  }

  async #show() {
    if (this.seated.size < 2) await this.#seat();
    this.ended = null;
    if (this.table) await this.#ask(this.table.demo, 'show_code', { group: this.table.group });
    this.till.contentWindow?.postMessage({ fanju: 'total', total: TOTAL }, location.origin);
  }

  async #scan() {
    if (!this.code) await this.#show();
    if (!this.code) return;
    const ended = this.#until('ended');
    this.till.contentWindow?.postMessage({ fanju: 'total', total: TOTAL }, location.origin);
    this.till.contentWindow?.postMessage({ fanju: 'scan', code: this.code }, location.origin);
    await Promise.race([ended, pause(2_000)]);
  }

  #confirm() {
    return this.#ask(CAREFUL, 'confirm');
  }

  /** The next dinner: a new table, the same people. */
  async #again() {
    this.table = this.code = this.ended = null;
    this.seated.clear();
    this.#draw();
    await this.#open();
  }

  async #playAll() {
    const ended = this.#until('ended');
    await this.#met;
    // A till that waits for a table goes on with that, also where this page is younger than the scan.
    if (!this.asking) {
      if (this.done === 5) await this.#again();
      await this.#seat();
      await pause(700);
      await this.#show();
      await pause(1_200);
      await this.#scan();
    }
    // The careful friend thinks for a moment, then says yes.
    await Promise.race([ended, pause(1_800)]);
    if (!this.ended) await this.#confirm();
    await Promise.race([ended, pause(ANSWER_WITHIN_MS)]);
  }

  /** Goes on at the newest table at which a phone sits: ids grow. */
  #goOn() {
    if (this.table) return;
    /** @type {Map<string, { name: string, phones: number[] }>} */
    const found = new Map();
    for (const [phone, tables] of this.#sat) {
      for (const { group, name } of tables) {
        const { phones } = found.get(group) ?? { phones: [] };
        found.set(group, { name, phones: [...phones, phone] });
      }
    }
    const [best] = [...found].sort(([a], [b]) => (a < b ? 1 : -1));
    if (!best) return;
    const [group, { name, phones }] = best;
    this.table = { group, link: '', name, host: '', demo: Math.min(...phones) };
    this.seated = new Set(phones);
    for (const phone of phones) this.phones[phone]?.contentWindow?.postMessage({ fanju: 'do', act: 'sit', group }, location.origin);
  }

  // --- talking with the frames -------------------------------------------------------------

  /** @param {number} phone @param {string} act @param {Record<string, unknown>} [more] */
  async #ask(phone, act, more = {}) {
    const answer = this.#until(`did ${phone} ${act}`);
    this.#look(phone);
    this.phones[phone]?.contentWindow?.postMessage({ fanju: 'do', act, ...more }, location.origin);
    await Promise.race([answer, pause(ANSWER_WITHIN_MS)]);
  }

  /** @param {string} what @returns {Promise<any>} */
  #until(what) {
    return new Promise((resolve) => this.#waiting.set(what, [...this.#waiting.get(what) ?? [], resolve]));
  }

  /** @param {string} what @param {any} data */
  #arrived(what, data) {
    for (const resolve of this.#waiting.get(what) ?? []) resolve(data);
    this.#waiting.delete(what);
  }

  /** @param {MessageEvent} event */
  #heard({ origin, data }) {
    if (origin !== location.origin || !data?.fanju) return;
    const { fanju: what, demo } = data;
    if (what === 'sits') {
      this.#sat.set(demo, data.tables);
      if (this.#sat.size === this.phones.length) {
        this.#goOn();
        this.#arrived('met', null);
      }
    } else if (what === 'opened') {
      if (this.table?.group !== data.group) this.seated = new Set([demo]);
      this.table = { group: data.group, link: data.link, name: data.name, host: data.host, demo };
      this.ended = null;
      for (const [index, phone] of this.phones.entries()) {
        if (!this.seated.has(index)) phone.contentWindow?.postMessage({ fanju: 'invitation', invitation: this.table }, location.origin);
      }
    } else if (what === 'joined') {
      if (this.table?.group === data.group) this.seated.add(demo);
    } else if (what === 'code') {
      this.code = data.code;
      this.ended = null;
      if (this.table?.group !== data.group) this.table = { group: data.group, link: '', name: '', host: '', demo };
    } else if (what === 'want_code') {
      const order = this.code ? { fanju: 'scan', code: this.code } : { fanju: 'no_code' };
      if (this.code) this.till.contentWindow?.postMessage({ fanju: 'total', total: TOTAL }, location.origin);
      this.till.contentWindow?.postMessage(order, location.origin);
    } else if (what === 'asking') {
      this.asking = true;
      this.code = null;
      this.#look(CAREFUL);
    } else if (what === 'ended') {
      this.asking = false;
      this.ended = data.state;
      this.code = null;
      this.#arrived('ended', data);
    } else if (what === 'did' || what === 'failed') {
      this.#arrived(`did ${demo} ${data.act}`, data);
    }
    this.#draw();
  }
}

/** Scrolls `room`, and nothing around it, until `one` is in its middle. @param {Element} room @param {Element | undefined} one */
function bringInto(room, one) {
  if (!one) return;
  const [there, its] = [room.getBoundingClientRect(), one.getBoundingClientRect()];
  room.scrollLeft += its.left + its.width / 2 - there.left - there.width / 2;
  room.scrollTop += its.top + its.height / 2 - there.top - there.height / 2;
}

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

begin();
new Demo().start();
