"""A whole dinner over the live channel, with the `websockets` library of PyPI.

    dinner.py ADDRESS CAST

ADDRESS is a server's (127.0.0.1:8080), CAST a file with what `fanju-server cast` printed. Four phones
and a till dine; the phones are cut and resume; the till pays everybody back. Ends with an error where
anything is not as the contract says.
"""

import asyncio
import itertools
import json
import sys
import uuid
from pathlib import Path

from websockets.asyncio.client import connect

PARTY = 4
CAP = 100_000
TOTAL = 10_003
WITHIN = 30


class Refused(Exception):
    """A problem in the words of RFC 9457."""

    def __init__(self, problem):
        super().__init__(f"{problem['code']}: {problem['detail']}")
        self.status = problem["status"]


class Session:
    """One connection: answers by their id, events in their order."""

    def __init__(self, wire):
        self.wire = wire
        self.ids = itertools.count(1)
        self.asked = {}
        self.events = asyncio.Queue()
        self.heard = {}
        self.reader = None
        self.hello = None

    @classmethod
    async def sign_in(cls, address, token):
        session = cls(await connect(f"ws://{address}/v1/live"))
        hello = json.loads(await session.wire.recv())
        assert hello["method"] == "hello", hello
        session.hello = hello["params"]
        session.reader = asyncio.create_task(session.read())
        await session.ask("sign_in", token=token)
        return session

    async def read(self):
        async for text in self.wire:
            frame = json.loads(text)
            if "id" in frame:
                params, answer = self.asked.pop(frame["id"])
                # Before the next frame is read: the gap follows at once.
                self.begin(params, frame.get("result"))
                answer.set_result(frame)
            elif frame["method"] == "event":
                self.track(frame["params"])
                self.events.put_nowait(frame["params"])

    def track(self, event):
        topic = event["topic"]
        assert event["prev"] == self.heard[topic], f"a gap before {event}"
        self.heard[topic] = event["position"]

    async def ask(self, method, **params):
        number = next(self.ids)
        answer = asyncio.get_running_loop().create_future()
        self.asked[number] = params, answer
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        await self.wire.send(json.dumps(request))
        frame = await asyncio.wait_for(answer, WITHIN)
        if "error" in frame:
            raise Refused(frame["error"]["data"])
        return frame["result"]

    def begin(self, params, result):
        if result and "recovered" in result:
            start = params["after"] if result["recovered"] else result["position"]
            self.heard[params["topic"]] = start

    async def event(self):
        return await asyncio.wait_for(self.events.get(), WITHIN)

    async def close(self):
        await self.wire.close()
        await self.reader


async def dine(address, cast):
    diners, shop = cast["diners"][:PARTY], cast["merchants"][0]
    phones = [await Session.sign_in(address, diner["token"]) for diner in diners]
    wallets = [diner["wallet"] for diner in diners]
    before = [await phone.ask("wallets.get", wallet=wallet) for phone, wallet in zip(phones, wallets)]

    group = (await phones[0].ask("groups.open", name="Python", host=wallets[0], cap=CAP))["group"]
    link = (await phones[0].ask("groups.link", group=group, by=wallets[0]))["link"]
    for phone, wallet in list(zip(phones, wallets))[1:]:
        await phone.ask("groups.join", group=group, wallet=wallet, cap=CAP, link=link)
    topic = f"group:{group}"
    for phone in phones:
        subscribed = await phone.ask("subscribe", topic=topic)
        assert len(subscribed["state"]["members"]) == PARTY, subscribed

    till = await Session.sign_in(address, shop["token"])
    code = (await phones[0].ask("groups.code", group=group, by=wallets[0]))["code"]
    order = {"merchant": shop["merchant"], "order_no": f"python {uuid.uuid4()}"}
    bill = order | {"code": code, "total": TOTAL}
    ended = await till.ask("orders.scan", **bill)
    assert ended["state"] == "settled" and not ended["replayed"], ended
    again = await till.ask("orders.scan", **bill)
    assert again["replayed"] and again["position"] == ended["position"], again
    owed = {share["diner"]: share["owed"] for share in ended["settlement"]["shares"]}
    assert sum(owed.values()) == TOTAL and max(owed.values()) - min(owed.values()) <= 1, owed
    for phone in phones:
        event = await phone.event()
        assert event["event"]["type"] == "fanju.settled", event
        assert event["position"] == ended["position"], event
    for phone, wallet, view in zip(phones, wallets, before):
        now = await phone.ask("wallets.get", wallet=wallet)
        assert now["posted"] == view["posted"] - owed[wallet], now

    # Cut, paid back meanwhile, and back again.
    last = [phone.heard[topic] for phone in phones]
    epoch = phones[0].hello["epoch"]
    await asyncio.gather(*(phone.close() for phone in phones))
    await till.ask("orders.refund", **order, refund_no="1")
    phones = []
    for diner, after, view in zip(diners, last, before):
        phone = await Session.sign_in(address, diner["token"])
        subscribed = await phone.ask("subscribe", topic=topic, after=after, epoch=epoch)
        assert subscribed["recovered"], subscribed
        assert (await phone.event())["event"]["type"] == "fanju.refunded"
        now = await phone.ask("wallets.get", wallet=diner["wallet"])
        assert now["posted"] == view["posted"], now
        if diner is diners[0]:
            await phone.ask("groups.close", group=group, by=wallets[0])
        assert (await phone.event())["event"]["type"] == "fanju.group_closed"
        try:
            code = await phone.ask("groups.code", group=group, by=diner["wallet"])
        except Refused as refused:
            assert refused.status == 409, refused
        else:
            raise AssertionError(f"a closed group shows {code}")
        phones.append(phone)
    await asyncio.gather(*(session.close() for session in [till, *phones]))


asyncio.run(dine(sys.argv[1], json.loads(Path(sys.argv[2]).read_text())))
print("dined in Python")
