// @ts-check
/**
 * What one sheet asks for, so that nobody pays twice: the same content, asked again while nobody knows what became
 * of it, goes out under its first key, also after the page was loaded anew; and what was not sent yet goes with the sheet.
 */

import { newKey } from './fanju.js';

/** @typedef {import('./fanju.js').Methods} Methods */
/** @typedef {{ key: string, signal: AbortSignal }} How under which key it is asked, and until when */
/** @typedef {{ key: string, at: number, asking: number }} Begun its key, when it was asked for last, and how many wait for its answer */

/** In the tab's storage each has this before its key. */
const KEPT = 'fanju.begun.';
/** Whoever asks for the same after that means it anew; the server keeps its answers for longer. */
const KEPT_MS = 15 * 60_000;
const KEPT_MAX = 50;
/** What moves money is short; a bill that is laid on the table is not, and may be laid there twice. */
const KEPT_CHARS_MAX = 2_000;

/** What was begun and may have been done, by content: a sheet that is opened meanwhile asks for the same thing. @type {Map<string, Begun>} */
const begun = new Map(kept());

export class Attempt {
  #sheet = new AbortController();
  /** The keys that this sheet began with. @type {Set<string>} */ #own = new Set();
  #asking = 0;
  /** Whether what was asked for last had been done before, for another sheet or for the page that was here before. */
  was_done = false;

  /** Whether something was sent, and nobody knows yet what became of it. */
  get unanswered() { return this.#asking > 0; }

  /**
   * Has `asker`, a phone or a till, ask for this once, however often it is pressed.
   * @template {keyof Methods} M
   * @param {Pick<import('./phone.js').Phone, 'pay'>} asker @param {M} method @param {Methods[M]['params']} params
   * @returns {Promise<Methods[M]['result']>}
   */
  pay(asker, method, params) {
    return this.once([method, params], (how) => asker.pay(method, params, how));
  }

  /** The same for what makes a number of its own from the key. @template T @param {unknown} content @param {(how: How) => Promise<T>} ask @returns {Promise<T>} */
  async once(content, ask) {
    const said = JSON.stringify(content);
    const one = begin(said, this.#own);
    this.#asking += 1;
    one.asking += 1;
    try {
      const done = await ask({ key: one.key, signal: this.#sheet.signal });
      this.was_done = !this.#own.has(one.key) && /** @type {any} */ (done)?.replayed === true;
      end(said, one);
      return done;
    } catch (error) {
      if (wasRefused(error)) end(said, one);
      throw error;
    } finally {
      this.#asking -= 1;
      one.asking -= 1;
    }
  }

  /** The sheet is closed: what waits to be sent is withdrawn. */
  end() { this.#sheet.abort(); }
}

/** What was begun of it, or a beginning, which is one of `own`. @param {string} said @param {Set<string>} own @returns {Begun} */
function begin(said, own) {
  for (const [other, one] of begun) if (!one.asking && isOver(one.at)) end(other, one);
  const known = begun.get(said);
  const one = known ?? { key: newKey(), at: 0, asking: 0 };
  if (!known) own.add(one.key);
  one.at = Date.now();
  // The newest stands last.
  begun.delete(said);
  begun.set(said, one);
  for (const [other, old] of begun) {
    if (begun.size <= KEPT_MAX) break;
    if (!old.asking && old !== one) end(other, old);
  }
  if (said.length <= KEPT_CHARS_MAX) inStorage((storage) => storage.setItem(KEPT + one.key, JSON.stringify([said, one.at])));
  return one;
}

/** It was done, or is refused: whoever asks for it once more means it. @param {string} said @param {Begun} one */
function end(said, one) {
  if (begun.get(said) === one) begun.delete(said);
  inStorage((storage) => storage.removeItem(KEPT + one.key));
}

/** What the page that was here before had begun, oldest first. @returns {[string, Begun][]} */
function kept() {
  /** @type {[string, Begun][]} */
  const found = [];
  inStorage((storage) => {
    for (const name of Object.keys(storage).filter((name) => name.startsWith(KEPT))) {
      const [said, at] = JSON.parse(storage.getItem(name) ?? '[]');
      if (isOver(at)) storage.removeItem(name);
      else found.push([said, { key: name.slice(KEPT.length), at, asking: 0 }]);
    }
  });
  return found.sort(([, one], [, other]) => one.at - other.at);
}

/** @param {number} at */
function isOver(at) {
  return !(Math.abs(Date.now() - at) < KEPT_MS);
}

/** A tab without a storage, or with a full one, remembers for as long as the page is there. @param {(storage: Storage) => void} task */
function inStorage(task) {
  try {
    task(sessionStorage);
  } catch { /* as said */ }
}

/** Whether nothing was done for certain; after every other trouble it may have been, and "not now" says nothing of what went before. @param {any} error */
function wasRefused(error) {
  const status = error?.problem?.status ?? 0;
  return status >= 400 && status < 500 && status !== 429 && error.code !== 'idempotency_key_in_use';
}
