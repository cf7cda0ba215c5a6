// A wire to nowhere, under the pages' live channel: the test hears what is sent, and says what comes back.

import { setTimeout as pause } from 'node:timers/promises';

/** Every wire that was opened, the newest last. @type {Wire[]} */
export const wires = [];

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

/** The newest wire, once the channel is open; it is one of `count`. */
export async function online(fanju, count = 1, limits = undefined, epoch = 'e') {
  while (wires.length < count) await pause(5);
  const wire = wires.at(-1);
  wire.hear({ method: 'hello', params: { epoch, server_time: 0, limits } });
  while (fanju.state !== 'online') await pause(0);
  await pause(0);
  return wire;
}

/** A channel that begins, for as long as the test lasts. */
export function begun(context) {
  wires.length = 0;
  const fanju = new Fanju({ url: 'ws://nowhere' });
  fanju.connect();
  context.after(() => fanju.close());
  return fanju;
}

/** Lets the server answer the latest of `method` with `problem`, or do it, and say what `result` is; gives the key. */
export function answer(wire, problem, method = 'wallets.transfer', result = {}) {
  const { id, params } = wire.asked(method).at(-1);
  wire.hear(problem ? { id, error: { code: -32000, message: problem.code, data: { title: problem.code, ...problem } } } : { id, result });
  return params.idempotency_key;
}
