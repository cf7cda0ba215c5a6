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
 * Words of a description, with what stands between backticks as code.
 * @param {string | undefined} text
 * @returns {Array<string | Node>}
 */
function prose(text) {
  return (text ?? '').split('`').map((part, at) => (at % 2 ? h('code', {}, part) : part));
}

/**
 * Rows of an HTTP operation's parameters: those of path, query and header, then those of the body.
 * @param {Json} operation
 */
function rows(operation) {
  const body = operation.requestBody?.content['application/json'].schema;
  const named = (operation.parameters ?? []).map((/** @type {Json} */ one) => ({
    name: one.name, place: one.in, required: one.required, schema: one.schema,
    says: one.description ?? one.schema?.description,
  }));
  return [...named, ...fields(body, 'body')];
}

/**
 * Rows of an object's fields.
 * @param {Json | undefined} schema
 * @param {string} place
 */
function fields(schema, place) {
  return Object.entries(schema?.properties ?? {}).map(([name, field]) => ({
    name, place, required: schema?.required?.includes(name) ?? false, schema: field,
    says: /** @type {Json} */ (field).description,
  }));
}

/**
 * One thing to ask, or to hear.
 * @param {string} id
 * @param {Array<string | Node>} where
 * @param {string} says
 * @param {ReturnType<typeof rows>} parameters
 * @param {Json} [answer]
 */
function card(id, where, says, parameters, answer) {
  const table = h('table', {},
    h('thead', {}, h('tr', {}, ...['Parameter', 'In', 'Type', 'Meaning'].map((text) => h('th', { scope: 'col' }, text)))),
    h('tbody', {}, ...parameters.map((one) => h('tr', {},
      h('td', {}, one.name),
      h('td', {}, one.place + (one.required ? '' : ', optional')),
      h('td', {}, typeOf(one.schema)),
      h('td', {}, ...prose(one.says))))));
  return h('article', { class: 'operation', id },
    h('h3', {}, id),
    h('p', { class: 'where' }, ...where),
    says ? h('p', {}, ...prose(says)) : null,
    parameters.length ? table : null,
    answer ? h('p', { class: 'quiet' }, `Answers ${typeOf(answer)}.`) : null);
}

/**
 * One operation of both interfaces.
 * @param {string} verb
 * @param {string} path
 * @param {Json} operation
 */
function operationCard(verb, path, operation) {
  return card(operation.operationId,
    [h('span', { class: `verb ${verb}` }, verb.toUpperCase()), ` ${path}`],
    operation.description, rows(operation),
    operation.responses['200'].content['application/json'].schema);
}

/**
 * What only the live channel has: its own methods, what it pushes, and why it closes.
 * @param {Json} live
 * @param {Set<string>} operations what HTTP offers as well
 */
function liveChannel(live, operations) {
  const { messages, 'x-close-codes': closes } = live.channels.live;
  const meant = (/** @type {Json} */ schema) => (schema.$ref ? live.components.schemas[typeOf(schema)] : schema);
  const cards = Object.values(messages).flatMap((/** @type {Json} */ message) => {
    const { name, payload, summary } = message;
    const params = meant(payload.properties.params ?? {});
    if (name.startsWith('push_')) {
      const method = payload.properties.method.const;
      return [card(`push.${method}`, [h('span', { class: 'verb' }, 'PUSH'), ` ${method}`], params.description ?? '', fields(params, 'params'))];
    }
    const answer = messages[`answer_${name}`];
    if (!answer || operations.has(name)) return [];
    return [card(name, [h('span', { class: 'verb' }, 'ASK'), ` ${name}`], summary, fields(params, 'params'), answer.payload.properties.result)];
  });
  return h('section', { id: 'live' }, h('h2', {}, 'live channel'), h('p', {}, ...prose(live.info.description)),
    ...cards,
    h('h3', {}, 'Close codes'),
    h('article', { class: 'operation' }, h('table', {},
      h('thead', {}, h('tr', {}, ...['Code', 'Why', 'Then'].map((text) => h('th', { scope: 'col' }, text)))),
      h('tbody', {}, ...closes.map((/** @type {Json} */ close) => h('tr', {},
        h('td', {}, String(close.code)), h('td', {}, close.why), h('td', {}, close.then)))))));
}

/**
 * Every kind of problem, to whose row its `type` leads, and every reason of a refusal.
 * @param {Json[]} problems
 * @param {Json[]} reasons
 */
function problemTable(problems, reasons) {
  return h('section', { id: 'problems' }, h('h2', {}, 'Problems'),
    h('p', {}, 'A refusal or a failure is a problem (RFC 9457). Programs go by its ', h('code', {}, 'code'), ', which stays; ',
      h('code', {}, 'detail'), ' is for people, and may change. Over the websocket it is the ', h('code', {}, 'data'), ' of the error.'),
    h('article', { class: 'operation' }, h('table', {},
      h('thead', {}, h('tr', {}, ...['Code', 'Status', 'Meaning'].map((text) => h('th', { scope: 'col' }, text)))),
      h('tbody', {}, ...problems.map(({ code, status, meaning }) => h('tr', { id: `problem-${code}` },
        h('td', {}, code), h('td', {}, String(status)), h('td', {}, ...prose(meaning))))))),
    h('h3', { id: 'reasons' }, 'Reasons'),
    h('p', {}, 'Where one of the engine\'s rules refuses, ', h('code', {}, 'reason'), ' says which.'),
    h('article', { class: 'operation' }, h('table', {},
      h('thead', {}, h('tr', {}, ...['Reason', 'Meaning'].map((text) => h('th', { scope: 'col' }, text)))),
      h('tbody', {}, ...reasons.map((reason) => h('tr', {},
        h('td', {}, reason.const), h('td', {}, ...prose(reason.description))))))));
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
  for (const { verb, path, operation } of operations) rooms.get(operation.tags[0])?.push(operationCard(verb, path, operation));
  const names = new Set(operations.map(({ operation }) => operation.operationId));
  fill(document.body, h('main', {},
    h('header', {},
      h('h1', {}, 'Fanju API'),
      h('p', {}, http.info.description),
      h('p', {}, 'Over HTTP, send ', h('code', {}, 'Authorization: Bearer …'), '. ', ...prose(http.components.securitySchemes.bearer.description)),
      h('p', {}, 'Over the websocket at ', h('code', {}, live.channels.live.address), ', ask ', h('code', {}, 'sign_in'),
        ' first, then the same operations by their names: ', h('code', {}, '{"jsonrpc":"2.0","id":1,"method":"me"}'), '.'),
      h('p', {}, h('a', { href: '/openapi.json' }, 'OpenAPI 3.1'), ' · ', h('a', { href: '/asyncapi.json' }, 'AsyncAPI 3.0')),
      h('nav', { 'aria-label': 'Rooms' }, ...[...rooms.keys(), 'live', 'problems', 'schemas'].map((room) => h('a', { class: 'button small', href: `#${room}` }, room.replaceAll('_', ' '))))),
    ...[...rooms].map(([room, cards]) => h('section', { id: room }, h('h2', {}, room.replaceAll('_', ' ')), ...cards)),
    liveChannel(live, names),
    problemTable(http.components.schemas.ProblemCode['x-problems'], http.components.schemas.Reason.oneOf),
    glossary({ ...live.components.schemas, ...http.components.schemas })));
  // What was linked to is here only now.
  mark();
  addEventListener('hashchange', mark);
}

/** Shows what was linked to: a place of the page, or a problem by its code alone. */
function mark() {
  const name = decodeURIComponent(location.hash.slice(1));
  for (const before of document.querySelectorAll('.linked')) before.classList.remove('linked');
  const there = document.getElementById(name) ?? document.getElementById(`problem-${name}`);
  there?.classList.add('linked');
  there?.scrollIntoView({ block: there.matches('tr') ? 'center' : 'start' });
}

show().catch((error) => fill(document.body, h('main', {}, h('p', { role: 'alert' }, `The reference cannot be read: ${error}`))));
