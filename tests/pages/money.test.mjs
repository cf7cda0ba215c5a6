// What people type as an amount, and what the pages take it for. Run by `node --test tests/pages/`, which
// `tests/tests/browser.rs` does.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CURRENCIES, decimals, parseMoney, readMoney, sized } from '../../server/src/web/assets/money.js';
import { said } from './words.mjs';

const NONE = 'amount_needed';
const EITHER = 'amount_ambiguous';
const FINE = 'amount_too_fine';

/** What is typed, in which currency, and the minor units or why there are none. @type {[string, string, number | string][]} */
const TYPED = [
  // plain
  ['12', 'EUR', 12_00], ['12.50', 'EUR', 12_50], ['0.05', 'EUR', 5], ['.5', 'EUR', 50], ['5.', 'EUR', 5_00], ['007', 'EUR', 7_00],
  ['1000000', 'EUR', 1_000_000_00], ['0', 'EUR', 0], ['-5', 'EUR', -5_00], ['−5.25', 'EUR', -5_25], ['1234.5', 'EUR', 1_234_50],
  // a comma is a decimal sign, as on many phones' keypads
  ['12,50', 'EUR', 12_50], ['1,5', 'EUR', 1_50], [',50', 'EUR', 50], ['5,', 'EUR', 5_00], ['0,05', 'EUR', 5], ['1234,5', 'EUR', 1_234_50],
  ['12,5000', 'EUR', 12_50], ['0,500', 'EUR', 50], ['12，50', 'CNY', 12_50], ['１２．５０', 'CNY', 12_50],
  // thousands, where nothing else can be meant
  ['1,234.00', 'EUR', 1_234_00], ['1.234,00', 'EUR', 1_234_00], ['1,234.5', 'EUR', 1_234_50], ['1,234,567', 'EUR', 1_234_567_00],
  ['1.234.567', 'EUR', 1_234_567_00], ['1.234.567,89', 'EUR', 1_234_567_89], ['1 234,50', 'EUR', 1_234_50], ['1 234', 'EUR', 1_234_00],
  ['1\u202f234,50', 'EUR', 1_234_50], ['1’234.50', 'EUR', 1_234_50], ["1'234'567", 'EUR', 1_234_567_00],
  // either: off by a thousand if guessed
  ['1,234', 'EUR', EITHER], ['1.234', 'EUR', EITHER], ['1,000', 'CNY', EITHER], ['1.500', 'EUR', EITHER], ['999,999', 'EUR', EITHER],
  ['1,234', 'KWD', EITHER], ['1.234', 'JPY', EITHER], ['-1,234', 'EUR', EITHER], ['€1,234', 'EUR', EITHER], ['33,333', 'EUR', EITHER],
  // no groups of three
  ['1,23,456', 'EUR', NONE], ['1,234,56', 'EUR', NONE], ['12,34.50', 'EUR', NONE], ['1,,5', 'EUR', NONE], ['1.2.3', 'EUR', NONE],
  ['1,234.567,89', 'EUR', NONE], ['1234,567.00', 'EUR', NONE], ['0,123,456', 'EUR', NONE], ['1 2', 'EUR', NONE], ['12 50', 'EUR', NONE],
  // finer than the currency
  ['12,505', 'EUR', EITHER], ['12.5055', 'EUR', FINE], ['0,125', 'EUR', FINE], ['1234,567', 'EUR', FINE], ['12,50', 'JPY', FINE], ['1.2345', 'KWD', FINE],
  ['1,234.567', 'EUR', FINE],
  // other exponents
  ['1,234', 'JPY', 1_234], ['1234', 'JPY', 1_234], ['1,234,567', 'JPY', 1_234_567], ['1.234', 'KWD', 1_234], ['12,5', 'KWD', 12_500], ['1,234.567', 'KWD', 1_234_567],
  // signs of money
  ['€12,50', 'EUR', 12_50], ['12,50 €', 'EUR', 12_50], ['￥32', 'CNY', 32_00], ['32元', 'CNY', 32_00], ['EUR 12.50', 'EUR', 12_50], ['12.50 eur', 'EUR', 12_50],
  ['HK$5', 'HKD', 5_00], ['-€5', 'EUR', -5_00], ['€-5', 'EUR', -5_00], ['33,33 %', 'CNY', 33_33],
  // no amounts
  ['', 'EUR', NONE], ['x', 'EUR', NONE], ['.', 'EUR', NONE], [',', 'EUR', NONE], ['-', 'EUR', NONE], ['--5', 'EUR', NONE], ['-€-5', 'EUR', NONE],
  ['6x4', 'EUR', NONE], ['1e3', 'EUR', NONE], ['5k', 'EUR', NONE], ['5万', 'CNY', NONE], ['5 + 5', 'EUR', NONE], ['12.50 USD', 'EUR', NONE],
  ['5-', 'EUR', NONE], ['99999999999999999', 'EUR', NONE],
];

for (const [text, currency, expected] of TYPED) {
  test(`${JSON.stringify(text)} in ${currency} is ${expected}`, () => {
    const { minor, wrong } = readMoney(text, currency);
    assert.equal(minor ?? wrong, expected);
    assert.equal(parseMoney(text, currency), typeof expected === 'number' ? expected : null);
  });
}

test('what a page writes into a field is read as the same', () => {
  for (const currency of ['EUR', 'JPY', 'KWD', 'CLF']) {
    for (const minor of [0, 1, 99, 100, 1_234, 12_345, 1_234_567, 123_456_789]) {
      assert.equal(parseMoney(decimals(minor, currency), currency), minor);
    }
  }
});

test('what a page shows is read as the same, or refused', () => {
  for (const language of ['en', 'zh-CN', 'de', 'fr']) {
    for (const currency of ['EUR', 'CNY', 'USD', 'JPY']) {
      const format = new Intl.NumberFormat(language, { style: 'currency', currency, currencyDisplay: 'narrowSymbol' });
      for (const minor of [1, 99, 1_00, 1_234_00, 12_345_67, 1_234_567_89]) {
        const read = parseMoney(format.format(/** @type {any} */ (decimals(minor, currency))), currency);
        assert.ok(read === minor || (read === null && currency === 'JPY'), `${format.format(Number(decimals(minor, currency)))}: ${read}`);
      }
    }
  }
});

test('whoever is refused is told why, in English and in Chinese', () => {
  const told = (/** @type {string} */ text, /** @type {string} */ currency) => {
    const { wrong, values } = readMoney(text, currency);
    return ['en', 'zh'].map((language) => said(language, wrong, values));
  };
  assert.deepEqual(told('1,234', 'EUR'), ['“1,234” can be read in two ways. For the larger amount write 1234.00.', '“1,234”有两种读法。若指较大的金额，请写 1234.00。']);
  assert.deepEqual(told('12,50', 'JPY'), ['JPY has 0 decimals.', 'JPY 最多 0 位小数。']);
  assert.deepEqual(told('12.345678', 'EUR'), ['EUR has 2 decimals.', 'EUR 最多 2 位小数。']);
  assert.deepEqual(told('x', 'EUR'), ['Enter an amount', '请输入金额']);
  assert.equal(parseMoney('1234.00', 'EUR'), 1_234_00, 'what is proposed is taken');
});

test('a limit that is proposed pays a dinner, and is no fortune, in whatever the currency is', () => {
  // What a dish costs, about.
  const dishes = { CNY: 35_00, USD: 15_00, EUR: 15_00, JPY: 1_200, HKD: 80_00, GBP: 14_00, SGD: 15_00, KWD: 4_000, KRW: 12_000, VND: 80_000, IQD: 10_000_000 };
  for (const currency of CURRENCIES) assert.ok(currency in dishes, currency);
  for (const [currency, dish] of Object.entries(dishes)) {
    const limit = parseMoney(sized(200, currency), currency) ?? 0;
    assert.ok(limit > 2 * dish && limit < 50 * dish, `${currency}: ${sized(200, currency)}`);
    for (const units of [50, 100, 200, 500]) assert.match(sized(units, currency), /^[1-9]\d*$/);
  }
});
