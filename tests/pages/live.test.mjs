// The pages' live channel, over a wire that is cut when the test says so: what is withdrawn is not sent, nobody pays
// twice, a flood of invitations asks for one list after the other, and progress that something durable has overtaken is
// not told.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

/** Every wire that was opened, the newest last. @type {Wire[]} */
const wires = [];

class Wire {
  static OPEN = 1;
  readyState = Wire.OPEN;
  /** @type {any[]} */ sent = [];

  constructor() { wires.push(this); }

  send(text) { this.sent.push(JSON.parse(text)); }

  close() {}

  hear(message) { this.onmessage({ data: JSON.stringify({ jsonrpc: '2.0', ...message }) }); }

  asked(method) { return this.sent.filter((request) => request.method === method); }
}

globalThis.WebSocket = Wire;
const { Fanju } = await import('../../server/src/web/assets/fanju.js');
// What the list of tables brings along keeps things for the next page.
globalThis.sessionStorage = { getItem: () => null, removeItem() {} };
let spoken = 'en';
globalThis.localStorage = { getItem: () => spoken, setItem() {} };
const { t } = await import('../../server/src/web/assets/words.js');
const { Tables } = await import('../../server/src/web/assets/tables.js');
const { Attempt } = await import('../../server/src/web/assets/attempt.js');

const QUESTION = { group: 'g', diner: 'w', merchant: 'm', order_no: '1', presentation: 'p', owed: 5 };

async function online(fanju, count = 1) {
  while (wires.length < count) await pause(5);
  const wire = wires.at(-1);
  wire.hear({ method: 'hello', params: { epoch: 'e', server_time: 0 } });
  while (fanju.state !== 'online') await pause(0);
  await pause(0);
  return wire;
}

function begun(context) {
  wires.length = 0;
  const fanju = new Fanju({ url: 'ws://nowhere' });
  fanju.connect();
  context.after(() => fanju.close());
  return fanju;
}

test('a yes that waits for the channel is withdrawn, and the no after it is sent alone', async (context) => {
  const fanju = begun(context);
  const yes = new AbortController();
  const said = fanju.call('groups.confirm', QUESTION, { signal: yes.signal });
  const refused = assert.rejects(said, { code: 'withdrawn' });
  yes.abort();
  await refused;
  fanju.call('groups.refuse', QUESTION).catch(() => {});
  const wire = await online(fanju);
  assert.deepEqual([wire.asked('groups.confirm').length, wire.asked('groups.refuse').length], [0, 1]);
  const late = fanju.call('groups.confirm', QUESTION, { signal: yes.signal });
  assert.equal(wire.asked('groups.confirm').length, 0);
  await assert.rejects(late, { code: 'withdrawn' });
});

for (const when of ['before the cut', 'after the cut']) {
  test(`a yes that was sent and is withdrawn ${when} is not sent again`, async (context) => {
    const fanju = begun(context);
    const first = await online(fanju);
    const yes = new AbortController();
    const said = fanju.call('groups.confirm', QUESTION, { signal: yes.signal });
    // It may have been done.
    const refused = assert.rejects(said, { code: 'connection_lost' });
    const kept = fanju.call('wallets.freeze', { wallet: 'w' });
    assert.equal(first.asked('groups.confirm').length, 1);
    if (when === 'before the cut') yes.abort();
    first.onclose({ code: 1006 });
    yes.abort();
    await refused;
    const second = await online(fanju, 2);
    assert.equal(second.asked('groups.confirm').length, 0);
    const [again] = second.asked('wallets.freeze');
    assert.equal(again.params.idempotency_key, first.asked('wallets.freeze')[0].params.idempotency_key);
    second.hear({ id: again.id, result: {} });
    await kept;
    });
}

const TRANSFER = { wallet: 'w', to: 'v', amount: 5000 };

/** A phone, and what its sheets ask for: transfers, unless said. */
function payer(fanju) {
  const phone = { pay: (method, params, how) => fanju.call(method, params, how) };
  return (sheet, params = TRANSFER, method = 'wallets.transfer') => sheet.pay(phone, method, params);
}

/** Lets the server answer the latest of `method` with `problem`, or do it; gives the key. */
function answer(wire, problem, method = 'wallets.transfer') {
  const { id, params } = wire.asked(method).at(-1);
  wire.hear(problem ? { id, error: { code: -32000, message: problem.code, data: { title: problem.code, ...problem } } } : { id, result: {} });
  return params.idempotency_key;
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

test('a yes that was sent is answered although it was withdrawn', async (context) => {
  const fanju = begun(context);
  const wire = await online(fanju);
  const yes = new AbortController();
  const said = fanju.call('groups.confirm', QUESTION, { signal: yes.signal });
  yes.abort();
  wire.hear({ id: wire.asked('groups.confirm')[0].id, result: {} });
  assert.deepEqual(await said, {});
});

test('progress that is older than the state, or than an event, is not told', async (context) => {
  const fanju = begun(context);
  const wire = await online(fanju);
  const told = [];
  fanju.subscribe('group:g', { progress: ({ position }) => told.push(position) });
  const progress = (position) => wire.hear({ method: 'progress', params: { topic: 'group:g', position } });
  const [asked] = wire.asked('subscribe');
  wire.hear({ id: asked.id, result: { topic: 'group:g', recovered: false, position: 5, state: {} } });
  await pause(0);
  progress(3);
  progress(5);
  wire.hear({ method: 'event', params: { topic: 'group:g', position: 9, prev: 5, event: {} } });
  progress(5);
  progress(9);
  assert.deepEqual(told, [5, 9]);
});

test('whoever resumes is told so, for progress may have been missed', async (context) => {
  const fanju = begun(context);
  const first = await online(fanju);
  let resumed = 0;
  fanju.subscribe('group:g', { resumed: () => { resumed += 1; } });
  first.hear({ id: first.asked('subscribe')[0].id, result: { topic: 'group:g', recovered: false, position: 5, state: {} } });
  await pause(0);
  first.onclose({ code: 1006 });
  const second = await online(fanju, 2);
  const [asked] = second.asked('subscribe');
  assert.equal(asked.params.after, 5);
  assert.equal(resumed, 0);
  second.hear({ id: asked.id, result: { topic: 'group:g', recovered: true, position: 5 } });
  await pause(0);
  assert.equal(resumed, 1);
});

test('whoever may hear a topic no more is told so, and may ask for it again', async (context) => {
  const fanju = begun(context);
  const wire = await online(fanju);
  const told = [];
  const listen = () => fanju.subscribe('group:g', { error: ({ code }) => told.push(code) });
  listen();
  wire.hear({ method: 'unsubscribed', params: { topic: 'group:g' } });
  assert.deepEqual(told, ['forbidden']);
  listen();
  assert.equal(wire.asked('subscribe').length, 2);
});

test('a topic that the server was in no state to give is asked for again', async (context) => {
  const fanju = begun(context);
  const wire = await online(fanju);
  const told = [];
  context.mock.timers.enable({ apis: ['setTimeout'] });
  fanju.subscribe('group:g', { error: ({ code }) => told.push(code) });
  const [first] = wire.asked('subscribe');
  wire.hear({ id: first.id, error: { code: -32000, message: 'poisoned', data: { code: 'poisoned', status: 503, title: 'poisoned' } } });
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  context.mock.timers.tick(5_000);
  assert.deepEqual([told.length, wire.asked('subscribe').length], [0, 2]);
  // What is refused for good is told, and what was overtaken is not.
  const refuse = async (problem) => {
    const { id } = wire.asked('subscribe').at(-1);
    wire.hear({ id, error: { code: -32000, message: problem.code, data: { title: problem.code, ...problem } } });
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  };
  await refuse({ code: 'subscription_over', status: 409 });
  context.mock.timers.tick(60_000);
  assert.deepEqual([told.length, wire.asked('subscribe').length], [0, 2]);
  fanju.subscribe('group:g', { error: ({ code }) => told.push(code) });
  await refuse({ code: 'too_many_subscriptions', status: 429 });
  fanju.subscribe('group:g', { error: ({ code }) => told.push(code) });
  await refuse({ code: 'internal', status: 500 });
  assert.deepEqual(told, ['too_many_subscriptions', 'internal']);
});

test('after a cut a topic is asked for once, whatever waited to ask again', async (context) => {
  const fanju = begun(context);
  const first = await online(fanju);
  fanju.subscribe('group:g', {});
  const [{ id }] = first.asked('subscribe');
  first.hear({ id, error: { code: -32000, message: 'busy', data: { code: 'busy', status: 503, title: 'busy', retry_after_ms: 400 } } });
  await pause(0);
  first.onclose({ code: 1006 });
  const second = await online(fanju, 2);
  await pause(600);
  assert.equal(second.asked('subscribe').length, 1);
});

test('what is longer than a frame may be is refused here, and the session goes on', async (context) => {
  const fanju = begun(context);
  while (wires.length < 1) await pause(5);
  const wire = wires.at(-1);
  wire.hear({ method: 'hello', params: { epoch: 'e', server_time: 0, limits: { frame_bytes_max: 300, requests_per_second: 50 } } });
  while (fanju.state !== 'online') await pause(0);
  const lines = [{ name: '面'.repeat(100), amount: 1 }];
  await assert.rejects(fanju.call('orders.scan', { lines }), { code: 'body_too_large' });
  assert.equal(wire.asked('orders.scan').length, 0);
  fanju.call('orders.scan', { lines: [] }).catch(() => {});
  assert.equal(wire.asked('orders.scan').length, 1);
});

test('however many invitations come, one list is asked for and one is due, which knows the last of them', async (context) => {
  const fanju = begun(context);
  const wire = await online(fanju);
  const tables = new Tables({ fanju, wallet: 'w', changed() {} });
  const give = (name) => {
    const { id } = wire.asked('wallets.groups').at(-1);
    wire.hear({ id, result: { groups: [{ group: name, name, status: 'open', host: 'v', members: 1, joined: false }], next: null } });
  };
  const all = Array.from({ length: 100 }, () => tables.refresh());
  assert.equal(wire.asked('wallets.groups').length, 1);
  give('first');
  await all[0];
  all.push(tables.refresh(), tables.refresh());
  assert.equal(wire.asked('wallets.groups').length, 1, 'not at once');
  while (wire.asked('wallets.groups').length < 2) await pause(5);
  give('last');
  await Promise.all(all);
  assert.equal(tables.list[0].name, 'last');
  await pause(600);
  assert.equal(wire.asked('wallets.groups').length, 2);
  const later = tables.refresh();
  assert.equal(wire.asked('wallets.groups').length, 3);
  give('later');
  await later;
});

test('what is due when the phone signs out is asked for by nobody', async (context) => {
  const fanju = begun(context);
  const wire = await online(fanju);
  const phone = { fanju, wallet: 'w', changed() {} };
  const tables = new Tables(phone);
  tables.refresh();
  const due = tables.refresh();
  tables.clear();
  phone.wallet = '';
  wire.hear({ id: wire.asked('wallets.groups')[0].id, result: { groups: [], next: null } });
  await due;
  assert.deepEqual([wire.asked('wallets.groups').length, tables.list], [1, null]);
});

test('a table that is not for this phone any more says so in the words of its reader, and is asked for again by whoever goes there', async (context) => {
  const fanju = begun(context);
  const wire = await online(fanju);
  const tables = new Tables({ fanju, wallet: 'w', changed() {} });
  for (const language of ['en', 'zh']) {
    spoken = language;
    tables.follow('g');
    wire.hear({ method: 'unsubscribed', params: { topic: 'group:g' } });
    assert.equal(tables.known('g').trouble, t('reason_shut_out'));
    assert.equal(tables.known('g').view, null);
  }
  assert.equal(wire.asked('subscribe').length, 2);
});
