"""Does the live channel say what /asyncapi.json says? An evening whose every frame is held against it.

    FANJU_SERVER=target/debug/fanju-server target/tools/venv/bin/python tests/contract/live.py

Requests, answers, refusals, pushes and closings: what is asked, what is answered, and what comes by itself.
"""

import asyncio
import contextlib
import itertools
import json
import sys
import urllib.request
from pathlib import Path

import jsonschema_rs
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "browser"))

from house import House  # noqa: E402

WITHIN = 30
CAP = 40_000
# What has to have been seen, that nothing is right only because nobody asked.
PUSHES = {"hello", "progress", "unsubscribed", "event settled", "event declined", "event refunded", "event member_left",
          "event group_closed", "event rail_requested", "event rail_confirmed", "event transferred"}
REFUSALS = {"bad_request", "forbidden", "idempotency_key_required", "not_signed_in", "unknown_method"}


class Description:
    """The document, and what was held against it."""

    def __init__(self, document):
        self.document = document
        self.messages = document["channels"]["live"]["messages"]
        self.seen = set()
        self.wrong = []

    def holds(self, what, value, *path):
        schema = self.messages
        for step in path:
            schema = schema[step]
        whole = {**schema, "components": self.document["components"]}
        for error in jsonschema_rs.Draft202012Validator(whole).iter_errors(value):
            self.wrong.append(f"{what}: {list(error.instance_path)}: {error.message[:200]}")
        self.seen.add(what)

    def refuses(self, method, params):
        """A request without what the server demands is none in the document either."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        schema = {**self.messages[name(method)]["payload"], "components": self.document["components"]}
        if jsonschema_rs.Draft202012Validator(schema).is_valid(request):
            self.wrong.append(f"request {method}: {params} is refused by the server alone")


def name(method):
    return method.replace(".", "_")


class Session:
    """One connection, whose frames are held against the description."""

    def __init__(self, wire, description):
        self.wire, self.description = wire, description
        self.ids, self.asked, self.closed = itertools.count(1), {}, asyncio.get_running_loop().create_future()
        self.reader = asyncio.create_task(self.read())

    @classmethod
    async def open(cls, url, description, token=None):
        session = cls(await connect(url), description)
        if token:
            await session.ask("sign_in", token=token)
        return session

    async def read(self):
        with contextlib.suppress(ConnectionClosed):
            async for text in self.wire:
                self.heard(json.loads(text))
        self.closed.set_result(self.wire.close_code)

    def heard(self, frame):
        if "method" not in frame:
            return self.asked.pop(frame["id"]).set_result(frame)
        kind = frame["params"].get("event", {}).get("data", {}).get("type")
        what = f"{frame['method']} {kind}" if kind else frame["method"]
        return self.description.holds(what, frame, f"push_{frame['method']}", "payload")

    async def say(self, method, params):
        number = next(self.ids)
        self.asked[number] = asyncio.get_running_loop().create_future()
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        await self.wire.send(json.dumps(request))
        return request, await asyncio.wait_for(self.asked[number], WITHIN)

    async def ask(self, method, **params):
        request, frame = await self.say(method, params)
        self.description.holds(f"request {method}", request, name(method), "payload")
        assert "result" in frame, f"{method}: {frame}"
        self.description.holds(f"answer {method}", frame["result"], name(method), "x-result")
        return frame["result"]

    async def is_refused(self, code, method, **params):
        _, frame = await self.say(method, params)
        assert frame.get("error", {}).get("data", {}).get("code") == code, f"{method}: {frame}"
        self.description.holds(f"refusal {code}", frame, "error", "payload")


async def evening(house, description):
    with urllib.request.urlopen(f"{house.url}/demo/cast", timeout=WITHIN) as answer:
        cast = json.load(answer)
    url = f"ws://127.0.0.1:{house.port}/v1/live"
    diners, shop = cast["diners"][:3], cast["merchant"]["merchant"]
    ana, bo, cem = [diner["wallet"] for diner in diners]
    phones = [await Session.open(url, description, diner["token"]) for diner in diners]
    till = await Session.open(url, description, cast["merchant"]["token"])
    nobody = await Session.open(url, description)
    host, guest, other = phones

    await nobody.ask("ping")
    await nobody.is_refused("not_signed_in", "me")
    await nobody.is_refused("unknown_method", "no.such.method")
    await host.is_refused("forbidden", "wallets.get", wallet=bo)
    await host.is_refused("bad_request", "wallets.get", wallet="mine")
    unkeyed = {"wallet": ana, "amount": 5}
    await host.is_refused("idempotency_key_required", "wallets.top_up", **unkeyed)
    description.refuses("wallets.top_up", unkeyed)

    await host.ask("subscribe", topic=f"wallet:{ana}")
    await till.ask("subscribe", topic=f"merchant:{shop}")
    await host.ask("wallets.top_up", **unkeyed, idempotency_key="in")
    await host.ask("wallets.transfer", wallet=ana, to=bo, amount=5, idempotency_key="gift")
    opened = {"name": "Table", "host": ana, "cap": CAP, "confirm_above": 100, "idempotency_key": "open"}
    group = (await host.ask("groups.open", **opened))["group"]
    assert (await host.ask("groups.open", **opened))["replayed"]
    code = (await host.ask("groups.code", group=group, by=ana))["code"]
    await guest.ask("groups.join_by_code", code=code, wallet=bo, cap=CAP, idempotency_key="join")
    link = (await host.ask("groups.link", group=group, by=ana))["link"]
    await other.ask("groups.join", group=group, wallet=cem, cap=CAP, link=link, idempotency_key="join")
    topic = f"group:{group}"
    for phone in phones:
        await phone.ask("subscribe", topic=topic)
    lines = [{"name": "Soup", "amount": 900}]
    await host.ask("groups.draft", group=group, by=ana, total=900, lines=lines)
    await host.ask("groups.clear_draft", group=group, by=ana)

    async def scan(order_no, answer):
        code = (await host.ask("groups.code", group=group, by=ana))["code"]
        order = {"merchant": shop, "order_no": order_no}
        ended = asyncio.create_task(till.ask("orders.scan", **order, code=code, total=3_000))
        while True:
            for question in (await host.ask("groups.get", group=group))["questions"]:
                await host.ask(answer, group=group, **question)
                return await ended
            assert not ended.done(), f"{answer}: nobody is asked"
            await asyncio.sleep(0.05)

    assert (await scan("1", "groups.confirm"))["state"] == "settled"
    assert (await scan("2", "groups.refuse"))["state"] == "declined"
    await till.ask("orders.get", merchant=shop, order_no="1")
    await till.ask("orders.refund", merchant=shop, order_no="1", refund_no="1", amount=100)
    await till.ask("merchants.get", merchant=shop)
    await till.ask("merchants.days", merchant=shop)
    for method in ["wallets.get", "wallets.statement", "wallets.groups"]:
        await host.ask(method, wallet=ana)
    before = await guest.ask("subscribe", topic=topic)
    await guest.ask("unsubscribe", topic=topic)
    await other.ask("groups.leave", group=group, wallet=cem)
    resumed = await guest.ask("subscribe", topic=topic, after=before["position"])
    assert resumed["recovered"], resumed
    elsewhere = await guest.ask("subscribe", topic=topic, after=before["position"], epoch="of another server")
    assert not elsewhere["recovered"], elsewhere
    await host.ask("groups.get", group=group)
    await host.ask("groups.events", group=group)
    await host.ask("groups.close", group=group, by=ana)
    # The answer to a ping comes after whatever was pushed before.
    for session in [*phones, till]:
        await session.ask("ping")
    await asyncio.sleep(0.3)

    codes = {close["code"] for close in description.document["channels"]["live"]["x-close-codes"]}
    await nobody.wire.send(b"no text")
    assert await asyncio.wait_for(nobody.closed, WITHIN) in codes
    for session in [*phones, till]:
        await session.wire.close()


def main():
    house = House(demo=True)
    try:
        with urllib.request.urlopen(f"{house.url}/asyncapi.json", timeout=WITHIN) as answer:
            description = Description(json.load(answer))
        asyncio.run(evening(house, description))
    finally:
        house.close()
    unseen = (PUSHES | {f"refusal {code}" for code in REFUSALS}) - description.seen
    for line in [*description.wrong, *(f"{what}: never came" for what in sorted(unseen))]:
        print(line)
    print(f"{len(description.seen)} kinds of frames: {'disagreement' if description.wrong or unseen else 'in agreement'}")
    return not description.wrong and not unseen


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
