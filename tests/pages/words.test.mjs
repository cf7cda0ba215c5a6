// What the pages say of lengths of time and of digits that are no table's code. Run by `node --test tests/pages/`,
// which `tests/tests/browser.rs` does.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
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

/** What the server may answer, of the type `name`. */
function answers(name) {
  const types = readFileSync(new URL('../../server/src/web/assets/api.d.ts', import.meta.url), 'utf8');
  const [, list] = types.match(new RegExp(`^export type ${name} = (.*);$`, 'm'));
  return [...list.matchAll(/"(\w+)"/g)].map(([, word]) => word);
}

/** Only a program gets these wrong, and a person can do nothing about them: pages tell their code. */
const FOR_PROGRAMS = new Set(['malformed_frame', 'unknown_method', 'not_found', 'wrong_method', 'wrong_origin',
  'too_many_subscriptions', 'subscription_over', 'too_many_subscribers', 'unknown_position', 'gap_too_long',
  'idempotency_key_required', 'idempotency_key_wrong', 'idempotency_key_reused', 'idempotency_key_in_use']);
/** These come with a reason, which has the word. */
const WITH_REASON = new Set(['wallet', 'merchant', 'group', 'payment', 'answer', 'cancel', 'refund'].map((what) => `${what}_refused`));

test('whatever the server may answer is told in both languages', () => {
  const codes = answers('ProblemCode');
  const reasons = answers('Reason');
  assert.ok(codes.length > 70 && reasons.length > 60);
  for (const exception of [...FOR_PROGRAMS, ...WITH_REASON]) assert.ok(codes.includes(exception), exception);
  const words = [...codes.filter((code) => !FOR_PROGRAMS.has(code) && !WITH_REASON.has(code)).map((code) => `error_${code}`), ...reasons.map((reason) => `reason_${reason}`)];
  for (const word of words) {
    for (const language of ['en', 'zh']) assert.notEqual(said(language, word), word, `${language}: ${word}`);
    assert.notEqual(said('zh', word), said('en', word), word);
  }
});
