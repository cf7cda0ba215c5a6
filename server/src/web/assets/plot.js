// @ts-check
/** Lines over time, drawn by hand: a few hundred points, one axis, the newest value at the right. */

import { fill, h, svg } from './ui.js';

/** Before there is a place to measure. */
const WIDTH = 640;
const HEIGHT = 200;
const LEFT = 8;
const RIGHT = 76;
const TOP = 14;
const BOTTOM = 24;

/** @typedef {{ name: string, tone: string, read: (sample: any) => number | null }} Line */

/**
 * @param {{ title: string, lines: Line[], format: (value: number) => string, floor: number, span_ms: number, ago: (seconds: number) => string }} what
 * @returns {{ element: HTMLElement, draw: (samples: { at: number }[]) => void }}
 */
export function plot({ title, lines, format, floor, span_ms, ago }) {
  const field = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: 'plot', role: 'img', 'aria-label': title });
  const legend = h('div', { class: 'legend' });
  const element = h('figure', { class: 'plot-box' }, h('figcaption', null, h('strong', null, title), legend), field);

  /** @param {{ at: number }[]} samples */
  function draw(samples) {
    // One unit is one pixel: on a narrow screen the words stay as large as they are.
    const width = Math.round(field.getBoundingClientRect().width) || WIDTH;
    field.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
    const now = samples.at(-1)?.at ?? Date.now();
    const values = lines.map(({ read }) => samples.map((sample) => ({ at: sample.at, value: read(sample) }))
      .filter((point) => point.value !== null));
    const top = nice(Math.max(floor, ...values.flat().map(({ value }) => value ?? 0)));
    const x = (/** @type {number} */ at) => LEFT + (width - LEFT - RIGHT) * (1 - (now - at) / span_ms);
    const y = (/** @type {number} */ value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top);
    const grid = [0, 0.5, 1].map((part) => [
      svg('line', { x1: LEFT, x2: width - RIGHT, y1: y(top * part), y2: y(top * part), class: 'plot-grid' }),
      svg('text', { x: width - RIGHT + 8, y: y(top * part) + 4, class: 'plot-word' }, format(top * part)),
    ]);
    const times = [0, 0.5, 1].map((part) => svg('text', {
      x: x(now - span_ms * part), y: HEIGHT - 6, class: 'plot-word', 'text-anchor': part === 1 ? 'start' : part === 0 ? 'end' : 'middle',
    }, ago(Math.round(span_ms * part / 1000))));
    const drawn = lines.map(({ tone }, index) => {
      const points = values[index] ?? [];
      const last = points.at(-1);
      if (!last) return [];
      const path = points.map((point, at) => `${at ? 'L' : 'M'}${x(point.at).toFixed(1)} ${y(point.value ?? 0).toFixed(1)}`).join('');
      return [
        index === 0 && svg('path', { d: `${path}L${x(last.at).toFixed(1)} ${y(0)}L${x(points[0]?.at ?? now).toFixed(1)} ${y(0)}Z`, class: `plot-area ${tone}` }),
        svg('path', { d: path, class: `plot-line ${tone}` }),
        svg('circle', { cx: x(last.at), cy: y(last.value ?? 0), r: 3.5, class: `plot-dot ${tone}` }),
      ];
    });
    fill(field, grid.flat(), times, drawn.flat());
    fill(legend, lines.map(({ name, tone }, index) => {
      const last = values[index]?.at(-1)?.value;
      return h('span', { class: `legend-item ${tone}` }, `${name} `, h('b', null, last === undefined || last === null ? '–' : format(last)));
    }));
  }
  return { element, draw };
}

/** The next round number: 1, 2 or 5 times a power of ten. @param {number} value */
function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= value) ?? 10;
  return step * power;
}
