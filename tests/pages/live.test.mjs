// The pages' live channel, over a wire that is cut when the test says so: what is withdrawn is not sent, and progress that
// something durable has overtaken is not told.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { begun, online, wires } from './wire.mjs';

const QUESTION = { group: 'g', diner: 'w', merchant: 'm', order_no: '1', presentation: 'p', owed: 5 };

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
  assert.deepEqual([asked.params.after, asked.params.epoch], [5, 'e']);
  assert.equal(resumed, 0);
  second.hear({ id: asked.id, result: { topic: 'group:g', recovered: true, position: 5 } });
  await pause(0);
  assert.equal(resumed, 1);
});

test('a position is told with the epoch in which it was seen, whatever server answers now', async (context) => {
  const fanju = begun(context);
  let wire = await online(fanju);
  const states = [];
  fanju.subscribe('group:g', { state: (state) => { states.push(state); } });
  for (const [at, epoch] of ['e', 'of another', 'of another', 'of another'].entries()) {
    const [{ id, params }] = wire.asked('subscribe');
    const seen = [[undefined, undefined], [0, 'e'], [1, 'of another'], [1, 'of another']][at];
    assert.deepEqual([params.after, params.epoch], seen);
    const recovered = epoch === params.epoch;
    wire.hear({ id, result: { topic: 'group:g', recovered, position: recovered ? params.after : at, state: at } });
    await pause(0);
    if (at === 3) break;
    wire.onclose({ code: 1006 });
    wire = await online(fanju, at + 2, undefined, 'of another');
  }
  assert.deepEqual(states, [0, 1]);
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
