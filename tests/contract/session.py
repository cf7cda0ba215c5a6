"""The live channel: sessions whose every frame is held against its description."""

import asyncio
import contextlib
import itertools
import json

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from description import NOTHING, WITHIN, AsyncApi


class Live:
    """The door: who comes in has a session."""

    def __init__(self, house):
        self.origin, self.description = house.url, AsyncApi(house)
        self.url = f"ws://127.0.0.1:{house.port}/v1/live"
        self.sessions = []

    async def enter(self, token=None):
        session = Session(await connect(self.url), self.description)
        self.sessions.append(session)
        if token:
            await session.ask("sign_in", token=token)
        return session

    async def settle(self):
        """Waits until everything has come that was pushed: the answer to a ping comes after it."""
        for session in self.sessions:
            if not session.closed.done():
                await session.ask("ping")


class Session:
    """One connection."""

    def __init__(self, wire, description):
        self.wire, self.description = wire, description
        self.epoch = None
        self.ids, self.asked, self.closed = itertools.count(1), {}, asyncio.get_running_loop().create_future()
        self.reader = asyncio.create_task(self._read())

    async def _read(self):
        with contextlib.suppress(ConnectionClosed):
            async for text in self.wire:
                self._heard(json.loads(text))
        code = self.wire.close_code
        if code in self.description.closings:
            self.description.seen.add(f"closing {code}")
        self.closed.set_result(code)

    def _heard(self, frame):
        if "method" in frame:
            self.epoch = frame["params"].get("epoch", self.epoch)
            kind = frame["params"].get("event", {}).get("data", {}).get("type")
            what = f"event {kind}" if kind else frame["method"]
            self.description.holds(f"push {what}", frame, self.description.pushes.get(frame["method"], NOTHING))
        elif "error" in frame:
            self.description.holds(f"refusal {frame['error']['data']['code']}", frame, self.description.error)
        if asked := self.asked.pop(frame.get("id"), None):
            asked.set_result(frame)

    async def _say(self, method, params):
        number = next(self.ids)
        self.asked[number] = asyncio.get_running_loop().create_future()
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        await self.wire.send(json.dumps(request))
        return request, await asyncio.wait_for(self.asked[number], WITHIN)

    async def ask(self, method, /, **params):
        """What is answered to a request that has to be done."""
        request, frame = await self._say(method, params)
        assert "result" in frame, f"{method} {params}: {frame}"
        self.description.holds(f"request {method}", request, self.description.requests[method])
        self.description.holds(f"answer {method}", frame, self.description.answers[method])
        return frame["result"]

    async def is_refused(self, code, method, /, *, described=False, **params):
        """Holds the request to be refused with `code`; and if that is `described`, by the document as well."""
        request, frame = await self._say(method, params)
        assert frame.get("error", {}).get("data", {}).get("code") == code, f"{method} {params}: {frame}"
        if described:
            self.description.refuses(f"request {method}", request, self.description.requests[method])

    async def hears(self, kind, subject):
        """Listens to a topic: what there is first, then everything that happened to it, and will."""
        topic = f"{kind}:{subject}"
        subscribed = await self.ask("subscribe", topic=topic)
        view = self.description.document["components"]["schemas"][f"{kind.capitalize()}View"]
        self.description.holds(f"topic {kind}", subscribed["state"], view)
        assert (await self.ask("subscribe", topic=topic, after=0, epoch=self.epoch))["recovered"]

    async def is_out(self):
        """Holds the session to be over, because its token is: whoever asks is told so."""
        await self.wire.send(json.dumps({"jsonrpc": "2.0", "id": next(self.ids), "method": "me"}))
        await self.is_closed(4002)

    async def pours(self, frames):
        """Sends all of them, if it is let."""
        with contextlib.suppress(ConnectionClosed):
            for frame in frames:
                await self.wire.send(frame)

    async def is_closed(self, code):
        """Holds the server to have ended the session, for this."""
        told = await asyncio.wait_for(self.closed, WITHIN)
        assert told == code, f"closed with {told}, not {code}"

    async def leave(self):
        await self.wire.close()
