// A whole dinner over the live channel, with the `ws` library of npm.
//
//     node dinner.mjs ADDRESS CAST
//
// ADDRESS is a server's (127.0.0.1:8080), CAST a file with what `fanju-server cast` printed; the
// library is looked for in the folder that FANJU_TOOLS names. Four phones and a till dine; the phones
// are cut and resume; the till pays everybody back. Ends with an error where anything is not as the
// contract says.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const require = createRequire(join(resolve(process.env.FANJU_TOOLS ?? "."), "tools.js"));
const WebSocket = require("ws");

const PARTY = 4;
const CAP = 100_000;
const TOTAL = 10_003;

/** Ends the program where something takes for ever. */
setTimeout(() => {
    console.error("not done within a minute");
    process.exit(1);
}, 60_000).unref();

/** One connection: answers by their id, events in their order. */
class Session {
    #wire;
    #asked = 0;
    #answers = new Map();
    #events = [];
    #waiting = [];
    heard = new Map();
    /** Under which name positions are told. */
    epoch;

    static async signIn(address, token) {
        const session = new Session();
        session.#wire = new WebSocket(`ws://${address}/v1/live`);
        await new Promise((done, failed) => {
            session.#wire.once("error", failed);
            session.#wire.once("message", (text) => {
                const { method, params } = JSON.parse(text);
                assert.equal(method, "hello");
                session.epoch = params.epoch;
                session.#wire.on("message", (text) => session.#read(JSON.parse(text)));
                done();
            });
        });
        await session.ask("sign_in", { token });
        return session;
    }

    #read(frame) {
        if (frame.id !== undefined) {
            this.#answers.get(frame.id)(frame);
            this.#answers.delete(frame.id);
        } else if (frame.method === "event") {
            const event = frame.params;
            assert.equal(event.prev, this.heard.get(event.topic), "a gap");
            this.heard.set(event.topic, event.position);
            const waiting = this.#waiting.shift();
            waiting ? waiting(event) : this.#events.push(event);
        }
    }

    ask(method, params = {}) {
        const id = (this.#asked += 1);
        return new Promise((done, failed) => {
            this.#answers.set(id, ({ result, error }) => {
                if (error) return failed(new Error(`${method}: ${error.data.code}`));
                if (method === "subscribe") {
                    const from = result.recovered ? params.after : result.position;
                    this.heard.set(params.topic, from);
                }
                done(result);
            });
            this.#wire.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
        });
    }

    event() {
        const event = this.#events.shift();
        return event ? Promise.resolve(event) : new Promise((done) => this.#waiting.push(done));
    }

    /** As a dead network does. */
    cut() {
        this.#wire.terminate();
    }

    close() {
        return new Promise((done) => {
            this.#wire.once("close", done);
            this.#wire.close(1000);
        });
    }
}

const [address, castFile] = process.argv.slice(2);
const cast = JSON.parse(readFileSync(castFile, "utf8"));
// Not the same people as other clients of this folder, where there are enough.
const diners = cast.diners.slice(-PARTY);
const shop = cast.merchants.at(-1);
const wallets = diners.map((diner) => diner.wallet);
const posted = (phone, wallet) => phone.ask("wallets.get", { wallet }).then((view) => view.posted);

const phones = [];
for (const diner of diners) phones.push(await Session.signIn(address, diner.token));
const before = [];
for (const [at, phone] of phones.entries()) before.push(await posted(phone, wallets[at]));

const [host] = wallets;
const { group } = await phones[0].ask("groups.open", { name: "Node", host, cap: CAP });
const { link } = await phones[0].ask("groups.link", { group, by: host });
for (const [at, phone] of phones.entries()) {
    if (at > 0) await phone.ask("groups.join", { group, wallet: wallets[at], cap: CAP, link });
}
const topic = `group:${group}`;
for (const phone of phones) {
    const { state } = await phone.ask("subscribe", { topic });
    assert.equal(state.members.length, PARTY);
}

const till = await Session.signIn(address, shop.token);
const { code } = await phones[0].ask("groups.code", { group, by: host });
const order = { merchant: shop.merchant, order_no: `node ${randomUUID()}` };
const ended = await till.ask("orders.scan", { ...order, code, total: TOTAL });
assert.equal(ended.state, "settled");
const again = await till.ask("orders.scan", { ...order, code, total: TOTAL });
assert.deepEqual([again.replayed, again.position], [true, ended.position]);
const owed = new Map(ended.settlement.shares.map((share) => [share.diner, share.owed]));
assert.equal([...owed.values()].reduce((sum, share) => sum + share, 0), TOTAL);
for (const [at, phone] of phones.entries()) {
    const event = await phone.event();
    assert.deepEqual([event.event.type, event.position], ["fanju.settled", ended.position]);
    assert.equal(await posted(phone, wallets[at]), before[at] - owed.get(wallets[at]));
}

// Cut, paid back meanwhile, and back again.
const last = phones.map((phone) => phone.heard.get(topic));
const { epoch } = phones[0];
phones.forEach((phone) => phone.cut());
await till.ask("orders.refund", { ...order, refund_no: "1" });
for (const [at, diner] of diners.entries()) {
    const phone = await Session.signIn(address, diner.token);
    const { recovered } = await phone.ask("subscribe", { topic, after: last[at], epoch });
    assert.equal(recovered, true);
    assert.equal((await phone.event()).event.type, "fanju.refunded");
    assert.equal(await posted(phone, wallets[at]), before[at]);
    if (at === 0) await phone.ask("groups.close", { group, by: host });
    assert.equal((await phone.event()).event.type, "fanju.group_closed");
    await assert.rejects(phone.ask("groups.code", { group, by: wallets[at] }));
    await phone.close();
}
await till.close();
console.log("dined in Node");
