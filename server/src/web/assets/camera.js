// @ts-check
/** Scanning with the camera; where the browser cannot read QR codes itself, with a decoder that is brought along. */

import { digitsOf, isCode } from './code.js';
import { button, fill, h, icon } from './ui.js';
import { t } from './words.js';

const LOOK_EVERY_MS = 120;
/** What is looked for: the phones' squares, and their bars where the browser can. */
const FORMATS = ['qr_code', 'code_128'];

/** @typedef {{ detect: (source: HTMLVideoElement) => Promise<{ rawValue: string }[]> }} Reader */

/** The browser's own reader, where it reads squares: some have one in name only. @returns {Promise<Reader>} */
async function reader() {
  const Own = /** @type {any} */ (globalThis).BarcodeDetector;
  /** @type {string[]} */
  const reads = (await Own?.getSupportedFormats().catch(() => [])) ?? [];
  if (reads.includes('qr_code')) return new Own({ formats: FORMATS.filter((format) => reads.includes(format)) });
  const { BarcodeDetector } = await import('./qr.js');
  return new BarcodeDetector({ formats: ['qr_code'] });
}

/** Why there is no picture, and what still works. @param {unknown} error */
function why(error) {
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError') return t('camera_denied');
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return t('camera_none');
  if (name === 'NotReadableError' || name === 'AbortError') return t('camera_busy');
  console.error(error);
  return t('camera_failed');
}

/**
 * @param {(digits: string) => void} found hears one code, after which the camera rests
 * @param {() => void} without is told that there will be no picture: another way is needed
 */
export function camera(found, without) {
  const video = h('video', { class: 'camera', hidden: true, muted: true, playsinline: true, 'aria-label': t('camera_picture') });
  const wrong = h('div');
  const view = h('div', { class: 'camera-view' }, video, wrong);
  // Without TLS there is no camera at all.
  if (!navigator.mediaDevices?.getUserMedia) return { view, button: null };
  /** Counts what was begun, so that what is over does nothing more. */
  let turn = 0;
  let running = false;

  function stop() {
    turn += 1;
    running = false;
    const stream = /** @type {MediaStream | null} */ (video.srcObject);
    for (const track of stream?.getTracks() ?? []) track.stop();
    video.srcObject = null;
    video.hidden = true;
    toggle.setAttribute('aria-pressed', 'false');
  }

  async function start() {
    running = true;
    const mine = ++turn;
    toggle.setAttribute('aria-pressed', 'true');
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
    if (mine !== turn) return stream.getTracks().forEach((track) => track.stop());
    video.srcObject = stream;
    video.hidden = false;
    const [detector] = await Promise.all([reader(), video.play()]);
    while (mine === turn) {
      const codes = await detector.detect(video).catch(() => []);
      if (mine !== turn) return;
      const code = codes.map(({ rawValue }) => digitsOf(rawValue)).find(isCode);
      if (code) {
        stop();
        found(code);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  // The camera runs until it finds a code: the button must not wait for it.
  const toggle = button([icon('camera'), h('span', { class: 'unseen' }, t('camera'))], () => {
    fill(wrong);
    if (running) return stop();
    const mine = turn + 1;
    start().catch((error) => {
      if (mine !== turn) return;
      stop();
      fill(wrong, h('p', { class: 'notice bad', role: 'alert' }, why(error)));
      without();
    });
  }, { class: 'button', 'aria-pressed': 'false', 'data-key': 'camera' });
  return { view, button: toggle };
}
