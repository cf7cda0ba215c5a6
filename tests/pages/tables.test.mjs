// The list of a wallet's tables, over a wire to nowhere: a flood of invitations asks for one list after the other, and
// hides no table.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { speak } from './storage.mjs';
import { begun, online } from './wire.mjs';

const { t } = await import('../../server/src/web/assets/words.js');
const { Tables } = await import('../../server/src/web/assets/tables.js');

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
    speak(language);
    tables.follow('g');
    wire.hear({ method: 'unsubscribed', params: { topic: 'group:g' } });
    assert.equal(tables.known('g').trouble, t('reason_shut_out'));
    assert.equal(tables.known('g').view, null);
  }
  assert.equal(wire.asked('subscribe').length, 2);
});

/** A wallet with so many pages of invitations, and one open table on the last of them; gives what was asked for. */
async function flooded(context, pages) {
  const fanju = begun(context);
  const wire = await online(fanju, 1, { requests_per_second: 100_000 });
  const flood = { pages, asked: [] };
  const send = wire.send.bind(wire);
  wire.send = (text) => {
    send(text);
    const { id, method, params } = JSON.parse(text);
    if (method !== 'wallets.groups') return;
    // Pages begin at multiples of 500, the newest with the highest.
    const page = params.from ? params.from / 500 : flood.pages;
    flood.asked.push(page);
    const last = page === 1;
    const group = last ? 'mine' : `invited ${page}`;
    queueMicrotask(() => wire.hear({ id, result: {
      groups: [{ group, name: group, status: 'open', host: 'v', members: 1, joined: last }], ...(last ? {} : { next: (page - 1) * 500 }) } }));
  };
  return { wire, flood, tables: new Tables({ fanju, wallet: 'w', changed() {} }) };
}

test('a table behind thousands of invitations is in the list and is followed, and is not looked for anew each time', async (context) => {
  const { wire, flood, tables } = await flooded(context, 30);
  const follows = () => wire.asked('subscribe').map(({ params }) => params.topic);
  await tables.refresh();
  assert.equal(tables.list.at(-1).group, 'mine');
  assert.deepEqual([follows(), tables.more, flood.asked.length], [['group:mine'], false, 30]);
  for (const pages of [32, 40]) {
    const known = flood.pages;
    flood.asked = [];
    flood.pages = pages;
    await tables.refresh();
    assert.deepEqual([tables.list.length, tables.list.at(-1).group, tables.more], [pages, 'mine', false]);
    assert.ok(flood.asked.length <= 7 + pages - known, `${flood.asked.length} pages`);
  }
  assert.equal(new Set(tables.list.map(({ group }) => group)).size, 40);
  assert.equal(follows().length, 1);
  // Who has left is told by the table itself.
  wire.hear({ method: 'unsubscribed', params: { topic: 'group:mine' } });
  assert.equal(tables.list.some(({ group }) => group === 'mine'), false);
});

test('where there is more than is looked through at once, the list says so, and looks on for whoever asks', async (context) => {
  const { wire, flood, tables } = await flooded(context, 100);
  await tables.refresh();
  assert.equal(tables.more, true);
  assert.ok(flood.asked.length < 80, `${flood.asked.length} pages`);
  await tables.further();
  assert.deepEqual([tables.more, tables.list.length, tables.list.at(-1).group], [false, 100, 'mine']);
  assert.equal(wire.asked('subscribe').length, 1);
  // And another flood while the phone was there hides nothing that was known.
  flood.pages = 103;
  await tables.refresh();
  assert.deepEqual([tables.more, tables.list.length], [false, 103]);
});
