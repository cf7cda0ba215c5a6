// @ts-check
/** Looking back through what happened: page by page, until what is looked for was found. */

/** @typedef {import('./api.js').Position} Position */
/** @template T @typedef {{ found: T[], next: Position | null }} Found what was looked for, newest first, and where to go on, unless that was all */

/** Events of one page: as many as the server gives at once. */
export const PAGE = 500;

/**
 * Reads pages until `enough` of what is `wanted` was found, or there are no more, or `pages` were read.
 * @template T
 * @param {(from: Position | undefined) => Promise<{ events: T[], next?: Position | null }>} read
 * @param {{ wanted: (one: T) => boolean, enough: (found: T[]) => boolean, pages: number, from?: Position | null }} how
 * @returns {Promise<Found<T>>}
 */
export async function lookBack(read, { wanted, enough, pages, from = null }) {
  /** @type {T[]} */
  const found = [];
  let next = from;
  for (let count = 0; count < pages; count += 1) {
    const page = await read(next ?? undefined);
    found.push(...page.events.filter(wanted));
    next = page.next ?? null;
    if (next === null || enough(found)) break;
  }
  return { found, next };
}
