// @ts-check
/** The code that pays for the whole table: as barcode, as QR, as digits; renewed before it is over. */

import { grouped, h, icon, sheet, svg, toast, explain } from './ui.js';
import { t } from './words.js';

/** @type {{ group: string, close: () => void } | null} */
let shown = null;

/** Takes the code away: it was scanned. @param {string} group */
export function closeCode(group) {
  if (shown?.group === group) shown.close();
}

/** @param {string} drawn */
function picture(drawn) {
  return `data:image/svg+xml,${encodeURIComponent(drawn)}`;
}

/** @param {import('./phone.js').Phone} phone @param {string} group @param {string} name */
export async function showCode(phone, group, name) {
  shown?.close();
  const bars = h('img', { class: 'code-bars', alt: t('barcode_alt'), width: 300, height: 84 });
  const square = h('img', { class: 'code-square', alt: t('qr_alt'), width: 240, height: 240 });
  const digits = h('output', { class: 'code-digits mono', 'data-testid': 'code' });
  const arc = svg('circle', { cx: 12, cy: 12, r: 10, class: 'clock-arc', pathLength: 100 });
  const left = h('span', { class: 'clock-left' });
  const clock = h('div', { class: 'clock', role: 'timer', 'aria-label': t('code_fresh_in') },
    svg('svg', { viewBox: '0 0 24 24', class: 'clock-ring', 'aria-hidden': 'true' }, svg('circle', { cx: 12, cy: 12, r: 10, class: 'clock-track' }), arc), left);
  const state = h('p', { class: 'quiet center', role: 'status' });

  let open = true;
  let replaced_at = 0;
  let begun = 0;
  let asking = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let timer;

  async function renew() {
    if (asking) return;
    asking = true;
    try {
      const code = await phone.fanju.call('groups.code', { group, by: phone.wallet, pictures: true });
      if (!open) return;
      // In no address: those are written down on the way.
      if (code.pictures) [bars.src, square.src] = [picture(code.pictures.code128), picture(code.pictures.qr)];
      digits.textContent = grouped(code.code);
      ({ replaced_at } = code);
      begun = phone.fanju.now_us;
      state.textContent = '';
      phone.bridge.tell('code', { group, code: code.code });
    } finally {
      asking = false;
    }
  }

  function tick() {
    const rest = Math.max(0, replaced_at - phone.fanju.now_us);
    left.textContent = t('seconds', { count: Math.ceil(rest / 1e6) });
    arc.setAttribute('stroke-dasharray', `${(rest / Math.max(1, replaced_at - begun, 60e6)) * 100} 100`);
    if (phone.fanju.state !== 'online') state.textContent = t('code_offline');
    else if (rest === 0) renew().catch((error) => { state.textContent = explain(error); });
  }

  await renew();
  const opened = sheet({
    title: name, tone: 'code-sheet', closed: () => {
      open = false;
      clearInterval(timer);
      if (shown?.group === group) shown = null;
    },
    body: [
      h('div', { class: 'code-card' }, bars, digits, h('div', { class: 'code-frame' }, square), clock),
      h('p', { class: 'center' }, t('code_how')),
      h('p', { class: 'quiet center' }, icon('lock'), ' ', t('code_why')),
      state],
  });
  shown = { group, close: opened.close };
  digits.addEventListener('click', () => navigator.clipboard?.writeText(digits.textContent.replaceAll(' ', '')).then(() => toast(t('copied')), () => {}));
  tick();
  timer = setInterval(tick, 250);
}
