// The pages bring one thing along that is not ours: the decoder of QR codes, for browsers that have none. It is
// what the published package gives, bundled to one file, and nothing else. `FANJU_WRITE=1` writes it anew.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { test } from 'node:test';

const tools = resolve(process.env.FANJU_TOOLS ?? 'target/tools');
const need = createRequire(`${tools}/package.json`);
const vendored = new URL('../../server/src/web/assets/qr.js', import.meta.url);

function bundled() {
  const at = (/** @type {string} */ file) => readFileSync(`${tools}/node_modules/qr/${file}`, 'utf8');
  const { version, license } = JSON.parse(at('package.json'));
  const head = `// @ts-nocheck\n/*!\nqr ${version}, ${license}: its decoder, from https://www.npmjs.com/package/qr by the command in\n`
    + `tests/pages/vendored.test.mjs. Not ours, not edited.\n\n${at('LICENSE-MIT').trim()}\n*/\n`;
  const { outputFiles } = need('esbuild').buildSync({
    stdin: { contents: "export { BarcodeDetector } from 'qr/decode.js';", resolveDir: tools },
    bundle: true, minify: true, format: 'esm', target: 'es2022', legalComments: 'none', write: false,
  });
  return head + outputFiles[0].text;
}

test('the decoder of QR codes is the published one', () => {
  if (process.env.FANJU_WRITE) writeFileSync(vendored, bundled());
  assert.equal(readFileSync(vendored, 'utf8'), bundled());
});

test('it evaluates no text as code, and asks nobody for anything', () => {
  const text = readFileSync(vendored, 'utf8').replace(/^[^]*?\*\/\n/, '');
  assert.doesNotMatch(text, /\beval\s*\(|new Function|\bimport\b|\bfetch\b|XMLHttpRequest|WebAssembly|https?:/);
});
