// Looking back through what happened: neither bills nor what was given back are lost among what is neither.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { lookBack } from '../../server/src/web/assets/look_back.js';

/** A history of so many events, newest first, each `each`-th of them a bill; a page has ten. */
function history(count, each) {
  const read = async (from = count) => {
    read.pages += 1;
    const events = Array.from({ length: Math.min(10, from) }, (_, index) => ({ position: from - index, bill: (from - index) % each === 0 }));
    return { events, ...(from > 10 ? { next: from - 10 } : {}) };
  };
  read.pages = 0;
  return read;
}

/** Of a history: which bills are found, where to go on, and how many pages that took. @type {[string, [number, number], Partial<Parameters<typeof lookBack>[1]>, number[], number | null, number][]} */
const LOOKS = [
  ['one bill among hundreds of claims', [300, 250], {}, [250], 240, 6],
  ['nothing, to the end', [95, 1_000], {}, [], null, 10],
  ['nothing, as far as it may', [1_000, 5_000], { pages: 7 }, [], 930, 7],
  ['further on', [1_000, 900], { from: 930 }, [900], 890, 4],
  ['three', [300, 25], { enough: ({ length }) => length >= 3 }, [300, 275, 250], 240, 6],
];

test('pages are read until enough was found', async () => {
  for (const [what, [count, each], how, bills, next, pages] of LOOKS) {
    const read = history(count, each);
    const looked = await lookBack(read, { wanted: ({ bill }) => bill, enough: (found) => found.length > 0, pages: 50, ...how });
    assert.deepEqual([looked.found.map(({ position }) => position), looked.next, read.pages], [bills, next, pages], what);
  }
});
