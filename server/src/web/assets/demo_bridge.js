// @ts-check
/** A phone inside the demo: who it is, what it tells the page around it, and what that page asks of it. */

import { route } from './route.js';

/** @param {import('./phone.js').Phone} phone */
export function bridge(phone) {
  const demo = route().get('demo');
  const inside = demo !== null && window.parent !== window;
  if (demo !== null) document.documentElement.classList.add('in-demo');

  /** What others at the demo were told: a table that one may join. @type {{ group: string, link: string, name: string, host: string } | null} */
  let invitation = null;
  /** Whether the page around was told where this phone's diner sits. */
  let sat = false;

  addEventListener('message', async ({ origin, data }) => {
    if (origin !== location.origin || !inside || !data?.fanju) return;
    if (data.fanju === 'invitation') {
      invitation = data.invitation;
      phone.changed();
    } else if (data.fanju === 'do') {
      const { act } = await import('./demo_acts.js');
      act(phone, data);
    }
  });

  return {
    /** Whether this phone plays in the demo. */
    demo: demo !== null,
    /** @returns {Promise<string | null>} the token of the demo's diner */
    async token() {
      if (demo === null) return null;
      const answer = await fetch('/demo/cast');
      if (!answer.ok) return null;
      return (await answer.json()).diners[Number(demo)]?.token ?? null;
    },
    /** @param {string} what @param {Record<string, unknown>} [more] */
    tell(what, more = {}) {
      if (inside) parent.postMessage({ fanju: what, demo: Number(demo), ...more }, location.origin);
    },
    /** Says once where the diner sat before this page was loaded. */
    sits() {
      if (!inside || sat) return;
      sat = true;
      const open = phone.tables.list?.filter(({ joined, status }) => joined && status !== 'closed') ?? [];
      this.tell('sits', { tables: open.map(({ group, name }) => ({ group, name })) });
    },
    invitation() { return invitation; },
    answered() { invitation = null; },
  };
}
