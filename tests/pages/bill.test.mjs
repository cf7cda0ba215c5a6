// Bills from other tills, and what "Import a bill" makes of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { extraOf, parseBill } from '../../server/src/web/assets/bill.js';
import { said } from './words.mjs';

/** What the bill is about, its text, its lines as "name amount", and the numbers of wrong ones. @type {[string, string | string[], string[], number[]?, string?][]} */
const BILLS = [
  ['commas', 'Noodles,64.00\nTea,8', ['Noodles 6400', 'Tea 800']],
  ['semicolons with decimal commas', 'Beef noodles;64,00\nTea;8,5', ['Beef noodles 6400', 'Tea 850'], [], 'EUR'],
  ['tabs', 'Noodles\t64,00\nTea\t8.00', ['Noodles 6400', 'Tea 800']],
  ['what Chinese keyboards type', '牛肉面，64.00\n茶，8', ['牛肉面 6400', '茶 800']],
  ['Windows and empty lines', '\ufeffNoodles,64.00\r\n\r\nTea,8.00\r\n', ['Noodles 6400', 'Tea 800']],
  ['quotes around what has commas', '"Duck, roasted","1,234.00"', ['Duck, roasted 123400']],
  ['quotes within quotes', '"The ""best"" duck",5', ['The "best" duck 500']],
  ['a quote that is an inch', 'Pizza 12",9.00', ['Pizza 12" 900']],
  ['a semicolon in quotes parts nothing', '"Duck; roasted",12.00', ['Duck; roasted 1200']],
  ['the demo of the sheet', '牛肉面,32.00\n{"name":"Tea","amount":"8.00"}', ['牛肉面 3200', 'Tea 800']],
  ['a discount', 'Tea,8.00\nFriends,-1.00', ['Tea 800', 'Friends -100']],
  ['spaces as groups', 'Duck;1 234,50', ['Duck 123450']],

  ['a quantity and a price', 'Tea,2,8.00', ['Tea ×2 1600']],
  ['a quantity among semicolons', 'Tea;3;8,50\nDuck;1;1.234,00', ['Tea ×3 2550', 'Duck 123400']],
  ['a quantity with its sign', 'Tea;2x;8.00\nSoup;3 ×;1.00', ['Tea ×2 1600', 'Soup ×3 300']],
  ['a quantity in JSON', '{"name":"Tea","quantity":2,"price":8.5}', ['Tea ×2 1700']],
  ['one empty cell at the end', 'Tea;8,00;', ['Tea 800']],
  ['a long name keeps its quantity', `${'n'.repeat(90)};2;1.00`, [`${'n'.repeat(77)} ×2 200`]],

  ['a heading', 'Name,Amount\nTea,8.00', ['Tea 800']],
  ['a heading in Chinese', '菜名,数量,单价\n茶,2,8.00', ['茶 ×2 1600']],
  ['a heading that says what an ambiguous row is', 'item,qty,price\nDuck,1,234.00', ['Duck 23400']],
  ['columns in another order, and one that is nobody’s', 'Price;Table;Dish\n8,00;7;Tea', ['Tea 800']],
  ['a line total beside its price', 'Dish;Qty;Price;Total\nTea;2;8,00;16,00', ['Tea ×2 1600']],
  ['a first dish that is called like a column', 'Total,8.00\nTea,1.00', ['Total 800', 'Tea 100']],

  ['a dear duck, or one duck', 'Duck,1,234.00', [], [1]],
  ['a decimal comma among commas', 'Tea,8.00\nBeef noodles,64,00', ['Tea 800'], [2]],
  ['a quantity that could be a whole', 'Tea,2,8', [], [1]],
  ['an amount that is either', 'Duck;1,234', [], [1]],
  ['a typing error in the first dish', 'Noodles,6x4\nTea,8.00', ['Tea 800'], [1]],
  ['a first line that is no heading', 'Table seven\nTea,8.00', ['Tea 800'], [1]],
  ['a heading with no amounts', 'Name,Colour\nTea,8.00', ['Tea 800'], [1]],
  ['a heading in the middle', 'Tea,8.00\nname,amount', ['Tea 800'], [2]],
  ['a name with a comma and without quotes', 'Rice, fried,8.00', [], [1]],
  ['two signs in one file', 'Beef;64,00\nTea,8.00', ['Beef 6400'], [2]],
  ['a quote that does not end', '"Duck,5.00', [], [1]],
  ['something behind a quote', '"Duck" roasted,5.00', [], [1]],
  ['too many cells', 'Tea;1;8,00;16,00', [], [1]],
  ['too few cells for the heading', 'name;qty;price\nTea;8,00', [], [2]],
  ['a total that its parts do not make', 'Dish;Qty;Price;Total\nTea;2;8,00;15,00', [], [2]],
  ['no name', ',8.00', [], [1]],
  ['no amount', 'Tea', [], [1]],
  ['quantities that are none', 'Tea;0;8\nTea;-1;8\nTea;1.5;8\nTea;many;8', [], [1, 2, 3, 4]],
  ['broken JSON', '{"name":"Tea"\n{"name":"Tea"}\n{"name":"Tea","amount":"1,234"}', [], [1, 2, 3]],
  ['empty lines count', '\n\nTea\n', [], [3]],
  ['an amount beyond all bills', 'Tea;9999;9999999999', [], [1]],
  ['nothing', ' \n', []],
];

for (const [about, text, expected, wrong = [], currency = 'CNY'] of BILLS) {
  test(about, () => {
    const read = parseBill(String(text), currency);
    assert.deepEqual(read.lines.map(({ name, amount }) => `${name} ${amount}`), expected);
    assert.deepEqual(read.wrong.map(({ number }) => number), wrong);
  });
}

test('a bill has two thousand lines at most, and those beyond are told', () => {
  const { lines, wrong } = parseBill('Tea,1.00\n'.repeat(2001), 'CNY');
  assert.deepEqual([lines.length, wrong.map(({ number, wrong: why }) => [number, why])], [2000, [[2001, 'line_many']]]);
});

/** A bill of one row, and why it is none. @type {[string, string][]} */
const REASONS = [
  ['Duck,1,234.00', 'line_either'], [',8.00', 'line_name'], ['Tea', 'line_alone'], ['Tea;1;8,00;16,00', 'line_cells'], ['"Duck,5.00', 'line_quotes'],
  ['Tea;many;8', 'line_quantity'], ['Tea,free', 'line_amount'], ['{"name":"Tea"', 'line_json'], ['Tea;9999;9999999999', 'line_large'],
];

for (const [row, why] of REASONS) {
  test(`${row}: ${why}, in English and in Chinese`, () => {
    const [wrong] = parseBill(row, 'CNY').wrong;
    assert.equal(wrong?.wrong, why);
    for (const language of /** @type {const} */ (['en', 'zh'])) assert.doesNotMatch(said(language, why, wrong?.values), /\{\w|line_/);
  });
}

/** What is typed beside dishes of so much, in which currency, and the minor units or why there are none. @type {[string, number, string, number | string][]} */
const EXTRAS = [
  ['8.00', 100_00, 'CNY', 8_00], ['8,50', 100_00, 'EUR', 8_50], ['0', 100_00, 'EUR', 0], ['€5', 100_00, 'EUR', 5_00],
  ['10%', 100_00, 'CNY', 10_00], ['10 %', 64_00, 'CNY', 6_40], ['8.25%', 100_00, 'USD', 8_25], ['8,25 %', 200_00, 'EUR', 16_50], ['１０％', 50_00, 'CNY', 5_00],
  ['10%', 1_234, 'JPY', 123], ['12.5%', 99, 'EUR', 12], ['12.5%', 100, 'EUR', 13], ['100%', 7, 'EUR', 7], ['0%', 7, 'EUR', 0],
  ['33.33%', 1_000_000_000_000_000, 'EUR', 333_300_000_000_000],
  ['-5', 100_00, 'EUR', 'amount_needed'], ['-5%', 100_00, 'EUR', 'amount_needed'], ['5%', -100_00, 'EUR', 'amount_needed'], ['%', 100_00, 'EUR', 'amount_needed'],
  ['x', 100_00, 'EUR', 'amount_needed'], ['1,234', 100_00, 'EUR', 'amount_ambiguous'], ['1.005', 100_00, 'EUR', 'amount_ambiguous'], ['5%%', 100_00, 'EUR', 'amount_needed'],
  ['8.875%', 100_00, 'USD', 8_88], ['€10%', 100_00, 'EUR', 'amount_needed'], ['1000%', 100_00, 'EUR', 'amount_needed'], ['8.87500%', 100_00, 'USD', 'amount_needed'],
];

for (const [text, sum, currency, expected] of EXTRAS) {
  test(`${JSON.stringify(text)} beside dishes of ${sum} in ${currency} is ${expected}`, () => {
    const { minor, wrong } = extraOf(text, sum, currency);
    assert.equal(minor ?? wrong, expected);
  });
}
