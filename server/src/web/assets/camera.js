// @ts-check
/** Scanning with the camera, where the browser can read barcodes; elsewhere there is no button. */

import { digitsOf, isCode } from './code.js';
import { button, h, icon } from './ui.js';
import { t } from './words.js';

const LOOK_EVERY_MS = 120;

/** @param {(digits: string) => void} found */
export function camera(found) {
  const view = h('video', { class: 'camera', hidden: true, muted: true, playsinline: true, 'aria-label': t('camera') });
  const Detector = /** @type {any} */ (globalThis).BarcodeDetector;
  if (!Detector || !navigator.mediaDevices?.getUserMedia) return { view, button: null };
  /** @type {MediaStream | null} */
  let stream = null;

  function stop() {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
    view.hidden = true;
  }

  async function start() {
    if (stream) return stop();
    const detector = new Detector({ formats: ['qr_code', 'code_128'] });
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
    view.srcObject = stream;
    view.hidden = false;
    await view.play();
    while (stream) {
      const codes = await detector.detect(view).catch(() => []);
      const code = codes.map((/** @type {any} */ one) => digitsOf(one.rawValue)).find(isCode);
      if (code) {
        stop();
        found(code);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  // The camera runs until it finds a code: the button must not wait for it.
  const press = () => { start().catch(stop); };
  return { view, button: button([icon('camera'), h('span', { class: 'unseen' }, t('camera'))], press, { class: 'button' }) };
}
