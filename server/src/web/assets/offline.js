// @ts-check
/**
 * The service worker: the pages open without a network, and say so. Money never comes from a cache:
 * what the live channel and the demo's cast say is not touched here, nor are codes.
 */

const CACHE = 'fanju-shell-1';
const PAGES = ['/', '/till', '/operator'];
const SHELL = [...PAGES, '/assets/style.css', '/assets/icon.svg', '/assets/manifest.webmanifest',
  ...['account', 'attempt', 'bill', 'camera', 'claims', 'code', 'demo_acts', 'demo_bridge', 'fanju', 'home', 'money', 'names', 'operator', 'passkey',
    'passkeys', 'pay', 'phone', 'plot', 'qr', 'receipt', 'ring', 'route', 'rules', 'statement', 'table', 'tables', 'till', 'till_collect',
    'till_orders', 'till_shop', 'till_shops', 'till_webhooks', 'typed', 'ui', 'words', 'words_en', 'words_zh'].map((name) => `/assets/${name}.js`)];

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
  event.respondWith(newest(request, pathname));
});

/** The network's answer, or the kept one when there is no network. @param {Request} request @param {string} pathname */
async function newest(request, pathname) {
  const cache = await caches.open(CACHE);
  try {
    const answer = await fetch(request);
    if (answer.ok) await cache.put(pathname, answer.clone());
    return answer;
  } catch (error) {
    const kept = await cache.match(pathname);
    if (kept) return kept;
    throw error;
  }
}
