// @ts-check
/** One webhook of a shop: what was sent and how it was answered, a message once more, and a new secret. */

import { button, complain, fill, h, icon, secretSheet, sheet, toast, when } from './ui.js';
import { span, t } from './words.js';

/** @typedef {import('./till.js').Till} Till */
/** @typedef {import('./api.js').Delivery} Delivery */

/** Attempts shown at once. */
const PAGE = 20;

/** @param {any} one */
function standing(one) {
  return one.disabled ? t('webhook_disabled') : one.failures ? t('webhook_failing', { count: one.failures }) : t('webhook_good');
}

/** A row that opens it. @param {Till} till @param {any} one @param {() => Promise<void>} load */
export function webhook(till, one, load) {
  return h('li', null, button([
    h('span', { class: 'row-main' }, h('strong', { class: 'mono' }, one.url), h('span', { class: 'quiet' }, standing(one))), icon('more'),
  ], () => open(till, one, load), { class: 'row', 'data-key': `webhook-${one.id}` }));
}

/** @param {Till} till @param {any} one @param {() => Promise<void>} load */
async function open(till, one, load) {
  const which = { merchant: till.id, webhook: one.id };
  const log = h('ul', { class: 'list slip', 'aria-label': t('deliveries'), 'data-testid': 'deliveries' });
  const foot = h('div');

  /** Puts the newest page there, or the next one behind what is there. @param {number} [before] */
  async function read(before) {
    const { deliveries, next } = await till.fanju.call('webhooks.deliveries', { ...which, limit: PAGE, ...(before ? { before } : {}) });
    if (!before) fill(log, deliveries.length ? [] : h('li', { class: 'quiet empty' }, t('deliveries_none')));
    log.append(...deliveries.map(attempt));
    fill(foot, next && button(t('deliveries_more'), () => read(next), { class: 'button small', 'data-key': 'deliveries-more' }));
  }

  /** @param {Delivery} delivery */
  function attempt({ message, event, attempt: number, at, status, error, duration_ms, state, next_at }) {
    const good = status && status >= 200 && status < 300;
    const answered = !status ? error ?? '' : t('delivery_answered', { status, took: span(duration_ms) });
    const stands = state === 'waiting' && next_at ? t('delivery_waiting', { when: when(next_at) }) : t(`delivery_${state}`);
    return h('li', { class: 'row still' },
      h('span', { class: `dot ${good ? 'settled' : 'declined'}`, 'aria-hidden': 'true' }),
      h('span', { class: 'row-main' },
        h('strong', { class: 'mono' }, event),
        h('span', { class: 'quiet' }, [when(at), t('delivery_attempt', { number }), answered].join(' · ')),
        h('span', { class: 'quiet' }, stands)),
      !one.disabled && button(t('replay'), async () => {
        await till.fanju.call('webhooks.replay', { merchant: till.id, message });
        toast(t('toast_replayed'), 'good');
        await read();
      }, { class: 'button small', 'data-key': 'replay', 'aria-label': t('replay_of', { event, when: when(at) }) }));
  }

  const opened = sheet({
    title: t('webhook'), body: [
      h('p', { class: 'mono break' }, one.url),
      h('p', { class: 'quiet' }, standing(one), one.old_secret_until ? ` · ${t('webhook_old_secret', { when: when(one.old_secret_until) })}` : ''),
      h('div', { class: 'section-head' }, h('h3', null, t('deliveries')), button(t('look_again'), () => read(), { class: 'button small', 'data-key': 'deliveries-again' })),
      log, foot,
      !one.disabled && button([icon('key'), t('webhook_rotate')], () => sure(t('webhook_rotate'), t('webhook_rotate_why'), 'primary', async () => {
        const { secret } = await till.fanju.call('webhooks.rotate', which);
        opened.close();
        secretSheet(t('webhook_new_secret'), secret);
      }), { class: 'button wide', 'data-key': 'rotate' }),
      button(t('shop_remove'), () => sure(t('shop_remove'), t('shop_webhooks_remove_why'), 'danger', async () => {
        await till.fanju.call('webhooks.remove', which);
        opened.close();
        await load();
      }), { class: 'button danger wide' })],
    closed: () => { load().catch(complain); },
  });
  await read();
}

/** Asks once more. @param {string} word @param {string} why @param {string} tone @param {() => Promise<void>} act */
function sure(word, why, tone, act) {
  const asked = sheet({ title: word, body: [h('p', null, why),
    button(word, async () => { asked.close(); await act(); }, { class: `button ${tone} wide`, 'data-key': 'sure' })] });
}
