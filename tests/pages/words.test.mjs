// What the pages say of lengths of time and of digits that are no table's code. Run by `node --test tests/pages/`,
// which `tests/tests/browser.rs` does.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { wrongCode } from '../../server/src/web/assets/code.js';
import { said } from './words.mjs';
import { span } from '../../server/src/web/assets/words.js';

test('a length of time is told in the unit that fits', () => {
  for (const [ms, told] of [[0, '0 ms'], [2.7, '2.7 ms'], [45.4, '45 ms'], [801.1, '801 ms'], [3801.1, '3.8 s'], [12_345, '12 s'], [null, '–'], [NaN, '–']]) {
    assert.equal(span(ms), told);
  }
});

test('one is one, and more are many', () => {
  assert.equal(said('en', 'tile_syncs', { count: 1, mean: span(8.2) }), '1 sync, 8.2 ms each in the mean');
  assert.equal(said('en', 'tile_syncs', { count: '1,045', mean: span(2.7) }), '1,045 syncs, 2.7 ms each in the mean');
});

test('digits that are no code are told apart', () => {
  for (const [digits, wrong] of [['123', 'code_length'], ['8800000000000000019', 'code_length'], ['280000000000000001', 'code_other'], ['880000000000000001', 'code_mistyped']]) {
    assert.equal(wrongCode(digits), wrong);
    for (const language of ['en', 'zh']) assert.notEqual(said(language, wrong, { count: digits.length }), wrong);
  }
  // Nine in ten that begin so are none, and the tenth is one.
  const good = [...'0123456789'].filter((last) => wrongCode(`88123456789012345${last}`) === null);
  assert.equal(good.length, 1);
});
