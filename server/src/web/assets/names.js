// @ts-check
/** Names of wallets and merchants: asked once, many at a time. */

/** What stands for a name that is not known (yet). @param {string} id */
const short = (id) => `…${id.slice(-4)}`;

/** Names that are asked for at once; the server takes two hundred. */
const ASKED_MAX = 100;

export class Names {
  /** @type {Map<string, string>} */ #known = new Map();
  /** @type {Map<string, 'wallets' | 'merchants'>} */ #wanted = new Map();
  /** @type {Set<string>} */ #asked = new Set();
  #planned = false;
  #fanju;
  #arrived;

  /** @param {import('./fanju.js').Fanju} fanju @param {() => void} arrived called when new names are there */
  constructor(fanju, arrived) {
    this.#fanju = fanju;
    this.#arrived = arrived;
  }

  /** @param {string} id @param {'wallets' | 'merchants'} [kind] */
  of(id, kind = 'wallets') {
    const known = this.#known.get(id);
    if (known) return known;
    if (!this.#asked.has(id)) {
      this.#wanted.set(id, kind);
      this.#plan();
    }
    return short(id);
  }

  /** The names of `ids`, once they are there. @param {string[]} ids @param {'wallets' | 'merchants'} kind */
  async need(ids, kind) {
    for (const id of ids) if (!this.#known.has(id)) this.#wanted.set(id, kind);
    await this.#fetch();
  }

  /** @param {string} id @param {string} name */
  learn(id, name) { this.#known.set(id, name); }

  #plan() {
    if (this.#planned) return;
    this.#planned = true;
    setTimeout(() => { this.#planned = false; this.#fetch().catch(() => {}); }, 10);
  }

  async #fetch() {
    const wanted = [...this.#wanted].slice(0, ASKED_MAX);
    if (!wanted.length) return;
    for (const [id] of wanted) this.#wanted.delete(id);
    for (const [id] of wanted) this.#asked.add(id);
    const of = (/** @type {string} */ kind) => wanted.filter(([, its]) => its === kind).map(([id]) => id);
    const [wallets, merchants] = [of('wallets'), of('merchants')];
    try {
      const { names } = await this.#fanju.call('names', {
        ...(wallets.length ? { wallets } : {}), ...(merchants.length ? { merchants } : {}),
      });
      for (const [id, name] of Object.entries(names)) this.#known.set(id, String(name));
      this.#arrived();
      await this.#fetch();
    } catch (error) {
      for (const [id] of wanted) this.#asked.delete(id);
      throw error;
    }
  }
}
