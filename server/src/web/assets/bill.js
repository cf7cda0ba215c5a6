// @ts-check
/** Bills from elsewhere: CSV or JSON lines of `name,amount` become lines of a bill, or say what is wrong. */

import { parseMoney } from './money.js';

/** @typedef {{ name: string, amount: number }} Line */

/** The engine's bound. */
const LINES_MAX = 2000;

/**
 * @param {string} text @param {string} currency
 * @returns {{ lines: Line[], wrong: number[] }} the lines, and the numbers of those that are none
 */
export function parseBill(text, currency) {
  /** @type {Line[]} */
  const lines = [];
  /** @type {number[]} */
  const wrong = [];
  text.split(/\r?\n/).forEach((raw, index) => {
    const row = raw.trim();
    if (!row) return;
    const line = row.startsWith('{') ? fromJson(row, currency) : fromCsv(row, currency);
    if (line) lines.push(line);
    // A first line without a number is a heading.
    else if (index > 0 || row.startsWith('{')) wrong.push(index + 1);
  });
  if (lines.length > LINES_MAX) wrong.push(LINES_MAX + 1);
  return { lines, wrong };
}

/** @param {string} row @param {string} currency @returns {Line | null} */
function fromJson(row, currency) {
  try {
    const { name, amount } = JSON.parse(row.replace(/,$/, ''));
    return line(String(name ?? ''), String(amount ?? ''), currency);
  } catch {
    return null;
  }
}

/** @param {string} row @param {string} currency @returns {Line | null} */
function fromCsv(row, currency) {
  const quoted = /^"((?:[^"]|"")*)"\s*[,;\t]\s*"?([^"]*)"?$/.exec(row);
  if (quoted) return line((quoted[1] ?? '').replaceAll('""', '"'), quoted[2] ?? '', currency);
  const plain = /^(.*?)\s*[,;\t]\s*([^,;\t]+)$/.exec(row);
  return plain ? line(plain[1] ?? '', plain[2] ?? '', currency) : null;
}

/** @param {string} name @param {string} text @param {string} currency @returns {Line | null} */
function line(name, text, currency) {
  const amount = parseMoney(text, currency);
  const called = name.trim().replace(/\p{Cc}/gu, ' ').slice(0, 80);
  return amount === null || !called ? null : { name: called, amount };
}
