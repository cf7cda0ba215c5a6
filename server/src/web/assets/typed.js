// @ts-check
/**
 * What is typed and not sent yet outlives the switch of the language, which loads the page anew. What is one shop's has its
 * name, for the next to sign in may be another; keys and tokens are not kept here.
 */

const KEPT = 'fanju.typed';

/** What there was when the language was switched, by name. @type {Record<string, any>} */
const before = JSON.parse(sessionStorage.getItem(KEPT) ?? '{}');
// Once: whatever is loaded later begins empty.
sessionStorage.removeItem(KEPT);
/** @type {Map<string, () => unknown>} */
const now = new Map();

/** What `read` gave when the language was switched, if anything; at the next switch it is asked again. @param {string} name @param {() => unknown} read */
export function keep(name, read) {
  const kept = before[name];
  delete before[name];
  now.set(name, read);
  return kept;
}

/** @param {string} name @param {HTMLInputElement | HTMLSelectElement} input */
export function keepInput(name, input) {
  // What is no longer on the page was sent, or given up.
  const kept = keep(name, () => (input.isConnected ? input.value : undefined));
  if (kept !== undefined) input.value = kept;
}

/** Puts everything aside for the page that is loaded next. */
export function keepAll() {
  sessionStorage.setItem(KEPT, JSON.stringify(Object.fromEntries([...now].map(([name, read]) => [name, read()]))));
}
