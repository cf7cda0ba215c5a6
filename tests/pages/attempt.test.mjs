// What a sheet asks for, over a wire that is cut when the test says so: nobody pays twice, also where the page was loaded
// anew meanwhile.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { storage } from './storage.mjs';
import { answer, begun, online } from './wire.mjs';

const { Attempt } = await import('../../server/src/web/assets/attempt.js');

/** The page is loaded anew in the same tab: what it kept in memory is gone. */
async function loadedAnew() {
  loadedAnew.times = (loadedAnew.times ?? 0) + 1;
  return (await import(`../../server/src/web/assets/attempt.js?times=${loadedAnew.times}`)).Attempt;
}

const TRANSFER = { wallet: 'w', to: 'v', amount: 5000 };

/** A phone, and what its sheets ask for: transfers, unless said. */
function payer(fanju) {
  const phone = { pay: (method, params, how) => fanju.call(method, params, how) };
  return (sheet, params = TRANSFER, method = 'wallets.transfer') => sheet.pay(phone, method, params);
}

test('what a sheet asked for while nothing could be sent is gone with it, and the next sheet asks alone', async (context) => {
  const fanju = begun(context);
  const send = payer(fanju);
  const [closed, open] = [new Attempt(), new Attempt()];
  const first = assert.rejects(send(closed), { code: 'withdrawn' });
  closed.end();
  await first;
  assert.equal(closed.unanswered, false);
  const second = send(open);
  const wire = await online(fanju);
  assert.equal(wire.asked('wallets.transfer').length, 1);
  answer(wire);
  await second;
});

test('a sheet asks for the same under its first key until it is done, or refused', async (context) => {
  const fanju = begun(context);
  const wire = await online(fanju);
  const send = payer(fanju);
  const sheet = new Attempt();
  const keys = [];
  const ends = [{ code: 'unanswered', status: 504 }, { code: 'poisoned', status: 503 }, { code: 'internal', status: 500 }];
  for (const problem of ends) {
    const said = assert.rejects(send(sheet), { code: problem.code });
    keys.push(answer(wire, problem));
    await said;
  }
  // Something else is another payment, and what was asked before keeps its key meanwhile.
  const other = assert.rejects(send(sheet, { ...TRANSFER, amount: 60 }), { code: 'internal' });
  const others = answer(wire, { code: 'internal', status: 500 });
  await other;
  const done = send(sheet);
  keys.push(answer(wire));
  await done;
  assert.deepEqual([new Set(keys).size, keys.includes(others)], [1, false]);
  const again = assert.rejects(send(sheet), { code: 'wallet_refused' });
  const refused = answer(wire, { code: 'wallet_refused', status: 409, reason: 'insufficient_funds' });
  await again;
  const last = send(sheet);
  const fresh = answer(wire);
  await last;
  assert.equal(new Set([keys[0], refused, fresh]).size, 3);
});

test('a sheet that is opened while the same is on its way asks for it under the same key, and something else under another', async (context) => {
  const fanju = begun(context);
  const wire = await online(fanju);
  const send = payer(fanju);
  const [closed, open] = [new Attempt(), new Attempt()];
  const first = send(closed);
  closed.end();
  assert.equal(closed.unanswered, true);
  const second = send(open);
  const withdrawn = send(open, { wallet: 'w', amount: 5000 }, 'wallets.withdraw');
  const [one, two] = wire.asked('wallets.transfer');
  assert.equal(one.params.idempotency_key, two.params.idempotency_key);
  assert.notEqual(answer(wire, null, 'wallets.withdraw'), one.params.idempotency_key);
  for (const { id } of [one, two]) wire.hear({ id, result: {} });
  await Promise.all([first, second, withdrawn]);
  // What is done is over: whoever sends it once more means it.
  const later = send(new Attempt());
  assert.notEqual(answer(wire), one.params.idempotency_key);
  await later;
});

for (const [what, params, method] of [['a transfer', TRANSFER, 'wallets.transfer'], ['a payout', { merchant: 'm', amount: 7 }, 'merchants.pay_out']]) {
  test(`${what} whose answer was lost with its page goes out under its first key, and is said to have been done`, async (context) => {
    storage.clear();
    const fanju = begun(context);
    const wire = await online(fanju);
    const send = payer(fanju);
    send(new Attempt(), params, method).catch(() => {});
    const first = wire.asked(method)[0].params.idempotency_key;
    const again = new (await loadedAnew())();
    const other = send(again, { ...params, amount: 8 }, method);
    assert.notEqual(answer(wire, null, method), first, 'another amount is another payment');
    await other;
    const done = send(again, params, method);
    assert.equal(answer(wire, null, method, { replayed: true }), first);
    await done;
    assert.equal(again.was_done, true);
    // What is done is over, also for the page after that.
    const later = new (await loadedAnew())();
    const meant = send(later, params, method);
    assert.notEqual(answer(wire, null, method), first);
    await meant;
    assert.deepEqual([later.was_done, Object.keys(storage)], [false, []]);
  });
}

test('a part of an order that is given back keeps its number when the page is loaded anew', async () => {
  const back = ['orders.refund', { merchant: 'm', order_no: '1', amount: 500 }];
  const numbers = [];
  const give = (Kind, ask) => new Kind().once(back, ({ key }) => { numbers.push(key); return ask(); });
  give(Attempt, () => new Promise(() => {}));
  await give(await loadedAnew(), async () => ({ replayed: true }));
  await give(await loadedAnew(), async () => ({ replayed: false }));
  assert.equal(numbers[1], numbers[0]);
  assert.notEqual(numbers[2], numbers[0]);
});

test('whoever is told "not now", or that the first is still under way, keeps the key: the first may have been done', async (context) => {
  const fanju = begun(context);
  const wire = await online(fanju);
  const send = payer(fanju);
  const keys = [];
  for (const problem of [{ code: 'too_many_requests', status: 429 }, { code: 'idempotency_key_in_use', status: 409 }, null]) {
    const sheet = new Attempt();
    const said = send(sheet);
    // Nobody asks again by itself for a sheet that is closed.
    sheet.end();
    keys.push(answer(wire, problem));
    await (problem ? assert.rejects(said, { code: problem.code }) : said);
  }
  assert.equal(new Set(keys).size, 1);
});

test('what was begun is remembered for a quarter of an hour, and so much of it', async (context) => {
  context.mock.timers.enable({ apis: ['Date'], now: 1e12 });
  const keys = [];
  const begin = (Kind, what) => { new Kind().once(what, ({ key }) => { keys.push(key); return Promise.reject(new Error('lost')); }).catch(() => {}); };
  begin(Attempt, 'one');
  context.mock.timers.tick(14 * 60_000);
  begin(await loadedAnew(), 'one');
  assert.equal(keys[1], keys[0]);
  context.mock.timers.tick(16 * 60_000);
  begin(await loadedAnew(), 'one');
  assert.notEqual(keys[2], keys[0]);
  const Last = await loadedAnew();
  for (let number = 0; number < 80; number += 1) begin(Last, number);
  await new Promise((over) => setImmediate(over));
  for (let number = 80; number < 160; number += 1) {
    begin(Last, number);
    await null;
    await null;
    await null;
  }
  assert.ok(Object.keys(storage).length <= 50, `${Object.keys(storage).length} kept`);
  // What is as long as a drafted bill fills no storage.
  begin(Last, 'x'.repeat(3_000));
  assert.ok(Object.values(storage).every((text) => text.length < 3_000));
  storage.clear();
});
