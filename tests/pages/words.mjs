// The pages' words, without a browser around them.

let spoken = 'en';
Object.assign(globalThis, { localStorage: { getItem: () => spoken, setItem() {} } });
const { t } = await import('../../server/src/web/assets/words.js');

/** What a page says for `word` in `language`. */
export function said(language, word, values = {}) {
  spoken = language;
  return t(word, values);
}
