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

/** Where about as much is bought by ten, a hundred, … of the unit, or by a tenth of it, as elsewhere by one: orders of magnitude alone. */
const SIZES = new Map([
  ...['BHD', 'JOD', 'KWD', 'OMR'].map((code) => /** @type {const} */ ([code, 0.1])),
  ...['INR', 'PHP', 'RUB', 'THB', 'TWD', 'CZK', 'MXN', 'TRY', 'UYI'].map((code) => /** @type {const} */ ([code, 10])),
  ...['JPY', 'ISK', 'DJF', 'VUV', 'XPF', 'KMF', 'HUF', 'XAF', 'XOF'].map((code) => /** @type {const} */ ([code, 100])),
  ...['KRW', 'CLP', 'RWF', 'IQD'].map((code) => /** @type {const} */ ([code, 1_000])),
  ...['VND', 'PYG', 'UGX', 'GNF', 'BIF', 'IDR'].map((code) => /** @type {const} */ ([code, 10_000])),
]);

/** The largest amount of one command, in minor units; beyond it the server refuses. */
export const AMOUNT_MINOR_MAX = 10_000_000_000_000;

/** @param {string} currency */
export function exponent(currency) {
  return EXPONENTS.get(currency) ?? 2;
}

/** What two hundred are in a currency of ordinary size, or another round number, is this many of its units. @param {number} units @param {string} currency */
export function sized(units, currency) {
  return String(Math.round(units * (SIZES.get(currency) ?? 1)));
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

/** @typedef {{ minor: number, wrong?: undefined } | { minor?: undefined, wrong: string, values: Record<string, string | number> }} Read */

/** What may stand before or after the digits: a sign of money, the currency's code, or a percent sign. */
const SIGN = String.raw`[A-Z]{0,2}\p{Sc}|元|圆|块|円|%`;

/**
 * The minor units that a text says, or what is to be told (`wrong` is a word of the pages).
 *
 * Comma and point both stand for decimals somewhere and for thousands elsewhere. One of them, once, is
 * the decimal sign; `1,234`, which could be either, is refused, since a guess is off by a thousand.
 * Groups of three are taken where nothing else can be meant: `1,234,567`, `1,234.00`, `1 234,00`.
 * @param {string} text
 * @param {string} currency
 * @returns {Read}
 */
export function readMoney(text, currency) {
  const places = exponent(currency);
  const plain = text.normalize('NFKC').trim().replace('\u2212', '-');
  const unit = `(?:${SIGN}|${currency})`;
  const found = new RegExp(`^([+-]?)\\s*${unit}?\\s*([+-]?)([\\d.,'’_\\s]*\\d[.,]?|)\\s*${unit}?$`, 'iu').exec(plain);
  const [, before = '', after = '', body = ''] = found ?? [];
  if (!body || (before && after)) return { wrong: 'amount_needed', values: {} };
  const parts = partsOf(body, places);
  if (!parts) return { wrong: 'amount_needed', values: {} };
  const { whole, fraction, ambiguous } = parts;
  if (ambiguous) return { wrong: 'amount_ambiguous', values: { text: body, larger: places ? `${whole}${fraction}.${'0'.repeat(places)}` : `${whole}${fraction}` } };
  if (fraction.slice(places).replaceAll('0', '')) return { wrong: 'amount_too_fine', values: { currency, places } };
  const minor = Number(`${whole || '0'}${fraction.slice(0, places).padEnd(places, '0')}`);
  if (!Number.isSafeInteger(minor)) return { wrong: 'amount_needed', values: {} };
  return { minor: (before || after) === '-' ? -minor : minor };
}

/** The digits before and after the decimal sign; `null` where they are not one number. @param {string} body @param {number} places */
function partsOf(body, places) {
  const signs = body.match(/[.,]/g) ?? [];
  const last = signs.at(-1) ?? '';
  const quiet = /['’_\s]/.test(body);
  // A sign that comes twice, or an earlier one than the last, parts thousands.
  const parting = signs.length > 1 && signs[0] === last;
  if (!last || parting) {
    const whole = ungrouped(body);
    return whole === null ? null : { whole, fraction: '', ambiguous: false };
  }
  const at = body.lastIndexOf(last);
  const fraction = body.slice(at + 1);
  const whole = ungrouped(body.slice(0, at));
  if (whole === null || !/^\d*$/.test(fraction) || !(whole || fraction)) return null;
  const shaped = signs.length === 1 && !quiet && fraction.length === 3 && /^[1-9]\d{0,2}$/.test(whole);
  if (!shaped) return { whole, fraction, ambiguous: false };
  // Nobody writes a fraction of a yen; and what these pages write themselves has a point.
  if (last === ',' && places === 0) return { whole: whole + fraction, fraction: '', ambiguous: false };
  return { whole, fraction, ambiguous: last === ',' || places < 3 };
}

/** Digits, plain or in groups of three parted by one and the same sign. @param {string} text */
function ungrouped(text) {
  if (/^\d*$/.test(text)) return text;
  return /^[1-9]\d{0,2}([.,'’_\s])\d{3}(?:\1\d{3})*$/.test(text) ? text.replace(/\D/g, '') : null;
}

/**
 * The minor units that a text says, or `null` where it is no amount, or not one alone.
 * @param {string} text
 * @param {string} currency
 * @returns {number | null}
 */
export function parseMoney(text, currency) {
  return readMoney(text, currency).minor ?? null;
}
