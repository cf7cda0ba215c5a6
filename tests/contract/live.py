"""Does the live channel say what /asyncapi.json says? An evening whose every frame is held against it.

    FANJU_SERVER=target/debug/fanju-server target/tools/venv/bin/python tests/contract/live.py

Requests, answers, refusals, pushes and closings: what is asked, what is answered, and what comes by itself.
Every method has to be done once, every topic heard, and every push and closing seen.
"""

import asyncio
import json
import sys

import evening
import people
from house import House
from session import Live

# What never comes here, and why.
UNSEEN = {
    "push event rail_refused": "the sandbox bank of this server refuses nothing",
    "closing 4001": "takes two minutes, in which nobody signs in",
    "closing 4008": "takes more events than all buffers in between hold",
    "closing 4010": "takes two heartbeats, and a client that does not answer them by itself",
}


def to_be_seen(description):
    """Everything that the document lists."""
    methods = {f"answer {method}" for method in description.requests}
    pushes = {f"push {push}" for push in description.pushes if push != "event"}
    events = {f"push event {event}" for event in description.events}
    closings = {f"closing {code}" for code in description.closings}
    topics = {f"topic {kind}" for kind in ("wallet", "group", "merchant")}
    refusals = {"refusal malformed_frame", "refusal too_many_requests"}
    return methods | pushes | events | closings | topics | refusals


async def listens(door, ana, bo):
    """One topic left and found again; and what nobody may hear, or ask."""
    nobody = await door.enter()
    await nobody.is_refused("not_signed_in", "sign_in", token="guessed")
    await nobody.is_refused("unknown_method", "no.such.method")
    # Nobody waits for the answer to a notification.
    await nobody.wire.send(json.dumps({"jsonrpc": "2.0", "method": "ping"}))
    await nobody.ask("ping")
    topic = f"wallet:{ana.wallet}"
    await bo.is_refused("forbidden", "subscribe", topic=topic)
    await bo.is_refused("bad_request", "subscribe", topic="wallet:mine")
    before = await ana.ask("subscribe", topic=topic)
    await ana.ask("unsubscribe", topic=topic)
    await ana.ask("wallets.top_up", wallet=ana.wallet, amount=1, idempotency_key="late")
    resumed = await ana.ask("subscribe", topic=topic, after=before["position"], epoch=ana.caller.epoch)
    assert resumed["recovered"] and resumed["position"] > before["position"], resumed
    for other in ({"epoch": "of another server"}, {}):
        elsewhere = await ana.ask("subscribe", topic=topic, after=before["position"], **other)
        assert not elsewhere["recovered"] and elsewhere["state"], elsewhere
    unknown = await ana.ask("subscribe", topic=topic, after=before["position"] + 1, epoch=ana.caller.epoch)
    assert not unknown["recovered"] and unknown["state"], unknown


async def is_ended(door):
    """Sessions that the server ends, each for another reason."""
    ping = {"jsonrpc": "2.0", "id": "one of many", "method": "ping"}
    for code, frames in (1003, [b"no text"]), (1009, ["x" * 100_000]), (4000, ["no request"] * 100):
        nobody = await door.enter()
        await nobody.pours(frames)
        await nobody.is_closed(code)
    flo = (await people.sign_up(door, "Flo")).caller
    await flo.pours([json.dumps(ping)] * 1_000)
    await flo.is_closed(4009)


async def plays(house):
    """What was seen of the channel, until the server itself ends."""
    try:
        door = Live(house)
        ana, bo = await evening.plays(door, house)
        await listens(door, ana, bo)
        await is_ended(door)
        await door.settle()
    finally:
        await asyncio.to_thread(house.close)
    await ana.caller.is_closed(1001)
    return door.description


def main():
    description = asyncio.run(plays(House(**evening.SETTINGS)))
    all_is_well = description.tell(to_be_seen(description) - UNSEEN.keys())
    print(f"{len(description.requests)} methods, {len(description.seen)} kinds of frames: "
          f"{'in agreement' if all_is_well else 'disagreement'}")
    return all_is_well


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
