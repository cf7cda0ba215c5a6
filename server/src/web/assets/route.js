// @ts-check
/** Where in the phone one is: the part of the address after `#`. A demo's number stays in it. */

/** @returns {URLSearchParams} */
export function route() {
  return new URLSearchParams(location.hash.slice(1));
}

/** Goes to another place; back leads here again. @param {Record<string, string>} place @param {{ replace?: boolean }} [how] */
export function go(place, { replace = false } = {}) {
  const demo = route().get('demo');
  const next = new URLSearchParams(demo === null ? place : { demo, ...place });
  const address = `${location.pathname}#${next}`;
  if (replace) history.replaceState(null, '', address);
  else history.pushState(null, '', address);
  dispatchEvent(new HashChangeEvent('hashchange'));
}
