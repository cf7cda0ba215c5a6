// @ts-check
/**
 * What one sheet asks for, so that nobody pays twice: the same content, asked again while nobody knows what became
 * of it, goes out under its first key, and what was not sent yet goes with the sheet.
 */

import { newKey } from './fanju.js';

/** @typedef {import('./fanju.js').Methods} Methods */
/** @typedef {{ key: string, signal: AbortSignal }} How under which key it is asked, and until when */

/** The keys of what is on its way, by content: a sheet that is opened meanwhile asks for the same thing. @type {Map<string, string>} */
const under_way = new Map();

export class Attempt {
  #sheet = new AbortController();
  /** The keys of what may have been done, by content. @type {Map<string, string>} */ #keys = new Map();
  #asking = 0;

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
    const key = under_way.get(said) ?? this.#keys.get(said) ?? newKey();
    this.#keys.set(said, key);
    under_way.set(said, key);
    this.#asking += 1;
    try {
      const done = await ask({ key, signal: this.#sheet.signal });
      this.#keys.delete(said);
      return done;
    } catch (error) {
      if (wasRefused(error)) this.#keys.delete(said);
      throw error;
    } finally {
      this.#asking -= 1;
      under_way.delete(said);
    }
  }

  /** The sheet is closed: what waits to be sent is withdrawn. */
  end() { this.#sheet.abort(); }
}

/** Whether nothing was done for certain; after every other trouble it may have been. @param {any} error */
function wasRefused(error) {
  const status = error?.problem?.status ?? 0;
  return status >= 400 && status < 500;
}
