"""An evening at which everything is asked that there is, whatever the door."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "browser"))

import money  # noqa: E402
import people  # noqa: E402
import shop  # noqa: E402
import table  # noqa: E402
from receiver import Receiver  # noqa: E402

# What the server has to be told, for webhooks that come back to this machine.
SETTINGS = {"webhooks_over_http": "true", "webhooks_to_private_addresses": "true"}


async def plays(door, house):
    """Three friends, a shop and the operator; and others, who come and go. Two of the friends stay."""
    nobody = await door.enter()
    await nobody.is_refused("not_signed_in", "me")
    await nobody.leave()
    await people.ceremonies(door)
    await people.comes_and_goes(door)
    ana, bo, cem, owner = [await people.sign_up(door, name) for name in ("Ana", "Bo", "Cem", "Olga")]
    await money.moves(ana, bo)
    await bo.ask("wallets.transfer", wallet=bo.wallet, to=cem.wallet, amount=5_000, idempotency_key="gift")
    noodles = await shop.opens(door, owner)
    await shop.is_staffed(noodles, bo)
    receiver = Receiver()
    try:
        last_message = await shop.tells(noodles, receiver)
        friends = await table.gathers(ana, bo, cem)
        await table.pays(friends, noodles)
        await last_message()
    finally:
        receiver.close()
    await shop.counts(noodles)
    await table.parts(friends)
    operator = await door.enter(house.operator_token())
    assert (await operator.ask("me"))["operator"]
    assert (await operator.ask("operator.stats"))["settled"] == 1
    assert await operator.ask("operator.orders") == {"orders": [], "count": 0}
    assert (await operator.ask("operator.totals"))["balanced"]
    await operator.is_refused("forbidden", "wallets.get", wallet=ana.wallet)
    return ana, bo
