// @ts-check
/** Money between minor units and text: exact, no floats. */

/** Decimals of the currencies that do not have two. Source: ISO 4217, list one. */
const EXPONENTS = new Map([
  ...['BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND',
    'VUV', 'XAF', 'XOF', 'XPF'].map((code) => /** @type {const} */ ([code, 0])),
  ...['BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND'].map((code) => /** @type {const} */ ([code, 3])),
  ...['CLF', 'UYW'].map((code) => /** @type {const} */ ([code, 4])),
]);

/** What the pages offer for a new wallet; the server takes any currency with a minor unit. */
export const CURRENCIES = ['CNY', 'USD', 'EUR', 'JPY', 'HKD', 'GBP', 'SGD', 'KWD'];

/** The largest amount of one command, in minor units; beyond it the server refuses. */
export const AMOUNT_MINOR_MAX = 10_000_000_000_000;

/** @param {string} currency */
export function exponent(currency) {
  return EXPONENTS.get(currency) ?? 2;
}

/** The amount in plain decimals, without grouping: what an input shows. @param {number} minor @param {string} currency */
export function decimals(minor, currency) {
  const places = exponent(currency);
  const digits = String(Math.abs(minor)).padStart(places + 1, '0');
  const whole = digits.slice(0, digits.length - places);
  const rest = places ? `.${digits.slice(-places)}` : '';
  return `${minor < 0 ? '-' : ''}${whole}${rest}`;
}

/** @type {Map<string, Intl.NumberFormat>} */
const formats = new Map();

/**
 * The amount as people write it, with the currency's sign.
 * @param {number} minor
 * @param {string} currency
 * @param {{ sign?: boolean }} [options] `sign`: show a plus too
 */
export function money(minor, currency, { sign = false } = {}) {
  const places = exponent(currency);
  const key = `${document.documentElement.lang}${currency}${sign}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(document.documentElement.lang || 'en', {
      style: 'currency',
      currency,
      currencyDisplay: 'narrowSymbol',
      minimumFractionDigits: places,
      maximumFractionDigits: places,
      signDisplay: sign ? 'exceptZero' : 'auto',
    });
    formats.set(key, format);
  }
  // Decimal text is formatted digit by digit: no float on the way.
  return format.format(/** @type {any} */ (decimals(minor, currency)));
}

/**
 * The minor units that a text says, or `null` where it is no amount or finer than the currency.
 * @param {string} text
 * @param {string} currency
 * @returns {number | null}
 */
export function parseMoney(text, currency) {
  const plain = text.normalize('NFKC').replace(/[\s,'’_]|^[^\d.+-]+/g, '').replace(/[^\d.]+$/, '');
  const found = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(plain);
  if (!found || !(found[2] || found[3])) return null;
  const places = exponent(currency);
  const fraction = found[3] ?? '';
  if (fraction.slice(places).replaceAll('0', '')) return null;
  const minor = Number(`${found[2] || '0'}${fraction.slice(0, places).padEnd(places, '0')}`);
  if (!Number.isSafeInteger(minor)) return null;
  return found[1] === '-' ? -minor : minor;
}
