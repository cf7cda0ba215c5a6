// The reference of both interfaces, made from what the server says of itself.

import { fill, h } from './ui.js';

/** @typedef {Record<string, any>} Json */

/**
 * What a schema is called in a table.
 * @param {Json | undefined} schema
 * @returns {string}
 */
function typeOf(schema) {
  if (!schema) return 'anything';
  if (schema.$ref) return String(schema.$ref).split('/').pop() ?? '';
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((/** @type {any} */ one) => JSON.stringify(one)).join(' | ');
  const either = schema.anyOf ?? schema.oneOf;
  if (either) return either.map(typeOf).filter((/** @type {string} */ one) => one !== '').join(' | ');
  if (schema.type === 'array') return `list of ${typeOf(schema.items)}`;
  const types = [schema.type ?? 'object'].flat().filter((one) => one !== 'null');
  return types.join(' | ');
}

/**
 * Rows of parameters: those of path, query and header, then those of the body.
 * @param {Json} operation
 */
function rows(operation) {
  const body = operation.requestBody?.content['application/json'].schema;
  const named = (operation.parameters ?? []).map((/** @type {Json} */ one) => ({
    name: one.name, place: one.in, required: one.required, schema: one.schema,
    says: one.description ?? one.schema?.description,
  }));
  const inBody = Object.entries(body?.properties ?? {}).map(([name, schema]) => ({
    name, place: 'body', required: body.required.includes(name), schema,
    says: /** @type {Json} */ (schema).description,
  }));
  return [...named, ...inBody];
}

/**
 * One operation.
 * @param {string} verb
 * @param {string} path
 * @param {Json} operation
 */
function card(verb, path, operation) {
  const answer = operation.responses['200'].content['application/json'].schema;
  const parameters = rows(operation);
  const table = h('table', {},
    h('thead', {}, h('tr', {}, ...['Parameter', 'In', 'Type', 'Meaning'].map((text) => h('th', { scope: 'col' }, text)))),
    h('tbody', {}, ...parameters.map((one) => h('tr', {},
      h('td', {}, one.name),
      h('td', {}, one.place + (one.required ? '' : ', optional')),
      h('td', {}, typeOf(one.schema)),
      h('td', {}, one.says ?? '')))));
  return h('article', { class: 'operation', id: operation.operationId },
    h('h3', {}, operation.operationId),
    h('p', { class: 'where' },
      h('span', { class: `verb ${verb}` }, verb.toUpperCase()), ` ${path}`),
    h('p', {}, operation.description),
    parameters.length ? table : null,
    h('p', { class: 'quiet' }, `Answers ${typeOf(answer)}.`));
}

/**
 * Every schema, as JSON.
 * @param {Json} schemas
 */
function glossary(schemas) {
  return h('section', { id: 'schemas' }, h('h2', {}, 'Schemas'),
    ...Object.entries(schemas).map(([name, schema]) => h('details', { class: 'operation' },
      h('summary', {}, name),
      h('pre', {}, JSON.stringify(schema, null, 2)))));
}

async function show() {
  const [http, live] = await Promise.all(['/openapi.json', '/asyncapi.json'].map(async (from) => (await fetch(from)).json()));
  const operations = Object.entries(http.paths).flatMap(([path, item]) =>
    Object.entries(/** @type {Json} */ (item)).map(([verb, operation]) => ({ verb, path, operation })));
  operations.sort((one, other) => one.operation['x-order'] - other.operation['x-order']);
  /** @type {Map<string, HTMLElement[]>} */
  const rooms = new Map(http.tags.map((/** @type {Json} */ tag) => [tag.name, []]));
  for (const { verb, path, operation } of operations) rooms.get(operation.tags[0])?.push(card(verb, path, operation));
  const closes = live.channels.live['x-close-codes'];
  fill(document.body, h('main', {},
    h('header', {},
      h('h1', {}, 'Fanju API'),
      h('p', {}, http.info.description),
      h('p', {}, 'Over HTTP, send ', h('code', {}, 'Authorization: Bearer …'), '. Over the websocket at ',
        h('code', {}, live.channels.live.address), ', ask ', h('code', {}, 'sign_in'), ' first, then the same operations by their names: ',
        h('code', {}, '{"jsonrpc":"2.0","id":1,"method":"me"}'), '.'),
      h('p', {}, h('a', { href: '/openapi.json' }, 'OpenAPI 3.1'), ' · ', h('a', { href: '/asyncapi.json' }, 'AsyncAPI 3.0')),
      h('nav', { 'aria-label': 'Rooms' }, ...[...rooms.keys(), 'live', 'schemas'].map((room) => h('a', { class: 'button small', href: `#${room}` }, room.replaceAll('_', ' '))))),
    ...[...rooms].map(([room, cards]) => h('section', { id: room }, h('h2', {}, room.replaceAll('_', ' ')), ...cards)),
    h('section', { id: 'live' }, h('h2', {}, 'Close codes of the live channel'),
      h('article', { class: 'operation' }, h('table', {},
        h('thead', {}, h('tr', {}, ...['Code', 'Why', 'Then'].map((text) => h('th', { scope: 'col' }, text)))),
        h('tbody', {}, ...closes.map((/** @type {Json} */ close) => h('tr', {},
          h('td', {}, String(close.code)), h('td', {}, close.why), h('td', {}, close.then))))))),
    glossary(http.components.schemas)));
}

show().catch((error) => fill(document.body, h('main', {}, h('p', { role: 'alert' }, `The reference cannot be read: ${error}`))));
