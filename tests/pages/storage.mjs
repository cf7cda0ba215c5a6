// What a browser keeps for its pages: of a tab, and of the language that is spoken there.

let spoken = 'en';

/** The pages are read in `language` from now on. */
export function speak(language) { spoken = language; }

globalThis.localStorage = { getItem: () => spoken, setItem() {} };

const methods = {
  getItem(name) { return this[name] ?? null; },
  setItem(name, text) { this[name] = String(text); },
  removeItem(name) { delete this[name]; },
  clear() { for (const name of Object.keys(this)) delete this[name]; },
};

/** The tab's. */
export const storage = Object.create(methods);
globalThis.sessionStorage = storage;
