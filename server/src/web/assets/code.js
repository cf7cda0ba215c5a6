// @ts-check
/** The table's payment code: eighteen digits, two of prefix, the last one checks the others. */

/** Only the digits of what was typed, pasted or scanned. @param {string} text */
export function digitsOf(text) {
  return text.normalize('NFKC').replace(/\D/g, '');
}

/** The word for what is wrong with `digits` as a group code, `null` where nothing is. @param {string} digits */
export function wrongCode(digits) {
  if (digits.length !== 18) return 'code_length';
  if (!digits.startsWith('88')) return 'code_other';
  return isCode(digits) ? null : 'code_mistyped';
}

/** Whether `digits` are a group code, check digit included (ISO/IEC 7064 MOD 11,10). @param {string} digits */
export function isCode(digits) {
  if (!/^88\d{16}$/.test(digits)) return false;
  let product = 10;
  for (const digit of digits.slice(0, -1)) {
    const sum = (Number(digit) + product) % 10 || 10;
    product = (sum * 2) % 11;
  }
  return (11 - product) % 10 === Number(digits.at(-1));
}
