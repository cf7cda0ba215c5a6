// @ts-check
/** What the pages say, in the reader's language: chosen here before, or the browser's. */

import { en } from './words_en.js';
import { zh } from './words_zh.js';

/** @typedef {keyof typeof en} Word */

const KEPT = 'fanju.language';
/** @type {Record<'en' | 'zh', Record<string, string>>} */
const words = { en, zh };
export const LANGUAGES = /** @type {const} */ (['en', 'zh']);

/** @returns {'en' | 'zh'} */
export function language() {
  const kept = localStorage.getItem(KEPT);
  if (kept === 'en' || kept === 'zh') return kept;
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

/** @param {'en' | 'zh'} next */
export function speak(next) {
  localStorage.setItem(KEPT, next);
  begin();
}

/** Says in which language the page is, for readers and for hyphens. */
export function begin() {
  document.documentElement.lang = language() === 'zh' ? 'zh-CN' : 'en';
}

/**
 * The text for `key`, with `{name}` filled in and `{count|one|many}` chosen; the key itself where
 * there is no such text.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const text = words[language()][key] ?? key;
  return text.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (whole, name, one, many) => {
    const value = values[name];
    if (value === undefined) return whole;
    return one === undefined ? String(value) : `${value} ${Number(value) === 1 ? one : many}`;
  });
}

/** How long that is: `2.7 ms`, `45 ms`, `3.8 s`. @param {number | null | undefined} ms */
export function span(ms) {
  if (typeof ms !== 'number' || Number.isNaN(ms)) return '–';
  const [value, unit] = ms < 1000 ? [ms, 'ms'] : [ms / 1000, 's'];
  return `${new Intl.NumberFormat(language(), { maximumFractionDigits: value < 10 ? 1 : 0 }).format(value)} ${unit}`;
}
