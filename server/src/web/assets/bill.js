// @ts-check
/**
 * Bills from elsewhere: CSV or JSON lines become lines of a bill, or it is said which are none, and why.
 *
 * `name,amount` or `name,quantity,price`; other orders where a heading names the columns. One sign
 * parts all rows: a tab where there is one, else a semicolon, else a comma; what is in quotes parts
 * nothing. Nothing is guessed: a row that can be read in two ways is wrong.
 */

import { AMOUNT_MINOR_MAX, parseMoney, readMoney } from './money.js';
import { t } from './words.js';

/** @typedef {{ name: string, amount: number, wrong?: undefined }} Line */
/** Why a row is no line: a word of the pages, and what it is said with. @typedef {{ wrong: string, values?: Record<string, string | number> }} Wrong */
/** @typedef {{ text: string, quoted: boolean }} Cell */
/** @typedef {'name' | 'quantity' | 'price' | 'amount'} Column */

/** The engine's bounds. */
const LINES_MAX = 2000;
const NAME_MAX = 80;
/** Rows that are told; whoever sees three knows what to look for. */
const TOLD_MAX = 3;

/** @type {Map<string, Column>} */
const HEADINGS = new Map(Object.entries({
  name: 'name', item: 'name', dish: 'name', description: 'name', product: 'name', article: 'name',
  名称: 'name', 菜名: 'name', 菜品: 'name', 品名: 'name', 项目: 'name', 商品: 'name',
  quantity: 'quantity', qty: 'quantity', count: 'quantity', pieces: 'quantity', 数量: 'quantity', 份数: 'quantity',
  price: 'price', 'unit price': 'price', each: 'price', 单价: 'price', 价格: 'price',
  amount: 'amount', total: 'amount', sum: 'amount', 'line total': 'amount', 金额: 'amount', 小计: 'amount', 总价: 'amount',
}));

/** What parts cells, in the order in which it is looked for; people who type Chinese type wide ones. */
const PARTING = [/\t/, /[;；]/, /[,，]/];

/**
 * @param {string} text @param {string} currency
 * @returns {{ lines: Line[], wrong: ({ number: number } & Wrong)[] }} the lines, and the rows that are none
 */
export function parseBill(text, currency) {
  const rows = text.split(/\r?\n/).map((raw, index) => ({ row: raw.trim(), number: index + 1 })).filter(({ row }) => row);
  const plain = rows.filter(({ row }) => !row.startsWith('{'));
  const parting = PARTING.find((sign) => plain.some(({ row }) => (cellsOf(row, sign)?.length ?? 0) > 1)) ?? /,/;
  const first = rows[0];
  const heading = first && first === plain[0] ? headingOf(cellsOf(first.row, parting), currency) : null;
  /** @type {Line[]} */
  const lines = [];
  /** @type {({ number: number } & Wrong)[]} */
  const wrong = [];
  for (const { row, number } of heading ? rows.slice(1) : rows) {
    const line = row.startsWith('{') ? fromJson(row, currency) : fromCells(cellsOf(row, parting), heading, parting.test(','), currency);
    if (line.wrong !== undefined) wrong.push({ number, ...line });
    else if (lines.length === LINES_MAX) wrong.push({ number, wrong: 'line_many', values: { most: LINES_MAX } });
    else lines.push(line);
  }
  return { lines, wrong };
}

/** What is wrong with which rows, in words. @param {ReturnType<typeof parseBill>['wrong']} wrong */
export function wrongRows(wrong) {
  const told = wrong.slice(0, TOLD_MAX).map(({ number, wrong: why, values }) => t('import_line', { number, why: t(why, values) }));
  const more = wrong.length - told.length;
  return [...told, ...(more ? [t('import_more', { count: more })] : []), t('import_wrong')].join('\n');
}

/** What a bill may have beside its lines. */
export const EXTRAS = /** @type {const} */ (['service', 'tax', 'tip', 'discount']);

/**
 * What is typed for one of `EXTRAS`: an amount, or a percentage of the lines, of which half a unit counts as one.
 * @param {string} text @param {number} sum of the lines @param {string} currency
 * @returns {import('./money.js').Read}
 */
export function extraOf(text, sum, currency) {
  if (!/[%％]/.test(text)) {
    const read = readMoney(text, currency);
    return read.wrong === undefined && read.minor < 0 ? { wrong: 'amount_needed', values: {} } : read;
  }
  const [, whole, fraction = ''] = /^(\d{1,3})(?:[.,](\d{1,4}))?\s*%$/.exec(text.normalize('NFKC').trim()) ?? [];
  if (whole === undefined || sum < 0) return { wrong: 'amount_needed', values: {} };
  const millionths = BigInt(whole + fraction.padEnd(4, '0'));
  return { minor: Number((BigInt(sum) * millionths * 2n + 1_000_000n) / 2_000_000n) };
}

/** The cells of a row, or `null` where quotes do not fit. @param {string} row @param {RegExp} parting @returns {Cell[] | null} */
function cellsOf(row, parting) {
  /** @type {Cell[]} */
  const cells = [];
  for (let rest = row; ;) {
    const quoted = /^\s*"((?:[^"]|"")*)"\s*/.exec(rest);
    const end = quoted ? quoted[0].length : rest.search(parting);
    const text = quoted ? (quoted[1] ?? '').replaceAll('""', '"') : rest.slice(0, end < 0 ? rest.length : end).trim();
    if (!quoted && text.startsWith('"')) return null;
    cells.push({ text, quoted: Boolean(quoted) });
    rest = end < 0 ? '' : rest.slice(end);
    if (!rest) return cells;
    if (rest.search(parting) !== 0) return null;
    rest = rest.slice(1);
  }
}

/** What each column holds, where the first row says so: it names a dish and what it costs, and holds no amount. @param {Cell[] | null} cells @param {string} currency @returns {(Column | null)[] | null} */
function headingOf(cells, currency) {
  if (!cells || cells.some(({ text }) => parseMoney(text, currency) !== null)) return null;
  const columns = cells.map(({ text }) => HEADINGS.get(text.toLowerCase()) ?? null);
  const once = (/** @type {Column} */ column) => columns.filter((one) => one === column).length;
  const clear = once('name') === 1 && once('quantity') <= 1 && once('price') <= 1 && once('amount') <= 1 && once('price') + once('amount') > 0;
  return clear ? columns : null;
}

/** @param {Cell[] | null} cells @param {(Column | null)[] | null} heading @param {boolean} commas whether commas part cells @param {string} currency @returns {Line | Wrong} */
function fromCells(cells, heading, commas, currency) {
  if (!cells) return { wrong: 'line_quotes' };
  if (heading) {
    if (cells.length !== heading.length) return { wrong: 'line_columns', values: { count: cells.length, columns: heading.length } };
    const cell = (/** @type {Column} */ column) => cells[heading.indexOf(column)]?.text;
    return lineOf(cell('name'), cell('quantity'), cell('price'), cell('amount'), currency);
  }
  const [name, second, third, ...more] = cells;
  if (more.length) return { wrong: 'line_cells', values: { count: cells.length } };
  if (!second) return { wrong: 'line_alone' };
  if (!third?.text) return lineOf(name?.text, undefined, undefined, second.text, currency);
  // "Duck,1,234.00" may be one duck, or a dear one.
  const together = readMoney(`${second.text},${third.text}`, currency);
  const either = commas && !second.quoted && !third.quoted && together.wrong !== 'amount_needed';
  const values = { count: second.text, price: third.text, whole: `"${second.text},${third.text}"` };
  return either ? { wrong: 'line_either', values } : lineOf(name?.text, second.text, third.text, undefined, currency);
}

/** @param {string} row @param {string} currency @returns {Line | Wrong} */
function fromJson(row, currency) {
  try {
    const { name, quantity, price, amount } = JSON.parse(row.replace(/,$/, ''));
    const text = (/** @type {unknown} */ value) => (value === undefined || value === null ? undefined : String(value));
    return lineOf(text(name), text(quantity), text(price), text(amount), currency);
  } catch {
    return { wrong: 'line_json' };
  }
}

/**
 * A dish: so many at a price, or an amount for all of them; where both are said they must agree.
 * @param {string | undefined} name @param {string | undefined} quantity @param {string | undefined} price @param {string | undefined} amount
 * @param {string} currency @returns {Line | Wrong}
 */
function lineOf(name, quantity, price, amount, currency) {
  const called = (name ?? '').trim().replace(/\p{Cc}/gu, ' ');
  if (!called) return { wrong: 'line_name' };
  const count = quantity === undefined || quantity === '' ? 1 : Number(/^([1-9]\d{0,3})\s*[x×]?$/i.exec(quantity)?.[1] ?? 0);
  if (!count) return { wrong: 'line_quantity', values: { text: quantity ?? '' } };
  for (const text of [price, amount]) {
    const read = text === undefined ? null : readMoney(text, currency);
    if (read?.wrong === 'amount_needed') return { wrong: 'line_amount', values: { text: text ?? '' } };
    if (read?.wrong !== undefined) return read;
  }
  const each = price === undefined ? null : parseMoney(price, currency);
  const all = amount === undefined ? null : parseMoney(amount, currency);
  const sum = all ?? (each === null ? null : each * count);
  if (sum === null) return { wrong: 'line_alone' };
  if (Math.abs(sum) > AMOUNT_MINOR_MAX) return { wrong: 'line_large' };
  if (each !== null && all !== null && each * count !== all) return { wrong: 'line_differs', values: { count, price: price ?? '', amount: amount ?? '' } };
  const times = count > 1 ? ` ×${count}` : '';
  return { name: called.slice(0, NAME_MAX - times.length) + times, amount: sum };
}
