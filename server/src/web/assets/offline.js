// @ts-check
/**
 * The service worker: the pages open without a network, and say so. Money never comes from a cache:
 * what the live channel and the demo's cast say is not touched here.
 */

const CACHE = 'fanju-shell-1';
const PAGES = ['/', '/till', '/operator'];
const SHELL = [...PAGES, '/assets/style.css', '/assets/icon.svg', '/assets/manifest.webmanifest',
  ...['account', 'attempt', 'bill', 'camera', 'claims', 'code', 'demo_acts', 'demo_bridge', 'fanju', 'home', 'look_back', 'money', 'names', 'operator', 'passkey',
    'passkeys', 'pay', 'phone', 'plot', 'qr', 'receipt', 'ring', 'route', 'rules', 'statement', 'table', 'tables', 'till', 'till_collect',
    'till_orders', 'till_shop', 'till_shops', 'till_webhooks', 'typed', 'ui', 'words', 'words_en', 'words_zh'].map((name) => `/assets/${name}.js`)];

/** Until a network that does not answer counts as none. */
const PATIENCE_MS = 4_000;

/** Pages that were kept here and are shown, by the browser's numbers. @type {Set<string>} */
const from_here = new Set();

/** @type {any} */
const worker = self;

worker.addEventListener('install', (/** @type {any} */ event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(SHELL)).then(() => worker.skipWaiting()));
});

worker.addEventListener('activate', (/** @type {any} */ event) => {
  event.waitUntil(caches.keys()
    .then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))))
    .then(() => worker.clients.claim()));
});

worker.addEventListener('fetch', (/** @type {any} */ event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  const shell = PAGES.includes(pathname) || pathname.startsWith('/assets/');
  if (request.method !== 'GET' || origin !== location.origin || !shell) return;
  event.respondWith(newest(event, pathname));
});

/** The network's answer, or the kept one when there is no network, or none that answers. @param {any} event @param {string} pathname */
async function newest(event, pathname) {
  const { request, clientId, resultingClientId } = event;
  const cache = await caches.open(CACHE);
  const kept = await cache.match(pathname);
  // A page that was kept has the scripts that were kept with it: of another version they might not fit.
  if (kept && from_here.has(clientId)) return kept;
  const fresh = fetch(request).then(async (answer) => {
    if (answer.ok) await cache.put(pathname, answer.clone());
    return answer;
  });
  if (!kept) return fresh;
  event.waitUntil(fresh.catch(() => {}));
  const late = new Promise((over) => setTimeout(over, PATIENCE_MS)).then(() => null);
  const answer = await Promise.race([fresh, late]).catch(() => null);
  if (!answer && resultingClientId) from_here.add(resultingClientId);
  return answer ?? kept;
}
